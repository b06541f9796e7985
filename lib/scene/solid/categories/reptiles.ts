// Snakes, crocodiles and frogs.
import type { Category, Random } from '../category.js'
import { cone, curve, ellipsoid, helix, type Point2, type Point3, type Solid, sphere, tube, union, xyz } from '../kit/index.js'
import { eyes, limb, spine } from './animal_bodies.js'
import { sideways } from './wheels.js'

function buildSnake(random: Random): Solid {
  const kind = random.cycle(['coiled', 'winding', 'cobra', 'climbing', 'loop'])
  const steps = (count: number, at: (t: number) => Point3) => Array.from({ length: count + 1 }, (_, i) => at(i / count))
  const thick = random.spread(0.05, 0.075)
  const paths: Record<string, () => Point3[]> = {
    coiled: () => [
      ...steps(24, (t) => {
        const [a, r] = [5.2 * Math.PI * t, 0.42 - 0.3 * t]
        return [r * Math.cos(a), thick + 0.2 * t, r * Math.sin(a)]
      }),
      [0.02, 0.32, -0.12],
      [0, 0.5, -0.08],
      [0, 0.62, 0.08],
      [0, 0.62, 0.22],
    ],
    winding: () =>
      steps(24, (t) => [
        0.16 * Math.sin(6 * Math.PI * t) * (1 - 0.5 * t ** 4),
        thick + 0.1 * Math.max(0, t - 0.85) * 4,
        -0.8 + 1.5 * t,
      ]),
    cobra: () => [
      ...steps(18, (t) => {
        const [a, r] = [3.4 * Math.PI * t + 1, 0.4 - 0.24 * t]
        return [r * Math.cos(a), thick + 0.12 * t, r * Math.sin(a)]
      }),
      [0, 0.34, -0.14],
      [0, 0.55, -0.12],
      [0, 0.75, -0.02],
      [0, 0.86, 0.06],
      [0, 0.9, 0.2],
    ],
    climbing: () => [
      ...helix(0.14, 0.9, 3.2, 8).map(([x, y, z]): Point3 => [x, y + 0.1, z]),
      [0.1, 1.06, 0.2],
      [0.1, 1.12, 0.36],
    ],
    loop: () =>
      steps(20, (t) => {
        const a = 2 * Math.PI * t * 1.35 - 2
        return [
          0.45 * Math.sin(a),
          thick + 0.09 * Math.sin(1.35 * 2 * Math.PI * t) ** 2 + (t > 0.85 ? (t - 0.85) * 0.8 : 0),
          0.35 * Math.sin(2 * a) + 0.6 * t,
        ]
      }),
  }
  const path = curve(paths[kind]!(), { steps: 2 })
  const last = path[path.length - 1]!
  const before = path[path.length - 2]!
  const yaw = (Math.atan2(last[0] - before[0], last[2] - before[2]) * 180) / Math.PI
  const body = tube(path, (t) => thick * Math.min(1, 0.15 + 3 * t) * (t > 0.9 ? 1 - 3.2 * (t - 0.9) : 1), {
    sides: 7,
    round: true,
  })
  const hood = kind === 'cobra' ? [ellipsoid(0.17, 0.2, 0.05, { segments: 12, rings: 8 }).turn('x', 18).move(0, 0.74, -0.05)] : []
  const head = union(
    ellipsoid(thick * 1.15, thick * 0.75, thick * 1.7, { segments: 12, rings: 8 })
      .taper('z', 1.1, 0.7)
      .of('body', 'skin'),
    eyes(thick * 0.25, thick * 0.75, thick * 0.45, thick * 0.5),
    tube(xyz([0, -0.2 * thick, thick * 1.5, 0, -0.2 * thick, thick * 2.6]), 0.12 * thick, { sides: 4 })
      .and(
        tube(xyz([0, -0.2 * thick, thick * 2.55, 0.4 * thick, -0.2 * thick, thick * 3.3]), 0.1 * thick, { sides: 4 }).mirrored(
          'x',
        ),
      )
      .of('tongue', 'skin', [0.5, 0.02, 0.03]),
  )
  const pole = kind === 'climbing' ? [limb([0, 0, 0, 0.08, 0.02, 0.6, 0.02, 0.085, 0, 1.2, 0, 0.07]).of('branch', 'bark')] : []
  return union(union(body, ...hood).of('body', 'skin'), head.turn('y', yaw).move(...last), ...pole)
}

