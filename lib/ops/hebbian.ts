import { callOp, type Tensor } from '../tensor.js'
import { learning, type MinibatchOptions } from './minibatches.js'

export interface HebbianRule {
  /** m: the rank whose unit is pushed away, from 2 to K; 1: none is (winner take all). Default 2. */
  rank?: number
  /**
   * p, from 2 to 100: currents are sum of sign(w) |w|^(p-1) v, and rows are drawn to p-norm 1. Default 2, the plain dot product.
   * Krotov and Hopfield 2019.
   */
  p?: number
  /** Delta: how strongly, from 0 to 1. Default 0.2. On uncentred patches units collapse from about 0.3 on. */
  antiHebbian?: number
  /** epsilon. Default 0.02. With step `max` the largest change of a weight, with `count` the share of the way to the mean patch. */
  learningRate?: number
  /** `max`: the whole update divided by its largest entry (the authors' rule); `count`: each row by the patches that chose it. Default `count`. */
  step?: 'max' | 'count'
}

export interface HebbianLearnOptions extends HebbianRule, MinibatchOptions {}

export interface HebbianTally {
  /** i32 [K]: patches for which the unit was first. */
  wins: Tensor
  /** i32 [K]: patches for which it was of rank m. */
  losses: Tensor
  /** f32 [K]: sum of g * current; the row's norm is drawn to 1 where this is positive, and repelled where it is negative. */
  gains: Tensor
  /** f32 [1]: mean over patches of -sum of g * current / |w|_p^(p-1). Learning lowers it. */
  energy: Tensor
}

const tally = ([wins, losses, gains, energy]: (Tensor | null)[]): HebbianTally => ({
  wins: wins as Tensor,
  losses: losses as Tensor,
  gains: gains as Tensor,
  energy: energy as Tensor,
})

/**
 * One minibatch of the Krotov-Hopfield rule; updates w in place. Grinberg, Hopfield, Krotov 2019, equations 1 and 2.
 * @param patches [B,D], used as they are; zero patches are left out
 * @param w [K,D], K >= 2
 */
export function hebbianStep(patches: Tensor, w: Tensor, options: HebbianRule = {}): HebbianTally {
  return tally(callOp('hebbian_step', [patches, w], options, ['wins', 'losses', 'gains', 'energy']))
}

/** As {@link hebbianStep}, without counting: for loops over small minibatches, where four more tensors a step would be felt. */
export function hebbianUpdate(patches: Tensor, w: Tensor, options: HebbianRule = {}): void {
  callOp('hebbian_step', [patches, w], options)
}

/**
 * Many minibatches of the rule in one native call; updates w in place. Patches are gathered on the device from the images, in an order that
 * visits every window of every image once an epoch (a seeded permutation that needs no list).
 * Calls that continue each other with `firstStep` give the same bits as one call.
 * @param images u8 [N,C,H,W]; pixels / 255
 * @param w [K, C * window * window], or [K,D] where patches are whitened to D numbers
 */
export function hebbianLearn(images: Tensor, w: Tensor, options: HebbianLearnOptions = {}): HebbianTally {
  const [inputs, rest] = learning('hebbian_learn', images, w, options, ['rank', 'p', 'antiHebbian', 'step'])
  return tally(callOp('hebbian_learn', inputs, rest))
}
