// Branches side by side on one input; their outputs, flattened, stand one after another.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import { scope, Tensor } from '../../tensor.js'
import { volume } from '../extent.js'
import { Base, flatten, type Layer, layerName, type Place, type Saved, type Spec, type Watch } from '../layer.js'
import type { Graph } from '../onnx_graph.js'
import type { Pass } from '../pass.js'
import { Sequence } from '../sequence.js'

export interface ParallelSpec<L> {
  kind: 'parallel'
  name?: string | undefined
  branches: L[][]
}

class Parallel extends Base<ParallelSpec<Spec>> {
  readonly output: [number]
  private readonly branches: Sequence[]
  constructor(spec: ParallelSpec<Spec>, place: Place) {
    super(spec, place)
    this.branches = spec.branches.map((branch, i) => new Sequence(branch, this.within(place, `branches.${i}`)))
    this.children = this.branches.flatMap((branch) => branch.layers)
    this.readsBytes = this.branches.every((branch) => branch.readsBytes)
    this.output = [this.branches.reduce((sum, branch) => sum + volume(branch.output), 0)]
  }

  private empty(x: Tensor): Tensor {
    return Tensor.empty([x.shape[0] as number, ...this.output], 'f32', x.device)
  }

  forward(x: Tensor, training: boolean, watch?: Watch) {
    const y = this.empty(x)
    let at = 0
    const saved = this.branches.map((branch) => {
      const result = branch.forward(x, training, watch)
      ops.copyColumns(flatten(result.y), y, { at })
      at += volume(branch.output)
      return result.saved
    })
    return { y, saved }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const n = gy.shape[0] as number
    let at = 0
    let sum: Tensor | null = null
    this.branches.forEach((branch, i) => {
      const count = volume(branch.output)
      const first = at
      at += count
      if (!wants && !branch.trained) return
      const g = ops.sliceColumns(gy, { at: first, count }).reshape([n, ...branch.output])
      const gx = branch.backward((saved as Saved[][])[i] as Saved[], g, wants, into)
      if (gx) sum = sum ? ops.add(sum, gx) : gx
    })
    return sum
  }

  /** One branch's maps at a time: they are large. */
  override async infer(x: Tensor, pass: Pass): Promise<Tensor> {
    const y = await pass.make(this.output, () => this.empty(x))
    let at = 0
    for (const branch of this.branches) {
      const part = await branch.infer(x, pass)
      if (pass.done) break
      const first = at
      scope(() => ops.copyColumns(flatten(part), y, { at: first }))
      pass.release(part)
      at += volume(branch.output)
    }
    return y
  }

  onnx(graph: Graph, x: string): string {
    const flat = this.branches.map((branch) => {
      const y = branch.onnx(graph, x)
      return branch.output.length > 1 ? graph.flatten((branch.layers.at(-1) as Layer).name, y) : y
    })
    return graph.add('Concat', flat, `${this.name}.concat`, { axis: 1 })
  }
}

export const parallel = {
  kind: 'parallel',
  schema: (layer: z.ZodType<Spec>) =>
    z.strictObject({
      kind: z.literal('parallel'),
      name: layerName,
      branches: z.array(z.array(layer).min(1)).min(1),
    }),
  make: (spec: ParallelSpec<Spec>, place: Place) => new Parallel(spec, place),
}
