import { createHash } from 'node:crypto'
import type { Safetensor } from '../../lib/index.js'

/** SHA-256 of each tensor's bytes, by name: what two networks of the same bits have in common, at any size. */
export const digests = (state: ReadonlyMap<string, Safetensor>): Record<string, string> =>
  Object.fromEntries(
    [...state].map(([name, { data }]) => [
      name,
      createHash('sha256')
        .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
        .digest('hex'),
    ]),
  )
