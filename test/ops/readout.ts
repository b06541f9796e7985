import { Permutation } from '../../lib/random.js'
import { rowError, softmaxRow } from './loss.js'
import { adamOptions, adamStep } from './optimiser.js'
import {
  bf16,
  type Case,
  type Expected,
  f32,
  f64,
  type Host,
  i32,
  normals,
  type Options,
  type Proof,
  U,
  uniform,
} from './proof.js'
import { sumError } from './rounding.js'

const defaults = {
  batch: 100,
  steps: 1,
  firstStep: 0,
  totalSteps: 1,
  seed: 0,
  shuffle: true,
  schedule: 'cosine',
  finalLearningRate: 0,
}
type LearnOptions = typeof defaults & ReturnType<typeof adamOptions>

function learnOptions(options?: Options): LearnOptions {
  return { ...adamOptions(options), ...defaults, ...(options as Partial<LearnOptions>) }
}

function rate(o: LearnOptions, t: number): number {
  const [first, last, part] = [o.learningRate, o.finalLearningRate, t / o.totalSteps]
  if (o.schedule === 'linear') return first + (last - first) * part
  if (o.schedule === 'cosine') return last + ((first - last) * (1 + Math.cos(Math.PI * part))) / 2
  return first
}

const largest = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => Math.max(a, Math.abs(b)), 0)
const row = (x: Host, i: number): Float64Array => x.data.subarray(i * (x.shape[1] as number), (i + 1) * (x.shape[1] as number))
const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0)
const norm = (x: Float64Array): number => Math.sqrt(dot(x, x))

/** Largest errors of the weights (w and b alike) and the moments that float32 can have led to so far. */
interface Errors {
  w: number
  m: number
  v: number
  gradient: number
}

interface Forward {
  logits: Float64Array
  label: number
  /** Largest error of a logit: that of w and b, and of the float32 sum. */
  error: number
}

function forward(features: Host, labels: Host, w: Host, b: Host, index: number, error: number): Forward {
  const x = row(features, index)
  const targets = w.shape[0] as number
  const logits = Float64Array.from({ length: targets }, (_, t) => (b.data[t] as number) + dot(x, row(w, t)))
  const sumOfSizes = x.reduce((sum, v) => sum + Math.abs(v), 1)
  const terms = norm(x) * largest(w.data) + largest(b.data)
  return { logits, label: labels.data[index] as number, error: sumOfSizes * error + sumError(x.length + 1, terms) }
}

/** Loss, errors and their budgets over scored rows. An error count may differ by the rows whose best two logits nearly tie. */
class Score {
  loss = 0
  lossError = 0
  errors = 0
  nearTies = 0
  count = 0
  predictions: { top: number; near: boolean }[] = []

  add({ logits, label, error }: Forward) {
    const { loss, top, range, probabilities } = softmaxRow(logits, label)
    const second = Math.max(...logits.filter((_, t) => t !== top))
    const near = (logits[top] as number) - second <= 2 * error
    this.loss += loss
    this.lossError += 2 * error + rowError(range, probabilities.length)
    this.errors += top === label ? 0 : 1
    this.nearTies += near ? 1 : 0
    this.count++
    this.predictions.push({ top, near })
    return { probabilities, range }
  }
  budgets() {
    const loss = this.loss / this.count
    return { loss: () => this.lossError / this.count + U * Math.abs(loss), errors: () => this.nearTies }
  }
  results() {
    return { loss: f64([1], [this.loss / this.count]), errors: i32([1], [this.errors]) }
  }
}

const budgets = new WeakMap<Expected, Record<string, (index: number) => number>>()

/**
 * The whole call in float64, and beside it the largest error that float32 can lead to, step by step:
 * a logit errs by that of the weights times sum |x| + 1 and its own sum's; a softmax by half the largest error of its logits (its
 * Jacobian's rows sum to 2 p (1 - p) <= 1/2) and its roundings; the gradient by that times max |x| and its own sum's; m and v as in
 * the proof of adam; sqrt(v) by no more than the largest error of a gradient so far (it is a weighted Euclidean norm of them); the
 * update r m / (s + epsilon) by r (error of m + |m / (s + epsilon)| error of s) / epsilon and 8 roundings.
 */
