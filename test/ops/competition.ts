import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, U, uniform } from './proof.js'

const option = (c: Case): { kind: string; temperature: number } => ({
  kind: String(c.options?.kind ?? 'soft'),
  temperature: Number(c.options?.temperature ?? 1),
})

function rows(c: Case): Float64Array[] {
  const { shape, data } = c.inputs[0] as Host
  const k = shape[1] as number
  return Array.from({ length: shape[0] as number }, (_, b) => data.subarray(b * k, (b + 1) * k))
}

function row(u: Float64Array, kind: string, temperature: number): Float64Array {
  const maximum = u.some(Number.isNaN) ? Number.NaN : Math.max(...u)
  const top = u.findIndex((x) => x === maximum || (Number.isNaN(x) && Number.isNaN(maximum)))
  if (kind === 'hard') return u.map((_, k) => (k === top ? 1 : 0))
  const e = u.map((x) => Math.exp((x - maximum) / temperature))
  const sum = e.reduce((a, b) => a + b, 0)
  return e.map((x, k) => (kind === 'softhebb' && k !== top ? -x : x) / sum)
}

const random = (seed: number, shape: number[], scale = 1): Host =>
  f32(
    shape,
    normals(seed, size(shape)).map((x) => scale * x),
  )
function tied(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  return f32(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(3 * next())),
  )
}
const odd = f32(
  [5, 4],
  [
    [1, Number.NaN, 2, Number.NaN],
    [-1 / 0, 3, 1, -1 / 0],
    [-0, 0, -0, 0],
    [-3e38, 3e38, 1, 0],
    [Number.NaN, 1, 1 / 0, 0],
  ].flat(),
)
const wide = f32(
  [2, 37],
  Array.from({ length: 74 }, (_, i) => (i === 20 ? Number.NaN : i === 60 ? Number.NEGATIVE_INFINITY : i % 7)),
)

const shaped: { name: string; u: Host; temperature?: number }[] = [
  { name: '[1,1]', u: random(1, [1, 1]) },
  { name: '[7,3]', u: random(2, [7, 3]) },
  { name: '[100,16]', u: random(3, [100, 16]), temperature: 0.1 },
  { name: '[5,400]', u: random(4, [5, 400]), temperature: 0.02 },
  { name: '[3,1009]', u: random(5, [3, 1009]), temperature: 30 },
  { name: '[5003,11]: more rows than a task holds', u: random(6, [5003, 11]) },
  { name: 'exponentials underflow', u: random(7, [13, 37], 200), temperature: 0.5 },
  { name: 'the smallest temperature', u: random(8, [4, 19]), temperature: 1e-6 },
  { name: 'ties: the first counts', u: tied(9, [50, 37]) },
  { name: 'NaN, infinities, zeros of both signs', u: odd },
  { name: 'NaN and infinities in a long row', u: wide },
]
const cases: Case[] = [
  ...shaped.flatMap(({ name, u, temperature }) =>
    ['hard', 'soft', 'softhebb'].map((kind) => ({
      name: `${kind}, ${name}`,
      inputs: [u],
      options: { kind, ...(temperature ? { temperature } : {}) },
    })),
  ),
  { name: 'soft by default', inputs: [random(10, [6, 4])] },
]

// ---- competitive_step ----

interface Step {
  w: Float64Array
  wError: Float64Array
  wins: Float64Array
  gains: Float64Array
  gainsError: Float64Array
  energy: number
  energyError: number
}

