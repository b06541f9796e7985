import { type Case, type Expected, f32, f64, type Host, normals, type Proof, roundToBf16, size, U, u8, uniform } from './proof.js'
import { sumError } from './rounding.js'

interface Setup {
  x: [n: number, c: number, h: number, w: number]
  w: [k: number, r: number, s: number]
  stride?: number
  padding?: number
}

// Fewer and more channels, filters and images than a vector and a panel hold; filters past a block of the depth; maps smaller
// than the window, larger than a block of positions, and not covered by it; a group of images (32) and one more. The last
// ones: few channels in several bands, and in more groups than there are sums; lines beyond a block; images alone in a group.
const setups: Setup[] = [
  { x: [1, 1, 1, 1], w: [1, 1, 1] },
  { x: [1, 1, 1, 1], w: [3, 3, 3], padding: 1 },
  { x: [2, 3, 9, 11], w: [5, 3, 3], padding: 1 },
  { x: [3, 3, 16, 15], w: [7, 7, 7], stride: 2, padding: 3 },
  { x: [33, 5, 4, 4], w: [34, 3, 3], padding: 1 },
  { x: [9, 67, 2, 2], w: [19, 3, 3], padding: 1 },
  { x: [16, 33, 2, 2], w: [70, 3, 3], padding: 1 },
  { x: [5, 17, 7, 6], w: [40, 1, 1], stride: 2 },
  { x: [3, 40, 5, 5], w: [65, 1, 1] },
  { x: [1, 2, 40, 37], w: [9, 5, 3], padding: 2 },
  { x: [2, 1, 5, 300], w: [2, 3, 5], padding: 2 },
  { x: [2, 3, 12, 13], w: [4, 4, 4], stride: 3 },
  { x: [10, 16, 8, 8], w: [33, 3, 3], stride: 2, padding: 1 },
  { x: [8, 20, 7, 7], w: [18, 3, 3], stride: 2, padding: 2 },
  { x: [34, 16, 16, 16], w: [3, 3, 3], padding: 1 },
  { x: [4, 6, 5, 5], w: [9, 5, 5] },
  { x: [2, 13, 9, 10], w: [17, 2, 2], stride: 3 },
  { x: [1, 300, 3, 3], w: [11, 3, 3], padding: 1 },
  { x: [2, 350, 3, 5], w: [9, 1, 1], stride: 2 },
  { x: [1, 15, 60, 50], w: [3, 2, 2] },
  { x: [40, 1, 8, 50], w: [3, 2, 2] },
  { x: [1, 16, 3, 150], w: [9, 2, 2] },
  { x: [2, 16, 75, 74], w: [3, 2, 2], stride: 2, padding: 1 },
]

const name = (s: Setup): string => `[${s.x}] by [${s.w}], stride ${s.stride ?? 1}, padding ${s.padding ?? 0}`
const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))
function bytes(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  return u8(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(256 * next())),
  )
}

/** What is multiplied in place of a number. */
const factorOf = (c: Case): ((value: number) => number) => (c.options?.precision === 'bfloat16' ? roundToBf16 : (value) => value)

/** Calls f for each product of the sum: indices into x, w and y, and the factor that x gives. */
function products(c: Case, f: (x: number, w: number, y: number, value: number) => void): number[] {
  const [x, w] = c.inputs as [Host, Host]
  const [N, C, H, W] = x.shape as [number, number, number, number]
  const [K, , R, S] = w.shape as [number, number, number, number]
  const stride = Number(c.options?.stride ?? 1)
  const padding = Number(c.options?.padding ?? 0)
  const factor = factorOf(c)
  const pixels = x.data.map((v) => factor(x.dtype === 'u8' ? v / 255 : v))
  const P = Math.floor((H + 2 * padding - R) / stride) + 1
  const Q = Math.floor((W + 2 * padding - S) / stride) + 1
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++)
      for (let p = 0; p < P; p++)
        for (let q = 0; q < Q; q++)
          for (let r = 0; r < R; r++) {
            const h = p * stride + r - padding
            if (h < 0 || h >= H) continue
            for (let s = 0; s < S; s++) {
              const v = q * stride + s - padding
              if (v < 0 || v >= W) continue
              for (let ch = 0; ch < C; ch++) {
                const i = ((n * C + ch) * H + h) * W + v
                f(i, ((k * C + ch) * R + r) * S + s, ((n * K + k) * P + p) * Q + q, pixels[i] as number)
              }
            }
          }
  return [N, K, P, Q]
}

