// What every recipe does about its folder, and what every record says about where it was made.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSet } from '../data/index.js'
import { type Device, instructionSet, threads } from '../device.js'
import { OptionError } from '../errors.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { version } from '../version.js'

export interface Provenance {
  striate: string
  node: string
  device: string
  threads: number
  instructionSet: string
  date: string
  data: { name: string; sha256: string; shape: readonly number[]; classes: readonly string[] }
}

export function provenance(set: ImageSet, device: Device): Provenance {
  const { name, sha256, shape, classes } = set
  return {
    striate: version,
    node: process.version,
    device: device.toString(),
    threads: threads(),
    instructionSet,
    date: new Date().toISOString(),
    data: { name, sha256, shape, classes },
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
