// What a rule of learning is: rows of filters that change minibatch by minibatch, on patches gathered on the device from u8 images in
// a seeded order (see gatherPatches).
import type { Device } from '../../device.js'
import { OptionError } from '../../errors.js'
import { patchPreparation } from '../../models/index.js'
import { gatherPatches, linear, type MinibatchOptions, unitRows } from '../../ops/index.js'
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
const gathering = ({ window, batch, seed, whiten, normalise, centre }: RuleSettings) => ({
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

/** Options of the ops that learn a stretch of minibatches in one call, beside those of the rule. */
const stretchOf = (config: RuleSettings, firstStep: number, steps: number) => ({
  learningRate: config.learningRate,
  finalLearningRate: config.finalLearningRate,
  ...gathering(config),
  firstStep,
  steps,
  totalSteps: config.steps,
})

/** Refuses what such an op would. `own`: the options of the rule. */
export function checkStretch(op: string, shape: readonly number[], config: RuleSettings, own: object): void {
  const d = dimension(shape, config)
  const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  const whitening = config.whiten ? [f32(d, patchSize(shape, config)), f32(d)] : []
  checkOp(op, [{ dtype: 'u8', shape }, f32(config.units, d), ...whitening], { ...own, ...stretchOf(config, 0, 1) })
}

/** A stretch by such an op, which is given its options. */
export async function learnStretch(
  learn: (options: MinibatchOptions) => { wins?: Tensor; gains?: Tensor; energy: Tensor },
  { z, offset }: RuleState,
  config: RuleSettings,
  first: number,
  steps: number,
): Promise<RuleTally> {
  const tally = learn({ ...stretchOf(config, first, steps), whitening: z && offset ? { z, offset } : null })
  const numbers = async (tensor?: Tensor) => (tensor ? Array.from((await tensor.read()).data) : [])
  const [wins, gains, energy] = await Promise.all([numbers(tally.wins), numbers(tally.gains), numbers(tally.energy)])
  for (const tensor of Object.values(tally)) tensor.dispose()
  return { wins, gains, energy: energy[0] ?? 0 }
}
