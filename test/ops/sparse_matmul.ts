import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, uniform } from './proof.js'
import { sumError } from './rounding.js'

const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))

/** A matrix [K,D] whose entries are there with this probability; rows may be empty. */
function sparse(seed: number, rows: number, width: number, density: number): [values: Host, columns: Host, offsets: Host] {
  const next = uniform(seed)
  const columns: number[] = []
  const offsets = [0]
  for (let k = 0; k < rows; k++) {
    for (let i = 0; i < width; i++) if (next() < density) columns.push(i)
    offsets.push(columns.length)
  }
  return [random(seed + 1, [columns.length]), i32([columns.length], columns), i32([offsets.length], offsets)]
}

const make = (name: string, n: number, rows: number, width: number, density: number): Case => ({
  name,
  inputs: [random(n, [n, width]), ...sparse(rows, rows, width, density)],
})

/** As a sparse random projection has them: + or - one number. */
const signed = ({ name, inputs: [x, values, ...places] }: Case): Case => {
  const { shape, data } = values as Host
  const signs = Array.from(data, (v) => (v < 0 ? -0.3 : 0.3))
  return { name: `${name}, + or - one number`, inputs: [x as Host, f32(shape, signs), ...places] }
}

// Groups of 16 and 32 images, warps of 32 and their ends; one tile of columns (8192) and more; blocks of rows (64); odd widths.
const cases: Case[] = [
  make('[1,1] by [1,1]', 1, 1, 1, 1),
  make('[3,7] by [5,7]', 3, 5, 7, 0.6),
  make('[16,64] by [3,64]', 16, 3, 64, 0.3),
  make('[17,1031] by [131,1031]', 17, 131, 1031, 0.03),
  make('[33,300] by [70,300], empty rows', 33, 70, 300, 0.004),
  make('[2,20011] by [9,20011]', 2, 9, 20011, 0.02),
  make('[18,20011] by [150,20011]', 18, 150, 20011, 0.002),
  make('[65,40] by [4,40], full', 65, 4, 40, 1),
  signed(make('[3,7] by [5,7]', 3, 5, 7, 0.6)),
  signed(make('[35,20011] by [150,20011]', 35, 150, 20011, 0.002)),
  {
    name: '70,000 equal columns in one row',
    inputs: [random(1, [2, 3]), random(2, [70_001]), i32([70_001], Array(70_001).fill(1)), i32([3], [0, 1, 70_001])],
  },
  {
    name: 'equal columns add up',
    inputs: [random(1, [2, 3]), f32([4], [1, 2, 3, 4]), i32([4], [1, 1, 0, 2]), i32([4], [0, 2, 2, 4])],
  },
  {
    name: 'values behind the last offset',
    inputs: [random(1, [2, 3]), f32([4], [1, 2, Number.NaN, 4]), i32([4], [1, 1, -5, 9]), i32([3], [0, 1, 2])],
  },
]

const norms = new WeakMap<Expected, { norm: number; terms: number }[]>()

function reference(c: Case): Expected {
  const [x, values, columns, offsets] = c.inputs as [Host, Host, Host, Host]
  const [n, d] = x.shape as [number, number]
  const rows = offsets.data.length - 1
  const y: number[] = []
  const all: { norm: number; terms: number }[] = []
  for (let i = 0; i < n; i++)
    for (let k = 0; k < rows; k++) {
      let [sum, square, terms] = [0, 0, 0]
      for (let e = offsets.data[k] as number; e < (offsets.data[k + 1] as number); e++) {
        const term = (values.data[e] as number) * (x.data[i * d + (columns.data[e] as number)] as number)
        sum += term
        square += term * term
        terms++
      }
      y.push(sum)
      all.push({ norm: Math.sqrt(square), terms })
    }
  const expected = { y: f64([n, rows], y) }
  norms.set(expected, all)
  return expected
}

/** 2 x 3: entries (0,0), (0,2), (1,1). */
const small = (columns: number[], offsets: number[]): Host[] => [
  random(1, [2, 3]),
  random(2, [3]),
  i32([3], columns),
  i32([offsets.length], offsets),
]
const late = (name: string, columns: number[], offsets: number[], argument: string) => ({
  name,
  inputs: small(columns, offsets),
  error: 'DataError' as const,
  argument,
  late: true,
})

export const proofs: Proof[] = [
  {
    op: 'sparse_matmul',
    cases,
    reference,
    budget: (_, index, expected) => {
      const { norm, terms } = (norms.get(expected) as { norm: number; terms: number }[])[index] as { norm: number; terms: number }
      return sumError(terms, norm)
    },
    refusals: [
      {
        name: 'a column more than there are',
        inputs: small([0, 2, 1], [0, 2, 3]).with(2, i32([4], [0, 1, 2, 2])),
        error: 'ShapeError',
        argument: 'columns',
      },
      { name: 'no rows', inputs: small([0, 2, 1], [0]), error: 'ShapeError', argument: 'offsets' },
      {
        name: 'columns as f32',
        inputs: small([0, 2, 1], [0, 2, 3]).with(2, f32([3], [0, 1, 2])),
        error: 'ShapeError',
        argument: 'columns',
      },
      late('a column too large', [0, 3, 1], [0, 2, 3], 'columns'),
      late('a negative column', [-1, 2, 1], [0, 2, 3], 'columns'),
      late('columns that descend', [2, 0, 1], [0, 2, 3], 'columns'),
      late('a first offset that is not 0', [0, 2, 1], [1, 2, 3], 'offsets'),
      late('offsets that descend', [0, 2, 1], [0, 2, 1, 3], 'offsets'),
      late('an offset past the end', [0, 2, 1], [0, 4, 3], 'offsets'),
      late('a negative offset', [0, 2, 1], [0, -1, 3], 'offsets'),
    ],
  },
]
