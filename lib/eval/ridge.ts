// Ridge regression to many targets, its penalty chosen on the training images alone by leaving each of them, or each group, out: exactly, from one
// decomposition.
import type { Device } from '../device.js'
import { aggregate, correlation, deviations } from './correlation.js'
import type { CentredSplit } from './kernel.js'
import { column, columnsOf, type Matrix, matrix, product, symmetricEigen } from './matrix.js'

/** Features turned so that they are uncorrelated over the training images. */
export interface Factors {
  /** Sum of squares of each over the training images. */
  squares: Float64Array
  /** [rank, training images], rows of length 1. */
  unit: Matrix
  /** [rank, test images] */
  test: Matrix
}

/** The eigenvectors of whichever product is smaller: of images or of features. */
export async function factorsOf(split: CentredSplit, device: Device): Promise<Factors> {
  const isProducts = split.form === 'products'
  const gram = isProducts ? split.train : await product(split.train, split.train, device, { transposeA: true })
  const { values, vectors } = await symmetricEigen(gram, device)
  // Of the centred features of n images at most n - 1 directions are not rounding.
  const least = Math.max(0, values[0] as number) * gram.rows * Number.EPSILON
  const most = isProducts ? split.train.rows - 1 : Math.min(split.train.rows - 1, gram.rows)
  let rank = 0
  while (rank < most && (values[rank] as number) > least) ++rank
  const squares = values.slice(0, rank)
  const kept = matrix(rank, gram.rows, vectors.data.subarray(0, rank * gram.rows))
  const divided = ({ rows, columns, data }: Matrix): Matrix => {
    for (let j = 0, at = 0; j < rows; ++j) {
      const length = Math.sqrt(squares[j] as number)
      for (const end = at + columns; at < end; ++at) data[at] = (data[at] as number) / length
    }
    return matrix(rows, columns, data)
  }
  const test = await product(kept, split.test, device, { transposeB: true })
  return isProducts
    ? { squares, unit: kept, test: divided(test) }
    : { squares, unit: divided(await product(kept, split.train, device, { transposeB: true })), test }
}

export interface RidgeSettings {
  /** Ascending. */
  lambdas: readonly number[]
  /** One penalty for all targets, or each its own. */
  lambda: 'shared' | 'per-target'
  /** A number for each training image: images of one are left out together; null: each alone. */
  groups: Int32Array | null
}

export interface RidgeFit {
  /** [test images, targets] */
  prediction: Matrix
  /** Of each target. */
  lambda: Float64Array
  /** r of each target with what was predicted for it when left out, at that penalty. */
  inner: Float64Array
}

/** Doubles that a stretch of targets may take in one array. */
const room = 2 ** 23

/**
 * Fits a ridge regression with an intercept that is not penalised. What is predicted for images F when they are left out is y - (I - H)_FF^-1 e_F, e being
 * the residuals and H the matrix that takes y to its fit; I - H = U diag(lambda / (squares + lambda)) U' but for directions that no feature reaches.
 * The penalty is the one with the highest r of these predictions, the larger of equal ones; shared, the one with the highest mean of r over targets.
 * @param y [training images, targets], all known
 */
