// Filters learned from images, and what of the images is in memory while they are.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, describe, expect, it } from 'vitest'
import { type FilterOptions, type InMemoryImages, learnFilters, renderSet, type Tensor } from '../../lib/index.js'
import { watchedRows } from '../run/sources.js'

let set: InMemoryImages
beforeAll(async () => {
  set = await renderSet({ count: 480, size: 24, seed: 1 })
})

const values = async (filters: Tensor): Promise<number[]> => {
  using own = filters
  return Array.from((await own.read()).data)
}

describe('learnFilters', () => {
  it('reseeds and prunes dead units', async () => {
    // Normal rows on uncentred patches: most units never win (the authors' rule, steep Delta).
    const faithful = { units: 40, steps: 300, batch: 200, mode: 'faithful' as const, antiHebbian: 0.4 }
    const plain = await learnFilters(set, faithful)
    expect(plain.health.dead.length).toBeGreaterThan(10)
    const pruned = await learnFilters(set, { ...faithful, dead: 'prune' })
    expect(pruned.filters.shape[0]).toBe(40 - plain.health.dead.length)
    // Normal rows with the stable step: those that no patch recruits stay as they were.
    const stable = { units: 120, steps: 600, batch: 400, init: 'normal' as const, antiHebbian: 0.05 }
    const reseeded = await learnFilters(set, { ...stable, dead: 'reseed' })
    const reported = await learnFilters(set, stable)
    expect(reported.health.dead.length).toBeGreaterThan(5)
    expect(reseeded.health.dead.length).toBeLessThan(reported.health.dead.length)
    for (const { filters } of [plain, pruned, reseeded, reported]) filters.dispose()
  })

  it('stops when it has converged', async () => {
    const { converged, health, filters } = await learnFilters(set, {
      units: 8,
      steps: 4000,
      batch: 400,
      untilConverged: true,
      antiHebbian: 0,
    })
    expect(converged).toBe(true)
    expect(health.step).toBeLessThan(4000)
    filters.dispose()
  })
})

describe('a reservoir', () => {
  const image = 3 * 24 * 24
  const source = (onRows: (rows: readonly number[], call: number) => void) => watchedRows({ ...set, pixels: null }, onRows)
  const learned: FilterOptions = { units: 12, window: 4, steps: 400, batch: 100, seed: 3 }

  it('that holds all images is read once, and gives what the set in memory gives', async () => {
    const reads: (readonly number[])[] = []
    const streamed = await learnFilters(
      source((rows) => reads.push(rows)),
      learned,
    )
    expect(reads).toEqual([Array.from({ length: 480 }, (_, i) => i)])
    const { filters } = await learnFilters(set, learned)
    expect(await values(streamed.filters)).toEqual(await values(filters))
  })

  it('smaller than the set is one of eight parts, none read twice, and only the next one is read ahead', async () => {
    const reads: { rows: readonly number[]; step: number }[] = []
    let step = 0
    const { filters } = await learnFilters(
      source((rows) => reads.push({ rows, step })),
      { ...learned, reservoir: 50 * image + image / 2 },
      {
        onProgress: ({ done }) => {
          step = done / 100
        },
      },
    )
    filters.dispose()
    expect(reads.map(({ rows }) => rows.length)).toEqual(Array(8).fill(50))
    expect(new Set(reads.flatMap(({ rows }) => rows)).size).toBe(400)
    for (const { rows } of reads) expect(rows).toEqual([...rows].sort((a, b) => a - b))
    // Each is learned from for 50 minibatches, and asked for once the one before it is there: 50 minibatches before it is needed.
    for (const [part, read] of reads.entries()) expect(read.step).toBe(Math.max(0, 50 * (part - 1)))
  })

  it('is let go of when the next one has its place', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const given: WeakRef<Uint8Array>[] = []
    const alive: number[] = []
    const parts = {
      ...set,
      pixels: null,
      rows: async (indices: ArrayLike<number>, signal?: AbortSignal) => {
        await new Promise(setImmediate)
        collect()
        alive.push(given.filter((one) => one.deref() !== undefined).length)
        const pixels = await set.rows(indices, signal)
        given.push(new WeakRef(pixels))
        return pixels
      },
    }
    const { filters } = await learnFilters(parts, { ...learned, reservoir: 50 * image })
    filters.dispose()
    expect(given).toHaveLength(8)
    // While one is read, there is the one that is learned from.
    expect(Math.max(...alive)).toBe(1)
  })

  it('of less than an image holds one, and patches of it alone are learned from', async () => {
    const reads: (readonly number[])[] = []
    const { filters } = await learnFilters(
      source((rows) => reads.push(rows)),
      { ...learned, steps: 8, reservoir: 1 },
    )
    filters.dispose()
    expect(reads).toHaveLength(8)
    expect(reads.every((rows) => rows.length === 1)).toBe(true)
  })

  it('is visited at the same minibatches by a run that goes on, also by one that was done', async () => {
    // Two minibatches for each of the first six of seven parts of 64 images.
    const options: FilterOptions = { ...learned, steps: 12, reservoir: 64 * image }
    const whole = await learnFilters({ ...set, pixels: null }, options)
    const out = mkdtempSync(join(tmpdir(), 'striate-reservoir-'))
    try {
      const controller = new AbortController()
      const reason = new Error('enough')
      const stopped = learnFilters({ ...set, pixels: null }, options, {
        out,
        signal: controller.signal,
        onProgress: ({ done }) => done >= 700 && controller.abort(reason),
      })
      await expect(stopped).rejects.toBe(reason)
      for (const _ of ['stopped', 'done']) {
        const { filters, health, history } = await learnFilters({ ...set, pixels: null }, options, { out, resume: true })
        filters.dispose()
        expect(history).toEqual(whole.history)
        expect(health).toEqual(whole.health)
      }
      whole.filters.dispose()
    } finally {
      rmSync(out, { recursive: true, force: true })
    }
  })

  it('that cannot be read ends the run with the cause', async () => {
    const cause = new Error('the disk is gone')
    const broken = {
      ...set,
      pixels: null,
      rows: async (indices: ArrayLike<number>, signal?: AbortSignal) => {
        if (++calls === 3) throw cause
        return set.rows(indices, signal)
      },
    }
    let calls = 0
    await expect(learnFilters(broken, { ...learned, reservoir: 50 * image })).rejects.toBe(cause)
  })
})
