// Ridge regression against the normal equations, every left-out image fitted anew.
import { describe, expect, it } from 'vitest'
import { cpu } from '../../lib/device.js'
import { pearson } from '../../lib/eval/correlation.js'
import { type FeatureRows, Kernel } from '../../lib/eval/kernel.js'
import { column, type Matrix, matrix, rowsOf } from '../../lib/eval/matrix.js'
import { ridge } from '../../lib/eval/ridge.js'
import { uniform } from '../ops/proof.js'

const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i)

/** Features far from 0, the last a copy of the first, and targets that follow some of them. */
function data(count: number, size: number, targets: number, seed: number): { features: FeatureRows; y: Matrix } {
  const next = uniform(seed)
  const data = Float32Array.from({ length: count * size }, () => 3 + 2 * next())
  for (let i = 0; i < count; ++i) data[i * size + size - 1] = data[i * size] as number
  const y = matrix(count, targets)
  for (let i = 0; i < count; ++i)
    for (let t = 0; t < targets; ++t) y.data[i * targets + t] = 5 + (data[i * size + (t % size)] as number) * (t + 1) + next() * 2
  return { features: { count, size, data }, y }
}

/** Solves a x = b in place by Gaussian elimination with pivots. */
function solve(a: number[][], b: number[]): number[] {
  const size = b.length
  for (let k = 0; k < size; ++k) {
    let pivot = k
    for (let i = k; i < size; ++i) if (Math.abs(a[i]?.[k] as number) > Math.abs(a[pivot]?.[k] as number)) pivot = i
    ;[a[k], a[pivot]] = [a[pivot] as number[], a[k] as number[]]
    ;[b[k], b[pivot]] = [b[pivot] as number, b[k] as number]
    for (let i = k + 1; i < size; ++i) {
      const factor = (a[i]?.[k] as number) / (a[k]?.[k] as number)
      for (let j = k; j < size; ++j) (a[i] as number[])[j] = (a[i]?.[j] as number) - factor * (a[k]?.[j] as number)
      b[i] = (b[i] as number) - factor * (b[k] as number)
    }
  }
  for (let k = size - 1; k >= 0; --k) {
    for (let j = k + 1; j < size; ++j) b[k] = (b[k] as number) - (a[k]?.[j] as number) * (b[j] as number)
    b[k] = (b[k] as number) / (a[k]?.[k] as number)
  }
  return b
}

/** Predictions of one target for `test` by the normal equations of `train`, the intercept not penalised. */
function direct({ size, data }: FeatureRows, y: Float64Array, train: Int32Array, test: Int32Array, lambda: number): number[] {
  const row = (i: number) => [1, ...data.subarray(i * size, (i + 1) * size)]
  const a = Array.from({ length: size + 1 }, (_, j) =>
    Array.from({ length: size + 1 }, (_, k) => (j === k && j > 0 ? lambda : 0)),
  )
  const b = new Array<number>(size + 1).fill(0)
  for (const i of train) {
    const x = row(i)
    x.forEach((value, j) => {
      b[j] = (b[j] as number) + value * (y[i] as number)
      x.forEach((other, k) => {
        ;(a[j] as number[])[k] = (a[j]?.[k] as number) + value * other
      })
    })
  }
  const weights = solve(a, b)
  return Array.from(test, (i) => row(i).reduce((sum, value, j) => sum + value * (weights[j] as number), 0))
}

const lambdas = [0.01, 1, 100]

/** r of each left-out image's or group's prediction with what was measured, by a fit of its own for each. */
function leftOut(features: FeatureRows, y: Float64Array, train: Int32Array, groups: Int32Array, lambda: number): number {
  const predicted = new Float64Array(train.length)
  for (const group of new Set(groups)) {
    const isIn = (i: number) => groups[i] === group
    const rest = train.filter((_, i) => !isIn(i))
    const out = train.filter((_, i) => isIn(i))
    const found = direct(features, y, rest, out, lambda)
    let k = 0
    train.forEach((_, i) => {
      if (isIn(i)) predicted[i] = found[k++] as number
    })
  }
  return pearson(
    predicted,
    Float64Array.from(train, (i) => y[i] as number),
  )
}

describe.each([
  ['more images than features', 24, 5],
  ['more features than images', 17, 30],
  ['as many features as images have directions', 14, 10],
])('ridge, %s', (_, count, size) => {
  const { features, y } = data(count, size, 3, 11)
  const [train, test] = [range(0, count - 4), range(count - 4, count)]
  const alone = range(0, train.length)
  const pairs = alone.map((i) => Math.floor(i / 3))

  it.each([
    ['each image', 'shared', null],
    ['each image', 'per-target', null],
    ['groups of images', 'shared', pairs],
    ['groups of images', 'per-target', pairs],
  ] as const)('leaves out %s exactly and chooses a %s penalty by it', async (_, lambda, groups) => {
    using kernel = await Kernel.of(features, cpu())
    using split = await kernel.split({ train, test })
    const fit = await ridge(split, rowsOf(y, train), { lambdas, lambda, groups }, cpu())
    const scores = lambdas.map((l) =>
      Array.from({ length: 3 }, (_, t) => leftOut(features, column(y, t), train, groups ?? alone, l)),
    )
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
    const best = (values: number[]) => values.indexOf(Math.max(...values))
    for (let t = 0; t < 3; ++t) {
      const chosen = lambda === 'shared' ? best(scores.map(sum)) : best(scores.map((score) => score[t] as number))
      expect(fit.lambda[t]).toBe(lambdas[chosen])
      // Of numbers near 20, the normal equations err by some 1e-16 x their condition, below 1e5.
      expect(fit.inner[t]).toBeCloseTo(scores[chosen]?.[t] as number, 9)
      const expected = direct(features, column(y, t), train, test, fit.lambda[t] as number)
      const found = column(fit.prediction, t)
      expected.forEach((value, i) => {
        expect(found[i]).toBeCloseTo(value, 8)
      })
    }
  })
})

it('features that are constant predict the mean and have no correlation', async () => {
  const features = { count: 12, size: 3, data: new Float32Array(36).fill(2) }
  const y = matrix(
    12,
    1,
    Float64Array.from({ length: 12 }, (_, i) => i),
  )
  using kernel = await Kernel.of(features, cpu())
  using split = await kernel.split({ train: range(0, 9), test: range(9, 12) })
  const fit = await ridge(split, rowsOf(y, range(0, 9)), { lambdas, lambda: 'shared', groups: null }, cpu())
  expect([...fit.prediction.data]).toEqual([4, 4, 4])
})
