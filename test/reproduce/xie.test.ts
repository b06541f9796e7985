// The studies of latent variables and of every family, small: on flat scenes in place of photos, and responses that follow nothing.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runStudy, type Study, type StudyData, studies } from '../../lib/reproduce/index.js'
import { flatStudyData, runIn } from './flat_study.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-xie-'))
afterAll(() => rmSync(folder, { recursive: true }))

let data: StudyData
beforeAll(async () => {
  data = await flatStudyData(64)
})

async function run(name: string) {
  const { records, written } = await runIn(folder, data, name)
  return { results: new Map([...records].map(([part, { result }]) => [part, result])), written }
}

interface Scored {
  layers: string[]
  images?: number
  heldOut?: { head: string; measure: string; value: number; chance: number | null }[]
  recordings: Prediction[]
  rdms: Prediction[]
  people?: { scores: { name: string; value: number; ceiling: number | null }[] }
}
interface Prediction {
  name: string
  r: number[]
  committed: { layer: string; r: number } | null
  ceiling: number | null
}

describe('networks that learn latent variables', () => {
  it('are scored by what they learn, and by how many images', async () => {
    const { results, written } = await run('xie-fig2b')
    expect([...results.keys()]).toEqual(['untrained', 'distance', 'all'].map((stem) => `quick-xie-${stem}-seed0`))
    const [untrained, distance, all] = [...results.values()] as [Scored, Scored, Scored]
    for (const { layers, recordings, rdms } of [untrained, distance, all]) {
      expect(rdms.map(({ name, r }) => [name, r.length])).toEqual([['it', 6]])
      expect(layers).toContain(rdms[0]?.committed?.layer)
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
    const families = ['pixels', 'gabor-energy', 'local-one', 'wavelet-learned', 'resnet-distance', 'resnet-named']
    expect([...results.keys()]).toEqual(families.map((name) => `quick-model-${name}-seed0`))
    for (const [name, result] of results) {
      const { layers, recordings, rdms, people } = result as Scored
      expect(recordings[0]?.r.every(Number.isFinite), name).toBe(true)
      // Joined layers have no dissimilarities of their own; of all of a network there are its blocks.
      const single = layers.filter((layer) => !layer.includes('+'))
      expect(rdms[0]?.r.length, name).toBeGreaterThanOrEqual(single.length)
      expect(Math.abs(rdms[0]?.r[0] as number), name).toBeLessThan(1)
      expect(rdms[0]?.ceiling, name).toBeGreaterThan(0)
      const [entropy, uncertainty, confusions, agreement] = people?.scores ?? []
      // Seven, two and one of ten: what is left to err about is 0.80 nats.
      expect(entropy?.ceiling, name).toBeCloseTo(0.802, 3)
      expect(entropy?.value, name).toBeGreaterThan(0.802)
      // And as uncertain of every image: there is nothing to correlate with.
      expect(uncertainty, name).toMatchObject({ value: null, error: null })
      expect(Math.abs(confusions?.value as number), name).toBeLessThanOrEqual(1)
      expect(agreement?.value, name).toBeGreaterThanOrEqual(0)
    }
    expect((results.get('quick-model-pixels-seed0') as Scored).recordings[0]?.committed).toBeNull()
    for (const file of ['models.svg', 'dissimilarities.svg', 'people.svg'])
      expect(existsSync(join(written.folder, file)), file).toBe(true)
    const page = readFileSync(join(written.folder, 'index.html'), 'utf8')
    for (const text of ['mean of v4', 'upper ceiling', 'agreement']) expect(page).toContain(text)

    // Scored against less, the network is the one that is there, and what learns from images that people named is left out.
    const said: string[] = []
    const part = 'quick-model-local-one-seed0'
    const study = studies.find(({ name }) => name === 'all-models') as Study
    const control = { out: folder, onPlan: (text: string) => said.push(text) }
    const again = await runStudy(study, { ...data, people: null }, { quick: true, part }, control)
    expect(again.get(part)?.result).toMatchObject({ people: null, recordings: (results.get(part) as Scored).recordings })
    expect(said.filter((text) => text.startsWith('filters'))).toEqual([])
    expect(said[0]).toMatch(/^part 3 of 5/)
  })
})
