import {
  type Case,
  type Expected,
  f32,
  f64,
  type Host,
  i32,
  normals,
  type Options,
  type Proof,
  size,
  U,
  u8,
  uniform,
} from './proof.js'
import { isAtLeast, raise, roundings } from './rectified_power.js'

export interface Layer {
  N: number
  C: number
  H: number
  W: number
  K: number
  R: number
  S: number
  P: number
  Q: number
  rows: number // of outputs, after the pool
  columns: number
  power: number
  stride: number
  padding: number
  patch: boolean
  centre: boolean
  rectify: boolean
  /** Channels K.. of 2K are those of the filters with their signs turned. */
  bothSigns: boolean
  pool: number
  poolStride: number
  poolPadding: number
}

export const x = (c: Case): Host => c.inputs[0] as Host
export const w = (c: Case): Host => c.inputs[1] as Host

export function layer(c: Case): Layer {
  const [N, C, H, W] = x(c).shape as [number, number, number, number]
  const [rows, , R, S] = w(c).shape as [number, number, number, number]
  const o = {
    power: 1,
    stride: 1,
    padding: 0,
    normalise: 'patch',
    centre: false,
    rectify: true,
    bothSigns: false,
    poolSize: 1,
    poolStride: 1,
    poolPadding: 0,
    ...c.options,
  }
  const positions = (image: number, window: number) => Math.floor((image + 2 * o.padding - window) / o.stride) + 1
  const P = positions(H, R)
  const Q = positions(W, S)
  const pooled = (n: number) => Math.floor((n + 2 * o.poolPadding - o.poolSize) / o.poolStride) + 1
  return {
    ...{ N, C, H, W, K: o.bothSigns ? 2 * rows : rows, R, S, P, Q, rows: pooled(P), columns: pooled(Q) },
    ...{ power: o.power, stride: o.stride, padding: o.padding, patch: o.normalise === 'patch', centre: o.centre },
    rectify: o.rectify,
    bothSigns: o.bothSigns,
    ...{ pool: o.poolSize, poolStride: o.poolStride, poolPadding: o.poolPadding },
  }
}

/** The bias of filter k, 0 without one; `at` is where the op takes it. Of the filters with their signs turned it is the others', turned. */
export function biasOf(c: Case, at: 2 | 3, k: number): number {
  const { data = [], shape = [] } = c.inputs[at] ?? {}
  const [rows = 1] = shape
  return data.length === 0 ? 0 : (k < rows ? 1 : -1) * (data[k % rows] as number)
}

/** The patch at (p, q) of image n, less its mean if centred; `pixel` is where each number came from, -1 for padding. */
export function patchAt(
  c: Case,
  l: Layer,
  n: number,
  p: number,
  q: number,
): { v: Float64Array; pixel: Int32Array; norm: number } {
  const v = new Float64Array(l.C * l.R * l.S)
  const pixel = new Int32Array(v.length).fill(-1)
  const scale = x(c).dtype === 'u8' ? 255 : 1
  for (let channel = 0, t = 0; channel < l.C; channel++)
    for (let r = 0; r < l.R; r++)
      for (let s = 0; s < l.S; s++, t++) {
        const h = p * l.stride + r - l.padding
        const column = q * l.stride + s - l.padding
        if (h < 0 || h >= l.H || column < 0 || column >= l.W) continue
        pixel[t] = ((n * l.C + channel) * l.H + h) * l.W + column
        v[t] = (x(c).data[pixel[t] as number] as number) / scale
      }
  if (l.centre && v.every((value) => value === v[0])) v.fill(0)
  else if (l.centre) {
    const mean = v.reduce((a, b) => a + b, 0) / v.length
    for (let t = 0; t < v.length; t++) v[t] = (v[t] as number) - mean
  }
  return { v, pixel, norm: Math.hypot(...v) }
}

