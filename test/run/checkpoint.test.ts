// Checkpoints: what is damaged is known, and the one before it is gone on with.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cpu, DataError, OptionError, renderSet, type Safetensor, writeSafetensors } from '../../lib/index.js'
import { Checkpoints } from '../../lib/run/checkpoint.js'
import { checkRun, type RunOptions } from '../../lib/run/options.js'
import { filters, type Recipe, size } from './recipes.js'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'striate-checkpoint-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const position = z.object({ step: z.number() })
const config = { units: 3 }
const open = (out: string, run: RunOptions = {}) =>
  new Checkpoints({ run: { ...checkRun('test', run), out }, stem: 'x', config, position })
const tensors = (value: number): Record<string, Safetensor> => ({
  w: { dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(value) },
  m: { dtype: 'F32', shape: [0], data: new Float32Array() },
})
const newest = (out: string) => join(out, 'x.checkpoint.safetensors')
const older = (out: string) => join(out, 'x.previous.checkpoint.safetensors')
const folder = (name: string) => mkdtempSync(join(root, `${name}-`))

describe('Checkpoints', () => {
  it('give back the last one that was saved, and keep the one before', async () => {
    const out = folder('kept')
    expect(await open(out).load()).toBeNull()
    for (const step of [1, 2, 3]) await open(out).save({ step }, tensors(step))
    const found = await open(out).load()
    expect(found?.position).toEqual({ step: 3 })
    expect(found?.tensors.get('w')).toEqual(tensors(3).w)
    rmSync(newest(out))
    expect((await open(out).load())?.position).toEqual({ step: 2 })
  })

  it('know every bit that was turned over, and go on from the one before, saying so', async () => {
    const out = folder('flipped')
    await open(out).save({ step: 1 }, tensors(1))
    await open(out).save({ step: 2 }, tensors(2))
    const sound = readFileSync(newest(out))
    const said: string[] = []
    for (let at = 0; at < sound.length; at++)
      for (const bit of [0, 3, 6]) {
        const bytes = Buffer.from(sound)
        bytes[at] = (bytes[at] as number) ^ (1 << bit)
        writeFileSync(newest(out), bytes)
        const found = await open(out, { onPlan: (text) => said.push(text) })
          .load()
          .catch((error: unknown) => {
            // The format's own name may be hit: then it is told apart from a checkpoint of this version.
            expect(error, `byte ${at}, bit ${bit}`).toBeInstanceOf(DataError)
            return null
          })
        // Spaces that fill the header up say nothing: there the newest one may still be whole.
        const step = found?.position.step
        if (step === 2) expect(found?.tensors).toEqual(new Map(Object.entries(tensors(2)).reverse()))
        else if (found) expect([step, found.tensors.get('w')]).toEqual([1, tensors(1).w])
      }
    expect(said.length).toBeGreaterThan(sound.length)
    expect(
      said.every((text) => /^resume: .*x\.checkpoint\.safetensors is .*; going on from the checkpoint before it$/.test(text)),
    ).toBe(true)
  })

  it('are refused by name when both are damaged', async () => {
    const out = folder('both')
    await open(out).save({ step: 1 }, tensors(1))
    await open(out).save({ step: 2 }, tensors(2))
    for (const file of [newest(out), older(out)]) {
      const bytes = readFileSync(file)
      bytes[bytes.length - 1] = 7
      writeFileSync(file, bytes)
    }
    await expect(open(out).load()).rejects.toThrow(
      /^resume: .*x\.checkpoint\.safetensors is damaged; expected the tensors and metadata/,
    )
  })

  it('are refused without a digest, and with a position that is none', async () => {
    const out = folder('foreign')
    await open(out).save({ step: 'one' } as never, tensors(1))
    await expect(open(out).load()).rejects.toThrow(
      /x\.checkpoint\.safetensors is damaged or of another kind \(in it step is 'one'\)/,
    )
    const metadata = { format: 'striate-checkpoint-2', config: JSON.stringify(config), bits: '', position: '{"step":1}' }
    await writeSafetensors(newest(out), tensors(1), { metadata })
    await expect(open(out).load()).rejects.toThrow(/x\.checkpoint\.safetensors is without its digest/)
    await writeSafetensors(newest(out), tensors(1), { metadata: { ...metadata, config: '{"units":4}' }, digest: true })
    await expect(open(out).load()).rejects.toThrow(/is of a run with units 4, not 3; expected a checkpoint of this run/)
    // Another configuration is no damage: the one before is not taken in its place.
    expect(existsSync(older(out))).toBe(false)
  })

  it('of another kind of device are refused, unless other bits are allowed', async () => {
    const out = folder('bits')
    const metadata = { format: 'striate-checkpoint-2', config: JSON.stringify(config), bits: 'cuda', position: '{"step":1}' }
    await writeSafetensors(newest(out), tensors(1), { metadata, digest: true })
    await expect(open(out).load()).rejects.toThrow(OptionError)
    await expect(open(out).load()).rejects.toThrow(
      /is of a run on cuda, whose bits are not those of cpu with .*; expected the same, or allowOtherBits/,
    )
    expect((await open(out, { device: cpu(), allowOtherBits: true }).load())?.position).toEqual({ step: 1 })
  })
})

it('a recipe whose newest checkpoint is damaged ends in the same bits', async () => {
  const images = await renderSet({ count: 60, size, seed: 1 })
  const recipe: Recipe = filters({})
  const expected = await recipe(images, {})
  const out = folder('recipe')
  const stop = new AbortController()
  let told = 0
  const run = {
    out,
    checkpointSeconds: 0,
    signal: stop.signal,
    onProgress: () => ++told === 20 && stop.abort(new Error('enough')),
  }
  await expect(recipe(images, run)).rejects.toThrow('enough')
  const file = join(out, 'filters.checkpoint.safetensors')
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 5) ^ 64, bytes.length - 5)
  writeFileSync(file, bytes)
  const said: string[] = []
  expect(await recipe(images, { out, resume: true, onPlan: (text) => said.push(text) })).toEqual(expected)
  expect(said).toContainEqual(
    expect.stringMatching(/filters\.checkpoint\.safetensors is damaged; .*going on from the checkpoint before it/),
  )
})
