// IDX files (the layout of MNIST): a big-endian header of magic and extents, then bytes; plain or gzipped.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { parseWithControl, whole } from '../options.js'
import { listFolder, statFile } from './files.js'
import { type ImageShape, type LoadControl, rowBytes } from './images.js'
import { allocatePixels, type InMemoryImages, imagesFrom } from './memory.js'
import { classColumn } from './targets.js'

/** The schema of {@link IdxOptions}. */
export const idxOptions = z.strictObject({
  limit: whole(1).optional().describe('load at most so many images'),
  split: z
    .enum(['train', 'test'])
    .default('train')
    .describe('training images (train-images...) or test images (t10k- or test-images...)'),
  classes: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('class names; by default as many numbers as the largest label asks for'),
})

/** Labels at or past the number of `classes` are refused. */
export interface IdxOptions extends z.input<typeof idxOptions>, LoadControl {}

const op = 'loadIdx'
const imagesPattern = /^(train|t10k|test)-images[.-]idx3-ubyte(\.gz)?$/

/** Whether a folder with these entries holds IDX image files, or folders of their names with the files inside. */
export function looksLikeIdx(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => imagesPattern.test(name))
}

interface Sink {
  /** Extents from the header; says where the payload goes: the first `keep.length` bytes are kept, the rest is only counted. */
  begin(extents: number[]): Uint8Array
  progress?: ((bytes: number) => void) | undefined
}

/**
 * Streams one IDX file of bytes with `dimensions` extents into the array that the sink gives. The header's size bounds what is read: a
 * gzip stream that holds more is cut off there and refused, and one too short to hold it is refused before anything is allocated.
 */
async function readIdx(path: string, dimensions: number, sink: Sink, signal: AbortSignal | undefined): Promise<void> {
  const kind = `an IDX file of ${dimensions === 1 ? 'labels' : 'images'}`
  const { size } = await statFile(op, path, kind)
  const refuse = (actual: string, expected: string, cause?: unknown) =>
    new DataError({ op, argument: path, actual, expected }, { cause })
  const gzipped = path.endsWith('.gz')
  const headerBytes = 4 + 4 * dimensions
  const header = Buffer.alloc(headerBytes)
  let headerGot = 0
  let payload: Uint8Array | null = null
  let payloadBytes = 0
  let got = 0

  const begin = () => {
    const magic = header.readUInt32BE(0)
    const wanted = 0x0800 | dimensions
    if (magic !== wanted)
      throw refuse(
        `one with magic 0x${magic.toString(16).padStart(8, '0')}`,
        `0x${wanted.toString(16).padStart(8, '0')} (${kind})`,
      )
    const extents = Array.from({ length: dimensions }, (_, i) => header.readUInt32BE(4 + 4 * i))
    payloadBytes = extents.reduce((product, extent) => product * extent, 1)
    if (payloadBytes === 0) throw refuse(`empty ([${extents.join(',')}])`, 'at least one image or label')
    // Deflate cannot shrink by more than 1,032 to 1.
    const possible = gzipped ? size * 1032 : size - headerBytes
    if (payloadBytes > possible)
      throw refuse(`truncated (${size} bytes)`, `${payloadBytes} bytes after the header, for [${extents.join(',')}]`)
    if (!gzipped && payloadBytes < possible)
      throw refuse(
        `${possible - payloadBytes} bytes too long`,
        `${payloadBytes} bytes after the header, for [${extents.join(',')}]`,
      )
    payload = sink.begin(extents)
  }

  const raw = createReadStream(path, { highWaterMark: 1 << 20 })
  const gunzip = gzipped ? createGunzip({ chunkSize: 1 << 18 }) : null
  const stream = gunzip ? raw.on('error', (error) => gunzip.destroy(error)).pipe(gunzip) : raw
  try {
    for await (const part of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted()
      let chunk = part
      if (headerGot < headerBytes) {
        const some = Math.min(headerBytes - headerGot, chunk.length)
        chunk.copy(header, headerGot, 0, some)
        headerGot += some
        chunk = chunk.subarray(some)
        if (headerGot === headerBytes) begin()
      }
      if (!payload || chunk.length === 0) continue
      const into: Uint8Array = payload
      if (got + chunk.length > payloadBytes) throw refuse('longer than its header says', `${payloadBytes} bytes after the header`)
      if (got < into.length) into.set(chunk.subarray(0, into.length - got), got)
      got += chunk.length
      sink.progress?.(Math.min(got, into.length))
    }
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR')
      throw refuse('truncated (its gzip stream ends early)', 'a whole gzip file', error)
    if (error instanceof Error && (error as NodeJS.ErrnoException).code?.startsWith('Z_'))
      throw refuse(`not a sound gzip file (${error.message})`, 'a .gz file that unpacks', error)
    throw error
  } finally {
    raw.destroy()
    gunzip?.destroy()
  }
  if (headerGot < headerBytes) throw refuse(`truncated (${headerGot} bytes of a header of ${headerBytes})`, kind)
  if (got < payloadBytes) throw refuse(`truncated (${got} bytes after the header)`, `${payloadBytes}`)
  if (gunzip && gunzip.bytesWritten < size)
    throw refuse(`followed by ${size - gunzip.bytesWritten} stray bytes after its gzip stream`, 'nothing after it')
}

