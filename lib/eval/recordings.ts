// One score a layer out of those of several recordings: sessions, subjects.
import { createHash } from 'node:crypto'
import type { Recording, RecordingSource } from '../data/index.js'
import { DataError } from '../errors.js'
import { startPhase } from '../run/index.js'
import { type CommittedScore, mostOften } from './committed.js'
import { aggregate, deviationOf } from './correlation.js'
import type { LayerControl } from './layer_features.js'
import type { LayerScore } from './layer_scores.js'
import type { RsaScore, RsaScores } from './rsa.js'
import type { Score } from './score.js'

/** @internal Opens a recording that was found; progress counts what it reads. */
export function openSource(source: RecordingSource, { signal, onProgress }: LayerControl): Promise<Recording> {
  let report: ReturnType<typeof startPhase> | undefined
  return source.open({
    signal,
    onProgress: ({ done, total }) => {
      report ??= startPhase('responses', 'voxels', total, 0, onProgress)
      report(done)
    },
  })
}

/** @internal How a recording is split: as it states itself, where it does, else by folds. */
export const splitOf = <Folds extends object>({ split }: Recording, folds: Folds): Folds | { test: number[] } =>
  split ? { test: [...split.test] } : folds

/** What was found of one recording. */
export interface RecordingScores {
  name: string
  scores: (LayerScore | RsaScore)[]
  /** Of `encode` and `pls`. */
  committed?: CommittedScore | null
  /** Of `rsa`. */
  ceiling?: RsaScores['ceiling']
}

/** The mean over recordings of a layer's scores; its spread is the standard error over recordings. */
export interface MeanScore extends Score {
  layer: string
  /** Where recordings differ, what holds of each. */
  protocol: Record<string, string | number[] | null>
  /** Of each recording, in their order. */
  perRecording: number[]
}

export interface MeanScores {
  /** One a layer, in the order of the recordings' own. */
  scores: MeanScore[]
  /** The mean of each recording's own; its layer is the one that most chose. null of a single layer, and where there are none. */
  committed: (Score & { layer: string; reason: string; byRecording: string[] }) | null
  /** The lowest and the highest ceiling of a recording; null where one has none. */
  ceiling: RsaScores['ceiling']
  recordings: RecordingScores[]
}

/** Of what there are more the more recordings there are; of all other numbers the mean is told. */
const counted = ['images', 'tested', 'targets', 'constant', 'unmeasured', 'incomplete', 'subjects', 'pairs', 'unknownPairs']

/**
 * The mean over recordings of the scores of each layer, with the standard error over recordings, which says how well it would hold for another.
 * @param recordings each with scores of the same layers in the same order
 * @throws {DataError} when there are fewer than two, or their layers differ
 */
export function overRecordings(recordings: readonly RecordingScores[]): MeanScores {
  const op = 'overRecordings'
  const [first] = recordings
  if (!first || recordings.length < 2)
    throw new DataError({ op, argument: 'recordings', actual: `${recordings.length}`, expected: 'two or more' })
  const layers = first.scores.map(({ layer }) => layer)
  for (const { name, scores } of recordings)
    if (scores.map(({ layer }) => layer).join() !== layers.join())
      throw new DataError({
        op,
        argument: name,
        actual: `scores of ${scores.map(({ layer }) => layer).join(', ')}`,
        expected: `of ${layers.join(', ')}, as of ${first.name}`,
      })
  const scores = layers.map((layer, i): MeanScore => {
    const own = recordings.map((recording) => recording.scores[i] as LayerScore | RsaScore)
    return {
      layer,
      ...meanOf(own),
      protocol: merged(own.map(({ protocol }) => ({ ...protocol }))),
      perRecording: own.map(({ value }) => value),
    }
  })
  return { scores, committed: meanCommitted(recordings), ceiling: ceilingsOf(recordings), recordings: [...recordings] }
}

const mean = (values: readonly number[]): number => aggregate(values, 'mean')

function meanOf(scores: readonly Score[]): Score {
  const [first] = scores as [Score]
  const known = scores.map(({ value }) => value).filter((value) => !Number.isNaN(value))
  const ceilings = scores.flatMap(({ ceiling }) => ceiling ?? [])
  const shared = Object.keys(first.raw).filter((name) => scores.every(({ raw }) => raw[name] !== undefined))
  const raw = shared.map((name) => {
    const values = scores.map((score) => score.raw[name] as number)
    return [name, counted.includes(name) ? values.reduce((sum, value) => sum + value, 0) : mean(values)]
  })
  const names = [...new Set(scores.map(({ data }) => data.name))]
  return {
    name: first.name,
    value: mean(known),
    unit: first.unit,
    raw: { recordings: scores.length, ...Object.fromEntries(raw) },
    ceiling:
      ceilings.length === scores.length
        ? {
            value: mean(ceilings.map(({ value }) => value)),
            formula: `mean over ${scores.length} recordings: ${ceilings[0]?.formula}`,
          }
        : null,
    spread: { value: deviationOf(known) / Math.sqrt(known.length), over: `${known.length} recordings (standard error)` },
    seed: first.seed,
    model: first.model,
    data: {
      name: names.join('; '),
      sha256: createHash('sha256')
        .update(JSON.stringify(scores.map(({ data }) => data.sha256)))
        .digest('hex'),
    },
  }
}

/** What all say, or where they differ all that is said. */
function merged(protocols: readonly Record<string, unknown>[]): MeanScore['protocol'] {
  const of = (name: string) => {
    const texts = protocols.map((protocol) => protocol[name] as string | number[] | null)
    const distinct = [...new Set(texts.map((text) => (Array.isArray(text) ? text.join(' x ') : (text ?? 'not stated'))))]
    return distinct.length === 1 ? (texts[0] ?? null) : distinct.join('; ')
  }
  return Object.fromEntries(Object.keys(protocols[0] ?? {}).map((name) => [name, of(name)]))
}

function meanCommitted(recordings: readonly RecordingScores[]): MeanScores['committed'] {
  const own = recordings.flatMap(({ committed }) => committed ?? [])
  if (own.length < recordings.length) return null
  const byRecording = own.map(({ layer }) => layer)
  const { layer, times } = mostOften(byRecording)
  return { ...meanOf(own), layer, reason: `each recording’s own: ${layer} in ${times} of ${own.length}`, byRecording }
}

function ceilingsOf(recordings: readonly RecordingScores[]): MeanScores['ceiling'] {
  const edges = recordings.flatMap(({ ceiling, scores: [score] }) =>
    ceiling
      ? [ceiling]
      : score?.ceiling
        ? [{ lower: score.ceiling.value, upper: score.ceiling.value, formula: score.ceiling.formula }]
        : [],
  )
  if (edges.length < recordings.length) return null
  return {
    lower: Math.min(...edges.map(({ lower }) => lower)),
    upper: Math.max(...edges.map(({ upper }) => upper)),
    formula: `lowest and highest of ${edges.length} recordings: ${edges[0]?.formula}`,
  }
}
