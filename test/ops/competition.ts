import { type Case, type Expected, f32, f64, type Host, normals, type Proof, size, U, uniform } from './proof.js'

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

const u = random(11, [2, 3])
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
]
