// `striate render`, as a user gives it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
    expect(JSON.parse(whole.stdout)).toEqual({ out: 'whole', count: 8, classes: ['mug', 'vase'], metadata: 'metadata.parquet' })
    expect(readdirSync(join(folder, 'whole')).sort()).toEqual(['metadata.parquet', 'mug', 'scenes.json', 'vase'])
    const part = striateIn(folder, ...solid, '--first', '3', '--count', '2', '--out', 'part')
    expect(part.status, part.stderr).toBe(0)
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

  it('refuses in one sentence, before any work', () => {
    const refuses = (code: number, text: RegExp, ...args: string[]) => refusesIn(folder, code, text, args)
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