/** A sum of products for each element: the result, and for the budget the number and the Euclidean norm of its terms. */
class Sums {
  readonly value: Float64Array
  readonly square: Float64Array
  readonly terms: Int32Array
  /** factor: the largest of them. */
  constructor(
    readonly shape: number[],
    readonly factor: number,
  ) {
    const count = size(shape)
    this.value = new Float64Array(count)
    this.square = new Float64Array(count)
    this.terms = new Int32Array(count)
  }
  add(i: number, term: number): void {
    this.value[i] = (this.value[i] as number) + term
    this.square[i] = (this.square[i] as number) + term ** 2
    this.terms[i] = (this.terms[i] as number) + 1
  }
}

const largest = (c: Case): number =>
  c.inputs.reduce(
    (most, input) => input?.data.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), most) ?? most,
    0,
  )

const kept = new WeakMap<Expected, Record<string, Sums>>()
function keep(sums: Record<string, Sums>): Expected {
  const expected: Expected = Object.fromEntries(Object.entries(sums).map(([key, s]) => [key, f64(s.shape, s.value)]))
  kept.set(expected, sums)
  return expected
}
/**
 * sumError's allowance for a bias covers the rounding of x / 255 as well: one more of U |term| for each term, signs independent.
 * bfloat16: products are exact. Tensor cores add at least 8 of them at once to the sum and cut it off towards zero, at most 2 U of it and U on
 * average, always in the same direction: U norm for each 8 is no more than that, since a sum is seldom above its final norm.
 * float32: a factor may be off by 2^-134, which only products of factors below 2^-110 notice.
 */
function budget(key: string, index: number, expected: Expected, c: Case): number {
  const sums = (kept.get(expected) as Record<string, Sums>)[key] as Sums
  const terms = sums.terms[index] as number
  const norm = Math.sqrt(sums.square[index] as number)
  if (key === 'gb') return sumError(terms, norm)
  return (
    sumError(terms, norm) +
    (c.options?.precision === 'bfloat16' ? U * Math.ceil(terms / 8) * norm : 2 ** -134 * terms * sums.factor)
  )
}

function outputShape(c: Case): number[] {
  return products(
    { ...c, inputs: [{ ...(c.inputs[0] as Host), shape: [0, ...(c.inputs[0] as Host).shape.slice(1)] }, c.inputs[1] as Host] },
    () => {},
  )
}

function forward(c: Case): Sums {
  const [x, w, b] = c.inputs as [Host, Host, Host | null]
  const [, K, P, Q] = outputShape(c) as [number, number, number, number]
  const y = new Sums([x.shape[0] as number, K, P, Q], largest(c))
  const weight = w.data.map(factorOf(c))
  if (b) for (let i = 0; i < y.value.length; i++) y.add(i, b.data[Math.floor(i / (P * Q)) % K] as number)
  products(c, (_, j, i, value) => y.add(i, value * (weight[j] as number)))
  return y
}

function backward(c: Case): Expected {
  const [x, w, gy] = c.inputs as [Host, Host, Host]
  const wants = (key: string): boolean => c.request?.includes(key) ?? false
  const most = largest(c)
  const gx = new Sums(x.shape, most)
  const gw = new Sums(w.shape, most)
  const gb = new Sums([w.shape[0] as number], most)
  const factor = factorOf(c)
  const weight = w.data.map(factor)
  const slope = gy.data.map(factor)
  products(c, (i, j, k, value) => {
    const g = slope[k] as number
    if (wants('gx')) gx.add(i, g * (weight[j] as number))
    if (wants('gw')) gw.add(j, g * value)
  })
  const [, K, P, Q] = gy.shape as [number, number, number, number]
  gy.data.forEach((g, i) => {
    gb.add(Math.floor(i / (P * Q)) % K, g)
  })
  return keep(Object.fromEntries(Object.entries({ gx, gw, gb }).filter(([key]) => wants(key))))
}

