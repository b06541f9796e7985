import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, U, uniform } from './proof.js'

export interface Row {
  probabilities: Float64Array
  maximum: number
  range: number
  loss: number
  top: number
}

/** One row of softmax cross-entropy in float64. */
export function softmaxRow(logits: ArrayLike<number>, label: number): Row {
  const x = Array.from(logits)
  const maximum = Math.max(...x)
  const exponentials = Float64Array.from(x, (v) => Math.exp(v - maximum))
  const sum = exponentials.reduce((a, b) => a + b, 0)
  return {
    probabilities: exponentials.map((e) => e / sum),
    maximum,
    range: maximum - Math.min(...x),
    loss: maximum + Math.log(sum) - (x[label] as number),
    top: x.indexOf(maximum),
  }
}

/**
 * Relative error of a float32 probability, and absolute error of the row's loss before it is rounded: each x - maximum rounds by U times
 * its size, which its exponential turns into that relative error; the exponential itself by 4 U (2 ulp); the sum of T positive terms by
 * T U; scaling and the quotient by 2 U.
 */
export const rowError = (range: number, targets: number): number => U * (2 * range + targets + 6)

function rows(c: Case): Row[] {
  const [logits, labels] = c.inputs as [Host, Host]
  const [n, targets] = logits.shape as [number, number]
  return Array.from({ length: n }, (_, i) =>
    softmaxRow(logits.data.subarray(i * targets, (i + 1) * targets), labels.data[i] as number),
  )
}

function gradient(c: Case): Expected {
  const [logits, labels] = c.inputs as [Host, Host]
  const [n, targets] = logits.shape as [number, number]
  const g = rows(c).flatMap((row, i) => Array.from(row.probabilities, (p, t) => (p - (t === labels.data[i] ? 1 : 0)) / n))
  return { g: f64([n, targets], g) }
}

const meanLoss = (c: Case): number => rows(c).reduce((sum, row) => sum + row.loss, 0) / ((c.inputs[0] as Host).shape[0] as number)

function inputs(seed: number, n: number, targets: number, scale = 3): [Host, Host] {
  const next = uniform(seed)
  const logits = f32(
    [n, targets],
    normals(seed, n * targets).map((x) => x * scale),
  )
  return [
    logits,
    i32(
      [n],
      Array.from({ length: n }, () => Math.floor(next() * targets)),
    ),
  ]
}

const cases: Case[] = [
  { name: '[1,1]', inputs: inputs(1, 1, 1) },
  { name: '[7,3]', inputs: inputs(2, 7, 3) },
  { name: '[100,10]', inputs: inputs(3, 100, 10) },
  { name: '[5,16]', inputs: inputs(4, 5, 16) },
  { name: '[3,1009]', inputs: inputs(5, 3, 1009) },
  { name: '[5003,11]: more rows than a task holds', inputs: inputs(6, 5003, 11) },
  { name: 'large logits: exponentials underflow', inputs: inputs(7, 13, 37, 200) },
  { name: 'equal logits: the first counts', inputs: [f32([2, 5], Array(10).fill(1e4)), i32([2], [0, 3])] },
]

const lateLabels = (high: boolean) => ({
  name: high ? 'label too large' : 'negative label',
  inputs: [inputs(1, 4, 3)[0], i32([4], [0, 2, high ? 3 : -1, 1])],
  error: 'DataError' as const,
  argument: 'labels',
  late: true,
})
const refusals: Proof['refusals'] = [
  lateLabels(true),
  lateLabels(false),
  { name: 'a label too few', inputs: [inputs(1, 4, 3)[0], i32([3], [0, 1, 2])], error: 'ShapeError', argument: 'labels' },
  { name: 'labels as f32', inputs: [inputs(1, 4, 3)[0], f32([4], [0, 1, 2, 0])], error: 'ShapeError', argument: 'labels' },
]

