// Folders of images: one sub-folder per class, or unlabelled, or labelled by a table beside them.
import { basename, extname } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { parseWithControl } from '../options.js'
import { imageKinds, isImageName } from './decode.js'
import { depthsFolder, descriptionFile, masksFolder, placesInSet, readDescribedSet } from './described_set.js'
import { encodedOptions, openEncoded } from './encoded.js'
import { type FolderEntry, listFolder, ofFiles, type Path, readWhole, shown } from './files.js'
import type { Images, LoadControl, SkippedFile } from './images.js'
import { readTable, targetsOfTable } from './label_file.js'
import { annotationFile, checkSplit, isVisible, partsIn, splitFolder, splitOptions } from './split_folder.js'
import { classColumn, type Targets } from './targets.js'
import { headersFile, readThreeDWorld } from './three_d_world.js'

/** The schema of {@link FolderOptions}. */
export const folderOptions = z.strictObject({
  ...encodedOptions,
  ...splitOptions,
  labels: z
    .enum(['folders', 'none'])
    .default('folders')
    .describe("the sub-folder's name is the class (folders), or there are no labels and images may lie anywhere (none)"),
  labelFile: z
    .string()
    .optional()
    .meta({ unit: 'path' })
    .describe(
      'CSV or TSV file with a row of column names, then an image and its label or labels in every row; in place of folders',
    ),
})

/**
 * `split`: which sub-folder to read where a folder has a train part beside a test, val, valid or validation one (also as `Training`, `seg_train` ...):
 * train by default; `test` stands for the first of the others that is labelled. A folder without such sub-folders is one split by itself, and is the
 * train one, unless `testShare` holds a share of every class out as the test split. `size`: side in pixels, or [height, width]; without it all images
 * must be of one size already. `fit`: how an image of another aspect is brought to it: `cover` crops the middle (default), `contain` pads with
 * `background`, `fill` stretches, and `tile` keeps every pixel as it is and cuts each image into tiles of `size`, which overlap where they must, so
 * that each pixel lies in one. `resize`: by the filter of Lanczos (default), or `bilinear`, as Pillow and torchvision have it. `grey`: one channel, the luma of Rec. 601. `background`: colour under transparent pixels and around contained images,
 * `#000000` by default. `labels`: `folders` (default), or `none` for images without classes, wherever in the folder they lie. `labelFile`: a table of
 * images and labels. `skipBad`: leaves out images that cannot be decoded; `skipped` names them. `concurrency`: files read and decoded at a time, 4 by
 * default. `memoryLimit`: bytes of pixels up to which the set is loaded into memory, a quarter of the machine's by default. `limit`: at most so many
 * images, taken evenly from the classes.
 */
export interface FolderOptions extends z.input<typeof folderOptions>, LoadControl {}

const op = 'loadFolder'
const classFolders = `a folder of class folders with ${imageKinds} images`

/** Folders below folders that are looked into: more are a link that leads back. */
const deepest = 32

/** Folders beside the classes of a set that describes itself: of every image which pixels show its object, and how far it is. */
const notImages: readonly string[] = [masksFolder, depthsFolder]

/** The images found, in the order of classes and names; what else is there. */
class Listing {
  /** Within the root, between slashes. */
  names: string[] = []
  paths: Path[] = []
  readonly skipped: SkippedFile[] = []

  constructor(private readonly skipBad: boolean) {}

  /** Adds the images of a folder and of those in it. */
  async add(entries: readonly FolderEntry[], inside: string, depth = 0): Promise<void> {
    for (const entry of entries.filter(isVisible)) {
      const name = inside + entry.name
      if (!entry.isFolder) this.addFile(entry, name)
      else if (depth === deepest)
        throw new DataError({
          op,
          argument: shown(entry.path),
          actual: `${deepest} folders deep`,
          expected: 'no link that leads back',
        })
      else {
        const below = await listFolder(op, entry.path, classFolders)
        if (partsIn(below)) {
          const actual = 'a class folder with train and test folders in it'
          throw new DataError({
            op,
            argument: shown(entry.path),
            actual,
            expected: 'such folders at the top, around the classes',
          })
        }
        await this.add(below, `${name}/`, depth + 1)
      }
    }
  }

  /** What messages call image `index`. */
  where(index: number): string {
    return shown(this.paths[index] as Path)
  }

  /** Keeps the images `indices` alone. */
  keep(indices: Int32Array): void {
    this.names = Array.from(indices, (index) => this.names[index] as string)
    this.paths = Array.from(indices, (index) => this.paths[index] as Path)
  }

  private addFile({ name: own, path, isFile }: FolderEntry, name: string): void {
    if (!isImageName(own))
      this.skipped.push({ name, reason: `no image by its name (${extname(own).toLowerCase() || 'no extension'})` })
    else if (isFile) {
      this.names.push(name)
      this.paths.push(path)
    } else {
      const actual = 'no regular file, or a link to nothing'
      if (!this.skipBad) throw new DataError({ op, argument: shown(path), actual, expected: 'an image' })
      this.skipped.push({ name, reason: actual })
    }
  }
}

/** What a folder holds, and the class of each image where its folder says it. */
interface Plan {
  listing: Listing
  root: Path
  name: string
  isPart: boolean
  targets: Targets
}

