// Folders as people and archives have them: nothing in them is left out without a word.
import { execFileSync } from 'node:child_process'
import { rename, rm, symlink } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type Images, loadFolder, openImages } from '../../lib/data/index.js'
import { at, classesIn, labelsIn, noise, picture, pixelsOf, put, refusal } from './scratch.js'

const skippedIn = ({ skipped = [] }: Images) => skipped.map(({ name, reason }) => `${name}: ${reason}`)
async function pictures(...names: string[]): Promise<void> {
  for (const [i, name] of names.entries()) await put(name, await noise('png', i))
}

describe('class folders', () => {
  it('take the images of folders inside them', async () => {
    await pictures('cat/1.png', 'cat/extra/2.png', 'dog/3.png', 'dog/a/b/4.png', 'dog/a/b/5.png')
    const set = await openImages(at())
    expect([classesIn(set), [...(labelsIn(set) ?? [])]]).toEqual([
      ['cat', 'dog'],
      [0, 0, 1, 1, 1],
    ])
    await rm(at('cat/1.png'))
    await rm(at('dog/3.png'))
    expect((await openImages(at())).shape[0]).toBe(3)
    await pictures('dog/train/x/1.png', 'dog/test/x/1.png')
    expect(await refusal(openImages(at()), 'dog')).toBe('a class folder with train and test folders in it')
    await rm(at('dog'), { recursive: true })
    await symlink(at(), at('cat', 'again'))
    expect(await refusal(openImages(at()), `cat${'/again/cat'.repeat(16)}/again`)).toBe('32 folders deep')
  })

  it('load images of every extension, and say which files are none', async () => {
    const names = ['jpg', 'jpeg', 'jpe', 'jfif'].map((extension) => `a/${extension}.${extension}`)
    for (const name of names) await put(name, await picture('jpeg'))
    await pictures('b/1.PNG')
    for (const name of ['a/notes.txt', 'b/photo.heic', 'README', 'a/.DS_Store', '__MACOSX/a/._1.png']) await put(name, 'text')
    const set = await openImages(at(), { size: 4 })
    expect([set.shape[0], classesIn(set)]).toEqual([5, ['a', 'b']])
    expect(skippedIn(set)).toEqual([
      'a/notes.txt: no image by its name (.txt)',
      'b/photo.heic: no image by its name (.heic)',
      'README: no image by its name (no extension)',
    ])
  })

  it('read files whose names are not UTF-8', async () => {
    await pictures('a/1.png', 'b/1.png', 'caf/1.png')
    const latin = (...parts: string[]) => Buffer.from(at(...parts), 'latin1')
    await rename(at('a/1.png'), latin('a', 'caf\xe9.png'))
    await rename(at('caf'), latin('caf\xe9'))
    const set = await openImages(at())
    expect([set.shape[0], classesIn(set)]).toEqual([3, ['a', 'b', 'café']])
    const source = await openImages(at(), { memoryLimit: 0 })
    expect(await source.rows([0, 1, 2])).toEqual(pixelsOf(set))
    await put('a/2.png', '')
    await rename(at('a/2.png'), latin('a', 'd\xe9.png'))
    expect(await refusal(loadFolder(at()), 'a/dé.png')).toBe('an empty file')
  })

  it('refuse a pipe, a device and a link to nothing at once, or pass them over', async () => {
    await pictures('a/1.png', 'b/1.png')
    execFileSync('mkfifo', [at('a/2.png')])
    expect(await refusal(openImages(at()), 'a/2.png')).toBe('no regular file, or a link to nothing')
    expect(skippedIn(await openImages(at(), { skipBad: true }))).toEqual(['a/2.png: no regular file, or a link to nothing'])
    await rm(at('a/2.png'))
    for (const target of ['/dev/zero', at('nothing')]) {
      await symlink(target, at('b/2.png'))
      expect(await refusal(openImages(at(), { memoryLimit: 0 }), 'b/2.png')).toBe('no regular file, or a link to nothing')
      await rm(at('b/2.png'))
    }
    execFileSync('mkfifo', [at('pipe')])
    expect(await refusal(openImages(at('pipe')), 'pipe')).toBe('neither a folder nor a regular file')
    execFileSync('mkfifo', [at('pipe.tar')])
    expect(await refusal(openImages(at('pipe.tar')), 'pipe.tar')).toBe('neither a folder nor a regular file')
  })
})

