// The whole single-block job, filters to test error, beside the same work in PyTorch and NumPy (bench/peers/job.py): what a user waits for.
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type Images, labelsOf } from '../data/index.js'
import { cpu, cuda, type Device, threads } from '../device.js'
import { DataError } from '../errors.js'
import { classify } from '../eval/index.js'
import { trainReadout } from '../features/index.js'
import { hostTensor, writeNpy } from '../io/index.js'
import { learnFilters } from '../learn/index.js'
import { localNet, Network } from '../models/index.js'
import { parseOptions, refuseUnknown, whole } from '../options.js'
import type { OnProgress } from '../run/index.js'
import { besidePeer, type Peer, type PeerJob, type PeerVersions, type Provenance, peerOptions, provenance } from './peer.js'
import { benchOptions } from './run.js'

export const jobOptions = z.strictObject({
  device: benchOptions.shape.device,
  threads: whole(1, 1024).optional().describe('of both sides (default: as many as Striate has)'),
  ...peerOptions.shape,
  units: whole(2).default(400).describe('K: filters, of 4 x 4'),
  steps: whole(1).default(20_000).describe('minibatches of 1,000 patches'),
  epochs: whole(1).default(16).describe('passes of the readout over the features'),
})

export type JobOptions = z.input<typeof jobOptions>

export interface JobRun {
  /** Ends the run; it rejects with the signal's reason. */
  signal?: AbortSignal
  /** Told of our side's progress, as training tells it. */
  onProgress?: OnProgress
  /** Told which side begins. */
  onSide?: (side: 'striate' | 'peer') => void
}

/** The phases of the job, in order. */
export const jobPhases = ['filters', 'features', 'readout', 'test'] as const
export type JobPhase = (typeof jobPhases)[number]

export interface JobReport extends Provenance {
  /** Programs that wanted a core just before the run, on average over a minute. */
  load: number
  threads: number
  /** Settings that both sides have. */
  work: Record<string, number>
  images: { train: number; test: number; data: string }
  ours: { phases: Record<JobPhase, number>; testError: number /** Bytes resident at the most. */; memory: number }
  peer: (PeerJob & { versions: PeerVersions }) | null
  /** Why there is no peer. */
  note?: string
}

/** Grinberg, Hopfield, Krotov 2019, figure 2 left, as the recipe `grinberg` has it, without its choice among settings. */
const settings = {
  window: 4,
  antiHebbian: 0.275,
  filterBatch: 1000,
  learningRate: 0.1,
  power: 40,
  poolSize: 11,
  poolStride: 3,
  poolPadding: 5,
  batch: 100,
  readoutRate: 3e-4,
  decay: 3e-4,
}

/**
 * Times the whole job on labelled images, and then the same work in PyTorch. Both sides learn, neither from the other's
 * numbers: test errors that lie within about a point of each other say that they did the same.
 * @throws {DataError} when the sets have no common classes; {OptionError} for a Python without PyTorch that was asked for
 */
export async function runJob(train: Images, test: Images, options: JobOptions = {}, run: JobRun = {}): Promise<JobReport> {
  const { device: kind, threads: count = threads(), units, steps, epochs, ...sides } = parseOptions('bench', jobOptions, options)
  refuseUnknown('bench', run, ['signal', 'onProgress', 'onSide'])
  const { signal, onProgress, onSide } = run
  const work = { ...settings, units, steps, epochs }
  const labels = labelsOf(train)
  const tested = labelsOf(test)
  if (!labels || !tested || labels.classes.join() !== tested.classes.join())
    throw new DataError({
      op: 'bench',
      argument: 'job',
      actual: 'images without common classes',
      expected: 'labelled images: train and test',
    })
  const device = kind === 'cuda' ? cuda() : cpu()
  const [load = 0] = loadavg()
  return besidePeer({ ...sides, threads: count, kind, signal }, async (peer, note) => {
    onSide?.('striate')
    const ours = await ourJob(device, train, test, work, { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) })
    if (peer) onSide?.('peer')
    return {
      ...provenance(device),
      load,
      threads: count,
      work,
      images: { train: train.shape[0], test: test.shape[0], data: train.name },
      ours,
      peer: peer && { ...(await peerJob(peer, train, test, work, labels.classes.length)), versions: peer.versions },
      ...(note ? { note } : {}),
    }
  })
}

/** The peer's side, which reads the sets from files. */
async function peerJob(peer: Peer, train: Images, test: Images, work: object, classes: number): Promise<PeerJob> {
  const folder = await mkdtemp(join(tmpdir(), 'striate-job-'))
  try {
    const files = { train: await stored(train, folder, 'train'), test: await stored(test, folder, 'test') }
    return await peer.job({ work, classes, ...files })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function ourJob(
  device: Device,
  train: Images,
  test: Images,
  work: typeof settings & { units: number; steps: number; epochs: number },
  watch: { signal?: AbortSignal; onProgress?: OnProgress },
): Promise<JobReport['ours']> {
  const started: Partial<Record<JobPhase, number>> = {}
  const began = (phase: JobPhase) => {
    started[phase] ??= performance.now()
  }
  began('filters')
  const { window, units, antiHebbian, steps, filterBatch, learningRate, power, batch, readoutRate, decay, epochs } = work
  const options = { window, units, antiHebbian, steps, batch: filterBatch, learningRate }
  const { filters } = await learnFilters(train, options, { device, ...watch })
  const [, channels, height, width] = train.shape
  const weight = await hostTensor(filters)
  filters.dispose()
  began('features')
  const pool = { size: work.poolSize, stride: work.poolStride, padding: work.poolPadding }
  const config = localNet({ channels, image: [height, width], blocks: [{ window, units, power, pool }] })
  using net = new Network(config, { device, state: new Map([['blocks.0.weight', weight]]) })
  const onProgress: OnProgress = (progress) => {
    // Where features are not kept, they are computed within the readout.
    if (progress.phase !== 'features' || progress.done === progress.total) began('readout')
    watch.onProgress?.(progress)
  }
  const readout = { learningRates: [readoutRate], weightDecays: [decay], epochs, batch, validation: 0, refit: false }
  const { net: classifier } = await trainReadout(net, train, readout, { device, ...watch, onProgress })
  using trained = classifier
  began('test')
  const { score } = await classify(trained, test, watch.signal ? { signal: watch.signal } : {})
  const ends = [...jobPhases.slice(1).map((phase) => started[phase] as number), performance.now()]
  const phases = Object.fromEntries(
    jobPhases.map((phase, i) => [phase, ((ends[i] as number) - (started[phase] as number)) / 1000]),
  ) as Record<JobPhase, number>
  return { phases, testError: score.value, memory: process.resourceUsage().maxRSS * 1024 }
}

/** A set as files that NumPy reads. */
async function stored(images: Images, folder: string, name: string): Promise<{ pixels: string; labels: string }> {
  const files = { pixels: join(folder, `${name}.npy`), labels: join(folder, `${name}-labels.npy`) }
  const all = Int32Array.from({ length: images.shape[0] }, (_, i) => i)
  await writeNpy(files.pixels, { shape: [...images.shape], data: await images.rows(all) })
  const labels = labelsOf(images)?.labels as Int32Array
  await writeNpy(files.labels, { shape: [labels.length], data: labels })
  return files
}
