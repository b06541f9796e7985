import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, U, uniform } from './proof.js'

interface Setup {
  shape: number[]
  size: number
  stride: number
  padding?: number
}

const setups: Setup[] = [
  { shape: [2, 3, 8, 8], size: 2, stride: 2 },
  { shape: [1, 1, 1, 1], size: 1, stride: 1 },
  { shape: [2, 5, 29, 29], size: 11, stride: 2 },
  { shape: [1, 2, 7, 40], size: 3, stride: 2 },
  { shape: [3, 1, 9, 13], size: 2, stride: 5 },
  { shape: [1, 2, 6, 35], size: 5, stride: 1 },
  { shape: [1, 1, 4, 2100], size: 3, stride: 1 },
  { shape: [1, 1, 1200, 1100], size: 1100, stride: 60 },
  { shape: [2, 3, 32, 32], size: 3, stride: 2, padding: 1 },
  { shape: [2, 3, 7, 9], size: 5, stride: 1, padding: 2 },
  { shape: [1, 2, 6, 35], size: 4, stride: 3, padding: 2 },
  { shape: [2, 1, 1, 1], size: 2, stride: 1, padding: 1 },
  { shape: [1, 1, 4, 2100], size: 2, stride: 1, padding: 1 },
  { shape: [1, 1, 1101, 1103], size: 1102, stride: 70, padding: 300 },
]

const x = (c: Case): Host => c.inputs[0] as Host
const option = (c: Case, name: string): number => Number(c.options?.[name] ?? (name === 'padding' ? 0 : 2))

interface Shape {
  planes: number
  H: number
  W: number
  P: number
  Q: number
}

/** `shape` is that of the image. */
function sizes(c: Case, [N, C, H, W] = x(c).shape as number[]): Shape {
  const around = 2 * option(c, 'padding') - option(c, 'size')
  const outputs = (length: number) => Math.floor((length + around) / option(c, 'stride')) + 1
  return {
    planes: (N as number) * (C as number),
    H: H as number,
    W: W as number,
    P: outputs(H as number),
    Q: outputs(W as number),
  }
}

/** Calls f with each window, in order, and the positions in the image that it covers, row by row: an array that the next window overwrites. */
function windows(c: Case, { planes, H, W, P, Q }: Shape, f: (window: number, positions: Int32Array) => void): void {
  const [stride, padding, side] = [option(c, 'stride'), option(c, 'padding'), option(c, 'size')]
  const inside = (from: number, length: number) => [Math.max(0, from), Math.min(length, from + side)] as const
  const positions = new Int32Array(Math.min(side, H) * Math.min(side, W))
  for (let plane = 0, i = 0; plane < planes; plane++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++, i++) {
        const [top, bottom] = inside(p * stride - padding, H)
        const [left, right] = inside(q * stride - padding, W)
        let count = 0
        for (let r = top; r < bottom; r++) for (let s = left; s < right; s++) positions[count++] = (plane * H + r) * W + s
        f(i, positions.subarray(0, count))
      }
}

/** For each output, the first position of its window that holds the maximum, a NaN above all. */
function places(c: Case): { shape: number[]; at: Int32Array } {
  const shape = sizes(c)
  const at = new Int32Array(shape.planes * shape.P * shape.Q)
  const { data } = x(c)
  windows(c, shape, (i, positions) => {
    let best = positions[0] as number
    for (const now of positions) {
      const value = data[now] as number
      const top = data[best] as number
      if (value > top || (Number.isNaN(value) && !Number.isNaN(top))) best = now
    }
    at[i] = best
  })
  return { shape: [...x(c).shape.slice(0, 2), shape.P, shape.Q], at }
}

const name = ({ shape, size, stride, padding = 0 }: Setup): string =>
  `[${shape}], size ${size}, stride ${stride}${padding ? `, padding ${padding}` : ''}`
const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))
/** Few different numbers, so that most windows hold a tie. */
function tied(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  return f32(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(3 * next())),
  )
}
function special(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  const values = [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -0, 0, -3]
  return f32(
    shape,
    Array.from({ length: size(shape) }, () => values[Math.floor(20 * next())] ?? Number.NEGATIVE_INFINITY),
  )
}

function cases(): Case[] {
  return [
    ...setups.map((s, i) => ({
      name: name(s),
      inputs: [random(i + 1, s.shape)],
      options: { size: s.size, stride: s.stride, padding: s.padding ?? 0 },
    })),
    { name: 'size 2, stride 2 by default', inputs: [random(20, [1, 2, 5, 5])] },
    { name: 'ties', inputs: [tied(21, [2, 3, 12, 37])], options: { size: 3, stride: 2 } },
    { name: 'NaN, infinities and zeros', inputs: [special(22, [2, 3, 20, 37])], options: { size: 2, stride: 1 } },
    { name: 'ties, padded', inputs: [tied(23, [2, 3, 12, 37])], options: { size: 3, stride: 2, padding: 1 } },
    {
      name: 'NaN, infinities and zeros, padded',
      inputs: [special(24, [2, 3, 20, 37])],
      options: { size: 2, stride: 1, padding: 1 },
    },
  ]
}

