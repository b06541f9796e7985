// The studies of latent variables and of every family, small: on flat scenes in place of photos, and responses that follow nothing.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cpu, type Recording, renderSet, selectImages } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { writeStudy } from '../../lib/report/index.js'
import { runStudy, type Study, type StudyData, studies } from '../../lib/reproduce/index.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-xie-'))
afterAll(() => rmSync(folder, { recursive: true }))

const options = { quick: true }
let data: StudyData
beforeAll(async () => {
  const flat = await renderSet({ count: 150, size: 64, seed: 3 })
  const part = (from: number, to: number) =>
    selectImages(
      flat,
      Int32Array.from({ length: to - from }, (_, i) => from + i),
    )
  const images = await part(110, 150)
  const responses: Recording['responses'] = {
    name: 'v4',
    sha256: 'a'.repeat(64),
    images: 40,
    targets: 3,
    mean: Float64Array.from(normals(1, 120)),
    trials: null,
    groups: null,
    imageNames: null,
  }
  data = { train: await part(0, 80), test: await part(80, 110), recordings: [{ images, responses }] }
})

async function run(name: string) {
  const study = studies.find((one) => one.name === name) as Study
  const records = await runStudy(study, data, options, { out: folder })
  const written = await writeStudy(study, data, options, records, { out: folder, command: name, device: cpu().toString() })
  return { results: new Map([...records].map(([part, { result }]) => [part, result])), written }
}

interface Scored {
  layers: string[]
  images?: number
  heldOut?: { head: string; measure: string; value: number; chance: number | null }[]
  recordings: { name: string; r: number[]; committed: { layer: string; r: number } | null }[]
}

describe('networks that learn latent variables', () => {
  it('are scored by what they learn, and by how many images', async () => {
    const { results, written } = await run('xie-fig2b')
    expect([...results.keys()]).toEqual(['untrained', 'distance', 'all'].map((stem) => `quick-xie-${stem}-seed0`))
    const [untrained, distance, all] = [...results.values()] as [Scored, Scored, Scored]
    for (const { layers, recordings } of [untrained, distance, all]) {
      expect(layers).toHaveLength(6)
      expect(recordings[0]?.r.every(Number.isFinite)).toBe(true)
      expect(layers).toContain(recordings[0]?.committed?.layer)
    }
    expect(untrained.images).toBe(0)
    expect(untrained.heldOut).toEqual([])
    expect(distance.heldOut?.map(({ head, measure }) => [head, measure])).toEqual([['distance', 'r2']])
    // An object that was not shown has no identity that could be said.
    expect(all.heldOut?.map(({ head }) => head)).toEqual([
      'class',
      'distance',
      'screenX',
      'screenY',
      'rotationX',
      'rotationY',
      'rotationZ',
    ])
    expect(all.heldOut?.[0]?.chance).toBeGreaterThan(0)
    const page = readFileSync(join(written.folder, 'index.html'), 'utf8')
    expect(page).toContain('distance alone, share of what all targets reach')
    expect(existsSync(join(written.folder, 'alignment.svg'))).toBe(true)

    const scaling = await run('xie-fig2c')
    // That of all images is there already.
    expect([...scaling.results.keys()]).toEqual(['quick-xie-distance-64-images-seed0', 'quick-xie-distance-seed0'])
    expect(scaling.results.get('quick-xie-distance-seed0')).toEqual(distance)
    for (const file of ['scaling.svg', 'distance.svg']) expect(existsSync(join(scaling.written.folder, file))).toBe(true)
  })
})

describe('every family', () => {
  it('is scored on the same recordings, by the layer that training images chose', async () => {
    const { results, written } = await run('all-models')
    const families = ['pixels', 'gabor-energy', 'local-one', 'wavelet-learned', 'resnet-distance']
    expect([...results.keys()]).toEqual(families.map((name) => `quick-model-${name}-seed0`))
    for (const [name, result] of results) {
      const { recordings } = result as Scored
      expect(recordings[0]?.r.every(Number.isFinite), name).toBe(true)
    }
    expect((results.get('quick-model-pixels-seed0') as Scored).recordings[0]?.committed).toBeNull()
    expect(existsSync(join(written.folder, 'models.svg'))).toBe(true)
  })
})
