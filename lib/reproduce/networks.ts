// Parts that train one network and test it, in plain and in shadow.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { channelStatistics, type ImageSet } from '../data/index.js'
import { DataError } from '../errors.js'
import { classify } from '../eval/index.js'
import { type ReadoutOptions, trainReadout } from '../features/index.js'
import { writeAtomic } from '../io/index.js'
import {
  type BlockRecord,
  type FilterHealth,
  type FilterOptions,
  healthWarnings,
  type RunRecord,
  trainLocal,
} from '../learn/index.js'
import { applyShadow } from '../light/index.js'
import { type BlockWeights, type Classifier, convNet, type LocalBlock, LocalNet } from '../models/index.js'
import { type SupervisedOptions, trainSupervised } from '../train/index.js'
import { type Observation, observeLocal, observeNetwork } from './observe.js'
import { type Part, type PartContext, removeCheckpoints } from './study.js'

/** One block of a network: its size, and how its filters are learned. */
export interface Block {
  window: number
  units: number
  /** n of the rectified power. */
  power: number
  pool: { size: number; stride: number; padding?: number }
  /** What differs from the rule's defaults. */
  filters?: FilterOptions
}

export interface NetworkResult {
  network: string
  seed: number
  /** Percent of wrong test images. */
  testError: number
  /** The same images under the paper's shadow. */
  shadowError: number
  testImages: number
  /** Percent, on the validation split, of the setting that was used; null where there was none. */
  validationError: number | null
  trainLoss: number | null
  /** Held-out error in percent against seconds of supervised training; the readout alone of a local network. */
  curve: { seconds: number; error: number }[]
  /** Which images `curve` is on. */
  curveOn: 'validation' | 'test'
  /** Before supervised training. */
  before: Observation | null
  after: Observation | null
  /** Why there is no classifier; its errors then are those of guessing. */
  failed: string | null
  dead: number[]
}

/** The paper's shadow: 0.3 of the light on 80 % of each image, the same for every network. */
export const paperShadow = { strength: 0.3, cover: 0.8, seed: 0 } as const

/** What a block has learned: its tensors, what its layer is made of, and the health of its filters. */
export interface SharedFilters {
  weights: BlockWeights
  config: Pick<LocalBlock, 'units' | 'whitened' | 'centre'>
  health: FilterHealth
}

