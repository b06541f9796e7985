// Scenes as a source: rendered as they are asked for.
import { describe, expect, it } from 'vitest'
import { ahead, batchesOf, labelsOf } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'
import { defaultRanges, renderSet, sampleLatents, scenes, shapeNames } from '../../lib/scene/index.js'

const options = { count: 24, size: 16, seed: 4, first: 8 }

describe('scenes', () => {
  it('give the bytes of renderSet in any order, with several calls in flight', async () => {
    const near = await renderSet(options)
    const far = scenes(options)
    expect([far.pixels, far.shape, far.name]).toEqual([null, [24, 3, 16, 16], near.name])
    const calls = [[23, 0, 7, 7], [], [1, 2, 3]]
    const found = await Promise.all(calls.map((rows) => far.rows(rows)))
    for (const [i, rows] of calls.entries()) expect(found[i]).toEqual(await near.rows(rows))
    let at = 0
    for await (const { pixels } of ahead(far, batchesOf(24, 7))) {
      expect(pixels).toEqual(near.pixels.subarray(at, at + pixels.length))
      at += pixels.length
    }
    expect(at).toBe(near.pixels.length)
  })

  it('have their variables as targets', async () => {
    const far = scenes(options)
    const { targets } = await renderSet(options)
    expect(targets).toEqual(far.targets)
    const rows = Array.from({ length: 24 }, (_, i) => far.latents(i))
    expect(rows[3]).toEqual(sampleLatents(11, { seed: 4 }))
    expect(labelsOf(far)).toEqual({ classes: shapeNames, labels: Int32Array.from(rows, (row) => shapeNames.indexOf(row.shape)) })
    const numeric = Object.keys(defaultRanges).filter((name) => name !== 'shape' && name !== 'texture') as 'x'[]
    expect(Object.keys(targets).sort()).toEqual(['class', ...numeric].sort())
    for (const name of numeric) {
      const column = targets[name]
      expect(column?.values, name).toEqual(Float32Array.from(rows, (row) => row[name]))
      expect(column?.kind, name).toBe(name.endsWith('Deg') ? 'angle' : 'number')
    }
    expect(['x', 'size', 'value', 'hueDeg'].map((name) => (targets[name] as { unit: string }).unit)).toEqual([
      'side',
      'side',
      '',
      'deg',
    ])
  })

  it('have an identity of what they are made from', () => {
    const others = [{}, { count: 23 }, { size: 17 }, { seed: 5 }, { first: 9 }, { ranges: { x: [0.5, 0.5] as const } }]
    expect(new Set(others.map((other) => scenes({ ...options, ...other }).sha256)).size).toBe(6)
    expect(scenes({ ...options, ranges: {} }).sha256).toBe(scenes(options).sha256)
  })

  it('open a long series at once, and stop on a signal', async () => {
    const long = scenes({ count: 2 ** 40, size: 64 })
    expect((await long.rows([2 ** 39])).length).toBe(3 * 64 * 64)
    const controller = new AbortController()
    const all = long.rows(
      Array.from({ length: 100_000 }, (_, i) => i),
      controller.signal,
    )
    setTimeout(() => controller.abort(new Error('enough')), 5)
    await expect(all).rejects.toThrow('enough')
    await expect(long.rows([2 ** 40])).rejects.toThrow(OptionError)
    expect(() => long.latents(-1)).toThrow('latents: indices[0] is -1')
  })

  it('refuse what they do not have', () => {
    expect(() => scenes({ count: 0 })).toThrow('scenes: count is 0; expected a whole number of at least 1')
    expect(() => scenes({ count: 1, colour: 'red' } as never)).toThrow('scenes: colour is no option of it')
    expect(() => scenes({ count: 1, ranges: { x: [0.6, 0.4] } })).toThrow('ranges.x is [0.6,0.4]; expected the lower end first')
    expect(() => scenes({ count: 1, ranges: { shape: ['disc', 'disc'] } })).toThrow('expected at least one name, each once')
  })
})
