import {
  biasOf,
  filterOf,
  flat,
  layer,
  maxima,
  maximaOf,
  misset,
  misshapen,
  patchAt,
  pixels,
  pool11,
  random,
  respond,
  unitRows,
  w,
  x,
} from './nnl_conv.js'
import { type Case, type Expected, f32, f64, type Host, i32, type Options, type Proof, U } from './proof.js'
import { roundings, slope } from './rectified_power.js'

interface Gradient {
  gx: Float64Array
  gw: Float64Array
  gb: Float64Array
  bound: Record<string, Float64Array>
}

/**
 * The gradients and, beside each sum, how far a float32 one may be off.
 *   d = gy n z^(n-1), z = c + b: z in doubt (or on the other side of 0), and the roundings of the power: `dOff`.
 *   v / |v|: (T / 2 + 6) U of its numbers, as for the cosines.
 *   gb: the sum of d over the cells, M terms: dOff, and M U of the sum of their magnitudes.
 *   gw: sum over cells of d v / |v|; gx: sum over cells of d (w - c v / |v|) / |v|, then over the patches that share a pixel. A sum of
 *   M terms adds M U of the sum of their magnitudes. Subtracting the mean of a gradient adds the mean of its bounds.
 */
function gradient(c: Case): Gradient {
  const { l, value, place, doubt } = maximaOf(c)
  const T = l.C * l.R * l.S
  const cells = l.rows * l.columns
  const gy = (c.inputs[2] as Host).data
  const gx = new Float64Array(x(c).data.length)
  const gw = new Float64Array(w(c).data.length)
  const gb = new Float64Array(l.K)
  const bound = { gx: new Float64Array(gx.length), gw: new Float64Array(gw.length), gb: new Float64Array(l.K) }
  const terms = l.N * cells
  for (let n = 0; n < l.N; n++) {
    const sum = Array.from({ length: l.P * l.Q }, () => ({
      g: new Float64Array(T),
      off: new Float64Array(T),
      size: new Float64Array(T),
      count: 0,
    }))
    const patches = sum.map((_, i) => patchAt(c, l, n, Math.floor(i / l.Q), i % l.Q))
    for (let k = 0; k < l.K; k++)
      for (let cell = 0; cell < cells; cell++) {
        const at = (n * l.K + k) * cells + cell
        const cosine = value[at] as number
        const z = cosine + biasOf(c, 3, k)
        // with a bias: the rounding of c + b, and of y - b, which gives the saved cosine back
        const off = (doubt[at] as number) + (c.inputs[3] ? 2 * U * Math.abs(z) : 0)
        const g = gy[at] as number
        const i = place[at] as number
        const { v, norm } = patches[i] as { v: Float64Array; norm: number }
        if (l.rectify && z <= -off) continue
        const slopeAt = (s: number) => (l.rectify ? slope(s, g, l.power) : g)
        const d = slopeAt(z)
        const reach = Math.abs(slopeAt(z + off) - slopeAt(z - off))
        const dOff = reach + (roundings(l.power) + 3) * U * Math.abs(d)
        gb[k] = (gb[k] as number) + d
        bound.gb[k] = (bound.gb[k] as number) + dOff + terms * U * Math.abs(d)
        if (l.patch && norm === 0) continue
        const factor = l.patch ? 1 / norm : 1
        const along = l.patch ? cosine : 0
        const to = sum[i] as { g: Float64Array; off: Float64Array; size: Float64Array; count: number }
        to.count++
        for (let t = 0; t < T; t++) {
          const unit = (v[t] as number) * factor
          const filter = w(c).data[k * T + t] as number
          const wt = k * T + t
          gw[wt] = (gw[wt] as number) + d * unit
          bound.gw[wt] = (bound.gw[wt] as number) + (dOff + (T / 2 + 6 + terms) * U * Math.abs(d)) * Math.abs(unit)
          const whole = (Math.abs(filter) + Math.abs(along * unit)) * factor
          to.g[t] = (to.g[t] as number) + d * (filter - along * unit) * factor
          to.off[t] = (to.off[t] as number) + dOff * whole + Math.abs(d * unit) * (l.patch ? off * factor : 0)
          to.size[t] = (to.size[t] as number) + Math.abs(d) * whole
        }
      }
    sum.forEach(({ g, off, size: whole, count }, i) => {
      for (let t = 0; t < T; t++) off[t] = (off[t] as number) + (2 * count + T + 12) * U * (whole[t] as number)
      const mean = (a: Float64Array) => (l.centre ? a.reduce((m, b) => m + b, 0) / T : 0)
      const [gMean, offMean, wholeMean] = [mean(g), mean(off), mean(whole)]
      const { pixel } = patches[i] as { pixel: Int32Array }
      pixel.forEach((to, t) => {
        if (to < 0) return
        gx[to] = (gx[to] as number) + (g[t] as number) - gMean
        const magnitude = (whole[t] as number) + wholeMean
        bound.gx[to] = (bound.gx[to] as number) + (off[t] as number) + offMean + (T + l.R * l.S + 2) * U * magnitude
      })
    })
  }
  return { gx, gw, gb, bound }
}
const gradients = new WeakMap<Case, Gradient>()

