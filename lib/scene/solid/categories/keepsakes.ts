// Things with a story: anchors, books, keys.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  type Point2,
  type Point3,
  prism,
  rectangle,
  type Solid,
  sheet,
  sphere,
  superellipse,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'

const anchor: Category = {
  name: 'anchor',
  build(random) {
    const kind = random.cycle(['admiralty', 'grapnel', 'stockless', 'mushroom', 'fouled'] as const)
    const wide = random.spread(0.34, 0.46)
    const shank = union(
      tube(xyz(0, -0.55, 0, 0, 0.45, 0), (t) => 0.045 - 0.01 * t),
      torus(0.09, 0.02, { segments: 18, sides: 8 }).turn('x', 90).move(0, 0.53, 0),
    )
    const fluke = prism(xy(0, 0.15, 0.09, -0.05, 0, -0.02, -0.09, -0.05), 0.03, { bevel: 0.006 })
    const arm = tube(
      curve([
        [0, -0.56, 0],
        [wide * 0.6, -0.48, 0],
        [wide, -0.2, 0],
      ] as Point3[]),
      (t) => 0.05 - 0.02 * t,
    ).and(fluke.turn('y', 90).turn('z', -22).move(wide, -0.22, 0))
    if (kind === 'grapnel') return union(shank, arm.around(4)).of('anchor', 'metal')
    if (kind === 'mushroom')
      return union(
        shank,
        vessel(curve<Point2>(xy(0.08, 0, wide * 0.8, 0.08, wide, 0.28), { steps: 4 }), 0.03, { segments: 28 }).move(0, -0.62, 0),
      ).of('anchor', 'metal')
    if (kind === 'stockless') {
      const blade = prism(
        curve(xy(0.05, -0.56, 0.22, -0.56, 0.3, -0.4, wide * 0.75 + 0.06, 0.02, 0.16, -0.32, 0.06, -0.4), {
          steps: 2,
          closed: true,
        }),
        0.09,
        { bevel: 0.02 },
      )
      return union(shank, blade.mirrored('x').turn('x', 0).move(0, 0.02, 0), box(0.5, 0.12, 0.16, 0.03).move(0, -0.52, 0)).of(
        'anchor',
        'metal',
      )
    }
    const stock = union(
      tube(xyz(-wide * 0.85, 0, 0, 0, 0, 0, wide * 0.85, 0, 0), (t) => 0.03 + 0.02 * Math.sin(Math.PI * t)),
      sphere(0.045, { segments: 10, rings: 8 })
        .move(wide * 0.85, 0, 0)
        .mirrored('x'),
    ).move(0, 0.34, 0)
    const plain = union(shank, arm.mirrored('x'))
      .of('anchor', 'metal')
      .and(stock.turn('y', kind === 'fouled' ? 0 : 90).of('stock', kind === 'fouled' ? 'wood' : 'metal'))
    const rope = tube(
      curve(
        xyz([
          0, 0.62, 0, 0.18, 0.5, 0.05, 0.1, 0.2, 0.09, -0.16, 0, 0, -0.08, -0.2, -0.09, 0.14, -0.32, 0.02, 0.05, -0.45, 0.1,
          -0.25, -0.35, 0.08,
        ]),
      ),
      0.022,
      { sides: 6, round: true },
    ).of('rope', 'cloth')
    return kind === 'fouled' ? plain.and(rope) : plain
  },
}

