import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'

/** The network's file in the folder of a run. */
export function networkFile(folder: string): string {
  return join(folder, 'model.safetensors')
}

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
