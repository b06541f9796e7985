// Animals of the house and the farm.
import type { Category, Random } from '../category.js'
import { cylinder, ellipsoid, helix, type Solid, sheet, sphere, tube, union, xyz } from '../kit/index.js'
import { type Beast, type Ear, ears, eyes, fourLegged, limb, type Pose, type Stations, spine } from './animal_bodies.js'
import { sideways } from './wheels.js'

const grazing: readonly Pose[] = [
  { kind: 'stand', neck: 48, head: -32 },
  { kind: 'walk', neck: 40, head: -25 },
  { kind: 'stand', neck: -40, head: -68 },
  { kind: 'run', neck: 32, head: -15 },
  { kind: 'rear', neck: 72, head: -20 },
]

function buildDog(random: Random): Solid {
  const [breed, kind] = random.cycle([
    ['terrier', 'stand'],
    ['shepherd', 'sit'],
    ['dachshund', 'walk'],
    ['hound', 'run'],
    ['retriever', 'lie'],
  ] as const)
  const legs = { terrier: 0.55, shepherd: 0.68, dachshund: 0.26, hound: 0.78, retriever: 0.62 }[breed]
  const snout = { terrier: 0.2, shepherd: 0.3, dachshund: 0.33, hound: 0.34, retriever: 0.26 }[breed]
  const ear: Ear = breed === 'terrier' || breed === 'shepherd' ? 'pointed' : 'floppy'
  const slim = breed === 'hound' ? 0.8 : 1
  const long = breed === 'dachshund' ? 1.25 : breed === 'terrier' ? 0.85 : 1
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const head = union(
    skin(spine([-0.08, 0, 0.1, 0.1, 0.06, 0.03, 0.12, 0.12, 0.15, -0.01, 0.085, 0.085, 0.08 + snout, -0.03, 0.055, 0.055])),
    skin(ears(ear, ear === 'pointed' ? 0.2 : 0.26, 0.09, 0.1, -0.01)),
    sphere(0.035, { segments: 8, rings: 5 })
      .move(0, 0, 0.14 + snout)
      .of('nose', 'leather', [0.02, 0.02, 0.02]),
    eyes(0.022, 0.075, 0.07, 0.13),
  )
  const tails: Record<typeof breed, Stations> = {
    terrier: [0, -0.02, 0.05, 0.05, 0, 0.12, -0.03, 0.04, 0, 0.22, -0.04, 0.02],
    shepherd: [0, 0, 0.05, 0.05, 0, -0.1, -0.15, 0.06, 0, -0.12, -0.35, 0.06, 0, -0.02, -0.48, 0.02],
    dachshund: [0, 0, 0.05, 0.04, 0, 0.06, -0.15, 0.03, 0, 0.16, -0.32, 0.015],
    hound: [0, 0, 0.05, 0.04, 0, 0.05, -0.18, 0.03, 0, 0.22, -0.32, 0.02, 0, 0.38, -0.28, 0.015],
    retriever: [0, 0, 0.05, 0.05, 0, 0.02, -0.2, 0.07, 0, -0.05, -0.4, 0.06, 0, -0.05, -0.52, 0.015],
  }
  const y = legs + 0.06
  const beast: Beast = {
    surface: 'fur',
    head,
    tail: skin(limb(tails[breed])),
    tailAt: [y + 0.08, -0.48 * long],
    body: [
      [-0.44 * long, y, 0.12, 0.13],
      [-0.3 * long, y, 0.16 * slim, 0.17],
      [0, y + 0.01, 0.145 * slim, 0.15 * slim],
      [0.24 * long, y - 0.03, 0.17, 0.2],
      [0.38 * long, y + 0.02, 0.12, 0.15],
    ],
    neck: { at: [y + 0.04, 0.36 * long], length: 0.3, radii: [0.12, 0.14, 0.09, 0.1] },
    front: [0.1, legs, 0.28 * long],
    hind: [0.1, legs, -0.36 * long],
    leg: [0.085, 0.055, 0.042],
    foot: { length: 0.07, radius: 0.045 },
  }
  return fourLegged(beast, { kind, neck: random.spread(38, 62), head: random.between(-12, 8) })
}

