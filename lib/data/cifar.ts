// CIFAR-10 and CIFAR-100 in their binary layout (Krizhevsky 2009): records of label byte(s) and 3,072 planar RGB bytes.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../errors.js'
import { parseWithControl, whole } from '../options.js'
import { distinctClasses } from './columns.js'
import { listFolder, openFile, readFully, statFile } from './files.js'
import type { LoadControl } from './images.js'
import { allocatePixels, type InMemoryImages, imagesFrom } from './memory.js'
import { classColumn } from './targets.js'

/** The schema of {@link CifarOptions}. */
export const cifarOptions = z.strictObject({
  limit: whole(1).optional().describe('load at most so many images'),
  split: z.enum(['train', 'test']).default('train').describe('training or test images'),
  labels: z.enum(['fine', 'coarse']).default('fine').describe('CIFAR-100 only: its 100 fine or its 20 coarse labels'),
  recordsPerFile: whole(1).optional().describe('records in each file of a cut-down copy'),
})

/**
 * `recordsPerFile` is 10,000 for CIFAR-10, and 50,000 (train) or 10,000 (test) for CIFAR-100, unless a cut-down copy says otherwise.
 */
export interface CifarOptions extends z.input<typeof cifarOptions>, LoadControl {}

interface Layout {
  name: string
  files: string[]
  records: number
  labelBytes: number
  labelAt: number
  classCount: number
  classFile: string
}

const pixelBytes = 3 * 32 * 32
const trainFiles = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`)

function layoutOf(names: ReadonlySet<string>, split: 'train' | 'test', labels: 'fine' | 'coarse'): Layout | null {
  if ([...names].some((name) => /^(data_batch_\d+|test_batch)\.bin$/.test(name))) {
    const files = split === 'train' ? trainFiles : ['test_batch.bin']
    return { name: 'cifar-10', files, records: 10_000, labelBytes: 1, labelAt: 0, classCount: 10, classFile: 'batches.meta.txt' }
  }
  if (names.has('fine_label_names.txt') || (names.has('train.bin') && names.has('test.bin'))) {
    const [name, labelAt, classCount] =
      labels === 'fine' ? (['cifar-100', 1, 100] as const) : (['cifar-100-coarse', 0, 20] as const)
    const records = split === 'train' ? 50_000 : 10_000
    return { name, files: [`${split}.bin`], records, labelBytes: 2, labelAt, classCount, classFile: `${labels}_label_names.txt` }
  }
  return null
}

/** Whether a folder with these entries is CIFAR-10 or CIFAR-100 in the binary layout. */
export function looksLikeCifar(names: ReadonlySet<string>): boolean {
  return layoutOf(names, 'train', 'fine') !== null
}

async function readClasses(op: string, path: string, count: number): Promise<readonly string[]> {
  const found = await stat(path).catch(() => null)
  if (!found) return Array.from({ length: count }, (_, i) => String(i))
  await statFile(op, path, 'a list of class names')
  const names = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim())
  const classes = names.filter((name) => name !== '')
  if (classes.length !== count)
    throw new DataError({
      op,
      argument: path,
      actual: `a list of ${classes.length} names`,
      expected: `${count} class names, one a line`,
    })
  return distinctClasses(op, path, classes)
}

/**
 * Loads CIFAR-10 (`data_batch_1.bin` ... `data_batch_5.bin`, `test_batch.bin`, `batches.meta.txt`) or CIFAR-100 (`train.bin`, `test.bin`,
 * `fine_label_names.txt`, `coarse_label_names.txt`) from a folder, in the order of the files, as [N,3,32,32] bytes.
 * The sizes of all files of the split are checked before the first is read. Without the file of names, classes are named by their numbers.
 * @throws {DataError} naming the file that is missing, of the wrong size, or holds a label out of range
 * @throws {OptionError} for an unknown or out-of-range option
 */
export async function loadCifar(folder: string, options: CifarOptions = {}): Promise<InMemoryImages> {
  const op = 'loadCifar'
  const [{ limit, split, labels: labelKind, recordsPerFile }, { signal, onProgress }] = parseWithControl(
    op,
    cifarOptions,
    options,
  )
  signal?.throwIfAborted()
  const expected =
    'a folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin (CIFAR-10), or train.bin and test.bin (CIFAR-100)'
  const names = new Set((await listFolder(op, folder, expected)).map((entry) => entry.name))
  const layout = layoutOf(names, split, labelKind)
  if (!layout)
    throw new DataError({
      op,
      argument: folder,
      actual: names.size ? 'a folder without CIFAR batches' : 'an empty folder',
      expected,
    })

  const records = recordsPerFile ?? layout.records
  const recordBytes = layout.labelBytes + pixelBytes
  const fileBytes = records * recordBytes
  const paths = layout.files.map((file) => join(folder, file))
  for (const path of paths) {
    const { size } = await statFile(op, path, `a CIFAR batch of ${fileBytes} bytes`)
    if (size !== fileBytes) {
      const whole = size % recordBytes === 0 ? `${size / recordBytes} records` : 'not a whole number of records'
      const wanted = `${fileBytes} bytes (${records} records of ${recordBytes})`
      throw new DataError({ op, argument: path, actual: `${size} bytes long (${whole})`, expected: wanted })
    }
  }
  const classes = await readClasses(op, join(folder, layout.classFile), layout.classCount)

  const available = records * paths.length
  const count = Math.min(available, limit ?? available)
  const shape = [count, 3, 32, 32] as const
  const pixels = allocatePixels(op, shape)
  const labels = new Int32Array(count)
  const chunk = new Uint8Array(recordBytes * Math.min(1000, records))
  for (let done = 0; done < count; ) {
    const path = paths[Math.floor(done / records)] as string
    const file = await openFile(op, path, 'a readable file')
    try {
      for (let record = 0; record < records && done < count; ) {
        signal?.throwIfAborted()
        const some = Math.min(chunk.length / recordBytes, records - record, count - done)
        await readFully(op, path, file, chunk.subarray(0, some * recordBytes), record * recordBytes)
        for (let i = 0; i < some; ++i) {
          const at = i * recordBytes
          const label = chunk[at + layout.labelAt] as number
          if (label >= layout.classCount) {
            const actual = `holding label ${label} in record ${record + i}`
            throw new DataError({ op, argument: path, actual, expected: `labels from 0 to ${layout.classCount - 1}` })
          }
          labels[done + i] = label
          pixels.set(chunk.subarray(at + layout.labelBytes, at + recordBytes), (done + i) * pixelBytes)
        }
        record += some
        done += some
        onProgress?.({ done, total: count })
      }
    } finally {
      await file.close()
    }
  }
  const targets = { class: classColumn(classes, labels) }
  return imagesFrom({ pixels, shape, targets, name: `${layout.name}/${split}` }, { signal })
}
