import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { type ImageSet, selectImages } from '../data/index.js'
import { deviceOf } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { type LightSeries, shadows } from '../eval/index.js'
import { writeAtomic } from '../io/index.js'
import { LightField, type LightKind, lightKinds } from '../light/index.js'
import { loadNetwork } from '../models/index.js'
import { type ImageSheet, imageSheet } from '../plot/index.js'
import { Permutation } from '../random.js'
import { curvesByLight, type ShadowRecord, shadowChart, shadowRows } from '../report/shadow_page.js'
import { startPhase } from '../run/index.js'
import { networkFile, networkSha256 } from '../run/network_file.js'
import { version } from '../version.js'
import { number, numbers, wholeNumber } from './options.js'
import { addImageOptions, openAsked } from './request.js'
import { interruptSignal, output, run } from './terminal.js'

interface EvalShadowsOptions {
  run: string
  data: string
  kinds: LightKind[]
  strengths?: number[]
  deviations?: number[]
  cover?: number
  seed: number
  split: 'train' | 'test'
  device: string
  size?: number
  limit?: number
  json?: boolean
}

function kinds(text: string): LightKind[] {
  const names = text.split(',') as LightKind[]
  for (const name of names)
    if (!lightKinds.includes(name)) throw new InvalidArgumentError(`'${name}' is none of ${lightKinds.join(', ')}.`)
  return [...new Set(names)]
}

export function addEvalShadows(evaluate: Command): void {
  const command = evaluate
    .command('shadows')
    .description('error of a run’s classifier against the strength of shadows and other changes of light, with pictures')
    .requiredOption('--run <dir>', 'folder of a run; results go there')
    .requiredOption('--data <path>', 'CIFAR binary batches, IDX files or a folder of class folders')
    .option('--kinds <list>', `of light: ${lightKinds.join(', ')}`, kinds, [...lightKinds])
    .option('--strengths <list>', 'shares of light or contrast left (default: 0.9,0.7,0.5,0.3,0.2,0.1)', numbers(0, 1))
    .option('--deviations <list>', 'of the noise, 1 being the full range (default: 0.02,0.05,0.1,0.15,0.2)', numbers(0, 1))
    .option('--cover <share>', 'of each image in the hard-edged shadow (default: 0.8)', number(0, 1))
    .option('--seed <n>', 'of what differs between images', wholeNumber(0), 0)
    .option('--split <name>', 'train or test', 'test')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
  addImageOptions(command)
    .option('--json', 'progress and result as JSON lines')
    .addHelpText(
      'after',
      '\nExample, the paper’s test:\n  $ striate eval shadows --run runs/grinberg --data cifar-10-batches-bin --kinds shadow --strengths 0.3',
    )
    .action((options: EvalShadowsOptions) => run(() => evalShadows(options)))
}

/** Refuses an option that none of the kinds asked for takes. */
function refuseIdle(argument: string, value: unknown, asked: LightKind[], takes: (kind: LightKind) => boolean): void {
  if (value === undefined || asked.some(takes)) return
  const expected = `it only with ${lightKinds.filter(takes).join(', ')} in --kinds`
  throw new OptionError({ op: 'eval shadows', argument, actual: `given for ${asked.join(', ')}`, expected })
}

async function evalShadows(options: EvalShadowsOptions): Promise<void> {
  const { run: folder, split, seed, cover } = options
  refuseIdle('--strengths', options.strengths, options.kinds, (kind) => kind !== 'noise')
  refuseIdle('--deviations', options.deviations, options.kinds, (kind) => kind === 'noise')
  refuseIdle('--cover', cover, options.kinds, (kind) => kind === 'shadow')
  const say = output(options)
  const signal = interruptSignal()
  using net = await loadNetwork(networkFile(folder), { device: deviceOf(options.device) })
  const network = await networkSha256(folder)
  await access(folder, constants.W_OK).catch((cause) => {
    const actual = 'a folder that this user may not write'
    throw new DataError({ op: 'eval shadows', argument: folder, actual, expected: 'a writable one for the results' }, { cause })
  })
  const set = await openAsked(options, { split, signal })
  const lights = options.kinds.map((kind): LightSeries => {
    const strengths = kind === 'noise' ? options.deviations : options.strengths
    return { kind, strengths, ...(kind === 'shadow' ? { cover } : {}) }
  })
  let report: ReturnType<typeof startPhase> | undefined
  const scores = await shadows(net, set, {
    lights,
    seed,
    signal,
    onProgress: (done, total) => {
      report ??= startPhase('shadows', 'images', total, done, say.progress)
      report(done)
    },
  })
  say.done()
  const record: ShadowRecord = { kind: 'shadows', striate: version, network, seed, ...scores }

  const place = (ending: string) => join(folder, `shadows-${split}${ending}`)
  const charts: [string, string][] = []
  for (const curves of curvesByLight(record)) charts.push([place(`-${curves[0]?.kind}.svg`), await shadowChart(curves)])
  const samples = await sampleSheet(set, record)
  for (const [file, chart] of charts) await writeAtomic(file, chart)
  await writeAtomic(place('-images.png'), samples.png)
  await writeAtomic(place('-images.svg'), samples.svg)
  await writeAtomic(place('.json'), `${JSON.stringify(record, null, 1)}\n`)

  say.json(record)
  const { unmodified } = scores
  say.line(
    `unmodified: error ${unmodified.value.toFixed(2)} % +- ${unmodified.spread.value.toFixed(2)} (${unmodified.raw.wrong} of ${unmodified.raw.images} images; standard error)`,
  )
  say.line(`${'light'.padEnd(18)} strength  float %  8-bit %     +-`)
  const cell = (value: number | null) => (value === null ? '' : value.toFixed(2))
  for (const curves of curvesByLight(record))
    for (const [name, strength, float, byte, spread] of shadowRows(curves))
      say.line(
        `${name.padEnd(18)} ${String(strength).padStart(8)} ${cell(float).padStart(8)} ${cell(byte).padStart(8)} ${cell(spread).padStart(6)}`,
      )
  say.line(`written: ${place('.json')}, curves and sample images beside it; striate report ${folder} shows them`)
}

/** Some images of the set, drawn by the seed: as they are, then in each light at the paper's strength or the one in the middle. */
async function sampleSheet(set: ImageSet, { curves, seed }: ShadowRecord): Promise<ImageSheet> {
  const [count, channels, height, width] = set.shape
  const order = new Permutation(count, seed)
  const room = Math.max(3, Math.min(10, Math.floor(900 / Math.max(72, width))))
  const chosen = Array.from({ length: Math.min(count, room) }, (_, i) => order.at(i))
  const { images } = await selectImages(set, chosen)
  const stride = channels * height * width
  const rows = [{ label: 'raw', images }]
  for (const { kind, cover, format, points } of curves) {
    if (format !== 'u8') continue
    const strengths = points.slice(1).map((p) => p.strength)
    const strength = strengths.includes(0.3) ? 0.3 : strengths[Math.floor(strengths.length / 2)]
    if (strength === undefined) continue
    const lit = new Uint8Array(images.length)
    chosen.forEach((index, i) => {
      // An image's light is that of its place in the set.
      const light = { kind, ...(cover === null ? {} : { cover }) }
      const field = new LightField(light, [1, channels, height, width], { seed, first: index })
      lit.set(field.apply(images.subarray(i * stride, (i + 1) * stride), strength, 'u8'), i * stride)
    })
    rows.push({ label: `${kind} ${strength}`, images: lit })
  }
  return imageSheet(rows, [chosen.length, channels, height, width], {
    title: `Images of ${set.name} as they are and in changed light`,
  })
}
