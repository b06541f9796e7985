// Fruit.
import type { Category } from '../category.js'
import {
  arc,
  curve,
  cylinder,
  ellipse,
  ellipsoid,
  inPlane,
  lathe,
  leaf,
  type Point3,
  polygon,
  type Solid,
  skin,
  sphere,
  sweep,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bite, cut } from './cuts.js'
import { stalk } from './foliage.js'

/** Lobes about the y axis, as wide as `depth` of the radius, growing towards a height. */
const lobes = (solid: Solid, count: number, depth: number, at: (y: number) => number = () => 1): Solid =>
  solid.warp((x, y, z) => {
    const factor = 1 + depth * at(y) * Math.cos(count * Math.atan2(z, x))
    return [x * factor, y, z * factor]
  })

const apple: Category = {
  name: 'apple',
  build(random) {
    const kind = random.cycle(['round', 'lobed', 'bitten', 'core', 'half'] as const)
    const wide = random.spread(0.95, 1.08)
    const round = lathe(
      curve(xy(0, 0.1, 0.1, 0.02, 0.28, 0, 0.45, 0.28, 0.5, 0.55, 0.4, 0.82, 0.2, 0.9, 0.07, 0.82, 0, 0.76), { steps: 3 }),
      { segments: 28, crease: 60 },
    ).scale(wide, 1, wide)
    const green = leaf(0.36, 0.2, { droop: 0.1, fold: 0.3, cells: 6 })
      .turn('x', -35)
      .turn('y', 70)
      .move(0.02, 0.88, 0)
      .of('leaf', 'leaf')
    const stem = stalk(0.28, 0.02).move(0, 0.76, 0)
    if (kind === 'round') return union(round.of('apple', 'fruit'), stem, green)
    if (kind === 'lobed')
      return union(
        lobes(round.scale(0.92, 1.12, 0.92).taper('y', 0.72, 1.05), 5, 0.06, (y) => Math.abs(y - 0.45) * 1.8).of(
          'apple',
          'fruit',
        ),
        stem.move(0, 0.1, 0),
      )
    if (kind === 'bitten')
      return union(
        bite(
          bite(bite(round, [0.52, 0.52, 0.1], 0.24, [1, 0.1, 0.2]), [0.42, 0.35, 0.34], 0.17, [1, -0.1, 0.8]),
          [0.34, 0.6, 0.4],
          0.17,
          [0.8, 0.2, 1],
        )
          .turn('y', -35)
          .of('apple', 'fruit'),
        stem,
      )
    if (kind === 'core')
      return union(
        lathe(
          curve(xy(0, 0.1, 0.12, 0.02, 0.28, 0, 0.34, 0.14, 0.16, 0.3, 0.12, 0.48, 0.18, 0.66, 0.36, 0.78, 0.2, 0.9, 0, 0.78), {
            steps: 3,
          }),
          { segments: 20 },
        ).of('apple', 'fruit'),
        stem,
      )
    const pip = ellipsoid(0.03, 0.06, 0.02, { segments: 8, rings: 6 }).turn('z', 20).move(0.07, 0.42, 0.01).mirrored('x')
    return union(
      cut(
        lathe(curve(xy(0, 0, 0.26, 0, 0.45, 0.28, 0.5, 0.55, 0.4, 0.82, 0.2, 0.9, 0, 0.9), { steps: 3 }), { segments: 28 }),
        'z',
        0,
      ),
      cut(torus(0.17, [0.02, 0.02], { segments: 16, sides: 6 }).scale(1, 1, 1.3).turn('x', 90).move(0, 0.42, 0), 'z', 0.012),
    )
      .of('apple', 'fruit')
      .and(pip.of('pips', 'wood'), stem)
  },
}

