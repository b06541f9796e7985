// `striate render`, as a user gives it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { labelsOf, openImages, solidScenes } from '../../lib/index.js'
import { refusesIn, striateIn } from './command.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-render-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const solid = ['render', '--scene', 'solid', '--seed', '4', '--size', '24', '--categories', 'mug,vase']

describe('render', () => {
  it('writes solid scenes with one table, the same image at the same number', async () => {
    const whole = striateIn(folder, ...solid, '--count', '8', '--out', 'whole', '--json')
    expect(whole.status, whole.stderr).toBe(0)
    expect(JSON.parse(whole.stdout)).toEqual({
      ...{ out: 'whole', count: 8, classes: ['mug', 'vase'], metadata: 'metadata.parquet', page: join('whole', 'index.html') },
    })
    expect(readdirSync(join(folder, 'whole')).sort()).toEqual(['index.html', 'metadata.parquet', 'mug', 'scenes.json', 'vase'])
    const part = striateIn(folder, ...solid, '--first', '3', '--count', '2', '--no-page', '--out', 'part')
    expect(part.status, part.stderr).toBe(0)
    expect(readdirSync(join(folder, 'part')).sort()).toEqual(['metadata.parquet', 'mug', 'scenes.json', 'vase'])
    const images = ['mug', 'vase'].flatMap((name) => readdirSync(join(folder, 'part', name)).map((file) => join(name, file)))
    expect(images.map((file) => file.slice(-10)).sort()).toEqual(['000003.png', '000004.png'])
    for (const file of images) expect(readFileSync(join(folder, 'part', file))).toEqual(readFileSync(join(folder, 'whole', file)))
    using set = await solidScenes({ count: 8, seed: 4, size: 24, categories: ['mug', 'vase'] })
    const opened = await openImages(join(folder, 'whole'))
    expect([opened.pixels, opened.targets]).toEqual([await set.rows([0, 1, 2, 3, 4, 5, 6, 7]), set.targets])
  })

  it('takes ranges, ways of writing and the sampling as flags', async () => {
    const flags = [
      '--sampling',
      'tdw-2024',
      '--ranges-offset-distance',
      '2,2.5',
      '--ranges-aim-pitch-deg',
      '0,0',
      '--layout',
      'shards',
      '--no-page',
    ]
    const { status, stderr } = striateIn(
      folder,
      ...solid,
      ...flags,
      '--format',
      'jpeg',
      '--metadata',
      'jsonl',
      '--count',
      '6',
      '--out',
      'ways',
    )
    expect(status, stderr).toBe(0)
    const rows = readFileSync(join(folder, 'ways', 'metadata.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
    for (const row of rows) {
      const { file, offsetDistance, aimPitchDeg } = JSON.parse(row)
      expect(file).toMatch(/^scenes-000000\.tar\/00000\d\.jpg$/)
      expect([offsetDistance >= 2, offsetDistance <= 2.5, aimPitchDeg]).toEqual([true, true, 0])
    }
    expect(labelsOf(await openImages(join(folder, 'ways')))?.labels.length).toBe(6)
  })

  it('writes the page that is missing of a set that is whole', () => {
    const flat = ['render', '--count', '16', '--size', '8', '--out', 'flat']
    const bare = striateIn(folder, ...flat, '--no-page', '--json')
    expect([bare.status, JSON.parse(bare.stdout).page]).toEqual([0, null])
    const time = statSync(join(folder, 'flat', 'scenes.json')).mtimeMs
    const { status, stdout } = striateIn(folder, ...flat)
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^page: flat.index\.html$/m)])
    expect(readFileSync(join(folder, 'flat', 'index.html'), 'utf8')).toContain('<h1>Scenes of flat shapes</h1>')
    expect(statSync(join(folder, 'flat', 'scenes.json')).mtimeMs).toBe(time)
  })

  it('writes a page of objects in place of scenes', () => {
    const flags = ['--scene', 'solid', '--catalogue', '--categories', 'mug,vase', '--instances', '3,4']
    const { status, stdout, stderr } = striateIn(folder, 'render', ...flags, '--out', 'objects', '--json')
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ out: 'objects', page: join('objects', 'index.html'), categories: 2, objects: 4 })
    expect(readdirSync(join(folder, 'objects'))).toEqual(['index.html'])
    const refuses = (text: RegExp, ...args: string[]) => refusesIn(folder, 2, text, ['render', ...args])
    refuses(/--catalogue is given for flat scenes; expected it only with --scene solid/, '--catalogue', '--out', 'a')
    refuses(/--count is given with --catalogue; expected --catalogue without it/, ...flags, '--count', '3', '--out', 'a')
    refuses(/--no-page is given with --catalogue/, ...flags, '--no-page', '--out', 'a')
    refuses(/whole is not empty \(it holds metadata\.parquet\)/, ...flags, '--out', 'whole')
    refuses(/categories is a list with 'unicorn'/, ...flags, '--categories', 'unicorn', '--out', 'a')
  })

  it('refuses in one sentence, before any work', () => {
    const refuses = (code: number, text: RegExp, ...args: string[]) => refusesIn(folder, code, text, args)
    refuses(2, /render: --count is missing; expected a whole number of at least 1/, 'render', '--out', 'a')
    refuses(
      2,
      /--photos is given for flat scenes; expected it only with --scene solid/,
      'render',
      '--count',
      '2',
      '--photos',
      'p',
      '--out',
      'a',
    )
    refuses(
      2,
      /--ranges-x is given for solid scenes; expected it only with --scene flat/,
      ...solid,
      '--count',
      '2',
      '--ranges-x',
      '0,1',
      '--out',
      'a',
    )
    refuses(
      2,
      /'--count <n>' argument '0' is invalid\. expected a whole number of at least 1/,
      ...solid,
      '--count',
      '0',
      '--out',
      'a',
    )
    refuses(
      2,
      /'--field-of-view-deg <x>' argument '180' is invalid/,
      ...solid,
      '--count',
      '2',
      '--field-of-view-deg',
      '180',
      '--out',
      'a',
    )
    refuses(2, /categories is a list with 'unicorn'/, ...solid.slice(0, -1), 'unicorn', '--count', '2', '--out', 'a')
    refuses(
      2,
      /ranges is such that 256 draws of image 0 show/,
      ...solid,
      '--count',
      '2',
      '--ranges-aim-yaw-deg',
      '85,89',
      '--out',
      'a',
    )
    refuses(1, /photos is missing/, ...solid, '--count', '2', '--photos', 'photos', '--out', 'a')
    writeFileSync(join(folder, 'file'), '')
    refuses(1, /file.inside is inside something that is not a folder/, ...solid, '--count', '2', '--out', join('file', 'inside'))
    expect(existsSync(join(folder, 'a'))).toBe(false)
  })
})
