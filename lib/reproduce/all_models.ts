// Every family of networks that Striate has beside each other, on the same photos and recordings.
import { z } from 'zod'
import { labelsOf } from '../data/index.js'
import { healthWarnings, trainLocal } from '../learn/index.js'
import { convNet, gaborNet, type Network, type WaveletNetName, waveletNet } from '../models/index.js'
import { type SupervisedOptions, trainSupervised } from '../train/index.js'
import { splitsText } from './data.js'
import { fiveBlocks, quickBlock, singleBlock, whitenedBlock, whitenedFive } from './grinberg/settings.js'
import type { Block } from './networks.js'
import { learnHierarchy } from './passi/hierarchy.js'
import { recipe as hierarchyRecipe } from './passi/trained.js'
import { type PeopleScores, peopleBars, peopleScores, peopleTables, scorePeople } from './people.js'
import {
  average,
  bars,
  committedRdms,
  committedScores,
  rdmTables,
  recordingScores,
  type Scored,
  scoreRdms,
  scoreRecordings,
} from './scored.js'
import { type Bars, type Part, type PartContext, resultsOfStem, type Scale, type Study } from './study.js'
import { allTargets, resNetLayers, trainClasses, trainLatent } from './xie/latents.js'
import { latentScale, latentSize as size } from './xie/scale.js'

interface Family {
  name: string
  about: string
  /** Layers to choose from; `all` its blocks. */
  layers: string[]
  /** Minutes on two cores. */
  minutes: number
  /** Of a local network or its twin. */
  blocks?: readonly Block[]
  /** What it learns from, where that may not be given. */
  needs?: 'people'
  /** null: the images themselves. */
  make(context: PartContext, scale: Scale, seed: number): Promise<Network | null>
}

/** Photos of each class that components are learned from. */
const perClass = 100

/** A classifier of photos, trained end to end by the recipe of the local networks' twins. */
const twinRecipe = (scale: Scale): SupervisedOptions => ({
  epochs: scale.quick ? 1 : 6,
  batch: 50,
  validation: 0,
  optimiser: { kind: 'adam', learningRate: 1e-3, weightDecay: 3e-4 },
})

/**
 * Settings of networks that were found on images of 32 pixels: their pools here are twice as large, and as far apart, and what repels the second unit has
 * the rule's own strength. As strong as on CIFAR-10, it leaves one unit of 400 alive on photos, which are smoother.
 */
const atSize = (blocks: readonly Block[], { quick }: Scale): Block[] =>
  blocks.map((block) => {
    const { pool, filters: { antiHebbian: _, ...filters } = {}, ...own } = quick ? quickBlock(block) : block
    return { ...own, filters, pool: { size: 2 * pool.size, stride: 2 * pool.stride, padding: 2 * (pool.padding ?? 0) } }
  })

const local =
  (blocks: readonly Block[]): Family['make'] =>
  async ({ data, device, folder, watch, say }, scale, seed) => {
    const options = {
      blocks: atSize(blocks, scale).map(({ window, units, power, pool, response, filters }) => ({
        filters: { window, units, ...filters },
        power,
        pool,
        ...(response ? { response } : {}),
      })),
      filters: { seed },
      readout: false,
    } as const
    const run = { device, out: `${folder}/run`, resume: true, onPlan: say, ...watch }
    const { net, record } = await trainLocal(data.train, options, run)
    for (const { health, filters } of record.blocks) for (const text of healthWarnings(health, filters)) say(`warning: ${text}`)
    return net
  }

const twin =
  (blocks: readonly Block[]): Family['make'] =>
  async ({ data, device, folder, watch, say }, scale, seed) => {
    const [, channels, height, width] = data.train.shape
    const { classes = [] } = labelsOf(data.train) ?? {}
    const shapes = atSize(blocks, scale).map(({ window, units, pool, power }) => ({ window, units, pool, power }))
    const config = convNet({ channels, image: [height, width], classes: [...classes], blocks: shapes, standardise: true })
    const run = { device, out: `${folder}/run`, resume: true, onPlan: say, ...watch }
    return (await trainSupervised(data.train, config, { ...twinRecipe(scale), seed }, run)).net
  }

