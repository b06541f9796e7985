// Labels from a table beside the images.
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { openImages } from '../../lib/data/index.js'
import { at, classesIn, labelsIn, noise, put, refusal } from './scratch.js'

async function pictures(...names: string[]): Promise<void> {
  for (const [i, name] of names.entries()) await put(name, await noise('png', i))
}
const open = (table: string, more = {}) => openImages(at('images'), { labelFile: at(table), ...more })

describe('labelFile', () => {
  it('names images by file, path or id, with quotes, marks and any of the separators', async () => {
    await pictures('images/a.png', 'images/b, c.png', 'images/deep/d.png')
    for (const text of [
      'image,label\na.png,cat\n"b, c.png","big, ""old"" dog"\ndeep/d.png,cat\n',
      '\ufeffid;label\r\na;cat\r\n"b, c";"big, ""old"" dog"\r\nd;cat\r\n',
      'label\tfile\ncat\timages/a.png\n"big, ""old"" dog"\timages/b, c.png\ncat\t./images/deep/d.png',
    ]) {
      await put('labels.csv', text)
      const set = await open('labels.csv')
      expect([classesIn(set), [...(labelsIn(set) ?? [])]], text).toEqual([
        ['big, "old" dog', 'cat'],
        [1, 0, 1],
      ])
    }
  })

  it('makes further columns targets, numbers as numbers', async () => {
    await pictures('images/1.png', 'images/2.png')
    await put('labels.csv', 'filename,class,age,eye colour,note\n2.png,3,7.5,blue,\n1.png,0,6,green,x\n')
    const { targets } = await open('labels.csv')
    expect(Object.keys(targets)).toEqual(['class', 'age', 'eye colour'])
    expect(targets.class).toMatchObject({ kind: 'class', classes: ['0', '1', '2', '3'], values: Int32Array.of(0, 3) })
    expect(targets.age).toMatchObject({ kind: 'number', values: Float32Array.of(6, 7.5) })
    expect(targets['eye colour']).toMatchObject({ kind: 'class', classes: ['blue', 'green'], values: Int32Array.of(1, 0) })
  })

  it('leaves out columns without names and numbers of which some are missing, and says which', async () => {
    await pictures('images/1.png', 'images/2.png', 'images/3.png')
    const rows = ['0,1.png,cat,4,nan,NA,1,', '1,2.png,dog,5,3,4,-inf,', '2,3.png,NA,6,2,,2,']
    await put('labels.csv', `,image,label,age,size,weight,rate,Unnamed: 7\n${rows.join('\n')}\n`)
    const { targets, skipped } = await open('labels.csv')
    expect(Object.keys(targets)).toEqual(['class', 'age'])
    expect(targets.class).toMatchObject({ classes: ['NA', 'cat', 'dog'] })
    const reason = 'a column of numbers, some of which are missing or not finite'
    expect(skipped).toEqual(['size', 'weight', 'rate'].map((name) => ({ name: `labels.csv: ${name}`, reason })))
    // An index beside an image and one other column leaves that one the class.
    await put('labels.csv', ',image,breed\n0,1.png,a\n1,2.png,b\n2,3.png,a\n')
    expect(Object.keys((await open('labels.csv')).targets)).toEqual(['class'])
    await put('labels.csv', 'image,label\n1.png,1\n2.png,nan\n3.png,0\n')
    expect(await refusal(open('labels.csv'), 'labels.csv (line 3)')).toBe('without a label')
  })

  it('serves both splits: rows of the other are said', async () => {
    await pictures('images/train/1.png', 'images/train/2.png', 'images/test/3.png')
    await put('labels.csv', 'image,label\ntrain/1.png,a\ntrain/2.png,b\ntest/3.png,b\n')
    const [train, test] = [await open('labels.csv'), await open('labels.csv', { split: 'test' })]
    expect([classesIn(train), classesIn(test)]).toEqual([['a', 'b'], ['b']])
    expect(train.skipped).toEqual([{ name: 'test/3.png', reason: 'a row without an image' }])
  })

  it('refuses what is no table of these images, by line', async () => {
    await pictures('images/x/1.png', 'images/y/1.png', 'images/y/2.png')
    const sentences: [string, string, string][] = [
      ['image,label\n1.png,a\n', 'labels.csv (line 2)', "of '1.png', the name of several images"],
      ['image,label\nx/1.png,a\ny/1.png,b\nx/1.png,b\n', 'labels.csv (line 4)', "of 'x/1.png', which another row has too"],
      ['image,label\nx/1.png,a\ny/1.png,b\ny/2.png,\n', 'labels.csv (line 4)', 'without a label'],
      ['image,label\nx/1.png,-1\ny/1.png,0\ny/2.png,1\n', 'labels.csv (line 2)', 'labelled -1'],
      ['image,label\n', 'labels.csv', 'a table without rows'],
      ['image,label,age,age\nx/1.png,a,1,2\n', 'labels.csv', "a table of the column 'age' twice"],
      [
        'image,category,class\nx/1.png,a,b\n',
        'labels.csv',
        "a table of the columns 'category' and 'class', which are both class",
      ],
      ['image\nx/1.png\n', 'labels.csv', 'a table of one column'],
    ]
    for (const [text, where, actual] of sentences) {
      await put('labels.csv', text)
      expect(await refusal(open('labels.csv'), where), text).toBe(actual)
    }
    await put('labels.csv', 'image,label\n"x/1.png,a\n')
    expect(await refusal(open('labels.csv'), 'labels.csv')).toContain('not a table (')
    expect(await refusal(open('none.csv'), 'none.csv')).toBe('missing')
    execFileSync('mkfifo', [at('pipe.csv')])
    expect(await refusal(open('pipe.csv'), 'pipe.csv')).toBe('not a regular file')
    await put('labels.csv', 'image,label\nx/1.png,a\ny/2.png,b\n')
    expect(await refusal(open('labels.csv'), 'images/y/1.png')).toBe('without a row in the table of labels')
    await expect(open('labels.csv')).rejects.toThrow('(or skipBad, --skip-bad)')
    const some = await open('labels.csv', { skipBad: true })
    expect([some.shape[0], some.skipped]).toEqual([2, [{ name: 'y/1.png', reason: 'without a row in the table of labels' }]])
  })
})
