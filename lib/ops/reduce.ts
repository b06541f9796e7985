import { callOp, type Tensor } from '../tensor.js'

export interface ReduceOptions {
  /** Default `sum`. */
  kind?: 'sum' | 'mean' | 'max'
  /** `rows` gives [D], `columns` [N], `all` [1]. Default `all`. */
  over?: 'rows' | 'columns' | 'all'
}

/** Sum, mean or maximum of x [N,D] over its rows, its columns or all. */
export function reduce(x: Tensor, options?: ReduceOptions): Tensor {
  return callOp('reduce', [x], options)[0] as Tensor
}

/** Index of the first maximum of each row of x [N,D], i32 [N]. */
export function argmax(x: Tensor): Tensor {
  return callOp('argmax', [x])[0] as Tensor
}
