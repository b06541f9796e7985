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
