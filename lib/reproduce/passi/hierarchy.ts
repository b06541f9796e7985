// One hierarchy of wavelet blocks and how well each of its blocks predicts recordings: the part that the studies of Passi, Robinson and Bonner
// are made of.
import { z } from 'zod'
import { labelsOf, selectImages } from '../../data/index.js'
import { firstOfEach } from '../../data/split.js'
import { type ComponentOptions, fitComponents } from '../../learn/index.js'
import { type WaveletNetName, waveletNet, waveletNets } from '../../models/index.js'
import { isStated, type StudyData, splitsText } from '../data.js'
import { average, recordingScores, type Scored, scoreRecordings } from '../scored.js'
import { type Part, type PartContext, resultsOfStem, type Scale } from '../study.js'

export interface HierarchyResult extends Scored {
  /** Images that the components were learned from. */
  images: number
  /** Of each block; null where nothing was learned. */
  varianceKept: (number | null)[]
  effectiveDimension: (number | null)[]
}

const number = z.number().nullable()
const schema: z.ZodType<HierarchyResult> = z.object({
  layers: z.array(z.string()),
  images: z.number(),
  varianceKept: z.array(number),
  effectiveDimension: z.array(number),
  recordings: z.array(recordingScores),
})

/** The results of parts whose names, without their seed, are `stem`. */
export const resultsOf = (all: ReadonlyMap<string, unknown>, stem: string): HierarchyResult[] =>
  resultsOfStem(all, stem).map((result) => schema.parse(result))

const GiB = 2 ** 30

/** Name of a part at a scale. */
export const partName = ({ quick }: Scale, stem: string): string => `${quick ? 'quick-' : ''}passi-${stem}`

export interface HierarchyPart {
  stem: string
  about: string
  options: ComponentOptions
  seed: number
  /** Photos of each class to learn from. */
  perClass: number
  /** Orders of folds that the scores are means over. */
  repeats: number
}

/** Learns a hierarchy from the first photos of each class and scores all of its blocks. */
export function hierarchyPart(
  scale: Scale,
  { stem, about, options, seed, perClass, repeats }: HierarchyPart,
): Part<HierarchyResult> {
  const net: WaveletNetName = scale.quick ? 'small' : 'passi-2024'
  const settings = { net, perClass, components: { ...options, seed }, repeats }
  return {
    name: `${partName(scale, stem)}-seed${seed}`,
    about: `${about}, seed ${seed}`,
    settings,
    expected: scale.quick ? { minutes: 0.7, bytes: GiB } : { minutes: 1 + perClass / 40 + repeats / 2, bytes: 2 * GiB },
    keepsNetwork: true,
    run: async (context) => {
      const { net: learned, record } = await learnHierarchy(context, settings, `${context.folder}/run`)
      using network = learned
      const layers = record.blocks.map(({ name }) => name)
      return {
        layers,
        images: record.data.shape[0] as number,
        varianceKept: record.blocks.map(({ varianceKept }) => varianceKept),
        effectiveDimension: record.blocks.map(({ effectiveDimension }) => effectiveDimension),
        recordings: await scoreRecordings(network, layers, { seed, repeats }, context),
      }
    },
  }
}

/**
 * A hierarchy learned in a run folder from the first photos of each class, or from all where there are no classes. Where it is learned already, this
 * gives it as it is.
 */
export async function learnHierarchy(
  { data: { train }, device, watch, say }: PartContext,
  { net, perClass, components }: { net: WaveletNetName; perClass: number; components: ComponentOptions },
  out: string,
) {
  const labels = labelsOf(train)?.labels
  const photos = labels ? await selectImages(train, firstOfEach(labels, perClass)) : train
  const [count, channels, height, width] = photos.shape
  // Fewer images than units give fewer components; the other rows are then random.
  const most = Math.floor(0.9 * count)
  const fewer = waveletNets[net].units.some((units) => units > most) ? { principal: most } : {}
  // The first block's components are all that its responses have: those that are left out are fewer units there.
  const units = waveletNets[net].units.map((own, i) => (i === 0 ? own - (components.dropFirst ?? 0) : own))
  const config = waveletNet({ net, units, channels, image: [height, width] })
  return fitComponents(photos, config, { ...components, ...fewer }, { device, ...watch, onPlan: say, out, resume: true })
}

/** Of each block r for each recording, mean over seeds. */
export const byBlock = (results: readonly Scored[]): number[][] =>
  (results[0]?.layers ?? []).map((_, block) => sessionMeans(results, block))

/** Mean over seeds of one block's r, for each recording. */
export function sessionMeans(results: readonly Scored[], block: number): number[] {
  const names = results[0]?.recordings.map(({ name }) => name) ?? []
  return names.map((_, at) => average(results.map(({ recordings }) => recordings[at]?.r[block] as number)))
}

/** Mean over recordings of one block's r, of one seed. */
export const ofSeed = ({ recordings }: HierarchyResult, block: number): number =>
  average(recordings.map(({ r }) => r[block] as number))

/** What every one of these studies says of its protocol. */
export const protocolOf = (data: StudyData): string[] => [
  `Components are learned from the first photos of each class by file name, brought to the input size by bilinear resizing, the aspect not kept. Features: every block’s whole map, sparse random projection (Johnson-Lindenstrauss, epsilon 0.1). Ridge with one penalty by leave-one-out, ${splitsText(data)}, Pearson’s r, mean over folds, median over targets, no ceiling correction; error bars: standard error over recordings.`,
  isStated(data)
    ? 'The paper’s networks learned from ImageNet, and it takes the mean over voxels, not the median: with other photos only the shapes of the curves can be compared.'
    : 'The paper scores fMRI responses (NSD) of networks that learned from ImageNet; these recordings and photos are others, so that only the shapes of the curves can be compared.',
]
