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

function each(c: Case): { before: number[]; after: ReturnType<typeof adamStep> }[] {
  const [w, m, v, g] = c.inputs as [Host, Host, Host, Host]
  const o = adamOptions(c.options)
  return Array.from(w.data, (weight, i) => {
    const before = [weight, m.data[i], v.data[i], g.data[i]] as [number, number, number, number]
    return { before, after: adamStep(o, ...before) }
  })
}

const budgets = new WeakMap<Expected, Record<string, Float64Array>>()

/**
 * Roundings, with a = |g| + |decay w|:  g' <= 3 U a (the constant, the fused or separate sum);
 * m <= U (2 b1 |m| + 3 r1 |g'| + |m'|) + r1 3 U a <= 3 U b1 |m| + 7 U r1 a;
 * v <= U (3 b2 v + 5 r2 a^2) + 2 r2 a 3 U a <= 3 U b2 v + 11 U r2 a^2;
 * the update: its constants, root, product, sum, quotient and product, 8 U, and the relative errors of m and of sqrt(v); then w rounds.
 */
function reference(c: Case): Expected {
  const [w] = c.inputs as [Host]
  const o = adamOptions(c.options)
  const steps = each(c)
  const error = steps.map(({ before: [weight, m, v, g], after }) => {
    const a = Math.abs(g as number) + o.weightDecay * Math.abs(weight as number)
    const inMean = U * (3 * o.beta1 * Math.abs(m as number) + 7 * (1 - o.beta1) * a)
    const inSquare = U * (3 * o.beta2 * (v as number) + 11 * (1 - o.beta2) * a * a)
    const update = Math.abs((weight as number) - after.w)
    const gain = after.m === 0 ? 0 : update / Math.abs(after.m)
    const relative = after.v > 0 ? inSquare / (2 * after.v) : 0
    return { w: U * Math.abs(after.w) + 1.01 * (gain * inMean + update * (8 * U + relative)), m: inMean, v: inSquare }
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

const bad = (name: string, options: Options, argument: string): Proof['refusals'][number] => ({
  name,
  inputs: inputs(1, [3]),
  options,
  error: 'OptionError',
  argument,
})

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
    reference,
    budget: (name, index, expected) => (budgets.get(expected)?.[name]?.[index] as number) + 2 ** -149,
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
]