export interface Maxima {
  l: Layer
  value: Float64Array // cosine (or product) of each output
  place: Int32Array // p * Q + q
  gap: Float64Array // to the best position of another value
  doubt: Float64Array // how far a float32 cosine may be from `value`
}

/**
 * Doubt of a product w . v of T terms in float32: T + 1 roundings of at most U sum |w v| <= U |w| |v|, so (T + 1) U |w| |v|, and
 * one more for each pixel that is x / 255 or has a mean subtracted: (T + 3) U |w| |v|. Of a cosine: |v| cancels; |v| itself is the
 * root of a sum of T squares, (T / 2 + 2) U, and the division or product with 1 / |v| two more: (1.5 T + 7) U |w| in all.
 */
export function maxima(c: Case): Maxima {
  const l = layer(c)
  const T = l.C * l.R * l.S
  const cells = l.rows * l.columns
  const value = new Float64Array(l.N * l.K * cells)
  const place = new Int32Array(value.length)
  const gap = new Float64Array(value.length).fill(Number.POSITIVE_INFINITY)
  const doubt = new Float64Array(value.length)
  const map = new Float64Array(l.P * l.Q)
  for (let n = 0; n < l.N; n++) {
    const patches = Array.from(map, (_, i) => patchAt(c, l, n, Math.floor(i / l.Q), i % l.Q))
    const longest = patches.reduce((most, p) => Math.max(most, p.norm), 0)
    for (let k = 0; k < l.K; k++) {
      const at = l.bothSigns ? k % (l.K / 2) : k
      const sign = at === k ? 1 : -1
      const row = Float64Array.from(w(c).data.subarray(at * T, (at + 1) * T), (v) => sign * v)
      patches.forEach(({ v, norm }, i) => {
        let sum = 0
        for (let t = 0; t < T; t++) sum += (row[t] as number) * (v[t] as number)
        map[i] = l.patch ? (norm === 0 ? 0 : sum / norm) : sum
      })
      const length = Math.hypot(...row)
      for (let cell = 0; cell < cells; cell++) {
        const at = (n * l.K + k) * cells + cell
        const top = Math.floor(cell / l.columns) * l.poolStride - l.poolPadding
        const left = (cell % l.columns) * l.poolStride - l.poolPadding
        let best = Math.max(top, 0) * l.Q + Math.max(left, 0)
        const each = (f: (i: number) => void) => {
          for (let p = Math.max(top, 0); p < Math.min(top + l.pool, l.P); p++)
            for (let q = Math.max(left, 0); q < Math.min(left + l.pool, l.Q); q++) f(p * l.Q + q)
        }
        each((i) => {
          const better = (map[i] as number) > (map[best] as number)
          if (better || (Number.isNaN(map[i]) && !Number.isNaN(map[best]))) best = i
        })
        each((i) => {
          if (map[i] !== map[best]) gap[at] = Math.min(gap[at] as number, (map[best] as number) - (map[i] as number))
        })
        value[at] = map[best] as number
        place[at] = best
        doubt[at] = l.patch ? (1.5 * T + 7) * U * length : (T + 3) * U * length * longest
      }
    }
  }
  return { l, value, place, gap, doubt }
}

const known = new WeakMap<Case, Maxima>()
export function maximaOf(c: Case): Maxima {
  const made = known.get(c) ?? maxima(c)
  known.set(c, made)
  return made
}

/** The filter of the i-th output. */
export const filterOf = (l: Layer, i: number): number => Math.floor(i / (l.rows * l.columns)) % l.K

/** What the layer makes of a pooled product with its bias. */
export const respond = (l: Layer, v: number): number => (l.rectify ? raise(v, l.power) : v)

export const random = (seed: number, shape: number[], mean = 0, spread = 1): Host =>
  f32(
    shape,
    normals(seed, size(shape)).map((v) => mean + spread * v),
  )
