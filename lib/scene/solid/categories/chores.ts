// Tools for house and yard.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipse,
  lathe,
  loft,
  type Point2,
  type Point3,
  prism,
  rectangle,
  type Solid,
  sheet,
  sphere,
  superellipse,
  sweep,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

const broom: Category = {
  name: 'broom',
  build(random) {
    const kind = random.cycle(['besom', 'push', 'flat', 'angled', 'hand'] as const)
    const length = kind === 'hand' ? 0.4 : random.spread(1.1, 1.4)
    const stick = cylinder(0.022, length, { segments: 10 }).of('stick', 'wood')
    if (kind === 'besom') {
      const twigs = union(
        ...Array.from({ length: 26 }, (_, i) => {
          const [a, r] = [i * 2.4, 0.03 + 0.022 * Math.sqrt(i)]
          return tube(
            xyz(
              r * 0.5 * Math.cos(a),
              0.42,
              r * 0.5 * Math.sin(a),
              r * Math.cos(a),
              0.2,
              r * Math.sin(a),
              r * 1.5 * Math.cos(a),
              -0.02 * (i % 3),
              r * 1.5 * Math.sin(a),
            ),
            0.014,
            { sides: 4 },
          )
        }),
      )
      return union(
        stick.move(0, 0.35, 0),
        twigs.of('bristles', 'straw'),
        torus(0.075, 0.014, { segments: 14, sides: 6 }).repeat(2, [0, 0.08, 0]).move(0, 0.34, 0).of('binding', 'straw'),
      )
    }
    const tuft = (width: number, depth: number, height: number, flare: number) =>
      loft([
        { outline: rectangle(width * flare, depth * 1.3), y: -height },
        { outline: rectangle(width, depth), y: 0 },
      ]).of('bristles', 'straw')
    if (kind === 'push')
      return union(
        stick.turn('x', -28),
        box(0.7, 0.06, 0.12, 0.02).move(0, 0, 0).of('stick', 'wood'),
        tuft(0.07, 0.025, 0.14, 1.3).repeat(8, [0.085, 0, 0]).repeat(3, [0, 0, 0.045]).move(0, -0.02, 0),
      )
    if (kind === 'angled')
      return union(
        stick,
        prism(xy(-0.13, 0.05, 0.13, 0.05, 0.2, -0.08, -0.16, -0.02), 0.07, { bevel: 0.015 }).of('cap', 'plastic'),
        ...[-3, -2, -1, 0, 1, 2, 3].map((i) =>
          prism(
            xy(
              i * 0.045 - 0.03,
              0,
              i * 0.045 + 0.03,
              0,
              i * 0.065 + 0.036,
              -0.28 - i * 0.022,
              i * 0.065 - 0.036,
              -0.26 - i * 0.022,
            ),
            0.06,
          ).of('bristles', 'straw'),
        ),
      )
    const skirt = loft(
      xyz(0.26, 0.05, -0.42, 0.235, 0.055, -0.3, 0.14, 0.06, -0.1, 0.05, 0.05, 0.05, 0.035, 0.035, 0.12).map(([x, z, y]) => ({
        outline: superellipse(x!, z!, 3, 20),
        y: y!,
      })),
    ).of('bristles', 'straw')
    const seams = [-0.16, -0.24].map((y) =>
      sweep(
        ellipse(0.012, 0.012, 5),
        superellipse(0.16 - 0.55 * (y + 0.12), 0.062, 3, 20).map(([x, z]): Point3 => [x, y, z]),
        { closed: true },
      ),
    )
    return union(
      stick,
      skirt,
      union(...seams).of('binding', 'cloth'),
      ...(kind === 'hand'
        ? [
            torus(0.05, 0.01, { segments: 12, sides: 5 })
              .turn('x', 90)
              .move(0, length + 0.04, 0)
              .of('binding', 'metal'),
          ]
        : []),
    ).scale(kind === 'hand' ? 1.3 : 1)
  },
}

