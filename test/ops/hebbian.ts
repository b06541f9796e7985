// hebbian_step and hebbian_learn against the rule in float64 on the same float32 inputs. Beside every number of the reference
// stands a bound of its float32 error, carried from minibatch to minibatch; the budgets are those bounds. A unit is chosen by
// comparing currents, so a choice counts as proved only if it is clear of the currents' own errors: the reference throws where it is
// not, and the cases are made so that it never is. Ties are tested with small whole numbers, whose currents are exact.
import { Permutation } from '../../lib/random.js'
import {
  type Case,
  type Expected,
  f32,
  f64,
  type Host,
  i32,
  normals,
  type Options,
  type Proof,
  size,
  U,
  u8,
  uniform,
} from './proof.js'

export const SAFETY = 1.05 // for the products of small errors that the first-order bounds leave out

interface Rule {
  rank: number
  p: number
  delta: number
  max: boolean
}

const ruleOf = (o: Options = {}): Rule => ({
  rank: Number(o.rank ?? 2),
  p: Number(o.p ?? 2),
  delta: Number(o.antiHebbian ?? 0.2),
  max: o.step === 'max',
})

/** K x D numbers with a bound of each one's error. */
export interface Weights {
  k: number
  d: number
  w: Float64Array
  error: Float64Array
}

export interface Patches {
  count: number
  v: Float64Array
  error: Float64Array
}

interface Totals {
  patches: number
  wins: Float64Array
  losses: Float64Array
  gains: Float64Array
  gainsError: Float64Array
  energy: number
  energyError: number
}

const totals = (k: number): Totals => ({
  patches: 0,
  wins: new Float64Array(k),
  losses: new Float64Array(k),
  gains: new Float64Array(k),
  gainsError: new Float64Array(k),
  energy: 0,
  energyError: 0,
})

interface Currents {
  current: Float64Array
  error: Float64Array
}

/**
 * w_k . v with its error: D products and sums in any order, fused or not, give at most (D + 1) U times the sum of |w v|; the errors of w
 * and v come on top. Whole numbers whose sum of |w v| stays below 2^24 lose nothing in any order.
 */
export function currentsOf(weights: Weights, v: Float64Array, vError: Float64Array): Currents {
  const { k, d, w, error } = weights
  const current = new Float64Array(k)
  const currentError = new Float64Array(k)
  for (let unit = 0; unit < k; unit++) {
    let sum = 0
    let size = 0
    let inherited = 0
    let whole = true
    for (let i = 0; i < d; i++) {
      const x = w[unit * d + i]!
      const y = v[i]!
      sum += x * y
      size += Math.abs(x * y)
      inherited += error[unit * d + i]! * Math.abs(y) + Math.abs(x) * vError[i]!
      whole &&= Number.isInteger(x) && Number.isInteger(y)
    }
    current[unit] = sum
    currentError[unit] = whole && inherited === 0 && size < 2 ** 24 ? 0 : SAFETY * ((d + 1) * U * size + inherited)
  }
  return { current, error: currentError }
}

/**
 * sign(w) |w|^(p-1): an error in w grows by the slope, and the power itself is good to (p + 3) U (rectified_power). Whole numbers below
 * 2^24 have exact powers.
 */
function powered(weights: Weights, p: number): Weights {
  if (p === 2) return weights
  const w = weights.w.map((x) => Math.sign(x) * Math.abs(x) ** (p - 1))
  const error = weights.error.map((e, at) => {
    const x = weights.w[at]!
    if (e === 0 && Number.isInteger(x) && Math.abs(w[at]!) < 2 ** 24 && Number.isInteger(p)) return 0
    return SAFETY * ((p - 1) * (Math.abs(x) + e) ** (p - 2) * e + (p + 3) * U * Math.abs(w[at]!)) + 2 ** -149
  })
  return { ...weights, w, error }
}

/** |w|_p^(p-1) of a row and its relative error. The sum of |w|^p carries that of w^(p-1), of the product and of D sums. */
function pNorm(w: Float64Array, error: Float64Array, p: number): { norm: number; relative: number } {
  const sum = w.reduce((total, x) => total + Math.abs(x) ** p, 0)
  if (sum === 0) return { norm: 0, relative: 0 }
  const inherited = w.reduce((total, x, i) => total + p * Math.abs(x) ** (p - 1) * error[i]!, 0) / sum
  if (p === 2) return { norm: Math.sqrt(sum), relative: inherited / 2 + (w.length + 3) * U }
  return { norm: sum ** ((p - 1) / p), relative: ((p - 1) / p) * (inherited + (w.length + p + 5) * U) + 8 * U }
}

