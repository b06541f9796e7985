import { isUint8Array } from 'node:util/types'
import { z } from 'zod'
import { DataError, OptionError } from '../errors.js'
import { headOutput, type Network, type PlacedHead } from '../models/index.js'
import { parseWithControl } from '../options.js'
import { Tensor } from '../tensor.js'
import { batchesFor, batchOptions, countImages, type ImagesOrBytes } from './batches.js'
import { checkNetwork } from './classify.js'

export const predictOptions = z.strictObject({
  ...batchOptions,
  head: z.string().optional().describe('head that is asked, where a network has several (default: the first one with classes)'),
})

export interface PredictOptions extends z.input<typeof predictOptions> {
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called after each batch: images done, of how many. */
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** What a network says of one image. */
export interface Prediction {
  /** The most probable class. */
  class: string
  /** Its number among the classes. */
  label: number
  /** Its probability, from 0 to 1. */
  probability: number
  /** Of every class, in the order of the network's. */
  probabilities: Float32Array
}

/**
 * Classes of images with their probabilities, by a network with a softmax head.
 * @param images a set of images of the network's size; or the bytes of an image file of any size, or of several, which are decoded and resized
 * @returns one prediction for one image, else one for each in their order
 * @throws {DataError} when the network has no classes, its outputs are not finite, or an image cannot be decoded or is of another size
 * @throws {OptionError} for an option that is unknown or out of range, and for what are no images
 * @example const { class: name, probability } = await predict(net, await readFile('photo.jpg'))
 */
export function predict(net: Network, images: Uint8Array, options?: PredictOptions): Promise<Prediction>
export function predict(net: Network, images: Exclude<ImagesOrBytes, Uint8Array>, options?: PredictOptions): Promise<Prediction[]>
export async function predict(
  net: Network,
  images: ImagesOrBytes,
  options: PredictOptions = {},
): Promise<Prediction | Prediction[]> {
  const op = 'predict'
  const [{ head: name, ...reading }, { signal, onProgress }] = parseWithControl(op, predictOptions, options)
  const head = classHead(op, net, name)
  const total = countImages(op, net, images)
  const predictions: Prediction[] = []
  for await (const { pixels, count } of batchesFor(op, net, images, reading, signal)) {
    const logits = await headOutputs(net, pixels, count, head)
    for (let i = 0; i < count; ++i)
      predictions.push(predictionOf(op, head, logits.subarray(i * head.outputs, (i + 1) * head.outputs)))
    onProgress?.(predictions.length, total)
  }
  return isUint8Array(images) ? (predictions[0] as Prediction) : predictions
}

function classHead(op: string, net: Network, name: string | undefined): PlacedHead {
  checkNetwork(op, net)
  const able = net.heads.filter(({ loss }) => loss === 'softmax')
  const head = name === undefined ? able[0] : able.find((one) => one.name === name)
  if (head) return head
  if (able.length > 0)
    throw new OptionError({ op, argument: 'head', actual: `'${name}'`, expected: able.map((one) => one.name).join(' or ') })
  const expected = 'one trained with labels (transform gives the outputs of any layer)'
  throw new DataError({ op, argument: 'network', actual: 'without classes', expected })
}

/** @internal Outputs [n,T] of a head for pixels [n,C,H,W]. */
export async function headOutputs(net: Network, pixels: Uint8Array, count: number, head: PlacedHead): Promise<Float32Array> {
  const { channels, image } = net.config
  using input = Tensor.from(pixels, { shape: [count, channels, ...image], device: net.device })
  using y = await net.infer(input)
  const logits = headOutput(y, head)
  try {
    return (await logits.read()).data as Float32Array
  } finally {
    logits.dispose()
  }
}

function predictionOf(op: string, head: PlacedHead, logits: Float32Array): Prediction {
  if (!logits.every(Number.isFinite)) {
    const actual = 'one whose outputs are not finite'
    throw new DataError({ op, argument: 'network', actual, expected: 'one with sound weights' })
  }
  const largest = logits.reduce((a, b) => Math.max(a, b))
  const label = logits.indexOf(largest)
  const weights = Float64Array.from(logits, (x) => Math.exp(x - largest))
  const sum = weights.reduce((a, b) => a + b)
  const probabilities = Float32Array.from(weights, (x) => x / sum)
  return { class: head.classes[label] as string, label, probability: probabilities[label] as number, probabilities }
}
