// Devices that show: pictures, programs, the time.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  prism,
  rectangle,
  rod,
  type Solid,
  sphere,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { barrel, knob } from './panels.js'

const camera: Category = {
  name: 'camera',
  build(random) {
    const kind = random.cycle(['reflex', 'compact', 'tripod', 'bellows', 'twin'] as const)
    const lensLength = random.spread(0.2, 0.42)
    const lens = (radius: number, length: number, z: number) =>
      union(
        union(
          barrel(radius, length * 0.4, z),
          barrel(radius * 0.92, length * 0.9, z),
          barrel(radius * 1.04, length * 0.3, z + length * 0.7),
        ).of('lens', 'metal'),
        barrel(radius * 0.8, 0.02, z + length - 0.005).of('glass', 'glass'),
      )
    const reflex = union(
      box(0.82, 0.46, 0.3, 0.05),
      box(0.2, 0.5, 0.38, 0.06).move(-0.36, -0.01, 0.03),
      prism(xy(-0.17, 0, 0.17, 0, 0.1, 0.16, -0.1, 0.16), 0.3, { bevel: 0.02 }).move(0, 0.21, 0.02),
    ).of('body', 'plastic')
    const dials = union(
      cylinder(0.075, 0.06).move(0.28, 0.22, 0),
      cylinder(0.045, 0.05, { segments: 14 }).move(-0.34, 0.22, 0.06),
      box(0.15, 0.03, 0.12).move(0, 0.38, -0.03),
    ).of('dials', 'metal')
    if (kind === 'reflex')
      return union(
        reflex,
        dials,
        lens(0.19, lensLength, 0.14),
        tube(
          curve(
            xyz([
              0.42, 0.14, 0, 0.56, -0.1, 0.05, 0.4, -0.45, 0.15, 0, -0.5, 0.2, -0.45, -0.4, 0.12, -0.56, -0.1, 0.02, -0.42, 0.14,
              0,
            ]),
          ),
          () => [0.008, 0.028],
          { sides: 6 },
        ).of('strap', 'leather'),
      )
    if (kind === 'compact')
      return union(
        box(0.8, 0.46, 0.2, 0.06).of('body', 'metal'),
        lens(0.16, 0.18, 0.09),
        union(box(0.13, 0.07, 0.02).move(0.28, 0.15, 0.1), box(0.1, 0.06, 0.02).move(-0.05, 0.17, 0.1)).of('glass', 'glass'),
        cylinder(0.05, 0.03, { segments: 14 }).move(-0.25, 0.22, 0).of('dials', 'metal'),
      )
    if (kind === 'tripod') {
      const legs = rod([0, -0.36, 0], [0.42, -1.35, 0], 0.03).around(3, { start: -90 })
      return union(
        reflex,
        dials,
        lens(0.17, lensLength, 0.14),
        union(
          legs,
          cylinder(0.06, 0.16, { segments: 12 }).move(0, -0.42, 0),
          rod([0, -0.3, 0], [0.1, -0.5, -0.4], 0.018),
          box(0.2, 0.05, 0.2).move(0, -0.25, 0),
        ).of('tripod', 'metal'),
      )
    }
    if (kind === 'bellows') {
      const folds = union(
        ...Array.from({ length: 8 }, (_, i) =>
          prism(rectangle(0.5 - 0.03 * i, 0.46 - 0.03 * i, 0.03), 0.07)
            .scale(i % 2 ? 0.9 : 1, i % 2 ? 0.9 : 1, 1)
            .move(0, 0.02, 0.12 + 0.055 * i),
        ),
      )
      return union(
        box(0.62, 0.6, 0.18, 0.02).of('body', 'leather'),
        folds.of('bellows', 'leather'),
        prism(rectangle(0.34, 0.4, 0.04), 0.04)
          .move(0, 0.02, 0.58)
          .of('front', 'metal'),
        lens(0.1, 0.12, 0.59).move(0, 0.03, 0),
        box(0.5, 0.03, 0.62).move(0, -0.29, 0.36).of('front', 'metal'),
        box(0.14, 0.1, 0.1).move(0, 0.35, 0).of('front', 'metal'),
      )
    }
    return union(
      box(0.42, 0.62, 0.4, 0.02).of('body', 'leather'),
      lens(0.13, 0.14, 0.19).move(0, 0.15, 0),
      lens(0.13, 0.18, 0.19).move(0, -0.14, 0),
      union(box(0.36, 0.22, 0.02).move(0, 0.42, -0.17), box(0.02, 0.2, 0.34).move(0.17, 0.41, 0).mirrored('x')).of(
        'hood',
        'metal',
      ),
      knob(0.07, 0, 0, 0).turn('y', 90).move(0.28, -0.1, 0).of('dials', 'metal'),
      rod([0.25, 0.05, 0], [0.3, 0.05, 0.12], 0.015).of('dials', 'metal'),
    )
  },
}

