// Scenes of solid objects as files, and read back.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type ClassColumn,
  DataError,
  detectImages,
  type Images,
  labelsOf,
  loadFolder,
  type NumberColumn,
  OptionError,
  openImages,
  readNpy,
  resNet18,
  type SolidScenes,
  scenes,
  solidScenes,
  type WriteScenesOptions,
  writeScenes,
} from '../../lib/index.js'
import { wantedOutputs } from '../../lib/train/losses.js'
import { withStatistics } from '../../lib/train/target_heads.js'

const categories = ['bottle', 'jug', 'mug']
const options = { count: 12, size: 24, seed: 2, first: 99, categories }
let set: SolidScenes
let root: string
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'striate-solid-files-'))
  set = await solidScenes(options)
})
afterAll(() => {
  set.dispose()
  rmSync(root, { recursive: true })
})

const all = Array.from({ length: 12 }, (_, i) => i)
const files = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort()
const contents = (folder: string) =>
  Object.fromEntries(
    files(folder)
      .filter((file) => /\.\w+$/.test(file))
      .map((file) => [file, readFileSync(join(folder, file)).toString('base64')]),
  )
const written = async (name: string, how: WriteScenesOptions = {}, of: SolidScenes = set) => {
  await writeScenes(of, join(root, name), how)
  return join(root, name)
}
const lines = (folder: string): Record<string, string | number>[] =>
  readFileSync(join(folder, 'metadata.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string | number>)

describe('files of solid scenes', () => {
  const ways = [
    { layout: 'folders', metadata: 'parquet' },
    { layout: 'folders', metadata: 'jsonl' },
    { layout: 'shards', metadata: 'parquet' },
    { layout: 'shards', metadata: 'jsonl' },
  ] as const
  it.each(ways)('are read with every target and pixel: $layout, $metadata', async ({ layout, metadata }) => {
    const folder = await written(`${layout}-${metadata}`, { layout, metadata })
    expect(await detectImages(folder)).toBe(layout === 'folders' ? 'folder' : 'shards')
    const images = await openImages(folder)
    expect(images.targets).toEqual(set.targets)
    expect(images.pixels).toEqual(await set.rows(all))
    const part = await openImages(folder, { limit: 5, memoryLimit: 0 })
    expect(part.pixels).toBeNull()
    const labels = labelsOf(part)?.labels as Int32Array
    expect([labels.length, new Set(labels).size]).toEqual([5, 3])
  })

  it('hold the same bytes of an image whatever the series around it', async () => {
    const folder = await written('whole', { metadata: 'jsonl' })
    const tail = await solidScenes({ ...options, count: 4, first: 105 })
    const other = await written('tail', { metadata: 'jsonl' }, tail)
    tail.dispose()
    const images = (of: string) => Object.entries(contents(of)).filter(([file]) => file.endsWith('.png'))
    expect(images(other)).toHaveLength(4)
    for (const [file, bytes] of images(other)) expect(contents(folder)[file]).toBe(bytes)
    expect(lines(other)).toEqual(lines(folder).slice(6, 10))
  })

  it('describe the set, and every image as its record and its pixels do', async () => {
    const folder = await written('described', { metadata: 'jsonl' })
    const { seen } = await set.views(all, {})
    expect(lines(folder)).toEqual(
      all.map((i) => ({ file: `${set.record(i).class}/${String(99 + i).padStart(6, '0')}.png`, ...set.record(i), ...seen[i] })),
    )
    const description = JSON.parse(readFileSync(join(folder, 'scenes.json'), 'utf8'))
    const { distance, class: labels } = set.targets as { distance: NumberColumn; class: ClassColumn }
    expect(description).toMatchObject({
      name: 'solid-scenes/seed-2/99-110',
      sha256: set.sha256,
      count: 12,
      size: 24,
      format: 'png',
      origin: { kind: 'solid', sampling: 'tdw-2023', materials: 'random', ranges: { offsetDistance: [0.8, 3] } },
      columns: {
        class: { kind: 'class', classes: labels.classes, counts: [4, 4, 4] },
        distance: { kind: 'number', unit: 'm', mean: distance.mean, deviation: distance.deviation },
        rotationX: { kind: 'angle', unit: 'deg' },
      },
    })
  })

  it('tell of angles the deviation that training divides by', async () => {
    const description = JSON.parse(readFileSync(join(await written('angles'), 'scenes.json'), 'utf8'))
    const heads = ['rotationX', 'rotationY', 'distance'].map((name) => ({ name, loss: 'mse' as const }))
    const config = resNet18({ image: [24, 24], width: 1, heads })
    for (const head of withStatistics(config, set).heads ?? []) {
      const { mean, deviation } = description.columns[head.name]
      expect([head.mean, head.deviation]).toEqual([mean, deviation])
      const column = set.targets[head.name] as NumberColumn
      const wanted = [...column.values].map((value) => wantedOutputs({ outputs: 1, mean, deviation }, column, value)[0] as number)
      expect(wanted.reduce((sum, value) => sum + value ** 2, 0) / wanted.length).toBeCloseTo(1, 5)
    }
  })

  it('have masks and depths beside them when asked for', async () => {
    const { masks, depths } = await set.views(all, { masks: true, depths: true })
    const folder = await written('beside', { masks: true, depths: true, metadata: 'jsonl' })
    for (const [i, { file }] of lines(folder).entries()) {
      const stem = String(file).replace('.png', '')
      const mask = sharp(join(folder, 'masks', `${stem}.png`))
      expect((await mask.metadata()).channels).toBe(1)
      const data = await mask.toColourspace('b-w').raw().toBuffer()
      expect(new Uint8Array(data)).toEqual(masks?.slice(i * 576, (i + 1) * 576))
      const depth = await readNpy(join(folder, 'depths', `${stem}.npy`))
      expect([depth.shape, depth.data]).toEqual([[24, 24], depths?.slice(i * 576, (i + 1) * 576)])
    }
    expect((await openImages(folder)).targets).toEqual(set.targets)
    // What was deleted of them is made again.
    const before = contents(folder)
    const stem = String(lines(folder)[0]?.file).replace('.png', '')
    for (const lost of [`masks/${stem}.png`, `depths/${stem}.npy`]) {
      unlinkSync(join(folder, lost))
      await writeScenes(set, folder, { masks: true, depths: true, metadata: 'jsonl' })
      expect(contents(folder)).toEqual(before)
    }
    const shards = await written('beside-shards', { masks: true, depths: true, layout: 'shards' })
    expect((await openImages(shards)).pixels).toEqual(await set.rows(all))
    const flat = writeScenes(scenes({ count: 2 }), join(root, 'flat'), { masks: true })
    await expect(flat).rejects.toThrow('views: masks is asked for of flat scenes; expected them of solid scenes alone')
  })

  it('may be JPEG, near the pixels', async () => {
    const images = await openImages(await written('jpeg', { format: 'jpeg' }))
    const pixels = await set.rows(all)
    const squares = (images.pixels as Uint8Array).reduce((sum, value, i) => sum + (value - (pixels[i] as number)) ** 2, 0)
    // Quality 95 quantises to steps of a few grey values: far below 8 in the root mean square.
    expect(Math.sqrt(squares / pixels.length)).toBeLessThan(8)
    expect(images.targets).toEqual(set.targets)
  })

  it('are completed by the same call after a stop, and end as if it had not been', async () => {
    for (const layout of ['folders', 'shards'] as const) {
      const whole = await written(`ref-${layout}`, { layout, masks: true })
      const folder = join(root, `half-${layout}`)
      const stop = new AbortController()
      const onProgress = ({ done }: { done: number }) => {
        if (done === 7) stop.abort(new Error('enough'))
      }
      await expect(writeScenes(set, folder, { layout, masks: true, signal: stop.signal, onProgress })).rejects.toThrow('enough')
      await expect(openImages(folder)).rejects.toThrow(/is a set of scenes that is not finished/)
      await expect(writeScenes(set, folder, { layout, masks: false })).rejects.toThrow(
        /is the folder of solid-scenes\/seed-2\/99-110 with masks true; expected the same with masks false/,
      )
      await writeScenes(set, folder, { layout, masks: true })
      expect(contents(folder)).toEqual(contents(whole))
    }
  })

  it('are refused where the table does not fit the images', async () => {
    const refused = async (
      name: string,
      spoil: (folder: string, table: string) => void,
      text: RegExp,
      layout: 'folders' | 'shards' = 'folders',
    ) => {
      const folder = await written(name, { metadata: 'jsonl', layout })
      spoil(folder, join(folder, 'metadata.jsonl'))
      const opened: Promise<Images> = openImages(folder)
      await expect(opened).rejects.toThrow(DataError)
      await expect(opened).rejects.toThrow(text)
    }
    const rewrite = (change: (rows: string[]) => string[]) => (_: string, table: string) =>
      writeFileSync(table, change(readFileSync(table, 'utf8').trimEnd().split('\n')).join('\n'))
    await refused(
      'short',
      rewrite((rows) => rows.slice(1)),
      /metadata\.jsonl is of 11 images; expected 12, as scenes\.json says/,
    )
    await refused(
      'twice',
      rewrite((rows) => [...rows.slice(1), rows[2] as string]),
      /a table that names a file twice/,
    )
    await refused(
      'no-json',
      rewrite((rows) => ['{"file":', ...rows.slice(1)]),
      /metadata\.jsonl \(line 1\) is damaged \(no JSON\)/,
    )
    await refused(
      'no-number',
      rewrite(([first, ...rows]) => [(first as string).replace(/"distance":[^,]+/, '"distance":null'), ...rows]),
      /with distance null in row 0; expected a number/,
    )
    await refused(
      'no-class',
      rewrite(([first, ...rows]) => [(first as string).replace(/"class":"\w+"/, '"class":"unicorn"'), ...rows]),
      /with class unicorn in row 0; expected one of its classes/,
    )
    await refused('no-table', (_, table) => unlinkSync(table), /metadata\.jsonl is missing/)
    await refused(
      'gone',
      (folder) => unlinkSync(join(folder, lines(folder)[3]?.file as string)),
      /\d{6}\.png is missing; expected the image that the set's table names/,
    )
    await refused(
      'more',
      (folder) =>
        writeFileSync(
          join(folder, categories[0] as string, 'more.png'),
          readFileSync(join(folder, lines(folder)[0]?.file as string)),
        ),
      /more\.png is without a row in the set's table/,
    )
    await refused(
      'shard',
      rewrite((rows) => rows.map((row) => row.replace('000104.png', '000204.png'))),
      /scenes-000000\.tar\/000204\.png is missing/,
      'shards',
    )
    // Told to look at the folders alone, the loader does without the table.
    const bare = await loadFolder(join(root, 'no-table'), { labels: 'none' })
    expect(bare.targets).toEqual({})
  })

  it('are not written over anything', async () => {
    const folder = await written('kept')
    const other = await solidScenes({ ...options, seed: 3 })
    await expect(writeScenes(other, folder)).rejects.toThrow(OptionError)
    other.dispose()
    writeFileSync(join(root, 'file'), '')
    await expect(writeScenes(set, join(root, 'file', 'inside'))).rejects.toThrow(DataError)
    await expect(writeScenes(set, folder, { layout: 'heap' } as never)).rejects.toThrow(
      /layout is 'heap'; expected 'folders' or 'shards'/,
    )
    expect(existsSync(join(folder, 'unfinished-scenes.json'))).toBe(false)
  })
})
