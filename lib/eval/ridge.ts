// Ridge regression to many targets, its penalty chosen on the training images alone by leaving each of them, or each group, out: exactly, from one
// decomposition.
import type { Device } from '../device.js'
import { aggregate, correlations } from './correlation.js'
import type { CentredSplit } from './kernel.js'
import { columnMeans, columnsOf, type Matrix, matrix, product, rowsOf, symmetricEigen, transposed, withoutRow } from './matrix.js'

/** Features turned so that they are uncorrelated over the training images. */
export interface Factors {
  /** Sum of squares of each over the training images. */
  squares: Float64Array
  /** [training images, rank], each of length 1. */
  unit: Matrix
  /** [test images, rank] */
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
  const lengths = squares.map(Math.sqrt)
  const divided = (m: Matrix): Matrix => {
    for (let i = 0, at = 0; i < m.rows; ++i)
      for (let j = 0; j < rank; ++j, ++at) m.data[at] = (m.data[at] as number) / (lengths[j] as number)
    return m
  }
  const test = await product(split.test, kept, device, { transposeB: true })
  return isProducts
    ? { squares, unit: transposed(kept), test: divided(test) }
    : { squares, unit: divided(await product(split.train, kept, device, { transposeB: true })), test }
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
  const [count, rank, targets] = [y.rows, squares.length, y.columns]
  const leaveOut = await LeftOut.of(unit, squares, settings, device)
  const perChunk = Math.max(1, Math.floor(room / (count * lambdas.length)))
  const chunks = Array.from({ length: Math.ceil(targets / perChunk) }, (_, i) => {
    const first = i * perChunk
    return Int32Array.from({ length: Math.min(perChunk, targets - first) }, (_, j) => first + j)
  })
  const centredChunk = (chunk: Int32Array) => {
    const part = columnsOf(y, chunk)
    const means = columnMeans(part)
    return { means, centred: withoutRow(part, means) }
  }

  const scores = lambdas.map(() => new Float64Array(targets))
  for (const chunk of chunks) {
    const { centred } = centredChunk(chunk)
    const turned = await product(unit, centred, device, { transposeA: true })
    const found = correlations(await leaveOut.predict(centred, turned), centred)
    // The targets of a stretch lie beside each other.
    for (const [l, score] of scores.entries()) score.set(found.subarray(l * chunk.length, (l + 1) * chunk.length), chunk[0])
  }
  const chosen =
    how === 'shared'
      ? new Int32Array(targets).fill(best(scores.map((score) => aggregate(score, 'mean'))))
      : perTarget(scores, targets)

