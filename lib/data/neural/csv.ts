// Tables in CSV files beside a recording: which row names their columns, and which column is meant.
import { parse } from 'csv-parse/sync'
import { DataError } from '../../errors.js'
import { isUnnamed } from '../columns.js'
import { readWhole, refuseBinary } from '../files.js'

/** A column that is looked for by its name. */
export interface WantedColumn {
  /** What it holds, in words. */
  readonly holds: string
  /** What it may be called, whatever the case, with or without spaces, hyphens and underscores between words. */
  readonly names: readonly string[]
  /** Some of them, for messages. */
  readonly examples: string
}

const kinds = ['', ' id', ' name', ' number', ' index', ' path', ' file', ' filename', ' file name']

export const imageColumn: WantedColumn = {
  holds: 'the images',
  names: [
    ...['image', 'stimulus', 'stim', 'picture'].flatMap((thing) => kinds.map((kind) => thing + kind)),
    ...['images', 'stimuli', 'file', 'filename', 'file name', 'filepath', 'file path', 'path', 'id', 'name', 'nsd id', '73k id'],
  ],
  examples: 'image, image_name, image_id, filename, file, stimulus, stimulus_id',
}

export const groupColumn: WantedColumn = {
  holds: 'the groups',
  names: ['group', 'groups', 'group id', 'group number', 'group index'],
  examples: 'group, groups, group_id',
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '')
const isCalled = ({ names }: WantedColumn, cell: string): boolean => names.some((name) => plain(name) === plain(cell))

/** Nothing, NA or NaN: what stands where there is no number. */
const isMissing = (cell: string): boolean => /^([+-]?nan|na|n\/a)?$/i.test(cell)
/** A number, finite or not. */
const isNumber = (cell: string): boolean => /^[+-]?inf(inity)?$/i.test(cell) || (cell !== '' && !Number.isNaN(Number(cell)))
const isWord = (cell: string): boolean => !isMissing(cell) && !isNumber(cell)

async function readCsv(op: string, path: string): Promise<string[][]> {
  const expected = 'a CSV file'
  const bytes = await readWhole(op, path, expected)
  refuseBinary(op, path, bytes, expected)
  try {
    return parse(bytes, { bom: true, trim: true, skip_empty_lines: true })
  } catch (cause) {
    throw new DataError({ op, argument: path, actual: `not a table (${(cause as Error).message})`, expected }, { cause })
  }
}

/** A column of a table. */
export interface List {
  readonly cells: readonly string[]
  /** Its name, where one stands above it. */
  readonly name: string | null
}

/**
 * Reads the one column that is meant: of several the one that is called so, beside which an unnamed first one is an index. The first row of a single
 * column is its name where it is called so, or is a word above numbers.
 * @throws {DataError} naming the columns of which none is called so, or several are
 */
export async function readList(op: string, path: string, wanted: WantedColumn): Promise<List> {
  const [first = [], ...below] = await readCsv(op, path)
  const at = first.length > 1 ? placeOf(op, path, first, wanted) : 0
  const [top = '', rest] = [first[at], below.map((row) => row[at] as string)]
  const isAboveNumbers = isWord(top) && rest.length > 0 && rest.every((cell) => !isWord(cell))
  const isName = first.length > 1 || isCalled(wanted, top) || isAboveNumbers
  if (isName) return { cells: rest, name: top }
  return { cells: first.length > 0 ? [top, ...rest] : [], name: null }
}

/** Which of several columns is the one wanted. */
function placeOf(op: string, path: string, columns: readonly string[], wanted: WantedColumn): number {
  const places = columns.map((_, at) => at)
  const called = places.filter((at) => isCalled(wanted, columns[at] as string))
  const others = places.filter((at) => at > 0 || !isUnnamed(columns[at] as string))
  const [found, another] = called.length === 0 && others.length === 1 ? others : called
  if (found !== undefined && another === undefined) return found
  const which = called.length > 0 ? `several (${called.map((at) => columns[at]).join(', ')})` : 'none'
  throw new DataError({
    op,
    argument: path,
    actual: `a table of ${columns.length} columns (${columns.join(', ')}), of which ${which} may be ${wanted.holds}`,
    expected: `one column, or a first row of names in which one alone is called ${wanted.examples} or the like`,
  })
}

