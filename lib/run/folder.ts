// The folder of a run: how it is opened, what it holds when the run is done, and what every record says about where it was made.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Images } from '../data/index.js'
import { type Device, instructionSet, threads } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { removeUnfinished } from '../io/atomic.js'
import { describeReadError } from '../io/file_errors.js'
import { writeAtomic } from '../io/index.js'
import { takeLock } from '../io/lock.js'
import { readStored } from '../io/stored.js'
import { loadNetwork, Network } from '../models/index.js'
import { version } from '../version.js'
import { difference, isCheckpoint, removeCheckpoints } from './checkpoint.js'
import { type Curve, curvesCsv } from './curves.js'
import { notFinite } from './finite.js'
import { fromFirst, type Group } from './group.js'
import type { RunOptions } from './options.js'

export interface Provenance {
  striate: string
  node: string
  device: string
  threads: number
  instructionSet: string
  date: string
  data: {
    name: string
    sha256: string
    shape: readonly number[]
    targets: readonly string[]
    /** What lay beside the images and is none of them: how many files, and the first of their names. */
    skipped?: { count: number; files: readonly { name: string; reason: string }[] } | undefined
  }
}

/** Of every record, as it is read back. */
export const provenanceSchema = z.object({
  striate: z.string(),
  node: z.string(),
  device: z.string(),
  threads: z.number(),
  instructionSet: z.string(),
  date: z.string(),
  data: z.object({
    name: z.string(),
    sha256: z.string(),
    shape: z.array(z.number()),
    targets: z.array(z.string()),
    skipped: z.object({ count: z.number(), files: z.array(z.object({ name: z.string(), reason: z.string() })) }).optional(),
  }),
})

/** Names of skipped files that a record holds. */
const namedFiles = 1000

export function provenance(images: Images, device: Device): Provenance {
  const { name, sha256, shape, targets, skipped = [] } = images
  return {
    striate: version,
    node: process.version,
    device: device.toString(),
    threads: threads(),
    instructionSet,
    date: new Date().toISOString(),
    data: {
      name,
      sha256,
      shape,
      targets: Object.keys(targets),
      ...(skipped.length > 0 && { skipped: { count: skipped.length, files: skipped.slice(0, namedFiles) } }),
    },
  }
}

/** The network's file in the folder of a run. */
export const networkFile = (folder: string): string => join(folder, 'model.safetensors')
/** The record's file in the folder of a run; it is written last. */
export const recordFile = (folder: string): string => join(folder, 'run.json')

/** SHA-256 of the network's file: what results of a network are known by. */
export async function networkSha256(folder: string): Promise<string> {
  const file = networkFile(folder)
  const bytes = await readFile(file).catch((error) => {
    throw describeReadError('run', file, error, 'the network of a run')
  })
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * A run's network.
 * @throws {DataError} when the folder holds none, it is damaged, or has weights that are not finite
 */
export async function openNetwork(folder: string, options: { device?: Device | undefined } = {}): Promise<Network> {
  const file = networkFile(folder)
  const net = await loadNetwork(file, options)
  const wrong = notFinite(await net.state())
  if (wrong === null) return net
  net.dispose()
  throw new DataError({ op: 'run', argument: file, actual: `not finite in ${wrong}`, expected: 'a network of finite weights' })
}

/** A folder's record; null while the run is not finished. */
export async function finishedRecord<S extends z.ZodType>(folder: string, schema: S): Promise<z.output<S> | null> {
  const file = recordFile(folder)
  return existsSync(file) ? readStored('run', file, schema, 'the record of a finished run') : null
}

/**
 * The finished run of a folder, in every process: the folder is the first one's, and so is what it knows of it. Null while it is not finished.
 * @param asked what tells the run from others, and `found` the same of a record
 * @throws {DataError} when it is another run
 */
export async function finishedTogether<S extends z.ZodType<{ network: Network['config'] }>>(
  group: Group,
  op: string,
  { out, device }: { out?: string; device: Device },
  schema: S,
  asked: object,
  found: (record: z.output<S>) => object,
): Promise<{ net: Network; record: z.output<S> } | null> {
  const own = out && group.rank === 0 ? await finishedRecord(out, schema) : null
  if (out && own) refuseOther(op, out, asked, found(own))
  const net = out && own ? await openNetwork(out, { device }) : null
  const told = await fromFirst(group, { text: JSON.stringify(own), tensors: (await net?.state()) ?? new Map() })
  const record = schema.nullable().parse(JSON.parse(told.text)) as z.output<S> | null
  return record && { record, net: net ?? new Network(record.network, { device, state: told.tensors }) }
}

/** Refuses to take a finished run for one that is asked for otherwise. */
export function refuseOther(op: string, out: string, asked: object, found: object): void {
  const [is, was] = [JSON.stringify(asked), JSON.stringify(found)]
  // Not as texts: options that were read back may lie in another order.
  if (!isDeepStrictEqual(JSON.parse(is), JSON.parse(was)))
    throw new DataError({ op, argument: out, actual: difference(was, is), expected: 'the folder of this run' })
}

/** The run's lock, of the folders of runs. */
const lockName = 'run'

/**
 * Runs a recipe in its folder, which is this process's own meanwhile: makes it, checks that it can be written and, unless a run is resumed, that
 * it holds none, and removes what a killed process left unfinished. Without a folder it just runs.
 * @throws {Locked} while another process works there; {DataError} when the folder cannot be used; {OptionError} when it holds a run
 */
export async function inFolder<T>(op: string, { out, resume, onFolder }: RunOptions, work: () => Promise<T>): Promise<T> {
  if (!out) {
    await onFolder?.()
    return work()
  }
  const release = await takeLock(out, op, lockName)
  try {
    const ofRun = (file: string) => file === basename(recordFile(out)) || isCheckpoint(file) || /^seed-\d+$/.test(file)
    const taken = (await readdir(out)).find(ofRun)
    if (taken && !resume)
      throw new OptionError({
        op,
        argument: out,
        actual: `the folder of a run (it holds ${taken})`,
        expected: 'an empty folder, or resume',
      })
    if (!existsSync(recordFile(out))) await removeUnfinished(out)
    await onFolder?.()
    return await work()
  } finally {
    await release()
  }
}

/**
 * Makes one of the results in the folder of a run, whose files begin with its name: it is this process's own meanwhile.
 * @throws {Locked} while another process makes it; {DataError} when the folder cannot be written
 */
export async function forResult<T>(op: string, folder: string, result: string, work: () => Promise<T>): Promise<T> {
  const release = await takeLock(folder, op, result)
  try {
    await removeUnfinished(folder, result)
    return await work()
  } finally {
    await release()
  }
}

/**
 * Writes what a finished run leaves: the network, its curves, then its record. The checkpoints go.
 * @param curves of each stage, one row a step or epoch
 */
export async function finishFolder(out: string, net: Network, record: object, curves: readonly Curve[]): Promise<void> {
  await net.save(networkFile(out))
  await writeAtomic(join(out, 'curves.csv'), curvesCsv(curves))
  await writeAtomic(recordFile(out), `${JSON.stringify(record, null, 1)}\n`)
  await removeCheckpoints(out)
}
