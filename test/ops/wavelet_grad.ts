import { passiBank } from '../../lib/ops/wavelet.js'
import { type Case, type Expected, f32, f64, type Host, type Options, type Proof, size, U, u8, uniform } from './proof.js'
import { sumError } from './rounding.js'
import { bankOf, random } from './wavelet.js'
import { maps, pixelGradient } from './wavelet_reference.js'

const banks = {
  first: await bankOf(passiBank(1)),
  odd: await bankOf(passiBank('odd')),
  even: await bankOf(passiBank('even')),
  four: await bankOf(passiBank('even', 4)),
  lopsided: random(1, [7, 5, 5]),
  tiny: random(3, [3, 3, 3]),
}

interface Setup {
  x: [n: number, c: number, h: number, w: number]
  bank: keyof typeof banks
  k: number
  options?: Options
}
// As the forward cases: small maps, long rows, channels past a block, every nonlinearity; and more images than a step has.
const setups: Setup[] = [
  { x: [2, 3, 12, 10], bank: 'first', k: 5, options: { subsample: 2 } },
  { x: [2, 5, 7, 7], bank: 'odd', k: 17, options: { normalise: true } },
  { x: [1, 9, 7, 6], bank: 'even', k: 6, options: { subsample: 2, normalise: true } },
  { x: [3, 1, 2, 3], bank: 'even', k: 3 },
  { x: [1, 1, 5, 53], bank: 'odd', k: 2, options: { nonlinearity: 'relu' } },
  { x: [1, 2, 5, 30], bank: 'four', k: 20, options: { subsample: 2, nonlinearity: 'none', normalise: true } },
  { x: [1, 66, 4, 4], bank: 'odd', k: 9, options: { subsample: 2 } },
  { x: [2, 3, 8, 9], bank: 'lopsided', k: 33, options: { subsample: 2, normalise: true } },
  { x: [17, 2, 5, 4], bank: 'tiny', k: 4, options: { nonlinearity: 'none' } },
  { x: [257, 1, 2, 2], bank: 'tiny', k: 2 },
]
const title = (s: Setup): string =>
  `[${s.x}], ${s.bank}, K ${s.k}${Object.entries(s.options ?? {}).map(([k, v]) => `, ${k} ${v}`)}`
function plain(options: Options | undefined): Options {
  const { normalise: _, ...rest } = options ?? {}
  return rest
}

const kept = new WeakMap<Expected, Record<string, Float64Array>>()
function keep(results: Record<string, { shape: number[]; value: Float64Array; error: Float64Array }>): Expected {
  const expected = Object.fromEntries(Object.entries(results).map(([name, r]) => [name, f64(r.shape, r.value)]))
  kept.set(expected, Object.fromEntries(Object.entries(results).map(([name, r]) => [name, r.error])))
  return expected
}
const budget = (name: string, index: number, expected: Expected): number =>
  ((kept.get(expected) as Record<string, Float64Array>)[name] as Float64Array)[index] as number

const convCases: Case[] = setups.map((s, i) => {
  const c: Case = {
    name: title({ ...s, options: plain(s.options) }),
    inputs: [random(i + 5, s.x), banks[s.bank]],
    options: plain(s.options),
  }
  return { ...c, inputs: [...c.inputs, random(i + 50, maps(c).shape)] }
})
// Where every response is 0, so is the gradient of its modulus: that of the low-pass is left.
const blank: Case = {
  name: 'zeros',
  inputs: [f32([1, 2, 6, 6], new Float32Array(72)), banks.odd, random(9, [1, 18, 6, 6])],
}

/** w z + b before and after its norm, in float64. */
function mixed(c: Case): { y: Float64Array; norms: Float64Array; shape: [number, number, number, number] } {
  const [N, E, P, Q] = maps(c).shape
  const z = maps(c).value
  const w = c.inputs[2] as Host
  const K = w.shape[0] as number
  const [y, norms] = [new Float64Array(N * K * P * Q), new Float64Array(N * P * Q)]
  for (let n = 0; n < N; n++)
    for (let i = 0; i < P * Q; i++) {
      let square = 0
      for (let k = 0; k < K; k++) {
        let sum = 0
        for (let e = 0; e < E; e++) sum += (w.data[k * E + e] as number) * (z[(n * E + e) * P * Q + i] as number)
        y[(n * K + k) * P * Q + i] = sum
        square += sum * sum
      }
      norms[n * P * Q + i] = Math.sqrt(square)
      if (c.options?.normalise)
        for (let k = 0; k < K; k++) y[(n * K + k) * P * Q + i] = (y[(n * K + k) * P * Q + i] as number) / Math.sqrt(square)
    }
  return { y, norms, shape: [N, K, P, Q] }
}

