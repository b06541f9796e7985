import { callOp, type Tensor } from '../tensor.js'

export interface NnlConvOptions {
  /** Power of the rectified power, any real number from 1 to 200. Default 1. */
  power?: number
  /** Step of the window, in pixels. Default 1. */
  stride?: number
  /** Pixels of zeros around the image. Default 0. */
  padding?: number
  /** `patch`: each patch is divided by its 2-norm (a zero patch gives 0). Default `patch`. */
  normalise?: 'patch' | 'none'
  /** Take each patch's own mean off first. Default false. */
  centre?: boolean
  /**
   * Max pool over `size` x `size` positions, every `stride`; fused: the map before it is never written. Windows begin `padding` positions
   * (default 0; at most half of `size`) before the map and end as far beyond it; only positions within take part. Default: no pool.
   */
  pool?: { size: number; stride: number; padding?: number | undefined }
  /** Element type of the result. bf16 halves the memory of features at a relative error of at most 2^-8. Default `f32`. */
  store?: 'f32' | 'bf16'
  /** b [K], added to the maximum before the rectified power (a standard CONV layer has one). Default: none. */
  bias?: Tensor | null
}

const flat = ({ pool, bias: _bias, ...rest }: NnlConvOptions): object => ({
  ...rest,
  ...(pool ? { poolSize: pool.size, poolStride: pool.stride, poolPadding: pool.padding ?? 0 } : {}),
})

/**
 * The NNL-CONV layer: cosine of every patch of x with every filter of w, rectified power, optional max pool.
 * Grinberg, Hopfield, Krotov 2019, section 2 and equation 3.
 * @param x [N,C,H,W], f32, or u8 that stands for x / 255
 * @param w [K,C,R,S]; rows of norm 1 make the product a cosine (see {@link unitRows})
 * @returns [N,K,P,Q] with P = (H + 2 padding - R) / stride + 1 rounded down, and after a pool (P + 2 pool padding - size) / pool stride + 1
 */
export function nnlConv(x: Tensor, w: Tensor, options: NnlConvOptions = {}): Tensor {
  return callOp('nnl_conv', [x, w, options.bias ?? null], flat(options))[0] as Tensor
}

/** As {@link nnlConv}, with the position (row * width + column, before the pool) of each maximum as i32 [N,K,P,Q]. */
export function nnlConvWithIndex(x: Tensor, w: Tensor, options: NnlConvOptions = {}): { y: Tensor; index: Tensor } {
  const [y, index] = callOp('nnl_conv', [x, w, options.bias ?? null], flat(options), ['index'])
  return { y: y as Tensor, index: index as Tensor }
}

/**
 * Gradients of {@link nnlConv}; only those asked for are made (default: all), gx only for an f32 x.
 * With `saved`, what {@link nnlConvWithIndex} gave for power 1, nothing is recomputed; else its cosines are.
 */
export function nnlConvGrad<T extends 'gx' | 'gw' | 'gb' = 'gx' | 'gw' | 'gb'>(
  x: Tensor,
  w: Tensor,
  gy: Tensor,
  options: Omit<NnlConvOptions, 'store'> & { saved?: { y: Tensor; index: Tensor }; of?: readonly T[] } = {},
): Record<T, Tensor> {
  const { saved, of, ...rest } = options
  const inputs = [x, w, gy, options.bias ?? null, saved?.y ?? null, saved?.index ?? null]
  const [gx, gw, gb] = callOp('nnl_conv_grad', inputs, flat(rest), [...(of ?? (['gx', 'gw', 'gb'] as const))])
  return { gx, gw, gb } as Record<T, Tensor>
}
