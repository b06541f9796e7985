import { type Case, type Expected, f32, f64, type Host, normals, type Options, type Proof, size, U } from './proof.js'

/** Unit roundoff of float64; sums of `count` numbers are off by at most count times this, times the sum of their magnitudes. */
const D = 2 ** -53

interface Channel {
  /** Positions of its elements, image by image. */
  at: number[]
  mean: number
  variance: number
}

function channels(x: Host): Channel[] {
  const [N, C, H, W] = x.shape as [number, number, number, number]
  return Array.from({ length: C }, (_, c) => {
    const at: number[] = []
    for (let n = 0; n < N; n++) for (let i = 0; i < H * W; i++) at.push((n * C + c) * H * W + i)
    const mean = at.reduce((sum, i) => sum + (x.data[i] as number), 0) / at.length
    const variance = at.reduce((sum, i) => sum + ((x.data[i] as number) - mean) ** 2, 0) / at.length
    return { at, mean, variance }
  })
}

type Bounds = Record<string, Float64Array>
const bounds = new WeakMap<Expected, Bounds>()
const budget: Proof['budget'] = (name, index, expected) => 1.01 * (bounds.get(expected)?.[name]?.[index] as number) + 2 ** -149

/** Keeps what was asked for, with its bounds. */
function results(shape: number[], values: Bounds, errors: Bounds, keep: (name: string) => boolean): Expected {
  const expected: Expected = {}
  for (const [name, data] of Object.entries(values))
    if (keep(name)) expected[name] = f64(data.length === size(shape) && /^(y|gx)$/.test(name) ? shape : [data.length], data)
  bounds.set(expected, errors)
  return expected
}

const empty = (names: string[], elements: string, shape: number[]): Bounds =>
  Object.fromEntries(names.map((name) => [name, new Float64Array(name === elements ? size(shape) : (shape[1] as number))]))

/**
 * With m, v the mean and variance, s = 1 / sqrt(v + epsilon) and M values a channel, of which k is the first:
 * float64 sums are off by M D times those of |x - k| and (x - k)^2, where (x - k)^2 sums to M (v + (m - k)^2), so v by M D (v + (m - k)^2)
 * and s by half of that relative to v + epsilon; each result rounds once.
 * y: x - m rounds, and m did before; s, gamma s, the product and the sum round.
 */
function forward(c: Case): Expected {
  const [x, gamma, beta, mean, variance] = c.inputs as [Host, Host, Host, Host, Host]
  const { epsilon, momentum, training } = { epsilon: 1e-5, momentum: 0.1, training: false, ...c.options } as {
    epsilon: number
    momentum: number
    training: boolean
  }
  const names = ['y', 'centre', 'spread', 'mean', 'variance']
  const values = empty(names, 'y', x.shape)
  const errors = empty(names, 'y', x.shape)
  const set = (name: string, index: number, value: number, error: number) => {
    ;(values[name] as Float64Array)[index] = value
    ;(errors[name] as Float64Array)[index] = error
  }
  channels(x).forEach((batch, channel) => {
    const running = { mean: mean.data[channel] as number, variance: variance.data[channel] as number }
    const count = batch.at.length
    const { mean: m, variance: v } = training ? batch : running
    const shift = Math.abs(batch.mean - (x.data[batch.at[0] as number] as number))
    const inMean = training ? count * D * (Math.sqrt(v) + 2 * shift + Math.abs(m)) : 0
    const inVariance = training ? 4 * count * D * (v + shift ** 2) : 0
    const s = 1 / Math.sqrt(v + epsilon)
    const inSpread = U + inVariance / (2 * (v + epsilon))
    set('centre', channel, m, U * Math.abs(m) + inMean)
    set('spread', channel, s, s * inSpread)
    const moved = (old: number, batch: number) => (training ? (1 - momentum) * old + momentum * batch : old)
    const newMean = moved(running.mean, m)
    const newVariance = moved(running.variance, (v * count) / (count - 1))
    set('mean', channel, newMean, training ? U * Math.abs(newMean) + inMean : 0)
    set('variance', channel, newVariance, training ? U * newVariance + 2 * inVariance : 0)
    for (const i of batch.at) {
      const d = (x.data[i] as number) - m
      const factor = (gamma.data[channel] as number) * s
      const y = factor * d + (beta.data[channel] as number)
      const inFactor = inSpread + U
      set('y', i, y, Math.abs(factor) * (U * Math.abs(m) + inMean + Math.abs(d) * (2 * U + inFactor)) + U * Math.abs(y))
    }
  })
  return results(x.shape, values, errors, (name) => !/centre|spread/.test(name) || (c.request ?? []).includes(name))
}