function buildCat(random: Random): Solid {
  const [kind, tail] = random.cycle([
    ['sit', 'round'],
    ['walk', 'up'],
    ['lie', 'hook'],
    ['stand', 'arched'],
    ['run', 'straight'],
  ] as const)
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const whisker = tube(xyz([0.03, -0.045, 0.13, 0.17, -0.02, 0.12]), 0.003, { sides: 3 })
    .and(tube(xyz([0.03, -0.055, 0.13, 0.17, -0.07, 0.12]), 0.003, { sides: 3 }))
    .mirrored('x')
  const head = union(
    skin(ellipsoid(0.125, 0.115, 0.115, { segments: 14, rings: 8 })),
    skin(ellipsoid(0.06, 0.042, 0.05, { segments: 10, rings: 6 }).move(0, -0.045, 0.1)),
    skin(ears('pointed', 0.14, 0.07, 0.075, 0)),
    eyes(0.025, 0.055, 0.025, 0.1),
    whisker.of('whiskers', 'plastic'),
    sphere(0.017, { segments: 6, rings: 4 }).move(0, -0.02, 0.145).of('nose', 'leather'),
  )
  const tails: Record<typeof tail, Stations> = {
    round: [
      0, -0.1, 0, 0.045, 0.15, -0.22, -0.05, 0.04, 0.28, -0.24, 0.12, 0.035, 0.24, -0.24, 0.32, 0.03, 0.1, -0.24, 0.42, 0.02,
    ],
    up: [0, 0, 0.05, 0.045, 0, 0.1, -0.08, 0.035, 0, 0.35, -0.1, 0.03, 0, 0.52, -0.04, 0.02],
    hook: [0, 0, 0.03, 0.045, 0.1, -0.05, -0.2, 0.035, 0.3, -0.08, -0.15, 0.03, 0.38, -0.08, 0.05, 0.02],
    arched: [0, 0, 0.05, 0.06, 0, 0.2, -0.06, 0.06, 0, 0.4, -0.18, 0.05, 0, 0.5, -0.34, 0.02],
    straight: [0, 0, 0.05, 0.04, 0, -0.02, -0.2, 0.035, 0, 0.02, -0.42, 0.03, 0, 0.12, -0.56, 0.02],
  }
  const arch = tail === 'arched' ? 0.16 : 0
  const y = 0.42
  const beast: Beast = {
    surface: 'fur',
    head,
    tail: skin(limb(tails[tail], { steps: 3 })),
    tailAt: [y + 0.05, -0.4],
    body: [
      [-0.36, y, 0.1, 0.11],
      [-0.22, y + arch * 0.8, 0.12, 0.125],
      [0, y + arch + 0.01, 0.115, 0.12],
      [0.18, y + arch * 0.5, 0.115, 0.13],
      [0.32, y + 0.02, 0.085, 0.1],
    ],
    neck: { at: [y + 0.05, 0.28], length: 0.2, radii: [0.09, 0.1, 0.075, 0.08] },
    front: [0.07, 0.38, 0.24],
    hind: [0.07, 0.4, -0.28],
    leg: [0.065, 0.042, 0.034],
    foot: { length: 0.04, radius: 0.036 },
  }
  return fourLegged(beast, {
    kind,
    neck: random.spread(38, 66),
    head: random.between(-10, 5),
    ...(kind === 'sit' && { pitch: 56 }),
  })
}

