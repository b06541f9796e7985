// Partial least squares against NIPALS as it is written down, on the features themselves.
import { describe, expect, it } from 'vitest'
import { cpu } from '../../lib/device.js'
import { type FeatureRows, Kernel } from '../../lib/eval/kernel.js'
import { type Matrix, matrix, product, rowsOf } from '../../lib/eval/matrix.js'
import { fitPls } from '../../lib/eval/pls.js'
import { uniform } from '../ops/proof.js'

const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i)

function data(count: number, size: number, targets: number): { features: FeatureRows; y: Matrix } {
  const next = uniform(5)
  // Features of falling strength, so that components are apart.
  const data = Float32Array.from({ length: count * size }, (_, i) => 1 + (next() - 0.5) * 1.3 ** -(i % size))
  const y = matrix(count, targets)
  for (let i = 0; i < count; ++i)
    for (let t = 0; t < targets; ++t)
      y.data[i * targets + t] =
        4 * (t + 1) * (data[i * size + (t % size)] as number) + (data[i * size + ((t + 1) % size)] as number) + next()
  return { features: { count, size, data }, y }
}

type Rows = number[][]
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
const transpose = (a: Rows): Rows => (a[0] as number[]).map((_, j) => a.map((row) => row[j] as number))
const apply = (a: Rows, v: readonly number[]) => a.map((row) => dot(row, v))

/** a -= t p'. */
function deflate(a: Rows, t: readonly number[], p: readonly number[]): void {
  for (const [i, row] of a.entries())
    p.forEach((value, j) => {
      row[j] = (row[j] as number) - (t[i] as number) * value
    })
}

interface Oracle {
  /** [features][targets] */
  coefficients: Rows
  predict: (x: readonly number[]) => number[]
}

/** scikit-learn's PLSRegression, step by step. */
function nipals(x: Rows, y: Rows, components: number, scale: boolean, tolerance: number): Oracle {
  const standardise = (rows: Rows) => {
    const columns = transpose(rows)
    const mean = columns.map((c) => c.reduce((a, b) => a + b, 0) / c.length)
    const deviation = columns.map((c, j) =>
      scale ? Math.sqrt(c.reduce((sum, v) => sum + (v - (mean[j] as number)) ** 2, 0) / (c.length - 1)) || 1 : 1,
    )
    const rest = rows.map((row) => row.map((v, j) => (v - (mean[j] as number)) / (deviation[j] as number)))
    return { mean, deviation, rest }
  }
  const [sx, sy] = [standardise(x), standardise(y)]
  const [a, b] = [sx.rest, sy.rest]
  const [weights, loadings, targets]: [Rows, Rows, Rows] = [[], [], []]
  for (let k = 0; k < components; ++k) {
    const columns = transpose(b)
    let u = columns.find((c) => c.some((v) => Math.abs(v) > Number.EPSILON)) as number[]
    let w: number[] = []
    let t: number[] = []
    for (let step = 0, before: number[] | null = null; step < 500; ++step) {
      w = apply(transpose(a), u)
      const length = Math.sqrt(dot(w, w))
      w = w.map((v) => v / length)
      t = apply(a, w)
      const q = apply(columns, t).map((v) => v / dot(t, t))
      u = apply(b, q).map((v) => v / dot(q, q))
      const old: number[] | null = before
      before = w
      if (q.length === 1 || (old && w.reduce((sum, v, i) => sum + (v - (old[i] as number)) ** 2, 0) < tolerance)) break
    }
    const p = apply(transpose(a), t).map((v) => v / dot(t, t))
    const q = apply(columns, t).map((v) => v / dot(t, t))
    deflate(a, t, p)
    deflate(b, t, q)
    weights.push(w)
    loadings.push(p)
    targets.push(q)
  }
  // The rotations R = W (P'W)^-1, one column after the other: r_k = w_k - sum over earlier ones of r_j (p_j'w_k).
  const rotations: Rows = []
  for (const w of weights) {
    const r = [...w]
    rotations.forEach((earlier, j) => {
      const share = dot(loadings[j] as number[], w)
      earlier.forEach((v, i) => {
        r[i] = (r[i] as number) - share * v
      })
    })
    rotations.push(r)
  }
  const coefficients = (x[0] as number[]).map((_, i) =>
    (y[0] as number[]).map((_, t) => rotations.reduce((sum, r, k) => sum + (r[i] as number) * (targets[k]?.[t] as number), 0)),
  )
  const predict = (row: readonly number[]) =>
    sy.mean.map((m, t) => {
      const centred = row.map((v, i) => (v - (sx.mean[i] as number)) / (sx.deviation[i] as number))
      return m + (sy.deviation[t] as number) * centred.reduce((sum, v, i) => sum + v * (coefficients[i]?.[t] as number), 0)
    })
  return { coefficients, predict }
}

