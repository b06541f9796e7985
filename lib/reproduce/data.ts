// The data that studies open, by what they need.
import { type Images, openImages, openRecording, type Recording, selectImages } from '../data/index.js'
import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { openMeshScenes } from './xie/mesh_scenes.js'

/** Images to learn from and images to test on. */
export interface StudyData {
  train: Images
  test: Images
  /** Images with the responses of neurons to them; none where the study needs none. */
  recordings: readonly Recording[]
}

/** What a study asks for. */
export type StudyNeeds = 'labelled images: train and test' | 'photos, and recordings of neurons' | 'meshes of real objects'

/** Images of a quick run, spread over the set so that every class has its share. */
const quickImages = { train: 3000, test: 1000 }

/** Height and width of photos where a study does not say otherwise. */
export const photoSize = (quick: boolean): number => (quick ? 64 : 112)

/**
 * Opens what a study needs.
 * @param path of the images, whatever `openImages` reads
 * @param options size: height and width that photos and the images of recordings are brought to; responses: folders of recordings, as `openRecording` reads them
 * @throws {DataError} naming what is missing or damaged
 */
export async function openStudyData(
  needs: StudyNeeds,
  path: string,
  options: { quick?: boolean; size?: number | undefined; responses?: readonly string[]; signal?: AbortSignal } = {},
): Promise<StudyData> {
  refuseUnknown('openStudyData', options, ['quick', 'size', 'responses', 'signal'])
  const { quick = false, size = photoSize(quick), responses = [], signal } = options
  const refuse = (actual: string, expected: string) =>
    new OptionError({ op: 'reproduce', argument: '--responses', actual, expected })
  if (needs === 'photos, and recordings of neurons') {
    if (responses.length === 0) throw refuse('missing', 'folders of recordings (see striate eval encoding --help)')
    const shape = { size, fit: 'fill', resize: 'bilinear', ...(signal ? { signal } : {}) } as const
    const photos = (split: 'train' | 'test') => openImages(path, { ...shape, split })
    const sessions = quick ? responses.slice(0, 1) : responses
    const recordings = await Promise.all(sessions.map((folder) => openRecording(folder, shape)))
    return { train: await photos('train'), test: await photos('test'), recordings }
  }
  if (responses.length > 0) throw refuse('given', 'none for this study')
  if (needs === 'meshes of real objects')
    return { ...(await openMeshScenes(path, quick, signal ? { signal } : {})), recordings: [] }
  const open = async (split: 'train' | 'test'): Promise<Images> => {
    const images = await openImages(path, { split, ...(signal ? { signal } : {}) })
    return quick ? spread(images, quickImages[split]) : images
  }
  return { train: await open('train'), test: await open('test'), recordings: [] }
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
