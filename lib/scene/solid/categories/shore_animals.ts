// Animals of the shore and the sea floor.
import type { Category, Random } from '../category.js'
import { cylinder, ellipsoid, type Point3, type Solid, skin, sphere, union, xy } from '../kit/index.js'
import { eyes, flatFin, limb, type Stations } from './animal_bodies.js'

function buildTurtle(random: Random): Solid {
  const kind = random.cycle(['tortoise', 'sea', 'pond', 'giant', 'young'])
  const sea = kind === 'sea'
  const high = { tortoise: 0.36, sea: 0.17, pond: 0.24, giant: 0.48, young: 0.28 }[kind]!
  const hide = (solid: Solid) => solid.of('body', 'skin', [0.2, 0.25, 0.1])
  const lift = { tortoise: 0.14, sea: 0.06, pond: 0.1, giant: 0.28, young: 0.1 }[kind]!
  const dome = ellipsoid(0.38, high, 0.48, { segments: 20, rings: 12 }).warp((x, y, z) => [
    sea ? x * (1 + 0.35 * z) : x,
    y < 0 ? y * 0.28 : y,
    z,
  ])
  const scute = (x: number, z: number, size: number) => {
    const y = high * Math.sqrt(Math.max(0.02, 1 - (x / 0.38) ** 2 - (z / 0.48) ** 2))
    return cylinder(size, 0.05, { top: size * 0.55, segments: 6 })
      .turn('x', (z / 0.48) * 62)
      .turn('z', -(x / 0.38) * 62)
      .move(x * 1.0, y - 0.025, z)
  }
  const scutes =
    sea || kind === 'young'
      ? []
      : xy([0, 0, 0, 0.25, 0, -0.25, 0.2, 0.13, 0.2, -0.13, -0.2, 0.13, -0.2, -0.13]).map(([x, z]) => scute(x!, z!, 0.125))
  const rim = ellipsoid(0.41, 0.05, 0.51, { segments: 20, rings: 6 })
    .move(0, -0.02, 0)
    .warp((x, y, z) => [sea ? x * (1 + 0.35 * z) : x, y, z])
  const shell = union(dome, ...scutes)
    .of('shell', 'shell')
    .and(rim.of('rim', 'shell'))
    .move(0, lift + high * 0.28, 0)
  const reach = random.spread(0.1, 0.28)
  const headY = lift + (kind === 'giant' ? 0.42 : sea ? 0.1 : 0.16 + reach * 0.5)
  const neck = limb(
    [0, lift + 0.08, 0.35, 0.09, 0, (lift + headY) / 2 + 0.04, 0.46 + reach * 0.4, 0.07, 0, headY, 0.5 + reach, 0.065],
    { sides: 8 },
  )
  const head = union(hide(ellipsoid(0.085, 0.075, 0.115, { segments: 12, rings: 7 })), eyes(0.018, 0.065, 0.03, 0.055)).move(
    0,
    headY + 0.01,
    0.54 + reach,
  )
  const leg = (z: number, out: number) =>
    limb(
      [
        [0.26, lift + 0.08, z, 0.1],
        [0.32 + out, lift * 0.5 + 0.03, z + Math.sign(z) * 0.06, 0.08],
        [0.33 + out, 0.03, z + Math.sign(z) * 0.08, 0.085],
      ],
      { sides: 8 },
    )
  const legs = sea
    ? flatFin([0, 0.1, 0.3, 0.06, 0.62, -0.3, 0.55, -0.36, 0.28, -0.12, 0, -0.1], 0.045)
        .turn('z', random.between(-18, 12))
        .move(0.26, 0.08, 0.26)
        .and(flatFin([0, 0.06, 0.18, -0.12, 0.2, -0.24, 0.06, -0.14], 0.04).move(0.16, 0.05, -0.36))
    : leg(0.28, 0).and(leg(-0.3, 0))
  const tail = limb([0, lift + 0.03, -0.42, 0.05, 0, lift, -0.58, 0.012])
  return union(shell, head, hide(union(neck, legs.mirrored('x'), tail)))
}

