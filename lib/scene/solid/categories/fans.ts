// Fans.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  type Point2,
  prism,
  rectangle,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block, casing } from './joinery.js'

export const fans: readonly Category[] = [
  {
    name: 'ceiling_fan',
    build(random) {
      const blades = random.cycle([5, 4, 3, 6, 5])
      const kind = random.cycle(['bowl', 'three', 'none', 'drop', 'globe'])
      const [r, w] = [random.spread(0.5, 0.65), random.spread(0.11, 0.16)]
      const outline: Point2[] = random.cycle([
        rectangle(w, r - 0.16, 0.03, 3),
        curve(
          xy([
            -w * 0.3,
            -(r - 0.16) / 2,
            w * 0.3,
            -(r - 0.16) / 2,
            w * 0.6,
            r * 0.2,
            w * 0.3,
            (r - 0.16) / 2,
            -w * 0.3,
            (r - 0.16) / 2,
            -w * 0.6,
            r * 0.2,
          ]),
          { steps: 3, closed: true },
        ),
        xy([-w * 0.35, -(r - 0.16) / 2, w * 0.35, -(r - 0.16) / 2, w * 0.6, (r - 0.16) / 2, -w * 0.6, (r - 0.16) / 2]),
      ])
      const blade = prism(outline, 0.012)
        .turn('x', 90)
        .turn('z', 12)
        .move(0, 0, 0.16 + (r - 0.16) / 2)
      const motor = lathe(curve(xy([0.04, -0.07, 0.11, -0.05, 0.13, 0.01, 0.1, 0.07, 0.03, 0.09]), { steps: 2 }))
      const rod = bar([0, 0.08, 0], [0, 0.36, 0], 0.014).and(lathe(xy([0.02, 0.34, 0.07, 0.4, 0.07, 0.42])))
      const bell = lathe(curve(xy([0.07, 0, 0.06, 0.06, 0.025, 0.1]), { steps: 2 }), { segments: 12 })
        .turn('x', -60)
        .move(0, -0.14, 0.1)
      const lights: Record<string, Solid[]> = {
        bowl: [lathe(curve(xy([0, -0.17, 0.08, -0.15, 0.13, -0.08, 0.13, -0.06]), { steps: 2 })).of('light', 'glass')],
        three: [bell.around(3).of('light', 'glass')],
        none: [],
        drop: [
          lathe(
            xy([0.03, -0.07, 0.05, -0.2, 0, -0.22])
              .map(([a, b]) => [a!, b!] as const)
              .reverse(),
          ).of('light', 'glass'),
        ],
        globe: [sphere(0.11, { segments: 16, rings: 8 }).move(0, -0.14).of('light', 'glass')],
      }
      return union(
        blade.around(blades).of('blades', 'wood'),
        block([-0.02, -0.012, 0.08], [0.02, 0.004, 0.24]).around(blades).and(motor, rod).of('motor', 'metal'),
        ...lights[kind]!,
      )
    },
  },
  {
    name: 'fan',
    build(random) {
      const kind = random.cycle(['desk', 'pedestal', 'box', 'retro', 'clip'])
      const blades = random.cycle([3, 4, 5, 3, 4])
      const r = random.spread(0.2, 0.26)
      const blade = prism(
        curve(xy([-0.02, 0.03, 0.02, 0.03, r * 0.45, r * 0.55, r * 0.3, r * 0.88, -r * 0.1, r * 0.85]), {
          steps: 3,
          closed: true,
        }),
        0.008,
      ).turn('y', 28)
      const rotor = blade
        .around(blades, { axis: 'z' })
        .of('blades', 'plastic')
        .and(
          cylinder(r * 0.2, 0.06, { segments: 14 })
            .turn('x', 90)
            .move(0, 0, -0.03)
            .of('hub', 'plastic'),
        )
      const ring = (radius: number, z: number) => torus(radius, 0.007, { segments: 24, sides: 5 }).turn('x', 90).move(0, 0, z)
      const wire = tube(
        curve(xyz([0, 0.03, 0.08, 0, r * 0.6, 0.075, 0, r, 0.02, 0, r, -0.02, 0, r * 0.6, -0.06]), { steps: 2 }),
        0.004,
        { sides: 4 },
      )
      const cage = union(
        wire.around(18, { axis: 'z' }),
        ring(r, 0),
        ring(r * 0.62, 0.074),
        cylinder(r * 0.18, 0.015, { segments: 14 })
          .turn('x', 90)
          .move(0, 0, 0.075),
      )
      const motor = tube(xyz([0, 0, -0.02, 0, 0, -0.16]), (t) => r * 0.3 * (1 - 0.3 * t * t), { round: true, sides: 12 })
      if (kind === 'box') {
        const w = r * 1.15
        const bars = union(
          ...Array.from({ length: 11 }, (_, i) =>
            block([-w, -w + 0.02 + (i * 2 * w) / 11, 0.07], [w, -w + 0.028 + (i * 2 * w) / 11, 0.08]),
          ),
          ring(r * 0.4, 0.08),
        )
        return union(
          casing(rectangle(2 * w + 0.06, 2 * w + 0.06, 0.03, 2), ellipse(r * 1.02, r * 1.02, 24), 0.17).of('body', 'plastic'),
          rotor,
          bars.of('cage', 'metal'),
          block([w - 0.14, w + 0.01, -0.06], [w - 0.02, w + 0.06, -0.02])
            .and(block([-w, -w - 0.07, -0.1], [-w + 0.08, -w - 0.02, 0.1]).mirrored('x'))
            .of('feet', 'plastic'),
        )
      }
      const low = kind === 'pedestal' ? -1.05 : -r - 0.2
      const stand: Record<string, Solid> = {
        desk: union(
          lathe(curve(xy([0.18, 0, 0.17, 0.03, 0.05, 0.06, 0.035, 0.1]), { steps: 2 })).move(0, low),
          bar([0, low + 0.05, -0.08], [0, 0, -0.08], 0.028),
        ),
        pedestal: union(
          bar([0, low, -0.08], [0, 0, -0.08], 0.02),
          block([-0.28, low, -0.03], [0.28, low + 0.03, 0.03])
            .around(2, { sweep: 90, start: 45 })
            .move(0, 0, -0.08),
          box(0.09, 0.14, 0.06, 0.02).move(0, -r - 0.2, -0.07),
        ),
        retro: union(
          cylinder(0.17, 0.06, { round: 0.02 }).move(0, low),
          tube(curve(xyz([0, low + 0.04, 0, 0, low + 0.12, -0.12, 0, -0.08, -0.14, 0, 0, -0.1]), { steps: 3 }), 0.025),
        ),
        clip: union(
          bar([0, low + 0.06, -0.08], [0, 0, -0.08], 0.02),
          block([-0.04, low, -0.14], [0.04, low + 0.07, 0.1], 0.01),
          block([-0.04, low - 0.1, -0.14], [0.04, low - 0.06, 0.12], 0.01),
          block([-0.04, low - 0.1, -0.14], [0.04, low + 0.05, -0.11]),
        ),
      }
      const dial = cylinder(0.025, 0.02, { segments: 10 })
        .turn('x', 90)
        .move(0, low + 0.08, kind === 'desk' || kind === 'retro' ? 0.12 : -0.05)
      return union(
        rotor,
        cage.of('cage', 'metal'),
        motor.of('motor', 'plastic'),
        stand[kind]!.and(dial).of('stand', kind === 'retro' ? 'metal' : 'plastic'),
      )
    },
  },
]
