// What `covariance` promises of streams: accuracy far from zero, no negative eigenvalues, the same sums however they are cut and joined,
// and bits that do not depend on the number of threads.
import { afterAll, describe, expect, it } from 'vitest'
import { setThreads, testDevice, threads } from '../../lib/device.js'
import { type CovarianceState, covariance, covarianceOf, eigh, mergeCovariance } from '../../lib/ops/index.js'
import { Tensor } from '../../lib/tensor.js'
import { normals } from './proof.js'

const device = testDevice('cpu')
const before = threads()
afterAll(() => setThreads(before))

const d = 64

/** n rows around 30 standard deviations, of spreads from 1 to 0.001 and correlated neighbours. */
function far(n: number): Float32Array {
  const x = normals(n, n * d)
  return Float32Array.from(x, (v, i) => 30 + (v + 0.7 * (x[i - 1] ?? 0)) * 10 ** ((-3 * (i % d)) / d))
}

function exact(x: Float32Array): { mean: Float64Array; covariance: Float64Array } {
  const n = x.length / d
  const mean = new Float64Array(d)
  x.forEach((v, i) => {
    mean[i % d] = (mean[i % d] as number) + (v - 30) / n
  })
  const covariance = new Float64Array(d * d)
  for (let row = 0; row < n; row++)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++) {
        const at = (k: number) => (x[row * d + k] as number) - 30 - (mean[k] as number)
        covariance[i * d + j] = (covariance[i * d + j] as number) + (at(i) * at(j)) / (n - 1)
      }
  return { mean: mean.map((m) => m + 30), covariance }
}

const tensor = (x: Float32Array): Tensor => Tensor.from(x, { shape: [x.length / d, d], device })
const read = async (t: Tensor): Promise<Float64Array> => (await t.read()).data as Float64Array
const norm = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0))
const apart = (a: Float64Array, b: Float64Array): number => norm(a.map((x, i) => x - (b[i] as number))) / norm(b)

function stream(x: Float32Array, chunk: number): CovarianceState {
  let state: CovarianceState | undefined
  for (let at = 0; at < x.length; at += chunk * d)
    state = covariance(tensor(x.subarray(at, at + chunk * d)), state ? { state } : {})
  return state as CovarianceState
}

describe('rows around 30 standard deviations', () => {
  const x = far(4096)
  const { mean, covariance: wanted } = exact(x)

  it.each([4096, 1000, 257])('in chunks of %i are right to 1e-7', async (chunk) => {
    const state = stream(x, chunk)
    expect(state.count).toBe(4096)
    expect(apart(await read(covarianceOf(state)), wanted)).toBeLessThanOrEqual(1e-7)
    expect(apart(await read(state.mean), mean)).toBeLessThanOrEqual(1e-14)
  })

  it('have no negative eigenvalue, though spreads differ a thousandfold', async () => {
    const values = await read(eigh(covarianceOf(stream(x, 1000))).values)
    // The smallest is the square of the smallest spread, about 1e-6, known to 1e-7 of the largest entry of its own row.
    expect(Math.min(...values)).toBeGreaterThan(0)
  })

  it('are symmetric to the bit', async () => {
    const moments = await read(stream(x, 1000).moments)
    expect(Array.from(moments.keys()).filter((i) => moments[i] !== moments[(i % d) * d + Math.floor(i / d)])).toEqual([])
  })

  it('give the same in two halves that are merged', async () => {
    const [one, two] = [stream(x.subarray(0, 1111 * d), 500), stream(x.subarray(1111 * d), 700)]
    expect(mergeCovariance(one, two)).toBe(one)
    expect(one.count).toBe(4096)
    expect(apart(await read(covarianceOf(one)), wanted)).toBeLessThanOrEqual(1e-7)
    expect(apart(await read(one.mean), mean)).toBeLessThanOrEqual(1e-14)
  })

  it('have the same bits with any number of threads', async () => {
    const bits: Buffer[] = []
    for (const count of [1, 2, 3]) {
      setThreads(count)
      bits.push(Buffer.from((await read(stream(x, 1000).moments)).buffer))
    }
    expect(bits.map((b) => Buffer.compare(b, bits[0] as Buffer))).toEqual([0, 0, 0])
  })
})

it('keeps groups apart', async () => {
  const groups = [far(300), far(301).subarray(0, 300 * d)]
  const both = Float32Array.from(groups.flatMap((g) => [...g]))
  const state = covariance(Tensor.from(both, { shape: [2, 300, d], device }))
  expect([state.mean.shape, state.moments.shape]).toEqual([
    [2, d],
    [2, d, d],
  ])
  const moments = await read(state.moments)
  for (const [g, rows] of groups.entries()) {
    const own = await read(covariance(tensor(rows)).moments)
    expect([...moments.slice(g * d * d, (g + 1) * d * d)]).toEqual([...own])
  }
})

it('refuses what has too few rows', () => {
  const state = covariance(tensor(far(1)))
  expect(() => covarianceOf(state)).toThrow('covarianceOf: ddof is 1; expected a number below the count of rows, 1')
  expect(covarianceOf(state, { ddof: 0 }).shape).toEqual([d, d])
  expect(() => covariance(tensor(far(1)), { sate: state } as object)).toThrow('sate')
})
