import { backgroundKinds, textureBytes, worldColumns } from '../../lib/ops/render.js'
import { type Case, type Expected, f32, type Host, i32, type Proof, u8, uniform } from './proof.js'
import { render } from './render_reference.js'

interface Mesh {
  vertices: number[]
  triangles: number[]
}

/** A ball, its poles along y, or a part of it where `bands` is small. */
function ball(around: number, bands: number, radius = 0.5): Mesh {
  const vertices: number[] = []
  const triangles: number[] = []
  for (let i = 0; i <= bands; i++)
    for (let j = 0; j <= around; j++) {
      const [theta, phi] = [(Math.PI * i) / bands, (2 * Math.PI * j) / around]
      const n = [Math.sin(theta) * Math.cos(phi), Math.cos(theta), Math.sin(theta) * Math.sin(phi)]
      vertices.push(...n.map((x) => x * radius), ...n)
    }
  for (let i = 0; i < bands; i++)
    for (let j = 0; j < around; j++) {
      const a = i * (around + 1) + j
      const c = a + around + 1
      if (i > 0) triangles.push(a, a + 1, c + 1, 0)
      if (i < bands - 1) triangles.push(a, c + 1, c, 0)
    }
  return { vertices, triangles }
}

/** A box whose sides have two parts. */
function box(sides: readonly number[]): Mesh {
  const vertices: number[] = []
  const triangles: number[] = []
  for (let axis = 0; axis < 3; axis++)
    for (const sign of [1, -1]) {
      const at = vertices.length / 6
      for (const [a, b] of [
        [-1, -1],
        [1, -1],
        [1, 1],
        [-1, 1],
      ] as const) {
        const p = [0, 0, 0]
        p[axis] = sign
        p[(axis + 1) % 3] = a
        p[(axis + 2) % 3] = b
        vertices.push(...p.map((x, k) => (x * (sides[k] as number)) / 2), ...[0, 1, 2].map((k) => (k === axis ? sign : 0)))
      }
      const turn = sign > 0 ? [1, 2, 3] : [3, 2, 1]
      triangles.push(at, at + (turn[0] as number), at + 2, axis % 2, at, at + 2, at + (turn[2] as number), axis % 2)
    }
  return { vertices, triangles }
}

/** An open sheet across z with corners at multiples of 1 / 64: where edges meet samples exactly. */
function sheet(columns: number, rows: number): Mesh {
  const vertices: number[] = []
  const triangles: number[] = []
  for (let y = 0; y <= rows; y++)
    for (let x = 0; x <= columns; x++) vertices.push((3 * x - 18) / 64, (5 * y - 20) / 64, 0, 0, 0, 1)
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const a = y * (columns + 1) + x
      const c = a + columns + 1
      triangles.push(a, a + 1, c + 1, 0, a, c + 1, c, 0)
    }
  return { vertices, triangles }
}

/** Triangles as they are given: nine numbers each. */
function loose(corners: number[][]): Mesh {
  return {
    vertices: corners.flatMap((c) => [0, 3, 6].flatMap((k) => [...c.slice(k, k + 3), 0, 0, 1])),
    triangles: corners.flatMap((_, i) => [3 * i, 3 * i + 1, 3 * i + 2, 0]),
  }
}

const meshes = {
  ball: ball(9, 6),
  box: box([0.9, 0.5, 0.7]),
  sheet: sheet(12, 8),
  cage: box([3, 2, 5]),
  huge: loose([[-4e6, -1, 5, 4e6, -2, 6, 0.3, 3e6, 7]]),
  broken: loose([
    [Number.NaN, 0, 0, 0.5, 0, 0, 0, 0.5, 0],
    [-0.4, -0.4, 0, 0.4, -0.4, 0, 0, 0.4, 0],
    [1 / 0, 0, 0, 0.5, 0, 0, 0, 0.5, 0],
    [0, 0, 0, 0, 0, 0, 0.1, 0.1, 0],
  ]),
}
type MeshName = keyof typeof meshes
const names = Object.keys(meshes) as MeshName[]

