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

export interface HebbianLearnOptions extends HebbianRule, MinibatchOptions {
  /** Minibatches of an iteration of spherical k-means; needs `sums`, rank 1 and p 2. Default 0: rows learn with every minibatch. */
  iteration?: number
  /** [K,D], updated in place: sums of the patches that each unit won in the iteration under way, zeros at first. Default: none. */
  sums?: Tensor | null
}

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
 *
 * With `iteration` and `sums` it is spherical k-means (Coates, Ng and Lee 2011; Coates and Ng 2012), each iteration on fresh minibatches:
 * rows stay until minibatches `iteration`, 2 `iteration`, ... of the run have been summed, then become the sums, of norm 1. A row that won
 * nothing keeps its place. Learning rate and step say nothing then.
 * @param images u8 [N,C,H,W]; pixels / 255
 * @param w [K, C * window * window], or [K,D] where patches are whitened to D numbers
 * @throws {ShapeError} for one of `iteration` and `sums` without the other
 * @throws {OptionError} for `iteration` with another rank than 1 or another p than 2
 */
export function hebbianLearn(images: Tensor, w: Tensor, options: HebbianLearnOptions = {}): HebbianTally {
  const own = ['rank', 'p', 'antiHebbian', 'step', 'iteration', 'sums']
  const [inputs, given] = learning('hebbian_learn', images, w, options, own)
  const { sums = null, ...rest } = given as HebbianLearnOptions
  return tally(callOp('hebbian_learn', [...inputs, sums], rest))
}
