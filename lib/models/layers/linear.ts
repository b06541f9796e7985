// Weighted sums of all numbers of its input, plus a bias.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import { volume } from '../extent.js'
import { Base, count, flatten, layerName, type Place, type Saved } from '../layer.js'
import type { Graph } from '../onnx_graph.js'

const schema = z.strictObject({ kind: z.literal('linear'), name: layerName, units: count })
type LinearSpec = z.output<typeof schema>

class Linear extends Base<LinearSpec> {
  readonly output: [number]
  constructor(spec: LinearSpec, place: Place) {
    super(spec, place)
    const inputs = volume(place.input)
    this.parameter('weight', [spec.units, inputs], 'weight', inputs)
    this.parameter('bias', [spec.units], 'bias', inputs)
    this.output = [spec.units]
  }

  forward(x: Tensor) {
    const { weight, bias } = this.parameters
    const flat = flatten(x)
    return { y: ops.linear(flat, weight as Tensor, bias as Tensor), saved: { flat, shape: [...x.shape] } }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { flat, shape } = saved as { flat: Tensor; shape: number[] }
    const of = [...(this.frozen ? [] : ['gw' as const, 'gb' as const]), ...(wants ? ['gx' as const] : [])]
    const { gx, gw, gb } = ops.linearGrad(flat, this.parameters.weight as Tensor, gy, { of })
    if (!this.frozen) {
      into.set(`${this.name}.weight`, gw)
      into.set(`${this.name}.bias`, gb)
    }
    return wants ? gx.reshape(shape) : null
  }

  onnx(graph: Graph, x: string): string {
    const flat = this.input.length > 1 ? graph.flatten(this.name, x) : x
    const inputs = [flat, graph.weight(`${this.name}.weight`), graph.weight(`${this.name}.bias`)]
    return graph.add('Gemm', inputs, `${this.name}.linear`, { transB: 1 })
  }
}

export const linear = { kind: 'linear', schema, make: (spec: LinearSpec, place: Place) => new Linear(spec, place) }
