// How the variables of a rendered set are distributed, beside how they are meant to be.
import { type Column, directionSum, wrapDegrees } from '../data/targets.js'
import { type Block, type Figure, histogram, type Section } from '../plot/index.js'
import type { SceneSet, SceneVariable } from '../scene/index.js'

/** Images whose records are looked at, evenly chosen of a longer set, and draws that stand for what is expected. */
const mostRecords = 20_000
const draws = 20_000

interface Moments {
  mean: number
  deviation: number
}

/** A variable's values in the set, and what is expected of them. */
export interface Distribution {
  variable: SceneVariable
  /** Angles are within half a turn of where they are expected. */
  values: Float64Array
  found: Moments
  expected: Moments
  /** Null where the variable is uniform in its range. */
  drawn: Float64Array | null
}

function momentsOf(values: Float64Array): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

/** The quarter of the circle about which angles lie: that of their mean vector, or 0 where they lie all around. */
function quarterOf(angles: Float64Array): number {
  const [x, y] = directionSum(angles)
  return Math.hypot(x, y) < 0.5 * angles.length ? 0 : 90 * Math.round(Math.atan2(y, x) / (Math.PI / 2))
}

/** Those of all of the set's images that its targets hold, and those of some that their records do. */
export function distributionsOf(set: SceneSet): Distribution[] {
  const [count] = set.shape
  const looked = Math.min(count, mostRecords)
  const columns = set.targets as Readonly<Record<string, Column | undefined>>
  const recorded = new Map(
    set.variables.filter(({ name }) => !columns[name]).map(({ name }) => [name, new Float64Array(looked)] as const),
  )
  if (recorded.size > 0)
    for (let i = 0; i < looked; ++i) {
      const record = set.record(Math.floor((i * count) / looked))
      for (const [name, values] of recorded) values[i] = record[name] as number
    }
  const expected = set.expected(draws)
  return set.variables.map((variable): Distribution => {
    const { name, range } = variable
    const all = recorded.get(name) ?? Float64Array.from((columns[name] as Column).values)
    const drawn = expected[name] ?? null
    if (drawn === null) {
      const [low, high] = range as readonly [number, number]
      const uniform = { mean: (low + high) / 2, deviation: (high - low) / Math.sqrt(12) }
      return { variable, values: all, found: momentsOf(all), expected: uniform, drawn }
    }
    const centre = variable.unit === 'deg' && range === null ? quarterOf(drawn) : null
    const about = (values: Float64Array) =>
      centre === null ? values : values.map((value) => centre + wrapDegrees(value - centre))
    const [values, wanted] = [about(all), about(drawn)]
    return { variable, values, found: momentsOf(values), expected: momentsOf(wanted), drawn: wanted }
  })
}

/** The range of a variable, or the values between which all but a hundredth of what is expected lies at either end; null where it is all one. */
export function usualRange({ variable: { range }, drawn }: Distribution): readonly [number, number] | null {
  const sorted = drawn?.slice().sort() ?? []
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number
  const [low, high] = range ?? [at(0.01), at(0.99)]
  return high - low > 1e-9 * Math.max(1, Math.abs(low), Math.abs(high)) ? [low, high] : null
}

/** A number with the digits that a deviation makes worth saying. */
function digits(value: number, deviation: number): string {
  const places = deviation > 0 ? Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(deviation)))) : 4
  return String(Number(value.toFixed(places)))
}

/** How many standard errors a mean is from the one that is expected; null where nothing varies. */
function standardErrors({ values, found, expected, drawn }: Distribution): number | null {
  const error = expected.deviation * Math.sqrt(1 / values.length + (drawn ? 1 / drawn.length : 0))
  return error > 0 ? (found.mean - expected.mean) / error : null
}

const signs = { deg: '°' } as Readonly<Record<string, string>>

/** What stands behind a number of this unit. */
export const unitText = (unit: string): string => signs[unit] ?? (unit && ` ${unit}`)

