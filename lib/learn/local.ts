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
  blockDepths,
  blockResponse,
  type LocalBlockOptions,
  localNet,
  Network,
  type NetworkConfig,
  networkShapes,
  trunkNet,
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
  on: whole(0)
    .optional()
    .describe("how many of the trunk's blocks are under it: 0, it reads the images; all by default; blocks on less come first"),
})

/** One block: its filters, power and pool. */
export type BlockOptions = z.input<typeof blockOptions>
type TrunkOptions = Omit<z.output<typeof blockOptions>, 'on'>
/** [C,H,W] of what a block reads. */
type Shape = readonly [number, number, number]

export const localOptions = z.strictObject({
  filters: overrides(filterOptions).default({}).describe('of all blocks'),
  trunk: z
    .array(blockOptions.omit({ on: true }))
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
    part.map(({ filters, power, response, pool, on }): AskedBlock => ({ filters, power, response, pool, on }))
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
  const { power, response = 'rectified', on } = layer
  return { filters, power, response, pool: { size, stride, padding }, on }
}

const layersOf = (layers: Plan['trunk']): LocalBlockOptions[] => layers.map(({ layer }) => layer)
const networkOf = ({ trunk, blocks, channels, image }: Plan): NetworkConfig =>
  localNet({ channels, image, trunk: layersOf(trunk), blocks: layersOf(blocks) })

/** Every block's options filled in. */
function planLayers({ shape }: Images, asked: z.output<typeof localOptions>, device: Device): Plan {
  const [n, channels, height, width] = shape
  const { filters, trunk, blocks, seed } = asked
  const plan: Plan = { channels, image: [height, width], trunk: [], blocks: [] }
  const depths = blockDepths('trainLocal', trunk.length, blocks)
  /** One block on so many blocks of the trunk, whose map is `input`. */
  const fill = (part: 'trunk' | 'blocks', i: number, own: TrunkOptions, depth: number, input: Shape): Plan['trunk'][number] => {
    const number = plan.trunk.length + plan.blocks.length
    const path = `${part}.${i}.filters`
    const config = filterConfig({ ...filters, seed: layerSeed(filters.seed ?? seed, number), ...own.filters }, 'trainLocal', path)
    const refused = (argument: string, expected: string) =>
      new OptionError({
        op: 'trainLocal',
        argument: `${path}.${argument}`,
        actual: "'none'",
        expected: `${expected} above a trunk, whose maps have no common scale while they are learned from`,
      })
    if (depth > 0 && config.normalise === 'none') throw refused('normalise', "'patch'")
    if (depth > 0 && config.whiten?.after === 'none') throw refused('whiten.after', "'norm' or 'centred-norm'")
    checkFilters('trainLocal', [n, ...input], device, config, path)
    const { window, units, normalise, centre } = config
    const whiten = config.whiten && { after: config.whiten.after, components: config.whiten.keep ?? input[0] * window ** 2 }
    const usual = part === 'trunk' ? { power: 20, size: 3 } : { power: 40, size: 11 }
    const fitting = Math.max(1, Math.min(usual.size, Math.min(input[1], input[2]) - window + 1))
    const pool = { ...own.pool, size: own.pool.size ?? fitting }
    const power = own.power ?? (config.whiten ? 2 : usual.power)
    const block = { window, units, power, normalise, centre, pool, response: own.response }
    return { layer: whiten ? { ...block, whiten } : block, filters: config }
  }
  const inputs: Shape[] = [[channels, height, width]]
  for (const [i, own] of trunk.entries()) {
    plan.trunk.push(fill('trunk', i, own, i, inputs[i] as Shape))
    inputs.push(networkShapes({ channels, image: plan.image, trunk: layersOf(plan.trunk) }))
  }
  for (const [i, { on: _on, ...own }] of blocks.entries()) {
    const depth = depths[i] as number
    const { layer, filters } = fill('blocks', i, own, depth, inputs[depth] as Shape)
    plan.blocks.push({ layer: depth === trunk.length ? layer : { ...layer, on: depth }, filters })
  }
  return plan
}

/** Learns the trunk's blocks one after another, then those on it or on parts of it, each from the maps that it will read. */
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
  const under: Network[] = []
  /** What is above so many blocks of the trunk learns from this. */
  const sources = [images]
  try {
    for (const [i, { layer, filters }] of all.entries()) {
      const began = performance.now()
      const part = { number: i + 1, of: all.length }
      const inTrunk = i < plan.trunk.length
      const source = sources[inTrunk ? i : (layer.on ?? plan.trunk.length)] as Images
      const learned = await learnFilters(source, filters, { ...run, part })
      const { config, health, history, converged } = learned
      const seconds = secondsSince(began)
      records.push({ ...askedBlock({ layer, filters: config }), health, history, converged, seconds })
      const list = inTrunk ? plan.trunk : plan.blocks
      const at = inTrunk ? i : i - plan.trunk.length
      list[at] = { filters, layer: await keep(learned, layer, `${inTrunk ? 'trunk' : 'blocks'}.${at}`, state) }
      if (!inTrunk) continue
      const { channels, image } = plan
      const net = new Network(trunkNet({ channels, image, trunk: layersOf(plan.trunk.slice(0, i + 1)) }), { device, state })
      under.push(net)
      sources.push(mapsOf(images, net, `trunk.${i}`, [all.slice(0, i + 1)]))
    }
    const net = new Network(networkOf(plan), { device, state })
    return { net, trunk: records.slice(0, plan.trunk.length), blocks: records.slice(plan.trunk.length) }
  } finally {
    for (const net of under) net.dispose()
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
