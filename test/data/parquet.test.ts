import { open, readFile, stat } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { KeyValue, SchemaElement } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { detectImages, loadFolder, loadParquet, openImages } from '../../lib/data/index.js'
import { at, classesIn, labelsIn, noise, pixelsOf, put, refusal } from './scratch.js'

type Values = Record<string, { data: unknown[]; element: Omit<SchemaElement, 'name'> }>

interface Written {
  group?: number | number[]
  names?: string[]
  /** Of the column of images. */
  column?: string
  /** Bytes by themselves, not in a struct beside a path. */
  bare?: boolean
  codec?: 'GZIP' | 'UNCOMPRESSED' | 'LZ4_RAW'
}

const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const
const long = { type: 'INT64' } as const

/** Writes images and further columns as a data hub does. */
async function putParquet(path: string, images: (Uint8Array | null)[], values: Values, written: Written = {}): Promise<void> {
  const { group = 3, names, column = 'image', bare = false, codec } = written
  const others = Object.entries(values)
  const root: SchemaElement = { name: 'root', num_children: others.length + 1 }
  const image: SchemaElement[] = bare
    ? [{ name: column, type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' }]
    : [
        { name: column, num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', ...text, repetition_type: 'OPTIONAL' },
      ]
  const elements = others.map(([name, { element }]): SchemaElement => ({ name, repetition_type: 'OPTIONAL', ...element }))
  const features = {
    [column]: { _type: 'Image' },
    ...(names && { label: { names, _type: 'ClassLabel' } }),
  }
  const kvMetadata: KeyValue[] = names ? [{ key: 'huggingface', value: JSON.stringify({ info: { features } }) }] : []
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: column, data: bare ? images : images.map((bytes, i) => ({ bytes, path: `${i}.jpg` })) },
      ...others.map(([name, { data }]) => ({ name, data })),
    ],
    schema: [root, ...image, ...elements],
    rowGroupSize: group,
    kvMetadata,
    ...(codec && { codec, compressors: { GZIP: (input) => gzipSync(input), LZ4_RAW: (input) => input } }),
  })
  await put(path, new Uint8Array(buffer))
}

const jpegs = (from: number, to: number) => Promise.all(Array.from({ length: to - from }, (_, i) => noise('jpeg', from + i)))
const labels = (...data: number[]): Values => ({ label: { data: data.map(BigInt), element: long } })

async function sameImages(count: number): Promise<Uint8Array> {
  for (const [i, bytes] of (await jpegs(0, count)).entries()) await put(`plain/${String(i).padStart(3, '0')}.jpg`, bytes)
  return pixelsOf(await loadFolder(at('plain'), { labels: 'none' }))
}

