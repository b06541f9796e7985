import { spawnSync } from 'node:child_process'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { dashes, palette, pick } from '../../lib/plot/drawing.js'
import {
  barChart,
  type FilterShape,
  filterSheet,
  histogram,
  imageSheet,
  lineChart,
  markdownTable,
  orderFilters,
  type Page,
  renderPage,
} from '../../lib/plot/index.js'

const hostile = `"><script>alert('x')</script><img src=x onerror=alert(1)> & ]]> \u0000 </svg></style>`

/** A grating whose bars lie at `deg`, `frequency` cycles per pixel, in [0, 1], painted with the colour. */
function grating(size: number, deg: number, frequency: number, colour = [1, 1, 1]): number[] {
  const across = ((deg + 90) * Math.PI) / 180
  return colour.flatMap((c) =>
    Array.from({ length: size * size }, (_, p) => {
      const [x, y] = [p % size, -Math.floor(p / size)] // y up
      return c * (0.5 + 0.5 * Math.cos(2 * Math.PI * frequency * (x * Math.cos(across) + y * Math.sin(across)) + 0.4))
    }),
  )
}

function blob(size: number, colour: number[]): number[] {
  const middle = (size - 1) / 2
  return colour.flatMap((c) =>
    Array.from(
      { length: size * size },
      (_, p) => c * Math.exp(-(((p % size) - middle) ** 2 + (Math.floor(p / size) - middle) ** 2) / size),
    ),
  )
}

const size = 8
const set = (...filters: number[][]): [Float32Array, FilterShape] => [
  Float32Array.from(filters.flat()),
  [filters.length, 3, size, size],
]

