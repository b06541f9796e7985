import { describe, expect, it } from 'vitest'
import { OptionError } from '../../lib/errors.js'
import { mannWhitney } from '../../lib/eval/index.js'

/** Every way to choose `size` of the numbers from 0. */
function choices(count: number, size: number): number[][] {
  if (size === 0) return [[]]
  return Array.from({ length: count }, (_, last) => choices(last, size - 1).map((rest) => [...rest, last])).flat()
}

/** Pairs of which a's number is the larger, by looking at each. */
const pairs = (a: readonly number[], b: readonly number[]): number =>
  a.flatMap((x) => b.map((y) => (x > y ? 1 : x === y ? 0.5 : 0) as number)).reduce((sum, v) => sum + v, 0)

describe('mannWhitney', () => {
  it('counts every way to part the numbers, ties as they are', () => {
    for (const [a, b] of [
      [
        [0.3, 0.31, 0.33],
        [0.2, 0.25, 0.32, 0.1, 0.22],
      ],
      [
        [1, 2, 2, 5],
        [2, 3, 3],
      ],
      [
        [1, 1],
        [1, 1, 1],
      ],
      [[4], [1, 2, 3]],
    ] as const) {
      const all = [...a, ...b]
      const middle = (a.length * b.length) / 2
      const { u, p } = mannWhitney(a, b)
      expect(u).toBe(pairs(a, b))
      const ways = choices(all.length, a.length).map((chosen) =>
        pairs(
          chosen.map((i) => all[i] as number),
          all.filter((_, i) => !chosen.includes(i)),
        ),
      )
      const uneven = ways.filter((way) => Math.abs(way - middle) >= Math.abs(u - middle)).length
      expect(p).toBeCloseTo(uneven / ways.length, 12)
    }
  })

  it('gives three seeds against five at best 2 of 56', () => {
    expect(mannWhitney([6, 7, 8], [1, 2, 3, 4, 5])).toEqual({ u: 15, p: 2 / 56 })
  })

  it('refuses groups that are empty or not finite', () => {
    expect(() => mannWhitney([], [1])).toThrow(OptionError)
    expect(() => mannWhitney([1], [Number.NaN])).toThrow(/b is \[NaN\]; expected finite numbers/)
  })
})
