// A network trained end to end by backpropagation: the twins and baselines of local learning.
import { freemem } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type ImageSet, splitTrainValidation } from '../data/index.js'
import { cpu, type Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { type Safetensor, writeAtomic } from '../io/index.js'
import type { NetworkConfigInput } from '../models/index.js'
import { Network } from '../models/network.js'
import { mse, mseGrad, reduce, softmaxCrossEntropy, softmaxCrossEntropyGrad } from '../ops/index.js'
import { Batches } from '../run/batches.js'
import { Checkpoints, pick, prefixed } from '../run/checkpoint.js'
import { openFolder, type Provenance, provenance } from '../run/folder.js'
import { type OnProgress, startPhase } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'
import { Optimiser, optimiserOptions, scheduledRate, scheduleOptions } from './optimiser.js'

const whole = (from: number) => z.number().int().min(from)

const trainOptions = z.strictObject({
  /** Passes over the training images at most. */
  epochs: whole(1).default(20),
  /** Images of a minibatch; an epoch's last, partial one is left out. */
  batch: whole(1).default(100),
  optimiser: optimiserOptions.default({
    kind: 'adam',
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
  }),
  schedule: scheduleOptions.default({ kind: 'cosine', final: 0, warmupEpochs: 0, milestones: [], factor: 0.1 }),
  /** Share of the images kept for validation, stratified by class. */
  validation: z.number().min(0).max(0.99).default(0.1),
  /** Stop when the validation error (or loss, without classes) has not improved for so many epochs. */
  patience: whole(1).default(1_000_000),
  /** Which weights the run ends with: those of the best validation epoch, or the last. Without validation: the last. */
  keep: z.enum(['best', 'last']).default('best'),
  augment: z.strictObject({ crop: whole(0).default(0), flip: z.boolean().default(false) }).default({ crop: 0, flip: false }),
  /** Initial weights: see {@link NetworkOptions}. */
  init: z.enum(['fan-in', 'he']).default('fan-in'),
  /** A loss above this stops the run as diverged. */
  maxLoss: z.number().positive().default(1e6),
  /** Of initial weights, split, order and augmentation. */
  seed: whole(0).default(0),
})

export type SupervisedOptions = z.input<typeof trainOptions>
export type SupervisedConfig = z.output<typeof trainOptions>

export interface SupervisedRun {
  device?: Device
  /** Labelled images whose error is written into the curve after every epoch, and that nothing depends on: a test set, for a figure. Not with `targets`. */
  monitor?: ImageSet
  /** f32 [N,T] row-major: train on the mean squared error to these instead of the labels. */
  targets?: Float32Array
  /** Folder of the run: `model.safetensors`, `run.json` and a checkpoint. Default: nothing is written. */
  out?: string
  /** Go on with the run in `out`. Default false: a folder that holds a run is refused. */
  resume?: boolean
  /** Seconds between checkpoints. Default 20. */
  checkpointSeconds?: number
  /** Bytes of pixels up to which the images stay on the device. Default: a quarter of its memory. */
  memoryLimit?: number
  /** Stops cleanly after a checkpoint; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  onProgress?: OnProgress
  /** Called with the network before its first step, not when a run goes on. */
  onStart?: (net: Network) => Promise<void>
  /** Called once `out` is made and known to be usable, before any work. */
  onFolder?: () => Promise<void>
}

export interface SupervisedEpoch {
  epoch: number
  /** Mean over the epoch's minibatches, each before its update. */
  trainLoss: number
  /** Share of wrong images, likewise; null without classes. */
  trainError: number | null
  validationLoss: number | null
  validationError: number | null
  /** Share of wrong images of `monitor`. */
  monitorError: number | null
  /** Seconds of training since the run began, over all its processes. */
  seconds: number
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

interface Position {
  step: number
  lossSum: number
  wrong: number
  curve: SupervisedEpoch[]
  best: number
  seconds: number
}

/**
 * Trains a network on labelled images (softmax cross-entropy) or on `targets` (mean squared error).
 * The same data, configuration, device and seed give the same bits, also when stopped or killed at any moment and resumed.
 * @param network its configuration, such as {@link convNet} or {@link resNet18} gives
 * @throws {OptionError} {ShapeError} {DataError} in one sentence before anything runs; a DataError naming step and layer when the loss is
 * not finite or beyond `maxLoss`: the last good checkpoint stays
 */
export async function trainSupervised(
  set: ImageSet,
  network: NetworkConfigInput,
  options: SupervisedOptions = {},
  run: SupervisedRun = {},
): Promise<{ net: Network; record: SupervisedRecord }> {
  const config = parseOptions(options)
  const device = run.device ?? cpu()
  const initial = new Network(network, { seed: config.seed, device, init: config.init })
  const targets = checkTargets(initial, set, run)
  const split = splitTrainValidation(set.labels ?? set.shape[0], config.validation, config.seed)
  const perEpoch = Math.floor(split.train.length / config.batch)
  if (perEpoch < 1)
    throw new OptionError({
      op: 'trainSupervised',
      argument: 'batch',
      actual: String(config.batch),
      expected: `at most the ${split.train.length} training images`,
    })
  if (run.out) await openFolder('trainSupervised', run.out, run.resume ?? false)
  await run.onFolder?.()
  const identity = { network: initial.config, config, data: set.sha256, device: device.kind }
  const checkpoints = run.out ? new Checkpoints<Position>(run.out, 'supervised', identity, run.checkpointSeconds) : null
  const saved = run.resume ? ((await checkpoints?.load()) ?? null) : null
  const part = (prefix: string) => {
    const found = saved && pick(saved.tensors, prefix)
    return found && found.size > 0 ? found : null
  }
  const state = part('net.')
  if (state) initial.dispose()
  const net = state ? new Network(network, { device, state }) : initial
  if (!saved) await run.onStart?.(net)
  const trainer = new Trainer(set, net, targets, split, config, perEpoch, device, run, checkpoints, part('optimiser.'))
  try {
    const result = await trainer.run(saved?.position ?? null, part('best.'))
    const record: SupervisedRecord = {
      kind: 'supervised',
      ...provenance(set, device),
      network: net.config,
      config,
      images: { train: split.train.length, validation: split.validation.length },
      curve: result.position.curve,
      bestEpoch: result.position.best,
    }
    const kept = result.best ? new Network(network, { device, state: result.best }) : net
    if (kept !== net) net.dispose()
    if (run.out) {
      await kept.save(join(run.out, 'model.safetensors'))
      await writeAtomic(join(run.out, 'run.json'), `${JSON.stringify(record, null, 1)}\n`)
    }
    return { net: kept, record }
  } catch (error) {
    net.dispose()
    throw error
  } finally {
    trainer.dispose()
  }
}

class Trainer {
  private readonly batches: Batches
  private readonly monitor: { batches: Batches; set: ImageSet; all: Int32Array } | null
  private readonly optimiser: Optimiser
  private readonly totalSteps: number

  constructor(
    private readonly set: ImageSet,
    private readonly net: Network,
    private readonly targets: Float32Array | null,
    private readonly split: { train: Int32Array; validation: Int32Array },
    private readonly config: SupervisedConfig,
    private readonly perEpoch: number,
    private readonly device: Device,
    private readonly options: SupervisedRun,
    private readonly checkpoints: Checkpoints<Position> | null,
    moments: Map<string, Safetensor> | null,
  ) {
    const limit = options.memoryLimit ?? (device.kind === 'cpu' ? freemem() : device.memory) / 4
    this.batches = new Batches(set, device, config.seed, config.augment, limit)
    const still = { crop: 0, flip: false }
    this.monitor = options.monitor
      ? {
          batches: new Batches(options.monitor, device, 0, still, limit),
          set: options.monitor,
          all: Int32Array.from({ length: options.monitor.shape[0] }, (_, i) => i),
        }
      : null
    this.optimiser = new Optimiser(config.optimiser, net.parameters, device, moments)
    this.totalSteps = config.epochs * perEpoch
  }

  async run(
    from: Position | null,
    best: Map<string, Safetensor> | null,
  ): Promise<{ position: Position; best: Map<string, Safetensor> | null }> {
    const { config, perEpoch, totalSteps, options } = this
    let position: Position = from ?? { step: 0, lossSum: 0, wrong: 0, curve: [], best: 0, seconds: 0 }
    const unit = perEpoch * config.batch
    const report = startPhase('training', 'images', totalSteps * config.batch, position.step * config.batch, options.onProgress)
    const validated = this.split.validation.length > 0
    const patient = () => !validated || position.curve.length - position.best < config.patience
    let clock = performance.now()
    const lap = () => {
      const now = performance.now()
      position = { ...position, seconds: position.seconds + (now - clock) / 1000 }
      clock = now
    }
    // An epoch's steps are done but not its evaluation: a place of its own to stop at and to go on from.
    const ended = () => position.step === (position.curve.length + 1) * perEpoch
    while (ended() || (position.step < totalSteps && patient())) {
      if (options.signal?.aborted) {
        await this.save(position, best)
        options.signal.throwIfAborted()
      }
      if (!ended()) {
        const { loss, wrong } = await this.step(position.step)
        position = { ...position, step: position.step + 1, lossSum: position.lossSum + loss, wrong: position.wrong + wrong }
        if (ended()) {
          await this.device.sync()
          lap()
        } else report(position.step * config.batch, { loss })
      } else {
        const epoch = position.curve.length + 1
        const bad = await this.badParameter()
        if (bad)
          throw new DataError({
            op: 'trainSupervised',
            argument: 'weights',
            actual: `not finite in ${bad} after epoch ${epoch}`,
            expected: `finite numbers (try a lower learning rate)${this.checkpoints ? '; the last good checkpoint is kept' : ''}`,
          })
        const { validation, monitorError } = await this.evaluateEpoch().catch(async (error) => {
          if (options.signal?.aborted) await this.save(position, best)
          throw error
        })
        const entry: SupervisedEpoch = {
          epoch,
          trainLoss: position.lossSum / perEpoch,
          trainError: this.targets ? null : position.wrong / unit,
          validationLoss: validation?.loss ?? null,
          validationError: validation?.error ?? null,
          monitorError,
          seconds: position.seconds,
        }
        position = { ...position, lossSum: 0, wrong: 0, curve: [...position.curve, entry] }
        const measure = (e: SupervisedEpoch) => e.validationError ?? e.validationLoss ?? 0
        const lowest = position.curve.reduce((a, b) => (measure(b) < measure(a) ? b : a))
        if (!validated || config.keep === 'last') position.best = epoch
        else if (lowest.epoch === epoch) {
          position.best = epoch
          best = await this.net.state()
        }
        report(position.step * config.batch, {
          loss: entry.trainLoss,
          ...(validation?.error == null ? {} : { validationError: validation.error }),
        })
        clock = performance.now()
      }
      if (this.checkpoints?.due()) {
        lap()
        await this.save(position, best)
      }
    }
    await this.save(position, best)
    return { position, best }
  }

  /** One minibatch. The update is queued only once the loss is known to be good. */
  private async step(step: number): Promise<{ loss: number; wrong: number }> {
    const { config, perEpoch, net } = this
    const epoch = Math.floor(step / perEpoch)
    const rows = this.batches.order(this.split.train, epoch, step % perEpoch, config.batch)
    const { scored, gradients } = scope(() => {
      const { y, saved } = net.forward(this.batches.images(rows, epoch), { training: true })
      const { loss, errors, gradient } = this.lossOf(y, rows)
      // Asked for before the backward pass is queued: the answer comes while the device is busy with that.
      const scored = Promise.all([loss.read(), errors?.read()])
      return { scored, gradients: Object.fromEntries(net.backward(saved, gradient)) }
    })
    try {
      const [loss, errors] = await scored
      const value = loss.data[0] ?? Number.NaN
      if (!(value <= config.maxLoss)) await this.explain(step, rows, epoch, value)
      const rate = scheduledRate(config.schedule, config.optimiser.learningRate, step, this.totalSteps, perEpoch)
      this.optimiser.step(new Map(Object.entries(gradients)), rate, step + 1)
      return { loss: value, wrong: errors?.data[0] ?? 0 }
    } finally {
      for (const tensor of Object.values(gradients)) tensor.dispose()
    }
  }

  private lossOf(y: Tensor, rows: Int32Array, set = this.set): { loss: Tensor; errors: Tensor | null; gradient: Tensor } {
    if (this.targets) {
      const width = this.net.output.reduce((a, b) => a * b, 1)
      const values = new Float32Array(rows.length * width)
      rows.forEach((row, i) => {
        values.set((this.targets as Float32Array).subarray(row * width, (row + 1) * width), i * width)
      })
      const wanted = Tensor.from(values, { shape: y.shape, device: this.device })
      return { loss: mse(y, wanted), errors: null, gradient: mseGrad(y, wanted) }
    }
    const labels = Int32Array.from(rows, (row) => (set.labels as Int32Array)[row] as number)
    const wanted = Tensor.from(labels, { device: this.device })
    return { ...softmaxCrossEntropy(y, wanted), gradient: softmaxCrossEntropyGrad(y, wanted) }
  }

  private async evaluateEpoch() {
    const validation = this.split.validation.length > 0 ? await this.evaluate(this.split.validation) : null
    return { validation, monitorError: this.monitor && (await this.evaluate(this.monitor.all, this.monitor)).error }
  }

  /** Loss and error on some images, with running statistics. */
  private async evaluate(
    rows: Int32Array,
    { batches, set }: { batches: Batches; set: ImageSet } = { batches: this.batches, set: this.set },
  ): Promise<{ loss: number; error: number | null }> {
    let loss = 0
    let wrong = 0
    for (let first = 0; first < rows.length; first += 256) {
      this.options.signal?.throwIfAborted()
      const part = rows.slice(first, first + 256)
      const { loss: l, errors } = scope(() => {
        const { y } = this.net.forward(batches.images(part))
        const { loss, errors } = this.lossOf(y, part, set)
        return { loss, errors }
      })
      loss += ((await l.read()).data[0] ?? Number.NaN) * part.length
      wrong += errors ? ((await errors.read()).data[0] ?? 0) : 0
      l.dispose()
      errors?.dispose()
    }
    return { loss: loss / rows.length, error: this.targets ? null : wrong / rows.length }
  }

  /** Finds the layer in which a bad loss arose: the first with weights that are not finite, else the first with such outputs. */
  private async explain(step: number, rows: Int32Array, epoch: number, loss: number): Promise<never> {
    const finite = async (t: Tensor): Promise<boolean> =>
      Number.isFinite((await scope(() => reduce(t.reshape([1, t.size]))).read()).data[0] ?? Number.NaN)
    let where = 'the loss itself'
    const outputs: { path: string; kind: string; y: Tensor }[] = []
    const bad = await this.badParameter()
    if (bad) where = `the weights ${bad}`
    else {
      await scope(async () => {
        this.net.forward(this.batches.images(rows, epoch), {
          training: true,
          watch: ({ path, spec }, y) => outputs.push({ path, kind: spec.kind, y }),
        })
        for (const { path, kind, y } of outputs)
          if (!(await finite(y))) {
            where = `the output of layer ${path} (${kind})`
            break
          }
      })
      if (where === 'the loss itself' && Number.isFinite(loss))
        where = `layer ${outputs.at(-1)?.path} (${outputs.at(-1)?.kind}), whose outputs grew`
    }
    throw new DataError({
      op: 'trainSupervised',
      argument: 'loss',
      actual: `${loss} at step ${step + 1} (epoch ${epoch + 1}), from ${where}`,
      expected: `a finite number of at most ${this.config.maxLoss} (try a lower learning rate)${this.checkpoints ? '; the last good checkpoint is kept' : ''}`,
    })
  }

  private async badParameter(): Promise<string | null> {
    return badTensor(await this.net.state())
  }

  private async save(position: Position, best: Map<string, Safetensor> | null): Promise<void> {
    if (!this.checkpoints) return
    const net = await this.net.state()
    // A step whose gradients overflowed shows in the next loss or at the epoch's end, and is named there, at whatever moment checkpoints
    // are due; until then such weights must not replace a good checkpoint.
    if (badTensor(net)) return
    await this.checkpoints.save(position, {
      ...prefixed('net.', net),
      ...prefixed('optimiser.', await this.optimiser.state()),
      ...prefixed('best.', best),
    })
  }

  dispose(): void {
    this.batches.dispose()
    this.monitor?.batches.dispose()
    this.optimiser.dispose()
  }
}

function parseOptions(options: SupervisedOptions): SupervisedConfig {
  const parsed = trainOptions.safeParse(options)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0] as z.core.$ZodIssue
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : null
  throw new OptionError({
    op: 'trainSupervised',
    argument: unknown ?? issue.path.join('.'),
    actual: unknown ? 'no option of it' : 'not usable',
    expected: unknown ? `one of ${Object.keys(trainOptions.shape).join(', ')}` : issue.message,
  })
}

function checkTargets(net: Network, set: ImageSet, { targets, monitor }: SupervisedRun): Float32Array | null {
  const { channels, image, classes } = net.config
  const refuse = (actual: string, expected: string) =>
    new DataError({ op: 'trainSupervised', argument: set.name, actual, expected })
  const [n, c, h, w] = set.shape
  if (c !== channels || h !== image[0] || w !== image[1])
    throw refuse(`of images [${c},${h},${w}]`, `[${channels},${image}], those of the network`)
  if (targets) {
    if (monitor)
      throw new OptionError({
        op: 'trainSupervised',
        argument: 'monitor',
        actual: 'given together with targets',
        expected: 'it only where labels are learned, whose errors it counts',
      })
    const width = net.output.reduce((a, b) => a * b, 1)
    if (targets.length !== n * width) throw refuse(`beside ${targets.length} targets`, `${n} x ${width}, outputs of the network`)
    return targets
  }
  if (!set.labels) throw refuse('without labels', 'labelled images, or targets')
  if (set.classes.join() !== classes.join())
    throw refuse(`of the classes ${set.classes.join(', ')}`, `the network's: ${classes.join(', ') || 'none'}`)
  return null
}

/** The first tensor with a number that is not finite. */
function badTensor(tensors: ReadonlyMap<string, Safetensor>): string | null {
  for (const [name, { data }] of tensors) if (!(data as Float32Array).every(Number.isFinite)) return name
  return null
}
