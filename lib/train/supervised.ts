// A network trained end to end by backpropagation: the twins and baselines of learning without labels.
import { freemem } from 'node:os'
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import { channelStatistics, type Images, labelsOf, splitTrainValidation, type TrainValidationSplit } from '../data/index.js'
import type { Device } from '../device.js'
import { OptionError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { fitComponents } from '../learn/index.js'
import { Network, type NetworkConfigInput, networkConfig } from '../models/index.js'
import { Checkpoints, pick } from '../run/checkpoint.js'
import {
  finishedRecord,
  finishFolder,
  inFolder,
  openNetwork,
  type Provenance,
  provenance,
  provenanceSchema,
  refuseOther,
} from '../run/folder.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { memoryText } from '../run/progress.js'
import { Losses } from './losses.js'
import { type SupervisedConfig, type SupervisedOptions, supervisedConfig, supervisedOptions } from './supervised_options.js'
import { epochSchema, positionSchema, type SupervisedEpoch, Trainer } from './trainer.js'

export { type SupervisedConfig, type SupervisedOptions, supervisedOptions } from './supervised_options.js'
export type { HeadScore, SupervisedEpoch } from './trainer.js'

export interface SupervisedRun extends RunOptions {
  /** Labelled images whose error is written into the curve after every epoch, and that nothing depends on: a test set, for a figure. */
  monitor?: Images
  /** Called with the network before its first step, not when a run goes on. */
  onStart?: (net: Network) => Promise<void>
}

/** What `run.json` holds. */
export interface SupervisedRecord extends Provenance {
  kind: 'supervised'
  network: Network['config']
  config: SupervisedConfig
  images: { train: number; validation: number }
  curve: SupervisedEpoch[]
  /** Epoch whose weights were kept. */
  bestEpoch: number
}

export const supervisedRecord: z.ZodType<SupervisedRecord> = provenanceSchema.extend({
  kind: z.literal('supervised'),
  network: networkConfig,
  config: supervisedOptions,
  images: z.object({ train: z.number(), validation: z.number() }),
  curve: z.array(epochSchema).min(1),
  bestEpoch: z.number().int().min(1),
})

/**
 * Trains a network end to end: each of its heads on the column of targets that it names, by softmax cross-entropy or mean squared error of the
 * standardised numbers, all heads by the weighted sum of their losses. Frozen layers stay as they are. Where the first layer standardises
 * images, it does so by the channels of these images. The same data, configuration, device and seed give the same bits, also when stopped or
 * killed at any moment and resumed, from memory or from a disk.
 * @param network its configuration, such as {@link convNet} or {@link resNet18} gives, or a network to go on from, which is copied
 * @throws {OptionError} {ShapeError} {DataError} in one sentence before anything runs; a DataError naming step and layer when the loss is
 * not finite or beyond `maxLoss`: the last good checkpoint stays
 */
export async function trainSupervised(
  images: Images,
  network: NetworkConfigInput | Network,
  options: SupervisedOptions = {},
  run: SupervisedRun = {},
): Promise<{ net: Network; record: SupervisedRecord }> {
  const op = 'trainSupervised'
  const asked = checkRun(op, run, ['monitor', 'onStart'])
  checkImages(op, images)
  const config = supervisedConfig(options)
  const { device } = asked
  const initial = await start(network, config.seed, device)
  const losses = new Losses(op, initial, images)
  const monitor = asked.monitor ? { images: asked.monitor, losses: new Losses(op, initial, asked.monitor) } : null
  const stratum = initial.heads.find(({ loss }) => loss === 'softmax')
  const strata = stratum && labelsOf(images, stratum.target)
  const split = splitTrainValidation(strata?.labels ?? images.shape[0], config.validation, config.seed)
  if (split.train.length < config.batch)
    throw new OptionError({
      op,
      argument: 'batch',
      actual: String(config.batch),
      expected: `at most the ${split.train.length} training images`,
    })
  return inFolder(op, asked, async () => {
    const identity = { network: initial.config, config, data: images.sha256 }
    const record = asked.out ? await finishedRecord(asked.out, supervisedRecord) : null
    if (!asked.out || !record)
      return train({ images, initial, fresh: !(network instanceof Network), losses, monitor, split, config, asked })
    initial.dispose()
    refuseOther(op, asked.out, identity, { network: record.network, config: record.config, data: record.data.sha256 })
    return { net: await openNetwork(asked.out, { device }), record }
  })
}

interface Plan {
  images: Images
  initial: Network
  /** Whether the network has learned nothing yet. */
  fresh: boolean
  losses: Losses
  monitor: { images: Images; losses: Losses } | null
  split: TrainValidationSplit
  config: SupervisedConfig
  asked: SupervisedRun & { device: Device }
}

async function train({
  images,
  initial,
  fresh,
  losses,
  monitor,
  split,
  config,
  asked,
}: Plan): Promise<{ net: Network; record: SupervisedRecord }> {
  const { device, out } = asked
  const identity = { network: initial.config, config, data: images.sha256 }
  const checkpoints = out
    ? new Checkpoints({ run: { ...asked, out }, stem: 'supervised', config: identity, position: positionSchema })
    : null
  const saved = asked.resume ? ((await checkpoints?.load()) ?? null) : null
  const part = (prefix: string) => {
    const found = saved && pick(saved.tensors, prefix)
    return found && found.size > 0 ? found : null
  }
  const withState = (state: ReadonlyMap<string, Safetensor>) => new Network(initial.config, { device, state })
  const state = part('net.')
  const net = state ? withState(state) : initial
  if (state) initial.dispose()
  else if (fresh) await measure(net, images, config.seed, asked)
  if (!saved) await asked.onStart?.(net)
  const memoryLimit = config.memoryLimit ?? (device.kind === 'cpu' ? freemem() : device.memory) / 4
  asked.onPlan?.(planText(net, images, split, { ...config, memoryLimit }))
  const trainer = new Trainer({
    net,
    images,
    losses,
    monitor,
    split,
    config: { ...config, memoryLimit },
    run: asked,
    checkpoints,
    moments: part('optimiser.'),
  })
  try {
    const { position, best } = await trainer.run(saved?.position ?? null, part('best.'))
    const record: SupervisedRecord = {
      kind: 'supervised',
      ...provenance(images, device),
      network: net.config,
      config,
      images: { train: split.train.length, validation: split.validation.length },
      curve: position.curve,
      bestEpoch: position.best,
    }
    const kept = best ? withState(best) : net
    if (kept !== net) net.dispose()
    if (out)
      await finishFolder(out, kept, record, [{ stage: 'training', rows: position.curve.map(({ heads: _, ...epoch }) => epoch) }])
    return { net: kept, record }
  } catch (error) {
    net.dispose()
    throw error
  } finally {
    trainer.dispose()
  }
}

/** What training takes: minibatches, and about how much memory. */
function planText(
  net: Network,
  { pixels, shape: [, ...image] }: Images,
  { train, validation }: TrainValidationSplit,
  { batch, epochs, memoryLimit }: SupervisedConfig & { memoryLimit: number },
): string {
  const count = (extent: readonly number[]) => extent.reduce((a, b) => a * b, 1)
  const weights = [...net.parameters.values()].reduce((sum, { size }) => sum + size, 0)
  const maps = net.layerNames.reduce((sum, name) => sum + count(net.extent(name)), 0)
  const resident = pixels && pixels.byteLength <= memoryLimit ? pixels.byteLength : 3 * batch * count(image)
  // Weights, gradients and two moments; every layer's output, kept for the backward pass, and gradients of two at a time.
  const bytes = resident + 4 * (4 * weights + batch * (maps + 2 * count(image)))
  return (
    `training: ${epochs} epochs of ${Math.floor(train.length / batch)} minibatches of ${batch}, ${validation.length} images for validation, ` +
    `about ${memoryText(bytes)} of memory`
  )
}

async function start(network: NetworkConfigInput | Network, seed: number, device: Device): Promise<Network> {
  if (network instanceof Network) return new Network(network.config, { device, state: await network.state() })
  return new Network(network, { seed, device })
}

/** Tells a new network what it standardises by: the images' channels, and what each wavelet block sees of them under its random mixing. */
async function measure(net: Network, images: Images, seed: number, { signal, onProgress, device }: Plan['asked']): Promise<void> {
  const [first] = net.layers
  if (first?.spec.kind === 'wavelet_block') {
    const watch = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) }
    const { net: measured } = await fitComponents(images, net.config, { components: 'random', seed }, { device, ...watch })
    using own = measured
    net.adopt(await own.state())
    return
  }
  if (first?.spec.kind !== 'standardise') return
  const { mean, std } = await channelStatistics(images, signal ? { signal } : {})
  net.setBuffers({ [`${first.name}.mean`]: Float32Array.from(mean), [`${first.name}.std`]: Float32Array.from(std) })
}