function learn(c: Case): Expected {
  const [features, labels, ...state] = c.inputs as Host[]
  const [w, b, mw, vw, mb, vb] = state.slice(0, 6).map((h) => ({ ...h, data: Float64Array.from(h.data) })) as [
    Host,
    Host,
    Host,
    Host,
    Host,
    Host,
  ]
  const x = features as Host
  const list = c.inputs[8]
  const o = learnOptions(c.options)
  const [targets, d] = w.shape as [number, number]
  const count = list ? (list.shape[0] as number) : (x.shape[0] as number)
  const inEpoch = Math.floor(count / o.batch)
  const error: Errors = { w: 0, m: 0, v: 0, gradient: 0 }
  const score = new Score()
  for (let t = o.firstStep; t < o.firstStep + o.steps; t++) {
    const order = new Permutation(count, o.seed, Math.floor(t / inEpoch))
    const gw = new Float64Array(targets * d)
    const gb = new Float64Array(targets)
    let softmaxError = 0
    let largestX = 1 // the bias counts as a feature of 1
    for (let i = 0; i < o.batch; i++) {
      const place = o.shuffle ? order.at((t % inEpoch) * o.batch + i) : ((t - o.firstStep) % inEpoch) * o.batch + i
      const index = list ? (list.data[place] as number) : place
      const pass = forward(x, labels as Host, w, b, index, error.w)
      const { probabilities, range } = score.add(pass)
      softmaxError = Math.max(softmaxError, pass.error / 2 + rowError(range, targets) + 4 * U)
      const values = row(x, index)
      largestX = Math.max(largestX, largest(values))
      for (let k = 0; k < targets; k++) {
        const g = ((probabilities[k] as number) - (k === pass.label ? 1 : 0)) / o.batch
        gb[k] = (gb[k] as number) + g
        for (let j = 0; j < d; j++) gw[k * d + j] = (gw[k * d + j] as number) + g * (values[j] as number)
      }
    }
    const ofSum = sumError(o.batch, largestX / Math.sqrt(o.batch))
    const size = largest(gw) + largest(gb) + o.weightDecay * largest(w.data)
    const gradient = largestX * softmaxError + ofSum + o.weightDecay * error.w + 3 * U * size
    error.gradient = Math.max(error.gradient, gradient)
    const largestM = Math.max(largest(mw.data), largest(mb.data))
    const largestV = Math.max(largest(vw.data), largest(vb.data))
    error.m = o.beta1 * error.m + (1 - o.beta1) * (gradient + 4 * U * size) + 3 * U * o.beta1 * largestM
    error.v = o.beta2 * error.v + (1 - o.beta2) * (2 * size * gradient + 5 * U * size * size) + 3 * U * o.beta2 * largestV
    const step = { ...o, learningRate: rate(o, t), step: t + 1 }
    let moved = 0
    const apply = (weight: Host, mean: Host, square: Host, g: Float64Array, weightDecay: number) => {
      for (let i = 0; i < g.length; i++) {
        const before = weight.data[i] as number
        const next = adamStep({ ...step, weightDecay }, before, mean.data[i] as number, square.data[i] as number, g[i] as number)
        moved = Math.max(moved, Math.abs(before - next.w))
        weight.data[i] = next.w
        mean.data[i] = next.m
        square.data[i] = next.v
      }
    }
    apply(w, mw, vw, gw, o.weightDecay)
    apply(b, mb, vb, gb, 0)
    const meanError = error.m / (1 - o.beta1 ** step.step)
    const rootError = error.gradient + 4 * U * Math.sqrt(largestV / (1 - o.beta2 ** step.step))
    const weights = Math.max(largest(w.data), largest(b.data))
    error.w += U * weights + 8 * U * moved + (step.learningRate * meanError + moved * rootError) / o.epsilon
  }
  const expected = { w, b, mw, vw, mb, vb, ...score.results() }
  const [ofW, ofM, ofV] = [() => error.w, () => error.m, () => error.v]
  budgets.set(expected, { w: ofW, b: ofW, mw: ofM, mb: ofM, vw: ofV, vb: ofV, ...score.budgets() })
  return expected
}

