// Filters learned without labels by the Krotov-Hopfield rule: initial rows, the loop over stretches of minibatches, dead units, convergence.
import type { ImageSet } from '../data/index.js'
import { cpu, type Device } from '../device.js'
import { OptionError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { hostTensor } from '../models/local_net.js'
import { type HebbianLearnOptions, type HebbianTally, hebbianLearn, matmul, unitRows } from '../ops/index.js'
import { normals, Permutation } from '../random.js'
import { checkOp, scope, Tensor } from '../tensor.js'
import { Checkpoints } from './checkpoint.js'
import { type OnProgress, startPhase } from './progress.js'

export interface FilterOptions {
  /** K. Default 400. */
  units?: number
  /** W. Default 4. */
  window?: number
  /** m. Default 2. */
  rank?: number
  /** Delta. Default 0.2. */
  antiHebbian?: number
  /** epsilon at the start, falling linearly to `finalLearningRate`. Default 0.1 (`stable`), 0.02 (`faithful`). */
  learningRate?: number
  /** Default 0. */
  finalLearningRate?: number
  /** Patches of a minibatch. Default 1000. */
  batch?: number
  /** Minibatches. Default 20000. */
  steps?: number
  /**
   * `stable`: rows start as data patches, and each row's update is divided by the patches that chose it. `faithful`: rows start from the
   * standard normal distribution, and the whole update is divided by its largest entry, as the authors do. Default `stable`.
   */
  mode?: 'stable' | 'faithful'
  /** Initial rows. Default: that of the mode. */
  init?: 'patches' | 'normal'
  /** Normalisation of the update. Default: that of the mode. */
  step?: 'count' | 'max'
  /** Patches of norm 1 during learning. Default `patch`. */
  normalise?: 'patch' | 'none'
  /** Take each patch's mean off. Default false. */
  centre?: boolean
  /** Units that never win: only reported, replaced by data patches while learning goes on, or left out at the end. Default `report`. */
  dead?: 'report' | 'reseed' | 'prune'
  /** Stop before `steps` once wins, gains and norms have settled (see {@link FilterHealth}). Default false. */
  untilConverged?: boolean
  /** Default 0. */
  seed?: number
}

export type FilterConfig = Required<FilterOptions>

/** The state of the units over the last stretch of minibatches. */
export interface FilterHealth {
  /** Minibatches done. */
  step: number
  learningRate: number
  /** Mean energy a patch, -sum of g * current / |w|; learning lowers it. */
  energy: number
  /** Patches won, of each unit. */
  wins: number[]
  /** 2-norms of the rows; 1 when converged. */
  norms: number[]
  /** Units without a win. */
  dead: number[]
  /** Units whose gain is negative: their norm is repelled from 1. */
  repelled: number
  /** Share of rows within 1 % of norm 1. */
  unitNorm: number
  /** Pairs of live units with a cosine above 0.99. */
  duplicates: number
}

export interface LearnedFilters {
  /** [K,C,W,W], rows of norm 1. */
  filters: Tensor
  config: FilterConfig
  health: FilterHealth
  /** One short entry for each stretch of minibatches. */
  history: HistoryEntry[]
  /** True when `untilConverged` ended the run. */
  converged: boolean
}

export interface HistoryEntry {
  step: number
  energy: number
  dead: number
  unitNorm: number
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
  health: FilterHealth | null
  converged: boolean
}

const names: (keyof FilterOptions)[] = [
  ...(['units', 'window', 'rank', 'antiHebbian', 'learningRate', 'finalLearningRate', 'batch', 'steps', 'mode', 'init'] as const),
  ...(['step', 'normalise', 'centre', 'dead', 'untilConverged', 'seed'] as const),
]

/** Fills in defaults and refuses unknown options; ranges of the rule's own options are checked by the op. */
export function filterConfig(options: FilterOptions = {}): FilterConfig {
  for (const name of Object.keys(options))
    if (!names.includes(name as keyof FilterOptions))
      throw new OptionError({
        op: 'trainLocal',
        argument: `filters.${name}`,
        actual: 'no option of it',
        expected: `one of ${names.join(', ')}`,
      })
  const mode = options.mode ?? 'stable'
  const faithful = mode === 'faithful'
  const config: FilterConfig = {
    units: 400,
    window: 4,
    rank: 2,
    antiHebbian: 0.2,
    learningRate: faithful ? 0.02 : 0.1,
    finalLearningRate: 0,
    batch: 1000,
    steps: 20_000,
    mode,
    init: faithful ? 'normal' : 'patches',
    step: faithful ? 'max' : 'count',
    normalise: 'patch',
    centre: false,
    dead: 'report',
    untilConverged: false,
    seed: 0,
    ...(Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)) as FilterOptions),
  }
  const choice = (name: 'mode' | 'init' | 'dead', words: string[]) => {
    if (!words.includes(config[name]))
      throw new OptionError({
        op: 'trainLocal',
        argument: name,
        actual: `'${config[name]}'`,
        expected: words.map((w) => `'${w}'`).join(' or '),
      })
  }
  choice('mode', ['stable', 'faithful'])
  choice('init', ['patches', 'normal'])
  choice('dead', ['report', 'reseed', 'prune'])
  for (const name of ['units', 'window', 'steps', 'batch'] as const)
    if (!Number.isInteger(config[name]) || config[name] < (name === 'units' ? 2 : 1))
      throw new OptionError({
        op: 'trainLocal',
        argument: name,
        actual: String(config[name]),
        expected: 'a whole number, large enough',
      })
  if (!Number.isInteger(config.seed) || config.seed < 0)
    throw new OptionError({ op: 'trainLocal', argument: 'seed', actual: String(config.seed), expected: 'a whole number from 0' })
  return config
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
  let w: Tensor
  const saved = run.resume ? await checkpoints?.load() : null
  if (saved) {
    position = saved.position
    const rows = saved.tensors.get('w') as Safetensor
    w = Tensor.from(rows.data as Float32Array, { shape: rows.shape, device })
  } else {
    w = Tensor.from(initialRows(set, config), { shape: [config.units, dimension(set, config)], device })
  }
  const stretch = stretchOf(config.steps)
  const images = Tensor.from(set.images, { shape: set.shape, device })
  const report = startPhase(phase, 'patches', config.steps * config.batch, position.step * config.batch, run.onProgress)
  const save = async () => checkpoints?.save(position, { w: await hostTensor(w) })
  try {
    while (position.step < config.steps && !position.converged) {
      run.signal?.throwIfAborted()
      const steps = Math.min(stretch, config.steps - position.step)
      const tally = hebbianLearn(images, w, stretchOptions(config, position.step, steps))
      const step = position.step + steps
      const health = await inspect(w, tally, config, step)
      for (const tensor of Object.values(tally)) (tensor as Tensor).dispose()
      // The new rows are given the first two thirds of the run only, so that they have time to settle.
      if (config.dead === 'reseed' && health.dead.length > 0 && step < (2 / 3) * config.steps)
        w = await reseed(w, health.dead, set, config, step)
      const { energy, unitNorm } = health
      position = {
        step,
        health,
        history: [...position.history, { step, energy, dead: health.dead.length, unitNorm }],
        converged: config.untilConverged && hasConverged(health, position.health),
      }
      report(step * config.batch, { dead: health.dead.length, energy })
      if (checkpoints?.due()) await save()
    }
    await save()
    const health = {
      ...(position.health as FilterHealth),
      duplicates: await countDuplicates(w, (position.health as FilterHealth).dead),
    }
    const filters = await freeze(w, set, config, health)
    return { filters, config, health, history: position.history, converged: position.converged }
  } catch (error) {
    if (run.signal?.aborted) await save()
    throw error
  } finally {
    images.dispose()
    w.dispose()
  }
}

