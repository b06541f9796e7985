// Rules of learning: each against its float64 reference, and what each must do, whatever computes it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cpu,
  describeRules,
  type FilterConfig,
  type FilterOptions,
  type InMemoryImages,
  imagesFrom,
  learnFilters,
  OptionError,
  renderSet,
  ruleNames,
  Tensor,
} from '../../lib/index.js'
import { filterConfig } from '../../lib/learn/filter_options.js'
import type { RuleState } from '../../lib/learn/rules/rule.js'
import { ruleOf } from '../../lib/learn/rules.js'
import { hebbianStep } from '../../lib/ops/index.js'
import { normals } from '../../lib/random.js'
import { gather } from '../ops/hebbian.js'
import { u8 } from '../ops/proof.js'

const device = cpu()
let set: InMemoryImages
let folder: string
beforeAll(async () => {
  set = await renderSet({ count: 40, size: 20, seed: 1 })
  folder = mkdtempSync(join(tmpdir(), 'striate-rules-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const values = async (t: Tensor): Promise<number[]> => Array.from((await t.read()).data)
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)
const unit = (x: ArrayLike<number>): number[] => Array.from(x, (y) => y / Math.hypot(...Array.from(x)))
const rowsOf = (x: ArrayLike<number>, d: number): number[][] =>
  Array.from({ length: x.length / d }, (_, k) => Array.from({ length: d }, (_, i) => x[k * d + i] ?? 0))

// ---- References: one minibatch in float64 ----

type Reference = (w: number[][], patches: number[][], config: FilterConfig, rate: number) => number[][]

/** Rows moved by sums of g (v - u w), each divided by its sum of |g|, or all by the largest entry. */
function move(w: number[][], v: number[][], u: number[][], g: number[][], step: string, rate: number): number[][] {
  const n = w.map((_, k) => g.reduce((sum, row) => sum + Math.abs(row[k] ?? 0), 0))
  const dw = w.map((row, k) =>
    row.map((x, i) => v.reduce((sum, patch, b) => sum + (g[b]?.[k] ?? 0) * ((patch[i] ?? 0) - (u[b]?.[k] ?? 0) * x), 0)),
  )
  const largest = Math.max(...dw.flat().map(Math.abs))
  return w.map((row, k) =>
    row.map((x, i) => x + (n[k] ? (rate * (dw[k]?.[i] ?? 0)) / (step === 'max' ? largest : (n[k] ?? 1)) : 0)),
  )
}

const hebbian =
  (rank: number, delta: number, p: number): Reference =>
  (w, v, config, rate) => {
    const ranking = w.map((row) => row.map((x) => Math.sign(x) * Math.abs(x) ** (p - 1)))
    const u = v.map((patch) => ranking.map((row) => dot(row, patch)))
    const g = u.map((currents) => {
      const order = currents.map((_, k) => k).sort((a, b) => (currents[b] ?? 0) - (currents[a] ?? 0) || a - b)
      return currents.map((_, k) => (k === order[0] ? 1 : rank > 1 && k === order[rank - 1] ? -delta : 0))
    })
    if (config.step === 'max') return move(w, v, u, g, 'max', rate)
    // Step 'count' divides by the patches that chose the row, whatever their g.
    const moved = move(w, v, u, g, 'count', rate)
    return w.map((row, k) => {
      const [weight, count] = [g.reduce((s, r) => s + Math.abs(r[k] ?? 0), 0), g.filter((r) => r[k] !== 0).length]
      return row.map((x, i) => (count ? x + (((moved[k]?.[i] ?? 0) - x) * weight) / count : x))
    })
  }

const softmax =
  (kind: 'soft' | 'softhebb'): Reference =>
  (w, v, { temperature, step }, rate) => {
    const u = v.map((patch) => w.map((row) => dot(row, patch)))
    const g = u.map((currents) => {
      const top = Math.max(...currents)
      const e = currents.map((x) => Math.exp((x - top) / temperature))
      const sum = e.reduce((a, b) => a + b)
      return e.map((x, k) => ((kind === 'softhebb' && k !== currents.indexOf(top) ? -1 : 1) * x) / sum)
    })
    return move(w, v, u, g, step, rate)
  }

/** Literally dw = Y^T V - (Y^T Y) W. */
const oja: Reference = (w, v, _, rate) => {
  const y = v.map((patch) => w.map((row) => dot(row, patch)))
  const yy = w.map((_, k) => w.map((_, l) => y.reduce((sum, row) => sum + (row[k] ?? 0) * (row[l] ?? 0), 0)))
  return w.map((row, k) =>
    row.map((x, i) => {
      const hebb = v.reduce((sum, patch, b) => sum + (y[b]?.[k] ?? 0) * (patch[i] ?? 0), 0)
      const decay = w.reduce((sum, other, l) => sum + (yy[k]?.[l] ?? 0) * (other[i] ?? 0), 0)
      return x + (rate * (hebb - decay)) / v.length
    }),
  )
}

/** One iteration of Lloyd's on these patches. */
const lloyd: Reference = (w, v) => {
  const nearest = v.map((patch) => {
    const u = w.map((row) => dot(row, patch))
    return u.indexOf(Math.max(...u))
  })
  return w.map((row, k) => {
    const sum = row.map((_, i) => v.reduce((s, patch, b) => s + (nearest[b] === k ? (patch[i] ?? 0) : 0), 0))
    return Math.hypot(...sum) > 0 ? unit(sum) : row
  })
}

const references: { name: string; options: FilterOptions; reference: Reference }[] = [
  { name: 'krotov-hopfield', options: { antiHebbian: 0.3, rank: 3 }, reference: hebbian(3, 0.3, 2) },
  { name: 'krotov-hopfield, p = 3, max', options: { p: 3, mode: 'faithful' }, reference: hebbian(2, 0.2, 3) },
  { name: 'hard-wta', options: { rule: 'hard-wta' }, reference: hebbian(1, 0, 2) },
  { name: 'soft-wta', options: { rule: 'soft-wta', temperature: 0.05 }, reference: softmax('soft') },
  { name: 'softhebb', options: { rule: 'softhebb', centre: true }, reference: softmax('softhebb') },
  { name: 'softhebb, max', options: { rule: 'softhebb', step: 'max', learningRate: 0.02 }, reference: softmax('softhebb') },
  { name: 'oja', options: { rule: 'oja', learningRate: 0.5 }, reference: oja },
  { name: 'oja, K > D', options: { rule: 'oja', window: 2, units: 20 }, reference: oja },
  { name: 'spherical-k-means', options: { rule: 'spherical-k-means' }, reference: lloyd },
]

describe('a minibatch', () => {
  for (const { name, options, reference } of references)
    it(`of ${name} is that of its float64 reference`, async () => {
      const config = filterConfig({ units: 12, window: 4, batch: 150, steps: 100, seed: 5, ...options })
      const state = ruleOf(config.rule).start(set, config, device, null)
      const images = Tensor.from(set.pixels, { shape: set.shape, device })
      const { window, batch, seed, normalise, centre } = config
      const d = 3 * window ** 2
      let w = rowsOf(await values(state.w), d)
      // A few steps, each from where the reference stands: an assignment that is close is not decided twice.
      for (let t = 0; t < 4; t++) {
        await ruleOf(config.rule).learn(images, state, config, t, 1)
        const v = gather(u8([...set.shape], set.pixels), { window, batch, seed, normalise, centre }, 0, t * batch)
        w = reference(w, rowsOf(v.v, d), config, config.learningRate * (1 - t / 100))
        const got = await values(state.w)
        // Float32 against float64: sums of D or B terms about 1, of relative error (D + B) 2^-24 at most, times a rate below 1, four times.
        for (const [i, x] of w.flat().entries()) expect(Math.abs((got[i] ?? 0) - x)).toBeLessThan(4 * (d + batch) * 2 ** -24)
      }
      for (const tensor of [images, ...Object.values(state)]) tensor.dispose()
    })

  it('of one patch with Delta = 0 is online spherical k-means', async () => {
    // On unit rows, w + e (v - u w) and w + n v have one direction when n = e / (1 - e u).
    const [k, d, rate] = [6, 10, 0.1]
    const data = Array.from({ length: 300 }, (_, i) => unit(normals(100 + i, d)))
    let mine = Tensor.from(Float32Array.from(data.slice(0, k).flat()), { shape: [k, d], device })
    const theirs = data.slice(0, k)
    const chosen = new Set<number>()
    for (const v of data.slice(k)) {
      const u = theirs.map((w) => dot(w, v))
      const top = u.indexOf(Math.max(...u))
      chosen.add(top)
      const n = rate / (1 - rate * (u[top] as number))
      theirs[top] = unit((theirs[top] as number[]).map((x, i) => x + n * (v[i] as number)))
      using patch = Tensor.from(Float32Array.from(v), { shape: [1, d], device })
      const tally = hebbianStep(patch, mine, { rank: 1, antiHebbian: 0, learningRate: rate })
      const rows = rowsOf(await values(mine), d).map(unit)
      for (const tensor of [mine, ...(Object.values(tally) as Tensor[])]) tensor.dispose()
      mine = Tensor.from(Float32Array.from(rows.flat()), { shape: [k, d], device })
    }
    expect(chosen.size).toBe(k)
    const got = await values(mine)
    for (const [i, x] of theirs.flat().entries()) expect(got[i]).toBeCloseTo(x, 4)
    mine.dispose()
  })
})

describe('every rule', () => {
  const learned = { units: 10, window: 4, batch: 100, seed: 3 } as const

  for (const rule of ruleNames)
    it(`${rule}: says what it is, repeats its bits, and goes on from any step as if it had not stopped`, async () => {
      const config = filterConfig({ ...learned, rule, steps: 300 })
      const { learn, start } = ruleOf(rule)
      const images = Tensor.from(set.pixels, { shape: set.shape, device })
      const whole = start(set, config, device, null)
      await learn(images, whole, config, 0, 11)
      let parts = start(set, config, device, null)
      for (const [first, steps] of [
        [0, 4],
        [4, 1],
        [5, 6],
      ] as const) {
        await learn(images, parts, config, first, steps)
        // As a checkpoint would: to the host and back.
        const read = Object.entries(parts).map(async ([name, tensor]) => {
          const data = (await tensor.read()).data as Float32Array
          return [name, Tensor.from(data, { shape: tensor.shape, device })]
        })
        const back = Object.fromEntries(await Promise.all(read)) as RuleState
        for (const tensor of Object.values(parts)) tensor.dispose()
        parts = back
      }
      expect(Object.keys(parts)).toEqual(Object.keys(whole))
      for (const [name, tensor] of Object.entries(whole))
        expect(await values(parts[name] as Tensor)).toEqual(await values(tensor))
      for (const tensor of [images, ...Object.values(whole), ...Object.values(parts)]) tensor.dispose()
      expect(describeRules().find((r) => r.name === rule)?.text.length).toBeGreaterThan(40)
    })

  for (const rule of ruleNames)
    it(`${rule}: gives rows of norm 1, counts wins where it has winners, and lowers its energy where it learns`, async () => {
      const { filters, health, history, whitening } = await learnFilters(set, { ...learned, rule, steps: 200 })
      expect(filters.shape).toEqual([10, 3, 4, 4])
      for (const row of rowsOf(await values(filters), 48)) expect(Math.hypot(...row)).toBeCloseTo(1, 5)
      if (rule === 'oja') expect(health.wins).toEqual([])
      else expect(health.wins.reduce((a, b) => a + b, 0)).toBeGreaterThan(190)
      const unlearned = ['random', 'patches'].includes(rule)
      if (!unlearned) expect(history.at(-1)?.energy).toBeLessThan((history[0]?.energy ?? 0) - 1e-4)
      expect(whitening).toBeNull()
      filters.dispose()
    })

  it('takes a whole configuration as options', () => {
    for (const rule of ruleNames) {
      const config = filterConfig({ rule, units: 7 })
      expect(filterConfig(config)).toEqual(config)
    }
  })

  it('refuses what is not its own', async () => {
    const refuse = (options: object, text: RegExp) => {
      expect(() => filterConfig(options)).toThrow(OptionError)
      expect(() => filterConfig(options)).toThrow(text)
    }
    refuse({ rule: 'hebb' }, /rule is 'hebb'; expected 'krotov-hopfield', 'hard-wta'/)
    refuse({ rule: 'toString' }, /rule is 'toString'/)
    refuse({ rule: 'oja', rank: 3 }, /^learnFilters: rank is no option of the rule oja/)
    refuse({ rule: 'spherical-k-means', normalise: 'none' }, /no option of the rule spherical-k-means/)
    refuse({ whiten: { after: 'norm', epsilon: 0 } }, /whiten.epsilon is 0/)
    expect(filterConfig({ whiten: { epsilon: 1 } }).whiten).toEqual({ after: 'norm', epsilon: 1 })
    refuse({ whiten: { after: 'norm' }, centre: true }, /centre is no option of the rule krotov-hopfield on whitened patches/)
    await expect(learnFilters(set, { whiten: { after: 'norm', keep: 49 } })).rejects.toThrow(
      /^learnFilters: whiten.keep is 49; expected at most the 48 numbers of a patch/,
    )
    refuse({ temperature: 0.5 }, /no option of the rule krotov-hopfield/)
    await expect(learnFilters(set, { rule: 'softhebb', temperature: 0 })).rejects.toThrow(/temperature is 0/)
    await expect(learnFilters(set, { rule: 'soft-wta', window: 21 })).rejects.toThrow(/window is 21/)
    await expect(learnFilters(set, { p: 1 })).rejects.toThrow(/p is 1/)
    const steep = learnFilters(set, { mode: 'faithful', p: 70 }, { onProgress: () => expect.unreachable('it ran') })
    await expect(steep).rejects.toThrow(
      /^learnFilters: p is 70 with init 'normal', whose rows have currents beyond the range of float32/,
    )
  })

  it('stops when it diverges, with the step', async () => {
    const diverging = learnFilters(set, { ...learned, rule: 'oja', learningRate: 10, steps: 200 })
    await expect(diverging).rejects.toThrow(/filters is an energy of (NaN|Infinity) after minibatch \d+/)
  })

  it('resumes to the same bytes in the middle of an iteration of k-means', async () => {
    const options = { ...learned, rule: 'spherical-k-means', steps: 3000, batch: 20 } as const
    const whole = await learnFilters(set, options)
    const controller = new AbortController()
    const reason = new Error('enough')
    const stopped = learnFilters(set, options, {
      out: folder,
      checkpointSeconds: 0,
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        if (done / total > 0.4) controller.abort(reason)
      },
    })
    await expect(stopped).rejects.toBe(reason)
    let first = 1
    const resumed = await learnFilters(set, options, {
      out: folder,
      resume: true,
      onProgress: ({ done, total }) => {
        first = Math.min(first, done / total)
      },
    })
    expect(first, 'it did not begin again').toBeGreaterThan(0.4)
    expect(await values(resumed.filters)).toEqual(await values(whole.filters))
    expect(resumed.history).toEqual(whole.history)
    for (const { filters } of [whole, resumed]) filters.dispose()
  })
})

// ---- Data with a known answer: images of 4 x 4, one patch each ----

const patchSet = (patches: number[][]): Promise<InMemoryImages> =>
  imagesFrom({
    pixels: Uint8Array.from(patches.flat(), (x) => Math.max(0, Math.min(255, Math.round(x)))),
    shape: [patches.length, 1, 4, 4],
  })

describe('what the rules find', () => {
  it('spherical k-means and winner take all find planted clusters', async () => {
    const prototypes = Array.from({ length: 5 }, (_, i) => Array.from(normals(40 + i, 16), (x) => 120 + 50 * x))
    const noise = normals(7, 3000 * 16)
    const planted = await patchSet(
      Array.from({ length: 3000 }, (_, n) => (prototypes[n % 5] as number[]).map((x, i) => x + 6 * (noise[n * 16 + i] ?? 0))),
    )
    for (const rule of ['spherical-k-means', 'hard-wta'] as const) {
      const options: FilterOptions = { rule, units: 8, window: 4, batch: 300, steps: 400, seed: 1 }
      const { filters, health } = await learnFilters(planted, options)
      const rows = rowsOf(await values(filters), 16)
      for (const prototype of prototypes) {
        const cosine = Math.max(...rows.map((row) => dot(row, unit(prototype.map((x) => Math.max(0, Math.min(255, x)))))))
        expect(cosine).toBeGreaterThan(0.999)
      }
      expect(health.dead.length).toBeLessThanOrEqual(3)
      filters.dispose()
    }
  })

  it("Oja's rule converges to the principal subspace", async () => {
    // Three directions of falling variance, and noise, about a mean that is a fourth.
    const directions = [0, 1, 2].map((i) => unit(normals(60 + i, 16)))
    const weights = normals(9, 4000 * 3)
    const noise = normals(10, 4000 * 16)
    const known = await patchSet(
      Array.from({ length: 4000 }, (_, n) =>
        Array.from({ length: 16 }, (_, i) => {
          const signal = directions.reduce(
            (sum, direction, j) => sum + (60 - 12 * j) * (weights[3 * n + j] ?? 0) * (direction[i] ?? 0),
            0,
          )
          return 100 + signal + 2 * (noise[16 * n + i] ?? 0)
        }),
      ),
    )
    const x = new Matrix(
      rowsOf(
        Float64Array.from(known.pixels, (byte) => byte / 255),
        16,
      ),
    )
    const { eigenvectorMatrix } = new EigenvalueDecomposition(x.transpose().mmul(x), { assumeSymmetric: true })
    const principal = [15, 14, 13, 12].map((k) => eigenvectorMatrix.getColumn(k)) // in ascending order of eigenvalue
    const options = { rule: 'oja', window: 4, batch: 250, normalise: 'none', learningRate: 0.2, finalLearningRate: 0.01 } as const
    const four = await learnFilters(known, { ...options, units: 4, steps: 5000 })
    const rows = rowsOf(await values(four.filters), 16)
    for (const [k, row] of rows.entries()) {
      expect(Math.hypot(...principal.map((p) => dot(p, row)))).toBeGreaterThan(0.9995)
      for (const other of rows.slice(k + 1)) expect(Math.abs(dot(row, other))).toBeLessThan(0.01)
    }
    expect(four.health.norms.every((norm) => Math.abs(norm - 1) < 0.01)).toBe(true)
    four.filters.dispose()
    // More rows than numbers: the rows cannot be orthogonal, and w^T w becomes the identity on what varies most.
    const many = await learnFilters(known, { ...options, units: 24, steps: 1500 })
    const squares = many.health.norms.reduce((sum, norm) => sum + norm ** 2, 0)
    expect(squares).toBeGreaterThan(3.9)
    expect(squares).toBeLessThan(16.1)
    expect(many.health.energy).toBeLessThan(four.health.energy)
    many.filters.dispose()
  })
})
