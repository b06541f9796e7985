// The rows that mix a block's responses: principal components of what it saw, scaled as asked for, and random directions beside them.
import type { Device } from '../device.js'
import { DataError } from '../errors.js'
import { epsilon, type WaveletBlock } from '../models/layers/wavelet_block.js'
import { type CovarianceState, covarianceOf, eigh } from '../ops/index.js'
import { normals } from '../random.js'
import { Tensor } from '../tensor.js'
import type { ComponentConfig } from './component_options.js'
import type { BlockComponents } from './component_record.js'
import type { Sums } from './component_sums.js'

type Found = Pick<BlockComponents, 'varianceKept' | 'effectiveDimension' | 'eigenvalues'> & {
  weight: Float32Array | null
  /** Components whose variance is more than rounding. */
  rank: number
}

/** Variance of a component beside that of the first that is rounding: responses are float32. */
const rounding = 1e-6

/**
 * The weights of a block, null where they are to stay as they start, and what its components are like.
 * @param variance of each response
 * @param index of the block
 * @throws {DataError} when a component that is to be scaled has no variance
 */
export async function mixingRows(
  { name, responses, spec: { units } }: WaveletBlock,
  sums: Sums,
  variance: Float64Array,
  { components, statistics, scale, dropFirst, principal, seed }: ComponentConfig,
  index: number,
  device: Device,
): Promise<Found> {
  const found: Found = { varianceKept: null, effectiveDimension: null, eigenvalues: [], weight: null, rank: 0 }
  if (components === 'random') return found
  const weight = new Float64Array(units * responses)
  let rows = 0
  if (components === 'learned') {
    const spread = Float64Array.from(variance, (v) => 1 / Math.sqrt(v + epsilon))
    const pixels = sums.pixels ? await standardised(sums.pixels, spread) : null
    const matrix = statistics === 'pixels' ? (pixels as Float64Array) : await standardised(sums.pooled as CovarianceState, spread)
    rows = Math.min(principal ?? units, units)
    const { values, vectors } = await leading(matrix, responses, rows + dropFirst, device)
    const kept = values.subarray(dropFirst)
    // Of responses that are all the same, variance that epsilon outweighs is left.
    if (!((values[0] as number) > rounding))
      throw new DataError({
        op: 'fitComponents',
        argument: name,
        actual: 'responses that are the same for all images',
        expected: 'images that differ',
      })
    for (let k = 0; k < rows; k++) {
      const row = vectors.subarray((dropFirst + k) * responses, (dropFirst + k + 1) * responses)
      const along = scale === 'none' ? 1 : scale === 'whitened' ? (kept[k] as number) : quadratic(pixels as Float64Array, row)
      if (scale !== 'none' && !(along > rounding * (values[0] as number)))
        throw new DataError({
          op: 'fitComponents',
          argument: name,
          actual: `a component ${k + 1} without variance, but for rounding`,
          expected: `fewer units, more images that differ, or scale 'none'`,
        })
      const factor = 1 / Math.sqrt(along)
      for (const [i, v] of row.entries()) weight[k * responses + i] = v * factor
    }
    const total = trace(matrix, responses)
    found.eigenvalues = [...kept.subarray(0, rows)]
    found.rank = found.eigenvalues.filter((value) => value > rounding * (values[0] as number)).length
    found.varianceKept = found.eigenvalues.reduce((sum, v) => sum + v, 0) / total
    found.effectiveDimension = total ** 2 / matrix.reduce((sum, v) => sum + v * v, 0)
  }
  fillOrthonormal(weight, units, responses, rows, seed + index + 1)
  return { ...found, weight: Float32Array.from(weight) }
}

/** D C D of a covariance C [n,n]. */
async function standardised(state: CovarianceState, spread: Float64Array): Promise<Float64Array> {
  using tensor = covarianceOf(state)
  const matrix = (await tensor.read()).data as Float64Array
  const n = spread.length
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) matrix[i * n + j] = (matrix[i * n + j] as number) * (spread[i] as number) * (spread[j] as number)
  return matrix
}

async function leading(
  matrix: Float64Array,
  responses: number,
  top: number,
  device: Device,
): Promise<{ values: Float64Array; vectors: Float64Array }> {
  using a = Tensor.from(matrix, { shape: [responses, responses], device })
  const { values, vectors } = eigh(a, { top })
  try {
    return { values: (await values.read()).data as Float64Array, vectors: (await vectors.read()).data as Float64Array }
  } finally {
    values.dispose()
    vectors.dispose()
  }
}

function trace(matrix: Float64Array, n: number): number {
  let sum = 0
  for (let i = 0; i < n; i++) sum += matrix[i * n + i] as number
  return sum
}

/** v^T A v. */
function quadratic(matrix: Float64Array, v: Float64Array): number {
  let sum = 0
  for (let i = 0; i < v.length; i++)
    for (let j = 0; j < v.length; j++) sum += (v[i] as number) * (matrix[i * v.length + j] as number) * (v[j] as number)
  return sum
}

/** Fills rows from `from` on with random directions at right angles to those before and to each other (Gram and Schmidt, twice). */
function fillOrthonormal(rows: Float64Array, count: number, length: number, from: number, seed: number): void {
  if (from === count) return
  const drawn = normals(seed, (count - from) * length)
  const row = (k: number) => rows.subarray(k * length, (k + 1) * length)
  const norm2 = (v: Float64Array) => v.reduce((sum, x) => sum + x * x, 0)
  for (let k = from; k < count; k++) {
    const v = row(k)
    v.set(drawn.subarray((k - from) * length, (k - from + 1) * length))
    for (let round = 0; round < 2; round++) {
      for (let other = 0; other < k; other++) {
        const w = row(other)
        const along = v.reduce((sum, x, i) => sum + x * (w[i] as number), 0) / norm2(w)
        for (let i = 0; i < length; i++) v[i] = (v[i] as number) - along * (w[i] as number)
      }
      const norm = Math.sqrt(norm2(v))
      for (let i = 0; i < length; i++) v[i] = (v[i] as number) / norm
    }
  }
}