function packed(): [Host, Host, Host] {
  const vertices: number[] = []
  const triangles: number[] = []
  const rows: number[] = []
  for (const name of names) {
    const mesh = meshes[name]
    rows.push(vertices.length / 6, mesh.vertices.length / 6, triangles.length / 4, mesh.triangles.length / 4)
    vertices.push(...mesh.vertices)
    triangles.push(...mesh.triangles)
  }
  return [f32([vertices.length / 6, 6], vertices), i32([triangles.length / 4, 4], triangles), i32([names.length, 4], rows)]
}

/** Waves, and the levels of them. */
function textures(count: number): Host {
  const bytes: number[] = []
  for (let t = 0; t < count; t++)
    for (let side = 256; side; side >>= 1)
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          const wave = Math.sin((2 * Math.PI * ((3 + t) * x + y)) / side) * Math.cos((2 * Math.PI * (5 * y - 2 * t * x)) / side)
          bytes.push(Math.round(127.5 * (1 + wave / (1 + 8 / side))))
        }
  return u8([count, textureBytes], bytes)
}

const materials = f32(
  [7, 12],
  [
    [0.7, 0.15, 0.1, 0.9, 0.5, 0.2, 0, 3, 0.6, 40, 0, 0],
    [0.2, 0.3, 0.6, 0, 0, 0, -1, 1, 0.2, 5, 0, 0],
    [0.35, 0.2, 0.1, 0.6, 0.4, 0.2, 1, 7, 0, 1, 1, 0],
    [0.1, 0.2, 0.05, 0.3, 0.35, 0.1, 1, 0.7, 0, 1, 0, 0],
    [0.15, 0.2, 0.12, 0.3, 0.35, 0.3, 0, 0.5, 0, 1, 0, 0],
    [0.9, 0.9, 0.9, 1, 1, 1, 1, 0.1, 0, 1, 0, 0],
    [0.5, 0.4, 0.3, 0.7, 0.65, 0.5, 0, 1, 0, 1, 0, 0],
  ].flat(),
)
const shared = [...packed(), textures(2), materials] as const

/** Three rows of four: turned about y and then x, mirrored unless `kept`, scaled and moved. */
function pose(at: readonly number[], turn = 0, tilt = 0, { scale = 1, kept = false } = {}): number[] {
  const [c, s, d, e] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)]
  const rows = [
    [c, 0, s],
    [s * e, d, -c * e],
    [-s * d, e, c * d],
  ]
  return [
    ...rows.flatMap((r, i) => [(r[0] as number) * (kept ? scale : -scale), ...r.slice(1).map((x) => x * scale), at[i] as number]),
    0.13,
    0.4,
  ]
}
const none = pose([0, 0, 0])

type Kind = (typeof backgroundKinds)[number]
function world(kind: Kind, change: Partial<Record<keyof typeof worldColumns, number[]>> = {}): number[] {
  const tilt = 0.2
  const own: Partial<Record<keyof typeof worldColumns, number[]>> = {
    rotation: [1, 0, 0, 0, Math.cos(tilt), -Math.sin(tilt), 0, Math.sin(tilt), Math.cos(tilt)],
    position: [0.1, 1.1, -0.2],
    focal: [1.7],
    sun: [0.48, 0.8, -0.36],
    sunColour: [1.6, 1.5, 1.3],
    above: [0.35, 0.4, 0.5],
    below: [0.12, 0.1, 0.08],
    background: [backgroundKinds.indexOf(kind)],
    floor: [kind === 'room' || kind === 'picture' ? 6 : 3],
    wall: [4],
    ceiling: [5],
    horizon: [0.75, 0.8, 0.85],
    zenith: [0.15, 0.3, 0.7],
    low: [-2.5, 0, -1],
    high: [2.5, 2.4, 4],
    haze: [60],
    hills: [0.3],
    hillPhase: [0.7],
    picture: [0.6, 0.1, -0.1, 0.7],
    offset: [0.3, 0.2],
  }
  const row: number[] = Array(worldColumns.count).fill(0)
  for (const [name, numbers] of Object.entries({ ...own, ...change }))
    row.splice(worldColumns[name as keyof typeof worldColumns], numbers.length, ...numbers)
  return row
}

