import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BlockRecord,
  classify,
  cpu,
  DataError,
  type InMemoryImages,
  type LocalBlock,
  type LocalOptions,
  labelsOf,
  learnFilters,
  localBlocks,
  localNet,
  Network,
  nnlConv,
  normals,
  OptionError,
  OutOfMemoryError,
  type RunOptions,
  readSafetensors,
  renderSet,
  type Safetensor,
  type ShapeError,
  scope,
  selectImages,
  Tensor,
  type TrainProgress,
  trainLocal,
} from '../../lib/index.js'

let folder: string
let set: InMemoryImages
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-train-'))
  set = await renderSet({ count: 480, size: 24, seed: 1 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const small: LocalOptions = {
  filters: { units: 24, window: 4, steps: 400, batch: 200 },
  readout: { poolSize: 7, poolStrides: [7, 5], powers: [10], epochs: 6, batch: 20, validation: 0.25 },
  seed: 3,
}
const model = (name: string) => readFileSync(join(folder, name, 'model.safetensors'))

/** Stops a run at a share of a phase and lets it go on. @returns what the second process did: its phases, and where it began in that one */
async function stoppedAndResumed(options: LocalOptions, name: string, phase: string, share: number) {
  const out = join(folder, name)
  const controller = new AbortController()
  const reason = new Error('enough')
  const onProgress = (p: TrainProgress) => {
    if (p.phase === phase && p.done / p.total > share) controller.abort(reason)
  }
  const stopped = trainLocal(set, options, { out, checkpointSeconds: 0, signal: controller.signal, onProgress })
  await expect(stopped).rejects.toBe(reason)
  let first = Number.POSITIVE_INFINITY
  const phases: string[] = []
  const { net } = await trainLocal(set, options, {
    out,
    resume: true,
    onProgress: (p) => {
      phases.push(p.phase)
      if (p.phase === phase) first = Math.min(first, p.done / p.total)
    },
  })
  net.dispose()
  return { first, phases }
}

const featuresOf = async (net: Network, images: Tensor): Promise<Tensor> =>
  (await net.features(images, { at: ['features'] })).features as Tensor
const weight = (net: Network, name: string) => net.parameters.get(name) as Tensor

describe('trainLocal', () => {
  it('learns filters that read out better than chance, and says what it did', async () => {
    const { net, record } = await trainLocal(set, small)
    const test = await renderSet({ count: 240, size: 24, seed: 1, first: 480 })
    const { score, confusion, prediction } = await classify(net, test)
    expect(score.value).toBeLessThan(0.8) // chance is 0.875
    expect(score.raw.wrong).toBe(prediction.reduce((n, p, i) => n + (p === labelsOf(test)?.labels[i] ? 0 : 1), 0))
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
      (await trainLocal(set, { ...small, seed }, { out: join(folder, name) })).net.dispose()
    expect(model('twice').equals(model('once'))).toBe(true)
    expect(model('other').equals(model('once'))).toBe(false)
  })

  for (const [phase, share] of [
    ['filters', 0.5],
    ['search 2/2', 0.5],
    ['refit', 0.6],
  ] as const)
    it(`stopped in the phase ${phase} and resumed, it ends with the same bytes`, async () => {
      const name = `stopped-${phase.replaceAll(/\W/g, '')}`
      const resumed = await stoppedAndResumed(small, name, phase, share)
      expect(resumed.first, 'it did not begin again').toBeGreaterThan(0.3)
      expect(model(name).equals(model('once'))).toBe(true)
    })

  // Blocks of different windows, numbers, powers and pools; the second of the two is the one that the runs below are stopped in.
  const two: LocalOptions = {
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
    const { net, record } = await trainLocal(set, two, { out: join(folder, 'two') })
    const { blocks } = localBlocks(net.config)
    expect(blocks.map(({ window, units, power, pool }) => [window, units, power, pool.size, pool.stride])).toEqual([
      [4, 12, 10, 7, 7],
      [6, 10, 6, 11, 4],
      [4, 12, 40, 11, 2],
    ])
    // 21 positions, 7 every 7: 3; 19 positions and 3 before and after, 11 every 4: 4; 21 positions, 11 every 2: 6.
    expect(weight(net, 'readout.weight').shape).toEqual([8, 12 * 9 + 10 * 16 + 12 * 36])
    expect(blocks.map(({ pool }) => pool.padding)).toEqual([0, 3, 0])
    const seeds = record.blocks.map(({ filters }) => filters.seed)
    expect(seeds[0]).toBe(3)
    expect(new Set(seeds).size).toBe(3)

    using images = Tensor.from(set.pixels.subarray(0, 5 * 3 * 576), { shape: [5, 3, 24, 24] })
    using features = await featuresOf(net, images)
    const { data } = await features.read()
    let at = 0
    for (const [i, block] of record.blocks.entries()) {
      const { power, pool, normalise, centre } = blocks[i] as LocalBlock
      const learned = await learnFilters(set, block.filters)
      using alone = nnlConv(images, learned.filters, { power, pool, normalise, centre })
      const expected = (await alone.read()).data
      const count = expected.length / 5
      for (let n = 0; n < 5; n++)
        expect(data.subarray(n * (data.length / 5) + at, n * (data.length / 5) + at + count)).toEqual(
          expected.subarray(n * count, (n + 1) * count),
        )
      at += count
      learned.filters.dispose()
    }
    expect(at).toBe(data.length / 5)
    const loaded = await Network.load(join(folder, 'two', 'model.safetensors'))
    expect(loaded.config).toEqual(net.config)
    using again = await featuresOf(loaded, images)
    expect((await again.read()).data).toEqual(data)
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
      const resumed = await stoppedAndResumed(two, name, phase, share)
      expect(resumed.first, 'it did not begin again').toBeGreaterThan(0.3)
      expect(resumed.phases, 'the first block is learned again').not.toContain('filters 1/3')
      expect(model(name).equals(model('two'))).toBe(true)
    })

  const stack: LocalOptions = {
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
    const { net, record } = await trainLocal(set, stack, { out: join(folder, 'stack') })
    // 24 pixels, 21 positions, 3 every 2: 10; 9 positions, 3 every 2: 4; 2 positions of one block, 3 of the other, pooled whole.
    const shapes = ['trunk.0', 'trunk.1', 'blocks.0', 'blocks.1', 'readout'].map((name) => weight(net, `${name}.weight`).shape)
    expect(shapes).toEqual([
      [12, 3, 4, 4],
      [14, 12, 2, 2],
      [16, 14, 3, 3],
      [10, 14, 2, 2],
      [8, 16 + 10],
    ])
    expect(new Set([...record.trunk, ...record.blocks].map(({ filters }) => filters.seed)).size).toBe(4)
    for (const { health } of [...record.trunk, ...record.blocks]) {
      expect(health.norms.every((n) => Math.abs(n - 1) < 0.2)).toBe(true)
      expect(health.dead.length).toBeLessThan(health.wins.length / 2)
    }
    expect(record.readout?.chosen.validationError).toBeLessThan(0.8) // chance is 0.875

    // What the network computes is its layers one after another.
    using images = Tensor.from(set.pixels.subarray(0, 5 * 3 * 576), { shape: [5, 3, 24, 24] })
    const { trunk, blocks } = localBlocks(net.config)
    const tops = scope(() => {
      const of = ({ power, pool, normalise, centre }: LocalBlock) => ({ power, pool, normalise, centre })
      const map = trunk.reduce((x, block, i) => nnlConv(x, weight(net, `trunk.${i}.weight`), of(block)), images)
      return blocks.map((block, i) => nnlConv(map, weight(net, `blocks.${i}.weight`), of(block)))
    })
    const rows = Array.from({ length: 5 }, () => [] as number[])
    for (const y of tops) {
      const { data } = await y.read()
      for (const [n, row] of rows.entries()) row.push(...data.subarray((n * data.length) / 5, ((n + 1) * data.length) / 5))
      y.dispose()
    }
    using features = await featuresOf(net, images)
    expect(Array.from((await features.read()).data)).toEqual(rows.flat())
    const loaded = await Network.load(join(folder, 'stack', 'model.safetensors'))
    using again = await featuresOf(loaded, images)
    expect((await again.read()).data).toEqual((await features.read()).data)
    net.dispose()
    loaded.dispose()
  })

  it('learns blocks on images and on parts of a trunk side by side as each alone would be', async () => {
    const [first, second] = stack.trunk as NonNullable<LocalOptions['trunk']>
    const [block] = stack.blocks as NonNullable<LocalOptions['blocks']>
    const filters = (seed: number) => ({ ...block?.filters, seed })
    const options = (trunk: LocalOptions['trunk'], blocks: LocalOptions['blocks']): LocalOptions => ({
      ...stack,
      trunk,
      blocks,
      readout: false,
    })
    const one = { ...block, filters: filters(21) }
    const deep = options([first ?? {}, second ?? {}], [{ ...one, on: 0 }, { ...one, on: 1 }, one])
    const out = join(folder, 'beside')
    const { net, record } = await trainLocal(set, deep, { out })
    expect(record.blocks.map(({ on }) => on)).toEqual([0, 1, undefined])
    for (const [depth, trunk] of [[], [first ?? {}], [first ?? {}, second ?? {}]].entries()) {
      const { net: alone } = await trainLocal(set, options(trunk, [one]))
      for (const [name, tensor] of [
        ['blocks.0.weight', `blocks.${depth}.weight`],
        ...trunk.map((_, i) => [`trunk.${i}.weight`, `trunk.${i}.weight`]),
      ] as const)
        expect((await weight(alone, name as string).read()).data, name).toEqual((await weight(net, tensor as string).read()).data)
      alone.dispose()
    }
    net.dispose()
    // A finished run is given as it is, and is not taken for one whose blocks stand elsewhere.
    const { net: again } = await trainLocal(set, deep, { out, resume: true })
    again.dispose()
    const elsewhere = options(deep.trunk, [{ ...one, on: 0 }, { ...one, on: 0 }, one])
    await expect(trainLocal(set, elsewhere, { out, resume: true })).rejects.toThrow(/blocks.1.on/)
  })

  it('a stack stopped in its second layer and resumed ends with the same bytes', async () => {
    await stoppedAndResumed(stack, 'stack-stopped', 'filters 2/4', 0.5)
    expect(model('stack-stopped').equals(model('stack'))).toBe(true)
  })

  it('projects to whitened patches before the filters of a whitened block', async () => {
    const [d, k] = [9, 6]
    const random = (seed: number, shape: number[]): Safetensor => ({
      dtype: 'F32',
      shape,
      data: normals(
        seed,
        shape.reduce((a, b) => a * b, 1),
      ),
    })
    const state = new Map([
      ['blocks.0.weight', random(1, [k, d, 1, 1])],
      ['blocks.0.whiten.weight', random(2, [d, 3, 4, 4])],
      ['blocks.0.whiten.bias', random(3, [d])],
    ])
    const pool = { size: 7, stride: 7 }
    const block = {
      window: 4,
      units: k,
      power: 3,
      normalise: 'patch' as const,
      centre: false,
      pool,
      whiten: { after: 'norm' as const, components: d },
    }
    const config = localNet({ channels: 3, image: [24, 24], blocks: [block] })
    using net = new Network(config, { state })
    using images = Tensor.from(set.pixels.subarray(0, 2 * 3 * 576), { shape: [2, 3, 24, 24] })
    using features = await featuresOf(net, images)
    using expected = scope(() => {
      const bias = weight(net, 'blocks.0.whiten.bias')
      const z = nnlConv(images, weight(net, 'blocks.0.whiten.weight'), { rectify: false, bias })
      const y = nnlConv(z, weight(net, 'blocks.0.weight'), { power: 3, pool })
      return y.reshape([2, y.size / 2])
    })
    expect((await features.read()).data).toEqual((await expected.read()).data)
    await net.save(join(folder, 'whitened.safetensors'))
    using loaded = await Network.load(join(folder, 'whitened.safetensors'))
    using again = await featuresOf(loaded, images)
    expect((await again.read()).data).toEqual((await features.read()).data)
    state.delete('blocks.0.whiten.weight')
    expect(() => new Network(config, { state })).toThrow(/blocks.0.whiten.weight is missing/)
  })

  it('recomputes features where the memory limit asks for it, and learns as well', async () => {
    const plans: string[] = []
    const readout = { ...(small.readout as object), memoryLimit: 100_000 }
    const { net, record } = await trainLocal(set, { ...small, readout }, { onPlan: (text) => plans.push(text) })
    expect(plans.some((p) => p.includes('recomputed'))).toBe(true)
    const cached = await trainLocal(set, small)
    const difference = Math.abs(
      (record.readout?.chosen.validationError ?? 1) - (cached.record.readout?.chosen.validationError ?? 0),
    )
    expect(difference).toBeLessThan(0.05)
    net.dispose()
    cached.net.dispose()
  })

  it('keeps the network that it writes', async () => {
    const net = await Network.load(join(folder, 'once', 'model.safetensors'))
    const { tensors } = await readSafetensors(join(folder, 'once', 'model.safetensors'))
    expect([...tensors.keys()].sort()).toEqual(['blocks.0.weight', 'readout.bias', 'readout.weight'])
    using images = Tensor.from(set.pixels.subarray(0, 2 * 3 * 576), { shape: [2, 3, 24, 24] })
    using features = await featuresOf(net, images)
    expect(features.shape).toEqual([2, weight(net, 'readout.weight').shape[1]])
    await cpu().sync()
    net.dispose()
  })

  it('refuses before anything runs', async () => {
    const never = () => {
      throw new Error('it ran')
    }
    type Refusal = typeof DataError | typeof OutOfMemoryError | typeof OptionError | typeof ShapeError
    const refuse = async (options: object, Class: Refusal, text: RegExp, run: RunOptions = {}, data = set) => {
      const attempt = () => trainLocal(data, { ...small, ...options } as LocalOptions, { ...run, onProgress: never })
      await expect(attempt()).rejects.toBeInstanceOf(Class)
      await expect(attempt()).rejects.toThrow(text)
    }
    await refuse({ filters: { unit: 3 } }, OptionError, /filters.unit is no option/)
    await refuse({ filters: { units: 1 } }, OptionError, /units is 1/)
    await refuse({ filters: { mode: 'wild' } }, OptionError, /mode is 'wild'/)
    await refuse({ filters: { ...small.filters, rank: 25 } }, OptionError, /rank is 25/)
    await refuse({ filters: { ...small.filters, window: 25 } }, OptionError, /window is 25/)
    await refuse({ readout: { powers: [0.5] } }, OptionError, /powers.0 is 0.5/)
    await refuse({ readout: { validation: 0, poolStrides: [1, 2] } }, OptionError, /validation is 0/)
    await refuse({ readout: { poolSize: 22 } }, OptionError, /a pool of 22 on maps of 21 x 21/)
    await refuse(
      { readout: { memoryLimit: 1 } },
      OutOfMemoryError,
      /a readout of \d+ features needs .* over the limit of 1 bytes/,
    )
    await refuse({ filters: { ...small.filters, units: 10 ** 8 } }, OptionError, /units is 100000000; expected a whole number/)
    await refuse(
      { filters: { ...small.filters, units: 2 ** 24, batch: 2 ** 15 } },
      OptionError,
      /units is 16777216, for which learning takes/,
    )
    await refuse(
      { filters: { ...small.filters, units: 10 ** 6 } },
      OptionError,
      /units is 1000000; expected at most the \d+ patches/,
    )
    await refuse(
      { trunk: [{ filters: { normalise: 'none' } }], filters: { normalise: 'none' } },
      OptionError,
      /normalise is 'none'/,
    )
    await refuse({ trunk: [{ pool: { size: 21 } }] }, OptionError, /window is 4/)
    await refuse({ blocks: [] }, OptionError, /blocks is \[\]; expected a list of at least 1/)
    await refuse({ blocks: [{}, { units: 3 }] }, OptionError, /blocks.1.units is no option/)
    await refuse({ blocks: [{}, { power: 0.5 }] }, OptionError, /power is 0.5/)
    await refuse({ blocks: [{}, { filters: { window: 25 } }] }, OptionError, /window is 25/)
    await refuse({ blocks: [{}, { pool: { size: 30 } }], readout: false }, OptionError, /a pool of 30 on maps of 21 x 21/)
    const once = join(folder, 'once')
    await refuse({}, OptionError, /is the folder of a run/, { out: once })
    const more = { filters: { ...small.filters, units: 25 } }
    await refuse(more, DataError, /of a run with blocks.0.filters.units 24, not 25/, { out: once, resume: true })
    const bare = { ...(await selectImages(set, [0, 1, 2])), targets: {} } as InMemoryImages
    await refuse({}, DataError, /without labels/, {}, bare)
  })

  it('takes a minibatch that the images fill, and says so', async () => {
    const said: string[] = []
    const readout = { batch: 10_000, epochs: 1 }
    const { net, record } = await trainLocal(set, { ...small, readout }, { onPlan: (text) => said.push(text) })
    net.dispose()
    const { train, validation } = record.readout?.images ?? {}
    expect(record.readout?.config.batch).toBe(train)
    expect(said).toContain(`readout: minibatches of ${train} of ${train} training images, ${validation} for validation`)
    expect(said[0]).toMatch(
      /^filters: 24 of 4 x 4 from \d+ minibatches of \d+ patches, about [\d.]+ [KMG]iB of memory and \d+ s$/,
    )
  })

  it('refuses a damaged checkpoint by its name', async () => {
    const out = join(folder, 'damaged')
    const stop = new AbortController()
    const run = { out, signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) }
    await expect(trainLocal(set, small, run)).rejects.toThrow('enough')
    const file = join(out, 'filters.checkpoint.safetensors')
    writeFileSync(file, readFileSync(file).subarray(0, 100))
    await expect(trainLocal(set, small, { out, resume: true })).rejects.toThrow(/filters.checkpoint.safetensors/)
  })

  it('that is finished gives what it left, and computes nothing', async () => {
    const out = join(folder, 'finished')
    const first = await trainLocal(set, small, { out })
    expect(readdirSync(out).sort()).toEqual(['curves.csv', 'model.safetensors', 'run.json'])
    const again = await trainLocal(set, small, { out, resume: true, onProgress: () => expect.unreachable('it ran') })
    using a = first.net
    using b = again.net
    expect(await b.state()).toEqual(await a.state())
    expect(again.record).toEqual(JSON.parse(JSON.stringify(first.record)))
    const [head, ...rows] = readFileSync(join(out, 'curves.csv'), 'utf8').trim().split('\n')
    expect(head).toMatch(/^stage,step,epoch,energy,dead,unitNorm,repelled,winShare,trainLoss,trainError,validationError,seconds$/)
    const { history } = first.record.blocks[0] as BlockRecord
    expect(rows[0]).toBe(
      `filters,${history[0]?.step},,${history[0]?.energy},${history[0]?.dead},${history[0]?.unitNorm},${history[0]?.repelled},${history[0]?.winShare},,,,`,
    )
    const epochs = (first.record.readout?.chosen.curve.length ?? 0) + (first.record.readout?.refit?.length ?? 0)
    expect(rows).toHaveLength(history.length + epochs)
  })
})
