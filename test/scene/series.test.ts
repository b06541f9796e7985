// The ends of the endless series: the last images that there are, and sets that are too long.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { OptionError, OutOfMemoryError, renderSet, scenes, solidScenes } from '../../lib/index.js'
import { checkSeries, numberAfter } from '../../lib/scene/series.js'

afterEach(() => void vi.restoreAllMocks())

const last = Number.MAX_SAFE_INTEGER
const solid = { size: 8, categories: ['mug'], instances: [0] }

describe('a set at the end of its series', () => {
  it('is rendered, and what is expected of it is that of the first images', async () => {
    const flat = await renderSet({ count: 3, size: 8, first: last - 3 })
    expect(flat.record(2).image).toBe(last - 1)
    expect(flat.expected(2)).toEqual({ ...scenes({ count: 3, size: 8, first: last - 3 }).expected(2) })
    const from = (count: number, first: number) => scenes({ count, size: 8, first })
    // Image 2^53 - 1 follows, then those from 0 on: of which number 1 and 2 follow a set of image 0.
    expect(flat.expected(4).hueDeg?.slice(2)).toEqual(from(1, 0).expected(2).hueDeg)
  })

  it('goes on with the first after the last', () => {
    expect([0, 1, 2, 3].map((after) => numberAfter({ first: last - 3, count: 2 }, after))).toEqual([last - 1, last, 0, 1])
    expect(numberAfter({ first: 5, count: 2 }, 3)).toBe(10)
  })

  it.each([
    [last, 1],
    [last - 1, 2],
    [last - 2, 50],
  ])('is refused beyond it: from %d on, %d images', async (first, count) => {
    const message = `first is ${first}; expected at most ${last - count}, so that first + count is at most 2^53 - 1`
    expect(() => scenes({ count, first })).toThrow(`scenes: ${message}`)
    await expect(renderSet({ count, first })).rejects.toThrow(`renderSet: ${message}`)
    await expect(solidScenes({ ...solid, count, first })).rejects.toThrow(`solidScenes: ${message}`)
    expect(() => checkSeries('op', { first, count })).toThrow(OptionError)
  })
})

describe('a long set', () => {
  it('is opened at once where its images are made as they are asked for', async () => {
    const set = scenes({ count: last, size: 8 })
    expect((await set.rows([last - 1])).length).toBe(192)
  })

  it('is refused with the bytes of its targets where they are more than are free', async () => {
    vi.spyOn(process, 'availableMemory').mockReturnValue(2 ** 30)
    const opened = solidScenes({ ...solid, count: 1e9 })
    await expect(opened).rejects.toThrow(OutOfMemoryError)
    await expect(opened).rejects.toThrow(
      'solidScenes: count is 1000000000, for whose targets 89,000,000,000 bytes are needed; expected images for whose targets the 1,073,741,824 bytes of free memory are enough',
    )
    const set = scenes({ count: 1e9 })
    expect(() => set.targets.class).toThrow('scenes: count is 1000000000, for whose targets 8,000,000,000 bytes are needed')
    expect(() => set.targets.x).toThrow(OutOfMemoryError)
  })
})
