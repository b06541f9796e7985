// Scores of layers end to end: folds, projections, targets that cannot be scored, the layer that is committed.
import { beforeAll, describe, expect, it } from 'vitest'
import { foldsOf } from '../../lib/eval/folds.js'
import { joined, Kernel } from '../../lib/eval/kernel.js'
import {
  cpu,
  encode,
  type Images,
  imagesFrom,
  localNet,
  Network,
  type NetworkConfig,
  pls,
  type Responses,
  responsesFrom,
  transform,
  usualLayers,
} from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'

const count = 60
const pool = { size: 3, stride: 3 }
const config: NetworkConfig = localNet({
  channels: 3,
  image: [12, 12],
  trunk: [{ window: 3, units: 6, power: 1, normalise: 'none', pool: { size: 2, stride: 2 } }],
  blocks: [{ window: 2, units: 8, power: 1, normalise: 'none', pool }],
  classes: ['a', 'b'],
})

let images: Images
beforeAll(async () => {
  const next = uniform(12)
  images = await imagesFrom({
    pixels: Uint8Array.from({ length: count * 3 * 144 }, () => 256 * next()),
    shape: [count, 3, 12, 12],
    name: 'noise',
  })
})

/** Targets that are sums of a layer's outputs, with noise. */
async function following(net: Network, at: string, targets: number, noise = 0.1): Promise<Responses> {
  const { data } = await transform(net, images, { at })
  const size = data.length / count
  const errors = normals(4, count * targets)
  const mean = new Float64Array(count * targets)
  for (let t = 0; t < targets; ++t) {
    const sums = Float64Array.from({ length: count }, (_, i) => {
      let sum = 0
      for (let k = 0; k < 5; ++k) sum += data[i * size + ((t * 7 + k * 3) % size)] as number
      return sum
    })
    const centre = sums.reduce((a, b) => a + b, 0) / count
    const deviation = Math.sqrt(sums.reduce((sum, v) => sum + (v - centre) ** 2, 0) / count) || 1
    sums.forEach((v, i) => {
      mean[i * targets + t] = (v - centre) / deviation + noise * (errors[i * targets + t] as number)
    })
  }
  return responsesFrom({ name: 'v4', images: count, targets, mean })
}

describe('joined', () => {
  it('is what the features beside each other give, once they vary as much', async () => {
    const [n, sizes] = [20, [30, 12]]
    const split = { train: Int32Array.from({ length: 15 }, (_, i) => i), test: Int32Array.from({ length: 5 }, (_, i) => 15 + i) }
    const parts = sizes.map((size, i) => ({ count: n, size, data: normals(i, n * size).map((v) => (1 + 9 * i) * v + i) }))
    using both = joined(await Promise.all(parts.map((part) => Kernel.of(part, cpu()))))
    using centred = await both.split(split)
    const [train, test] = await Promise.all([centred.train.read(), centred.test.read()])
    const variances = parts.map(({ size, data }) => {
      let sum = 0
      for (let j = 0; j < size; j++) {
        const column = Float64Array.from(split.train, (row) => data[row * size + j] as number)
        const mean = column.reduce((a, b) => a + b, 0) / column.length
        sum += column.reduce((a, b) => a + (b - mean) ** 2, 0)
      }
      return sum
    })
    const mean = (variances[0] as number) / 2 + (variances[1] as number) / 2
    const beside = new Float64Array(n * 42)
    parts.forEach(({ size, data }, i) => {
      for (let row = 0; row < n; row++)
        for (let j = 0; j < size; j++)
          beside[row * 42 + (i === 0 ? 0 : 30) + j] =
            (data[row * size + j] as number) * Math.sqrt(mean / (variances[i] as number))
    })
    const means = Float64Array.from(
      { length: 42 },
      (_, j) => split.train.reduce((sum, row) => sum + (beside[row * 42 + j] as number), 0) / 15,
    )
    const product = (a: number, b: number) =>
      means.reduce((sum, m, j) => sum + ((beside[a * 42 + j] as number) - m) * ((beside[b * 42 + j] as number) - m), 0)
    for (const [rows, matrix] of [
      [split.train, train],
      [split.test, test],
    ] as const)
      rows.forEach((a, i) => {
        for (const b of split.train) expect(matrix.data[i * 15 + b]).toBeCloseTo(product(a, b), 8)
      })
  })
})

