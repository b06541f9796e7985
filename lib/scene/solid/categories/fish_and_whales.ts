// What swims: fish, sharks, whales.
import type { Category, Random } from '../category.js'
import { ellipsoid, type Point3, type Solid, tube, union, xyz } from '../kit/index.js'
import { eyes, fin, flatFin, limb, spine } from './animal_bodies.js'

/** Bent sideways as a fish swims, more towards the tail (low z). */
const swim = (solid: Solid, amount: number, phase: number) =>
  solid.warp((x, y, z) => [x + amount * Math.max(0, 0.5 - z) ** 1.5 * Math.sin(4 * z + phase), y, z])

/** Two flukes of a tail that lies flat, at their root. */
const flukes = (size: number) =>
  flatFin([0, 0.1, 0.16, -0.02, 0.36, -0.2, 0.16, -0.17, 0, -0.1, -0.16, -0.17, -0.36, -0.2, -0.16, -0.02], 0.04).scale(size)

function buildFish(random: Random): Solid {
  const kind = random.cycle(['trout', 'angel', 'puffer', 'goldfish', 'tuna'])
  const flesh = (solid: Solid) => solid.of('body', 'skin')
  const bodies: Record<string, readonly number[]> = {
    trout: [-0.42, 0, 0.03, 0.06, -0.2, 0, 0.08, 0.12, 0.1, 0, 0.11, 0.16, 0.35, 0, 0.09, 0.12, 0.5, -0.01, 0.03, 0.04],
    angel: [-0.3, 0, 0.02, 0.06, -0.15, 0, 0.06, 0.24, 0.08, 0, 0.09, 0.34, 0.28, 0, 0.07, 0.2, 0.42, -0.01, 0.03, 0.05],
    puffer: [-0.42, 0, 0.04, 0.05, -0.25, 0, 0.18, 0.2, 0, 0, 0.32, 0.32, 0.22, 0, 0.25, 0.25, 0.4, 0, 0.09, 0.08],
    goldfish: [-0.28, 0.02, 0.04, 0.06, -0.1, 0.02, 0.14, 0.18, 0.12, 0, 0.19, 0.24, 0.3, 0, 0.15, 0.17, 0.42, -0.01, 0.05, 0.06],
    tuna: [-0.48, 0, 0.02, 0.025, -0.25, 0, 0.09, 0.11, 0.05, 0, 0.15, 0.18, 0.32, 0, 0.11, 0.13, 0.52, -0.02, 0.025, 0.03],
  }
  const fins: Record<string, readonly (readonly number[])[]> = {
    trout: [
      [-0.38, 0.02, -0.62, 0.2, -0.56, 0, -0.62, -0.2, -0.38, -0.02],
      [-0.1, 0.1, -0.12, 0.24, 0.08, 0.24, 0.18, 0.12],
      [-0.22, -0.06, -0.26, -0.2, -0.12, -0.18, -0.06, -0.08],
    ],
    angel: [
      [-0.26, 0.03, -0.5, 0.16, -0.44, 0, -0.5, -0.16, -0.26, -0.03],
      [-0.15, 0.2, -0.4, 0.75, -0.12, 0.5, 0.12, 0.3],
      [-0.15, -0.2, -0.4, -0.75, -0.12, -0.5, 0.12, -0.3],
    ],
    puffer: [
      [-0.4, 0.03, -0.58, 0.12, -0.58, -0.12, -0.4, -0.03],
      [-0.3, 0.12, -0.4, 0.3, -0.24, 0.28, -0.2, 0.18],
    ],
    goldfish: [
      [-0.25, 0.04, -0.45, 0.3, -0.7, 0.36, -0.6, 0.15, -0.48, 0, -0.62, -0.2, -0.72, -0.38, -0.45, -0.3, -0.25, -0.02],
      [-0.1, 0.15, -0.2, 0.4, 0.05, 0.36, 0.15, 0.2],
      [-0.2, -0.1, -0.32, -0.36, -0.14, -0.28, -0.08, -0.14],
    ],
    tuna: [
      [-0.44, 0, -0.66, 0.3, -0.55, 0, -0.66, -0.3],
      [-0.02, 0.15, -0.12, 0.36, 0.0, 0.26, 0.12, 0.16],
      [-0.1, -0.12, -0.24, -0.34, -0.08, -0.24, 0.02, -0.15],
    ],
  }
  // Half the width where the side fins are.
  const wide = bodies[kind]![14]!
  const side = flatFin(
    kind === 'tuna' ? [0, 0.05, 0.26, -0.2, 0.04, -0.06] : [0, 0.05, 0.18, -0.02, 0.22, -0.14, 0.1, -0.12, 0, -0.04],
    0.02,
  )
    .turn('z', random.between(-45, -10))
    .move(wide * 0.9, -0.04, 0.2)
    .mirrored('x')
  const spikes = Array.from({ length: kind === 'puffer' ? 40 : 0 }, (_, i): Solid => {
    const [y, a] = [1 - (2 * i + 1) / 40, 2.4 * i]
    const r = Math.sqrt(1 - y * y)
    const d: Point3 = [r * Math.cos(a), y, r * Math.sin(a)]
    return tube(xyz([d[0] * 0.28, d[1] * 0.28, d[2] * 0.28, d[0] * 0.41, d[1] * 0.41, d[2] * 0.41]), (t) => 0.02 * (1 - t), {
      sides: 4,
    })
  })
  const head = bodies[kind]!.slice(-4)
  return swim(
    union(
      flesh(spine(bodies[kind]!, { sides: 12 })),
      union(...fins[kind]!.map((one) => fin(one)))
        .and(side)
        .of('fins', 'skin'),
      eyes(
        kind === 'goldfish' || kind === 'puffer' ? 0.05 : 0.032,
        head[2]! + (kind === 'puffer' ? 0.14 : 0.04),
        0.05,
        head[0]! - 0.12,
      ),
      union(...spikes).of('spines', 'bone'),
    ),
    kind === 'puffer' ? 0 : random.spread(0, 0.25),
    random.between(0, 6),
  )
}

