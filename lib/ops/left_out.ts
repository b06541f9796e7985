import { callOp, type Tensor } from '../tensor.js'

/** Rows of x [T,K] times each row of shares [L,K] in turn, f64 -> [LT,K]: those of the first row of shares come first. */
export function weighRows(x: Tensor, shares: Tensor): Tensor {
  return callOp('weigh_rows', [x, shares])[0] as Tensor
}

export interface LeftOutScoresOptions {
  /** Residuals are given less what was measured, which is added. Default false. */
  rest?: boolean
}

/**
 * Pearson's r [L,T] of predictions for images that are left out with what was measured, [T,N] and centred: predicted are
 * measured - inverse residual, from residuals [LT,N] of L fits and inverses [L,N], all f64. 0 of a prediction that is the same for all images,
 * NaN where measured is 0 throughout.
 */
export function leftOutScores(residual: Tensor, measured: Tensor, inverses: Tensor, options: LeftOutScoresOptions = {}): Tensor {
  return callOp('left_out_scores', [residual, measured, inverses], options)[0] as Tensor
}
