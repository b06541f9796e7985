// Partial least squares to many targets, with the numbers of scikit-learn's PLSRegression.
import { z } from 'zod'
import type { Images, Responses } from '../data/index.js'
import type { Device } from '../device.js'
import type { Network } from '../models/index.js'
import { whole } from '../options.js'
import { aggregate, correlations } from './correlation.js'
import { foldsOf } from './folds.js'
import type { CentredSplit, Kernels } from './kernel.js'
import type { LayerControl } from './layer_features.js'
import { type LayerScores, layerScoreOptions, parseScoreOptions, scoreLayers } from './layer_scores.js'
import { column, columnMeans, type Matrix, matrix, product, rowsOf, withoutRow } from './matrix.js'

const fitOptions = {
  components: whole(1).default(25).describe('of the regression; fewer are taken where the images or the features allow no more'),
  scale: z
    .boolean()
    .default(false)
    .describe('features and targets divided by their standard deviations over the training images'),
  tolerance: z
    .number()
    .min(0)
    .default(1e-6)
    .describe('a component is found once its weights, of length 1, have changed by less, squared'),
  iterations: whole(1).default(500).describe('most of them for one component'),
}

export const plsOptions = z.strictObject({ ...layerScoreOptions, ...fitOptions })

export interface PlsOptions extends z.input<typeof plsOptions>, LayerControl {}

type PlsSettings = z.output<z.ZodObject<typeof fitOptions>>

/** A regression in terms of the training images: the features that it weighs are `weights` of theirs. */
export interface PlsFit {
  /** [training images, components]: times the centred features' transpose, the rotations that give a component's scores. */
  weights: Matrix
  /** [targets, components] */
  loadings: Matrix
  /** [test images, targets] */
  prediction: Matrix
  /** Components whose iteration ended at its most. */
  unconverged: number
}

/** v' w. */
const dot = (v: Float64Array, w: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < v.length; ++i) sum += (v[i] as number) * (w[i] as number)
  return sum
}

/** a v, or a' v. */
function times({ rows, columns, data }: Matrix, v: Float64Array, transpose = false): Float64Array {
  const out = new Float64Array(transpose ? columns : rows)
  for (let i = 0; i < rows; ++i) {
    const row = data.subarray(i * columns, (i + 1) * columns)
    if (transpose) {
      const factor = v[i] as number
      if (factor !== 0) for (let j = 0; j < columns; ++j) out[j] = (out[j] as number) + factor * (row[j] as number)
    } else out[i] = dot(row, v)
  }
  return out
}

/** a -= v w'. */
function subtractOuter({ rows, columns, data }: Matrix, v: Float64Array, w: Float64Array): void {
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) data[at] = (data[at] as number) - (v[i] as number) * (w[j] as number)
}

/** v -= t (t'v) / (t't), for each of the scores t. */
function deflate(v: Float64Array, scores: readonly Float64Array[]): void {
  for (const t of scores) {
    const share = dot(t, v) / dot(t, t)
    for (let i = 0; i < v.length; ++i) v[i] = (v[i] as number) - share * (t[i] as number)
  }
}

/** What a component weighs the targets by: b with b'Cb = 1, the power iteration of NIPALS with C = Y'XX'Y. */
function componentWeights(
  turn: (b: Float64Array) => Float64Array,
  start: Float64Array,
  { tolerance, iterations }: PlsSettings,
): { b: Float64Array; isFound: boolean } {
  const normalised = (v: Float64Array) => {
    const turned = turn(v)
    const length = Math.sqrt(dot(v, turned))
    return { b: v.map((value) => value / length), turned: turned.map((value) => value / length) }
  }
  let now = normalised(start)
  for (let step = 1; step < iterations && start.length > 1; ++step) {
    const next = normalised(now.turned)
    // |w - w before|^2, w being X'Y b.
    const change = next.b.reduce(
      (sum, value, j) => sum + (value - (now.b[j] as number)) * ((next.turned[j] as number) - (now.turned[j] as number)),
      0,
    )
    now = next
    if (change < tolerance) return { b: now.b, isFound: true }
  }
  return { b: now.b, isFound: start.length === 1 }
}