const book: Category = {
  name: 'book',
  build(random) {
    const kind = random.cycle(['closed', 'open', 'standing', 'stack', 'ajar'] as const)
    const thick = random.spread(0.1, 0.22)
    // Lying with its back at the left: boards, a round back, pages that stand in.
    const volume = (w: number, d: number, h: number): Solid => {
      const back = prism(
        [
          ...arc(0, 0, h / 2, 90, 270, 8).map(([x, y]): Point2 => [x * 0.4, y]),
          ...arc(0, 0, h / 2 - 0.012, 270, 90, 8).map(([x, y]): Point2 => [x * 0.4, y]),
        ],
        d,
      ).move(-w / 2, 0, 0)
      const board = box(w, 0.014, d)
        .move(0, h / 2 - 0.007, 0)
        .mirrored('y')
      return union(
        union(back, board).of('cover', 'leather'),
        box(w - 0.03, h - 0.028, d - 0.05)
          .move(-0.015, 0, 0)
          .of('pages', 'paper'),
        union(...[-0.35, -0.15, 0.15, 0.35].map((z) => box(0.02, h * 0.9, 0.025).move(-w / 2 - h * 0.2, 0, z * d))).of(
          'cover',
          'leather',
        ),
      )
    }
    if (kind === 'closed')
      return union(
        volume(0.66, 0.95, thick),
        sheet((u, v) => [0.02 + 0.03 * u, -0.02 * v, 0.4 + 0.25 * v], 0.006, { across: 1, along: 3 }).of('ribbon', 'cloth'),
      )
    if (kind === 'standing')
      return union(
        volume(0.66, 0.9, thick).turn('x', 90).turn('y', 70),
        volume(0.6, 0.82, thick * 0.8)
          .turn('x', 90)
          .turn('y', 70)
          .stand(-0.45)
          .move(0.22, 0, 0),
        volume(0.62, 0.86, thick * 0.6)
          .turn('x', 90)
          .turn('y', 70)
          .turn('z', 14)
          .stand(-0.45)
          .move(-0.28, 0, 0),
      )
    if (kind === 'stack')
      return union(
        volume(0.66, 0.9, thick),
        volume(0.6, 0.8, thick * 0.7)
          .turn('y', 18)
          .move(0.02, thick * 0.85, 0),
        volume(0.5, 0.72, thick)
          .turn('y', -12)
          .move(-0.02, thick * 1.7, 0),
      )
    const leaves = (side: number, high: number) =>
      sheet(
        (u, v) => [
          side * (0.02 + 0.6 * u),
          0.03 + high * Math.sin(Math.PI * Math.min(1, 0.12 + 0.88 * u)) ** 0.7 * 0.9,
          (v - 0.5) * 0.86,
        ],
        0.02,
        { across: 10, along: 1 },
      )
    const board = (side: number) => box(0.66, 0.016, 0.94).move(side * 0.35, 0, 0)
    if (kind === 'open')
      return union(
        union(leaves(1, thick * 0.8), leaves(-1, thick * 0.65), leaves(1, thick * 0.45), leaves(-1, thick * 0.35)).of(
          'pages',
          'paper',
        ),
        union(board(1), board(-1), box(0.1, 0.016, 0.94)).of('cover', 'leather'),
      ).turn('x', 12)
    // Standing on its lower edge, opened like a tent of pages.
    const fan = union(
      ...Array.from({ length: 9 }, (_, i) =>
        box(0.56, 0.82, 0.006)
          .move(0.3, 0.42, 0)
          .turn('y', 40 + i * 12.5),
      ),
    )
    return union(
      fan.of('pages', 'paper'),
      union(
        box(0.62, 0.88, 0.02).move(0.31, 0.44, 0).turn('y', 28),
        box(0.62, 0.88, 0.02).move(0.31, 0.44, 0).turn('y', 152),
        cylinder(0.03, 0.88, { segments: 10 }),
      ).of('cover', 'leather'),
    ).turn('y', 180)
  },
}

