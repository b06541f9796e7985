// Things to sit on.
import type { Category } from '../category.js'
import {
  box,
  curve,
  cylinder,
  inPlane,
  lathe,
  type Point3,
  prism,
  rectangle,
  type Solid,
  sweep,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { bar, block, corners, fourLegs, legKinds } from './joinery.js'

/** A back of a chair between two heights at z, leaning by `lean` at its top. */
function chairBack(kind: string, half: number, low: number, high: number, z: number, lean: number): Solid {
  const at = (y: number) => z - (lean * (y - low)) / (high - low)
  const posts = tube(xyz([half - 0.02, low, z, half - 0.02, high, at(high)]), 0.02).mirrored('x')
  const slat = (y: number, height: number) =>
    box(2 * half, height, 0.025)
      .bend('x', 'z', 25)
      .move(half, y, at(y) - 0.04)
  const middle = (one: Solid) => one.move(-one.box.low[0] - one.box.size[0] / 2)
  if (kind === 'slats') return union(posts, ...[0.35, 0.6, 0.92].map((s) => middle(slat(low + s * (high - low), 0.07))))
  if (kind === 'spindles')
    return union(
      posts,
      middle(slat(high, 0.09)),
      ...[-2, -1, 0, 1, 2].map((i) => bar([(i * half) / 3, low, z], [(i * half) / 3, high, at(high)], 0.009, 6)),
    )
  if (kind === 'arch') {
    const bow: Point3[] = curve(
      xyz([
        -half,
        low,
        z,
        -half,
        low + 0.6 * (high - low),
        at(low + 0.6 * (high - low)),
        0,
        high + 0.06,
        at(high),
        half,
        low + 0.6 * (high - low),
        at(low + 0.6 * (high - low)),
        half,
        low,
        z,
      ]),
    )
    return union(
      tube(bow, 0.02),
      ...[-1, 0, 1].map((i) => bar([(i * half) / 2, low, z], [(i * half) / 2, high, at(high)], 0.012, 6)),
    )
  }
  if (kind === 'splat')
    return union(
      posts,
      middle(slat(high, 0.08)),
      prism(
        xy([-0.07, 0, 0.07, 0, 0.04, 0.45, 0.08, 1, -0.08, 1, -0.04, 0.45]).map(([x, y]) => [x!, y! * (high - low)] as const),
        0.02,
      )
        .turn('x', (-lean / (high - low)) * 57)
        .move(0, low, z),
    )
  return box(2 * half, (high - low) * 0.75, 0.05, 0.02)
    .turn('x', (-lean / (high - low)) * 57)
    .move(0, low + 0.62 * (high - low), at(low + 0.6 * (high - low)))
    .and(posts)
}

export const seats: readonly Category[] = [
  {
    name: 'bench',
    build(random) {
      const kind = random.cycle(['park', 'plank', 'stone', 'slatted', 'iron'])
      const width = random.spread(1.2, 1.7)
      const half = width / 2
      const slats = (count: number, z: number, step: number) =>
        block([-half, 0.42, z], [half, 0.45, z + step * 0.75]).repeat(count, [0, 0, step], 'start')
      if (kind === 'plank')
        return union(
          block([-half, 0.4, -0.15], [half, 0.46, 0.15], 0.01).of('seat', 'wood'),
          block([-0.03, 0, -0.13], [0.03, 0.4, 0.13])
            .taper('y', 1.2, 0.9)
            .move(half * 0.75)
            .mirrored('x')
            .of('legs', 'wood'),
          block([-half * 0.75, 0.15, -0.02], [half * 0.75, 0.23, 0.02]).of('legs', 'wood'),
        )
      if (kind === 'stone')
        return union(
          block([-half, 0.38, -0.24], [half, 0.5, 0.24], 0.02).of('seat', 'stone'),
          prism(xy([-0.2, 0, 0.2, 0, 0.12, 0.19, 0.2, 0.38, -0.2, 0.38, -0.12, 0.19]), 0.16)
            .turn('y', 90)
            .move(half * 0.65)
            .mirrored('x')
            .of('legs', 'stone'),
        )
      if (kind === 'slatted')
        return union(
          slats(4, -0.22, 0.11).of('seat', 'wood'),
          tube(
            curve(xyz([0, 0.42, -0.2, 0, 0.2, -0.24, 0, 0, -0.24, 0, 0, 0.24, 0, 0.2, 0.24, 0, 0.42, 0.2]), { steps: 2 }),
            0.025,
          )
            .move(half * 0.7)
            .mirrored('x')
            .of('legs', 'metal'),
        )
      const iron = kind === 'iron'
      const rest = [0, 1, 2].map((i) =>
        block([-half, -0.045, -0.015], [half, 0.045, 0.015])
          .turn('x', -14)
          .move(0, 0.56 + 0.14 * i, -0.27 - 0.035 * i),
      )
      const side = iron
        ? tube(curve(xyz([0, 0, 0.28, 0, 0.3, 0.2, 0, 0.66, 0.26, 0, 0.66, -0.1, 0, 0.5, -0.25]), { steps: 3 }), 0.022).and(
            tube(curve(xyz([0, 0, -0.38, 0, 0.4, -0.22, 0, 0.9, -0.36]), { steps: 3 }), 0.022),
            torus(0.07, 0.016, { segments: 12, sides: 6 }).turn('z', 90).move(0, 0.54, 0.06),
          )
        : union(
            block([-0.03, 0, 0.18], [0.03, 0.62, 0.24]),
            block([-0.03, 0, -0.3], [0.03, 0.5, -0.24]),
            block([-0.03, 0.5, -0.03], [0.03, 0.9, 0.03]).move(0, -0.68, 0).turn('x', -14).move(0, 0.68, -0.33),
            block([-0.035, 0.6, -0.32], [0.035, 0.65, 0.26]),
          )
      return union(
        slats(4, -0.24, 0.12).of('seat', 'wood'),
        union(...rest).of('back', 'wood'),
        side
          .move(half * 0.9)
          .mirrored('x')
          .of('sides', iron ? 'metal' : 'wood'),
      )
    },
  },
  {
    name: 'chair',
    build(random) {
      const back = random.cycle(['slats', 'spindles', 'arch', 'splat', 'panel'])
      const legs = random.cycle(legKinds)
      const [half, high] = [random.spread(0.19, 0.25), random.spread(0.85, 1.1)]
      const seat =
        back === 'arch'
          ? cylinder(half * 1.08, 0.05, { round: 0.02 }).move(0, 0.43)
          : block([-half, 0.43, -half], [half, 0.48, half], 0.015)
      const rungs =
        legs === 'square' || legs === 'turned'
          ? bar([half - 0.03, 0.2, -half], [half - 0.03, 0.2, half], 0.012, 6).mirrored('x')
          : union()
      return union(
        seat.of('seat', back === 'panel' ? 'leather' : 'wood'),
        fourLegs(legs, 0.43, half, half, 0.045).and(rungs).of('legs', 'wood'),
        chairBack(back, half, 0.46, high, -half + 0.03, random.spread(0.04, 0.14)).of('back', 'wood'),
      )
    },
  },
  {
    name: 'deck_chair',
    build(random) {
      const kind = random.cycle(['sling', 'slats', 'arms', 'lounger', 'canopy'])
      const steep = random.spread(0.65, 0.95)
      const half = 0.3
      const rail: Point3[] = xyz([half, 0.02, 0.62, half, steep, -0.55])
      const prop: Point3[] = xyz([half - 0.04, 0.02, -0.6, half - 0.04, 0.52, 0.25])
      const frame = [bar(rail[0]!, rail[1]!, 0.022), bar(prop[0]!, prop[1]!, 0.022)]
      const cross = [
        bar([-half, steep, -0.55], [half, steep, -0.55], 0.02),
        bar([-half, 0.03, 0.6], [half, 0.03, 0.6], 0.02),
        bar([-half, 0.03, -0.58], [half, 0.03, -0.58], 0.02),
        bar([-half, 0.5, 0.22], [half, 0.5, 0.22], 0.02),
      ]
      if (kind === 'lounger') {
        const slat = (z: number, y: number) => block([-half, y, z - 0.03], [half, y + 0.025, z + 0.03])
        return union(
          ...Array.from({ length: 10 }, (_, i) => slat(0.75 - 0.09 * i, 0.32).of('slats', 'wood')),
          ...Array.from({ length: 7 }, (_, i) =>
            slat(0, 0)
              .move(0, 0.36 + 0.068 * i * steep * 1.2, -0.17 - 0.075 * i)
              .of('slats', 'wood'),
          ),
          block([half - 0.04, 0.27, -0.7], [half, 0.32, 0.8])
            .mirrored('x')
            .of('frame', 'wood'),
          corners(block([-0.04, 0, -0.03], [0, 0.3, 0.03]), half, 0.55).of('frame', 'wood'),
          cylinder(0.1, 0.04, { segments: 14 })
            .turn('z', 90)
            .move(half + 0.05, 0.1, -0.55)
            .mirrored('x')
            .of('wheels', 'rubber'),
        )
      }
      const sag = (t: number) => -0.14 * Math.sin(Math.PI * t)
      const cloth = sweep(
        rectangle(2 * half - 0.06, 0.015),
        Array.from(
          { length: 9 },
          (_, i): Point3 => [0, steep + (0.5 - steep) * (i / 8) + sag(i / 8) * 1.4, -0.55 + 0.78 * (i / 8)],
        ),
        { up: [0, 1, 0] },
      )
      const slats = union(
        ...Array.from({ length: 11 }, (_, i) =>
          box(2 * half - 0.02, 0.015, 0.05)
            .turn('x', i < 7 ? 50 : -5)
            .move(0, i < 7 ? steep - i * 0.085 * steep : 0.36, i < 7 ? -0.55 + 0.062 * i : -0.12 + (i - 7) * 0.08),
        ),
      )
      const arms = block([half, 0.52, -0.2], [half + 0.08, 0.55, 0.35], 0.01)
        .and(bar([half + 0.04, 0, 0.3], [half + 0.04, 0.52, 0.3], 0.018))
        .mirrored('x')
      const canopy = sweep(
        rectangle(2 * half, 0.02),
        inPlane('yz', xy([steep + 0.02, -0.6, steep + 0.2, -0.5, steep + 0.24, -0.3, steep + 0.18, -0.1])),
        { up: [0, 1, 0] },
      )
      return union(
        union(...frame)
          .mirrored('x')
          .and(...cross)
          .of('frame', 'wood'),
        (kind === 'slats' ? slats : cloth).of('seat', kind === 'slats' ? 'wood' : 'cloth'),
        ...(kind === 'arms' ? [arms.of('arms', 'wood')] : []),
        ...(kind === 'canopy' ? [canopy.of('canopy', 'cloth')] : []),
      )
    },
  },
  {
    name: 'high_chair',
    build(random) {
      const kind = random.cycle(['splayed', 'ladder', 'cross', 'pedestal', 'square'])
      const seat = random.spread(0.5, 0.62)
      const [half, spread] = [0.17, random.spread(0.24, 0.32)]
      const leg = (x: number, z: number) => bar([x * spread, 0, z * spread], [x * half * 0.9, seat, z * half * 0.9], 0.018)
      const splayed = union(leg(1, 1), leg(1, -1))
        .mirrored('x')
        .and(bar([-spread * 0.85, 0.2, spread * 0.85], [spread * 0.85, 0.2, spread * 0.85], 0.014))
      const legs = {
        splayed,
        ladder: union(
          tube(xyz([spread, 0, 0.3, half, seat + 0.3, -0.16]), 0.025),
          bar([spread, 0.02, 0.3], [spread, 0.02, -0.3], 0.025),
        )
          .mirrored('x')
          .and(block([-spread, 0.22, 0.02], [spread, 0.25, 0.3]), bar([-spread, 0.02, -0.28], [spread, 0.02, -0.28], 0.02)),
        cross: union(bar([spread, 0, 0.34], [half, seat, -0.2], 0.018), bar([spread, 0, -0.34], [half, seat, 0.2], 0.018))
          .mirrored('x')
          .and(
            bar([-spread, 0.02, 0.33], [spread, 0.02, 0.33], 0.016),
            bar([-spread, 0.02, -0.33], [spread, 0.02, -0.33], 0.016),
          ),
        pedestal: cylinder(0.035, seat, { segments: 12 }).and(
          bar([-0.3, 0.03, 0], [0.3, 0.03, 0], 0.03).around(2, { sweep: 180, start: 45 }),
          bar([-0.3, 0.03, 0], [0.3, 0.03, 0], 0.03).turn('y', -45),
        ),
        square: fourLegs('square', seat, 0.19, 0.19, 0.035).and(block([-0.19, 0.22, 0.15], [0.19, 0.25, 0.27])),
      }[kind]!
      const back = block([-half, seat, -half - 0.03], [half, seat + 0.42, -half + 0.01], 0.02)
      const arms = union(
        bar([half, seat + 0.18, -half], [half, seat + 0.18, half + 0.06], 0.016),
        bar([half, seat, half * 0.6], [half, seat + 0.18, half * 0.6], 0.014),
      ).mirrored('x')
      const tray = prism(rectangle(2 * half + 0.12, 0.24, random.cycle([0.02, 0.08, 0.11, 0.06, 0.04]), 4), 0.025)
        .turn('x', -90)
        .move(0, seat + 0.2, half + 0.06)
      return union(
        legs.of('legs', 'wood'),
        block([-half, seat - 0.03, -half], [half, seat + 0.02, half], 0.01)
          .and(back)
          .of('seat', 'plastic'),
        arms.of('arms', 'wood'),
        tray.of('tray', 'plastic'),
      )
    },
  },
  {
    name: 'office_chair',
    build(random) {
      const back = random.cycle(['tall', 'low', 'mesh', 'round', 'executive'])
      const hasArms = random.cycle([true, false, true, true, false])
      const feet = random.cycle([5, 4, 5, 6, 5])
      const foot = tube(xyz([0, 0.09, 0.04, 0, 0.055, 0.3]), (t) => 0.03 - 0.012 * t, { sides: 6 }).and(
        cylinder(0.035, 0.035, { segments: 10 }).turn('z', 90).move(0.017, 0.035, 0.29),
      )
      const stem = cylinder(0.04, 0.25, { segments: 12 })
        .move(0, 0.06)
        .and(cylinder(0.022, 0.2, { segments: 10 }).move(0, 0.25))
      const seat = box(0.5, 0.09, 0.48, 0.04).move(0, 0.47, 0)
      const high = { tall: 0.62, low: 0.3, mesh: 0.5, round: 0.4, executive: 0.75 }[back]!
      const outline = back === 'round' ? rectangle(0.42, high, 0.18, 5) : rectangle(0.46, high, back === 'tall' ? 0.16 : 0.06, 3)
      const holes =
        back === 'mesh' ? [-0.1, 0.1].map((x) => rectangle(0.16, 0.38, 0.03, 2).map(([a, b]) => [a + x, b] as const)) : []
      const rest = prism(outline, 0.07, { holes, bevel: holes.length ? 0 : 0.02 })
        .turn('x', -9)
        .move(0, 0.58 + high / 2, -0.27)
      const link = tube(curve(xyz([0, 0.45, -0.1, 0, 0.46, -0.28, 0, 0.75, -0.33]), { steps: 3 }), 0.025)
      const arm = tube(curve(xyz([0.2, 0.46, 0, 0.3, 0.5, 0, 0.31, 0.68, -0.02]), { steps: 3 }), 0.018)
        .and(box(0.06, 0.03, 0.28, 0.012).move(0.31, 0.69, 0.02))
        .mirrored('x')
      const pillow = back === 'executive' ? [box(0.32, 0.16, 0.08, 0.03).turn('x', -9).move(0, 1.18, -0.26)] : []
      return union(
        foot.around(feet).of('base', 'plastic'),
        stem.and(link).of('stem', 'metal'),
        seat.and(rest, ...pillow).of('seat', back === 'executive' ? 'leather' : 'cloth'),
        ...(hasArms ? [arm.of('arms', 'plastic')] : []),
      )
    },
  },
  {
    name: 'rocking_chair',
    build(random) {
      const back = random.cycle(['spindles', 'slats', 'arch', 'panel', 'splat'])
      const [half, high] = [random.spread(0.22, 0.28), random.spread(1.0, 1.2)]
      const hasArms = random.cycle([true, true, false, true, true])
      const runner = sweep(
        rectangle(0.035, 0.045),
        curve(xyz([half, 0.13, 0.48, half, 0.04, 0.25, half, 0.02, 0, half, 0.04, -0.3, half, 0.16, -0.6]), { steps: 3 }),
      ).mirrored('x')
      const arm = union(
        block([half - 0.02, 0.62, -0.22], [half + 0.05, 0.65, 0.28], 0.01),
        bar([half, 0.42, 0.2], [half, 0.63, 0.2], 0.016),
      ).mirrored('x')
      return union(
        runner.of('runners', 'wood'),
        fourLegs('round', 0.4, half + 0.02, 0.24, 0.045)
          .move(0, 0.03)
          .of('legs', 'wood'),
        box(2 * half + 0.04, 0.05, 0.5, 0.015)
          .turn('x', 4)
          .move(0, 0.43, 0)
          .of('seat', 'wood'),
        chairBack(back, half, 0.44, high, -0.22, 0.2).of('back', 'wood'),
        ...(hasArms ? [arm.of('arms', 'wood')] : []),
      )
    },
  },
  {
    name: 'stool',
    build(random) {
      const kind = random.cycle(['three', 'bar', 'square', 'piano', 'folding'])
      const height = random.spread(0.42, 0.75)
      const seat = cylinder(0.17, 0.045, { round: 0.018 }).move(0, height)
      const leg = bar([0.11, height, 0], [0.19, 0, 0], 0.02)
      if (kind === 'three') return union(seat.of('seat', 'wood'), leg.around(3, { start: 90 }).of('legs', 'wood'))
      if (kind === 'bar')
        return union(
          seat.and(torus(0.16, 0.02, { sides: 6 }).move(0, height + 0.03)).of('seat', 'leather'),
          cylinder(0.025, height, { segments: 12 })
            .and(
              lathe(xy([0.2, 0, 0.2, 0.015, 0.05, 0.05, 0.025, 0.12])),
              torus(0.13, 0.01, { sides: 6 }).move(0, height * 0.4),
              bar([-0.13, height * 0.4, 0], [0.13, height * 0.4, 0], 0.008, 6),
            )
            .of('legs', 'metal'),
        )
      if (kind === 'square')
        return union(
          block([-0.18, height, -0.18], [0.18, height + 0.06, 0.18], 0.02).of('seat', 'cloth'),
          fourLegs('square', height, 0.18, 0.18, 0.04)
            .and(...[0.12, -0.16].map((z) => block([-0.18, height * 0.3, z], [0.18, height * 0.3 + 0.04, z + 0.03])))
            .of('legs', 'wood'),
        )
      if (kind === 'piano') {
        const foot = tube(curve(xyz([0.03, 0.2, 0, 0.12, 0.2, 0, 0.17, 0.06, 0, 0.24, 0, 0]), { steps: 3 }), 0.022)
        return union(
          seat
            .scale(1.1, 1, 1.1)
            .move(0, 0.45 - height)
            .of('seat', 'leather'),
          cylinder(0.03, 0.3, { segments: 10 })
            .move(0, 0.15)
            .and(foot.around(4, { start: 45 }))
            .of('legs', 'wood'),
        )
      }
      const crossed = union(
        bar([-0.2, 0, 0.17], [0.2, 0.42, 0.17], 0.018),
        bar([0.2, 0, 0.13], [-0.2, 0.42, 0.13], 0.018),
      ).mirrored('z')
      const sling = sweep(
        rectangle(0.38, 0.012),
        curve(xyz([-0.21, 0.43, 0, -0.1, 0.37, 0, 0.1, 0.37, 0, 0.21, 0.43, 0]), { steps: 3 }),
      )
      return union(
        crossed.and(bar([-0.2, 0.43, -0.2], [-0.2, 0.43, 0.2], 0.018).mirrored('x')).of('legs', 'wood'),
        sling.of('seat', 'cloth'),
      )
    },
  },
]
