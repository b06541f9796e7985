// How the parts of a study are run: each once, its result kept as a file, by whichever process comes first.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { Locked, takeLock } from '../io/lock.js'
import { readStored } from '../io/stored.js'
import { parseOptions, whole } from '../options.js'
import { removeCheckpoints } from '../run/checkpoint.js'
import { checkRun, type RunOptions, watched } from '../run/options.js'
import type { StudyData } from './data.js'
import type { Part, PartRecord, Scale, Study } from './study.js'

const op = 'reproduce'

export const studyOptions = z.strictObject({
  quick: z
    .boolean()
    .default(false)
    .describe("a version of one to three minutes: part of the images, small networks, one seed; its numbers are not the paper's"),
  seeds: z
    .array(whole(0, 2 ** 32))
    .min(1)
    .optional()
    .describe('of the runs (default: 0,1,2; of a quick run 0)'),
  part: z.string().optional().describe('run this part alone, so that several processes can share a study'),
  reportOnly: z.boolean().default(false).describe('run nothing: report on the parts that are there'),
})

export type StudyOptions = z.input<typeof studyOptions>

/** A study's parts are run in `out`: `parts/`, `shared/` and a folder for each study's report. */
export type StudyRun = RunOptions & { out: string }

/** How much of a study is run, by its options. */
export function scaleOf(options: StudyOptions = {}): Scale {
  const { quick, seeds } = parseOptions(op, studyOptions, options)
  return { quick, seeds: seeds ?? (quick ? [0] : [0, 1, 2]) }
}

/**
 * The parts of a study, in order.
 * @param data without which parts can be left out that need more. Default: any
 */
export function partsOf(study: Study, options: StudyOptions = {}, data: StudyData | null = null): Part[] {
  const can = (part: Part) => data === null || part.needs === undefined || data[part.needs] !== null
  return study.parts(scaleOf(options)).filter(can)
}

/** Minutes on two cores of all parts, and bytes at the peak of the largest. */
export function studyCost(
  study: Study,
  options: StudyOptions = {},
  data: StudyData | null = null,
): { minutes: number; bytes: number } {
  const parts = partsOf(study, options, data)
  return {
    minutes: parts.reduce((sum, part) => sum + part.expected.minutes, 0),
    bytes: Math.max(...parts.map((part) => part.expected.bytes)),
  }
}

/**
 * The parts of a study, in order, and which of them are done.
 * @param out folder of all studies
 * @param data that results must be of to count as done. Default: any
 */
export async function listParts(
  study: Study,
  out: string,
  options: StudyOptions = {},
  data: StudyData | null = null,
): Promise<{ name: string; about: string; minutes: number; done: boolean }[]> {
  const parts = partsOf(study, options, data).map(async (part) => ({
    name: part.name,
    about: part.about,
    minutes: part.expected.minutes,
    done: (await keptPart(part, out, data)) !== null,
  }))
  return Promise.all(parts)
}

const recordSchema = z.object({
  name: z.string(),
  settings: z.looseObject({}),
  data: z.object({
    train: z.string(),
    test: z.string(),
    responses: z.array(z.string()).optional(),
    rdms: z.array(z.string()).optional(),
    people: z.array(z.string()).optional(),
  }),
  device: z.string(),
  seconds: z.number(),
  finished: z.string(),
  result: z.json(),
  sha256: z.string(),
})

const digestOf = (result: unknown): string => createHash('sha256').update(JSON.stringify(result)).digest('hex')

const partFile = (out: string, name: string): string => join(out, 'parts', `${name}.json`)

/**
 * The kept result of a part; null when there is none for these settings and data.
 * @throws {DataError} naming a result that is damaged
 */
export async function keptPart(part: Part, out: string, data: StudyData | null): Promise<PartRecord | null> {
  const file = partFile(out, part.name)
  if (!existsSync(file)) return null
  const expected = 'a result that reproduce wrote (delete it to run the part again)'
  const record = await readStored(op, file, recordSchema, expected)
  if (record.sha256 !== digestOf(record.result))
    throw new DataError({ op, argument: file, actual: 'damaged (its result is not that of its sha256)', expected })
  const same =
    record.name === part.name &&
    JSON.stringify(record.settings) === JSON.stringify(part.settings) &&
    (!data || JSON.stringify(record.data) === JSON.stringify(identify(data)))
  return same ? record : null
}

/** Where and on what parts are run. */
interface Place {
  data: StudyData
  out: string
  device: Device
  run: RunOptions
}

/** What tells data from others. */
function identify({ train, test, recordings, rdms, people }: StudyData): PartRecord['data'] {
  return {
    train: train.sha256,
    test: test.sha256,
    ...(recordings.length > 0 ? { responses: recordings.map(({ responses }) => responses.sha256) } : {}),
    ...(rdms.length > 0 ? { rdms: rdms.map(({ reference }) => reference.sha256) } : {}),
    ...(people ? { people: [people.train, people.test, people.choices].map(({ sha256 }) => sha256) } : {}),
  }
}

const identitySchema = z.object({ settings: z.looseObject({}), data: recordSchema.shape.data, device: z.string() })

