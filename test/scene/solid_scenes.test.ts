// Scenes of solid objects as images: rendered as they are asked for, and known to the last pixel.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AngleColumn,
  ahead,
  batchesOf,
  type ClassColumn,
  convNet,
  cpu,
  DataError,
  imagesFrom,
  labelsOf,
  type NumberColumn,
  OptionError,
  type SceneRecord,
  type SolidScenes,
  selectImages,
  setThreads,
  solidScenes,
  threads,
  trainSupervised,
} from '../../lib/index.js'
import { drawGeometry } from '../../lib/scene/solid/geometry.js'
import { drawLooks } from '../../lib/scene/solid/looks.js'
import { builtInGroups, type ListedModel, readModels } from '../../lib/scene/solid/models.js'
import { Stage } from '../../lib/scene/solid/stage.js'
import { Draws, drawObject, settingsOf, solidSceneOptions } from '../../lib/scene/solid/variables.js'

const categories = ['barrel', 'bottle', 'bucket', 'jug', 'mug', 'vase']
const options = { count: 24, size: 32, seed: 5, categories }
const all = (count: number) => Array.from({ length: count }, (_, i) => i)
const made: SolidScenes[] = []
const open = async (...given: Parameters<typeof solidScenes>) => {
  const set = await solidScenes(...given)
  made.push(set)
  return set
}
let set: SolidScenes
let root: string
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'striate-solid-'))
  set = await open(options)
})
afterAll(() => {
  for (const one of made) one.dispose()
  rmSync(root, { recursive: true })
})

/** A record's columns that begin with a name and end in an axis. */
const vector = (record: SceneRecord, name: string, axes = 'XYZ') => [...axes].map((axis) => record[name + axis] as number)

type Triple = [number, number, number]
/** A point turned by a quaternion, as v + 2 w (u x v) + 2 u x (u x v). */
function turned([x, y, z, w]: readonly number[], v: readonly number[]): Triple {
  const cross = (a: readonly number[], b: readonly number[]): Triple => [
    (a[1] as number) * (b[2] as number) - (a[2] as number) * (b[1] as number),
    (a[2] as number) * (b[0] as number) - (a[0] as number) * (b[2] as number),
    (a[0] as number) * (b[1] as number) - (a[1] as number) * (b[0] as number),
  ]
  const u = [x as number, y as number, z as number]
  const once = cross(u, v)
  const twice = cross(u, once)
  return [0, 1, 2].map((i) => (v[i] as number) + 2 * ((w as number) * (once[i] as number) + (twice[i] as number))) as Triple
}
const undone = ([x, y, z, w]: readonly number[]) => [-(x as number), -(y as number), -(z as number), w as number]

