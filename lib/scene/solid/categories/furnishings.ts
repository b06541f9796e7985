// Things that stand and hang about in rooms.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  lathe,
  type Point2,
  prism,
  rectangle,
  type Solid,
  superellipse,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block } from './joinery.js'

export const furnishings: readonly Category[] = [
  {
    name: 'coat_rack',
    build(random) {
      const kind = random.cycle(['classic', 'tree', 'rail', 'bamboo', 'pegs'])
      const high = random.spread(1.6, 1.9)
      const hook = tube(curve(xyz([0, 0, 0.02, 0, -0.03, 0.12, 0, 0.06, 0.2, 0, 0.12, 0.17]), { steps: 3 }), 0.012, {
        round: true,
        sides: 6,
      })
      const curl = tube(curve(xyz([0, 0, 0, 0, 0.14, 0.08, 0, 0.2, 0.18, 0, 0.14, 0.25, 0, 0.08, 0.2]), { steps: 3 }), 0.014, {
        sides: 6,
      })
      const post = lathe(
        xy([
          0.03,
          0,
          0.03,
          high * 0.5,
          0.045,
          high * 0.52,
          0.028,
          high * 0.55,
          0.028,
          high - 0.08,
          0.045,
          high - 0.05,
          0.02,
          high,
          0,
          high + 0.02,
        ]),
        { segments: 12 },
      )
      if (kind === 'classic')
        return union(
          post
            .and(tube(curve(xyz([0, 0.45, 0.02, 0, 0.3, 0.16, 0, 0.08, 0.18, 0, 0, 0.32]), { steps: 3 }), 0.018).around(4))
            .of('post', 'wood'),
          curl
            .move(0, high - 0.25)
            .around(6)
            .and(torus(0.2, 0.012, { sides: 6 }).move(0, high * 0.42))
            .of('hooks', 'wood'),
        )
      if (kind === 'tree')
        return union(
          bar([0, 0, 0], [0, high, 0], 0.03)
            .and(
              ...[0, 1, 2, 3, 4, 5, 6].map((i) =>
                bar([0, high * (0.5 + 0.065 * i), 0], [0, high * (0.5 + 0.065 * i) + 0.13, 0.24 - 0.015 * i], 0.013, 6).turn(
                  'y',
                  i * 137,
                ),
              ),
            )
            .of('post', 'wood'),
          cylinder(0.2, 0.03, { round: 0.01 }).of('foot', 'metal'),
        )
      if (kind === 'rail') {
        const frame = tube(
          curve(xyz([-0.55, 0.03, 0, -0.55, high - 0.1, 0, -0.45, high, 0, 0.45, high, 0, 0.55, high - 0.1, 0, 0.55, 0.03, 0]), {
            steps: 2,
          }),
          0.018,
        )
        const hanger = tube(
          curve(
            xyz([0, high + 0.01, 0, 0, high - 0.06, 0.02, 0, high - 0.16, 0.2, 0, high - 0.17, -0.2, 0, high - 0.06, -0.02]),
            { steps: 2 },
          ),
          0.01,
          { sides: 5 },
        )
        const coat = prism(xy([-0.1, 0, 0.1, 0, 0.24, -0.12, 0.27, -0.75, -0.27, -0.75, -0.24, -0.12]), 0.1, { bevel: 0.03 })
          .turn('y', 90)
          .move(0, high - 0.08)
        return union(
          frame
            .and(bar([-0.55, 0.2, 0], [0.55, 0.2, 0], 0.015), bar([-0.55, 0.03, -0.25], [-0.55, 0.03, 0.25], 0.02).mirrored('x'))
            .of('frame', 'metal'),
          hanger.repeat(5, [0.16, 0, 0]).of('hooks', 'metal'),
          coat
            .move(-0.16)
            .and(coat.scale(1, 0.8, 1).move(0.1, high * 0.2))
            .of('clothes', 'cloth'),
        )
      }
      if (kind === 'bamboo')
        return union(
          bar([0.26, 0, 0.15], [-0.1, high, -0.06], 0.022).around(3).of('post', 'wood'),
          hook
            .move(0, high * 0.82)
            .around(3, { start: 60 })
            .and(torus(0.06, 0.015, { sides: 6 }).move(0, high * 0.7))
            .of('hooks', 'wood'),
        )
      return union(
        block([-0.03, 0, -0.03], [0.03, high, 0.03])
          .and(block([-0.3, 0, -0.03], [0.3, 0.05, 0.03]), block([-0.03, 0, -0.3], [0.03, 0.05, 0.3]))
          .of('post', 'wood'),
        ...[0.95, 0.8, 0.65].map((share, i) =>
          bar([-0.22, 0.09, 0], [0, 0, 0], 0.015)
            .and(bar([0.22, 0.09, 0], [0, 0, 0], 0.015))
            .turn('y', i * 90)
            .move(0, high * share)
            .of('hooks', 'wood'),
        ),
        torus(0.17, 0.01, { sides: 6 }).move(0, 0.5).of('hooks', 'wood'),
      )
    },
  },
  {
    name: 'folding_screen',
    build(random) {
      const kind = random.cycle(['lattice', 'arch', 'plain', 'louvre', 'round'])
      const count = random.cycle([3, 4, 3, 5, 4])
      const [w, high] = [random.spread(0.4, 0.52), 1.7]
      const half = w / 2
      const frame = union(
        block([half - 0.04, 0, -0.015], [half, high, 0.015]).mirrored('x'),
        ...[0.08, high - 0.04].map((y) => block([-half, y, -0.015], [half, y + 0.04, 0.015])),
      )
      const lattice = union(
        frame,
        ...[-0.33, 0.33].map((s) => block([s * half - 0.008, 0.1, -0.01], [s * half + 0.008, high - 0.03, 0.01])),
        ...[0.2, 0.4, 0.6, 0.8].map((t) => block([-half, t * high, -0.01], [half, t * high + 0.016, 0.01])),
      )
      const louvre = union(
        frame,
        box(w - 0.06, 0.015, 0.08)
          .turn('x', 40)
          .move(0, 0.2)
          .repeat(14, [0, 0.105, 0], 'start'),
      )
      const top = (height: number): Point2[] => [
        [-half, 0],
        [half, 0],
        ...arc(0, high - height, half, 0, 180, 10).map(
          ([x, y]): Point2 => [x, high - height + ((y - high + height) * height) / half],
        ),
      ]
      const holes = [rectangle(w - 0.1, high * 0.32, 0.02, 1).map(([x, y]) => [x, y + high * 0.68] as const)]
      const panels: Record<string, Solid> = {
        lattice: union(
          lattice.of('frame', 'wood'),
          block([-half + 0.02, 0.1, -0.004], [half - 0.02, high - 0.02, 0.004]).of('panel', 'paper'),
        ),
        arch: prism(top(0.2), 0.03, { holes })
          .of('frame', 'wood')
          .and(block([-half + 0.03, high * 0.5, -0.004], [half - 0.03, high * 0.86, 0.004]).of('panel', 'cloth')),
        plain: union(
          frame.of('frame', 'wood'),
          block([-half + 0.02, 0.1, -0.006], [half - 0.02, high - 0.02, 0.006]).of('panel', 'cloth'),
        ),
        louvre: louvre.of('frame', 'wood'),
        round: prism(top(half), 0.03)
          .of('panel', 'cloth')
          .and(block([-half, 0, -0.02], [half, 0.1, 0.02]).of('frame', 'wood')),
      }
      const angle = random.spread(25, 50)
      const step = w * Math.cos((angle * Math.PI) / 180)
      return union(
        ...Array.from({ length: count }, (_, i) =>
          panels[kind]!.turn('y', i % 2 ? angle : -angle).move((i - (count - 1) / 2) * step),
        ),
      )
    },
  },
  {
    name: 'mirror',
    build(random) {
      const kind = random.cycle(['standing', 'oval', 'sun', 'arch', 'hand'])
      const frame = (outline: readonly Point2[], share: number) =>
        union(
          prism(outline, 0.05, { bevel: 0.015 }).of('frame', 'wood'),
          prism(
            outline.map(([x, y]) => [x * share, y * share] as const),
            0.02,
          )
            .move(0, 0, 0.025)
            .of('mirror', 'glass'),
        )
      const [w, h] = [random.spread(0.22, 0.34), random.spread(0.62, 0.85)]
      if (kind === 'standing') {
        const post = lathe(xy([0.03, 0, 0.03, 0.8, 0.045, 0.84, 0.03, 0.88, 0.03, 1.25, 0.045, 1.3, 0, 1.36]), {
          segments: 10,
        }).move(w + 0.09)
        const foot = tube(curve(xyz([0, 0.12, 0, 0, 0.1, 0.12, 0, 0.02, 0.3]), { steps: 3 }), 0.022)
          .mirrored('z')
          .move(w + 0.09)
        return union(
          frame(rectangle(2 * w, 2 * h * 0.8, 0.03), 0.86)
            .turn('x', -8)
            .move(0, 0.82),
          post
            .and(foot, bar([w + 0.09, 0.86, 0], [w, 0.86, 0], 0.015))
            .mirrored('x')
            .and(bar([-w - 0.09, 0.2, 0], [w + 0.09, 0.2, 0], 0.02))
            .of('stand', 'wood'),
        )
      }
      if (kind === 'sun')
        return union(
          frame(superellipse(w, w, 2, 28), 0.82),
          prism(xy([-0.03, w * 0.9, 0.03, w * 0.9, 0, w * 1.7]), 0.02)
            .around(16, { axis: 'z' })
            .of('rays', 'metal'),
        )
      if (kind === 'arch') return frame([[-w, 0], [w, 0], ...arc(0, h * 1.2, w, 0, 180, 14)], 0.86)
      if (kind === 'hand')
        return union(
          frame(superellipse(w * 0.8, w, 2, 28), 0.84),
          lathe(xy([0.03, 0, 0.045, 0.06, 0.025, 0.2, 0.03, 0.36, 0.05, 0.42]), { segments: 10 })
            .move(0, -w - 0.4)
            .of('frame', 'wood'),
        )
      return union(
        frame(superellipse(w, h * 0.7, 2, 32), 0.84),
        torus(0.05, 0.014, { segments: 14, sides: 6 })
          .turn('x', 90)
          .move(0, h * 0.7 + 0.05)
          .of('hook', 'metal'),
      )
    },
  },
  {
    name: 'trash_can',
    build(random) {
      const kind = random.cycle(['ribbed', 'pedal', 'wheeled', 'swing', 'wire'])
      const [r, h] = [random.spread(0.17, 0.23), random.spread(0.5, 0.68)]
      if (kind === 'ribbed') {
        const wall = Array.from({ length: 9 }, (_, i): Point2 => [r * (0.85 + (0.15 * i) / 8) + (i % 2 ? 0.012 : 0), (h * i) / 8])
        const grip = tube(curve(xyz([0, 0, -0.05, 0, 0.05, -0.045, 0, 0.05, 0.045, 0, 0, 0.05]), { steps: 3 }), 0.01, {
          sides: 6,
        })
        return union(
          lathe(wall).of('can', 'metal'),
          lathe(curve(xy([r * 1.07, h, r * 1.07, h + 0.03, r * 0.7, h + 0.1, 0, h + 0.12]), { steps: 2 }))
            .and(grip.move(0, h + 0.11))
            .of('lid', 'metal'),
          grip
            .turn('z', -90)
            .move(r * 0.98, h * 0.75)
            .mirrored('x')
            .of('handles', 'metal'),
        )
      }
      if (kind === 'pedal')
        return union(
          cylinder(r, h, { round: 0.02 }).of('can', 'metal'),
          lathe(curve(xy([r * 1.02, h, r * 1.02, h + 0.04, r * 0.7, h + 0.09, 0, h + 0.1]), { steps: 2 }))
            .move(0, -h, r)
            .turn('x', -24)
            .move(0, h, -r)
            .of('lid', 'metal'),
          block([-0.05, 0.02, r * 0.8], [0.05, 0.04, r + 0.09], 0.008)
            .and(cylinder(r * 1.04, 0.05))
            .of('pedal', 'plastic'),
        )
      if (kind === 'wheeled')
        return union(
          box(0.5, h * 1.4, 0.5)
            .taper('y', 0.78, 1)
            .stand(0.03)
            .of('can', 'plastic'),
          box(0.54, 0.07, 0.58, 0.03)
            .move(0, h * 1.4 + 0.06, 0.01)
            .of('lid', 'plastic'),
          bar([-0.24, h * 1.35, -0.3], [0.24, h * 1.35, -0.3], 0.02)
            .and(block([-0.22, h * 1.32, -0.3], [-0.19, h * 1.38, -0.2]).mirrored('x'))
            .of('handles', 'plastic'),
          cylinder(0.1, 0.05, { segments: 16 }).turn('z', 90).move(0.26, 0.1, -0.2).mirrored('x').of('wheels', 'rubber'),
        )
      if (kind === 'swing')
        return union(
          prism(rectangle(2 * r, 1.6 * r, 0.04), h)
            .turn('x', 90)
            .move(0, h / 2)
            .taper('y', 0.8, 1)
            .of('can', 'plastic'),
          prism(xy([-r, 0, r, 0, r * 0.5, 0.2, -r * 0.5, 0.2]), 1.62 * r)
            .move(0, h)
            .of('lid', 'plastic'),
          block([-r * 0.62, 0.02, r * 0.8], [r * 0.62, 0.15, r * 0.83])
            .move(0, h)
            .of('flap', 'metal'),
        )
      const ring = (y: number) => torus(r * (0.75 + (0.3 * y) / h), 0.012, { segments: 20, sides: 6 }).move(0, y)
      return union(
        union(ring(0.01), ring(h * 0.5), ring(h), bar([r * 0.75, 0, 0], [r * 1.05, h, 0], 0.007, 5).around(20)).of(
          'can',
          'metal',
        ),
        cylinder(r * 0.76, 0.015).of('floor', 'metal'),
      )
    },
  },
]
