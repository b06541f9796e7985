import { callOp, type Tensor } from '../tensor.js'

/** A sparse matrix [K,D] by rows (CSR). */
export interface SparseRows {
  /** f32 [M]. */
  values: Tensor
  /** i32 [M]; within a row they do not descend. */
  columns: Tensor
  /** i32 [K+1]: row k has the entries offsets[k] .. offsets[k + 1]. */
  offsets: Tensor
}

/**
 * x [N,D] by the transpose of a sparse [K,D], f32 -> [N,K]: each row of x projected on each row of the matrix, as by a sparse random
 * projection (Li, Hastie, Church 2006). The first read rejects with a DataError where columns or offsets are out of order or range.
 */
export function sparseMatmul(x: Tensor, matrix: SparseRows): Tensor {
  const { values, columns, offsets } = matrix ?? {} // what is missing is refused by name
  return callOp('sparse_matmul', [x, values, columns, offsets])[0] as Tensor
}
