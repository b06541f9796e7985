// What floats and what dives.
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
  type Solid,
  sheet,
  skin,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { spine } from './animal_bodies.js'
import { sideways } from './wheels.js'
import { propeller, wing } from './wings.js'

interface HullShape {
  /** Breadth at the stern, as a share of the middle's. */
  stern?: number
  /** How far bow and stern are raised, in heights. */
  rise?: number
  /** How far forward the full breadth reaches, from 1. */
  full?: number
}

/** Half the breadth at t from 0 (stern) to 1 (bow), as a share of the middle's. */
const breadth = (t: number, stern: number, full: number) =>
  t < 0.4 ? stern + (1 - stern) * Math.sin((t / 0.4) * (Math.PI / 2)) : Math.max(0, 1 - ((t - 0.4) / 0.6) ** (1.2 + full * 0.6))

/** A decked hull from stern to bow: length, half beam, height of the sides. */
function hull(length: number, half: number, height: number, { stern = 0.7, rise = 0.3, full = 2 }: HullShape = {}): Solid {
  const rings = Array.from({ length: 15 }, (_, i) => {
    const t = i / 14
    const sheer = height * (1 + rise * (3 * Math.max(0, t - 0.4) ** 2 + 0.4 * Math.max(0, 0.3 - t)))
    const keel = height * (0.9 * Math.max(0, (t - 0.86) / 0.14) ** 2 + (0.25 * Math.max(0, 0.15 - t)) / 0.15)
    return arc(0, 0, 1, 0, 180, 6).map(
      ([x, y]): Point3 => [
        half * breadth(t, stern, full) * Math.sign(Math.round(x * 1e9)) * Math.abs(x) ** 0.8,
        keel + (sheer - keel) * (1 - Math.abs(y) ** 0.7),
        (t - 0.5) * length,
      ],
    )
  })
  return skin(rings, { crease: 40 })
}

/** An open boat, as `hull`, with a wall. */
function boat(length: number, half: number, height: number, { stern = 0.7, rise = 0.3, full = 2 }: HullShape = {}): Solid {
  const side = Array.from(
    { length: 13 },
    (_, i): Point2 => [half * Math.max(0.012, breadth(i / 12, stern, full)), (i / 12 - 0.5) * length],
  )
  const outline = [...side, ...side.map(([x, z]): Point2 => [-x, z]).reverse()]
  const layers = xy([0.45, 0, 0.72, 0.12, 0.92, 0.5, 1, 1, 0.93, 1, 0.84, 0.5, 0.62, 0.2, 0.4, 0.12]).map(([size, y]) => ({
    outline,
    size: size!,
    y: y! * height,
  }))
  return loft(layers).warp((x, y, z) => [x, y + rise * height * 2.4 * (z / length) ** 2 * (z > 0 ? 1.3 : 0.7), z])
}

const sail = (points: readonly Point3[], belly: number) =>
  sheet(
    (u, v) => {
      const [a, b, c, d] = points as [Point3, Point3, Point3, Point3]
      const at = [0, 1, 2].map(
        (k) => (1 - v) * ((1 - u) * a[k]! + u * b[k]!) + v * ((1 - u) * d[k]! + u * c[k]!),
      ) as unknown as Point3
      return [at[0] + belly * Math.sin(Math.PI * u) * Math.sin(Math.PI * (0.15 + 0.8 * v)), at[1], at[2]]
    },
    0.015,
    { across: 4, along: 6 },
  ).of('sails', 'cloth')

/** The gripping arms of a diving boat. */
const grippers = (x: number, y: number, z: number) =>
  tube(xyz([x, y, z, x + 0.1, y - 0.1, z + 0.3, x, y - 0.05, z + 0.5]), 0.035, { sides: 6 })
    .mirrored('x')
    .of('masts', 'metal')

