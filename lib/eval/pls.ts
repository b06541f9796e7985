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
function dot(v: Float64Array, w: Float64Array): number {
  let sum = 0
  for (let i = 0; i < v.length; ++i) sum += (v[i] as number) * (w[i] as number)
  return sum
}

const norm = (v: Float64Array): number => Math.sqrt(dot(v, v))

function scaled(v: Float64Array, factor: number): Float64Array {
  const out = new Float64Array(v.length)
  for (let i = 0; i < v.length; ++i) out[i] = factor * (v[i] as number)
  return out
}

/** v += factor w. */
function addTo(v: Float64Array, w: Float64Array, factor: number): void {
  for (let i = 0; i < v.length; ++i) v[i] = (v[i] as number) + factor * (w[i] as number)
}

/** a v; of four rows at a time, so that v is read once for them and no addition waits for the one before. */
function times({ rows, columns, data }: Matrix, v: Float64Array): Float64Array {
  const out = new Float64Array(rows)
  let i = 0
  for (let at = 0; i < rows - 3; i += 4, at += 3 * columns) {
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let j = 0; j < columns; ++j, ++at) {
      const value = v[j] as number
      a += value * (data[at] as number)
      b += value * (data[at + columns] as number)
      c += value * (data[at + 2 * columns] as number)
      d += value * (data[at + 3 * columns] as number)
    }
    out[i] = a
    out[i + 1] = b
    out[i + 2] = c
    out[i + 3] = d
  }
  for (; i < rows; ++i) out[i] = dot(v, data.subarray(i * columns, (i + 1) * columns))
  return out
}

/** a' v, likewise. */
function timesTransposed({ rows, columns, data }: Matrix, v: Float64Array): Float64Array {
  const out = new Float64Array(columns)
  let i = 0
  for (let at = 0; i < rows - 3; i += 4, at += 3 * columns) {
    const a = v[i] as number
    const b = v[i + 1] as number
    const c = v[i + 2] as number
    const d = v[i + 3] as number
    for (let j = 0; j < columns; ++j, ++at)
      out[j] =
        (out[j] as number) +
        (a * (data[at] as number) + b * (data[at + columns] as number)) +
        (c * (data[at + 2 * columns] as number) + d * (data[at + 3 * columns] as number))
  }
  for (; i < rows; ++i) addTo(out, data.subarray(i * columns, (i + 1) * columns), v[i] as number)
  return out
}

/** a -= v w'. */
function subtractOuter({ rows, columns, data }: Matrix, v: Float64Array, w: Float64Array): void {
  for (let i = 0, at = 0; i < rows; ++i) {
    const factor = v[i] as number
    for (let j = 0; j < columns; ++j, ++at) data[at] = (data[at] as number) - factor * (w[j] as number)
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
    const factor = 1 / Math.sqrt(dot(v, turned))
    return { b: scaled(v, factor), turned: scaled(turned, factor) }
  }
  let now = normalised(start)
  for (let step = 1; step < iterations && start.length > 1; ++step) {
    const next = normalised(now.turned)
    // |w - w before|^2, w being X'Y b.
    let change = 0
    for (let j = 0; j < start.length; ++j)
      change += ((next.b[j] as number) - (now.b[j] as number)) * ((next.turned[j] as number) - (now.turned[j] as number))
    now = next
    if (change < tolerance) return { b: now.b, isFound: true }
  }
  return { b: now.b, isFound: start.length === 1 }
}

/** The share of C's trace at which it is computed anew: what updates have left of it has lost as many digits. */
const renewal = 1e-3

/**
 * Fits and predicts. The components are those of NIPALS (w = X'u / |X'u|, t = X w, q = Y't / t't, u = Y q, until w stands still; X -= t p', Y -= t q'),
 * but features enter only as inner products of images: w = X'Y b, of length 1 where b'Y'XX'Y b = 1, so that the iteration runs on the targets alone.
 * Only Y is deflated, which is enough (Dayal and MacGregor 1997): the scores are XX'Y b less its parts along the earlier ones.
 * @param y [training images, targets], all known
 */
