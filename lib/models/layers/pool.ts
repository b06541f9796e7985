// Maxima, and means, over windows of size x size. Padding never is the maximum, and counts as zeros in a mean.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import type { Extent } from '../extent.js'
import { layerName, type Place, Plain, type Pool, poolOptions } from '../layer.js'
import { type Graph, windowAttributes } from '../onnx_graph.js'

const maxSchema = z.strictObject({ kind: z.literal('max_pool'), name: layerName, ...poolOptions.shape })
const avgSchema = z.strictObject({ kind: z.literal('avg_pool'), name: layerName, ...poolOptions.shape })
type MaxPoolSpec = z.output<typeof maxSchema>
type AvgPoolSpec = z.output<typeof avgSchema>

abstract class Pooling<S extends MaxPoolSpec | AvgPoolSpec> extends Plain<S> {
  readonly output: Extent
  constructor(spec: S, place: Place) {
    super(spec, place)
    this.output = this.pooled(spec, this.image)
  }
  protected get options(): Pool {
    const { size, stride, padding } = this.spec
    return { size, stride, padding }
  }
  protected addPool(graph: Graph, op: string, x: string, attributes: Record<string, number>): string {
    const { size, stride, padding } = this.spec
    return graph.add(op, [x], `${this.name}.${this.spec.kind}`, {
      ...windowAttributes(size, stride, padding),
      ceil_mode: 0,
      ...attributes,
    })
  }
}

class MaxPool extends Pooling<MaxPoolSpec> {
  protected run(x: Tensor): Tensor {
    return ops.maxPool(x, this.options)
  }
  protected undo(x: Tensor, gy: Tensor): Tensor {
    return ops.maxPoolGrad(x, gy, this.options)
  }
  onnx(graph: Graph, x: string): string {
    return this.addPool(graph, 'MaxPool', x, {})
  }
}

class AvgPool extends Pooling<AvgPoolSpec> {
  protected run(x: Tensor): Tensor {
    return ops.avgPool(x, this.options)
  }
  protected undo(_x: Tensor, gy: Tensor): Tensor {
    const [, height, width] = this.image
    return ops.avgPoolGrad(gy, { ...this.options, height, width })
  }
  onnx(graph: Graph, x: string): string {
    return this.addPool(graph, 'AveragePool', x, { count_include_pad: 1 })
  }
}

export const maxPool = {
  kind: 'max_pool',
  schema: maxSchema,
  make: (spec: MaxPoolSpec, place: Place) => new MaxPool(spec, place),
}
export const avgPool = {
  kind: 'avg_pool',
  schema: avgSchema,
  make: (spec: AvgPoolSpec, place: Place) => new AvgPool(spec, place),
}