function buildSailingBoat(random: Random): Solid {
  const kind = random.cycle(['sloop', 'square', 'lateen', 'catamaran', 'ketch'])
  const belly = random.spread(-0.16, 0.16)
  const wood = (solid: Solid) => solid.of('hull', 'wood')
  const mast = (z: number, height: number) =>
    cylinder(0.03, height, { top: 0.015, segments: 7 }).move(0, 0.3, z).of('mast', 'wood')
  const spar = (a: Point3, b: Point3) => tube([a, b], 0.02, { sides: 6 }).of('mast', 'wood')
  const main = (z: number, height: number, boom: number) =>
    union(
      mast(z, height + 0.1),
      spar([0, 0.6, z], [0, 0.6, z - boom]),
      sail(xyz([0, 0.62, z - boom, 0, 0.62, z - 0.03, 0, height + 0.3, z - 0.03, 0, height + 0.27, z - 0.1]), belly),
    )
  const jib = (z: number, bow: number, height: number) =>
    sail(xyz([0, 0.55, z + 0.06, 0, 0.5, bow, 0, height + 0.02, z + 0.06, 0, height, z + 0.04]), belly)
  const keel = sideways(xy([-0.25, 0.05, 0.25, 0.05, 0.12, -0.35, -0.15, -0.35]), 0.05).of('keel', 'metal')
  const cabinTop = box(0.4, 0.18, 0.6, 0.06).move(0, 0.42, -0.05).of('cabin', 'paint')
  if (kind === 'sloop')
    return union(wood(hull(2.2, 0.36, 0.36, { stern: 0.75 })), keel, cabinTop, main(0.2, 2.1, 0.95), jib(0.2, 1.05, 1.9))
  if (kind === 'ketch')
    return union(
      wood(hull(2.6, 0.36, 0.38, { stern: 0.6, rise: 0.5 })),
      keel,
      cabinTop,
      main(0.35, 1.9, 0.85),
      main(-0.8, 1.25, 0.55),
      jib(0.35, 1.25, 1.7),
    )
  if (kind === 'catamaran')
    return union(
      wood(hull(2.1, 0.14, 0.26, { stern: 0.8 }).move(0.5).mirrored('x')),
      box(1, 0.04, 0.7).move(0, 0.28, -0.2).of('deck', 'cloth'),
      spar([-0.5, 0.27, 0.35], [0.5, 0.27, 0.35]),
      main(0.3, 2.1, 1.05),
      jib(0.3, 0.95, 1.6),
    )
  if (kind === 'lateen')
    return union(
      wood(hull(2.2, 0.36, 0.36, { stern: 0.5, rise: 0.8 })),
      mast(0.25, 1.3),
      spar([0, 0.5, 1.0], [0, 2.2, -0.85]),
      sail(xyz([0, 0.5, -0.85, 0, 0.55, 0.95, 0, 2.12, -0.75, 0, 2.15, -0.83]), belly),
      box(0.42, 0.2, 0.5).move(0, 0.45, -0.75).of('cabin', 'wood'),
    )
  const square = (z: number, y: number, half: number, h: number) =>
    union(
      sheet(
        (u, v) => [
          (u - 0.5) * 2 * half * (1 - 0.15 * v),
          y + h * v,
          z + 0.16 * Math.sin(Math.PI * u) * Math.sin(Math.PI * (0.2 + 0.7 * v)) + 0.05,
        ],
        0.015,
        { across: 4, along: 4 },
      ).of('sails', 'cloth'),
      spar([-half * 0.9, y + h, z + 0.04], [half * 0.9, y + h, z + 0.04]),
    )
  return union(
    wood(hull(2.6, 0.4, 0.5, { stern: 0.8, rise: 0.5 })),
    box(0.62, 0.3, 0.5).move(0, 0.65, -1).of('cabin', 'wood'),
    spar([0, 0.75, 1.2], [0, 1.05, 1.75]),
    ...xy([0.75, 1.5, 0, 1.85, -0.75, 1.4]).flatMap(([z, h]) => [
      mast(z!, h! + 0.25),
      square(z!, 0.75, 0.5, h! * 0.36),
      square(z!, 0.8 + h! * 0.38, 0.4, h! * 0.3),
    ]),
    jib(0.8, 1.7, 1.6),
  )
}

