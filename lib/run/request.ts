// What a command was asked for, kept in the folder of its run, so that `--resume` needs nothing else.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'

const requestFile = (folder: string): string => join(folder, 'request.json')

export function writeRequest(folder: string, command: string, request: object): Promise<void> {
  return writeAtomic(requestFile(folder), `${JSON.stringify({ command, ...request }, null, 1)}\n`)
}

/**
 * What the run of a folder was asked for.
 * @throws {OptionError} when the folder holds no such run, or its request is damaged
 */
export async function readRequest<S extends z.ZodType>(folder: string, command: string, schema: S): Promise<z.output<S>> {
  try {
    const { command: written, ...request } = JSON.parse(await readFile(requestFile(folder), 'utf8'))
    if (written === command) return schema.parse(request)
  } catch {
    // Missing, damaged or of another shape: said below.
  }
  throw new OptionError({
    op: command,
    argument: '--resume',
    actual: `'${folder}', without a readable request.json of such a run`,
    expected: 'the folder of a run',
  })
}
