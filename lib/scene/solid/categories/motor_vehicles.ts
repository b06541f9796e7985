// Motor vehicles of the road and the field.
import type { Category, Random } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipsoid,
  inPlane,
  type Point2,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { arches, cabin, pair, sideways, tyredWheel, type Windows } from './wheels.js'

/** The side view of a car's body above the arches, from front to back, and its windows. */
const cars: Record<'saloon' | 'hatchback' | 'estate' | 'sports' | 'convertible', { top: Point2[]; windows?: Windows }> = {
  saloon: {
    top: xy([2.15, 0.4, 2.12, 0.68, 1.95, 0.78, 0.95, 0.95, -1.45, 0.97, -2.15, 0.92, -2.2, 0.5]),
    windows: { z: [-1.6, 0.95, -0.85, 0.2], y: [0.95, 1.42], x: [0.8, 0.6] },
  },
  hatchback: {
    top: xy([1.85, 0.4, 1.82, 0.75, 1.65, 0.85, 1.0, 1.02, -1.75, 1.05, -1.85, 0.9, -1.85, 0.5]),
    windows: { z: [-1.8, 1.05, -1.35, 0.3], y: [1.03, 1.55], x: [0.8, 0.62] },
  },
  estate: {
    top: xy([2.15, 0.4, 2.12, 0.7, 1.95, 0.8, 1.0, 0.97, -2.2, 1.0, -2.25, 0.5]),
    windows: { z: [-2.2, 1.0, -2.0, 0.25], y: [0.97, 1.5], x: [0.8, 0.64], pillars: [0, 0.33, 0.66, 1] },
  },
  sports: {
    top: xy([2.2, 0.3, 2.2, 0.5, 1.9, 0.72, 1.4, 0.88, 0.7, 0.9, -1.2, 0.92, -2.1, 0.96, -2.2, 0.9, -2.15, 0.5]),
    windows: { z: [-1.5, 0.85, -0.6, -0.1], y: [0.88, 1.2], x: [0.78, 0.55], pillars: [0, 1] },
  },
  convertible: {
    top: xy([
      2.1, 0.4, 2.1, 0.7, 1.9, 0.82, 0.9, 0.92, 0.3, 0.9, 0.2, 0.75, -0.95, 0.75, -1.05, 0.95, -1.9, 0.9, -2.1, 0.75, -2.1, 0.5,
    ]),
  },
}

function buildCar(random: Random): Solid {
  const { top, windows } = cars[random.cycle(['saloon', 'hatchback', 'estate', 'sports', 'convertible'] as const)]
  const radius = random.spread(0.31, 0.36)
  const [front, back] = [top[0]![0], top[top.length - 1]![0]]
  const axles = [back + 0.75, front - 0.8]
  const body = sideways([...arches(back, front, 0.24, radius, axles), ...top], 1.72, { bevel: 0.05 }).of('body', 'paint')
  const lamps = random.cycle([
    sphere(0.11, { segments: 10, rings: 6 }),
    box(0.34, 0.14, 0.1, 0.03),
    box(0.4, 0.09, 0.1),
    ellipsoid(0.17, 0.08, 0.1, { segments: 10, rings: 6 }),
  ])
  const lampHeight = top[1]![1] - 0.08
  const grille = box(random.between(0.5, 0.9), 0.14, 0.06)
    .move(0, lampHeight - 0.05, front)
    .of('bumpers', 'metal')
  const bumpers = [box(1.7, 0.12, 0.16, 0.05).move(0, 0.35, front), box(1.7, 0.12, 0.16, 0.05).move(0, 0.38, back)]
  const seat = box(0.5, 0.55, 0.14, 0.05).turn('x', -12).move(0.38, 0.95, -0.75).mirrored('x').of('seats', 'leather')
  const screen = box(1.4, 0.42, 0.03).turn('x', -35).move(0, 1.08, 0.35).of('windows', 'glass')
  const wheel = torus(0.17, 0.02, { segments: 12, sides: 5 }).turn('x', 65).move(0.38, 0.98, 0.1).of('seats', 'leather')
  return union(
    body,
    windows ? cabin(windows) : union(seat, screen, wheel),
    lamps
      .move(0.6, lampHeight, front - 0.03)
      .mirrored('x')
      .of('lamps', 'glass'),
    union(grille, ...bumpers).of('bumpers', 'metal'),
    ...axles.map((z) => pair(tyredWheel(radius, 0.22), 0.75, z)),
  )
}

