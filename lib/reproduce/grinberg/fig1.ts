// Figure 1: the filters themselves.
import type { Safetensor } from '../../io/index.js'
import { type Block, sharedFilters } from '../networks.js'
import type { Study } from '../study.js'
import { GiB, paper, quickName } from './parts.js'
import { quickBlock } from './settings.js'

export const fig1: Study = {
  name: 'grinberg-fig1',
  source: `${paper}, figure 1`,
  about: 'filters of 8 x 8 learned from CIFAR-10 patches, ordered, and how many units are dead',
  needs: 'labelled images: train and test',
  parts: (scale) =>
    scale.seeds.map((seed) => {
      const full: Block = {
        window: 8,
        units: 400,
        power: 40,
        pool: { size: 11, stride: 2 },
        filters: { antiHebbian: 0.28, steps: 20_000 },
      }
      const block = scale.quick ? { ...quickBlock(full), units: 100 } : full
      return {
        name: quickName(scale, `filters-w8-seed${seed}`),
        about: `${block.units} filters of 8 x 8, seed ${seed}`,
        settings: { kind: 'filters', block, seed },
        expected: scale.quick ? { minutes: 0.2, bytes: 0.2 * GiB } : { minutes: 0.5, bytes: 0.5 * GiB },
        run: async (context) => {
          const { state, health } = await sharedFilters(context, block, seed)
          const { shape, data } = state.get('blocks.0.weight') as Safetensor
          const { dead, duplicates, unitNorm, energy } = health
          const weights = Buffer.from(new Uint8Array((data as Float32Array).slice().buffer)).toString('base64')
          return { shape, weights, dead, duplicates, unitNorm, energy }
        },
      }
    }),
  report: async (all) => {
    type Filters = {
      shape: [number, number, number, number]
      weights: string
      dead: number[]
      duplicates: number
      unitNorm: number
      energy: number
    }
    const list = [...all].map(([name, result]) => ({ name, ...(result as Filters) }))
    const first = list[0]
    return {
      values: [
        {
          what: 'units that learned nothing',
          unit: '',
          published: 5,
          ours: list.map((f) => f.dead.length),
          note: 'the paper shows 5 and deletes them; units without a win in the last minibatches here',
        },
      ],
      charts: [],
      tables: [
        {
          caption: 'The units at the end of learning',
          columns: ['Part', 'Dead', 'Near-duplicate pairs (cosine over 0.99)', 'Rows within 1 % of norm 1', 'Energy a patch'],
          rows: list.map((f) => [f.name, f.dead.length, f.duplicates, `${(100 * f.unitNorm).toFixed(1)} %`, f.energy.toFixed(4)]),
        },
      ],
      filters: first
        ? [
            {
              file: 'filters',
              title: 'Filters of 8 x 8, ordered by orientation and colour',
              weights: new Float32Array(new Uint8Array(Buffer.from(first.weights, 'base64')).buffer),
              shape: first.shape,
              dead: first.dead,
            },
          ]
        : [],
      notes: [
        'The number of dead units depends on choices that the paper leaves open: rows that start as data patches and a step divided by the patches that chose a row leave hardly any; rows from a normal distribution and the literal rule leave many more (recipe `faithful`).',
      ],
    }
  },
}