function buildShip(random: Random): Solid {
  const kind = random.cycle(['container', 'liner', 'trawler', 'warship', 'ferry'])
  const steel = (solid: Solid) => solid.of('hull', 'paint')
  const house = (w: number, h: number, d: number, y: number, z: number) =>
    box(w, h, d)
      .move(0, y + h / 2, z)
      .of('superstructure', 'paint')
  const windows = (w: number, count: number, step: number, y: number, z: number) =>
    box(w, 0.05, 0.07).repeat(count, [0, 0, step]).move(0, y, z).of('windows', 'glass')
  const funnel = (z: number, y: number, h: number, r = 0.11, lean = -8) =>
    cylinder(r, h, { segments: 14 }).scale(1, 1, 1.25).turn('x', lean).move(0, y, z).of('funnels', 'metal')
  const pole = (y: number, h: number, z: number) => cylinder(0.018, h, { segments: 6 }).move(0, y, z).of('masts', 'metal')
  if (kind === 'container') {
    const stacks = [-0.75, -0.3, 0.15, 0.6, 1.05].map((z, i) => {
      const layers = [2, 3, 3, random.whole(1, 3), 2][i]!
      return box(0.14, 0.155, 0.4).repeat(4, [0.155, 0, 0]).repeat(layers, [0, 0.165, 0], 'start').move(0, 0.5, z)
    })
    return union(
      steel(hull(3.6, 0.36, 0.42, { stern: 0.9, full: 4 })),
      union(...stacks).of('containers', 'metal'),
      house(0.62, 0.75, 0.3, 0.4, -1.3),
      windows(0.64, 2, 0.14, 1.08, -1.3),
      funnel(-1.58, 0.4, 0.5),
      pole(1.15, 0.35, -1.3),
    )
  }
  if (kind === 'liner')
    return union(
      steel(hull(3.8, 0.33, 0.45, { stern: 0.6, full: 3, rise: 0.4 })),
      house(0.5, 0.14, 2.5, 0.45, -0.1),
      house(0.44, 0.13, 2.2, 0.59, -0.1),
      house(0.36, 0.12, 1.8, 0.72, -0.1),
      windows(0.51, 14, 0.16, 0.52, -0.1),
      windows(0.45, 12, 0.16, 0.66, -0.1),
      ...[0.6, 0.15, -0.3, -0.75].map((z) => funnel(z, 0.8, 0.45)),
      pole(0.45, 1, 1.3),
      pole(0.45, 1, -1.5),
    )
  if (kind === 'trawler')
    return union(
      steel(hull(2, 0.38, 0.45, { stern: 0.75, rise: 0.7 })),
      house(0.42, 0.38, 0.45, 0.42, 0.2),
      windows(0.44, 3, 0.13, 0.7, 0.2),
      funnel(-0.1, 0.5, 0.4, 0.06),
      pole(0.4, 1.1, 0.55),
      pole(0.4, 0.9, -0.55),
      tube(xyz([0, 0.6, -0.55, 0, 1.15, -1.15]), 0.018, { sides: 5 })
        .and(tube(xyz([0, 0.8, 0.55, 0, 1.2, 1]), 0.018, { sides: 5 }), box(0.5, 0.5, 0.03).move(0, 0.7, -0.95))
        .of('masts', 'metal'),
    )
  if (kind === 'warship') {
    const turret = (z: number, y: number, back = false) =>
      union(
        box(0.26, 0.12, 0.3, 0.04).move(0, y, 0),
        tube(xyz([0.05, y, 0.1, 0.05, y + 0.06, 0.5]), 0.018, { sides: 6 }).mirrored('x'),
      )
        .turn('y', back ? 180 : 0)
        .move(0, 0, z)
        .of('guns', 'metal')
    return union(
      steel(hull(3.8, 0.28, 0.36, { stern: 0.6, full: 1.6, rise: 0.5 })),
      house(0.32, 0.25, 0.8, 0.35, 0.15),
      house(0.26, 0.3, 0.35, 0.58, 0.3),
      windows(0.27, 2, 0.14, 0.8, 0.3),
      turret(1.0, 0.45),
      turret(0.65, 0.55),
      turret(-1.1, 0.42, true),
      funnel(-0.15, 0.55, 0.35, 0.09),
      pole(0.85, 0.55, 0.25),
      box(0.3, 0.02, 0.02).move(0, 1.25, 0.25).of('masts', 'metal'),
      house(0.3, 0.2, 0.5, 0.35, -0.6),
    )
  }
  return union(
    steel(hull(2.8, 0.45, 0.4, { stern: 0.95, full: 4, rise: 0.2 })),
    house(0.78, 0.3, 2, 0.4, -0.25),
    house(0.7, 0.2, 1.7, 0.7, -0.25),
    house(0.5, 0.2, 0.35, 0.9, 0.4),
    windows(0.8, 9, 0.2, 0.56, -0.25),
    windows(0.72, 8, 0.2, 0.82, -0.25),
    windows(0.52, 2, 0.15, 1.02, 0.4),
    funnel(-0.6, 0.9, 0.4, 0.12),
    pole(1.1, 0.35, 0.4),
  )
}

