// Devices that speak and listen.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  cylinder,
  ellipsoid,
  inPlane,
  lathe,
  type Point2,
  prism,
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

const headphones: Category = {
  name: 'headphones',
  build(random) {
    const kind = random.cycle(['studio', 'light', 'microphone', 'cable', 'muffs'] as const)
    const wide = random.spread(0.38, 0.46)
    const band = (thick: number, broad: number, drop: number, lift = 0.52) =>
      tube(
        inPlane('xy', [
          ...xy(wide, -drop),
          ...arc(0, 0, 1, 0, 180, 16).map(([x, y]): Point2 => [x * wide, y * lift]),
          ...xy(-wide, -drop),
        ]),
        () => [broad, thick],
        { sides: 10, up: [1, 0, 0] },
      ).of('band', 'plastic')
    const cup = (radius: number, depth: number, tall = 1): Solid =>
      union(
        cylinder(radius, depth, { round: Math.min(0.05, depth * 0.4) })
          .turn('z', -90)
          .of('cups', 'plastic'),
        torus(radius * 0.72, radius * 0.3, { segments: 20, sides: 8 })
          .turn('z', 90)
          .move(-0.03, 0, 0)
          .of('pads', 'leather'),
      ).scale(1, tall, 1)
    const both = (one: Solid, x: number, y: number) => one.turn('z', 6).move(x, y, 0).mirrored('x')
    if (kind === 'studio')
      return union(
        band(0.03, 0.1, 0.03),
        both(cup(0.23, 0.14, 1.25), wide - 0.02, -0.14),
        tube(xyz(0, 0, -0.2, 0, 0.2, -0.05), 0.025)
          .move(wide + 0.09, -0.14, 0)
          .mirrored('x')
          .of('arms', 'metal'),
        tube(xyz(0, 0, 0.2, 0, 0.2, 0.05), 0.025)
          .move(wide + 0.09, -0.14, 0)
          .mirrored('x')
          .of('arms', 'metal'),
      )
    if (kind === 'light')
      return union(band(0.012, 0.03, 0.05), band(0.012, 0.03, 0.05, 0.6), both(cup(0.14, 0.05), wide - 0.01, -0.12))
    if (kind === 'microphone')
      return union(
        band(0.02, 0.06, 0.03),
        both(cup(0.19, 0.1), wide - 0.02, -0.13),
        tube(curve(xyz(wide + 0.04, -0.2, 0.05, wide, -0.36, 0.25, wide - 0.2, -0.42, 0.42)), 0.014, { sides: 6 }).of(
          'arms',
          'metal',
        ),
        ellipsoid(0.07, 0.045, 0.045, { segments: 12, rings: 8 })
          .move(wide - 0.24, -0.42, 0.43)
          .of('pads', 'leather'),
      )
    if (kind === 'cable')
      return union(
        band(0.025, 0.07, 0.03),
        both(cup(0.2, 0.11, 1.1), wide - 0.02, -0.12),
        tube(
          curve(xyz(wide, -0.3, 0, wide - 0.05, -0.55, 0.1, 0.1, -0.7, 0.2, -0.2, -0.55, 0.3, -0.4, -0.7, 0.2, -0.5, -0.9, 0.1)),
          0.016,
          { sides: 6 },
        ).of('cable', 'rubber'),
        cylinder(0.025, 0.14, { segments: 10 }).turn('z', -30).move(-0.55, -0.98, 0.1).of('arms', 'metal'),
      )
    return union(
      band(0.02, 0.04, 0.1, 0.6),
      both(
        union(
          ellipsoid(0.13, 0.26, 0.2, { segments: 16, rings: 10 }).move(0.06, 0, 0).of('cups', 'plastic'),
          torus(0.15, 0.06, { segments: 18, sides: 8 }).turn('z', 90).scale(1, 1.25, 1).of('pads', 'leather'),
        ),
        wide - 0.02,
        -0.16,
      ),
    )
  },
}

