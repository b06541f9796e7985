// The studies of wavelet hierarchies, small: on rendered scenes, and on responses that follow them.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encode, encodeNpy, loadNetwork } from '../../lib/index.js'
import { openStudyData, type StudyData, type StudyReport } from '../../lib/reproduce/index.js'
import { protocolOf } from '../../lib/reproduce/passi/hierarchy.js'
import { scoreRecordings } from '../../lib/reproduce/scored.js'
import * as nsd from '../data/neural/nsd_files.js'
import { flatStudyData, runIn } from './flat_study.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-passi-'))
afterAll(() => rmSync(folder, { recursive: true }))

let data: StudyData
beforeAll(async () => {
  data = await flatStudyData(32)
})
const run = (name: string) => runIn(folder, data, name)

interface Trained {
  watched: string[]
  epochs: { accuracy: number | null; r: number[] | null }[]
  recordings: { r: number[] }[]
}

describe('training a hierarchy with labels', () => {
  it('is shown over its epochs from both starts, and with blocks frozen', async () => {
    const { records, written, began } = await run('passi-fig3')
    expect(began).toBe(2)
    const results = [...records.values()].map(({ result }) => result as Trained)
    expect(results).toHaveLength(2)
    for (const { epochs, watched, recordings } of results) {
      expect(watched).toEqual(['blocks.3', 'blocks.4'])
      expect(epochs.map(({ r }) => r?.length)).toEqual([2, 2, 2])
      expect(epochs.slice(1).every(({ accuracy }) => accuracy !== null && accuracy >= 0 && accuracy <= 1)).toBe(true)
      expect(recordings.map(({ r }) => r.length)).toEqual([5])
      // The last epoch's network is the one that is scored at the end.
      expect(recordings[0]?.r.slice(3)).toEqual(epochs.at(-1)?.r)
    }
    const [learned, random] = results as [Trained, Trained]
    expect(learned.epochs[0]?.r).not.toEqual(random.epochs[0]?.r)
    for (const file of ['index.html', 'accuracy.svg', 'encoding.svg', 'results.json'])
      expect(existsSync(join(written.folder, file)), file).toBe(true)

    const frozen = await run('passi-fig4')
    // Those without frozen blocks are there already.
    expect(frozen.began).toBe(4)
    expect(frozen.records.size).toBe(6)
    expect(readFileSync(join(frozen.written.folder, 'index.html'), 'utf8')).toContain('first 4 blocks frozen, components')
    using whole = await loadNetwork(
      join(folder, 'parts', 'quick-passi-trained-64px-learned-4-frozen-seed0', 'run', 'model.safetensors'),
    )
    expect(whole.config.frozen).toEqual(['blocks.0', 'blocks.1', 'blocks.2', 'blocks.3'])
    const [{ images, responses }] = data.recordings as [StudyData['recordings'][number]]
    const { scores } = await encode(whole, images, responses, { layers: ['blocks.3'], repeats: 1 })
    // As it was before the first step.
    expect(scores[0]?.value).toBeCloseTo(learned.epochs[0]?.r?.[0] as number, 9)
  })
})

describe('learning without labels', () => {
  it('is compared with random mixing, with other ways, and over numbers of images', async () => {
    for (const [name, parts] of [
      ['passi-fig2', 3],
      ['passi-scaling', 4],
      ['passi-ablation', 9],
    ] as const) {
      const { records, written } = await run(name)
      expect(records.size, name).toBe(parts)
      const values = [...records.values()].flatMap(({ result }) => (result as { recordings: { r: number[] }[] }).recordings)
      expect(values.flatMap(({ r }) => r).every(Number.isFinite), name).toBe(true)
      const { charts, tables } = JSON.parse(readFileSync(join(written.folder, 'results.json'), 'utf8')) as StudyReport
      expect(charts.length, name).toBeGreaterThan(0)
      const drawn = charts.flatMap(({ series }) => series)
      for (const { name: line, x, y } of drawn) {
        expect(y.length, line).toBe(x.length)
        expect([...x, ...y].every(Number.isFinite), line).toBe(true)
      }
      if (name === 'passi-ablation') {
        expect(drawn.map(({ name }) => name)).toContain('components but the first')
        expect(tables[0]?.rows.map(([about]) => about)).toEqual(drawn.map(({ name }) => name))
        expect(tables[0]?.rows.map((row) => row.slice(1, -1))).toEqual(drawn.map(({ y }) => y.map((r) => r.toFixed(3))))
      }
      const page = readFileSync(join(written.folder, 'index.html'), 'utf8')
      for (const { title } of charts) expect(page).toContain(title)
    }
  })
})

