import { callOp, type Tensor } from '../tensor.js'

export interface MaxPoolOptions {
  /** Side of the window. Default 2. */
  size?: number
  /** Default 2. */
  stride?: number
}

/** Max pool of x [N,C,H,W] -> [N,C,P,Q], P = (H - size) / stride + 1 rounded down. NaN in a window gives NaN. */
export function maxPool(x: Tensor, options: MaxPoolOptions = {}): Tensor {
  return callOp('max_pool', [x], options)[0] as Tensor
}

/** Gradient of {@link maxPool}: each gy goes to the first position of its window that attains the maximum. */
export function maxPoolGrad(x: Tensor, gy: Tensor, options: MaxPoolOptions = {}): Tensor {
  return callOp('max_pool_grad', [x, gy], options)[0] as Tensor
}
