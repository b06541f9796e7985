import { gather, type Patches } from './hebbian.js'
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
  u8,
  uniform,
} from './proof.js'

function bytes(seed: number, shape: number[]): Host {
  const next = uniform(seed)
  return u8(
    shape,
    Array.from({ length: size(shape) }, () => Math.floor(next() * 256)),
  )
}

// ---- gather_images ----

function images({ inputs: [set, rows, shift] }: Case): Expected {
  const { dtype, shape, data } = set as Host
  const [, c, h, w] = shape as [number, number, number, number]
  const n = (rows as Host).data.length
  const y = new Float64Array(n * c * h * w)
  for (let i = 0, at = 0; i < n; i++) {
    const [down = 0, right = 0, flip = 0] = shift ? shift.data.subarray(3 * i, 3 * i + 3) : []
    for (let channel = 0; channel < c; channel++)
      for (let row = 0; row < h; row++)
        for (let column = 0; column < w; column++, at++) {
          const fromRow = row - down
          const fromColumn = (flip ? w - 1 - column : column) - right
          if (fromRow >= 0 && fromRow < h && fromColumn >= 0 && fromColumn < w)
            y[at] = data[(((rows?.data[i] as number) * c + channel) * h + fromRow) * w + fromColumn] as number
        }
  }
  return { y: { dtype, shape: [n, c, h, w], data: y } }
}

const shifts = [
  [0, 0, 0],
  [0, 0, 1],
  [2, -1, 0],
  [-3, 2, 1],
  [1, 1, 1],
  [-1, -2, 1],
  [0, 5, 0],
  [4, 0, 0],
  [-9, 1, 0],
  [0, 99, 1],
  [2 ** 31 - 1, -(2 ** 31), 1],
  [-(2 ** 31), 2 ** 31 - 1, 0],
]
const moved = (set: Host, rows: number[]): (Host | null)[] => [
  set,
  i32([rows.length], rows),
  i32(
    [rows.length, 3],
    rows.flatMap((_, i) => shifts[i % shifts.length] as number[]),
  ),
]
const twelve = [3, 0, 4, 1, 1, 2, 0, 4, 3, 2, 1, 0]
const floats = f32([5, 3, 4, 7], normals(1, 420))

const imageCases: Case[] = [
  { name: 'bytes, repeated rows', inputs: [bytes(1, [5, 3, 7, 5]), i32([7], [4, 0, 0, 3, 4, 1, 2])] },
  { name: 'floats', inputs: [floats, i32([3], [4, 0, 4])] },
  { name: 'one image of one pixel', inputs: [bytes(2, [1, 1, 1, 1]), i32([1], [0])] },
  { name: 'bytes, moved and mirrored', inputs: moved(bytes(3, [5, 3, 7, 5]), twelve) },
  { name: 'floats, moved and mirrored', inputs: moved(floats, twelve) },
  { name: 'one row of pixels, moved', inputs: moved(bytes(4, [5, 1, 1, 37]), twelve) },
  { name: 'one column of pixels, moved', inputs: moved(bytes(5, [5, 2, 9, 1]), twelve) },
  { name: 'NaN and infinities stay', inputs: moved(f32([2, 1, 1, 3], [Number.NaN, 1 / 0, -0, 1, -1 / 0, 0]), [0, 1, 1]) },
  {
    name: 'many images',
    inputs: moved(
      bytes(6, [5, 3, 17, 13]),
      Array.from({ length: 301 }, (_, i) => (7 * i) % 5),
    ),
  },
]

const outside = (row: number) => ({
  name: `row ${row} of 5`,
  inputs: [floats, i32([4], [0, 4, row, 1])],
  error: 'DataError' as const,
  argument: 'rows',
  late: true,
})

// ---- gather_patches ----

const bounds = new WeakMap<Expected, Float64Array>()
function patches(c: Case): Expected {
  const set = c.inputs[0] as Host
  const o = c.options as Options
  const [n, , h, w] = set.shape as [number, number, number, number]
  const window = Number(o.window ?? 4)
  const batch = Number(o.batch ?? 1000)
  const perEpoch = Math.floor((n * (h - window + 1) * (w - window + 1)) / batch)
  const step = Number(o.step ?? 0)
  const made: Patches = gather(set, o, Math.floor(step / perEpoch), (step % perEpoch) * batch)
  const expected = { patches: f64([batch, made.v.length / batch], made.v) }
  bounds.set(expected, made.error)
  return expected
}

/** The left half black, the right half of one grey: patches of norm 0, and of norm 0 once centred. */
function flat(): Host {
  const set = bytes(20, [3, 2, 9, 20])
  set.data.forEach((_, i) => {
    if (i % 20 < 8) set.data[i] = 0
    else if (i % 20 > 11) set.data[i] = 77
  })
  return set
}

