// Parts that train one network and test it, in plain and in shadow.
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSet } from '../data/index.js'
import { DataError } from '../errors.js'
import { classify } from '../eval/index.js'
import { readSafetensors, type Safetensor, writeAtomic, writeSafetensors } from '../io/index.js'
import { type BlockWeights, type Classifier, convNet, type LocalBlock, LocalNet } from '../models/index.js'
import { hostTensor } from '../models/local_net.js'
import { applyShadow } from '../scene/index.js'
import { Tensor } from '../tensor.js'
import {
  blockOf,
  type FilterHealth,
  type FilterOptions,
  learnFilters,
  type ReadoutOptions,
  type SupervisedOptions,
  trainReadout,
  trainSupervised,
} from '../train/index.js'
import { openFolder } from '../train/run_folder.js'
import { type Observation, observeLocal, observeNetwork } from './observe.js'
import type { Part, PartContext } from './study.js'

/** One block of a network: its size, and how its filters are learned. */
export interface Block {
  window: number
  units: number
  /** n of the rectified power. */
  power: number
  pool: { size: number; stride: number }
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

/** What learning says of a block's layer. */
type LearnedBlock = Pick<LocalBlock, 'units' | 'whitened' | 'centre'>

/** Filters of a block, learned once for all parts that ask for the same from the same images. */
export async function sharedFilters(
  context: PartContext,
  block: Block,
  seed: number,
): Promise<{ weights: BlockWeights; config: LearnedBlock; health: FilterHealth | null }> {
  const options: FilterOptions = { window: block.window, units: block.units, seed, ...block.filters }
  const { signal, onProgress, device, data } = context
  const name = Object.entries({ ...options, data: data.train.sha256.slice(0, 12), on: device.kind })
    .map(([key, value]) => `${key}-${value}`)
    .join('_')
  const file = join(context.shared, `${name}.safetensors`)
  const out = join(context.shared, name)
  if (!existsSync(file)) {
    await openFolder('reproduce', out, true)
    const learned = await learnFilters(data.train, options, {
      device,
      out,
      resume: true,
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    })
    const { config, weights } = blockOf(learned)
    const { filters, whitening } = weights
    const tensors: Record<string, Safetensor> = { filters: await hostTensor(filters) }
    if (whitening) {
      tensors.weight = await hostTensor(whitening.weight)
      tensors.bias = await hostTensor(whitening.bias)
    }
    for (const tensor of [learned.filters, filters, whitening?.weight, whitening?.bias]) tensor?.dispose()
    const metadata = {
      health: JSON.stringify(learned.health),
      block: JSON.stringify({ ...config, centre: learned.config.centre }),
    }
    await writeSafetensors(file, tensors, { metadata })
  }
  await rm(out, { recursive: true, force: true })
  const { tensors, metadata } = await readSafetensors(file)
  const tensor = (key: string): Tensor | null => {
    const found = tensors.get(key)
    return found ? Tensor.from(found.data as Float32Array, { shape: found.shape, device: context.device }) : null
  }
  const [filters, weight, bias] = [tensor('filters') as Tensor, tensor('weight'), tensor('bias')]
  return {
    weights: weight && bias ? { filters, whitening: { weight, bias } } : { filters },
    config: JSON.parse(metadata.block ?? '{}') as LearnedBlock,
    health: JSON.parse(metadata.health ?? 'null') as FilterHealth | null,
  }
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
      const dead = learned.flatMap(({ health }) => health?.dead ?? [])
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
  /** Default `none`: standard CONV layers. */
  normalise?: 'none' | 'patch'
  expected: Part['expected']
}

/** The same blocks trained end to end, and the errors. */
export function twinPart({ name, about, blocks, options, seed, normalise = 'none', expected }: TwinPart): Part<NetworkResult> {
  const shapes = blocks.map(({ window, units, pool, power }) => ({ window, units, pool, power }))
  return {
    name,
    about,
    settings: { kind: 'end to end', blocks: shapes, options, seed, normalise, shadow: paperShadow },
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