describe('the recordings of a study', () => {
  const needs = 'photos, and recordings of neurons'
  const putPhotos = async () => {
    for (const split of ['train', 'test'])
      for (const name of ['a', 'b']) {
        mkdirSync(join(folder, 'photos', split, name), { recursive: true })
        const raw = { width: 8, height: 8, channels: 3 as const }
        await sharp(new Uint8Array(192).fill(7), { raw }).toFile(join(folder, 'photos', split, name, '1.png'))
      }
    return join(folder, 'photos')
  }

  it('are all of a quick run too, of fewer images', async () => {
    const paths = ['a', 'b'].map((name) => join(folder, 'v4', name))
    for (const path of paths) {
      mkdirSync(path, { recursive: true })
      const pixels = Uint8Array.from({ length: 500 * 8 * 8 }, (_, i) => (i * 37) % 251)
      writeFileSync(join(path, 'images.npy'), encodeNpy({ data: pixels, shape: [500, 8, 8] }))
      const data = Float64Array.from({ length: 1000 }, (_, i) => i)
      writeFileSync(join(path, 'responses_mean.npy'), encodeNpy({ data, shape: [500, 2] }))
    }
    const { recordings } = await openStudyData(needs, await putPhotos(), { responses: paths, quick: true, size: 8 })
    expect(recordings.map(({ responses, set }) => [responses.name, set])).toEqual([
      ['a', 'v4'],
      ['b', 'v4'],
    ])
    for (const { images, responses } of recordings) {
      expect([images.shape[0], responses.images]).toEqual([400, 400])
      expect([...responses.mean.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13])
    }
  })

  it('may be subjects of the Natural Scenes Dataset, on the split that it states', async () => {
    const root = join(folder, 'nsd')
    const subjects = [2, 4]
    for (const subject of subjects) {
      const { betas, design, stimuli } = nsd.places(root, subject)
      await nsd.putMasks(root, subject)
      await nsd.putBetas(betas, subject - 1, 0)
      if (subject === 4) continue
      await nsd.putMatDesign(design)
      await nsd.putStimuli(stimuli)
    }
    const photos = await putPhotos()
    const open = (more: object) => openStudyData(needs, photos, { responses: [root], size: 8, ...more })
    const found = await open({ nsd: { subjects, skipMissing: true } })
    expect(found.recordings.map(({ responses, set }) => [responses.name, set])).toEqual([
      ['nsd-subj02', 'nsd'],
      ['nsd-subj04', 'nsd'],
    ])
    const [{ images, responses, split }] = found.recordings as [StudyData['recordings'][number]]
    const test = [...(split?.test ?? [])]
    expect(test.length).toBeGreaterThan(10)
    const { scores } = await encode(null, images, responses, { layers: ['pixels'], test })
    const [first] = await scoreRecordings(null, ['pixels'], { seed: 0, repeats: 3 }, { data: found, watch: {}, say: () => {} })
    expect(first?.r).toEqual([scores[0]?.value])
    expect(protocolOf(found)[0]).toContain('the split that the Natural Scenes Dataset states')

    const quick = (await open({ nsd: { subjects: [4], skipMissing: true }, quick: true })).recordings
    expect(quick.map(({ responses }) => responses.images)).toEqual([400])
    for (const place of quick[0]?.split?.test ?? []) {
      const row = found.recordings[1]?.responses.imageNames?.indexOf(quick[0]?.responses.imageNames?.[place] as string)
      expect([...(found.recordings[1]?.split?.test ?? [])]).toContain(row)
    }
    await expect(open({})).rejects.toThrow('subjects is missing for a folder with nsddata/')
    await expect(open({ responses: [join(folder, 'photos')], nsd: { subjects } })).rejects.toThrow(
      'reproduce: subjects is given; expected it only beside a folder with nsddata/ and nsddata_betas/',
    )
    await expect(openStudyData('labelled images: train and test', photos, { nsd: { subjects } })).rejects.toThrow(
      'reproduce: subjects is given; expected none for this study',
    )
    await expect(open({ responses: [nsd.places(root, 2).stimuli.replace(/hdf5$/, 'nc')] })).rejects.toThrow('is missing')
  })

  it('are refused before anything is trained where no score can be taken of them', async () => {
    const at = (name: string) => join(folder, 'none', name)
    mkdirSync(at('flat'), { recursive: true })
    const pixels = Uint8Array.from({ length: 20 * 8 * 8 }, (_, i) => (i * 37) % 251)
    writeFileSync(at('flat/images.npy'), encodeNpy({ data: pixels, shape: [20, 8, 8] }))
    writeFileSync(at('flat/responses_mean.npy'), encodeNpy({ data: new Float32Array(40), shape: [20, 2] }))
    const open = openStudyData(needs, 'nowhere', { responses: [at('flat')] })
    await expect(open).rejects.toThrow('encode: flat is 2 targets, 2 of them constant and 0 not measured')
  })
})
