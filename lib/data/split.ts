import { z } from 'zod'
import { parseOptions, seed as seedOption, whole } from '../options.js'
import { Permutation } from '../random.js'

const splitArguments = z.strictObject({ fraction: z.number().min(0).max(1), seed: seedOption, n: whole(0) })

/** Image numbers of the two parts, each ascending. */
export interface TrainValidationSplit {
  train: Int32Array
  validation: Int32Array
}

/**
 * Splits images into a training and a validation part by a seeded draw, stratified: every class gives the same fraction, and the parts'
 * sizes are exact (round(fraction * N) validation images; the classes with the largest remainders give the odd ones).
 * @param labels class of each image [N], or N alone for a draw without classes
 * @param fraction share of the validation part, from 0 to 1
 * @param seed the same seed gives the same split
 * @throws {OptionError} for a fraction or count out of range
 */
export function splitTrainValidation(labels: ArrayLike<number> | number, fraction: number, seed: number): TrainValidationSplit {
  const op = 'splitTrainValidation'
  const count = typeof labels === 'number' ? labels : labels.length
  parseOptions(op, splitArguments, { fraction, seed, n: count })

  const members = new Map<number, number[]>()
  for (let i = 0; i < count; ++i) {
    const label = typeof labels === 'number' ? 0 : (labels[i] as number)
    const list = members.get(label)
    if (list) list.push(i)
    else members.set(label, [i])
  }
  const strata = [...members]
    .sort(([a], [b]) => a - b)
    .map(([label, indices]) => {
      const share = fraction * indices.length
      return { label, indices, take: Math.floor(share), remainder: share - Math.floor(share) }
    })
  let missing = Math.round(fraction * count) - strata.reduce((sum, stratum) => sum + stratum.take, 0)
  for (const stratum of [...strata].sort((a, b) => b.remainder - a.remainder || a.label - b.label))
    if (missing > 0 && stratum.take < stratum.indices.length) {
      ++stratum.take
      --missing
    }

  const isValidation = new Uint8Array(count)
  for (const { label, indices, take } of strata) {
    const permutation = new Permutation(indices.length, seed, label)
    for (let i = 0; i < take; ++i) isValidation[indices[permutation.at(i)] as number] = 1
  }
  const all = Int32Array.from({ length: count }, (_, i) => i)
  return { train: all.filter((i) => !isValidation[i]), validation: all.filter((i) => isValidation[i]) }
}

/**
 * Splits images so that those of a group stay together: objects, say, so that validation is on ones that training never shows. Groups are drawn as
 * {@link splitTrainValidation} draws images, stratified where no group has images of two classes.
 * @param groups group of each image [N]
 * @param labels class of each image [N], or null
 * @param fraction share of the groups, from 0 to 1
 */
export function splitGroups(
  groups: ArrayLike<number>,
  labels: ArrayLike<number> | null,
  fraction: number,
  seed: number,
): TrainValidationSplit {
  const firsts = new Map<number, number>()
  for (let i = 0; i < groups.length; ++i) if (!firsts.has(groups[i] as number)) firsts.set(groups[i] as number, i)
  const all = Array.from(groups, (_, i) => i)
  const isOfOneClass = labels !== null && all.every((i) => labels[i] === labels[firsts.get(groups[i] as number) as number])
  const { validation } = splitTrainValidation(
    isOfOneClass ? Array.from(firsts.values(), (i) => labels[i] as number) : firsts.size,
    fraction,
    seed,
  )
  const names = [...firsts.keys()]
  const held = new Set(Array.from(validation, (at) => names[at]))
  const part = (isHeld: boolean) => Int32Array.from(all.filter((i) => held.has(groups[i] as number) === isHeld))
  return { train: part(false), validation: part(true) }
}

/** Of each image, how many of its class stand before it. */
export function turnsOf(labels: ArrayLike<number>): number[] {
  const seen = new Map<number, number>()
  return Array.from(labels, (label) => {
    const before = seen.get(label) ?? 0
    seen.set(label, before + 1)
    return before
  })
}

/** The first `count` images of each class, in their order. */
export function firstOfEach(labels: ArrayLike<number>, count: number): Int32Array {
  const turns = turnsOf(labels)
  return Int32Array.from(turns, (_, i) => i).filter((i) => (turns[i] as number) < count)
}