const clock: Category = {
  name: 'clock',
  build(random) {
    const kind = random.cycle(['wall', 'alarm', 'tall', 'mantel', 'cuckoo'] as const)
    const hour = random.whole(1, 11)
    const face = (radius: number): Solid => {
      const hand = (length: number, width: number, turn: number) =>
        prism(
          [
            [-width, -0.1 * length],
            [width, -0.1 * length],
            [0, length],
          ] as Point2[],
          0.015,
        )
          .turn('z', -turn)
          .move(0, 0, 0.03)
      const marks = union(
        ...Array.from({ length: 12 }, (_, i) =>
          box(0.05 * radius, (i % 3 ? 0.12 : 0.2) * radius, 0.02)
            .move(0, radius * 0.84, 0.02)
            .turn('z', 30 * i),
        ),
      )
      return union(
        barrel(radius, 0.03, -0.01, 32).of('face', 'paper'),
        union(
          hand(radius * 0.5, radius * 0.06, 30 * hour + 20),
          hand(radius * 0.78, radius * 0.045, 6 * random.whole(0, 59)),
          marks,
          barrel(radius * 0.07, 0.03, 0.02, 10),
        ).of('hands', 'metal'),
      )
    }
    const ring = (radius: number, thick: number) => torus(radius, thick, { segments: 36, sides: 8 }).turn('x', 90)
    if (kind === 'wall')
      return union(face(0.5), ring(0.5, 0.055).of('frame', 'wood'), barrel(0.49, 0.06, -0.06, 32).of('frame', 'wood'))
    if (kind === 'alarm')
      return union(
        face(0.38).move(0, 0, 0.13),
        barrel(0.4, 0.26, -0.14, 32).of('case', 'metal'),
        ring(0.39, 0.035).move(0, 0, 0.13).of('case', 'metal'),
        union(
          lathe(curve(xy(0.17, 0, 0.16, 0.06, 0.1, 0.12, 0, 0.14), { steps: 2 }), { segments: 16 })
            .move(0, 0.46, 0)
            .turn('z', -34)
            .mirrored('x'),
          rod([0, 0.38, 0], [0, 0.44, 0], 0.02).turn('z', -34).mirrored('x'),
          rod([0, 0.38, 0], [0, 0.54, 0], 0.015),
          sphere(0.035, { segments: 8, rings: 6 }).move(0, 0.55, 0),
          rod([0.2, -0.3, 0], [0.32, -0.52, 0], 0.03).mirrored('x'),
        ).of('bells', 'metal'),
        torus(0.1, 0.016, { segments: 14, sides: 6 }).turn('x', 90).move(0, 0.62, 0).of('bells', 'metal'),
      )
    if (kind === 'tall') {
      const pendulum = union(rod([0, 0.9, 0.1], [0, 0.5, 0.1], 0.008), barrel(0.07, 0.02, 0.09, 18).move(0, 0.46, 0)).of(
        'hands',
        'metal',
      )
      const trunk = prism(rectangle(0.34, 0.7), 0.2, { holes: [rectangle(0.22, 0.56)] }).move(0, 0.68, 0)
      return union(
        union(
          box(0.5, 0.34, 0.3).move(0, 0.17, 0),
          trunk,
          box(0.3, 0.7, 0.03).move(0, 0.68, -0.09),
          box(0.48, 0.5, 0.28).move(0, 1.26, 0),
          prism([[-0.28, 0], [0.28, 0], [0.24, 0.06], ...arc(0, 0.02, 0.16, 10, 170, 8), [-0.24, 0.06]] as Point2[], 0.32).move(
            0,
            1.5,
            0,
          ),
          box(0.54, 0.05, 0.34).move(0, 0.02, 0),
        ).of('case', 'wood'),
        face(0.19).move(0, 1.27, 0.14),
        pendulum,
        sphere(0.035, { segments: 10, rings: 6 }).move(0, 1.71, 0).of('hands', 'metal'),
      )
    }
    if (kind === 'mantel')
      return union(
        prism(
          curve(xy(-0.75, 0.02, -0.62, 0.1, -0.42, 0.18, -0.3, 0.44, 0, 0.56, 0.3, 0.44, 0.42, 0.18, 0.62, 0.1, 0.75, 0.02), {
            steps: 3,
          }).map(([x, y]): Point2 => [x, Math.max(0.02, y)]),
          0.24,
        ).of('case', 'wood'),
        box(1.6, 0.06, 0.3, 0.01).move(0, -0.02, 0).of('case', 'wood'),
        face(0.2).move(0, 0.3, 0.12),
        ring(0.2, 0.02).move(0, 0.3, 0.125).of('hands', 'metal'),
      )
    const roof = box(0.56, 0.05, 0.4).move(0.28, 0, 0).turn('z', -42).mirrored('x').move(0, 0.72, 0.03)
    const cone1 = ellipsoid(0.05, 0.12, 0.05, { segments: 10, rings: 8 })
    return union(
      union(prism(xy(-0.33, 0, 0.33, 0, 0.33, 0.42, 0, 0.7, -0.33, 0.42), 0.28).of('case', 'wood'), roof.of('roof', 'wood')),
      face(0.17).move(0, 0.2, 0.14),
      union(
        box(0.15, 0.16, 0.02).move(0, 0.5, 0.14),
        ellipsoid(0.035, 0.04, 0.07, { segments: 10, rings: 6 }).move(0, 0.49, 0.18),
      ).of('bird', 'paint'),
      union(
        rod([0.12, 0, 0], [0.12, -0.36, 0], 0.008),
        rod([-0.12, 0, 0], [-0.12, -0.52, 0], 0.008),
        rod([0, 0, 0], [0.03, -0.26, 0], 0.01),
        barrel(0.08, 0.02, 0, 16).move(0.03, -0.3, 0),
      ).of('chains', 'metal'),
      union(cone1.move(0.12, -0.46, 0), cone1.move(-0.12, -0.62, 0)).of('weights', 'wood'),
    )
  },
}

