// The data that studies open, by what they need.
import { basename, dirname, resolve } from 'node:path'
import {
  type Images,
  openImages,
  openRecording,
  type Recording,
  type ReferenceRdms,
  readRdms,
  selectImages,
} from '../data/index.js'
import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { openMeshScenes } from './xie/mesh_scenes.js'

/** Images to learn from and images to test on. */
export interface StudyData {
  train: Images
  test: Images
  /** Images with the responses of neurons to them; none where the study needs none. Those of one `set` are sessions or subjects of it. */
  recordings: readonly (Recording & { set: string })[]
  /** How unlike brains or people find the same images; none where the study takes none. */
  rdms: readonly { images: Images; reference: ReferenceRdms }[]
}

/** What a study asks for. */
export type StudyNeeds = 'labelled images: train and test' | 'photos, and recordings of neurons' | 'meshes of real objects'

/** Images of a quick run, spread over the set so that every class has its share. */
const quickImages = { train: 3000, test: 1000 }

/** Height and width of photos where a study does not say otherwise. */
export const photoSize = (quick: boolean): number => (quick ? 64 : 112)

export interface StudyDataOptions {
  quick?: boolean
  size?: number | undefined
  responses?: readonly string[]
  rdms?: readonly string[]
  rdmImages?: string | undefined
  signal?: AbortSignal
}

/**
 * Opens what a study needs.
 * @param path of the images, whatever `openImages` reads
 * @param options size: height and width that photos and the images of recordings are brought to; responses: folders of recordings, as `openRecording`
 * reads them, of one set where they lie in one folder; rdms: files of dissimilarities, as `readRdms` reads them, of the images of `rdmImages`
 * @throws {DataError} naming what is missing or damaged
 */
export async function openStudyData(needs: StudyNeeds, path: string, options: StudyDataOptions = {}): Promise<StudyData> {
  refuseUnknown('openStudyData', options, ['quick', 'size', 'responses', 'rdms', 'rdmImages', 'signal'])
  const { quick = false, size = photoSize(quick), responses = [], rdms = [], rdmImages, signal } = options
  const refuse = (actual: string, expected: string, argument = '--responses') =>
    new OptionError({ op: 'reproduce', argument, actual, expected })
  if (rdms.length > 0 !== (rdmImages !== undefined))
    throw rdms.length > 0
      ? refuse('missing', 'the folder of the images of --rdm', '--images')
      : refuse('given without --rdm', 'files of dissimilarities of those images', '--images')
  if (needs === 'photos, and recordings of neurons') {
    if (responses.length === 0) throw refuse('missing', 'folders of recordings (see striate eval encoding --help)')
    const shape = { size, fit: 'fill', resize: 'bilinear', ...(signal ? { signal } : {}) } as const
    const photos = (split: 'train' | 'test') => openImages(path, { ...shape, split })
    const sessions = quick ? responses.slice(0, 1) : responses
    const parents = sessions.map((folder) => dirname(resolve(folder)))
    const recordings = await Promise.all(
      sessions.map(async (folder, i) => {
        const parent = parents[i] as string
        const isOneOfSeveral = parents.filter((other) => other === parent).length > 1
        return { ...(await openRecording(folder, shape)), set: basename(isOneOfSeveral ? parent : resolve(folder)) }
      }),
    )
    const seen = rdmImages === undefined ? null : await openImages(rdmImages, { ...shape, labels: 'none' })
    const references = seen ? await Promise.all(rdms.map((file) => readRdms(file, seen.shape[0]))) : []
    return {
      train: await photos('train'),
      test: await photos('test'),
      recordings,
      rdms: references.map((reference) => ({ images: seen as Images, reference })),
    }
  }
  if (responses.length > 0) throw refuse('given', 'none for this study')
  if (rdms.length > 0) throw refuse('given', 'none for this study', '--rdm')
  if (needs === 'meshes of real objects')
    return { ...(await openMeshScenes(path, quick, signal ? { signal } : {})), recordings: [], rdms: [] }
  const open = async (split: 'train' | 'test'): Promise<Images> => {
    const images = await openImages(path, { split, ...(signal ? { signal } : {}) })
    return quick ? spread(images, quickImages[split]) : images
  }
  return { train: await open('train'), test: await open('test'), recordings: [], rdms: [] }
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