const rowsAt = (features: FeatureRows, some: Int32Array): Rows =>
  Array.from(some, (i) => [...features.data.subarray(i * features.size, (i + 1) * features.size)])
function centredRows(rows: Rows, scale: boolean): Matrix {
  const out = matrix(rows.length, (rows[0] as number[]).length)
  transpose(rows).forEach((values, j) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0)
    const deviation = scale ? Math.sqrt(squares / (values.length - 1)) || 1 : 1
    values.forEach((v, i) => {
      out.data[i * out.columns + j] = (v - mean) / deviation
    })
  })
  return out
}
const listed = ({ rows, columns, data }: Matrix): Rows =>
  Array.from({ length: rows }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)])

describe.each([
  ['more features than images', 22, 40, 3],
  ['more images than features', 40, 9, 3],
  ['one target', 22, 40, 1],
  ['more targets than images', 14, 20, 18],
])('partial least squares, %s', (_, count, size, targets) => {
  const { features, y } = data(count, size, targets)
  const [train, test] = [range(0, count - 5), range(count - 5, count)]

  it.each([
    ['scikit-learn’s tolerance', 1e-6, false],
    ['a tight tolerance', 1e-18, false],
    ['scaled features and targets', 1e-18, true],
  ])('has the predictions and coefficients of NIPALS, with %s', async (_, tolerance, scale) => {
    const components = 6
    using kernel = await Kernel.of(features, cpu())
    using split = await kernel.split({ train, test }, { scale })
    const fit = await fitPls(split, rowsOf(y, train), { components, scale, tolerance, iterations: 500 }, cpu())
    const oracle = nipals(rowsAt(features, train), listed(rowsOf(y, train)), components, scale, tolerance)
    expect(fit.loadings.columns).toBe(components)
    // Both deflate six times, each losing digits in proportion to what a component leaves: 1e-16 x (1.3^6)^2 x sizes of some 10.
    rowsAt(features, test).forEach((row, i) => {
      oracle.predict(row).forEach((value, t) => {
        expect(fit.prediction.data[i * targets + t]).toBeCloseTo(value, 9)
      })
    })
    const centred = centredRows(rowsAt(features, train), scale)
    const rotations = await product(centred, fit.weights, cpu(), { transposeA: true })
    const coefficients = await product(rotations, fit.loadings, cpu(), { transposeB: true })
    oracle.coefficients.flat().forEach((value, at) => {
      expect(coefficients.data[at]).toBeCloseTo(value, 8)
    })
  })
})

it('takes no more components than there is left to explain', async () => {
  const features = { count: 10, size: 2, data: Float32Array.from({ length: 20 }, (_, i) => (i * 7) % 5) }
  const y = matrix(
    10,
    1,
    Float64Array.from({ length: 10 }, (_, i) => (i * 3) % 4),
  )
  using kernel = await Kernel.of(features, cpu())
  using split = await kernel.split({ train: range(0, 8), test: range(8, 10) })
  const settings = { components: 25, scale: false, tolerance: 1e-6, iterations: 500 }
  const fit = await fitPls(split, rowsOf(y, range(0, 8)), settings, cpu())
  expect(fit.loadings.columns).toBe(2)
  expect(fit.prediction.data.every(Number.isFinite)).toBe(true)
})

it.each([
  ['more features than images', 24, 60],
  ['more images than features', 40, 12],
])('takes no more components than the features have directions, %s', async (_, count, size) => {
  const { features, y } = data(count, size, 3)
  // Four features, each many times.
  const copied = { ...features, data: features.data.map((_, i, all) => all[Math.floor(i / size) * size + (i % 4)] as number) }
  const [train, test] = [range(0, count - 5), range(count - 5, count)]
  using kernel = await Kernel.of(copied, cpu())
  using split = await kernel.split({ train, test })
  const settings = { components: 10, scale: false, tolerance: 1e-18, iterations: 500 }
  const fit = await fitPls(split, rowsOf(y, train), settings, cpu())
  expect(fit.loadings.columns).toBe(4)
})
