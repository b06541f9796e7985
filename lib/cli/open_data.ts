// The images of a command: read, or rendered as a file of options says.
import { type Images, type OpenImagesOptions, openImages } from '../data/index.js'
import type { Device } from '../device.js'
import { OptionError } from '../errors.js'
import { openScenes } from '../scene/index.js'

/** What kinds of images are read. */
export const imagesText =
  'CIFAR batches, IDX files, class folders or unlabelled folders of images, WebDataset shards (tar) or Parquet files'

/** What --data takes. */
export const dataText = `${imagesText}; or a JSON file of the options of scenes, which are rendered as they are needed`

/** Whether a path is that of a file of the options of scenes. */
const describesScenes = (path: string): boolean => path.endsWith('.json')

/**
 * Opens what --data names.
 * @param given image flags; of scenes there are none
 */
export async function openData(
  op: string,
  path: string,
  { signal, ...given }: OpenImagesOptions,
  device: Device,
): Promise<Images & Partial<Disposable>> {
  const stop = signal ? { signal } : {}
  if (!describesScenes(path)) return openImages(path, { ...given, ...stop })
  const { split: _, ...rest } = given
  const [flag] = Object.keys(rest)
  if (flag !== undefined)
    throw new OptionError({
      op,
      argument: flag,
      actual: `given for ${path}`,
      expected: 'none for scenes: their file says what they are',
    })
  return openScenes(path, { device, ...stop })
}