/** Every tag closes, in order: what an XML parser would insist on. */
function expectWellFormed(svg: string): void {
  const open: string[] = []
  for (const [, close, name = '', self] of svg.matchAll(/<(\/?)([A-Za-z]+)(?:\s+[\w:-]+="[^"<>]*")*\s*(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name)
    else if (!self) open.push(name)
  }
  expect(open).toEqual([])
  expect(svg.replace(/<\/?[A-Za-z]+(?:\s+[\w:-]+="[^"<>]*")*\s*\/?>/g, '')).not.toMatch(/[<>]/)
}

describe('orderFilters', () => {
  it.each([0, 15, 30, 45, 60, 90, 110, 135, 160])('finds gratings at %i degrees', (deg) => {
    const { traits } = orderFilters(...set(grating(size, deg, 0.18)))
    const t = traits[0]
    expect(t?.group).toBe('oriented')
    const off = Math.abs((((t?.orientationDeg ?? 0) - deg + 270) % 180) - 90)
    // Differences over one pixel shorten the steeper component by sin(w/2)/(w/2): under 4 degrees at 0.18 cycles; the window cuts cycles: 3 more.
    expect(off).toBeLessThan(7)
    expect(t?.chromaticity).toBeCloseTo(0, 6)
  })

  it('places groups in order, oriented by angle then frequency, colours by hue, dead last', () => {
    const filters = [
      blob(size, [0, 0, 1]), // 0 blue
      grating(size, 90, 0.3), // 1 upright, fine
      new Array<number>(3 * size * size).fill(0), // 2 nothing
      blob(size, [1, 1, 1]), // 3 white spot
      grating(size, 90, 0.15), // 4 upright, coarse
      blob(size, [1, 0, 0]), // 5 red
      grating(size, 0, 0.2), // 6 flat
      grating(size, 45, 0.2), // 7 rising to the right
      blob(size, [0, 1, 0]), // 8 green
      grating(size, 45, 0.2), // 9 never wins
      grating(size, 135, 0.2), // 10 falling to the right
    ]
    const sorted = orderFilters(...set(...filters), { dead: [9] })
    expect([...sorted.order]).toEqual([6, 7, 4, 1, 10, 3, 5, 8, 0, 2, 9])
    expect(sorted.groups).toEqual([
      { group: 'oriented', start: 0, end: 5 },
      { group: 'unoriented', start: 5, end: 6 },
      { group: 'colour', start: 6, end: 9 },
      { group: 'dead', start: 9, end: 11 },
    ])
    expect(sorted.traits[5]?.hueDeg).toBeCloseTo(0, 6)
    expect(sorted.traits[8]?.hueDeg).toBeCloseTo(120, 6)
    expect(sorted.traits[0]?.hueDeg).toBeCloseTo(240, 6)
    expect(sorted).toEqual(orderFilters(...set(...filters), { dead: [9] }))
  })

  it('keeps ties in their order, does not mind scale, and knows no colour in one channel', () => {
    const g = grating(size, 30, 0.2)
    expect([...orderFilters(...set(g, g, g)).order]).toEqual([0, 1, 2])
    const [weights, shape] = set(g, blob(size, [1, 0, 0]))
    const scaled = orderFilters(
      weights.map((w) => w * 1e-3),
      shape,
    )
    expect([...scaled.order]).toEqual([...orderFilters(weights, shape).order])
    const grey = orderFilters(g.slice(0, size * size), [1, 1, size, size])
    expect(grey.traits[0]).toMatchObject({ group: 'oriented', chromaticity: 0, hueDeg: 0 })
    expect(orderFilters([1, 2], [2, 1, 1, 1]).traits[0]?.group).toBe('unoriented')
  })

  it('gives an opponent edge the hue of its strongest pixel, and noise on flat grey no hue', () => {
    const edge = [1, 0, 0].flatMap((_, c) =>
      Array.from({ length: size * size }, (_, p) => (p % size < 4 ? [1, 0, 0] : [0, 1, 1])[c] ?? 0),
    )
    expect(orderFilters(...set(edge)).traits[0]).toMatchObject({ group: 'colour', hueDeg: 0 })
    const flat = Array.from({ length: 3 * size * size }, (_, i) => 1 + 0.01 * Math.sin(i * 12.9))
    expect(orderFilters(...set(flat)).traits[0]?.group).not.toBe('colour')
  })

  it('refuses what does not fit', () => {
    expect(() => orderFilters([1, 2, 3], [1, 1, 2, 2])).toThrow('orderFilters: weights is 3 numbers; expected 4 for [1, 1, 2, 2]')
    expect(() => orderFilters([1, 2], [1, 2, 1, 1])).toThrow(/C = 1 \(grey\) or 3/)
    expect(() => orderFilters([1, Number.NaN], [2, 1, 1, 1])).toThrow(/weights\[1\] is NaN/)
    expect(() => orderFilters([1, 2], [2, 1, 1, 1], { dead: [2] })).toThrow(/dead is 2; expected filter numbers from 0 to 1/)
  })
})

describe('filterSheet', () => {
  // Filter 0: R = (-1, 2; 1, 0), G = 0.5 everywhere, B = 0. Filter 1: only negative.
  const weights = [-1, 2, 1, 0, 0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, ...new Array<number>(12).fill(-3)]
  const shape: FilterShape = [2, 3, 2, 2]
  const decode = async (png: Uint8Array) => {
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
    return {
      info,
      at: (x: number, y: number) => [
        ...data.subarray((y * info.width + x) * info.channels, (y * info.width + x) * info.channels + 3),
      ],
    }
  }

  it('draws zero and below black and scales by the own maximum', async () => {
    const sheet = await filterSheet(weights, shape, { scale: 4, gap: 3, order: 'index', columns: 2, dead: [1], tone: 'positive' })
    const { info, at } = await decode(sheet.png)
    expect([info.width, info.height]).toEqual([3 + 2 * (8 + 3), 3 + 8 + 3])
    expect(sheet.tiles).toEqual([
      { filter: 0, x: 3, y: 3 },
      { filter: 1, x: 14, y: 3 },
    ])
    expect([at(3, 3), at(6, 6), at(7, 3), at(3, 7), at(7, 7)]).toEqual([
      [0, 64, 0],
      [0, 64, 0],
      [255, 64, 0],
      [128, 64, 0],
      [0, 64, 0],
    ])
    expect(at(14, 3)).toEqual([0, 0, 0])
    expect(at(13, 6)).toEqual([0xd5, 0x5e, 0])
    expect(at(12, 6)).toEqual([0xd5, 0x5e, 0])
    expect(at(2, 6)).toEqual([0xc4, 0xc9, 0xce])
    expect(at(0, 0)).toEqual([255, 255, 255])
    expect(sheet.description).toMatch(/zero and below are black; each filter is scaled by its own largest weight/)
    expect(sheet.description).toMatch(/1 dead \(framed in orange\)/)
  })

  it('draws signed weights around grey', async () => {
    const { png, tiles, description } = await filterSheet([-2, 0, 1, 2], [1, 1, 2, 2], { scale: 2 })
    const { at } = await decode(png)
    const { x = 0, y = 0 } = tiles[0] ?? {}
    expect([at(x, y), at(x + 2, y), at(x, y + 2), at(x + 2, y + 2)].map((p) => p[0])).toEqual([0, 128, 191, 255])
    expect(description).toMatch(/Grey is zero/)
    // A tenth of negative weight is what anti-Hebbian steps leave; more is a filter with two signs.
    const tone = async (negative: number) => (await filterSheet([9, -negative, 0, 0], [1, 1, 2, 2])).description
    expect(await tone(1)).toMatch(/zero and below are black/)
    expect(await tone(1.01)).toMatch(/Grey is zero/)
  })

  it('is an SVG with title, labels and the same pixels; the same bytes every time', async () => {
    const filters = set(grating(size, 20, 0.2), blob(size, [1, 0, 0]), grating(size, 80, 0.2), blob(size, [1, 1, 1]))
    const sheet = await filterSheet(...filters, { dead: [2], title: hostile })
    expectWellFormed(sheet.svg)
    for (const label of ['Achromatic, oriented: 1', 'Achromatic, not oriented: 1', 'Colour: 1', 'Dead (never win): 1'])
      expect(sheet.svg).toContain(`>${label}<`)
    expect(sheet.svg).toContain('image-rendering:pixelated')
    expect(sheet.svg).toContain(Buffer.from(sheet.png).toString('base64'))
    expect(sheet.tiles.at(-1)?.filter).toBe(2)
    expect(await filterSheet(...filters, { dead: [2], title: hostile })).toEqual(sheet)
    const { info } = await decode(await sharp(Buffer.from(sheet.svg)).png().toBuffer())
    expect(info.width).toBe(sheet.width)
  })

  it('refuses options out of range and orders that are no permutation', async () => {
    await expect(filterSheet(weights, shape, { gap: 1 })).rejects.toThrow(
      'filterSheet: gap is 1; expected a whole number from 2 to 10000',
    )
    await expect(filterSheet(weights, shape, { scale: 1.5 })).rejects.toThrow(/scale is 1.5/)
    const order = { ...orderFilters(weights, shape), order: Int32Array.of(0, 0) }
    await expect(filterSheet(weights, shape, { order })).rejects.toThrow(/order is no permutation/)
  })
})

describe('charts', () => {
  const line = () =>
    lineChart({
      title: hostile,
      x: { label: 'Batch', unit: 'patches', scale: 'log' },
      y: { label: 'Time', unit: 'ms' },
      series: [
        { name: hostile, x: [1, 10, 100], y: [3, Number.NaN, 5], low: [2, 2, 4], high: [4, 4, 6] },
        { name: 'other', x: Float32Array.of(1, 50), y: Float64Array.of(7, 8.5) },
      ],
      references: [{ label: 'Paper', value: 27.8 }],
    })
  const bar = () =>
    barChart({
      title: 'Accuracy',
      categories: ['learned', hostile],
      y: { label: 'Accuracy', unit: '%', max: 100 },
      series: [
        { name: 'clean', values: [80, 60], low: [78, 55], high: [82, 65] },
        { name: 'shadow', values: [79, Number.NaN] },
      ],
      references: [{ label: 'Chance', value: 10 }],
    })
  const bins = () =>
    histogram({
      title: 'Wins',
      x: { label: 'Wins' },
      values: [0, 0, 1, 2, 9, 10],
      bins: 5,
      references: [{ label: 'Equal', value: 4 }],
    })

  it.each([
    ['lineChart', line],
    ['barChart', bar],
    ['histogram', bins],
  ])('%s: well-formed, described, byte-equal, no script, no text under 12 px', async (_, render) => {
    const svg = await render()
    expectWellFormed(svg)
    expect(await render()).toBe(svg)
    expect(svg).toMatch(
      /^<svg [^>]*role="img" aria-labelledby="(s[0-9a-f]{10})-title \1-desc">\n<title id="\1-title">.+<\/title>\n<desc id="\1-desc">.+<\/desc>/,
    )
    expect(svg).not.toMatch(/<script|<style|class=|zr\d/)
    expect(svg).not.toContain('\u0000')
    for (const [, px] of svg.matchAll(/font-size[:=]"?(\d+)/g)) expect(Number(px)).toBeGreaterThanOrEqual(12)
    const { width, height } = await sharp(Buffer.from(svg)).metadata()
    expect([width, height]).toEqual([720, 440])
  })

  it('names axes with units and references with values', async () => {
    for (const text of ['Batch (patches)', 'Time (ms)', 'Paper: 27.8 ms']) expect(await line()).toContain(`>${text}</text>`)
    for (const text of ['Accuracy (%)', 'Chance: 10 %']) expect(await bar()).toContain(`>${text}</text>`)
    expect(await bar()).toMatch(/<desc[^>]*>[^<]*learned 80 %[^<]*not measured[^<]*Chance: 10 %/)
  })

  it('gives each of many series a colour and dashes that no other has', () => {
    const pairs = Array.from({ length: 28 }, (_, i) => [pick(palette, i), pick(dashes, i)].join())
    expect(new Set(pairs).size).toBe(28)
  })

  it('marks no parts of what is counted in whole numbers', async () => {
    const axes = { title: 't', x: { label: 'Layer' }, y: { label: 'r' } }
    const svg = await lineChart({ ...axes, series: [{ name: 's', x: [1, 2, 3], y: [0.2, 0.3, 0.25] }] })
    const marks = [...svg.matchAll(/>([\d.]+)<\/text>/g)].map(([, text]) => Number(text))
    expect(marks.filter((mark) => mark >= 1)).toEqual([1, 2, 3])
    expect(marks.some((mark) => !Number.isInteger(mark))).toBe(true)
  })

  it('draws values where the axes say: a bar of half the axis is half as high', async () => {
    const svg = await barChart({
      title: 't',
      categories: ['a', 'b'],
      y: { label: 'y', max: 100 },
      series: [{ name: 's', values: [100, 50] }],
    })
    const heights = [...svg.matchAll(/<path d="M[\d.]+ [\d.]+l[\d.]+ 0l0 -([\d.]+)l-[\d.]+ 0Z" fill="#0072B2"/g)].map((m) =>
      Number(m[1]),
    )
    expect(heights).toHaveLength(2)
    expect((heights[1] ?? 0) / (heights[0] ?? 1)).toBeCloseTo(0.5, 1)
  })

  it('breaks names at hyphens, and makes them smaller where even their pieces are too wide', async () => {
    const sizes = async (categories: string[]) => {
      const svg = await barChart({
        title: 't',
        categories,
        y: { label: 'y' },
        series: [{ name: 's', values: categories.map(() => 1) }],
      })
      const labels = [...svg.matchAll(/<text[^>]*font-size:([\d.]+)px[^>]*>([^<]*)<\/text>/g)].map(([, size, text]) => [
        text,
        Number(size),
      ])
      return new Map(labels as [string, number][])
    }
    const few = await sizes(['distance-rotation', 'all'])
    expect(few.get('distance-rotation')).toBe(13)
    const names = Array.from({ length: 13 }, (_, i) => (i % 2 ? `wavelet-supervised` : `model_${i}`))
    const many = await sizes(names)
    expect(many.get('wavelet-')).toBe(many.get('supervised'))
    expect(many.get('supervised')).toBeLessThan(13)
    expect(many.get('supervised')).toBeGreaterThanOrEqual(9)
  })

  it('is wider where names would run into each other', async () => {
    const categories = Array.from({ length: 30 }, () => 'supervised')
    const chart = { title: 't', categories, y: { label: 'y' }, series: [{ name: 's', values: categories.map(() => 1) }] }
    const widthOf = (svg: string) => Number(/<svg[^>]* width="(\d+)"/.exec(svg)?.[1])
    expect(widthOf(await barChart(chart))).toBeGreaterThan(30 * 50 + 100)
    expect(widthOf(await barChart({ ...chart, width: 720 }))).toBe(720)
  })

  it('counts every value once, upper edge included', async () => {
    const svg = await bins() // bins of 2 over 0 to 10: 3, 1, 0, 0, 2
    const heights = [...svg.matchAll(/<path d="M[\d.]+ [\d.]+l[\d.]+ 0l0 (-?[\d.]+)l-[\d.]+ 0Z" fill="#0072B2"/g)].map((m) =>
      Math.abs(Number(m[1])),
    )
    const unit = (heights[0] ?? 0) / 3
    expect(heights.map((h) => Math.round(h / unit)).filter((n) => n > 0)).toEqual([3, 1, 2])
  })

  it('draws counts that were made elsewhere as it draws values that it counts', async () => {
    const common = { title: 't', x: { label: 'x' }, description: 'd' }
    const counted = await histogram({ ...common, values: { edges: [0, 2, 4, 6], counts: [3, 0, 1] } })
    expect(counted).toBe(await histogram({ ...common, values: [0, 0, 1, 6], bins: 3 }))
    const refused = (edges: number[], counts: number[]) => expect(histogram({ ...common, values: { edges, counts } })).rejects
    await refused([0, 1], []).toThrow(/values.counts is empty/)
    await refused([0, 1], [1, 2]).toThrow(/values.edges is 2 numbers; expected 3/)
    await refused([0, 1, 1], [1, 2]).toThrow(/values.edges is not rising/)
    await refused([0, 1], [Number.NaN]).toThrow(/values.counts is not all counts/)
  })

  it('draws what to expect of each bin, on an axis that holds both', async () => {
    const common = { title: 't', x: { label: 'x' } }
    const values = { edges: [0, 2, 4], counts: [3, 1] }
    const plain = await histogram({ ...common, values })
    const both = await histogram({ ...common, values, expected: { label: 'by chance', counts: [2, 40] } })
    expect(both).toContain('by chance')
    expect([plain, both].map((svg) => svg.includes('>40<'))).toEqual([false, true])
    await expect(histogram({ ...common, values, expected: { label: 'a', counts: [1] } })).rejects.toThrow(
      /expected.counts is 1 numbers; expected 2/,
    )
    await expect(histogram({ ...common, values: [1, 2], expected: { label: 'a', counts: [1, 1] } })).rejects.toThrow(
      /expected is given for values that are counted here/,
    )
  })

  it('refuses lengths that differ, values a log axis cannot show, and empty data', async () => {
    const axes = { title: 't', x: { label: 'x' }, y: { label: 'y', scale: 'log' as const } }
    await expect(lineChart({ ...axes, series: [{ name: 'a', x: [1, 2], y: [1] }] })).rejects.toThrow(
      "lineChart: 'a'.y is 1 numbers; expected 2",
    )
    await expect(lineChart({ ...axes, series: [{ name: 'a', x: [1], y: [0] }] })).rejects.toThrow(
      'lineChart: y is 0 on a log axis; expected values above 0',
    )
    await expect(lineChart({ ...axes, series: [{ name: 'a', x: [1], y: [1], low: [1] }] })).rejects.toThrow(
      /only one of low and high/,
    )
    await expect(lineChart({ ...axes, series: [{ name: 'a', x: [1], y: [Number.NaN] }] })).rejects.toThrow(
      /without a finite value/,
    )
    await expect(barChart({ title: 't', categories: [], y: { label: 'y' }, series: [] })).rejects.toThrow(/expected one or more/)
    await expect(histogram({ title: 't', x: { label: 'x' }, values: [1, Number.POSITIVE_INFINITY] })).rejects.toThrow(
      /not all finite/,
    )
  })

  it('lets the process end: an echarts instance that is not disposed of would keep it alive', () => {
    const chart = new URL('../../lib/plot/histogram.ts', import.meta.url).href
    const program = `import(${JSON.stringify(chart)}).then((m) => m.histogram({ title: 't', x: { label: 'x' }, values: [1, 2] })).then((svg) => console.log(svg.length))`
    const child = spawnSync(process.execPath, ['--import', 'tsx', '-e', program], { encoding: 'utf8', timeout: 20_000 })
    expect(child.signal).toBeNull()
    expect(Number(child.stdout)).toBeGreaterThan(1000)
  }, 30_000)
})

describe('renderPage', () => {
  const png = async () =>
    new Uint8Array(
      await sharp({ create: { width: 3, height: 2, channels: 3, background: '#fff' } })
        .png()
        .toBuffer(),
    )
  const page = async (text: string): Promise<Page> => ({
    title: text,
    lead: text,
    language: text,
    summary: [{ label: text, value: text, unit: text, note: text }],
    sections: [
      {
        heading: text,
        blocks: [
          { kind: 'text', text },
          { kind: 'code', text },
          { kind: 'figure', image: await png(), alt: text, caption: text, pixelated: true },
          {
            kind: 'figure',
            image: await histogram({ title: text, x: { label: text }, values: [1, 2] }),
            alt: text,
            caption: text,
          },
          { kind: 'figures', figures: [{ image: await png(), alt: text, caption: text }] },
          {
            kind: 'table',
            caption: text,
            columns: [text, { label: text, unit: text }],
            rows: [
              [text, 1],
              [text, null],
            ],
          },
        ],
      },
    ],
    provenance: [{ label: text, value: text, code: true }],
    log: [text, text],
  })

  it('holds every part under semantic headings, and loads nothing', async () => {
    const html = renderPage(await page('plain'))
    expect(html).toMatch(/^<!doctype html>\n<html lang="plain">/)
    expect(html.match(/<h1>/g)).toHaveLength(1)
    expect([...html.matchAll(/<h2>(.*?)<\/h2>/g)].map((m) => m[1])).toEqual(['plain', 'Provenance', 'Log'])
    expect(html).toMatch(/<img src="data:image\/png;base64,[\w+/=]+" width="3" height="2" alt="plain" class="pixelated">/)
    expect(html).toContain('<th scope="col" class="number">plain (plain)</th>')
    expect(html).toContain('<td class="number">–</td>')
    expect(html).not.toMatch(/<script|<link|@import|(?:src|href)="(?!data:image\/png|#)/)
    expect(html.replace(/xmlns(:\w+)?="[^"]*"/g, '')).not.toMatch(/https?:/)
    expect(renderPage(await page('plain'))).toBe(html)
  })

  it('escapes hostile text everywhere: the tags are those of a plain page', async () => {
    const tags = (html: string) => [...html.replace(/<style>[\s\S]*?<\/style>/, '').matchAll(/<\/?([a-z]\w*)/gi)].map((m) => m[1])
    const html = renderPage(await page(hostile))
    expect(tags(html).filter((name) => name !== 'text' && name !== 'path')).toEqual(
      tags(renderPage(await page('plain'))).filter((name) => name !== 'text' && name !== 'path'),
    )
    expect(html.replace(/="[^"]*"/g, '=""')).not.toMatch(/<[^>]*\son\w+=[^>]*>/)
    expect(html).not.toContain('\u0000')
  })

  it.each([
    ['<svg><script>1</script></svg>', 'with <script>'],
    ['<svg onload="x()"></svg>', 'with onload'],
    ['<svg><a href="x"></a></svg>', 'with <a>'],
    ['<svg><image href="https://example.org/x.png"/></svg>', 'with href to elsewhere'],
    ['<svg><use xlink:href="x.svg#a"/></svg>', 'with xlink:href to elsewhere'],
    ['<svg><rect style="fill:url(//example.org/x)"/></svg>', 'with style that loads'],
    ['<svg><rect style="fill:u\\72l(//example.org/x)"/></svg>', 'with style that loads'],
    ['<svg><rect style="fill:&#117;rl(//example.org/x)"/></svg>', 'with style that loads'],
    ['<svg><foreignObject/></svg>', 'with <foreignObject>'],
    ['<svg><rect a=1></svg>', 'no well-formed drawing'],
    ['<svg><!-- --></svg>', 'no well-formed drawing'],
    ['<p>', 'no <svg> element'],
  ])('refuses %s', (image, reason) => {
    const sections = [{ heading: 'h', blocks: [{ kind: 'figure' as const, image, alt: 'a' }] }]
    expect(() => renderPage({ title: 't', sections })).toThrow(`renderPage: figure 'a' is ${reason}; expected an SVG`)
  })

  it('refuses a figure without alt text, bytes that are no PNG, and ragged tables', async () => {
    const render = (block: Page['sections'][number]['blocks'][number]) =>
      renderPage({ title: 't', sections: [{ heading: 'h', blocks: [block] }] })
    expect(() => render({ kind: 'figure', image: '<svg></svg>', alt: ' ' })).toThrow(/figure.alt is empty/)
    expect(() => render({ kind: 'figure', image: new Uint8Array(40), alt: 'a' })).toThrow(/is no PNG/)
    expect(() => render({ kind: 'table', caption: 'c', columns: ['a'], rows: [[1, 2]] })).toThrow(
      'rows[0] is 2 cells; expected 1, one per column',
    )
  })
})

describe('markdownTable', () => {
  it('aligns numbers, pads, and escapes', () => {
    expect(
      markdownTable(
        ['op', { label: 'time', unit: 'ms' }],
        [
          ['a|b', 1.5],
          ['<i>\n_x_', null],
        ],
      ),
    ).toBe(
      [
        '| op                 | time (ms) |',
        '| ------------------ | --------: |',
        '| a\\|b               |       1.5 |',
        '| &lt;i&gt;<br>\\_x\\_ |         – |',
        '',
      ].join('\n'),
    )
    expect(() => markdownTable(['a'], [[]])).toThrow('markdownTable: rows[0] is 0 cells; expected 1, one per column')
  })
})

describe('imageSheet', () => {
  const shape = [2, 3, 2, 1] as const
  const images = Uint8Array.from({ length: 12 }, (_, i) => 20 * i)
  it('shows every pixel of every image where it belongs, with the labels beside it', async () => {
    const rows = [
      { label: 'raw', images },
      { label: `dark ${hostile}`, images: images.map((v) => v / 2) },
    ]
    const sheet = await imageSheet(rows, shape, { title: 'Two images', scale: 3, gap: 2 })
    const { data, info } = await sharp(sheet.png).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height, info.channels]).toEqual([2 * (3 + 2) + 2, 2 * (6 + 2) + 2, 3])
    const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)]
    for (const [row, { images: pixels }] of rows.entries())
      for (let n = 0; n < 2; n++)
        for (let y = 0; y < 2; y++)
          for (const [dx, dy] of [
            [0, 0],
            [2, 2],
          ] as const)
            expect(at(2 + n * 5 + dx, 2 + row * 8 + y * 3 + dy)).toEqual([0, 1, 2].map((c) => pixels[n * 6 + c * 2 + y]))
    expect(at(0, 0)).toEqual([255, 255, 255])
    expectWellFormed(sheet.svg)
    expect(sheet.svg).toContain('>raw</text>')
    expect(sheet.description).toMatch(/^2 images in 2 rows: raw, dark/)
    expect((await imageSheet(rows, shape, { title: 'Two images', scale: 3, gap: 2 })).svg).toBe(sheet.svg)
    const page = { title: 'x', sections: [{ heading: 'y', blocks: [{ kind: 'figure' as const, image: sheet.svg, alt: 'z' }] }] }
    expect(renderPage(page)).toContain('image-rendering:pixelated')
  })

  it('shows grey images and refuses what it cannot show', async () => {
    const grey = await imageSheet([{ label: 'a', images: images.subarray(0, 4) }], [2, 1, 2, 1], { title: 't', scale: 1, gap: 0 })
    expect([...(await sharp(grey.png).raw().toBuffer())]).toEqual([0, 40, 20, 60].flatMap((v) => [v, v, v]))
    const refuse = (
      rows: { label: string; images: Uint8Array }[],
      size: [number, number, number, number],
      text: string,
      options = {},
    ) => expect(imageSheet(rows, size, { title: 't', ...options })).rejects.toThrow(text)
    await refuse([], [2, 3, 2, 1], 'rows is empty')
    await refuse([{ label: 'a', images }], [3, 2, 2, 1], 'expected images of 1 or 3 channels')
    await refuse([{ label: 'a', images }], [1, 3, 2, 1], "'a' is 12 bytes")
    await refuse([{ label: 'a', images }], [2, 3, 2, 1], 'scale is 0.5', { scale: 0.5 })
  })
})
