// Things to eat from the kitchen: cheese, dishes, ice.
import type { Category } from '../category.js'
import {
  arc,
  box,
  cone,
  curve,
  cylinder,
  ellipsoid,
  helix,
  lathe,
  type Point2,
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
import { cut, sector } from './cuts.js'

const cheese: Category = {
  name: 'cheese',
  build(random) {
    const kind = random.cycle(['wedge', 'half', 'wheel', 'block', 'ball'] as const)
    const height = random.spread(0.3, 0.5)
    const hole = (x: number, z: number, r: number) => arc(x, z, r, 0, 330, 11)
    const lying = (outline: Point2[], holes: Point2[][]) => prism(outline, height, { holes, bevel: 0.015 }).turn('x', -90)
    if (kind === 'wedge')
      return lying(
        [[0, 0], ...arc(0, 0, 1, -22, 22, 8)],
        [hole(0.35, 0.02, 0.07), hole(0.6, -0.1, 0.09), hole(0.72, 0.14, 0.1), hole(0.88, -0.16, 0.06)],
      ).of('cheese', 'food')
    if (kind === 'half')
      return lying(arc(0, 0, 0.6, 0, 180, 20), [
        hole(0.2, 0.2, 0.09),
        hole(-0.25, 0.25, 0.12),
        hole(0, 0.42, 0.06),
        hole(-0.1, 0.12, 0.05),
        hole(0.4, 0.14, 0.06),
      ])
        .turn('y', 180)
        .of('cheese', 'food')
    if (kind === 'wheel')
      return union(sector(0.6, height, 30, 330, 0), sector(0.58, height * 0.97, -20, 16, 0).move(0.22, 0, 0.02)).of(
        'cheese',
        'food',
      )
    if (kind === 'block') {
      const round = (x: number, y: number, r: number) => arc(x, y, r, 0, 324, 9)
      const slab = (depth: number) =>
        prism(rectangle(0.9, 0.6), depth, {
          holes: [round(-0.2, 0.1, 0.1), round(0.2, -0.08, 0.13), round(0.28, 0.17, 0.06), round(-0.1, -0.18, 0.06)],
        })
      return union(slab(0.7), slab(0.05).turn('x', -20).move(0, -0.01, 0.52), slab(0.05).turn('x', -62).move(0, -0.18, 0.78)).of(
        'cheese',
        'food',
      )
    }
    return cut(cut(sphere(0.5, { segments: 28, rings: 16 }).scale(1, 0.85, 1), 'x', 0.12), 'z', 0.16).of('rind', 'wax')
  },
}

const hamburger: Category = {
  name: 'hamburger',
  build(random) {
    const kind = random.cycle(['single', 'double', 'tomato', 'stick', 'open'] as const)
    const round = random.spread(0.85, 1.15)
    const lower = lathe(xy(0.42, 0, 0.46, 0.05, 0.44, 0.13), { segments: 28 }).of('bun', 'bread')
    const upper = lathe(curve(xy(0.44, 0, 0.47, 0.08, 0.36, 0.24 * round, 0, 0.32 * round), { steps: 3 }), { segments: 28 })
    const seed = ellipsoid(0.02, 0.01, 0.03, { segments: 6, rings: 4 })
    const seeds = union(
      ...Array.from({ length: 14 }, (_, i) => {
        const r = 0.05 + 0.022 * i
        return seed
          .turn('y', i * 50)
          .move(r, (0.33 - 0.9 * r * r) * round, 0)
          .turn('y', i * 137)
      }),
    )
    const patty = cylinder(0.47, 0.12, { round: 0.04, segments: 28 }).of('patty', 'food')
    const lettuce = cylinder(0.5, 0.035, { segments: 48 })
      .warp((x, y, z) => [
        x,
        y + 0.16 * Math.hypot(x, z) * Math.cos(9 * Math.atan2(z, x)) * (Math.hypot(x, z) > 0.4 ? 0.5 : 0),
        z,
      ])
      .of('lettuce', 'leaf')
    const slice = box(0.76, 0.025, 0.76).of('cheese', 'food')
    const tomato = cylinder(0.2, 0.05, { segments: 20 }).move(0.22, 0, 0).around(3).of('tomato', 'fruit')
    const layers: Record<typeof kind, Solid[]> = {
      single: [lettuce, patty, slice.turn('y', 20)],
      double: [patty, slice, lettuce, patty, slice.turn('y', 45)],
      tomato: [lettuce, tomato, patty, lettuce.turn('y', 30), tomato.turn('y', 60)],
      stick: [patty, tomato, lettuce],
      open: [lettuce, patty],
    }
    let y = 0.13
    const filling = layers[kind].map((layer) => {
      const placed = layer.stand(y)
      y = placed.box.high[1] - 0.02
      return placed
    })
    const top = kind === 'open' ? upper.turn('z', -68).move(0.52, 0.36, 0.1) : upper.move(0, y, 0)
    const tall = union(
      lower,
      ...filling,
      top.of('bun', 'bread'),
      ...(kind === 'tomato' || kind === 'single' ? [seeds.move(0, y, 0).of('seeds', 'bread')] : []),
    )
    if (kind === 'stick')
      return union(
        tall,
        union(cylinder(0.012, 0.5, { segments: 6 }), sphere(0.05, { segments: 10, rings: 6 }).move(0, 0.5, 0))
          .move(0, y + 0.1, 0)
          .of('stick', 'wood'),
      )
    return tall
  },
}

const iceCream: Category = {
  name: 'ice_cream',
  build(random) {
    const kind = random.cycle(['one', 'three', 'swirl', 'lolly', 'sundae'] as const)
    const ball = random.spread(0.24, 0.28)
    const waffle = lathe(xy(0.015, 0, 0.2, 0.62, 0.22, 0.66, 0.2, 0.68), { segments: 12, crease: 20 }).of('cone', 'bread')
    const ridges = union(
      ...[0.25, 0.4, 0.53].map((y) => torus(0.015 + 0.298 * y, 0.012, { segments: 14, sides: 4 }).move(0, y, 0)),
    ).of('cone', 'bread')
    const scoop = union(
      sphere(ball, { segments: 18, rings: 10 }),
      torus(ball * 0.85, 0.05, { segments: 18, sides: 6 })
        .warp((x, y, z) => [x, y + 0.02 * Math.cos(7 * Math.atan2(z, x)), z])
        .move(0, -0.1, 0),
    )
    if (kind === 'one')
      return union(
        waffle,
        ridges,
        scoop.move(0, 0.8, 0).of('ice', 'food'),
        box(0.07, 0.5, 0.02).turn('z', -25).move(0.16, 1, -0.08).of('wafer', 'bread'),
      )
    if (kind === 'three')
      return union(
        waffle,
        ridges,
        union(scoop.move(-0.15, 0.8, 0), scoop.move(0.17, 0.82, 0), scoop.move(0.01, 1.12, 0)).of('ice', 'food'),
      )
    if (kind === 'swirl') {
      const spiral = helix(1, 0.62, 3.6, 12).map(
        ([x, y, z]) => [x * 0.17 * (1 - y / 0.64), y, z * 0.17 * (1 - y / 0.64)] as const,
      )
      return union(
        waffle,
        ridges,
        union(
          tube(spiral, (t) => 0.125 * (1 - 0.75 * t), { sides: 8, round: true }),
          cone(0.2, 0.6, 14),
        )
          .move(0, 0.72, 0)
          .of('ice', 'food'),
      )
    }
    if (kind === 'lolly') {
      const half: Point2[] = [[0.2, 0], ...arc(0, 0.5, 0.2, 0, 90, 6)]
      const outline = [
        ...half,
        ...half
          .slice(0, -1)
          .map(([x, y]): Point2 => [-x, y])
          .reverse(),
      ]
      const groove = tube(xyz(0.07, 0.12, 0.075, 0.07, 0.55, 0.075), 0.022, { sides: 6, round: true })
        .mirrored('x')
        .mirrored('z')
      return union(prism(outline, 0.17, { bevel: 0.04 }), groove)
        .of('ice', 'food')
        .and(
          prism(rectangle(0.075, 0.5, 0.035), 0.03)
            .move(0, -0.2, 0)
            .of('stick', 'wood'),
        )
    }
    const glass = union(
      vessel(xy(0.05, 0.28, 0.2, 0.36, 0.24, 0.5, 0.32, 0.68), 0.02),
      lathe(xy(0.2, 0, 0.2, 0.02, 0.04, 0.06, 0.04, 0.3)),
    ).of('glass', 'glass')
    return union(
      glass,
      union(scoop.move(-0.13, 0.74, 0.06), scoop.move(0.15, 0.74, 0.02))
        .scale(0.98)
        .of('ice', 'food'),
      sphere(0.07, { segments: 10, rings: 8 }).move(0, 1, 0.04).of('cherry', 'fruit'),
      cylinder(0.025, 0.7, { segments: 8 }).turn('z', -22).move(0.02, 0.55, -0.12).of('straw', 'paper'),
    )
  },
}

const pizza: Category = {
  name: 'pizza',
  build(random) {
    const kind = random.cycle(['whole', 'missing', 'slice', 'square', 'two'] as const)
    const discs = random.whole(6, 9)
    const disc = cylinder(0.065, 0.02, { segments: 12 })
    const topping = (from: number, to: number) =>
      union(
        ...Array.from({ length: 18 }, (_, i) => [0.12 + 0.062 * (i % 5), (i * 137.5) % 360] as const)
          .filter(([, a]) => a > from + 9 && a < to - 9)
          .slice(0, 2 * discs)
          .map(([r, a]) => disc.move(r, 0.035, 0).turn('y', a)),
      ).of('sausage', 'food')
    const pie = (from: number, to: number) => {
      const crust = tube(
        arc(0, 0, 0.48, from, to, 30).map(([x, z]) => [x, 0.03, -z] as const),
        0.05,
        { sides: 8, closed: false, round: false },
      )
      return union(sector(0.48, 0.035, from, to).of('dough', 'bread'), crust.of('crust', 'bread'), topping(from, to))
    }
    if (kind === 'whole') {
      const seam = box(0.96, 0.006, 0.008).move(0, 0.038, 0)
      return union(
        cylinder(0.48, 0.035, { segments: 32 }).of('dough', 'bread'),
        torus(0.48, 0.05, { segments: 32, sides: 8 }).move(0, 0.03, 0).of('crust', 'bread'),
        seam.around(4, { sweep: 135 }).of('seams', 'food'),
        topping(0, 360),
      )
    }
    if (kind === 'missing') return pie(50, 359)
    if (kind === 'slice') return pie(246, 294)
    if (kind === 'two') return union(pie(95, 359), pie(5, 55).move(0.14, 0.06, -0.2))
    const rim = union(
      box(1, 0.09, 0.08, 0.04).move(0, 0.02, 0.46).mirrored('z'),
      box(0.08, 0.09, 1, 0.04).move(0.46, 0.02, 0).mirrored('x'),
    )
    const discsOn = union(
      ...Array.from({ length: 12 }, (_, i) =>
        disc.move(((i % 4) - 1.5) * 0.2, 0.02, (Math.floor(i / 4) - 1) * 0.25 + (i % 2) * 0.06),
      ),
    )
    return union(
      box(0.94, 0.04, 0.94).of('dough', 'bread'),
      rim.of('crust', 'bread'),
      discsOn.of('sausage', 'food'),
      box(0.03, 0.012, 0.9).move(0, 0.022, 0).of('seams', 'food'),
    )
  },
}

export const food: readonly Category[] = [cheese, hamburger, iceCream, pizza]
