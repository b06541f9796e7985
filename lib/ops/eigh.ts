import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { batchOfOne, callOp, scope, type Tensor } from '../tensor.js'

export interface EighOptions {
  /** Only so many of the largest eigenvalues. Default: all D. */
  top?: number
  /** Whether eigenvectors are made too. Default true. */
  vectors?: boolean
}

/**
 * Eigenvalues and eigenvectors of symmetric matrices a [D,D] or [G,D,D], f32 or f64: values [K] or [G,K] in descending order, and vectors
 * [K,D] or [G,K,D], each a row of norm 1 whose entry of largest magnitude (the first of them) is positive. K is `top` or D. a is read on
 * and above the diagonal. The first read rejects with a DataError of a matrix that is not symmetric beyond rounding, not finite, or
 * whose iteration does not converge.
 *
 * On the CPU large matrices go to LAPACK where one is found (`striate info` tells), on CUDA to cuSOLVER; own solvers, in float64, do the
 * rest: Householder and divide and conquer, or Jacobi.
 */
export function eigh(a: Tensor, options: EighOptions & { vectors: false }): { values: Tensor }
export function eigh(a: Tensor, options?: EighOptions): { values: Tensor; vectors: Tensor }
export function eigh(a: Tensor, options: EighOptions = {}): { values: Tensor; vectors?: Tensor } {
  refuseUnknown('eigh', options, ['top', 'vectors'])
  const { vectors = true, ...rest } = options
  if (typeof vectors !== 'boolean')
    throw new OptionError({ op: 'eigh', argument: 'vectors', actual: String(vectors), expected: 'true or false' })
  return scope(() => {
    const batch = batchOfOne(a, 3)
    const made = callOp('eigh', [batch], rest, vectors ? ['values', 'vectors'] : ['values'])
    const [values, rows] = made.map((t) => (batch === a ? t : t?.reshape(t.shape.slice(1))))
    return { values: values as Tensor, ...(rows && { vectors: rows }) }
  })
}