function withGradient(c: Case, seed: number, request = ['gx', 'gw']): Case {
  const l = layer(c)
  return { ...c, inputs: [x(c), w(c), random(seed, [l.N, l.K, l.rows, l.columns])], request }
}
function scaledGradient(c: Case, seed: number, factor: number): Case {
  const made = withGradient(c, seed)
  const gy = made.inputs[2] as Host
  const scaled = f32(
    gy.shape,
    gy.data.map((g) => g * factor),
  )
  return { ...made, inputs: [...made.inputs.slice(0, 2), scaled] }
}
function withBias(c: Case, seed: number, request = ['gx', 'gw', 'gb']): Case {
  const made = withGradient(c, seed, request)
  return { ...made, inputs: [...made.inputs, random(seed + 1000, [layer(c).K], 0.1, 0.3)] }
}
/** ... with what nnl_conv gives for it: y as float32, and the places. */
function withSaved(made: Case): Case {
  const { l, value, place } = maximaOf(made)
  const shape = [l.N, l.K, l.rows, l.columns]
  const y = f32(
    shape,
    value.map((v, i) => respond(l, v + biasOf(made, 3, filterOf(l, i)))),
  )
  return { ...made, inputs: [...made.inputs.slice(0, 3), made.inputs[3] ?? null, y, i32(shape, place)] }
}

const small = (name: string, options: Options): Case =>
  withBias({ name, inputs: [random(50, [2, 2, 6, 7], 0.4, 0.5), unitRows(51, [3, 2, 3, 2], 0.3)], options }, 52)

