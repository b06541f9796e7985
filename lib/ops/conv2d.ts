import { refuseUnknown } from '../options.js'
import { callOp, type Tensor } from '../tensor.js'

/** @internal */
export const precisions = ['float32', 'bfloat16'] as const
/** Of the factors of products: as they are, or rounded to bfloat16, with sums in float32 all the same. */
export type Precision = (typeof precisions)[number]

export interface Conv2dOptions {
  /** Step of the window, in pixels. Default 1. */
  stride?: number
  /** Pixels of zeros around the image, less than the window. Default 0. */
  padding?: number
  /**
   * bfloat16 rounds both factors of every product first; tensors stay float32. Much faster on a GPU's tensor cores; a CPU computes the same for
   * reproducing, no faster. Default 'float32'.
   */
  precision?: Precision
}

/**
 * Convolution (cross-correlation) of x [N,C,H,W] (f32, or u8 that stands for x / 255) with w [K,C,R,S], plus b [K].
 * @returns [N,K,P,Q], P = (H + 2 padding - R) / stride + 1 rounded down
 */
export function conv2d(x: Tensor, w: Tensor, options: Conv2dOptions & { bias?: Tensor | null } = {}): Tensor {
  refuseUnknown('conv2d', options, ['stride', 'padding', 'precision', 'bias'])
  const { bias, ...rest } = options
  return callOp('conv2d', [x, w, bias ?? null], rest)[0] as Tensor
}

/** Gradients of {@link conv2d}: only those asked for are made (default: all). gx only for an f32 x. */
export function conv2dGrad<T extends 'gx' | 'gw' | 'gb' = 'gx' | 'gw' | 'gb'>(
  x: Tensor,
  w: Tensor,
  gy: Tensor,
  options: Conv2dOptions & { of?: readonly T[] } = {},
): Record<T, Tensor> {
  refuseUnknown('conv2d_grad', options, ['stride', 'padding', 'precision', 'of'])
  const { of, ...rest } = options
  const [gx, gw, gb] = callOp('conv2d_grad', [x, w, gy], rest, of ?? ['gx', 'gw', 'gb'])
  return { gx, gw, gb } as Record<T, Tensor>
}
