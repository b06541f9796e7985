// Parquet files by their row groups: the images of a group are read together, and the groups read last stay in memory up to a number of bytes.
import * as zlib from 'node:zlib'
import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet'
import { DataError, StriateError } from '../errors.js'
import { openFile, readFully, statFile } from './files.js'

// hyparquet reads UNCOMPRESSED and SNAPPY itself; zstd came to Node.js in 22.15.
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array }
const compressors: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ...(zstdDecompressSync && { ZSTD: (input) => zstdDecompressSync(input) }),
}
/** Of a Parquet file: its mark at both ends, and the length of its footer. */
const leastBytes = 12
const codecs = ['UNCOMPRESSED', 'SNAPPY', ...Object.keys(compressors)]

export interface ParquetFile {
  path: string
  bytes: AsyncBuffer
  metadata: FileMetaData
  rows: number
  /** First row of each row group. */
  groups: number[]
}

/** What failed in a file, as a DataError that names it. */
function damaged(op: string, path: string, error: unknown): unknown {
  if (error instanceof StriateError) return error
  // What JavaScript itself says of a read beyond the end names nothing of the file.
  const isOwn = error instanceof Error && !(error instanceof RangeError || error instanceof TypeError)
  const reason = isOwn ? ` (${error.message})` : ''
  return new DataError(
    { op, argument: path, actual: `a damaged Parquet file${reason}`, expected: 'a sound one' },
    { cause: error },
  )
}

/**
 * Opens a file by its footer.
 * @throws {DataError} naming the file that is missing, damaged or compressed in a way that cannot be read
 */
export async function openParquet(op: string, path: string, expected: string): Promise<ParquetFile> {
  const { parquetMetadataAsync } = await import('hyparquet')
  const { size } = await statFile(op, path, expected)
  if (size < leastBytes) {
    const actual = size === 0 ? 'empty' : `${size} bytes long`
    throw new DataError({ op, argument: path, actual, expected: `a Parquet file, of ${leastBytes} bytes at least` })
  }
  const bytes: AsyncBuffer = {
    byteLength: size,
    slice: async (start, end = size) => {
      const into = new Uint8Array(end - start)
      const file = await openFile(op, path, expected)
      try {
        await readFully(op, path, file, into, start)
      } finally {
        await file.close()
      }
      return into.buffer
    },
  }
  const metadata = await parquetMetadataAsync(bytes).catch((error) => {
    throw damaged(op, path, error)
  })
  for (const { columns } of metadata.row_groups)
    for (const { meta_data } of columns)
      if (meta_data && !codecs.includes(meta_data.codec))
        throw new DataError({
          op,
          argument: path,
          actual: `compressed by ${meta_data.codec}`,
          expected: `one of ${codecs.join(', ')} (on this version of Node.js)`,
        })
  const groups: number[] = []
  let rows = 0
  for (const group of metadata.row_groups) {
    groups.push(rows)
    rows += Number(group.num_rows)
  }
  return { path, bytes, metadata, rows, groups }
}

/**
 * Values of some columns, as objects of a row each.
 * @throws {DataError} naming the file
 */
export async function readRows(
  op: string,
  { path, bytes, metadata }: ParquetFile,
  columns: string[],
  rowStart: number,
  rowEnd: number,
): Promise<Record<string, unknown>[]> {
  const { parquetReadObjects } = await import('hyparquet')
  try {
    return await parquetReadObjects({ file: bytes, metadata, columns, rowStart, rowEnd, utf8: false, compressors })
  } catch (error) {
    throw damaged(op, path, error)
  }
}

/** The encoded images of one column, by file and row. */
export class RowGroups {
  /** The group used last comes last. */
  private readonly kept = new Map<string, { images: Promise<(Uint8Array | null)[]>; bytes: number }>()

  /** @param limit bytes of encoded images that stay in memory beside the group in use */
  constructor(
    private readonly op: string,
    private readonly column: string,
    private readonly limit: number,
  ) {}

  /** null where the row holds no image. */
  async image(file: ParquetFile, row: number): Promise<Uint8Array | null> {
    const group = file.groups.findLastIndex((first) => first <= row)
    const key = `${group} ${file.path}`
    const entry = this.kept.get(key) ?? { images: this.readGroup(file, group, key), bytes: 0 }
    this.kept.delete(key)
    this.kept.set(key, entry)
    return (await entry.images)[row - (file.groups[group] as number)] ?? null
  }

  private async readGroup(file: ParquetFile, group: number, key: string): Promise<(Uint8Array | null)[]> {
    try {
      const rows = await readRows(this.op, file, [this.column], file.groups[group] as number, file.groups[group + 1] ?? file.rows)
      const images = rows.map((row) => imageBytes(row[this.column]))
      const entry = this.kept.get(key)
      if (entry) entry.bytes = images.reduce((sum, image) => sum + (image?.length ?? 0), 0)
      this.forget(key)
      return images
    } catch (error) {
      this.kept.delete(key)
      throw error
    }
  }

  /** Lets go of the groups that were not used for longest, but not of `key`. */
  private forget(key: string): void {
    let held = [...this.kept.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    for (const [other, { bytes }] of this.kept) {
      if (held <= this.limit) return
      if (other === key || bytes === 0) continue
      this.kept.delete(other)
      held -= bytes
    }
  }
}

/** The bytes of an image as data hubs store it: by themselves, or beside a path. */
function imageBytes(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value
  return value !== null && typeof value === 'object' && 'bytes' in value ? imageBytes(value.bytes) : null
}