function withGradient(c: Case, seed: number): Case {
  const { shape } = places(c)
  return { ...c, inputs: [x(c), random(seed, shape)] }
}

function gradient(c: Case): { gx: Float64Array; count: Int32Array; magnitude: Float64Array } {
  const gx = new Float64Array(x(c).data.length)
  const count = new Int32Array(gx.length)
  const magnitude = new Float64Array(gx.length)
  places(c).at.forEach((place, i) => {
    const g = c.inputs[1]?.data[i] as number
    gx[place] = (gx[place] as number) + g
    magnitude[place] = (magnitude[place] as number) + Math.abs(g)
    count[place] = (count[place] as number) + 1
  })
  return { gx, count, magnitude }
}
const bounds = new WeakMap<Case, { count: Int32Array; magnitude: Float64Array }>()

interface Mean {
  shape: number[]
  y: Float64Array
  magnitude: Float64Array
}

function means(c: Case): Mean {
  const shape = sizes(c)
  const y = new Float64Array(shape.planes * shape.P * shape.Q)
  const magnitude = new Float64Array(y.length)
  windows(c, shape, (i, positions) => {
    let sum = 0
    let size = 0
    for (const at of positions) {
      sum += x(c).data[at] as number
      size += Math.abs(x(c).data[at] as number)
    }
    y[i] = sum / option(c, 'size') ** 2
    magnitude[i] = size / option(c, 'size') ** 2
  })
  return { shape: [...x(c).shape.slice(0, 2), shape.P, shape.Q], y, magnitude }
}
const magnitudes = new WeakMap<Case, Float64Array>()

/** The same window over a gy of its own; the image is known by its size. */
function spread(c: Case, seed: number): Case {
  const [, , height, width] = x(c).shape as [number, number, number, number]
  return { ...c, inputs: [random(seed, means(c).shape)], options: { ...c.options, height, width } }
}

function withImage(c: Case, seed: number): Case {
  const gradient = spread(c, seed)
  return { ...gradient, inputs: [...gradient.inputs, x(c)] }
}

function spreadGradient(c: Case): { gx: Float64Array; count: Int32Array; magnitude: Float64Array; shape: number[] } {
  const gy = c.inputs[0] as Host
  const shape = [...gy.shape.slice(0, 2), option(c, 'height'), option(c, 'width')]
  const gx = new Float64Array(size(shape))
  const count = new Int32Array(gx.length)
  const magnitude = new Float64Array(gx.length)
  windows(c, sizes(c, shape), (i, positions) => {
    const g = (gy.data[i] as number) / option(c, 'size') ** 2
    for (const at of positions) {
      gx[at] = (gx[at] as number) + g
      magnitude[at] = (magnitude[at] as number) + Math.abs(g)
      count[at] = (count[at] as number) + 1
    }
  })
  return { gx, count, magnitude, shape }
}

// Sums of a million numbers in one float32 would tell nothing: no mean over the largest windows of max_pool's cases.
const averaged = (): Case[] => [
  ...cases().filter((c) => option(c, 'size') < 1000 && !c.name.includes('NaN')),
  { name: 'global, [3,5,7,7]', inputs: [random(25, [3, 5, 7, 7])], options: { size: 7, stride: 1 } },
  { name: 'global, [2,64,4,4]', inputs: [random(26, [2, 64, 4, 4])], options: { size: 4, stride: 4 } },
  { name: 'a window wider than a strip', inputs: [random(27, [1, 1, 1040, 1050])], options: { size: 1040, stride: 9 } },
  { name: 'NaN stays in its windows', inputs: [f32([1, 1, 2, 4], [1, 2, Number.NaN, 4, 5, 6, 7, 8])] },
]