/**
 * Fits and predicts. The components are those of NIPALS (w = X'u / |X'u|, t = X w, q = Y't / t't, u = Y q, until w stands still; X -= t p', Y -= t q'),
 * but features enter only as inner products of images: w = X'Y b, of length 1 where b'Y'XX'Y b = 1, so that the iteration runs on the targets alone; and
 * the scores t are orthogonal, so that the deflated products are the whole ones with the earlier scores projected out.
 * @param y [training images, targets], all known
 */
export async function fitPls(split: CentredSplit, y: Matrix, settings: PlsSettings, device: Device): Promise<PlsFit> {
  const { rows: count, columns: targets } = y
  const { train, test } = split
  const isProducts = split.form === 'products'
  const means = columnMeans(y)
  const rest = withoutRow(y, means)
  const deviations = settings.scale ? scaleColumns(rest) : null
  const applied = (v: Float64Array) => (isProducts ? times(train, v) : times(train, times(train, v, true)))

  // XX'Y, deflated as X and Y are.
  const image = isProducts
    ? await product(train, rest, device)
    : await product(train, await product(train, rest, device, { transposeA: true }), device)
  const least = Number.EPSILON * rest.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const scores: Float64Array[] = []
  const duals: Float64Array[] = []
  const loadings: Float64Array[] = []
  const products: Float64Array[] = []
  const most = Math.min(settings.components, count - 1, isProducts ? count - 1 : train.columns)
  let [unconverged, largest] = [0, 0]
  while (scores.length < most) {
    const start = firstTarget(rest, image, least)
    if (!start) break
    // Y'XX'Y as a matrix where it is the smaller thing.
    const square = targets <= count ? await product(rest, image, device, { transposeA: true }) : null
    const turn = (b: Float64Array) => (square ? times(square, b) : times(rest, times(image, b), true))
    const { b, isFound } = componentWeights(turn, start, settings)
    const t = times(image, b)
    deflate(t, scores)
    const length = dot(t, t)
    largest = Math.max(largest, length)
    // What is left of the features is rounding.
    if (!(length > largest * Number.EPSILON ** 2 * count)) break
    if (!isFound) ++unconverged
    const whole = applied(t)
    const turned = Float64Array.from(whole)
    deflate(turned, scores)
    const loading = times(rest, t, true).map((value) => value / length)
    duals.push(times(rest, b))
    subtractOuter(rest, t, loading)
    subtractOuter(image, turned, loading)
    subtractOuter(
      image,
      t,
      times(image, t, true).map((value) => value / length),
    )
    scores.push(t)
    loadings.push(loading)
    products.push(whole)
  }
  const weights = rotations(scores, duals, products)
  const ofTest = isProducts
    ? await product(test, weights, device)
    : await product(test, await product(train, weights, device, { transposeA: true }), device)
  const loadingRows = fromColumns(loadings, targets)
  const prediction = await product(ofTest, loadingRows, device, { transposeB: true })
  for (let i = 0, at = 0; i < test.rows; ++i)
    for (let j = 0; j < targets; ++j, ++at)
      prediction.data[at] = (prediction.data[at] as number) * (deviations?.[j] ?? 1) + (means[j] as number)
  return { weights, loadings: loadingRows, prediction, unconverged }
}

/** Divides each column by its standard deviation (n - 1); a constant one stays. @returns what they were divided by */
function scaleColumns({ rows, columns, data }: Matrix): Float64Array {
  const squares = new Float64Array(columns)
  for (let at = 0; at < data.length; ++at) squares[at % columns] = (squares[at % columns] as number) + (data[at] as number) ** 2
  const deviations = squares.map((sum) => Math.sqrt(sum / (rows - 1)) || 1)
  for (let at = 0; at < data.length; ++at) data[at] = (data[at] as number) / (deviations[at % columns] as number)
  return deviations
}