function scoreRows(c: Case): Expected {
  const [features, labels, w, b, list] = c.inputs as [Host, Host, Host, Host, Host | null]
  const score = new Score()
  const count = list ? (list.shape[0] as number) : (features.shape[0] as number)
  for (let i = 0; i < count; i++) score.add(forward(features, labels, w, b, list ? (list.data[i] as number) : i, 0))
  const expected: Expected = score.results()
  if (c.request?.includes('prediction'))
    expected.prediction = i32(
      [count],
      score.predictions.map((p) => p.top),
    )
  budgets.set(expected, { ...score.budgets(), prediction: (i) => (score.predictions[i]?.near ? (w.shape[0] as number) : 0) })
  return expected
}

const budget: Proof['budget'] = (name, index, expected) => budgets.get(expected)?.[name]?.(index) ?? 0

interface Data {
  features: Host
  labels: Host
  w: Host
  b: Host
}

/** Features of norm about 1, so that a step of Adam does not multiply errors much. */
function data(seed: number, n: number, targets: number, d: number, type: 'f32' | 'bf16' = 'f32'): Data {
  const next = uniform(seed)
  const x = normals(seed + 1, n * d).map((v) => v / Math.sqrt(d))
  return {
    features: type === 'f32' ? f32([n, d], x) : bf16([n, d], x),
    labels: i32(
      [n],
      Array.from({ length: n }, () => Math.floor(next() * targets)),
    ),
    w: f32([targets, d], normals(seed + 2, targets * d)),
    b: f32([targets], normals(seed + 3, targets)),
  }
}

const zeros = (like: Host): Host => f32(like.shape, new Float64Array(like.data.length))
function learnInputs({ features, labels, w, b }: Data, list: Host | null = null): (Host | null)[] {
  return [features, labels, w, b, zeros(w), zeros(w), zeros(b), zeros(b), list]
}

/** Every third row, twice, from the last. */
const someRows = (n: number): Host => {
  const rows = Array.from({ length: Math.ceil(n / 3) }, (_, i) => n - 1 - 3 * i)
  return i32([2 * rows.length], [...rows, ...rows])
}

// epsilon bounds what a rounding of a tiny gradient can do to the step (with 1e-8 its sign alone would decide).
const gentle = { learningRate: 0.01, epsilon: 0.3 }
const learnCases: Case[] = [
  { name: 'one target: nothing to learn', inputs: learnInputs(data(1, 9, 1, 5)), options: { ...gentle, batch: 4 } },
  {
    name: 'one row at a time, every epoch in another order',
    inputs: learnInputs(data(2, 5, 3, 7)),
    options: { ...gentle, batch: 1, steps: 12, totalSteps: 12 },
  },
  {
    name: 'epochs with a dropped rest',
    inputs: learnInputs(data(3, 60, 10, 45)),
    options: { ...gentle, batch: 13, steps: 9, totalSteps: 20, seed: 2 ** 40 + 3, weightDecay: 0.01 },
  },
  {
    name: 'in the middle of a run, linear schedule',
    inputs: learnInputs(data(4, 40, 4, 33)),
    options: { ...gentle, batch: 20, steps: 3, firstStep: 5, totalSteps: 11, schedule: 'linear', finalLearningRate: 0.001 },
  },
  {
    name: 'rows as they stand, wrapping round in the middle of a run',
    inputs: learnInputs(data(8, 23, 7, 3)),
    options: { ...gentle, batch: 5, steps: 6, firstStep: 3, totalSteps: 12, shuffle: false },
  },
  {
    name: 'listed rows, constant schedule',
    inputs: learnInputs(data(5, 61, 23, 100), someRows(61)),
    options: { ...gentle, batch: 7, steps: 8, totalSteps: 8, schedule: 'constant' },
  },
  {
    name: 'more rows than a block, more columns than a chunk',
    inputs: learnInputs(data(6, 300, 11, 2103)),
    options: { ...gentle, batch: 131, steps: 2, totalSteps: 5 },
  },
  {
    name: 'bf16',
    inputs: learnInputs(data(7, 50, 10, 531, 'bf16'), someRows(50)),
    options: { ...gentle, batch: 11, steps: 4, totalSteps: 4 },
  },
  {
    name: 'bf16, many targets',
    inputs: learnInputs(data(8, 40, 21, 70, 'bf16')),
    options: { ...gentle, batch: 9, steps: 4, totalSteps: 4 },
  },
  ...(['f32', 'bf16'] as const).flatMap((type) => [
    {
      name: `${type}, columns in whole fours over several stretches, more rows than slopes are held`,
      inputs: learnInputs(data(10, 150, 16, 268, type)),
      options: { ...gentle, batch: 70, steps: 5, totalSteps: 5 },
    },
    {
      name: `${type}, a large minibatch`,
      inputs: learnInputs(data(11, 530, 9, 21, type)),
      options: { ...gentle, batch: 520, steps: 2, totalSteps: 2 },
    },
  ]),
]

