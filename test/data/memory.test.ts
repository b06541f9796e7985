import { describe, expect, it } from 'vitest'
import {
  ahead,
  batchesOf,
  channelStatistics,
  classColumn,
  type Images,
  imagesFrom,
  inMemory,
  numberColumn,
  selectImages,
  uploadRows,
} from '../../lib/data/index.js'
import { cpu } from '../../lib/device.js'
import { OptionError, ShapeError } from '../../lib/errors.js'
import { labelsIn } from './scratch.js'

const shape = [7, 2, 3, 2] as const
const stride = 12
const pixels = Uint8Array.from({ length: 7 * stride }, (_, i) => (i * 53) % 256)
const targets = { class: classColumn(['a', 'b'], [0, 1, 0, 1, 1, 0, 0]), size: numberColumn([1, 2, 3, 4, 5, 6, 7], 'mm') }
const image = (row: number) => pixels.subarray(row * stride, (row + 1) * stride)
const joined = (rows: readonly number[]) => Uint8Array.from(rows.flatMap((row) => [...image(row)]))

/** The same images as a source that keeps count of what it is asked for, and fails where it is told. */
function source(images: Images, { failing = -1, milliseconds = 1 } = {}) {
  const count = { calls: 0, inFlight: 0, most: 0, stopped: 0 }
  const rows = async (indices: ArrayLike<number>, signal?: AbortSignal) => {
    count.calls++
    count.most = Math.max(count.most, ++count.inFlight)
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds)
        signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          count.stopped++
          reject(new Error('told to stop'))
        })
      })
      if (Array.from(indices).includes(failing)) throw new Error(`image ${failing} cannot be read`)
      return await images.rows(indices, signal)
    } finally {
      count.inFlight--
    }
  }
  return { images: { ...images, pixels: null, rows } satisfies Images, count }
}

describe('imagesFrom', () => {
  it('gives rows in any order as bytes of their own', async () => {
    const images = await imagesFrom({ pixels, shape, targets, name: 'some' })
    const rows = await images.rows([5, 0, 5])
    expect(rows).toEqual(joined([5, 0, 5]))
    rows.fill(0)
    expect(await images.rows([5])).toEqual(image(5))
    expect((await images.rows([])).length).toBe(0)
    expect(images.pixels).toBe(pixels)
    await expect(images.rows([0, 7])).rejects.toThrow('rows: indices[1] is 7; expected an image from 0 to 6')
    await expect(images.rows([0.5])).rejects.toThrow(OptionError)
    await expect(images.rows([0], AbortSignal.abort(new Error('no')))).rejects.toThrow('no')
  })

  it('has an identity of shape, pixels and targets, but not of its name', async () => {
    const of = async (changes: object) => (await imagesFrom({ pixels, shape, targets, ...changes })).sha256
    const own = await of({})
    expect(await of({ name: 'another' })).toBe(own)
    expect(await of({ targets: { size: targets.size, class: targets.class } })).toBe(own)
    const others = [
      { shape: [7, 2, 2, 3] },
      { pixels: pixels.map((v) => v ^ 1) },
      { targets: { class: targets.class } },
      { targets: { ...targets, size: numberColumn([1, 2, 3, 4, 5, 6, 8]) } },
      { targets: { ...targets, class: classColumn(['a', 'b'], [1, 1, 0, 1, 1, 0, 0]) } },
      { targets: { class: targets.class, length: targets.size } },
    ]
    const different = await Promise.all(others.map(of))
    expect(new Set([own, ...different]).size).toBe(7)
  })

  it('refuses what does not fit together', async () => {
    await expect(imagesFrom({ pixels: pixels.subarray(1), shape })).rejects.toThrow(ShapeError)
    await expect(imagesFrom({ pixels, shape: [7, 24, 1] as never })).rejects.toThrow('shape is [7,24,1]')
    await expect(imagesFrom({ pixels, shape, targets: { size: numberColumn([1]) } })).rejects.toThrow(
      'imagesFrom: targets.size is 1 values; expected 7, one an image',
    )
    await expect(imagesFrom({ pixels, shape, labels: [1] } as never)).rejects.toThrow('labels is no option of it')
  })
})

