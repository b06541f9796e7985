// Ceramic of the bathroom.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  loft,
  type Point2,
  prism,
  rectangle,
  type Solid,
  sphere,
  superellipse,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block, corners, handle } from './joinery.js'

/** A shell around outlines from the floor of its inside to its rim, its inside following at a wall's distance. */
function tub(layers: readonly { outline: readonly Point2[]; y: number; z?: number }[], wall: number, floor: number): Solid {
  const top = layers[layers.length - 1]!
  const shrunk = (outline: readonly Point2[], less: number) => {
    const [w, d] = [0, 1].map((k) => Math.max(...outline.map((p) => Math.abs(p[k]!))))
    return outline.map(([x, z]) => [x * (1 - less / w!), z * (1 - less / d!)] as const)
  }
  const inside = layers.filter(({ y }) => y > floor).map((layer) => ({ ...layer, outline: shrunk(layer.outline, wall) }))
  const deepest = inside[0] ?? top
  return loft([...layers, ...inside.reverse(), { ...deepest, outline: shrunk(deepest.outline, wall), y: floor }])
}

/** A tap with its spout towards +z at the origin. */
function tap(kind: 'arc' | 'block' | 'cross', size: number): Solid {
  const spout =
    kind === 'block'
      ? union(
          cylinder(0.14 * size, 0.5 * size, { segments: 10 }),
          box(0.16 * size, 0.12 * size, 0.8 * size).move(0, 0.5 * size, 0.32 * size),
        )
      : tube(
          curve(
            xyz([0, 0, 0, 0, 0.9, 0, 0, 1.15, 0.3, 0, 0.95, 0.65, 0, 0.75, 0.68]).map(
              ([x, y, z]) => [x! * size, y! * size, z! * size] as const,
            ),
            { steps: 3 },
          ),
          0.09 * size,
        )
  const cross = union(
    bar([-0.16 * size, 0, 0], [0.16 * size, 0, 0], 0.04 * size, 6),
    bar([0, 0, -0.16 * size], [0, 0, 0.16 * size], 0.04 * size, 6),
    cylinder(0.06 * size, 0.25 * size, { segments: 8 }).move(0, -0.25 * size),
  )
  if (kind === 'cross') return spout.and(cross.move(0.4 * size, 0.28 * size).mirrored('x'))
  return spout.and(
    bar([0, 0.5 * size, 0], [kind === 'arc' ? 0.3 * size : 0, 0.75 * size, kind === 'arc' ? 0 : -0.1 * size], 0.05 * size, 6),
  )
}

