// Correlations of two lists of numbers. NaN where one of them is constant, so that there is nothing to correlate.
import { column, type Matrix } from './matrix.js'

/** Numbers less their mean, and the sum of their squares, 0 where they are rounding alone. */
export interface Deviations {
  mean: number
  centred: Float64Array
  squares: number
}

/** @param centred where they go; may be `values` */
export function deviations(values: ArrayLike<number>, centred: Float64Array = new Float64Array(values.length)): Deviations {
  const count = values.length
  // Not [sum, largest] = [0, 0]: V8 would make an object of each sum that follows.
  let sum = 0
  let largest = 0
  for (let i = 0; i < count; ++i) {
    sum += values[i] as number
    largest = Math.max(largest, Math.abs(values[i] as number))
  }
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; ++i) {
    const value = (values[i] as number) - mean
    centred[i] = value
    squares += value * value
  }
  return { mean, centred, squares: squares > count * (1e-14 * largest) ** 2 ? squares : 0 }
}

/** Whether all values are one number, but for rounding. */
export const isConstant = (values: ArrayLike<number>): boolean => values.length < 2 || deviations(values).squares === 0

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; ++i) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Pearson's r. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [deviations(a), deviations(b)]
  return x.squares === 0 || y.squares === 0 ? Number.NaN : dot(x.centred, y.centred) / Math.sqrt(x.squares * y.squares)
}

/** r of a prediction, which is centred in place, with what was measured: 0 of one that is the same for every image, NaN where what was measured is. */
export function correlation(predicted: Float64Array, measured: Deviations): number {
  const { squares } = deviations(predicted, predicted)
  const product = dot(predicted, measured.centred)
  if (measured.squares === 0 || Number.isNaN(product)) return Number.NaN
  return squares === 0 ? 0 : product / Math.sqrt(squares * measured.squares)
}

/** {@link correlation} of each column. */
export const correlations = (predicted: Matrix, measured: Matrix): Float64Array =>
  Float64Array.from({ length: measured.columns }, (_, j) => correlation(column(predicted, j), deviations(column(measured, j))))

/**
 * The place of each number among the different ones, from 0: what is asked of their order many times over is asked of these, which are sorted by counting.
 * @param some places in the list, of which alone numbers are known; 0 of the others
 */
export function placesOf(values: ArrayLike<number>, some: Int32Array): Uint32Array {
  const order = some.slice().sort((a, b) => (values[a] as number) - (values[b] as number))
  const places = new Uint32Array(values.length)
  for (let i = 1, place = 0; i < order.length; ++i) {
    if ((values[order[i] as number] as number) > (values[order[i - 1] as number] as number)) ++place
    places[order[i] as number] = place
  }
  return places
}

/** Indices of a list sorted by its numbers; those of equal ones stay in the order that they have in `before`. */
function sorted(
  values: ArrayLike<number>,
  before = Uint32Array.from({ length: values.length }, (_, i) => i),
): Uint32Array<ArrayBuffer> {
  if (!(values instanceof Uint32Array)) return before.sort((a, b) => (values[a] as number) - (values[b] as number))
  let largest = 0
  for (let i = 0; i < values.length; ++i) largest = Math.max(largest, values[i] as number)
  const begins = new Uint32Array(largest + 2)
  for (let i = 0; i < values.length; ++i) {
    const next = (values[i] as number) + 1
    begins[next] = (begins[next] as number) + 1
  }
  for (let place = 0; place <= largest; ++place) begins[place + 1] = (begins[place + 1] as number) + (begins[place] as number)
  const order = new Uint32Array(values.length)
  for (let i = 0; i < before.length; ++i) {
    const index = before[i] as number
    const place = values[index] as number
    const at = begins[place] as number
    begins[place] = at + 1
    order[at] = index
  }
  return order
}

