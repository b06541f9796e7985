// Ridge regression to many targets, its penalty chosen on the training images alone by leaving each of them, or each group, out: exactly, from one
// decomposition.
import type { Device } from '../device.js'
import { eigh, leftOutScores, matmul, multiply, weighRows } from '../ops/index.js'
import type { Tensor } from '../tensor.js'
import { aggregate, deviations } from './correlation.js'
import type { CentredSplit } from './kernel.js'
import { column, columnsOf, download, type Matrix, matrix, product, upload } from './matrix.js'

/** Features turned so that they are uncorrelated over the training images: directions, of which the first `squares.length` are no rounding. */
interface Factors extends Disposable {
  /** Sum of squares of each over the training images, descending. */
  squares: Float64Array
  /** [directions, images or features]: eigenvectors of whichever product is smaller. */
  basis: Tensor
  /** [directions, training images]: of images the eigenvectors, whose rows have length 1; of features what they make of these. */
  rows: Tensor
  /** Squared lengths of these rows. */
  lengths: Float64Array
}

async function factorsOf({ form, train: features }: CentredSplit): Promise<Factors> {
  const isProducts = form === 'products'
  using gram = isProducts ? null : matmul(features, features, { transposeA: true })
  const { values, vectors: basis } = eigh(gram ?? features)
  using spectrum = values
  const rows = isProducts ? basis : matmul(basis, features, { transposeB: true })
  const dispose = () => {
    basis.dispose()
    rows.dispose()
  }
  try {
    const all = (await spectrum.read()).data as Float64Array
    // Of the centred features of n images at most n - 1 directions are not rounding.
    const least = Math.max(0, all[0] as number) * all.length * Number.EPSILON
    const most = Math.min((features.shape[0] as number) - 1, all.length)
    let rank = 0
    while (rank < most && (all[rank] as number) > least) ++rank
    const squares = all.slice(0, rank)
    return { squares, basis, rows, lengths: isProducts ? squares.map(() => 1) : squares, [Symbol.dispose]: dispose }
  } catch (error) {
    dispose()
    throw error
  }
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
  /** Directions of the features over the training images. */
  rank: number
}

/** Doubles that a stretch of targets may take in one array. */
const room = 2 ** 22

/**
 * Fits a ridge regression with an intercept that is not penalised. What is predicted for images F when they are left out is y - (I - H)_FF^-1 e_F, e being
 * the residuals and H the matrix that takes y to its fit; I - H = U diag(lambda / (squares + lambda)) U' but for directions that no feature reaches.
 * The penalty is the one with the highest r of these predictions, the larger of equal ones; shared, the one with the highest mean of r over targets.
 * @param y [training images, targets], all known
 */
export async function ridge(split: CentredSplit, y: Matrix, settings: RidgeSettings, device: Device): Promise<RidgeFit> {
  using factors = await factorsOf(split)
  const { squares, basis, rows } = factors
  const { lambdas, lambda: how } = settings
  const { rows: images, columns: targets } = y
  using leaveOut = await LeftOut.of(factors, images, settings, device)
  const width = Math.max(1, Math.floor(room / (lambdas.length * Math.max(images, rows.shape[0] as number))))
  const scores = lambdas.map(() => new Float64Array(targets))
  // Targets that lie beside each other, from `first` on: their means, and their products with the directions' rows.
  const stretches: { first: number; means: number[]; turned: Matrix }[] = []
  for (let first = 0; first < targets; first += width) {
    const own = Array.from({ length: Math.min(width, targets - first) }, (_, j) => deviations(column(y, first + j)))
    const measured = matrix(own.length, images)
    // Of a target that is constant nothing is measured.
    for (const [j, { centred, squares }] of own.entries()) if (squares > 0) measured.data.set(centred, j * images)
    using responses = upload(measured, device)
    using products = matmul(responses, rows, { transposeB: true })
    const [turned, found] = await Promise.all([download(products), leaveOut.score(measured, responses, products)])
    for (const [l, score] of scores.entries()) score.set(rowOf(found, l), first)
    stretches.push({ first, means: own.map(({ mean }) => mean), turned })
  }
  const chosen =
    how === 'shared'
      ? new Int32Array(targets).fill(best(scores.map((score) => aggregate(score, 'mean'))))
      : perTarget(scores, targets)
  const lambda = Float64Array.from(chosen, (l) => lambdas[l] as number)

  const prediction = matrix(split.test.shape[0] as number, targets)
  for (const { first, means, turned } of stretches) {
    shrink(turned, squares, lambda.subarray(first))
    using along = upload(turned, device)
    using weights = matmul(along, basis)
    using centred = matmul(split.test, weights, { transposeB: true })
    place(await download(centred), means, prediction, first)
  }
  const inner = Float64Array.from(chosen, (l, target) => scores[l]?.[target] as number)
  return { prediction, lambda, inner, rank: squares.length }
}

/** One row. */
const rowOf = ({ columns, data }: Matrix, row: number): Float64Array => data.subarray(row * columns, (row + 1) * columns)

