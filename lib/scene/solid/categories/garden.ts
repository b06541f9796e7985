// Things of gardens.
import type { Category } from '../category.js'
import {
  arc,
  box,
  cone,
  curve,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  type Point3,
  prism,
  rectangle,
  sphere,
  sweep,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block } from './joinery.js'

export const garden: readonly Category[] = [
  {
    name: 'barbecue',
    build(random) {
      const kind = random.cycle(['kettle', 'cart', 'barrel', 'brick', 'tripod'])
      const h = random.spread(0.62, 0.78)
      const bowl = vessel(curve(xy([0.08, 0, 0.2, 0.05, 0.29, 0.15, 0.31, 0.22]), { steps: 2 }), 0.014)
      const grill = union(
        torus(0.29, 0.008, { sides: 5 }),
        ...[-0.2, -0.1, 0, 0.1, 0.2].map((x) =>
          bar([x, 0, -Math.sqrt(0.29 ** 2 - x * x)], [x, 0, Math.sqrt(0.29 ** 2 - x * x)], 0.006, 5),
        ),
      )
      const food = ellipsoid(0.055, 0.02, 0.04, { segments: 8, rings: 5 }).repeat(3, [0.11, 0, 0])
      const wheel = torus(0.09, 0.02, { segments: 16, sides: 6 }).turn('z', 90)
      if (kind === 'kettle') {
        const dome = lathe(curve(xy([0.31, 0, 0.29, 0.08, 0.18, 0.19, 0, 0.22]), { steps: 2 })).and(
          tube(curve(xyz([-0.07, 0.2, 0, -0.06, 0.27, 0, 0.06, 0.27, 0, 0.07, 0.2, 0]), { steps: 3 }), 0.014),
        )
        return union(
          bowl
            .move(0, h)
            .and(dome.move(0, h + 0.22))
            .of('kettle', 'paint'),
          bar([0, h + 0.06, 0.12], [0, 0, 0.32], 0.018)
            .around(3, { start: 60 })
            .and(bar([-0.2, 0.26, 0], [0.2, 0.26, 0], 0.01, 6))
            .of('legs', 'metal'),
          wheel.move(0.3, 0.09, 0.1).mirrored('x').of('wheels', 'rubber'),
        )
      }
      if (kind === 'tripod')
        return union(
          bar([0, h * 2.1, 0.02], [0, 0, 0.5], 0.02)
            .around(3)
            .of('legs', 'metal'),
          bar([0, h * 0.95, 0], [0, h * 2.1, 0], 0.008, 5)
            .and(...[0, 120, 240].map((a) => bar([0, h * 1.3, 0], [0, h * 0.9, 0.29], 0.006, 5).turn('y', a)))
            .of('chain', 'metal'),
          grill.move(0, h * 0.9).of('grill', 'metal'),
          food.move(0, h * 0.9 + 0.02).of('food', 'food'),
          vessel(curve(xy([0.15, 0, 0.3, 0.05, 0.36, 0.14]), { steps: 2 }), 0.015)
            .move(0, 0.05)
            .of('bowl', 'metal'),
        )
      if (kind === 'brick') {
        const shell = union(
          block([-0.5, 0, -0.3], [-0.36, h, 0.3]),
          block([0.36, 0, -0.3], [0.5, h, 0.3]),
          block([-0.5, 0, -0.3], [0.5, h + 0.45, -0.2]),
          block([-0.5, h, -0.3], [-0.36, h + 0.45, 0]).mirrored('x'),
          prism(xy([-0.5, 0, 0.5, 0, 0.2, 0.35, 0.2, 0.85, -0.2, 0.85, -0.2, 0.35]), 0.28).move(0, h + 0.44, -0.16),
        )
        return union(
          shell.of('walls', 'brick'),
          block([-0.38, h - 0.12, -0.28], [0.38, h - 0.07, 0.3]).of('shelf', 'stone'),
          union(
            ...Array.from({ length: 9 }, (_, i) => bar([-0.32 + 0.08 * i, h, -0.2], [-0.32 + 0.08 * i, h, 0.3], 0.008, 5)),
          ).of('grill', 'metal'),
          food.move(0, h + 0.025, 0.08).of('food', 'food'),
        )
      }
      const drum =
        kind === 'barrel'
          ? cylinder(0.24, 0.8, { segments: 20 })
              .turn('z', 90)
              .move(0.4, h + 0.1)
          : union(block([-0.34, h - 0.08, -0.24], [0.34, h + 0.06, 0.24], 0.02))
      const lid =
        kind === 'barrel'
          ? union()
          : prism([[-0.24, 0], [0.24, 0], ...curve(xy([0.24, 0.06, 0.12, 0.2, -0.1, 0.24, -0.24, 0.12]), { steps: 3 })], 0.68)
              .turn('y', 90)
              .mirror('z')
              .move(0, h + 0.06)
      const grip = bar([-0.24, h + 0.14, 0.29], [0.24, h + 0.14, 0.29], 0.015, 6).and(
        ...[-0.22, 0.22].map((x) => bar([x, h + 0.12, 0.2], [x, h + 0.14, 0.29], 0.012, 6)),
      )
      const shelf = block([0.36, h, -0.2], [0.68, h + 0.03, 0.2]).mirrored('x')
      const legs =
        kind === 'barrel'
          ? union(bar([-0.28, 0, 0.25], [-0.28, h + 0.05, 0], 0.02), bar([-0.28, 0, -0.25], [-0.28, h + 0.05, 0], 0.02))
              .mirrored('x')
              .and(block([-0.3, 0.2, -0.15], [0.3, 0.22, 0.15]))
          : block([-0.32, 0.1, -0.22], [0.32, h - 0.06, 0.2]).and(
              ...[-0.16, 0.16].map((x) => block([x - 0.145, 0.14, 0.2], [x + 0.145, h - 0.1, 0.22])),
            )
      const stack =
        kind === 'barrel'
          ? [bar([0.25, h + 0.3, 0], [0.25, h + 0.62, 0], 0.04).and(cone(0.07, 0.06, 12).move(0.25, h + 0.64))]
          : []
      return union(
        drum.and(lid, ...stack).of('body', 'metal'),
        grip.of('handle', 'wood'),
        shelf.of('shelves', 'wood'),
        legs.of('legs', kind === 'barrel' ? 'metal' : 'paint'),
        wheel
          .move(0.33, 0.1, kind === 'barrel' ? 0.25 : 0)
          .mirrored('x')
          .of('wheels', 'rubber'),
        cylinder(0.022, 0.02, { segments: 10 })
          .turn('x', 90)
          .repeat(3, [0.14, 0, 0])
          .move(0, h - 0.01, 0.24)
          .of('knobs', 'plastic'),
      )
    },
  },
  {
    name: 'fountain',
    build(random) {
      const kind = random.cycle(['tiers', 'basin', 'wall', 'jet', 'pedestal'])
      const r = random.spread(0.55, 0.75)
      const dish = (radius: number, depth: number) =>
        vessel(
          curve(xy([radius * 0.15, 0, radius * 0.6, depth * 0.25, radius * 0.95, depth * 0.8, radius, depth]), { steps: 2 }),
          0.03,
        )
      const water = (radius: number) => cylinder(radius, 0.015)
      const pool = lathe(xy([r, 0, r, 0.26, r + 0.05, 0.28, r + 0.05, 0.34, r - 0.1, 0.34, r - 0.1, 0.08, 0, 0.08]), {
        segments: kind === 'basin' ? 8 : 28,
        crease: 30,
      })
      const column = (h: number) =>
        lathe(curve(xy([0.12, 0, 0.07, h * 0.2, 0.1, h * 0.5, 0.05, h * 0.85, 0.08, h]), { steps: 2 }), { segments: 14 })
      const spray = (n: number, from: number, reach: number) =>
        tube(
          curve(xyz([0, from, 0.02, 0, from + 0.22, reach * 0.4, 0, from + 0.12, reach * 0.8, 0, from - 0.25, reach]), {
            steps: 2,
          }),
          0.012,
          { sides: 5 },
        ).around(n)
      const base = union(
        pool.of('basin', 'stone'),
        water(r - 0.09)
          .move(0, 0.25)
          .of('water', 'glass'),
      )
      if (kind === 'jet')
        return union(
          base,
          spray(10, 0.5, r * 0.7)
            .and(lathe(curve(xy([0.04, 0.25, 0.03, 0.7, 0.06, 0.95, 0, 1.15]), { steps: 2 }), { segments: 10 }))
            .of('jets', 'glass'),
          cylinder(0.1, 0.3, { top: 0.05, segments: 14 }).move(0, 0.08).of('basin', 'stone'),
        )
      if (kind === 'wall')
        return union(
          prism(
            [[-0.5, 0], [0.5, 0], [0.5, 1], ...arc(0, 1, 0.5, 0, 180, 12).slice(1), [-0.5, 0]].slice(0, -1) as Point2[],
            0.12,
          ).of('wall', 'stone'),
          prism([...arc(0, 0, 0.45, 0, 180, 14)], 0.3)
            .turn('x', 90)
            .move(0, 0.15, 0.05)
            .of('basin', 'stone'),
          prism([...arc(0, 0, 0.4, 0, 180, 14)], 0.01)
            .turn('x', 90)
            .move(0, 0.305, 0.06)
            .of('water', 'glass'),
          sphere(0.14, { segments: 14, rings: 8 })
            .scale(1, 1.2, 0.6)
            .move(0, 0.95, 0.07)
            .and(
              cone(0.05, 0.12, 8).turn('x', 90).move(0, 0.92, 0.12),
              torus(0.2, 0.03, { sides: 6 }).turn('x', 90).move(0, 0.95, 0.06),
            )
            .of('wall', 'stone'),
          tube(curve(xyz([0, 0.9, 0.2, 0, 0.88, 0.28, 0, 0.6, 0.33, 0, 0.3, 0.34]), { steps: 3 }), 0.016).of('water', 'glass'),
        )
      if (kind === 'pedestal')
        return union(
          column(0.8)
            .and(
              dish(0.42, 0.16).move(0, 0.78),
              cylinder(0.22, 0.06, { segments: 8 }),
              sphere(0.09, { segments: 12, rings: 6 }).move(0, 1.0),
            )
            .of('basin', 'stone'),
          water(0.38).move(0, 0.9).of('water', 'glass'),
          spray(6, 1.05, 0.3).of('jets', 'glass'),
        )
      const top =
        kind === 'basin'
          ? [sphere(0.13, { segments: 14, rings: 8 }).move(0, 0.95)]
          : [
              column(0.45).scale(0.7, 1, 0.7).move(0, 0.95),
              dish(r * 0.36, 0.1).move(0, 1.35),
              lathe(curve(xy([0.04, 1.4, 0.06, 1.5, 0, 1.6]), { steps: 2 }), { segments: 10 }),
            ]
      return union(
        base,
        column(0.75)
          .move(0, 0.08)
          .and(dish(r * 0.62, 0.15).move(0, 0.8), ...top)
          .of('basin', 'stone'),
        water(r * 0.56)
          .move(0, 0.92)
          .of('water', 'glass'),
        spray(8, kind === 'basin' ? 1.05 : 0.96, r * 0.75).of('jets', 'glass'),
      )
    },
  },
  {
    name: 'lawn_mower',
    build(random) {
      const kind = random.cycle(['rotary', 'reel', 'bag', 'electric', 'ride'])
      const w = random.spread(0.22, 0.28)
      const wheel = (r: number) =>
        cylinder(r, 0.07, { segments: 18, round: 0.012 })
          .turn('z', 90)
          .and(
            cylinder(r * 0.4, 0.09, { segments: 10 })
              .turn('z', 90)
              .move(0.01),
          )
      const push = tube(
        curve(xyz([w * 0.8, 0.2, -0.25, w * 0.9, 0.6, -0.62, w * 0.9, 0.95, -0.95, w * 0.6, 1, -1.02, 0, 1, -1.02]), {
          steps: 3,
        }),
        0.018,
      )
        .mirrored('x')
        .and(bar([-w * 0.86, 0.6, -0.62], [w * 0.86, 0.6, -0.62], 0.014))
      if (kind === 'reel') {
        const blade = sweep(
          rectangle(0.01, 0.05),
          Array.from({ length: 7 }, (_, i): Point3 => [-w + (i * w) / 3, 0.11 * Math.cos(i * 0.25), 0.11 * Math.sin(i * 0.25)]),
          { up: [0, 1, 0] },
        )
        return union(
          blade.around(5, { axis: 'x' }).move(0, 0.18).of('blades', 'metal'),
          torus(0.17, 0.03, { sides: 8 })
            .turn('z', 90)
            .move(w + 0.05, 0.2)
            .mirrored('x')
            .and(
              ...[0, 60, 120].map((a) =>
                bar([w + 0.05, 0.03, 0], [w + 0.05, 0.37, 0], 0.014, 6)
                  .move(0, -0.2)
                  .turn('x', a)
                  .move(0, 0.2)
                  .mirrored('x'),
              ),
            )
            .of('wheels', 'rubber'),
          bar([-w, 0.36, -0.03], [w, 0.36, -0.03], 0.02)
            .and(bar([-w, 0.07, -0.22], [w, 0.07, -0.22], 0.05), push.move(0, 0, 0.1))
            .of('handle', 'metal'),
        )
      }
      const deck = prism(rectangle(2 * w, 0.74, 0.16, 4), 0.15, { bevel: 0.03 })
        .turn('x', -90)
        .move(0, 0.18, 0.02)
      const wheels = union(
        wheel(0.11).move(w, 0.11, 0.28).mirrored('x'),
        wheel(kind === 'electric' ? 0.16 : 0.12)
          .move(w, kind === 'electric' ? 0.16 : 0.12, -0.24)
          .mirrored('x'),
      )
      if (kind === 'ride') {
        const hood = prism(xy([0, 0, 0.62, 0, 0.62, 0.24, 0.5, 0.34, 0, 0.38]), 0.4, { bevel: 0.03 })
          .turn('y', -90)
          .move(0, 0.26, 0.08)
        return union(
          hood
            .and(block([-0.3, 0.2, -0.62], [0.3, 0.42, -0.12], 0.05), block([-0.22, 0.2, -0.2], [0.22, 0.26, 0.2]))
            .of('body', 'paint'),
          block([-0.2, 0.44, -0.5], [0.2, 0.52, -0.14], 0.03)
            .and(box(0.4, 0.34, 0.08, 0.03).turn('x', -10).move(0, 0.68, -0.5))
            .of('seat', 'leather'),
          torus(0.13, 0.016, { sides: 6 })
            .turn('x', 60)
            .move(0, 0.82, 0.02)
            .and(bar([0, 0.55, 0.16], [0, 0.82, 0.02], 0.016), bar([-0.13, 0.82, 0.02], [0.13, 0.82, 0.02], 0.01, 6))
            .of('steering', 'plastic'),
          wheel(0.21)
            .scale(1.6, 1, 1)
            .move(0.34, 0.21, -0.4)
            .mirrored('x')
            .and(wheel(0.14).move(0.26, 0.14, 0.5).mirrored('x'))
            .of('wheels', 'rubber'),
          prism(rectangle(0.9, 0.4, 0.15, 4), 0.1)
            .turn('x', -90)
            .move(0, 0.13, 0.06)
            .of('deck', 'metal'),
        )
      }
      const engine =
        kind === 'electric'
          ? lathe(curve(xy([0.2, 0, 0.19, 0.08, 0.13, 0.16, 0, 0.18]), { steps: 2 })).scale(1, 1, 1.2)
          : cylinder(0.14, 0.14, { round: 0.02 }).and(
              cylinder(0.09, 0.05, { segments: 14 }).move(0, 0.13),
              block([-0.18, 0.01, -0.06], [0.16, 0.1, 0.08], 0.015),
            )
      const bag = box(0.42, 0.32, 0.5, 0.09).turn('x', 12).move(0, 0.36, -0.62)
      return union(
        deck.of('deck', 'paint'),
        engine.move(0, 0.25, 0.04).of('engine', 'plastic'),
        wheels.of('wheels', 'rubber'),
        push.of('handle', 'metal'),
        ...(kind === 'bag' ? [bag.of('bag', 'cloth')] : []),
      )
    },
  },
]
