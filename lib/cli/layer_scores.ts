// What the commands have in common that score the layers of a run against responses.
import { basename, join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { z } from 'zod'
import { type Images, openImages, openRecording, type Recording, recordingOptions } from '../data/index.js'
import { deviceOf } from '../device.js'
import type { LayerControl, LayerScores } from '../eval/index.js'
import type { Network } from '../models/index.js'
import { type LayerRecord, writeLayerScores } from '../report/index.js'
import { forResult } from '../run/folder.js'
import { networkSha256, openNetwork } from '../run/index.js'
import { hasRequest } from '../run/request.js'
import { addFlags } from './flags.js'
import { shapingOf } from './run_images.js'
import { interruptSignal, jsonText, type Output, output, run } from './terminal.js'

interface LayerValues {
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
export const addShapingFlags = (command: Command, except: readonly string[] = []) =>
  addFlags(command, recordingOptions, {
    only: shaping.filter((name) => !except.includes(name)),
    group: 'Images (default: as the run has them):',
    defaults: false,
  })

type Given = ReturnType<ReturnType<typeof addShapingFlags>>

/** How images are brought to the size of a run's network: as its own were, but for what is asked for. */
async function shapingFor(net: Network, folder: string, given: Given) {
  const { channels, image } = net.config
  // A run that says nothing of them had the defaults of images.
  const defaults = hasRequest(folder) ? { fit: 'cover' as const, resize: 'lanczos' as const } : {}
  const { fit, ...own } = await shapingOf(folder)
  return {
    ...defaults,
    ...own,
    ...(fit === undefined || fit === 'tile' ? {} : { fit }),
    ...given,
    size: [image[0], image[1]] as [number, number],
    grey: channels === 1,
  }
}

export const openRecordingFor = async (
  net: Network,
  folder: string,
  path: string,
  given: Given,
  signal: AbortSignal,
): Promise<Recording> => openRecording(path, { ...(await shapingFor(net, folder, given)), signal })

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

/** Runs a score of a run's layers, writes what it found beside the run, and shows it. */
export function runLayerScores<R extends LayerRecord>(
  values: LayerValues,
  command: string,
  subject: string,
  work: (net: Network, control: LayerControl & { signal: AbortSignal }) => Promise<Omit<R, 'kind' | 'striate' | 'network'>>,
  show: (record: R, say: Output) => void,
): Promise<void> {
  return run(async () => {
    const say = output(values)
    const signal = interruptSignal()
    using net = await openNetwork(values.run, { device: deviceOf(values.device) })
    const network = await networkSha256(values.run)
    const name = `${command}-${basename(resolve(subject)).replace(/\.npy$/, '')}`
    const record = await forResult(`eval ${command}`, values.run, name, async () => {
      const found = await work(net, { signal, onProgress: say.progress, onPlan: say.line })
      say.done()
      return writeLayerScores<R>(values.run, name, { kind: command, network, ...found } as unknown as Omit<R, 'striate'>)
    })
    say.json(record)
    show(record, say)
    say.line(`written: ${join(values.run, name)}.json, .svg and .html`)
  })
}

/** A command that scores layers by a regression to the responses of a recording. */
export function addRegression<S extends z.ZodObject>(
  evaluate: Command,
  name: 'encoding' | 'pls',
  description: string,
  schema: S,
  score: (net: Network, recording: Recording, options: Partial<z.input<S>> & LayerControl) => Promise<LayerScores>,
): void {
  const command = evaluate.command(name).description(description)
  addLayerFlags(command)
  command.requiredOption(
    '--responses <dir>',
    'folder with images/ (or images.npy, images-bits.npy) and responses_mean.npy [images, targets], responses_trials.npy or both',
  )
  const own = addFlags(command, schema)
  const given = addShapingFlags(command)
  command
    .addHelpText(
      'after',
      `\nExample, every block, on 6,077 random dimensions each:\n  $ striate eval ${name} --run runs/wavelet --responses v4/210325 --layers all --projection 6077`,
    )
    .action((values: LayerValues & { responses: string }) =>
      runLayerScores(
        values,
        name,
        values.responses,
        async (net, control) => {
          const recording = await openRecordingFor(net, values.run, values.responses, given(), control.signal)
          return score(net, recording, { ...own(), ...control })
        },
        showRegression,
      ),
    )
}

const three = (value: number | undefined): string => (value === undefined || Number.isNaN(value) ? '-' : value.toFixed(3))

function showRegression({ scores, committed }: LayerRecord, say: Output): void {
  const [first] = scores
  if (!first || !('perTarget' in first)) return
  const { protocol, raw, ceiling } = first
  const width = Math.max(5, ...scores.map(({ layer }) => layer.length))
  say.line(`${'layer'.padEnd(width)}      r     +-  chosen by  features  dimensions`)
  for (const { layer, value, spread, raw } of scores)
    say.line(
      `${layer.padEnd(width)}  ${three(value).padStart(5)}  ${three(spread.value)}  ${three(raw.inner).padStart(9)}  ${String(raw.features).padStart(8)}  ${String(raw.dimensions).padStart(10)}`,
    )
  if (committed)
    say.line(
      `committed: ${committed.layer}, r ${three(committed.value)} +- ${three(committed.spread.value)} (${committed.reason})`,
    )
  if (ceiling) say.line(`ceiling: r ${three(ceiling.value)} (${ceiling.formula})`)
  say.line(
    `${raw.images} images, ${raw.targets} targets (left out: ${raw.constant} constant, ${raw.unmeasured} not measured; ${raw.incomplete} lack some images)`,
  )
  for (const [name, text] of Object.entries(protocol))
    if (name !== 'projection' && text !== null) say.line(`${name}: ${Array.isArray(text) ? text.join(' x ') : text}`)
}
