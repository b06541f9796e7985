import { callOp, type Tensor } from '../tensor.js'
import type { AdamOptions } from './optimiser.js'

/** A softmax classifier and its Adam moments, all updated in place. */
export interface ReadoutState {
  /** [T,D] */
  w: Tensor
  /** [T] */
  b: Tensor
  mw: Tensor
  vw: Tensor
  mb: Tensor
  vb: Tensor
}

export interface ReadoutLearnOptions extends Omit<AdamOptions, 'step'> {
  /** Rows of a minibatch. Default 100. */
  batch?: number
  /** Minibatches of this call. Default 1. */
  steps?: number
  /** Number of this call's first minibatch in the run. Default 0. */
  firstStep?: number
  /** Minibatches of the whole run, over which the schedule runs. Default 1. */
  totalSteps?: number
  /** Visit rows in a seeded order; else as they stand, this call's first minibatch being the first rows. Default true. */
  shuffle?: boolean
  /** Seed of the order of rows. Default 0. */
  seed?: number
  /** Course of the learning rate. Default `cosine`. */
  schedule?: 'constant' | 'linear' | 'cosine'
  /** Default 0. */
  finalLearningRate?: number
}

/**
 * Many minibatches of softmax regression by Adam in one native call, on features that stay where they are.
 * @param features [N,D], f32 or bf16
 * @param labels i32 [N]
 * @param rows i32 [M]: the rows that take part; default all
 * @returns mean loss (nats) and wrong rows over the call, each row scored before its step
 */
export function readoutLearn(
  features: Tensor,
  labels: Tensor,
  state: ReadoutState,
  options: ReadoutLearnOptions = {},
  rows?: Tensor,
): { loss: Tensor; errors: Tensor } {
  const { w, b, mw, vw, mb, vb } = state ?? {} // what is missing is refused by name
  const [loss, errors] = callOp('readout_learn', [features, labels, w, b, mw, vw, mb, vb, rows], options)
  return { loss: loss as Tensor, errors: errors as Tensor }
}

/** Mean loss (nats), wrong rows and predicted labels of a softmax classifier w [T,D], b [T] on features [N,D], or on some rows of them. */
export function readoutScore(
  features: Tensor,
  labels: Tensor,
  state: Pick<ReadoutState, 'w' | 'b'>,
  rows?: Tensor,
): { loss: Tensor; errors: Tensor; prediction: Tensor } {
  const [loss, errors, prediction] = callOp('readout_score', [features, labels, state?.w, state?.b, rows], {}, ['prediction'])
  return { loss: loss as Tensor, errors: errors as Tensor, prediction: prediction as Tensor }
}
