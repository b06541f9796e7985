import { mkdir } from 'node:fs/promises'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { detectImages, openImages } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'
import { at, picture, put, putCifar10, records, refusal } from './scratch.js'

describe('openImages', () => {
  it('tells the kinds apart and refuses the rest in one sentence', async () => {
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
    for (const [file, kind] of [
      ['a.tar', 'shards'],
      ['a.tgz', 'shards'],
      ['train-0.parquet', 'parquet'],
    ] as const) {
      await put(`${kind}-${file}/${file}`, '')
      for (const path of [at(`${kind}-${file}`), at(`${kind}-${file}`, file)]) expect(await detectImages(path)).toBe(kind)
      await put(`split-${file}/train/${file}`, '')
      expect(await detectImages(at(`split-${file}`))).toBe(kind)
    }
    // A class folder beside an archive of it is a class folder.
    await put('images/cat.tar', '')
    expect(await detectImages(at('images'))).toBe('folder')
    expect(await detectImages(at('absent-{00..07}.tar'))).toBe('shards')
  })

  it('brings images that are stored as pixels to a size, as it does encoded ones', async () => {
    await putCifar10()
    const plain = await openImages(at(), { recordsPerFile: records, size: 32 })
    expect([plain.shape[0], plain.pixels === null]).toEqual([60, false])
    // The same picture as a file.
    const [red, green, blue] = [0, 1, 2].map((channel) =>
      (plain.pixels as Uint8Array).subarray(1024 * channel, 1024 * (channel + 1)),
    )
    const pixels = Uint8Array.from({ length: 3072 }, (_, i) => [red, green, blue][i % 3]?.[Math.floor(i / 3)] as number)
    const png = await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toBuffer()
    await put('as-files/class/0.png', png)
    for (const resize of ['lanczos', 'bilinear'] as const)
      for (const fit of ['cover', 'contain', 'fill'] as const) {
        const shaping = { size: [48, 64], fit, resize, background: '#204060' } as const
        const sized = await openImages(at(), { recordsPerFile: records, ...shaping })
        expect([sized.shape, sized.targets.class]).toEqual([[60, 3, 48, 64], plain.targets.class])
        expect(sized.shaping).toBe(`${resize}, to 48 x 64 by ${fit}`)
        expect(sized.sha256).not.toBe(plain.sha256)
        const encoded = await openImages(at('as-files'), shaping)
        expect(await sized.rows([0]), `${resize} ${fit}`).toEqual(await encoded.rows([0]))
      }
    await expect(openImages(at(), { recordsPerFile: records, size: 64, fit: 'tile' })).rejects.toThrow(
      /fit is 'tile'; expected cover, contain or fill: the images of .* are stored as pixels, which are not cut into tiles/,
    )
    await expect(openImages(at(), { recordsPerFile: records, grey: true })).rejects.toThrow(/stored as pixels, which keep their/)
    await expect(openImages(at(), { rezise: 3 } as never)).rejects.toThrow('openImages: rezise is no option of it')
    await expect(openImages(at(), { labels: 'none' })).rejects.toThrow("labels is 'none'; expected 'fine' or 'coarse'")
  })

  it('takes the options of every kind, and refuses those that the kind found does not have', async () => {
    await put('images/cat/1.png', await picture('png'))
    await putCifar10()
    expect(
      (await openImages(at(), { recordsPerFile: records, memoryLimit: 0, concurrency: 2, fit: 'fill' })).pixels,
    ).not.toBeNull()
    await expect(openImages(at('images'), { recordsPerFile: records })).rejects.toThrow(
      'openImages: recordsPerFile is no option of it',
    )
    await expect(openImages(at('images'), { labels: 'fine' })).rejects.toThrow("labels is 'fine'; expected 'folders' or 'none'")
    await expect(openImages(at('images'), { background: 'nonsense' })).rejects.toThrow('expected a colour as sharp reads it')
    await expect(openImages(at('images'), { size: [4, 0] })).rejects.toThrow(OptionError)
    expect((await openImages(at('images'), { size: [4, 3], split: undefined })).shape).toEqual([1, 3, 4, 3])
  })
})
