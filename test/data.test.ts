import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  channelStatistics,
  detectImages,
  type ImageSet,
  loadCifar,
  loadFolder,
  loadIdx,
  openImages,
  selectImages,
  splitTrainValidation,
} from '../lib/data/index.js'
import { DataError, OptionError } from '../lib/errors.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'striate-data-'))
})
afterEach(() => rm(root, { recursive: true }))

const at = (...parts: string[]) => join(root, ...parts)

async function put(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), bytes)
}

/** The one sentence that `promise` is refused with: a DataError that names `file`. */
async function refusal(promise: Promise<unknown>, file: string): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable('nothing was refused'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DataError)
  expect((error as DataError).argument).toBe(at(file))
  expect((error as DataError).message).not.toContain('\n')
  return (error as DataError).actual
}

const records = 12
/** A CIFAR record whose pixels tell file, record and place. */
function cifarBytes(file: number, labelBytes = 1): Uint8Array {
  const size = labelBytes + 3072
  return Uint8Array.from({ length: records * size }, (_, i) => {
    const [record, byte] = [Math.floor(i / size), i % size]
    return byte < labelBytes ? (record + file) % 10 : (file * 31 + record * 7 + byte) % 256
  })
}

async function putCifar10(): Promise<void> {
  for (let i = 1; i <= 5; ++i) await put(`data_batch_${i}.bin`, cifarBytes(i))
  await put('test_batch.bin', cifarBytes(6))
  await put('batches.meta.txt', 'airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n')
}

