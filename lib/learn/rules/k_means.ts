// Spherical k-means: Lloyd's iterations by cosine, each on fresh minibatches.
import { hebbianLearn } from '../../ops/index.js'
import { Tensor } from '../../tensor.js'
import { hardWta } from './hebbian.js'
import { dimension, learnStretch, longerOrFewer, type Rule, startRows, usualCure } from './rule.js'

/** Minibatches of an iteration: about a hundred iterations a run, of at most 250. */
const iterationOf = (steps: number): number => Math.max(1, Math.min(250, Math.ceil(steps / 100)))

/**
 * Coates, Ng and Lee 2011 and Coates and Ng 2012, by cosine as Dhillon and Modha 2001, with fresh patches in every iteration (250
 * minibatches, or a hundredth of a shorter run). No learning rate. An empty cluster keeps its row; `dead: 'reseed'` gives it a data patch
 * instead. State beside the rows: `sums` [K,D] of the iteration that is under way.
 */
export const sphericalKMeans: Rule = {
  name: 'spherical-k-means',
  describe: () =>
    'rows become the unit mean of the patches nearest by cosine, iteration by iteration; an empty cluster keeps its row (Dhillon and Modha ' +
    '2001; Coates, Ng, Lee 2011)',
  learns: true,
  settings: ['dead', 'untilConverged'],
  defaults: () => ({}),
  againstDead: usualCure,
  againstDuplicates: longerOrFewer,
  check: hardWta.check,
  start(images, config, device, whitening) {
    const shape = [config.units, dimension(images.shape, config)]
    return { w: startRows(images, config, device, whitening), sums: Tensor.zeros(shape, { device }) }
  },
  learn(images, state, config, first, steps) {
    const own = { rank: 1, iteration: iterationOf(config.steps), sums: state.sums ?? null }
    return learnStretch((course) => hebbianLearn(images, state.w, { ...own, ...course }), state, config, first, steps)
  },
}