describe('splits', () => {
  const layouts: [train: string, test: string][] = [
    ['train', 'valid'],
    ['Training', 'Testing'],
    ['training_set', 'test_set'],
    ['seg_train/seg_train', 'seg_test/seg_test'],
    ['Train', 'Validation'],
    ['archive/data/train', 'archive/data/val'],
  ]
  for (const [train, test] of layouts)
    it(`${train} beside ${test}`, async () => {
      await pictures(`${train}/a/1.png`, `${train}/a/2.png`, `${train}/b/1.png`, `${test}/a/1.png`, `${test}/b/1.png`)
      const [first, second] = [await openImages(at()), await openImages(at(), { split: 'test' })]
      expect([classesIn(first), classesIn(second)]).toEqual([
        ['a', 'b'],
        ['a', 'b'],
      ])
      expect([first.shape[0], second.shape[0]]).toEqual([3, 2])
    })

  it('pass through a folder around the classes, and name folders beside the splits', async () => {
    await pictures('set/a/1.png', 'set/b/1.png')
    expect(classesIn(await openImages(at()))).toEqual(['a', 'b'])
    await rm(at('set'), { recursive: true })
    await pictures('train/a/1.png', 'train/b/1.png', 'test/a/1.png', 'test/b/1.png', 'pred/1.png')
    expect(skippedIn(await openImages(at()))).toEqual(['pred/: a folder beside the splits'])
  })

  it('take the validation images of tiny-imagenet as the test split, with the labels of their table', async () => {
    await pictures('train/n1/images/n1_0.JPEG', 'train/n2/images/n2_0.JPEG', 'train/n2/images/n2_1.JPEG')
    await pictures('val/images/val_0.JPEG', 'val/images/val_1.JPEG', 'val/images/val_2.JPEG', 'test/images/test_0.JPEG')
    await put(
      'val/val_annotations.txt',
      'val_0.JPEG\tn2\t0\t32\t44\t62\nval_1.JPEG\tn1\t52\t55\t57\t59\nval_2.JPEG\tn2\t4\t0\t60\t55\n',
    )
    await put('wnids.txt', 'n2\nn1\n')
    const [train, test] = [await openImages(at()), await openImages(at(), { split: 'test' })]
    expect([classesIn(train), [...(labelsIn(train) ?? [])]]).toEqual([
      ['n1', 'n2'],
      [0, 1, 1],
    ])
    expect([classesIn(test), [...(labelsIn(test) ?? [])], test.name.split('/').at(-1)]).toEqual([['n1', 'n2'], [1, 0, 1], 'val'])
  })

  it('hold a share of every class out, the same whatever the limit', async () => {
    await pictures(
      ...Array.from({ length: 10 }, (_, i) => `a/${i}.png`),
      ...Array.from({ length: 20 }, (_, i) => `b/${i + 10}.png`),
    )
    const options = { testShare: 0.2 }
    const [train, test, few] = [
      await openImages(at(), options),
      await openImages(at(), { ...options, split: 'test' }),
      await openImages(at(), { ...options, split: 'test', limit: 2 }),
    ]
    const count = (set: Images, label: number) => (labelsIn(set) ?? []).filter((own) => own === label).length
    expect([count(train, 0), count(train, 1), count(test, 0), count(test, 1)]).toEqual([8, 16, 2, 4])
    const rowsOf = (set: Images) =>
      Array.from({ length: set.shape[0] }, (_, i) =>
        pixelsOf(set)
          .slice(144 * i, 144 * (i + 1))
          .join(),
      )
    const all = [...rowsOf(train), ...rowsOf(test)]
    expect(new Set(all).size).toBe(30)
    expect(rowsOf(few).every((row) => rowsOf(test).includes(row))).toBe(true)
    expect([...(labelsIn(few) ?? [])]).toEqual([0, 1])
    await pictures('train/a/1.png', 'test/a/1.png')
    await expect(openImages(at(), options)).rejects.toThrow('testShare is 0.2; expected none')
  })
})