/** The images and labels files of a split: from a folder, or beside an images file that is named itself. */
async function findFiles(
  path: string,
  split: 'train' | 'test',
): Promise<{ imagesPath: string; labelsPath: string; name: string }> {
  const isFile = (await stat(path).catch(() => null))?.isFile() ?? false
  const folder = isFile ? dirname(path) : path
  const expected = 'a folder with train-images-idx3-ubyte and train-labels-idx1-ubyte (plain or .gz)'
  if (isFile && !basename(path).includes('images'))
    throw new DataError({
      op,
      argument: path,
      actual: 'not named as IDX images',
      expected: 'a name with `images`, its labels beside it',
    })
  const entries = await listFolder(op, folder, expected)
  // Kaggle's MNIST has every file twice, once in a folder of its dashed name: the file itself comes first.
  const names = [...entries.filter((entry) => !entry.isFolder), ...entries.filter((entry) => entry.isFolder)].map(
    ({ name }) => name,
  )
  const isFolder = (name: string) => entries.some((entry) => entry.name === name && entry.isFolder)
  const imagesOf = (name: string) => {
    const prefix = imagesPattern.exec(name)?.[1]
    return split === 'train' ? prefix === 'train' : prefix === 't10k' || prefix === 'test'
  }
  const images = isFile ? basename(path) : names.find(imagesOf)
  if (images === undefined) {
    const argument = join(folder, `${split === 'train' ? 'train' : 't10k'}-images-idx3-ubyte`)
    throw new DataError({ op, argument, actual: 'missing', expected })
  }
  const stem = images.replace(/\.gz$/, '').replace('images', 'labels').replace('idx3', 'idx1')
  const labels = names.find((name) => name === stem || name === `${stem}.gz`) ?? stem
  const prefix = imagesPattern.exec(images)?.[1]
  const pathOf = async (name: string) => {
    if (!isFolder(name)) return join(folder, name)
    const inside = (await listFolder(op, join(folder, name), expected)).map((entry) => entry.name)
    const alike = (other: string) => other.replace(/\.gz$/, '').replaceAll('.', '-') === name.replaceAll('.', '-')
    return join(folder, name, inside.find(alike) ?? name)
  }
  return {
    imagesPath: await pathOf(images),
    labelsPath: await pathOf(labels),
    name: `${basename(folder)}/${prefix ? (prefix === 'train' ? 'train' : 'test') : images}`,
  }
}

/**
 * Loads images [N,1,H,W] and labels of the MNIST layout. `path` is the folder, or the images file, whose labels lie beside it under the
 * same name with `labels` for `images` and `idx1` for `idx3`.
 * @throws {DataError} naming the file that is missing, truncated, too long, of another kind, or does not match its partner
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function loadIdx(path: string, options: IdxOptions = {}): Promise<InMemoryImages> {
  const [{ limit, split, classes: classNames }, { signal, onProgress }] = parseWithControl(op, idxOptions, options)
  signal?.throwIfAborted()
  const files = await findFiles(path, split)

  let allLabels = new Uint8Array(0)
  const beginLabels = ([n = 0]: number[]) => (allLabels = allocatePixels(op, [n, 1, 1, 1]))
  await readIdx(files.labelsPath, 1, { begin: beginLabels }, signal)
  const count = Math.min(allLabels.length, limit ?? allLabels.length)
  const largest = allLabels.reduce((a, b) => Math.max(a, b), 0)
  // The mark of images without a label: only 256 classes have it as one.
  if (largest === 255 && !classNames && !allLabels.includes(254)) {
    const actual = `holding label 255 in record ${allLabels.indexOf(255)}, which marks images without one`
    throw new DataError({
      op,
      argument: files.labelsPath,
      actual,
      expected: 'a label for every image (or classes of that many names)',
    })
  }
  const classes = classNames ?? Array.from({ length: largest + 1 }, (_, i) => String(i))
  if (largest >= classes.length) {
    const actual = `holding label ${largest} in record ${allLabels.indexOf(largest)}`
    throw new DataError({ op, argument: files.labelsPath, actual, expected: `labels from 0 to ${classes.length - 1}` })
  }

  let shape: ImageShape = [count, 1, 0, 0]
  let pixels = new Uint8Array(0)
  const begin = ([n = 0, height = 0, width = 0]: number[]) => {
    if (n !== allLabels.length) {
      const expected = `${allLabels.length}, as ${basename(files.labelsPath)} has labels`
      throw new DataError({ op, argument: files.imagesPath, actual: `a file of ${n} images`, expected })
    }
    shape = [count, 1, height, width]
    pixels = allocatePixels(op, shape)
    return pixels
  }
  const progress = (bytes: number) => onProgress?.({ done: Math.floor(bytes / rowBytes(shape)), total: count })
  await readIdx(files.imagesPath, 3, { begin, progress }, signal)
  const targets = { class: classColumn(classes, allLabels.subarray(0, count)) }
  return imagesFrom({ pixels, shape, targets, name: files.name }, { signal })
}
