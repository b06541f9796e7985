// What a run gives: rows, and the report that holds them.
import type { MachineLimits } from '../device.js'
import type { Goal } from './case.js'
import type { PeerVersions, Provenance } from './peer.js'
import type { Spread } from './timing.js'

export interface PeerForm {
  /** Units a second. */
  rate: Spread
  /** Largest error against the float64 result, as a share of its largest element. */
  error: number
  rounds: number
  /** It does less than the work, and is no candidate for the best. */
  lighter: boolean
}

export interface BenchRow {
  op: string
  case: string
  device: string
  threads: number
  rounds: number
  /** What `rate` counts a second. */
  unit: string
  rate: Spread
  /** `cpu`: processor time of the process, with one thread; else `wall`. For both sides. */
  clock: 'cpu' | 'wall'
  /** Which limit of the machine binds, what it allows in units a second, and the share of it reached. */
  limit?: { kind: 'fma' | 'read' | 'copy'; rate: number; share: number }
  /** Largest difference from the float64 result on 64 elements and the norm, and how large it may be. */
  check?: { error: number; tolerance: number; agrees: boolean }
  peer?: {
    forms: Record<string, PeerForm>
    failed: Record<string, string>
    best: string
    /** Times as fast as the best form, and as the default one, round by round. */
    ratio: Spread
    ratioToDefault: Spread
  }
  /** Only of op `scaling`: times as fast as one thread, best against best. */
  scaling?: { ratio: number; busyCores: number }
  must?: Goal
  reach?: Goal
  /** The goals met: null where this run cannot tell. */
  met: 'reach' | 'must' | 'missed' | null
  /** Why a figure is missing. */
  note?: string
}

export interface BenchReport extends Provenance {
  /** Programs that wanted a core just before the run, on average over a minute. */
  load?: number
  threads: number
  rounds: number
  /** Measured with as many threads: the highest of several times in the run. */
  limits: MachineLimits
  peer: PeerVersions | null
  rows: BenchRow[]
}

/** What of a goal the machine allows: where a ratio to the best peer would take more than the limit, the share counts alone. */
export function allowed({ limit, peer }: BenchRow, goal: Goal): Goal {
  const { ratio = 0, share } = goal
  const best = peer?.forms[peer.best]?.rate.median ?? 0
  return share !== undefined && limit && ratio * best > limit.rate ? { share } : goal
}

/** The goals that a row meets. */
export function judge(row: BenchRow): BenchRow['met'] {
  const meets = (whole: Goal): boolean | null => {
    const goal = allowed(row, whole)
    const ratio = row.scaling?.ratio ?? row.peer?.ratio.median
    if ((goal.ratio !== undefined && ratio === undefined) || (goal.share !== undefined && !row.limit)) return null
    return (ratio ?? 0) >= (goal.ratio ?? 0) && (row.limit?.share ?? 0) >= (goal.share ?? 0)
  }
  if (row.check && !row.check.agrees) return 'missed'
  if (row.reach && meets(row.reach)) return 'reach'
  const must = row.must ? meets(row.must) : null
  return must === null ? null : must ? 'must' : 'missed'
}
