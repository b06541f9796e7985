// What a baker makes: bread, cakes, pastry.
import type { Category } from '../category.js'
import {
  arc,
  curve,
  cylinder,
  ellipse,
  ellipsoid,
  inPlane,
  lathe,
  type Point2,
  prism,
  sphere,
  sweep,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bite, cut, sector } from './cuts.js'

const bread: Category = {
  name: 'bread',
  build(random) {
    const kind = random.cycle(['tin', 'slices', 'baguette', 'round', 'plait'] as const)
    const size = random.spread(0.85, 1.2)
    const slice = [
      ...curve(xy(0.4, -0.3, 0.41, 0.05, 0.5, 0.2, 0.42, 0.36, 0, 0.44, -0.42, 0.36, -0.5, 0.2, -0.41, 0.05, -0.4, -0.3), {
        steps: 3,
      }),
    ]
    if (kind === 'tin') return prism(slice, 1.5 * size, { bevel: 0.06 }).of('crust', 'bread')
    if (kind === 'slices') {
      const one = prism(slice, 0.12, { bevel: 0.01 })
      const loaf = prism(slice, 0.7 * size, { bevel: 0.03 }).move(0, 0, -0.5)
      return union(
        loaf,
        one.turn('x', 8).move(0, 0.02, 0.02),
        one.turn('x', 22).move(0, -0.02, 0.22),
        one.turn('x', 82).move(0, -0.26, 0.72),
      ).of('crust', 'bread')
    }
    const gash = (x: number, y: number, angle: number, length: number) =>
      ellipsoid(length, 0.03, 0.035, { segments: 10, rings: 6 }).turn('y', angle).move(x, y, 0)
    if (kind === 'baguette') {
      const loaf = tube(
        inPlane('xy', curve(xy(-1, 0, -0.5, 0.02, 0.5, 0.02, 1, 0))),
        (t) => [0.15 * size * (4 * t * (1 - t)) ** 0.3, 0.11 * (4 * t * (1 - t)) ** 0.3],
        { sides: 14 },
      )
      return union(
        loaf.of('crust', 'bread'),
        ...[-0.66, -0.33, 0, 0.33, 0.66].map((x) => gash(x, 0.11, 35, 0.17)).map((g) => g.of('gashes', 'bread')),
      )
    }
    if (kind === 'round') {
      const loaf = lathe(curve(xy(0, 0, 0.4, 0, 0.56, 0.12, 0.5, 0.28, 0.28, 0.4 * size, 0, 0.44 * size)), { segments: 24 })
      const cross = ellipsoid(0.42, 0.09, 0.05, { segments: 12, rings: 8 }).move(0, 0.4 * size, 0)
      return union(loaf.of('crust', 'bread'), cross.around(2, { sweep: 90 }).of('gashes', 'bread'))
    }
    const strand = (phase: number) =>
      tube(
        Array.from({ length: 25 }, (_, i) => {
          const [t, turn] = [i / 24, (i / 24) * Math.PI * 5 + phase]
          const narrow = 0.25 + 0.75 * Math.sin(Math.PI * t)
          return [2 * t - 1, 0.07 * narrow * Math.sin(2 * turn), 0.2 * narrow * Math.cos(turn)] as const
        }),
        (t) => 0.13 * size * (0.3 + 0.7 * Math.sin(Math.PI * t)),
        { sides: 8 },
      )
    return union(...[0, 1, 2].map((i) => strand((i * 2 * Math.PI) / 3))).of('crust', 'bread')
  },
}

const cake: Category = {
  name: 'cake',
  build(random) {
    const kind = random.cycle(['candles', 'cut', 'tiers', 'slice', 'ring'] as const)
    const height = random.spread(0.3, 0.45)
    const cherry = sphere(0.06, { segments: 10, rings: 6 })
    const plate = lathe(xy(0.3, -0.04, 0.62, -0.01, 0.62, 0.01, 0.3, 0), { segments: 28 }).of('plate', 'ceramic')
    const cream = (radius: number, y: number, count: number) =>
      ellipsoid(0.075, 0.06, 0.075, { segments: 8, rings: 5 }).move(radius, y, 0).around(count)
    if (kind === 'candles') {
      const count = random.whole(5, 9)
      const candle = cylinder(0.025, 0.26, { segments: 8 }).move(0.28, height, 0).around(count)
      const flame = ellipsoid(0.025, 0.055, 0.025, { segments: 8, rings: 5 })
        .move(0.28, height + 0.31, 0)
        .around(count)
      return union(
        plate,
        cylinder(0.45, height, { round: 0.04 }).of('icing', 'food'),
        cream(0.44, 0.04, 18).of('icing', 'food'),
        candle.of('candles', 'wax'),
        flame.of('flames', 'wax'),
      )
    }
    const layers = (from: number, to: number, radius: number) =>
      union(
        ...[0, 1, 2].map((i) => sector(radius, height / 3 - 0.035, from, to, (i * height) / 3).of('sponge', 'bread')),
        ...[0, 1].map((i) => sector(radius - 0.02, 0.04, from, to, ((i + 1) * height) / 3 - 0.037).of('filling', 'food')),
        sector(radius + 0.015, 0.05, from, to, height - 0.04).of('icing', 'food'),
      )
    if (kind === 'cut')
      return union(
        plate,
        layers(-20, 290, 0.48),
        cream(0.38, height + 0.03, 10)
          .and(cherry.move(0.38, height + 0.1, 0).around(10))
          .of('icing', 'food'),
      )
    if (kind === 'slice')
      return union(
        plate.scale(0.75, 1, 0.75).move(0.36, 0, 0),
        layers(-24, 24, 0.8),
        cherry.move(0.6, height + 0.06, 0).of('cherry', 'fruit'),
      )
    if (kind === 'tiers') {
      const tier = (radius: number, y: number) =>
        union(
          cylinder(radius, 0.26, { round: 0.03 }),
          ellipsoid(0.04, 0.04, 0.04, { segments: 6, rings: 4 })
            .move(radius, 0.02, 0)
            .around(Math.round(radius * 40)),
        ).move(0, y, 0)
      return union(tier(0.5, 0), tier(0.36, 0.26), tier(0.22, 0.52), cherry.move(0, 0.82, 0)).of('icing', 'food')
    }
    const fluted = torus(0.36, [0.2, 0.24], { segments: 40, sides: 10 }).warp((x, y, z) => {
      const swell = 1 + 0.1 * Math.cos(8 * Math.atan2(z, x))
      return [x * swell, Math.max(y, -0.16), z * swell]
    })
    return union(plate.scale(1.1, 1, 1.1), fluted.move(0, 0.16, 0).of('cake', 'bread'))
  },
}

