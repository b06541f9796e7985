// NNL-CONV with its max pool fused; `normalise: 'none'` with power 1 and a bias is CONV + ReLU + max pool. Grinberg, Hopfield, Krotov 2019,
// section 2 and equation 3. What of it is no operator of the ONNX standard is made of some:
//   |v| of every patch        Conv of x * x with one filter of ones, Sqrt; 1 / |v| is 0 where |v|^2 <= 2^-126 (Greater, Where)
//   a patch less its mean     Conv of each channel with filters that are 1 at one tap makes the taps of a patch channels; less v_0, then less
//                             the mean of those differences. So a patch of little contrast keeps its digits, as in nnl_conv; the
//                             filters, less their own mean, then stand at 1 x 1. w . v - mean(v) * sum(w) would be cheaper and lose them.
//   max before the power      MaxPool, + bias, and unless it is signed Relu, Pow: x^n of the pooled cells alone, as nnl_conv does
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import { type Extent, volume } from '../extent.js'
import { Base, border, count, layerName, type Place, poolOptions, powerOption, type Saved } from '../layer.js'
import { type Attributes, type Graph, windowAttributes } from '../onnx_graph.js'

const schema = z.strictObject({
  kind: z.literal('nnl_conv'),
  name: layerName,
  units: count,
  window: count,
  power: powerOption.default(1),
  normalise: z.enum(['patch', 'none']).default('patch'),
  centre: z.boolean().default(false),
  /** false: maxima as they are, of power 1. */
  rectify: z.boolean().default(true),
  stride: count.default(1),
  padding: border.default(0),
  pool: poolOptions.nullable().default(null),
  bias: z.boolean().default(false),
})
type NnlConvSpec = z.output<typeof schema>

class NnlConv extends Base<NnlConvSpec> {
  readonly output: Extent
  override readsBytes = true
  constructor(spec: NnlConvSpec, place: Place) {
    super(spec, place)
    const { units, window, pool, bias, power, rectify } = spec
    if (!rectify && power !== 1) throw this.refuseOption(`a power of ${power}`, '1 without rectify')
    const [channels] = this.image
    const map = this.windowed(spec)
    this.output = pool ? this.pooled(pool, map) : map
    const fanIn = channels * window * window
    this.parameter('weight', [units, channels, window, window], 'weight', fanIn)
    if (bias) this.parameter('bias', [units], 'bias', fanIn)
  }

  private get options(): ops.NnlConvOptions {
    const { normalise, centre, rectify, stride, padding, pool } = this.spec
    return { normalise, centre, rectify, stride, padding, ...(pool ? { pool } : {}), bias: this.parameters.bias ?? null }
  }

  forward(x: Tensor, training: boolean) {
    const weight = this.parameters.weight as Tensor
    const { power } = this.spec
    if (!training) return { y: ops.nnlConv(x, weight, { ...this.options, power }), saved: { x } }
    // Power 1 with the places of the maxima: the gradient then costs the pooled cells alone.
    const first = ops.nnlConvWithIndex(x, weight, { ...this.options, power: 1 })
    const y = power === 1 ? first.y : ops.rectifiedPower(first.y, { power })
    return { y, saved: { x, ...first } }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { x, y, index } = saved as { x: Tensor; y: Tensor; index: Tensor }
    const { power, bias } = this.spec
    const weight = this.parameters.weight as Tensor
    // A frozen layer keeps no places of maxima: its gradient is rarely asked for, and the op finds them again.
    if (this.frozen) return wants ? ops.nnlConvGrad(x, weight, gy, { ...this.options, power, of: ['gx'] }).gx : null
    const slope = power === 1 ? gy : ops.rectifiedPowerGrad(y, gy, { power })
    const of = ['gw' as const, ...(bias ? ['gb' as const] : []), ...(wants ? ['gx' as const] : [])]
    const { gx, gw, gb } = ops.nnlConvGrad(x, weight, slope, { ...this.options, power: 1, saved: { y, index }, of })
    into.set(`${this.name}.weight`, gw)
    if (bias) into.set(`${this.name}.bias`, gb)
    return wants ? gx : null
  }

