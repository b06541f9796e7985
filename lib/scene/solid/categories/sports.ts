// Things for sport.
import type { Category } from '../category.js'
import {
  box,
  cone,
  curve,
  cylinder,
  ellipse,
  ellipsoid,
  inPlane,
  lathe,
  type Point2,
  type Point3,
  polygon,
  prism,
  rod,
  type Solid,
  sphere,
  sweep,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

const bow: Category = {
  name: 'bow',
  build(random) {
    const kind = random.cycle(['long', 'recurve', 'cross', 'drawn', 'short'] as const)
    const depth = random.spread(0.9, 1.1)
    const limb = (points: readonly Point2[]): Solid => {
      const path = curve(
        [
          ...points,
          ...points
            .slice(0, -1)
            .map(([x, y]): Point2 => [x, -y])
            .reverse(),
        ] as Point2[],
        { steps: 4 },
      )
      return tube(inPlane('xy', path), (t) => [0.03, 0.016 + 0.022 * Math.sin(Math.PI * t)], { sides: 8, up: [1, 0, 0] }).of(
        'limbs',
        'wood',
      )
    }
    const arrow = (length: number): Solid => {
      const vane = prism(xy(0, 0, 0.13, 0, 0.08, 0.05, -0.02, 0.05), 0.006)
        .move(0, 0.008, 0)
        .around(3, { axis: 'x' })
      return union(
        union(rod([0, 0, 0], [length, 0, 0], 0.009, 6)).of('shaft', 'wood'),
        cone(0.026, 0.08, 4).turn('z', -90).move(length, 0, 0).of('tip', 'metal'),
        vane.of('vanes', 'feather'),
      )
    }
    const string = (tip: Point2, nock: number) =>
      tube(xyz(tip[0], tip[1], 0, nock, 0, 0, tip[0], -tip[1], 0), 0.006, { sides: 5 }).of('string', 'cloth')
    const grip = (x: number, length: number) =>
      cylinder(0.04, length, { segments: 10, round: 0.015 })
        .move(x, -length / 2, 0)
        .of('grip', 'leather')
    const d = 0.3 * depth
    if (kind === 'long') return union(limb(xy(-0.02, 1, d * 0.7, 0.5, d, 0)), string([-0.02, 1], -0.021), grip(d, 0.22))
    if (kind === 'recurve')
      return union(
        limb(xy(0.14, 0.72, 0.03, 0.63, 0.02, 0.5, d * 0.9, 0.24, d * 0.75, 0)),
        string([0.03, 0.62], 0.029),
        grip(d * 0.75, 0.18),
      )
    if (kind === 'short')
      return union(
        limb(xy(0.25, 0.62, 0.05, 0.6, 0.12, 0.4, 0.34, 0.18, 0.22, 0)),
        string([0.08, 0.6], 0.079),
        grip(0.22, 0.12),
        arrow(0.55).turn('z', 20).move(-0.3, -0.45, 0.05),
      )
    if (kind === 'drawn')
      return union(
        limb(xy(-0.12, 0.78, d * 0.8, 0.42, d * 1.15, 0)),
        string([-0.12, 0.78], -0.55),
        grip(d * 1.15, 0.2),
        arrow(1).move(-0.55, 0.02, 0),
      )
    const stock = prism(
      curve(xy(-0.7, -0.16, -0.66, 0.03, -0.3, 0.02, 0.42, 0.03, 0.42, -0.05, -0.1, -0.07, -0.3, -0.06), {
        steps: 2,
        closed: true,
      }),
      0.09,
      { bevel: 0.015 },
    ).of('stock', 'wood')
    const prod = tube(
      inPlane('xz', curve(xy(0.1, 0.55, 0.3, 0.35, 0.38, 0, 0.3, -0.35, 0.1, -0.55))),
      (t) => [0.03, 0.015 + 0.015 * Math.sin(Math.PI * t)],
      { sides: 8 },
    ).of('limbs', 'metal')
    return union(
      stock,
      prod,
      tube(xyz(0.1, 0.01, 0.55, -0.2, 0.045, 0, 0.1, 0.01, -0.55), 0.007, { sides: 5 }).of('string', 'cloth'),
      tube(curve(xyz(0.42, 0.04, 0, 0.55, 0.04, 0.07, 0.58, 0, 0, 0.55, -0.04, -0.07, 0.42, -0.04, 0)), 0.014, { sides: 6 }).of(
        'grip',
        'metal',
      ),
      tube(curve(xyz(-0.2, -0.06, 0, -0.24, -0.14, 0, -0.4, -0.16, 0)), 0.014, { sides: 6 }).of('grip', 'metal'),
      arrow(0.5).scale(0.9).move(-0.1, 0.055, 0),
    )
  },
}

const dumbbell: Category = {
  name: 'dumbbell',
  build(random) {
    const kind = random.cycle(['hex', 'plates', 'ball', 'barbell', 'kettle'] as const)
    const size = random.spread(0.2, 0.26)
    const bar = (length: number, radius: number) =>
      cylinder(radius, length, { segments: 14 })
        .turn('z', 90)
        .move(length / 2, 0, 0)
    const disc = (radius: number, thick: number, x: number) =>
      cylinder(radius, thick, { round: thick * 0.25, segments: 20 })
        .turn('z', -90)
        .move(x, 0, 0)
        .mirrored('x')
    if (kind === 'hex')
      return union(
        prism(polygon(6, size), 0.3, { bevel: 0.04 }).turn('y', 90).move(0.34, 0, 0).mirrored('x').of('weights', 'rubber'),
        bar(0.5, 0.045).of('bar', 'metal'),
      )
    if (kind === 'ball')
      return union(
        sphere(size * 0.95, { segments: 20, rings: 12 })
          .move(0.4, 0, 0)
          .mirrored('x')
          .of('weights', 'metal'),
        tube(xyz(-0.35, 0, 0, 0, 0, 0, 0.35, 0, 0), (t) => 0.04 + 0.02 * Math.sin(Math.PI * t)).of('bar', 'metal'),
      )
    if (kind === 'plates')
      return union(disc(size * 1.2, 0.06, 0.2), disc(size * 1.2, 0.06, 0.27), disc(size * 0.85, 0.05, 0.34))
        .of('weights', 'metal')
        .and(
          union(
            bar(0.95, 0.03),
            disc(0.07, 0.06, 0.39),
            cylinder(0.045, 0.36, { segments: 12 }).turn('z', 90).move(0.18, 0, 0),
          ).of('bar', 'metal'),
        )
    if (kind === 'barbell')
      return union(
        union(disc(size * 1.35, 0.07, 0.62), disc(size * 1.1, 0.06, 0.7), disc(size * 0.7, 0.05, 0.77)).of('weights', 'rubber'),
        union(bar(1.9, 0.022), disc(0.045, 0.03, 0.58), bar(1.85, 0.03).and(disc(0.05, 0.05, 0.83))).of('bar', 'metal'),
      )
    const handle = tube(
      curve(xyz(0.14, 0.18, 0, 0.2, 0.36, 0, 0.14, 0.48, 0, -0.14, 0.48, 0, -0.2, 0.36, 0, -0.14, 0.18, 0)),
      0.042,
      { sides: 10 },
    )
    return union(lathe(curve(xy(0.16, -0.26, 0.27, -0.15, 0.28, 0.02, 0.2, 0.2, 0, 0.26), { steps: 4 })), handle).of(
      'weights',
      'metal',
    )
  },
}

const golfClub: Category = {
  name: 'golf_club',
  build(random) {
    const kind = random.cycle(['driver', 'iron', 'putter', 'mallet', 'wedge'] as const)
    const length = random.spread(1, 1.25)
    const lean = { driver: 34, iron: 26, putter: 16, mallet: 14, wedge: 28 }[kind]
    const stick = union(
      tube(xyz(0, 0, 0, 0, length, 0), (t) => 0.014 + 0.006 * t, { sides: 8 }).of('shaft', 'metal'),
      tube(xyz(0, length * 0.74, 0, 0, length, 0), (t) => 0.026 + 0.01 * t, { sides: 10, round: true }).of('grip', 'rubber'),
      cylinder(0.022, 0.1, { segments: 10 }).of('head', 'metal'),
    ).turn('z', -lean)
    const iron = (high: number, loft: number) =>
      prism(
        curve(xy(0, 0.05, 0.03, -0.03, -0.2, -0.06, -0.29, -0.02, -0.28, high, -0.2, high * 0.95), { steps: 3, closed: true }),
        0.045,
        { bevel: 0.01 },
      ).turn('x', -loft)
    const heads: Record<typeof kind, () => Solid> = {
      driver: () =>
        ellipsoid(0.2, 0.1, 0.17, { segments: 22, rings: 10 })
          .warp((x, y, z) => [x, Math.max(y, -0.045), Math.min(z, 0.1)])
          .move(-0.15, 0, -0.06),
      iron: () => iron(0.13, 22),
      wedge: () => iron(0.2, 42).scale(0.9, 1.1, 1.4),
      putter: () =>
        union(box(0.34, 0.07, 0.06, 0.012).move(-0.12, -0.01, 0), box(0.12, 0.03, 0.05, 0.01).move(-0.12, -0.03, -0.04)),
      mallet: () =>
        union(
          prism([...ellipse(0.18, 0.18, 22).filter(([, y]) => y >= -0.001), [-0.18, -0.02], [0.18, -0.02]] as Point2[], 0.07, {
            bevel: 0.012,
          })
            .turn('x', -90)
            .move(-0.1, 0, 0.02),
          box(0.02, 0.02, 0.16).move(-0.1, 0.04, -0.06),
        ),
    }
    return union(stick, heads[kind]().of('head', kind === 'driver' ? 'paint' : 'metal'))
  },
}

const skate: Category = {
  name: 'skate',
  build(random) {
    const kind = random.cycle(['figure', 'hockey', 'inline', 'quad', 'strap'] as const)
    const tall = random.spread(0.9, 1.15) * (kind === 'figure' || kind === 'quad' ? 1.05 : 0.85)
    const ankle = 0.62 * tall
    // Rings across from the sole upwards; the toe is at +z.
    const boot = (low: boolean): Solid => {
      const rings = [
        [0, 0.13, 0.4, 0.08],
        [0.08, 0.14, 0.42, 0.08],
        [0.18, 0.13, 0.38, 0.05],
        [0.27, 0.12, 0.26, -0.04],
        [0.36, 0.115, 0.18, -0.12],
        [0.5, 0.12, 0.17, -0.13],
        ...(low ? [] : [[ankle, 0.14, 0.19, -0.13]]),
      ] as const
      return sweep(
        ellipse(1, 1, 18),
        rings.map(([y, , , z]): Point3 => [0, y!, z!]),
        {
          size: (t) => {
            const at = Math.min(rings.length - 1, Math.round(t * (rings.length - 1)))
            return [rings[at]![1]!, rings[at]![2]!]
          },
          up: [0, 0, 1],
        },
      )
    }
    const laces = rod([-0.08, 0, 0], [0.08, 0.03, 0], 0.014, 6).and(rod([-0.08, 0.03, 0.004], [0.08, 0, 0.004], 0.014, 6))
    const laced = union(
      ...[0, 1, 2, 3, 4].map((i) => laces.move(0, 0.26 + 0.07 * i, 0.3 - 0.075 * Math.min(i, 3) - 0.01 * i)),
    ).of('laces', 'cloth')
    const wheel = torus(0.07, 0.035, { segments: 16, sides: 8 })
      .turn('z', 90)
      .and(cylinder(0.05, 0.05, { segments: 12 }).turn('z', 90).move(0.025, 0, 0))
    const shoe = union(
      boot(kind === 'strap').of('boot', 'leather'),
      box(0.24, 0.04, 0.82, 0.015).move(0, -0.02, 0.06).of('sole', 'rubber'),
    )
    if (kind === 'figure')
      return union(
        shoe,
        laced,
        union(
          prism(
            curve(xy(-0.44, -0.2, -0.3, -0.22, 0.4, -0.21, 0.56, -0.1, 0.5, -0.06, 0.42, -0.14, -0.42, -0.15), {
              steps: 2,
              closed: true,
            }),
            0.02,
          ).turn('y', -90),
          box(0.06, 0.16, 0.16).move(0, -0.1, 0.28),
          box(0.06, 0.16, 0.14).move(0, -0.1, -0.24),
          box(0.16, 0.08, 0.2).move(0, -0.04, -0.24),
        ).of('blade', 'metal'),
      )
    if (kind === 'hockey')
      return union(
        shoe,
        laced,
        prism(xy(-0.4, -0.02, -0.36, -0.17, 0.5, -0.17, 0.4, -0.02, 0.24, -0.02, 0.14, -0.1, -0.14, -0.1, -0.22, -0.02), 0.08)
          .turn('y', -90)
          .of('holder', 'plastic'),
        prism(curve(xy(-0.42, -0.14, -0.38, -0.24, 0.5, -0.24, 0.58, -0.14), { steps: 2, closed: true }), 0.02)
          .turn('y', -90)
          .of('blade', 'metal'),
        prism(xy(-0.06, 0, 0.06, 0, 0.05, 0.2, -0.05, 0.2), 0.03)
          .turn('x', -14)
          .move(0, ankle - 0.06, 0.06)
          .of('boot', 'leather'),
      )
    const truck = union(box(0.1, 0.1, 0.12).move(0, 0.04, 0), rod([-0.17, 0, 0], [0.17, 0, 0], 0.02))
    if (kind === 'inline')
      return union(
        shoe,
        wheel.repeat(4, [0, 0, 0.21]).move(0, -0.16, 0.06).of('wheels', 'rubber'),
        prism(xy(-0.4, 0, -0.36, -0.15, 0.48, -0.15, 0.5, 0), 0.02)
          .turn('y', -90)
          .move(0.05, -0.02, 0)
          .mirrored('x')
          .of('holder', 'plastic'),
        union(box(0.3, 0.06, 0.05).move(0, 0.3, 0.17), box(0.32, 0.06, 0.06).move(0, 0.48, 0.05)).of('straps', 'plastic'),
      )
    const four = union(wheel.move(0.16, 0, 0).mirrored('x').of('wheels', 'rubber'), truck.of('holder', 'metal')).move(0, -0.16, 0)
    if (kind === 'quad')
      return union(
        shoe,
        laced,
        four.move(0, 0, 0.3),
        four.move(0, 0, -0.22),
        cylinder(0.05, 0.1, { top: 0.06, segments: 12 }).turn('x', 40).move(0, -0.13, 0.44).of('stop', 'rubber'),
      )
    return union(
      shoe,
      four.move(0, 0.02, 0.28),
      four.move(0, 0.02, -0.26),
      tube(curve(xyz(0.13, 0, 0.24, 0.14, 0.14, 0.24, 0, 0.2, 0.24, -0.14, 0.14, 0.24, -0.13, 0, 0.24)), () => [0.03, 0.012], {
        sides: 6,
      }).of('straps', 'leather'),
      tube(curve(xyz(0.13, 0, -0.2, 0.14, 0.24, -0.22, 0, 0.3, -0.08, -0.14, 0.24, -0.22, -0.13, 0, -0.2)), () => [0.03, 0.012], {
        sides: 6,
      }).of('straps', 'leather'),
      prism(xy(-0.13, 0, 0.13, 0, 0.11, 0.22, -0.11, 0.22), 0.04)
        .move(0, 0, -0.4)
        .of('holder', 'metal'),
    )
  },
}

const tennisRacket: Category = {
  name: 'tennis_racket',
  build(random) {
    const kind = random.cycle(['tennis', 'badminton', 'squash', 'old', 'wide'] as const)
    const handle = random.spread(0.9, 1.1)
    const [rx, ry, neck, thick] = (
      {
        tennis: [0.26, 0.34, 0.24, 0.025],
        badminton: [0.2, 0.25, 0.5, 0.012],
        squash: [0.22, 0.36, 0.1, 0.02],
        old: [0.22, 0.27, 0.32, 0.03],
        wide: [0.32, 0.38, 0.2, 0.032],
      } as const
    )[kind]
    const egg = (x: number, y: number): Point2 => (kind === 'squash' || kind === 'wide' ? [x * (1 + 0.28 * (y / ry)), y] : [x, y])
    const hoop = ellipse(rx, ry, 36).map(([x, y]) => egg(x, y))
    const rim = tube(inPlane('xy', hoop), () => [thick, thick * 0.8], { sides: 8, closed: true })
    const count = kind === 'badminton' ? 11 : 9
    const strings = Array.from({ length: count }, (_, i) => {
      const t = (2 * (i + 1)) / (count + 1) - 1
      const [x, y] = [rx * t, ry * t]
      const [long, wide] = [ry * Math.sqrt(1 - t * t), rx * Math.sqrt(1 - t * t)]
      return union(
        rod([...egg(x, -long), 0], [...egg(x, long), 0], 0.005, 4),
        rod([...egg(-wide, y), 0], [...egg(wide, y), 0], 0.005, 4),
      )
    })
    const foot = -ry - neck
    const throat =
      kind === 'badminton' || kind === 'old'
        ? union(
            rod([0, -ry, 0], [0, foot, 0], kind === 'old' ? 0.035 : 0.014),
            ...(kind === 'old' ? [prism(xy(-0.1, -ry + 0.02, 0.1, -ry + 0.02, 0.03, -ry - 0.14, -0.03, -ry - 0.14), 0.04)] : []),
          )
        : rod([rx * 0.62, -ry * 0.78, 0], [0.03, foot, 0], thick).mirrored('x')
    const grip = gripOf(0.34 * handle, kind === 'badminton' ? 0.03 : 0.042).move(0, foot + 0.02, 0)
    const press =
      kind === 'old'
        ? [
            union(
              box(0.62, 0.05, 0.03).move(0, 0.22, 0.05).mirrored('z'),
              box(0.62, 0.05, 0.03).move(0, -0.22, 0.05).mirrored('z'),
              rod([0.28, 0.22, -0.08], [0.28, 0.22, 0.1], 0.018).mirrored('x').mirrored('y'),
            ).of('press', 'wood'),
          ]
        : []
    return union(
      union(rim, throat).of('frame', kind === 'old' ? 'wood' : 'paint'),
      union(...strings).of('strings', 'cloth'),
      grip.of('grip', 'leather'),
      ...press,
    )
  },
}

/** An eight-sided grip that hangs down from y = 0, thicker at its end. */
function gripOf(length: number, radius: number): Solid {
  return lathe(xy(radius * 1.15, -length, radius * 1.25, -length + 0.03, radius, -length + 0.07, radius * 0.9, 0), {
    segments: 8,
    crease: 20,
  })
}

export const sports: readonly Category[] = [bow, dumbbell, golfClub, skate, tennisRacket]