describe('foldsOf', () => {
  it('tests every image once, and keeps groups together', () => {
    const groups = Int32Array.from({ length: 23 }, (_, i) => Math.floor(i / 3))
    for (const grouping of [null, groups]) {
      const folds = foldsOf('encode', 23, 4, 1, grouping)
      expect(folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i))
      for (const { train, test } of folds) {
        expect(train.length + test.length).toBe(23)
        const of = (side: Int32Array) =>
          new Set(side.map((i) => (grouping ?? Int32Array.from({ length: 23 }, (_, k) => k))[i] as number))
        expect([...of(train)].filter((group) => of(test).has(group))).toEqual([])
      }
    }
    expect(foldsOf('encode', 23, 4, 1, null)).not.toEqual(foldsOf('encode', 23, 4, 2, null))
    expect(foldsOf('encode', 23, 4, 1, null)).not.toEqual(foldsOf('encode', 23, 4, 1, null, 1))
    expect(() => foldsOf('encode', 23, 9, 1, groups)).toThrow(
      'images is 8 groups of them; expected at least one for each of 9 folds',
    )
  })
})

describe.each([
  ['encode', encode],
  ['pls', pls],
] as const)('%s', (name, score) => {
  it('takes layers together, by name', async () => {
    using net = new Network(config, { seed: 3 })
    const responses = await following(net, 'trunk.0', 6)
    const { scores } = await score(net, images, responses, { layers: ['trunk.0', 'blocks.0', 'blocks.0+trunk.0'], repeats: 1 })
    const [trunk, blocks, both] = scores
    expect(both?.layer).toBe('blocks.0+trunk.0')
    expect(both?.raw.features).toBe((trunk?.raw.features as number) + (blocks?.raw.features as number))
    expect(both?.value).toBeGreaterThan(blocks?.value as number)
    const one = await score(net, images, responses, { layers: ['trunk.0+trunk.0'], repeats: 1 })
    expect(one.scores.map(({ layer, value }) => [layer, value])).toEqual([['trunk.0', trunk?.value]])
    await expect(score(net, images, responses, { layers: ['trunk.0+none'] })).rejects.toThrow(
      /layers is 'none', no layer; expected/,
    )
  })

  it('finds the layer that responses follow, and says how it was measured', async () => {
    using net = new Network(config, { seed: 3 })
    expect(usualLayers(net)).toEqual(['trunk.0', 'blocks.0'])
    const responses = await following(net, 'trunk.0', 6)
    const plans: string[] = []
    const layers = ['pixels', 'trunk.0', 'blocks.0']
    const { scores, committed } = await score(net, images, responses, { layers, repeats: 1, onPlan: (text) => plans.push(text) })
    expect(scores.map(({ layer }) => layer)).toEqual(layers)
    const best = scores[1]
    for (const other of [scores[0], scores[2]]) expect(best?.value).toBeGreaterThan(other?.value as number)
    expect(best?.value).toBeGreaterThan(0.5)
    expect(best?.perTarget.length).toBe(6)
    expect(best?.raw).toMatchObject({ images: count, targets: 6, constant: 0, unmeasured: 0, folds: 5, features: 150 })
    expect(best?.spread.over).toBe('5 folds (standard error of the median over targets)')
    expect(best?.protocol.input).toEqual([3, 12, 12])
    expect(best?.protocol.projection).toMatch(/^none: 150 features are no more than 3509$/)
    expect(committed?.layer).toBe('trunk.0')
    expect(committed?.byFold).toEqual(new Array(5).fill('trunk.0'))
    expect(committed?.value).toBeCloseTo(best?.value as number, 12)
    expect(committed?.reason).toMatch(/chosen in 5 of 5 folds$/)
    expect(plans).toEqual([
      expect.stringMatching(/^3 layers of 60 images in one pass: 0\.1 MB of features, 0\.0 MB of projections/),
    ])
  })

  it('counts targets that cannot be scored, and scores those that lack some images on the others', async () => {
    using net = new Network(config, { seed: 3 })
    const whole = await following(net, 'trunk.0', 4)
    const mean = Float64Array.from(whole.mean)
    for (let i = 0; i < count; ++i) {
      mean[i * 4] = 3
      mean[i * 4 + 1] = Number.NaN
      if (i % 6 === 0) mean[i * 4 + 2] = Number.NaN
    }
    const responses = responsesFrom({ name: 'v4', images: count, targets: 4, mean })
    const { scores } = await score(net, images, responses, { layers: ['trunk.0'] })
    const [{ raw, perTarget, value }] = scores as [(typeof scores)[0]]
    expect(raw).toMatchObject({ targets: 2, constant: 1, unmeasured: 1, incomplete: 1 })
    expect(perTarget.map(Number.isNaN)).toEqual([true, true, false, false])
    expect(value).toBeCloseTo(((perTarget[2] as number) + (perTarget[3] as number)) / 2, 12)
    // A target that lacks nothing scores as it does beside others that lack nothing.
    const alone = responsesFrom({
      name: 'v4',
      images: count,
      targets: 1,
      mean: Float64Array.from({ length: count }, (_, i) => mean[i * 4 + 3] as number),
    })
    const single = await score(net, images, alone, { layers: ['trunk.0'] })
    expect(single.scores[0]?.value).toBeCloseTo(perTarget[3] as number, 10)
    const none = responsesFrom({ name: 'v4', images: count, targets: 1, mean: new Float64Array(count).fill(2) })
    await expect(score(net, images, none, {})).rejects.toThrow(
      `${name}: v4 is 1 targets, 1 of them constant and 0 not measured; expected at least one that varies`,
    )
  })

  it('refuses before it reads an image', async () => {
    using net = new Network(config, { seed: 3 })
    const unread = { ...images, rows: () => Promise.reject(new Error('read')), pixels: null }
    const responses = await following(net, 'trunk.0', 1)
    await expect(score(net, unread, { ...responses, images: 59 }, {})).rejects.toThrow('v4 is responses to 59 images')
    await expect(score(net, unread, responses, { layers: ['trunk'] })).rejects.toThrow("layers is 'trunk', no layer")
    await expect(score(null, unread, responses, { layers: ['all'] })).rejects.toThrow(
      "layers is 'all'; expected pixels, where there is no network",
    )
    await expect(score(net, unread, responses, { folds: 61 })).rejects.toThrow('at least one for each of 61 folds')
    await expect(score(net, unread, responses, { folds: 40 })).rejects.toThrow(
      'v4 is 60 images; expected at least two for each of 40 folds',
    )
    // One group is left to learn from, of which none can be left out.
    const paired = { ...responses, groups: Int32Array.from({ length: count }, (_, i) => i % 2) }
    await expect(score(net, unread, paired, { folds: 2, layers: ['trunk.0', 'blocks.0'] })).rejects.toThrow(
      'v4 is 1 groups of images to learn from in one of the folds; expected at least 2',
    )
    const small = await imagesFrom({ pixels: new Uint8Array(count * 12), shape: [count, 3, 2, 2] })
    await expect(score(net, small, responses, {})).rejects.toThrow('of images [3,2,2]')
  })
})

