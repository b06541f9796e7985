// What several parts of studies are made of, and one of them learns for all.
import { join } from 'node:path'
import { waitForLock } from '../io/lock.js'
import type { PartContext } from './study.js'

/** Keys and values, those of objects within too. */
const nameOf = (identity: object): string =>
  Object.entries(identity)
    .map(([key, value]) => `${key}-${typeof value === 'object' && value !== null ? nameOf(value) : value}`)
    .join('_')

/**
 * Work in a folder that parts share, one process at a time.
 * @param identity all that the result depends on, but for the device: the folder's name
 */
export async function inShared<T>(
  { shared, device, watch, say }: PartContext,
  identity: object,
  work: (out: string) => Promise<T>,
): Promise<T> {
  const name = nameOf({ ...identity, on: device.kind })
  const out = join(shared, name)
  const release = await waitForLock(out, 'reproduce', { signal: watch.signal, say })
  try {
    return await work(out)
  } finally {
    await release()
  }
}
