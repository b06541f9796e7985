// What the figures and the table are made of: parts of one network each, and what is read from their results.
import type { ReadoutOptions } from '../../features/index.js'
import type { SupervisedOptions } from '../../train/index.js'
import { type Block, localPart, type NetworkResult, twinPart } from '../networks.js'
import { type Part, resultsOfStem, type Scale } from '../study.js'
import { localReadout, quickBlock, twinOptions } from './settings.js'

export const paper = 'Grinberg, Hopfield, Krotov 2019'
export const GiB = 2 ** 30

const quickReadout: ReadoutOptions = { ...localReadout, learningRates: [1e-3], epochs: 10 }
/** As a network is trained end to end at a scale. */
export const scaledTwin = (scale: Scale, options: SupervisedOptions): SupervisedOptions =>
  scale.quick ? { ...options, epochs: 4 } : options

/** The results of a network, of all seeds. */
export const results = (all: ReadonlyMap<string, unknown>, stem: string): NetworkResult[] =>
  resultsOfStem(all, stem) as NetworkResult[]

/** Test errors in percent, as papers print them. */
export const errors = (list: NetworkResult[]): number[] => list.map((r) => 100 * r.testError)
export const shadowErrors = (list: NetworkResult[]): number[] => list.map((r) => 100 * r.shadowError)

/** Error in percent against time, of the first seed of each group. */
export function curves(groups: [string, NetworkResult[]][]) {
  return groups.flatMap(([label, list]) =>
    list
      .filter((r) => r.curve.length > 0)
      .slice(0, 1)
      .map((r) => ({
        name: `${label} (${r.curveOn})`,
        x: r.curve.map((e) => e.seconds),
        y: r.curve.map((e) => 100 * e.error),
      })),
  )
}

export const quickName = (scale: Scale, name: string): string => (scale.quick ? `quick-${name}` : name)

export function local(
  scale: Scale,
  stem: string,
  blocks: readonly Block[],
  seed: number,
  more: Partial<Parameters<typeof localPart>[0]> = {},
): Part {
  const five = blocks.length > 1
  return localPart({
    name: quickName(scale, `${stem}-seed${seed}`),
    about: `${five ? 'five blocks' : 'one block'}, learned locally, seed ${seed}`,
    blocks: scale.quick ? blocks.map(quickBlock) : blocks,
    readout: scale.quick ? quickReadout : localReadout,
    seed,
    expected: scale.quick
      ? { minutes: five ? 0.2 : 0.1, bytes: 0.3 * GiB }
      : five
        ? { minutes: 4, bytes: 12 * GiB }
        : { minutes: 1, bytes: 5 * GiB },
    ...more,
  })
}

export function twin(
  scale: Scale,
  stem: string,
  blocks: readonly Block[],
  seed: number,
  more: Partial<Parameters<typeof twinPart>[0]> = {},
): Part {
  const five = blocks.length > 1
  const options = more.options ?? twinOptions
  const shaped = scale.quick ? blocks.map(quickBlock) : blocks
  return twinPart({
    name: quickName(scale, `${stem}-seed${seed}`),
    about: `${five ? 'five blocks' : 'one block'}, trained end to end, seed ${seed}`,
    // CONV layers have a plain ReLU: power 1.
    blocks: shaped.map((block) => ({ ...block, power: 1 })),
    seed,
    expected: scale.quick
      ? { minutes: five ? 0.3 : 0.1, bytes: 0.3 * GiB }
      : five
        ? { minutes: (options.epochs ?? 20) * 0.9, bytes: 3 * GiB }
        : { minutes: (options.epochs ?? 20) * 0.2, bytes: 1 * GiB },
    ...more,
    options: scaledTwin(scale, options),
  })
}

/** What every report says of the paper. */
export const openChoices = [
  'The paper does not give the sizes, powers and pools of the five blocks, the pools’ strides and paddings, Delta, rates, batches or epochs; they were chosen on a validation split of the training images. Local readouts take each feature’s mean off while they learn, and their bias undoes it.',
]
