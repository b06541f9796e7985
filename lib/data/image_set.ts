// The one shape in memory that every loader returns: planar bytes, never inflated to float.
import { createHash } from 'node:crypto'
import { OptionError, OutOfMemoryError } from '../errors.js'
import { checkInteger } from './options.js'

/** Images in memory with their labels: what every loader and the scene renderer return. */
export interface ImageSet {
  /** Pixels, planar and row-major: [N,C,H,W] bytes, 8-bit sRGB (or grey when C is 1). */
  readonly images: Uint8Array
  /** Class of each image [N], or null where the images carry none. */
  readonly labels: Int32Array | null
  /** [N,C,H,W]. */
  readonly shape: readonly [number, number, number, number]
  /** Class names; `labels` index them. Empty without labels. */
  readonly classes: readonly string[]
  /** What it is, for people: `cifar-10/train`. */
  readonly name: string
  /** SHA-256 (hex) of shape, pixels and labels: the same pictures in the same order have the same one, however they were stored. */
  readonly sha256: string
}

export interface LoadProgress {
  /** Images done. */
  done: number
  /** Images in all. */
  total: number
}

/** Options that every loader takes. */
export interface LoadOptions {
  /** Load at most so many images; all by default. */
  limit?: number | undefined
  /** Stops the loading; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called now and then with the images loaded so far. */
  onProgress?: ((progress: LoadProgress) => void) | undefined
}

export const loadOptionNames = ['limit', 'signal', 'onProgress'] as const

/** Checks the options that every loader takes, and says how many of `available` images to load. */
export function countToLoad(op: string, available: number, options: LoadOptions): number {
  options.signal?.throwIfAborted()
  if (options.limit === undefined) return available
  checkInteger(op, 'limit', options.limit, 1)
  return Math.min(available, options.limit)
}

/** The one allocation of a set's pixels; an OutOfMemoryError instead of a bare RangeError. */
export function allocatePixels(op: string, shape: ImageSet['shape']): Uint8Array<ArrayBuffer> {
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

/** Sets the identity on the parts of a set. Hashes in slices, so that the event loop is not held for longer than a few milliseconds. */
export async function finishImageSet(set: Omit<ImageSet, 'sha256'>, signal?: AbortSignal): Promise<ImageSet> {
  const hash = createHash('sha256').update(`u8[${set.shape.join(',')}]`)
  const slice = 4 << 20
  for (let begin = 0; begin < set.images.length; begin += slice) {
    hash.update(set.images.subarray(begin, begin + slice))
    await new Promise(setImmediate)
    signal?.throwIfAborted()
  }
  if (set.labels) hash.update(new Uint8Array(set.labels.buffer, set.labels.byteOffset, set.labels.byteLength))
  return { ...set, sha256: hash.digest('hex') }
}

/**
 * The chosen images of a set, copied, in the order of `indices`.
 * @throws OptionError for an index that is not in the set
 */
export async function selectImages(
  set: ImageSet,
  indices: ArrayLike<number>,
  options: { name?: string } = {},
): Promise<ImageSet> {
  const [count, channels, height, width] = set.shape
  const stride = channels * height * width
  const shape = [indices.length, channels, height, width] as const
  const images = allocatePixels('selectImages', shape)
  const labels = set.labels ? new Int32Array(indices.length) : null
  for (let to = 0; to < indices.length; ++to) {
    const from = indices[to] as number
    if (!Number.isInteger(from) || from < 0 || from >= count)
      throw new OptionError({
        op: 'selectImages',
        argument: `indices[${to}]`,
        actual: String(from),
        expected: `an image from 0 to ${count - 1}`,
      })
    images.set(set.images.subarray(from * stride, (from + 1) * stride), to * stride)
    if (labels && set.labels) labels[to] = set.labels[from] as number
  }
  return finishImageSet({ images, labels, shape, classes: set.classes, name: options.name ?? `${set.name}[${indices.length}]` })
}
