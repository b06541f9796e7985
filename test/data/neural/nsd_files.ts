// A Natural Scenes Dataset in the published layout: its whole design of 73,000 images and 30,000 trials a subject, over small images and a small volume.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { putHdf5 } from './hdf5_bytes.js'
import { matBytes } from './mat_bytes.js'
import { niftiBytes, type Written } from './nifti_bytes.js'

export const subjects = 8
const imagesOfSubject = 10_000
const trialsInAll = 30_000
export const trialsPerSession = 750
/** x, y, z. */
export const extents = [5, 4, 3] as const
export const voxelCount = 60
/** Height and width of the images. */
export const side = 4

/** Every 73rd image is shared by all; the others go to the subjects in turn. */
const isShared = (image: number) => image % 73 === 0
const others = Array.from({ length: 73_000 }, (_, image) => image).filter((image) => !isShared(image))
const shared = Array.from({ length: 1000 }, (_, i) => 73 * i)
/** Images of each subject, from 0. */
const imagesOf = Array.from({ length: subjects }, (_, subject) => [
  ...shared,
  ...others.filter((_, i) => i % subjects === subject),
])
/** Which of them each trial shows, from 0: each three times. */
const ordering = Array.from({ length: trialsInAll }, (_, trial) => ((trial * 7919) % trialsInAll) % imagesOfSubject)

/** The image, from 0, of a subject's trial, both from 0. */
export const imageOfTrial = (subject: number, trial: number): number => imagesOf[subject]?.[ordering[trial] as number] as number

/** The first trial of an image, from 0. */
export const trialOf = (subject: number, image: number): number => ordering.indexOf(imagesOf[subject]?.indexOf(image) as number)

export async function putAt(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
}

/** Images and trials from 1. */
export function putMatDesign(folder: string): Promise<void> {
  const from1 = (value: number) => value + 1
  const subjectim = Array.from({ length: imagesOfSubject }, (_, i) => imagesOf.map((own) => from1(own[i] as number))).flat()
  const arrays = [
    { name: 'masterordering', shape: [1, trialsInAll], data: ordering.map(from1), storage: 'uint16' },
    { name: 'basiccnt', shape: [3, 40], data: new Float64Array(120) },
    { name: 'sharedix', shape: [1, 1000], data: shared.map(from1), storage: 'int32' },
    { name: 'subjectim', shape: [subjects, imagesOfSubject], data: subjectim, storage: 'int32' },
  ] as const
  return putAt(join(folder, 'nsd_expdesign.mat'), matBytes(arrays, { isCompressed: true }))
}

const columns = ['', 'cocoId', 'cocoSplit', 'cropBox', 'loss', 'nsdId', 'flagged', 'BOLD5000', 'shared1000']
for (let subject = 1; subject <= subjects; ++subject) columns.push(`subject${subject}`)
for (let subject = 1; subject <= subjects; ++subject) columns.push(...[0, 1, 2].map((repeat) => `subject${subject}_rep${repeat}`))

type Row = Record<string, string | number>

/** Images from 0, trials from 1, 0 for none; the first `count` rows of the table. */
export function putCsvDesign(
  folder: string,
  change: (row: Row, image: number) => void = () => {},
  count = 73_000,
): Promise<void> {
  const trials = imagesOf.map(() => new Map<number, number[]>())
  for (const [subject, own] of imagesOf.entries())
    ordering.forEach((place, trial) => {
      const image = own[place] as number
      const some = trials[subject]?.get(image)
      if (some) some.push(trial + 1)
      else trials[subject]?.set(image, [trial + 1])
    })
  const lines = Array.from({ length: count }, (_, image) => {
    const seen = trials.map((own) => own.get(image) ?? [0, 0, 0])
    const flags = ['False', 'False', isShared(image) ? 'True' : 'False']
    const isSeen = seen.map((own) => (own[0] === 0 ? 0 : 1))
    const cells = [image, image * 7, 'train2017', '"(0, 0, 0.1, 0.2)"', 0.5, image, ...flags, ...isSeen, ...seen.flat()]
    const row: Row = Object.fromEntries(cells.map((cell, i) => [columns[i], cell]))
    change(row, image)
    return columns.map((name) => row[name]).join(',')
  })
  return putAt(join(folder, 'nsd_stim_info_merged.csv'), `${columns.join(',')}\n${lines.join('\n')}\n`)
}

/** Value of channel `channel` at pixel (y, x) of an image. */
export const pixelOf = (image: number, y: number, x: number, channel: number): number =>
  (image * 31 + y * 57 + x * 11 + channel * 101) % 256

