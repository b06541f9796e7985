// The best that any prediction of noisy responses could reach, and the ways in which scores are put beside it.
import { z } from 'zod'
import type { Responses, Trials } from '../data/index.js'
import { checkResponses } from '../data/neural/responses.js'
import { DataError } from '../errors.js'
import { parseOptions, seed, whole } from '../options.js'
import { shuffled } from '../random.js'
import { aggregate, aggregations, deviationOf, pearson } from './correlation.js'
import type { Score } from './score.js'

export const noiseCeilingOptions = z.strictObject({
  method: z
    .enum(['split-half', 'ncsnr'])
    .default('split-half')
    .describe('reliability by halves of the repeats, or the share of variance that is signal, as of the Natural Scenes Dataset'),
  splits: whole(1).default(100).describe('halvings of the repeats, of which the mean is taken'),
  seed: seed.default(0).describe('of the halvings'),
  aggregate: z.enum(aggregations).default('median').describe('over targets'),
})

export interface NoiseCeilingOptions extends z.input<typeof noiseCeilingOptions> {}

export interface NoiseCeiling {
  /** Its `value` is the reliability of the mean responses (or NSD's ceiling, in percent); its `ceiling` the r of a perfect prediction. */
  score: Score
  /** The same of each target; NaN where it could not be told. */
  perTarget: number[]
}

const stream = 0x68616c66

/** Reliability of k times as many repeats, by Spearman and Brown: k r / (1 + (k - 1) r). */
export const spearmanBrown = (r: number, k = 2): number => (k * r) / (1 + (k - 1) * r)

/**
 * The noise ceiling of responses to repeated images.
 * `split-half`: the repeats of every image are halved at random, r of the halves' means over images, its mean over halvings brought to all repeats by
 * Spearman and Brown. `ncsnr` (Allen et al. 2022): with all trials of a target standardised, noise variance = mean over images of the variance over
 * repeats (n - 1), signal variance = max(0, 1 - noise variance), ncsnr = the ratio of their deviations, ceiling = 100 ncsnr^2 / (ncsnr^2 + mean of
 * 1 / repeats) percent; trials that are standardised by recording day already stay so.
 * @throws {DataError} when the responses have no repeats; {OptionError} for an option that is unknown or out of range
 */
export function noiseCeiling(responses: Responses, options: NoiseCeilingOptions = {}): NoiseCeiling {
  const op = 'noiseCeiling'
  const { method, splits, seed, aggregate: how } = parseOptions(op, noiseCeilingOptions, options)
  checkResponses(op, responses)
  const { name, sha256 } = responses
  const trials = repeatedTrials(responses)
  const { images, targets, repeats } = trials
  const base = {
    unit: method === 'ncsnr' ? '%' : '',
    seed: method === 'ncsnr' ? null : seed,
    model: 'no network',
    data: { name, sha256 },
  }
  const raw = { images, targets, repeats }
  const spreadOf = (values: ArrayLike<number>) => {
    const known = Array.from(values).filter((value) => !Number.isNaN(value))
    return { value: deviationOf(known) / Math.sqrt(known.length), over: `${known.length} targets (standard error)` }
  }
  if (method === 'ncsnr') {
    const found = repeatsOf(trials).map(signalToNoise)
    const perTarget = found.map(({ ceiling }) => ceiling)
    const value = aggregate(perTarget, how)
    const score: Score = {
      ...base,
      name: 'noise ceiling',
      value,
      raw: {
        ...raw,
        ncsnr: aggregate(
          found.map(({ ratio }) => ratio),
          how,
        ),
      },
      ceiling: { value: Math.sqrt(value / 100), formula: 'square root of the share of variance that is signal' },
      spread: spreadOf(perTarget),
    }
    return { score, perTarget }
  }
  const halves = splitHalves(trials, splits, seed)
  const perTarget = halves.map((r) => spearmanBrown(r))
  const value = aggregate(perTarget, how)
  const score: Score = {
    ...base,
    name: 'reliability',
    value,
    raw: { ...raw, splits, halves: aggregate(halves, how) },
    ceiling: {
      value: aggregate(
        perTarget.map((reliability) => Math.sqrt(Math.max(0, reliability))),
        how,
      ),
      formula: `square root of the reliability of the mean over repeats: r of random halves (${splits} of them), by Spearman and Brown; ${how} over targets`,
    },
    spread: spreadOf(perTarget),
  }
  return { score, perTarget }
}

/**
 * @internal The single responses that a ceiling is of.
 * @throws {DataError} when the responses have no repeats
 */
export function repeatedTrials({ name, trials }: Responses): Trials {
  if (trials && trials.repeats > 1) return trials
  throw new DataError({
    op: 'noiseCeiling',
    argument: name,
    actual: 'without repeats',
    expected: 'single responses to repeated images',
  })
}

