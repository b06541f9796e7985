// Light on images that are not in memory.
import { describe, expect, it } from 'vitest'
import { inMemory, selectImages } from '../../lib/data/index.js'
import { applyLight, applyShadow, lightKinds } from '../../lib/light/index.js'
import { renderSet, scenes } from '../../lib/scene/index.js'

const options = { count: 80, size: 12, seed: 2 }

describe('light on a source', () => {
  it('falls on rows as they are read, the same for an image as in memory', async () => {
    const near = await renderSet(options)
    const far = scenes(options)
    for (const kind of lightKinds) {
      const light = { kind, strength: 0.3 }
      const [lit, source] = [await applyLight(near, light, { seed: 6 }), await applyLight(far, light, { seed: 6 })]
      expect([source.pixels, source.name, source.shape]).toEqual([null, lit.name, lit.shape])
      expect(source.targets).toBe(far.targets)
      expect(await source.rows([79, 3, 3, 70]), kind).toEqual(await lit.rows([79, 3, 3, 70]))
      expect((await inMemory(source)).sha256, kind).toBe(lit.sha256)
      expect(source.sha256).not.toBe(far.sha256)
      expect(source.sha256).not.toBe((await applyLight(far, light, { seed: 7 })).sha256)
    }
    expect((await inMemory(await applyShadow(far))).sha256).toBe((await applyShadow(near)).sha256)
    // Twice lit, and looked at in part.
    const twice = await selectImages(await applyLight(await applyShadow(far), { kind: 'contrast', strength: 0.5 }), [9, 1])
    const same = await selectImages(await applyLight(await applyShadow(near), { kind: 'contrast', strength: 0.5 }), [9, 1])
    expect(await twice.rows([0, 1])).toEqual(same.pixels)
  })

  it('stops on a signal', async () => {
    const source = await applyLight(scenes({ ...options, count: 1e6 }), { kind: 'smooth', strength: 0.3 })
    const controller = new AbortController()
    const rows = source.rows(
      Array.from({ length: 1e5 }, (_, i) => i),
      controller.signal,
    )
    setTimeout(() => controller.abort(new Error('enough')), 5)
    await expect(rows).rejects.toThrow('enough')
    const lit = applyLight(await renderSet(options), { kind: 'smooth', strength: 0.3 }, { signal: controller.signal })
    await expect(lit).rejects.toThrow('enough')
  })
})
