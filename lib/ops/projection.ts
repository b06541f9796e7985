import { callOp, type Tensor } from '../tensor.js'
import type { SparseRows } from './sparse_matmul.js'

export interface SparseProjectionOptions {
  /** Rows of the matrix. Default 1. */
  rows?: number
  /** Its columns. Default 1. */
  width?: number
  /** Entries that there is room for; a read rejects with a DataError where there are more. Default 1. */
  room?: number
  /** Default 0. */
  seed?: number
  /** Size of the entries. Default 1. */
  value?: number
}

/**
 * A random sparse matrix whose entries are + or - value. The gap from one to the next, row after row, is 1 and as many of bounds [G]
 * (i32, read as 32 bits without a sign, none above the one before) as are above a random word.
 */
export function sparseProjection(bounds: Tensor, options: SparseProjectionOptions = {}): SparseRows {
  const [values, columns, offsets] = callOp('sparse_projection', [bounds], options) as [Tensor, Tensor, Tensor]
  return { values, columns, offsets }
}
