// What the commands have in common that score the layers of a run against responses.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import {
  type Images,
  type OpenImagesOptions,
  openImages,
  type Recording,
  type RecordingSource,
  type RecordingsOptions,
  recordingsOptions,
} from '../data/index.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import { splitsFor } from '../eval/folds.js'
import { type CommittedScore, type LayerControl, overRecordings, type RecordingScores } from '../eval/index.js'
import { namedLayers } from '../eval/layer_features.js'
import { type layerScoreOptions, parseScoreOptions, type Scoring } from '../eval/layer_scores.js'
import { openSource } from '../eval/recordings.js'
import { readStored } from '../io/stored.js'
import type { Network } from '../models/index.js'
import { type LayerRecord, writeLayerScores } from '../report/index.js'
import { forResult } from '../run/folder.js'
import { networkSha256, type OnProgress, openNetwork } from '../run/index.js'
import { hasRequest } from '../run/request.js'
import { addFlags, isGiven, nameOf } from './flags.js'
import { addResponsesFlags, addTestFlag } from './responses_flags.js'
import { shapingOf } from './run_images.js'
import { interruptSignal, jsonText, type Output, output, run } from './terminal.js'

export interface LayerValues {
  run: string
  device: string
  json?: boolean
}

/** Adds the flags that all of them have. */
export function addLayerFlags(command: Command): void {
  command
    .requiredOption('--run <dir>', 'folder of a run; results go there')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', jsonText)
}

const shaping = ['fit', 'resize', 'crop', 'background', 'maxPixels', 'concurrency', 'memoryLimit'] as const

/** Adds the flags of how images are brought to a network's size. @returns reads those that were given */
export const addShapingFlags = (command: Command) =>
  addFlags(command, recordingsOptions, {
    only: shaping,
    group: 'Images (default: as the run has them):',
    defaults: false,
  })

type Given = ReturnType<ReturnType<typeof addShapingFlags>>

const sizeFor = ({ config: { channels, image } }: Network) => ({
  size: [image[0], image[1]] as [number, number],
  grey: channels === 1,
})

/** How images are brought to a network's size: as its own were, of which what is not said had the defaults of images. */
export const shapingLike = (net: Network, { fit, resize, background }: OpenImagesOptions) => ({
  fit: fit === undefined || fit === 'tile' ? ('cover' as const) : fit,
  resize: resize ?? ('lanczos' as const),
  ...(background === undefined ? {} : { background }),
  ...sizeFor(net),
})

/** {@link shapingLike} the images of a run, where it says how they were, but for what is asked for. */
export const shapingFor = async (net: Network, folder: string, given: Given) => ({
  ...(hasRequest(folder) ? shapingLike(net, await shapingOf(folder)) : sizeFor(net)),
  ...given,
})

export async function openPicturesFor(
  net: Network,
  folder: string,
  path: string,
  given: Given,
  signal: AbortSignal,
): Promise<Images> {
  const { crop: _crop, ...options } = await shapingFor(net, folder, given)
  return openImages(path, { ...options, labels: 'none', signal })
}

/** What is scored: its name, for the files of results, and how. */
export interface Prepared {
  name: string
  score(control: LayerControl & { onProgress: OnProgress }): Promise<Omit<LayerRecord, 'kind' | 'striate' | 'network'>>
}

/** Prepares a score of a run's layers, so that what can be refused is, takes it, writes what it found beside the run, and shows it. */
export function runLayerScores(
  values: LayerValues,
  command: LayerRecord['kind'],
  prepare: (net: Network, signal: AbortSignal) => Promise<Prepared>,
  show: (record: LayerRecord, say: Output) => void,
): Promise<void> {
  return run(async () => {
    const say = output(values)
    const signal = interruptSignal()
    using net = await openNetwork(values.run, { device: deviceOf(values.device) })
    const network = await networkSha256(values.run)
    const { name: subject, score } = await prepare(net, signal)
    const wanted = `${command}-${subject}`
    const { name, record } = await forResult(`eval ${command}`, values.run, wanted, async () => {
      const found = await score({ signal, onProgress: say.progress, onPlan: say.line })
      say.done()
      const name = await freeName(values.run, wanted, found.scores[0]?.data.sha256)
      return { name, record: await writeLayerScores(values.run, name, { kind: command, network, ...found }) }
    })
    say.json(record)
    show(record, say)
    const other = name === wanted ? '' : ` (${wanted} is of other data)`
    say.line(`written: ${join(values.run, name)}.json, .svg and .html${other}`)
  })
}