const ladder: Category = {
  name: 'ladder',
  build(random) {
    const kind = random.cycle(['leaning', 'step', 'rope', 'platform', 'orchard'] as const)
    const rungs = random.cycle([6, 7, 9, 5, 8])
    const flight = (height: number, low: number, high: number, tread: Solid): Solid => {
      const rail = sweep(rectangle(0.04, 0.07), xyz(low, 0, 0, high, height, 0))
        .mirrored('x')
        .of('rails', 'wood')
      const steps = Array.from({ length: rungs }, (_, i) => {
        const t = (i + 0.7) / rungs
        return tread.scale(2 * (low + (high - low) * t), 1, 1).move(0, t * height * 0.97, 0)
      })
      return union(rail, union(...steps).of('rungs', 'wood'))
    }
    const rung = cylinder(0.02, 1, { segments: 8 }).turn('z', 90).move(0.5, 0, 0)
    const board = box(1, 0.025, 0.11)
    if (kind === 'leaning') return flight(1.5, 0.22, 0.22, rung).turn('x', -14)
    if (kind === 'rope') {
      const rope = tube(
        Array.from(
          { length: rungs * 3 + 1 },
          (_, i): Point3 => [0.2 + 0.012 * Math.sin(i * 2.1), (i * 1.4) / (rungs * 3), 0.02 * Math.sin(i * 1.3)],
        ),
        0.018,
        { sides: 6 },
      )
      return union(
        rope.mirrored('x').of('rails', 'cloth'),
        ...Array.from({ length: rungs }, (_, i) =>
          cylinder(0.025, 0.5, { segments: 8 })
            .turn('z', 90 + 3 * (i % 3))
            .move(0.25, 0.06 + (i * 1.33) / rungs, 0)
            .of('rungs', 'wood'),
        ),
      )
    }
    if (kind === 'orchard')
      return union(
        flight(1.5, 0.34, 0.07, rung).turn('x', -12),
        sweep(rectangle(0.04, 0.04), xyz(0, 1.4, -0.28, 0, 0, -0.85)).of('rails', 'wood'),
      )
    const front = flight(1.2, 0.27, 0.18, board).turn('x', -16)
    const back = sweep(rectangle(0.03, 0.045), xyz(0.2, 1.15, -0.34, 0.3, 0, -0.72)).mirrored('x')
    const bars = union(
      cylinder(0.015, 0.56, { segments: 6 }).turn('z', 90).move(0.28, 0.25, -0.64),
      cylinder(0.015, 0.46, { segments: 6 }).turn('z', 90).move(0.23, 0.8, -0.46),
    )
    const top = box(0.44, 0.035, 0.26).move(0, 1.16, -0.34)
    if (kind === 'step') return union(front, union(back, bars).of('rails', 'wood'), top.of('rungs', 'wood'))
    const rail = tube(curve(xyz(0.2, 1.1, -0.32, 0.2, 1.6, -0.44, 0, 1.7, -0.46, -0.2, 1.6, -0.44, -0.2, 1.1, -0.32)), 0.02, {
      sides: 8,
    })
    return union(
      front,
      union(back, bars, rail).of('rails', 'metal'),
      top.scale(1, 1, 1.4).move(0, -0.1, 0.12).of('rungs', 'metal'),
    )
  },
}

const paintbrush: Category = {
  name: 'paintbrush',
  build(random) {
    const kind = random.cycle(['flat', 'round', 'fan', 'angled', 'fat'] as const)
    const long = random.spread(0.9, 1.15)
    const [width, depth] = (
      { flat: [0.22, 0.05], round: [0.035, 0.035], fan: [0.03, 0.02], angled: [0.11, 0.03], fat: [0.12, 0.12] } as const
    )[kind]
    const slim = kind === 'round' || kind === 'fan'
    const bristles = {
      flat: () =>
        loft(
          [0.24, 0.235, 0.22].map((w, i) => ({
            outline: superellipse(w, [0.012, 0.05, 0.05][i]!, 5, 20),
            y: [-0.4, -0.25, 0][i]!,
          })),
        ),
      round: () => lathe(curve(xy(0, -0.32, 0.03, -0.22, 0.048, -0.1, 0.035, 0), { steps: 3 }), { segments: 14 }),
      fan: () => prism([...arc(0, 0.1, 0.4, 220, 320, 12), ...xy(0.03, 0, -0.03, 0)], 0.02),
      angled: () => prism(xy(-0.11, 0, 0.11, 0, 0.13, -0.38, -0.12, -0.2), 0.05, { bevel: 0.012 }),
      fat: () => lathe(curve(xy(0, -0.34, 0.11, -0.3, 0.15, -0.12, 0.12, 0), { steps: 3 })),
    }[kind]()
    const ferrule = loft(
      [0, 0.08, 0.16].map((y, i) => ({
        outline: superellipse(
          width * (slim ? 1.15 - 0.2 * i : 1.03),
          depth * (slim ? 1.15 - 0.2 * i : 1.1),
          kind === 'flat' || kind === 'angled' ? 5 : 2,
          20,
        ),
        y,
      })),
    )
    const profile: Point2[] = slim
      ? xy(0.026, 0.14, 0.045, 0.35, 0.03, 0.8, 0.012, 1.3)
      : xy(width * 0.95, 0.14, width * 0.8, 0.24, 0.055, 0.36, 0.05, 0.5, 0.06, 0.68, 0.04, 0.8, 0.01, 0.83)
    const handle = lathe(
      curve(
        profile.map(([r, y]): Point2 => [r, y * long]),
        { steps: 3 },
      ),
      { segments: 16 },
    ).warp((x, y, z) => [
      x,
      y,
      z * (depth < width ? Math.min(1, Math.max(depth / width, 0.05 / Math.max(Math.abs(x), 0.05))) : 1),
    ])
    return union(bristles.of('bristles', 'fur'), ferrule.of('ferrule', 'metal'), handle.of('handle', 'wood'))
  },
}