interface Seen {
  world: number[]
  /** Mesh, first material and pose of each object; null for none. */
  objects: ([MeshName, number, number[]] | null)[]
}
function inputs(seen: Seen[], photos: Host | null = null): (Host | null)[] {
  const b = seen[0]?.objects.length as number
  return [
    ...shared,
    i32(
      [seen.length, b, 2],
      seen.flatMap((s) => s.objects.flatMap((o) => (o ? [names.indexOf(o[0]), o[1]] : [-1, 0]))),
    ),
    f32(
      [seen.length, b, 14],
      seen.flatMap((s) => s.objects.flatMap((o) => o?.[2] ?? none)),
    ),
    f32(
      [seen.length, worldColumns.count],
      seen.flatMap((s) => s.world),
    ),
    photos,
  ]
}

const everything = ['images', 'masks', 'depths']
const scene = (
  name: string,
  size: number,
  seen: Seen[],
  { shadows = true, request = everything }: { shadows?: boolean; request?: string[] } = {},
): Case => ({
  name,
  inputs: inputs(seen),
  options: { size, shadows },
  request,
})
const bytes = (seed: number, count: number): number[] => {
  const next = uniform(seed)
  return Array.from({ length: count }, () => Math.floor(next() * 256))
}

const before: Seen['objects'] = [
  ['ball', 0, pose([-0.1, -0.1, 1.6], 0.4, 0.2)],
  ['box', 1, pose([0.45, -0.2, 1.1], 0.7, -0.1, { scale: 0.6 })],
]
const kinds: Kind[] = ['land', 'room', 'picture']

