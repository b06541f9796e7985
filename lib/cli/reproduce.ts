// One figure or table of a paper, run again: numbers beside the published ones, as JSON, SVG and a page.
import { cpus, freemem } from 'node:os'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { flagOf } from '../data/flag_names.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import { writeStudy } from '../report/index.js'
import {
  listParts,
  type NsdChoice,
  openStudyData,
  partsOf,
  runStudy,
  type Study,
  type StudyData,
  type StudyDataOptions,
  type StudyOptions,
  scaleOf,
  studies,
  studyCost,
  studyOptions,
} from '../reproduce/index.js'
import { duration, memoryText } from '../run/progress.js'
import { addFlags, refuseOthers } from './flags.js'
import { addKindFlags } from './responses_flags.js'
import { interruptSignal, jsonText, type Output, output, run } from './terminal.js'

/** Flags that --parts heeds. */
const partsTake = ['parts', 'data', 'responses', 'rdm', 'images', 'counts', 'counted', 'out', 'quick', 'seeds', 'json']

/** A study, and what is asked for of it. */
interface Asked {
  study: Study
  options: StudyOptions
  nsd: NsdChoice
  values: ReproduceValues
}

interface ReproduceValues {
  data?: string
  responses?: string[]
  rdm?: string[]
  images?: string
  counts?: string
  counted?: string
  list?: boolean
  parts?: boolean
  out: string
  device: string
  json?: boolean
}

export function addReproduce(program: Command): void {
  const command = program
    .command('reproduce')
    .description('repeat a figure or table of a paper: its numbers beside ours')
    .argument('[name]', 'which one; --list names them')
    .option('--list', 'name the studies, with the data, time and memory that each needs')
    .option('--parts', 'name the parts of the study, with their time and whether they are done')
    .option(
      '--data <path>',
      'for grinberg-...: CIFAR-10 in binary batches (other labelled images work too, but the published numbers are on CIFAR-10); for passi-..., xie-fig2b, xie-fig2c and all-models: a folder of photos; for xie-transfer: meshes',
    )
    .option(
      '--responses <dir...>',
      'for passi-..., xie-fig2b, xie-fig2c and all-models: folders of recordings (see striate eval encoding --help), or the Natural Scenes Dataset',
    )
    .option(
      '--rdm <file...>',
      'for all-models, xie-fig2b and xie-fig2c, beside --responses: files of dissimilarities of --images (see striate eval rsa --help)',
    )
    .option('--images <dir>', 'the images of --rdm')
    .option(
      '--counts <file>',
      'for all-models, beside --responses: .npy of how many people chose each class for the test images of --counted (see striate eval behaviour --help)',
    )
    .option('--counted <path>', 'labelled images that people named, with a train split of the same classes, such as CIFAR-10')
    .option(
      '--out <dir>',
      'folder of all studies; parts that are there already, of the same data and settings, are not run again',
      'runs/reproduce',
    )
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', jsonText)
  const given = addFlags(command, studyOptions)
  const nsd: () => NsdChoice = addKindFlags(command, 'nsd')
  command
    .addHelpText(
      'after',
      '\nA study that was stopped goes on where it was when the same command is given again. Several processes share one in one folder.\n\nExamples:\n' +
        '  $ striate reproduce --list\n' +
        '  $ striate reproduce grinberg-fig2 --data cifar-10-batches-bin\n' +
        '  $ striate reproduce grinberg-table --data cifar-10-batches-bin --quick\n' +
        '  $ striate reproduce grinberg-fig2 --parts\n' +
        '  $ striate reproduce passi-fig2 --data photos --responses v4/210325 v4/190923 --quick\n' +
        '  $ striate reproduce passi-fig2 --data imagenet --responses nsd --subjects 1,2,5,7\n' +
        '  $ striate reproduce grinberg-fig2 --data cifar-10-batches-bin --part local-one-seed0',
    )
    .action((name: string | undefined, values: ReproduceValues) =>
      run(
        async () => {
          const say = output(values)
          if (values.list) {
            refuseOthers(command, ['list', 'quick', 'seeds', 'json'], '--list')
            return listStudies(given(), say)
          }
          const study = studies.find((s) => s.name === name)
          if (!study)
            throw new OptionError({
              op: 'reproduce',
              argument: name ? `'${name}'` : 'the name of a study',
              actual: name ? 'no study' : 'missing',
              expected: studies.map((s) => s.name).join(', '),
            })
          const asked = { study, options: given(), nsd: nsd(), values }
          if (!values.parts) return reproduce(asked, say)
          refuseOthers(command, [...partsTake, ...Object.keys(asked.nsd)], '--parts')
          return printParts(asked, say)
        },
        () => 'what was done is kept, go on with the same command',
      ),
    )
}

