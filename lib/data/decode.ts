// One decoder for every stored image: through sharp to 8-bit sRGB.
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import type { Sharp, default as sharp } from 'sharp'
import { z } from 'zod'
import { root } from '#root'
import { DataError, OutOfMemoryError, type StriateError } from '../errors.js'
import { whole } from '../options.js'
import { bitmapHeader, UnreadKind } from './bitmap.js'
import { flagOf } from './flag_names.js'
import { withoutOddities } from './jpeg.js'
import { containedExtent, coveringBox, resizeBilinear } from './resize.js'

const load = createRequire(join(root, 'package.json'))
/** Loaded by the first image: it takes longer to load than many a command that meets none runs. */
const imageLibrary = (): typeof sharp => load('sharp') as typeof sharp

const side = whole(1, 16_384)
const defaultMaxPixels = 2 ** 27

function isColour(background: string): boolean {
  try {
    imageLibrary()({ create: { width: 1, height: 1, channels: 3, background } })
    return true
  } catch {
    return false
  }
}

/** What is decoded, in words. */
export const imageKinds = 'JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or PNM'
/** Endings of the names of such files. */
export const imageExtensions: ReadonlySet<string> = new Set(
  'jpg jpeg jpe jfif png webp avif tif tiff gif bmp dib pnm pbm pgm ppm'.split(' '),
)

/** Whether a file of this name is an image by its extension, in either case, dot files are not looked at. */
export function isImageName(name: string): boolean {
  return !name.startsWith('.') && imageExtensions.has(extname(name).slice(1).toLowerCase())
}

/** What shapes the pixels of a decoded image. */
export const decodeOptions = {
  size: z
    .union([side, z.tuple([side, side]).readonly()])
    .optional()
    .describe('side in pixels, or height and width; without it all images must be of one size already, or are cut into tiles'),
  fit: z
    .enum(['cover', 'contain', 'fill', 'tile'])
    .optional()
    .describe(
      'an image of another aspect is cropped in the middle (cover, by default), padded (contain) or stretched (fill); or every image keeps its pixels and is cut into tiles of that size (tile, by default for unlabelled folders of images that differ)',
    ),
  resize: z
    .enum(['lanczos', 'bilinear'])
    .default('lanczos')
    .describe('by the filter of Lanczos, or by the bilinear one as Pillow and torchvision have it'),
  background: z
    .string()
    .refine(isColour, 'a colour as sharp reads it, such as #102030 or white')
    .default('#000000')
    .describe('colour under transparent pixels and around contained images, as sharp reads it'),
  maxPixels: whole(1)
    .default(defaultMaxPixels)
    .describe('pixels of the largest image that is decoded; a larger one is refused before it is'),
}

export interface Decoding {
  size?: number | readonly [height: number, width: number] | undefined
  /** `cover` by default. */
  fit?: 'cover' | 'contain' | 'fill' | 'tile' | undefined
  /** `lanczos` by default. */
  resize?: 'lanczos' | 'bilinear' | undefined
  background: string
  /** 2^27 by default. */
  maxPixels?: number | undefined
}

/** How an image of another aspect is brought to a size. */
export type Fit = 'cover' | 'contain' | 'fill'

/** Of an image, in pixels. */
export interface Extent {
  height: number
  width: number
}

export interface Decoded extends Extent {
  /** Interleaved [H,W,3]. */
  data: Uint8Array
}

/** What sharp says of an image that has more pixels than it is allowed. */
const pixelLimit = 'exceeds pixel limit'

