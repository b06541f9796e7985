import { passiBank, type WaveletBankOptions, waveletBank } from '../../lib/ops/wavelet.js'
import {
  type Case,
  type Expected,
  f32,
  f64,
  type Host,
  normals,
  type Options,
  type Proof,
  size,
  U,
  u8,
  uniform,
} from './proof.js'
import { sumError } from './rounding.js'
import { type Maps, maps } from './wavelet_reference.js'

export async function bankOf(options: WaveletBankOptions): Promise<Host> {
  const tensor = waveletBank(options)
  const { data } = await tensor.read()
  const host = f32([...tensor.shape], data)
  tensor.dispose()
  return host
}
export const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))
function bytes(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  return u8(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(256 * next())),
  )
}

const banks = {
  first: await bankOf(passiBank(1)),
  odd: await bankOf(passiBank('odd')),
  even: await bankOf(passiBank('even')),
  four: await bankOf(passiBank('even', 4)),
  five: await bankOf({ orientations: 5, size: 7 }),
  // Filters without any symmetry: every part of every one is wanted.
  lopsided: random(1, [7, 5, 5]),
  point: random(2, [3, 1, 1]),
  many: await bankOf({ orientations: 32, size: 3 }),
  wide: await bankOf({ size: 31, sigma: 3, xi: 0.7 }),
}

interface Setup {
  x: [n: number, c: number, h: number, w: number]
  bank: keyof typeof banks
  options?: Options
  bytes?: true
}

// Maps smaller than the filter, odd and even, of 2 pixels; rows longer than a stretch and not covered by it; one channel, fewer and more
// than fill a vector, a block of channels and one more; images that share vectors; more maps than caches hold.
const setups: Setup[] = [
  { x: [1, 3, 16, 14], bank: 'first', options: { subsample: 2 } },
  { x: [2, 5, 7, 7], bank: 'odd' },
  { x: [1, 9, 7, 6], bank: 'even', options: { subsample: 2 } },
  { x: [3, 1, 2, 3], bank: 'even' },
  { x: [1, 2, 3, 2], bank: 'odd', options: { subsample: 2 } },
  { x: [1, 1, 9, 53], bank: 'odd', options: { nonlinearity: 'relu' } },
  { x: [1, 2, 5, 60], bank: 'even', options: { subsample: 2, nonlinearity: 'none' } },
  { x: [2, 17, 6, 6], bank: 'four', options: { subsample: 2 } },
  { x: [9, 3, 12, 10], bank: 'first', options: { subsample: 2 }, bytes: true },
  { x: [1, 66, 6, 6], bank: 'odd' },
  { x: [2, 3, 10, 9], bank: 'lopsided', options: { nonlinearity: 'none' } },
  { x: [2, 3, 8, 11], bank: 'lopsided', options: { subsample: 2 } },
  { x: [2, 2, 5, 4], bank: 'point', options: { nonlinearity: 'relu', subsample: 2 } },
  { x: [1, 4, 8, 8], bank: 'five' },
  { x: [1, 2, 6, 5], bank: 'many', options: { nonlinearity: 'none' } },
  { x: [1, 1, 8, 6], bank: 'wide', options: { subsample: 2 } },
  { x: [4, 21, 22, 18], bank: 'many' },
]

const title = (s: Setup): string =>
  `[${s.x}]${s.bytes ? ' u8' : ''}, ${s.bank}${Object.entries(s.options ?? {}).map(([k, v]) => `, ${k} ${v}`)}`
const input = (s: Setup, i: number): Host => (s.bytes ? bytes(i + 5, s.x) : random(i + 5, s.x))
const convCases: Case[] = setups.map((s, i) => ({
  name: title(s),
  inputs: [input(s, i), banks[s.bank]],
  ...(s.options && { options: s.options }),
}))
const zero: Case = { name: 'zeros', inputs: [f32([1, 2, 6, 6], new Float32Array(72)), banks.odd] }
function spoilt(c: Case): Case {
  const x = c.inputs[0] as Host
  const data = Float64Array.from(x.data)
  data[7] = Number.NaN
  return { ...c, name: `${c.name}, a NaN`, inputs: [{ ...x, data }, ...c.inputs.slice(1)] }
}
// A window of 9 on 16 pixels leaves places that the NaN does not reach.
const nan = spoilt({ name: '[1,3,16,14], first', inputs: [random(3, [1, 3, 16, 14]), banks.first] })

