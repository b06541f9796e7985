// Machines of the office.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  type Point2,
  type Point3,
  polygon,
  prism,
  rectangle,
  rod,
  type Solid,
  sphere,
  superellipse,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block } from './joinery.js'
import { barrel } from './panels.js'

const telephone: Category = {
  name: 'telephone',
  build(random) {
    const kind = random.cycle(['dial', 'candlestick', 'keys', 'wall', 'cordless'] as const)
    const long = random.spread(0.92, 1.1)
    const receiver = union(
      tube(
        curve(xyz(-0.38 * long, -0.06, 0, -0.3, 0.05, 0, 0, 0.09, 0, 0.3, 0.05, 0, 0.38 * long, -0.06, 0)),
        () => [0.055, 0.04],
        { sides: 10 },
      ),
      cylinder(0.11, 0.1, { top: 0.075 })
        .move(0.38 * long, -0.12, 0)
        .mirrored('x'),
    ).of('receiver', 'plastic')
    const dial = (radius: number) =>
      union(
        prism(ellipse(radius, radius, 26), 0.03, {
          holes: Array.from({ length: 10 }, (_, i) =>
            polygon(8, radius * 0.14).map(
              ([x, y]): Point2 => [x + radius * 0.7 * Math.cos(i * 0.54), y + radius * 0.7 * Math.sin(i * 0.54)],
            ),
          ),
        }).move(0, 0, 0.015),
        barrel(radius * 0.42, 0.045),
      )
        .of('dial', 'metal')
        .and(barrel(radius * 1.05, 0.012, -0.008).of('face', 'paper'))
    const coil = (points: Point3[]) => {
      const path = curve(points, { steps: 16 })
      return tube(
        path.map(([x, y, z], i): Point3 => [x + 0.025 * Math.cos(i * 1.5), y + 0.025 * Math.sin(i * 1.5), z]),
        0.012,
        { sides: 5 },
      ).of('cord', 'rubber')
    }
    if (kind === 'dial') {
      const body = prism(
        curve(xy(0.28, 0, -0.26, 0, -0.26, 0.12, -0.1, 0.32, 0.12, 0.34, 0.2, 0.2), { steps: 2, closed: true }).map(
          ([x, y]): Point2 => [x, Math.max(0, y)],
        ),
        0.6,
        { bevel: 0.03 },
      )
        .turn('y', 90)
        .taper('y', 1.08, 0.85)
      return union(
        body.of('body', 'plastic'),
        dial(0.18).turn('x', -44).move(0, 0.21, 0.2),
        union(box(0.05, 0.1, 0.16).move(0.2, 0.37, -0.05).mirrored('x')).of('body', 'plastic'),
        receiver.move(0, 0.48, -0.05),
        coil(xyz(-0.42, 0.36, -0.05, -0.6, 0.1, 0.1, -0.45, 0.04, 0.2, -0.28, 0.08, 0)),
      )
    }
    if (kind === 'candlestick')
      return union(
        lathe(curve(xy(0.26, 0, 0.25, 0.06, 0.1, 0.1, 0.05, 0.16, 0.045, 0.85, 0.07, 0.92, 0.03, 0.98), { steps: 3 }), {
          segments: 22,
        }).of('body', 'metal'),
        lathe(xy(0.05, 0, 0.06, 0.08, 0.14, 0.2, 0.13, 0.2, 0.04, 0.12), { segments: 18 })
          .turn('x', 78)
          .move(0, 0.98, 0)
          .of('receiver', 'plastic'),
        union(
          lathe(xy(0.05, 0, 0.045, 0.2, 0.06, 0.3, 0.1, 0.38, 0.1, 0.42), { segments: 14 })
            .turn('x', 180)
            .move(0.2, 0.95, 0),
        ).of('receiver', 'plastic'),
        tube(curve(xyz(0, 0.72, 0, 0.14, 0.74, 0, 0.2, 0.66, 0.03, 0.26, 0.74, 0)), 0.016).of('body', 'metal'),
        dial(0.13).turn('x', -70).move(0, 0.1, 0.17),
        tube(curve(xyz(0.2, 0.95, 0, 0.3, 1.0, 0, 0.4, 0.6, 0, 0.34, 0.1, 0, 0.2, 0.04, 0)), 0.012, { sides: 6 }).of(
          'cord',
          'cloth',
        ),
      )
    const keypad = box(0.07, 0.05, 0.03).repeat(3, [0.1, 0, 0]).repeat(4, [0, 0.085, 0]).of('keys', 'plastic')
    if (kind === 'keys')
      return union(
        prism(xy(0.36, 0, -0.34, 0, -0.34, 0.14, 0.36, 0.05), 0.62, { bevel: 0.015 })
          .turn('y', -90)
          .of('body', 'plastic'),
        keypad.turn('x', -82.5).move(0.12, 0.105, 0.05),
        box(0.3, 0.09, 0.02).turn('x', -70).move(0.12, 0.15, -0.2).of('face', 'glass'),
        receiver.scale(0.9).turn('y', 90).move(-0.2, 0.19, 0),
        coil(xyz(-0.2, 0.1, 0.38, -0.4, 0.04, 0.45, -0.5, 0.04, 0.1, -0.33, 0.05, -0.1)),
      )
    if (kind === 'wall')
      return union(
        box(0.42, 0.85, 0.18, 0.03).of('body', 'wood'),
        union(sphere(0.08, { segments: 12, rings: 8 }).move(0.1, 0.32, 0.1).mirrored('x')).of('dial', 'metal'),
        prism(xy(-0.09, -0.2, 0.09, -0.2, 0.09, 0, -0.09, 0.02), 0.3)
          .turn('y', 90)
          .move(0, -0.24, 0.15)
          .scale(1.2, 1, 1)
          .of('body', 'wood'),
        lathe(xy(0.03, 0, 0.035, 0.16, 0.1, 0.26, 0.09, 0.26, 0.03, 0.18), { segments: 16 })
          .turn('x', 80)
          .move(0, 0.05, 0.08)
          .of('receiver', 'plastic'),
        lathe(xy(0.04, 0, 0.04, 0.26, 0.09, 0.36), { segments: 14 })
          .turn('x', 180)
          .move(-0.32, 0.2, 0)
          .of('receiver', 'plastic'),
        rod([-0.2, 0.12, 0], [-0.34, 0.14, 0], 0.018).of('dial', 'metal'),
        union(
          rod([0.2, 0, 0], [0.32, 0, 0], 0.015),
          rod([0.32, 0.01, 0], [0.32, -0.1, 0], 0.015),
          rod([0.32, -0.1, 0], [0.4, -0.1, 0], 0.02),
        ).of('dial', 'metal'),
        tube(curve(xyz(-0.32, 0.2, 0, -0.4, 0.3, 0.05, -0.45, -0.2, 0.05, -0.2, -0.3, 0)), 0.012, { sides: 6 }).of(
          'cord',
          'cloth',
        ),
      )
    const hand = union(
      box(0.22, 0.9, 0.1, 0.04).of('receiver', 'plastic'),
      keypad.scale(0.62).move(0, -0.12, 0.05),
      box(0.16, 0.14, 0.02).move(0, 0.18, 0.05).of('face', 'glass'),
      box(0.08, 0.02, 0.02).move(0, 0.36, 0.05).of('face', 'glass'),
      cylinder(0.03, 0.25 * long, { top: 0.02, segments: 8 })
        .move(0.07, 0.42, -0.02)
        .of('receiver', 'plastic'),
    )
    return union(
      hand.turn('x', -18).move(0, 0.5, -0.02),
      prism(curve(xy(0.3, 0, -0.3, 0, -0.28, 0.1, -0.14, 0.24, 0.06, 0.12, 0.26, 0.08), { steps: 2, closed: true }), 0.4, {
        bevel: 0.02,
      })
        .turn('y', -90)
        .of('body', 'plastic'),
    )
  },
}

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
  telephone,
]
