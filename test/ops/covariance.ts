import { type Case, type Expected, f32, f64, type Host, normals, type Proof, size, U } from './proof.js'
import { sumError, U64 } from './rounding.js'

/** Rows about `mean` standard deviations from zero, whose columns hang together. */
function rows(seed: number, shape: number[], mean = 0): Host {
  const d = shape.at(-1) as number
  const values = normals(seed, size(shape))
  return f32(
    shape,
    values.map((x, i) => mean + x + 0.5 * (i % d > 0 ? (values[i - 1] as number) : 0)),
  )
}

/** Sums of some rows that went before, as the op gives them. */
function before(seed: number, groups: number, d: number, mean: number): [mean: Host, moments: Host] {
  const { sums } = exact(rows(seed, [groups, 5, d], mean))
  return [f64([groups, d], sums.mean), f64([groups, d, d], sums.moments)]
}

interface Sums {
  mean: Float64Array
  moments: Float64Array
}

/** Mean and moments of x [G,N,D], and what their rounding is measured by: sqrt of the sum of squared terms, and the sum of magnitudes. */
function exact(x: Host): { sums: Sums; norm: Float64Array; total: Float64Array } {
  const [groups, n, d] = x.shape as [number, number, number]
  const mean = new Float64Array(groups * d)
  const [moments, norm, total] = [0, 0, 0].map(() => new Float64Array(groups * d * d)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  for (let g = 0; g < groups; g++) {
    const at = (row: number, i: number) => x.data[(g * n + row) * d + i] as number
    for (let i = 0; i < d; i++) {
      // About the first row, so that the reference's own mean is exact to its last bits.
      let sum = 0
      for (let row = 0; row < n; row++) sum += at(row, i) - at(0, i)
      mean[g * d + i] = at(0, i) + sum / n
    }
    for (let row = 0; row < n; row++)
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) {
          const term = (at(row, i) - (mean[g * d + i] as number)) * (at(row, j) - (mean[g * d + j] as number))
          const k = (g * d + i) * d + j
          moments[k] = (moments[k] as number) + term
          norm[k] = (norm[k] as number) + term * term
          total[k] = (total[k] as number) + Math.abs(term)
        }
  }
  return { sums: { mean, moments }, norm: norm.map(Math.sqrt), total }
}

const largest = (data: Float64Array): number => data.reduce((most, v) => Math.max(most, Math.abs(v)), 0)

/** Chan, Golub, LeVeque. */
function merged(d: number, count: number, a: Sums, n: number, b: Sums): Sums {
  if (count === 0) return b
  if (n === 0) return a
  const delta = a.mean.map((x, i) => (b.mean[i] as number) - x)
  return {
    mean: a.mean.map((x, i) => x + ((delta[i] as number) * n) / (count + n)),
    moments: a.moments.map((x, k) => {
      const g = Math.floor(k / (d * d))
      const product = (delta[g * d + (Math.floor(k / d) % d)] as number) * (delta[g * d + (k % d)] as number)
      return x + (b.moments[k] as number) + ((product * count) / (count + n)) * n
    }),
  }
}

const budgets = new WeakMap<Expected, (name: string, index: number) => number>()

/** Of the chunk's moments and of its mean, in the order of their elements. */
function chunkError(x: Host, { norm, total }: ReturnType<typeof exact>): (name: string, index: number) => number {
  const n = x.shape[1] as number
  const peak = largest(x.data)
  return (name, i) => {
    // Float64 sums of n numbers; the centre's own error moves nothing else, since deviations from any centre near the mean have
    // moments that differ by n times the square of that error.
    if (name === 'mean') return 2 * U64 * (Math.sqrt(n) + 4) * peak
    // Each deviation is rounded once and products sum in float32 over at most 64 rows: as in sumError, with the runs' errors
    // independent. Terms of one sign make a run's sum grow: each of its k-th additions rounds by about 0.4 U k |t|, together
    // 0.4 U sqrt(64^3 / 3) |t| = 120 U |t|, or 1.9 U of the run's 64 |t|; over B runs 1.9 U / sqrt(B) of the total. 12 is six times it.
    const runs = Math.max(1, Math.floor(n / 64))
    return sumError(Math.min(n, 64), norm[i] as number) + (12 * U * (total[i] as number)) / Math.sqrt(runs)
  }
}

const fresh = (groups: number, d: number): [Host, Host] => [
  f64([groups, d], Array(groups * d).fill(Number.NaN)),
  f64([groups, d, d], Array(groups * d * d).fill(Number.NaN)),
]

const chunk = (name: string, x: Host, count = 0): Case => {
  const [groups, , d] = x.shape as [number, number, number]
  return { name, inputs: [x, ...(count ? before(9, groups, d, 3) : fresh(groups, d))], options: { count } }
}