  onnx(graph: Graph, x: string): string {
    const { name } = this
    const { units, window, stride, padding, normalise, centre, pool } = this.spec
    const [channels] = this.image
    const taps = channels * window * window
    const place = windowAttributes(window, stride, padding)
    const patches = centre ? addCentredPatches(graph, name, [channels, window, window], place, x) : null
    const filters = patches
      ? graph.constant(`${name}.centred_weight`, [units, taps, 1, 1], centred(graph.values(`${name}.weight`), taps))
      : graph.weight(`${name}.weight`)

    let y = graph.add('Conv', patches ? [patches, filters] : [x, filters], `${name}.product`, patches ? {} : place)
    if (normalise === 'patch') {
      const square = patches
        ? graph.add('ReduceSumSquare', [patches], `${name}.norm2`, { axes: [1], keepdims: 1 })
        : addSquares(graph, name, [channels, window, window], place, x)
      y = graph.add('Mul', [y, graph.inverseRoot(name, square)], `${name}.cosine`)
    }
    if (pool)
      y = graph.add('MaxPool', [y], `${name}.pool`, { ...windowAttributes(pool.size, pool.stride, pool.padding), ceil_mode: 0 })
    if (this.spec.bias) y = graph.add('Add', [y, graph.weight(`${name}.bias`, [units, 1, 1])], `${name}.biased`)
    return this.spec.rectify ? graph.rectifiedPower(name, this.spec.power, y) : y
  }
}

export const nnlConv = { kind: 'nnl_conv', schema, make: (spec: NnlConvSpec, place: Place) => new NnlConv(spec, place) }

/** |v|^2 of every patch, [N,1,P,Q]. */
function addSquares(graph: Graph, name: string, shape: Extent, place: Attributes, x: string): string {
  const ones = new Float32Array(volume(shape)).fill(1)
  const squares = graph.add('Mul', [x, x], `${name}.squares`)
  return graph.add('Conv', [squares, graph.constant(`${name}.ones`, [1, ...shape], ones)], `${name}.norm2`, place)
}

/** Every patch as the channels of [N,C*R*S,P,Q], less its mean. */
function addCentredPatches(graph: Graph, name: string, shape: Extent, place: Attributes, x: string): string {
  const [channels, rows, columns] = shape as [number, number, number]
  const taps = channels * rows * columns
  const window = rows * columns
  const each = Float32Array.from({ length: taps * window }, (_, i) => (i % window === Math.floor(i / window) % window ? 1 : 0))
  const first = Float32Array.from({ length: taps }, (_, i) => (i === 0 ? 1 : 0))
  const patches = graph.add('Conv', [x, graph.constant(`${name}.each_tap`, [taps, 1, rows, columns], each)], `${name}.patches`, {
    ...place,
    group: channels,
  })
  const v0 = graph.add('Conv', [x, graph.constant(`${name}.first_tap`, [1, ...shape], first)], `${name}.first`, place)
  const differences = graph.add('Sub', [patches, v0], `${name}.differences`)
  const mean = graph.add('ReduceMean', [differences], `${name}.mean`, { axes: [1], keepdims: 1 })
  return graph.add('Sub', [differences, mean], `${name}.centred`)
}

/** Filters less their mean, which changes no product with a centred patch, and keeps the rounding of the patch's mean out of it. */
function centred(filters: Float32Array, taps: number): Float32Array {
  const result = new Float32Array(filters.length)
  for (let at = 0; at < filters.length; at += taps) {
    const row = filters.subarray(at, at + taps)
    const mean = row.reduce((sum, w) => sum + w, 0) / taps
    row.forEach((w, t) => {
      result[at + t] = w - mean
    })
  }
  return result
}
