// Oja's subspace rule: the rows span the principal subspace of the patches.
import { add, matmul, multiply, reduce, scale, subtract } from '../../ops/index.js'
import { normals } from '../../random.js'
import { scope, Tensor } from '../../tensor.js'
import { checkMinibatch, dimension, eachMinibatch, longerOrFewer, minibatch, type Rule, rateAt, usualCure } from './rule.js'

/**
 * One minibatch: y = v w^T, w + learningRate * (y^T v - y^T y w) / B, with y^T (v - y w) for the bracket, which costs B K D rather than
 * B K^2.
 * @param patches v [B,D]
 * @param w [K,D]
 * @returns the new rows, and the mean of |v - w^T w v|^2 with the old ones as a tensor [1]
 */
export function ojaStep(patches: Tensor, w: Tensor, learningRate: number): { w: Tensor; energy: Tensor } {
  const factor = 1 / (patches.shape[0] as number)
  return scope(() => {
    const y = matmul(patches, w, { transposeB: true })
    const rest = subtract(patches, matmul(y, w))
    const change = matmul(y, rest, { transposeA: true })
    return {
      w: add(w, scale(change, { factor: learningRate * factor })),
      energy: scale(reduce(multiply(rest, rest)), { factor }),
    }
  })
}

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
  check: checkMinibatch,
  start(images, { units, seed, ...config }, device) {
    // All singular values of such a matrix are below 1, so that w^T w starts inside the stable range.
    const d = dimension(images.shape, config)
    const rows = normals(seed, units * d).map((x) => x / (Math.sqrt(units) + Math.sqrt(d)))
    return { w: Tensor.from(rows, { shape: [units, d], device }) }
  },
  async learn(images, state, config, first, steps) {
    let energy = 0
    const step = (t: number) => {
      const next = scope(() => ojaStep(minibatch(images, state, config, t), state.w, rateAt(config, t)))
      state.w.dispose()
      state.w = next.w
      return { energy: next.energy }
    }
    await eachMinibatch(first, steps, step, (read) => {
      energy += read.energy[0] ?? 0
    })
    return { wins: [], gains: [], energy: energy / steps }
  },
}
