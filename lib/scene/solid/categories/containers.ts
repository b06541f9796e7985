// Things that keep and carry liquids and goods: barrels, baskets, bottles, buckets.
import type { Category } from '../category.js'
import { box, curve, cylinder, inPlane, lathe, type Point2, sphere, torus, tube, union, vessel, xy } from '../kit/index.js'
import { ear, hoop, lip } from './handles.js'

const barrel: Category = {
  name: 'barrel',
  build(random) {
    const kind = random.cycle(['standing', 'lying', 'tap', 'open', 'ribbed'] as const)
    const bulge = random.spread(1.1, 1.35)
    const radius = 0.3
    const swell = (y: number) => radius * (1 + (bulge - 1) * (1 - (2 * y - 1) ** 2))
    if (kind === 'ribbed') {
      const rib = torus(radius, 0.022, { sides: 6, segments: 28 })
      const bung = cylinder(0.05, 0.03, { segments: 12 }).move(0.15, 0.98, 0)
      return union(cylinder(radius, 1, { segments: 28 }), ...[0.01, 0.34, 0.66, 0.99].map((y) => rib.move(0, y, 0)), bung).of(
        'drum',
        'paint',
      )
    }
    const profile = Array.from({ length: 9 }, (_, i): Point2 => [swell(i / 8), i / 8])
    const top = kind === 'open' ? 0.7 : 1
    const wood =
      kind === 'open'
        ? vessel(profile.slice(0, 7), 0.04, { segments: 20 })
        : lathe([...profile, ...xy(radius - 0.03, 1, radius - 0.03, 0.96)], { segments: 20 })
    const band = (y: number) => cylinder(swell(y) + 0.012, 0.07, { segments: 20 }).move(0, y - 0.035, 0)
    const ring = (y: number) =>
      lathe(xy(swell(y) - 0.02, y - 0.035, swell(y) + 0.012, y - 0.03, swell(y) + 0.012, y + 0.03, swell(y) - 0.02, y + 0.035), {
        segments: 20,
      })
    const bands = union(...[0.06, 0.26, 0.74, 0.94].filter((y) => y < top).map(kind === 'open' ? ring : band))
    const cask = union(kind === 'open' ? wood.of('staves', 'wood') : wood.of('staves', 'wood'), bands.of('hoops', 'metal'))
    if (kind === 'standing') return cask
    if (kind === 'open') return cask.and(hoop(0.36, 0.6, 0.3, 0.02).of('handle', 'metal'))
    const spigot = union(
      cylinder(0.025, 0.16, { segments: 10 }).turn('x', 90),
      box(0.02, 0.1, 0.02).move(0, 0.05, 0.12),
      cylinder(0.02, 0.08, { segments: 10 }).move(0, -0.08, 0.14),
    )
    if (kind === 'tap') return cask.and(spigot.move(0, 0.15, radius).of('tap', 'wood'))
    const cradle = union(
      box(0.7, 0.12, 0.1).move(0, 0, 0.28),
      box(0.7, 0.12, 0.1).move(0, 0, -0.28),
      box(0.1, 0.2, 0.8).move(0.3, 0.08, 0),
      box(0.1, 0.2, 0.8).move(-0.3, 0.08, 0),
    )
    return union(
      cask.move(0, -0.5, 0).turn('x', 90),
      spigot.move(0, -0.18, 0.5).of('tap', 'wood'),
      cradle.move(0, -0.36, 0).of('cradle', 'wood'),
    )
  },
}

