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
    expect(await refusal(open({ responses: 'r.csv', groups: 'g.csv' }), 'g.csv')).toBe('of shape [2]')
    await put('sites.csv', 'region,x\nV4,1\n')
    expect(await refusal(open({ responses: 'r.csv', sites: 'sites.csv' }), 'sites.csv')).toBe('of 1 rows')
    expect(await refusal(open({ images: 'nowhere', responses: 'r.csv' }), 'nowhere')).toBe('missing')
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
      'openTrialTable: resize, fit is lanczos, fill; expected bilinear, for images of the Natural Scenes Dataset',
    )
    await expect(open(files, { size: [2, 4], fit: 'cover' })).rejects.toThrow('expected bilinear, and fill, for images')
  })
})
