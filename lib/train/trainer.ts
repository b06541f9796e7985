// The loop of training end to end: steps, epochs, checkpoints, and what is said when a loss goes wrong.
import { z } from 'zod'
import type { Images, TrainValidationSplit } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Safetensor } from '../io/index.js'
import { numberOrNone } from '../io/stored.js'
import type { Network } from '../models/index.js'
import { reduce } from '../ops/index.js'
import { type Checkpoints, prefixed } from '../run/checkpoint.js'
import { notFinite } from '../run/finite.js'
import type { RunOptions } from '../run/options.js'
import { startPhase } from '../run/progress.js'
import { scope, type Tensor } from '../tensor.js'
import { Batches } from './batches.js'
import type { HeadLoss, Losses } from './losses.js'
import { Optimiser, scheduledRate } from './optimiser.js'
import type { SupervisedConfig } from './supervised_options.js'

/** Of one head, over some images. */
export interface HeadScore {
  loss: number
  /** Share of wrong images; null of a mean squared error. */
  error: number | null
}

export interface SupervisedEpoch {
  epoch: number
  /** Mean over the epoch's minibatches, each before its update; of several heads the weighted sum. */
  trainLoss: number
  /** Share of wrong images, likewise, of a network whose one head tells classes; else null. */
  trainError: number | null
  validationLoss: number | null
  validationError: number | null
  /** Share of wrong images of `monitor`. */
  monitorError: number | null
  /** Each head's validation, where there are several. */
  heads?: Record<string, HeadScore> | undefined
  /** Seconds of training since the run began, over all its processes. */
  seconds: number
}

const errorShare = z.number().nullable()

export const epochSchema: z.ZodType<SupervisedEpoch> = z.object({
  epoch: z.number(),
  trainLoss: z.number(),
  trainError: errorShare,
  validationLoss: errorShare,
  validationError: errorShare,
  monitorError: errorShare,
  heads: z.record(z.string(), z.object({ loss: numberOrNone, error: errorShare })).optional(),
  seconds: z.number(),
})

export const positionSchema = z.object({
  step: z.number(),
  lossSum: z.number(),
  wrong: z.number(),
  curve: z.array(epochSchema),
  best: z.number(),
  seconds: z.number(),
})
type TrainerPosition = z.infer<typeof positionSchema>

interface Task {
  net: Network
  images: Images
  losses: Losses
  monitor: { images: Images; losses: Losses } | null
  split: TrainValidationSplit
  config: SupervisedConfig & { memoryLimit: number }
  run: RunOptions
  checkpoints: Checkpoints<typeof positionSchema> | null
  /** Of the optimiser, from a checkpoint. */
  moments: Map<string, Safetensor> | null
}

interface Evaluation extends HeadScore {
  heads: Record<string, HeadScore>
}

/** Images that are evaluated together. */
const evaluated = 256

export class Trainer {
  private readonly batches: Batches
  private readonly monitored: { batches: Batches; losses: Losses; rows: Int32Array } | null
  private readonly optimiser: Optimiser
  private readonly perEpoch: number
  private readonly totalSteps: number

  constructor(private readonly task: Task) {
    const { net, images, monitor, split, config, run, moments } = task
    const { batch, seed, augment, memoryLimit } = config
    this.batches = new Batches(images, split.train, net.device, { batch, seed, augment, memoryLimit }, run.signal)
    const all = Int32Array.from({ length: monitor?.images.shape[0] ?? 0 }, (_, i) => i)
    const still = { batch, seed, memoryLimit, augment: { crop: 0, flip: false } }
    this.monitored = monitor && {
      batches: new Batches(monitor.images, all, net.device, still, run.signal),
      losses: monitor.losses,
      rows: all,
    }
    this.optimiser = new Optimiser(config.optimiser, net.trained, net.device, moments)
    this.perEpoch = Math.floor(split.train.length / batch)
    this.totalSteps = config.epochs * this.perEpoch
  }

