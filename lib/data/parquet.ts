// Parquet files with encoded images, as data hubs serve them.
import { basename } from 'node:path'
import type { FileMetaData, SchemaTree } from 'hyparquet'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { parseWithControl } from '../options.js'
import { columnOf, distinctClasses, labelColumn, lackingNumbers } from './columns.js'
import { encodedOptions, openEncoded } from './encoded.js'
import type { Images, LoadControl, SkippedFile } from './images.js'
import { openParquet, type ParquetFile, RowGroups, readRows } from './row_groups.js'
import { filesOfSplit, splitOptions } from './split_folder.js'
import type { Column } from './targets.js'

/** The schema of {@link ParquetOptions}. */
export const parquetOptions = z.strictObject({
  ...encodedOptions,
  ...splitOptions,
  classes: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('class names for labels that are numbers without names in the file'),
})

/** As `FolderOptions`, but `limit` takes the first images, and `classes` names labels that the file itself does not name. */
export interface ParquetOptions extends z.input<typeof parquetOptions>, LoadControl {}

const op = 'loadParquet'
const expected = 'Parquet files with a column `image` of encoded images'

/** What the `huggingface` metadata say of a column. */
interface Feature {
  _type?: unknown
  names?: unknown
}

function featuresOf({ key_value_metadata: pairs }: FileMetaData): Record<string, Feature> {
  const text = pairs?.find(({ key }) => key === 'huggingface')?.value
  if (text === undefined) return {}
  try {
    return (JSON.parse(text) as { info?: { features?: Record<string, Feature> } }).info?.features ?? {}
  } catch {
    return {}
  }
}

const holdsBytes = ({ element }: SchemaTree): boolean => element.type === 'BYTE_ARRAY'
const isText = ({ element }: SchemaTree): boolean => element.logical_type?.type === 'STRING' || element.converted_type === 'UTF8'

/** The column of images: the one that the metadata call so, else `image` or `img`. */
function imageColumn(path: string, columns: readonly SchemaTree[], features: Record<string, Feature>): string {
  const declared = Object.keys(features).find((name) => features[name]?._type === 'Image')
  const found = [declared, 'image', 'img']
    .map((name) => columns.find(({ element }) => element.name === name))
    .find(
      (column) =>
        column && (holdsBytes(column) || column.children.some((child) => child.element.name === 'bytes' && holdsBytes(child))),
    )
  if (found) return found.element.name
  const names = columns.map(({ element }) => element.name)
  throw new DataError({ op, argument: path, actual: `a file of the columns ${names.join(', ')}`, expected })
}

function classNames(feature: Feature | undefined): readonly string[] | undefined {
  return feature?._type === 'ClassLabel' && Array.isArray(feature.names) ? feature.names.map(String) : undefined
}

async function targetsOf(
  files: readonly ParquetFile[],
  columns: readonly SchemaTree[],
  features: Record<string, Feature>,
  classes: readonly string[] | undefined,
  where: (index: number) => string,
): Promise<{ targets: Record<string, Column>; skipped: SkippedFile[] }> {
  const flat = columns.filter((column) => column.children.length === 0 && (!holdsBytes(column) || isText(column)))
  const names = flat.map(({ element }) => element.name)
  const label = ['label', 'labels', 'class'].find((name) => names.includes(name))
  const rows: Record<string, unknown>[] = []
  for (const file of files) for (const row of await readRows(op, file, names, 0, file.rows)) rows.push(row)
  const targets: Record<string, Column> = {}
  const skipped: SkippedFile[] = []
  for (const name of names) {
    const values = rows.map((row) => row[name])
    const inFile = classNames(features[name])
    const named = inFile && distinctClasses(op, (files[0] as ParquetFile).path, inFile)
    // A hub's test split hides its labels as -1.
    if (named && values.every((value) => Number(value) === -1)) continue
    const isLabel = name === label
    const column = isLabel || named ? labelColumn(op, values, named ?? (isLabel ? classes : undefined), where) : columnOf(values)
    if (!column) skipped.push(...lackingNumbers(`column ${name}`, values))
    else if (name === 'class' && !isLabel)
      skipped.push({ name: 'column class', reason: `a column beside ${label}, which is the class` })
    else targets[isLabel ? 'class' : name] = column
  }
  return { targets, skipped }
}

