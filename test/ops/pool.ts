import { type Case, type Expected, f32, f64, type Host, i32, normals, type Proof, size, U, uniform } from './proof.js'

interface Setup {
  shape: number[]
  size: number
  stride: number
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
]

const x = (c: Case): Host => c.inputs[0] as Host
const option = (c: Case, name: string): number => Number(c.options?.[name] ?? 2)

/** For each output, the first position of its window that holds the maximum, a NaN above all. */
function places(c: Case): { shape: number[]; at: Int32Array } {
  const [N, C, H, W] = x(c).shape as [number, number, number, number]
  const window = option(c, 'size')
  const stride = option(c, 'stride')
  const P = Math.floor((H - window) / stride) + 1
  const Q = Math.floor((W - window) / stride) + 1
  const at = new Int32Array(N * C * P * Q)
  for (let plane = 0, i = 0; plane < N * C; plane++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++, i++) {
        let best = (plane * H + p * stride) * W + q * stride
        for (let r = 0; r < window; r++)
          for (let s = 0; s < window; s++) {
            const now = (plane * H + p * stride + r) * W + q * stride + s
            const value = x(c).data[now] as number
            const top = x(c).data[best] as number
            if (value > top || (Number.isNaN(value) && !Number.isNaN(top))) best = now
          }
        at[i] = best
      }
  return { shape: [N, C, P, Q], at }
}

const name = ({ shape, size, stride }: Setup): string => `[${shape}], size ${size}, stride ${stride}`
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
    ...setups.map((s, i) => ({ name: name(s), inputs: [random(i + 1, s.shape)], options: { size: s.size, stride: s.stride } })),
    { name: 'size 2, stride 2 by default', inputs: [random(20, [1, 2, 5, 5])] },
    { name: 'ties', inputs: [tied(21, [2, 3, 12, 37])], options: { size: 3, stride: 2 } },
    { name: 'NaN, infinities and zeros', inputs: [special(22, [2, 3, 20, 37])], options: { size: 2, stride: 1 } },
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
      ],
      loss: (c) =>
        places(c).at.reduce((sum, place, i) => sum + (x(c).data[place] as number) * (c.inputs[1]?.data[i] as number), 0),
      of: { gx: 0 },
    },
  },
]
