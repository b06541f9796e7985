import { describe, expect, it } from 'vitest'
import { encodeNpy, openTrialTable, type TrialTableFiles, type TrialTableOptions } from '../../../lib/index.js'
import { at, noise, pixelsOf, put, refusal } from '../scratch.js'
import { putHdf5 } from './hdf5_bytes.js'

const names = ['a.png', 'b.png', 'c.png']

async function putImages(): Promise<void> {
  for (const [i, name] of names.entries()) await put(`images/${name}`, await noise('png', i))
  await put('images/note.txt', 'no picture')
}

/** Opens a table of files of the scratch folder. */
const open = (files: Partial<TrialTableFiles> & { responses: string }, options?: TrialTableOptions) =>
  openTrialTable(
    Object.fromEntries(
      Object.entries({ images: 'images', ...files }).map(([name, path]) => [name, at(path as string)]),
    ) as unknown as TrialTableFiles,
    options,
  )

const putNpy = (path: string, data: Float64Array | Float32Array | Int32Array, ...shape: number[]) =>
  put(path, encodeNpy({ data, shape }))

describe('openTrialTable', () => {
  it('takes row i for image i', async () => {
    await putImages()
    await putNpy('r.npy', Float32Array.of(1, 2, 3, 4, 5, Number.NaN), 3, 2)
    await putNpy('g.npy', Int32Array.of(4, 4, 9), 3)
    const { images, responses, imageNames, sites } = await open({ responses: 'r.npy', groups: 'g.npy' })
    expect(imageNames).toEqual(names)
    expect(images.shape).toEqual([3, 3, 6, 8])
    expect(responses).toMatchObject({ name: 'r', images: 3, targets: 2, trials: null, groups: Int32Array.of(4, 4, 9) })
    expect(responses.mean).toEqual(Float64Array.of(1, 2, 3, 4, 5, Number.NaN))
    expect(sites).toEqual({})
  })

  it.each([0, 1] as const)(
    'averages trials of images by their numbers from %i, and leaves out images without one',
    async (firstIndex) => {
      await putImages()
      await putNpy('r.npy', Float64Array.of(1, 10, 2, 20, 4, 40, 9, 90), 4, 2)
      await put('s.csv', `image\n${[2, 0, 2, 2].map((number) => number + firstIndex).join('\n')}\n`)
      await put('sites.csv', 'region,depth\nV4,1.5\nIT,2\n')
      const { images, responses, imageNames, sites } = await open(
        { responses: 'r.npy', stimuli: 's.csv', sites: 'sites.csv' },
        { firstIndex },
      )
      expect(imageNames).toEqual(['a.png', 'c.png'])
      expect(responses.mean).toEqual(Float64Array.of(2, 20, 14 / 3, 140 / 3))
      const none = Number.NaN
      expect(responses.trials?.data).toEqual(Float64Array.of(2, none, none, 20, none, none, 1, 4, 9, 10, 40, 90))
      expect(sites.region).toMatchObject({ classes: ['IT', 'V4'], values: Int32Array.of(1, 0) })
      expect(sites.depth).toMatchObject({ kind: 'number', values: Float32Array.of(1.5, 2) })
      await putNpy(
        's.npy',
        Int32Array.of(2, 0, 2, 2).map((number) => number + firstIndex),
        4,
      )
      const same = await open({ responses: 'r.npy', stimuli: 's.npy' }, { firstIndex })
      expect([same.images.sha256, same.responses.sha256]).toEqual([images.sha256, responses.sha256])
    },
  )

  it('takes file names, in folders too, and responses as text with names of targets', async () => {
    await putImages()
    await put('images/deep/d.png', await noise('png', 7))
    await put('s.csv', 'deep/d.png\nb.png\ndeep/d.png\n')
    await put('r.csv', 'left,right\n1,2\n3,\n5,NaN\n')
    const { images, responses, imageNames, sites } = await open({ responses: 'r.csv', stimuli: 's.csv' }, { size: 4 })
    expect(imageNames).toEqual(['deep/d.png', 'b.png'])
    expect(responses.mean).toEqual(Float64Array.of(3, 2, 3, Number.NaN))
    expect(sites.target).toMatchObject({ classes: ['left', 'right'], values: Int32Array.of(0, 1) })
    expect(images.shape).toEqual([2, 3, 4, 4])
    expect(pixelsOf(images).length).toBe(96)
  })

  it('refuses what does not fit', async () => {
    await putImages()
    await putNpy('r.npy', new Float64Array(8), 4, 2)
    await putNpy('turned.npy', new Float64Array(6), 2, 3)
    expect(await refusal(open({ responses: 'r.npy' }), 'r.npy')).toBe('of 4 rows')
    expect(await refusal(open({ responses: 'turned.npy' }), 'turned.npy')).toBe('of 2 rows, one a column')
    await put('s.csv', '0\n1\n')
    expect(await refusal(open({ responses: 'r.npy', stimuli: 's.csv' }), 's.csv')).toBe('of 2 rows')
    await put('s.csv', '0\n1\n2\n3\n')
    expect(await refusal(open({ responses: 'r.npy', stimuli: 's.csv' }), 's.csv')).toBe('one with image 3 in row 4')
    await put('s.csv', '0\n1\n2\n2\n')
    expect(await refusal(open({ responses: 'r.npy', stimuli: 's.csv' }, { firstIndex: 1 }), 's.csv')).toBe(
      'one with image 0 in row 1',
    )
    await put('s.csv', 'a.png\nz.png\na.png\na.png\n')
    expect(await refusal(open({ responses: 'r.npy', stimuli: 's.csv' }), 'images/z.png')).toBe('missing')
    await putNpy('s.npy', Float64Array.of(0, 1, 0.5, 1), 4)
    expect(await refusal(open({ responses: 'r.npy', stimuli: 's.npy' }), 's.npy')).toBe('one with 0.5')
    await put('r.csv', '1,2\n3,many\n5,6\n')
    expect(await refusal(open({ responses: 'r.csv' }), 'r.csv')).toBe("a table with 'many' in row 2")
    await put('r.csv', '1,2\n3\n')
    expect(await refusal(open({ responses: 'r.csv' }), 'r.csv')).toMatch(/^not a table \(/)
    await put('r.csv', 'a,b\n')
    expect(await refusal(open({ responses: 'r.csv' }), 'r.csv')).toBe('without responses')
    await put('r.csv', '1,2\n3,4\n5,6\n')
    await put('g.csv', 'group\n1\n2\n')
    expect(await refusal(open({ responses: 'r.csv', groups: 'g.csv' }), 'g.csv')).toBe("of 2 rows below 'group'")
    await put('sites.csv', 'region,x\nV4,1\n')
    expect(await refusal(open({ responses: 'r.csv', sites: 'sites.csv' }), 'sites.csv')).toBe('of 1 rows')
    expect(await refusal(open({ images: 'nowhere', responses: 'r.csv' }), 'nowhere')).toBe('missing')
  })

  describe('of several columns of a list', () => {
    const shown = ['c.png', 'a.png', 'c.png']
    const putShown = async (header: string, before: readonly string[] = ['9', '8', '7']) => {
      await putImages()
      await putNpy('r.npy', Float64Array.of(1, 2, 5), 3, 1)
      await put('s.csv', `${header}${shown.map((name, i) => `${before[i]},${name}\n`).join('')}`)
      return open({ responses: 'r.npy', stimuli: 's.csv' })
    }

    it.each([
      ...['trial,image', 'trial,Image Name', 'trial,image_id', 'onset,filename', 'block,file', 'run,stimulus', 'run,stimulus_id'],
      ...['trial,image_file_name', 'trial,imageName', ',picture', 'Unnamed: 0,x', ',0'],
    ])('takes the one that is called as images are: %s', async (header) => {
      const { imageNames, responses } = await putShown(`${header}\n`)
      expect(imageNames).toEqual(['c.png', 'a.png'])
      expect(responses.mean).toEqual(Float64Array.of(3, 2))
    })

    it('refuses those of which none or several may be meant, naming them', async () => {
      expect(await refusal(putShown('trial,shown\n'), 's.csv')).toBe(
        'a table of 2 columns (trial, shown), of which none may be the images',
      )
      expect(await refusal(putShown('stimulus_id,filename\n'), 's.csv')).toBe(
        'a table of 2 columns (stimulus_id, filename), of which several (stimulus_id, filename) may be the images',
      )
      expect(await refusal(putShown(''), 's.csv')).toBe('a table of 2 columns (9, c.png), of which none may be the images')
    })

    it('takes groups by their name alone', async () => {
      await putImages()
      await put('r.csv', '1\n2\n3\n')
      await put('g.csv', 'image,group\n7,1\n8,1\n9,2\n')
      const groupsOf = async () => (await open({ responses: 'r.csv', groups: 'g.csv' })).responses.groups
      expect(await groupsOf()).toEqual(Int32Array.of(1, 1, 2))
      await put('g.csv', 'image,group\n7,face\n8,"no face"\n9,face\n')
      expect(await groupsOf()).toEqual(Int32Array.of(0, 1, 0))
      await put('g.csv', 'image,group\n7,face\n8,2\n9,face\n')
      expect(await refusal(groupsOf(), 'g.csv')).toBe("one with 'face' in row 1")
      await put('g.csv', 'image,category\n7,1\n8,1\n9,2\n')
      expect(await refusal(groupsOf(), 'g.csv')).toBe('a table of 2 columns (image, category), of which none may be the groups')
      await put('g.csv', 'image,group\n7,1\n8,\n9,2\n')
      expect(await refusal(groupsOf(), 'g.csv')).toBe("one with '' in row 2")
    })
  })

  it.each([
    ['-3\n-3\n2\n', [-3, -3, 2]],
    ['1e3\n1e3\n2\n', [1000, 1000, 2]],
    ['+3\n3\n2.0\n', [3, 3, 2]],
    ['fold\n-3\n3\n2\n', [-3, 3, 2]],
  ])('takes a first row of a single column of numbers for its name where it is a word: %j', async (text, groups) => {
    await putImages()
    await put('r.csv', '1\n2\n3\n')
    await put('g.csv', text)
    expect((await open({ responses: 'r.csv', groups: 'g.csv' })).responses.groups).toEqual(Int32Array.from(groups))
  })

  it('takes a first row of a single column of words for its name where it is called so', async () => {
    for (const [i, name] of ['one', 'two'].entries()) await put(`images/${name}`, await noise('png', i))
    await put('r.csv', '1\n2\n5\n')
    for (const header of ['', 'image\n', 'Stimulus ID\n']) {
      await put('s.csv', `${header}two\none\ntwo\n`)
      const { imageNames, responses } = await open({ responses: 'r.csv', stimuli: 's.csv' })
      expect(imageNames).toEqual(['two', 'one'])
      expect(responses.mean).toEqual(Float64Array.of(3, 2))
    }
    await put('s.csv', 'seen\ntwo\none\ntwo\n')
    await expect(open({ responses: 'r.csv', stimuli: 's.csv' })).rejects.toThrow(
      /s\.csv is of 4 rows, the first of them 'seen'; expected the 3 rows of the responses; the name of a column stands above it where it is image, /,
    )
    await put('s.csv', 'seen\n1\n0\n')
    expect(await refusal(open({ responses: 'r.csv', stimuli: 's.csv' }), 's.csv')).toBe("of 2 rows below 'seen'")
  })

  const none = Number.NaN
  it.each([
    ['1,NA\n3,4\n5,nan\n', [1, none, 3, 4, 5, none], null],
    [',2\n3,4\n5,\n', [none, 2, 3, 4, 5, none], null],
    ['NaN,-1e2\n3,+4\n5,6\n', [none, -100, 3, 4, 5, 6], null],
    ['NA,NaN\n3,4\n5,6\n', [none, none, 3, 4, 5, 6], null],
    [',0\n0,4\n2,6\n', [none, 0, 0, 4, 2, 6], null],
    ['left,right\n1,NA\n3,4\n5,6\n', [1, none, 3, 4, 5, 6], ['left', 'right']],
    [',left,right\n0,1,2\n1,3,4\n2,5,6\n', [1, 2, 3, 4, 5, 6], ['left', 'right']],
    ['Unnamed: 0,left,right\n0,1,2\n1,3,4\n2,5,6\n', [1, 2, 3, 4, 5, 6], ['left', 'right']],
    [',0,1\n0,1,2\n1,3,4\n2,5,6\n', [1, 2, 3, 4, 5, 6], ['0', '1']],
  ])('tells names of targets and an index from responses: %j', async (text, mean, targets) => {
    await putImages()
    await put('r.csv', text)
    const { responses, sites } = await open({ responses: 'r.csv' })
    expect([...responses.mean]).toEqual(mean)
    expect(responses.targets).toBe(2)
    expect(sites.target?.kind === 'class' ? sites.target.classes : null).toEqual(targets)
  })

  it('refuses a first row that may be names or responses, other columns without a name, and names in an index', async () => {
    await putImages()
    const refused = async (text: string, more: Partial<TrialTableFiles> = {}) => {
      await put('r.csv', text)
      return refusal(open({ responses: 'r.csv', ...more }), 'r.csv')
    }
    const both = "a table whose first row may be names ('x') or responses ('0.5')"
    expect(await refused('0.5,x\n1,2\n3,4\n5,6\n')).toBe(both)
    expect(await refused('inf,2\n3,4\n5,6\n')).toBe("a table with 'inf' in row 1")
    expect(await refused('a,,b\n1,2,3\n1,2,3\n1,2,3\n')).toBe('a table without a name of column 2')
    expect(await refused(',Unnamed: 0,a\n0,0,1\n1,1,2\n2,2,3\n')).toBe('a table without a name of column 2')
    expect(await refused(',a\nc.png,1\na.png,2\nb.png,3\n')).toBe("a table with 'c.png' in its index, the unnamed first column")
    expect(await refused('0,1\n3,4\n5,6\n7,8\n')).toBe('of 4 rows')
    expect(await refused('a,b\n1,2\n3,4\n')).toBe('of 2 rows below the names a, b')
    // With names of its own, each row says whose it is.
    await put('s.csv', 'c.png\na.png\n')
    await put('r.csv', ',a\nc,1\na,2\n')
    expect((await open({ responses: 'r.csv', stimuli: 's.csv' })).imageNames).toEqual(['c.png', 'a.png'])
  })

  it('leaves out columns of sites without a name', async () => {
    await putImages()
    await put('r.csv', '1\n2\n3\n')
    await put('sites.csv', ',region,Unnamed: 2\n0,V4,1\n')
    expect(Object.keys((await open({ responses: 'r.csv', sites: 'sites.csv' })).sites)).toEqual(['region'])
  })

  it('says from which number images are counted, by the names of option and flag', async () => {
    await putImages()
    await put('r.csv', '1\n2\n3\n')
    await put('s.csv', '1\n2\n3\n')
    await expect(open({ responses: 'r.csv', stimuli: 's.csv' })).rejects.toThrow(
      /expected numbers of the images in .*, 0 to 2 \(1 to 3 with firstIndex, --first-index, of 1\)$/,
    )
  })

  it('takes images of the Natural Scenes Dataset by their numbers', async () => {
    const brick = Uint8Array.from({ length: 5 * 12 }, (_, i) => i)
    await putHdf5(at('nsd_stimuli.hdf5'), (file) => {
      file.create_dataset({ name: 'imgBrick', data: brick, shape: [5, 2, 2, 3] })
    })
    await putNpy('r.npy', Float64Array.of(1, 2, 4, 9), 4, 1)
    await put('s.csv', 'nsdId\n4\n1\n4\n4\n')
    const files = { images: 'nsd_stimuli.hdf5', responses: 'r.npy', stimuli: 's.csv' }
    const { images, responses } = await open(files)
    expect(responses).toMatchObject({ images: 2, imageNames: ['1', '4'], mean: Float64Array.of(2, 14 / 3) })
    const rows = await images.rows([0, 1])
    // Interleaved as it is stored, planar as it is read.
    const planar = (id: number) => [0, 1, 2].flatMap((channel) => [0, 1, 2, 3].map((pixel) => id * 12 + 3 * pixel + channel))
    expect([...rows]).toEqual([...planar(1), ...planar(4)])
    expect((await open(files, { firstIndex: 1 })).responses.imageNames).toEqual(['0', '3'])

    await put('names.csv', 'image\n1\nb.png\n1\n1\n')
    expect(await refusal(open({ ...files, stimuli: 'names.csv' }), 'names.csv')).toBe('one with image b.png in row 2')
    await put('many.csv', 'image\n1\n73000\n1\n1\n')
    expect(await refusal(open({ ...files, stimuli: 'many.csv' }), 'many.csv')).toBe('one with image 73000 in row 2')
    expect(await refusal(open({ images: files.images, responses: 'r.npy' }), 'r.npy')).toBe('without stimuli')
    await expect(open(files, { resize: 'lanczos' })).rejects.toThrow(
      'openTrialTable: resize, fit is lanczos, fill; expected bilinear (--resize), for images of the Natural Scenes Dataset',
    )
    await expect(open(files, { size: [2, 4], fit: 'cover' })).rejects.toThrow(
      'expected bilinear (--resize), and fill (--fit), for images',
    )
  })
})