  async run(
    from: TrainerPosition | null,
    best: Map<string, Safetensor> | null,
  ): Promise<{ position: TrainerPosition; best: Map<string, Safetensor> | null }> {
    const { perEpoch, totalSteps } = this
    const { net, config, run, checkpoints, losses, split } = this.task
    let position: TrainerPosition = from ?? { step: 0, lossSum: 0, wrong: 0, curve: [], best: 0, seconds: 0 }
    const report = startPhase('training', 'images', totalSteps * config.batch, position.step * config.batch, run.onProgress)
    const validated = split.validation.length > 0
    const patience = config.patience ?? Number.POSITIVE_INFINITY
    const patient = () => !validated || position.curve.length - position.best < patience
    let clock = performance.now()
    const lap = () => {
      const now = performance.now()
      position = { ...position, seconds: position.seconds + (now - clock) / 1000 }
      clock = now
    }
    const stopped = async (error: unknown): Promise<never> => {
      if (run.signal?.aborted) await this.save(position, best)
      throw error
    }
    // An epoch's steps are done but not its evaluation: a place of its own to stop at and to go on from.
    const ended = () => position.step === (position.curve.length + 1) * perEpoch
    while (ended() || (position.step < totalSteps && patient())) {
      if (run.signal?.aborted) await stopped(run.signal.reason)
      if (!ended()) {
        const { loss, wrong } = await this.step(position.step).catch(stopped)
        position = { ...position, step: position.step + 1, lossSum: position.lossSum + loss, wrong: position.wrong + wrong }
        if (ended()) {
          await net.device.sync()
          lap()
        } else report(position.step * config.batch, { loss })
      } else {
        const epoch = position.curve.length + 1
        await this.refuseBadWeights(epoch)
        const validation = validated ? await this.evaluate(this.batches, losses, split.validation).catch(stopped) : null
        const { batches, losses: own, rows } = this.monitored ?? {}
        const monitor = batches && own && rows ? await this.evaluate(batches, own, rows).catch(stopped) : null
        const entry: SupervisedEpoch = {
          epoch,
          trainLoss: position.lossSum / perEpoch,
          trainError: losses.classifies ? position.wrong / (perEpoch * config.batch) : null,
          validationLoss: validation?.loss ?? null,
          validationError: validation?.error ?? null,
          monitorError: monitor?.error ?? null,
          ...(validation && net.heads.length > 1 ? { heads: validation.heads } : {}),
          seconds: position.seconds,
        }
        position = { ...position, lossSum: 0, wrong: 0, curve: [...position.curve, entry] }
        const measure = (e: SupervisedEpoch) => e.validationError ?? e.validationLoss ?? 0
        const lowest = position.curve.reduce((a, b) => (measure(b) < measure(a) ? b : a))
        if (!validated || config.keep === 'last') position.best = epoch
        else if (lowest.epoch === epoch) {
          position.best = epoch
          best = await net.state()
        }
        report(position.step * config.batch, {
          loss: entry.trainLoss,
          ...(entry.validationError === null ? {} : { validationError: entry.validationError }),
        })
        clock = performance.now()
      }
      if (checkpoints?.due()) {
        lap()
        await this.save(position, best)
      }
    }
    await this.save(position, best)
    return { position, best }
  }

  /** One minibatch. The update is queued only once the loss is known to be good. */
  private async step(step: number): Promise<{ loss: number; wrong: number }> {
    const { perEpoch } = this
    const { net, config, losses } = this.task
    const { rows, x } = await this.batches.take(step, this.totalSteps)
    const { scored, gradients } = scope(() => {
      const { y, saved } = net.forward(x, { training: true })
      // Asked for before the backward pass is queued: the answer comes while the device is busy with that.
      const scored = total(losses.of(y, rows))
      return { scored, gradients: Object.fromEntries(net.backward(saved, losses.gradient(y, rows))) }
    })
    try {
      const { loss, wrong } = await scored
      if (!(loss <= config.maxLoss)) await this.explain(step, x, loss)
      const rate = scheduledRate(config.schedule, config.optimiser.learningRate, step, this.totalSteps, perEpoch)
      this.optimiser.step(new Map(Object.entries(gradients)), rate, step + 1)
      return { loss, wrong }
    } finally {
      x.dispose()
      for (const tensor of Object.values(gradients)) tensor.dispose()
    }
  }

