// What is told about the units of learned filters: cosines against a float64 reference, and a collapse that was planted.
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type FilterOptions,
  healthWarnings,
  type InMemoryImages,
  imagesFrom,
  learnFilters,
  renderSet,
  type Tensor,
} from '../../lib/index.js'
import { filterConfig } from '../../lib/learn/filter_options.js'
import { countCosines } from '../../lib/learn/health.js'
import { gather } from '../ops/hebbian.js'
import { u8 } from '../ops/proof.js'

let set: InMemoryImages
beforeAll(async () => {
  set = await renderSet({ count: 480, size: 24, seed: 1 })
})

const unit = (x: number[]): number[] => x.map((value) => value / (Math.hypot(...x) || 1))
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)

/** Rows of a tensor [K, ...], on the host. */
async function rowsOf(filters: Tensor): Promise<number[][]> {
  const { data } = await filters.read()
  const d = data.length / (filters.shape[0] as number)
  return Array.from({ length: filters.shape[0] as number }, (_, k) =>
    Array.from(data.subarray(k * d, (k + 1) * d) as Float32Array),
  )
}

/** What is told of filters that were learned so. */
async function warned(options: FilterOptions): Promise<string[]> {
  const { filters, health, config } = await learnFilters(set, options)
  filters.dispose()
  return healthWarnings(health, config)
}

const quick: FilterOptions = { units: 24, window: 4, steps: 400, batch: 200, seed: 0 }
const collapsing: FilterOptions = { ...quick, antiHebbian: 0.4 }

describe('a collapse', () => {
  it('that was planted, uncentred unit patches with Delta 0.4, is told while it begins and at the end', async () => {
    const seen: Record<string, number>[] = []
    const { filters, health, history, config } = await learnFilters(set, collapsing, {
      onProgress: ({ values }) => seen.push(values),
    })
    filters.dispose()
    const total = health.wins.reduce((a, b) => a + b, 0)
    expect(health.winShare).toBe(Math.max(...health.wins) / total)
    expect(health.winShare).toBeGreaterThan(0.4)
    expect(health.gains?.filter((s) => s < 0)).toHaveLength(health.repelled)
    expect(history.at(-1)).toMatchObject({ winShare: health.winShare, repelled: health.repelled, dead: health.dead.length })
    // The share has passed a quarter long before the end.
    expect(history.find((h) => h.winShare > 0.25)?.step).toBeLessThan(300)
    expect(seen.at(-1)).toEqual({
      dead: health.dead.length,
      repelled: health.repelled,
      winShare: health.winShare,
      energy: health.energy,
    })
    expect(healthWarnings(health, config)[0]).toMatch(
      /^one unit takes \d\d % of the patches, a sign of collapse: try a lower anti-Hebbian strength \(Delta, now 0.4\)$/,
    )
  })

  it('is not told of patches that are centred, of a lower Delta, or of rules that keep all units alive', async () => {
    for (const options of [
      { ...collapsing, centre: true },
      { ...quick, antiHebbian: 0.05 },
      { ...quick, rule: 'softhebb' as const },
      { ...quick, rule: 'spherical-k-means' as const },
    ])
      expect(await warned(options), JSON.stringify(options)).toEqual([])
  })
})

describe('warnings', () => {
  const config = filterConfig({ units: 40 })
  const even = { wins: Array<number>(40).fill(30), dead: [], duplicates: 0 }
  const withDead = (count: number, wins = 30) => ({
    ...even,
    wins: Array.from({ length: 40 }, (_, unit) => (unit < count ? 0 : wins)),
    dead: Array.from({ length: count }, (_, unit) => unit),
  })

  it('begin above a third of the patches, a twentieth of dead units, a fifth of near-duplicates', () => {
    expect(healthWarnings(even, config)).toEqual([])
    expect(healthWarnings({ ...even, wins: [585, ...even.wins.slice(1)] }, config)).toEqual([]) // 585 of 1755 is a third
    expect(healthWarnings({ ...even, wins: [586, ...even.wins.slice(1)] }, config)).toEqual([
      expect.stringMatching(/^one unit takes 33 %/),
    ])
    expect(healthWarnings({ ...even, duplicates: 156 }, config)).toEqual([])
    expect(healthWarnings({ ...even, duplicates: 157 }, config)).toEqual([
      expect.stringMatching(/^157 of 780 pairs of live units are near-duplicates \(cosine over 0.99\): try/),
    ])
    expect(healthWarnings(withDead(2), config)).toEqual([])
    expect(healthWarnings(withDead(3), config)).toEqual([
      '3 of 40 units are dead (no win among the last 1110 patches): try a lower anti-Hebbian strength (Delta, now 0.2)',
    ])
    // So few patches leave some units out by chance.
    expect(healthWarnings(withDead(3, 21), config)).toEqual([])
  })

  it('are none of the run of the recipe for CIFAR-10, which ends with one dead unit and one that takes 28.5 % of the patches', () => {
    const wins = [0, 57_000, ...Array<number>(398).fill(359)]
    expect(healthWarnings({ wins, dead: [0], duplicates: 3 }, filterConfig({ units: 400, antiHebbian: 0.275 }))).toEqual([])
  })

  it('are none of runs of few steps, which are much as they began, and of the settings of the demo', async () => {
    for (const steps of [1, 10, 50])
      for (const units of [8, 24, 128]) expect(await warned({ ...quick, steps, units })).toEqual([])
    expect(await warned({ units: 128, window: 5, steps: 600, seed: 0 })).toEqual([])
  })

  it('are told of units that never win, and of units that all become the mean', async () => {
    expect(await warned({ ...quick, rule: 'hard-wta', init: 'normal', units: 64, batch: 1000 })).toEqual([
      expect.stringMatching(/^\d+ of 64 units are dead .*: try init 'patches', or dead 'reseed', or fewer units$/),
    ])
    expect(await warned({ ...quick, rule: 'soft-wta', temperature: 100 })).toEqual([
      expect.stringMatching(/^one unit takes 98 %/),
      expect.stringMatching(/^21 of 24 units are dead/),
      expect.stringMatching(/^3 of 3 pairs of live units are near-duplicates .*: try a lower temperature \(now 100\)/),
    ])
  })

  it('leave few units their large shares, and rules without learning or winners alone', () => {
    const four = { wins: [70, 10, 10, 10], dead: [], duplicates: 0 }
    expect(healthWarnings(four, filterConfig({ units: 4 }))).toEqual([])
    expect(healthWarnings({ ...withDead(9), duplicates: 700 }, filterConfig({ rule: 'random' }))).toEqual([])
    expect(healthWarnings({ wins: [], dead: [], duplicates: 0 }, filterConfig({ rule: 'oja' }))).toEqual([])
  })

  it('propose what the rule has', () => {
    const cure = (options: FilterOptions) =>
      healthWarnings(withDead(3), filterConfig({ units: 40, ...options }))[0]?.split(': ')[1]
    expect(cure({ antiHebbian: 0, init: 'normal' })).toBe("try init 'patches', or dead 'reseed', or fewer units")
    expect(cure({ rule: 'hard-wta', dead: 'reseed' })).toBe('try fewer units')
    expect(cure({ rule: 'softhebb' })).toBe('try centred patches or a higher temperature')
  })
})