  const prediction = matrix(test.rows, targets)
  for (const chunk of chunks) {
    const { means, centred } = centredChunk(chunk)
    const weights = await product(unit, centred, device, { transposeA: true })
    for (let j = 0, at = 0; j < rank; ++j) {
      const square = squares[j] as number
      for (const target of chunk) {
        const lambda = lambdas[chosen[target] as number] as number
        weights.data[at] = ((weights.data[at] as number) * Math.sqrt(square)) / (square + lambda)
        ++at
      }
    }
    const part = await product(test, weights, device)
    for (let i = 0, at = 0; i < test.rows; ++i)
      for (let j = 0; j < chunk.length; ++j, ++at)
        prediction.data[i * targets + (chunk[j] as number)] = (part.data[at] as number) + (means[j] as number)
  }
  return {
    prediction,
    lambda: Float64Array.from(chosen, (l) => lambdas[l] as number),
    inner: Float64Array.from(chosen, (l, target) => scores[l]?.[target] as number),
  }
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
    /** Of each penalty: the share of every direction that is left of its residual. */
    private readonly shares: readonly Float64Array[],
    /** [training images, penalties]: (I - H)_ii, or 1 of an image that is left out with others. */
    private readonly diagonals: Matrix,
    /** Images that are left out together. */
    private readonly together: readonly Int32Array[],
    /** Whether the directions of the features are all that centred numbers have. */
    private readonly isFull: boolean,
    private readonly device: Device,
  ) {}

  static async of(unit: Matrix, squares: Float64Array, { lambdas, groups }: RidgeSettings, device: Device): Promise<LeftOut> {
    const { rows: count, columns: rank } = unit
    const shares = lambdas.map((lambda) => squares.map((square) => lambda / (square + lambda)))
    const isFull = rank >= count - 1
    // What is not reached by a feature is left whole: 1 - 1 / count - sum of u^2 of it.
    const weights = matrix(rank, lambdas.length)
    for (let j = 0, at = 0; j < rank; ++j)
      for (const share of shares) weights.data[at++] = (share[j] as number) - (isFull ? 0 : 1)
    const diagonals = await product(
      matrix(
        count,
        rank,
        unit.data.map((value) => value * value),
      ),
      weights,
      device,
    )
    if (!isFull)
      for (let at = 0; at < diagonals.data.length; ++at) diagonals.data[at] = (diagonals.data[at] as number) + 1 - 1 / count
    const byGroup = new Map<number, number[]>()
    groups?.forEach((group, i) => {
      byGroup.set(group, [...(byGroup.get(group) ?? []), i])
    })
    const together = [...byGroup.values()].filter(({ length }) => length > 1).map((list) => Int32Array.from(list))
    for (const images of together) for (const i of images) diagonals.data.fill(1, i * lambdas.length, (i + 1) * lambdas.length)
    return new LeftOut(unit, shares, diagonals, together, isFull, device)
  }

  /**
   * @param y centred, [images, targets]
   * @param turned U'y
   * @returns [images, penalties x targets]
   */
  async predict(y: Matrix, turned: Matrix): Promise<Matrix> {
    const { unit, shares, isFull, device } = this
    const { rows: count, columns: targets } = y
    const all = shares.length * targets
    const kept = matrix(turned.rows, all)
    for (let j = 0, at = 0; j < turned.rows; ++j)
      for (const share of shares) {
        // Where some direction is reached by no feature, its residual is all of y's there: y - U (1 - share) U'y.
        const factor = (share[j] as number) - (isFull ? 0 : 1)
        for (let t = 0; t < targets; ++t, ++at) kept.data[at] = (turned.data[j * targets + t] as number) * factor
      }
    const residual = await product(unit, kept, device)
    if (!isFull)
      for (let i = 0, at = 0; i < count; ++i)
        for (let l = 0; l < shares.length; ++l)
          for (let t = 0; t < targets; ++t, ++at)
            residual.data[at] = (residual.data[at] as number) + (y.data[i * targets + t] as number)
    for (const images of this.together)
      for (const [l, share] of shares.entries()) await this.solve(share, images, residual, l * targets, targets)
    for (let i = 0, at = 0; i < count; ++i)
      for (let l = 0; l < shares.length; ++l) {
        const alone = this.diagonals.data[i * shares.length + l] as number
        for (let t = 0; t < targets; ++t, ++at)
          residual.data[at] = (y.data[i * targets + t] as number) - (residual.data[at] as number) / alone
      }
    return residual
  }

  /** Replaces some columns of a group's residuals by (I - H)_FF^-1 times them, by Cholesky. */
  private async solve(share: Float64Array, images: Int32Array, residual: Matrix, first: number, targets: number): Promise<void> {
    const { rows: count, columns: rank } = this.unit
    const size = images.length
    const own = rowsOf(this.unit, images)
    const weighted = matrix(size, rank)
    for (let a = 0, at = 0; a < size; ++a)
      for (let k = 0; k < rank; ++k, ++at)
        weighted.data[at] = (own.data[at] as number) * ((share[k] as number) - (this.isFull ? 0 : 1))
    const lower = await product(weighted, own, this.device, { transposeB: true })
    for (let a = 0; a < size; ++a)
      for (let b = 0; b <= a; ++b) {
        let sum = (lower.data[a * size + b] as number) + (this.isFull ? 0 : (a === b ? 1 : 0) - 1 / count)
        for (let k = 0; k < b; ++k) sum -= (lower.data[a * size + k] as number) * (lower.data[b * size + k] as number)
        lower.data[a * size + b] = a === b ? Math.sqrt(sum) : sum / (lower.data[b * size + b] as number)
      }
    for (let t = first; t < first + targets; ++t) {
      const place = (a: number) => (images[a] as number) * residual.columns + t
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
