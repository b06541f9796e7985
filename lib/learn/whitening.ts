// ZCA whitening of patches: z = Z (v - mean), Z = E diag(1 / sqrt(lambda + regularisation)) E^T of the patches' covariance. Computed in
// float64 on the host from a sample; applied on the device as one convolution.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import type { ImageSet } from '../data/index.js'
import type { Device } from '../device.js'
import { conv2d, type NnlConvOptions, nnlConv } from '../ops/index.js'
import { scope, Tensor } from '../tensor.js'
import { dataPatches } from './patches.js'

export interface Whitening {
  channels: number
  window: number
  /** Z [D,D], row by row; D = channels * window * window, in the order [C, window, window]. */
  matrix: Float32Array
  /** [D], of pixels / 255. */
  mean: Float32Array
}

export interface WhiteningOptions {
  /** W. Default 4. */
  window?: number
  /** Patches of the sample. Default 50000, or all if there are fewer. */
  patches?: number
  /** Added to the eigenvalues of the covariance of pixels / 255. Default 0.001. */
  regularisation?: number
  /** Default 0. */
  seed?: number
}

/** Whitening of the patches of an image set. Bell and Sejnowski 1997; Coates and Ng 2012. */
export function computeWhitening(set: ImageSet, options: WhiteningOptions = {}): Whitening {
  const { window = 4, regularisation = 1e-3, seed = 0 } = options
  const [n, channels, height, width] = set.shape
  const d = channels * window ** 2
  const available = n * Math.max(0, height - window + 1) * Math.max(0, width - window + 1)
  const count = Math.min(options.patches ?? 50_000, Math.max(1, available))
  const sample = dataPatches(set, { window, seed, unit: false }, count, 1)
  const mean = new Float64Array(d)
  for (let i = 0; i < sample.length; i++) mean[i % d] = (mean[i % d] ?? 0) + (sample[i] ?? 0) / count
  const covariance = new Float64Array(d * d)
  const v = new Float64Array(d)
  for (let patch = 0; patch < count; patch++) {
    for (let i = 0; i < d; i++) v[i] = (sample[patch * d + i] ?? 0) - (mean[i] ?? 0)
    for (let i = 0; i < d; i++) {
      const x = (v[i] ?? 0) / count
      for (let j = 0; j <= i; j++) covariance[i * d + j] = (covariance[i * d + j] ?? 0) + x * (v[j] ?? 0)
    }
  }
  const symmetric = new Matrix(d, d)
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      symmetric.set(i, j, covariance[i * d + j] ?? 0)
      symmetric.set(j, i, covariance[i * d + j] ?? 0)
    }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true })
  const root = eigenvectorMatrix.clone()
  for (const [k, lambda] of realEigenvalues.entries()) root.mulColumn(k, (Math.max(0, lambda) + regularisation) ** -0.25)
  return { channels, window, matrix: Float32Array.from(root.mmul(root.transpose()).to1DArray()), mean: Float32Array.from(mean) }
}

/** Z (v - mean) of patches [count,D] of pixels / 255, in float64. */
export function whitenRows({ matrix, mean }: Pick<Whitening, 'matrix' | 'mean'>, patches: ArrayLike<number>): Float32Array {
  const d = mean.length
  const out = new Float32Array(patches.length)
  for (let at = 0; at < patches.length; at += d)
    for (let i = 0; i < d; i++) {
      let sum = 0
      for (let j = 0; j < d; j++) sum += (matrix[i * d + j] ?? 0) * ((patches[at + j] ?? 0) - (mean[j] ?? 0))
      out[at + i] = sum
    }
  return out
}

/** -Z mean [D]: what is added to Z v. */
export function whiteningOffset(matrix: ArrayLike<number>, mean: ArrayLike<number>): Float32Array {
  const d = mean.length
  return Float32Array.from({ length: d }, (_, i) => {
    let sum = 0
    for (let j = 0; j < d; j++) sum -= (matrix[i * d + j] ?? 0) * (mean[j] ?? 0)
    return sum
  })
}

/** A whitening as a convolution: filters [D,C,W,W] and bias [D]. */
export function whiteningFilters(
  { channels, window, matrix, mean }: Whitening,
  device?: Device,
): { filters: Tensor; bias: Tensor } {
  const on = device ? { device } : {}
  return {
    filters: Tensor.from(matrix, { shape: [mean.length, channels, window, window], ...on }),
    bias: Tensor.from(whiteningOffset(matrix, mean), on),
  }
}

/**
 * Responses of filters to whitened patches: every patch of the images is whitened (one convolution to D channels), divided by its norm and
 * met by the filters (a 1 x 1 patch-normalised NNL-CONV), with power and pool as there.
 * @param images u8 (stands for x / 255) or f32 [N,C,H,W]
 * @param filters [K,C,W,W] of whitened space, rows of norm 1
 * @returns [N,K,P,Q]
 */
export function whitenedResponses(
  images: Tensor,
  whitening: Whitening,
  filters: Tensor,
  options: Pick<NnlConvOptions, 'power' | 'pool' | 'store'> = {},
): Tensor {
  return scope(() => {
    const { filters: z, bias } = whiteningFilters(whitening, images.device)
    const whitened = conv2d(images, z, { bias })
    return nnlConv(whitened, filters.reshape([filters.shape[0] as number, whitening.mean.length, 1, 1]), options)
  })
}

/** The whitening that a rule's state holds, if any. @internal */
export async function whiteningOf(state: Record<string, Tensor>, channels: number, window: number): Promise<Whitening | null> {
  if (!state.matrix || !state.mean) return null
  const [matrix, mean] = await Promise.all([state.matrix.read(), state.mean.read()])
  return { channels, window, matrix: matrix.data as Float32Array, mean: mean.data as Float32Array }
}