const key: Category = {
  name: 'key',
  build(random) {
    const kind = random.cycle(['ring', 'trefoil', 'flat', 'heart', 'tube'] as const)
    const length = random.spread(0.55, 0.75)
    const shank = union(
      cylinder(0.03, length, { segments: 12 }),
      lathe(xy(0.03, 0, 0.055, 0.02, 0.055, 0.05, 0.03, 0.07), { segments: 12 }).move(0, length - 0.1, 0),
      torus(0.035, 0.015, { segments: 12, sides: 6 }).move(0, length - 0.18, 0),
    ).move(0, -length, 0)
    const flat = (radius: number, thick: number) => torus(radius, [thick, thick * 0.8], { segments: 22, sides: 8 }).turn('x', 90)
    const bit = (outline: Point2[], holes: Point2[][] = []) => prism(outline, 0.035, { holes }).move(0, -length, 0)
    if (kind === 'ring')
      return union(
        shank,
        flat(0.15, 0.03).move(0, 0.16, 0),
        bit(xy(0, 0.02, 0.16, 0.02, 0.16, 0.08, 0.09, 0.08, 0.09, 0.12, 0.16, 0.12, 0.16, 0.22, 0, 0.22)),
      ).of('key', 'metal')
    if (kind === 'trefoil')
      return union(
        shank,
        ...[90, 0, 180].map((a) => flat(0.09, 0.026).move(0.12, 0, 0).turn('z', a)).map((s) => s.move(0, 0.16, 0)),
        sphere(0.05, { segments: 10, rings: 8 }).move(0, 0.15, 0),
        bit(xy(0, 0.04, 0.08, 0.04, 0.08, 0, 0.14, 0, 0.14, 0.2, 0.08, 0.2, 0.08, 0.15, 0, 0.15), [
          rectangle(0.03, 0.05).map(([x, y]): Point2 => [x + 0.105, y + 0.1]),
        ]),
      ).of('key', 'metal')
    if (kind === 'heart') {
      const heart = curve(
        xyz(0, 0, 0, 0.16, 0.14, 0, 0.2, 0.28, 0, 0.1, 0.34, 0, 0, 0.26, 0, -0.1, 0.34, 0, -0.2, 0.28, 0, -0.16, 0.14, 0),
        { closed: true },
      )
      return union(
        shank,
        tube(heart, 0.028, { closed: true }),
        bit(xy(0, 0.02, 0.06, 0.02, 0.06, 0.06, 0.12, 0.02, 0.12, 0.16, 0.06, 0.12, 0.06, 0.16, 0, 0.16)),
        bit(xy(0, 0.02, 0.06, 0.02, 0.06, 0.06, 0.12, 0.02, 0.12, 0.16, 0.06, 0.12, 0.06, 0.16, 0, 0.16)).mirror('x'),
      ).of('key', 'metal')
    }
    const ragged: Point2[] = [
      ...xy(-0.06, 0.02),
      ...Array.from({ length: 6 }, (_, i): Point2[] =>
        xy(-0.06, -0.05 - (i * length) / 6.5, -0.06 + random.between(0.03, 0.06), -0.09 - (i * length) / 6.5),
      ).flat(),
      ...xy(-0.01, -length, 0.03, -length + 0.04, 0.05, -length + 0.1, 0.05, 0.02),
    ]
    const bow = prism(
      curve(xy(-0.07, -0.02, 0.07, -0.02, 0.19, 0.08, 0.19, 0.24, 0.07, 0.33, -0.07, 0.33, -0.19, 0.24, -0.19, 0.08), {
        steps: 2,
        closed: true,
      }),
      0.05,
      { bevel: 0.012, holes: [ellipse(0.05, 0.05, 12).map(([x, y]): Point2 => [x, y + 0.24])] },
    )
    if (kind === 'flat')
      return union(
        prism(ragged, 0.03).of('key', 'metal'),
        bow.of('bow', 'metal'),
        torus(0.13, 0.012, { segments: 22, sides: 6 }).turn('y', 40).turn('x', 90).move(0, 0.36, 0).of('ring', 'metal'),
      )
    return union(
      vessel(xy(0.05, 0, 0.05, length), 0.015, { segments: 16 }).mirror('y'),
      prism(xy(0.04, 0.02, 0.13, 0.02, 0.13, 0.08, 0.04, 0.08), 0.03).move(0, -length, 0),
      prism(superellipse(0.2, 0.16, 3, 24), 0.05, { bevel: 0.012, holes: [ellipse(0.13, 0.05, 16)] }).move(0, 0.14, 0),
      ...[0, 1, 2].map((i) => torus(0.052, 0.01, { segments: 14, sides: 5 }).move(0, -0.04 - 0.035 * i, 0)),
    ).of('key', 'metal')
  },
}

export const keepsakes: readonly Category[] = [anchor, book, key]
