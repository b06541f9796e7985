// Birds.
import type { Category, Random } from '../category.js'
import { cone, cylinder, ellipsoid, type Solid, sheet, sphere, torus, tube, union, xy, xyz } from '../kit/index.js'
import { eyes, limb, spine } from './animal_bodies.js'
import { sideways } from './wheels.js'

const feathers = (solid: Solid, colour?: readonly [number, number, number]) => solid.of('feathers', 'feather', colour)

/** A pair of folded wings on a body of half width x, about their middle. */
function foldedWings(length: number, height: number, x: number, y: number, z: number, pitch: number): Solid {
  const wing = ellipsoid(0.035, height / 2, length / 2, { segments: 12, rings: 8 }).taper('z', 0.25, 1.1, (t) => Math.sqrt(t))
  return wing.turn('x', -pitch).turn('y', -4).move(x, y, z).mirrored('x').of('wings', 'feather')
}

/** A pair of spread wings whose tips are raised by an angle; the feathers part at the tip. */
function spreadWings(span: number, chord: number, x: number, y: number, z: number, raise: number): Solid {
  const wing = sheet(
    (u, v) => {
      const depth = chord * (1 - 0.45 * v ** 3) * (0.85 + 0.15 * Math.abs(Math.cos(7 * Math.PI * v * v)))
      return [
        span * v,
        0.05 * Math.sin(Math.PI * v) * span - 0.1 * chord * u,
        chord * (0.35 + 0.2 * Math.sin(2.6 * v) - 0.25 * v) - depth * u,
      ]
    },
    0.025,
    { across: 3, along: 12 },
  )
  return wing.turn('z', raise).move(x, y, z).mirrored('x').of('wings', 'feather')
}

/** A fan of tail feathers from its root backwards. */
function fan(length: number, width: number, narrow = 0.4): Solid {
  return sheet(
    (u, v) => [
      (u - 0.5) * width * (narrow + (1 - narrow) * v),
      0.03 * Math.abs(u - 0.5),
      -length * v * (1 - 0.25 * (2 * u - 1) ** 2),
    ],
    0.02,
    { across: 4, along: 3 },
  ).of('wings', 'feather')
}

/** Two legs with three toes forward and one back, from hips at ±x and height y to the ground. */
function birdLegs(x: number, y: number, z: number, thick: number, bend = 0.3): Solid {
  const leg = limb([x, y, z, thick * 1.8, x, y * 0.55, z - y * bend, thick, x, thick, z, thick])
  const toes = [-28, 0, 28, 180].map((turn) =>
    tube(xyz([0, thick * 0.8, 0, 0, thick * 0.6, turn === 180 ? 4 * thick : 7 * thick]), (t) => thick * (0.8 - 0.4 * t), {
      sides: 5,
    })
      .turn('y', turn)
      .move(x, 0, z),
  )
  return union(leg, ...toes)
    .mirrored('x')
    .of('legs', 'skin', [0.6, 0.3, 0.05])
}

const beakOf = (solid: Solid) => solid.of('beak', 'bone', [0.7, 0.4, 0.05])

function buildSongbird(random: Random): Solid {
  const kind = random.cycle(['finch', 'wren', 'swallow', 'cardinal', 'warbler'])
  const pitch = { finch: 35, wren: 15, swallow: 5, cardinal: 50, warbler: 25 }[kind]!
  const wings =
    kind === 'swallow'
      ? spreadWings(0.75, 0.24, 0.06, 0.08, 0.05, 24)
      : foldedWings(0.5, 0.22, 0.155, 0.02, -0.08, kind === 'wren' ? -8 : 6)
  const tail =
    kind === 'swallow'
      ? fan(0.4, 0.09).turn('y', 14).move(0.05, 0.02, -0.32).mirrored('x')
      : fan(kind === 'wren' ? 0.25 : 0.38, 0.16)
          .turn('x', kind === 'wren' ? 60 : 4)
          .move(0, 0.03, -0.32)
  const trunk = union(
    feathers(spine([-0.38, 0.03, 0.04, 0.035, -0.22, 0, 0.12, 0.12, 0.02, 0, 0.17, 0.18, 0.2, 0.04, 0.12, 0.13])),
    wings,
    tail,
  ).turn('x', -pitch)
  const [c, s] = [Math.cos((pitch * Math.PI) / 180), Math.sin((pitch * Math.PI) / 180)]
  const [hz, hy] = [0.24 * c - 0.1 * s, 0.24 * s + 0.1 * c]
  const beak = kind === 'finch' || kind === 'cardinal' ? cone(0.05, 0.12, 10) : cone(0.025, kind === 'warbler' ? 0.17 : 0.11, 8)
  const head = union(
    feathers(sphere(0.125, { segments: 14, rings: 9 })),
    beakOf(beak.turn('x', 95).move(0, -0.01, 0.1)),
    eyes(0.022, 0.075, 0.03, 0.085),
    ...(kind === 'cardinal' ? [feathers(cone(0.07, 0.2, 8).scale(0.6, 1, 1).turn('x', -35).move(0, 0.08, -0.02))] : []),
  ).move(0, hy, hz)
  const legs = kind === 'swallow' ? [] : [birdLegs(0.07, 0.26, -0.02, 0.018).move(0, -0.36, 0)]
  return union(trunk, head, ...legs)
}

