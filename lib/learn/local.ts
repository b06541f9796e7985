// The whole of local learning as one run: filters without labels, then a readout with them, in a folder that can be resumed.
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import { type Images, labelsOf } from '../data/index.js'
import { OptionError } from '../errors.js'
import { checkReadout, readOut, readoutConfig, readoutOptions, type TrainedReadout } from '../features/readout.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import {
  cutAt,
  type LocalBlockOptions,
  localNet,
  Network,
  type NetworkConfig,
  networkShapes,
  whiteningLayer,
} from '../models/index.js'
import { overrides, parseOptions, seed, whole } from '../options.js'
import { philox, words } from '../random.js'
import { finishFolder, openFolder, type Provenance, provenance } from '../run/folder.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { type FilterConfig, filterConfig, filterOptions } from './filter_options.js'
import { checkFilters, type LearnedFilters, learnFilters } from './filters.js'
import { mapsOf } from './maps.js'
import { whiteningOffset } from './whitening.js'

export const blockOptions = z.strictObject({
  filters: overrides(filterOptions).default({}).describe('what differs from the filters of all blocks'),
  power: z.number().min(1).max(200).optional().describe('n of the rectified power; 40, in a trunk 20'),
  pool: z
    .strictObject({
      size: whole(1).optional().describe('side in positions; 11, in a trunk 3, or all positions where there are fewer'),
      stride: whole(1).default(2).describe('positions from one window to the next'),
      padding: whole(0).default(0).describe('positions that windows reach over the border of the map; at most half of the side'),
    })
    .prefault({})
    .describe('max pool'),
})

/** One block: its filters, power and pool. */
export type BlockOptions = z.input<typeof blockOptions>

export const localOptions = z.strictObject({
  filters: overrides(filterOptions).default({}).describe('of all blocks'),
  trunk: z
    .array(blockOptions)
    .default([])
    .describe(
      'blocks one after another under the others: the pooled map of each, rounded to 8 bits while it is learned from, is the next input',
    ),
  blocks: z
    .array(blockOptions)
    .min(1)
    .prefault([{}])
    .describe('blocks side by side, each with filters of its own size and number'),
  readout: z
    .union([z.literal(false), overrides(readoutOptions)])
    .optional()
    .describe('false: filters only; a readout where the images have classes'),
  seed: seed
    .default(0)
    .describe('of filters (of blocks after the first, drawn from it), split and readout, where they have none of their own'),
})

export type LocalOptions = z.input<typeof localOptions>

/** How the filters of one block came about. */
export interface BlockRecord extends Pick<LearnedFilters, 'health' | 'history' | 'converged'> {
  filters: FilterConfig
  /** Seconds of this process's part in it. */
  seconds: number
}

/** What `run.json` holds. */
export interface LocalRecord extends Provenance {
  kind: 'local'
  seed: number
  /** How each block was learned, in order. */
  trunk: BlockRecord[]
  blocks: BlockRecord[]
  readout: Omit<TrainedReadout, 'net'> | null
  /** Seconds of this process's part in each stage. */
  seconds: Record<string, number>
}

/**
 * Learns the filters of one block or of several side by side by a local rule, without labels, and where the images have classes a softmax
 * readout of all of their pooled responses. Grinberg, Hopfield, Krotov 2019, figure 2. The same data, options, device and seed give the same
 * bits, also when interrupted and resumed, from memory or from a disk.
 * @throws {OptionError} {DataError} in one sentence, before anything runs
 */
export async function trainLocal(
  images: Images,
  options: LocalOptions = {},
  run: RunOptions = {},
): Promise<{ net: Network; record: LocalRecord }> {
  const asked = checkRun('trainLocal', run)
  checkImages('trainLocal', images)
  const settings = parseOptions('trainLocal', localOptions, options)
  const plan = planLayers(images, settings)
  const network = networkOf(plan)
  const known = labelsOf(images)
  const wanted = settings.readout ?? (known && known.classes.length > 1 ? {} : false)
  const readout = wanted === false ? null : readoutConfig({ seed: settings.seed, ...wanted }, 'readout')
  if (readout) checkReadout(network, images, readout)
  if (asked.out) await openFolder('trainLocal', asked.out, asked.resume ?? false)
  await asked.onFolder?.()

  const seconds: Record<string, number> = {}
  let start = performance.now()
  const lap = (name: string) => {
    seconds[name] = Math.round(performance.now() - start) / 1000
    start = performance.now()
  }
  const { trunk, blocks, net: learned } = await learnLayers(images, plan, asked)
  lap('filters')
  let net = learned
  let trained: Omit<TrainedReadout, 'net'> | null = null
  if (readout) {
    try {
      const { net: classifier, ...rest } = await readOut(learned, images, readout, asked)
      net = classifier
      trained = rest
    } finally {
      learned.dispose()
    }
    lap('readout')
  }
  const record: LocalRecord = {
    kind: 'local',
    ...provenance(images, asked.device),
    seed: settings.seed,
    trunk,
    blocks,
    readout: trained,
    seconds,
  }
  if (asked.out) await finishFolder(asked.out, net, record)
  return { net, record }
}

/** A network without its weights, and how each layer is to be learned. */
interface Plan {
  channels: number
  image: [number, number]
  trunk: { layer: LocalBlockOptions; filters: FilterConfig }[]
  blocks: { layer: LocalBlockOptions; filters: FilterConfig }[]
}