const kept = new WeakMap<Expected, Record<string, Float64Array>>()
function keep(results: Record<string, { shape: number[]; value: Float64Array; error: Float64Array }>): Expected {
  const expected = Object.fromEntries(Object.entries(results).map(([name, r]) => [name, f64(r.shape, r.value)]))
  kept.set(expected, Object.fromEntries(Object.entries(results).map(([name, r]) => [name, r.error])))
  return expected
}
const budget = (name: string, index: number, expected: Expected): number =>
  ((kept.get(expected) as Record<string, Float64Array>)[name] as Float64Array)[index] as number

/** Float32 sums of a stretch of at most 32 places, float64 from there on; a mean in float32 rounds once more. */
function moments(c: Case): Expected {
  const { shape, value, error } = maps(c)
  const [N, E, P, Q] = shape
  const pooled = { shape: [N, E], value: new Float64Array(N * E), error: new Float64Array(N * E) }
  const squares = { shape: [E], value: new Float64Array(E), error: new Float64Array(E) }
  for (let i = 0; i < N * E; i++) {
    let [sum, off, most, square, offSquare] = [0, 0, 0, 0, 0]
    for (let j = i * P * Q; j < (i + 1) * P * Q; j++) {
      const [v, e] = [value[j] as number, error[j] as number]
      sum += v
      off += e
      most += Math.abs(v)
      square += v * v
      offSquare += (2 * Math.abs(v) + e) * e
    }
    pooled.value[i] = sum / (P * Q)
    pooled.error[i] = (off + 34 * U * most) / (P * Q)
    squares.value[i % E] = (squares.value[i % E] as number) + square
    squares.error[i % E] = (squares.error[i % E] as number) + offSquare + 34 * U * square
  }
  return keep({ pooled, squares })
}

/** w z + b: sumError for the products, and what the maps' own errors make of it. */
function mixed(c: Case): { y: Maps; norms: Maps | null } {
  const z = maps(c)
  const [N, E, P, Q] = z.shape
  const [, , w, b] = c.inputs as [Host, Host, Host, Host | null]
  const K = w.shape[0] as number
  const y: Maps = { shape: [N, K, P, Q], value: new Float64Array(N * K * P * Q), error: new Float64Array(N * K * P * Q) }
  const norms: Maps = { shape: [N, P, Q, 1], value: new Float64Array(N * P * Q), error: new Float64Array(N * P * Q) }
  for (let n = 0; n < N; n++)
    for (let i = 0; i < P * Q; i++) {
      let [square, offSquare] = [0, 0]
      const at = (k: number): number => (n * K + k) * P * Q + i
      for (let k = 0; k < K; k++) {
        let [sum, off, norm] = [(b?.data[k] as number | undefined) ?? 0, 0, ((b?.data[k] as number | undefined) ?? 0) ** 2]
        for (let e = 0; e < E; e++) {
          const j = (n * E + e) * P * Q + i
          const weight = w.data[k * E + e] as number
          const term = weight * (z.value[j] as number)
          sum += term
          norm += term * term
          off += Math.abs(weight) * (z.error[j] as number)
        }
        y.value[at(k)] = sum
        y.error[at(k)] = off + sumError(E + 1, Math.sqrt(norm))
        square += sum * sum
        offSquare += (y.error[at(k)] as number) ** 2
      }
      const norm = Math.sqrt(square)
      const off = Math.sqrt(offSquare)
      norms.value[n * P * Q + i] = norm
      norms.error[n * P * Q + i] = off + 2 * U * norm
      if (!c.options?.normalise || norm === 0) continue
      for (let k = 0; k < K; k++) {
        const unit = (y.value[at(k)] as number) / norm
        y.value[at(k)] = unit
        y.error[at(k)] = ((y.error[at(k)] as number) + Math.abs(unit) * off) / (norm - off) + 4 * U * Math.abs(unit)
      }
    }
  return { y, norms: c.request?.includes('norms') ? { ...norms, shape: [N, P, Q] as unknown as Maps['shape'] } : null }
}

