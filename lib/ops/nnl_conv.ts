import { refuseUnknown } from '../options.js'
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
  /** false: the maxima as they are, with their sign; of power 1 alone. Default true. */
  rectify?: boolean
  /** K more channels, the response of every filter and its bias with their signs turned, at the price of one product. Default false. */
  bothSigns?: boolean
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

const shared = ['power', 'stride', 'padding', 'normalise', 'centre', 'rectify', 'pool', 'bias']
const forward = [...shared, 'bothSigns', 'store']
const gradient = [...shared, 'saved', 'of']

/** The options as the op has them. A pool without its size or stride is refused there: null is no number. */
function flat(op: string, { pool, bias: _bias, ...rest }: NnlConvOptions): object {
  refuseUnknown(op, pool, ['size', 'stride', 'padding'], 'pool.')
  if (!pool) return rest
  return { ...rest, poolSize: pool.size ?? null, poolStride: pool.stride ?? null, poolPadding: pool.padding ?? 0 }
}

/**
 * The NNL-CONV layer: cosine of every patch of x with every filter of w, rectified power, optional max pool.
 * Grinberg, Hopfield, Krotov 2019, section 2 and equation 3.
 * @param x [N,C,H,W], f32, or u8 that stands for x / 255
 * @param w [K,C,R,S]; rows of norm 1 make the product a cosine (see {@link unitRows})
 * @returns [N,K,P,Q], with `bothSigns` [N,2K,P,Q]; P = (H + 2 padding - R) / stride + 1 rounded down, and after a pool (P + 2 pool padding - size) / pool stride + 1
 */
export function nnlConv(x: Tensor, w: Tensor, options: NnlConvOptions = {}): Tensor {
  refuseUnknown('nnl_conv', options, forward)
  return callOp('nnl_conv', [x, w, options.bias ?? null], flat('nnl_conv', options))[0] as Tensor
}

/** As {@link nnlConv}, with the position (row * width + column, before the pool) of each maximum as i32 [N,K,P,Q]. */
export function nnlConvWithIndex(x: Tensor, w: Tensor, options: NnlConvOptions = {}): { y: Tensor; index: Tensor } {
  refuseUnknown('nnl_conv', options, forward)
  const [y, index] = callOp('nnl_conv', [x, w, options.bias ?? null], flat('nnl_conv', options), ['index'])
  return { y: y as Tensor, index: index as Tensor }
}

/**
 * Gradients of {@link nnlConv}; only those asked for are made (default: all), gx only for an f32 x.
 * Of both signs it is that of the rows and their negatives as rows of one w. With `saved`, what {@link nnlConvWithIndex} gave for power 1, nothing is recomputed; else its cosines are.
 */
export function nnlConvGrad<T extends 'gx' | 'gw' | 'gb' = 'gx' | 'gw' | 'gb'>(
  x: Tensor,
  w: Tensor,
  gy: Tensor,
  options: Omit<NnlConvOptions, 'store' | 'bothSigns'> & { saved?: { y: Tensor; index: Tensor }; of?: readonly T[] } = {},
): Record<T, Tensor> {
  refuseUnknown('nnl_conv_grad', options, gradient)
  const { saved, of, ...rest } = options
  refuseUnknown('nnl_conv_grad', saved, ['y', 'index'], 'saved.')
  const inputs = [x, w, gy, options.bias ?? null, saved?.y ?? null, saved?.index ?? null]
  const [gx, gw, gb] = callOp('nnl_conv_grad', inputs, flat('nnl_conv_grad', rest), of ?? ['gx', 'gw', 'gb'])
  return { gx, gw, gb } as Record<T, Tensor>
}
