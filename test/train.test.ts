import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BlockRecord,
  type BlockWeights,
  classify,
  conv2d,
  cpu,
  DataError,
  type ImageSet,
  type LocalBlock,
  LocalNet,
  learnFilters,
  nnlConv,
  normals,
  OptionError,
  readSafetensors,
  renderSet,
  scope,
  selectImages,
  splitTrainValidation,
  Tensor,
  type TrainLocalOptions,
  type TrainProgress,
  trainLocal,
  trainReadout,
  writeSafetensors,
} from '../lib/index.js'

let folder: string
let set: ImageSet
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-train-'))
  set = await renderSet({ count: 480, size: 24, seed: 1 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const small: TrainLocalOptions = {
  filters: { units: 24, window: 4, steps: 400, batch: 200 },
  readout: { poolSize: 7, poolStrides: [7, 5], powers: [10], epochs: 6, batch: 20, validation: 0.25 },
  seed: 3,
}
const model = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))

describe('trainLocal', () => {
  it('learns filters that read out better than chance, and says what it did', async () => {
    const { net, record } = await trainLocal(set, small)
    const test = await renderSet({ count: 240, size: 24, seed: 1, first: 480 })
    const { score, confusion, prediction } = await classify(net, test)
    expect(score.value).toBeLessThan(80) // chance is 87.5
    expect(score.raw.wrong).toBe(prediction.reduce((n, p, i) => n + (p === test.labels?.[i] ? 0 : 1), 0))
    expect(confusion.flat().reduce((a, b) => a + b, 0)).toBe(240)
    const { health, history } = record.blocks[0] as BlockRecord
    expect(health.norms.every((n) => Math.abs(n - 1) < 0.2)).toBe(true)
    expect(history.at(-1)?.step).toBe(400)
    expect(record.readout?.candidates.map((c) => c.poolStride)).toEqual([7, 5])
    expect(record.readout?.images).toEqual({ train: 360, validation: 120 })
    net.dispose()
  })

  it('gives the same bytes again, and others with another seed', async () => {
    for (const [name, seed] of [
      ['once', 3],
      ['twice', 3],
      ['other', 4],
    ] as const)
      (await trainLocal(set, { ...small, seed, out: join(folder, name) })).net.dispose()
    expect(model('twice').equals(model('once'))).toBe(true)
    expect(model('other').equals(model('once'))).toBe(false)
  })

  for (const [phase, share] of [
    ['filters', 0.5],
    ['search 2/2', 0.5],
    ['refit', 0.6],
  ] as const)
    it(`stopped in the phase ${phase} and resumed, it ends with the same bytes`, async () => {
      const out = join(folder, `stopped-${phase.replaceAll(/\W/g, '')}`)
      const controller = new AbortController()
      const reason = new Error('enough')
      const stopped = trainLocal(set, {
        ...small,
        out,
        checkpointSeconds: 0,
        signal: controller.signal,
        onProgress: (p) => {
          if (p.phase === phase && p.done / p.total > share) controller.abort(reason)
        },
      })
      await expect(stopped).rejects.toBe(reason)
      let first = Number.POSITIVE_INFINITY
      const { net } = await trainLocal(set, {
        ...small,
        out,
        resume: true,
        onProgress: (p) => {
          if (p.phase === phase) first = Math.min(first, p.done / p.total)
        },
      })
      net.dispose()
      expect(first, 'it did not begin again').toBeGreaterThan(0.3)
      expect(model(`stopped-${phase.replaceAll(/\W/g, '')}`).equals(model('once'))).toBe(true)
    })

  // Blocks of different windows, numbers, powers and pools; the second of the two is the one that the runs below are stopped in.
  const two: TrainLocalOptions = {
    filters: { steps: 300, batch: 200 },
    blocks: [
      { filters: { units: 12, window: 4 }, power: 10, pool: { size: 7, stride: 7 } },
      { filters: { units: 10, window: 6, antiHebbian: 0.1, steps: 350 }, power: 6, pool: { stride: 4, padding: 3 } },
      { filters: { units: 12, window: 4 } },
    ],
    readout: { learningRates: [1e-3, 3e-3], epochs: 5, batch: 20, validation: 0.25 },
    seed: 3,
  }

  it('learns blocks side by side, each as it would be learned alone, and reads out all of them', async () => {
    const { net, record } = await trainLocal(set, { ...two, out: join(folder, 'two') })
    expect(net.config.blocks.map(({ window, units, power, pool }) => [window, units, power, pool.size, pool.stride])).toEqual([
      [4, 12, 10, 7, 7],
      [6, 10, 6, 11, 4],
      [4, 12, 40, 11, 2],
    ])
    // 21 positions, 7 every 7: 3; 19 positions and 3 before and after, 11 every 4: 4; 21 positions, 11 every 2: 6.
    expect(net.readout?.w.shape).toEqual([8, 12 * 9 + 10 * 16 + 12 * 36])
    expect(net.config.blocks.map(({ pool }) => pool.padding)).toEqual([undefined, 3, undefined])
    const seeds = record.blocks.map(({ filters }) => filters.seed)
    expect(seeds[0]).toBe(3)
    expect(new Set(seeds).size).toBe(3)

    using images = Tensor.from(set.images.subarray(0, 5 * 3 * 576), { shape: [5, 3, 24, 24] })
    for (const store of ['f32', 'bf16'] as const) {
      using features = net.features(images, { store })
      const { data } = await features.read()
      let at = 0
      for (const [i, block] of record.blocks.entries()) {
        const { power, pool, normalise, centre } = net.config.blocks[i] as LocalBlock
        const learned = await learnFilters(set, block.filters)
        using alone = nnlConv(images, learned.filters, { power, pool, normalise, centre, store })
        const expected = (await alone.read()).data
        const count = expected.length / 5
        for (let n = 0; n < 5; n++)
          expect(data.subarray(n * (data.length / 5) + at, n * (data.length / 5) + at + count)).toEqual(
            expected.subarray(n * count, (n + 1) * count),
          )
        at += count
        learned.filters.dispose()
      }
    }
    const loaded = await LocalNet.load(join(folder, 'two', 'model.safetensors'))
    expect(loaded.config).toEqual(net.config)
    const [a, b] = await Promise.all([net, loaded].map((one) => one.features(images).read()))
    expect(b?.data).toEqual(a?.data)
    net.dispose()
    loaded.dispose()
  })

  for (const [phase, share] of [
    ['filters 2/3', 0.5],
    ['search 1/2', 0.5],
    ['refit', 0.6],
  ] as const)
    it(`blocks stopped in the phase ${phase} and resumed end with the same bytes`, async () => {
      const name = `two-${phase.replaceAll(/\W/g, '')}`
      const controller = new AbortController()
      const reason = new Error('enough')
      const stopped = trainLocal(set, {
        ...two,
        out: join(folder, name),
        checkpointSeconds: 0,
        signal: controller.signal,
        onProgress: (p) => {
          if (p.phase === phase && p.done / p.total > share) controller.abort(reason)
        },
      })
      await expect(stopped).rejects.toBe(reason)
      let first = Number.POSITIVE_INFINITY
      const { net } = await trainLocal(set, {
        ...two,
        out: join(folder, name),
        resume: true,
        onProgress: (p) => {
          if (p.phase === phase) first = Math.min(first, p.done / p.total)
          expect(p.phase === 'filters 1/3', 'the first block is learned again').toBe(false)
        },
      })
      net.dispose()
      expect(first, 'it did not begin again').toBeGreaterThan(0.3)
      expect(model(name).equals(model('two'))).toBe(true)
    })

  const stack: TrainLocalOptions = {
    filters: { steps: 300, batch: 200 },
    trunk: [{ filters: { units: 12, window: 4 }, power: 30 }, { filters: { units: 14, window: 2 } }],
    blocks: [
      { filters: { units: 16, window: 3 }, power: 20, pool: { size: 2, stride: 1 } },
      { filters: { units: 10, window: 2 } },
    ],
    readout: { learningRates: [0.03], epochs: 20, patience: 20, batch: 20, validation: 0.25, refit: false },
    seed: 5,
  }

  it('learns stacks: each layer from the maps of those under it', async () => {
    const { net, record } = await trainLocal(set, { ...stack, out: join(folder, 'stack') })
    // 24 pixels, 21 positions, 3 every 2: 10; 9 positions, 3 every 2: 4; 2 positions of one block, 3 of the other, pooled whole.
    expect(net.trunk.map(({ filters }) => filters.shape)).toEqual([
      [12, 3, 4, 4],
      [14, 12, 2, 2],
    ])
    expect(net.blocks.map(({ filters }) => filters.shape)).toEqual([
      [16, 14, 3, 3],
      [10, 14, 2, 2],
    ])
    expect(net.readout?.w.shape).toEqual([8, 16 + 10])
    expect(new Set([...record.trunk, ...record.blocks].map(({ filters }) => filters.seed)).size).toBe(4)
    for (const { health } of [...record.trunk, ...record.blocks]) {
      expect(health.norms.every((n) => Math.abs(n - 1) < 0.2)).toBe(true)
      expect(health.dead.length).toBeLessThan(health.wins.length / 2)
    }
    expect(record.readout?.chosen.validationError).toBeLessThan(0.8) // chance is 0.875

    // What the network computes is its layers one after another, and the second layer's filters are like the maps that they met.
    using images = Tensor.from(set.images.subarray(0, 5 * 3 * 576), { shape: [5, 3, 24, 24] })
    const { data } = await scope(() => {
      const of = ({ power, pool, normalise, centre }: LocalBlock) => ({ power, pool, normalise, centre })
      const at = (i: number) => of(net.config.trunk[i] as LocalBlock)
      const weights = (i: number) => (net.trunk[i] as BlockWeights).filters
      const first = nnlConv(images, weights(0), at(0))
      const map = nnlConv(first, weights(1), at(1))
      const top = net.config.blocks.map((block, i) => nnlConv(map, (net.blocks[i] as BlockWeights).filters, of(block)))
      return top.map((y) => y.reshape([5, y.size / 5]))
    }).reduce(
      async (all, y) => {
        const before = await all
        const { data: own } = await y.read()
        y.dispose()
        return { data: before.data.map((row, n) => [...row, ...own.subarray((n * own.length) / 5, ((n + 1) * own.length) / 5)]) }
      },
      Promise.resolve({ data: Array.from({ length: 5 }, () => [] as number[]) }),
    )
    using features = net.features(images)
    expect(Array.from((await features.read()).data)).toEqual(data.flat())
    const loaded = await LocalNet.load(join(folder, 'stack', 'model.safetensors'))
    using again = loaded.features(images)
    expect((await again.read()).data).toEqual((await features.read()).data)
    net.dispose()
    loaded.dispose()
  })

  it('a stack stopped in its second layer and resumed ends with the same bytes', async () => {
    const out = join(folder, 'stack-stopped')
    const controller = new AbortController()
    const reason = new Error('enough')
    const onProgress = (p: TrainProgress) => {
      if (p.phase === 'filters 2/4' && p.done / p.total > 0.5) controller.abort(reason)
    }
    const stopped = trainLocal(set, { ...stack, out, checkpointSeconds: 0, signal: controller.signal, onProgress })
    await expect(stopped).rejects.toBe(reason)
    ;(await trainLocal(set, { ...stack, out, resume: true })).net.dispose()
    expect(model('stack-stopped').equals(model('stack'))).toBe(true)
  })

  it('projects to whitened patches before the filters of a whitened block', async () => {
    const [d, k] = [9, 6]
    const shapes = { weight: [d, 3, 4, 4], bias: [d], filters: [k, d, 1, 1] }
    const random = (seed: number, shape: number[]) =>
      Tensor.from(
        normals(
          seed,
          shape.reduce((a, b) => a * b, 1),
        ),
        { shape },
      )
    const weights = {
      filters: random(1, shapes.filters),
      whitening: { weight: random(2, shapes.weight), bias: random(3, shapes.bias) },
    }
    const block = {
      ...{ window: 4, units: k, power: 3, normalise: 'patch' as const, centre: false, pool: { size: 7, stride: 7 } },
      whitened: d,
    }
    const config = {
      kind: 'local' as const,
      channels: 3,
      image: [24, 24] as [number, number],
      trunk: [],
      blocks: [block],
      classes: [],
    }
    using net = new LocalNet(config, { blocks: [weights] })
    using images = Tensor.from(set.images.subarray(0, 2 * 3 * 576), { shape: [2, 3, 24, 24] })
    using features = net.features(images)
    using expected = scope(() => {
      const z = conv2d(images, weights.whitening.weight, { bias: weights.whitening.bias })
      return nnlConv(z, weights.filters, { power: 3, pool: { size: 7, stride: 7 } })
    })
    expect((await features.read()).data).toEqual((await expected.read()).data)
    await net.save(join(folder, 'whitened.safetensors'))
    using loaded = await LocalNet.load(join(folder, 'whitened.safetensors'))
    using again = loaded.features(images)
    expect((await again.read()).data).toEqual((await features.read()).data)
    const without = { blocks: [{ filters: weights.filters }] }
    expect(() => new LocalNet(config, without)).toThrow(/blocks.0.whitening.weight is missing/)
  })

  it('reads the one block that Striate 0.1 wrote', async () => {
    const filters = { dtype: 'F32' as const, shape: [4, 3, 5, 5], data: normals(1, 300) }
    const readout = { dtype: 'F32' as const, shape: [2, 16], data: normals(2, 32) }
    const bias = { dtype: 'F32' as const, shape: [2], data: normals(3, 2) }
    const config = {
      kind: 'local',
      channels: 3,
      image: [24, 24],
      window: 5,
      units: 4,
      power: 40,
      normalise: 'patch',
      centre: false,
    }
    const striate = JSON.stringify({ ...config, pool: { size: 11, stride: 9 }, classes: ['a', 'b'] })
    const path = join(folder, 'old.safetensors')
    await writeSafetensors(path, { filters, 'readout.weight': readout, 'readout.bias': bias }, { metadata: { striate } })
    using net = await LocalNet.load(path)
    expect(net.config.blocks).toMatchObject([{ window: 5, units: 4, power: 40, pool: { size: 11, stride: 9 } }])
    expect((await net.blocks[0]?.filters.read())?.data).toEqual(filters.data)
    expect((await net.readout?.w.read())?.data).toEqual(readout.data)
  })

  it.each([
    ['cached', {}],
    ['recomputed', { memoryLimit: 100_000 }],
  ])("takes each feature's mean off while the readout learns, %s, and has a bias that undoes it", async (_, limit) => {
    const { filters } = await learnFilters(set, { ...small.filters, seed: 3 })
    const block = { window: 4, units: 24, power: 2, normalise: 'none' as const, centre: false, pool: { size: 7, stride: 7 } }
    const config = {
      kind: 'local' as const,
      channels: 3,
      image: [24, 24] as [number, number],
      trunk: [],
      blocks: [block],
      classes: [],
    }
    using layers = new LocalNet(config, { blocks: [{ filters }] })
    const readout = { epochs: 6, batch: 20, validation: 0.25, refit: false, seed: 3, ...limit }
    const centred = await trainReadout(layers, set, readout)
    using net = centred.net
    // Features of one sign: far from their mean, the loss is lower only if the bias makes up for it.
    const { validation } = splitTrainValidation(set.labels as Int32Array, 0.25, 3)
    const held = await selectImages(set, validation)
    const { score } = await classify(net, held)
    expect(Math.abs((score.raw.wrong as number) - centred.chosen.validationError * validation.length)).toBeLessThanOrEqual(1)
    expect(score.value).toBeLessThan(80) // chance is 87.5
    const plain = await trainReadout(layers, set, { ...readout, centreFeatures: false })
    using other = plain.net
    expect(centred.chosen.curve.at(-1)?.trainLoss).toBeLessThan(0.98 * (plain.chosen.curve.at(-1)?.trainLoss ?? 0))
    expect((await net.readout?.b.read())?.data).not.toEqual((await other.readout?.b.read())?.data)
  })

  it('recomputes features where the memory limit asks for it, and learns as well', async () => {
    const plans: string[] = []
    const readout = { ...(small.readout as object), memoryLimit: 100_000 }
    const { net, record } = await trainLocal(set, { ...small, readout, onPlan: (text) => plans.push(text) })
    expect(plans.some((p) => p.includes('recomputed'))).toBe(true)
    const cached = await trainLocal(set, small)
    const difference = Math.abs(
      (record.readout?.chosen.validationError ?? 1) - (cached.record.readout?.chosen.validationError ?? 0),
    )
    expect(difference).toBeLessThan(0.05)
    net.dispose()
    cached.net.dispose()
  })

  it('reseeds and prunes dead units', async () => {
    // Normal rows on uncentred patches: most units never win (the authors' rule, steep Delta).
    const faithful = { units: 40, steps: 300, batch: 200, mode: 'faithful' as const, antiHebbian: 0.4 }
    const plain = await learnFilters(set, faithful)
    expect(plain.health.dead.length).toBeGreaterThan(10)
    const pruned = await learnFilters(set, { ...faithful, dead: 'prune' })
    expect(pruned.filters.shape[0]).toBe(40 - plain.health.dead.length)
    // Normal rows with the stable step: those that no patch recruits stay as they were.
    const stable = { units: 120, steps: 600, batch: 400, init: 'normal' as const, antiHebbian: 0.05 }
    const reseeded = await learnFilters(set, { ...stable, dead: 'reseed' })
    const reported = await learnFilters(set, stable)
    expect(reported.health.dead.length).toBeGreaterThan(5)
    expect(reseeded.health.dead.length).toBeLessThan(reported.health.dead.length)
    for (const { filters } of [plain, pruned, reseeded, reported]) filters.dispose()
  })

  it('stops when it has converged', async () => {
    const { converged, health, filters } = await learnFilters(set, {
      units: 8,
      steps: 4000,
      batch: 400,
      untilConverged: true,
      antiHebbian: 0,
    })
    expect(converged).toBe(true)
    expect(health.step).toBeLessThan(4000)
    filters.dispose()
  })

  it('keeps the network that it writes', async () => {
    const net = await LocalNet.load(join(folder, 'once', 'model.safetensors'))
    const { tensors } = await readSafetensors(join(folder, 'once', 'model.safetensors'))
    expect([...tensors.keys()].sort()).toEqual(['blocks.0.filters', 'readout.bias', 'readout.weight'])
    using images = Tensor.from(set.images.subarray(0, 2 * 3 * 576), { shape: [2, 3, 24, 24] })
    using features = net.features(images)
    expect(features.shape).toEqual([2, net.readout?.w.shape[1]])
    await cpu().sync()
    net.dispose()
  })

  it('refuses before anything runs', async () => {
    const never = () => {
      throw new Error('it ran')
    }
    const refuse = async (options: object, Class: typeof DataError | typeof OptionError, text: RegExp, data = set) => {
      const attempt = trainLocal(data, { ...small, onProgress: never, ...options } as TrainLocalOptions)
      await expect(attempt).rejects.toBeInstanceOf(Class)
      await expect(trainLocal(data, { ...small, onProgress: never, ...options } as TrainLocalOptions)).rejects.toThrow(text)
    }
    await refuse({ filters: { unit: 3 } }, OptionError, /filters.unit is no option/)
    await refuse({ filters: { units: 1 } }, OptionError, /units is 1/)
    await refuse({ filters: { mode: 'wild' } }, OptionError, /mode is 'wild'/)
    await refuse({ filters: { ...small.filters, rank: 25 } }, OptionError, /rank is 25/)
    await refuse({ filters: { ...small.filters, window: 25 } }, OptionError, /window is 25/)
    await refuse({ readout: { powers: [0.5] } }, OptionError, /powers is 0.5/)
    await refuse({ readout: { validation: 0, poolStrides: [1, 2] } }, OptionError, /validation is 0/)
    await refuse({ readout: { poolSize: 22 } }, OptionError, /poolSize is 22/)
    await refuse({ readout: { batch: 433 } }, OptionError, /batch is 433; expected at most the 432 training images/)
    await refuse(
      { trunk: [{ filters: { normalise: 'none' } }], filters: { normalise: 'none' } },
      OptionError,
      /normalise is 'none'/,
    )
    await refuse({ trunk: [{ pool: { size: 21 } }] }, OptionError, /window is 4/)
    await refuse({ blocks: [] }, OptionError, /blocks is empty/)
    await refuse({ blocks: [{}, { units: 3 }] }, OptionError, /blocks.1.units is no option/)
    await refuse({ blocks: [{}, { power: 0.5 }] }, OptionError, /power is 0.5/)
    await refuse({ blocks: [{}, { filters: { window: 25 } }] }, OptionError, /window is 25/)
    await refuse({ blocks: [{}, { pool: { size: 30 } }], readout: false }, OptionError, /poolSize is 30/)
    await refuse({ out: join(folder, 'once') }, OptionError, /is the folder of a run/)
    await refuse(
      { resume: true, out: join(folder, 'once'), filters: { ...small.filters, units: 25 } },
      DataError,
      /of a run with filters.units 24, not 25/,
    )
    const bare = { ...(await selectImages(set, [0, 1, 2])), labels: null }
    await refuse({}, DataError, /without labels/, bare)
  })

  it('refuses a damaged checkpoint by its name', async () => {
    const out = join(folder, 'damaged')
    ;(await trainLocal(set, { ...small, out })).net.dispose()
    const file = join(out, 'filters.checkpoint.safetensors')
    writeFileSync(file, readFileSync(file).subarray(0, 100))
    await expect(trainLocal(set, { ...small, out, resume: true })).rejects.toThrow(/filters.checkpoint.safetensors/)
  })
})