function buildCrab(random: Random): Solid {
  const kind = random.cycle(['edible', 'fiddler', 'spider', 'threatening', 'box'])
  const red = (solid: Solid) => solid.of('shell', 'shell', [0.55, 0.12, 0.05])
  const [w, d, h] = {
    edible: [0.36, 0.24, 0.11],
    fiddler: [0.27, 0.22, 0.12],
    spider: [0.2, 0.24, 0.13],
    threatening: [0.32, 0.22, 0.1],
    box: [0.3, 0.26, 0.19],
  }[kind]! as [number, number, number]
  const body = ellipsoid(w, h, d, { segments: 18, rings: 8, across: kind === 'fiddler' ? 3.5 : 2.3 }).taper(
    'z',
    kind === 'spider' ? 1.1 : 0.8,
    kind === 'spider' ? 0.5 : 1.05,
  )
  const long = kind === 'spider' ? 1.5 : kind === 'box' ? 0.75 : 1
  const legs = [0.12, 0.03, -0.06, -0.15].map((z, i) =>
    limb(
      [
        [w * 0.75, 0, z, 0.035],
        [w * 0.8 + 0.18 * long, 0.12 * long, z * 2 - 0.02 * i, 0.028],
        [w * 0.8 + 0.3 * long, -0.02, z * 2.8 - 0.03 * i, 0.02],
        [w * 0.8 + 0.36 * long, -0.18, z * 3 - 0.03 * i, 0.008],
      ],
      { steps: 1 },
    ).mirrored('x'),
  )
  const claw = (size: number) =>
    union(
      ellipsoid(0.07, 0.055, 0.12, { segments: 10, rings: 7 }),
      limb([0.03, 0, 0.07, 0.035, 0.05, 0, 0.16, 0.025, 0.0, 0, 0.23, 0.008]),
      limb([-0.04, 0, 0.07, 0.03, -0.06, 0, 0.15, 0.02, -0.01, 0, 0.21, 0.008]),
    ).scale(size)
  const up = kind === 'threatening' ? 0.28 : kind === 'edible' ? 0 : 0.08
  const arm = (size: number) =>
    union(
      limb([w * 0.6, 0, d * 0.6, 0.045, w + 0.14, 0.04 + up * 0.5, d + 0.06, 0.045, w + 0.06, up, d + 0.2, 0.035]),
      claw(size)
        .turn('x', up > 0.2 ? -60 : 0)
        .turn('y', -38)
        .move(w + 0.02, up, d + 0.22 + 0.05 * size),
    )
  const [right, left] = { edible: [1.3, 1.2], fiddler: [2.2, 0.6], spider: [0.7, 0.7], threatening: [1.4, 1.4], box: [1, 1] }[
    kind
  ]! as [number, number]
  const stalk = limb([0.08, h * 0.5, d * 0.8, 0.016, 0.09, h + 0.05, d * 0.95, 0.014]).mirrored('x')
  return union(red(union(body, ...legs, arm(right), arm(left).mirror('x'), stalk)), eyes(0.03, 0.09, h + 0.07, d * 0.95))
}

