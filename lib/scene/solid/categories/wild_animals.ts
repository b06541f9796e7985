// Large animals of the wild.
import type { Category, Random } from '../category.js'
import { ellipsoid, type Solid, sheet, sphere, union } from '../kit/index.js'
import { type Beast, ears, eyes, fourLegged, limb, type Stations, spine } from './animal_bodies.js'

function buildElephant(random: Random): Solid {
  const trunk = random.cycle(['down', 'up', 'curl', 'forward', 'side'])
  const kind = random.cycle(['stand', 'walk', 'walk', 'stand', 'rear'] as const)
  const large = random.cycle([1.25, 0.75, 1.1, 0.95, 1.3])
  const tusk = random.cycle([0.4, 0.65, 0, 0.25, 0.5])
  const grey = [0.22, 0.21, 0.21] as const
  const skin = (solid: Solid) => solid.of('body', 'skin', grey)
  const trunks: Record<string, Stations> = {
    down: [0, -0.02, 0.2, 0.13, 0, -0.2, 0.36, 0.1, 0, -0.55, 0.38, 0.075, 0, -0.85, 0.36, 0.055, 0, -0.95, 0.44, 0.045],
    up: [0, -0.02, 0.2, 0.13, 0, -0.08, 0.42, 0.1, 0, 0.15, 0.62, 0.075, 0, 0.48, 0.6, 0.055, 0, 0.62, 0.72, 0.045],
    curl: [
      0, -0.02, 0.2, 0.13, 0, -0.25, 0.36, 0.1, 0, -0.6, 0.42, 0.075, 0, -0.68, 0.65, 0.055, 0, -0.5, 0.72, 0.05, 0, -0.42, 0.6,
      0.04,
    ],
    forward: [0, -0.02, 0.2, 0.13, 0, -0.15, 0.42, 0.1, 0, -0.22, 0.7, 0.075, 0, -0.12, 0.98, 0.055, 0, -0.05, 1.1, 0.045],
    side: [0, -0.02, 0.2, 0.13, 0, -0.25, 0.36, 0.1, 0.12, -0.6, 0.38, 0.075, 0.35, -0.78, 0.36, 0.055, 0.48, -0.72, 0.36, 0.045],
  }
  const ear = sheet(
    (u, v) => {
      const a = (-75 + 165 * v) * (Math.PI / 180)
      const r = (0.25 + 0.2 * Math.cos(a)) * large * (v > 0.98 || v < 0.02 ? 0.8 : 1)
      return [0.2 + u * r * Math.cos(a) * 0.9 + 0.02, 0.08 + u * r * Math.sin(a), -0.02 - u * 0.18 + 0.02 * Math.sin(9 * v) * u]
    },
    0.03,
    { across: 3, along: 8 },
  ).mirrored('x')
  const head = union(
    skin(spine([-0.15, 0.06, 0.18, 0.22, 0.05, 0.08, 0.22, 0.27, 0.2, 0.02, 0.17, 0.2])),
    skin(limb(trunks[trunk]!, { sides: 8 })),
    skin(ear),
    eyes(0.025, 0.19, 0.08, 0.19),
    ...(tusk > 0
      ? [
          limb([0.1, -0.12, 0.24, 0.045, 0.16, -0.25, 0.3 + tusk * 0.3, 0.04, 0.17, -0.25 + tusk * 0.15, 0.3 + tusk, 0.012])
            .mirrored('x')
            .of('tusks', 'bone'),
        ]
      : []),
  )
  const beast: Beast = {
    surface: 'skin',
    colour: grey,
    head,
    tail: skin(limb([0, 0, 0.08, 0.05, 0, -0.1, -0.06, 0.035, 0, -0.5, -0.08, 0.02, 0, -0.58, -0.08, 0.035])),
    tailAt: [1.2, -0.72],
    body: [-0.66, 1.05, 0.22, 0.25, -0.45, 1.1, 0.36, 0.4, 0, 1.15, 0.42, 0.45, 0.4, 1.12, 0.36, 0.42, 0.58, 1.15, 0.24, 0.3],
    neck: { at: [1.25, 0.55], length: 0.25, radii: [0.24, 0.28, 0.18, 0.2] },
    front: [0.23, 1.0, 0.42],
    hind: [0.23, 1.0, -0.45],
    leg: [0.19, 0.135, 0.12],
    foot: { length: 0.05, radius: 0.13 },
  }
  return fourLegged(beast, {
    kind,
    neck: kind === 'rear' ? 50 : 25,
    head: kind === 'rear' ? 15 : 0,
    ...(kind === 'rear' && { pitch: 38 }),
  })
}

