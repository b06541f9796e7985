// Assemblies of Brain-Score: netCDF-4 files of responses over presentations, neuroids and bins of time.
import { OptionError } from '../../errors.js'
import { flagOf } from '../flag_names.js'
import { type Hdf5Dataset, Hdf5File, type Slab } from './hdf5.js'
import type { Trials } from './responses.js'

/** Bytes that are read at a time. */
const slabBytes = 2 ** 25
const expected = 'an assembly: one variable over presentation, neuroid and perhaps time_bin, with stimulus_id beside it'

export interface AssemblyChoice {
  /** Neuroids of this region alone. */
  region?: string | undefined
  /** Milliseconds after the stimulus: bins of time that lie within are averaged. */
  from?: number | undefined
  to?: number | undefined
  /** Bytes of responses that may be held. */
  memoryLimit: number
}

/** Values of a dimension's levels by name, one a place. */
type Levels = Readonly<Record<string, readonly unknown[]>>

export interface Assembly {
  /** In the order in which they first appear. */
  readonly stimulusIds: readonly string[]
  /** Repeats in the order in which they appear; means over bins of time. */
  readonly trials: Trials
  /** Of the neuroids. */
  readonly levels: Levels
  /** Of the bins that were averaged, in milliseconds; null where there are none, or the file does not say when they were. */
  readonly window: readonly [from: number, to: number] | null
}

/** What is wanted along a dimension: positions from `begin` to before `end`, and which axis it is (-1: none). */
interface Wanted {
  axis: number
  begin: number
  end: number
}

/**
 * Reads an assembly slab by slab. Its variable may have any name and its axes any order; values are unpacked, and missing ones NaN, as its attributes say.
 * @throws {DataError} naming the file that is no assembly; {OptionError} for a region or a window without data, or more responses than may be held
 */
export async function readAssembly(op: string, path: string, choice: AssemblyChoice): Promise<Assembly> {
  using file = await Hdf5File.open(op, path, expected)
  const { data, dimensions, levelsOf } = outline(file)
  const presented = levelsOf('presentation')
  const ids = presented.stimulus_id ?? presented.image_id
  if (!ids) throw file.refuse('one without stimulus_id', expected)
  const { stimulusIds, rows, turns, repeats } = countRepeats(ids.map(String))

  const levels = levelsOf('neuroid')
  const neuroidAxis = dimensions.indexOf('neuroid')
  const neuroids = neuroidsOf(op, levels.region, data.shape[neuroidAxis] as number, choice.region)
  const targetOf = new Map(neuroids.map((position, target) => [position, target]))
  const timeAxis = dimensions.indexOf('time_bin')
  const window = timeAxis < 0 ? noWindow(op, choice) : windowOf(op, levelsOf('time_bin'), data.shape[timeAxis] as number, choice)

  const targets = neuroids.length
  const size = stimulusIds.length * targets * repeats
  if (8 * size > choice.memoryLimit)
    throw new OptionError({
      op,
      argument: 'memoryLimit',
      actual: `${choice.memoryLimit.toLocaleString('en')} bytes`,
      expected: `${(8 * size).toLocaleString('en')} (${flagOf('memoryLimit')}), for ${stimulusIds.length} stimuli, ${targets} neuroids and ${repeats} repeats`,
    })
  const sums = new Float64Array(size).fill(Number.NaN)
  const place = (shown: number, target: number) =>
    ((rows[shown] as number) * targets + target) * repeats + (turns[shown] as number)
  for (let shown = 0; shown < rows.length; ++shown)
    for (let target = 0; target < targets; ++target) sums[place(shown, target)] = 0

  const wanted = [
    { axis: dimensions.indexOf('presentation'), begin: 0, end: rows.length },
    { axis: neuroidAxis, begin: neuroids[0] as number, end: (neuroids.at(-1) as number) + 1 },
    { axis: timeAxis, begin: window?.begin ?? 0, end: window?.end ?? 1 },
  ] as const
  visit(data, wanted, (shown, neuroid, value) => {
    const target = targetOf.get(neuroid)
    if (target === undefined) return
    if (Math.abs(value) === Number.POSITIVE_INFINITY)
      throw file.refuse(`one whose '${data.name}' has ${value}`, 'finite numbers, NaN where there is none')
    const at = place(shown, target)
    sums[at] = (sums[at] as number) + value
  })
  const bins = window ? window.end - window.begin : 1
  for (let i = 0; i < size; ++i) sums[i] = (sums[i] as number) / bins
  return {
    stimulusIds,
    trials: { images: stimulusIds.length, targets, repeats, data: sums },
    levels: Object.fromEntries(Object.entries(levels).map(([name, values]) => [name, neuroids.map((at) => values[at])])),
    window: window?.times ?? null,
  }
}