const networkOf = ({ trunk, blocks, channels, image }: Plan): NetworkConfig =>
  localNet({ channels, image, trunk: trunk.map(({ layer }) => layer), blocks: blocks.map(({ layer }) => layer) })

/** Every block's options filled in. */
function planLayers({ shape }: Images, { filters, trunk, blocks, seed }: z.output<typeof localOptions>): Plan {
  const [n, channels, height, width] = shape
  const plan: Plan = { channels, image: [height, width], trunk: [], blocks: [] }
  let input: readonly [number, number, number] = [channels, height, width]
  const add = (part: 'trunk' | 'blocks', own: z.output<typeof blockOptions>, i: number): void => {
    const number = plan.trunk.length + plan.blocks.length
    const path = `${part}.${i}.filters`
    const config = filterConfig({ ...filters, seed: layerSeed(filters.seed ?? seed, number), ...own.filters }, path)
    if (number > 0 && plan.trunk.length > 0 && config.normalise === 'none')
      throw new OptionError({
        op: 'trainLocal',
        argument: `${path}.normalise`,
        actual: "'none'",
        expected: "'patch' above a trunk, whose maps have no common scale while they are learned from",
      })
    checkFilters([n, ...input], config, path)
    const { window, units, normalise, centre } = config
    const usual = part === 'trunk' ? { power: 20, size: 3 } : { power: 40, size: 11 }
    const fitting = Math.max(1, Math.min(usual.size, Math.min(input[1], input[2]) - window + 1))
    const pool = { ...own.pool, size: own.pool.size ?? fitting }
    const layer = { window, units, power: own.power ?? usual.power, normalise, centre, pool }
    plan[part].push({ layer, filters: config })
    if (part === 'trunk') input = networkShapes({ channels, image: plan.image, trunk: plan.trunk.map((t) => t.layer) })
  }
  for (const [i, own] of trunk.entries()) add('trunk', own, i)
  for (const [i, own] of blocks.entries()) add('blocks', own, i)
  return plan
}

/** Learns the trunk's blocks one after another, then those on it, each from the maps that it will read. */
async function learnLayers(
  images: Images,
  planned: Plan,
  run: ReturnType<typeof checkRun<RunOptions>>,
): Promise<{ net: Network; trunk: BlockRecord[]; blocks: BlockRecord[] }> {
  const { device } = run
  const plan: Plan = { ...planned, trunk: [...planned.trunk], blocks: [...planned.blocks] }
  const all = [...plan.trunk, ...plan.blocks]
  const state = new Map<string, Safetensor>()
  const records: BlockRecord[] = []
  let source = images
  let under: Network | null = null
  try {
    for (const [i, { layer, filters }] of all.entries()) {
      const began = performance.now()
      const part = { number: i + 1, of: all.length }
      const { onPlan: _onPlan, onFolder: _onFolder, ...rest } = run
      const learned = await learnFilters(source, filters, { ...rest, part })
      const { config, health, history, converged } = learned
      records.push({ filters: config, health, history, converged, seconds: Math.round(performance.now() - began) / 1000 })
      const inTrunk = i < plan.trunk.length
      const list = inTrunk ? plan.trunk : plan.blocks
      const at = inTrunk ? i : i - plan.trunk.length
      list[at] = { filters, layer: await keep(learned, layer, `${inTrunk ? 'trunk' : 'blocks'}.${at}`, state) }
      if (!inTrunk) continue
      under?.dispose()
      const name = `trunk.${at}`
      under = new Network(cutAt(networkOf(plan), name), { device, state })
      source = mapsOf(images, under, name, [all.slice(0, i + 1)])
    }
    const net = new Network(networkOf(plan), { device, state })
    return { net, trunk: records.slice(0, plan.trunk.length), blocks: records.slice(plan.trunk.length) }
  } finally {
    under?.dispose()
  }
}

/** Puts learned filters into a network's state under their layer's name. @returns the layer that they make */
async function keep(
  { filters, whitening }: LearnedFilters,
  planned: LocalBlockOptions,
  name: string,
  state: Map<string, Safetensor>,
): Promise<LocalBlockOptions> {
  const { dtype, shape, data } = await hostTensor(filters)
  filters.dispose()
  // Pruning may have left fewer filters than were asked for.
  const units = shape[0] as number
  if (!whitening) {
    state.set(`${name}.weight`, { dtype, shape, data })
    return { ...planned, units }
  }
  const whitened = whitening.mean.length
  const { channels, window, matrix, mean } = whitening
  state.set(`${name}.weight`, { dtype, shape: [units, whitened, 1, 1], data })
  state.set(`${whiteningLayer(name)}.weight`, { dtype: 'F32', shape: [whitened, channels, window, window], data: matrix })
  state.set(`${whiteningLayer(name)}.bias`, { dtype: 'F32', shape: [whitened], data: whiteningOffset(matrix, mean) })
  return { ...planned, units, whitened }
}

/** The run's seed for the first layer; for the others one that is drawn from it and the layer's number. */
function layerSeed(seed: number, layer: number): number {
  return layer === 0 ? seed : philox([layer, 0, 0, 0], words(seed, 'seed'))[0]
}
