// A network trained end to end by backpropagation: the twins and baselines of learning without labels.
import { freemem } from 'node:os'
import { z } from 'zod'
import { checkImages } from '../data/images.js'
import {
  channelStatistics,
  type Images,
  labelsOf,
  splitGroups,
  splitTrainValidation,
  type TrainValidationSplit,
} from '../data/index.js'
import { type Device, instructionSet } from '../device.js'
import { OptionError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { fitComponents } from '../learn/index.js'
import { Network, type NetworkConfigInput, networkConfig } from '../models/index.js'
import { Checkpoints, pick } from '../run/checkpoint.js'
import { finishedTogether, finishFolder, inFolder, type Provenance, provenance, provenanceSchema } from '../run/folder.js'
import { agree, fromFirst, type Group, watchedGroup } from '../run/group.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { duration, memoryText, trialSeconds } from '../run/progress.js'
import { sumsText, type TensorSums, tensorSums } from '../run/tensor_sums.js'
import { Tensor } from '../tensor.js'
import { Losses } from './losses.js'
import { type SupervisedConfig, type SupervisedOptions, supervisedConfig, supervisedOptions } from './supervised_options.js'
import { withStatistics } from './target_heads.js'
import { epochSchema, type OnEpoch, positionSchema, type Scores, type SupervisedEpoch, scoresSchema, Trainer } from './trainer.js'

export { type SupervisedConfig, type SupervisedOptions, supervisedOptions } from './supervised_options.js'
export type { HeadScore, OnEpoch, Scores, SupervisedEpoch } from './trainer.js'

export interface SupervisedRun extends RunOptions {
  /** Labelled images whose error is written into the curve after every epoch, and that nothing depends on: a test set, for a figure. */
  monitor?: Images
  /**
   * Called with the network as it is after each epoch's evaluation, and before the first step of a new run as epoch 0. The numbers that it gives are
   * kept in the record beside the epoch's own; of an epoch that a checkpoint holds they are not asked for again, and its time is not the training's.
   */
  onEpoch?: OnEpoch
}

const op = 'trainSupervised'

/** What `run.json` holds. */
export interface SupervisedRecord extends Provenance {
  kind: 'supervised'
  network: Network['config']
  config: SupervisedConfig
  images: { train: number; validation: number }
  curve: SupervisedEpoch[]
  /** What `onEpoch` gave before the first step; empty where it gave nothing. */
  startScores: Scores
  /** Epoch whose weights were kept. */
  bestEpoch: number
  /** That shared the minibatches. */
  processes: number
  /** What added up their gradients, and why that was not NCCL where it was among GPUs; null of one alone. */
  sums: string | null
}

export const supervisedRecord: z.ZodType<SupervisedRecord> = provenanceSchema.extend({
  kind: z.literal('supervised'),
  network: networkConfig,
  config: supervisedOptions,
  images: z.object({ train: z.number(), validation: z.number() }),
  curve: z.array(epochSchema).min(1),
  startScores: scoresSchema,
  bestEpoch: z.number().int().min(1),
  processes: z.number().int().min(1),
  sums: z.string().nullable(),
})

/**
 * Trains a network end to end: each of its heads on the column of targets that it names, by softmax cross-entropy or mean squared error of the
 * standardised numbers, all heads by the weighted sum of their losses. Frozen layers stay as they are. Where the first layer standardises
 * images, it does so by the channels of these images. The same data, configuration, device and seed give the same bits, also when stopped or
 * killed at any moment and resumed, from memory or from a disk. Started by `mpirun -n P`, P processes share every minibatch and learn what one
 * learns within rounding; only batch normalisation is by each process's own part, and its running statistics are those of the first process.
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
  const asked = checkRun(op, run, ['monitor', 'onEpoch'])
  checkImages(op, images)
  const config = supervisedConfig(options)
  const { device } = asked
  const group = watchedGroup(asked.signal)
  const initial = await start(network, images, config, device)
  const losses = new Losses(op, initial, images)
  const monitor = asked.monitor ? { images: asked.monitor, losses: new Losses(op, initial, asked.monitor) } : null
  const split = splitOf(images, initial, config)
  const refuseBatch = (expected: string) => new OptionError({ op, argument: 'batch', actual: String(config.batch), expected })
  if (split.train.length < config.batch) throw refuseBatch(`at most the ${split.train.length} training images`)
  if (config.batch % group.size > 0) throw refuseBatch(`a multiple of ${group.size}, for as many processes`)
  const identity = { network: initial.config, config, data: images.sha256 }
  if (group.size > 1) {
    await agree(group, op, 'images', JSON.stringify([images.sha256, asked.monitor?.sha256]))
    await agree(group, op, 'options', JSON.stringify([identity, asked.resume]))
    await agree(group, op, 'device', JSON.stringify([device.kind, instructionSet]))
  }
  const begin = async () => {
    const found = await finishedTogether(group, op, asked, supervisedRecord, identity, ({ network, config, data }) => ({
      network,
      config,
      data: data.sha256,
    }))
    if (!found)
      return train({ images, initial, fresh: !(network instanceof Network), losses, monitor, split, config, asked, group })
    initial.dispose()
    return found
  }
  return group.rank > 0 ? begin() : inFolder(op, asked, begin)
}

/** The images that are learned from and those that are kept. */
function splitOf(images: Images, { heads }: Network, { validation, validationBy, seed }: SupervisedConfig): TrainValidationSplit {
  const stratum = heads.find(({ loss }) => loss === 'softmax')
  const labels = (stratum && labelsOf(images, stratum.target))?.labels
  if (validationBy === 'image') return splitTrainValidation(labels ?? images.shape[0], validation, seed)
  const groups = images.targets[validationBy]
  const isLearned = heads.some(({ target }) => target === validationBy)
  if (groups?.kind !== 'class' || isLearned) {
    const others = Object.entries(images.targets).filter(
      ([name, { kind }]) => kind === 'class' && !heads.some(({ target }) => target === name),
    )
    throw new OptionError({
      op,
      argument: 'validationBy',
      actual: `'${validationBy}'${isLearned ? ', which is learned' : ''}`,
      expected: ['image', ...others.map(([name]) => name)].join(' or '),
    })
  }
  const split = splitGroups(groups.values, labels ?? null, validation, seed)
  if (validation > 0 && split.validation.length === 0)
    throw new OptionError({
      op,
      argument: 'validation',
      actual: `${validation} of ${new Set(groups.values).size} classes of ${validationBy}, which is none of them`,
      expected: 'a share that is at least one of them',
    })
  return split
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
  group: Group
}

async function train(plan: Plan): Promise<{ net: Network; record: SupervisedRecord }> {
  const { images, initial, fresh, losses, monitor, split, config, asked, group } = plan
  const { device, out } = asked
  const identity = { network: initial.config, config, data: images.sha256 }
  const checkpoints =
    out && group.rank === 0
      ? new Checkpoints({ run: { ...asked, out }, stem: 'supervised', config: identity, position: positionSchema })
      : null
  const sums = group.size > 1 ? await tensorSums(group, device, asked.signal) : null
  const { from, tensors } = await restore(asked.resume ? checkpoints : null, plan, sums)
  const part = (prefix: string) => {
    const found = pick(tensors, prefix)
    return found.size > 0 ? found : null
  }
  const withState = (state: ReadonlyMap<string, Safetensor>) =>
    new Network(initial.config, { device, state, precision: config.precision })
  const state = part('net.')
  const net = state ? withState(state) : initial
  if (state) initial.dispose()
  else {
    if (fresh) await measure(net, images, config.seed, asked)
    if (group.size > 1) net.adopt((await fromFirst(group, { text: '', tensors: await net.state() })).tensors)
  }
  const memoryLimit = config.memoryLimit ?? (device.kind === 'cpu' ? freemem() : device.memory) / 4 / group.size
  if (asked.onPlan) asked.onPlan(await planText(net, images, split, { ...config, memoryLimit }, group.size, sums))
  const trainer = new Trainer({
    net,
    images,
    losses,
    monitor,
    split,
    config: { ...config, memoryLimit },
    run: asked,
    checkpoints,
    group,
    sums,
    moments: part('optimiser.'),
  })
  try {
    const { position, best } = await trainer.run(from, part('best.'))
    const record: SupervisedRecord = {
      kind: 'supervised',
      ...provenance(images, device),
      network: net.config,
      config,
      images: { train: split.train.length, validation: split.validation.length },
      curve: position.curve,
      startScores: position.startScores,
      bestEpoch: position.best,
      processes: group.size,
      sums: sums && sumsText(sums),
    }
    const kept = best ? withState(best) : net
    if (kept !== net) net.dispose()
    if (out && group.rank === 0) await finishFolder(out, kept, record, [{ stage: 'training', rows: curveRows(record) }])
    return { net: kept, record }
  } catch (error) {
    net.dispose()
    throw error
  } finally {
    trainer.dispose()
  }
}

/** What the first process's checkpoint holds, in every process. */
async function restore(
  checkpoints: Checkpoints<typeof positionSchema> | null,
  { asked, group }: Plan,
  sums: TensorSums | null,
): Promise<{ from: z.output<typeof positionSchema> | null; tensors: ReadonlyMap<string, Safetensor> }> {
  const saved = await checkpoints?.load()
  const library = sums?.library ?? ''
  const began = saved?.position ?? { processes: group.size, sums: library }
  const refuse = (argument: string, is: number | string, was: number | string, expected: string) => {
    if (is === was || asked.allowOtherBits) return
    const actual = `${is}, whose results differ in their last bits from those of ${was}`
    throw new OptionError({ op: 'resume', argument, actual, expected: `${expected}, or allowOtherBits` })
  }
  refuse('processes', group.size, began.processes, 'as many as began the run')
  refuse('what adds up their gradients', library, began.sums, 'what did when the run began')
  const { text, tensors } = await fromFirst(group, {
    text: JSON.stringify(saved?.position ?? null),
    tensors: saved?.tensors ?? new Map(),
  })
  return { from: positionSchema.nullable().parse(JSON.parse(text)), tensors }
}

/** An epoch's numbers a row, its scores by their names after `scores.`; of the start, where there are any, only those. */
function curveRows({ curve, startScores }: SupervisedRecord): object[] {
  const scored = (scores: Scores = {}) =>
    Object.fromEntries(Object.entries(scores).map(([name, value]) => [`scores.${name}`, value]))
  const rows = curve.map(({ heads: _, scores, ...epoch }) => ({ ...epoch, ...scored(scores) }))
  return Object.keys(startScores).length > 0 ? [{ epoch: 0, ...scored(startScores) }, ...rows] : rows
}

/** What training takes: minibatches, and about how much memory and time. */
async function planText(
  net: Network,
  { pixels, shape: [, ...image] }: Images,
  { train, validation }: TrainValidationSplit,
  { batch, epochs, memoryLimit, augment }: SupervisedConfig & { memoryLimit: number },
  size: number,
  sums: TensorSums | null,
): Promise<string> {
  const own = batch / size
  const count = (extent: readonly number[]) => extent.reduce((a, b) => a * b, 1)
  const weights = [...net.parameters.values()].reduce((sum, { size }) => sum + size, 0)
  const maps = net.layerNames.reduce((sum, name) => sum + count(net.extent(name)), 0)
  const stay = pixels && augment.resizedCrop === null && pixels.byteLength <= memoryLimit
  const resident = stay ? pixels.byteLength : 3 * own * count(image)
  // Weights, gradients and two moments; every layer's output, kept for the backward pass, and gradients of two at a time.
  const bytes = resident + 4 * (4 * weights + own * (maps + 2 * count(image)))
  const steps = Math.floor(train.length / batch)
  // The backward pass takes about twice as long as the forward one.
  const trial = Math.min(8, own)
  using some = Tensor.zeros([trial, ...image], { dtype: 'u8', device: net.device })
  const forward = await trialSeconds(net.device, async () => (await net.infer(some)).dispose())
  const seconds = (forward / trial) * (3 * own * steps + validation.length / size) * epochs
  return (
    `training: ${epochs} epochs of ${steps} minibatches of ${batch}, ${validation.length} images for validation, ` +
    `about ${memoryText(bytes)} of memory${size > 1 ? ` in each of ${size} processes` : ''} and ${duration(seconds)}` +
    (sums ? `; gradients are added up by ${sumsText(sums)}` : '')
  )
}

async function start(
  network: NetworkConfigInput | Network,
  images: Images,
  { seed, precision }: SupervisedConfig,
  device: Device,
): Promise<Network> {
  const begun = network instanceof Network
  const config = withStatistics(begun ? network.config : network, images)
  return new Network(config, { device, precision, ...(begun ? { state: await network.state() } : { seed }) })
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
