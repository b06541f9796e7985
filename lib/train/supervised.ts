// A network trained end to end by backpropagation: the twins and baselines of learning without labels.
import { freemem } from 'node:os'
import { checkImages } from '../data/images.js'
import { channelStatistics, type Images, labelsOf, splitTrainValidation } from '../data/index.js'
import type { Device } from '../device.js'
import { OptionError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { Network, type NetworkConfigInput } from '../models/index.js'
import { Checkpoints, pick } from '../run/checkpoint.js'
import { finishFolder, openFolder, type Provenance, provenance } from '../run/folder.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { Losses } from './losses.js'
import { type SupervisedConfig, type SupervisedOptions, supervisedConfig } from './supervised_options.js'
import { type SupervisedEpoch, Trainer, type TrainerPosition } from './trainer.js'

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
  if (asked.out) await openFolder(op, asked.out, asked.resume ?? false)
  await asked.onFolder?.()
  const identity = { network: initial.config, config, data: images.sha256, device: device.kind }
  const checkpoints = asked.out
    ? new Checkpoints<TrainerPosition>(asked.out, 'supervised', identity, asked.checkpointSeconds)
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
  else if (!(network instanceof Network)) await standardiseBy(net, images, asked.signal)
  if (!saved) await asked.onStart?.(net)
  const memoryLimit = config.memoryLimit ?? (device.kind === 'cpu' ? freemem() : device.memory) / 4
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
    if (asked.out) await finishFolder(asked.out, kept, record)
    return { net: kept, record }
  } catch (error) {
    net.dispose()
    throw error
  } finally {
    trainer.dispose()
  }
}

async function start(network: NetworkConfigInput | Network, seed: number, device: Device): Promise<Network> {
  if (network instanceof Network) return new Network(network.config, { device, state: await network.state() })
  return new Network(network, { seed, device })
}

/** Tells a first layer that standardises images their channels' means and deviations. */
async function standardiseBy(net: Network, images: Images, signal?: AbortSignal): Promise<void> {
  const [first] = net.layers
  if (first?.spec.kind !== 'standardise') return
  const { mean, std } = await channelStatistics(images, signal ? { signal } : {})
  net.setBuffers({ [`${first.name}.mean`]: Float32Array.from(mean), [`${first.name}.std`]: Float32Array.from(std) })
}
