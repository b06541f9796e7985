import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { create, Header } from 'tar'
import { describe, expect, it } from 'vitest'
import { detectImages, loadFolder, loadShards, openImages } from '../../lib/data/index.js'
import { at, classesIn, labelsIn, noise, pixelsOf, put, refusal } from './scratch.js'

/** Writes a shard of these entries, in their order. */
async function putShard(path: string, entries: Record<string, Uint8Array | string>): Promise<void> {
  const content = at('content')
  for (const [name, bytes] of Object.entries(entries)) {
    await mkdir(dirname(join(content, name)), { recursive: true })
    await writeFile(join(content, name), bytes)
  }
  await mkdir(dirname(at(path)), { recursive: true })
  await create({ file: at(path), cwd: content, portable: true, noDirRecurse: true }, Object.keys(entries))
  await rm(content, { recursive: true })
}

/** Sample `i` as WebDataset writes it. */
async function sample(i: number, more: Record<string, string> = {}): Promise<Record<string, Uint8Array | string>> {
  const key = String(i).padStart(6, '0')
  const beside = Object.fromEntries(Object.entries(more).map(([extension, text]) => [`${key}.${extension}`, text]))
  return { [`${key}.jpg`]: await noise('jpeg', i), ...beside }
}

async function samples(from: number, to: number, more: (i: number) => Record<string, string>) {
  const all = {}
  for (let i = from; i < to; ++i) Object.assign(all, await sample(i, more(i)))
  return all
}

/** The images alone, as files of a folder, for comparison. */
async function sameImages(count: number): Promise<Uint8Array> {
  for (let i = 0; i < count; ++i) await put(`plain/${String(i).padStart(6, '0')}.jpg`, await noise('jpeg', i))
  return pixelsOf(await loadFolder(at('plain'), { labels: 'none' }))
}

