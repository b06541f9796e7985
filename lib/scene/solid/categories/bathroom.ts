// Other things of the bathroom and the laundry.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipse,
  ellipsoid,
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
import { bar, block, corners, handle } from './joinery.js'

export const bathroom: readonly Category[] = [
  {
    name: 'radiator',
    build(random) {
      const kind = random.cycle(['columns', 'panel', 'towel', 'flat', 'low'])
      const [count, high] = [random.cycle([8, 10, 9, 7, 12]), kind === 'low' ? 0.4 : random.spread(0.6, 0.8)]
      const half = count * 0.045
      const valve = bar([half, 0.12, 0], [half + 0.06, 0.12, 0], 0.016, 6)
        .and(
          cylinder(0.03, 0.06, { segments: 10 })
            .turn('z', -90)
            .move(half + 0.04, 0.12),
          bar([half + 0.05, 0, 0], [half + 0.05, 0.12, 0], 0.012, 6),
        )
        .of('valve', 'metal')
      if (kind === 'columns' || kind === 'low') {
        const column = prism(rectangle(0.16, high, 0.07, 4), 0.06, {
          holes: [rectangle(0.03, high - 0.2, 0.014, 2)],
          bevel: 0.015,
        })
          .turn('y', 90)
          .move(0, high / 2 + 0.08)
        return union(
          column
            .repeat(count, [0.09, 0, 0])
            .and(corners(block([-0.05, 0, -0.05], [-0.01, 0.12, -0.01]), half, 0.08))
            .of('body', 'metal'),
          valve,
        )
      }
      if (kind === 'towel') {
        const rails = [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13].map((i) =>
          bar([-0.25, 0.12 + i * 0.085, 0.03], [0.25, 0.12 + i * 0.085, 0.03], 0.013, 6),
        )
        const towel = block([-0.2, 0.42, 0.035], [0.2, 0.94, 0.065], 0.01)
        return union(
          block([0.25, 0, -0.01], [0.285, 1.3, 0.03], 0.01)
            .mirrored('x')
            .and(...rails)
            .of('body', 'metal'),
          towel.of('towel', 'cloth'),
        )
      }
      const ribs = block([-half, 0.1, -0.05], [half, 0.1 + high, -0.02]).and(
        block([-half, 0.1, 0.02], [half, 0.1 + high, 0.035]),
        ...Array.from({ length: count * 2 }, (_, i) =>
          block([-half + 0.02 + i * 0.045, 0.13, 0.03], [-half + 0.035 + i * 0.045, 0.07 + high, 0.05]),
        ),
        block([-half, 0.1 + high, -0.05], [half, 0.115 + high, 0.04]),
      )
      if (kind === 'panel') return union(ribs.of('body', 'metal'), valve)
      return union(
        union(
          ...Array.from({ length: count }, (_, i) =>
            box(0.07, high * 1.6, 0.02, 0.008).move(-half + 0.045 + 0.09 * i, high * 0.8 + 0.1, 0.03),
          ),
          ...[0.2, high * 1.6].map((y) => block([-half, y, -0.02], [half, y + 0.04, 0.02])),
        ).of('body', 'metal'),
        valve,
      )
    },
  },
  {
    name: 'shower',
    build(random) {
      const kind = random.cycle(['quadrant', 'square', 'curtain', 'walk', 'column'])
      const [half, high] = [random.spread(0.42, 0.5), 2]
      const head = union(
        bar([0, 0.95, -half + 0.05], [0, high - 0.1, -half + 0.05], 0.014),
        tube(curve(xyz([0, high - 0.1, -half + 0.05, 0, high, -half + 0.12, 0, high, -half + 0.3]), { steps: 3 }), 0.014),
        cylinder(0.1, 0.03, { top: 0.04, segments: 16 }).move(0, high - 0.05, -half + 0.3),
        box(0.16, 0.06, 0.06, 0.02).move(0, 1, -half + 0.06),
      )
      const handset = tube(
        curve(xyz([0.05, 1, -half + 0.08, 0.14, 0.7, -half + 0.12, 0.12, 0.9, -half + 0.1, 0.1, 1.4, -half + 0.08]), {
          steps: 3,
        }),
        0.01,
        { sides: 6 },
      ).and(
        cylinder(0.045, 0.03, { segments: 12 })
          .turn('x', 60)
          .move(0.1, 1.42, -half + 0.1),
      )
      const quarter: Point2[] = [[-half, -half], ...arc(-half, -half, 2 * half, 0, 90, 8)]
      const tray =
        kind === 'quadrant' ? prism(quarter, 0.12).turn('x', 90).move(0, 0.06) : block([-half, 0, -half], [half, 0.1, half], 0.01)
      const walls = block([-half, 0.1, -half], [half, high + 0.1, -half + 0.02]).and(
        block([-half, 0.1, -half], [-half + 0.02, high + 0.1, half]),
      )
      const post = (x: number, z: number) => block([x - 0.015, 0.1, z - 0.015], [x + 0.015, high, z + 0.015])
      const rail = union(
        ...[0.11, high - 0.03].map((y) =>
          block([-half, y, half - 0.03], [half, y + 0.03, half]).and(block([half - 0.03, y, -half], [half, y + 0.03, half])),
        ),
      )
      const round = [0.12, high - 0.02].map((y) =>
        tube(
          arc(-half, -half, 2 * half - 0.02, 0, 90, 8).map(([x, z]): Point3 => [x, y, z]),
          0.016,
          { sides: 6 },
        ),
      )
      const hung = tube(
        curve(xyz([-half, high, half, half - 0.1, high, half, half, high, half - 0.1, half, high, -half]), { steps: 3 }),
        0.014,
      )
      const fold = Array.from({ length: 19 }, (_, i): Point2 => [half - i * 0.03, half + (i % 2 ? 0.03 : -0.03)])
      const curtain = prism([...fold, ...[...fold].reverse().map(([x, z]): Point2 => [x, z - 0.015])], high - 0.25)
        .turn('x', 90)
        .move(0, high / 2 + 0.11)
      const pane = block([half - 0.012, 0.1, -half], [half, high, half * 0.5])
      const parts: Record<string, Solid[]> = {
        quadrant: [
          union(
            ...round,
            post(half - 0.02, -half + 0.02),
            post(-half + 0.02, half - 0.02),
            bar([0.41 * half, 0.1, 0.41 * half], [0.41 * half, high, 0.41 * half], 0.014),
            handle('bar', 0.1)
              .turn('z', 90)
              .turn('y', 45)
              .move(0.3 * half, 1.05, 0.56 * half),
          ).of('frame', 'metal'),
        ],
        square: [
          union(
            rail,
            post(half - 0.015, half - 0.015),
            post(half - 0.015, -half + 0.015),
            post(-half + 0.015, half - 0.015),
            post(0, half - 0.015),
            handle('bar', 0.1).turn('z', 90).move(0.08, 1.05, half),
          ).of('frame', 'metal'),
        ],
        curtain: [hung.of('frame', 'metal'), curtain.of('curtain', 'cloth')],
        walk: [
          pane.of('glass', 'glass'),
          bar([half, high, 0.3 * half], [-half, high, 0.3 * half], 0.012, 6).of('frame', 'metal'),
        ],
        column: [
          block([-0.1, 0.3, -half + 0.02], [0.1, 1.9, -half + 0.08], 0.02)
            .and(
              ...[0.6, 0.9, 1.2].map((y) =>
                cylinder(0.03, 0.02, { segments: 10 })
                  .turn('x', 90)
                  .move(0, y, -half + 0.08),
              ),
              rail,
            )
            .of('frame', 'metal'),
        ],
      }
      return union(tray.and(walls).of('tray', 'ceramic'), head.and(handset).of('head', 'metal'), ...parts[kind]!)
    },
  },
  {
    name: 'toilet_paper',
    build(random) {
      const kind = random.cycle(['upright', 'hanging', 'holder', 'stand', 'stack'])
      const r = random.spread(0.5, 0.62)
      const body = prism(ellipse(r, r, 28), 1, { holes: [ellipse(0.2, 0.2, 16)] })
      const core = prism(ellipse(0.2, 0.2, 16), 1.005, { holes: [ellipse(0.175, 0.175, 16)] })
      const paper = (length: number) =>
        body
          .and(block([-r, -length, -0.49], [-r + 0.02, 0, 0.49]))
          .of('paper', 'paper', [0.8, 0.8, 0.78])
          .and(core.of('core', 'paper', [0.4, 0.28, 0.16]))
      if (kind === 'upright') return paper(0.7).turn('x', -90)
      if (kind === 'stack')
        return union(
          paper(0.02).turn('x', -90),
          paper(0.02).turn('x', -90).move(0, 1.01),
          paper(0.3).turn('x', -90).move(0.15, 2.02),
        )
      const lying = paper(kind === 'holder' ? 1.3 : 1).turn('y', 90)
      if (kind === 'hanging') return lying
      if (kind === 'holder')
        return union(
          lying,
          bar([-0.75, 0, 0], [0.75, 0, 0], 0.06)
            .and(
              tube(curve(xyz([0.72, 0, 0, 0.74, 0.3, -0.4, 0.7, 0.5, -0.8]), { steps: 3 }), 0.06).mirrored('x'),
              block([-0.85, 0.35, -0.9], [0.85, 0.65, -0.8], 0.03),
            )
            .of('holder', 'metal'),
        )
      return union(
        lying.move(0, 2.2),
        bar([-0.6, 2.2, 0], [0.9, 2.2, 0], 0.05)
          .and(bar([0.9, 0, 0], [0.9, 2.26, 0], 0.06), cylinder(0.55, 0.1).move(0.9))
          .of('holder', 'metal'),
      )
    },
  },
  {
    name: 'washing_machine',
    build(random) {
      const kind = random.cycle(['front', 'open', 'basket', 'stack', 'top'])
      const [half, depth] = [kind === 'basket' ? 0.25 : 0.3, random.spread(0.26, 0.32)]
      const dial = (x: number, y: number, z = depth) => cylinder(0.035, 0.03, { segments: 12 }).turn('x', 90).move(x, y, z)
      const machine = (y: number, open: boolean) => {
        const body = block([-half, y + 0.03, -depth], [half, y + 0.85, depth], 0.015)
        const ring = torus(0.17, 0.035, { segments: 24, sides: 8 }).turn('x', 90)
        const glass = sphere(0.15, { segments: 18, rings: 8 }).scale(1, 1, 0.4)
        const door = ring.of('door', 'metal').and(glass.of('glass', 'glass'))
        const placed = open
          ? door
              .move(0.2)
              .turn('y', -105)
              .move(-0.2)
              .and(cylinder(0.16, 0.012, { segments: 20 }).turn('x', 90).of('glass', 'glass'))
          : door
        return union(
          body.of('body', 'paint', [0.75, 0.75, 0.75]),
          placed.move(0, y + 0.4, depth),
          block([-half + 0.03, y + 0.7, depth], [-half + 0.2, y + 0.8, depth + 0.012])
            .and(dial(half - 0.09, y + 0.75), block([-0.05, y + 0.73, depth], [0.1, y + 0.77, depth + 0.01]))
            .of('controls', 'plastic'),
          corners(cylinder(0.025, 0.04, { segments: 8 }), half - 0.06, depth - 0.06)
            .move(0, y)
            .of('feet', 'rubber'),
        )
      }
      if (kind === 'stack') return union(machine(0, false), machine(0.87, false))
      if (kind === 'basket') {
        const basket = vessel(xy([0.2, 0, 0.25, 0.22]), 0.015, { segments: 20 }).move(0, 0.86)
        const clothes = ellipsoid(0.12, 0.09, 0.11, { segments: 10, rings: 6 })
        return union(
          machine(0, false),
          basket.of('basket', 'straw'),
          union(
            ...[0, 1, 2, 3].map((i) =>
              clothes.turn('y', 40 * i).move(0.09 * Math.cos(1.6 * i), 1.07 + 0.03 * i, 0.09 * Math.sin(1.6 * i)),
            ),
          ).of('clothes', 'cloth'),
        )
      }
      if (kind !== 'top') return machine(0, kind === 'open')
      const panel = prism(xy([-0.07, 0, 0.05, 0, -0.02, 0.16, -0.07, 0.16]), 2 * half)
        .turn('y', -90)
        .move(0, 0.88, -depth + 0.07)
      return union(
        block([-half, 0.03, -depth], [half, 0.88, depth], 0.02).and(panel).of('body', 'paint', [0.75, 0.75, 0.75]),
        block([-half + 0.03, 0, -0.4], [half - 0.03, 0.025, 0])
          .turn('x', 62)
          .move(0, 0.9, -depth + 0.15)
          .and(
            prism(ellipse(0.22, 0.22), 0.02, { holes: [ellipse(0.19, 0.19)] })
              .turn('x', -90)
              .move(0, 0.89, 0.05),
          )
          .of('door', 'paint'),
        dial(-0.15, 0.05, 0)
          .and(dial(0.05, 0.05, 0), dial(0.17, 0.05, 0))
          .turn('x', -23)
          .move(0, 0.91, -depth + 0.14)
          .of('controls', 'plastic'),
        corners(cylinder(0.025, 0.04, { segments: 8 }), half - 0.06, depth - 0.06).of('feet', 'rubber'),
      )
    },
  },
]
