// Charts as SVG text, drawn by echarts without a browser. Light background, Okabe and Ito's colours, every series also told apart by its dashes.
import type * as ECharts from 'echarts'
import { refuseUnknown } from '../options.js'
import {
  type ChartOptions,
  type Drawing,
  dashes,
  draw,
  fittingSize,
  gridInk,
  ink,
  palette,
  pick,
  referenceDashes,
  refuse,
  size,
  softInk,
  widestPiece,
  wrap,
} from './drawing.js'
import { fontFamily } from './markup.js'
import { type Axis, axisName, axisOption, domain, type Range, tickText } from './scale.js'

export type { Axis } from './scale.js'

export interface Series {
  name: string
  x: ArrayLike<number>
  /** NaN leaves a gap. */
  y: ArrayLike<number>
  /** Lower and upper edge of the error band, in the unit of y; say in the name or the description what the band is. */
  low?: ArrayLike<number>
  high?: ArrayLike<number>
  /** Draw a dot at every point. Default: up to 30 points. */
  dots?: boolean
}

/** A published value, chance, a target: a thin dashed line across the chart. */
export interface Reference {
  label: string
  value: number
}

export interface LineChart extends ChartOptions {
  x: Axis
  y: Axis
  series: readonly Series[]
  references?: readonly Reference[]
}

export interface BarSeries {
  name: string
  /** One per category; NaN: not measured, no bar. */
  values: ArrayLike<number>
  /** Ends of the error bars, in the unit of the values. */
  low?: ArrayLike<number>
  high?: ArrayLike<number>
}

export interface BarChart extends ChartOptions {
  categories: readonly string[]
  /** Of the categories. */
  x?: { label: string }
  /** Bars start at 0; on a log axis at the axis' lower end. */
  y: Axis
  series: readonly BarSeries[]
  /** Chance, ceilings, published values. */
  references?: readonly Reference[]
}

const axisNames = ['label', 'unit', 'scale', 'min', 'max']

/** Refuses unknown options of a chart, of its axes and of its references. @param own those that not every chart has */
export function checkNames(
  op: string,
  options: ChartOptions & { x?: Axis | undefined; y?: Axis; references?: readonly Reference[] },
  own: readonly string[],
): void {
  refuseUnknown(op, options, ['title', 'description', 'width', 'height', 'x', 'references', ...own])
  refuseUnknown(op, options.x, axisNames, 'x.')
  refuseUnknown(op, options.y, axisNames, 'y.')
  for (const [i, reference] of (options.references ?? []).entries())
    refuseUnknown(op, reference, ['label', 'value'], `references.${i}.`)
}

export function checkLength(op: string, argument: string, list: ArrayLike<number> | undefined, length: number): void {
  if (list && list.length !== length) refuse(op, argument, `${list.length} numbers`, `${length}`)
}

function checkBand(
  op: string,
  name: string,
  low: ArrayLike<number> | undefined,
  high: ArrayLike<number> | undefined,
  length: number,
): void {
  if (!low !== !high) refuse(op, name, 'only one of low and high', 'both or neither')
  checkLength(op, `${name}.low`, low, length)
  checkLength(op, `${name}.high`, high, length)
}

const axisStyle = {
  nameLocation: 'middle' as const,
  nameTextStyle: { fontFamily, fontSize: 13, color: ink, fontWeight: 500 as const },
  axisLabel: { fontFamily, fontSize: 12, color: softInk },
  axisLine: { show: true, lineStyle: { color: softInk } },
  axisTick: { show: true, lineStyle: { color: softInk } },
  splitLine: { lineStyle: { color: gridInk } },
}

export function valueAxis(axis: Axis, range: Range, nameGap: number) {
  return {
    ...axisStyle,
    ...axisOption(axis, range, softInk, gridInk),
    axisLabel: { ...axisStyle.axisLabel, formatter: tickText(axis, range) },
    name: axisName(axis),
    nameGap,
  }
}

const symbolOf = (i: number) => pick(['circle', 'rect', 'triangle', 'diamond'] as const, i)

/** Reference lines, named in the legend only: labels beside lines that lie close would overlap. A white edge keeps them visible on bars. */
export function referenceLines(
  references: readonly Reference[],
  along: 'xAxis' | 'yAxis',
  axis: Axis,
  overBars: boolean,
): Pick<Drawing, 'series' | 'legend'> {
  const z = overBars ? 4 : 2
  const lines = references.flatMap((r, i) => {
    const place = along === 'xAxis' ? { xAxis: r.value } : { yAxis: r.value }
    const line = { ...place, lineStyle: { color: ink, width: 1.8, type: [...pick(referenceDashes, i)] } }
    return overBars
      ? [{ ...place, lineStyle: { color: '#ffffff', width: 4, opacity: 0.75, type: 'solid' as const } }, line]
      : [line]
  })
  const markLine = { silent: true, symbol: 'none', label: { show: false }, data: lines, z }
  const drawn: ECharts.SeriesOption = { type: 'line', data: [], z, markLine }
  return {
    series: [drawn],
    legend: references.map((r, i) => ({
      name: `${r.label}: ${withUnit(r.value, axis)}`,
      color: ink,
      dash: pick(referenceDashes, i),
    })),
  }
}