function buildOctopus(random: Random): Solid {
  const kind = random.cycle(['resting', 'swimming', 'curled', 'tall', 'walking'])
  const flesh = (solid: Solid) => solid.of('body', 'skin', [0.55, 0.18, 0.12])
  const mantle = {
    resting: [0.24, 0.27, 0.24],
    swimming: [0.17, 0.34, 0.17],
    curled: [0.27, 0.24, 0.27],
    tall: [0.2, 0.36, 0.18],
    walking: [0.22, 0.26, 0.28],
  }[kind]! as [number, number, number]
  const lean = kind === 'swimming' ? 30 : kind === 'walking' ? -35 : kind === 'tall' ? -12 : 0
  const head = union(
    ellipsoid(...mantle, { segments: 16, rings: 10, vertical: 2.2 })
      .taper('y', 0.7, 1.05)
      .move(0, mantle[1] * 0.85, 0)
      .turn('x', lean),
    ellipsoid(0.16, 0.12, 0.16, { segments: 14, rings: 8 }),
  )
  const arm = (i: number): Solid => {
    const side = i % 2 ? 1 : -1
    const wave = (k: number) => 0.09 * Math.sin(1.7 * i + 2.2 * k)
    const shapes: Record<string, Stations> = {
      resting: [
        [0, -0.02, 0.08, 0.075],
        [wave(1), -0.12, 0.28, 0.06],
        [wave(2), -0.18, 0.46, 0.045],
        [wave(3) * 2, -0.17, 0.62, 0.03],
        [0.1 * side + wave(3) * 2, -0.16, 0.7, 0.012],
      ],
      swimming: [
        [0, -0.05, 0.06, 0.075],
        [wave(1) * 0.4, -0.25, 0.13, 0.055],
        [wave(2) * 0.5, -0.5, 0.14, 0.04],
        [wave(3) * 0.7, -0.75, 0.1, 0.025],
        [wave(4), -0.95, 0.12, 0.01],
      ],
      curled: [
        [0, -0.02, 0.08, 0.075],
        [0, -0.14, 0.28, 0.06],
        [0.02 * side, -0.12, 0.46, 0.045],
        [0.03 * side, 0.05, 0.52, 0.032],
        [0.03 * side, 0.12, 0.42, 0.022],
        [0.03 * side, 0.04, 0.37, 0.012],
      ],
      tall: [
        [0, -0.05, 0.07, 0.075],
        [wave(1), -0.3, 0.2, 0.06],
        [wave(2), -0.5, 0.25, 0.045],
        [wave(3), -0.6, 0.4, 0.03],
        [0.12 * side, -0.58, 0.52, 0.012],
      ],
      walking: [
        [0, -0.02, 0.08, 0.075],
        [0, 0.06, 0.24, 0.06],
        [wave(2), -0.12, 0.38, 0.045],
        [wave(3), -0.22, 0.5, 0.03],
        [wave(4) * 2, -0.21, 0.66, 0.012],
      ],
    }
    return limb(shapes[kind]!, { sides: 6 }).turn('y', 22.5 + 45 * i)
  }
  return union(flesh(union(head, ...Array.from({ length: 8 }, (_, i) => arm(i)))), eyes(0.045, 0.11, 0.07, 0.12))
}

function buildStarfish(random: Random): Solid {
  const arms = random.cycle([5, 5, 6, 5, 9])
  const slim = random.cycle([0.3, 0.55, 0.42, 0.2, 0.36])
  const lift = random.cycle([0, 0.25, 0, -0.12, 0.12])
  const turn = (2 * Math.PI) / arms
  const points = 8 * arms
  const rings = [-1, -0.6, 0.25, 0.7, 1].map((level) =>
    Array.from({ length: points }, (_, i): Point3 => {
      const a = (i * 2 * Math.PI) / points
      const off = Math.abs(((a + turn / 2) % turn) - turn / 2) / (turn / 2)
      const r =
        (slim + (1 - slim) * (1 - off) ** 1.7) * (Math.abs(level) === 1 ? 0.02 : level > 0 ? 1 - 0.72 * level : 1 - 0.1 * -level)
      return [
        r * Math.sin(a),
        (level > 0 ? 0.2 * level : 0.05 * level) + lift * r * r * (0.6 + 0.4 * Math.sin(3 * a)),
        r * Math.cos(a),
      ]
    }),
  )
  const bumps = Array.from({ length: arms * 3 }, (_, i) => {
    const [a, r] = [Math.floor(i / 3) * turn, 0.22 + 0.2 * (i % 3)]
    return sphere(0.035, { segments: 6, rings: 4 }).move(
      r * Math.sin(a),
      0.265 * (1 - r) + lift * r * r * (0.6 + 0.4 * Math.sin(3 * a)),
      r * Math.cos(a),
    )
  })
  return skin(rings)
    .of('body', 'skin')
    .and(union(...bumps).of('bumps', 'skin'))
    .turn('x', 75)
}

export const shoreAnimals: readonly Category[] = [
  { name: 'crab', build: buildCrab },
  { name: 'octopus', build: buildOctopus },
  { name: 'starfish', build: buildStarfish },
  { name: 'turtle', build: buildTurtle },
]