function buildShark(random: Random): Solid {
  const kind = random.cycle(['great', 'hammerhead', 'thresher', 'basking', 'whale'])
  const grey = (solid: Solid) => solid.of('body', 'skin', [0.22, 0.25, 0.28])
  const broad = { whale: 1.3, basking: 1.15, thresher: 0.85 }[kind] ?? 1
  const body = spine(
    [
      [-0.55, 0.01, 0.015, 0.025],
      [-0.35, 0.01, 0.05 * broad, 0.055 * broad],
      [0, 0, 0.12 * broad, 0.13 * broad],
      [0.28, 0, 0.11 * broad, 0.11 * broad],
      [0.46, 0.01, 0.08 * broad, 0.07],
      [0.6, 0.02, kind === 'whale' ? 0.1 : 0.02, kind === 'whale' ? 0.05 : 0.02],
    ],
    { sides: 12 },
  )
  const up = kind === 'thresher' ? 1.6 : 1
  const tail = fin([
    -0.5,
    0.02,
    -0.68 - 0.15 * (up - 1),
    0.26 * up,
    -0.74 - 0.5 * (up - 1),
    0.32 * up,
    -0.63,
    0.04,
    -0.68,
    -0.14,
    -0.6,
    -0.08,
  ])
  const dorsal = fin([0.12, 0.1, 0.0, 0.3, -0.07, 0.32, -0.04, 0.2, -0.05, 0.09], 0.03)
  const second = fin([-0.28, 0.06, -0.35, 0.13, -0.35, 0.05], 0.02)
  const pectoral = flatFin([0, 0.1, 0.2, -0.02, 0.34, -0.16, 0.18, -0.1, 0, -0.06], 0.025)
    .turn('z', random.spread(-32, -8))
    .move(0.08 * broad, -0.05, 0.22)
    .mirrored('x')
  const extra: Solid[] = []
  if (kind === 'hammerhead')
    extra.push(
      grey(ellipsoid(0.26, 0.035, 0.07, { segments: 16, rings: 6, across: 3 }).move(0, 0.02, 0.58)),
      eyes(0.022, 0.26, 0.02, 0.58),
    )
  else extra.push(eyes(0.016, 0.075 * broad, 0.035, 0.48))
  const jaw =
    kind === 'basking' || kind === 'whale'
      ? ellipsoid(0.09, 0.035, 0.1, { segments: 12, rings: 6 }).move(0, -0.035, 0.54)
      : ellipsoid(0.06, 0.025, 0.07, { segments: 10, rings: 6 }).move(0, -0.05, 0.48)
  return swim(
    union(grey(union(body, tail, dorsal, second, pectoral)), ...extra, jaw.of('mouth', 'skin')),
    random.spread(0.05, 0.4),
    random.between(0, 6),
  )
}