function listStudies(options: StudyOptions, say: Output): void {
  const listed = studies.map((study) => {
    const { name, source, about, needs } = study
    const { minutes, bytes } = studyCost(study, options)
    say.line(`${name.padEnd(16)} ${source}: ${about}`)
    say.line(`${' '.repeat(17)}${needs}; ${cost(minutes, bytes)}`)
    return { name, source, about, needs, minutes, bytes }
  })
  say.json({ studies: listed })
}

/** What a study needs, as the command line names it. */
function openFor(
  { study: { needs, size, takes = [] }, options, nsd, values }: Asked,
  path: string,
  control: Pick<StudyDataOptions, 'signal' | 'onProgress'> = {},
): Promise<StudyData> {
  const { responses = [], rdm, images, counts, counted } = values
  const flags = { rdms: { '--rdm': rdm, '--images': images }, people: { '--counts': counts, '--counted': counted } } as const
  for (const [what, values] of Object.entries(flags) as [keyof typeof flags, Record<string, unknown>][]) {
    const argument = Object.keys(values).find((name) => values[name] !== undefined)
    if (argument === undefined || takes.includes(what)) continue
    const names = studies.filter((one) => one.takes?.includes(what)).map(({ name }) => name)
    throw new OptionError({ op: 'reproduce', argument, actual: 'given', expected: `it only for ${names.join(' and ')}` })
  }
  const { quick } = scaleOf(options)
  const given = { responses, nsd, rdms: rdm ?? [], rdmImages: images, counts, countedImages: counted }
  return openStudyData(needs, path, { quick, size, ...given, ...control })
}

async function printParts(asked: Asked, say: Output): Promise<void> {
  const {
    study,
    options,
    values: { data, out },
  } = asked
  const opened = data === undefined ? null : await openFor(asked, data)
  const parts = await listParts(study, out, options, opened)
  const width = Math.max(...parts.map(({ name }) => name.length))
  for (const part of parts) {
    const time = duration(60 * part.minutes).padStart(12)
    say.line(`${part.name.padEnd(width)} ${part.done ? 'done' : '    '} ${time}  ${part.about}`)
  }
  say.json({ study: study.name, parts })
}

async function reproduce(asked: Asked, say: Output): Promise<void> {
  const { study, options, nsd, values } = asked
  if (values.data === undefined)
    throw new OptionError({
      op: 'reproduce',
      argument: '--data',
      actual: 'missing',
      expected: { l: 'the path of CIFAR-10 in binary batches', p: 'the path of photos', m: 'the path of meshes' }[
        study.needs[0] as 'l' | 'p' | 'm'
      ],
    })
  const signal = interruptSignal()
  const device = deviceOf(values.device)
  const data = await openFor(asked, values.data, { signal, onProgress: say.progress })
  const { minutes, bytes } = studyCost(study, options, data)
  say.line(`${study.name}: ${study.source}. ${study.about}`)
  say.line(
    `${data.train.shape[0]} training and ${data.test.shape[0]} test images; ${partsOf(study, options, data).length} parts, ${cost(minutes, bytes)}`,
  )
  if (device.kind === 'cpu' && bytes > freemem())
    say.line(
      `${memoryText(freemem())} are free: features that do not fit are computed again for every minibatch, which takes several times longer`,
    )
  const started = performance.now()
  const { out } = values
  const records = await runStudy(study, data, options, { out, device, signal, onProgress: say.progress, onPlan: say.line })
  say.done()
  const command = ['striate', 'reproduce', study.name, '--data', basename(values.data)]
  const { responses = [], rdm = [], images, counts, counted } = values
  if (responses.length > 0) command.push('--responses', ...responses.map((folder) => basename(folder)))
  for (const [name, value] of Object.entries(nsd))
    command.push(
      ...(typeof value === 'boolean' ? [value ? flagOf(name) : `--no-${flagOf(name).slice(2)}`] : [flagOf(name), String(value)]),
    )
  if (images !== undefined) command.push('--images', basename(images), '--rdm', ...rdm.map((file) => basename(file)))
  if (counts !== undefined && counted !== undefined) command.push('--counts', basename(counts), '--counted', basename(counted))
  if (scaleOf(options).quick) command.push('--quick')
  if (device.kind !== 'cpu') command.push('--device', values.device)
  if (options.seeds) command.push('--seeds', options.seeds.join())
  const written = await writeStudy(study, data, options, records, { out, command: command.join(' '), device: device.toString() })
  for (const row of written.rows) say.line(row)
  say.line(`done in ${duration((performance.now() - started) / 1000)}: ${join(written.folder, 'index.html')}`)
  say.json({ folder: written.folder, ...written.json })
}

const cost = (minutes: number, bytes: number): string =>
  `about ${duration(60 * minutes)} on two cores (this machine: ${cpus().length}), up to ${memoryText(bytes)} of memory`
