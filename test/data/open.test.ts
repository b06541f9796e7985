import { mkdir } from 'node:fs/promises'
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

  it('takes a size that the data have and refuses another', async () => {
    await putCifar10()
    expect((await openImages(at(), { recordsPerFile: records, size: 32 })).shape[0]).toBe(60)
    await expect(openImages(at(), { recordsPerFile: records, size: 64 })).rejects.toThrow('size is 64 x 64; expected 32 x 32')
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