const image = random(1, [1, 2, 5, 6])
export const proofs: Proof[] = [
  {
    op: 'max_pool',
    cases: cases(),
    reference: (c): Expected => {
      const { shape, at } = places(c)
      return {
        y: f64(
          shape,
          Array.from(at, (place) => x(c).data[place] as number),
        ),
      }
    },
    budget: () => 0, // one of the inputs, unchanged
    refusals: [
      { name: 'size beyond the image', inputs: [image], options: { size: 6 }, error: 'OptionError', argument: 'size' },
      {
        name: 'padding of more than half',
        inputs: [image],
        options: { size: 3, padding: 2 },
        error: 'OptionError',
        argument: 'padding',
      },
      { name: 'stride 0', inputs: [image], options: { stride: 0 }, error: 'OptionError', argument: 'stride' },
      { name: 'size 2.5', inputs: [image], options: { size: 2.5 }, error: 'OptionError', argument: 'size' },
      { name: 'three axes', inputs: [random(1, [2, 5, 6])], error: 'ShapeError', argument: 'x' },
      { name: 'i32 for f32', inputs: [i32([1, 1, 2, 2], [1, 2, 3, 4])], error: 'ShapeError', argument: 'x' },
    ],
  },
  {
    op: 'max_pool_grad',
    cases: cases().map((c, i) => withGradient(c, i + 60)),
    reference: (c): Expected => {
      const { gx, count, magnitude } = gradient(c)
      bounds.set(c, { count, magnitude })
      return { gx: f64(x(c).shape, gx) }
    },
    // A sum of `count` numbers: count - 1 roundings, each at most U times the sum of the magnitudes.
    budget: (_, i, _expected, c) => {
      const { count, magnitude } = bounds.get(c) as { count: Int32Array; magnitude: Float64Array }
      return Math.max(0, (count[i] as number) - 1) * 1.01 * U * (magnitude[i] as number)
    },
    refusals: [
      { name: 'gy of another size', inputs: [image, random(2, [1, 2, 3, 3])], error: 'ShapeError', argument: 'gy' },
      { name: 'gy of another batch', inputs: [image, random(2, [2, 2, 2, 3])], error: 'ShapeError', argument: 'gy' },
      {
        name: 'size beyond the image',
        inputs: [image, random(2, [1, 2, 2, 3])],
        options: { size: 6 },
        error: 'OptionError',
        argument: 'size',
      },
    ],
    finiteDifference: {
      cases: [
        withGradient({ name: 'size 2, stride 2', inputs: [image] }, 80),
        withGradient({ name: 'size 3, stride 1', inputs: [image], options: { size: 3, stride: 1 } }, 81),
        withGradient({ name: 'size 3, stride 2, padding 1', inputs: [image], options: { size: 3, stride: 2, padding: 1 } }, 82),
      ],
      loss: (c) =>
        places(c).at.reduce((sum, place, i) => sum + (x(c).data[place] as number) * (c.inputs[1]?.data[i] as number), 0),
      of: { gx: 0 },
    },
  },
  {
    op: 'avg_pool',
    cases: averaged(),
    reference: (c): Expected => {
      const { shape, y, magnitude } = means(c)
      magnitudes.set(c, magnitude)
      return { y: f64(shape, y) }
    },
    // size^2 terms, summed first along the rows, then along the columns, or all in order: at most size^2 - 1 roundings of a partial sum,
    // which is at most the sum of the magnitudes; then the quotient.
    budget: (_, i, expected, c) =>
      1.01 * U * (option(c, 'size') ** 2 * (magnitudes.get(c)?.[i] as number) + Math.abs(expected.y?.data[i] as number)) +
      2 ** -149,
    refusals: [
      { name: 'size beyond the image', inputs: [image], options: { size: 6 }, error: 'OptionError', argument: 'size' },
      { name: 'padding of more than half', inputs: [image], options: { padding: 2 }, error: 'OptionError', argument: 'padding' },
      { name: 'three axes', inputs: [random(1, [2, 5, 6])], error: 'ShapeError', argument: 'x' },
    ],
  },
  {
    op: 'avg_pool_grad',
    cases: averaged().map((c, i) => spread(c, i + 90)),
    reference: (c): Expected => {
      const { gx, count, magnitude, shape } = spreadGradient(c)
      bounds.set(c, { count, magnitude })
      return { gx: f64(shape, gx) }
    },
    // A sum of `count` quotients: as many roundings of them, and count - 1 of their sums.
    budget: (_, i, _expected, c) => {
      const { count, magnitude } = bounds.get(c) as { count: Int32Array; magnitude: Float64Array }
      return (count[i] as number) * 1.01 * U * (magnitude[i] as number) + 2 ** -149
    },
    refusals: [
      {
        name: 'gy of another size',
        inputs: [random(2, [1, 2, 3, 3])],
        options: { height: 5, width: 6 },
        error: 'ShapeError',
        argument: 'gy',
      },
      {
        name: 'size beyond the image',
        inputs: [random(2, [1, 2, 2, 3])],
        options: { size: 6, height: 5, width: 6 },
        error: 'OptionError',
        argument: 'size',
      },
    ],
    // The op takes gy alone; the image that the mean was taken of follows it, for the differences.
    finiteDifference: {
      cases: [
        withImage({ name: 'size 2, stride 2', inputs: [image] }, 83),
        withImage({ name: 'size 3, stride 2, padding 1', inputs: [image], options: { size: 3, stride: 2, padding: 1 } }, 84),
      ],
      loss: (c) => {
        const [gy, image] = c.inputs as [Host, Host]
        return means({ ...c, inputs: [image] }).y.reduce((sum, y, i) => sum + y * (gy.data[i] as number), 0)
      },
      of: { gx: 1 },
    },
  },
]
