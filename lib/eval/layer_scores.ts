// Scores of layers by a regression from their features to responses: one pass for the features, folds over the images, one entry a layer, and the layer
// that the training images alone would have chosen.
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import { type Images, type Responses, selectResponses } from '../data/index.js'
import { cpu, type Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import type { Network } from '../models/index.js'
import { parseOptions, seed, whole } from '../options.js'
import { startPhase } from '../run/index.js'
import { type NoiseCeiling, type Normalisation, noiseCeiling, normalisations, normaliseScore, repeatedTrials } from './ceiling.js'
import { checkExtent, checkNetwork } from './classify.js'
import { type CommittedScore, chosenLayers } from './committed.js'
import { type Aggregation, aggregate, aggregations, correlations, deviationOf } from './correlation.js'
import { both, checkParts, describeFolds, describeGiven, type Split, splitsFor } from './folds.js'
import { joined, Kernel, type Kernels } from './kernel.js'
import {
  type LayerControl,
  type LayerFeatures,
  layerFeatures,
  layerOptions,
  layersOf,
  namedLayers,
  projectionOption,
} from './layer_features.js'
import { columnsOf, type Matrix, matrix, rowsOf } from './matrix.js'
import type { Score } from './score.js'
import { usableTargets } from './usable_targets.js'

export const layerScoreOptions = {
  ...layerOptions,
  projection: projectionOption
    .default('auto')
    .describe(
      'dimensions onto which larger layers are projected at random; auto: by Johnson and Lindenstrauss for epsilon 0.1; or none',
    ),
  test: z
    .array(z.union([whole(0), z.string()]))
    .min(1)
    .optional()
    .describe(
      'images that alone are tested, by number from 0 or by name, all others being trained on: one split instead of folds',
    ),
  folds: whole(2).default(5).describe('parts of the images, each tested once'),
  repeats: whole(1).default(3).describe('orders of the images by which they are parted anew; scores are means over them'),
  seed: seed.default(0).describe('of folds, projections and halves of repeats'),
  aggregate: z.enum(aggregations).default('median').describe('over targets'),
  normalise: z
    .enum(Object.keys(normalisations) as [Normalisation, ...Normalisation[]])
    .optional()
    .describe(
      `also put each target's r beside its ceiling, where there are repeats: ${Object.entries(normalisations)
        .map(([name, { formula }]) => `${name} ${formula}`)
        .join(', ')}; never clipped`,
    ),
}

type Settings = z.output<z.ZodObject<typeof layerScoreOptions>>

/**
 * @internal The options of a score, with their defaults.
 * @throws {OptionError} as `parseOptions` does, and for folds beside a split that is given
 */
export function parseScoreOptions<S extends z.ZodObject<typeof layerScoreOptions>>(
  op: string,
  schema: S,
  given: z.input<S>,
): z.output<S> {
  const settings = parseOptions(op, schema, given)
  for (const name of ['folds', 'repeats'] as const)
    if (given.test !== undefined && given[name] !== undefined)
      throw new OptionError({
        op,
        argument: name,
        actual: `${given[name]} beside test`,
        expected: 'one of them: a given split is one',
      })
  return settings
}

/** What a number depends on beside network and images. */
export interface Protocol {
  /** [C,H,W] of the images that the network was given. */
  input: number[]
  resizing: string
  /** What of a recording was predicted; null where that is not known. */
  responses: string | null
  projection: string
  folds: string
  regression: string
  aggregation: string
  /** Of `raw.normalised`; null where it was not asked for. */
  normalisation: string | null
}

export interface LayerScore extends Score {
  layer: string
  protocol: Protocol
  /** Of each target: r, mean over folds; NaN where it could not be scored. */
  perTarget: number[]
}

export interface LayerScores {
  /** One a layer, in the order asked for. */
  scores: LayerScore[]
  /** null of a single layer. */
  committed: CommittedScore | null
}

/** What a regression is given: the training images' responses, all known, of some targets. */
export interface Task {
  kernel: Kernels
  split: Split
  /** [training images, targets] */
  y: Matrix
  /** A number for each training image: those of one belong together. */
  groups: Int32Array | null
  /** Whether the score within the training images is needed. */
  wantsInner: boolean
  device: Device
}

export interface Fitted {
  /** [test images, targets] */
  prediction: Matrix
  /** r of each target within the training images; null where it was not asked for. */
  inner: Float64Array | null
  /** Numbers worth keeping, of which the mean over folds is told. */
  raw: Record<string, number>
}

export interface Regression {
  /** In words. */
  regression: string
  /** What the score within the training images is, in words. */
  innerScore: string
  /** Parts that the training images must have to be left out one after another: images, or groups where these belong together. */
  leastParts(wantsInner: boolean): number
  fit(task: Task): Promise<Fitted>
}

/** What is told of a layer, or of several that are joined. */
type LayerFacts = Pick<LayerFeatures, 'layer' | 'features' | 'size' | 'projection'>

/** r of every fold and target, in the test images and within the training ones. */
interface FoldScores {
  test: Float64Array[]
  inner: Float64Array[]
  raw: Record<string, number>[]
}

/** Scores when it is asked to. */
export type Scoring<Scores = LayerScores> = (control: LayerControl) => Promise<Scores>

/** Layers scored by a regression, once they are asked for. Everything that can be refused is refused here, before the first image is read. */
export function layerScoring(
  op: string,
  net: Network | null,
  images: Images,
  responses: Responses,
  settings: Settings,
  regression: Regression,
): Scoring {
  const { seed, repeats, aggregate: how } = settings
  if (net !== null) checkNetwork(op, net)
  checkImages(op, images)
  const count = images.shape[0]
  if (responses.images !== count)
    throw new DataError({
      op,
      argument: responses.name,
      actual: `responses to ${responses.images} images`,
      expected: `to the ${count} of ${images.name}`,
    })
  const names = namedLayers(op, net, settings.layers, true)
  const least = regression.leastParts(names.length > 1)
  const { given, splits } = splitsFor(op, responses, settings, least)
  const folds = given ? 1 : settings.folds
  const { patterns, counts } = usableTargets(op, responses, folds, given)
  for (const { images: known } of patterns) for (const { train } of splits) checkParts(op, responses, both(train, known), least)
  if (net) checkExtent(op, net, images)
  const device = net?.device ?? cpu()
  const predicted = given ? selectResponses(responses, given.test) : responses
  if (settings.normalise) repeatedTrials(predicted)

  return async ({ signal, onProgress, onPlan }) => {
    const single = [...new Set(names.flatMap(layersOf))]
    const features = await layerFeatures(op, net, images, single, settings, { signal, onProgress, onPlan })
    const report = startPhase('scores', 'fits', names.length * splits.length, 0, onProgress)
    const isRepeated = (predicted.trials?.repeats ?? 0) > 1
    const reliability = isRepeated ? noiseCeiling(predicted, { seed, aggregate: how }) : null
    const reached = reliability?.score.ceiling
    // Of images that were never repeated there is none.
    const ceiling = reached && !Number.isNaN(reached.value) ? reached : null
    const normalised = reliability && normaliser(predicted, reliability, settings)
    const all: { layer: LayerFacts; found: FoldScores }[] = []
    const y = matrix(count, responses.targets, responses.mean)
    for (const name of names) {
      const parts = layersOf(name).map((part) => features.find(({ layer }) => layer === part) as LayerFeatures)
      const kernels = await Promise.all(parts.map((part) => Kernel.of(part, device)))
      using kernel = kernels.length > 1 ? joined(kernels) : (kernels[0] as Kernel)
      const found: FoldScores = { test: [], inner: [], raw: [] }
      for (const split of splits) {
        signal?.throwIfAborted()
        const [test, inner] = [0, 1].map(() => new Float64Array(responses.targets).fill(Number.NaN)) as [
          Float64Array,
          Float64Array,
        ]
        for (const { images: known, targets } of patterns) {
          const part = { train: known.length === count ? split.train : both(split.train, known), test: both(split.test, known) }
          if (part.test.length < 2) continue
          const own = columnsOf(y, targets)
          const { groups } = responses
          const fitted = await regression.fit({
            kernel,
            split: part,
            y: rowsOf(own, part.train),
            groups: groups ? part.train.map((i) => groups[i] as number) : null,
            wantsInner: names.length > 1,
            device,
          })
          const r = correlations(fitted.prediction, rowsOf(own, part.test))
          targets.forEach((target, j) => {
            test[target] = r[j] as number
            inner[target] = fitted.inner?.[j] ?? Number.NaN
          })
          found.raw.push(fitted.raw)
        }
        found.test.push(test)
        found.inner.push(inner)
        report(all.length * splits.length + found.test.length)
      }
      const total = (of: (part: LayerFeatures) => number) => parts.reduce((sum, part) => sum + of(part), 0)
      const layer = {
        layer: name,
        features: total((part) => part.features),
        size: total(({ size }) => size),
        projection:
          parts.map(({ projection }) => projection).join('; ') + (parts.length > 1 ? '; each of the same variance in all' : ''),
      }
      all.push({ layer, found })
    }

    const apart = patterns.length > 1 ? `; apart for ${patterns.length} sets of targets that were measured for other images` : ''
    const base = {
      name: op === 'encode' ? 'encoding' : op,
      unit: '',
      ceiling,
      seed,
      model: net?.describe() ?? 'no network',
      data: { name: [...new Set([responses.name, images.name])].join(', '), sha256: `${responses.sha256} ${images.sha256}` },
    }
    const scores = all.map(
      ({ layer, found }): LayerScore => ({
        layer: layer.layer,
        ...base,
        ...summary(found.test, folds, how),
        raw: {
          images: count,
          ...(given ? { tested: given.test.length } : {}),
          ...counts,
          features: layer.features,
          dimensions: layer.size,
          ...spreads(found.test, how),
          ...(normalised ? { normalised: normalised(overFolds(found.test)) } : {}),
          ...(names.length > 1
            ? {
                inner: aggregate(
                  found.inner.map((fold) => aggregate(fold, how)),
                  'mean',
                ),
              }
            : {}),
          ...meanRaw(found.raw),
        },
        protocol: {
          input: images.shape.slice(1),
          resizing: images.shaping ?? 'none: images as they are stored',
          responses: responses.selection ?? null,
          projection: layer.projection,
          folds: given ? describeGiven(given) : describeFolds(folds, repeats, seed, responses.groups),
          regression: regression.regression + apart,
          aggregation: `Pearson's r per target${given ? '' : ' and fold, mean over folds'}, ${how} over ${counts.targets} targets`,
          normalisation: settings.normalise ? `${settings.normalise}: ${normalisations[settings.normalise].formula}` : null,
        },
        perTarget: [...overFolds(found.test)],
      }),
    )
    return { scores, committed: names.length > 1 ? committed(all, folds, how, regression, base) : null }
  }
}

/** What puts r of each target beside its ceiling, and all of them into one number; null where that is not asked for. */
function normaliser(
  responses: Responses,
  reliability: NoiseCeiling,
  { normalise, aggregate: how }: Settings,
): ((r: Float64Array) => number) | null {
  if (!normalise) return null
  const { perTarget } = normalise === 'nsd' ? noiseCeiling(responses, { method: 'ncsnr' }) : reliability
  return (r) =>
    aggregate(
      r.map((value, target) => normaliseScore(value, perTarget[target] as number, normalise)),
      how,
    )
}

/** Mean over folds of each target's r. */
const overFolds = (folds: readonly Float64Array[]): Float64Array =>
  (folds[0] as Float64Array).map((_, target) =>
    aggregate(
      folds.map((fold) => fold[target] as number),
      'mean',
    ),
  )

function summary(scores: readonly Float64Array[], folds: number, how: Aggregation): Pick<Score, 'value' | 'spread'> {
  if (folds === 1) {
    const perTarget = overFolds(scores).filter((r) => !Number.isNaN(r))
    const value = deviationOf(perTarget) / Math.sqrt(perTarget.length)
    return { value: aggregate(perTarget, how), spread: { value, over: `${perTarget.length} targets (standard error)` } }
  }
  const perFold = scores.map((fold) => aggregate(fold, how))
  // Folds of other orders hold the same images again: they make the mean steadier, but are no more of them.
  const value = deviationOf(perFold) / Math.sqrt(folds)
  return {
    value: aggregate(overFolds(scores), how),
    spread: { value, over: `${folds} folds (standard error of the ${how} over targets)` },
  }
}

function spreads(folds: readonly Float64Array[], how: Aggregation): Record<string, number> {
  const perTarget = overFolds(folds)
  return {
    folds: folds.length,
    mean: aggregate(perTarget, 'mean'),
    median: aggregate(perTarget, 'median'),
    deviationOverTargets: deviationOf(perTarget),
    deviationOverFolds: deviationOf(folds.map((fold) => aggregate(fold, how))),
  }
}

function meanRaw(raws: readonly Record<string, number>[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(raws[0] ?? {}).map((name) => [
      name,
      aggregate(
        raws.map((raw) => raw[name] as number),
        'mean',
      ),
    ]),
  )
}

function committed(
  all: readonly { layer: LayerFacts; found: FoldScores }[],
  folds: number,
  how: Aggregation,
  { innerScore }: Regression,
  base: Omit<Score, 'value' | 'spread' | 'raw'>,
): CommittedScore {
  const { choices, times, ...chosen } = chosenLayers(
    all.map(({ layer: { layer }, found }) => ({ layer, inner: found.inner.map((fold) => aggregate(fold, how)) })),
  )
  const test = choices.map((choice, fold) => all[choice]?.found.test[fold] as Float64Array)
  return {
    ...base,
    ...summary(test, folds, how),
    raw: spreads(test, how),
    ...chosen,
    reason: `highest ${innerScore}, ${how} over targets${folds === 1 ? '' : `: chosen in ${times} of ${choices.length} folds`}`,
  }
}
