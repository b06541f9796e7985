// Correlations of two lists of numbers. NaN where one of them is constant, so that there is nothing to correlate.
import type { Matrix } from './matrix.js'

/** Sum of squared differences from the mean, 0 where they are rounding alone. */
function deviations(values: ArrayLike<number>): { centred: Float64Array; squares: number } {
  const count = values.length
  let [sum, largest] = [0, 0]
  for (let i = 0; i < count; ++i) {
    sum += values[i] as number
    largest = Math.max(largest, Math.abs(values[i] as number))
  }
  const mean = sum / count
  const centred = new Float64Array(count)
  let squares = 0
  for (let i = 0; i < count; ++i) {
    const value = (values[i] as number) - mean
    centred[i] = value
    squares += value * value
  }
  return { centred, squares: squares > count * (1e-14 * largest) ** 2 ? squares : 0 }
}

/** Whether all values are one number, but for rounding. */
export const isConstant = (values: ArrayLike<number>): boolean => values.length < 2 || deviations(values).squares === 0

/** Pearson's r. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [deviations(a), deviations(b)]
  if (x.squares === 0 || y.squares === 0) return Number.NaN
  let product = 0
  for (let i = 0; i < x.centred.length; ++i) product += (x.centred[i] as number) * (y.centred[i] as number)
  return product / Math.sqrt(x.squares * y.squares)
}

/**
 * Of each column r of a prediction with what was measured: 0 of one that is the same for every image, NaN where what was measured is.
 * @param predicted of the same targets once, or several times side by side
 */
export function correlations(predicted: Matrix, measured: Matrix): Float64Array {
  const { rows, columns } = measured
  const [p, m] = [momentsOf(predicted), momentsOf(measured)]
  const products = new Float64Array(predicted.columns)
  for (let i = 0, at = 0; i < rows; ++i)
    for (let set = 0; set < products.length; set += columns)
      for (let j = 0; j < columns; ++j, ++at) {
        const a = (predicted.data[at] as number) - (p.means[set + j] as number)
        const b = (measured.data[i * columns + j] as number) - (m.means[j] as number)
        products[set + j] = (products[set + j] as number) + a * b
      }
  return products.map((product, at) => {
    const [x, y] = [p.squares[at] as number, m.squares[at % columns] as number]
    return y === 0 || !Number.isFinite(x) ? Number.NaN : x === 0 ? 0 : product / Math.sqrt(x * y)
  })
}

/** {@link deviations} of each column, row by row: the numbers of a column lie apart in memory. */
function momentsOf({ rows, columns, data }: Matrix): { means: Float64Array; squares: Float64Array } {
  const [sums, largest, squares] = [0, 1, 2].map(() => new Float64Array(columns)) as [Float64Array, Float64Array, Float64Array]
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) {
      const value = data[at] as number
      sums[j] = (sums[j] as number) + value
      largest[j] = Math.max(largest[j] as number, Math.abs(value))
    }
  const means = sums.map((sum) => sum / rows)
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) {
      const value = (data[at] as number) - (means[j] as number)
      squares[j] = (squares[j] as number) + value * value
    }
  return { means, squares: squares.map((sum, j) => (sum <= rows * (1e-14 * (largest[j] as number)) ** 2 ? 0 : sum)) }
}

/** Ranks from 1; equal values share the middle of theirs. */
export function midRanks(values: ArrayLike<number>): Float64Array {
  const count = values.length
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number))
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
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((i, j) => at(a, i) - at(a, j) || at(b, i) - at(b, j))
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
