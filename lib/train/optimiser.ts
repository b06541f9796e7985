// Optimisers and learning-rate schedules of the supervised recipe.
import { z } from 'zod'
import type { Device } from '../device.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import { adam, adamw, sgd } from '../ops/index.js'
import { Tensor } from '../tensor.js'

const rate = (text: string) => z.number().min(0).max(1e6).describe(text)
const moment = (text: string) => z.number().min(0).max(0.999999999).describe(text)
const learningRate = rate('at the start; 0.001 of Adam, 0.01 of sgd')
const weightDecay = rate('of weights, not of biases; 0, of adamw 0.01')
const moments = {
  beta1: moment('decay of the mean of gradients, of Adam').default(0.9),
  beta2: moment('decay of the mean of their squares, of Adam').default(0.999),
  epsilon: z.number().min(0).max(1).default(1e-8).describe('added to the root of the mean square, of Adam'),
}

export const optimiserOptions = z.discriminatedUnion('kind', [
  /** Kingma and Ba 2015; `weightDecay` is an L2 term of the loss. */
  z.strictObject({
    kind: z.literal('adam'),
    learningRate: learningRate.default(1e-3),
    ...moments,
    weightDecay: weightDecay.default(0),
  }),
  /** Loshchilov and Hutter 2019; `weightDecay` shrinks the weights. */
  z.strictObject({
    kind: z.literal('adamw'),
    learningRate: learningRate.default(1e-3),
    ...moments,
    weightDecay: weightDecay.default(0.01),
  }),
  /** Gradient descent with momentum. */
  z.strictObject({
    kind: z.literal('sgd'),
    learningRate: learningRate.default(0.01),
    momentum: moment('of sgd').default(0.9),
    weightDecay: weightDecay.default(0),
    nesterov: z.boolean().default(false).describe("Nesterov's form of the momentum, of sgd"),
  }),
])
export type OptimiserOptions = z.input<typeof optimiserOptions>
export type OptimiserConfig = z.output<typeof optimiserOptions>

export const scheduleOptions = z.strictObject({
  kind: z
    .enum(['constant', 'linear', 'cosine', 'step'])
    .default('cosine')
    .meta({ flag: 'schedule' })
    .describe(
      'course of the learning rate after the warm-up: constant, falling linearly or by a half cosine to the final share, or in steps',
    ),
  final: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .meta({ flag: 'final-rate' })
    .describe('share of the first learning rate that is left at the end'),
  warmupEpochs: z
    .number()
    .min(0)
    .default(0)
    .meta({ flag: 'warmup' })
    .describe('epochs over which the rate rises linearly from 0'),
  milestones: z
    .array(z.number().positive())
    .default([])
    .describe("of schedule 'step': epochs after which the rate is multiplied"),
  factor: z.number().positive().max(1).default(0.1).describe("of schedule 'step': by how much"),
})
export type ScheduleOptions = z.input<typeof scheduleOptions>
export type ScheduleConfig = z.output<typeof scheduleOptions>

/** Learning rate of minibatch `step` of `total`, with `perEpoch` of them an epoch. */
export function scheduledRate(schedule: ScheduleConfig, first: number, step: number, total: number, perEpoch: number): number {
  const { kind, final, warmupEpochs, milestones, factor } = schedule
  const warmup = Math.round(warmupEpochs * perEpoch)
  if (step < warmup) return (first * (step + 1)) / warmup
  const done = total > warmup ? (step - warmup) / (total - warmup) : 1
  if (kind === 'linear') return first * (1 + (final - 1) * done)
  if (kind === 'cosine') return first * (final + ((1 - final) * (1 + Math.cos(Math.PI * done))) / 2)
  if (kind === 'step') return first * factor ** milestones.filter((epoch) => step >= epoch * perEpoch).length
  return first
}

/** The moments of every parameter and the step that updates them. */
export class Optimiser {
  private readonly moments = new Map<string, Tensor>()

  /**
   * @param parameters by name, updated in place by `step`
   * @param saved moments of a checkpoint, as `state` gave them
   */
  constructor(
    readonly config: OptimiserConfig,
    private readonly parameters: ReadonlyMap<string, Tensor>,
    device: Device,
    saved?: ReadonlyMap<string, Safetensor> | null,
  ) {
    for (const [name, { shape }] of parameters)
      for (const moment of config.kind === 'sgd' ? ['m'] : ['m', 'v']) {
        const key = `${moment}.${name}`
        const found = saved?.get(key)
        const tensor = found ? Tensor.from(found.data as Float32Array, { shape, device }) : Tensor.zeros(shape, { device })
        this.moments.set(key, tensor)
      }
  }

  /**
   * One update. Biases, and the factors and offsets of normalisations, are not decayed.
   * @param step number of the update, from 1
   */
  step(gradients: ReadonlyMap<string, Tensor>, learningRate: number, step: number): void {
    for (const [name, w] of this.parameters) {
      const g = gradients.get(name)
      if (!g) continue
      const weightDecay = w.shape.length > 1 ? this.config.weightDecay : 0
      const m = this.moments.get(`m.${name}`) as Tensor
      if (this.config.kind === 'sgd') {
        const { momentum, nesterov } = this.config
        sgd(w, m, g, { learningRate, weightDecay, momentum, nesterov })
      } else {
        const { beta1, beta2, epsilon } = this.config
        const v = this.moments.get(`v.${name}`) as Tensor
        const update = this.config.kind === 'adam' ? adam : adamw
        update(w, m, v, g, { learningRate, weightDecay, beta1, beta2, epsilon, step })
      }
    }
  }

  async state(): Promise<Map<string, Safetensor>> {
    const entries = [...this.moments].map(async ([name, tensor]) => [name, await hostTensor(tensor)] as const)
    return new Map(await Promise.all(entries))
  }

  dispose(): void {
    for (const tensor of this.moments.values()) tensor.dispose()
  }
}
