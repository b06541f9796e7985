import { z } from 'zod'
import { checkImages } from '../data/images.js'
import { ahead, batchesOf, type Images, labelsAmong, labelsOf } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Network } from '../models/index.js'
import { parseWithControl, whole, wrongObject } from '../options.js'
import { Tensor } from '../tensor.js'
import type { Score } from './score.js'

export const classifyOptions = z.strictObject({ batch: whole(1).default(256).describe('images at a time') })

export interface ClassifyOptions extends z.input<typeof classifyOptions> {
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called after each batch: images done, of how many. */
  onProgress?: (done: number, total: number) => void
}

export interface Classification {
  /** Share of wrong images. */
  score: Score
  /** Mean cross-entropy in nats. */
  loss: number
  /** Predicted class of each image. */
  prediction: Int32Array
  /** [T][T]: images of class i called j. */
  confusion: number[][]
}

/**
 * The labels of images that a network can classify: those that its first softmax head was trained on.
 * @throws {DataError} when the images do not fit the network
 */
export function labelsFor(op: string, net: Network, images: Images): Int32Array {
  checkNetwork(op, net)
  checkImages(op, images)
  const head = net.heads.find(({ loss }) => loss === 'softmax')
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: images.name, actual, expected })
  if (!head) throw new DataError({ op, argument: 'network', actual: 'without a readout', expected: 'one trained with labels' })
  const found = labelsOf(images, head.target)
  if (!found) throw refuse('without labels', `labelled images (a target '${head.target}')`)
  checkExtent(op, net, images)
  // A test split may lack some of the classes, or know them in another order.
  const labels = labelsAmong({ classes: found.classes, values: found.labels }, net.classes)
  if (!labels) throw refuse(`of the classes ${found.classes.join(', ')}`, `the network's: ${net.classes.join(', ')}`)
  return labels
}

/**
 * Refuses what is no network.
 * @throws {OptionError}
 */
export function checkNetwork(op: string, net: Network): void {
  if (typeof net?.features === 'function' && Array.isArray(net.layerNames)) return
  throw wrongObject(op, 'network', net, 'a Network, as openNetwork and the recipes give them')
}

/** Refuses images of another size than the network's with a {@link DataError}. */
export function checkExtent(op: string, net: Network, images: Images): void {
  checkNetwork(op, net)
  const { channels, image } = net.config
  const extent = images.shape.slice(1)
  if (extent.join() === [channels, ...image].join()) return
  const sizes = extent[0] === channels ? ` (of files by size, --size ${image})` : ''
  const expected = `[${channels},${image}], those that the network was trained on${sizes}`
  throw new DataError({ op, argument: images.name, actual: `of images [${extent}]`, expected })
}

/** The error of a network that called so many images wrong. */
export function errorScore(net: Network, images: Images, wrong: number): Score {
  const count = images.shape[0]
  const share = wrong / count
  return {
    name: 'error',
    value: share,
    unit: '',
    raw: { wrong, images: count, chance: 1 - 1 / net.classes.length },
    ceiling: null,
    spread: { value: Math.sqrt((share * (1 - share)) / count), over: `${count} images (binomial standard error)` },
    seed: null,
    model: net.describe(),
    data: { name: images.name, sha256: images.sha256 },
  }
}

/** What a network says of pixels [n,C,H,W]: its loss, and the class that each image is called. */
export async function judge(
  net: Network,
  pixels: Uint8Array | Float32Array,
  labels: Int32Array,
): Promise<{ loss: number; prediction: Int32Array }> {
  const { channels, image } = net.config
  using input = Tensor.from(pixels, { shape: [labels.length, channels, ...image], device: net.device })
  using expected = Tensor.from(labels, { device: net.device })
  const { loss, errors, prediction } = await net.score(input, expected)
  try {
    const [mean, called] = await Promise.all([loss.read(), prediction.read()])
    return { loss: mean.data[0] ?? Number.NaN, prediction: called.data as Int32Array }
  } finally {
    for (const tensor of [loss, errors, prediction]) tensor.dispose()
  }
}

/**
 * Classifies labelled images with a network's first softmax head.
 * @throws {DataError} when the images do not fit the network, before anything runs
 */
export async function classify(net: Network, images: Images, options: ClassifyOptions = {}): Promise<Classification> {
  const [{ batch }, { signal, onProgress }] = parseWithControl('classify', classifyOptions, options)
  const labels = labelsFor('classify', net, images)
  const count = images.shape[0]
  const classes = net.classes.length
  const prediction = new Int32Array(count)
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  let [loss, wrong, done] = [0, 0, 0]
  for await (const { pixels, rows } of ahead(images, batchesOf(count, batch), signal ? { signal } : {})) {
    const expected = labels.subarray(done, done + rows.length)
    const judged = await judge(net, pixels, expected)
    loss += judged.loss * rows.length
    judged.prediction.forEach((called, i) => {
      const label = expected[i] as number
      prediction[done + i] = called
      if (called !== label) wrong++
      const row = confusion[label] as number[]
      row[called] = (row[called] as number) + 1
    })
    done += rows.length
    onProgress?.(done, count)
  }
  return { score: errorScore(net, images, wrong), loss: loss / count, prediction, confusion }
}
