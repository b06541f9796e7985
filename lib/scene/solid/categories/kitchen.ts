// Large machines of the kitchen.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  lathe,
  loft,
  type Point2,
  prism,
  rectangle,
  type Solid,
  sweep,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block, corners, dial, handle, steel } from './joinery.js'

export const kitchen: readonly Category[] = [
  {
    name: 'microwave',
    build(random) {
      const kind = random.cycle(['classic', 'open', 'dial', 'round', 'stand'])
      const [w, h, d] = [random.spread(0.26, 0.33), random.spread(0.15, 0.19), 0.2]
      const panel = w * 0.5
      const doorPart = block([-w + 0.01, -h + 0.02, 0], [panel - 0.01, h - 0.01, 0.025], 0.006)
      const glass = block([-w + 0.05, -h + 0.06, 0.02], [panel - 0.07, h - 0.05, 0.03])
      const grip = bar([panel - 0.035, -h * 0.6, 0.05], [panel - 0.035, h * 0.6, 0.05], 0.01, 6).and(
        ...[-0.55, 0.55].map((s) => bar([panel - 0.035, s * h, 0.02], [panel - 0.035, s * h, 0.05], 0.009, 6)),
      )
      const door = union(doorPart.of('door', 'plastic'), glass.of('window', 'glass'), grip.of('handle', 'metal'))
      const ajar = kind === 'open' ? -105 : kind === 'dial' ? -40 : 0
      const placed = ajar === 0 ? door : door.move(w).turn('y', ajar).move(-w)
      const keys =
        kind === 'dial' || kind === 'stand'
          ? union(dial(0.045).move(0, h * 0.2), dial(0.045).move(0, -h * 0.45))
          : union(
              ...[0, 1, 2].flatMap((i) =>
                [0, 1, 2].map((j) =>
                  block([-0.05 + 0.038 * i, -0.11 + 0.045 * j, 0], [-0.022 + 0.038 * i, -0.08 + 0.045 * j, 0.012]),
                ),
              ),
            )
      const display = block([-0.05, h - 0.07, 0], [0.055, h - 0.03, 0.008])
      const shell =
        kind === 'open'
          ? union(
              block([-w, -h, -d], [w, -h + 0.025, d]),
              block([-w, h - 0.025, -d], [w, h, d]),
              block([-w, -h, -d], [-w + 0.025, h, d]),
              block([panel - 0.02, -h, -d], [w, h, d]),
              block([-w, -h, -d], [w, h, -d + 0.03]),
            )
          : block([-w, -h, -d], [w, h, d], kind === 'round' ? 0.06 : 0.01)
      return union(
        shell.of('body', 'paint'),
        placed.move(0, 0, d),
        keys.move((panel + w) / 2, -0.02, d).of('keys', 'plastic'),
        display.move((panel + w) / 2 - 0.003, 0, d).of('display', 'glass'),
        corners(cylinder(0.02, 0.025, { segments: 8 }), w - 0.05, d - 0.05)
          .move(0, -h - 0.022)
          .of('feet', 'rubber'),
        ...(kind === 'stand'
          ? [
              block([-w - 0.06, -h - 0.05, -d], [w + 0.06, -h - 0.02, d])
                .and(
                  corners(block([-0.03, -h - 0.45, -0.03], [0, h + 0.15, 0]), w + 0.06, d),
                  block([-w - 0.06, h + 0.1, -d], [w + 0.06, h + 0.13, d]),
                )
                .of('stand', 'metal'),
            ]
          : []),
        ...(kind === 'round'
          ? [
              box(w * 1.2, h * 1.3, 0.16, 0.06)
                .move(-0.05, 0, -d - 0.03)
                .of('body', 'paint'),
            ]
          : []),
        ...(kind === 'open'
          ? [
              cylinder(0.15, 0.012, { segments: 20 })
                .move(-0.1, -h + 0.035)
                .of('plate', 'glass'),
            ]
          : []),
      )
    },
  },
  {
    name: 'range_hood',
    build(random) {
      const kind = random.cycle(['pyramid', 'box', 'glass', 'slant', 'round'])
      const [w, d] = [random.spread(0.36, 0.5), 0.25]
      const pipe = random.spread(0.4, 0.6)
      const flue = (half: number) => block([-half, 0.1, -d + 0.02], [half, 0.2 + pipe, -d + 0.28])
      const filters = union(
        ...Array.from({ length: 9 }, (_, i) =>
          block([-w * 0.8 + (i * w * 1.6) / 9, -0.008, -d + 0.05], [-w * 0.8 + ((i + 0.6) * w * 1.6) / 9, 0.004, d - 0.05]),
        ),
      )
      const buttons = cylinder(0.014, 0.01, { segments: 8 }).turn('x', 90).repeat(4, [0.05, 0, 0]).move(0, 0.03, d)
      const shell: Record<string, Solid> = {
        pyramid: union(
          block([-w, 0, -d], [w, 0.06, d]),
          loft([
            { outline: rectangle(2 * w, 2 * d), y: 0.06 },
            { outline: rectangle(w * 1.1, 2 * d * 0.8), y: 0.16, z: -d * 0.2 },
            { outline: rectangle(0.26, 0.26), y: 0.34, z: -d + 0.15 },
          ]),
          flue(0.13),
        ),
        box: union(block([-w, 0, -d], [w, 0.08, d]), flue(0.16)),
        glass: union(block([-w * 0.6, 0, -d], [w * 0.6, 0.07, d * 0.7]), flue(0.13)),
        slant: union(
          prism(xy([-d, 0, d * 0.3, 0, d * 0.5, 0.08, -d * 0.55, 0.55, -d, 0.55]), 2 * w).turn('y', -90),
          block([-0.13, 0.5, -d], [0.13, 0.55 + pipe * 0.6, -d + 0.2]),
        ),
        round: union(
          cylinder(w, 0.06, { segments: 28 }),
          lathe(curve(xy([w, 0.06, w * 0.55, 0.13, 0.14, 0.26]), { steps: 2 })),
          cylinder(0.13, pipe + 0.2, { segments: 20 }).move(0, 0.2),
        ),
      }
      const canopy = sweep(
        rectangle(2 * d, 0.012),
        curve(xyz([-w, 0, 0, -w * 0.6, 0.08, 0, 0, 0.11, 0, w * 0.6, 0.08, 0, w, 0, 0]), { steps: 3 }),
      ).move(0, 0, 0.02)
      return union(
        shell[kind]!.of('body', 'metal', steel),
        ...(kind === 'glass' ? [canopy.of('canopy', 'glass')] : []),
        ...(kind === 'slant' || kind === 'round' ? [] : [filters.of('filters', 'metal', [0.2, 0.2, 0.2])]),
        buttons.move(0, 0, kind === 'glass' ? -d * 0.3 : kind === 'slant' ? -d * 0.55 : 0).of('buttons', 'plastic'),
      )
    },
  },
  {
    name: 'refrigerator',
    build(random) {
      const kind = random.cycle(['bottom', 'top', 'double', 'retro', 'french'])
      const wide = kind === 'double' || kind === 'french'
      const [w, h, d] = [wide ? 0.45 : random.spread(0.28, 0.34), random.spread(1.55, 1.85), 0.3]
      const round = kind === 'retro' ? 0.09 : 0.012
      const door = (x0: number, x1: number, y0: number, y1: number) =>
        block([x0 + 0.004, y0 + 0.006, d], [x1 - 0.004, y1 - 0.006, d + 0.05], kind === 'retro' ? 0.024 : 0.01)
      const pull = (x: number, y0: number, y1: number) =>
        bar([x, y0, d + 0.085], [x, y1, d + 0.085], 0.013, 6).and(
          ...[y0 + 0.02, y1 - 0.02].map((y) => bar([x, y, d + 0.04], [x, y, d + 0.085], 0.011, 6)),
        )
      /** Hung at its left (-1) or right (1) side, and open. */
      const swung = (one: Solid, side: -1 | 1, degrees: number) =>
        one
          .move(-side * w, 0, -d)
          .turn('y', side * degrees)
          .move(side * w, 0, d)
      const split = kind === 'bottom' ? h * 0.38 : kind === 'french' ? h * 0.35 : h * 0.7
      const low = 0.07
      const doors: Record<string, readonly [Solid, Solid]> = {
        bottom: [
          door(-w, w, low, split).and(door(-w, w, split, h)),
          pull(w - 0.05, split - 0.3, split - 0.04).and(pull(w - 0.05, split + 0.05, split + 0.5)),
        ],
        top: [
          swung(door(-w, w, low, split), -1, 70).and(door(-w, w, split, h)),
          swung(pull(w - 0.05, split - 0.5, split - 0.05), -1, 70).and(pull(w - 0.05, split + 0.05, split + 0.3)),
        ],
        double: [
          swung(door(-w, -w * 0.15, low, h), -1, 50).and(door(-w * 0.15, w, low, h)),
          swung(pull(-w * 0.15 - 0.04, h * 0.4, h * 0.8), -1, 50).and(pull(-w * 0.15 + 0.04, h * 0.4, h * 0.8)),
        ],
        retro: [door(-w + 0.02, w - 0.02, low, h - 0.05), box(0.16, 0.035, 0.03, 0.012).move(w - 0.14, h * 0.62, d + 0.065)],
        french: [
          door(-w, 0, split, h).and(
            door(0, w, split, h),
            door(-w, w, low, split * 0.55),
            door(-w, w, split * 0.55, split)
              .and(block([-w + 0.04, split * 0.6, d - 0.3], [w - 0.04, split * 0.75, d]))
              .move(0, 0, 0.2),
          ),
          pull(-0.04, split + 0.1, h * 0.75).and(
            pull(0.04, split + 0.1, h * 0.75),
            ...[0.42, 0.88].map((t) =>
              bar([-w * 0.7, split * t, d + 0.085], [w * 0.7, split * t, d + 0.085], 0.013, 6).move(0, 0, t > 0.5 ? 0.2 : 0),
            ),
          ),
        ],
      }
      const dispenser = [
        block([-w * 0.75, h * 0.55, d + 0.045], [-w * 0.35, h * 0.75, d + 0.056]).of('dispenser', 'plastic', [0.05, 0.05, 0.05]),
      ]
      const [fronts, handles] = doors[kind]!
      return union(
        block([-w, low, -d], [w, h, d], round).of('body', 'paint'),
        fronts.of('doors', 'paint'),
        handles.of('handles', 'metal'),
        block([-w + 0.02, 0, -d + 0.02], [w - 0.02, low + 0.03, d - 0.02]).of('plinth', 'plastic', [0.05, 0.05, 0.05]),
        ...(kind === 'french' ? dispenser : []),
      )
    },
  },
  {
    name: 'stove',
    build(random) {
      const kind = random.cycle(['gas', 'electric', 'range', 'wood', 'double'])
      const w = kind === 'range' ? 0.45 : random.spread(0.27, 0.33)
      const [h, d] = [0.85, 0.3]
      if (kind === 'wood') {
        const pipe = tube(curve(xyz([0, 0.8, -0.1, 0, 1.3, -0.1, 0, 1.5, -0.14, 0, 1.56, -0.35]), { steps: 3 }), 0.07)
        return union(
          block([-0.3, 0.22, -0.24], [0.3, 0.78, 0.22], 0.02)
            .and(
              block([-0.34, 0.78, -0.28], [0.34, 0.83, 0.26], 0.015),
              corners(tube(xyz([0.05, 0, 0.05, -0.02, 0.24, -0.02]), 0.035), 0.27, 0.2),
            )
            .of('body', 'metal', [0.04, 0.04, 0.04]),
          pipe.of('pipe', 'metal', [0.05, 0.05, 0.05]),
          prism([[-0.2, 0], [0.2, 0], ...arc(0, 0.2, 0.2, 0, 180, 10)], 0.03, { bevel: 0.01 })
            .move(0, 0.32, 0.225)
            .of('door', 'metal'),
          prism([[-0.14, 0], [0.14, 0], ...arc(0, 0.16, 0.14, 0, 180, 10)], 0.01)
            .move(0, 0.36, 0.245)
            .of('window', 'glass'),
          handle('bar', 0.05).turn('z', 90).move(0.23, 0.5, 0.23).of('handle', 'metal'),
        )
      }
      const burner =
        kind === 'electric'
          ? cylinder(0.09, 0.012, { segments: 20 })
          : union(
              cylinder(0.05, 0.025, { segments: 14 }),
              torus(0.075, 0.01, { segments: 16, sides: 5 }).move(0, 0.03),
              block([-0.11, 0.03, -0.008], [0.11, 0.042, 0.008]),
              block([-0.008, 0.03, -0.11], [0.008, 0.042, 0.11]),
            )
      const places: Point2[] =
        kind === 'range'
          ? xy([-0.3, -0.13, 0, -0.13, 0.3, -0.13, -0.3, 0.13, 0, 0.13, 0.3, 0.13])
          : xy([-w / 2, -0.13, w / 2, -0.13, -w / 2, 0.13, w / 2, 0.13])
      const oven = (x0: number, x1: number, y0: number, y1: number) => ({
        door: block([x0, y0, d], [x1, y1, d + 0.03], 0.008),
        window: block([x0 + 0.05, y0 + 0.08, d + 0.025], [x1 - 0.05, y1 - 0.12, d + 0.034]),
        pull: bar([x0 + 0.04, y1 - 0.05, d + 0.07], [x1 - 0.04, y1 - 0.05, d + 0.07], 0.012, 6),
      })
      const ovens =
        kind === 'range'
          ? [oven(-w + 0.02, 0.12, 0.1, 0.68), oven(0.14, w - 0.02, 0.1, 0.68)]
          : kind === 'double'
            ? [oven(-w + 0.02, w - 0.02, 0.06, 0.36), oven(-w + 0.02, w - 0.02, 0.38, 0.68)]
            : [oven(-w + 0.02, w - 0.02, 0.2, 0.68)]
      const dropped = (one: Solid, y: number) => one.move(0, -y, -d).turn('x', 85).move(0, y, d)
      const doors = ovens.map(({ door, window, pull }, i) =>
        kind === 'double' && i === 0
          ? { door: dropped(door, 0.06), window: dropped(window, 0.06), pull: dropped(pull, 0.06) }
          : { door, window, pull },
      )
      const knobs = dial(0.024)
        .repeat(kind === 'range' ? 8 : 5, [(1.6 * w) / (kind === 'range' ? 8 : 5), 0, 0])
        .move(0, 0.77, d)
      const splash =
        kind === 'electric'
          ? block([-w, h, -d], [w, h + 0.22, -d + 0.06], 0.01)
          : kind === 'gas'
            ? block([-w, h - 0.02, -0.01], [w, h + 0.52, 0.01]).move(0, 0, -d)
            : kind === 'range'
              ? block([-w, h, -d], [w, h + 0.5, -d + 0.03]).and(block([-w, h + 0.46, -d], [w, h + 0.5, -d + 0.22]))
              : block([-w, h, -d], [w, h + 0.04, -d + 0.04])
      return union(
        block([-w, 0.06, -d], [w, h, d], 0.008)
          .and(splash, block([-w + 0.02, 0, -d + 0.02], [w - 0.02, 0.08, d - 0.03]))
          .of('body', 'paint'),
        union(...places.map(([x, z]) => burner.move(x, h, z))).of('burners', 'metal', [0.03, 0.03, 0.03]),
        union(...doors.map(({ door }) => door)).of('doors', 'metal'),
        union(...doors.map(({ window }) => window)).of('windows', 'glass', [0.02, 0.02, 0.02]),
        knobs.and(...doors.map(({ pull }) => pull)).of('knobs', 'metal'),
      )
    },
  },
]
