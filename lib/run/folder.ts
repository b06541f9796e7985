// The folder of a run: how it is opened, what it holds when the run is done, and what every record says about where it was made.
import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Images } from '../data/index.js'
import { type Device, instructionSet, threads } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import type { Network } from '../models/index.js'
import { version } from '../version.js'

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
    skipped?: { count: number; files: readonly { name: string; reason: string }[] }
  }
}

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
  try {
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
  } catch (cause) {
    throw new DataError({ op: 'run', argument: file, actual: 'not readable', expected: 'the network of a run' }, { cause })
  }
}

/**
 * Makes the folder of a run and checks that it can be written and, unless a run is resumed, that it holds none.
 * @throws {DataError} when it cannot be used; {OptionError} when it holds a run
 */
export async function openFolder(op: string, out: string, resume: boolean): Promise<void> {
  await makeFolder(out)
  await writeAtomic(join(out, '.writable'), '')
  await rm(join(out, '.writable'), { force: true })
  if (resume) return removeUnfinished(out)
  const taken = (await readdir(out)).find((file) => file === 'run.json' || file.endsWith('.checkpoint.safetensors'))
  if (taken)
    throw new OptionError({
      op,
      argument: out,
      actual: `the folder of a run (it holds ${taken})`,
      expected: 'an empty folder, or resume',
    })
}

/** Writes what a finished run leaves: the network, then its record. */
export async function finishFolder(out: string, net: Network, record: object): Promise<void> {
  await net.save(networkFile(out))
  await writeAtomic(recordFile(out), `${JSON.stringify(record, null, 1)}\n`)
}
