// The rows of a source, read while the caller works on those before.
import { z } from 'zod'
import { parseWithControl, whole } from '../options.js'
import type { Images } from './images.js'

export const aheadOptions = z.strictObject({ depth: whole(1, 1024).default(2).describe('batches read ahead') })

export interface AheadOptions extends z.input<typeof aheadOptions> {
  /** Stops the reading; the generator throws the signal's reason. */
  signal?: AbortSignal | undefined
}

export interface AheadBatch {
  rows: Int32Array
  /** [rows.length,C,H,W]. */
  pixels: Uint8Array
}

/**
 * Batches of a source in the order of `batches`. While the caller works on one, the next `depth` (2 by default) are read; a slow caller makes the
 * reading wait. When the caller breaks off, the signal fires or an image cannot be read, reading stops and nothing of it goes on.
 * @param batches image numbers of each batch; asked for as they are needed, so that it may be endless
 * @throws {OptionError} at once for a bad option, and in its turn whatever `images.rows` throws
 */
export function ahead(
  images: Images,
  batches: Iterable<Int32Array>,
  options: AheadOptions = {},
): AsyncGenerator<AheadBatch, void, void> {
  const [{ depth }, { signal }] = parseWithControl('ahead', aheadOptions, options, ['signal'])
  return readAhead(images, batches[Symbol.iterator](), depth, signal)
}

async function* readAhead(
  images: Images,
  batches: Iterator<Int32Array>,
  depth: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<AheadBatch, void, void> {
  const stop = new AbortController()
  const abort = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const queue: { rows: Int32Array; pixels: Promise<Uint8Array> }[] = []
  let ended = false
  const fill = (length: number) => {
    while (!ended && queue.length < length) {
      const next = batches.next()
      if (next.done) {
        ended = true
        return
      }
      const pixels = images.rows(next.value, stop.signal)
      // Its failure is told when its turn comes.
      pixels.catch(() => {})
      queue.push({ rows: next.value, pixels })
    }
  }
  try {
    signal?.throwIfAborted()
    for (fill(depth + 1); queue.length > 0; fill(depth + 1)) {
      const { rows, pixels } = queue.shift() as (typeof queue)[0]
      const read = await pixels
      fill(depth)
      // Rows in memory are there at once: without this, a loop over them would keep timers and signals waiting.
      await new Promise(setImmediate)
      signal?.throwIfAborted()
      yield { rows, pixels: read }
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    stop.abort()
    if (!ended) batches.return?.()
    await Promise.allSettled(queue.map(({ pixels }) => pixels))
  }
}
