// The whole of local learning as one run: filters without labels, then a readout with them, in a folder that can be resumed.
import { join } from 'node:path'
import type { ImageSet } from '../data/index.js'
import { cpu, type Device } from '../device.js'
import { OptionError } from '../errors.js'
import { checkReadout, type ReadoutOptions, readoutConfig, type TrainedReadout, trainReadout } from '../features/readout.js'
import { writeAtomic } from '../io/index.js'
import { checkLocalConfig, type LocalBlock, type LocalNetConfig, type MapShape, trunkShapes } from '../models/local_config.js'
import { type BlockWeights, LocalNet } from '../models/local_net.js'
import { philox, words } from '../random.js'
import { openFolder, type Provenance, provenance } from '../run/folder.js'
import type { OnProgress } from '../run/progress.js'
import {
  checkFilters,
  type FilterConfig,
  type FilterOptions,
  type FilterRun,
  filterConfig,
  type LearnedFilters,
  learnFilters,
} from './filters.js'
import { trunkMaps } from './maps.js'
import { whiteningFilters } from './whitening.js'

export interface BlockOptions {
  /** What differs from the options of all blocks. */
  filters?: FilterOptions
  /** n of the rectified power. Default 40, in a trunk 20. */
  power?: number
  /**
   * Max pool, in positions. Default: of side 11 (in a trunk 3), or all of the positions where there are fewer; stride 2. With a padding
   * (default 0, at most half of the side) windows also reach so far over the map's border, with the positions within.
   */
  pool?: { size?: number; stride?: number; padding?: number }
}

export interface TrainLocalOptions {
  /** Of all blocks. */
  filters?: FilterOptions
  /**
   * Blocks one after another under those of `blocks`: the pooled map of each is the next one's input. Each is learned once those under it
   * are, from their maps, rounded to 8 bits. Default: none.
   */
  trunk?: readonly BlockOptions[]
  /** Blocks side by side, each with filters of its own size and number. Default: one. */
  blocks?: readonly BlockOptions[]
  /** false: filters only. Default: a readout when the images have labels. */
  readout?: ReadoutOptions | false
  /** Seed of filters (for each block after the first, one that is derived from it), split and readout, where they have none of their own. Default 0. */
  seed?: number
  /** Default `cpu()`. */
  device?: Device
  /** Folder of the run: `model.safetensors`, `run.json` and checkpoints. Default: nothing is written. */
  out?: string
  /** Go on with the run in `out`. Default false: a folder that holds a run is refused. */
  resume?: boolean
  /** Seconds between checkpoints. Default 20. */
  checkpointSeconds?: number
  /** Stops cleanly after a checkpoint; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  onProgress?: OnProgress
  onPlan?: (text: string) => void
  /** Called once `out` is made and known to be usable, before any work. */
  onFolder?: () => Promise<void>
}

/** How the filters of one block came about. */
export interface BlockRecord extends Pick<LearnedFilters, 'health' | 'history' | 'converged'> {
  filters: FilterConfig
  /** Seconds of this process's part in it. */
  seconds: number
}

/** What `run.json` holds. */
export interface RunRecord extends Provenance {
  kind: 'local'
  seed: number
  /** How each block was learned, in order. */
  trunk: BlockRecord[]
  blocks: BlockRecord[]
  readout: (Pick<TrainedReadout, 'config' | 'chosen' | 'candidates' | 'refit'> & { images: TrainedReadout['images'] }) | null
  /** Seconds of this process's part in each stage. */
  seconds: Record<string, number>
}

/**
 * Learns the filters of one block or of several side by side by the Krotov-Hopfield rule and, on labelled images, a softmax readout of all
 * of their pooled responses. Grinberg, Hopfield, Krotov 2019, figure 2. The same data, options, device and seed give the same bits, also when interrupted and resumed.
 * @throws {OptionError} {DataError} in one sentence, before anything runs
 */
export async function trainLocal(set: ImageSet, options: TrainLocalOptions = {}): Promise<{ net: LocalNet; record: RunRecord }> {
  const device = options.device ?? cpu()
  const seed = options.seed ?? 0
  const wantsReadout = options.readout ?? (set.labels && set.classes.length > 1 ? {} : false)
  const readoutOptions = wantsReadout === false ? null : { seed, ...wantsReadout }
  const { config, filters } = planLayers(set, options, seed)
  const shapes = trunkShapes(config)
  for (const [i, own] of filters.entries()) {
    const shape = shapes[Math.min(i, config.trunk.length)] as MapShape
    if (i > 0 && config.trunk.length > 0 && own.normalise === 'none')
      throw new OptionError({
        op: 'trainLocal',
        argument: 'normalise',
        actual: "'none'",
        expected: "'patch' above a trunk, whose maps have no common scale while they are learned from",
      })
    checkFilters({ ...set, shape: [set.shape[0], ...shape] }, own)
  }
  checkLocalConfig(config)
  if (readoutOptions) checkReadout(config, set, readoutConfig(readoutOptions))
  if (options.out) await openFolder('trainLocal', options.out, options.resume ?? false)
  await options.onFolder?.()

  const {
    filters: _filters,
    blocks: _blocks,
    trunk: _trunk,
    readout: _readout,
    seed: _seed,
    onFolder: _onFolder,
    ...rest
  } = options
  const run = { ...rest, device }
  const seconds: Record<string, number> = {}
  let start = performance.now()
  const lap = (name: string) => {
    seconds[name] = Math.round(performance.now() - start) / 1000
    start = performance.now()
  }
  const learned = await learnLayers(set, config, filters, run)
  lap('filters')
  let net = learned.net
  let trained: TrainedReadout | null = null
  if (readoutOptions) {
    try {
      trained = await trainReadout(net, set, readoutOptions, run)
    } finally {
      net.dispose()
    }
    net = trained.net
    lap('readout')
  }
  const record: RunRecord = {
    kind: 'local',
    ...provenance(set, device),
    seed,
    trunk: learned.records.slice(0, config.trunk.length),
    blocks: learned.records.slice(config.trunk.length),
    readout: trained && {
      config: trained.config,
      chosen: trained.chosen,
      candidates: trained.candidates,
      refit: trained.refit,
      images: trained.images,
    },
    seconds,
  }
  if (options.out) {
    await net.save(join(options.out, 'model.safetensors'))
    await writeAtomic(join(options.out, 'run.json'), `${JSON.stringify(record, null, 1)}\n`)
  }
  return { net, record }
}