/** The name of a result, numbered where results of other data have it already: recordings in different folders may be called the same. */
async function freeName(folder: string, wanted: string, sha256: string | undefined): Promise<string> {
  const schema = z.object({ scores: z.array(z.object({ data: z.object({ sha256: z.string() }) })).min(1) })
  for (let turn = 1; ; ++turn) {
    const name = turn === 1 ? wanted : `${wanted}-${turn}`
    const file = join(folder, `${name}.json`)
    if (!existsSync(file)) return name
    // What cannot be read any more is written anew.
    const found = await readStored('eval', file, schema, 'scores that striate eval wrote').catch(() => null)
    if (!found || found.scores[0]?.data.sha256 === sha256) return name
  }
}

/** Names of recordings in that of a file. */
function fileName(names: readonly string[]): string {
  const all = names.join('+').replaceAll(/[^\p{L}\p{N}._+-]+/gu, '-')
  return all.length <= 100 ? all : `${all.slice(0, 80)}-and-others-${names.length}`
}

/** How recordings are scored. */
interface RecordingScorer {
  /** Makes ready the score of a recording and refuses what can be refused. */
  ready(
    recording: Recording,
    place: number,
  ): Promise<Scoring<Omit<RecordingScores, 'name'>>> | Scoring<Omit<RecordingScores, 'name'>>
  /** The same as far as it is known of one whose responses are read later. */
  check(source: RecordingSource, place: number): void
}

/**
 * Scores recordings one after the other: one is what it is, of several it is the mean over them with their own beside it. What is wrong with any of them
 * is told before the first is scored; those of the Natural Scenes Dataset, which are read one at a time, by what lies beside their responses.
 */
export async function preparedRecordings(
  sources: readonly RecordingSource[],
  signal: AbortSignal,
  { ready, check }: RecordingScorer,
): Promise<Prepared> {
  const isLater = ({ kind }: RecordingSource) => kind === 'nsd'
  const scorings: (Awaited<ReturnType<typeof ready>> | null)[] = []
  for (const [place, source] of sources.entries()) {
    signal.throwIfAborted()
    if (isLater(source)) check(source, place)
    scorings.push(isLater(source) ? null : await ready(await source.open({ signal }), place))
  }
  return {
    name: fileName(sources.map(({ name }) => name)),
    score: async ({ onProgress, onPlan }) => {
      const all: RecordingScores[] = []
      for (const [place, source] of sources.entries()) {
        const which = sources.length > 1 ? `${source.name} (${place + 1} of ${sources.length}), ` : ''
        const tell: OnProgress = (progress) => onProgress({ ...progress, phase: which + progress.phase })
        const score = scorings[place] ?? (await ready(await openSource(source, { signal, onProgress: tell }), place))
        const control = { signal, onProgress: tell, onPlan: (text: string) => onPlan?.(which + text) }
        all.push({ name: source.name, ...(await score(control)) })
      }
      if (all.length > 1) return overRecordings(all)
      const [{ name: _, ...only }] = all as [RecordingScores]
      return only
    },
  }
}

