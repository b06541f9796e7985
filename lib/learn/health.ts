// How the units of a layer fare while they learn without labels, and what speaks of a collapse.
import { matmul, multiply, reduce, unitRows } from '../ops/index.js'
import { scope, type Tensor } from '../tensor.js'
import type { FilterConfig } from './filter_options.js'
import { minibatch, pNorm, type RuleState, type RuleTally, rateAt } from './rules/rule.js'
import { ruleOf } from './rules.js'

/** The state of the units over a stretch of minibatches. */
export interface StretchHealth {
  /** Minibatches done. */
  step: number
  learningRate: number
  /** Mean energy a patch, -sum of g * current / |w|, for `oja` the reconstruction's error |v - w^T w v|^2; learning lowers it. */
  energy: number
  /** Patches won, of each unit; empty for a rule without winners (`oja`). */
  wins: number[]
  /**
   * The largest unit's share of all wins, 0 to 1; 0 for a rule without winners. 1 / K when all units win alike; it rises when learning
   * begins to collapse, before units die.
   */
  winShare: number
  /** Net gain of each unit, the sum of g * current, to 6 digits; below 0 the unit's norm is repelled from 1. null for a rule without gains (`oja`). */
  gains: number[] | null
  /** Norms of the rows (p-norms, where p is not 2); 1 when converged. */
  norms: number[]
  /** Units without a win. */
  dead: number[]
  /** Units whose gain is negative: their norm is repelled from 1. */
  repelled: number
  /** Share of rows within 1 % of norm 1. */
  unitNorm: number
}

/** The state of the units over the last stretch of minibatches, and what the learned rows are like. */
export interface FilterHealth extends StretchHealth {
  /** Pairs of live units with a cosine above 0.99. */
  duplicates: number
  /** Cosine of each unit with the unit nearest to it, to 4 digits; near 1 for near-duplicates. */
  nearest: number[]
  /** Of at most 4096 patches, drawn with the seed of the filters, with the unit nearest to each; zero patches are left out. null when all are zero. */
  cosines: CosineCounts | null
}

/** A histogram of cosines. */
export interface CosineCounts {
  /** Of the bins, equal and rising: one more than `counts`. A bin holds its lower edge, the last one both. */
  edges: number[]
  counts: number[]
  /** Cosines below the first edge: at most half a percent of them. */
  below: number
  median: number
}

/** One look at the units while they learn. */
export interface HistoryEntry {
  step: number
  energy: number
  /** Number of dead units. */
  dead: number
  unitNorm: number
  repelled: number
  winShare: number
}

const round = (x: number, digits: number): number => Number(x.toPrecision(digits))

/** What a stretch's tally and the rows after it tell. */
export async function inspect(
  w: Tensor,
  { wins, gains, energy }: RuleTally,
  config: FilterConfig,
  step: number,
): Promise<StretchHealth> {
  const norms = rowNorms((await w.read()).data as Float32Array, config.units, config.p)
  const total = wins.reduce((a, b) => a + b, 0)
  return {
    step,
    learningRate: rateAt(config, step),
    energy,
    wins,
    winShare: total > 0 ? wins.reduce((a, b) => Math.max(a, b), 0) / total : 0,
    gains: gains.length > 0 ? gains.map((s) => round(s, 6)) : null,
    norms,
    dead: wins.flatMap((n, unit) => (n === 0 ? [unit] : [])),
    repelled: gains.filter((s) => s < 0).length,
    unitNorm: norms.filter((n) => Math.abs(n - 1) < 0.01).length / norms.length,
  }
}

function rowNorms(rows: Float32Array, count: number, p: number): number[] {
  const d = rows.length / count
  return Array.from({ length: count }, (_, row) => pNorm(rows.subarray(row * d, (row + 1) * d), p))
}

/** A look at the learned rows beside those of other units, and beside patches. */
export async function examine(
  images: Tensor,
  state: RuleState,
  config: FilterConfig,
  last: StretchHealth,
): Promise<FilterHealth> {
  const neighbours = await compareUnits(state.w, last.dead)
  return { ...last, ...neighbours, cosines: await winnerCosines(images, state, config) }
}

async function compareUnits(w: Tensor, dead: number[]): Promise<Pick<FilterHealth, 'duplicates' | 'nearest'>> {
  const k = w.shape[0] as number
  const { data } = await scope(() => {
    const unit = unitRows(w)
    return matmul(unit, unit, { transposeB: true })
  }).read()
  const skip = new Set(dead)
  const nearest = new Array<number>(k).fill(-1)
  let duplicates = 0
  for (let i = 0; i < k; i++)
    for (let j = i + 1; j < k; j++) {
      const cosine = data[i * k + j] ?? 0
      nearest[i] = Math.max(nearest[i] ?? -1, cosine)
      nearest[j] = Math.max(nearest[j] ?? -1, cosine)
      if (cosine > 0.99 && !skip.has(i) && !skip.has(j)) duplicates++
    }
  return { duplicates, nearest: nearest.map((x) => round(x, 4)) }
}