function buildWhale(random: Random): Solid {
  const kind = random.cycle(['sperm', 'blue', 'humpback', 'orca', 'beluga'])
  const flesh = (solid: Solid) => solid.of('body', 'skin', kind === 'beluga' ? [0.8, 0.8, 0.8] : [0.1, 0.12, 0.15])
  const bodies: Record<string, readonly number[]> = {
    sperm: [-0.56, 0.0, 0.03, 0.035, -0.35, 0, 0.08, 0.09, -0.05, 0, 0.15, 0.16, 0.3, 0.02, 0.15, 0.17, 0.54, 0.04, 0.13, 0.15],
    blue: [-0.6, 0.02, 0.02, 0.03, -0.35, 0, 0.07, 0.08, 0.05, -0.02, 0.13, 0.13, 0.35, -0.02, 0.12, 0.11, 0.62, 0, 0.03, 0.03],
    humpback: [
      -0.54, 0.02, 0.025, 0.035, -0.32, 0, 0.09, 0.1, 0, -0.02, 0.17, 0.18, 0.28, -0.02, 0.15, 0.14, 0.52, 0.01, 0.05, 0.04,
    ],
    orca: [-0.52, 0.0, 0.025, 0.035, -0.3, 0, 0.1, 0.11, 0.02, 0, 0.17, 0.18, 0.28, 0, 0.14, 0.14, 0.48, -0.02, 0.05, 0.05],
    beluga: [-0.5, 0.0, 0.025, 0.035, -0.28, 0, 0.11, 0.12, 0.02, 0, 0.17, 0.17, 0.27, 0.01, 0.12, 0.12, 0.36, -0.02, 0.07, 0.06],
  }
  const extra: Solid[] = []
  if (kind === 'sperm') extra.push(flesh(limb([0, -0.1, 0.25, 0.05, 0, -0.13, 0.5, 0.025])))
  if (kind === 'orca')
    extra.push(
      flesh(fin([0.08, 0.15, 0.0, 0.4, -0.07, 0.5, -0.08, 0.3, -0.1, 0.14], 0.035)),
      ellipsoid(0.02, 0.03, 0.07, { segments: 8, rings: 5 })
        .move(0.12, 0.07, 0.3)
        .mirrored('x')
        .of('patch', 'skin', [0.85, 0.85, 0.85]),
    )
  else if (kind !== 'beluga' && kind !== 'sperm') extra.push(flesh(fin([-0.18, 0.1, -0.28, 0.17, -0.27, 0.07], 0.03)))
  if (kind === 'beluga') extra.push(flesh(ellipsoid(0.09, 0.09, 0.09, { segments: 12, rings: 7 }).move(0, 0.06, 0.34)))
  const belly =
    kind === 'sperm'
      ? []
      : [
          ellipsoid(kind === 'blue' ? 0.11 : 0.13, 0.1, 0.3, { segments: 14, rings: 7 })
            .move(0, -0.075, 0.15)
            .of('belly', 'skin', [0.7, 0.7, 0.7]),
        ]
  const long = kind === 'humpback' ? 1.9 : kind === 'blue' ? 0.9 : 1.1
  const flipper = flatFin([0, 0.07, 0.12 * long, 0.0, 0.22 * long, -0.12, 0.1 * long, -0.1, 0, -0.05], 0.03)
    .turn('z', random.spread(-50, -10))
    .move(0.1, -0.08, 0.22)
    .mirrored('x')
  const head = bodies[kind]!.slice(-4)
  const solid = union(
    flesh(
      union(
        spine(bodies[kind]!, { sides: 14 }),
        flipper,
        flukes(kind === 'blue' ? 0.85 : 1).move(0, bodies[kind]![1]!, bodies[kind]![0]! - 0.06),
      ),
    ),
    ...belly,
    ...extra,
    eyes(0.014, kind === 'sperm' ? 0.145 : head[2]! + 0.055, -0.03, head[0]! - (kind === 'sperm' ? 0.25 : 0.14)),
  )
  const arch = random.spread(-0.45, 0.6)
  return solid.warp((x, y, z) => [x, y + arch * (z < 0.1 ? (z - 0.1) ** 2 : -0.2 * (z - 0.1) ** 2), z])
}

function buildDolphin(random: Random): Solid {
  const arch = random.cycle([-0.45, 0.05, -0.2, 0.35, -0.7])
  const snout = random.spread(0.1, 0.26)
  const rise = random.cycle([1, 0.75, 1.25, 0.5, 0.9])
  const grey = (solid: Solid) => solid.of('body', 'skin', [0.3, 0.34, 0.38])
  const body = spine(
    [-0.5, 0, 0.02, 0.03, -0.3, 0, 0.065, 0.075, 0, 0, 0.115, 0.125, 0.22, 0.0, 0.1, 0.105, 0.34, -0.005, 0.07, 0.07],
    { sides: 12 },
  )
  const beak = limb([0, -0.02, 0.32, 0.045, 0, -0.035, 0.36 + snout, 0.022], { sides: 9 })
  const dorsal = fin([0.08, 0.1, 0.0, 0.12 + 0.12 * rise, -0.09, 0.12 + 0.17 * rise, -0.06, 0.12 + 0.05 * rise, -0.07, 0.1], 0.03)
  const flipper = flatFin([0, 0.06, 0.13, -0.02, 0.22, -0.14, 0.1, -0.1, 0, -0.05], 0.025)
    .turn('z', random.spread(-55, -15))
    .move(0.08, -0.06, 0.18)
    .mirrored('x')
  const solid = union(
    grey(union(body, dorsal, flipper, flukes(0.7).move(0, 0, -0.55))),
    grey(beak),
    eyes(0.014, 0.075, 0.0, 0.31),
    ellipsoid(0.085, 0.08, 0.22, { segments: 12, rings: 6 }).move(0, -0.05, 0.12).of('belly', 'skin', [0.75, 0.75, 0.75]),
  )
  return swim(
    solid.warp((x, y, z) => [x, y + arch * (z < 0 ? z * z : 0.7 * z * z), z]),
    random.spread(0, 0.2),
    1,
  )
}

export const fishAndWhales: readonly Category[] = [
  { name: 'dolphin', build: buildDolphin },
  { name: 'fish', build: buildFish },
  { name: 'shark', build: buildShark },
  { name: 'whale', build: buildWhale },
]