export async function ridge(factors: Factors, y: Matrix, settings: RidgeSettings, device: Device): Promise<RidgeFit> {
  const { squares, unit, test } = factors
  const { lambdas, lambda: how } = settings
  const { rows: images, columns: targets } = y
  const leaveOut = await LeftOut.of(factors, settings, device)
  const width = Math.max(1, Math.floor(room / (images * lambdas.length)))
  const scores = lambdas.map(() => new Float64Array(targets))
  // Targets that lie beside each other, from `first` on: their means, and y'U.
  const stretches: { first: number; means: number[]; turned: Matrix }[] = []
  for (let first = 0; first < targets; first += width) {
    const own = Array.from({ length: Math.min(width, targets - first) }, (_, j) => deviations(column(y, first + j)))
    const measured = matrix(own.length, images)
    for (const [j, { centred }] of own.entries()) measured.data.set(centred, j * images)
    const turned = await product(measured, unit, device, { transposeB: true })
    const { data } = await leaveOut.predict(measured, turned)
    for (const [l, score] of scores.entries())
      for (const [j, one] of own.entries()) {
        const from = (l * own.length + j) * images
        score[first + j] = correlation(data.subarray(from, from + images), one)
      }
    stretches.push({ first, means: own.map(({ mean }) => mean), turned })
  }
  const chosen =
    how === 'shared'
      ? new Int32Array(targets).fill(best(scores.map((score) => aggregate(score, 'mean'))))
      : perTarget(scores, targets)
  const lambda = Float64Array.from(chosen, (l) => lambdas[l] as number)

  const prediction = matrix(test.columns, targets)
  for (const { first, means, turned } of stretches) {
    shrink(turned, squares, lambda.subarray(first))
    place(await product(test, turned, device, { transposeA: true, transposeB: true }), means, prediction, first)
  }
  return { prediction, lambda, inner: Float64Array.from(chosen, (l, target) => scores[l]?.[target] as number) }
}

/** Turns y'U into what the features' directions are weighed by: times sqrt(square) / (square + lambda). */
function shrink({ rows, columns, data }: Matrix, squares: Float64Array, lambda: Float64Array): void {
  for (let j = 0, at = 0; j < rows; ++j)
    for (let k = 0; k < columns; ++k, ++at)
      data[at] = ((data[at] as number) * Math.sqrt(squares[k] as number)) / ((squares[k] as number) + (lambda[j] as number))
}

/** Puts columns, with their means added, beside each other from `first` on. */
function place({ rows, columns, data }: Matrix, means: readonly number[], into: Matrix, first: number): void {
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) into.data[i * into.columns + first + j] = (data[at] as number) + (means[j] as number)
}

/** Place of the highest score, the last of equal ones; NaN is none. */
const best = (scores: readonly number[]): number =>
  scores.reduce((at, score, i) => (score >= (scores[at] as number) || Number.isNaN(scores[at] as number) ? i : at), 0)

const perTarget = (scores: readonly Float64Array[], targets: number): Int32Array =>
  Int32Array.from({ length: targets }, (_, target) => best(scores.map((score) => score[target] as number)))

/** Predictions for training images when they are left out, at every penalty. */
class LeftOut {
  private constructor(
    private readonly unit: Matrix,
    /** [penalties, rank]: the share of every direction that is left of its residual; less 1 where the features' directions are not all. */
    private readonly shares: Matrix,
    /** [penalties, training images]: (I - H)_ii, or 1 of an image that is left out with others. */
    private readonly diagonals: Matrix,
    /** Images that are left out together. */
    private readonly together: readonly Int32Array[],
    /** Whether the directions of the features are all that centred numbers have. */
    private readonly isFull: boolean,
    private readonly device: Device,
  ) {}

  static async of({ unit, squares }: Factors, { lambdas, groups }: RidgeSettings, device: Device): Promise<LeftOut> {
    const { rows: rank, columns: count } = unit
    const isFull = rank >= count - 1
    const shares = matrix(lambdas.length, rank)
    for (const [l, lambda] of lambdas.entries())
      for (let k = 0; k < rank; ++k) shares.data[l * rank + k] = lambda / ((squares[k] as number) + lambda) - (isFull ? 0 : 1)
    const unitSquares = new Float64Array(rank * count)
    for (let at = 0; at < unitSquares.length; ++at) unitSquares[at] = (unit.data[at] as number) ** 2
    const diagonals = await product(shares, matrix(rank, count, unitSquares), device)
    // What is not reached by a feature is left whole: 1 - 1 / count - sum of u^2 of it.
    if (!isFull)
      for (let at = 0; at < diagonals.data.length; ++at) diagonals.data[at] = (diagonals.data[at] as number) + 1 - 1 / count
    const byGroup = new Map<number, number[]>()
    groups?.forEach((group, i) => {
      byGroup.set(group, [...(byGroup.get(group) ?? []), i])
    })
    const together = [...byGroup.values()].filter(({ length }) => length > 1).map((list) => Int32Array.from(list))
    for (let l = 0; l < lambdas.length; ++l)
      for (const images of together) for (const i of images) diagonals.data[l * count + i] = 1
    return new LeftOut(unit, shares, diagonals, together, isFull, device)
  }

