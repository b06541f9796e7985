// Everything known about the images of a set as one table, and its targets described.
import { join } from 'node:path'
import { batchesOf, type Column } from '../data/index.js'
import { classCounts } from '../data/targets.js'
import { writeAtomic } from '../io/index.js'
import type { SetPlaces } from './places.js'
import type { SceneRecord, SceneSet } from './set.js'
import type { WrittenImages } from './write_images.js'

/** Rows made at a time: a row group of a Parquet file. */
const rowGroup = 8192

/** Writes the table: a row an image, its file first. */
export async function writeTable(
  scenes: SceneSet,
  places: SetPlaces,
  name: 'metadata.parquet' | 'metadata.jsonl',
  seen: WrittenImages,
  signal: AbortSignal | undefined,
): Promise<void> {
  const row = (index: number): SceneRecord => ({ file: places.file(index), ...scenes.record(index), ...seen.of(index) })
  const groups = function* (): Generator<SceneRecord[], void, void> {
    for (const rows of batchesOf(scenes.shape[0], rowGroup)) {
      signal?.throwIfAborted()
      yield Array.from(rows, row)
    }
  }
  await (name.endsWith('.parquet') ? writeParquet : writeLines)(join(places.folder, name), groups())
}

async function writeLines(path: string, groups: Iterable<readonly SceneRecord[]>): Promise<void> {
  await writeAtomic(path, async (sink) => {
    for (const rows of groups) await sink.write(Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')))
  })
}

async function writeParquet(path: string, groups: Iterable<readonly SceneRecord[]>): Promise<void> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer')
  await writeAtomic(path, async (sink) => {
    const writer = new ByteWriter()
    const flush = async () => {
      await sink.write(writer.getBytes().slice())
      writer.index = 0
    }
    let parquet: InstanceType<typeof ParquetWriter> | null = null
    for (const rows of groups) {
      // A null stands for a number that there is not: words are there in every row.
      const columnData = Object.entries(rows[0] as SceneRecord).map(([name, first]) => ({
        name,
        data: rows.map((row) => row[name] ?? null),
        type: typeof first === 'string' ? ('STRING' as const) : ('DOUBLE' as const),
        nullable: typeof first !== 'string',
      }))
      parquet ??= new ParquetWriter({ writer, schema: schemaFromColumnData({ columnData }), createdBy: 'striate' })
      parquet.write({ columnData, rowGroupSize: rowGroup })
      await flush()
    }
    parquet?.finish()
    await flush()
  })
}

/** The columns that are targets: their classes with the images of each, or their means and deviations. */
export function columnsOf({ targets }: SceneSet): Record<string, object> {
  return Object.fromEntries(Object.entries(targets).map(([name, column]) => [name, describe(column)]))
}

function describe(column: Column): object {
  const { kind } = column
  if (column.kind !== 'class') return { kind, unit: column.unit, mean: column.mean, deviation: column.deviation }
  return { kind, classes: column.classes, counts: classCounts(column) }
}