describe('selectImages', () => {
  it('copies from memory, and looks through at a source', async () => {
    const images = await imagesFrom({ pixels, shape, targets, name: 'some' })
    const chosen = await selectImages(images, [6, 2, 2])
    expect(chosen.pixels).toEqual(joined([6, 2, 2]))
    expect([chosen.name, labelsIn(chosen), chosen.targets.size?.values]).toEqual([
      'some[3]',
      Int32Array.of(0, 0, 0),
      Float32Array.of(7, 3, 3),
    ])
    const view = await selectImages(source(images).images, [6, 2, 2], { name: 'view' })
    expect([view.pixels, view.shape, view.name, view.targets]).toEqual([null, [3, 2, 3, 2], 'view', chosen.targets])
    expect(await view.rows([2, 0])).toEqual(joined([2, 6]))
    await expect(view.rows([3])).rejects.toThrow('an image from 0 to 2')
    expect(view.sha256).not.toBe((await selectImages(source(images).images, [6, 2, 3])).sha256)
    expect((await inMemory(view)).sha256).toBe(chosen.sha256)
    await expect(selectImages(images, [7])).rejects.toThrow('selectImages: indices[0] is 7')
    await expect(selectImages(images, [0], { nam: 'x' } as never)).rejects.toThrow(OptionError)
  })
})

describe('inMemory', () => {
  it('reads a source once, in order, into what the same images in memory are', async () => {
    const images = await imagesFrom({ pixels, shape, targets, name: 'some' })
    const { images: far, count } = source(images)
    const told: number[] = []
    const near = await inMemory({ ...far, sha256: 'of the source' }, { onProgress: ({ done }) => told.push(done) })
    expect([near.pixels, near.sha256, near.name]).toEqual([pixels, images.sha256, 'some'])
    expect([count.calls, told]).toEqual([1, [7]])
    expect(await inMemory(images)).toBe(images)
    await expect(inMemory(source(images, { failing: 3 }).images)).rejects.toThrow('image 3 cannot be read')
  })
})

describe('ahead', () => {
  it('gives every batch in its turn while the next are being read', async () => {
    const images = await imagesFrom({ pixels, shape })
    const { images: far, count } = source(images)
    const batches = [Int32Array.of(6), Int32Array.of(0, 3), Int32Array.of(1), Int32Array.of(5, 5), Int32Array.of(2)]
    const seen: Int32Array[] = []
    for await (const { rows, pixels } of ahead(far, batches, { depth: 3 })) {
      seen.push(rows)
      expect(pixels).toEqual(joined([...rows]))
    }
    expect(seen).toEqual(batches)
    expect([count.calls, count.inFlight, count.most]).toEqual([5, 0, 4])
  })

  it('makes reading wait for a slow caller, and takes batches without an end', async () => {
    const { images: far, count } = source(await imagesFrom({ pixels, shape }))
    let [asked, ended] = [0, false]
    function* endless() {
      try {
        for (;;) yield Int32Array.of(asked++ % 7)
      } finally {
        ended = true
      }
    }
    let taken = 0
    for await (const { rows } of ahead(far, endless())) {
      expect(rows[0]).toBe(taken % 7)
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(asked).toBeLessThanOrEqual(taken + 3)
      if (++taken === 4) break
    }
    expect([ended, count.inFlight]).toEqual([true, 0])
  })

  it('stops at once on a signal and when the caller breaks off, and nothing goes on', async () => {
    const images = await imagesFrom({ pixels, shape })
    const controller = new AbortController()
    const slow = source(images, { milliseconds: 60_000 })
    const reading = ahead(slow.images, batchesOf(7, 1), { signal: controller.signal }).next()
    setTimeout(() => controller.abort(new Error('enough')), 5)
    await expect(reading).rejects.toThrow()
    expect([slow.count.calls, slow.count.inFlight, slow.count.stopped]).toEqual([3, 0, 3])
    const { images: far, count } = source(images)
    for await (const _ of ahead(far, batchesOf(7, 1))) {
      controller.abort()
      break
    }
    expect(count.inFlight).toBe(0)
    await expect(ahead(far, batchesOf(7, 1), { signal: controller.signal }).next()).rejects.toThrow('enough')
  })

  it('tells of an image that cannot be read when its turn comes', async () => {
    const { images: far, count } = source(await imagesFrom({ pixels, shape }), { failing: 2 })
    const seen: number[] = []
    const run = async () => {
      for await (const { rows } of ahead(far, batchesOf(7, 1))) seen.push(rows[0] as number)
    }
    await expect(run()).rejects.toThrow('image 2 cannot be read')
    expect([seen, count.inFlight]).toEqual([[0, 1], 0])
  })

  it('lets timers run between batches in memory, and refuses bad options at once', async () => {
    const images = await imagesFrom({ pixels, shape })
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('on time')), 1)
    const endless = function* () {
      for (;;) yield Int32Array.of(0)
    }
    const run = async () => {
      for await (const _ of ahead(images, endless(), { signal: controller.signal }));
    }
    await expect(run()).rejects.toThrow('on time')
    expect(() => ahead(images, [], { depth: 0 })).toThrow('ahead: depth is 0; expected a whole number from 1 to 1024')
    expect(() => ahead(images, [], { deep: 2 } as never)).toThrow(OptionError)
  })
})

