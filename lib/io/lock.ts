// What one process at a time may work on: a folder, or one of its results. The lock is a file that names its holder. It appears whole, by a
// link, and whoever finds that its holder has gone takes it over, one of them alone. Of machines that share the folder, a holder on another one
// counts as there.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { makeFolder } from './atomic.js'
import { describeWriteError } from './file_errors.js'
import { parseStored } from './stored.js'

const holderSchema = z.object({
  pid: z.number().int(),
  host: z.string(),
  /** When the process began, in the words of the system; null where it does not say. Numbers of processes are used again. */
  began: z.string().nullable(),
  /** Of this one taking. */
  token: z.string().regex(/^[\w-]+$/),
})
type Holder = z.infer<typeof holderSchema>

/** What is asked for is another process's at the moment. */
export class Locked extends DataError {
  override name = 'Locked'
}

function beginOf(pid: number): string | null {
  try {
    // The 22nd field of Linux's stat; the second one, the name, may hold spaces.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? null
  } catch {
    return null
  }
}

function isThere({ pid, host, began }: Holder): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const now = beginOf(pid)
  return began === null || now === null || began === now
}

/** Who holds a lock; null when nobody does. */
async function holderOf(file: string): Promise<Holder | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null
    ? null
    : parseStored('lock', file, text, holderSchema, 'a lock of Striate (delete it if nobody works there)')
}

/** Takes a lock file for `holder`, whose own file is `mine`. @returns who holds it instead */
async function take(file: string, mine: string, holder: Holder): Promise<Holder | null> {
  for (;;) {
    const taken = await link(mine, file).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false
        throw error
      },
    )
    if (taken) return null
    const found = await holderOf(file)
    if (!found) continue
    if (isThere(found)) return found
    // The right to take over from this one holder is a lock of its own, so that one process alone has it, and not for ever if that dies too.
    const right = `${file}.${found.token}`
    if (await take(right, mine, holder)) {
      await pause(20)
      continue
    }
    try {
      if ((await holderOf(file))?.token !== found.token) continue
      const copy = `${mine}.copy`
      await link(mine, copy)
      await rename(copy, file)
      return null
    } finally {
      await unlink(right)
    }
  }
}

/** Whose the file is that a process takes a lock by. Its name says so: one that was killed may have written nothing into it. */
const ownFile = (file: string, { host, pid, token }: Holder): string => `${file}.by.${encodeURIComponent(host)}.${pid}.${token}`

/** Removes what processes that were killed while they took this lock left beside it. */
async function removeLeft(file: string): Promise<void> {
  const start = `${basename(file)}.by.`
  for (const name of await readdir(dirname(file))) {
    const [, host, pid] = name.startsWith(start) ? (/^(.+)\.(\d+)\.[\w-]+(?:\.copy)?$/.exec(name.slice(start.length)) ?? []) : []
    if (host !== encodeURIComponent(hostname())) continue
    const own = join(dirname(file), name)
    const began = (await holderOf(own).catch(() => null))?.began ?? null
    if (!isThere({ host: hostname(), pid: Number(pid), began, token: '' })) await unlink(own).catch(() => undefined)
  }
}

/**
 * Makes a folder, or a result in it, this process's own until it gives it back or ends.
 * @param op what wants it, for the message
 * @param result which of the folder's results, or `run`: the lock then is in the folder, which is made. Default: the folder itself, and
 * whatever is to become of it; the lock lies beside it
 * @returns gives it back
 * @throws {Locked} naming the process that has it; {DataError} when the folder cannot be written
 */
export async function takeLock(folder: string, op: string, result?: string): Promise<() => Promise<void>> {
  const file = result === undefined ? `${folder}.lock` : join(folder, `${result}.lock`)
  await makeFolder(dirname(file))
  const holder: Holder = { pid: process.pid, host: hostname(), began: beginOf(process.pid), token: randomUUID() }
  const mine = ownFile(file, holder)
  try {
    const other = await writeFile(mine, JSON.stringify(holder), { flag: 'wx' })
      .then(() => take(file, mine, holder))
      .finally(() => unlink(mine).catch(() => undefined))
    if (other)
      throw new Locked({
        op,
        argument: folder,
        actual: `in work by process ${other.pid} on ${other.host}`,
        expected: `a folder that nobody works in (if that process has gone, delete ${file})`,
      })
    await removeLeft(file)
  } catch (error) {
    throw describeWriteError(file, error)
  }
  return async () => {
    if ((await holderOf(file))?.token === holder.token) await unlink(file)
  }
}

/**
 * As {@link takeLock}, but waits while another process has the folder.
 * @param say told once whom it waits for
 * @throws {DataError} when the folder cannot be written; the signal's reason
 */
export async function waitForLock(
  folder: string,
  op: string,
  { signal, say }: { signal?: AbortSignal | undefined; say?: (text: string) => void } = {},
): Promise<() => Promise<void>> {
  for (let told = false; ; told = true) {
    try {
      return await takeLock(folder, op)
    } catch (error) {
      if (!(error instanceof Locked)) throw error
      if (!told) say?.(`${folder} is ${error.actual}: waiting`)
    }
    await pause(500)
    signal?.throwIfAborted()
  }
}