/** A command that scores layers by a regression to the responses of recordings. */
export function addRegression<S extends z.ZodObject<typeof layerScoreOptions>>(
  evaluate: Command,
  name: 'encoding' | 'pls',
  description: string,
  schema: S,
  scoring: (net: Network, recording: Recording, options: z.input<S>) => Scoring,
): void {
  const command = evaluate.command(name).description(description)
  addLayerFlags(command)
  const responses = addResponsesFlags(command)
  const own = addFlags(command, schema, { except: ['test'] })
  const tested = addTestFlag(command)
  const given = addShapingFlags(command)
  command
    .addHelpText(
      'after',
      `
Examples: every block, on 6,077 random dimensions each; three sessions, of which the mean is shown with its standard error; the ventral voxels of two
subjects of the Natural Scenes Dataset, on its own split; a region of an assembly:
  $ striate eval ${name} --run runs/wavelet --responses v4/210325 --layers all --projection 6077
  $ striate eval ${name} --run runs/wavelet --responses v4/210325 v4/190923 v4/210621
  $ striate eval ${name} --run runs/wavelet --responses nsd --subjects 1,2 --test stated
  $ striate eval ${name} --run runs/wavelet --responses majaj.nc --stimuli majaj.csv --images majaj.zip --region IT`,
    )
    .action((values: LayerValues & { responses: string[] }) =>
      runLayerScores(
        values,
        name,
        async (net, signal) => {
          // What contradicts a split that is given, before a large recording is looked into.
          parseScoreOptions(name, schema, { ...own(), ...(isGiven(command, 'test') && { test: [0] }) } as z.input<S>)
          const shaping = await shapingFor(net, values.run, given())
          const sources = await responses.open(values.responses, { ...shaping, signal })
          const tests = await tested(sources)
          const options = tests.map((test) => ({ ...own(), ...(test && { test }) }) as z.input<S>)
          const settings = options.map((one) => parseScoreOptions(name, schema, one))
          for (const { layers } of settings) namedLayers(name, net, layers, true)
          return preparedRecordings(sources, signal, {
            ready: (recording, place) => scoring(net, recording, options[place] as z.input<S>),
            check: ({ about }, place) => {
              const own = settings[place] as z.output<S>
              splitsFor(name, about, own, 1)
              if (own.normalise !== undefined) refuseWithoutTrials(command, '--normalise', responses.given())
            },
          })
        },
        showRegression,
      ),
    )
}

/** Refuses what single trials are needed for, where none of the Natural Scenes Dataset are read. */
export function refuseWithoutTrials(command: Command, argument: string, { trials }: RecordingsOptions): void {
  if (!trials) throw new OptionError({ op: nameOf(command), argument, actual: 'given without --trials', expected: 'both' })
}

const three = (value: number | undefined): string => (value === undefined || Number.isNaN(value) ? '-' : value.toFixed(3))

function showRegression({ scores, committed, ceiling: band, recordings = [] }: LayerRecord, say: Output): void {
  const [first] = scores as [LayerRecord['scores'][number]]
  const { protocol, raw, ceiling, spread } = first
  const width = Math.max(5, ...scores.map(({ layer }) => layer.length))
  say.line(`${'layer'.padEnd(width)}      r     +-  chosen by  features  dimensions`)
  for (const { layer, value, spread, raw } of scores)
    say.line(
      `${layer.padEnd(width)}  ${three(value).padStart(5)}  ${three(spread.value)}  ${three(raw.inner).padStart(9)}  ${String(raw.features).padStart(8)}  ${String(Math.round(raw.dimensions as number)).padStart(10)}`,
    )
  say.line(`+- over ${spread.over}`)
  if (committed) say.line(committedLine(committed))
  for (const { name, scores, committed } of recordings) say.line(recordingLine(name, scores, committed ?? null))
  if (band) say.line(`ceiling: r ${three(band.lower)} to ${three(band.upper)} (${band.formula})`)
  else if (ceiling) say.line(`ceiling: r ${three(ceiling.value)} (${ceiling.formula})`)
  say.line(
    `${raw.images} images, ${raw.targets} targets (left out: ${raw.constant} constant, ${raw.unmeasured} not measured; ${raw.incomplete} lack some images)`,
  )
  for (const [name, text] of Object.entries(protocol))
    if (name !== 'projection' && text !== null) say.line(`${name}: ${Array.isArray(text) ? text.join(' x ') : text}`)
}

export const committedLine = ({ layer, value, spread, reason }: NonNullable<LayerRecord['committed']>): string =>
  `committed: ${layer}, r ${three(value)} +- ${three(spread.value)} (${reason})`

/** Of one of several recordings. */
export function recordingLine(name: string, scores: RecordingScores['scores'], committed: CommittedScore | null): string {
  const best = scores.reduce((a, b) => (b.value > a.value ? b : a))
  const { layer, value } = committed ?? best
  return `${name}: ${committed ? 'committed' : 'best'} ${layer}, r ${three(value)}${best.ceiling ? `, ceiling ${three(best.ceiling.value)}` : ''}`
}
