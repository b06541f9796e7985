import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, U, uniform } from './proof.js'
import { U64 } from './rounding.js'

type Type = 'f32' | 'f64'

interface Solution {
  /** Descending. */
  values: Float64Array
  /** Rows. */
  vectors: Float64Array[]
}

/** Cyclic Jacobi, in float64, of the matrix divided by its largest magnitude. */
function jacobi(matrix: Float64Array, d: number): Solution {
  const scale = matrix.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1
  const a = Array.from({ length: d }, (_, i) =>
    Float64Array.from({ length: d }, (_, j) => matrix[Math.min(i, j) * d + Math.max(i, j)]! / scale),
  )
  const v = Array.from({ length: d }, (_, i) => Float64Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)))
  for (let sweep = 0; sweep < 60; sweep++) {
    let [off, all] = [0, 0]
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) {
        all += a[i]![j]! ** 2
        if (i !== j) off += a[i]![j]! ** 2
      }
    if (off <= all * 2 ** -110) break
    for (let p = 0; p < d; p++)
      for (let q = p + 1; q < d; q++) {
        const apq = a[p]![q]!
        if (apq === 0) continue
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq)
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(t, 1)
        const s = t * c
        const turn = (x: Float64Array, y: Float64Array) => {
          for (let k = 0; k < d; k++) {
            const was = x[k]!
            x[k] = c * was - s * y[k]!
            y[k] = s * was + c * y[k]!
          }
        }
        turn(a[p]!, a[q]!)
        for (const row of a) {
          const was = row[p]!
          row[p] = c * was - s * row[q]!
          row[q] = s * was + c * row[q]!
        }
        turn(v[p]!, v[q]!)
      }
  }
  const order = Array.from({ length: d }, (_, i) => i).sort((x, y) => a[y]![y]! - a[x]![x]!)
  return { values: Float64Array.from(order, (i) => scale * a[i]![i]!), vectors: order.map((i) => v[i]!) }
}

/** Matrices whose solution is known from how they were made: d up to some hundreds, for which Jacobi here takes minutes. */
const known = new WeakMap<Host, Solution>()

/** Q diag(values) Q^T, Q the product of three reflections in random directions. */
function withSpectrum(seed: number, type: Type, values: number[]): Host {
  const d = values.length
  const rows = values.map((_, i) => Float64Array.from({ length: d }, (_, j) => (i === j ? 1 : 0))) // of Q^T
  for (let r = 0; r < 3; r++) {
    const u = Float64Array.from(normals(seed + r, d))
    const square = u.reduce((sum, x) => sum + x * x, 0)
    for (const row of rows) {
      const along = (2 * row.reduce((sum, x, i) => sum + x * u[i]!, 0)) / square
      for (let i = 0; i < d; i++) row[i] = row[i]! - along * u[i]!
    }
  }
  const a = new Float64Array(d * d)
  for (let k = 0; k < d; k++)
    for (let i = 0; i < d; i++)
      for (let j = i; j < d; j++) a[i * d + j] = a[i * d + j]! + values[k]! * rows[k]![i]! * rows[k]![j]!
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) a[i * d + j] = a[j * d + i]!
  const order = values.map((_, i) => i).sort((x, y) => values[y]! - values[x]!)
  const host = (type === 'f32' ? f32 : f64)([1, d, d], a)
  known.set(host, { values: Float64Array.from(order, (i) => values[i]!), vectors: order.map((i) => rows[i]!) })
  return host
}

function symmetric(seed: number, type: Type, matrices: number, d: number, scale = 1): Host {
  const data = normals(seed, matrices * d * d)
  for (let g = 0; g < matrices; g++)
    for (let i = 0; i < d; i++)
      for (let j = 0; j <= i; j++) {
        const at = (g * d + i) * d + j
        data[at]! *= scale
        data[(g * d + j) * d + i] = data[at]!
      }
  return (type === 'f32' ? f32 : f64)([matrices, d, d], data)
}

const both = ['values', 'vectors']
const types: Type[] = ['f32', 'f64']

