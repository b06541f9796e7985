// Representational similarity: whether a network's layers find the same images alike as brains or people do.
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import type { Images, ReferenceRdms, Responses, Trials } from '../data/index.js'
import { checkResponses } from '../data/neural/responses.js'
import { cpu, type Device } from '../device.js'
import { DataError } from '../errors.js'
import type { Network } from '../models/index.js'
import { parseOptions, refuseUnknown, seed, takeControl, whole, wrongObject } from '../options.js'
import { startPhase } from '../run/index.js'
import { spearmanBrown } from './ceiling.js'
import { checkExtent, checkNetwork } from './classify.js'
import { type CommittedScore, chosenLayers } from './committed.js'
import { deviationOf, isConstant, midRanks, placesOf } from './correlation.js'
import { foldsOf } from './folds.js'
import { type LayerControl, layerFeatures, layerOptions, namedLayers, projectionOption } from './layer_features.js'
import type { Scoring } from './layer_scores.js'
import { type Comparison, comparisons, crossnobis, distances, knownPairs, rdmOf } from './rdm.js'
import type { Score } from './score.js'

export const rsaOptions = z.strictObject({
  ...layerOptions,
  distance: z
    .enum(distances)
    .default('correlation')
    .describe("of two patterns: 1 - Pearson's r, or the mean squared difference of their features"),
  compare: z
    .enum(Object.keys(comparisons) as [Comparison, ...Comparison[]])
    .default('spearman')
    .describe('how two lists of dissimilarities are compared'),
  projection: projectionOption
    .default('none')
    .describe('dimensions onto which larger layers are projected at random; auto or none'),
  folds: whole(2)
    .default(5)
    .describe(
      'parts of the images; for each, the layer that the pairs of the other images choose is scored on the pairs that have one of its images',
    ),
  seed: seed.default(0).describe('of projections and folds'),
})

export interface RsaOptions extends z.input<typeof rsaOptions>, LayerControl {}

export interface RsaScore extends Score {
  layer: string
  protocol: {
    input: number[]
    resizing: string
    responses: string | null
    projection: string
    distance: string
    comparison: string
    aggregation: string
  }
  /** Of each subject. */
  perSubject: number[]
}

export interface RsaScores {
  /** One a layer, in the order asked for. */
  scores: RsaScore[]
  /** The layer that was chosen without the pairs that it is scored on; null of a single layer, and of too few images to choose by. */
  committed: CommittedScore | null
  /** What the best possible list of dissimilarities would reach lies between these; null of a single subject. */
  ceiling: { lower: number; upper: number; formula: string } | null
}

/** Of a layer, for each fold: the scores on the pairs of the other images, and on the pairs that have one of its images. */
interface FoldScores {
  layer: string
  inner: number[]
  outer: number[]
}
type Parted = [inner: Int32Array[], outer: Int32Array[]]

/**
 * How alike the dissimilarities of images are in each layer and in brains or people: the mean over subjects.
 * @param net null where pixels alone are scored
 * @param reference dissimilarities of the same images in the same order
 * @throws {DataError} when they are of another number of images; {OptionError} for an option that is unknown or out of range
 */
export async function rsa(
  net: Network | null,
  images: Images,
  reference: ReferenceRdms,
  options: RsaOptions = {},
): Promise<RsaScores> {
  const [own, control] = takeControl('rsa', options, ['signal', 'onProgress', 'onPlan'])
  return rsaScoring(net, images, reference, own)(control)
}