/** Ranks from 1; equal values share the middle of theirs. */
export function midRanks(values: ArrayLike<number>): Float64Array {
  const count = values.length
  const order = sorted(values)
  const ranks = new Float64Array(count)
  for (let first = 0; first < count; ) {
    let end = first + 1
    while (end < count && values[order[end] as number] === values[order[first] as number]) ++end
    for (let i = first; i < end; ++i) ranks[order[i] as number] = (first + 1 + end) / 2
    first = end
  }
  return ranks
}

/** Spearman's rho: Pearson's r of the ranks. */
export const spearman = (a: ArrayLike<number>, b: ArrayLike<number>): number => pearson(midRanks(a), midRanks(b))

/** rho-a, the expectation of Spearman's rho when ties are broken at random: 12 sum (rank a - mean) (rank b - mean) / (n^3 - n). */
export function rhoA(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const count = a.length
  const [x, y] = [midRanks(a), midRanks(b)]
  const mean = (count + 1) / 2
  return (12 * x.reduce((sum, rank, i) => sum + (rank - mean) * ((y[i] as number) - mean), 0)) / (count ** 3 - count)
}

/** Pairs of equal values in a list whose equals lie beside each other. */
function tiedPairs(count: number, isEqual: (i: number) => boolean): number {
  let [pairs, run] = [0, 1]
  for (let i = 1; i <= count; ++i) {
    if (i < count && isEqual(i)) ++run
    else {
      pairs += (run * (run - 1)) / 2
      run = 1
    }
  }
  return pairs
}

/** Sorts and counts the pairs that were in falling order. */
function inversions(values: Float64Array, spare: Float64Array, from: number, to: number): number {
  if (to - from < 2) return 0
  const middle = (from + to) >> 1
  let count = inversions(values, spare, from, middle) + inversions(values, spare, middle, to)
  for (let at = from, left = from, right = middle; at < to; ++at) {
    if (left < middle && (right >= to || (values[left] as number) <= (values[right] as number)))
      spare[at] = values[left++] as number
    else {
      count += middle - left
      spare[at] = values[right++] as number
    }
  }
  values.set(spare.subarray(from, to), from)
  return count
}

/** Kendall's tau-a: pairs in the same order less those in the opposite one, over all pairs, tied ones too. By merging, n log n. */
export function tauA(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const count = a.length
  const at = (list: ArrayLike<number>, i: number) => list[i] as number
  const order = sorted(a, sorted(b))
  const x = Float64Array.from(order, (i) => at(a, i))
  const y = Float64Array.from(order, (i) => at(b, i))
  const tiedInA = tiedPairs(count, (i) => x[i] === x[i - 1])
  const tiedInBoth = tiedPairs(count, (i) => x[i] === x[i - 1] && y[i] === y[i - 1])
  const discordant = inversions(y, new Float64Array(count), 0, count)
  const tiedInB = tiedPairs(count, (i) => y[i] === y[i - 1])
  const pairs = (count * (count - 1)) / 2
  return (pairs - tiedInA - tiedInB + tiedInBoth - 2 * discordant) / pairs
}

/** Ways of putting the scores of many targets into one. */
export const aggregations = ['median', 'mean'] as const
export type Aggregation = (typeof aggregations)[number]

/** Median or mean of the numbers that are there; NaN where there are none. */
export function aggregate(values: ArrayLike<number>, how: Aggregation): number {
  const known = Float64Array.from(values).filter((value) => !Number.isNaN(value))
  const count = known.length
  if (how === 'mean') return known.reduce((sum, value) => sum + value, 0) / count
  known.sort()
  return count === 0 ? Number.NaN : ((known[(count - 1) >> 1] as number) + (known[count >> 1] as number)) / 2
}

/** Standard deviation (n - 1) of the numbers that are there; 0 of fewer than two. */
export function deviationOf(values: ArrayLike<number>): number {
  const known = Float64Array.from(values).filter((value) => !Number.isNaN(value))
  return known.length < 2 ? 0 : Math.sqrt(deviations(known).squares / (known.length - 1))
}