/** Units in order; null where the first or the one of rank m is not clear of the rounding of the currents. */
function chosen({ current, error }: Currents, rank: number): [number, number] | null {
  const order = Array.from(current, (_, unit) => unit).sort((a, b) => current[b]! - current[a]! || a - b)
  const pair: [number, number] = [order[0]!, order[rank - 1]!]
  for (const a of new Set(pair))
    for (const b of order) {
      const doubt = error[a]! + error[b]!
      if (a !== b && doubt > 0 && Math.abs(current[a]! - current[b]!) <= doubt) return null
    }
  return pair
}

export const isZero = (v: Float64Array): boolean => v.reduce((sum, x) => sum + x * x, 0) <= 1e-12

/** One minibatch; changes `weights`, or else `into`, sums of patches, if there are any; adds to `tally` if there is one. */
function minibatch(
  weights: Weights,
  patches: Patches,
  rule: Rule,
  rate: number,
  tally: Totals | null,
  into?: Weights | null,
): void {
  const { k, d, w, error } = weights
  const { rank, delta } = rule
  const ranking = powered(weights, rule.p)
  const n = new Float64Array(k)
  const dw = new Float64Array(k * d) // sum of g (v - current w)
  const size = new Float64Array(k * d) // sum of |g| (|v| + |current w|): what rounding in the sums is relative to
  const inherited = new Float64Array(k * d) // errors of v, of the current and of w in it
  const norms = Array.from({ length: k }, (_, unit) => {
    const row = w.subarray(unit * d, (unit + 1) * d)
    return pNorm(row, error.subarray(unit * d, (unit + 1) * d), rule.p)
  })
  for (let b = 0; b < patches.count; b++) {
    const v = patches.v.subarray(b * d, (b + 1) * d)
    const vError = patches.error.subarray(b * d, (b + 1) * d)
    if (isZero(v)) continue
    const currents = currentsOf(ranking, v, vError)
    const pair = chosen(currents, rank)
    if (!pair) throw new Error(`the case does not decide the ranks of patch ${b}: choose other data`)
    if (tally) tally.patches++
    for (const [which, unit] of pair.entries()) {
      if (which === 1 && rank === 1) continue // no second unit
      const g = which === 0 ? 1 : -delta
      const c = currents.current[unit]!
      const cError = currents.error[unit]!
      const [decay, decayError] = into ? [0, 0] : [c, cError]
      n[unit]!++
      for (let i = 0; i < d; i++) {
        const at = unit * d + i
        dw[at]! += g * (v[i]! - decay * w[at]!)
        size[at]! += Math.abs(g) * (Math.abs(v[i]!) + Math.abs(decay * w[at]!))
        inherited[at]! += Math.abs(g) * (vError[i]! + decayError * Math.abs(w[at]!) + Math.abs(decay) * error[at]!)
      }
      if (!tally) continue
      if (which === 0) tally.wins[unit]!++
      else tally.losses[unit]!++
      tally.gains[unit]! += g * c
      tally.gainsError[unit]! += Math.abs(g) * (cError + 2 * U * Math.abs(c))
      const { norm, relative } = norms[unit]!
      if (norm === 0) continue
      tally.energy -= (g * c) / norm
      tally.energyError += (Math.abs(g) / norm) * (cError + Math.abs(c) * (relative + 4 * U))
    }
  }
  // n terms, each of a few roundings (Delta, the product, s, the sum), added in any order: (n + 5) U of the sum of their sizes.
  const dwError = dw.map((_, at) => SAFETY * (inherited[at]! + (n[Math.floor(at / d)]! + 5) * U * size[at]!))
  if (into) {
    for (const [at, x] of dw.entries()) {
      into.w[at]! += x
      into.error[at]! += dwError[at]!
      into.error[at]! += U * (Math.abs(into.w[at]!) + into.error[at]!) // rounded once a minibatch
    }
    return
  }
  const largest = dw.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-30)
  const largestError = dwError.reduce((m, x) => Math.max(m, x), 0) / largest
  for (let at = 0; at < k * d; at++) {
    const count = n[Math.floor(at / d)]!
    if (!count) continue
    const factor = rule.max ? rate / largest : rate / count
    const change = factor * dw[at]!
    // The factor takes up to three roundings (rate, divisor, quotient), the product one, the new weight one.
    error[at]! += SAFETY * (factor * dwError[at]! + Math.abs(change) * ((rule.max ? largestError : 0) + 4 * U))
    w[at]! += change
    error[at]! += U * (Math.abs(w[at]!) + error[at]!)
  }
}