async function plan(
  folder: string,
  options: z.output<typeof folderOptions>,
  labels: 'folders' | 'none' | 'found',
): Promise<Plan> {
  if (options.labelFile === undefined && labels !== 'none') {
    const world = (await listFolder(op, folder, classFolders)).find((entry) => entry.name === headersFile)
    if (world) return planThreeDWorld(folder, options)
  }
  const { root, name, entries, isPart, beside } = await splitFolder(op, folder, options, classFolders)
  checkSplit(op, folder, isPart, options)
  const refuse = (argument: Path, actual: string, expected: string) =>
    new DataError({ op, argument: shown(argument), actual, expected })
  const loose = entries.find((entry) => !entry.isFolder && isImageName(entry.name))
  const folders = entries.filter((entry) => entry.isFolder)
  const listing = new Listing(options.skipBad)
  listing.skipped.push(...beside.map((own) => ({ name: `${own}/`, reason: 'a folder beside the splits' })))
  const done = (targets: Targets): Plan => ({ listing, root, name, isPart, targets })
  const table = entries.find((entry) => entry.name === annotationFile)
  if (options.labelFile !== undefined || table) {
    await listing.add(
      entries.filter((entry) => entry !== table),
      '',
    )
    const path = options.labelFile ?? (table as FolderEntry).path
    const read = await readTable(op, path, options.labelFile === undefined ? ['image', 'label'] : undefined)
    const { images, targets, skipped } = targetsOfTable(op, read, listing.names, (image) => listing.where(image), options.skipBad)
    listing.keep(images)
    for (const file of skipped) listing.skipped.push(file)
    return done(targets)
  }
  if (labels !== 'none' && entries.some((entry) => entry.name === descriptionFile)) {
    const set = await readDescribedSet(op, shown(root))
    await listing.add(
      folders.filter((entry) => !notImages.includes(entry.name)),
      '',
    )
    listing.keep(placesInSet(op, root, set, listing.names, (image) => listing.where(image)))
    return done(set.targets)
  }
  if (labels === 'none' || (labels === 'found' && loose && folders.length === 0)) {
    await listing.add(entries, '')
    if (listing.names.length === 0) throw refuse(root, 'a folder without images', `a folder with ${imageKinds} images`)
    return done({})
  }
  if (loose)
    throw refuse(
      loose.path,
      'an image outside the class folders',
      "every image in a class folder (or labels 'none', --labels none)",
    )
  if (folders.length === 0) throw refuse(root, entries.length > 0 ? 'a folder without images' : 'an empty folder', classFolders)
  const classes: number[] = []
  for (const [label, entry] of folders.entries()) {
    const before = listing.names.length
    await listing.add([entry], '')
    if (listing.names.length === before)
      throw refuse(entry.path, 'a class folder without images', `at least one ${imageKinds} image`)
    for (let i = before; i < listing.names.length; ++i) classes.push(label)
  }
  await listing.add(
    entries.filter((entry) => !entry.isFolder),
    '',
  )
  return done({
    class: classColumn(
      folders.map((entry) => entry.name),
      classes,
    ),
  })
}

/** A set of ThreeDWorld's images: a folder `images`, with what is known about each image beside it. */
async function planThreeDWorld(folder: string, options: z.output<typeof folderOptions>): Promise<Plan> {
  checkSplit(op, folder, false, options)
  const listing = new Listing(options.skipBad)
  const images = `${folder}/images`
  await listing.add(await listFolder(op, images, "a folder of ThreeDWorld's images"), '')
  const { targets, skipped } = await readThreeDWorld(op, folder, images, listing.names)
  // The files of values are no images, and were looked at.
  listing.skipped.splice(0, listing.skipped.length, ...skipped)
  return { listing, root: images, name: basename(folder), isPart: false, targets }
}

/**
 * Opens a folder of images as [N,3,H,W] bytes: `folder/<class>/<image>`, classes and files sorted by name, the split below or above it as
 * `split` says, the class as target `class`. Images in folders inside a class folder are of that class. Every image is turned upright by its EXIF
 * orientation, brought to 8-bit sRGB by its colour profile, laid over `background` where it is transparent, and resized where `size` is
 * given. A set that `writeScenes` wrote has its images in the set's order with all of its targets, and ThreeDWorld's sets (img_meta_headers.txt beside
 * images/) have what is known of each image. Files with other extensions are not read; `skipped` names them. A set of more than `memoryLimit` bytes of pixels is decoded as it is read; an
 * image of it that is corrupt is refused when it is read.
 * @throws {DataError} naming the image that is corrupt, truncated or of another size, the class folder that is empty, or the missing folder
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function loadFolder(folder: string, options: FolderOptions = {}): Promise<Images> {
  const [parsed, control] = parseWithControl(op, folderOptions, options)
  return openFolder(folder, parsed, parsed.labels, control)
}

/**
 * {@link loadFolder} with options that are checked.
 * @param labels `found`: of class folders where there are any; none of images that all lie in the folder itself
 */
export async function openFolder(
  folder: string,
  options: z.output<typeof folderOptions>,
  labels: 'folders' | 'none' | 'found',
  control: LoadControl,
): Promise<Images> {
  const { listing, root, name, isPart, targets } = await plan(folder, options, labels)
  const { names, paths, skipped } = listing
  if (names.length === 0)
    throw new DataError({ op, argument: shown(root), actual: 'a folder without images', expected: classFolders })
  const encoded = {
    name,
    isPart,
    count: names.length,
    targets,
    skipped,
    isEven: true,
    tilesWhereSizesDiffer: targets.class === undefined,
    where: (index: number) => listing.where(index),
    label: (index: number) => names[index] as string,
    files: paths,
    sizes: (stop?: AbortSignal) => ofFiles(op, paths, ({ size }) => size, stop),
    read: (index: number, stop?: AbortSignal) => readWhole(op, paths[index] as Path, `a sound ${imageKinds} image`, stop),
  }
  return openEncoded(op, encoded, options, control)
}