const basket: Category = {
  name: 'basket',
  build(random) {
    const kind = random.cycle(['round', 'oval', 'picnic', 'deep', 'square'] as const)
    const flare = random.spread(0.7, 0.95)
    const height = kind === 'deep' ? 0.7 : 0.36
    const rows = kind === 'deep' ? 8 : 5
    // Woven: the wall goes in and out from row to row and from stake to stake.
    const profile = Array.from({ length: 2 * rows + 1 }, (_, i): Point2 => {
      const t = i / (2 * rows)
      return [0.4 * (flare + (1 - flare) * t) + (i % 2 ? 0.012 : -0.012), t * height]
    })
    const round = vessel(profile, 0.03, { segments: kind === 'square' || kind === 'picnic' ? 4 : 24 })
    const shaped =
      kind === 'oval'
        ? round.scale(1.3, 1, 0.85)
        : kind === 'round' || kind === 'deep'
          ? round
          : round.turn('y', 45).scale(1.2, 1, kind === 'picnic' ? 0.8 : 1.2)
    const { size } = shaped.box
    const body = shaped.crease(20).of('wicker', 'straw')
    const rim =
      kind === 'square' || kind === 'picnic'
        ? union(
            box(size[0] + 0.03, 0.04, 0.04)
              .move(0, height, size[2] / 2 - 0.01)
              .mirrored('z'),
            box(0.04, 0.04, size[2] + 0.03)
              .move(size[0] / 2 - 0.01, height, 0)
              .mirrored('x'),
          )
        : torus(0.4, 0.025)
            .scale(size[0] / 0.84, 1, size[2] / 0.84)
            .move(0, height, 0)
    const handle =
      kind === 'deep'
        ? torus(0.09, 0.02, { segments: 12, sides: 6 })
            .turn('z', 90)
            .turn('x', 0)
            .move(size[0] / 2, height - 0.02, 0)
            .mirrored('x')
        : kind === 'square'
          ? hoop(0.14, 0, 0.14, 0.02)
              .turn('y', 90)
              .move(size[0] / 2, height, 0)
              .mirrored('x')
          : hoop(size[0] / 2 - 0.01, height, 0.42, 0.024).scale(1, 1, 1.6)
    const lid =
      kind === 'picnic'
        ? [
            box(size[0] / 2, 0.03, size[2], 0.01)
              .move(size[0] / 4, 0, 0)
              .turn('z', 12)
              .mirrored('x')
              .move(0, height + 0.01, 0)
              .of('lid', 'straw'),
          ]
        : []
    return union(body, rim.of('rim', 'straw'), handle.of('handle', 'straw'), ...lid)
  },
}

const bottle: Category = {
  name: 'bottle',
  build(random) {
    const kind = random.cycle(['wine', 'beer', 'square', 'milk', 'round'] as const)
    const wide = random.between(0.9, 1.12)
    const profiles: Record<typeof kind, Point2[]> = {
      wine: xy(0.125, 0, 0.13, 0.03, 0.13, 0.55, 0.115, 0.61, 0.055, 0.7, 0.045, 0.76, 0.045, 0.93, 0.055, 0.94, 0.055, 0.97),
      beer: xy(0.12, 0, 0.13, 0.03, 0.13, 0.42, 0.1, 0.53, 0.06, 0.7, 0.05, 0.9, 0.06, 0.91, 0.06, 0.95),
      square: xy(0.22, 0, 0.22, 0.5, 0.19, 0.56, 0.08, 0.62, 0.07, 0.64, 0.07, 0.76, 0.09, 0.77, 0.09, 0.8),
      milk: xy(0.15, 0, 0.165, 0.03, 0.165, 0.5, 0.15, 0.6, 0.1, 0.72, 0.09, 0.8, 0.09, 0.9, 0.11, 0.92, 0.11, 0.96),
      round: xy(0.1, 0, 0.22, 0.08, 0.28, 0.25, 0.22, 0.42, 0.1, 0.52, 0.05, 0.6, 0.045, 0.85, 0.065, 0.86, 0.065, 0.9),
    }
    const profile = profiles[kind].map(([r, y]): Point2 => [r * wide, y])
    const square = kind === 'square'
    const glass = square
      ? lathe(profile, { segments: 4 })
          .turn('y', 45)
          .and(cylinder(0.1, 0.12, { segments: 16 }).move(0, 0.62, 0))
      : lathe(kind === 'round' ? curve(profile, { steps: 2 }) : profile)
    const [mouth, top] = profile[profile.length - 1]!
    const stopper = {
      wine: cylinder(mouth * 0.7, 0.05, { segments: 12 }),
      beer: cylinder(mouth * 1.25, 0.03, { top: mouth, segments: 14 }),
      square: union(cylinder(0.06, 0.03, { segments: 12 }), sphere(0.08, { segments: 12, rings: 8 }).move(0, 0.09, 0)),
      milk: cylinder(mouth * 0.95, 0.02),
      round: cylinder(mouth * 0.7, 0.06, { top: mouth * 0.9, segments: 12 }),
    }[kind]
    const label =
      kind === 'wine' || kind === 'beer'
        ? [
            cylinder(0.132 * wide, 0.22)
              .move(0, 0.12, 0)
              .of('label', 'paper'),
          ]
        : []
    return union(glass.of('bottle', 'glass'), stopper.move(0, top, 0).of('stopper', kind === 'beer' ? 'metal' : 'wood'), ...label)
  },
}