const microphone: Category = {
  name: 'microphone',
  build(random) {
    const kind = random.cycle(['hand', 'stand', 'vintage', 'studio', 'desk'] as const)
    const long = random.spread(0.9, 1.15)
    const hand = union(
      sphere(0.16, { segments: 18, rings: 12 })
        .move(0, 0.72 * long, 0)
        .of('grille', 'metal'),
      torus(0.16, 0.02, { segments: 20, sides: 6 })
        .move(0, 0.72 * long, 0)
        .of('ring', 'metal'),
      lathe(xy(0.06, 0, 0.075, 0.04, 0.1, 0.55 * long, 0.13, 0.62 * long, 0.13, 0.66 * long), { segments: 18 }).of(
        'handle',
        'plastic',
      ),
      box(0.03, 0.1, 0.02).move(0, 0.4, 0.09).of('ring', 'metal'),
    )
    if (kind === 'hand')
      return union(
        hand,
        tube(curve(xyz(0, 0.02, 0, 0, -0.2, 0, 0.2, -0.34, 0.1, 0.45, -0.3, 0.2)), 0.022, { sides: 6 }).of('cable', 'rubber'),
      ).turn('z', -18)
    if (kind === 'stand')
      return union(
        hand
          .turn('x', 50)
          .scale(0.55)
          .move(0, 1.4 * long, 0.02),
        union(
          rod([0, 0.02, 0], [0, 1.45 * long, 0], 0.022),
          rod([0, 0.1, 0], [0.34, 0, 0], 0.022).around(3, { start: 30 }),
          cylinder(0.04, 0.16, { segments: 10 }).move(0, 0.8 * long, 0),
        ).of('stand', 'metal'),
      )
    if (kind === 'vintage') {
      const ribs = union(
        ...[-0.16, -0.08, 0, 0.08, 0.16].map((x) =>
          torus(0.3 * Math.sqrt(1 - (x / 0.3) ** 2) * 0.85, 0.02, { segments: 22, sides: 6 })
            .turn('z', 90)
            .scale(1, 1.15, 0.75)
            .move(x, 0.7, 0),
        ),
      )
      return union(
        ellipsoid(0.24, 0.32, 0.2, { segments: 18, rings: 12, vertical: 3 }).move(0, 0.7, 0).of('grille', 'metal'),
        ribs.of('ring', 'metal'),
        box(0.5, 0.06, 0.4, 0.02).move(0, 0.64, 0).of('ring', 'metal'),
        union(cylinder(0.05, 0.4, { segments: 14 }), cylinder(0.24, 0.05, { round: 0.02 })).of('stand', 'metal'),
      )
    }
    if (kind === 'studio')
      return union(
        union(
          lathe(xy(0.13, 0, 0.15, 0.02, 0.15, 0.34), { segments: 22 }),
          torus(0.36, 0.03, { segments: 28, sides: 8 }).turn('x', 90).move(0, 0.44, 0),
          rod([0.15, 0.4, 0], [0.36, 0.5, 0], 0.01, 5).mirrored('x'),
          rod([0.15, 0.2, 0], [0.33, 0.3, 0], 0.01, 5).mirrored('x'),
          rod([0, 0.08, 0], [0, -0.35, 0], 0.025),
          cylinder(0.26, 0.04, { round: 0.015 }).move(0, -0.38, 0),
        ).of('stand', 'metal'),
        lathe(xy(0.145, 0.34, 0.145, 0.56, 0.1, 0.66, 0, 0.68), { segments: 16, crease: 10 }).of('grille', 'metal'),
      )
    return union(
      prism(curve(xy(-0.26, 0, 0.26, 0, 0.2, 0.1, -0.2, 0.1), { steps: 1, closed: true }), 0.34, { bevel: 0.02 }).of(
        'stand',
        'plastic',
      ),
      knob(0.03, 0, 0.03, 0.17).of('ring', 'metal'),
      tube(
        curve(xyz(0, 0.08, -0.05, 0.02, 0.4, -0.12, 0, 0.75, -0.02, 0, 0.95, 0.18)),
        (t) => 0.026 + 0.003 * (Math.round(t * 40) % 2),
        { sides: 8 },
      ).of('neck', 'metal'),
      ellipsoid(0.075, 0.075, 0.12, { segments: 14, rings: 8 }).turn('x', 30).move(0, 0.98, 0.24).of('grille', 'cloth'),
    )
  },
}

