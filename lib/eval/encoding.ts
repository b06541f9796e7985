// How well held-out responses are predicted by ridge regression from the features of layers.
import { z } from 'zod'
import type { Images, Responses } from '../data/index.js'
import { checkResponses } from '../data/neural/responses.js'
import type { Network } from '../models/index.js'
import { takeControl } from '../options.js'
import { foldsOf } from './folds.js'
import type { LayerControl } from './layer_features.js'
import { type LayerScores, layerScoreOptions, layerScoring, parseScoreOptions, type Scoring } from './layer_scores.js'
import { ridge } from './ridge.js'

/** One per decade, 1e-4 to 1e9. */
const decades = Array.from({ length: 14 }, (_, i) => Number(`1e${i - 4}`))

export const encodeOptions = z.strictObject({
  ...layerScoreOptions,
  lambda: z
    .enum(['shared', 'per-target'])
    .default('shared')
    .describe('one penalty for all targets, or each its own; chosen on the training images'),
  lambdas: z.array(z.number().positive()).min(1).default(decades).describe('penalties to choose from'),
  choice: z
    .union([z.literal('leave-one-out'), z.number().int().min(2)])
    .default('leave-one-out')
    .describe(
      'leaving out each training image, or each group where there are groups, exactly; or so many folds of the training images',
    ),
})

export interface EncodeOptions extends z.input<typeof encodeOptions>, LayerControl {}

/**
 * How well held-out responses are predicted by ridge regression from each layer's features: Pearson's r per target and fold. The penalty is chosen on
 * the training images of each fold, as is the layer that `committed` names.
 * @param net null where pixels alone are scored
 * @param responses row i belongs to image i
 * @throws {DataError} when images and responses do not match in number, or no target varies; {OptionError} for an option that is unknown or out of range
 */
export async function encode(
  net: Network | null,
  images: Images,
  responses: Responses,
  options: EncodeOptions = {},
): Promise<LayerScores> {
  const [own, control] = takeControl('encode', options, ['signal', 'onProgress', 'onPlan'])
  return encodeScoring(net, images, responses, own)(control)
}

/** @internal What {@link encode} scores, once it is asked for: what can be refused is refused before. */
export function encodeScoring(
  net: Network | null,
  images: Images,
  responses: Responses,
  options: z.input<typeof encodeOptions>,
): Scoring {
  const op = 'encode'
  const settings = parseScoreOptions(op, encodeOptions, options)
  checkResponses(op, responses)
  const { lambda, choice, seed } = settings
  const lambdas = [...new Set(settings.lambdas)].sort((a, b) => a - b)
  const left = choice === 'leave-one-out' ? (responses.groups ? 'leave-one-group-out' : 'leave-one-out') : `${choice}-fold`
  const range = `${lambdas[0]} ... ${lambdas.at(-1)}`
  return layerScoring(op, net, images, responses, settings, {
    regression: `ridge, centred, one of ${lambdas.length} penalties (${range}) ${lambda === 'shared' ? 'for all targets' : 'for each target'} by ${left} r`,
    innerScore: `${left} r within the training images`,
    leastParts: () => (choice === 'leave-one-out' ? 2 : choice),
    fit: async ({ kernel, split, y, groups, device }) => {
      const together = choice === 'leave-one-out' ? groups : foldNumbers(op, y.rows, choice, seed, groups)
      using centred = await kernel.split(split)
      const fitted = await ridge(centred, y, { lambdas, lambda, groups: together }, device)
      const exponents = fitted.lambda.map(Math.log10)
      const exponent = exponents.reduce((sum, value) => sum + value, 0) / exponents.length
      return {
        prediction: fitted.prediction,
        inner: fitted.inner,
        raw: { log10Lambda: exponent, rank: fitted.rank },
      }
    },
  })
}

/** The fold of each image. */
function foldNumbers(op: string, count: number, folds: number, seed: number, groups: Int32Array | null): Int32Array {
  const numbers = new Int32Array(count)
  foldsOf(op, count, folds, seed, groups).forEach(({ test }, fold) => {
    for (const i of test) numbers[i] = fold
  })
  return numbers
}
