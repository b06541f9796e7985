// Things that liquids are poured from and drunk of: vases, jugs, cups, pots.
import type { Category } from '../category.js'
import { arc, box, curve, cylinder, inPlane, lathe, type Point2, sphere, torus, tube, union, vessel, xy } from '../kit/index.js'
import { ear, hoop, lip } from './handles.js'

const amphora: Category = {
  name: 'amphora',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const belly = random.spread(0.2, 0.3)
    const shoulder = [0.62, 0.5, 0.68, 0.45, 0.58][kind]!
    const neck = [0.07, 0.1, 0.06, 0.12, 0.08][kind]!
    const foot: Point2[] = kind % 2 ? xy(0.12, 0, 0.1, 0.03, 0.05, 0.08) : xy(0.015, 0, 0.04, 0.06)
    const body = vessel(
      curve(
        [...foot, ...xy(belly * 0.75, shoulder * 0.55, belly, shoulder, neck * 1.5, 0.78, neck, 0.86, neck, 0.96, neck * 1.5, 1)],
        { steps: 3 },
      ),
      0.02,
      { segments: 20 },
    )
    const reach = belly * [0.85, 1.15, 0.7, 1.25, 1][kind]!
    const handle = ear(
      xy(neck, 0.95, reach * 0.9, 0.94 + 0.05 * (kind % 3), reach, 0.84, belly * 0.8, shoulder + 0.08),
      0.022,
      1.6,
    )
    const ring = kind === 2 || kind === 3 ? [torus(belly * 0.98, 0.015, { sides: 6 }).move(0, shoulder, 0)] : []
    return union(body, handle.mirrored('x'), ...ring).of('body', 'ceramic')
  },
}

const bowl: Category = {
  name: 'bowl',
  build(random) {
    const kind = random.cycle(['round', 'footed', 'square', 'wavy', 'rimmed'] as const)
    const depth = random.spread(0.28, 0.45)
    const side = arc(0, 1, 1, -78, -2, 9).map(([r, y]): Point2 => [r * 0.5, y * depth])
    const profile: Point2[] =
      kind === 'footed'
        ? [...xy(0.2, -0.1, 0.18, -0.08, 0.12, -0.02), ...side]
        : kind === 'rimmed'
          ? [...side, ...xy(0.52, depth, 0.66, depth + 0.05)]
          : [...xy(0.18, -0.03, 0.18, 0.01), ...side.slice(2)]
    const whole = vessel(profile, 0.025, { segments: kind === 'square' ? 40 : 32 })
    if (kind === 'square')
      return whole
        .warp((x, y, z) => {
          const longest = Math.max(Math.abs(x), Math.abs(z)) || 1
          const stretch = 1 + 0.75 * (Math.hypot(x, z) / longest - 1)
          return [x * stretch, y, z * stretch]
        })
        .of('bowl', 'ceramic')
    if (kind === 'wavy')
      return whole
        .warp((x, y, z) => [x, y + 0.05 * Math.max(0, y / depth) * Math.cos(5 * Math.atan2(z, x)), z])
        .of('bowl', 'glass')
    return whole.of('bowl', kind === 'footed' ? 'metal' : 'ceramic')
  },
}