/** Rows become their sums, of norm 1, but for those without a sum; the sums become 0. */
function finish({ w, error, k, d }: Weights, sums: Weights): void {
  for (let unit = 0; unit < k; unit++) {
    const row = sums.w.subarray(unit * d, (unit + 1) * d)
    const { norm, relative } = pNorm(row, sums.error.subarray(unit * d, (unit + 1) * d), 2)
    for (let at = unit * d; norm > 0 && at < (unit + 1) * d; at++) {
      w[at] = sums.w[at]! / norm
      // The sum's own error, the norm's, the norm as a float32 and the quotient.
      error[at] = SAFETY * (sums.error[at]! / norm + Math.abs(w[at]!) * (relative + 2 * U))
    }
  }
  sums.w.fill(0)
  sums.error.fill(0)
}

const bounds = new WeakMap<Expected, Record<string, Float64Array>>()

function results({ k, d, w, error }: Weights, t: Totals, sums?: Weights | null): Expected {
  const energy = t.patches ? t.energy / t.patches : 0
  const chosenOf = (unit: number) => t.wins[unit]! + t.losses[unit]!
  const expected: Expected = {
    w: f64([k, d], w),
    wins: i32([k], t.wins),
    losses: i32([k], t.losses),
    gains: f64([k], t.gains),
    energy: f64([1], [energy]),
    ...(sums ? { sums: f64([k, d], sums.w) } : {}),
  }
  bounds.set(expected, {
    w: error,
    sums: sums?.error ?? new Float64Array(),
    // Sums may be kept in float32: one rounding a term, of at most the sum of the terms' sizes, which gainsError / 2 U exceeds.
    gains: t.gainsError.map((e, unit) => SAFETY * e * (1 + chosenOf(unit) / 2) + U * Math.abs(t.gains[unit]!)),
    energy: Float64Array.of(t.patches ? (SAFETY * t.energyError) / t.patches + 4 * U * Math.abs(energy) : 0),
  })
  return expected
}

export const weightsOf = (host: Host): Weights => ({
  k: host.shape[0]!,
  d: host.shape[1]!,
  w: Float64Array.from(host.data),
  error: new Float64Array(host.data.length),
})

function stepReference(c: Case): Expected {
  const patches = c.inputs[0]!
  const weights = weightsOf(c.inputs[1]!)
  const tally = totals(weights.k)
  const exact = { count: patches.shape[0]!, v: patches.data, error: new Float64Array(patches.data.length) }
  minibatch(weights, exact, ruleOf(c.options), Number(c.options?.learningRate ?? 0.02), tally)
  return results(weights, tally)
}

/** The windows of one minibatch. */
export function gather(images: Host, o: Options, epoch: number, from: number): Patches {
  const [n, c, h, w] = images.shape as [number, number, number, number]
  const window = Number(o.window ?? 4)
  const count = Number(o.batch ?? 1000)
  const across = w - window + 1
  const perImage = across * (h - window + 1)
  const d = c * window * window
  const unit = images.dtype === 'u8' ? 255 : 1
  const order = new Permutation(n * perImage, Number(o.seed ?? 0), epoch)
  const v = new Float64Array(count * d)
  const error = new Float64Array(count * d)
  for (let b = 0; b < count; b++) {
    const index = order.at(from + b)
    const image = Math.floor(index / perImage)
    const y = Math.floor((index % perImage) / across)
    const x = (index % perImage) % across
    const patch = v.subarray(b * d, (b + 1) * d)
    let i = 0
    for (let channel = 0; channel < c; channel++)
      for (let r = 0; r < window; r++)
        for (let s = 0; s < window; s++) patch[i++] = images.data[((image * c + channel) * h + y + r) * w + x + s]! / unit
    const mean = o.centre ? patch.reduce((sum, p) => sum + p, 0) / d : 0
    for (i = 0; i < d; i++) patch[i]! -= mean
    const norm = Math.hypot(...patch)
    const scale = isZero(patch) ? 0 : (o.normalise ?? 'patch') === 'patch' ? 1 / norm : 1
    for (i = 0; i < d; i++) {
      patch[i]! *= scale
      // The mean rounded once, the difference, the factor and the product.
      error[b * d + i] = U * (4 * Math.abs(patch[i]!) + Math.abs(mean) * scale)
    }
  }
  return { count, v, error }
}

