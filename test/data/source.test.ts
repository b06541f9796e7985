// Folders larger than memoryLimit: sources that decode what they are asked for.
import { execFile } from 'node:child_process'
import { link, mkdir, readdir, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { root } from '#root'
import { ahead, batchesOf, inMemory, loadFolder, openImages, selectImages } from '../../lib/data/index.js'
import { Permutation } from '../../lib/random.js'
import { at, labelsIn, noise, picture, pixelsOf, put, refusal } from './scratch.js'

const far = { memoryLimit: 0 }
const count = 24

beforeEach(async () => {
  for (let i = 0; i < count; ++i) {
    const format = (['jpeg', 'png', 'webp'] as const)[i % 3] as 'jpeg'
    await put(`${i < 10 ? 'a' : 'b'}/${String(i).padStart(2, '0')}.${format}`, await noise(format, i))
  }
})

/** Files below the test's folder that this process holds open. */
async function openFiles(): Promise<string[]> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
  return (await Promise.all(links)).filter((path) => path.startsWith(at()))
}

describe('a folder as a source', () => {
  it('gives the bytes of the same folder in memory, in any order, with several calls in flight', async () => {
    const near = await loadFolder(at())
    const source = await openImages(at(), far)
    expect([source.pixels, source.shape, source.name]).toEqual([null, near.shape, near.name])
    expect(source.targets).toEqual(near.targets)
    const order = new Permutation(count, 3)
    const rows = Array.from({ length: count }, (_, i) => order.at(i))
    const calls = [rows, [...rows].reverse(), [7, 7, 7, 0], [], [23]]
    const found = await Promise.all(calls.map((indices) => source.rows(indices)))
    for (const [i, indices] of calls.entries()) expect(found[i]).toEqual(await near.rows(indices))
    const whole = await inMemory(source)
    expect(whole.pixels).toEqual(near.pixels)
    expect(whole.sha256).toBe(near.sha256)
    const view = await selectImages(source, [20, 3])
    expect(await view.rows([1])).toEqual(await near.rows([3]))
    expect(labelsIn(view)).toEqual(Int32Array.of(1, 0))
  })

  it('is in memory up to the limit and not above, by the bytes of its pixels', async () => {
    const bytes = count * 3 * 8 * 6
    expect((await loadFolder(at(), { memoryLimit: bytes })).pixels?.length).toBe(bytes)
    expect((await loadFolder(at(), { memoryLimit: bytes - 1 })).pixels).toBeNull()
    expect((await loadFolder(at(), { memoryLimit: bytes - 1, size: 4 })).pixels?.length).toBe(count * 3 * 16)
    await expect(loadFolder(at(), { memoryLimit: -1 })).rejects.toThrow(
      'memoryLimit is -1; expected a whole number of at least 0',
    )
  })

  it('has an identity of what shapes its pixels', async () => {
    const of = async (options: object) => (await loadFolder(at(), { ...far, ...options })).sha256
    const own = await of({})
    expect(await of({ concurrency: 1 })).toBe(own)
    expect(await of({ size: [4, 4] })).toBe(await of({ size: 4 }))
    const others = [
      await of({ size: 4 }),
      await of({ size: 4, fit: 'fill' }),
      await of({ background: '#ffffff' }),
      await of({ limit: 23 }),
    ]
    await put('a/00.jpeg', await noise('jpeg', 99))
    expect(new Set([own, ...others, await of({})]).size).toBe(6)
  })

  it('names a corrupt image in the middle of a run, after those before it', async () => {
    const bytes = await noise('png', 12)
    await put('b/12.jpeg', bytes.subarray(0, bytes.length >> 1))
    const source = await loadFolder(at(), { ...far, concurrency: 2 })
    const seen: number[] = []
    const run = async () => {
      for await (const { rows } of ahead(source, batchesOf(count, 4))) seen.push(...rows)
    }
    expect(await refusal(run(), 'b/12.jpeg')).toContain('a corrupt PNG file')
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => i))
    // The others can still be read.
    expect((await source.rows([11, 13])).length).toBe(2 * 3 * 8 * 6)
    await put('b/12.jpeg', await picture('jpeg', 9, 6))
    expect(await refusal(source.rows([0, 12]), 'b/12.jpeg')).toBe('9 x 6 pixels')
    expect(await refusal(loadFolder(at()), 'b/12.jpeg')).toBe('9 x 6 pixels')
  })

  it.skipIf(process.platform !== 'linux')('stops promptly when it is told to, and leaves nothing open', async () => {
    const source = await loadFolder(at(), { ...far, concurrency: 2 })
    const controller = new AbortController()
    const calls = [0, 1, 2].map((first) =>
      source.rows(
        Array.from({ length: 50_000 }, (_, i) => (first + i) % count),
        controller.signal,
      ),
    )
    setTimeout(() => controller.abort(new Error('enough')), 20)
    const results = await Promise.allSettled(calls)
    expect(results.map((result) => (result.status === 'rejected' ? String(result.reason) : 'read'))).toEqual(
      Array(3).fill('Error: enough'),
    )
    expect(await openFiles()).toEqual([])
    // What was waiting when the signal came holds up nobody.
    expect(await source.rows([5])).toEqual(await (await loadFolder(at())).rows([5]))
  })
})

describe('resident memory', () => {
  const copies = 1100
  const limit = 20e6
  const side = 256

  it.skipIf(process.platform !== 'linux')('stays bounded over a folder of ten times the limit', async () => {
    await mkdir(at('big', 'x'), { recursive: true })
    for (let i = 0; i < 4; ++i) await writeFile(at(`${i}.jpg`), await noise('jpeg', i, side, side))
    for (let i = 0; i < copies; ++i) await link(at(`${i % 4}.jpg`), at('big', 'x', `${String(i).padStart(4, '0')}.jpg`))
    await writeFile(
      at('read.mts'),
      `import { readFileSync } from 'node:fs'
      import { ahead, batchesOf, loadFolder } from ${JSON.stringify(join(root, 'lib', 'data', 'index.ts'))}
      const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
      const images = await loadFolder(process.argv[2], { memoryLimit: ${limit} })
      const before = peak()
      let sum = 0
      let rows = 0
      for await (const batch of ahead(images, batchesOf(images.shape[0], 32))) {
        for (const value of batch.pixels) sum += value
        rows += batch.rows.length
      }
      console.log(JSON.stringify({ inMemory: images.pixels !== null, rows, sum, bytes: peak() - before }))`,
    )
    const child = await promisify(execFile)(process.execPath, ['--import', 'tsx', at('read.mts'), at('big')], { cwd: root })
    const told = JSON.parse(child.stdout) as { inMemory: boolean; rows: number; sum: number; bytes: number }
    const decoded = copies * 3 * side * side
    expect(decoded).toBeGreaterThan(10 * limit)
    expect([told.inMemory, told.rows]).toEqual([false, copies])
    const four = pixelsOf(await loadFolder(at('big'), { limit: 4 }))
    expect(told.sum).toBe((four.reduce((a, b) => a + b, 0) * copies) / 4)
    // Four batches of 6.3 MB and the decoder's own; all of it would be 216 MB.
    expect(told.bytes).toBeLessThan(decoded / 2)
  })
})
