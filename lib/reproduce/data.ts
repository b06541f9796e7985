// The data that studies open, by what they need.
import { type Images, openImages, selectImages } from '../data/index.js'
import { refuseUnknown } from '../options.js'

/** Images to learn from and images to test on. */
export interface StudyData {
  train: Images
  test: Images
}

/** What a study asks for. */
export type StudyNeeds = 'labelled images: train and test'

/** Images of a quick run, spread over the set so that every class has its share. */
const quickImages = { train: 3000, test: 1000 }

/**
 * Opens what a study needs.
 * @param path where it lies: of labelled images, whatever `openImages` reads
 * @throws {DataError} naming what is missing or damaged
 */
export async function openStudyData(
  _needs: StudyNeeds,
  path: string,
  options: { quick?: boolean; signal?: AbortSignal } = {},
): Promise<StudyData> {
  refuseUnknown('openStudyData', options, ['quick', 'signal'])
  const { quick = false, signal } = options
  const open = async (split: 'train' | 'test'): Promise<Images> => {
    const images = await openImages(path, { split, ...(signal ? { signal } : {}) })
    return quick ? spread(images, quickImages[split]) : images
  }
  return { train: await open('train'), test: await open('test') }
}

/** `count` images, evenly spaced over the set. */
async function spread(images: Images, count: number): Promise<Images> {
  const n = images.shape[0]
  if (n <= count) return images
  return selectImages(
    images,
    Int32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count)),
  )
}
