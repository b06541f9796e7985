// The images of a command: read, or rendered as a file of options says.
import { flagOf } from '../data/flag_names.js'
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
 * @param given image flags that were given; of scenes there are none
 * @param usual those that stand where they were not, of images that are read
 */
export async function openData(
  op: string,
  path: string,
  { signal, ...given }: OpenImagesOptions,
  device: Device,
  usual: OpenImagesOptions = {},
): Promise<Images & Partial<Disposable>> {
  const stop = signal ? { signal } : {}
  if (!describesScenes(path)) return openImages(path, { ...usual, ...given, ...stop })
  const [flag] = Object.keys(given)
  if (flag !== undefined)
    throw new OptionError({
      op,
      argument: flagOf(flag),
      actual: `given for ${path}`,
      expected: 'none for scenes: their file says what they are',
    })
  return openScenes(path, { device, ...stop })
}
