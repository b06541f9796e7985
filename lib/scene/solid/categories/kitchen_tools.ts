// Small machines of the kitchen.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  loft,
  type Point2,
  prism,
  rectangle,
  sphere,
  superellipse,
  sweep,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block, dial } from './joinery.js'

export const kitchenTools: readonly Category[] = [
  {
    name: 'blender',
    build(random) {
      const kind = random.cycle(['classic', 'square', 'bullet', 'wide', 'bell'])
      const jar = random.spread(0.55, 0.75)
      const r = kind === 'bullet' ? 0.14 : 0.17
      const section = kind === 'square' ? superellipse(1, 1, 5, 24) : ellipse(1, 1, 24)
      const layers = (list: readonly Point2[]) => loft(list.map(([size, y]) => ({ outline: section, y, size })))
      const base =
        kind === 'bell'
          ? lathe(curve(xy([0.27, 0, 0.26, 0.06, 0.17, 0.2, 0.14, 0.34]), { steps: 2 }))
          : layers(xy([0.24, 0, 0.25, 0.04, 0.2, 0.24, 0.13, 0.34]))
      const top = 0.36 + jar
      const glass =
        kind === 'bullet'
          ? lathe(curve(xy([0.16, 0.34, 0.15, 0.5, 0.15, top - 0.08, 0.1, top, 0, top + 0.02]), { steps: 2 }))
          : layers(xy([0.12, 0.34, r * 0.8, 0.4, r * (kind === 'wide' ? 1.5 : 1.2), top]))
      const lid = layers(xy([r * (kind === 'wide' ? 1.55 : 1.26), top, r * 1.22, top + 0.05])).and(
        cylinder(0.06, 0.06, { segments: 14 }).move(0, top + 0.05),
      )
      const hold = tube(
        curve(xyz([r * 0.9, 0.46, 0, r * 0.9 + 0.14, 0.5, 0, r * 1.1 + 0.12, top - 0.1, 0, r * 1.1, top - 0.06, 0]), {
          steps: 3,
        }),
        0.028,
      )
      return union(
        base.of('base', 'plastic'),
        glass.of('jar', 'glass'),
        ...(kind === 'bullet' ? [] : [lid.of('lid', 'plastic'), hold.of('handle', 'glass')]),
        dial(0.05).turn('x', -14).move(0, 0.14, 0.22).of('knob', 'plastic'),
        layers(xy([0.145, 0.32, 0.145, 0.37])).of('collar', 'metal'),
      )
    },
  },
  {
    name: 'coffee_maker',
    build(random) {
      const kind = random.cycle(['drip', 'espresso', 'pod', 'tall', 'press'])
      const w = random.spread(0.17, 0.24)
      const jug = vessel(curve(xy([0.11, 0, 0.15, 0.05, 0.16, 0.14, 0.11, 0.24, 0.12, 0.27]), { steps: 2 }), 0.01).and(
        cylinder(0.115, 0.02).move(0, 0.265),
      )
      const loop = tube(curve(xyz([0.12, 0.23, 0, 0.24, 0.22, 0, 0.23, 0.08, 0, 0.15, 0.06, 0]), { steps: 3 }), 0.018)
      const pot = jug.of('jug', 'glass').and(loop.of('handle', 'plastic'))
      if (kind === 'press') {
        const frame = union(
          torus(0.17, 0.012, { sides: 6 }).move(0, 0.05),
          torus(0.17, 0.012, { sides: 6 }).move(0, 0.5),
          bar([0.17, 0, 0], [0.17, 0.5, 0], 0.012, 6).around(4, { start: 45 }),
        )
        return union(
          vessel(xy([0.16, 0.02, 0.16, 0.56]), 0.012).of('jug', 'glass'),
          lathe(curve(xy([0.17, 0.56, 0.17, 0.6, 0.1, 0.65, 0, 0.67]), { steps: 2 }))
            .and(
              bar([0, 0.66, 0], [0, 0.85, 0], 0.01, 6),
              sphere(0.035, { segments: 10, rings: 6 }).move(0, 0.87),
              cylinder(0.145, 0.02).move(0, 0.3),
            )
            .of('plunger', 'metal'),
          frame.of('frame', 'metal'),
          tube(curve(xyz([0.17, 0.48, 0, 0.32, 0.46, 0, 0.31, 0.14, 0, 0.17, 0.1, 0]), { steps: 3 }), 0.022).of(
            'handle',
            'plastic',
          ),
        )
      }
      if (kind === 'pod')
        return union(
          sweep(
            rectangle(0.24, 0.22, 0.06, 3),
            curve(xyz([0, 0.03, -0.1, 0, 0.3, -0.14, 0, 0.52, -0.06, 0, 0.56, 0.16]), { steps: 4 }),
          ).of('body', 'plastic'),
          cylinder(0.14, 0.05, { round: 0.015 }).move(0, 0, 0.14).of('tray', 'metal'),
          cylinder(0.03, 0.08, { segments: 10 }).move(0, 0.38, 0.16).of('spout', 'metal'),
          vessel(xy([0.05, 0.05, 0.065, 0.17]), 0.008)
            .move(0, 0, 0.14)
            .of('cup', 'ceramic'),
          box(0.16, 0.36, 0.14, 0.03).move(0, 0.24, -0.28).of('tank', 'glass'),
        )
      if (kind === 'espresso') {
        const wide = w + 0.1
        const hold = bar([0, 0.34, 0.2], [0, 0.32, 0.48], 0.022)
        return union(
          block([-wide, 0, -0.25], [wide, 0.07, 0.28], 0.01)
            .and(block([-wide, 0.05, -0.25], [wide, 0.62, -0.02], 0.01), block([-wide, 0.45, -0.1], [wide, 0.62, 0.22], 0.01))
            .of('body', 'metal'),
          cylinder(0.07, 0.1, { segments: 16 }).move(-0.08, 0.36, 0.12).and(hold.move(-0.08)).of('group', 'metal'),
          tube(curve(xyz([wide - 0.08, 0.45, 0.16, wide - 0.05, 0.3, 0.22, wide - 0.05, 0.14, 0.26]), { steps: 3 }), 0.012).of(
            'wand',
            'metal',
          ),
          dial(0.04)
            .move(wide - 0.1, 0.54, 0.22)
            .and(dial(0.03).move(0, 0.54, 0.22), cylinder(0.05, 0.012, { segments: 16 }).turn('x', 90).move(-0.16, 0.54, 0.22))
            .of('knobs', 'plastic'),
          ...[0, 1].map((i) =>
            vessel(xy([0.045, 0.07, 0.06, 0.16]), 0.008)
              .move(-0.14 + 0.13 * i, 0, 0.12)
              .of('cups', 'ceramic'),
          ),
          block([-wide + 0.04, 0.62, -0.2], [wide - 0.04, 0.66, 0.1]).of('rack', 'metal'),
        )
      }
      const high = kind === 'tall' ? 0.78 : 0.62
      return union(
        block([-w, 0, -0.24], [w, 0.06, 0.24], 0.02)
          .and(
            block([-w, 0.03, -0.24], [w, high, -0.06], 0.02),
            kind === 'tall'
              ? cylinder(w, 0.26, { round: 0.03 })
                  .scale(1, 1, 1.1)
                  .move(0, high - 0.2, 0.02)
              : block([-w, high - 0.2, -0.2], [w, high, 0.22], 0.03),
          )
          .of('body', 'plastic'),
        lathe(xy([0.06, 0.36, 0.12, 0.46]), { segments: 16 })
          .move(0, high - 0.62, 0.06)
          .of('filter', 'plastic'),
        pot.turn('y', -50).move(0, 0.06, 0.07),
        block([-0.03, 0.02, 0.235], [0.03, 0.045, 0.25]).of('switch', 'plastic'),
      )
    },
  },
  {
    name: 'mixer',
    build(random) {
      const kind = random.cycle(['stand', 'tilted', 'hand', 'bowl', 'retro'])
      const r = random.spread(0.19, 0.24)
      const whisk = union(
        ...[0, 60, 120].map((a) =>
          tube(
            curve(xyz([0.01, 0, 0, 0.08, -0.12, 0, 0.05, -0.22, 0, -0.05, -0.22, 0, -0.08, -0.12, 0, -0.01, 0, 0]), { steps: 2 }),
            0.006,
            { sides: 5 },
          ).turn('y', a),
        ),
        bar([0, 0, 0], [0, 0.08, 0], 0.014, 6),
      )
      if (kind === 'hand') {
        const body = tube(
          curve(xyz([0, 0.02, 0.25, 0, 0.03, 0.05, 0, 0.02, -0.2]), { steps: 3 }),
          (t) => 0.07 + 0.03 * Math.sin(Math.PI * t),
          { round: true, sides: 12 },
        )
        const hold = tube(curve(xyz([0, 0.05, 0.22, 0, 0.2, 0.2, 0, 0.22, -0.1, 0, 0.06, -0.24]), { steps: 3 }), 0.032)
        return union(
          body.and(hold).of('body', 'plastic'),
          whisk
            .scale(1, 1.3, 1)
            .move(0.055, -0.1, 0.12)
            .and(whisk.scale(1, 1.3, 1).move(-0.055, -0.1, 0.12))
            .of('whisks', 'metal'),
        )
      }
      const head = tube(
        curve(xyz([0, 0, 0.3, 0, 0.02, 0.1, 0, 0.03, -0.1, 0, 0, -0.28]), { steps: 3 }),
        (t) => (kind === 'retro' ? 0.1 : 0.085) + 0.03 * Math.sin(Math.PI * t),
        { round: true, sides: 12 },
      )
      const post =
        kind === 'retro'
          ? lathe(curve(xy([0.13, 0, 0.09, 0.12, 0.07, 0.3, 0.08, 0.42]), { steps: 2 })).move(0, 0.04, -0.2)
          : loft([
              { outline: superellipse(0.13, 0.1, 3), y: 0.03 },
              { outline: superellipse(0.08, 0.08, 3), y: 0.25 },
              { outline: superellipse(0.08, 0.1, 3), y: 0.45 },
            ]).move(0, 0, -0.2)
      const foot = prism(rectangle(0.36, 0.72, 0.15, 4), 0.05, { bevel: 0.01 })
        .turn('x', -90)
        .move(0, 0.025, 0)
      const bowl = vessel(curve(xy([r * 0.5, 0, r * 0.85, 0.06, r, 0.18, r * 1.02, 0.25]), { steps: 2 }), 0.012).move(
        0,
        0.05,
        0.14,
      )
      const tilt = kind === 'tilted' ? -32 : 0
      const top = head
        .and(dial(0.04).turn('y', 90).move(0.09, 0, -0.1))
        .of('head', 'paint')
        .and(
          whisk.move(0, -0.12, 0.14).of('whisk', 'metal'),
          ...(kind === 'retro' ? [torus(0.09, 0.015, { sides: 6 }).turn('x', 90).move(0, 0, 0.3).of('trim', 'metal')] : []),
        )
      return union(
        foot.and(post).of('body', 'paint'),
        bowl.of('bowl', kind === 'bowl' ? 'glass' : 'metal'),
        top.move(0, 0, 0.2).turn('x', tilt).move(0, 0.52, -0.2),
        ...(kind === 'bowl'
          ? [
              tube(
                curve(xyz([r, 0.27, 0.14, r + 0.12, 0.25, 0.14, r + 0.1, 0.13, 0.14, r * 0.95, 0.12, 0.14]), { steps: 3 }),
                0.014,
              ).of('bowl', 'glass'),
            ]
          : []),
      )
    },
  },
  {
    name: 'toaster',
    build(random) {
      const kind = random.cycle(['classic', 'round', 'four', 'slanted', 'retro'])
      const slots = kind === 'four' ? 4 : 2
      const bread = random.cycle([true, false, true, true, false])
      const [l, h] = [random.spread(0.3, 0.38), random.spread(0.2, 0.26)]
      const w = slots === 4 ? 0.24 : 0.13
      const outline: Record<string, Point2[]> = {
        classic: rectangle(2 * w, h, 0.06, 4),
        round: superellipse(w, h / 2, 3.5, 28),
        four: rectangle(2 * w, h, 0.03, 3),
        slanted: xy([-w, -h / 2, w, -h / 2, w * 0.7, h / 2, -w * 0.7, h / 2]),
        retro: [
          [-w, -h / 2],
          [w, -h / 2],
          ...curve(xy([w, -h * 0.2, w * 0.75, h * 0.3, 0, h * 0.55, -w * 0.75, h * 0.3, -w, -h * 0.2]), { steps: 3 }),
        ],
      }
      const body = prism(outline[kind]!, 2 * l, { bevel: 0.02 }).turn('y', 90)
      const zs = slots === 4 ? [-0.16, -0.055, 0.055, 0.16] : [-0.05, 0.05]
      const slot = (z: number) =>
        block([-l * 0.72, h * 0.47, z - 0.022], [l * 0.72, h * 0.53, z + 0.022]).and(
          ...(kind === 'retro' ? [block([-l * 0.72, h * 0.4, z - 0.022], [l * 0.72, h * 0.57, z + 0.022])] : []),
        )
      const slice = prism(
        [
          [-0.17, -0.1],
          [0.17, -0.1],
          [0.17, 0.1],
          ...curve(xy([0.17, 0.1, 0.2, 0.15, 0.14, 0.2, 0, 0.22, -0.14, 0.2, -0.2, 0.15, -0.17, 0.1]), { steps: 2 }).slice(1),
        ],
        0.03,
        { bevel: 0.006 },
      )
      return union(
        body.of('body', random.cycle(['metal', 'plastic', 'metal', 'paint', 'metal'])),
        union(...zs.map(slot)).of('slots', 'metal', [0.02, 0.02, 0.02]),
        block([l, -h * 0.05, -0.03], [l + 0.05, h * 0.08, 0.03], 0.01)
          .and(
            dial(0.028)
              .turn('y', 90)
              .move(l, -h * 0.3),
            block([l - 0.005, -h * 0.3, -0.006], [l + 0.012, h * 0.3, 0.006]),
          )
          .of('lever', 'plastic'),
        ...(bread ? zs.slice(0, 2).map((z, i) => slice.move(i * 0.03, h / 2 + 0.09 - 0.11 * i, z).of('bread', 'bread')) : []),
        block([-l * 0.9, -h / 2 - 0.03, -w * 0.85], [l * 0.9, -h / 2 + 0.02, w * 0.85]).of('base', 'plastic'),
      )
    },
  },
]