const cases: Case[] = [
  scene('land, a box before a ball', 33, [{ world: world('land'), objects: before }]),
  scene('a room', 29, [{ world: world('room'), objects: [['box', 1, pose([0.1, -0.3, 2], 0.5, 0.2)], null] }]),
  scene('a room towards its corner, below its ceiling', 21, [
    { world: world('room', { rotation: [0.6, 0, -0.8, 0, 1, 0, 0.8, 0, 0.6] }), objects: [['ball', 0, pose([0.2, 0.3, 1.4])]] },
  ]),
  scene('a picture, and a gradient', 18, [
    { world: world('picture'), objects: [['ball', 1, pose([0.3, 0.1, 1.3], 1)]] },
    { world: world('picture', { floor: [-1] }), objects: [['ball', 2, pose([-0.3, 0.1, 2.3], 1)]] },
    { world: world('picture', { floor: [1] }), objects: [['box', 0, pose([-0.3, 0.1, 2.3], 1)]] },
  ]),
  {
    name: 'photos',
    inputs: inputs(
      [
        { world: world('photo'), objects: [['box', 0, pose([0.1, -0.3, 1.7], 0.5, 0.2)]] },
        { world: world('land', { hills: [0], ceiling: [-1] }), objects: [['box', 1, pose([0.1, -0.3, 1.7], 0.5, 0.2)]] },
      ],
      u8([2, 3, 19, 19], bytes(3, 6 * 19 * 19)),
    ),
    options: { size: 19 },
    request: everything,
  },
  scene('no shadows', 24, [{ world: world('land'), objects: before }], { shadows: false, request: ['images'] }),
  scene('counts alone', 32, [{ world: world('land'), objects: before }], { request: [] }),
  scene('masks alone', 31, [{ world: world('land'), objects: before }], { request: ['masks'] }),
  scene('edges through samples', 16, [{ world: world('picture', { focal: [1] }), objects: [['sheet', 2, pose([0, 0, 1])]] }]),
  scene('a sheet from behind, seen from both sides and from one', 16, [
    { world: world('land'), objects: [['sheet', 2, pose([0, 0, 0.8], Math.PI)]] },
    { world: world('land'), objects: [['sheet', 0, pose([0, 0, 0.8], Math.PI)]] },
  ]),
  scene('the camera within an object', 20, [
    { world: world('room'), objects: [['cage', 2, pose([0.2, 0.1, 1], 0.3, 0.2)], before[1] ?? null] },
    { world: world('land'), objects: [['cage', 0, pose([0.2, 0.1, 1], 0.3, 0.2)], null] },
    {
      world: world('land'),
      objects: [
        ['box', 0, pose([0.2, 0.1, 0.2], 0.3, 0.2)],
        ['cage', 2, pose([0, -0.9, 0.5], 0.1)],
      ],
    },
  ]),
  scene('outside the frame, behind the camera, nowhere and flat', 15, [
    {
      world: world('land'),
      objects: [
        ['ball', 0, pose([5, 0, 2])],
        ['ball', 0, pose([0, 0, -3])],
      ],
    },
    { world: world('land'), objects: [null, ['ball', 0, pose([0, 0, 2])]] },
    { world: world('room'), objects: [null, null] },
    {
      world: world('room'),
      objects: [
        ['ball', 0, pose([0, 0, 2], 0, 0, { scale: 0 })],
        ['ball', 1, pose([0, 0, 4])],
      ],
    },
    {
      world: world('land'),
      objects: [
        ['ball', 0, pose([0.9, 0.8, 1.7])],
        ['ball', 1, pose([-1, -0.9, 1.5])],
      ],
    },
  ]),
  scene('two objects in one place', 17, [
    {
      world: world('land'),
      objects: [
        ['ball', 0, pose([0, 0, 1.5])],
        ['ball', 1, pose([0, 0, 1.5])],
      ],
    },
    {
      world: world('land'),
      objects: [
        ['box', 1, pose([0, 0, 1.5], 0.2)],
        ['box', 0, pose([0, 0, 1.5], 0.2)],
      ],
    },
  ]),
  scene('a pose that does not mirror, and one that grows', 17, [
    { world: world('land'), objects: [['box', 0, pose([0, 0, 1.5], 0.3, 0.3, { kept: true })]] },
    { world: world('land'), objects: [['ball', 0, pose([0, 0, 5], 0.3, 0.3, { scale: 3 })]] },
  ]),
  scene('one pixel', 1, [
    { world: world('land'), objects: [['ball', 0, pose([0, 0, 3])]] },
    { world: world('room'), objects: [['box', 0, pose([0.3, 0.3, 9])]] },
    { world: world('land'), objects: [['ball', 0, pose([9, 0, 3])]] },
  ]),
  scene(
    'triangles of more than 109 pixels',
    131,
    [{ world: world('land'), objects: [['cage', 2, pose([0.2, 0.1, 3.1], 0.3, 0.2)]] }],
    { request: ['masks', 'depths'] },
  ),
  scene('triangles as large as a country', 23, [{ world: world('land'), objects: [['huge', 2, pose([0, 0, 0])]] }], {
    shadows: false,
  }),
  scene('triangles that are no numbers or have no area', 20, [
    { world: world('land'), objects: [['broken', 2, pose([0, 0, 1.5])]] },
  ]),
  scene('from below the ground, and straight down', 13, [
    { world: world('land', { position: [0, -1, 0] }), objects: [['ball', 0, pose([0.5, 0.2, 1.5])]] },
    {
      world: world('land', { rotation: [1, 0, 0, 0, 0, -1, 0, 1, 0], position: [0, 3, 0] }),
      objects: [['box', 0, pose([0.2, 0.1, 1.5])]],
    },
  ]),
  scene('the sun straight above, and below', 22, [
    { world: world('land', { sun: [0, 1, 0] }), objects: [['box', 0, pose([0.1, 0.1, 1.9], 0.4)]] },
    { world: world('room', { sun: [0, -1, 0] }), objects: [['box', 0, pose([0.1, 0.1, 1.9], 0.4)]] },
  ]),
  scene(
    'many images',
    6,
    Array.from({ length: 75 }, (_, i) => ({
      world: world(kinds[i % 3] as Kind, { hillPhase: [i] }),
      objects: [
        [names[i % 2] as MeshName, i % 3 ? 0 : 1, pose([0.3 * Math.sin(i), 0.2 * Math.cos(3 * i), 1.5 + 0.01 * i], i, 0.1 * i)],
        i % 5 ? null : ['ball', 1, pose([0.3, 0.1, 1.2], 0, 0, { scale: 0.3 })],
      ] as Seen['objects'],
    })),
  ),
]

