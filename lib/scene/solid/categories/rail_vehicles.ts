// What runs on rails.
import type { Category, Random } from '../category.js'
import { arc, box, cylinder, type Point2, type Solid, sphere, torus, tube, union, xy, xyz } from '../kit/index.js'
import { paint, steel } from './coachwork.js'
import { pair, railWheel, sideways, spokedWheel } from './wheels.js'

function buildLocomotive(random: Random): Solid {
  const kind = random.cycle(['express', 'tank', 'pioneer', 'western', 'diesel'])
  const driving = random.cycle([3, 2, 3, 2, 3])
  const along = (r: number, length: number, y: number, z: number) =>
    cylinder(r, length, { segments: 16 }).turn('x', 90).move(0, y, z)
  const wheel = (r: number) => spokedWheel(r, { spokes: 6, rim: r * 0.14, spoke: r * 0.06, surface: 'metal', segments: 14 })
  const small = (z: number) => pair(railWheel(0.2, 0.1), 0.42, z)
  const buffers = cylinder(0.08, 0.14, { segments: 8 })
    .turn('x', 90)
    .and(cylinder(0.11, 0.03, { segments: 10 }).turn('x', 90).move(0, 0, 0.14))
    .move(0.35, 0.55, 0)
    .mirrored('x')
  if (kind === 'diesel') {
    const body = sideways(
      xy([-2.2, 0.4, 2, 0.4, 2.2, 0.6, 2.2, 0.95, 1.7, 1.15, 1.6, 1.7, 1.3, 1.85, -1.9, 1.85, -2.2, 1.6]),
      1.1,
      { bevel: 0.08 },
    )
    return union(
      paint(body),
      box(0.95, 0.4, 0.05)
        .turn('x', -12)
        .move(0, 1.45, 1.67)
        .and(box(0.05, 0.36, 0.4).move(0.55, 1.45, 1.25).mirrored('x'))
        .of('windows', 'glass'),
      steel(
        union(
          box(0.05, 0.5, 0.3).repeat(5, [0, 0, 0.5]).move(0.55, 1.25, -0.6).mirrored('x'),
          cylinder(0.25, 0.08, { segments: 14 }).repeat(3, [0, 0, 0.7]).move(0, 1.83, -0.7),
          buffers.move(0, 0, 2.2),
        ),
      ),
      sphere(0.1, { segments: 8, rings: 6 }).move(0, 0.95, 2.2).of('lamps', 'glass'),
      ...[1.5, 1.0, -1.0, -1.5].map(small),
      steel(
        box(0.95, 0.2, 1)
          .move(0, 0.25, 1.25)
          .and(box(0.95, 0.2, 1).move(0, 0.25, -1.25)),
      ),
    )
  }
  const r = kind === 'pioneer' ? 0.62 : kind === 'express' ? 0.45 : 0.38
  const count = kind === 'pioneer' ? 1 : driving
  const [boiler, y, front] = kind === 'pioneer' ? [0.38, 0.95, 1.1] : [0.42, 1.15, 1.7]
  const zs = kind === 'pioneer' ? [0.65] : Array.from({ length: count }, (_, i) => 0.75 - i * (2 * r + 0.06))
  const rear = -0.55
  const chimneyHeight = kind === 'pioneer' ? 1.1 : kind === 'western' ? 0.35 : 0.4
  const chimney =
    kind === 'western'
      ? union(
          cylinder(0.1, 0.4, { segments: 12 }),
          cylinder(0.12, 0.35, { top: 0.3, segments: 14 }).move(0, 0.3),
          cylinder(0.3, 0.18, { top: 0.16, segments: 14 }).move(0, 0.65),
        )
      : cylinder(0.11, chimneyHeight, { segments: 12 }).and(torus(0.12, 0.035, { segments: 12, sides: 5 }).move(0, chimneyHeight))
  const dome = (z: number) => cylinder(0.16, 0.25, { round: 0.12, segments: 10 }).move(0, y + boiler - 0.06, z)
  const cab = union(
    box(1.05, 0.75, 0.06).move(0, 1.2, rear),
    box(0.06, 0.5, 0.75)
      .move(0.5, 1.05, rear - 0.38)
      .mirrored('x'),
    box(0.06, 0.7, 0.07)
      .move(0.5, 1.5, rear - 0.72)
      .and(box(0.06, 0.7, 0.07).move(0.5, 1.5, rear))
      .mirrored('x'),
    sideways(xy([rear - 0.9, 1.84, rear + 0.15, 1.84, rear + 0.1, 1.92, rear - 0.85, 1.92]), 1.2),
  )
  const tender = (z: number) =>
    union(
      paint(box(0.95, 0.6, 1.1).move(0, 0.9, z)),
      box(0.8, 0.25, 0.9, 0.1).move(0, 1.25, z).of('coal', 'stone', [0.02, 0.02, 0.02]),
      small(z + 0.35),
      small(z - 0.35),
      steel(box(0.8, 0.12, 1.2).move(0, 0.5, z)),
    )
  const rods =
    count > 1
      ? [
          box(0.04, 0.06, 0.06 + zs[0]! - zs[count - 1]!)
            .move(0.53, r * 0.8, (zs[0]! + zs[count - 1]!) / 2)
            .mirrored('x'),
        ]
      : []
  const cylinders = cylinder(0.14, 0.4, { segments: 10 })
    .turn('x', 90)
    .move(0.46, 0.42, front - 0.7)
    .mirrored('x')
  const lamp = union(box(0.2, 0.24, 0.2).move(0, y + boiler + 0.12, front - 0.05)).of('lamps', 'glass')
  const catcher =
    kind === 'western'
      ? [
          tube(xyz([0, 0.5, front + 0.05, 0.45, 0.08, front + 0.1]), 0.03, { sides: 4 })
            .and(
              ...[0.1, 0.2, 0.3].map((x) =>
                tube(xyz([x, 0.5, front + 0.02, x * 1.3, 0.08, front + 0.5 - x]), 0.025, { sides: 4 }),
              ),
            )
            .mirrored('x')
            .and(box(0.95, 0.05, 0.06).move(0, 0.08, front + 0.12)),
          tube(xyz([0, 0.5, front, 0, 0.08, front + 0.5]), 0.03, { sides: 4 }),
        ]
      : []
  const tanks =
    kind === 'tank'
      ? [
          paint(box(0.28, 0.6, 1.3, 0.04).move(0.42, 1.0, 0.3).mirrored('x')),
          paint(box(1, 0.6, 0.45).move(0, 0.95, rear - 0.95)),
          small(rear - 0.9),
        ]
      : [tender(rear - 1.65)]
  return union(
    along(boiler, front - rear, y, rear).of('boiler', 'paint'),
    along(boiler + 0.03, 0.5, y, front - 0.48)
      .and(along(boiler * 0.8, 0.06, y, front))
      .of('smokebox', 'metal'),
    steel(
      along(boiler + 0.02, 0.04, 0, 0)
        .repeat(3, [0, 0, 0.45])
        .move(0, y, 0.25),
    ),
    steel(chimney.move(0, y + boiler - 0.05, front - 0.25)),
    steel(dome(0.45)),
    ...(count > 2 ? [steel(dome(0.0))] : []),
    paint(cab),
    steel(box(0.9, 0.1, front - rear + 0.9).move(0, 0.62, (front + rear) / 2 - 0.4)),
    ...zs.map((z) => pair(wheel(r), 0.45, z)),
    small(front - 0.35),
    ...(kind === 'express' ? [small(front - 0.8)] : []),
    steel(union(...rods, cylinders, ...(kind === 'western' ? catcher : [buffers.move(0, 0, front)]))),
    ...(kind === 'western' ? [lamp] : []),
    ...tanks,
  )
}

