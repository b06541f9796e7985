import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  classify,
  convNet,
  type ImageSet,
  loadNetwork,
  Network,
  type NetworkConfigInput,
  normals,
  readSafetensors,
  renderSet,
  resNet18,
  type SupervisedOptions,
  scope,
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  Tensor,
  trainSupervised,
} from '../lib/index.js'

let folder: string
let set: ImageSet
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-supervised-'))
  set = await renderSet({ count: 320, size: 20, seed: 1 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const twin = (classes: readonly string[] = set.classes): NetworkConfigInput =>
  convNet({
    channels: 3,
    image: [20, 20],
    classes,
    blocks: [
      { window: 4, units: 12, pool: { size: 7, stride: 5 } },
      { window: 5, units: 8, pool: { size: 16, stride: 1 } },
    ],
  })
const options: SupervisedOptions = { epochs: 4, batch: 20, validation: 0.25, seed: 3, augment: { crop: 2, flip: true } }
const model = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))

/** Every kind of layer in one small network. */
const everything: NetworkConfigInput = {
  kind: 'network',
  name: 'everything',
  channels: 2,
  image: [9, 9],
  classes: ['a', 'b', 'c'],
  layers: [
    { kind: 'conv', units: 4, window: 3, padding: 1, bias: false },
    { kind: 'batch_norm' },
    {
      kind: 'residual',
      body: [{ kind: 'conv', units: 5, window: 3, stride: 2, padding: 1, bias: false }, { kind: 'batch_norm' }],
      shortcut: [{ kind: 'conv', units: 5, window: 1, stride: 2 }],
    },
    { kind: 'residual', body: [{ kind: 'conv', units: 5, window: 1 }] },
    {
      kind: 'parallel',
      branches: [
        [
          { kind: 'max_pool', size: 3, stride: 2, padding: 1 },
          { kind: 'standardise', mean: [0.1, -0.2, 0, 0.3, 0.1], std: [0.5, 2, 0.7, 1, 1.5] },
          { kind: 'rectified_power', power: 2 },
        ],
        [{ kind: 'avg_pool', size: 2, stride: 1 }, { kind: 'relu' }],
        [{ kind: 'nnl_conv', units: 6, window: 2, power: 3 }],
        [{ kind: 'nnl_conv', units: 6, window: 3, normalise: 'none', bias: true, pool: { size: 3, stride: 2, padding: 1 } }],
      ],
    },
    { kind: 'linear', units: 3 },
  ],
}

