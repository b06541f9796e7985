// Every recipe on images that are decoded as they are read, stopped at many moments and resumed: the same bytes in the end.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataError, type Images } from '../../lib/index.js'
import { components, filters, local, type Recipe, readout, reservoir, size, stack, supervised } from './recipes.js'
import { makePair, watchedRows } from './sources.js'

let folder: string
let disk: Images
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-stopped-'))
  disk = (await makePair(join(folder, 'images'), 144, size)).disk
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Moments to stop at: when it tells of its progress, and when it asks for images. */
type Moment = { progress: number } | { rows: number }
const describeMoment = (moment: Moment) =>
  'progress' in moment ? `at its word ${moment.progress}` : `at its read ${moment.rows}`

async function stopAndResume(recipe: Recipe, moment: Moment, out: string) {
  const controller = new AbortController()
  const reason = new Error('enough')
  let told = 0
  const images = watchedRows(disk, (_, call) => 'rows' in moment && call === moment.rows && controller.abort(reason))
  const stopped = recipe(images, {
    out,
    signal: controller.signal,
    onProgress: () => 'progress' in moment && ++told === moment.progress && controller.abort(reason),
  })
  await expect(stopped).rejects.toBe(reason)
  return recipe(disk, { out, resume: true })
}

describe('a recipe, stopped and resumed', () => {
  const moments = (progress: number[], rows: number[]): Moment[] => [
    ...progress.map((n) => ({ progress: n })),
    ...rows.map((n) => ({ rows: n })),
  ]
  const stopping: [string, Recipe, Moment[]][] = [
    ['filters of three reservoirs', filters({ reservoir }), moments([1, 30, 59, 60, 61, 89], [1, 2, 3])],
    [
      'filters by spherical k-means',
      filters({ rule: 'spherical-k-means', steps: 600, batch: 20, reservoir }),
      moments([40, 90], [2]),
    ],
    ['a readout of cached features', readout(null), moments([1, 2, 5, 8, 9], [1, 2])],
    ['a readout of recomputed features', readout(20_000), moments([1, 4], [1, 13])],
    [
      'a network trained end to end',
      supervised({ augment: { crop: 2, flip: true, resizedCrop: 0.2 } }, true),
      moments([1, 7, 8, 12, 17], [1, 2, 9, 14]),
    ],
    ['components of a wavelet network', components({}), moments([1, 7, 8, 9, 15, 22], [1, 2, 9])],
    ['components of pixels, nothing kept', components({ statistics: 'pixels', memoryLimit: 0 }), moments([9], [10])],
    ['a local network on a trunk of two', local(stack), moments([20, 130, 247], [2, 4])],
  ]

  describe.each(stopping)('%s', (name, recipe, at) => {
    const slug = name.replaceAll(' ', '-')
    let expected: unknown
    let bytes: Buffer | null = null
    const modelOf = (out: string): Buffer | null => (/network/.test(name) ? readFileSync(join(out, 'model.safetensors')) : null)
    beforeAll(async () => {
      const out = mkdtempSync(join(folder, `${slug}-`))
      expected = await recipe(disk, { out })
      bytes = modelOf(out)
    })
    it.each(at.map((moment) => [describeMoment(moment), moment] as const))('%s', async (_, moment) => {
      const out = mkdtempSync(join(folder, `${slug}-`))
      expect(await stopAndResume(recipe, moment, out)).toEqual(expected)
      if (bytes) expect(modelOf(out)?.equals(bytes)).toBe(true)
    })
  })
})

describe('a file that is damaged while a run is on', () => {
  it.each([
    ['filters', filters({ reservoir: 144 * 3 * size * size }), 1],
    ['a readout', readout(null), 2],
    ['a network trained end to end', supervised({}), 9],
  ] as const)('ends %s with its name, and the run goes on once it is mended', async (name, recipe, call) => {
    const out = mkdtempSync(join(folder, 'damaged-'))
    const expected = await recipe(disk, {})
    const victim = join(folder, 'images', 'star', readdirSync(join(folder, 'images', 'star'))[3] as string)
    const sound = readFileSync(victim)
    const failing = watchedRows(disk, (_, at) => at === call && writeFileSync(victim, sound.subarray(0, 60)))
    try {
      const failed = recipe(failing, { out, checkpointSeconds: 0 })
      await expect(failed, name).rejects.toBeInstanceOf(DataError)
      await expect(recipe(disk, { out, resume: true }), name).rejects.toThrow(victim)
    } finally {
      writeFileSync(victim, sound)
    }
    expect(await recipe(disk, { out, resume: true })).toEqual(expected)
  })
})
