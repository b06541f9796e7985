// competitive_learn and oja_learn against their rules in float64, with a bound of the float32 error carried from minibatch to minibatch, as
// in hebbian.ts. That they have the bits of their ops one by one: rules.test.ts.
import { corners, currentsOf, gather, isZero, noise, type Patches, SAFETY, type Weights, weightsOf, whitened } from './hebbian.js'
import { type Case, type Expected, f32, f64, type Host, i32, normals, type Options, type Proof, U } from './proof.js'

/** Runs a case's minibatches: step(patches, learning rate, whether they are counted). */
function eachMinibatch(c: Case, step: (patches: Patches, rate: number, counted: boolean) => void): void {
  const images = c.inputs[0] as Host
  const o = c.options ?? {}
  const window = Number(o.window ?? 4)
  const batch = Number(o.batch ?? 1000)
  const [n, , h, w] = images.shape as [number, number, number, number]
  const perEpoch = Math.floor((n * (h - window + 1) * (w - window + 1)) / batch)
  const first = Number(o.firstStep ?? 0)
  const end = first + Number(o.steps ?? 1)
  const rate = Number(o.learningRate ?? 0.02)
  for (let t = first; t < end; t++) {
    const windows = gather(images, o, Math.floor(t / perEpoch), (t % perEpoch) * batch)
    const patches = c.inputs[2] && c.inputs[3] ? whitened(windows, c.inputs[2], c.inputs[3]) : windows
    const now = rate + ((Number(o.finalLearningRate ?? 0) - rate) * t) / Number(o.totalSteps ?? 1)
    step(patches, now, t >= end - (Number(o.tally ?? 0) || end - first))
  }
}

const bounds = new WeakMap<Expected, Record<string, Float64Array>>()

// ---- competitive_learn ----

interface Shares {
  g: Float64Array
  error: Float64Array
  top: number
}

/**
 * Shares of one patch. An error e_k of the currents makes a relative one of (e_k + sum of g e) / temperature in g_k; the arithmetic of the
 * softmax is that of competition.ts. The first maximum must be clear of the errors.
 */
function sharesOf(u: Float64Array, uError: Float64Array, kind: string, temperature: number): Shares {
  const k = u.length
  const top = u.indexOf(Math.max(...u))
  for (const [i, x] of u.entries())
    if (i !== top && !((u[top] as number) - x > (uError[top] as number) + (uError[i] as number)))
      throw new Error('the case does not decide a winner: choose other data')
  const hard = kind === 'hard'
  const e = u.map((x) => Math.exp((x - (u[top] as number)) / temperature))
  const sum = e.reduce((a, b) => a + b, 0)
  const soft = e.map((x) => x / sum)
  const mean = soft.reduce((total, x, i) => total + x * (uError[i] as number), 0)
  const error = soft.map((x, i) => {
    const depth = ((u[top] as number) - (u[i] as number)) / temperature
    const relative = ((uError[i] as number) + mean) / temperature
    return hard ? 0 : SAFETY * x * (relative * (1 + relative) + U * (3 * depth + 3 * Math.log(k) + k + 10)) + 2 ** -126
  })
  const g = soft.map((x, i) => (hard ? (i === top ? 1 : 0) : kind === 'softhebb' && i !== top ? -x : x))
  return { g, error, top }
}

/** A number and a bound of its error, unit by unit. */
interface Sum {
  value: Float64Array
  error: Float64Array
}
const sums = (count: number): Sum => ({ value: new Float64Array(count), error: new Float64Array(count) })
function add({ value, error }: Sum, at: number, x: number, e: number): void {
  value[at] = (value[at] as number) + x
  error[at] = (error[at] as number) + e
}