const pair = (seed: number, shape: number[], offset = 0): Host[] => [
  f32(
    shape,
    normals(seed, size(shape)).map((v) => v + offset),
  ),
  f32(
    shape,
    normals(seed + 1, size(shape)).map((v) => v + offset),
  ),
]
const pairs: Case[] = [
  { name: '[1]', inputs: pair(31, [1]) },
  { name: '[3,5,2]', inputs: pair(33, [3, 5, 2]) },
  { name: '[100,10]', inputs: pair(35, [100, 10]) },
  { name: '[40013]: more than a task holds', inputs: pair(37, [40013]) },
  { name: 'close to each other, far from zero', inputs: pair(39, [1000], 1e4) },
  { name: 'equal', inputs: [f32([3], [1, -2, 1e30]), f32([3], [1, -2, 1e30])] },
  { name: 'a NaN', inputs: [f32([2], [1, Number.NaN]), f32([2], [0, 1])] },
]
const differences = (c: Case): Float64Array => {
  const [y, target] = c.inputs as [Host, Host]
  return y.data.map((v, i) => v - (target.data[i] as number))
}
const squaredError = (c: Case): number => differences(c).reduce((sum, d) => sum + d * d, 0) / differences(c).length
const unlike: Proof['refusals'] = [
  { name: 'shapes differ', inputs: [f32([2], [1, 2]), f32([3], [1, 2, 3])], error: 'ShapeError', argument: 'target' },
  { name: 'i32 for f32', inputs: [f32([2], [1, 2]), i32([2], [1, 2])], error: 'ShapeError', argument: 'target' },
]

export const proofs: Proof[] = [
  {
    op: 'softmax_cross_entropy',
    cases: [...cases.map((c) => ({ ...c, request: ['errors'] })), { name: 'without errors', inputs: inputs(8, 6, 4) }],
    reference: (c) => {
      const labels = c.inputs[1] as Host
      const loss = f64([1], [meanLoss(c)])
      if (!c.request) return { loss }
      return { loss, errors: i32([1], [rows(c).filter((row, i) => row.top !== labels.data[i]).length]) }
    },
    budget: (name, _, expected, c) => {
      if (name === 'errors') return 0 // logits are compared as they are
      const worst = Math.max(...rows(c).map((row) => rowError(row.range, row.probabilities.length)))
      return worst + U * Math.abs(expected.loss?.data[0] as number)
    },
    refusals,
  },
  {
    op: 'softmax_cross_entropy_grad',
    cases,
    reference: gradient,
    // p carries its relative error; 1/N, the product, and the subtraction of 1/N round by U each, of at most 1/N.
    budget: (_, index, expected, c) => {
      const [logits, labels] = c.inputs as [Host, Host]
      const [n, targets] = logits.shape as [number, number]
      const row = Math.floor(index / targets)
      const values = logits.data.subarray(row * targets, (row + 1) * targets)
      const range = Math.max(...values) - Math.min(...values)
      const own = index % targets === labels.data[row]
      const p = (expected.g?.data[index] as number) * n + (own ? 1 : 0)
      return (p * rowError(range, targets) + (own ? 4 * U : 2 * U * p)) / n + 2 ** -126
    },
    refusals,
    finiteDifference: {
      cases: [{ name: 'small', inputs: inputs(9, 3, 4, 1) }],
      loss: meanLoss,
      of: { g: 0 },
    },
  },
  {
    op: 'mse',
    cases: pairs,
    reference: (c) => ({ loss: f64([1], [squaredError(c)]) }),
    // Sums of float64, of positive terms: relative error of (count + 2) 2^-53 on either side; then one rounding.
    budget: (_, _index, expected, c) =>
      (1.01 * U + 2 * (differences(c).length + 2) * 2 ** -53) * Math.abs(expected.loss?.data[0] as number) + 2 ** -149,
    refusals: unlike,
  },
  {
    op: 'mse_grad',
    cases: pairs,
    reference: (c) => ({
      g: f64(
        (c.inputs[0] as Host).shape,
        differences(c).map((d, _i, all) => (2 * d) / all.length),
      ),
    }),
    // The difference, 2 / count and their product round.
    budget: (_, index, expected) => 3.01 * U * Math.abs(expected.g?.data[index] as number) + 2 ** -149,
    refusals: unlike,
    finiteDifference: { cases: [{ name: 'small', inputs: pair(41, [3, 4]) }], loss: squaredError, of: { g: 0 } },
  },
]
