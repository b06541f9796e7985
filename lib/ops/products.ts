import { callOp, type Tensor } from '../tensor.js'

/**
 * Inner products [A,B] of the images `rows` with the images `columns` (i32), both less the mean of the latter, from the inner products k [N,N]
 * (f64, symmetric) of all images, wherever these are centred. The first read rejects with a DataError of an index outside k.
 */
export function centredProducts(k: Tensor, rows: Tensor, columns: Tensor): Tensor {
  return callOp('centred_products', [k, rows, columns])[0] as Tensor
}