/** @internal What {@link rsa} scores, once it is asked for: what can be refused is refused before. */
export function rsaScoring(
  net: Network | null,
  images: Images,
  reference: ReferenceRdms,
  options: z.input<typeof rsaOptions>,
): Scoring<RsaScores> {
  const op = 'rsa'
  const settings = parseOptions(op, rsaOptions, options)
  const { distance, compare, seed } = settings
  if (net !== null) checkNetwork(op, net)
  checkImages(op, images)
  const count = images.shape[0]
  if (!Array.isArray(reference?.subjects))
    throw wrongObject(op, 'reference', reference, 'dissimilarities as readRdms and responseRdms give them')
  if (reference.images !== count || count < 3)
    throw new DataError({
      op,
      argument: reference.name,
      actual: `dissimilarities of ${reference.images} images`,
      expected: `of the ${count} (at least 3) of ${images.name}`,
    })
  const names = namedLayers(op, net, settings.layers)
  if (net) checkExtent(op, net, images)
  const { subjects } = reference
  const known = knownPairs(subjects)
  if (known.length < 3)
    throw new DataError({ op, argument: reference.name, actual: `${known.length} known pairs`, expected: 'at least 3' })
  const flat = subjects.findIndex((subject) => isConstant(Float64Array.from(known, (pair) => subject[pair] as number)))
  if (flat >= 0)
    throw new DataError({
      op,
      argument: reference.name,
      actual: `the same dissimilarity for every pair${subjects.length > 1 ? ` of subject ${flat + 1}` : ''}`,
      expected: 'ones that differ',
    })
  return async ({ signal, onProgress, onPlan }) => {
    const features = await layerFeatures(op, net, images, names, settings, { signal, onProgress, onPlan })
    const report = startPhase('scores', 'layers', names.length, 0, onProgress)
    const ceiling = subjects.length > 1 ? rsaCeiling(subjects, compare) : null
    const reliable = reference.halves ? halvesCeiling(reference.halves, compare) : null
    const device = net?.device ?? cpu()
    const scores: RsaScore[] = []
    const splits = names.length > 1 && count >= settings.folds ? foldsOf(op, count, settings.folds, seed, null) : []
    const within = splits.map(({ train }) => pairsWithin(count, train))
    const parts: FoldScores[] = []
    for (const layer of features) {
      signal?.throwIfAborted()
      const own = await rdmOf(layer, distance, device)
      const pairs = knownPairs([own, ...subjects])
      // All but Pearson's r ask for the order alone.
      const [mine, ...theirs] = [own, ...subjects].map((rdm) => (compare === 'pearson' ? rdm : placesOf(rdm, pairs))) as [
        Rdm,
        ...Rdm[],
      ]
      const scoreOf = (some: Int32Array) => theirs.map((subject) => compared(mine, subject, some, compare))
      const perSubject = scoreOf(pairs)
      const [inner, outer] = [1, 0].map((side) => within.map((fold) => pairs.filter((pair) => fold[pair] === side))) as Parted
      // Fewer than three pairs say nothing.
      const isChosen = within.length > 0 && [...inner, ...outer].every(({ length }) => length > 2)
      const each = (some: readonly Int32Array[]) => some.map((fold) => mean(scoreOf(fold)))
      if (isChosen) parts.push({ layer: layer.layer, inner: each(inner), outer: each(outer) })
      scores.push({
        layer: layer.layer,
        name: op,
        value: mean(perSubject),
        unit: '',
        raw: {
          images: count,
          pairs: pairs.length,
          unknownPairs: own.length - pairs.length,
          subjects: subjects.length,
          features: layer.features,
          dimensions: layer.size,
          ...(isChosen ? { inner: mean(parts.at(-1)?.inner ?? []) } : {}),
          ...(ceiling ? { ceilingLower: ceiling.lower, ceilingUpper: ceiling.upper } : {}),
        },
        ceiling: ceiling ? { value: ceiling.upper, formula: ceiling.formula } : reliable,
        spread:
          subjects.length > 1
            ? {
                value: deviationOf(perSubject) / Math.sqrt(subjects.length),
                over: `${subjects.length} subjects (standard error)`,
              }
            : await jackknife(count, pairs, (some) => mean(scoreOf(some)), signal),
        seed: settings.projection === 'none' ? null : seed,
        model: net?.describe() ?? 'no network',
        data: { name: `${reference.name}, ${images.name}`, sha256: `${reference.sha256} ${images.sha256}` },
        protocol: {
          input: images.shape.slice(1),
          resizing: images.shaping ?? 'none: images as they are stored',
          responses: reference.selection ?? null,
          projection: layer.projection,
          distance:
            distance === 'correlation' ? "1 - Pearson's r of the flattened outputs" : 'mean squared difference of the outputs',
          comparison: compare,
          aggregation: `mean over ${subjects.length} ${subjects.length === 1 ? 'subject' : 'subjects'}`,
        },
        perSubject,
      })
      report(scores.length)
    }
    return { scores, committed: splits.length > 0 && parts.length === names.length ? committedOf(parts, scores) : null, ceiling }
  }
}