const cases: Case[] = [
  // Odd and even, powers of two and their neighbours; one leaf (32) and more; pairs where a row sits out.
  ...[1, 2, 3, 7, 27, 33].flatMap((d, i) =>
    types.map((type) => ({ name: `[1,${d},${d}] ${type}`, inputs: [symmetric(i + 1, type, 1, d)], request: both })),
  ),
  ...types.flatMap((type) => [
    { name: `[70,3,3] ${type}`, inputs: [symmetric(20, type, 70, 3)], request: both },
    { name: `[5,9,9] ${type}, two of each`, inputs: [symmetric(21, type, 5, 9)], request: both, options: { top: 2 } },
    { name: `[1,64,64] ${type}, evenly spaced`, inputs: [withSpectrum(29, type, spaced(64))], request: both },
    { name: `[4,38,38] ${type}`, inputs: [symmetric(22, type, 4, 38)], request: type === 'f64' ? both : ['values'] },
    { name: `[2,41,41] ${type}, values only`, inputs: [symmetric(23, type, 2, 41)], request: ['values'] },
    { name: `[1,6,6] ${type}, values only`, inputs: [symmetric(24, type, 1, 6)], request: ['values'] },
    // For a vendor's library, and several levels of merges.
    { name: `[1,129,129] ${type}, evenly spaced`, inputs: [withSpectrum(30, type, spaced(129))], request: both },
    {
      name: `[1,129,129] ${type}, the first 7`,
      inputs: [withSpectrum(31, type, spaced(129))],
      request: both,
      options: { top: 7 },
    },
    { name: `[1,129,129] ${type}, values only`, inputs: [withSpectrum(33, type, spaced(129))], request: ['values'] },
    {
      name: `[1,40,40] ${type}, 3 values`,
      inputs: [withSpectrum(36, type, spaced(40))],
      request: ['values'],
      options: { top: 3 },
    },
    {
      name: `[1,66,66] ${type}, of rank 5`,
      inputs: [withSpectrum(34, type, [9, 7, 4, 2, -3, ...Array(61).fill(0)])],
      request: ['values'],
    },
    { name: `${type} zeros`, inputs: [(type === 'f32' ? f32 : f64)([1, 40, 40], new Float64Array(1600))], request: ['values'] },
    { name: `${type} diagonal`, inputs: [diagonal(type, [3, -1, 7, 0, 2.5])], request: both },
    { name: `${type} unit matrices`, inputs: [diagonal(type, Array(50).fill(1))], request: ['values'] },
  ]),
  {
    name: '[1,129,129] f64, the first 90',
    inputs: [withSpectrum(32, 'f64', spaced(129))],
    request: both,
    options: { top: 90 },
  },
  {
    name: '[1,130,130] f64, decaying as 1 / i^2',
    inputs: [
      withSpectrum(
        35,
        'f64',
        Array.from({ length: 130 }, (_, i) => (i + 1) ** -2),
      ),
    ],
    request: both,
    options: { top: 6 },
  },
  { name: 'f64 huge', inputs: [symmetric(40, 'f64', 1, 12, 1e300)], request: both },
  { name: 'f64 tiny', inputs: [symmetric(41, 'f64', 1, 12, 1e-300)], request: both },
  {
    name: 'f64 tiny, of 129',
    inputs: [
      withSpectrum(
        42,
        'f64',
        spaced(129).map((x) => x * 1e-290),
      ),
    ],
    request: ['values'],
  },
  { name: 'f32 tiny', inputs: [symmetric(43, 'f32', 1, 12, 1e-30)], request: both },
  {
    name: 'below the diagonal only compared',
    inputs: [f64([1, 2, 2], [2, 1, 1 + 2 ** -50, 3])],
    request: both,
  },
]

/** d numbers from -1 to 1, one apart from the next, in a random order. */
function spaced(d: number): number[] {
  const next = uniform(d)
  return Array.from({ length: d }, (_, i) => ({ value: (2 * i) / (d - 1) - 1, at: next() }))
    .sort((x, y) => x.at - y.at)
    .map(({ value }) => value)
}

function diagonal(type: Type, values: number[]): Host {
  const d = values.length
  return (type === 'f32' ? f32 : f64)(
    [1, d, d],
    Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? values[i / (d + 1)]! : 0)),
  )
}

/**
 * |A' - A| of the matrix whose exact solution is the result. Reduction to tridiagonal form turns A some D times, and each turn rounds
 * by about 2 unit roundoffs of its Frobenius norm, the errors of random signs: 2 sqrt(D). Merges deflate by 8 roundoffs a level, and
 * QL and Jacobi stay below that. 4 (sqrt(D) + 10) is twice it; the matrix's own rounding, where its solution comes from how it was
 * made, and the reference's, in float64 like the kernels, are within the doubling.
 */
function backward(type: Type, matrix: Float64Array): number {
  const d = Math.sqrt(matrix.length)
  const largest = matrix.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  if (largest === 0) return 0
  const norm = largest * Math.sqrt(matrix.reduce((sum, x) => sum + (x / largest) ** 2, 0))
  return 4 * (Math.sqrt(d) + 10) * (type === 'f32' ? U : U64) * norm * (type === 'f64' ? 2 : 1)
}

