// Readouts: of local networks, as trainLocal makes them, and of any layer of any network.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  classColumn,
  classify,
  convNet,
  type InMemoryImages,
  imagesFrom,
  labelsOf,
  learnFilters,
  localNet,
  Network,
  type ReadoutOptions,
  readSafetensors,
  renderSet,
  resNet18,
  type Safetensor,
  selectImages,
  splitTrainValidation,
  Tensor,
  trainReadout,
} from '../../lib/index.js'
import { uniform } from '../ops/proof.js'
import { digests } from '../run/digests.js'

let folder: string
let set: InMemoryImages
let labels: Int32Array
let classes: readonly string[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-readout-'))
  set = await renderSet({ count: 480, size: 24, seed: 1 })
  const known = labelsOf(set)
  if (!known) throw new Error('no labels')
  labels = known.labels
  classes = known.classes
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const plain = { normalise: 'none' as const, pool: { size: 7, stride: 7 } }
const host = async (tensor: Tensor): Promise<Safetensor> => ({
  dtype: 'F32',
  shape: [...tensor.shape],
  data: (await tensor.read()).data as Float32Array,
})
const weights = async (net: Network, name: string) => (await (net.parameters.get(name) as Tensor).read()).data

/** A local network of learned filters, without a readout. */
async function learnedNet(): Promise<Network> {
  const learned = await learnFilters(set, { units: 24, window: 4, steps: 400, batch: 200, seed: 3 })
  using filters = learned.filters
  const config = localNet({ channels: 3, image: [24, 24], blocks: [{ window: 4, units: 24, power: 2, ...plain }] })
  return new Network(config, { state: new Map([['blocks.0.weight', await host(filters)]]) })
}

describe('trainReadout', () => {
  it.each([
    ['cached', {}],
    ['recomputed', { memoryLimit: 100_000 }],
  ])("takes each feature's mean off while the readout learns, %s, and has a bias that undoes it", async (_, limit) => {
    using layers = await learnedNet()
    const readout: ReadoutOptions = { epochs: 6, batch: 20, validation: 0.25, refit: false, seed: 3, ...limit }
    const centred = await trainReadout(layers, set, readout)
    using net = centred.net
    // Features of one sign: far from their mean, the loss is lower only if the bias makes up for it.
    const { validation } = splitTrainValidation(labels, 0.25, 3)
    const held = await selectImages(set, validation)
    const { score } = await classify(net, held)
    expect(Math.abs((score.raw.wrong as number) - centred.chosen.validationError * validation.length)).toBeLessThanOrEqual(1)
    expect(score.value).toBeLessThan(0.8) // chance is 0.875
    const other = await trainReadout(layers, set, { ...readout, centreFeatures: false })
    using uncentred = other.net
    expect(centred.chosen.curve.at(-1)?.trainLoss).toBeLessThan(0.98 * (other.chosen.curve.at(-1)?.trainLoss ?? 0))
    expect(await weights(net, 'readout.bias')).not.toEqual(await weights(uncentred, 'readout.bias'))
  })

  it('gives the bits of cached features where all or some of them are recomputed', async () => {
    // More images than are worked on at a time, and small ones.
    const shape = [1300, 1, 8, 8] as const
    const next = uniform(4)
    const values = Int32Array.from({ length: shape[0] }, () => Math.floor(3 * next()))
    const pixels = Uint8Array.from(
      { length: shape[0] * 64 },
      (_, i) => 60 * (values[Math.floor(i / 64)] as number) + 100 * next(),
    )
    const many = await imagesFrom({ pixels, shape, targets: { class: classColumn(['a', 'b', 'c'], values) } })
    const pool = { size: 3, stride: 3 }
    using layers = new Network(
      localNet({ channels: 1, image: [8, 8], blocks: [{ window: 3, units: 6, power: 2, normalise: 'none', pool }] }),
    )
    const options: ReadoutOptions = { epochs: 3, batch: 100, validation: 0.1, seed: 3, powers: [1, 4], poolStrides: [3, 2] }
    const plans: string[] = []
    const onPlan = (text: string) => /^readout: minibatches/.test(text) || plans.push(text)
    const cached = await trainReadout(layers, many, options, { onPlan })
    using a = cached.net
    const errors = ({ candidates }: typeof cached) => candidates.map(({ validationError }) => validationError)
    for (const [memoryLimit, share] of [
      [20_000, 0],
      [57_000, 12],
    ]) {
      const again = await trainReadout(layers, many, { ...options, memoryLimit }, { onPlan })
      using b = again.net
      expect(plans.at(-1)).toMatch(new RegExp(`, so ${share} % are cached and the others recomputed`))
      expect(b.config).toEqual(a.config)
      expect(digests(await b.state())).toEqual(digests(await a.state()))
      expect(errors(again)).toEqual(errors(cached))
    }
    expect(plans[0]).toMatch(/; cached$/)
    expect(cached.chosen.validationError).toBeLessThan(0.6)
  })

  it('is stopped while features are computed, in the search and in the refit, and ends with the same numbers', async () => {
    using layers = await learnedNet()
    const options: ReadoutOptions = { epochs: 4, batch: 20, validation: 0.25, seed: 3, learningRates: [1e-3, 3e-3] }
    const { net: whole } = await trainReadout(layers, set, options)
    using expected = whole
    for (const [i, phase] of ['features', 'search 1/2', 'search 2/2', 'refit'].entries()) {
      const out = mkdtempSync(join(folder, `stopped-${i}-`))
      const controller = new AbortController()
      const reason = new Error('enough')
      const stopped = trainReadout(layers, set, options, {
        out,
        signal: controller.signal,
        onProgress: (p) => {
          if (p.phase === phase && p.done / p.total >= 0.5) controller.abort(reason)
        },
      })
      await expect(stopped, phase).rejects.toBe(reason)
      const phases: string[] = []
      const resumed = await trainReadout(layers, set, options, { out, resume: true, onProgress: (p) => phases.push(p.phase) })
      using net = resumed.net
      expect(digests(await net.state()), phase).toEqual(digests(await expected.state()))
      if (i > 1) expect(phases, phase).not.toContain('search 1/2')
      expect(resumed.candidates).toHaveLength(2)
    }
  })

  it('does not go on from a readout of other weights', async () => {
    const out = mkdtempSync(join(folder, 'other-'))
    const config = localNet({ channels: 3, image: [24, 24], blocks: [{ window: 4, units: 6, power: 2, ...plain }] })
    using one = new Network(config, { seed: 1 })
    using other = new Network(config, { seed: 2 })
    const options: ReadoutOptions = { epochs: 1, batch: 20 }
    ;(await trainReadout(one, set, options, { out })).net.dispose()
    await expect(trainReadout(other, set, options, { out, resume: true })).rejects.toThrow(/of a run with weights/)
  })

  describe('of any layer of any network', () => {
    it("reads a residual network's second stage, and leaves the layers as they were", async () => {
      const small = await renderSet({ count: 96, size: 32, seed: 4 })
      using net = new Network(resNet18({ image: [32, 32], classes }), { seed: 5 })
      const before = digests(await net.state())
      const readout: ReadoutOptions = { at: 'layer2.0.relu', epochs: 2, batch: 16, validation: 0.25, seed: 1 }
      const trained = await trainReadout(net, small, readout)
      using probe = trained.net
      expect(trained.at).toBe('layer2.0.relu')
      expect(probe.layerNames.slice(-4)).toEqual(['layer2.0', 'layer2.0.relu', 'features', 'readout'])
      // 32 pixels: 16 after the stem, 8 after its pool, 4 in the second stage.
      expect(probe.extent('features')).toEqual([128 * 4 * 4])
      expect(probe.classes).toEqual(classes)
      for (const [name, digest] of Object.entries(digests(await probe.state())))
        if (!name.startsWith('readout.')) expect(digest, name).toBe(before[name])
      expect(digests(await net.state())).toEqual(before)

      // The readout is a linear map of that layer's outputs.
      using images = Tensor.from(small.pixels.subarray(0, 4 * 3 * 1024), { shape: [4, 3, 32, 32] })
      using maps = (await net.features(images, { at: ['layer2.0.relu'] }))['layer2.0.relu'] as Tensor
      const x = (await maps.read()).data
      const [w, b] = [await weights(probe, 'readout.weight'), await weights(probe, 'readout.bias')]
      using y = await probe.infer(images)
      const logits = (await y.read()).data
      const d = x.length / 4
      for (let n = 0; n < 4; n++)
        for (let k = 0; k < classes.length; k++) {
          let sum = b[k] as number
          for (let i = 0; i < d; i++) sum += (w[k * d + i] as number) * (x[n * d + i] as number)
          // d products in float32.
          expect(Math.abs((logits[n * classes.length + k] as number) - sum)).toBeLessThan(1e-3)
        }
      const path = join(folder, 'probe.safetensors')
      await probe.save(path)
      expect((await readSafetensors(path)).tensors.has('layer2.1.conv1.weight')).toBe(false)
    })

    it('reads what the last linear layer of a network reads unless told otherwise', async () => {
      const blocks = [
        { window: 4, units: 6, pool: { size: 7, stride: 7 } },
        { window: 5, units: 5, pool: { size: 10, stride: 10 } },
      ]
      using net = new Network(convNet({ channels: 3, image: [24, 24], classes, blocks }), { seed: 5 })
      const trained = await trainReadout(net, set, { epochs: 2, batch: 20 })
      using probe = trained.net
      expect(trained.at).toBe('features')
      expect(probe.config).toEqual(net.config)
      using resnet = new Network(resNet18({ image: [24, 24], classes }), { seed: 5 })
      const top = await trainReadout(resnet, await selectImages(set, [...labels.keys()].slice(0, 64)), { epochs: 1, batch: 16 })
      using head = top.net
      expect(top.at).toBe('flatten')
      expect(head.layerNames.at(-1)).toBe('readout')
    })

    it('chooses among powers and pools of the blocks that it reads, and refuses them where it reads none', async () => {
      const pool = { size: 3, stride: 3 }
      const trunk = [{ window: 4, units: 6, power: 2, pool }]
      using net = new Network(
        localNet({ channels: 3, image: [24, 24], trunk, blocks: [{ window: 3, units: 5, power: 2, pool }] }),
      )
      const trained = await trainReadout(net, set, { powers: [1, 3], poolStrides: [3, 2], epochs: 1, batch: 20 })
      using probe = trained.net
      expect(trained.candidates.map(({ power, poolStride }) => [power, poolStride])).toEqual([
        [1, 3],
        [1, 2],
        [3, 3],
        [3, 2],
      ])
      const { power, poolStride } = trained.chosen
      expect(probe.config.layers[1]).toMatchObject({ power, pool: { size: 3, stride: poolStride } })
      // The block under the one that is read stays.
      expect(probe.config.layers[0]).toEqual(net.config.layers[0])
      // Of the lower block, it is that block's power and pool, which fits where the upper one's would not.
      const lower = await trainReadout(net, set, { at: 'trunk.0', powers: [3], poolSize: 9, epochs: 1, batch: 20 })
      using low = lower.net
      expect(low.config.layers[0]).toMatchObject({ name: 'trunk.0', power: 3, pool: { size: 9, stride: 3 } })

      using resnet = new Network(resNet18({ image: [24, 24], classes }))
      const refuse = (options: ReadoutOptions, text: RegExp, of = resnet) =>
        expect(trainReadout(of, set, { epochs: 1, batch: 20, ...options })).rejects.toThrow(text)
      await refuse({ at: 'layer1.0.relu', powers: [2] }, /without NNL-CONV/)
      await refuse({ poolStrides: [2] }, /without NNL-CONV/)
      await refuse({ poolSize: 2 }, /without NNL-CONV/)
      await refuse({ at: 'layer1.0.relo' }, /'layer1.0.relo'.* such as layer1.0.relu/)
      await refuse({ poolSize: 8 }, /a pool of 8 on maps of/, net)
    })

    it('refuses blocks above the layer that is read, before anything is computed', async () => {
      const config = localNet({ channels: 3, image: [24, 24], blocks: [{ window: 4, units: 6, power: 2, ...plain }] })
      using net = new Network({
        ...config,
        layers: [{ kind: 'conv', name: 'stem', units: 3, window: 1 }, ...config.layers],
      })
      const never = () => {
        throw new Error('it ran')
      }
      const attempt = trainReadout(net, set, { at: 'stem', powers: [1, 2], batch: 20 }, { onProgress: never })
      await expect(attempt).rejects.toThrow(/without NNL-CONV/)
    })

    it('learns another column of classes', async () => {
      const bright = Int32Array.from(labels, (_, i) => {
        const pixels = set.pixels.subarray(i * 1728, (i + 1) * 1728)
        return pixels.reduce((a, b) => a + b, 0) / 1728 > 128 ? 1 : 0
      })
      const { pixels, shape } = set
      const two = await imagesFrom({ pixels, shape, targets: { bright: classColumn(['dark', 'bright'], bright) } })
      using net = new Network(
        convNet({ channels: 3, image: [24, 24], classes: [], blocks: [{ window: 1, units: 4, pool: { size: 24, stride: 1 } }] }),
      )
      await expect(trainReadout(net, two, { batch: 20 })).rejects.toThrow(/without labels/)
      await expect(trainReadout(net, two, { batch: 20, target: 'dark' })).rejects.toThrow(/without a column of classes 'dark'/)
      const trained = await trainReadout(net, two, { target: 'bright', batch: 20, epochs: 3 })
      using probe = trained.net
      expect(probe.classes).toEqual(['dark', 'bright'])
    })
  })
})
