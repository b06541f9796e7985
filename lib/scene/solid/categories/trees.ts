// Trees.
import type { Category } from '../category.js'
import {
  cone,
  curve,
  cylinder,
  lathe,
  leaf,
  type Point3,
  prism,
  type Solid,
  sheet,
  skin,
  sphere,
  star,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { foliage, frond, stem } from './foliage.js'

const conifer: Category = {
  name: 'conifer',
  build(random) {
    const kind = random.cycle(['cones', 'jagged', 'cypress', 'christmas', 'pine'] as const)
    const slim = random.spread(0.85, 1.15)
    const trunk = (height: number, radius: number) =>
      cylinder(radius, height, { top: radius * 0.5, segments: 10 }).of('trunk', 'bark')
    if (kind === 'cypress')
      return union(
        lathe(curve(xy(0, 0.16, 0.16, 0.2, 0.24, 0.5, 0.2, 0.9, 0.1, 1.3, 0, 1.55), { steps: 4 }), { segments: 18 })
          .warp((x, y, z) => {
            const f = 1 + 0.12 * Math.sin(5 * Math.atan2(z, x) + 9 * y) + 0.06 * Math.sin(23 * y)
            return [x * f, y, z * f]
          })
          .of('needles', 'leaf'),
        trunk(0.3, 0.06),
      )
    if (kind === 'pine') {
      const cloud = (x: number, y: number, z: number, s: number) => foliage(0.32 * s, 0.12 * s, 0.28 * s, x * 9 + y).move(x, y, z)
      return union(
        stem(xyz(0, 0, 0, 0.04, 0.5, 0, -0.05, 1, 0, 0.02, 1.3, 0), 0.08, 0.04).of('trunk', 'bark'),
        stem(xyz(0, 0.8, 0, 0.2, 0.9, 0.05, 0.36, 1, 0.05), 0.035, 0.02).of('trunk', 'bark'),
        stem(xyz(-0.02, 0.9, 0, -0.2, 1.05, -0.05, -0.34, 1.12, -0.06), 0.035, 0.02).of('trunk', 'bark'),
        cloud(0, 1.36, 0, 1.1),
        cloud(0.38, 1.06, 0.05, 0.9),
        cloud(-0.38, 1.18, -0.06, 0.9),
        cloud(0.05, 1.18, 0.22, 0.8),
      )
    }
    const count = { cones: 3, jagged: 6, christmas: 4 }[kind]
    const layers = Array.from({ length: count }, (_, i) => {
      const [t, step] = [i / count, 1.25 / count]
      const radius = 0.5 * slim * (1 - 0.78 * t)
      const height = step * (kind === 'jagged' ? 1.15 : 1.75)
      const tier =
        kind === 'cones'
          ? cone(radius, height, 20)
          : skin(
              [star(9, radius * 0.5, radius * 0.4), star(9, radius, radius * 0.66), star(9, 0, 0)].map((ring, k) =>
                ring.map(([x, z]): Point3 => [x, [0, -0.05, height][k]!, z]),
              ),
              { crease: 30 },
            )
      return tier.turn('y', i * 21).move(0, 0.2 + i * step, 0)
    })
    const tree = union(union(...layers).of('needles', 'leaf'), trunk(0.5, 0.08))
    if (kind !== 'christmas') return tree
    const balls = union(
      ...Array.from({ length: 16 }, (_, i) => {
        const level = i % 4
        return sphere(0.045, { segments: 8, rings: 6 })
          .move(0.5 * slim * (1 - 0.2 * level) * 0.9, 0.17 + level * 0.3125, 0)
          .turn('y', i * 77)
      }),
    )
    return union(
      tree,
      balls.of('balls', 'glass'),
      prism(star(5, 0.13, 0.055), 0.03, { bevel: 0.01 })
        .move(0, 1.75, 0)
        .of('star', 'metal'),
      lathe(xy(0.13, 0, 0.18, 0.16))
        .move(0, -0.04, 0)
        .of('pot', 'ceramic'),
    )
  },
}

const palm: Category = {
  name: 'palm',
  build(random) {
    const kind = random.cycle(['leaning', 'straight', 'twin', 'fan', 'nuts'] as const)
    const height = random.spread(0.95, 1.25)
    const trunk = (lean: number, tall: number) => {
      const path = curve(
        [
          [0, 0, 0],
          [lean * 0.15, tall * 0.35, 0],
          [lean * 0.5, tall * 0.7, 0],
          [lean, tall, 0],
        ] as Point3[],
        { steps: 5 },
      )
      return tube(path, (t) => (0.075 - 0.03 * t) * (1 + 0.12 * (Math.round(t * 15) % 2)) + 0.05 * Math.max(0, 0.1 - t), {
        sides: 9,
      })
        .crease(20)
        .of('trunk', 'bark')
    }
    const crown = (x: number, y: number, count: number, length: number) =>
      union(frond(length, 0.13, 0.55, 0.95).around(count), frond(length * 0.85, 0.12, 1, 1).around(count - 3, { start: 20 }))
        .move(x, y, 0)
        .of('leaves', 'leaf')
    if (kind === 'twin')
      return union(
        trunk(0.35, height),
        crown(0.35, height, 7, 0.6),
        trunk(-0.4, height * 0.72),
        crown(-0.4, height * 0.72, 6, 0.5),
      )
    if (kind === 'fan') {
      const fan = leaf(0.3, 0.07, { droop: 0.1, fold: 0.5, cells: 3 })
        .turn('x', -5)
        .around(7, { sweep: 200, start: -100 })
        .turn('x', -40)
        .move(0, 0.34, 0.36)
      const stalk = tube(curve(xyz(0, 0, 0, 0, 0.22, 0.15, 0, 0.35, 0.37), { steps: 2 }), 0.014, { sides: 5 })
      return union(
        cylinder(0.1, 0.45, { top: 0.13, segments: 9 }).of('trunk', 'bark'),
        fan.around(7).move(0, 0.38, 0).of('leaves', 'leaf'),
        stalk.around(7).move(0, 0.38, 0).of('trunk', 'bark'),
      )
    }
    const lean = kind === 'leaning' ? 0.55 : kind === 'nuts' ? 0.2 : 0
    const nuts =
      kind === 'nuts' || kind === 'leaning'
        ? [
            sphere(0.075, { segments: 10, rings: 7 })
              .move(0.09, -0.08, 0)
              .around(4, { start: 30 })
              .move(lean, height, 0)
              .of('nuts', 'shell'),
          ]
        : []
    return union(trunk(lean, height), crown(lean, height, kind === 'straight' ? 10 : 8, kind === 'nuts' ? 0.7 : 0.6), ...nuts)
  },
}

const tree: Category = {
  name: 'tree',
  build(random) {
    const kind = random.cycle(['round', 'umbrella', 'bare', 'tall', 'willow'] as const)
    const phase = random.between(0, 6)
    if (kind === 'bare') {
      const bough = (length: number, radius: number, depth: number): Solid => {
        const wood = tube(
          curve(
            [
              [0, 0, 0],
              [0.04 * length, length * 0.5, 0.03 * length],
              [0, length, 0],
            ] as Point3[],
            { steps: 2 },
          ),
          (t) => radius * (1 - 0.4 * t),
          { sides: depth > 1 ? 6 : 4 },
        )
        if (depth === 0) return wood
        const children = Array.from({ length: 3 }, (_, i) =>
          bough(length * random.between(0.6, 0.78), radius * 0.58, depth - 1)
            .turn('z', -random.between(25, 48))
            .turn('y', i * 120 + random.between(-25, 25) + depth * 50)
            .move(0, length * (0.8 + 0.09 * i), 0),
        )
        return union(wood, ...children)
      }
      return union(bough(0.6, 0.09, 3), cone(0.15, 0.25, 10)).of('trunk', 'bark')
    }
    const trunk = (height: number, radius: number) =>
      lathe(xy(radius * 1.7, 0, radius * 1.1, 0.08, radius * 0.9, height * 0.6, radius * 0.6, height), { segments: 10 }).of(
        'trunk',
        'bark',
      )
    const branch = (angle: number, turn: number, y: number, length: number) =>
      tube(xyz(0, 0, 0, 0, length * 0.5, 0.01, 0, length, 0), (t) => 0.045 - 0.02 * t, { sides: 6 })
        .turn('z', -angle)
        .turn('y', turn)
        .move(0, y, 0)
        .of('trunk', 'bark')
    if (kind === 'round')
      return union(
        trunk(0.7, 0.08),
        branch(40, 20, 0.42, 0.4),
        branch(45, 200, 0.48, 0.4),
        foliage(0.36, 0.34, 0.36, phase).move(0, 1, 0),
        foliage(0.28, 0.25, 0.28, phase + 1).move(0.3, 0.85, 0.08),
        foliage(0.28, 0.25, 0.28, phase + 2).move(-0.3, 0.88, -0.05),
        foliage(0.24, 0.22, 0.24, phase + 3).move(0.02, 0.84, 0.28),
      )
    if (kind === 'umbrella')
      return union(
        stem(xyz(0, 0, 0, 0.02, 0.4, 0, 0, 0.7, 0), 0.08, 0.05).of('trunk', 'bark'),
        ...[0, 1, 2, 3, 4].map((i) => branch(52, i * 72, 0.55, 0.6)),
        ...[0, 1, 2, 3, 4].map((i) =>
          foliage(0.36, 0.1, 0.3, phase + i)
            .move(0.42, 0.95 + 0.03 * (i % 2), 0)
            .turn('y', i * 72),
        ),
        foliage(0.4, 0.13, 0.4, phase).move(0, 1.02, 0),
      )
    if (kind === 'tall')
      return union(
        trunk(0.6, 0.07),
        foliage(0.25, 0.62, 0.25, phase).move(0, 0.95, 0),
        foliage(0.17, 0.35, 0.17, phase + 2).move(0.13, 0.75, 0.05),
        foliage(0.17, 0.35, 0.17, phase + 3).move(-0.12, 0.85, -0.06),
      )
    const curtain = (turn: number, radius: number, top: number, low: number) =>
      sheet(
        (u, v) => [
          (u - 0.5) * 0.24 * (1 - 0.5 * v) * (1 + 0.3 * (Math.round(v * 8) % 2)),
          top - (top - low) * v + 0.1 * Math.sin(Math.PI * Math.min(1, v * 2)),
          radius * (0.35 + 0.65 * Math.sin((Math.PI / 2) * Math.min(1, v * 1.6))),
        ],
        0.05,
        { across: 2, along: 8 },
      )
        .turn('y', turn)
        .of('leaves', 'leaf')
    return union(
      trunk(0.8, 0.09),
      branch(40, 70, 0.5, 0.4),
      branch(40, 250, 0.55, 0.4),
      foliage(0.42, 0.2, 0.42, phase).move(0, 0.98, 0),
      ...Array.from({ length: 14 }, (_, i) => curtain(i * 25.7, i % 2 ? 0.55 : 0.42, 1.02, 0.22 + 0.16 * ((i * 0.618) % 1))),
    )
  },
}

export const trees: readonly Category[] = [conifer, palm, tree]