describe('Parquet files', () => {
  it('are read over several row groups and files, in memory and as a source', async () => {
    const names = ['owl', 'cat', 'bee']
    await putParquet('set/train-00000-of-00002.parquet', await jpegs(0, 7), labels(0, 1, 2, 0, 1, 2, 0), { names })
    await putParquet('set/train-00001-of-00002.parquet', await jpegs(7, 11), labels(2, 2, 1, 0), { names, group: [1, 3] })
    await putParquet('set/test-00000-of-00001.parquet', await jpegs(11, 12), labels(1), { names })
    const pixels = await sameImages(11)
    const set = await openImages(at('set'))
    expect([set.shape, set.name, await detectImages(at('set'))]).toEqual([[11, 3, 6, 8], 'set/train', 'parquet'])
    expect(set.pixels).toEqual(pixels)
    expect([labelsIn(set), classesIn(set)]).toEqual([Int32Array.of(0, 1, 2, 0, 1, 2, 0, 2, 2, 1, 0), names])
    const test = await openImages(at('set'), { split: 'test' })
    expect([test.shape[0], labelsIn(test), classesIn(test)]).toEqual([1, Int32Array.of(1), names])
    expect((await openImages(at('set', 'train-{00000..00001}-of-00002.parquet'))).sha256).toBe(set.sha256)

    const source = await openImages(at('set'), { memoryLimit: 11 * 144 - 1 })
    expect(source.pixels).toBeNull()
    const orders = [[10, 0, 6, 7, 3, 10], [5], [9, 8, 2, 1, 4]]
    const found = await Promise.all(orders.map((order) => source.rows(order)))
    for (const [i, order] of orders.entries()) expect(found[i]).toEqual(await set.rows(order))
    const few = await openImages(at('set'), { limit: 8 })
    expect([few.pixels, labelsIn(few)?.length, classesIn(few)]).toEqual([pixels.subarray(0, 8 * 144), 8, names])
  })

  it('read each row group once for a pass in order, and few bytes of the file for one image', async () => {
    await putParquet(
      'a.parquet',
      await Promise.all(Array.from({ length: 64 }, (_, i) => noise('jpeg', i, 32, 32))),
      {},
      { group: 8 },
    )
    const { size } = await stat(at('a.parquet'))
    const source = await loadParquet(at('a.parquet'), { memoryLimit: 0 })
    // hyparquet reads through the file handles of Node.js, whose bytes are counted.
    const probe = await open(at('a.parquet'))
    const prototype = Object.getPrototypeOf(probe) as { read: (...args: unknown[]) => Promise<{ bytesRead: number }> }
    await probe.close()
    const { read } = prototype
    let bytes = 0
    prototype.read = async function (...args) {
      const result = await read.apply(this, args)
      bytes += result.bytesRead
      return result
    }
    try {
      await source.rows([20])
      expect(bytes).toBeLessThan(size / 6)
      bytes = 0
      await source.rows(Array.from({ length: 64 }, (_, i) => (i * 37) % 64))
      expect(bytes).toBeLessThan(size)
      // The group in use stays; others stay as far as there is room for them.
      const roomy = await loadParquet(at('a.parquet'), { memoryLimit: 64 * 3072 - 1 })
      for (const [set, again] of [[source, true] as const, [roomy, false] as const]) {
        await set.rows([0])
        bytes = 0
        await set.rows([7])
        expect(bytes).toBe(0)
        await set.rows([8])
        bytes = 0
        await set.rows([1])
        expect(bytes > 0).toBe(again)
      }
    } finally {
      prototype.read = read
    }
  })

  it('take targets from the other columns', async () => {
    const words = { label: { data: ['owl', 'cat', 'owl'], element: text } }
    const more: Values = {
      ...words,
      age: { data: [1.5, 2, 3], element: { type: 'DOUBLE' } },
      id: { data: [7n, 8n, 9n], element: long },
      tame: { data: [true, false, true], element: { type: 'BOOLEAN' } },
      gaps: { data: [1, null, 3], element: { type: 'INT32' } },
      blob: { data: [1, 2, 3].map((v) => Uint8Array.of(v)), element: { type: 'BYTE_ARRAY' } },
    }
    await putParquet('a.parquet', await jpegs(0, 3), more, { bare: true, column: 'img' })
    const { targets } = await openImages(at('a.parquet'))
    expect(Object.keys(targets).sort()).toEqual(['age', 'class', 'id', 'tame'])
    expect(targets.class).toEqual({ kind: 'class', classes: ['cat', 'owl'], values: Int32Array.of(1, 0, 1) })
    expect([targets.age?.kind, targets.age?.values]).toEqual(['number', Float32Array.of(1.5, 2, 3)])
    expect(targets.id?.values).toEqual(Float32Array.of(7, 8, 9))
    expect(targets.tame?.values).toEqual(Int32Array.of(1, 0, 1))
    await putParquet('b.parquet', await jpegs(0, 3), labels(4, 0, 2))
    expect(classesIn(await openImages(at('b.parquet')))).toEqual(['0', '1', '2', '3', '4'])
    const named = await openImages(at('b.parquet'), { classes: ['v', 'w', 'x', 'y', 'z'] })
    expect([classesIn(named)[4], labelsIn(named)]).toEqual(['z', Int32Array.of(4, 0, 2)])
    // A test split without labels.
    await putParquet('c.parquet', await jpegs(0, 3), labels(-1, -1, -1), { names: ['x', 'y'] })
    expect((await openImages(at('c.parquet'))).targets).toEqual({})
  })

  it('are read in the compressions that Node.js has', async () => {
    const pixels = await sameImages(5)
    for (const codec of ['GZIP', 'UNCOMPRESSED'] as const) {
      await putParquet(`${codec}.parquet`, await jpegs(0, 5), labels(0, 1, 0, 1, 0), { codec })
      expect((await openImages(at(`${codec}.parquet`))).pixels, codec).toEqual(pixels)
    }
    await putParquet('other.parquet', await jpegs(0, 5), {}, { codec: 'LZ4_RAW' })
    expect(await refusal(openImages(at('other.parquet')), 'other.parquet')).toBe('compressed by LZ4_RAW')
  })

  it('say which columns they leave out: numbers that some rows lack, and a second one of classes', async () => {
    const rate = { data: [1n, null, 3n], element: long }
    const more = { rate, class: { data: [5n, 6n, 7n], element: long } }
    await putParquet('a.parquet', await jpegs(0, 3), { ...labels(0, 1, 0), ...more })
    const { targets, skipped } = await openImages(at('a.parquet'))
    expect([Object.keys(targets), [...(targets.class?.values ?? [])]]).toEqual([['class'], [0, 1, 0]])
    expect(skipped).toEqual([
      { name: 'column rate', reason: 'a column of numbers, some of which are missing or not finite' },
      { name: 'column class', reason: 'a column beside label, which is the class' },
    ])
  })

  it('are refused where they are damaged, without images or without labels, by name', async () => {
    const images = await jpegs(0, 5)
    await putParquet('a.parquet', images, labels(0, 1, 0, 1, 0))
    const sound = await readFile(at('a.parquet'))
    await put('b.parquet', sound.subarray(0, sound.length - 9))
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet')).toContain('a damaged Parquet file')
    await put('b.parquet', 'PAR1')
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet')).toBe('4 bytes long')
    await put('b.parquet', '')
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet')).toBe('empty')
    // The library's reader runs over the end: what JavaScript says of that is not repeated.
    await put('b.parquet', Uint8Array.of(...Buffer.from('PAR1'), 0x2c, 0x2c, 4, 0, 0, 0, ...Buffer.from('PAR1')))
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet')).not.toMatch(/DataView|undefined|bounds/)
    await putParquet('b.parquet', images, labels(0, 1, 0, 1, 0), { names: ['x', 'x'] })
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet')).toBe("a file with the class 'x' twice")
    await putParquet('b.parquet', images, labels(0, 1, 0, 1, 0), { column: 'photo' })
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet')).toBe('a file of the columns photo, label')
    await putParquet('b.parquet', images, labels(0, 1, 0, 7, 0), { names: ['x', 'y'] })
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet (row 3)')).toBe('labelled 7')
    await putParquet('b.parquet', images, { label: { data: [0n, null, 1n, 1n, 1n], element: long } })
    expect(await refusal(openImages(at('b.parquet')), 'b.parquet (row 1)')).toBe('without a label')
    await put('mixed/0.parquet', sound)
    await putParquet('mixed/1.parquet', images, {})
    expect(await refusal(openImages(at('mixed')), 'mixed/1.parquet')).toBe('a file of the columns image')
    await expect(loadParquet(at('a.parquet'), { recordsPerFile: 3 } as never)).rejects.toThrow(
      'recordsPerFile is no option of it',
    )
  })

  it('name the row of an image that is damaged or missing, when it is read', async () => {
    const images: (Uint8Array | null)[] = await jpegs(0, 8)
    images[5] = (images[5] as Uint8Array).subarray(0, 200)
    images[7] = null
    await putParquet('a.parquet', images, {})
    expect(await refusal(openImages(at('a.parquet'), { limit: 6 }), 'a.parquet (row 5)')).toContain('a corrupt JPEG file')
    const source = await openImages(at('a.parquet'), { memoryLimit: 0 })
    expect(await refusal(source.rows([0, 5]), 'a.parquet (row 5)')).toContain('a corrupt JPEG file')
    expect(await refusal(source.rows([7]), 'a.parquet (row 7)')).toBe('without the bytes of an image')
    expect((await source.rows([6, 4])).length).toBe(2 * 144)
  })
})
