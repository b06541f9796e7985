import type { ImageSet } from '../data/image_set.js'
import { checkInteger, refuseUnknownOptions } from '../data/options.js'
import { checkLight, type Light, relight } from './light.js'

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
 * `strength` and rounded to bytes again. The images given are untouched. It is `applyLight` with the kind `shadow` and the paper's defaults.
 * Source: Grinberg, Hopfield and Krotov, "Local Unsupervised Learning for Image Analysis", section 5 and figure 3.
 * @throws OptionError for an unknown option, or strength or cover outside 0 to 1
 */
export async function applyShadow(set: ImageSet, options: ShadowOptions = {}): Promise<ImageSet> {
  const op = 'applyShadow'
  refuseUnknownOptions(op, options, ['strength', 'cover', 'seed'])
  const { strength = 0.3, cover = 0.8, seed = 0 } = options
  const light: Light = { kind: 'shadow', strength, cover }
  checkLight(op, light)
  checkInteger(op, 'seed', seed, 0)
  return relight(op, set, light, seed)
}
