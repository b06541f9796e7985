// Machines on tracks.
import type { Category, Random } from '../category.js'
import { arc, box, cone, curve, cylinder, type Point2, type Solid, tube, union, xy, xyz } from '../kit/index.js'
import { paint, steel } from './coachwork.js'
import { pair, sideways, tyredWheel } from './wheels.js'

/** A track about its wheels, along z at x. */
function track(length: number, height: number, width: number, x: number): Solid {
  const [l, r] = [length / 2, height / 2]
  const belt = sideways([...arc(l - r, r, r, -90, 90, 6), ...arc(r - l, r, r, 90, 270, 6)], width)
  const plates = [-1, 1].flatMap((side) => [
    box(width + 0.03, 0.03, 0.05)
      .repeat(9, [0, 0, (length - height) / 8])
      .move(0, side === 1 ? height : 0, 0),
  ])
  const rollers = cylinder(r * 0.68, width + 0.05, { segments: 10 })
    .move(0, -width / 2 - 0.025)
    .turn('z', 90)
    .repeat(4, [0, 0, (length - height) / 3])
    .move(0, r, 0)
  return union(union(belt, ...plates).of('tracks', 'rubber'), rollers.of('wheels', 'metal'))
    .move(x, 0, 0)
    .mirrored('x')
}

function buildExcavator(random: Random): Solid {
  const kind = random.cycle(['digging', 'raised', 'wheeled', 'shovel', 'grab'])
  const [first, second] = { digging: [48, -60], raised: [68, -5], wheeled: [40, -75], shovel: [25, 20], grab: [62, -38] }[
    kind
  ]! as [number, number]
  const base =
    kind === 'wheeled'
      ? union(steel(box(0.7, 0.22, 1.5).move(0, 0.35, 0)), ...[0.5, -0.5].map((z) => pair(tyredWheel(0.28, 0.2), 0.48, z)))
      : union(track(1.7, 0.42, 0.3, 0.48), steel(box(0.8, 0.2, 0.7).move(0, 0.3, 0)))
  const house = union(
    paint(box(1, 0.5, 1.15, 0.07).move(0, 0.82, -0.25)),
    steel(cylinder(0.3, 0.2, { segments: 14 }).move(0, 0.42, 0)),
    box(0.95, 0.4, 0.3, 0.1).move(0, 0.75, -0.8).of('weight', 'metal'),
    steel(cylinder(0.04, 0.25, { segments: 6 }).move(-0.3, 1.05, -0.5)),
  )
  const cab = union(
    paint(box(0.44, 0.06, 0.62, 0.02).move(0.28, 1.62, 0.2)),
    paint(
      box(0.04, 0.58, 0.04)
        .move(0.08, 1.33, 0.48)
        .and(
          box(0.04, 0.58, 0.04).move(0.48, 1.33, 0.48),
          box(0.04, 0.58, 0.04).move(0.08, 1.33, -0.08),
          box(0.04, 0.58, 0.04).move(0.48, 1.33, -0.08),
        ),
    ),
    box(0.38, 0.55, 0.54).move(0.28, 1.33, 0.2).of('windows', 'glass'),
  )
  const at = (y: number, z: number, angle: number, length: number): Point2 => [
    y + length * Math.sin((angle * Math.PI) / 180),
    z + length * Math.cos((angle * Math.PI) / 180),
  ]
  const [y1, z1] = at(0.85, 0.3, first, 1.35)
  const [y2, z2] = at(y1, z1, second, 0.95)
  const boomMiddle = at(0.85, 0.3, first + 14, 0.75)
  const boom = union(
    tube(
      [
        [-0.12, 0.85, 0.3],
        [-0.12, ...boomMiddle],
        [-0.12, y1, z1],
      ],
      (t) => [0.07, 0.1 + 0.06 * Math.sin(Math.PI * t)],
      { sides: 4 },
    ),
    tube(xyz([-0.12, y1 + 0.12, z1 - 0.1, -0.12, y2, z2]), (t) => [0.06, 0.12 - 0.06 * t], { sides: 4 }),
  )
  const rams = union(
    tube(xyz([-0.12, 0.8, 0.55, -0.12, boomMiddle[0] - 0.08, boomMiddle[1] + 0.05]), 0.035, { sides: 6 }),
    tube(xyz([-0.12, boomMiddle[0] + 0.15, boomMiddle[1], -0.12, y1 + 0.1, z1 - 0.06]), 0.03, { sides: 6 }),
  )
  const bucketSide: Point2[] = [...arc(0, 0, 0.3, 100, 330, 8), [0.3, 0.02], [0.24, -0.06], ...arc(0, 0, 0.25, 322, 112, 8)]
  const bucket =
    kind === 'grab'
      ? sideways(arc(0, 0, 0.28, 180, 300, 5), 0.3)
          .and(sideways(arc(0, 0, 0.28, 240, 360, 5), 0.3).move(0, 0, 0.03))
          .move(-0.12, y2 - 0.12, z2)
      : union(
          sideways(bucketSide, 0.55),
          sideways(arc(0, 0, 0.29, 100, 330, 8), 0.04)
            .move(0.27, 0, 0)
            .mirrored('x'),
          cone(0.04, 0.12, 4).turn('x', 180).repeat(4, [0.15, 0, 0]).move(0, -0.1, 0.27),
        )
          .turn('x', kind === 'shovel' ? -120 : 55 + second * 0.5)
          .move(-0.12, y2 - 0.1, z2)
  return union(base, house, cab, paint(boom), steel(rams), steel(bucket))
}

