// Partial least squares to many targets, with the numbers of scikit-learn's PLSRegression.
import { z } from 'zod'
import type { Images, Responses } from '../data/index.js'
import { checkResponses } from '../data/neural/responses.js'
import type { Device } from '../device.js'
import type { Network } from '../models/index.js'
import { matmul, plsComponents } from '../ops/index.js'
import { takeControl, whole } from '../options.js'
import { aggregate, correlations } from './correlation.js'
import { foldsOf } from './folds.js'
import type { CentredSplit, Kernels } from './kernel.js'
import type { LayerControl } from './layer_features.js'
import { type LayerScores, layerScoreOptions, layerScoring, parseScoreOptions, type Scoring } from './layer_scores.js'
import { columnMeans, download, type Matrix, matrix, rowsOf, upload, withoutRow } from './matrix.js'

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

/**
 * Fits and predicts, with the components of op pls_components.
 * @param y [training images, targets], all known
 */
export async function fitPls(split: CentredSplit, y: Matrix, settings: PlsSettings, device: Device): Promise<PlsFit> {
  const { rows: count, columns: targets } = y
  const { tolerance, iterations } = settings
  const { train, test } = split
  const products = split.form === 'products'
  const means = columnMeans(y)
  const centred = withoutRow(y, means)
  const deviations = settings.scale ? scaleColumns(centred) : null
  const components = Math.min(settings.components, count - 1, products ? count - 1 : (train.shape[1] as number))
  if (components < 1)
    return {
      weights: matrix(count, 0),
      loadings: matrix(targets, 0),
      prediction: constant(test.shape[0] as number, means),
      unconverged: 0,
    }

  using responses = upload(centred, device)
  using along = products ? null : matmul(train, responses, { transposeA: true })
  using image = matmul(train, along ?? responses)
  const fit = plsComponents(train, responses, image, { components, tolerance, iterations, products })
  using weights = fit.weights
  using loadings = fit.loadings
  using found = fit.found
  using rotations = products ? null : matmul(weights, train)
  using scores = matmul(test, rotations ?? weights, { transposeB: true })
  using predicted = matmul(scores, loadings)
  const [[used, unconverged], prediction, rows, itsLoadings] = await Promise.all([
    found.read().then(({ data }) => data as unknown as [number, number]),
    download(predicted),
    download(weights),
    download(loadings),
  ])
  for (let i = 0, at = 0; i < prediction.rows; ++i)
    for (let j = 0; j < targets; ++j, ++at)
      prediction.data[at] = (prediction.data[at] as number) * (deviations?.[j] ?? 1) + (means[j] as number)
  return { weights: firstRowsTransposed(rows, used), loadings: firstRowsTransposed(itsLoadings, used), prediction, unconverged }
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

/** The first rows as columns. */
function firstRowsTransposed({ columns, data }: Matrix, count: number): Matrix {
  const out = matrix(columns, count)
  for (let k = 0, at = 0; k < count; ++k) for (let i = 0; i < columns; ++i, ++at) out.data[i * count + k] = data[at] as number
  return out
}

/** The same row so many times. */
function constant(rows: number, row: Float64Array): Matrix {
  const out = matrix(rows, row.length)
  for (let i = 0; i < rows; ++i) out.data.set(row, i * row.length)
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
  const [own, control] = takeControl('pls', options, ['signal', 'onProgress', 'onPlan'])
  return plsScoring(net, images, responses, own)(control)
}

/** @internal What {@link pls} scores, once it is asked for: what can be refused is refused before. */
export function plsScoring(
  net: Network | null,
  images: Images,
  responses: Responses,
  options: z.input<typeof plsOptions>,
): Scoring {
  const op = 'pls'
  const settings = parseScoreOptions(op, plsOptions, options)
  checkResponses(op, responses)
  const { components, scale, tolerance } = settings
  const regression = `partial least squares of ${components} components (NIPALS to ${tolerance}) on ${scale ? 'scaled' : 'centred'} features and targets`
  return layerScoring(op, net, images, responses, settings, {
    regression,
    innerScore: `mean r in ${innerFolds} folds of the training images (fewer where they have fewer parts)`,
    leastParts: (wantsInner) => (wantsInner ? 2 : 1),
    fit: async ({ kernel, split, y, groups, wantsInner, device }) => {
      using centred = await kernel.split(split, { scale })
      const fitted = await fitPls(centred, y, settings, device)
      const raw = { components: fitted.loadings.columns, unconverged: fitted.unconverged }
      const inner = wantsInner ? await innerScores(kernel, split.train, y, groups, settings, device) : null
      return { prediction: fitted.prediction, inner, raw }
    },
  })
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
    using centred = await kernel.split({ train: imagesOf(inner.train), test: imagesOf(inner.test) }, { scale })
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
