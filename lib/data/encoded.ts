// Images that lie encoded in files: decoded on demand, so many at a time, or loaded into memory where they are few enough.
import { createHash } from 'node:crypto'
import { totalmem } from 'node:os'
import { z } from 'zod'
import { DataError, OptionError } from '../errors.js'
import { whole } from '../options.js'
import { type Decoded, type Decoding, decode, decodeOptions, type Extent } from './decode.js'
import { modifiedOf, type Path } from './files.js'
import { allDone, Gate } from './gate.js'
import { checkIndices, type ImageShape, type Images, type LoadControl, type SkippedFile } from './images.js'
import { allocatePixels, inMemory } from './memory.js'
import { firstOfEach, splitTrainValidation, turnsOf } from './split.js'
import type { SplitChoice } from './split_folder.js'
import { hashTargets, selectTargets, type Targets } from './targets.js'
import { type Cut, fillCut, tilesOf, wholeImages } from './tiles.js'

/** Options of everything that is decoded, beside a loader's own. */
export const encodedOptions = {
  limit: whole(1).optional().describe('load at most so many images'),
  perClass: whole(1).optional().describe('load at most so many images of each class, the first by name'),
  ...decodeOptions,
  grey: z.boolean().default(false).describe('one channel: the luma of Rec. 601'),
  skipBad: z.boolean().default(false).describe('leave out images that cannot be decoded, after looking at every one'),
  concurrency: whole(1, 64).default(4).describe('images read and decoded at a time'),
  memoryLimit: whole(0)
    .default(() => Math.floor(Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 4))
    .meta({ flag: 'image-memory', unit: 'bytes' })
    .describe('bytes of pixels up to which a set is loaded into memory; a larger one is decoded as it is read'),
}

export type EncodedOptions = Decoding &
  SplitChoice & {
    limit?: number | undefined
    perClass?: number | undefined
    grey: boolean
    skipBad: boolean
    concurrency: number
    memoryLimit: number
  }

/** A list of encoded images with their targets. */
export interface EncodedImages {
  readonly name: string
  readonly count: number
  readonly targets: Targets
  readonly skipped?: readonly SkippedFile[] | undefined
  /** Whether a limit takes evenly from the classes, and not the first images. */
  readonly isEven?: boolean
  /** As `Uncut` has it. */
  readonly tilesWhereSizesDiffer?: boolean
  /** What messages call image `index`. */
  where(index: number): string
  /** What tells image `index` from the others of the set, wherever the set lies. */
  label(index: number): string
  /** Files in which the images lie. */
  readonly files: readonly Path[]
  /** Encoded bytes of every image; asked for only where the set stays on the disk. */
  sizes(signal?: AbortSignal): Promise<ArrayLike<number>>
  read(index: number, signal?: AbortSignal): Promise<Uint8Array>
}

/** Some images of a list, in the order of `indices`. */
function selectEncoded(encoded: EncodedImages, indices: Int32Array, skipped = encoded.skipped): EncodedImages {
  const own = (index: number) => indices[index] as number
  return {
    ...encoded,
    count: indices.length,
    targets: selectTargets(encoded.targets, indices),
    skipped,
    where: (index) => encoded.where(own(index)),
    label: (index) => encoded.label(own(index)),
    sizes: async (signal) => {
      const all = await encoded.sizes(signal)
      return Float64Array.from(indices, (index) => all[index] as number)
    },
    read: (index, signal) => encoded.read(own(index), signal),
  }
}

/** The part of a set that is asked for: the split of a share that is held out, then at most `perClass` and `limit` images of it. */
function partOfSet(encoded: EncodedImages, { split, testShare, limit, perClass }: EncodedOptions): EncodedImages {
  const labels = encoded.targets.class?.values
  let part = encoded
  if (testShare !== undefined) {
    const { train, validation } = splitTrainValidation(labels ?? encoded.count, testShare, 0)
    part = { ...selectEncoded(encoded, split === 'test' ? validation : train), name: `${encoded.name}/${split ?? 'train'}` }
    if (part.count === 0)
      throw new DataError({
        op: 'openImages',
        argument: encoded.name,
        actual: `${encoded.count} images, without any for split '${split ?? 'train'}'`,
        expected: `enough for a testShare of ${testShare}`,
      })
  }
  if (perClass !== undefined) {
    if (!labels)
      throw new OptionError({
        op: 'openImages',
        argument: 'perClass',
        actual: `${perClass}`,
        expected: 'none for images without classes',
      })
    part = selectEncoded(part, firstOfEach(part.targets.class?.values ?? [], perClass))
  }
  if (limit === undefined || limit >= part.count) return part
  return selectEncoded(part, part.isEven && labels ? evenly(part.targets.class?.values ?? [], limit) : firstOf(limit))
}

const firstOf = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i)

/** `count` images evenly from the classes (the first of every class, then the second ...), kept in their order. */
function evenly(labels: ArrayLike<number>, count: number): Int32Array {
  const turn = turnsOf(labels)
  const at = (list: ArrayLike<number>, i: number) => list[i] as number
  const order = firstOf(labels.length).sort((a, b) => at(turn, a) - at(turn, b) || at(labels, a) - at(labels, b) || a - b)
  return order.slice(0, count).sort()
}

/**
 * Encoded images as Images: in memory when their pixels are at most `memoryLimit` bytes, else a source that decodes the rows it is asked for.
 * The first image gives the size of all, where none is asked for.
 */
