// Works that stand in the open: mills, lighthouses, bridges, wells.
import type { Category, Random } from '../category.js'
import {
  arc,
  box,
  cone,
  curve,
  cylinder,
  ellipse,
  ellipsoid,
  lathe,
  loft,
  type Point2,
  type Point3,
  prism,
  rectangle,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

import { gabled, gableRoof, hipRoof } from './roofs.js'
import { sideways } from './wheels.js'

function buildWindmill(random: Random): Solid {
  const kind = random.cycle(['dutch', 'post', 'stone', 'pump', 'turbine'])
  const angle = random.spread(0, 70)
  const lattice = (length: number, w: number) =>
    union(
      box(0.05, length, 0.04).move(0, length / 2, 0),
      box(w, 0.02, 0.02)
        .repeat(7, [0, length / 9, 0])
        .move(w / 2, length * 0.58, 0),
      box(0.02, length * 0.76, 0.02)
        .move(w, length * 0.6, 0)
        .and(box(0.02, length * 0.76, 0.02).move(w / 2, length * 0.6, 0)),
    )
      .turn('y', 12)
      .around(4, { axis: 'z', start: angle })
      .of('sails', 'wood')
  const hub = cylinder(0.07, 0.4, { segments: 8 }).turn('x', -90).of('sails', 'wood')
  const window = box(0.13, 0.2, 0.08).of('windows', 'glass')
  if (kind === 'turbine') {
    const blade = loft([
      { outline: ellipse(0.05, 0.05, 8), y: 0 },
      { outline: ellipse(0.1, 0.025, 8), y: 0.2, x: -0.03 },
      { outline: ellipse(0.05, 0.012, 8), y: 0.8 },
      { outline: ellipse(0.015, 0.008, 8), y: 1.1 },
    ])
    return union(
      cylinder(0.09, 2.2, { top: 0.05, segments: 14 }).of('tower', 'paint'),
      ellipsoid(0.11, 0.11, 0.26, { segments: 12, rings: 8, vertical: 3 }).move(0, 2.25, 0).of('cap', 'paint'),
      blade.around(3, { axis: 'z', start: angle }).move(0, 2.25, 0.25).of('sails', 'paint'),
      cone(0.09, 0.15, 12).turn('x', 90).move(0, 2.25, 0.22).of('sails', 'paint'),
    )
  }
  if (kind === 'pump') {
    const legs = tube(xyz([0.42, 0, 0.42, 0.07, 1.9, 0.07]), 0.022, { sides: 4 }).around(4)
    const braces = [0.4, 0.85, 1.3].flatMap((y) =>
      [0, 90, 180, 270].map((a) => {
        const r = 0.42 - 0.185 * y
        const s = 0.42 - 0.185 * (y + 0.42)
        return tube(xyz([r, y, r, -s, y + 0.42, s]), 0.012, { sides: 4 }).turn('y', a)
      }),
    )
    const vane = box(0.11, 0.4, 0.015).move(0, 0.32, 0).turn('y', 20).around(14, { axis: 'z' })
    return union(
      union(legs, ...braces).of('tower', 'metal'),
      vane
        .and(
          torus(0.5, 0.012, { segments: 20, sides: 4 }).turn('x', 90),
          torus(0.16, 0.012, { segments: 14, sides: 4 }).turn('x', 90),
        )
        .move(0, 2, 0.2)
        .of('sails', 'metal'),
      tube(xyz([0, 2, 0.25, 0, 2, -0.8]), 0.025, { sides: 5 })
        .and(sideways(xy([-0.7, 1.9, -1.1, 1.78, -1.1, 2.22, -0.7, 2.1]), 0.02))
        .of('cap', 'metal'),
    )
  }
  if (kind === 'post')
    return union(
      box(0.75, 1.0, 0.8).move(0, 1.1, 0).of('tower', 'wood'),
      gableRoof(0.75, 1.6, 1.95, 0.8)
        .and(prism(xy([-0.375, 1.55, 0.375, 1.55, 0, 1.95]), 0.78))
        .of('cap', 'wood'),
      cylinder(0.12, 0.7, { segments: 10 })
        .and(tube(xyz([0.5, 0, 0.5, 0.05, 0.55, 0.05]), 0.05, { sides: 5 }).around(4))
        .of('post', 'wood'),
      lattice(1.15, 0.2).move(0, 1.45, 0.6),
      hub.move(0, 1.45, 0.66),
      window.move(0.15, 1.1, 0.4),
      tube(xyz([0, 0.8, -0.4, 0, 0.05, -1.2]), 0.05, { sides: 5 }).of('post', 'wood'),
    )
  const dutch = kind === 'dutch'
  const tower = dutch
    ? lathe(xy([0.62, 0, 0.36, 1.7]), { segments: 8, crease: 10 })
    : lathe(xy([0.5, 0, 0.42, 1.5]), { segments: 18 })
  const cap = dutch
    ? lathe(curve<Point2>(xy([0.4, 1.7, 0.38, 1.85, 0.22, 2.05, 0, 2.1]), { steps: 3 }), { segments: 14 })
    : cone(0.5, 0.55, 18).move(0, 1.5, 0)
  const gallery = dutch
    ? [
        cylinder(0.72, 0.05, { segments: 16 })
          .move(0, 0.7, 0)
          .and(torus(0.7, 0.015, { segments: 16, sides: 4 }).move(0, 0.9, 0), box(0.025, 0.2, 0.025).move(0.7, 0.8, 0).around(12))
          .of('post', 'wood'),
      ]
    : []
  const y = dutch ? 1.85 : 1.6
  return union(
    tower.of('tower', dutch ? 'straw' : 'stone'),
    cap.of('cap', 'wood'),
    ...gallery,
    lattice(dutch ? 1.25 : 1.1, 0.2).move(0, y, 0.6),
    hub.move(0, y, 0.68),
    window.move(0, 1.15, dutch ? 0.42 : 0.45),
    box(0.24, 0.42, 0.1)
      .move(0, 0.21, dutch ? 0.56 : 0.48)
      .of('door', 'wood'),
  )
}

function buildLighthouse(random: Random): Solid {
  const kind = random.cycle(['classic', 'octagon', 'skeleton', 'house', 'slim'])
  const white = (solid: Solid) => solid.of('tower', 'paint')
  const lantern = (y: number, r: number) =>
    union(
      cylinder(r * 1.7, 0.07, { segments: 16 })
        .move(0, y)
        .and(
          torus(r * 1.6, 0.012, { segments: 16, sides: 4 }).move(0, y + 0.2, 0),
          box(0.015, 0.16, 0.015)
            .move(r * 1.6, y + 0.12, 0)
            .around(10),
        )
        .of('gallery', 'metal'),
      cylinder(r, 0.3, { segments: 12 })
        .move(0, y + 0.07)
        .of('lantern', 'glass'),
      random
        .cycle([
          cone(r * 1.3, 0.25, 12),
          lathe(curve<Point2>(xy([r * 1.25, 0, r * 1.05, 0.14, 0, 0.26]), { steps: 3 }), { segments: 12 }),
        ])
        .move(0, y + 0.36)
        .and(sphere(0.035, { segments: 8, rings: 5 }).move(0, y + 0.63), cylinder(0.01, 0.2, { segments: 4 }).move(0, y + 0.63))
        .of('gallery', 'metal'),
    )
  const windows = (...places: Point2[]) =>
    union(...places.map(([y, z]) => box(0.1, 0.15, 0.06).move(0, y, z))).of('windows', 'glass')
  const entry = (z: number) => box(0.2, 0.38, 0.1).move(0, 0.2, z).of('door', 'wood')
  if (kind === 'classic')
    return union(
      white(lathe(curve<Point2>(xy([0.42, 0, 0.32, 0.5, 0.25, 1.2, 0.22, 1.8]), { steps: 3 }))),
      ...[0.5, 1.1].map((y) =>
        cylinder(0.335 - (y - 0.5) * 0.11, 0.28, { top: 0.305 - (y - 0.5) * 0.1 })
          .move(0, y)
          .of('bands', 'paint'),
      ),
      lantern(1.8, 0.16),
      windows([0.95, 0.28], [1.55, 0.24]),
      entry(0.38),
    )
  if (kind === 'octagon')
    return union(
      white(lathe(xy([0.45, 0, 0.27, 1.5]), { segments: 8, crease: 5 })),
      lathe(xy([0.34, 1.5, 0.34, 1.58]), { segments: 8, crease: 5 }).of('bands', 'paint'),
      lantern(1.58, 0.18),
      windows([0.8, 0.34], [1.25, 0.29]),
      entry(0.4),
    )
  if (kind === 'slim')
    return union(
      white(cylinder(0.2, 2.2, { top: 0.15 })),
      cylinder(0.34, 0.3).of('bands', 'stone'),
      cylinder(0.26, 0.12).move(0, 1.3).of('bands', 'stone'),
      lantern(2.2, 0.13),
      windows([0.8, 0.18], [1.7, 0.17]),
      entry(0.33),
    )
  if (kind === 'house')
    return union(
      white(box(0.46, 1.5, 0.46).taper('y', 1.15, 0.85).move(0, 0.75, 0)),
      lantern(1.5, 0.15),
      gabled(0.7, 0.5, 0.85, 1).turn('y', 90).move(0.6, 0, 0).of('bands', 'brick'),
      gableRoof(0.7, 0.5, 0.85, 1).turn('y', 90).move(0.6, 0, 0).of('roof', 'ceramic'),
      windows([0.7, 0.23], [1.15, 0.21]),
      entry(0.26),
      windows([0.3, 0.35]).move(0.7, 0, 0),
    )
  const legs = tube(xyz([0.55, 0, 0.55, 0.16, 1.5, 0.16]), 0.03, { sides: 5 }).around(4)
  const braces = [0.05, 0.55, 1.0].flatMap((y) =>
    [0, 90, 180, 270].flatMap((a) => {
      const [r, s] = [0.55 - 0.26 * y, 0.55 - 0.26 * (y + 0.45)]
      return [
        tube(xyz([r, y, r, -s, y + 0.45, s]), 0.014, { sides: 4 }).turn('y', a),
        tube(xyz([-r, y, r, s, y + 0.45, s]), 0.014, { sides: 4 }).turn('y', a),
      ]
    }),
  )
  return union(white(union(legs, ...braces)), cylinder(0.1, 1.5, { segments: 10 }).of('bands', 'metal'), lantern(1.5, 0.17))
}

function buildBridge(random: Random): Solid {
  const kind = random.cycle(['arch', 'suspension', 'truss', 'humped', 'viaduct'])
  const stone = (solid: Solid) => solid.of('arches', 'stone')
  if (kind === 'humped' || kind === 'arch' || kind === 'viaduct') {
    const spans = kind === 'humped' ? 1 : kind === 'arch' ? 3 : 5
    const [length, top] = kind === 'humped' ? [2.2, 0.62] : kind === 'arch' ? [3, 0.75] : [3.2, 1.15]
    const step = length / spans
    const r = kind === 'humped' ? 0.62 : step * 0.4
    const spring = kind === 'viaduct' ? top - r - 0.18 : 0
    const squash = kind === 'humped' ? 0.75 : 1
    const rise = (x: number) =>
      kind === 'humped'
        ? 0.3 * Math.cos((Math.PI * x) / length) - 0.12
        : kind === 'arch'
          ? 0.06 * Math.cos((Math.PI * x) / length)
          : 0
    const bottom = Array.from({ length: spans }, (_, i) =>
      arc((i - (spans - 1) / 2) * step, 0, r, 180, 0, 8).map(([x, y]): Point2 => [x, y * squash + spring]),
    ).flatMap((points) =>
      spring > 0 ? ([[points[0]![0], 0], ...points, [points[points.length - 1]![0], 0]] as Point2[]) : points,
    )
    const xs = Array.from({ length: 9 }, (_, i) => length / 2 - (i * length) / 8)
    const outline: Point2[] = [[-length / 2, 0], ...bottom, [length / 2, 0], ...xs.map((x): Point2 => [x, top + rise(x)])]
    const parapet = prism(
      [...xs.map((x): Point2 => [x, top + rise(x) - 0.02]), ...[...xs].reverse().map((x): Point2 => [x, top + rise(x) + 0.14])],
      0.06,
    )
      .move(0, 0, 0.3)
      .mirrored('z')
    return union(stone(prism(outline, 0.64)), parapet.of('parapet', 'stone')).turn('y', random.between(-10, 10) + 90)
  }
  const deck = box(3.6, 0.07, 0.5).move(0, 0.5, 0).of('deck', 'metal')
  if (kind === 'truss') {
    const n = 8
    const half = 1.8
    const step = (2 * half) / n
    const rod = (a: Point2, b: Point2) => tube(xyz([a[0], a[1], 0.25, b[0], b[1], 0.25]), 0.025, { sides: 4 })
    const rods = Array.from({ length: n }, (_, i) => {
      const x = -half + i * step
      const [low, high] = [0.5, 1.05]
      return union(
        rod([x, i ? high : low], [x + step, i === n - 1 ? low : high]),
        ...(i > 0 ? [rod([x, low], [x, high])] : []),
        ...(i > 0 && i < n - 1 ? [rod([x, i < n / 2 ? high : low], [x + step, i < n / 2 ? low : high])] : []),
      )
    })
    const ties = [1, 2, 3, 4, 5, 6, 7].map((i) => box(0.03, 0.03, 0.5).move(-half + i * step, 1.05, 0))
    return union(
      deck,
      union(...rods)
        .mirrored('z')
        .and(...ties)
        .of('truss', 'metal'),
      stone(box(0.3, 0.5, 0.6).move(1.6, 0.24, 0).mirrored('x')),
    ).turn('y', 90)
  }
  const towerX = 0.95
  const cable = (x: number) => (Math.abs(x) < towerX ? 0.62 + 0.95 * (x / towerX) ** 2 : 1.57 - (Math.abs(x) - towerX) * 1.2)
  const main = tube(
    Array.from({ length: 25 }, (_, i): Point3 => {
      const x = -1.8 + 0.15 * i
      return [x, Math.max(0.52, cable(x)), 0.23]
    }),
    0.022,
    { sides: 5 },
  )
  const hangers = Array.from({ length: 21 }, (_, i) => -1.5 + 0.15 * i).map((x) =>
    tube(xyz([x, 0.5, 0.23, x, Math.max(0.56, cable(x)), 0.23]), 0.007, { sides: 3 }),
  )
  const tower = union(
    box(0.09, 1.7, 0.07).move(towerX, 0.75, 0.24).mirrored('z'),
    box(0.08, 0.08, 0.5).repeat(3, [0, 0.36, 0]).move(towerX, 1.15, 0),
    box(0.26, 0.3, 0.7).move(towerX, 0, 0),
  ).mirrored('x')
  return union(
    deck,
    union(main, ...hangers)
      .mirrored('z')
      .of('cables', 'metal'),
    tower.of('towers', 'metal'),
  ).turn('y', 90)
}

function buildWell(random: Random): Solid {
  const kind = random.cycle(['gable', 'cone', 'arch', 'square', 'sweep'])
  const square = kind === 'square'
  const ring = square
    ? prism(rectangle(1.1, 1.1), 0.6, { holes: [rectangle(0.8, 0.8)] })
        .turn('x', -90)
        .move(0, 0.3, 0)
    : lathe(xy([0.55, 0, 0.55, 0.55, 0.6, 0.55, 0.6, 0.65, 0.4, 0.65, 0.4, 0.12, 0, 0.12]), {
        segments: kind === 'cone' ? 8 : 20,
      })
  const stones =
    square || kind === 'cone'
      ? []
      : [0.1, 0.3, 0.5].map((y, i) =>
          box(0.22, 0.15, 0.08)
            .move(0, y - 0.03, 0.54)
            .around(12, { start: i * 15 }),
        )
  const bucket = loft([
    { outline: ellipse(0.1, 0.1, 10), y: 0 },
    { outline: ellipse(0.13, 0.13, 10), y: 0.2 },
    { outline: ellipse(0.115, 0.115, 10), y: 0.2 },
    { outline: ellipse(0.085, 0.085, 10), y: 0.02 },
  ]).of('bucket', 'wood')
  const rope = (y0: number, y1: number, x = 0) =>
    cylinder(0.012, y1 - y0, { segments: 5 })
      .move(x, y0, 0)
      .of('rope', 'straw')
  const wood = (solid: Solid) => solid.of('frame', 'wood')
  const base = union(ring, ...stones).of('wall', square ? 'brick' : 'stone')
  if (kind === 'sweep')
    return union(
      base,
      wood(
        union(
          cylinder(0.07, 1.5, { segments: 8 }).move(-0.9, 0, 0),
          tube(xyz([-1.7, 1.15, 0, 0, 1.75, 0]), 0.045, { sides: 6 }),
          box(0.3, 0.24, 0.24).move(-1.65, 1.08, 0),
        ),
      ),
      rope(0.85, 1.73),
      bucket.move(0, 0.66, 0),
    )
  if (kind === 'arch')
    return union(
      base,
      tube(
        curve<Point3>(xyz([0.5, 0.6, 0, 0.5, 1.1, 0, 0.32, 1.5, 0, 0, 1.65, 0, -0.32, 1.5, 0, -0.5, 1.1, 0, -0.5, 0.6, 0]), {
          steps: 3,
        }),
        0.035,
        { sides: 6 },
      )
        .and(torus(0.13, 0.03, { segments: 14, sides: 5 }).turn('x', 90).move(0, 1.45, 0))
        .of('frame', 'metal'),
      rope(1.05, 1.35, 0.12),
      bucket.move(0.12, 0.85, 0),
    )
  const axle = wood(
    union(
      cylinder(0.06, 1.1, { segments: 10 }).move(0, -0.55).turn('z', 90).move(0, 1.15, 0),
      tube(xyz([0.55, 1.15, 0, 0.68, 1.15, 0, 0.68, 0.95, 0.1, 0.8, 0.95, 0.1]), 0.022, { sides: 5 }),
    ),
  )
  const posts = wood(box(0.09, 1.2, 0.09).move(0.5, 1.0, 0).mirrored('x'))
  const roof =
    kind === 'gable'
      ? gableRoof(1.0, 1.45, 1.85, 1.2).turn('y', 90)
      : kind === 'cone'
        ? cone(0.85, 0.6, 8).crease(5).move(0, 1.5, 0)
        : hipRoof(1.3, 1.3, 1.5, 0.5, 0.02)
  return union(base, posts, axle, roof.of('roof', kind === 'cone' ? 'straw' : 'wood'), rope(0.95, 1.12), bucket.move(0, 0.75, 0))
}

export const landmarks: readonly Category[] = [
  { name: 'bridge', build: buildBridge },
  { name: 'lighthouse', build: buildLighthouse },
  { name: 'well', build: buildWell },
  { name: 'windmill', build: buildWindmill },
]
