// What people ride: motorcycles, bicycles, boards on wheels.
import type { Category, Random } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipsoid,
  loft,
  type Point2,
  type Point3,
  rectangle,
  type Solid,
  sheet,
  sphere,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { pair, sideways, spokedWheel, tyredWheel } from './wheels.js'

function buildMotorcycle(random: Random): Solid {
  const kind = random.cycle(['cruiser', 'racer', 'scooter', 'trial', 'classic'])
  const radius = { cruiser: 0.32, racer: 0.31, scooter: 0.22, trial: 0.36, classic: 0.33 }[kind]!
  const [front, back] = [kind === 'cruiser' ? 0.95 : kind === 'scooter' ? 0.6 : 0.75, kind === 'scooter' ? -0.55 : -0.65]
  const wheel =
    kind === 'scooter' || kind === 'racer'
      ? tyredWheel(radius, 0.14)
      : spokedWheel(radius, { rim: 0.06, spoke: 0.008, spokes: 10 })
  const head: Point3 = kind === 'cruiser' ? [0, 0.85, 0.45] : kind === 'scooter' ? [0, 0.85, 0.42] : [0, 0.88, 0.42]
  const fork = tube([head, [0, radius, front]], 0.028, { sides: 6 })
    .move(0.09)
    .mirrored('x')
  const rise = { cruiser: 0.3, racer: 0.02, scooter: 0.14, trial: 0.18, classic: 0.12 }[kind]!
  const bars = tube(
    curve<Point3>(
      xyz([
        0.38,
        head[1] + rise,
        head[2] - 0.18,
        0.28,
        head[1] + rise,
        head[2] - 0.1,
        0.08,
        head[1] + 0.03,
        head[2],
        0,
        head[1] + 0.03,
        head[2],
      ]),
      { steps: 3 },
    ),
    0.022,
    { sides: 6 },
  ).mirrored('x')
  const lamp = sphere(0.1, { segments: 10, rings: 6 })
    .move(0, head[1] - 0.06, head[2] + 0.12)
    .of('lamp', 'glass')
  const steel = [fork, bars, cylinder(0.035, 0.22, { segments: 6 }).turn('z', 90).move(0.11, radius, front)]
  const mudguard = (z: number, from: number, to: number) =>
    sideways([...arc(z, radius, radius * 1.18, from, to, 7), ...arc(z, radius, radius * 1.1, to, from, 7)], 0.15).of(
      'body',
      'paint',
    )
  const parts: Solid[] = [mudguard(front, 40, 150), mudguard(back, 20, kind === 'trial' ? 120 : 150)]
  if (kind === 'scooter') {
    const shell = sideways(
      curve<Point2>(
        xy([
          -0.85, 0.45, -0.7, 0.68, -0.1, 0.66, 0.02, 0.3, 0.3, 0.2, 0.42, 0.85, 0.5, 0.85, 0.45, 0.2, 0.3, 0.12, -0.2, 0.12, -0.3,
          0.35,
        ]),
        { closed: true, steps: 2 },
      ),
      0.3,
      { bevel: 0.03 },
    )
    parts.push(
      shell.of('body', 'paint'),
      box(0.42, 0.6, 0.05, 0.02).turn('x', -8).move(0, 0.55, 0.46).of('body', 'paint'),
      ellipsoid(0.17, 0.2, 0.32, { segments: 12, rings: 8 }).move(0.1, 0.42, -0.5).mirrored('x').of('body', 'paint'),
    )
    parts.push(box(0.28, 0.1, 0.7, 0.05).move(0, 0.73, -0.4).of('seat', 'leather'))
  } else {
    const tank = ellipsoid(0.15, 0.15, 0.3, { segments: 12, rings: 8, vertical: 2.4 })
      .turn('x', 8)
      .move(0, 0.78, 0.15)
      .of('body', 'paint')
    const low = kind === 'cruiser' ? 0.62 : 0.74
    const seat = sideways(
      curve<Point2>(xy([-0.1, low, -0.5, low - 0.02, -0.85, low + 0.08, -0.85, low + 0.16, -0.55, low + 0.1, -0.1, low + 0.1]), {
        closed: true,
        steps: 2,
      }),
      0.24,
      { bevel: 0.02 },
    ).of('seat', 'leather')
    const engine = box(0.3, 0.24, 0.36, 0.06)
      .move(0, 0.38, 0.05)
      .and(box(0.22, 0.08, 0.22).repeat(3, [0, 0.09, 0]).turn('x', -15).move(0, 0.57, 0.15))
      .of('engine', 'metal')
    steel.push(
      tube([head, [0, 0.42, 0.3], [0, 0.26, 0.1], [0, 0.3, -0.25], [0, 0.66, -0.45], [0, 0.75, 0], head], 0.03, { sides: 6 }),
      tube(xyz([0.1, 0.32, -0.1, 0.1, radius, back]), 0.03, { sides: 6 }).mirrored('x'),
      tube(xyz([0.11, 0.7, -0.5, 0.11, radius, back]), 0.025, { sides: 6 }).mirrored('x'),
    )
    const pipeEnd: Point3 = kind === 'trial' ? [0.16, 0.7, -0.85] : [0.16, 0.3, -0.95]
    parts.push(
      tank,
      seat,
      engine,
      tube(
        curve<Point3>([[0.08, 0.45, 0.25], [0.14, 0.25, 0.2], [0.16, 0.25, -0.3], pipeEnd], { steps: 3 }),
        (t) => 0.03 + 0.03 * Math.max(0, t - 0.5) * 2,
        { sides: 7 },
      ).of('engine', 'metal'),
    )
    if (kind === 'racer')
      parts.push(
        sideways(
          curve<Point2>(xy([0.55, 1.05, 0.9, 0.8, 0.55, 0.55, 0.2, 0.2, -0.1, 0.25, 0.25, 0.75]), { closed: true, steps: 3 }),
          0.4,
          { bevel: 0.06 },
        ).of('body', 'paint'),
      )
    if (kind === 'classic') {
      const car = ellipsoid(0.24, 0.22, 0.75, { segments: 14, rings: 8, vertical: 2.5 }).move(0.75, 0.42, 0.1)
      parts.push(
        car.of('body', 'paint'),
        box(0.36, 0.35, 0.08, 0.03).turn('x', -10).move(0.75, 0.7, -0.25).of('seat', 'leather'),
        spokedWheel(radius, { rim: 0.05, spokes: 10, spoke: 0.008 }).stand().move(1.05, 0, -0.1),
      )
      steel.push(tube(xyz([0, 0.35, -0.1, 1.05, radius, -0.1]), 0.03, { sides: 5 }))
    }
  }
  return union(
    ...parts,
    lamp,
    union(...steel).of('frame', 'metal'),
    wheel.stand().move(0, 0, front),
    wheel.stand().move(0, 0, back),
  )
}

