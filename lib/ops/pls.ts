import { callOp, type Tensor } from '../tensor.js'

export interface PlsComponentsOptions {
  /** K. Default 1. */
  components?: number
  /** A component is found once its weights, of length 1, have changed by less, squared. Default 1e-6. */
  tolerance?: number
  /** Most of them for one component. Default 500. */
  iterations?: number
  /** Whether x holds the features' inner products XX' [N,N]. Default false. */
  products?: boolean
}

/**
 * Components of partial least squares of y [N,T] on features x [N,P], both centred, with the numbers of NIPALS; image is XX'Y [N,T], and all
 * are f64. A component's scores are XX' times its row of weights [K,N], and its row of loadings [K,T] gives the targets of these. found [2]
 * (i32) tells how many components there were to find, whose rows come first (the others are zero), and how many of them have not converged.
 */
export function plsComponents(
  x: Tensor,
  y: Tensor,
  image: Tensor,
  options: PlsComponentsOptions = {},
): { weights: Tensor; loadings: Tensor; found: Tensor } {
  const [weights, loadings, found] = callOp('pls_components', [x, y, image], options)
  return { weights: weights as Tensor, loadings: loadings as Tensor, found: found as Tensor }
}