  /**
   * @param y centred, [targets, images]
   * @param turned y'U
   * @returns [penalties x targets, images]
   */
  async predict({ rows: targets, columns: count, data: y }: Matrix, turned: Matrix): Promise<Matrix> {
    const { unit, shares, diagonals, isFull, device } = this
    const [penalties, rank] = [shares.rows, unit.rows]
    const numbers = turned.data
    const kept = new Float64Array(penalties * targets * rank)
    for (let at = 0, l = 0; l < penalties; ++l) {
      const share = shares.data.subarray(l * rank, (l + 1) * rank)
      for (let from = 0; from < targets * rank; from += rank)
        for (let k = 0; k < rank; ++k, ++at) kept[at] = (numbers[from + k] as number) * (share[k] as number)
    }
    const residual = await product(matrix(penalties * targets, rank, kept), unit, device)
    const { data } = residual
    // Where some direction is reached by no feature, its residual is all of y's there: y - U (1 - share) U'y.
    if (!isFull)
      for (let from = 0; from < data.length; from += y.length)
        for (let i = 0; i < y.length; ++i) data[from + i] = (data[from + i] as number) + (y[i] as number)
    for (const images of this.together)
      for (let l = 0; l < penalties; ++l) await this.solve(l, images, residual, l * targets, targets)
    for (let at = 0, l = 0; l < penalties; ++l) {
      const inverse = diagonals.data.subarray(l * count, (l + 1) * count).map((value) => 1 / value)
      for (let from = 0; from < y.length; from += count)
        for (let i = 0; i < count; ++i, ++at) data[at] = (y[from + i] as number) - (data[at] as number) * (inverse[i] as number)
    }
    return residual
  }

  /** Replaces a group's part of some rows of residuals by (I - H)_FF^-1 times it, by Cholesky. */
  private async solve(penalty: number, images: Int32Array, residual: Matrix, first: number, targets: number): Promise<void> {
    const { unit, shares, isFull, device } = this
    const [size, rank, count] = [images.length, unit.rows, unit.columns]
    const own = columnsOf(unit, images)
    const weighted = matrix(rank, size)
    for (let k = 0, at = 0; k < rank; ++k) {
      const share = shares.data[penalty * rank + k] as number
      for (let a = 0; a < size; ++a, ++at) weighted.data[at] = (own.data[at] as number) * share
    }
    const lower = await product(weighted, own, device, { transposeA: true })
    for (let a = 0; a < size; ++a)
      for (let b = 0; b <= a; ++b) {
        let sum = (lower.data[a * size + b] as number) + (isFull ? 0 : (a === b ? 1 : 0) - 1 / count)
        for (let k = 0; k < b; ++k) sum -= (lower.data[a * size + k] as number) * (lower.data[b * size + k] as number)
        lower.data[a * size + b] = a === b ? Math.sqrt(sum) : sum / (lower.data[b * size + b] as number)
      }
    for (let t = first; t < first + targets; ++t) {
      const place = (a: number) => t * count + (images[a] as number)
      const step = (a: number, from: number, to: number, factor: (k: number) => number) => {
        let value = residual.data[place(a)] as number
        for (let k = from; k < to; ++k) value -= factor(k) * (residual.data[place(k)] as number)
        residual.data[place(a)] = value / (lower.data[a * size + a] as number)
      }
      for (let a = 0; a < size; ++a) step(a, 0, a, (k) => lower.data[a * size + k] as number)
      for (let a = size - 1; a >= 0; --a) step(a, a + 1, size, (k) => lower.data[k * size + a] as number)
    }
  }
}
