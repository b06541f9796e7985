// The study of norms, whitening and rules, small: some of its parts on rendered scenes, and what it makes of them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cpu } from '../../lib/index.js'
import { type NetworkResult, recipe, runStudy, type Study, type StudyData, studies } from '../../lib/reproduce/index.js'
import { labelledStudy } from './flat_study.js'

let folder: string
let data: StudyData
const study = studies.find(({ name }) => name === 'label-free') as Study
const scale = { quick: true, seeds: [0] }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-label-free-'))
  ;({ data } = await labelledStudy())
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('label-free', () => {
  it('has every rule in every space that it knows, sizes and responses of two, four networks, and each seed of all', () => {
    const names = study.parts({ quick: false, seeds: [0, 1] }).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toHaveLength(2 * (7 * 5 - 1 + 2 * 2 + 2 * 8 + 4))
    for (const name of [
      'softhebb-raw',
      'oja-norm',
      'patches-whitened',
      'hard-wta-norm-whitened',
      'krotov-hopfield-norm-whitened-w4-k4000',
      'krotov-hopfield-norm-whitened-triangle',
      'whitened-five',
      'whitened-stack',
      'whitened-patches',
    ])
      expect(names).toContain(`label-free-${name}-seed1`)
    expect(names).not.toContain('label-free-spherical-k-means-raw-seed0')
  })

  it('gives blocks in place of a recipe’s what all of those share', () => {
    const blocks = (...given: Parameters<typeof recipe>) => recipe(...given).blocks
    const whiten = { after: 'norm', epsilon: 0.2 } as const
    const filters = { whiten, antiHebbian: 0.2, steps: 20_000 }
    expect(blocks('whitened', { blocks: [{ filters: { window: 6, units: 800 } }] })).toEqual([
      {
        power: 2,
        response: 'both-signs',
        pool: { size: 13, stride: 3, padding: 6 },
        filters: { ...filters, window: 6, units: 800 },
      },
    ])
    // Whose own words count, and those of all blocks before the recipe's.
    const pool = { size: 9 }
    const own = {
      filters: { steps: 5, antiHebbian: 0.1 },
      blocks: [{ pool, response: 'triangle', filters: { antiHebbian: 0.3 } }],
    } as const
    expect(blocks('whitened-five', { ...own, blocks: [...own.blocks] })).toEqual([
      { power: 2, response: 'triangle', pool, filters: { whiten, steps: 5, antiHebbian: 0.3 } },
    ])
    // Five blocks of windows and Deltas of their own share neither.
    expect(blocks('grinberg-five', { blocks: [{}] })).toEqual([{ power: 40, filters: { steps: 20_000 } }])
    expect(blocks('grinberg', { filters: { whiten }, blocks: [{}] })?.[0]?.power).toBeUndefined()
  })

  it('keeps a recipe’s trunk unless another is given', () => {
    const filters = { window: 4, units: 96, rule: 'patches', whiten: { after: 'norm', epsilon: 0.2 }, steps: 7 }
    expect(recipe('whitened-stack', { filters: { steps: 7 } }).trunk).toMatchObject([
      { power: 2, response: 'both-signs', filters },
    ])
    expect(recipe('whitened-stack', { trunk: [{ power: 3 }] }).trunk).toEqual([{ power: 3 }])
  })

  it('keeps what a recipe says of whitening where other things are said of it', () => {
    const { trunk = [], blocks = [] } = recipe('whitened-stack', {
      filters: { whiten: { epsilon: 0.1 } },
      blocks: [{ filters: { whiten: { keep: 9 } } }, {}],
    })
    expect([...trunk, ...blocks].map(({ filters }) => filters?.whiten)).toEqual([
      { after: 'norm', epsilon: 0.1 },
      { after: 'norm', epsilon: 0.1, keep: 9 },
      { after: 'norm', epsilon: 0.1, keep: 256 },
    ])
  })

  it('leaves whitened blocks of other recipes the power of whitened blocks', () => {
    const whiten = { filters: { whiten: { after: 'norm' } } } as const
    const powers = (...given: Parameters<typeof recipe>) => recipe(...given).blocks?.map(({ power }) => power)
    expect(powers('grinberg')).toEqual([40])
    expect(powers('grinberg', whiten)).toEqual([undefined])
    expect(powers('whitened', whiten)).toEqual([2])
  })

  it('makes tables of what was run, and says what each part is worth', async () => {
    const results = new Map<string, unknown>()
    for (const stem of [
      'patches-norm',
      'patches-whitened',
      'patches-norm-whitened',
      'oja-norm',
      'patches-norm-whitened-w3-k400',
      'patches-norm-whitened-both-signs',
      'patches-norm-whitened-triangle',
      'whitened',
    ]) {
      const part = `quick-label-free-${stem}-seed0`
      const records = await runStudy(study, data, { ...scale, part }, { device: cpu(), out: folder })
      for (const [name, { result }] of records) results.set(name, result)
    }
    expect(results.size).toBe(8)
    const of = (stem: string) => results.get(`quick-label-free-${stem}-seed0`) as NetworkResult
    expect(of('patches-norm').network).not.toMatch(/whitened/)
    expect(of('patches-norm-whitened').network).toMatch(/64 filters of 4 x 4, whitened to 48 after norm, power [124],/)
    expect(of('patches-norm-whitened-w3-k400').network).toMatch(/67 filters of 3 x 3, whitened to 27 after norm/)
    expect(of('patches-norm-whitened-both-signs').network).toMatch(/after norm, both signs, power/)
    expect(of('patches-norm-whitened-triangle').network).toMatch(/after norm, triangle code, power/)
    expect(of('whitened').network).toMatch(/24 filters of 4 x 4, whitened to 48 after norm, both signs, power 2, pool 13/)
    const { tables, values } = await study.report(results, scale, { folder, data })
    const [rules, worth, byResponse, bySize, byNetwork, elsewhere] = tables.map(({ rows }) => rows)
    expect(rules?.map(([, space]) => space)).toEqual(['of norm 1', 'of norm 1', 'whitened', 'of norm 1, then whitened'])
    const gain = (from: string, to: string) => {
      const points = (score: 'testError' | 'shadowError') => (100 * (of(from)[score] - of(to)[score])).toFixed(2)
      return [1, points('testError'), points('shadowError')]
    }
    expect(worth).toEqual([
      ['whitening', ...gain('patches-norm', 'patches-norm-whitened')],
      ['the norm before the whitening', ...gain('patches-whitened', 'patches-norm-whitened')],
    ])
    const { seconds } = of('whitened')
    const shown = (result: NetworkResult) => (100 * result.testError).toFixed(2)
    expect(byResponse?.map(([, response]) => response)).toEqual(['rectified', 'both-signs', 'triangle'])
    expect(byResponse?.[1]?.[4]).toBe(shown(of('patches-norm-whitened-both-signs')))
    expect(byNetwork).toHaveLength(1)
    expect(byNetwork?.[0]?.slice(0, 2)).toEqual(['recipe whitened', 1])
    expect(byNetwork?.[0]?.[3]).toBe(shown(of('whitened')))
    expect(byNetwork?.[0]?.at(-1)).toBe(`${Math.round(seconds?.filters ?? -1)} + ${Math.round(seconds?.readout ?? -1)}`)
    expect(elsewhere).toHaveLength(5)
    expect(bySize?.map(([, size]) => size)).toEqual(['67 of 3 x 3'])
    expect(values.map(({ published }) => published)).toEqual([27.8, null, 23, 28, 23, 28, 23, 28, null, null])
    expect(values.flatMap(({ ours }) => ours)).toEqual(
      [of('whitened'), of('patches-norm-whitened')].flatMap((r) => [100 * r.testError, 100 * r.shadowError]),
    )

    // Two seeds: their mean, and their standard deviation.
    const [first, second] = [of('whitened'), { ...of('whitened'), testError: of('whitened').testError + 0.02 }]
    const both = new Map<string, unknown>([
      ['quick-label-free-whitened-seed0', first],
      ['quick-label-free-whitened-seed1', second],
    ])
    const { tables: of2 } = await study.report(both, { quick: true, seeds: [0, 1] }, { folder, data })
    expect(of2[0]?.rows[0]?.[3]).toBe(`${(100 * (first.testError + 0.01)).toFixed(2)} (1.41)`)
  })
})