export function pixels(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  return u8(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(256 * next())),
  )
}
/** Rows of unit length. */
export function unitRows(seed: number, shape: number[], mean = 0): Host {
  const data = Float64Array.from(normals(seed, size(shape)), (v) => v + mean)
  const T = size(shape) / (shape[0] as number)
  for (let k = 0; k < (shape[0] as number); k++) {
    const row = data.subarray(k * T, (k + 1) * T)
    const length = Math.hypot(...row)
    row.forEach((v, t) => {
      row[t] = v / length
    })
  }
  return f32(shape, data)
}
/** A third of the image is zero, a third one grey, and the rest repeats itself every four pixels: equal patches everywhere. */
export function flat(shape: number[]): Host {
  const W = shape[3] as number
  return f32(
    shape,
    Array.from({ length: size(shape) }, (_, i) => (i % W < W / 3 ? 0 : i % W < (2 * W) / 3 ? 0.37 : 0.1 + 0.2 * (i % 4))),
  )
}
function withNumber(host: Host, at: number, value: number): Host {
  const data = host.data.slice()
  data[at] = value
  return { ...host, data }
}

export const pool11 = { poolSize: 11, poolStride: 2 }
const index = ['index']
/** Those whose maxima along a row are compiled for their size. */
const usualPools: [size: number, stride: number][] = [
  [2, 1],
  [3, 1],
  [5, 1],
  [5, 2],
  [7, 2],
  [9, 2],
]

const withBias = (c: Case, seed: number): Case => ({
  ...c,
  inputs: [x(c), w(c), random(seed, [w(c).shape[0] as number], 0, 0.3)],
})

