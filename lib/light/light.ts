// Changes of light: what they are, and how they are written.
import { z } from 'zod'
import { OptionError } from '../errors.js'
import { parseOptions } from '../options.js'

export const lightKinds = ['shadow', 'smooth', 'colour', 'contrast', 'noise'] as const
export type LightKind = (typeof lightKinds)[number]

/** @internal A number from 0 to 1. */
export const share = z.number().min(0).max(1)

/** The schema of a {@link Light}. */
export const lightOptions = z.strictObject({
  kind: z.enum(lightKinds).describe('kind of light'),
  strength: share.describe("share of light or contrast left where most is taken; noise's standard deviation"),
  cover: share.optional().describe("share of each image's pixels in the shadow, 0.8 by default; shadow only"),
})

/**
 * A change of light. With v a pixel's byte, s the strength and g drawn for each image:
 *
 * | kind | pixel becomes | drawn |
 * | --- | --- | --- |
 * | `shadow` | v I, I = s in the shadow, 1 outside | a half-plane of random direction that covers round(cover H W) pixels exactly; a hard edge |
 * | `smooth` | v I, I = s + (1 - s) g(x, y) | g: four plane waves, sum of cos(2 pi f (x cos a + y sin a) / max(H, W) + p), f from 0.25 to 1, a and p from 0 to 2 pi, all uniform, scaled so that its least value in the image is 0 and its largest 1 |
 * | `colour` | v I of its channel, I = s + (1 - s) g | g of the channels in random order: 0, 1, the others uniform between; a grey image is dimmed to s |
 * | `contrast` | m + s (v - m) | nothing; m is the mean of the image's channel |
 * | `noise` | v + 255 s z, held between 0 and 255 as by a sensor | z: a normal number for every pixel and channel |
 *
 * So s is the share of light (or contrast) left where most is taken, 1 leaving the image as it is; for `noise` it is the standard deviation in
 * units of the full range, 0 leaving the image as it is. Light acts on pixel values as they are stored (sRGB), as in the paper.
 * Source: `shadow` with s = 0.3 and cover 0.8, and the factor I(x, y) between 0 and 1, are those of Grinberg, Hopfield and Krotov, "Local
 * Unsupervised Learning for Image Analysis", section 5 and figure 3; contrast about the mean is that of Hendrycks and Dietterich, "Benchmarking
 * Neural Network Robustness to Common Corruptions and Perturbations", 2019.
 */
export type Light = z.input<typeof lightOptions>

/** What pixels become: `u8` rounded to bytes again, or `f32` from 0 to 1, not rounded. */
export type LightFormat = 'u8' | 'f32'

/** Share of an image in the shadow of the paper's figure 3. */
export const defaultCover = 0.8

/** The strength at which a light leaves every image as it is. */
export function unchangedStrength(kind: LightKind): number {
  return kind === 'noise' ? 0 : 1
}

/**
 * Refuses a light that cannot be.
 * @throws {OptionError} naming what is unknown or out of range
 */
export function checkLight(op: string, light: Light): Light {
  const checked = parseOptions(op, lightOptions, light)
  const { kind, cover } = checked
  if (cover !== undefined && kind !== 'shadow')
    throw new OptionError({ op, argument: 'cover', actual: `given for '${kind}'`, expected: "a cover for 'shadow' alone" })
  return checked
}

/** A light in a few characters, for the names of sets: `shadow(0.3,0.8,seed-0)`. */
export function lightName({ kind, strength, cover = defaultCover }: Light, seed: number): string {
  return `${kind}(${kind === 'shadow' ? `${strength},${cover}` : strength},seed-${seed})`
}
