// The sum of its body and its shortcut, both of its input; a shortcut without layers is the input itself.
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import type { Extent } from '../extent.js'
import { Base, layerName, type Place, type Saved, type Spec, type Watch } from '../layer.js'
import type { Graph } from '../onnx_graph.js'
import type { Pass } from '../pass.js'
import { Sequence } from '../sequence.js'

export interface ResidualSpec<L> {
  kind: 'residual'
  name?: string | undefined
  body: L[]
  shortcut: L[]
}
/** As it may be written. */
export interface ResidualInput<L> {
  kind: 'residual'
  name?: string | undefined
  body: L[]
  shortcut?: L[] | undefined
}

class Residual extends Base<ResidualSpec<Spec>> {
  readonly output: Extent
  private readonly body: Sequence
  private readonly shortcut: Sequence
  constructor(spec: ResidualSpec<Spec>, place: Place) {
    super(spec, place)
    this.body = new Sequence(spec.body, this.within(place, 'body'))
    this.shortcut = new Sequence(spec.shortcut, this.within(place, 'shortcut'))
    if (this.body.output.join() !== this.shortcut.output.join())
      throw this.refuse(`a body of [${this.body.output}] beside a shortcut of [${this.shortcut.output}]`, 'one shape')
    this.children = [...this.body.layers, ...this.shortcut.layers]
    this.readsBytes = this.body.readsBytes && this.shortcut.readsBytes
    this.output = this.body.output
  }

  forward(x: Tensor, training: boolean, watch?: Watch) {
    const body = this.body.forward(x, training, watch)
    const shortcut = this.shortcut.forward(x, training, watch)
    return { y: ops.add(body.y, shortcut.y), saved: { body: body.saved, shortcut: shortcut.saved } }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { body, shortcut } = saved as { body: Saved[]; shortcut: Saved[] }
    const a = this.body.backward(body, gy, wants, into)
    const b = this.shortcut.backward(shortcut, gy, wants, into)
    return wants ? ops.add(a as Tensor, b as Tensor) : null
  }

  override async infer(x: Tensor, pass: Pass): Promise<Tensor> {
    const body = await this.body.infer(x, pass)
    const shortcut = await this.shortcut.infer(x, pass)
    if (pass.done) return body
    const y = await pass.make(this.output, () => ops.add(body, shortcut))
    for (const part of [body, shortcut]) if (part !== x) pass.release(part)
    return y
  }

  onnx(graph: Graph, x: string): string {
    return graph.add('Add', [this.body.onnx(graph, x), this.shortcut.onnx(graph, x)], `${this.name}.add`)
  }
}

export const residual = {
  kind: 'residual',
  schema: (layer: z.ZodType<Spec>) =>
    z.strictObject({
      kind: z.literal('residual'),
      name: layerName,
      body: z.array(layer).min(1),
      shortcut: z.array(layer).default([]),
    }),
  make: (spec: ResidualSpec<Spec>, place: Place) => new Residual(spec, place),
}
