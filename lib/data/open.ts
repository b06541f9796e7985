import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { DataError, OptionError } from '../errors.js'
import { describeReadError } from '../io/file_errors.js'
import { overrides, parseOptions, parseWithControl } from '../options.js'
import { cifarOptions, loadCifar, looksLikeCifar } from './cifar.js'
import { imageKinds, isImageName } from './decode.js'
import { descriptionFile } from './described_set.js'
import { type FolderEntry, listFolder } from './files.js'
import { folderOptions, openFolder } from './folder.js'
import { idxOptions, loadIdx, looksLikeIdx } from './idx.js'
import type { Images, LoadControl } from './images.js'
import { loadParquet, parquetOptions } from './parquet.js'
import { resizedImages } from './resized.js'
import { isShardName, loadShards, shardOptions } from './shards.js'
import { expandRanges, isPartName, isVisible } from './split_folder.js'
import { headersFile } from './three_d_world.js'

/** The kinds of image data that `openImages` tells apart. */
export type ImageDataKind = 'cifar' | 'idx' | 'folder' | 'shards' | 'parquet'

const op = 'openImages'
const expected = `a folder of CIFAR batches (data_batch_1.bin ...), of IDX files (train-images-idx3-ubyte ...), of class folders with ${imageKinds} images, of tar shards or of Parquet files`

/**
 * The schema of {@link OpenImagesOptions}: the options of every kind, none filled in. One that the kind found does not have is refused, but for
 * those of decoding where they change nothing.
 */
export const openImagesOptions = overrides(
  z.strictObject({
    ...folderOptions.shape,
    labels: z
      .enum(['folders', 'none', 'fine', 'coarse'])
      .optional()
      .describe('folders or none for image folders, fine or coarse for CIFAR-100'),
    recordsPerFile: cifarOptions.shape.recordsPerFile,
    classes: idxOptions.shape.classes,
  }),
)

/** Options of every kind of image data. */
export interface OpenImagesOptions extends z.input<typeof openImagesOptions>, LoadControl {}

/**
 * Says what a path holds, by the names in it.
 * @throws {DataError} when it is missing or of no known kind
 */
export async function detectImages(path: string): Promise<ImageDataKind> {
  const byName = (name: string): ImageDataKind | null =>
    isShardName(name) ? 'shards' : name.endsWith('.parquet') ? 'parquet' : null
  const pattern = expandRanges(path)[0] === path ? null : byName(path)
  if (pattern) return pattern
  const found = await stat(path).catch((error) => {
    throw describeReadError(op, path, error, expected)
  })
  const refuse = (actual: string) => new DataError({ op, argument: path, actual, expected })
  if (found.isFile()) {
    const kind = byName(path) ?? (/images.*ubyte(\.gz)?$/.test(path) ? 'idx' : null)
    if (kind) return kind
    throw refuse('a file')
  }
  if (!found.isDirectory()) throw refuse('neither a folder nor a regular file')
  const entries = await listFolder(op, path, expected)
  const names = new Set(entries.map((entry) => entry.name))
  if (names.has(headersFile)) return 'folder'
  if (names.has(descriptionFile)) return entries.some((entry) => isShardName(entry.name)) ? 'shards' : 'folder'
  if (looksLikeCifar(names)) return 'cifar'
  if (looksLikeIdx(names)) return 'idx'
  const holdsImages = (all: readonly FolderEntry[]) => all.some((entry) => isImageName(entry.name) && !entry.isFolder)
  if (holdsImages(entries)) return 'folder'
  const packed = (all: FolderEntry[]) => all.filter((entry) => !entry.isFolder).map((entry) => byName(entry.name))
  const below = entries.filter((entry) => entry.isFolder && isVisible(entry))
  for (const entry of below) {
    const inside = await listFolder(op, entry.path, expected)
    // Class folders, or train and test folders of class folders, shards or Parquet files.
    if (holdsImages(inside)) return 'folder'
    if (!isPartName(entry.name)) continue
    const kind = packed(inside).find((one) => one !== null)
    if (kind) return kind
    if (inside.some((entry) => entry.isFolder)) return 'folder'
  }
  const kind = packed(entries).find((one) => one !== null)
  if (kind) return kind
  // Images may lie deeper, in folders inside class folders.
  for (let level = below, depth = 0; level.length > 0 && depth < 4; ++depth) {
    const deeper: FolderEntry[] = []
    for (const entry of level) {
      const inside = await listFolder(op, entry.path, expected)
      if (holdsImages(inside)) return 'folder'
      deeper.push(...inside.filter((one) => one.isFolder && isVisible(one)))
    }
    level = deeper
  }
  throw refuse(names.size === 0 ? 'an empty folder' : 'a folder with none of these')
}

/**
 * Opens image data of any kind, found out from the path, as one Images: CIFAR-10/100 batches (`loadCifar`), IDX files (`loadIdx`), image folders
 * (`loadFolder`), tar shards (`loadShards`) or Parquet files (`loadParquet`).
 * @throws {DataError} in one sentence naming the file that is missing, corrupt or of no known kind
 * @throws {OptionError} for an unknown option, or one that this kind of data does not have
 */
export async function openImages(path: string, options: OpenImagesOptions = {}): Promise<Images> {
  const [parsed, control] = parseWithControl(op, openImagesOptions, options)
  const given = Object.fromEntries(Object.entries(parsed).filter(([, value]) => value !== undefined)) as typeof parsed
  const kind = await detectImages(path)
  const own = <S extends z.ZodObject>(schema: S, options: object) => parseOptions(op, overrides(schema), options as z.input<S>)
  if (kind === 'folder') {
    const options = own(folderOptions, given)
    return openFolder(path, parseOptions(op, folderOptions, options), options.labels ?? 'found', control)
  }
  if (kind === 'shards') return loadShards(path, { ...own(shardOptions, given), ...control })
  if (kind === 'parquet') return loadParquet(path, { ...own(parquetOptions, given), ...control })
  return openPlain(path, kind, given, control)
}

/** Images that are stored as pixels: of decoding, what does not concern them changes nothing. */
async function openPlain(path: string, kind: 'idx' | 'cifar', options: OpenImagesOptions, control: LoadControl): Promise<Images> {
  const {
    size,
    fit,
    grey,
    background = '#000000',
    resize,
    concurrency: _c,
    memoryLimit: _l,
    maxPixels: _p,
    skipBad: _s,
    ...rest
  } = options
  const refuse = (argument: string, actual: string, expected: string) => new OptionError({ op, argument, actual, expected })
  if (fit === 'tile')
    throw refuse(
      'fit',
      "'tile'",
      `cover, contain or fill: the images of ${path} are stored as pixels, which are not cut into tiles`,
    )
  if (grey) throw refuse('grey', 'true', `it left out: the images of ${path} are stored as pixels, which keep their channels`)
  const own = <S extends z.ZodObject>(schema: S) => parseOptions(op, overrides(schema), rest as z.input<S>)
  const images =
    kind === 'idx'
      ? await loadIdx(path, { ...own(idxOptions), ...control })
      : await loadCifar(path, { ...own(cifarOptions), ...control })
  const [, , height, width] = images.shape
  const [wantedHeight, wantedWidth] = typeof size === 'number' ? [size, size] : (size ?? [height, width])
  if (height === wantedHeight && width === wantedWidth) return images
  return resizedImages(images, { height: wantedHeight, width: wantedWidth }, { fit, resize, background })
}
