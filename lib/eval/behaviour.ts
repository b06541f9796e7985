// Whether a classifier is unsure, and goes wrong, where people do.
import { z } from 'zod'
import { ahead, batchesOf, type Choices, type Images, labelsOf } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Network, PlacedHead } from '../models/index.js'
import { parseWithControl, seed, whole } from '../options.js'
import { shuffled } from '../random.js'
import { startPhase } from '../run/index.js'
import { spearmanBrown } from './ceiling.js'
import { labelsFor } from './classify.js'
import { deviationOf, pearson, spearman } from './correlation.js'
import type { LayerControl } from './layer_features.js'
import { headOutputs } from './predict.js'
import type { Score } from './score.js'

export const behaviourOptions = z.strictObject({
  batch: whole(1).default(256).describe('images at a time'),
  splits: whole(1).default(20).describe('halvings of the people, for the ceilings'),
  seed: seed.default(0).describe('of the halvings'),
})

export interface BehaviourOptions extends z.input<typeof behaviourOptions>, LayerControl {}

/** Agreement of a classifier with the choices of people. */
export interface BehaviourScores {
  /**
   * `cross-entropy`: mean over images of the cross-entropy of the network's probabilities to the people's shares (nats; its ceiling is the least that any
   * probabilities reach). `uncertainty`: Spearman's rho over images of the entropies of both. `confusions`: Pearson's r of both tables of mean shares,
   * [class, chosen], off the diagonal. `agreement`: share of images for which the network's class is the one that most people chose.
   */
  scores: Score[]
  protocol: { input: number[]; resizing: string; people: string; ceilings: string }
}

/** A number of two tables of shares [images, classes] and the class of each image. */
type Statistic = (a: Float64Array, b: Float64Array, labels: Int32Array) => number

/**
 * How far a classifier agrees with people.
 * @param choices row i belongs to image i, columns to the classes in the order that the images' have
 * @throws {DataError} when images, classes and choices do not match, or the network's outputs are not finite
 */