const backward: Case[] = [
  withGradient({ name: 'no pool, n = 1', inputs: [random(40, [2, 3, 9, 8]), random(41, [5, 3, 3, 3])] }, 60),
  withGradient(
    {
      name: 'pool 11/2, n = 10',
      inputs: [random(42, [3, 3, 32, 32], 0.5, 0.25), unitRows(43, [20, 3, 4, 4], 0.5)],
      options: { power: 10, ...pool11 },
    },
    61,
  ),
  withGradient(
    {
      name: 'more images than a group',
      inputs: [random(44, [35, 1, 7, 6], 0.5, 0.25), unitRows(45, [18, 1, 3, 3], 0.5)],
      options: { power: 3, poolSize: 2, poolStride: 2 },
    },
    62,
  ),
  withGradient(
    {
      name: 'pool 11/3 over the border, n = 3',
      inputs: [random(130, [3, 3, 32, 32], 0.5, 0.25), unitRows(131, [20, 3, 4, 4], 0.5)],
      options: { power: 3, poolSize: 11, poolStride: 3, poolPadding: 5 },
    },
    132,
  ),
  withGradient(
    {
      name: 'stride 2, padding 2, pool 2/3, n = 2.5',
      inputs: [random(46, [2, 2, 13, 12], 0.3), random(47, [17, 2, 4, 3])],
      options: { stride: 2, padding: 2, poolSize: 2, poolStride: 3, power: 2.5 },
    },
    63,
  ),
  withGradient(
    {
      name: 'products, n = 2',
      inputs: [random(48, [2, 2, 8, 8]), random(49, [4, 2, 3, 3])],
      options: { normalise: 'none', power: 2 },
    },
    64,
  ),
  withGradient(
    {
      name: 'centred',
      inputs: [random(53, [2, 3, 9, 9], 0.5, 0.2), unitRows(54, [9, 3, 4, 4])],
      options: { centre: true, power: 3, poolSize: 3, poolStride: 2 },
    },
    65,
  ),
  withGradient(
    {
      name: 'products, centred',
      inputs: [random(55, [1, 3, 9, 9], 2), random(56, [4, 3, 4, 4])],
      options: { centre: true, normalise: 'none', power: 2 },
    },
    66,
  ),
  withGradient(
    { name: 'zero patches, n = 40', inputs: [flat([1, 2, 10, 18]), unitRows(57, [4, 2, 4, 4], 0.5)], options: { power: 40 } },
    67,
  ),
  // d / |v| near 1e-35 and 1e33, within the range that the contract states
  scaledGradient({ name: 'large patches', inputs: [random(61, [1, 2, 7, 7], 0, 1e15), unitRows(62, [3, 2, 3, 3])] }, 63, 1e-19),
  scaledGradient({ name: 'small patches', inputs: [random(61, [1, 2, 7, 7], 0, 1e-17), unitRows(62, [3, 2, 3, 3])] }, 63, 1e17),
  // images too large for a block's memory
  withGradient({ name: 'a large image', inputs: [random(140, [1, 1, 245, 250]), random(141, [2, 1, 2, 1])] }, 142, ['gw']),
  withGradient(
    {
      name: 'a large image of bytes, centred, pool 3/2',
      inputs: [pixels(143, [1, 1, 243, 250]), random(144, [2, 1, 2, 2])],
      options: { centre: true, poolSize: 3, poolStride: 2 },
    },
    145,
    ['gw'],
  ),
  withGradient({ name: 'gx alone', inputs: [random(58, [1, 2, 7, 7]), random(59, [3, 2, 3, 3])] }, 68, ['gx']),
  withGradient({ name: 'gw alone', inputs: [random(58, [1, 2, 7, 7]), random(59, [3, 2, 3, 3])] }, 68, ['gw']),
  withGradient({ name: 'gb alone', inputs: [random(58, [1, 2, 7, 7]), random(59, [3, 2, 3, 3])] }, 68, ['gb']),
  withBias(
    {
      name: 'a bias, pool 3/2, n = 3',
      inputs: [random(90, [3, 3, 12, 11], 0.5, 0.25), unitRows(91, [19, 3, 4, 4], 0.2)],
      options: { power: 3, poolSize: 3, poolStride: 2 },
    },
    92,
  ),
  withBias(
    {
      name: 'a bias, bytes, n = 2',
      inputs: [pixels(93, [2, 3, 12, 11]), unitRows(94, [9, 3, 3, 3])],
      options: { power: 2, poolSize: 2, poolStride: 2 },
    },
    95,
    ['gw', 'gb'],
  ),
  withBias(
    {
      name: 'a bias, zero patches, products',
      inputs: [flat([1, 2, 10, 18]), random(96, [4, 2, 4, 4])],
      options: { normalise: 'none', poolSize: 2, poolStride: 2 },
    },
    97,
  ),
  withBias({ name: 'a bias, zero patches', inputs: [flat([1, 2, 10, 18]), unitRows(57, [4, 2, 4, 4])] }, 98),
  withSaved(
    withBias(
      {
        name: 'saved, the first layer of a CONV net',
        inputs: [pixels(100, [3, 3, 32, 32]), random(101, [21, 3, 4, 4], 0, 0.1)],
        options: { normalise: 'none', ...pool11 },
      },
      102,
      ['gw', 'gb'],
    ),
  ),
  withSaved(
    withBias(
      {
        name: 'saved, cosines of windows of 8',
        inputs: [random(103, [2, 3, 32, 32], 0.5, 0.25), unitRows(104, [18, 3, 8, 8], 0.1)],
        options: pool11,
      },
      105,
    ),
  ),
  withSaved(
    withGradient({ name: 'saved, no bias, no pool', inputs: [random(106, [2, 2, 9, 8]), random(107, [5, 2, 3, 3])] }, 108, [
      'gx',
      'gw',
      'gb',
    ]),
  ),
  withSaved(
    withBias(
      {
        name: 'saved, centred, stride 2, padding 1, pool 2/1',
        inputs: [random(109, [2, 3, 13, 14], 0.5, 0.2), unitRows(110, [9, 3, 5, 3])],
        options: { centre: true, stride: 2, padding: 1, poolSize: 2 },
      },
      111,
    ),
  ),
  withSaved(
    withBias(
      {
        name: 'saved, centred bytes of more images than a group',
        inputs: [pixels(112, [35, 1, 7, 6]), unitRows(113, [17, 1, 3, 3])],
        options: { centre: true, poolSize: 2, poolStride: 2 },
      },
      114,
      ['gw', 'gb'],
    ),
  ),
  withSaved(
    withBias(
      {
        name: 'saved, products, many taps',
        inputs: [random(115, [1, 23, 9, 8]), random(116, [33, 23, 5, 5])],
        options: { normalise: 'none', poolSize: 2, poolStride: 2 },
      },
      117,
    ),
  ),
  withSaved(
    withBias(
      {
        name: 'saved, pool 5/2 over the border',
        inputs: [random(133, [2, 3, 13, 14], 0.5, 0.2), unitRows(134, [9, 3, 4, 3])],
        options: { normalise: 'none', poolSize: 5, poolStride: 2, poolPadding: 2 },
      },
      135,
    ),
  ),
  withBias(
    {
      name: 'signed, pool 3/2',
      inputs: [random(160, [3, 3, 12, 11], 0.5, 0.25), random(161, [19, 3, 4, 4])],
      options: { rectify: false, poolSize: 3, poolStride: 2 },
    },
    162,
  ),
  withBias(
    {
      name: 'signed, centred, zero patches, no pool',
      inputs: [flat([1, 2, 10, 18]), unitRows(163, [4, 2, 4, 4])],
      options: { rectify: false, centre: true },
    },
    164,
  ),
  withSaved(
    withBias(
      {
        name: 'saved, signed, pool 2/2',
        inputs: [random(165, [2, 3, 12, 11], 0.5, 0.25), unitRows(166, [19, 3, 4, 4])],
        options: { rectify: false, poolSize: 2, poolStride: 2 },
      },
      167,
    ),
  ),
  withSaved(withBias({ name: 'saved, zero patches', inputs: [flat([1, 2, 10, 18]), unitRows(57, [4, 2, 4, 4])] }, 118)),
]

