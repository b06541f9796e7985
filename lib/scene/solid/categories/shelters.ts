// Tents and huts of snow.
import type { Category, Random } from '../category.js'
import {
  arc,
  cylinder,
  ellipsoid,
  lathe,
  type Point2,
  type Point3,
  prism,
  type Solid,
  skin,
  tube,
  union,
  xy,
  xyz,
} from '../kit/index.js'

function buildIgloo(random: Random): Solid {
  const kind = random.cycle(['plain', 'annex', 'unfinished', 'vent', 'twin'])
  const tunnel = random.cycle([0.45, 0.2, 0.7, 0, 0.35])
  const high = random.spread(0.72, 1.05)
  const snow = (solid: Solid) => solid.of('walls', 'stone', [0.85, 0.87, 0.9])
  const vault = (rows: number, laid: number, perRow: number): Solid => {
    const blocks = Array.from({ length: laid }, (_, i) => {
      const [a, b] = [i, i + 0.93].map((row) => (row / (rows + 0.6)) * (Math.PI / 2)) as [number, number]
      const count = Math.max(5, Math.round(perRow * Math.cos(a)))
      const wide = (Math.PI / count) * 0.93
      const block = skin(
        [a, b].map((lat) =>
          xy([1, wide, 1.03, wide * 0.95, 1.03, -wide * 0.95, 1, -wide, 0.9, -wide, 0.9, wide]).map(
            ([r, lon]): Point3 => [
              r! * Math.cos(lat) * Math.sin(lon!),
              r! * high * Math.sin(lat),
              r! * Math.cos(lat) * Math.cos(lon!),
            ],
          ),
        ),
      )
      return block.around(count, { start: (i % 2) * (180 / count) })
    })
    const top = high * Math.sin((laid / (rows + 0.6)) * (Math.PI / 2)) - 0.05
    const inside = ellipsoid(0.985, high * 0.985, 0.985, { segments: 20, rings: 12 }).warp((x, y, z) => [
      x,
      y < 0 ? y * 0.02 : laid < rows && y > top ? top + (y - top) * 0.05 : y,
      z,
    ])
    return union(snow(union(...blocks)), inside.of('joints', 'stone', [0.6, 0.63, 0.68]))
  }
  const rows = kind === 'twin' ? 4 : random.whole(4, 5)
  const extra: Solid[] = []
  if (kind === 'annex') extra.push(vault(3, 3, 9).scale(0.55).turn('y', 20).move(-1.1, 0, -0.3))
  if (kind === 'twin') extra.push(vault(4, 4, 10).scale(0.85).move(1.4, 0, -0.5))
  if (kind === 'vent')
    extra.push(
      snow(lathe(xy([0.2, high - 0.06, 0.17, high + 0.2, 0.11, high + 0.2, 0.11, high - 0.06]), { segments: 8, crease: 5 })),
    )
  const ringOf = (r: number): Point2[] => [...arc(0, 0.12, r, 0, 180, 8), [-r, 0], [r, 0]]
  const entrance = prism(
    [...arc(0, 0.1, 0.42, 0, 180, 8), [-0.42, 0], [-0.28, 0], ...arc(0, 0.1, 0.28, 180, 0, 8), [0.28, 0], [0.42, 0]],
    0.3 + tunnel,
  ).move(0, 0, 0.9 + tunnel / 2)
  const dark = prism(ringOf(0.27), 0.06)
    .move(0, 0, 0.98 + (tunnel === 0 ? 0.02 : 0))
    .of('opening', 'stone', [0.02, 0.02, 0.03])
  return union(vault(rows, kind === 'unfinished' ? rows - 2 : rows, 13), ...extra, snow(entrance), dark)
}

