// Filters learned without labels by one of the rules: initial rows, the loop over stretches of minibatches, dead units, convergence.
import { z } from 'zod'
import { checkImages, type Images } from '../data/images.js'
import type { Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import { unitRows } from '../ops/index.js'
import { Checkpoints } from '../run/checkpoint.js'
import { inFolder } from '../run/folder.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { duration, memoryText, startPhase, trialSeconds } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'
import { type FilterConfig, type FilterOptions, filterConfig } from './filter_options.js'
import { historySchema, stretchSchema } from './filter_record.js'
import { examine, type FilterHealth, type HistoryEntry, inspect, type StretchHealth } from './health.js'
import { type Pixels, type Reservoirs, reservoirs } from './reservoirs.js'
import { dataRows, dimension, patchSize, type RuleState } from './rules/rule.js'
import { ruleOf } from './rules.js'
import { type Whitening, whiteningOf } from './whitening.js'

export interface LearnedFilters {
  /** [K,C,W,W], rows of norm 1; [K,E,1,1] where patches are whitened to E numbers. */
  filters: Tensor
  config: FilterConfig
  health: FilterHealth
  /** One short entry for each stretch of minibatches. */
  history: HistoryEntry[]
  /** True when `untilConverged` ended the run. */
  converged: boolean
  /** What patches go through before they meet these filters, as `whiten` asked for it. */
  whitening: Whitening | null
}

export interface FilterRun extends RunOptions {
  /** Which of a network's layers these are, from 1: it names phase and checkpoint. Default: the only one. */
  part?: { number: number; of: number }
}

const positionSchema = z.object({
  step: z.number(),
  history: z.array(historySchema),
  health: stretchSchema.nullable(),
  converged: z.boolean(),
})
type Position = z.infer<typeof positionSchema>

/** Minibatches between looks at the units: about a hundred looks a run, and never more than a second or so apart. */
const stretchOf = (steps: number): number => Math.max(1, Math.min(250, Math.ceil(steps / 100)))

/**
 * Learns filters from the patches of images. The same options, data, device and seed give the same bits, interrupted or not, from memory or
 * from a disk.
 * @throws {OptionError} for options out of range, before anything runs; the signal's reason when it is aborted (a checkpoint is kept)
 */
export async function learnFilters(images: Images, options: FilterOptions = {}, run: FilterRun = {}): Promise<LearnedFilters> {
  const op = 'learnFilters'
  const asked = checkRun(op, run, ['part'])
  checkImages(op, images)
  const config = filterConfig(options)
  checkFilters(op, images.shape, asked.device, config)
  // The layers of a network share the folder that their recipe has opened.
  return asked.part ? learn(images, config, asked) : inFolder(op, asked, () => learn(images, config, asked))
}

async function learn(images: Images, config: FilterConfig, asked: FilterRun & { device: Device }): Promise<LearnedFilters> {
  const { device, out, part = { number: 1, of: 1 } } = asked
  const { number, of } = part
  const phase = of === 1 ? 'filters' : `filters ${number}/${of}`
  const checkpoints = out
    ? new Checkpoints({
        run: { ...asked, out },
        stem: number === 1 ? 'filters' : `filters-${number}`,
        config: { filters: config, data: images.sha256 },
        position: positionSchema,
      })
    : null
  let position: Position = { step: 0, history: [], health: null, converged: false }
  const rule = ruleOf(config.rule)
  const saved = asked.resume ? await checkpoints?.load() : null
  if (saved) position = saved.position
  const visit = new Visit(reservoirs(images, config.reservoir, config.seed), config, device)
  let state: RuleState | null = null
  const save = async () => {
    if (state) await checkpoints?.save(position, await hostState(state))
  }
  /** Seconds that the minibatches which are left will take, by a trial of one on a copy. */
  const expected = async (live: RuleState) => {
    const trial = stateFrom(new Map(Object.entries(await hostState(live))), device)
    try {
      const { images } = await visit.at(position.step, asked.signal)
      const seconds = await trialSeconds(device, async () => void (await rule.learn(images, trial, config, position.step, 1)))
      return seconds * (config.steps - position.step)
    } finally {
      for (const tensor of Object.values(trial)) tensor.dispose()
    }
  }
  try {
    const live = saved ? stateFrom(saved.tensors, device) : await firstState(await visit.at(0, asked.signal), config, device)
    state = live
    const whitening = await whiteningIn(live, images.shape[1], config)
    if (asked.onPlan && position.step < config.steps)
      asked.onPlan(
        `${phase}: ${config.units} of ${config.window} x ${config.window} from ${config.steps} minibatches of ${config.batch} patches, ` +
          `about ${memoryText(filterMemory(images.shape, config))} of memory and ${duration(await expected(live))}`,
      )
    const stretch = stretchOf(config.steps)
    const report = startPhase(phase, 'patches', config.steps * config.batch, position.step * config.batch, asked.onProgress)
    while (position.step < config.steps && !position.converged) {
      asked.signal?.throwIfAborted()
      const here = await visit.at(position.step, asked.signal)
      visit.readAhead(asked.signal)
      const steps = Math.min(stretch, here.end - position.step)
      const tally = await rule.learn(here.images, live, config, position.step, steps)
      const step = position.step + steps
      const health = await inspect(live.w, tally, config, step)
      const wild = Number.isFinite(health.energy) ? health.norms.find((norm) => !Number.isFinite(norm)) : health.energy
      if (wild !== undefined)
        throw new DataError({
          op: 'learnFilters',
          argument: phase,
          actual: `${Number.isFinite(health.energy) ? 'a row of norm' : 'an energy of'} ${wild} after minibatch ${step}`,
          expected: 'a finite one (try a lower learning rate, or a higher temperature)',
        })
      // The new rows are given the first two thirds of the run only, so that they have time to settle.
      if (config.dead === 'reseed' && health.dead.length > 0 && step < (2 / 3) * config.steps)
        live.w = await reseed(live.w, health.dead, here.host, config, step, whitening)
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
    const last = await visit.at(position.step - 1, asked.signal)
    const health = await examine(last.images, live, config, position.health as StretchHealth)
    const shape = whitening ? [whitening.offset.length, 1, 1] : [images.shape[1], config.window, config.window]
    const filters = await freeze(live.w, shape, config, health)
    return { filters, config, health, history: position.history, converged: position.converged, whitening }
  } catch (error) {
    if (asked.signal?.aborted) await save()
    throw error
  } finally {
    visit.dispose()
    for (const tensor of Object.values(state ?? {})) tensor.dispose()
  }
}

interface Stay {
  host: Pixels
  /** u8 [N,C,H,W] on the device. */
  images: Tensor
  /** Minibatch at which the next reservoir begins. */
  end: number
}

/** The reservoirs of a run, each for an equal share of its minibatches; the next one is read while the device learns from this one. */
class Visit {
  private readonly share: number
  private stay: (Stay & { index: number }) | null = null
  private coming: { index: number; pixels: Promise<Pixels> } | null = null

  constructor(
    private readonly reservoirs: Reservoirs,
    private readonly config: FilterConfig,
    private readonly device: Device,
  ) {
    this.share = Math.ceil(config.steps / reservoirs.count)
  }

  /** Where the patches of minibatch `step` come from. */
  async at(step: number, signal?: AbortSignal): Promise<Stay> {
    const index = Math.min(this.reservoirs.count - 1, Math.floor(step / this.share))
    if (this.stay?.index === index) return this.stay
    const host = await (this.coming?.index === index ? this.coming.pixels : this.reservoirs.load(index, signal))
    this.stay?.images.dispose()
    const images = Tensor.from(host.pixels, { shape: host.shape, device: this.device })
    const end = Math.min(this.config.steps, (index + 1) * this.share)
    this.stay = { index, host, images, end }
    return this.stay
  }

  /** Reads the next reservoir while this one is learned from. Not before what is timed: making maps keeps the device busy. */
  readAhead(signal?: AbortSignal): void {
    if (!this.stay || this.stay.end === this.config.steps) return
    const index = this.stay.index + 1
    if (this.coming?.index === index) return
    const pixels = this.reservoirs.load(index, signal)
    // Whoever needs it awaits it; until then a failure must not count as unhandled.
    pixels.catch(() => undefined)
    this.coming = { index, pixels }
  }

  dispose(): void {
    this.stay?.images.dispose()
  }
}

/** The state before the first minibatch, with the whitening that the configuration asks for. */
async function firstState({ host, images }: Stay, config: FilterConfig, device: Device): Promise<RuleState> {
  const { start } = ruleOf(config.rule)
  if (!config.whiten) return start(host, config, device, null)
  const whitening = await whiteningOf('learnFilters', images, config.whiten, config)
  const { matrix, offset } = whitening
  const z = Tensor.from(matrix, { shape: [offset.length, matrix.length / offset.length], device })
  return { ...start(host, config, device, whitening), z, offset: Tensor.from(offset, { device }) }
}

/** The whitening that a state holds. */
async function whiteningIn(
  { z, offset }: RuleState,
  channels: number,
  { whiten, window }: FilterConfig,
): Promise<Whitening | null> {
  if (!whiten || !z || !offset) return null
  const [matrix, added] = await Promise.all([z.read(), offset.read()])
  return { channels, window, after: whiten.after, matrix: matrix.data as Float32Array, offset: added.data as Float32Array }
}

function stateFrom(tensors: Map<string, Safetensor>, device: Device): RuleState {
  const entries = [...tensors].map(([name, { data, shape }]) => [name, Tensor.from(data as Float32Array, { shape, device })])
  return Object.fromEntries(entries) as RuleState
}

async function hostState(state: RuleState): Promise<Record<string, Safetensor>> {
  const entries = Object.entries(state).map(async ([name, tensor]) => [name, await hostTensor(tensor)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

/**
 * Refuses what could not be learned from images of this shape, before anything is made or written.
 * @param path of the filters' options, for messages
 */
export function checkFilters(op: string, shape: Images['shape'], device: Device, config: FilterConfig, path = ''): void {
  const [n, channels, height, width] = shape
  const { units, window, init, reservoir, whiten } = config
  const refuse = (argument: string, actual: string, expected: string, cause?: unknown) =>
    new OptionError({ op, argument: path ? `${path}.${argument}` : argument, actual, expected }, { cause })
  const held = Math.min(n, Math.max(1, Math.floor(reservoir / (channels * height * width))))
  const size = patchSize(shape, config)
  if (whiten?.keep !== undefined && whiten.keep > size)
    throw refuse('whiten.keep', String(whiten.keep), `at most the ${size} numbers of a patch`)
  try {
    ruleOf(config.rule).check([held, channels, height, width], config)
  } catch (cause) {
    if (!(cause instanceof OptionError)) throw cause
    throw refuse(cause.argument, cause.actual, cause.expected, cause)
  }
  const bytes = filterMemory(shape, config)
  if (bytes > device.memory)
    throw refuse(
      'units',
      `${units}, for which learning takes ${memoryText(bytes)}`,
      `units for the ${memoryText(device.memory)} of ${device}`,
    )
  const patches = held * (height - window + 1) * (width - window + 1)
  if (ruleOf(config.rule).settings.includes('init') && init === 'patches' && units > patches)
    throw refuse('units', String(units), `at most the ${patches} patches of the images`)
}

/** Bytes that learning takes: the pixels, the rows before and after an update, a minibatch and its currents, and what whitens it. */
function filterMemory(shape: Images['shape'], config: FilterConfig): number {
  const { units, batch, reservoir, whiten } = config
  const [n, ...image] = shape
  const size = image.reduce((a, b) => a * b, 1)
  const d = dimension(shape, config)
  const patch = patchSize(shape, config)
  const pixels = Math.min(n * size, Math.max(size, reservoir))
  // The covariance and its eigenvectors are float64.
  const whitening = whiten ? 3 * 8 * patch ** 2 + 4 * (patch * d + batch * patch) : 0
  return pixels + 4 * (2 * units * d + batch * (d + units)) + whitening
}

/** Settled: the same units dead, all live rows within 1 % of norm 1 and attracted to it, and wins that moved by less than a tenth. */
function hasConverged(now: StretchHealth, before: StretchHealth | null): boolean {
  if (!before || now.dead.join() !== before.dead.join()) return false
  const live = now.norms.filter((_, unit) => (now.wins[unit] ?? 0) > 0)
  const moved = now.wins.reduce((sum, n, unit) => sum + Math.abs(n - (before.wins[unit] ?? 0)), 0)
  const total = now.wins.reduce((a, b) => a + b, 0)
  return now.repelled === 0 && live.every((n) => Math.abs(n - 1) < 0.01) && moved < 0.1 * total
}

async function reseed(
  w: Tensor,
  dead: number[],
  images: Pixels,
  config: FilterConfig,
  step: number,
  whitening: Whitening | null,
): Promise<Tensor> {
  const rows = (await w.read()).data as Float32Array
  const d = w.shape[1] as number
  const fresh = dataRows(images, config, dead.length, step, whitening)
  dead.forEach((unit, i) => {
    rows.set(fresh.subarray(i * d, (i + 1) * d), unit * d)
  })
  const next = Tensor.from(rows, { shape: w.shape, device: w.device })
  w.dispose()
  return next
}

/** Rows as filters, without dead ones where they are pruned. */
async function freeze(w: Tensor, row: readonly number[], config: FilterConfig, health: FilterHealth): Promise<Tensor> {
  const shape = (units: number) => [units, ...row]
  if (config.dead !== 'prune' || health.dead.length === 0) return scope(() => unitRows(w).reshape(shape(config.units)))
  const rows = (await w.read()).data as Float32Array
  const d = w.shape[1] as number
  const gone = new Set(health.dead)
  const live = Array.from({ length: config.units }, (_, unit) => unit).filter((unit) => !gone.has(unit))
  if (live.length === 0) {
    const actual = `'prune', where all of the ${config.units} units are dead`
    const expected = "settings under which units live, or 'report' or 'reseed'"
    throw new DataError({ op: 'learnFilters', argument: 'dead', actual, expected })
  }
  const kept = new Float32Array(live.length * d)
  live.forEach((unit, i) => {
    kept.set(rows.subarray(unit * d, (unit + 1) * d), i * d)
  })
  return scope(() => unitRows(Tensor.from(kept, { shape: [live.length, d], device: w.device })).reshape(shape(live.length)))
}
