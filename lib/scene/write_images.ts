// The images of a set of scenes as files: encoded, and in class folders or tar shards.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { depthsFolder, masksFolder } from '../data/described_set.js'
import { rowBytes } from '../data/images.js'
import { batchesOf, type LoadControl, labelsOf } from '../data/index.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { encodeNpy, writeAtomic } from '../io/index.js'
import type { SceneRecord, SceneSet, SceneViews } from './set.js'
import type { WriteSettings } from './write_options.js'

/** Images rendered and encoded at a time. */
const batch = 64
/** Images of a shard. */
const shardImages = 1000

/** What was written: of every image its file, and what only its pixels tell. */
export interface WrittenImages {
  /** Within the folder; of an image in a shard, the shard and its name there. */
  file(row: number): string
  seen(row: number): SceneRecord
}

/** One image with what lies beside it, each part by the end of its name. */
interface Encoded {
  image: Buffer
  mask: Buffer | null
  depth: Uint8Array | null
}

/**
 * Writes the images of a set that are not there yet.
 * @returns where they all are
 */
export async function writeImages(
  scenes: SceneSet,
  folder: string,
  settings: WriteSettings,
  control: LoadControl,
): Promise<WrittenImages> {
  const { labels, classes } = labelsOf(scenes) as { labels: Int32Array; classes: readonly string[] }
  const count = scenes.shape[0]
  const extension = settings.format === 'png' ? 'png' : 'jpg'
  const stem = (row: number) => String(scenes.first + row).padStart(6, '0')
  const className = (row: number) => classes[labels[row] as number] as string
  const shardOf = (shard: number) => `scenes-${String(shard).padStart(6, '0')}.tar`
  const isSharded = settings.layout === 'shards'
  const file = (row: number) => `${isSharded ? shardOf(Math.floor(row / shardImages)) : className(row)}/${stem(row)}.${extension}`
  const seen = new Seen(count)
  let done = 0
  const report = (images: number) => {
    done += images
    control.onProgress?.({ done, total: count })
  }
  const isThere = (row: number) => existsSync(join(folder, isSharded ? dirname(file(row)) : file(row)))
  const rows = Array.from({ length: count }, (_, row) => row)
  const there = rows.filter(isThere)
  for (const known of batchesOf(there, 4 * batch)) {
    seen.put(known, await scenes.views(known, {}, control.signal))
    report(known.length)
  }
  const left = Int32Array.from(rows.filter((row) => !isThere(row)))
  if (isSharded)
    for (const shard of new Set(left.map((row) => Math.floor(row / shardImages)))) {
      const own = left.filter((row) => Math.floor(row / shardImages) === shard)
      await writeAtomic(join(folder, shardOf(shard)), async (sink) => {
        for await (const { row, encoded } of encodeAll(scenes, own, settings, seen, control.signal)) {
          const record = { ...scenes.record(row), ...seen.of(row) }
          for (const entry of await entriesOf(stem(row), extension, encoded, className(row), record)) await sink.write(entry)
          report(1)
        }
        await sink.write(new Uint8Array(2 * tarBlock))
      })
    }
  else {
    const beside = [...(settings.masks ? [masksFolder] : []), ...(settings.depths ? [depthsFolder] : [])]
    for (const name of ['', ...beside].flatMap((top) => classes.map((own) => join(folder, top, own)))) {
      await makeFolder(name)
      await removeUnfinished(name)
    }
    for await (const { row, encoded } of encodeAll(scenes, left, settings, seen, control.signal)) {
      const place = (top: string, end: string) => join(folder, top, className(row), `${stem(row)}.${end}`)
      if (encoded.mask) await writeAtomic(place(masksFolder, 'png'), encoded.mask)
      if (encoded.depth) await writeAtomic(place(depthsFolder, 'npy'), encoded.depth)
      // Last: an image that is there has all that belongs to it.
      await writeAtomic(join(folder, file(row)), encoded.image)
      report(1)
    }
  }
  return { file, seen: (row) => seen.of(row) }
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
  rows: Int32Array,
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
  const batches = [...batchesOf(rows, batch)]
  const render = (own: Int32Array | undefined) => {
    const views = own ? scenes.views(own, { images: true, masks, depths }, signal) : null
    // Its failure is told when its turn comes.
    views?.catch(() => {})
    return views
  }
  let next = render(batches[0])
  for (const [k, own] of batches.entries()) {
    const views = (await next) as SceneViews
    next = render(batches[k + 1])
    seen.put(own, views)
    const encoded = await Promise.all(Array.from(own, (_, i) => encode(views, i)))
    for (const [i, row] of own.entries()) {
      signal?.throwIfAborted()
      yield { row, encoded: encoded[i] as Encoded }
    }
  }
}

const tarBlock = 512

/** The entries of an image in a tar archive: the image, its class, everything known about it, and its mask and depths. */
async function entriesOf(
  stem: string,
  extension: string,
  encoded: Encoded,
  className: string,
  record: SceneRecord,
): Promise<Uint8Array[]> {
  const { Header } = await import('tar')
  const entry = (end: string, content: Uint8Array): Uint8Array[] => {
    const block = Buffer.alloc(tarBlock)
    new Header({
      path: `${stem}.${end}`,
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
    ...entry(extension, encoded.image),
    ...entry('cls', Buffer.from(className)),
    ...entry('json', Buffer.from(JSON.stringify(record))),
    ...(encoded.mask ? entry('mask.png', encoded.mask) : []),
    ...(encoded.depth ? entry('depth.npy', encoded.depth) : []),
  ]
}
