// Any other recording: a folder of images and a table of responses, a row an image or a row a trial.
import { basename, extname, join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { parseOptions, refuseUnknown, whole } from '../../options.js'
import { columnsByName, numbersOrWords } from '../columns.js'
import { isImageName } from '../decode.js'
import { listFolder, readWhole, statFile } from '../files.js'
import type { Images, LoadControl } from '../images.js'
import { readTable } from '../label_file.js'
import type { Targets } from '../targets.js'
import type { Recording } from './folder.js'
import { nsdImageCount } from './nsd_design.js'
import { nsdShaping, openNsdImages } from './nsd_images.js'
import { openPictures, type Picture, pictureFile, pictureOptions } from './pictures.js'
import { readMeans, readNumbers, responsesFrom, type Trials } from './responses.js'

const op = 'openTrialTable'

/** The schema of {@link TrialTableOptions}. */
export const trialTableOptions = z.strictObject({
  firstIndex: whole(0, 1)
    .default(0)
    .describe('number of the first image where trials name images by number: 0, or 1 as in MATLAB'),
  ...pictureOptions,
})

export interface TrialTableOptions extends z.input<typeof trialTableOptions>, LoadControl {}

/** The parts of a recording. */
export interface TrialTableFiles {
  /** The folder of images; or `nsd_stimuli.hdf5`, of which `stimuli` name images by number. */
  images: string
  /** Responses [rows, targets], .npy or .csv (with or without a row of names of the targets). */
  responses: string
  /** The image of each row: numbers (.npy or .csv) of images in the order of their names, or file names (.csv). Without it row i belongs to image i. */
  stimuli?: string | undefined
  /** A whole number for each image, .npy or .csv: images of one stay on one side of every split. */
  groups?: string | undefined
  /** A table (.csv) with a row for each target: region, animal and whatever else is known. */
  sites?: string | undefined
}

/** The images that there are responses to, each once, and the responses of targets to them. */
export interface TrialTable extends Recording {
  /** File names of the images, in their order. */
  readonly imageNames: readonly string[]
  /** What is known of each target; nothing where no file says it. */
  readonly sites: Targets
}

/**
 * Opens images with responses to them or to single trials; trials of one image are averaged, and kept as its repeats in their order. Images that no row
 * names are left out.
 * @throws {DataError} in one sentence naming the file that is missing or not what it should be, or the row whose image there is not
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function openTrialTable(files: TrialTableFiles, options: TrialTableOptions = {}): Promise<TrialTable> {
  const { signal, onProgress, ...rest } = options
  const parsed = parseOptions(op, trialTableOptions, rest)
  refuseUnknown(op, files, ['images', 'responses', 'stimuli', 'groups', 'sites'])
  const { rows, targets, data, names } = await readResponses(files.responses)
  const isBrick = extname(files.images) === '.hdf5'
  const {
    names: imageNames,
    rowOf,
    open,
  } = isBrick ? await nsdImagesShown(files, rows, parsed) : await picturesShown(files, rows, targets, parsed)
  const images = imageNames.length
  const groups = files.groups === undefined ? null : await readWholeNumbers(files.groups, images)
  const sites =
    files.sites === undefined ? (names ? columnsByName([['target', names]]) : {}) : await readSites(files.sites, targets)
  return {
    images: await open({ signal, onProgress }),
    responses: responsesFrom({
      name: basename(files.responses, extname(files.responses)),
      images,
      targets,
      ...(rowOf ? { trials: trialsOf(data, rowOf, images, targets) } : { mean: data }),
      groups,
      imageNames,
    }),
    imageNames,
    sites,
  }
}

interface ResponseRows {
  rows: number
  targets: number
  data: Float64Array
  /** Of the targets. */
  names: readonly string[] | null
}

