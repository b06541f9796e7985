// Whitening of patches: z = Z (v' - m). v' is the patch as it is, of norm 1, or less its mean and of norm 1; m is the mean of such patches;
// and Z comes of their covariance U diag(lambda) U^T, as U diag(1 / sqrt(lambda + epsilon)) U^T (ZCA) or as the first rows of
// diag(1 / sqrt(lambda + epsilon)) U^T (PCA). Rows learn from z / |z| and meet it. Where the norm comes first, as in Coates, Ng and Lee 2011,
// a light that scales a patch changes no z; where it does not, m is the mean of one light.
import { z } from 'zod'
import type { Images } from '../data/index.js'
import { DataError, OptionError } from '../errors.js'
import { patchPreparation } from '../models/index.js'
import {
  type CovarianceState,
  covariance,
  covarianceOf,
  eigh,
  gatherPatches,
  matmul,
  type NnlConvOptions,
  nnlConv,
  toF32,
  toF64,
} from '../ops/index.js'
import { parseOptions, whole } from '../options.js'
import { philox, words } from '../random.js'
import { scope, Tensor } from '../tensor.js'
import { drawPatches, unitInPlace } from './patches.js'
import { type Pixels, reservoirs } from './reservoirs.js'
import { ruleSettings, type Whiten, whiten } from './rules/settings.js'

export interface Whitening {
  channels: number
  window: number
  /** What is done to a patch before: `norm`, norm 1; `centred-norm`, less its mean, then norm 1; `none`, pixels / 255. */
  after: Whiten['after']
  /** Z [E,D], row by row; D = channels * window * window, in the order [C, window, window]. */
  matrix: Float32Array
  /** -Z m [E], which is added to Z v'. */
  offset: Float32Array
}

const { window, seed, reservoir } = ruleSettings.shape
export const whiteningOptions = z.strictObject({
  ...whiten.shape,
  window,
  patches: whole(1).default(50_000).describe('patches of the sample, or all if there are fewer'),
  seed,
  reservoir,
})

/** See {@link computeWhitening}. */
export type WhiteningOptions = z.input<typeof whiteningOptions>

/** Whitening of the patches of images. Bell and Sejnowski 1997; Coates, Ng and Lee 2011. */
export async function computeWhitening(images: Images, options: WhiteningOptions = {}): Promise<Whitening> {
  const { window, patches, seed, reservoir, ...whiten } = parseOptions('computeWhitening', whiteningOptions, options)
  const size = images.shape[1] * window ** 2
  if (whiten.keep !== undefined && whiten.keep > size)
    throw new OptionError({
      op: 'computeWhitening',
      argument: 'keep',
      actual: String(whiten.keep),
      expected: `at most the ${size} numbers of a patch`,
    })
  const { pixels, shape } = await reservoirs(images, reservoir, seed).load(0)
  using held = Tensor.from(pixels, { shape })
  return whiteningOf('computeWhitening', held, whiten, { window, patches, seed })
}

/** Patches of the sample that are held at once, at most. */
const chunk = 1000

/**
 * {@link computeWhitening} of images u8 [N,C,H,W] on a device.
 * @throws {DataError} where all patches are alike
 */
export async function whiteningOf(
  op: string,
  images: Tensor,
  { after, epsilon, keep }: Whiten,
  { window, seed, patches = 50_000 }: { window: number; seed: number; patches?: number },
): Promise<Whitening> {
  const [n, channels, height, width] = images.shape as [number, number, number, number]
  const d = channels * window ** 2
  const available = n * Math.max(0, height - window + 1) * Math.max(0, width - window + 1)
  const count = Math.min(patches, Math.max(1, available))
  const steps = Math.ceil(count / chunk)
  const batch = Math.floor(count / steps)
  // An order of its own, of which no minibatch is a part.
  const order = philox([0x77686974, 0, 0, 0], words(seed, 'seed'))[0]
  const made = scope(() => {
    let state: CovarianceState | undefined
    for (let step = 0; step < steps; step++)
      state = scope(() => {
        const sample = gatherPatches(images, { window, batch, step, seed: order, ...patchPreparation(after) })
        return covariance(sample, state ? { state } : {})
      })
    const { mean, moments, count: rows } = state as CovarianceState
    const spread = covarianceOf({ count: rows, mean, moments }, { ddof: 0 })
    return { mean, ...eigh(spread) }
  })
  using mean = made.mean
  using lambda = made.values
  using rows = made.vectors
  const [m, values, vectors] = (await Promise.all([mean.read(), lambda.read(), rows.read()])).map(
    ({ data }) => data as Float64Array,
  )
  if (!(values as Float64Array).some((x) => x > 0))
    throw new DataError({
      op,
      argument: 'whiten',
      actual: `${count} patches that are all alike`,
      expected: 'patches that differ',
    })
  const matrix = await inverseRoot(values as Float64Array, vectors as Float64Array, epsilon, keep)
  return { channels, window, after, matrix: Float32Array.from(matrix), offset: offsetOf(matrix, m as Float64Array, d) }
}