const scoreCases: Case[] = (
  [
    [1, 1, 1],
    [7, 3, 5],
    [131, 10, 2103],
    [1031, 5, 16],
    [3, 103, 40],
  ] as const
).flatMap(([n, targets, d], i) =>
  (['f32', 'bf16'] as const).flatMap((type) => {
    const { features, labels, w, b } = data(i * 10 + 20, n, targets, d, type)
    const name = `[${n},${d}] ${type} to ${targets}`
    return [
      { name, inputs: [features, labels, w, b, null] },
      { name: `${name}, listed rows`, inputs: [features, labels, w, b, someRows(n)], request: ['prediction'] },
    ]
  }),
)

const small = data(9, 8, 3, 5)
const wrongLabel = { ...small, labels: i32([8], [0, 1, 2, 3, 0, 1, 2, 0]) }
const outside = (row: number) => i32([4], [0, 1, row, 2])
const late = { error: 'DataError', late: true } as const

export const proofs: Proof[] = [
  {
    op: 'readout_learn',
    cases: learnCases,
    reference: learn,
    budget,
    refusals: [
      { name: 'label out of range', inputs: learnInputs(wrongLabel), options: { batch: 2 }, argument: 'labels', ...late },
      { name: 'row out of range', inputs: learnInputs(small, outside(8)), options: { batch: 2 }, argument: 'rows', ...late },
      { name: 'negative row', inputs: learnInputs(small, outside(-1)), options: { batch: 2 }, argument: 'rows', ...late },
      {
        name: 'batch above the rows',
        inputs: learnInputs(small),
        options: { batch: 9 },
        error: 'OptionError',
        argument: 'batch',
      },
      {
        name: 'batch above the listed rows',
        inputs: learnInputs(small, outside(3)),
        options: { batch: 5 },
        error: 'OptionError',
        argument: 'batch',
      },
      {
        name: 'steps beyond the end',
        inputs: learnInputs(small),
        options: { batch: 2, steps: 3, firstStep: 8, totalSteps: 10 },
        error: 'OptionError',
        argument: 'steps',
      },
      {
        name: 'another schedule',
        inputs: learnInputs(small),
        options: { batch: 2, schedule: 'step' },
        error: 'OptionError',
        argument: 'schedule',
      },
      {
        name: 'w of another width',
        inputs: learnInputs({ ...small, w: data(1, 1, 3, 6).w }),
        options: { batch: 2 },
        error: 'ShapeError',
        argument: 'w',
      },
    ],
  },
  {
    op: 'readout_score',
    cases: scoreCases,
    reference: scoreRows,
    budget,
    refusals: [
      {
        name: 'label out of range',
        inputs: [wrongLabel.features, wrongLabel.labels, wrongLabel.w, wrongLabel.b, null],
        argument: 'labels',
        ...late,
      },
      {
        name: 'row out of range',
        inputs: [small.features, small.labels, small.w, small.b, outside(8)],
        argument: 'rows',
        ...late,
      },
      {
        name: 'a label too few',
        inputs: [small.features, i32([7], [0, 1, 2, 0, 1, 2, 0]), small.w, small.b, null],
        error: 'ShapeError',
        argument: 'labels',
      },
    ],
  },
]