type Kind = 'JPEG' | 'PNG' | 'WebP' | 'AVIF' | 'TIFF' | 'GIF' | 'BMP' | 'PNM'
const starts: readonly (readonly [Kind, RegExp])[] = [
  ['JPEG', /^\xff\xd8/],
  ['PNG', /^\x89PNG\r\n.\n/],
  ['WebP', /^RIFF....WEBP/s],
  ['AVIF', /^....ftypavi[fs]/s],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
  ['GIF', /^GIF8[79]a/],
  ['BMP', /^BM/],
  ['PNM', /^P[1-6][\s#]/],
]

/** The file's kind by its first bytes: sharp would also open what merely carries the extension (SVG ...), which is not wanted here. */
function kindOf(op: string, where: string, bytes: Uint8Array): Kind {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.length)).toString('latin1')
  const found = starts.find(([, pattern]) => pattern.test(head))
  if (found) return found[0]
  const actual = bytes.length === 0 ? 'an empty file' : 'not an image of a known kind'
  throw new DataError({ op, argument: where, actual, expected: sound })
}

const sound = `a sound ${imageKinds} image`

/** Height and width of an image that is upright, from its header. */
async function extentOf(kind: Kind, bytes: Uint8Array): Promise<Extent> {
  if (kind === 'BMP' || kind === 'PNM') return bitmapHeader(kind, bytes)
  return (await imageLibrary()(bytes, { limitInputPixels: false }).metadata()).autoOrient
}

/** What a failed decoding says: the file is damaged or too large, or the machine has no room for it. */
function failure(op: string, where: string, kind: Kind, cause: unknown): StriateError {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n').slice(0, 2).join(' ').trim()
  if (
    /creating thread|create thread|temporarily unavailable|(out of|insufficient) memory|unable to allocate|too many open/i.test(
      reason,
    )
  )
    return new OutOfMemoryError(
      {
        op,
        argument: where,
        actual: `not decoded (${reason})`,
        expected: 'memory and threads for it (a lower concurrency takes less)',
      },
      { cause },
    )
  const actual =
    cause instanceof UnreadKind ? `a ${kind} file that is not read (${reason})` : `a corrupt ${kind} file (${reason})`
  return new DataError({ op, argument: where, actual, expected: sound }, { cause })
}

/** What is wrong with an image's size, if anything: it is not that of the others, or too large to be decoded. */
function misfit(op: string, where: string, extent: Extent, maxPixels: number, like?: Extent): DataError | null {
  const actual = `${extent.width} x ${extent.height} pixels`
  if (like && (extent.height !== like.height || extent.width !== like.width)) {
    const expected = `${like.width} x ${like.height} pixels as the images before it (or set size, ${flagOf('size')}, or fit 'tile')`
    return new DataError({ op, argument: where, actual, expected })
  }
  if (extent.height * extent.width <= maxPixels) return null
  const expected = `at most ${maxPixels.toLocaleString('en')} pixels (set maxPixels, ${flagOf('maxPixels')})`
  return new DataError({ op, argument: where, actual, expected })
}

/**
 * Height and width of one image once it is upright, without decoding it.
 * @throws {DataError} when it is no image, or one of more than `maxPixels`
 */
export async function measure(
  op: string,
  where: string,
  bytes: Uint8Array,
  { maxPixels = defaultMaxPixels }: Pick<Decoding, 'maxPixels'>,
): Promise<Extent> {
  const kind = kindOf(op, where, bytes)
  const extent = await extentOf(kind, bytes).catch((cause) => {
    throw failure(op, where, kind, cause)
  })
  const wrong = misfit(op, where, extent, maxPixels)
  if (wrong) throw wrong
  return extent
}

/** An image opened for decoding, of at most `limit` pixels. */
async function open(kind: Kind, bytes: Uint8Array, limit: number, failOn: 'warning' | 'error'): Promise<Sharp> {
  if (kind === 'BMP' || kind === 'PNM') {
    const { height, width, pixels } = bitmapHeader(kind, bytes)
    if (height * width > limit) throw new Error(pixelLimit)
    const { data, ...raw } = pixels()
    return imageLibrary()(data, { raw })
  }
  const image = imageLibrary()(bytes, { failOn, autoOrient: true, limitInputPixels: limit })
  if (kind === 'TIFF' && /float|double|complex/.test((await image.metadata()).depth ?? ''))
    throw new UnreadKind('floating-point numbers, which have no range of their own')
  return image
}

