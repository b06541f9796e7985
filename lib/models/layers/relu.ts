import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import { layerName, type Place, Plain } from '../layer.js'
import type { Graph } from '../onnx_graph.js'

const schema = z.strictObject({ kind: z.literal('relu'), name: layerName })
type ReluSpec = z.output<typeof schema>

class Relu extends Plain<ReluSpec> {
  readonly output = this.input
  protected run(x: Tensor): Tensor {
    return ops.relu(x)
  }
  protected undo(x: Tensor, gy: Tensor): Tensor {
    return ops.reluGrad(x, gy)
  }
  onnx(graph: Graph, x: string): string {
    return graph.add('Relu', [x], `${this.name}.relu`)
  }
}

export const relu = { kind: 'relu', schema, make: (spec: ReluSpec, place: Place) => new Relu(spec, place) }
