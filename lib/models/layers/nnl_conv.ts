// NNL-CONV with its max pool fused; `normalise: 'none'` with power 1 and a bias is CONV + ReLU + max pool. Grinberg, Hopfield, Krotov 2019,
// section 2 and equation 3. What of it is no operator of the ONNX standard is made of some:
//   |v| of every patch        Conv of x * x with one filter of ones, Sqrt; 1 / |v| is 0 where |v|^2 <= 2^-126 (Greater, Where)
//   a patch less its mean     Conv of each channel with filters that are 1 at one tap makes the taps of a patch channels; less v_0, then less
//                             the mean of those differences. So a patch of little contrast keeps its digits, as in nnl_conv; the
//                             filters, less their own mean, then stand at 1 x 1. w . v - mean(v) * sum(w) would be cheaper and lose them.
//   max before the power      + bias, MaxPool, and unless it is signed Relu, Pow: x^n of the pooled cells alone, as nnl_conv does
// What becomes of the cosines is the layer's `response`:
//   rectified   max(c, 0)^n
//   signed      c as it is
//   both-signs  max(c, 0)^n of every filter, then max(-c, 0)^n of every filter: twice the channels ("polarity splitting", Coates and Ng 2011)
//   triangle    max(mean distance - distance, 0)^n ("K-means (triangle)", Coates, Ng and Lee 2011): the op `triangle`, which needs every
//               filter's cosine at a position and so comes before the pool
import { z } from 'zod'
import * as ops from '../../ops/index.js'
import { Tensor } from '../../tensor.js'
import { type Extent, volume } from '../extent.js'
import { Base, border, count, layerName, type Place, poolOptions, powerOption, type Saved } from '../layer.js'
import { type Attributes, type Graph, windowAttributes } from '../onnx_graph.js'

/** What becomes of the cosines. */
export const responses = ['rectified', 'signed', 'both-signs', 'triangle'] as const

const schema = z.strictObject({
  kind: z.literal('nnl_conv'),
  name: layerName,
  units: count,
  window: count,
  power: powerOption.default(1),
  normalise: z.enum(['patch', 'none']).default('patch'),
  centre: z.boolean().default(false),
  response: z.enum(responses).default('rectified'),
  stride: count.default(1),
  padding: border.default(0),
  pool: poolOptions.nullable().default(null),
  bias: z.boolean().default(false),
})
type NnlConvSpec = z.output<typeof schema>

/** What a layer gives besides its output when it trains. */
interface Kept {
  x: Tensor
  /** Before the power, and the places of the maxima. */
  maxima?: { y: Tensor; index: Tensor }
  /** Of a triangle: cosines, their code, and what is pooled of it. */
  triangle?: { cosines: Tensor; code: Tensor; y: Tensor }
}

class NnlConv extends Base<NnlConvSpec> {
  readonly output: Extent
  override readsBytes = true
  constructor(spec: NnlConvSpec, place: Place) {
    super(spec, place)
    const { units, window, pool, bias, power, response, normalise } = spec
    if (response === 'signed' && power !== 1) throw this.refuseOption(`a power of ${power}`, '1 of signed responses')
    if (response === 'triangle' && (bias || normalise === 'none'))
      throw this.refuseOption(`a triangle ${bias ? 'with a bias' : "of normalise 'none'"}`, "normalise 'patch' and no bias")
    const [channels] = this.image
    const [, ...map] = this.windowed(spec)
    const extent = [response === 'both-signs' ? 2 * units : units, ...map] as [number, number, number]
    this.output = pool ? this.pooled(pool, extent) : extent
    const fanIn = channels * window * window
    this.parameter('weight', [units, channels, window, window], 'weight', fanIn)
    if (bias) this.parameter('bias', [units], 'bias', fanIn)
  }

  private get filters(): Filters {
    const { weight, bias = null } = this.parameters as { weight: Tensor; bias?: Tensor }
    return { weight, bias }
  }

  /** Without the power; a triangle is pooled after its op. */
  private options({ bias }: Filters) {
    const { normalise, centre, response, stride, padding, pool } = this.spec
    const rectify = response === 'rectified' || response === 'both-signs'
    return { normalise, centre, rectify, stride, padding, ...(pool && response !== 'triangle' ? { pool } : {}), bias }
  }

  forward(x: Tensor, training: boolean): { y: Tensor; saved: Kept } {
    const { power, response, pool } = this.spec
    const { filters } = this
    const { weight } = filters
    const options = { ...this.options(filters), bothSigns: response === 'both-signs' }
    const raised = (y: Tensor) => (power === 1 ? y : ops.rectifiedPower(y, { power }))
    if (response === 'triangle') {
      const cosines = ops.nnlConv(x, weight, options)
      const code = ops.triangle(cosines)
      const y = pool ? ops.maxPool(code, pool) : code
      return { y: raised(y), saved: { x, triangle: { cosines, code, y } } }
    }
    if (!training) return { y: ops.nnlConv(x, weight, { ...options, power }), saved: { x } }
    // Power 1 with the places of the maxima: the gradient then costs the pooled cells alone.
    const maxima = ops.nnlConvWithIndex(x, weight, options)
    return { y: raised(maxima.y), saved: { x, maxima } }
  }

