// Vegetables and mushrooms.
import type { Category } from '../category.js'
import { curve, cylinder, ellipsoid, lathe, leaf, polygon, prism, sphere, tube, union, xy, xyz } from '../kit/index.js'
import { stalk } from './foliage.js'

const carrot: Category = {
  name: 'carrot',
  build(random) {
    const kind = random.cycle(['long', 'stubby', 'forked', 'bunch', 'cut'] as const)
    const length = random.spread(0.9, 1.15)
    const frond = union(
      tube(curve(xyz(0, 0, 0, 0.05, 0.3, 0, 0.18, 0.55, 0)), 0.012, { sides: 5 }),
      ...[0.25, 0.35, 0.45, 0.53].flatMap((y) =>
        [40, -40].map((a) =>
          leaf(0.2, 0.09, { cells: 4 })
            .turn('x', -50)
            .turn('y', 90 + a)
            .move(y * 0.25, y, 0),
        ),
      ),
    )
    const greens = (count: number) => frond.around(count, { start: 20 }).of('greens', 'leaf')
    const root = (long: number, wide: number, blunt: number) => {
      const rows = 16
      const profile = Array.from({ length: rows + 1 }, (_, i) => {
        const t = i / rows
        return [
          i === 0 ? 0 : wide * Math.min(1, (t * 1.02) ** blunt) * (1 - 0.25 * Math.max(0, t - 0.9) * 10) * (i % 3 ? 1 : 0.94),
          -long * (1 - t),
        ] as const
      })
      return lathe(profile, { segments: 14, crease: 60 }).of('root', 'fruit')
    }
    if (kind === 'long') return union(root(length, 0.13, 0.7), greens(4))
    if (kind === 'stubby') return union(root(length * 0.5, 0.18, 0.35), greens(5))
    if (kind === 'cut')
      return union(
        root(length, 0.17, 0.55),
        cylinder(0.06, 0.08, { segments: 8 }),
        cylinder(0.025, 0.16, { segments: 6 }).turn('z', 12).of('greens', 'leaf'),
      )
        .turn('z', -75)
        .and(cylinder(0.14, 0.05, { segments: 16 }).repeat(3, [0.2, 0, 0.1]).move(-0.1, -0.3, 0.3).of('root', 'fruit'))
    if (kind === 'forked')
      return union(
        root(length * 0.55, 0.16, 0.3),
        tube(curve(xyz(0.04, -0.3, 0, 0.12, -0.6, 0.02, 0.1, -0.95, 0)), (t) => 0.1 * (1 - 0.9 * t), { sides: 10 }).of(
          'root',
          'fruit',
        ),
        tube(curve(xyz(-0.04, -0.3, 0, -0.16, -0.55, 0, -0.3, -0.8, 0)), (t) => 0.1 * (1 - 0.9 * t), { sides: 10 }).of(
          'root',
          'fruit',
        ),
        greens(3),
      )
    const one = root(length * 0.9, 0.11, 0.6)
    return union(
      one.turn('z', 20).turn('x', 8),
      one.turn('x', -6),
      one.turn('z', -22).turn('x', 10),
      greens(4),
      cylinder(0.1, 0.08, { segments: 12 }).of('greens', 'leaf'),
    )
  },
}

