// Batch normalisation: by the batch in training, else by running statistics. Ioffe and Szegedy 2015, algorithm 1.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import { Tensor } from '../../tensor.js'
import type { Extent } from '../extent.js'
import { Base, layerName, type Place, type Saved } from '../layer.js'
import type { Graph } from '../onnx_graph.js'

const schema = z.strictObject({
  kind: z.literal('batch_norm'),
  name: layerName,
  epsilon: z.number().positive().default(1e-5),
  momentum: z.number().min(0).max(1).default(0.1),
})
type BatchNormSpec = z.output<typeof schema>

class BatchNorm extends Base<BatchNormSpec> {
  readonly output: Extent
  constructor(spec: BatchNormSpec, place: Place) {
    super(spec, place)
    const [channels] = this.image
    this.parameter('gamma', [channels], 'one')
    this.parameter('beta', [channels], 'zero')
    this.buffer('mean', [channels], 'zero')
    this.buffer('variance', [channels], 'one')
    this.output = place.input
  }

  forward(x: Tensor, training: boolean) {
    const { epsilon, momentum } = this.spec
    const state = { ...this.parameters, ...this.buffers } as unknown as ops.BatchNormParameters
    const { y, centre, spread } = ops.batchNorm(x, state, { epsilon, momentum, training })
    return { y, saved: { x, centre, spread } }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { gamma } = this.parameters as { gamma: Tensor }
    if (this.frozen) {
      if (!wants) return null
      // Running statistics are constants, so that the gradient is scaled as x is, and moved by nothing.
      const none = () => Tensor.zeros(gamma.shape, { device: gamma.device })
      const state = { gamma, beta: none(), mean: none(), variance: this.buffers.variance as Tensor }
      return ops.batchNorm(gy, state, { epsilon: this.spec.epsilon }).y
    }
    const { x, centre, spread } = saved as { x: Tensor; centre: Tensor; spread: Tensor }
    const { gx, ggamma, gbeta } = ops.batchNormGrad(x, gamma, { centre, spread }, gy)
    into.set(`${this.name}.gamma`, ggamma)
    into.set(`${this.name}.beta`, gbeta)
    return wants ? gx : null
  }

  onnx(graph: Graph, x: string): string {
    const inputs = ['gamma', 'beta', 'mean', 'variance'].map((name) => graph.weight(`${this.name}.${name}`))
    return graph.add('BatchNormalization', [x, ...inputs], `${this.name}.batch_norm`, { epsilon: this.spec.epsilon })
  }
}

export const batchNorm = { kind: 'batch_norm', schema, make: (spec: BatchNormSpec, place: Place) => new BatchNorm(spec, place) }
