// What a rule of learning is: rows of filters that change minibatch by minibatch, on patches gathered on the device from u8 images in
// a seeded order (see gatherPatches).
import type { Device } from '../../device.js'
import { OptionError } from '../../errors.js'
import { patchPreparation } from '../../models/index.js'
import { gatherPatches, linear, unitRows } from '../../ops/index.js'
import { normals } from '../../random.js'
import { checkOp, scope, Tensor } from '../../tensor.js'
import { drawPatches, norm2 } from '../patches.js'
import type { Pixels } from '../reservoirs.js'
import { drawWhitened, type Whitening } from '../whitening.js'
import type { RuleSetting, RuleSettings } from './settings.js'

/**
 * All that a rule carries from step to step, by name: what a checkpoint holds. `w` [K,D] are the rows; where patches are whitened, `z` [D,M]
 * and `offset` [D] do it.
 */
export interface RuleState {
  w: Tensor
  [name: string]: Tensor
}

/** Counted over a stretch of minibatches. */
export interface RuleTally {
  /** Patches won, of each unit; empty where the rule knows no winner. */
  wins: number[]
  /** Sum of g * current of each unit, below 0 where the norm is repelled from 1; empty where the rule has none. */
  gains: number[]
  /** Mean a patch of what the rule lowers. */
  energy: number
}

export interface Rule {
  readonly name: string
  /** Formula and source, in a sentence or two. */
  describe(): string
  /** False for rows that are made and not learned: their health says nothing of learning. */
  readonly learns: boolean
  /** Settings that it reads beside those that all rules have. */
  readonly settings: readonly RuleSetting[]
  /** Its defaults where they are its own. `given` is what the caller asked for. */
  defaults(given: Partial<RuleSettings>): Partial<RuleSettings>
  /** What to try against units that lose every patch, in words. */
  againstDead(config: RuleSettings): string
  /** What to try against units that become alike, in words. */
  againstDuplicates(config: RuleSettings): string
  /** @throws {OptionError | ShapeError} what its ops would refuse on images of this shape, before anything is made */
  check(shape: readonly number[], config: RuleSettings): void
  /** The rows before the first minibatch, and what else is its own: the same for the same images, settings and seed. */
  start(images: Pixels, config: RuleSettings, device: Device, whitening: Whitening | null): RuleState
  /**
   * Runs minibatches first ... first + steps - 1 of `config.steps`, changing `state` (its tensors may be replaced). Stretches that follow
   * one another give the same bits as one stretch.
   * @param images u8 [N,C,H,W], on the device of the state
   */
  learn(images: Tensor, state: RuleState, config: RuleSettings, first: number, steps: number): Promise<RuleTally>
}

/** What most rules say where units die: start from data, give dead rows new patches, or take fewer. */
export const usualCure = ({ init, dead }: RuleSettings): string =>
  `try ${[...(init === 'patches' ? [] : ["init 'patches'"]), ...(dead === 'reseed' ? [] : ["dead 'reseed'"]), 'fewer units'].join(', or ')}`

export const longerOrFewer = ({ steps }: RuleSettings): string => `more minibatches (now ${steps}) or fewer units`

/** Numbers of a patch. */
export const patchSize = (shape: readonly number[], { window }: Pick<RuleSettings, 'window'>): number =>
  (shape[1] ?? 0) * window ** 2

/** D: numbers of a row, one for each of a patch, or for each that its whitening keeps. */
export const dimension = (shape: readonly number[], config: Pick<RuleSettings, 'window' | 'whiten'>): number =>
  config.whiten?.keep ?? patchSize(shape, config)

/** `count` data patches [count,D] as rows meet them, of norm 1. */
export const dataRows = (
  images: Pixels,
  config: RuleSettings,
  count: number,
  draw: number,
  whitening: Whitening | null,
): Float32Array =>
  whitening ? drawWhitened(images, whitening, config.seed, count, draw) : drawPatches(images, config, count, draw)

/** |x|_p */
export const pNorm = (x: Float32Array, p: number): number =>
  p === 2 ? norm2(x) : x.reduce((sum, y) => sum + Math.abs(y) ** p, 0) ** (1 / p)

/**
 * Rows from data patches, of p-norm 1 (to which the rule draws them: shorter ones would grow as they win, and win the more), or from the
 * standard normal distribution, as `config.init` says.
 */