describe('Network', () => {
  it('has gradients that finite differences confirm, through every kind of layer', async () => {
    const net = new Network(everything, { seed: 5 })
    const images = Tensor.from(normals(7, 6 * 2 * 81), { shape: [6, 2, 9, 9] })
    const labels = Tensor.from(Int32Array.from([0, 1, 2, 2, 1, 0]))
    const lossOf = async (network: Network): Promise<number> => {
      const { y } = network.forward(images, { training: true })
      // The loss in float64, from logits in float32.
      const { data } = await y.read()
      let sum = 0
      for (let n = 0; n < 6; n++) {
        const row = Array.from(data.subarray(n * 3, n * 3 + 3))
        const top = Math.max(...row)
        const label = [0, 1, 2, 2, 1, 0][n] as number
        sum += Math.log(row.reduce((a, v) => a + Math.exp(v - top), 0)) + top - (row[label] as number)
      }
      return sum / 6
    }
    const { y, saved } = net.forward(images, { training: true })
    const gradients = net.backward(saved, softmaxCrossEntropyGrad(y, labels))
    expect([...gradients.keys()].sort()).toEqual([...net.parameters.keys()].sort())
    const state = await net.state()
    const nudged = async (name: string, direction: Float32Array, step: number): Promise<number> => {
      const t = state.get(name) as { data: Float32Array; shape: number[]; dtype: 'F32' }
      const data = t.data.map((v, i) => v + step * (direction[i] as number))
      const moved = new Network(everything, { state: new Map([...state, [name, { ...t, data }]]) })
      try {
        return await lossOf(moved)
      } finally {
        moved.dispose()
      }
    }
    for (const [name, gradient] of gradients) {
      const g = (await gradient.read()).data as Float32Array
      const norm = Math.hypot(...g)
      expect(norm, name).toBeGreaterThan(1e-6)
      // Along the gradient the slope is its norm; float32 logits leave about 1e-7 / 1e-3 of noise, kinks of ReLU and max a little more.
      const along = g.map((v) => v / norm)
      const step = 2e-3
      const slope = ((await nudged(name, along, step)) - (await nudged(name, along, -step))) / (2 * step)
      expect(Math.abs(slope - norm), `${name}: ${slope} against ${norm}`).toBeLessThan(0.03 * norm + 3e-4)
    }
    net.dispose()
  })

  it('knows ResNet-18 by its weights', () => {
    const net = new Network(resNet18({ image: [64, 64], outputs: 1000 }))
    const weights = [...net.parameters.values()].reduce((sum, t) => sum + t.size, 0)
    expect(weights).toBe(11_689_512) // torchvision's resnet18
    expect(net.output).toEqual([1000])
    net.dispose()
  })

  it('refuses layers that do not fit, by their place', () => {
    const wrong = (layers: NetworkConfigInput['layers']) => () => new Network({ ...everything, layers })
    expect(wrong([{ kind: 'conv', units: 4, window: 12 }])).toThrow(/layer 0 \(conv\)/)
    expect(wrong([{ kind: 'flatten' }, { kind: 'conv', units: 4, window: 1 }])).toThrow(/layer 1 \(conv\).*\[C,H,W\]/)
    expect(wrong([{ kind: 'standardise', mean: [0, 0, 0], std: [1, 1] }])).toThrow(/layer 0 \(standardise\).*3 numbers.*2/)
    expect(wrong([{ kind: 'standardise', mean: [0, 0], std: [1, 0] }])).toThrow(/layers\.0/)
    expect(wrong([{ kind: 'linear', units: 4 }])).toThrow(/the last layer.*\[3\]/)
    expect(wrong([{ kind: 'residual', body: [{ kind: 'conv', units: 3, window: 1 }] }])).toThrow(/layer 0 \(residual\)/)
    expect(wrong([{ kind: 'relu', power: 2 } as never])).toThrow(/layers/)
  })

  it.each([
    ['a window of 12 on maps of 9 x 9', { kind: 'conv', units: 2, window: 12 }],
    ['a pool of 7 on maps of 6 x 6', { kind: 'nnl_conv', units: 2, window: 4, pool: { size: 7, stride: 1 } }],
    ['a pool of 3 with a padding of 2', { kind: 'nnl_conv', units: 2, window: 4, pool: { size: 3, stride: 1, padding: 2 } }],
    ['a pool of 12 on maps of 9 x 9', { kind: 'max_pool', size: 12, stride: 1, padding: 1 }],
    ['a pool of 3 with a padding of 2', { kind: 'avg_pool', size: 3, stride: 1, padding: 2 }],
  ] as const)('refuses %s, naming the layer', (told, layer) => {
    const make = () => new Network({ ...everything, layers: [{ kind: 'relu' }, layer] })
    expect(make).toThrow(told)
    expect(make).toThrow(`layer 1 (${layer.kind})`)
  })

  it('survives a file', async () => {
    const net = new Network(everything, { seed: 2 })
    const path = join(folder, 'net.safetensors')
    await net.save(path)
    const again = await loadNetwork(path)
    const images = Tensor.from(normals(9, 2 * 162), { shape: [2, 2, 9, 9] })
    const read = async (network: Network) => (await network.forward(images).y.read()).data
    expect(await read(again as Network)).toEqual(await read(net))
    await expect(loadNetwork(join(folder, 'none.safetensors'))).rejects.toThrow(/none\.safetensors/)
    net.dispose()
    again.dispose()
  })
})

