// Musical instruments that are struck and blown.
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
  rectangle,
  rod,
  type Solid,
  sheet,
  sphere,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'

const bell: Category = {
  name: 'bell',
  build(random) {
    const kind = random.cycle(['hand', 'church', 'cow', 'ship', 'desk'] as const)
    const flare = random.spread(0.85, 1.15)
    const cup = vessel(
      curve<Point2>(xy(0.06, 0, 0.16, 0.015, 0.2, 0.1, 0.22, 0.3, 0.27, 0.48, 0.38 * flare, 0.6), { steps: 3 }),
      0.03,
      { segments: 28 },
    )
      .scale(1, -1, 1)
      .move(0, 0.6, 0)
    const clapper = union(rod([0, 0.5, 0], [0, 0.04, 0], 0.015), sphere(0.06, { segments: 10, rings: 8 }).move(0, 0.02, 0)).of(
      'clapper',
      'metal',
    )
    const crown = cylinder(0.06, 0.06, { segments: 12 }).move(0, 0.57, 0)
    if (kind === 'hand')
      return union(
        cup.of('bell', 'metal'),
        crown.of('bell', 'metal'),
        clapper,
        lathe(curve(xy(0.03, 0.6, 0.05, 0.72, 0.035, 0.85, 0.055, 1, 0, 1.05), { steps: 2 }), { segments: 14 }).of(
          'handle',
          'wood',
        ),
      )
    if (kind === 'church')
      return union(
        cup.of('bell', 'metal'),
        clapper,
        union(
          box(0.9, 0.14, 0.14, 0.02).move(0, 0.72, 0),
          cylinder(0.04, 1.1, { segments: 10 }).turn('z', 90).move(0.55, 0.72, 0),
        ).of('yoke', 'wood'),
        union(box(0.16, 0.16, 0.1).move(0, 0.62, 0), box(0.04, 0.28, 0.18).move(0.16, 0.7, 0).mirrored('x')).of(
          'straps',
          'metal',
        ),
      )
    if (kind === 'cow')
      return union(
        vessel(
          xy(0.3, 0, 0.18, 0.5).map(([r, y]): Point2 => [r, y]),
          0.02,
          { segments: 4 },
        )
          .turn('y', 45)
          .scale(1.25, -1, 0.8)
          .move(0, 0.5, 0)
          .of('bell', 'metal'),
        box(0.32, 0.03, 0.2, 0.01).move(0, 0.49, 0).of('bell', 'metal'),
        clapper,
        tube(curve(xyz(-0.1, 0.48, 0, -0.1, 0.62, 0, 0.1, 0.62, 0, 0.1, 0.48, 0)), 0.025).of('strap', 'leather'),
      )
    if (kind === 'ship') {
      const bracket = tube(curve(xyz(-0.5, 0.25, 0, -0.5, 0.85, 0, -0.3, 0.95, 0, 0, 0.72, 0)), 0.03).and(
        box(0.06, 0.4, 0.3, 0.02).move(-0.5, 0.3, 0),
      )
      const rope = tube(curve(xyz(0, 0, 0, 0.01, -0.15, 0, 0, -0.3, 0)), (t) => 0.03 + 0.02 * Math.sin(9 * t), { sides: 8 })
      return union(
        cup.of('bell', 'metal'),
        crown.of('bell', 'metal'),
        clapper,
        bracket.of('bracket', 'metal'),
        rope.of('rope', 'cloth'),
      )
    }
    return union(
      lathe(curve(xy(0, 0.08, 0.36, 0.08, 0.37, 0.14, 0.28, 0.3, 0.1, 0.37, 0, 0.38), { steps: 3 })).of('bell', 'metal'),
      cylinder(0.42, 0.06, { round: 0.02 }).of('base', 'wood'),
      cylinder(0.02, 0.1, { segments: 8 }).move(0, 0.36, 0).of('button', 'metal'),
      ellipsoid(0.06, 0.04, 0.06, { segments: 12, rings: 6 }).move(0, 0.47, 0).of('button', 'metal'),
    )
  },
}