describe('solidScenes', () => {
  it('give the same images one by one, in series, on one thread and of another count, first image or process', async () => {
    const pixels = await set.rows(all(24))
    expect(set.shape).toEqual([24, 3, 32, 32])
    for (const index of [0, 7, 23]) expect(await set.rows([index])).toEqual(pixels.slice(index * 3072, (index + 1) * 3072))
    const calls = await Promise.all([set.rows([23, 0, 7, 7]), set.rows([]), set.rows([1])])
    expect(calls[0]?.slice(0, 3072)).toEqual(pixels.slice(23 * 3072))
    expect(calls[1]).toEqual(new Uint8Array(0))
    const before = threads()
    try {
      setThreads(1)
      expect(await set.rows(all(24))).toEqual(pixels)
      setThreads(3)
      expect(await set.rows(all(24))).toEqual(pixels)
    } finally {
      setThreads(before)
    }
    const tail = await open({ ...options, count: 5, first: 9 })
    expect(await tail.rows(all(5))).toEqual(pixels.slice(9 * 3072, 14 * 3072))
    expect(tail.record(0)).toEqual(set.record(9))
    let at = 0
    for await (const batch of ahead(set, batchesOf(24, 7))) {
      expect(batch.pixels).toEqual(pixels.subarray(at, at + batch.pixels.length))
      at += batch.pixels.length
    }
    expect(at).toBe(pixels.length)
    expect(new Set(all(24).map((i) => pixels.slice(i * 3072, (i + 1) * 3072).join())).size).toBe(24)
  })

  it('give the same views of more images than are rendered at once, and records of more than are counted at once', async () => {
    const wanted = { images: true, masks: true, depths: true }
    const plane = 512 ** 2
    const large = await open({ ...options, count: 17, size: 512 })
    const views = await large.views(all(17), wanted)
    const bytes = (array: Uint8Array | Float32Array | null, from = 0, until?: number) => {
      const part = array?.subarray(from, until) as Uint8Array
      return Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    }
    for (const index of [0, 15, 16]) {
      const one = await large.views([index], wanted)
      const [from, until] = [plane * index, plane * (index + 1)]
      expect(bytes(one.images).equals(bytes(views.images, 3 * from, 3 * until))).toBe(true)
      expect(bytes(one.masks).equals(bytes(views.masks, from, until))).toBe(true)
      expect(bytes(one.depths).equals(bytes(views.depths, from, until))).toBe(true)
      expect(views.seen[index]).toEqual(one.seen[0])
    }
    const hidden = { ...options, occluders: 1, mostHidden: 0.2 }
    const many = await open({ ...hidden, count: 1030 })
    for (const first of [500, 1020]) {
      const some = await open({ ...hidden, count: 10, first })
      expect(all(10).map((i) => many.record(first + i))).toEqual(all(10).map((i) => some.record(i)))
    }
    expect(all(1030).some((i) => (many.record(i).attempt as number) > 0)).toBe(true)
  })

  it('have the same variables at every size, pixels aside', async () => {
    const large = await open({ ...options, size: 48 })
    for (let i = 0; i < 24; ++i) {
      const [a, b] = [set.record(i), large.record(i)]
      for (const name of ['screenX', 'screenY']) {
        expect((b[name] as number) / 48).toBeCloseTo((a[name] as number) / 32, 10)
        a[name] = b[name] as number
      }
      expect(b).toEqual(a)
    }
  })

  it('are balanced, and tell what their record tells', () => {
    const { labels, classes } = labelsOf(set) as { labels: Int32Array; classes: readonly string[] }
    expect(classes).toEqual(categories)
    expect(categories.map((_, label) => labels.filter((l) => l === label).length)).toEqual(new Array(6).fill(4))
    const { targets } = set
    expect(Object.keys(targets)).toEqual([
      ...['class', 'identity', 'distance', 'positionX', 'positionY', 'baseDistance', 'screenX', 'screenY'],
      ...['rotationX', 'rotationY', 'rotationZ'],
    ])
    const identities = targets.identity as ClassColumn
    for (let i = 0; i < 24; ++i) {
      const record = set.record(i)
      expect(record.class).toBe(classes[labels[i] as number])
      expect(record.identity).toBe(identities.classes[identities.values[i] as number])
      expect(String(record.identity).replace(/_\d+$/, '')).toBe(record.class)
      for (const [name, column] of Object.entries(targets))
        if (column.kind !== 'class')
          expect((column as NumberColumn | AngleColumn).values[i]).toBe(Math.fround(record[name] as number))
    }
    expect((targets.distance as NumberColumn).unit).toBe('m')
    expect((targets.rotationY as AngleColumn).kind).toBe('angle')
  })

  it('tell places that follow from the poses in the world', async () => {
    for (const sampling of ['tdw-2023', 'tdw-2024'] as const) {
      const source = await open({ ...options, sampling })
      for (let i = 0; i < 24; ++i) {
        const record = source.record(i)
        const [camera, object] = [vector(record, 'camera'), vector(record, 'object')]
        const view = undone(vector(record, 'cameraRotation', 'XYZW'))
        const offset = object.map((value, k) => value - (camera[k] as number))
        const relative = turned(view, offset)
        const wanted = [record.positionX, record.positionY, record.distance] as number[]
        relative.forEach((value, k) => {
          expect(value).toBeCloseTo(wanted[k] as number, 10)
        })
        // The rotation in the camera's frame, by Euler angles, turns a point as the two quaternions of the world do.
        const point = [0.3, -0.2, 0.5]
        const [x, y, z] = vector(record, 'rotation').map((angle) => (angle * Math.PI) / 180) as Triple
        const aboutZ = [Math.cos(z) * 0.3 + Math.sin(z) * 0.2, Math.sin(z) * 0.3 - Math.cos(z) * 0.2, 0.5] as const
        const aboutX = [
          aboutZ[0],
          Math.cos(x) * aboutZ[1] - Math.sin(x) * aboutZ[2],
          Math.sin(x) * aboutZ[1] + Math.cos(x) * aboutZ[2],
        ] as const
        const aboutY = [
          Math.cos(y) * aboutX[0] + Math.sin(y) * aboutX[2],
          aboutX[1],
          Math.cos(y) * aboutX[2] - Math.sin(y) * aboutX[0],
        ]
        const inCamera = turned(view, turned(vector(record, 'objectRotation', 'XYZW'), point))
        inCamera.forEach((value, k) => {
          expect(value).toBeCloseTo(aboutY[k] as number, 9)
        })
        turned(vector(record, 'relativeRotation', 'XYZW'), point).forEach((value, k) => {
          expect(value).toBeCloseTo(inCamera[k] as number, 10)
        })
        expect(record.fieldOfViewDeg).toBe(60)
      }
    }
  })

  it('show the object where the record has it', async () => {
    const groups = await builtInGroups('test', categories, undefined)
    const large = await open({ ...options, size: 96, sampling: 'tdw-2024' })
    const { seen, masks, depths } = await large.views(all(24), { masks: true, depths: true })
    const focal = 48 / Math.tan(Math.PI / 6)
    for (let i = 0; i < 24; ++i) {
      const record = large.record(i)
      const own = seen[i] as Record<string, number>
      const model = groups.flatMap(({ models }) => models).find(({ identity }) => identity === record.identity) as ListedModel
      const mesh = await model.read()
      const rotation = vector(record, 'relativeRotation', 'XYZW')
      const middle = [record.positionX, record.positionY, record.distance] as number[]
      let [left, top, right, bottom, nearest, farthest] = [96, 96, 0, 0, 99, 0]
      for (let v = 0; v < mesh.positions.length; v += 3) {
        const [px, py, pz] = mesh.positions.subarray(v, v + 3) as unknown as Triple
        const [x, y, z] = turned(rotation, [-px, py, pz]).map((value, k) => value + (middle[k] as number)) as Triple
        const [column, row] = [48 + (focal * x) / z, 48 - (focal * y) / z]
        ;[left, top, right, bottom] = [Math.min(left, column), Math.min(top, row), Math.max(right, column), Math.max(bottom, row)]
        ;[nearest, farthest] = [Math.min(nearest, z), Math.max(farthest, z)]
      }
      // A pixel at the border is seen where one of its four samples is, and thin tips may slip between samples.
      const inFrame = [left, top, right, bottom].map((value) => Math.min(96, Math.max(0, value)))
      ;[own.boxLeft, own.boxTop, own.boxRight, own.boxBottom].forEach((value, k) => {
        expect(
          Math.abs((value as number) - (inFrame[k] as number)),
          `${record.identity}, image ${i}, side ${k}`,
        ).toBeLessThanOrEqual(2)
      })
      const mask = (masks as Uint8Array).subarray(i * 9216, (i + 1) * 9216)
      const share = mask.reduce((sum, value) => sum + value, 0) / 255
      // A quarter is rounded to 64/255, 128/255 or 191/255: off by at most .0019 a pixel.
      expect(Math.abs(share - (own.visiblePixels as number))).toBeLessThan(
        0.002 * mask.filter((value) => value > 0).length + 1e-9,
      )
      const depth = (depths as Float32Array).subarray(i * 9216, (i + 1) * 9216)
      for (let p = 0; p < 9216; ++p) {
        expect((depth[p] as number) > 0).toBe((mask[p] as number) > 0)
        if ((depth[p] as number) > 0) {
          expect(depth[p]).toBeGreaterThan(nearest - 1e-3)
          expect(depth[p]).toBeLessThan(farthest + 1e-3)
        }
      }
    }
  })

  it('leave more than two pixels of 32 x 32 in sight, and draw again what others hide', async () => {
    const crowded = await open({
      ...options,
      count: 60,
      sampling: 'tdw-2024',
      occluders: 1,
      ranges: { occluderSide: [-0.1, 0.1], occluderUp: [-0.1, 0.1] },
    })
    const { seen } = await crowded.views(all(60), {})
    for (const [i, own] of (seen as Record<string, number>[]).entries()) {
      expect(own.visiblePixels, `image ${i}`).toBeGreaterThan(2)
      expect((own.hiddenPixels as number) / ((own.hiddenPixels as number) + (own.visiblePixels as number))).toBeLessThan(0.2)
      expect(crowded.record(i).occluder).not.toBe('none')
    }
    expect(all(60).some((i) => (crowded.record(i).attempt as number) > 0)).toBe(true)
    expect(seen.some(({ hiddenPixels }) => (hiddenPixels as number) > 0)).toBe(true)
    expect(set.record(0).occluder).toBe('none')
  })

  it('read the meshes that they show, and no others', async () => {
    const folder = join(root, 'meshes')
    const cube = (side: number) =>
      [
        ...[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `v ${i & 1 ? side : 0} ${i & 2 ? 1 : 0} ${i & 4 ? 1 : 0}`),
        ...['1 3 4 2', '5 6 8 7', '1 2 6 5', '3 7 8 4', '1 5 7 3', '2 4 8 6'].map((face) => `f ${face}`),
      ].join('\n')
    for (const [category, files] of Object.entries({ brick: 4, plank: 2 })) {
      mkdirSync(join(folder, category), { recursive: true })
      for (let i = 0; i < files; ++i) writeFileSync(join(folder, category, `${i}.obj`), cube(1 + i))
    }
    const whole = await open({ count: 8, size: 32, meshes: folder })
    expect(labelsOf(whole)?.classes).toEqual(['brick', 'plank'])
    expect((whole.targets.identity as ClassColumn).classes).toEqual([...all(4).map((i) => `brick/${i}`), 'plank/0', 'plank/1'])
    const shown = all(8).map((i) => whole.record(i).identity as string)
    expect(new Set(shown).size).toBe(6)
    // One that is not shown may be anything.
    writeFileSync(join(folder, `${shown[7]}.obj`), 'no mesh')
    const before = shown.indexOf(shown[7] as string)
    const part = await open({ count: before, size: 32, meshes: folder })
    expect(await part.rows(all(before))).toEqual(await whole.rows(all(before)))
    await expect(solidScenes({ count: 8, size: 32, meshes: folder })).rejects.toThrow(DataError)
    await expect(solidScenes({ count: 8, meshes: folder, instances: [3] })).rejects.toThrow(
      /instances is 3, none of which is one of plank; expected some from 0 to 1/,
    )
    await expect(solidScenes({ count: 8, meshes: folder, categories: ['mug'] })).rejects.toThrow(
      /categories is a list with 'mug'; expected some of brick, plank/,
    )
  })

  it('have an identity of what they are made from', async () => {
    const others = [
      { count: 23 },
      { size: 33 },
      { seed: 6 },
      { first: 1 },
      { fieldOfViewDeg: 61 },
      { shadows: false },
      { instances: [0] },
    ]
    const found = await Promise.all(others.map(async (other) => (await open({ ...options, ...other })).sha256))
    expect(new Set([set.sha256, ...found]).size).toBe(8)
    expect((await open(options)).sha256).toBe(set.sha256)
  })

  it('show photos behind the objects, chosen apart from them', async () => {
    const photos = join(root, 'photos')
    mkdirSync(photos)
    for (const [i, value] of [20, 120, 220].entries())
      await sharp({ create: { width: 40, height: 32, channels: 3, background: { r: value, g: value, b: value } } }).toFile(
        join(photos, `${i}.png`),
      )
    const behind = await open({ ...options, photos })
    const { images, masks } = await behind.views(all(24), { images: true, masks: true })
    const seen = new Set<number>()
    for (let i = 0; i < 24; ++i) {
      const photo = behind.record(i).photo as number
      seen.add(photo)
      for (let p = 0; p < 1024; ++p) if (masks?.[i * 1024 + p] === 0) expect(images?.[i * 3072 + p]).toBe([20, 120, 220][photo])
    }
    expect([...seen].sort()).toEqual([0, 1, 2])
    const bare = join(root, 'bare')
    mkdirSync(bare)
    await expect(solidScenes({ ...options, photos: bare })).rejects.toThrow(DataError)
    await expect(solidScenes({ ...options, photos: bare })).rejects.toThrow(/bare is an empty folder/)
  })

  it('train a network while they are rendered', async () => {
    const net = convNet({
      channels: 3,
      image: [32, 32],
      classes: [...categories],
      blocks: [{ window: 4, units: 4, pool: { size: 7, stride: 5 } }],
    })
    const { record } = await trainSupervised(set, net, { epochs: 2, batch: 6, validation: 0.25, seed: 1 })
    const held = await trainSupervised(
      await imagesFrom({ pixels: await set.rows(all(24)), shape: set.shape, targets: set.targets }),
      net,
      { epochs: 2, batch: 6, validation: 0.25, seed: 1 },
    )
    expect(record.curve.map(({ trainLoss }) => trainLoss)).toEqual(held.record.curve.map(({ trainLoss }) => trainLoss))
    expect((await (await selectImages(set, [3, 1])).rows([1])).length).toBe(3072)
  })

  it('say nothing of the category by what is behind the object', async () => {
    const [count, size] = [720, 16]
    const own = settingsOf(solidSceneOptions.parse({ ...options, count, size }))
    const models = await readModels(await builtInGroups('test', categories, [0]), new Set(all(6)))
    const stage = new Stage(models, own, null, cpu())
    const scenes = all(count).map((index) => {
      const draws = new Draws(index, own)
      const [model] = drawObject(index, own.seed, new Array(6).fill(1))
      const { mesh, height } = models[model] as (typeof models)[number]
      const geometry = drawGeometry(draws, 0, own, height / 2, models.length)
      // The object goes behind the camera; all else stays.
      const relative = { ...geometry.relative, position: [0, 0, -50] as const }
      return { model, geometry: { ...geometry, relative }, looks: drawLooks(draws, own, mesh.materials, []) }
    })
    const { images, counts } = await stage.render(scenes, size, { images: true })
    stage.dispose()
    expect(counts.every((value) => value === 0)).toBe(true)
    // The nearest mean of a class, over 4 x 4 cells of three colours: half of the images give the means, the other half are told.
    const features = all(count).map((n) => {
      const cells = new Float64Array(48)
      for (let at = 0; at < 768; ++at) {
        const cell = Math.floor(at / 256) * 16 + Math.floor((at % 256) / 64) * 4 + Math.floor((at % 16) / 4)
        cells[cell] = (cells[cell] as number) + (images?.[n * 768 + at] as number) / 16
      }
      return cells
    })
    const means = categories.map((_, label) => {
      const sum = new Float64Array(48)
      for (let n = 0; n < count / 2; ++n)
        if (scenes[n]?.model === label)
          for (let k = 0; k < 48; ++k) sum[k] = (sum[k] as number) + (features[n]?.[k] as number) / 60
      return sum
    })
    let right = 0
    for (let n = count / 2; n < count; ++n) {
      const distances = means.map((own) => own.reduce((sum, value, k) => sum + (value - (features[n]?.[k] as number)) ** 2, 0))
      if (distances.indexOf(Math.min(...distances)) === scenes[n]?.model) ++right
    }
    // Of 360 guesses among 6, 60 are right by chance, with a deviation of 7.07; 4 of them.
    expect(Math.abs(right - 60)).toBeLessThan(28.3)
  })

  it('refuse what leaves nothing to see, and what is not there', async () => {
    const refused = async (more: object, text: RegExp | string) => {
      const opened = solidScenes({ ...options, ...more } as never)
      await expect(opened).rejects.toThrow(OptionError)
      await expect(opened).rejects.toThrow(text)
    }
    await refused({ count: 0 }, 'solidScenes: count is 0; expected a whole number of at least 1')
    await refused({ fieldOfViewDeg: 0 }, /fieldOfViewDeg is 0; expected a number above 0/)
    await refused({ fieldOfViewDeg: 180 }, /fieldOfViewDeg is 180; expected a number above 0, below 180|fieldOfViewDeg is 180/)
    await refused({ categories: ['unicorn'] }, /categories is a list with 'unicorn'; expected some of /)
    await refused({ categories: ['mug', 'mug'] }, /expected at least one name, each once/)
    await refused({ ranges: { offsetDistance: [3, 1] } }, /ranges.offsetDistance is \[3,1\]; expected the lower end first/)
    await refused(
      { ranges: { aimYawDeg: [80, 89] }, count: 1 },
      /ranges is such that 256 draws of image 0 show 2 pixels of 32 x 32 of its object at most/,
    )
    await refused({ ranges: { aimYawDeg: [170, 180] } }, /aimYawDeg.0 is 170; expected a number from -89 to 89/)
    await refused(
      { backgrounds: ['photo'] },
      /backgrounds is a list with photo, without photos; expected photos, a path of images/,
    )
    await refused({ photos: root, backgrounds: ['land'] }, /photos is given for backgrounds land/)
    await refused({ allowHoles: true }, /allowHoles is given for the built-in meshes/)
    await refused({ colour: 'red' }, 'colour is no option of it')
    await expect(solidScenes({ ...options, meshes: join(root, 'none') })).rejects.toThrow(DataError)
    writeFileSync(join(root, 'empty.txt'), '')
    await expect(solidScenes({ ...options, photos: join(root, 'empty.txt') })).rejects.toThrow(DataError)
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await expect(solidScenes({ ...options, signal: controller.signal })).rejects.toThrow('enough')
    await expect(set.rows([24])).rejects.toThrow('rows: indices[0] is 24; expected an image from 0 to 23')
    expect(() => set.record(-1)).toThrow('record: indices[0] is -1')
  })
})
