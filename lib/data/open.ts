import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError, OptionError } from '../errors.js'
import { describeReadError } from '../io/file_errors.js'
import { type CifarOptions, loadCifar, looksLikeCifar } from './cifar.js'
import { listFolder } from './files.js'
import { type FolderOptions, isImageName, loadFolder } from './folder.js'
import { type IdxOptions, loadIdx, looksLikeIdx } from './idx.js'
import type { ImageSet, LoadOptions } from './image_set.js'
import { checkChoice, refuseUnknownOptions } from './options.js'

/** Options of every kind of image data; one that the kind found does not have is refused, but for `size`, `fit` and `background` where they change nothing. */
export interface OpenImagesOptions extends LoadOptions {
  /** `train` by default. */
  split?: 'train' | 'test' | undefined
  size?: FolderOptions['size']
  fit?: FolderOptions['fit']
  background?: FolderOptions['background']
  /** `fine` and `coarse` for CIFAR-100, `folders` and `none` for image folders. */
  labels?: CifarOptions['labels'] | FolderOptions['labels']
  recordsPerFile?: CifarOptions['recordsPerFile']
  classes?: IdxOptions['classes']
  concurrency?: FolderOptions['concurrency']
}

/** The kinds of image data that `openImages` tells apart. */
export type ImageDataKind = 'cifar' | 'idx' | 'folder'

const op = 'openImages'
const optionNames = [
  'limit',
  'signal',
  'onProgress',
  'split',
  'size',
  'fit',
  'background',
  'labels',
  'recordsPerFile',
  'classes',
  'concurrency',
]
const expected =
  'a folder of CIFAR batches (data_batch_1.bin ...), of IDX files (train-images-idx3-ubyte ...), or of class folders with JPEG, PNG or WebP images'

/**
 * Says what a path holds, by the names in it.
 * @throws DataError when it is missing or none of the three
 */
export async function detectImages(path: string): Promise<ImageDataKind> {
  const found = await stat(path).catch((error) => {
    throw describeReadError(op, path, error, expected)
  })
  const refuse = (actual: string) => new DataError({ op, argument: path, actual, expected })
  if (found.isFile()) {
    if (/images.*ubyte(\.gz)?$/.test(path)) return 'idx'
    throw refuse('a file')
  }
  const entries = await listFolder(op, path, expected)
  const names = new Set(entries.map((entry) => entry.name))
  if (looksLikeCifar(names)) return 'cifar'
  if (looksLikeIdx(names)) return 'idx'
  if (entries.some((entry) => isImageName(entry.name) && !entry.isFolder)) return 'folder'
  const folders = entries.filter((entry) => entry.isFolder && !entry.name.startsWith('.'))
  for (const { name } of folders) {
    const inside = await listFolder(op, join(path, name), expected)
    // Class folders, or train and test folders of class folders.
    if (inside.some((entry) => isImageName(entry.name))) return 'folder'
    if (['train', 'test', 'val', 'validation'].includes(name) && inside.some((entry) => entry.isFolder)) return 'folder'
  }
  throw refuse(names.size === 0 ? 'an empty folder' : 'a folder with none of these')
}

/**
 * Opens image data of any of the three kinds, found out from the path, as one ImageSet: CIFAR-10/100 batches (`loadCifar`), IDX files
 * (`loadIdx`) or image folders (`loadFolder`).
 * @throws DataError in one sentence naming the file that is missing, corrupt or of no known kind
 * @throws OptionError for an unknown option, or one that this kind of data does not have
 */
export async function openImages(path: string, options: OpenImagesOptions = {}): Promise<ImageSet> {
  refuseUnknownOptions(op, options, optionNames)
  const kind = await detectImages(path)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as OpenImagesOptions
  if (kind === 'folder') {
    if (given.labels !== undefined) checkChoice(op, 'labels', given.labels, ['folders', 'none'])
    return loadFolder(path, given as FolderOptions)
  }
  const { size, fit: _fit, background: _background, ...rest } = given
  if (kind === 'cifar' && rest.labels !== undefined) checkChoice(op, 'labels', rest.labels, ['fine', 'coarse'])
  const set = await (kind === 'idx' ? loadIdx(path, rest as IdxOptions) : loadCifar(path, rest as CifarOptions))
  const [, , height, width] = set.shape
  const [wantedHeight, wantedWidth] = typeof size === 'number' ? [size, size] : (size ?? [height, width])
  if (height === wantedHeight && width === wantedWidth) return set
  const actual = `${wantedHeight} x ${wantedWidth}`
  throw new OptionError({
    op,
    argument: 'size',
    actual,
    expected: `${height} x ${width}, the size of this data (only image folders are resized)`,
  })
}
