// The whole of local learning as one run: filters without labels, then a readout with them, in a folder that can be resumed.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSet } from '../data/index.js'
import { cpu, type Device, instructionSet, threads } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { checkLocalConfig, type LocalBlock, type LocalNetConfig } from '../models/local_config.js'
import { type BlockWeights, LocalNet } from '../models/local_net.js'
import { philox } from '../random.js'
import { version } from '../version.js'
import {
  checkFilters,
  type FilterConfig,
  type FilterOptions,
  filterConfig,
  type LearnedFilters,
  learnFilters,
} from './filters.js'
import type { OnProgress } from './progress.js'
import { checkReadout, type ReadoutOptions, readoutConfig, type TrainedReadout, trainReadout } from './readout.js'

export interface BlockOptions {
  /** What differs from the options of all blocks. */
  filters?: FilterOptions
  /** n of the rectified power. Default 40. */
  power?: number
  /** Max pool, in positions. Default: of side 11, or all of the positions where there are fewer; stride 2. */
  pool?: { size?: number; stride?: number }
}

export interface TrainLocalOptions {
  /** Of all blocks. */
  filters?: FilterOptions
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
export interface RunRecord {
  kind: 'local'
  striate: string
  node: string
  device: string
  threads: number
  instructionSet: string
  date: string
  data: { name: string; sha256: string; shape: readonly number[]; classes: readonly string[] }
  seed: number
  /** How each block was learned, in order. */
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
  const plans = planBlocks(set, options, seed)
  const config: LocalNetConfig = {
    kind: 'local',
    channels: set.shape[1],
    image: [set.shape[2], set.shape[3]],
    trunk: [],
    blocks: plans.map((plan) => plan.block),
    classes: [],
  }
  for (const { filters } of plans) checkFilters(set, filters)
  checkLocalConfig(config)
  if (readoutOptions) checkReadout(config, set, readoutConfig(readoutOptions))
  if (options.out) await openFolder(options.out, options.resume ?? false)
  await options.onFolder?.()

  const { filters: _filters, blocks: _blocks, readout: _readout, seed: _seed, onFolder: _onFolder, ...rest } = options
  const run = { ...rest, device }
  const seconds: Record<string, number> = {}
  let start = performance.now()
  const lap = (name: string) => {
    seconds[name] = Math.round(performance.now() - start) / 1000
    start = performance.now()
  }
  const weights: BlockWeights[] = []
  const records: BlockRecord[] = []
  let net: LocalNet | null = null
  let trained: TrainedReadout | null = null
  try {
    for (const [i, { filters: own }] of plans.entries()) {
      const began = performance.now()
      const learned = await learnFilters(set, own, { ...run, part: { number: i + 1, of: plans.length } })
      const { filters, config, health, history, converged } = learned
      weights.push({ filters })
      records.push({ filters: config, health, history, converged, seconds: Math.round(performance.now() - began) / 1000 })
    }
    lap('filters')
    // Pruning may have left fewer filters than were asked for.
    const units = (i: number) => (weights[i] as BlockWeights).filters.shape[0] as number
    net = new LocalNet(
      { ...config, blocks: config.blocks.map((block, i) => ({ ...block, units: units(i) })) },
      { blocks: weights },
    )
    if (readoutOptions) {
      trained = await trainReadout(net, set, readoutOptions, run)
      lap('readout')
      net.dispose()
      net = trained.net
    }
  } catch (error) {
    for (const { filters } of weights) filters.dispose()
    throw error
  }
  const { name, sha256, shape, classes } = set
  const record: RunRecord = {
    kind: 'local',
    striate: version,
    node: process.version,
    device: device.toString(),
    threads: threads(),
    instructionSet,
    date: new Date().toISOString(),
    data: { name, sha256, shape, classes },
    seed,
    blocks: records,
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

interface BlockPlan {
  filters: FilterConfig
  block: LocalBlock
}

/** Each block's options filled in. */
function planBlocks(set: ImageSet, options: TrainLocalOptions, seed: number): BlockPlan[] {
  const { filters: shared = {}, blocks = [{}] } = options
  if (!Array.isArray(blocks) || blocks.length === 0)
    throw new OptionError({ op: 'trainLocal', argument: 'blocks', actual: 'empty', expected: 'a list of at least one block' })
  return blocks.map((own, i) => {
    for (const name of Object.keys(own))
      if (!['filters', 'power', 'pool'].includes(name))
        throw new OptionError({
          op: 'trainLocal',
          argument: `blocks.${i}.${name}`,
          actual: 'no option of it',
          expected: 'one of filters, power, pool',
        })
    const base = shared.seed ?? seed
    const filters = filterConfig({ ...shared, seed: blockSeed(base, i), ...own.filters })
    const { window, units, normalise, centre } = filters
    const positions = Math.min(set.shape[2], set.shape[3]) - window + 1
    const pool = { size: own.pool?.size ?? Math.max(1, Math.min(11, positions)), stride: own.pool?.stride ?? 2 }
    return { filters, block: { window, units, power: own.power ?? 40, normalise, centre, pool } }
  })
}

/** The run's seed for the first block; for the others one that is drawn from it and the block's number. */
function blockSeed(seed: number, block: number): number {
  return block === 0 ? seed : philox([block, 0, 0, 0], [seed % 2 ** 32, Math.floor(seed / 2 ** 32)])[0]
}

async function openFolder(out: string, resume: boolean): Promise<void> {
  try {
    await mkdir(out, { recursive: true })
    await writeAtomic(join(out, '.writable'), '')
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DataError(
      { op: 'trainLocal', argument: out, actual: `no usable folder (${why})`, expected: 'a folder that can be written' },
      { cause },
    )
  }
  await rm(join(out, '.writable'), { force: true })
  if (resume) return
  const taken = (await readdir(out)).find((file) => file === 'run.json' || file.endsWith('.checkpoint.safetensors'))
  if (taken)
    throw new OptionError({
      op: 'trainLocal',
      argument: out,
      actual: `the folder of a run (it holds ${taken})`,
      expected: 'an empty folder, or resume',
    })
}
