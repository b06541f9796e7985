// File access of the loaders: every failure of the file system becomes one DataError that names the file.
import type { Stats } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import { describeReadError } from '../io/file_errors.js'

function refuse(op: string, path: string, error: unknown, expected: string): never {
  throw describeReadError(op, path, error, expected)
}

export async function statFile(op: string, path: string, expected: string): Promise<Stats> {
  const found = await stat(path).catch((error) => refuse(op, path, error, expected))
  if (!found.isFile())
    throw new DataError({ op, argument: path, actual: found.isDirectory() ? 'a folder' : 'not a regular file', expected })
  return found
}

export interface FolderEntry {
  name: string
  isFolder: boolean
}

/** The entries of a folder, links followed, sorted by name (by UTF-16 code unit: the same order in every locale). */
export async function listFolder(op: string, path: string, expected: string): Promise<FolderEntry[]> {
  const found = await readdir(path, { withFileTypes: true }).catch((error) => refuse(op, path, error, expected))
  const entries = found.map(async (entry) => {
    const target = entry.isSymbolicLink() ? await stat(join(path, entry.name)).catch(() => null) : entry
    return { name: entry.name, isFolder: target?.isDirectory() ?? false }
  })
  return (await Promise.all(entries)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

export async function openFile(op: string, path: string, expected: string): Promise<FileHandle> {
  return open(path, 'r').catch((error) => refuse(op, path, error, expected))
}

/** Fills `into` from `position`; a file that ends early is refused. */
export async function readFully(op: string, path: string, file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let got = 0; got < into.length; ) {
    const { bytesRead } = await file
      .read(into, got, into.length - got, position + got)
      .catch((error) => refuse(op, path, error, 'a readable file'))
    if (bytesRead === 0)
      throw new DataError({
        op,
        argument: path,
        actual: `${position + got} bytes long`,
        expected: `at least ${position + into.length}`,
      })
    got += bytesRead
  }
}
