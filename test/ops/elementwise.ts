import { bf16, type Case, f32, f64, type Host, i32, normals, type Options, type Proof, size, U, u8 } from './proof.js'
import { U64 } from './rounding.js'

const shapes = [[1], [7], [3, 5, 2], [2, 3, 5, 7], [40013]]
const special = [0, -0, 1e-42, -1e-42, 3.4e38, -3.4e38, Number.POSITIVE_INFINITY, Number.NaN, 1, -1]

const first = (c: Case): Host => c.inputs[0]!
const random = (seed: number, shape: number[]): Host => f32(shape, normals(seed, size(shape)))

function pairs(): Case[] {
  const cases: Case[] = shapes.map((shape, i) => ({
    name: `[${shape}]`,
    inputs: [random(i + 1, shape), random(i + 50, shape)],
  }))
  cases.push({ name: 'special values', inputs: [f32([10], special), f32([10], [...special].reverse())] })
  return cases
}

const mismatch = {
  name: 'shapes differ',
  inputs: [random(1, [2, 3]), random(2, [3, 2])],
  error: 'ShapeError' as const,
  argument: 'y',
}
const wrongType = { name: 'i32 for f32', inputs: [i32([2], [1, 2]), random(2, [2])], error: 'ShapeError' as const, argument: 'x' }

/** Operands of [40013] in float64, whose last digits float32 has not. */
const wide: Case = {
  name: '[40013] in float64',
  inputs: [f64([40013], normals(61, 40013)), f64([40013], normals(62, 40013))],
}

function binary(op: string, f: (x: number, y: number) => number, argument = 'y', result = 'z'): Proof {
  return {
    op,
    cases: pairs(),
    reference: (c) => ({
      [result]: f64(
        first(c).shape,
        first(c).data.map((x, i) => (first(c).dtype === 'f64' ? Number : Math.fround)(f(x, c.inputs[1]!.data[i]!))),
      ),
    }),
    // The float64 result of two float32 numbers, rounded once, is the correctly rounded one for +, - and *.
    budget: () => 0,
    refusals: [
      { ...mismatch, argument },
      wrongType,
      { name: 'a missing input', inputs: [first({ name: '', inputs: [random(1, [2])] })], error: 'ShapeError', argument },
    ],
  }
}

function unary(op: string, f: (x: number) => number): Proof {
  return {
    op,
    cases: [
      ...shapes.map((shape, i) => ({ name: `[${shape}]`, inputs: [random(i + 9, shape)] })),
      { name: 'special values', inputs: [f32([10], special)] },
    ],
    reference: (c) => ({ y: f64(first(c).shape, first(c).data.map(f)) }),
    budget: () => 0,
    refusals: [{ name: 'i32 for f32', inputs: [i32([2], [1, 2])], error: 'ShapeError', argument: 'x' }],
  }
}

const at = (c: Case): number => Number(c.options?.at ?? 0)

/** x into `width` columns of other numbers. */
function columns(name: string, x: Host, width: number, at: number): Case {
  const rows = x.shape[0] as number
  const make = x.dtype === 'bf16' ? bf16 : f32
  return { name, inputs: [x, make([rows, width], normals(width, rows * width))], options: { at } }
}

const slice = (name: string, x: Host, options: Options = {}): Case => ({ name, inputs: [x], options })

/** The same with float64 operands, but not one of each type. */
function either(proof: Proof): Proof {
  const refusal = { name: 'two element types', inputs: [random(1, [2]), f64([2], [1, 2])], argument: 'y' }
  return {
    ...proof,
    cases: [...proof.cases, wide],
    refusals: [...proof.refusals, { ...refusal, error: 'ShapeError' }],
  }
}

const columnsOf = (seed: number, d: number): Host => f64([d], normals(seed, d))

