// The readout: a softmax classifier trained by Adam on the frozen features of a network; learning rate, decay, and the power and pool stride of
// local blocks chosen on a validation split.
import type { z } from 'zod'
import { checkImages } from '../data/images.js'
import { type Images, labelsOf, splitTrainValidation, type TrainValidationSplit } from '../data/index.js'
import type { Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import { digestOf } from '../io/safetensors.js'
import {
  cutAt,
  type Extent,
  layerExtents,
  Network,
  type NetworkConfig,
  readoutInput,
  withPools,
  withReadout,
} from '../models/index.js'
import type { ReadoutState } from '../ops/index.js'
import { Checkpoints, pick, prefixed } from '../run/checkpoint.js'
import { inFolder } from '../run/folder.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { startPhase } from '../run/progress.js'
import { Tensor } from '../tensor.js'
import { type ReadoutConfig, type ReadoutOptions, readoutConfig } from './readout_options.js'
import { positionSchema } from './readout_record.js'
import { checkMemory, FeatureSource } from './source.js'

export { type ReadoutConfig, type ReadoutOptions, readoutConfig, readoutOptions } from './readout_options.js'

/** The part of a readout's setting that the features depend on; null: each block's own. */
interface FeatureSetting {
  power: number | null
  poolStride: number | null
}

/** One candidate's result on the validation split. */
export interface CandidateResult extends FeatureSetting {
  learningRate: number
  weightDecay: number
  /** Passes after which its validation error was lowest. */
  bestEpoch: number
  /** Wrong validation images there, as a share. */
  validationError: number
  curve: EpochResult[]
}

export interface EpochResult {
  epoch: number
  /** Mean loss over the epoch, nats; each image scored before its step. */
  trainLoss: number
  trainError: number
  /** null where the run has no validation split. */
  validationError: number | null
  /** Seconds of training up to here, over all processes of the run; features and validation are not counted. */
  seconds: number
}

export interface TrainedReadout {
  net: Network
  config: ReadoutConfig
  /** Name of the layer that it reads. */
  at: string
  chosen: CandidateResult
  candidates: CandidateResult[]
  /** Curve of the refit on all images; null without. */
  refit: EpochResult[] | null
  /** Images of each part. */
  images: { train: number; validation: number }
}

type Position = z.infer<typeof positionSchema>

const stateNames = ['w', 'b', 'mw', 'vw', 'mb', 'vb'] as const

/** All combinations to choose from. */
function settingsOf({ powers, poolStrides, learningRates, weightDecays }: ReadoutConfig) {
  return (powers ?? [null]).flatMap((power) =>
    (poolStrides ?? [null]).flatMap((poolStride) =>
      learningRates.flatMap((learningRate) =>
        weightDecays.map((weightDecay) => ({ power, poolStride, learningRate, weightDecay })),
      ),
    ),
  )
}

/** A network's configuration under a setting. */
function configured(net: NetworkConfig, { poolSize }: ReadoutConfig, { power, poolStride }: FeatureSetting): NetworkConfig {
  const change = {
    ...(power === null ? {} : { power }),
    ...(poolSize === null ? {} : { poolSize }),
    ...(poolStride === null ? {} : { poolStride }),
  }
  return Object.keys(change).length > 0 ? withPools(net, change) : net
}

/** What a readout of this network and these images is made of. */
interface Plan {
  /** Name of the layer that is read. */
  at: string
  /** The network up to that layer. */
  base: NetworkConfig
  labels: Int32Array
  classes: readonly string[]
  grid: (FeatureSetting & { learningRate: number; weightDecay: number })[]
  split: TrainValidationSplit
  /** With a minibatch that the images fill. */
  config: ReadoutConfig
}

/**
 * Refuses what could not be trained, before anything is learned.
 * @throws {DataError} {OptionError} {ShapeError}
 */
export function checkReadout(net: NetworkConfig, images: Images, config: ReadoutConfig, device: Device): Plan {
  const op = 'trainReadout'
  const known = labelsOf(images, config.target)
  if (!known || known.classes.length < 2)
    throw new DataError({
      op,
      argument: images.name,
      actual: known || config.target === 'class' ? 'without labels' : `without a column of classes '${config.target}'`,
      expected: 'labels of at least two classes',
    })
  const refuse = (argument: string, actual: unknown, expected: string) =>
    new OptionError({ op, argument, actual: String(actual), expected })
  const grid = settingsOf(config)
  if (grid.length > 1 && config.validation === 0)
    throw refuse('validation', 0, 'a share above 0, since there are several settings to choose from')
  const at = config.at ?? readoutInput(net)
  const base = cutAt(net, at)
  const { labels, classes } = known
  for (const setting of grid) {
    const extent = layerExtents(configured(base, config, setting)).get(at) as Extent
    checkMemory(
      extent.reduce((a, b) => a * b, 1),
      classes.length,
      config.memoryLimit,
      device,
    )
  }
  const split = splitTrainValidation(labels, config.validation, config.seed)
  const batch = Math.min(config.batch, split.train.length)
  return { at, base, labels, classes, grid, split, config: { ...config, batch } }
}

/**
 * Trains a softmax readout of a network's frozen features on labelled images. The network that it gives has tensors of its own: the
 * layers of `net` up to the one that is read, with the powers and pools of the setting that was chosen, and the readout.
 * @param net any network; what stands above the layer that is read does not matter
 * @throws {DataError} when the images have no such classes or a class without images; {OptionError} before anything runs
 */
export async function trainReadout(
  net: Network,
  images: Images,
  options: ReadoutOptions = {},
  run: RunOptions = {},
): Promise<TrainedReadout> {
  const asked = checkRun('trainReadout', { ...run, device: run.device ?? net.device })
  checkImages('trainReadout', images)
  const plan = checkReadout(net.config, images, readoutConfig(options), asked.device)
  return inFolder('trainReadout', asked, () => readOut(net, images, plan, asked))
}

/** {@link trainReadout} in a folder that is open. @internal */
export async function readOut(
  net: Network,
  images: Images,
  { at, base, labels, classes, grid, split, config }: Plan,
  asked: RunOptions & { device: Device },
): Promise<TrainedReadout> {
  const layers = await net.state()
  const { device, out } = asked
  const { train, validation } = split
  asked.onPlan?.(
    `readout: minibatches of ${config.batch} of ${train.length} training images, ${validation.length} for validation`,
  )

  const identity = { readout: config, data: images.sha256, net: base, weights: digestOf(layers, {}) }
  const checkpoints = out
    ? new Checkpoints({ run: { ...asked, out }, stem: 'readout', config: identity, position: positionSchema })
    : null
  let position: Position = { candidates: [], candidate: 0, epoch: 0, curve: [], best: 0 }
  let restored: Map<string, Safetensor> | null = null
  const saved = asked.resume ? await checkpoints?.load() : null
  if (saved) {
    position = saved.position
    restored = saved.tensors
  }

  const { memoryLimit, centreFeatures: centre, batch } = config
  const settings = { at, memoryLimit, centre, batch, classes: classes.length }
  const source = new FeatureSource(images, labels, layers, device, settings, asked)
  const trainer: Trainer = { source, config, run: asked, checkpoints }
  let state: ReadoutState | null = null
  try {
    let best: Map<string, Safetensor> | null = restored ? pick(restored, 'best.') : null
    for (let i = position.candidate; i < grid.length; i++) {
      const candidate = grid[i] as (typeof grid)[number]
      await source.use(configured(base, config, candidate))
      if (i !== position.candidate || !restored) position = { ...position, candidate: i, epoch: 0, curve: [], best: 0 }
      state = newState(device, classes.length, source.features, restored ? pick(restored, 'state.') : null)
      restored = null
      const result = await fitReadout(trainer, state, candidate, split, position, `search ${i + 1}/${grid.length}`, best)
      position = { ...position, candidates: [...position.candidates, { ...candidate, ...result.summary }] }
      const leader = lowest(position.candidates)
      if (leader === position.candidates.at(-1)) best = result.best
      disposeState(state)
      state = null
      position = { ...position, candidate: i + 1, epoch: 0, curve: [], best: 0 }
      await checkpoints?.save(position, prefixed('best.', withoutKept(best)))
    }
    const chosen = lowest(position.candidates) as CandidateResult
    const chosenNet = configured(base, config, chosen)
    let refit: EpochResult[] | null = null
    if (config.refit && config.validation > 0) {
      await source.use(chosenNet)
      state = newState(device, classes.length, source.features, restored ? pick(restored, 'state.') : null)
      const all = { train: Int32Array.from(labels, (_, i) => i), validation: new Int32Array() }
      const result = await fitReadout(trainer, state, chosen, all, position, 'refit', best)
      refit = result.summary.curve
      best = result.best
    }
    const whole = new Map([...layers, ...uncentred(best as Map<string, Safetensor>)])
    return {
      net: new Network(withReadout(chosenNet, classes), { device, state: whole }),
      config,
      at,
      chosen,
      candidates: position.candidates,
      refit,
      images: { train: split.train.length, validation: split.validation.length },
    }
  } finally {
    if (state) disposeState(state)
    source.dispose()
  }
}

interface Trainer {
  source: FeatureSource
  config: ReadoutConfig
  run: RunOptions
  checkpoints: Checkpoints<typeof positionSchema> | null
}

/**
 * Trains one setting epoch by epoch. With a validation split it keeps the weights of the best epoch and stops early; without one (the refit)
 * it runs all epochs, since the learning rate has fallen to zero only at the end, and keeps the last.
 */
async function fitReadout(
  { source, config, run, checkpoints }: Trainer,
  state: ReadoutState,
  setting: { learningRate: number; weightDecay: number },
  split: { train: Int32Array; validation: Int32Array },
  position: Position,
  phase: string,
  leader: Map<string, Safetensor> | null,
): Promise<{ summary: Pick<CandidateResult, 'bestEpoch' | 'validationError' | 'curve'>; best: Map<string, Safetensor> }> {
  const batches = Math.floor(split.train.length / config.batch)
  const totalSteps = batches * config.epochs
  const validated = split.validation.length > 0
  const perEpoch = batches * config.batch
  const report = startPhase(phase, 'images', config.epochs * perEpoch, position.epoch * perEpoch, run.onProgress)
  let curve = position.curve
  let kept: Map<string, Safetensor> | null = position.epoch > 0 && leader?.has('kept.w') ? pick(leader, 'kept.') : null
  let best = position.best
  // Asked before an epoch, not after it: a run that is resumed right where it had run out of patience must stop there too.
  const patient = (epoch: number) => !validated || epoch - best < config.patience
  for (let epoch = position.epoch; epoch < config.epochs && patient(epoch); epoch++) {
    run.signal?.throwIfAborted()
    const { learningRate, weightDecay } = setting
    const options = { learningRate, weightDecay, batch: config.batch, totalSteps, seed: config.seed }
    const began = performance.now()
    const trained = await source.train(state, split.train, options, epoch, batches, (done) => report(epoch * perEpoch + done))
    if (!Number.isFinite(trained.loss))
      throw new DataError({
        op: 'trainReadout',
        argument: 'loss',
        actual: `${trained.loss} in epoch ${epoch + 1} with learning rate ${learningRate}`,
        expected: 'a finite number (try a lower learning rate)',
      })
    const seconds = (curve.at(-1)?.seconds ?? 0) + (performance.now() - began) / 1000
    const validationError = validated ? await source.errorRate(state, split.validation) : null
    const trainError = trained.errors / perEpoch
    curve = [...curve, { epoch: epoch + 1, trainLoss: trained.loss, trainError, validationError, seconds }]
    const lowestSoFar = curve.reduce((a, b) => ((b.validationError ?? 0) < (a.validationError ?? 0) ? b : a))
    const improved = !validated || lowestSoFar.epoch === epoch + 1
    if (improved) {
      best = epoch + 1
      kept = await hostState(state)
      if (source.mean) kept.set('mean', await hostTensor(source.mean))
    }
    report((epoch + 1) * perEpoch, { loss: trained.loss, ...(validationError === null ? {} : { validationError }) })
    if (checkpoints?.due() || run.signal?.aborted) {
      // An epoch that is cut short is repeated from its beginning.
      const now = { ...position, epoch: epoch + 1, curve, best }
      const tensors = {
        ...prefixed('state.', await hostState(state)),
        ...prefixed('best.kept.', kept),
        ...prefixed('best.', withoutKept(leader)),
      }
      await checkpoints?.save(now, tensors)
    }
  }
  const at = curve[best - 1] as EpochResult
  return {
    summary: { bestEpoch: best, validationError: at.validationError ?? Number.NaN, curve },
    best: kept as Map<string, Safetensor>,
  }
}

/** A readout of features as they are, from one of features less their mean: b - w mean is its bias. */
function uncentred(state: Map<string, Safetensor>): Map<string, Safetensor> {
  const [w, b] = (['w', 'b'] as const).map((name) => state.get(name) as Safetensor) as [Safetensor, Safetensor]
  const weights = w.data as Float32Array
  const mean = state.get('mean')?.data as Float32Array | undefined
  const [, features] = w.shape as [number, number]
  const data = Float32Array.from(b.data as Float32Array, (value, row) => {
    let shift = 0
    for (const [i, offset] of (mean ?? []).entries()) shift += (weights[row * features + i] as number) * offset
    return value - shift
  })
  return new Map([
    ['readout.weight', w],
    ['readout.bias', { ...b, data }],
  ])
}

function newState(device: Device, classes: number, features: number, from: Map<string, Safetensor> | null): ReadoutState {
  const shape = (name: (typeof stateNames)[number]) => (name.endsWith('w') ? [classes, features] : [classes])
  const tensor = (name: (typeof stateNames)[number]): Tensor => {
    const saved = from?.get(name)
    return saved ? Tensor.from(saved.data as Float32Array, { shape: shape(name), device }) : Tensor.zeros(shape(name), { device })
  }
  return { w: tensor('w'), b: tensor('b'), mw: tensor('mw'), vw: tensor('vw'), mb: tensor('mb'), vb: tensor('vb') }
}

async function hostState(state: ReadoutState): Promise<Map<string, Safetensor>> {
  return new Map(await Promise.all(stateNames.map(async (name) => [name, await hostTensor(state[name])] as const)))
}

function disposeState(state: ReadoutState): void {
  for (const name of stateNames) state[name].dispose()
}

const lowest = (list: CandidateResult[]): CandidateResult | undefined =>
  list.reduce<CandidateResult | undefined>((a, b) => (a && !(b.validationError < a.validationError) ? a : b), undefined)

function withoutKept(tensors: Map<string, Safetensor> | null): Map<string, Safetensor> | null {
  return tensors && new Map([...tensors].filter(([name]) => !name.startsWith('kept.')))
}
