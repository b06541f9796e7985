// Tools with blades that cut along a line.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  type Point3,
  prism,
  type Solid,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

const saw: Category = {
  name: 'saw',
  build(random) {
    const kind = random.cycle(['hand', 'hack', 'bow', 'cross', 'back'] as const)
    const teeth = (from: Point2, to: Point2, count: number, depth: number): Point2[] => {
      const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
      const length = Math.hypot(dx, dy)
      return Array.from({ length: 2 * count + 1 }, (_, i) => [
        from[0] + (dx * i) / (2 * count) + (i % 2 ? (depth * dy) / length : 0),
        from[1] + (dy * i) / (2 * count) - (i % 2 ? (depth * dx) / length : 0),
      ])
    }
    const long = random.spread(0.9, 1.1)
    const handle = (x: number): Solid =>
      prism(
        curve(xy(0.02, -0.17, 0.1, -0.22, 0.18, -0.1, 0.16, 0.1, 0.2, 0.2, 0.08, 0.22, -0.08, 0.12, -0.1, -0.1), {
          steps: 3,
          closed: true,
        }),
        0.06,
        { holes: [curve(xy(0.03, -0.12, 0.09, -0.12, 0.09, 0.1, 0.02, 0.08), { steps: 3, closed: true })], bevel: 0.015 },
      )
        .move(x, 0, 0)
        .of('handle', 'wood')
    if (kind === 'hand')
      return union(
        prism([...teeth([-long, -0.02], [0, -0.16], 24, 0.022), ...xy(0, 0.16, -long, 0.06)], 0.014).of('blade', 'metal'),
        handle(0.06),
      )
    if (kind === 'back')
      return union(
        prism([...teeth([-0.8 * long, -0.13], [0, -0.13], 22, 0.018), ...xy(0, 0.12, -0.8 * long, 0.12)], 0.012).of(
          'blade',
          'metal',
        ),
        box(0.8 * long, 0.05, 0.035)
          .move(-0.4 * long, 0.13, 0)
          .of('back', 'metal'),
        handle(0.06),
      )
    if (kind === 'cross') {
      const grip = lathe(curve(xy(0.02, 0, 0.04, 0.12, 0.025, 0.2, 0.045, 0.3, 0.02, 0.36), { steps: 2 }), { segments: 10 })
        .move(0.75 * long, 0.04, 0)
        .mirrored('x')
      return union(
        prism(
          [
            ...teeth([-0.78 * long, 0], [0.78 * long, 0], 22, 0.045).map(
              ([x, y]): Point2 => [x, y - 0.1 * (1 - (x / 0.78) ** 2)],
            ),
            ...xy(0.78 * long, 0.12),
            ...arc(0, -1.4, 1.68, 72, 108, 8),
            ...xy(-0.78 * long, 0.12),
          ],
          0.015,
        ).of('blade', 'metal'),
        grip.of('handle', 'wood'),
      )
    }
    const strip = prism([...teeth([-0.85, -0.03], [0, -0.03], 26, 0.02), ...xy(0, 0.02, -0.85, 0.02)], 0.012).scale(long, 1, 1)
    if (kind === 'hack')
      return union(
        strip.of('blade', 'metal'),
        tube(xyz(-0.86 * long, 0, 0, -0.86 * long, 0.24, 0, 0.03, 0.24, 0, 0.03, -0.06, 0), 0.02, { sides: 8 }).of(
          'frame',
          'metal',
        ),
        prism(xy(-0.03, 0.2, 0.05, 0.24, 0.12, -0.2, 0.02, -0.22), 0.06, { bevel: 0.012 })
          .turn('z', 8)
          .move(0.06, -0.04, 0)
          .of('handle', 'plastic'),
      )
    return union(
      strip.of('blade', 'metal'),
      tube(
        curve([
          [0, -0.02, 0],
          [0.08, 0.12, 0],
          [-0.08, 0.34, 0],
          [-0.42 * long, 0.42, 0],
          [-0.76 * long, 0.3, 0],
          [-0.86 * long, 0, 0],
        ] as Point3[]),
        0.03,
        { sides: 8, round: true },
      ).of('frame', 'paint'),
    )
  },
}

