// Filter sheets: every filter of a layer as a small picture, as in figure 1 of Grinberg, Hopfield, Krotov (2019).
import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { checkFilters, type FilterGroup, type FilterOrder, type FilterShape, orderFilters } from './filter_order.js'
import { contentId, escapeMarkup, fontFamily, svgPicture } from './markup.js'

export interface FilterSheetOptions {
  /** Filters per row. Default: about 1.4 times as many as rows. */
  columns?: number
  /** Pixels per weight, a whole number. Default: tiles of about 28 pixels. */
  scale?: number
  /** Pixels between tiles, at least 2. Default 3. */
  gap?: number
  /**
   * `positive`: 0 and everything below is black, the filter's own largest weight is full brightness. `signed`: 0 is mid-grey, the filter's
   * largest absolute weight is black or white. Default: `signed` where negative weights make up more than a tenth of all absolute ones, as in filters
   * of centred patches or random ones.
   */
  tone?: 'positive' | 'signed'
  /** The order; `index` keeps the filters' own. Default: {@link orderFilters}. */
  order?: FilterOrder | 'index'
  /** Numbers of the filters that never win: framed and, unless `order` says otherwise, placed last. */
  dead?: Iterable<number>
  /** Default: says how many filters of which size. */
  title?: string
}

export interface FilterSheet {
  png: Uint8Array
  /** The same pixels inside an SVG with title, description and group labels. */
  svg: string
  /** Of the PNG, in pixels. */
  width: number
  height: number
  /** Where each filter's top left pixel is in the PNG, in the order shown. */
  tiles: { filter: number; x: number; y: number }[]
  order: FilterOrder
  /** What is shown and how weights became brightness, in plain words: a caption or an alt text. */
  description: string
}

const labels: Record<FilterGroup, string> = {
  oriented: 'Achromatic, oriented',
  unoriented: 'Achromatic, not oriented',
  colour: 'Colour',
  dead: 'Dead (never win)',
}
const deadColour = [0xd5, 0x5e, 0x00] as const // vermilion of Okabe and Ito's palette
const frameColour = [0xc4, 0xc9, 0xce] as const // so that white filters do not melt into the page
const labelHeight = 26

function atLeast(argument: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value <= 10_000) return value
  throw new OptionError({ op: 'filterSheet', argument, actual: `${value}`, expected: `a whole number from ${least} to 10000` })
}

function usualTone(weights: ArrayLike<number>): 'positive' | 'signed' {
  let [negative, all] = [0, 0]
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] ?? 0
    all += Math.abs(weight)
    if (weight < 0) negative -= weight
  }
  return negative > all / 10 ? 'signed' : 'positive'
}

function describe(shape: FilterShape, tone: 'positive' | 'signed', order: FilterOrder, dead: number): string {
  const [K, C, R, S] = shape
  const count = (group: FilterGroup) => order.traits.filter((t) => t.group === group).length
  const live = [
    `${count('oriented')} achromatic and oriented`,
    `${count('unoriented')} achromatic without orientation`,
    ...(C === 3 ? [`${count('colour')} coloured`] : []),
  ].join(', ')
  const brightness =
    tone === 'positive'
      ? 'Weights of zero and below are black; each filter is scaled by its own largest weight.'
      : 'Grey is zero; each filter is scaled by its own largest absolute weight, darker is negative, lighter is positive.'
  return (
    `${K} filters of ${S} x ${R} pixels, ${C === 3 ? 'red, green and blue' : 'one channel'}: ${live}, ${dead} dead` +
    `${dead > 0 ? ' (framed in orange)' : ''}. ${brightness} Brightness is the screen value, with no gamma applied.`
  )
}

/**
 * Draws a layer's filters as one sheet, PNG and SVG. Each filter is scaled by its own maximum, so brightness cannot be compared between filters.
 * With the default order each group starts on a row of its own.
 * @param weights [K,C,R,S] row-major, C = 1 or 3 (R, G, B)
 * @throws ShapeError, OptionError for weights that do not fit the shape or are not finite, or options out of range
 */
