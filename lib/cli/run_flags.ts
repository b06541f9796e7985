// What the commands that train share: flags beside their recipe's options, what is asked for of a new run or of one that goes on, and a run for
// each of several seeds.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { type Images, labelsOf, type OpenImagesOptions, openImagesOptions } from '../data/index.js'
import { type Device, deviceOf } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { parseOptions, seed as seedOption } from '../options.js'
import { inFolder } from '../run/folder.js'
import { finishedRecord, processGroup, provenanceSchema, type RunOptions, recordFile } from '../run/index.js'
import { hasRequest, readRequest, writeRequest } from '../run/request.js'
import { addFlags, isGiven, nameOf } from './flags.js'
import { dataText, openData } from './open_data.js'
import { interruptSignal, jsonText, keptRun, type Output, output, run } from './terminal.js'

/** What a run of any recipe was asked for; its request.json holds its recipe's settings beside them. */
const runRequest = z.strictObject({
  /** In full. */
  data: z.string(),
  /** Of the images: those of another path are taken for these by it. */
  sha256: z.string(),
  device: z.string(),
  images: openImagesOptions,
  /** One run each, in folders of their own. */
  seeds: z.array(seedOption).min(1).optional(),
})
type RunRequest = z.output<typeof runRequest>

/** What of a request changes no result: a run may go on with another. */
const free = ['images.labelFile', 'images.memoryLimit', 'images.concurrency']

const runFlags = z.strictObject({
  checkpointSeconds: z.number().min(0).max(1e6).optional().meta({ unit: 's' }).describe('between checkpoints (default: 20)'),
  allowOtherBits: z
    .boolean()
    .default(false)
    .describe('go on with a run on another kind of device or instruction set, whose results differ in their last bits'),
})
const seedsFlag = z.strictObject({
  seeds: runRequest.shape.seeds.describe('a run for each, in seed-<n> of the folder, and a page that compares them'),
})

interface RunValues {
  data?: string
  device: string
  out: string
  resume?: string
  json?: boolean
}

/**
 * Adds the flags of how images are opened.
 * @param except those that a command has as its own
 * @returns reads those that were given, paths in full
 */
export function addImageFlags(command: Command, except: readonly string[] = []): () => OpenImagesOptions {
  const flags = addFlags(command, openImagesOptions, { group: 'Images:', except })
  return () => {
    const { labelFile, ...given } = flags()
    return { ...given, ...(labelFile === undefined ? {} : { labelFile: resolve(labelFile) }) }
  }
}

/** A recipe as a command: its settings, and one run of it. */
export interface TrainingCommand<S extends z.ZodObject> {
  /** Of its request, beside the data; `options` has a seed. */
  settings: S
  /** What its flags say, and nothing else: a run that goes on has the rest. */
  asked: () => z.input<S>
  /** Trains, writes the run's page and says what came of it. `opened`: how the images were. */
  train: (
    images: Images,
    settings: z.output<S>,
    run: RunOptions & { out: string; device: Device },
    say: Output,
    opened: OpenImagesOptions,
  ) => Promise<void>
}

/** The flags that every training command has; they are added to it first, its recipe's own after them, its action last. */
export class TrainingFlags {
  private readonly own: () => Partial<z.input<typeof runFlags>>
  private readonly seeds: () => Partial<z.input<typeof seedsFlag>>
  private readonly images: () => OpenImagesOptions

  /** @param out folder of the run where none is named */
  constructor(
    private readonly command: Command,
    out: string,
  ) {
    command
      .option('--data <path>', dataText)
      .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
      .option('--out <dir>', 'folder of the run', out)
      .option('--resume <dir>', 'go on with the run in a folder, with its own settings')
      .option('--json', jsonText)
    this.own = addFlags(command, runFlags)
    this.seeds = addFlags(command, seedsFlag)
    this.images = addImageFlags(command)
  }

  private get values(): RunValues {
    return this.command.opts<RunValues>()
  }

  /** Folder of the run. */
  private get folder(): string {
    return this.values.resume ?? this.values.out
  }

  /** What the command does. */
  action<S extends z.ZodObject>(training: TrainingCommand<S>): void {
    this.command.action(() =>
      run(
        () => this.begin(training),
        () => keptRun(this.folder),
      ),
    )
  }

  private async begin<S extends z.ZodObject>(training: TrainingCommand<S>): Promise<void> {
    const { folder, command } = this
    const { json, resume } = this.values
    const say = output({ ...(json === undefined ? {} : { json }) })
    const signal = interruptSignal()
    const [request, settings, begun] = await this.request(training)
    if (begun && (await finishedRecord(folder, provenanceSchema))) return sayFinished(folder, say)
    const images = await openData(nameOf(command), request.data, { ...request.images, signal }, deviceOf(request.device))
    using _ = { [Symbol.dispose]: () => images[Symbol.dispose]?.() }
    for (const line of describeImages(images)) say.line(line)
    if (begun && begun.sha256 !== images.sha256)
      throw new DataError({
        op: nameOf(command),
        argument: request.data,
        actual: `images of SHA-256 ${images.sha256}`,
        expected: `those of the run in ${folder}, of ${begun.sha256}`,
      })
    const { seeds, ...shared } = { ...request, sha256: images.sha256 }
    const common = { ...this.own(), device: deviceOf(request.device), signal, onProgress: say.progress, onPlan: say.line }
    const one = (out: string, own: z.output<S>, goesOn: boolean): Promise<void> => {
      const onFolder = () => writeRequest(out, nameOf(command), { ...shared, ...own })
      return training.train(images, own, { ...common, out, resume: goesOn, onFolder }, say, request.images)
    }
    if (!seeds) return await one(folder, settings, resume !== undefined)
    const onFolder = () => writeRequest(folder, nameOf(command), { ...shared, seeds, ...settings })
    await inFolder(nameOf(command), { out: folder, resume: resume !== undefined, onFolder }, async () => {
      for (const [i, seed] of seeds.entries()) {
        const out = join(folder, `seed-${seed}`)
        const finished = existsSync(recordFile(out))
        say.line(`seed ${seed} (${i + 1} of ${seeds.length}): ${out}${finished ? ', finished already' : ''}`)
        if (finished) continue
        const { options } = settings as { options: object }
        await one(out, { ...settings, options: { ...options, seed } }, hasRequest(out))
      }
      const { writeSeeds } = await import('../report/index.js')
      const { measure, runs, mean, deviation, page } = await writeSeeds(folder, seeds)
      for (const { seed, value } of runs) say.line(`seed ${seed}: ${measure} ${share(measure, value)}`)
      say.line(
        `${measure} over ${runs.length} seeds: ${share(measure, mean)} +- ${share(measure, deviation)} (standard deviation); ${page}`,
      )
      say.json({ out: folder, measure, runs, mean, deviation })
    })
  }