const scissors: Category = {
  name: 'scissors',
  build(random) {
    const kind = random.cycle(['office', 'tailor', 'nail', 'secateurs', 'stork'] as const)
    const open = random.spread(8, 24)
    const spec = {
      office: { blade: 0.55, wide: 0.05, handle: 0.3, ring: [0.1, 0.14] },
      tailor: { blade: 0.6, wide: 0.075, handle: 0.28, ring: [0.12, 0.2] },
      nail: { blade: 0.25, wide: 0.03, handle: 0.42, ring: [0.09, 0.1] },
      secateurs: { blade: 0.26, wide: 0.1, handle: 0.5, ring: [0, 0] },
      stork: { blade: 0.4, wide: 0.028, handle: 0.2, ring: [0.08, 0.08] },
    }[kind]
    const blade = prism(
      curve(
        [
          [spec.wide * 0.2, -0.06],
          [spec.wide, 0.06],
          [spec.wide * 0.9, spec.blade * 0.5],
          [0, spec.blade],
          [-0.1 * spec.wide, spec.blade * 0.4],
          [-spec.wide * 0.5, 0],
        ] as Point2[],
        { steps: 2, closed: true },
      ),
      0.022,
    )
    const curved = kind === 'nail' ? blade.warp((x, y, z) => [x, y, z + 0.5 * Math.max(0, y) ** 2]) : blade
    const half = (big: boolean): Solid => {
      const size = big ? spec.ring[1]! : spec.ring[0]!
      const steel = curved.of('blades', 'metal')
      if (kind === 'secateurs') {
        const hook = prism(
          curve(xy(0.02, -0.06, 0.1, 0.04, 0.1, 0.16, 0.02, 0.28, 0.05, 0.14, 0, 0.02), { steps: 2, closed: true }),
          0.03,
        ).mirror('x')
        return union(
          big ? steel : hook.of('blades', 'metal'),
          tube(
            curve([
              [0, 0, 0],
              [-0.06, -0.1, 0],
              [-0.13, -0.3, 0],
              [-0.1, -spec.handle, 0],
            ] as Point3[]),
            (t) => [0.035 + 0.01 * t, 0.03],
            { sides: 8, round: true },
          ).of('handles', 'plastic'),
        )
      }
      const bow = torus(size * 0.8, [size * 0.18, 0.03], { segments: 20, sides: 8 })
        .turn('x', 90)
        .scale(0.8, kind === 'tailor' && big ? 1.5 : 1.1, 1)
        .turn('z', -14)
        .move(-0.05 - size * 0.55, -spec.handle - size * 0.6, 0)
      const neck = tube(
        curve([
          [0, 0, 0],
          [-0.02, -spec.handle * 0.5, 0],
          [-0.05, -spec.handle, 0],
        ] as Point3[]),
        0.028,
        { sides: 8 },
      )
      const beak =
        kind === 'stork'
          ? [ellipsoid(0.07, 0.12, 0.03, { segments: 12, rings: 8 }).move(-0.04, -0.12, 0).of('handles', 'metal')]
          : []
      return union(
        steel,
        ...(kind === 'office' || kind === 'tailor'
          ? [bow.of('handles', 'plastic'), neck.of('handles', 'plastic')]
          : [bow.of('blades', 'metal'), neck.of('blades', 'metal')]),
        ...beak,
      )
    }
    return union(
      half(true).turn('z', -open).move(0, 0, 0.012),
      half(false).mirror('x').turn('z', open).move(0, 0, -0.012),
      cylinder(0.03, 0.07, { segments: 12 }).turn('x', 90).move(0, 0, -0.035).of('screw', 'metal'),
    )
  },
}

export const cuttingTools: readonly Category[] = [saw, scissors]