function competitiveReference(c: Case): Expected {
  const weights = weightsOf(c.inputs[1] as Host)
  const { k, d, w, error } = weights
  const kind = String(c.options?.kind ?? 'soft')
  const temperature = Number(c.options?.temperature ?? 1)
  const max = c.options?.step === 'max'
  const wins = new Float64Array(k)
  const gains = sums(k)
  const energy = sums(1)
  let patchesCounted = 0
  eachMinibatch(c, (patches, rate, counted) => {
    const n = sums(k)
    const s = sums(k)
    const product = sums(k * d) // sum of g v, and what errors of g and v make of it
    const sizes = new Float64Array(k * d)
    let present = 0
    for (let b = 0; b < patches.count; b++) {
      const v = patches.v.subarray(b * d, (b + 1) * d)
      const vError = patches.error.subarray(b * d, (b + 1) * d)
      if (isZero(v)) continue
      present++
      const { current, error: currentError } = currentsOf(weights, v, vError)
      const shares = sharesOf(current, currentError, kind, temperature)
      if (counted) wins[shares.top] = (wins[shares.top] as number) + 1
      for (let unit = 0; unit < k; unit++) {
        const g = shares.g[unit] as number
        const gError = shares.error[unit] as number
        const u = current[unit] as number
        add(n, unit, Math.abs(g), gError)
        add(s, unit, g * u, gError * Math.abs(u) + Math.abs(g) * (currentError[unit] as number))
        for (let i = 0; i < d; i++) {
          const x = v[i] as number
          add(product, unit * d + i, g * x, gError * Math.abs(x) + Math.abs(g) * (vError[i] as number))
          sizes[unit * d + i] = (sizes[unit * d + i] as number) + Math.abs(g * x)
        }
      }
    }
    let found = 0
    let foundError = 0
    for (let unit = 0; unit < k; unit++) {
      const row = w.subarray(unit * d, (unit + 1) * d)
      const norm = Math.hypot(...row)
      if (norm === 0) continue
      const [gain, gainError] = [s.value[unit] as number, s.error[unit] as number]
      const relative = row.reduce((sum, x, i) => sum + Math.abs(x) * (error[unit * d + i] as number), 0) / norm ** 2
      found -= gain / norm
      foundError += (gainError + Math.abs(gain) * relative) / norm
      if (counted) add(gains, unit, gain, gainError + U * Math.abs(gain)) // rounded once a minibatch
    }
    if (counted) {
      add(energy, 0, found, foundError + U * Math.abs(found))
      patchesCounted += present
    }
    // As in competition.ts; B products in float32, s rounded, s w and the difference.
    const dw = product.value.map((x, at) => x - (s.value[Math.floor(at / d)] as number) * (w[at] as number))
    const dwError = product.error.map((e, at) => {
      const unit = Math.floor(at / d)
      const [x, gain] = [Math.abs(w[at] as number), Math.abs(s.value[unit] as number)]
      const inherited = e + (s.error[unit] as number) * x + gain * (error[at] as number)
      const rounded = patches.count * (sizes[at] as number) + 3 * gain * x + Math.abs(product.value[at] as number)
      return SAFETY * (inherited + U * rounded)
    })
    const largest = Math.max(1e-30, ...dw.map(Math.abs))
    const largestError = Math.max(...dwError) / largest
    for (let at = 0; at < k * d; at++) {
      const share = n.value[Math.floor(at / d)] as number
      if (!max && share < 2 ** -80) continue
      const factor = rate / (max ? largest : share)
      const change = factor * (dw[at] as number)
      const relative = max ? largestError : (n.error[Math.floor(at / d)] as number) / share
      w[at] = (w[at] as number) + change
      const made = factor * (dwError[at] as number) + Math.abs(change) * (relative + 4 * U)
      error[at] = (error[at] as number) + SAFETY * made + U * Math.abs(w[at] as number)
    }
  })
  const mean = patchesCounted ? (energy.value[0] as number) / patchesCounted : 0
  const expected: Expected = {
    w: f64([k, d], w),
    wins: i32([k], wins),
    gains: f64([k], gains.value),
    energy: f64([1], [mean]),
  }
  bounds.set(expected, {
    w: error,
    gains: gains.error.map((e, unit) => SAFETY * e + U * Math.abs(gains.value[unit] as number)),
    energy: Float64Array.of(patchesCounted ? (SAFETY * (energy.error[0] as number)) / patchesCounted + U * Math.abs(mean) : 0),
  })
  return expected
}

// ---- oja_learn ----

/** y [B,K] = v w^T with its errors. */
function currents(weights: Weights, { count, v, error }: Patches): Sum {
  const { k, d } = weights
  const y = sums(count * k)
  for (let b = 0; b < count; b++) {
    const { current, error: e } = currentsOf(weights, v.subarray(b * d, (b + 1) * d), error.subarray(b * d, (b + 1) * d))
    y.value.set(current, b * k)
    y.error.set(e, b * k)
  }
  return y
}

