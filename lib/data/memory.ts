// Images in memory: one array of all pixels, never inflated to float.
import { createHash } from 'node:crypto'
import { OptionError, OutOfMemoryError, ShapeError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { ahead } from './ahead.js'
import { batchesOf, checkIndices, type ImageShape, type Images, type LoadControl, rowBytes } from './images.js'
import { checkTargets, hashTargets, type Targets } from './targets.js'

/** @internal The one allocation of a set's pixels; an OutOfMemoryError instead of a bare RangeError. */
export function allocatePixels(op: string, shape: ImageShape): Uint8Array<ArrayBuffer> {
  const bytes = shape.reduce((product, extent) => product * extent, 1)
  try {
    return new Uint8Array(bytes)
  } catch (cause) {
    const actual = `[${shape.join(',')}], ${bytes.toLocaleString('en')} bytes`
    throw new OutOfMemoryError(
      { op, argument: 'images', actual, expected: 'what one array can hold (set limit or a smaller size)' },
      { cause },
    )
  }
}

/** @internal SHA-256 of images, in slices, so that the event loop is not held for longer than a few milliseconds. */
export async function contentHash(
  pixels: Uint8Array,
  shape: ImageShape,
  targets: Targets,
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256').update(`u8[${shape.join(',')}]`)
  const slice = 4 << 20
  for (let begin = 0; begin < pixels.length; begin += slice) {
    hash.update(pixels.subarray(begin, begin + slice))
    await new Promise(setImmediate)
    signal?.throwIfAborted()
  }
  hashTargets(hash, targets)
  return hash.digest('hex')
}

/** Images all of whose pixels are in memory. */
export type InMemoryImages = Images & { readonly pixels: Uint8Array }

/** What `imagesFrom` takes. */
export interface PixelArray {
  /** Bytes [N,C,H,W]; kept, not copied. */
  pixels: Uint8Array
  shape: ImageShape
  /** None by default. */
  targets?: Targets | undefined
  /** `images` by default. */
  name?: string | undefined
}

/**
 * Images from an array of pixels.
 * @throws {ShapeError} when the array is not of the shape's size; {OptionError} when a target is not one value an image
 */
export async function imagesFrom(given: PixelArray, options: { signal?: AbortSignal | undefined } = {}): Promise<InMemoryImages> {
  const op = 'imagesFrom'
  refuseUnknown(op, given, ['pixels', 'shape', 'targets', 'name'])
  refuseUnknown(op, options, ['signal'])
  const { pixels, shape, targets = {}, name = 'images' } = given
  if (!(pixels instanceof Uint8Array))
    throw new OptionError({ op, argument: 'pixels', actual: typeof pixels, expected: 'a Uint8Array' })
  if (shape.length !== 4 || !shape.every((extent) => Number.isInteger(extent) && extent >= 1))
    throw new ShapeError({ op, argument: 'shape', actual: `[${shape.join(',')}]`, expected: '[N,C,H,W], each at least 1' })
  const bytes = shape.reduce((product, extent) => product * extent, 1)
  if (pixels.length !== bytes)
    throw new ShapeError({
      op,
      argument: 'pixels',
      actual: `${pixels.length} bytes`,
      expected: `${bytes}, for [${shape.join(',')}]`,
    })
  checkTargets(op, targets, shape[0])
  const sha256 = await contentHash(pixels, shape, targets, options.signal)
  const stride = rowBytes(shape)
  return {
    name,
    shape,
    sha256,
    targets,
    pixels,
    rows: async (indices, signal) => {
      signal?.throwIfAborted()
      checkIndices('rows', indices, shape[0])
      const out = allocatePixels('rows', [indices.length, shape[1], shape[2], shape[3]])
      for (let to = 0; to < indices.length; ++to) {
        const from = (indices[to] as number) * stride
        out.set(pixels.subarray(from, from + stride), to * stride)
      }
      return out
    },
  }
}

const isInMemory = (images: Images): images is InMemoryImages => images.pixels !== null

/**
 * The same images in memory: as they are where they are already, else read once, from the first to the last.
 * @throws {OutOfMemoryError} when one array cannot hold them, and what reading them throws
 */
export async function inMemory(images: Images, control: LoadControl = {}): Promise<InMemoryImages> {
  refuseUnknown('inMemory', control, ['signal', 'onProgress'])
  if (isInMemory(images)) return images
  const { name, shape, targets } = images
  const { signal, onProgress } = control
  const pixels = allocatePixels('inMemory', shape)
  const stride = rowBytes(shape)
  const batch = Math.max(1, Math.min(64, Math.floor(2 ** 24 / stride)))
  for await (const { rows, pixels: some } of ahead(images, batchesOf(shape[0], batch), { signal })) {
    const first = rows[0] as number
    pixels.set(some, first * stride)
    onProgress?.({ done: first + rows.length, total: shape[0] })
    signal?.throwIfAborted()
  }
  return imagesFrom({ name, shape, targets, pixels }, { signal })
}
