import { describe, expect, it } from 'vitest'
import {
  aggregate,
  correlations,
  deviationOf,
  isConstant,
  midRanks,
  pearson,
  placesOf,
  rhoA,
  spearman,
  tauA,
} from '../../lib/eval/correlation.js'
import { matrix } from '../../lib/eval/matrix.js'
import { uniform } from '../ops/proof.js'

/** Whole numbers from 0 to `kinds` - 1, with ties. */
function list(seed: number, count: number, kinds: number): Float64Array {
  const next = uniform(seed)
  return Float64Array.from({ length: count }, () => Math.floor(next() * kinds))
}

function directTauA(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; ++i)
    for (let j = i + 1; j < a.length; ++j)
      sum += Math.sign((a[i] as number) - (a[j] as number)) * Math.sign((b[i] as number) - (b[j] as number))
  return sum / ((a.length * (a.length - 1)) / 2)
}

/** Mean over random ways of breaking the ties. */
function brokenTies(a: Float64Array, b: Float64Array, times: number): number {
  const next = uniform(9)
  const broken = (values: Float64Array) => midRanks(values.map((value) => value + 1e-6 * next()))
  let sum = 0
  for (let i = 0; i < times; ++i) sum += pearson(broken(a), broken(b))
  return sum / times
}

describe('correlations', () => {
  it('of Pearson, with constants and numbers far from 0', () => {
    expect(pearson([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 14)
    expect(pearson([1, 2, 3, 4], [1, -1, -1, 1])).toBeCloseTo(0, 14)
    expect(pearson([1e9 + 1, 1e9 + 2, 1e9 + 4], [1, 2, 4])).toBeCloseTo(1, 7)
    expect(pearson([1, 1, 1], [1, 2, 3])).toBeNaN()
    expect(isConstant(new Float64Array(7).fill(0.1 + 0.2))).toBe(true)
    expect(isConstant([0.1, 0.1, 0.1 + 1e-9])).toBe(false)
  })

  it('of a prediction: 0 where it is constant, nothing where the measured is', () => {
    const predicted = matrix(3, 4, Float64Array.of(2, 1, Number.NaN, 5, 2, 2, 1, 4, 2, 3, 2, 9))
    const measured = matrix(3, 4, Float64Array.of(1, 2, 1, 7, 2, 2, 2, 8, 3, 2, 3, 9.5))
    const r = pearson([5, 4, 9], [7, 8, 9.5])
    expect([...correlations(predicted, measured)]).toEqual([0, Number.NaN, Number.NaN, expect.closeTo(r, 14)])
  })

  it('of ranks share the middle among equals', () => {
    expect([...midRanks([3, 1, 3, 2])]).toEqual([3.5, 1, 3.5, 2])
    expect(spearman([1, 10, 100], [-5, 0, 1])).toBeCloseTo(1, 14)
  })

  it.each([
    [2, 5],
    [3, 40],
    [50, 3],
    [257, 20],
    [301, 1000],
  ])('tau-a of %i numbers of %i kinds is that of all pairs', (count, kinds) => {
    const [a, b] = [list(1, count, kinds), list(2, count, kinds)]
    expect(tauA(a, b)).toBeCloseTo(directTauA(a, b), 12)
    expect(tauA(a, a)).toBeCloseTo(directTauA(a, a), 12)
  })

  it('rho-a is the mean over ways of breaking ties, and Spearman where there are none', () => {
    const [a, b] = [list(3, 30, 4), list(4, 30, 5).map((value, i) => value + (i % 3))]
    // The standard error of 4,000 draws of a deviation below 0.1 is below 0.002.
    expect(Math.abs(rhoA(a, b) - brokenTies(a, b, 4000))).toBeLessThan(0.008)
    const [x, y] = [Float64Array.of(3, 1, 2, 5), Float64Array.of(1, 2, 3, 9)]
    expect(rhoA(x, y)).toBeCloseTo(spearman(x, y), 12)
  })

  it('summaries leave out what is not there', () => {
    expect(aggregate([Number.NaN, 3, 1, 2], 'median')).toBe(2)
    expect(aggregate([4, 3, 1, 2], 'median')).toBe(2.5)
    expect(aggregate([Number.NaN, 3, 1], 'mean')).toBe(2)
    expect(aggregate([Number.NaN], 'mean')).toBeNaN()
    expect(aggregate([], 'median')).toBeNaN()
    expect(deviationOf([1, 3, Number.NaN])).toBeCloseTo(Math.SQRT2, 14)
  })
})

describe('places of numbers among the different ones', () => {
  it('stand for the numbers in everything that asks for their order, of any part of them', () => {
    const next = uniform(5)
    const list = () => Float64Array.from({ length: 200 }, () => Math.floor(40 * next()) / 7 - 2)
    const [a, b] = [list(), list()]
    a[3] = b[9] = Number.NaN
    const known = Int32Array.from(a.keys()).filter((i) => !Number.isNaN(a[i]) && !Number.isNaN(b[i]))
    const [x, y] = [placesOf(a, known), placesOf(b, known)]
    for (const some of [known, known.filter((i) => i % 3 > 0), known.slice(0, 2)]) {
      const of = (values: Float64Array | Uint32Array) =>
        values.slice(0, some.length).map((_, i) => values[some[i] as number] as number)
      expect(midRanks(of(x))).toEqual(midRanks(of(a)))
      for (const compare of [spearman, rhoA, tauA]) expect(compare(of(x), of(y))).toBe(compare(of(a), of(b)))
    }
  })
})
