import { type Case, type Expected, f32, f64, type Host, normals, type Options, type Proof, size, U } from './proof.js'

const defaults = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1 }
type AdamOptions = typeof defaults
export const adamOptions = (options?: Options): AdamOptions => ({ ...defaults, ...(options as Partial<AdamOptions>) })

/** One weight's step in float64: Kingma and Ba 2015, algorithm 1. */
export function adamStep(o: AdamOptions, w: number, m: number, v: number, gradient: number): { w: number; m: number; v: number } {
  const g = gradient + o.weightDecay * w
  const mean = o.beta1 * m + (1 - o.beta1) * g
  const square = o.beta2 * v + (1 - o.beta2) * g * g
  const correctedMean = mean / (1 - o.beta1 ** o.step)
  const correctedSquare = square / (1 - o.beta2 ** o.step)
  const update = mean === 0 ? 0 : (o.learningRate * correctedMean) / (Math.sqrt(correctedSquare) + o.epsilon)
  return { w: w - update, m: mean, v: square }
}

/** As {@link adamStep}, with the decay taken off the weight itself: Loshchilov and Hutter 2019, algorithm 2. */
export function adamwStep(o: AdamOptions, w: number, m: number, v: number, g: number): { w: number; m: number; v: number } {
  const after = adamStep({ ...o, weightDecay: 0 }, w, m, v, g)
  return { ...after, w: after.w - o.learningRate * o.weightDecay * w }
}

const sgdDefaults = { learningRate: 0.01, momentum: 0.9, weightDecay: 0, nesterov: false }
type SgdOptions = typeof sgdDefaults
const sgdOptions = (options?: Options): SgdOptions => ({ ...sgdDefaults, ...(options as Partial<SgdOptions>) })

/** One weight's step of gradient descent with momentum in float64. */
export function sgdStep(o: SgdOptions, w: number, m: number, gradient: number): { w: number; m: number } {
  const g = gradient + o.weightDecay * w
  const mean = o.momentum * m + g
  return { w: w - o.learningRate * (o.nesterov ? g + o.momentum * mean : mean), m: mean }
}

function inputs(seed: number, shape: number[], fresh = false): Host[] {
  const n = size(shape)
  const zeros = new Float64Array(n)
  return [
    f32(shape, normals(seed, n)),
    f32(shape, fresh ? zeros : normals(seed + 1, n).map((x) => x * 0.1)),
    f32(shape, fresh ? zeros : normals(seed + 2, n).map((x) => x * x)),
    f32(shape, normals(seed + 3, n)),
  ]
}

function each(c: Case, step: typeof adamStep): { before: number[]; after: ReturnType<typeof adamStep> }[] {
  const [w, m, v, g] = c.inputs as [Host, Host, Host, Host]
  const o = adamOptions(c.options)
  return Array.from(w.data, (weight, i) => {
    const before = [weight, m.data[i], v.data[i], g.data[i]] as [number, number, number, number]
    return { before, after: step(o, ...before) }
  })
}

const budgets = new WeakMap<Expected, Record<string, Float64Array>>()

/**
 * Roundings, with a = |g| + |decay w|:  g' <= 3 U a (the constant, the fused or separate sum);
 * m <= U (2 b1 |m| + 3 r1 |g'| + |m'|) + r1 3 U a <= 3 U b1 |m| + 7 U r1 a;
 * v <= U (3 b2 v + 5 r2 a^2) + 2 r2 a 3 U a <= 3 U b2 v + 11 U r2 a^2;
 * the update: its constants, root, product, sum, quotient and product, 8 U, and the relative errors of m and of sqrt(v); then w rounds.
 * adamw: a = |g|; the share of w that is kept and its product with w round.
 */
