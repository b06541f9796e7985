import { callOp, type Tensor } from '../tensor.js'

export interface AdamOptions {
  /** Default 0.001. */
  learningRate?: number
  /** Default 0.9. */
  beta1?: number
  /** Default 0.999. */
  beta2?: number
  /** Default 1e-8. */
  epsilon?: number
  /** L2 decay, added to the gradient. Default 0. */
  weightDecay?: number
  /** t, from 1. Default 1. */
  step?: number
}

/** One step of Adam on w with moments m and v, all three in place. Kingma and Ba 2015, algorithm 1. */
export function adam(w: Tensor, m: Tensor, v: Tensor, gradient: Tensor, options: AdamOptions = {}): void {
  callOp('adam', [w, m, v, gradient], options)
}

/** As {@link adam}, but `weightDecay` shrinks the weights themselves. Loshchilov and Hutter 2019, algorithm 2. */
export function adamw(w: Tensor, m: Tensor, v: Tensor, gradient: Tensor, options: AdamOptions = {}): void {
  callOp('adamw', [w, m, v, gradient], options)
}

export interface SgdOptions {
  /** Default 0.01. */
  learningRate?: number
  /** Default 0.9. */
  momentum?: number
  /** L2 decay, added to the gradient. Default 0. */
  weightDecay?: number
  /** Default false. */
  nesterov?: boolean
}

/** One step of gradient descent with momentum on w; m is the velocity; both in place. */
export function sgd(w: Tensor, m: Tensor, gradient: Tensor, options: SgdOptions = {}): void {
  callOp('sgd', [w, m, gradient], options)
}
