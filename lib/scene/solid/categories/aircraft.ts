// What flies.
import type { Category, Random } from '../category.js'
import {
  box,
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
  skin,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { spine } from './animal_bodies.js'
import { paint } from './coachwork.js'
import { pair, sideways, tyredWheel } from './wheels.js'
import { propeller, wing } from './wings.js'

function buildAeroplane(random: Random): Solid {
  const kind = random.cycle(['airliner', 'biplane', 'light', 'fighter', 'jumbo'])
  if (kind === 'airliner' || kind === 'jumbo') {
    const four = kind === 'jumbo'
    const body = spine(
      [
        -2.1, 0.18, 0.05, 0.05, -1.5, 0.1, 0.16, 0.16, -0.8, 0, 0.24, 0.24, 1.5, 0, 0.24, 0.24, 1.85, -0.03, 0.18, 0.17, 2.05,
        -0.06, 0.08, 0.08,
      ],
      { sides: 14 },
    )
    const hump = four ? [ellipsoid(0.18, 0.2, 0.6, { segments: 14, rings: 7 }).move(0, 0.17, 1.2)] : []
    const engine = (x: number, z: number) =>
      cylinder(0.11, 0.42, { round: 0.03, segments: 12 })
        .turn('x', 90)
        .move(x, -0.2, z)
        .and(box(0.03, 0.16, 0.3).move(x, -0.09, z + 0.15))
        .mirrored('x')
        .of('engines', 'metal')
    const wings = union(
      wing(2, 0.85, 0.25, { sweep: 0.9, rise: 0.25 }).move(0.1, -0.1, 0.15),
      wing(0.75, 0.45, 0.18, { sweep: 0.4, rise: 0.08 }).move(0.05, 0.15, -1.75),
    ).mirrored('x')
    const rudder = sideways(xy([-1.45, 0.1, -1.95, 0.85, -2.2, 0.85, -2.0, 0.15]), 0.05)
    const windows = box(0.03, 0.06, 0.07).repeat(12, [0, 0, 0.2]).move(0.235, 0.06, 0.2).mirrored('x')
    const cockpit = box(0.26, 0.07, 0.1).turn('x', 40).move(0, 0.1, 1.86)
    return union(
      paint(union(body, ...hump, wings, rudder)),
      windows.and(cockpit).of('windows', 'glass'),
      engine(0.7, 0.15),
      ...(four ? [engine(1.3, -0.15)] : []),
    )
  }
  if (kind === 'fighter') {
    const body = spine(
      [-1.4, 0, 0.15, 0.14, -0.6, 0, 0.2, 0.17, 0.3, 0.02, 0.16, 0.16, 1, 0, 0.09, 0.09, 1.6, -0.03, 0.015, 0.015],
      { sides: 12 },
    )
    const wings = union(
      wing(1.05, 1.4, 0.25, { sweep: 0.55, thickness: 0.05 }).move(0.1, -0.02, -0.4),
      wing(0.5, 0.5, 0.2, { sweep: 0.35, thickness: 0.05 }).move(0.1, 0, -1.25),
    ).mirrored('x')
    const tails = sideways(xy([-0.8, 0.1, -1.25, 0.65, -1.5, 0.65, -1.4, 0.1]), 0.04)
      .move(0.12, 0, 0)
      .turn('z', -14)
      .mirrored('x')
    const intakes = box(0.16, 0.2, 0.9, 0.05).move(0.22, -0.02, 0).mirrored('x')
    const nozzle = cylinder(0.14, 0.2, { top: 0.17, segments: 12 }).turn('x', 90).move(0, 0, -1.6).of('engines', 'metal')
    return union(
      paint(union(body, wings, tails, intakes)),
      ellipsoid(0.11, 0.12, 0.34, { segments: 12, rings: 7 }).move(0, 0.14, 0.55).of('windows', 'glass'),
      nozzle,
    )
  }
  const biplane = kind === 'biplane'
  const body = spine([-1.1, 0.06, 0.04, 0.07, -0.5, 0.03, 0.12, 0.14, 0.15, 0, 0.19, 0.2, 0.62, 0, 0.17, 0.18], { sides: 12 })
  const wings = biplane
    ? union(wing(1.25, 0.45, 0.4, { rise: 0.05 }).move(0, -0.1, 0.15), wing(1.3, 0.45, 0.4).move(0, 0.45, 0.25))
    : wing(1.4, 0.42, 0.32, { rise: 0.06 }).move(0, 0.34, 0.1)
  const struts = (
    biplane ? xyz([0.5, -0.1, 0.3, 0.5, -0.1, 0.05, 1.05, -0.06, 0.3, 1.05, -0.06, 0.05]) : [[0.15, -0.1, 0.1]]
  ).map(([x, y, z]) =>
    tube(biplane ? xyz([x!, y!, z!, x!, 0.47, z! + 0.1]) : xyz([x!, y!, z!, 0.75, 0.35, z! + 0.05]), 0.018, { sides: 5 }),
  )
  const tail = union(
    wing(0.45, 0.3, 0.2, { sweep: 0.05 }).move(0, 0.08, -1.1).mirrored('x'),
    sideways(curve<Point2>(xy([-0.9, 0.1, -1.05, 0.4, -1.25, 0.38, -1.25, 0.05]), { closed: true, steps: 2 }), 0.04),
  )
  const gear = union(
    tube(xyz([0.1, -0.1, 0.3, 0.32, -0.36, 0.38]), 0.022, { sides: 5 }).mirrored('x'),
    tube(xyz([-0.32, -0.36, 0.38, 0.32, -0.36, 0.38]), 0.015, { sides: 5 }),
  )
  const nose = biplane
    ? cylinder(0.19, 0.12, { segments: 14 }).turn('x', 90).move(0, 0, 0.62)
    : cylinder(0.16, 0.08, { segments: 14, top: 0.1 }).turn('x', 90).move(0, 0, 0.72)
  const glass = biplane
    ? [box(0.2, 0.14, 0.02).turn('x', -25).move(0, 0.24, 0.05)]
    : [
        skin([
          xyz([0.17, 0.1, -0.35, 0.17, 0.1, 0.42, -0.17, 0.1, 0.42, -0.17, 0.1, -0.35]),
          xyz([0.14, 0.35, -0.25, 0.14, 0.35, 0.22, -0.14, 0.35, 0.22, -0.14, 0.35, -0.25]),
        ] as Point3[][]),
      ]
  const pilot = biplane ? [sphere(0.09, { segments: 10, rings: 6 }).move(0, 0.28, -0.18).of('pilot', 'leather')] : []
  return union(
    paint(union(body, wings.mirrored('x'), tail)),
    union(...struts)
      .mirrored('x')
      .and(gear, nose)
      .of('engines', 'metal'),
    union(...glass).of('windows', 'glass'),
    ...pilot,
    pair(tyredWheel(0.1, 0.06), 0.33, 0.38).move(0, -0.46, 0),
    propeller(random.whole(2, 4), 0.4, 0.07).move(0, 0, biplane ? 0.76 : 0.82),
  )
}

function buildHelicopter(random: Random): Solid {
  const kind = random.cycle(['bubble', 'rescue', 'tandem', 'attack', 'light'])
  const turned = random.between(10, 80)
  const rotor = (blades: number, length: number) =>
    union(
      box(0.1, 0.018, length)
        .move(0, 0, length / 2)
        .around(blades, { start: turned }),
      cylinder(0.05, 0.1, { segments: 8 }).move(0, -0.06),
    ).of('rotor', 'metal')
  const skids = union(
    tube(curve<Point3>(xyz([0.32, -0.42, -0.5, 0.32, -0.42, 0.45, 0.32, -0.34, 0.62]), { steps: 3 }), 0.022, { sides: 6 }),
    ...[-0.25, 0.3].map((z) => tube(xyz([0.15, -0.15, z, 0.32, -0.42, z]), 0.018, { sides: 5 })),
  )
    .mirrored('x')
    .of('gear', 'metal')
  const tailRotor = (z: number, y: number, size: number) =>
    box(0.01, size, 0.05)
      .move(0.08, size / 2, 0)
      .around(3, { axis: 'x' })
      .move(0, y, z)
      .of('rotor', 'metal')
  const mast = (y: number, z = 0) =>
    cylinder(0.04, 0.25, { segments: 8 })
      .move(0, y - 0.2, z)
      .of('rotor', 'metal')
  if (kind === 'bubble') {
    const lattice = xy([0.1, -0.02, -0.1, -0.02, 0, 0.14]).map(([x, y]) =>
      tube(xyz([x!, y!, -0.2, x! * 0.4, 0.12 + y! * 0.4, -1.5]), 0.014, { sides: 4 }),
    )
    const rungs = [-0.4, -0.65, -0.9, -1.15, -1.35].map((z) =>
      torus(0.11 + 0.05 * z, 0.012, { segments: 3, sides: 4 })
        .turn('x', 90)
        .turn('z', 90)
        .move(0, 0.06 - 0.05 * z, z),
    )
    return union(
      sphere(0.4, { segments: 18, rings: 12 }).of('windows', 'glass'),
      box(0.4, 0.35, 0.4, 0.05).move(0, -0.05, -0.35).of('body', 'paint'),
      union(...lattice, ...rungs).of('gear', 'metal'),
      skids,
      rotor(2, 1.4).move(0, 0.62, -0.2),
      mast(0.62, -0.2),
      tailRotor(-1.5, 0.12, 0.24),
    )
  }
  if (kind === 'tandem') {
    const body = sideways(
      curve<Point2>(
        xy([-1.3, -0.1, -0.9, -0.35, 0.9, -0.35, 1.4, -0.2, 1.45, 0.05, 1.1, 0.35, -0.7, 0.32, -1.0, 0.7, -1.4, 0.7]),
        { closed: true, steps: 3 },
      ),
      0.7,
      { bevel: 0.12 },
    )
    return union(
      paint(body),
      box(0.6, 0.24, 0.05).turn('x', -48).move(0, 0.2, 1.32).of('windows', 'glass'),
      box(0.04, 0.14, 0.14).repeat(4, [0, 0, 0.4]).move(0.35, 0.08, 0.1).mirrored('x').of('windows', 'glass'),
      rotor(3, 1.15).move(0, 0.6, 0.95),
      mast(0.6, 0.95),
      rotor(3, 1.15).turn('y', 35).move(0, 0.9, -1.15),
      mast(0.9, -1.15),
      ...[0.8, -0.9].map((z) => pair(tyredWheel(0.1, 0.08), 0.36, z).move(0, -0.5, 0)),
    )
  }
  const attack = kind === 'attack'
  const body = attack
    ? spine(
        [
          -1.7, 0.12, 0.05, 0.05, -0.7, 0.08, 0.1, 0.11, -0.3, 0.02, 0.2, 0.24, 0.2, 0, 0.2, 0.28, 0.7, -0.04, 0.16, 0.2, 1.05,
          -0.1, 0.06, 0.07,
        ],
        { sides: 12 },
      )
    : spine(
        [
          -1.6, 0.2, 0.045, 0.05, -0.75, 0.15, 0.09, 0.1, -0.4, 0.06, 0.24, 0.25, 0.1, 0, 0.33, 0.33, 0.4, -0.04, 0.3, 0.28, 0.62,
          -0.12, 0.12, 0.12,
        ],
        { sides: 12 },
      )
  const glass = attack
    ? ellipsoid(0.15, 0.16, 0.22, { segments: 12, rings: 7 })
        .move(0, 0.16, 0.62)
        .and(ellipsoid(0.16, 0.18, 0.22, { segments: 12, rings: 7 }).move(0, 0.26, 0.3))
    : ellipsoid(0.29, 0.26, 0.32, { segments: 14, rings: 8 }).move(0, 0.06, 0.36)
  const cowl = ellipsoid(0.16, 0.13, 0.42, { segments: 12, rings: 7, vertical: 2.6 }).move(0, 0.36, -0.15)
  const finBase = attack ? 0.12 : 0.2
  const fin = sideways(xy([-1.45, finBase, -1.62, finBase + 0.42, -1.8, finBase + 0.42, -1.72, finBase - 0.05]), 0.04).and(
    box(0.7, 0.025, 0.16).move(0, finBase, -1.35),
  )
  const stub = attack
    ? [
        paint(box(1.1, 0.05, 0.25).move(0, -0.02, 0)),
        cylinder(0.06, 0.5, { segments: 8, round: 0.02 }).turn('x', 90).move(0.45, -0.1, -0.25).mirrored('x').of('gear', 'metal'),
        tube(xyz([0, -0.2, 0.85, 0, -0.24, 1.2]), 0.025, { sides: 6 }).of('gear', 'metal'),
      ]
    : []
  const wheels =
    kind === 'rescue' || attack
      ? [
          pair(tyredWheel(0.1, 0.08), 0.28, 0.35).move(0, -0.48, 0),
          tube(xyz([0.1, -0.15, 0.35, 0.28, -0.38, 0.35]), 0.03, { sides: 5 })
            .mirrored('x')
            .of('gear', 'metal'),
          tyredWheel(0.08, 0.06).move(0, -0.38, kind === 'rescue' ? -0.45 : -0.9),
          tube(xyz([0, 0, kind === 'rescue' ? -0.45 : -0.9, 0, -0.38, kind === 'rescue' ? -0.45 : -0.9]), 0.02, { sides: 5 }).of(
            'gear',
            'metal',
          ),
        ]
      : [skids]
  return union(
    paint(union(body, cowl, fin)),
    glass.of('windows', 'glass'),
    ...stub,
    ...wheels,
    rotor(kind === 'light' ? 3 : attack ? 4 : 5, 1.45).move(0, 0.64, -0.1),
    mast(0.64, -0.1),
    tailRotor(-1.7, finBase + 0.36, 0.26),
  )
}

function buildRocket(random: Random): Solid {
  const kind = random.cycle(['classic', 'staged', 'boosters', 'shuttle', 'toy'])
  const nozzle = (r: number, h: number) => cylinder(r, h, { top: r * 0.55, segments: 14 }).of('engine', 'metal')
  const finned = (outline: Point2[], count: number) => prism(outline, 0.04).around(count).of('fins', 'paint')
  const bodyOf = (profile: Point2[]) => paint(lathe(curve(profile, { steps: 4 }), { segments: 20 }))
  const flat = (profile: Point2[], segments = 20) => paint(lathe(profile, { segments }))
  if (kind === 'classic')
    return union(
      bodyOf(xy([0.16, 0, 0.26, 0.4, 0.3, 0.9, 0.2, 1.5, 0.0, 2])),
      finned(xy([0.18, 0.6, 0.55, 0.2, 0.6, -0.3, 0.15, 0.05]), random.pick([3, 4])),
      nozzle(0.17, 0.15).move(0, -0.12),
      torus(0.11, 0.03, { segments: 14, sides: 6 }).turn('x', 90).move(0, 1.1, 0.27).of('rim', 'metal'),
      sphere(0.1, { segments: 10, rings: 6 }).move(0, 1.1, 0.22).of('window', 'glass'),
    )
  if (kind === 'toy')
    return union(
      bodyOf(xy([0.28, 0, 0.42, 0.35, 0.44, 0.7, 0.3, 1.15, 0.0, 1.45])),
      torus(0.42, 0.05, { segments: 18, sides: 6 }).move(0, 0.35, 0).of('rim', 'metal'),
      finned(
        curve<Point2>(xy([0.3, 0.5, 0.65, 0.3, 0.75, -0.25, 0.6, -0.22, 0.5, 0.05, 0.25, 0.1]), { closed: true, steps: 3 }),
        4,
      ),
      ...[0, 120, 240].map((a) =>
        sphere(0.12, { segments: 10, rings: 6 }).move(0, 0.78, 0.36).turn('y', a).of('window', 'glass'),
      ),
      nozzle(0.26, 0.15).move(0, -0.13),
    )
  if (kind === 'staged')
    return union(
      flat(xy([0.25, 0, 0.25, 1.3, 0.18, 1.45, 0.18, 2.15, 0.12, 2.25, 0.12, 2.5, 0.02, 2.75])),
      cylinder(0.02, 0.3, { segments: 8, top: 0.004 }).move(0, 2.73).of('engine', 'metal'),
      ...[0.35, 0.9, 1.8].map((y) =>
        torus(y > 1.5 ? 0.18 : 0.25, 0.015, { segments: 20, sides: 4 })
          .move(0, y)
          .of('rim', 'metal'),
      ),
      finned(xy([0.22, 0.35, 0.42, 0.05, 0.42, 0, 0.22, 0]), 4),
      ...[45, 135, 225, 315].map((a) => nozzle(0.1, 0.16).move(0.13, -0.14).turn('y', a)),
    )
  const booster = (x: number, r: number, h: number) =>
    union(flat(xy([r, 0, r, h, r * 0.7, h + r * 1.2, 0, h + r * 2.4]), 14), nozzle(r * 0.9, 0.14).move(0, -0.12)).move(x, 0, 0)
  if (kind === 'boosters')
    return union(
      flat(xy([0.2, 0, 0.2, 1.9, 0.27, 2.0, 0.27, 2.35, 0.18, 2.6, 0, 2.75])),
      nozzle(0.16, 0.16).move(0, -0.14),
      booster(0.32, 0.13, 1.1).around(random.pick([2, 4])),
    )
  const orbiter = union(
    spine([0, 0, 0.2, 0.17, 0.25, 0, 0.2, 0.17, 1.1, 0, 0.19, 0.17, 1.4, -0.02, 0.12, 0.11, 1.55, -0.05, 0.04, 0.04], {
      sides: 12,
    }),
    prism(xy([0.15, -1.1, 0.22, -0.7, 0.72, -0.05, 0.72, 0.08, 0.15, 0.08]), 0.04)
      .mirrored('x')
      .turn('x', -90)
      .move(0, -0.1, 0),
    sideways(xy([0.35, 0.12, 0.02, 0.6, -0.2, 0.6, 0, 0.12]), 0.04),
  )
    .turn('x', -90)
    .move(0, 0.35, 0.42)
  return union(
    paint(orbiter),
    nozzle(0.1, 0.16).move(0.1, 0.15, 0.42).mirrored('x'),
    lathe(curve<Point2>(xy([0.1, 0.25, 0.3, 0.35, 0.3, 1.7, 0.18, 2.1, 0, 2.4]), { steps: 3 })).of('tank', 'metal'),
    booster(0.42, 0.13, 1.6).and(booster(-0.42, 0.13, 1.6)),
  )
}

function buildBalloon(random: Random): Solid {
  const gores = random.cycle([8, 12, 16, 10, 24])
  const kind = random.cycle(['round', 'tall', 'pear', 'wide', 'long'])
  const profiles: Record<string, Point2[]> = {
    round: xy([0.14, -0.95, 0.45, -0.7, 0.88, -0.15, 0.95, 0.35, 0.7, 0.8, 0, 1.05]),
    tall: xy([0.12, -1.3, 0.38, -0.95, 0.72, -0.3, 0.8, 0.35, 0.58, 0.9, 0, 1.2]),
    pear: xy([0.16, -1.1, 0.26, -0.85, 0.55, -0.4, 0.92, 0.2, 0.8, 0.7, 0, 1]),
    wide: xy([0.16, -0.8, 0.6, -0.6, 1.1, -0.1, 1.1, 0.3, 0.75, 0.62, 0, 0.75]),
    long: xy([0.14, -1.2, 0.5, -0.9, 0.68, -0.3, 0.7, 0.4, 0.52, 0.85, 0, 1.12]),
  }
  const profile = curve(profiles[kind]!, { steps: 3 })
  const depth = gores > 16 ? 0.04 : 0.07
  const points = gores * (gores > 16 ? 2 : 3)
  const envelope = skin(
    profile.map(([r, y]) =>
      Array.from({ length: points }, (_, i): Point3 => {
        const a = (2 * Math.PI * i) / points
        const bulge = Math.max(0, r) * (1 - depth + depth * Math.abs(Math.sin((a * gores) / 2)) * 2)
        return [bulge * Math.cos(a), y, bulge * Math.sin(a)]
      }),
    ),
    { crease: 30 },
  ).of('envelope', 'cloth')
  const neck = profiles[kind]![0]!
  const low = neck[1] - 0.55
  const outline = random.cycle([
    rectangle(0.3, 0.3, 0.04, 2),
    ellipse(0.17, 0.17, 12),
    rectangle(0.44, 0.26, 0.04, 2),
    ellipse(0.2, 0.16, 12),
    rectangle(0.26, 0.26),
  ])
  const basket = loft([
    { outline, y: 0, size: 0.85 },
    { outline, y: 0.24 },
    { outline, y: 0.24, size: 0.86 },
    { outline, y: 0.03, size: 0.75 },
  ])
    .move(0, low, 0)
    .of('basket', 'straw')
  const rope = tube(xyz([0.12, low + 0.24, 0.12, neck[0] * 0.7, neck[1] + 0.02, neck[0] * 0.7]), 0.01, { sides: 4 })
    .around(4)
    .of('ropes', 'cloth')
  const burner = cylinder(0.05, 0.1, { segments: 8 })
    .move(0, low + 0.36)
    .and(box(0.2, 0.02, 0.02).move(0, low + 0.37, 0))
    .of('burner', 'metal')
  return union(envelope, basket, rope, burner)
}

export const aircraft: readonly Category[] = [
  { name: 'aeroplane', build: buildAeroplane },
  { name: 'helicopter', build: buildHelicopter },
  { name: 'hot_air_balloon', build: buildBalloon },
  { name: 'rocket', build: buildRocket },
]
