import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, U } from './proof.js'

const powers = [1, 2, 3, 5, 10, 40, 80, 127, 200, 1.5, 2.7, 39.99, 199.5]
const shapes = [[1], [17], [3, 5, 7], [33001]]

/** Where float32 results grow, leave the normal range and vanish, for every power. */
function edges(power: number): number[] {
  const at = (exponent: number) => 2 ** (exponent / power)
  const values = [0, -0, 1, -1, 1 - U, 1 + 2 * U, 1e-42, -1e-42, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const exponent of [-151, -150.5, -149.5, -149, -148, -140, -130, -127, -126, -125.5, -60, -1, 60, 127, 127.99])
    values.push(at(exponent))
  return [...values, at(128.01), at(140)]
}

const x = (c: Case): Host => c.inputs[0] as Host
const gy = (c: Case): Host => c.inputs[1] as Host
const power = (c: Case): number => Number(c.options?.power ?? 1)

const around = (seed: number, shape: number[]): Host =>
  f32(
    shape,
    normals(seed, size(shape)).map((v) => 0.7 + 0.4 * v),
  )

/** float32's smallest normal number: a y below it is 0. */
const least = 2 ** -126

/** y and gx, as float64; where x is not a number, so are they. */
export const raise = (v: number, n: number): number => (Number.isNaN(v) ? v : v <= 0 || v ** n < least ? 0 : v ** n)
export const slope = (v: number, g: number, n: number): number => {
  const y = raise(v, n)
  return Number.isNaN(y) || y === 0 ? y : g * n * v ** (n - 1)
}

/** Whether a power within these bounds, which may carry that relative error, may count as 0 or not. */
export const isAtLeast = (from: number, to: number, n: number, relative: number): boolean =>
  Math.max(from, 0) ** n * (1 - relative) < least && Math.max(to, 0) ** n * (1 + relative) >= least

/**
 * Roundings of repeated squaring. Each of the floor(log2 n) squares rounds once and then counts as often as it is used, so an error
 * of U in x^(2^i) is one of U * n / 2^i in the result: n - 1 in all at worst; the products of the set bits add popcount.
 * The contract promises less, 2 log2(n) + popcount, but for correlated squares the sum is n - 1: the proof allows that sum.
 */
export const roundings = (n: number): number => n + 4

/** Results that float32 cannot hold are infinities; beside the edge either is right. */
function near(value: number, relative: number, absolute: number): number {
  const largest = 2 ** 128 * (1 - U)
  if (Math.abs(value) * (1 + relative) >= largest && Math.abs(value) * (1 - relative) < 2 ** 128) return Number.POSITIVE_INFINITY
  return relative * Math.abs(value) + absolute
}
const hold = (value: number): number => (Math.abs(value) >= 2 ** 128 ? Math.sign(value) * Number.POSITIVE_INFINITY : value)

const refusals = (inputs: Host[]) => [
  { name: 'power below 1', inputs, options: { power: 0.5 }, error: 'OptionError' as const, argument: 'power' },
  { name: 'power above 200', inputs, options: { power: 201 }, error: 'OptionError' as const, argument: 'power' },
  { name: 'power is NaN', inputs, options: { power: Number.NaN }, error: 'OptionError' as const, argument: 'power' },
  { name: 'i32 for f32', inputs: [i32([2], [1, 2]), ...inputs.slice(1)], error: 'ShapeError' as const, argument: 'x' },
]

export const proofs: Proof[] = [
  {
    op: 'rectified_power',
    cases: [
      ...powers.map((n) => ({
        name: `n = ${n}, edges of the range`,
        inputs: [f32([edges(n).length], edges(n))],
        options: { power: n },
      })),
      ...shapes.map((shape, i) => ({
        name: `[${shape}], n = ${powers[5 + i]}`,
        inputs: [around(i + 1, shape)],
        options: { power: powers[5 + i] as number },
      })),
      { name: 'n = 1 by default', inputs: [around(9, [5])] },
      { name: 'large enough to pass by the caches', inputs: [around(10, [2 ** 22 + 5])], options: { power: 40 } },
    ],
    reference: (c): Expected => ({
      y: f64(
        x(c).shape,
        x(c).data.map((v) => hold(raise(v, power(c)))),
      ),
    }),
    // Relative error of the products as above, and as much of the least x whose power counts.
    budget: (_, i, _expected, c) => {
      const [v, n] = [x(c).data[i] as number, power(c)]
      const relative = roundings(n) * U
      return near(raise(v, n), relative, isAtLeast(v, v, n, relative) ? (1 + relative) * least : 0)
    },
    refusals: refusals([around(1, [2])]),
  },
  {
    op: 'rectified_power_grad',
    cases: [
      ...powers.map((n) => ({
        name: `n = ${n}, edges of the range`,
        inputs: [f32([edges(n).length], edges(n)), f32([edges(n).length], normals(3, edges(n).length))],
        options: { power: n },
      })),
      ...shapes.map((shape, i) => ({
        name: `[${shape}], n = ${powers[i + 2]}`,
        inputs: [around(i + 1, shape), f32(shape, normals(i + 40, size(shape)))],
        options: { power: powers[i + 2] as number },
      })),
    ],
    reference: (c): Expected => ({
      gx: f64(
        x(c).shape,
        x(c).data.map((v, i) => hold(slope(v, gy(c).data[i] as number, power(c)))),
      ),
    }),
    // As above, with one more product for gy * n.
    budget: (_, i, _expected, c) => {
      const [v, g, n] = [x(c).data[i] as number, gy(c).data[i] as number, power(c)]
      const relative = (roundings(n) + 2) * U
      const atLeast = isAtLeast(v, v, n, relative) ? Math.abs(g) * n * v ** (n - 1) : 0
      return near(slope(v, g, n), relative, (1 + relative) * atLeast + 8 * 2 ** -149)
    },
    refusals: [
      ...refusals([around(1, [2]), around(2, [2])]),
      { name: 'shapes differ', inputs: [around(1, [2]), around(1, [3])], error: 'ShapeError', argument: 'gy' },
    ],
    finiteDifference: {
      cases: [1, 2, 3, 10, 1.5].map((n) => ({
        name: `n = ${n}`,
        inputs: [f32([6], [-1, -0.3, 0.2, 0.7, 1, 1.1]), f32([6], normals(8, 6))],
        options: { power: n },
      })),
      loss: (c) => x(c).data.reduce((sum, v, i) => sum + raise(v, power(c)) * (gy(c).data[i] as number), 0),
      of: { gx: 0 },
    },
  },
]