function buildGiraffe(random: Random): Solid {
  const pose = random.cycle([
    { kind: 'stand', neck: 66, head: -18 },
    { kind: 'walk', neck: 52, head: -15 },
    { kind: 'run', neck: 40, head: -10 },
    { kind: 'stand', neck: 82, head: 12 },
    { kind: 'lie', neck: 74, head: -18 },
  ] as const)
  const stretch = random.spread(0.92, 1.15)
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const head = union(
    skin(spine([-0.07, 0.01, 0.06, 0.07, 0.05, 0.02, 0.07, 0.085, 0.2, -0.02, 0.05, 0.055, 0.33, -0.04, 0.045, 0.045])),
    skin(ears('side', 0.16, 0.05, 0.05, -0.03)),
    eyes(0.018, 0.065, 0.04, 0.09),
    limb([0.035, 0.06, 0, 0.016, 0.045, 0.19, -0.04, 0.014, 0.045, 0.2, -0.04, 0.024]).mirrored('x').of('horns', 'bone'),
  )
  const beast: Beast = {
    surface: 'fur',
    head,
    tail: union(
      skin(limb([0, 0, 0.05, 0.03, 0, -0.08, -0.04, 0.02, 0, -0.42, -0.06, 0.012])),
      ellipsoid(0.03, 0.1, 0.03, { segments: 7, rings: 5 }).move(0, -0.5, -0.06).of('mane', 'fur'),
    ),
    tailAt: [1.3, -0.42],
    body: [-0.38, 1.2, 0.13, 0.14, -0.25, 1.22, 0.18, 0.2, 0.05, 1.3, 0.2, 0.24, 0.28, 1.36, 0.18, 0.25, 0.4, 1.42, 0.13, 0.18],
    neck: { at: [1.46, 0.38], length: 1.35 * stretch, radii: [0.12, 0.18, 0.055, 0.065], sag: 0.03 },
    front: [0.12, 1.28, 0.3],
    hind: [0.12, 1.18, -0.28],
    leg: [0.1, 0.055, 0.04],
    foot: { length: 0.04, radius: 0.05, hoof: true },
  }
  return fourLegged(beast, pose)
}

function buildBear(random: Random): Solid {
  const pose = random.cycle([
    { kind: 'walk', neck: 8, head: -8 },
    { kind: 'sit', neck: 45, head: -5, pitch: 60 },
    { kind: 'rear', neck: 70, head: 0, pitch: 68 },
    { kind: 'stand', neck: -25, head: -35 },
    { kind: 'lie', neck: 20, head: -10 },
  ] as const)
  const hump = random.cycle([0, 0.1, 0.05, 0.12, 0.02])
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const head = union(
    skin(spine([-0.1, 0.02, 0.15, 0.16, 0.05, 0.04, 0.17, 0.17, 0.17, -0.02, 0.09, 0.09, 0.32, -0.05, 0.065, 0.065])),
    skin(ears('round', 0.12, 0.12, 0.15, 0)),
    eyes(0.02, 0.085, 0.08, 0.17),
    ellipsoid(0.04, 0.03, 0.03, { segments: 8, rings: 5 }).move(0, -0.02, 0.38).of('nose', 'leather', [0.02, 0.02, 0.02]),
  )
  const beast: Beast = {
    surface: 'fur',
    head,
    tail: skin(sphere(0.07, { segments: 8, rings: 5 })),
    tailAt: [0.8, -0.62],
    body: [
      [-0.5, 0.7, 0.2, 0.22],
      [-0.32, 0.7, 0.28, 0.3],
      [0, 0.68, 0.3, 0.3],
      [0.32, 0.7 + hump, 0.27, 0.28 + hump / 2],
      [0.48, 0.72, 0.19, 0.22],
    ],
    neck: { at: [0.76, 0.42], length: 0.32, radii: [0.2, 0.22, 0.15, 0.16] },
    front: [0.19, 0.6, 0.34],
    hind: [0.19, 0.6, -0.38],
    leg: [0.15, 0.11, 0.085],
    foot: { length: 0.12, radius: 0.075 },
  }
  return fourLegged(beast, pose)
}

function buildCamel(random: Random): Solid {
  const pose = random.cycle([
    { kind: 'stand', neck: 45, head: -5 },
    { kind: 'walk', neck: 35, head: 0 },
    { kind: 'lie', neck: 50, head: -5 },
    { kind: 'run', neck: 25, head: 8 },
    { kind: 'stand', neck: 20, head: -10 },
  ] as const)
  const humps = random.cycle([1, 2])
  const high = random.spread(0.26, 0.4)
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const head = union(
    skin(spine([-0.07, 0.01, 0.08, 0.09, 0.06, 0.03, 0.085, 0.1, 0.2, -0.01, 0.06, 0.07, 0.32, -0.03, 0.06, 0.06])),
    skin(ears('pointed', 0.09, 0.06, 0.1, -0.03)),
    eyes(0.02, 0.078, 0.06, 0.1),
  )
  const lowered = pose.kind === 'lie' ? -0.77 : 0
  const hump = ellipsoid(0.14, high, humps === 1 ? 0.26 : 0.17, { segments: 12, rings: 8, vertical: 1.7 })
  const beast: Beast = {
    surface: 'fur',
    head,
    tail: skin(limb([0, 0, 0.06, 0.04, 0, -0.1, -0.05, 0.025, 0, -0.4, -0.07, 0.02, 0, -0.5, -0.07, 0.035])),
    tailAt: [1.08, -0.52],
    body: [-0.48, 1.05, 0.14, 0.15, -0.32, 1.06, 0.2, 0.22, 0, 1.05, 0.24, 0.26, 0.3, 1.04, 0.2, 0.26, 0.45, 1.05, 0.13, 0.18],
    neck: { at: [1.08, 0.4], length: 0.75, radii: [0.12, 0.17, 0.07, 0.085], sag: 0.22 },
    front: [0.13, 0.95, 0.34],
    hind: [0.13, 1.0, -0.36],
    leg: [0.1, 0.065, 0.045],
    foot: { length: 0.06, radius: 0.06 },
  }
  const at = humps === 1 ? [0] : [-0.24, 0.2]
  return union(fourLegged(beast, pose), ...at.map((z) => skin(hump.move(0, 1.22 + lowered, z))))
}

export const wildAnimals: readonly Category[] = [
  { name: 'bear', build: buildBear },
  { name: 'camel', build: buildCamel },
  { name: 'elephant', build: buildElephant },
  { name: 'giraffe', build: buildGiraffe },
]
