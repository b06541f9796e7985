// Parts that train one network and test it, in plain and in shadow.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Images, labelsOf } from '../data/index.js'
import { DataError } from '../errors.js'
import { classify } from '../eval/index.js'
import { type CandidateResult, type EpochResult, type ReadoutOptions, trainReadout } from '../features/index.js'
import { type Safetensor, writeAtomic } from '../io/index.js'
import { readStored } from '../io/stored.js'
import {
  type BlockRecord,
  type FilterHealth,
  type FilterOptions,
  healthWarnings,
  type LocalOptions,
  trainLocal,
} from '../learn/index.js'
import { applyShadow } from '../light/index.js'
import { type BlockResponse, convNet, type LocalBlock, localBlocks, localNet, Network } from '../models/index.js'
import { secondsSince } from '../run/progress.js'
import { type SupervisedOptions, trainSupervised } from '../train/index.js'
import { type Observation, observationSchema, observeFeatures, observeGradients } from './observe.js'
import { inShared } from './shared.js'
import type { Part, PartContext } from './study.js'

/** One block of a network: its size, and how its filters are learned. */
export interface Block {
  window: number
  units: number
  /** n of the rectified power. */
  power: number
  pool: { size: number; stride: number; padding?: number }
  /** What of a cosine is pooled. Default `rectified`. */
  response?: BlockResponse
  /** What differs from the rule's defaults. */
  filters?: FilterOptions
}

export interface NetworkResult {
  network: string
  seed: number
  /** Share of wrong test images. */
  testError: number
  /** The same images under the paper's shadow. */
  shadowError: number
  testImages: number
  /** Likewise on the validation split, of the setting that was used; null where there was none. */
  validationError: number | null
  trainLoss: number | null
  /** Held-out error against seconds of supervised training; the readout alone of a local network. */
  curve: { seconds: number; error: number }[]
  /** Which images `curve` is on. */
  curveOn: 'validation' | 'test'
  /** Before supervised training. */
  before: Observation | null
  after: Observation | null
  /** Why there is no classifier; its errors then are those of guessing. */
  failed: string | null
  dead: number[]
  /** Of learning the filters, and of the readout with its features in the process that finished it; of local networks. */
  seconds?: { filters: number; readout: number }
}

/** The paper's shadow: 0.3 of the light on 80 % of each image, the same for every network. */
export const paperShadow = { strength: 0.3, cover: 0.8, seed: 0 } as const

/** What a block has learned: its layer, its tensors by name, and the health of its filters. */
export interface SharedFilters {
  block: LocalBlock
  /** As of the first block of a network: `blocks.0.weight`. */
  state: ReadonlyMap<string, Safetensor>
  health: FilterHealth
  /** That learning took. */
  seconds: number
}

/** Filters of a block, learned once, in a run folder of their own, for all parts that ask for the same from the same images. */
export async function sharedFilters(context: PartContext, block: Block, seed: number): Promise<SharedFilters> {
  const filters: FilterOptions = { window: block.window, units: block.units, seed, ...block.filters }
  const { watch, device, data, say } = context
  return inShared(context, { ...filters, data: data.train.sha256.slice(0, 12) }, async (out) => {
    // Where they are learned already, this gives them as they are.
    const options = { filters, readout: false } as const
    const { net, record } = await trainLocal(data.train, options, { device, out, resume: true, ...watch })
    using learned = net
    const [{ health, filters: config, seconds }] = record.blocks as [BlockRecord]
    for (const text of healthWarnings(health, config)) say(`warning: filters of ${block.window} x ${block.window}: ${text}`)
    const [layer] = localBlocks(learned.config).blocks as [LocalBlock]
    return { block: layer, state: await learned.state(), health, seconds }
  })
}

export interface LocalPart {
  name: string
  about: string
  blocks: readonly Block[]
  readout: ReadoutOptions
  seed: number
  /** Patch normalisation in the layer; the filters are learned with it in any case. Default `patch`. */
  normalise?: 'patch' | 'none'
  expected: Part['expected']
}

/** Filters learned without labels, a readout with them, and the errors. */
export function localPart({ name, about, blocks, readout, seed, normalise = 'patch', expected }: LocalPart): Part<NetworkResult> {
  return {
    name,
    about,
    settings: { kind: 'local', blocks, readout, seed, normalise, shadow: paperShadow },
    expected,
    run: async (context) => {
      const { data, watch, device } = context
      const { train, test } = data
      const learned: SharedFilters[] = []
      for (const block of blocks) learned.push(await sharedFilters(context, block, seed))
      const [, channels, height, width] = train.shape
      const config = localNet({
        channels,
        image: [height, width],
        blocks: blocks.map(({ power, pool, response = 'rectified' }, i) => {
          const { name: _name, ...block } = (learned[i] as SharedFilters).block
          return { ...block, power, normalise, pool, response }
        }),
      })
      const state = new Map(
        learned.flatMap(({ state }, i) =>
          [...state].map(([name, tensor]) => [name.replace(/^blocks\.0/, `blocks.${i}`), tensor]),
        ),
      )
      using bare = new Network(config, { device, state })
      const before = await observeFeatures(bare, train)
      const dead = learned.flatMap(({ health }) => health.dead)
      const filters = learned.reduce((sum, { seconds }) => sum + seconds, 0)
      const began = performance.now()
      try {
        const run = { out: context.folder, resume: true, onPlan: context.say, ...watch }
        const { net, chosen, refit } = await trainReadout(bare, train, { seed, ...readout }, run)
        using classifier = net
        const seconds = { filters, readout: secondsSince(began) }
        return { ...(await testErrors(classifier, context)), ...readoutResult(chosen, refit), seed, before, dead, seconds }
      } catch (error) {
        return { ...failure(error, bare.describe(), test), seed, curveOn: 'validation', before, dead }
      }
    },
  }
}