function buildBicycle(random: Random): Solid {
  const kind = random.cycle(['racing', 'city', 'penny', 'child', 'tandem'])
  const bar = (points: Point3[], radius = 0.018) => tube(points, radius, { sides: 6 })
  const saddle = (y: number, z: number) =>
    ellipsoid(0.09, 0.035, 0.14, { segments: 10, rings: 6 }).move(0, y, z).of('saddle', 'leather')
  const crank = (y: number, z: number) =>
    union(
      cylinder(0.1, 0.015, { segments: 14 }).turn('z', 90).move(0.06, y, z),
      bar(xyz([0.08, y, z, 0.08, y - 0.12, z + 0.12]), 0.012),
      bar(xyz([-0.08, y, z, -0.08, y + 0.12, z - 0.12]), 0.012),
      box(0.1, 0.02, 0.07).move(0.13, y - 0.12, z + 0.12),
      box(0.1, 0.02, 0.07).move(-0.13, y + 0.12, z - 0.12),
    ).of('frame', 'metal')
  const fork = (x: number, from: Point3, to: Point3) => bar(xyz([0, from[1], from[2], x, to[1], to[2]]), 0.013).mirrored('x')
  if (kind === 'penny') {
    const big = spokedWheel(0.65, { spokes: 18, rim: 0.025, spoke: 0.006 }).stand()
    const back = spokedWheel(0.2, { spokes: 8, rim: 0.02, spoke: 0.005 }).stand().move(0, 0, -0.85)
    const spine = bar(curve<Point3>(xyz([0, 1.42, 0, 0, 1.28, -0.35, 0, 0.8, -0.68, 0, 0.2, -0.85]), { steps: 4 }), 0.022)
    const bars = bar(xyz([-0.32, 1.36, -0.05, 0, 1.45, 0.03, 0.32, 1.36, -0.05]))
    return union(
      big,
      back,
      saddle(1.42, -0.22),
      crank(0.65, 0),
      union(spine, bars, fork(0.06, [0, 1.42, 0], [0, 0.65, 0])).of('frame', 'paint'),
    )
  }
  const radius = kind === 'child' ? 0.24 : random.spread(0.32, 0.36)
  const [front, back] = [kind === 'child' ? 0.42 : 0.58, kind === 'tandem' ? -1.05 : kind === 'child' ? -0.3 : -0.42]
  const wheel = spokedWheel(radius, {
    spokes: kind === 'tandem' ? 9 : 14,
    rim: kind === 'racing' ? 0.016 : 0.026,
    spoke: 0.004,
  }).stand()
  const [y, headZ] = [kind === 'child' ? 0.55 : 0.82, front - 0.18]
  const low = radius * 0.85
  const head: Point3 = [0, y - 0.1, headZ + 0.02]
  const seat: Point3 = [0, y - 0.02, -0.15]
  const frame = [
    bar([head, [0, low, 0]], 0.022),
    bar(xyz([0, low, 0, 0, y + 0.06, -0.17])),
    fork(0.05, seat, [0, radius, back]),
    fork(0.05, [0, low, kind === 'tandem' ? -0.6 : 0], [0, radius, back]),
    fork(0.05, [0, y + 0.02, headZ], [0, radius, front]),
    bar(xyz([0, y, headZ, 0, y + 0.1, headZ - 0.03])),
  ]
  frame.push(
    kind === 'city'
      ? bar(curve<Point3>([head, [0, low + 0.15, 0.15], [0, low + 0.12, -0.02]], { steps: 3 }))
      : bar([[0, y - 0.04, headZ], seat]),
  )
  if (kind === 'tandem')
    frame.push(
      bar(xyz([0, low, 0, 0, low, -0.6])),
      bar(xyz([0, low, -0.6, 0, y + 0.06, -0.77])),
      bar([seat, [0, y - 0.02, -0.75]]),
      bar(xyz([-0.25, y + 0.12, -0.4, 0, y + 0.08, -0.3, 0.25, y + 0.12, -0.4]), 0.014),
      bar(xyz([0, y + 0.08, -0.3, 0, y - 0.02, -0.2]), 0.014),
      fork(0.05, [0, y - 0.02, -0.75], [0, radius, back]),
    )
  const grip =
    kind === 'racing'
      ? curve<Point3>(
          [
            [0, y + 0.1, headZ],
            [0.2, y + 0.1, headZ],
            [0.21, y + 0.08, headZ + 0.14],
            [0.21, y - 0.04, headZ + 0.12],
            [0.21, y - 0.06, headZ],
          ],
          { steps: 3 },
        )
      : curve<Point3>(xyz([0, y + 0.1, headZ, 0.12, y + 0.16, headZ + 0.02, 0.26, y + 0.16, headZ - 0.14]), { steps: 3 })
  const extra: Solid[] = []
  if (kind === 'city') {
    extra.push(
      loft([
        { outline: rectangle(0.24, 0.18, 0.03), y: 0 },
        { outline: rectangle(0.32, 0.24, 0.03), y: 0.22 },
      ])
        .move(0, y - 0.06, headZ + 0.22)
        .of('basket', 'straw'),
    )
    extra.push(
      union(
        ...[front, back].map((z) =>
          sideways([...arc(z, radius, radius + 0.045, 20, 160, 7), ...arc(z, radius, radius + 0.03, 160, 20, 7)], 0.06),
        ),
      ).of('frame', 'paint'),
    )
    extra.push(
      box(0.14, 0.02, 0.4)
        .move(0, 2 * radius + 0.06, back - 0.03)
        .and(bar(xyz([0.06, 2 * radius + 0.05, back - 0.1, 0.06, radius, back]), 0.01).mirrored('x'))
        .of('frame', 'paint'),
    )
  }
  if (kind === 'child')
    extra.push(
      pair(tyredWheel(0.09, 0.04), 0.17, back),
      bar(xyz([0.17, 0.09, back, 0.04, radius, back]), 0.012)
        .mirrored('x')
        .of('frame', 'paint'),
    )
  if (kind === 'tandem') extra.push(saddle(y + 0.08, -0.77), crank(low, -0.6))
  return union(
    wheel.move(0, 0, front),
    wheel.move(0, 0, back),
    saddle(y + 0.08, -0.17),
    crank(low, 0),
    ...extra,
    union(...frame).of('frame', 'paint'),
    bar(grip, 0.015).mirrored('x').of('handlebar', 'metal'),
  )
}