const hierarchy =
  (net: WaveletNetName, components: 'learned' | 'random'): Family['make'] =>
  async (context, scale, seed) => {
    const options = components === 'random' ? { components, seed } : { seed }
    const own = scale.quick ? 'small' : net
    return (await learnHierarchy(context, { net: own, perClass, components: options }, `${context.folder}/run`)).net
  }

const supervisedHierarchy: Family['make'] = async ({ data, device, folder, watch, say }, scale, seed) => {
  const [, channels, height, width] = data.train.shape
  const { classes = [] } = labelsOf(data.train) ?? {}
  const config = waveletNet({
    net: scale.quick ? 'small' : 'passi-2024',
    channels,
    image: [height, width],
    classes: [...classes],
  })
  const run = { device, out: `${folder}/run`, resume: true, onPlan: say, ...watch }
  return (await trainSupervised(data.train, config, { ...hierarchyRecipe(scale.quick), seed }, run)).net
}

const resNet =
  (learns: Parameters<typeof trainLatent>[1]['learns']): Family['make'] =>
  async (context, scale, seed) =>
    (await trainLatent(scale, { learns, seed }, context)).net

/** Learns the classes of the images that people named, from others of these. */
const resNetOfNamed: Family['make'] = async (context, scale, seed) => {
  const { train } = context.data.people as NonNullable<PartContext['data']['people']>
  return (await trainClasses(scale, train, seed, context)).net
}

const joined = (blocks: number) => Array.from({ length: blocks }, (_, i) => `blocks.${i}`).join('+')

/** What blocks side by side make of a family: several are also tried together. */
const ofBlocks = (make: typeof local, blocks: readonly Block[]): Pick<Family, 'layers' | 'blocks' | 'make'> => ({
  layers: blocks.length > 1 ? ['all', joined(blocks.length)] : ['all'],
  blocks,
  make: make(blocks),
})

const families: readonly Family[] = [
  { name: 'pixels', about: 'the images themselves', layers: ['pixels'], minutes: 0.5, make: async () => null },
  {
    name: 'gabor-energy',
    about: 'Gabor filters at three scales and eight orientations, squared',
    layers: ['all', joined(3)],
    minutes: 1,
    make: async ({ data, device }) => {
      const [, channels, height, width] = data.train.shape
      return gaborNet({ channels, image: [height, width] }, { device })
    },
  },
  {
    name: 'local-one',
    about: 'one block of Krotov-Hopfield filters',
    minutes: 3,
    ...ofBlocks(local, [singleBlock]),
  },
  {
    name: 'local-five',
    about: 'five blocks of Krotov-Hopfield filters side by side',
    minutes: 8,
    ...ofBlocks(local, fiveBlocks),
  },
  {
    name: 'local-whitened',
    about: 'one block of filters that compete for whitened patches of norm 1, both signs',
    minutes: 5,
    ...ofBlocks(local, [whitenedBlock]),
  },
  {
    name: 'local-five-whitened',
    about: 'five blocks of filters that compete for whitened patches side by side',
    minutes: 12,
    ...ofBlocks(local, whitenedFive),
  },
  {
    name: 'twin-one',
    about: 'the one block trained end to end',
    minutes: 8,
    ...ofBlocks(twin, [{ ...singleBlock, power: 1 }]),
  },
  {
    name: 'wavelet-random',
    about: 'nine wavelet blocks, random mixing',
    layers: ['all'],
    minutes: 2,
    make: hierarchy('passi-2024', 'random'),
  },
  {
    name: 'wavelet-learned',
    about: 'nine wavelet blocks, principal components',
    layers: ['all'],
    minutes: 2,
    make: hierarchy('passi-2024', 'learned'),
  },
  {
    name: 'wavelet-small',
    about: 'five small wavelet blocks, principal components, also together',
    layers: ['all', joined(5)],
    minutes: 2,
    make: hierarchy('small', 'learned'),
  },
  {
    name: 'wavelet-supervised',
    about: 'nine wavelet blocks trained end to end',
    layers: ['all'],
    minutes: 6,
    make: supervisedHierarchy,
  },
  { name: 'resnet-untrained', about: 'ResNet-18 as it starts', layers: resNetLayers, minutes: 1, make: resNet(null) },
  {
    name: 'resnet-distance',
    about: 'ResNet-18 trained on the distance of rendered objects',
    layers: resNetLayers,
    minutes: 3,
    make: resNet(['distance']),
  },
  {
    name: 'resnet-latents',
    about: 'ResNet-18 trained on all targets of rendered scenes',
    layers: resNetLayers,
    minutes: 3,
    make: resNet(allTargets),
  },
  {
    name: 'resnet-photos',
    about: 'ResNet-18 trained on the classes of photos',
    layers: resNetLayers,
    minutes: 3,
    make: resNet('photos'),
  },
  {
    name: 'resnet-named',
    about: 'ResNet-18 trained on the classes of the images that people named',
    layers: resNetLayers,
    minutes: 3,
    needs: 'people',
    make: resNetOfNamed,
  },
]
/** Of a quick run. */
const few = ['pixels', 'gabor-energy', 'local-one', 'wavelet-learned', 'resnet-distance', 'resnet-named']
const familiesOf = ({ quick }: Scale) => (quick ? families.filter(({ name }) => few.includes(name)) : families)

