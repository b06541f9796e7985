// Layers as explicit forward and backward pairs over the ops; no autograd. A layer owns its tensors; what backward needs, forward returns.
import type { Device } from '../device.js'
import { ShapeError } from '../errors.js'
import * as ops from '../ops/index.js'
import { Tensor } from '../tensor.js'
import type { LayerSpec } from './layer_spec.js'

/** Sizes of one example, without N: [C,H,W] or [D]. */
export type Extent = readonly number[]

/** What a forward pass keeps for the backward pass: tensors and plain objects of them, so that a `scope` can keep it. */
export type Saved = unknown

/** Told each layer's output, those within first: for a search for the layer that went wrong. */
export type Watch = (layer: Layer, y: Tensor) => void

export interface Layer {
  /** Where it stands: `0`, `1.body.2`. */
  readonly path: string
  readonly spec: LayerSpec
  readonly input: Extent
  readonly output: Extent
  /** Trained tensors by their short names. */
  readonly parameters: Readonly<Record<string, Tensor>>
  /** Tensors that are kept but not trained: running means and variances. */
  readonly buffers: Readonly<Record<string, Tensor>>
  /** Tensors that the configuration gives: no part of the network's state. */
  readonly constants: Readonly<Record<string, Tensor>>
  /** Layers within. */
  readonly children: readonly Layer[]
  forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved }
  /**
   * @param wants whether the gradient for the input is needed
   * @param into gradients of the parameters, by `path.name`
   */
  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null
}

export interface ParameterInfo {
  /** `path.name`. */
  name: string
  shape: readonly number[]
  /** What it is; `one` and `zero` start as such. */
  role: 'weight' | 'bias' | 'one' | 'zero'
  /** Inputs of one unit. */
  fanIn: number
}

/** How a parameter or buffer starts. */
export type Initialise = (parameter: ParameterInfo) => Float32Array

interface Place {
  path: string
  input: Extent
  device: Device
  initialise: Initialise
}

const volume = (extent: Extent): number => extent.reduce((a, b) => a * b, 1)
const positions = (size: number, window: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - window) / stride) + 1

function image({ path, input }: Place, kind: string): [number, number, number] {
  if (input.length === 3) return input as unknown as [number, number, number]
  throw new ShapeError({
    op: 'Network',
    argument: `layer ${path} (${kind})`,
    actual: `given [${input}]`,
    expected: 'an input of [C,H,W]',
  })
}

abstract class Base<S extends LayerSpec> implements Layer {
  readonly path: string
  readonly input: Extent
  abstract readonly output: Extent
  parameters: Record<string, Tensor> = {}
  buffers: Record<string, Tensor> = {}
  constants: Record<string, Tensor> = {}
  children: Layer[] = []

  constructor(
    readonly spec: S,
    readonly place: Place,
  ) {
    this.path = place.path
    this.input = place.input
  }

  abstract forward(x: Tensor, training: boolean, watch?: Watch): { y: Tensor; saved: Saved }
  abstract backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>): Tensor | null

  protected parameter(name: string, shape: readonly number[], role: ParameterInfo['role'], fanIn = 1): Tensor {
    const { device, initialise, path } = this.place
    return Tensor.from(initialise({ name: `${path}.${name}`, shape, role, fanIn }), { shape, device })
  }

  protected checkWindow(window: number, padding: number): void {
    const [, height, width] = image(this.place, this.spec.kind)
    if (window > Math.min(height, width) + 2 * padding)
      throw new ShapeError({
        op: 'Network',
        argument: `layer ${this.path} (${this.spec.kind})`,
        actual: `a window of ${window} on maps of ${height} x ${width}`,
        expected: 'a window no larger than the padded map',
      })
  }
}

class Conv extends Base<Extract<LayerSpec, { kind: 'conv' }>> {
  readonly output: Extent
  constructor(spec: Conv['spec'], place: Place) {
    super(spec, place)
    const [channels, height, width] = image(place, spec.kind)
    const { units, window, stride, padding } = spec
    this.checkWindow(window, padding)
    const fanIn = channels * window * window
    this.parameters = { weight: this.parameter('weight', [units, channels, window, window], 'weight', fanIn) }
    if (spec.bias) this.parameters.bias = this.parameter('bias', [units], 'bias', fanIn)
    this.output = [units, positions(height, window, stride, padding), positions(width, window, stride, padding)]
  }
  private get options() {
    return { stride: this.spec.stride, padding: this.spec.padding }
  }
  forward(x: Tensor) {
    const { weight, bias } = this.parameters
    return { y: ops.conv2d(x, weight as Tensor, { ...this.options, bias: bias ?? null }), saved: x }
  }
  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const of = ['gw' as const, ...(this.spec.bias ? ['gb' as const] : []), ...(wants ? ['gx' as const] : [])]
    const { gx, gw, gb } = ops.conv2dGrad(saved as Tensor, this.parameters.weight as Tensor, gy, { ...this.options, of })
    into.set(`${this.path}.weight`, gw)
    if (this.spec.bias) into.set(`${this.path}.bias`, gb)
    return wants ? gx : null
  }
}