function ojaReference(c: Case): Expected {
  const weights = weightsOf(c.inputs[1] as Host)
  const { k, d, w, error } = weights
  const energy = sums(1)
  let minibatches = 0
  eachMinibatch(c, (patches, rate, counted) => {
    const { count, v } = patches
    const y = currents(weights, patches)
    const rest = sums(count * d)
    for (let b = 0; b < count; b++)
      for (let i = 0; i < d; i++) {
        let made = 0
        let size = 0
        let inherited = patches.error[b * d + i] as number
        for (let unit = 0; unit < k; unit++) {
          const [a, x] = [y.value[b * k + unit] as number, w[unit * d + i] as number]
          made += a * x
          size += Math.abs(a * x)
          inherited += (y.error[b * k + unit] as number) * Math.abs(x) + Math.abs(a) * (error[unit * d + i] as number)
        }
        const difference = (v[b * d + i] as number) - made
        // K products and sums, and the difference.
        add(rest, b * d + i, difference, SAFETY * (inherited + U * ((k + 1) * size + Math.abs(difference))))
      }
    if (counted) {
      minibatches++
      let sum = 0
      let inherited = 0
      for (const [i, r] of rest.value.entries()) {
        sum += r * r
        inherited += 2 * Math.abs(r) * (rest.error[i] as number)
      }
      // Squares, B D sums in any order, the factor and its product.
      add(energy, 0, sum / count, SAFETY * (inherited / count + (count * d + 4) * U * (sum / count)))
    }
    for (let unit = 0; unit < k; unit++)
      for (let i = 0; i < d; i++) {
        let sum = 0
        let size = 0
        let inherited = 0
        for (let b = 0; b < count; b++) {
          const [a, r] = [y.value[b * k + unit] as number, rest.value[b * d + i] as number]
          sum += a * r
          size += Math.abs(a * r)
          inherited += (y.error[b * k + unit] as number) * Math.abs(r) + Math.abs(a) * (rest.error[b * d + i] as number)
        }
        const factor = rate / count
        const at = unit * d + i
        w[at] = (w[at] as number) + factor * sum
        // B products and sums, the factor, its product and the new weight.
        const made = SAFETY * factor * (inherited + U * (count * size + 2 * Math.abs(sum)))
        error[at] = (error[at] as number) + made + U * Math.abs(w[at] as number)
      }
  })
  const mean = (energy.value[0] as number) / minibatches
  const expected: Expected = { w: f64([k, d], w), energy: f64([1], [mean]) }
  bounds.set(expected, { w: error, energy: Float64Array.of((energy.error[0] as number) / minibatches + U * mean) })
  return expected
}

// ---- Cases ----

interface Sizes {
  k: number
  /** Numbers that patches are whitened to; without it they are not. */
  whitenedTo?: number
  /** Of the initial rows. */
  scale?: number
}

function learnCase(name: string, images: Host, { k, whitenedTo, scale = 1 }: Sizes, options: Options): Case {
  const m = (images.shape[1] as number) * Number(options.window ?? 4) ** 2
  const d = whitenedTo ?? m
  const rows = f32(
    [k, d],
    normals(d + k, k * d).map((x) => scale * x),
  )
  const whitening = whitenedTo ? [f32([d, m], normals(900 + d, d * m)), f32([d], normals(901, d))] : []
  return { name, inputs: [images, rows, ...whitening], options: { learningRate: 0.05, totalSteps: 9, ...options } }
}

/** What every rule meets. `soft`: where patches are long, and currents large. */
const courses = (k: number, scale: number, own: Options = {}, soft: Options = {}): Case[] => [
  learnCase(
    'C=3 over an epoch boundary',
    noise(1, [2, 3, 7, 9]),
    { k, scale },
    {
      ...own,
      batch: 10,
      steps: 5,
      firstStep: 2,
      seed: 3,
    },
  ),
  learnCase(
    'C=1, centred, towards another rate',
    noise(2, [3, 1, 9, 6]),
    { k: 8, scale },
    {
      ...own,
      window: 3,
      batch: 7,
      steps: 4,
      centre: true,
      finalLearningRate: 0.1,
    },
  ),
  learnCase(
    'not normalised',
    noise(3, [2, 3, 9, 8]),
    { k, scale },
    {
      ...own,
      window: 5,
      batch: 19,
      steps: 2,
      normalise: 'none',
      ...soft,
      seed: 2 ** 40 + 17,
    },
  ),
  learnCase('zero patches', corners(7), { k: 7, scale }, { ...own, batch: 40, steps: 4 }),
  learnCase('tally of the last two', noise(10, [2, 3, 7, 9]), { k, scale }, { ...own, batch: 10, steps: 5, tally: 2 }),
  learnCase(
    'far into a long run',
    noise(13, [2, 3, 6, 6]),
    { k: 9, scale },
    {
      ...own,
      batch: 3,
      steps: 3,
      firstStep: 1_000_000,
      totalSteps: 3_000_000,
      finalLearningRate: 0.01,
    },
  ),
  learnCase(
    'more minibatches than are queued at a time',
    noise(15, [2, 1, 5, 6]),
    { k: 2, scale },
    {
      ...own,
      window: 2,
      batch: 2,
      learningRate: 0.001,
      steps: 70,
      totalSteps: 70,
    },
  ),
  learnCase(
    'whitened, over an epoch boundary',
    noise(27, [2, 3, 7, 9]),
    { k, scale, whitenedTo: 48 },
    {
      ...own,
      batch: 10,
      steps: 5,
      firstStep: 2,
      ...soft,
    },
  ),
  learnCase(
    'whitened to fewer numbers, centred',
    noise(22, [3, 1, 9, 6]),
    { k: 8, scale, whitenedTo: 5 },
    {
      ...own,
      window: 3,
      batch: 7,
      steps: 4,
      centre: true,
    },
  ),
  learnCase(
    'whitened, not normalised first, zero patches',
    corners(26),
    { k: 7, scale, whitenedTo: 16 },
    {
      ...own,
      batch: 40,
      steps: 3,
      normalise: 'none',
    },
  ),
  learnCase('batch 101', noise(24, [3, 3, 10, 11]), { k: 24, scale, whitenedTo: 33 }, { ...own, batch: 101, steps: 2 }),
]