describe('encode', () => {
  it('scores projected features, in batches of any size', async () => {
    using net = new Network(config, { seed: 3 })
    const responses = await following(net, 'trunk.0', 6)
    const of = async (options: object) => (await encode(net, images, responses, { layers: ['trunk.0'], ...options })).scores[0]
    const [whole, projected, again] = [await of({}), await of({ projection: 100 }), await of({ projection: 100, batch: 7 })]
    expect(projected?.raw).toMatchObject({ features: 150, dimensions: 100 })
    expect(projected?.protocol.projection).toBe('sparse random to 100 (as asked for; density 1 / sqrt(150), seed 0)')
    // r of 6 targets with 60 images deviates by 1 / sqrt(360) from nothing.
    expect(projected?.value).toBeGreaterThan(0.2)
    expect(projected?.value).toBeLessThan(whole?.value as number)
    // Batches change float32 sums by rounding alone.
    expect(again?.value).toBeCloseTo(projected?.value as number, 4)
  })

  it('chooses penalties by target, by folds and by groups', async () => {
    using net = new Network(config, { seed: 3 })
    const plain = await following(net, 'trunk.0', 6)
    const groups = Int32Array.from({ length: count }, (_, i) => Math.floor(i / 2))
    const { mean, targets } = plain
    const grouped = responsesFrom({ name: 'v4', images: count, targets, mean, groups })
    const of = async (responses: Responses, options: object) =>
      (await encode(net, images, responses, { layers: ['trunk.0'], ...options })).scores[0]
    for (const [responses, options, text] of [
      [plain, { lambda: 'per-target' }, /for each target by leave-one-out r$/],
      [plain, { choice: 4 }, /for all targets by 4-fold r$/],
      [grouped, {}, /for all targets by leave-one-group-out r$/],
      [grouped, { choice: 4, aggregate: 'mean' }, /for all targets by 4-fold r$/],
    ] as const) {
      const score = await of(responses, options)
      expect(score?.protocol.regression).toMatch(text)
      expect(score?.value).toBeGreaterThan(0.5)
    }
    const { raw } = (await of(plain, { lambdas: [1e9] })) as { raw: Record<string, number> }
    expect(raw.log10Lambda).toBe(9)
  })

  it('chooses among layers where fewer groups are left than folds choose by', async () => {
    using net = new Network(config, { seed: 3 })
    const responses = await following(net, 'trunk.0', 2)
    const grouped = { ...responses, groups: Int32Array.from({ length: count }, (_, i) => Math.floor(i / 10)) }
    const layers = ['trunk.0', 'blocks.0']
    const found = await pls(net, images, grouped, { layers, folds: 5, repeats: 1, projection: 'none', components: 3 })
    expect(layers).toContain(found.committed?.layer)
    await expect(encode(net, images, grouped, { layers, folds: 2, choice: 5 })).rejects.toThrow(
      'v4 is 3 groups of images to learn from in one of the folds; expected at least 5',
    )
  })

  it('gives repeats a ceiling, and finds nothing in shuffled responses', async () => {
    using net = new Network(config, { seed: 3 })
    const { mean, targets } = await following(net, 'trunk.0', 20)
    const noise = normals(6, mean.length * 4)
    const data = Float64Array.from(noise, (v, i) => (mean[Math.floor(i / 4)] as number) + v)
    const trials = { images: count, targets, repeats: 4, data }
    const { scores } = await encode(net, images, responsesFrom({ name: 'v4', images: count, targets, trials }), {
      layers: ['trunk.0'],
    })
    const { ceiling, value } = scores[0] as { ceiling: { value: number; formula: string }; value: number }
    // Variance 1 of signal in that of noise / 4.
    expect(Math.abs(ceiling.value - Math.sqrt(0.8))).toBeLessThan(0.06)
    expect(value).toBeLessThan(ceiling.value)
    const recorded = responsesFrom({ name: 'v4', images: count, targets, trials })
    for (const [normalise, formula] of [
      ['brain-score', 'brain-score: r^2 / c'],
      ['nsd', 'nsd: r^2 / (NC / 100)'],
    ] as const) {
      const beside = (await encode(net, images, recorded, { layers: ['trunk.0'], normalise })).scores[0]
      expect(beside?.protocol.normalisation).toBe(formula)
      // The median of squares over ceilings of 0.8, give or take what 60 images tell of them.
      expect(Math.abs((beside?.raw.normalised as number) - value ** 2 / 0.8)).toBeLessThan(0.12)
    }
    const silent = responsesFrom({ name: 'v4', images: count, targets, mean })
    await expect(encode(net, images, silent, { layers: ['trunk.0'], normalise: 'nsd' })).rejects.toThrow('v4 is without repeats')
    const turned = Float64Array.from({ length: mean.length }, (_, at) => mean[(at + 17 * targets) % mean.length] as number)
    const shuffled = await encode(net, images, responsesFrom({ name: 'v4', images: count, targets, mean: turned }), {
      layers: ['trunk.0'],
    })
    // Mean r of 20 targets with 60 images: deviation 1 / sqrt(60 x 20).
    expect(Math.abs(shuffled.scores[0]?.raw.mean as number)).toBeLessThan(0.12)
  })

  it('computes all layers in one pass over the images', async () => {
    using net = new Network(config, { seed: 3 })
    const responses = await following(net, 'trunk.0', 2)
    const asked: number[] = []
    const counted: Images = {
      ...images,
      pixels: null,
      rows: (some, signal) => {
        asked.push(...Array.from(some))
        return images.rows(some, signal)
      },
    }
    const layers = ['pixels', 'trunk.0', 'blocks.0', 'features']
    const many = await encode(net, counted, responses, { layers, batch: 16 })
    expect(asked).toEqual(Array.from({ length: count }, (_, i) => i))
    for (const [i, layer] of layers.entries()) {
      const { scores } = await encode(net, images, responses, { layers: [layer], batch: 16 })
      expect(scores[0]?.value).toBeCloseTo(many.scores[i]?.value as number, 10)
    }
  })

  it('is the mean over orders where folds are drawn more than once', async () => {
    const responses = responsesFrom({ name: 'v4', images: count, targets: 2, mean: Float64Array.from(normals(9, 2 * count)) })
    const of = async (options: object) => {
      const { scores } = await encode(null, images, responses, { layers: ['pixels'], ...options })
      return scores[0] as NonNullable<(typeof scores)[0]>
    }
    const [once, thrice] = [await of({ repeats: 1 }), await of({})]
    expect(thrice.raw.folds).toBe(15)
    expect(thrice.protocol.folds).toBe('5 folds, every 5th image of an order drawn by seed 0, 3 such orders')
    expect(thrice.value).not.toBe(once.value)
    expect(thrice.spread.over).toBe(once.spread.over)
  })

  it('scores pixels without a network as with one', async () => {
    using net = new Network(config, { seed: 3 })
    const responses = await following(net, 'trunk.0', 3)
    const [alone, beside] = [
      await encode(null, images, responses, { layers: ['pixels'] }),
      await encode(net, images, responses, { layers: ['pixels'] }),
    ]
    expect(alone.scores[0]?.model).toBe('no network')
    expect(alone.committed).toBe(null)
    expect(alone.scores[0]?.perTarget).toEqual(beside.scores[0]?.perTarget)
  })
})