const drum: Category = {
  name: 'drum',
  build(random) {
    const kind = random.cycle(['snare', 'bass', 'bongos', 'goblet', 'kettle'] as const)
    const deep = random.spread(0.9, 1.15)
    const barrel = (radius: number, height: number, lugs: number): Solid => {
      const hoops = torus(radius, 0.02, { segments: 28, sides: 6 })
      return union(
        cylinder(radius - 0.01, height, { segments: 28 }).of('shell', 'wood'),
        cylinder(radius - 0.015, 0.012, { segments: 28 })
          .move(0, height, 0)
          .of('skin', 'skin'),
        cylinder(radius - 0.015, 0.012, { segments: 28 })
          .move(0, -0.012, 0)
          .of('skin', 'skin'),
        union(hoops, hoops.move(0, height, 0), rod([radius, 0, 0], [radius, height, 0], 0.012).around(lugs)).of('hoops', 'metal'),
      )
    }
    const stick = (length: number) =>
      union(
        tube(xyz(0, 0, 0, length, 0, 0), (t) => 0.018 - 0.007 * t, { sides: 8 }),
        ellipsoid(0.03, 0.018, 0.018, { segments: 8, rings: 6 }).move(length, 0, 0),
      ).of('sticks', 'wood')
    const sticks = union(stick(0.7).turn('y', 20).move(-0.3, 0, 0.08), stick(0.7).turn('y', -20).move(-0.32, 0.01, 0))
    if (kind === 'snare') return union(barrel(0.4, 0.24 * deep, 8), sticks.move(0, 0.27 * deep, 0))
    if (kind === 'bass')
      return union(
        barrel(0.45, 0.4 * deep, 10)
          .turn('x', 90)
          .move(0, 0.47, -0.2),
        rod([0.3, 0.18, 0.1], [0.46, 0, 0.2], 0.02).mirrored('x').of('legs', 'metal'),
        rod([0.3, 0.18, -0.1], [0.46, 0, -0.2], 0.02).mirrored('x').of('legs', 'metal'),
      )
    if (kind === 'bongos') {
      const one = (r: number) =>
        union(
          lathe(xy(r * 0.8, 0, r, 0.36), { segments: 22 }).of('shell', 'wood'),
          cylinder(r * 0.96, 0.02, { segments: 22 })
            .move(0, 0.355, 0)
            .of('skin', 'skin'),
          union(
            torus(r, 0.018, { segments: 22, sides: 6 }).move(0, 0.34, 0),
            rod([r, 0.34, 0], [r * 0.86, 0.06, 0], 0.012).around(5),
            torus(r * 0.84, 0.014, { segments: 22, sides: 6 }).move(0, 0.06, 0),
          ).of('hoops', 'metal'),
        )
      return union(
        one(0.24).move(-0.29, 0, 0),
        one(0.29).move(0.29, 0, 0),
        box(0.14, 0.12, 0.1).move(-0.02, 0.2, 0).of('shell', 'wood'),
      )
    }
    if (kind === 'goblet') {
      const cords = union(
        ...Array.from({ length: 10 }, (_, i) =>
          union(
            rod([0.29, 0.82, 0], [0.22 * Math.cos(0.3), 0.46, 0.22 * Math.sin(0.3)], 0.01, 4),
            rod([0.29, 0.82, 0], [0.22 * Math.cos(0.3), 0.46, -0.22 * Math.sin(0.3)], 0.01, 4),
          ).turn('y', i * 36),
        ),
      )
      return union(
        lathe(curve(xy(0.2, 0, 0.1, 0.26, 0.11, 0.36, 0.22, 0.5, 0.28, 0.7, 0.28, 0.85), { steps: 3 }))
          .scale(1, deep, 1)
          .of('shell', 'wood'),
        cylinder(0.285, 0.02)
          .move(0, 0.85 * deep, 0)
          .of('skin', 'skin'),
        union(torus(0.285, 0.022, { sides: 6 }).move(0, 0.81, 0), torus(0.2, 0.018, { sides: 6 }).move(0, 0.45, 0), cords)
          .scale(1, deep, 1)
          .of('cords', 'cloth'),
      )
    }
    const bowl = lathe(curve(xy(0, 0.1, 0.2, 0.14, 0.4, 0.36, 0.44, 0.62), { steps: 3 }), { segments: 28 }).of('shell', 'metal')
    return union(
      bowl,
      cylinder(0.43, 0.015, { segments: 28 }).move(0, 0.62, 0).of('skin', 'skin'),
      union(
        torus(0.45, 0.025, { segments: 28, sides: 6 }).move(0, 0.61, 0),
        rod([0.45, 0.66, 0], [0.4, 0.36, 0], 0.015).around(6),
        rod([0.42, 0.5, 0], [0.3, -0.12, 0], 0.022).around(4, { start: 30 }),
        torus(0.34, 0.02, { segments: 24, sides: 6 }).move(0, 0.06, 0),
      ).of('hoops', 'metal'),
      union(stick(0.6), sphere(0.06, { segments: 10, rings: 8 }).move(0.6, 0, 0))
        .turn('y', 30)
        .move(-0.3, 0.66, 0.1)
        .of('sticks', 'wood'),
    )
  },
}