function buildOwl(random: Random): Solid {
  const kind = random.cycle(['horned', 'barn', 'flying', 'small', 'perched'])
  const tall = kind === 'small' ? 0.8 : 1
  const up = { up: [0, 0, -1] as const }
  const body = feathers(
    spine([0, 0.12, 0.13, 0.12, 0, 0.28 * tall, 0.24, 0.21, 0, 0.5 * tall, 0.26, 0.22, 0.01, 0.7 * tall, 0.2, 0.17], up),
  )
  const y = 0.84 * tall
  const disc = torus(0.09, [0.03, 0.025], { segments: 14, sides: 6 }).turn('x', 82).turn('y', 16).move(0.088, 0.02, 0.165)
  const eye = sphere(0.05, { segments: 10, rings: 6 }).move(0.085, 0.02, 0.165).mirrored('x').of('eyes', 'glass')
  const heart = ellipsoid(0.12, 0.15, 0.05, { segments: 12, rings: 8 })
    .turn('z', -18)
    .move(0.075, 0, 0.15)
    .mirrored('x')
    .of('face', 'feather', [0.8, 0.75, 0.65])
  const head = union(
    feathers(ellipsoid(0.22, 0.2, 0.19, { segments: 16, rings: 10 })),
    eye,
    kind === 'barn' ? heart : disc.mirrored('x').of('face', 'feather'),
    beakOf(cone(0.03, 0.1, 8).turn('x', 155).move(0, -0.01, 0.2)),
    ...(kind === 'horned' || kind === 'perched'
      ? [feathers(cone(0.06, 0.2, 7).scale(1, 1, 0.6).turn('z', -24).move(0.13, 0.12, 0.03).mirrored('x'))]
      : []),
  )
    .move(0, y, 0.03)
    .turn('y', random.cycle([0, 25, -30, 8, 0]))
  const wings =
    kind === 'flying'
      ? spreadWings(0.75, 0.42, 0.15, 0.6, 0, 22)
      : foldedWings(0.66 * tall, 0.34, 0.235, 0.44 * tall, -0.02, -78 + 160)
  const feet = tube(xyz([0, 0, 0, 0, -0.02, 0.09]), 0.022, { sides: 5, round: true })
    .repeat(3, [0.04, 0, 0])
    .move(0.09, kind === 'flying' ? 0.02 : 0.03, 0.08)
    .mirrored('x')
    .of('legs', 'bone')
  const tail = fan(0.3, 0.22, 0.7)
    .turn('x', kind === 'flying' ? -35 : -68)
    .move(0, 0.22, -0.12)
  const perch = cylinder(0.06, 1, { segments: 9 })
    .move(0, -0.5)
    .turn('z', 90)
    .turn('y', 8)
    .move(0, -0.04, 0.08)
    .and(limb([0.2, -0.03, 0.1, 0.03, 0.35, 0.12, 0.18, 0.02]))
    .of('branch', 'bark')
  return union(body, head, wings, feet, tail, ...(kind === 'perched' ? [perch] : []))
}

