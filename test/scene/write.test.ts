// Sets of scenes in folders: one set each, and no half of one that passes for a whole.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { classColumn, DataError, type LoadProgress, labelsOf, loadFolder, OptionError, openImages } from '../../lib/index.js'
import { type SceneSet, scenes, writeScenes } from '../../lib/scene/index.js'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'striate-scenes-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const options = { count: 80, size: 12, seed: 3 }
const files = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort()
const all = (folder: string) =>
  Object.fromEntries(
    files(folder)
      .filter((file) => /\.\w+$/.test(file))
      .map((file) => [file, readFileSync(join(folder, file))]),
  )

/** A set of two images, each of a class called so. */
function called(classes: readonly string[]): SceneSet {
  const set = scenes({ ...options, count: 2 })
  const record = (index: number) => ({ ...set.record(index), class: classes[index] as string })
  return { ...set, targets: { class: classColumn(classes, [0, 1]) }, record }
}

/** Writes a part of a set. */
async function half(folder: string): Promise<void> {
  const stop = new AbortController()
  const onProgress = ({ done }: LoadProgress) => {
    if (done === 64) stop.abort(new Error('enough'))
  }
  await expect(writeScenes(scenes(options), folder, { signal: stop.signal, onProgress })).rejects.toThrow('enough')
}

describe('writeScenes', () => {
  it('makes a set that is opened as data, and leaves it as it is when it is asked for again', async () => {
    const folder = join(root, 'whole')
    await writeScenes(scenes(options), folder)
    const images = await openImages(folder)
    expect(images.shape).toEqual([80, 3, 12, 12])
    expect(labelsOf(images)?.classes).toHaveLength(8)
    expect(images.targets).toEqual(scenes(options).targets)
    expect(files(folder).filter((file) => /lock|tmp|unfinished/.test(file))).toEqual([])
    const time = statSync(join(folder, 'metadata.parquet')).mtimeMs
    await writeScenes(scenes(options), folder)
    expect(statSync(join(folder, 'metadata.parquet')).mtimeMs).toBe(time)
  })

  it('leaves half a set that is refused as data, and that the same call completes', async () => {
    const folder = join(root, 'half')
    await half(folder)
    const refused = /half is a set of scenes that is not finished \(it holds unfinished-scenes\.json\); expected a whole one/
    await expect(openImages(folder)).rejects.toThrow(DataError)
    for (const attempt of [openImages, loadFolder]) await expect(attempt(folder)).rejects.toThrow(refused)
    // As a part of larger data too.
    mkdirSync(join(root, 'parts', 'test'), { recursive: true })
    await half(join(root, 'parts', 'train'))
    await expect(openImages(join(root, 'parts'))).rejects.toThrow(/train is a set of scenes that is not finished/)

    // Left by a process that was killed in the middle of a file.
    writeFileSync(join(folder, 'disc', '.000001.png.0123456789ab.tmp'), 'half')
    const first = files(folder).find((file) => file.endsWith('.png')) as string
    const time = statSync(join(folder, first)).mtimeMs
    await writeScenes(scenes(options), folder)
    expect(statSync(join(folder, first)).mtimeMs).toBe(time)
    const whole = join(root, 'reference')
    await writeScenes(scenes(options), whole)
    expect(all(folder)).toEqual(all(whole))
    expect(existsSync(join(folder, 'disc', '.000001.png.0123456789ab.tmp'))).toBe(false)
  })

  it('makes what was deleted of a whole set again', async () => {
    const folder = join(root, 'deleted')
    const set = scenes({ ...options, count: 8 })
    await writeScenes(set, folder)
    const before = all(folder)
    const images = files(folder).filter((file) => file.endsWith('.png'))
    const kept = statSync(join(folder, images[1] as string)).mtimeMs
    for (const lost of [images[0] as string, 'metadata.parquet']) {
      rmSync(join(folder, lost))
      await writeScenes(set, folder)
      expect(all(folder)).toEqual(before)
    }
    expect(statSync(join(folder, images[1] as string)).mtimeMs).toBe(kept)
    expect(existsSync(join(folder, 'unfinished-scenes.json'))).toBe(false)
  })

  it.each([
    ['masks', /a category is called 'masks'; expected a name that a set's own files do not have \(masks, depths, /],
    ['Depths', /called 'Depths'/],
    ['Metadata.Parquet', /called 'Metadata\.Parquet'/],
    ['metadata.jsonl', /called 'metadata\.jsonl'/],
    ['scenes.json', /called 'scenes\.json'/],
    ['unfinished-scenes.json', /called 'unfinished-scenes\.json'/],
    ['index.html', /called 'index\.html'/],
    ['scenes.lock', /called 'scenes\.lock'/],
    ['scenes-000000.tar', /called 'scenes-000000\.tar'/],
    ['img_meta_headers.txt', /called 'img_meta_headers\.txt'/],
    ['.hidden', /called '\.hidden'/],
    ['', /called ''/],
    ['train', /called 'train' beside another called 'test'; expected names that are not those of the parts of a data set/],
  ])('refuses a category called %j before anything is written', async (category, message) => {
    const classes = category === 'train' ? [category, 'test'] : ['disc', category]
    const written = writeScenes(called(classes), join(root, 'renamed'))
    await expect(written).rejects.toThrow(message)
    await expect(written).rejects.toThrow(OptionError)
    expect(existsSync(join(root, 'renamed'))).toBe(false)
  })

  it('takes any category in shards, and any other in folders', async () => {
    const sets = [
      { classes: ['masks', 'train'], layout: 'shards' },
      { classes: ['train', 'metadata'], layout: 'folders' },
    ] as const
    for (const { classes, layout } of sets) {
      await writeScenes(called(classes), join(root, `any-${layout}`), { layout })
      expect(labelsOf(await openImages(join(root, `any-${layout}`)))?.classes).toEqual(classes)
    }
  })

  it('does not mix two sets, nor a set with other files', async () => {
    const folder = join(root, 'mixed')
    await writeScenes(scenes(options), folder)
    await half(join(root, 'mixed-half'))
    for (const place of [folder, join(root, 'mixed-half')]) {
      const before = files(place)
      const other = writeScenes(scenes({ ...options, seed: 4 }), place)
      await expect(other).rejects.toThrow(OptionError)
      await expect(other).rejects.toThrow(
        /is the folder of another set \(scenes\/seed-3\/0-79, made by Striate .*\); expected one for scenes\/seed-4\/0-79/,
      )
      expect(files(place)).toEqual(before)
    }
    mkdirSync(join(root, 'other'))
    writeFileSync(join(root, 'other', 'notes.txt'), '')
    await expect(writeScenes(scenes(options), join(root, 'other'))).rejects.toThrow(/other is not empty \(it holds notes\.txt\)/)
    writeFileSync(join(folder, 'scenes.json'), '{"name": 3}')
    await expect(writeScenes(scenes(options), folder)).rejects.toThrow(
      /scenes\.json is damaged or of another kind \(in it name is 3/,
    )
  })

  it('has one writer at a time', async () => {
    const folder = join(root, 'twice')
    const both = await Promise.allSettled([writeScenes(scenes(options), folder), writeScenes(scenes(options), folder)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const lost = both.find(({ status }) => status === 'rejected') as PromiseRejectedResult
    expect(String(lost.reason)).toMatch(/writeScenes: .*twice is in work by process \d+/)
    expect((await openImages(folder)).shape[0]).toBe(80)
  })
})