describe('loadCifar', () => {
  const small = { recordsPerFile: records }

  it('loads every record of every batch in order', async () => {
    await putCifar10()
    const set = await loadCifar(root, small)
    expect(set.shape).toEqual([60, 3, 32, 32])
    expect(set.name).toBe('cifar-10/train')
    expect(set.classes[3]).toBe('cat')
    for (const image of [0, 11, 12, 59]) {
      const [file, record] = [Math.floor(image / records) + 1, image % records]
      expect(set.labels?.[image]).toBe((record + file) % 10)
      const bytes = cifarBytes(file).subarray(record * 3073 + 1, (record + 1) * 3073)
      expect(set.images.subarray(image * 3072, (image + 1) * 3072)).toEqual(bytes)
    }
    expect((await loadCifar(root, { ...small, split: 'test' })).shape[0]).toBe(12)
  })

  it('takes the first images for a limit, reports progress, and its identity follows the content', async () => {
    await putCifar10()
    let last = 0
    const set = await loadCifar(root, { ...small, limit: 30, onProgress: ({ done }) => (last = done) })
    const all = await loadCifar(root, small)
    expect(last).toBe(30)
    expect(set.images).toEqual(all.images.slice(0, 30 * 3072))
    expect(set.sha256).not.toBe(all.sha256)
    expect(
      (
        await selectImages(
          all,
          Array.from({ length: 30 }, (_, i) => i),
        )
      ).sha256,
    ).toBe(set.sha256)
    expect((await loadCifar(root, small)).sha256).toBe(all.sha256)
    expect((await loadCifar(root, { ...small, limit: 999 })).shape[0]).toBe(60)
  })

  it('loads CIFAR-100 by fine and coarse labels', async () => {
    for (const split of ['train', 'test']) await put(`${split}.bin`, cifarBytes(1, 2))
    await put('fine_label_names.txt', Array.from({ length: 100 }, (_, i) => `fine${i}`).join('\n'))
    await put('coarse_label_names.txt', Array.from({ length: 20 }, (_, i) => `coarse${i}`).join('\n'))
    const fine = await loadCifar(root, small)
    const coarse = await openImages(root, { ...small, labels: 'coarse' })
    expect([fine.name, fine.classes.length, coarse.name, coarse.classes.length]).toEqual([
      'cifar-100/train',
      100,
      'cifar-100-coarse/train',
      20,
    ])
    expect(fine.images).toEqual(coarse.images)
  })

  it('refuses truncated and oversized batches, by name and before reading', async () => {
    await putCifar10()
    await truncate(at('data_batch_3.bin'), records * 3073 - 1)
    expect(await refusal(loadCifar(root, small), 'data_batch_3.bin')).toBe('36875 bytes long (not a whole number of records)')
    await truncate(at('data_batch_3.bin'), (records - 1) * 3073)
    expect(await refusal(loadCifar(root, small), 'data_batch_3.bin')).toBe('33803 bytes long (11 records)')
    await put('data_batch_3.bin', cifarBytes(3))
    await appendFile(at('data_batch_3.bin'), 'x')
    expect(await refusal(loadCifar(root, small), 'data_batch_3.bin')).toBe('36877 bytes long (not a whole number of records)')
    expect(await refusal(loadCifar(root), 'data_batch_1.bin')).toBe('36876 bytes long (12 records)')
    await put('data_batch_3.bin', '')
    expect(await refusal(loadCifar(root, { ...small, limit: 1 }), 'data_batch_3.bin')).toContain('0 bytes long')
  })

  it('refuses labels out of range, missing files, bad names of classes and empty folders', async () => {
    await putCifar10()
    const bytes = cifarBytes(2)
    bytes[5 * 3073] = 10
    await put('data_batch_2.bin', bytes)
    expect(await refusal(loadCifar(root, small), 'data_batch_2.bin')).toBe('holding label 10 in record 5')
    await rm(at('data_batch_4.bin'))
    expect(await refusal(loadCifar(root, small), 'data_batch_4.bin')).toBe('missing')
    await put('batches.meta.txt', 'cat\ndog\n')
    expect(await refusal(loadCifar(root, { ...small, split: 'test' }), 'batches.meta.txt')).toBe('a list of 2 names')
    await rm(at('batches.meta.txt'))
    expect((await loadCifar(root, { ...small, split: 'test' })).classes).toEqual([...'0123456789'])
    await mkdir(at('empty'))
    expect(await refusal(loadCifar(at('empty')), 'empty')).toBe('an empty folder')
    expect(await refusal(loadCifar(at('absent')), 'absent')).toBe('missing')
  })

  it('refuses options that are unknown or out of range, and stops on a signal', async () => {
    await putCifar10()
    await expect(loadCifar(root, { shuffle: true } as never)).rejects.toThrow('loadCifar: shuffle is not an option')
    await expect(loadCifar(root, { ...small, limit: 0 })).rejects.toThrow('limit is 0; expected an integer of 1 or more')
    await expect(loadCifar(root, { ...small, split: 'valid' as 'test' })).rejects.toThrow(OptionError)
    const controller = new AbortController()
    const stopped = loadCifar(root, {
      ...small,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('stop')),
    })
    await expect(stopped).rejects.toThrow('stop')
  })
})

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
    const set = await openImages(root)
    expect(set.shape).toEqual([5, 1, 4, 3])
    expect(set.images).toEqual(pixels)
    expect(set.labels).toEqual(Int32Array.of(3, 0, 1, 1, 2))
    expect(set.classes).toEqual(['0', '1', '2', '3'])
    const some = await loadIdx(root, { limit: 2 })
    expect(some.images).toEqual(pixels.slice(0, 24))
    expect(some.labels?.length).toBe(2)
    expect((await loadIdx(root, { classes: ['a', 'b', 'c', 'd', 'e'] })).classes.length).toBe(5)
    const byFile = await openImages(at(packed ? `${names.images}.gz` : names.images))
    expect(byFile.sha256).toBe(set.sha256)
  })

  it('finds the test split by either name', async () => {
    await put('t10k-images.idx3-ubyte', images)
    await put('t10k-labels.idx1-ubyte', labels)
    expect((await openImages(root, { split: 'test' })).shape[0]).toBe(5)
    expect(await refusal(openImages(root), names.images)).toBe('missing')
  })

  it('refuses wrong magic, sizes and counts', async () => {
    await putIdx(false)
    await put(names.images, idx([5, 4, 3], pixels, 0x0d03))
    expect(await refusal(loadIdx(root), names.images)).toBe('one with magic 0x00000d03')
    await put(names.images, images.subarray(0, images.length - 1))
    expect(await refusal(loadIdx(root), names.images)).toBe(`truncated (${images.length - 1} bytes)`)
    await put(names.images, images.subarray(0, 9))
    expect(await refusal(loadIdx(root), names.images)).toBe('truncated (9 bytes of a header of 16)')
    await put(names.images, Buffer.concat([images, Buffer.alloc(2)]))
    expect(await refusal(loadIdx(root), names.images)).toBe('2 bytes too long')
    await put(names.images, idx([0xffffffff, 0xffffffff, 0xffffffff], pixels))
    expect(await refusal(openImages(root), names.images)).toBe('truncated (76 bytes)')
    await put(names.images, idx([0, 4, 3], new Uint8Array(0)))
    expect(await refusal(loadIdx(root), names.images)).toBe('empty ([0,4,3])')
    await put(names.images, idx([4, 4, 3], pixels.subarray(0, 48)))
    expect(await refusal(loadIdx(root), names.images)).toBe('a file of 4 images')
    await put(names.images, images)
    expect(await refusal(loadIdx(root, { classes: ['a', 'b', 'c'] }), names.labels)).toBe('holding label 3 in record 0')
    await rm(at(names.labels))
    expect(await refusal(loadIdx(root), names.labels)).toBe('missing')
  })

  it('refuses damaged gzip files and stops at the size that the header says', async () => {
    await putIdx(true)
    const file = `${names.images}.gz`
    const packed = gzipSync(images)
    await put(file, packed.subarray(0, packed.length - 9))
    expect(await refusal(loadIdx(root), file)).toContain('truncated')
    await put(
      file,
      packed.map((byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte)),
    )
    expect(await refusal(loadIdx(root), file)).toContain('not a sound gzip file')
    await put(file, images)
    expect(await refusal(loadIdx(root), file)).toContain('not a sound gzip file')
    await put(file, Buffer.concat([packed, Buffer.from('stray')]))
    expect(await refusal(loadIdx(root), file)).toMatch(/stray|not a sound gzip/)
    await put(file, gzipSync(Buffer.concat([images, Buffer.alloc(64 << 20)])))
    expect(await refusal(loadIdx(root), file)).toBe('longer than its header says')
    await put(file, gzipSync(idx([0x00ffffff, 1000, 1000], pixels)))
    const count = await refusal(loadIdx(root), file)
    expect(count).toContain('truncated')
  })
})