function buildRowingBoat(random: Random): Solid {
  const kind = random.cycle(['dinghy', 'canoe', 'punt', 'dory', 'inflatable'])
  const oar = (angle: number) =>
    union(tube(xyz([0, 0, 0, 0.7, 0, 0]), 0.016, { sides: 6 }), box(0.28, 0.02, 0.1).move(0.8, 0, 0))
      .turn('z', -14)
      .turn('y', angle)
      .of('oars', 'wood')
  const bench = (z: number, half: number, y: number) =>
    box(2 * half, 0.03, 0.16)
      .move(0, y, z)
      .of('benches', 'wood')
  if (kind === 'inflatable') {
    const ring = tube(
      curve<Point3>(
        xyz([
          0.36, 0.14, -0.8, 0.38, 0.14, 0.2, 0.2, 0.2, 0.72, 0, 0.22, 0.82, -0.2, 0.2, 0.72, -0.38, 0.14, 0.2, -0.36, 0.14, -0.8,
        ]),
        { steps: 4 },
      ),
      0.13,
      { sides: 10, round: true },
    )
    return union(
      ring.of('hull', 'rubber'),
      box(0.66, 0.06, 1.3).move(0, 0.08, -0.1).of('floor', 'rubber'),
      box(0.62, 0.3, 0.06).move(0, 0.16, -0.7).of('benches', 'wood'),
      bench(-0.1, 0.34, 0.2),
      box(0.16, 0.34, 0.22, 0.05)
        .move(0, 0.36, -0.85)
        .and(cylinder(0.03, 0.4, { segments: 6 }).move(0, -0.15, -0.88))
        .of('motor', 'metal'),
    )
  }
  if (kind === 'punt') {
    const shape: Point2[] = xy([-1.1, 0.26, -0.75, 0, 0.75, 0, 1.1, 0.26, 1.02, 0.26, 0.72, 0.05, -0.72, 0.05, -1.02, 0.26])
    const side = sideways(xy([-1.1, 0.26, -0.75, 0, 0.75, 0, 1.1, 0.26]), 0.05)
      .move(0.38)
      .mirrored('x')
    return union(
      sideways(shape, 0.8).and(side).of('hull', 'wood'),
      bench(0.5, 0.38, 0.16),
      bench(-0.4, 0.38, 0.16),
      tube(xyz([0.3, 0.3, -0.9, 0.5, 0.34, 1.3]), 0.02, { sides: 6 }).of('oars', 'wood'),
    )
  }
  const canoe = kind === 'canoe'
  const shell = canoe
    ? boat(2.4, 0.28, 0.24, { stern: 0.02, rise: 0.6 })
    : boat(2, kind === 'dory' ? 0.36 : 0.44, 0.32, { stern: kind === 'dory' ? 0.35 : 0.72, rise: kind === 'dory' ? 0.9 : 0.35 })
  const paddles = canoe ? [oar(65).move(-0.1, 0.3, 0.1)] : [oar(random.between(-30, 25)).move(0.28, 0.34, 0).mirrored('x')]
  return union(
    shell.of('hull', 'wood'),
    bench(-0.45, canoe ? 0.2 : 0.36, 0.2),
    bench(0.15, canoe ? 0.25 : 0.4, 0.2),
    ...(canoe ? [] : [bench(-0.8, 0.28, 0.2)]),
    ...paddles,
  )
}