/**
 * u / |u| with u = z v + offset. u: D products and sums, and the offset, (D + 2) U of the sum of their sizes, and what is inherited of v; the
 * norm's error is at most that of the vector; and the norm, the division and the product round a few times more.
 */
export function whitened({ count, v, error }: Patches, z: Host, offset: Host): Patches {
  const [e, d] = z.shape as [number, number]
  const made = { count, v: new Float64Array(count * e), error: new Float64Array(count * e) }
  for (let b = 0; b < count; b++) {
    const u = new Float64Array(e)
    const off = new Float64Array(e)
    for (let i = 0; i < e; i++) {
      let size = Math.abs(offset.data[i]!)
      u[i] = offset.data[i]!
      for (let j = 0; j < d; j++) {
        const product = z.data[i * d + j]! * v[b * d + j]!
        u[i]! += product
        size += Math.abs(product)
        off[i]! += Math.abs(z.data[i * d + j]!) * error[b * d + j]!
      }
      off[i]! += (d + 2) * U * size
    }
    if (isZero(u)) continue
    const norm = Math.hypot(...u)
    const relative = Math.hypot(...off) / norm + 4 * U
    for (let i = 0; i < e; i++) {
      made.v[b * e + i] = u[i]! / norm
      made.error[b * e + i] = SAFETY * (off[i]! / norm + relative * Math.abs(u[i]! / norm))
    }
  }
  return made
}

function learnReference(c: Case): Expected {
  const images = c.inputs[0]!
  const weights = weightsOf(c.inputs[1]!)
  const o = c.options ?? {}
  const window = Number(o.window ?? 4)
  const batch = Number(o.batch ?? 1000)
  const [n, , h, w] = images.shape as [number, number, number, number]
  const perEpoch = Math.floor((n * (h - window + 1) * (w - window + 1)) / batch)
  const first = Number(o.firstStep ?? 0)
  const end = first + Number(o.steps ?? 1)
  const counted = Number(o.tally ?? 0) || end - first
  const rate = Number(o.learningRate ?? 0.02)
  const last = Number(o.finalLearningRate ?? 0)
  const tally = totals(weights.k)
  const sums = c.inputs[4] ? weightsOf(c.inputs[4]) : null
  for (let t = first; t < end; t++) {
    const windows = gather(images, o, Math.floor(t / perEpoch), (t % perEpoch) * batch)
    const patches = c.inputs[2] && c.inputs[3] ? whitened(windows, c.inputs[2], c.inputs[3]) : windows
    const at = rate + ((last - rate) * t) / Number(o.totalSteps ?? 1)
    minibatch(weights, patches, ruleOf(o), at, t >= end - counted ? tally : null, sums)
    if (sums && (t + 1) % Number(o.iteration) === 0) finish(weights, sums)
  }
  return results(weights, tally, sums)
}

// ---- Data ----

/** B patches of normal numbers whose ranks are clear. */
function clearPatches(seed: number, b: number, w: Host, rank: number, p = 2): Host {
  const d = w.shape[1]!
  const weights = powered(weightsOf(w), p)
  const out: number[] = []
  for (let i = 0; out.length < b * d; i++) {
    const v = Float64Array.from(new Float32Array(normals(1000 * seed + i, d)))
    if (chosen(currentsOf(weights, v, new Float64Array(d)), rank)) out.push(...v)
  }
  return f32([b, d], out)
}

function stepCase(b: number, d: number, k: number, options: Options): Case {
  const w = f32([k, d], normals(k * 31 + d, k * d))
  const rank = Number(options.rank ?? 2)
  const patches = clearPatches(b + d, b, w, rank, Number(options.p ?? 2))
  const name = `B=${b} D=${d} K=${k} ${Object.entries(options).join(' ')}`
  return { name, inputs: [patches, w], options: { learningRate: 0.05, ...options } }
}

/** Whole numbers from -2 to 2: many equal currents; every fifth patch is zero, and rows 3 i + 2 repeat row i. */
function tieCase(b: number, d: number, k: number, options: Options): Case {
  const next = uniform(b * 7 + d * 3 + k)
  const whole = () => Math.floor(next() * 5) - 2
  const v = Array.from({ length: b * d }, (_, at) => (Math.floor(at / d) % 5 === 4 ? 0 : whole()))
  const w = Array.from({ length: k * d }, whole)
  for (let row = 0; 3 * row + 2 < k; row++) for (let i = 0; i < d; i++) w[(3 * row + 2) * d + i] = w[row * d + i]!
  const name = `ties: B=${b} D=${d} K=${k} ${Object.entries(options).join(' ')}`
  return { name, inputs: [f32([b, d], v), f32([k, d], w)], options: { learningRate: 0.05, ...options } }
}

