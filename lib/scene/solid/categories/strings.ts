// Musical instruments with strings.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  ellipsoid,
  inPlane,
  lathe,
  type Point2,
  prism,
  rod,
  type Solid,
  symmetric,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

/** A body of strings from its right half, bottom to top. */
const waisted = (half: readonly Point2[], depth: number, bevel: number, holes: Point2[][] = []): Solid =>
  prism(curve(symmetric(half), { steps: 2, closed: true }), depth, { bevel, holes })

/** Neck, head, tuning pegs and strings, for a body whose top is at y = 0. */
function neckOf(length: number, width: number, head: Solid, pegs: number, bridge: number, front: number): Solid {
  const strings = Array.from({ length: 4 }, (_, i) =>
    rod([(i - 1.5) * width * 0.24, length, front + 0.012], [(i - 1.5) * width * 0.3, bridge, front + 0.035], 0.0035, 4),
  )
  const frets = box(width, 0.006, 0.012)
    .repeat(9, [0, (length - 0.06) / 9, 0], 'start')
    .move(0, 0.04, front)
  const peg = union(
    rod([0, 0, 0], [0.07, 0, 0], 0.008),
    ellipsoid(0.022, 0.014, 0.014, { segments: 8, rings: 6 }).move(0.08, 0, 0),
  )
    .repeat(pegs, [0, 0.05, 0], 'start')
    .move(width * 0.5, length + 0.04, front - 0.02)
  return union(
    union(box(width, length + 0.2, 0.045, 0.01).move(0, length / 2 - 0.1, front - 0.025), head.move(0, length, front - 0.02)).of(
      'neck',
      'wood',
    ),
    union(...strings, frets, peg.mirrored('x')).of('strings', 'metal'),
  )
}

const guitar: Category = {
  name: 'guitar',
  build(random) {
    const kind = random.cycle(['acoustic', 'electric', 'vee', 'ukulele', 'single'] as const)
    const waist = random.spread(0.9, 1.1)
    const head = prism(xy(-0.03, 0, 0.03, 0, 0.05, 0.04, 0.04, 0.2, -0.04, 0.2, -0.05, 0.04), 0.03)
    if (kind === 'acoustic' || kind === 'ukulele') {
      const small = kind === 'ukulele' ? 0.7 : 1
      const shape: Point2[] = xy(
        0,
        -0.66,
        0.16,
        -0.65,
        0.29,
        -0.53,
        0.29,
        -0.38,
        0.18 * waist,
        -0.24,
        0.21,
        -0.1,
        0.14,
        -0.01,
        0,
        0,
      )
      const body = union(
        waisted(shape, 0.17, 0.008),
        torus(0.082, [0.012, 0.008], { segments: 20, sides: 6 }).turn('x', 90).move(0, -0.2, 0.085),
      )
      return union(
        body.scale(small).of('body', 'wood'),
        cylinder(0.07, 0.01, { segments: 18 }).turn('x', 90).move(0, -0.2, 0.079).scale(small).of('hole', 'wax'),
        box(0.18, 0.035, 0.025).move(0, -0.45, 0.09).scale(small).of('bridge', 'wood'),
        neckOf(kind === 'ukulele' ? 0.34 : 0.58, 0.065, head, kind === 'ukulele' ? 2 : 3, -0.45 * small, 0.095 * small),
      )
    }
    const outline: Record<'electric' | 'vee' | 'single', Point2[]> = {
      electric: curve(
        xy([
          0, -0.56, 0.2, -0.54, 0.24, -0.36, 0.15, -0.2, 0.22, 0.06, 0.15, 0.1, 0.07, -0.06, -0.07, -0.06, -0.13, 0.14, -0.22,
          0.16, -0.15, -0.18, -0.25, -0.4, -0.19, -0.55,
        ]),
        { steps: 3, closed: true },
      ),
      vee: xy(0.05, 0.04, -0.05, 0.04, -0.36, -0.62, -0.24, -0.66, 0, -0.3, 0.24, -0.66, 0.36, -0.62),
      single: curve(
        xy([
          0, -0.58, 0.2, -0.53, 0.23, -0.36, 0.14, -0.2, 0.19, -0.04, 0.16, 0.03, 0.08, -0.07, 0.02, -0.02, -0.1, 0.02, -0.19,
          -0.06, -0.14, -0.2, -0.23, -0.36, -0.2, -0.53,
        ]),
        { steps: 3, closed: true },
      ),
    }
    const pickups = union(
      box(0.14, 0.03, 0.02).repeat(2, [0, 0.12, 0]).move(0, -0.24, 0.04),
      box(0.12, 0.05, 0.025).move(0, -0.42, 0.04),
      cylinder(0.02, 0.03, { segments: 10 }).turn('x', 90).repeat(2, [0.05, 0.05, 0]).move(0.13, -0.44, 0.03),
    )
    const points =
      kind === 'vee'
        ? prism(xy(-0.03, 0, 0.03, 0, 0.08, 0.08, 0, 0.26, -0.08, 0.08), 0.03)
        : kind === 'electric'
          ? prism(curve(xy(-0.03, 0, 0.03, 0, 0.09, 0.16, 0.05, 0.24, -0.03, 0.2), { steps: 2, closed: true }), 0.03)
          : head
    return union(
      prism(outline[kind], 0.075, { bevel: 0.012 }).of('body', 'paint'),
      pickups.of('pickups', 'plastic'),
      neckOf(0.6, 0.06, points, 3, -0.42, 0.05),
    )
  },
}

