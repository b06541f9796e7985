import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { extentsOf, readBetas } from '../../../lib/data/neural/nsd_betas.js'
import { readDesign } from '../../../lib/data/neural/nsd_design.js'
import { DataError, OptionError, openNsd, openNsdImages, openRecordings } from '../../../lib/index.js'
import { putHdf5 } from './hdf5_bytes.js'
import { matBytes } from './mat_bytes.js'
import * as nsd from './nsd_files.js'

const subject = 8
const sessions = 30
let root = ''
let places = nsd.places('', subject)

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'striate-nsd-'))
  places = nsd.places(root, subject)
  await nsd.putMatDesign(places.design)
  await nsd.putStimuli(places.stimuli)
  await nsd.putMasks(root, subject)
  for (let session = 0; session < sessions; ++session) await nsd.putBetas(places.betas, subject - 1, session)
})
afterAll(() => rm(root, { recursive: true }))

/** Puts a file in another's place while `work` runs. */
async function instead<T>(path: string, bytes: Uint8Array | null, work: () => Promise<T>): Promise<T> {
  await rename(path, `${path}.away`)
  try {
    if (bytes) await writeFile(path, bytes)
    return await work()
  } finally {
    await rename(`${path}.away`, path)
  }
}

/** Writes a file while `work` runs. */
async function besides<T>(path: string, bytes: Uint8Array, work: () => Promise<T>): Promise<T> {
  await nsd.putAt(path, bytes)
  try {
    return await work()
  } finally {
    await rm(path)
  }
}

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => expect.unreachable('nothing was refused'),
    (error: unknown) => {
      expect(error instanceof DataError || error instanceof OptionError).toBe(true)
      expect((error as Error).message).not.toContain('\n')
      return (error as Error).message.replaceAll(root, '')
    },
  )

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

/** Trials of a voxel by image, as the definition has them: standardised within each session. */
function trialsByImage(voxel: number, read: readonly number[], zScore = true): Map<number, number[]> {
  const found = new Map<number, number[]>()
  for (const session of read) {
    const trials = Array.from({ length: nsd.trialsPerSession }, (_, i) => session * nsd.trialsPerSession + i)
    const values = trials.map((trial) => nsd.betaOf(subject - 1, voxel, trial))
    const [mean, deviation] = zScore ? [meanOf(values), Math.sqrt(varianceOf(values))] : [0, 300]
    trials.forEach((trial, i) => {
      const image = nsd.imageOfTrial(subject - 1, trial)
      const value = ((values[i] as number) - mean) / deviation
      const some = found.get(image)
      if (some) some.push(value)
      else found.set(image, [value])
    })
  }
  return found
}

const all = Array.from({ length: sessions }, (_, i) => i)
/** Voxels of stream 5 in nsdgeneral in the order in which they lie, as x, y, z. */
const ventral = Array.from(
  { length: nsd.voxelCount },
  (_, i) => [i % 5, Math.floor(i / 5) % 4, Math.floor(i / 20)] as const,
).filter(([x, y, z]) => nsd.streamOf(x, y, z) === 5 && nsd.generalOf(x, y, z) === 1)
const varying = ventral.filter((place) => nsd.placeOf(...place) !== nsd.constantVoxel)

