// What the Krotov-Hopfield rule must do, whatever computes it (numbers of one step: test/ops/hebbian.ts).
import { describe, expect, it } from 'vitest'
import { cpu, setThreads, Tensor, threads } from '../../lib/index.js'
import {
  gatherPatches,
  type HebbianLearnOptions,
  type HebbianRule,
  type HebbianTally,
  hebbianLearn,
  hebbianStep,
  hebbianUpdate,
} from '../../lib/ops/index.js'
import { normals, Permutation } from '../../lib/random.js'

const device = cpu()

interface Tally {
  wins: number[]
  losses: number[]
  gains: number[]
  energy: number
}

const numbers = async (t: Tensor): Promise<number[]> => Array.from((await t.read()).data as ArrayLike<number>)

async function read(t: HebbianTally): Promise<Tally> {
  const tally = {
    wins: await numbers(t.wins),
    losses: await numbers(t.losses),
    gains: await numbers(t.gains),
    energy: (await numbers(t.energy))[0] as number,
  }
  for (const tensor of Object.values(t) as Tensor[]) tensor.dispose()
  return tally
}

/** Rows of `patches` and `w` in and out of the device for one step. */
async function step(
  patches: Float32Array,
  w: Float32Array,
  d: number,
  rule: HebbianRule,
): Promise<{ w: Float32Array; tally: Tally }> {
  const v = Tensor.from(patches, { shape: [patches.length / d, d], device })
  const rows = Tensor.from(w, { shape: [w.length / d, d], device })
  const tally = await read(hebbianStep(v, rows, rule))
  const after = Float32Array.from(await numbers(rows))
  v.dispose()
  rows.dispose()
  return { w: after, tally }
}

async function learn(
  images: Uint8Array,
  shape: number[],
  w: Float32Array,
  options: HebbianLearnOptions,
): Promise<{ w: Float32Array; tally: Tally }> {
  const window = options.window ?? 4
  const d = (shape[1] as number) * window * window
  const x = Tensor.from(images, { shape, device })
  const rows = Tensor.from(w, { shape: [w.length / d, d], device })
  const tally = await read(hebbianLearn(x, rows, options))
  const after = Float32Array.from(await numbers(rows))
  x.dispose()
  rows.dispose()
  return { w: after, tally }
}

const row = (w: Float32Array, k: number, d: number): Float32Array => w.subarray(k * d, (k + 1) * d)
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
const norm = (a: Float32Array): number => Math.sqrt(dot(a, a))
const cosine = (a: Float32Array, b: Float32Array): number => dot(a, b) / (norm(a) * norm(b))

/** Rows of normal numbers scaled to the given norms. */
function rowsOfNorm(seed: number, k: number, d: number, length: (k: number) => number): Float32Array {
  const w = normals(seed, k * d)
  for (let i = 0; i < k; i++) {
    const scale = length(i) / norm(row(w, i, d))
    for (let j = 0; j < d; j++) w[i * d + j] = (w[i * d + j] as number) * scale
  }
  return w
}

/** Unit patches around `clusters` directions. */
function clustered(seed: number, count: number, d: number, clusters: number, spread: number): Float32Array {
  const centres = rowsOfNorm(seed, clusters, d, () => 1)
  const v = normals(seed + 1, count * d)
  for (let b = 0; b < count; b++)
    for (let i = 0; i < d; i++) v[b * d + i] = (centres[(b % clusters) * d + i] as number) + (v[b * d + i] as number) * spread
  for (let b = 0; b < count; b++) {
    const scale = 1 / norm(row(v, b, d))
    for (let i = 0; i < d; i++) v[b * d + i] = (v[b * d + i] as number) * scale
  }
  return v
}

/** Bright images with soft structure, as photographs are: their patches lie in a narrow cone around the constant patch. */
function photographs(seed: number, n: number, c: number, side: number): Uint8Array {
  const images = new Uint8Array(n * c * side * side)
  for (let image = 0; image < n; image++) {
    const r = normals(seed * 1000 + image, 40)
    const at = (i: number): number => r[i] as number
    for (let channel = 0; channel < c; channel++)
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          let value = 130 + 35 * at(0) + 12 * at(1 + channel)
          for (let wave = 0; wave < 5; wave++)
            value +=
              14 *
              at(5 + 4 * wave) *
              Math.sin(at(6 + 4 * wave) * 0.7 * x + at(7 + 4 * wave) * 0.7 * y + 3 * at(8 + 4 * wave) + 0.4 * channel)
          images[((image * c + channel) * side + y) * side + x] = Math.max(0, Math.min(255, Math.round(value)))
        }
  }
  return images
}

