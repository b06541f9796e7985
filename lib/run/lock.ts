// A folder that one process at a time may work in. The lock is a file beside it that names its holder. It appears whole, by a link, and whoever
// finds that its holder has gone takes it over, one of them alone. Of machines that share the folder, a holder on another one counts as there.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DataError } from '../errors.js'
import { makeFolder } from '../io/atomic.js'
import { describeWriteError } from '../io/file_errors.js'

interface Holder {
  pid: number
  host: string
  /** When the process began, in the words of the system; null where it does not say. Numbers of processes are used again. */
  began: string | null
  /** Of this one taking. */
  token: string
}

/** A folder is another process's at the moment. */
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
  return text === null ? null : (JSON.parse(text) as Holder)
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

/**
 * Makes a folder this process's own until it gives it back or ends.
 * @param op what wants it, for the message
 * @returns gives it back
 * @throws {Locked} naming the process that has it; {DataError} when the folder cannot be written
 */
export async function takeLock(folder: string, op: string): Promise<() => Promise<void>> {
  await makeFolder(dirname(folder))
  const file = `${folder}.lock`
  const holder: Holder = { pid: process.pid, host: hostname(), began: beginOf(process.pid), token: randomUUID() }
  const mine = `${file}.by.${holder.token}`
  try {
    await writeFile(mine, JSON.stringify(holder), { flag: 'wx' })
    const other = await take(file, mine, holder).finally(() => unlink(mine))
    if (other)
      throw new Locked({
        op,
        argument: folder,
        actual: `in work by process ${other.pid} on ${other.host}`,
        expected: `a folder that nobody works in (if that process has gone, delete ${file})`,
      })
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