const options = (s: Setup): Record<string, number> => ({ stride: s.stride ?? 1, padding: s.padding ?? 0 })
const weights = (seed: number, s: Setup): Host => random(seed, [s.w[0], s.x[1], s.w[1], s.w[2]])
/** With other numbers for x (0), w (1) or gy (2). */
function changed(c: Case, what: string, input: number, number: (v: number, i: number) => number): Case {
  const inputs = c.inputs.map((h, i) => (h && i === input ? { ...h, data: h.data.map(number) } : h))
  return { ...c, name: `${c.name}, ${what}`, inputs }
}
const unusual = new Map([
  [7, Number.NaN],
  [40, Number.POSITIVE_INFINITY],
  [90, Number.NEGATIVE_INFINITY],
])
const special = (c: Case, input = 0): Case => changed(c, 'NaN and infinities', input, (v, i) => unusual.get(i) ?? v)
/** The first `count` numbers. */
const scaled = (c: Case, factor: number, input = 0, count = Number.POSITIVE_INFINITY): Case =>
  changed(c, `${['x', 'w'][input]} times ${factor}`, input, (v, i) => (i < count ? Math.fround(v * factor) : v))

const forwardCases: Case[] = setups.flatMap((s, i) => {
  const b = i % 2 ? random(i + 50, [s.w[0]]) : null
  const w = weights(i + 1, s)
  const plain: Case = { name: name(s), inputs: [random(i + 70, s.x), w, b], options: options(s) }
  return i % 3 ? [plain] : [plain, { ...plain, name: `${name(s)}, u8`, inputs: [bytes(i, s.x), w, b] }]
})
const large = forwardCases.find((c) => c.name === name(setups[6] as Setup)) as Case
forwardCases.push({ ...large, name: `${large.name}, bias`, inputs: [...large.inputs.slice(0, 2), random(6, [70])] })
const lit: Setup = { x: [3, 2, 13, 12], w: [130, 3, 3], padding: 1 }
forwardCases.push({ name: `${name(lit)}, u8`, inputs: [bytes(7, lit.x), weights(8, lit), null], options: options(lit) })
const vast: Setup = { x: [2, 1, 131, 129], w: [64, 2, 2] } // whose result passes by the caches
forwardCases.push({ name: name(vast), inputs: [random(7, vast.x), weights(8, vast), null], options: options(vast) })
forwardCases.push({ name: 'stride 1, padding 0 by default', inputs: [random(1, [2, 3, 5, 5]), random(2, [4, 3, 3, 3]), null] })
forwardCases.push(special(forwardCases[3] as Case))

const gradCases: Case[] = setups.flatMap((s, i) => {
  const w = weights(i + 1, s)
  const made: Case = { name: name(s), inputs: [random(i + 70, s.x), w], options: options(s) }
  const gy = random(i + 90, [s.x[0], ...outputShape(made).slice(1)])
  const plain: Case = { ...made, inputs: [...made.inputs, gy], request: ['gx', 'gw', 'gb'] }
  return i % 3 ? [plain] : [plain, { ...plain, name: `${name(s)}, u8`, inputs: [bytes(i, s.x), w, gy], request: ['gw', 'gb'] }]
})
gradCases.push(...['gx', 'gw', 'gb'].map((key) => ({ ...(gradCases[3] as Case), name: `only ${key}`, request: [key] })), {
  ...special(gradCases[3] as Case),
  request: ['gw'],
})

/** The same with factors in bfloat16. */
const inBfloat16 = (c: Case): Case => ({ ...c, name: `bfloat16 ${c.name}`, options: { ...c.options, precision: 'bfloat16' } })
const alike = (s: Setup): { y: Case; grad: Case } => {
  const made: Case = { name: name(s), inputs: [random(1, s.x), weights(2, s)], options: options(s) }
  const gy = random(3, [s.x[0], ...outputShape(made).slice(1)])
  return {
    y: { ...made, inputs: [...made.inputs, random(4, [s.w[0]])] },
    grad: { ...made, inputs: [...made.inputs, gy], request: ['gx', 'gw', 'gb'] },
  }
}
// Of the largest tile, all the way through the depth.
const both = alike({ x: [6, 32, 8, 8], w: [70, 3, 3], padding: 1 })
forwardCases.push(...[...forwardCases, both.y].map(inBfloat16))
gradCases.push(...[...gradCases, both.grad].map(inBfloat16))