/** Filters of a block, learned once, in a run folder of their own, for all parts that ask for the same from the same images. */
export async function sharedFilters(context: PartContext, block: Block, seed: number): Promise<SharedFilters> {
  const options: FilterOptions = { window: block.window, units: block.units, seed, ...block.filters }
  const { signal, onProgress, device, data } = context
  const name = Object.entries({ ...options, data: data.train.sha256.slice(0, 12), on: device.kind })
    .map(([key, value]) => `${key}-${value}`)
    .join('_')
  const out = join(context.shared, name)
  // The record is written last: where it is, the network is whole.
  if (!existsSync(join(out, 'run.json'))) {
    const learned = await trainLocal(data.train, {
      filters: options,
      readout: false,
      device,
      out,
      resume: true,
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    })
    learned.net.dispose()
  }
  await removeCheckpoints(out)
  const { blocks } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord
  const [{ health, filters }] = blocks as [BlockRecord]
  for (const text of healthWarnings(health, filters))
    context.say(`warning: filters of ${block.window} x ${block.window}: ${text}`)
  const net = await LocalNet.load(join(out, 'model.safetensors'), { device })
  const [weights] = net.blocks as [BlockWeights]
  const [{ units, whitened, centre }] = net.config.blocks as [LocalBlock]
  return { weights, config: { units, centre, ...(whitened ? { whitened } : {}) }, health }
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
      const { data, signal, onProgress } = context
      const { train, test } = data
      const learned: Awaited<ReturnType<typeof sharedFilters>>[] = []
      for (const block of blocks) learned.push(await sharedFilters(context, block, seed))
      const config = {
        kind: 'local' as const,
        channels: train.shape[1],
        image: [train.shape[2], train.shape[3]] as [number, number],
        trunk: [],
        blocks: blocks.map(({ window, power, pool }, i) => ({
          window,
          ...(learned[i] as (typeof learned)[number]).config,
          power,
          normalise,
          pool,
        })),
        classes: [],
      }
      const bare = new LocalNet(config, { blocks: learned.map(({ weights }) => weights) })
      const before = await observeLocal(bare, train)
      const dead = learned.flatMap(({ health }) => health.dead)
      try {
        const { net, chosen, refit } = await trainReadout(
          bare,
          train,
          { seed, ...readout },
          {
            out: context.folder,
            resume: true,
            onPlan: context.say,
            ...(signal ? { signal } : {}),
            ...(onProgress ? { onProgress } : {}),
          },
        )
        try {
          return {
            ...(await testErrors(net, context)),
            seed,
            validationError: 100 * chosen.validationError,
            trainLoss: (refit ?? chosen.curve).at(-1)?.trainLoss ?? null,
            curve: chosen.curve.map((e) => ({ seconds: e.seconds, error: 100 * (e.validationError ?? Number.NaN) })),
            curveOn: 'validation',
            before,
            after: null,
            failed: null,
            dead,
          }
        } finally {
          net.dispose()
        }
      } catch (error) {
        return { ...failure(error, bare.describe(), test), seed, curveOn: 'validation', before, dead }
      } finally {
        bare.dispose()
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
      const { data, device, folder, signal, onProgress } = context
      const { train, test } = data
      const config = convNet({
        channels: train.shape[1],
        image: [train.shape[2], train.shape[3]],
        classes: train.classes,
        blocks: shapes,
        normalise,
        ...(standardise ? { standardise: channelStatistics(train) } : {}),
      })
      // Seen before the first step, which a part that goes on has behind it.
      const file = join(folder, 'before.json')
      const before = async () => (existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Observation) : null)
      try {
        const { net, record } = await trainSupervised(
          train,
          config,
          { seed, ...options },
          {
            device,
            out: folder,
            resume: true,
            monitor: test,
            onStart: async (initial) => writeAtomic(file, JSON.stringify(await observeNetwork(initial, train))),
            ...(signal ? { signal } : {}),
            ...(onProgress ? { onProgress } : {}),
          },
        )
        try {
          const last = record.curve.at(-1)
          return {
            ...(await testErrors(net, context)),
            seed,
            validationError: last?.validationError == null ? null : 100 * last.validationError,
            trainLoss: last?.trainLoss ?? null,
            curve: record.curve.map((e) => ({ seconds: e.seconds, error: 100 * (e.monitorError ?? Number.NaN) })),
            curveOn: 'test',
            before: await before(),
            after: await observeNetwork(net, train),
            failed: null,
            dead: [],
          }
        } finally {
          net.dispose()
        }
      } catch (error) {
        return { ...failure(error, config.name, test), seed, curveOn: 'test', before: await before(), dead: [] }
      }
    },
  }
}

async function testErrors(net: Classifier, context: PartContext) {
  const { test } = context.data
  const run = context.signal ? { signal: context.signal } : {}
  const plain = await classify(net, test, run)
  const shadowed = await classify(net, await applyShadow(test, paperShadow), run)
  return {
    network: net.describe(),
    testError: plain.score.value,
    shadowError: shadowed.score.value,
    testImages: test.shape[0],
  }
}

/** A loss or weights that are no numbers end training, not the study: that is what the paper reports of some settings. Anything else goes on up. */
function failure(error: unknown, network: string, test: ImageSet): Omit<NetworkResult, 'seed' | 'curveOn' | 'before' | 'dead'> {
  if (!(error instanceof DataError) || !['loss', 'weights'].includes(error.argument)) throw error
  const guessing = 100 * (1 - 1 / test.classes.length)
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
