// How well the layers of a network predict recordings of neurons: what the studies of brain alignment are made of.
import { z } from 'zod'
import { deviationOf } from '../eval/correlation.js'
import { encode, type LayerScores, pls, type RsaScores, rsa } from '../eval/index.js'
import { splitOf } from '../eval/recordings.js'
import type { Network } from '../models/index.js'
import type { PartContext, StudyTable } from './study.js'

export interface RecordingScores {
  name: string
  /** r of each layer: median over targets of the mean over folds. */
  r: number[]
  /** Standard error over folds. */
  error: number[]
  /** Of the layer that the training images of each fold chose; null of a single layer. */
  committed?: { layer: string; r: number; error: number } | null | undefined
  /** What a perfect model could reach; null without repeats. */
  ceiling: number | null
}

export const recordingScores: z.ZodType<RecordingScores> = z.object({
  name: z.string(),
  r: z.array(z.number()),
  error: z.array(z.number()),
  committed: z.object({ layer: z.string(), r: z.number(), error: z.number() }).nullish(),
  ceiling: z.number().nullable(),
})

/** Layers and what they score. */
export interface Scored {
  layers: string[]
  recordings: RecordingScores[]
  /** Spearman's correlation with each of the dissimilarities that were given. */
  rdms?: RecordingScores[] | undefined
}

/**
 * How well each of the layers predicts each recording.
 * @param net null for `pixels`
 * @param how ridge: with one penalty by leave-one-out; pls: partial least squares of 25 components
 */
export async function scoreRecordings(
  net: Network | null,
  layers: string[],
  { regression = 'ridge', seed, repeats }: { regression?: 'ridge' | 'pls'; seed: number; repeats: number },
  { data, watch, say }: Pick<PartContext, 'data' | 'watch' | 'say'>,
): Promise<RecordingScores[]> {
  const found: RecordingScores[] = []
  for (const recording of data.recordings) {
    const { images, responses } = recording
    const options = { layers, seed, ...splitOf(recording, { repeats }), ...watch, onPlan: say }
    found.push(scoresOf(responses.name, await (regression === 'pls' ? pls : encode)(net, images, responses, options)))
  }
  return found
}

/** How alike the dissimilarities of images are in each of the layers and in each reference; joined layers are left out. */
export async function scoreRdms(
  net: Network | null,
  layers: readonly string[],
  { data, watch, say }: Pick<PartContext, 'data' | 'watch' | 'say'>,
): Promise<RecordingScores[]> {
  const single = layers.filter((layer) => !layer.includes('+'))
  const found: RecordingScores[] = []
  for (const { images, reference } of data.rdms)
    found.push(
      scoresOf(
        reference.name.replace(/\.npy$/, ''),
        await rsa(net, images, reference, { layers: single, ...watch, onPlan: say }),
      ),
    )
  return found
}

const scoresOf = (name: string, { scores, committed }: LayerScores | RsaScores): RecordingScores => ({
  name,
  r: scores.map(({ value }) => value),
  error: scores.map(({ spread }) => spread.value),
  committed: committed && { layer: committed.layer, r: committed.value, error: committed.spread.value },
  ceiling: scores[0]?.ceiling?.value ?? null,
})

const scoreOf = ({ committed, r }: RecordingScores): number => committed?.r ?? (r[0] as number)

/** r of the layer that the training images chose, of each recording; that of the only layer where there is one. */
export const committedScores = ({ recordings }: Scored): number[] => recordings.map(scoreOf)
/** The same of each of the dissimilarities, by images that did not choose the layer. */
export const committedRdms = ({ rdms = [] }: Scored): number[] => rdms.map(scoreOf)

/** Mean over recordings, and a band of a standard error around it. */
export function banded(each: readonly (readonly number[])[]): { y: number[]; low: number[]; high: number[] } {
  const y = each.map(average)
  // Of a single number there is none.
  const error = each.map((values) => (values.length > 1 ? standardError(values) : 0))
  return { y, low: y.map((v, i) => v - (error[i] as number)), high: y.map((v, i) => v + (error[i] as number)) }
}

/** Bars of the mean of each group of numbers, with a standard error on both sides where any group has several. */
export function bars(name: string, groups: readonly (readonly number[])[]) {
  const values = groups.map(average)
  if (groups.every(({ length }) => length < 2)) return { name, values }
  const errors = groups.map(standardError)
  const moved = (by: number) => values.map((value, i) => value + by * (errors[i] as number))
  return { name, values, low: moved(-1), high: moved(1) }
}

export const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length
/** NaN of fewer than two. */
export const standardError = (values: readonly number[]): number =>
  values.length < 2 ? Number.NaN : deviationOf(values) / Math.sqrt(values.length)

/** A table of how alike dissimilarities are, a row a network, mean over seeds; none where no dissimilarities were given. */
export function rdmTables(what: string, found: readonly { name: string; results: readonly Scored[] }[]): StudyTable[] {
  const rdms = found[0]?.results[0]?.rdms ?? []
  if (rdms.length === 0) return []
  const ceiling = ({ ceiling }: RecordingScores) => (ceiling === null ? '-' : ceiling.toFixed(3))
  return [
    {
      caption:
        'Dissimilarities of images (1 - r of a layer’s whole output), Spearman’s correlation with those of brains and people, mean over seeds: of five folds of the images, the layer that the pairs of the other images chose, on the pairs that have one of its images',
      columns: [what, ...rdms.map(({ name }) => name)],
      rows: [
        ...found.map(({ name, results }) => [
          name,
          ...rdms.map((_, at) => average(results.map((one) => committedRdms(one)[at] as number)).toFixed(3)),
        ]),
        ['upper ceiling', ...rdms.map(ceiling)],
      ],
    },
  ]
}
