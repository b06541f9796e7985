import { callOp, type Tensor } from '../tensor.js'

const one = (op: string, inputs: (Tensor | null)[], options?: object): Tensor => callOp(op, inputs, options)[0] as Tensor

/** x + y, element by element, of one shape, f32 or f64. */
export const add = (x: Tensor, y: Tensor): Tensor => one('add', [x, y])
/** x - y, element by element, of one shape, f32 or f64. */
export const subtract = (x: Tensor, y: Tensor): Tensor => one('subtract', [x, y])
/** x * y, element by element, of one shape, f32 or f64. */
export const multiply = (x: Tensor, y: Tensor): Tensor => one('multiply', [x, y])

export interface SubtractRowOptions {
  /** Element type of the result. Default `f32`. */
  store?: 'f32' | 'bf16'
}
/** x - r for each row of x [N,D] with r [D]. */
export const subtractRow = (x: Tensor, r: Tensor, options?: SubtractRowOptions): Tensor => one('subtract_row', [x, r], options)

/** Columns of x [N,D] (f32) less their means [D], and divided by their deviations [D] where these are given; all in float64. */
export const standardise = (x: Tensor, mean: Tensor, deviation: Tensor | null = null): Tensor =>
  one('standardise', [x, mean, deviation])

export interface ScaleOptions {
  /** Default 1. */
  factor?: number
  /** Default 0. */
  offset?: number
}
/** factor * x + offset, of f32 or f64. */
export const scale = (x: Tensor, options?: ScaleOptions): Tensor => one('scale', [x], options)

/** max(x, 0). NaN stays NaN. */
export const relu = (x: Tensor): Tensor => one('relu', [x])
/** Gradient of {@link relu}: gy where x > 0, else 0. */
export const reluGrad = (x: Tensor, gy: Tensor): Tensor => one('relu_grad', [x, gy])

export interface ToF32Options {
  /** Bytes as x / 255 rather than x. Default true. */
  unit?: boolean
}
/** A float32 copy of a u8 (x / 255), bf16, i32 or f64 tensor; i32 and f64 are rounded to the nearest. */
export const toF32 = (x: Tensor, options?: ToF32Options): Tensor => one('to_f32', [x], options)
/** An exact float64 copy of a float32 tensor. */
export const toF64 = (x: Tensor): Tensor => one('to_f64', [x])

/** Rows of x [K,D] divided by their 2-norms; a zero row stays zero. */
export const unitRows = (x: Tensor): Tensor => one('unit_rows', [x])

export interface CopyRowsOptions {
  /** Row of y that the first row of x goes to. Default 0. */
  at?: number
}
/** Copies the rows of x [N,D] over rows of y [M,D], in place; both of one element type. */
export function copyRows(x: Tensor, y: Tensor, options?: CopyRowsOptions): void {
  callOp('copy_rows', [x, y], options)
}

export interface CopyColumnsOptions {
  /** Column of y that the first column of x goes to. Default 0. */
  at?: number
}
/** Copies the columns of x [N,D] over columns of y [N,E], in place; both of one element type (f32 or bf16). */
export function copyColumns(x: Tensor, y: Tensor, options?: CopyColumnsOptions): void {
  callOp('copy_columns', [x, y], options)
}

export interface SliceColumnsOptions {
  /** First column. Default 0. */
  at?: number
  /** How many. Default 1. */
  count?: number
}
/** Columns at .. at + count of x [N,E] (f32 or bf16). */
export const sliceColumns = (x: Tensor, options?: SliceColumnsOptions): Tensor => one('slice_columns', [x], options)