  /** What is asked for: of a new run, or of the one that goes on, which then is given too. */
  private async request<S extends z.ZodObject>({
    settings,
    asked,
  }: TrainingCommand<S>): Promise<[request: RunRequest, settings: z.output<S>, begun: RunRequest | null]> {
    const op = nameOf(this.command)
    const { data, device, resume } = this.values
    const { seeds } = this.seeds()
    if (seeds && isGiven(this.command, 'seed'))
      throw new OptionError({ op, argument: '--seed', actual: 'given with --seeds', expected: 'one of them' })
    if (seeds && processGroup().size > 1)
      throw new OptionError({
        op,
        argument: '--seeds',
        actual: 'given under mpirun',
        expected: '--seed: one run at a time there',
      })
    if (seeds && new Set(seeds).size < seeds.length)
      throw new OptionError({ op, argument: '--seeds', actual: seeds.join(), expected: 'each seed once' })
    const given = { images: this.images(), ...(seeds === undefined ? {} : { seeds }), ...asked() }
    if (resume === undefined) {
      if (data === undefined)
        throw new OptionError({
          op,
          argument: '--data',
          actual: 'missing',
          expected: `the path of images (see striate ${op} --help)`,
        })
      const request = { data: resolve(data), sha256: '', device, images: given.images, ...(seeds ? { seeds } : {}) }
      const own = Object.entries(settings.shape).map(([name, schema]) => {
        const value = (asked() as Record<string, unknown>)[name]
        return [name, parseOptions(op, schema as z.ZodType, value, name === 'options' ? '' : name)]
      })
      return [request, Object.fromEntries(own) as z.output<S>, null]
    }
    if (isGiven(this.command, 'out'))
      throw new OptionError({ op, argument: '--out', actual: 'given with --resume', expected: '--resume without it' })
    const found = (await readRequest(resume, op, runRequest.extend(settings.shape))) as RunRequest & z.output<S>
    const other = differing(given, found, [])
    if (other)
      throw new OptionError({
        op,
        argument: other.name.replace(/^options\./, ''),
        actual: other.given,
        expected: `${other.found}, as the run in ${resume} was begun`,
      })
    const names = Object.keys(runRequest.shape)
    const pick = (own: boolean) => Object.fromEntries(Object.entries(found).filter(([name]) => names.includes(name) === own))
    const begun = pick(true) as RunRequest
    const now = {
      ...begun,
      images: { ...begun.images, ...given.images },
      ...(data === undefined ? {} : { data: resolve(data) }),
      ...(isGiven(this.command, 'device') ? { device } : {}),
    }
    return [now, pick(false) as z.output<S>, begun]
  }
}

function sayFinished(folder: string, say: Output): void {
  say.line(`the run in ${folder} is finished: nothing was computed (striate report ${folder} makes its page again)`)
  say.json({ out: folder, finished: true })
}

const share = (measure: string, value: number): string =>
  /error/.test(measure) ? `${(100 * value).toFixed(2)} %` : value.toPrecision(4)

/** The first of the options that are given which the run was not begun with. */
function differing(given: unknown, found: unknown, path: string[]): { name: string; given: string; found: string } | null {
  const name = path.join('.')
  if (free.includes(name)) return null
  const text = (value: unknown) => (value === undefined ? 'unset' : JSON.stringify(value))
  const isObject = typeof given === 'object' && given !== null
  const sameLength = !Array.isArray(given) || (Array.isArray(found) && found.length === given.length)
  if (!isObject || !sameLength || typeof found !== 'object' || found === null) {
    const nothing = isObject && Object.keys(given).length === 0
    return nothing || text(given) === text(found) ? null : { name, given: text(given), found: text(found) }
  }
  for (const [key, value] of Object.entries(given)) {
    const other = differing(value, (found as Record<string, unknown>)[key], [...path, key])
    if (other) return other
  }
  return null
}

/** Images in words, and what lies beside them that is none. */
function describeImages(images: Images): string[] {
  const { name, shape, skipped = [] } = images
  const what = `data: ${name}, ${shape[0]} images of ${shape.slice(1).join(' x ')}, ${labelsOf(images)?.classes.length ?? 'no'} classes`
  const kind = (reason: string) => reason.replace(/ \(.*/s, '')
  const left = [...new Set(skipped.map(({ reason }) => kind(reason)))].map((reason) => {
    const files = skipped.filter((file) => kind(file.reason) === reason)
    return `${files.length} x ${reason}, such as ${files[0]?.name}`
  })
  return left.length === 0 ? [what] : [what, `left out: ${left.join('; ')}`]
}