function wholeNumbersOf(op: string, path: string, { cells }: List, expected: string): Float64Array {
  return Float64Array.from(cells, (cell, row) => {
    const value = cell === '' ? Number.NaN : Number(cell)
    if (Number.isInteger(value)) return value
    throw new DataError({ op, argument: path, actual: `one with '${cell}' in row ${row + 1}`, expected })
  })
}

/**
 * Whole numbers of a list; of one of words alone the place of each among the different ones.
 * @throws {DataError} naming the row that holds something else
 */
export function numbersOrPlaces(op: string, path: string, list: List, expected: string): Float64Array {
  if (!list.cells.every(isWord)) return wholeNumbersOf(op, path, list, expected)
  const places = new Map([...new Set(list.cells)].map((word, place) => [word, place]))
  return Float64Array.from(list.cells, (word) => places.get(word) as number)
}

/** A table of numbers. */
export interface NumberTable {
  readonly rows: number
  readonly columns: number
  /** [rows, columns]; NaN where there is none. */
  readonly data: Float64Array
  /** Of the columns, where the first row holds them. */
  readonly names: readonly string[] | null
  /** The cells of an unnamed first column, which is no column of the table. */
  readonly index: readonly string[] | null
}

/**
 * Reads responses. A first row of words names the targets; of numbers, of nothing, NA and NaN it is responses. An unnamed first column under names is
 * an index.
 * @throws {DataError} naming what is no number, a first row that may be names or responses, or another column without a name
 */
export async function readNumberTable(op: string, path: string): Promise<NumberTable> {
  const [first = [], ...below] = await readCsv(op, path)
  const isNamed = isHeader(op, path, first, below)
  const hasIndex = isNamed && isUnnamed(first[0] as string)
  const from = hasIndex ? 1 : 0
  const names = isNamed ? first.slice(from) : null
  const nameless = names?.findIndex(isUnnamed) ?? -1
  if (nameless >= 0)
    throw new DataError({
      op,
      argument: path,
      actual: `a table without a name of column ${nameless + from + 1}`,
      expected: 'a name for each target (the first column alone may be an index without one)',
    })
  const rows = isNamed || first.length === 0 ? below : [first, ...below]
  const columns = first.length - from
  const data = new Float64Array(rows.length * columns)
  rows.forEach((row, i) => {
    row.slice(from).forEach((cell, column) => {
      data[i * columns + column] = numberOf(op, path, cell, i)
    })
  })
  return { rows: rows.length, columns, data, names, index: hasIndex ? rows.map((row) => row[0] as string) : null }
}

function numberOf(op: string, path: string, cell: string, row: number): number {
  if (isMissing(cell)) return Number.NaN
  const value = Number(cell)
  if (Number.isFinite(value)) return value
  throw new DataError({
    op,
    argument: path,
    actual: `a table with '${cell}' in row ${row + 1}`,
    expected: 'numbers, or nothing, NA or NaN where there is none',
  })
}

/** Whether a first row names the columns of numbers below it. */
function isHeader(op: string, path: string, first: readonly string[], below: readonly string[][]): boolean {
  const word = first.find(isWord)
  const numbers = first.filter(isNumber)
  // pandas counts columns that have no names of their own.
  const areCounted = numbers.every((cell, i) => Number(cell) === i + Number(numbers[0])) && /^[01]$/.test(numbers[0] ?? '0')
  if (word === undefined) return first.length > 1 && numbers.length === first.length - 1 && areCounted && isIndexed(first, below)
  if (numbers.length === 0 || (areCounted && isWord(first[0] as string) && numbers.length === first.length - 1)) return true
  throw new DataError({
    op,
    argument: path,
    actual: `a table whose first row may be names ('${word}') or responses ('${numbers[0]}')`,
    expected: 'a first row of names alone, or of numbers alone',
  })
}

/** Whether the first column, of no name, counts or names the rows below. */
function isIndexed(first: readonly string[], below: readonly string[][]): boolean {
  if (first[0] !== '' || below.length === 0) return false
  return below.every(([cell], i) => cell === String(i)) || below.every(([cell = '']) => isWord(cell))
}