const jug: Category = {
  name: 'jug',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const belly = random.spread(0.2, 0.28)
    const shapes: Point2[][] = [
      xy(belly * 0.75, 0, belly, 0.25, belly * 0.85, 0.5, belly * 0.5, 0.72, belly * 0.62, 0.9),
      xy(belly, 0, belly * 0.9, 0.4, belly * 0.72, 0.85),
      xy(belly * 0.6, 0, belly * 0.45, 0.08, belly, 0.35, belly * 0.5, 0.65, belly * 0.4, 0.8, belly * 0.6, 0.95),
      xy(belly * 0.9, 0, belly * 1.15, 0.2, belly * 0.95, 0.4, belly * 0.8, 0.55),
      xy(belly * 0.7, 0, belly * 0.75, 0.3, belly * 0.85, 0.6, belly, 0.9),
    ]
    const profile = curve(shapes[kind]!, { steps: 4 })
    const [rim, top] = profile[profile.length - 1]!
    const body = lip(vessel(profile, 0.018), top * 0.75, top, 0.13)
    const low = profile[Math.floor(profile.length * [0.45, 0.3, 0.4, 0.35, 0.3][kind]!)]!
    const reach = belly + [0.2, 0.22, 0.16, 0.2, 0.18][kind]!
    const points: Point2[] =
      kind === 4
        ? xy(rim - 0.02, top - 0.06, reach, top - 0.06, reach, low[1], low[0] - 0.02, low[1])
        : xy(
            rim - 0.02,
            top - 0.05,
            reach * 0.8,
            top + (kind === 2 ? 0.1 : 0),
            reach,
            (top + low[1]) / 2 + 0.05,
            low[0] - 0.01,
            low[1],
          )
    return union(body, ear(points, 0.025, kind % 2 ? 1.5 : 1)).of('jug', kind === 1 || kind === 4 ? 'glass' : 'ceramic')
  },
}

const mug: Category = {
  name: 'mug',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const height = random.spread(0.7, 1)
    const shapes: Point2[][] = [
      xy(0.36, 0, 0.4, 0.04, 0.4, height),
      xy(0.3, 0, 0.42, height * 0.3, 0.44, height * 0.6, 0.36, height),
      xy(0.28, 0, 0.44, height),
      xy(0.44, 0, 0.36, height),
      xy(0.26, 0, 0.2, 0.06, 0.36, height * 0.35, 0.42, height * 0.7, 0.45, height),
    ]
    const round = kind === 1 || kind === 4
    const profile = round ? curve(shapes[kind]!, { steps: 4 }) : shapes[kind]!
    const body = vessel(profile, 0.04, { segments: kind === 2 ? 10 : 28 })
    const at = (y: number) => 0.33 + 0.03 * (y / height)
    const [low, high] = [0.2 * height, 0.8 * height]
    const handles: Point2[][] = [
      xy(at(high), high, 0.58, high, 0.68, (low + high) / 2, 0.58, low, at(low), low),
      xy(at(high), high - 0.05, 0.66, high + 0.05, 0.66, 0.5 * height, at(low), low),
      xy(at(high), high, 0.62, high, 0.65, high - 0.05, 0.65, low + 0.05, 0.62, low, at(low) - 0.05, low),
      xy(at(high), high, 0.6, high + 0.03, 0.64, 0.5 * height, 0.52, low, 0.42, low - 0.05, at(low), low),
      xy(at(high), high, 0.6, high + 0.02, 0.6, 0.5 * height, 0.34, 0.4 * height),
    ]
    const boss =
      kind === 3
        ? [torus(0.41, 0.035, { sides: 6 }).move(0, 0.14 * height, 0), torus(0.385, 0.03, { sides: 6 }).move(0, 0.85 * height, 0)]
        : []
    return union(body, ear(handles[kind]!, 0.045, kind % 2 ? 1.5 : 1.1), ...boss).of('mug', kind === 3 ? 'metal' : 'ceramic')
  },
}

