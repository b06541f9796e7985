// What a network says of images of another kind than it was trained on: each of its heads, by its own measure.
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import { ahead, batchesOf, type ClassColumn, type Column, type Images, wrapDegrees } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Network, PlacedHead } from '../models/index.js'
import { parseWithControl, whole } from '../options.js'
import { Tensor } from '../tensor.js'
import { checkExtent } from './classify.js'
import type { Score } from './score.js'

export const transferOptions = z.strictObject({ batch: whole(1).default(256).describe('images at a time') })

export interface TransferOptions extends z.input<typeof transferOptions> {
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called after each batch: images done, of how many. */
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** One head's. */
export interface TransferScore extends Score {
  head: string
  /** Column of the images' targets that it was held to. */
  target: string
  /** Of classes: those that network and images share, of which alone the score is. */
  shared?: readonly string[]
}

export interface TransferScores {
  /**
   * `accuracy`, of classes: share of the images of shared classes that are called right when one of the shared classes must be said; `raw.amongAll`
   * when any of the network's may be. `r2`, of numbers and angles: 1 - (squared error) / (squared deviation from the images' own mean), differences of
   * angles wrapped into (-180, 180]; `raw.rmse` and `raw.meanAbsoluteError` in the target's unit.
   */
  scores: TransferScore[]
  unscored: Unscored[]
}

/** A head that these images say nothing of. */
export interface Unscored {
  head: string
  target: string
  /** Why: the images have no such target, too few of its classes, or one value alone. */
  reason: string
}

type Numbers = Exclude<Column, ClassColumn>

/** How one head is judged: told of every batch's outputs, then asked. */
interface Judge {
  add(outputs: Float32Array, rows: Int32Array): void
  result(): Pick<TransferScore, 'name' | 'value' | 'unit' | 'raw' | 'spread' | 'shared'>
}

/**
 * Scores every head of a network on images with targets, which may be of other classes, in another order, than those that it was trained on: a network
 * trained on rendered objects, tried on others.
 * @throws {DataError} when the images do not fit the network, or none of its heads can be scored on them, before anything runs
 */
export async function transfer(net: Network, images: Images, options: TransferOptions = {}): Promise<TransferScores> {
  const op = 'transfer'
  const [{ batch }, { signal, onProgress }] = parseWithControl(op, transferOptions, options)
  checkImages(op, images)
  checkExtent(op, net, images)
  const judges: { head: PlacedHead; judge: Judge }[] = []
  const unscored: Unscored[] = []
  for (const head of net.heads) {
    const judge = judgeOf(head, images)
    if (typeof judge === 'string') unscored.push({ head: head.name, target: head.target, reason: judge })
    else judges.push({ head, judge })
  }
  if (judges.length === 0) throw nothingToScore(op, net, images, unscored)
  const count = images.shape[0]
  let done = 0
  for await (const { pixels, rows } of ahead(images, batchesOf(count, batch), signal ? { signal } : {})) {
    using input = Tensor.from(pixels, { shape: [rows.length, ...images.shape.slice(1)], device: net.device })
    using y = await net.infer(input)
    const { data } = await y.read()
    const width = y.shape[1] as number
    for (const { head, judge } of judges) {
      const own = new Float32Array(rows.length * head.outputs)
      for (let i = 0; i < rows.length; ++i)
        own.set((data as Float32Array).subarray(i * width + head.start, i * width + head.start + head.outputs), i * head.outputs)
      judge.add(own, rows)
    }
    done += rows.length
    onProgress?.(done, count)
  }
  return {
    scores: judges.map(({ head: { name, target }, judge }) => ({
      head: name,
      target,
      ceiling: null,
      seed: null,
      model: net.describe(),
      data: { name: images.name, sha256: images.sha256 },
      ...judge.result(),
    })),
    unscored,
  }
}

/** How a head is judged on images, or why it cannot be. */
function judgeOf(head: PlacedHead, { targets }: Images): Judge | string {
  const { loss, target } = head
  const column = Object.hasOwn(targets, target) ? targets[target] : undefined
  if (!column) return `not among the images' targets (${Object.keys(targets).join(', ') || 'none'})`
  if (column.kind === 'class')
    return loss === 'softmax' ? classJudge(head, column) : 'classes of the images, where the network gives numbers'
  return loss === 'softmax' ? `${column.kind}s of the images, where the network gives classes` : numberJudge(head, column)
}

function nothingToScore(op: string, { heads }: Network, { name, targets }: Images, unscored: readonly Unscored[]): DataError {
  const own = [...new Set(heads.map(({ target }) => target))]
  if (own.some((target) => Object.hasOwn(targets, target)))
    return new DataError({
      op,
      argument: name,
      actual: `of nothing that a head can be scored by: ${unscored.map(({ head, reason }) => `${head} (${reason})`).join(', ')}`,
      expected: 'two classes at least that the network knows, or numbers or angles that vary',
    })
  return new DataError({
    op,
    argument: name,
    actual: `of the targets ${Object.keys(targets).join(', ') || 'none'}`,
    expected: `at least one of the network's: ${own.join(', ') || 'none, as it has no heads'}`,
  })
}

function classJudge(head: PlacedHead, column: ClassColumn): Judge | string {
  const numberOf = new Map(head.classes.map((name, i) => [name, i]))
  const wanted = column.classes.map((name) => numberOf.get(name) ?? -1)
  const present = new Set(column.values)
  const shared = column.classes.filter((_, i) => present.has(i) && wanted[i] !== -1)
  const candidates = new Set(shared.map((name) => numberOf.get(name) as number))
  if (shared.length === 0) return `the images are of none of its ${head.classes.length} classes`
  if (shared.length === 1) return `the images are of one of its ${head.classes.length} classes alone (${shared[0]})`
  let [right, amongAll, count] = [0, 0, 0]
  return {
    add(outputs, rows) {
      for (const [i, row] of rows.entries()) {
        const label = wanted[column.values[row] as number] as number
        if (label === -1) continue
        const logits = outputs.subarray(i * head.outputs, (i + 1) * head.outputs)
        const best = (of: Iterable<number>) => {
          let found = -1
          for (const k of of) if (found === -1 || (logits[k] as number) > (logits[found] as number)) found = k
          return found
        }
        count++
        if (best(candidates) === label) right++
        if (best(logits.keys()) === label) amongAll++
      }
    },
    result: () => {
      const value = right / count
      const leftOut = column.values.length - count
      return {
        name: 'accuracy',
        value,
        unit: '',
        raw: { right, images: count, chance: 1 / shared.length, amongAll: amongAll / count, leftOut },
        spread: { value: Math.sqrt((value * (1 - value)) / count), over: `${count} images (binomial standard error)` },
        shared,
      }
    },
  }
}

function numberJudge(head: PlacedHead, column: Numbers): Judge | string {
  const { mean, deviation, outputs: width } = head
  if (width === 1 && (mean === undefined || deviation === undefined))
    return "the network's head is without the mean and deviation of its target, which training writes into it"
  const difference = (a: number, b: number) => (column.kind === 'angle' ? wrapDegrees(a - b) : a - b)
  const first = column.values[0] as number
  if (column.values.every((value) => difference(value, first) === 0))
    return `the same in every image (${[Number(first.toPrecision(6)), column.unit].join(' ').trim()})`
  const errors: number[] = []
  const squares = (values: Iterable<number>) => {
    let sum = 0
    for (const value of values) sum += value * value
    return sum
  }
  return {
    add(outputs, rows) {
      for (const [i, row] of rows.entries()) {
        const [first, second] = [outputs[i * width] as number, outputs[i * width + 1] as number]
        const said = width === 2 ? (Math.atan2(first, second) * 180) / Math.PI : (mean as number) + (deviation as number) * first
        errors.push(difference(said, column.values[row] as number))
      }
    },
    result: () => {
      const total = squares(Float64Array.from(column.values, (value) => difference(value, column.mean)))
      // Each image's share of 1 - R2, for its standard error; the spread of the targets taken as known.
      const shares = errors.map((error) => (error * error * errors.length) / total)
      const lost = shares.reduce((a, b) => a + b, 0) / shares.length
      const variance = squares(shares.map((share) => share - lost)) / Math.max(1, shares.length - 1)
      return {
        name: 'r2',
        value: 1 - lost,
        unit: '',
        raw: {
          images: errors.length,
          rmse: Math.sqrt(squares(errors) / errors.length),
          meanAbsoluteError: errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length,
          deviation: Math.sqrt(total / errors.length),
        },
        spread: { value: Math.sqrt(variance / shares.length), over: `${shares.length} images` },
      }
    },
  }
}