const harp: Category = {
  name: 'harp',
  build(random) {
    const kind = random.cycle(['concert', 'celtic', 'lyre', 'bow', 'angular'] as const)
    const wide = random.spread(0.85, 1.1)
    const strings = (count: number, low: (t: number) => Point2, high: (t: number) => Point2): Solid =>
      union(
        ...Array.from({ length: count }, (_, i) => {
          const t = (i + 0.5) / count
          return rod([...low(t), 0], [...high(t), 0], 0.0045, 4)
        }),
      ).of('strings', 'metal')
    const beam = (points: readonly Point2[], radius: number | ((t: number) => number), smooth = 4): Solid =>
      tube(inPlane('xy', curve(points, { steps: smooth })), radius, { sides: 8, round: true }).of('frame', 'wood')
    if (kind === 'lyre')
      return union(
        beam(xy(0.08, 0.1, 0.34 * wide, 0.3, 0.24, 0.62, 0.36, 0.95), 0.03).mirrored('x'),
        beam(xy(-0.38, 0.85, 0.38, 0.85), 0.025),
        ellipsoid(0.28 * wide, 0.18, 0.1, { segments: 18, rings: 8 })
          .move(0, 0.16, 0)
          .of('frame', 'wood'),
        strings(
          7,
          (t) => [(t - 0.5) * 0.2, 0.2],
          (t) => [(t - 0.5) * 0.36, 0.85],
        ),
      )
    if (kind === 'bow')
      return union(
        beam(xy(-0.3, 0.04, 0.2, 0.03, 0.45 * wide, 0.25, 0.5 * wide, 0.65, 0.4 * wide, 1), (t) => 0.075 - 0.05 * t),
        strings(
          9,
          (t) => [-0.26 + 0.44 * t, 0.05],
          (t) => [0.41 * wide + 0.09 * Math.sin(3 * t), 0.96 - 0.5 * t],
        ),
      )
    const [top, foot]: [number, number] = kind === 'concert' ? [1.1, 0.34] : [0.95, 0.3]
    const sound = tube(xyz(-foot, 0.12, 0, 0.36 * wide, top * 0.92, 0), (t) => [0.13 - 0.07 * t, 0.1 - 0.05 * t], {
      sides: 10,
      up: [-1, 0.6, 0],
    }).of('frame', 'wood')
    if (kind === 'angular')
      return union(
        beam(xy(-0.42, 0.02, 0.5, 0.02), 0.035, 1),
        beam(xy(-0.4, 0.02, -0.3, 0.5, -0.34 * wide, 1.05), 0.06, 3),
        strings(
          10,
          (t) => [-0.3 + 0.76 * t, 0.02],
          (t) => [-0.35, 1 - 0.85 * t],
        ),
      )
    const neck =
      kind === 'concert'
        ? beam(xy(0.36 * wide, top * 0.92, 0.15, top * 0.84, -0.1, top * 0.86, -0.34, top * 1.02, -0.46, top), 0.04)
        : beam(xy(0.36 * wide, top * 0.92, 0.1, top * 0.93, -0.3, top * 1.06), 0.035)
    const pillar =
      kind === 'concert'
        ? union(
            lathe(xy(0.05, 0.08, 0.035, 0.2, 0.035, top * 0.9, 0.06, top * 0.97, 0.06, top * 1.02, 0.02, top * 1.05), {
              segments: 12,
            }).move(-0.46, 0, 0),
            box(0.34, 0.1, 0.3, 0.03).move(-0.4, 0.06, 0),
          ).of('frame', 'wood')
        : beam(xy(-0.3, top * 1.06, -0.52, top * 0.6, -0.4, 0.12), 0.035)
    return union(
      sound,
      neck,
      pillar,
      strings(
        12,
        (t) => [-foot + 0.06 + (0.36 * wide + foot - 0.1) * t, 0.16 + (top * 0.92 - 0.16) * t],
        (t) => [-0.4 + 0.7 * wide * t, top * 0.97 - 0.22 * top * Math.sin(Math.PI * t) * (kind === 'concert' ? 0.55 : 0.15)],
      ),
    ).turn('y', kind === 'celtic' ? 25 : 0)
  },
}

