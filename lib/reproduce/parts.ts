// How the parts of a study are run: each once, its result kept as a file, by whichever process comes first.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Device } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { parseOptions, whole } from '../options.js'
import { openFolder } from '../run/folder.js'
import { Locked, takeLock } from '../run/lock.js'
import { checkRun, type RunOptions, watched } from '../run/options.js'
import type { StudyData } from './data.js'
import type { Part, PartRecord, Scale, Study } from './study.js'

const op = 'reproduce'

export const studyOptions = z.strictObject({
  quick: z
    .boolean()
    .default(false)
    .describe("a minute's version: part of the images, small networks, one seed; its numbers are not the paper's"),
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

/** Minutes on two cores of all parts, and bytes at the peak of the largest. */
export function studyCost(study: Study, options: StudyOptions = {}): { minutes: number; bytes: number } {
  const parts = study.parts(scaleOf(options))
  return {
    minutes: parts.reduce((sum, part) => sum + part.expected.minutes, 0),
    bytes: Math.max(...parts.map((part) => part.expected.bytes)),
  }
}

/**
 * The parts of a study, in order.
 * @param out folder of all studies
 * @param data that results must be of to count as done. Default: any
 */
export async function listParts(
  study: Study,
  out: string,
  options: StudyOptions = {},
  data: StudyData | null = null,
): Promise<{ name: string; about: string; minutes: number; done: boolean }[]> {
  const parts = study.parts(scaleOf(options)).map(async (part) => ({
    name: part.name,
    about: part.about,
    minutes: part.expected.minutes,
    done: (await keptPart(part, out, data)) !== null,
  }))
  return Promise.all(parts)
}

const partFile = (out: string, name: string): string => join(out, 'parts', `${name}.json`)

/**
 * The kept result of a part; null when there is none for these settings and data.
 * @throws {DataError} naming a result that is damaged
 */
export async function keptPart(part: Part, out: string, data: StudyData | null): Promise<PartRecord | null> {
  const file = partFile(out, part.name)
  if (!existsSync(file)) return null
  const refuse = (cause?: unknown) =>
    new DataError(
      { op, argument: file, actual: 'no readable result', expected: 'one that reproduce wrote (delete it to run it again)' },
      { cause },
    )
  let record: Partial<PartRecord> | null
  try {
    record = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw refuse(cause)
  }
  if (record?.name !== part.name || !record.settings || !record.data || record.result == null) throw refuse()
  const same =
    JSON.stringify(record.settings) === JSON.stringify(part.settings) &&
    (!data || (record.data.train === data.train.sha256 && record.data.test === data.test.sha256))
  return same ? (record as PartRecord) : null
}

/** Where and on what parts are run. */
interface Place {
  data: StudyData
  out: string
  device: Device
  run: RunOptions
}

/** What is unfinished in a part's folder belongs to this. */
function identityOf({ settings }: Part, { data, device }: Place): string {
  return JSON.stringify({ settings, train: data.train.sha256, test: data.test.sha256, device: device.kind })
}

const identityFile = (folder: string): string => join(folder, 'part.json')

/** Makes a part's folder; what other settings, other data or another device left unfinished in it is removed. */
async function openPart(folder: string, part: Part, place: Place): Promise<void> {
  const identity = identityOf(part, place)
  const before = await readFile(identityFile(folder), 'utf8').catch(() => identity)
  if (before !== identity) await rm(folder, { recursive: true, force: true })
  await openFolder(op, folder, true)
  await writeAtomic(identityFile(folder), identity)
}

export async function removeCheckpoints(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith('.checkpoint.safetensors')) await rm(join(folder, name))
}

/** Removes the checkpoints of a part whose result is kept. */
async function closePart(folder: string, part: Part, place: Place): Promise<void> {
  const identity = await readFile(identityFile(folder), 'utf8').catch(() => null)
  if (identity !== identityOf(part, place)) return
  await removeCheckpoints(folder)
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
    announce()
    const started = performance.now()
    await openPart(folder, part, place)
    const say = run.onPlan ?? (() => {})
    const result = await part.run({ data, folder, shared: join(out, 'shared'), device, say, watch: watched(run) })
    const record: PartRecord = {
      name: part.name,
      settings: part.settings,
      data: { train: data.train.sha256, test: data.test.sha256 },
      device: device.toString(),
      seconds: Math.round((performance.now() - started) / 100) / 10,
      finished: new Date().toISOString(),
      result,
    }
    const text = JSON.stringify(record, null, 1)
    await writeAtomic(partFile(out, part.name), `${text}\n`)
    await closePart(folder, part, place)
    // As it will be read again: JSON knows no NaN.
    return JSON.parse(text) as PartRecord
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
  const parts = study.parts(scaleOf(options))
  if (only !== undefined && !parts.some(({ name }) => name === only))
    throw new OptionError({ op, argument: 'part', actual: `'${only}'`, expected: parts.map(({ name }) => name).join(', ') })
  for (const name of ['parts', 'shared']) await openFolder(op, join(out, name), true)
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
