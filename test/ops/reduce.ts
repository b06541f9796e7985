import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, U } from './proof.js'
import { sumError } from './rounding.js'

const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))

// Odd sizes; a row longer than a piece (4096) and than a task (16384); more rows than a block (4096); more columns than a strip (1024).
const shapes = [
  [1, 1],
  [3, 7],
  [1, 40009],
  [10007, 3],
  [131, 1031],
  [2, 64],
]
const kinds = ['sum', 'mean', 'max']
const ranges = ['rows', 'columns', 'all']

const cases: Case[] = [
  ...shapes.flatMap((shape, i) =>
    kinds.flatMap((kind) =>
      ranges.map((over) => ({
        name: `${kind} of [${shape}] over ${over}`,
        inputs: [random(i + 1, shape)],
        options: { kind, over },
      })),
    ),
  ),
  { name: 'default: the sum of all', inputs: [random(9, [5, 5])] },
  ...ranges.map((over) => ({
    name: `max with NaN and infinities over ${over}`,
    inputs: [f32([3, 4], [1, Number.NaN, 3, 4, -0, 5, Number.NEGATIVE_INFINITY, 2, 9, 8, Number.POSITIVE_INFINITY, 7])],
    options: { kind: 'max', over },
  })),
]

interface Range {
  values: number[]
  y: number
}

function ranged(c: Case): Range[] {
  const [n, d] = (c.inputs[0] as Host).shape as [number, number]
  const data = (c.inputs[0] as Host).data
  const over = c.options?.over ?? 'all'
  const count = over === 'rows' ? d : over === 'columns' ? n : 1
  const groups = Array.from({ length: count }, () => [] as number[])
  data.forEach((x, i) => {
    groups[over === 'rows' ? i % d : over === 'columns' ? Math.floor(i / d) : 0]?.push(x)
  })
  return groups.map((values) => {
    const sum = values.reduce((a, b) => a + b, 0)
    const max = values.reduce((a, b) => (Number.isNaN(a) || a > b ? a : b))
    return { values, y: c.options?.kind === 'max' ? max : c.options?.kind === 'mean' ? sum / values.length : sum }
  })
}

const known = new WeakMap<Expected, Range[]>()

function firstMaximum(row: Float64Array): number {
  let best = 0
  row.forEach((x, i) => {
    const top = row[best] as number
    if (!Number.isNaN(top) && !(x <= top)) best = i
  })
  return best
}

export const proofs: Proof[] = [
  {
    op: 'reduce',
    cases,
    reference: (c) => {
      const all = ranged(c)
      const expected = {
        y: f64(
          [all.length],
          all.map((r) => r.y),
        ),
      }
      known.set(expected, all)
      return expected
    },
    budget: (_, index, expected, c) => {
      if (c.options?.kind === 'max') return 0 // one of the inputs
      const { values, y } = (known.get(expected) as Range[])[index] as Range
      // Over rows the sum is kept in float64 (its own error, values.length * 2^-53 of the terms, is far below) and rounded once.
      if (c.options?.over === 'rows') return 1.01 * U * Math.abs(y) + 2 ** -60
      const norm = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))
      return sumError(values.length, c.options?.kind === 'mean' ? norm / values.length : norm) + U * Math.abs(y)
    },
    refusals: [
      { name: 'another kind', inputs: [random(1, [2, 2])], options: { kind: 'median' }, error: 'OptionError', argument: 'kind' },
      { name: 'one axis', inputs: [random(1, [4])], error: 'ShapeError', argument: 'x' },
    ],
  },
  {
    op: 'argmax',
    cases: [
      ...shapes.map((shape, i) => ({ name: `[${shape}]`, inputs: [random(i + 20, shape)] })),
      { name: 'ties: the first', inputs: [f32([3, 3], [1, 1, 1, 0, 2, 2, -0, 0, -1])] },
      {
        name: 'ties in a long row',
        inputs: [
          f32(
            [1, 200],
            Array.from({ length: 200 }, (_, i) => (i % 67 === 66 ? 5 : i % 7)).map((x) => (x === 6 ? 4 : x)),
          ),
        ],
      },
      {
        name: 'the first NaN is the maximum',
        inputs: [f32([2, 3], [1, Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, 2, Number.NaN])],
      },
      {
        name: 'a NaN in a long row',
        inputs: [
          f32(
            [1, 131],
            normals(3, 131).map((x, i) => (i === 77 || i === 130 ? Number.NaN : x)),
          ),
        ],
      },
      { name: 'all minus infinity', inputs: [f32([1, 70], Array(70).fill(Number.NEGATIVE_INFINITY))] },
    ],
    reference: (c) => {
      const [n, d] = (c.inputs[0] as Host).shape as [number, number]
      const data = (c.inputs[0] as Host).data
      return {
        index: i32(
          [n],
          Array.from({ length: n }, (_, i) => firstMaximum(data.subarray(i * d, (i + 1) * d))),
        ),
      }
    },
    budget: () => 0,
    refusals: [{ name: 'three axes', inputs: [random(1, [2, 2, 2])], error: 'ShapeError', argument: 'x' }],
  },
]
