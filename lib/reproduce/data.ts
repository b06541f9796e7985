// The data that studies open, by what they need.
import { basename, dirname, resolve } from 'node:path'
import {
  type Choices,
  detectRecording,
  type Images,
  labelsOf,
  openImages,
  openRecordings,
  type Recording,
  type RecordingsOptions,
  type ReferenceRdms,
  readChoices,
  readRdms,
  selectChoices,
  selectImages,
  selectResponses,
} from '../data/index.js'
import { DataError, OptionError } from '../errors.js'
import { encodeScoring } from '../eval/encoding.js'
import { openSource, splitOf } from '../eval/recordings.js'
import { rsaScoring } from '../eval/rsa.js'
import { refuseUnknown } from '../options.js'
import type { OnProgress } from '../run/index.js'
import { openMeshScenes } from './xie/mesh_scenes.js'

/** Images to learn from and images to test on. */
export interface StudyData {
  train: Images
  test: Images
  /** Images with the responses of neurons to them; none where the study needs none. Those of one `set` are sessions or subjects of it. */
  recordings: readonly StudyRecording[]
  /** How unlike brains or people find the same images; none where the study takes none. */
  rdms: readonly { images: Images; reference: ReferenceRdms }[]
  /** Images of the same classes to learn from and to be tested on, and how many people chose each class for the latter; null where the study has none. */
  people: { train: Images; test: Images; choices: Choices } | null
}

export type StudyRecording = Recording & { set: string }

/** What a study asks for. */
export type StudyNeeds = 'labelled images: train and test' | 'photos, and recordings of neurons' | 'meshes of real objects'

/** Images of a quick run, spread over the set so that every class has its share. */
const quickImages = { train: 3000, test: 1000 }
/** Likewise of each recording. */
const quickRecording = 400
/** Likewise of the images that people named. */
const namedImages = { full: { train: 10_000, test: 10_000 }, quick: { train: 600, test: 300 } }

/** Height and width of photos where a study does not say otherwise. */
export const photoSize = (quick: boolean): number => (quick ? 64 : 112)

export interface StudyDataOptions {
  quick?: boolean
  size?: number | undefined
  responses?: readonly string[]
  nsd?: NsdChoice
  rdms?: readonly string[]
  rdmImages?: string | undefined
  counts?: string | undefined
  countedImages?: string | undefined
  signal?: AbortSignal | undefined
  onProgress?: OnProgress | undefined
}

/** What is read of the Natural Scenes Dataset: `subjects` above all. */
export type NsdChoice = Pick<
  RecordingsOptions,
  'subjects' | 'masks' | 'space' | 'betas' | 'zScore' | 'trials' | 'skipMissing' | 'negative'
>

/**
 * Opens what a study needs.
 * @param path of the images, whatever `openImages` reads
 * @param options size: height and width that photos and the images of recordings are brought to; responses: folders of recordings, as `openRecording`
 * reads them, of one set where they lie in one folder, or of the Natural Scenes Dataset, of which `nsd` says what is read; rdms: files of dissimilarities, as `readRdms` reads them, of the images of `rdmImages`; counts: file
 * of choices, as `readChoices` reads it, of the test images of `countedImages`
 * @throws {DataError} naming what is missing or damaged
 */
export async function openStudyData(needs: StudyNeeds, path: string, options: StudyDataOptions = {}): Promise<StudyData> {
  refuseUnknown('openStudyData', options, [
    'quick',
    'size',
    'responses',
    'nsd',
    'rdms',
    'rdmImages',
    'counts',
    'countedImages',
    'signal',
    'onProgress',
  ])
  const { quick = false, size = photoSize(quick), rdms = [], rdmImages, counts, countedImages, signal } = options
  const { responses = [], nsd = {} } = options
  const refuse = (actual: string, expected: string, argument = '--responses') =>
    new OptionError({ op: 'reproduce', argument, actual, expected })
  if (rdms.length > 0 !== (rdmImages !== undefined))
    throw rdms.length > 0
      ? refuse('missing', 'the folder of the images of --rdm', '--images')
      : refuse('given without --rdm', 'files of dissimilarities of those images', '--images')
  if ((counts === undefined) !== (countedImages === undefined))
    throw countedImages === undefined
      ? refuse('missing', 'labelled images whose test split the people of --counts named', '--counted')
      : refuse('given without --counts', 'how many people chose each class for those images', '--counted')
  if (needs === 'photos, and recordings of neurons') {
    if (responses.length === 0) throw refuse('missing', 'folders of recordings (see striate eval encoding --help)')
    const shape = { size, fit: 'fill', resize: 'bilinear', ...(signal ? { signal } : {}) } as const
    const people = counts === undefined ? null : await openPeople(counts, countedImages as string, shape, quick)
    const photos = (split: 'train' | 'test') => openImages(path, { ...shape, split })
    const whole = await openStudyRecordings(responses, shape, nsd, options)
    const recordings = quick ? await Promise.all(whole.map(partOf)) : whole
    const seen = rdmImages === undefined ? null : await openImages(rdmImages, { ...shape, labels: 'none' })
    const references = seen ? await Promise.all(rdms.map((file) => readRdms(file, seen.shape[0]))) : []
    // What no score can be taken of is refused before anything is trained.
    for (const recording of recordings)
      encodeScoring(null, recording.images, recording.responses, { layers: ['pixels'], ...splitOf(recording, { repeats: 1 }) })
    for (const reference of references) rsaScoring(null, seen as Images, reference, { layers: ['pixels'] })
    return {
      train: await photos('train'),
      test: await photos('test'),
      recordings,
      rdms: references.map((reference) => ({ images: seen as Images, reference })),
      people,
    }
  }
  const [read] = Object.keys(nsd)
  if (responses.length > 0 || read !== undefined)
    throw refuse('given', 'none for this study', responses.length > 0 ? '--responses' : read)
  if (rdms.length > 0) throw refuse('given', 'none for this study', '--rdm')
  if (counts !== undefined) throw refuse('given', 'none for this study', '--counts')
  if (needs === 'meshes of real objects') return { ...(await openMeshScenes(path, quick, signal ? { signal } : {})), ...nothing }
  const open = async (split: 'train' | 'test'): Promise<Images> => {
    const images = await openImages(path, { split, ...(signal ? { signal } : {}) })
    return quick ? selectImages(images, spread(images, quickImages[split])) : images
  }
  return { train: await open('train'), test: await open('test'), ...nothing }
}