/** The score of the layers that folds chose. */
function committedOf(parts: readonly FoldScores[], scores: readonly RsaScore[]): CommittedScore {
  const { choices, times, ...chosen } = chosenLayers(parts)
  const byFold = choices.map((choice, fold) => parts[choice]?.outer[fold] as number)
  const { name, unit, ceiling, seed, model, data } = scores[0] as RsaScore
  return {
    ...{ name, unit, ceiling, seed, model, data },
    value: mean(byFold),
    raw: { folds: byFold.length },
    spread: { value: deviationOf(byFold) / Math.sqrt(byFold.length), over: `${byFold.length} folds (standard error)` },
    ...chosen,
    reason: `highest among the pairs without the images of a fold: chosen in ${times} of ${byFold.length} folds`,
  }
}

/** How unlike two patterns of responses are. */
export const responseDistances = [...distances, 'crossnobis'] as const
export type ResponseDistance = (typeof responseDistances)[number]

/**
 * The dissimilarities that responses have: `correlation`, 1 - Pearson's r of the mean responses of all targets to two images (the default); `euclidean`,
 * the mean over targets of their squared difference; `crossnobis`, that of repeats against each other. Pairs of images without responses (of crossnobis:
 * without two repeats) are NaN; targets
 * that were not measured for every other image are left out, but of crossnobis. Where there are repeats, also those of the means over every other
 * repeat, by which a ceiling is found (not of crossnobis).
 * @throws {DataError} when fewer than two targets are left, and of crossnobis without repeats
 */
export async function responseRdms(
  responses: Responses,
  options: { distance?: ResponseDistance; device?: Device } = {},
): Promise<ReferenceRdms> {
  const op = 'responseRdms'
  refuseUnknown(op, options, ['distance', 'device'])
  checkResponses(op, responses)
  const { distance = 'correlation', device = cpu() } = options
  const { name, images, targets, mean: means, trials, selection, sha256 } = responses
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: name, actual, expected })
  if (distance === 'crossnobis') {
    if (!trials || trials.repeats < 2) throw refuse('without repeats', 'at least two of every image, for crossnobis distances')
    const subjects = [await crossnobis(trials, { device })]
    return { name: `${name}, crossnobis of ${targets} targets`, images, subjects, halves: null, selection, sha256 }
  }
  const isThere = (image: number, target: number) => !Number.isNaN(means[image * targets + target])
  const numbers = (count: number) => Int32Array.from({ length: count }, (_, i) => i)
  const all = numbers(targets)
  const known = numbers(images).filter((image) => all.some((target) => isThere(image, target)))
  const kept = all.filter((target) => known.every((image) => isThere(image, target)))
  const size = kept.length
  if (size < 2) throw refuse(`${size} of ${targets} targets that were measured for every image`, 'at least two')
  const rdmOfValues = async (value: (image: number, target: number) => number): Promise<Float64Array> => {
    const data = Float64Array.from({ length: known.length * size }, (_, at) =>
      value(known[Math.floor(at / size)] as number, kept[at % size] as number),
    )
    const found = await rdmOf({ count: known.length, size, data }, distance, device)
    if (known.length === images) return found
    const [first, second] = imagesOfPairs(images)
    const place = new Map(Array.from(known, (image, i) => [image, i]))
    return Float64Array.from(first, (image, pair) => {
      const [i, j] = [place.get(image), place.get(second[pair] as number)]
      return i === undefined || j === undefined ? Number.NaN : (found[(i * (2 * known.length - i - 1)) / 2 + j - i - 1] as number)
    })
  }
  const halfOf = ({ repeats, data }: Trials, side: number) =>
    rdmOfValues((image, target) => {
      const first = (image * targets + target) * repeats
      const known = data.subarray(first, first + repeats).filter((value) => !Number.isNaN(value))
      return mean([...known].filter((_, turn) => turn % 2 === side))
    })
  const what = distance === 'correlation' ? '1 - r' : 'mean squared difference'
  const of = size === targets ? `${size} targets` : `${size} of ${targets} targets, the others not measured for every image`
  return {
    name: `${name}, ${what} of the mean responses of ${of}`,
    images,
    subjects: [await rdmOfValues((image, target) => means[image * targets + target] as number)],
    halves: trials && trials.repeats > 1 ? [await halfOf(trials, 0), await halfOf(trials, 1)] : null,
    selection,
    sha256,
  }
}

