// Images for the network of a run that may never have been among those it was trained on: brought to its size as the run's own images were.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { detectImages, type Images, type OpenImagesOptions, openImages, openImagesOptions } from '../data/index.js'
import { DataError } from '../errors.js'
import type { Network } from '../models/index.js'

type Shaping = Pick<OpenImagesOptions, 'fit' | 'background'>

/**
 * How a run's images were brought to one size; nothing where its folder does not say.
 * @throws {DataError} when what it says is not readable
 */
export async function shapingOf(folder: string): Promise<Shaping> {
  const file = join(folder, 'request.json')
  if (!existsSync(file)) return {}
  try {
    const { images = {} } = JSON.parse(await readFile(file, 'utf8'))
    const { fit, background } = openImagesOptions.parse(images)
    return { ...(fit === undefined ? {} : { fit }), ...(background === undefined ? {} : { background }) }
  } catch (cause) {
    const expected = 'the request of a run'
    throw new DataError({ op: 'request', argument: file, actual: 'damaged', expected }, { cause })
  }
}

/** Images of a path, encoded ones resized to what a run's network takes. */
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
  const asTrained = isPlain ? {} : { ...(await shapingOf(folder)), size, ...(channels === 1 ? { grey: true } : {}) }
  return openImages(path, { ...asTrained, ...given, signal })
}