/** Learns the trunk's blocks one after another, then those on it, each from the maps that it will read. */
async function learnLayers(
  set: ImageSet,
  planned: LocalNetConfig,
  filters: FilterConfig[],
  run: FilterRun,
): Promise<{ net: LocalNet; records: BlockRecord[] }> {
  const config = { ...planned, trunk: [...planned.trunk], blocks: [...planned.blocks] }
  const trunk: BlockWeights[] = []
  const blocks: BlockWeights[] = []
  const records: BlockRecord[] = []
  let source = set
  try {
    for (const [i, own] of filters.entries()) {
      const began = performance.now()
      const learned = await learnFilters(source, own, { ...run, part: { number: i + 1, of: filters.length } })
      const { config: used, health, history, converged } = learned
      records.push({ filters: used, health, history, converged, seconds: Math.round(performance.now() - began) / 1000 })
      const inTrunk = i < config.trunk.length
      const [weights, layers, at] = inTrunk ? [trunk, config.trunk, i] : [blocks, config.blocks, i - config.trunk.length]
      const layer = blockOf(learned)
      weights.push(layer.weights)
      layers[at] = { ...(layers[at] as LocalBlock), ...layer.config }
      if (!inTrunk) continue
      const under = config.trunk.slice(0, i + 1)
      const shape = trunkShapes({ ...config, trunk: under }).at(-1) as MapShape
      const identity = [under, filters.slice(0, i + 1)]
      const phase = `maps ${i + 1}/${config.trunk.length}`
      source = await trunkMaps(set, { blocks: under, weights: trunk }, [set.shape[0], ...shape], { ...run, phase, identity })
    }
    return { net: new LocalNet(config, { trunk, blocks }), records }
  } catch (error) {
    for (const { filters: tensor, whitening } of [...trunk, ...blocks])
      for (const made of [tensor, whitening?.weight, whitening?.bias]) made?.dispose()
    throw error
  }
}

/** Learned filters as a network's block: what its configuration learns from them, and its tensors. */
function blockOf({ filters, whitening }: Pick<LearnedFilters, 'filters' | 'whitening'>): {
  config: Pick<LocalBlock, 'units'> & { whitened?: number }
  weights: BlockWeights
} {
  // Pruning may have left fewer filters than were asked for.
  const units = filters.shape[0] as number
  if (!whitening) return { config: { units }, weights: { filters } }
  const whitened = whitening.mean.length
  const { filters: weight, bias } = whiteningFilters(whitening, filters.device)
  return {
    config: { units, whitened },
    weights: { filters: filters.reshape([units, whitened, 1, 1]), whitening: { weight, bias } },
  }
}

/** Every block's options filled in: the network without its weights, and how each layer is to be learned, the trunk's first. */
function planLayers(
  set: ImageSet,
  options: TrainLocalOptions,
  seed: number,
): { config: LocalNetConfig; filters: FilterConfig[] } {
  const { filters: shared = {}, trunk = [], blocks = [{}] } = options
  if (!Array.isArray(blocks) || blocks.length === 0)
    throw new OptionError({ op: 'trainLocal', argument: 'blocks', actual: 'empty', expected: 'a list of at least one block' })
  const filters: FilterConfig[] = []
  const plan = (part: 'trunk' | 'blocks', own: BlockOptions, i: number, [, height, width]: MapShape): LocalBlock => {
    for (const name of Object.keys(own))
      if (!['filters', 'power', 'pool'].includes(name))
        throw new OptionError({
          op: 'trainLocal',
          argument: `${part}.${i}.${name}`,
          actual: 'no option of it',
          expected: 'one of filters, power, pool',
        })
    const config = filterConfig({ ...shared, seed: layerSeed(shared.seed ?? seed, filters.length), ...own.filters })
    filters.push(config)
    const { window, units, normalise, centre } = config
    const usual = part === 'trunk' ? { power: 20, size: 3 } : { power: 40, size: 11 }
    const fitting = Math.max(1, Math.min(usual.size, Math.min(height, width) - window + 1))
    const { size = fitting, stride = 2, padding } = own.pool ?? {}
    const pool = { size, stride, ...(padding ? { padding } : {}) }
    return { window, units, power: own.power ?? usual.power, normalise, centre, pool }
  }
  const channels = set.shape[1]
  const image: [number, number] = [set.shape[2], set.shape[3]]
  const stem: LocalBlock[] = []
  const top = () => trunkShapes({ channels, image, trunk: stem }).at(-1) as MapShape
  for (const [i, own] of trunk.entries()) stem.push(plan('trunk', own, i, top()))
  const side = blocks.map((own, i) => plan('blocks', own, i, top()))
  return { config: { kind: 'local', channels, image, trunk: stem, blocks: side, classes: [] }, filters }
}

/** The run's seed for the first layer; for the others one that is drawn from it and the layer's number. */
function layerSeed(seed: number, layer: number): number {
  return layer === 0 ? seed : philox([layer, 0, 0, 0], words(seed, 'seed'))[0]
}