const piano: Category = {
  name: 'piano',
  build(random) {
    const kind = random.cycle(['upright', 'open', 'closed', 'stage', 'spinet'] as const)
    const keys = (width: number): Solid =>
      union(
        box(width, 0.04, 0.14).of('white keys', 'plastic'),
        union(
          ...Array.from({ length: 26 }, (_, i) => i)
            .filter((i) => ![2, 6].includes(i % 7))
            .map((i) => box(width / 46, 0.03, 0.085).move(((i + 1) / 27 - 0.5) * width, 0.03, -0.025)),
        ).of('black keys', 'plastic'),
      )
    if (kind === 'upright' || kind === 'spinet') {
      const tall = kind === 'upright' ? random.between(1.15, 1.3) : 0.92
      const desk = prism(curve(xy(-0.28, 0, 0.28, 0, 0.24, 0.16, 0, 0.24, -0.24, 0.16), { steps: 2, closed: true }), 0.02)
        .turn('x', -14)
        .move(0, 0.86, 0.02)
      const leg =
        kind === 'upright'
          ? box(0.08, 0.55, 0.08)
          : lathe(curve(xy(0.03, -0.28, 0.05, -0.1, 0.03, 0.1, 0.05, 0.28), { steps: 2 }), { segments: 10 })
      return union(
        union(
          box(1.4, tall, 0.3).move(0, tall / 2, -0.18),
          box(1.46, 0.04, 0.36, 0.01).move(0, tall, -0.18),
          box(1.4, 0.09, 0.4).move(0, 0.6, 0.1),
          box(0.06, 0.2, 0.34).move(0.68, 0.68, 0.12).mirrored('x'),
          leg.move(0.65, 0.28, 0.26).mirrored('x'),
          desk,
        ).of('case', 'wood'),
        keys(1.24).move(0, 0.66, 0.22),
        box(0.05, 0.02, 0.1).repeat(3, [0.09, 0, 0]).move(0, 0.08, 0.02).of('pedals', 'metal'),
        ...(kind === 'spinet'
          ? [
              union(
                box(0.6, 0.07, 0.32, 0.02).move(0, 0.42, 0.68),
                box(0.05, 0.42, 0.05).move(0.26, 0.21, 0.12).mirrored('x').mirrored('z').move(0, 0, 0.68),
              ).of('stool', 'leather'),
            ]
          : []),
      )
    }
    if (kind === 'stage')
      return union(
        box(1.4, 0.12, 0.36, 0.02).move(0, 0.75, 0).of('case', 'plastic'),
        keys(1.3).move(0, 0.81, 0.09),
        union(
          rod([-0.45, 0, 0.2], [0.45, 0.7, 0.2], 0.025),
          rod([0.45, 0, -0.2], [-0.45, 0.7, -0.2], 0.025),
          rod([-0.45, 0, 0.2], [-0.45, 0, -0.2], 0.025),
          rod([0.45, 0, 0.2], [0.45, 0, -0.2], 0.025),
          rod([-0.45, 0.69, 0.2], [-0.45, 0.69, -0.2], 0.025),
          rod([0.45, 0.69, 0.2], [0.45, 0.69, -0.2], 0.025),
        ).of('stand', 'metal'),
        prism(rectangle(0.5, 0.25, 0.02), 0.015)
          .turn('x', -20)
          .move(0, 0.93, -0.16)
          .of('desk', 'plastic'),
      )
    const long = random.between(1.3, 1.7)
    // Seen from above: straight on the bass side at the left, waved on the right, the keyboard in front.
    const plan = curve(
      xy(0.7, 0, 0.7, -0.35, 0.6, -0.55 * long, 0.25, -0.72 * long, 0, -0.95 * long, -0.3, -long, -0.6, -0.95 * long),
      { steps: 3 },
    )
    const rim: Point2[] = [...xy(-0.7, 0.25, 0.7, 0.25), ...plan, ...xy(-0.7, -0.85 * long, -0.7, -0.4)]
    const lying = (outline: readonly Point2[], height: number) =>
      prism(
        outline.map(([x, z]): Point2 => [x, -z]),
        height,
      ).turn('x', -90)
    const cover = lying([...xy(-0.7, -0.1, 0.7, -0.1), ...plan.slice(1), ...xy(-0.7, -0.85 * long)], 0.03)
    const legs = union(
      ...xy(-0.58, 0.05, 0.58, 0.05, -0.25, -0.75 * long).map(([x, z]) =>
        lathe(xy(0.07, 0.55, 0.04, 0.08, 0.06, 0.05, 0.03, 0).reverse(), { segments: 10 }).move(x, 0, z),
      ),
    )
    const lid =
      kind === 'open'
        ? union(cover.move(0.7, 0, 0).turn('z', 38).move(-0.7, 0.84, 0), rod([0.5, 0.75, -0.4], [0.22, 1.5, -0.4], 0.015))
        : cover.move(0, 0.84, 0)
    return union(
      union(
        lying(rim, 0.2).move(0, 0.68, 0),
        legs,
        lid,
        box(1.4, 0.14, 0.05).move(0, 0.83, -0.08),
        box(0.1, 0.16, 0.34).move(0.65, 0.8, 0.08).mirrored('x'),
        box(0.05, 0.6, 0.03).move(0.08, 0.3, -0.2).mirrored('x'),
        box(0.3, 0.08, 0.12).move(0, 0.08, -0.2),
      ).of('case', 'paint'),
      keys(1.2).move(0, 0.79, 0.15),
      ...(kind === 'open' ? [prism(rectangle(0.6, 0.22), 0.02).turn('x', -18).move(0, 0.95, -0.1).of('case', 'paint')] : []),
    ).turn('y', 0)
  },
}