const constant = (shape: number[], value: number): Host => f32(shape, new Array<number>(size(shape)).fill(value))

const stepCases: Case[] = [
  stepCase(1, 1, 2, {}),
  stepCase(3, 27, 5, { step: 'max' }),
  stepCase(47, 48, 20, {}),
  stepCase(49, 48, 20, { rank: 7, step: 'max' }),
  stepCase(101, 75, 37, { rank: 7 }),
  stepCase(101, 192, 33, { step: 'max', antiHebbian: 0.4 }),
  stepCase(47, 300, 24, { rank: 24 }),
  stepCase(3, 300, 9, { rank: 9, step: 'max' }),
  stepCase(101, 48, 64, { antiHebbian: 0 }),
  stepCase(1, 192, 70, { rank: 3 }),
  stepCase(5, 48, 521, {}),
  stepCase(17, 16, 130, { rank: 129, step: 'max' }),
  stepCase(49, 5, 1030, { rank: 20 }),
  stepCase(3, 2, 2100, { rank: 3 }),
  stepCase(47, 48, 20, { rank: 1 }),
  stepCase(101, 27, 33, { rank: 1, step: 'max' }),
  stepCase(47, 48, 20, { p: 3 }),
  stepCase(49, 27, 20, { p: 4, rank: 3, step: 'max' }),
  stepCase(101, 150, 37, { p: 2.5, antiHebbian: 0.3 }),
  stepCase(5, 7, 40, { p: 8, rank: 1 }),
  tieCase(47, 12, 20, { rank: 1 }),
  tieCase(49, 5, 30, { p: 3, rank: 2 }),
  tieCase(40, 6, 25, { p: 5, rank: 7, step: 'max' }),
  tieCase(1, 1, 2, {}),
  tieCase(101, 1, 7, { rank: 3 }),
  tieCase(47, 48, 20, {}),
  tieCase(49, 3, 40, { step: 'max' }),
  tieCase(101, 4, 33, { rank: 7 }),
  tieCase(47, 27, 13, { rank: 13, step: 'max' }),
  tieCase(5, 2, 600, { rank: 40 }),
  { name: 'all currents equal', inputs: [constant([50, 4], 1), constant([9, 4], 1)], options: { rank: 5 } },
  { name: 'only zero patches', inputs: [constant([19, 6], 0), f32([4, 6], normals(3, 24))], options: { step: 'max' } },
  { name: 'rows of zeros', inputs: [f32([3, 2], [1, 2, -3, 1, 2, 2]), f32([3, 2], [0, 0, -1, -2, 0, 0])] },
  {
    name: 'patches on both sides of zero',
    inputs: [f32([4, 2], [0.7e-6, 0.7e-6, 1e-6, 0.9e-6, -3e-7, 0, 0.5e-6, -1e-6]), f32([3, 2], [1, 2, -1, 2, 4, -3])],
    options: { learningRate: 1 },
  },
  { name: 'defaults', inputs: [clearPatches(5, 12, f32([6, 4], normals(8, 24)), 2), f32([6, 4], normals(8, 24))] },
]

export const noise = (seed: number, shape: number[]): Host => {
  const next = uniform(seed)
  return u8(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(next() * 256)),
  )
}

function learnCase(name: string, images: Host, k: number, options: Options): Case {
  const window = Number(options.window ?? 4)
  const d = images.shape[1]! * window * window
  return {
    name,
    inputs: [images, f32([k, d], normals(d + k, k * d))],
    options: { learningRate: 0.05, totalSteps: 5, ...options },
  }
}

/** The same on patches that are whitened to d numbers. */
function whitenedCase(name: string, images: Host, k: number, d: number, options: Options): Case {
  const size = images.shape[1]! * Number(options.window ?? 4) ** 2
  const z = f32([d, size], normals(900 + d, d * size))
  return {
    name: `whitened, ${name}`,
    inputs: [images, f32([k, d], normals(d + k, k * d)), z, f32([d], normals(901, d))],
    options: { learningRate: 0.05, totalSteps: 5, ...options },
  }
}

