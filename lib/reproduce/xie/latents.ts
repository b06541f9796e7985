// ResNet-18 trained on latent variables of rendered scenes, or on photos, or on nothing, and how well its layers predict recordings: the part that the
// studies of Xie, Alter, Schwartz and DiCarlo are made of.
import { z } from 'zod'
import { channelStatistics, type Images, labelsOf } from '../../data/index.js'
import { transfer } from '../../eval/index.js'
import { type HeadInput, Network, resNet18 } from '../../models/index.js'
import { type SolidScenes, solidCategories, solidScenes } from '../../scene/index.js'
import { type SupervisedOptions, targetHeads, trainSupervised } from '../../train/index.js'
import { type StudyData, splitsText } from '../data.js'
import { recordingScores, type Scored, scoreRdms, scoreRecordings } from '../scored.js'
import { type Part, type PartContext, resultsOfStem, type Scale } from '../study.js'
import { heldOutObjects, latentScale, latentSize, trainedObjects } from './scale.js'

/** The largest set of targets: all that the paper's networks learn. */
export const allTargets = ['class', 'identity', 'distance', 'screen', 'rotation'] as const
export type LatentTarget = (typeof allTargets)[number]

export interface HeldOut {
  head: string
  /** accuracy or r2. */
  measure: string
  value: number
  /** Of accuracy; null of r2. */
  chance: number | null
}

export interface LatentResult extends Scored {
  network: string
  /** Images that it was trained on; 0 where it was not. */
  images: number
  /** Seconds of training. */
  seconds: number
  /** On scenes of objects that were not trained on; empty of networks that learned no latents. */
  heldOut: HeldOut[]
}

const schema: z.ZodType<LatentResult> = z.object({
  layers: z.array(z.string()),
  recordings: z.array(recordingScores),
  rdms: z.array(recordingScores).optional(),
  network: z.string(),
  images: z.number(),
  seconds: z.number(),
  heldOut: z.array(z.object({ head: z.string(), measure: z.string(), value: z.number(), chance: z.number().nullable() })),
})

/** The layers that stand for a ResNet-18: the stem, the end of each stage, and the pooled features. */
export const resNetLayers = ['relu', 'layer1.1.relu', 'layer2.1.relu', 'layer3.1.relu', 'layer4.1.relu', 'avgpool']
const batch = 64
/** The paper's recipe (Adam at a constant 0.001, minibatches of 64, no decay, no augmentation, the last weights) for so many minibatches. */
const recipe = (steps: number, images: number): SupervisedOptions => ({
  epochs: Math.max(1, Math.round(steps / Math.floor(images / batch))),
  batch,
  optimiser: { kind: 'adam', learningRate: 1e-3 },
  schedule: { kind: 'constant' },
  validation: 0,
  keep: 'last',
})

export interface LatentPart {
  /** Of its name: `distance`, `untrained`. */
  stem: string
  about: string
  /** What is learned of scenes; `photos`: the classes of photos; null: nothing. */
  learns: readonly LatentTarget[] | 'photos' | null
  /** Default: those of the scale. */
  images?: number | undefined
  seed: number
}

const nameOf = ({ quick }: Scale, stem: string): string => `${quick ? 'quick-' : ''}xie-${stem}`

/** The results of a stem, of each seed. */
export const latentResults = (all: ReadonlyMap<string, unknown>, scale: Scale, stem: string): LatentResult[] =>
  resultsOfStem(all, nameOf(scale, stem)).map((result) => schema.parse(result))

const watchOf = ({ watch: { signal } }: Pick<PartContext, 'watch'>) => (signal ? { signal } : {})

/** The scenes that networks learn from, or are tested on. */
async function latentScenes(
  scale: Scale,
  { count, heldOut = false }: { count: number; heldOut?: boolean },
  context: Pick<PartContext, 'device' | 'watch'>,
): Promise<SolidScenes> {
  const objects = heldOut ? { seed: 1, instances: heldOutObjects } : { seed: 0, instances: trainedObjects }
  const { categories: few } = latentScale(scale)
  const categories = few === undefined ? undefined : (await solidCategories()).slice(0, few)
  return solidScenes({ count, size: latentSize, categories, ...objects, device: context.device, ...watchOf(context) })
}

/** The study's network for some heads. */
const resNet = (scale: Scale, heads: HeadInput[]) =>
  resNet18({ image: [latentSize, latentSize], width: latentScale(scale).width, standardise: true, heads })