export function checkReferences(op: string, references: readonly Reference[]): number[] {
  references.forEach((r) => {
    if (!Number.isFinite(r.value)) refuse(op, `reference '${r.label}'`, `${r.value}`, 'a finite value')
  })
  return references.map((r) => r.value)
}

export const brief = (value: number) => String(Number(value.toPrecision(4)))
export const withUnit = (value: number, axis: Axis) => `${brief(value)}${axis.unit ? ` ${axis.unit}` : ''}`
export const sayReferences = (references: readonly Reference[], axis: Axis) =>
  references.map((r) => ` Reference line, ${r.label}: ${withUnit(r.value, axis)}.`).join('')

const hasDots = (s: Series) => s.dots ?? s.x.length <= 30

/**
 * Curves of one or more series.
 * @returns an SVG document, byte-equal for equal input
 * @throws OptionError for lengths that differ, no finite point, or values that a log axis cannot show
 */
export async function lineChart(options: LineChart): Promise<string> {
  const op = 'lineChart'
  checkNames(op, options, ['y', 'series'])
  const { series, references = [], x, y } = options
  if (series.length === 0) refuse(op, 'series', 'empty', 'one or more')
  for (const [i, s] of series.entries()) {
    refuseUnknown(op, s, ['name', 'x', 'y', 'low', 'high', 'dots'], `series.${i}.`)
    checkLength(op, `'${s.name}'.y`, s.y, s.x.length)
    checkBand(op, `'${s.name}'`, s.low, s.high, s.x.length)
  }
  const xRange = domain(
    op,
    'x',
    x,
    series.map((s) => s.x),
  )
  const ys = series.flatMap((s) => [s.y, ...(s.low && s.high ? [s.low, s.high] : [])])
  const yRange = domain(op, 'y', y, [...ys, checkReferences(op, references)])
  const marks = referenceLines(references, 'yAxis', y, false)

  const drawn = series.flatMap((s, i): ECharts.SeriesOption[] => {
    const color = pick(palette, i)
    const points = Array.from(s.x, (value, j) => [value, s.y[j] ?? Number.NaN]).map(([a, b]) => [
      a,
      Number.isFinite(b) ? b : null,
    ])
    const dots = hasDots(s)
    const line: ECharts.SeriesOption = {
      type: 'line',
      name: s.name,
      data: points as (number | null)[][],
      symbol: dots ? symbolOf(i) : 'none',
      symbolSize: 7,
      showAllSymbol: true,
      z: 3,
      lineStyle: {
        color,
        width: 2.2,
        type: typeof pick(dashes, i) === 'string' ? 'solid' : [...(pick(dashes, i) as readonly number[])],
      },
      itemStyle: { color },
    }
    const { low, high } = s
    if (!low || !high) return [line]
    const band: ECharts.SeriesOption = {
      type: 'custom',
      name: `${s.name} band`,
      data: [[Number(s.x[0]), Number(s.y[0])]],
      silent: true,
      clip: true,
      z: 1,
      renderItem: (_, api) => {
        const at = (edge: ArrayLike<number>) => (j: number) => api.coord([s.x[j] ?? 0, edge[j] ?? 0])
        const shown = Array.from(s.x, (_, j) => j).filter((j) => Number.isFinite(low[j]) && Number.isFinite(high[j]))
        const outline = [...shown.map(at(high)), ...shown.reverse().map(at(low))]
        return { type: 'polygon', shape: { points: outline }, style: { fill: color, opacity: 0.18 } }
      },
    }
    return [band, line]
  })
  const described = series.map((s) => {
    const finite = Array.from(s.y).filter(Number.isFinite)
    const [first, last] = [finite[0], finite.at(-1)]
    if (first === undefined || last === undefined) return `${s.name}: no values.`
    const least = finite.reduce((a, b) => Math.min(a, b))
    const most = finite.reduce((a, b) => Math.max(a, b))
    return `${s.name}: ${finite.length} points, first ${withUnit(first, y)}, last ${withUnit(last, y)}, from ${brief(least)} to ${brief(most)}.`
  })
  return draw({
    op,
    options,
    description:
      options.description ??
      `Line chart of ${axisName(y)} against ${axisName(x)}. ${described.join(' ')}${sayReferences(references, y)}`,
    legend: [
      ...series.map((s, i) => ({
        name: s.name,
        color: pick(palette, i),
        dash: pick(dashes, i),
        symbol: hasDots(s) ? symbolOf(i) : undefined,
      })),
      ...marks.legend,
    ],
    xAxis: valueAxis(x, xRange, 10) as ECharts.XAXisComponentOption,
    yAxis: valueAxis(y, yRange, 14) as ECharts.YAXisComponentOption,
    series: [...drawn, ...marks.series],
  })
}

