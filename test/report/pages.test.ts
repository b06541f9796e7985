// Pages of runs, made from what a folder holds; each kind of run has one.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { classify, convNet, labelsOf, renderSet, selectImages, shadows, trainLocal, trainSupervised } from '../../lib/index.js'
import { writeClassification, writeDemoPage, writeReport, writeShadows } from '../../lib/report/index.js'
import { runDemo } from '../../lib/reproduce/index.js'
import { networkSha256 } from '../../lib/run/index.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-report-'))
afterAll(() => rmSync(folder, { recursive: true }))

const images = await renderSet({ count: 160, size: 16, seed: 2 })
const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8')

describe('writeReport', () => {
  it('shows a local run with what was evaluated since, the same bytes each time', async () => {
    const out = join(folder, 'local')
    const { net } = await trainLocal(
      images,
      { filters: { units: 8, steps: 60, batch: 100 }, readout: { poolSize: 3, epochs: 2, batch: 20 } },
      { out },
    )
    using trained = net
    expect(await writeReport(out)).toBe(join(out, 'report.html'))
    const before = read('local', 'report.html')
    for (const text of ['Filters', 'Learning without labels', 'Readout', 'Validation error', images.sha256])
      expect(before).toContain(text)
    expect(before).not.toContain('changed light')
    await writeReport(out)
    expect(read('local', 'report.html')).toBe(before)

    const scores = await shadows(trained, images, { lights: [{ kind: 'shadow', strengths: [0.3] }] })
    await writeShadows(out, 'test', images, scores, await networkSha256(out))
    await writeReport(out)
    const page = read('local', 'report.html')
    expect(page).toContain('Error in changed light')
    // Shares in the record are percent on the page.
    const { value } = scores.unmodified
    expect(value).toBeGreaterThan(0)
    expect(value).toBeLessThanOrEqual(1)
    expect(page).toContain(`${(100 * value).toFixed(2)} % wrong as they are`)

    const result = await classify(trained, images)
    const network = await networkSha256(out)
    await writeClassification(out, 'test', result, trained.classes, network)
    const record = JSON.parse(read('local', 'classify-test.json'))
    expect(record).toMatchObject({ network, score: { value, unit: '' }, loss: result.loss, classes: [...trained.classes] })
    expect(record).not.toHaveProperty('prediction')

    // The score and every number of the confusion table are on the page; what is known of a part of the images is not.
    const part = await selectImages(images, Int32Array.of(0, 1, 2))
    await writeClassification(out, 'test-first-3', await classify(trained, part), trained.classes, network)
    await writeReport(out)
    const scored = read('local', 'report.html')
    expect(scored).toMatch(new RegExp(`Test error.{0,200}${(100 * value).toFixed(2)}`, 's'))
    expect(scored).toContain(`${result.score.raw.wrong} of 160 images wrong`)
    expect(scored).not.toContain('of 3 images')
    const table = /Images of each class by the class.*?<tbody>(.*?)<\/tbody>/s.exec(scored)?.[1] ?? ''
    const rows = [...table.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = '']) =>
      [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell),
    )
    expect(rows).toEqual(result.confusion.map((row, i) => [trained.classes[i], ...row.map(String)]))

    await writeClassification(out, 'test', result, trained.classes, 'another')
    await writeReport(out)
    expect(read('local', 'report.html')).toContain('classify-test.json is of another network and is left out')
    expect(read('local', 'report.html')).not.toContain('Test error')
  })

  it('shows a network trained end to end, head by head where there are several', async () => {
    const out = join(folder, 'supervised')
    const { classes = [] } = labelsOf(images) ?? {}
    const config = convNet({ channels: 3, image: [16, 16], classes, blocks: [{ window: 3, units: 4, pool: { size: 5 } }] })
    const heads = [...config.heads, { name: 'x', target: 'x', loss: 'mse' as const, classes: [], outputs: 1, weight: 0.5 }]
    const readout = { kind: 'linear' as const, name: 'readout', units: classes.length + 1 }
    const both = { ...config, heads, layers: [...config.layers.slice(0, -1), readout] }
    const { net } = await trainSupervised(images, both, { epochs: 2, batch: 20, validation: 0.25 }, { out })
    net.dispose()
    await writeReport(out)
    const page = read('supervised', 'report.html')
    for (const text of ['Weighted sum of the heads', 'Validation by head', 'weights of epoch']) expect(page).toContain(text)
    expect(existsSync(join(out, 'loss.svg'))).toBe(true)
    // No error of one head stands for both.
    expect(existsSync(join(out, 'error.svg'))).toBe(false)
  })

  it('names what is missing or damaged', async () => {
    await expect(writeReport(join(folder, 'nowhere'))).rejects.toThrow(
      /run.json is missing; expected the record of a finished run/,
    )
    writeFileSync(join(folder, 'run.json'), '{')
    await expect(writeReport(folder)).rejects.toThrow(/run.json is damaged \(no JSON\)/)
    writeFileSync(join(folder, 'run.json'), '{"kind": "another"}')
    await expect(writeReport(folder)).rejects.toThrow(/run.json is damaged or of another kind/)
  })
})

describe('the demo', () => {
  it('compares learned filters with others, and writes its page', async () => {
    const out = join(folder, 'demo')
    const result = await runDemo({ train: 400, test: 80, units: 12, steps: 100, scenes: 60, seed: 3 }, { out })
    using _net = result.net
    expect(result.networks.map(({ name }) => name)).toEqual(['learned filters', 'random patches', 'random numbers'])
    expect(result.chance).toBe(1 - 1 / 8)
    for (const { plain, shadowed, power } of result.networks) {
      expect([4, 10, 20, 40]).toContain(power)
      for (const { value, raw } of [plain, shadowed]) expect(value).toBe((raw.wrong as number) / 80)
    }
    await writeDemoPage(result, out)
    const page = read('demo', 'report.html')
    expect(page).toContain('random numbers, shadowed')
    expect(page).toContain((100 * (result.networks[0]?.plain.value ?? Number.NaN)).toFixed(2))
    // The folder is that of a run.
    await writeReport(out)
    expect(read('demo', 'report.html')).toContain('Readout')
  })
})
