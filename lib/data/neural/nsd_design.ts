// The design of the Natural Scenes Dataset: which of its 73,000 images each of a subject's 30,000 trials shows.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { DataError } from '../../errors.js'
import { statFile } from '../files.js'
import { readMat } from './mat.js'

export const nsdImageCount = 73_000
export const trialsPerSession = 750
/** Sessions that each subject came to, the first of them subject 1. */
export const sessionCounts = [40, 40, 32, 30, 40, 32, 40, 30] as const
const subjects = sessionCounts.length
const trialsInAll = 30_000
const imagesOfSubject = 10_000
const repeats = 3

/** For each subject, the number (from 0) of the image of each trial; the last trials of some were never held. */
export type NsdDesign = readonly Int32Array[]

/**
 * Reads the design from `nsd_expdesign.mat`, or where that is not there from `nsd_stim_info_merged.csv`; both say the same. (The .mat counts images and
 * trials from 1. The .csv counts images from 0 and trials from 1; its 0 stands for no trial.)
 * @param folder such as `nsddata/experiments/nsd`
 * @throws {DataError} naming the file that is missing, or no such design
 */
export async function readDesign(op: string, folder: string): Promise<NsdDesign> {
  const [mat, csv] = [join(folder, 'nsd_expdesign.mat'), join(folder, 'nsd_stim_info_merged.csv')]
  if (await isThere(mat)) return designOfMat(op, mat)
  if (await isThere(csv)) return designOfCsv(op, csv)
  throw new DataError({ op, argument: mat, actual: 'missing', expected: 'it, or nsd_stim_info_merged.csv beside it' })
}

/** Whether there is anything of this name. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

async function designOfMat(op: string, path: string): Promise<NsdDesign> {
  const { masterordering, subjectim } = await readMat(op, path, ['masterordering', 'subjectim'])
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: path, actual, expected })
  if (masterordering.data.length !== trialsInAll || !masterordering.shape.includes(trialsInAll))
    throw refuse(`one whose masterordering is of shape [${masterordering.shape}]`, `[1,${trialsInAll}]`)
  if (subjectim.shape.length !== 2 || subjectim.shape[0] !== subjects || subjectim.shape[1] !== imagesOfSubject)
    throw refuse(`one whose subjectim is of shape [${subjectim.shape}]`, `[${subjects},${imagesOfSubject}]`)
  const from1 = (name: string, value: number, most: number): number => {
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw refuse(`one with ${value} in ${name}`, `whole numbers from 1 to ${most}`)
    return value - 1
  }
  return sessionCounts.map((_, subject) =>
    Int32Array.from(masterordering.data, (place) => {
      const image = from1('masterordering', place, imagesOfSubject)
      return from1('subjectim', subjectim.data[subject + subjects * image] as number, nsdImageCount)
    }),
  )
}

async function designOfCsv(op: string, path: string): Promise<NsdDesign> {
  const expected = 'the table of 73,000 images with nsdId and subject1_rep0 to subject8_rep2'
  await statFile(op, path, expected)
  const refuse = (actual: string, wanted = expected, cause?: unknown) =>
    new DataError({ op, argument: path, actual, expected: wanted }, { cause })
  const design = sessionCounts.map(() => new Int32Array(trialsInAll).fill(-1))
  const seen = new Uint8Array(nsdImageCount)
  const whole = (text: string | undefined, name: string, most: number): number => {
    const value = text === '' ? Number.NaN : Number(text)
    if (Number.isInteger(value) && value >= 0 && value <= most) return value
    throw refuse(`one with '${text}' in column ${name}`, `whole numbers from 0 to ${most} in it`)
  }
  let at: Columns | null = null
  const take = (row: string[]): null => {
    if (!at) {
      at = columnsAt(row, (name) => refuse(`one with no column ${name}`))
      return null
    }
    const image = whole(row[at.image], 'nsdId', nsdImageCount - 1)
    if (seen[image]) throw refuse(`one with image ${image} twice`)
    seen[image] = 1
    for (const { name, column, subject } of at.trials) {
      const trial = whole(row[column], name, trialsInAll)
      const trials = design[subject] as Int32Array
      if (trial === 0) continue
      if (trials[trial - 1] !== -1) throw refuse(`one with two images in trial ${trial} of subject ${subject + 1}`)
      trials[trial - 1] = image
    }
    return null
  }
  try {
    await pipeline(createReadStream(path), parse({ bom: true, trim: true, on_record: take }).resume())
  } catch (cause) {
    throw cause instanceof DataError ? cause : refuse(`not a table (${(cause as Error).message})`, expected, cause)
  }
  for (const [subject, trials] of design.entries()) {
    const without = trials.indexOf(-1)
    if (without >= 0) throw refuse(`one without an image in trial ${without + 1} of subject ${subject + 1}`)
  }
  return design
}

interface Columns {
  image: number
  trials: readonly { name: string; column: number; subject: number }[]
}

/** Where a table has the images and the trials that show them. */
function columnsAt(names: readonly string[], missing: (name: string) => DataError): Columns {
  const find = (name: string): number => {
    const column = names.indexOf(name)
    if (column >= 0) return column
    throw missing(name)
  }
  const trials = Array.from({ length: subjects * repeats }, (_, i) => {
    const subject = Math.floor(i / repeats)
    const name = `subject${subject + 1}_rep${i % repeats}`
    return { name, column: find(name), subject }
  })
  return { image: find('nsdId'), trials }
}
