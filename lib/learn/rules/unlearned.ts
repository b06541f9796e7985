// Filters without learning, to compare with. Their minibatches only count how often each unit would win.
import { competition, competitiveStep, linear, matmul, unitRows } from '../../ops/index.js'
import { normals } from '../../random.js'
import { scope, Tensor } from '../../tensor.js'
import type { FilterConfig } from '../filter_options.js'
import { dataPatches } from '../patches.js'
import { computeWhitening, whiteningOffset, whitenRows } from '../whitening.js'
import { checkHebbian, learnHebbian } from './hebbian.js'
import { dimension, eachMinibatch, minibatch, type Rule, TallySum } from './rule.js'

const still = (config: FilterConfig): FilterConfig => ({
  ...config,
  rank: 1,
  p: 2,
  antiHebbian: 0,
  learningRate: 0,
  finalLearningRate: 0,
  step: 'count',
})

function unit(rows: Float32Array, units: number): Float32Array {
  const d = rows.length / units
  for (let row = 0; row < units; row++) {
    const one = rows.subarray(row * d, (row + 1) * d)
    const norm = Math.hypot(...one)
    if (norm > 0) for (let i = 0; i < d; i++) one[i] = (one[i] ?? 0) / norm
  }
  return rows
}

const base: Pick<Rule, 'settings' | 'defaults' | 'check' | 'learn'> = {
  settings: ['normalise', 'dead'],
  defaults: () => ({ steps: 100 }),
  check: (shape, config) => checkHebbian(shape, still(config)),
  learn: (images, { w }, config, first, steps) => learnHebbian(images, w, still(config), first, steps),
}

export const random: Rule = {
  ...base,
  name: 'random',
  describe: () => 'no learning: rows from the standard normal distribution, of norm 1',
  start(set, { units, window, seed }, device) {
    const d = dimension(set.shape, { window })
    return { w: Tensor.from(unit(normals(seed, units * d), units), { shape: [units, d], device }) }
  },
}

export const patches: Rule = {
  ...base,
  name: 'patches',
  describe: () => 'no learning: rows are random patches of the images, of norm 1',
  start(set, config, device) {
    const shape = [config.units, dimension(set.shape, config)]
    return { w: Tensor.from(dataPatches(set, config, config.units, 0), { shape, device }) }
  },
}

/** Patches of one minibatch [B,D] as whitened rows meet them: Z v + offset, of norm 1. */
export const whitenedMinibatch = (images: Tensor, z: Tensor, offset: Tensor, config: FilterConfig, step: number): Tensor =>
  scope(() => unitRows(linear(minibatch(images, { ...config, normalise: 'none', centre: false }, step), z, offset)))

/**
 * Rows are whitened random patches, unit(Z (p - mean)), and meet patches whitened likewise. Coates and Ng 2012; Thiry et al. 2021. State
 * beside the rows: the whitening, `matrix` [D,D] and `mean` [D].
 */
export const whitenedPatches: Rule = {
  ...base,
  name: 'whitened-patches',
  describe: () =>
    'no learning: rows are random patches after ZCA whitening, of norm 1, for inputs whitened likewise (Coates and Ng 2012; Thiry et al. 2021)',
  settings: ['regularisation'],
  start(set, config, device) {
    const { window, seed, regularisation, units } = config
    const whitening = computeWhitening(set, { window, seed, regularisation })
    const d = dimension(set.shape, config)
    const drawn = dataPatches(set, { window, seed, unit: false }, units, 0)
    return {
      w: Tensor.from(unit(whitenRows(whitening, drawn), units), { shape: [units, d], device }),
      matrix: Tensor.from(whitening.matrix, { shape: [d, d], device }),
      mean: Tensor.from(whitening.mean, { device }),
    }
  },
  async learn(images, { w, matrix, mean }, config, first, steps) {
    const [z, m] = [matrix as Tensor, mean as Tensor]
    const [values, centre] = await Promise.all([z.read(), m.read()])
    const offset = Tensor.from(whiteningOffset(values.data, centre.data), { device: w.device })
    const sum = new TallySum(config.units)
    const step = (t: number) =>
      scope(() => {
        const v = whitenedMinibatch(images, z, offset, config, t)
        const u = matmul(v, w, { transposeB: true })
        return { ...competitiveStep(v, u, competition(u, { kind: 'hard' }), w, { learningRate: 0 }) }
      })
    await eachMinibatch(first, steps, step, (tally) => sum.add(tally))
    offset.dispose()
    return sum.result()
  },
}
