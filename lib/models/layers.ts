// The layers with an op of their own: what each computes forward, what it keeps, and its gradients.
import { ShapeError } from '../errors.js'
import * as ops from '../ops/index.js'
import { Tensor } from '../tensor.js'
import { Base, type Extent, flatten, image, type Place, pooled, positions, type Saved, volume } from './layer.js'
import type { LayerSpec } from './layer_spec.js'

export class Conv extends Base<Extract<LayerSpec, { kind: 'conv' }>> {
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

export class NnlConv extends Base<Extract<LayerSpec, { kind: 'nnl_conv' }>> {
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
    const whole = [units, ...map] as [number, number, number]
    this.output = pool ? pooled(pool, whole, `${place.path} (${spec.kind})`) : whole
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

export class Linear extends Base<Extract<LayerSpec, { kind: 'linear' }>> {
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

export class BatchNorm extends Base<Extract<LayerSpec, { kind: 'batch_norm' }>> {
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
export class Standardise extends Base<Extract<LayerSpec, { kind: 'standardise' }>> {
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
export class Plain<S extends LayerSpec> extends Base<S> {
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