async function picture(
  format: 'jpeg' | 'png' | 'webp',
  width = 6,
  height = 4,
  background = { r: 200, g: 100, b: 50 },
): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background } })
    [format]({ quality: 100 })
    .toBuffer()
}

describe('loadFolder', () => {
  it('loads JPEG, PNG and WebP by class, sorted, planar', async () => {
    await put(
      'b/2.webp',
      await sharp({ create: { width: 6, height: 4, channels: 3, background: '#0a141e' } })
        .webp({ lossless: true })
        .toBuffer(),
    )
    await put('b/1.JPG', await picture('jpeg'))
    await put(
      'a/x.png',
      await sharp(Buffer.from(pixels.subarray(0, 24)), { raw: { width: 4, height: 2, channels: 3 } })
        .resize(6, 4, { kernel: 'nearest' })
        .png()
        .toBuffer(),
    )
    await put('a/notes.txt', 'not an image')
    await put('a/.hidden.png', 'not an image')
    const set = await openImages(root)
    expect(set.shape).toEqual([3, 3, 4, 6])
    expect(set.classes).toEqual(['a', 'b'])
    expect(set.labels).toEqual(Int32Array.of(0, 1, 1))
    // The first pixel of the PNG, and the second one of 4 in its first row, which nearest neighbours put at x = 2.
    expect([0, 24, 48].map((i) => set.images[i])).toEqual([0, 3, 6])
    expect([2, 26, 50].map((i) => set.images[i])).toEqual([9, 12, 15])
    expect([0, 24, 48].map((i) => set.images[144 + i])).toEqual([10, 20, 30])
    // A JPEG of one colour: rounding of the colour conversion only.
    for (const [i, value] of [200, 100, 50].entries())
      expect(Math.abs((set.images[72 + 24 * i] as number) - value)).toBeLessThanOrEqual(2)
  })

  it('brings every kind of image to upright sRGB', async () => {
    const left = { r: 255, g: 0, b: 0 }
    const turned = sharp({ create: { width: 8, height: 4, channels: 3, background: '#0000ff' } })
      .composite([{ input: { create: { width: 4, height: 4, channels: 3, background: left } }, left: 0, top: 0 }])
      .png()
    // Orientation 6: turned a quarter clockwise to be upright, so that the left half comes to the top.
    await put(
      'a/turned.png',
      await sharp(await turned.toBuffer())
        .withMetadata({ orientation: 6 })
        .png()
        .toBuffer(),
    )
    const one = await loadFolder(root)
    expect(one.shape).toEqual([1, 3, 8, 4])
    expect([one.images[0], one.images[31], one.images[64], one.images[95]]).toEqual([255, 0, 0, 255])

    await rm(at('a'), { recursive: true })
    await put(
      'a/alpha.png',
      await sharp({ create: { width: 2, height: 2, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } })
        .png()
        .toBuffer(),
    )
    await put(
      'a/grey.png',
      await sharp({ create: { width: 2, height: 2, channels: 3, background: '#808080' } })
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    )
    await put(
      'a/palette.png',
      await sharp({ create: { width: 2, height: 2, channels: 3, background: '#102030' } })
        .png({ palette: true })
        .toBuffer(),
    )
    const deep = new Uint16Array(12).fill(0x4040)
    await put(
      'a/sixteen.png',
      await sharp(deep, { raw: { width: 2, height: 2, channels: 3 } })
        .toColourspace('rgb16')
        .png()
        .toBuffer(),
    )
    const set = await loadFolder(root, { background: '#00ff00' })
    const first = (n: number) => [0, 4, 8].map((i) => set.images[n * 12 + i])
    expect([first(0), first(1), first(2), first(3)]).toEqual([
      [0, 255, 0],
      [128, 128, 128],
      [16, 32, 48],
      [64, 64, 64],
    ])
  })

  it('resizes by the fit that is asked for', async () => {
    await put('a/wide.png', await picture('png', 16, 8, { r: 90, g: 90, b: 90 }))
    await put('a/tall.png', await picture('png', 8, 16, { r: 90, g: 90, b: 90 }))
    const cover = await loadFolder(root, { size: 4 })
    expect(cover.shape).toEqual([2, 3, 4, 4])
    expect(cover.images.every((value) => value === 90)).toBe(true)
    const contain = await loadFolder(root, { size: [4, 8], fit: 'contain', background: '#ffffff' })
    expect(contain.shape).toEqual([2, 3, 4, 8])
    expect(contain.images[0]).toBe(255)
    expect(contain.images[4]).toBe(90)
    expect(await refusal(loadFolder(root), 'a/wide.png')).toBe('16 x 8 pixels')
  })

  it('takes evenly from the classes for a limit, and reads flat folders when asked', async () => {
    for (const name of ['a/1', 'a/2', 'a/3', 'b/1', 'c/1', 'c/2']) await put(`${name}.png`, await picture('png'))
    expect((await loadFolder(root, { limit: 4 })).labels).toEqual(Int32Array.of(0, 0, 1, 2))
    const flat = await loadFolder(at('a'), { labels: 'none' })
    expect([flat.labels, flat.classes, flat.shape[0]]).toEqual([null, [], 3])
    expect(await refusal(loadFolder(at('a')), 'a/1.png')).toBe('an image outside the class folders')
  })

  it('finds splits as train beside val, and follows links', async () => {
    await put('train/x/1.png', await picture('png'))
    await put('train/y/1.png', await picture('png'))
    await put('val/x/1.png', await picture('png'))
    await symlink(at('train', 'y'), at('val', 'y'))
    const names = [(await openImages(root)).name, (await openImages(root, { split: 'test' })).name]
    expect(names.map((name) => name.split('/').at(-1))).toEqual(['train', 'val'])
    expect((await openImages(root, { split: 'test' })).classes).toEqual(['x', 'y'])
    expect(await refusal(loadFolder(at('train'), { split: 'test' }), 'train')).toContain('without a train folder')
  })

  it('refuses corrupt, truncated and disguised images by name', async () => {
    await put('a/0.png', await picture('png', 64, 64))
    const noise = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 251))
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const sound = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        [format]()
        .toBuffer()
      const name = `a/1.${format}`
      for (const share of [0.5, 0.9]) {
        await put(name, sound.subarray(0, Math.floor(sound.length * share)))
        expect(await refusal(openImages(root), name)).toContain('a corrupt')
      }
      await put(name, sound)
      expect((await openImages(root)).shape[0]).toBe(2)
      await rm(at(name))
    }
    const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer()
    await put(
      'a/1.jpg',
      jpeg.map((byte, i) => (i > jpeg.length * 0.5 && i < jpeg.length * 0.6 ? 0xff : byte)),
    )
    expect(await refusal(openImages(root), 'a/1.jpg')).toContain('a corrupt JPEG file')
    await put('a/1.jpg', '')
    expect(await refusal(openImages(root), 'a/1.jpg')).toBe('an empty file')
    await put('a/1.jpg', '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>')
    expect(await refusal(openImages(root), 'a/1.jpg')).toBe('not an image of a known kind')
    await rm(at('a/1.jpg'))
    await mkdir(at('b'))
    expect(await refusal(openImages(root), 'b')).toBe('a class folder without images')
  })

  it('refuses bad options and stops on a signal', async () => {
    for (let i = 0; i < 8; ++i) await put(`a/${i}.png`, await picture('png'))
    await expect(loadFolder(root, { size: 0 })).rejects.toThrow(OptionError)
    await expect(loadFolder(root, { fit: 'inside' as 'fill' })).rejects.toThrow(
      "fit is 'inside'; expected one of 'cover', 'contain', 'fill'",
    )
    await expect(loadFolder(root, { sise: 3 } as never)).rejects.toThrow('loadFolder: sise is not an option')
    const controller = new AbortController()
    const stopped = loadFolder(root, { signal: controller.signal, onProgress: () => controller.abort(new Error('stop')) })
    await expect(stopped).rejects.toThrow('stop')
  })
})