const laptop: Category = {
  name: 'laptop',
  build(random) {
    const kind = random.cycle(['thin', 'old', 'tent', 'folded', 'stand'] as const)
    const open = kind === 'old' ? 95 : kind === 'folded' ? 40 : random.between(105, 125)
    const [w, d, h] = kind === 'old' ? [0.92, 0.76, 0.1] : [1, 0.68, 0.03]
    const keys = union(
      ...[0, 1, 2, 3].map((row) =>
        box(0.058, 0.014, 0.06)
          .repeat(12 - (row % 2), [0.073, 0, 0])
          .move(0, h / 2 + 0.006, -0.17 * d + row * 0.078 - 0.1),
      ),
      box(0.34, 0.014, 0.055).move(0, h / 2 + 0.006, -0.17 * d + 0.212),
    ).of('keys', 'plastic')
    const pad =
      kind === 'old'
        ? sphere(0.05, { segments: 10, rings: 6 }).move(0, h / 2, d * 0.34)
        : box(0.28, 0.006, 0.17).move(0, h / 2 + 0.003, d * 0.33)
    const thick = kind === 'old' ? 0.06 : 0.022
    const screen = union(
      prism(rectangle(w, d, 0.03), thick, { bevel: 0.005 })
        .move(0, d / 2, 0)
        .of('case', 'metal'),
      box(w * 0.9, d * 0.84, 0.006)
        .move(0, d / 2 + 0.01, thick / 2 + 0.002)
        .of('screen', 'glass'),
    )
    const base = union(box(w, h, d, 0.012).of('case', 'metal'), keys, pad.of('pad', 'plastic'))
    const lid = (angle: number) => screen.turn('x', 90 - angle).move(0, h / 2 + 0.01, -d / 2)
    const hinge = cylinder(0.02, w * 0.8, { segments: 8 })
      .turn('z', 90)
      .move(w * 0.4, h / 2, -d / 2)
      .of('case', 'metal')
    if (kind === 'tent') return union(base, hinge, lid(300)).turn('x', -60 + 180)
    if (kind === 'stand')
      return union(
        union(base, lid(open), hinge).turn('x', 14).move(0, 0.3, 0),
        union(
          box(0.1, 0.02, 0.7).turn('x', 14).move(0.3, 0.26, 0).mirrored('x'),
          box(0.1, 0.4, 0.02).move(0.3, 0.14, -0.24).mirrored('x'),
          box(0.7, 0.02, 0.5).move(0, -0.06, -0.05),
        ).of('stand', 'wood'),
      )
    return union(base, hinge, lid(open))
  },
}