describe('images that cannot be decoded', () => {
  it('are left out by name with skipBad', async () => {
    await pictures('a/1.png', 'a/3.png', 'b/1.png', 'b/2.png')
    await put('a/2.png', (await noise('png', 1)).subarray(0, 100))
    await put('b/0.png', 'not an image')
    expect(await refusal(openImages(at()), 'a/2.png')).toContain('a corrupt PNG file')
    for (const memoryLimit of [0, 1e6]) {
      const set = await openImages(at(), { skipBad: true, memoryLimit })
      expect([...(labelsIn(set) ?? [])]).toEqual([0, 0, 1, 1])
      expect(skippedIn(set).map((text) => text.replace(/ \(.*/, ''))).toEqual([
        'a/2.png: a corrupt PNG file',
        'b/0.png: not an image of a known kind',
      ])
      expect((await set.rows([0, 1, 2, 3])).length).toBe(4 * 144)
    }
    for (const name of ['a/1.png', 'a/3.png', 'b/1.png', 'b/2.png']) await rm(at(name))
    expect(await refusal(openImages(at(), { skipBad: true }), 'a/2.png')).toContain('a corrupt PNG file')
  })
})

describe('unlabelled folders', () => {
  it('are opened as such when all images lie in the folder itself', async () => {
    await pictures('1.png', '2.png', '3.png')
    const set = await openImages(at())
    expect([set.shape, labelsIn(set)]).toEqual([[3, 3, 6, 8], null])
    await pictures('more/4.png')
    expect(await refusal(openImages(at()), '1.png')).toBe('an image outside the class folders')
    expect((await openImages(at(), { labels: 'none' })).shape[0]).toBe(4)
  })

  it('are cut into tiles where sizes differ, so that every pixel is in one and none is changed', async () => {
    const sizes: [number, number][] = [
      [10, 7],
      [5, 5],
      [23, 6],
    ]
    for (const [i, [width, height]] of sizes.entries()) await put(`${i}.png`, await noise('png', i, width, height))
    const whole = await Promise.all(
      sizes.map(async ([width, height], i) => {
        const one = await openImages(at(`${i}.png`, '..'), { labels: 'none', size: [height, width], fit: 'fill' })
        return pixelsOf(one).subarray(3 * width * height * i, 3 * width * height * (i + 1))
      }),
    )
    for (const memoryLimit of [0, 1e6]) {
      const set = await openImages(at(), { memoryLimit })
      // Of 5 x 5: 2 x 2, 1 and 5 x 2 tiles.
      expect(set.shape).toEqual([15, 3, 5, 5])
      const rows = await set.rows(Array.from({ length: 15 }, (_, i) => i))
      const starts = [
        [0, 0, 0],
        [0, 0, 5],
        [0, 2, 0],
        [0, 2, 5],
        [1, 0, 0],
        [2, 0, 0],
        [2, 0, 5],
        [2, 0, 10],
        [2, 0, 15],
        [2, 0, 18],
        [2, 1, 0],
        [2, 1, 5],
        [2, 1, 10],
        [2, 1, 15],
        [2, 1, 18],
      ] as const
      for (const [row, [image, top, left]] of starts.entries()) {
        const [width, height] = sizes[image] as [number, number]
        const wanted = Array.from({ length: 75 }, (_, i) => {
          const [c, y, x] = [Math.floor(i / 25), Math.floor(i / 5) % 5, i % 5]
          return whole[image]?.[(c * height + top + y) * width + left + x]
        })
        expect([...rows.subarray(75 * row, 75 * (row + 1))], `tile ${row}`).toEqual(wanted)
      }
      const tile = (row: number) => [...rows.subarray(75 * row, 75 * (row + 1))]
      expect([...(await set.rows([14, 0, 14]))]).toEqual([...tile(14), ...tile(0), ...tile(14)])
    }
    expect((await openImages(at(), { fit: 'tile', size: 4 })).shape).toEqual([6 + 4 + 12, 3, 4, 4])
    expect(await refusal(openImages(at(), { fit: 'tile', size: 6 }), '1.png')).toBe('5 x 5 pixels')
    expect((await openImages(at(), { size: 6 })).shape).toEqual([3, 3, 6, 6])
  })

  it('keep the labels of what is cut', async () => {
    await put('a/1.png', await noise('png', 1, 8, 8))
    await put('b/1.png', await noise('png', 2, 4, 8))
    expect([...(labelsIn(await openImages(at(), { fit: 'tile', size: 4 })) ?? [])]).toEqual([0, 0, 0, 0, 1, 1])
    expect(await refusal(openImages(at()), 'b/1.png')).toBe('4 x 8 pixels')
  })
})

describe('grey', () => {
  it('is one channel of luma, and grey as it was', async () => {
    await put('a/1.png', await picture('png', 2, 1, { r: 200, g: 100, b: 50 }))
    await put('a/2.png', await picture('png', 2, 1, { r: 77, g: 77, b: 77 }))
    const set = await openImages(at(), { grey: true })
    expect([set.shape, [...pixelsOf(set)]]).toEqual([
      [2, 1, 1, 2],
      [124, 124, 77, 77],
    ])
  })
})