function buildDuck(random: Random): Solid {
  const kind = random.cycle(['swimming', 'standing', 'flapping', 'toy', 'resting'])
  const plump = kind === 'toy' ? 1.25 : 1
  const body = feathers(
    spine([
      [-0.46, 0.3, 0.04, 0.03],
      [-0.34, 0.21, 0.12, 0.09],
      [-0.1, 0.17, 0.2 * plump, 0.17 * plump],
      [0.2, 0.17, 0.19 * plump, 0.17 * plump],
      [0.36, 0.22, 0.1, 0.11],
    ]),
  )
  const neck = kind === 'toy' ? 0.32 : kind === 'resting' ? 0.34 : random.between(0.5, 0.6)
  const headZ = kind === 'resting' ? 0.18 : kind === 'flapping' ? 0.5 : 0.4
  const throat = feathers(limb([0, 0.2, 0.27, 0.11, 0, 0.32, 0.36, 0.075, 0, neck, headZ, 0.065], { sides: 9 }))
  const size = kind === 'toy' ? 1.6 : 1
  const bill = ellipsoid(0.055, 0.022, 0.1, { segments: 10, rings: 6, vertical: 2.5 })
    .taper('z', 0.75, 1.15)
    .warp((x, y, z) => [x, y + 0.25 * (z - 0.02) ** 2 + (z < 0 ? -0.3 * z : 0), z])
    .move(0, -0.035, 0.17)
  const head = union(
    feathers(ellipsoid(0.09, 0.095, 0.115, { segments: 14, rings: 8 })),
    beakOf(bill),
    eyes(0.018, 0.07, 0.03, 0.05),
  )
    .scale(size)
    .turn('y', kind === 'resting' ? 150 : random.cycle([0, 20, -30, 10, 0]))
    .move(0, neck + 0.06 * size, headZ + 0.02)
  const wings =
    kind === 'flapping' ? spreadWings(0.55, 0.32, 0.13, 0.26, 0.05, 38) : foldedWings(0.48, 0.2, 0.18 * plump, 0.24, -0.1, -12)
  const tail = fan(0.2, 0.2, 0.6).turn('x', 32).move(0, 0.26, -0.38)
  const web = sheet((u, v) => [(u - 0.5) * 0.16 * v, 0.012, 0.14 * v], 0.015, { across: 2, along: 2 }).move(0.09, 0, 0.0)
  const legs = union(limb([0.09, 0.2, 0, 0.035, 0.09, 0.02, 0, 0.018]), web)
    .mirrored('x')
    .move(0, -0.17, 0)
    .of('legs', 'skin', [0.6, 0.3, 0.05])
  return union(body, throat, head, wings, tail, ...(kind === 'standing' || kind === 'flapping' ? [legs] : []))
}

function buildPenguin(random: Random): Solid {
  const kind = random.cycle(['emperor', 'crested', 'waving', 'sliding', 'walking'])
  const up = { up: [0, 0, -1] as const }
  const dark = [0.03, 0.03, 0.04] as const
  const fat = random.spread(0.9, 1.15)
  const back = feathers(
    spine(
      [
        [-0.03, 0.1, 0.14 * fat, 0.13],
        [-0.02, 0.3, 0.235 * fat, 0.2],
        [0, 0.55, 0.215 * fat, 0.18],
        [0.01, 0.76, 0.13, 0.12],
        [0.01, 0.85, 0.12, 0.115],
      ],
      up,
    ),
    dark,
  )
  const belly = spine(
    [0.05, 0.12, 0.1 * fat, 0.09, 0.06, 0.3, 0.19 * fat, 0.16, 0.065, 0.52, 0.17 * fat, 0.14, 0.06, 0.68, 0.09, 0.08],
    up,
  ).of('belly', 'feather', [0.85, 0.85, 0.82])
  const tall = kind === 'emperor' ? 1.2 : 1
  const head = union(
    feathers(ellipsoid(0.125, 0.12, 0.135, { segments: 14, rings: 9 }), dark),
    beakOf(
      cone(0.04, kind === 'crested' ? 0.13 : 0.2, 8)
        .turn('x', 96)
        .move(0, -0.01, 0.1),
    ),
    eyes(0.02, 0.085, 0.03, 0.09),
    ...(kind === 'crested'
      ? [
          beakOf(
            tube(xyz([0.07, 0.07, 0.08, 0.13, 0.12, 0, 0.22, 0.14, -0.12]), (t) => 0.025 * (1 - t * 0.9), { sides: 5 }).mirrored(
              'x',
            ),
          ),
        ]
      : []),
  )
    .turn('y', random.cycle([0, 20, -25, 0, 10]))
    .move(0, 0.9, 0.02)
  const flipper = (spread: number) =>
    ellipsoid(0.035, 0.25, 0.09, { segments: 9, rings: 8 })
      .taper('y', 0.5, 1.1)
      .move(0, -0.22, 0)
      .turn('z', spread)
      .move(0.2 * fat, 0.68, 0)
  const [right, left] = { emperor: [12, 12], crested: [35, 35], waving: [110, 18], sliding: [70, 70], walking: [25, 50] }[
    kind
  ]! as [number, number]
  const wings = union(flipper(right), flipper(left).mirror('x')).of('wings', 'feather', dark)
  const foot = ellipsoid(0.075, 0.03, 0.12, { segments: 9, rings: 5 }).taper('z', 0.6, 1.2)
  const [forward, raised] = kind === 'walking' ? [0.1, 0.06] : [0, 0]
  const feet = union(
    foot.turn('y', 14).move(0.11, 0.03, 0.09 - forward),
    foot.turn('y', -14).move(-0.11, 0.03 + raised, 0.09 + forward),
  ).of('legs', 'skin', [0.6, 0.3, 0.05])
  const tail = feathers(cone(0.07, 0.2, 7).scale(1, 1, 0.5).turn('x', -125).move(0, 0.14, -0.1), dark)
  const trunk = union(back, belly, wings, tail, feet).scale(1, tall, 1)
  if (kind === 'sliding') return trunk.turn('x', 84).and(head.move(0, -0.8, 0.88))
  return trunk.and(head.move(0, 0.9 * (tall - 1), 0))
}

