// Matrices of doubles on the host; products and decompositions are the device's.
import type { Device } from '../device.js'
import { matmul } from '../ops/index.js'
import { Tensor } from '../tensor.js'

/** Row-major. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

export const matrix = (rows: number, columns: number, data: Float64Array = new Float64Array(rows * columns)): Matrix => ({
  rows,
  columns,
  data,
})

export const upload = ({ rows, columns, data }: Matrix, device: Device): Tensor =>
  Tensor.from(data, { shape: [rows, columns], device })

export async function download(tensor: Tensor): Promise<Matrix> {
  const { data, shape } = await tensor.read()
  return matrix(shape[0] as number, shape[1] as number, data as Float64Array)
}

/** a b, either of them transposed where that is asked for. */
export async function product(
  a: Matrix,
  b: Matrix,
  device: Device,
  options: { transposeA?: boolean; transposeB?: boolean } = {},
): Promise<Matrix> {
  const rows = options.transposeA ? a.columns : a.rows
  const columns = options.transposeB ? b.rows : b.columns
  // Tensors have no empty axes.
  if (rows === 0 || columns === 0 || a.data.length === 0) return matrix(rows, columns)
  using left = upload(a, device)
  // Of one matrix with itself half of the products are enough.
  using right = a === b ? left : upload(b, device)
  using result = matmul(left, right, options)
  return download(result)
}

/** Some rows, in the order of `indices`. */
export function rowsOf({ columns, data }: Matrix, indices: Int32Array): Matrix {
  const out = matrix(indices.length, columns)
  indices.forEach((row, i) => {
    out.data.set(data.subarray(row * columns, (row + 1) * columns), i * columns)
  })
  return out
}

/** Some columns of all rows, or of some, in the order of `indices`. */
export function columnsOf({ rows, columns, data }: Matrix, indices: Int32Array, some?: Int32Array): Matrix {
  const count = some?.length ?? rows
  const picked = new Float64Array(count * indices.length)
  for (let i = 0, to = 0; i < count; ++i) {
    const from = (some ? (some[i] as number) : i) * columns
    for (let j = 0; j < indices.length; ++j, ++to) picked[to] = data[from + (indices[j] as number)] as number
  }
  return matrix(count, indices.length, picked)
}

/** Mean of each column. */
export function columnMeans({ rows, columns, data }: Matrix): Float64Array {
  const means = new Float64Array(columns)
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) means[j] = (means[j] as number) + (data[at] as number)
  return means.map((sum) => sum / rows)
}

/** A matrix with a row taken off each of its rows. */
export function withoutRow({ rows, columns, data }: Matrix, row: Float64Array): Matrix {
  const shifted = new Float64Array(data.length)
  for (let i = 0, at = 0; i < rows; ++i)
    for (let j = 0; j < columns; ++j, ++at) shifted[at] = (data[at] as number) - (row[j] as number)
  return matrix(rows, columns, shifted)
}

/** One column as a list. */
export function column({ rows, columns, data }: Matrix, j: number): Float64Array {
  const out = new Float64Array(rows)
  for (let i = 0, at = j; i < rows; ++i, at += columns) out[i] = data[at] as number
  return out
}
