// The rank test of Mann and Whitney (1947): whether one group's numbers tend to be larger than another's.
import { OptionError } from '../errors.js'
import { midRanks } from './correlation.js'

export interface MannWhitney {
  /** Pairs of which a's number is the larger, ties counting half. */
  u: number
  /** Two-sided: the share of all ways to part the numbers into such groups that are at least as uneven, exactly, ties as they are. */
  p: number
}

/**
 * The exact two-sided test, for the few numbers that seeds give.
 * @throws {OptionError} for an empty group or a number that is not finite
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  const op = 'mannWhitney'
  for (const [argument, group] of [['a', a] as const, ['b', b] as const])
    if (group.length === 0 || !group.every(Number.isFinite))
      throw new OptionError({ op, argument, actual: `[${group.join(', ')}]`, expected: 'finite numbers, at least one' })
  const count = a.length + b.length
  const ranks = midRanks(Float64Array.from([...a, ...b]))
  const least = (a.length * (a.length + 1)) / 2
  const middle = (a.length * b.length) / 2
  const unevenness = (sum: number) => Math.abs(sum - least - middle)
  const own = ranks.slice(0, a.length).reduce((sum, rank) => sum + rank, 0)
  let ways = 1
  for (let i = 0; i < a.length; ++i) ways = (ways * (count - i)) / (i + 1)
  // Of each number of ranks: how many choices of them have each sum.
  const sums: Map<number, number>[] = Array.from({ length: a.length + 1 }, () => new Map())
  ;(sums[0] as Map<number, number>).set(0, 1)
  for (const rank of ranks)
    for (let chosen = a.length; chosen > 0; --chosen) {
      const into = sums[chosen] as Map<number, number>
      for (const [sum, number] of sums[chosen - 1] as Map<number, number>)
        into.set(sum + rank, (into.get(sum + rank) ?? 0) + number)
    }
  let atLeast = 0
  for (const [sum, number] of sums[a.length] as Map<number, number>) if (unevenness(sum) >= unevenness(own)) atLeast += number
  return { u: own - least, p: atLeast / ways }
}
