// Recordings of any kind by their paths.
import { relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  detectRecording,
  encodeNpy,
  OptionError,
  openRecordings,
  type RecordingsOptions,
  readImageList,
  responsesFrom,
  selectResponses,
} from '../../../lib/index.js'
import { at, noise, put, refusal } from '../scratch.js'
import { netcdf, putHdf5 } from './hdf5_bytes.js'

const names = ['a.png', 'b.png', 'c.png']
const stimuli = ['im_c', 'im_a', 'im_b']

async function putImages(folder: string): Promise<void> {
  for (const [i, name] of names.entries()) await put(`${folder}/${name}`, await noise('png', i))
}

async function putFolder(folder: string): Promise<void> {
  await putImages(`${folder}/images`)
  await put(`${folder}/responses_mean.npy`, encodeNpy({ data: Float32Array.of(1, 2, 3), shape: [3, 1] }))
}

async function putAssembly(): Promise<void> {
  await putImages('pictures')
  await put('stim.csv', `stimulus_id,filename\nim_a,a.png\nim_b,b.png\nim_c,c.png\n`)
  await putHdf5(
    at('assy.nc'),
    netcdf(
      { presentation: 3, neuroid: 2 },
      {
        data: { over: ['presentation', 'neuroid'], data: Float64Array.of(1, 2, 3, 4, 5, 6) },
        stimulus_id: { over: ['presentation'], data: stimuli },
        region: { over: ['neuroid'], data: ['V4', 'IT'] },
      },
    ),
  )
}

const open = (paths: readonly string[], options?: RecordingsOptions) =>
  openRecordings(
    paths.map((path) => at(path)),
    options,
  )

/** The one sentence, without the folder, that options are refused with. */
const refused = (paths: readonly string[], options?: RecordingsOptions) =>
  open(paths, options).then(
    () => expect.unreachable('nothing was refused'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(OptionError)
      return (error as OptionError).message.replaceAll(at(), '')
    },
  )

describe('openRecordings', () => {
  it('shares the memory for pixels among recordings that are held together', async () => {
    for (const folder of ['one', 'two']) await putFolder(folder)
    const held = async (paths: readonly string[], memoryLimit: number) => {
      const sources = await open(paths, { size: 4, memoryLimit })
      return Promise.all(sources.map(async (source) => (await source.open()).images.pixels !== null))
    }
    const each = 3 * 3 * 4 * 4
    expect(await held(['one'], each)).toEqual([true])
    expect(await held(['one', 'two'], 2 * each)).toEqual([true, true])
    expect(await held(['one', 'two'], 2 * each - 1)).toEqual([false, false])
  })

  it('knows each kind by what lies there, and opens it with the options of its kind', async () => {
    await putFolder('v4')
    await putAssembly()
    await put('table.csv', '4,1\n5,2\n6,3\n')
    const shared = { images: at('pictures'), stimuli: at('stim.csv'), size: 4 }
    const [folder] = await open(['v4'], { size: 4 })
    const [assembly] = await open(['assy.nc'], { ...shared, region: 'IT' })
    const [table] = await open(['table.csv'], { images: at('pictures'), size: 4 })
    const sources = [folder, assembly, table]
    expect(sources.map((source) => [source?.kind, source?.name, source?.about.imageNames, source?.stated])).toEqual([
      ['folder', 'v4', names, null],
      ['assembly', 'assy-IT', stimuli, null],
      ['table', 'table', names, null],
    ])
    const opened = await Promise.all(sources.map((source) => source?.open()))
    expect(opened.map((recording) => [...(recording?.responses.mean ?? [])])).toEqual([
      [1, 2, 3],
      [2, 4, 6],
      [4, 1, 5, 2, 6, 3],
    ])
    expect(opened.map((recording) => recording?.images.shape)).toEqual(new Array(3).fill([3, 3, 4, 4]))
    // Stimuli in the order in which they were first shown.
    const [pixels, others] = await Promise.all(
      [folder, assembly].map(async (source) => (await source?.open())?.images.rows([0, 1, 2])),
    )
    expect(others).toEqual(Uint8Array.from([2, 0, 1].flatMap((row) => [...(pixels?.subarray(row * 48, (row + 1) * 48) ?? [])])))
    expect(opened.map((recording) => recording?.responses.name)).toEqual(['v4', 'assy-IT', 'table'])
  })

  it('opens several, and tells those of one name apart', async () => {
    for (const folder of ['v4/1', 'v4/2', 'it/1']) await putFolder(folder)
    expect((await open(['v4/1', 'v4/2'])).map(({ name }) => name)).toEqual(['1', '2'])
    const paths = ['v4/1', 'it/1'].map((path) => relative(process.cwd(), at(path)))
    const named = (await openRecordings(paths)).map(({ name }) => name)
    expect(named).toEqual([expect.stringMatching(/-v4-1$/), expect.stringMatching(/-it-1$/)])
  })

  it('refuses options of other kinds by name, those that a kind lacks, and what is given twice', async () => {
    await putFolder('v4')
    await putAssembly()
    await put('table.csv', '4\n5\n6\n')
    const kinds: [keyof RecordingsOptions, unknown][] = [
      ['images', 'x'],
      ['stimuli', 'x'],
      ['groups', 'x'],
      ['firstIndex', 1],
      ['region', 'IT'],
      ['from', 1],
      ['to', 1],
      ['degrees', 8],
      ['shownDegrees', 8],
      ['subjects', [1]],
      ['masks', ['streams']],
      ['space', 'func1mm'],
      ['betas', 'betas_fithrf'],
      ['zScore', true],
      ['trials', true],
      ['skipMissing', true],
      ['negative', true],
    ]
    const flags: Record<string, string> = {
      firstIndex: '--first-index',
      from: '--time-from',
      to: '--time-to',
      shownDegrees: '--shown-degrees',
      zScore: '--z-score',
      skipMissing: '--skip-missing',
    }
    for (const [name, value] of kinds)
      expect(await refused(['v4'], { [name]: value })).toMatch(
        new RegExp(
          `^openRecordings: ${name} is given for a folder with images/ .*; expected it${flags[name] ? ` \\(${flags[name]}\\)` : ''} only for `,
        ),
      )
    const pictures = at('pictures')
    expect(await refused(['table.csv'], { images: pictures, crop: 2 })).toContain('crop is given for a table of responses')
    expect(await refused(['assy.nc'], { images: pictures })).toMatch(
      /stimuli is missing for an assembly \(\.nc\); expected of an/,
    )
    expect(await refused(['assy.nc'], { stimuli: at('stim.csv') })).toContain('images is missing for an assembly')
    expect(await refused(['table.csv'])).toContain('images is missing for a table')
    expect(await refused(['v4', 'v4'])).toBe('openRecordings: responses is /v4 twice; expected each once')
    expect(await refused(['v4'], { subjects: [2, 2] })).toBe('openRecordings: subjects is 2 twice; expected each once')
    expect(await refused(['v4'], { subjects: [9] })).toContain('subjects.0 is 9; expected a whole number from 1 to 8')
  })

  it('refuses what is no recording', async () => {
    await put('notes.txt', 'x')
    for (const path of ['nowhere', 'notes.txt'])
      expect(await refusal(detectRecording(at(path)), path)).toBe(
        path === 'nowhere' ? 'missing' : 'none of the files that hold responses',
      )
  })
})