const croissant: Category = {
  name: 'croissant',
  build(random) {
    const ridges = random.cycle([5, 7, 9, 6, 8])
    const turn = random.spread(90, 260)
    const path = arc(0, 0, 150 / turn, 270 - turn / 2, 270 + turn / 2, 56)
    // Each layer of dough ends in a step on the next one towards the tips.
    const body = (t: number) =>
      0.42 * Math.sin(Math.PI * (0.06 + 0.88 * t)) * (1 - 0.3 * ((Math.abs(2 * t - 1) * (ridges / 2)) % 1))
    return tube(inPlane('xz', path), (t) => [body(t), body(t) * 0.8], { sides: 10, round: true })
      .turn('y', 180)
      .of('croissant', 'bread')
  },
}

const doughnut: Category = {
  name: 'doughnut',
  build(random) {
    const kind = random.cycle(['iced', 'bitten', 'cruller', 'stack', 'plain'] as const)
    const thick = random.spread(0.16, 0.21)
    const ring = torus(0.33, [thick, thick * 0.9], { segments: 28, sides: 12 })
    const icing = torus(0.33, [thick * 1.04, thick], { segments: 36, sides: 12 })
      .warp((x, y, z) => {
        const [angle, radius] = [Math.atan2(z, x), Math.hypot(x, z)]
        const edge = 0.02 + 0.035 * Math.cos(7 * angle) * Math.sign(radius - 0.33)
        return [x, Math.max(y, edge) + 0.012, z]
      })
      .of('icing', 'food')
    const crumb = tube(xyz(-0.03, 0, 0, 0.03, 0, 0), 0.012, { sides: 5 })
    const crumbs = union(
      ...Array.from({ length: 26 }, (_, i) => {
        const [angle, across] = [i * 2.4, (((i * 7) % 5) - 2) * 0.045]
        return crumb
          .turn('y', i * 77)
          .move(0.33 + across, thick * 0.93 + 0.02 - across * across * 3, 0)
          .turn('y', (angle * 180) / Math.PI)
      }),
    ).of('crumbs', 'food')
    const dough = ring.of('dough', 'bread')
    if (kind === 'plain') {
      const ball = ellipsoid(0.45, 0.27, 0.45, { segments: 24, rings: 12 })
      const dome = ellipsoid(0.465, 0.29, 0.465, { segments: 32, rings: 14 })
      const glaze = cut(dome.mirror('y'), 'y', -0.1)
        .mirror('y')
        .warp((x, y, z) => [x, y + 1.2 * Math.hypot(x, z) ** 4 * Math.cos(8 * Math.atan2(z, x)), z])
      return union(
        ball.of('dough', 'bread'),
        glaze.of('icing', 'food'),
        sphere(0.06, { segments: 10, rings: 6 }).move(0, 0.3, 0).of('jam', 'fruit'),
      )
    }
    if (kind === 'iced') return union(dough, icing, crumbs)
    if (kind === 'stack')
      return union(dough, ring.move(0.1, thick * 1.75, 0.04).of('dough', 'bread'), icing.move(0.1, thick * 1.75, 0.04))
    if (kind === 'bitten')
      return bite(
        bite(torus(0.33, [thick, thick * 0.9], { segments: 56, sides: 16 }), [0.56, 0, 0.1], 0.2, [1, 0, 0.1]),
        [0.5, 0, -0.16],
        0.17,
        [1, 0, -0.2],
      )
        .turn('y', -60)
        .of('dough', 'bread')
    return sweep(
      ellipse(1, 1, 20).map(
        ([x, y], i): Point2 => [x * (i % 4 < 2 ? thick : thick * 0.72), y * (i % 4 < 2 ? thick : thick * 0.72)],
      ),
      inPlane('xz', ellipse(0.33, 0.33, 36)),
      { closed: true, twist: 360 * 2, crease: 30 },
    ).of('dough', 'bread')
  },
}

export const baking: readonly Category[] = [bread, cake, croissant, doughnut]
