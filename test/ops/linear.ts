import { bf16, type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size } from './proof.js'
import { sumError, sumError64 } from './rounding.js'

/** A sum of products: the result, and the Euclidean norm of its terms for the budget. */
interface Product {
  value: Host
  norm: Float64Array
  terms: number
}

type At = (row: number, column: number) => number

function product(m: number, n: number, depth: number, a: At, b: At, bias?: Float64Array): Product {
  const rows = Float64Array.from({ length: m * depth }, (_, at) => a(Math.floor(at / depth), at % depth))
  const columns = Float64Array.from({ length: n * depth }, (_, at) => b(at % depth, Math.floor(at / depth)))
  const value = new Float64Array(m * n)
  const norm = new Float64Array(m * n)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = bias?.[j] ?? 0
      let square = sum ** 2
      for (let k = 0; k < depth; k++) {
        const term = (rows[i * depth + k] as number) * (columns[j * depth + k] as number)
        sum += term
        square += term ** 2
      }
      value[i * n + j] = sum
      norm[i * n + j] = Math.sqrt(square)
    }
  return { value: f64([m, n], value), norm, terms: depth + (bias ? 1 : 0) }
}

const norms = new WeakMap<Expected, Record<string, Product>>()
function keep(products: Record<string, Product>): Expected {
  const expected = Object.fromEntries(Object.entries(products).map(([name, p]) => [name, p.value]))
  norms.set(expected, products)
  return expected
}
function budget(name: string, index: number, expected: Expected, testCase: Case): number {
  const { norm, terms } = (norms.get(expected) as Record<string, Product>)[name] as Product
  return (testCase.inputs[0]?.dtype === 'f64' ? sumError64 : sumError)(terms, norm[index] as number)
}

const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))
const random64 = (seed: number, shape: number[]): Host => f64(shape, normals(seed, size(shape)))
const at = (host: Host, transposed = false): At => {
  const width = host.shape[1] as number
  return transposed ? (i, j) => host.data[j * width + i] as number : (i, j) => host.data[i * width + j] as number
}

// One of everything; edges of every tile (6 or 8 rows; 8, 16 or 48 columns); more than one block of the depth (384 or 1024), a stretch of
// it (4096), a block of rows (112 or 120) and of columns (480).
const sizes: [m: number, n: number, depth: number][] = [
  [1, 1, 1],
  [3, 5, 7],
  [14, 32, 16],
  [15, 33, 17],
  [29, 67, 131],
  [173, 61, 401],
  [7, 37, 1153],
  [181, 1031, 3],
  [3, 5, 4099],
  [123, 7, 4111],
  [16, 96, 2],
  [2, 300, 389],
  // A matrix and a few vectors: more than a chunk (2048) of short and of many rows (32 a block), more than a strip (4096 numbers).
  [1, 70, 4101],
  [3, 291, 2055],
  [4, 5000, 27],
  [1, 4500, 6],
]

function matmulCases(): Case[] {
  const cases: Case[] = []
  for (const [type, fill] of [
    ['', random],
    ['f64 ', random64],
  ] as const)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const turned = `${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`
        const options = { transposeA, transposeB }
        for (const [i, [m, n, depth]] of sizes.entries())
          cases.push({
            name: `${type}${m} x ${depth} x ${n}${turned}`,
            inputs: [fill(i + 1, transposeA ? [depth, m] : [m, depth]), fill(i + 70, transposeB ? [n, depth] : [depth, n])],
            options,
          })
        // 2^24 products are large enough for a vendor's library; the second is deep enough for the largest tile.
        cases.push({
          name: `${type}large${turned}`,
          inputs: [fill(51, transposeA ? [255, 257] : [257, 255]), fill(52, transposeB ? [257, 255] : [255, 257])],
          options,
        })
      }
  cases.push({ name: 'large and deep', inputs: [random(53, [130, 2053]), random(54, [2053, 131])] })
  cases.push({ name: 'default: neither transposed', inputs: [random(1, [4, 3]), random(2, [3, 5])] })
  return cases
}

function linearInputs(seed: number, n: number, targets: number, d: number, type: 'f32' | 'bf16'): [x: Host, w: Host] {
  const x = normals(seed, n * d)
  return [type === 'f32' ? f32([n, d], x) : bf16([n, d], x), random(seed + 1, [targets, d])]
}

// Few targets or few rows (dot products: groups of 10 or 5 targets, strips of 512, chunks of 2048, 128 rows) and many (GEMM).
const linearSizes: [n: number, targets: number, d: number][] = [
  [1, 1, 1],
  [1, 10, 5],
  [3, 7, 2069],
  [131, 11, 533],
  [5, 16, 37],
  [2, 103, 77],
  [1, 40, 2100],
  [4, 17, 39],
  [5, 17, 41],
  [37, 23, 391],
]

// Large enough for a vendor's library; wide enough for the largest tile on a small GPU.
const large: [n: number, targets: number, d: number] = [257, 257, 255]
const wide: [n: number, targets: number, d: number] = [300, 130, 40]

