import { callOp, type Tensor } from '../tensor.js'
import type { CompetitionOptions, CompetitiveStepOptions, CompetitiveTally } from './competition.js'
import { learning, type MinibatchOptions } from './minibatches.js'

export interface CompetitiveLearnOptions extends CompetitionOptions, CompetitiveStepOptions, MinibatchOptions {}

/**
 * Many minibatches of soft or hard competition in one native call: g = competition(v w^T), dw_k = sum of g (v - u w_k); updates w in place,
 * with the bits of {@link gatherPatches}, {@link matmul}, {@link competition} and {@link competitiveStep} one by one. Calls that continue
 * each other with `firstStep` give the same bits as one call. Nowlan 1990 for `soft`; Moraitis et al. 2022 and Journé et al. 2022 for
 * `softhebb`.
 * @param images u8 [N,C,H,W]; pixels / 255
 * @param w [K, C * window * window], or [K,D] where patches are whitened to D numbers
 * @returns wins and gains summed over the minibatches, and the mean energy of a patch
 */
export function competitiveLearn(images: Tensor, w: Tensor, options: CompetitiveLearnOptions = {}): CompetitiveTally {
  const [inputs, rest] = learning('competitive_learn', images, w, options, ['kind', 'temperature', 'step'])
  const [wins, gains, energy] = callOp('competitive_learn', inputs, rest)
  return { wins, gains, energy } as CompetitiveTally
}

/**
 * Many minibatches of Oja's subspace rule in one native call: w += learningRate * (y^T v - y^T y w) / B with y = v w^T; updates w in place,
 * with the bits of its products one by one. Oja 1989, "Neural networks, principal components, and subspaces".
 * Calls that continue each other with `firstStep` give the same bits as one call.
 * @param images u8 [N,C,H,W]; pixels / 255
 * @param w [K, C * window * window], or [K,D] where patches are whitened to D numbers
 * @returns energy, f32 [1]: the mean over patches of |v - w^T w v|^2, each with w before its minibatch
 */
export function ojaLearn(images: Tensor, w: Tensor, options: MinibatchOptions = {}): { energy: Tensor } {
  const [inputs, rest] = learning('oja_learn', images, w, options, [])
  return { energy: callOp('oja_learn', inputs, rest)[0] as Tensor }
}