const banana: Category = {
  name: 'banana',
  build(random) {
    const kind = random.cycle(['one', 'two', 'bunch', 'peeled', 'open'] as const)
    const bend = random.spread(70, 120)
    const body = (t: number) =>
      t < 0.12 ? 0.035 + t * 0.25 : t > 0.96 ? 0.035 : 0.13 * Math.sin(Math.PI * Math.min(1, 0.18 + 0.72 * t)) ** 0.55
    const path = (to: number, from = 0) => arc(0, 1, 1, 270 - bend / 2 + bend * from, 270 - bend / 2 + bend * to, 18)
    const fruit = sweep(polygon(6, 1), inPlane('xy', path(1)), { size: body, crease: 30 })
    if (kind === 'one') return fruit.of('peel', 'fruit')
    if (kind === 'two' || kind === 'bunch') {
      const hung = fruit.move(Math.sin((bend * Math.PI) / 360), -1 + Math.cos((bend * Math.PI) / 360), 0).turn('z', -40)
      return union(
        hung.turn('y', 0).around(kind === 'two' ? 2 : 5, { sweep: kind === 'two' ? 36 : 120, start: kind === 'two' ? -18 : -60 }),
        cylinder(0.06, 0.22, { segments: 8 }).move(0, -0.06, 0),
      )
        .turn('y', -90)
        .of('peel', 'fruit')
    }
    const half = kind === 'open' ? 0.62 : 0.36
    const peel = sweep(polygon(6, 1), inPlane('xy', path(half)), { size: (t) => body(t * half), crease: 30 }).of('peel', 'fruit')
    const flesh = tube(inPlane('xy', path(0.97, half * 0.8)), (t) => 0.11 * (1 - t ** 5) + 0.01, { sides: 10, round: true }).of(
      'flesh',
      'food',
    )
    const [px, py] = path(half)[18]!
    const angle = -bend / 2 + bend * half
    const flap = leaf(0.62, 0.22, { widest: 0.3, droop: 0.3, fold: -0.3, thickness: 0.02 })
      .turn('y', -90)
      .turn('z', -50)
      .move(0.04, 0.08, 0)
    const flaps = flap
      .around(kind === 'open' ? 4 : 3, { axis: 'x', start: 90 })
      .turn('z', angle)
      .move(px, py, 0)
    return union(peel, flesh, flaps.of('peel', 'fruit')).turn('z', 55)
  },
}

const grapes: Category = {
  name: 'grapes',
  build(random) {
    const rows = random.cycle([
      [6, 7, 6, 5, 3, 2, 1],
      [4, 4, 4, 4, 3, 3, 2, 1],
      [8, 7, 4, 2],
      [3, 5, 6, 5, 3, 1],
      [5, 5, 3, 3, 1, 1],
    ] as const)
    const size = random.spread(0.105, 0.13)
    const grape = ellipsoid(size, size * random.pick([1, 1.25]), size, { segments: 8, rings: 6 })
    const bunch = rows.flatMap((count, row) =>
      Array.from({ length: count }, (_, i) => {
        const radius = count === 1 ? 0 : 0.052 * count + (i % 2) * 0.03
        return grape.move(radius, -0.17 * row - (i % 2) * 0.04, 0).turn('y', (360 * i) / count + row * 40)
      }),
    )
    const vine = leaf(0.45, 0.42, { widest: 0.35, droop: 0.25, fold: 0.2, cells: 8 })
      .turn('y', random.between(30, 90))
      .move(0, 0.18, 0)
    return union(
      union(...bunch).of('grapes', 'fruit'),
      stalk(0.36, 0.025, 0.12),
      tube(xyz(-0.2, 0.36, 0, 0.3, 0.34, 0), 0.03, { sides: 6 }).of('stalk', 'bark'),
      vine.of('leaf', 'leaf'),
    )
  },
}

