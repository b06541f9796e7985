// The whole of local learning as one run: filters without labels, then a readout with them, in a folder that can be resumed.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSet } from '../data/index.js'
import { cpu, type Device, instructionSet, threads } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { LocalNet } from '../models/local_net.js'
import { version } from '../version.js'
import {
  checkFilters,
  type FilterHealth,
  type FilterOptions,
  filterConfig,
  type HistoryEntry,
  type LearnedFilters,
  learnFilters,
} from './filters.js'
import type { OnProgress } from './progress.js'
import { type ReadoutOptions, readoutConfig, type TrainedReadout, trainReadout } from './readout.js'

export interface TrainLocalOptions {
  filters?: FilterOptions
  /** false: filters only. Default: a readout when the images have labels. */
  readout?: ReadoutOptions | false
  /** Seed of filters, split and readout, where they have none of their own. Default 0. */
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
  filters: LearnedFilters['config']
  health: FilterHealth
  history: HistoryEntry[]
  converged: boolean
  readout: (Pick<TrainedReadout, 'config' | 'chosen' | 'candidates' | 'refit'> & { images: TrainedReadout['images'] }) | null
  /** Seconds of this process's part in each stage. */
  seconds: Record<string, number>
}

/**
 * Learns filters by the Krotov-Hopfield rule and, on labelled images, a softmax readout of their pooled responses.
 * Grinberg, Hopfield, Krotov 2019. The same data, options, device and seed give the same bits, also when interrupted and resumed.
 * @throws {OptionError} {DataError} in one sentence, before anything runs
 */
export async function trainLocal(set: ImageSet, options: TrainLocalOptions = {}): Promise<{ net: LocalNet; record: RunRecord }> {
  const device = options.device ?? cpu()
  const seed = options.seed ?? 0
  const filterOptions = { seed, ...options.filters }
  const wantsReadout = options.readout ?? (set.labels && set.classes.length > 1 ? {} : false)
  const readoutOptions = wantsReadout === false ? null : { seed, ...wantsReadout }
  checkFilters(set, filterConfig(filterOptions))
  if (readoutOptions) {
    readoutConfig(readoutOptions)
    if (!set.labels || set.classes.length < 2)
      throw new DataError({
        op: 'trainLocal',
        argument: set.name,
        actual: 'without labels',
        expected: 'labels of at least two classes, or readout: false',
      })
  }
  if (options.out) await openFolder(options.out, options.resume ?? false)
  await options.onFolder?.()

  const { filters: _filters, readout: _readout, seed: _seed, onFolder: _onFolder, ...rest } = options
  const run = { ...rest, device }
  const seconds: Record<string, number> = {}
  let start = performance.now()
  const lap = (name: string) => {
    seconds[name] = Math.round(performance.now() - start) / 1000
    start = performance.now()
  }
  const learned = await learnFilters(set, filterOptions, run)
  lap('filters')
  const { normalise, centre } = learned.config
  let trained: TrainedReadout | null = null
  let net: LocalNet
  try {
    if (readoutOptions) {
      trained = await trainReadout(learned.filters, { normalise, centre }, set, readoutOptions, run)
      lap('readout')
      net = trained.net
    } else {
      const [units, channels, window] = learned.filters.shape as [number, number, number]
      const image: [number, number] = [set.shape[2], set.shape[3]]
      const pool = { size: Math.min(11, image[0] - window + 1, image[1] - window + 1), stride: 2 }
      const config = { kind: 'local' as const, channels, image, window, units, power: 40, normalise, centre, pool, classes: [] }
      net = new LocalNet(config, learned.filters.to(device))
    }
  } finally {
    learned.filters.dispose()
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
    filters: learned.config,
    health: learned.health,
    history: learned.history,
    converged: learned.converged,
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