/** The repeats that there are, of every target and image. */
function repeatsOf({ images, targets, repeats, data }: Trials): Float64Array[][] {
  return Array.from({ length: targets }, (_, target) =>
    Array.from({ length: images }, (_, image) => {
      const first = (image * targets + target) * repeats
      return data.subarray(first, first + repeats).filter((value) => !Number.isNaN(value))
    }),
  )
}

const meanOf = (values: ArrayLike<number>): number => aggregate(values, 'mean')

/** Targets that are halved together: the repeats of neighbours lie beside each other. */
const together = 64

/**
 * Of each target the mean over halvings of r of the halves' means, over the images with two repeats or more. The repeats of an image that there are
 * fall to the halves in turn, in an order that is drawn for the image; of an odd number the one half has one more, or the other.
 */
function splitHalves({ images, targets, repeats, data }: Trials, splits: number, seed: number): number[] {
  const places = Array.from({ length: repeats }, (_, i) => i)
  const sums = new Float64Array(targets)
  const counts = new Float64Array(targets)
  // Means of both halves, [targets, images that have both], and how many of these there are.
  const [a, b] = [new Float64Array(together * images), new Float64Array(together * images)]
  const known = new Int32Array(together)
  for (let split = 0; split < splits; ++split) {
    const orders = Array.from({ length: images }, (_, image) => shuffled(places, split * images + image, stream, seed))
    for (let first = 0; first < targets; first += together) {
      const some = Math.min(together, targets - first)
      known.fill(0)
      for (let image = 0; image < images; ++image) {
        const order = orders[image] as number[]
        for (let i = 0; i < some; ++i) {
          const own = (image * targets + first + i) * repeats
          let sumA = 0
          let sumB = 0
          let manyA = 0
          let manyB = 0
          let isB = split % 2 === 1
          for (let k = 0; k < repeats; ++k) {
            const value = data[own + (order[k] as number)] as number
            if (Number.isNaN(value)) continue
            if (isB) {
              sumB += value
              ++manyB
            } else {
              sumA += value
              ++manyA
            }
            isB = !isB
          }
          if (manyA === 0 || manyB === 0) continue
          const at = i * images + (known[i] as number)
          a[at] = sumA / manyA
          b[at] = sumB / manyB
          known[i] = (known[i] as number) + 1
        }
      }
      for (let i = 0; i < some; ++i) {
        const [begin, end] = [i * images, i * images + (known[i] as number)]
        const r = pearson(a.subarray(begin, end), b.subarray(begin, end))
        if (Number.isNaN(r)) continue
        sums[first + i] = (sums[first + i] as number) + r
        counts[first + i] = (counts[first + i] as number) + 1
      }
    }
  }
  return Array.from(sums, (sum, target) => sum / (counts[target] as number))
}

function signalToNoise(known: readonly Float64Array[]): { ratio: number; ceiling: number } {
  const all = known.flatMap((values) => [...values])
  const variance = deviationOf(all) ** 2
  const repeated = known.filter((values) => values.length > 1)
  if (!(variance > 0) || repeated.length === 0) return { ratio: Number.NaN, ceiling: Number.NaN }
  const noise = meanOf(repeated.map((values) => deviationOf(values) ** 2)) / variance
  const signal = Math.max(0, 1 - noise)
  const ratio = Math.sqrt(signal / noise)
  const share = meanOf(known.filter((values) => values.length > 0).map((values) => 1 / values.length))
  return { ratio, ceiling: noise === 0 ? 100 : (100 * ratio ** 2) / (ratio ** 2 + share) }
}

/** Ways in which a correlation is put beside its ceiling. */
export const normalisations = {
  /** Brain-Score until the end of 2025: (r / c)^2, c being the reliability of the mean responses. */
  'brain-score-2025': { formula: '(r / c)^2', of: (r: number, c: number) => (r / c) ** 2 },
  /** Brain-Score since: r^2 / c. */
  'brain-score': { formula: 'r^2 / c', of: (r: number, c: number) => r ** 2 / c },
  /** r over that of a perfect prediction: r / sqrt(c). */
  'root-ceiling': { formula: 'r / sqrt(c)', of: (r: number, c: number) => r / Math.sqrt(c) },
  /** The Natural Scenes Dataset's: r^2 / (NC / 100), NC in percent. */
  nsd: { formula: 'r^2 / (NC / 100)', of: (r: number, c: number) => r ** 2 / (c / 100) },
} as const

export type Normalisation = keyof typeof normalisations

/**
 * A correlation beside its ceiling, never clipped: noise may bring it over 1.
 * @param r of a prediction with measured responses
 * @param c reliability of the mean responses; of `nsd` the noise ceiling in percent
 */
export const normaliseScore = (r: number, c: number, by: Normalisation): number => normalisations[by].of(r, c)