  backward(saved: Saved, gy: Tensor, wants: boolean, into: Map<string, Tensor>) {
    const { x, maxima, triangle } = saved as Kept
    const { power, bias, pool, response } = this.spec
    if (this.frozen && !wants) return null
    // The gradient of both signs is that of twice as many filters.
    const both = response === 'both-signs'
    const { filters } = this
    const rows = both ? { weight: withNegatives(filters.weight), bias: filters.bias && withNegatives(filters.bias) } : filters
    const options = this.options(rows)
    const of = [...(this.frozen ? [] : ['gw' as const, ...(bias ? ['gb' as const] : [])]), ...(wants ? ['gx' as const] : [])]
    const grads = (gy: Tensor, rest: object = {}) => ops.nnlConvGrad(x, rows.weight, gy, { ...options, ...rest, of })
    const slope = (y: Tensor) => (power === 1 ? gy : ops.rectifiedPowerGrad(y, gy, { power }))
    const throughTriangle = ({ cosines, code, y }: NonNullable<Kept['triangle']>) =>
      ops.triangleGrad(cosines, pool ? ops.maxPoolGrad(code, slope(y), pool) : slope(y))
    // A frozen layer keeps no places of maxima: its gradient is rarely asked for, and the op finds them again.
    const made = triangle
      ? grads(throughTriangle(triangle))
      : maxima
        ? grads(slope(maxima.y), { saved: maxima })
        : grads(gy, { power })
    const parts = both ? lessNegatives : (g: Tensor) => g
    if (!this.frozen) into.set(`${this.name}.weight`, parts(made.gw))
    if (!this.frozen && bias) into.set(`${this.name}.bias`, parts(made.gb))
    return wants ? made.gx : null
  }

  onnx(graph: Graph, x: string): string {
    const { name } = this
    const { units, window, stride, padding, normalise, centre, pool, response } = this.spec
    const [channels] = this.image
    const taps = channels * window * window
    const place = windowAttributes(window, stride, padding)
    const patches = centre ? addCentredPatches(graph, name, [channels, window, window], place, x) : null
    const filters = patches
      ? graph.constant(`${name}.centred_weight`, [units, taps, 1, 1], centred(graph.values(`${name}.weight`), taps))
      : graph.weight(`${name}.weight`)

    // A bias of products as they are is the Conv's own.
    const bias = this.spec.bias && graph.weight(`${name}.bias`, normalise === 'patch' ? [units, 1, 1] : [units])
    const inputs = [patches ?? x, filters, ...(bias && normalise === 'none' ? [bias] : [])]
    let y = graph.add('Conv', inputs, `${name}.product`, patches ? {} : place)
    if (normalise === 'patch') {
      const square = patches
        ? graph.add('ReduceSumSquare', [patches], `${name}.norm2`, { axes: [1], keepdims: 1 })
        : addSquares(graph, name, [channels, window, window], place, x)
      y = graph.add('Mul', [y, graph.inverseRoot(name, square)], `${name}.cosine`)
      if (bias) y = graph.add('Add', [y, bias], `${name}.biased`)
    }
    if (response === 'both-signs')
      y = graph.add('Concat', [y, graph.add('Neg', [y], `${name}.negative`)], `${name}.both`, { axis: 1 })
    if (response === 'triangle') y = addTriangle(graph, name, y)
    if (pool)
      y = graph.add('MaxPool', [y], `${name}.pool`, { ...windowAttributes(pool.size, pool.stride, pool.padding), ceil_mode: 0 })
    return response === 'signed' ? y : graph.rectifiedPower(name, this.spec.power, y)
  }
}

interface Filters {
  weight: Tensor
  bias: Tensor | null
}

/** Rows [K,...], then the same rows with their signs turned, [2K,...]. */
function withNegatives(rows: Tensor): Tensor {
  const [k, ...rest] = rows.shape as [number, ...number[]]
  const both = Tensor.zeros([2 * k, ...rest], { device: rows.device })
  ops.copyRows(asRows(rows), asRows(both))
  ops.copyRows(asRows(ops.scale(rows, { factor: -1 })), asRows(both), { at: k })
  return both
}

/** Of [2K,...] the first K rows less the others: the gradient through {@link withNegatives}. */
function lessNegatives(rows: Tensor): Tensor {
  const [k, ...rest] = rows.shape as [number, ...number[]]
  const count = rows.size / 2
  const line = rows.reshape([1, rows.size])
  const half = (at: number) => ops.sliceColumns(line, { at, count })
  return ops.subtract(half(0), half(count)).reshape([k / 2, ...rest])
}

const asRows = (x: Tensor): Tensor => x.reshape([x.shape[0] as number, x.size / (x.shape[0] as number)])

export const nnlConv = { kind: 'nnl_conv', schema, make: (spec: NnlConvSpec, place: Place) => new NnlConv(spec, place) }

/** max(mean over the channels of d - d, 0) of d = sqrt(max(2 - 2 c, 0)). */
function addTriangle(graph: Graph, name: string, cosines: string): string {
  const two = graph.number(`${name}.two`, 2)
  const square = graph.add('Sub', [two, graph.add('Mul', [cosines, two], `${name}.twice`)], `${name}.square`)
  const distance = graph.add('Sqrt', [graph.add('Relu', [square], `${name}.nonnegative`)], `${name}.distance`)
  const mean = graph.add('ReduceMean', [distance], `${name}.mean_distance`, { axes: [1], keepdims: 1 })
  return graph.add('Relu', [graph.add('Sub', [mean, distance], `${name}.nearer`)], `${name}.triangle`)
}

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
