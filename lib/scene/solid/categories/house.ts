// Parts of a house.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  type Point3,
  prism,
  rectangle,
  type Solid,
  sphere,
  sweep,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { arched, bar, block, casing } from './joinery.js'

export const house: readonly Category[] = [
  {
    name: 'door',
    build(random) {
      const kind = random.cycle(['panels', 'glazed', 'arched', 'planks', 'double'])
      const [half, h] = [kind === 'double' ? 0.75 : random.spread(0.38, 0.48), 2]
      const leafOutline = kind === 'arched' ? arched(half, h) : rectangle(2 * half, h).map(([x, y]) => [x, y + h / 2] as const)
      const outer =
        kind === 'arched'
          ? arched(half + 0.09, h + 0.09)
          : rectangle(2 * half + 0.18, h + 0.09).map(([x, y]) => [x, y + h / 2 + 0.045] as const)
      const hole = (kind === 'arched' ? arched(half, h) : leafOutline).map(([x, y]) => [x, Math.max(y, 0.004)] as const)
      const frame = casing(outer, hole, 0.14)
      const raised = (x0: number, x1: number, y0: number, y1: number) =>
        prism(rectangle(x1 - x0, y1 - y0), 0.03, { bevel: 0.014 }).move((x0 + x1) / 2, (y0 + y1) / 2, 0.028)
      const columns: Point2[] =
        kind === 'double' ? xy([-half + 0.1, -0.08, 0.08, half - 0.1]) : xy([-half + 0.09, -0.04, 0.04, half - 0.09])
      const rows: [number, number][] = [
        [0.2, 0.78],
        [0.95, 1.5],
        [1.6, 1.86],
      ]
      const panels = kind === 'arched' ? rows.slice(0, 2) : rows
      const detail: Record<string, Solid[]> = {
        panels: [union(...columns.flatMap(([a, b]) => panels.map(([c, d]) => raised(a, b, c, d)))).of('leaf', 'wood')],
        double: [
          union(...columns.flatMap(([a, b]) => panels.map(([c, d]) => raised(a, b, c, d)))).of('leaf', 'wood'),
          block([-0.01, 0, 0.02], [0.01, h, 0.035]).of('frame', 'wood'),
        ],
        arched: [
          union(...columns.flatMap(([a, b]) => panels.map(([c, d]) => raised(a, b, c, d)))).of('leaf', 'wood'),
          prism(arc(0, 0, half * 0.6, 0, 180, 10), 0.02)
            .move(0, 1.58, 0.02)
            .of('glass', 'glass'),
        ],
        glazed: [
          union(
            ...[0, 1].flatMap((i) =>
              [0, 1, 2, 3].map((j) =>
                block(
                  [-half + 0.1 + i * (half - 0.08), 0.5 + j * 0.36, 0.01],
                  [-0.02 + i * (half - 0.08), 0.82 + j * 0.36, 0.03],
                ),
              ),
            ),
          ).of('glass', 'glass'),
          raised(-half + 0.1, half - 0.1, 0.12, 0.4).of('leaf', 'wood'),
        ],
        planks: [
          union(
            ...Array.from({ length: 6 }, (_, i) =>
              block([-half + 0.01 + (i * 2 * half) / 6, 0.01, 0.018], [-half - 0.01 + ((i + 1) * 2 * half) / 6, h - 0.01, 0.035]),
            ),
          ).of('leaf', 'wood'),
          union(
            ...[0.3, 1.6].map((y) =>
              block([-half, y, 0.03], [half * 0.6, y + 0.08, 0.05]).and(
                cylinder(0.06, 0.02, { segments: 10 })
                  .turn('x', 90)
                  .move(half * 0.6, y + 0.04, 0.03),
              ),
            ),
          ).of('hinges', 'metal'),
        ],
      }
      const lever = union(
        cylinder(0.025, 0.07, { segments: 10 }).turn('x', 90),
        bar([0, 0, 0.07], [-0.13, 0, 0.07], 0.014),
        block([-0.03, -0.14, 0], [0.03, 0.08, 0.012]),
      )
      const knob = sphere(0.04, { segments: 12, rings: 6 })
        .move(0, 0, 0.06)
        .and(cylinder(0.04, 0.02, { segments: 12 }).turn('x', 90), bar([0, 0, 0], [0, 0, 0.05], 0.015))
      const fitting = random.cycle([lever, knob]).move(kind === 'double' ? 0.09 : half - 0.07, 1, 0.025)
      const leaf = union(
        prism(leafOutline, 0.05).of('leaf', 'wood'),
        ...detail[kind]!,
        fitting.and(...(kind === 'double' ? [fitting.mirror('x')] : [])).of('handle', 'metal'),
      )
      const pediment = prism(xy([-half - 0.2, 0, half + 0.2, 0, half + 0.2, 0.05, 0, 0.34, -half - 0.2, 0.05]), 0.24).move(
        0,
        h + 0.08,
      )
      // Two of them stand ajar, hung at their left side.
      const ajar = kind === 'glazed' ? -50 : kind === 'planks' ? -20 : 0
      return union(
        frame.and(...(kind === 'double' ? [pediment] : [])).of('frame', 'wood'),
        ajar === 0 ? leaf : leaf.move(half).turn('y', ajar).move(-half),
      )
    },
  },
  {
    name: 'fireplace',
    build(random) {
      const kind = random.cycle(['mantel', 'arched', 'chimney', 'corner', 'modern'])
      const [half, h, d] = [random.spread(0.6, 0.75), random.spread(1.0, 1.15), 0.2]
      const [gap, top] = [half * 0.55, h * 0.66]
      const opening: Point2[] =
        kind === 'arched' || kind === 'chimney'
          ? [...arched(gap, top + 0.08)]
          : rectangle(2 * gap, top).map(([x, y]) => [x, y + top / 2] as const)
      const shell = prism(
        rectangle(2 * half, h).map(([x, y]) => [x, y + h / 2] as const),
        2 * d,
        { holes: [opening.map(([x, y]) => [x, Math.max(y, 0.005)] as const)] },
      )
      const back = block([-half, 0, -d - 0.02], [half, h, -d])
      const hearth = block([-half - 0.1, -0.06, -d], [half + 0.1, 0, d + 0.3])
      const mantel = block([-half - 0.12, h, -d - 0.02], [half + 0.12, h + 0.06, d + 0.1], 0.015)
      const column =
        kind === 'mantel'
          ? lathe(xy([0.08, 0, 0.08, 0.08, 0.06, 0.1, 0.05, h - 0.14, 0.08, h - 0.1, 0.08, h]), { segments: 12 })
          : block([-0.09, 0, -0.03], [0.09, h, 0.06])
      const log = (x: number, y: number, z: number, turn: number) =>
        cylinder(0.06, gap * 1.3, { segments: 10 })
          .turn('z', 90)
          .move(gap * 0.65, 0, 0)
          .turn('y', turn)
          .move(x, y, z)
      const logs = union(log(0, 0.1, 0.02, 12), log(0, 0.1, -0.13, -10), log(0, 0.21, -0.05, 35))
      const flame = lathe(curve(xy([0, 0, 0.07, 0.08, 0.04, 0.2, 0, 0.34]), { steps: 2 }), { segments: 8 })
      const fire = union(flame.move(0, 0.2), flame.scale(0.8).move(-0.14, 0.18, 0.03), flame.scale(0.65).move(0.15, 0.18, -0.02))
      const chimney =
        kind === 'chimney'
          ? [
              prism(
                xy([-half * 0.9, 0, half * 0.9, 0, half * 0.4, 0.5, half * 0.4, 1.1, -half * 0.4, 1.1, -half * 0.4, 0.5]),
                d * 1.6,
              )
                .move(0, h + 0.05, -d * 0.2)
                .of('body', 'brick'),
            ]
          : []
      const grate = union(
        ...[-1, -0.5, 0, 0.5, 1].map((s) =>
          bar([s * gap * 0.8, 0.06, -0.15], [s * gap * 0.8, 0.06, d * 0.6], 0.01, 5).and(
            bar([s * gap * 0.8, 0.06, d * 0.6], [s * gap * 0.8, 0.2, d * 0.7], 0.01, 5),
          ),
        ),
      )
      const upper = kind === 'modern' ? [block([-half * 1.2, h, -d], [half * 1.2, h + 0.5, d - 0.1]).of('body', 'stone')] : []
      return union(
        shell.and(back).of('body', kind === 'modern' ? 'stone' : 'brick'),
        hearth.of('hearth', 'stone'),
        mantel.of('mantel', kind === 'modern' ? 'stone' : 'wood'),
        ...(kind === 'modern' || kind === 'chimney'
          ? []
          : [
              column
                .move(half - 0.1, 0, d + (kind === 'mantel' ? 0.06 : 0))
                .mirrored('x')
                .of('columns', 'stone'),
            ]),
        logs.of('logs', 'bark'),
        fire.of('fire', 'wax', [0.9, 0.3, 0.03]),
        grate.of('grate', 'metal', [0.03, 0.03, 0.03]),
        ...chimney,
        ...upper,
      )
    },
  },
  {
    name: 'staircase',
    build(random) {
      const kind = random.cycle(['straight', 'spiral', 'open', 'landing', 'solid'])
      const steps = random.cycle([9, 12, 10, 11, 8])
      const [rise, run, half] = [0.19, 0.25, random.spread(0.4, 0.55)]
      const tread = block([-half, -0.04, -run / 2 - 0.02], [half, 0, run / 2 + 0.02])
      const rail = (n: number, x: number, y: number, z: number): Solid =>
        union(
          bar([x, y + 0.9, z], [x, y + 0.9 + (n - 1) * rise, z - (n - 1) * run], 0.025),
          ...Array.from({ length: n }, (_, i) =>
            bar([x, y + i * rise, z - i * run], [x, y + i * rise + 0.9, z - i * run], 0.014, 6),
          ),
        )
      if (kind === 'spiral') {
        const wedge = prism(xy([0, -0.05, 0.85, -0.2, 0.85, 0.2, 0, 0.05]), 0.04).turn('x', -90)
        const angle = 300 / steps
        const post = (i: number) =>
          bar([0.8, 0, 0], [0.8, 0.85, 0], 0.012, 5)
            .turn('y', i * angle)
            .move(0, i * rise)
        const hand = curve<Point3>(
          Array.from(
            { length: steps + 1 },
            (_, i): Point3 => [
              0.8 * Math.cos((i * angle * Math.PI) / 180),
              i * rise + 0.86,
              -0.8 * Math.sin((i * angle * Math.PI) / 180),
            ],
          ),
          { steps: 2 },
        )
        return union(
          cylinder(0.06, steps * rise + 0.9, { segments: 12 }).of('column', 'metal'),
          union(...Array.from({ length: steps }, (_, i) => wedge.turn('y', i * angle).move(0, i * rise + 0.02))).of(
            'treads',
            'wood',
          ),
          union(...Array.from({ length: steps }, (_, i) => post(i)), tube(hand, 0.02, { sides: 6 })).of('rail', 'metal'),
        )
      }
      const flight = (n: number) => union(...Array.from({ length: n }, (_, i) => tread.move(0, (i + 1) * rise, -i * run)))
      const profile = (n: number): Point2[] => [
        [0, 0],
        ...Array.from({ length: n }, (_, i): Point2[] => [
          [i * run, (i + 1) * rise],
          [(i + 1) * run, (i + 1) * rise],
        ]).flat(),
        [n * run, kind === 'solid' ? 0 : n * rise - 0.35],
        ...(kind === 'solid' ? [] : [[0.35, 0] as Point2]),
      ]
      const body = (n: number, width: number) =>
        prism(profile(n), width)
          .turn('y', 90)
          .move(0, 0, run / 2)
      if (kind === 'landing') {
        const n = 5
        return union(
          body(n, 2 * half)
            .and(block([-half, n * rise - 0.05, -(n - 0.5) * run - 1], [half, n * rise + 0.001, -(n - 0.5) * run]))
            .of('treads', 'wood'),
          body(n, 2 * half)
            .turn('y', -90)
            .move(-half, n * rise, -(n - 0.5) * run - 0.5)
            .of('treads', 'wood'),
          rail(n, half - 0.04, rise, 0)
            .and(rail(n, -half + 0.04, rise, 0))
            .of('rail', 'metal'),
          block([half - 0.1, 0, -(n - 0.5) * run - 0.98], [half, n * rise, -(n - 0.5) * run - 0.88]).of('treads', 'wood'),
        )
      }
      const stringer = sweep(
        rectangle(0.05, 0.22),
        xyz([half - 0.03, rise * 0.5, run * 0.5, half - 0.03, steps * rise, -(steps - 1) * run]),
        { up: [0, 1, 0] },
      ).mirrored('x')
      if (kind === 'open')
        return union(
          flight(steps).of('treads', 'wood'),
          stringer.of('body', 'metal'),
          rail(steps, half - 0.03, rise, 0).of('rail', 'metal'),
        )
      return union(
        body(steps, 2 * half).of('treads', kind === 'solid' ? 'stone' : 'wood'),
        rail(steps, half - 0.04, rise, 0)
          .and(...(kind === 'straight' ? [rail(steps, -half + 0.04, rise, 0)] : []))
          .of('rail', 'wood'),
      )
    },
  },
  {
    name: 'window',
    build(random) {
      const kind = random.cycle(['cross', 'arched', 'sash', 'shutters', 'open'])
      const [half, h] = [random.spread(0.42, 0.6), random.spread(1.1, 1.4)]
      const outer = kind === 'arched' ? arched(half, h) : rectangle(2 * half, h).map(([x, y]) => [x, y + h / 2] as const)
      const inner =
        kind === 'arched'
          ? arched(half - 0.07, h - 0.14)
          : rectangle(2 * half - 0.14, h - 0.14).map(([x, y]) => [x, y + h / 2 - 0.07] as const)
      const frame = casing(
        outer,
        inner.map(([x, y]) => [x, y + 0.07] as const),
        0.1,
      )
      const pane = prism(
        inner.map(([x, y]) => [x * 1.02, y + 0.07] as const),
        0.012,
      )
      const bars = (columns: number, rows: number, x0: number, x1: number) =>
        union(
          ...Array.from({ length: columns - 1 }, (_, i) =>
            block(
              [x0 + ((i + 1) * (x1 - x0)) / columns - 0.018, 0.05, -0.02],
              [x0 + ((i + 1) * (x1 - x0)) / columns + 0.018, h - 0.05, 0.03],
            ),
          ),
          ...Array.from({ length: rows - 1 }, (_, i) =>
            block([x0, ((i + 1) * h) / rows - 0.018, -0.02], [x1, ((i + 1) * h) / rows + 0.018, 0.028]),
          ),
        )
      const sill = block([-half - 0.08, -0.05, -0.06], [half + 0.08, 0, 0.16], 0.01)
      const leafSash = (w: number) =>
        union(
          casing(rectangle(w, h - 0.12), rectangle(w - 0.12, h - 0.24), 0.05).of('frame', 'wood'),
          block([-w / 2 + 0.04, -h / 2 + 0.08, -0.006], [w / 2 - 0.04, h / 2 - 0.08, 0.006]).of('pane', 'glass'),
          block([-w / 2 + 0.05, -0.018, -0.02], [w / 2 - 0.05, 0.018, 0.02]).of('frame', 'wood'),
        )
      const shutter = union(
        casing(rectangle(half * 0.98, h), rectangle(half * 0.98 - 0.12, h - 0.14), 0.04),
        box(half * 0.98 - 0.1, 0.012, 0.06)
          .turn('x', 35)
          .repeat(12, [0, (h - 0.14) / 12, 0]),
      )
      if (kind === 'open')
        return union(
          frame.and(sill).of('frame', 'wood'),
          leafSash(half - 0.06)
            .move((half - 0.06) / 2, h / 2)
            .turn('y', -70)
            .move(-half + 0.06, 0, 0.05),
          leafSash(half - 0.06)
            .move(-(half - 0.06) / 2, h / 2)
            .turn('y', 55)
            .move(half - 0.06, 0, 0.05),
        )
      const grid = {
        cross: bars(2, 2, -half, half),
        arched: bars(3, 1, -half + 0.02, half - 0.02).and(
          ...[0.22, 0.44].map((t) => block([-half + 0.03, t * h, -0.02], [half - 0.03, t * h + 0.036, 0.03])),
        ),
        sash: union(
          block([-half, h / 2 - 0.02, -0.02], [half, h / 2 + 0.06, 0.05]),
          block([-half, h * 0.38, -0.07], [half, h * 0.44, -0.02]),
          block([-half - 0.1, h - 0.02, -0.06], [half + 0.1, h + 0.1, 0.14], 0.02),
        ),
        shutters: bars(2, 3, -half, half),
      }[kind]!
      return union(
        frame.and(sill, grid).of('frame', 'wood'),
        (kind === 'sash' ? block([-half + 0.05, h * 0.4, -0.006], [half - 0.05, h - 0.05, 0.006]) : pane).of('pane', 'glass'),
        ...(kind === 'cross'
          ? [
              block([-half * 0.9, -0.02, 0.14], [half * 0.9, 0.16, 0.36])
                .taper('y', 0.85, 1)
                .of('flower box', 'wood'),
              ellipsoid(0.12, 0.13, 0.1, { segments: 8, rings: 5 })
                .repeat(5, [half * 0.36, 0, 0])
                .move(0, 0.22, 0.25)
                .of('flowers', 'petal'),
            ]
          : []),
        ...(kind === 'shutters'
          ? [
              shutter
                .turn('y', 18)
                .move(half * 1.5, h / 2, 0.07)
                .mirrored('x')
                .of('shutters', 'wood'),
            ]
          : []),
      )
    },
  },
]
