// Lamps that stand.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  lathe,
  loft,
  type Point2,
  type Point3,
  prism,
  rectangle,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block } from './joinery.js'
import { shade } from './shades.js'

export const lamps: readonly Category[] = [
  {
    name: 'desk_lamp',
    build(random) {
      const kind = random.cycle(['jointed', 'goose', 'banker', 'bar', 'clamp'])
      const reach = random.spread(0.9, 1.15)
      const cup = vessel(curve(xy([0.05, 0, 0.09, 0.05, 0.14, 0.14, 0.17, 0.2]), { steps: 2 }), 0.012, { segments: 18 }).and(
        cylinder(0.05, 0.06, { segments: 12 }).move(0, -0.05),
      )
      const bulb = sphere(0.06, { segments: 10, rings: 6 }).move(0, 0.14)
      const head = (x: number, y: number, turn: number) =>
        cup.of('shade', 'metal').and(bulb.of('bulb', 'glass')).turn('z', turn).move(x, y)
      const base = cylinder(0.17, 0.035, { round: 0.012 })
      if (kind === 'banker') {
        const green = prism(
          [
            ...Array.from(
              { length: 9 },
              (_, i): Point2 => [0.13 * Math.cos((Math.PI * i) / 8), 0.11 * Math.sin((Math.PI * i) / 8)],
            ),
            ...Array.from(
              { length: 9 },
              (_, i): Point2 => [-0.115 * Math.cos((Math.PI * i) / 8), 0.095 * Math.sin((Math.PI * i) / 8)],
            ),
          ],
          0.5,
        ).turn('y', 90)
        return union(
          lathe(curve(xy([0.15, 0, 0.14, 0.03, 0.04, 0.06, 0.025, 0.2, 0.045, 0.26, 0.02, 0.3, 0.018, 0.5]), { steps: 2 }))
            .and(tube(curve(xyz([0, 0.48, 0, 0, 0.56, 0, 0, 0.58, 0.06]), { steps: 3 }), 0.018))
            .of('stand', 'metal'),
          green.move(0, 0.45, 0.05).of('shade', 'glass', [0.02, 0.25, 0.08]),
          bar([0.12, 0.45, 0.06], [0.12, 0.3, 0.06], 0.004, 5).of('chain', 'metal'),
        )
      }
      if (kind === 'bar')
        return union(
          block([-0.12, 0, -0.1], [0.12, 0.03, 0.1], 0.01).of('base', 'plastic'),
          tube(xyz([0, 0.02, 0, -0.08, 0.6 * reach, 0]), 0.016)
            .and(
              tube(xyz([-0.1, 0.6 * reach, 0, 0.45, 0.75 * reach, 0]), 0.014),
              sphere(0.03, { segments: 10, rings: 6 }).move(-0.08, 0.6 * reach),
            )
            .of('arm', 'metal'),
          box(0.4, 0.025, 0.07, 0.01)
            .turn('z', 15)
            .move(0.4, 0.73 * reach)
            .of('shade', 'metal'),
        )
      const low: Point3 = [0, 0.03, 0]
      if (kind === 'goose')
        return union(
          base.of('base', 'metal'),
          tube(
            curve<Point3>(
              [low, [-0.03, 0.35 * reach, 0], [0.05, 0.62 * reach, 0], [0.3, 0.68 * reach, 0], [0.42, 0.55 * reach, 0]],
              { steps: 4 },
            ),
            0.018,
          ).of('arm', 'metal'),
          head(0.43, 0.53 * reach, -150),
        )
      const elbow: Point3 = [-0.25, 0.42 * reach, 0]
      const wrist: Point3 = [0.25, 0.75 * reach, 0]
      const twin = (a: Point3, b: Point3) => bar(a, b, 0.012, 6).move(0, 0, 0.025).mirrored('z')
      const joints = [elbow, wrist].map(([x, y]) => cylinder(0.03, 0.09, { segments: 10 }).turn('x', 90).move(x, y, -0.045))
      const foot =
        kind === 'clamp'
          ? union(
              block([-0.05, -0.02, -0.05], [0.05, 0.06, 0.05]),
              block([-0.05, -0.2, -0.04], [-0.02, 0, 0.04]),
              block([-0.05, -0.2, -0.04], [0.06, -0.17, 0.04]),
              bar([0.02, -0.24, 0], [0.02, -0.06, 0], 0.012, 6),
            )
          : base
      return union(
        foot.of('base', 'metal'),
        twin(low, elbow)
          .and(twin(elbow, wrist), ...joints, bar([wrist[0], wrist[1], 0], [wrist[0] + 0.08, wrist[1] - 0.05, 0], 0.015, 6))
          .of('arm', 'metal'),
        head(wrist[0] + 0.1, wrist[1] - 0.06, kind === 'clamp' ? -150 : -130),
      )
    },
  },
  {
    name: 'floor_lamp',
    build(random) {
      const kind = random.cycle(['drum', 'arc', 'tripod', 'torch', 'bell'])
      const h = random.spread(1.35, 1.6)
      const foot = cylinder(0.17, 0.03, { round: 0.01 })
      if (kind === 'arc')
        return union(
          cylinder(0.2, 0.06, { round: 0.015 }).move(-0.35).of('base', 'stone'),
          tube(
            curve(xyz([-0.35, 0.05, 0, -0.38, h * 0.6, 0, -0.2, h * 0.98, 0, 0.2, h * 1.02, 0, 0.48, h * 0.82, 0]), { steps: 4 }),
            0.016,
          ).of('stand', 'metal'),
          shade('dome', 0.17, 0.15)
            .move(0.5, h * 0.82 - 0.15)
            .of('shade', 'metal'),
        )
      if (kind === 'tripod')
        return union(
          bar([0, h, 0.02], [0, 0, 0.34], 0.022)
            .around(3, { start: 60 })
            .and(cylinder(0.05, 0.06, { segments: 12 }).move(0, h - 0.03))
            .of('stand', 'wood'),
          shade('drum', 0.23, 0.3)
            .move(0, h + 0.03)
            .of('shade', 'cloth'),
          cylinder(0.2, 0.012)
            .move(0, h + 0.3)
            .of('shade', 'cloth'),
        )
      if (kind === 'torch')
        return union(
          foot.and(bar([0, 0.02, 0], [0, h, 0], 0.016)).of('stand', 'metal'),
          vessel(curve(xy([0.03, 0, 0.1, 0.03, 0.18, 0.1, 0.2, 0.13]), { steps: 2 }), 0.012)
            .move(0, h)
            .of('shade', 'glass'),
          tube(curve(xyz([0, h * 0.7, 0, 0.1, h * 0.78, 0, 0.2, h * 0.76, 0]), { steps: 3 }), 0.01).of('stand', 'metal'),
          shade('cone', 0.07, 0.09)
            .turn('z', 20)
            .move(0.2, h * 0.7)
            .of('shade', 'metal'),
        )
      const turned =
        kind === 'bell'
          ? lathe(xy([0.16, 0, 0.15, 0.04, 0.03, 0.1, 0.02, 0.4, 0.04, 0.46, 0.02, 0.52, 0.018, h]))
          : foot.and(bar([0, 0.02, 0], [0, h, 0], 0.016))
      return union(
        turned.of('stand', 'metal'),
        shade(kind, kind === 'bell' ? 0.25 : 0.2, 0.27)
          .move(0, h - 0.06)
          .of('shade', 'cloth'),
        sphere(0.05, { segments: 10, rings: 6 })
          .move(0, h + 0.04)
          .of('bulb', 'glass'),
        torus(0.1, 0.006, { segments: 14, sides: 5 })
          .move(0, h + 0.16)
          .and(bar([-0.19, h + 0.16, 0], [0.19, h + 0.16, 0], 0.006, 5))
          .of('stand', 'metal'),
      )
    },
  },
  {
    name: 'street_lamp',
    build(random) {
      const kind = random.cycle(['lantern', 'globes', 'arm', 'double', 'crook'])
      const h = random.spread(2.2, 2.8)
      const pole = lathe(xy([0.14, 0, 0.14, 0.1, 0.1, 0.16, 0.08, 0.4, 0.095, 0.44, 0.055, 0.5, 0.04, h]), { segments: 12 })
      const thin = lathe(xy([0.1, 0, 0.1, 0.3, 0.06, 0.34, 0.04, h * 1.15]), { segments: 10 })
      const glass = loft([
        { outline: rectangle(0.2, 0.2), y: 0 },
        { outline: rectangle(0.36, 0.36), y: 0.36 },
      ])
      const roof = loft([
        { outline: rectangle(0.44, 0.44), y: 0.36 },
        { outline: rectangle(0.16, 0.16), y: 0.5 },
        { outline: rectangle(0.03, 0.03), y: 0.6 },
      ])
      const head = box(0.5, 0.08, 0.2, 0.03)
      const arm = (s: number) =>
        tube(curve(xyz([0, h * 1.05, 0, 0.1 * s, h * 1.16, 0, 0.5 * s, h * 1.2, 0, 0.75 * s, h * 1.2, 0]), { steps: 3 }), 0.03)
      if (kind === 'lantern')
        return union(
          pole
            .and(
              bar([-0.22, h - 0.25, 0], [0.22, h - 0.25, 0], 0.02),
              sphere(0.035, { segments: 8, rings: 5 })
                .move(0.22, h - 0.25)
                .mirrored('x'),
            )
            .of('pole', 'metal'),
          glass.move(0, h).of('glass', 'glass'),
          roof.move(0, h).of('pole', 'metal'),
        )
      if (kind === 'globes') {
        const curl = tube(curve(xyz([0, h - 0.5, 0, 0, h - 0.3, 0.2, 0, h - 0.3, 0.4, 0, h - 0.15, 0.42]), { steps: 3 }), 0.025)
        return union(
          pole.and(curl.around(3)).of('pole', 'metal'),
          sphere(0.19, { segments: 14, rings: 8 })
            .move(0, h + 0.15)
            .and(sphere(0.15, { segments: 14, rings: 8 }).move(0, h, 0.42).around(3))
            .of('glass', 'glass'),
        )
      }
      if (kind === 'crook')
        return union(
          pole
            .and(
              tube(
                curve(xyz([0, h - 0.05, 0, 0.05, h + 0.3, 0, 0.3, h + 0.42, 0, 0.52, h + 0.28, 0, 0.52, h + 0.1, 0]), {
                  steps: 3,
                }),
                0.03,
              ),
            )
            .of('pole', 'metal'),
          shade('bell', 0.22, 0.24)
            .move(0.52, h - 0.14)
            .of('shade', 'metal'),
          sphere(0.1, { segments: 10, rings: 6 })
            .move(0.52, h - 0.12)
            .of('glass', 'glass'),
        )
      const sides = kind === 'double' ? [-1, 1] : [1]
      return union(
        thin.and(...sides.map(arm), ...sides.map((s) => head.move(0.85 * s, h * 1.2))).of('pole', 'metal'),
        ...sides.map((s) =>
          box(0.38, 0.04, 0.15, 0.015)
            .move(0.87 * s, h * 1.2 - 0.045)
            .of('glass', 'glass'),
        ),
      )
    },
  },
  {
    name: 'table_lamp',
    build(random) {
      const body = random.cycle(['vase', 'column', 'gourd', 'cube', 'tripod'])
      const kind = random.cycle(['cone', 'drum', 'bell', 'square', 'globe'])
      const h = random.spread(0.42, 0.55)
      const stands: Record<string, Solid> = {
        vase: lathe(
          curve(xy([0.1, 0, 0.17, 0.14, 0.16, 0.24, 0.06, h - 0.08, 0.05, h - 0.02, 0.015, h, 0.015, h + 0.16]), { steps: 2 }),
        ),
        column: lathe(xy([0.15, 0, 0.15, 0.04, 0.05, 0.06, 0.05, h - 0.04, 0.08, h, 0.015, h + 0.01, 0.015, h + 0.16])),
        gourd: lathe(
          curve(xy([0.09, 0, 0.15, 0.1, 0.06, 0.22, 0.1, 0.32, 0.03, h, 0.015, h + 0.02, 0.015, h + 0.16]), { steps: 2 }),
        ),
        cube: union(block([-0.13, 0, -0.13], [0.13, 0.26, 0.13], 0.02), bar([0, 0.25, 0], [0, h + 0.16, 0], 0.018)),
        tripod: union(
          bar([0, h, 0.02], [0, 0, 0.2], 0.02).around(3),
          bar([0, h - 0.05, 0], [0, h + 0.16, 0], 0.018),
          sphere(0.04, { segments: 10, rings: 6 }).move(0, h),
        ),
      }
      return union(
        stands[body]!.of('stand', random.cycle(['ceramic', 'metal', 'wood', 'stone', 'wood'])),
        shade(kind, kind === 'globe' ? 0.16 : random.spread(0.22, 0.28), 0.28)
          .move(0, h + 0.02)
          .of('shade', kind === 'globe' ? 'glass' : 'cloth'),
        ...(kind === 'globe' ? [] : [bar([-0.13, h + 0.14, 0], [0.13, h + 0.14, 0], 0.006, 5).of('stand', 'metal')]),
      )
    },
  },
]
