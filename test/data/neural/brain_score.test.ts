import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { type BrainScoreOptions, OptionError, openBrainScore } from '../../../lib/index.js'
import { at, noise, pixelsOf, put, refusal } from '../scratch.js'
import { zipBytes } from '../zip_bytes.js'
import { netcdf, putHdf5 } from './hdf5_bytes.js'

/** Stimulus of each presentation; the third was shown once. */
const shown = ['im_b', 'im_a', 'im_b', 'im_c', 'im_a']
const regions = ['V4', 'IT', 'V4', 'IT']
const starts = [0, 50, 100]
const [presentations, neuroids, bins] = [shown.length, regions.length, starts.length]
const responseOf = (presentation: number, neuroid: number, bin: number) => 100 * presentation + 10 * neuroid + bin * bin

const boundsOf = { time_bin_start: starts, time_bin_end: starts.map((start) => start + 50) }

interface Written {
  /** The variable's name and its axes. */
  name?: string
  over?: readonly string[]
  isPacked?: boolean
  id?: string
  /** Whether texts lie a character a place, as NC_CHAR. */
  isOfCharacters?: boolean
  change?: (value: number, at: Record<string, number>) => number
  attributes?: Record<string, number>
  /** Of the bounds of bins of time, which are stored. */
  bounds?: readonly ('time_bin_start' | 'time_bin_end')[]
  /** Their order. */
  order?: readonly number[]
}

/** An assembly as Brain-Score packs them: one variable, and the levels of its indices as variables of one axis. */
async function putAssembly({
  name = 'data',
  over = ['presentation', 'neuroid', 'time_bin'],
  isPacked = true,
  id = 'stimulus_id',
  isOfCharacters = false,
  change,
  attributes = {},
  bounds = ['time_bin_start', 'time_bin_end'],
  order = [0, 1, 2],
}: Written = {}) {
  const extents: Record<string, number> = { presentation: presentations, neuroid: neuroids, time_bin: bins }
  const shape = over.map((dimension) => extents[dimension] as number)
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const place: Record<string, number> = { time_bin: 0 }
    let rest = i
    for (let axis = shape.length - 1; axis >= 0; --axis) {
      place[over[axis] as string] = rest % (shape[axis] as number)
      rest = Math.floor(rest / (shape[axis] as number))
    }
    const value = responseOf(place.presentation as number, place.neuroid as number, place.time_bin as number)
    return change ? change(value, place) : value
  })
  const length = 5
  const dimensions = {
    ...Object.fromEntries(over.map((dimension) => [dimension, extents[dimension] as number])),
    ...(isOfCharacters && { [`string${length}`]: length }),
  }
  const texts = (dimension: string, data: readonly string[]) =>
    isOfCharacters
      ? { over: [dimension, `string${length}`], data: data.flatMap((text) => [...text.padEnd(length, '\0')]), dtype: 'S1' }
      : { over: [dimension], data: [...data] }
  await putHdf5(
    at('assy.nc'),
    netcdf(dimensions, {
      [name]: { over, data, isPacked, attributes },
      [id]: texts('presentation', shown),
      repetition: { over: ['presentation'], data: BigInt64Array.of(0n, 0n, 1n, 0n, 1n) },
      neuroid_id: { over: ['neuroid'], data: ['n1', 'n2', 'n3', 'n4'] },
      region: texts('neuroid', regions),
      animal: { over: ['neuroid'], data: ['Tito', 'Tito', 'Chabo', 'Chabo'] },
      ...(over.includes('time_bin') &&
        Object.fromEntries(
          bounds.map((bound) => [
            bound,
            { over: ['time_bin'], data: BigInt64Array.from(order, (bin) => BigInt(boundsOf[bound][bin] as number)) },
          ]),
        )),
    }),
  )
}

const stimuli = ['im_a', 'im_b', 'im_c', 'im_d']
const pictures = async () =>
  Object.fromEntries(await Promise.all(stimuli.map(async (id, i) => [`${id}.png`, await noise('png', i, 8, 6)] as const)))

