// [C,H,W] as [C x H x W].
import { z } from 'zod'
import type { Tensor } from '../../tensor.js'
import { volume } from '../extent.js'
import { layerName, type Place, Plain } from '../layer.js'
import type { Graph } from '../onnx_graph.js'
import type { Pass } from '../pass.js'

const schema = z.strictObject({ kind: z.literal('flatten'), name: layerName })
type FlattenSpec = z.output<typeof schema>

class Flatten extends Plain<FlattenSpec> {
  readonly output = [volume(this.input)]
  protected run(x: Tensor): Tensor {
    return x.reshape([x.shape[0] as number, ...this.output])
  }
  protected undo(x: Tensor, gy: Tensor): Tensor {
    return gy.reshape(x.shape)
  }
  override async infer(x: Tensor, pass: Pass): Promise<Tensor> {
    return pass.view(x, (map) => this.run(map))
  }
  onnx(graph: Graph, x: string): string {
    return graph.flatten(this.name, x)
  }
}

export const flattening = { kind: 'flatten', schema, make: (spec: FlattenSpec, place: Place) => new Flatten(spec, place) }