function buildTent(random: Random): Solid {
  const kind = random.cycle(['ridge', 'dome', 'tepee', 'bell', 'marquee'])
  const cloth = (solid: Solid) => solid.of('canvas', 'cloth')
  const pole = (a: Point3, b: Point3, r = 0.018) => tube([a, b], r, { sides: 5 }).of('poles', 'wood')
  const peg = (x: number, z: number, fromX: number, y: number, fromZ: number) =>
    tube(xyz([fromX, y, fromZ, x, 0, z]), 0.006, { sides: 3 })
      .and(cylinder(0.012, 0.06, { segments: 4 }).move(x, 0, z))
      .of('ropes', 'metal')
  const dark = (solid: Solid) => solid.of('opening', 'cloth', [0.03, 0.03, 0.03])
  if (kind === 'ridge') {
    const l = random.between(1.6, 2)
    const shell = prism(xy([-0.75, 0, -0.7, 0, 0, 1.02, 0.7, 0, 0.75, 0, 0.02, 1.1, -0.02, 1.1]), l)
    const flap = skin([
      xyz([0.02, 0, l / 2 - 0.1, 0.7, 0, l / 2 - 0.02, 0.02, 1.0, l / 2 - 0.02]),
      xyz([0.15, 0, l / 2 + 0.28, 0.72, 0, l / 2, 0.03, 1.02, l / 2]),
    ] as Point3[][])
    return union(
      cloth(shell),
      cloth(flap.mirrored('x')),
      cloth(prism(xy([-0.7, 0, 0.7, 0, 0, 1.02]), 0.02).move(0, 0, 0.03 - l / 2)),
      pole([0, 0, l / 2 + 0.02], [0, 1.2, l / 2 + 0.02]),
      pole([0, 0, -l / 2], [0, 1.2, -l / 2]),
      ...[1, -1].flatMap((s) => [
        peg(s * 1.05, l / 2 - 0.1, s * 0.7, 0.08, l / 2),
        peg(s * 1.05, 0.1 - l / 2, s * 0.7, 0.08, -l / 2),
      ]),
      peg(0, l / 2 + 0.7, 0, 1.15, l / 2),
    )
  }
  if (kind === 'dome') {
    const shell = ellipsoid(0.85, 0.75, 0.95, { segments: 18, rings: 12 }).warp((x, y, z) => [x, Math.max(y, 0.04 * y), z])
    const hoop = tube(
      Array.from({ length: 13 }, (_, i): Point3 => {
        const a = (Math.PI * i) / 12
        return [0.62 * Math.cos(a), 0.77 * Math.sin(a), 0.68 * Math.cos(a)]
      }),
      0.02,
      { sides: 5 },
    )
      .mirrored('x')
      .of('poles', 'metal')
    const mouth = ellipsoid(0.32, 0.42, 0.06, { segments: 14, rings: 8 }).turn('x', -32).move(0, 0.26, 0.82)
    return union(
      cloth(shell),
      hoop,
      dark(mouth),
      cloth(ellipsoid(0.4, 0.06, 0.35, { segments: 12, rings: 6 }).turn('x', 12).move(0, 0.62, 0.68)),
    )
  }
  if (kind === 'tepee') {
    const sides = random.pick([9, 11, 13])
    return union(
      cloth(lathe(xy([0.75, 0, 0.09, 1.45, 0.06, 1.45]), { segments: sides, crease: 5 })),
      ...Array.from({ length: sides }, (_, i) =>
        tube(xyz([0.74, 0.02, 0, -0.16, 1.75, 0.05]), 0.016, { sides: 5 }).turn('y', (i * 360) / sides),
      ).map((one) => one.of('poles', 'wood')),
      dark(
        prism(xy([-0.17, 0, 0.17, 0, 0.04, 0.62, -0.04, 0.62]), 0.05)
          .turn('x', -24)
          .move(0, 0.02, 0.74),
      ),
    )
  }
  if (kind === 'bell')
    return union(
      cloth(lathe(xy([0.85, 0, 0.87, 0.3, 0.04, 1.35, 0, 1.42]), { segments: 16, crease: 12 })),
      cylinder(0.025, 0.2, { segments: 6 }).move(0, 1.35).of('poles', 'wood'),
      dark(prism(xy([-0.16, 0, 0.16, 0, 0.12, 0.6, -0.12, 0.6]), 0.06).move(0, 0, 0.85)),
      ...Array.from({ length: 10 }, (_, i) => peg(1.25, 0, 0.86, 0.3, 0).turn('y', i * 36 + 18)),
    )
  const top = (z: number) =>
    skin([
      xyz([0.8, 0.85, z - 0.5, 0.8, 0.85, z + 0.5, -0.8, 0.85, z + 0.5, -0.8, 0.85, z - 0.5]),
      xyz([0.82, 0.95, z - 0.51, 0.82, 0.95, z + 0.51, -0.82, 0.95, z + 0.51, -0.82, 0.95, z - 0.51]),
      xyz([0.25, 1.2, z - 0.2, 0.25, 1.2, z + 0.2, -0.25, 1.2, z + 0.2, -0.25, 1.2, z - 0.2]),
      xyz([0.02, 1.5, z - 0.02, 0.02, 1.5, z + 0.02, -0.02, 1.5, z + 0.02, -0.02, 1.5, z - 0.02]),
    ] as Point3[][])
  const legs = [-1, 0, 1].map((z) => pole([0.77, 0, z * 0.96], [0.77, 0.9, z * 0.96], 0.025).mirrored('x'))
  return union(
    cloth(top(0.5)),
    cloth(top(-0.5)),
    ...legs,
    ...[1, -1].flatMap((s) => [-1, 0, 1].map((z) => peg(s * 1.2, z, s * 0.8, 0.9, z * 0.96))),
  )
}

export const shelters: readonly Category[] = [
  { name: 'igloo', build: buildIgloo },
  { name: 'tent', build: buildTent },
]