const floated = ({ shape, data }: Host): Host => f32(shape, [...data])

const patchCase = (name: string, set: Host, options: Options): Case => ({ name, inputs: [set], options })
const patchCases: Case[] = [
  patchCase('C=3, W=4', bytes(10, [4, 3, 9, 8]), { batch: 53, seed: 5 }),
  patchCase('a later epoch', bytes(11, [4, 3, 9, 8]), { batch: 50, step: 7, seed: 2 ** 40 + 3 }),
  patchCase('a far epoch', bytes(12, [2, 1, 6, 6]), { batch: 7, step: 2 ** 38 + 1, seed: 1 }),
  patchCase('W=3, centred', bytes(13, [3, 3, 9, 6]), { window: 3, batch: 47, centre: true }),
  patchCase('W=5, not normalised', bytes(14, [2, 3, 9, 8]), { window: 5, batch: 19, step: 2, normalise: 'none' }),
  patchCase('W=8, centred, not normalised', bytes(15, [2, 3, 12, 15]), {
    window: 8,
    batch: 49,
    normalise: 'none',
    centre: true,
  }),
  patchCase('one pixel', bytes(16, [4, 1, 3, 5]), { window: 1, batch: 11, normalise: 'none' }),
  patchCase('one patch', bytes(17, [1, 1, 4, 4]), { batch: 1, step: 3 }),
  patchCase('zero patches', flat(), { batch: 200 }),
  patchCase('zero patches, centred', flat(), { batch: 200, centre: true }),
  patchCase('W=17', bytes(18, [2, 1, 17, 83]), { window: 17, batch: 48 }),
  patchCase('floats', f32([4, 3, 9, 8], normals(22, 864)), { batch: 53, seed: 5, step: 4 }),
  patchCase('floats, W=3, centred', f32([3, 5, 9, 6], normals(23, 810)), { window: 3, batch: 47, centre: true }),
  patchCase('floats, not normalised', f32([2, 7, 6, 8], normals(24, 672)), { window: 2, batch: 19, normalise: 'none' }),
  patchCase('floats, one channel of one pixel', f32([4, 1, 3, 5], normals(25, 60)), { window: 1, batch: 11 }),
  patchCase('floats, zero patches', floated(flat()), { batch: 200 }),
  patchCase('floats, zero patches, centred', floated(flat()), { batch: 200, centre: true, normalise: 'none' }),
  patchCase('the default batch', bytes(19, [3, 1, 24, 23]), {}),
]

const small = bytes(21, [2, 1, 4, 5])
const patchOption = (name: string, argument: string, value: number | string) => ({
  name,
  inputs: [small],
  options: { window: 3, batch: 5, [argument]: value },
  error: 'OptionError' as const,
  argument,
})

export const proofs: Proof[] = [
  {
    op: 'gather_images',
    cases: imageCases,
    reference: images,
    budget: () => 0, // one of the inputs, unchanged
    refusals: [
      outside(5),
      outside(-1),
      outside(-(2 ** 31)),
      { name: 'rows as f32', inputs: [floats, f32([1], [0])], error: 'ShapeError', argument: 'rows' },
      { name: 'three axes', inputs: [f32([2, 2, 2], Array(8).fill(0)), i32([1], [0])], error: 'ShapeError', argument: 'images' },
      { name: 'i32 images', inputs: [i32([1, 1, 1, 1], [1]), i32([1], [0])], error: 'ShapeError', argument: 'images' },
      {
        name: 'a shift too few',
        inputs: [floats, i32([2], [0, 1]), i32([1, 3], [0, 0, 0])],
        error: 'ShapeError',
        argument: 'shift',
      },
      {
        name: 'two numbers a shift',
        inputs: [floats, i32([2], [0, 1]), i32([2, 2], [0, 0, 0, 0])],
        error: 'ShapeError',
        argument: 'shift',
      },
    ],
  },
  {
    op: 'gather_patches',
    cases: patchCases,
    reference: patches,
    // As stated beside each number in hebbian.ts: the mean rounded once, the difference, the factor and the product.
    budget: (_, i, expected) => bounds.get(expected)?.[i] as number,
    refusals: [
      patchOption('a window beyond the height', 'window', 5),
      patchOption('a batch beyond an epoch', 'batch', 13),
      patchOption('a negative step', 'step', -1),
      patchOption('a negative seed', 'seed', -1),
      patchOption('an unknown norm', 'normalise', 'unit'),
      {
        name: 'images of whole numbers',
        inputs: [i32([1, 1, 4, 4], Array(16).fill(1))],
        options: { batch: 1 },
        error: 'ShapeError',
        argument: 'images',
      },
    ],
  },
]
