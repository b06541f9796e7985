import { describe, expect, it } from 'vitest'
import { OptionError } from '../../lib/errors.js'
import { applyShadow } from '../../lib/light/index.js'
import { renderSet } from '../../lib/scene/index.js'

describe('applyShadow', () => {
  it('multiplies exactly the covered share by the strength and nothing else', async () => {
    const set = await renderSet({ count: 20, seed: 2, ranges: { backgroundValue: [0.5, 0.5], value: [0.5, 1] } })
    const before = set.pixels.slice()
    const shadowed = await applyShadow(set, { seed: 1 })
    expect(set.pixels).toEqual(before)
    expect(shadowed.targets).toBe(set.targets)
    expect(shadowed.sha256).not.toBe(set.sha256)
    for (let n = 0; n < 20; ++n) {
      let changed = 0
      for (let i = 0; i < 1024; ++i) {
        const values = [0, 1, 2].map((c) => before[(n * 3 + c) * 1024 + i] as number)
        const now = [0, 1, 2].map((c) => (shadowed.pixels as Uint8Array)[(n * 3 + c) * 1024 + i] as number)
        const dark = values.map((value) => Math.round(0.3 * value))
        if (now.some((value, c) => value !== values[c])) {
          expect(now).toEqual(dark)
          ++changed
        } else if (values.every((value, c) => value === dark[c])) ++changed
      }
      expect(changed).toBe(Math.round(0.8 * 1024))
    }
  })

  it('has the edges of its options, repeats for a seed, and refuses the rest', async () => {
    const set = await renderSet({ count: 3 })
    expect((await applyShadow(set, { cover: 0 })).sha256).toBe(set.sha256)
    expect((await applyShadow(set, { strength: 1 })).sha256).toBe(set.sha256)
    expect((await applyShadow(set, { strength: 0, cover: 1 })).pixels?.every((value) => value === 0)).toBe(true)
    expect((await applyShadow(set, { seed: 3 })).sha256).toBe((await applyShadow(set, { seed: 3 })).sha256)
    expect((await applyShadow(set, { seed: 3 })).sha256).not.toBe((await applyShadow(set, { seed: 4 })).sha256)
    await expect(applyShadow(set, { cover: 1.5 })).rejects.toThrow('applyShadow: cover is 1.5; expected a number from 0 to 1')
    await expect(applyShadow(set, { strength: Number.NaN })).rejects.toThrow(OptionError)
    await expect(applyShadow(set, { depth: 1 } as never)).rejects.toThrow(OptionError)
  })
})
