// ZCA whitening of patches: z = Z (v - mean), Z = E diag(1 / sqrt(lambda + regularisation)) E^T of the patches' covariance. Computed in
// float64 from a sample; applied on the device as one convolution.
import { z } from 'zod'
import type { Images } from '../data/index.js'
import type { Device } from '../device.js'
import { conv2d, eigh, matmul, type NnlConvOptions, nnlConv } from '../ops/index.js'
import { parseOptions, whole } from '../options.js'
import { scope, Tensor } from '../tensor.js'
import { drawPatches } from './patches.js'
import { type Pixels, reservoirs } from './reservoirs.js'
import { ruleSettings } from './rules/settings.js'

export interface Whitening {
  channels: number
  window: number
  /** Z [D,D], row by row; D = channels * window * window, in the order [C, window, window]. */
  matrix: Float32Array
  /** [D], of pixels / 255. */
  mean: Float32Array
}

const { window, regularisation, seed, reservoir } = ruleSettings.shape
export const whiteningOptions = z.strictObject({
  window,
  patches: whole(1).default(50_000).describe('patches of the sample, or all if there are fewer'),
  regularisation,
  seed,
  reservoir,
})

/** See {@link computeWhitening}. */
export type WhiteningOptions = z.input<typeof whiteningOptions>

/** Whitening of the patches of images. Bell and Sejnowski 1997; Coates and Ng 2012. */
export async function computeWhitening(images: Images, options: WhiteningOptions = {}): Promise<Whitening> {
  const settings = parseOptions('computeWhitening', whiteningOptions, options)
  return whiteningOf(await reservoirs(images, settings.reservoir, settings.seed).load(0), settings)
}

/** {@link computeWhitening} of images in memory. */
export async function whiteningOf(
  images: Pixels,
  { window, regularisation, seed, patches = 50_000 }: { window: number; regularisation: number; seed: number; patches?: number },
): Promise<Whitening> {
  const [n, channels, height, width] = images.shape
  const d = channels * window ** 2
  const available = n * Math.max(0, height - window + 1) * Math.max(0, width - window + 1)
  const count = Math.min(patches, Math.max(1, available))
  const sample = drawPatches(images, { window, seed, unit: false }, count, 1)
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
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) covariance[j * d + i] = covariance[i * d + j] as number
  const matrix = await inverseRoot(covariance, d, regularisation)
  return { channels, window, matrix, mean: Float32Array.from(mean) }
}

/** (C + regularisation)^(-1/2) of a covariance C [d,d], symmetric. */
async function inverseRoot(covariance: Float64Array, d: number, regularisation: number): Promise<Float32Array> {
  using c = Tensor.from(covariance, { shape: [d, d] })
  const { values, vectors } = scope(() => eigh(c))
  using lambda = values
  using rows = vectors
  const [{ data: eigenvalues }, { data: root }] = await Promise.all([lambda.read(), rows.read()])
  for (let k = 0; k < d; k++) {
    const factor = (Math.max(0, eigenvalues[k] as number) + regularisation) ** -0.25
    for (let i = 0; i < d; i++) root[k * d + i] = (root[k * d + i] as number) * factor
  }
  using z = scope(() => {
    const scaled = Tensor.from(root as Float64Array, { shape: [d, d] })
    return matmul(scaled, scaled, { transposeA: true })
  })
  return Float32Array.from((await z.read()).data)
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
