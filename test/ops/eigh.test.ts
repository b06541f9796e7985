// What `eigh` promises where eigenvectors are not unique, of large matrices, and of the number of threads. The own solver: a LAPACK
// would take the large ones.
import { afterAll, describe, expect, it } from 'vitest'
import { type Device, setThreads, testDevice, threads } from '../../lib/device.js'
import { eigh } from '../../lib/ops/index.js'
import { Tensor } from '../../lib/tensor.js'
import { normals, uniform } from './proof.js'
import { U64 } from './rounding.js'

process.env.STRIATE_LAPACK = 'OFF' // read when the first large matrix comes
const device = testDevice('cpu')
const before = threads()
afterAll(() => setThreads(before))

/** Symmetric matrices by name: many equal or nearly equal eigenvalues, where merges deflate most, and none. */
const matrices: Record<string, (d: number) => Float64Array> = {
  random: (d) => symmetric(d, normals(d, d * d)),
  unit: (d) =>
    symmetric(
      d,
      filled(d, (i, j) => Number(i === j)),
    ),
  ones: (d) =>
    symmetric(
      d,
      filled(d, () => 1),
    ),
  'two values': (d) => reflected(d, (i) => (i % 3 === 0 ? 2 : -1)),
  'of rank 3': (d) => reflected(d, (i) => (i < 3 ? i + 1 : 0)),
  'over 30 decades': (d) => reflected(d, (i) => 10 ** ((-30 * i) / d)),
  "Wilkinson's, glued": (d) =>
    symmetric(
      d,
      filled(d, (i, j) =>
        i === j ? Math.abs((i % 21) - 10) : Math.abs(i - j) === 1 ? (Math.max(i, j) % 21 === 0 ? 1e-9 : 1) : 0,
      ),
    ),
  'tridiagonal of 2 and -1': (d) =>
    symmetric(
      d,
      filled(d, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
    ),
  clusters: (d) => {
    const next = uniform(5)
    return reflected(d, (i) => Math.floor(i / 20) + 1e-14 * next())
  },
}

const filled = (d: number, f: (i: number, j: number) => number): number[] =>
  Array.from({ length: d * d }, (_, at) => f(Math.floor(at / d), at % d))

function symmetric(d: number, data: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: d * d }, (_, at) => data[Math.min(at, (at % d) * d + Math.floor(at / d))] as number)
}

/** H diag(value) H of one random reflection H. */
function reflected(d: number, value: (i: number) => number): Float64Array {
  const u = normals(9, d)
  const square = u.reduce((sum, x) => sum + x * x, 0)
  const values = Array.from({ length: d }, (_, i) => value(i))
  const along = u.reduce((sum, x, i) => sum + x * x * (values[i] as number), 0)
  const at = (i: number) => u[i] as number
  const v = (i: number) => values[i] as number
  return symmetric(
    d,
    filled(
      d,
      (i, j) =>
        (i === j ? v(i) : 0) - (2 * at(i) * at(j) * (v(i) + v(j))) / square + (4 * at(i) * at(j) * along) / (square * square),
    ),
  )
}

async function solve(a: Float64Array, d: number, on: Device, top?: number) {
  const { values, vectors } = eigh(Tensor.from(a, { shape: [d, d], device: on }), top ? { top } : {})
  return { values: (await values.read()).data as Float64Array, vectors: (await vectors.read()).data as Float64Array }
}

/** Largest |a v - value v| and |v w - (v = w)|, of every vector and all others. */
function worst(a: Float64Array, d: number, { values, vectors }: { values: Float64Array; vectors: Float64Array }) {
  let [residual, orthogonality] = [0, 0]
  for (let k = 0; k < values.length; k++) {
    const v = vectors.subarray(k * d, (k + 1) * d)
    for (let i = 0; i < d; i++) {
      let sum = -(values[k] as number) * (v[i] as number)
      for (let j = 0; j < d; j++) sum += (a[i * d + j] as number) * (v[j] as number)
      residual = Math.max(residual, Math.abs(sum))
    }
    for (let l = 0; l <= k; l++) {
      let sum = k === l ? -1 : 0
      for (let j = 0; j < d; j++) sum += (v[j] as number) * (vectors[l * d + j] as number)
      orthogonality = Math.max(orthogonality, Math.abs(sum))
    }
  }
  return { residual, orthogonality }
}