interface MixSetup extends Setup {
  k: number
  bias?: true
}
const mixSetups: MixSetup[] = [
  { x: [1, 3, 16, 14], bank: 'first', k: 5, options: { subsample: 2 } },
  { x: [9, 3, 12, 10], bank: 'first', k: 27, bias: true, options: { subsample: 2, normalise: true }, bytes: true },
  { x: [2, 27, 7, 7], bank: 'odd', k: 64, options: { normalise: true } },
  { x: [3, 20, 3, 3], bank: 'even', k: 17, bias: true, options: { subsample: 2, normalise: true } },
  { x: [2, 70, 6, 6], bank: 'even', k: 33, bias: true, options: { subsample: 2 } },
  { x: [1, 2, 5, 60], bank: 'odd', k: 1, bias: true },
  { x: [1, 4, 9, 30], bank: 'odd', k: 130, options: { nonlinearity: 'relu', normalise: true } },
  { x: [1, 3, 8, 9], bank: 'even', k: 100 },
  { x: [1, 2, 6, 6], bank: 'lopsided', k: 70, options: { subsample: 2 } },
  { x: [1, 2, 6, 5], bank: 'odd', k: 300, bias: true, options: { normalise: true } },
  { x: [2, 3, 8, 7], bank: 'lopsided', k: 7, bias: true, options: { nonlinearity: 'none' } },
  { x: [1, 140, 2, 2], bank: 'four', k: 9, options: { normalise: true } },
  {
    x: [5, 7, 4, 6],
    bank: 'even',
    k: 20,
    bias: true,
    options: { nonlinearity: 'relu', subsample: 2, normalise: true },
    bytes: true,
  },
  { x: [2, 3, 6, 4], bank: 'even', k: 11, options: { nonlinearity: 'none' } },
]
const mixCases: Case[] = mixSetups.map((s, i) => {
  const filters = banks[s.bank].shape[0] as number
  const each = s.options?.nonlinearity === 'none' ? filters : (filters + 1) / 2
  return {
    name: `${title(s)}, K ${s.k}${s.bias ? ', bias' : ''}`,
    inputs: [input(s, i), banks[s.bank], random(i + 30, [s.k, s.x[1] * each]), s.bias ? random(i + 60, [s.k]) : null],
    ...(s.options && { options: s.options }),
    ...(s.options?.normalise && i % 2 && { request: ['norms'] }),
  }
})
const blank: Case = {
  name: 'zeros, normalised',
  inputs: [zero.inputs[0] as Host, banks.odd, random(4, [3, 18]), null],
  options: { normalise: true },
  request: ['norms'],
}

const refusals: Proof['refusals'] = [
  { name: 'maps of one pixel', inputs: [random(1, [1, 1, 1, 4]), banks.odd], error: 'ShapeError', argument: 'x' },
  {
    name: 'an even number of filters',
    inputs: [random(1, [1, 1, 4, 4]), random(1, [4, 3, 3])],
    error: 'ShapeError',
    argument: 'bank',
  },
  {
    name: 'filters of even size',
    inputs: [random(1, [1, 1, 4, 4]), random(1, [3, 4, 4])],
    error: 'ShapeError',
    argument: 'bank',
  },
  { name: 'oblong filters', inputs: [random(1, [1, 1, 4, 4]), random(1, [3, 3, 5])], error: 'ShapeError', argument: 'bank' },
  {
    name: 'subsample 3',
    inputs: [random(1, [1, 1, 4, 4]), banks.odd],
    options: { subsample: 3 },
    error: 'OptionError',
    argument: 'subsample',
  },
  {
    name: 'another nonlinearity',
    inputs: [random(1, [1, 1, 4, 4]), banks.odd],
    options: { nonlinearity: 'square' },
    error: 'OptionError',
    argument: 'nonlinearity',
  },
]

export const proofs: Proof[] = [
  {
    op: 'wavelet_conv',
    cases: [...convCases, zero, nan],
    reference: (c) => keep({ y: maps(c) }),
    budget,
    refusals,
  },
  {
    op: 'wavelet_moments',
    cases: convCases.map((c, i) => (i % 2 ? c : { ...c, options: { ...c.options, store: 'f64' } })),
    reference: moments,
    budget,
    refusals: refusals.slice(0, 2),
  },
  {
    op: 'wavelet_mix',
    cases: [...mixCases, blank],
    reference: (c) => {
      const { y, norms } = mixed(c)
      return keep({ y, ...(norms && { norms }) })
    },
    budget,
    refusals: [
      {
        name: 'w of another number of maps',
        inputs: [random(1, [1, 2, 4, 4]), banks.odd, random(1, [3, 17]), null],
        error: 'ShapeError',
        argument: 'w',
      },
      {
        name: 'norms without normalise',
        inputs: [random(1, [1, 2, 4, 4]), banks.odd, random(1, [3, 18]), null],
        request: ['norms'],
        error: 'OptionError',
        argument: 'normalise',
      },
    ],
  },
]
