// One way to draw for all charts: echarts lays out axes and marks without a browser; title, legend, ids and descriptions are set here.
import type * as ECharts from 'echarts'
import { OptionError } from '../errors.js'
import { contentId, escapeMarkup, fontFamily, legalText, svgPicture } from './markup.js'

export interface ChartOptions {
  title: string
  /** Read out in place of the picture. Default: made from the data. */
  description?: string
  /** Pixels. Default 720 x 440. */
  width?: number
  height?: number
}

export const palette = ['#0072B2', '#D55E00', '#009E73', '#AA4499', '#B8860B', '#56B4E9', '#333333'] as const
/** Not as many as colours: each pair of them comes back only after 28 series. */
export const dashes = ['solid', [8, 4], [3, 3], [10, 3, 3, 3]] as const
export const referenceDashes = [
  [2, 4],
  [9, 5],
  [9, 4, 2, 4],
  [2, 2],
] as const
export const ink = '#1f2328'
export const softInk = '#4a5159'
export const gridInk = '#e4e7eb'

export const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T

let loaded: Promise<typeof ECharts> | null = null

/** The one-file build starts in a quarter of the time of the modules. It is CommonJS, so one import serves both kinds of module. */
function echarts(): Promise<typeof ECharts> {
  const bundle: string = 'echarts/dist/echarts.min'
  loaded ??= import(bundle).then((module: typeof ECharts & { default?: typeof ECharts }) => module.default ?? module)
  return loaded
}

export function refuse(op: string, argument: string, actual: string, expected: string): never {
  throw new OptionError({ op, argument, actual, expected })
}

export function size(op: string, options: ChartOptions): [number, number] {
  const check = (argument: 'width' | 'height', fallback: number, least: number) => {
    const value = options[argument] ?? fallback
    if (!Number.isInteger(value) || value < least || value > 4000)
      refuse(op, argument, `${value}`, `a whole number from ${least} to 4000`)
    return value
  }
  return [check('width', 720, 240), check('height', 440, 180)]
}

/** Roughly the width of text in pixels, on the wide side: nothing here can measure a font. */
export function textWidth(text: string, fontSize: number): number {
  return [...text].reduce((sum, c) => sum + (c.charCodeAt(0) > 0x2e7f ? 1 : 0.56), 0) * fontSize
}

/** Where a line may end: after words, and after the hyphens and underscores within them. */
const piecesOf = (word: string): string[] => word.split(/(?<=[\p{L}\d][-_])(?=[\p{L}\d])/u)

/** Breaks text so that a line is no wider than `width` pixels where its pieces allow it. */
export function wrap(text: string, width: number, fontSize: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/))
    for (const [i, piece] of piecesOf(word).entries()) {
      const longer = line && i === 0 ? `${line} ${piece}` : line + piece
      if (line && textWidth(longer, fontSize) > width) {
        lines.push(line)
        line = piece
      } else line = longer
    }
  return [...lines, line]
}

/** Roughly the width in pixels of what cannot be broken of some texts. */
export const widestPiece = (texts: readonly string[], fontSize: number): number =>
  Math.max(...texts.flatMap((text) => text.split(/\s+/).flatMap(piecesOf)).map((piece) => textWidth(piece, fontSize)))

/** The largest size from `least` to `most` at which no piece of the texts is wider than `width` pixels. */
export function fittingSize(texts: readonly string[], width: number, [least, most]: readonly [number, number]): number {
  return Math.min(most, Math.max(least, Math.floor(width / widestPiece(texts, 1))))
}

export interface LegendEntry {
  name: string
  color: string
  /** Absent: a filled box. */
  dash?: 'solid' | readonly number[]
  symbol?: 'circle' | 'rect' | 'triangle' | 'diamond' | undefined
}

export interface Drawing {
  op: string
  options: ChartOptions
  description: string
  legend: readonly LegendEntry[]
  /** These are echarts' XAXisComponentOption, YAXisComponentOption and SeriesOption: not said in types, since those want a browser's. */
  xAxis: object
  yAxis: object
  series: object[]
}

