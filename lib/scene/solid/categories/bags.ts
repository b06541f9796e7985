// Bags with straps and handles.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  lathe,
  loft,
  type Point3,
  rod,
  sheet,
  sphere,
  superellipse,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'
import { band } from './straps.js'

const backpack: Category = {
  name: 'backpack',
  build(random) {
    const kind = random.cycle(['school', 'hiking', 'roll', 'drawstring', 'satchel'] as const)
    const wide = random.spread(0.3, 0.38)
    const sack = (height: number, deep: number, top: number, exponent: number) =>
      loft(
        xy(0.9, 0, 1, 0.06, 1.02, 0.4, 1, 0.75, top, 0.94, top * 0.75, 1).map(([size, t]) => ({
          outline: superellipse(wide, deep, exponent, 28),
          y: t! * height,
          size: size!,
        })),
        { crease: 60 },
      )
    const straps = (high: number, low: number, back: number) =>
      band(
        xyz(
          0.13,
          high,
          back,
          0.17,
          high + 0.08,
          back - 0.1,
          0.2,
          (high + low) / 2,
          back - 0.24,
          0.22,
          low + 0.08,
          back - 0.1,
          0.2,
          low,
          back,
        ),
        0.045,
        0.016,
        [1, 0, 0],
      )
        .mirrored('x')
        .of('straps', 'cloth')
    const loop = (y: number, z: number) =>
      tube(curve(xyz(0.06, y, z, 0.05, y + 0.08, z, -0.05, y + 0.08, z, -0.06, y, z)), 0.016, { sides: 6 }).of('straps', 'cloth')
    const pocket = (w: number, h: number, d: number, x: number, y: number, z: number) => box(w, h, d, 0.04).move(x, y, z)
    if (kind === 'school')
      return union(
        sack(0.85, 0.2, 0.85, 3.2).of('bag', 'cloth'),
        union(
          pocket(wide * 1.5, 0.34, 0.14, 0, 0.22, 0.2),
          pocket(0.1, 0.25, 0.2, wide, 0.18, 0.02),
          pocket(0.1, 0.25, 0.2, -wide, 0.18, 0.02),
        ).of('pockets', 'cloth'),
        tube(
          curve([
            [wide + 0.01, 0.42, 0.1],
            [wide * 0.9, 0.74, 0.12],
            [0, 0.8, 0.2],
            [-wide * 0.9, 0.74, 0.12],
            [-wide - 0.01, 0.42, 0.1],
          ] as Point3[]),
          0.012,
          { sides: 5 },
        ).of('zip', 'metal'),
        straps(0.76, 0.06, -0.19),
        loop(0.8, -0.12),
      )
    if (kind === 'hiking') {
      const roll = cylinder(0.12, 0.8, { segments: 16, round: 0.02 }).turn('z', 90).move(0.4, 1.26, 0)
      const mat = cylinder(0.11, 0.76, { segments: 16 }).turn('z', 90).move(0.38, -0.04, 0.08)
      return union(
        sack(1.1, 0.22, 0.95, 2.8).of('bag', 'cloth'),
        union(
          pocket(0.2, 0.46, 0.26, wide + 0.04, 0.42, 0),
          pocket(0.2, 0.46, 0.26, -wide - 0.04, 0.42, 0),
          pocket(wide * 1.4, 0.4, 0.14, 0, 0.4, 0.22),
          box(wide * 1.9, 0.16, 0.5, 0.06).move(0, 1.1, 0.02),
        ).of('pockets', 'cloth'),
        union(roll, mat).of('roll', 'rubber'),
        straps(0.95, 0.15, -0.22),
        band(
          xyz(wide * 0.9, 0.12, -0.2, wide + 0.12, 0.1, 0.1, 0, 0.1, 0.34, -wide - 0.12, 0.1, 0.1, -wide * 0.9, 0.12, -0.2),
          0.02,
          0.03,
        ).of('straps', 'cloth'),
        union(rod([wide, 1.02, -0.22], [wide, 0, -0.22], 0.018), rod([wide, 0, -0.22], [0, 0, -0.22], 0.018))
          .mirrored('x')
          .of('frame', 'metal'),
      )
    }
    if (kind === 'roll')
      return union(
        sack(0.85, 0.19, 0.95, 4).of('bag', 'cloth'),
        cylinder(0.07, wide * 2, { segments: 14 })
          .turn('z', 90)
          .move(wide, 0.9, 0)
          .of('roll', 'cloth'),
        union(
          box(0.05, 0.5, 0.02).move(0.14, 0.65, 0.2),
          box(0.05, 0.5, 0.02).move(-0.14, 0.65, 0.2),
          box(0.07, 0.05, 0.04).move(0.14, 0.52, 0.2).mirrored('x'),
        ).of('straps', 'leather'),
        straps(0.74, 0.06, -0.18),
      )
    if (kind === 'drawstring')
      return union(
        lathe(curve(xy(0.24, 0, 0.34, 0.1, 0.35, 0.4, 0.26, 0.66, 0.09, 0.74, 0.17, 0.86, 0.15, 0.86), { steps: 3 }), {
          segments: 24,
        })
          .warp((x, y, z) => {
            const f = 1 + 0.1 * Math.max(0, (y - 0.5) / 0.3) * Math.cos(9 * Math.atan2(z, x))
            return [x * f, y, z * f * 0.8]
          })
          .of('bag', 'cloth'),
        torus(0.1, 0.02, { segments: 18, sides: 6 }).scale(1, 1, 0.8).move(0, 0.74, 0).of('straps', 'cloth'),
        tube(curve(xyz(0.08, 0.74, -0.05, 0.2, 0.72, -0.25, 0.26, 0.4, -0.38, 0.24, 0.08, -0.2)), 0.02, { sides: 6 })
          .mirrored('x')
          .of('straps', 'cloth'),
        tube(curve(xyz(0.03, 0.73, 0.09, 0.05, 0.6, 0.24, 0.04, 0.46, 0.3)), 0.012, { sides: 5 })
          .mirrored('x')
          .of('straps', 'cloth'),
      )
    const flap = sheet(
      (u, v) => [
        (u - 0.5) * wide * 2.08,
        0.72 + 0.05 * Math.sin(Math.PI * Math.min(1, v * 2)) - 0.5 * Math.max(0, v - 0.35),
        -0.17 + 0.37 * Math.min(1, v / 0.4),
      ],
      0.025,
      { across: 2, along: 10 },
    )
    return union(
      box(wide * 2, 0.72, 0.32, 0.05)
        .move(0, 0.36, 0)
        .of('bag', 'leather'),
      flap.of('flap', 'leather'),
      pocket(wide * 1.3, 0.26, 0.1, 0, 0.17, 0.19).of('pockets', 'leather'),
      union(box(0.05, 0.4, 0.02).move(0.15, 0.44, 0.23), box(0.05, 0.4, 0.02).move(-0.15, 0.44, 0.23)).of('straps', 'leather'),
      union(torus(0.035, 0.01, { segments: 12, sides: 5 }).turn('x', 90).move(0.15, 0.36, 0.245).mirrored('x')).of(
        'buckles',
        'metal',
      ),
      straps(0.64, 0.08, -0.16),
      loop(0.72, -0.12),
    )
  },
}

