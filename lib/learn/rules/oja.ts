// Oja's subspace rule: the rows span the principal subspace of the patches.
import { ojaLearn } from '../../ops/index.js'
import { normals } from '../../random.js'
import { Tensor } from '../../tensor.js'
import { checkStretch, dimension, learnStretch, longerOrFewer, type Rule, usualCure } from './rule.js'

/**
 * dw = y^T v - (y^T y) w. Oja 1989. The rows become an orthonormal basis of the K leading principal directions of the (uncentred)
 * covariance. With more rows than numbers in a patch (K > D) they cannot be orthogonal: w^T w becomes the identity on the patches' span,
 * so that the rows are a tight frame of it, of mean squared norm D / K, and which one depends on the initial rows alone. The filters
 * are these rows brought to norm 1. Stable while learningRate * E|v|^2 is below about 1, for patches of norm 1 at any rate up to 1.
 */
export const oja: Rule = {
  name: 'oja',
  describe: () =>
    "Oja's subspace rule, dw = y v^T - y y^T w with y = w v: the rows span the principal subspace of the patches, and with more units than " +
    'numbers in a patch they become a tight frame of it (Oja 1989)',
  learns: true,
  settings: ['learningRate', 'finalLearningRate', 'normalise'],
  defaults: () => ({}),
  againstDead: usualCure,
  againstDuplicates: longerOrFewer,
  check: (shape, config) => checkStretch('oja_learn', shape, config, {}),
  start(images, { units, seed, ...config }, device) {
    // All singular values of such a matrix are below 1, so that w^T w starts inside the stable range.
    const d = dimension(images.shape, config)
    const rows = normals(seed, units * d).map((x) => x / (Math.sqrt(units) + Math.sqrt(d)))
    return { w: Tensor.from(rows, { shape: [units, d], device }) }
  },
  learn: (images, state, config, first, steps) =>
    learnStretch((course) => ojaLearn(images, state.w, course), state, config, first, steps),
}