const dimension = (set: ImageSet, config: FilterConfig): number => set.shape[1] * config.window ** 2

/** Refuses what the learning op would refuse for this image set, before anything is made or written. */
export function checkFilters(set: ImageSet, config: FilterConfig): void {
  const inputs = [
    { dtype: 'u8', shape: set.shape },
    { dtype: 'f32', shape: [config.units, dimension(set, config)] },
  ] as const
  checkOp('hebbian_learn', inputs, stretchOptions(config, 0, 1))
}

function stretchOptions(config: FilterConfig, firstStep: number, steps: number): HebbianLearnOptions {
  const { rank, antiHebbian, learningRate, finalLearningRate, step, window, batch, seed, normalise, centre } = config
  const rule = { rank, antiHebbian, learningRate, finalLearningRate, step, window, batch, seed, normalise, centre }
  return { ...rule, firstStep, steps, totalSteps: config.steps }
}

async function inspect(w: Tensor, tally: HebbianTally, config: FilterConfig, step: number): Promise<FilterHealth> {
  const [rows, wins, gains, energy] = await Promise.all([w.read(), tally.wins.read(), tally.gains.read(), tally.energy.read()])
  const norms = rowNorms(rows.data as Float32Array, config.units)
  const won = Array.from(wins.data)
  return {
    step,
    learningRate: config.learningRate + ((config.finalLearningRate - config.learningRate) * step) / config.steps,
    energy: energy.data[0] ?? 0,
    wins: won,
    norms,
    dead: won.flatMap((n, unit) => (n === 0 ? [unit] : [])),
    repelled: Array.from(gains.data).filter((s) => s < 0).length,
    unitNorm: norms.filter((n) => Math.abs(n - 1) < 0.01).length / norms.length,
    duplicates: 0,
  }
}