describe('readDesign', () => {
  it('gives the same table from the .mat, which counts from 1, and from the .csv, which counts images from 0', async () => {
    const ofMat = await readDesign('test', places.design)
    const folder = join(root, 'csv')
    await nsd.putCsvDesign(folder)
    const ofCsv = await readDesign('test', folder)
    expect(
      ofCsv.map((trials, subject) => trials.length === 30_000 && trials.every((image, i) => image === ofMat[subject]?.[i])),
    ).toEqual(new Array(nsd.subjects).fill(true))
    for (const [subject, trials] of ofMat.entries())
      for (const trial of [0, 1, 749, 750, 29_999]) expect(trials[trial]).toBe(nsd.imageOfTrial(subject, trial))
  })

  it('refuses other tables', async () => {
    const folder = join(root, 'other')
    const path = '/other/nsd_stim_info_merged.csv'
    expect(await messageOf(readDesign('test', folder))).toBe(
      'test: /other/nsd_expdesign.mat is missing; expected it, or nsd_stim_info_merged.csv beside it',
    )
    const refused = async (change: Parameters<typeof nsd.putCsvDesign>[1]) => {
      await nsd.putCsvDesign(folder, change, 100)
      return messageOf(readDesign('test', folder))
    }
    const from1 = await refused((row, image) => {
      row.nsdId = image === 99 ? 73_000 : image
    })
    expect(from1).toContain(`${path} is one with '73000' in column nsdId; expected whole numbers from 0 to 72999`)
    const trial = nsd.trialOf(0, 73) + 1
    const twice = await refused((row, image) => {
      if (image === 74) row.subject1_rep0 = trial
    })
    expect(twice).toContain(`${path} is one with two images in trial ${trial} of subject 1;`)
    const again = await refused((row, image) => {
      if (image === 74) row.nsdId = 73
    })
    expect(again).toContain(`${path} is one with image 73 twice;`)
    expect(await refused(() => {})).toMatch(/one without an image in trial \d+ of subject 1;/)
    await writeFile(join(folder, 'nsd_stim_info_merged.csv'), 'a,nsdId\n1,2\n')
    expect(await messageOf(readDesign('test', folder))).toContain(`${path} is one with no column subject1_rep0`)
    await writeFile(join(folder, 'nsd_stim_info_merged.csv'), 'a,"nsdId\n1,2\n')
    expect(await messageOf(readDesign('test', folder))).toContain(`${path} is not a table (`)
    const ordering = { name: 'masterordering', shape: [1, 30_000], data: new Float64Array(30_000).fill(1) }
    const subjectim = { name: 'subjectim', shape: [8, 10_000], data: new Float64Array(80_000) }
    await nsd.putAt(join(folder, 'nsd_expdesign.mat'), matBytes([ordering, subjectim]))
    expect(await messageOf(readDesign('test', folder))).toContain(
      'is one with 0 in subjectim; expected whole numbers from 1 to 73000',
    )
    await nsd.putAt(join(folder, 'nsd_expdesign.mat'), matBytes([ordering, { ...subjectim, shape: [10_000, 8] }]))
    expect(await messageOf(readDesign('test', folder))).toContain(
      'is one whose subjectim is of shape [10000,8]; expected [8,10000]',
    )
  })
})

