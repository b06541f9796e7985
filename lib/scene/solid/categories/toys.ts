// Toys.
import type { Category, Random } from '../category.js'
import {
  box,
  cone,
  curve,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  type Point3,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { eyes, limb, spine } from './animal_bodies.js'
import { pair, sideways, tyredWheel } from './wheels.js'

/** A ring about the z axis. */
const lampRing = (r: number) => torus(r, 0.03, { segments: 12, sides: 5 }).turn('x', 90)

function buildTeddyBear(random: Random): Solid {
  const pose = random.cycle(['sitting', 'standing', 'waving', 'reaching', 'slumped'])
  const extra = random.cycle(['bow', 'none', 'belly', 'hat', 'scarf'])
  const fat = random.spread(0.85, 1.15)
  const fur = (solid: Solid) => solid.of('plush', 'fur')
  const pale = (solid: Solid) => solid.of('patches', 'fur', [0.7, 0.6, 0.45])
  const ball = (x: number, y: number, z: number) => ellipsoid(x, y, z, { segments: 12, rings: 7 })
  const ear = random.spread(0.09, 0.14)
  const head = union(
    fur(ball(0.26, 0.24, 0.23)),
    fur(
      ball(ear, ear, ear * 0.5)
        .move(0.2, 0.19, 0)
        .mirrored('x'),
    ),
    pale(
      ball(ear * 0.6, ear * 0.6, ear * 0.3)
        .move(0.2, 0.19, ear * 0.35)
        .mirrored('x'),
    ),
    pale(ball(0.115, 0.09, 0.1).move(0, -0.07, 0.19)),
    ellipsoid(0.04, 0.028, 0.03, { segments: 8, rings: 5 }).move(0, -0.03, 0.285).of('eyes', 'glass', [0.02, 0.02, 0.02]),
    eyes(0.03, 0.09, 0.05, 0.2),
  ).turn('z', random.between(-12, 12))
  const seated = pose !== 'standing' && pose !== 'waving'
  const body = fur(ball(0.25 * fat, 0.3, 0.22 * fat)).and(
    ...(extra === 'belly' ? [pale(ball(0.18 * fat, 0.2, 0.08).move(0, -0.02, 0.165 * fat))] : []),
  )
  const arm = (up: number, forward: number) =>
    fur(ball(0.085, 0.2, 0.085).move(0, -0.17, 0).turn('x', -forward).turn('z', up)).move(0.21 * fat, 0.14, 0)
  const arms: Record<string, [Solid, Solid]> = {
    sitting: [arm(35, 35), arm(35, 35)],
    standing: [arm(28, 0), arm(28, 0)],
    waving: [arm(140, 10), arm(30, 5)],
    reaching: [arm(25, 85), arm(25, 85)],
    slumped: [arm(12, 10), arm(55, 20)],
  }
  const [right, left] = arms[pose]!
  const leg = seated
    ? union(
        fur(ball(0.105, 0.11, 0.23)).move(0, 0, 0.14),
        fur(ball(0.105, 0.125, 0.07)).move(0, 0.03, 0.33),
        pale(ball(0.07, 0.085, 0.03)).move(0, 0.03, 0.39),
      )
        .turn('y', 20)
        .move(0.14, -0.22, 0.06)
    : union(fur(ball(0.11, 0.22, 0.12)).move(0, -0.14, 0), fur(ball(0.11, 0.07, 0.15)).move(0, -0.32, 0.06))
        .turn('z', 6)
        .move(0.13 * fat, -0.22, 0)
  const extras: Record<string, () => Solid[]> = {
    bow: () => [
      ellipsoid(0.1, 0.07, 0.04, { segments: 10, rings: 6 })
        .taper('x', 0.3, 1.2)
        .move(0.09, 0, 0)
        .mirrored('x')
        .and(sphere(0.04, { segments: 8, rings: 5 }))
        .move(0, 0.26, 0.2)
        .of('ribbon', 'cloth'),
    ],
    hat: () => [
      cone(0.15, 0.3, 14)
        .move(0, 0.74, 0)
        .and(sphere(0.045, { segments: 8, rings: 5 }).move(0, 1.05, 0))
        .of('ribbon', 'cloth'),
    ],
    scarf: () => [
      torus(0.17, [0.07, 0.05], { segments: 18, sides: 6 })
        .move(0, 0.27, 0.02)
        .and(box(0.1, 0.28, 0.04, 0.015).move(0.1, 0.12, 0.22))
        .of('ribbon', 'cloth'),
    ],
  }
  return union(
    body,
    head.move(0, 0.48, 0.03).turn('x', pose === 'slumped' ? 18 : 0),
    right,
    left.mirror('x'),
    leg.mirrored('x'),
    ...(extras[extra]?.() ?? []),
  )
}

function buildRobot(random: Random): Solid {
  const kind = random.cycle(['boxy', 'tracked', 'dome', 'android', 'spring'])
  const metal = (solid: Solid) => solid.of('body', 'metal')
  const joint = (solid: Solid) => solid.of('joints', 'rubber')
  const lamp = (solid: Solid) => solid.of('eyes', 'glass')
  const claw = union(
    torus(0.07, 0.025, { segments: 10, sides: 5 }).turn('x', 90),
    box(0.03, 0.09, 0.05).move(0, -0.09, 0).turn('z', 30).mirrored('x'),
  )
  const hose = (path: Point3[], r: number) =>
    union(
      ...curve(path, { steps: 4 })
        .slice(1)
        .map(([x, y, z]) => ellipsoid(r, r * 0.7, r, { segments: 8, rings: 5 }).move(x, y, z)),
    )
  const antenna = tube(xyz([0, 0, 0, 0, 0.22, 0]), 0.015, { sides: 5 }).and(
    sphere(0.04, { segments: 8, rings: 5 }).move(0, 0.24, 0),
  )
  const dials = cylinder(0.05, 0.03, { segments: 8 }).turn('x', 90).repeat(3, [0.13, 0, 0])
  if (kind === 'dome') {
    const dome = ellipsoid(0.36, 0.34, 0.36, { segments: 18, rings: 12 })
      .warp((x, y, z) => [x, y < 0 ? 0.02 * y : y, z])
      .move(0, 1.05, 0)
    const leg = union(
      box(0.14, 0.75, 0.26, 0.04).move(0.46, 0.62, 0),
      box(0.2, 0.16, 0.44, 0.04).move(0.46, 0.12, 0.02),
      cylinder(0.13, 0.2, { segments: 12 }).turn('z', 90).move(0.5, 0.92, 0),
    )
    return union(
      metal(cylinder(0.36, 0.75, { segments: 18 }).move(0, 0.3, 0)),
      dome.of('head', 'metal'),
      lamp(sphere(0.08, { segments: 10, rings: 7 }).move(0, 1.2, 0.3)),
      metal(leg.mirrored('x')),
      joint(box(0.4, 0.12, 0.04).repeat(2, [0, 0.18, 0]).move(0, 0.85, 0.35)),
      joint(box(0.24, 0.12, 0.4, 0.03).move(0, 0.14, 0.06)),
      metal(cylinder(0.02, 0.2, { segments: 6 }).move(0.15, 1.25, -0.1)),
    )
  }
  if (kind === 'tracked') {
    const belt = sideways(
      curve<Point2>(xy([-0.35, 0.02, 0.3, 0.02, 0.42, 0.12, 0.1, 0.46, -0.1, 0.46, -0.45, 0.12]), { closed: true, steps: 3 }),
      0.18,
    )
    const eye = union(
      cylinder(0.13, 0.26, { segments: 14 }).turn('x', 90).move(0.14, 0, -0.1),
      lampRing(0.1).move(0.14, 0, 0.16),
    ).mirrored('x')
    return union(
      joint(belt.move(0.34).mirrored('x')),
      metal(box(0.52, 0.46, 0.46, 0.03).move(0, 0.5, 0)),
      metal(tube(xyz([0, 0.7, -0.1, 0, 0.95, -0.12, 0, 1.1, 0]), 0.045, { sides: 7 })),
      metal(eye.turn('x', random.between(-8, 12)).move(0, 1.15, 0)),
      lamp(cylinder(0.08, 0.03, { segments: 12 }).turn('x', 90).move(0.14, 1.15, 0.16).mirrored('x')),
      metal(
        limb([0.28, 0.6, 0.05, 0.05, 0.42, 0.5, 0.2, 0.045, 0.36, 0.45, 0.45, 0.04])
          .and(claw.turn('x', -90).move(0.36, 0.45, 0.5))
          .mirrored('x'),
      ),
      joint(dials.move(0, 0.62, 0.24)),
    )
  }
  const swing = random.between(10, 70)
  if (kind === 'spring')
    return union(
      metal(cylinder(0.3, 0.6, { round: 0.06, segments: 16 }).move(0, 0.62, 0)),
      metal(lathe(curve<Point2>(xy([0.22, 1.25, 0.27, 1.4, 0.18, 1.62, 0, 1.68]), { steps: 3 }), { segments: 14 })),
      lamp(sphere(0.07, { segments: 10, rings: 6 }).move(0.1, 1.44, 0.2).mirrored('x')),
      metal(antenna.move(0, 1.66, 0)),
      joint(hose(xyz([0.3, 1.1, 0, 0.5, 0.95, 0, 0.55, 0.7, 0.12]), 0.07)),
      joint(hose(xyz([-0.3, 1.1, 0, -0.5, 1.25, 0, -0.55, 1.5, 0.12]), 0.07)),
      metal(claw.move(0.55, 0.62, 0.14)),
      metal(claw.turn('z', 180).move(-0.55, 1.58, 0.14)),
      joint(hose(xyz([0.14, 0.6, 0, 0.14, 0.15, 0]), 0.08).mirrored('x')),
      metal(box(0.2, 0.12, 0.32, 0.04).move(0.14, 0.06, 0.05).mirrored('x')),
      joint(dials.move(0, 1.0, 0.29)),
    )
  const android = kind === 'android'
  const head = android
    ? union(
        metal(ellipsoid(0.17, 0.22, 0.18, { segments: 14, rings: 9, vertical: 2.5 })),
        lamp(ellipsoid(0.14, 0.06, 0.06, { segments: 10, rings: 6 }).move(0, 0.04, 0.14)),
        metal(cylinder(0.05, 0.06, { segments: 8 }).move(0, -0.03).turn('z', 90).move(0.18, 0, 0).mirrored('x')),
      )
    : union(
        metal(box(0.44, 0.34, 0.36, 0.03)),
        lamp(cylinder(0.07, 0.05, { segments: 10 }).turn('x', 90).move(0.1, 0.05, 0.17).mirrored('x')),
        joint(box(0.24, 0.05, 0.04).move(0, -0.09, 0.18)),
        metal(antenna.move(0.12, 0.16, 0).mirrored('x')),
        joint(cylinder(0.06, 0.06, { segments: 8 }).move(0, -0.03).turn('z', 90).move(0.24, 0, 0).mirrored('x')),
      )
  const trunk = android
    ? metal(box(0.56, 0.5, 0.3, 0.08).taper('y', 0.7, 1.1).move(0, 1.0, 0)).and(
        joint(cylinder(0.13, 0.2, { segments: 10 }).move(0, 0.6, 0)),
        metal(box(0.36, 0.16, 0.24, 0.05).move(0, 0.58, 0)),
      )
    : metal(box(0.6, 0.66, 0.4, 0.03).move(0, 0.92, 0)).and(
        joint(dials.move(0, 1.08, 0.21)),
        joint(box(0.36, 0.2, 0.03).move(0, 0.82, 0.21)),
      )
  const arm = (angle: number) =>
    union(
      joint(sphere(0.09, { segments: 9, rings: 6 })),
      metal(box(0.13, 0.26, 0.14, 0.03).move(0, -0.2, 0)),
      union(
        joint(sphere(0.07, { segments: 8, rings: 5 })),
        metal(box(0.12, 0.24, 0.13, 0.03).move(0, -0.17, 0)),
        metal(claw.move(0, -0.36, 0)),
      )
        .turn('x', -30)
        .move(0, -0.36, 0),
    )
      .turn('x', -angle)
      .move(0.39, 1.18, 0)
  const leg = (step: number) =>
    union(
      joint(sphere(0.08, { segments: 8, rings: 5 }).move(0, 0.5, 0)),
      metal(box(0.17, 0.42, 0.18, 0.03).move(0, 0.3, 0)),
      metal(box(0.22, 0.11, 0.36, 0.03).move(0, 0.055, 0.06)),
    ).move(0.15, 0, step)
  return union(
    head.move(0, android ? 1.52 : 1.48, 0),
    joint(cylinder(0.09, 0.14, { segments: 8 }).move(0, 1.22, 0)),
    trunk,
    arm(swing),
    arm(-swing * 0.4).mirror('x'),
    leg(0.06),
    leg(-0.06).mirror('x'),
  )
}

function buildRockingHorse(random: Random): Solid {
  const kind = random.cycle(['carved', 'plank', 'wheels', 'stand', 'unicorn'])
  const wood = (solid: Solid) => solid.of('horse', 'wood')
  const trim = (solid: Solid) => solid.of('trim', 'cloth')
  const carved = kind !== 'plank'
  const high = kind === 'wheels' ? 0.52 : 0.62
  const body = carved
    ? spine([-0.36, high, 0.1, 0.11, -0.2, high, 0.15, 0.16, 0.1, high - 0.02, 0.14, 0.14, 0.32, high + 0.02, 0.12, 0.14])
    : box(0.22, 0.24, 0.72, 0.06).move(0, high, 0)
  const profile = curve<Point2>(
    xy([0.18, 0.5, 0.42, 0.62, 0.5, 0.86, 0.66, 0.78, 0.72, 0.86, 0.52, 1.12, 0.42, 1.12, 0.26, 0.9, 0.12, 0.66]),
    { closed: true, steps: 3 },
  )
  const neck = sideways(profile, carved ? 0.14 : 0.08, { bevel: 0.02 }).move(0, high - 0.62, 0)
  const leg = (z: number, slant: number) =>
    tube(xyz([0.09, high - 0.05, z, 0.14, high * 0.5, z + slant * 0.6, 0.17, 0.1, z + slant]), (t) => 0.06 - 0.025 * t, {
      sides: 7,
    })
  const stride = kind === 'stand' ? 0.3 : 0.14
  const legs = leg(0.27, stride).and(leg(-0.28, -stride)).mirrored('x')
  const rockers = tube(
    Array.from({ length: 13 }, (_, i): Point3 => {
      const a = ((-34 + (68 * i) / 12) * Math.PI) / 180
      return [0.18, 1.2 - 1.2 * Math.cos(a) + 0.03, 1.2 * Math.sin(a)]
    }),
    0.03,
    { sides: 5 },
  )
    .mirrored('x')
    .and(box(0.4, 0.03, 0.06).repeat(2, [0, 0, 0.9]).move(0, 0.13, 0))
  const bases: Record<string, () => Solid> = {
    wheels: () =>
      union(
        wood(box(0.4, 0.05, 0.95).move(0, 0.14, 0)),
        pair(tyredWheel(0.1, 0.05), 0.24, 0.36),
        pair(tyredWheel(0.1, 0.05), 0.24, -0.36),
      ),
    stand: () =>
      wood(
        union(
          box(0.08, 0.06, 1.4).move(0.17, 0.17, 0).mirrored('x'),
          box(0.09, 0.05, 1.3).move(0, 0.02, 0),
          box(0.5, 0.05, 0.09).repeat(2, [0, 0, 1.1]).move(0, 0.02, 0),
          box(0.3, 0.16, 0.06).repeat(2, [0, 0, 0.8]).move(0, 0.1, 0),
        ),
      ),
  }
  const saddle = trim(
    ellipsoid(0.17, 0.06, 0.18, { segments: 12, rings: 6 })
      .move(0, high + 0.14, -0.04)
      .and(ellipsoid(0.13, 0.1, 0.04, { segments: 10, rings: 6 }).move(0, high + 0.2, -0.2)),
  )
  const mane = trim(
    union(
      ...[0, 1, 2, 3, 4].map((i) =>
        ellipsoid(0.04, 0.08, 0.05, { segments: 7, rings: 5 }).move(0, high + 0.2 + 0.07 * i, 0.16 + 0.06 * i),
      ),
    ),
  )
  const tail = trim(limb([0, high + 0.06, -0.42, 0.05, 0, high - 0.02, -0.56, 0.07, 0, high - 0.3, -0.6, 0.02]))
  const grip = wood(
    cylinder(0.022, 0.36, { segments: 6 })
      .move(0, -0.18)
      .turn('z', 90)
      .move(0, high + 0.28, 0.42),
  )
  const extra =
    kind === 'unicorn'
      ? [
          trim(
            cone(0.035, 0.28, 7)
              .turn('x', 35)
              .move(0, high + 0.48, 0.52),
          ),
        ]
      : []
  const ears = wood(
    cone(0.035, 0.1, 6)
      .move(0.05, high + 0.46, 0.44)
      .mirrored('x'),
  )
  return union(
    wood(union(body, neck, legs)),
    bases[kind]?.() ?? wood(rockers),
    saddle,
    mane,
    tail,
    grip,
    ears,
    eyes(0.022, carved ? 0.07 : 0.04, high + 0.36, 0.53),
    ...extra,
  )
}

export const toys: readonly Category[] = [
  { name: 'robot', build: buildRobot },
  { name: 'rocking_horse', build: buildRockingHorse },
  { name: 'teddy_bear', build: buildTeddyBear },
]
