// A hierarchy of wavelet blocks trained end to end, from random or from learned mixing, its first blocks frozen or not: what it tells apart, and how
// well its blocks predict recordings while it learns.
import { z } from 'zod'
import { labelsOf } from '../../data/index.js'
import { epochScores } from '../../eval/index.js'
import type { ComponentOptions } from '../../learn/index.js'
import { Network, waveletNet } from '../../models/index.js'
import { type SupervisedOptions, trainSupervised } from '../../train/index.js'
import { type RecordingScores, recordingScores, scoreRecordings } from '../scored.js'
import { inShared } from '../shared.js'
import type { Part, Scale } from '../study.js'
import { learnHierarchy } from './hierarchy.js'

/** Where training begins. */
export type Start = 'random' | 'learned'

export interface TrainedResult {
  start: Start
  /** Blocks that stayed as they were. */
  frozen: number
  /** The two blocks that are scored while it learns. */
  watched: string[]
  classes: number
  epochs: {
    epoch: number
    /** Share of the test images that are told right; null before the first epoch. */
    accuracy: number | null
    trainLoss: number | null
    /** r of each watched block, mean over recordings; null of epochs in between. */
    r: number[] | null
  }[]
  /** Of every block, after the last epoch. */
  layers: string[]
  recordings: RecordingScores[]
}

const number = z.number().nullable()
const schema: z.ZodType<TrainedResult> = z.object({
  start: z.enum(['random', 'learned']),
  frozen: z.number(),
  watched: z.array(z.string()),
  classes: z.number(),
  epochs: z.array(z.object({ epoch: z.number(), accuracy: number, trainLoss: number, r: z.array(z.number()).nullable() })).min(1),
  layers: z.array(z.string()),
  recordings: z.array(recordingScores),
})

/** What {@link trainedPart} was asked for. */
export interface TrainedPart {
  start: Start
  /** Blocks that stay as they are. */
  freeze: number
  seed: number
  /** Height and width of the photos, for the name. */
  size: number
}

/** Height and width of the photos in the studies that train many networks. */
export const trainedSize = 64

/** Photos of each class that components are learned from, which is what the unsupervised studies take. */
const perClass = 40

/** The authors' recipe (2026) but for its length: 150 epochs of ImageNet, of which 10,000 steps are the warm-up. */
export const recipe = (quick: boolean): SupervisedOptions => ({
  epochs: quick ? 2 : 6,
  batch: quick ? 32 : 64,
  optimiser: { kind: 'adamw', learningRate: 1e-3, weightDecay: 1e-4 },
  schedule: { kind: 'cosine', warmupEpochs: quick ? 0.5 : 1 },
  clip: 1,
  augment: { resizedCrop: 0.08, flip: true },
  validation: 0,
  keep: 'last',
})

const nameOf = ({ quick }: Scale, { start, freeze, size }: Omit<TrainedPart, 'seed'>): string =>
  `${quick ? 'quick-' : ''}passi-trained-${size}px-${start}${freeze > 0 ? `-${freeze}-frozen` : ''}`

/** The results of one start and number of frozen blocks, of each seed. */
export const trainedResults = (
  all: ReadonlyMap<string, unknown>,
  scale: Scale,
  part: Omit<TrainedPart, 'seed'>,
): TrainedResult[] =>
  scale.seeds
    .map((seed) => all.get(`${nameOf(scale, part)}-seed${seed}`))
    .flatMap((found) => (found ? [schema.parse(found)] : []))

/** Trains a hierarchy with labels and scores it. */
export function trainedPart(scale: Scale, { start, freeze, seed, size }: TrainedPart): Part<TrainedResult> {
  const net = scale.quick ? 'small' : 'passi-2024'
  const components: ComponentOptions = start === 'random' ? { components: 'random', seed } : { seed }
  const options = { ...recipe(scale.quick), seed }
  return {
    name: `${nameOf(scale, { start, freeze, size })}-seed${seed}`,
    about: `trained from ${start} mixing${freeze > 0 ? `, the first ${freeze} blocks frozen` : ''}, seed ${seed}`,
    settings: { net, perClass, components, options, freeze },
    expected: scale.quick
      ? { minutes: 0.8, bytes: 2 ** 30 }
      : { minutes: (6 * size ** 2) / trainedSize ** 2, bytes: 2 * 2 ** 30 },
    run: async (context) => {
      const { data, device, folder, watch } = context
      const { train, test, recordings } = data
      const [, channels, height, width] = train.shape
      const { classes = [] } = labelsOf(train) ?? {}
      const config = waveletNet({ net, channels, image: [height, width], classes: [...classes], freeze })
      using initial = new Network(config, { seed, device })
      // Mixing and statistics of the blocks, learned once for all parts that begin with them.
      const identity = { ...components, net, data: train.sha256.slice(0, 12) }
      const state = await inShared(context, identity, async (shared) => {
        const { net: learned } = await learnHierarchy(context, { net, perClass, components }, shared)
        using own = learned
        return own.state()
      })
      initial.adopt(state)
      const blocks = config.layers.flatMap(({ name, kind }) => (kind === 'wavelet_block' && name ? [name] : []))
      const watched = [...new Set([blocks[Math.min(3, blocks.length - 1)], blocks.at(-1)])] as string[]
      const scored = (epoch: number) => Number.isInteger(Math.log2(epoch)) || epoch === options.epochs
      const score = epochScores(initial, recordings, { layers: watched, seed, ...watch })
      const onEpoch = async (current: Network, epoch: number): Promise<Record<string, number> | undefined> =>
        epoch > 0 && !scored(epoch) ? undefined : score(current)
      const { net: last, record } = await trainSupervised(train, initial, options, {
        device,
        out: `${folder}/run`,
        resume: true,
        monitor: test,
        onEpoch,
        onPlan: context.say,
        ...watch,
      })
      using trained = last
      const ofWatched = (scores: Record<string, number> | undefined) =>
        scores ? watched.map((name) => scores[name] as number) : null
      return {
        start,
        frozen: freeze,
        watched,
        classes: classes.length,
        epochs: [
          { epoch: 0, accuracy: null, trainLoss: null, r: ofWatched(record.startScores) },
          ...record.curve.map(({ epoch, monitorError, trainLoss, scores }) => ({
            epoch,
            accuracy: monitorError === null ? null : 1 - monitorError,
            trainLoss,
            r: ofWatched(scores),
          })),
        ],
        layers: blocks,
        recordings: await scoreRecordings(trained, blocks, { seed, repeats: 1 }, context),
      }
    },
  }
}

/** What the studies of training say of it. */
export const trainedNotes = [
  'Trained on all photos with AdamW (0.001, weight decay 0.0001), a cosine with warm-up, gradients clipped to a norm of 1, random resized crops and mirrored photos; test images are looked at after each epoch, and nothing depends on them. The authors train for 150 epochs.',
  'While it learns, two blocks are scored, after epochs that are powers of two and the last; every score here is of one order of folds.',
]