/** Windows along both sides of a long vehicle, standing out from walls at ±x. */
function sideWindows(count: number, from: number, to: number, y: number, height: number, x: number): Solid {
  const step = (to - from) / count
  return box(0.06, height, step * 0.82)
    .repeat(count, [0, 0, step])
    .move(x, y, (from + to) / 2)
    .mirrored('x')
    .of('windows', 'glass')
}

function buildBus(random: Random): Solid {
  const kind = random.cycle(['city', 'double', 'coach', 'school', 'round'])
  const length = kind === 'round' ? 6 : random.spread(8, 11)
  const [front, back] = [length / 2, -length / 2]
  const height = kind === 'double' ? 4.3 : kind === 'coach' ? 3.4 : 2.9
  const radius = 0.5
  const tops: Record<string, Point2[]> = {
    city: xy([front, height - 0.2, front - 0.2, height, back + 0.1, height, back, height - 0.1]),
    double: xy([front, 2.2, front - 0.12, height - 0.2, front - 0.4, height, back + 0.2, height, back, height - 0.2]),
    coach: xy([front, 1.2, front - 0.7, height - 0.2, front - 1.1, height, back + 0.3, height, back, height - 0.4]),
    school: [
      [front, 1.5],
      [front - 1.5, 1.7],
      [front - 1.65, height - 0.2],
      [front - 2, height],
      [back + 0.2, height],
      [back, height - 0.3],
    ],
    round: [...arc(front - 1, height - 1, 1, 0, 90, 5), ...arc(back + 1.2, height - 1.2, 1.2, 90, 180, 5)],
  }
  const axles = [back + (kind === 'coach' ? 2.6 : 2), front - (kind === 'school' ? 0.9 : 2.2)]
  if (kind === 'coach') axles.unshift(back + 1.1)
  const body = sideways([...arches(back, front, 0.35, radius, axles), ...tops[kind]!], 2.5, { bevel: 0.12 }).of('body', 'paint')
  const count = random.whole(5, 8)
  const start = kind === 'school' ? front - 2.2 : kind === 'coach' ? front - 1.4 : front - 0.5
  const low = kind === 'coach' ? 2.3 : 1.9
  const glass = [sideWindows(count, back + 0.4, start, low, kind === 'coach' ? 1.1 : 0.9, 1.24)]
  if (kind === 'double')
    glass.push(
      sideWindows(count, back + 0.4, front - 0.6, 3.4, 0.8, 1.24),
      box(2.1, 0.8, 0.06)
        .turn('x', -3)
        .move(0, 3.4, front - 0.06),
    )
  if (kind === 'school')
    glass.push(
      box(2.1, 0.8, 0.06)
        .turn('x', -7)
        .move(0, 2.2, front - 1.56),
    )
  else if (kind === 'coach')
    glass.push(
      box(2.2, 1.3, 0.06)
        .turn('x', -19)
        .move(0, 2.2, front - 0.34),
    )
  else glass.push(box(2.1, 1.0, 0.06, 0.02).move(0, 1.8, front))
  const lamps = cylinder(0.14, 0.1, { segments: 10 })
    .turn('x', 90)
    .move(0.9, 0.9, front - 0.02)
    .mirrored('x')
    .of('lamps', 'glass')
  const bumper = box(2.5, 0.25, 0.25, 0.08).move(0, 0.5, front).of('bumpers', 'metal')
  const mirrors = box(0.25, 0.4, 0.1)
    .move(1.3, 2, kind === 'school' ? front - 1.6 : front - 0.1)
    .mirrored('x')
    .of('bumpers', 'metal')
  return union(
    body,
    union(...glass).of('windows', 'glass'),
    lamps,
    bumper,
    mirrors,
    ...axles.map((z) => pair(tyredWheel(radius, 0.35), 1.06, z)),
  )
}

