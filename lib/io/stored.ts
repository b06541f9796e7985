// What runs leave as JSON and read back: every record, request, position and part goes through one reader, by its schema.
import { z } from 'zod'
import { DataError } from '../errors.js'
import { optionError } from '../options.js'
import { describeReadError } from './file_errors.js'
import { openFile } from './regular_file.js'

/**
 * What a JSON text says, as its schema reads it.
 * @param file that it comes from, for the message
 * @param expected what the file should be, in words
 * @throws {DataError} naming the file, and the first thing in it that is wrong
 */
export function parseStored<S extends z.ZodType>(
  op: string,
  file: string,
  text: string,
  schema: S,
  expected: string,
): z.output<S> {
  const refuse = (actual: string, cause: unknown) => new DataError({ op, argument: file, actual, expected }, { cause })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw refuse('damaged (no JSON)', cause)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const wrong = optionError(op, schema, value, parsed.error)
  const place = wrong.argument.replace(/^options$/, 'the whole')
  const wanted = place === 'the whole' || wrong.actual === 'no option of it' ? '' : `, with ${wrong.expected} as ${place}`
  const actual = `damaged or of another kind (in it ${place} is ${wrong.actual})`
  throw new DataError({ op, argument: file, actual, expected: expected + wanted }, { cause: wrong })
}

/**
 * {@link parseStored} of a file.
 * @throws {DataError} also when it is missing or not readable
 */
export async function readStored<S extends z.ZodType>(
  op: string,
  file: string,
  schema: S,
  expected: string,
): Promise<z.output<S>> {
  const handle = await openFile(op, file, expected)
  let text: string
  try {
    text = await handle.readFile('utf8')
  } catch (error) {
    throw describeReadError(op, file, error, expected)
  } finally {
    await handle.close()
  }
  return parseStored(op, file, text, schema, expected)
}

/** A number that may be none: JSON holds it as null. */
export const numberOrNone = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN)