const forward: Case[] = [
  {
    name: 'the layer of the paper, small batch',
    inputs: [random(1, [2, 3, 32, 32], 0.5, 0.25), unitRows(2, [40, 3, 4, 4], 0.5)],
    options: { power: 40, ...pool11 },
  },
  {
    name: '... with places',
    inputs: [random(1, [2, 3, 32, 32], 0.5, 0.25), unitRows(2, [33, 3, 4, 4], 0.5)],
    options: { power: 40, ...pool11 },
    request: index,
  },
  {
    name: '... of bytes',
    inputs: [pixels(3, [1, 3, 32, 32]), unitRows(2, [19, 3, 4, 4], 0.5)],
    options: { power: 40, ...pool11 },
  },
  {
    name: '... of bytes with places',
    inputs: [pixels(3, [1, 3, 20, 20]), unitRows(2, [35, 3, 4, 4], 0.5)],
    options: pool11,
    request: index,
  },
  { name: 'all of size 1', inputs: [f32([1, 1, 1, 1], [0.3]), f32([1, 1, 1, 1], [2])] },
  { name: 'defaults', inputs: [random(4, [2, 2, 9, 11]), unitRows(5, [5, 2, 3, 2])], request: index },
  {
    name: 'stride 2, padding 2, pool 2/3, a power that is no integer',
    inputs: [random(6, [3, 2, 9, 13]), unitRows(7, [17, 2, 3, 5])],
    options: { stride: 2, padding: 2, poolSize: 2, poolStride: 3, power: 3.7 },
    request: index,
  },
  {
    name: 'products, not cosines',
    inputs: [random(8, [2, 3, 10, 12]), random(9, [18, 3, 3, 3])],
    options: { normalise: 'none', power: 5, poolSize: 3 },
  },
  {
    name: 'a result that passes by the caches, in several runs',
    inputs: [random(110, [2, 1, 90, 93]), random(111, [137, 1, 2, 2])],
    options: { power: 2, poolSize: 2 },
    request: index,
  },
  {
    name: '... in one run, pool 2/1',
    inputs: [random(190, [10, 1, 33, 35]), unitRows(191, [120, 1, 3, 3])],
    options: { poolSize: 2 },
  },
  withBias(
    {
      name: '... of both signs with a bias, as bf16',
      inputs: [pixels(192, [1, 1, 90, 93]), unitRows(193, [133, 1, 2, 2])],
      options: { bothSigns: true, power: 3, store: 'bf16' },
    },
    194,
  ),
  {
    name: '... with NaN in the image, with places',
    inputs: [withNumber(random(203, [1, 1, 90, 93]), 4000, Number.NaN), random(204, [137, 1, 2, 2])],
    options: { poolSize: 2 },
    request: index,
  },
  ...usualPools.flatMap(([poolSize, poolStride]): Case[] => [
    {
      name: `pool ${poolSize}/${poolStride}`,
      inputs: [random(195, [1, 2, 17, 20]), unitRows(196, [21, 2, 3, 3])],
      options: { poolSize, poolStride, power: 2 },
    },
    {
      name: `pool ${poolSize}/${poolStride} over the border, of bytes, with places`,
      inputs: [pixels(197, [2, 1, 13, 12]), unitRows(198, [35, 1, 2, 3])],
      options: { poolSize, poolStride, poolPadding: Math.floor(poolSize / 2) },
      request: index,
    },
  ]),
  {
    name: 'products without a pool',
    inputs: [random(112, [2, 2, 6, 7]), random(113, [5, 2, 3, 2])],
    options: { normalise: 'none' },
  },
  {
    name: 'products of bytes',
    inputs: [pixels(10, [2, 3, 10, 12]), random(11, [6, 3, 3, 3])],
    options: { normalise: 'none', power: 2 },
  },
  {
    name: 'products, centred, stride 3, padding 4',
    inputs: [random(12, [1, 3, 20, 23], 2), random(13, [7, 3, 5, 5])],
    options: { normalise: 'none', centre: true, stride: 3, padding: 4, poolSize: 2 },
  },
  {
    name: 'centred',
    inputs: [random(14, [2, 3, 14, 17], 0.5, 0.2), unitRows(15, [35, 3, 4, 4])],
    options: { centre: true, power: 3, poolSize: 5, poolStride: 2 },
    request: index,
  },
  {
    name: 'centred, pool stride beyond the pool',
    inputs: [random(199, [2, 2, 16, 19], 0.5, 0.2), unitRows(200, [70, 2, 3, 3])],
    options: { centre: true, power: 2, poolSize: 2, poolStride: 5 },
    request: index,
  },
  {
    name: 'centred, large windows of a large image',
    inputs: [random(201, [2, 8, 34, 40], 0.5, 0.2), unitRows(202, [35, 8, 5, 5])],
    options: { centre: true, poolSize: 4, poolStride: 4 },
  },
  {
    name: 'centred bytes',
    inputs: [pixels(16, [1, 3, 14, 17]), unitRows(15, [5, 3, 4, 4])],
    options: { centre: true, power: 3 },
  },
  {
    name: 'bytes of many channels, padded, pool 3/2',
    inputs: [pixels(89, [2, 14, 7, 8]), unitRows(90, [34, 14, 4, 4])],
    options: { padding: 1, poolSize: 3, poolStride: 2 },
  },
  {
    name: 'a wide image of bytes, pool 11/2',
    inputs: [pixels(91, [1, 1, 14, 470]), unitRows(92, [3, 1, 2, 2])],
    options: pool11,
    request: index,
  },
  withBias(
    {
      name: 'a bias, bytes, 17 columns of pool 11/2, as bf16',
      inputs: [pixels(181, [2, 3, 20, 47]), unitRows(182, [21, 3, 4, 4])],
      options: { power: 6, ...pool11, store: 'bf16' },
    },
    183,
  ),
  {
    name: '7 columns of pool 11/2, a power that is no integer',
    inputs: [random(184, [2, 2, 17, 26]), unitRows(185, [5, 2, 3, 3])],
    options: { power: 2.5, ...pool11 },
  },
  {
    name: 'bytes under stride 2, padded, pool 3/2',
    inputs: [pixels(94, [2, 2, 13, 77]), unitRows(95, [33, 2, 5, 5])],
    options: { stride: 2, padding: 1, poolSize: 3, poolStride: 2 },
  },
  {
    name: 'products of bytes under few filters',
    inputs: [pixels(96, [3, 3, 9, 12]), random(97, [7, 3, 5, 5])],
    options: { normalise: 'none', power: 2 },
    request: index,
  },
  {
    name: 'bytes under faint filters',
    inputs: [pixels(98, [1, 3, 12, 20]), random(99, [18, 3, 4, 4], 0, 1e-15)],
    options: { poolSize: 2, poolStride: 2 },
  },
  {
    name: 'one window of a large map, with places',
    inputs: [pixels(93, [1, 1, 460, 462]), f32([2, 1, 1, 1], [0.5, -2])],
    options: { normalise: 'none', poolSize: 460 },
    request: index,
  },
  {
    name: 'pool 15/1 of bytes',
    inputs: [pixels(94, [1, 2, 19, 20]), unitRows(95, [5, 2, 3, 3])],
    options: { poolSize: 15 },
  },
  {
    name: 'pool 18/1, more than the usual ones are told apart by',
    inputs: [random(206, [1, 2, 25, 26]), unitRows(207, [5, 2, 3, 3])],
    options: { poolSize: 18 },
  },
  {
    name: 'bytes without a pool, with places',
    inputs: [pixels(87, [2, 2, 9, 12]), unitRows(88, [7, 2, 3, 3])],
    request: index,
  },
  {
    name: 'centred, contrast of a thousandth',
    inputs: [random(17, [1, 3, 10, 10], 0.8, 0.001), unitRows(18, [9, 3, 4, 4])],
    options: { centre: true, power: 2 },
  },
  {
    name: 'zero patches and equal patches',
    inputs: [flat([2, 2, 12, 18]), unitRows(19, [9, 2, 4, 4], 0.5)],
    options: { poolSize: 3, poolStride: 2, power: 2 },
    request: index,
  },
  {
    name: 'zero and grey patches, centred',
    inputs: [flat([1, 2, 12, 18]), unitRows(20, [9, 2, 4, 4])],
    options: { centre: true, power: 2 },
  },
  {
    name: 'dark patches',
    inputs: [random(21, [1, 3, 8, 8], 1e-15, 3e-16), unitRows(22, [5, 3, 4, 4], 0.5)],
    options: { power: 10 },
  },
  {
    name: 'results below the normal range',
    inputs: [random(23, [1, 3, 9, 9]), unitRows(24, [8, 3, 4, 4])],
    options: { power: 40, poolSize: 2 },
  },
  {
    name: 'stored as bf16',
    inputs: [random(25, [2, 3, 20, 20], 0.5, 0.25), unitRows(26, [21, 3, 4, 4], 0.5)],
    options: { power: 40, poolSize: 3, poolStride: 2, store: 'bf16' },
    request: index,
  },
  {
    name: 'pool stride beyond the pool',
    inputs: [random(27, [1, 2, 16, 19]), unitRows(28, [6, 2, 3, 3])],
    options: { poolSize: 2, poolStride: 5 },
    request: index,
  },
  {
    name: 'one window of the whole image, a long narrow one',
    inputs: [random(29, [2, 5, 40, 7]), unitRows(30, [70, 5, 7, 7])],
    options: { padding: 3, poolSize: 7, poolStride: 4 },
  },
  {
    name: 'pool 11/3 over the border, with places',
    inputs: [random(120, [2, 3, 32, 32], 0.5, 0.25), unitRows(121, [35, 3, 4, 4], 0.5)],
    options: { power: 40, poolSize: 11, poolStride: 3, poolPadding: 5 },
    request: index,
  },
  {
    name: 'pool 11/2 over the border, of bytes, as bf16',
    inputs: [pixels(122, [2, 3, 19, 32]), unitRows(123, [18, 3, 4, 4], 0.5)],
    options: { power: 4, ...pool11, poolPadding: 4, store: 'bf16' },
  },
  {
    name: 'pool 3/2 over the border, of bytes, centred, with places',
    inputs: [pixels(124, [2, 3, 11, 16]), unitRows(125, [70, 3, 3, 3])],
    options: { centre: true, poolSize: 3, poolStride: 2, poolPadding: 1 },
    request: index,
  },
  {
    name: 'a pool larger than the map, with places',
    inputs: [random(126, [3, 2, 6, 5]), unitRows(127, [17, 2, 3, 3])],
    options: { poolSize: 8, poolStride: 1, poolPadding: 4 },
    request: index,
  },
  {
    name: 'pool stride beyond the pool, over the border',
    inputs: [random(128, [1, 2, 16, 19]), unitRows(129, [6, 2, 3, 3])],
    options: { poolSize: 4, poolStride: 5, poolPadding: 2 },
    request: index,
  },
  {
    name: 'NaN in one image, over the border, with places',
    inputs: [withNumber(random(33, [2, 2, 9, 9]), 1, Number.NaN), unitRows(34, [6, 2, 3, 3])],
    options: { poolSize: 5, poolStride: 2, poolPadding: 2 },
    request: index,
  },
  {
    name: 'nothing above minus infinity, over the border, with places',
    inputs: [f32([1, 1, 7, 7], Array(49).fill(3e38)), f32([1, 1, 2, 2], Array(4).fill(-3e38))],
    options: { normalise: 'none', poolSize: 3, poolStride: 2, poolPadding: 1 },
    request: index,
  },
  { name: 'more positions than one run of outputs', inputs: [random(31, [1, 2, 30, 41]), unitRows(32, [9, 2, 2, 2])] },
  {
    name: 'NaN in one image, infinity in another',
    inputs: [
      withNumber(withNumber(random(33, [3, 2, 9, 9]), 40, Number.NaN), 170, Number.POSITIVE_INFINITY),
      unitRows(34, [6, 2, 3, 3]),
    ],
    options: { poolSize: 3, poolStride: 2, power: 3 },
  },
  {
    name: 'NaN in a filter',
    inputs: [random(35, [1, 2, 7, 7]), withNumber(unitRows(36, [4, 2, 3, 3]), 20, Number.NaN)],
    options: { poolSize: 2 },
  },
  {
    name: 'NaN in one image, with places',
    inputs: [withNumber(random(33, [2, 2, 9, 9]), 40, Number.NaN), unitRows(34, [6, 2, 3, 3])],
    options: { poolSize: 3, poolStride: 2 },
    request: index,
  },
  withBias(
    {
      name: 'a bias, pool 11/2, with places',
      inputs: [random(70, [2, 3, 32, 32], 0.5, 0.25), unitRows(71, [37, 3, 4, 4], 0.1)],
      options: pool11,
      request: index,
    },
    72,
  ),
  withBias(
    {
      name: 'a bias, products of bytes, pool 3/2',
      inputs: [pixels(73, [3, 3, 12, 15]), random(74, [18, 3, 3, 3], 0, 0.2)],
      options: { normalise: 'none', poolSize: 3, poolStride: 2 },
      request: index,
    },
    75,
  ),
  withBias(
    {
      name: 'a bias, zero patches, power 3',
      inputs: [flat([1, 2, 12, 18]), unitRows(76, [9, 2, 4, 4])],
      options: { power: 3, poolSize: 2, poolStride: 2 },
    },
    77,
  ),
  withBias(
    {
      name: 'a bias, centred bytes, no pool',
      inputs: [pixels(78, [1, 3, 9, 11]), unitRows(79, [5, 3, 4, 4])],
      options: { centre: true },
    },
    80,
  ),
  withBias(
    {
      name: 'a bias, pool 2/2, stored as bf16',
      inputs: [random(81, [1, 3, 12, 12], 0.5, 0.25), unitRows(82, [20, 3, 4, 4], 0.2)],
      options: { poolSize: 2, poolStride: 2, power: 2.5, store: 'bf16' },
    },
    83,
  ),
  withBias(
    {
      name: 'signed, cosines, no pool',
      inputs: [random(150, [2, 3, 9, 8], 0.5, 0.25), random(151, [21, 3, 3, 3])],
      options: { rectify: false },
    },
    152,
  ),
  withBias(
    {
      name: 'signed, centred bytes, no pool, as bf16',
      inputs: [pixels(153, [2, 3, 9, 11]), unitRows(154, [19, 3, 4, 4])],
      options: { rectify: false, centre: true, store: 'bf16' },
    },
    155,
  ),
  withBias(
    {
      name: 'signed, products, maxima below zero, pool 3/2 over the border, with places',
      inputs: [random(156, [2, 2, 9, 10], 2, 0.3), random(157, [18, 2, 3, 3], -1, 0.3)],
      options: { rectify: false, normalise: 'none', poolSize: 3, poolStride: 2, poolPadding: 1 },
      request: index,
    },
    158,
  ),
  withBias(
    { name: 'signed, zero patches', inputs: [flat([1, 2, 12, 18]), unitRows(159, [9, 2, 4, 4])], options: { rectify: false } },
    160,
  ),
  {
    name: 'signed, NaN in one image, pool 3/2',
    inputs: [withNumber(random(33, [2, 2, 9, 9]), 40, Number.NaN), unitRows(34, [6, 2, 3, 3])],
    options: { rectify: false, poolSize: 3, poolStride: 2 },
  },
  {
    name: 'many filters for many images of bytes, pool 2/2',
    inputs: [pixels(172, [66, 1, 6, 6]), unitRows(173, [400, 1, 3, 3])],
    options: { poolSize: 2, poolStride: 2, power: 2 },
  },
  {
    name: '... of floats, with places',
    inputs: [random(174, [66, 1, 6, 6], 0.5, 0.25), unitRows(175, [230, 1, 3, 3])],
    options: { poolSize: 2, poolStride: 2 },
    request: index,
  },
  {
    name: 'both signs, pool 13/5 over the border, of bytes, as bf16',
    inputs: [pixels(161, [2, 3, 17, 32]), unitRows(162, [37, 3, 4, 4])],
    options: { bothSigns: true, power: 2, poolSize: 13, poolStride: 5, poolPadding: 6, store: 'bf16' },
  },
  {
    name: 'both signs, pool 11/3 over the border, with places',
    inputs: [random(163, [2, 3, 19, 18], 0.5, 0.25), unitRows(164, [21, 3, 3, 3])],
    options: { bothSigns: true, power: 4, poolSize: 11, poolStride: 3, poolPadding: 5 },
    request: index,
  },
  withBias(
    {
      name: 'both signs, a bias, no pool, with places',
      inputs: [random(165, [3, 2, 9, 13]), unitRows(166, [35, 2, 3, 3])],
      options: { bothSigns: true, stride: 2, padding: 1 },
      request: index,
    },
    167,
  ),
  withBias(
    {
      name: 'both signs, a bias, products, no pool',
      inputs: [random(168, [1, 18, 6, 7]), random(169, [70, 18, 1, 1])],
      options: { bothSigns: true, normalise: 'none', power: 3 },
    },
    170,
  ),
  {
    name: 'both signs, zero patches',
    inputs: [flat([1, 2, 12, 18]), unitRows(171, [9, 2, 4, 4])],
    options: { bothSigns: true, poolSize: 3, poolStride: 2 },
    request: index,
  },
  {
    name: 'both signs, NaN in one image, infinity in another',
    inputs: [
      withNumber(withNumber(random(33, [3, 2, 9, 9]), 40, Number.NaN), 170, Number.POSITIVE_INFINITY),
      unitRows(34, [6, 2, 3, 3]),
    ],
    options: { bothSigns: true, poolSize: 3, poolStride: 2, power: 3 },
  },
  withBias(
    {
      name: 'a bias, pool 11/1 with places, stride 2',
      inputs: [random(84, [1, 3, 31, 33]), random(85, [5, 3, 4, 4])],
      options: { normalise: 'none', stride: 2, poolSize: 11 },
      request: index,
    },
    86,
  ),
]