describe('trainSupervised', () => {
  it('learns to classify, and the classifier is evaluated like any other', async () => {
    const { net, record } = await trainSupervised(set, twin(), {
      ...options,
      epochs: 30,
      augment: {},
      optimiser: { kind: 'adam', learningRate: 0.003 },
    })
    const test = await renderSet({ count: 160, size: 20, seed: 1, first: 320 })
    const { score } = await classify(net, test)
    expect(score.value).toBeLessThan(80) // chance is 87.5
    expect(record.curve).toHaveLength(30)
    expect(record.curve[29]?.trainLoss).toBeLessThan((record.curve[0]?.trainLoss ?? 0) - 0.3)
    expect(record.images).toEqual({ train: 240, validation: 80 })
    const best = Math.min(...record.curve.map((e) => e.validationError ?? 1))
    expect(record.curve[record.bestEpoch - 1]?.validationError).toBe(best)
    net.dispose()
  })

  it('gives the same bytes when stopped anywhere and resumed, on the host and on the device', async () => {
    const whole = await trainSupervised(set, twin(), options, { out: join(folder, 'whole') })
    whole.net.dispose()
    const out = join(folder, 'parts')
    let part = 0
    for (;;) {
      const stop = new AbortController()
      let steps = 0
      try {
        const { net } = await trainSupervised(set, twin(), options, {
          out,
          resume: part++ > 0,
          memoryLimit: part % 2 ? 0 : 1e9,
          signal: stop.signal,
          onProgress: () => ++steps === 7 && stop.abort(),
        })
        net.dispose()
        break
      } catch (error) {
        if (!stop.signal.aborted) throw error
      }
    }
    expect(part).toBeGreaterThan(4)
    expect(model('parts').equals(model('whole'))).toBe(true)
    await expect(trainSupervised(set, twin(), options, { out })).rejects.toThrow(/holds/)
    await expect(trainSupervised(set, twin(), { ...options, batch: 10 }, { out, resume: true })).rejects.toThrow(/batch 20/)
  })

  it('interrupted in the evaluation after an epoch, keeps the steps of that epoch', async () => {
    const out = join(folder, 'evaluation')
    const stop = new AbortController()
    let evaluations = 0
    // Asked once in each evaluation of 80 images, and nowhere else before the run is interrupted.
    stop.signal.throwIfAborted = () => {
      if (++evaluations === 2) stop.abort(new Error('stopped'))
      AbortSignal.prototype.throwIfAborted.call(stop.signal)
    }
    await expect(trainSupervised(set, twin(), options, { out, signal: stop.signal })).rejects.toThrow('stopped')
    const { metadata } = await readSafetensors(join(out, 'supervised.checkpoint.safetensors'))
    expect(JSON.parse(metadata.position ?? '')).toMatchObject({ step: 24, curve: [{ epoch: 1 }] })
    const { net, record } = await trainSupervised(set, twin(), options, { out, resume: true })
    net.dispose()
    expect(record.curve).toHaveLength(4)
    expect(model('evaluation').equals(model('whole'))).toBe(true)
  })

  it('stops on a loss that is not finite, names step and layer, and keeps the last good checkpoint', async () => {
    const out = join(folder, 'diverged')
    // Sums of 48 products to the 60th power overflow once large steps have made the filters larger.
    const steep = convNet({
      channels: 3,
      image: [20, 20],
      classes: set.classes,
      blocks: [{ window: 4, units: 12, power: 60, pool: { size: 7, stride: 5 } }],
    })
    const wild: SupervisedOptions = { ...options, optimiser: { kind: 'adam', learningRate: 0.2 }, init: 'he', maxLoss: 1e38 }
    const failed = trainSupervised(set, steep, wild, { out, checkpointSeconds: 0 })
    await expect(failed).rejects.toThrow(
      /loss is NaN at step \d+ \(epoch \d+\), from .*(weights|layer) \S+.*learning rate.*checkpoint/,
    )
    const { tensors } = await readSafetensors(join(out, 'supervised.checkpoint.safetensors'))
    expect([...tensors.values()].every((t) => Array.from(t.data as Float32Array).every(Number.isFinite))).toBe(true)
  })

  it('stops on a loss beyond the limit', async () => {
    await expect(trainSupervised(set, twin(), { ...options, maxLoss: 1 })).rejects.toThrow(
      /loss is 2\.\S+ at step 1 .*at most 1 /,
    )
  })

  it('fits numbers by the mean squared error', async () => {
    const targets = Float32Array.from({ length: 320 }, (_, i) => {
      const image = set.images.subarray(i * 1200, (i + 1) * 1200)
      return image.reduce((a, b) => a + b, 0) / 1200 / 255
    })
    const config: NetworkConfigInput = {
      ...twin([]),
      layers: [
        { kind: 'avg_pool', size: 20, stride: 1 },
        { kind: 'linear', units: 1 },
      ],
    }
    const { net, record } = await trainSupervised(
      set,
      config,
      { epochs: 60, batch: 20, optimiser: { kind: 'adamw', learningRate: 0.03, weightDecay: 0 } },
      { targets },
    )
    expect(record.curve.at(-1)?.validationLoss).toBeLessThan(1e-4)
    net.dispose()
  })

  it('refuses what cannot be trained before it runs', async () => {
    await expect(trainSupervised(set, twin(), { batch: 1000 })).rejects.toThrow(/batch is 1000.*288/)
    await expect(trainSupervised(set, twin(), { epoch: 3 } as never)).rejects.toThrow(/epoch is no option/)
    await expect(trainSupervised({ ...set, labels: null }, twin())).rejects.toThrow(/without labels/)
    await expect(trainSupervised(set, twin(['a', 'b']))).rejects.toThrow(/classes/)
    const numbers = { targets: new Float32Array(set.shape[0] * set.classes.length), monitor: set }
    await expect(trainSupervised(set, twin(), {}, numbers)).rejects.toThrow(/monitor is given together with targets/)
  })

  it('scopes hold no tensor of a finished step', async () => {
    const net = new Network(twin())
    const kept = scope(() =>
      softmaxCrossEntropy(
        net.forward(Tensor.from(set.images.slice(0, 1200), { shape: [1, 3, 20, 20] })).y,
        Tensor.from(Int32Array.from([0])),
      ),
    )
    expect(kept.loss.disposed).toBe(false)
    net.dispose()
  })
})