function buildCrocodile(random: Random): Solid {
  const gape = random.cycle([3, 26, 3, 14, 34])
  const tailBend = random.cycle([0.5, -0.35, 0.1, 0.9, -0.7])
  const raised = random.cycle([0.02, 0.1, 0.16, 0.04, 0.08])
  const [long, wide] = random.cycle([
    [0.34, 1],
    [0.34, 1.3],
    [0.42, 0.55],
    [0.28, 1.25],
    [0.38, 0.9],
  ] as const)
  const hide = (solid: Solid) => solid.of('body', 'skin', [0.12, 0.16, 0.06])
  const y = 0.11 + raised
  const body = spine(
    [
      [-0.95, y - 0.04, 0.012, 0.02],
      [-0.65, y - 0.03, 0.035, 0.05],
      [-0.35, y - 0.02, 0.075, 0.075],
      [-0.05, y, 0.14, 0.1],
      [0.25, y, 0.12, 0.09],
      [0.42, y + 0.02, 0.09, 0.075],
    ],
    { sides: 12 },
  )
  const ridge = [-0.9, -0.8, -0.7, -0.6, -0.5, -0.4, -0.28, -0.16, -0.04, 0.08, 0.2].map((z) => {
    const high = z < -0.35 ? 0.06 : 0.045
    return cone(0.05, high, 4)
      .scale(0.4, 1, 1)
      .move(z < -0.35 ? 0 : 0.045, y + (z < -0.3 ? 0.055 + 0.1 * Math.min(0, z + 0.3) : 0.075), z)
  })
  const jaw = (up: boolean) =>
    sideways(
      [
        [-0.1, -0.01],
        [long, -0.008],
        [long + 0.015, 0.02],
        [long - 0.03, 0.05],
        [long - 0.08, 0.03],
        [0.08, 0.05],
        [0.02, 0.1],
        [-0.06, 0.08],
      ].map(([z, h]): Point2 => [z!, up ? h! : -0.55 * h!]),
      0.16 * wide,
    ).taper('z', 1.1, 0.55)
  const tooth = cone(0.011, 0.035, 5)
  const teeth = [0.1, 0.18, 0.26].flatMap((z) => [
    tooth.mirror('y').move(0.062 * wide - 0.1 * wide * z, 0, z * (long / 0.34)),
    tooth
      .turn('x', gape)
      .move(
        0.058 * wide - 0.1 * wide * z,
        -0.005 - z * Math.sin((gape * Math.PI) / 180),
        (z + 0.03) * Math.cos((gape * Math.PI) / 180),
      ),
  ])
  const head = union(
    hide(jaw(true)),
    hide(jaw(false).turn('x', gape)),
    eyes(0.02, 0.055, 0.1, 0.02),
    union(...teeth)
      .mirrored('x')
      .of('teeth', 'bone'),
  )
    .turn('x', -gape * 0.3)
    .move(0, y + 0.03, 0.47)
  const leg = (z: number, step: number) =>
    limb([
      [0.09, y, z, 0.06],
      [0.2, y - 0.01, z - 0.03 + step, 0.045],
      [0.22, 0.02, z + 0.02 + step, 0.032],
      [0.25, 0.015, z + 0.09 + step, 0.03],
    ])
  const legs = union(leg(0.3, 0.05), leg(-0.22, -0.04), leg(0.3, -0.05).mirror('x'), leg(-0.22, 0.05).mirror('x'))
  return union(
    hide(union(body, legs)),
    union(...ridge)
      .and(...ridge.slice(6).map((one) => one.mirror('x')))
      .of('ridge', 'skin', [0.12, 0.16, 0.06]),
    head,
  ).warp((x, h, z) => [x + tailBend * Math.min(0, z + 0.15) ** 2, h, z])
}