/** What perfect dissimilarities would reach with those of noisy responses; null where no three pairs were repeated. */
function halvesCeiling(halves: readonly [Float64Array, Float64Array], compare: Comparison): Score['ceiling'] {
  const pairs = knownPairs(halves)
  if (pairs.length < 3) return null
  return {
    value: Math.sqrt(Math.max(0, spearmanBrown(compared(halves[0], halves[1], pairs, compare)))),
    formula: `square root of the reliability of the dissimilarities: ${compare} of those of every other repeat, by Spearman and Brown`,
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Dissimilarities of pairs, or their places among all. */
type Rdm = Float64Array | Uint32Array

const compared = (a: Rdm, b: Rdm, pairs: Int32Array, by: Comparison): number => {
  const of = (rdm: Rdm): Rdm => {
    const own = rdm instanceof Uint32Array ? new Uint32Array(pairs.length) : new Float64Array(pairs.length)
    for (let i = 0; i < pairs.length; ++i) own[i] = rdm[pairs[i] as number] as number
    return own
  }
  return comparisons[by](of(a), of(b))
}

/**
 * Between what the best possible dissimilarities would lie: mean over subjects of the comparison with the pooled ones of the others (lower) and of all
 * (upper). They are pooled as the comparison sees them: the mean of standardised ones for Pearson, of ranks for the others. Nili et al. 2014.
 */
export function rsaCeiling(
  subjects: readonly Float64Array[],
  compare: Comparison,
): { lower: number; upper: number; formula: string } {
  const pairs = knownPairs(subjects)
  const own = subjects.map((rdm) => Float64Array.from(pairs, (pair) => rdm[pair] as number))
  const seen = own.map((rdm) => (compare === 'pearson' ? standardised(rdm) : midRanks(rdm)))
  const pooled = (some: readonly Float64Array[]) =>
    (some[0] as Float64Array).map((_, i) => mean(some.map((rdm) => rdm[i] as number)))
  const all = pooled(seen)
  const against = (others: (i: number) => Float64Array) => mean(own.map((rdm, i) => comparisons[compare](rdm, others(i))))
  return {
    lower: against((i) => pooled(seen.filter((_, other) => other !== i))),
    upper: against(() => all),
    formula: `${compare} of each of ${subjects.length} subjects with the pooled dissimilarities of all (upper) or of the others (lower), mean over subjects`,
  }
}

function standardised(values: Float64Array): Float64Array {
  const centre = mean([...values])
  const deviation = deviationOf(values) || 1
  return values.map((value) => (value - centre) / deviation)
}

/** Both images of every pair i < j. */
function imagesOfPairs(count: number): [Int32Array, Int32Array] {
  const [first, second] = [new Int32Array((count * (count - 1)) / 2), new Int32Array((count * (count - 1)) / 2)]
  for (let i = 0, at = 0; i < count; ++i)
    for (let j = i + 1; j < count; ++j, ++at) {
      first[at] = i
      second[at] = j
    }
  return [first, second]
}

/** Of every pair, 1 where both images are among some. */
function pairsWithin(count: number, images: Int32Array): Uint8Array {
  const among = new Uint8Array(count)
  for (const i of images) among[i] = 1
  const [first, second] = imagesOfPairs(count)
  return Uint8Array.from(first, (i, pair) => (among[i] as number) * (among[second[pair] as number] as number))
}

/** Images are left out in at most so many groups. */
const mostGroups = 100

/** Standard error by leaving out one image, or every k-th, at a time: sqrt((g - 1) / g sum (score - mean)^2). */
async function jackknife(
  count: number,
  pairs: Int32Array,
  scoreOf: (pairs: Int32Array) => number,
  signal: AbortSignal | undefined,
): Promise<Score['spread']> {
  const groups = Math.min(count, mostGroups)
  const [first, second] = imagesOfPairs(count)
  const without: number[] = []
  for (let group = 0; group < groups; ++group) {
    await new Promise(setImmediate)
    signal?.throwIfAborted()
    const isLeft = (pair: number) => (first[pair] as number) % groups !== group && (second[pair] as number) % groups !== group
    without.push(scoreOf(pairs.filter(isLeft)))
  }
  const centre = mean(without)
  const squares = without.reduce((sum, value) => sum + (value - centre) ** 2, 0)
  return { value: Math.sqrt(((groups - 1) / groups) * squares), over: `${count} images (jackknife of ${groups} groups)` }
}
