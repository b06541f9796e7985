import { refuseUnknown } from '../options.js'
import { callOp, type Tensor } from '../tensor.js'

export interface MatmulOptions {
  /** a is [D,M] rather than [M,D]. Default false. */
  transposeA?: boolean
  /** b is [N,D] rather than [D,N]. Default false. */
  transposeB?: boolean
}

/**
 * Matrix product a [M,D] b [D,N] -> [M,N], float32 or float64 throughout. With one tensor as a and b and one of them transposed (a Gram
 * matrix) the CPU computes half of it; the result is symmetric to the bit.
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  return callOp('matmul', [a, b], options)[0] as Tensor
}

/** x w^T + b: x [N,D] f32 or bf16, w [T,D], b [T] -> [N,T]. */
export function linear(x: Tensor, w: Tensor, b?: Tensor): Tensor {
  return callOp('linear', [x, w, b])[0] as Tensor
}

/** Gradients of {@link linear}: gx = gy w, gw = gy^T x, gb = sum of gy over N. Only those asked for are made (default: all). */
export function linearGrad<T extends 'gx' | 'gw' | 'gb' = 'gx' | 'gw' | 'gb'>(
  x: Tensor,
  w: Tensor,
  gy: Tensor,
  options: { of?: readonly T[] } = {},
): Record<T, Tensor> {
  refuseUnknown('linear_grad', options, ['of'])
  const [gx, gw, gb] = callOp('linear_grad', [x, w, gy], {}, options.of ?? ['gx', 'gw', 'gb'])
  return { gx, gw, gb } as Record<T, Tensor>
}