/** Recordings in folders, and subjects of the Natural Scenes Dataset. */
async function openStudyRecordings(
  paths: readonly string[],
  shape: RecordingsOptions,
  nsd: NsdChoice,
  control: Pick<StudyDataOptions, 'signal' | 'onProgress'>,
): Promise<StudyRecording[]> {
  const kinds = await Promise.all(paths.map(detectRecording))
  const refuse = (argument: string, actual: string, expected: string) =>
    new OptionError({ op: 'reproduce', argument, actual, expected })
  const [other] = paths.filter((_, i) => kinds[i] !== 'folder' && kinds[i] !== 'nsd')
  if (other !== undefined) throw refuse(other, 'no folder', 'a folder of a recording, or one with nsddata/ and nsddata_betas/')
  const [named] = Object.keys(nsd)
  if (named !== undefined && !kinds.includes('nsd'))
    throw refuse(named, 'given', 'it only beside a folder with nsddata/ and nsddata_betas/ in --responses')
  const parents = paths.map((path) => dirname(resolve(path)))
  const recordings: StudyRecording[] = []
  for (const [i, path] of paths.entries()) {
    const isOneOfSeveral = kinds[i] === 'folder' && parents.filter((parent) => parent === parents[i]).length > 1
    const set = basename(isOneOfSeveral ? (parents[i] as string) : resolve(path))
    for (const source of await openRecordings([path], { ...shape, ...(kinds[i] === 'nsd' ? nsd : {}) }))
      recordings.push({ ...(await openSource(source, control)), set })
  }
  return recordings
}

/** A recording of fewer images, spread over it. */
async function partOf({ images, responses, split, set }: StudyRecording): Promise<StudyRecording> {
  const rows = spread(images, quickRecording)
  const places = Int32Array.from(rows.keys())
  const isTested = new Set(split?.test)
  const of = (tested: boolean) => places.filter((place) => isTested.has(rows[place] as number) === tested)
  return {
    images: await selectImages(images, rows),
    responses: selectResponses(responses, rows),
    split: split && { train: of(false), test: of(true) },
    set,
  }
}

/** Whether some recording states a split. */
export const isStated = ({ recordings }: StudyData): boolean => recordings.some(({ split }) => split)

/** How recordings are split, in words. */
export const splitsText = (data: StudyData): string =>
  isStated(data) ? 'the split that the Natural Scenes Dataset states (five folds of other recordings)' : 'five folds'

/** Of a study that compares with neither brains nor people. */
const nothing = { recordings: [], rdms: [], people: null }

/** Images that people named, and those that a readout learns the same classes from. */
async function openPeople(
  counts: string,
  path: string,
  shape: Parameters<typeof openImages>[1],
  quick: boolean,
): Promise<StudyData['people']> {
  const choices = await readChoices(counts)
  const sizes = quick ? namedImages.quick : namedImages.full
  const open = (split: 'train' | 'test') => openImages(path, { ...shape, split })
  const [train, test] = await Promise.all([open('train'), open('test')])
  const [known, asked] = [train, test].map((images) => labelsOf(images)?.classes ?? []) as [readonly string[], readonly string[]]
  const refuse = (argument: string, actual: string, expected: string) =>
    new DataError({ op: 'reproduce', argument, actual, expected })
  if (known.join() !== asked.join() || known.length < 2)
    throw refuse(
      path,
      `${known.length} classes to learn and ${asked.length} to name`,
      'the same classes in its train and test split',
    )
  if (test.shape[0] !== choices.images || asked.length !== choices.classes)
    throw refuse(
      counts,
      `choices for ${choices.images} images among ${choices.classes} classes`,
      `for the ${test.shape[0]} test images and ${asked.length} classes of ${test.name}`,
    )
  const rows = spread(test, sizes.test)
  return {
    train: await selectImages(train, spread(train, sizes.train)),
    test: await selectImages(test, rows),
    choices: selectChoices(choices, rows),
  }
}

/** Rows of at most `count` images, evenly spaced over the set. */
function spread({ shape: [n] }: Images, count: number): Int32Array {
  const rows = Math.min(n, count)
  return Int32Array.from({ length: rows }, (_, i) => Math.floor((i * n) / rows))
}
