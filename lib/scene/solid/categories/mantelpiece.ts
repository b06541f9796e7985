// Things that stand on a mantelpiece.
import type { Category } from '../category.js'
import {
  arc,
  box,
  cone,
  curve,
  cylinder,
  ellipsoid,
  helix,
  lathe,
  loft,
  type Point3,
  polygon,
  prism,
  rod,
  type Solid,
  sphere,
  star,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'

const candle: Category = {
  name: 'candle',
  build(random) {
    const kind = random.cycle(['holder', 'pillar', 'candelabrum', 'chamber', 'twisted'] as const)
    const tall = random.spread(0.5, 0.75)
    const flame = lathe(curve(xy(0, 0, 0.035, 0.04, 0.03, 0.09, 0, 0.18), { steps: 3 }), { segments: 12 })
    const lit = (radius: number, height: number): Solid =>
      union(
        union(
          cylinder(radius, height, { segments: 16 }),
          ...[0, 1].map((i) =>
            tube(
              xyz(radius, height - 0.005, 0, radius, height * (0.85 - 0.12 * i), 0, radius, height * (0.8 - 0.12 * i), 0),
              radius * 0.16,
              { sides: 6, round: true },
            ).turn('y', 50 + i * 130),
          ),
        ).of('candle', 'wax'),
        rod([0, height, 0], [0, height + 0.05, 0], 0.008, 5).of('wick', 'cloth'),
        flame.move(0, height + 0.03, 0).of('flame', 'wax'),
      )
    if (kind === 'pillar')
      return union(
        lit(0.2, tall),
        lit(0.16, tall * 0.6).move(0.4, 0, 0.1),
        lit(0.14, tall * 0.4).move(0.15, 0, 0.36),
        lathe(xy(0.5, -0.04, 0.52, 0, 0, 0), { segments: 28 })
          .move(0.18, 0, 0.12)
          .of('plate', 'metal'),
      )
    const stem = (h: number) =>
      lathe(
        curve(xy(0.22, 0, 0.2, 0.04, 0.06, 0.08, 0.04, h * 0.3, 0.07, h * 0.45, 0.035, h * 0.55, 0.04, h * 0.85, 0.09, h), {
          steps: 3,
        }),
        { segments: 18 },
      )
    if (kind === 'holder') return union(stem(0.45).of('holder', 'metal'), lit(0.055, tall).move(0, 0.45, 0))
    if (kind === 'candelabrum') {
      const arm = tube(curve(xyz(0, 0.45, 0, 0.14, 0.36, 0, 0.3, 0.42, 0, 0.34, 0.56, 0)), 0.025)
      const cup = lathe(xy(0.03, 0, 0.09, 0.05, 0.09, 0.07, 0.04, 0.07), { segments: 14 })
      return union(
        union(stem(0.66), arm.mirrored('x'), cup.move(0.34, 0.55, 0).mirrored('x'), cup.move(0, 0.64, 0)).of('holder', 'metal'),
        lit(0.045, tall * 0.7).move(0, 0.7, 0),
        lit(0.045, tall * 0.7).move(0.34, 0.61, 0),
        lit(0.045, tall * 0.7).move(-0.34, 0.61, 0),
      )
    }
    if (kind === 'chamber')
      return union(
        union(
          vessel(xy(0.26, 0, 0.34, 0.07), 0.015, { segments: 28 }),
          lathe(xy(0.08, 0, 0.075, 0.1, 0.09, 0.14), { segments: 16 }),
          torus(0.09, 0.016, { segments: 18, sides: 8 }).turn('x', 90).move(0.42, 0.05, 0),
        ).of('holder', 'metal'),
        lit(0.06, tall * 0.6).move(0, 0.06, 0),
      )
    const spiral = loft(
      Array.from({ length: 17 }, (_, i) => ({ outline: star(4, 0.075, 0.05), y: (i / 16) * tall, size: 1 - 0.3 * (i / 16) })),
    )
      .twist('y', 400)
      .crease(30)
    return union(
      spiral.of('candle', 'wax'),
      flame.move(0, tall + 0.02, 0).of('flame', 'wax'),
      rod([0, tall, 0], [0, tall + 0.05, 0], 0.008, 5).of('wick', 'cloth'),
      lathe(xy(0.1, -0.16, 0.16, -0.14, 0.05, -0.08, 0.12, 0, 0.12, 0.03), { segments: 8, crease: 20 }).of('holder', 'glass'),
    )
  },
}

const globe: Category = {
  name: 'globe',
  build(random) {
    const kind = random.cycle(['desk', 'floor', 'ring', 'armillary', 'cradle'] as const)
    const tilt = 23
    const size = random.spread(0.36, 0.42)
    // Lands stand out a little, as patches of a larger ball.
    const land = (latitude: number, longitude: number, wide: number, high: number) =>
      ellipsoid(wide, high, 0.05, { segments: 12, rings: 6, vertical: 2.4 })
        .warp((x, y, z) => {
          const [r, a] = [Math.hypot(x, y), Math.atan2(y, x)]
          const angle = r / size
          const out = size * (z > 0 ? 1.02 : 0.9)
          return [out * Math.sin(angle) * Math.cos(a), out * Math.sin(angle) * Math.sin(a), out * Math.cos(angle)]
        })
        .turn('x', -latitude)
        .turn('y', longitude)
    const lands = union(
      land(48, -60, 0.17, 0.12),
      land(-15, -30, 0.1, 0.17),
      land(5, 55, 0.13, 0.19),
      land(52, 110, 0.3, 0.12),
      land(-25, 165, 0.12, 0.08),
      land(60, 30, 0.1, 0.08),
    ).of('lands', 'paint')
    const ball = union(
      sphere(size, { segments: 28, rings: 14 }).of('seas', 'paper'),
      lands,
      rod([0, -size - 0.08, 0], [0, size + 0.08, 0], 0.016).of('stand', 'metal'),
    ).turn('z', -tilt)
    const half = (radius: number, from: number, to: number) =>
      tube(
        arc(0, 0, radius, from, to, 22).map(([x, y]): Point3 => [x, y, 0]),
        () => [0.035, 0.016],
        { sides: 8 },
      )
        .turn('z', -tilt)
        .of('stand', 'metal')
    const foot = (low: number) =>
      lathe(curve(xy(0.26, low, 0.24, low + 0.04, 0.07, low + 0.09, 0.04, low + 0.16, 0.06, -size - 0.06), { steps: 3 }), {
        segments: 22,
      }).of('foot', 'wood')
    const around = (radius: number, thick: number) => torus(radius, [thick, 0.02], { segments: 30, sides: 5 })
    if (kind === 'desk')
      return union(
        ball,
        half(size + 0.05, 90, 270)
          .mirror('x')
          .turn('z', -2 * tilt),
        foot(-size - 0.28),
      )
    if (kind === 'ring')
      return union(
        ball,
        around(size + 0.05, 0.018)
          .turn('x', 90)
          .turn('z', -tilt)
          .of('stand', 'metal'),
        foot(-size - 0.26),
      )
    if (kind === 'floor')
      return union(
        ball,
        around(size + 0.08, 0.06).of('foot', 'wood'),
        rod([size + 0.08, 0, 0], [size * 0.75, -1, 0], 0.03)
          .around(4, { start: 45 })
          .of('foot', 'wood'),
        union(
          rod([-size * 0.75, -0.7, 0], [size * 0.75, -0.7, 0], 0.02),
          rod([0, -0.7, -size * 0.75], [0, -0.7, size * 0.75], 0.02),
        )
          .turn('y', 45)
          .of('foot', 'wood'),
      )
    if (kind === 'armillary')
      return union(
        union(
          around(size, 0.025),
          around(size, 0.02).turn('z', 60),
          around(size, 0.02).turn('x', 90),
          around(size, 0.02).turn('z', 90),
          around(size * 0.8, 0.018).move(0, size * 0.55, 0),
          around(size * 0.8, 0.018).move(0, -size * 0.55, 0),
        )
          .turn('z', -tilt)
          .of('stand', 'metal'),
        sphere(size * 0.22, { segments: 14, rings: 8 }).of('seas', 'metal'),
        rod([0, -size - 0.12, 0], [0, size + 0.16, 0], 0.012)
          .turn('z', -tilt)
          .of('stand', 'metal'),
        foot(-size - 0.32),
      )
    return union(
      ball,
      tube(
        arc(0, 0, size + 0.06, 200, 340, 16).map(([x, y]): Point3 => [x, y, 0]),
        () => [0.06, 0.025],
      )
        .around(2, { sweep: 90 })
        .of('foot', 'wood'),
      around(size + 0.05, 0.05)
        .move(0, -0.16, 0)
        .of('foot', 'wood'),
      cylinder(0.22, 0.06, { round: 0.02 })
        .move(0, -size - 0.13, 0)
        .of('foot', 'wood'),
    )
  },
}

const hourglass: Category = {
  name: 'hourglass',
  build(random) {
    const kind = random.cycle(['turned', 'square', 'rope', 'tilted', 'bulbs'] as const)
    const wide = random.spread(0.2, 0.27)
    const bulb = lathe(
      curve(xy(0.08, -0.42, wide, -0.36, wide * 1.02, -0.2, 0.04, -0.02, 0.04, 0.02, wide * 1.02, 0.2, wide, 0.36, 0.08, 0.42), {
        steps: 3,
      }),
      { segments: 24 },
    ).of('glass', 'glass')
    const sand = union(
      cone(wide * 0.8, 0.2, 20).move(0, -0.41, 0),
      cone(wide * 0.6, 0.16, 20)
        .scale(1, -1, 1)
        .move(0, 0.18, 0),
      rod([0, -0.3, 0], [0, 0.05, 0], 0.008, 5),
    ).of('sand', 'stone')
    const plate = (solid: Solid) => union(solid.move(0, 0.41, 0), solid.mirror('y').move(0, -0.41, 0)).of('frame', 'wood')
    const turned = lathe(
      curve(xy(0.02, -0.44, 0.035, -0.3, 0.018, -0.18, 0.035, 0, 0.018, 0.18, 0.035, 0.3, 0.02, 0.44), { steps: 2 }),
      { segments: 10 },
    )
    const round = plate(cylinder(wide + 0.12, 0.06, { round: 0.02, segments: 28 }))
    if (kind === 'turned')
      return union(
        bulb,
        sand,
        round,
        turned
          .move(wide + 0.07, 0, 0)
          .around(4)
          .of('frame', 'wood'),
      )
    if (kind === 'square')
      return union(
        bulb,
        sand,
        plate(box(2 * wide + 0.24, 0.08, 2 * wide + 0.24, 0.01)),
        box(0.05, 0.86, 0.05)
          .move(wide + 0.06, 0, wide + 0.06)
          .around(4)
          .of('frame', 'wood'),
      )
    if (kind === 'rope')
      return union(
        bulb,
        sand,
        plate(prism(polygon(6, wide + 0.14), 0.07).turn('x', 90)),
        tube(
          helix(0.03, 0.88, 4, 8).map(([x, y, z]): Point3 => [x, y - 0.44, z]),
          0.016,
          { sides: 6 },
        )
          .move(wide + 0.08, 0, 0)
          .around(3, { start: 30 })
          .of('frame', 'cloth'),
        torus(0.06, 0.03, { segments: 14, sides: 8 }).of('frame', 'cloth'),
      )
    if (kind === 'tilted')
      return union(
        union(
          bulb,
          sand,
          round,
          turned
            .move(wide + 0.07, 0, 0)
            .around(3)
            .of('frame', 'wood'),
        ).turn('z', 28),
        union(
          rod([0, 0, wide + 0.16], [0, -0.66, wide + 0.16], 0.03).mirrored('z'),
          box(0.46, 0.06, 2 * wide + 0.44, 0.02).move(0, -0.66, 0),
          rod([0, 0, wide + 0.1], [0, 0, wide + 0.2], 0.04).mirrored('z'),
        ).of('frame', 'wood'),
      )
    return union(
      bulb,
      sand,
      plate(cylinder(wide * 0.7, 0.05, { top: wide * 0.5, segments: 24 })),
      torus(0.07, 0.028, { segments: 16, sides: 8 }).of('frame', 'metal'),
    )
  },
}

export const mantelpiece: readonly Category[] = [candle, globe, hourglass]