const bad = (name: string, options: Options, argument: string) => ({
  name,
  inputs: [random(1, [1, 3, 8, 8]), random(2, [4, 3, 4, 4])],
  options,
  error: 'OptionError' as const,
  argument,
})
export const misshapen = [
  {
    name: 'other channels',
    inputs: [random(1, [1, 2, 8, 8]), random(2, [4, 3, 4, 4])],
    error: 'ShapeError' as const,
    argument: 'w',
  },
  {
    name: 'a window beyond the image',
    inputs: [random(1, [1, 3, 3, 8]), random(2, [4, 3, 4, 4])],
    error: 'ShapeError' as const,
    argument: 'w',
  },
  { name: 'x is i32', inputs: [i32([1, 1, 1, 1], [1]), random(2, [1, 1, 1, 1])], error: 'ShapeError' as const, argument: 'x' },
]
export const misset = [
  bad('a pool beyond the positions', { poolSize: 6 }, 'poolSize'),
  bad('a pool beyond the positions and the padding', { poolSize: 10, poolPadding: 2 }, 'poolSize'),
  bad('padding beyond half of the pool', { poolSize: 3, poolPadding: 2 }, 'poolPadding'),
  bad('padding as large as the window', { padding: 4 }, 'padding'),
  bad('power 0', { power: 0 }, 'power'),
  bad('power 201', { power: 201 }, 'power'),
  bad('a power of signed maxima', { power: 2, rectify: false }, 'power'),
  bad('stride 0', { stride: 0 }, 'stride'),
  bad('an unknown normalisation', { normalise: 'filter' }, 'normalise'),
]