const teapot: Category = {
  name: 'teapot',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const belly = random.spread(0.34, 0.42)
    const shapes: Point2[][] = [
      xy(0.2, 0, belly * 0.95, 0.15, belly, 0.3, belly * 0.7, 0.5, 0.15, 0.58),
      xy(belly * 0.9, 0, belly, 0.12, belly * 0.85, 0.3, 0.2, 0.42),
      xy(0.16, 0, 0.2, 0.1, belly, 0.35, belly * 0.75, 0.6, 0.14, 0.7),
      xy(belly * 0.9, 0, belly * 0.75, 0.35, belly * 0.5, 0.65, 0.16, 0.72),
      xy(0.22, 0, belly * 1.15, 0.18, belly * 1.1, 0.28, 0.2, 0.42),
    ]
    const profile = curve(shapes[kind]!, { steps: 4 })
    const top = profile[profile.length - 1]![1]
    const body = lathe(profile, { segments: kind === 3 ? 8 : 28 })
    const lid = union(
      lathe(xy(0.16, top - 0.02, 0.15, top + 0.02, 0.08, top + 0.06, 0.03, top + 0.08)),
      sphere(0.045, { segments: 12, rings: 6 }).move(0, top + 0.1, 0),
    )
    const mid = top * 0.5
    const end = belly + 0.32
    const spouts: Point2[][] = [
      xy(-belly * 0.7, mid * 0.7, -belly - 0.1, mid * 0.9, -belly - 0.16, top * 0.8, -end, top + 0.02),
      xy(-belly * 0.7, mid * 0.6, -belly - 0.1, mid * 1.2, -end + 0.1, top + 0.02),
      xy(-belly * 0.6, mid * 0.7, -belly - 0.12, mid * 0.7, -belly - 0.14, top * 0.8, -end, top * 0.95),
      xy(-belly * 0.6, mid * 0.5, -end + 0.06, top),
      xy(-belly * 0.8, mid * 0.8, -belly - 0.12, mid * 1.1, -end + 0.06, top + 0.06),
    ]
    const spout = tube(inPlane('xy', curve(spouts[kind]!, { steps: 3 })), (t) => 0.1 - 0.06 * t, { sides: 10 })
    const handle =
      kind === 1 || kind === 4
        ? hoop(belly * 0.8, top * 0.7, kind === 1 ? 0.5 : 0.42, 0.028)
        : ear(
            xy(
              belly * 0.6,
              top * 0.85,
              belly + 0.12,
              top * 0.95,
              belly + 0.24,
              mid * 1.2,
              belly + 0.1,
              mid * 0.5,
              belly * 0.8,
              mid * 0.45,
            ),
            0.03,
            1.3,
          )
    return union(
      union(body, spout).of('pot', kind === 3 ? 'metal' : 'ceramic'),
      lid.of('lid', kind === 3 ? 'metal' : 'ceramic'),
      handle.of('handle', kind === 1 ? 'straw' : 'ceramic'),
    )
  },
}

const trophy: Category = {
  name: 'trophy',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const cup = random.spread(0.18, 0.26)
    const height = 0.34
    const bowls: Point2[][] = [
      xy(0.03, 0, cup * 0.7, 0.1, cup * 0.9, height * 0.6, cup, height),
      xy(0.03, 0, cup, 0.06, cup * 0.75, height * 0.55, cup * 0.95, height),
      xy(0.03, 0, cup * 0.5, 0.14, cup * 1.2, height),
      xy(0.03, 0, cup * 0.9, 0.04, cup * 0.9, height),
      xy(0.03, 0, cup * 0.8, 0.08, cup, height * 0.5, cup * 0.8, height * 0.9),
    ]
    const profile = curve(bowls[kind]!, { steps: 3 })
    const [rim, top] = profile[profile.length - 1]!
    const bowlPart = vessel(profile, 0.015).move(0, 0.4, 0)
    const lid =
      kind === 4
        ? [
            lathe(xy(rim * 1.1, 0.4 + top, rim * 0.7, 0.46 + top, 0.02, 0.5 + top)),
            sphere(0.035, { segments: 10, rings: 6 }).move(0, 0.53 + top, 0),
          ]
        : []
    const stem = lathe(curve(xy(0.12, 0.18, 0.04, 0.23, 0.05, 0.31, 0.03, 0.36, 0.06, 0.42), { steps: 3 }), { segments: 16 })
    const side = [
      xy(rim - 0.01, 0.36, rim + 0.14, 0.38, rim + 0.14, 0.24, rim * 0.6, 0.12),
      xy(rim - 0.02, 0.3, rim + 0.08, 0.4, rim + 0.16, 0.3, rim + 0.06, 0.12, rim * 0.6, 0.06),
      xy(rim - 0.05, 0.3, rim + 0.12, 0.2, rim * 0.4, 0.08),
      xy(rim - 0.01, 0.3, rim + 0.12, 0.3, rim + 0.13, 0.1, rim - 0.01, 0.08),
      xy(rim, 0.24, rim + 0.2, 0.34, rim + 0.14, 0.14, rim * 0.7, 0.1),
    ][kind] as [number, number][]
    const handles = ear(
      side.map(([x, y]) => [x, y + 0.4]),
      0.02,
    ).mirrored('x')
    const plinth = union(
      kind % 2 ? cylinder(0.2, 0.14, { segments: 28 }) : box(0.34, 0.14, 0.34, 0.01).stand(),
      kind % 2 ? cylinder(0.16, 0.2, { segments: 28 }) : box(0.26, 0.2, 0.26, 0.01).stand(),
    )
    return union(union(bowlPart, stem, handles, ...lid).of('cup', 'metal'), plinth.of('plinth', 'wood'))
  },
}

