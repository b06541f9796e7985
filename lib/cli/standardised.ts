// What is said of the pixels that a network takes.
import type { Standardisation } from '../models/index.js'

const isIdentity = ({ mean, std }: Standardisation): boolean =>
  mean.every((value) => value === 0) && std.every((value) => value === 1)

/** By what images are standardised: `less 0.485, 0.456, 0.406, divided by 0.229, 0.224, 0.225`. */
export function standardisedText(by: Standardisation): string {
  const list = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(4))).join(', ')
  return isIdentity(by) ? 'as they are' : `less ${list(by.mean)}, divided by ${list(by.std)}`
}

/**
 * What becomes of the pixels of a network that begins with other weights.
 * @param own by what it standardises them; null where it has no layer that does
 * @param start by what those of the other weights were; null where nothing says so
 * @param isAnew whether its own are those of its images, and not the start's
 * @returns null where there is nothing to say: neither standardises
 */
export function startText(own: Standardisation | null, start: Standardisation | null, isAnew: boolean): string | null {
  if (own) {
    const whose = isAnew ? "the images' own" : start ? "the start's" : "ImageNet's, as the start names none"
    return `pixels: ${standardisedText(own)} (${whose})`
  }
  if (start === null) return "pixels: not standardised, as weights such as torchvision's expect (--standardise does so)"
  return isIdentity(start)
    ? null
    : `pixels: not standardised, as the start's weights expect (${standardisedText(start)}; --standardise does so)`
}
