import type { Command } from 'commander'
import { encodeOptions, encodeScoring } from '../eval/encoding.js'
import { addRegression } from './layer_scores.js'

export function addEvalEncoding(evaluate: Command): void {
  addRegression(
    evaluate,
    'encoding',
    'how well ridge regression from each layer of a run’s network predicts held-out responses of neurons or voxels',
    encodeOptions,
    (net, { images, responses }, options) => encodeScoring(net, images, responses, options),
  )
}
