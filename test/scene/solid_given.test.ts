// Scenes of solid objects of which anything is given: the object where it is asked for, and all else as in the series.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AngleColumn,
  type NumberColumn,
  OptionError,
  openImages,
  type SceneRecord,
  type SolidSceneAt,
  type SolidScenes,
  type SolidScenesAtOptions,
  scenes,
  solidCategories,
  solidObjects,
  solidScenes,
  solidScenesAt,
  writeScenes,
} from '../../lib/index.js'
import { builtInGroups } from '../../lib/scene/solid/models.js'

const categories = ['bottle', 'jug', 'mug']
const options = { count: 12, size: 32, seed: 5, categories }
const made: SolidScenes[] = []
let set: SolidScenes
let root: string
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'striate-given-'))
  set = await solidScenes(options)
})
afterAll(() => {
  for (const one of [set, ...made]) one.dispose()
  rmSync(root, { recursive: true })
})

const all = (count: number) => Array.from({ length: count }, (_, i) => i)
const at = async (given: readonly SolidSceneAt[], more: Partial<SolidScenesAtOptions> = {}): Promise<SolidScenes> => {
  const one = await solidScenesAt({ scenes: given, size: 32, seed: 5, ...more })
  made.push(one)
  return one
}
const objectOf = (record: SceneRecord) => ({ category: record.class as string, instance: record.instance as number })
const placeNames = ['distance', 'positionX', 'positionY', 'rotationX', 'rotationY', 'rotationZ'] as const
const numbersOf = (record: SceneRecord, names: readonly string[]) => names.map((name) => record[name] as number)
const close = (found: readonly number[], wanted: readonly number[], digits = 9) =>
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] as number, digits)
  })
/** Differences of angles, within half a turn. */
const turn = (angle: number) => ((((angle + 180) % 360) + 360) % 360) - 180