const symbols = {
  circle: (x: number, y: number) => `<circle cx="${x}" cy="${y}" r="3.5"/>`,
  rect: (x: number, y: number) => `<rect x="${x - 3.5}" y="${y - 3.5}" width="7" height="7"/>`,
  triangle: (x: number, y: number) => `<path d="M${x} ${y - 3.5}l3.5 7h-7Z"/>`,
  diamond: (x: number, y: number) => `<path d="M${x} ${y - 3.5}l3.5 3.5l-3.5 3.5l-3.5 -3.5Z"/>`,
}
const [margin, key, lineHeight] = [16, 30, 22]

/** Title and legend as markup, and the height that they take. */
function header(d: Drawing, width: number): { markup: string; height: number } {
  const font = `font-family="${escapeMarkup(fontFamily)}" fill="${ink}"`
  const title = wrap(d.options.title, width - 2 * margin, 16)
  let markup = title
    .map(
      (line, i) =>
        `<text x="${margin}" y="${27 + i * lineHeight}" ${font} font-size="16" font-weight="600">${escapeMarkup(line)}</text>\n`,
    )
    .join('')
  let [x, y] = [margin, 14 + title.length * lineHeight + 13]
  if (d.legend.length === 0) return { markup, height: y - 4 }
  for (const { name, color, dash, symbol } of d.legend) {
    const item = key + 8 + textWidth(name, 13)
    if (x > margin && x + item > width - margin) [x, y] = [margin, y + lineHeight]
    const line =
      dash &&
      `<path d="M${x} ${y}h${key}" stroke="${color}" stroke-width="2.2"${dash === 'solid' ? '' : ` stroke-dasharray="${dash.join(' ')}"`}/>`
    const mark = symbol ? symbols[symbol](x + key / 2, y) : ''
    markup += `<g fill="${color}">${line ?? `<rect x="${x + 8}" y="${y - 6}" width="${key - 8}" height="12"/>`}${mark}</g>`
    markup += `<text x="${x + key + 8}" y="${y + 4.5}" ${font} font-size="13">${escapeMarkup(name)}</text>\n`
    x += item + 22
  }
  return { markup, height: y + 14 }
}

/** Draws a chart as an SVG document; equal input gives equal bytes. */
export async function draw(d: Drawing): Promise<string> {
  const [width, height] = size(d.op, d.options)
  const { init } = await echarts()
  const head = header(d, width)
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: { fontFamily, fontSize: 13, color: ink },
      grid: { left: margin, right: 26, top: head.height + 10, bottom: 14, outerBoundsMode: 'same', outerBoundsContain: 'all' },
      xAxis: d.xAxis,
      yAxis: d.yAxis,
      series: d.series,
    })
    return finish(chart.renderToSVGString(), head.markup, d, width, height)
  } finally {
    chart.dispose() // an instance that is left alone keeps the process running
  }
}

/** Drops echarts' hover styles and counters, which differ from one render to the next, and adds what screen readers need. */
function finish(svg: string, head: string, d: Drawing, width: number, height: number): string {
  const inner = legalText(svg)
    .replace(/^[^>]*>\s*/, '')
    .replace(/<\/svg>\s*$/, '')
    .replace(/<style\s*>[\s\S]*?<\/style>\s*/, '')
    .replace(/ (?:class="zr[^"]*"|pointer-events="[^"]*"|ecmeta_[a-z_]+="[^"]*")/g, '')
    .replace(/(id="|="url\(#)zr\d+-/g, '$1@-')
  const id = contentId(inner, head, d.description)
  const body = () => `${inner.replace(/(id="|="url\(#)@-/g, `$1${id}-`).trimEnd()}\n${head.trimEnd()}`
  return svgPicture({ width, height, title: d.options.title, description: d.description, id, body })
}