interface FamilyResult extends Scored {
  network: string
  /** null or absent where no choices were given. */
  people?: PeopleScores | null | undefined
}
const schema: z.ZodType<FamilyResult> = z.object({
  network: z.string(),
  layers: z.array(z.string()),
  recordings: z.array(recordingScores),
  rdms: z.array(recordingScores).optional(),
  people: peopleScores.nullish(),
})

const nameOf = ({ quick }: Scale, family: string): string => `${quick ? 'quick-' : ''}model-${family}`

function familyPart(
  scale: Scale,
  { name, about, layers, minutes, blocks, needs, make }: Family,
  seed: number,
): Part<FamilyResult> {
  const own = blocks ? { blocks: atSize(blocks, scale) } : {}
  return {
    name: `${nameOf(scale, name)}-seed${seed}`,
    about: `${about}, seed ${seed}`,
    settings: { name, layers, seed, size, perClass, latents: latentScale(scale), twin: twinRecipe(scale), ...own },
    ...(needs ? { needs } : { keepsNetwork: true }),
    expected: { minutes: scale.quick ? 0.5 : minutes, bytes: 3 * 2 ** 30 },
    run: async (context) => {
      const made = await make(context, scale, seed)
      try {
        const recordings = await scoreRecordings(made, layers, { seed: 0, repeats: 1 }, context)
        const rdms = await scoreRdms(made, layers, context)
        const people = await scorePeople(made, context)
        return { network: made?.describe() ?? 'none', layers, recordings, rdms, people }
      } finally {
        made?.dispose()
      }
    },
  }
}