export const sanitaryWare: readonly Category[] = [
  {
    name: 'bathtub',
    build(random) {
      const kind = random.cycle(['claw', 'built', 'oval', 'slipper', 'corner'])
      const [half, depth] = [random.spread(0.72, 0.9), random.spread(0.34, 0.42)]
      const oval = (scale: number, n = 3) => superellipse(half * scale, depth * scale, n, 32)
      if (kind === 'built') {
        const basin = tub(
          [
            { outline: superellipse(half * 0.78, depth * 0.72, 5, 32), y: 0.16 },
            { outline: superellipse(half * 0.92, depth * 0.86, 6, 32), y: 0.56 },
          ],
          0.03,
          0.2,
        )
        return union(
          prism(rectangle(2 * half, 2 * depth), 0.04, { holes: [superellipse(half * 0.9, depth * 0.84, 6, 32)] })
            .turn('x', 90)
            .move(0, 0.56)
            .and(
              basin,
              block([-half, 0, depth - 0.03], [half, 0.55, depth - 0.01]).mirrored('z'),
              block([half - 0.03, 0, -depth], [half - 0.01, 0.55, depth]).mirrored('x'),
            )
            .of('tub', 'ceramic'),
          tap('cross', 0.2)
            .turn('y', 90)
            .move(-half + 0.05, 0.58)
            .of('tap', 'metal'),
        )
      }
      if (kind === 'corner') {
        const outline: Point2[] = curve(
          xy([-0.7, -0.7, 0.2, -0.7, 0.7, -0.6, 0.72, -0.1, 0.45, 0.45, -0.1, 0.72, -0.6, 0.7, -0.7, 0.2]),
          { steps: 4, closed: true },
        )
        const scaled = (k: number) => outline.map(([x, z]) => [x * k, z * k] as const)
        return union(
          tub(
            [
              { outline: scaled(0.9), y: 0 },
              { outline: scaled(0.95), y: 0.4 },
              { outline: scaled(1), y: 0.5 },
              { outline: scaled(1), y: 0.55 },
            ],
            0.13,
            0.15,
          ).of('tub', 'ceramic'),
          tap('block', 0.2).turn('y', 45).move(-0.56, 0.55, -0.56).of('tap', 'metal'),
        ).turn('y', 45 + 180)
      }
      const layers = [
        { outline: oval(0.7), y: 0.14 },
        { outline: oval(0.84), y: 0.2 },
        { outline: oval(0.93), y: 0.4 },
        { outline: oval(0.97), y: 0.58 },
        { outline: oval(1.06), y: 0.6 },
        { outline: oval(1.06), y: 0.63 },
      ]
      const shell = tub(layers, 0.05, 0.22)
      const lifted =
        kind === 'slipper'
          ? shell.warp((x, y, z) => [x, y + 0.28 * Math.max(0, (y - 0.14) / 0.49) * Math.max(0, x / half) ** 2, z])
          : shell
      const foot = tube(
        curve(xyz([0, 0.2, 0, 0.03, 0.1, 0.03, 0.05, 0.03, 0.05, 0.09, 0.025, 0.09]), { steps: 3 }),
        (t) => 0.045 - 0.02 * Math.sin(Math.PI * t),
        { round: true },
      )
      const standing = tube(curve(xyz([0, 0, 0, 0, 0.8, 0, 0.05, 0.88, 0, 0.2, 0.84, 0, 0.22, 0.78, 0]), { steps: 3 }), 0.018)
      return union(
        lifted.of('tub', 'ceramic'),
        (kind === 'oval'
          ? cylinder(1, 0.18, { segments: 28 }).scale(half * 0.72, 1, depth * 0.72)
          : corners(foot, half * 0.6, depth * 0.55)
        ).of('feet', kind === 'oval' ? 'ceramic' : 'metal'),
        (kind === 'claw' ? tap('cross', 0.22).turn('y', 90).move(-half, 0.62) : standing.move(-half - 0.14)).of('tap', 'metal'),
      )
    },
  },
  {
    name: 'sink',
    build(random) {
      const kind = random.cycle(['pedestal', 'bowl', 'wall', 'vanity', 'double'])
      const [half, depth] = [random.spread(0.26, 0.36), 0.23]
      const basin = (w: number, d: number, n: number) =>
        tub(
          [
            { outline: superellipse(w * 0.35, d * 0.4, n, 28), y: -0.17 },
            { outline: superellipse(w * 0.75, d * 0.75, n, 28), y: -0.1 },
            { outline: superellipse(w * 0.96, d * 0.96, n, 28), y: -0.02 },
            { outline: superellipse(w, d, n, 28), y: 0 },
          ],
          0.045,
          -0.13,
        )
      const faucet = tap(random.cycle(['cross', 'arc', 'block', 'arc', 'cross']), random.spread(0.16, 0.22))
      const ledge = block([-half * 0.75, -0.03, -depth - 0.1], [half * 0.75, 0, -depth + 0.04], 0.01)
      if (kind === 'pedestal')
        return union(
          basin(half, depth, 3).and(ledge).move(0, 0.85).of('basin', 'ceramic'),
          lathe(curve(xy([0.14, 0, 0.12, 0.06, 0.07, 0.3, 0.075, 0.55, 0.13, 0.74]), { steps: 2 }), { segments: 16 }).of(
            'pedestal',
            'ceramic',
          ),
          faucet.move(0, 0.85, -depth - 0.03).of('tap', 'metal'),
        )
      if (kind === 'wall')
        return union(
          basin(half, depth, 5).and(ledge).move(0, 0.85).of('basin', 'ceramic'),
          tube(curve(xyz([0, 0.7, 0, 0, 0.5, 0, 0, 0.44, -0.04, 0, 0.5, -0.1, 0, 0.52, -0.3]), { steps: 3 }), 0.022)
            .and(faucet.move(0, 0.85, -depth - 0.03))
            .of('tap', 'metal'),
          block([-0.3, 0.5, -depth - 0.12], [0.3, 1.3, -depth - 0.1]).of('tiles', 'ceramic'),
        )
      const wide = kind === 'double' ? 0.75 : 0.45
      const cabinet = block([-wide, 0.08, -0.24], [wide, 0.78, 0.24]).and(
        block([-wide + 0.03, 0, -0.22], [wide - 0.03, 0.1, 0.2]),
        ...[-1, 1].map((s) => block([s > 0 ? 0.01 : -wide + 0.02, 0.12, 0.24], [s > 0 ? wide - 0.02 : -0.01, 0.74, 0.255])),
      )
      const knobs = handle('bar', 0.05).turn('z', 90).move(0.06, 0.5, 0.25).mirrored('x')
      if (kind === 'bowl')
        return union(
          cabinet.of('cabinet', 'wood'),
          knobs.of('handles', 'metal'),
          block([-wide - 0.02, 0.78, -0.26], [wide + 0.02, 0.81, 0.26]).of('top', 'stone'),
          vessel(curve(xy([0.1, 0, 0.17, 0.03, 0.21, 0.09, 0.22, 0.14]), { steps: 2 }), 0.015)
            .move(0, 0.81, 0.03)
            .of('basin', 'ceramic'),
          faucet.scale(1.2).move(0, 0.81, -0.2).of('tap', 'metal'),
        )
      const hole = superellipse(half * 0.75, 0.16, 4, 28)
      const places = kind === 'double' ? [-wide / 2, wide / 2] : [0]
      const top = prism(rectangle(2 * wide + 0.04, 0.52), 0.04, {
        holes: places.map((x) => hole.map(([a, b]) => [a + x, b - 0.02] as const)),
      })
        .turn('x', -90)
        .move(0, 0.8)
      return union(
        cabinet.of('cabinet', 'wood'),
        knobs.of('handles', 'metal'),
        top.of('top', kind === 'double' ? 'metal' : 'ceramic'),
        ...places.map((x) =>
          union(
            basin(half * 0.8, 0.19, 4)
              .move(x, 0.81, 0.02)
              .of('basin', 'ceramic'),
            faucet.move(x, 0.82, -0.21).of('tap', 'metal'),
          ),
        ),
      )
    },
  },
  {
    name: 'toilet',
    build(random) {
      const kind = random.cycle(['close', 'high', 'wall', 'open', 'square'])
      const long = random.spread(0.25, 0.3)
      const egg = (w: number, d: number): Point2[] =>
        ellipse(1, 1, 28).map(([x, z]) => [x * w * (z < 0 ? 1 : 1 - 0.12 * z * z), z * d * (z > 0 ? 1.15 : 0.85)])
      const outline = (k: number) => (kind === 'square' ? superellipse(0.19 * k, long * k, 4.5, 28) : egg(0.19 * k, long * k))
      const base =
        kind === 'wall'
          ? [
              { outline: outline(0.6), y: 0.12, z: -0.08 },
              { outline: outline(0.85), y: 0.24, z: -0.02 },
            ]
          : [
              { outline: outline(0.62), y: 0, z: -0.06 },
              { outline: outline(0.56), y: 0.12, z: -0.06 },
              { outline: outline(0.8), y: 0.25, z: -0.01 },
            ]
      const bowl = tub([...base, { outline: outline(0.98), y: 0.37 }, { outline: outline(1), y: 0.39 }], 0.05, 0.2)
      const ring = (k: number) => outline(k).map(([x, z]) => [x, -z] as const)
      const seat = prism(ring(1.04), 0.02, { holes: [ring(0.72)] })
        .turn('x', -90)
        .move(0, 0.4)
      const lid = prism(ring(1.03), 0.02, { bevel: 0.006 }).turn('x', -90)
      const up = lid.turn('x', -82).move(0, 0.42 + long * 1.05, -long * 0.95)
      const tank = (y: number, h: number) =>
        box(0.4, h, 0.17, 0.03)
          .taper('y', 0.92, 1)
          .stand(y)
          .and(box(0.43, 0.03, 0.2, 0.01).move(0, y + h + 0.01))
          .move(0, 0, -long - 0.07)
      const knob = cylinder(0.02, 0.02, { segments: 10 })
      const parts: Record<string, Solid[]> = {
        close: [
          tank(0.36, 0.36).of('tank', 'ceramic'),
          lid.move(0, 0.42).of('seat', 'plastic'),
          knob.move(0, 0.745, -long - 0.07).of('lever', 'metal'),
        ],
        high: [
          tank(1.35, 0.3).of('tank', 'ceramic'),
          bar([0, 0.35, -long - 0.07], [0, 1.4, -long - 0.07], 0.025)
            .and(
              bar([0.16, 1.0, -long], [0.16, 1.5, -long], 0.008, 6),
              cylinder(0.018, 0.09, { segments: 8 }).move(0.16, 0.92, -long),
            )
            .of('lever', 'metal'),
          up.of('seat', 'wood'),
        ],
        wall: [
          block([-0.28, 0, -long - 0.2], [0.28, 1.05, -long - 0.02]).of('tank', 'ceramic'),
          lid.move(0, 0.42).of('seat', 'plastic'),
          block([-0.1, 0.85, -long - 0.02], [0.1, 0.95, -long - 0.005]).of('lever', 'metal'),
        ],
        open: [
          tank(0.36, 0.32).of('tank', 'ceramic'),
          up.of('seat', 'plastic'),
          bar([-0.13, 0.62, -long + 0.02], [-0.21, 0.6, -long + 0.04], 0.012, 6).of('lever', 'metal'),
        ],
        square: [
          block([-0.19, 0.05, -long - 0.16], [0.19, 0.78, -long + 0.02], 0.015).of('tank', 'ceramic'),
          lid.move(0, 0.42).of('seat', 'plastic'),
          knob.move(0, 0.78, -long - 0.07).of('lever', 'metal'),
        ],
      }
      return union(
        bowl.and(block([-0.13, 0.2, -long - 0.1], [0.13, 0.385, -long * 0.7], 0.03)).of('bowl', 'ceramic'),
        seat.of('seat', 'plastic'),
        ...parts[kind]!,
      )
    },
  },
  {
    name: 'urinal',
    build(random) {
      const kind = random.cycle(['round', 'tall', 'square', 'shell', 'lidded'])
      const [w, h] = [random.spread(0.17, 0.22), kind === 'tall' ? 1.05 : random.spread(0.58, 0.72)]
      const depth = random.spread(0.26, 0.34)
      const n = kind === 'square' ? 5 : 2.4
      const bowl = tub(
        [0, 1, 2, 3].map((i) => ({
          outline: superellipse(w * [0.4, 0.8, 0.95, 1][i]!, (depth / 2) * [0.4, 0.8, 0.97, 1][i]!, n + 0.6, 28),
          y: h * 0.42 * [0, 0.25, 0.7, 1][i]!,
          z: (depth / 2) * [0.5, 0.85, 1, 1][i]!,
        })),
        0.035,
        h * 0.14,
      )
      const back = prism(
        [
          [-w, h * 0.3],
          [w, h * 0.3],
          ...arc(0, h - w * 0.8, w, 0, 180, 12).map(
            ([x, y]): Point2 => [x, kind === 'square' ? Math.min(h, h - w * 0.8 + (y - h + w * 0.8) * 1.6) : y],
          ),
        ],
        0.05,
      ).move(0, 0, 0.025)
      const cheek = prism(
        xy([
          0,
          h * 0.38,
          depth * 0.95,
          h * 0.4,
          depth * (kind === 'shell' ? 0.75 : 0.45),
          h * 0.62,
          depth * 0.3,
          h * 0.85,
          0,
          h * 0.95,
        ]),
        0.035,
      )
        .turn('y', -90)
        .move(w - 0.02)
        .mirrored('x')
      const hood =
        kind === 'shell' || kind === 'round'
          ? [
              prism(
                [
                  [-w, 0],
                  [w, 0],
                  ...arc(0, 0, w * 0.98, 0, 180, 10)
                    .slice(1, -1)
                    .map(([x, y]): Point2 => [x, -y * 0.75]),
                ].map(([x, y]) => [x!, -y!] as const),
                0.03,
              )
                .turn('x', 90)
                .move(0, h * 0.9, 0),
            ]
          : []
      return union(
        bowl.and(back, cheek, ...hood).of('bowl', 'ceramic'),
        bar([0, h * 0.9, 0.06], [0, h + 0.2, 0.06], 0.018)
          .and(
            cylinder(0.04, 0.07, { segments: 12 })
              .turn('x', 90)
              .move(0, h + 0.14, 0.05),
            sphere(0.022, { segments: 8, rings: 5 }).move(0, h + 0.14, 0.13),
          )
          .of('pipe', 'metal'),
        ...(kind === 'lidded'
          ? [
              prism(superellipse(w, depth / 2, 2.6, 24), 0.02)
                .turn('x', -80)
                .move(0, h * 0.42 + depth / 2, 0.07)
                .of('lid', 'plastic'),
            ]
          : []),
        ...(kind === 'tall' ? [block([-w - 0.05, 0, -0.02], [w + 0.05, h + 0.3, 0]).of('wall', 'ceramic')] : []),
      )
    },
  },
]