/** `exact`: y and norms are not rounded to float32 (for finite differences; no device sees them). */
function mixCase(s: Setup, i: number, exact = false): Case {
  const each =
    s.options?.nonlinearity === 'none' ? (banks[s.bank].shape[0] as number) : ((banks[s.bank].shape[0] as number) + 1) / 2
  const c: Case = {
    name: title(s),
    inputs: [random(i + 5, s.x), banks[s.bank], random(i + 80, [s.k, s.x[1] * each])],
    ...(s.options && { options: s.options }),
    request: ['gx', 'gw', 'gb'],
  }
  const { y, norms, shape } = mixed(c)
  const [N, , P, Q] = shape
  const given = (of: number[], data: Float64Array): Host => (exact ? { dtype: 'f32', shape: of, data } : f32(of, data))
  const saved = s.options?.normalise ? [given(shape, y), given([N, P, Q], norms)] : [null, null]
  return { ...c, inputs: [...c.inputs, random(i + 110, shape), ...saved] }
}
const mixCases = setups.map((s, i) => mixCase(s, i))
function bytes(c: Case): Case {
  const next = uniform(3)
  const x = c.inputs[0] as Host
  const data = Array.from({ length: size(x.shape) }, () => Math.floor(256 * next()))
  return { ...c, name: `${c.name}, u8`, inputs: [u8(x.shape, data), ...c.inputs.slice(1)], request: ['gw', 'gb'] }
}
mixCases.push(
  bytes(mixCases[0] as Case),
  ...['gx', 'gw', 'gb'].map((key) => ({ ...(mixCases[1] as Case), name: `only ${key}`, request: [key] })),
)

/** Gradients of w z + b; before the norm they are (gy - (gy . y) y) / norm of the y and norms given, in float64, rounded once. */
function mixGradients(c: Case): Expected {
  const z = maps(c)
  const [N, E, P, Q] = z.shape
  const [x, , w, gy, y, norms] = c.inputs as [Host, Host, Host, Host, Host | null, Host | null]
  const K = w.shape[0] as number
  const plane = P * Q
  const v = Float64Array.from(gy.data)
  if (y && norms)
    for (let n = 0; n < N; n++)
      for (let i = 0; i < plane; i++) {
        const at = (k: number): number => (n * K + k) * plane + i
        let dot = 0
        for (let k = 0; k < K; k++) dot += (gy.data[at(k)] as number) * (y.data[at(k)] as number)
        const norm = norms.data[n * plane + i] as number
        for (let k = 0; k < K; k++)
          v[at(k)] = norm === 0 ? 0 : ((gy.data[at(k)] as number) - dot * (y.data[at(k)] as number)) / norm
      }
  const [gz, off] = [new Float64Array(z.value.length), new Float64Array(z.value.length)]
  const [gw, gwSquare, gwOff] = [new Float64Array(K * E), new Float64Array(K * E), new Float64Array(K * E)]
  const [gb, gbSquare] = [new Float64Array(K), new Float64Array(K)]
  for (let n = 0; n < N; n++)
    for (let i = 0; i < plane; i++) {
      for (let e = 0; e < E; e++) {
        const j = (n * E + e) * plane + i
        let [sum, square, most] = [0, 0, 0]
        for (let k = 0; k < K; k++) {
          const g = v[(n * K + k) * plane + i] as number
          const term = (w.data[k * E + e] as number) * g
          sum += term
          square += term * term
          most += Math.abs(term)
          const product = g * (z.value[j] as number)
          gw[k * E + e] = (gw[k * E + e] as number) + product
          gwSquare[k * E + e] = (gwSquare[k * E + e] as number) + product * product
          gwOff[k * E + e] =
            (gwOff[k * E + e] as number) + Math.abs(g) * ((z.error[j] as number) + 2 * U * (z.value[j] as number))
        }
        gz[j] = sum
        off[j] = sumError(K, Math.sqrt(square)) + 2 * U * most
      }
      for (let k = 0; k < K; k++) {
        const g = v[(n * K + k) * plane + i] as number
        gb[k] = (gb[k] as number) + g
        gbSquare[k] = (gbSquare[k] as number) + g * g
      }
    }
  const terms = N * plane
  const made = {
    gx: () => ({ shape: x.shape, ...pixelGradient(c, gz, off) }),
    gw: () => ({ shape: [K, E], value: gw, error: gwOff.map((e, i) => e + sumError(terms, Math.sqrt(gwSquare[i] as number))) }),
    gb: () => ({ shape: [K], value: gb, error: gbSquare.map((square) => sumError(terms, Math.sqrt(square))) }),
  }
  return keep(Object.fromEntries(Object.entries(made).flatMap(([name, f]) => (c.request?.includes(name) ? [[name, f()]] : []))))
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0)
const small = (s: Omit<Setup, 'k'>, i: number): Case => {
  const c: Case = {
    name: title({ ...s, k: 0 }),
    inputs: [random(i + 5, s.x), banks[s.bank]],
    ...(s.options && { options: s.options }),
  }
  return { ...c, inputs: [...c.inputs, random(i + 50, maps(c).shape)] }
}

