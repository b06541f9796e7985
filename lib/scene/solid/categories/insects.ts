// Insects, spiders and snails.
import type { Category, Random } from '../category.js'
import { curve, ellipsoid, type Point2, type Point3, prism, type Solid, sheet, sphere, tube, union, xy } from '../kit/index.js'
import { eyes, limb, type Stations, spine } from './animal_bodies.js'

/** Three pairs of legs of an insect, or four of a spider, as limbs that are mirrored. */
const legPairs = (legs: readonly Stations[], sides = 5) =>
  union(...legs.map((one) => limb(one, { sides, steps: 1 }))).mirrored('x')

function buildSpider(random: Random): Solid {
  const kind = random.cycle(['tarantula', 'widow', 'cellar', 'jumping', 'crab'])
  const hairy = (solid: Solid) => solid.of('body', 'fur', [0.04, 0.03, 0.03])
  const [abdomen, front, thick, span, high] = {
    tarantula: [0.24, 0.17, 0.042, 0.8, 0.28],
    widow: [0.26, 0.11, 0.02, 0.75, 0.3],
    cellar: [0.12, 0.08, 0.012, 1.2, 0.55],
    jumping: [0.2, 0.18, 0.04, 0.45, 0.16],
    crab: [0.24, 0.13, 0.028, 0.6, 0.12],
  }[kind]! as [number, number, number, number, number]
  const y = high * 0.45
  const shape: Point3 =
    kind === 'widow'
      ? [abdomen, abdomen, abdomen]
      : kind === 'crab'
        ? [abdomen * 1.2, abdomen * 0.6, abdomen]
        : [abdomen * 0.8, abdomen * 0.75, abdomen * 1.25]
  const body = union(
    ellipsoid(...shape, { segments: 16, rings: 9 })
      .turn('x', 12)
      .move(0, y + 0.08, -front - shape[2] * 0.85),
    ellipsoid(front * 0.9, front * 0.65, front * 1.15, { segments: 14, rings: 8 }).move(0, y, 0),
  )
  const angles = kind === 'crab' ? [62, 38, -12, -42] : [58, 20, -18, -56]
  const length = (i: number) =>
    span * (kind === 'crab' && i > 1 ? 0.6 : kind === 'jumping' && i === 0 ? 1.15 : i === 1 || i === 2 ? 0.85 : 1)
  const legs = angles.map((angle, i) => {
    const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]
    const at = (r: number, h: number, radius: number) => [
      (front * 0.5 + r * length(i)) * c,
      h,
      (front * 0.5 + r * length(i)) * s,
      radius,
    ]
    return [
      ...at(0, y, thick),
      ...at(0.38, y + high, thick),
      ...at(0.75, y + high * 0.25, thick * 0.75),
      ...at(1, -0.12, thick * 0.35),
    ]
  })
  const palps = limb([0.05, y, front, 0.03, 0.09, y + 0.03, front + 0.1, 0.025, 0.06, y - 0.06, front + 0.16, 0.018], {
    steps: 1,
  }).mirrored('x')
  const fangs = ellipsoid(0.035, 0.05, 0.045, { segments: 8, rings: 5 })
    .move(0.035, y - 0.05, front * 1.1)
    .mirrored('x')
  const size = kind === 'jumping' ? 0.055 : 0.022
  return union(
    hairy(union(body, legPairs(legs), palps, fangs)),
    eyes(size, size * 1.1, y + front * 0.35, front * 0.98),
    eyes(size * 0.6, size * 2.6, y + front * 0.4, front * 0.8),
  )
}