const pear: Category = {
  name: 'pear',
  build(random) {
    const kind = random.cycle(['classic', 'long', 'bent', 'half', 'bitten'] as const)
    const belly = random.spread(0.34, 0.42)
    const neck = { classic: 0.17, long: 0.14, bent: 0.16, half: 0.16, bitten: 0.2 }[kind]
    const tall = kind === 'long' ? 1.25 : 1
    const round = lathe(
      curve(
        xy(
          0,
          kind === 'half' ? 0 : 0.05,
          0.1,
          0,
          belly * 0.8,
          0.1,
          belly,
          0.32,
          belly * 0.8,
          0.54,
          neck * 1.15,
          0.74,
          neck,
          0.88,
          neck * 0.6,
          0.98,
          0,
          0.98,
        ),
        { steps: 3 },
      ),
      { segments: 26 },
    ).scale(1, tall, 1)
    const green = leaf(0.4, 0.2, { droop: 0.2, cells: 6 })
      .turn('x', -30)
      .turn('y', 110)
      .move(0, tall + 0.03, 0)
      .of('leaf', 'leaf')
    const stem = stalk(0.28, 0.022, 0.08).move(0, 0.94 * tall, 0)
    if (kind === 'bent') return union(round.of('pear', 'fruit'), stem, green).bend('y', 'x', 34)
    if (kind === 'half')
      return union(
        cut(round, 'z', 0).of('pear', 'fruit'),
        cut(sphere(0.1, { segments: 12, rings: 8 }).move(0, 0.3, 0), 'z', 0.015).of('core', 'food'),
        ellipsoid(0.022, 0.05, 0.02, { segments: 8, rings: 6 })
          .turn('z', 25)
          .move(0.04, 0.3, 0.02)
          .mirrored('x')
          .of('pips', 'wood'),
        stem,
      )
    if (kind === 'bitten')
      return union(
        bite(bite(round, [0.38, 0.42, 0.12], 0.2, [1, 0.1, 0.2]), [0.3, 0.6, 0.2], 0.16, [1, 0.2, 0.5])
          .turn('y', -40)
          .of('pear', 'fruit'),
        stem,
      )
    return kind === 'long' ? union(round.of('pear', 'fruit'), stem) : union(round.of('pear', 'fruit'), stem, green)
  },
}

const pineapple: Category = {
  name: 'pineapple',
  build(random) {
    const kind = random.cycle(['tall', 'round', 'half', 'bushy', 'slender'] as const)
    const [height, radius] = (
      { tall: [0.75, 0.28], round: [0.52, 0.3], half: [0.42, 0.3], bushy: [0.55, 0.27], slender: [0.8, 0.22] } as const
    )[kind]
    const eyes = random.cycle([7, 8, 9, 8, 7])
    const rows = kind === 'half' || kind === 'round' ? 14 : 20
    const rings = Array.from({ length: rows + 1 }, (_, j) => {
      const t = j / rows
      const r = radius * Math.sin(Math.PI * (0.12 + (kind === 'half' ? 0.42 : 0.76) * t)) ** 0.5
      return ellipse(1, 1, 4 * eyes).map(([cos, sin], i): Point3 => {
        const eye = 1 + 0.07 * Math.cos((Math.PI * i) / 2) * Math.cos((Math.PI * j) / 2)
        return [r * eye * cos, t * height, r * eye * sin]
      })
    })
    const body = skin(rings, { crease: 60 }).of('body', 'fruit')
    if (kind === 'half')
      return union(
        body,
        cylinder(radius * 0.95, 0.02, { segments: 24 })
          .move(0, height, 0)
          .of('flesh', 'food'),
        torus(radius * 0.22, 0.02, { segments: 12, sides: 6 })
          .move(0, height + 0.01, 0)
          .of('flesh', 'food'),
      )
        .turn('x', 45)
        .turn('y', 20)
    const layers = kind === 'bushy' ? 4 : kind === 'slender' ? 2 : 3
    const crown = union(
      ...Array.from({ length: layers }, (_, k) =>
        leaf((kind === 'bushy' ? 0.42 : 0.34) + 0.06 * k, 0.1, { widest: 0.25, droop: 0.45 - 0.1 * k, fold: 0.5, cells: 4 })
          .turn('x', -28 - (60 * k) / layers)
          .move(0, height - 0.02, 0.04)
          .around(kind === 'slender' ? 5 : 6, { start: k * 25 }),
      ),
    )
    return union(body, crown.of('leaves', 'leaf'))
  },
}

export const fruit: readonly Category[] = [apple, banana, grapes, pear, pineapple]
