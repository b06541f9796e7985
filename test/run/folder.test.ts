// The folder of a recipe that is called by itself: made where there is none, and refused where it holds a run.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  classify,
  learnFilters,
  Network,
  renderSet,
  type Safetensor,
  trainLocal,
  trainReadout,
  trainSupervised,
} from '../../lib/index.js'
import { writeReport } from '../../lib/report/index.js'
import { forResult } from '../../lib/run/folder.js'
import { openNetwork } from '../../lib/run/index.js'

const root = mkdtempSync(join(tmpdir(), 'striate-folder-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('the folder of a recipe', () => {
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

describe('the folder of a run', () => {
  const options = { filters: { units: 4, window: 3, batch: 50, steps: 40 }, readout: false } as const

  it('is one run’s at a time', async () => {
    const images = await renderSet({ count: 64, seed: 1 })
    const out = join(root, 'one')
    const refusal = new RegExp(
      `^trainLocal: .*one is in work by process ${process.pid} on .*; expected a folder that nobody works in`,
    )
    let asked = false
    const onProgress = () => {
      if (asked) return
      asked = true
      second = Promise.all(
        [{ out }, { out, resume: true }].map((run) => expect(trainLocal(images, options, run)).rejects.toThrow(refusal)),
      )
    }
    let second: Promise<unknown> = Promise.resolve()
    ;(await trainLocal(images, options, { out, onProgress })).net.dispose()
    await second
    expect(asked).toBe(true)
    // Given back at the end, also after an error.
    const failing = trainLocal(images, options, { out: join(root, 'failed'), onFolder: () => Promise.reject(new Error('no')) })
    await expect(failing).rejects.toThrow('no')
    expect(readdirSync(join(root, 'failed'))).toEqual([])
    expect(readdirSync(out)).not.toContain('run.lock')
  })

  it('whose holder has died is taken over, and what that left unfinished goes', async () => {
    const images = await renderSet({ count: 64, seed: 1 })
    const out = join(root, 'died')
    mkdirSync(out)
    writeFileSync(join(out, 'run.lock'), JSON.stringify({ pid: 2 ** 30, host: hostname(), began: '1', token: 'gone' }))
    const own = `run.lock.by.${encodeURIComponent(hostname())}.${2 ** 30}`
    writeFileSync(join(out, `${own}.gone`), JSON.stringify({ pid: 2 ** 30, host: hostname(), began: '1', token: 'gone' }))
    // One that was killed before it wrote anything.
    writeFileSync(join(out, `${own}.empty`), '')
    writeFileSync(join(out, `${own}.taking.copy`), '')
    writeFileSync(join(out, '.model.safetensors.0123456789ab.tmp'), 'half')
    ;(await trainLocal(images, options, { out })).net.dispose()
    expect(readdirSync(out).sort()).toEqual(['curves.csv', 'model.safetensors', 'run.json'])
    writeFileSync(join(out, 'run.lock'), 'half')
    await expect(trainLocal(images, options, { out })).rejects.toThrow(
      /run\.lock is damaged \(no JSON\); expected a lock of Striate/,
    )
  })

  it('has a record that is read by its schema', async () => {
    const images = await renderSet({ count: 64, seed: 1 })
    const out = join(root, 'record')
    ;(await trainLocal(images, options, { out })).net.dispose()
    const sound = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))
    for (const [damage, said] of [
      [() => '{"kind": "local", ', 'damaged \\(no JSON\\)'],
      [() => 'null', 'damaged or of another kind'],
      [() => '{"kind": "local"}', 'damaged or of another kind'],
      [(record: typeof sound) => ({ ...record, blocks: [] }), '\\(in it blocks is'],
      [(record: typeof sound) => ({ ...record, seed: null }), '\\(in it seed is null'],
      [(record: typeof sound) => ({ ...record, data: { ...record.data, shape: 'wide' } }), "\\(in it data.shape is 'wide'"],
    ] as const) {
      const text = damage(structuredClone(sound))
      writeFileSync(join(out, 'run.json'), typeof text === 'string' ? text : JSON.stringify(text))
      const named = new RegExp(`run\\.json is .*${said}.*; expected the record of a finished run`)
      await expect(trainLocal(images, options, { out, resume: true }), JSON.stringify(text)).rejects.toThrow(named)
      await expect(writeReport(out), JSON.stringify(text)).rejects.toThrow(/^run: .*run\.json is /)
    }
  })

  it('has a network whose weights are finite, or none', async () => {
    const images = await renderSet({ count: 64, seed: 1 })
    const out = join(root, 'not-finite')
    const { net } = await trainLocal(images, options, { out })
    ;(await openNetwork(out)).dispose()
    const state = await net.state()
    net.dispose()
    ;((state.get('blocks.0.weight') as Safetensor).data as Float32Array)[3] = Number.NaN
    using wrong = new Network(net.config, { state })
    await wrong.save(join(out, 'model.safetensors'))
    await expect(openNetwork(out)).rejects.toThrow(
      /model\.safetensors is not finite in blocks\.0\.weight; expected a network of finite/,
    )
  })
})

describe('a result of a run', () => {
  it('is made by one process at a time, others beside it', async () => {
    const out = join(root, 'results')
    mkdirSync(out)
    for (const name of ['.classify-test.json.0123456789ab.tmp', '.shadows-test.json.0123456789ab.tmp'])
      writeFileSync(join(out, name), 'half')
    await forResult('eval', out, 'classify-test', async () => {
      expect(readdirSync(out).sort()).toEqual(['.shadows-test.json.0123456789ab.tmp', 'classify-test.lock'])
      const same = forResult('eval', out, 'classify-test', () => expect.unreachable('it ran'))
      await expect(same).rejects.toThrow(/^eval: .*results is in work by process \d+/)
      expect(await forResult('eval', out, 'classify-train', async () => 'beside')).toBe('beside')
    })
    await expect(forResult('eval', out, 'shadows-test', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(readdirSync(out)).toEqual([])
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
    await expect(trainLocal(undefined as never)).rejects.toThrow(/images is missing/)
    net.dispose()
  })
})
