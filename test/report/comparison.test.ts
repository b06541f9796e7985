// What runs scored against brains and people, on their own pages and beside each other.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encode, fitComponents, loadNetwork, type Recording, renderSet, waveletNet } from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { writeComparison, writeLayerScores, writeReport } from '../../lib/report/index.js'
import { networkSha256 } from '../../lib/run/index.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-comparison-'))
afterAll(() => rmSync(folder, { recursive: true }))
const of = (...path: string[]) => join(folder, ...path)
const read = (...path: string[]) => readFileSync(of(...path), 'utf8')

const images = await renderSet({ count: 24, size: 16, seed: 2 })
const responses: Recording['responses'] = {
  name: 'v4',
  sha256: 'a'.repeat(64),
  images: 24,
  targets: 2,
  mean: Float64Array.from(normals(1, 48)),
  trials: null,
  groups: null,
  imageNames: null,
  selection: null,
}

/** A run that encode has scored. @returns r of the layer that it committed itself to, and of the pixels */
async function scored(name: string, components: 'learned' | 'random', layers: string[]) {
  const config = waveletNet({ units: [4, 4], orientations: 2, image: [16, 16] })
  const options = components === 'learned' ? { components, principal: 3 } : { components }
  const { net } = await fitComponents(images, config, options, { out: of(name) })
  using learned = net
  const found = await encode(learned, images, responses, { layers, folds: 2, repeats: 1 })
  await writeLayerScores(of(name), 'encoding-v4', { kind: 'encoding', network: await networkSha256(of(name)), ...found })
  const pixels = found.scores.find(({ layer }) => layer === 'pixels')?.value
  return { committed: found.committed?.value as number, pixels }
}

let learned: Awaited<ReturnType<typeof scored>>
let random: Awaited<ReturnType<typeof scored>>
beforeAll(async () => {
  learned = await scored('learned', 'learned', ['blocks.0', 'blocks.1'])
  random = await scored('random', 'random', ['blocks.0', 'blocks.1'])
})

describe('scores of alignment', () => {
  it('are on the page of their run', async () => {
    await writeReport(of('learned'))
    expect(read('learned', 'report.html')).toMatch(new RegExp(`encoding-v4.*${learned.committed.toFixed(3)}`, 's'))
  })

  it('of several runs are put beside each other, pixels once', async () => {
    const pixels = await scored('pixels', 'random', ['pixels'])
    const { networks, page } = await writeComparison([of('learned'), of('random'), of('pixels')], of('comparison'))
    expect(networks.map(({ name, results }) => [name, results.map(({ value }) => value)])).toEqual([
      ['learned', [learned.committed]],
      ['random', [random.committed]],
      ['pixels', []],
      ['pixels, 3 x 16 x 16', [pixels.pixels]],
    ])
    const text = readFileSync(page, 'utf8')
    for (const value of [learned.committed, random.committed, pixels.pixels as number]) expect(text).toContain(value.toFixed(3))
    expect(JSON.parse(read('comparison', 'comparison.json')).networks).toEqual(JSON.parse(JSON.stringify(networks)))
    expect(existsSync(of('comparison', 'encoding-v4.svg'))).toBe(true)
  })

  it('of a network that has changed since are left out and named', async () => {
    const record = JSON.parse(read('random', 'encoding-v4.json'))
    mkdirSync(of('stale'))
    const { net } = await fitComponents(
      images,
      waveletNet({ units: [4], image: [16, 16] }),
      { principal: 3 },
      { out: of('stale') },
    )
    net.dispose()
    writeFileSync(of('stale', 'encoding-v4.json'), JSON.stringify(record))
    await writeReport(of('stale'))
    expect(read('stale', 'report.html')).toContain('encoding-v4.json is of another network and is left out')
    await expect(writeComparison([of('stale')], of('none'))).rejects.toThrow(/runs is without scores; expected/)
    expect(existsSync(of('none'))).toBe(false)
  })

  it('that are damaged, or folders that cannot be told apart, are refused by name', async () => {
    await expect(writeComparison([of('random'), of('random')], of('none'))).rejects.toThrow(/two folders named random/)
    await expect(writeComparison([of('learned'), of('random')], of('learned'))).rejects.toThrow(/is the folder of a run/)
    mkdirSync(of('damaged'))
    using net = await loadNetwork(of('random', 'model.safetensors'))
    await net.save(of('damaged', 'model.safetensors'))
    writeFileSync(of('damaged', 'rsa-it.json'), '{"kind":"rsa"}')
    await expect(writeComparison([of('damaged')], of('none'))).rejects.toThrow(/rsa-it\.json is damaged or of another kind/)
  })
})