/** What is unfinished in a part's folder belongs to this. */
const identityOf = ({ settings, keepsNetwork }: Part, { data, device }: Place): string => {
  const { train, test, ...scored } = identify(data)
  return JSON.stringify({ settings, data: { train, test, ...(keepsNetwork ? {} : scored) }, device: device.kind })
}

const identityFile = (folder: string): string => join(folder, 'part.json')

/** Whether what a part's folder holds is of this part, data and device. */
async function isOwn(folder: string, part: Part, place: Place): Promise<boolean> {
  const file = identityFile(folder)
  if (!existsSync(file)) return false
  const found = await readStored(op, file, identitySchema, "a part's identity (delete its folder to run it again)")
  return JSON.stringify(found) === identityOf(part, place)
}

/** Makes a part's folder; what other settings, other data or another device left unfinished in it is removed. */
async function openPart(folder: string, part: Part, place: Place): Promise<void> {
  if (!(await isOwn(folder, part, place))) await rm(folder, { recursive: true, force: true })
  await makeFolder(folder)
  await writeAtomic(identityFile(folder), identityOf(part, place))
}

/** Removes the checkpoints of a part whose result is kept. */
async function closePart(folder: string, part: Part, place: Place): Promise<void> {
  if (await isOwn(folder, part, place)) await removeCheckpoints(folder)
}

/**
 * The result of a part: the kept one, or that of running it.
 * @throws {Locked} while another process runs it
 */
async function obtain(part: Part, place: Place, announce: () => void): Promise<PartRecord> {
  const { data, out, device, run } = place
  const folder = join(out, 'parts', part.name)
  const kept = async () => {
    const record = await keptPart(part, out, data)
    // A process that was killed just after it kept the result left its checkpoints there.
    if (record) await closePart(folder, part, place)
    return record
  }
  const before = await kept()
  if (before) return before
  run.signal?.throwIfAborted()
  const release = await takeLock(folder, op)
  try {
    // Another process may have had the folder until now.
    const meanwhile = await kept()
    if (meanwhile) return meanwhile
    await removeUnfinished(join(out, 'parts'), `${part.name}.json`)
    announce()
    const started = performance.now()
    await openPart(folder, part, place)
    const say = run.onPlan ?? (() => {})
    // As it will be read again: JSON knows no NaN.
    const result: unknown = JSON.parse(
      JSON.stringify(await part.run({ data, folder, shared: join(out, 'shared'), device, say, watch: watched(run) })),
    )
    const record: PartRecord = {
      name: part.name,
      settings: part.settings,
      data: identify(data),
      device: device.toString(),
      seconds: Math.round((performance.now() - started) / 100) / 10,
      finished: new Date().toISOString(),
      result,
      sha256: digestOf(result),
    }
    await writeAtomic(partFile(out, part.name), `${JSON.stringify(record, null, 1)}\n`)
    await closePart(folder, part, place)
    return record
  } finally {
    await release()
  }
}

/**
 * Runs the parts of a study that have no kept result, one after another. Stopped or killed at any moment and run again, it goes on where it
 * was and gives the same results. Of several processes that run one study in one folder each takes the parts that no other one runs, and waits
 * for those at the end.
 * @returns the records of the parts that are there, in the order of the study
 * @throws {OptionError} for a part that the study does not have; {Locked} when another process runs the one part that was asked for;
 * {DataError} naming the file of a kept result that is damaged, or the folder that cannot be written; the signal's reason
 */
export async function runStudy(
  study: Study,
  data: StudyData,
  options: StudyOptions,
  run: StudyRun,
): Promise<Map<string, PartRecord>> {
  const { out, device, ...rest } = checkRun(op, run)
  const { part: only, reportOnly } = parseOptions(op, studyOptions, options)
  const place: Place = { data, out, device, run: rest }
  const parts = partsOf(study, options, data)
  if (only !== undefined && !parts.some(({ name }) => name === only))
    throw new OptionError({ op, argument: 'part', actual: `'${only}'`, expected: parts.map(({ name }) => name).join(', ') })
  for (const name of ['parts', 'shared']) await makeFolder(join(out, name))
  const records = new Map<string, PartRecord>()
  let open: Part[] = []
  for (const part of parts) {
    const kept = await keptPart(part, out, data)
    if (kept) records.set(part.name, kept)
    if (!reportOnly && (only ?? part.name) === part.name) open.push(part)
  }
  const told = new Set<string>()
  while (open.length > 0) {
    const busy: Part[] = []
    for (const part of open)
      try {
        const number = parts.indexOf(part) + 1
        records.set(part.name, await obtain(part, place, () => run.onPlan?.(`part ${number} of ${parts.length}: ${part.about}`)))
      } catch (error) {
        if (!(error instanceof Locked) || only !== undefined) throw error
        busy.push(part)
        if (!told.has(part.name)) run.onPlan?.(`part ${part.name} is ${error.actual}: later`)
        told.add(part.name)
      }
    // All that are left are at work elsewhere.
    if (busy.length === open.length) await pause(1000)
    run.signal?.throwIfAborted()
    open = busy
  }
  return new Map(parts.flatMap(({ name }) => [...records].filter(([found]) => found === name)))
}