class NnlConv extends Base<Extract<LayerSpec, { kind: 'nnl_conv' }>> {
  readonly output: Extent
  constructor(spec: NnlConv['spec'], place: Place) {
    super(spec, place)
    const [channels, height, width] = image(place, spec.kind)
    const { units, window, stride, padding, pool } = spec
    this.checkWindow(window, padding)
    const fanIn = channels * window * window
    this.parameters = { weight: this.parameter('weight', [units, channels, window, window], 'weight', fanIn) }
    if (spec.bias) this.parameters.bias = this.parameter('bias', [units], 'bias', fanIn)
    const map = [height, width].map((size) => positions(size, window, stride, padding))
    const beyond = pool?.padding ?? 0
    if (pool && 2 * beyond > pool.size)
      throw new ShapeError({
        op: 'Network',
        argument: `layer ${this.path} (${spec.kind})`,
        actual: `a pool of ${pool.size} with a padding of ${beyond}`,
        expected: 'a padding of at most half of the pool',
      })
    if (pool && pool.size > Math.min(...map) + 2 * beyond)
      throw new ShapeError({
        op: 'Network',
        argument: `layer ${this.path} (${spec.kind})`,
        actual: `a pool of ${pool.size} on maps of ${map.join(' x ')}`,
        expected: 'a pool no larger than the map',
      })
    this.output = [units, ...(pool ? map.map((size) => positions(size, pool.size, pool.stride, beyond)) : map)]
  }
  private get options(): ops.NnlConvOptions {
    const { normalise, centre, stride, padding, pool } = this.spec
    return { normalise, centre, stride, padding, ...(pool ? { pool } : {}), bias: this.parameters.bias ?? null }
  }
  forward(x: Tensor, training: boolean) {
    const weight = this.parameters.weight as Tensor
    const { power } = this.spec
    if (!training) return { y: ops.nnlConv(x, weight, { ...this.options, power }), saved: null }
    // Power 1 with the places of the maxima: the gradient then costs the pooled cells alone.
    const first = ops.nnlConvWithIndex(x, weight, { ...this.options, power: 1 })
    const y = power === 1 ? first.y : ops.rectifiedPower(first.y, { power })
    return { y, saved: { x, ...first } }
  }
  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { x, y, index } = saved as { x: Tensor; y: Tensor; index: Tensor }
    const { power, bias } = this.spec
    const slope = power === 1 ? gy : ops.rectifiedPowerGrad(y, gy, { power })
    const of = ['gw' as const, ...(bias ? ['gb' as const] : []), ...(wants ? ['gx' as const] : [])]
    const options = { ...this.options, power: 1, saved: { y, index }, of }
    const { gx, gw, gb } = ops.nnlConvGrad(x, this.parameters.weight as Tensor, slope, options)
    into.set(`${this.path}.weight`, gw)
    if (bias) into.set(`${this.path}.bias`, gb)
    return wants ? gx : null
  }
}

class Linear extends Base<Extract<LayerSpec, { kind: 'linear' }>> {
  readonly output: Extent
  constructor(spec: Linear['spec'], place: Place) {
    super(spec, place)
    const features = volume(place.input)
    this.parameters = {
      weight: this.parameter('weight', [spec.units, features], 'weight', features),
      bias: this.parameter('bias', [spec.units], 'bias', features),
    }
    this.output = [spec.units]
  }
  forward(x: Tensor) {
    const { weight, bias } = this.parameters
    const flat = flatten(x)
    return { y: ops.linear(flat, weight as Tensor, bias as Tensor), saved: { flat, shape: [...x.shape] } }
  }
  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { flat, shape } = saved as { flat: Tensor; shape: number[] }
    const of = wants ? (['gx', 'gw', 'gb'] as const) : (['gw', 'gb'] as const)
    const { gx, gw, gb } = ops.linearGrad(flat, this.parameters.weight as Tensor, gy, { of }) as Record<
      'gx' | 'gw' | 'gb',
      Tensor
    >
    into.set(`${this.path}.weight`, gw)
    into.set(`${this.path}.bias`, gb)
    return wants ? gx.reshape(shape) : null
  }
}

