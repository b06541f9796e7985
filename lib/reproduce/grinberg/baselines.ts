// Filters that the literature compares with, under one probe: the single block's pool and readout, the power chosen for each on the
// validation split (a power of 40 silences filters that match no patch closely).

import { describeRules, type FilterOptions } from '../../learn/index.js'
import { type Block, localPart, type NetworkResult } from '../networks.js'
import type { Part, Scale, Study } from '../study.js'
import { localReadout, singleBlock } from './settings.js'

interface Baseline {
  name: string
  label: string
  filters: FilterOptions
  /** What others report for such filters, under probes of their own. */
  elsewhere: string
}

const list: Baseline[] = [
  {
    name: 'krotov-hopfield',
    label: 'Krotov-Hopfield, rank 2, Delta 0.275',
    filters: { rule: 'krotov-hopfield', antiHebbian: 0.275 },
    elsewhere: '27.80 (the paper, n = 40)',
  },
  {
    name: 'hard-wta',
    label: 'hard winner-take-all',
    filters: { rule: 'hard-wta' },
    elsewhere: '35.4 (Lagani et al.), 35.2 (Miconi)',
  },
  { name: 'soft-wta', label: 'soft winner-take-all', filters: { rule: 'soft-wta' }, elsewhere: '' },
  {
    name: 'softhebb',
    label: 'SoftHebb, centred patches',
    filters: { rule: 'softhebb' },
    elsewhere: '28.89 (Journe et al. 2022, one layer of 96, dropout)',
  },
  { name: 'oja', label: "Oja's subspace rule", filters: { rule: 'oja' }, elsewhere: '' },
  {
    name: 'spherical-k-means',
    label: 'spherical k-means',
    filters: { rule: 'spherical-k-means' },
    elsewhere: '20.4 (Coates, Ng, Lee 2011: 4,000 centres, whitened, triangle code)',
  },
  {
    name: 'whitened-patches',
    label: 'random whitened patches, nothing learned',
    filters: { rule: 'whitened-patches' },
    elsewhere: '21.6 (Thiry et al. 2021: 512 of 6 x 6, crops and flips)',
  },
  { name: 'patches', label: 'random data patches, nothing learned', filters: { rule: 'patches' }, elsewhere: '' },
  { name: 'random', label: 'normal random filters, nothing learned', filters: { rule: 'random' }, elsewhere: '' },
]

/** Rules that do not learn need no minibatches. */
const learning = new Set(describeRules().flatMap(({ name, learns }) => (learns ? [name] : [])))
const learns = ({ rule = 'krotov-hopfield' }: FilterOptions): boolean => learning.has(rule)

const powers = [1, 4, 10, 20, 40]
const percent = (share: number): string => (100 * share).toFixed(2)

/** Block and readout that all filters share. */
function probe(scale: Scale) {
  const { pool } = singleBlock
  const block = { window: 4, units: scale.quick ? 64 : 400, power: 40, pool: scale.quick ? { size: pool.size, stride: 6 } : pool }
  const readout = { ...localReadout, powers, ...(scale.quick ? { learningRates: [1e-3], epochs: 8 } : {}) }
  return { block, readout, steps: scale.quick ? 500 : 20_000 }
}

/** What {@link probe} is, in words. */
function describeProbe(scale: Scale): string {
  const { block, readout, steps } = probe(scale)
  const { size, stride, padding } = { padding: 0, ...block.pool }
  const reach = padding > 0 ? `, reaching ${padding} over the border` : ''
  return (
    `One probe for all: ${block.units} filters of ${block.window} x ${block.window}, learned in ${steps} minibatches, max pool (${size} every ` +
    `${stride} positions${reach}), softmax readout by Adam (rate ${readout.learningRates}, L2 decay ${readout.weightDecays}, each feature’s ` +
    `mean taken off, ${readout.epochs} epochs), no augmentation. The power is chosen for each on the validation split, of ${powers.join(', ')}.`
  )
}

function part(scale: Scale, baseline: Baseline, seed: number): Part {
  const { block: shared, readout, steps } = probe(scale)
  const block: Block = { ...shared, filters: { ...baseline.filters, ...(learns(baseline.filters) ? { steps } : {}) } }
  return localPart({
    name: `${scale.quick ? 'quick-' : ''}baseline-${baseline.name}-seed${seed}`,
    about: `baseline: ${baseline.label}, seed ${seed}`,
    blocks: [block],
    readout,
    seed,
    expected: scale.quick ? { minutes: 0.1, bytes: 0.2 * 2 ** 30 } : { minutes: 2.5, bytes: 5 * 2 ** 30 },
  })
}

export const baselines: Study = {
  name: 'baselines',
  source: 'what the literature compares with (see the notes)',
  about: 'random, data, whitened, k-means, Oja, winner-take-all and SoftHebb filters under one probe',
  needs: 'labelled images: train and test',
  parts: (scale) => list.flatMap((baseline) => scale.seeds.slice(0, 1).map((seed) => part(scale, baseline, seed))),
  report: async (all, scale) => {
    const rows = list.map((baseline) => ({
      baseline,
      result: [...all].find(([name]) => name.startsWith(`${scale.quick ? 'quick-' : ''}baseline-${baseline.name}-seed`))?.[1] as
        | NetworkResult
        | undefined,
    }))
    return {
      values: rows.map(({ baseline, result }) => ({
        what: `${baseline.label}: test error`,
        unit: '%',
        published: null,
        ours: result ? [100 * result.testError] : [],
        ...(result ? { note: result.network } : {}),
      })),
      charts: [],
      tables: [
        {
          caption:
            'Error in percent: validation split, test, test in the shadow of the paper’s figure 3; what others report is under probes of their own',
          columns: ['Filters', 'Validation', 'Test', 'In shadow', 'Without a win', 'Reported elsewhere'],
          rows: rows.flatMap(({ baseline, result }) =>
            result
              ? [
                  [
                    baseline.label,
                    result.validationError === null ? '' : percent(result.validationError),
                    percent(result.testError),
                    percent(result.shadowError),
                    result.dead.length,
                    baseline.elsewhere,
                  ],
                ]
              : [],
          ),
        },
      ],
      notes: [
        describeProbe(scale),
        'Rules have their own defaults; none but Krotov-Hopfield’s Delta was searched for this table.',
      ],
    }
  },
}
