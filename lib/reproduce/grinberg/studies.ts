// The figures and the table of Grinberg, Hopfield, Krotov 2019, "Local Unsupervised Learning for Image Analysis" (arXiv 1908.08993).

import { selectImages } from '../../data/index.js'
import type { ReadoutOptions } from '../../features/index.js'
import { applyShadow } from '../../light/index.js'
import type { SupervisedOptions } from '../../train/index.js'
import { type Block, localPart, type NetworkResult, paperShadow, sharedFilters, twinPart } from '../networks.js'
import type { Part, Scale, Study, StudyReport, Value } from '../study.js'
import { baselines } from './baselines.js'
import { fiveBlocks, localReadout, quickBlock, singleBlock, twinOptions } from './settings.js'

const paper = 'Grinberg, Hopfield, Krotov 2019'
const GiB = 2 ** 30

/** Cells of the table that are no network of figure 2. */
const cellOptions: SupervisedOptions = { ...twinOptions, epochs: 8 }

const quickReadout: ReadoutOptions = { ...localReadout, learningRates: [1e-3], epochs: 10 }
const quickTwin = (options: SupervisedOptions): SupervisedOptions => ({ ...options, epochs: 4 })

const results = (all: ReadonlyMap<string, unknown>, stem: string): NetworkResult[] =>
  [...all].filter(([name]) => name.replace(/-seed\d+$/, '') === stem).map(([, result]) => result as NetworkResult)

const errors = (list: NetworkResult[]): number[] => list.map((r) => r.testError)
const shadowErrors = (list: NetworkResult[]): number[] => list.map((r) => r.shadowError)

function curves(groups: [string, NetworkResult[]][]) {
  return groups.flatMap(([label, list]) =>
    list
      .filter((r) => r.curve.length > 0)
      .slice(0, 1)
      .map((r) => ({
        name: `${label} (${r.curveOn})`,
        x: r.curve.map((e) => e.seconds),
        y: r.curve.map((e) => e.error),
      })),
  )
}

const quickName = (scale: Scale, name: string): string => (scale.quick ? `quick-${name}` : name)

function local(
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

function twin(
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
    options: scale.quick ? quickTwin(options) : options,
  })
}