function buildHorse(random: Random): Solid {
  const pose = random.cycle(grazing)
  const stout = random.cycle([1, 1.2, 0.92, 1.05, 0.98])
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const head = union(
    skin(spine([-0.1, 0.02, 0.085, 0.11, 0.08, 0.03, 0.095, 0.13, 0.26, 0, 0.065, 0.09, 0.44, -0.03, 0.06, 0.07])),
    skin(ears('pointed', 0.15, 0.06, 0.12, -0.02)),
    eyes(0.022, 0.085, 0.07, 0.13),
    random.cycle([true, false])
      ? sheet((u, v) => [0.12 * (u - 0.5), 0.13 + 0.03 * Math.sin(3 * v) - 0.05 * v, -0.1 + 0.3 * v], 0.03, {
          across: 1,
          along: 3,
        }).of('mane', 'fur')
      : skin(ellipsoid(0.07, 0.05, 0.05, { segments: 8, rings: 5 }).move(0, -0.03, 0.46)),
  )
  const length = 0.62
  const mane = sideways(
    [
      ...[0, 0.25, 0.5, 0.75, 1].map((t, i): [number, number] => [0.02 - length * (1 - t), 0.15 - 0.03 * t + (i % 2) * 0.05]),
      [0.05, 0.12],
      [0.03, 0.0],
      [-length, -0.04],
    ],
    0.05,
  )
    .turn('x', -pose.neck + pose.head)
    .of('mane', 'fur')
  const flying = pose.kind === 'run' || pose.kind === 'rear'
  const tail = limb(
    flying
      ? [0, 0, 0.06, 0.05, 0, 0.03, -0.15, 0.07, 0, -0.1, -0.38, 0.07, 0, -0.25, -0.6, 0.02]
      : [0, 0, 0.06, 0.05, 0, -0.06, -0.08, 0.06, 0, -0.35, -0.12, 0.075, 0, -0.7, -0.1, 0.02],
  ).of('mane', 'fur')
  const w = 0.19 * stout
  const beast: Beast = {
    surface: 'fur',
    head: head.and(mane),
    tail,
    tailAt: [1.08, -0.66],
    body: [
      [-0.6, 1.02, 0.14, 0.15],
      [-0.45, 1.0, w, 0.21 * stout],
      [0, 0.97, w, 0.2 * stout],
      [0.35, 0.98, w * 0.95, 0.22 * stout],
      [0.52, 1.02, 0.13, 0.17],
    ],
    neck: { at: [1.05, 0.48], length, radii: [0.12, 0.2, 0.075, 0.11], sag: 0.02 },
    front: [0.13, 0.92, 0.4],
    hind: [0.13, 0.95, -0.48],
    leg: [0.12, 0.065, 0.042],
    foot: { length: 0.05, radius: 0.05, hoof: true },
  }
  return fourLegged(beast, pose)
}