describe('openNsd', () => {
  it('reads voxels of the masks, standardised by session and averaged over repeats', async () => {
    const progress: number[] = []
    const { images, responses, ...rest } = await openNsd(root, {
      subject,
      trials: true,
      onProgress: ({ done }) => progress.push(done),
    })
    const { nsdIds, sites, split, ncsnr, ceiling } = rest
    const seen = new Set(Array.from({ length: 750 * sessions }, (_, trial) => nsd.imageOfTrial(subject - 1, trial)))
    expect([...nsdIds]).toEqual([...seen].sort((a, b) => a - b))
    expect(progress).toEqual([ventral.length])
    expect(rest.dropped).toEqual({ invalid: 0, constant: 1 })
    expect(rest.sessions).toEqual({ read: all.map((session) => session + 1), missing: [] })

    expect([responses.images, responses.targets, responses.name]).toEqual([seen.size, varying.length, 'nsd/subj08'])
    for (const [target, place] of varying.entries()) {
      const byImage = trialsByImage(nsd.placeOf(...place), all)
      let [noise, many] = [0, 0]
      for (const [row, id] of nsdIds.entries()) {
        const trials = byImage.get(id) as number[]
        const at = row * varying.length + target
        // Sums of 750 numbers of about 1 and of three of them.
        if (Math.abs((responses.mean[at] as number) - meanOf(trials)) > 1e-12) expect(responses.mean[at]).toBe(meanOf(trials))
        const kept = responses.trials?.data.subarray(at * 3, at * 3 + trials.length) ?? []
        if (trials.some((value, i) => Math.abs((kept[i] as number) - value) > 1e-12)) expect([...kept]).toEqual(trials)
        if (trials.length < 2) continue
        noise += varianceOf(trials)
        many += 1
      }
      const variance = noise / many
      expect(ncsnr[target]).toBeCloseTo(Math.sqrt((1 - variance) / variance), 9)
    }
    expect(rest.ncsnrFrom).toBe('measured')
    // The image's part is 400 noise where the noise is 300.
    expect(meanOf([...ncsnr])).toBeCloseTo(4 / 3, 1)

    const test = [...seen].filter((image) => image % 73 === 0)
    expect([...split.test].map((row) => nsdIds[row])).toEqual(test.sort((a, b) => a - b))
    expect([...split.train, ...split.test].sort((a, b) => a - b)).toEqual(Array.from(nsdIds, (_, row) => row))
    const byImage = trialsByImage(0, all)
    expect([...rest.repeats]).toEqual(Array.from(nsdIds, (id) => byImage.get(id)?.length))
    const share = meanOf(test.map((image) => 1 / (byImage.get(image)?.length as number)))
    expect(ceiling[0]).toBeCloseTo((100 * (ncsnr[0] as number) ** 2) / ((ncsnr[0] as number) ** 2 + share), 9)

    const column = (name: string) => Array.from(sites[name]?.values ?? [])
    expect(column('x').map((x, i) => [x, column('y')[i], column('z')[i]])).toEqual(varying)
    expect(sites.region).toMatchObject({ kind: 'class', classes: ['ventral'] })
    expect(sites.hemisphere).toMatchObject({
      classes: ['left', 'right'],
      values: Int32Array.from(varying, ([x]) => (x < 2 ? 0 : 1)),
    })

    expect(images.shape).toEqual([seen.size, 3, nsd.side, nsd.side])
    const rows = [7, 0, 7, seen.size - 1]
    const pixels = await images.rows(rows)
    rows.forEach((row, i) => {
      for (const [channel, y, x] of [
        [0, 0, 0],
        [2, 1, 3],
        [1, 3, 2],
      ] as const)
        expect(pixels[((i * 3 + channel) * nsd.side + y) * nsd.side + x]).toBe(nsd.pixelOf(nsdIds[row] as number, y, x, channel))
    })
  })

  it('takes labels by number or name, masks of one file for both hemispheres, and percents of signal change', async () => {
    const path = join(places.prepared, 'roi/V1.nii.gz')
    const found = await besides(
      path,
      nsd.volume((x) => (x === 1 ? 2 : 0)),
      async () => ({
        one: await openNsd(root, { subject, masks: ['V1', 'streams:ventral'], zScore: false }),
        other: await openNsd(root, { subject, masks: ['streams:3+5', 'V1'], zScore: false }),
      }),
    )
    const inV1 = (place: readonly number[]) => place[0] === 1
    expect(found.one.responses.targets).toBe(varying.filter(inV1).length)
    expect(found.one.sites.region).toMatchObject({ classes: ['V1'] })
    expect(found.one.sites.hemisphere).toMatchObject({ classes: [''] })
    expect(found.one.ncsnr.every(Number.isNaN)).toBe(true)
    const [first] = varying.filter(inV1)
    if (!first) throw new Error('no voxel is left')
    const id = found.one.nsdIds[5] as number
    expect(found.one.responses.mean[5 * found.one.responses.targets]).toBeCloseTo(
      meanOf(trialsByImage(nsd.placeOf(...first), all, false).get(id) as number[]),
      12,
    )
    expect(found.other.sites.region).toMatchObject({ classes: ['midlateral', 'ventral'] })
    expect(found.other.responses.targets).toBe(varying.filter(inV1).length + 2)
  })

  it('leaves out voxels that are invalid in a session and takes the published signal to noise', async () => {
    const invalid = ventral[2] as readonly [number, number, number]
    const valid = nsd.volume((x, y, z) => ([x, y, z].every((at, axis) => at === invalid[axis]) ? 0 : 1), { type: 'uint8' })
    const found = await besides(join(places.prepared, 'valid_session07.nii.gz'), valid, () =>
      besides(
        join(places.betas, 'ncsnr.nii.gz'),
        nsd.volume((x, y, z) => x + 10 * y + 100 * z, { type: 'float32' }),
        () => openNsd(root, { subject }),
      ),
    )
    expect(found.dropped).toEqual({ invalid: 1, constant: 1 })
    expect(found.ncsnrFrom).toBe('published')
    const left = varying.filter((place) => place !== invalid)
    expect([...found.ncsnr]).toEqual(left.map(([x, y, z]) => x + 10 * y + 100 * z))
    expect(found.responses.targets).toBe(left.length)
  })

  it('names sessions that are missing and refuses them, or counts them where it is told to go without', async () => {
    const path = (session: number) => join(places.betas, `betas_session${String(session).padStart(2, '0')}.hdf5`)
    await instead(path(3), null, () =>
      instead(path(11), null, async () => {
        expect(await messageOf(openNsd(root, { subject }))).toContain(
          'betas_fithrf_GLMdenoise_RR is without sessions 3, 11; expected betas of all 30 sessions of subject 8 (or skipMissing, --skip-missing)',
        )
        const found = await openNsd(root, { subject, skipMissing: true })
        expect(found.sessions.missing).toEqual([3, 11])
        expect(found.responses.selection).toContain('28 sessions (the files of 3, 11 are missing), voxels in ')
        const read = all.filter((session) => ![2, 10].includes(session))
        expect(found.sessions.read).toEqual(read.map((session) => session + 1))
        const byImage = trialsByImage(nsd.placeOf(...(varying[0] as readonly [number, number, number])), read)
        expect([...found.nsdIds]).toEqual([...byImage.keys()].sort((a, b) => a - b))
        for (const row of [0, 100, found.nsdIds.length - 1])
          expect(found.responses.mean[row * found.responses.targets]).toBeCloseTo(
            meanOf(byImage.get(found.nsdIds[row] as number) as number[]),
            12,
          )
      }),
    )
    expect(await messageOf(openNsd(root, { subject: 2, skipMissing: true }))).toContain(
      'is without betas_session01.hdf5 and those after it',
    )
  })

  it('refuses masks that do not lie as the betas do', async () => {
    const path = join(places.prepared, 'roi/lh.streams.nii.gz')
    const refused = (bytes: Buffer | null) => instead(path, bytes, () => messageOf(openNsd(root, { subject })))
    const { niftiBytes } = await import('./nifti_bytes.js')
    const ones = (...shape: number[]) => niftiBytes(shape, new Array(shape.reduce((a, b) => a * b)).fill(1))
    expect(await refused(ones(3, 4, 5))).toContain(
      'lh.streams.nii.gz is of 3 x 4 x 5 voxels, its axes in the opposite order; expected 5 x 4 x 3 (x, y, z), as the betas are',
    )
    expect(await refused(ones(5, 4, 4))).toContain('lh.streams.nii.gz is of 5 x 4 x 4 voxels; expected 5 x 4 x 3')
    expect(await refused(nsd.volume(() => 1, { steps: [-1.8, 1.8, 1.8] }))).toContain(
      'lh.streams.nii.gz is oriented LAS; expected RAS',
    )
    expect(await refused(null)).toContain('lh.streams.nii.gz is missing; expected labels of both hemispheres')
  })

  it('refuses labels that are unknown, masks without a voxel, more than memory, and betas of another shape', async () => {
    const refused = (options: object) => messageOf(openNsd(root, { subject, ...options }))
    expect(await refused({ masks: ['streams:dorsal'] })).toContain(
      "masks is 'streams:dorsal'; expected labels among early, midventral, midlateral, midparietal, ventral, or their numbers",
    )
    expect(await refused({ masks: ['nsdgeneral:some'] })).toBe(
      "openNsd: masks is 'nsdgeneral:some'; expected numbers of labels, as their names are not known: /nsddata/freesurfer/subj08/label/nsdgeneral.mgz.ctab is missing",
    )
    const nameless = await besides(join(places.names, 'nsdgeneral.mgz.ctab'), Buffer.from('no names'), () =>
      refused({ masks: ['nsdgeneral:some'] }),
    )
    expect(nameless).toMatch(/nsdgeneral\.mgz\.ctab holds none$/)
    expect(await refused({ masks: ['streams:1'] })).toContain('masks is streams:1; expected masks that some voxel lies in')
    expect(await refused({ masks: ['a b'] })).toContain("masks.0 is 'a b'; expected a source of labels, such as nsdgeneral")
    expect(await refused({ memoryLimit: 1000 })).toMatch(
      /memoryLimit is 1,000 bytes; expected [\d,]+ \(--image-memory\), for \d+ voxels and \d+ images$/,
    )
    expect(await refused({ subject: 9 })).toContain('subject is 9; expected a whole number from 1 to 8')
    const path = join(places.betas, 'betas_session05.hdf5')
    const wrong = (data: Int16Array | Float32Array, shape: number[]) =>
      instead(path, new Uint8Array(), async () => {
        await putHdf5(path, (file) => void file.create_dataset({ name: 'betas', data, shape }))
        return messageOf(openNsd(root, { subject }))
      })
    expect(await wrong(new Int16Array(60 * 62), [62, 3, 4, 5])).toContain(
      'betas_session05.hdf5 is one of 62 trials; expected 750',
    )
    expect(await wrong(new Int16Array(750 * 48), [750, 3, 4, 4])).toContain(
      'betas_session05.hdf5 is one of 4 x 4 x 3 voxels; expected 5 x 4 x 3',
    )
    expect(await wrong(new Float32Array(750 * 60), [750, 3, 4, 5])).toContain(
      'betas_session05.hdf5 is one of another element type',
    )
    expect(await wrong(new Int16Array(750 * 60), [750, 60])).toContain(
      "betas_session05.hdf5 is one whose 'betas' is of shape [750,60]",
    )
    expect(await instead(path, Buffer.from('no'), () => messageOf(openNsd(root, { subject })))).toContain(
      'betas_session05.hdf5 is no HDF5 file but a text',
    )
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    await expect(openNsd(root, { subject, signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('readBetas', () => {
  it('gives the same numbers however few trials it works on at a time', async () => {
    const files = [1, 2].map((session) => join(places.betas, `betas_session0${session}.hdf5`))
    const request = {
      op: 'test',
      files,
      extents: await extentsOf('test', files),
      // Neighbours, a gap, other rows, and a constant one.
      places: Int32Array.of(0, 1, 4, 5, 19, 33, 40, nsd.constantVoxel, 59),
      rows: Int32Array.from({ length: 1500 }, (_, trial) => trial % 500),
      images: 500,
      zScore: true,
      trials: true,
    }
    const whole = await readBetas(request)
    expect([...whole.kept]).toEqual([0, 1, 2, 3, 4, 5, 6, 8].filter((i) => request.places[i] !== nsd.constantVoxel))
    expect(await readBetas({ ...request, workingBytes: 8 * 1500 * 2 })).toEqual(whole)
  })
})

describe('openRecordings', () => {
  it('finds subjects with their images and split before it reads responses, and refuses what they lack', async () => {
    const [source] = await openRecordings([root], { subjects: [subject], masks: ['streams:3+5', 'nsdgeneral'], size: 2 })
    const direct = await openNsd(root, { subject, masks: ['streams:3+5', 'nsdgeneral'], size: 2 })
    expect(source?.kind).toBe('nsd')
    expect(source?.name).toBe(`${basename(root)}-subj08-streams-3-5-nsdgeneral`)
    expect(source?.about).toMatchObject({ images: direct.nsdIds.length, imageNames: Array.from(direct.nsdIds, String) })
    expect(source?.stated).toEqual(direct.split.test)
    const voxels: number[] = []
    const read = await source?.open({ onProgress: ({ done }) => voxels.push(done) })
    expect(voxels.at(-1)).toBeGreaterThanOrEqual(direct.responses.targets)
    expect(read?.responses).toEqual({ ...direct.responses, name: source?.name })
    expect(read?.images.sha256).toBe(direct.images.sha256)
    expect(await messageOf(openRecordings([root], { subjects: [subject, 1] }))).toContain('without betas_session01.hdf5')
    expect(await messageOf(openRecordings([root]))).toContain('subjects is missing for a folder with nsddata/')
    expect(await messageOf(openRecordings([root], { subjects: [subject], resize: 'lanczos' }))).toContain(
      'resize, fit is lanczos, fill; expected bilinear (--resize), for images of the Natural Scenes Dataset',
    )
  })
})

describe('openNsdImages', () => {
  it('gives the images of the numbers that it is given, in any size, and negatives for comparison', async () => {
    const plain = await openNsdImages(places.stimuli, [72_999, 5])
    const negative = await openNsdImages(places.stimuli, [72_999, 5], { negative: true })
    const pixels = await plain.rows([0, 1])
    expect([...(await negative.rows([0, 1]))]).toEqual(Array.from(pixels, (value) => (value === 0 ? 0 : 256 - value)))
    expect(new Set([plain.sha256, negative.sha256, (await openNsdImages(places.stimuli, [5, 72_999])).sha256]).size).toBe(3)
    const small = await openNsdImages(places.stimuli, [5], { size: [2, 2], grey: true })
    expect(small.shape).toEqual([1, 1, 2, 2])
    expect([plain.shaping, negative.shaping, small.shaping]).toEqual([undefined, 'as negatives', 'bilinear, to 2 x 2 by fill'])
    // Halving by a triangle of two pixels a side weighs the pixels of a line 3, 3 and 1 at an end.
    const weights = [3 / 7, 3 / 7, 1 / 7, 0]
    const luma = (y: number, x: number) =>
      [0.299, 0.587, 0.114].reduce((sum, share, c) => sum + share * nsd.pixelOf(5, y, x, c), 0)
    let corner = 0
    for (let y = 0; y < 4; ++y) for (let x = 0; x < 4; ++x) corner += (weights[y] as number) * (weights[x] as number) * luma(y, x)
    // Each of two passes and the luma round once.
    expect(Math.abs(((await small.rows([0]))[0] as number) - corner)).toBeLessThan(2)
    await Promise.all([plain.rows([0]), plain.rows([1]), negative.rows([0])])
  })

  it('refuses numbers that are none and files without images', async () => {
    expect(await messageOf(openNsdImages(places.stimuli, [73_000]))).toContain(
      'indices[0] is 73000; expected an image from 0 to 72999',
    )
    expect(await messageOf(openNsdImages(places.stimuli, []))).toContain('ids is an empty list')
    expect(await messageOf(openNsdImages(join(root, 'nothing.hdf5'), [1]))).toContain('/nothing.hdf5 is missing')
    expect(await messageOf(openNsdImages(join(places.betas, 'betas_session01.hdf5'), [1]))).toContain(
      "is without dataset 'imgBrick'",
    )
    const images = await openNsdImages(places.stimuli, [1])
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    await expect(images.rows([0], stop.signal)).rejects.toThrow('enough')
  })
})