function buildFlamingo(random: Random): Solid {
  const kind = random.cycle(['one_leg', 'feeding', 'walking', 'wings', 'sleeping'])
  const pink = [0.8, 0.25, 0.25] as const
  const y = 0.72
  const body = feathers(
    spine([-0.3, y - 0.03, 0.03, 0.03, -0.18, y, 0.09, 0.09, 0, y + 0.02, 0.12, 0.12, 0.14, y + 0.04, 0.07, 0.08]),
    pink,
  )
  const necks: Record<string, readonly (readonly number[])[]> = {
    one_leg: [
      [0, y + 0.05, 0.14, 0.045],
      [0, y - 0.02, 0.26, 0.032],
      [0, y + 0.16, 0.34, 0.028],
      [0, y + 0.34, 0.24, 0.026],
      [0, y + 0.5, 0.24, 0.026],
      [0, y + 0.56, 0.3, 0.03],
    ],
    walking: [
      [0, y + 0.05, 0.14, 0.045],
      [0, y + 0.1, 0.24, 0.032],
      [0, y + 0.3, 0.2, 0.028],
      [0, y + 0.55, 0.22, 0.026],
      [0, y + 0.66, 0.28, 0.03],
    ],
    feeding: [
      [0, y + 0.05, 0.14, 0.045],
      [0, y + 0.06, 0.26, 0.032],
      [0, y - 0.15, 0.36, 0.028],
      [0, y - 0.42, 0.3, 0.026],
      [0, 0.14, 0.26, 0.03],
    ],
    wings: [
      [0, y + 0.05, 0.14, 0.045],
      [0, y + 0.06, 0.26, 0.032],
      [0, y + 0.2, 0.34, 0.028],
      [0, y + 0.4, 0.36, 0.026],
      [0, y + 0.5, 0.42, 0.03],
    ],
    sleeping: [
      [0, y + 0.05, 0.14, 0.045],
      [0, y + 0.02, 0.24, 0.032],
      [0, y + 0.2, 0.28, 0.028],
      [0, y + 0.22, 0.12, 0.026],
      [0, y + 0.16, 0.02, 0.028],
    ],
  }
  const path = necks[kind]!
  const [headY, headZ] = [path[path.length - 1]![1]!, path[path.length - 1]![2]!]
  const bill = limb([0, 0, 0.03, 0.028, 0, -0.02, 0.09, 0.024, 0, -0.08, 0.12, 0.015], { sides: 7 })
  const head = union(
    feathers(ellipsoid(0.038, 0.04, 0.052, { segments: 10, rings: 7 }), pink),
    bill.of('beak', 'bone'),
    eyes(0.009, 0.034, 0.01, 0.02),
  )
    .turn('x', kind === 'feeding' ? 60 : kind === 'sleeping' ? 150 : 0)
    .move(0, headY, headZ)
  const wings =
    kind === 'wings' ? spreadWings(0.42, 0.22, 0.08, y + 0.06, -0.02, 25) : foldedWings(0.4, 0.17, 0.105, y + 0.02, -0.1, 8)
  const straight = (z: number) => limb([0.05, y - 0.05, 0, 0.03, 0.05, y * 0.52, z * 0.5 - 0.02, 0.015, 0.05, 0.015, z, 0.012])
  const raised = limb([0.05, y - 0.05, 0, 0.03, 0.05, y * 0.52, 0.14, 0.015, 0.05, y * 0.62, -0.18, 0.012])
  const foot = sheet((u, v) => [(u - 0.5) * 0.1 * v + 0.05, 0.01, 0.1 * v], 0.012, { across: 2, along: 2 })
  const two = kind !== 'one_leg' && kind !== 'sleeping'
  const stride = kind === 'walking' ? 0.14 : 0.02
  const legs = union(
    straight(stride),
    foot.move(0, 0, stride),
    ...(two ? [straight(-stride).mirror('x'), foot.mirror('x').move(0, 0, -stride)] : [raised.mirror('x')]),
  ).of('legs', 'skin', pink)
  return union(body, feathers(limb(path, { sides: 8, steps: 3 }), pink), head, wings, legs)
}