async function readResponses(path: string): Promise<ResponseRows> {
  if (extname(path) !== '.csv') {
    const { images: rows, targets, mean: data } = await readMeans(op, path)
    return { rows, targets, data, names: null }
  }
  const records = await readCsv(path)
  const hasNames = records[0]?.some((cell) => !isNumber(cell)) ?? false
  const rows = records.slice(hasNames ? 1 : 0)
  const targets = records[0]?.length ?? 0
  const data = new Float64Array(rows.length * targets)
  rows.forEach((row, i) => {
    row.forEach((cell, target) => {
      if (!isNumber(cell))
        throw new DataError({
          op,
          argument: path,
          actual: `a table with '${cell}' in row ${i + 1}`,
          expected: 'numbers, or nothing or NaN where there is none',
        })
      data[i * targets + target] = cell === '' ? Number.NaN : Number(cell)
    })
  })
  if (data.length === 0)
    throw new DataError({ op, argument: path, actual: 'without responses', expected: 'responses [rows, targets]' })
  return { rows: rows.length, targets, data, names: hasNames ? (records[0] ?? null) : null }
}

const isNumber = (cell: string): boolean => /^(nan)?$/i.test(cell) || Number.isFinite(Number(cell))

async function readCsv(path: string): Promise<string[][]> {
  const expected = 'a CSV file'
  const bytes = await readWhole(op, path, expected)
  try {
    return parse(bytes, { bom: true, trim: true, skip_empty_lines: true })
  } catch (cause) {
    throw new DataError({ op, argument: path, actual: `not a table (${(cause as Error).message})`, expected }, { cause })
  }
}

type Parsed = z.output<typeof trialTableOptions>

/** The images that rows are of, by name, and which of them each row is of; null where row i belongs to image i. */
interface Shown {
  names: readonly string[]
  rowOf: Int32Array | null
  open(control: LoadControl): Promise<Images>
}

/** What is said of each row's image. */
async function readStimuli(stimuli: string, rows: number): Promise<string[]> {
  const column = await readColumn(stimuli)
  if (column.length === rows) return column
  throw new DataError({ op, argument: stimuli, actual: `of ${column.length} rows`, expected: `the ${rows} of the responses` })
}

/** Images each once, ascending, and which of them each row is of. */
function distinct(numbers: Int32Array): { shown: Int32Array; rowOf: Int32Array } {
  const shown = Int32Array.from(new Set(numbers)).sort()
  const places = new Map(Array.from(shown, (number, place) => [number, place]))
  return { shown, rowOf: numbers.map((number) => places.get(number) as number) }
}

/** Images of the Natural Scenes Dataset, by their numbers. */
async function nsdImagesShown({ images, responses, stimuli }: TrialTableFiles, rows: number, parsed: Parsed): Promise<Shown> {
  if (stimuli === undefined)
    throw new DataError({
      op,
      argument: responses,
      actual: 'without stimuli',
      expected: `them: which of ${images} each row is of`,
    })
  const numbers = (await readStimuli(stimuli, rows)).map((cell, row) => {
    const number = /^\d+$/.test(cell) ? Number(cell) - parsed.firstIndex : -1
    if (number >= 0 && number < nsdImageCount) return number
    throw new DataError({
      op,
      argument: stimuli,
      actual: `one with image ${cell} in row ${row + 1}`,
      expected: `numbers of images, ${parsed.firstIndex} to ${nsdImageCount - 1 + parsed.firstIndex}`,
    })
  })
  const { shown, rowOf } = distinct(Int32Array.from(numbers))
  return { names: Array.from(shown, String), rowOf, open: () => openNsdImages(images, shown, nsdShaping(op, parsed)) }
}