export async function openEncoded(
  op: string,
  given: EncodedImages,
  options: EncodedOptions,
  { signal, onProgress }: LoadControl,
): Promise<Images> {
  signal?.throwIfAborted()
  const gate = new Gate(options.concurrency)
  const part = partOfSet(given, options)
  const encoded = options.skipBad ? await withoutBad(op, part, options, gate, signal) : part
  const { count, targets, skipped } = encoded
  const decodeImage = async (index: number, stop?: AbortSignal, like?: Extent): Promise<Decoded> =>
    decode(op, encoded.where(index), await encoded.read(index, stop), options, like)
  const tiles = await tilesOf(op, encoded, options, gate, signal)
  const cut: Cut = tiles ?? wholeImages(count, await gate.run(() => decodeImage(0, signal)))
  const { height, width } = cut
  const channels = options.grey ? 1 : 3
  const shape: ImageShape = [cut.count, channels, height, width]
  const stride = channels * height * width
  const kept = new Kept(tiles ? options.concurrency : 0)

  const rows = async (indices: ArrayLike<number>, stop?: AbortSignal): Promise<Uint8Array> => {
    stop?.throwIfAborted()
    checkIndices('rows', indices, cut.count)
    const out = allocatePixels('rows', [indices.length, channels, height, width])
    // By image, in the order in which they lie, so that neighbours in a file are read together and an image of many tiles once.
    const order = Int32Array.from({ length: indices.length }, (_, i) => i)
    order.sort((a, b) => (indices[a] as number) - (indices[b] as number))
    const places = new Map<number, number[]>()
    for (const place of order) {
      const { image } = cut.at(indices[place] as number)
      const some = places.get(image)
      if (some) some.push(place)
      else places.set(image, [place])
    }
    let failed = false
    const one = async (index: number, some: readonly number[]) => {
      if (failed) return
      try {
        stop?.throwIfAborted()
        const image = await kept.image(index, () => decodeImage(index, stop, tiles ? undefined : cut))
        for (const place of some) fillCut(image, cut.at(indices[place] as number), cut, options.grey, out, place * stride)
      } catch (error) {
        failed = true
        throw error
      }
    }
    await allDone(Array.from(places, ([index, some]) => gate.run(() => one(index, some))))
    return out
  }

  const name = tiles ? `${encoded.name} (${count} images in tiles)` : encoded.name
  const shaping = shapingOf(options)
  const source: Images = { name, shape, sha256: '', targets: cut.spread(targets), pixels: null, rows, shaping, skipped }
  if (cut.count * stride <= options.memoryLimit) return { ...(await inMemory(source, { signal, onProgress })), shaping, skipped }
  const modified = (stop?: AbortSignal) => modifiedOf(op, encoded.files, stop)
  return { ...source, sha256: await sourceHash(encoded, options, cut, signal), modified }
}

/** How images are brought to one size, in words. */
function shapingOf({ size, fit = 'cover', resize = 'lanczos' }: Decoding): string | undefined {
  if (size === undefined || fit === 'tile') return undefined
  const [height, width] = typeof size === 'number' ? [size, size] : size
  return `${resize}, to ${height} x ${width} by ${fit}`
}

/** Decoded images that tiles are still wanted of: the last few. */
class Kept {
  private readonly images = new Map<number, Promise<Decoded>>()

  constructor(private readonly most: number) {}

  async image(index: number, decodeNow: () => Promise<Decoded>): Promise<Decoded> {
    if (this.most === 0) return decodeNow()
    const found = this.images.get(index)
    const image = found ?? decodeNow()
    this.images.delete(index)
    this.images.set(index, image)
    const [oldest] = this.images.keys()
    if (this.images.size > this.most && oldest !== undefined) this.images.delete(oldest)
    try {
      return await image
    } catch (error) {
      this.images.delete(index)
      // It may have been given up by whoever asked for it first.
      if (found) return decodeNow()
      throw error
    }
  }
}

/** The images that can be decoded, every one of which is tried; the others join what is skipped. */
async function withoutBad(
  op: string,
  encoded: EncodedImages,
  options: EncodedOptions,
  gate: Gate,
  signal: AbortSignal | undefined,
): Promise<EncodedImages> {
  const failures = new Map<number, DataError>()
  const attempt = async (index: number) => {
    signal?.throwIfAborted()
    try {
      await decode(op, encoded.where(index), await encoded.read(index, signal), options)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      failures.set(index, error)
    }
  }
  for (let first = 0; first < encoded.count; first += 1024)
    await allDone(Array.from({ length: Math.min(1024, encoded.count - first) }, (_, i) => gate.run(() => attempt(first + i))))
  const inOrder = [...failures].sort(([a], [b]) => a - b)
  if (failures.size === encoded.count && inOrder[0]) throw inOrder[0][1]
  const skipped = inOrder.map(([index, { actual }]) => ({ name: encoded.label(index), reason: actual }))
  return selectEncoded(
    encoded,
    firstOf(encoded.count).filter((index) => !failures.has(index)),
    [...skipped, ...(encoded.skipped ?? [])],
  )
}

/** What a set's pixels are made from: names, encoded sizes, targets, and the options that shape the pixels. */
async function sourceHash(encoded: EncodedImages, options: EncodedOptions, cut: Cut, signal?: AbortSignal): Promise<string> {
  const { size, fit = 'cover', resize = 'lanczos', background, grey } = options
  const shaping = { size: typeof size === 'number' ? [size, size] : (size ?? null), fit, resize, background }
  const hash = createHash('sha256').update(JSON.stringify({ ...shaping, ...(grey && { grey }), ...cut.shaping }))
  const sizes = await encoded.sizes(signal)
  for (let i = 0; i < encoded.count; ++i) {
    hash.update(`${encoded.label(i)}\0${sizes[i]}\n`)
    if (i % 8192 === 8191) {
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
  }
  hashTargets(hash, encoded.targets)
  return hash.digest('hex')
}