/** The same by spherical k-means, from sums of minibatches before. */
function kMeans({ name, inputs, options }: Case, iteration: number): Case {
  const [images, w, z = null, offset = null] = inputs as Host[]
  const sums = f32((w as Host).shape, normals(5, size((w as Host).shape)))
  return {
    name: `k-means, ${name}`,
    inputs: [images as Host, w as Host, z, offset, sums],
    options: { ...options, rank: 1, iteration },
  }
}

/** Noise with a black and a white corner: patches of norm 0, and of norm 0 once centred. */
export function corners(seed: number): Host {
  const images = noise(seed, [3, 1, 12, 9])
  for (let image = 0; image < 3; image++)
    for (let y = 0; y < 6; y++)
      for (let x = 0; x < 5; x++) {
        images.data[(image * 12 + y) * 9 + x] = 0
        images.data[(image * 12 + 11 - y) * 9 + 8 - x] = 255
      }
  return images
}

/** Noise, and images that are black and white all over. */
function blank(seed: number): Host {
  const images = noise(seed, [4, 1, 12, 13])
  for (let i = 0; i < 156; i++) {
    images.data[156 + i] = 0
    images.data[312 + i] = 255
  }
  return images
}

/** The case with weights too small for bfloat16's parts. */
function faint(name: string, { inputs: [images, w], options }: Case): Case {
  const { shape, data } = w as Host
  return {
    name,
    inputs: [
      images as Host,
      f32(
        [...shape],
        Array.from(data, (x) => Number(x) * 1e-15),
      ),
    ],
    options: options ?? {},
  }
}

