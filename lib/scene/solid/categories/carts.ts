// What is pushed or pulled on wheels.
import type { Category, Random } from '../category.js'
import {
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
  superellipse,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { pair, sideways, spokedWheel, tyredWheel } from './wheels.js'

function buildWagon(random: Random): Solid {
  const kind = random.cycle(['covered', 'two_wheeled', 'hay', 'handcart', 'coach'])
  const wheel = (radius: number) =>
    spokedWheel(radius, { spokes: random.whole(8, 12), rim: radius * 0.08, spoke: radius * 0.035, surface: 'wood' })
  const length = kind === 'two_wheeled' ? 1.5 : kind === 'handcart' ? 1.2 : random.spread(2, 2.4)
  const bed = 0.75
  const floor = box(1, 0.08, length).move(0, bed, 0).of('bed', 'wood')
  const walls = (height: number, lean: number) =>
    box(0.05, height, length)
      .move(0, height / 2)
      .turn('z', -lean)
      .move(0.5, bed, 0)
      .mirrored('x')
      .and(
        box(1, height, 0.05)
          .move(0, bed + height / 2, length / 2)
          .mirrored('z'),
      )
      .of('bed', 'wood')
  const shafts = tube(xyz([0.35, bed, length / 2 - 0.2, 0.35, bed - 0.05, length / 2 + 1.2]), 0.035, { sides: 6 })
    .mirrored('x')
    .of('shafts', 'wood')
  const pole = tube(xyz([0, 0.45, length / 2 - 0.4, 0, 0.5, length / 2 + 1]), 0.04, { sides: 6 }).of('shafts', 'wood')
  const axle = (z: number, r: number) =>
    cylinder(0.05, 1.2, { segments: 6 }).move(0, -0.6).turn('z', 90).move(0, r, z).of('shafts', 'wood')
  const four = union(
    pair(wheel(0.42), 0.6, length / 2 - 0.4),
    pair(wheel(0.55), 0.6, 0.45 - length / 2),
    axle(length / 2 - 0.4, 0.42),
    axle(0.45 - length / 2, 0.55),
    pole,
  )
  const two = union(pair(wheel(0.65), 0.6, 0), axle(0, 0.65), shafts)
  if (kind === 'covered') {
    const hood = sheet(
      (u, v) => {
        const a = Math.PI * (0.02 + 0.96 * u)
        const flare = 1 + 0.12 * (2 * v - 1) ** 2
        return [0.56 * Math.cos(a) * flare, bed + 0.4 + 0.8 * Math.sin(a) * flare, (v - 0.5) * (length + 0.3)]
      },
      0.04,
      { across: 12, along: 6 },
    )
    return union(floor, walls(0.45, 8), four, hood.of('cover', 'cloth'))
  }
  if (kind === 'two_wheeled') return union(floor, walls(0.35, 0), two)
  if (kind === 'hay') {
    const rails = tube(xyz([0.5, bed, 0, 0.75, bed + 0.8, 0]), 0.03, { sides: 5 })
      .repeat(6, [0, 0, length / 5.2])
      .and(box(0.05, 0.05, length).move(0.62, bed + 0.4), box(0.05, 0.05, length).move(0.74, bed + 0.78))
      .mirrored('x')
    const hay = ellipsoid(0.62, 0.75, length / 2.1, { segments: 14, rings: 8, vertical: 2.6, across: 3 })
      .move(0, bed + 0.7, 0)
      .of('hay', 'straw')
    return union(floor, rails.of('bed', 'wood'), hay, four)
  }
  if (kind === 'handcart') {
    const handle = tube(xyz([0.4, bed, 0.4, 0.4, bed + 0.25, 1.3, -0.4, bed + 0.25, 1.3, -0.4, bed, 0.4]), 0.03, { sides: 6 }).of(
      'shafts',
      'wood',
    )
    return union(
      floor,
      walls(0.25, 15),
      pair(wheel(0.45), 0.6, -0.05).move(0, 0.2, 0),
      box(0.06, 0.75, 0.06).move(0.35, 0.5, 0.45).mirrored('x').of('shafts', 'wood'),
      handle,
      axle(-0.05, 0.65),
    )
  }
  const shell = sideways(
    curve<Point2>(xy([-0.75, 0.95, -0.55, 0.62, 0.55, 0.62, 0.75, 0.95, 0.8, 1.75, -0.8, 1.75]), { closed: true, steps: 2 }),
    1,
    { bevel: 0.06 },
  ).of('bed', 'paint')
  const glass = box(0.06, 0.4, 0.36).repeat(3, [0, 0, 0.46]).move(0.5, 1.4).mirrored('x').of('windows', 'glass')
  const seat = box(0.9, 0.08, 0.4)
    .move(0, 1.2, 1)
    .and(box(0.9, 0.4, 0.06).move(0, 1.38, 0.84), box(0.9, 0.06, 0.5).turn('x', -30).move(0, 0.8, 1.25))
    .of('seat', 'leather')
  return union(shell, glass, seat, box(1.05, 0.08, 1.75, 0.03).move(0, 1.78, 0).of('roof', 'leather'), four)
}

function buildWheelbarrow(random: Random): Solid {
  const kind = random.cycle(['round', 'box', 'two_wheels', 'ball', 'flat'])
  const wheelZ = 0.85
  const r = random.spread(0.2, 0.26)
  const tray: Record<string, () => Solid> = {
    round: () => bowl(superellipse(0.33, 0.5, 3, 20), 0.62),
    box: () => bowl(rectangle(0.62, 0.95, 0.03, 1), 0.72),
    two_wheels: () => bowl(rectangle(0.75, 0.95, 0.2, 3), 0.6),
    ball: () => bowl(superellipse(0.36, 0.46, 2, 20), 0.45),
    flat: () =>
      box(0.6, 0.04, 0.9)
        .move(0, 0.12, 0)
        .and(box(0.6, 0.45, 0.04).turn('x', 15).move(0, 0.32, 0.48)),
  }
  function bowl(outline: Point2[], narrow: number): Solid {
    return loft([
      { outline, y: 0, size: narrow },
      { outline, y: 0.36 },
      { outline, y: 0.36, size: 0.94 },
      { outline, y: 0.04, size: narrow * 0.9 },
    ])
  }
  const wooden = kind === 'box' || kind === 'flat'
  const body = tray[kind]!()
    .warp((x, y, z) => [x, y + 0.12 * Math.max(0, z) * y, z + 0.35 * y])
    .move(0, 0.42, 0.2)
    .of('tray', wooden ? 'wood' : 'metal')
  const frame = tube(xyz([0.1, r, wheelZ, 0.2, 0.4, 0.35, 0.27, 0.45, -0.2, 0.3, 0.62, -0.95]), 0.025, { sides: 6 })
    .and(tube(xyz([0.25, 0.43, -0.05, 0.27, 0, -0.3, 0.26, 0.5, -0.42]), 0.022, { sides: 6 }))
    .mirrored('x')
    .of('frame', wooden ? 'wood' : 'metal')
  const grips = cylinder(0.035, 0.2, { segments: 8 }).turn('x', 78).move(0.3, 0.65, -1.08).mirrored('x').of('grips', 'rubber')
  const wheels =
    kind === 'two_wheels'
      ? pair(tyredWheel(r, 0.1), 0.3, 0.65)
      : kind === 'ball'
        ? sphere(r, { segments: 14, rings: 8 }).stand().move(0, 0, wheelZ).of('tyres', 'rubber')
        : (kind === 'flat' ? spokedWheel(r, { surface: 'wood', spokes: 6, rim: 0.03, spoke: 0.015 }) : tyredWheel(r, 0.1))
            .stand()
            .move(0, 0, wheelZ)
  return union(
    body,
    frame,
    grips,
    wheels,
    cylinder(0.02, 0.26, { segments: 6 })
      .turn('z', 90)
      .move(0.13, r, kind === 'two_wheels' ? 0.65 : wheelZ)
      .of('frame', 'metal'),
  )
}

function buildStroller(random: Random): Solid {
  const kind = random.cycle(['pram', 'buggy', 'jogger', 'twin', 'carriage'])
  const seat = 0.55
  const hood = (radius: number, width: number, from: number, to: number) =>
    sheet(
      (u, v) => {
        const [a, b] = [((from + (to - from) * v) * Math.PI) / 180, Math.PI * (0.04 + 0.92 * u)]
        const r = radius * (0.35 + 0.65 * Math.sin(b) ** 0.5)
        return [width * Math.cos(b), r * Math.sin(a), r * Math.cos(a)]
      },
      0.03,
      { across: 10, along: 6 },
    ).of('hood', 'cloth')
  const tubeOf = (points: Point3[]) => tube(points, 0.018, { sides: 6 }).mirrored('x').of('frame', 'metal')
  const handle = (y: number, z: number, x: number) => tube(xyz([x, y, z, -x, y, z]), 0.022, { sides: 6 }).of('grip', 'rubber')
  if (kind === 'pram' || kind === 'carriage') {
    const big = kind === 'carriage'
    const outline = superellipse(0.24, 0.5, 3, 20)
    const tub = loft([
      { outline, y: 0, size: big ? 0.45 : 0.75 },
      { outline, y: 0.14, size: 0.88 },
      { outline, y: 0.32 },
      { outline, y: 0.32, size: 0.93 },
      { outline, y: 0.2, size: 0.8 },
    ])
      .move(0, 0.52, 0)
      .of('tub', big ? 'straw' : 'cloth')
    const wheels = big
      ? union(
          pair(spokedWheel(0.34, { spokes: 12, rim: 0.02, spoke: 0.008 }), 0.26, -0.28),
          pair(spokedWheel(0.24, { spokes: 10, rim: 0.02, spoke: 0.008 }), 0.26, 0.4),
        )
      : pair(spokedWheel(0.24, { spokes: 10, rim: 0.022, spoke: 0.008 }), 0.25, 0.33).and(
          pair(spokedWheel(0.24, { spokes: 10, rim: 0.022, spoke: 0.008 }), 0.25, -0.33),
        )
    const springs = tubeOf(xyz([0.25, 0.24, 0.34, 0.2, 0.56, 0.1, 0.2, 0.56, -0.1, 0.25, 0.24, -0.32]))
    return union(
      tub,
      hood(0.42, 0.25, 95, 190).turn('y', 180).move(0, 0.84, 0.06),
      wheels,
      springs,
      tubeOf(xyz([0.2, 0.7, -0.4, 0.2, 1.05, -0.85])),
      handle(1.05, -0.85, 0.2),
    )
  }
  const [width, r] = [kind === 'twin' ? 0.42 : 0.23, kind === 'jogger' ? 0.2 : 0.11]
  const chair = sideways(xy([0.3, seat, 0.3, seat - 0.06, -0.12, seat - 0.06, -0.4, 1.05, -0.34, 1.08, -0.1, seat]), 2 * width)
    .and(sideways(xy([0.3, seat - 0.06, 0.42, 0.3, 0.38, 0.28, 0.26, seat - 0.06]), 2 * width - 0.1))
    .of('tub', 'cloth')
  const bones = union(
    tubeOf(xyz([width, 0.12, 0.5, width, seat, 0.1, width, 1.1, -0.6])),
    tubeOf(xyz([width, 0.12, -0.4, width, seat + 0.2, 0])),
    tubeOf(xyz([width, 0.75, 0.25, width, 0.72, -0.12])),
  )
  const top = hood(0.4, width, 75, 165).turn('y', 180).turn('x', -25).move(0, 0.85, -0.12)
  const wheels =
    kind === 'jogger'
      ? tyredWheel(0.16, 0.06)
          .stand()
          .move(0, 0, 0.72)
          .and(
            pair(spokedWheel(r, { spokes: 8, rim: 0.025, spoke: 0.008 }), width + 0.06, -0.4),
            tubeOf(xyz([0, 0.16, 0.72, width, 0.3, 0.4])),
          )
      : pair(tyredWheel(r, 0.06), width + 0.03, 0.5).and(pair(tyredWheel(r, 0.06), width + 0.03, -0.4))
  const tray = box(2 * width - 0.06, 0.12, 0.45, 0.03)
    .move(0, 0.27, -0.1)
    .of('tub', 'cloth')
  const divider =
    kind === 'twin'
      ? box(0.04, 0.5, 0.5)
          .turn('x', 20)
          .move(0, 0.8, -0.1)
          .of('frame', 'metal')
          .and(tyredWheel(r, 0.06).stand().move(0, 0, 0.5))
      : box(2 * width, 0.04, 0.05, 0.02)
          .move(0, 0.75, 0.25)
          .of('frame', 'metal')
  return union(chair, bones, top, wheels, tray, divider, handle(1.1, -0.6, width))
}

export const carts: readonly Category[] = [
  { name: 'stroller', build: buildStroller },
  { name: 'wagon', build: buildWagon },
  { name: 'wheelbarrow', build: buildWheelbarrow },
]
