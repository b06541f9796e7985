// The readout: a softmax classifier trained by Adam on the frozen, pooled features; learning rate, decay, power and pool stride chosen on
// a validation split.
import { type ImageSet, splitTrainValidation, type TrainValidationSplit } from '../data/index.js'
import type { Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { checkLocalConfig, type LocalNetConfig } from '../models/local_config.js'
import { hostTensor, type LocalNet } from '../models/local_net.js'
import type { ReadoutState } from '../ops/index.js'
import { Checkpoints, pick, prefixed } from '../run/checkpoint.js'
import { type OnProgress, startPhase } from '../run/progress.js'
import { Tensor } from '../tensor.js'
import { FeatureSource } from './source.js'

export interface ReadoutOptions {
  /** Powers n of the rectified power, for all blocks, to choose from on the validation split. Default: each block's own. */
  powers?: number[] | null
  /** Side of the max pool's window in all blocks, in positions. Default: each block's own. */
  poolSize?: number | null
  /** Strides of the pool of all blocks to choose from on the validation split. Default: each block's own. */
  poolStrides?: number[] | null
  /** Learning rates to choose from. Default [0.001]. */
  learningRates?: number[]
  /** L2 decays to choose from. Default [0.0003]. */
  weightDecays?: number[]
  /** Passes over the training images at most. Default 20. */
  epochs?: number
  /** Stop a candidate when the validation error has not improved for so many epochs. Default 5. */
  patience?: number
  /** Images of a minibatch. Default 100. */
  batch?: number
  /** Share of the images kept for validation. Default 0.1. */
  validation?: number
  /**
   * Take each feature's mean off while the readout learns; its bias undoes that at the end, so that the network is the same kind of
   * classifier. Features that are never negative make a badly conditioned problem otherwise. Default true.
   */
  centreFeatures?: boolean
  /** Train the chosen candidate again on all images, validation included. Default true. */
  refit?: boolean
  /** Most bytes for cached features; beyond, they are recomputed in every epoch. Default: 75 % of the memory that is free, 60 % of a GPU's. */
  memoryLimit?: number
  /** Default 0. */
  seed?: number
}

export type ReadoutConfig = Required<Omit<ReadoutOptions, 'memoryLimit'>> & { memoryLimit: number | null }

/** The part of a readout's setting that the features depend on; null: each block's own. */
interface FeatureSetting {
  power: number | null
  poolStride: number | null
}

export interface ReadoutRun {
  out?: string
  resume?: boolean
  checkpointSeconds?: number
  signal?: AbortSignal
  onProgress?: OnProgress
  /** Told once before each stage: what it will need. */
  onPlan?: (text: string) => void
}

/** One candidate's result on the validation split. */
export interface CandidateResult {
  /** Of all blocks; null: each block's own. */
  power: number | null
  /** Of all blocks; null: each block's own. */
  poolStride: number | null
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
  net: LocalNet
  config: ReadoutConfig
  chosen: CandidateResult
  candidates: CandidateResult[]
  /** Curve of the refit on all images; null without. */
  refit: EpochResult[] | null
  /** Images of each part. */
  images: { train: number; validation: number }
}

interface Position {
  candidates: CandidateResult[]
  /** Index of the candidate in work; candidates.length of all of them is the refit. */
  candidate: number
  epoch: number
  curve: EpochResult[]
  best: number
}

const stateNames = ['w', 'b', 'mw', 'vw', 'mb', 'vb'] as const

/** Fills in defaults and refuses what cannot work, before anything runs. */
export function readoutConfig(options: ReadoutOptions = {}): ReadoutConfig {
  const config: ReadoutConfig = {
    powers: null,
    poolSize: null,
    poolStrides: null,
    learningRates: [1e-3],
    weightDecays: [3e-4],
    epochs: 20,
    patience: 5,
    batch: 100,
    validation: 0.1,
    centreFeatures: true,
    refit: true,
    memoryLimit: null,
    seed: 0,
  }
  for (const [name, value] of Object.entries(options)) {
    if (!(name in config))
      throw new OptionError({
        op: 'trainLocal',
        argument: `readout.${name}`,
        actual: 'no option of it',
        expected: `one of ${Object.keys(config).join(', ')}`,
      })
    if (value !== undefined) Object.assign(config, { [name]: value })
  }
  const refuse = (argument: string, actual: unknown, expected: string): never => {
    throw new OptionError({ op: 'trainLocal', argument, actual: String(actual), expected })
  }
  for (const name of ['poolSize', 'epochs', 'patience', 'batch'] as const)
    if (config[name] !== null && !(Number.isInteger(config[name]) && config[name] >= 1))
      refuse(name, config[name], 'a whole number of at least 1')
  const lists = {
    powers: [(x: number) => x >= 1 && x <= 200, 'numbers from 1 to 200'],
    poolStrides: [(x: number) => Number.isInteger(x) && x >= 1, 'whole numbers of at least 1'],
    learningRates: [(x: number) => x > 0 && Number.isFinite(x), 'numbers above 0'],
    weightDecays: [(x: number) => x >= 0 && Number.isFinite(x), 'numbers from 0'],
  } as const
  for (const [name, [ok, expected]] of Object.entries(lists)) {
    const list = config[name as keyof typeof lists]
    if (list === null && (name === 'powers' || name === 'poolStrides')) continue
    if (!Array.isArray(list) || list.length === 0) refuse(name, list, `a list of ${expected}`)
    for (const x of list ?? []) if (!ok(x)) refuse(name, x, expected)
  }
  if (!(config.validation >= 0 && config.validation < 1)) refuse('validation', config.validation, 'a share from 0 to under 1')
  if (settingsOf(config).length > 1 && config.validation === 0)
    refuse('validation', 0, 'a share above 0, since there are several settings to choose from')
  if (!Number.isInteger(config.seed) || config.seed < 0) refuse('seed', config.seed, 'a whole number from 0')
  return config
}

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
function configured(net: LocalNetConfig, { poolSize }: ReadoutConfig, { power, poolStride }: FeatureSetting): LocalNetConfig {
  const blocks = net.blocks.map((block) => ({
    ...block,
    power: power ?? block.power,
    pool: { ...block.pool, size: poolSize ?? block.pool.size, stride: poolStride ?? block.pool.stride },
  }))
  return { ...net, blocks }
}

/**
 * Refuses what could not be trained, before anything is learned; gives the split.
 * @throws {DataError} {OptionError}
 */
export function checkReadout(net: LocalNetConfig, set: ImageSet, config: ReadoutConfig): TrainValidationSplit {
  const { labels } = set
  if (!labels || set.classes.length < 2)
    throw new DataError({
      op: 'trainReadout',
      argument: set.name,
      actual: 'without labels',
      expected: 'labels of at least two classes',
    })
  for (const setting of settingsOf(config)) checkLocalConfig(configured(net, config, setting))
  const split = splitTrainValidation(labels, config.validation, config.seed)
  if (split.train.length < config.batch)
    throw new OptionError({
      op: 'trainReadout',
      argument: 'batch',
      actual: String(config.batch),
      expected: `at most the ${split.train.length} training images`,
    })
  return split
}

/**
 * Trains the readout of a network's frozen filters on a labelled image set. The network that it gives has filters of its own, copied from
 * `layers`, and the powers and pools of the setting that was chosen.
 * @param layers a network of any blocks; its readout, if it has one, does not matter
 * @throws {DataError} when the set has no labels or a class without images; {OptionError} before anything runs
 */
export async function trainReadout(
  layers: LocalNet,
  set: ImageSet,
  options: ReadoutOptions = {},
  run: ReadoutRun = {},
): Promise<TrainedReadout> {
  const config = readoutConfig(options)
  const base: LocalNetConfig = { ...layers.config, classes: [...set.classes] }
  const split = checkReadout(base, set, config)
  const labels = set.labels as Int32Array
  const { device } = layers
  const grid = settingsOf(config)

  const identity = { readout: config, data: set.sha256, device: device.kind, net: base }
  const checkpoints = run.out ? new Checkpoints<Position>(run.out, 'readout', identity, run.checkpointSeconds) : null
  let position: Position = { candidates: [], candidate: 0, epoch: 0, curve: [], best: 0 }
  let restored: Map<string, Safetensor> | null = null
  const saved = run.resume ? await checkpoints?.load() : null
  if (saved) {
    position = saved.position
    restored = saved.tensors
  }

  const targets = Tensor.from(labels, { device })
  const source = new FeatureSource(set, layers, device, config.memoryLimit, config.centreFeatures, run)
  const trainer: Trainer = { source, targets, config, run, checkpoints }
  let state: ReadoutState | null = null
  try {
    let best: Map<string, Safetensor> | null = restored ? pick(restored, 'best.') : null
    for (let i = position.candidate; i < grid.length; i++) {
      const candidate = grid[i] as (typeof grid)[number]
      await source.use(configured(base, config, candidate))
      if (i !== position.candidate || !restored) position = { ...position, candidate: i, epoch: 0, curve: [], best: 0 }
      state = newState(device, set.classes.length, source.features, restored ? pick(restored, 'state.') : null)
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
      state = newState(device, set.classes.length, source.features, restored ? pick(restored, 'state.') : null)
      const all = { train: Int32Array.from(labels, (_, i) => i), validation: new Int32Array() }
      const result = await fitReadout(trainer, state, chosen, all, position, 'refit', best)
      refit = result.summary.curve
      best = result.best
    }
    return {
      net: layers.copy({ config: chosenNet, device, readout: uncentred(best as Map<string, Safetensor>, device) }),
      config,
      chosen,
      candidates: position.candidates,
      refit,
      images: { train: split.train.length, validation: split.validation.length },
    }
  } finally {
    if (state) disposeState(state)
    source.dispose()
    targets.dispose()
  }
}

interface Trainer {
  source: FeatureSource
  targets: Tensor
  config: ReadoutConfig
  run: ReadoutRun
  checkpoints: Checkpoints<Position> | null
}

/**
 * Trains one setting epoch by epoch. With a validation split it keeps the weights of the best epoch and stops early; without one (the refit)
 * it runs all epochs, since the learning rate has fallen to zero only at the end, and keeps the last.
 */
async function fitReadout(
  { source, targets, config, run, checkpoints }: Trainer,
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
    const trained = await source.train(targets, state, split.train, options, epoch, batches, (done) =>
      report(epoch * perEpoch + done),
    )
    if (!Number.isFinite(trained.loss))
      throw new DataError({
        op: 'trainReadout',
        argument: 'loss',
        actual: `${trained.loss} in epoch ${epoch + 1} with learning rate ${learningRate}`,
        expected: 'a finite number (try a lower learning rate)',
      })
    const seconds = (curve.at(-1)?.seconds ?? 0) + (performance.now() - began) / 1000
    const validationError = validated ? await source.errorRate(targets, state, split.validation) : null
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
function uncentred(state: Map<string, Safetensor>, device: Device): { w: Tensor; b: Tensor } {
  const [w, b] = (['w', 'b'] as const).map((name) => state.get(name) as Safetensor) as [Safetensor, Safetensor]
  const weights = w.data as Float32Array
  const mean = state.get('mean')?.data as Float32Array | undefined
  const [, features] = w.shape as [number, number]
  const bias = Float32Array.from(b.data as Float32Array, (value, row) => {
    let shift = 0
    for (const [i, offset] of (mean ?? []).entries()) shift += (weights[row * features + i] as number) * offset
    return value - shift
  })
  return { w: Tensor.from(weights, { shape: w.shape, device }), b: Tensor.from(bias, { device }) }
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