export async function behaviour(
  net: Network,
  images: Images,
  choices: Choices,
  options: BehaviourOptions = {},
): Promise<BehaviourScores> {
  const op = 'behaviour'
  const [{ batch, splits, seed }, { signal, onProgress, onPlan }] = parseWithControl(op, behaviourOptions, options, [
    'signal',
    'onProgress',
    'onPlan',
  ])
  const labels = labelsFor(op, net, images)
  const head = net.heads.find(({ loss }) => loss === 'softmax') as PlacedHead
  const count = images.shape[0]
  const classes = head.classes.length
  if (choices.images !== count || choices.classes !== classes)
    throw new DataError({
      op,
      argument: choices.name,
      actual: `choices for ${choices.images} images among ${choices.classes} classes`,
      expected: `for the ${count} images and ${classes} classes of the network`,
    })
  const counts = inOrderOf(head, images, choices)
  onPlan?.(`${count} images in one pass: ${((32 * count * classes) / 1e6).toFixed(1)} MB of probabilities and shares`)
  const logs = new Float64Array(count * classes)
  const report = startPhase('probabilities', 'images', count, 0, onProgress)
  let done = 0
  for await (const { rows, pixels } of ahead(images, batchesOf(count, batch), signal ? { signal } : {})) {
    logSoftmax(op, await headOutputs(net, pixels, rows.length, head), classes, logs.subarray(done * classes))
    done += rows.length
    report(done)
  }
  const probabilities = logs.map(Math.exp)
  const shares = sharesOf(counts, classes)

  const entropiesOf = (table: Float64Array) => rowsOf(table, classes).map(entropy)
  const uncertainty: Statistic = (a, b) => spearman(entropiesOf(a), entropiesOf(b))
  const confusions: Statistic = (a, b, of) => pearson(offDiagonal(a, of, classes), offDiagonal(b, of, classes))
  // Of an image that one person judged there are no halves.
  const totals = rowsOf(counts, classes).map((row) => row.reduce((sum, value) => sum + value, 0))
  const isHalved = (image: number) => (totals[image] as number) > 1
  const halved = {
    labels: labels.filter((_, i) => isHalved(i)),
    counts: counts.filter((_, at) => isHalved(Math.floor(at / classes))),
  }
  const halves = Array.from({ length: splits }, (_, split) => halfShares(halved.counts, classes, split, seed))
  const ceilingOf = (statistic: Statistic) => {
    const r = halves.reduce((sum, [a, b]) => sum + statistic(a, b, halved.labels), 0) / splits
    if (Number.isNaN(r)) return null
    return {
      value: Math.sqrt(Math.max(0, spearmanBrown(r))),
      formula: `square root of the reliability of people: the same of random halves of them (${splits} times), by Spearman and Brown`,
    }
  }
  const judgements = totals.reduce((sum, value) => sum + value, 0)
  const raw = { images: count, classes, judgements }
  const base = {
    unit: '',
    raw,
    ceiling: null,
    seed,
    model: net.describe(),
    data: { name: `${choices.name}, ${images.name}`, sha256: `${choices.sha256} ${images.sha256}` },
  }
  const ofStatistic = (name: string, statistic: Statistic): Score => ({
    ...base,
    name,
    value: statistic(probabilities, shares, labels),
    ceiling: ceilingOf(statistic),
    spread: jackknife(statistic, probabilities, shares, labels, classes),
  })
  const ofImages = (name: string, values: Float64Array): Score => ({
    ...base,
    name,
    value: meanOf(values),
    spread: { value: deviationOf(values) / Math.sqrt(count), over: `${count} images (standard error)` },
  })
  const [logRows, probabilityRows, shareRows] = [logs, probabilities, shares].map((table) => rowsOf(table, classes)) as [
    Float64Array[],
    Float64Array[],
    Float64Array[],
  ]
  const each = Float64Array.from(shareRows, (row, i) => -row.reduce((sum, share, k) => sum + weighted(share, logRows[i]?.[k]), 0))
  const agreed = Float64Array.from(shareRows, (row, i) => Number(largest(row) === largest(probabilityRows[i] as Float64Array)))
  const least = meanOf(Float64Array.from(entropiesOf(shares)))
  return {
    scores: [
      {
        ...ofImages('cross-entropy', each),
        unit: 'nats',
        raw: { ...raw, entropyOfPeople: least, chance: Math.log(classes) },
        ceiling: { value: least, formula: "mean entropy of the people's shares, the least that any probabilities reach" },
      },
      ofStatistic('uncertainty', uncertainty),
      ofStatistic('confusions', confusions),
      { ...ofImages('agreement', agreed), raw: { ...raw, chance: 1 / classes } },
    ],
    protocol: {
      input: images.shape.slice(1),
      resizing: images.shaping ?? 'none: images as they are stored',
      people: `${(judgements / count).toFixed(1)} judgements an image`,
      ceilings: `halves of the judgements of each image${halved.labels.length < count ? ` of ${halved.labels.length} with two or more` : ''}, ${splits} times, drawn by seed ${seed}`,
    },
  }
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Counts with their columns in the order of a head's classes. */
function inOrderOf(head: PlacedHead, images: Images, { counts, classes }: Choices): Float64Array {
  const known = labelsOf(images, head.target)?.classes ?? head.classes
  const places = head.classes.map((name) => known.indexOf(name))
  return counts.map((_, at) => counts[at - (at % classes) + (places[at % classes] as number)] as number)
}

function logSoftmax(op: string, logits: Float32Array, classes: number, out: Float64Array): void {
  for (const [i, row] of rowsOf(logits, classes).entries()) {
    if (!row.every(Number.isFinite)) {
      const actual = 'one whose outputs are not finite'
      throw new DataError({ op, argument: 'network', actual, expected: 'one with sound weights' })
    }
    const most = row.reduce((a, b) => Math.max(a, b))
    const sum = Math.log(row.reduce((total, x) => total + Math.exp(x - most), 0))
    row.forEach((x, k) => {
      out[i * classes + k] = x - most - sum
    })
  }
}

/** The rows of a table. */
const rowsOf = <T extends Float32Array | Float64Array>(table: T, columns: number): T[] =>
  Array.from({ length: table.length / columns }, (_, i) => table.subarray(i * columns, (i + 1) * columns) as T)

/** Counts as shares of each row. */
function sharesOf(counts: Float64Array, classes: number): Float64Array {
  const sums = rowsOf(counts, classes).map((row) => row.reduce((sum, value) => sum + value, 0))
  return counts.map((value, at) => value / (sums[Math.floor(at / classes)] as number))
}

/** share x log probability, 0 where nobody chose it. */
const weighted = (share: number, log: number | undefined): number => (share === 0 ? 0 : share * (log as number))

/** Summed in the order of the shares, so that rows which differ in the order of their classes alone are tied. */
const entropy = (row: Float64Array): number =>
  -row
    .slice()
    .sort()
    .reduce((sum, share) => sum + weighted(share, Math.log(share)), 0)

const largest = (row: Float64Array): number => row.reduce((best, value, k) => (value > (row[best] as number) ? k : best), 0)

/** Mean shares of every other class for the images of each class, one after the other. */
function offDiagonal(table: Float64Array, labels: Int32Array, classes: number): Float64Array {
  const sums = new Float64Array(classes * classes)
  const counts = new Float64Array(classes)
  labels.forEach((label, i) => {
    counts[label] = (counts[label] as number) + 1
    for (let k = 0; k < classes; ++k)
      sums[label * classes + k] = (sums[label * classes + k] as number) + (table[i * classes + k] as number)
  })
  return sums.map((sum, at) => sum / (counts[Math.floor(at / classes)] || 1)).filter((_, at) => at % (classes + 1) !== 0)
}

const stream = 0x70656f70

/** Shares of two random halves of the people who judged each image; of an odd number one half has one more. */
function halfShares(counts: Float64Array, classes: number, split: number, seed: number): [Float64Array, Float64Array] {
  const halves = [new Float64Array(counts.length), new Float64Array(counts.length)] as [Float64Array, Float64Array]
  for (const [i, row] of rowsOf(counts, classes).entries()) {
    const judgements = [...row].flatMap((count, k) => new Array<number>(count).fill(k))
    const order = shuffled(judgements, split * (counts.length / classes) + i, stream, seed)
    order.forEach((chosen, turn) => {
      const half = halves[(turn + split) % 2 === 0 ? 0 : 1]
      half[i * classes + chosen] = (half[i * classes + chosen] as number) + 1
    })
  }
  return [sharesOf(halves[0], classes), sharesOf(halves[1], classes)]
}

/** Images are left out in so many groups. */
const groups = 20

/** Standard error by leaving out every 20th image at a time: sqrt((g - 1) / g sum (score - mean)^2). */
function jackknife(statistic: Statistic, a: Float64Array, b: Float64Array, labels: Int32Array, classes: number): Score['spread'] {
  const parts = Math.min(groups, labels.length)
  const without = Float64Array.from({ length: parts }, (_, part) => {
    const kept = (table: Float64Array) => table.filter((_, at) => Math.floor(at / classes) % parts !== part)
    return statistic(
      kept(a),
      kept(b),
      labels.filter((_, i) => i % parts !== part),
    )
  })
  const squares = without.reduce((sum, value) => sum + (value - meanOf(without)) ** 2, 0)
  return { value: Math.sqrt(((parts - 1) / parts) * squares), over: `${labels.length} images (jackknife of ${parts} groups)` }
}