const mushroom: Category = {
  name: 'mushroom',
  build(random) {
    const kind = random.cycle(['dome', 'flat', 'pointed', 'funnel', 'group'] as const)
    const wide = random.spread(0.9, 1.15)
    const one = (profile: ReturnType<typeof xy>, stem: number, foot: number, height: number) =>
      union(
        lathe(
          curve(
            profile.map(([r, y]) => [r * wide, y] as const),
            { steps: 3 },
          ),
          { segments: 24 },
        )
          .move(0, height, 0)
          .of('cap', 'food'),
        lathe(curve(xy(foot, 0, foot * 1.05, 0.06, stem, 0.22, stem, height + 0.06), { steps: 3 }), { segments: 14 }).of(
          'stem',
          'food',
        ),
      )
    const dome = xy(0.08, 0, 0.4, -0.04, 0.46, 0.06, 0.36, 0.28, 0.16, 0.38, 0, 0.4)
    if (kind === 'dome') {
      const places = xy(0.03, 0.4, 0.25, 0.35, 0.41, 0.2)
      const spots = union(
        ...Array.from({ length: 11 }, (_, i) =>
          sphere(0.06, { segments: 8, rings: 6 })
            .move(...places[i % 3]!, 0)
            .scale(wide, 1, wide)
            .turn('y', i * 98),
        ),
      )
      return union(
        one(dome, 0.09, 0.15, 0.5),
        spots.move(0, 0.5, 0).of('spots', 'food'),
        lathe(xy(0.09, 0.42, 0.2, 0.34, 0.21, 0.35, 0.09, 0.46), { segments: 20 }).of('ring', 'food'),
      )
    }
    if (kind === 'flat')
      return one(xy(0.06, 0, 0.3, 0.03, 0.55, 0.06, 0.55, 0.1, 0.3, 0.16, 0.08, 0.22, 0, 0.22), 0.05, 0.07, 0.75)
    if (kind === 'pointed') return one(xy(0.05, 0.04, 0.24, -0.05, 0.22, 0.12, 0.12, 0.36, 0, 0.5), 0.035, 0.045, 0.8)
    if (kind === 'funnel')
      return lathe(curve(xy(0.06, 0, 0.08, 0.3, 0.2, 0.62, 0.48, 0.9, 0.5, 0.93, 0.3, 0.83, 0.12, 0.66, 0, 0.6), { steps: 3 }), {
        segments: 30,
      })
        .warp((x, y, z) => [x * wide, y + 0.12 * Math.max(0, y - 0.5) * Math.cos(5 * Math.atan2(z, x)) * 2, z])
        .of('cap', 'food')
    const small = one(dome, 0.12, 0.12, 0.42)
    return union(small, small.scale(0.62).turn('z', -14).move(0.42, 0, 0.15), small.scale(0.45).turn('z', 18).move(-0.36, 0, 0.2))
  },
}

const pumpkin: Category = {
  name: 'pumpkin',
  build(random) {
    const kind = random.cycle(['round', 'flat', 'lantern', 'gourd', 'tall'] as const)
    const ribs = random.cycle([8, 12, 10, 7, 9])
    const height = { round: 0.38, flat: 0.24, lantern: 0.4, gourd: 0.3, tall: 0.52 }[kind]
    const ball = ellipsoid(0.5, height, 0.5, { segments: ribs * 6, rings: 14, vertical: 2.3 }).warp((x, y, z) => {
      const angle = Math.atan2(z, x) * ribs
      const factor = 1 - 0.13 * (1 - Math.abs(Math.sin(angle / 2))) ** 1.5
      const dip = Math.exp(-((Math.hypot(x, z) / 0.16) ** 2))
      return [x * factor, y * (1 - 0.25 * dip), z * factor]
    })
    const stem = tube(
      curve(xyz(0, height * 0.6, 0, 0.01, height * 0.95, 0, 0.09, height * 1.15, 0.02)),
      (t) => 0.075 - 0.025 * t,
      { sides: 6 },
    )
      .crease(20)
      .of('stalk', 'bark')
    if (kind === 'gourd')
      return union(
        ball.of('shell', 'fruit'),
        lathe(curve(xy(0.3, 0.14, 0.22, 0.3, 0.13, 0.48, 0.11, 0.62, 0.05, 0.72, 0, 0.72), { steps: 2 }), { segments: 20 }).of(
          'shell',
          'fruit',
        ),
        stalk(0.2, 0.03).move(0, 0.68, 0),
      )
    if (kind !== 'lantern') return union(ball.of('shell', 'fruit'), stem)
    const carved = (outline: ReturnType<typeof xy>, x: number, y: number) => prism(outline, 0.24).move(x, y, 0.42)
    const eye = carved(polygon(3, 0.11), 0.17, 0.1).mirrored('x')
    const mouth = carved(
      xy([
        -0.3, -0.06, -0.16, -0.14, -0.1, -0.09, -0.04, -0.15, 0.04, -0.15, 0.1, -0.09, 0.16, -0.14, 0.3, -0.06, 0.2, -0.2, 0.06,
        -0.26, 0, -0.21, -0.06, -0.26, -0.2, -0.2,
      ]),
      0,
      0,
    )
    const pressed = union(eye, carved(polygon(3, 0.06), 0, -0.03), mouth).warp((x, y, z) => [
      x,
      y,
      z > 0.42 ? 0.505 * Math.sqrt(Math.max(0.2, 1 - (x / 0.52) ** 2 - (y / 0.48) ** 2)) : 0.3,
    ])
    return union(ball.turn('y', 90).of('shell', 'fruit'), pressed.of('face', 'wax'), stem)
  },
}

export const vegetables: readonly Category[] = [carrot, mushroom, pumpkin]
