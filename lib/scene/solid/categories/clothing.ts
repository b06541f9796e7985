// What is worn on the feet and held against the rain.
import type { Category } from '../category.js'
import {
  box,
  cone,
  curve,
  cylinder,
  ellipse,
  lathe,
  loft,
  type Point2,
  type Point3,
  prism,
  rod,
  type Solid,
  skin,
  superellipse,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'

/** A shoe's body: rings along its length from heel (z = -0.5) to toe, each [z, half width, height of its top, height of its sole]. */
const shoeBody = (rings: readonly (readonly [number, number, number, number])[]): Solid => {
  const ring = ([z, half, top, sole]: readonly [number, number, number, number]): Point3[] =>
    superellipse(1, 1, 2.8, 18).map(([x, y]) => [x * half, sole + ((y + 1) / 2) * (top - sole), z])
  return skin(rings.map(ring), { crease: 55 })
}

const shoe: Category = {
  name: 'shoe',
  build(random) {
    const kind = random.cycle(['boot', 'heel', 'trainer', 'clog', 'wellington'] as const)
    const tall = random.spread(0.9, 1.1)
    const sole = (thick: number, out = 0.02) =>
      prism(
        curve(
          xy(
            -0.15 - out,
            -0.5,
            0,
            -0.53 - out,
            0.15 + out,
            -0.5,
            0.13 + out,
            -0.1,
            0.19 + out,
            0.25,
            0.1 + out,
            0.5 + out,
            0,
            0.54 + out,
            -0.1 - out,
            0.5 + out,
            -0.19 - out,
            0.25,
            -0.13 - out,
            -0.1,
          ).map(([x, z]): Point2 => [x, -z]),
          { steps: 2, closed: true },
        ),
        thick,
      ).turn('x', -90)
    const leg = (radius: number, from: number, to: number, flare: number) =>
      vessel(xy(radius, from, radius * 0.95, from + (to - from) * 0.4, radius * flare, to), 0.03, { segments: 20 })
        .scale(0.85, 1, 1.1)
        .move(0, 0, -0.3)
    const low: [number, number, number, number][] = [
      [-0.5, 0.08, 0.2, 0.03],
      [-0.46, 0.14, 0.3, 0.02],
      [-0.2, 0.14, 0.32, 0.02],
      [0, 0.145, 0.3, 0.02],
      [0.15, 0.17, 0.22, 0.02],
      [0.36, 0.17, 0.17, 0.02],
      [0.48, 0.12, 0.13, 0.02],
      [0.53, 0.05, 0.09, 0.03],
    ]
    const lace = (y: number, z: number) =>
      rod([-0.09, y, z], [0.09, y + 0.03, z - 0.02], 0.014, 6).and(rod([0.09, y, z], [-0.09, y + 0.03, z - 0.02], 0.014, 6))
    const laces = union(lace(0.24, 0.16), lace(0.28, 0.09), lace(0.31, 0.02)).of('laces', 'cloth')
    if (kind === 'boot')
      return union(
        shoeBody(low).of('upper', 'leather'),
        leg(0.19, 0.08, 0.75 * tall, 1.05).of('upper', 'leather'),
        sole(0.06).of('sole', 'rubber'),
        box(0.3, 0.1, 0.28, 0.02).move(0, -0.06, -0.36).of('sole', 'rubber'),
        union(laces, ...[0.4, 0.49, 0.58, 0.67].map((y) => lace(y * tall, -0.09).of('laces', 'cloth'))),
        torus(0.19, 0.025, { segments: 20, sides: 6 })
          .scale(0.88, 1, 1.12)
          .move(0, 0.74 * tall, -0.3)
          .of('laces', 'cloth'),
      )
    if (kind === 'wellington')
      return union(
        shoeBody(low).of('upper', 'rubber'),
        leg(0.19, 0.06, 1.05 * tall, 1.15).of('upper', 'rubber'),
        sole(0.07).of('sole', 'rubber'),
        box(0.3, 0.08, 0.26, 0.02).move(0, -0.06, -0.37).of('sole', 'rubber'),
      )
    if (kind === 'trainer')
      return union(
        shoeBody([[-0.5, 0.08, 0.24, 0.03], [-0.46, 0.14, 0.36, 0.02], [-0.2, 0.14, 0.34, 0.02], ...low.slice(3)]).of(
          'upper',
          'cloth',
        ),
        sole(0.12, 0.03).move(0, -0.01, 0).of('sole', 'rubber'),
        laces,
        prism(xy(-0.08, 0, 0.08, 0, 0.09, 0.2, -0.09, 0.2), 0.03)
          .turn('x', -30)
          .move(0, 0.28, 0.02)
          .of('tongue', 'cloth'),
        torus(0.11, 0.03, { segments: 16, sides: 6 }).scale(0.9, 1, 1.6).turn('x', -4).move(0, 0.35, -0.26).of('tongue', 'cloth'),
        union(...[-0.1, 0, 0.1].map((z) => box(0.03, 0.16, 0.03).turn('x', 30).move(0.145, 0.17, z).mirrored('x'))).of(
          'laces',
          'cloth',
        ),
      )
    if (kind === 'clog')
      return union(
        shoeBody([
          [-0.5, 0.1, 0.1, 0],
          [-0.44, 0.15, 0.14, 0],
          [-0.1, 0.15, 0.15, 0.03],
          [0.02, 0.16, 0.3, 0.03],
          [0.2, 0.18, 0.3, 0.01],
          [0.36, 0.16, 0.26, 0.02],
          [0.5, 0.1, 0.26, 0.1],
          [0.6, 0.03, 0.34, 0.26],
        ]).of('upper', 'wood'),
        union(box(0.26, 0.1, 0.22, 0.02).move(0, -0.03, -0.36), box(0.28, 0.08, 0.24, 0.02).move(0, -0.02, 0.2)).of(
          'sole',
          'wood',
        ),
        torus(0.14, 0.03, { segments: 18, sides: 6 }).scale(1, 1, 1.6).move(0, 0.14, -0.26).of('upper', 'wood'),
      )
    // The sole rises from the ball of the foot to the heel.
    const rise = (z: number) => 0.42 * tall * Math.max(0, Math.min(1, (0.2 - z) / 0.6)) ** 1.4
    const lifted = (solid: Solid) => solid.warp((x, y, z) => [x, y + rise(z), z])
    return union(
      lifted(
        shoeBody([
          [-0.44, 0.07, 0.2, 0],
          [-0.4, 0.1, 0.24, 0],
          [-0.25, 0.1, 0.16, 0],
          [-0.05, 0.085, 0.06, 0],
          [0.08, 0.1, 0.05, 0],
          [0.17, 0.12, 0.12, 0],
          [0.34, 0.12, 0.11, 0],
          [0.5, 0.06, 0.07, 0],
          [0.57, 0.015, 0.03, 0],
        ]),
      ).of('upper', 'leather'),
      lifted(loft([0, 1].map((k) => ({ outline: superellipse(0.1, 0.49, 2.2, 24), y: k * 0.03 - 0.03 }))).move(0, 0, 0.06)).of(
        'sole',
        'leather',
      ),
      cylinder(0.03, 0.44 * tall, { top: 0.09, segments: 12 })
        .warp((x, y, z) => [x, y, z - 0.06 * (y / 0.44)])
        .move(0, -0.03, -0.32)
        .of('sole', 'leather'),
      tube(
        curve([
          [0.1, rise(-0.3) + 0.1, -0.3],
          [0.07, rise(-0.3) + 0.3, -0.2],
          [0, rise(-0.3) + 0.34, -0.12],
          [-0.07, rise(-0.3) + 0.3, -0.2],
          [-0.1, rise(-0.3) + 0.1, -0.3],
        ] as Point3[]),
        0.014,
        { sides: 6 },
      ).of('strap', 'leather'),
    )
  },
}

const umbrella: Category = {
  name: 'umbrella',
  build(random) {
    const kind = random.cycle(['open', 'folded', 'dome', 'tilted', 'square'] as const)
    const panels = random.cycle([8, 6, 10, 8, 4])
    const stick = (low: number, high: number) => rod([0, low, 0], [0, high, 0], 0.016)
    const hook = tube(curve(xyz(0, 0.08, 0, 0, 0, 0, 0.03, -0.08, 0, 0.1, -0.1, 0, 0.15, -0.04, 0)), 0.028, {
      sides: 8,
      round: true,
    }).of('handle', 'wood')
    // Between ribs the cloth hangs in and its hem is curved.
    const canopy = (height: number, shape: number, points = panels): Solid => {
      const dome = (inner: number) =>
        Array.from({ length: 7 }, (_, j) => {
          const t = inner ? 1 - j / 6 : j / 6
          return ellipse(1, 1, points * 4).map(([x, z], i): Point3 => {
            const sag = Math.abs(Math.sin((Math.PI * i) / 4))
            const r = Math.max(0, (0.62 - inner) * t * (1 - 0.09 * sag * t))
            return [r * x, height * (1 - t ** shape) + 0.05 * sag * t * t - inner * 0.6, r * z]
          })
        })
      return skin([...dome(0), ...dome(0.014)], { crease: 25 }).of('canopy', 'cloth')
    }
    const ribs = (height: number) =>
      rod([0, height * 0.5, 0], [0.4, height * 0.55, 0], 0.007, 5)
        .around(panels)
        .of('ribs', 'metal')
    if (kind === 'folded') {
      const wrap = skin(
        xy(0.02, 0.2, 0.05, 0.22, 0.1, 0.4, 0.075, 0.9, 0.03, 1.12, 0.015, 1.2).map(([r, y]) =>
          ellipse(1, 1, 32).map(
            ([x, z], i): Point3 => [x * r! * (i % 4 < 2 ? 1.15 : 0.8), y!, z * r! * (i % 4 < 2 ? 1.15 : 0.8)],
          ),
        ),
        { crease: 30 },
      ).twist('y', 70)
      return union(
        wrap.of('canopy', 'cloth'),
        stick(0, 1.3).of('ribs', 'metal'),
        hook,
        torus(0.09, 0.014, { segments: 14, sides: 6 }).move(0, 0.62, 0).of('ribs', 'cloth'),
      ).turn('z', 180)
    }
    const [height, shape, points] = (
      { open: [0.3, 2, panels], dome: [0.58, 2.4, panels], tilted: [0.26, 1.7, panels], square: [0.24, 1.2, 4] } as const
    )[kind as 'open' | 'dome' | 'tilted' | 'square']
    const straight = lathe(curve(xy(0.02, -0.12, 0.035, -0.05, 0.028, 0.05, 0.03, 0.1), { steps: 2 }), { segments: 12 }).of(
      'handle',
      'wood',
    )
    const whole = union(
      canopy(height, shape, points).move(0, 0.9, 0),
      union(stick(0, 0.9 + height + 0.08), cone(0.03, 0.08, 10).move(0, 0.9 + height, 0)).of('ribs', 'metal'),
      ribs(height).move(0, 0.85, 0),
      kind === 'dome' || kind === 'square' ? straight : hook,
    )
    if (kind === 'tilted') return whole.turn('z', 100)
    return whole
  },
}

export const clothing: readonly Category[] = [shoe, umbrella]