async function putStimuli(extra = '', values = ['', '', '', '']): Promise<void> {
  const rows = stimuli.map((id, i) => `${id},${id}.png,${i < 2 ? 'bear' : 'car'}${values[i]}`)
  await put('stim.csv', `stimulus_id,filename,object_name${extra}\n${rows.join('\n')}\n`)
  await put('stim.zip', zipBytes(await pictures(), { isDeflated: true }))
}

const files = (images = 'stim.zip') => ({ assembly: at('assy.nc'), stimuli: at('stim.csv'), images: at(images) })
const open = (options: BrainScoreOptions = {}, images?: string) => openBrainScore(files(images), options)

describe('openBrainScore', () => {
  it.each<Written>([
    {},
    { name: 'dicarlo.MajajHong2015.public', over: ['neuroid', 'presentation', 'time_bin'], isPacked: false, id: 'image_id' },
    { over: ['time_bin', 'presentation', 'neuroid'] },
    { isOfCharacters: true, order: [1, 2, 0] },
  ])('averages bins of time and repeats, which it keeps, whatever the order of axes: %o', async (written) => {
    await putAssembly(written)
    await putStimuli()
    const { images, responses, stimulusIds, sites, window } = await open()
    expect(stimulusIds).toEqual(['im_b', 'im_a', 'im_c'])
    expect(window).toEqual([0, 150])
    expect([responses.images, responses.targets]).toEqual([3, 4])
    // Bins add 0, 1 and 4.
    const value = (presentation: number, neuroid: number) => 100 * presentation + 10 * neuroid + 5 / 3
    const order = [[0, 2], [1, 4], [3]]
    const trials = order.flatMap((some) =>
      regions.flatMap((_, n) => [0, 1].map((i) => (some[i] === undefined ? Number.NaN : value(some[i], n)))),
    )
    const rounded = (values: ArrayLike<number>) => Array.from(values, (found) => Math.round(found * 1e9) / 1e9)
    expect(rounded(responses.trials?.data ?? [])).toEqual(rounded(trials))
    expect(responses.trials).toMatchObject({ images: 3, targets: 4, repeats: 2 })
    order.forEach((some, row) => {
      regions.forEach((_, n) => {
        const mean = some.reduce((sum, presentation) => sum + value(presentation, n), 0) / some.length
        expect(responses.mean[row * 4 + n]).toBeCloseTo(mean, 10)
      })
    })
    expect(sites.region).toMatchObject({ classes: ['IT', 'V4'], values: Int32Array.of(1, 0, 1, 0) })
    expect(sites.animal).toMatchObject({ classes: ['Chabo', 'Tito'], values: Int32Array.of(1, 1, 0, 0) })
    expect(sites.neuroid_id).toMatchObject({ classes: ['n1', 'n2', 'n3', 'n4'] })
    expect(images.targets.object_name).toMatchObject({ classes: ['bear', 'car'], values: Int32Array.of(0, 0, 1) })
    const raw = (id: string) => noise('png', stimuli.indexOf(id), 8, 6).then((png) => sharp(png).raw().toBuffer())
    const first = await raw('im_b')
    expect(pixelsOf(images)[0]).toBe(first[0])
    expect(pixelsOf(images)[48]).toBe(first[1])
  })

  it('takes a region and a window, images in a folder, and assemblies without bins of time', async () => {
    await putAssembly()
    await putStimuli()
    for (const [name, bytes] of Object.entries(await pictures())) await put(`folder/${name}`, bytes)
    const zipped = await open({ region: 'IT', from: 50, to: 100 })
    const loose = await open({ region: 'IT', from: 50, to: 100 }, 'folder')
    expect(loose.images.sha256).toBe(zipped.images.sha256)
    expect(zipped.window).toEqual([50, 100])
    expect(zipped.responses.selection).toBe('neuroids of IT, 50 to 100 ms')
    expect(zipped.sites.neuroid_id).toMatchObject({ classes: ['n2', 'n4'] })
    expect([...zipped.responses.mean]).toEqual([111, 131, 261, 281, 311, 331])
    await putAssembly({ over: ['presentation', 'neuroid'] })
    const flat = await open({ region: 'V4' })
    expect(flat.window).toBe(null)
    expect([...flat.responses.mean]).toEqual([100, 120, 250, 270, 300, 320])
    await expect(open({ from: 10 })).rejects.toThrow(
      'from, to is 10 to the end; expected none (--time-from, --time-to): the assembly has no bins of time',
    )
  })

  it('knows a repeat that was not recorded', async () => {
    await putAssembly({
      over: ['presentation', 'neuroid'],
      change: (value, at) => (at.presentation === 2 && at.neuroid === 1 ? Number.NaN : value),
    })
    await putStimuli()
    const { responses } = await open()
    expect(responses.mean.slice(0, 2)).toEqual(Float64Array.of(100, 10))
  })

  it('unpacks responses, of which fill values are none', async () => {
    const isMissing = (at: Record<string, number>) => at.presentation === 2 && at.neuroid === 1
    await putAssembly({
      change: (value, at) => (isMissing(at) ? -9999 : (value - 3) / 0.5),
      attributes: { _FillValue: -9999, scale_factor: 0.5, add_offset: 3 },
    })
    await putStimuli()
    const packed = (await open()).responses
    await putAssembly({ change: (value, at) => (isMissing(at) ? Number.NaN : value) })
    const plain = (await open()).responses
    expect(plain.trials?.data.filter(Number.isNaN).length).toBe(5)
    expect(packed.trials).toEqual(plain.trials)
    expect(packed.mean).toEqual(plain.mean)
  })

  it('averages all bins of an assembly that does not say when they were, and refuses a window of them', async () => {
    await putStimuli()
    await putAssembly()
    const { responses } = await open()
    for (const bounds of [[], ['time_bin_start']] as const) {
      await putAssembly({ bounds })
      const found = await open()
      expect(found.window).toBe(null)
      expect(found.responses.mean).toEqual(responses.mean)
    }
    await expect(open({ to: 100 })).rejects.toThrow(
      'from, to is the start to 100; expected neither of them (--time-from, --time-to): the assembly has no time_bin_end, so that its 3 bins of time can only be averaged all',
    )
  })

  it('leaves out columns of stimuli without a name, and takes stimulus_id before image_id', async () => {
    await putAssembly()
    await putStimuli()
    const rows = stimuli.map((id, i) => `${i},${i},picture ${i},${id},${id}.png,bear`)
    await put('stim.csv', `,Unnamed: 0,image_id,stimulus_id,filename,object_name\n${rows.join('\n')}\n`)
    expect(Object.keys((await open()).images.targets).sort()).toEqual(['filename', 'image_id', 'object_name', 'stimulus_id'])
  })

  it('puts images on a screen as large as the network sees, grey around them or cropped', async () => {
    await putAssembly()
    await putStimuli(',degrees', [',4', ',4', ',4', ',4'])
    const plain = (await open()).images
    const wide = (await open({ degrees: 8 })).images
    expect(wide.shape).toEqual([3, 3, 12, 16])
    const all = pixelsOf(wide)
    const inner = pixelsOf(plain)
    for (let y = 0; y < 12; ++y)
      for (let x = 0; x < 16; ++x) {
        const isInside = y >= 3 && y < 9 && x >= 4 && x < 12
        expect(all[y * 16 + x]).toBe(isInside ? inner[(y - 3) * 8 + x - 4] : 128)
      }
    const narrow = (await open({ degrees: 2 })).images
    expect(narrow.shape).toEqual([3, 3, 3, 4])
    // An odd pixel is lost at the top.
    expect(pixelsOf(narrow)[0]).toBe(inner[2 * 8 + 2])
    expect(wide.sha256).not.toBe(plain.sha256)
    const onDisk = [await open({ memoryLimit: 400 }), await open({ memoryLimit: 400, degrees: 8 })]
    expect(new Set(onDisk.map(({ images }) => images.sha256)).size).toBe(2)
    await expect(open({ degrees: 1e9 })).rejects.toThrow(
      /^openBrainScore: degrees is a screen of 2000000000 x 1500000000 pixels around .*im_b\.png; expected at most 134,217,728 pixels \(--max-pixels\)$/,
    )
    await putStimuli()
    await expect(open({ degrees: 8 })).rejects.toThrow(
      'shownDegrees is missing; expected degrees at which images were shown (--shown-degrees;',
    )
    expect(pixelsOf((await open({ degrees: 8, shownDegrees: 4 })).images)).toEqual(all)
  })

  it('refuses what does not fit', async () => {
    await putAssembly()
    await putStimuli()
    await expect(open({ region: 'V1' })).rejects.toThrow("region is 'V1'; expected one of V4, IT")
    await expect(open({ from: 60, to: 90 })).rejects.toThrow(
      'from, to is 60 to 90; expected a window around one or more bins (--time-from, --time-to), of 0 to 150 ms in all',
    )
    await expect(open({ memoryLimit: 100 })).rejects.toThrow(
      'memoryLimit is 100 bytes; expected 192 (--image-memory), for 3 stimuli, 4 neuroids and 2 repeats',
    )
    await expect(open({ memoryLimit: 100 })).rejects.toBeInstanceOf(OptionError)
    expect(await refusal(open({}, 'stim.csv.zip'), 'stim.csv.zip')).toBe('missing')
    await put('stim.zip', zipBytes({ 'im_a.png': await noise('png', 1) }))
    expect(await refusal(open(), 'stim.zip')).toBe('an archive without im_b.png')
    expect(await refusal(open({}, 'folder'), 'folder/im_b.png')).toBe('missing')
    await put('stim.csv', 'stimulus_id,filename\nim_b,im_b.png\nim_a,im_a.png\n')
    expect(await refusal(open(), 'stim.csv')).toBe("a table without stimulus 'im_c'")
    await put('stim.csv', 'stimulus_id,filename\nim_b,im_b.png\nim_b,im_a.png\n')
    expect(await refusal(open(), 'stim.csv (line 3)')).toBe("a second row of stimulus 'im_b'")
    await put('stim.csv', 'stimulus,filename\nim_b,im_b.png\n')
    expect(await refusal(open(), 'stim.csv')).toBe('a table of stimulus, filename')
    await putStimuli(',degrees', [',4', ',0', ',4', ',4'])
    expect(await refusal(open({ degrees: 8 }), 'stim.csv (line 3)')).toBe('of 0 degrees')
    await putAssembly({ change: (value, at) => (at.presentation === 2 && at.neuroid === 1 ? -Infinity : value) })
    expect(await refusal(open(), 'assy.nc')).toBe("one whose 'data' has -Infinity")
    await putAssembly({ id: 'picture' })
    expect(await refusal(open(), 'assy.nc')).toBe('one without stimulus_id')
    await putHdf5(at('assy.nc'), netcdf({ presentation: 5 }, { stimulus_id: { over: ['presentation'], data: shown } }))
    expect(await refusal(open(), 'assy.nc')).toBe('one without such a variable')
    const over = ['presentation', 'neuroid'] as const
    const data = new Float64Array(20)
    await putHdf5(at('assy.nc'), netcdf({ presentation: 5, neuroid: 4 }, { a: { over, data }, b: { over, data } }))
    expect(await refusal(open(), 'assy.nc')).toBe('one with a and b')
    await put('assy.nc', 'CDF\x01 of version 3')
    expect(await refusal(open(), 'assy.nc')).toBe('no HDF5 file but a netCDF-3 file')
  })
})