/** The sample, in parts that keep the currents of many units small; fewer where the images have no more patches. */
const sample = { parts: 4, batch: 1024 }

async function winnerCosines(images: Tensor, state: RuleState, config: FilterConfig): Promise<CosineCounts | null> {
  const [n, , height, width] = images.shape as [number, number, number, number]
  const available = n * (height - config.window + 1) * (width - config.window + 1)
  const drawn: FilterConfig = { ...config, batch: Math.min(sample.batch, available), normalise: 'patch' }
  const found: number[] = []
  for (let part = 0; part < sample.parts; part++) {
    const made = scope(() => {
      const v = minibatch(images, state, drawn, part)
      const u = matmul(v, unitRows(state.w), { transposeB: true })
      return {
        cosine: reduce(u, { kind: 'max', over: 'columns' }),
        square: reduce(multiply(v, v), { over: 'columns' }),
      }
    })
    const [cosine, square] = await Promise.all([made.cosine.read(), made.square.read()])
    made.cosine.dispose()
    made.square.dispose()
    for (let i = 0; i < cosine.data.length; i++) if ((square.data[i] ?? 0) > 0) found.push(cosine.data[i] ?? 0)
  }
  return found.length > 0 ? countCosines(found) : null
}

/** Counts in equal bins up to 1, from the hundredth under all but half a percent of the cosines, so that a few far ones do not hide the rest. */
export function countCosines(cosines: readonly number[]): CosineCounts {
  const bins = 50
  const sorted = Float64Array.from(cosines).sort()
  const low = Math.min(0.99, Math.floor(100 * (sorted[Math.ceil(0.005 * sorted.length)] ?? 0)) / 100)
  const edges = Array.from({ length: bins + 1 }, (_, i) => round(low + ((1 - low) * i) / bins, 6))
  const counts = new Array<number>(bins).fill(0)
  let below = 0
  for (const x of sorted) {
    // A cosine of float32 may lie an ulp above 1.
    const bin = Math.min(bins - 1, Math.floor((bins * (x - low)) / (1 - low)))
    if (bin < 0) below++
    else counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { edges, counts, below, median: round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, 5) }
}

/** Above these shares something is wrong; sound runs, short ones too, stay below them (test/learn/health.test.ts has both). */
const limits = {
  /** Of all patches, by one unit: a filter of even brightness wins up to 0.29 in runs that read out well. */
  winShare: 1 / 3,
  /** So many even shares, where units are few. */
  evenShares: 5,
  /** Of the units, without a win: a few in hundreds cost nothing. */
  dead: 1 / 20,
  /** Patches a unit, on the average, from which a unit without a win is dead and not just rare. */
  patches: 20,
  /** Of all pairs of live units, near-duplicates: smooth patches, as units begin, are alike in up to a ninth of their pairs. */
  duplicates: 1 / 5,
}

/**
 * What is wrong with learned filters, each in a sentence that says what to try; empty when nothing is. Looked for: a unit that takes more
 * than a third of all patches (of fewer than 15 units more than five times its even share), dead units that are more than a twentieth, once
 * there were 20 patches for each unit, and near-duplicates in more than a fifth of the pairs of live units. Filters of rules without learning
 * are not judged.
 */
export function healthWarnings(health: Pick<FilterHealth, 'wins' | 'dead' | 'duplicates'>, config: FilterConfig): string[] {
  const { wins, dead, duplicates } = health
  const rule = ruleOf(config.rule)
  if (!rule.learns) return []
  const warnings: string[] = []
  const total = wins.reduce((a, b) => a + b, 0)
  const largest = wins.reduce((a, b) => Math.max(a, b), 0)
  if (largest > total * Math.max(limits.winShare, limits.evenShares / wins.length))
    warnings.push(
      `one unit takes ${((100 * largest) / total).toFixed(0)} % of the patches, a sign of collapse: ${rule.againstDead(config)}`,
    )
  if (dead.length > limits.dead * wins.length && total >= limits.patches * wins.length)
    warnings.push(
      `${dead.length} of ${wins.length} units are dead (no win among the last ${total} patches): ${rule.againstDead(config)}`,
    )
  const live = config.units - dead.length
  const pairs = (live * (live - 1)) / 2
  if (duplicates > limits.duplicates * pairs)
    warnings.push(
      `${duplicates} of ${pairs} pairs of live units are near-duplicates (cosine over 0.99): try ${rule.againstDuplicates(config)}`,
    )
  return warnings
}