const dead = (t: Tally): number => t.wins.filter((n) => n === 0).length / t.wins.length

describe('norms', () => {
  const d = 24
  const k = 12

  it('are drawn to 1 for every row with a positive gain', async () => {
    const patches = clustered(1, 480, d, k, 0.15)
    let w = rowsOfNorm(5, k, d, (i) => 0.4 + 0.2 * i)
    let tally: Tally | undefined
    for (let t = 0; t < 1500; t++) ({ w, tally } = await step(patches, w, d, { antiHebbian: 0, learningRate: 0.3 }))
    const winners = tally?.wins.flatMap((n, i) => (n ? [i] : [])) ?? []
    expect(winners.length).toBeGreaterThan(1)
    for (const i of winners) expect(Math.abs(norm(row(w, i, d)) - 1)).toBeLessThan(1e-4)
  })

  it('move as gain * (1 - |w|^2): towards 1 where the gain is positive, away from it where it is negative', async () => {
    const patches = clustered(2, 301, d, 7, 0.3)
    const before = rowsOfNorm(6, 20, d, (i) => [0.5, 0.8, 1.25, 1.6][i % 4] as number)
    const learningRate = 1e-3
    const { w, tally } = await step(patches, before, d, { antiHebbian: 0.9, learningRate })
    const signs = new Set<number>()
    for (let i = 0; i < 20; i++) {
      const chosen = (tally.wins[i] as number) + (tally.losses[i] as number)
      if (!chosen) continue
      const gain = tally.gains[i] as number
      const square = dot(row(before, i, d), row(before, i, d))
      const expected = (2 * learningRate * gain * (1 - square)) / chosen
      // The next term is |step|^2 <= (learningRate (1 + current |w|))^2 < (4 learningRate)^2; float32 adds about D U.
      expect(Math.abs(dot(row(w, i, d), row(w, i, d)) - square - expected)).toBeLessThan(
        16 * learningRate ** 2 + 2 * d * 2 ** -24,
      )
      if (Math.abs(expected) > 32 * learningRate ** 2) signs.add(Math.sign(gain))
    }
    expect([...signs].sort()).toEqual([-1, 1])
  })
})

describe('Delta = 0 with unit rows is spherical k-means', () => {
  const d = 20
  const k = 8
  const patches = clustered(3, 400, d, k, 0.12)
  const assign = (w: Float32Array): number[] =>
    Array.from({ length: patches.length / d }, (_, b) => {
      let best = 0
      for (let i = 1; i < k; i++) if (dot(row(patches, b, d), row(w, i, d)) > dot(row(patches, b, d), row(w, best, d))) best = i
      return best
    })
  const sums = (assigned: number[]): Float32Array[] =>
    Array.from({ length: k }, (_, i) =>
      Float32Array.from({ length: d }, (_, j) =>
        assigned.reduce((sum, unit, b) => (unit === i ? sum + (patches[b * d + j] as number) : sum), 0),
      ),
    )

  for (const rule of ['count', 'max'] as const)
    it(`steps along the sum of the patches that a unit wins, on the sphere (${rule})`, async () => {
      const before = rowsOfNorm(7, k, d, () => 1)
      const { w } = await step(patches, before, d, { antiHebbian: 0, learningRate: 0.05, step: rule })
      for (const [i, sum] of sums(assign(before)).entries()) {
        if (norm(sum) === 0) continue
        const old = row(before, i, d)
        const along = dot(sum, old)
        const tangent = sum.map((x, j) => x - along * (old[j] as number))
        const moved = row(w, i, d).map((x, j) => x - (old[j] as number))
        expect(cosine(tangent, moved)).toBeGreaterThan(1 - 1e-6)
      }
    })

  it('comes to rest where each row is the direction of its patches', async () => {
    let w = rowsOfNorm(7, k, d, () => 1)
    for (let t = 0; t < 200; t++) ({ w } = await step(patches, w, d, { antiHebbian: 0, learningRate: 0.3 }))
    let used = 0
    for (const [i, sum] of sums(assign(w)).entries()) {
      if (norm(sum) === 0) continue
      used++
      expect(cosine(sum, row(w, i, d))).toBeGreaterThan(1 - 1e-6)
    }
    expect(used).toBeGreaterThan(2)
  })
})

