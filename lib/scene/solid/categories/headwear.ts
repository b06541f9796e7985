// What is worn on the head.
import type { Category } from '../category.js'
import {
  arc,
  box,
  curve,
  ellipse,
  ellipsoid,
  inPlane,
  lathe,
  leaf,
  loft,
  type Point2,
  type Point3,
  prism,
  rectangle,
  rod,
  type Solid,
  sheet,
  skin,
  sphere,
  superellipse,
  torus,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'
import { band } from './straps.js'

const crown: Category = {
  name: 'crown',
  build(random) {
    const kind = random.cycle(['points', 'arches', 'circlet', 'laurel', 'crosses'] as const)
    const count = random.cycle([8, 4, 6, 10, 5])
    const bead = (radius: number, at: number, y: number, n: number, start = 0) =>
      sphere(radius, { segments: 7, rings: 5 }).move(0, y, at).around(n, { start })
    const hoops = torus(0.4, [0.03, 0.02], { segments: 32, sides: 5 })
    // Without a floor a crown is a ring: a vessel cut at its foot would be closed there, so it is a band swept around.
    const ring = (low: number, high: number, flare: number, tall: (angle: number) => number) =>
      skin(
        ellipse(1, 1, 48).map(([x, z]) => {
          const top = low + (high - low) * tall(Math.atan2(x, z))
          const out = 0.4 + flare * (top - low)
          return xy(0.4, low, out, top, out - 0.022, top, 0.378, low).map(([r, y]): Point3 => [x * r!, y!, z * r!])
        }),
        { closed: true, crease: 30 },
      ).of('crown', 'metal')
    const saw = (n: number) => (angle: number) => 1 - Math.abs((((angle * n) / Math.PI + 200) % 2) - 1)
    if (kind === 'points')
      return union(
        ring(0, 0.4, 0.25, (a) => 0.35 + 0.65 * saw(count)(a)),
        bead(0.035, 0.5, 0.42, count, 180 / count),
        union(hoops, hoops.move(0, 0.1, 0)).of('rims', 'metal'),
        bead(0.03, 0.41, 0.05, count).of('jewels', 'glass'),
      )
    if (kind === 'arches') {
      const arch = band(xyz(0, 0.1, 0.4, 0, 0.4, 0.46, 0, 0.56, 0.24, 0, 0.46, 0), 0.04, 0.02, [1, 0, 0]).around(4)
      return union(
        ring(0, 0.12, 0, () => 1),
        arch.of('crown', 'metal'),
        ellipsoid(0.36, 0.34, 0.36, { segments: 18, rings: 8 })
          .warp((x, y, z) => [x, Math.max(0, y + 0.1), z])
          .of('cap', 'cloth'),
        bead(0.07, 0, 0.54, 1).of('rims', 'metal'),
        union(box(0.03, 0.16, 0.03), box(0.11, 0.03, 0.03))
          .move(0, 0.68, 0)
          .of('rims', 'metal'),
        bead(0.035, 0.41, 0.06, 10).of('jewels', 'glass'),
        torus(0.4, 0.06, { segments: 36, sides: 8 }).of('fur', 'fur'),
      )
    }
    if (kind === 'circlet')
      return union(
        ring(0, 0.07, 0, () => 1).scale(1, 1, 1.1),
        ring(0.05, 0.34, 0.1, (a) => Math.max(0, Math.cos(a)) ** 4 * (0.6 + 0.4 * saw(count + 3)(a))).scale(1, 1, 1.1),
        ellipsoid(0.05, 0.07, 0.03, { segments: 10, rings: 8 }).move(0, 0.15, 0.46).of('jewels', 'glass'),
        bead(0.025, 0.41, 0.035, 14).of('jewels', 'glass'),
      )
    if (kind === 'laurel') {
      const sprig = union(
        ...Array.from({ length: 10 }, (_, i) =>
          leaf(0.2, 0.09, { droop: 0, fold: 0.3, cells: 4 })
            .turn('z', 60)
            .turn('x', -25)
            .move(0, 0.02 * i * 0.3, 0)
            .turn('y', -80)
            .move(0, 0.03, 0.4)
            .turn('y', 12 + i * 15.5)
            .and(
              leaf(0.18, 0.08, { droop: 0, fold: 0.3, cells: 4 })
                .turn('z', 100)
                .turn('x', 25)
                .turn('y', -80)
                .move(0, 0.01, 0.4)
                .turn('y', 18 + i * 15.5),
            ),
        ),
      )
      return union(
        sprig.mirrored('x').of('leaves', 'leaf'),
        tube(
          arc(0, 0, 0.4, 105, 435, 30).map(([x, z]): Point3 => [x, 0, z]),
          0.014,
          { sides: 6 },
        ).of('rims', 'bark'),
      )
    }
    const fleur = union(box(0.06, 0.22, 0.025).move(0, 0.1, 0), box(0.2, 0.06, 0.025).move(0, 0.13, 0)).move(0, 0.14, 0.4)
    const ball = union(rod([0, 0.1, 0.4], [0, 0.24, 0.4], 0.015), sphere(0.035, { segments: 8, rings: 6 }).move(0, 0.26, 0.4))
    return union(
      ring(0, 0.14, 0.1, () => 1),
      union(fleur.around(count), ball.around(count, { start: 180 / count })).of('crown', 'metal'),
      union(hoops, hoops.scale(1.04, 1, 1.04).move(0, 0.14, 0)).of('rims', 'metal'),
      bead(0.035, 0.405, 0.07, count * 2).of('jewels', 'glass'),
    )
  },
}

const glasses: Category = {
  name: 'glasses',
  build(random) {
    const kind = random.cycle(['round', 'square', 'pilot', 'cat', 'goggles'] as const)
    const gap = random.spread(0.05, 0.09)
    const lens: Point2[] = {
      round: () => ellipse(0.19, 0.19, 26),
      square: () => rectangle(0.42, 0.3, 0.06),
      pilot: () =>
        curve(xy(-0.16, 0.12, 0.18, 0.14, 0.22, 0.02, 0.12, -0.16, -0.04, -0.18, -0.18, -0.06), { steps: 4, closed: true }),
      cat: () =>
        curve(xy(-0.17, 0.07, 0.12, 0.1, 0.29, 0.19, 0.22, 0, 0.1, -0.13, -0.1, -0.13, -0.18, -0.03), { steps: 4, closed: true }),
      goggles: () => superellipse(0.25, 0.19, 3, 26),
    }[kind]()
    const x = Math.max(...lens.map(([a]) => -a)) + gap
    const thick = { round: 0.014, square: 0.032, pilot: 0.012, cat: 0.026, goggles: 0.045 }[kind]
    const rim = tube(
      lens.map(([a, b]): Point3 => [a, b, 0]),
      () => [thick, kind === 'goggles' ? 0.08 : thick],
      { sides: 8, closed: true, up: [0, 0, 1] },
    )
    const edge = Math.max(...lens.map(([a]) => a)) + x
    const pane = prism(lens, 0.012).move(x, 0, 0).mirrored('x').of('lenses', 'glass')
    const bridge =
      kind === 'pilot'
        ? union(
            rod([-gap - 0.05, 0.03, 0], [gap + 0.05, 0.03, 0], 0.012),
            rod([-gap - 0.08, 0.12, 0], [gap + 0.08, 0.12, 0], 0.012),
          )
        : tube(
            curve([
              [-gap, 0.02, 0],
              [0, 0.06, 0.02],
              [gap, 0.02, 0],
            ] as Point3[]),
            thick * 0.9,
          )
    if (kind === 'goggles')
      return union(
        union(rim.move(x, 0, 0).mirrored('x'), bridge).of('frame', 'rubber'),
        pane,
        band(
          xyz(
            edge,
            0,
            0,
            edge + 0.14,
            0.02,
            -0.2,
            edge * 0.8,
            0.05,
            -0.62,
            0,
            0.06,
            -0.78,
            -edge * 0.8,
            0.05,
            -0.62,
            -edge - 0.14,
            0.02,
            -0.2,
            -edge,
            0,
            0,
          ),
          0.015,
          0.05,
        ).of('strap', 'cloth'),
      )
    const folded = kind === 'square'
    const arm = tube(
      curve([
        [0, 0, 0],
        [0.02, 0, -0.1],
        [0.01, 0, -0.5],
        [0, -0.03, -0.62],
        [-0.01, -0.16, -0.75],
      ] as Point3[]),
      () => [thick * 0.7, thick * 1.1],
      { sides: 6 },
    )
    const high = kind === 'cat' ? 0.15 : 0.06
    return union(
      union(rim.move(x, 0, 0).mirrored('x'), bridge).of('frame', kind === 'pilot' || kind === 'round' ? 'metal' : 'plastic'),
      pane,
      (folded
        ? union(arm.turn('y', -83).move(edge, high, -0.03), arm.turn('y', 83).move(-edge, high, -0.07))
        : arm.move(edge, high, 0).mirrored('x')
      ).of('arms', 'plastic'),
    )
  },
}

const hat: Category = {
  name: 'hat',
  build(random) {
    const kind = random.cycle(['top', 'cowboy', 'cap', 'witch', 'bowler'] as const)
    const tall = random.spread(0.9, 1.15)
    const ribbon = (radius: number, y: number, height = 0.09) =>
      lathe(xy(radius, y, radius + 0.012, y, radius + 0.008, y + height, radius - 0.02, y + height), { segments: 28 }).of(
        'ribbon',
        'cloth',
      )
    const curl = (solid: Solid, amount: number) =>
      solid.warp((x, y, z) => [
        x,
        y + amount * Math.max(0, Math.abs(x) - 0.24) ** 2 - 0.25 * amount * Math.max(0, Math.abs(z) - 0.26) ** 2,
        z,
      ])
    const brimmed = (profile: Point2[]) => lathe(profile, { segments: 32 })
    if (kind === 'top')
      return union(
        curl(
          brimmed(
            xy(
              0,
              -0.02,
              0.45,
              -0.02,
              0.46,
              0,
              0.28,
              0.02,
              0.27,
              0.3 * tall,
              0.31,
              0.52 * tall,
              0.31,
              0.54 * tall,
              0,
              0.54 * tall,
            ),
          ),
          1.6,
        ).of('hat', 'cloth'),
        ribbon(0.275, 0.03, 0.1),
      )
    if (kind === 'bowler')
      return union(
        curl(
          brimmed([
            ...xy(0, -0.02, 0.4, -0.02, 0.42, 0.02, 0.4, 0.03, 0.29, 0.02),
            ...arc(0, 0.08, 0.29, 0, 90, 8).map(([r, y]): Point2 => [r, 0.08 + (y - 0.08) * 0.95]),
          ]),
          2.4,
        ).of('hat', 'cloth'),
        ribbon(0.29, 0.03, 0.07),
      )
    if (kind === 'witch')
      return union(
        brimmed(
          curve(xy(0, -0.015, 0.5, -0.015, 0.52, 0.005, 0.28, 0.03, 0.22, 0.2, 0.12, 0.5, 0.03, 0.8 * tall, 0, 0.84 * tall), {
            steps: 2,
          }),
        )
          .warp((x, y, z) => [x + 0.55 * Math.max(0, y - 0.4) ** 1.7, y - 0.3 * Math.max(0, y - 0.55), z])
          .of('hat', 'cloth'),
        ribbon(0.265, 0.04, 0.07),
        prism(rectangle(0.13, 0.12), 0.03, { holes: [rectangle(0.07, 0.06)] })
          .move(0, 0.07, 0.275)
          .of('buckle', 'metal'),
      )
    if (kind === 'cowboy') {
      const crownTop = loft(
        xy(1, 0, 0.97, 0.12, 0.88, 0.26, 0.7, 0.33).map(([size, y]) => ({
          outline: superellipse(0.24, 0.3, 2.4, 28),
          y: y! * tall,
          size: size!,
        })),
      ).warp((x, y, z) => [
        x * (y > 0.25 * tall && z > 0 ? 1 - 0.9 * z : 1),
        y - (y > 0.3 * tall ? 0.07 * Math.exp(-((x / 0.07) ** 2)) : 0) - 0.12 * (y / tall) * Math.max(0, z),
        z,
      ])
      return union(
        crownTop.of('hat', 'leather'),
        curl(lathe(xy(0, -0.02, 0.5, -0.02, 0.51, 0, 0, 0.015), { segments: 36 }).scale(0.95, 1, 1.12), 3.2).of('hat', 'leather'),
        torus(1, [0.035, 0.03], { segments: 28, sides: 6 }).scale(0.235, 1, 0.295).move(0, 0.03, 0).of('ribbon', 'leather'),
      )
    }
    const dome = lathe([[0, 0], ...arc(0, 0, 0.3, 0, 90, 8).map(([r, y]): Point2 => [r, y * 0.85])], { segments: 24 })
    const peak = sheet(
      (u, v) => {
        const a = (u - 0.5) * 2
        return [
          a * 0.29 * (1 - 0.12 * v),
          0.01 - 0.06 * v - 0.12 * a * a * v,
          Math.sqrt(Math.max(0, 1 - a * a)) * 0.29 + 0.26 * v * Math.sqrt(1 - 0.75 * a * a),
        ]
      },
      0.02,
      { across: 10, along: 4 },
    )
    const seams = tube(
      inPlane(
        'yz',
        arc(0, 0, 0.302, 0, 180, 12).map(([z, y]): Point2 => [y * 0.85, z]),
      ),
      0.008,
      { sides: 5 },
    ).around(3, { sweep: 120 })
    return union(
      dome.of('hat', 'cloth'),
      peak.of('peak', 'cloth'),
      seams.of('seams', 'cloth'),
      sphere(0.025, { segments: 8, rings: 6 }).move(0, 0.26, 0).of('seams', 'cloth'),
    )
  },
}

export const headwear: readonly Category[] = [crown, glasses, hat]