const norm = (a: Float64Array): number => Math.sqrt(a.reduce((sum, x) => sum + x * x, 0))

describe.each(Object.keys(matrices))('%s', (name) => {
  // One leaf, a few merges, and (on the CPU) large products.
  it.each([5, 33, 100, 331])('of %i: values and vectors solve it, and the vectors are orthogonal', async (d) => {
    const a = (matrices[name] as (d: number) => Float64Array)(d)
    const solution = await solve(a, d, device)
    const { residual, orthogonality } = worst(a, d, solution)
    // Backward error and orthogonality as in eigh.ts: 4 (sqrt(D) + 10) roundoffs of the norm, and of 1.
    const roundings = 4 * (Math.sqrt(d) + 10) * U64
    expect(residual).toBeLessThanOrEqual(roundings * norm(a))
    expect(orthogonality).toBeLessThanOrEqual(roundings)
    expect([...solution.values]).toEqual([...solution.values].sort((x, y) => y - x))
    for (let k = 0; k < d; k++) {
      const v = solution.vectors.subarray(k * d, (k + 1) * d)
      const peak = v.reduce((best, x, i) => (Math.abs(x) > Math.abs(v[best] as number) ? i : best), 0)
      expect(v[peak]).toBeGreaterThan(0)
    }
  })
})

describe('low rank', () => {
  it.each([20, 33, 50, 66, 97])('of %i: most of the tridiagonal form is rounding', async (d) => {
    for (let rank = 0; rank <= 6; rank++) {
      const factor = normals(d + rank, d * Math.max(1, rank))
      const product = (i: number, j: number) => {
        let sum = 0
        for (let k = 0; k < rank; k++) sum += (factor[i * rank + k] as number) * (factor[j * rank + k] as number)
        return sum
      }
      const a = symmetric(d, filled(d, product))
      const { residual, orthogonality } = worst(a, d, await solve(a, d, device))
      const roundings = 4 * (Math.sqrt(d) + 10) * U64
      expect(residual).toBeLessThanOrEqual(roundings * norm(a))
      expect(orthogonality).toBeLessThanOrEqual(roundings)
    }
  })
})

describe('the number of threads', () => {
  it.each([70, 300])('changes no bit, of %i', async (d) => {
    const a = (matrices.random as (d: number) => Float64Array)(d)
    setThreads(1)
    const one = await solve(a, d, device)
    for (const count of [2, 3]) {
      setThreads(count)
      const several = await solve(a, d, device)
      expect(Buffer.compare(Buffer.from(one.vectors.buffer), Buffer.from(several.vectors.buffer))).toBe(0)
      expect(Buffer.compare(Buffer.from(one.values.buffer), Buffer.from(several.values.buffer))).toBe(0)
    }
  })

  it('changes no bit of a batch, nor does the batch', async () => {
    const [count, d] = [9, 40]
    const all = Float64Array.from({ length: count }, (_, g) => g).reduce<number[]>(
      (list, g) => list.concat(Array.from(symmetric(d, normals(g, d * d)))),
      [],
    )
    const run = async () =>
      (await eigh(Tensor.from(Float64Array.from(all), { shape: [count, d, d], device })).vectors.read()).data
    setThreads(1)
    const one = await run()
    setThreads(3)
    const several = await run()
    expect(Buffer.compare(Buffer.from(one.buffer), Buffer.from(several.buffer))).toBe(0)
    const fifth = await solve(Float64Array.from(all.slice(5 * d * d, 6 * d * d)), d, device)
    expect([...fifth.vectors]).toEqual([...one.slice(5 * d * d, 6 * d * d)])
  })
})

describe('the first of them', () => {
  it('are those of all', async () => {
    const d = 150
    const a = (matrices.random as (d: number) => Float64Array)(d)
    const [all, some] = [await solve(a, d, device), await solve(a, d, device, 12)]
    expect([...some.values]).toEqual([...all.values.slice(0, 12)])
    expect(some.vectors.length).toBe(12 * d)
    expect(worst(a, d, some).residual).toBeLessThanOrEqual(4 * (Math.sqrt(d) + 10) * U64 * norm(a))
  })
})

it('refuses a `vectors` that is neither true nor false', () => {
  const a = Tensor.from(Float32Array.of(1), { shape: [1, 1], device })
  expect(() => eigh(a, { vectors: 1 as unknown as boolean })).toThrow('eigh: vectors is 1; expected true or false')
})
