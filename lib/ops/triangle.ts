import { callOp, type Tensor } from '../tensor.js'

/**
 * The "triangle" code of Coates, Ng and Lee 2011 (section 3.2.1): how much nearer each filter is than the mean of all filters is,
 * max(mean over k of d_k - d_k, 0), where d_k = sqrt(2 - 2 x_k) is the distance of a patch and a filter, both of norm 1.
 * @param x [N,K,P,Q], cosines of patches and K filters
 * @returns [N,K,P,Q]
 */
export function triangle(x: Tensor): Tensor {
  return callOp('triangle', [x])[0] as Tensor
}

/** Gradient of {@link triangle} for x; 0 where a patch is its filter. */
export function triangleGrad(x: Tensor, gy: Tensor): Tensor {
  return callOp('triangle_grad', [x, gy])[0] as Tensor
}