function buildCow(random: Random): Solid {
  const pose = random.cycle([
    { kind: 'stand', neck: 12, head: -22 },
    { kind: 'walk', neck: 5, head: -25 },
    { kind: 'stand', neck: -42, head: -60 },
    { kind: 'lie', neck: 35, head: -15 },
    { kind: 'walk', neck: -8, head: -35 },
  ] as const)
  const horn = random.cycle(['short', 'long', 'none', 'up', 'side'])
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const horns: Record<string, Stations> = {
    short: [0.06, 0.12, 0, 0.03, 0.15, 0.17, 0.02, 0.025, 0.17, 0.26, 0.04, 0.006],
    long: [0.06, 0.12, 0, 0.035, 0.3, 0.16, 0, 0.03, 0.5, 0.3, 0.03, 0.02, 0.55, 0.48, 0.05, 0.006],
    up: [0.06, 0.12, 0, 0.035, 0.2, 0.18, 0, 0.03, 0.24, 0.36, -0.02, 0.02, 0.18, 0.5, -0.05, 0.006],
    side: [0.06, 0.12, 0, 0.03, 0.2, 0.12, 0.05, 0.025, 0.24, 0.1, 0.18, 0.006],
  }
  const head = union(
    skin(spine([-0.08, 0.02, 0.11, 0.13, 0.1, 0.02, 0.12, 0.14, 0.28, -0.02, 0.09, 0.1, 0.42, -0.04, 0.095, 0.085])),
    skin(ears('side', 0.22, 0.1, 0.06, -0.02)),
    eyes(0.024, 0.115, 0.07, 0.14),
    ...(horns[horn] ? [limb(horns[horn]).mirrored('x').of('horns', 'bone')] : []),
    sphere(0.02, { segments: 6, rings: 4 }).move(0.04, -0.02, 0.5).mirrored('x').of('eyes', 'glass', [0.02, 0.02, 0.02]),
  )
  const udder = ellipsoid(0.15, 0.12, 0.17, { segments: 10, rings: 6 })
    .and(...[0.06, -0.06].map((z) => cylinder(0.02, 0.08, { segments: 6 }).move(0.06, -0.16, z).mirrored('x')))
    .move(0, pose.kind === 'lie' ? 0.2 : 0.62, -0.4)
    .of('udder', 'skin')
  const tail = union(
    skin(limb([0, 0, 0.06, 0.04, 0, -0.03, -0.06, 0.03, 0, -0.4, -0.1, 0.022, 0, -0.6, -0.09, 0.022])),
    ellipsoid(0.05, 0.13, 0.05, { segments: 8, rings: 6 }).move(0, -0.68, -0.09).of('tuft', 'fur'),
  )
  const bull = horn === 'up' || horn === 'side'
  const beast: Beast = {
    surface: 'fur',
    head,
    tail: pose.kind === 'lie' ? tail.scale(1, 0.55, 1) : tail,
    tailAt: [1.08, -0.76],
    body: [
      [-0.68, 0.95, 0.17, 0.19],
      [-0.52, 0.93, 0.25, 0.27],
      [0, 0.88, 0.29, 0.29],
      [0.4, bull ? 0.95 : 0.9, 0.25, bull ? 0.34 : 0.28],
      [0.6, 0.93, 0.16, 0.22],
    ],
    neck: { at: [0.98, 0.56], length: 0.42, radii: [0.15, 0.22, 0.11, 0.14] },
    front: [0.17, 0.8, 0.42],
    hind: [0.17, 0.85, -0.52],
    leg: [0.13, 0.075, 0.055],
    foot: { length: 0.05, radius: 0.06, hoof: true },
  }
  const solid = fourLegged(beast, pose)
  return bull ? solid : solid.and(udder)
}

function buildPig(random: Random): Solid {
  const kind = random.cycle(['stand', 'walk', 'sit', 'lie', 'run'] as const)
  const ear = random.cycle(['pointed', 'floppy', 'pointed', 'side', 'floppy'] as const)
  const fat = random.spread(0.9, 1.2)
  const pink = [0.75, 0.42, 0.38] as const
  const skin = (solid: Solid) => solid.of('body', 'skin', pink)
  const snout = cylinder(0.085, 0.05, { segments: 12, round: 0.012 }).turn('x', 80).move(0, -0.035, 0.33)
  const head = union(
    skin(spine([-0.1, 0.03, 0.15, 0.16, 0.05, 0.03, 0.15, 0.16, 0.18, -0.01, 0.1, 0.1, 0.32, -0.04, 0.075, 0.075])),
    skin(snout),
    skin(ears(ear, 0.19, 0.1, 0.13, 0.02)),
    eyes(0.02, 0.1, 0.09, 0.15),
    sphere(0.018, { segments: 6, rings: 4 }).move(0.03, -0.03, 0.375).mirrored('x').of('eyes', 'glass', [0.02, 0.02, 0.02]),
  )
  const tail = skin(
    tube(helix(0.05, 0.16, 1.6, 10), 0.018, { sides: 5, round: true })
      .turn('x', -80)
      .move(0, 0, 0.03),
  )
  const beast: Beast = {
    surface: 'skin',
    colour: pink,
    head,
    tail,
    tailAt: [0.6, -0.56],
    body: [
      [-0.46, 0.52, 0.17 * fat, 0.18 * fat],
      [-0.3, 0.5, 0.24 * fat, 0.25 * fat],
      [0, 0.48, 0.25 * fat, 0.26 * fat],
      [0.28, 0.5, 0.22 * fat, 0.24 * fat],
      [0.4, 0.54, 0.16, 0.18],
    ],
    neck: { at: [0.56, 0.36], length: 0.2, radii: [0.18, 0.2, 0.15, 0.16] },
    front: [0.14, 0.36, 0.27],
    hind: [0.14, 0.38, -0.33],
    leg: [0.11, 0.065, 0.05],
    foot: { length: 0.03, radius: 0.045, hoof: true },
  }
  return fourLegged(beast, { kind, neck: kind === 'sit' ? 35 : 10, head: random.between(-15, -2) })
}