export const proofs: Proof[] = [
  either(binary('add', (x, y) => x + y)),
  either(binary('subtract', (x, y) => x - y)),
  either(binary('multiply', (x, y) => x * y)),
  {
    op: 'standardise',
    cases: [
      { name: '[1,1]', inputs: [f32([1, 1], [3]), f64([1], [0.1]), null] },
      { name: '[7,13], divided', inputs: [random(63, [7, 13]), columnsOf(64, 13), columnsOf(65, 13)] },
      { name: 'rows longer than a task, divided', inputs: [random(66, [3, 40013]), columnsOf(67, 40013), columnsOf(68, 40013)] },
      { name: 'more rows than a task holds', inputs: [random(69, [5003, 17]), columnsOf(70, 17), null] },
      { name: 'special values', inputs: [f32([1, 10], special), f64([10], [...special].reverse()), f64([10], special)] },
    ],
    reference: (c) => {
      const [x, mean, deviation] = c.inputs as [Host, Host, Host | null]
      const d = mean.data.length
      return {
        y: f64(
          x.shape,
          x.data.map((v, i) => (v - mean.data[i % d]!) / (deviation?.data[i % d] ?? 1)),
        ),
      }
    },
    budget: () => 0, // each operation is correctly rounded
    refusals: [
      {
        name: 'means of other columns',
        inputs: [random(1, [2, 3]), columnsOf(2, 2), null],
        error: 'ShapeError',
        argument: 'mean',
      },
      { name: 'no means', inputs: [random(1, [2, 3])], error: 'ShapeError', argument: 'mean' },
    ],
  },
  {
    ...binary('relu_grad', (x, gy) => (x > 0 ? gy : 0), 'gy', 'gx'),
    finiteDifference: {
      cases: [{ name: 'away from the kink', inputs: [f32([6], [-2, -0.5, 0.25, 0.75, 1, 3]), f32([6], [1, -2, 3, -4, 5, 0.5])] }],
      loss: (c) => first(c).data.reduce((sum, x, i) => sum + Math.max(x, 0) * (c.inputs[1]!.data[i] as number), 0),
      of: { gx: 0 },
    },
  },
  unary('relu', (x) => Math.max(x, 0)),
  {
    op: 'scale',
    cases: [
      ...shapes.map((shape, i) => ({
        name: `[${shape}]`,
        inputs: [random(i + 9, shape)],
        options: { factor: 1.7, offset: -0.3 },
      })),
      { name: 'default: a copy', inputs: [f32([10], special)] },
      { name: 'f64', inputs: [f64([3, 5], normals(3, 15))], options: { factor: 1.7, offset: -0.3 } },
      { name: 'f64 default: a copy', inputs: [f64([10], special)] },
    ],
    reference: (c) => {
      const round = first(c).dtype === 'f64' ? Number : Math.fround
      const factor = round(Number(c.options?.factor ?? 1))
      const offset = round(Number(c.options?.offset ?? 0))
      return {
        y: f64(
          first(c).shape,
          first(c).data.map((x) => factor * x + offset),
        ),
      }
    },
    // One rounding (a fused multiply-add) of the exact value, which float64 holds to far better than that. In float64 the reference
    // rounds the product, at most |y| + |offset|, and the sum too.
    budget: (_, i, expected, c) =>
      first(c).dtype === 'f64'
        ? 3 * U64 * (Math.abs(expected.y!.data[i]!) + Math.abs(Number(c.options?.offset ?? 0)))
        : 1.01 * U * Math.abs(expected.y!.data[i]!) + 2 ** -149,
    refusals: [
      { name: 'factor is text', inputs: [random(1, [2])], options: { factor: 'two' }, error: 'OptionError', argument: 'factor' },
      {
        name: 'factor is NaN',
        inputs: [random(1, [2])],
        options: { factor: Number.NaN },
        error: 'OptionError',
        argument: 'factor',
      },
      { name: 'unknown option', inputs: [random(1, [2])], options: { facter: 2 }, error: 'OptionError', argument: 'facter' },
    ],
  },
  {
    op: 'to_f32',
    cases: [
      {
        name: 'u8 as unit range',
        inputs: [
          u8(
            [256],
            Array.from({ length: 256 }, (_, i) => i),
          ),
        ],
      },
      { name: 'u8 as counts', inputs: [u8([2, 3], [0, 1, 2, 253, 254, 255])], options: { unit: false } },
      { name: 'i32', inputs: [i32([4], [0, -7, 16777217, -2147483648])] },
      { name: 'bf16', inputs: [bf16([1, 5], [0, -1.5, 3.125, 1e-30, 2e38])] },
      { name: 'f64', inputs: [f64([40013], normals(19, 40013))] },
      {
        name: 'f64: ties, subnormals and what float32 does not hold',
        inputs: [f64([11], [...special.slice(0, 8), 1 + 2 ** -24, 1 + 3 * 2 ** -24, 2 ** -150])],
      },
      { name: 'f64 past the range', inputs: [f64([3], [1e300, -3.5e38, 5e-324])] },
    ],
    reference: (c) => {
      const x = first(c)
      const byte = x.dtype === 'u8' && (c.options?.unit ?? true)
      return {
        y: f64(
          x.shape,
          x.data.map((v) => Math.fround(byte ? v / 255 : v)),
        ),
      }
    },
    budget: () => 0, // correctly rounded: division by 255, or a conversion
    refusals: [{ name: 'f32', inputs: [random(1, [2])], error: 'ShapeError', argument: 'x' }],
  },
  unary('to_f64', (x) => x),
  {
    op: 'copy_rows',
    cases: [
      { name: 'in the middle', inputs: [f32([2, 3], [1, 2, 3, 4, 5, 6]), f32([5, 3], normals(4, 15))], options: { at: 2 } },
      { name: 'all of it, bytes', inputs: [u8([3, 1], [7, 8, 9]), u8([3, 1], [0, 0, 0])] },
      { name: 'the last row, bf16', inputs: [bf16([1, 7], normals(5, 7)), bf16([4, 7], normals(6, 28))], options: { at: 3 } },
      {
        name: 'more than one piece',
        inputs: [
          i32(
            [300, 1001],
            normals(7, 300300).map((v) => Math.round(1e6 * v)),
          ),
          i32([301, 1001], normals(8, 301301).map(Math.round)),
        ],
        options: { at: 1 },
      },
    ],
    reference: (c) => {
      const [x, y] = c.inputs as [Host, Host]
      const data = Float64Array.from(y.data)
      data.set(x.data, Number(c.options?.at ?? 0) * (x.shape[1] as number))
      return { y: { ...y, data } }
    },
    budget: () => 0,
    refusals: [
      {
        name: 'past the end',
        inputs: [random(1, [2, 3]), random(2, [3, 3])],
        options: { at: 2 },
        error: 'OptionError',
        argument: 'at',
      },
      {
        name: 'two element types',
        inputs: [random(1, [2, 3]), i32([2, 3], [1, 2, 3, 4, 5, 6])],
        error: 'ShapeError',
        argument: 'y',
      },
    ],
  },
  {
    op: 'subtract_row',
    cases: [
      { name: '[1,1]', inputs: [f32([1, 1], [3]), f32([1], [1.5])] },
      { name: '[7,13]', inputs: [random(51, [7, 13]), random(52, [13])] },
      { name: 'rows longer than a task', inputs: [random(53, [3, 40013]), random(54, [40013])] },
      {
        name: 'more rows than a task holds, bf16',
        inputs: [random(55, [5003, 17]), random(56, [17])],
        options: { store: 'bf16' },
      },
      {
        name: 'rows longer than a task, bf16',
        inputs: [random(57, [3, 20011]), random(58, [20011])],
        options: { store: 'bf16' },
      },
      { name: 'special values', inputs: [f32([2, 10], [...special, ...special]), f32([10], [...special].reverse())] },
    ],
    reference: (c) => {
      const [x, r] = c.inputs as [Host, Host]
      const d = r.data.length
      return {
        y: f64(
          x.shape,
          Float64Array.from(x.data, (v, i) => Math.fround(v - (r.data[i % d] as number))),
        ),
      }
    },
    // The float32 difference is the correctly rounded one; to bf16 it is rounded again.
    budget: (_, i, expected, c) =>
      c.options?.store === 'bf16' ? 2 ** -8 * Math.abs(expected.y?.data[i] as number) + 2 ** -134 : 0,
    refusals: [
      { name: 'a row of another length', inputs: [random(1, [2, 3]), random(2, [2])], error: 'ShapeError', argument: 'r' },
      {
        name: 'an unknown store',
        inputs: [random(1, [2, 3]), random(2, [3])],
        options: { store: 'f16' },
        error: 'OptionError',
        argument: 'store',
      },
    ],
  },
  {
    op: 'copy_columns',
    cases: [
      columns('in the middle', f32([2, 3], [1, 2, 3, 4, 5, 6]), 8, 2),
      columns('all of it', f32([5, 4], normals(31, 20)), 4, 0),
      columns('one column, the last, bf16', bf16([7, 1], normals(32, 7)), 5, 4),
      columns('odd widths of bf16', bf16([13, 7], normals(33, 91)), 31, 3),
      columns('even widths of bf16', bf16([13, 6], normals(34, 78)), 20, 8),
      columns('multiples of four of bf16', bf16([3, 12], normals(35, 36)), 24, 4),
      columns('multiples of eight of bf16', bf16([3, 16], normals(36, 48)), 40, 8),
      columns('rows longer than a piece', f32([2, 70001], normals(37, 140002)), 70004, 1),
      columns('more rows than a task holds', bf16([9001, 16], normals(38, 144016)), 24, 8),
    ],
    reference: (c) => {
      const [x, y] = c.inputs as [Host, Host]
      const [n, d] = x.shape as [number, number]
      const data = Float64Array.from(y.data)
      for (let i = 0; i < n; i++) data.set(x.data.subarray(i * d, (i + 1) * d), i * (y.shape[1] as number) + at(c))
      return { y: { ...y, data } }
    },
    budget: () => 0,
    refusals: [
      {
        name: 'past the end',
        inputs: [random(1, [2, 3]), random(2, [2, 4])],
        options: { at: 2 },
        error: 'OptionError',
        argument: 'at',
      },
      { name: 'another number of rows', inputs: [random(1, [2, 3]), random(2, [3, 4])], error: 'ShapeError', argument: 'y' },
      {
        name: 'two element types',
        inputs: [random(1, [2, 3]), bf16([2, 3], normals(2, 6))],
        error: 'ShapeError',
        argument: 'y',
      },
    ],
  },
  {
    op: 'slice_columns',
    cases: [
      slice('the first by default', f32([3, 2], [1, 2, 3, 4, 5, 6])),
      slice('all of it', f32([5, 4], normals(41, 20)), { count: 4 }),
      slice('the last, bf16', bf16([7, 5], normals(42, 35)), { at: 4, count: 1 }),
      slice('odd widths of bf16', bf16([13, 31], normals(43, 403)), { at: 3, count: 7 }),
      slice('widths of four', f32([13, 12], normals(44, 156)), { at: 4, count: 8 }),
      slice('rows longer than a piece', f32([2, 70004], normals(45, 140008)), { at: 1, count: 70001 }),
      slice('more rows than a task holds', bf16([9001, 24], normals(46, 216024)), { at: 8, count: 16 }),
    ],
    reference: (c) => {
      const x = first(c)
      const [n, e] = x.shape as [number, number]
      const count = Number(c.options?.count ?? 1)
      const y = new Float64Array(n * count)
      for (let i = 0; i < n; i++) y.set(x.data.subarray(i * e + at(c), i * e + at(c) + count), i * count)
      return { y: { dtype: x.dtype, shape: [n, count], data: y } }
    },
    budget: () => 0,
    refusals: [
      { name: 'past the end', inputs: [random(1, [2, 3])], options: { at: 2, count: 2 }, error: 'OptionError', argument: 'at' },
      { name: 'no column', inputs: [random(1, [2, 3])], options: { count: 0 }, error: 'OptionError', argument: 'count' },
      { name: 'three axes', inputs: [random(1, [2, 3, 1])], error: 'ShapeError', argument: 'x' },
    ],
  },
  {
    op: 'unit_rows',
    cases: [
      { name: '[1,1]', inputs: [f32([1, 1], [-3])] },
      { name: '[400,48]', inputs: [random(3, [400, 48])] },
      { name: 'a zero row stays', inputs: [f32([3, 2], [0, 0, 3, 4, -1e-20, 1e-20])] },
      {
        name: 'the ends of the range',
        inputs: [f32([5, 3], [3e-42, -4e-42, 0, 3e38, -3e38, 3.4e38, 3e38, 1e-7, 1, 1e-45, 0, 0, 1e-20, 1e20, -1e19])],
      },
      {
        name: 'NaN makes its row NaN, an infinity the rest of its row 0',
        inputs: [f32([4, 3], [1, Number.NaN, 2, Number.POSITIVE_INFINITY, 5, -5, 3, 4, 0, 0, 0, Number.NaN])],
      },
    ],
    reference: (c) => {
      const [k, d] = first(c).shape as [number, number]
      const x = first(c).data
      const y = new Float64Array(k * d)
      for (let row = 0; row < k; row++) {
        let sum = 0
        for (let i = 0; i < d; i++) sum += x[row * d + i]! ** 2
        for (let i = 0; i < d; i++) y[row * d + i] = sum === 0 ? 0 : x[row * d + i]! / Math.sqrt(sum)
      }
      return { y: f64([k, d], y) }
    },
    // One rounding to float32; those in float64 are 2^-29 of it. Below the normal range half of the smallest subnormal.
    budget: (_, i, expected) => Math.max(1.01 * U * Math.abs(expected.y!.data[i]!), 2 ** -150),
    refusals: [{ name: 'three axes', inputs: [random(1, [2, 2, 2])], error: 'ShapeError', argument: 'x' }],
  },
]