describe('energy', () => {
  it('falls at every step over fixed patches when Delta = 0', async () => {
    const d = 20
    const patches = clustered(4, 500, d, 10, 0.2)
    let w = rowsOfNorm(8, 10, d, () => 1)
    let last = Number.POSITIVE_INFINITY
    let first = 0
    for (let t = 0; t < 40; t++) {
      const result = await step(patches, w, d, { antiHebbian: 0, learningRate: 0.1 })
      w = result.w
      expect(result.tally.energy).toBeLessThan(last + 1e-6) // a float32 mean of cosines
      last = result.tally.energy
      first ||= last
    }
    expect(last).toBeLessThan(first - 0.1)
  })

  it('falls while filters are learned from images', async () => {
    const images = photographs(1, 24, 3, 16)
    const common = { centre: true, antiHebbian: 0.1, batch: 200, totalSteps: 400, learningRate: 0.1 }
    const start = await learn(
      images,
      [24, 3, 16, 16],
      rowsOfNorm(9, 40, 48, () => 1),
      { ...common, steps: 20 },
    )
    const end = await learn(images, [24, 3, 16, 16], start.w, { ...common, firstStep: 20, steps: 380, tally: 20 })
    expect(end.tally.energy).toBeLessThan(start.tally.energy - 0.05)
  })
})

describe('collapse', () => {
  const images = photographs(2, 24, 3, 16)
  const run = async (options: HebbianLearnOptions): Promise<number> => {
    const all = { batch: 200, steps: 3000, totalSteps: 3000, tally: 100, step: 'max' as const }
    return dead((await learn(images, [24, 3, 16, 16], normals(10, 50 * 48), { ...all, ...options })).tally)
  }

  it('kills nearly all units at Delta 0.4 on uncentred unit patches', async () => {
    expect(await run({ antiHebbian: 0.4 })).toBeGreaterThan(0.9)
  })
  it('does not on centred ones', async () => {
    expect(await run({ antiHebbian: 0.4, centre: true })).toBeLessThan(0.1)
  })
})

