import type { ImageSet } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Classifier } from '../models/index.js'
import { scope, Tensor } from '../tensor.js'
import type { Score } from './score.js'

export interface ClassifyOptions {
  /** Images at a time. Default 256. */
  batch?: number
  signal?: AbortSignal
  onProgress?: (done: number, total: number) => void
}

export interface Classification {
  /** Test error in percent. */
  score: Score
  /** Mean cross-entropy in nats. */
  loss: number
  /** Predicted class of each image. */
  prediction: Int32Array
  /** [T][T]: images of class i called j. */
  confusion: number[][]
}

/**
 * The labels of a set that a network can classify.
 * @throws {DataError} when the set does not fit the network
 */
export function labelsFor(op: string, net: Classifier, set: ImageSet): Int32Array {
  const { config } = net
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: set.name, actual, expected })
  const [, channels, height, width] = set.shape
  if (config.classes.length === 0)
    throw new DataError({ op, argument: 'network', actual: 'without a readout', expected: 'one trained with labels' })
  if (!set.labels) throw refuse('without labels', 'labelled images')
  if (channels !== config.channels || height !== config.image[0] || width !== config.image[1])
    throw refuse(
      `of images [${channels},${height},${width}]`,
      `[${config.channels},${config.image}], those that the network was trained on`,
    )
  if (set.classes.join() !== config.classes.join())
    throw refuse(`of the classes ${set.classes.join(', ')}`, `the network's: ${config.classes.join(', ')}`)
  return set.labels
}

/** The error of a network that called so many images of a set wrong. */
export function errorScore(net: Classifier, set: ImageSet, wrong: number): Score {
  const images = set.shape[0]
  const share = wrong / images
  return {
    name: 'error',
    value: 100 * share,
    unit: '%',
    raw: { wrong, images, chance: 100 * (1 - 1 / net.config.classes.length) },
    ceiling: null,
    spread: { value: 100 * Math.sqrt((share * (1 - share)) / images), over: `${images} images (binomial standard error)` },
    seed: null,
    model: net.describe(),
    data: { name: set.name, sha256: set.sha256 },
  }
}

/**
 * Classifies a labelled image set with a network's readout.
 * @throws {DataError} when the set does not fit the network, before anything runs
 */
export async function classify(net: Classifier, set: ImageSet, options: ClassifyOptions = {}): Promise<Classification> {
  const setLabels = labelsFor('classify', net, set)
  const [n, channels, height, width] = set.shape
  const batch = options.batch ?? 256
  const stride = channels * height * width
  const prediction = new Int32Array(n)
  let loss = 0
  let wrong = 0
  for (let first = 0; first < n; first += batch) {
    options.signal?.throwIfAborted()
    const count = Math.min(batch, n - first)
    const labels = setLabels.subarray(first, first + count)
    await scope(async () => {
      const pixels = set.images.subarray(first * stride, (first + count) * stride)
      const images = Tensor.from(pixels, { shape: [count, channels, height, width], device: net.device })
      const result = net.score(images, Tensor.from(labels, { device: net.device }))
      loss += ((await result.loss.read()).data[0] ?? Number.NaN) * count
      wrong += (await result.errors.read()).data[0] ?? 0
      prediction.set((await result.prediction.read()).data as Int32Array, first)
    })
    options.onProgress?.(first + count, n)
  }
  const classes = net.config.classes.length
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  prediction.forEach((called, i) => {
    const row = confusion[setLabels[i] ?? 0]
    if (row) row[called] = (row[called] ?? 0) + 1
  })
  return { score: errorScore(net, set, wrong), loss: loss / n, prediction, confusion }
}