describe('openImages', () => {
  it('tells the three kinds apart and refuses the rest in one sentence', async () => {
    await mkdir(at('empty'))
    await put('other/readme.md', 'text')
    await put('file.bin', 'text')
    expect(await refusal(openImages(at('empty')), 'empty')).toBe('an empty folder')
    expect(await refusal(openImages(at('other')), 'other')).toBe('a folder with none of these')
    expect(await refusal(openImages(at('file.bin')), 'file.bin')).toBe('a file')
    expect(await refusal(openImages(at('absent')), 'absent')).toBe('missing')
    await put('images/cat/1.png', await picture('png'))
    expect(await detectImages(at('images'))).toBe('folder')
    await put('idx/train-images-idx3-ubyte.gz', '')
    expect(await detectImages(at('idx'))).toBe('idx')
    await put('cifar/test_batch.bin', '')
    expect(await detectImages(at('cifar'))).toBe('cifar')
  })

  it('takes a size that the data have and refuses another', async () => {
    await putCifar10()
    expect((await openImages(root, { recordsPerFile: records, size: 32 })).shape[0]).toBe(60)
    await expect(openImages(root, { recordsPerFile: records, size: 64 })).rejects.toThrow('size is 64 x 64; expected 32 x 32')
    await expect(openImages(root, { resize: 3 } as never)).rejects.toThrow('openImages: resize is not an option')
    await expect(openImages(root, { labels: 'none' })).rejects.toThrow("labels is 'none'; expected one of 'fine', 'coarse'")
  })
})

