// Axes: the range they show, their ticks and their words.
import { OptionError } from '../errors.js'

export interface Axis {
  label: string
  /** Written after the label in brackets: `Test error (%)`. */
  unit?: string
  /** Default `linear`. */
  scale?: 'linear' | 'log'
  /** Ends of the axis; by default the data's range, widened to round numbers. */
  min?: number
  max?: number
}

export interface Range {
  min: number
  max: number
  /** Between ticks; unused on a log axis, whose ticks are the powers of ten. */
  step: number
}

export function axisName(axis: Axis): string {
  return axis.unit ? `${axis.label} (${axis.unit})` : axis.label
}

/** The 1-2-5 step that divides a range into about six parts. */
function roundStep(range: number): number {
  const raw = range / 6
  const power = 10 ** Math.floor(Math.log10(raw))
  const lead = raw / power
  return (lead <= 1.2 ? 1 : lead <= 2.4 ? 2 : lead <= 6 ? 5 : 10) * power
}

/**
 * The range of an axis over all lists of values; NaN is skipped.
 * @throws OptionError when no value is finite, or a log axis meets a value that is not positive
 */
export function domain(op: string, argument: string, axis: Axis, lists: readonly ArrayLike<number>[]): Range {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const log = axis.scale === 'log'
  let isWhole = true
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i] ?? Number.NaN
      if (!Number.isFinite(value)) continue
      if (log && value <= 0) throw new OptionError({ op, argument, actual: `${value} on a log axis`, expected: 'values above 0' })
      min = Math.min(min, value)
      max = Math.max(max, value)
      isWhole &&= Number.isInteger(value)
    }
  }
  if (min > max) throw new OptionError({ op, argument, actual: 'without a finite value', expected: 'at least one' })
  min = axis.min ?? min
  max = axis.max ?? max
  if (!(min <= max) || (log && min <= 0)) {
    throw new OptionError({
      op,
      argument: `${argument}.min, max`,
      actual: `${min}, ${max}`,
      expected: log ? '0 < min < max' : 'min < max',
    })
  }
  if (log) {
    const floor = axis.min ?? 10 ** Math.floor(Math.log10(min) + 1e-9)
    const ceiling = axis.max ?? 10 ** Math.ceil(Math.log10(max) - 1e-9)
    return { min: floor, max: ceiling > floor ? ceiling : floor * 10, step: 1 }
  }
  if (min === max) [min, max] = [min - Math.max(1, Math.abs(min)) / 2, max + Math.max(1, Math.abs(max)) / 2]
  // Between layers, epochs or counts there is nothing to mark.
  const step = isWhole ? Math.max(1, roundStep(max - min)) : roundStep(max - min)
  const snap = (value: number) => Number(value.toPrecision(12))
  return {
    min: axis.min ?? snap(Math.floor(min / step + 1e-9) * step),
    max: axis.max ?? snap(Math.ceil(max / step - 1e-9) * step),
    step,
  }
}

/** echarts' settings for the range. */
export function axisOption(axis: Axis, range: Range, tick: string, minor: string) {
  if (axis.scale !== 'log') return { type: 'value' as const, min: range.min, max: range.max, interval: range.step }
  return {
    type: 'log' as const,
    min: range.min,
    max: range.max,
    minorTick: { show: true, splitNumber: 9, lineStyle: { color: tick } },
    minorSplitLine: { show: true, lineStyle: { color: minor, opacity: 0.5 } },
  }
}

/** Tick labels with the digits that the step needs; thousands apart by a thin space; powers of ten where numbers get long. */
export function tickText(axis: Axis, range: Range): (value: number) => string {
  const superscript = (n: number) => [...String(n)].map((c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)])).join('')
  if (axis.scale === 'log') {
    return (value) => {
      const power = Math.log10(value)
      const exact = Math.abs(power - Math.round(power)) < 1e-9
      return exact && Math.abs(power) > 3.5 ? `10${superscript(Math.round(power))}` : String(Number(value.toPrecision(6)))
    }
  }
  const largest = Math.max(Math.abs(range.min), Math.abs(range.max))
  const digits = Math.max(0, -Math.floor(Math.log10(range.step) + 1e-9))
  if (digits > 5 || largest >= 1e9) {
    return (value) => {
      if (value === 0) return '0'
      const [mantissa, power] = value.toExponential(2).split('e')
      return `${Number(mantissa)}·10${superscript(Number(power))}`
    }
  }
  const minus = (text: string) => text.replace(/^-/, '−')
  return (value) => {
    const [whole = '', fraction] = value.toFixed(digits).split('.')
    const grouped = whole.replace(/^-0$/, fraction ? '-0' : '0')
    const spaced = grouped.replace(/^-?/, '').length > 4 ? grouped.replace(/\B(?=(\d{3})+$)/g, '\u2009') : grouped
    return minus(fraction ? `${spaced}.${fraction}` : spaced)
  }
}
