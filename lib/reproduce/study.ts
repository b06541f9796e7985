// A study repeats one figure or table of a paper. It is made of parts: each is run once, its result kept as a file, so that a study that was
// stopped goes on where it was, and studies that need the same network share it.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSet } from '../data/index.js'
import type { Device } from '../device.js'
import { DataError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { openFolder } from '../run/folder.js'
import type { OnProgress } from '../run/index.js'

export interface StudyData {
  train: ImageSet
  test: ImageSet
}

export interface PartContext {
  data: StudyData
  /** The part's own folder, which is there: models, and the checkpoints that are removed once the result is kept. */
  folder: string
  /** Folder of what parts share, such as learned filters. */
  shared: string
  device: Device
  signal?: AbortSignal
  onProgress?: OnProgress
  /** A line for people. */
  say: (text: string) => void
}

export interface Part<Result = unknown> {
  /** Name of its folder and file: all that its result depends on besides the data. */
  name: string
  about: string
  /** Everything that the result depends on: a kept result is used again only for the same. */
  settings: object
  /** Expected minutes on two cores of a desktop processor, and bytes at its peak. */
  expected: { minutes: number; bytes: number }
  run(context: PartContext): Promise<Result>
}

/** One number of the paper beside ours. */
export interface Value {
  what: string
  unit: string
  /** As the paper prints it; null where it gives none. */
  published: number | null
  /** How the paper qualifies it: `about`, `more than`. */
  qualifier?: string
  /** Of each seed. */
  ours: number[]
  note?: string
}

export interface Chart {
  file: string
  title: string
  alt: string
  x: { label: string }
  y: { label: string; min?: number; max?: number }
  series: { name: string; x: number[]; y: number[] }[]
  /** Levels of the paper. */
  references?: { value: number; label: string }[]
}

export interface StudyTable {
  caption: string
  columns: string[]
  rows: (string | number)[][]
}

/** Filters [K,C,W,W] to be shown as a sheet. */
export interface StudyFilters {
  file: string
  title: string
  weights: Float32Array
  shape: readonly [number, number, number, number]
  dead: number[]
}

/** Images to be shown in rows. */
export interface StudyPictures {
  file: string
  title: string
  /** Planar bytes [N,C,H,W] of each row. */
  rows: { label: string; images: Uint8Array }[]
  shape: readonly [number, number, number, number]
}

export interface StudyReport {
  values: Value[]
  charts: Chart[]
  tables: StudyTable[]
  filters?: StudyFilters[]
  pictures?: StudyPictures[]
  /** What a reader must know: choices that the paper leaves open, what failed and why. */
  notes: string[]
}

export interface Study {
  name: string
  /** What it repeats: figure 2 of ... */
  source: string
  about: string
  parts(scale: Scale): Part[]
  report(results: ReadonlyMap<string, unknown>, scale: Scale, context: { folder: string; data: StudyData }): Promise<StudyReport>
}

/** How much of it is run. */
export interface Scale {
  quick: boolean
  seeds: number[]
}

export interface StudyRun {
  data: StudyData
  /** Folder of all studies: `parts/`, `shared/` and a folder for each study's report. */
  out: string
  device: Device
  signal?: AbortSignal
  onProgress?: OnProgress
  say?: (text: string) => void
  /** Leave out parts that are not there yet, and report what is. Default false. */
  reportOnly?: boolean
}

export interface PartRecord<Result = unknown> {
  name: string
  settings: object
  data: { train: string; test: string }
  device: string
  /** Seconds of the process that finished it. */
  seconds: number
  finished: string
  result: Result
}

const partFile = (out: string, name: string): string => join(out, 'parts', `${name}.json`)

/** The kept result of a part; null when there is none for these settings and data. */
export async function keptPart(part: Part, out: string, data: StudyData): Promise<PartRecord | null> {
  const file = partFile(out, part.name)
  if (!existsSync(file)) return null
  const refuse = (cause?: unknown) =>
    new DataError(
      {
        op: 'reproduce',
        argument: file,
        actual: 'no readable result',
        expected: 'one that reproduce wrote (delete it to run it again)',
      },
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
    record.data.train === data.train.sha256 &&
    record.data.test === data.test.sha256
  return same ? (record as PartRecord) : null
}

/** What is unfinished in a part's folder belongs to this. */
function identityOf({ settings }: Part, { data, device }: StudyRun): string {
  return JSON.stringify({ settings, train: data.train.sha256, test: data.test.sha256, device: device.kind })
}

const identityFile = (folder: string): string => join(folder, 'part.json')

/** Makes a part's folder; what other settings, other data or another device left unfinished in it is removed. */
async function openPart(folder: string, part: Part, run: StudyRun): Promise<void> {
  const identity = identityOf(part, run)
  const before = await readFile(identityFile(folder), 'utf8').catch(() => identity)
  if (before !== identity) await rm(folder, { recursive: true, force: true })
  await openFolder('reproduce', folder, true)
  await writeAtomic(identityFile(folder), identity)
}

export async function removeCheckpoints(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith('.checkpoint.safetensors')) await rm(join(folder, name))
}

/** Removes the checkpoints of a part whose result is kept. */
async function closePart(folder: string, part: Part, run: StudyRun): Promise<void> {
  const identity = await readFile(identityFile(folder), 'utf8').catch(() => null)
  if (identity !== identityOf(part, run)) return
  await removeCheckpoints(folder)
}

/**
 * Runs the parts of a study that have no kept result, one after another. Stopped or killed at any moment and run again, it goes on where it
 * was and gives the same results.
 * @throws {DataError} naming the file of a kept result that is damaged, or the folder that cannot be written; the signal's reason
 */
export async function runStudy(study: Study, scale: Scale, run: StudyRun): Promise<Map<string, PartRecord>> {
  const { data, out, device } = run
  const say = run.say ?? (() => {})
  for (const name of ['parts', 'shared']) await openFolder('reproduce', join(out, name), true)
  const records = new Map<string, PartRecord>()
  const parts = study.parts(scale)
  for (const [i, part] of parts.entries()) {
    const folder = join(out, 'parts', part.name)
    const kept = await keptPart(part, out, data)
    if (kept) {
      records.set(part.name, kept)
      // A process that was killed just after it kept the result left them there.
      if (!run.reportOnly) await closePart(folder, part, run)
    }
    if (kept || run.reportOnly) continue
    run.signal?.throwIfAborted()
    say(`part ${i + 1} of ${parts.length}: ${part.about}`)
    const started = performance.now()
    await openPart(folder, part, run)
    const result = await part.run({
      data,
      folder,
      shared: join(out, 'shared'),
      device,
      say,
      ...(run.signal ? { signal: run.signal } : {}),
      ...(run.onProgress ? { onProgress: run.onProgress } : {}),
    })
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
    // As it will be read again: JSON knows no NaN.
    records.set(part.name, JSON.parse(text) as PartRecord)
    await closePart(folder, part, run)
  }
  return records
}
