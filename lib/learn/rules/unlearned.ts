// Filters without learning, to compare with. Their minibatches only count how often each unit would win.
import { normals } from '../../random.js'
import { Tensor } from '../../tensor.js'
import { unitInPlace } from '../patches.js'
import { checkHebbian, learnHebbian } from './hebbian.js'
import { dataRows, dimension, longerOrFewer, type Rule, usualCure } from './rule.js'
import type { RuleSettings } from './settings.js'

const still = (config: RuleSettings): RuleSettings => ({
  ...config,
  rank: 1,
  p: 2,
  antiHebbian: 0,
  learningRate: 0,
  finalLearningRate: 0,
  step: 'count',
})

const base: Omit<Rule, 'name' | 'describe' | 'start'> = {
  learns: false,
  settings: ['normalise', 'dead'],
  againstDead: usualCure,
  againstDuplicates: longerOrFewer,
  defaults: () => ({ steps: 100 }),
  check: (shape, config) => checkHebbian(shape, still(config)),
  learn: (images, state, config, first, steps) => learnHebbian(images, state, still(config), first, steps),
}

export const random: Rule = {
  ...base,
  name: 'random',
  describe: () => 'no learning: rows from the standard normal distribution, of norm 1',
  start(images, { units, seed, ...config }, device) {
    const d = dimension(images.shape, config)
    return { w: Tensor.from(unitInPlace(normals(seed, units * d), d), { shape: [units, d], device }) }
  },
}

export const patches: Rule = {
  ...base,
  name: 'patches',
  describe: () =>
    'no learning: rows are random patches of the images, of norm 1 (whitened ones: Coates and Ng 2012; Thiry et al. 2021)',
  start(images, config, device, whitening) {
    const shape = [config.units, dimension(images.shape, config)]
    return { w: Tensor.from(dataRows(images, config, config.units, 0, whitening), { shape, device }) }
  },
}
