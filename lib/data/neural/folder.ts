// A recording in a folder: images with the responses to them, as plain arrays.
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { DataError, OptionError } from '../../errors.js'
import { readNpy } from '../../io/index.js'
import { parseWithControl, whole } from '../../options.js'
import { decodeOptions, imageKinds, isImageName } from '../decode.js'
import { type EncodedImages, encodedOptions, openEncoded } from '../encoded.js'
import { type FolderEntry, listFolder, ofFiles, type Path, readWhole, shown } from '../files.js'
import { checkIndices, type Images, type LoadControl } from '../images.js'
import { allocatePixels } from '../memory.js'
import { coveringBox, resizeBilinear } from '../resize.js'
import { fillCut } from '../tiles.js'
import { type Responses, readGroups, readMeans, readTrials, responsesFrom } from './responses.js'

const { size, background, maxPixels } = decodeOptions
const { grey, concurrency, memoryLimit } = encodedOptions

/** The schema of {@link RecordingOptions}. */
export const recordingOptions = z.strictObject({
  size: size.describe('side in pixels that images are brought to, or height and width; without it all must be of one size'),
  fit: z
    .enum(['cover', 'contain', 'fill'])
    .default('fill')
    .describe('an image of another aspect is stretched (fill), cropped in the middle (cover) or padded (contain)'),
  resize: z.enum(['lanczos', 'bilinear']).default('bilinear').describe('filter by which images are resized'),
  crop: whole(1).optional().describe('side in pixels of the middle part of images in an array that alone is kept'),
  background,
  maxPixels,
  grey,
  concurrency,
  memoryLimit,
})

/**
 * `size`: what images are brought to. `fit`: `fill` (default), `cover` or `contain`. `resize`: `bilinear` (default, as Pillow and torchvision have it)
 * or `lanczos`. `crop`: of images in an array, the side of their middle part that is kept. `grey`: one channel.
 */
export interface RecordingOptions extends z.input<typeof recordingOptions>, LoadControl {}

/** Images and the responses to them: row i of the one belongs to row i of the other. */
export interface Recording {
  images: Images
  responses: Responses
  /** Rows for training and for tests, where the data themselves say them. */
  readonly split?: { readonly train: Int32Array; readonly test: Int32Array } | undefined
}

const op = 'openRecording'
const layout =
  'a folder with images/ (or images-bits.npy, or images.npy) and responses_mean.npy [images, targets] (or responses_trials.npy)'

/**
 * Opens a recording: a folder with `images/`, whose files are taken in the order of their names or of `images.txt` (a name a line), or with an array of
 * pictures, `images.npy` (bytes [N,H,W] or [N,H,W,3]) or `images-bits.npy` (bytes [N,H,W/8], a bit a pixel, the first in the highest); with
 * `responses_mean.npy` [images, targets], `responses_trials.npy` [images, targets, repeats] (-1 of whole numbers, NaN of others: no such repeat), or
 * both; and with `groups.npy` [images] where images belong together.
 * @throws {DataError} in one sentence naming the file that is missing, is not what it should be, or holds responses to another number of images
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function openRecording(folder: string, options: RecordingOptions = {}): Promise<Recording> {
  const [parsed, control] = parseWithControl(op, recordingOptions, options)
  const entries = await listFolder(op, folder, layout)
  const has = (name: string) => entries.some((entry) => entry.name === name)
  const responses = await readResponses(folder, has)
  const { images, imageNames } = await openPictures(folder, has, responses.images, parsed, control)
  return { images, responses: { ...responses, imageNames } }
}

async function readResponses(folder: string, has: (name: string) => boolean): Promise<Responses> {
  const [meanFile, trialsFile, groupsFile] = ['responses_mean.npy', 'responses_trials.npy', 'groups.npy'].map((name) =>
    has(name) ? join(folder, name) : null,
  )
  if (!meanFile && !trialsFile) throw new DataError({ op, argument: folder, actual: 'without responses', expected: layout })
  const trials = trialsFile ? await readTrials(op, trialsFile) : null
  const means = meanFile ? await readMeans(op, meanFile) : null
  const { images, targets } = means ?? (trials as NonNullable<typeof trials>)
  if (trials && (trials.images !== images || trials.targets !== targets))
    throw new DataError({
      op,
      argument: trialsFile as string,
      actual: `of ${trials.images} images and ${trials.targets} targets`,
      expected: `the ${images} and ${targets} of responses_mean.npy`,
    })
  const groups = groupsFile ? await readGroups(op, groupsFile, images) : null
  return responsesFrom({ name: basename(folder), images, targets, mean: means?.mean, trials, groups })
}

type Parsed = z.output<typeof recordingOptions>

async function openPictures(
  folder: string,
  has: (name: string) => boolean,
  count: number,
  options: Parsed,
  control: LoadControl,
): Promise<{ images: Images; imageNames: readonly string[] | null }> {
  const array = ['images-bits.npy', 'images.npy'].find(has)
  if (array) return { images: await openArray(join(folder, array), count, options), imageNames: null }
  if (!has('images')) throw new DataError({ op, argument: folder, actual: 'without images', expected: layout })
  if (options.crop !== undefined)
    throw new OptionError({ op, argument: 'crop', actual: `${options.crop}`, expected: 'none for images in files' })
  const list = has('images.txt') ? join(folder, 'images.txt') : null
  const paths = await picturesOf(join(folder, 'images'), list)
  checkCount(list ?? join(folder, 'images'), paths.length, count)
  const files = paths.map(({ path }) => path)
  const encoded: EncodedImages = {
    name: basename(folder),
    count: paths.length,
    targets: {},
    where: (index) => shown((paths[index] as FolderEntry).path),
    label: (index) => (paths[index] as FolderEntry).name,
    files,
    sizes: (stop) => ofFiles(op, files, ({ size }) => size, stop),
    read: (index, stop) => readWhole(op, (paths[index] as FolderEntry).path, `a sound ${imageKinds} image`, stop),
  }
  const images = await openEncoded(op, encoded, { ...options, skipBad: false }, control)
  return { images, imageNames: paths.map(({ name }) => name) }
}

function checkCount(argument: string, found: number, count: number): void {
  if (found !== count)
    throw new DataError({ op, argument, actual: `of ${found} images`, expected: `the ${count} that there are responses to` })
}

/** Image files of a folder, in the order of their names or of a list of names. */
async function picturesOf(folder: string, list: string | null): Promise<FolderEntry[]> {
  const files = (await listFolder(op, folder, layout)).filter(({ name, isFile }) => isFile && isImageName(name))
  if (!list) return files
  const byName = new Map(files.map((file) => [file.name, file]))
  const text = (await readWhole(op, list as Path, 'a text of file names')).toString('utf8')
  const names = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((name) => name !== '')
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: list, actual, expected })
  // One that is there twice would be learned from and tested on.
  const seen = new Set<string>()
  const again = names.find((name) => seen.size === seen.add(name).size)
  if (again !== undefined) throw refuse(`a list with '${again}' twice`, 'each image once (its repeats in responses_trials.npy)')
  return names.map((name) => {
    const file = byName.get(name)
    if (file) return file
    throw refuse(`a list with '${name}'`, `names of images in ${folder}`)
  })
}