function buildChicken(random: Random): Solid {
  const kind = random.cycle(['crowing', 'hen', 'pecking', 'proud', 'chick'])
  const hen = kind === 'hen' || kind === 'chick'
  const red = [0.6, 0.02, 0.02] as const
  const body = feathers(spine([-0.3, 0.5, 0.07, 0.08, -0.14, 0.42, 0.16, 0.15, 0.06, 0.4, 0.17, 0.17, 0.2, 0.46, 0.12, 0.14]))
  const [headY, headZ] = {
    crowing: [0.92, 0.34],
    hen: [0.74, 0.3],
    pecking: [0.16, 0.5],
    proud: [0.84, 0.24],
    chick: [0.68, 0.26],
  }[kind]! as [number, number]
  const neck = feathers(
    limb(
      [0, 0.44, 0.12, 0.14, 0, kind === 'pecking' ? 0.38 : 0.58, kind === 'pecking' ? 0.36 : 0.25, 0.09, 0, headY, headZ, 0.06],
      { sides: 9 },
    ),
  )
  const comb = sideways(
    xy([-0.08, 0.0, 0.08, -0.01, 0.09, 0.06, 0.05, 0.03, 0.03, 0.1, 0, 0.04, -0.04, 0.11, -0.06, 0.04, -0.11, 0.07]),
    0.025,
  )
    .scale(hen ? 0.6 : 1.1)
    .move(0, 0.06, 0.02)
    .of('comb', 'skin', red)
  const wattle = ellipsoid(0.02, hen ? 0.04 : 0.07, 0.03, { segments: 7, rings: 5 })
    .move(0.025, -0.1, 0.07)
    .mirrored('x')
    .of('comb', 'skin', red)
  const head = union(
    feathers(ellipsoid(0.07, 0.075, 0.085, { segments: 12, rings: 8 })),
    beakOf(cone(0.03, 0.1, 8).turn('x', 100).move(0, 0, 0.07)),
    eyes(0.014, 0.058, 0.02, 0.04),
    ...(kind === 'chick' ? [] : [comb, wattle]),
  )
    .scale(kind === 'chick' ? 1.7 : 1)
    .turn('x', { crowing: -35, pecking: 60 }[kind] ?? 0)
    .move(0, headY + 0.02, headZ + 0.02)
  const plume = (length: number, lift: number) =>
    sheet(
      (u, v) => {
        const a = lift - 2.4 * v
        return [
          (u - 0.5) * 0.07 * Math.sin(Math.PI * (0.15 + 0.8 * v)),
          length * (Math.sin(lift) - Math.sin(a)) * -0.45 + length * 0.9 * Math.sin(Math.min(2.4 * v, 1.6)) * 0.6,
          -length * (0.15 + 0.75 * v),
        ]
      },
      0.02,
      { across: 2, along: 7 },
    )
  const tail = hen
    ? fan(kind === 'chick' ? 0.12 : 0.25, 0.16, 0.5)
        .turn('x', 45)
        .move(0, 0.52, -0.28)
    : union(
        ...[-2, -1, 0, 1, 2].map((i) =>
          plume(0.5 - 0.04 * Math.abs(i), 1.2)
            .turn('y', 9 * i)
            .turn('x', 20 - 8 * (i % 2)),
        ),
      )
        .move(0, 0.5, -0.26)
        .of('wings', 'feather')
  return union(body, neck, head, tail, foldedWings(0.4, 0.2, 0.16, 0.44, -0.06, 14), birdLegs(0.08, 0.32, 0.03, 0.022, 0.12))
}

export const birds: readonly Category[] = [
  { name: 'duck', build: buildDuck },
  { name: 'flamingo', build: buildFlamingo },
  { name: 'owl', build: buildOwl },
  { name: 'penguin', build: buildPenguin },
  { name: 'chicken', build: buildChicken },
  { name: 'songbird', build: buildSongbird },
]