/** Turns products with the directions' rows into what the directions are weighed by: 1 / (square + lambda) of them, and none of rounding. */
function shrink({ rows, columns, data }: Matrix, squares: Float64Array, lambda: Float64Array): void {
  for (let j = 0, at = 0; j < rows; ++j)
    for (let k = 0; k < columns; ++k, ++at)
      data[at] = k < squares.length ? (data[at] as number) / ((squares[k] as number) + (lambda[j] as number)) : 0
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
class LeftOut implements Disposable {
  private constructor(
    /** [directions, training images] */
    private readonly rows: Tensor,
    /**
     * [penalties, directions]: the share of every direction that is left of its residual; less 1 where the features' directions are not all. Over the
     * squared length of its row, and 0 where it is rounding.
     */
    private readonly shares: Matrix,
    /** The same on the device. */
    private readonly weights: Tensor,
    /** [penalties, training images]: 1 / (I - H)_ii, or 1 of an image that is left out with others. */
    private readonly inverses: Tensor,
    /** Images that are left out together, and their columns of the rows. */
    private readonly together: readonly { images: Int32Array; own: Matrix }[],
    /** Whether the directions of the features are all that centred numbers have. */
    private readonly isFull: boolean,
    private readonly device: Device,
  ) {}

  static async of(
    { rows, squares, lengths }: Factors,
    count: number,
    { lambdas, groups }: RidgeSettings,
    device: Device,
  ): Promise<LeftOut> {
    const [rank, directions] = [squares.length, rows.shape[0] as number]
    const isFull = rank >= count - 1
    const shares = matrix(lambdas.length, directions)
    for (const [l, lambda] of lambdas.entries())
      for (let k = 0; k < rank; ++k)
        shares.data[l * directions + k] = (lambda / ((squares[k] as number) + lambda) - (isFull ? 0 : 1)) / (lengths[k] as number)
    const weights = upload(shares, device)
    using rowSquares = multiply(rows, rows)
    using sums = matmul(weights, rowSquares)
    const inverses = await download(sums)
    const { data } = inverses
    // What is not reached by a feature is left whole: 1 - 1 / count - sum of u^2 of it.
    for (let at = 0; at < data.length; ++at) data[at] = 1 / ((data[at] as number) + (isFull ? 0 : 1 - 1 / count))
    const byGroup = new Map<number, number[]>()
    groups?.forEach((group, i) => {
      byGroup.set(group, [...(byGroup.get(group) ?? []), i])
    })
    const lists = [...byGroup.values()].filter(({ length }) => length > 1).map((list) => Int32Array.from(list))
    const all = lists.length > 0 ? await download(rows) : null
    const together = lists.map((images) => ({ images, own: columnsOf(all as Matrix, images) }))
    for (let l = 0; l < lambdas.length; ++l) for (const images of lists) for (const i of images) data[l * count + i] = 1
    return new LeftOut(rows, shares, weights, upload(inverses, device), together, isFull, device)
  }

  [Symbol.dispose](): void {
    this.weights.dispose()
    this.inverses.dispose()
  }

  /**
   * r [penalties, targets] of every target at every penalty.
   * @param measured [targets, training images], the same as `responses`
   * @param turned their products with the rows
   */
  async score(measured: Matrix, responses: Tensor, turned: Tensor): Promise<Matrix> {
    const { rows, weights, inverses, together, isFull } = this
    using kept = weighRows(turned, weights)
    using product = matmul(kept, rows)
    // Where some direction is reached by no feature, its residual is all of y's there: y - U (1 - share) U'y.
    using solved = together.length > 0 ? await this.solved(product, measured) : null
    using scores = leftOutScores(solved ?? product, responses, inverses, { rest: !isFull && !solved })
    return download(scores)
  }

  /** All residuals, where images are left out together times (I - H)_FF^-1. */
  private async solved(product: Tensor, measured: Matrix): Promise<Tensor> {
    const residual = await download(product)
    const { data } = residual
    const each = measured.data.length
    if (!this.isFull)
      for (let at = 0; at < data.length; ++at) data[at] = (data[at] as number) + (measured.data[at % each] as number)
    for (let l = 0; l < this.shares.rows; ++l) {
      const own = matrix(measured.rows, measured.columns, data.subarray(l * each, (l + 1) * each))
      for (const group of this.together) await this.solve(rowOf(this.shares, l), group, own)
    }
    return upload(residual, this.device)
  }

  /** Replaces a group's part of the rows of residuals by (I - H)_FF^-1 times it, by the eigenvectors of that block. */
  private async solve(
    shares: Float64Array,
    { images, own }: { images: Int32Array; own: Matrix },
    residual: Matrix,
  ): Promise<void> {
    const { isFull, device } = this
    const [size, directions, count] = [images.length, shares.length, residual.columns]
    const weighted = matrix(directions, size)
    for (let k = 0, at = 0; k < directions; ++k) {
      const share = shares[k] as number
      for (let a = 0; a < size; ++a, ++at) weighted.data[at] = (own.data[at] as number) * share
    }
    const block = await product(weighted, own, device, { transposeA: true })
    if (!isFull)
      for (let at = 0; at < block.data.length; ++at)
        block.data[at] = (block.data[at] as number) + (at % (size + 1) === 0 ? 1 : 0) - 1 / count
    using symmetric = upload(block, device)
    const { values, vectors } = eigh(symmetric)
    using spectrum = values
    using basis = vectors
    const inverses = matrix(1, size)
    inverses.data.set(((await spectrum.read()).data as Float64Array).map((value) => 1 / value))
    using weights = upload(inverses, device)
    using part = upload(columnsOf(residual, images), device)
    using turned = matmul(part, basis, { transposeB: true })
    using kept = weighRows(turned, weights)
    using inverted = matmul(kept, basis)
    const solved = await download(inverted)
    for (let t = 0, at = 0; t < residual.rows; ++t)
      for (let a = 0; a < size; ++a, ++at) residual.data[t * count + (images[a] as number)] = solved.data[at] as number
  }
}
