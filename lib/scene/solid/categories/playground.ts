// Things of playgrounds.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  type Point3,
  prism,
  rectangle,
  type Solid,
  torus,
  tube,
  union,
  vessel,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block } from './joinery.js'

export const playground: readonly Category[] = [
  {
    name: 'basketball_hoop',
    build(random) {
      const kind = random.cycle(['pole', 'arm', 'portable', 'fan', 'round'])
      const h = random.spread(2.2, 2.7)
      const board =
        kind === 'fan'
          ? prism([...arc(0, 0, 0.55, 0, 180, 12), [-0.45, -0.22], [0.45, -0.22]], 0.03)
          : prism(rectangle(1.1, 0.75, kind === 'round' ? 0.25 : 0.02, 4), 0.03).move(0, 0.12)
      const square = prism(rectangle(0.42, 0.32), 0.012, { holes: [rectangle(0.36, 0.26)] }).move(0, 0.06, 0.02)
      const hoop = torus(0.23, 0.013, { segments: 24, sides: 6 })
        .move(0, -0.14, 0.3)
        .and(block([-0.06, -0.17, 0], [0.06, -0.12, 0.08]))
      const strand = (s: number) =>
        tube(
          xyz([0.23, -0.14, 0, 0.18, -0.34, 0.09 * s, 0.13, -0.52, 0]).map(([x, y, z]) => [x!, y!, z!] as const),
          0.007,
          { sides: 4 },
        )
      const net = union(
        ...[-1, 1].map((s) => strand(s).around(12)),
        torus(0.13, 0.008, { segments: 16, sides: 4 }).move(0, -0.52),
      ).move(0, 0, 0.3)
      const posts: Record<string, Solid> = {
        pole: bar([0, 0, -0.1], [0, h + 0.2, -0.1], 0.05).and(bar([0, h, -0.1], [0, h, 0], 0.03)),
        arm: tube(curve(xyz([0, 0, -0.9, 0, h * 0.6, -0.9, 0, h * 0.92, -0.7, 0, h, 0]), { steps: 4 }), 0.06).and(
          bar([0, h * 0.7, -0.88], [0, h + 0.2, -0.02], 0.025),
        ),
        portable: union(
          prism(xy([-0.4, 0, 0.35, 0, 0.25, 0.22, -0.3, 0.22]), 0.6)
            .turn('y', 90)
            .move(0, 0, -0.6),
          bar([0, 0.1, -0.7], [0, h * 0.75, -0.5], 0.045),
          bar([0, h * 0.75, -0.5], [0, h + 0.2, -0.02], 0.03),
          bar([0, h * 0.65, -0.52], [0, h - 0.1, -0.02], 0.03),
        ),
        fan: bar([0, 0, -0.5], [0, h, -0.5], 0.045).and(
          bar([0, h, -0.5], [0, h, 0], 0.03),
          bar([0, h * 0.75, -0.5], [0, h, 0], 0.025),
        ),
        round: bar([0, 0, 0], [0, h, 0], 0.05)
          .move(0.3, 0, -0.12)
          .mirrored('x')
          .and(cylinder(0.12, 0.05, { segments: 14 }).move(0.3, 0, -0.12).mirrored('x')),
      }
      return union(
        board.move(0, h).of('board', 'plastic'),
        square.move(0, h).of('marks', 'paint', [0.6, 0.05, 0.03]),
        hoop.move(0, h).of('hoop', 'metal', [0.7, 0.15, 0.02]),
        net.move(0, h).of('net', 'cloth'),
        posts[kind]!.of('post', 'metal'),
      )
    },
  },
  {
    name: 'seesaw',
    build(random) {
      const kind = random.cycle(['plank', 'spring', 'metal', 'four', 'log'])
      const tilt = random.spread(8, 16)
      const half = random.spread(1.1, 1.35)
      const hold = tube(curve(xyz([0, 0.03, -0.12, 0, 0.28, -0.12, 0, 0.28, 0.12, 0, 0.03, 0.12]), { steps: 2 }), 0.018)
      const seat = (x: number) => box(0.3, 0.05, 0.26, 0.02).move(x, 0.05)
      const back = (x: number, s: number) => box(0.04, 0.26, 0.26, 0.02).move(x + 0.16 * s, 0.2)
      const beam =
        kind === 'metal'
          ? tube(xyz([-half, 0, 0, half, 0, 0]), 0.045)
          : kind === 'log'
            ? tube(xyz([-half, 0, 0, half, 0, 0]), 0.09, { sides: 10 })
            : block([-half, -0.04, -0.12], [half, 0.03, 0.12], 0.015)
      const seats = [half - 0.16, ...(kind === 'four' ? [half - 0.62] : [])]
      const top = union(
        beam.of('beam', kind === 'metal' ? 'metal' : 'wood'),
        union(...seats.map((x) => seat(x).and(...(kind === 'spring' || kind === 'metal' ? [back(x, 1)] : []))))
          .mirrored('x')
          .of('seats', 'plastic'),
        union(...seats.map((x) => hold.move(x - 0.26)))
          .mirrored('x')
          .of('handles', 'metal'),
      )
      const y = 0.5
      const coil = tube(
        Array.from(
          { length: 37 },
          (_, i): Point3 => [0.12 * Math.cos((i * Math.PI) / 5), 0.05 + (i * (y - 0.1)) / 36, 0.12 * Math.sin((i * Math.PI) / 5)],
        ),
        0.02,
        { sides: 5 },
      )
      const base: Record<string, Solid> = {
        plank: prism(xy([-0.34, 0, 0.34, 0, 0.05, y, -0.05, y]), 0.22).and(bar([0, y, -0.16], [0, y, 0.16], 0.03)),
        spring: coil.and(cylinder(0.2, 0.05)),
        metal: union(bar([-0.3, 0, 0.2], [0, y, 0.1], 0.025), bar([0.3, 0, 0.2], [0, y, 0.1], 0.025))
          .mirrored('z')
          .and(bar([0, y, -0.14], [0, y, 0.14], 0.03)),
        four: block([-0.07, 0, 0.14], [0.07, y + 0.06, 0.24])
          .mirrored('z')
          .and(bar([0, y, -0.26], [0, y, 0.26], 0.03), block([-0.3, 0, -0.26], [0.3, 0.05, 0.26])),
        log: union(
          bar([-0.28, 0, 0.14], [0.1, y + 0.16, 0.14], 0.045),
          bar([0.28, 0, 0.14], [-0.1, y + 0.16, 0.14], 0.045),
        ).mirrored('z'),
      }
      return union(
        top.turn('z', kind === 'spring' ? tilt / 2 : tilt).move(0, y + 0.04),
        base[kind]!.of('base', kind === 'spring' || kind === 'metal' ? 'metal' : 'wood'),
      )
    },
  },
  {
    name: 'swing',
    build(random) {
      const kind = random.cycle(['pair', 'single', 'bench', 'tyre', 'arch'])
      const [half, h] = [kind === 'single' ? 0.6 : random.spread(0.85, 1.1), random.spread(1.7, 2)]
      const away = random.cycle([0, 14, -8, 18, 10])
      const frame =
        kind === 'arch'
          ? tube(
              curve(xyz([-half, 0, 0, -half, h * 0.8, 0, -half * 0.7, h, 0, half * 0.7, h, 0, half, h * 0.8, 0, half, 0, 0]), {
                steps: 3,
              }),
              0.04,
            ).and(bar([half, 0.04, -0.5], [half, 0.04, 0.5], 0.04).mirrored('x'))
          : union(
              bar([half, h, 0], [half + 0.12, 0, 0.6], 0.035),
              bar([half, h, 0], [half + 0.12, 0, -0.6], 0.035),
              bar([half + 0.06, h * 0.4, 0.35], [half + 0.06, h * 0.4, -0.35], 0.025),
            )
              .mirrored('x')
              .and(bar([-half - 0.08, h, 0], [half + 0.08, h, 0], 0.04))
      const rope = (x: number) => bar([x, 0, 0], [x, -h + 0.5, 0], 0.01, 5)
      const hang = (one: Solid, x: number, angle: number) => one.turn('x', angle).move(x, h, 0)
      const plank = union(
        block([-0.22, -h + 0.47, -0.09], [0.22, -h + 0.5, 0.09], 0.01).of('seat', 'wood'),
        rope(0.2).mirrored('x').of('ropes', 'cloth'),
      )
      const bucket = union(
        vessel(curve(xy([0.1, 0, 0.18, 0.06, 0.19, 0.25]), { steps: 2 }), 0.02, { segments: 14 })
          .move(0, -h + 0.42)
          .of('seat', 'plastic'),
        rope(0.18).mirrored('x').of('ropes', 'metal'),
      )
      const slat = (y: number, z: number, turn: number) =>
        block([-0.55, -0.012, -0.03], [0.55, 0.012, 0.03]).turn('x', turn).move(0, y, z)
      const bench = union(
        union(
          ...[0, 1, 2, 3, 4].map((i) => slat(-h + 0.5, 0.2 - 0.09 * i, 0)),
          ...[0, 1, 2, 3].map((i) => slat(-h + 0.58 + 0.11 * i, -0.22 - 0.03 * i, 75)),
          block([0.52, -h + 0.66, -0.24], [0.58, -h + 0.7, 0.22]).mirrored('x'),
        ).of('seat', 'wood'),
        bar([0.55, 0, 0], [0.55, -h + 0.5, 0.2], 0.01, 5)
          .and(bar([0.55, 0, 0], [0.55, -h + 0.9, -0.28], 0.01, 5))
          .mirrored('x')
          .of('ropes', 'metal'),
      )
      const tyre = union(
        torus(0.26, [0.09, 0.08], { segments: 20, sides: 8 })
          .move(0, -h + 0.5)
          .of('seat', 'rubber'),
        bar([0, -h * 0.35, 0], [0, -h + 0.55, 0.26], 0.01, 5)
          .around(3)
          .and(bar([0, 0, 0], [0, -h * 0.35, 0], 0.014, 5))
          .of('ropes', 'metal'),
      )
      const hung: Record<string, Solid[]> = {
        pair: [hang(plank, -half * 0.5, away), hang(plank, half * 0.5, -away / 2)],
        single: [hang(plank, 0, away)],
        bench: [hang(bench, 0, 4)],
        tyre: [hang(tyre, 0, away)],
        arch: [hang(plank, -half * 0.35, away), hang(bucket, half * 0.4, 0)],
      }
      return union(frame.of('frame', kind === 'arch' || kind === 'tyre' ? 'metal' : 'wood'), ...hung[kind]!)
    },
  },
]
