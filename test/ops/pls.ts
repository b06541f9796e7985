import { type Case, f64, type Host, i32, normals, type Proof } from './proof.js'
import { U64 } from './rounding.js'

type Row = number[]
const dot = (a: Row, b: Row): number => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0)
const rowsOf = ({ shape, data }: Host): Row[] =>
  Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)])
const transposed = (a: Row[]): Row[] => a[0]!.map((_, j) => a.map((row) => row[j]!))
const apply = (a: Row[], v: Row): Row => a.map((row) => dot(row, v))
const host = (rows: Row[]): Host => f64([rows.length, rows[0]!.length], rows.flat())

/** How much weaker each feature is than the one before. */
const decay = 1.5

/** Features of falling strength, and targets that each follow two of them; all columns centred. */
function problem(
  name: string,
  [n, p, targets]: [number, number, number],
  products: boolean,
  options: { components: number; tolerance?: number; iterations?: number },
  copies = p,
): Case {
  const draws = normals(n * p, n * p)
  const x = centred(
    Array.from({ length: n }, (_, i) =>
      Array.from({ length: p }, (_, j) => draws[i * p + (j % copies)]! * decay ** -(j % copies)),
    ),
  )
  const noise = normals(targets, n * targets)
  const y = centred(
    x.map((row, i) =>
      Array.from({ length: targets }, (_, t) => (t + 2) * row[t % p]! + row[(t + 1) % p]! + 0.1 * noise[i * targets + t]!),
    ),
  )
  const kernel = x.map((row) => apply(x, row))
  const image = transposed(transposed(y).map((column) => apply(kernel, column)))
  return { name, inputs: [host(products ? kernel : x), host(y), host(image)], options: { ...options, products } }
}

function centred(rows: Row[]): Row[] {
  const means = transposed(rows).map((column) => column.reduce((a, b) => a + b, 0) / column.length)
  return rows.map((row) => row.map((v, j) => v - means[j]!))
}

/** a less the outer product of v and w. */
const less = (a: Row[], v: Row, w: Row): Row[] => a.map((row, i) => row.map((value, j) => value - v[i]! * w[j]!))

/** NIPALS on inner products, which are deflated too: K becomes (1 - tt'/t't) K (1 - tt'/t't). */
function nipals(c: Case): { weights: Row[]; loadings: Row[]; unconverged: number } {
  const [x, y] = c.inputs.map((h) => rowsOf(h!)) as [Row[], Row[]]
  const {
    components,
    tolerance = 1e-6,
    iterations = 500,
    products,
  } = c.options as {
    components: number
    tolerance?: number
    iterations?: number
    products: boolean
  }
  const whole = products ? x : x.map((row) => apply(x, row))
  const size = Math.max(...y.flat().map(Math.abs))
  let [kernel, rest, unconverged] = [whole, y, 0]
  const found: { t: Row; a: Row; q: Row }[] = []
  while (found.length < components) {
    const columns = transposed(rest)
    const first = columns.findIndex((column) => column.some((v) => Math.abs(v) > 1e-14 * size))
    const largest = Math.max(...kernel.map((row, i) => Math.abs(row[i]!)))
    if (first < 0 || largest < 1e-12 * Math.max(...whole.map((row, i) => Math.abs(row[i]!)))) break
    let b: Row = columns.map((_, j) => (j === first ? 1 : 0))
    const turn = (v: Row): Row => apply(columns, apply(kernel, apply(rest, v)))
    const scaled = (v: Row): Row => {
      const length = Math.sqrt(dot(v, turn(v)))
      return v.map((value) => value / length)
    }
    b = scaled(b)
    let isFound = b.length === 1
    for (let step = 1; step < iterations && !isFound; ++step) {
      const next = scaled(turn(b))
      const difference = next.map((value, j) => value - b[j]!)
      isFound = dot(difference, turn(difference)) < tolerance
      b = next
    }
    if (!isFound) ++unconverged
    let a = apply(rest, b)
    let t = apply(whole, a)
    for (const earlier of found) {
      const share = dot(earlier.t, t) / dot(earlier.t, earlier.t)
      t = t.map((v, i) => v - share * earlier.t[i]!)
      a = a.map((v, i) => v - share * earlier.a[i]!)
    }
    const length = dot(t, t)
    const q = apply(columns, t).map((v) => v / length)
    rest = less(rest, t, q)
    const along = apply(kernel, t).map((v) => v / length)
    const middle = dot(along, t) / length
    kernel = less(
      less(
        kernel,
        along.map((v, i) => v - middle * t[i]!),
        t,
      ),
      t,
      along,
    )
    found.push({ t, a, q })
  }
  const filled = (rows: Row[], width: number): Row[] =>
    Array.from({ length: components }, (_, k) => rows[k] ?? new Array<number>(width).fill(0))
  return {
    weights: filled(
      found.map(({ a }) => a),
      y.length,
    ),
    loadings: filled(
      found.map(({ q }) => q),
      y[0]!.length,
    ),
    unconverged: unconverged + found.length * 65536,
  }
}

