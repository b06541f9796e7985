// Plants without trunks: flowers, cactuses, what grows in pots.
import type { Category, Random } from '../category.js'
import {
  box,
  curve,
  cylinder,
  ellipsoid,
  type LeafOptions,
  lathe,
  leaf,
  type Point3,
  type Solid,
  sheet,
  skin,
  sphere,
  star,
  sweep,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { foliage, frond, stem } from './foliage.js'

const pot = (random: Random): Solid => {
  const kind = random.cycle(['tapered', 'square', 'round', 'urn', 'cylinder'] as const)
  const shapes = {
    tapered: () => lathe(xy(0.16, 0, 0.24, 0.3, 0.27, 0.3, 0.27, 0.38, 0.24, 0.38)),
    square: () => lathe(xy(0.26, 0, 0.32, 0.36), { segments: 4 }).turn('y', 45),
    round: () => lathe(curve(xy(0.14, 0, 0.28, 0.12, 0.29, 0.22, 0.2, 0.34), { steps: 3 })),
    urn: () => lathe(curve(xy(0.17, 0, 0.08, 0.06, 0.07, 0.1, 0.22, 0.2, 0.26, 0.3, 0.2, 0.34, 0.28, 0.4), { steps: 2 })),
    cylinder: () =>
      union(cylinder(0.22, 0.3).move(0, 0.12, 0), box(0.05, 0.3, 0.05).move(0.18, 0.1, 0.18).mirrored('x').mirrored('z')),
  }
  const solid = shapes[kind]().stand()
  return union(
    solid.of('pot', 'ceramic'),
    cylinder(0.19, 0.02, { segments: 16 })
      .move(0, solid.box.high[1] - 0.01, 0)
      .of('soil', 'soil'),
  ).move(0, -solid.box.high[1], 0)
}

const cactus: Category = {
  name: 'cactus',
  build(random) {
    const kind = random.cycle(['arms', 'barrel', 'pads', 'columns', 'pot'] as const)
    const ribs = random.cycle([7, 9, 11, 8, 10])
    const rib = star(ribs, 1, 0.78)
    const round = (t: number) => Math.min(1, Math.sqrt(Math.max(0, 1 - (1 - Math.min(1, (1 - t) * 5)) ** 2)))
    const column = (points: readonly Point3[], radius: number) =>
      sweep(rib, curve(points, { steps: 4 }), { size: (t) => radius * (t === 1 ? 0 : round(t)), crease: 30 }).of('stem', 'leaf')
    if (kind === 'arms') {
      const arm = (side: number, y: number, up: number) =>
        column(
          xyz(0, y, 0, side * 0.2, y, 0, side * 0.33, y + 0.08, 0, side * 0.34, y + up * 0.6, 0, side * 0.34, y + up, 0),
          0.085,
        )
      return union(
        column(xyz(0, 0, 0, 0, 0.4, 0, 0, 0.8, 0, 0, 1.1, 0, 0, 1.3, 0), 0.14),
        arm(1, 0.5, 0.5),
        arm(-1, random.between(0.35, 0.7), 0.4),
      )
    }
    if (kind === 'pads') {
      const pad = (x: number, y: number, angle: number, size: number, twist = 0) =>
        ellipsoid(0.16 * size, 0.23 * size, 0.05 * size, { segments: 14, rings: 8 })
          .move(0, 0.21 * size, 0)
          .turn('y', twist)
          .turn('z', angle)
          .move(x, y, 0)
      const fruits = union(
        ...xy(-0.37, 0.86, -0.24, 0.92, 0.36, 0.8, 0.46, 0.72, 0.03, 1.13).map(([x, y]) =>
          ellipsoid(0.035, 0.055, 0.035, { segments: 8, rings: 6 }).move(x!, y!, 0),
        ),
      )
      return union(
        union(
          pad(0, 0, 0, 1.2),
          pad(-0.12, 0.38, 30, 1.1, 20),
          pad(0.13, 0.36, -36, 1, -30),
          pad(0.02, 0.46, -4, 0.95, 50),
          pad(0.02, 0.83, 8, 0.75),
          pad(-0.16, 0.2, 75, 0.7),
        ).of('stem', 'leaf'),
        fruits.of('fruit', 'fruit'),
      )
    }
    const ball = (ry: number) => {
      const rings = Array.from({ length: 13 }, (_, j) => {
        const a = Math.PI * (j / 12 - 0.5)
        return star(2 * ribs, Math.cos(a) * 0.4, Math.cos(a) * 0.33).map(([x, z]): Point3 => [x, ry * Math.sin(a), z])
      })
      return skin(rings, { crease: 25 }).of('stem', 'leaf')
    }
    const bloom = leaf(0.16, 0.09, { droop: -0.3, cells: 4 }).around(7).of('flower', 'petal')
    if (kind === 'barrel') return union(ball(0.42).stand(-0.1), bloom.move(0, 0.73, 0), bloom.scale(0.8).move(0.16, 0.7, 0.1))
    if (kind === 'columns')
      return union(
        ...xyz(0, 0, 1, 0.25, 0.1, 0.7, -0.23, 0.12, 0.82, 0.06, 0.3, 0.45, -0.1, -0.24, 0.6).map(([x, z, h]) =>
          column(xyz(x!, 0, z!, x!, h! * 0.35, z!, x!, h! * 0.7, z!, x!, h!, z!), 0.12),
        ),
      )
    return union(
      ball(0.55).stand(-0.14).scale(0.55),
      bloom.scale(0.8).move(0, 0.52, 0),
      ball(0.42).scale(0.22).move(0.2, 0.36, 0.1),
      pot(random),
    )
  },
}

const flower: Category = {
  name: 'flower',
  build(random) {
    const kind = random.cycle(['daisy', 'tulip', 'sunflower', 'rose', 'lily'] as const)
    const height = random.spread(0.8, 1.1)
    const petals = (count: number, length: number, width: number, lift: number, options: LeafOptions = {}, start = 0) =>
      leaf(length, width, { widest: 0.6, cells: 5, ...options })
        .turn('x', -lift)
        .around(count, { start })
        .of('petals', 'petal')
    const faced = (head: Solid, tilt: number) => head.turn('x', tilt).move(0, height, 0.05)
    const stalk = (radius: number) =>
      stem(xyz(0, 0, 0, 0.03, height * 0.5, 0, 0, height, 0.02), radius, radius * 0.9, 6).of('stalk', 'leaf')
    const blade = (length: number, width: number, y: number, turn: number, lift: number, droop = 0.3) =>
      leaf(length, width, { droop, fold: 0.4, cells: 6 }).turn('x', -lift).turn('y', turn).move(0.015, y, 0).of('leaves', 'leaf')
    if (kind === 'daisy')
      return union(
        stalk(0.02),
        faced(
          union(
            petals(13, 0.3, 0.1, 8, { droop: 0.1 }),
            ellipsoid(0.1, 0.05, 0.1, { segments: 14, rings: 6 }).move(0, 0.02, 0).of('heart', 'petal'),
          ),
          55,
        ),
        blade(0.3, 0.08, 0.2, 60, 40),
        blade(0.25, 0.07, 0.35, 240, 40),
      )
    if (kind === 'tulip') {
      const cup = leaf(0.36, 0.27, { widest: 0.45, droop: -0.06, fold: 0.5, cells: 7, thickness: 0.012 })
        .turn('x', -78)
        .move(0, 0, 0.07)
      return union(
        stalk(0.025),
        union(cup.around(3), cup.scale(0.93).around(3, { start: 60 }), sphere(0.1, { segments: 12, rings: 6 }).move(0, 0.06, 0))
          .move(0, height - 0.03, 0)
          .of('petals', 'petal'),
        blade(0.7, 0.15, 0.02, 100, 70, -0.02),
        blade(0.6, 0.14, 0.02, 280, 66),
        blade(0.4, 0.12, 0.02, 10, 60),
      )
    }
    if (kind === 'sunflower') {
      const seeds = union(
        ...Array.from({ length: 30 }, (_, i) =>
          sphere(0.026, { segments: 5, rings: 4 })
            .move(0.038 * Math.sqrt(i + 0.5), 0.05, 0)
            .turn('y', i * 137.5),
        ),
      )
      return union(
        stalk(0.03),
        faced(
          union(
            petals(15, 0.2, 0.1, 6)
              .move(0, 0, 0)
              .and(petals(15, 0.19, 0.1, 16, {}, 12))
              .warp((x, y, z) => {
                const r = Math.hypot(x, z) || 1
                return [x * (1 + 0.17 / r), y, z * (1 + 0.17 / r)]
              }),
            cylinder(0.22, 0.05, { round: 0.02 }).of('heart', 'petal'),
            seeds.of('heart', 'petal'),
          ),
          75,
        ),
        blade(0.4, 0.26, 0.3, 80, 20),
        blade(0.36, 0.24, 0.5, 260, 20),
      )
    }
    if (kind === 'rose') {
      const shell = (r: number, h: number, start: number) =>
        sheet(
          (u, v) => {
            const [a, b] = [((u * 200 + start) * Math.PI) / 180, r * (0.35 + 0.65 * Math.sin(v * 1.9)) * (1 + 0.12 * v * v)]
            return [b * Math.cos(a), h * v * (0.75 + 0.25 * Math.sin(Math.PI * u)), b * Math.sin(a)]
          },
          0.012,
          { across: 8, along: 5 },
        )
      return union(
        stalk(0.022),
        union(
          ...xyz(0.06, 0.26, 0, 0.09, 0.25, 130, 0.11, 0.24, 260, 0.15, 0.22, 40, 0.16, 0.21, 170, 0.18, 0.2, 290).map(
            ([r, h, s]) => shell(r!, h!, s!),
          ),
          sphere(0.07, { segments: 10, rings: 6 }).move(0, 0.1, 0),
        )
          .move(0, height - 0.03, 0)
          .of('petals', 'petal'),
        petals(5, 0.2, 0.06, 0, { droop: 0.3 })
          .move(0, height - 0.02, 0)
          .of('leaves', 'leaf'),
        blade(0.26, 0.15, 0.45, 70, 20),
        blade(0.26, 0.15, 0.3, 250, 20),
        blade(0.22, 0.13, 0.6, 160, 25),
      )
    }
    const bell = petals(6, 0.42, 0.16, 58, { droop: 0.45, widest: 0.5, fold: 0.3, cells: 8 })
    const threads = tube(xyz(0, 0, 0, 0, 0.18, 0.03, 0, 0.28, 0.08), 0.008, { sides: 5 })
      .around(5)
      .of('threads', 'petal')
    return union(
      stalk(0.02),
      faced(bell.and(threads), 50),
      faced(bell.scale(0.35, 0.8, 0.35), -30).move(0, -0.12, -0.05),
      ...[0, 1, 2, 3, 4, 5].map((i) => blade(0.36, 0.06, 0.12 + 0.1 * i, i * 140, 35)),
    )
  },
}

const pottedPlant: Category = {
  name: 'potted_plant',
  build(random) {
    const kind = random.cycle(['blades', 'broad', 'fern', 'ball', 'fig'] as const)
    const base = pot(random)
    if (kind === 'blades') {
      const blade = (h: number, lean: number, turn: number) =>
        leaf(h, 0.13, { widest: 0.35, droop: 0.02, fold: 0.35, cells: 8, thickness: 0.015 })
          .turn('x', -90 + lean)
          .turn('y', turn)
      return union(
        base,
        ...Array.from({ length: 11 }, (_, i) =>
          blade(0.55 + 0.35 * random.next(), 4 + 16 * random.next(), i * 137).move(
            0.06 * Math.cos(i * 2.4),
            0,
            0.06 * Math.sin(i * 2.4),
          ),
        ).map((s) => s.of('leaves', 'leaf')),
      )
    }
    if (kind === 'broad')
      return union(
        base,
        ...Array.from({ length: 9 }, (_, i) => {
          const [h, lean] = [0.3 + 0.5 * ((i * 0.382) % 1), 0.1 + 0.03 * i]
          return union(
            stem(xyz(0, 0, 0, 0, h * 0.6, lean * 0.4, 0, h, lean), 0.014, 0.01, 5).of('stalks', 'leaf'),
            leaf(0.38, 0.3, { widest: 0.35, droop: 0.35, fold: 0.2, cells: 7 })
              .turn('x', -20)
              .move(0, h, lean)
              .of('leaves', 'leaf'),
          ).turn('y', i * 137)
        }),
      )
    if (kind === 'fern')
      return union(
        base,
        frond(0.75, 0.1, 0.7, 1.05).around(9).of('leaves', 'leaf'),
        frond(0.6, 0.09, 1.3, 1.2).around(6, { start: 25 }).of('leaves', 'leaf'),
      )
    if (kind === 'ball')
      return union(
        base,
        cylinder(0.03, 0.5, { segments: 8 }).of('stalks', 'bark'),
        foliage(0.3, 0.3, 0.3, random.between(0, 6)).move(0, 0.68, 0),
        foliage(0.2, 0.1, 0.2, 1).move(0, 0.03, 0),
      )
    const twig = (turn: number, y: number) =>
      union(
        stem(xyz(0, 0, 0, 0.1, 0.16, 0, 0.22, 0.26, 0), 0.016, 0.01, 5).of('stalks', 'bark'),
        ...xy(0.08, 0.12, 0.16, 0.21, 0.22, 0.26).flatMap(([x, h], i) =>
          [50, -50].map((a) =>
            leaf(0.22, 0.11, { droop: 0.35, cells: 4 })
              .turn('x', -15)
              .turn('y', 90 + a + i * 12)
              .move(x!, h!, 0)
              .of('leaves', 'leaf'),
          ),
        ),
      )
        .turn('y', turn)
        .move(0, y, 0)
    return union(
      base,
      stem(xyz(0, 0, 0, 0.03, 0.4, 0, 0, 0.75, 0), 0.03, 0.015, 6).of('stalks', 'bark'),
      ...Array.from({ length: 8 }, (_, i) => twig(i * 137, 0.18 + 0.075 * i)),
    )
  },
}

export const plants: readonly Category[] = [cactus, flower, pottedPlant]
