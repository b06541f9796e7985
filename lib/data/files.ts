// File access of the loaders: every failure of the file system becomes one DataError that names the file.
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Dirent, Stats } from 'node:fs'
import { type FileHandle, readdir, stat } from 'node:fs/promises'
import { DataError } from '../errors.js'
import { describeReadError } from '../io/file_errors.js'
import { fileKind } from '../io/file_kind.js'
import { openFile, type Path, refuseSpecial, shown } from '../io/regular_file.js'
import { allDone } from './gate.js'

export { openFile, type Path, shown } from '../io/regular_file.js'

function refuse(op: string, path: Path, error: unknown, expected: string): never {
  throw describeReadError(op, shown(path), error, expected)
}

export async function statFile(op: string, path: string, expected: string): Promise<Stats> {
  const found = await stat(path).catch((error) => refuse(op, path, error, expected))
  refuseSpecial(op, path, found, expected)
  return found
}

export interface FolderEntry {
  /** As it is shown. */
  name: string
  path: Path
  isFolder: boolean
  /** Whether it is a regular file: neither a folder nor a pipe, a device, a socket or a link to nothing. */
  isFile: boolean
}

function within(folder: Path, name: Buffer): Path {
  if (typeof folder === 'string' && isUtf8(name)) return `${folder.replace(/\/+$/, '')}/${name}`
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), name])
}

/** The file that says that the set of images in its folder is not whole yet. */
export const unfinishedSet = 'unfinished-scenes.json'

/** The entries of a folder, links followed, sorted by name (by UTF-16 code unit: the same order in every locale). */
export async function listFolder(op: string, path: Path, expected: string): Promise<FolderEntry[]> {
  const found = await readdir(path, { withFileTypes: true, encoding: 'buffer' }).catch((error) =>
    refuse(op, path, error, expected),
  )
  if (found.some(({ name }) => name.toString() === unfinishedSet)) {
    const actual = `a set of scenes that is not finished (it holds ${unfinishedSet})`
    throw new DataError({ op, argument: shown(path), actual, expected: 'a whole one (the same render command completes it)' })
  }
  const entries = found.map(async (entry) => {
    const own = within(path, entry.name)
    const target: Dirent<Buffer> | Stats | null = entry.isSymbolicLink() ? await stat(own).catch(() => null) : entry
    const [isFolder, isFile] = [target?.isDirectory() ?? false, target?.isFile() ?? false]
    return { name: shown(entry.name), path: own, isFolder, isFile }
  })
  return (await Promise.all(entries)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A number of each file, in their order. */
export async function ofFiles(
  op: string,
  paths: readonly Path[],
  number: (found: Stats) => number,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const numbers = new Float64Array(paths.length)
  let next = 0
  const work = async () => {
    while (next < paths.length) {
      signal?.throwIfAborted()
      const index = next++
      const path = paths[index] as Path
      const found = await stat(path).catch((error) => {
        next = paths.length
        throw describeReadError(op, shown(path), error)
      })
      numbers[index] = number(found)
    }
  }
  await allDone(Array.from({ length: 8 }, work))
  return numbers
}

/** A text that is another one once one of the files has been written to: their times say so. */
export async function modifiedOf(op: string, paths: readonly Path[], signal?: AbortSignal): Promise<string> {
  const times = await ofFiles(op, [...new Set(paths)], ({ mtimeMs }) => mtimeMs, signal)
  return createHash('sha256').update(new Uint8Array(times.buffer)).digest('hex')
}

/** All bytes of a regular file. */
export async function readWhole(op: string, path: Path, expected: string, signal?: AbortSignal): Promise<Buffer> {
  const file = await openFile(op, path, expected)
  try {
    return await file.readFile({ signal: signal as AbortSignal }).catch((error) => {
      signal?.throwIfAborted()
      return refuse(op, path, error, expected)
    })
  } finally {
    await file.close()
  }
}

/**
 * Refuses the bytes of a file that is no text.
 * @throws {DataError} saying what it is instead
 */
export function refuseBinary(op: string, path: Path, bytes: Uint8Array, expected: string): void {
  const { what, actual, remedy } = fileKind(bytes, 'no text')
  if (what === null || what === 'a text' || bytes.length === 0) return
  throw new DataError({ op, argument: shown(path), actual, expected: expected + remedy })
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
