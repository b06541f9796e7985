// Cutlery and pans.
import type { Category } from '../category.js'
import {
  curve,
  cylinder,
  ellipse,
  lathe,
  loft,
  type Point2,
  prism,
  rectangle,
  type Solid,
  superellipse,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { block, steel } from './joinery.js'

/** A grip of cutlery along y, from 0 up to `length`, as a flat outline. */
function grip(kind: string, length: number): Solid {
  const t = (y: number) => y * length
  if (kind === 'round')
    return lathe(curve(xy([0.02, 0, 0.05, t(0.06), 0.055, t(0.3), 0.03, t(0.8), 0.025, t(1)]), { steps: 2 }), {
      segments: 10,
    }).scale(1, 1, 0.7)
  if (kind === 'riveted')
    return prism(xy([-0.06, 0, 0.05, -0.02, 0.06, t(0.5), 0.04, t(1), -0.04, t(1), -0.05, t(0.5)]), 0.06, { bevel: 0.015 }).and(
      ...[0.2, 0.5, 0.8].map((y) => cylinder(0.018, 0.075, { segments: 8 }).turn('x', 90).move(0, t(y), -0.037)),
    )
  if (kind === 'fiddle')
    return prism(
      curve(
        xy([
          0,
          0,
          0.07,
          t(0.08),
          0.05,
          t(0.35),
          0.022,
          t(0.7),
          0.03,
          t(1),
          -0.03,
          t(1),
          -0.022,
          t(0.7),
          -0.05,
          t(0.35),
          -0.07,
          t(0.08),
        ]),
        { steps: 3, closed: true },
      ),
      0.03,
    )
  if (kind === 'plain') return prism(xy([-0.055, 0, 0.055, 0, 0.025, t(1), -0.025, t(1)]), 0.03, { bevel: 0.008 })
  return prism(rectangle(0.09, length, 0.04, 4), 0.035, { bevel: 0.01 }).move(0, length / 2)
}

const grips = ['round', 'riveted', 'fiddle', 'plain', 'oblong'] as const

/** The way cutlery is bent, seen from the side: `rise` of the head. */
const bent = (solid: Solid, rise: number, from: number): Solid =>
  solid.warp((x, y, z) => [x, y, z + rise * Math.sin(Math.max(0, y - from) * 2.4)])

export const cutlery: readonly Category[] = [
  {
    name: 'fork',
    build(random) {
      const kind = random.cycle(grips)
      const tines = random.cycle([4, 3, 4, 2, 3])
      const long = random.spread(0.26, 0.36)
      const half = 0.035 * tines + 0.005
      const palm: Point2[] = curve(xy([-0.022, 0, -0.025, 0.1, -half * 0.7, 0.2, -half, 0.3, -half, 0.36]), { steps: 3 })
      const head = prism([...palm, ...palm.map(([x, y]): Point2 => [-x, y]).reverse()], 0.03)
      const tine = (x: number) =>
        tube(
          xyz([x, 0.34, 0, x * 0.98, 0.34 + long * 0.8, 0, x * 0.95, 0.34 + long, 0]),
          (t) => [0.022 - 0.012 * t ** 3, 0.016 - 0.01 * t ** 3],
          { sides: 6 },
        )
      const step = (2 * half - 0.045) / (tines - 1)
      const all = union(head, ...Array.from({ length: tines }, (_, i) => tine((i - (tines - 1) / 2) * step))).move(0, 0.72)
      return bent(
        union(
          grip(kind, 0.75).of('handle', kind === 'riveted' || kind === 'round' ? 'wood' : 'metal'),
          all.of('head', 'metal', steel),
        ),
        0.12,
        0.6,
      )
    },
  },
  {
    name: 'frying_pan',
    build(random) {
      const kind = random.cycle(['round', 'square', 'deep', 'wok', 'oval'])
      const r = random.spread(0.3, 0.38)
      const depth = { round: 0.09, square: 0.09, deep: 0.2, wok: 0.16, oval: 0.08 }[kind]!
      const outline =
        kind === 'square' ? superellipse(1, 1, 6, 32) : kind === 'oval' ? superellipse(1.3, 0.85, 2, 32) : ellipse(1, 1, 32)
      const wall = 0.014
      const layers: Point2[] =
        kind === 'wok'
          ? xy([0.3, 0, 0.6, 0.25, 0.85, 0.6, 1, 1])
          : kind === 'deep'
            ? xy([0.96, 0, 1, 0.1, 1, 1])
            : xy([0.78, 0, 0.86, 0.15, 1, 1])
      const shape = layers.map(([size, y]) => ({ outline, y: y * depth, size: size * r }))
      const inside = layers.map(([size, y]) => ({ outline, y: wall + y * (depth - wall), size: size * r - wall })).reverse()
      const long = random.spread(0.5, 0.68)
      const edge = kind === 'oval' ? 1.28 * r : kind === 'square' ? 0.98 * r : r * 0.98
      const stick = tube(
        curve(
          xyz([
            edge,
            depth * 0.75,
            0,
            edge + 0.1,
            depth + 0.02,
            0,
            edge + long * 0.6,
            depth + 0.09,
            0,
            edge + long,
            depth + 0.08,
            0,
          ]),
          { steps: 3 },
        ),
        (t) => [0.03 + 0.012 * Math.sin(Math.PI * t), 0.016],
        { round: true },
      )
      const ear = tube(
        curve(
          xyz([
            -edge,
            depth * 0.75,
            -0.09,
            -edge - 0.1,
            depth * 0.85,
            -0.06,
            -edge - 0.1,
            depth * 0.85,
            0.06,
            -edge,
            depth * 0.75,
            0.09,
          ]),
          { steps: 3 },
        ),
        0.016,
      )
      return union(
        loft([...shape, ...inside]).of('pan', 'metal', [0.06, 0.06, 0.06]),
        stick.of('handle', random.cycle(['wood', 'plastic', 'metal', 'plastic', 'wood'])),
        ...(kind === 'deep' || kind === 'wok' ? [ear.of('ear', 'metal')] : []),
      )
    },
  },
  {
    name: 'knife',
    build(random) {
      const kind = random.cycle(['chef', 'bread', 'cleaver', 'table', 'paring'])
      const long = { chef: 1.1, bread: 1.2, cleaver: 0.8, table: 0.8, paring: 0.55 }[kind]! * random.spread(0.92, 1.08)
      const w = { chef: 0.22, bread: 0.14, cleaver: 0.4, table: 0.1, paring: 0.13 }[kind]!
      const back = w * 0.3
      const teeth = Array.from({ length: 13 }, (_, i): Point2 => [back - w + (i % 2 ? 0.025 : 0), (i / 12) * long * 0.9])
      const blade: Record<string, Point2[]> = {
        chef: [
          [back, 0],
          [back, long * 0.7],
          [back - 0.04, long],
          ...curve(xy([back - 0.04, long, back - w * 0.75, long * 0.6, back - w, long * 0.2, back - w, 0]), { steps: 3 }).slice(
            1,
          ),
        ],
        bread: [[back, 0], [back, long * 0.95], [back - 0.05, long], ...teeth.reverse()],
        cleaver: xy([back, 0, back, long, back - w, long * 0.97, back - w, 0.03]),
        table: [
          [back, 0],
          ...curve(
            xy([
              back,
              long * 0.4,
              back + 0.01,
              long * 0.85,
              back - w * 0.4,
              long,
              back - w,
              long * 0.8,
              back - w,
              long * 0.4,
              back - w * 0.8,
              0,
            ]),
            { steps: 3 },
          ),
        ],
        paring: xy([back, 0, back, long * 0.5, back - w * 0.55, long, back - w, long * 0.6, back - w, 0]),
      }
      const flat = prism(blade[kind]!, 0.03)
      // Ground to an edge: thin where it cuts.
      const ground = flat.warp((x, y, z) => [x, y, z * (0.25 + 0.75 * Math.min(1, Math.max(0, (x - back + w) / w)))])
      const hole = cylinder(0.03, 0.034, { segments: 10 })
        .turn('x', 90)
        .move(back - 0.08, long * 0.85, -0.017)
      const handleLength = kind === 'paring' ? 0.45 : 0.6
      const hold = grip(random.cycle(['riveted', 'round', 'riveted', 'oblong', 'plain']), handleLength)
        .mirror('y')
        .scale(1.1)
      return union(
        ground
          .and(...(kind === 'cleaver' ? [hole] : []), block([-0.055, -0.03, -0.035], [0.055, 0.03, 0.035]))
          .of('blade', 'metal', steel),
        hold.of('handle', random.cycle(['wood', 'plastic', 'wood', 'metal', 'plastic'])),
      )
    },
  },
  {
    name: 'spoon',
    build(random) {
      const kind = random.cycle(grips)
      const head = random.cycle(['table', 'round', 'ladle', 'pointed', 'slotted'])
      const [w, l] = [random.spread(0.16, 0.24), head === 'round' || head === 'ladle' ? 0.2 : 0.32]
      const outline = ellipse(1, 1, 24).map(
        ([x, z]): Point2 => [x * w * (head === 'pointed' ? 1 - 0.35 * z : 1 + 0.12 * z), z * l],
      )
      const deep = head === 'ladle' ? 0.22 : head === 'slotted' ? 0.05 : 0.1
      const layers = [
        [0.15, 0],
        [0.6, 0.22],
        [0.88, 0.6],
        [1, 1],
      ] as const
      const bowl = loft([
        ...layers.map(([size, y]) => ({ outline, y: y * deep, size })),
        ...[...layers].reverse().map(([size, y]) => ({ outline, y: 0.018 + y * (deep - 0.012), size: size * 0.93 })),
      ])
      const long = head === 'ladle' ? 1.2 : random.spread(0.85, 1.05)
      const stem = tube(xyz([0, 0, 0, 0, 0.3, 0]), 0.022, { sides: 6 })
      const face = bowl.turn('x', 90).move(0, long + l * 0.92 + 0.12, -deep * 0.8)
      const placed = head === 'ladle' ? bowl.turn('x', 25).move(0, long + 0.1, 0.16) : face
      return bent(
        union(
          grip(kind, long * 0.7)
            .and(stem.scale(1, (long * 0.42 + 0.06) / 0.3, 1).move(0, long * 0.66))
            .of('handle', 'metal'),
          placed.of('bowl', 'metal'),
        ),
        0.05,
        long * 0.6,
      )
    },
  },
]