describe('batchesOf', () => {
  it('counts through images or goes through a list', () => {
    expect([...batchesOf(5, 2)]).toEqual([Int32Array.of(0, 1), Int32Array.of(2, 3), Int32Array.of(4)])
    expect([...batchesOf([9, 4, 7], 3)]).toEqual([Int32Array.of(9, 4, 7)])
    expect([...batchesOf(0, 2)]).toEqual([])
  })
})

describe('uploadRows', () => {
  it('puts the same bytes on a device from memory and from a source', async () => {
    const images = await imagesFrom({ pixels, shape })
    for (const set of [images, source(images).images])
      for (const rows of [[2, 3, 4], [4, 0], [6], [5, 5]]) {
        using tensor = await uploadRows(set, rows, cpu())
        expect([tensor.dtype, tensor.shape]).toEqual(['u8', [rows.length, 2, 3, 2]])
        expect((await tensor.read()).data).toEqual(joined(rows))
      }
    await expect(uploadRows(images, [6, 7], cpu())).rejects.toThrow('indices[1] is 7')
    await expect(uploadRows(images, [0], cpu(), AbortSignal.abort(new Error('no')))).rejects.toThrow('no')
  })
})

describe('channelStatistics', () => {
  it('is the mean and the deviation of each channel, as computed from the numbers themselves', async () => {
    const pixels = Uint8Array.from({ length: 5 * 3 * 4 }, (_, i) => (i * 97 + (i % 7) * 31) % 256)
    pixels.forEach((_, i) => {
      if (Math.floor(i / 4) % 3 === 1) pixels[i] = 51
    })
    const { mean, std } = await channelStatistics(await imagesFrom({ pixels, shape: [5, 3, 2, 2] }))
    for (const c of [0, 2]) {
      const values = Array.from(pixels)
        .filter((_, i) => Math.floor(i / 4) % 3 === c)
        .map((level) => level / 255)
      const m = values.reduce((a, b) => a + b) / 20
      expect(mean[c]).toBeCloseTo(m, 12)
      expect(std[c]).toBeCloseTo(Math.sqrt(values.reduce((a, b) => a + (b - m) ** 2, 0) / 20), 12)
    }
    // One value: nothing to divide by.
    expect([mean[1], std[1]]).toEqual([0.2, 1])
  })
})
