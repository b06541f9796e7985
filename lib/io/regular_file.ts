// Regular files alone are read: a pipe or a device of a file's name would be waited for, or never end.
import { isUtf8 } from 'node:buffer'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DataError } from '../errors.js'
import { describeReadError } from './file_errors.js'

/** A path; as bytes where a name in it is not UTF-8. */
export type Path = string | Buffer

/** A path, or a part of one, as it is shown: names that are not UTF-8 are Latin-1 almost always. */
export const shown = (path: Path): string =>
  Buffer.isBuffer(path) ? path.toString(isUtf8(path) ? 'utf8' : 'latin1') : String(path)

export function refuseSpecial(op: string, path: Path, found: Stats, expected: string): void {
  if (found.isFile()) return
  const actual = found.isDirectory() ? 'a folder' : 'not a regular file'
  throw new DataError({ op, argument: shown(path), actual, expected })
}

// Without O_NONBLOCK, opening a pipe waits for whoever writes to it.
const readOnly = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Opens a regular file for reading.
 * @throws {DataError} naming what cannot be opened, or is no regular file
 */
export async function openFile(op: string, path: Path, expected: string): Promise<FileHandle> {
  const file = await open(path, readOnly).catch((error) => {
    throw describeReadError(op, shown(path), error, expected)
  })
  try {
    refuseSpecial(op, path, await file.stat(), expected)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}