const trumpet: Category = {
  name: 'trumpet',
  build(random) {
    const kind = random.cycle(['trumpet', 'bugle', 'fanfare', 'trombone', 'horn'] as const)
    const wide = random.spread(0.9, 1.1)
    const flare = (x: number, y: number, length: number, radius: number) =>
      vessel(
        curve<Point2>(xy(0.026, 0, 0.03, length * 0.4, 0.05, length * 0.75, radius * 0.5, length * 0.93, radius, length), {
          steps: 3,
        }),
        0.008,
        { segments: 24 },
      )
        .turn('z', 90)
        .move(x, y, 0)
    const pipe = (points: readonly Point2[], steps = 4) => tube(inPlane('xy', curve(points, { steps })), 0.024, { sides: 8 })
    const mouth = (x: number, y: number) =>
      lathe(xy(0.016, -0.12, 0.02, -0.06, 0.045, 0, 0.05, 0.02), { segments: 12 })
        .turn('z', -90)
        .move(x, y, 0)
    const brass = (...parts: Solid[]) => union(...parts).of('brass', 'metal')
    if (kind === 'fanfare')
      return union(
        brass(
          flare(-0.35, 0, 0.5, 0.18 * wide),
          pipe(xy(-0.4, 0, 0.7, 0), 1),
          mouth(0.75, 0),
          torus(0.035, 0.012, { segments: 12, sides: 6 }).turn('z', 90).repeat(3, [0.36, 0, 0]).move(0.25, 0, 0),
        ),
        sheet(
          (u, v) => [
            -0.25 + 0.5 * u,
            -0.02 - 0.5 * v + 0.05 * (v > 0.9 ? Math.abs(((u * 4) % 1) - 0.5) : 0),
            0.03 * Math.sin(7 * u) * v,
          ],
          0.012,
          { across: 8, along: 4 },
        ).of('banner', 'cloth'),
      )
    if (kind === 'trombone')
      return brass(
        flare(-0.1, 0.1, 0.55, 0.2 * wide),
        pipe(xy(-0.12, 0.1, 0.3, 0.1, 0.4, 0.06, 0.4, -0.02, 0.3, -0.06, -0.2, -0.06), 3),
        pipe(xy(0.2, -0.06, -1, -0.06, -1.06, -0.1, -1.06, -0.16, -1, -0.2, 0.22, -0.2), 2).turn('x', 12),
        mouth(0.26, -0.23).move(0, 0, -0.04),
        rod([0.0, 0.1, 0], [0, -0.06, 0], 0.014),
        rod([-0.1, -0.06, 0], [-0.1, -0.2, -0.02], 0.014),
      )
    if (kind === 'horn') {
      const coil = torus(0.27, 0.026, { segments: 28, sides: 8 }).turn('x', 90)
      const big = vessel(curve<Point2>(xy(0.03, 0, 0.05, 0.24, 0.12, 0.44, 0.32 * wide, 0.56), { steps: 3 }), 0.008, {
        segments: 26,
      })
        .turn('z', 152)
        .move(0.16, -0.04, 0.02)
      return brass(
        coil,
        coil.scale(0.75).move(0.02, 0.03, 0.03),
        big,
        pipe(xy(-0.05, 0.26, -0.3, 0.34, -0.46, 0.42)),
        mouth(0, 0).turn('z', 156).move(-0.5, 0.44, 0),
        cylinder(0.045, 0.12, { segments: 12 }).turn('x', 90).repeat(3, [0.1, 0, 0]).move(-0.02, 0, -0.02),
      )
    }
    if (kind === 'bugle')
      return union(
        brass(
          flare(-0.1, 0.12, 0.45, 0.19 * wide),
          pipe(
            xy([
              -0.12, 0.12, 0.3, 0.13, 0.42, 0.06, 0.4, -0.06, 0.25, -0.1, -0.2, -0.1, -0.3, -0.04, -0.2, 0.03, 0.2, 0.0, 0.55,
              0.05,
            ]),
          ),
          mouth(0.62, 0.05),
        ),
        tube(curve(xyz(-0.2, -0.12, 0.02, -0.05, -0.34, 0.03, 0.15, -0.34, 0.03, 0.3, -0.12, 0.02)), 0.014, { sides: 6 }).of(
          'cord',
          'cloth',
        ),
      )
    const valve = union(
      cylinder(0.042, 0.26, { segments: 14 }).move(0, -0.16, 0),
      cylinder(0.014, 0.09, { segments: 8 }).move(0, 0.1, 0),
      cylinder(0.034, 0.018, { segments: 12 }).move(0, 0.18, 0),
    )
    return brass(
      flare(-0.15, 0.1, 0.5, 0.18 * wide),
      pipe(xy(-0.18, 0.1, 0.42, 0.1, 0.52, 0.06, 0.52, -0.06, 0.42, -0.1, 0.05, -0.1), 3),
      pipe(xy(-0.05, -0.1, -0.3, -0.1, -0.39, -0.06, -0.39, 0.03, -0.3, 0.06, 0.7, 0.06), 3).move(0, 0, 0.05),
      mouth(0.78, 0.06).move(0, 0, 0.05),
      valve.repeat(3, [0.1, 0, 0]).move(0.1, 0, 0.02),
      torus(0.035, 0.01, { segments: 12, sides: 5 }).turn('x', 90).move(-0.2, -0.0, 0.05),
    )
  },
}

export const instruments: readonly Category[] = [bell, drum, piano, trumpet]