/**
 * With d = x - centre, g the mean of gy and q = s^2 mean(gy d), all but the float64 sums rounded once:
 * gx = gamma s ((gy - g) - d q): the difference, d, d q, the second difference, gamma s and the product round.
 */
function gradient(c: Case): Expected {
  const [x, gamma, centre, spread, gy] = c.inputs as [Host, Host, Host, Host, Host]
  const names = ['gx', 'ggamma', 'gbeta']
  const values = empty(names, 'gx', x.shape)
  const errors = empty(names, 'gx', x.shape)
  const set = (name: string, index: number, value: number, error: number) => {
    ;(values[name] as Float64Array)[index] = value
    ;(errors[name] as Float64Array)[index] = error
  }
  channels(x).forEach(({ at }, channel) => {
    const s = spread.data[channel] as number
    const factor = (gamma.data[channel] as number) * s
    const d = at.map((i) => (x.data[i] as number) - (centre.data[channel] as number))
    const g = at.map((i) => gy.data[i] as number)
    const sum = (terms: number[]) => terms.reduce((a, b) => a + b, 0)
    const gbeta = sum(g)
    const ggamma = s * sum(g.map((v, j) => v * (d[j] as number)))
    const inBeta = 2 * at.length * D * sum(g.map(Math.abs))
    const inGamma = 2 * at.length * D * s * sum(g.map((v, j) => Math.abs(v * (d[j] as number))))
    set('gbeta', channel, gbeta, U * Math.abs(gbeta) + inBeta)
    set('ggamma', channel, ggamma, U * Math.abs(ggamma) + inGamma)
    const mean = gbeta / at.length
    const slope = (s * ggamma) / at.length
    at.forEach((i, j) => {
      const away = (g[j] as number) - mean
      const along = (d[j] as number) * slope
      const inMean = U * Math.abs(mean) + inBeta / at.length
      const inSlope = (Math.abs(d[j] as number) * s * inGamma) / at.length
      const inner = inMean + inSlope + U * (Math.abs(away) + 3 * Math.abs(along) + 3 * Math.abs(away - along))
      set('gx', i, factor * (away - along), Math.abs(factor) * inner)
    })
  })
  return results(x.shape, values, errors, (name) => (c.request ?? names).includes(name))
}

const random = (seed: number, shape: number[], scale = 1, offset = 0): Host =>
  f32(
    shape,
    normals(seed, size(shape)).map((v) => v * scale + offset),
  )

/** gamma, beta, running mean and variance. */
function parameters(seed: number, channels: number): Host[] {
  const vector = (k: number, of: (v: number) => number) => f32([channels], normals(seed + k, channels).map(of))
  return [vector(1, (v) => v), vector(2, (v) => v), vector(3, (v) => v), vector(4, (v) => v * v + 0.1)]
}

const both = ['centre', 'spread']
const training = { training: true }
const shapes = [
  [2, 3, 5, 7],
  [1, 1, 1, 2],
  [7, 5, 1, 1],
  [3, 37, 2, 2],
  [4, 2, 8, 6],
  [1, 1, 181, 101], // more than a block's piece
  [9, 3, 67, 44], // few channels, many elements
  [5, 70, 4, 8],
]

function constant(): Host {
  const x = random(40, [3, 2, 4, 5])
  for (let n = 0; n < 3; n++) x.data.fill(Math.fround(0.1), n * 40, n * 40 + 20)
  return x
}

function withFirst(x: Host, value: number): Host {
  x.data[0] = value
  return x
}

