import { callOp, type Tensor } from '../tensor.js'

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  epsilon?: number
  /** Share of the batch in the running mean and variance. Default 0.1. */
  momentum?: number
  /** Normalise by the batch and move the running values; else by the running values. Default false. */
  training?: boolean
}

export interface BatchNormParameters {
  /** [C], the factor. */
  gamma: Tensor
  /** [C], the offset. */
  beta: Tensor
  /** [C], running mean, in place when training. */
  mean: Tensor
  /** [C], running variance, in place when training. */
  variance: Tensor
}

/**
 * Batch normalisation of x [N,C,H,W] over N, H, W. Ioffe and Szegedy 2015, algorithm 1.
 * @returns y, and what was taken off (`centre`) and multiplied by (`spread`), for {@link batchNormGrad}
 */
export function batchNorm(
  x: Tensor,
  parameters: BatchNormParameters,
  options: BatchNormOptions = {},
): { y: Tensor; centre: Tensor; spread: Tensor } {
  const { gamma, beta, mean, variance } = parameters ?? {} // what is missing is refused by name
  const [y, centre, spread] = callOp('batch_norm', [x, gamma, beta, mean, variance], options, ['centre', 'spread'])
  return { y, centre, spread } as { y: Tensor; centre: Tensor; spread: Tensor }
}

/** Gradients of {@link batchNorm} as it is in training. */
export function batchNormGrad(
  x: Tensor,
  gamma: Tensor,
  saved: { centre: Tensor; spread: Tensor },
  gy: Tensor,
): { gx: Tensor; ggamma: Tensor; gbeta: Tensor } {
  const inputs = [x, gamma, saved?.centre, saved?.spread, gy]
  const [gx, ggamma, gbeta] = callOp('batch_norm_grad', inputs, {}, ['gx', 'ggamma', 'gbeta'])
  return { gx, ggamma, gbeta } as { gx: Tensor; ggamma: Tensor; gbeta: Tensor }
}
