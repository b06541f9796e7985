import { refuseUnknown } from '../options.js'
import { callOp, type Tensor } from '../tensor.js'

export interface Conv2dOptions {
  /** Step of the window, in pixels. Default 1. */
  stride?: number
  /** Pixels of zeros around the image, less than the window. Default 0. */
  padding?: number
}

/**
 * Convolution (cross-correlation) of x [N,C,H,W] (f32, or u8 that stands for x / 255) with w [K,C,R,S], plus b [K].
 * @returns [N,K,P,Q], P = (H + 2 padding - R) / stride + 1 rounded down
 */
export function conv2d(x: Tensor, w: Tensor, options: Conv2dOptions & { bias?: Tensor | null } = {}): Tensor {
  refuseUnknown('conv2d', options, ['stride', 'padding', 'bias'])
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
  refuseUnknown('conv2d_grad', options, ['stride', 'padding', 'of'])
  const { of, ...rest } = options
  const [gx, gw, gb] = callOp('conv2d_grad', [x, w, gy], rest, of ?? ['gx', 'gw', 'gb'])
  return { gx, gw, gb } as Record<T, Tensor>
}
