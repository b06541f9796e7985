// What a command was asked for, kept in the folder of its run, so that `--resume` needs nothing else.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { readStored } from '../io/stored.js'

const requestFile = (folder: string): string => join(folder, 'request.json')

/** Whether a run was begun in a folder by a command. */
export const hasRequest = (folder: string): boolean => existsSync(requestFile(folder))

export function writeRequest(folder: string, command: string, request: object): Promise<void> {
  return writeAtomic(requestFile(folder), `${JSON.stringify({ command, ...request }, null, 1)}\n`)
}

const commandOnly = z.looseObject({ command: z.string() })

/**
 * What the run of a folder was asked for.
 * @param command null: whichever it was
 * @throws {DataError} naming the file that is missing or damaged, or of another command
 */
export async function readRequest<S extends z.ZodType>(folder: string, command: string | null, schema: S): Promise<z.output<S>> {
  const file = requestFile(folder)
  const expected = `the request of ${command === null ? 'a run' : `a run of ${command}`}`
  const op = command ?? 'request'
  const { command: written } = await readStored(op, file, commandOnly, expected)
  if (command !== null && written !== command) throw new DataError({ op, argument: file, actual: `of ${written}`, expected })
  const own = z.looseObject({}).transform(({ command: _, ...rest }) => rest)
  return readStored(op, file, own.pipe(schema as never), expected)
}
