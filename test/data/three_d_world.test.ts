// Sets of images as ThreeDWorld's published generators lay them out.
import { mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AngleColumn, type ClassColumn, DataError, labelsOf, type NumberColumn, openImages } from '../../lib/index.js'

const shared = {
  before: ['scene_name', 'wnid', 'record_wcategory', 'record_name', 'image_file_name', 'skybox_name'],
  after: ['avatar_pos_x', 'avatar_pos_y', 'avatar_pos_z'],
}
const headers = {
  2023: [...shared.before, 'ty', 'tz', 'neg_x', 'euler_1', 'euler_2', 'euler_3', ...shared.after],
  2024: [
    ...shared.before,
    ...['rel_pos_x', 'rel_pos_y', 'rel_pos_z', 'rel_rot_x', 'rel_rot_y', 'rel_rot_z', 'rel_rot_w'],
    ...['rel_rot_euler_0', 'rel_rot_euler_1', 'rel_rot_euler_2'],
    ...shared.after,
  ],
} as const

const objects = [
  ['ruin', 'n02958343', 'car', 'mini'],
  ['ruin', 'n03001627', 'chair', 'stool_a'],
  ['dead_grotto', 'n03001627', 'chair', 'stool_b'],
] as const

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'striate-tdw-'))
})
afterAll(() => rmSync(root, { recursive: true }))

/** Two images of every object, numbered through, with numbers that say whose they are. */
async function make(name: string, year: 2023 | 2024): Promise<string> {
  const folder = join(root, name)
  mkdirSync(join(folder, 'images'), { recursive: true })
  writeFileSync(join(folder, 'img_meta_headers.txt'), headers[year].join('\n'))
  writeFileSync(join(folder, 'metadata.txt'), '{}')
  writeFileSync(join(folder, 'index_img_6.csv'), ',scene,wnid,model\n')
  for (let i = 0; i < 6; ++i) {
    const [scene, wnid, category, record] = objects[i % 3] as (typeof objects)[number]
    const place = join(folder, 'images', scene, wnid, record)
    mkdirSync(place, { recursive: true })
    const number = String(i).padStart(10, '0')
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 40 * i, g: 0, b: 0 } } })
    await image.jpeg({ quality: 100 }).toFile(join(place, year === 2023 ? `img_img_${number}.jpg` : `img_${number}.jpg`))
    const numbers = headers[year].slice(6).map((_, k) => 100 * k + i + 0.5)
    writeFileSync(
      join(place, `img_${number}_info.csv`),
      `${[scene, wnid, category, record, `img_${number}`, 'sky', ...numbers].join(',')}\n`,
    )
  }
  return folder
}

describe('sets of ThreeDWorld', () => {
  it.each([2023, 2024] as const)('of %d are read with what they know of every image', async (year) => {
    const images = await openImages(await make(`of-${year}`, year))
    expect(images.shape).toEqual([6, 3, 8, 8])
    expect(labelsOf(images)?.classes).toEqual(['n02958343', 'n03001627'])
    // By their folders: dead_grotto, then ruin's car and its chair.
    const order = [2, 5, 0, 3, 1, 4]
    expect(order.map((_, at) => images.pixels?.[at * 192])).toEqual(order.map((i) => expect.closeTo(40 * i, -1)))
    const { identity, scene_name, avatar_pos_z } = images.targets as Record<string, ClassColumn>
    expect(identity?.classes).toEqual(['mini', 'stool_a', 'stool_b'])
    expect([...(scene_name as ClassColumn).values]).toEqual([0, 0, 1, 1, 1, 1])
    const values = (name: string) => [...(images.targets[name] as NumberColumn | AngleColumn).values]
    const wanted = (header: string) => {
      const at = (headers[year] as readonly string[]).indexOf(header) - 6
      return order.map((i) => 100 * at + i + 0.5)
    }
    expect(avatar_pos_z?.kind).toBe('number')
    const names =
      year === 2023
        ? { screenX: 'ty', screenY: 'tz', baseDistance: 'neg_x', rotationX: 'euler_1', rotationZ: 'euler_3' }
        : {
            positionX: 'rel_pos_x',
            positionY: 'rel_pos_y',
            distance: 'rel_pos_z',
            rotationX: 'rel_rot_euler_0',
            rotationZ: 'rel_rot_euler_2',
          }
    for (const [name, header] of Object.entries(names)) {
      expect(values(name), name).toEqual(wanted(header))
      expect(images.targets[name]?.kind).toBe(name.startsWith('rotation') ? 'angle' : 'number')
    }
    expect((images.targets[year === 2023 ? 'screenX' : 'distance'] as NumberColumn).unit).toBe(year === 2023 ? 'px' : 'm')
  })

  it('are refused where an image has no values, or others than are named', async () => {
    const info = (folder: string) => join(folder, 'images', 'ruin', 'n02958343', 'mini', 'img_0000000003_info.csv')
    const gone = await make('gone', 2024)
    unlinkSync(info(gone))
    await expect(openImages(gone)).rejects.toThrow(
      /img_0000000003_info\.csv is missing; expected the values of ruin.*0000000003\.jpg/,
    )
    const short = await make('short', 2024)
    writeFileSync(info(short), 'ruin,n02958343,car\n')
    await expect(openImages(short)).rejects.toThrow(DataError)
    await expect(openImages(short)).rejects.toThrow(/is of 3 values; expected 19, as img_meta_headers\.txt names them/)
    for (const [cell, header] of [
      ['nan', 'rel_pos_z'],
      ['', 'rel_rot_euler_1'],
      ['inf', 'avatar_pos_x'],
    ] as const) {
      const folder = await make(`cell-${header}`, 2024)
      const at = headers[2024].indexOf(header)
      const values = headers[2024].map((_, i) => (i === at ? cell : '1'))
      writeFileSync(info(folder), `${values.join(',')}\n`)
      await expect(openImages(folder)).rejects.toThrow(DataError)
      await expect(openImages(folder)).rejects.toThrow(
        `img_0000000003_info.csv is a row with '${cell}' in its column ${at + 1}, ${header}; expected a finite number there`,
      )
    }
    const folder = await make('twice', 2024)
    const names = (...more: string[]) =>
      writeFileSync(join(folder, 'img_meta_headers.txt'), [...headers[2024], ...more].join('\n'))
    names('euler_1')
    await expect(openImages(folder)).rejects.toThrow(
      "img_meta_headers.txt is a table of the columns 'rel_rot_euler_0' and 'euler_1', which are both rotationX; expected each column once",
    )
    names('rel_pos_x')
    await expect(openImages(folder)).rejects.toThrow(/headers\.txt is a table of the column 'rel_pos_x' twice/)
    const bare = await make('bare', 2023)
    rmSync(join(bare, 'images'), { recursive: true })
    await expect(openImages(bare)).rejects.toThrow(DataError)
  })
})
