// Representational dissimilarity: how unlike the patterns are that each pair of images calls forth. Pairs i < j, row by row.
import type { Trials } from '../data/index.js'
import { cpu, type Device } from '../device.js'
import { refuseUnknown } from '../options.js'
import { pearson, rhoA, spearman, tauA } from './correlation.js'
import type { FeatureRows } from './kernel.js'
import { type Matrix, matrix, product } from './matrix.js'

export const distances = ['correlation', 'euclidean'] as const
export type Distance = (typeof distances)[number]

/** Columns that are widened to doubles at a time. */
const stretch = 4096

/**
 * Dissimilarities of the patterns of images: `correlation`, 1 - Pearson's r of two patterns; `euclidean`, the mean over features of their squared
 * difference. NaN of a pattern that is constant, for which there is no r.
 */
export async function rdmOf(
  features: Omit<FeatureRows, 'data'> & { readonly data: Float32Array | Float64Array },
  distance: Distance,
  device: Device,
): Promise<Float64Array> {
  const { count, size, data } = features
  const centre = new Float64Array(count)
  const shift = new Float64Array(size)
  for (let i = 0, at = 0; i < count; ++i)
    for (let j = 0; j < size; ++j, ++at) {
      centre[i] = (centre[i] as number) + (data[at] as number) / size
      shift[j] = (shift[j] as number) + (data[at] as number) / count
    }
  // Of Euclidean distances, what is taken off all patterns changes nothing but keeps their digits.
  const taken = distance === 'correlation' ? (i: number) => centre[i] as number : (_: number, j: number) => shift[j] as number
  const products = matrix(count, count)
  for (let first = 0; first < size; first += stretch) {
    const part = matrix(count, Math.min(stretch, size - first))
    for (let i = 0, at = 0; i < count; ++i)
      for (let j = first; j < first + part.columns; ++j, ++at) part.data[at] = (data[i * size + j] as number) - taken(i, j)
    const sum = await product(part, part, device, { transposeB: true })
    for (let at = 0; at < sum.data.length; ++at) products.data[at] = (products.data[at] as number) + (sum.data[at] as number)
  }
  const at = (i: number, j: number) => products.data[i * count + j] as number
  const rounding = data instanceof Float64Array ? 1e-15 : 1e-7
  const isFlat = (i: number) => !(at(i, i) > size * (rounding * (centre[i] as number)) ** 2)
  return pairs(count, (i, j) =>
    distance === 'euclidean'
      ? (at(i, i) + at(j, j) - 2 * at(i, j)) / size
      : isFlat(i) || isFlat(j)
        ? Number.NaN
        : 1 - at(i, j) / Math.sqrt(at(i, i) * at(j, j)),
  )
}

/** A number for every pair i < j. */
function pairs(count: number, of: (i: number, j: number) => number): Float64Array {
  const out = new Float64Array((count * (count - 1)) / 2)
  for (let i = 0, at = 0; i < count; ++i) for (let j = i + 1; j < count; ++j, ++at) out[at] = of(i, j)
  return out
}

/**
 * Crossnobis dissimilarities of repeated responses: for every repeat m, with A the mean of the other repeats and B repeat m, the sum over targets of
 * (A_i - A_j) (B_i - B_j) / S, and the mean of its terms over all repeats and targets. Without bias: noise alone gives 0 on average, and single ones may be
 * negative. A response that an image lacks takes no part in its pairs; NaN of two images that share no target with two repeats of each.
 * @param options noise: S is nothing (`none`) or the variance of each target over repeats (`diagonal`, the default)
 */
export async function crossnobis(
  { images, targets, repeats, data }: Trials,
  options: { noise?: 'none' | 'diagonal'; device?: Device } = {},
): Promise<Float64Array> {
  refuseUnknown('crossnobis', options, ['noise', 'device'])
  const { noise = 'diagonal', device = cpu() } = options
  const weights = noise === 'diagonal' ? noiseVariances({ images, targets, repeats, data }).map((v) => 1 / v) : null
  const sums = new Float64Array((images * (images - 1)) / 2)
  const counts = new Float64Array(sums.length)
  for (let m = 0; m < repeats; ++m) {
    // What is not there is 0 in all of them.
    const [a, b, both, known] = Array.from({ length: 4 }, () => matrix(images, targets)) as [Matrix, Matrix, Matrix, Matrix]
    for (let at = 0; at < images * targets; ++at) {
      const own = data.subarray(at * repeats, (at + 1) * repeats)
      const others = own.filter((value, k) => k !== m && !Number.isNaN(value))
      if (Number.isNaN(own[m]) || others.length === 0) continue
      known.data[at] = 1
      a.data[at] = others.reduce((sum, value) => sum + value, 0) / others.length
      b.data[at] = (own[m] as number) * (weights?.[at % targets] ?? 1)
      both.data[at] = (a.data[at] as number) * (b.data[at] as number)
    }
    // Of the targets that are known of both images.
    const [cross, square, shared] = (await Promise.all(
      (
        [
          [a, b],
          [both, known],
          [known, known],
        ] as const
      ).map(([x, y]) => product(x, y, device, { transposeB: true })),
    )) as [Matrix, Matrix, Matrix]
    for (let i = 0, place = 0; i < images; ++i)
      for (let j = i + 1; j < images; ++j, ++place) {
        const both = ({ data }: Matrix) => (data[i * images + j] as number) + (data[j * images + i] as number)
        sums[place] = (sums[place] as number) + both(square) - both(cross)
        counts[place] = (counts[place] as number) + (shared.data[i * images + j] as number)
      }
  }
  return sums.map((sum, i) => sum / (counts[i] as number))
}

/** Of each target: variance over repeats (n - 1), mean over images; 1 where there is none. */
function noiseVariances({ images, targets, repeats, data }: Trials): Float64Array {
  return Float64Array.from({ length: targets }, (_, t) => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < images; ++i) {
      const own = data.subarray((i * targets + t) * repeats, (i * targets + t + 1) * repeats).filter((v) => !Number.isNaN(v))
      const mean = own.reduce((total, v) => total + v, 0) / own.length
      for (const v of own) sum += (v - mean) ** 2
      count += Math.max(0, own.length - 1)
    }
    return sum / count || 1
  })
}

/** Ways of comparing two lists of dissimilarities. */
export const comparisons = { spearman, pearson, 'tau-a': tauA, 'rho-a': rhoA } as const
export type Comparison = keyof typeof comparisons

/** The pairs whose dissimilarities are known in all of several lists. */
export function knownPairs(rdms: readonly Float64Array[]): Int32Array {
  const [first] = rdms as [Float64Array]
  return Int32Array.from(first.keys()).filter((pair) => rdms.every((rdm) => !Number.isNaN(rdm[pair])))
}