const budgets = new WeakMap<Expected, { values: number[]; vectors: number[] }>()

function reference(c: Case): Expected {
  const a = c.inputs[0] as Host
  const [matrices, d] = a.shape as [number, number]
  const top = (c.options?.top as number | undefined) || d
  const values: number[] = []
  const vectors: number[] = []
  const allowed = { values: [] as number[], vectors: [] as number[] }
  for (let g = 0; g < matrices; g++) {
    const matrix = a.data.subarray(g * d * d, (g + 1) * d * d)
    const solution = known.get(a) ?? jacobi(matrix, d)
    const error = backward(a.dtype as Type, matrix)
    for (let k = 0; k < top; k++) {
      const value = solution.values[k]!
      values.push(value)
      allowed.values.push(error + (a.dtype === 'f32' ? U * Math.abs(value) + 2 ** -149 : 0))
      if (!c.request?.includes('vectors')) continue
      // First-order perturbation: a vector turns by |A' - A| over the distance to the next value; 2 covers the higher orders.
      const gap = Math.min(...[k - 1, k + 1].filter((i) => i >= 0 && i < d).map((i) => Math.abs(value - solution.values[i]!)))
      const turned = (d > 1 ? (2 * error) / gap : 0) + 2 * (a.dtype === 'f32' ? U : U64)
      const row = solution.vectors[k]!
      const peak = row.reduce((best, x, i) => (Math.abs(x) > Math.abs(row[best]!) ? i : best), 0)
      const sign = Math.sign(row[peak]!)
      const rival = row.reduce((most, x) => Math.max(most, -sign * x), 0)
      if (!(turned < 0.02)) throw new Error(`${c.name}: vector ${k} may turn by ${turned}: the case says nothing`)
      if (Math.abs(row[peak]!) - rival < 2 * turned) throw new Error(`${c.name}: the sign of vector ${k} is open`)
      allowed.vectors.push(turned)
      vectors.push(...row.map((x) => sign * x))
    }
  }
  const expected: Expected = { values: f64([matrices, top], values) }
  if (c.request?.includes('vectors')) expected.vectors = f64([matrices, top, d], vectors)
  budgets.set(expected, allowed)
  return expected
}

const nan = (type: Type, at: number): Host => {
  const matrix = symmetric(1, type, 2, 3)
  matrix.data[at] = Number.NaN
  return matrix
}
const uneven = symmetric(2, 'f64', 3, 40)
uneven.data[2 * 1600 + 39 * 40 + 1]! += 1e-9

export const proofs: Proof[] = [
  {
    op: 'eigh',
    cases,
    reference,
    budget: (name, index, expected, c) => {
      const allowed = budgets.get(expected) as { values: number[]; vectors: number[] }
      const d = (c.inputs[0] as Host).shape[1] as number
      return name === 'values' ? allowed.values[index]! : allowed.vectors[Math.floor(index / d)]!
    },
    refusals: [
      { name: 'a matrix that is not square', inputs: [f32([1, 2, 3], normals(1, 6))], error: 'ShapeError', argument: 'a' },
      { name: 'two axes', inputs: [f32([3, 3], normals(1, 9))], error: 'ShapeError', argument: 'a' },
      { name: 'i32', inputs: [i32([1, 1, 1], [1])], error: 'ShapeError', argument: 'a' },
      {
        name: 'more than there are',
        inputs: [symmetric(1, 'f32', 1, 3)],
        options: { top: 4 },
        error: 'OptionError',
        argument: 'top',
      },
      ...types.flatMap((type) => [
        {
          name: `NaN above the diagonal, ${type}`,
          inputs: [nan(type, 10)],
          error: 'DataError' as const,
          argument: 'a',
          late: true,
        },
        {
          name: `NaN below the diagonal, ${type}`,
          inputs: [nan(type, 15)],
          error: 'DataError' as const,
          argument: 'a',
          late: true,
        },
      ]),
      {
        name: 'an infinity',
        inputs: [diagonal('f32', [1, Number.POSITIVE_INFINITY, 2])],
        error: 'DataError',
        argument: 'a',
        late: true,
      },
      { name: 'a matrix that is not symmetric', inputs: [uneven], error: 'DataError', argument: 'a', late: true },
      {
        name: 'a matrix that is not symmetric, f32',
        inputs: [f32([1, 2, 2], [1, 2, 2.001, 1])],
        error: 'DataError',
        argument: 'a',
        late: true,
      },
    ],
  },
]