function buildTruck(random: Random): Solid {
  const load = random.cycle(['box', 'tank', 'tipper', 'logs', 'semitrailer'])
  const bonnet = random.cycle([true, false])
  const length = load === 'semitrailer' ? 9 : random.spread(4.2, 5.5)
  const [radius, width] = [0.48, 2.2]
  const front = bonnet ? 3.2 : 2
  const side: Point2[] = bonnet
    ? [[0, 0.5], ...arches(0.05, front, 0.5, radius, [2.2]).slice(1), [front, 1.5], [1.7, 1.7], [1.35, 2.6], [0, 2.6]]
    : [[0, 0.5], ...arches(0.05, front, 0.5, radius, [1.1]).slice(1), [front, 1.5], [1.75, 2.8], [0, 2.8]]
  const cab = sideways(side, width, { bevel: 0.07 }).of('cab', 'paint')
  const screen = bonnet
    ? box(1.9, 0.75, 0.05).turn('x', -21).move(0, 2.15, 1.55)
    : box(1.9, 0.95, 0.05).turn('x', -11).move(0, 2.15, 1.9)
  const glass = screen
    .and(
      box(0.05, 0.7, 0.8)
        .move(width / 2, 2.15, 0.85)
        .mirrored('x'),
    )
    .of('windows', 'glass')
  const chrome = union(
    box(1.3, 0.7, 0.1, 0.03).move(0, 1.1, front),
    box(2.2, 0.3, 0.25, 0.06).move(0, 0.6, front),
    sphere(0.16, { segments: 10, rings: 6 }).move(0.85, 1, front).mirrored('x'),
    bonnet
      ? cylinder(0.09, 2.4, { segments: 8 }).move(1.0, 0.9, -0.15).mirrored('x')
      : box(0.3, 0.5, 0.1).move(1.2, 2.2, 1.75).mirrored('x'),
  ).of('trim', 'metal')
  const back = -length - 0.2
  const chassis = box(0.9, 0.25, length + 1.5)
    .move(0, 0.75, back / 2 + 0.3)
    .of('chassis', 'metal')
  const middle = -0.3 - length / 2
  const loads: Record<string, () => Solid> = {
    box: () => box(2.4, 2.5, length, 0.05).move(0, 2.15, middle).of('load', 'metal'),
    semitrailer: () => box(2.4, 2.7, length, 0.05).move(0, 2.35, middle).of('load', 'metal'),
    tank: () =>
      union(
        cylinder(1.1, length, { round: 0.3 })
          .turn('x', 90)
          .scale(1.05, 0.9, 1)
          .move(0, 1.9, -0.3 - length),
        cylinder(0.3, 0.25, { segments: 10 })
          .move(0, 2.75, middle)
          .repeat(3, [0, 0, length / 3.5]),
      ).of('load', 'metal'),
    tipper: () =>
      union(
        box(2.4, 0.12, length).move(0, 1, middle),
        box(0.1, 1.1, length).move(1.15, 1.5, middle).mirrored('x'),
        box(2.4, 1.5, 0.1).move(0, 1.7, -0.35),
        box(2.4, 1.1, 0.1).move(0, 1.5, -0.25 - length),
        box(0.2, 1.2, 0.12)
          .repeat(4, [0, 0, length / 3.2])
          .move(1.2, 1.5, middle)
          .mirrored('x'),
      )
        .of('load', 'paint')
        .and(
          ellipsoid(1.05, 0.8, length / 2.1, { segments: 14, rings: 8, vertical: 1.6 })
            .move(0, 1.7, middle)
            .of('cargo', 'soil'),
        ),
    logs: () =>
      union(
        ...[-0.72, -0.24, 0.24, 0.72, -0.48, 0, 0.48, -0.24, 0.24].map((x, i) =>
          cylinder(0.25, length, { segments: 9 })
            .turn('x', 90)
            .move(x, [1.15, 1.57, 1.98][i < 4 ? 0 : i < 7 ? 1 : 2]!, -0.3 - length),
        ),
      )
        .of('cargo', 'bark')
        .and(
          box(0.1, 1.5, 0.12)
            .repeat(3, [0, 0, length / 3])
            .move(1.02, 1.6, middle)
            .mirrored('x')
            .of('load', 'metal'),
        ),
  }
  const rear = load === 'semitrailer' ? [-0.6, -length + 0.5, -length + 1.6] : [back + 0.9, back + 1.95]
  const axles = [bonnet ? 2.2 : 1.1, ...rear]
  return union(cab, glass, chrome, chassis, loads[load]!(), ...axles.map((z) => pair(tyredWheel(radius, 0.35), 0.95, z)))
}