function linearCases(): Case[] {
  return [...linearSizes, large, wide].flatMap(([n, targets, d], i) =>
    (['f32', 'bf16'] as const).flatMap((type) => {
      const [x, w] = linearInputs(i * 9 + 1, n, targets, d, type)
      const name = `[${n},${d}] ${type} to ${targets}`
      return [
        { name, inputs: [x, w, null] },
        { name: `${name} with bias`, inputs: [x, w, random(i, [targets])] },
      ]
    }),
  )
}

function linear(c: Case): Product {
  const [x, w, b] = c.inputs as [Host, Host, Host | null]
  return product(x.shape[0] as number, w.shape[0] as number, x.shape[1] as number, at(x), at(w, true), b?.data)
}

function linearGrad(c: Case): Expected {
  const [x, w, gy] = c.inputs as [Host, Host, Host]
  const [n, d] = x.shape as [number, number]
  const targets = w.shape[0] as number
  const gb = product(1, targets, n, () => 1, at(gy))
  const all = {
    gx: product(n, d, targets, at(gy), at(w)),
    gw: product(targets, d, n, at(gy, true), at(x)),
    gb: { ...gb, value: { ...gb.value, shape: [targets] } },
  }
  return keep(Object.fromEntries(Object.entries(all).filter(([name]) => c.request?.includes(name))))
}

const gradCases: Case[] = [
  ...[...linearSizes, large].flatMap(([n, targets, d], i) =>
    (['f32', 'bf16'] as const).map((type) => ({
      name: `[${n},${d}] ${type} to ${targets}`,
      inputs: [...linearInputs(i * 9 + 3, n, targets, d, type), random(i + 40, [n, targets])],
      request: ['gx', 'gw', 'gb'],
    })),
  ),
  ...['gx', 'gw', 'gb'].map((name) => ({
    name: `only ${name}`,
    inputs: [random(1, [3, 5]), random(2, [4, 5]), random(3, [3, 4])],
    request: [name],
  })),
]

export const proofs: Proof[] = [
  {
    op: 'matmul',
    cases: matmulCases(),
    reference: (c) => {
      const [a, b] = c.inputs as [Host, Host]
      const turnedA = Boolean(c.options?.transposeA)
      const turnedB = Boolean(c.options?.transposeB)
      const [m, depth] = (turnedA ? [...a.shape].reverse() : a.shape) as [number, number]
      return keep({ c: product(m, b.shape[turnedB ? 0 : 1] as number, depth, at(a, turnedA), at(b, turnedB)) })
    },
    budget,
    refusals: [
      { name: 'inner sizes differ', inputs: [random(1, [2, 3]), random(2, [4, 3])], error: 'ShapeError', argument: 'b' },
      {
        name: 'inner sizes differ after transposing',
        inputs: [random(1, [2, 3]), random(2, [3, 4])],
        options: { transposeB: true },
        error: 'ShapeError',
        argument: 'b',
      },
      { name: 'three axes', inputs: [random(1, [2, 3, 4]), random(2, [4, 3])], error: 'ShapeError', argument: 'a' },
      { name: 'i32', inputs: [i32([1, 1], [1]), random(2, [1, 1])], error: 'ShapeError', argument: 'a' },
      { name: 'f32 by f64', inputs: [random(1, [2, 3]), random64(2, [3, 2])], error: 'ShapeError', argument: 'b' },
      {
        name: 'a flag that is a number',
        inputs: [random(1, [2, 2]), random(2, [2, 2])],
        options: { transposeA: 1 },
        error: 'OptionError',
        argument: 'transposeA',
      },
    ],
  },
  {
    op: 'linear',
    cases: linearCases(),
    reference: (c) => keep({ y: linear(c) }),
    budget,
    refusals: [
      { name: 'w of another width', inputs: [random(1, [2, 3]), random(2, [4, 2]), null], error: 'ShapeError', argument: 'w' },
      {
        name: 'one bias too many',
        inputs: [random(1, [2, 3]), random(2, [4, 3]), random(3, [5])],
        error: 'ShapeError',
        argument: 'b',
      },
      { name: 'w in bf16', inputs: [random(1, [2, 3]), bf16([4, 3], normals(2, 12)), null], error: 'ShapeError', argument: 'w' },
    ],
  },
  {
    op: 'linear_grad',
    cases: gradCases,
    reference: linearGrad,
    budget,
    refusals: [
      {
        name: 'gy of another height',
        inputs: [random(1, [2, 3]), random(2, [4, 3]), random(3, [3, 4])],
        request: ['gx'],
        error: 'ShapeError',
        argument: 'gy',
      },
    ],
    finiteDifference: {
      cases: [{ name: 'small', inputs: [random(1, [3, 5]), random(2, [4, 5]), random(3, [3, 4])], request: ['gx', 'gw'] }],
      loss: (c) => {
        const gy = c.inputs[2] as Host
        const y = linear({ ...c, inputs: [c.inputs[0] as Host, c.inputs[1] as Host, null] }).value.data
        return y.reduce((sum, value, i) => sum + value * (gy.data[i] as number), 0)
      },
      of: { gx: 0, gw: 1 },
    },
  },
]