const competitiveCases: Case[] = [
  ...courses(11, 1, { temperature: 0.5 }, { temperature: 10 }),
  learnCase('softhebb', noise(31, [2, 3, 7, 9]), { k: 11 }, { kind: 'softhebb', temperature: 0.5, batch: 10, steps: 4 }),
  learnCase(
    'softhebb, max',
    noise(32, [3, 1, 9, 6]),
    { k: 8 },
    {
      kind: 'softhebb',
      temperature: 2,
      step: 'max',
      window: 3,
      batch: 7,
      steps: 4,
      centre: true,
      learningRate: 0.01,
    },
  ),
  learnCase(
    'soft, max, whitened',
    noise(33, [3, 1, 9, 6]),
    { k: 8, whitenedTo: 9 },
    {
      step: 'max',
      window: 3,
      batch: 7,
      steps: 4,
      learningRate: 0.01,
    },
  ),
  learnCase('hard', noise(34, [2, 3, 7, 9]), { k: 11 }, { kind: 'hard', batch: 10, steps: 4 }),
  learnCase('300 units', noise(36, [2, 3, 7, 9]), { k: 300 }, { window: 2, batch: 30, steps: 2, temperature: 0.5 }),
  learnCase('one unit', noise(35, [2, 1, 6, 7]), { k: 1 }, { batch: 9, steps: 3 }),
  learnCase('only zero patches', black([2, 1, 6, 6]), { k: 3 }, { batch: 5, steps: 3 }),
]

/** Black images. */
function black(shape: number[]): Host {
  const images = noise(1, shape)
  images.data.fill(0)
  return images
}

// ---- Refusals ----

const images = noise(1, [2, 1, 4, 5])
const filters = f32([5, 9], normals(2, 45))
const three = { window: 3, batch: 5 }
const refuse = (
  name: string,
  argument: string,
  inputs: (Host | null)[],
  options: Options = three,
): Proof['refusals'][number] => ({
  name,
  inputs,
  options,
  error: 'ShapeError',
  argument,
})
const refuseOption = (name: string, argument: string, options: Options): Proof['refusals'][number] => ({
  ...refuse(name, argument, [images, filters], { ...three, ...options }),
  error: 'OptionError',
})
const shared = [
  refuse('w of another D', 'w', [images, f32([5, 7], normals(2, 35))]),
  refuse('w missing', 'w', [images]),
  refuse('images of floats', 'images', [f32([2, 1, 4, 5], normals(1, 40)), filters]),
  refuse('z without offset', 'offset', [images, filters, f32([9, 9], normals(3, 81))]),
  refuse('offset without z', 'z', [images, filters, null, f32([9], normals(4, 9))]),
  refuse('z of another patch', 'z', [images, filters, f32([9, 8], normals(3, 72)), f32([9], normals(4, 9))]),
  refuse('z of other rows', 'z', [images, filters, f32([8, 9], normals(3, 72)), f32([8], normals(4, 8))]),
  refuseOption('a negative rate', 'learningRate', { learningRate: -0.1 }),
  refuseOption('a final rate of NaN', 'finalLearningRate', { finalLearningRate: Number.NaN }),
  refuseOption('a window beyond the height', 'window', { window: 5 }),
  refuseOption('a batch beyond an epoch', 'batch', { batch: 13 }),
  refuseOption('steps beyond the run', 'steps', { steps: 3, firstStep: 1, totalSteps: 3 }),
  refuseOption('no steps', 'steps', { steps: 0 }),
  refuseOption('an unknown norm', 'normalise', { normalise: 'unit' }),
  refuseOption('an unknown option', 'delta', { delta: 0.1 }),
]

const budget: Proof['budget'] = (name, index, expected) => bounds.get(expected)?.[name]?.[index] ?? 0

export const proofs: Proof[] = [
  {
    op: 'competitive_learn',
    cases: competitiveCases,
    reference: competitiveReference,
    budget,
    refusals: [
      ...shared,
      refuseOption('an unknown kind', 'kind', { kind: 'max' }),
      refuseOption('temperature 0', 'temperature', { temperature: 0 }),
      refuseOption('an unknown step', 'step', { step: 'mean' }),
    ],
  },
  // Rows whose products with themselves are below the identity, so that the rule is stable.
  { op: 'oja_learn', cases: courses(11, 0.1), reference: ojaReference, budget, refusals: shared },
]