/** The step in float64, with a bound of the float32 error beside each number. */
function step(c: Case): Step {
  const [patches, u, g, weights] = c.inputs as [Host, Host, Host, Host]
  const [b, d] = patches.shape as [number, number]
  const k = weights.shape[0] as number
  const rate = Number(c.options?.learningRate ?? 0.02)
  const at = ({ data }: Host, i: number): number => data[i] as number
  const wins = new Float64Array(k)
  const rows = Array.from({ length: b }, (_, i) => i).filter((i) =>
    patches.data.subarray(i * d, (i + 1) * d).some((x) => x !== 0),
  )
  for (const i of rows) {
    const row = u.data.subarray(i * k, (i + 1) * k)
    const top = row.indexOf(Math.max(...row))
    wins[top] = (wins[top] as number) + 1
  }
  const n = new Float64Array(k)
  const gains = new Float64Array(k)
  const dw = new Float64Array(k * d)
  const dwError = new Float64Array(k * d)
  let energy = 0
  let energyError = 0
  const gainsError = new Float64Array(k)
  for (let unit = 0; unit < k; unit++) {
    let s = 0
    let sSize = 0
    let count = 0
    for (const i of rows) {
      s += at(g, i * k + unit) * at(u, i * k + unit)
      sSize += Math.abs(at(g, i * k + unit) * at(u, i * k + unit))
      count += Math.abs(at(g, i * k + unit))
    }
    n[unit] = count
    gains[unit] = s
    // Sums in float64: 2^-53 a term.
    const sError = (rows.length + 2) * 2 ** -53 * sSize
    gainsError[unit] = sError + U * Math.abs(s)
    let square = 0
    for (let j = 0; j < d; j++) {
      const x = at(weights, unit * d + j)
      square += x * x
      let sum = 0
      let size = 0
      for (const i of rows) {
        sum += at(g, i * k + unit) * at(patches, i * d + j)
        size += Math.abs(at(g, i * k + unit) * at(patches, i * d + j))
      }
      dw[unit * d + j] = sum - s * x
      // B products added in float32 in any order: B U of the sum of their sizes. s is rounded, s w and the difference too.
      dwError[unit * d + j] = b * U * size + (sError + 2 * U * Math.abs(s)) * Math.abs(x) + U * (Math.abs(sum) + Math.abs(s * x))
    }
    if (square > 0) {
      energy -= s / Math.sqrt(square)
      energyError += (sError + (k + d + 4) * 2 ** -53 * sSize) / Math.sqrt(square)
    }
  }
  const max = c.options?.step === 'max'
  const largest = Math.max(1e-30, ...dw.map(Math.abs))
  const largestError = Math.max(...dwError) / largest
  const w = new Float64Array(k * d)
  const wError = new Float64Array(k * d)
  for (let i = 0; i < k * d; i++) {
    const count = n[Math.floor(i / d)] as number
    const factor = max ? rate / largest : count < 2 ** -80 ? 0 : rate / count
    const change = factor * (dw[i] as number)
    w[i] = at(weights, i) + change
    // The factor and its product are rounded once each, then the sum.
    wError[i] =
      1.01 * (factor * (dwError[i] as number) + Math.abs(change) * ((max ? largestError : 0) + 3 * U)) +
      U * Math.abs(w[i] as number)
  }
  const count = rows.length
  return { w, wError, wins, gains, gainsError, energy: count ? energy / count : 0, energyError: count ? energyError / count : 0 }
}

function stepInputs(seed: number, b: number, d: number, k: number, kind: string, temperature = 1): Host[] {
  const v = random(seed, [b, d])
  for (let i = 3; i < b; i += 7) v.data.fill(0, i * d, (i + 1) * d) // patches of zeros
  const w = random(seed + 1, [k, d])
  const u = new Float32Array(b * k)
  const g = new Float32Array(b * k)
  for (let i = 0; i < b; i++) {
    for (let unit = 0; unit < k; unit++) {
      let sum = 0
      for (let j = 0; j < d; j++) sum += (v.data[i * d + j] as number) * (w.data[unit * d + j] as number)
      u[i * k + unit] = sum
    }
    g.set(row(Float64Array.from(u.subarray(i * k, (i + 1) * k)), kind, temperature), i * k)
  }
  return [v, f32([b, k], u), f32([b, k], g), w]
}

const stepCase = (name: string, inputs: Host[], options: Case['options'] = {}): Case => ({
  name,
  inputs,
  options: { learningRate: 0.3, ...options },
})
const stepCases: Case[] = [
  stepCase('B=1 D=1 K=1', stepInputs(20, 1, 1, 1, 'soft')),
  stepCase('soft, B=47 D=27 K=13', stepInputs(22, 47, 27, 13, 'soft', 3)),
  stepCase('hard, B=101 D=48 K=40, some units unchosen', stepInputs(24, 101, 48, 40, 'hard')),
  stepCase('softhebb, B=50 D=75 K=33', stepInputs(26, 50, 75, 33, 'softhebb', 4)),
  stepCase('max, B=49 D=5 K=17', stepInputs(28, 49, 5, 17, 'softhebb', 2), { step: 'max' }),
  stepCase('max, B=33 D=150 K=70', stepInputs(30, 33, 150, 70, 'soft', 5), { step: 'max' }),
  stepCase('many patches', stepInputs(32, 1203, 7, 6, 'soft')),
  stepCase('only zero patches', [
    f32([5, 4], Array(20).fill(0)),
    f32([5, 3], Array(15).fill(0)),
    f32([5, 3], Array(15).fill(1 / 3)),
    random(34, [3, 4]),
  ]),
  stepCase('a row of zeros', [
    f32([2, 2], [1, 2, -1, 3]),
    f32([2, 2], [0, 3, 0, 2]),
    f32([2, 2], [0.25, 0.75, 0.5, 0.5]),
    f32([2, 2], [0, 0, 1, 1]),
  ]),
  stepCase('shares too small to learn by, and just large enough', [
    f32([2, 2], [1, 2, -1, 3]),
    f32([2, 4], [3, 0.5, 1, 0, 2, 1, 0.5, 0]),
    f32([2, 4], [1, 1e-30, 1e-20, 1e-44, 1, 1e-42, 1e-20, 0]),
    f32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
  ]),
  stepCase('a share that is NaN', [
    f32([2, 2], [1, 2, -1, 3]),
    f32([2, 2], [3, 0.5, 2, 1]),
    f32([2, 2], [Number.NaN, 0.5, 1, 0.5]),
    f32([2, 2], [1, 2, 3, 4]),
  ]),
  { name: 'the default rate', inputs: stepInputs(36, 9, 8, 7, 'soft') },
]
const tallies = ['wins', 'gains', 'energy']
const steps = new WeakMap<Expected, Step>()