function buildFrog(random: Random): Solid {
  const kind = random.cycle(['sitting', 'leaping', 'croaking', 'tree', 'crouching'])
  const green = (solid: Solid) => solid.of('body', 'skin', [0.12, 0.35, 0.06])
  const pitch = { sitting: 38, leaping: 25, croaking: 45, tree: 20, crouching: 12 }[kind]!
  const slim = kind === 'tree' ? 0.75 : kind === 'crouching' ? 1.2 : 1
  const body = union(
    green(
      spine(
        [
          [-0.32, 0, 0.1 * slim, 0.09],
          [-0.1, 0.02, 0.22 * slim, 0.17],
          [0.12, 0.02, 0.21 * slim, 0.15],
          [0.34, -0.01, 0.13 * slim, 0.06],
        ],
        { sides: 12 },
      ),
    ),
    green(
      sphere(0.075, { segments: 10, rings: 7 })
        .move(0.13 * slim, 0.13, 0.2)
        .mirrored('x'),
    ),
    eyes(0.058, 0.145 * slim, 0.15, 0.225),
    ...(kind === 'croaking' ? [sphere(0.17, { segments: 14, rings: 9 }).move(0, -0.1, 0.3).of('throat', 'skin')] : []),
  ).turn('x', -pitch)
  const lift = kind === 'leaping' ? 0.5 : 0.12 + 0.24 * Math.sin((pitch * Math.PI) / 180)
  const toes = (x: number, y: number, z: number, tip: number, back = false) =>
    [-30, 0, 30].map((turn) =>
      limb([0, 0, 0, 0.022, 0, 0, back ? -0.16 : 0.13, tip], { steps: 1, sides: 5 })
        .turn('y', turn)
        .move(x, y, z),
    )
  const tip = kind === 'tree' ? 0.035 : 0.014
  const leaping = kind === 'leaping'
  const hind = leaping
    ? union(
        limb([
          [0.14, lift - 0.12, -0.2, 0.09],
          [0.26, lift - 0.18, -0.48, 0.06],
          [0.16, lift - 0.3, -0.78, 0.045],
          [0.2, lift - 0.34, -1.0, 0.03],
        ]),
        ...toes(0.2, lift - 0.34, -1.0, tip, true),
      )
    : union(
        limb([0.13, lift - 0.14, -0.2, 0.085, 0.3, 0.16, 0.02, 0.085, 0.34, 0.13, 0.06, 0.06]),
        limb([0.34, 0.15, 0.05, 0.055, 0.3, 0.06, -0.26, 0.045, 0.33, 0.03, -0.26, 0.04, 0.38, 0.025, 0.02, 0.03]),
        ...toes(0.38, 0.025, 0.02, tip),
      )
  const front = leaping
    ? union(
        limb([0.15, lift + 0.02, 0.2, 0.055, 0.26, lift - 0.06, 0.3, 0.04, 0.24, lift + 0.02, 0.48, 0.03]),
        ...toes(0.24, lift + 0.02, 0.48, tip),
      )
    : union(
        limb([0.15, lift, 0.16, 0.055, 0.25, lift * 0.45, 0.18, 0.045, 0.21, 0.03, 0.27, 0.035]),
        ...toes(0.21, 0.025, 0.28, tip),
      )
  return union(body.move(0, lift, 0), green(union(hind, front).mirrored('x')))
}

export const reptiles: readonly Category[] = [
  { name: 'crocodile', build: buildCrocodile },
  { name: 'frog', build: buildFrog },
  { name: 'snake', build: buildSnake },
]