describe('cosines', () => {
  it('of patches with their nearest unit, and of units with theirs, are those of a float64 reference', async () => {
    // Half of the images are black: their patches are no part of it.
    const images = set.pixels.slice()
    images.fill(0, 0, images.length / 2)
    const half = await imagesFrom({ pixels: images, shape: set.shape })
    for (const options of [quick, { ...quick, centre: true, seed: 5 }, { ...quick, rule: 'oja' as const }]) {
      const { filters, health, config } = await learnFilters(half, options)
      const rows = await rowsOf(filters)
      filters.dispose()
      const { v } = gather(
        u8([...half.shape], images),
        { window: 4, batch: 4096, seed: config.seed, normalise: 'patch', centre: config.centre },
        0,
        0,
      )
      const found: number[] = []
      for (let at = 0; at < v.length; at += 48) {
        const patch = v.subarray(at, at + 48)
        if (patch.some((x) => x !== 0)) found.push(Math.max(...rows.map((row) => dot(row, patch))))
      }
      const { edges, counts, below, median } = health.cosines as NonNullable<typeof health.cosines>
      expect(found.length).toBeLessThan(3000)
      expect(counts.reduce((a, b) => a + b, below)).toBe(found.length)
      expect(below).toBeLessThanOrEqual(0.005 * found.length + 1)
      expect(median).toBeCloseTo(found.sort((a, b) => a - b)[Math.floor((found.length - 1) / 2)] as number, 4)
      // Rounding of float32 may move a cosine at an edge to the bin beside it.
      const under = (x: number) => found.filter((cosine) => cosine < x).length
      let sum = below
      for (const [i, n] of counts.entries()) {
        expect(Math.abs(sum - under(edges[i] as number))).toBeLessThanOrEqual(3)
        sum += n
      }
      const nearest = rows.map((row, k) =>
        Math.max(...rows.filter((_, j) => j !== k).map((other) => dot(unit(row), unit(other)))),
      )
      for (const [k, cosine] of health.nearest.entries()) expect(cosine).toBeCloseTo(nearest[k] as number, 3)
    }
  })

  it('of whitened patches meet whitened rows, and rules without winners or gains have none', async () => {
    const whitened = await learnFilters(set, { ...quick, rule: 'patches', whiten: { after: 'none' }, steps: 2 })
    const plain = await learnFilters(set, { ...quick, rule: 'patches', steps: 2 })
    // Whitening takes away what all patches share.
    expect(whitened.health.cosines?.median).toBeLessThan(0.6)
    expect(plain.health.cosines?.median).toBeGreaterThan(0.95)
    const oja = await learnFilters(set, { ...quick, rule: 'oja' })
    expect(oja.health).toMatchObject({ wins: [], winShare: 0, gains: null, repelled: 0 })
    for (const { filters } of [whitened, plain, oja]) filters.dispose()
    const black = await imagesFrom({ pixels: new Uint8Array(set.pixels.length), shape: set.shape })
    const random = await learnFilters(black, { ...quick, rule: 'random', steps: 2 })
    expect(random.health.cosines).toBeNull()
    random.filters.dispose()
  })

  it('are counted once each, the far ones below the first edge', () => {
    const cosines = [0.1, ...Array.from({ length: 998 }, (_, i) => 0.8 + (0.2 * i) / 998), 1 + 1e-7]
    const { edges, counts, below, median } = countCosines(cosines)
    expect([edges[0], edges.at(-1), edges.length]).toEqual([0.8, 1, 51])
    expect(below).toBe(1)
    expect(counts.reduce((a, b) => a + b, 0)).toBe(999)
    for (const n of counts) expect(Math.abs(n - 20)).toBeLessThanOrEqual(1)
    expect(median).toBeCloseTo(0.9, 3)
    expect(countCosines([1, 1, 1])).toMatchObject({ below: 0, median: 1 })
  })
})