/** The first target that still varies, and with the features, as a unit vector; null where there is none. */
function firstTarget(rest: Matrix, image: Matrix, least: number): Float64Array | null {
  const { columns } = rest
  for (let j = 0; j < columns; ++j) {
    const own = column(rest, j)
    if (!own.some((value) => Math.abs(value) > 10 * least) || !(dot(own, column(image, j)) > 0)) continue
    const start = new Float64Array(columns)
    start[j] = 1
    return start
  }
  return null
}

/** A (P'W)^-1, the columns of A being the duals of W: P'W is upper triangular, with t_i'XX'a_j / t_i't_i. */
function rotations(scores: Float64Array[], duals: Float64Array[], products: Float64Array[]): Matrix {
  const columns: Float64Array[] = []
  for (const dual of duals) {
    const own = Float64Array.from(dual)
    columns.forEach((earlier, i) => {
      const t = scores[i] as Float64Array
      const share = dot(products[i] as Float64Array, dual) / dot(t, t)
      for (let k = 0; k < own.length; ++k) own[k] = (own[k] as number) - share * (earlier[k] as number)
    })
    const j = columns.length
    const t = scores[j] as Float64Array
    const unit = dot(products[j] as Float64Array, dual) / dot(t, t)
    columns.push(own.map((value) => value / unit))
  }
  return fromColumns(columns, duals[0]?.length ?? 0)
}

function fromColumns(columns: readonly Float64Array[], rows: number): Matrix {
  const out = matrix(rows, columns.length)
  columns.forEach((values, j) => {
    for (let i = 0; i < rows; ++i) out.data[i * columns.length + j] = values[i] as number
  })
  return out
}

/**
 * How well partial least squares predicts held-out responses from each layer's features: Pearson's r per target and fold.
 * @param net null where pixels alone are scored
 * @param responses row i belongs to image i
 * @throws {DataError} when images and responses do not match in number, or no target varies; {OptionError} for an option that is unknown or out of range
 */
export async function pls(
  net: Network | null,
  images: Images,
  responses: Responses,
  options: PlsOptions = {},
): Promise<LayerScores> {
  const op = 'pls'
  const { signal, onProgress, onPlan, ...rest } = options
  const settings = parseScoreOptions(op, plsOptions, rest)
  const { components, scale, tolerance } = settings
  const regression = `partial least squares of ${components} components (NIPALS to ${tolerance}) on ${scale ? 'scaled' : 'centred'} features and targets`
  return scoreLayers(
    op,
    net,
    images,
    responses,
    settings,
    { signal, onProgress, onPlan },
    {
      regression,
      innerScore: `mean r in ${innerFolds} folds of the training images`,
      fit: async ({ kernel, split, y, groups, wantsInner, device }) => {
        const fitted = await fitPls(await kernel.split(split, { scale }), y, settings, device)
        const raw = { components: fitted.loadings.columns, unconverged: fitted.unconverged }
        const inner = wantsInner ? await innerScores(kernel, split.train, y, groups, settings, device) : null
        return { prediction: fitted.prediction, inner, raw }
      },
    },
  )
}

/** Folds within the training images, by which a layer is chosen. */
const innerFolds = 5

/** r of each target in folds of the training images. */
async function innerScores(
  kernel: Kernels,
  train: Int32Array,
  y: Matrix,
  groups: Int32Array | null,
  settings: PlsSettings & { seed: number },
  device: Device,
): Promise<Float64Array> {
  const { scale, seed } = settings
  const folds: Float64Array[] = []
  for (const inner of foldsOf('pls', train.length, innerFolds, seed, groups)) {
    const imagesOf = (places: Int32Array) => places.map((place) => train[place] as number)
    const centred = await kernel.split({ train: imagesOf(inner.train), test: imagesOf(inner.test) }, { scale })
    const { prediction } = await fitPls(centred, rowsOf(y, inner.train), settings, device)
    folds.push(correlations(prediction, rowsOf(y, inner.test)))
  }
  return Float64Array.from({ length: y.columns }, (_, j) =>
    aggregate(
      folds.map((fold) => fold[j] as number),
      'mean',
    ),
  )
}