describe('channelStatistics', () => {
  it('is the mean and the deviation of each channel, as computed from the numbers themselves', () => {
    const images = Uint8Array.from({ length: 5 * 3 * 4 }, (_, i) => (i * 97 + (i % 7) * 31) % 256)
    images.forEach((_, i) => {
      if (Math.floor(i / 4) % 3 === 1) images[i] = 51
    })
    const { mean, std } = channelStatistics({ images, shape: [5, 3, 2, 2] })
    for (const c of [0, 2]) {
      const values = Array.from(images)
        .filter((_, i) => Math.floor(i / 4) % 3 === c)
        .map((level) => level / 255)
      const m = values.reduce((a, b) => a + b) / 20
      expect(mean[c]).toBeCloseTo(m, 12)
      expect(std[c]).toBeCloseTo(Math.sqrt(values.reduce((a, b) => a + (b - m) ** 2, 0) / 20), 12)
    }
    // One value: nothing to divide by.
    expect([mean[1], std[1]]).toEqual([0.2, 1])
  })
})

describe('splitTrainValidation', () => {
  it('parts every set exactly, evenly over the classes, the same for a seed', () => {
    const labels = fc.array(fc.nat(6), { maxLength: 200 })
    fc.assert(
      fc.property(labels, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (classes, fraction, seed) => {
        const split = splitTrainValidation(classes, fraction, seed)
        expect([...split.train, ...split.validation].sort((a, b) => a - b)).toEqual(classes.map((_, i) => i))
        expect(split.validation.length).toBe(Math.round(fraction * classes.length))
        for (let label = 0; label <= 6; ++label) {
          const share = fraction * classes.filter((c) => c === label).length
          const taken = split.validation.filter((i) => classes[i] === label).length
          expect(Math.abs(taken - share)).toBeLessThan(1)
        }
        expect(splitTrainValidation(classes, fraction, seed)).toEqual(split)
      }),
    )
  })

  it('draws: another seed gives another split, and every image has its chance', () => {
    const chosen = new Float64Array(100)
    for (let seed = 0; seed < 200; ++seed)
      for (const i of splitTrainValidation(100, 0.2, seed).validation) chosen[i] = (chosen[i] as number) + 1
    // Binomial(200, 0.2): mean 40, deviation 5.7; 5 deviations leave one failure in 30,000 runs of 100 images, and the seeds are fixed.
    for (const times of chosen) expect(Math.abs(times - 40)).toBeLessThan(28)
  })

  it('refuses fractions and counts out of range', () => {
    expect(() => splitTrainValidation(10, 1.5, 0)).toThrow('splitTrainValidation: fraction is 1.5; expected a number from 0 to 1')
    expect(() => splitTrainValidation(-1, 0.5, 0)).toThrow(OptionError)
    expect(() => splitTrainValidation(10, 0.5, -1)).toThrow(OptionError)
  })
})