function stepReference(c: Case): Expected {
  const result = step(c)
  const [, d] = (c.inputs[0] as Host).shape as [number, number]
  const k = result.wins.length
  const all: Expected = {
    w: f64([k, d], result.w),
    wins: i32([k], result.wins),
    gains: f64([k], result.gains),
    energy: f64([1], [result.energy]),
  }
  for (const name of tallies) if (!c.request?.includes(name)) delete all[name]
  steps.set(all, result)
  return all
}

const u = random(11, [2, 3])
const good = stepInputs(40, 4, 3, 2, 'soft') as [Host, Host, Host, Host]
const stepShape = (name: string, which: number, shape: number[], argument: string) => ({
  name,
  inputs: good.map((h, i) => (i === which ? random(50, shape) : h)),
  error: 'ShapeError' as const,
  argument,
})
export const proofs: Proof[] = [
  {
    op: 'competition',
    cases,
    reference: (c): Expected => {
      const { kind, temperature } = option(c)
      return {
        g: f64(
          (c.inputs[0] as Host).shape,
          rows(c).flatMap((u) => [...row(u, kind, temperature)]),
        ),
      }
    },
    // The exponent -d = (u - maximum) / temperature rounds three times (difference, 1 / temperature, product), which its exponential turns
    // into a relative error of 3 d U; the exponential itself 4 U (2 ulp). The sum of K positive terms adds K U to the mean of the terms'
    // own errors, 3 U sum g d + 4 U, where sum g d = entropy of g - ln(sum of exponentials) <= ln K. The quotient and the product are 2 U.
    // Below 2^-126 a term may be flushed.
    budget: (_, index, expected, c) => {
      const { kind, temperature } = option(c)
      if (kind === 'hard') return 0
      const { shape, data } = c.inputs[0] as Host
      const k = shape[1] as number
      const from = Math.floor(index / k) * k
      const maximum = Math.max(...data.subarray(from, from + k))
      const depth = Math.abs(((data[index] as number) - maximum) / temperature)
      const g = Math.abs(expected.g?.data[index] as number)
      return g === 0 ? 2 ** -126 : 1.01 * g * U * (3 * depth + 3 * Math.log(k) + k + 10) + 2 ** -126
    },
    refusals: [
      { name: 'three axes', inputs: [random(1, [2, 3, 2])], error: 'ShapeError', argument: 'u' },
      { name: 'an unknown kind', inputs: [u], options: { kind: 'max' }, error: 'OptionError', argument: 'kind' },
      { name: 'temperature 0', inputs: [u], options: { temperature: 0 }, error: 'OptionError', argument: 'temperature' },
      {
        name: 'temperature NaN',
        inputs: [u],
        options: { temperature: Number.NaN },
        error: 'OptionError',
        argument: 'temperature',
      },
    ],
  },
  {
    op: 'competitive_step',
    cases: [
      ...stepCases.map((c) => ({ ...c, request: tallies })),
      { ...(stepCases[1] as Case), name: 'no tally asked for', request: [] },
      { ...(stepCases[4] as Case), name: 'one tally asked for', request: ['energy'] },
    ],
    reference: stepReference,
    budget: (name, i, expected) => {
      const s = steps.get(expected) as Step
      if (name === 'w') return s.wError[i] as number
      if (name === 'gains') return 1.01 * (s.gainsError[i] as number)
      return name === 'energy' ? 1.01 * s.energyError + U * Math.abs(s.energy) : 0
    },
    refusals: [
      stepShape('currents of another batch', 1, [5, 2], 'u'),
      stepShape('shares of another K', 2, [4, 3], 'g'),
      stepShape('rows of another D', 3, [2, 4], 'w'),
      { name: 'a negative rate', inputs: good, options: { learningRate: -1 }, error: 'OptionError', argument: 'learningRate' },
      { name: 'an unknown step', inputs: good, options: { step: 'mean' }, error: 'OptionError', argument: 'step' },
    ],
  },
]
