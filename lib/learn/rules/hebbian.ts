// Krotov-Hopfield, and its limit without an anti-Hebbian unit, winner take all.
import { hebbianLearn } from '../../ops/index.js'
import type { Tensor } from '../../tensor.js'
import { checkStretch, learnStretch, longerOrFewer, type Rule, type RuleState, startRows, usualCure } from './rule.js'
import type { RuleSettings } from './settings.js'

const own = ({ rank, p, antiHebbian, step }: RuleSettings) => ({ rank, p, antiHebbian, step })

/** Refuses what hebbianLearn would. */
export const checkHebbian = (shape: readonly number[], config: RuleSettings): void =>
  checkStretch('hebbian_learn', shape, config, own(config))

/** A stretch by hebbianLearn. */
export const learnHebbian = (images: Tensor, state: RuleState, config: RuleSettings, first: number, steps: number) =>
  learnStretch((course) => hebbianLearn(images, state.w, { ...own(config), ...course }), state, config, first, steps)

const shared = ['learningRate', 'finalLearningRate', 'init', 'step', 'normalise', 'dead', 'untilConverged'] as const

/** Grinberg, Hopfield, Krotov 2019, equations 1 and 2; p as in Krotov and Hopfield 2019. Rows tend to p-norm 1. */
export const krotovHopfield: Rule = {
  name: 'krotov-hopfield',
  describe: () =>
    'the unit of the greatest current learns, the one of rank m unlearns with strength Delta: dw = g (v - current w), current = sum of ' +
    'sign(w) |w|^(p-1) v (Krotov and Hopfield 2019; Grinberg, Hopfield, Krotov 2019)',
  learns: true,
  settings: ['rank', 'p', 'antiHebbian', 'mode', ...shared],
  defaults: ({ mode }) =>
    mode === 'faithful'
      ? { learningRate: 0.02, init: 'normal', step: 'max' }
      : { learningRate: 0.1, init: 'patches', step: 'count' },
  againstDead: (config) =>
    config.antiHebbian > 0 ? `try a lower anti-Hebbian strength (Delta, now ${config.antiHebbian})` : usualCure(config),
  againstDuplicates: (config) =>
    config.antiHebbian < 0.2
      ? `${longerOrFewer(config)}, or a higher anti-Hebbian strength (Delta, now ${config.antiHebbian})`
      : longerOrFewer(config),
  check: checkHebbian,
  start: (images, config, device, whitening) => ({ w: startRows(images, config, device, whitening) }),
  learn: learnHebbian,
}

const winnerOnly = (config: RuleSettings): RuleSettings => ({ ...config, rank: 1, p: 2, antiHebbian: 0 })

/** Competitive learning with the decay that draws rows to norm 1. Rumelhart and Zipser 1985; Delta = 0 of Krotov-Hopfield. */
export const hardWta: Rule = {
  name: 'hard-wta',
  describe: () =>
    'only the unit of the greatest current learns: w += rate * (mean of its patches - mean current * w); Krotov-Hopfield with Delta = 0, ' +
    'and online spherical k-means (Ryali et al. 2020)',
  learns: true,
  settings: shared,
  defaults: () => ({}),
  againstDead: usualCure,
  againstDuplicates: longerOrFewer,
  check: (shape, config) => checkHebbian(shape, winnerOnly(config)),
  start: krotovHopfield.start,
  learn: (images, state, config, first, steps) => learnHebbian(images, state, winnerOnly(config), first, steps),
}
