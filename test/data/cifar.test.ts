import { appendFile, mkdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type InMemoryImages, loadCifar, openImages, selectImages } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'
import { at, cifarBytes, classesIn, labelsIn, pixelsOf, put, putCifar10, records, refusal } from './scratch.js'

describe('loadCifar', () => {
  const small = { recordsPerFile: records }

  it('loads every record of every batch in order', async () => {
    await putCifar10()
    const set = await loadCifar(at(), small)
    expect(set.shape).toEqual([60, 3, 32, 32])
    expect(set.name).toBe('cifar-10/train')
    expect(classesIn(set)[3]).toBe('cat')
    for (const image of [0, 11, 12, 59]) {
      const [file, record] = [Math.floor(image / records) + 1, image % records]
      expect(labelsIn(set)?.[image]).toBe((record + file) % 10)
      const bytes = cifarBytes(file).subarray(record * 3073 + 1, (record + 1) * 3073)
      expect(pixelsOf(set).subarray(image * 3072, (image + 1) * 3072)).toEqual(bytes)
    }
    expect((await loadCifar(at(), { ...small, split: 'test' })).shape[0]).toBe(12)
  })

  it('takes the first images for a limit, reports progress, and its identity follows the content', async () => {
    await putCifar10()
    let last = 0
    const set = await loadCifar(at(), { ...small, limit: 30, onProgress: ({ done }) => (last = done) })
    const all = await loadCifar(at(), small)
    expect(last).toBe(30)
    expect(pixelsOf(set)).toEqual(pixelsOf(all).slice(0, 30 * 3072))
    expect(set.sha256).not.toBe(all.sha256)
    expect(
      (
        await selectImages(
          all,
          Array.from({ length: 30 }, (_, i) => i),
        )
      ).sha256,
    ).toBe(set.sha256)
    expect((await loadCifar(at(), small)).sha256).toBe(all.sha256)
    expect((await loadCifar(at(), { ...small, limit: 999 })).shape[0]).toBe(60)
  })

  it('loads CIFAR-100 by fine and coarse labels', async () => {
    for (const split of ['train', 'test']) await put(`${split}.bin`, cifarBytes(1, 2))
    await put('fine_label_names.txt', Array.from({ length: 100 }, (_, i) => `fine${i}`).join('\n'))
    await put('coarse_label_names.txt', Array.from({ length: 20 }, (_, i) => `coarse${i}`).join('\n'))
    const fine = await loadCifar(at(), small)
    const coarse = await openImages(at(), { ...small, labels: 'coarse' })
    expect([fine.name, classesIn(fine).length, coarse.name, classesIn(coarse).length]).toEqual([
      'cifar-100/train',
      100,
      'cifar-100-coarse/train',
      20,
    ])
    expect(pixelsOf(fine)).toEqual(pixelsOf(coarse))
  })

  it('refuses truncated and oversized batches, by name and before reading', async () => {
    await putCifar10()
    await truncate(at('data_batch_3.bin'), records * 3073 - 1)
    expect(await refusal(loadCifar(at(), small), 'data_batch_3.bin')).toBe('36875 bytes long (not a whole number of records)')
    await truncate(at('data_batch_3.bin'), (records - 1) * 3073)
    expect(await refusal(loadCifar(at(), small), 'data_batch_3.bin')).toBe('33803 bytes long (11 records)')
    await put('data_batch_3.bin', cifarBytes(3))
    await appendFile(at('data_batch_3.bin'), 'x')
    expect(await refusal(loadCifar(at(), small), 'data_batch_3.bin')).toBe('36877 bytes long (not a whole number of records)')
    expect(await refusal(loadCifar(at()), 'data_batch_1.bin')).toBe('36876 bytes long (12 records)')
    await put('data_batch_3.bin', '')
    expect(await refusal(loadCifar(at(), { ...small, limit: 1 }), 'data_batch_3.bin')).toContain('0 bytes long')
  })

  it('refuses labels out of range, missing files, bad names of classes and empty folders', async () => {
    await putCifar10()
    const bytes = cifarBytes(2)
    bytes[5 * 3073] = 10
    await put('data_batch_2.bin', bytes)
    expect(await refusal(loadCifar(at(), small), 'data_batch_2.bin')).toBe('holding label 10 in record 5')
    await rm(at('data_batch_4.bin'))
    expect(await refusal(loadCifar(at(), small), 'data_batch_4.bin')).toBe('missing')
    await put('batches.meta.txt', 'cat\ndog\n')
    expect(await refusal(loadCifar(at(), { ...small, split: 'test' }), 'batches.meta.txt')).toBe('a list of 2 names')
    await put('batches.meta.txt', 'cat\n'.repeat(10))
    expect(await refusal(loadCifar(at(), { ...small, split: 'test' }), 'batches.meta.txt')).toBe(
      "a file with the class 'cat' twice",
    )
    await rm(at('batches.meta.txt'))
    expect(classesIn(await loadCifar(at(), { ...small, split: 'test' }))).toEqual([...'0123456789'])
    await mkdir(at('empty'))
    expect(await refusal(loadCifar(at('empty')), 'empty')).toBe('an empty folder')
    expect(await refusal(loadCifar(at('absent')), 'absent')).toBe('missing')
  })

  it('refuses options that are unknown or out of range, and stops on a signal', async () => {
    await putCifar10()
    await expect(loadCifar(at(), { shuffle: true } as never)).rejects.toThrow('loadCifar: shuffle is no option of it')
    await expect(loadCifar(at(), { ...small, limit: 0 })).rejects.toThrow('limit is 0; expected a whole number of at least 1')
    await expect(loadCifar(at(), { ...small, split: 'valid' as 'test' })).rejects.toThrow(OptionError)
    const controller = new AbortController()
    const stopped = loadCifar(at(), {
      ...small,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('stop')),
    })
    await expect(stopped).rejects.toThrow('stop')
  })
})

const cifar = process.env.STRIATE_DATA ? join(process.env.STRIATE_DATA, 'cifar-10-batches-bin') : ''
describe.skipIf(cifar === '')(`the real CIFAR-10${cifar === '' ? ' (skipped: STRIATE_DATA is not set)' : ''}`, () => {
  const channelMeans = ({ pixels, shape }: InMemoryImages) =>
    [0, 1, 2].map((c) => {
      let sum = 0
      for (let plane = c; plane < 3 * shape[0]; plane += 3)
        for (let i = plane * 1024; i < (plane + 1) * 1024; ++i) sum += pixels[i] as number
      return sum / (shape[0] * 1024 * 255)
    })

  it('has its published counts and channel means', { timeout: 60_000 }, async () => {
    const train = await loadCifar(cifar)
    expect(train.shape).toEqual([50_000, 3, 32, 32])
    for (let label = 0; label < 10; ++label) expect(labelsIn(train)?.filter((l) => l === label).length).toBe(5000)
    const means = channelMeans(train)
    for (const [c, mean] of [0.4914, 0.4822, 0.4465].entries()) expect(means[c]).toBeCloseTo(mean, 4)
    const test = await openImages(cifar, { split: 'test' })
    expect(test.shape).toEqual([10_000, 3, 32, 32])
    expect(classesIn(test)).toEqual(['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'])
  })
})