async function picturesShown(
  { images, responses, stimuli }: TrialTableFiles,
  rows: number,
  targets: number,
  parsed: Parsed,
): Promise<Shown> {
  const { firstIndex } = parsed
  const as = (pictures: readonly Picture[], rowOf: Int32Array | null): Shown => ({
    names: pictures.map(({ name }) => name),
    rowOf,
    open: (control) => openPictures(op, basename(images), pictures, {}, parsed, control),
  })
  const column = stimuli === undefined ? null : await readStimuli(stimuli, rows)
  if (column && !column.every((cell) => /^\d+$/.test(cell))) {
    const names = [...new Set(column)]
    const pictures = names.map((name) => pictureFile(op, name, join(images, name)))
    for (const { where } of pictures) await statFile(op, where, `an image, which ${stimuli} names`)
    const places = new Map(names.map((name, place) => [name, place]))
    return as(
      pictures,
      Int32Array.from(column, (name) => places.get(name) as number),
    )
  }
  const all = (await listFolder(op, images, 'a folder of images')).filter(({ name, isFile }) => isFile && isImageName(name))
  const pictures = all.map(({ name, path }) => pictureFile(op, name, path))
  if (!column) {
    if (rows === pictures.length) return as(pictures, null)
    const hint = targets === pictures.length ? ', one a column' : ''
    throw new DataError({
      op,
      argument: responses,
      actual: `of ${rows} rows${hint}`,
      expected: `one for each of the ${pictures.length} images in ${images} (or stimuli, which say whose each row is)`,
    })
  }
  const numbers = Int32Array.from(column, (cell, row) => {
    const number = Number(cell) - firstIndex
    if (number >= 0 && number < pictures.length) return number
    const range = `${firstIndex} to ${pictures.length - 1 + firstIndex}`
    throw new DataError({
      op,
      argument: stimuli as string,
      actual: `one with image ${cell} in row ${row + 1}`,
      expected: `numbers of the images in ${images}, ${range}`,
    })
  })
  const { shown, rowOf } = distinct(numbers)
  return as(
    Array.from(shown, (number) => pictures[number] as Picture),
    rowOf,
  )
}

/** The first column of a table, without its name. */
async function readColumn(path: string): Promise<string[]> {
  if (extname(path) !== '.csv') return Array.from(await readWholeNumbers(path), String)
  const cells = (await readCsv(path)).map((row) => row[0] ?? '')
  const first = cells[0] ?? ''
  return /^\d+$/.test(first) || isImageName(basename(first)) ? cells : cells.slice(1)
}

/** A whole number for each row, or each of so many images. */
async function readWholeNumbers(path: string, images?: number): Promise<Int32Array> {
  const found = extname(path) === '.csv' ? (await readColumn(path)).map(Number) : await readNumbers(path)
  const { data, shape } = Array.isArray(found) ? { data: Float64Array.from(found), shape: [found.length] } : found
  const refuse = (actual: string) =>
    new DataError({
      op,
      argument: path,
      actual,
      expected: `a whole number for each ${images === undefined ? 'row' : `of the ${images} images`}`,
    })
  if (shape.length !== 1 || (images !== undefined && data.length !== images)) throw refuse(`of shape [${shape}]`)
  const wrong = data.find((value) => !Number.isInteger(value) || Math.abs(value) >= 2 ** 31)
  if (wrong !== undefined) throw refuse(`one with ${wrong}`)
  return Int32Array.from(data)
}

/** Rows as repeats of the images they are of. */
function trialsOf(data: Float64Array, rowOf: Int32Array, images: number, targets: number): Trials {
  const counts = new Int32Array(images)
  const turns = rowOf.map((image) => (counts[image] as number)++)
  const repeats = counts.reduce((most, count) => Math.max(most, count), 0)
  const trials = new Float64Array(images * targets * repeats).fill(Number.NaN)
  rowOf.forEach((image, row) => {
    for (let target = 0; target < targets; ++target)
      trials[(image * targets + target) * repeats + (turns[row] as number)] = data[row * targets + target] as number
  })
  return { images, targets, repeats, data: trials }
}

async function readSites(path: string, targets: number): Promise<Targets> {
  const { columns, rows } = await readTable(op, path)
  if (rows.length !== targets)
    throw new DataError({
      op,
      argument: path,
      actual: `of ${rows.length} rows`,
      expected: `one for each of the ${targets} targets`,
    })
  return columnsByName(columns.map((name, at) => [name, numbersOrWords(rows.map((row) => row[at] || undefined))]))
}
