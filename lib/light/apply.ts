// Sets of images in another light: in memory at once, elsewhere as their rows are read.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { rowBytes } from '../data/images.js'
import { type Images, imagesFrom } from '../data/index.js'
import { parseWithControl, seed } from '../options.js'
import { LightField } from './field.js'
import { checkLight, defaultCover, type Light, lightName, share } from './light.js'

const applyOptions = z.strictObject({ seed: seed.default(0).describe('draws what differs between images') })
export const shadowOptions = z.strictObject({
  strength: share.default(0.3).describe('I(x, y) in the shadow, the share of light that is left'),
  cover: share.default(defaultCover).describe("share of each image's pixels in the shadow"),
  seed: seed.default(0).describe("draws the direction that each image's shadow comes from"),
})

/** Strength 0.3 and cover 0.8, as in the paper, and seed 0 by default. */
export type ShadowOptions = z.input<typeof shadowOptions>

interface Control {
  /** Stops the work on images in memory; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/**
 * A set in another light, in bytes again. The images given are untouched. A set in memory gives one in memory; of any other the light falls on rows
 * as they are read.
 * @param options seed: draws what differs between images; 0 by default
 * @throws {OptionError} for an unknown kind or option, or a strength or cover outside 0 to 1
 */
export async function applyLight(
  images: Images,
  light: Light,
  options: z.input<typeof applyOptions> & Control = {},
): Promise<Images> {
  const op = 'applyLight'
  const [{ seed }, { signal }] = parseWithControl(op, applyOptions, options, ['signal'])
  checkLight(op, light)
  return relight(images, light, seed, signal)
}

/**
 * Lays a hard-edged shadow over every image: a half-plane of a random direction that covers round(cover * H * W) pixels exactly is multiplied by
 * `strength` and rounded to bytes again. The images given are untouched. It is `applyLight` with the kind `shadow` and the paper's defaults.
 * Source: Grinberg, Hopfield and Krotov, "Local Unsupervised Learning for Image Analysis", section 5 and figure 3.
 * @throws {OptionError} for an unknown option, or strength or cover outside 0 to 1
 */
export async function applyShadow(images: Images, options: ShadowOptions & Control = {}): Promise<Images> {
  const [{ strength, cover, seed }, { signal }] = parseWithControl('applyShadow', shadowOptions, options, ['signal'])
  return relight(images, { kind: 'shadow', strength, cover }, seed, signal)
}

async function relight(images: Images, light: Light, seed: number, signal?: AbortSignal): Promise<Images> {
  const { shape, targets, pixels } = images
  const stride = rowBytes(shape)
  /** Rows in this light, written over those given. */
  const shine = async (rows: Uint8Array, indexOf: (place: number) => number, stop?: AbortSignal) => {
    for (let place = 0, at = 0; at < rows.length; ++place, at += stride) {
      const field = new LightField(light, [1, shape[1], shape[2], shape[3]], { seed, first: indexOf(place) })
      const image = rows.subarray(at, at + stride)
      image.set(field.apply(image, light.strength, 'u8'))
      if (place % 64 === 63) {
        await new Promise(setImmediate)
        stop?.throwIfAborted()
      }
    }
    return rows
  }
  const name = `${images.name}+${lightName(light, seed)}`
  if (pixels)
    return imagesFrom({ pixels: await shine(pixels.slice(), (place) => place, signal), shape, targets, name }, { signal })
  return {
    name,
    shape,
    sha256: createHash('sha256')
      .update(`${images.sha256}+${lightName(light, seed)}`)
      .digest('hex'),
    targets,
    modified: images.modified,
    pixels: null,
    rows: async (indices, stop) => shine(await images.rows(indices, stop), (place) => indices[place] as number, stop),
  }
}
