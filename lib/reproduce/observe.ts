// What a network's numbers look like: why a setting trains or fails.
import { z } from 'zod'
import { batchesOf, type Images, labelsOf, uploadRows } from '../data/index.js'
import { type Layer, type Network, readoutInput } from '../models/index.js'
import { softmaxCrossEntropy, softmaxCrossEntropyGrad } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'

/** Of some numbers: those that are finite, and how many are not. JSON has no infinities, so none is kept. */
export interface Spread {
  mean: number
  max: number
  /** Share above 1e-3. */
  live: number
  /** Share that is infinite or no number. */
  notFinite: number
}

export interface Observation {
  /** Pooled activations after the power, over the images. */
  activations: Spread
  /** 2-norm of the loss's gradient for the first layer's filters; null without one, or when it is not finite. */
  gradientNorm: number | null
  /** Share of those gradient entries below Adam's epsilon of 1e-8, where its step no longer is of the learning rate's size. */
  belowEpsilon: number | null
  loss: number | null
}

const number = z.number().nullable()
export const observationSchema: z.ZodType<Observation> = z.object({
  activations: z.object({ mean: z.number(), max: z.number(), live: z.number(), notFinite: z.number() }),
  gradientNorm: number,
  belowEpsilon: number,
  loss: number,
})

export function spreadOf(values: Float32Array): Spread {
  let sum = 0
  let max = 0
  let live = 0
  let finite = 0
  for (const v of values) {
    if (!Number.isFinite(v)) continue
    finite++
    sum += v
    if (v > max) max = v
    if (v > 1e-3) live++
  }
  const n = values.length
  return { mean: finite > 0 ? sum / finite : 0, max, live: live / n, notFinite: 1 - finite / n }
}

/** What JSON keeps: null of what is not finite. */
export const kept = (x: number): number | null => (Number.isFinite(x) ? x : null)

/** The first images of a set, on the network's device. */
function firstImages(images: Images, count: number, { device }: Network): Promise<Tensor> {
  const [rows = new Int32Array()] = batchesOf(images.shape[0], count)
  return uploadRows(images, rows, device)
}

/** What the readout of a network reads of the first images of a set. */
export async function observeFeatures(net: Network, images: Images, count = 200): Promise<Observation> {
  const at = readoutInput(net.config)
  using x = await firstImages(images, count, net)
  using features = (await net.features(x, { at: [at] }))[at] as Tensor
  const activations = spreadOf((await features.read()).data as Float32Array)
  return { activations, gradientNorm: null, belowEpsilon: null, loss: null }
}

const learns = (layer: Layer): boolean => Object.keys(layer.parameters).length > 0 || layer.children.some(learns)

/** Activations of the first layer that learns, loss and gradient of a network trained end to end, as it is, on the first images of a set. */
export async function observeGradients(net: Network, images: Images, count = 100): Promise<Observation> {
  const [first] = net.trained.keys()
  const lowest = net.layers.find(learns)
  using x = await firstImages(images, count, net)
  const known = labelsOf(images)?.labels.slice(0, x.shape[0]) as Int32Array
  const { loss, gradient, maps } = scope(() => {
    const labels = Tensor.from(known, { device: net.device })
    let maps: Tensor | null = null
    const { y, saved } = net.forward(x, {
      training: true,
      watch: (layer, out) => {
        if (layer === lowest) maps = out
      },
    })
    const gradients = net.backward(saved, softmaxCrossEntropyGrad(y, labels))
    return {
      loss: softmaxCrossEntropy(y, labels).loss,
      gradient: gradients.get(first as string) as Tensor,
      maps: maps as unknown as Tensor,
    }
  })
  const [l, g, m] = await Promise.all([loss.read(), gradient.read(), maps.read()])
  for (const tensor of [loss, gradient, maps]) tensor.dispose()
  const entries = g.data as Float32Array
  return {
    activations: spreadOf(m.data as Float32Array),
    gradientNorm: kept(Math.sqrt(entries.reduce((sum, v) => sum + v * v, 0))),
    belowEpsilon: entries.filter((v) => Math.abs(v) < 1e-8).length / entries.length,
    loss: kept(l.data[0] ?? Number.NaN),
  }
}
