// Each channel less its mean, divided by its standard deviation, both fixed: what networks that are trained end to end begin with. The
// statistics are buffers; 0 and 1 until they are set.
import { z } from 'zod'
import type { Device } from '../../device.js'
import * as ops from '../../ops/index.js'
import { Tensor } from '../../tensor.js'
import type { Extent } from '../extent.js'
import { Base, type Initialise, layerName, type Place, type Saved } from '../layer.js'
import type { Graph } from '../onnx_graph.js'

const schema = z.strictObject({ kind: z.literal('standardise'), name: layerName })
type StandardiseSpec = z.output<typeof schema>

class Standardise extends Base<StandardiseSpec> {
  readonly output: Extent
  private constants: { gamma: Tensor; beta: Tensor } | null = null
  constructor(spec: StandardiseSpec, place: Place) {
    super(spec, place)
    const [channels] = this.image
    this.buffer('mean', [channels], 'zero')
    this.buffer('std', [channels], 'one')
    this.output = place.input
  }

  override allocate(device: Device, initialise: Initialise): void {
    super.allocate(device, initialise)
    const [channels] = this.image
    this.constants = {
      gamma: Tensor.from(new Float32Array(channels).fill(1), { device }),
      beta: Tensor.zeros([channels], { device }),
    }
  }

  override dispose(): void {
    super.dispose()
    for (const tensor of Object.values(this.constants ?? {})) tensor.dispose()
  }

  /** (x - mean) / std: batch normalisation of fixed statistics. */
  private scaled(x: Tensor, mean: Tensor): Tensor {
    const { gamma, beta } = this.constants as { gamma: Tensor; beta: Tensor }
    const std = this.buffers.std as Tensor
    return ops.batchNorm(x, { gamma, beta, mean, variance: ops.multiply(std, std) }, { epsilon: 1e-30 }).y
  }

  forward(x: Tensor) {
    return { y: this.scaled(x, this.buffers.mean as Tensor), saved: null }
  }

  backward(_saved: Saved, gy: Tensor, wants: boolean) {
    if (!wants) return null
    return this.scaled(gy, Tensor.zeros([this.image[0]], { device: gy.device }))
  }

  onnx(graph: Graph, x: string): string {
    const each = (name: string) => graph.weight(`${this.name}.${name}`, [1, this.image[0], 1, 1])
    return graph.add(
      'Div',
      [graph.add('Sub', [x, each('mean')], `${this.name}.less_mean`), each('std')],
      `${this.name}.standardise`,
    )
  }
}

export const standardise = {
  kind: 'standardise',
  schema,
  make: (spec: StandardiseSpec, place: Place) => new Standardise(spec, place),
}