describe('tar shards', () => {
  it('leave out what cannot be decoded and what has no image, hold a share out, and are cut into tiles, as folders are', async () => {
    const cls = (i: number) => ({ cls: String(i % 2) })
    const bad = { '000002.png': 'no image', '000002.cls': '0', 'set.json': '{}', '000003.heic': 'photo', '000003.cls': '1' }
    await putShard('set.tar', { ...(await samples(0, 2, cls)), ...bad, ...(await samples(4, 12, cls)) })
    expect(await refusal(openImages(at('set.tar')), 'set.tar (000002.png)')).toBe('not an image of a known kind')
    for (const memoryLimit of [0, 1e6]) {
      const set = await openImages(at('set.tar'), { skipBad: true, memoryLimit })
      expect(set.skipped?.map(({ name, reason }) => `${name}: ${reason}`)).toEqual([
        'set.tar/000002.png: not an image of a known kind',
        'set.tar/set: entries without an image',
        'set.tar/000003: entries without an image',
      ])
      expect([set.shape[0], ...(labelsIn(set) ?? [])]).toEqual([10, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
      expect((await set.rows([9])).length).toBe(144)
    }
    const held = { skipBad: true, testShare: 0.5 }
    const parts = [await openImages(at('set.tar'), held), await openImages(at('set.tar'), { ...held, split: 'test' })]
    expect(parts.reduce((sum, { shape }) => sum + shape[0], 0)).toBe(10)
    const tiles = await openImages(at('set.tar'), { skipBad: true, fit: 'tile', size: 4 })
    expect([tiles.shape, labelsIn(tiles)?.slice(0, 8)]).toEqual([[40, 3, 4, 4], Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1)])
  })

  it('are read from a file, a folder and a pattern, in memory and as a source', async () => {
    const cls = (i: number) => ({ cls: `${(i * 2) % 5}\n` })
    await putShard('set/train-000000.tar', await samples(0, 4, cls))
    await putShard('set/train-000001.tar', await samples(4, 7, cls))
    await putShard('set/train-000002.tar', await samples(7, 9, cls))
    const pixels = await sameImages(9)
    const set = await openImages(at('set'))
    expect([set.shape, set.name, await detectImages(at('set'))]).toEqual([[9, 3, 6, 8], 'set', 'shards'])
    expect(set.pixels).toEqual(pixels)
    expect(labelsIn(set)).toEqual(Int32Array.of(0, 2, 4, 1, 3, 0, 2, 4, 1))
    expect(classesIn(set)).toEqual(['0', '1', '2', '3', '4'])
    const pattern = at('set', 'train-{000000..000002}.tar')
    expect((await openImages(pattern)).sha256).toBe(set.sha256)
    const middle = await openImages(at('set', 'train-000001.tar'), { classes: ['a', 'b', 'c', 'd', 'e'] })
    expect([middle.name, classesIn(middle)]).toEqual(['train-000001', ['a', 'b', 'c', 'd', 'e']])
    expect(middle.pixels).toEqual(pixels.subarray(4 * 144, 7 * 144))

    const source = await openImages(at('set'), { memoryLimit: 9 * 144 - 1 })
    expect(source.pixels).toBeNull()
    const [rows, others] = await Promise.all([source.rows([8, 0, 4, 3, 8]), source.rows([5])])
    expect(rows).toEqual(await set.rows([8, 0, 4, 3, 8]))
    expect(others).toEqual(await set.rows([5]))
    const few = await openImages(at('set'), { limit: 5 })
    expect([few.shape[0], few.pixels, classesIn(few).length]).toEqual([5, pixels.subarray(0, 5 * 144), 5])
    expect(await refusal(openImages(at('set', 'train-{000001..000003}.tar')), 'set/train-000003.tar')).toBe('missing')
    expect(await refusal(openImages(at('set', 'train-{5..4}.tar')), 'set/train-{5..4}.tar')).toBe(
      'a range that ends before it begins',
    )
  })

  it('have a split where some are named train and others test or val', async () => {
    const none = () => ({})
    await putShard('set/train-0.tar', await samples(0, 2, none))
    await putShard('set/val-0.tar', await samples(2, 3, none))
    expect([(await openImages(at('set'))).shape[0], (await openImages(at('set'), { split: 'test' })).name]).toEqual([
      2,
      'set/test',
    ])
    await rm(at('set', 'val-0.tar'))
    expect((await openImages(at('set'))).shape[0]).toBe(2)
    expect(await refusal(openImages(at('set'), { split: 'test' }), 'set')).toContain('without a train folder')
    await putShard('parts/train/0.tar', await samples(0, 2, none))
    await putShard('parts/test/0.tar', await samples(2, 3, none))
    expect((await openImages(at('parts'), { split: 'test' })).shape[0]).toBe(1)
  })

  it('take targets from what lies beside an image', async () => {
    const words = ['owl', 'cat', 'owl', 'bee']
    await putShard('a.tar', await samples(0, 4, (i) => ({ txt: words[i] as string })))
    const a = await openImages(at('a.tar'))
    expect([labelsIn(a), classesIn(a)]).toEqual([Int32Array.of(2, 1, 2, 0), ['bee', 'cat', 'owl']])
    const json = (i: number) =>
      JSON.stringify({
        age: i / 2,
        owner: i % 2 ? 'ann' : 'bob',
        tame: i > 1,
        tags: [],
        ...(i > 0 && { late: i }),
        mixed: i ? i : 'no',
      })
    await putShard('b.tar', await samples(0, 4, (i) => ({ cls: words[i] as string, json: json(i), txt: String(i * 10) })))
    const { targets, skipped } = await openImages(at('b.tar'))
    expect(Object.keys(targets).sort()).toEqual(['age', 'class', 'owner', 'tame', 'txt'])
    expect(skipped).toEqual([{ name: 'json: late', reason: 'a column of numbers, some of which are missing or not finite' }])
    expect(targets.class).toEqual(a.targets.class)
    expect([targets.age?.kind, targets.age?.values]).toEqual(['number', Float32Array.of(0, 0.5, 1, 1.5)])
    expect(targets.owner).toEqual({ kind: 'class', classes: ['ann', 'bob'], values: Int32Array.of(1, 0, 1, 0) })
    expect(targets.tame).toEqual({ kind: 'class', classes: ['false', 'true'], values: Int32Array.of(0, 0, 1, 1) })
    expect([targets.txt?.kind, targets.txt?.values]).toEqual(['number', Float32Array.of(0, 10, 20, 30)])
  })

  it('pass over odd entries: folders, dot files, files without an image, long names, other extensions', async () => {
    const long = `${'deep/'.repeat(40)}${'n'.repeat(120)}`
    await putShard('a.tar', {
      'README.md': 'what this is',
      'meta.json': '{"of": "the set"}',
      './x/._0.jpg': 'not an image',
      './x/0.jpg': await noise('jpeg', 0),
      './x/0.seg.png': 'not looked at',
      './x/0.cls': '1',
      noextension: 'x',
      [`${long}.PNG`]: await noise('png', 1),
      [`${long}.cls`]: '0',
    })
    const set = await loadShards(at('a.tar'))
    expect([set.shape, labelsIn(set)]).toEqual([[2, 3, 6, 8], Int32Array.of(1, 0)])
    // A name in GNU's form before its entry.
    const image = await noise('png', 2)
    const blocks = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 511)])
    const entry = (type: 'NextFileHasLongPath' | 'File' | 'Directory', path: string, bytes: Uint8Array) => {
      const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size: bytes.length, type, mtime: new Date(0) })
      header.encode()
      return Buffer.concat([header.block as Buffer, blocks(bytes)])
    }
    const parts = [
      entry('Directory', 'folder/', new Uint8Array(0)),
      entry('NextFileHasLongPath', '././@LongLink', Buffer.from(`${long}.webp\0`)),
      entry('File', 'cut short', image),
      entry('File', 'b.cls', Buffer.from('0')),
    ]
    await put('gnu.tar', Buffer.concat([...parts, Buffer.alloc(1024)]))
    expect((await loadShards(at('gnu.tar'))).shape[0]).toBe(1)
  })

  it('are refused where they are compressed, damaged, cut off or ambiguous, by name', async () => {
    await putShard('a.tar', await samples(0, 3, (i) => ({ cls: String(i) })))
    const sound = await readFile(at('a.tar'))
    await put('a.tar.gz', gzipSync(sound))
    await put('b.tar', gzipSync(sound))
    for (const name of ['a.tar.gz', 'b.tar'])
      expect(await refusal(openImages(at(name)), name)).toBe(
        'compressed by gzip, so that its images cannot be read one by one (unpack it with gunzip)',
      )
    await put('b.tar', sound.subarray(0, sound.length - 1024))
    expect(await refusal(openImages(at('b.tar')), 'b.tar')).toContain('without an end mark')
    await put('b.tar', sound.subarray(0, 700))
    expect(await refusal(openImages(at('b.tar')), 'b.tar')).toBe('truncated in 000000.jpg')
    await put('b.tar', 'x'.repeat(2048))
    expect(await refusal(openImages(at('b.tar')), 'b.tar')).toBe('not a tar archive')
    const second = sound.indexOf('000001.jpg')
    await put(
      'b.tar',
      sound.map((byte, i) => (i === second ? byte ^ 1 : byte)),
    )
    expect(await refusal(openImages(at('b.tar')), 'b.tar')).toBe(`damaged at byte ${second}`)
    await put('b.tar', Buffer.alloc(1024))
    expect(await refusal(openImages(at('b.tar')), 'b.tar')).toBe('a shard without images')
    await putShard('b.tar', { '0.jpg': await noise('jpeg', 0), '0.png': await noise('png', 0) })
    expect(await refusal(openImages(at('b.tar')), 'b.tar (0.png)')).toBe('a second image beside 0.jpg')
    await putShard('b.tar', await samples(0, 3, (i) => (i === 1 ? {} : { cls: '0' })))
    expect(await refusal(openImages(at('b.tar')), 'b.tar (000001.jpg)')).toBe('without a label')
    await putShard('b.tar', await samples(0, 3, () => ({ cls: '-1' })))
    expect(await refusal(openImages(at('b.tar')), 'b.tar (000000.jpg)')).toBe('labelled -1')
    expect(await refusal(openImages(at('a.tar'), { classes: ['x', 'y'] }), 'a.tar (000002.jpg)')).toBe('labelled 2')
    await putShard('b.tar', await samples(0, 1, () => ({ json: '{' })))
    expect(await refusal(openImages(at('b.tar')), 'b.tar (000000.json)')).toContain('not JSON')
    await expect(loadShards(at('a.tar'), { labels: 'none' } as never)).rejects.toThrow('loadShards: labels is no option of it')
    await expect(loadShards(at('a.tar'), { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  })

  it('name the entry of an image that is damaged, when it is read', async () => {
    const broken = (await noise('jpeg', 1)).subarray(0, 200)
    await putShard('a.tar', { ...(await sample(0)), '000001.jpg': broken, ...(await sample(2)) })
    expect(await refusal(openImages(at('a.tar')), 'a.tar (000001.jpg)')).toContain('a corrupt JPEG file')
    const source = await openImages(at('a.tar'), { memoryLimit: 0 })
    expect(await refusal(source.rows([0, 2, 1]), 'a.tar (000001.jpg)')).toContain('a corrupt JPEG file')
    expect((await source.rows([2, 0])).length).toBe(2 * 144)
  })

  const hasTar = process.platform === 'linux'
  it.skipIf(!hasTar)('are the same from another writer', async () => {
    const cls = (i: number) => ({ cls: String(i % 2) })
    await putShard('a.tar', await samples(0, 5, cls))
    const entries = await samples(0, 5, cls)
    for (const [name, bytes] of Object.entries(entries)) await put(`files/${name}`, bytes as Uint8Array)
    for (const format of ['gnu', 'posix', 'ustar', 'v7']) {
      const files = Object.keys(entries)
      await promisify(execFile)('tar', [`--format=${format}`, '-cf', at(`${format}.tar`), '-C', at('files'), ...files])
      expect((await openImages(at(`${format}.tar`))).sha256, format).toBe((await openImages(at('a.tar'))).sha256)
    }
  })
})