export function startRows(images: Pixels, config: RuleSettings, device: Device, whitening: Whitening | null): Tensor {
  const d = dimension(images.shape, config)
  const rows =
    config.init === 'normal' ? normals(config.seed, config.units * d) : dataRows(images, config, config.units, 0, whitening)
  if (config.init === 'patches' && config.p !== 2)
    for (let at = 0; at < rows.length; at += d) {
      const row = rows.subarray(at, at + d)
      const norm = pNorm(row, config.p)
      for (let i = 0; i < d; i++) row[i] = (row[i] ?? 0) / norm
    }
  if (config.p !== 2) refuseSteep(rows, d, config)
  return Tensor.from(rows, { shape: [config.units, d], device })
}

/** Currents of the p-th power of rows that are far from norm 1 pass the range of float32 in the first minibatch. */
function refuseSteep(rows: Float32Array, d: number, { p, init }: RuleSettings): void {
  for (let at = 0; at < rows.length; at += d) {
    const power = rows.subarray(at, at + d).reduce((sum, y) => sum + Math.abs(y) ** p, 0)
    if (power > 1e37)
      throw new OptionError({
        op: 'learnFilters',
        argument: 'p',
        actual: `${p} with init '${init}', whose rows have currents beyond the range of float32`,
        expected: "a lower one, or init 'patches'",
      })
  }
}

/** Learning rate of a minibatch, falling linearly as in hebbianLearn. */
export const rateAt = (config: RuleSettings, step: number): number =>
  config.learningRate + ((config.finalLearningRate - config.learningRate) * step) / config.steps

/** How the patches of a minibatch are made of windows. */
export const gathering = ({ window, batch, seed, whiten, normalise, centre }: RuleSettings) => ({
  window,
  batch,
  seed,
  ...(whiten ? patchPreparation(whiten.after) : { normalise, centre }),
})

/** Patches of one minibatch [B,D], as rows meet them. */
export function minibatch(images: Tensor, { z, offset }: RuleState, config: RuleSettings, step: number): Tensor {
  return scope(() => {
    const patches = gatherPatches(images, { ...gathering(config), step })
    return z ? unitRows(linear(patches, z, offset)) : patches
  })
}

/** Refuses what {@link minibatch} would. */
export function checkMinibatch(shape: readonly number[], config: RuleSettings): void {
  checkOp('gather_patches', [{ dtype: 'u8', shape }], gathering(config))
}

/** Minibatches between two waits for the device: the memory of no more than these is held at once. */
const ahead = 4

/**
 * Queues `step` for each minibatch of a stretch, and hands what it gave to `count`, in order, once it is there.
 * @param step makes tensors, which are read and disposed of
 */
export async function eachMinibatch<T extends string>(
  first: number,
  steps: number,
  step: (t: number) => Record<T, Tensor>,
  count: (read: Record<T, ArrayLike<number>>) => void,
): Promise<void> {
  for (let from = first; from < first + steps; from += ahead) {
    const made = Array.from({ length: Math.min(ahead, first + steps - from) }, (_, i) => step(from + i))
    const read = made.map(async (tensors) => {
      const entries = Object.entries(tensors) as [T, Tensor][]
      const numbers = await Promise.all(entries.map(async ([name, tensor]) => [name, (await tensor.read()).data] as const))
      for (const [, tensor] of entries) tensor.dispose()
      return Object.fromEntries(numbers) as unknown as Record<T, ArrayLike<number>>
    })
    for (const values of await Promise.all(read)) count(values)
  }
}

/** Adds up wins, gains and energies of minibatches. */
export class TallySum {
  private readonly wins: Float64Array
  private readonly gains: Float64Array
  private energy = 0
  private patches = 0

  constructor(units: number) {
    this.wins = new Float64Array(units)
    this.gains = new Float64Array(units)
  }

  add({ wins, gains, energy }: { wins: ArrayLike<number>; gains: ArrayLike<number>; energy: ArrayLike<number> }): void {
    let patches = 0
    for (let unit = 0; unit < wins.length; unit++) {
      this.wins[unit] = (this.wins[unit] ?? 0) + (wins[unit] ?? 0)
      this.gains[unit] = (this.gains[unit] ?? 0) + (gains[unit] ?? 0)
      patches += wins[unit] ?? 0
    }
    this.energy += (energy[0] ?? 0) * patches
    this.patches += patches
  }

  result(): RuleTally {
    const energy = this.patches > 0 ? this.energy / this.patches : 0
    return { wins: Array.from(this.wins), gains: Array.from(this.gains), energy }
  }
}