/** Trains the study's network on images, in the part's folder. */
export async function trainHeads(
  scale: Scale,
  images: Images,
  heads: HeadInput[],
  seed: number,
  { device, folder, watch, say }: PartContext,
): Promise<{ net: Network; images: number; seconds: number }> {
  const count = images.shape[0]
  const run = { device, out: `${folder}/run`, resume: true, onPlan: say, ...watch }
  const options = { ...recipe(latentScale(scale).steps, count), seed }
  const { net, record } = await trainSupervised(images, resNet(scale, heads), options, run)
  return { net, images: count, seconds: record.curve.at(-1)?.seconds ?? 0 }
}

/** What tells the classes of labelled images apart. */
const classHead = (images: Images): HeadInput => ({
  name: 'class',
  loss: 'softmax',
  classes: [...(labelsOf(images)?.classes ?? [])],
})

/** Trains the study's network on the classes of labelled images, in the part's folder. */
export const trainClasses = (scale: Scale, images: Images, seed: number, context: PartContext): ReturnType<typeof trainHeads> =>
  trainHeads(scale, images, [classHead(images)], seed, context)

/** A network trained as the part says, in the part's folder. */
export async function trainLatent(
  scale: Scale,
  { learns, images = latentScale(scale).images, seed }: Pick<LatentPart, 'learns' | 'images' | 'seed'>,
  context: PartContext,
): Promise<{ net: Network; images: number; seconds: number }> {
  const { data, device } = context
  if (learns === 'photos') return trainClasses(scale, data.train, seed, context)
  if (learns === null) {
    const net = new Network(resNet(scale, [classHead(data.train)]), { device, seed })
    const { mean, std } = await channelStatistics(data.train, watchOf(context))
    net.setBuffers({ 'standardise.mean': mean, 'standardise.std': std })
    return { net, images: 0, seconds: 0 }
  }
  using scenes = await latentScenes(scale, { count: images }, context)
  return await trainHeads(scale, scenes, targetHeads(scenes, { targets: [...learns] }), seed, context)
}

/** Trains a network and scores it. */
export function latentPart(scale: Scale, { stem, about, learns, images, seed }: LatentPart): Part<LatentResult> {
  const { heldOut: testScenes, ...settings } = latentScale(scale)
  return {
    name: `${nameOf(scale, stem)}-seed${seed}`,
    about: `${about}, seed ${seed}`,
    settings: { ...settings, learns, images: images ?? settings.images, seed, layers: resNetLayers, testScenes },
    keepsNetwork: true,
    expected: { minutes: (learns === null ? 0.8 : 3.5) * (scale.quick ? 0.1 : 1), bytes: 2 ** 30 },
    run: async (context) => {
      const { net: trained, ...rest } = await trainLatent(scale, { learns, images, seed }, context)
      using net = trained
      const heldOut: HeldOut[] = []
      if (learns !== null && learns !== 'photos') {
        using scenes = await latentScenes(scale, { count: testScenes, heldOut: true }, context)
        // Nobody can name an object that was never shown: identities have none in common.
        const { identity: _, ...targets } = scenes.targets
        const { scores } = learns.some((target) => target !== 'identity')
          ? await transfer(net, { ...scenes, targets }, watchOf(context))
          : { scores: [] }
        for (const { head, name, value, raw } of scores) heldOut.push({ head, measure: name, value, chance: raw.chance ?? null })
      }
      const recordings = await scoreRecordings(net, resNetLayers, { regression: 'pls', seed: 0, repeats: 1 }, context)
      const rdms = await scoreRdms(net, resNetLayers, context)
      return { network: net.describe(), ...rest, heldOut, layers: resNetLayers, recordings, rdms }
    },
  }
}

/** What every one of these studies says of its protocol. */
export const latentNotes = (scale: Scale, data: StudyData): string[] => {
  const { width, images, steps, categories } = latentScale(scale)
  return [
    `ResNet-18 of width ${width} on scenes of ${latentSize} pixels of ${categories === undefined ? 'all' : `the first ${categories}`} built-in categories, objects 0 to 3 of each, ${images.toLocaleString('en')} images where no other number is said, about ${steps} minibatches of 64: Adam at a constant 0.001, no decay, no augmentation, the last weights, targets standardised, all of the same weight.`,
    `Alignment: partial least squares of 25 components from a sparse random projection of each layer (Johnson-Lindenstrauss, epsilon 0.1), ${splitsText(data)}, Pearson’s r, mean over folds, median over neurons, no ceiling correction; of each fold the layer that its training images chose.`,
    'The paper trains width 64 on up to 1.35 million images of 224 pixels from a game engine, 200,000 minibatches, and scores V1, V2, V4 and IT on Brain-Score’s public recordings, (r / ceiling) squared; these are other recordings, so that only differences between networks can be compared.',
  ]
}
