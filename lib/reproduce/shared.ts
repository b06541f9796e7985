// What several parts of studies are made of, and one of them learns for all.
import { join } from 'node:path'
import { waitForLock } from '../io/lock.js'
import type { PartContext } from './study.js'

/**
 * Work in a folder that parts share, one process at a time.
 * @param identity all that the result depends on, but for the device: the folder's name
 */
export async function inShared<T>(
  { shared, device, watch, say }: PartContext,
  identity: object,
  work: (out: string) => Promise<T>,
): Promise<T> {
  const name = Object.entries({ ...identity, on: device.kind })
    .map(([key, value]) => `${key}-${value}`)
    .join('_')
  const out = join(shared, name)
  const release = await waitForLock(out, 'reproduce', { signal: watch.signal, say })
  try {
    return await work(out)
  } finally {
    await release()
  }
}