describe('readImageList', () => {
  it('reads names and numbers', async () => {
    await put('list.txt', '\ufeffa.png\r\n\n 12 \nb.png')
    expect(await readImageList(at('list.txt'))).toEqual(['a.png', '12', 'b.png'])
    await put('list.npy', encodeNpy({ data: Int32Array.of(4, 0), shape: [2] }))
    expect(await readImageList(at('list.npy'))).toEqual([4, 0])
  })

  it('refuses what is none', async () => {
    await put('empty.txt', '\n \n')
    await put('square.npy', encodeNpy({ data: Int32Array.of(1, 2), shape: [1, 2] }))
    await put('half.npy', encodeNpy({ data: Float64Array.of(0, 0.5), shape: [2] }))
    await put('less.npy', encodeNpy({ data: Int32Array.of(-1), shape: [1] }))
    const found = ['nowhere', 'empty.txt', 'square.npy', 'half.npy', 'less.npy']
    expect(await Promise.all(found.map((path) => refusal(readImageList(at(path)), path)))).toEqual([
      'missing',
      'empty',
      'of shape [1,2]',
      'an array with 0.5',
      'an array with -1',
    ])
  })
})

describe('selectResponses', () => {
  it('keeps rows of means, repeats, groups and names', () => {
    const trials = { images: 3, targets: 2, repeats: 2, data: Float64Array.from({ length: 12 }, (_, i) => i) }
    const all = responsesFrom({ name: 'v4', images: 3, targets: 2, trials, groups: Int32Array.of(7, 8, 9), imageNames: names })
    const some = selectResponses(all, [2, 0])
    expect(some).toMatchObject({ name: 'v4', images: 2, targets: 2, groups: Int32Array.of(9, 7), imageNames: ['c.png', 'a.png'] })
    expect(some.mean).toEqual(Float64Array.of(8.5, 10.5, 0.5, 2.5))
    expect(some.trials?.data).toEqual(Float64Array.of(8, 9, 10, 11, 0, 1, 2, 3))
    expect(some.sha256).not.toBe(all.sha256)
    expect(() => responsesFrom({ name: 'v4', images: 3, targets: 2, trials, imageNames: ['a'] })).toThrow(
      'imageNames is 1 names; expected 3 for 3 images and 2 targets',
    )
  })
})
