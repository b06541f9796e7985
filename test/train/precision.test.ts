// Training in mixed precision: products of convolutions in bfloat16, all else float32.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cpu,
  type InMemoryImages,
  labelsOf,
  loadNetwork,
  Network,
  type NetworkConfig,
  renderSet,
  resNet18,
  type SupervisedOptions,
  scope,
  Tensor,
  trainSupervised,
} from '../../lib/index.js'

let folder: string
let set: InMemoryImages
let resNet: NetworkConfig
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-precision-'))
  set = await renderSet({ count: 96, size: 20, seed: 1 })
  resNet = resNet18({ image: [20, 20], classes: labelsOf(set)?.classes ?? [], stem: 'small', width: 8 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const options: SupervisedOptions = {
  epochs: 3,
  batch: 24,
  validation: 0.25,
  seed: 3,
  optimiser: { kind: 'sgd', learningRate: 0.005 },
}
const mixed: SupervisedOptions = { ...options, precision: 'bfloat16' }
const model = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))

/** What a network gives for the first images. */
async function outputs(net: Network): Promise<Float32Array> {
  const some = (set.pixels as Uint8Array).subarray(0, 8 * 3 * 20 * 20)
  using images = Tensor.from(some, { shape: [8, 3, 20, 20], device: cpu() })
  using y = await net.infer(images)
  return (await y.read()).data as Float32Array
}

describe('training in mixed precision', () => {
  it('learns about as float32 does, and stays itself when stopped and resumed', { timeout: 60_000 }, async () => {
    const plain = await trainSupervised(set, resNet, options)
    plain.net.dispose()
    const { net, record } = await trainSupervised(set, resNet, mixed, { out: join(folder, 'whole') })
    expect(record.config.precision).toBe('bfloat16')
    for (const [i, { trainLoss }] of record.curve.entries()) {
      const exact = plain.record.curve[i]?.trainLoss as number
      expect(trainLoss).not.toBe(exact)
      expect(Math.abs(trainLoss - exact)).toBeLessThan(0.03 * exact) // factors are off by 2^-9 at most, and steps add to it
    }
    // What is learned is float32: a file of it gives the same bits, and knows of no precision.
    using read = await loadNetwork(join(folder, 'whole', 'model.safetensors'))
    expect(await outputs(read)).toEqual(await outputs(net))
    net.dispose()

    const run = { out: join(folder, 'parts') }
    const stop = new AbortController()
    let steps = 0
    const onProgress = () => ++steps === 4 && stop.abort()
    await expect(trainSupervised(set, resNet, mixed, { ...run, signal: stop.signal, onProgress })).rejects.toThrow()
    await expect(trainSupervised(set, resNet, options, { ...run, resume: true })).rejects.toThrow(/precision "?bfloat16/)
    const resumed = await trainSupervised(set, resNet, mixed, { ...run, resume: true })
    resumed.net.dispose()
    expect(model('parts').equals(model('whole'))).toBe(true)
  })

  it('is for convolutions that are trained', async () => {
    const refused = "Network: precision is 'bfloat16' without a convolution that is trained; expected 'float32'"
    const linear = {
      ...resNet,
      layers: [{ kind: 'flatten' as const }, { kind: 'linear' as const, units: resNet.heads[0]?.outputs ?? 0 }],
    }
    await expect(trainSupervised(set, linear, mixed)).rejects.toThrow(refused)
    const frozen = resNet.layers.flatMap(({ name }) => (name === undefined || name === 'fc' ? [] : [name]))
    expect(() => new Network({ ...resNet, frozen }, { precision: 'bfloat16' })).toThrow(refused)
  })

  it('leaves frozen layers as they are when not training', async () => {
    const net = new Network({ ...resNet, frozen: ['conv1', 'bn1', 'layer1', 'layer2', 'layer3'] }, { precision: 'bfloat16' })
    const plain = new Network(net.config)
    const first = async (of: Network): Promise<Record<string, Float32Array>> => {
      const seen: Record<string, Tensor> = {}
      const some = (set.pixels as Uint8Array).subarray(0, 8 * 3 * 20 * 20)
      scope(() => {
        const images = Tensor.from(some, { shape: [8, 3, 20, 20], device: cpu() })
        of.forward(images, {
          training: true,
          watch: ({ name }, y) => {
            if (/^layer[34]\.0\.conv1$/.test(name)) seen[name] = y
          },
        })
        return Object.values(seen)
      })
      const read = Object.entries(seen).map(async ([name, y]) => [name, (await y.read()).data as Float32Array] as const)
      return Object.fromEntries(await Promise.all(read))
    }
    const [ours, exact] = [await first(net), await first(plain)]
    expect(ours['layer3.0.conv1']).toEqual(exact['layer3.0.conv1'])
    expect(ours['layer4.0.conv1']).not.toEqual(exact['layer4.0.conv1'])
    net.dispose()
    plain.dispose()
  })
})