function buildRabbit(random: Random): Solid {
  const [pitch, set] = random.cycle([
    [62, 'up'],
    [20, 'back'],
    [35, 'lop'],
    [10, 'up'],
    [45, 'one'],
  ] as const)
  const skin = (solid: Solid) => solid.of('body', 'fur')
  const ear = (bent: number, out: number) =>
    ellipsoid(0.05, 0.2, 0.03, { segments: 8, rings: 8 })
      .move(0, 0.18, 0)
      .bend('y', 'z', set === 'one' && out < 0 ? 120 : 0)
      .turn('z', -out)
      .turn('x', bent)
      .move(Math.sign(out) * 0.05, 0.08, -0.03)
  const lean = { up: -12, back: -75, lop: 0, one: -8 }[set]
  const lop = set === 'lop' ? 145 : 10
  const head = union(
    skin(spine([-0.08, 0, 0.09, 0.1, 0.04, 0, 0.1, 0.1, 0.13, -0.03, 0.07, 0.065])),
    skin(ear(lean, lop)),
    skin(ear(lean, -lop)),
    eyes(0.024, 0.085, 0.02, 0.07),
    sphere(0.014, { segments: 6, rings: 4 }).move(0, -0.01, 0.19).of('nose', 'leather'),
  )
  const upright = pitch > 40
  const body = spine([-0.2, 0, 0.13, 0.14, -0.05, 0.03, 0.18, 0.18, 0.15, 0.02, 0.14, 0.14, 0.27, 0.03, 0.09, 0.1]).turn(
    'x',
    -pitch,
  )
  const angle = (pitch * Math.PI) / 180
  const along = (z: number, y: number): [number, number] => [
    Math.cos(angle) * z - Math.sin(angle) * y,
    Math.sin(angle) * z + Math.cos(angle) * y,
  ]
  const lift = -body.box.low[1]
  const [headZ, headY] = along(0.34, upright ? -0.02 : 0.1)
  const [armZ, armY] = along(0.2, -0.06)
  const front = upright
    ? limb([
        [0.09, armY + lift, armZ, 0.05],
        [0.08, armY + lift - 0.12, armZ + 0.1, 0.035],
        [0.06, armY + lift - 0.1, armZ + 0.17, 0.03],
      ])
    : limb([
        [0.09, armY + lift, armZ, 0.055],
        [0.09, 0.12, armZ + 0.02, 0.035],
        [0.09, 0.03, armZ + 0.03, 0.03],
        [0.09, 0.03, armZ + 0.09, 0.032],
      ])
  const thigh = ellipsoid(0.07, 0.13, 0.16, { segments: 10, rings: 7 }).move(0.14, 0.14, -0.06)
  const foot = limb([0.14, 0.04, -0.16, 0.04, 0.15, 0.035, 0.08, 0.04, 0.15, 0.035, 0.2, 0.035])
  const tail = sphere(0.075, { segments: 10, rings: 6 })
    .move(0, lift + along(-0.31, 0.04)[1] + 0.04, along(-0.31, 0.04)[0])
    .of('tail', 'fur', [0.8, 0.8, 0.8])
  return union(
    skin(body.move(0, lift, 0)),
    head.turn('x', 10).move(0, headY + lift + 0.08, headZ),
    skin(union(front, thigh, foot).mirrored('x')),
    tail,
  )
}

export const domesticAnimals: readonly Category[] = [
  { name: 'cat', build: buildCat },
  { name: 'cow', build: buildCow },
  { name: 'dog', build: buildDog },
  { name: 'horse', build: buildHorse },
  { name: 'pig', build: buildPig },
  { name: 'rabbit', build: buildRabbit },
]
