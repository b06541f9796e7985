// Which targets of a recording can be scored.
import type { Responses } from '../data/index.js'
import { DataError } from '../errors.js'
import { isConstant } from './correlation.js'
import type { Split } from './folds.js'

/** Targets that can be scored, those alike in which images they lack together. */
export interface UsableTargets {
  patterns: { images: Int32Array; targets: Int32Array }[]
  counts: { targets: number; constant: number; unmeasured: number; incomplete: number }
}

/**
 * @param split where one is given, instead of folds
 * @throws {DataError} when none can be scored
 */
export function usableTargets(op: string, responses: Responses, folds: number, split: Split | null): UsableTargets {
  const tested = split && new Set(split.test)
  const { images, targets, mean, name } = responses
  const patterns = new Map<string, { images: Int32Array; targets: number[] }>()
  const counts = { targets: 0, constant: 0, unmeasured: 0, incomplete: 0 }
  const all = Int32Array.from({ length: images }, (_, i) => i)
  for (let target = 0; target < targets; ++target) {
    const there = all.filter((i) => !Number.isNaN(mean[i * targets + target]))
    const held = tested ? there.filter((i) => tested.has(i)) : there
    const isMeasured = tested ? Math.min(held.length, there.length - held.length) >= 2 : there.length >= 2 * folds
    if (!isMeasured) ++counts.unmeasured
    else if (isConstant(Float64Array.from(held, (i) => mean[i * targets + target] as number))) ++counts.constant
    else {
      ++counts.targets
      if (there.length < images) ++counts.incomplete
      const key = there.length === images ? '' : there.join()
      const pattern = patterns.get(key) ?? { images: there, targets: [] }
      pattern.targets.push(target)
      patterns.set(key, pattern)
    }
  }
  if (!split && images < 2 * folds)
    throw new DataError({ op, argument: name, actual: `${images} images`, expected: `at least two for each of ${folds} folds` })
  if (counts.targets === 0)
    throw new DataError({
      op,
      argument: name,
      actual: `${targets} targets, ${counts.constant} of them constant and ${counts.unmeasured} not measured`,
      expected: 'at least one that varies',
    })
  return { patterns: [...patterns.values()].map((one) => ({ ...one, targets: Int32Array.from(one.targets) })), counts }
}