/** Settled: the same units dead, all live rows within 1 % of norm 1 and attracted to it, and wins that moved by less than a tenth. */
function hasConverged(now: FilterHealth, before: FilterHealth | null): boolean {
  if (!before || now.dead.join() !== before.dead.join()) return false
  const live = now.norms.filter((_, unit) => (now.wins[unit] ?? 0) > 0)
  const moved = now.wins.reduce((sum, n, unit) => sum + Math.abs(n - (before.wins[unit] ?? 0)), 0)
  const total = now.wins.reduce((a, b) => a + b, 0)
  return now.repelled === 0 && live.every((n) => Math.abs(n - 1) < 0.01) && moved < 0.1 * total
}

function rowNorms(rows: Float32Array, count: number): number[] {
  const d = rows.length / count
  return Array.from({ length: count }, (_, row) => Math.hypot(...rows.subarray(row * d, (row + 1) * d)))
}

async function countDuplicates(w: Tensor, dead: number[]): Promise<number> {
  const k = w.shape[0] as number
  const { data } = await scope(() => {
    const unit = unitRows(w)
    return matmul(unit, unit, { transposeB: true })
  }).read()
  const skip = new Set(dead)
  let pairs = 0
  for (let i = 0; i < k; i++)
    for (let j = i + 1; j < k; j++) if ((data[i * k + j] ?? 0) > 0.99 && !skip.has(i) && !skip.has(j)) pairs++
  return pairs
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

function initialRows(set: ImageSet, config: FilterConfig): Float32Array {
  const d = dimension(set, config)
  return config.init === 'normal' ? normals(config.seed, config.units * d) : dataPatches(set, config, config.units, 0)
}

/** `count` patches drawn without replacement, prepared as the learning op prepares them, and of norm 1. `draw` numbers the drawing. */
export function dataPatches(set: ImageSet, config: FilterConfig, count: number, draw: number): Float32Array {
  const [n, channels, height, width] = set.shape
  const { window } = config
  const [rows, columns] = [height - window + 1, width - window + 1]
  if (rows < 1 || columns < 1)
    throw new OptionError({
      op: 'trainLocal',
      argument: 'window',
      actual: String(window),
      expected: `at most the images' ${height} x ${width}`,
    })
  const d = dimension(set, config)
  const order = new Permutation(n * rows * columns, config.seed, (0x80000000 + draw) >>> 0)
  const patches = new Float32Array(count * d)
  let made = 0
  for (let i = 0; i < n * rows * columns && made < count; i++) {
    const at = order.at(i)
    const image = Math.floor(at / (rows * columns))
    const y = Math.floor((at % (rows * columns)) / columns)
    const x = at % columns
    const patch = patches.subarray(made * d, (made + 1) * d)
    let e = 0
    for (let c = 0; c < channels; c++)
      for (let r = 0; r < window; r++)
        for (let s = 0; s < window; s++)
          patch[e++] = (set.images[((image * channels + c) * height + y + r) * width + x + s] ?? 0) / 255
    if (config.centre) {
      const mean = patch.reduce((a, b) => a + b, 0) / d
      for (let j = 0; j < d; j++) patch[j] = (patch[j] ?? 0) - mean
    }
    const norm = Math.hypot(...patch)
    if (norm * norm <= 1e-12) continue // a zero patch says nothing
    for (let j = 0; j < d; j++) patch[j] = (patch[j] ?? 0) / norm
    made++
  }
  if (made < count)
    throw new OptionError({
      op: 'trainLocal',
      argument: 'units',
      actual: String(count),
      expected: `at most the ${made} patches that are not zero`,
    })
  return patches
}
