import { callOp, type Tensor } from '../tensor.js'

export interface CompetitionOptions {
  /** `hard`: 1 for the first maximum; `soft`: softmax; `softhebb`: softmax with the sign turned for all but the first maximum. Default `soft`. */
  kind?: 'hard' | 'soft' | 'softhebb'
  /** Of the softmax. Default 1. */
  temperature?: number
}

/** How much each unit learns from its current: u [B,K] -> g [B,K], row by row. Journé et al. 2022 for `softhebb`. */
export function competition(u: Tensor, options: CompetitionOptions = {}): Tensor {
  return callOp('competition', [u], options)[0] as Tensor
}

export interface CompetitiveStepOptions {
  /** Default 0.02. With step `count` the share of the way to the mean patch, with `max` the largest change of a weight. */
  learningRate?: number
  /** `count`: each row by the sum of its |g|; `max`: the whole update divided by its largest entry. Default `count`. */
  step?: 'max' | 'count'
}

export interface CompetitiveTally {
  /** i32 [K]: patches on which the unit had the first maximum of u. */
  wins: Tensor
  /** f32 [K]: sum of g u; the row's norm is drawn to 1 where this is positive. */
  gains: Tensor
  /** f32 [1]: mean over patches of -sum of g u / |w|. */
  energy: Tensor
}

/**
 * One minibatch of learning with shares g (see {@link competition}): dw_k = sum of g (v - u w_k); updates w in place.
 * @param patches v [B,D]; patches of zeros count for nothing
 * @param u [B,K], patches w^T
 * @param g [B,K]
 * @param w [K,D]
 */
export function competitiveStep(
  patches: Tensor,
  u: Tensor,
  g: Tensor,
  w: Tensor,
  options: CompetitiveStepOptions = {},
): CompetitiveTally {
  const [wins, gains, energy] = callOp('competitive_step', [patches, u, g, w], options, ['wins', 'gains', 'energy'])
  return { wins, gains, energy } as CompetitiveTally
}

/** As {@link competitiveStep}, without counting. */
export function competitiveUpdate(patches: Tensor, u: Tensor, g: Tensor, w: Tensor, options: CompetitiveStepOptions = {}): void {
  callOp('competitive_step', [patches, u, g, w], options)
}
