// Filters without learning, to compare with. Their minibatches only count how often each unit would win.
import { competition, competitiveStep, linear, matmul, unitRows } from '../../ops/index.js'
import { normals } from '../../random.js'
import { scope, Tensor } from '../../tensor.js'
import { drawPatches, unitInPlace } from '../patches.js'
import { type Whitening, whiteningOf, whiteningOffset, whitenRows } from '../whitening.js'
import { checkHebbian, learnHebbian } from './hebbian.js'
import { dimension, eachMinibatch, longerOrFewer, minibatch, type Rule, type RuleState, TallySum, usualCure } from './rule.js'
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
  learn: (images, { w }, config, first, steps) => learnHebbian(images, w, still(config), first, steps),
}

export const random: Rule = {
  ...base,
  name: 'random',
  describe: () => 'no learning: rows from the standard normal distribution, of norm 1',
  start(images, { units, window, seed }, device) {
    const d = dimension(images.shape, { window })
    return { w: Tensor.from(unitInPlace(normals(seed, units * d), d), { shape: [units, d], device }) }
  },
}

export const patches: Rule = {
  ...base,
  name: 'patches',
  describe: () => 'no learning: rows are random patches of the images, of norm 1',
  start(images, config, device) {
    const shape = [config.units, dimension(images.shape, config)]
    return { w: Tensor.from(drawPatches(images, config, config.units, 0), { shape, device }) }
  },
}

/** Patches of minibatches [B,D] as whitened rows meet them: Z v + offset, of norm 1. */
async function whitenedMinibatches(
  { matrix, mean }: RuleState,
  config: RuleSettings,
): Promise<(images: Tensor, step: number) => Tensor> {
  const z = matrix as Tensor
  const [values, centre] = await Promise.all([z.read(), (mean as Tensor).read()])
  const offset = whiteningOffset(values.data, centre.data)
  const plain: RuleSettings = { ...config, normalise: 'none', centre: false }
  return (images, step) =>
    scope(() => unitRows(linear(minibatch(images, plain, step), z, Tensor.from(offset, { device: z.device }))))
}

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
  async start(images, config, device) {
    const { window, seed, units } = config
    const whitening = await whiteningOf(images, config)
    const d = dimension(images.shape, config)
    const drawn = drawPatches(images, { window, seed, unit: false }, units, 0)
    return {
      w: Tensor.from(unitInPlace(whitenRows(whitening, drawn), d), { shape: [units, d], device }),
      matrix: Tensor.from(whitening.matrix, { shape: [d, d], device }),
      mean: Tensor.from(whitening.mean, { device }),
    }
  },
  inputs: {
    minibatches: whitenedMinibatches,
    whitening: async ({ matrix, mean }, channels, window) => {
      const [z, m] = await Promise.all([(matrix as Tensor).read(), (mean as Tensor).read()])
      return { channels, window, matrix: z.data as Float32Array, mean: m.data as Float32Array } satisfies Whitening
    },
  },
  async learn(images, state, config, first, steps) {
    const { w } = state
    const patches = await whitenedMinibatches(state, config)
    const sum = new TallySum(config.units)
    const step = (t: number) =>
      scope(() => {
        const v = patches(images, t)
        const u = matmul(v, w, { transposeB: true })
        return { ...competitiveStep(v, u, competition(u, { kind: 'hard' }), w, { learningRate: 0 }) }
      })
    await eachMinibatch(first, steps, step, (tally) => sum.add(tally))
    return sum.result()
  },
}