describe('one run in several calls', () => {
  const shape = [5, 3, 12, 11]
  const images = photographs(3, 5, 3, 12).subarray(0, 5 * 3 * 12 * 11)
  const w = normals(11, 30 * 48)
  const options: HebbianLearnOptions = { batch: 60, totalSteps: 23, learningRate: 0.1, rank: 3, seed: 77 }

  it('gives the bits of one call', async () => {
    const whole = await learn(images, shape, w, { ...options, steps: 23 })
    let at = w
    let wins = new Array<number>(30).fill(0)
    for (const [firstStep, steps] of [
      [0, 1],
      [1, 10],
      [11, 12],
    ] as const) {
      const part = await learn(images, shape, at, { ...options, firstStep, steps })
      at = part.w
      wins = wins.map((n, i) => n + (part.tally.wins[i] as number))
    }
    expect(Buffer.compare(Buffer.from(at.buffer), Buffer.from(whole.w.buffer))).toBe(0)
    expect(wins).toEqual(whole.tally.wins)
  })

  // A few threads share out rows, and find a patch's best unit among those that each has found; more of them, and longer
  // rankings, share out patches. Minibatches below half a million products are one thread's.
  it.each([
    { form: 'rows', units: 100, window: 5, batch: 150, rank: 2 },
    { form: 'rows that never differ', units: 96, window: 4, batch: 130, rank: 2, same: true },
    { form: 'a row that is NaN', units: 100, window: 4, batch: 130, rank: 2, unknown: 70 },
    { form: 'winners alone', units: 100, window: 4, batch: 130, rank: 1 },
    { form: 'the fourth power', units: 130, window: 4, batch: 130, rank: 2, p: 4 },
    { form: 'rank 3', units: 100, window: 4, batch: 130, rank: 3 },
    { form: 'few units', units: 50, window: 5, batch: 230, rank: 2 },
    { form: 'small minibatches', units: 800, window: 5, batch: 12, rank: 2 },
    { form: 'minibatches for one thread', units: 30, window: 4, batch: 60, rank: 3 },
  ])('gives the same bits whatever the number of threads: $form', async ({ units, window, same, unknown, form: _, ...sizes }) => {
    const d = 3 * window ** 2
    const rows = normals(11, units * d)
    if (same) for (let k = 1; k < units; k++) rows.copyWithin(k * d, 0, d)
    if (unknown) rows[unknown * d] = Number.NaN
    const before = threads()
    try {
      for (const step of ['count', 'max'] as const) {
        setThreads(1)
        const one = await learn(images, shape, rows, { ...options, ...sizes, window, step, steps: 23 })
        for (const count of [2, 3, 8]) {
          setThreads(count)
          const several = await learn(images, shape, rows, { ...options, ...sizes, window, step, steps: 23 })
          expect(Buffer.compare(Buffer.from(one.w.buffer), Buffer.from(several.w.buffer))).toBe(0)
          expect(one.tally).toEqual(several.tally)
        }
      }
    } finally {
      setThreads(before)
    }
  })

  it('gives the bits of single steps on the same patches', async () => {
    const order = new Permutation(5 * 9 * 8, 77)
    const patches = new Float32Array(60 * 48)
    for (let b = 0; b < 60; b++) {
      const index = order.at(b)
      const [image, y, x] = [Math.floor(index / 72), Math.floor((index % 72) / 8), index % 8]
      for (let i = 0; i < 48; i++) {
        const [c, r, s] = [Math.floor(i / 16), Math.floor((i % 16) / 4), i % 4]
        patches[b * 48 + i] = (images[((image * 3 + c) * 12 + y + r) * 11 + x + s] as number) / 255
      }
    }
    const learned = await learn(images, shape, w, { ...options, totalSteps: 1, normalise: 'none' })
    const { w: stepped, tally } = await step(patches, w, 48, { rank: 3, learningRate: 0.1 })
    expect(tally).toEqual(learned.tally)
    expect(Buffer.compare(Buffer.from(stepped.buffer), Buffer.from(learned.w.buffer))).toBe(0)
  })
})

describe('gatherPatches', () => {
  it('gives the patches that hebbianLearn learns from, in its order, to the bit', async () => {
    const shape = [5, 3, 11, 9]
    const bytes = Uint8Array.from(normals(40, 5 * 3 * 99), (x) => Math.max(0, Math.min(255, 128 + 50 * x)))
    bytes.fill(0, 0, 200) // zero patches
    for (const { window, batch, ...how } of [
      { window: 4, batch: 60, normalise: 'patch', centre: false },
      { window: 3, batch: 101, normalise: 'patch', centre: true },
      { window: 5, batch: 37, normalise: 'none', centre: false },
    ] as const) {
      const [k, d, steps, firstStep, totalSteps, seed] = [20, 3 * window ** 2, 9, 3, 16, 2 ** 35 + 7]
      const rule = { rank: 3, antiHebbian: 0.1, step: 'count' } as const
      const start = normals(3, k * d)
      const schedule = { learningRate: 0.07, finalLearningRate: 0.01 }
      const options = { ...rule, ...schedule, ...how, window, batch, steps, firstStep, totalSteps, seed }
      const { w } = await learn(bytes, shape, start, options)
      const images = Tensor.from(bytes, { shape, device })
      const rows = Tensor.from(start, { shape: [k, d], device })
      for (let step = firstStep; step < firstStep + steps; step++) {
        const learningRate = 0.07 + ((0.01 - 0.07) * step) / totalSteps
        const patches = gatherPatches(images, { window, batch, step, seed, ...how })
        hebbianUpdate(patches, rows, { ...rule, learningRate })
        patches.dispose()
      }
      expect(await numbers(rows)).toEqual(Array.from(w))
      images.dispose()
      rows.dispose()
    }
  })
})