const saved = withSaved(withGradient({ name: 'saved', inputs: [random(1, [1, 3, 8, 8]), random(2, [4, 3, 4, 4])] }, 3))
const gyOfAnotherSize = [random(1, [1, 3, 8, 8]), random(2, [4, 3, 4, 4]), random(3, [1, 4, 4, 5])]

export const proofs: Proof[] = [
  {
    op: 'nnl_conv_grad',
    cases: backward,
    reference: (c): Expected => {
      const made = gradient(c)
      gradients.set(c, made)
      const all: Expected = { gx: f64(x(c).shape, made.gx), gw: f64(w(c).shape, made.gw), gb: f64([made.gb.length], made.gb) }
      return Object.fromEntries(Object.entries(all).filter(([name]) => c.request?.includes(name)))
    },
    budget: (name, i, _expected, c) => ((gradients.get(c) as Gradient).bound[name]?.[i] as number) + 2 ** -140,
    refusals: [
      ...misshapen.map((r) => ({ ...r, inputs: [...r.inputs, random(3, [1, r.inputs[1]?.shape[0] as number, 1, 1])] })),
      ...misset.map((r) => ({ ...r, inputs: [...r.inputs, random(3, [1, 4, 5, 5])] })),
      { name: 'gy of another size', inputs: gyOfAnotherSize, error: 'ShapeError', argument: 'gy' },
      {
        name: 'gx of bytes',
        inputs: [pixels(1, [1, 3, 8, 8]), random(2, [4, 3, 4, 4]), random(3, [1, 4, 5, 5])],
        request: ['gx'],
        error: 'ShapeError',
        argument: 'x',
      },
      { name: 'y without index', inputs: saved.inputs.slice(0, 5), error: 'ShapeError', argument: 'index' },
      { name: 'y and index of a power', inputs: saved.inputs, options: { power: 2 }, error: 'OptionError', argument: 'power' },
      {
        name: 'an index beyond the positions',
        inputs: [...saved.inputs.slice(0, 5), i32([1, 4, 5, 5], [...Array(99).fill(0), 25])],
        request: ['gw'],
        error: 'DataError',
        argument: 'index',
        late: true,
      },
    ],
    finiteDifference: {
      cases: [
        small('n = 1', {}),
        small('n = 1, pool 3/1', { poolSize: 3 }),
        small('n = 2, pool over the border', { power: 2, poolSize: 3, poolStride: 2, poolPadding: 1 }),
        small('n = 3, pool', { power: 3, poolSize: 2, poolStride: 2 }),
        small('n = 5, stride 2, padding', { power: 5, stride: 2, padding: 1 }),
        small('n = 10', { power: 10 }),
        small('signed', { rectify: false }),
        small('signed, centred, pool 2/1', { rectify: false, centre: true, poolSize: 2 }),
        small('centred, n = 2', { power: 2, centre: true }),
        small('products, n = 2', { power: 2, normalise: 'none' }),
        small('products, centred, n = 2', { power: 2, normalise: 'none', centre: true }),
      ],
      loss: (c) => {
        const { l, value } = maxima(c)
        return value.reduce(
          (sum, v, i) => sum + respond(l, v + biasOf(c, 3, filterOf(l, i))) * ((c.inputs[2] as Host).data[i] as number),
          0,
        )
      },
      of: { gx: 0, gw: 1, gb: 3 },
    },
  },
]