function buildVan(random: Random): Solid {
  const kind = random.cycle(['panel', 'microbus', 'pickup', 'camper', 'ambulance'])
  const radius = 0.34
  const [front, back] = [2.3, -2.4]
  const roof = kind === 'microbus' ? 1.95 : 2.2
  const tops: Record<string, Point2[]> = {
    panel: xy([front, 0.9, 1.6, 1.15, 0.8, roof, back + 0.1, roof, back, roof - 0.2]),
    microbus: xy([front, 0.9, 2.2, 1.25, 1.85, 1.8, 1.5, roof, back + 0.4, roof, back + 0.1, 1.7, back, 0.9]),
    pickup: xy([front, 0.95, 1.2, 1.1, 0.6, 1.8, -0.5, 1.8, -0.6, 1.1, -0.62, 0.8, back + 0.12, 0.8, back + 0.1, 1.1, back, 1.1]),
    camper: xy([front, 0.9, 1.6, 1.15, 1.2, 1.75, 1.7, 1.85, 1.7, 2.35, 1.4, 2.6, back, 2.6]),
    ambulance: xy([front, 0.9, 1.5, 1.15, 0.85, 1.9, 0.5, 1.95, 0.45, 2.4, back, 2.4]),
  }
  const axles = [back + 0.95, front - 0.75]
  const body = sideways([...arches(back, front, 0.27, radius, axles), ...tops[kind]!], 1.85, {
    bevel: kind === 'pickup' ? 0.03 : 0.06,
  }).of('body', 'paint')
  const walls = box(0.08, 0.36, 1.75).move(0.87, 0.92, -1.48).mirrored('x').of('body', 'paint')
  const [y, slope, z] = {
    panel: [1.65, -37, 1.24],
    microbus: [1.5, -33, 2.08],
    pickup: [1.45, -41, 0.93],
    camper: [1.43, -34, 1.42],
    ambulance: [1.52, -40, 1.2],
  }[kind]! as [number, number, number]
  const glass = [
    box(1.55, kind === 'panel' ? 0.95 : 0.62, 0.06)
      .turn('x', slope)
      .move(0, y, z),
  ]
  if (kind === 'microbus') glass.push(sideWindows(5, back + 0.3, 1.7, 1.5, 0.45, 0.92))
  else glass.push(sideWindows(1, kind === 'pickup' ? -0.45 : 0.2, kind === 'panel' ? 0.95 : 0.75, 1.4, 0.42, 0.92))
  if (kind === 'camper') glass.push(sideWindows(2, -2.2, 0, 1.75, 0.5, 0.92))
  const extra: Solid[] = []
  if (kind === 'pickup') extra.push(walls)
  if (kind === 'ambulance')
    extra.push(
      box(1.4, 0.18, 0.3, 0.08).move(0, 2.48, 0.2).of('lamps', 'glass'),
      box(0.06, 0.25, 0.75)
        .and(box(0.06, 0.75, 0.25))
        .move(0.92, 1.5, -1.1)
        .mirrored('x')
        .of('cross', 'paint', [0.7, 0.03, 0.03]),
    )
  if (kind === 'panel')
    extra.push(
      box(0.05, 0.05, 3)
        .repeat(2, [1.2, 0, 0])
        .and(box(1.3, 0.05, 0.05).repeat(5, [0, 0, 0.7]))
        .move(0, roof + 0.08, -0.9)
        .of('bumpers', 'metal'),
    )
  const lamps = cylinder(0.13, 0.1, { segments: 10 })
    .turn('x', 90)
    .move(0.68, 0.75, front - 0.06)
    .mirrored('x')
    .of('lamps', 'glass')
  const bumpers = box(1.85, 0.16, 0.2, 0.06)
    .move(0, 0.4, front)
    .and(box(1.85, 0.16, 0.2, 0.06).move(0, 0.4, back))
    .of('bumpers', 'metal')
  return union(
    body,
    union(...glass).of('windows', 'glass'),
    ...extra,
    lamps,
    bumpers,
    ...axles.map((wheel) => pair(tyredWheel(radius, 0.24), 0.81, wheel)),
  )
}

