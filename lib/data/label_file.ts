// Labels from a table beside the images: CSV, or the same between tabs or semicolons.
import { basename, extname } from 'node:path'
import { parse } from 'csv-parse/sync'
import { DataError } from '../errors.js'
import { columnOf, isUnnamed, labelColumn, lackingNumbers, numbersOrWords, refuseSameName } from './columns.js'
import { type Path, readWhole, refuseBinary, shown } from './files.js'
import { flagOf } from './flag_names.js'
import type { SkippedFile } from './images.js'
import type { Column, Targets } from './targets.js'

export interface Table {
  path: string
  columns: readonly string[]
  rows: readonly string[][]
  /** Line of the file in which each row ends. */
  lines: readonly number[]
}

/** The separator that the first line has most of. */
function separatorOf(text: string): string {
  const [first = ''] = text.split(/\r?\n|\r/, 1)
  const count = (separator: string) => first.split(separator).length
  return [',', '\t', ';'].reduce((a, b) => (count(b) > count(a) ? b : a))
}

/**
 * Reads a table of at least two columns.
 * @param columns of a file without a row of names
 * @throws {DataError} naming the file and the line that is not one of a table
 */
export async function readTable(op: string, path: Path, columns?: readonly string[]): Promise<Table> {
  const expected = 'a CSV or TSV file with a row of column names, an image in the first column or in one called image, file or id'
  const refuse = (actual: string, cause?: unknown) => new DataError({ op, argument: shown(path), actual, expected }, { cause })
  const bytes = await readWhole(op, path, expected)
  refuseBinary(op, path, bytes, expected)
  // A spreadsheet saves in UTF-8 with a mark, or in Latin-1.
  const text = shown(bytes)
  let records: { record: string[]; info: { lines: number } }[]
  try {
    records = parse(text, {
      bom: true,
      delimiter: separatorOf(text),
      info: true,
      relax_column_count: columns !== undefined,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as typeof records
  } catch (cause) {
    throw refuse(`not a table (${(cause as Error).message})`, cause)
  }
  const names = columns ?? records.shift()?.record ?? []
  const [first] = records
  if (!first) throw refuse('a table without rows')
  if (names.length < 2 || first.record.length < 2) throw refuse('a table of one column')
  return {
    path: shown(path),
    columns: names,
    rows: records.map(({ record }) => record),
    lines: records.map(({ info }) => info.lines),
  }
}

const imageNames = [
  'image',
  'file',
  'filename',
  'file_name',
  'image_name',
  'image_id',
  'image_path',
  'path',
  'filepath',
  'id',
  'name',
]
const labelNames = ['label', 'labels', 'class', 'class_name', 'category', 'target']

/** Images by their names, with and without the folders before them and the extension; null where a name is of several. */
function imagesByName(names: readonly string[]): Map<string, number | null> {
  const byName = new Map<string, number | null>()
  names.forEach((name, index) => {
    const keys = pathEnds(name).flatMap((end) => [end, end.slice(0, end.length - extname(end).length)])
    for (const key of new Set(keys)) byName.set(key, byName.has(key) ? null : index)
  })
  // A whole name is of one image, whatever else ends like it.
  names.forEach((name, index) => {
    byName.set(name, index)
  })
  return byName
}

/** `a/b/c`, `b/c` and `c`. */
function pathEnds(name: string): string[] {
  const parts = name
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  return parts.map((_, i) => parts.slice(i).join('/'))
}

/** What a table says of images. */
export interface Labelled {
  /** The images that it names. */
  images: Int32Array
  /** Of those. */
  targets: Targets
  /** Rows without an image (it may be of the other split), and images without a row. */
  skipped: SkippedFile[]
}

/**
 * The targets of the images that a table names: `class` is the column called label, class, category or target, or else the second of two; every other
 * column of numbers or words is one under its own name, unless some are missing (nothing; among numbers also NA, NaN, null or an infinity): `skipped` names
 * such columns of numbers. Columns without a name, such as the index that pandas writes, are none.
 * @param names of the images, within their folder
 * @throws {DataError} naming the image without a row, unless `skipBad`, or the line that names several images or one that another line names too, or two
 * columns of one name
 */
export function targetsOfTable(
  op: string,
  table: Table,
  names: readonly string[],
  where: (image: number) => string,
  skipBad: boolean,
): Labelled {
  const { path, columns, rows, lines } = table
  const skipped: SkippedFile[] = []
  const find = (wanted: readonly string[]) => columns.findIndex((column) => wanted.includes(column.toLowerCase()))
  const imageAt = Math.max(0, find(imageNames))
  const others = columns.flatMap((column, at) => (at === imageAt || (isUnnamed(column) && columns.length > 2) ? [] : at))
  const labelAt = find(labelNames) >= 0 ? find(labelNames) : others.length === 1 ? (others[0] as number) : -1
  const nameOf = (at: number) => (at === labelAt ? 'class' : (columns[at] as string))
  refuseSameName(
    op,
    path,
    others.map((at) => [columns[at] as string, nameOf(at)]),
  )
  const byName = imagesByName(names)
  const rowOf = new Int32Array(names.length).fill(-1)
  rows.forEach((row, at) => {
    const name = row[imageAt] ?? ''
    const found = pathEnds(name)
      .map((end) => byName.get(end))
      .find((index) => index !== undefined)
    const refuse = (actual: string, expected: string) =>
      new DataError({ op, argument: `${path} (line ${lines[at]})`, actual, expected })
    if (found === undefined) skipped.push({ name, reason: 'a row without an image' })
    else if (found === null) throw refuse(`of '${name}', the name of several images`, 'names with their folders')
    else if ((rowOf[found] as number) >= 0) throw refuse(`of '${name}', which another row has too`, 'one row an image')
    else rowOf[found] = at
  })
  names.forEach((name, image) => {
    if (rowOf[image] !== -1) return
    if (!skipBad)
      throw new DataError({
        op,
        argument: where(image),
        actual: 'without a row in the table of labels',
        expected: `one in ${path} (or skipBad, ${flagOf('skipBad')})`,
      })
    skipped.push({ name, reason: 'without a row in the table of labels' })
  })
  const images = Int32Array.from(names, (_, image) => image).filter((image) => rowOf[image] !== -1)
  const targets: Record<string, Column> = {}
  for (const at of others) {
    const values = numbersOrWords(Array.from(images, (image) => rows[rowOf[image] as number]?.[at] || undefined))
    const whereLine = (index: number) => `${path} (line ${lines[rowOf[images[index] as number] as number]})`
    const own = at === labelAt ? labelColumn(op, values, undefined, whereLine) : columnOf(values)
    if (own) targets[nameOf(at)] = own
    else skipped.push(...lackingNumbers(`${basename(path)}: ${columns[at]}`, values))
  }
  return { images, targets, skipped }
}
