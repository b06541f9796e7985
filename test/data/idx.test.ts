import { rm } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { loadIdx, openImages } from '../../lib/data/index.js'
import { at, classesIn, labelsIn, pixelsOf, put, refusal } from './scratch.js'

const pixels = Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => i * 3)
function idx(extents: number[], data: Uint8Array, magic = 0x0800 | extents.length): Buffer {
  const header = Buffer.alloc(4 + 4 * extents.length)
  header.writeUInt32BE(magic)
  for (const [i, extent] of extents.entries()) header.writeUInt32BE(extent, 4 + 4 * i)
  return Buffer.concat([header, data])
}

describe('loadIdx', () => {
  const images = idx([5, 4, 3], pixels)
  const labels = idx([5], Uint8Array.of(3, 0, 1, 1, 2))
  const names = { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' }

  async function putIdx(packed: boolean): Promise<void> {
    await put(packed ? `${names.images}.gz` : names.images, packed ? gzipSync(images) : images)
    await put(packed ? `${names.labels}.gz` : names.labels, packed ? gzipSync(labels) : labels)
  }

  it.each([false, true])('loads images and labels (gzipped: %s)', async (packed) => {
    await putIdx(packed)
    const set = await openImages(at())
    expect(set.shape).toEqual([5, 1, 4, 3])
    expect(pixelsOf(set)).toEqual(pixels)
    expect(labelsIn(set)).toEqual(Int32Array.of(3, 0, 1, 1, 2))
    expect(classesIn(set)).toEqual(['0', '1', '2', '3'])
    const some = await loadIdx(at(), { limit: 2 })
    expect(pixelsOf(some)).toEqual(pixels.slice(0, 24))
    expect(labelsIn(some)?.length).toBe(2)
    expect(classesIn(await loadIdx(at(), { classes: ['a', 'b', 'c', 'd', 'e'] })).length).toBe(5)
    const byFile = await openImages(at(packed ? `${names.images}.gz` : names.images))
    expect(byFile.sha256).toBe(set.sha256)
  })

  it('finds the test split by either name', async () => {
    await put('t10k-images.idx3-ubyte', images)
    await put('t10k-labels.idx1-ubyte', labels)
    expect((await openImages(at(), { split: 'test' })).shape[0]).toBe(5)
    expect(await refusal(openImages(at()), names.images)).toBe('missing')
  })

  it('finds files beside folders of their names, and within such folders', async () => {
    for (const split of ['train', 't10k'])
      for (const [kind, bytes] of Object.entries({ 'images.idx3': images, 'labels.idx1': labels })) {
        const name = `${split}-${kind}-ubyte`
        await put(name, bytes)
        await put(`${name.replace('.', '-')}/${name.replace('.', '-')}`, bytes)
      }
    const set = await openImages(at())
    expect([set.shape, classesIn(set).length]).toEqual([[5, 1, 4, 3], 4])
    for (const kind of ['images.idx3', 'labels.idx1']) await rm(at(`train-${kind}-ubyte`))
    const within = await openImages(at())
    expect([within.sha256, within.name]).toEqual([set.sha256, set.name])
    expect((await openImages(at(), { split: 'test' })).shape[0]).toBe(5)
  })

  it('refuses 255, the mark of images without a label, unless it is a class', async () => {
    await putIdx(false)
    await put(names.labels, idx([5], Uint8Array.of(3, 0, 255, 1, 2)))
    expect(await refusal(loadIdx(at()), names.labels)).toBe('holding label 255 in record 2, which marks images without one')
    const classes = Array.from({ length: 256 }, (_, i) => `c${i}`)
    expect(labelsIn(await loadIdx(at(), { classes }))).toEqual(Int32Array.of(3, 0, 255, 1, 2))
  })

  it('refuses wrong magic, sizes and counts', async () => {
    await putIdx(false)
    await put(names.images, idx([5, 4, 3], pixels, 0x0d03))
    expect(await refusal(loadIdx(at()), names.images)).toBe('one with magic 0x00000d03')
    await put(names.images, images.subarray(0, images.length - 1))
    expect(await refusal(loadIdx(at()), names.images)).toBe(`truncated (${images.length - 1} bytes)`)
    await put(names.images, images.subarray(0, 9))
    expect(await refusal(loadIdx(at()), names.images)).toBe('truncated (9 bytes of a header of 16)')
    await put(names.images, Buffer.concat([images, Buffer.alloc(2)]))
    expect(await refusal(loadIdx(at()), names.images)).toBe('2 bytes too long')
    await put(names.images, idx([0xffffffff, 0xffffffff, 0xffffffff], pixels))
    expect(await refusal(openImages(at()), names.images)).toBe('truncated (76 bytes)')
    await put(names.images, idx([0, 4, 3], new Uint8Array(0)))
    expect(await refusal(loadIdx(at()), names.images)).toBe('empty ([0,4,3])')
    await put(names.images, idx([4, 4, 3], pixels.subarray(0, 48)))
    expect(await refusal(loadIdx(at()), names.images)).toBe('a file of 4 images')
    await put(names.images, images)
    expect(await refusal(loadIdx(at(), { classes: ['a', 'b', 'c'] }), names.labels)).toBe('holding label 3 in record 0')
    await rm(at(names.labels))
    expect(await refusal(loadIdx(at()), names.labels)).toBe('missing')
  })

  it('refuses damaged gzip files and stops at the size that the header says', async () => {
    await putIdx(true)
    const file = `${names.images}.gz`
    const packed = gzipSync(images)
    await put(file, packed.subarray(0, packed.length - 9))
    expect(await refusal(loadIdx(at()), file)).toContain('truncated')
    await put(
      file,
      packed.map((byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte)),
    )
    expect(await refusal(loadIdx(at()), file)).toContain('not a sound gzip file')
    await put(file, images)
    expect(await refusal(loadIdx(at()), file)).toContain('not a sound gzip file')
    await put(file, Buffer.concat([packed, Buffer.from('stray')]))
    expect(await refusal(loadIdx(at()), file)).toMatch(/stray|not a sound gzip/)
    await put(file, gzipSync(Buffer.concat([images, Buffer.alloc(64 << 20)])))
    expect(await refusal(loadIdx(at()), file)).toBe('longer than its header says')
    await put(file, gzipSync(idx([0x00ffffff, 1000, 1000], pixels)))
    const count = await refusal(loadIdx(at()), file)
    expect(count).toContain('truncated')
  })
})
