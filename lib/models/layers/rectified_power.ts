// max(x, 0)^power.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import { layerName, type Place, Plain, powerOption } from '../layer.js'
import type { Graph } from '../onnx_graph.js'

const schema = z.strictObject({ kind: z.literal('rectified_power'), name: layerName, power: powerOption })
type PowerSpec = z.output<typeof schema>

class RectifiedPower extends Plain<PowerSpec> {
  readonly output = this.input
  protected run(x: Tensor): Tensor {
    return ops.rectifiedPower(x, { power: this.spec.power })
  }
  protected undo(x: Tensor, gy: Tensor): Tensor {
    return ops.rectifiedPowerGrad(x, gy, { power: this.spec.power })
  }
  onnx(graph: Graph, x: string): string {
    return graph.rectifiedPower(this.name, this.spec.power, x)
  }
}

export const rectifiedPower = {
  kind: 'rectified_power',
  schema,
  make: (spec: PowerSpec, place: Place) => new RectifiedPower(spec, place),
}
