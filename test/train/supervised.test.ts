import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  classify,
  convNet,
  cpu,
  type InMemoryImages,
  imagesFrom,
  labelsOf,
  Network,
  type NetworkConfigInput,
  numberColumn,
  readSafetensors,
  renderSet,
  type SupervisedEpoch,
  type SupervisedOptions,
  scope,
  softmaxCrossEntropy,
  Tensor,
  trainSupervised,
} from '../../lib/index.js'
import { words } from '../../lib/random.js'
import { Batches } from '../../lib/train/batches.js'
import { cropBox, resizedCrop } from '../../lib/train/resized_crop.js'

let folder: string
let set: InMemoryImages
let classes: readonly string[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-supervised-'))
  set = await renderSet({ count: 320, size: 20, seed: 1 })
  classes = labelsOf(set)?.classes ?? []
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const twin = (of: readonly string[] = classes) =>
  convNet({
    channels: 3,
    image: [20, 20],
    classes: of,
    blocks: [
      { window: 4, units: 12, pool: { size: 7, stride: 5 } },
      { window: 5, units: 8, pool: { size: 16, stride: 1 } },
    ],
  })
const options: SupervisedOptions = { epochs: 4, batch: 20, validation: 0.25, seed: 3, augment: { crop: 2, flip: true } }
const model = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))

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
    expect(score.value).toBeLessThan(0.8) // chance is 0.875
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
    const seen: number[] = []
    const onEpoch = async (net: Network, epoch: number) => {
      seen.push(epoch)
      return { 'weights, of "all"': net.trained.size, epoch, 'no number': Number.NaN }
    }
    for (;;) {
      const stop = new AbortController()
      let steps = 0
      try {
        // The same run either way: where its images lie is none of its settings.
        const { net } = await trainSupervised(part % 2 ? set : { ...set, pixels: null }, twin(), options, {
          out,
          resume: part++ > 0,
          signal: stop.signal,
          onProgress: () => ++steps === 7 && stop.abort(),
          onEpoch,
        })
        net.dispose()
        break
      } catch (error) {
        if (!stop.signal.aborted) throw error
      }
    }
    expect(part).toBeGreaterThan(4)
    expect(model('parts').equals(model('whole'))).toBe(true)
    // Asked for once an epoch, kept, and without a trace in what is learned.
    expect(seen).toEqual([0, 1, 2, 3, 4])
    const record = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))
    const scores = [record.startScores, ...record.curve.map((epoch: SupervisedEpoch) => epoch.scores)]
    expect(scores).toEqual(seen.map((epoch) => ({ 'weights, of "all"': 6, epoch, 'no number': null })))
    const [header, first, second] = readFileSync(join(out, 'curves.csv'), 'utf8').split('\n')
    expect(header).toMatch(/^stage,step,epoch,"scores.weights, of ""all""",scores.epoch,trainLoss,/)
    expect(first).toMatch(/^training,,0,6,0,,/)
    expect(second).toMatch(/^training,,1,6,1,\d/)
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
      classes,
      blocks: [{ window: 4, units: 12, power: 60, pool: { size: 7, stride: 5 } }],
    })
    const wild: SupervisedOptions = { ...options, optimiser: { kind: 'adam', learningRate: 0.2 }, maxLoss: 1e38 }
    const failed = trainSupervised(set, { ...steep, init: 'he' }, wild, { out, checkpointSeconds: 0 })
    await expect(failed).rejects.toThrow(
      /loss is NaN at step \d+ \(epoch \d+\), from .*(weights|layer) \S+.*learning rate.*checkpoint/,
    )
    const { tensors } = await readSafetensors(join(out, 'supervised.checkpoint.safetensors'))
    expect([...tensors.values()].every((t) => Array.from(t.data as Float32Array).every(Number.isFinite))).toBe(true)
  })

  it('scales gradients down to the largest norm that is wanted', async () => {
    // One step of plain descent is the gradient.
    const once: SupervisedOptions = {
      ...{ epochs: 1, batch: 240, validation: 0.25, keep: 'last', seed: 3 },
      optimiser: { kind: 'sgd', learningRate: 1, momentum: 0 },
      schedule: { kind: 'constant' },
    }
    using start = new Network(twin(), { seed: 3 })
    const before = await start.state()
    const stepOf = async (clip: number | null): Promise<number[]> => {
      const { net } = await trainSupervised(set, start, { ...once, clip })
      const after = await net.state()
      net.dispose()
      return [...start.parameters.keys()].flatMap((name) => {
        const [a, b] = [before.get(name)?.data as Float32Array, after.get(name)?.data as Float32Array]
        return Array.from(a, (v, i) => v - (b[i] as number))
      })
    }
    const whole = await stepOf(null)
    const norm = Math.hypot(...whole)
    expect(await stepOf(1.01 * norm)).toEqual(whole)
    const clip = norm / 3
    for (const [i, value] of (await stepOf(clip)).entries()) {
      const expected = ((whole[i] as number) * clip) / (norm + 1e-6)
      // Weights of at most 1 hide the last digits of a step, 2^-25 each time; the norm is as exact as they are.
      expect(Math.abs(value - expected)).toBeLessThan(4 * 2 ** -25 + 1e-5 * Math.abs(expected))
    }
    const heads = twin().heads?.map((head) => ({ ...head, weight: 1e30 }))
    await expect(
      trainSupervised(set, { ...twin(), ...(heads && { heads }) }, { ...options, clip: 1, maxLoss: 1e38 }),
    ).rejects.toThrow(/gradients is of norm Infinity at step 1 \(epoch 1\); expected finite numbers/)
  })

  it('stops on a loss beyond the limit', async () => {
    await expect(trainSupervised(set, twin(), { ...options, maxLoss: 1 })).rejects.toThrow(
      /loss is 2\.\S+ at step 1 .*at most 1 /,
    )
  })

  it('fits numbers by the mean squared error', async () => {
    const brightness = Float32Array.from({ length: 320 }, (_, i) => {
      const image = set.pixels.subarray(i * 1200, (i + 1) * 1200)
      return image.reduce((a, b) => a + b, 0) / 1200 / 255
    })
    const { pixels, shape } = set
    const column = numberColumn(brightness)
    const numbered = await imagesFrom({ pixels, shape, targets: { brightness: column } })
    const config: NetworkConfigInput = {
      ...twin([]),
      layers: [
        { kind: 'avg_pool', size: 20, stride: 1 },
        { kind: 'linear', units: 1 },
      ],
      heads: [{ name: 'brightness', loss: 'mse' }],
    }
    const { net, record } = await trainSupervised(numbered, config, {
      epochs: 60,
      batch: 20,
      optimiser: { kind: 'adamw', learningRate: 0.03, weightDecay: 0 },
    })
    // The loss is of standardised numbers.
    expect((record.curve.at(-1)?.validationLoss ?? 1) * column.deviation ** 2).toBeLessThan(1e-4)
    net.dispose()
  })

  it('takes parts of images by their number and the epoch, whichever process has them', async () => {
    const all = Int32Array.from({ length: 40 }, (_, i) => 3 * i)
    const augment = { crop: 0, flip: false, resizedCrop: 0.2 }
    const taken = async (rank: number, size: number) => {
      const group = { rank, size }
      const batches = new Batches(set, all, cpu(), { batch: 12, seed: 3, augment, memoryLimit: 1e9, group })
      const { rows, x } = await batches.take(4, 5)
      using images = x
      return { rows: [...rows], data: [...(await images.read()).data] }
    }
    const { rows, data } = await taken(0, 1)
    const extent = { height: 20, width: 20 }
    const expected = rows.flatMap((row) => {
      const box = cropBox(extent, 0.2, row, 1, words(3, 'seed'))
      return [...resizedCrop(set.pixels.subarray(row * 1200, (row + 1) * 1200), extent, box)]
    })
    expect(data).toEqual(expected)
    const [first, second] = [await taken(0, 2), await taken(1, 2)]
    expect([...first.rows, ...second.rows]).toEqual(rows)
    expect([...first.data, ...second.data]).toEqual(data)
  })

  it('refuses what cannot be trained before it runs', async () => {
    await expect(trainSupervised(set, twin(), { batch: 1000 })).rejects.toThrow(/batch is 1000.*288/)
    await expect(trainSupervised(set, twin(), { epoch: 3 } as never)).rejects.toThrow(/epoch is no option/)
    await expect(trainSupervised({ ...set, targets: {} }, twin())).rejects.toThrow(/without labels/)
    await expect(trainSupervised(set, twin(['a', 'b']))).rejects.toThrow(/classes/)
    const foreign = await renderSet({ count: 16, size: 20, seed: 2, ranges: { shape: ['disc', 'square'] } })
    await expect(trainSupervised(set, twin(), {}, { monitor: foreign })).rejects.toThrow(/of the classes disc, square/)
    const small = await renderSet({ count: 16, size: 24, seed: 2 })
    await expect(trainSupervised(small, twin())).rejects.toThrow(/of images \[3,24,24\]; expected \[3,20,20\]/)
    const wordy = { onEpoch: async () => ({ score: 'good' as unknown as number }) }
    await expect(trainSupervised(set, twin(), {}, wordy)).rejects.toThrow("onEpoch.score is 'good'; expected a number")
    await expect(trainSupervised(set, twin([]))).rejects.toThrow(/network is without heads/)
  })

  it('scopes hold no tensor of a finished step', async () => {
    const net = new Network(twin())
    const kept = scope(() =>
      softmaxCrossEntropy(
        net.forward(Tensor.from(set.pixels.slice(0, 1200), { shape: [1, 3, 20, 20] })).y,
        Tensor.from(Int32Array.from([0])),
      ),
    )
    expect(kept.loss.disposed).toBe(false)
    net.dispose()
  })
})