export async function filterSheet(
  weights: ArrayLike<number>,
  shape: FilterShape,
  options: FilterSheetOptions = {},
): Promise<FilterSheet> {
  refuseUnknown('filterSheet', options, ['columns', 'scale', 'gap', 'tone', 'order', 'dead', 'title'])
  checkFilters('filterSheet', weights, shape)
  const [K, C, R, S] = shape
  const { tone = usualTone(weights) } = options
  if (tone !== 'positive' && tone !== 'signed') {
    throw new OptionError({ op: 'filterSheet', argument: 'tone', actual: String(tone), expected: "'positive' or 'signed'" })
  }
  const dead = new Set(options.dead ?? [])
  const sorted = options.order === undefined || options.order === 'index' ? orderFilters(weights, shape, { dead }) : options.order
  const order: FilterOrder =
    options.order === 'index' ? { order: Int32Array.from({ length: K }, (_, k) => k), groups: [], traits: sorted.traits } : sorted
  if (order.order.length !== K || new Set(order.order).size !== K || order.order.some((k) => k < 0 || k >= K)) {
    throw new OptionError({
      op: 'filterSheet',
      argument: 'order',
      actual: 'no permutation',
      expected: `every filter from 0 to ${K - 1} once`,
    })
  }
  order.traits.forEach((t, k) => {
    if (t.group === 'dead') dead.add(k)
  })
  const columns = atLeast('columns', options.columns ?? Math.min(K, Math.ceil(Math.sqrt(1.4 * K))), 1)
  const scale = atLeast('scale', options.scale ?? Math.max(1, Math.round(28 / Math.max(R, S))), 1)
  const gap = atLeast('gap', options.gap ?? 3, 2)

  const [tileWidth, tileHeight] = [S * scale + gap, R * scale + gap]
  const groups = order.groups.length > 0 ? order.groups : [{ group: null, start: 0, end: K }]
  const groupGap = order.groups.length > 1 ? 2 * gap : 0
  const tiles: FilterSheet['tiles'] = []
  const tops: { group: FilterGroup | null; count: number; y: number; end: number }[] = []
  let row = gap
  for (const { group, start, end } of groups) {
    const top = row
    for (let i = start; i < end; i++) {
      const at = i - start
      tiles.push({
        filter: order.order[i] ?? 0,
        x: gap + (at % columns) * tileWidth,
        y: top + Math.floor(at / columns) * tileHeight,
      })
    }
    row = top + Math.ceil((end - start) / columns) * tileHeight
    tops.push({ group, count: end - start, y: top, end: row - gap })
    row += groupGap
  }
  const width = gap + Math.min(columns, Math.max(...groups.map((g) => g.end - g.start))) * tileWidth
  const height = row - groupGap
  const pixels = new Uint8Array(width * height * 3).fill(255)
  const fill = (x0: number, y0: number, w: number, h: number, rgb: readonly number[]) => {
    for (let y = y0; y < y0 + h; y++) for (let x = x0; x < x0 + w; x++) pixels.set(rgb, (y * width + x) * 3)
  }
  const at = (k: number, c: number, p: number) => weights[(k * C + c) * R * S + p] ?? 0
  for (const { filter: k, x, y } of tiles) {
    const frame = dead.has(k) ? 2 : 1
    fill(x - frame, y - frame, S * scale + 2 * frame, R * scale + 2 * frame, dead.has(k) ? deadColour : frameColour)
    let most = 0
    for (let i = 0; i < C * R * S; i++) {
      const w = weights[k * C * R * S + i] ?? 0
      most = Math.max(most, tone === 'signed' ? Math.abs(w) : w)
    }
    const level = (w: number) => {
      if (tone === 'signed') return Math.round(127.5 + (most > 0 ? (127.5 * w) / most : 0))
      return most > 0 ? Math.round((255 * Math.max(0, w)) / most) : 0
    }
    for (let p = 0; p < R * S; p++) {
      const rgb = [0, 1, 2].map((c) => level(at(k, C === 3 ? c : 0, p)))
      fill(x + (p % S) * scale, y + Math.floor(p / S) * scale, scale, scale, rgb)
    }
  }
  const { default: sharp } = await import('sharp')
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9, adaptiveFiltering: false })
    .toBuffer()
  const description = describe(shape, tone, order, dead.size)
  const title = options.title ?? `${K} filters of ${S} x ${R} pixels`
  return { png, svg: sheetSvg(png, width, height, tops, title, description), width, height, tiles, order, description }
}

/** One embedded PNG cut into a strip per group: a rectangle per weight would be some twenty times larger. */
function sheetSvg(
  png: Uint8Array,
  width: number,
  height: number,
  groups: { group: FilterGroup | null; count: number; y: number; end: number }[],
  title: string,
  description: string,
): string {
  const id = contentId(png, title, description)
  const labelled = groups.some((g) => g.group !== null)
  const total = height + (labelled ? groups.length * labelHeight : 0)
  const body = () => {
    const image = `<image id="${id}-sheet" width="${width}" height="${height}" style="image-rendering:pixelated" \
href="data:image/png;base64,${Buffer.from(png).toString('base64')}"/>`
    if (!labelled) return image
    const clips = groups.map(
      (g, i) => `<clipPath id="${id}-g${i}"><rect y="${g.y - 3}" width="${width}" height="${g.end - g.y + 6}"/></clipPath>`,
    )
    const strips = groups.map((g, i) => {
      const shift = (i + 1) * labelHeight
      const text = g.group === null ? '' : `${labels[g.group]}: ${g.count}`
      return `<text x="3" y="${g.y + shift - 9}" font-size="14" fill="#333333" font-family="${escapeMarkup(fontFamily)}">${escapeMarkup(text)}</text>
<g transform="translate(0 ${shift})"><use href="#${id}-sheet" clip-path="url(#${id}-g${i})"/></g>`
    })
    return `<defs>${image}${clips.join('')}</defs>\n${strips.join('\n')}`
  }
  const picture = () => `<rect width="${width}" height="${total}" fill="#ffffff"/>\n${body()}`
  return svgPicture({ width, height: total, title, description, id, body: picture })
}