export const proofs: Proof[] = [
  {
    op: 'nnl_conv',
    cases: forward,
    reference: (c): Expected => {
      const { l, value, place } = maximaOf(c)
      const shape = [l.N, l.K, l.rows, l.columns]
      const y = {
        y: f64(
          shape,
          value.map((v, i) => respond(l, v + biasOf(c, 2, filterOf(l, i)))),
        ),
      }
      return c.request ? { ...y, index: i32(shape, place) } : y
    },
    // y: what the doubt of the cosine, and one rounding of its sum with the bias, makes of its power, the roundings of the power, one for bf16 (2^-8), and what may count
    // as 0 or not. index: exact, unless another value is closer than both doubts.
    budget: (name, i, _expected, c) => {
      const { l, value, gap, doubt } = maximaOf(c)
      const signed = (value[i] as number) + biasOf(c, 2, filterOf(l, i))
      const v = l.rectify ? signed : Math.abs(signed)
      const off = (doubt[i] as number) + (c.inputs[2] ? U * Math.abs(v) : 0)
      if (name === 'index') return (gap[i] as number) <= 2 * (doubt[i] as number) ? Number.POSITIVE_INFINITY : 0
      const reach = raise(v + off, l.power)
      const bf16 = c.options?.store === 'bf16'
      const relative = roundings(l.power) * U
      const atLeast = isAtLeast(v - off, v + off, l.power, relative) ? 2 ** -126 : 0
      return reach - raise(v, l.power) + (relative + (bf16 ? 1.01 * 2 ** -8 : 0)) * reach + 1.01 * atLeast
    },
    refusals: [
      ...misshapen,
      ...misset,
      bad('an unknown store', { store: 'f16' }, 'store'),
      bad('both signs of signed maxima', { bothSigns: true, rectify: false }, 'bothSigns'),
      {
        name: 'a bias of another length',
        inputs: [random(1, [1, 3, 8, 8]), random(2, [4, 3, 4, 4]), random(3, [3])],
        error: 'ShapeError',
        argument: 'b',
      },
    ],
  },
]
