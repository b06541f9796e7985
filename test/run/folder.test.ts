// The folder of a recipe that is called by itself: made where there is none, and refused where it holds a run.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { classify, learnFilters, renderSet, trainLocal, trainReadout, trainSupervised } from '../../lib/index.js'

const root = mkdtempSync(join(tmpdir(), 'striate-folder-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('the folder of a run', () => {
  it('is made by learnFilters, which does not write over another run', async () => {
    const images = await renderSet({ count: 64, seed: 1 })
    const out = join(root, 'a', 'filters')
    const options = { units: 4, window: 3, batch: 50, steps: 4 }
    ;(await learnFilters(images, options, { out })).filters.dispose()
    expect(existsSync(join(out, 'filters.checkpoint.safetensors'))).toBe(true)
    await expect(learnFilters(images, options, { out })).rejects.toThrow(
      /the folder of a run.*expected an empty folder, or resume/,
    )
    ;(await learnFilters(images, options, { out, resume: true })).filters.dispose()
  })

  it('is made by trainReadout, which does not write over another run', async () => {
    const images = await renderSet({ count: 80, seed: 1 })
    const { net } = await trainLocal(images, { filters: { units: 4, window: 3, batch: 50, steps: 4 }, readout: false })
    const out = join(root, 'b', 'readout')
    const options = { epochs: 1, batch: 20, refit: false }
    ;(await trainReadout(net, images, options, { out })).net.dispose()
    expect(existsSync(join(out, 'readout.checkpoint.safetensors'))).toBe(true)
    await expect(trainReadout(net, images, options, { out })).rejects.toThrow(
      /the folder of a run.*expected an empty folder, or resume/,
    )
    ;(await trainReadout(net, images, options, { out, resume: true })).net.dispose()
    net.dispose()
  })
})

describe('what is no set of images', () => {
  it('is refused in one sentence by every recipe', async () => {
    const images = await renderSet({ count: 64, seed: 1 })
    const old = { images: images.pixels, labels: new Int32Array(64), shape: images.shape } as never
    const { net } = await trainLocal(images, {
      filters: { units: 4, window: 3, batch: 50, steps: 4 },
      readout: { epochs: 1, batch: 20 },
    })
    const refusal = /images is an object of images, labels, shape; expected images as openImages/
    await expect(trainLocal(old)).rejects.toThrow(refusal)
    await expect(learnFilters(old)).rejects.toThrow(refusal)
    await expect(trainReadout(net, old)).rejects.toThrow(refusal)
    await expect(trainSupervised(old, net)).rejects.toThrow(refusal)
    await expect(classify(net, old)).rejects.toThrow(refusal)
    await expect(trainLocal(undefined as never)).rejects.toThrow(/images is undefined/)
    net.dispose()
  })
})
