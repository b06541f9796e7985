// Folders of JPEG, PNG and WebP files, one sub-folder per class, decoded through sharp to 8-bit sRGB.
import { readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import sharp from 'sharp'
import { DataError } from '../errors.js'
import { describeReadError } from '../io/file_errors.js'
import { listFolder } from './files.js'
import { allocatePixels, countToLoad, finishImageSet, type ImageSet, type LoadOptions, loadOptionNames } from './image_set.js'
import { checkChoice, checkInteger, refuseUnknownOptions } from './options.js'

export interface FolderOptions extends LoadOptions {
  /**
   * Which sub-folder to read where a folder has `train` beside `test`, `val` or `validation`: `train` by default; `test` stands for any of
   * the other three. A folder without such sub-folders is one split by itself, and is the `train` one.
   */
  split?: 'train' | 'test' | undefined
  /** Side in pixels, or [height, width]. Without it all images must be of one size already. */
  size?: number | readonly [number, number] | undefined
  /** How an image of another aspect is brought to `size`: `cover` crops the middle (default), `contain` pads with `background`, `fill` stretches. */
  fit?: 'cover' | 'contain' | 'fill' | undefined
  /** Colour under transparent pixels and around `contain`ed images, as sharp reads it: `#000000` by default. */
  background?: string | undefined
  /** `folders` (default): the sub-folder's name is the class. `none`: images lie in the folder itself and have no labels. */
  labels?: 'folders' | 'none' | undefined
  /** Files read and decoded at a time: 4 by default. */
  concurrency?: number | undefined
}

const op = 'loadFolder'
const optionNames = [...loadOptionNames, 'split', 'size', 'fit', 'background', 'labels', 'concurrency']
const extensions = new Set(['.jpg', '.jpeg', '.png', '.webp'])
const testNames = ['test', 'val', 'validation']

/** Whether a file of this name is an image that loadFolder reads; the case of the extension does not matter, dot files are not looked at. */
export function isImageName(name: string): boolean {
  return !name.startsWith('.') && extensions.has(extname(name).toLowerCase())
}

interface Plan {
  classes: string[]
  /** The files of each class, sorted; one nameless class when there are no labels. */
  files: string[][]
  name: string
}

async function splitFolder(folder: string, split: 'train' | 'test', explicit: boolean): Promise<{ root: string; name: string }> {
  const expected = 'a folder of class folders with JPEG, PNG or WebP images'
  const folders = (await listFolder(op, folder, expected)).filter((entry) => entry.isFolder).map((entry) => entry.name)
  const test = testNames.find((name) => folders.includes(name))
  if (folders.includes('train') && test) {
    const chosen = split === 'train' ? 'train' : test
    return { root: join(folder, chosen), name: `${basename(folder)}/${chosen}` }
  }
  if (split === 'test' && explicit) {
    const actual = 'a folder without a train folder beside a test, val or validation folder'
    throw new DataError({ op, argument: folder, actual, expected: "such folders for split 'test'" })
  }
  return { root: folder, name: basename(folder) }
}

async function plan(folder: string, options: FolderOptions): Promise<Plan> {
  const { root, name } = await splitFolder(folder, options.split ?? 'train', options.split !== undefined)
  const labelled = options.labels !== 'none'
  const expected = labelled ? 'a folder of class folders with JPEG, PNG or WebP images' : 'a folder with JPEG, PNG or WebP images'
  const entries = (await listFolder(op, root, expected)).filter((entry) => !entry.name.startsWith('.'))
  const loose = entries.filter((entry) => !entry.isFolder && isImageName(entry.name)).map((entry) => join(root, entry.name))
  if (!labelled) {
    if (loose.length === 0) throw new DataError({ op, argument: root, actual: 'a folder without images', expected })
    return { classes: [], files: [loose], name }
  }
  if (loose.length > 0) {
    const actual = `an image outside the class folders`
    throw new DataError({
      op,
      argument: loose[0] as string,
      actual,
      expected: "every image in a class folder (or labels: 'none')",
    })
  }
  const classes = entries.filter((entry) => entry.isFolder).map((entry) => entry.name)
  if (classes.length === 0)
    throw new DataError({ op, argument: root, actual: entries.length ? 'a folder without images' : 'an empty folder', expected })
  const files = []
  for (const className of classes) {
    const path = join(root, className)
    const images = (await listFolder(op, path, expected)).filter((entry) => !entry.isFolder && isImageName(entry.name))
    if (images.length === 0)
      throw new DataError({
        op,
        argument: path,
        actual: 'a class folder without images',
        expected: 'at least one JPEG, PNG or WebP image',
      })
    files.push(images.map((entry) => join(path, entry.name)))
  }
  return { classes, files, name }
}

/** Takes `count` files evenly over the classes (the first of every class, then the second ...), kept in the order of classes and names. */
function takeEvenly(files: readonly string[][], count: number): { path: string; label: number }[] {
  const taken = files.map(() => 0)
  for (let left = count; left > 0; )
    for (let label = 0; label < files.length && left > 0; ++label)
      if ((taken[label] as number) < (files[label] as string[]).length) {
        taken[label] = (taken[label] as number) + 1
        --left
      }
  return files.flatMap((paths, label) => paths.slice(0, taken[label]).map((path) => ({ path, label })))
}

/** The file's kind by its first bytes: sharp would also open what merely carries the extension (SVG, TIFF ...), which is not wanted here. */
function sniff(bytes: Uint8Array): 'JPEG' | 'PNG' | 'WebP' | null {
  const starts = (text: string, at = 0) => [...text].every((c, i) => bytes[at + i] === c.charCodeAt(0))
  if (starts('\xff\xd8\xff')) return 'JPEG'
  if (starts('\x89PNG\r\n\x1a\n')) return 'PNG'
  return starts('RIFF') && starts('WEBP', 8) ? 'WebP' : null
}

interface Decoded {
  data: Uint8Array
  height: number
  width: number
}

async function decode(path: string, options: FolderOptions): Promise<Decoded> {
  const expected = 'a sound JPEG, PNG or WebP image'
  const bytes = await readFile(path).catch((error) => {
    throw describeReadError(op, path, error, expected)
  })
  const kind = sniff(bytes)
  if (!kind)
    throw new DataError({
      op,
      argument: path,
      actual: bytes.length === 0 ? 'an empty file' : 'not an image of a known kind',
      expected,
    })
  const background = options.background ?? '#000000'
  const [height, width] =
    typeof options.size === 'number' ? [options.size, options.size] : (options.size ?? [undefined, undefined])
  try {
    // failOn 'warning': libjpeg reports damaged data in the middle of a file as a mere warning and goes on with grey.
    const image = sharp(bytes, { failOn: 'warning', autoOrient: true }).flatten({ background })
    if (height !== undefined && width !== undefined) image.resize({ height, width, fit: options.fit ?? 'cover', background })
    const { data, info } = await image
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`)
    return { data, height: info.height, width: info.width }
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n').slice(0, 2).join(' ').trim()
    throw new DataError({ op, argument: path, actual: `a corrupt ${kind} file (${reason})`, expected }, { cause })
  }
}

/** Interleaved [H,W,3] to planar [3,H,W]. */
function toPlanar(interleaved: Uint8Array, out: Uint8Array, offset: number): void {
  const plane = interleaved.length / 3
  for (let i = 0, at = 0; i < plane; ++i, at += 3) {
    out[offset + i] = interleaved[at] as number
    out[offset + plane + i] = interleaved[at + 1] as number
    out[offset + 2 * plane + i] = interleaved[at + 2] as number
  }
}

/**
 * Loads a folder of images as [N,3,H,W] bytes: `folder/<class>/<image>`, classes and files sorted by name, the split below or above it as
 * `split` says. Every image is turned upright by its EXIF orientation, brought to 8-bit sRGB by its colour profile, laid over `background` where
 * it is transparent, and resized (Lanczos) where `size` is given. Files with other extensions are not looked at. `limit` takes evenly
 * from the classes.
 * @throws DataError naming the image that is corrupt, truncated or of another size, the class folder that is empty, or the missing folder
 * @throws OptionError for an unknown or out-of-range option
 */
export async function loadFolder(folder: string, options: FolderOptions = {}): Promise<ImageSet> {
  refuseUnknownOptions(op, options, optionNames)
  const { split = 'train', fit = 'cover', labels: labelKind = 'folders', concurrency = 4, signal, onProgress } = options
  checkChoice(op, 'split', split, ['train', 'test'])
  checkChoice(op, 'fit', fit, ['cover', 'contain', 'fill'])
  checkChoice(op, 'labels', labelKind, ['folders', 'none'])
  checkInteger(op, 'concurrency', concurrency, 1, 64)
  for (const side of options.size === undefined ? [] : [options.size].flat()) checkInteger(op, 'size', side as number, 1, 16_384)

  const { classes, files, name } = await plan(folder, options)
  const available = files.reduce((sum, paths) => sum + paths.length, 0)
  const count = countToLoad(op, available, options)
  const chosen = takeEvenly(files, count)

  // The first image gives the size of all, and so the one allocation.
  const first = await decode((chosen[0] as { path: string }).path, options)
  const shape = [count, 3, first.height, first.width] as const
  const images = allocatePixels(op, shape)
  const labels = labelKind === 'folders' ? Int32Array.from(chosen, (file) => file.label) : null
  toPlanar(first.data, images, 0)
  let next = 1
  let done = 1
  let failed = false
  const work = async () => {
    while (next < count && !failed) {
      signal?.throwIfAborted()
      const index = next++
      const { path } = chosen[index] as { path: string }
      const { data, height, width } = await decode(path, options)
      if (height !== first.height || width !== first.width) {
        const expected = `${first.width} x ${first.height} pixels as the images before it (or set size)`
        throw new DataError({ op, argument: path, actual: `${width} x ${height} pixels`, expected })
      }
      toPlanar(data, images, index * data.length)
      onProgress?.({ done: ++done, total: count })
    }
  }
  const workers = Array.from({ length: concurrency }, () =>
    work().catch((error: unknown) => {
      failed = true
      throw error
    }),
  )
  // Nothing may still be reading when the caller sees the error.
  const failure = (await Promise.allSettled(workers)).find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
  return finishImageSet({ images, labels, shape, classes, name }, signal)
}