function buildTractor(random: Random): Solid {
  const kind = random.cycle(['open', 'cab', 'canopy', 'crawler', 'loader'])
  const [big, small] = [random.spread(0.75, 0.95), random.spread(0.35, 0.5)]
  const bonnet = box(0.62, 0.6, 1.7, random.cycle([0.05, 0.25]))
    .move(0, 1.05, 0.85)
    .of('body', 'paint')
  const nose = box(0.5, 0.5, 0.08)
    .move(0, 1.02, 1.7)
    .and(sphere(0.1, { segments: 8, rings: 6 }).move(0.36, 1.2, 1.55).mirrored('x'))
    .of('grille', 'metal')
  const engine = box(0.42, 0.5, 2.4).move(0, 0.65, 0.4).of('engine', 'metal')
  const pipe = cylinder(0.05, 0.8, { segments: 8 }).move(0.15, 1.3, 1).of('engine', 'metal')
  const seat = box(0.45, 0.1, 0.4, 0.04)
    .and(box(0.45, 0.4, 0.1, 0.04).move(0, 0.22, -0.2))
    .move(0, 1.12, -0.6)
    .of('seat', 'leather')
  const steering = torus(0.2, 0.025, { segments: 12, sides: 5 })
    .turn('x', 50)
    .move(0, 1.45, 0.02)
    .and(tube(xyz([0, 1.45, 0.02, 0, 1.1, 0.25]), 0.03, { sides: 5 }))
    .of('seat', 'leather')
  const fender = sideways([...arc(-0.6, big, big * 1.1, 150, 25, 7), ...arc(-0.6, big, big * 1.04, 25, 150, 7)], 0.4)
    .move(0.6)
    .mirrored('x')
    .of('body', 'paint')
  const posts = (height: number) =>
    tube(inPlane('yz', xy([1.1, 0, height, 0]), 0), 0.035, { sides: 5 })
      .move(0.42, 0, -1.1)
      .and(tube(inPlane('yz', xy([1.1, 0, height, 0]), 0), 0.035, { sides: 5 }).move(0.42, 0, 0))
      .mirrored('x')
      .of('body', 'paint')
  const roof = (height: number) => box(1.15, 0.1, 1.4, 0.04).move(0, height, -0.55).of('body', 'paint')
  const tops: Record<string, () => Solid> = {
    open: () => seat.and(steering),
    cab: () => union(roof(2.25), posts(2.2), box(0.86, 1.05, 1.1).move(0, 1.65, -0.55).of('windows', 'glass')),
    canopy: () => union(seat, steering, roof(2.1), posts(2.1)),
    crawler: () => union(seat, steering),
    loader: () =>
      union(
        seat,
        steering,
        tube(xyz([0.45, 1.2, -0.1, 0.45, 1.15, 1.5, 0.45, 0.35, 2.3]), 0.06, { sides: 5 }).mirrored('x'),
        sideways([...arc(2.7, 0.45, 0.4, 100, 260, 6), [3, 0.04], [2.63, 0.1], ...arc(2.7, 0.45, 0.34, 250, 110, 5)], 1.6),
      ).of('body', 'paint'),
  }
  const rear = tyredWheel(big, 0.42).and(box(0.5, 0.07, 0.14).move(0, big, 0).around(14, { axis: 'x' }).of('tyres', 'rubber'))
  const track = sideways(
    curve<Point2>(xy([-1.3, 0.5, -1, 0.02, 1.1, 0.02, 1.5, 0.45, 1.1, 0.85, -1, 0.95]), { closed: true, steps: 3 }),
    0.42,
  )
  const roller = cylinder(0.33, 0.5, { segments: 12 }).move(0, -0.25).turn('z', 90).of('wheels', 'metal')
  const crawler = union(track.of('tyres', 'rubber'), roller.move(0, 0.47, -0.8), roller.move(0, 0.43, 0.95))
  const running =
    kind === 'crawler'
      ? crawler.move(0.6).mirrored('x')
      : union(pair(rear, 0.65, -0.6), pair(tyredWheel(small, 0.22), 0.6, 1.25), fender)
  return union(bonnet, nose, engine, pipe, tops[kind]!(), running)
}

export const motorVehicles: readonly Category[] = [
  { name: 'bus', build: buildBus },
  { name: 'car', build: buildCar },
  { name: 'tractor', build: buildTractor },
  { name: 'truck', build: buildTruck },
  { name: 'van', build: buildVan },
]
