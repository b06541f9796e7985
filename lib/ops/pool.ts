import { callOp, type Tensor } from '../tensor.js'

export interface MaxPoolOptions {
  /** Side of the window. Default 2. */
  size?: number
  /** Default 2. */
  stride?: number
  /** Pixels around the image, at most half of `size`; they never are the maximum. Default 0. */
  padding?: number
}

/** Max pool of x [N,C,H,W] -> [N,C,P,Q], P = (H + 2 padding - size) / stride + 1 rounded down. NaN in a window gives NaN. */
export function maxPool(x: Tensor, options: MaxPoolOptions = {}): Tensor {
  return callOp('max_pool', [x], options)[0] as Tensor
}

/** Gradient of {@link maxPool}: each gy goes to the first position of its window that attains the maximum. */
export function maxPoolGrad(x: Tensor, gy: Tensor, options: MaxPoolOptions = {}): Tensor {
  return callOp('max_pool_grad', [x, gy], options)[0] as Tensor
}

/** Mean over windows of x [N,C,H,W] -> [N,C,P,Q]; padding counts as zeros. */
export function avgPool(x: Tensor, options: MaxPoolOptions = {}): Tensor {
  return callOp('avg_pool', [x], options)[0] as Tensor
}

/** Gradient of {@link avgPool} for an x of height x width. */
export function avgPoolGrad(gy: Tensor, options: MaxPoolOptions & { height: number; width: number }): Tensor {
  return callOp('avg_pool_grad', [gy], options)[0] as Tensor
}