const radio: Category = {
  name: 'radio',
  build(random) {
    const kind = random.cycle(['cathedral', 'portable', 'boombox', 'retro', 'pocket'] as const)
    const wide = random.spread(0.9, 1.1)
    const grille = (width: number, height: number, bars: number) =>
      box(width, (height / bars) * 0.5, 0.02)
        .repeat(bars, [0, height / bars, 0])
        .of('grille', 'cloth')
    const speaker = (radius: number, x: number, y: number, z: number) =>
      union(
        torus(radius, radius * 0.12, { segments: 22, sides: 6 })
          .turn('x', 90)
          .of('rings', 'metal'),
        barrel(radius * 0.95, 0.02, -0.01).of('grille', 'cloth'),
        sphere(radius * 0.3, { segments: 10, rings: 6 }).of('rings', 'metal'),
      ).move(x, y, z)
    if (kind === 'cathedral') {
      const front: Point2[] = [
        ...xy(-0.34 * wide, 0, 0.34 * wide, 0, 0.34 * wide, 0.36),
        ...arc(0, 0.36, 0.34 * wide, 10, 170, 12).map(([x, y]): Point2 => [x, 0.36 + (y - 0.36) * 1.25]),
        ...xy(-0.34 * wide, 0.36),
      ]
      return union(
        prism(front, 0.32, { bevel: 0.02 }).of('case', 'wood'),
        prism(arc(0, 0.36, 0.22, 0, 180, 12), 0.02)
          .move(0, 0, 0.16)
          .of('grille', 'cloth'),
        union(box(0.02, 0.22, 0.03).move(0, 0.48, 0.165), box(0.02, 0.17, 0.03).move(0.1, 0.45, 0.165).mirrored('x')).of(
          'case',
          'wood',
        ),
        union(
          barrel(0.08, 0.03, 0.15).move(0, 0.2, 0),
          knob(0.035, 0.16, 0.1, 0.16).mirrored('x'),
          knob(0.035, 0, 0.07, 0.16),
        ).of('knobs', 'plastic'),
        box(0.76 * wide, 0.05, 0.36)
          .move(0, 0.01, 0)
          .of('case', 'wood'),
      )
    }
    const handle = (w: number, y: number, z = 0) =>
      tube(
        curve(xyz(w, y, z, w, y + 0.14, z, w * 0.85, y + 0.18, z, -w * 0.85, y + 0.18, z, -w, y + 0.14, z, -w, y, z), {
          steps: 3,
        }),
        0.022,
      ).of('handle', 'metal')
    const aerial = (x: number, y: number, angle: number) =>
      union(rod([0, 0, 0], [0, 0.7, 0], 0.01, 6), sphere(0.02, { segments: 8, rings: 6 }).move(0, 0.7, 0))
        .turn('z', -angle)
        .move(x, y, -0.08)
        .of('handle', 'metal')
    if (kind === 'portable')
      return union(
        box(1 * wide, 0.56, 0.26, 0.05).of('case', 'leather'),
        grille(0.5 * wide, 0.4, 8).move(-0.2 * wide, 0, 0.13),
        barrel(0.17, 0.03, 0.12)
          .move(0.28 * wide, 0.05, 0)
          .of('knobs', 'plastic'),
        union(knob(0.04, 0.2 * wide, -0.2, 0.12), knob(0.04, 0.36 * wide, -0.2, 0.12)).of('knobs', 'plastic'),
        handle(0.4 * wide, 0.24),
        aerial(0.42 * wide, 0.26, 32),
      )
    if (kind === 'boombox')
      return union(
        box(1.3 * wide, 0.5, 0.26, 0.03).of('case', 'plastic'),
        speaker(0.19, 0.42 * wide, -0.02, 0.13),
        speaker(0.19, -0.42 * wide, -0.02, 0.13),
        union(box(0.32, 0.2, 0.03).move(0, -0.08, 0.13), box(0.06, 0.04, 0.06).repeat(6, [0.09, 0, 0]).move(0, 0.26, 0.05)).of(
          'knobs',
          'plastic',
        ),
        box(0.5, 0.06, 0.02).move(0, 0.15, 0.13).of('dial', 'glass'),
        handle(0.58 * wide, 0.2),
        aerial(0.5 * wide, 0.24, 20),
        aerial(-0.5 * wide, 0.24, -20),
      )
    if (kind === 'retro')
      return union(
        box(0.9 * wide, 0.52, 0.36, 0.14).of('case', 'plastic'),
        speaker(0.2, -0.17 * wide, 0, 0.17),
        union(barrel(0.13, 0.05, 0.16).move(0.25 * wide, 0.02, 0), knob(0.03, 0.25 * wide, -0.17, 0.17)).of('knobs', 'plastic'),
        cylinder(0.03, 0.08, { top: 0.05, segments: 10 })
          .scale(1, -1, 1)
          .move(0.3 * wide, -0.24, 0.08)
          .mirrored('x')
          .mirrored('z')
          .of('feet', 'wood'),
      )
    return union(
      box(0.46, 0.82, 0.18, 0.04).of('case', 'plastic'),
      speaker(0.17, 0, -0.16, 0.09),
      box(0.34, 0.1, 0.02).move(0, 0.26, 0.09).of('dial', 'glass'),
      union(cylinder(0.09, 0.05).turn('z', 90).move(0.25, 0.24, 0), knob(0.03, -0.12, 0.1, 0.09), knob(0.03, 0.12, 0.1, 0.09)).of(
        'knobs',
        'plastic',
      ),
      aerial(-0.17, 0.4, -8),
      tube(curve(xyz(0.2, 0.38, 0, 0.32, 0.5, 0, 0.36, 0.2, 0.05, 0.26, 0.05, 0)), 0.012, { sides: 6 }).of('strap', 'leather'),
    )
  },
}

export const audio: readonly Category[] = [headphones, microphone, radio]