function buildSubmarine(random: Random): Solid {
  const kind = random.cycle(['modern', 'war', 'toy', 'missile', 'mini'])
  const paint = (solid: Solid) => solid.of('hull', 'paint')
  const short = kind === 'toy' || kind === 'mini'
  const [r, l] = short ? [0.42, 0.75] : [0.24, 1.5]
  const body = spine(
    [
      [-l, 0, 0.03, 0.03],
      [-l * 0.72, 0, r * 0.55, r * 0.55],
      [-l * 0.3, 0, r, r],
      [l * 0.55, 0, r, r],
      [l * 0.85, 0, r * 0.72, r * 0.72],
      [l * 0.97, 0, r * 0.3, r * 0.3],
    ],
    { sides: 16 },
  )
  const towerShape = random.cycle([2, 4, 3, 2.5, 6])
  const tower = ellipsoid(0.09, 0.32, short ? 0.2 : 0.3, { segments: 14, rings: 8, vertical: 6, across: towerShape }).move(
    0,
    r + 0.15,
    0.25 * l,
  )
  const periscope = tube(xyz([0, r + 0.3, 0.25 * l, 0, r + 0.75, 0.25 * l, 0, r + 0.75, 0.25 * l + 0.14]), 0.022, { sides: 6 })
    .and(cylinder(0.014, 0.4, { segments: 6 }).move(0, r + 0.35, 0.25 * l - 0.1))
    .of('masts', 'metal')
  const planes = (x: number, z: number, y: number, size: number) =>
    wing(size, 0.26, 0.18, { thickness: 0.12 }).move(x, y, z).mirrored('x')
  const rudder = planes(0.05, -l * 0.82, 0, short ? 0.35 : 0.28).and(
    planes(0.05, -l * 0.82, 0, short ? 0.35 : 0.28).turn('z', 90),
  )
  const screw = propeller(short ? 4 : 5, r * 0.6, 0.07)
    .turn('y', 180)
    .move(0, 0, -l - 0.05)
  const extra: Solid[] = []
  if (kind === 'modern') extra.push(paint(planes(0.05, 0.25 * l, r + 0.28, 0.3)))
  if (kind === 'missile')
    extra.push(
      paint(box(0.36, 0.3, 1.2, 0.08).move(0, r, -0.35)),
      cylinder(0.05, 0.05, { segments: 10 })
        .repeat(2, [0.14, 0, 0])
        .repeat(5, [0, 0, 0.2])
        .move(0, r + 0.13, -0.35)
        .of('masts', 'metal'),
    )
  if (kind === 'war')
    extra.push(
      paint(box(0.2, 0.08, 2.6).move(0, r + 0.01, 0.1)),
      paint(
        ellipsoid(0.1, 0.13, 0.75, { segments: 12, rings: 7 })
          .move(r * 0.95, -0.06, 0)
          .mirrored('x')
          .and(box(0.05, 0.4, 0.4).move(0, r - 0.12, l)),
      ),
      union(box(0.08, 0.14, 0.12).move(0, r + 0.12, 0), tube(xyz([0, r + 0.17, 0, 0, r + 0.22, 0.4]), 0.018, { sides: 6 }))
        .move(0, 0, 0.9)
        .of('masts', 'metal'),
    )
  if (short)
    extra.push(
      torus(0.1, 0.03, { segments: 12, sides: 5 })
        .turn('z', 90)
        .repeat(3, [0, 0, 0.32])
        .move(r * 0.98, 0.06, 0.12)
        .mirrored('x')
        .of('rims', 'metal'),
      ellipsoid(0.03, 0.09, 0.09, { segments: 10, rings: 6 })
        .repeat(3, [0, 0, 0.32])
        .move(r * 0.97, 0.06, 0.12)
        .mirrored('x')
        .of('windows', 'glass'),
    )
  if (kind === 'mini')
    extra.push(
      sphere(0.36, { segments: 16, rings: 10 })
        .move(0, 0.02, l * 0.72)
        .of('windows', 'glass'),
      grippers(0.25, -0.2, l * 0.6),
    )
  return union(paint(union(body, tower, rudder)), periscope, screw, ...extra)
}

export const ships: readonly Category[] = [
  { name: 'rowing_boat', build: buildRowingBoat },
  { name: 'sailing_boat', build: buildSailingBoat },
  { name: 'ship', build: buildShip },
  { name: 'submarine', build: buildSubmarine },
]