export const proofs: Proof[] = [
  {
    op: 'wavelet_conv_grad',
    cases: [...convCases, blank],
    reference: (c) => {
      const g = (c.inputs[2] as Host).data
      return keep({ gx: { shape: (c.inputs[0] as Host).shape, ...pixelGradient(c, g, new Float64Array(g.length)) } })
    },
    budget,
    refusals: [
      {
        name: 'gy of the map before subsampling',
        inputs: [random(1, [1, 1, 4, 4]), banks.odd, random(1, [1, 9, 4, 4])],
        options: { subsample: 2 },
        error: 'ShapeError',
        argument: 'gy',
      },
    ],
    finiteDifference: {
      cases: [
        small({ x: [1, 2, 5, 4], bank: 'tiny' }, 1),
        small({ x: [1, 1, 6, 7], bank: 'odd', options: { subsample: 2 } }, 2),
        small({ x: [1, 1, 3, 2], bank: 'even', options: { nonlinearity: 'relu' } }, 3),
        small({ x: [2, 1, 4, 3], bank: 'lopsided', options: { nonlinearity: 'none', subsample: 2 } }, 4),
      ],
      loss: (c) => dot(maps(c).value, (c.inputs[2] as Host).data),
      of: { gx: 0 },
    },
  },
  {
    op: 'wavelet_mix_grad',
    cases: mixCases,
    reference: mixGradients,
    budget,
    refusals: [
      {
        name: 'gx of bytes',
        inputs: [bytes(mixCases[0] as Case).inputs[0] as Host, ...(mixCases[0] as Case).inputs.slice(1)],
        options: { subsample: 2 },
        request: ['gx'],
        error: 'ShapeError',
        argument: 'x',
      },
      {
        name: 'a normalised result without its norms',
        inputs: [...(mixCases[1] as Case).inputs.slice(0, 5), null],
        options: { normalise: true },
        request: ['gw'],
        error: 'ShapeError',
        argument: 'norms',
      },
      {
        name: 'norms of what was not normalised',
        inputs: (mixCases[1] as Case).inputs,
        request: ['gw'],
        error: 'ShapeError',
        argument: 'y',
      },
    ],
    finiteDifference: {
      cases: [
        { ...mixCase({ x: [1, 2, 4, 3], bank: 'tiny', k: 3, options: { normalise: true } }, 1, true), request: ['gx', 'gw'] },
        { ...mixCase({ x: [2, 1, 4, 6], bank: 'odd', k: 2, options: { subsample: 2 } }, 2), request: ['gx', 'gw'] },
      ],
      loss: (c) => dot(mixed(c).y, (c.inputs[3] as Host).data),
      of: { gx: 0, gw: 2 },
    },
  },
]
