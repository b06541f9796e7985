// The pages of rendered sets, and of the objects that scenes can show.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Scenes, type SolidScenes, scenes, solidScenes } from '../../lib/index.js'
import { writeCatalogue, writeScenePage } from '../../lib/report/index.js'
import { distributionsOf, usualRange } from '../../lib/report/scene_distributions.js'
import { shownRows } from '../../lib/report/scene_sheets.js'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'striate-scene-pages-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const folder = () => mkdtempSync(join(root, 'page-'))
const pageOf = async (set: Scenes | SolidScenes): Promise<string> => readFileSync(await writeScenePage(set, folder()), 'utf8')
/** Texts of an element that has no others in it. */
const texts = (page: string, element: string): string[] =>
  [...page.matchAll(new RegExp(`<${element}[^>]*>([^<]*)</${element}>`, 'g'))].map(([, text]) => text as string)
/** Cells of the rows of a section's table. */
function rowsOf(page: string, heading: string): string[][] {
  const [, section = ''] = page.split(`<h2>${heading}</h2>`)
  const [own = ''] = section.split('</section>')
  return [...own.matchAll(/<tr>(.*?)<\/tr>/g)].slice(1).map(([, row]) => texts(row as string, 'td'))
}

describe('the page of a set', () => {
  it('shows solid scenes: images by category, one object across each variable, and every distribution', async () => {
    using set = await solidScenes({ count: 60, size: 24, seed: 3, categories: ['bottle', 'jug', 'mug'] })
    const page = await pageOf(set)
    expect(texts(page, 'h2')).toEqual([
      ...[
        'Images',
        'One object, one variable at a time',
        'Where the objects are',
        'What is drawn',
        'Every variable',
        'Provenance',
      ],
    ])
    const captions = texts(page, 'figcaption')
    expect(captions.slice(0, 3)).toEqual(['bottle', 'jug', 'mug'])
    for (const name of ['distance', 'screenX', 'rotationZ', 'sunAzimuthDeg', 'pictureTiles', 'hills', 'roomDepth'])
      expect(
        captions.filter((caption) => caption.startsWith(`${name}, `)),
        name,
      ).toHaveLength(1)
    expect(captions).toContain('sunElevationDeg, 15 to 80°')
    // A histogram for each, and a row of the table.
    const names = set.variables.map(({ name }) => name)
    for (const name of names)
      expect(page, name).toContain(`aria-label="Histogram of ${name} over the images, beside what is expected"`)
    const table = rowsOf(page, 'Every variable')
    expect(table.map(([name]) => name?.replace(/ \(.*/, ''))).toEqual(names)
    const sun = table.find(([name]) => name === 'sunStrength') as string[]
    const values = Array.from({ length: 60 }, (_, i) => set.record(i).sunStrength as number)
    expect(sun[1]).toBe('0.9 to 2.2')
    expect(Number(sun[2])).toBeCloseTo(values.reduce((a, b) => a + b, 0) / 60, 2)
    expect([Number(sun[3]), Number(sun[6])]).toEqual([1.55, 0.375])
    expect(rowsOf(page, 'Images')).toEqual([
      ['class', '3', '3', '20', '20'],
      ['identity', '15', '15', '4', '4'],
    ])
    expect(page).toContain(set.sha256)
    expect(page.replaceAll(/base64,[\w+/=]+/g, '')).not.toMatch(/<script|NaN|undefined/)
    expect(await pageOf(set)).toBe(page)
  })

  it('leaves out what does not vary, and what is not there to vary', async () => {
    const ranges = { sunStrength: [1, 1], offsetDistance: [2, 2] } as const
    using set = await solidScenes({
      count: 12,
      size: 16,
      categories: ['mug'],
      backgrounds: ['picture'],
      sampling: 'tdw-2024',
      ranges,
    })
    const page = await pageOf(set)
    const captions = texts(page, 'figcaption').join('\n')
    expect(captions).not.toMatch(/^(sunStrength|hills|roomDepth|haze)/m)
    expect(captions).toMatch(/^sunWarmth, 0 to 1$/m)
    expect(page).toContain('Light. The object is before a picture, 2.4 m from the camera.')
    const row = rowsOf(page, 'Every variable').find(([name]) => name === 'sunStrength')
    expect(row).toEqual(['sunStrength', '1 to 1', '1', '1', '–', '0', '0'])
  })

  it('shows flat scenes', async () => {
    const set = scenes({ count: 200, size: 16, seed: 2, ranges: { shape: ['disc', 'star'], texture: ['plain'] } })
    const page = await pageOf(set)
    const captions = texts(page, 'figcaption')
    expect(captions.slice(0, 2)).toEqual(['disc', 'star'])
    expect(captions).toContain('rotationDeg, -30 to 30°')
    expect(captions.filter((caption) => /^texture\w+, /.test(caption))).toEqual([])
    expect(page).toContain('but for the colour of the object, which is drawn again')
    expect(rowsOf(page, 'Every variable')).toHaveLength(16)
    expect(await pageOf(set)).toBe(page)
  })

  it('shows 40 categories at most, evenly chosen, and five images of each', () => {
    const labels = Int32Array.from({ length: 1000 }, (_, i) => i % 100)
    const classes = Array.from({ length: 120 }, (_, i) => `c${i}`)
    const set = { shape: [1000, 3, 1, 1], targets: { class: { kind: 'class', classes, values: labels } } } as never
    const shown = shownRows(set)
    expect(shown).toHaveLength(40)
    expect([shown[0]?.category, shown[1]?.category, shown.at(-1)?.category]).toEqual(['c0', 'c2', 'c97'])
    expect(shown.every(({ rows }) => rows.length === 5)).toBe(true)
    expect(shown[1]?.rows).toEqual([2, 102, 202, 302, 402])
  })

  it('takes angles about where they lie', async () => {
    using facing = await solidScenes({ count: 40, size: 16, categories: ['mug'], sampling: 'tdw-2024' })
    const about = distributionsOf(facing).find(({ variable }) => variable.name === 'rotationY')
    expect(about?.expected.mean).toBeGreaterThan(170)
    expect(about?.expected.mean).toBeLessThan(190)
    const [low, high] = usualRange(about as NonNullable<typeof about>) as readonly [number, number]
    expect(low).toBeGreaterThan(60)
    expect(high).toBeLessThan(300)
  })

  it('is all that it leaves, also of one that was killed, and stops when it is told to', async () => {
    const place = folder()
    writeFileSync(join(place, '.index.html.0123456789ab.tmp'), 'half')
    const set = scenes({ count: 8, size: 8 })
    await writeScenePage(set, place)
    expect(readdirSync(place)).toEqual(['index.html'])
    const stop = new AbortController()
    stop.abort(new Error('enough'))
    await expect(writeScenePage(set, place, { signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('the catalogue', () => {
  it('shows every object by its number, on white', async () => {
    const place = join(root, 'catalogue')
    const told: number[] = []
    const options = { categories: ['mug', 'chair'], instances: [0, 1, 9] }
    const found = await writeCatalogue(place, { ...options, onProgress: ({ done, total }) => told.push(done, total) })
    expect(found).toEqual({ page: join(place, 'index.html'), categories: 2, objects: 6 })
    expect(told).toEqual([2, 2])
    const page = readFileSync(found.page, 'utf8')
    expect(texts(page, 'figcaption')).toEqual(['chair: 0, 1, 9', 'mug: 0, 1, 9'])
    const { default: sharp } = await import('sharp')
    for (const [, base64] of page.matchAll(/data:image\/png;base64,([\w+/=]+)/g)) {
      const { data, info } = await sharp(Buffer.from(base64 as string, 'base64'))
        .raw()
        .toBuffer({ resolveWithObject: true })
      expect([info.width, info.height]).toEqual([3 * 74 + 2, 76])
      // The corners of every picture are bare, and its middle is not all white.
      for (const tile of [0, 1, 2]) {
        const at = (x: number, y: number) =>
          data
            .subarray((y * info.width + 2 + 74 * tile + x) * info.channels)
            .subarray(0, 3)
            .join()
        expect([at(0, 2), at(71, 2), at(0, 73), at(71, 73)]).toEqual(new Array(4).fill('255,255,255'))
        const middle = Array.from({ length: 40 * 40 }, (_, i) => at(16 + (i % 40), 18 + Math.floor(i / 40)))
        expect(middle.filter((pixel) => pixel !== '255,255,255').length).toBeGreaterThan(100)
      }
    }
    await writeCatalogue(place, { ...options, categories: ['mug'] })
    expect(texts(readFileSync(found.page, 'utf8'), 'figcaption')).toEqual(['mug: 0, 1, 9'])
  })

  it('is not written beside anything else, nor in part', async () => {
    const place = folder()
    writeFileSync(join(place, 'notes.txt'), '')
    await expect(writeCatalogue(place, { categories: ['mug'] })).rejects.toThrow(/is not empty \(it holds notes\.txt\)/)
    await expect(writeCatalogue(join(root, 'none'), { categories: ['unicorn'] })).rejects.toThrow(/a list with 'unicorn'/)
    await expect(writeCatalogue(join(root, 'none'), { meshes: join(root, 'nowhere') })).rejects.toThrow(/nowhere is missing/)
    expect(readdirSync(root)).not.toContain('none')
  })
})
