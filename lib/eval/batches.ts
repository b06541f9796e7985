// Images for a network, in batches: of a set, or decoded from the bytes of image files and brought to its size.
import { isUint8Array } from 'node:util/types'
import { z } from 'zod'
import { decode, decodeOptions } from '../data/decode.js'
import { allDone } from '../data/gate.js'
import { ahead, batchesOf, type Images } from '../data/index.js'
import { fillCut } from '../data/tiles.js'
import { DataError, OptionError } from '../errors.js'
import type { Network } from '../models/index.js'
import { whole } from '../options.js'
import { checkExtent } from './classify.js'

/** A set of images, the bytes of one image file, or of several. */
export type ImagesOrBytes = Images | Uint8Array | readonly Uint8Array[]

const { resize, background, maxPixels } = decodeOptions

/** How images reach a network. */
export const batchOptions = {
  batch: whole(1).default(64).describe('images at a time'),
  fit: z
    .enum(['cover', 'contain', 'fill'])
    .default('cover')
    .describe('an encoded image of another aspect is cropped in the middle (cover), padded (contain) or stretched (fill)'),
  resize,
  background,
  maxPixels,
}

/** Options of {@link batchOptions}, all there. */
export type BatchOptions = z.output<z.ZodObject<typeof batchOptions>>

/** Refuses what are no images for a network. @returns how many they are */
export function countImages(op: string, net: Network, images: ImagesOrBytes): number {
  if (isUint8Array(images)) return 1
  if (isSet(images)) {
    checkExtent(op, net, images)
    return images.shape[0]
  }
  if (Array.isArray(images) && images.every(isUint8Array)) return images.length
  const actual = Array.isArray(images)
    ? 'a list of something else'
    : typeof images === 'string'
      ? `'${images}'`
      : 'something else'
  throw new OptionError({ op, argument: 'images', actual, expected: 'Images, or the bytes of image files (Uint8Array)' })
}

const isSet = (images: ImagesOrBytes): images is Images =>
  typeof images === 'object' && images !== null && 'rows' in images && typeof images.rows === 'function'

/**
 * Pixels [n,C,H,W] of images, `batch` at a time and in order.
 * @throws {DataError} naming the image that cannot be read
 */
export async function* batchesFor(
  op: string,
  net: Network,
  images: ImagesOrBytes,
  { batch, ...decoding }: BatchOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ first: number; count: number; pixels: Uint8Array }, void, void> {
  let first = 0
  if (isSet(images)) {
    for await (const { rows, pixels } of ahead(images, batchesOf(images.shape[0], batch), signal ? { signal } : {})) {
      yield { first, count: rows.length, pixels }
      first += rows.length
    }
    return
  }
  const { channels, image: size } = net.config
  const [height, width] = size
  if (channels !== 1 && channels !== 3) {
    const actual = `one of images with ${channels} channels`
    throw new DataError({ op, argument: 'network', actual, expected: 'one of grey or colour images, which files hold' })
  }
  const encoded = isUint8Array(images) ? [images] : images
  const bytes = channels * height * width
  for (; first < encoded.length; first += batch) {
    signal?.throwIfAborted()
    const part = encoded.slice(first, first + batch)
    const pixels = new Uint8Array(part.length * bytes)
    const one = async ({ buffer, byteOffset, byteLength }: Uint8Array, i: number) => {
      const name = isUint8Array(images) ? 'image' : `images[${first + i}]`
      // The decoder wants arrays of its own realm.
      const file = Buffer.from(buffer, byteOffset, byteLength)
      const decoded = await decode(op, name, file, { ...decoding, size })
      fillCut(decoded, { top: 0, left: 0 }, { height, width }, channels === 1, pixels, i * bytes)
    }
    await allDone(part.map(one))
    yield { first, count: part.length, pixels }
  }
}