interface Outline {
  data: Hdf5Dataset
  dimensions: readonly (string | null)[]
  /** Its variables of one axis, texts of one character a place of a second axis too. */
  levelsOf(dimension: string): Levels
}

function outline(file: Hdf5File): Outline {
  const variables = file.names().flatMap((name) => file.find(name) ?? [])
  const over = variables.map((variable) => ({ variable, dimensions: variable.shape.length > 0 ? variable.dimensions() : [] }))
  const candidates = over.filter(({ dimensions }) => dimensions.includes('presentation') && dimensions.includes('neuroid'))
  const [found] = candidates
  if (!found || candidates.length > 1)
    throw file.refuse(
      candidates.length > 1
        ? `one with ${candidates.map(({ variable }) => variable.name).join(' and ')}`
        : 'one without such a variable',
      expected,
    )
  const { variable: data, dimensions } = found
  if (
    dimensions.some((name, i) => !['presentation', 'neuroid', 'time_bin'].includes(name ?? '') || dimensions.indexOf(name) !== i)
  )
    throw file.refuse(
      `one whose '${data.name}' lies over ${dimensions.map((name) => name ?? 'an unnamed axis').join(', ')}`,
      expected,
    )
  const isLevel = (variable: Hdf5Dataset, [first, ...others]: readonly (string | null)[], dimension: string) =>
    first === dimension && !variable.isBareDimension && (others.length === 0 || (others.length === 1 && variable.isText))
  const levelsOf = (dimension: string): Levels =>
    Object.fromEntries(
      over
        .filter(({ variable, dimensions }) => isLevel(variable, dimensions, dimension))
        .map(({ variable }) => [variable.name, variable.isText ? variable.texts() : Array.from<number>(variable.unpacked())]),
    )
  return { data, dimensions, levelsOf }
}

/** Stimuli in the order in which they first appear, the row of each presentation, and how many there were of its stimulus before it. */
function countRepeats(ids: readonly string[]) {
  const counts = new Map<string, number>()
  const turns = ids.map((id) => {
    const before = counts.get(id) ?? 0
    counts.set(id, before + 1)
    return before
  })
  const stimulusIds = [...counts.keys()]
  const rowOf = new Map(stimulusIds.map((id, row) => [id, row]))
  const repeats = turns.reduce((most, turn) => Math.max(most, turn + 1), 0)
  return { stimulusIds, rows: ids.map((id) => rowOf.get(id) as number), turns, repeats }
}

function neuroidsOf(op: string, regions: readonly unknown[] | undefined, count: number, region: string | undefined): number[] {
  const all = Array.from({ length: count }, (_, i) => i)
  const found = region === undefined ? all : all.filter((i) => regions?.[i] === region)
  if (found.length > 0) return found
  const known = regions ? `one of ${[...new Set(regions)].join(', ')}` : 'none: the assembly names no regions'
  throw new OptionError({ op, argument: 'region', actual: `'${region}'`, expected: known })
}