/** Pixels of the smallest names of categories. */
const leastLabel = 9

/**
 * Bars for categories, one or more series side by side, with error bars and reference lines (chance, published values).
 * @returns an SVG document, byte-equal for equal input
 * @throws OptionError for lengths that differ, no finite value, or values that a log axis cannot show
 */
export async function barChart(options: BarChart): Promise<string> {
  const op = 'barChart'
  checkNames(op, options, ['y', 'series', 'categories'])
  const { categories, series, references = [], y } = options
  if (series.length === 0 || categories.length === 0)
    refuse(op, series.length === 0 ? 'series' : 'categories', 'empty', 'one or more')
  for (const [i, s] of series.entries()) {
    refuseUnknown(op, s, ['name', 'values', 'low', 'high'], `series.${i}.`)
    checkLength(op, `'${s.name}'.values`, s.values, categories.length)
    checkBand(op, `'${s.name}'`, s.low, s.high, categories.length)
  }
  const all = series.flatMap((s) => [s.values, ...(s.low && s.high ? [s.low, s.high] : [])])
  const yRange = domain(op, 'y', y, [...all, checkReferences(op, references), ...(y.scale === 'log' ? [] : [[0]])])
  const marks = referenceLines(references, 'yAxis', y, true)
  // Many categories want a wider chart, for their names not to run into each other.
  const needed = Math.min(4000, Math.ceil(categories.length * (widestPiece(categories, leastLabel) + 6)) + 100)
  const wide = { ...options, width: options.width ?? Math.max(720, needed) }
  const room = (size(op, wide)[0] - 100) / categories.length - 6
  const labelSize = fittingSize(categories, room, [leastLabel, 13])
  const layout = { barGap: '12%', barCategoryGap: '34%' }
  const drawn = series.flatMap((s, i): ECharts.SeriesOption[] => {
    const bars: ECharts.SeriesOption = {
      type: 'bar',
      name: s.name,
      data: Array.from(s.values, (value) => (Number.isFinite(value) ? value : '-')),
      barMaxWidth: 64,
      ...layout,
      itemStyle: { color: pick(palette, i) },
    }
    const { low, high } = s
    if (!low || !high) return [bars]
    const errors: ECharts.SeriesOption = {
      type: 'custom',
      name: `${s.name} error`,
      data: categories.map((_, j) => [j, s.values[j] ?? Number.NaN]),
      silent: true,
      z: 5,
      renderItem: (params, api) => {
        const j = params.dataIndex
        const [a, b] = [low[j] ?? Number.NaN, high[j] ?? Number.NaN]
        if (!Number.isFinite(a) || !Number.isFinite(b)) return null
        const bar = api.barLayout({ count: series.length, barMaxWidth: 64, ...layout } as Parameters<typeof api.barLayout>[0])?.[
          i
        ]
        const x = (api.coord([j, b])[0] ?? 0) + (bar?.offsetCenter ?? 0)
        const [top, bottom] = [api.coord([j, b])[1] ?? 0, api.coord([j, a])[1] ?? 0]
        const line = (x1: number, y1: number, x2: number, y2: number) => ({
          type: 'line' as const,
          shape: { x1, y1, x2, y2 },
          style: { stroke: ink, lineWidth: 1.5 },
        })
        return {
          type: 'group',
          children: [line(x, top, x, bottom), line(x - 5, top, x + 5, top), line(x - 5, bottom, x + 5, bottom)],
        }
      },
    }
    return [bars, errors]
  })
  const described = series.map(
    (s) =>
      `${s.name}: ${categories.map((c, j) => `${c} ${Number.isFinite(s.values[j]) ? withUnit(s.values[j] ?? 0, y) : 'not measured'}`).join(', ')}.`,
  )
  return draw({
    op,
    options: wide,
    description: options.description ?? `Bar chart of ${axisName(y)}. ${described.join(' ')}${sayReferences(references, y)}`,
    legend: [...(series.length > 1 ? series.map((s, i) => ({ name: s.name, color: pick(palette, i) })) : []), ...marks.legend],
    xAxis: {
      ...axisStyle,
      type: 'category',
      data: categories.map((c) => wrap(c, room, labelSize).join('\n')),
      name: options.x?.label ?? '',
      nameGap: 10,
      axisTick: { show: false },
      axisLabel: { ...axisStyle.axisLabel, fontSize: labelSize, color: ink, interval: 0, hideOverlap: false },
    },
    yAxis: valueAxis(y, yRange, 14) as ECharts.YAXisComponentOption,
    series: [...drawn, ...marks.series],
  })
}
