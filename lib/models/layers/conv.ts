// K filters of window x window.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import { Base, border, count, layerName, type Place, type Saved } from '../layer.js'
import { type Graph, windowAttributes } from '../onnx_graph.js'

const schema = z.strictObject({
  kind: z.literal('conv'),
  name: layerName,
  units: count,
  window: count,
  stride: count.default(1),
  padding: border.default(0),
  bias: z.boolean().default(true),
})
type ConvSpec = z.output<typeof schema>

class Conv extends Base<ConvSpec> {
  readonly output: [number, number, number]
  override readsBytes = true
  /** In training. */
  readonly precision: ops.Precision
  constructor(spec: ConvSpec, place: Place) {
    super(spec, place)
    const { units, window, bias } = spec
    this.precision = this.frozen ? 'float32' : place.precision
    const [channels] = this.image
    this.output = this.windowed(spec)
    const fanIn = channels * window * window
    this.parameter('weight', [units, channels, window, window], 'weight', fanIn)
    if (bias) this.parameter('bias', [units], 'bias', fanIn)
  }

  private options(training: boolean) {
    const { stride, padding } = this.spec
    return { stride, padding, precision: training ? this.precision : 'float32' }
  }

  forward(x: Tensor, training: boolean) {
    const { weight, bias } = this.parameters
    return { y: ops.conv2d(x, weight as Tensor, { ...this.options(training), bias: bias ?? null }), saved: x }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const of = [
      ...(this.frozen ? [] : ['gw' as const, ...(this.spec.bias ? ['gb' as const] : [])]),
      ...(wants ? ['gx' as const] : []),
    ]
    const { gx, gw, gb } = ops.conv2dGrad(saved as Tensor, this.parameters.weight as Tensor, gy, { ...this.options(true), of })
    if (!this.frozen) {
      into.set(`${this.name}.weight`, gw)
      if (this.spec.bias) into.set(`${this.name}.bias`, gb)
    }
    return wants ? gx : null
  }

  onnx(graph: Graph, x: string): string {
    const { window, stride, padding, bias } = this.spec
    const inputs = [x, graph.weight(`${this.name}.weight`), ...(bias ? [graph.weight(`${this.name}.bias`)] : [])]
    return graph.add('Conv', inputs, `${this.name}.conv`, windowAttributes(window, stride, padding))
  }
}

export const conv = { kind: 'conv', schema, make: (spec: ConvSpec, place: Place) => new Conv(spec, place) }