export async function fitPls(split: CentredSplit, y: Matrix, settings: PlsSettings, device: Device): Promise<PlsFit> {
  const { rows: count, columns: targets } = y
  const { train, test } = split
  const isProducts = split.form === 'products'
  const means = columnMeans(y)
  const rest = withoutRow(y, means)
  const deviations = settings.scale ? scaleColumns(rest) : null
  const applied = (v: Float64Array) => (isProducts ? times(train, v) : times(train, timesTransposed(train, v)))

  // XX'Y, and Y'XX'Y as a matrix where it is the smaller thing; deflated as Y is.
  const image = isProducts
    ? await product(train, rest, device)
    : await product(train, await product(train, rest, device, { transposeA: true }), device)
  let square: Matrix | null = null
  let renewed = 0
  const turn = (b: Float64Array) => (square ? times(square, b) : timesTransposed(rest, times(image, b)))
  const least = Number.EPSILON * rest.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const lengths = Float64Array.from({ length: targets }, (_, j) => norm(column(image, j)))
  // Scores t = XX'a, and t't, of each component.
  const components: { t: Float64Array; a: Float64Array; length: number; loading: Float64Array }[] = []
  const most = Math.min(settings.components, count - 1, isProducts ? count - 1 : train.columns)
  let [unconverged, largest] = [0, 0]
  while (components.length < most) {
    const start = firstTarget(rest, image, least, lengths)
    if (!start) break
    if (targets <= count && !(square && trace(square) > renewal * renewed)) {
      square = await product(rest, image, device, { transposeA: true })
      renewed = trace(square)
    }
    const { b, isFound } = componentWeights(turn, start, settings)
    const [t, a] = [times(image, b), times(rest, b)]
    for (const earlier of components) {
      const share = dot(earlier.t, t) / earlier.length
      addTo(t, earlier.t, -share)
      addTo(a, earlier.a, -share)
    }
    const length = dot(t, t)
    largest = Math.max(largest, length)
    // What is left of the features is rounding.
    if (!(length > largest * Number.EPSILON ** 2 * count)) break
    if (!isFound) ++unconverged
    const turned = applied(t)
    const loading = scaled(timesTransposed(rest, t), 1 / length)
    if (square) {
      // (Y - t q')'(XX'Y - XX't q') = C - v q' - q v'
      const v = timesTransposed(image, t)
      addTo(v, loading, -dot(t, turned) / 2)
      subtractOuter(square, v, loading)
      subtractOuter(square, loading, v)
    }
    subtractOuter(rest, t, loading)
    subtractOuter(image, turned, loading)
    components.push({ t, a, length, loading })
  }
  const weights = fromColumns(
    components.map(({ a }) => a),
    count,
  )
  const ofTest = isProducts
    ? await product(test, weights, device)
    : await product(test, await product(train, weights, device, { transposeA: true }), device)
  const loadings = fromColumns(
    components.map(({ loading }) => loading),
    targets,
  )
  const prediction = await product(ofTest, loadings, device, { transposeB: true })
  for (let i = 0, at = 0; i < test.rows; ++i)
    for (let j = 0; j < targets; ++j, ++at)
      prediction.data[at] = (prediction.data[at] as number) * (deviations?.[j] ?? 1) + (means[j] as number)
  return { weights, loadings, prediction, unconverged }
}

/** Sum of the diagonal. */
const trace = ({ rows, data }: Matrix): number => {
  let sum = 0
  for (let at = 0; at < data.length; at += rows + 1) sum += data[at] as number
  return sum
}

/** Divides each column by its standard deviation (n - 1); a constant one stays. @returns what they were divided by */
function scaleColumns({ rows, columns, data }: Matrix): Float64Array {
  const squares = new Float64Array(columns)
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) squares[j] = (squares[j] as number) + (data[at] as number) ** 2
  const deviations = squares.map((sum) => Math.sqrt(sum / (rows - 1)) || 1)
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) data[at] = (data[at] as number) / (deviations[j] as number)
  return deviations
}

/** The first target of which more than rounding is left, and of its products with the features, as a unit vector; null where there is none. */
function firstTarget(rest: Matrix, image: Matrix, least: number, lengths: Float64Array): Float64Array | null {
  const { columns } = rest
  for (let j = 0; j < columns; ++j) {
    const own = column(rest, j)
    const rounding = 10 * Number.EPSILON * norm(own) * (lengths[j] as number)
    if (!own.some((value) => Math.abs(value) > 10 * least) || !(dot(own, column(image, j)) > rounding)) continue
    const start = new Float64Array(columns)
    start[j] = 1
    return start
  }
  return null
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
      innerScore: `mean r in ${innerFolds} folds of the training images (fewer where they have fewer parts)`,
      leastParts: (wantsInner) => (wantsInner ? 2 : 1),
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
  const parts = groups ? new Set(groups).size : train.length
  for (const inner of foldsOf('pls', train.length, Math.min(innerFolds, parts), seed, groups)) {
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
