// Random resized crops (Szegedy et al. 2015), as torchvision's RandomResizedCrop draws them: a part of the image of a random area and aspect,
// resized to the whole. Ten tries find a part that fits in; else it is the largest in the middle whose aspect is in range.
import { type Box, type Extent, resizePlanes } from '../data/resize.js'
import { philox, type Words2 } from '../random.js'

/** Width over height. */
const aspects = { least: 3 / 4, most: 4 / 3 }
const tries = 10

/**
 * The part of image `row` in `epoch`: always the same one under a key.
 * @param least share of the image's area that it has at least
 */
export function cropBox({ height, width }: Extent, least: number, row: number, epoch: number, key: Words2): Box {
  const between = (low: number, high: number, word: number) => low + ((high - low) * word) / 2 ** 32
  const place = (places: number, word: number) => Math.floor(between(0, places, word))
  for (let attempt = 0; attempt < tries; ++attempt) {
    const [a, b, down, right] = philox([row, epoch, 0x72637270, attempt], key)
    const area = height * width * between(least, 1, a)
    const aspect = Math.exp(between(Math.log(aspects.least), Math.log(aspects.most), b))
    const own = { height: Math.round(Math.sqrt(area / aspect)), width: Math.round(Math.sqrt(area * aspect)) }
    if (own.height > 0 && own.height <= height && own.width > 0 && own.width <= width)
      return { ...own, top: place(height - own.height + 1, down), left: place(width - own.width + 1, right) }
  }
  const own = {
    height: Math.min(height, Math.round(width / aspects.least)),
    width: Math.min(width, Math.round(height * aspects.most)),
  }
  return { ...own, top: Math.floor((height - own.height) / 2), left: Math.floor((width - own.width) / 2) }
}

/** That part of planar bytes [C,H,W], resized to [C,H,W]: nothing beside the part shows in it. */
export function resizedCrop(image: Uint8Array, extent: Extent, { top, left, height, width }: Box): Uint8Array {
  const planes = image.length / (extent.height * extent.width)
  const part = new Uint8Array(planes * height * width)
  for (let line = 0; line < planes * height; ++line) {
    const from = (Math.floor(line / height) * extent.height + top + (line % height)) * extent.width + left
    part.set(image.subarray(from, from + width), line * width)
  }
  return resizePlanes(part, { height, width }, extent)
}