const unsure = new WeakMap<Expected, Set<number>>()
function reference(testCase: Case): Expected {
  const made = render(testCase)
  const pixels = made.expected.images?.data.length ?? 0
  if (made.unsure.size > 0.02 * pixels + 3)
    throw new Error(`${made.unsure.size} of ${pixels} numbers may be on either side of an edge`)
  unsure.set(made.expected, made.unsure)
  return made.expected
}

const one: Seen[] = [{ world: world('land'), objects: [['ball', 0, pose([0, 0, 2])]] }]
/** The inputs with one number changed. */
const changed = (input: number, at: number, to: number): (Host | null)[] =>
  inputs(one).map((host, i) => (i === input && host ? { ...host, data: host.data.map((x, k) => (k === at ? to : x)) } : host))
const wrong = (name: string, argument: string, input: number, at: number, to: number) => ({
  name,
  inputs: changed(input, at, to),
  options: { size: 8 },
  error: 'DataError' as const,
  argument,
  late: true,
})

export const proofs: Proof[] = [
  {
    op: 'render_scenes',
    cases,
    reference,
    // Counts, masks and depths are exact: integers, and quotients rounded once. Images are compared with levels that are not rounded: half a
    // level is the rounding, 0.01 the curve, and what float32 loses in coordinates of some metres, 2^-22, is 2^-14 of a texel of a tile of a metre
    // and under 0.1 level; 1 in all. A pixel at an edge of light, of a wall or of the horizon may lie beyond it: at most 2 in 100 (`reference`).
    budget: (name, i, expected) => (name !== 'images' ? 0 : unsure.get(expected)?.has(i) ? 255 : 1),
    refusals: [
      wrong('a mesh of vertices that are not there', 'meshes', 2, 1, 10_000),
      wrong('a mesh of triangles before the first', 'meshes', 2, 2, -1),
      wrong('a triangle beyond its mesh', 'triangles', 1, 4, 9_999),
      wrong('a triangle before its mesh', 'triangles', 1, 1, -1),
      wrong('a part without a material', 'triangles', 1, 3, 7),
      wrong('a part below 0', 'triangles', 1, 3, -1),
      wrong('a texture that is not there', 'materials', 4, 6, 2),
      wrong('a texture that is no number', 'materials', 4, 6, Number.NaN),
      wrong('a mesh that is not there', 'places', 5, 0, names.length),
      wrong('a mesh of -2', 'places', 5, 0, -2),
      wrong('a material that is not there', 'places', 5, 1, 7),
      wrong('a pose with NaN', 'poses', 6, 3, Number.NaN),
      wrong('a pose with infinity', 'poses', 6, 5, 1 / 0),
      wrong('a world with NaN', 'worlds', 7, 40, Number.NaN),
      wrong('a kind of background that is none', 'worlds', 7, worldColumns.background, 4),
      wrong('a photo where there is none', 'worlds', 7, worldColumns.background, 3),
      wrong('ground without a material', 'worlds', 7, worldColumns.floor, -1),
      wrong('a focal length of 0', 'worlds', 7, worldColumns.focal, 0),
      { name: 'a size of 0', inputs: inputs(one), options: { size: 0 }, error: 'OptionError', argument: 'size' },
      { name: 'a size of 2049', inputs: inputs(one), options: { size: 2049 }, error: 'OptionError', argument: 'size' },
      {
        name: 'photos of another size',
        inputs: inputs(one, u8([1, 3, 8, 8], Array(192).fill(0))),
        options: { size: 9 },
        error: 'ShapeError',
        argument: 'photos',
      },
      {
        name: 'worlds of 49 columns',
        inputs: inputs(one).map((host, i) => (i === 7 ? f32([1, 49], Array(49).fill(0)) : host)),
        error: 'ShapeError',
        argument: 'worlds',
      },
      {
        name: 'poses of another number of objects',
        inputs: inputs(one).map((host, i) => (i === 6 ? f32([1, 2, 14], [...none, ...none]) : host)),
        error: 'ShapeError',
        argument: 'poses',
      },
    ],
  },
]