const handbag: Category = {
  name: 'handbag',
  build(random) {
    const kind = random.cycle(['tote', 'doctor', 'shoulder', 'bucket', 'clutch'] as const)
    const wide = random.spread(0.42, 0.52)
    const body = (height: number, deep: number, top: number, shut: number) =>
      loft(
        xyz(1, 1, 0, 1.03, 1, 0.3, (1 + top) / 2, (1 + shut) / 2, 0.75, top, shut, 1).map(([x, z, t]) => ({
          outline: superellipse(wide * x!, deep * z!, 4, 24),
          y: t! * height,
        })),
      )
    const grip = (half: number, low: number, rise: number, z: number) =>
      tube(
        curve(xyz(half, low, z, half, low + rise * 0.7, z, 0, low + rise, z, -half, low + rise * 0.7, z, -half, low, z)),
        0.02,
        { sides: 6 },
      )
    const clasp = (y: number, z: number) =>
      union(
        sphere(0.03, { segments: 8, rings: 6 }).move(0.02, y, z),
        sphere(0.03, { segments: 8, rings: 6 }).move(-0.02, y + 0.02, z),
      ).of('clasp', 'metal')
    if (kind === 'tote')
      return union(
        body(0.62, 0.16, 1.12, 0.5).of('bag', 'leather'),
        grip(0.2, 0.5, 0.5, 0.1).mirrored('z').of('handles', 'leather'),
      )
    if (kind === 'doctor')
      return union(
        body(0.5, 0.24, 0.8, 0.25).of('bag', 'leather'),
        grip(0.14, 0.48, 0.2, 0.03).mirrored('z').of('handles', 'leather'),
        union(box(wide * 1.62, 0.05, 0.06, 0.01).move(0, 0.5, 0), box(0.08, 0.06, 0.1).move(0, 0.5, 0)).of('clasp', 'metal'),
        sphere(0.025, { segments: 8, rings: 6 })
          .move(wide * 0.85, -0.01, 0.16)
          .mirrored('x')
          .mirrored('z')
          .of('clasp', 'metal'),
      )
    if (kind === 'bucket')
      return union(
        vessel(xy(0.26, 0, 0.3, 0.1, 0.34, 0.5), 0.02, { segments: 24 })
          .warp((x, y, z) => [
            x * (1 + 0.04 * Math.cos(10 * Math.atan2(z, x)) * y * 2),
            y,
            z * (1 + 0.04 * Math.cos(10 * Math.atan2(z, x)) * y * 2),
          ])
          .of('bag', 'leather'),
        grip(0.33, 0.45, 0.65, 0).of('handles', 'leather'),
        union(
          torus(0.325, 0.016, { segments: 24, sides: 6 }).move(0, 0.4, 0),
          tube(xyz(0, 0.4, 0.34, 0.05, 0.2, 0.36), 0.012),
          tube(xyz(0, 0.4, 0.34, -0.06, 0.22, 0.36), 0.012),
        ).of('clasp', 'leather'),
      )
    const flap = sheet(
      (u, v) => [
        (u - 0.5) * 2 * wide * (1 - 0.25 * Math.max(0, v - 0.4)),
        0.42 + 0.03 * Math.sin(Math.PI * Math.min(1, v * 2)) - 0.34 * Math.max(0, v - 0.3) * (1 + 0.25 * Math.sin(Math.PI * u)),
        -0.1 + 0.25 * Math.min(1, v / 0.35),
      ],
      0.022,
      { across: 8, along: 8 },
    )
    if (kind === 'shoulder')
      return union(
        box(wide * 2, 0.42, 0.22, 0.06)
          .move(0, 0.21, 0)
          .of('bag', 'leather'),
        flap.of('flap', 'leather'),
        tube(
          curve([
            [wide - 0.03, 0.36, 0],
            [wide + 0.04, 0.7, 0.02],
            [0.1, 1.15, 0],
            [-wide, 0.75, -0.03],
            [-wide + 0.03, 0.36, 0],
          ] as Point3[]),
          () => [0.03, 0.012],
          { sides: 6 },
        ).of('handles', 'leather'),
        clasp(0.17, 0.16),
      )
    return union(
      loft(
        xyz(1, 1, 0, 1.06, 1, 0.35, 0.86, 0.35, 1).map(([x, z, t]) => ({
          outline: superellipse(wide * x!, 0.12 * z!, 3, 24),
          y: t! * 0.36,
        })),
      ).of('bag', 'cloth'),
      tube(
        curve([
          [wide * 0.92, 0.3, 0],
          [wide * 0.6, 0.39, 0],
          [0, 0.41, 0],
          [-wide * 0.6, 0.39, 0],
          [-wide * 0.92, 0.3, 0],
        ] as Point3[]),
        0.03,
      ).of('clasp', 'metal'),
      clasp(0.45, 0),
      union(
        ...Array.from({ length: 12 }, (_, i) =>
          torus(0.025, 0.007, { segments: 8, sides: 4 })
            .turn(i % 2 ? 'x' : 'z', 90)
            .move(wide * 0.9 + 0.04 + 0.03 * i * Math.sin(i * 0.4), 0.3 - 0.035 * i, 0.02),
        ),
      ).of('clasp', 'metal'),
    )
  },
}

export const bags: readonly Category[] = [backpack, handbag]