const fig1: Study = {
  name: 'grinberg-fig1',
  source: `${paper}, figure 1`,
  about: 'filters of 8 x 8 learned from CIFAR-10 patches, ordered, and how many units are dead',
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
          const { weights: learned, health } = await sharedFilters(context, block, seed)
          const { filters } = learned
          const { data } = await filters.read()
          filters.dispose()
          const { dead, duplicates, unitNorm, energy } = health
          const weights = Buffer.from(new Uint8Array((data as Float32Array).slice().buffer)).toString('base64')
          return { shape: filters.shape, weights, dead, duplicates, unitNorm, energy }
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

const fig2: Study = {
  name: 'grinberg-fig2',
  source: `${paper}, figure 2`,
  about: 'one block and five blocks, learned locally and end to end: test errors, and error against supervised training time',
  parts: (scale) => [
    ...scale.seeds.map((seed) => local(scale, 'local-one', [singleBlock], seed)),
    ...scale.seeds.map((seed) => twin(scale, 'twin-one', [singleBlock], seed)),
    ...scale.seeds.map((seed) => local(scale, 'local-five', fiveBlocks, seed)),
    ...scale.seeds.map((seed) => twin(scale, 'twin-five', fiveBlocks, seed)),
  ],
  report: async (all, scale) => {
    const of = (stem: string) => results(all, quickName(scale, stem))
    const value = (what: string, published: number, stem: string, qualifier?: string): Value => ({
      what,
      unit: '%',
      published,
      ours: errors(of(stem)),
      ...(qualifier ? { qualifier } : {}),
    })
    const chart = (file: string, title: string, level: number, a: string, b: string) => ({
      file,
      title,
      alt: `${title}: held-out error against seconds of supervised training; the readout alone is trained in the local network`,
      x: { label: 'Seconds of supervised training' },
      y: { label: 'Held-out error, %' },
      series: curves([
        ['local', of(a)],
        ['end to end', of(b)],
      ]),
      references: [{ value: level, label: 'paper, local, %' }],
    })
    return {
      values: [
        value('one block, local learning: test error', 27.8, 'local-one'),
        value('one block, end to end: test error', 27.11, 'twin-one'),
        value('five blocks, local learning: test error', 23, 'local-five', 'about'),
        value('five blocks, end to end: test error', 23, 'twin-five', 'about'),
      ],
      charts: [
        chart('one-block', 'One block', 27.8, 'local-one', 'twin-one'),
        chart('five-blocks', 'Five blocks', 23, 'local-five', 'twin-five'),
      ].filter((c) => c.series.length > 0),
      tables: [],
      notes: [
        'The curves: a local network on its validation split (its readout is then trained again on all images, and tested once); an end-to-end network on the test images after every epoch, which nothing is chosen by.',
        'End-to-end networks of standard CONV layers see images of which each channel has mean 0 and deviation 1 over the training set; the paper does not say what its networks see.',
        ...openChoices,
      ],
    }
  },
}

const openChoices = [
  'The paper does not give the sizes, powers and pools of the five blocks, the pools’ strides and paddings, Delta, rates, batches or epochs; they were chosen on a validation split of the training images. Local readouts take each feature’s mean off while they learn, and their bias undoes it.',
]

const fig3: Study = {
  name: 'grinberg-fig3',
  source: `${paper}, figure 3`,
  about: 'five blocks, local and end to end, on test images with 80 % of each in a shadow of 0.3',
  parts: (scale) => [
    ...scale.seeds.map((seed) => local(scale, 'local-five', fiveBlocks, seed)),
    ...scale.seeds.map((seed) => twin(scale, 'twin-five', fiveBlocks, seed)),
  ],
  report: async (all, scale, { data }) => {
    const ours = results(all, quickName(scale, 'local-five'))
    const theirs = results(all, quickName(scale, 'twin-five'))
    const some = await selectImages(
      data.test,
      Int32Array.from({ length: Math.min(12, data.test.shape[0]) }, (_, i) => i),
    )
    const shaded = await applyShadow(some, paperShadow)
    return {
      values: [
        { what: 'patch normalisation, raw images', unit: '%', published: 23, qualifier: 'about', ours: errors(ours) },
        { what: 'standard CONV, raw images', unit: '%', published: 23, qualifier: 'about', ours: errors(theirs) },
        { what: 'patch normalisation, shadowed images', unit: '%', published: 28, qualifier: 'about', ours: shadowErrors(ours) },
        { what: 'standard CONV, shadowed images', unit: '%', published: 50, qualifier: 'more than', ours: shadowErrors(theirs) },
      ],
      charts: [],
      tables: [],
      pictures: [
        {
          file: 'shadows',
          title: 'Test images as they are, and with I(x, y) = 0.3 over 80 %',
          rows: [
            { label: 'raw', images: some.images },
            { label: 'shadowed', images: shaded.images },
          ],
          shape: some.shape,
        },
      ],
      notes: [
        'The shadow is a half-plane of a seeded direction, the same for every network; the shaded pixels are rounded to bytes again.',
        ...openChoices,
      ],
    }
  },
}

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

const table: Study = {
  name: 'grinberg-table',
  source: `${paper}, table of section 6`,
  about: 'twelve ablations of the five blocks: local and end to end, with and without patch normalisation, powers 1 to 40',
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
    const list = cells.map((cell) => ({ cell, result: results(all, quickName(scale, cell.stem))[0] }))
    return {
      values: list.map(({ cell, result }) => ({
        what: `${cell.training}, n = ${cell.power}, ${cell.normalise === 'patch' ? 'normalised' : 'not normalised'}`,
        unit: '%',
        published: cell.published,
        ...(cell.about ? { qualifier: 'about' } : {}),
        ours: result ? [result.testError] : [],
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
        `End-to-end cells train for ${cellOptions.epochs} epochs, except n = 1 without patch normalisation, the network of figure 2, for ${twinOptions.epochs}. Without patch normalisation they see standardised images, with it images as they are.`,
        'End-to-end NNL-CONV layers start from the uniform fan-in initialisation and have no constraint on the filters’ norms, as the paper states none.',
        ...openChoices,
      ],
    }
  },
}

export const studies: readonly Study[] = [fig1, fig2, fig3, table, baselines]
