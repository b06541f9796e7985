// Layers one after another.
import { scope, type Tensor } from '../tensor.js'
import type { Extent } from './extent.js'
import type { Layer, Place, Saved, Spec, Watch } from './layer.js'
import type { Graph } from './onnx_graph.js'
import type { Pass } from './pass.js'

export class Sequence {
  readonly layers: readonly Layer[]
  readonly output: Extent
  /** @param place of the layer that it is within; its name is '' at the top */
  constructor(specs: readonly Spec[], place: Place) {
    let input = place.input
    this.layers = specs.map((spec, i) => {
      const layer = place.make(spec, { ...place, name: layerNameAt(spec, place.name, i), input })
      input = layer.output
      return layer
    })
    this.output = input
  }

  get readsBytes(): boolean {
    return this.layers[0]?.readsBytes ?? false
  }

  /** Index of the first layer with a parameter that is trained; as many as there are layers when there is none. */
  get lowestTrained(): number {
    const first = this.layers.findIndex(isTrained)
    return first < 0 ? this.layers.length : first
  }

  /** Whether it has a parameter that is trained. */
  get trained(): boolean {
    return this.lowestTrained < this.layers.length
  }

  /** @param from index of the first layer that a backward pass will visit: maps below it are let go of */
  forward(x: Tensor, training: boolean, watch?: Watch, from = 0): { y: Tensor; saved: Saved[] } {
    const saved: Saved[] = []
    const input = x
    for (const [i, layer] of this.layers.entries()) {
      if (i < from && !watch) {
        const y = scope(() => layer.forward(x, false).y)
        if (x !== input) x.dispose()
        x = y
        saved.push(null)
        continue
      }
      const result = layer.forward(x, training && !layer.frozen, watch)
      x = result.y
      saved.push(result.saved)
      watch?.(layer, x)
    }
    return { y: x, saved }
  }

  backward(saved: Saved[], gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null {
    let g: Tensor | null = gy
    // Below the lowest trained layer nobody asks for a gradient.
    const first = wants ? 0 : this.lowestTrained
    for (let i = this.layers.length - 1; i >= first; i--)
      g = (this.layers[i] as Layer).backward(saved[i], g as Tensor, wants || i > first, into)
    return wants ? g : null
  }

  /** @param consumes whether x may be let go of once it was read; else it stays */
  async infer(x: Tensor, pass: Pass, consumes = false): Promise<Tensor> {
    let input = x
    for (const layer of this.layers) {
      if (pass.done) break
      const y = await layer.infer(input, pass)
      pass.offer(layer.name, y)
      if (input !== x || consumes) pass.release(input)
      input = y
    }
    return input
  }

  onnx(graph: Graph, x: string): string {
    return this.layers.reduce((input, layer) => layer.onnx(graph, input), x)
  }
}

/** Name of the layer at place i of a list within the layer `parent`, '' at the top. */
export const layerNameAt = (spec: Spec, parent: string, i: number): string => spec.name ?? (parent ? `${parent}.${i}` : `${i}`)

const isTrained = (layer: Layer): boolean =>
  (!layer.frozen && Object.keys(layer.parameters).length > 0) || layer.children.some(isTrained)