describe('solidScenesAt', () => {
  it('may be of the last images of the series, behind which the first come', async () => {
    const last = Number.MAX_SAFE_INTEGER
    const tail = await solidScenes({ size: 8, categories: ['mug'], count: 3, first: last - 3 })
    made.push(tail)
    expect((await tail.rows([0, 1, 2])).length).toBe(576)
    expect(tail.record(2).image).toBe(last - 1)
    expect(tail.expected(20).distance?.every(Number.isFinite)).toBe(true)
    expect((await (await at([{ category: 'mug', image: last }])).rows([0])).length).toBe(3072)
  })

  it('shows the images of the series where nothing is given but the object', async () => {
    const records = all(12).map((i) => set.record(i))
    const first = all(12).filter((i) => records[i]?.attempt === 0)
    expect(first.length).toBeGreaterThan(8)
    const same = await at(first.map((image) => ({ ...objectOf(records[image] as SceneRecord), image })))
    expect(await same.rows(all(first.length))).toEqual(await set.rows(first))
    for (const [i, image] of first.entries()) {
      const { image: number, classId, identityId, ...found } = same.record(i)
      const { image: __, classId: ___, identityId: ____, ...wanted } = records[image] as SceneRecord
      expect(number).toBe(i)
      expect([same.targets.class, same.targets.identity].map((column) => column?.values[i])).toEqual([classId, identityId])
      expect(found).toEqual(wanted)
    }
  })

  it('puts an object where another one is, at the same rotation', async () => {
    const records = all(12).map((i) => set.record(i))
    const placed = await at(
      all(12).map((image) => {
        const record = records[image] as SceneRecord
        return { ...objectOf(record), image, ...Object.fromEntries(placeNames.map((name) => [name, record[name]])) }
      }),
    )
    const [found, wanted] = [await placed.views(all(12), { masks: true }), await set.views(all(12), { masks: true })]
    for (let i = 0; i < 12; ++i) {
      const [own, other] = [placed.record(i), records[i] as SceneRecord]
      if (other.attempt !== 0) continue
      close(numbersOf(own, placeNames), numbersOf(other, placeNames), 6)
      for (const name of ['relativeRotation', 'cameraRotation'])
        expect(
          Math.abs([...'XYZW'].reduce((sum, axis) => sum + (own[name + axis] as number) * (other[name + axis] as number), 0)),
        ).toBeCloseTo(1, 9)
      close(numbersOf(own, ['objectX', 'objectY', 'objectZ']), numbersOf(other, ['objectX', 'objectY', 'objectZ']), 6)
      // Rounding moves a sample across an edge here and there.
      const seen = (views: typeof found) => (views.seen[i] as Record<string, number>).visiblePixels as number
      expect(Math.abs(seen(found) - seen(wanted))).toBeLessThanOrEqual(1)
    }
  })

  it('moves it along the line of sight, or across, and turns it about its middle', async () => {
    const base = { category: 'mug', image: 3 }
    const [own, far, right, high, turned, both] = (await at([
      base,
      { ...base, distance: 2.5 },
      { ...base, positionX: 0.4 },
      { ...base, screenX: -5, screenY: 3 },
      { ...base, rotationY: 75 },
      { ...base, distance: 1.7, screenX: 4, rotationX: -40, rotationZ: 200 },
    ]).then((one) => all(6).map((i) => one.record(i)))) as [
      SceneRecord,
      SceneRecord,
      SceneRecord,
      SceneRecord,
      SceneRecord,
      SceneRecord,
    ]
    const [x, y, z] = numbersOf(own, ['positionX', 'positionY', 'distance']) as [number, number, number]
    close(numbersOf(far, ['positionX', 'positionY', 'distance']), [(x * 2.5) / z, (y * 2.5) / z, 2.5])
    close(numbersOf(right, ['positionX', 'positionY', 'distance']), [0.4, y, z])
    close(numbersOf(high, ['screenX', 'screenY', 'distance']), [-5, 3, z])
    close(numbersOf(turned, ['positionX', 'positionY', 'distance', 'rotationY']), [x, y, z, 75])
    close(numbersOf(turned, ['rotationX', 'rotationZ']), numbersOf(own, ['rotationX', 'rotationZ']))
    close(numbersOf(both, ['distance', 'screenX', 'rotationX', 'rotationZ']), [1.7, 4, 320, 200])
    for (const record of [far, right, high, turned, both]) {
      expect(record.cameraRotationW).toBe(own.cameraRotationW)
      expect(numbersOf(record, ['offsetDistance', 'pitchDeg', 'aimYawDeg'])).toEqual([null, null, null])
      expect(record.sunElevationDeg).toBe(own.sunElevationDeg)
    }
    expect(own.offsetDistance).not.toBeNull()
  })

  it('shows it there', async () => {
    const place = { category: 'mug', positionX: 0, positionY: 0, rotationX: 0, rotationZ: 0 }
    const distances = [1, 2, 4]
    const near = await at(
      distances.map((distance) => ({ ...place, distance, rotationY: 180 })),
      { size: 96 },
    )
    const { seen } = await near.views(all(3), {})
    const widths = (seen as Record<string, number>[]).map(({ boxLeft, boxRight }) => (boxRight as number) - (boxLeft as number))
    // In perspective twice as far is about half as wide, less what depth the object has.
    expect((widths[0] as number) / (widths[1] as number)).toBeGreaterThan(1.8)
    expect((widths[1] as number) / (widths[2] as number)).toBeGreaterThan(1.7)
    const aside = await at(
      [-20, 0, 20].map((screenX) => ({ ...place, distance: 2, rotationY: 180, positionX: undefined, screenX })),
      { size: 96 },
    )
    const middles = ((await aside.views(all(3), {})).seen as Record<string, number>[]).map(
      ({ boxLeft, boxRight }) => ((boxRight as number) + (boxLeft as number)) / 2,
    )
    expect((middles[1] as number) - (middles[0] as number)).toBeGreaterThan(15)
    expect((middles[2] as number) - (middles[1] as number)).toBeGreaterThan(15)
    // Far to the side nothing is left of it, and nobody draws it again.
    const gone = await at([{ ...place, distance: 2, rotationY: 0, positionX: 50 }])
    expect((await gone.views([0], {})).seen[0]).toMatchObject({ visiblePixels: 0, hiddenPixels: 0 })
  })

  it('takes every number that is drawn, and changes nothing else by it', async () => {
    // Looking down, so that the ground is seen.
    const base = { category: 'jug', instance: 2, image: 7, offsetRise: -0.3 }
    const given = { cameraHeight: 3, sunElevationDeg: 80, sunStrength: 2, haze: 55, pictureTiles: 3 }
    const names = Object.keys(given) as (keyof typeof given)[]
    const one = await at([base, ...names.map((name) => ({ ...base, [name]: given[name] }))], { backgrounds: ['land'] })
    const own = one.record(0)
    for (const [i, name] of names.entries()) {
      const changed = one.record(i + 1)
      expect(changed[name]).toBe(given[name])
      const moved = new Set(['image', name, ...(name === 'cameraHeight' ? ['cameraY', 'objectY'] : [])])
      for (const [column, value] of Object.entries(own)) {
        if (moved.has(column)) continue
        if (typeof value === 'number') expect(changed[column], column).toBeCloseTo(value, 9)
        else expect(changed[column], column).toBe(value)
      }
    }
    const pixels = await one.rows(all(6))
    const image = (i: number) => pixels.slice(i * 3072, (i + 1) * 3072).join()
    for (const i of [1, 2, 3, 4]) expect(image(i)).not.toBe(image(0))
    // There is no picture behind it.
    expect(image(5)).toBe(image(0))
  })

  it('keeps a room around an object that is farther than any range', async () => {
    const place = { category: 'mug', positionX: 0, positionY: 0, offsetDistance: 2 }
    const given = [
      { ...place, distance: 9 },
      { ...place, distance: 2 },
    ]
    const image = async (of: SolidScenes, i: number) => of.rows([i])
    const usual = await at(given, { backgrounds: ['room'] })
    const wide = await at(given, { backgrounds: ['room'], ranges: { offsetDistance: [0.8, 9] } })
    expect(await image(usual, 0)).toEqual(await image(wide, 0))
    expect(await image(usual, 1)).not.toEqual(await image(wide, 1))
  })

  it('is written and read as any set, and has an identity of all that is given', async () => {
    const given = [1, 2, 3].map((distance) => ({ category: distance > 2 ? 'jug' : 'mug', distance }))
    const one = await at(given)
    const folder = join(root, 'written')
    await writeScenes(one, folder)
    const read = await openImages(folder)
    expect(read.targets).toEqual(one.targets)
    expect(read.pixels).toEqual(await one.rows(all(3)))
    expect((read.targets.distance as NumberColumn).values).toEqual(Float32Array.of(1, 2, 3))
    expect([one.variables, one.expected(10)]).toEqual([[], {}])
    const others = [await at(given), await at(given.slice(1)), await at(given.map((scene) => ({ ...scene, haze: 40 })))]
    expect(others[0]?.sha256).toBe(one.sha256)
    expect(new Set(others.map(({ sha256 }) => sha256)).size).toBe(3)
  })

  it('takes objects of files', async () => {
    const folder = join(root, 'meshes')
    mkdirSync(join(folder, 'crate'), { recursive: true })
    for (const [i, side] of [2, 4].entries())
      writeFileSync(
        join(folder, 'crate', `${i}.obj`),
        [
          ...all(8).map((n) => `v ${n & 1 ? side : 0} ${n & 2 ? 1 : 0} ${n & 4 ? 1 : 0}`),
          ...['1 3 4 2', '5 6 8 7', '1 2 6 5', '3 7 8 4', '1 5 7 3', '2 4 8 6'].map((face) => `f ${face}`),
        ].join('\n'),
      )
    expect(await solidObjects({ meshes: folder })).toEqual([
      { category: 'crate', instances: [0, 1], identities: ['crate/0', 'crate/1'] },
    ])
    const crates = await at([{ category: 'crate', instance: 1 }, { category: 'crate' }], { meshes: folder })
    expect(all(2).map((i) => [crates.record(i).identity, crates.record(i).unitScale])).toEqual([
      ['crate/1', 0.25],
      ['crate/0', 0.5],
    ])
    await expect(at([{ category: 'crate', instance: 2 }], { meshes: folder })).rejects.toThrow(
      'scenes.0.instance is 2 of crate; expected one from 0 to 1',
    )
  })

  it('refuses in one sentence', async () => {
    const refused = async (scene: object, text: RegExp | string) => {
      await expect(at([{ category: 'mug' }, scene as SolidSceneAt])).rejects.toThrow(OptionError)
      await expect(at([{ category: 'mug' }, scene as SolidSceneAt])).rejects.toThrow(text)
    }
    await refused({}, 'solidScenesAt: scenes.1.category is missing; expected text')
    await refused({ category: 'unicorn' }, /scenes.1.category is 'unicorn'; expected one of aeroplane, /)
    await refused({ category: 'mug', distance: 0 }, /scenes.1.distance is 0; expected a number from 0.05 to 1000/)
    await refused({ category: 'mug', sunElevationDeg: 91 }, /scenes.1.sunElevationDeg is 91; expected a number from 1 to 90/)
    await refused({ category: 'mug', occluderSize: 1 }, /scenes.1.occluderSize is no option of it/)
    await refused({ category: 'mug', screenX: 1, positionX: 1 }, /expected one of positionX and screenX/)
    await refused(
      { category: 'mug', distance: 0.1, screenX: 1, rotationX: 270 },
      /scenes.1.distance is 0.1, with the underside of the object behind the camera/,
    )
    await expect(solidScenesAt({ scenes: [] })).rejects.toThrow('scenes is []; expected a list of at least 1')
  })
})

