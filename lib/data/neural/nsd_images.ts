// The images of the Natural Scenes Dataset as a source of rows, out of the one file of 40 GB that holds them all.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { DataError, OptionError } from '../../errors.js'
import { parseOptions } from '../../options.js'
import { decodeOptions } from '../decode.js'
import { encodedOptions } from '../encoded.js'
import { modifiedOf } from '../files.js'
import { checkIndices, type Images } from '../images.js'
import { allocatePixels } from '../memory.js'
import { resizeBilinear } from '../resize.js'
import { fillCut } from '../tiles.js'
import type { RecordingOptions } from './folder.js'
import { type Hdf5Dataset, Hdf5File } from './hdf5.js'

export const nsdImagesOptions = z.strictObject({
  size: decodeOptions.size.describe(
    'side in pixels that the images of 425 pixels are brought to, bilinearly, or height and width',
  ),
  grey: encodedOptions.grey,
  negative: z
    .boolean()
    .default(false)
    .describe(
      'values v as 256 - v (0 stays 0), as an error of the published code of Passi and Bonner feeds them: for comparison with it alone',
    ),
})

export interface NsdImagesOptions extends z.input<typeof nsdImagesOptions> {}

/**
 * What of options for pictures of any kind these images, square and resized bilinearly, are opened with.
 * @throws {OptionError} where another filter is asked for, or a way to bring them to another aspect
 */
export function nsdShaping(
  op: string,
  { size, grey, fit = 'fill', resize = 'bilinear' }: Pick<RecordingOptions, 'size' | 'grey' | 'fit' | 'resize'>,
): NsdImagesOptions {
  const isSquare = !Array.isArray(size) || size[0] === size[1]
  if (resize === 'bilinear' && (fit === 'fill' || isSquare)) return { size, grey: grey ?? false }
  throw new OptionError({
    op,
    argument: 'resize, fit',
    actual: `${resize}, ${fit}`,
    expected: `bilinear (--resize)${isSquare ? '' : ', and fill (--fit)'}, for images of the Natural Scenes Dataset`,
  })
}

const op = 'openNsdImages'
const name = 'imgBrick'

function brickOf(file: Hdf5File): Hdf5Dataset {
  const brick = file.dataset(name, 4)
  if (brick.shape[3] === 3 && brick.shape.every((extent) => extent > 0)) return brick
  throw file.refuse(`one whose '${name}' is of shape [${brick.shape}]`, '[images, height, width, 3]')
}

/** One image as it is stored, interleaved [H,W,3]. */
function readImage(file: Hdf5File, brick: Hdf5Dataset, id: number): Uint8Array {
  const found = brick.numbers([[id, id + 1], null, null, null])
  if (found instanceof Uint8Array) return found
  throw file.refuse(`one whose '${name}' is of another element type`, 'bytes in it')
}

/**
 * Images of the Natural Scenes Dataset, read from `nsd_stimuli.hdf5` one by one as they are asked for.
 * @param ids numbers of images (`nsdId`, from 0), in the order that the rows are to have
 * @throws {DataError} naming the file that is missing or holds no images; {OptionError} for a number that is none of its images
 */
export async function openNsdImages(path: string, ids: ArrayLike<number>, options: NsdImagesOptions = {}): Promise<Images> {
  const { size, grey, negative } = parseOptions(op, nsdImagesOptions, options)
  const own = Int32Array.from(ids)
  using file = await Hdf5File.open(op, path)
  const brick = brickOf(file)
  const [images = 0, height = 0, width = 0] = brick.shape
  checkIndices(op, ids, images)
  if (own.length === 0) throw new DataError({ op, argument: 'ids', actual: 'an empty list', expected: 'numbers of images' })
  const to =
    size === undefined
      ? { height, width }
      : typeof size === 'number'
        ? { height: size, width: size }
        : { height: size[0], width: size[1] }
  const isSame = to.height === height && to.width === width
  const channels = grey ? 1 : 3
  const stride = channels * to.height * to.width

  const shaping = [...(isSame ? [] : [`bilinear, to ${to.height} x ${to.width} by fill`]), ...(negative ? ['as negatives'] : [])]

  // The whole file would take minutes to read: its first, middle and last images of the list stand for it.
  const hash = createHash('sha256').update(JSON.stringify([brick.shape, { size: [to.height, to.width], grey, negative }]))
  hash.update(new Uint8Array(own.buffer))
  for (const at of [0, own.length >> 1, own.length - 1]) hash.update(readImage(file, brick, own[at] as number))

  return {
    name: 'nsd',
    shape: [own.length, channels, to.height, to.width],
    sha256: hash.digest('hex'),
    targets: {},
    modified: (signal) => modifiedOf(op, [path], signal),
    pixels: null,
    shaping: shaping.length > 0 ? shaping.join(', ') : undefined,
    rows: async (indices, signal) => {
      signal?.throwIfAborted()
      checkIndices('rows', indices, own.length)
      const out = allocatePixels('rows', [indices.length, channels, to.height, to.width])
      using open = await Hdf5File.open(op, path)
      const stored = brickOf(open)
      // As they lie in the file.
      const order = Int32Array.from({ length: indices.length }, (_, i) => i)
      order.sort((a, b) => (own[indices[a] as number] as number) - (own[indices[b] as number] as number))
      for (const place of order) {
        await new Promise(setImmediate)
        signal?.throwIfAborted()
        const found = readImage(open, stored, own[indices[place] as number] as number)
        if (negative) for (let i = 0; i < found.length; ++i) found[i] = -(found[i] as number)
        const data = isSame ? found : resizeBilinear(found, { height, width }, to)
        fillCut({ ...to, data }, { top: 0, left: 0 }, to, grey, out, place * stride)
      }
      return out
    },
  }
}