const bucket: Category = {
  name: 'bucket',
  build(random) {
    const kind = random.cycle(['up', 'down', 'wooden', 'spout', 'foot'] as const)
    const taper = random.spread(0.62, 0.85)
    const top = 0.36
    const wall = vessel(xy(top * taper, 0, top, 0.66, top + 0.025, 0.66, top + 0.025, 0.69), 0.02, {
      segments: kind === 'wooden' ? 12 : 28,
    })
    const at = (y: number) => top * (taper + ((1 - taper) * y) / 0.66)
    const ring = (y: number) => torus(at(y), [0.02, 0.03], { sides: 6 }).move(0, y, 0)
    const extra = {
      up: [ring(0.5)],
      down: [ring(0.1)],
      wooden: [ring(0.15), ring(0.5)],
      spout: [],
      foot: [lathe(xy(at(0) * 1.05, -0.08, at(0) * 0.9, 0.05))],
    }[kind]
    const bail = hoop(top + 0.01, 0, kind === 'wooden' ? 0.32 : 0.38, 0.014)
    const swung = bail.turn('x', { up: 8, down: 112, wooden: 0, spout: 55, foot: -40 }[kind]).move(0, 0.62, 0)
    const grip =
      kind === 'up' || kind === 'foot'
        ? [
            cylinder(0.03, 0.16, { segments: 10 })
              .turn('z', 90)
              .move(0.08, 0.38, 0)
              .turn('x', kind === 'up' ? 8 : -40)
              .move(0, 0.62, 0)
              .of('grip', 'wood'),
          ]
        : []
    const lugs = box(0.03, 0.1, 0.07).move(top, 0.63, 0).mirrored('x')
    const body = kind === 'spout' ? lip(wall, 0.45, 0.69, 0.16).turn('y', -90) : wall
    return union(
      body.of('pail', kind === 'wooden' ? 'wood' : kind === 'spout' ? 'plastic' : 'metal'),
      union(swung, lugs, ...extra).of('bail', 'metal'),
      ...grip,
    )
  },
}

const wateringCan: Category = {
  name: 'watering_can',
  build(random) {
    const kind = random.cycle(['round', 'oval', 'cone', 'long', 'belly'] as const)
    const height = random.spread(0.45, 0.6)
    const radius = 0.26
    const profile: Point2[] = {
      round: xy(radius, 0, radius, height),
      oval: xy(radius, 0, radius, height * 0.8, radius * 0.8, height),
      cone: xy(radius * 1.15, 0, radius * 0.6, height),
      long: xy(radius * 0.9, 0, radius * 0.9, height),
      belly: curve<Point2>(xy(radius * 0.7, 0, radius * 1.1, height * 0.35, radius * 0.5, height)),
    }[kind] as Point2[]
    const top = profile[profile.length - 1]![0]
    const body = vessel(profile, 0.02).scale(kind === 'oval' ? 1.25 : 1, 1, kind === 'oval' ? 0.75 : 1)
    const cover =
      kind === 'belly'
        ? []
        : [
            cylinder(top, 0.03)
              .scale(kind === 'oval' ? 1.25 : 1, 1, kind === 'oval' ? 0.75 : 0.5)
              .move(-top * 0.1, height - 0.04, kind === 'oval' ? 0 : top * 0.4),
          ]
    const reach = kind === 'long' ? 0.95 : 0.68
    const tip: Point2 = [-reach, height + (kind === 'cone' ? 0.22 : 0.1)]
    const path: Point2[] =
      kind === 'belly'
        ? curve<Point2>(xy(-0.2, 0.12, -0.42, 0.2, -0.5, height * 0.8, -0.72, height + 0.1), { steps: 3 })
        : [[-0.18, 0.1], tip]
    const spout = tube(inPlane('xy', path), (t) => 0.055 - 0.025 * t, { sides: 10 })
    const rose = cylinder(0.03, 0.1, { top: 0.1, segments: 16 })
      .turn('z', 60)
      .move(...path[path.length - 1]!)
    const brace = kind === 'long' ? [tube(inPlane('xy', xy(-0.2, height * 0.95, -0.6, height * 0.72)), 0.012, { sides: 6 })] : []
    const loop =
      kind === 'round' || kind === 'belly'
        ? ear(xy(0.12, height - 0.02, 0.2, height + 0.2, 0.45, height * 0.9, 0.42, height * 0.4, 0.2, height * 0.25), 0.022)
        : kind === 'cone'
          ? ear(xy(0.1, height - 0.05, 0.38, height, 0.42, height * 0.5, 0.24, height * 0.2), 0.022)
          : hoop(0.2, height - 0.02, 0.22, 0.022).and(
              ear(xy(0.22, height * 0.8, 0.42, height * 0.75, 0.42, height * 0.3, 0.22, height * 0.25), 0.02),
            )
    return union(
      union(body, spout, ...cover, ...brace).of('can', kind === 'long' ? 'plastic' : 'metal'),
      rose.of('rose', 'metal'),
      loop.of('handle', 'metal'),
    )
  },
}

export const containers: readonly Category[] = [barrel, basket, bottle, bucket, wateringCan]