const vase: Category = {
  name: 'vase',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const wide = random.spread(0.85, 1.2)
    const shapes: Point2[][] = [
      xy(0.15, 0, 0.14, 0.14, 0.26, 0.42, 0.27, 0.58, 0.12, 0.82, 0.12, 0.9, 0.19, 1),
      xy(0.2, 0, 0.29, 0.14, 0.25, 0.32, 0.08, 0.5, 0.055, 0.75, 0.06, 0.92, 0.1, 1),
      xy(0.16, 0, 0.07, 0.08, 0.06, 0.3, 0.12, 0.65, 0.28, 1),
      xy(0.16, 0, 0.22, 0.3, 0.17, 0.7, 0.25, 1),
      xy(0.14, 0, 0.13, 0.1, 0.28, 0.5, 0.3, 0.62, 0.17, 0.74, 0.15, 0.86, 0.22, 0.94),
    ]
    const profile = curve(
      shapes[kind]!.map(([r, y]): Point2 => [r * wide, y]),
      { steps: 3 },
    )
    const body = vessel(profile, 0.02, { segments: kind === 3 ? 6 : 28 })
    if (kind === 3) return body.twist('y', random.between(50, 90)).crease(25).of('vase', 'glass')
    const handle = ear(xy(0.17 * wide, 0.9, 0.32 * wide, 0.9, 0.36 * wide, 0.78, 0.29 * wide, 0.62), 0.022).mirrored('x')
    return (kind === 4 ? body.and(handle) : body).of('vase', 'ceramic')
  },
}

const wineGlass: Category = {
  name: 'wine_glass',
  build(random) {
    const kind = random.cycle([0, 1, 2, 3, 4])
    const stem = random.spread(0.3, 0.5)
    const bowls: Point2[][] = [
      xy(0.02, 0, 0.18, 0.1, 0.23, 0.24, 0.17, 0.46),
      xy(0.02, 0, 0.08, 0.06, 0.1, 0.3, 0.1, 0.5),
      xy(0.02, 0, 0.3, 0.28),
      xy(0.02, 0, 0.24, 0.07, 0.3, 0.16),
      xy(0.02, 0, 0.13, 0.06, 0.15, 0.2, 0.2, 0.34),
    ]
    const bowlPart = vessel(kind === 2 ? bowls[2]! : curve(bowls[kind]!, { steps: 4 }), 0.012, { segments: 32 }).move(0, stem, 0)
    const knop = kind === 4 || kind === 1 ? [sphere(0.035, { segments: 12, rings: 8 }).move(0, stem * 0.5, 0)] : []
    const foot = lathe(xy(0.19, 0, 0.19, 0.012, 0.06, 0.03, 0.018, 0.07, 0.016, stem - 0.05, 0.03, stem + 0.02), { segments: 32 })
    return union(bowlPart, foot, ...knop).of('glass', 'glass')
  },
}

export const vessels: readonly Category[] = [amphora, bowl, jug, mug, teapot, trophy, vase, wineGlass]
