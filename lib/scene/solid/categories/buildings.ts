// Buildings that people live and meet in.
import type { Category, Random } from '../category.js'
import {
  arc,
  box,
  cone,
  curve,
  cylinder,
  lathe,
  type Point2,
  type Point3,
  polygon,
  prism,
  type Solid,
  skin,
  sphere,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

import { gabled, gableRoof, hipRoof } from './roofs.js'

/** Windows in a row on the front at z, with sills. */
const windowRow = (count: number, step: number, w: number, h: number, y: number, z: number) =>
  box(w, h, 0.06)
    .repeat(count, [step, 0, 0])
    .move(0, y, z)
    .of('windows', 'glass')
    .and(
      box(w + 0.08, 0.04, 0.12)
        .repeat(count, [step, 0, 0])
        .move(0, y - h / 2, z)
        .of('trim', 'paint'),
    )

const door = (w: number, h: number, z: number, x = 0) =>
  box(w, h, 0.08)
    .move(x, h / 2, z)
    .of('door', 'wood')
    .and(
      box(w + 0.14, 0.06, 0.1)
        .move(x, h + 0.03, z)
        .of('trim', 'paint'),
      sphere(0.025, { segments: 6, rings: 4 })
        .move(x + w * 0.32, h * 0.45, z + 0.05)
        .of('trim', 'paint'),
    )

function buildHouse(random: Random): Solid {
  const kind = random.cycle(['cottage', 'wing', 'hip', 'modern', 'aframe'])
  const w = random.spread(1.5, 2.1)
  const wall = (solid: Solid) => solid.of('walls', random.instance % 2 ? 'brick' : 'paint')
  const roof = (solid: Solid) => solid.of('roof', 'ceramic')
  const chimney = (x: number, y: number, z: number) =>
    box(0.2, 0.6, 0.2)
      .move(x, y, z)
      .and(box(0.26, 0.06, 0.26).move(x, y + 0.3, z), cylinder(0.06, 0.12, { segments: 8 }).move(x, y + 0.33, z))
      .of('chimney', 'brick')
  if (kind === 'cottage')
    return union(
      wall(gabled(1.4, 1, 1.7, w).turn('y', 90)),
      roof(gableRoof(1.4, 1, 1.7, w).turn('y', 90)),
      chimney(w * 0.25, 1.7, 0),
      door(0.32, 0.65, 0.7),
      windowRow(2, w * 0.55, 0.3, 0.34, 0.55, 0.7),
    )
  if (kind === 'wing')
    return union(
      wall(gabled(1.3, 1.1, 1.8, w + 0.3).turn('y', 90)),
      roof(gableRoof(1.3, 1.1, 1.8, w + 0.3).turn('y', 90)),
      wall(gabled(0.9, 1.05, 1.6, 1.2).move(-w * 0.22, 0, 0.6)),
      roof(gableRoof(0.9, 1.05, 1.6, 1.1).move(-w * 0.22, 0, 0.62)),
      door(0.3, 0.62, 0.66, w * 0.18),
      windowRow(1, 1, 0.36, 0.4, 0.55, 1.21).move(-w * 0.22, 0, 0),
      windowRow(1, 1, 0.24, 0.3, 0.65, 0.66).move(w * 0.4, 0, 0),
      chimney(w * 0.3, 1.85, 0),
      box(0.8, 0.05, 0.5)
        .move(w * 0.18, 0.75, 0.9)
        .and(box(0.05, 0.75, 0.05).move(w * 0.18 + 0.35, 0.375, 1.1))
        .of('trim', 'paint'),
    )
  if (kind === 'hip')
    return union(
      wall(box(w, 1.7, 1.4).move(0, 0.85, 0)),
      roof(hipRoof(w, 1.4, 1.7, 0.6, w - 1.2)),
      chimney(w * 0.2, 2.2, 0).mirrored('x'),
      door(0.34, 0.65, 0.7),
      windowRow(2, w * 0.6, 0.3, 0.36, 0.5, 0.7),
      windowRow(3, w * 0.3, 0.26, 0.34, 1.25, 0.7),
      box(0.6, 0.06, 0.35)
        .move(0, 0.82, 0.85)
        .and(cylinder(0.03, 0.8, { segments: 6 }).move(0.25, 0, 0.98).mirrored('x'))
        .of('trim', 'paint'),
    )
  if (kind === 'modern')
    return union(
      wall(box(w + 0.5, 0.75, 1.3).move(0, 0.375, 0)),
      wall(box(w * 0.75, 0.7, 1.2).move(-w * 0.2, 1.1, 0.25)),
      roof(
        box(w + 0.7, 0.08, 1.5)
          .move(0, 0.76, 0)
          .and(box(w * 0.75 + 0.2, 0.08, 1.4).move(-w * 0.2, 1.46, 0.25)),
      ),
      windowRow(1, 1, w * 0.55, 0.4, 1.1, 0.86).move(-w * 0.2, 0, 0),
      windowRow(1, 1, 0.6, 0.42, 0.4, 0.66).move(-w * 0.3, 0, 0),
      door(0.3, 0.6, 0.66, w * 0.15),
      tube(xyz([w * 0.5, 0, 0.6, w * 0.5, 0.75, 0.6]), 0.03, { sides: 6 }).of('trim', 'paint'),
    )
  return union(
    wall(prism(xy([-0.85, 0, 0.85, 0, 0, 1.85]), 1.6)),
    roof(prism(xy([-1.08, -0.02, -0.95, -0.02, 0, 1.9, 0.95, -0.02, 1.08, -0.02, 0, 2.12]), 1.9)),
    door(0.3, 0.6, 0.82),
    windowRow(2, 0.7, 0.2, 0.3, 0.45, 0.81),
    windowRow(1, 1, 0.36, 0.4, 1.1, 0.81),
    box(1.3, 0.06, 0.5)
      .move(0, 0.78, 0.95)
      .and(box(1.3, 0.03, 0.03).move(0, 0.95, 1.18), box(0.03, 0.2, 0.03).repeat(8, [0.18, 0, 0]).move(0, 0.87, 1.18))
      .of('trim', 'paint'),
    chimney(0.3, 1.6, -0.3),
  )
}

function buildChurch(random: Random): Solid {
  const kind = random.cycle(['spire', 'dome', 'twin', 'chapel', 'side'])
  const stone = (solid: Solid) => solid.of('walls', 'stone')
  const roof = (solid: Solid) => solid.of('roof', 'ceramic')
  const cross = (y: number, x: number, z: number) =>
    box(0.03, 0.26, 0.03)
      .and(box(0.16, 0.03, 0.03).move(0, 0.05, 0))
      .move(x, y + 0.12, z)
      .of('cross', 'metal')
  const arched = (w: number, h: number) => prism([[-w / 2, 0], [w / 2, 0], ...arc(0, h - w / 2, w / 2, 0, 180, 6)], 0.06)
  const length = kind === 'chapel' ? 1.3 : random.spread(1.8, 2.3)
  const nave = union(
    stone(gabled(0.95, 0.9, 1.4, length)),
    roof(gableRoof(0.95, 0.9, 1.4, length)),
    arched(0.14, 0.5)
      .turn('y', 90)
      .repeat(4, [0, 0, length / 4.4])
      .move(0.48, 0.25, 0)
      .mirrored('x')
      .of('windows', 'glass'),
  )
  const front = length / 2
  const tower = (w: number, h: number, spire: number, x: number, z: number, corners = 4) =>
    union(
      stone(box(w, h, w).move(x, h / 2, z)),
      roof(
        lathe(xy([w * 0.78, h - 0.02, w * 0.78, h + 0.04, 0, h + spire]), { segments: corners, crease: 5 })
          .turn('y', 180 / corners)
          .move(x, 0, z),
      ),
      cross(h + spire, x, z),
      arched(0.13, 0.3)
        .of('windows', 'glass')
        .move(x, h - 0.45, z + w / 2),
      arched(0.13, 0.3)
        .turn('y', 90)
        .move(x + w / 2, h - 0.45, z)
        .of('windows', 'glass'),
    )
  const portal = (z: number, w = 0.3) => arched(w, 0.6).move(0, 0, z).of('door', 'wood')
  const rose = (z: number, y: number) => cylinder(0.15, 0.06, { segments: 14 }).turn('x', 90).move(0, y, z).of('windows', 'glass')
  if (kind === 'spire')
    return union(
      nave,
      tower(0.55, 1.75, 1.3, 0, front + 0.1, random.pick([4, 8])),
      portal(front + 0.39),
      rose(front + 0.36, 0.95),
    )
  if (kind === 'twin')
    return union(
      nave,
      tower(0.4, 1.7, 0.8, 0.48, front),
      tower(0.4, 1.7, 0.8, -0.48, front),
      portal(front + 0.02, 0.34),
      rose(front, 0.95),
    )
  if (kind === 'side')
    return union(
      nave,
      tower(0.48, 1.5, 0.5, -0.7, front - 0.4),
      portal(front + 0.01),
      rose(front, 0.95),
      stone(gabled(0.8, 0.85, 1.3, 1.9).turn('y', 90).move(0, 0, -0.3)),
      roof(gableRoof(0.8, 0.85, 1.3, 1.9).turn('y', 90).move(0, 0, -0.3)),
    )
  if (kind === 'chapel')
    return union(
      nave,
      portal(front + 0.01),
      stone(box(0.3, 0.5, 0.14).move(0, 1.6, front - 0.1)),
      roof(gableRoof(0.34, 1.83, 2, 0.15, 0.03).move(0, 0, front - 0.1)),
      cross(2.03, 0, front - 0.1),
      cylinder(0.08, 0.12, { top: 0.03, segments: 10 }).move(0, 1.55, front).of('cross', 'metal'),
    )
  const dome = (r: number, x: number, y: number, z: number) =>
    union(
      stone(cylinder(r, 0.45, { segments: 14 }).move(x, y, z)),
      roof(
        lathe(
          curve<Point2>(xy([r * 1.05, y + 0.42, r * 1.4, y + 0.65, r * 0.9, y + 0.95, r * 0.2, y + 1.2, 0, y + 1.4]), {
            steps: 3,
          }),
          { segments: 14 },
        ).move(x, 0, z),
      ),
      cross(y + 1.35, x, z),
    )
  return union(
    stone(box(1.4, 1.1, 1.4).move(0, 0.55, 0)),
    roof(box(1.5, 0.08, 1.5).move(0, 1.12, 0)),
    dome(0.3, 0, 1.1, 0),
    dome(0.14, 0.48, 1.1, 0.48),
    dome(0.14, -0.48, 1.1, 0.48),
    portal(0.71),
    arched(0.16, 0.5).of('windows', 'glass').repeat(2, [0.9, 0, 0]).move(0, 0.4, 0.71),
  )
}

function buildCastle(random: Random): Solid {
  const kind = random.cycle(['square', 'tower', 'fairy', 'ruin', 'keep'])
  const stone = (solid: Solid) => solid.of('walls', 'stone')
  const roof = (solid: Solid) => solid.of('roof', 'ceramic')
  const merlons = (r: number, y: number, count: number, size = 0.1) =>
    box(size, size * 1.3, size * 0.8)
      .move(0, y + size * 0.6, r)
      .around(count)
  const round = (r: number, h: number, top: 'merlons' | 'cone') =>
    top === 'cone'
      ? union(
          stone(cylinder(r, h, { segments: 14 })),
          roof(cone(r * 1.25, r * 2.6, 14).move(0, h, 0)),
          cylinder(0.012, 0.3, { segments: 4 })
            .move(0, h + r * 2.5)
            .and(box(0.16, 0.1, 0.015).move(0.08, h + r * 2.6 + 0.2))
            .of('flags', 'cloth'),
        )
      : stone(
          union(
            cylinder(r, h, { segments: 14 }),
            cylinder(r * 1.18, 0.18, { segments: 14 }).move(0, h),
            merlons(r * 1.08, h + 0.17, 8),
          ),
        )
  const slits = (r: number, y: number) =>
    box(0.04, 0.18, 0.04).move(0, y, r).around(3, { sweep: 100, start: -50 }).of('openings', 'paint', [0.02, 0.02, 0.02])
  const curtain = (length: number, h: number) =>
    union(
      box(length, h, 0.16).move(0, h / 2, 0),
      box(0.11, 0.13, 0.16)
        .repeat(Math.floor(length / 0.22), [0.22, 0, 0])
        .move(0, h + 0.06, 0),
    )
  const gate = (w: number, h: number, z: number) =>
    prism([[-w / 2, 0], [w / 2, 0], ...arc(0, h - w / 2, w / 2, 0, 180, 6)], 0.06)
      .move(0, 0, z)
      .of('gate', 'wood')
  if (kind === 'tower')
    return union(
      round(0.5, 1.7, 'merlons'),
      slits(0.5, 1.2),
      slits(0.5, 0.7),
      gate(0.3, 0.5, 0.5),
      round(0.2, 2.3, 'cone').move(0.42, 0, -0.25),
    )
  const corner = (x: number, z: number, r: number, h: number, top: 'merlons' | 'cone') =>
    union(round(r, h, top), slits(r, h * 0.65)).move(x, 0, z)
  if (kind === 'keep')
    return union(
      stone(
        union(
          box(1.3, 1.6, 1.3).move(0, 0.8, 0),
          ...[0, 90, 180, 270].map((a) => box(0.14, 0.18, 0.14).repeat(5, [0.28, 0, 0]).move(0, 1.68, 0.6).turn('y', a)),
          box(0.3, 1.9, 0.3).move(0.62, 0.95, 0.62).mirrored('x').mirrored('z'),
        ),
      ),
      gate(0.36, 0.6, 0.67),
      box(0.07, 0.26, 0.05).repeat(3, [0.35, 0, 0]).move(0, 1.1, 0.66).of('openings', 'paint', [0.02, 0.02, 0.02]),
    )
  if (kind === 'fairy')
    return union(
      corner(-0.6, 0.3, 0.2, 1.2, 'cone'),
      corner(0.6, 0.3, 0.2, 1.5, 'cone'),
      corner(0, -0.2, 0.32, 2, 'cone'),
      corner(0.38, -0.5, 0.14, 2.2, 'cone'),
      corner(-0.42, -0.5, 0.16, 1.7, 'cone'),
      stone(curtain(1.2, 0.75).move(0, 0, 0.35)),
      stone(box(1, 1.1, 0.7).move(0, 0.55, -0.3)),
      gate(0.3, 0.5, 0.45),
    )
  const h = random.between(0.6, 0.8)
  const walls = stone(
    union(
      curtain(1.6, h).move(0, 0, 0.85),
      curtain(1.6, h).move(0, 0, -0.85),
      curtain(1.6, h).turn('y', 90).move(0.85, 0, 0),
      curtain(1.6, h).turn('y', 90).move(-0.85, 0, 0),
    ),
  )
  if (kind === 'ruin')
    return union(
      stone(curtain(1.5, 0.6).move(0, 0, 0.85)),
      stone(curtain(1.2, 0.85).turn('y', 90).move(-0.85, 0, 0.1)),
      corner(-0.85, 0.85, 0.26, 1.3, 'merlons'),
      stone(
        cylinder(0.26, 0.7, { segments: 14 })
          .warp((x, y, z) => [x, y > 0 ? y + 0.5 * x - 0.3 * z : y, z])
          .move(0.85, 0, 0.85),
      ),
      stone(
        lathe(xy([0.34, 0, 0.34, 1.6, 0.26, 1.6, 0.26, 0.1, 0, 0.1]), { segments: 14 })
          .warp((x, y, z) => [x, y > 1 ? y + 0.7 * x + 0.25 * Math.sin(20 * z) : y, z])
          .move(-0.2, 0, -0.6),
      ),
      gate(0.3, 0.45, 0.93),
    )
  return union(
    walls,
    ...xy([1, 1, 1, -1, -1, 1, -1, -1]).map(([x, z]) => corner(0.85 * x!, 0.85 * z!, 0.24, 1.15, 'merlons')),
    stone(
      union(
        box(0.6, 1.4, 0.6).move(0, 0.7, -0.2),
        ...[0, 90, 180, 270].map((a) =>
          box(0.12, 0.14, 0.1).repeat(3, [0.24, 0, 0]).move(0, 1.46, 0.26).turn('y', a).move(0, 0, -0.2),
        ),
      ),
    ),
    stone(box(0.5, 0.9, 0.3).move(0, 0.45, 0.88)),
    gate(0.28, 0.5, 1.03),
  )
}

function buildPagoda(random: Random): Solid {
  const levels = random.cycle([3, 5, 4, 7, 5])
  const sides = random.cycle([4, 6, 4, 8, 8])
  const narrow = random.spread(0.8, 0.93)
  const storeys = Array.from({ length: levels }, (_, i) => {
    const [r, y] = [0.55 * narrow ** i, 0.12 + i * 0.46]
    const turn = 180 / sides
    const corner = (size: number, at: number, lift: number) =>
      Array.from({ length: sides * 3 }, (_, k): Point3 => {
        const a = (2 * Math.PI * k) / (sides * 3)
        const inside = Math.cos(Math.PI / sides) / Math.cos(((a + Math.PI / sides) % ((2 * Math.PI) / sides)) - Math.PI / sides)
        return [size * inside * Math.cos(a), at + (k % 3 === 0 ? lift : 0), size * inside * Math.sin(a)]
      })
    const eaves = skin(
      [
        corner(r * 1.55, y + 0.3, 0.09),
        corner(r * 1.58, y + 0.33, 0.09),
        corner(r * 1.05, y + 0.4, 0.03),
        corner(r * 0.75, y + 0.5, 0),
      ],
      { crease: 30 },
    )
    return union(
      prism(polygon(sides, r), 0.34)
        .turn('x', -90)
        .move(0, y + 0.17, 0)
        .turn('y', sides === 4 ? 0 : turn)
        .turn('y', 90)
        .of('walls', 'wood'),
      eaves.of('roof', 'ceramic'),
      box(0.14, 0.2, r * 1.5)
        .move(0, y + 0.14, 0)
        .turn('y', 45)
        .of('windows', 'glass'),
    )
  })
  const top = 0.12 + levels * 0.46
  return union(
    cylinder(0.85, 0.12, { segments: sides }).crease(5).of('base', 'stone'),
    ...storeys,
    lathe(
      curve<Point2>(xy([0.09, top - 0.02, 0.03, top + 0.1, 0.06, top + 0.18, 0.02, top + 0.26, 0.04, top + 0.32, 0, top + 0.5]), {
        steps: 2,
      }),
      { segments: 10 },
    ).of('finial', 'metal'),
  ).turn('y', sides === 4 ? 45 : 0)
}

export const buildings: readonly Category[] = [
  { name: 'castle', build: buildCastle },
  { name: 'church', build: buildChurch },
  { name: 'house', build: buildHouse },
  { name: 'pagoda', build: buildPagoda },
]
