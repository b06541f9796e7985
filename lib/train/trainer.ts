// The loop of training end to end: steps, epochs, checkpoints, and what is said when a loss goes wrong.
import { z } from 'zod'
import type { Images, TrainValidationSplit } from '../data/index.js'
import { DataError } from '../errors.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import { numberOrNone } from '../io/stored.js'
import type { Network } from '../models/index.js'
import { reduce, scale } from '../ops/index.js'
import { parseOptions } from '../options.js'
import { type Checkpoints, prefixed } from '../run/checkpoint.js'
import { notFinite } from '../run/finite.js'
import { fromFirst, type Group, shareOf } from '../run/group.js'
import type { RunOptions } from '../run/options.js'
import { startPhase } from '../run/progress.js'
import type { TensorSums } from '../run/tensor_sums.js'
import { scope, type Tensor } from '../tensor.js'
import { Batches } from './batches.js'
import { gradientNorm, type Step, together } from './gradients.js'
import type { HeadLoss, Losses } from './losses.js'
import { Optimiser, scheduledRate } from './optimiser.js'
import type { SupervisedConfig } from './supervised_options.js'

/** Of one head, over some images. */
export interface HeadScore {
  loss: number
  /** Share of wrong images; null of a mean squared error. */
  error: number | null
}

/** Numbers by name. */
export type Scores = Record<string, number>

/** Told of a network after an epoch, and before the first as epoch 0: what it gives is kept. */
export type OnEpoch = (net: Network, epoch: number) => Promise<Scores | undefined> | Promise<void>

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
  /** What `onEpoch` of the run gave. */
  scores?: Scores | undefined
  /** Seconds of training since the run began, over all its processes. */
  seconds: number
}

const errorShare = z.number().nullable()
export const scoresSchema = z.record(z.string(), numberOrNone)
const givenScores = z.record(
  z.string(),
  z.custom<number>((value) => typeof value === 'number', 'a number'),
)

export const epochSchema: z.ZodType<SupervisedEpoch> = z.object({
  epoch: z.number(),
  trainLoss: z.number(),
  trainError: errorShare,
  validationLoss: errorShare,
  validationError: errorShare,
  monitorError: errorShare,
  heads: z.record(z.string(), z.object({ loss: numberOrNone, error: errorShare })).optional(),
  scores: scoresSchema.optional(),
  seconds: z.number(),
})

export const positionSchema = z.object({
  step: z.number(),
  lossSum: z.number(),
  wrong: z.number(),
  curve: z.array(epochSchema),
  best: z.number(),
  seconds: z.number(),
  /** Before the first step. */
  startScores: scoresSchema,
  /** Of how many processes the steps are, and what adds their gradients up; empty of one alone. */
  processes: z.number(),
  sums: z.string(),
})
type TrainerPosition = z.infer<typeof positionSchema>

interface Task {
  net: Network
  images: Images
  losses: Losses
  monitor: { images: Images; losses: Losses } | null
  split: TrainValidationSplit
  config: SupervisedConfig & { memoryLimit: number }
  run: RunOptions & { onEpoch?: OnEpoch | undefined }
  checkpoints: Checkpoints<typeof positionSchema> | null
  /** Those that share the minibatches; the first of them keeps checkpoints and asks for scores. */
  group: Group
  /** How they add gradients up; null of one alone. */
  sums: TensorSums | null
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
    const { net, images, monitor, split, config, run, moments, group } = task
    const { batch, seed, augment, memoryLimit } = config
    this.batches = new Batches(images, split.train, net.device, { batch, seed, augment, memoryLimit, group }, run.signal)
    const all = Int32Array.from({ length: monitor?.images.shape[0] ?? 0 }, (_, i) => i)
    const still = { batch, seed, memoryLimit, group, augment: { crop: 0, flip: false, resizedCrop: null } }
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
    const { net, config, run, checkpoints, losses, split, group, sums } = this.task
    const processes = group.size
    let position: TrainerPosition = {
      step: 0,
      lossSum: 0,
      wrong: 0,
      curve: [],
      best: 0,
      seconds: 0,
      startScores: {},
      ...from,
      processes,
      sums: sums?.library ?? '',
    }
    if (!from) position.startScores = (await this.scores(0)) ?? {}
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
        if (processes > 1) await this.adoptBuffers().catch(stopped)
        await this.refuseBadWeights(epoch)
        const validation = validated ? await this.evaluate(this.batches, losses, split.validation).catch(stopped) : null
        const { batches, losses: own, rows } = this.monitored ?? {}
        const monitor = batches && own && rows ? await this.evaluate(batches, own, rows).catch(stopped) : null
        const scores = await this.scores(epoch).catch(stopped)
        const entry: SupervisedEpoch = {
          epoch,
          trainLoss: position.lossSum / perEpoch,
          trainError: losses.classifies ? position.wrong / (perEpoch * config.batch) : null,
          validationLoss: validation?.loss ?? null,
          validationError: validation?.error ?? null,
          monitorError: monitor?.error ?? null,
          ...(validation && net.heads.length > 1 ? { heads: validation.heads } : {}),
          ...(scores ? { scores } : {}),
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
    const { net, config, losses, group, sums } = this.task
    const { rows, x } = await this.batches.take(step, this.totalSteps)
    const { scored, ...own } = scope(() => {
      const { y, saved } = net.forward(x, { training: true })
      // Asked for before the backward pass is queued: the answer comes while the device is busy with that.
      const scored = total(losses.of(y, rows))
      return { scored, gradients: Object.fromEntries(net.backward(saved, losses.gradient(y, rows))) }
    })
    let { gradients }: Pick<Step, 'gradients'> = own
    try {
      const part = { ...(await scored), gradients }
      const all = sums ? await together(group, sums, part) : part
      gradients = all.gradients
      const { loss, wrong } = all
      if (!(loss <= config.maxLoss)) await this.explain(step, x, loss)
      const factor = await this.clipFactor(step, Object.values(gradients))
      const rate = scheduledRate(config.schedule, config.optimiser.learningRate, step, this.totalSteps, perEpoch)
      scope(() => {
        const clipped = Object.entries(gradients).map(([name, g]) => [name, factor < 1 ? scale(g, { factor }) : g] as const)
        this.optimiser.step(new Map(clipped), rate, step + 1)
      })
      return { loss, wrong }
    } finally {
      x.dispose()
      for (const tensor of Object.values(gradients)) tensor.dispose()
    }
  }

