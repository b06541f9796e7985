// Filters that the literature compares with, under one probe.
import type { Study } from '../study.js'
import { describeProbe, type Probed, percent, probePart, resultsOf } from './probe.js'

interface Baseline extends Probed {
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
    filters: { rule: 'patches', whiten: { after: 'none' } },
    elsewhere: '21.6 (Thiry et al. 2021: 512 of 6 x 6, crops and flips)',
  },
  { name: 'patches', label: 'random data patches, nothing learned', filters: { rule: 'patches' }, elsewhere: '' },
  { name: 'random', label: 'normal random filters, nothing learned', filters: { rule: 'random' }, elsewhere: '' },
]

export const baselines: Study = {
  name: 'baselines',
  source: 'what the literature compares with (see the notes)',
  about: 'random, data, whitened, k-means, Oja, winner-take-all and SoftHebb filters under one probe',
  needs: 'labelled images: train and test',
  parts: (scale) =>
    list.flatMap((baseline) => scale.seeds.slice(0, 1).map((seed) => probePart(scale, 'baseline', baseline, seed))),
  report: async (all, scale) => {
    const rows = list.map((baseline) => ({ baseline, result: resultsOf(all, scale, 'baseline', baseline)[0] }))
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
