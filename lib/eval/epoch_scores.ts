// How well a network in training predicts responses, as its training goes on.
import type { Recording } from '../data/index.js'
import { OptionError } from '../errors.js'
import type { Network } from '../models/index.js'
import { takeControl } from '../options.js'
import { type EncodeOptions, encode, encodeScoring } from './encoding.js'
import { splitOf } from './recordings.js'

/** The numbers of an epoch, for `onEpoch` of `trainSupervised`: by layer the mean of the recordings' encoding scores. */
export type EpochScores = (net: Network) => Promise<Record<string, number>>

/**
 * Encoding scores as {@link encode} gives them, by one round of folds or on the split that a recording states.
 * @param net of the configuration that is trained; what cannot be scored of it is refused now
 * @param options layers, by default all blocks; signal and onProgress also
 * @throws {OptionError} {DataError} of layers, or responses that cannot be scored
 */
export function epochScores(net: Network, recordings: readonly Recording[], options: EncodeOptions = {}): EpochScores {
  const op = 'epochScores'
  if (recordings.length === 0) throw new OptionError({ op, argument: 'recordings', actual: 'none', expected: 'at least one' })
  const [own, { signal, onProgress }] = takeControl(op, options, ['signal', 'onProgress', 'onPlan'])
  const each = recordings.map((recording) => {
    const { images, responses } = recording
    const settings = { ...splitOf(recording, { repeats: 1 }), ...own }
    encodeScoring(net, images, responses, settings)
    return { images, responses, settings: { ...settings, signal, onProgress } }
  })
  return async (current) => {
    const sums: Record<string, number> = {}
    for (const { images, responses, settings } of each)
      for (const { layer, value } of (await encode(current, images, responses, settings)).scores)
        sums[layer] = (sums[layer] ?? 0) + value / each.length
    return sums
  }
}
