// One figure or table of a paper, run again: numbers beside the published ones, as JSON, SVG and a page.
import { cpus, freemem } from 'node:os'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { type ImageSet, openImages, selectImages } from '../data/index.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import { writeStudy } from '../report/study_page.js'
import { runStudy, type Scale, type Study, studies } from '../reproduce/index.js'
import { numbers } from './options.js'
import { duration, interruptSignal, output, run } from './terminal.js'

interface ReproduceOptions {
  data?: string
  quick?: boolean
  list?: boolean
  seeds?: number[]
  out: string
  device: string
  reportOnly?: boolean
  json?: boolean
}

/** Images of `--quick`, spread over the set so that every class has its share. */
const quickImages = { train: 3000, test: 1000 }

export function addReproduce(program: Command): void {
  program
    .command('reproduce')
    .description('repeat a figure or table of a paper: its numbers beside ours')
    .argument('[name]', 'which one; --list names them')
    .option('--list', 'name the studies, with the time and memory that each needs')
    .option(
      '--data <path>',
      'CIFAR-10 in binary batches (other labelled images work too, but the published numbers are on CIFAR-10)',
    )
    .option('--quick', "a minute's version: part of the images, small networks, one seed; its numbers are not the paper's")
    .option('--seeds <list>', 'seeds of the runs (default: 0,1,2; with --quick 0)', numbers(0, 2 ** 32))
    .option('--out <dir>', 'folder of all studies; parts that are there already are not run again', 'runs/reproduce')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--report-only', 'run nothing: report on the parts that are there')
    .option('--json', 'progress and result as JSON lines')
    .addHelpText(
      'after',
      '\nA study that was stopped goes on where it was when the same command is given again.\n\nExamples:\n' +
        '  $ striate reproduce --list\n' +
        '  $ striate reproduce grinberg-fig2 --data cifar-10-batches-bin\n' +
        '  $ striate reproduce grinberg-table --data cifar-10-batches-bin --quick',
    )
    .action((name: string | undefined, options: ReproduceOptions) =>
      run(
        () => reproduce(name, options),
        () => 'what was done is kept, go on with the same command',
      ),
    )
}

async function reproduce(name: string | undefined, options: ReproduceOptions): Promise<void> {
  const say = output(options)
  const scale: Scale = { quick: options.quick ?? false, seeds: options.seeds ?? (options.quick ? [0] : [0, 1, 2]) }
  for (const seed of scale.seeds)
    if (!Number.isInteger(seed))
      throw new OptionError({ op: 'reproduce', argument: '--seeds', actual: String(seed), expected: 'whole numbers' })
  if (options.list) {
    for (const study of studies) {
      const { minutes, bytes } = total(study, scale)
      say.line(`${study.name.padEnd(16)} ${study.source}: ${study.about}\n${' '.repeat(17)}${cost(minutes, bytes)}`)
      say.json({ name: study.name, source: study.source, about: study.about, minutes, bytes })
    }
    return
  }
  const study = studies.find((s) => s.name === name)
  if (!study)
    throw new OptionError({
      op: 'reproduce',
      argument: name ? `'${name}'` : 'the name of a study',
      actual: name ? 'no study' : 'missing',
      expected: studies.map((s) => s.name).join(', '),
    })
  if (!options.data)
    throw new OptionError({
      op: 'reproduce',
      argument: '--data',
      actual: 'missing',
      expected: 'the path of CIFAR-10 in binary batches',
    })
  const signal = interruptSignal()
  const device = deviceOf(options.device)
  const open = async (split: 'train' | 'test'): Promise<ImageSet> => {
    const set = await openImages(options.data as string, { split, signal })
    return scale.quick ? spread(set, quickImages[split]) : set
  }
  const data = { train: await open('train'), test: await open('test') }
  const { minutes, bytes } = total(study, scale)
  say.line(`${study.name}: ${study.source}. ${study.about}`)
  say.line(
    `${data.train.shape[0]} training and ${data.test.shape[0]} test images; ${study.parts(scale).length} parts, ${cost(minutes, bytes)}`,
  )
  if (device.kind === 'cpu' && bytes > freemem())
    say.line(
      `${gigabytes(freemem())} are free: features that do not fit are computed again for every minibatch, which takes several times longer`,
    )
  const started = performance.now()
  const records = await runStudy(study, scale, {
    data,
    out: options.out,
    device,
    signal,
    onProgress: say.progress,
    say: (text) => {
      say.done()
      say.line(text)
    },
    reportOnly: options.reportOnly ?? false,
  })
  say.done()
  const folder = join(options.out, scale.quick ? `${study.name}-quick` : study.name)
  const command = ['striate', 'reproduce', study.name, '--data', basename(options.data)]
  if (scale.quick) command.push('--quick')
  if (device.kind !== 'cpu') command.push('--device', options.device)
  if (options.seeds) command.push('--seeds', scale.seeds.join())
  const report = await study.report(new Map([...records].map(([part, record]) => [part, record.result])), scale, { folder, data })
  const written = await writeStudy(study, scale, report, records, {
    folder,
    data,
    command: command.join(' '),
    device: device.toString(),
  })
  for (const row of written.rows) say.line(row)
  say.line(`done in ${duration((performance.now() - started) / 1000)}: ${join(folder, 'index.html')}`)
  say.json({ event: 'done', folder, ...written.json })
}

function total(study: Study, scale: Scale): { minutes: number; bytes: number } {
  const parts = study.parts(scale)
  return {
    minutes: parts.reduce((sum, part) => sum + part.expected.minutes, 0),
    bytes: Math.max(...parts.map((part) => part.expected.bytes)),
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toPrecision(2)} GiB`

const cost = (minutes: number, bytes: number): string =>
  `about ${duration(60 * minutes)} on two cores (this machine: ${cpus().length}), up to ${gigabytes(bytes)} of memory`

/** `count` images, evenly spaced over the set. */
async function spread(set: ImageSet, count: number): Promise<ImageSet> {
  const n = set.shape[0]
  if (n <= count) return set
  return selectImages(
    set,
    Int32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count)),
  )
}