function buildSkateboard(random: Random): Solid {
  const kind = random.cycle(['street', 'longboard', 'fish', 'scooter', 'cruiser'])
  const length = { street: 0.8, longboard: 1.2, fish: 0.75, scooter: 0.65, cruiser: 0.6 }[kind]!
  const half = kind === 'scooter' ? 0.06 : 0.11
  const shapes: Record<string, (s: number) => number> = {
    street: (s) => (1 - Math.abs(s) ** 8) ** 0.5,
    longboard: (s) => (1 - Math.abs(s) ** 3) * (s < 0 ? 0.75 : 1) + 0.04,
    fish: (s) => (s > 0 ? Math.sqrt(1 - s ** 4) : 1 - 0.35 * s * s),
    scooter: (s) => (1 - Math.abs(s) ** 10) ** 0.5,
    cruiser: (s) => (s > 0 ? Math.sqrt(1 - s ** 3) : 0.75 + 0.25 * Math.cos(1.5 * s)),
  }
  const kick = { street: 1, longboard: 0.1, fish: 0.7, scooter: 0, cruiser: 0.8 }[kind]!
  const deck = sheet(
    (u, v) => {
      const s = (2 * v - 1) * 0.999
      const rise =
        Math.max(0, Math.abs(s) - 0.62) * length * 0.35 * kick * (kind === 'fish' || kind === 'cruiser' ? (s < 0 ? 1 : 0.2) : 1)
      return [(2 * u - 1) * half * shapes[kind]!(s), 0.11 + rise + 0.1 * half * (2 * u - 1) ** 2, (s * length) / 2]
    },
    0.014,
    { across: 6, along: 20 },
  ).of('deck', 'wood')
  const wheel = (r: number) =>
    cylinder(r, 0.05, { round: 0.012, segments: 14 }).move(0, -0.025).turn('z', 90).stand().of('wheels', 'plastic')
  const truck = (z: number) =>
    cylinder(0.012, 2 * half, { segments: 6 })
      .move(0, -half)
      .turn('z', 90)
      .move(0, 0.035, z)
      .and(box(0.06, 0.06, 0.06).taper('y', 0.6, 1.2).move(0, 0.07, z))
      .of('trucks', 'metal')
  if (kind === 'scooter') {
    const [front, back] = [length / 2 + 0.12, -length / 2 - 0.02]
    const stem = tube(xyz([0, 0.09, front, 0, 0.2, front - 0.05, 0, 0.95, front - 0.17]), 0.018, { sides: 8 }).and(
      tube(xyz([0, 0.11, length / 2 - 0.1, 0, 0.24, front - 0.06]), 0.02, { sides: 6 }),
    )
    return union(
      deck,
      stem.of('trucks', 'metal'),
      tube(xyz([-0.25, 0.95, front - 0.17, 0.25, 0.95, front - 0.17]), 0.02, { sides: 8 }).of('grips', 'rubber'),
      wheel(0.09).scale(0.6, 1, 1).move(0, 0, front),
      wheel(0.09).scale(0.6, 1, 1).move(0, 0, back),
    )
  }
  const at = length * (kind === 'longboard' ? 0.36 : 0.3)
  return union(
    deck,
    ...[at, -at].flatMap((z) => [
      truck(z),
      wheel(0.036)
        .move(half * 0.9, 0, z)
        .mirrored('x'),
    ]),
  )
}

export const cycles: readonly Category[] = [
  { name: 'bicycle', build: buildBicycle },
  { name: 'motorcycle', build: buildMotorcycle },
  { name: 'skateboard', build: buildSkateboard },
]
