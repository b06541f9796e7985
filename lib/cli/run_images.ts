// Images for the network of a run that may never have been among those it was trained on: brought to its size as the run's own images were.
import { z } from 'zod'
import { detectImages, type Images, type OpenImagesOptions, openImages, openImagesOptions } from '../data/index.js'
import type { Network } from '../models/index.js'
import { hasRequest, readRequest } from '../run/request.js'

type Shaping = Pick<OpenImagesOptions, 'fit' | 'resize' | 'background'>

/**
 * How a run's images were brought to one size; nothing where its folder does not say.
 * @throws {DataError} when what it says is not readable
 */
export async function shapingOf(folder: string): Promise<Shaping> {
  if (!hasRequest(folder)) return {}
  const { images } = await readRequest(folder, null, z.looseObject({ images: openImagesOptions }))
  const shaping = Object.entries({ fit: images.fit, resize: images.resize, background: images.background })
  return Object.fromEntries(shaping.filter(([, value]) => value !== undefined))
}

/** Images of a path, resized to what a run's network takes. */
export async function openFor(
  net: Network,
  folder: string,
  path: string,
  given: OpenImagesOptions,
  signal: AbortSignal,
): Promise<Images> {
  const { channels, image } = net.config
  const isPlain = ['cifar', 'idx'].includes(await detectImages(path))
  const size: [number, number] = [image[0], image[1]]
  const { fit, ...shaping } = await shapingOf(folder)
  // What is stored as pixels has its channels, and is not cut into tiles.
  const own = isPlain ? { fit: fit === 'tile' ? undefined : fit } : { fit, grey: channels === 1 || undefined }
  return openImages(path, { ...shaping, ...own, size, ...given, signal })
}