const learnCases: Case[] = [
  learnCase('C=3 over an epoch boundary', noise(1, [2, 3, 7, 9]), 11, {
    batch: 10,
    steps: 5,
    firstStep: 2,
    totalSteps: 9,
    seed: 3,
  }),
  learnCase('C=1, centred, max', noise(2, [3, 1, 9, 6]), 8, {
    window: 3,
    batch: 7,
    steps: 4,
    step: 'max',
    centre: true,
    learningRate: 0.01,
  }),
  learnCase('not normalised, rank 7', noise(3, [2, 3, 9, 8]), 12, {
    window: 5,
    batch: 19,
    steps: 3,
    rank: 7,
    normalise: 'none',
    finalLearningRate: 0.2,
    seed: 2 ** 40 + 17,
  }),
  learnCase('centred but not normalised', noise(4, [5, 3, 6, 5]), 9, {
    window: 3,
    batch: 47,
    steps: 3,
    centre: true,
    normalise: 'none',
  }),
  learnCase('an epoch a minibatch, window 8', noise(5, [2, 3, 12, 15]), 20, { window: 8, batch: 49, steps: 4, seed: 1 }),
  learnCase('one pixel', noise(6, [4, 1, 3, 5]), 2, { window: 1, batch: 11, steps: 3, normalise: 'none' }),
  learnCase('zero patches', corners(7), 7, { batch: 40, steps: 4 }),
  learnCase('zero patches, centred', corners(8), 7, { batch: 40, steps: 4, centre: true, step: 'max', learningRate: 0.01 }),
  learnCase('rank K', noise(9, [2, 1, 8, 7]), 6, { batch: 40, steps: 2, rank: 6 }),
  learnCase('tally of the last two', noise(10, [2, 3, 7, 9]), 11, { batch: 10, steps: 5, tally: 2 }),
  learnCase('one window an image', noise(11, [30, 2, 5, 5]), 10, { window: 5, batch: 29, steps: 2 }),
  learnCase('batch 101', noise(12, [3, 3, 10, 11]), 24, { batch: 101, steps: 2 }),
  learnCase('far into a long run', noise(13, [2, 3, 6, 6]), 9, {
    batch: 3,
    steps: 3,
    firstStep: 1_000_000,
    totalSteps: 3_000_000,
    finalLearningRate: 0.01,
  }),
  learnCase('winner take all, over an epoch boundary', noise(16, [2, 3, 7, 9]), 11, { batch: 10, steps: 5, rank: 1 }),
  learnCase('p = 3, over an epoch boundary', noise(17, [2, 3, 7, 9]), 11, { batch: 10, steps: 5, p: 3, seed: 2 }),
  learnCase('p = 2.5, max', noise(18, [3, 1, 9, 6]), 8, { batch: 7, steps: 4, p: 2.5, step: 'max', learningRate: 0.01 }),
  whitenedCase('over an epoch boundary', noise(21, [2, 3, 7, 9]), 11, 48, { batch: 10, steps: 5, firstStep: 2, totalSteps: 9 }),
  whitenedCase('to fewer numbers, centred, max', noise(22, [3, 1, 9, 6]), 8, 5, {
    window: 3,
    batch: 7,
    steps: 4,
    step: 'max',
    centre: true,
    learningRate: 0.01,
  }),
  whitenedCase('not normalised first, to more than a warp of numbers, rank 7', noise(23, [2, 3, 9, 8]), 12, 75, {
    window: 5,
    batch: 19,
    steps: 3,
    rank: 7,
    normalise: 'none',
  }),
  whitenedCase('batch 101, winner take all', noise(24, [3, 3, 10, 11]), 24, 33, { batch: 101, steps: 2, rank: 1 }),
  whitenedCase('one number', noise(25, [4, 1, 3, 5]), 2, 1, { window: 1, batch: 11, steps: 3, normalise: 'none' }),
  whitenedCase('p = 3, zero patches', corners(26), 7, 16, { batch: 40, steps: 3, p: 3 }),
  learnCase('wide images', noise(14, [1, 3, 9, 90]), 9, { window: 6, batch: 30, steps: 2 }),
  // From 64 patches of 32 numbers on, the CPU may take currents from AMX tiles.
  learnCase('batch 96, centred, max, 37 units', noise(31, [2, 3, 10, 11]), 37, {
    batch: 96,
    steps: 2,
    centre: true,
    step: 'max',
    learningRate: 0.01,
  }),
  learnCase('batch 70, not normalised, rank 7', noise(38, [2, 3, 10, 12]), 21, {
    window: 5,
    batch: 70,
    steps: 2,
    rank: 7,
    normalise: 'none',
  }),
  learnCase('batch 65, rank 9', noise(33, [2, 3, 10, 11]), 18, { batch: 65, steps: 2, rank: 9 }),
  learnCase('batch 112, p = 3', noise(34, [2, 3, 10, 11]), 16, { batch: 112, steps: 2, p: 3 }),
  learnCase('batch 100, zero patches', blank(35), 11, { window: 6, batch: 100, steps: 2 }),
  learnCase('batch 100, zero patches, centred', blank(36), 11, { window: 6, batch: 100, steps: 2, centre: true }),
  faint('batch 80, weights near 1e-15', learnCase('', noise(37, [2, 3, 10, 11]), 20, { batch: 80, steps: 2 })),
  learnCase('windows wider than a cache line', noise(15, [2, 1, 17, 83]), 5, { window: 17, batch: 48, steps: 2 }),
  kMeans(
    learnCase('over an epoch boundary, from the middle of an iteration to that of another', noise(41, [2, 3, 7, 9]), 11, {
      batch: 10,
      steps: 5,
      firstStep: 1,
      totalSteps: 9,
    }),
    2,
  ),
  kMeans(learnCase('zero patches, empty clusters, tally', corners(42), 30, { batch: 40, steps: 4, centre: true, tally: 2 }), 1),
  kMeans(learnCase('an iteration that does not end', noise(43, [2, 3, 7, 9]), 11, { batch: 10, steps: 2, step: 'max' }), 3),
  // On few multiprocessors a block owns more units than it sums the whole rows of at once.
  kMeans(learnCase('wide rows', noise(44, [2, 3, 12, 15]), 52, { window: 10, batch: 20, steps: 2 }), 1),
  kMeans(learnCase('batch 101', noise(45, [3, 3, 10, 11]), 37, { batch: 101, steps: 4 }), 2),
  kMeans(whitenedCase('to more than a warp of numbers', noise(46, [2, 3, 9, 8]), 12, 75, { window: 5, batch: 19, steps: 3 }), 2),
]

const budget = (name: string, index: number, expected: Expected): number => bounds.get(expected)?.[name]?.[index] ?? 0

const v = f32([3, 4], normals(1, 12))
const w = f32([5, 4], normals(2, 20))
const images = noise(1, [2, 1, 4, 5])
const filters = f32([5, 9], normals(2, 45))
const three = { window: 3, batch: 5 }