/** Pictures that lie in one array, made the size and the colours of a network's when they are asked for. */
async function openArray(path: string, count: number, options: Parsed): Promise<Images> {
  const { data, shape } = await readNpy(path)
  const isBits = path.endsWith('-bits.npy')
  const refuse = (actual: string) => {
    const expected = isBits ? 'bytes [images, height, width / 8]' : 'bytes [images, height, width] or [images, height, width, 3]'
    return new DataError({ op, argument: path, actual, expected })
  }
  if (!(data instanceof Uint8Array)) throw refuse('of another element type')
  const [images = 0, height = 0, stored = 0, colours = 1] = shape
  const isShaped = isBits ? shape.length === 3 : shape.length === 3 || (shape.length === 4 && colours === 3)
  if (!isShaped || data.length === 0) throw refuse(`of shape [${shape}]`)
  checkCount(path, images, count)
  const width = isBits ? 8 * stored : stored
  const { size, fit, resize, crop, grey } = options
  const refuseOption = (argument: string, actual: string, expected: string) => new OptionError({ op, argument, actual, expected })
  if (crop !== undefined && crop > Math.min(height, width))
    throw refuseOption('crop', `${crop}`, `at most ${Math.min(height, width)}, the side of the images`)
  const own = { height: crop ?? height, width: crop ?? width }
  const to =
    size === undefined ? own : typeof size === 'number' ? { height: size, width: size } : { height: size[0], width: size[1] }
  const isSame = to.height === own.height && to.width === own.width
  if (!isSame && (resize !== 'bilinear' || fit === 'contain'))
    throw refuseOption(
      'resize, fit',
      `${resize}, ${fit}`,
      'bilinear (--resize), and fill or cover (--fit), for images in an array',
    )
  const top = Math.floor((height - own.height) / 2)
  const left = Math.floor((width - own.width) / 2)
  const channels = grey ? 1 : 3

  /** Image `index` as interleaved bytes [H,W,3]. */
  const picture = (index: number): Uint8Array => {
    const out = new Uint8Array(3 * own.height * own.width)
    for (let y = 0, at = 0; y < own.height; ++y)
      for (let x = 0; x < own.width; ++x)
        for (let channel = 0; channel < 3; ++channel, ++at) {
          const row = index * height + top + y
          const column = left + x
          out[at] = isBits
            ? 255 * (((data[row * stored + (column >> 3)] as number) >> (7 - (column & 7))) & 1)
            : (data[(row * stored + column) * colours + (colours === 3 ? channel : 0)] as number)
        }
    if (isSame) return out
    return resizeBilinear(out, own, to, fit === 'cover' ? coveringBox(own, to) : undefined)
  }
  const stride = channels * to.height * to.width
  const shaping = { size: [to.height, to.width], fit, resize, crop: crop ?? null, grey }
  return {
    name: basename(path),
    shape: [images, channels, to.height, to.width],
    sha256: createHash('sha256')
      .update(JSON.stringify([shape, shaping]))
      .update(data)
      .digest('hex'),
    targets: {},
    pixels: null,
    shaping: isSame ? undefined : `${resize}, to ${to.height} x ${to.width} by ${fit}`,
    rows: async (indices, signal) => {
      checkIndices('rows', indices, images)
      const out = allocatePixels('rows', [indices.length, channels, to.height, to.width])
      for (let i = 0; i < indices.length; ++i) {
        signal?.throwIfAborted()
        fillCut({ ...to, data: picture(indices[i] as number) }, { top: 0, left: 0 }, to, grey, out, i * stride)
      }
      return out
    },
  }
}