/** What a readout says of itself. */
const readoutResult = (chosen: CandidateResult, refit: EpochResult[] | null) => ({
  validationError: chosen.validationError,
  trainLoss: (refit ?? chosen.curve).at(-1)?.trainLoss ?? null,
  curve: chosen.curve.map((e) => ({ seconds: e.seconds, error: e.validationError ?? Number.NaN })),
  curveOn: 'validation' as const,
  after: null,
  failed: null,
})

export interface RunPart {
  name: string
  about: string
  options: LocalOptions
  seed: number
  expected: Part['expected']
}

/** A local network that is learned and read out as one run, also of blocks one after another, and the errors. */
export function runPart({ name, about, options, seed, expected }: RunPart): Part<NetworkResult> {
  return {
    name,
    about,
    settings: { kind: 'run', options, seed, shadow: paperShadow },
    expected,
    run: async (context) => {
      const { data, watch, device, folder, say } = context
      const run = { device, out: join(folder, 'run'), resume: true, onPlan: say, ...watch }
      const { net, record } = await trainLocal(data.train, { ...options, seed }, run)
      using classifier = net
      const layers = [...record.trunk, ...record.blocks]
      for (const { health, filters } of layers) for (const text of healthWarnings(health, filters)) say(`warning: ${text}`)
      const { chosen, refit } = record.readout as NonNullable<typeof record.readout>
      const { filters = 0, readout = 0 } = record.seconds
      return {
        ...(await testErrors(classifier, context)),
        ...readoutResult(chosen, refit),
        seed,
        before: null,
        dead: layers.flatMap(({ health }) => health.dead),
        seconds: { filters, readout },
      }
    },
  }
}

export interface TwinPart {
  name: string
  about: string
  blocks: readonly Block[]
  options: SupervisedOptions
  seed: number
  /** Default `none`: standard CONV layers, on images standardised by the training images' channels; `patch` takes images as they are. */
  normalise?: 'none' | 'patch'
  expected: Part['expected']
}

/** The same blocks trained end to end, and the errors. */
export function twinPart({ name, about, blocks, options, seed, normalise = 'none', expected }: TwinPart): Part<NetworkResult> {
  const shapes = blocks.map(({ window, units, pool, power }) => ({ window, units, pool, power }))
  // A norm of patches says nothing of light only while no mean is taken off them.
  const standardise = normalise === 'none'
  return {
    name,
    about,
    settings: { kind: 'end to end', blocks: shapes, options, seed, normalise, standardise, shadow: paperShadow },
    expected,
    run: async (context) => {
      const { data, device, folder, watch } = context
      const { train, test } = data
      const [, channels, height, width] = train.shape
      const { classes = [] } = labelsOf(train) ?? {}
      const config = convNet({ channels, image: [height, width], classes: [...classes], blocks: shapes, normalise, standardise })
      // Seen before the first step, which a part that goes on has behind it.
      const file = join(folder, 'before.json')
      const before = async () =>
        existsSync(file) ? readStored('reproduce', file, observationSchema, 'what was seen before the first step') : null
      const onEpoch = async (net: Network, epoch: number) => {
        if (epoch === 0) await writeAtomic(file, JSON.stringify(await observeGradients(net, train)))
      }
      try {
        const run = { device, out: folder, resume: true, monitor: test, onEpoch, ...watch }
        const { net, record } = await trainSupervised(train, config, { seed, ...options }, run)
        using trained = net
        const last = record.curve.at(-1)
        return {
          ...(await testErrors(trained, context)),
          seed,
          validationError: last?.validationError ?? null,
          trainLoss: last?.trainLoss ?? null,
          curve: record.curve.map((e) => ({ seconds: e.seconds, error: e.monitorError ?? Number.NaN })),
          curveOn: 'test',
          before: await before(),
          after: await observeGradients(trained, train),
          failed: null,
          dead: [],
        }
      } catch (error) {
        return { ...failure(error, config.name, test), seed, curveOn: 'test', before: await before(), dead: [] }
      }
    },
  }
}

async function testErrors(net: Network, { data: { test }, watch: { signal } }: PartContext) {
  const options = signal ? { signal } : {}
  const plain = await classify(net, test, options)
  const shadowed = await classify(net, await applyShadow(test, paperShadow), options)
  return {
    network: net.describe(),
    testError: plain.score.value,
    shadowError: shadowed.score.value,
    testImages: test.shape[0],
  }
}

/** A loss or weights that are no numbers end training, not the study: that is what the paper reports of some settings. Anything else goes on up. */
function failure(error: unknown, network: string, test: Images): Omit<NetworkResult, 'seed' | 'curveOn' | 'before' | 'dead'> {
  if (!(error instanceof DataError) || !['loss', 'weights'].includes(error.argument)) throw error
  const guessing = 1 - 1 / (labelsOf(test)?.classes.length ?? 1)
  return {
    network,
    testError: guessing,
    shadowError: guessing,
    testImages: test.shape[0],
    validationError: null,
    trainLoss: null,
    curve: [],
    after: null,
    failed: error.message,
  }
}