  /** What brings the gradients' norm down to the largest that is wanted, as torch.nn.utils.clip_grad_norm_ has it; at most 1. */
  private async clipFactor(step: number, gradients: readonly Tensor[]): Promise<number> {
    const { clip } = this.task.config
    if (clip === null) return 1
    const norm = await gradientNorm(gradients)
    if (!Number.isFinite(norm))
      throw this.diverged('gradients', `of norm ${norm} at step ${step + 1} (epoch ${Math.floor(step / this.perEpoch) + 1})`)
    return Math.min(1, clip / (norm + 1e-6))
  }

  /** Losses and errors on some images, with running statistics. */
  private async evaluate(batches: Batches, losses: Losses, rows: Int32Array): Promise<Evaluation> {
    const { net, group } = this.task
    const { parts } = losses
    /** Of each head the loss, then its wrong images. */
    const sums = new Float64Array(2 * parts.length)
    const add = (at: number, value: number) => {
      sums[at] = (sums[at] as number) + value
    }
    for await (const { part, x } of batches.plain(shareOf(rows, group), evaluated)) {
      using images = x
      using y = await net.infer(images)
      const found = scope(() => losses.of(y, part))
      for (const [i, { loss, errors }] of found.entries()) {
        const [l, e] = await Promise.all([loss.read(), errors?.read()])
        loss.dispose()
        errors?.dispose()
        add(2 * i, (l.data[0] ?? Number.NaN) * part.length)
        add(2 * i + 1, e?.data[0] ?? 0)
      }
    }
    await group.sum(sums)
    const means = sums.map((sum) => sum / rows.length)
    const heads = parts.map(({ name, counted }, i): [string, HeadScore] => [
      name,
      { loss: means[2 * i] as number, error: counted ? (means[2 * i + 1] as number) : null },
    ])
    const loss = parts.reduce((sum, { weight }, i) => sum + weight * (means[2 * i] as number), 0)
    return { loss, error: losses.classifies ? (heads[0]?.[1].error ?? null) : null, heads: Object.fromEntries(heads) }
  }

  /** Process 0's running statistics, where each process has seen its own images. */
  private async adoptBuffers(): Promise<void> {
    const { net, group } = this.task
    const own = [...net.buffers].map(async ([name, tensor]) => [name, await hostTensor(tensor)] as const)
    const { tensors } = await fromFirst(group, { text: '', tensors: new Map(await Promise.all(own)) })
    if (tensors.size > 0) net.adopt(tensors)
  }

  /** What the caller sees in the network after an epoch. */
  private async scores(epoch: number): Promise<Scores | undefined> {
    const { net, run, group } = this.task
    if (group.rank > 0) return undefined
    const given = (await run.onEpoch?.(net, epoch)) ?? undefined
    return given && parseOptions('trainSupervised', givenScores, given, 'onEpoch')
  }

  /** Finds the layer in which a bad loss arose: the first with weights that are not finite, else the first with such outputs. */
  private async explain(step: number, x: Tensor, loss: number): Promise<never> {
    const { net, config, group } = this.task
    const finite = async (t: Tensor): Promise<boolean> =>
      Number.isFinite((await scope(() => reduce(t.reshape([1, t.size]))).read()).data[0] ?? Number.NaN)
    const nowhere = 'the loss itself'
    let where = nowhere
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
      if (where === nowhere && Number.isFinite(loss))
        where = `layer ${outputs.at(-1)?.name} (${outputs.at(-1)?.kind}), whose outputs grew`
    }
    // Another process may have the image that shows it.
    where = (await group.texts(where)).find((found) => found !== nowhere) ?? nowhere
    throw this.diverged(
      'loss',
      `${loss} at step ${step + 1} (epoch ${Math.floor(step / this.perEpoch) + 1}), from ${where}`,
      `a finite number of at most ${config.maxLoss}`,
    )
  }

  private async refuseBadWeights(epoch: number): Promise<void> {
    const bad = notFinite(await this.task.net.state())
    if (bad) throw this.diverged('weights', `not finite in ${bad} after epoch ${epoch}`)
  }

  private diverged(argument: string, actual: string, expected = 'finite numbers'): DataError {
    const kept = this.task.checkpoints ? '; the last good checkpoint is kept' : ''
    return new DataError({ op: 'trainSupervised', argument, actual, expected: `${expected} (try a lower learning rate)${kept}` })
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