export function putStimuli(path: string): Promise<void> {
  const size = side * side * 3
  const data = new Uint8Array(73_000 * size)
  for (let image = 0, at = 0; image < 73_000; ++image)
    for (let y = 0; y < side; ++y)
      for (let x = 0; x < side; ++x) for (let channel = 0; channel < 3; ++channel, ++at) data[at] = pixelOf(image, y, x, channel)
  return putHdf5(path, (file) => {
    file.create_dataset({ name: 'imgBrick', data, shape: [73_000, side, side, 3] })
  })
}

/** Of the whole 16 bits, in -1 to 1. */
const noise = (a: number, b: number): number => {
  const mixed = Math.imul(Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 15)) & 0xffff) / 0x8000 - 1
}

/** A voxel's stored response in a trial (from 0): the image's part, noise, and another mean and scale in every session. */
export function betaOf(subject: number, voxel: number, trial: number): number {
  if (voxel === constantVoxel && Math.floor(trial / trialsPerSession) === 1) return 17
  const session = Math.floor(trial / trialsPerSession)
  const signal = noise(1000 + voxel, imageOfTrial(subject, trial))
  return Math.round((1 + session / 10) * (400 * signal + 300 * noise(5000 + voxel, trial)) + 20 * session - voxel)
}

/** Of the x, y, z of a voxel, where it lies in a file. */
export const placeOf = (x: number, y: number, z: number): number => x + extents[0] * (y + extents[1] * z)
/** It is constant in session 2. */
export const constantVoxel = placeOf(3, 1, 2)

/** One session of betas [750, Z, Y, X], a chunk a voxel. */
export function putBetas(folder: string, subject: number, session: number): Promise<void> {
  const data = new Int16Array(trialsPerSession * voxelCount)
  for (let trial = 0; trial < trialsPerSession; ++trial)
    for (let voxel = 0; voxel < voxelCount; ++voxel)
      data[trial * voxelCount + voxel] = betaOf(subject, voxel, session * trialsPerSession + trial)
  const [X, Y, Z] = extents
  return putHdf5(join(folder, `betas_session${String(session + 1).padStart(2, '0')}.hdf5`), (file) => {
    file.create_dataset({ name: 'betas', data, shape: [trialsPerSession, Z, Y, X], chunks: [trialsPerSession, 1, 1, 1] })
  })
}

/** Labels or values of a volume, by place. */
export function volume(value: (x: number, y: number, z: number) => number, written: Written = {}): Buffer {
  const [X, Y, Z] = extents
  const data = Array.from({ length: voxelCount }, (_, i) => value(i % X, Math.floor(i / X) % Y, Math.floor(i / (X * Y))))
  return niftiBytes([X, Y, Z], data, written)
}

/** Where a subject's files (from 1) lie under a root. */
export const places = (root: string, subject: number) => ({
  design: join(root, 'nsddata/experiments/nsd'),
  stimuli: join(root, 'nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5'),
  prepared: join(root, `nsddata/ppdata/subj0${subject}/func1pt8mm`),
  names: join(root, `nsddata/freesurfer/subj0${subject}/label`),
  betas: join(root, `nsddata_betas/ppdata/subj0${subject}/func1pt8mm/betas_fithrf_GLMdenoise_RR`),
})

/** The stream of a voxel by its label; 0 is cortex without one. Left of x = 2 lies the left hemisphere. */
export const streamOf = (_x: number, y: number, z: number): number => (z === 0 ? 0 : y === 0 ? 3 : 5)
/** -1 outside the hemisphere's cortex. */
const inHemisphere = (side: string, x: number): boolean => (side === 'lh' ? x < 2 : x >= 2)
export const generalOf = (x: number, _y: number, z: number): number => (x === 4 && z === 2 ? 0 : 1)

export async function putMasks(root: string, subject: number): Promise<void> {
  const { prepared, names } = places(root, subject)
  for (const side of ['lh', 'rh']) {
    const label = (of: typeof streamOf) => (x: number, y: number, z: number) => (inHemisphere(side, x) ? of(x, y, z) : -1)
    await putAt(join(prepared, `roi/${side}.streams.nii.gz`), volume(label(streamOf)))
    await putAt(join(prepared, `roi/${side}.nsdgeneral.nii.gz`), volume(label(generalOf), { type: 'float32' }))
  }
  await putAt(join(names, 'streams.mgz.ctab'), '0 Unknown\n1 early\n2 midventral\n3 midlateral\n4 midparietal\n5 ventral\n')
}