  /** Losses and errors on some images, with running statistics. */
  private async evaluate(batches: Batches, losses: Losses, rows: Int32Array): Promise<Evaluation> {
    const { net } = this.task
    const sums = new Map<string, { loss: number; wrong: number | null; weight: number }>()
    for await (const { part, x } of batches.plain(rows, evaluated)) {
      using images = x
      using y = await net.infer(images)
      const found = scope(() => losses.of(y, part))
      for (const { name, loss, errors, weight } of found) {
        const [l, e] = await Promise.all([loss.read(), errors?.read()])
        loss.dispose()
        errors?.dispose()
        const before = sums.get(name) ?? { loss: 0, wrong: 0, weight }
        const wrong = e ? (before.wrong ?? 0) + (e.data[0] ?? 0) : null
        sums.set(name, { weight, wrong, loss: before.loss + (l.data[0] ?? Number.NaN) * part.length })
      }
    }
    const n = rows.length
    const heads = Object.fromEntries(
      [...sums].map(([name, { loss, wrong }]) => [name, { loss: loss / n, error: wrong === null ? null : wrong / n }]),
    )
    const loss = [...sums.values()].reduce((sum, head) => sum + head.weight * (head.loss / n), 0)
    const error = losses.classifies ? (Object.values(heads)[0]?.error ?? null) : null
    return { loss, error, heads }
  }

  /** Finds the layer in which a bad loss arose: the first with weights that are not finite, else the first with such outputs. */
  private async explain(step: number, x: Tensor, loss: number): Promise<never> {
    const { net, config, checkpoints } = this.task
    const finite = async (t: Tensor): Promise<boolean> =>
      Number.isFinite((await scope(() => reduce(t.reshape([1, t.size]))).read()).data[0] ?? Number.NaN)
    let where = 'the loss itself'
    const outputs: { name: string; kind: string; y: Tensor }[] = []
    const bad = notFinite(await net.state())
    if (bad) where = `the weights ${bad}`
    else {
      await scope(async () => {
        net.forward(x, { training: true, watch: ({ name, spec }, y) => outputs.push({ name, kind: spec.kind, y }) })
        for (const { name, kind, y } of outputs)
          if (!(await finite(y))) {
            where = `the output of layer ${name} (${kind})`
            break
          }
      })
      if (where === 'the loss itself' && Number.isFinite(loss))
        where = `layer ${outputs.at(-1)?.name} (${outputs.at(-1)?.kind}), whose outputs grew`
    }
    throw new DataError({
      op: 'trainSupervised',
      argument: 'loss',
      actual: `${loss} at step ${step + 1} (epoch ${Math.floor(step / this.perEpoch) + 1}), from ${where}`,
      expected: `a finite number of at most ${config.maxLoss} (try a lower learning rate)${checkpoints ? '; the last good checkpoint is kept' : ''}`,
    })
  }

  private async refuseBadWeights(epoch: number): Promise<void> {
    const { net, checkpoints } = this.task
    const bad = notFinite(await net.state())
    if (bad)
      throw new DataError({
        op: 'trainSupervised',
        argument: 'weights',
        actual: `not finite in ${bad} after epoch ${epoch}`,
        expected: `finite numbers (try a lower learning rate)${checkpoints ? '; the last good checkpoint is kept' : ''}`,
      })
  }

  private async save(position: TrainerPosition, best: Map<string, Safetensor> | null): Promise<void> {
    const { net, checkpoints } = this.task
    if (!checkpoints) return
    const state = await net.state()
    // A step whose gradients overflowed shows in the next loss or at the epoch's end, and is named there, at whatever moment checkpoints
    // are due; until then such weights must not replace a good checkpoint.
    if (notFinite(state)) return
    await checkpoints.save(position, {
      ...prefixed('net.', state),
      ...prefixed('optimiser.', await this.optimiser.state()),
      ...prefixed('best.', best),
    })
  }

  dispose(): void {
    this.batches.dispose()
    this.monitored?.batches.dispose()
    this.optimiser.dispose()
  }
}

/** The weighted sum of the heads' losses, and the wrong images of the first that counts them, as soon as they are there. */
async function total(parts: readonly HeadLoss[]): Promise<{ loss: number; wrong: number }> {
  const read = await Promise.all(parts.map(({ loss, errors }) => Promise.all([loss.read(), errors?.read()])))
  let sum = 0
  for (const [i, [loss]] of read.entries()) sum += (parts[i] as HeadLoss).weight * (loss.data[0] ?? Number.NaN)
  return { loss: sum, wrong: read.find(([, errors]) => errors)?.[1]?.data[0] ?? 0 }
}