const tight = 1e-22

export const proofs: Proof[] = [
  {
    op: 'pls_components',
    cases: [
      problem('features', [23, 7, 3], false, { components: 4, tolerance: tight }),
      problem('inner products', [23, 31, 3], true, { components: 4, tolerance: tight }),
      problem('one target', [19, 5, 1], false, { components: 3 }),
      problem('one image and nothing to learn', [1, 3, 2], true, { components: 2 }),
      problem('more targets than images', [13, 17, 20], true, { components: 3, tolerance: tight }),
      problem('more targets than images, features', [13, 6, 37], false, { components: 3, tolerance: tight }),
      problem('an iteration that ends early', [41, 9, 4], false, { components: 3, iterations: 2 }),
      problem('at the default tolerance', [67, 40, 5], true, { components: 3 }),
      problem('more components than there are directions', [29, 6, 4], false, { components: 5, tolerance: tight }, 2),
      problem('rows and columns of more than a task', [131, 300, 5], true, { components: 3, tolerance: tight }),
      problem('features of more than a task', [131, 300, 5], false, { components: 3, tolerance: tight }),
    ],
    reference: (c) => {
      const { weights, loadings, unconverged } = nipals(c)
      return {
        weights: host(weights),
        loadings: host(loadings),
        found: i32([2], [Math.floor(unconverged / 65536), unconverged % 65536]),
      }
    },
    // A component's weights turn by the rounding of C, some (N + P) U of its largest value, over the distance of its two largest values,
    // which is of their order; deflation brings every later one the errors of those before, enlarged by what C has fallen by: decay^4
    // a component, to the square of the features and of the targets. 8 for the signs of all this.
    budget: (name, index, expected, c) => {
      if (name === 'found') return 0
      const rows = expected[name]!
      const [width, [n, p]] = [rows.shape[1]!, c.inputs[0]!.shape as [number, number]]
      const k = Math.floor(index / width)
      const row = rows.data.subarray(k * width, (k + 1) * width)
      return 8 * (n + p) * decay ** (4 * (k + 1)) * U64 * Math.max(...row.map(Math.abs))
    },
    refusals: [
      {
        name: 'inner products that are not square',
        inputs: [f64([2, 3], normals(1, 6)), f64([2, 1], [1, -1]), f64([2, 1], [1, -1])],
        options: { products: true },
        error: 'ShapeError',
        argument: 'x',
      },
      {
        name: 'an image of other targets',
        inputs: [f64([2, 3], normals(1, 6)), f64([2, 1], [1, -1]), f64([2, 2], [1, -1, 1, -1])],
        error: 'ShapeError',
        argument: 'image',
      },
      {
        name: 'no components',
        inputs: [f64([2, 3], normals(1, 6)), f64([2, 1], [1, -1]), f64([2, 1], [1, -1])],
        options: { components: 0 },
        error: 'OptionError',
        argument: 'components',
      },
    ],
  },
]
