// Histograms as SVG text: of values, which are counted here, or of counts.
import type * as ECharts from 'echarts'
import { refuseUnknown } from '../options.js'
import {
  brief,
  checkLength,
  checkNames,
  checkReferences,
  type Reference,
  referenceLines,
  sayReferences,
  valueAxis,
  withUnit,
} from './chart.js'
import { type ChartOptions, draw, palette, refuse } from './drawing.js'
import { type Axis, axisName, domain } from './scale.js'

/** Values that were counted before. */
export interface Counted {
  /** Of the bins, rising: one more than `counts`. */
  edges: ArrayLike<number>
  counts: ArrayLike<number>
}

export interface Histogram extends ChartOptions {
  x: Axis
  values: ArrayLike<number> | Counted
  /** Number of equal bins over the values' range; not for values that are counted. Default: Freedman and Diaconis' rule, 5 to 60. */
  bins?: number
  /** Counts to expect in each bin, drawn as a dashed outline; for values that are counted before. */
  expected?: { label: string; counts: ArrayLike<number> }
  /** Default: `Count`. */
  yLabel?: string
  /** Upright lines. */
  references?: readonly Reference[]
}

const outlineDash = [6, 3] as const

/** Freedman and Diaconis (1981): bins of twice the quartile range over the cube root of the count. */
function binCount(sorted: Float64Array): number {
  const quantile = (q: number) => sorted[Math.floor(q * (sorted.length - 1))] ?? 0
  const width = (2 * (quantile(0.75) - quantile(0.25))) / Math.cbrt(sorted.length)
  const range = quantile(1) - quantile(0)
  return width > 0 ? Math.min(60, Math.max(5, Math.ceil(range / width))) : 20
}

function countValues(op: string, values: ArrayLike<number>, wanted: number | undefined): Counted & { median: number | null } {
  if (values.length === 0) refuse(op, 'values', 'empty', 'one or more')
  const sorted = Float64Array.from(values).sort()
  if (!sorted.every(Number.isFinite)) refuse(op, 'values', 'not all finite', 'finite numbers')
  const bins = wanted ?? binCount(sorted)
  if (!Number.isInteger(bins) || bins < 1 || bins > 1000) refuse(op, 'bins', `${bins}`, 'a whole number from 1 to 1000')
  const [least, most] = [sorted[0] ?? 0, sorted.at(-1) ?? 0]
  const [low, high] = least === most ? [least - 0.5, most + 0.5] : [least, most]
  const step = (high - low) / bins
  const counts = new Float64Array(bins)
  for (const value of sorted) {
    const bin = Math.min(bins - 1, Math.floor((value - low) / step))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return { edges: Array.from({ length: bins + 1 }, (_, i) => low + i * step), counts, median }
}

function checkCounted(op: string, { edges, counts }: Counted): Counted & { median: number | null } {
  if (counts.length === 0) refuse(op, 'values.counts', 'empty', 'one or more')
  checkLength(op, 'values.edges', edges, counts.length + 1)
  if (!Array.from(edges).every((x, i) => Number.isFinite(x) && (i === 0 || x > (edges[i - 1] ?? x))))
    refuse(op, 'values.edges', 'not rising', 'finite, rising numbers')
  if (!Array.from(counts).every((n) => Number.isFinite(n) && n >= 0))
    refuse(op, 'values.counts', 'not all counts', 'numbers of 0 or more')
  return { edges, counts, median: null }
}

/**
 * Counts of values in equal bins, of which the last includes its upper edge; or counts that were made elsewhere.
 * @returns an SVG document, byte-equal for equal input
 * @throws OptionError for no values, values that are not finite, edges that do not rise, or a log axis (bins are equal in x; take the
 * logarithm first)
 */
export async function histogram(options: Histogram): Promise<string> {
  const op = 'histogram'
  checkNames(op, options, ['values', 'bins', 'yLabel', 'expected'])
  const { x, values, references = [], yLabel = 'Count', expected } = options
  if ('edges' in values) refuseUnknown(op, values, ['edges', 'counts'], 'values.')
  if (x.scale === 'log') refuse(op, 'x.scale', 'log', 'linear')
  const { edges, counts, median } = 'edges' in values ? checkCounted(op, values) : countValues(op, values, options.bins)
  const bins = counts.length
  if (expected) {
    refuseUnknown(op, expected, ['label', 'counts'], 'expected.')
    if (!('edges' in values)) refuse(op, 'expected', 'given for values that are counted here', 'values as edges and counts')
    checkLength(op, 'expected.counts', expected.counts, bins)
  }
  const [low, high] = [edges[0] ?? 0, edges[bins] ?? 0]
  const y: Axis = { label: yLabel }
  const xRange = domain(op, 'x', x, [[low, high], checkReferences(op, references)])
  const yRange = domain(op, 'y', y, [[0], counts, expected?.counts ?? []])
  const marks = referenceLines(references, 'xAxis', x, true)
  const bars: ECharts.SeriesOption = {
    type: 'custom',
    name: yLabel,
    data: Array.from(counts, (count, i) => [edges[i] ?? 0, count]),
    silent: true,
    renderItem: (params, api) => {
      const i = params.dataIndex
      const [x1 = 0, y1 = 0] = api.coord([edges[i] ?? 0, counts[i] ?? 0])
      const [x2 = 0, y2 = 0] = api.coord([edges[i + 1] ?? 0, 0])
      return {
        type: 'rect',
        shape: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 },
        style: { fill: palette[0], stroke: '#ffffff', lineWidth: bins > 40 ? 0.5 : 1 },
      }
    },
  }
  const outline: ECharts.SeriesOption[] = expected
    ? [
        {
          type: 'line',
          name: expected.label,
          // A step goes on to the upper edge of its bin.
          data: Array.from(edges, (edge, i) => [edge, expected.counts[Math.min(i, bins - 1)] ?? 0]),
          step: 'end',
          symbol: 'none',
          silent: true,
          z: 4,
          lineStyle: { color: palette[1], width: 2, type: [...outlineDash] },
        },
      ]
    : []
  // With values below 0 the axis would stand among the bars.
  const yAxis = valueAxis(y, yRange, 14)
  const total = Array.from(counts).reduce((a, b) => a + b, 0)
  const middle = median === null ? '' : `, median ${withUnit(median, x)}`
  const described = `Histogram of ${axisName(x)}: ${total} values from ${brief(low)} to ${brief(high)}${middle}, ${bins} bins.`
  return draw({
    op,
    options,
    description: options.description ?? described + sayReferences(references, x),
    legend: [...(expected ? [{ name: expected.label, color: palette[1], dash: outlineDash }] : []), ...marks.legend],
    xAxis: valueAxis(x, xRange, 10) as ECharts.XAXisComponentOption,
    yAxis: { ...yAxis, axisLine: { ...yAxis.axisLine, onZero: false } } as ECharts.YAXisComponentOption,
    series: [bars, ...outline, ...marks.series],
  })
}
