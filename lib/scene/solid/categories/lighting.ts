// Lights that hang, or burn.
import type { Category } from '../category.js'
import { cone, curve, cylinder, lathe, type Point2, type Solid, sphere, torus, tube, union, xy, xyz } from '../kit/index.js'
import { bar, block } from './joinery.js'
import { shade } from './shades.js'

const candle = (h: number): Solid => cylinder(0.02, h, { segments: 6 })

const flame = (size: number): Solid =>
  lathe(curve(xy([0, 0, 0.5 * size, 0.6 * size, 0.3 * size, 1.4 * size, 0, 2.2 * size]), { steps: 1 }), { segments: 6 })

export const lighting: readonly Category[] = [
  {
    name: 'chandelier',
    build(random) {
      const kind = random.cycle(['candles', 'shades', 'crystal', 'wheel', 'tiers'])
      const arms = random.cycle([6, 5, 8, 6, 6])
      const r = random.spread(0.36, 0.48)
      const arm = tube(curve(xyz([0, 0, 0.03, 0, -0.12, 0.12, 0, -0.12, r * 0.75, 0, 0.02, r]), { steps: 2 }), 0.014, {
        sides: 5,
      })
      const stem = lathe(
        curve(xy([0.005, -0.16, 0.05, -0.1, 0.02, -0.02, 0.07, 0.06, 0.025, 0.14, 0.045, 0.24, 0.015, 0.34, 0.015, 0.6]), {
          steps: 2,
        }),
        { segments: 12 },
      ).and(cylinder(0.07, 0.03, { segments: 14 }).move(0, 0.6))
      const cup = lathe(xy([0.01, 0, 0.05, 0.015, 0.05, 0.025, 0.02, 0.03]), { segments: 8 })
      if (kind === 'wheel') {
        const chains = bar([0, 0.02, r], [0, 0.5, 0], 0.008, 5).around(4)
        return union(
          torus(r, [0.03, 0.025], { sides: 8 })
            .and(bar([-r, 0, 0], [r, 0, 0], 0.02), bar([0, 0, -r], [0, 0, r], 0.02))
            .of('ring', 'wood'),
          chains.and(cylinder(0.06, 0.03, { segments: 12 }).move(0, 0.5)).of('chains', 'metal'),
          candle(0.13).move(0, 0.02, r).around(8, { start: 22 }).of('candles', 'wax'),
          flame(0.022).move(0, 0.15, r).around(8, { start: 22 }).of('bulbs', 'glass'),
        )
      }
      if (kind === 'crystal') {
        const drop = lathe(xy([0, 0, 0.022, 0.03, 0, 0.09]), { segments: 5 }).crease(0)
        const rings = [0.42, 0.32, 0.22, 0.12].map((radius, i) =>
          torus(radius, 0.01, { sides: 5 })
            .move(0, 0.3 - 0.11 * i)
            .of('frame', 'metal')
            .and(
              drop
                .move(0, 0.2 - 0.11 * i, radius)
                .around(Math.round(radius * 40))
                .of('drops', 'glass'),
            ),
        )
        return union(
          ...rings,
          bar([0, 0.3, 0], [0, 0.62, 0], 0.012)
            .and(
              ...[0, 90].map((a) => bar([-0.42, 0.3, 0], [0.42, 0.3, 0], 0.01, 6).turn('y', a)),
              cylinder(0.08, 0.03, { segments: 14 }).move(0, 0.6),
            )
            .of('frame', 'metal'),
        )
      }
      const light =
        kind === 'shades'
          ? shade('bell', 0.09, 0.11, 9).move(0, 0.05, r).of('shades', 'cloth')
          : union(candle(0.12).move(0, 0.03, r).of('candles', 'wax'), flame(0.024).move(0, 0.15, r).of('bulbs', 'glass'))
      const upper =
        kind === 'tiers'
          ? [
              union(arm.of('arms', 'metal'), cup.move(0, 0.01, r).of('arms', 'metal'), light)
                .scale(0.62)
                .around(4, { start: 30 })
                .move(0, 0.27),
            ]
          : []
      const swag =
        kind === 'candles' ? [sphere(0.016, { segments: 6, rings: 4 }).move(0, -0.06, r).around(arms).of('drops', 'glass')] : []
      return union(
        stem.of('stem', 'metal'),
        union(arm, cup.move(0, 0.01, r))
          .around(arms)
          .of('arms', 'metal'),
        light.around(arms),
        ...upper,
        ...swag,
      )
    },
  },
  {
    name: 'lantern',
    build(random) {
      const kind = random.cycle(['square', 'hurricane', 'paper', 'stone', 'hexagon'])
      const h = random.spread(0.5, 0.7)
      const loop = torus(0.09, 0.012, { segments: 16, sides: 6 }).turn('x', 90)
      if (kind === 'hurricane')
        return union(
          lathe(curve(xy([0.2, 0, 0.2, 0.1, 0.08, 0.14, 0.08, 0.18]), { steps: 2 }))
            .and(
              lathe(curve(xy([0.08, 0.5, 0.12, 0.53, 0.07, 0.6, 0.07, 0.68, 0, 0.7]), { steps: 2 })),
              tube(curve(xyz([0.19, 0.06, 0, 0.21, 0.3, 0, 0.17, 0.56, 0, 0.07, 0.62, 0]), { steps: 3 }), 0.022).mirrored('x'),
            )
            .of('frame', 'metal'),
          lathe(curve(xy([0.08, 0.18, 0.15, 0.3, 0.13, 0.42, 0.08, 0.5]), { steps: 2 })).of('glass', 'glass'),
          tube(curve(xyz([-0.2, 0.5, 0, -0.2, 0.8, 0, 0, 0.92, 0, 0.2, 0.8, 0, 0.2, 0.5, 0]), { steps: 3 }), 0.01, {
            sides: 6,
          }).of('handle', 'metal'),
        )
      if (kind === 'paper') {
        const ribs = Array.from(
          { length: 15 },
          (_, i): Point2 => [0.3 * Math.sqrt(Math.max(0.12, 1 - ((i - 7) / 7.4) ** 2)) + (i % 2 ? 0.012 : 0), (i / 14) * h],
        )
        return union(
          lathe(ribs, { crease: 10 }).of('paper', 'paper'),
          cylinder(0.12, 0.04)
            .move(0, -0.03)
            .and(cylinder(0.12, 0.04).move(0, h - 0.01), bar([0, h, 0], [0, h + 0.2, 0], 0.008, 5))
            .of('rims', 'wood'),
          bar([0, -0.28, 0], [0, 0, 0], 0.012)
            .and(cone(0.035, 0.14, 10).move(0, -0.4))
            .of('tassel', 'cloth'),
        )
      }
      if (kind === 'stone')
        return union(
          cylinder(0.24, 0.08, { segments: 6 })
            .and(
              cylinder(0.09, 0.4, { segments: 10 }).move(0, 0.06),
              lathe(xy([0.1, 0.42, 0.22, 0.5, 0.22, 0.55]), { segments: 6 }),
              ...[0, 60, 120, 180, 240, 300].map((a) => block([0.11, 0.53, -0.04], [0.15, 0.78, 0.04]).turn('y', a + 30)),
              cylinder(0.17, 0.03, { segments: 6 }).move(0, 0.76),
              lathe(curve(xy([0.36, 0.8, 0.36, 0.83, 0.2, 0.89, 0.06, 0.98]), { steps: 2 }), { segments: 6 }),
              lathe(curve(xy([0.06, 0.97, 0.07, 1.03, 0, 1.12]), { steps: 2 }), { segments: 8 }),
            )
            .crease(20)
            .of('body', 'stone'),
          cylinder(0.06, 0.2, { segments: 8 }).move(0, 0.55).of('light', 'wax'),
        )
      const n = kind === 'hexagon' ? 6 : 4
      const r = 0.2
      const start = 180 / n
      const post = bar([0, 0.05, r], [0, h, kind === 'hexagon' ? r * 1.25 : r], 0.014, 5).around(n, { start })
      const plate = (radius: number, y: number) =>
        cylinder(radius, 0.03, { segments: n })
          .turn('y', 90 + start)
          .move(0, y)
      const top = kind === 'hexagon' ? r * 1.25 : r
      return union(
        post
          .and(
            plate(r * 1.15, 0.02),
            plate(top * 1.1, h - 0.01),
            cone(top * 1.15, 0.18, n)
              .turn('y', 90 + start)
              .move(0, h + 0.02),
            cylinder(0.04, 0.06, { segments: 8 }).move(0, h + 0.17),
            loop.move(0, h + 0.31),
          )
          .of('frame', 'metal'),
        cylinder(0.06, 0.22, { segments: 12 }).move(0, 0.05).of('candle', 'wax'),
        flame(0.03).move(0, 0.27).of('flame', 'wax'),
      )
    },
  },
]
