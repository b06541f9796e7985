// Sets of images that say themselves what they hold, as `writeScenes` writes them: scenes.json describes the set, and a table has a row an image, in the
// set's order, with the image's file and its targets.
import { z } from 'zod'
import { DataError } from '../errors.js'
import { parseStored, readStored } from '../io/stored.js'
import { distinctClasses } from './columns.js'
import { openFile, type Path, shown } from './files.js'
import { openParquet, readRows } from './row_groups.js'
import { angleColumn, type Column, classColumn, numberColumn, type Targets } from './targets.js'

/** @internal The file that describes a set. */
export const descriptionFile = 'scenes.json'

/** @internal Folders beside the images, laid out as they are: the share of each pixel that shows the object, and its depth. */
export const masksFolder = 'masks'
/** @internal */
export const depthsFolder = 'depths'

const columnSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('class'), classes: z.array(z.string()) }),
  z.object({ kind: z.literal('number'), unit: z.string() }),
  z.object({ kind: z.literal('angle') }),
])
const descriptionSchema = z.object({
  count: z.number().int().min(1),
  /** Name of the table in the folder. */
  metadata: z.enum(['metadata.parquet', 'metadata.jsonl']),
  /** The columns of the table that are targets. */
  columns: z.record(z.string(), columnSchema),
})

const rowSchema = z.record(z.string(), z.unknown())

/** @internal What a set says of its images. */
export interface DescribedSet {
  /** Of every image, in the order of the set: its file within the folder, or within a shard. */
  files: readonly string[]
  targets: Targets
}

/**
 * @internal Reads what the set in `folder` says of its images.
 * @throws {DataError} naming the file that is damaged, or does not fit the description
 */
export async function readDescribedSet(op: string, folder: string): Promise<DescribedSet> {
  const place = (file: string) => `${folder}/${file}`
  const { count, metadata, columns } = await readStored(op, place(descriptionFile), descriptionSchema, 'the description of a set')
  for (const column of Object.values(columns))
    if (column.kind === 'class') distinctClasses(op, place(descriptionFile), column.classes)
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: place(metadata), actual, expected })
  const names = Object.keys(columns)
  const rows = metadata.endsWith('.parquet')
    ? await parquetRows(op, place(metadata), ['file', ...names])
    : await jsonRows(op, place(metadata))
  if (rows.length !== count) throw refuse(`of ${rows.length} images`, `${count}, as ${descriptionFile} says`)
  const files = rows.map(({ file }, row) => {
    if (typeof file === 'string') return file
    throw refuse(`without a file in row ${row}`, 'a file for every image')
  })
  if (new Set(files).size !== count) throw refuse('a table that names a file twice', 'a file for every image')
  const targets = Object.entries(columns).map(([name, column]) => {
    const values = rows.map((row, at) => {
      const value = row[name]
      const own =
        column.kind === 'class'
          ? typeof value === 'string' && column.classes.includes(value)
          : typeof value === 'number' && Number.isFinite(Math.fround(value))
      if (own) return value as string | number
      throw refuse(`with ${name} ${String(value)} in row ${at}`, column.kind === 'class' ? 'one of its classes' : 'a number')
    })
    return [name, columnOf(column, values)] as const
  })
  return { files, targets: Object.fromEntries(targets) }
}

function columnOf(column: z.output<typeof columnSchema>, values: readonly (string | number)[]): Column {
  if (column.kind === 'number') return numberColumn(values as readonly number[], column.unit)
  if (column.kind === 'angle') return angleColumn(values as readonly number[])
  const numbers = new Map(column.classes.map((name, i) => [name, i]))
  return classColumn(
    column.classes,
    values.map((value) => numbers.get(value as string) as number),
  )
}

async function parquetRows(op: string, path: string, columns: string[]): Promise<Record<string, unknown>[]> {
  const { parquetSchema } = await import('hyparquet')
  const file = await openParquet(op, path, 'the table of a set')
  const there = parquetSchema(file.metadata).children.map(({ element }) => element.name)
  const missing = columns.find((column) => !there.includes(column))
  if (missing !== undefined)
    throw new DataError({
      op,
      argument: path,
      actual: `without a column ${missing}`,
      expected: `the columns ${columns.join(', ')}`,
    })
  return readRows(op, file, columns, 0, file.rows)
}

async function jsonRows(op: string, path: string): Promise<Record<string, unknown>[]> {
  const expected = 'a JSON object in every line'
  const rows: Record<string, unknown>[] = []
  const file = await openFile(op, path, expected)
  try {
    for await (const line of file.readLines())
      rows.push(parseStored(op, `${path} (line ${rows.length + 1})`, line, rowSchema, expected))
  } finally {
    await file.close()
  }
  return rows
}

/**
 * @internal The places in the set of the images that are there, where they are all of the set's and no others.
 * @param found their files
 * @param where names file `index` of `found` in messages
 * @throws {DataError} naming the file that is missing, or that the set does not know
 */
export function placesInSet(
  op: string,
  folder: Path,
  { files }: DescribedSet,
  found: readonly string[],
  where: (index: number) => string,
): Int32Array {
  const places = new Map(found.map((file, index) => [file, index]))
  const order = Int32Array.from(files, (file) => {
    const index = places.get(file)
    if (index === undefined)
      throw new DataError({
        op,
        argument: `${shown(folder)}/${file}`,
        actual: 'missing',
        expected: `the image that the set's table names`,
      })
    return index
  })
  if (order.length === found.length) return order
  const known = new Set(files)
  const other = found.findIndex((file) => !known.has(file))
  throw new DataError({
    op,
    argument: where(other),
    actual: "without a row in the set's table",
    expected: 'images of the set alone',
  })
}
