import { type Case, f64, type Host, i32, normals, type Proof } from './proof.js'
import { U64 } from './rounding.js'

/** Inner products of `images` of 5 features far from zero. */
function kernel(images: number): Host {
  const x = normals(images, images * 5).map((v) => v + 3)
  const k = new Float64Array(images * images)
  for (let i = 0; i < images; i++)
    for (let j = 0; j < images; j++) for (let f = 0; f < 5; f++) k[i * images + j]! += x[i * 5 + f]! * x[j * 5 + f]!
  return f64([images, images], k)
}

const some = (first: number, step: number, count: number): Host =>
  i32(
    [count],
    Array.from({ length: count }, (_, i) => first + step * i),
  )

const late = (name: string, rows: number[], columns: number[], argument: string) => ({
  name,
  inputs: [kernel(4), i32([rows.length], rows), i32([columns.length], columns)],
  error: 'DataError' as const,
  argument,
  late: true,
})

const largest = (c: Case): number => Math.max(...c.inputs[0]!.data.map(Math.abs))

export const proofs: Proof[] = [
  {
    op: 'centred_products',
    cases: [
      { name: 'one image', inputs: [kernel(1), some(0, 1, 1), some(0, 1, 1)] },
      { name: 'all images', inputs: [kernel(37), some(0, 1, 37), some(0, 1, 37)] },
      { name: 'some with themselves, backwards', inputs: [kernel(83), some(80, -2, 37), some(80, -2, 37)] },
      { name: 'others with some', inputs: [kernel(83), some(1, 3, 27), some(0, 3, 28)] },
      { name: 'one image many times', inputs: [kernel(3), some(2, 0, 5), i32([4], [1, 1, 0, 2])] },
    ],
    reference: (c) => {
      const [k, rows, columns] = c.inputs as [Host, Host, Host]
      const n = k.shape[0]!
      const at = (i: number, j: number) => k.data[i * n + j]!
      const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length
      const over = (i: number) => mean(columns.data.map((j) => at(i, j)))
      const whole = mean(columns.data.map(over))
      const y = [...rows.data].flatMap((i) => [...columns.data].map((j) => at(i, j) - over(i) - over(j) + whole))
      return { y: f64([rows.data.length, columns.data.length], y) }
    },
    // Each mean is a sum of B numbers, off by at most B roundings of the largest; three of these and three sums of four, on either side.
    budget: (_, __, ___, c) => 6 * (c.inputs[2]!.shape[0]! + 3) * U64 * largest(c),
    refusals: [
      {
        name: 'products that are not square',
        inputs: [f64([1, 2], [1, 2]), some(0, 1, 1), some(0, 1, 1)],
        error: 'ShapeError',
        argument: 'k',
      },
      late('a row that is not there', [0, 4], [1], 'rows'),
      late('a negative column', [0, 3], [1, -1], 'columns'),
    ],
  },
]
