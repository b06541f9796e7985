// Machines of the office.
import type { Category } from '../category.js'
import { box, curve, cylinder, prism, rectangle, type Solid, sphere, superellipse, tube, union } from '../kit/index.js'
import { bar, block } from './joinery.js'
import { xy, xyz } from './points.js'

export const office: readonly Category[] = [
  {
    name: 'computer',
    build(random) {
      const kind = random.cycle(['tower', 'tube', 'desktop', 'single', 'twin'])
      const w = random.spread(0.26, 0.34)
      const flat = (width: number) =>
        union(
          block([-width, 0.16, -0.02], [width, 0.16 + width * 1.15, 0.02], 0.008)
            .and(bar([0, 0.02, -0.03], [0, 0.3, -0.03], 0.03))
            .of('case', 'plastic'),
          block([-width + 0.02, 0.18, 0.015], [width - 0.02, 0.14 + width * 1.15, 0.025]).of(
            'screen',
            'glass',
            [0.01, 0.01, 0.02],
          ),
          prism(superellipse(0.13, 0.1, 3), 0.02)
            .turn('x', -90)
            .move(0, 0.01)
            .of('case', 'plastic'),
        )
      const tubeScreen = union(
        box(2 * w, 1.7 * w, 0.16, 0.02)
          .move(0, w + 0.06, 0.02)
          .and(
            box(1.7 * w, 1.45 * w, 0.3)
              .taper('z', 0.55, 1)
              .move(0, w + 0.05, -0.2),
            cylinder(0.13, 0.06, { top: 0.09 }),
          )
          .of('case', 'plastic'),
        box(1.7 * w, 1.32 * w, 0.05, 0.02)
          .move(0, w + 0.09, 0.085)
          .of('screen', 'glass', [0.02, 0.03, 0.03]),
      )
      const keys = union(
        ...[0, 1, 2, 3].map((row) =>
          union(
            ...Array.from({ length: row === 3 ? 5 : 12 }, (_, i) =>
              block(
                [-0.245 + i * 0.041 + (row === 3 && i > 2 ? 0.2 : 0), 0.03, -0.065 + row * 0.036],
                [-0.211 + i * 0.041 + (row === 3 && i > 1 ? 0.2 : 0), 0.042, -0.035 + row * 0.036],
              ),
            ),
          ),
        ),
      )
      const board = prism(xy([-0.09, 0, 0.1, 0, 0.1, 0.018, -0.09, 0.034]), 0.54).turn('y', -90)
      const keyboard = union(board.of('keyboard', 'plastic'), keys.of('keys', 'plastic')).move(-0.04, 0, 0.36)
      const mouse = sphere(1, { segments: 12, rings: 6 })
        .scale(0.035, 0.028, 0.06)
        .move(0.34, 0.012, 0.36)
        .and(tube(curve(xyz([0.34, 0.02, 0.3, 0.36, 0.01, 0.2, 0.3, 0.01, 0.1]), { steps: 3 }), 0.005, { sides: 5 }))
      const tower = union(
        block([-0.1, 0, -0.24], [0.1, 0.46, 0.22], 0.01).of('case', 'plastic'),
        block([-0.08, 0.34, 0.215], [0.08, 0.38, 0.23])
          .and(
            block([-0.08, 0.4, 0.215], [0.08, 0.43, 0.23]),
            cylinder(0.02, 0.015, { segments: 12 }).turn('x', 90).move(0, 0.27, 0.215),
            ...[0, 1, 2, 3].map((i) => block([-0.07, 0.05 + 0.035 * i, 0.215], [0.07, 0.065 + 0.035 * i, 0.228])),
          )
          .of('drives', 'plastic'),
      )
      const base = union(
        block([-0.27, 0, -0.22], [0.27, 0.13, 0.22], 0.01).of('case', 'plastic'),
        block([0.03, 0.07, 0.215], [0.23, 0.1, 0.23])
          .and(block([0.03, 0.025, 0.215], [0.23, 0.05, 0.23]))
          .of('drives', 'plastic'),
      )
      const desk: Record<string, Solid[]> = {
        tower: [flat(w), tower.move(w + 0.2, 0, -0.05)],
        tube: [tubeScreen, tower.move(-w - 0.2, 0, -0.05)],
        desktop: [base, tubeScreen.scale(0.85).move(0, 0.13)],
        single: [flat(w * 1.2)],
        twin: [
          flat(w * 0.9)
            .turn('y', 14)
            .move(-w),
          flat(w * 0.9)
            .turn('y', -14)
            .move(w),
          tower.move(2.2 * w, 0, -0.1),
        ],
      }
      return union(...desk[kind]!, keyboard, mouse.of('mouse', 'plastic'))
    },
  },
  {
    name: 'printer',
    build(random) {
      const kind = random.cycle(['inkjet', 'laser', 'copier', 'scanner', 'photo'])
      const [w, d] = [random.spread(0.22, 0.28), 0.2]
      const page = (width: number, long: number, angle: number) =>
        block([-width, -0.003, 0], [width, 0.003, long]).turn('x', angle).of('paper', 'paper', [0.85, 0.85, 0.85])
      const tray = (width: number, long: number, angle: number) =>
        block([-width, -0.01, 0], [width, 0.005, long])
          .and(block([-width, -0.005, 0], [-width + 0.01, 0.025, long]).mirrored('x'))
          .turn('x', angle)
      const panel = (x: number, y: number, z: number) =>
        union(
          block([-0.07, -0.006, -0.035], [0.07, 0.006, 0.035]),
          ...[0, 1, 2].map((i) => cylinder(0.009, 0.012, { segments: 8 }).move(-0.045 + 0.03 * i, 0, -0.015)),
          block([0.03, 0, -0.02], [0.06, 0.011, 0.02]),
        )
          .turn('x', 20)
          .move(x, y, z)
      const slot = (y: number, z: number) => block([-w * 0.75, y, z - 0.02], [w * 0.75, y + 0.05, z + 0.004])
      const dark = [0.02, 0.02, 0.02] as const
      if (kind === 'copier')
        return union(
          block([-0.3, 0.1, -0.28], [0.3, 0.9, 0.26], 0.015)
            .and(block([-0.3, 0.96, -0.28], [0.3, 1.0, 0.24], 0.01), block([-0.3, 0.88, -0.28], [-0.1, 0.97, 0.24]))
            .of('body', 'plastic'),
          union(
            ...[0, 1, 2].map((i) =>
              block([-0.27, 0.14 + 0.17 * i, 0.255], [0.27, 0.29 + 0.17 * i, 0.275]).and(
                block([-0.08, 0.24 + 0.17 * i, 0.27], [0.08, 0.265 + 0.17 * i, 0.285]),
              ),
            ),
          ).of('drawers', 'plastic'),
          tray(0.18, 0.3, -8)
            .turn('y', 90)
            .move(0.28, 0.72)
            .and(block([-0.34, 0.9, 0.24], [0.2, 0.93, 0.36], 0.01))
            .of('tray', 'plastic'),
          page(0.15, 0.25, -8).turn('y', 90).move(0.3, 0.745),
          cylinder(0.04, 0.06, { segments: 10 })
            .turn('z', 90)
            .move(0.25, 0.05, 0.2)
            .mirrored('x')
            .mirrored('z')
            .and(block([-0.26, 0.06, -0.24], [0.26, 0.11, 0.22]))
            .of('feet', 'rubber'),
          panel(-0.1, 0.94, 0.3).of('panel', 'plastic', dark),
        )
      if (kind === 'laser')
        return union(
          prism(xy([-d, 0, d, 0, d, 0.2, d * 0.4, 0.28, -d, 0.28]), 2 * w, { bevel: 0.012 })
            .turn('y', -90)
            .of('body', 'plastic'),
          prism(xy([-0.14, 0.26, 0.1, 0.24, 0.1, 0.285, -0.14, 0.285]), w * 1.3)
            .turn('y', -90)
            .of('slot', 'plastic', dark),
          page(w * 0.55, 0.24, -22).move(0, 0.28, -0.06),
          block([-w * 0.8, 0.03, d - 0.01], [w * 0.8, 0.09, d + 0.012])
            .and(block([-0.06, 0.06, d], [0.06, 0.08, d + 0.02]))
            .of('drawer', 'plastic'),
          panel(w * 0.6, 0.25, d * 0.72).of('panel', 'plastic', dark),
        )
      const body =
        kind === 'photo'
          ? prism(rectangle(2 * w * 0.8, 0.2, 0.07, 4), 2 * d * 0.85).move(0, 0.1)
          : block([-w, 0, -d], [w, 0.17, d], 0.03)
      const feed = tray(w * 0.7, 0.3, -65)
        .mirror('z')
        .move(0, 0.14, -d * 0.75)
      const lid =
        kind === 'scanner'
          ? block([-w, 0, 0], [w, 0.03, 2 * d - 0.05])
              .turn('x', -55)
              .move(0, 0.18, -d + 0.02)
          : union()
      const glass = block([-w * 0.8, 0.165, -d * 0.8], [w * 0.8, 0.175, d * 0.6])
      return union(
        body.and(lid).of('body', 'plastic'),
        ...(kind === 'scanner'
          ? [glass.of('glass', 'glass', dark)]
          : [
              feed.of('tray', 'plastic'),
              page(w * 0.6, 0.4, -68)
                .mirror('z')
                .move(0, 0.14, -d * 0.72),
            ]),
        slot(0.05, d * (kind === 'photo' ? 0.85 : 1)).of('slot', 'plastic', dark),
        tray(w * 0.68, 0.2, 6)
          .move(0, 0.04, d * 0.9)
          .of('tray', 'plastic'),
        page(w * 0.58, 0.24, 4).move(0, 0.06, d * 0.75),
        panel(w * 0.45, 0.18, d * 0.55).of('panel', 'plastic', dark),
      )
    },
  },
]