/** U diag(f) U^T of factors [D] and eigenvectors in rows [D,D], U^T. */
async function spectral(factors: Float64Array, vectors: Float64Array): Promise<Float64Array> {
  const d = factors.length
  const scaled = vectors.map((x, i) => x * Math.sqrt(factors[Math.floor(i / d)] as number))
  using made = scope(() => {
    const half = Tensor.from(scaled, { shape: [d, d] })
    return matmul(half, half, { transposeA: true })
  })
  return (await made.read()).data as Float64Array
}

/** Z of eigenvalues [D] and eigenvectors in rows [D,D]. */
async function inverseRoot(values: Float64Array, vectors: Float64Array, epsilon: number, keep?: number): Promise<Float64Array> {
  const d = values.length
  const some = values.reduce((sum, x) => sum + Math.max(0, x), 0) / d
  const factors = values.map((x) => (Math.max(0, x) + epsilon * some) ** -0.5)
  if (keep === undefined) return spectral(factors, vectors)
  return vectors.subarray(0, keep * d).map((x, i) => x * (factors[Math.floor(i / d)] as number))
}

/** -Z m. */
function offsetOf(matrix: Float64Array, mean: Float64Array, d: number): Float32Array {
  return Float32Array.from({ length: matrix.length / d }, (_, i) => {
    let sum = 0
    for (let j = 0; j < d; j++) sum -= (matrix[i * d + j] as number) * (mean[j] as number)
    return sum
  })
}

/** `count` patches of images in memory, drawn without replacement and whitened, of norm 1: [count,E]. */
export function drawWhitened(images: Pixels, whitening: Whitening, seed: number, count: number, draw: number): Float32Array {
  const { window, after, matrix, offset } = whitening
  const { normalise, centre } = patchPreparation(after)
  const patches = drawPatches(images, { window, seed, centre, unit: false }, count, draw)
  const e = offset.length
  const d = matrix.length / e
  if (normalise === 'patch') unitInPlace(patches, d)
  const out = new Float32Array(count * e)
  for (let patch = 0; patch < count; patch++)
    for (let i = 0; i < e; i++) {
      let sum = offset[i] as number
      for (let j = 0; j < d; j++) sum += (matrix[i * d + j] as number) * (patches[patch * d + j] as number)
      out[patch * e + i] = sum
    }
  return unitInPlace(out, e)
}

/**
 * Responses of filters to whitened patches: every patch of the images is prepared and whitened (a signed NNL-CONV of E filters), divided by
 * its norm and met by the filters (a 1 x 1 NNL-CONV), with power and pool as there.
 * @param images u8 (stands for x / 255) or f32 [N,C,H,W]
 * @param filters [K,E,1,1] of whitened space, rows of norm 1
 * @returns [N,K,P,Q]
 */
export function whitenedResponses(
  images: Tensor,
  { channels, window, after, matrix, offset }: Whitening,
  filters: Tensor,
  options: Pick<NnlConvOptions, 'power' | 'pool' | 'store'> = {},
): Tensor {
  return scope(() => {
    const on = { device: images.device }
    const z = Tensor.from(matrix, { shape: [offset.length, channels, window, window], ...on })
    const whitened = nnlConv(images, z, { ...patchPreparation(after), rectify: false, bias: Tensor.from(offset, on) })
    return nnlConv(whitened, filters, options)
  })
}

/**
 * Filters of whitened space as patches of pixels: for each row w the smallest v with Z v = w, its product with the pseudo-inverse of Z. Added
 * to the mean patch it is the patch that w answers with a cosine of 1. The row w Z, whose products with patches are those of w with
 * whitened ones, would show little but the fine grain that whitening amplifies.
 * @param filters [K,E,1,1]
 * @param projection Z [E,C,W,W]
 * @returns [K,C,W,W]
 */
export async function filtersInPixels(filters: Tensor, projection: Tensor): Promise<Tensor> {
  const [k, e] = filters.shape as [number, number]
  const d = projection.size / e
  const made = scope(() => {
    const z = toF64(projection.reshape([e, d]))
    return { z, ...eigh(matmul(z, z, { transposeB: true })) }
  })
  using z = made.z
  using values = made.values
  using vectors = made.vectors
  const [s, rows] = (await Promise.all([values.read(), vectors.read()])).map(({ data }) => data as Float64Array)
  const inverse = await spectral(
    (s as Float64Array).map((x) => 1 / x),
    rows as Float64Array,
  )
  return scope(() => {
    const w = toF64(filters.reshape([k, e]))
    const spread = matmul(w, Tensor.from(inverse, { shape: [e, e], device: w.device }))
    return toF32(matmul(spread, z)).reshape([k, ...projection.shape.slice(1)])
  })
}