function buildButterfly(random: Random): Solid {
  const kind = random.cycle(['monarch', 'swallowtail', 'moth', 'white', 'owl'])
  const raise = random.cycle([12, 38, 6, 62, 25])
  const outlines: Record<string, readonly [number[], number[]]> = {
    monarch: [
      [0, 0.02, 0.2, 0.25, 0.55, 0.42, 0.6, 0.3, 0.45, 0.1, 0.32, -0.02, 0, -0.02],
      [0, 0, 0.3, 0.0, 0.42, -0.15, 0.34, -0.34, 0.15, -0.38, 0.03, -0.15],
    ],
    swallowtail: [
      [0, 0.02, 0.2, 0.22, 0.6, 0.38, 0.56, 0.2, 0.4, 0.02, 0, -0.02],
      [0, 0, 0.34, 0.0, 0.4, -0.2, 0.3, -0.34, 0.33, -0.62, 0.25, -0.6, 0.2, -0.36, 0.03, -0.18],
    ],
    moth: [
      [0, 0.04, 0.3, 0.16, 0.66, 0.1, 0.62, -0.05, 0.4, -0.18, 0, -0.06],
      [0, -0.04, 0.3, -0.14, 0.36, -0.28, 0.2, -0.36, 0.02, -0.2],
    ],
    white: [
      [0, 0.02, 0.15, 0.25, 0.38, 0.4, 0.5, 0.3, 0.45, 0.05, 0, -0.03],
      [0, 0, 0.35, 0.02, 0.42, -0.16, 0.3, -0.32, 0.1, -0.3, 0.02, -0.12],
    ],
    owl: [
      [0, 0.03, 0.25, 0.3, 0.5, 0.36, 0.56, 0.2, 0.5, 0.02, 0.3, -0.06, 0, -0.04],
      [0, 0, 0.36, -0.02, 0.5, -0.2, 0.44, -0.4, 0.24, -0.46, 0.04, -0.25],
    ],
  }
  const [fore, hind] = outlines[kind]!
  const wing = (values: number[]) =>
    prism(
      curve(
        Array.from({ length: values.length / 2 }, (_, i): Point2 => [values[2 * i]!, values[2 * i + 1]!]),
        { closed: true, steps: 4 },
      ),
      0.016,
    )
      .turn('x', -90)
      .mirror('z')
  const spot =
    kind === 'owl' || kind === 'monarch'
      ? [ellipsoid(0.07, 0.02, 0.07, { segments: 10, rings: 4 }).move(0.34, 0, -0.22).of('spots', 'feather')]
      : []
  const wings = union(
    wing(fore).move(0, 0.01, 0).of('wings', 'feather'),
    wing(hind).move(0, -0.008, 0).of('hindwings', 'feather'),
    ...spot,
  )
    .turn('z', raise)
    .mirrored('x')
  const fat = kind === 'moth' ? 1.7 : 1
  const body = union(
    spine([
      [-0.3, -0.02, 0.015 * fat, 0.015 * fat],
      [-0.15, 0, 0.03 * fat, 0.03 * fat],
      [0.02, 0.01, 0.035 * fat, 0.035 * fat],
      [0.12, 0.01, 0.03 * fat, 0.03 * fat],
    ]),
    sphere(0.036 * fat, { segments: 10, rings: 6 }).move(0, 0.01, 0.16),
  ).of('body', 'fur')
  const feeler =
    kind === 'moth'
      ? sheet(
          (u, v) => [0.03 + 0.16 * v, 0.03, 0.18 + 0.14 * v + (u - 0.5) * 0.06 * Math.sin(Math.PI * (0.1 + 0.85 * v))],
          0.01,
          { across: 1, along: 5 },
        )
      : limb([0.015, 0.02, 0.18, 0.007, 0.1, 0.07, 0.34, 0.006, 0.13, 0.08, 0.38, 0.014], { sides: 5 })
  return union(wings, body, feeler.mirrored('x').of('feelers', 'fur'), eyes(0.016 * fat, 0.026 * fat, 0.02, 0.18)).turn('x', -35)
}

function buildBeetle(random: Random): Solid {
  const kind = random.cycle(['ladybird', 'stag', 'rhinoceros', 'longhorn', 'scarab'])
  const [w, h, l] = {
    ladybird: [0.34, 0.26, 0.38],
    stag: [0.2, 0.12, 0.36],
    rhinoceros: [0.26, 0.2, 0.34],
    longhorn: [0.15, 0.11, 0.4],
    scarab: [0.28, 0.17, 0.32],
  }[kind]! as [number, number, number]
  const shell = (solid: Solid) => solid.of('elytra', 'shell')
  const wing = ellipsoid(w, h, l, { segments: 18, rings: 8 }).warp((x, y, z) => [x, y < 0 ? y * 0.35 : y, z])
  // One of two wing cases that part behind: the dome, pressed together on the inner side.
  const cases = wing
    .warp((x, y, z) => [(x < 0 ? 0.12 * x : x) + 0.12 * w + 0.008 + Math.max(0, -z) * (kind === 'ladybird' ? 0.12 : 0.03), y, z])
    .move(0, 0, -0.12)
  const neck = ellipsoid(w * 0.85, h * 0.75, 0.14, { segments: 14, rings: 7, vertical: 2.4 }).move(0, 0, l - 0.12)
  const headZ = l + 0.06
  const head = ellipsoid(w * 0.5, h * 0.5, 0.11, { segments: 12, rings: 7 }).move(0, -0.02, headZ)
  const black = (solid: Solid) => solid.of('body', 'shell', [0.03, 0.02, 0.02])
  const legs = xy([0.7, l - 0.15, 0.2, 0.05, -0.6, -0.2]).map(([ahead, z]) => [
    [w * 0.6, -0.03, z!, 0.03],
    [w + 0.16, 0.04, z! + 0.15 * ahead!, 0.026],
    [w + 0.22, -0.16, z! + 0.3 * ahead!, 0.014],
    [w + 0.3, -0.17, z! + 0.38 * ahead!, 0.01],
  ])
  const feeler =
    kind === 'longhorn'
      ? limb(
          [
            [0.06, 0.03, headZ + 0.06, 0.014],
            [0.3, 0.25, headZ + 0.25, 0.012],
            [0.55, 0.2, headZ - 0.1, 0.01],
            [0.75, 0.1, headZ - 0.6, 0.006],
          ],
          { sides: 5, steps: 3 },
        )
      : limb([w * 0.3, 0.02, headZ + 0.06, 0.012, w * 0.55, 0.06, headZ + 0.16, 0.01, w * 0.7, 0.05, headZ + 0.2, 0.022], {
          sides: 5,
        })
  const extra: Solid[] = []
  if (kind === 'stag')
    extra.push(
      black(
        limb([
          [0.07, -0.02, headZ + 0.06, 0.035],
          [0.2, 0, headZ + 0.2, 0.032],
          [0.17, 0.02, headZ + 0.38, 0.022],
          [0.06, 0.03, headZ + 0.46, 0.008],
        ])
          .and(limb([0.18, 0.01, headZ + 0.3, 0.018, 0.08, 0.02, headZ + 0.3, 0.006]))
          .mirrored('x'),
      ),
    )
  if (kind === 'rhinoceros')
    extra.push(
      black(
        limb([
          [0, 0.02, headZ + 0.06, 0.05],
          [0, 0.12, headZ + 0.22, 0.04],
          [0, 0.34, headZ + 0.26, 0.025],
          [0, 0.46, headZ + 0.18, 0.01],
        ]),
      ),
      black(limb([0, 0.1, l - 0.05, 0.05, 0, 0.22, l + 0.08, 0.02])),
    )
  if (kind === 'ladybird')
    extra.push(
      ...xy([0.14, 0.1, 0.22, -0.1, 0.1, -0.28]).map(([x, z]) =>
        black(
          ellipsoid(0.06, 0.06, 0.06, { segments: 9, rings: 5 })
            .move(x!, h * Math.sqrt(1 - (x! / w) ** 2 - ((z! + 0.12) / l) ** 2) - 0.035, z! - 0.03)
            .mirrored('x'),
        ),
      ),
    )
  if (kind === 'scarab')
    extra.push(
      sphere(0.34, { segments: 16, rings: 10 })
        .move(0, 0.16, -l - 0.4)
        .of('ball', 'soil'),
    )
  return union(
    shell(cases.mirrored('x')),
    black(union(neck, head, legPairs(legs), feeler.mirrored('x'))),
    eyes(0.03, w * 0.42, 0.03, headZ + 0.02),
    ...extra,
  )
}