function buildTram(random: Random): Solid {
  const kind = random.cycle(['vintage', 'modern', 'double', 'open', 'rounded'])
  const length = kind === 'modern' ? 5 : random.spread(2.8, 3.4)
  const half = length / 2
  const floor = 0.32
  const high = kind === 'double' ? 2.5 : 1.6
  const bogie = (z: number) =>
    steel(box(0.7, 0.14, 0.7).move(0, 0.2, z)).and(...[0.22, -0.22].map((d) => pair(railWheel(0.14, 0.08), 0.36, z + d)))
  const fold = random.between(0.25, 0.5)
  const pantograph = steel(
    kind === 'vintage' || kind === 'double'
      ? tube(xyz([0, high, 0, 0, high + 0.6, -1.1]), 0.018, { sides: 5 }).and(
          cylinder(0.05, 0.05, { segments: 8 }).move(0, high + 0.58, -1.1),
        )
      : union(
          tube(xyz([0.25, high, 0.2, 0.2, high + fold / 2, -0.25, 0.25, high + fold, 0.15]), 0.015, { sides: 5 }).mirrored('x'),
          box(0.7, 0.03, 0.06).move(0, high + fold, 0.15),
        ),
  )
  const panes = (count: number, y: number, h: number, span = length - 0.7) =>
    box(0.06, h, (span / count) * 0.8)
      .repeat(count, [0, 0, span / count])
      .move(0.5, y, 0)
      .mirrored('x')
  const screen = (y: number, h: number, w = 0.8, tilt = 0) =>
    box(w, h, 0.05)
      .turn('x', -tilt)
      .move(0, y, half - 0.01 - (tilt / 90) * 0.25)
      .mirrored('z')
  const lamp = cylinder(0.08, 0.06, { segments: 10 }).turn('x', 90).move(0, 0.65, half).mirrored('z').of('lamps', 'glass')
  const bumper = steel(box(0.5, 0.1, 0.1).move(0, 0.34, half).mirrored('z'))
  const bogies = kind === 'modern' ? [bogie(1.7), bogie(-1.7), bogie(0)] : [bogie(half * 0.5), bogie(-half * 0.5)]
  const clerestory = (y: number, h: number) => paint(box(0.55, h, length * 0.7).move(0, y, 0))
  const boxy = (y: number, h: number, cut: number) =>
    sideways(
      [
        [-half + cut, y],
        [half - cut, y],
        [half, y + cut],
        [half, y + h - cut],
        [half - cut, y + h],
        [-half + cut, y + h],
        [-half, y + h - cut],
        [-half, y + cut],
      ],
      1,
      { bevel: 0.06 },
    )
  if (kind === 'modern') {
    const section = sideways(
      [
        [-half, floor],
        [half, floor],
        [half + 0.15, 0.7],
        [half - 0.2, high - 0.1],
        [half - 0.5, high],
        [0.5 - half, high],
        [0.2 - half, high - 0.1],
        [-half - 0.15, 0.7],
      ],
      1,
      { bevel: 0.07 },
    )
    const joints = box(1.04, high - floor + 0.02, 0.12)
      .repeat(2, [0, 0, length / 3])
      .move(0, (high + floor) / 2, 0)
      .of('bellows', 'rubber')
    return union(
      paint(section),
      joints,
      panes(6, 1.1, 0.5, length - 1.1)
        .and(screen(1.1, 0.62, 0.85, 22))
        .of('windows', 'glass'),
      pantograph,
      lamp,
      ...bogies,
      steel(
        box(0.7, 0.15, 0.9)
          .repeat(2, [0, 0, 2.4])
          .move(0, high + 0.05, 0),
      ),
    )
  }
  if (kind === 'open') {
    const posts = box(0.05, 0.95, 0.05)
      .repeat(6, [0, 0, (length - 0.5) / 5])
      .move(0.45, 1.05, 0)
      .mirrored('x')
    const benches = box(0.9, 0.06, 0.24)
      .and(box(0.9, 0.3, 0.04).move(0, 0.18, -0.1))
      .repeat(5, [0, 0, (length - 0.8) / 5])
      .move(0, 0.72, 0)
      .of('seats', 'wood')
    return union(
      paint(box(1, 0.18, length, 0.05).move(0, 0.42, 0)),
      paint(posts),
      benches,
      paint(box(1.1, 0.1, length + 0.3, 0.04).move(0, 1.55, 0)),
      clerestory(1.65, 0.14),
      paint(
        box(0.95, 0.45, 0.08)
          .move(0, 0.7, half - 0.05)
          .mirrored('z'),
      ),
      pantograph.move(0, 0.05, 0),
      lamp,
      bumper,
      ...bogies,
    )
  }
  if (kind === 'rounded') {
    const ends = (y: number): Point2[] => [...arc(half - 0.45, y, 0.45, 0, 90, 4), ...arc(0.45 - half, y, 0.45, 90, 180, 4)]
    return union(
      paint(
        sideways([[-half, floor + 0.1], [0.1 - half, floor], [half - 0.1, floor], [half, floor + 0.1], ...ends(high - 0.45)], 1, {
          bevel: 0.12,
        }),
      ),
      panes(7, 1.1, 0.36)
        .and(screen(1.1, 0.36, 0.7))
        .of('windows', 'glass'),
      pantograph,
      lamp,
      bumper,
      ...bogies,
    )
  }
  const upper = kind === 'double' ? [panes(6, 1.95, 0.4).and(screen(1.95, 0.4))] : []
  const platforms =
    kind === 'vintage'
      ? [
          steel(
            box(0.04, 0.75, 0.04)
              .move(0.42, 1.25, half + 0.22)
              .mirrored('x')
              .mirrored('z'),
          ),
          paint(
            box(0.95, 0.5, 0.35)
              .move(0, 0.6, half + 0.1)
              .mirrored('z'),
          ),
        ]
      : []
  return union(
    paint(boxy(floor, high - floor, 0.1)),
    panes(6, 1.15, 0.42)
      .and(screen(1.15, 0.42), ...upper)
      .of('windows', 'glass'),
    ...platforms,
    kind === 'vintage'
      ? paint(box(1.06, 0.08, length + 0.7, 0.03).move(0, high, 0))
      : steel(box(1.04, 0.05, length).move(0, 1.5, 0)),
    clerestory(high + 0.1, 0.16),
    pantograph.move(0, 0.1, 0),
    lamp,
    bumper,
    ...bogies,
  )
}

export const railVehicles: readonly Category[] = [
  { name: 'locomotive', build: buildLocomotive },
  { name: 'tram', build: buildTram },
]
