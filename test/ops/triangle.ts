import { type Case, type Expected, f32, f64, type Host, normals, type Proof, size, U, uniform } from './proof.js'

const x = (c: Case): Host => c.inputs[0] as Host
const gy = (c: Case): Host => c.inputs[1] as Host

const distance = (cosine: number): number => {
  const square = 2 - 2 * cosine
  return Math.sqrt(Math.max(square, 0))
}

/** Calls back for every position of every image: where its channels are, their distances and the mean of these. */
function each({ shape, data }: Host, position: (channels: number[], d: number[], mean: number) => void): void {
  const [n, k, p, q] = shape as [number, number, number, number]
  for (let image = 0; image < n; image++)
    for (let at = 0; at < p * q; at++) {
      const channels = Array.from({ length: k }, (_, channel) => (image * k + channel) * p * q + at)
      const d = channels.map((i) => distance(data[i] as number))
      position(channels, d, d.reduce((a, b) => a + b, 0) / k)
    }
}

/** What each result may be off by. */
const budgets = new WeakMap<Expected, Float64Array>()
const budget: Proof['budget'] = (_, i, expected) => budgets.get(expected)?.[i] as number
function result(c: Case, name: string, values: Float64Array, allowed: Float64Array): Expected {
  const expected = { [name]: f64(x(c).shape, values) }
  budgets.set(expected, allowed)
  return expected
}

/**
 * Error of a distance: of 2 - 2 x one rounding, which its root halves, and one of the root: 1.5 U d. Of a mean of K: those, K - 1 sums and a
 * quotient: (K + 1.5) U mean, errors of sums being at most U times the whole sum each.
 */
const meanDoubt = (k: number, mean: number): number => (k + 2) * U * mean
const doubt = (d: number): number => 2 * U * d

function code(c: Case): { y: Float64Array; allowed: Float64Array } {
  const y = new Float64Array(x(c).data.length)
  const allowed = new Float64Array(y.length)
  each(x(c), (channels, d, mean) =>
    channels.forEach((at, k) => {
      const value = mean - (d[k] as number)
      y[at] = Math.max(value, 0)
      allowed[at] = meanDoubt(d.length, mean) + doubt(d[k] as number) + U * Math.abs(value)
    }),
  )
  return { y, allowed }
}

/**
 * The quotient's terms carry K roundings (of the mean of what passes) and two more, its distance 2 U; and where a distance may be on either
 * side of the mean, its gradient may pass or not.
 */
function gradient(c: Case): { gx: Float64Array; allowed: Float64Array } {
  const gx = new Float64Array(x(c).data.length)
  const allowed = new Float64Array(gx.length)
  each(x(c), (channels, d, mean) => {
    const K = d.length
    const slope = channels.map((at) => gy(c).data[at] as number)
    const wavers = d.map((value) => Math.abs(mean - value) <= meanDoubt(K, mean) + doubt(value))
    const own = slope.map((g, k) => (mean > (d[k] as number) ? g : 0))
    const passed = own.reduce((a, b) => a + b, 0) / K
    const size = own.reduce((a, b) => a + Math.abs(b), 0) / K
    const open = slope.reduce((sum, g, k) => sum + (wavers[k] ? Math.abs(g) : 0), 0) / K
    channels.forEach((at, k) => {
      const value = d[k] as number
      gx[at] = value === 0 ? 0 : ((own[k] as number) - passed) / value
      const rounded = (K + 2) * U * size + 4 * U * (Math.abs(own[k] as number) + Math.abs(passed))
      allowed[at] = value === 0 ? 0 : (rounded + open + (wavers[k] ? Math.abs(slope[k] as number) : 0)) / value
    })
  })
  return { gx, allowed }
}

const cosines = (seed: number, shape: number[]): Host => {
  const next = uniform(seed)
  return f32(
    shape,
    Array.from({ length: size(shape) }, () => 1 - 2 * next() ** 2),
  )
}
const like = (seed: number, h: Host): Host => f32(h.shape, normals(seed, size(h.shape)))

const special: Host[] = [
  // the patch itself, its opposite, a rounding beyond one, ties, all alike
  f32([1, 4, 1, 3], [1, -1, 0.5, 1 + 2 * U, 0.25, 0.5, -1, 0.25, 0.5, 0, 0.25, 0.5]),
  // a NaN spoils its own position alone
  f32([2, 2, 1, 2], [0.1, Number.NaN, 0.2, 0.3, -0.5, 0.7, 0.9, Number.NEGATIVE_INFINITY]),
]
const shapes = [
  [1, 1, 1, 1],
  [2, 3, 5, 7],
  [1, 400, 3, 3],
  [3, 17, 9, 11],
  [1, 7, 1, 65],
]
const inputs = [...special, ...shapes.map((shape, i) => cosines(i + 1, shape))]
const named = (h: Host, i: number): string => `[${h.shape}]${i < special.length ? ', edges' : ''}`

export const proofs: Proof[] = [
  {
    op: 'triangle',
    cases: inputs.map((h, i) => ({ name: named(h, i), inputs: [h] })),
    reference: (c) => {
      const { y, allowed } = code(c)
      return result(c, 'y', y, allowed)
    },
    budget,
    refusals: [
      { name: 'three axes', inputs: [f32([1, 2, 3], [1, 2, 3, 4, 5, 6])], error: 'ShapeError', argument: 'x' },
      { name: 'an unknown option', inputs: [cosines(1, [1, 2, 1, 1])], options: { alpha: 1 }, error: 'OptionError' },
    ],
  },
  {
    op: 'triangle_grad',
    cases: inputs.map((h, i) => ({ name: named(h, i), inputs: [h, like(i + 20, h)] })),
    reference: (c) => {
      const { gx, allowed } = gradient(c)
      return result(c, 'gx', gx, allowed)
    },
    budget,
    refusals: [
      {
        name: 'shapes differ',
        inputs: [cosines(1, [1, 2, 1, 1]), cosines(2, [1, 2, 1, 2])],
        error: 'ShapeError',
        argument: 'gy',
      },
    ],
    finiteDifference: {
      // Away from 1, where the root is steep.
      cases: [cosines(3, [2, 3, 2, 2]), cosines(4, [1, 5, 1, 3])].map(({ shape, data }, i) => {
        const h = f32(
          shape,
          data.map((cosine) => 0.8 * cosine),
        )
        return { name: named(h, 9), inputs: [h, like(i + 5, h)] }
      }),
      loss: (c) => code(c).y.reduce((sum, y, i) => sum + y * (gy(c).data[i] as number), 0),
      of: { gx: 0 },
    },
  },
]