/**
 * Decodes one image: turned upright by its EXIF orientation, brought to 8-bit sRGB by its colour profile, laid over `background` where it is
 * transparent, and resized where `size` is given and `fit` is not `tile`. Of an image of several pages, the first.
 * @param where names the image in messages
 * @param like the size that it must have: a larger one is refused before it is decoded
 * @throws {DataError} when it is damaged, no image, or larger than `maxPixels`; {OutOfMemoryError} when the machine has no room to decode it
 */
export async function decode(
  op: string,
  where: string,
  bytes: Uint8Array,
  { size, fit = 'cover', resize = 'lanczos', background, maxPixels = defaultMaxPixels }: Decoding,
  like?: Extent,
): Promise<Decoded> {
  const kind = kindOf(op, where, bytes)
  const [height, width] = typeof size === 'number' ? [size, size] : (size ?? [0, 0])
  const to = size !== undefined && fit !== 'tile' ? { height, width } : null
  const limit = like && !to ? Math.min(maxPixels, like.height * like.width) : maxPixels
  const attempt = async (from: Uint8Array, failOn: 'warning' | 'error') => {
    const image = (await open(kind, from, limit, failOn)).flatten({ background })
    if (to && fit !== 'tile' && resize === 'lanczos') image.resize({ ...to, fit, background })
    return image.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  }
  try {
    // failOn 'warning': libjpeg reports damaged data in the middle of a file as a mere warning and goes on with grey.
    const { data, info } = await attempt(bytes, 'warning').catch((error: Error) => {
      if (error.message.includes(pixelLimit)) throw error
      const plain = kind === 'JPEG' ? withoutOddities(bytes) : null
      if (plain) return attempt(plain, 'warning')
      if (kind === 'TIFF' && isAboutTags(error.message)) return attempt(bytes, 'error')
      throw error
    })
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`)
    const decoded = { data, height: info.height, width: info.width }
    if (to && fit !== 'tile' && resize === 'bilinear') return await bilinear(decoded, to, fit, background)
    const wrong = misfit(op, where, info, maxPixels, like)
    if (wrong) throw wrong
    return decoded
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    const isLarge = cause instanceof Error && cause.message.includes(pixelLimit)
    throw (isLarge && misfit(op, where, await extentOf(kind, bytes), maxPixels, like)) || failure(op, where, kind, cause)
  }
}

/** An image in another size, cut or padded to its aspect where `fit` says so. */
export async function resized(
  image: Decoded,
  to: Extent,
  { fit = 'cover', resize = 'lanczos', background }: Pick<Decoding, 'resize' | 'background'> & { fit?: Fit | undefined },
): Promise<Decoded> {
  if (resize === 'bilinear') return bilinear(image, to, fit, background)
  const { data, height, width } = image
  const raw = { height, width, channels: 3 } as const
  const large = imageLibrary()(data, { raw }).resize({ ...to, fit, background })
  return { ...to, data: await large.toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' }).toBuffer() }
}

async function bilinear(image: Decoded, to: Extent, fit: Fit, background: string): Promise<Decoded> {
  if (fit !== 'contain') {
    const box = fit === 'cover' ? coveringBox(image, to) : undefined
    return { ...to, data: resizeBilinear(image.data, image, to, box) }
  }
  const inner = containedExtent(image, to)
  const [top, left] = [Math.floor((to.height - inner.height) / 2), Math.floor((to.width - inner.width) / 2)]
  const [bottom, right] = [to.height - inner.height - top, to.width - inner.width - left]
  const data = await imageLibrary()(resizeBilinear(image.data, image, inner), { raw: { ...inner, channels: 3 } })
    .extend({ top, left, bottom, right, background })
    .raw()
    .toBuffer()
  return { ...to, data }
}

/** Whether libtiff complains of nothing but tags that it does not know or would have sorted: the pixels are none of it. */
const isAboutTags = (message: string): boolean =>
  message
    .split('\n')
    .filter((line) => !/^(Warning treated as error|error in tile)/.test(line))
    .every((line) => line === '' || /unknown (field|tag)|tags are not sorted|TIFFReadDirectory/i.test(line))
