// The images of a set of scenes as files: encoded, and in class folders or tar shards.
import { join } from 'node:path'
import { rowBytes } from '../data/images.js'
import { batchesOf, type LoadControl } from '../data/index.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { encodeNpy, writeAtomic } from '../io/index.js'
import { type SetPlaces, shardImages } from './places.js'
import type { SceneRecord, SceneSet, SceneViews } from './set.js'
import type { WriteSettings } from './write_options.js'

/** Images rendered and encoded at a time. */
const batch = 64

/** Of every image what only its pixels tell. */
export type WrittenImages = Pick<Seen, 'of'>

/** One image with what lies beside it, each part by the end of its name. */
interface Encoded {
  image: Buffer
  mask: Buffer | null
  depth: Uint8Array | null
}

/** Writes the images of a set that are not there yet. */
export async function writeImages(
  scenes: SceneSet,
  places: SetPlaces,
  settings: WriteSettings,
  control: LoadControl,
): Promise<WrittenImages> {
  const { signal } = control
  const { count } = places
  const seen = new Seen(count)
  let done = 0
  const report = (images: number) => {
    done += images
    control.onProgress?.({ done, total: count })
  }
  for (const folder of places.folders()) {
    await makeFolder(folder)
    await removeUnfinished(folder)
  }
  for await (const known of places.rows(true, 4 * batch)) {
    seen.put(known, await scenes.views(known, {}, signal))
    report(known.length)
  }
  if (places.isSharded)
    for await (const own of places.rows(false, shardImages))
      await writeAtomic(join(places.folder, places.shard(own[0] as number)), async (sink) => {
        for await (const { row, encoded } of encodeAll(scenes, batchesOf(own, batch), settings, seen, signal)) {
          const record = { ...scenes.record(row), ...seen.of(row) }
          for (const entry of await entriesOf(places, row, encoded, record)) await sink.write(entry)
          report(1)
        }
        await sink.write(new Uint8Array(2 * tarBlock))
      })
  else
    for await (const { row, encoded } of encodeAll(scenes, places.rows(false, batch), settings, seen, signal)) {
      const { image, mask, depth } = places.paths(row)
      if (mask !== null) await writeAtomic(mask, encoded.mask as Buffer)
      if (depth !== null) await writeAtomic(depth, encoded.depth as Uint8Array)
      await writeAtomic(image, encoded.image)
      report(1)
    }
  return seen
}

/** What only the pixels of images tell, as columns of numbers: a long set has many. */
class Seen {
  private readonly columns = new Map<string, Float64Array>()

  constructor(private readonly count: number) {}

  put(rows: Int32Array, { seen }: SceneViews): void {
    for (const [i, row] of rows.entries())
      for (const [name, value] of Object.entries(seen[i] as SceneRecord)) {
        const column = this.columns.get(name) ?? new Float64Array(this.count)
        this.columns.set(name, column)
        column[row] = value as number
      }
  }

  of(row: number): SceneRecord {
    return Object.fromEntries(Array.from(this.columns, ([name, values]) => [name, values[row] as number]))
  }
}

/** Encodes images in order, while the next ones are rendered. */
async function* encodeAll(
  scenes: SceneSet,
  batches: Iterable<Int32Array> | AsyncIterable<Int32Array>,
  { format, masks, depths }: WriteSettings,
  seen: Seen,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ row: number; encoded: Encoded }, void, void> {
  const { default: sharp } = await import('sharp')
  const [, channels, height, width] = scenes.shape
  const plane = height * width
  const grey = { raw: { width, height, channels: 1 as const } }
  const encode = async (views: SceneViews, i: number): Promise<Encoded> => {
    const planar = (views.images as Uint8Array).subarray(i * rowBytes(scenes.shape), (i + 1) * rowBytes(scenes.shape))
    const packed = Uint8Array.from(planar, (_, at) => planar[(at % channels) * plane + Math.floor(at / channels)] as number)
    const image = sharp(packed, { raw: { width, height, channels: channels as 3 } })
    const shares = views.masks?.subarray(i * plane, (i + 1) * plane)
    const metres = views.depths?.slice(i * plane, (i + 1) * plane)
    return {
      image: await (format === 'png' ? image.png() : image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' })).toBuffer(),
      mask: shares ? await sharp(shares, grey).toColourspace('b-w').png().toBuffer() : null,
      depth: metres ? encodeNpy({ data: metres, shape: [height, width] }) : null,
    }
  }
  const render = (own: Int32Array) => {
    const views = scenes.views(own, { images: true, masks, depths }, signal)
    // Its failure is told when its turn comes.
    views.catch(() => {})
    return { own, views }
  }
  const encodeBatch = async function* ({ own, views }: ReturnType<typeof render>) {
    const found = await views
    seen.put(own, found)
    const encoded = await Promise.all(Array.from(own, (_, i) => encode(found, i)))
    for (const [i, row] of own.entries()) {
      signal?.throwIfAborted()
      yield { row, encoded: encoded[i] as Encoded }
    }
  }
  let before: ReturnType<typeof render> | null = null
  for await (const own of batches) {
    const now = render(own)
    if (before) yield* encodeBatch(before)
    before = now
  }
  if (before) yield* encodeBatch(before)
}

const tarBlock = 512

/** The entries of an image in a tar archive: the image, its class, everything known about it, and its mask and depths. */
async function entriesOf(places: SetPlaces, row: number, encoded: Encoded, record: SceneRecord): Promise<Uint8Array[]> {
  const { Header } = await import('tar')
  const entry = (end: string, content: Uint8Array): Uint8Array[] => {
    const block = Buffer.alloc(tarBlock)
    new Header({
      path: `${places.stem(row)}.${end}`,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: new Date(0),
      type: 'File',
    }).encode(block, 0)
    return [block, content, new Uint8Array((tarBlock - (content.length % tarBlock)) % tarBlock)]
  }
  return [
    ...entry(places.extension, encoded.image),
    ...entry('cls', Buffer.from(places.className(row))),
    ...entry('json', Buffer.from(JSON.stringify(record))),
    ...(encoded.mask ? entry('mask.png', encoded.mask) : []),
    ...(encoded.depth ? entry('depth.npy', encoded.depth) : []),
  ]
}