function buildTank(random: Random): Solid {
  const kind = random.cycle(['modern', 'heavy', 'light', 'lozenge', 'destroyer'])
  const length = random.spread(2.3, 3)
  const barrel = { modern: 1.9, heavy: 1.5, light: 0.8, lozenge: 0.5, destroyer: 1.6 }[kind]!
  const armour = (solid: Solid) => solid.of('armour', 'paint', [0.16, 0.19, 0.08])
  const half = length / 2
  const gun = (x: number, y: number, z: number, long = barrel, r = 0.05) =>
    steel(
      cylinder(r, long, { segments: 10 })
        .turn('x', 90 - random.between(0, 8))
        .and(
          cylinder(r * 1.5, 0.16, { segments: 10 })
            .turn('x', 90)
            .move(0, 0, long - 0.1)
            .turn('x', -4),
        )
        .move(x, y, z),
    )
  if (kind === 'lozenge') {
    const side = sideways(
      curve<Point2>(xy([-half, 0.25, -0.6 * half, 0.02, 0.5 * half, 0.02, half, 0.7, 0.9 * half, 0.95, -0.6 * half, 0.85]), {
        closed: true,
        steps: 3,
      }),
      0.32,
    )
    return union(
      side.move(0.55).mirrored('x').of('tracks', 'rubber'),
      armour(box(0.8, 0.7, length * 0.75).move(0, 0.5, -0.05)),
      armour(box(0.6, 0.35, 0.7).move(0, 1, 0.35)),
      armour(cylinder(0.22, 0.4, { segments: 10 }).move(0.8, 0.38, 0.1).mirrored('x')),
      gun(0.85, 0.55, 0.25),
      gun(-0.85, 0.55, 0.25),
    )
  }
  const hull = armour(
    sideways(xy([-half, 0.4, 0.15 - half, 0.2, half - 0.4, 0.2, half, 0.48, half - 0.55, 0.72, -half, 0.72]), 1.25),
  )
  const turret = {
    modern: () => sideways(xy([-0.7, 0.7, 0.55, 0.7, 0.75, 0.85, 0.4, 1.05, -0.7, 1.05]), 0.95, { bevel: 0.08 }),
    heavy: () => box(1, 0.42, 1.1, 0.08).move(0, 0.93, -0.1),
    light: () => cylinder(0.42, 0.38, { top: 0.36, segments: 14 }).move(0, 0.7, 0.05),
    destroyer: () => sideways(xy([-0.9, 0.7, 0.9, 0.7, 0.35, 1.1, -0.8, 1.1]), 1.1),
  }[kind as 'modern' | 'heavy' | 'light' | 'destroyer']()
  const hatch = cylinder(0.17, 0.08, { segments: 12 }).move(0.2, kind === 'modern' ? 1.04 : 1.1, -0.25)
  const aerial = tube(xyz([-0.35, 1, -0.5, -0.38, 1.9, -0.6]), 0.01, { sides: 4 })
  return union(
    hull,
    armour(turret),
    armour(hatch),
    gun(0, 0.9, kind === 'light' ? 0.35 : 0.5),
    track(length, 0.55, 0.3, 0.62),
    steel(aerial),
    armour(
      box(0.34, 0.04, length * 0.9)
        .move(0.62, 0.62, 0)
        .mirrored('x'),
    ),
    ...(kind === 'modern'
      ? [
          armour(
            box(0.05, 0.25, length * 0.8)
              .move(0.8, 0.48, 0)
              .mirrored('x'),
          ),
        ]
      : []),
  )
}

export const machines: readonly Category[] = [
  { name: 'excavator', build: buildExcavator },
  { name: 'tank', build: buildTank },
]