const refuseWindow = (op: string, { from, to }: AssemblyChoice, expected: string, hint = '') =>
  new OptionError({
    op,
    argument: 'from, to',
    actual: `${from ?? 'the start'} to ${to ?? 'the end'}`,
    expected: `${expected} (${flagOf('from')}, ${flagOf('to')})${hint}`,
  })

/** Of an assembly without bins of time. */
function noWindow(op: string, choice: AssemblyChoice): null {
  if (choice.from === undefined && choice.to === undefined) return null
  throw refuseWindow(op, choice, 'none', ': the assembly has no bins of time')
}

/** The bins of time that lie within the window: all of them where none is asked for. */
function windowOf(op: string, levels: Levels, count: number, choice: AssemblyChoice) {
  const { from, to } = choice
  const { time_bin_start: starts, time_bin_end: ends } = levels as Record<string, readonly number[] | undefined>
  // Bins may lie in any order.
  const times = (begin: number, last: number) => {
    if (!starts || !ends) return null
    const found = [Math.min(...starts.slice(begin, last + 1)), Math.max(...ends.slice(begin, last + 1))] as const
    return found.some(Number.isNaN) ? null : found
  }
  if (from === undefined && to === undefined) return { begin: 0, end: count, times: times(0, count - 1) }
  if (!starts || !ends) {
    const lacks = [...(starts ? [] : ['time_bin_start']), ...(ends ? [] : ['time_bin_end'])].join(' and ')
    const hint = `: the assembly has no ${lacks}, so that its ${count} bins of time can only be averaged all`
    throw refuseWindow(op, choice, 'neither of them', hint)
  }
  const isWithin = (i: number) => (starts[i] as number) >= (from ?? -Infinity) && (ends[i] as number) <= (to ?? Infinity)
  const bins = Array.from({ length: count }, (_, i) => i).filter(isWithin)
  const [begin, last] = [bins[0], bins.at(-1)]
  if (begin === undefined || last === undefined || last - begin + 1 !== bins.length) {
    const range = `, of ${Math.min(...starts)} to ${Math.max(...ends)} ms in all`
    throw refuseWindow(op, choice, 'a window around one or more bins', range)
  }
  return { begin, end: last + 1, times: times(begin, last) }
}

/** Reads what is wanted of presentations, neuroids and bins, a slab of the first axis at a time. */
function visit(
  data: Hdf5Dataset,
  wanted: readonly [Wanted, Wanted, Wanted],
  take: (presentation: number, neuroid: number, value: number) => void,
): void {
  const axes = data.shape.map((_, axis) => wanted.find((one) => one.axis === axis) as Wanted)
  const [outer] = axes as [Wanted]
  const inner = axes.slice(1).reduce((product, { begin, end }) => product * (end - begin), 1)
  const step = Math.max(1, Math.floor(slabBytes / (8 * inner)))
  for (let first = outer.begin; first < outer.end; first += step) {
    const ranges = axes.map(
      (axis) => (axis === outer ? [first, Math.min(first + step, outer.end)] : [axis.begin, axis.end]) as [number, number],
    )
    const values = data.unpacked(ranges as Slab)
    // The range of each of the three, and how far apart its neighbours lie.
    const [p, n, t] = wanted.map(({ axis }) => {
      const stride = ranges.slice(axis + 1).reduce((product, [begin, end]) => product * (end - begin), 1)
      const [begin, end] = axis < 0 ? [0, 1] : (ranges[axis] as [number, number])
      return { begin, end, stride }
    }) as [Range, Range, Range]
    for (let shown = p.begin; shown < p.end; ++shown)
      for (let neuroid = n.begin; neuroid < n.end; ++neuroid) {
        let at = (shown - p.begin) * p.stride + (neuroid - n.begin) * n.stride
        for (let bin = t.begin; bin < t.end; ++bin, at += t.stride) take(shown, neuroid, values[at] as number)
      }
  }
}

interface Range {
  begin: number
  end: number
  stride: number
}
