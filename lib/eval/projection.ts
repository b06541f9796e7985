// Sparse random projection: many features onto few, so that distances between images stay what they were but for a small share.
// Sources: Li, Hastie, Church, "Very sparse random projections", KDD 2006; Johnson and Lindenstrauss 1984. As scikit-learn's SparseRandomProjection.
import type { Device } from '../device.js'
import { type SparseRows, sparseProjection } from '../ops/index.js'
import { Tensor } from '../tensor.js'

/**
 * Dimensions in which the distances of so many images change by at most a share `epsilon`: 4 ln n / (epsilon^2 / 2 - epsilon^3 / 3), rounded down.
 */
export const johnsonLindenstrauss = (images: number, epsilon = 0.1): number =>
  Math.max(1, Math.floor((4 * Math.log(images)) / (epsilon ** 2 / 2 - epsilon ** 3 / 3)))

/** Where a word of 32 bits gives a shorter gap, which is geometric: the gap is 1 and as many as are above the word. The last is 0. */
export function gapBounds(density: number): Uint32Array {
  const scale = 1 / Math.log1p(-density)
  const isAbove = (word: number, gap: number) => density < 1 && Math.floor(Math.log((word + 0.5) / 2 ** 32) * scale) >= gap
  const bounds: number[] = []
  for (let gap = 1, word = 2 ** 32; word > 0; ++gap) {
    word = Math.min(word, Math.round(2 ** 32 * Math.exp(gap / scale)))
    while (isAbove(word, gap)) ++word
    while (word > 0 && !isAbove(word - 1, gap)) --word
    bounds.push(word)
  }
  return Uint32Array.from(bounds)
}

/**
 * A matrix [to, from] each of whose entries is, alike in chance and apart from the others, + or - 1 / sqrt(density * to) with probability
 * density = 1 / sqrt(from), else 0.
 */
export function randomProjection(from: number, to: number, seed: number, device: Device): SparseRows {
  const density = 1 / Math.sqrt(from)
  const expected = from * to * density
  // More would be beyond 8 deviations of their number.
  const room = Math.ceil(expected + 8 * Math.sqrt(expected) + 64)
  using bounds = Tensor.from(new Int32Array(gapBounds(density).buffer), { device })
  return sparseProjection(bounds, { rows: to, width: from, room, seed, value: 1 / Math.sqrt(density * to) })
}

/** Bytes that such a matrix takes. */
export const projectionBytes = (from: number, to: number): number => 8 * Math.sqrt(from) * to + 4 * (to + 1)
