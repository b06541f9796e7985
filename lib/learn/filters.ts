// Filters learned without labels by one of the rules: initial rows, the loop over stretches of minibatches, dead units, convergence.
import type { ImageSet } from '../data/index.js'
import { cpu, type Device } from '../device.js'
import { DataError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { hostTensor } from '../models/local_net.js'
import { unitRows } from '../ops/index.js'
import { Checkpoints } from '../run/checkpoint.js'
import { type OnProgress, startPhase } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'
import { type FilterConfig, type FilterOptions, filterConfig } from './filter_options.js'
import { examine, type FilterHealth, type HistoryEntry, inspect, type StretchHealth } from './health.js'
import { dataPatches } from './patches.js'
import { type RuleState, ruleOf } from './rules.js'
import { type Whitening, whiteningOf } from './whitening.js'

export { type FilterConfig, type FilterOptions, filterConfig } from './filter_options.js'
export { dataPatches } from './patches.js'

export interface LearnedFilters {
  /** [K,C,W,W], rows of norm 1. */
  filters: Tensor
  config: FilterConfig
  health: FilterHealth
  /** One short entry for each stretch of minibatches. */
  history: HistoryEntry[]
  /** True when `untilConverged` ended the run. */
  converged: boolean
  /** What patches go through before they meet these filters; null for every rule but `whitened-patches`. */
  whitening: Whitening | null
}

export interface FilterRun {
  device?: Device
  /** Which of a network's layers these are, from 1: it names phase and checkpoint. Default: the only one. */
  part?: { number: number; of: number }
  /** Folder for checkpoints; none by default. */
  out?: string
  /** Go on from the checkpoint in `out`. Default false. */
  resume?: boolean
  checkpointSeconds?: number
  signal?: AbortSignal
  onProgress?: OnProgress
}

interface Position {
  step: number
  history: HistoryEntry[]
  health: StretchHealth | null
  converged: boolean
}

/** Minibatches between looks at the units: about a hundred looks a run, and never more than a second or so apart. */
const stretchOf = (steps: number): number => Math.max(1, Math.min(250, Math.ceil(steps / 100)))

/**
 * Learns filters from the patches of an image set. The same options, data, device and seed give the same bits, interrupted or not.
 * @throws {OptionError} for options out of range, before anything runs; the signal's reason when it is aborted (a checkpoint is kept)
 */
export async function learnFilters(set: ImageSet, options: FilterOptions = {}, run: FilterRun = {}): Promise<LearnedFilters> {
  const config = filterConfig(options)
  checkFilters(set, config)
  const device = run.device ?? cpu()
  const { number, of } = run.part ?? { number: 1, of: 1 }
  const phase = of === 1 ? 'filters' : `filters ${number}/${of}`
  const checkpoints = run.out
    ? new Checkpoints<Position>(
        run.out,
        number === 1 ? 'filters' : `filters-${number}`,
        { filters: config, data: set.sha256, device: device.kind },
        run.checkpointSeconds,
      )
    : null
  let position: Position = { step: 0, history: [], health: null, converged: false }
  const rule = ruleOf(config.rule)
  const saved = run.resume ? await checkpoints?.load() : null
  if (saved) position = saved.position
  const state = saved ? stateFrom(saved.tensors, device) : rule.start(set, config, device)
  const stretch = stretchOf(config.steps)
  const images = Tensor.from(set.images, { shape: set.shape, device })
  const report = startPhase(phase, 'patches', config.steps * config.batch, position.step * config.batch, run.onProgress)
  const save = async () => checkpoints?.save(position, await hostState(state))
  try {
    while (position.step < config.steps && !position.converged) {
      run.signal?.throwIfAborted()
      const steps = Math.min(stretch, config.steps - position.step)
      const tally = await rule.learn(images, state, config, position.step, steps)
      const step = position.step + steps
      const health = await inspect(state.w, tally, config, step)
      if (!Number.isFinite(health.energy))
        throw new DataError({
          op: 'learnFilters',
          argument: phase,
          actual: `an energy of ${health.energy} after minibatch ${step}`,
          expected: 'a finite one (try a lower learning rate, or a higher temperature)',
        })
      // The new rows are given the first two thirds of the run only, so that they have time to settle.
      if (config.dead === 'reseed' && health.dead.length > 0 && step < (2 / 3) * config.steps)
        state.w = await reseed(state.w, health.dead, set, config, step)
      const { energy, unitNorm, repelled, winShare } = health
      const dead = health.dead.length
      position = {
        step,
        health,
        history: [...position.history, { step, energy, dead, unitNorm, repelled, winShare }],
        converged: config.untilConverged && hasConverged(health, position.health),
      }
      report(step * config.batch, { dead, ...(health.gains ? { repelled, winShare } : {}), energy })
      if (checkpoints?.due()) await save()
    }
    await save()
    const health = await examine(images, state, config, position.health as StretchHealth)
    const whitening = await whiteningOf(state, set.shape[1], config.window)
    const filters = await freeze(state.w, set, config, health)
    return { filters, config, health, history: position.history, converged: position.converged, whitening }
  } catch (error) {
    if (run.signal?.aborted) await save()
    throw error
  } finally {
    images.dispose()
    for (const tensor of Object.values(state)) tensor.dispose()
  }
}

function stateFrom(tensors: Map<string, Safetensor>, device: Device): RuleState {
  const entries = [...tensors].map(([name, { data, shape }]) => [name, Tensor.from(data as Float32Array, { shape, device })])
  return Object.fromEntries(entries) as RuleState
}

async function hostState(state: RuleState): Promise<Record<string, Safetensor>> {
  const entries = Object.entries(state).map(async ([name, tensor]) => [name, await hostTensor(tensor)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

/** Refuses what the rule's ops would refuse for this image set, before anything is made or written. */
export const checkFilters = (set: ImageSet, config: FilterConfig): void => ruleOf(config.rule).check(set.shape, config)

/** Settled: the same units dead, all live rows within 1 % of norm 1 and attracted to it, and wins that moved by less than a tenth. */
function hasConverged(now: StretchHealth, before: StretchHealth | null): boolean {
  if (!before || now.dead.join() !== before.dead.join()) return false
  const live = now.norms.filter((_, unit) => (now.wins[unit] ?? 0) > 0)
  const moved = now.wins.reduce((sum, n, unit) => sum + Math.abs(n - (before.wins[unit] ?? 0)), 0)
  const total = now.wins.reduce((a, b) => a + b, 0)
  return now.repelled === 0 && live.every((n) => Math.abs(n - 1) < 0.01) && moved < 0.1 * total
}

async function reseed(w: Tensor, dead: number[], set: ImageSet, config: FilterConfig, step: number): Promise<Tensor> {
  const rows = (await w.read()).data as Float32Array
  const d = w.shape[1] as number
  const fresh = dataPatches(set, config, dead.length, step)
  dead.forEach((unit, i) => {
    rows.set(fresh.subarray(i * d, (i + 1) * d), unit * d)
  })
  const next = Tensor.from(rows, { shape: w.shape, device: w.device })
  w.dispose()
  return next
}

async function freeze(w: Tensor, set: ImageSet, config: FilterConfig, health: FilterHealth): Promise<Tensor> {
  const shape = (units: number) => [units, set.shape[1], config.window, config.window]
  if (config.dead !== 'prune' || health.dead.length === 0) return scope(() => unitRows(w).reshape(shape(config.units)))
  const rows = (await w.read()).data as Float32Array
  const d = w.shape[1] as number
  const gone = new Set(health.dead)
  const live = Array.from({ length: config.units }, (_, unit) => unit).filter((unit) => !gone.has(unit))
  const kept = new Float32Array(live.length * d)
  live.forEach((unit, i) => {
    kept.set(rows.subarray(unit * d, (unit + 1) * d), i * d)
  })
  return scope(() => unitRows(Tensor.from(kept, { shape: [live.length, d], device: w.device })).reshape(shape(live.length)))
}
