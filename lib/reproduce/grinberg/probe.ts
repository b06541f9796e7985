// The probe under which filters of all kinds are compared: the single block's pool and readout, and a power that is chosen for each on the
// validation split (a power of 40 silences filters that match no patch closely).
import { describeRules, type FilterOptions } from '../../learn/index.js'
import type { BlockResponse } from '../../models/index.js'
import { type Block, localPart, type NetworkResult } from '../networks.js'
import type { Part, Scale } from '../study.js'
import { localReadout, singleBlock } from './settings.js'

/** Filters that are compared. */
export interface Probed {
  /** Of its part. */
  name: string
  label: string
  filters: FilterOptions
  /** Default: those of the paper's block. */
  size?: { window: number; units: number }
  /** Default: what is above 0. */
  response?: BlockResponse
}

const learning = new Set(describeRules().flatMap(({ name, learns }) => (learns ? [name] : [])))
/** Rules that do not learn need no minibatches. */
const learns = ({ rule = 'krotov-hopfield' }: FilterOptions): boolean => learning.has(rule)

/** Cosines of whitened patches are far from 1, and a high power silences all of them. */
const powersOf = ({ whiten }: FilterOptions): number[] => (whiten ? [1, 2, 4] : [1, 4, 10, 20, 40])
export const percent = (share: number): string => (100 * share).toFixed(2)

/** Block and readout that all filters share. */
function probe(scale: Scale) {
  const { pool } = singleBlock
  const block = { window: 4, units: scale.quick ? 64 : 400, power: 40, pool: scale.quick ? { size: pool.size, stride: 6 } : pool }
  const readout = { ...localReadout, ...(scale.quick ? { learningRates: [1e-3], epochs: 8 } : {}) }
  return { block, readout, steps: scale.quick ? 500 : 20_000 }
}

/** What the probe is, in words. */
export function describeProbe(scale: Scale): string {
  const { block, readout, steps } = probe(scale)
  const { size, stride, padding } = { padding: 0, ...block.pool }
  const reach = padding > 0 ? `, reaching ${padding} over the border` : ''
  return (
    `One probe for all: ${block.units} filters of ${block.window} x ${block.window}, learned in ${steps} minibatches, max pool (${size} every ` +
    `${stride} positions${reach}), softmax readout by Adam (rate ${readout.learningRates}, L2 decay ${readout.weightDecays}, each feature’s ` +
    `mean taken off, ${readout.epochs} epochs), no augmentation. The power is chosen for each on the validation split, of ` +
    `${powersOf({})}, for whitened patches of ${powersOf({ whiten: { after: 'norm' } })}.`
  )
}

/** Name of a study's part. */
export const partName = ({ quick }: Scale, stem: string, name: string, seed: number): string =>
  `${quick ? 'quick-' : ''}${stem}-${name}-seed${seed}`

/**
 * The part that learns one kind of filters and reads it out.
 * @param stem of its name, before that of the filters
 */
export function probePart(
  scale: Scale,
  stem: string,
  { name, label, filters, size, response }: Probed,
  seed: number,
): Part<NetworkResult> {
  const { block: shared, readout, steps } = probe(scale)
  const block: Block = {
    ...shared,
    ...size,
    ...(response ? { response } : {}),
    filters: { ...filters, ...(learns(filters) ? { steps } : {}) },
  }
  // Readouts take time and memory by their features, whatever made them.
  const share = ((response === 'both-signs' ? 2 : 1) * block.units) / shared.units
  return localPart({
    name: partName(scale, stem, name, seed),
    about: `${stem}: ${label}, seed ${seed}`,
    blocks: [block],
    readout: { ...readout, powers: powersOf(filters) },
    seed,
    normalise: filters.normalise ?? 'patch',
    expected: scale.quick ? { minutes: 0.1, bytes: 0.2 * 2 ** 30 } : { minutes: 2.5 * share, bytes: 5 * 2 ** 30 * share },
  })
}

/** What there is of a part, of each seed. */
export const resultsOf = (
  all: ReadonlyMap<string, unknown>,
  scale: Scale,
  stem: string,
  { name }: Pick<Probed, 'name'>,
): NetworkResult[] =>
  scale.seeds.flatMap((seed) => {
    const result = all.get(partName(scale, stem, name, seed))
    return result ? [result as NetworkResult] : []
  })
