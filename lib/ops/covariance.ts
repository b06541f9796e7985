import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { batchOfOne, callOp, scope, Tensor } from '../tensor.js'
import { scale } from './elementwise.js'

/** Sums of rows seen so far, as {@link covariance} keeps them. */
export interface CovarianceState {
  /** Rows. */
  count: number
  /** [D] or [G,D] f64. */
  mean: Tensor
  /** Sums of products of deviations from the mean, [D,D] or [G,D,D] f64. */
  moments: Tensor
}

export interface CovarianceOptions {
  /** Sums of the rows before, brought up to date in place. Default: none. */
  state?: CovarianceState
}

/**
 * Mean and sums of products of the rows of x [N,D], or of groups of rows [G,N,D], f32: of a stream of any length, chunk by chunk, in
 * memory that does not grow. moments += sum (x - m)(x - m)^T + w d d^T with m the mean of the chunk, d = m - mean, and
 * w = count N / (count + N) (Chan, Golub, LeVeque 1983). Rows minus their chunk's mean are float32, sums float64: a mean of 30 standard
 * deviations costs no accuracy, and no eigenvalue falls below rounding.
 * @returns the state that was given, or a new one
 */
export function covariance(x: Tensor, options: CovarianceOptions = {}): CovarianceState {
  refuseUnknown('covariance', options, ['state'])
  return scope(() => {
    const state = options.state ?? blank(x)
    const { count, mean, moments } = state
    callOp('covariance', [batchOfOne(x, 3), batchOfOne(mean, 2), batchOfOne(moments, 3)], { count: count ?? null })
    state.count += x.shape.at(-2) as number
    return state
  })
}

/** Sums of no rows; whatever is no tensor of rows is left for the op to refuse. */
function blank(x: Tensor): CovarianceState {
  const [width, ...groups] = x instanceof Tensor ? [x.shape.at(-1) ?? 1, ...x.shape.slice(0, -2)] : [1]
  const zeros = (...shape: number[]): Tensor =>
    Tensor.zeros([...groups, ...shape], { dtype: 'f64', ...(x instanceof Tensor && { device: x.device }) })
  return { count: 0, mean: zeros(width), moments: zeros(width, width) }
}

/**
 * Takes the sums of `other`, of other rows, into `state`: exactly what one pass over both would give, up to rounding.
 * @returns `state`
 */
export function mergeCovariance(state: CovarianceState, other: CovarianceState): CovarianceState {
  scope(() => {
    const sums = [state, other].flatMap((s) => [batchOfOne(s?.mean, 2), batchOfOne(s?.moments, 3)])
    callOp('covariance_merge', sums, { count: state?.count ?? null, others: other?.count ?? null })
    return undefined
  })
  state.count += other.count
  return state
}

export interface CovarianceOfOptions {
  /** Degrees of freedom that the mean took. Default 1. */
  ddof?: number
}

/** Covariance matrix of the rows seen, [D,D] or [G,D,D] f64: moments / (count - ddof). @throws {OptionError} of too few rows */
export function covarianceOf(state: CovarianceState, options: CovarianceOfOptions = {}): Tensor {
  refuseUnknown('covarianceOf', options, ['ddof'])
  const ddof = options.ddof ?? 1
  if (!Number.isFinite(ddof) || !(state?.count > ddof))
    throw new OptionError({
      op: 'covarianceOf',
      argument: 'ddof',
      actual: String(ddof),
      expected: `a number below the count of rows, ${state?.count}`,
    })
  return scale(state.moments, { factor: 1 / (state.count - ddof) })
}