export const allModels: Study = {
  name: 'all-models',
  source: 'every family of networks that Striate has',
  about: 'how well each family of networks predicts the same visual neurons, trained on the same photos or on rendered scenes',
  needs: 'photos, and recordings of neurons',
  size,
  takes: ['rdms', 'people'],
  parts: (scale) => scale.seeds.flatMap((seed) => familiesOf(scale).map((family) => familyPart(scale, family, seed))),
  report: async (all, scale, { data }) => {
    const found = familiesOf(scale)
      .map((family) => ({
        ...family,
        results: resultsOfStem(all, nameOf(scale, family.name)).map((result) => schema.parse(result)),
      }))
      .filter(({ results }) => results.length > 0)
    const [first] = found[0]?.results ?? []
    const { recordings = [], rdms = [] } = first ?? {}
    const sets = [...new Set(data.recordings.map(({ set }) => set))]
    // Of each recording the mean over seeds.
    const scores = found.map(({ results }) =>
      recordings.map((_, at) => average(results.map((one) => committedScores(one)[at] as number))),
    )
    const ofSet = (set: string, values: readonly number[]) => values.filter((_, at) => data.recordings[at]?.set === set)
    const chosen = found.map(({ name, results }) => ({ name, people: results.flatMap(({ people }) => people ?? []) }))
    const ceilings = recordings.flatMap(({ ceiling }) => (ceiling === null ? [] : [ceiling]))
    const rdmCeilings = rdms.flatMap(({ name, ceiling }) =>
      ceiling === null ? [] : [{ value: ceiling, label: `ceiling of ${name}` }],
    )
    const chart = (file: string, title: string, label: string, series: Bars['series']): Bars => ({
      file,
      title,
      alt: `${title}: one bar a family of networks, with standard errors`,
      categories: found.map(({ name }) => name),
      y: { label },
      series,
    })
    return {
      values: found.map(({ about }, i) => ({
        what: about,
        unit: 'r',
        published: null,
        ours: [average(sets.map((set) => average(ofSet(set, scores[i] as number[]))))],
      })),
      charts: [],
      bars: [
        {
          ...chart(
            'models',
            'Every family against the same neurons',
            'r, mean over recordings',
            sets.map((set) =>
              bars(
                set,
                scores.map((values) => ofSet(set, values)),
              ),
            ),
          ),
          ...(ceilings.length > 0 ? { references: [{ value: Math.max(...ceilings), label: 'ceiling' }] } : {}),
        },
        ...(rdms.length > 0
          ? [
              {
                ...chart(
                  'dissimilarities',
                  'Every family against the same dissimilarities',
                  'Spearman’s r of dissimilarities',
                  rdms.map(({ name }, at) =>
                    bars(
                      name,
                      found.map(({ results }) => results.map((one) => committedRdms(one)[at] as number)),
                    ),
                  ),
                ),
                ...(rdmCeilings.length > 0 ? { references: rdmCeilings } : {}),
              },
            ]
          : []),
        ...peopleBars(chosen),
      ],
      tables: [
        {
          caption: 'r of the layer that the training images chose, mean over seeds, and its mean over the recordings of a set',
          columns: ['Family', ...recordings.map(({ name }) => name), ...sets.map((set) => `mean of ${set}`), 'Chosen'],
          rows: found.map(({ name, results }, i) => [
            name,
            ...(scores[i] as number[]).map((value) => value.toFixed(3)),
            ...sets.map((set) => average(ofSet(set, scores[i] as number[])).toFixed(3)),
            [
              ...new Set(
                results.flatMap((one) => one.recordings.map(({ committed }) => committed?.layer ?? one.layers[0] ?? '')),
              ),
            ].join(', '),
          ]),
        },
        ...rdmTables('Family', found),
        ...peopleTables('Family', chosen),
      ],
      notes: [
        `All images are brought to ${size} pixels. Local and wavelet networks and their twins learn from the photos (components from the first ${perClass} of each class), ResNet-18 as xie-fig2b says.`,
        ...(data.people
          ? [
              `Choices of people: a softmax readout of each network’s last features learns from ${data.people.train.shape[0]} images of the same classes, its rate and decay chosen on a tenth of them, and is tried on ${data.people.test.shape[0]} that people named.`,
            ]
          : []),
        `Ridge with one penalty by leave-one-out from a sparse random projection of each layer (Johnson-Lindenstrauss, epsilon 0.1), ${splitsText(data)}, Pearson’s r, mean over folds, median over neurons, no ceiling correction. The layer, or all blocks together, is chosen within the training images of each fold.`,
      ],
    }
  },
}