describe('solidObjects', () => {
  it('lists what scenes show, by the same options', async () => {
    const found = await solidObjects()
    expect(found.map(({ category }) => category)).toEqual(await solidCategories())
    expect(found.every(({ instances }) => instances.join() === '0,1,2,3,4')).toBe(true)
    expect(await solidObjects({ categories: ['mug'], instances: [7, 2] })).toEqual([
      { category: 'mug', instances: [7, 2], identities: ['mug_7', 'mug_2'] },
    ])
    await expect(solidObjects({ categories: ['unicorn'] })).rejects.toThrow("solidObjects: categories is a list with 'unicorn'")
  })
})

describe('a set', () => {
  it('says by how much every mesh was scaled', async () => {
    const models = (await builtInGroups('test', categories)).flatMap((group) => group.models)
    for (const i of all(12)) {
      const record = set.record(i)
      const model = models.find(({ identity }) => identity === record.identity)
      expect(record.unitScale).toBe((await model?.read())?.unitScale)
      expect(record.unitScale).toBeGreaterThan(0)
      expect(record.identity).toBe(`${record.class}_${record.instance}`)
    }
  })

  it('names the numbers that its images vary in, each of them in its record', async () => {
    const names = set.variables.map(({ name }) => name)
    expect(names.slice(0, 3)).toEqual(['distance', 'positionX', 'positionY'])
    for (const name of names) expect(typeof set.record(4)[name], name).toBe('number')
    expect(set.variables.find(({ name }) => name === 'offsetDistance')?.range).toEqual([0.8, 3])
    expect(names.filter((name) => /^occluder/.test(name))).toEqual([])
    const plain = await solidScenes({ ...options, count: 2, backgrounds: ['room'], occluders: 0.5 })
    made.push(plain)
    const own = plain.variables.map(({ name }) => name)
    expect(['occluderSize', 'roomDepth', 'haze', 'pictureTiles'].map((name) => own.includes(name))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  it('says how they are expected to be, and is so', async () => {
    const count = 1200
    const large = await solidScenes({ ...options, count, leastSeen: 0 })
    made.push(large)
    const expected = large.expected(20_000)
    expect(Object.keys(expected)).toEqual(large.variables.filter(({ range }) => range === null).map(({ name }) => name))
    const momentsOf = (values: ArrayLike<number>) => {
      const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
      return {
        mean,
        deviation: Math.sqrt(Array.from(values).reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length),
      }
    }
    for (const [name, drawn] of Object.entries(expected)) {
      const isAngle = name.startsWith('rotation')
      const centred = (values: ArrayLike<number>) => (isAngle ? Array.from(values, turn) : values)
      const [found, wanted] = [
        momentsOf(centred((large.targets[name] as NumberColumn | AngleColumn).values)),
        momentsOf(centred(drawn)),
      ]
      // Five standard errors of a mean, of 1,200 images and of 20,000 draws.
      expect(Math.abs(found.mean - wanted.mean), name).toBeLessThan(5 * wanted.deviation * Math.sqrt(1 / count + 1 / 20_000))
      // Likewise of a deviation, about a share of the root of 1 / 2n.
      expect(Math.abs(found.deviation / wanted.deviation - 1), name).toBeLessThan(5 * Math.sqrt(1 / (2 * count)))
    }
    const flat = scenes({ count: 400, seed: 2 })
    expect(Object.keys(flat.expected(10))).toEqual(['hueDeg', 'saturation', 'value'])
    expect(flat.expected(3).hueDeg).toEqual(
      Float64Array.from(all(3), (i) => scenes({ count: 3, seed: 2, first: 400 }).latents(i).hueDeg),
    )
  })
})