const cases: Case[] = [
  // One row; runs (64) and stretches (256) of rows and their ends; one tile (64) and more; narrow groups and a wide one.
  chunk('[1,1,1]', rows(1, [1, 1, 1])),
  chunk('[1,1,5]', rows(2, [1, 1, 5])),
  chunk('[1,65,3]', rows(3, [1, 65, 3])),
  chunk('[1,700,37]', rows(4, [1, 700, 37])),
  chunk('[5,130,27]', rows(5, [5, 130, 27], 30)),
  chunk('[1,97,67]', rows(6, [1, 97, 67], 30)),
  chunk('[2,33,130]', rows(7, [2, 33, 130], -5)),
  chunk('[1,5000,6], mean 30', rows(8, [1, 5000, 6], 30)),
  chunk('[1,9,300]', rows(10, [1, 9, 300])),
  chunk('[2,9,261]', rows(11, [2, 9, 261])),
  chunk('[1,700,37] after 40', rows(12, [1, 700, 37], 3), 40),
  chunk('[3,66,20] after 23, another mean', rows(13, [3, 66, 20], -30), 23),
  chunk('[2,5,270] after 273', rows(14, [2, 5, 270], 3), 273),
  // Squares of 128 with several stretches.
  chunk('[1,3600,200] after 5', rows(15, [1, 3600, 200], -3), 5),
  // Float64 of a vendor's library: several pieces of rows (of 16 in the simulation), panels of 2,048 columns.
  chunk('[1,40,1030]', rows(16, [1, 40, 1030], 30)),
  chunk('[2,17,1027] after 23', rows(17, [2, 17, 1027], -30), 23),
  chunk('[1,5,2050] after 9', rows(18, [1, 5, 2050]), 9),
  chunk('equal rows', f32([1, 300, 3], Array(900).fill(1 / 3))),
]

function covarianceReference(c: Case): Expected {
  const [x, mean, moments] = c.inputs as [Host, Host, Host]
  const [, n, d] = x.shape as [number, number, number]
  const count = c.options?.count as number
  const chunk = exact(x)
  const { sums } = chunk
  const all = merged(d, count, { mean: mean.data, moments: moments.data }, n, sums)
  const expected: Expected = { mean: f64(mean.shape, all.mean), moments: f64(moments.shape, all.moments) }
  const error = chunkError(x, chunk)
  const delta = largest(sums.mean.map((m, i) => m - (mean.data[i] as number)))
  const weight = (count * n) / (count + n)
  // Five operations, each rounded, here and in the reference; the means' errors count twice in the product of their difference.
  const join: Record<string, number> = {
    mean: 10 * U64 * (largest(all.mean) + largest(sums.mean)),
    moments: 10 * U64 * largest(all.moments) + 4 * weight * delta * error('mean', 0),
  }
  budgets.set(expected, (name, i) => error(name, i) + (count > 0 ? (join[name] as number) : 0))
  return expected
}

function mergeCase(name: string, groups: number, d: number, count: number, others: number): Case {
  const [a, b] = [before(20, groups, d, 2), before(21, groups, d, -7)]
  return { name, inputs: [...a, ...b], options: { count, others } }
}

export const proofs: Proof[] = [
  {
    op: 'covariance',
    cases,
    reference: covarianceReference,
    budget: (name, index, expected) => (budgets.get(expected) as (name: string, index: number) => number)(name, index),
    refusals: [
      { name: 'rows of another width', inputs: [rows(1, [1, 4, 3]), ...fresh(1, 2)], error: 'ShapeError', argument: 'mean' },
      { name: 'other groups', inputs: [rows(1, [2, 4, 3]), ...fresh(1, 3)], error: 'ShapeError', argument: 'mean' },
      {
        name: 'moments that are not square',
        inputs: [rows(1, [1, 4, 3]), fresh(1, 3)[0], f64([1, 3, 2], Array(6).fill(0))],
        error: 'ShapeError',
        argument: 'moments',
      },
      {
        name: 'sums in f32',
        inputs: [rows(1, [1, 4, 3]), f32([1, 3], [0, 0, 0]), fresh(1, 3)[1]],
        error: 'ShapeError',
        argument: 'mean',
      },
      {
        name: 'a count below 0',
        inputs: [rows(1, [1, 4, 3]), ...fresh(1, 3)],
        options: { count: -1 },
        error: 'OptionError',
        argument: 'count',
      },
    ],
  },
  {
    op: 'covariance_merge',
    cases: [
      mergeCase('[1,3]', 1, 3, 6, 6),
      mergeCase('[3,41], many and few', 3, 41, 1e9, 44),
      mergeCase('[1,70]', 1, 70, 73, 4000),
      mergeCase('into nothing', 2, 5, 0, 8),
      mergeCase('nothing', 2, 5, 8, 0),
    ],
    reference: (c) => {
      const [mean, moments, other, others] = c.inputs.map((h) => (h as Host).data) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ]
      const d = (c.inputs[0] as Host).shape[1] as number
      const [count, n] = [c.options?.count as number, c.options?.others as number]
      const all = merged(d, count, { mean, moments }, n, { mean: other, moments: others })
      const expected: Expected = {
        mean: f64((c.inputs[0] as Host).shape, all.mean),
        moments: f64((c.inputs[1] as Host).shape, all.moments),
      }
      // Five operations on numbers no larger than the largest that goes in or comes out, each rounded, here and in the reference.
      const allowed: Record<string, number> = {
        mean: 10 * U64 * Math.max(largest(all.mean), largest(mean), largest(other)),
        moments: 10 * U64 * largest(all.moments),
      }
      budgets.set(expected, (name) => allowed[name] as number)
      return expected
    },
    budget: (name, index, expected) => (budgets.get(expected) as (name: string, index: number) => number)(name, index),
    refusals: [
      {
        name: 'another width',
        inputs: [...before(1, 1, 3, 0), ...before(1, 1, 4, 0)],
        error: 'ShapeError',
        argument: 'other',
      },
      {
        name: 'a count that is no whole number',
        inputs: [...before(1, 1, 3, 0), ...before(1, 1, 3, 0)],
        options: { count: 0.5 },
        error: 'OptionError',
        argument: 'count',
      },
    ],
  },
]
