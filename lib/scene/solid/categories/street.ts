// Things by the street, and against fire.
import type { Category } from '../category.js'
import { curve, cylinder, lathe, prism, rectangle, type Solid, sphere, torus, tube, union, xy, xyz } from '../kit/index.js'
import { arched, bar, block, handle } from './joinery.js'

export const street: readonly Category[] = [
  {
    name: 'fence',
    build(random) {
      const kind = random.cycle(['picket', 'rail', 'iron', 'panel', 'cross'])
      const [half, h] = [random.spread(0.9, 1.2), random.spread(0.8, 1.05)]
      const post = (x: number) =>
        block([x - 0.06, 0, -0.06], [x + 0.06, h * 1.1, 0.06]).and(
          lathe(xy([0.085, h * 1.1, 0.085, h * 1.13, 0, h * 1.2]), { segments: 4 })
            .crease(10)
            .warp((a, b, c) => [0.7 * (a - c), b, 0.7 * (a + c)])
            .move(x),
        )
      const posts = union(...[-half, 0, half].map(post))
      const rails = (...heights: number[]) =>
        union(...heights.map((y) => block([-half, y * h - 0.04, -0.05], [half, y * h + 0.04, -0.015])))
      if (kind === 'iron') {
        const spear = bar([0, 0.08, 0], [0, h * 1.05, 0], 0.012, 6).and(
          lathe(xy([0, 0, 0.035, 0.05, 0, 0.16]), { segments: 6 }).move(0, h * 1.04),
        )
        return union(
          spear
            .repeat(15, [(2 * half) / 16, 0, 0])
            .and(
              ...[0.14, 0.92].map((y) => block([-half, y * h, -0.015], [half, y * h + 0.03, 0.015])),
              ...[-half, half].map((x) =>
                bar([x, 0, 0], [x, h * 1.15, 0], 0.035).and(sphere(0.055, { segments: 10, rings: 6 }).move(x, h * 1.18)),
              ),
            )
            .of('bars', 'metal'),
        )
      }
      const slats: Record<string, Solid> = {
        picket: union(
          rails(0.25, 0.75),
          prism(xy([-0.045, 0.06, 0.045, 0.06, 0.045, h * 0.92, 0, h * 1.02, -0.045, h * 0.92]), 0.025).repeat(13, [
            (2 * half) / 13,
            0,
            0,
          ]),
        ),
        rail: union(...[0.3, 0.6, 0.9].map((y) => bar([-half - 0.15, y * h, 0], [half + 0.15, y * h - 0.02, 0], 0.05))),
        panel: union(
          ...Array.from({ length: 9 }, (_, i) =>
            block([-half, 0.06 + (i * h) / 9, i % 2 ? -0.03 : 0], [half, 0.04 + ((i + 1.1) * h) / 9, i % 2 ? 0 : 0.03]),
          ),
        ),
        cross: union(
          rails(0.12, 0.95),
          ...[-half / 2, half / 2].flatMap((x) =>
            [-1, 1].map((s) => bar([x - (half / 2) * s, 0.14 * h, 0], [x + (half / 2) * s, 0.93 * h, 0], 0.03)),
          ),
        ),
      }
      return union(posts.of('posts', 'wood'), slats[kind]!.of('slats', 'wood'))
    },
  },
  {
    name: 'fire_extinguisher',
    build(random) {
      const kind = random.cycle(['hose', 'horn', 'small', 'wheeled', 'wide'])
      const [r, h] = [random.spread(0.09, 0.13), random.spread(0.42, 0.56)]
      const neck = cylinder(0.03, 0.05, { segments: 10 }).move(0, h + 0.07)
      const body = lathe(curve(xy([r * 0.9, 0, r, 0.03, r, h - 0.02, r * 0.75, h + 0.04, 0.03, h + 0.08]), { steps: 2 }))
      const levers = prism(xy([-0.03, 0, 0.04, 0, 0.2, 0.05, 0.2, 0.07, 0.03, 0.04, -0.03, 0.03]), 0.03)
        .move(0, h + 0.12)
        .and(prism(xy([0.02, -0.03, 0.19, -0.02, 0.19, 0, 0.02, 0]), 0.025).move(0, h + 0.12))
      const gauge = cylinder(0.025, 0.02, { segments: 12 })
        .turn('x', 90)
        .move(0, h + 0.1, 0.03)
      const hose = tube(
        curve(xyz([-0.02, h + 0.11, 0, -0.12, h + 0.13, 0, -r - 0.08, h * 0.7, 0.02, -r - 0.03, h * 0.35, 0.03]), { steps: 4 }),
        0.014,
      )
      const horn = lathe(xy([0.02, 0, 0.028, 0.06, 0.065, 0.22]), { segments: 14 }).turn('x', 180)
      const end =
        kind === 'horn' || kind === 'wide'
          ? horn.move(-r - 0.03, h * 0.4, 0.03)
          : bar([-r - 0.03, h * 0.38, 0.03], [-r - 0.02, h * 0.2, 0.03], 0.02)
      const cart = union(
        torus(r * 0.9, 0.025, { sides: 6 })
          .turn('z', 90)
          .move(r + 0.05, r * 0.8, -0.1)
          .mirrored('x'),
        bar([-r - 0.05, r * 0.8, -0.1], [r + 0.05, r * 0.8, -0.1], 0.012, 6),
      )
      const push = tube(
        curve(
          xyz([
            -r * 0.8,
            r * 0.8,
            -0.12,
            -r * 0.8,
            h + 0.1,
            -0.16,
            0,
            h + 0.25,
            -0.18,
            r * 0.8,
            h + 0.1,
            -0.16,
            r * 0.8,
            r * 0.8,
            -0.12,
          ]),
          { steps: 3 },
        ),
        0.013,
      )
      return union(
        body.of('body', 'paint', [0.6, 0.02, 0.02]),
        neck
          .and(
            levers,
            torus(0.03, 0.006, { segments: 10, sides: 5 })
              .turn('x', 90)
              .move(0.03, h + 0.2),
          )
          .of('valve', 'metal'),
        gauge.of('gauge', 'metal'),
        ...(kind === 'small'
          ? [
              lathe(xy([0.012, 0, 0.025, 0.06]), { segments: 8 })
                .turn('z', 90)
                .move(-0.03, h + 0.12)
                .of('hose', 'rubber'),
            ]
          : [hose.and(end).of('hose', 'rubber')]),
        prism(rectangle(r * 1.2, h * 0.4), 0.02)
          .warp((x, y, z) => [x, y, Math.sqrt(Math.max(0, (r + 0.003) ** 2 - x * x)) + z])
          .move(0, h * 0.5)
          .of('label', 'paper'),
        cylinder(r * 0.96, 0.04).of('foot', 'rubber'),
        ...(kind === 'wheeled' ? [cart.of('wheels', 'rubber'), push.of('handle', 'metal')] : []),
      )
    },
  },
  {
    name: 'fire_hydrant',
    build(random) {
      const kind = random.cycle(['dome', 'hex', 'tall', 'twin', 'pillar'])
      const [r, h] = [random.spread(0.13, 0.17), kind === 'tall' ? 0.85 : random.spread(0.5, 0.64)]
      const segments = kind === 'hex' ? 8 : 20
      const flange = (y: number, radius: number) => cylinder(radius, 0.045, { segments }).move(0, y)
      const bolts = (y: number, radius: number) =>
        cylinder(0.017, 0.03, { segments: 6 }).move(0, y, radius).around(8, { start: 22 })
      const barrel = lathe(xy([r, 0.03, r * 0.92, 0.08, r * 0.92, h]), { segments, crease: kind === 'hex' ? 10 : 46 })
      const bonnet: Record<string, Solid> = {
        dome: lathe(curve(xy([r, h, r * 0.9, h + 0.1, r * 0.5, h + 0.17, 0.05, h + 0.19]), { steps: 2 })),
        hex: lathe(xy([r * 1.05, h, r * 0.7, h + 0.14, 0.06, h + 0.18]), { segments: 8, crease: 10 }),
        tall: lathe(curve(xy([r * 0.95, h, r * 0.95, h + 0.05, r * 0.6, h + 0.11, 0.05, h + 0.12]), { steps: 2 })),
        twin: lathe(curve(xy([r, h, r * 1.05, h + 0.06, r * 0.6, h + 0.14, 0.05, h + 0.16]), { steps: 2 })),
        pillar: lathe(xy([r * 1.1, h, r * 1.1, h + 0.06, 0.06, h + 0.13])),
      }
      const outlet = (size: number) =>
        cylinder(size, 0.1, { segments: 14 }).and(
          cylinder(size * 1.25, 0.03, { segments: 14 }).move(0, 0.04),
          cylinder(size * 0.9, 0.05, { segments: 8 }).move(0, 0.1),
          cylinder(0.025, 0.03, { segments: 5 }).move(0, 0.15),
        )
      const side = outlet(0.055)
        .turn('z', -90)
        .move(r * 0.85, h * 0.75)
      const front = outlet(kind === 'twin' ? 0.055 : 0.075)
        .turn('x', 90)
        .move(0, h * (kind === 'pillar' ? 0.45 : 0.68), r * 0.85)
      const chain = tube(curve(xyz([r, h * 0.85, 0, r + 0.09, h * 0.55, 0.02, r + 0.12, h * 0.7, 0.01]), { steps: 4 }), 0.008, {
        sides: 5,
      })
      const outlets =
        kind === 'twin'
          ? [front.move(-0.07).turn('y', 28).and(front.move(0.07).turn('y', -28))]
          : kind === 'pillar'
            ? [front]
            : [side.mirrored('x'), front]
      return union(
        flange(0, r * 1.35)
          .and(bolts(0.04, r * 1.17), barrel, flange(h - 0.03, r * 1.2), ...(kind === 'hex' ? [flange(h * 0.45, r * 1.15)] : []))
          .of('body', 'paint'),
        bonnet[kind]!.and(
          cylinder(0.035, 0.07, { segments: 5 }).move(0, h + (kind === 'tall' ? 0.11 : kind === 'pillar' ? 0.11 : 0.15)),
        ).of('bonnet', 'paint'),
        union(...outlets).of('outlets', 'paint'),
        ...(kind === 'pillar' ? [] : [chain.of('chain', 'metal')]),
      )
    },
  },
  {
    name: 'mailbox',
    build(random) {
      const kind = random.cycle(['tunnel', 'pillar', 'wall', 'street', 'house'])
      const h = random.spread(0.9, 1.15)
      const flag = block([0.13, 0, -0.02], [0.145, 0.2, 0.02]).and(block([0.13, 0.13, -0.02], [0.145, 0.2, 0.09]))
      const tunnel = prism(arched(0.12, 0.26), 0.48)
      const post = block([-0.05, 0, -0.05], [0.05, h, 0.05])
      if (kind === 'tunnel')
        return union(
          post.of('post', 'wood'),
          tunnel
            .and(prism(arched(0.125, 0.265), 0.02).move(0, 0, 0.24), handle('knob', 0.07).move(0, 0.2, 0.25))
            .move(0, h)
            .of('box', 'paint'),
          flag.move(0, h + 0.12, -0.05).of('flag', 'paint', [0.6, 0.02, 0.02]),
        )
      if (kind === 'pillar')
        return union(
          lathe(
            curve(xy([0.27, 0.06, 0.24, 0.1, 0.24, h * 1.1, 0.28, h * 1.14, 0.28, h * 1.19, 0.15, h * 1.28, 0, h * 1.3]), {
              steps: 2,
            }),
          )
            .and(block([-0.11, h * 0.55, 0.18], [0.11, h * 0.8, 0.245]))
            .of('box', 'paint', [0.6, 0.02, 0.02]),
          cylinder(0.28, 0.08).of('foot', 'paint', [0.02, 0.02, 0.02]),
          block([-0.13, h * 0.93, 0.2], [0.13, h * 0.98, 0.25], 0.01).of('slot', 'metal', [0.02, 0.02, 0.02]),
        )
      if (kind === 'wall')
        return union(
          prism(xy([-0.1, 0, 0.08, 0, 0.1, 0.32, -0.1, 0.42]), 0.36)
            .turn('y', -90)
            .of('box', 'metal'),
          prism(xy([-0.11, 0.43, 0.13, 0.32, 0.13, 0.3, -0.11, 0.41]), 0.4)
            .turn('y', -90)
            .of('lid', 'metal'),
          block([-0.1, 0.12, 0.09], [0.1, 0.2, 0.1]).of('window', 'glass'),
          tube(curve(xyz([0, 0, 0.06, 0, -0.1, 0.1, 0, -0.1, 0.16, 0, -0.05, 0.15]), { steps: 3 }), 0.012)
            .move(0.12)
            .mirrored('x')
            .of('hooks', 'metal'),
          block([-0.09, 0.33, -0.02], [0.08, 0.5, 0]).turn('z', 6).of('letter', 'paper'),
        )
      if (kind === 'street')
        return union(
          prism(arched(0.25, 0.75), 0.46).turn('y', 90).move(0, 0.2).of('box', 'paint', [0.02, 0.06, 0.3]),
          union(
            ...[-1, 1].flatMap((i) =>
              [-1, 1].map((j) => block([i * 0.19 - 0.025, 0, j * 0.19 - 0.025], [i * 0.19 + 0.025, 0.25, j * 0.19 + 0.025])),
            ),
          ).of('legs', 'metal'),
          block([-0.17, 0.62, 0.15], [0.17, 0.74, 0.27], 0.012)
            .and(handle('bar', 0.08).move(0, 0.66, 0.26))
            .of('flap', 'metal'),
        )
      return union(
        post.of('post', 'wood'),
        block([-0.2, h, -0.15], [0.2, h + 0.24, 0.15]).of('box', 'wood'),
        prism(xy([-0.27, 0, 0, 0.2, 0.27, 0, 0.27, 0.03, 0, 0.235, -0.27, 0.03]), 0.4)
          .move(0, h + 0.22)
          .and(prism(xy([-0.2, 0, 0.2, 0, 0, 0.15]), 0.3).move(0, h + 0.24))
          .of('roof', 'wood'),
        block([-0.13, h + 0.14, 0.145], [0.13, h + 0.17, 0.16])
          .and(sphere(0.02, { segments: 8, rings: 5 }).move(0, h + 0.06, 0.16))
          .of('slot', 'metal', [0.03, 0.03, 0.03]),
      )
    },
  },
]
