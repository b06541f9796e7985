// What the ops that learn many minibatches of patches in one call share.
import { refuseUnknown } from '../options.js'
import type { Tensor } from '../tensor.js'

export interface MinibatchOptions {
  /** At the start. Default 0.02. */
  learningRate?: number
  /** Default 0. */
  finalLearningRate?: number
  /** W: patches are window x window. Default 4. */
  window?: number
  /** Patches of a minibatch. Default 1000. */
  batch?: number
  /** Minibatches of this call. Default 1. */
  steps?: number
  /** Number of this call's first minibatch in the run. Default 0. */
  firstStep?: number
  /** Minibatches of the whole run; the learning rate falls linearly from `learningRate` to `finalLearningRate` over them. Default 1. */
  totalSteps?: number
  /** Count wins, gains, energy and the like over the last `tally` minibatches only. Default 0: over all of the call. */
  tally?: number
  /** Seed of the order of patches. Default 0. */
  seed?: number
  /** `patch`: patches of norm 1. Default `patch`. */
  normalise?: 'patch' | 'none'
  /** Take each patch's own mean off first. Default false. */
  centre?: boolean
  /** Patches are then whitened, u / |u| with u = z v + offset: z [D,M] of M = C * window * window, offset [D]. Default: they are not. */
  whitening?: { z: Tensor; offset: Tensor } | null
}

const known = [
  ...['learningRate', 'finalLearningRate', 'window', 'batch', 'steps', 'firstStep', 'totalSteps'],
  ...['tally', 'seed', 'normalise', 'centre', 'whitening'],
]

/** Inputs and options of such an op, which has options of its own besides. @internal */
export function learning(
  op: string,
  images: Tensor,
  w: Tensor,
  options: MinibatchOptions,
  own: readonly string[],
): [inputs: (Tensor | null)[], options: object] {
  refuseUnknown(op, options, [...own, ...known])
  const { whitening, ...rest } = options
  refuseUnknown(op, whitening ?? undefined, ['z', 'offset'], 'whitening.')
  return [[images, w, whitening?.z ?? null, whitening?.offset ?? null], rest]
}