function buildSnail(random: Random): Solid {
  const kind = random.cycle(['garden', 'cone', 'flat', 'resting', 'long'])
  const [turns, rise, size] = {
    garden: [2.6, 0.22, 0.24],
    cone: [4.2, 2.2, 0.17],
    flat: [3.6, 0.08, 0.25],
    resting: [2.8, 0.32, 0.26],
    long: [2.4, 0.5, 0.2],
  }[kind]! as [number, number, number]
  const count = Math.round(turns * 13)
  const growth = kind === 'cone' || kind === 'flat' ? 0.4 : 0.58
  const path = Array.from({ length: count + 1 }, (_, i): Point3 => {
    const t = i / count
    const grow = Math.exp(growth * turns * (t - 1))
    const a = -2 * Math.PI * turns * (1 - t) - 1.9
    return [size * (0.2 - rise * (1 - grow)), size * 0.95 * grow * Math.sin(a), size * 0.95 * grow * Math.cos(a)]
  })
  const coil = tube(path, (t) => size * (kind === 'flat' ? 0.6 : 0.7) * Math.exp(growth * turns * (t - 1)), {
    sides: 9,
    round: true,
  })
    .and(ellipsoid(size * 0.45, size * 0.5, size * 0.5, { segments: 12, rings: 7 }))
    .of('shell', 'shell')
  const tilt = kind === 'cone' ? 35 : random.between(-18, 18)
  const shell = coil
    .turn('z', kind === 'cone' ? -40 : 8)
    .turn('y', tilt)
    .move(0, 0.12 + size * 1.35, -0.08)
  const flesh = (solid: Solid) => solid.of('body', 'skin')
  const out = kind === 'resting' ? 0 : kind === 'long' ? 0.2 : 0.1
  const high = kind === 'resting' ? 0.06 : random.spread(0.14, 0.36)
  const foot = spine([
    [-0.5 - out, 0.02, 0.03, 0.015],
    [-0.3, 0.05, 0.12, 0.05],
    [0, 0.08, 0.14, 0.08],
    [0.26, 0.08, 0.12, 0.08],
    [0.38 + out, 0.06 + high * 0.55, 0.085, 0.085],
    [0.46 + out, 0.08 + high, 0.075, 0.07],
  ])
  const [hy, hz] = [0.1 + high, 0.48 + out]
  const horn = kind === 'resting' ? 0.08 : 0.2
  const horns = limb([0.03, hy, hz, 0.02, 0.07, hy + horn * 0.6, hz + 0.06, 0.015, 0.09, hy + horn, hz + 0.08, 0.012])
    .and(limb([0.025, hy - 0.05, hz + 0.04, 0.016, 0.045, hy - 0.05, hz + 0.13, 0.01]))
    .mirrored('x')
  return union(shell, flesh(union(foot, horns)), eyes(0.02, 0.09, hy + horn, hz + 0.085))
}

export const insects: readonly Category[] = [
  { name: 'beetle', build: buildBeetle },
  { name: 'butterfly', build: buildButterfly },
  { name: 'snail', build: buildSnail },
  { name: 'spider', build: buildSpider },
]
