// Rows of a set out of decoded images: each image one row, or cut into tiles that keep its pixels as they are.
import { DataError } from '../errors.js'
import { type Decoded, type Decoding, type Extent, measure } from './decode.js'
import { allDone, type Gate } from './gate.js'
import { selectTargets, type Targets } from './targets.js'

/** How images become rows of one size. */
export interface Cut extends Extent {
  /** Rows. */
  readonly count: number
  /** Where a row is taken from. */
  at(row: number): { image: number; top: number; left: number }
  /** The images' targets, for every row. */
  spread(targets: Targets): Targets
  /** What of this shapes the pixels, beside the options. */
  readonly shaping: object
}

/** What is cut: encoded images. */
interface Uncut {
  readonly count: number
  /** Whether images of several sizes become tiles where nothing is said of either. */
  readonly tilesWhereSizesDiffer?: boolean
  where(index: number): string
  read(index: number, signal?: AbortSignal): Promise<Uint8Array>
}

/** Every image as it is. */
export function wholeImages(count: number, { height, width }: Extent): Cut {
  return { count, height, width, at: (row) => ({ image: row, top: 0, left: 0 }), spread: (targets) => targets, shaping: {} }
}

/** Side of tiles where none is given and all images are larger. */
const usualSide = 64

/**
 * Tiles of images of any sizes: on a grid from the top left, the last ones in each direction moved back to end with the image, so that every pixel
 * lies in one and none is made up. null where the images are not to be cut.
 * @throws {DataError} naming the image that is smaller than a tile
 */
export async function tilesOf(
  op: string,
  encoded: Uncut,
  options: Decoding,
  gate: Gate,
  signal: AbortSignal | undefined,
): Promise<Cut | null> {
  const { size, fit } = options
  const mayCut = fit === undefined && size === undefined && encoded.tilesWhereSizesDiffer === true
  if (fit !== 'tile' && !mayCut) return null
  const heights = new Int32Array(encoded.count)
  const widths = new Int32Array(encoded.count)
  const one = async (index: number) => {
    signal?.throwIfAborted()
    const { height, width } = await measure(op, encoded.where(index), await encoded.read(index, signal), options)
    heights[index] = height
    widths[index] = width
  }
  await allDone(Array.from(heights, (_, index) => gate.run(() => one(index))))
  if (mayCut && heights.every((height) => height === heights[0]) && widths.every((width) => width === widths[0])) return null
  const smallest = [heights, widths].reduce((least, sides) => sides.reduce((a, b) => Math.min(a, b), least), usualSide)
  const [height, width] = size === undefined ? [smallest, smallest] : typeof size === 'number' ? [size, size] : size
  const starts = new Float64Array(encoded.count + 1)
  for (let image = 0; image < encoded.count; ++image) {
    const [h, w] = [heights[image] as number, widths[image] as number]
    if (h < height || w < width)
      throw new DataError({
        op,
        argument: encoded.where(image),
        actual: `${w} x ${h} pixels`,
        expected: `at least ${width} x ${height}, for tiles of that size`,
      })
    starts[image + 1] = (starts[image] as number) + Math.ceil(h / height) * Math.ceil(w / width)
  }
  return {
    count: starts[encoded.count] as number,
    height,
    width,
    at: (row) => {
      const image = lastAtMost(starts, row)
      const columns = Math.ceil((widths[image] as number) / width)
      const tile = row - (starts[image] as number)
      const top = Math.min(Math.floor(tile / columns) * height, (heights[image] as number) - height)
      const left = Math.min((tile % columns) * width, (widths[image] as number) - width)
      return { image, top, left }
    },
    spread: (targets) => {
      const images = new Int32Array(starts[encoded.count] as number)
      for (let image = 0; image < encoded.count; ++image) images.fill(image, starts[image], starts[image + 1])
      return selectTargets(targets, images)
    },
    shaping: { tiles: [height, width] },
  }
}

/** The last index whose value is at most `value`, of ascending ones. */
function lastAtMost(ascending: Float64Array, value: number): number {
  let [low, high] = [0, ascending.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((ascending[middle] as number) <= value) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * Writes a piece of an image planar: red, green and blue, or the one plane of grey (Rec. 601, rounded, so that grey stays as it is).
 * @param offset first byte in `out`
 */
export function fillCut(
  { data, width: stride }: Decoded,
  { top, left }: { top: number; left: number },
  { height, width }: Extent,
  grey: boolean,
  out: Uint8Array,
  offset: number,
): void {
  const plane = height * width
  for (let y = 0, to = offset; y < height; ++y)
    for (let x = 0, at = 3 * ((top + y) * stride + left); x < width; ++x, ++to, at += 3) {
      const [r, g, b] = [data[at] as number, data[at + 1] as number, data[at + 2] as number]
      if (grey) out[to] = (19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16
      else {
        out[to] = r
        out[to + plane] = g
        out[to + 2 * plane] = b
      }
    }
}
