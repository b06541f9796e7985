import type { Command } from 'commander'
import { plsOptions, plsScoring } from '../eval/pls.js'
import { addRegression } from './layer_scores.js'

export function addEvalPls(evaluate: Command): void {
  addRegression(
    evaluate,
    'pls',
    'how well partial least squares from each layer of a run’s network predicts held-out responses of neurons or voxels',
    plsOptions,
    (net, { images, responses }, options) => plsScoring(net, images, responses, options),
  )
}
