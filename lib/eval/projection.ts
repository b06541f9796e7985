// Sparse random projection: many features onto few, so that distances between images stay what they were but for a small share.
// Sources: Li, Hastie, Church, "Very sparse random projections", KDD 2006; Johnson and Lindenstrauss 1984. As scikit-learn's SparseRandomProjection.
import { draw } from '../random.js'

/**
 * Dimensions in which the distances of so many images change by at most a share `epsilon`: 4 ln n / (epsilon^2 / 2 - epsilon^3 / 3), rounded down.
 */
export const johnsonLindenstrauss = (images: number, epsilon = 0.1): number =>
  Math.max(1, Math.floor((4 * Math.log(images)) / (epsilon ** 2 / 2 - epsilon ** 3 / 3)))

/** A sparse matrix [rows, columns], row by row. */
export interface SparseRows {
  readonly rows: number
  readonly columns: number
  readonly values: Float32Array
  /** Column of each value, ascending in a row. */
  readonly indices: Int32Array
  /** Where each row's values begin, and where the last one's end. */
  readonly offsets: Int32Array
}

const stream = 0x70726f6a

/**
 * A matrix [to, from] each of whose entries is, alike in chance and apart from the others, + or - 1 / sqrt(density * to) with probability
 * density = 1 / sqrt(from), else 0.
 */
export function sparseProjection(from: number, to: number, seed: number): SparseRows {
  const density = 1 / Math.sqrt(from)
  const value = 1 / Math.sqrt(density * to)
  const expected = from * to * density
  const most = Math.ceil(expected + 8 * Math.sqrt(expected) + 64)
  let [values, indices] = [new Float32Array(most), new Int32Array(most)]
  const offsets = new Int32Array(to + 1)
  // The entries are walked in one row: the gaps between those that are not 0 are geometric.
  const scale = 1 / Math.log1p(-density)
  const end = from * to
  let [count, row, rowEnd, place] = [0, 0, from, -1]
  for (let counter = 0; place < end; ++counter) {
    const words = draw(counter, stream, seed)
    for (let pair = 0; pair < 3; ++pair) {
      place += 1 + (density < 1 ? Math.floor(Math.log(((words[pair] as number) + 0.5) / 2 ** 32) * scale) : 0)
      if (place >= end) break
      while (place >= rowEnd) {
        offsets[++row] = count
        rowEnd += from
      }
      if (count === values.length) {
        const [widerValues, widerIndices] = [new Float32Array(2 * count), new Int32Array(2 * count)]
        widerValues.set(values)
        widerIndices.set(indices)
        ;[values, indices] = [widerValues, widerIndices]
      }
      values[count] = (words[3] >>> pair) & 1 ? value : -value
      indices[count++] = place - (rowEnd - from)
    }
  }
  while (row < to) offsets[++row] = count
  return { rows: to, columns: from, values: values.subarray(0, count), indices: indices.subarray(0, count), offsets }
}

/** Bytes that such a matrix takes. */
export const projectionBytes = (from: number, to: number): number => 8 * Math.sqrt(from) * to + 4 * (to + 1)
