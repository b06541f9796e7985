// Any other recording: a folder of images and a table of responses, a row an image or a row a trial.
import { basename, extname, join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { parseWithControl, refuseUnknown, whole } from '../../options.js'
import { columnsByName, isUnnamed, numbersOrWords } from '../columns.js'
import { isImageName } from '../decode.js'
import { listFolder, statFile } from '../files.js'
import { flagOf } from '../flag_names.js'
import type { Images, LoadControl } from '../images.js'
import { readTable } from '../label_file.js'
import type { Targets } from '../targets.js'
import { groupColumn, imageColumn, type List, numbersOrPlaces, readList, readNumberTable, type WantedColumn } from './csv.js'
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
  /**
   * Responses [rows, targets], .npy or .csv: with or without a first row of words that name the targets, under which an unnamed first column, as pandas
   * writes it, is an index and left out; nothing, NA or NaN where there is no response.
   */
  responses: string
  /**
   * The image of each row: numbers (.npy or .csv) of images in the order of their names, or file names (.csv). Of several columns the one called `image`,
   * `image_name`, `image_id`, `filename`, `file`, `path`, `stimulus`, `stimulus_id`, `id`, `name` or the like counts. The first row of a single column is its
   * name where it is one of these, or a word above numbers. Without this file row i belongs to image i.
   */
  stimuli?: string | undefined
  /**
   * A whole number for each image, .npy or .csv (of several columns the one called `group`), or a word in a .csv: images of one stay on one side of every
   * split.
   */
  groups?: string | undefined
  /** A table (.csv) with a row for each target: region, animal and whatever else is known; columns without a name are left out. */
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
  const [parsed, control] = parseWithControl(op, trialTableOptions, options)
  refuseUnknown(op, files, ['images', 'responses', 'stimuli', 'groups', 'sites'])
  const responseRows = await readResponses(files)
  const { targets, data, names } = responseRows
  const isBrick = extname(files.images) === '.hdf5'
  const {
    names: imageNames,
    rowOf,
    open,
  } = isBrick ? await nsdImagesShown(files, responseRows, parsed) : await picturesShown(files, responseRows, parsed)
  const images = imageNames.length
  const groups = files.groups === undefined ? null : await readWholeNumbers(files.groups, groupColumn, images)
  const sites =
    files.sites === undefined ? (names ? columnsByName([['target', names]]) : {}) : await readSites(files.sites, targets)
  return {
    images: await open(control),
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

const isCsv = (path: string): boolean => extname(path).toLowerCase() === '.csv'

async function readResponses({ responses: path, stimuli }: TrialTableFiles): Promise<ResponseRows> {
  if (!isCsv(path)) {
    const { images: rows, targets, mean: data } = await readMeans(op, path)
    return { rows, targets, data, names: null }
  }
  const { rows, columns: targets, data, names, index } = await readNumberTable(op, path)
  if (data.length === 0)
    throw new DataError({ op, argument: path, actual: 'without responses', expected: 'responses [rows, targets]' })
  const word = stimuli === undefined ? index?.find((cell) => !/^\d+$/.test(cell)) : undefined
  if (word !== undefined)
    throw new DataError({
      op,
      argument: path,
      actual: `a table with '${word}' in its index, the unnamed first column`,
      expected: 'numbers of rows there; names of images stand in a file of stimuli (--stimuli)',
    })
  return { rows, targets, data, names }
}

/** How many rows of responses there are, and what was taken for their names. */
const rowsText = ({ rows, names }: ResponseRows): string =>
  names ? `${rows} rows below the names ${names.slice(0, 3).join(', ')}${names.length > 3 ? ' ...' : ''}` : `${rows} rows`

type Parsed = z.output<typeof trialTableOptions>

/** The images that rows are of, by name, and which of them each row is of; null where row i belongs to image i. */
interface Shown {
  names: readonly string[]
  rowOf: Int32Array | null
  open(control: LoadControl): Promise<Images>
}

/** What is said of each row's image. */
async function readStimuli(path: string, responses: ResponseRows): Promise<readonly string[]> {
  const list = isCsv(path)
    ? await readList(op, path, imageColumn)
    : { cells: Array.from(await readWholeNumbers(path, imageColumn), String), name: null }
  const { cells, name } = list
  const { rows } = responses
  if (cells.length === rows) return cells
  const first = name === null && cells.length === rows + 1 ? `, the first of them '${cells[0]}'` : ''
  const hint = first ? `; the name of a column stands above it where it is ${imageColumn.examples} or the like` : ''
  throw new DataError({
    op,
    argument: path,
    actual: `of ${listText(list)}${first}`,
    expected: `the ${rowsText(responses)} of the responses${hint}`,
  })
}

/** The numbers that images have, and what else may be counted from. */
const rangeText = (images: number, firstIndex: number): string =>
  `${firstIndex} to ${images - 1 + firstIndex} (${1 - firstIndex} to ${images - firstIndex} with firstIndex, ${flagOf('firstIndex')}, of ${1 - firstIndex})`

/** Images each once, ascending, and which of them each row is of. */
function distinct(numbers: Int32Array): { shown: Int32Array; rowOf: Int32Array } {
  const shown = Int32Array.from(new Set(numbers)).sort()
  const places = new Map(Array.from(shown, (number, place) => [number, place]))
  return { shown, rowOf: numbers.map((number) => places.get(number) as number) }
}

/** Images of the Natural Scenes Dataset, by their numbers. */
async function nsdImagesShown(
  { images, responses, stimuli }: TrialTableFiles,
  responseRows: ResponseRows,
  { firstIndex, ...shaping }: Parsed,
): Promise<Shown> {
  if (stimuli === undefined)
    throw new DataError({
      op,
      argument: responses,
      actual: 'without stimuli',
      expected: `them: which of ${images} each row is of`,
    })
  const numbers = (await readStimuli(stimuli, responseRows)).map((cell, row) => {
    const number = /^\d+$/.test(cell) ? Number(cell) - firstIndex : -1
    if (number >= 0 && number < nsdImageCount) return number
    throw new DataError({
      op,
      argument: stimuli,
      actual: `one with image ${cell} in row ${row + 1}`,
      expected: `numbers of images, ${rangeText(nsdImageCount, firstIndex)}`,
    })
  })
  const { shown, rowOf } = distinct(Int32Array.from(numbers))
  return { names: Array.from(shown, String), rowOf, open: () => openNsdImages(images, shown, nsdShaping(op, shaping)) }
}

async function picturesShown(
  { images, responses, stimuli }: TrialTableFiles,
  responseRows: ResponseRows,
  parsed: Parsed,
): Promise<Shown> {
  const { rows, targets } = responseRows
  const { firstIndex } = parsed
  const as = (pictures: readonly Picture[], rowOf: Int32Array | null): Shown => ({
    names: pictures.map(({ name }) => name),
    rowOf,
    open: (control) => openPictures(op, basename(images), pictures, {}, parsed, control),
  })
  const column = stimuli === undefined ? null : await readStimuli(stimuli, responseRows)
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
    const first =
      isCsv(responses) && !responseRows.names && rows === pictures.length + 1
        ? '; a first row of numbers counts as responses, not as names'
        : ''
    throw new DataError({
      op,
      argument: responses,
      actual: `of ${rowsText(responseRows)}${hint}`,
      expected: `one for each of the ${pictures.length} images in ${images} (or stimuli, which say whose each row is)${first}`,
    })
  }
  const numbers = Int32Array.from(column, (cell, row) => {
    const number = Number(cell) - firstIndex
    if (number >= 0 && number < pictures.length) return number
    throw new DataError({
      op,
      argument: stimuli as string,
      actual: `one with image ${cell} in row ${row + 1}`,
      expected: `numbers of the images in ${images}, ${rangeText(pictures.length, firstIndex)}`,
    })
  })
  const { shown, rowOf } = distinct(numbers)
  return as(
    Array.from(shown, (number) => pictures[number] as Picture),
    rowOf,
  )
}

/** A whole number for each row, or each of so many images; words in a .csv are numbered. */
async function readWholeNumbers(path: string, wanted: WantedColumn, images?: number): Promise<Int32Array> {
  const expected = `a whole number${isCsv(path) ? ' (or a word, for all of them)' : ''} for each ${images === undefined ? 'row' : `of the ${images} images`}`
  const refuse = (actual: string) => new DataError({ op, argument: path, actual, expected })
  const list = isCsv(path) ? await readList(op, path, wanted) : null
  const { data, shape } = list ? numbersIn(numbersOrPlaces(op, path, list, expected)) : await readNumbers(path)
  if (shape.length !== 1 || (images !== undefined && data.length !== images))
    throw refuse(list ? `of ${listText(list)}` : `of shape [${shape}]`)
  const wrong = data.find((value) => !Number.isInteger(value) || Math.abs(value) >= 2 ** 31)
  if (wrong !== undefined) throw refuse(`one with ${wrong}`)
  return Int32Array.from(data)
}

/** How many rows of a list there are, and what was taken for its name. */
const listText = ({ cells, name }: List): string => `${cells.length} rows${name === null ? '' : ` below '${name}'`}`

const numbersIn = (data: Float64Array) => ({ data, shape: [data.length] })

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
  const named = columns.map((name, at) => [name, numbersOrWords(rows.map((row) => row[at] || undefined))] as const)
  return columnsByName(named.filter(([name]) => !isUnnamed(name)))
}