const reference =
  (step: typeof adamStep, decoupled: boolean) =>
  (c: Case): Expected => {
    const [w] = c.inputs as [Host]
    const o = adamOptions(c.options)
    const steps = each(c, step)
    const inGradient = decoupled ? 0 : o.weightDecay
    const kept = decoupled ? 1 - o.learningRate * o.weightDecay : 0
    const error = steps.map(({ before: [weight, m, v, g], after }) => {
      const a = Math.abs(g as number) + inGradient * Math.abs(weight as number)
      const inMean = U * (3 * o.beta1 * Math.abs(m as number) + 7 * (1 - o.beta1) * a)
      const inSquare = U * (3 * o.beta2 * (v as number) + 11 * (1 - o.beta2) * a * a)
      const update = Math.abs((weight as number) * (decoupled ? kept : 1) - after.w)
      const gain = after.m === 0 ? 0 : update / Math.abs(after.m)
      const relative = after.v > 0 ? inSquare / (2 * after.v) : 0
      const inKept = 2 * U * Math.abs(kept * (weight as number))
      const inWeight = U * Math.abs(after.w) + 1.01 * (inKept + gain * inMean + update * (8 * U + relative))
      return { w: inWeight, m: inMean, v: inSquare }
    })
    const pick = (key: 'w' | 'm' | 'v') =>
      f64(
        w.shape,
        steps.map((s) => s.after[key]),
      )
    const expected = { w: pick('w'), m: pick('m'), v: pick('v') }
    budgets.set(expected, {
      w: Float64Array.from(error, (e) => e.w),
      m: Float64Array.from(error, (e) => e.m),
      v: Float64Array.from(error, (e) => e.v),
    })
    return expected
  }

const budget: Proof['budget'] = (name, index, expected) => (budgets.get(expected)?.[name]?.[index] as number) + 2 ** -149

const bad = (name: string, options: Options, argument: string): Proof['refusals'][number] => ({
  name,
  inputs: inputs(1, [3]),
  options,
  error: 'OptionError',
  argument,
})

/** w, m and g. */
const sgdInputs = (seed: number, shape: number[], fresh = false): Host[] => {
  const [w, m, , g] = inputs(seed, shape, fresh) as [Host, Host, Host, Host]
  return [w, m, g]
}

/**
 * Roundings, with a = |g| + |decay w|: g' <= 3 U a, of which the sum that it is in; m <= U (2 momentum |m| + |m'|) + 3 U a; with Nesterov's
 * form the step takes momentum times that again, 2 U momentum |m'|, and its own sum; then the rate, its product and w round.
 */
function sgdReference(c: Case): Expected {
  const [w, m, g] = c.inputs as [Host, Host, Host]
  const o = sgdOptions(c.options)
  const expected = { w: f64(w.shape, w.data), m: f64(m.shape, m.data) }
  const error = { w: new Float64Array(w.data.length), m: new Float64Array(m.data.length) }
  w.data.forEach((weight, i) => {
    const after = sgdStep(o, weight, m.data[i] as number, g.data[i] as number)
    const inGradient = 3 * U * (Math.abs(g.data[i] as number) + o.weightDecay * Math.abs(weight))
    const inMean = U * (2 * o.momentum * Math.abs(m.data[i] as number) + Math.abs(after.m)) + inGradient
    const update = Math.abs(weight - after.w)
    const along = o.learningRate > 0 ? update / o.learningRate : 0
    const inAlong = o.nesterov ? o.momentum * (inMean + 2 * U * Math.abs(after.m)) + inGradient + U * along : inMean
    expected.w.data[i] = after.w
    expected.m.data[i] = after.m
    error.m[i] = 1.01 * inMean
    error.w[i] = U * Math.abs(after.w) + 1.01 * (o.learningRate * inAlong + 2 * U * update)
  })
  budgets.set(expected, error)
  return expected
}