// Large enough for float32 on tensor cores: of every tile, through a long depth, and with factors of all sizes.
const [square, low, deep] = [
  alike({ x: [14, 32, 8, 8], w: [70, 3, 3], padding: 1 }),
  alike({ x: [58, 33, 9, 9], w: [40, 3, 3], stride: 2, padding: 1 }),
  alike({ x: [8, 600, 3, 3], w: [44, 3, 3], padding: 1 }),
] as const
const [gw, gx] = ['gw', 'gx'].map((key) => ({ ...square.grad, name: `${square.grad.name}, only ${key}`, request: [key] })) as [
  Case,
  Case,
]
forwardCases.push(square.y, low.y, deep.y, special(square.y), scaled(scaled(square.y, 1e30), 1e-30, 1))
// The first image alone: a processor may be slow with such numbers.
forwardCases.push(scaled({ ...square.y, inputs: [...square.y.inputs.slice(0, 2), null] }, 2 ** -126, 0, 32 * 8 * 8))
gradCases.push(square.grad, low.grad, deep.grad, special(gw), special(gx, 2))

const small = (x: number[], w: number[], y: number[], step: Record<string, number>, title: string): Case => ({
  name: title,
  inputs: [random(1, x), random(2, w), random(3, y)],
  options: step,
  request: ['gx', 'gw'],
})

export const proofs: Proof[] = [
  {
    op: 'conv2d',
    cases: forwardCases,
    reference: (c) => keep({ y: forward(c) }),
    budget,
    refusals: [
      {
        name: 'channels differ',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 4, 3, 3]), null],
        error: 'ShapeError',
        argument: 'w',
      },
      {
        name: 'window beyond the image',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 3, 6, 3]), null],
        error: 'ShapeError',
        argument: 'w',
      },
      {
        name: 'padding of a whole window',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 3, 3, 2]), null],
        options: { padding: 2 },
        error: 'OptionError',
        argument: 'padding',
      },
      {
        name: 'stride 0',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 3, 3, 3]), null],
        options: { stride: 0 },
        error: 'OptionError',
        argument: 'stride',
      },
      {
        name: 'an unknown precision',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 3, 3, 3]), null],
        options: { precision: 'float16' },
        error: 'OptionError',
        argument: 'precision',
      },
      {
        name: 'a bias for another filter',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 3, 3, 3]), random(3, [3])],
        error: 'ShapeError',
        argument: 'b',
      },
    ],
  },
  {
    op: 'conv2d_grad',
    cases: gradCases,
    reference: backward,
    budget,
    refusals: [
      {
        name: 'gy of another height',
        inputs: [random(1, [1, 3, 5, 5]), random(2, [2, 3, 3, 3]), random(3, [1, 2, 4, 3])],
        request: ['gw'],
        error: 'ShapeError',
        argument: 'gy',
      },
      {
        name: 'gx of bytes',
        inputs: [bytes(1, [1, 3, 5, 5]), random(2, [2, 3, 3, 3]), random(3, [1, 2, 3, 3])],
        request: ['gx'],
        error: 'ShapeError',
        argument: 'x',
      },
    ],
    finiteDifference: {
      cases: [
        small([2, 2, 4, 5], [3, 2, 3, 2], [2, 3, 4, 6], { padding: 1 }, 'stride 1, padding 1'),
        small([1, 2, 6, 5], [2, 2, 3, 3], [1, 2, 3, 3], { stride: 2, padding: 1 }, 'stride 2, padding 1'),
      ],
      loss: (c) =>
        forward({ ...c, inputs: [c.inputs[0] as Host, c.inputs[1] as Host, null] }).value.reduce(
          (sum, v, i) => sum + v * (c.inputs[2]?.data[i] as number),
          0,
        ),
      of: { gx: 0, gw: 1 },
    },
  },
]