/**
 * Opens Parquet files with encoded images as [N,3,H,W] bytes: a file, a folder of `*.parquet` (or of `train-*.parquet` beside `test-*`, `val-*` or
 * `validation-*`), or a pattern such as `train-{00000..00012}.parquet`. The images are the column that the files' metadata call so, or `image` (or
 * `img`), bytes by themselves or in a struct; they are decoded as in `loadFolder`. Targets: `label` is the `class`, a number or a name, with the names that
 * the `huggingface` metadata give its numbers; every other column of numbers, words or truth values is one under its own name, unless some are
 * missing: `skipped` names columns of numbers that lack some. Images are read by row group, and up to a quarter of `memoryLimit` of encoded ones is kept: reading in a random order rereads groups.
 * @throws {DataError} naming the file that is missing, damaged or without images, or the row that is corrupt
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function loadParquet(path: string, options: ParquetOptions = {}): Promise<Images> {
  const [parsed, control] = parseWithControl(op, parquetOptions, options)
  control.signal?.throwIfAborted()
  const { parquetSchema } = await import('hyparquet')
  const { paths, name } = await filesOfSplit(op, path, '.parquet', parsed, expected)
  const files: ParquetFile[] = []
  for (const file of paths) {
    control.signal?.throwIfAborted()
    files.push(await openParquet(op, file, expected))
  }
  const { path: firstPath, metadata } = files[0] as ParquetFile
  const columns = parquetSchema(metadata).children
  const features = featuresOf(metadata)
  const column = imageColumn(firstPath, columns, features)
  const describe = ({ metadata }: ParquetFile) =>
    parquetSchema(metadata)
      .children.map(({ element }) => element.name)
      .join(', ')
  const other = files.find((file) => describe(file) !== describe(files[0] as ParquetFile))
  if (other)
    throw new DataError({
      op,
      argument: other.path,
      actual: `a file of the columns ${describe(other)}`,
      expected: `those of ${basename(firstPath)}: ${describe(files[0] as ParquetFile)}`,
    })

  const starts: number[] = []
  let available = 0
  for (const file of files) {
    starts.push(available)
    available += file.rows
  }
  if (available === 0) throw new DataError({ op, argument: firstPath, actual: 'a file without rows', expected })
  const place = (index: number) => {
    const at = starts.findLastIndex((first) => first <= index)
    return { file: files[at] as ParquetFile, row: index - (starts[at] as number) }
  }
  const where = (index: number) => {
    const { file, row } = place(index)
    return `${file.path} (row ${row})`
  }
  const { targets, skipped } = await targetsOf(files, columns, features, parsed.classes, where)
  control.signal?.throwIfAborted()
  const groups = new RowGroups(op, column, parsed.memoryLimit / 4)
  const encoded = {
    name,
    count: available,
    targets,
    skipped,
    where,
    label: (index: number) => {
      const { file, row } = place(index)
      return `${basename(file.path)}/${row}`
    },
    files: paths,
    // Images' own sizes stand in their pages alone: that of the whole file stands for them.
    sizes: async () => Float64Array.from({ length: available }, (_, index) => place(index).file.bytes.byteLength),
    read: async (index: number) => {
      const { file, row } = place(index)
      const bytes = await groups.image(file, row)
      if (!bytes)
        throw new DataError({ op, argument: where(index), actual: 'without the bytes of an image', expected: 'an encoded image' })
      return bytes
    },
  }
  return openEncoded(op, encoded, parsed, control)
}
