// Layers made from their configuration, one after another or side by side.
import { ShapeError } from '../errors.js'
import * as ops from '../ops/index.js'
import { Tensor } from '../tensor.js'
import { Base, type Extent, flatten, image, type Layer, type Place, pooled, type Saved, volume, type Watch } from './layer.js'
import type { LayerSpec } from './layer_spec.js'
import { BatchNorm, Conv, Linear, NnlConv, Plain, Standardise } from './layers.js'

/** Layers one after another. */
export class Sequence {
  readonly layers: readonly Layer[]
  readonly output: Extent
  constructor(specs: readonly LayerSpec[], place: Place) {
    let input = place.input
    this.layers = specs.map((spec, i) => {
      const layer = makeLayer(spec, { ...place, path: place.path ? `${place.path}.${i}` : `${i}`, input })
      input = layer.output
      return layer
    })
    this.output = input
  }
  forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved[] } {
    const saved: Saved[] = []
    for (const layer of this.layers) {
      const result = layer.forward(x, training, watch)
      x = result.y
      saved.push(result.saved)
      watch?.(layer, x)
    }
    return { y: x, saved }
  }
  backward(saved: Saved[], gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null {
    let g: Tensor | null = gy
    // Below the first layer with parameters nobody asks for a gradient.
    const first = wants ? 0 : this.layers.findIndex((layer) => hasParameters(layer))
    for (let i = this.layers.length - 1; i >= Math.max(first, 0) && first >= 0; i--)
      g = (this.layers[i] as Layer).backward(saved[i], g as Tensor, wants || i > first, into)
    return wants ? g : null
  }
}

const hasParameters = (layer: Layer): boolean => Object.keys(layer.parameters).length > 0 || layer.children.some(hasParameters)

class Residual extends Base<Extract<LayerSpec, { kind: 'residual' }>> {
  readonly output: Extent
  private readonly body: Sequence
  private readonly shortcut: Sequence
  constructor(spec: Residual['spec'], place: Place) {
    super(spec, place)
    this.body = new Sequence(spec.body, { ...place, path: `${place.path}.body` })
    this.shortcut = new Sequence(spec.shortcut, { ...place, path: `${place.path}.shortcut` })
    if (this.body.output.join() !== this.shortcut.output.join())
      throw new ShapeError({
        op: 'Network',
        argument: `layer ${place.path} (residual)`,
        actual: `a body of [${this.body.output}] beside a shortcut of [${this.shortcut.output}]`,
        expected: 'one shape',
      })
    this.children = [...this.body.layers, ...this.shortcut.layers]
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
    const b = this.shortcut.layers.length > 0 ? this.shortcut.backward(shortcut, gy, wants, into) : gy
    return wants ? ops.add(a as Tensor, b as Tensor) : null
  }
}

class Parallel extends Base<Extract<LayerSpec, { kind: 'parallel' }>> {
  readonly output: Extent
  private readonly branches: Sequence[]
  constructor(spec: Parallel['spec'], place: Place) {
    super(spec, place)
    this.branches = spec.branches.map((branch, i) => new Sequence(branch, { ...place, path: `${place.path}.branches.${i}` }))
    this.children = this.branches.flatMap((branch) => branch.layers)
    this.output = [this.branches.reduce((sum, branch) => sum + volume(branch.output), 0)]
  }
  forward(x: Tensor, training: boolean, watch?: Watch) {
    const y = Tensor.zeros([x.shape[0] as number, this.output[0] as number], { device: x.device })
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
      const g = ops.sliceColumns(gy, { at, count }).reshape([n, ...branch.output])
      at += count
      const gx = branch.backward((saved as Saved[][])[i] as Saved[], g, wants, into)
      if (gx) sum = sum ? ops.add(sum, gx) : gx
    })
    return sum
  }
}

function makeLayer(spec: LayerSpec, place: Place): Layer {
  const { input } = place
  switch (spec.kind) {
    case 'conv':
      return new Conv(spec, place)
    case 'nnl_conv':
      return new NnlConv(spec, place)
    case 'linear':
      return new Linear(spec, place)
    case 'batch_norm':
      return new BatchNorm(spec, place)
    case 'standardise':
      return new Standardise(spec, place)
    case 'residual':
      return new Residual(spec, place)
    case 'parallel':
      return new Parallel(spec, place)
    case 'relu':
      return new Plain(spec, place, input, ops.relu, ops.reluGrad)
    case 'rectified_power': {
      const { power } = spec
      return new Plain(
        spec,
        place,
        input,
        (x) => ops.rectifiedPower(x, { power }),
        (x, gy) => ops.rectifiedPowerGrad(x, gy, { power }),
      )
    }
    case 'flatten':
      return new Plain(spec, place, [volume(input)], flatten, (x, gy) => gy.reshape(x.shape))
    case 'max_pool': {
      const { kind, ...options } = spec
      const output = pooled(spec, image(place, kind), `${place.path} (${kind})`)
      return new Plain(
        spec,
        place,
        output,
        (x) => ops.maxPool(x, options),
        (x, gy) => ops.maxPoolGrad(x, gy, options),
      )
    }
    case 'avg_pool': {
      const { kind, ...options } = spec
      const output = pooled(spec, image(place, kind), `${place.path} (${kind})`)
      const [, height, width] = input as [number, number, number]
      return new Plain(
        spec,
        place,
        output,
        (x) => ops.avgPool(x, options),
        (_, gy) => ops.avgPoolGrad(gy, { ...options, height, width }),
      )
    }
  }
}