async function distributionFigure(distribution: Distribution): Promise<Figure> {
  const { variable, values, found, expected, drawn } = distribution
  const { name, text, unit, range } = variable
  const bins = values.length < 500 ? 12 : 24
  const [low, high] = drawn
    ? [values, drawn].reduce(
        ([least, most], list) => [list.reduce((a, b) => Math.min(a, b), least), list.reduce((a, b) => Math.max(a, b), most)],
        [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      )
    : (range as readonly [number, number])
  const counted = (list: Float64Array): Float64Array => {
    const counts = new Float64Array(bins)
    for (const value of list) {
      const bin = Math.min(bins - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * bins)))
      counts[bin] = (counts[bin] as number) + 1
    }
    return counts
  }
  const wanted = drawn
    ? counted(drawn).map((n) => (n * values.length) / drawn.length)
    : new Float64Array(bins).fill(values.length / bins)
  const said = (value: number) => `${digits(value, expected.deviation)}${unitText(unit)}`
  const drawnIn = range && `drawn from ${range[0]} to ${range[1]}${signs[unit] ?? ''}; `
  return {
    image: await histogram({
      title: name,
      width: 400,
      height: 260,
      x: { label: name, ...(unit && { unit: signs[unit] ?? unit }) },
      yLabel: 'Images',
      values: { edges: Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins), counts: counted(values) },
      expected: { label: 'expected', counts: wanted },
    }),
    alt: `Histogram of ${name} over the images, beside what is expected`,
    caption: `${text}; ${drawnIn ?? ''}mean ${said(found.mean)} (expected ${said(expected.mean)}), deviation ${said(found.deviation)} (expected ${said(expected.deviation)})`,
  }
}

function distributionTable(distributions: readonly Distribution[], count: number): Block {
  const right = (label: string) => ({ label, align: 'right' as const })
  const looked = Math.min(count, mostRecords)
  return {
    kind: 'table',
    caption: `Means and deviations${looked < count ? `, of ${looked} images where they are no targets` : ''}; how far the means are apart is in standard errors: by chance alone within 2 in 19 of 20 variables`,
    columns: [
      'Variable',
      'Range',
      right('Mean'),
      right('Expected'),
      right('Apart (s.e.)'),
      right('Deviation'),
      right('Expected'),
    ],
    rows: distributions.map((distribution) => {
      const { variable, found, expected } = distribution
      const { name, unit, range } = variable
      const number = (value: number) => digits(value, expected.deviation)
      const apart = standardErrors(distribution)
      return [
        unit ? `${name} (${signs[unit] ?? unit})` : name,
        range ? `${range[0]} to ${range[1]}` : null,
        number(found.mean),
        number(expected.mean),
        apart === null ? null : apart.toFixed(1),
        number(found.deviation),
        number(expected.deviation),
      ]
    }),
  }
}

/** Sections of a set's page: variables that follow from others, those that are drawn, and all of them as a table. */
export async function distributionSections(set: SceneSet, distributions: readonly Distribution[]): Promise<Section[]> {
  const varied = distributions.filter((one) => usualRange(one) !== null)
  const figures = async (of: readonly Distribution[]): Promise<Block> => {
    const made: Figure[] = []
    for (const one of of) made.push(await distributionFigure(one))
    return { kind: 'figures', figures: made }
  }
  const [derived, drawn] = [varied.filter(({ variable }) => !variable.range), varied.filter(({ variable }) => variable.range)]
  const section = async (heading: string, text: string, of: readonly Distribution[]): Promise<Section[]> =>
    of.length > 0 ? [{ heading, blocks: [{ kind: 'text', text }, await figures(of)] }] : []
  return [
    ...(await section(
      'Where the objects are',
      `These follow from what is drawn. Expected is what ${draws} draws of the same ranges give, whether their objects are in sight or not: images in which too little of the object is seen are drawn again, so that fewer small objects are far.`,
      derived,
    )),
    ...(await section(
      'What is drawn',
      drawn.some((one) => one.drawn)
        ? `Each uniformly from its range, but for the colour of the object, which is drawn again where the background has about the same: expected is what ${draws} draws give.`
        : 'Each uniformly from its range.',
      drawn,
    )),
    { heading: 'Every variable', blocks: [distributionTable(distributions, set.shape[0])] },
  ]
}