function refusals(inputs: Host[], good: Options): Proof['refusals'] {
  const option = (name: string, argument: string, value: number | string | boolean): Proof['refusals'][number] => ({
    name,
    inputs,
    options: { ...good, [argument]: value },
    error: 'OptionError',
    argument,
  })
  const first = inputs[0] as Host
  return [
    option('rank 0', 'rank', 0),
    option('p below 2', 'p', 1.9),
    option('p beyond 100', 'p', 101),
    option('rank beyond K', 'rank', 6),
    option('a broken rank', 'rank', 2.5),
    option('Delta beyond 1', 'antiHebbian', 1.5),
    option('a negative rate', 'learningRate', -0.1),
    option('a rate of NaN', 'learningRate', Number.NaN),
    option('an unknown step', 'step', 'mean'),
    option('an unknown option', 'delta', 0.1),
    {
      name: 'w of one row',
      inputs: [first, f32([1, inputs[1]!.shape[1]!], normals(1, inputs[1]!.shape[1]!))],
      options: good,
      error: 'ShapeError',
      argument: 'w',
    },
    { name: 'w of another D', inputs: [first, f32([5, 7], normals(2, 35))], options: good, error: 'ShapeError', argument: 'w' },
    { name: 'w missing', inputs: [first], options: good, error: 'ShapeError', argument: 'w' },
  ]
}

const learnOption = (name: string, argument: string, options: Options): Proof['refusals'][number] => ({
  name,
  inputs: [images, filters],
  options: { ...three, ...options },
  error: 'OptionError',
  argument,
})

const kMeansOption = (name: string, argument: string, options: Options, sums: Host | null): Proof['refusals'][number] => ({
  ...learnOption(name, argument, options),
  inputs: [images, filters, null, null, sums],
  error: 'ShapeError',
})

const tallies = ['wins', 'losses', 'gains', 'energy']

/** The step's reference with the tallies that a case asks for. */
function askedReference(c: Case): Expected {
  const expected = stepReference(c)
  for (const name of tallies) if (!c.request?.includes(name)) delete expected[name]
  return expected
}

export const proofs: Proof[] = [
  {
    op: 'hebbian_step',
    cases: [
      ...stepCases.map((c) => ({ ...c, request: tallies })),
      { ...(stepCases[0] as Case), name: 'no tally asked for', request: [] },
      { ...(stepCases[1] as Case), name: 'one tally asked for', request: ['gains'] },
    ],
    reference: askedReference,
    budget,
    refusals: [
      ...refusals([v, w], {}),
      {
        name: 'patches of bytes',
        inputs: [u8([3, 4], new Array<number>(12).fill(1)), w],
        error: 'ShapeError',
        argument: 'patches',
      },
    ],
  },
  {
    op: 'hebbian_learn',
    cases: learnCases,
    reference: learnReference,
    budget,
    refusals: [
      ...refusals([images, filters], three),
      {
        name: 'images of floats',
        inputs: [f32([2, 1, 4, 5], normals(1, 40)), filters],
        options: three,
        error: 'ShapeError',
        argument: 'images',
      },
      {
        name: 'z without offset',
        inputs: [images, filters, f32([9, 9], normals(3, 81))],
        options: three,
        error: 'ShapeError',
        argument: 'offset',
      },
      {
        name: 'z of another patch',
        inputs: [images, filters, f32([9, 8], normals(3, 72)), f32([9], normals(4, 9))],
        options: three,
        error: 'ShapeError',
        argument: 'z',
      },
      {
        name: 'z of other rows',
        inputs: [images, filters, f32([8, 9], normals(3, 72)), f32([8], normals(4, 8))],
        options: three,
        error: 'ShapeError',
        argument: 'z',
      },
      learnOption('a window beyond the height', 'window', { window: 5 }),
      learnOption('a batch beyond an epoch', 'batch', { batch: 13 }),
      learnOption('steps beyond the run', 'steps', { steps: 3, firstStep: 1, totalSteps: 3 }),
      learnOption('a negative seed', 'seed', { seed: -1 }),
      learnOption('a negative first step', 'firstStep', { firstStep: -1 }),
      learnOption('no steps', 'steps', { steps: 0 }),
      learnOption('an unknown norm', 'normalise', { normalise: 'unit' }),
      kMeansOption('iterations without sums', 'sums', { rank: 1, iteration: 2 }, null),
      kMeansOption('sums without iterations', 'sums', { rank: 1 }, filters),
      kMeansOption('sums of other rows', 'sums', { rank: 1, iteration: 2 }, f32([4, 9], normals(2, 36))),
      { ...kMeansOption('k-means that pushes away', 'rank', { iteration: 2 }, filters), error: 'OptionError' },
      { ...kMeansOption('k-means by other currents', 'p', { rank: 1, p: 3, iteration: 2 }, filters), error: 'OptionError' },
      learnOption('a negative iteration', 'iteration', { iteration: -1 }),
    ],
  },
]