export const proofs: Proof[] = [
  {
    op: 'adam',
    cases: [
      { name: 'first step from zero moments', inputs: inputs(1, [7], true) },
      { name: '[1]', inputs: inputs(2, [1]), options: { step: 2 } },
      { name: '[3,5,2]', inputs: inputs(3, [3, 5, 2]), options: { step: 17, weightDecay: 0.1 } },
      { name: '[40013]', inputs: inputs(4, [40013]), options: { step: 1000000, learningRate: 0.3 } },
      { name: 'other rates', inputs: inputs(5, [37]), options: { beta1: 0.5, beta2: 0.95, epsilon: 1, step: 3 } },
      { name: 'beta 0: the sign of the gradient', inputs: inputs(6, [19]), options: { beta1: 0, beta2: 0 } },
      {
        name: 'a zero gradient leaves zero moments and w alone',
        inputs: [f32([2], [1, -2]), ...Array.from({ length: 3 }, () => f32([2], [0, 0]))],
      },
    ],
    reference: reference(adamStep, false),
    budget,
    refusals: [
      bad('step 0', { step: 0 }, 'step'),
      bad('beta2 of 1', { beta2: 1 }, 'beta2'),
      bad('a negative rate', { learningRate: -1 }, 'learningRate'),
      bad('an unknown option', { momentum: 0.9 }, 'momentum'),
      {
        name: 'shapes differ',
        inputs: [...inputs(1, [3]).slice(0, 3), f32([4], normals(1, 4))],
        error: 'ShapeError',
        argument: 'g',
      },
    ],
  },
  {
    op: 'adamw',
    cases: [
      { name: 'first step from zero moments', inputs: inputs(11, [7], true) },
      { name: '[1]', inputs: inputs(12, [1]), options: { step: 2, weightDecay: 0.01 } },
      { name: '[3,5,2]', inputs: inputs(13, [3, 5, 2]), options: { step: 17, weightDecay: 0.5, learningRate: 0.1 } },
      { name: '[40013]', inputs: inputs(14, [40013]), options: { step: 1000, learningRate: 0.3, weightDecay: 0.1 } },
      {
        name: 'decay beyond zero',
        inputs: inputs(15, [37]),
        options: { learningRate: 2, weightDecay: 1.5, epsilon: 1, step: 3 },
      },
      {
        name: 'a zero gradient and zero moments leave the decay',
        inputs: [f32([2], [1, -2]), ...Array.from({ length: 3 }, () => f32([2], [0, 0]))],
        options: { learningRate: 0.25, weightDecay: 0.5 },
      },
    ],
    reference: reference(adamwStep, true),
    budget,
    refusals: [bad('step 0', { step: 0 }, 'step'), bad('a negative decay', { weightDecay: -1 }, 'weightDecay')],
  },
  {
    op: 'sgd',
    cases: [
      { name: 'first step from a zero moment', inputs: sgdInputs(21, [7], true) },
      { name: '[1]', inputs: sgdInputs(22, [1]), options: { momentum: 0 } },
      { name: '[3,5,2]', inputs: sgdInputs(23, [3, 5, 2]), options: { learningRate: 0.1, weightDecay: 5e-4 } },
      { name: '[40013]', inputs: sgdInputs(24, [40013]), options: { learningRate: 0.3, momentum: 0.99 } },
      { name: 'Nesterov', inputs: sgdInputs(25, [37]), options: { nesterov: true, weightDecay: 0.1 } },
      { name: 'Nesterov, [40013]', inputs: sgdInputs(26, [40013]), options: { nesterov: true, momentum: 0.5, learningRate: 1 } },
      { name: 'rate 0 leaves w', inputs: sgdInputs(27, [5]), options: { learningRate: 0 } },
    ],
    reference: sgdReference,
    budget,
    refusals: [
      { name: 'momentum 1', inputs: sgdInputs(1, [3]), options: { momentum: 1 }, error: 'OptionError', argument: 'momentum' },
      { name: 'a step', inputs: sgdInputs(1, [3]), options: { step: 1 }, error: 'OptionError', argument: 'step' },
      {
        name: 'shapes differ',
        inputs: [...sgdInputs(1, [3]).slice(0, 2), f32([4], normals(1, 4))],
        error: 'ShapeError',
        argument: 'g',
      },
    ],
  },
]
