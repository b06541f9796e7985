import { allocatePixels, finishImageSet, type ImageSet } from '../data/image_set.js'
import { checkInteger, checkNumber, refuseUnknownOptions } from '../data/options.js'
import { draw } from './draw.js'

export interface ShadowOptions {
  /** I(x, y) in the shadow, the share of light that is left: 0.3 by default, as in the paper. */
  strength?: number | undefined
  /** Share of each image's pixels in the shadow: 0.8 by default, as in the paper. */
  cover?: number | undefined
  /** Draws the direction that each image's shadow comes from; 0 by default. */
  seed?: number | undefined
}

/**
 * Lays a hard-edged shadow over every image: a half-plane of a random direction that covers round(cover * H * W) pixels exactly is multiplied by
 * `strength` and rounded to bytes again. The images given are untouched.
 * Source: Grinberg, Hopfield and Krotov, "Local Unsupervised Learning for Image Analysis", section 5 and figure 3.
 * @throws OptionError for an unknown option, or strength or cover outside 0 to 1
 */
export async function applyShadow(set: ImageSet, options: ShadowOptions = {}): Promise<ImageSet> {
  const op = 'applyShadow'
  refuseUnknownOptions(op, options, ['strength', 'cover', 'seed'])
  const { strength = 0.3, cover = 0.8, seed = 0 } = options
  checkNumber(op, 'strength', strength, 0, 1)
  checkNumber(op, 'cover', cover, 0, 1)
  checkInteger(op, 'seed', seed, 0)
  const [count, channels, height, width] = set.shape
  const plane = height * width
  const shaded = Math.round(cover * plane)
  const images = allocatePixels(op, set.shape)
  images.set(set.images)
  const darker = Uint8Array.from({ length: 256 }, (_, value) => Math.round(value * strength))
  const depth = new Float64Array(plane)
  for (let n = 0; n < count && shaded > 0; ++n) {
    const angle = ((draw(n, 0x73686164, seed)[0] as number) / 2 ** 32) * 2 * Math.PI
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    // Pixels at the same depth (only along the axes) are told apart by a shift far below a pixel.
    for (let i = 0; i < plane; ++i) depth[i] = (i % width) * cos + Math.floor(i / width) * sin + i * 1e-9
    const edge = depth.slice().sort()[shaded - 1] as number
    for (let i = 0; i < plane; ++i)
      if ((depth[i] as number) <= edge)
        for (let c = 0, at = n * channels * plane + i; c < channels; ++c, at += plane)
          images[at] = darker[images[at] as number] as number
    if (n % 64 === 63) await new Promise(setImmediate)
  }
  const { labels, shape, classes } = set
  return finishImageSet({ images, labels, shape, classes, name: `${set.name}+shadow(${strength},${cover},seed-${seed})` })
}
