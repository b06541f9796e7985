// The table of section 6: what patch normalisation and the power are worth.
import type { SupervisedOptions } from '../../train/index.js'
import type { Study, StudyReport } from '../study.js'
import { errors, local, openChoices, paper, quickName, results, scaledTwin, twin } from './parts.js'
import { fiveBlocks, localReadout, quickBlock, twinOptions } from './settings.js'

/** Cells of the table that are no network of figure 2. */
const cellOptions: SupervisedOptions = { ...twinOptions, epochs: 8 }

interface Cell {
  stem: string
  training: 'local' | 'end to end'
  power: number
  normalise: 'patch' | 'none'
  published: number
  about?: boolean
}

const cells: Cell[] = [
  ...(
    [
      [1, 'patch', 44.43],
      [10, 'patch', 26.47],
      [40, 'patch', 23.56],
      [1, 'none', 46.92],
      [10, 'none', 66.94],
      [40, 'none', 90],
    ] as const
  ).map(
    ([power, normalise, published]): Cell => ({
      stem: power === 40 && normalise === 'patch' ? 'local-five' : `table-local-n${power}-${normalise}`,
      training: 'local',
      power,
      normalise,
      published,
      about: published === 90,
    }),
  ),
  ...(
    [
      [1, 'patch', 26.93],
      [3, 'patch', 28.39],
      [5, 'patch', 90],
      [1, 'none', 22.57],
      [5, 'none', 33.68],
      [10, 'none', 39.87],
    ] as const
  ).map(
    ([power, normalise, published]): Cell => ({
      stem: power === 1 && normalise === 'none' ? 'twin-five' : `table-twin-n${power}-${normalise}`,
      training: 'end to end',
      power,
      normalise,
      published,
      about: published === 90,
    }),
  ),
]

const sci = (x: number | null | undefined): string =>
  x == null ? '' : x === 0 ? '0' : Math.abs(x) >= 1e4 || Math.abs(x) < 1e-2 ? x.toExponential(1) : x.toPrecision(3)

export const table: Study = {
  name: 'grinberg-table',
  source: `${paper}, table of section 6`,
  about: 'twelve ablations of the five blocks: local and end to end, with and without patch normalisation, powers 1 to 40',
  needs: 'labelled images: train and test',
  parts: (scale) =>
    cells.flatMap((cell) =>
      // One seed: twelve cells of one seed say more than four of three.
      scale.seeds.slice(0, 1).map((seed) => {
        // Two cells are the networks of figure 2.
        if (cell.stem === 'local-five') return local(scale, cell.stem, fiveBlocks, seed)
        if (cell.stem === 'twin-five') return twin(scale, cell.stem, fiveBlocks, seed)
        const blocks = fiveBlocks.map((block) => ({ ...block, power: cell.power }))
        if (cell.training === 'local') {
          // Without norm and power all features follow the brightness of their patch: far from independent, they need many more steps.
          const slow = cell.power === 1 && cell.normalise === 'none' && !scale.quick
          return local(scale, cell.stem, blocks, seed, {
            normalise: cell.normalise,
            about: `table: local, n = ${cell.power}, patch normalisation: ${cell.normalise}`,
            ...(slow ? { readout: { ...localReadout, weightDecays: [0], epochs: 150, patience: 150 } } : {}),
          })
        }
        const shaped = (scale.quick ? blocks.map(quickBlock) : blocks).map((block) => ({ ...block, power: cell.power }))
        return twin(scale, cell.stem, blocks, seed, {
          blocks: shaped,
          normalise: cell.normalise,
          // A loss may start huge without patch normalisation; only one that is no number ends a cell.
          options: { ...cellOptions, maxLoss: Number.MAX_VALUE },
          about: `table: end to end, n = ${cell.power}, patch normalisation: ${cell.normalise}`,
        })
      }),
    ),
  report: async (all, scale): Promise<StudyReport> => {
    const [own, ofFigure2] = [cellOptions, twinOptions].map((options) => scaledTwin(scale, options).epochs)
    const list = cells.map((cell) => ({ cell, result: results(all, quickName(scale, cell.stem))[0] }))
    return {
      values: list.map(({ cell, result }) => ({
        what: `${cell.training}, n = ${cell.power}, ${cell.normalise === 'patch' ? 'normalised' : 'not normalised'}`,
        unit: '%',
        published: cell.published,
        ...(cell.about ? { qualifier: 'about' } : {}),
        ours: result ? errors([result]) : [],
        ...(result?.failed ? { note: `no classifier: ${result.failed}` } : {}),
      })),
      charts: [],
      tables: [
        {
          caption:
            'What was seen: pooled activations before supervised training, the first gradient of the first block’s filters, and the loss at the end',
          columns: [
            'Cell',
            'Activation, mean',
            'Largest',
            'Above 1e-3',
            'Not finite',
            'Gradient norm',
            'Entries below 1e-8',
            'Train loss at the end',
          ],
          rows: list.flatMap(({ cell, result }) => {
            const seen = result?.before
            if (!result || !seen) return []
            const { mean, max, live, notFinite } = seen.activations
            return [
              [
                `${cell.training}, n = ${cell.power}, ${cell.normalise === 'patch' ? 'normalised' : 'not normalised'}`,
                sci(mean),
                sci(max),
                `${(100 * live).toFixed(1)} %`,
                `${(100 * notFinite).toFixed(1)} %`,
                sci(seen.gradientNorm),
                seen.belowEpsilon === null ? '' : `${(100 * seen.belowEpsilon).toFixed(1)} %`,
                result.failed ? 'no number' : sci(result.trainLoss),
              ],
            ]
          }),
        },
      ],
      notes: [
        'Centred features (below) are worth most where they are least sparse, at n = 1 and 10.',
        'Without patch normalisation the local filters are the same (learned from normalised patches); only the layer leaves the norm in.',
        `End-to-end cells train for ${own} epochs, n = 1 without patch normalisation, the network of figure 2, for ${ofFigure2}. Without patch normalisation they see standardised images, with it images as they are.`,
        'End-to-end NNL-CONV layers start from the uniform fan-in initialisation and have no constraint on the filters’ norms, as the paper states none.',
        ...openChoices,
      ],
    }
  },
}