const television: Category = {
  name: 'television',
  build(random) {
    const kind = random.cycle(['flat', 'set', 'portable', 'feet', 'console'] as const)
    const wide = random.spread(0.95, 1.1)
    const tubeScreen = (w: number, h: number) =>
      ellipsoid(w / 2, h / 2, 0.06, { segments: 28, rings: 12, across: 2.2, vertical: 5 }).of('screen', 'glass')
    const panel = (w: number, h: number) =>
      union(
        box(w, h, 0.05, 0.01).of('case', 'plastic'),
        box(w - 0.04, h - 0.04, 0.01)
          .move(0, 0.005, 0.023)
          .of('screen', 'glass'),
        box(w * 0.6, h * 0.5, 0.06)
          .move(0, -0.05, -0.04)
          .of('case', 'plastic'),
      )
    const aerials = union(
      rod([0, 0, 0], [0.32, 0.46, 0], 0.01, 6),
      rod([0, 0, 0], [-0.36, 0.4, 0], 0.01, 6),
      cylinder(0.07, 0.04, { top: 0.03, segments: 14 }),
    ).of('aerial', 'metal')
    if (kind === 'flat')
      return union(
        panel(1.3 * wide, 0.76).move(0, 0.5, 0),
        union(
          box(0.08, 0.24, 0.04).move(0, 0.1, -0.03),
          lathe(xy(0.3, 0, 0.3, 0.015, 0.05, 0.03), { segments: 28 }).scale(1.2, 1, 0.6),
        ).of('stand', 'metal'),
      )
    if (kind === 'feet')
      return union(
        panel(1.4 * wide, 0.8).move(0, 0.5, 0),
        union(rod([0.5, 0.14, 0], [0.6, 0, 0.17], 0.016), rod([0.5, 0.14, 0], [0.6, 0, -0.17], 0.016))
          .mirrored('x')
          .of('stand', 'metal'),
        union(box(0.9, 0.08, 0.1, 0.02).move(0, 0.04, 0.12)).of('case', 'plastic'),
      )
    const chassis = (w: number, h: number, d: number) =>
      union(
        box(w, h, d * 0.4, 0.03),
        prism(rectangle(w * 0.94, h * 0.94), d * 0.6)
          .taper('z', 0.62, 1)
          .move(0, 0, -d * 0.5),
      )
    const knobs = (x: number) => union(knob(0.05, x, 0.18, 0), knob(0.05, x, 0.04, 0)).of('knobs', 'metal')
    const bars = (x: number) => box(0.14, 0.014, 0.02).repeat(6, [0, 0.035, 0]).move(x, -0.17, 0).of('knobs', 'metal')
    if (kind === 'set')
      return union(
        chassis(1.05 * wide, 0.76, 0.6).of('case', 'wood'),
        tubeScreen(0.72, 0.58).move(-0.12, 0, 0.12),
        knobs(0.4).move(0, 0, 0.12),
        bars(0.4).move(0, 0, 0.125),
        aerials.move(0, 0.38, -0.05),
        cylinder(0.025, 0.36, { top: 0.035, segments: 8 }).turn('z', 12).move(0.42, -0.72, 0.05).mirrored('x').of('legs', 'wood'),
        cylinder(0.025, 0.36, { top: 0.035, segments: 8 }).turn('z', 12).move(0.36, -0.72, -0.2).mirrored('x').of('legs', 'wood'),
      )
    if (kind === 'portable')
      return union(
        chassis(0.8 * wide, 0.72, 0.7).of('case', 'plastic'),
        tubeScreen(0.66, 0.52).move(0, 0.06, 0.14),
        union(knob(0.03, 0.25, -0.28, 0.14), knob(0.03, 0.15, -0.28, 0.14)).of('knobs', 'metal'),
        tube(curve(xyz(0.22, 0.35, -0.05, 0.22, 0.46, -0.05, -0.22, 0.46, -0.05, -0.22, 0.35, -0.05)), 0.02).of('knobs', 'metal'),
        rod([0.28, 0.34, -0.16], [0.5, 0.95, -0.2], 0.01, 6).of('aerial', 'metal'),
      )
    return union(
      box(1.5 * wide, 0.85, 0.5, 0.02).of('case', 'wood'),
      tubeScreen(0.74, 0.6).move(-0.24, 0.04, 0.25),
      knobs(0.34).move(0, 0.1, 0.25),
      union(box(0.36, 0.02, 0.02).repeat(9, [0, 0.045, 0]).move(0.44, -0.16, 0.25)).of('knobs', 'metal'),
      box(1.56 * wide, 0.04, 0.54)
        .move(0, 0.43, 0)
        .of('case', 'wood'),
      box(0.08, 0.14, 0.08)
        .move(0.62 * wide, -0.48, 0.18)
        .mirrored('x')
        .mirrored('z')
        .of('legs', 'wood'),
    )
  },
}

export const electronics: readonly Category[] = [camera, clock, laptop, television]