class BatchNorm extends Base<Extract<LayerSpec, { kind: 'batch_norm' }>> {
  readonly output: Extent
  constructor(spec: BatchNorm['spec'], place: Place) {
    super(spec, place)
    const [channels] = image(place, spec.kind)
    this.parameters = { gamma: this.parameter('gamma', [channels], 'one'), beta: this.parameter('beta', [channels], 'zero') }
    this.buffers = { mean: this.parameter('mean', [channels], 'zero'), variance: this.parameter('variance', [channels], 'one') }
    this.output = place.input
  }
  forward(x: Tensor, training: boolean) {
    const { epsilon, momentum } = this.spec
    const state = { ...this.parameters, ...this.buffers } as unknown as ops.BatchNormParameters
    const { y, centre, spread } = ops.batchNorm(x, state, { epsilon, momentum, training })
    return { y, saved: { x, centre, spread } }
  }
  backward(saved: Saved, gy: Tensor, _wants: boolean, into: Map<string, Tensor>) {
    const { x, centre, spread } = saved as { x: Tensor; centre: Tensor; spread: Tensor }
    const { gx, ggamma, gbeta } = ops.batchNormGrad(x, this.parameters.gamma as Tensor, { centre, spread }, gy)
    into.set(`${this.path}.gamma`, ggamma)
    into.set(`${this.path}.beta`, gbeta)
    return gx
  }
}

/** Batch normalisation of fixed statistics. */
class Standardise extends Base<Extract<LayerSpec, { kind: 'standardise' }>> {
  readonly output: Extent
  constructor(spec: Standardise['spec'], place: Place) {
    super(spec, place)
    const [channels] = image(place, spec.kind)
    for (const [name, list] of Object.entries({ mean: spec.mean, std: spec.std }))
      if (list.length !== channels)
        throw new ShapeError({
          op: 'Network',
          argument: `layer ${place.path} (${spec.kind})`,
          actual: `${name} of ${list.length} numbers`,
          expected: `${channels}, one a channel`,
        })
    const constant = (values: readonly number[]) => Tensor.from(Float32Array.from(values), { device: place.device })
    this.constants = {
      gamma: constant(spec.mean.map(() => 1)),
      beta: constant(spec.mean.map(() => 0)),
      mean: constant(spec.mean),
      none: constant(spec.mean.map(() => 0)),
      variance: constant(spec.std.map((std) => std ** 2)),
    }
    this.output = place.input
  }
  private scaled(x: Tensor, mean: Tensor): Tensor {
    const { gamma, beta, variance } = this.constants as Record<'gamma' | 'beta' | 'variance', Tensor>
    return ops.batchNorm(x, { gamma, beta, mean, variance }, { epsilon: 1e-30 }).y
  }
  forward(x: Tensor) {
    return { y: this.scaled(x, this.constants.mean as Tensor), saved: null }
  }
  backward(_saved: Saved, gy: Tensor, wants: boolean) {
    return wants ? this.scaled(gy, this.constants.none as Tensor) : null
  }
}

/** A layer without tensors of its own. */
class Plain<S extends LayerSpec> extends Base<S> {
  constructor(
    spec: S,
    place: Place,
    readonly output: Extent,
    private readonly run: (x: Tensor) => Tensor,
    private readonly undo: (x: Tensor, gy: Tensor) => Tensor,
  ) {
    super(spec, place)
  }
  forward(x: Tensor) {
    return { y: this.run(x), saved: x }
  }
  backward(saved: Saved, gy: Tensor, wants: boolean) {
    return wants ? this.undo(saved as Tensor, gy) : null
  }
}

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

function flatten(x: Tensor): Tensor {
  return x.shape.length === 2 ? x : x.reshape([x.shape[0] as number, x.size / (x.shape[0] as number)])
}

function pooled(spec: { size: number; stride: number; padding: number }, place: Place, kind: string): Extent {
  const [channels, height, width] = image(place, kind)
  if (spec.size > Math.min(height, width) + 2 * spec.padding)
    throw new ShapeError({
      op: 'Network',
      argument: `layer ${place.path} (${kind})`,
      actual: `a pool of ${spec.size} on maps of ${height} x ${width}`,
      expected: 'a pool no larger than the padded map',
    })
  return [channels, ...[height, width].map((size) => positions(size, spec.size, spec.stride, spec.padding))]
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
      const output = pooled(spec, place, kind)
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
      const output = pooled(spec, place, kind)
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
