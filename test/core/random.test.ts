import { describe, expect, it } from 'vitest'
import { normals, Permutation, philox } from '../../lib/random.js'

const hex = (words: number[]): string => words.map((w) => w.toString(16).padStart(8, '0')).join(' ')
const F = 0xffffffff

describe('philox', () => {
  // Known answers of the Random123 distribution.
  it('gives the known answers', () => {
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8')
    expect(hex(philox([F, F, F, F], [F, F]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd')
    expect(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    )
  })
})

describe('Permutation', () => {
  for (const count of [1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 97, 100, 1009, 4096, 4097, 10007, 65536])
    it(`is a bijection of ${count}`, () => {
      for (const [seed, epoch] of [
        [0, 0],
        [1, 0],
        [123456789012345, 7],
      ] as const) {
        const order = new Permutation(count, seed, epoch)
        const seen = new Uint8Array(count)
        for (let i = 0; i < count; i++) seen[order.at(i)]!++
        expect(seen.every((n) => n === 1)).toBe(true)
      }
    })

  it('differs between seeds and epochs', () => {
    const first = (seed: number, epoch: number) =>
      Array.from({ length: 20 }, (_, i) => new Permutation(1e6, seed, epoch).at(i)).join()
    expect(new Set([first(0, 0), first(1, 0), first(2 ** 32, 0), first(0, 1), first(1, 1)]).size).toBe(5)
  })

  it('spreads consecutive places evenly', () => {
    // 20,000 places of 42 million into 100 bins: each bin holds 200 with a standard deviation of 14.1; 6 of them is far out.
    const count = 42_050_000
    const order = new Permutation(count, 5, 3)
    const bins = new Array<number>(100).fill(0)
    for (let i = 0; i < 20_000; i++) bins[Math.floor((order.at(i) / count) * 100)]!++
    for (const n of bins) expect(Math.abs(n - 200)).toBeLessThan(85)
  })

  it('holds for the largest counts', () => {
    const order = new Permutation(2 ** 52, 9)
    const values = [0, 1, 2, 2 ** 51, 2 ** 52 - 1].map((i) => order.at(i))
    expect(new Set(values).size).toBe(5)
    for (const v of values) expect(Number.isSafeInteger(v) && v < 2 ** 52).toBe(true)
  })

  it('refuses what it cannot order', () => {
    for (const count of [0, -1, 1.5, Number.NaN, 2 ** 53]) expect(() => new Permutation(count, 0)).toThrow(RangeError)
    expect(() => new Permutation(5, -1)).toThrow('seed is -1; expected a whole number from 0 to 2^53 - 1')
    expect(() => new Permutation(5, 0).at(5)).toThrow('index is 5; expected a whole number from 0 to 4')
  })
})

describe('normals', () => {
  it('repeats, and a longer array begins with the shorter one', () => {
    const long = normals(7, 1003)
    for (const count of [0, 1, 2, 3, 5, 1002]) expect([...normals(7, count)]).toEqual([...long.subarray(0, count)])
    expect([...normals(8, 8)]).not.toEqual([...long.subarray(0, 8)])
  })

  it('has the moments of the normal distribution', () => {
    const n = 200_000
    const x = normals(11, n)
    const moment = (power: number) => x.reduce((sum, v) => sum + v ** power, 0) / n
    // Five standard errors: sqrt(1, 2, 15, 96 / n) for the moments 1 to 4.
    for (const [power, expected, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
    ] as const)
      expect(Math.abs(moment(power) - expected)).toBeLessThan(5 * Math.sqrt(variance / n))
    expect(x.every(Number.isFinite)).toBe(true)
  })
})