const violin: Category = {
  name: 'violin',
  build(random) {
    const kind = random.cycle(['violin', 'bowed', 'cello', 'bass', 'lira'] as const)
    const slope = kind === 'bass' ? 0.35 : 1
    const wide = random.spread(0.92, 1.08)
    const half: Point2[] =
      kind === 'lira'
        ? xy(0, -0.55, 0.14, -0.5, 0.2, -0.34, 0.14, -0.1, 0.04, 0.03, 0, 0.03)
        : xy(
            0,
            -0.56,
            0.12,
            -0.55,
            0.2,
            -0.46,
            0.19,
            -0.37,
            0.14,
            -0.335,
            0.11,
            -0.27,
            0.13,
            -0.2,
            0.165,
            -0.17,
            0.165,
            -0.09,
            0.1 * slope + 0.01,
            -0.02,
            0.03,
            0,
            0,
            0,
          )
    const body = waisted(
      half.map(([x, y]): Point2 => [x * wide, y]),
      0.09,
      0.014,
    )
    const arch = ellipsoid(0.15 * wide, 0.26, 0.035, { segments: 16, rings: 8 }).move(0, -0.28, 0.04)
    const slit = tube(curve(xyz(0.06, -0.36, 0.075, 0.085, -0.33, 0.068, 0.075, -0.27, 0.072, 0.06, -0.22, 0.075)), 0.007, {
      sides: 5,
    })
    const scroll = union(
      prism(xy(-0.022, 0, 0.022, 0, 0.018, 0.16, -0.018, 0.16), 0.035),
      cylinder(0.04, 0.045, { segments: 14 }).turn('z', 90).move(0.0225, 0.18, -0.01),
    )
    const fittings = union(
      box(0.09, 0.07, 0.012).move(0, -0.29, 0.085),
      prism(xy(-0.015, -0.55, 0.015, -0.55, 0.03, -0.38, -0.03, -0.38), 0.015).move(0, 0, 0.085),
      box(0.05, 0.3, 0.012).move(0, -0.03, 0.075),
      ...(kind === 'violin' ? [ellipsoid(0.06, 0.05, 0.02, { segments: 12, rings: 6 }).move(-0.08, -0.5, 0.06)] : []),
    )
    const spike =
      kind === 'cello' || kind === 'bass'
        ? [rod([0, -0.56, 0], [0, kind === 'cello' ? -0.75 : -0.65, 0], 0.01).of('strings', 'metal')]
        : []
    const whole = union(
      union(body, arch).of('body', 'wood'),
      slit.mirrored('x').of('slits', 'wax'),
      fittings.of('fittings', 'wood'),
      neckOf(kind === 'bass' ? 0.42 : 0.3, 0.035, scroll, 2, -0.29, 0.07),
      ...spike,
    )
    const bow = union(
      tube(curve(xyz(0, -0.6, 0, 0.02, -0.2, 0, 0.02, 0.2, 0, 0, 0.55, 0)), 0.009, { sides: 6 }).of('bow', 'wood'),
      box(0.03, 0.05, 0.015).move(-0.015, -0.55, 0).of('bow', 'wood'),
      rod([-0.025, -0.55, 0], [-0.005, 0.55, 0], 0.006, 4).of('hair', 'fur'),
    )
    if (kind === 'bowed') return union(whole, bow.turn('z', -64).move(0.02, -0.22, 0.12))
    if (kind === 'cello') return union(whole.scale(1.08, 1, 1.5), bow.scale(0.8).turn('z', 8).move(0.32, -0.3, 0.06))
    return whole
  },
}

export const strings: readonly Category[] = [guitar, harp, violin]