const cifar = process.env.STRIATE_DATA ? join(process.env.STRIATE_DATA, 'cifar-10-batches-bin') : ''
describe.skipIf(cifar === '')(`the real CIFAR-10${cifar === '' ? ' (skipped: STRIATE_DATA is not set)' : ''}`, () => {
  const channelMeans = ({ images, shape }: ImageSet) =>
    [0, 1, 2].map((c) => {
      let sum = 0
      for (let plane = c; plane < 3 * shape[0]; plane += 3)
        for (let i = plane * 1024; i < (plane + 1) * 1024; ++i) sum += images[i] as number
      return sum / (shape[0] * 1024 * 255)
    })

  it('has its published counts and channel means', { timeout: 60_000 }, async () => {
    const train = await openImages(cifar)
    expect(train.shape).toEqual([50_000, 3, 32, 32])
    for (let label = 0; label < 10; ++label) expect(train.labels?.filter((l) => l === label).length).toBe(5000)
    const means = channelMeans(train)
    for (const [c, mean] of [0.4914, 0.4822, 0.4465].entries()) expect(means[c]).toBeCloseTo(mean, 4)
    const test = await openImages(cifar, { split: 'test' })
    expect(test.shape).toEqual([10_000, 3, 32, 32])
    expect(test.classes).toEqual(['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'])
  })
})