const shovel: Category = {
  name: 'shovel',
  build(random) {
    const kind = random.cycle(['pointed', 'square', 'snow', 'trowel', 'spade'] as const)
    const length = kind === 'trowel' ? 0.26 : random.spread(0.8, 1.05)
    const spec = {
      pointed: [0.16, 0.42, 0.25],
      square: [0.2, 0.4, 0.35],
      snow: [0.34, 0.4, 0.6],
      trowel: [0.1, 0.36, 0.5],
      spade: [0.13, 0.46, 0.1],
    }[kind] as [number, number, number]
    const [half, deep, dish] = spec
    const pointed = kind === 'pointed' || kind === 'trowel'
    const blade = sheet(
      (u, v) => {
        const side = 2 * u - 1
        const width =
          half *
          (pointed
            ? Math.min(1, 0.75 + 0.6 * v) * Math.sqrt(Math.max(0.0004, 1 - Math.max(0, (v - 0.45) / 0.55) ** 2))
            : 0.92 + 0.08 * v)
        return [
          side * width,
          -deep * v,
          dish * (side * side - 1) * 0.35 * half - (kind === 'snow' ? 0.5 * (v - 0.3) ** 2 * deep : 0.12 * v * v * deep),
        ]
      },
      0.014,
      { across: 6, along: 8 },
    )
    const socket = cylinder(0.03, 0.16, { top: 0.026, segments: 10 }).move(0, -0.08, -0.02)
    const tread = kind === 'spade' || kind === 'square' ? [box(half * 1.9, 0.02, 0.045).of('blade', 'metal')] : []
    const stick = tube(
      curve([
        [0, 0, -0.02],
        [0, length * 0.5, kind === 'pointed' ? -0.05 : -0.02],
        [0, length, -0.02],
      ] as Point3[]),
      0.024,
      { sides: 8 },
    ).of('handle', 'wood')
    const top = {
      pointed: () => sphere(0.035, { segments: 10, rings: 6 }).move(0, length, 0),
      square: () =>
        cylinder(0.025, 0.22, { segments: 10 })
          .turn('z', 90)
          .move(0.11, length + 0.01, -0.02),
      snow: () =>
        torus(0.075, 0.022, { segments: 16, sides: 8 })
          .turn('x', 90)
          .scale(1.2, 0.9, 1)
          .move(0, length + 0.05, -0.02),
      trowel: () =>
        lathe(curve(xy(0.025, 0, 0.045, 0.08, 0.035, 0.18, 0.05, 0.26, 0, 0.3), { steps: 2 }), { segments: 12 }).move(
          0,
          0.1,
          -0.02,
        ),
      spade: () =>
        union(
          tube(xyz(0, length - 0.02, -0.02, 0.09, length + 0.1, -0.02), 0.02, { sides: 6 }).mirrored('x'),
          cylinder(0.022, 0.22, { segments: 8 })
            .turn('z', 90)
            .move(0.11, length + 0.1, -0.02),
        ),
    }[kind]()
    return union(
      blade.of('blade', kind === 'snow' ? 'plastic' : 'metal'),
      socket.of('blade', 'metal'),
      stick,
      top.of('handle', 'wood'),
      ...tread,
    )
  },
}

export const chores: readonly Category[] = [broom, ladder, paintbrush, shovel]
