// Files appear whole or not at all: written beside their place, synced to the disk, then renamed.
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describeWriteError } from './file_errors.js'

/** Where an atomic file's bytes go: each call appends, in order. */
export interface AtomicSink {
  write(bytes: Uint8Array): Promise<void>
}

/** Bytes that the system is asked to read, write or digest at a time: Node.js takes less than 2 GiB of them. */
export const largestPiece = 2 ** 30

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, Math.min(largestPiece, bytes.length - done))).bytesWritten
}

/** Makes the rename itself last through a power cut; not every file system and no Windows lets a folder be synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/**
 * Writes a file so that `path` holds either its old bytes or all of the new ones, whenever the process or the machine stops: the bytes go to
 * a hidden file beside it (`.<name>.<random>.tmp`), are synced, and renamed over `path`; on any failure the hidden file is removed and `path` is
 * untouched. A link is followed, and an existing file's permissions are kept.
 * @param content the bytes, or a function that writes them piece by piece
 * @throws DataError naming the path when the folder is missing or not writable, or the disk is full
 */
export async function writeAtomic(
  path: string,
  content: Uint8Array | string | ((sink: AtomicSink) => Promise<void>),
): Promise<void> {
  let temporary: string | null = null
  try {
    const target = await realpath(path).catch(() => path)
    const old = await stat(target).catch(() => null)
    if (old?.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' })
    const name = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
    const file = await open(name, 'wx', old ? old.mode & 0o777 : 0o666)
    temporary = name
    try {
      if (typeof content === 'function') await content({ write: (bytes) => writeAll(file, bytes) })
      else await writeAll(file, typeof content === 'string' ? Buffer.from(content) : content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
    temporary = null
    await syncFolder(dirname(target))
  } catch (error) {
    if (temporary !== null) await unlink(temporary).catch(() => undefined)
    throw describeWriteError(path, error)
  }
}

/**
 * Makes a folder, and those above it, where there is none.
 * @throws DataError naming the path that cannot be made
 */
export async function makeFolder(path: string): Promise<void> {
  await makeEach(path).catch((error) => {
    throw describeWriteError(path, error)
  })
}

/**
 * Makes folders one by one: `recursive` says of a read-only file system that there is none, and never ends where a folder cannot be made in one that
 * is there, as in /proc.
 */
async function makeEach(path: string): Promise<void> {
  const isThere = async (folder: string) => (await stat(folder).catch(() => null))?.isDirectory() ?? false
  if (await isThere(path)) return
  const above = dirname(path)
  if (above !== path && !(await stat(above).catch(() => null))) await makeEach(above)
  // Another process may have made it meanwhile.
  await mkdir(path).catch(async (error) => ((await isThere(path)) ? undefined : Promise.reject(error)))
}

/**
 * Removes what `writeAtomic` in processes that were killed left unfinished in a folder that is this process's own.
 * @param of names that begin so, where not all of the folder is
 */
export async function removeUnfinished(folder: string, of = ''): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    if (name.startsWith(`.${of}`) && /\.[0-9a-f]{12}\.tmp$/.test(name)) await unlink(join(folder, name)).catch(() => undefined)
}