const cases: Case[] = [
  ...shapes.map((shape, i) => ({
    name: `training, [${shape}]`,
    inputs: [random(i + 1, shape, 2, 0.5), ...parameters(i + 20, shape[1] as number)],
    options: training,
    request: both,
  })),
  ...shapes.slice(0, 5).map((shape, i) => ({
    name: `by the running values, [${shape}]`,
    inputs: [random(i + 1, shape, 2, 0.5), ...parameters(i + 20, shape[1] as number)],
    request: both,
  })),
  { name: 'y alone', inputs: [random(30, [4, 3, 6, 6]), ...parameters(31, 3)], options: training },
  { name: 'a channel of one value', inputs: [constant(), ...parameters(41, 2)], options: training, request: both },
  {
    name: 'far from zero',
    inputs: [random(42, [6, 2, 9, 9], 0.01, 300), ...parameters(43, 2)],
    options: training,
    request: both,
  },
  {
    name: 'a first value far from the rest',
    inputs: [withFirst(random(44, [6, 1, 9, 9]), 1e4), ...parameters(45, 1)],
    options: training,
    request: both,
  },
  {
    name: 'epsilon and momentum',
    inputs: [random(46, [3, 4, 5, 5]), ...parameters(47, 4)],
    options: { ...training, epsilon: 0.5, momentum: 1 },
    request: both,
  },
  {
    name: 'a NaN stays in its channel',
    inputs: [withFirst(random(48, [2, 3, 4, 4]), Number.NaN), ...parameters(49, 3)],
    options: training,
    request: both,
  },
]

const image = random(1, [2, 3, 4, 5])
const refused = (name: string, x: Host, options: Options, error: 'OptionError' | 'ShapeError', argument: string) => ({
  name,
  inputs: [x, ...parameters(2, x.shape[1] as number)],
  options,
  error,
  argument,
})

function gradientCase(name: string, seed: number, shape: number[], request: string[], round = true): Case {
  const x = random(seed, shape, 2, 0.5)
  const [gamma] = parameters(seed + 1, shape[1] as number) as [Host]
  const saved = channels(x)
  const make = round ? f32 : f64
  const centre = make(
    [saved.length],
    saved.map((c) => c.mean),
  )
  const spread = make(
    [saved.length],
    saved.map((c) => 1 / Math.sqrt(c.variance + 1e-5)),
  )
  return { name, inputs: [x, gamma, centre, spread, random(seed + 2, shape)], request }
}

const all = ['gx', 'ggamma', 'gbeta']
const small = gradientCase('training', 80, [3, 2, 3, 2], all, false)

export const proofs: Proof[] = [
  {
    op: 'batch_norm',
    cases,
    reference: forward,
    budget,
    refusals: [
      refused('one value a channel to train on', random(3, [1, 3, 1, 1]), training, 'ShapeError', 'x'),
      refused('epsilon 0', image, { epsilon: 0 }, 'OptionError', 'epsilon'),
      refused('momentum 1.5', image, { momentum: 1.5 }, 'OptionError', 'momentum'),
      refused('training as a number', image, { training: 1 }, 'OptionError', 'training'),
      { name: 'gamma of other channels', inputs: [image, ...parameters(2, 4)], error: 'ShapeError', argument: 'gamma' },
      { name: 'three axes', inputs: [random(1, [2, 3, 4]), ...parameters(2, 3)], error: 'ShapeError', argument: 'x' },
    ],
  },
  {
    op: 'batch_norm_grad',
    cases: [
      ...shapes.map((shape, i) => gradientCase(`[${shape}]`, 50 + 3 * i, shape, all)),
      ...all.map((name, i) => gradientCase(`${name} alone`, 90 + i, [4, 3, 5, 4], [name])),
    ],
    reference: gradient,
    budget,
    refusals: [
      {
        name: 'gy of another size',
        inputs: [...gradientCase('rounded', 80, [3, 2, 3, 2], all).inputs.slice(0, 4), random(2, [3, 2, 3, 3])],
        request: all,
        error: 'ShapeError',
        argument: 'gy',
      },
      {
        name: 'centre of other channels',
        inputs: [image, f32([3], [1, 2, 3]), f32([2], [1, 2]), f32([3], [1, 1, 1]), image],
        request: all,
        error: 'ShapeError',
        argument: 'centre',
      },
    ],
    finiteDifference: {
      cases: [small],
      loss: (c) => {
        const [x, gamma, , , gy] = c.inputs as [Host, Host, Host, Host, Host]
        return channels(x).reduce((loss, { at, mean, variance }, channel) => {
          const factor = (gamma.data[channel] as number) / Math.sqrt(variance + 1e-5)
          return loss + at.reduce((sum, i) => sum + factor * ((x.data[i] as number) - mean) * (gy.data[i] as number), 0)
        }, 0)
      },
      of: { gx: 0, ggamma: 1 },
    },
  },
]
