// The whole of local learning as one run: filters without labels, then a readout with them, in a folder that can be resumed.
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import { type Images, labelsOf } from '../data/index.js'
import type { Device } from '../device.js'
import { OptionError } from '../errors.js'
import {
  checkReadout,
  type ReadoutConfig,
  readOut,
  readoutConfig,
  readoutOptions,
  type TrainedReadout,
} from '../features/readout.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import {
  blockResponse,
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
import { finishedRecord, finishFolder, inFolder, openNetwork, provenance, refuseOther } from '../run/folder.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { secondsSince } from '../run/progress.js'
import { type FilterConfig, filterConfig, filterOptions } from './filter_options.js'
import { checkFilters, type LearnedFilters, learnFilters } from './filters.js'
import { type AskedBlock, type BlockRecord, type LocalRecord, localCurves, localRecord } from './local_record.js'
import { mapsOf } from './maps.js'

export const blockOptions = z.strictObject({
  filters: overrides(filterOptions).default({}).describe('what differs from the filters of all blocks'),
  power: z
    .number()
    .min(1)
    .max(200)
    .optional()
    .describe('n of the rectified power; 40, in a trunk 20, of whitened patches 2: their cosines are far from 1'),
  response: blockResponse
    .default('rectified')
    .describe(
      "what of a filter's cosine with a patch counts: 'rectified', what is above 0; 'both-signs', what is above and what is below apart, " +
        "twice the channels; 'triangle', how much nearer than the mean of all filters it is (Coates, Ng and Lee 2011)",
    ),
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
  const plan = planLayers(images, settings, asked.device)
  // Made although it may have no readout: what does not fit is refused here.
  const network = networkOf(plan)
  const known = labelsOf(images)
  const wanted = settings.readout ?? (known && known.classes.length > 1 ? {} : false)
  const readout =
    wanted === false
      ? null
      : checkReadout(network, images, readoutConfig({ seed: settings.seed, ...wanted }, 'readout'), asked.device).config
  return inFolder('trainLocal', asked, async () => {
    const identity = {
      seed: settings.seed,
      trunk: plan.trunk.map(askedBlock),
      blocks: plan.blocks.map(askedBlock),
      readout,
      data: images.sha256,
    }
    return (await finished(asked, identity)) ?? learnAll(images, plan, readout, settings.seed, asked)
  })
}

/** What a finished run in the folder left; null where there is none. */
async function finished({ out, device }: Asked, identity: object): Promise<{ net: Network; record: LocalRecord } | null> {
  const record = out ? await finishedRecord(out, localRecord) : null
  if (!out || !record) return null
  const { seed, trunk, blocks, readout, data } = record
  const layers = (part: BlockRecord[]) =>
    part.map(({ filters, power, response, pool }): AskedBlock => ({ filters, power, response, pool }))
  refuseOther('trainLocal', out, identity, {
    seed,
    trunk: layers(trunk),
    blocks: layers(blocks),
    readout: readout?.config ?? null,
    data: data.sha256,
  })
  return { net: await openNetwork(out, { device }), record }
}

type Asked = RunOptions & { device: Device }

async function learnAll(
  images: Images,
  plan: Plan,
  readout: ReadoutConfig | null,
  seed: number,
  asked: Asked,
): Promise<{ net: Network; record: LocalRecord }> {
  const seconds: Record<string, number> = {}
  let start = performance.now()
  const lap = (name: string) => {
    seconds[name] = secondsSince(start)
    start = performance.now()
  }
  const { trunk, blocks, net: learned } = await learnLayers(images, plan, asked)
  lap('filters')
  let net = learned
  let trained: Omit<TrainedReadout, 'net'> | null = null
  if (readout) {
    try {
      // Pruning may have left another network than was planned.
      const checked = checkReadout(learned.config, images, readout, asked.device)
      const { net: classifier, ...rest } = await readOut(learned, images, checked, asked)
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
    seed,
    trunk,
    blocks,
    readout: trained,
    seconds,
  }
  if (asked.out) await finishFolder(asked.out, net, record, localCurves(record))
  return { net, record }
}

/** A network without its weights, and how each layer is to be learned. */
interface Plan {
  channels: number
  image: [number, number]
  trunk: { layer: LocalBlockOptions; filters: FilterConfig }[]
  blocks: { layer: LocalBlockOptions; filters: FilterConfig }[]
}

const askedBlock = ({ layer, filters }: Plan['blocks'][number]): AskedBlock => {
  const { size, stride, padding = 0 } = layer.pool
  return { filters, power: layer.power, response: layer.response ?? 'rectified', pool: { size, stride, padding } }
}

const networkOf = ({ trunk, blocks, channels, image }: Plan): NetworkConfig =>
  localNet({ channels, image, trunk: trunk.map(({ layer }) => layer), blocks: blocks.map(({ layer }) => layer) })

/** Every block's options filled in. */
function planLayers({ shape }: Images, { filters, trunk, blocks, seed }: z.output<typeof localOptions>, device: Device): Plan {
  const [n, channels, height, width] = shape
  const plan: Plan = { channels, image: [height, width], trunk: [], blocks: [] }
  let input: readonly [number, number, number] = [channels, height, width]
  const add = (part: 'trunk' | 'blocks', own: z.output<typeof blockOptions>, i: number): void => {
    const number = plan.trunk.length + plan.blocks.length
    const path = `${part}.${i}.filters`
    const config = filterConfig({ ...filters, seed: layerSeed(filters.seed ?? seed, number), ...own.filters }, 'trainLocal', path)
    if (number > 0 && plan.trunk.length > 0 && config.normalise === 'none')
      throw new OptionError({
        op: 'trainLocal',
        argument: `${path}.normalise`,
        actual: "'none'",
        expected: "'patch' above a trunk, whose maps have no common scale while they are learned from",
      })
    if (plan.trunk.length > 0 && config.whiten?.after === 'none')
      throw new OptionError({
        op: 'trainLocal',
        argument: `${path}.whiten.after`,
        actual: "'none'",
        expected: "'norm' or 'centred-norm' above a trunk, whose maps have no common scale while they are learned from",
      })
    checkFilters('trainLocal', [n, ...input], device, config, path)
    const { window, units, normalise, centre } = config
    const whiten = config.whiten && { after: config.whiten.after, components: config.whiten.keep ?? input[0] * window ** 2 }
    const usual = part === 'trunk' ? { power: 20, size: 3 } : { power: 40, size: 11 }
    const fitting = Math.max(1, Math.min(usual.size, Math.min(input[1], input[2]) - window + 1))
    const pool = { ...own.pool, size: own.pool.size ?? fitting }
    const block = {
      window,
      units,
      power: own.power ?? (config.whiten ? 2 : usual.power),
      normalise,
      centre,
      pool,
      response: own.response,
    }
    const layer = whiten ? { ...block, whiten } : block
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
  run: Asked,
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
      const learned = await learnFilters(source, filters, { ...run, part })
      const { config, health, history, converged } = learned
      const seconds = secondsSince(began)
      records.push({ ...askedBlock({ layer, filters: config }), health, history, converged, seconds })
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
  state.set(`${name}.weight`, { dtype, shape, data })
  if (!whitening) return { ...planned, units }
  const { channels, window, matrix, offset } = whitening
  state.set(`${whiteningLayer(name)}.weight`, { dtype: 'F32', shape: [offset.length, channels, window, window], data: matrix })
  state.set(`${whiteningLayer(name)}.bias`, { dtype: 'F32', shape: [offset.length], data: offset })
  return { ...planned, units }
}

/** The run's seed for the first layer; for the others one that is drawn from it and the layer's number. */
function layerSeed(seed: number, layer: number): number {
  return layer === 0 ? seed : philox([layer, 0, 0, 0], words(seed, 'seed'))[0]
}
