// What is known about each image, as a table: columns of classes, numbers or angles, one value an image.
import type { Hash } from 'node:crypto'
import { OptionError } from '../errors.js'

/** Classes by number. */
export interface ClassColumn {
  readonly kind: 'class'
  /** Names of the classes; `values` index them. */
  readonly classes: readonly string[]
  readonly values: Int32Array
}

/** Numbers of one unit. */
export interface NumberColumn {
  readonly kind: 'number'
  /** Empty where there is none. */
  readonly unit: string
  readonly values: Float32Array
  readonly mean: number
  /** Standard deviation (over N); 1 where all values are the same, so that dividing by it leaves zeros. */
  readonly deviation: number
}

/** Directions in degrees; values a whole turn apart are the same. */
export interface AngleColumn {
  readonly kind: 'angle'
  readonly unit: 'deg'
  readonly values: Float32Array
  /** The direction of the values' mean vector, in (-180, 180]. */
  readonly mean: number
  /** Root mean square of the differences from it, each wrapped into (-180, 180]; 1 where all are 0. */
  readonly deviation: number
}

const radians = Math.PI / 180

export type Column = ClassColumn | NumberColumn | AngleColumn
/** Columns by name. The one that classifiers learn unless told otherwise is called `class`. */
export type Targets = Readonly<Record<string, Column>>

/**
 * A column of classes.
 * @param classes names, each once
 * @param values class of each image, from 0
 * @throws {OptionError} for a name that is there twice, or a value outside the classes
 */
export function classColumn(classes: readonly string[], values: ArrayLike<number>): ClassColumn {
  const op = 'classColumn'
  const seen = new Set<string>()
  for (const name of classes) {
    if (seen.has(name))
      throw new OptionError({ op, argument: 'classes', actual: `a list with '${name}' twice`, expected: 'names, each once' })
    seen.add(name)
  }
  checkLabels(op, 'values', classes, values)
  return { kind: 'class', classes, values: Int32Array.from(values) }
}

/**
 * A column of numbers, rounded to float32.
 * @param unit such as `years`; none by default
 * @throws {OptionError} for a value that is not finite
 */
export function numberColumn(values: ArrayLike<number>, unit = ''): NumberColumn {
  const own = finite('numberColumn', values)
  const mean = own.reduce((sum, value) => sum + value, 0) / Math.max(1, own.length)
  const spread = (from: number) => rootMeanSquare(own, (value) => value - from)
  return { kind: 'number', unit, values: own, ...middle(own, mean, spread) }
}

/**
 * A column of directions in degrees, rounded to float32.
 * @throws {OptionError} for a value that is not finite
 */
export function angleColumn(values: ArrayLike<number>): AngleColumn {
  const own = finite('angleColumn', values)
  const [x, y] = directionSum(own)
  const mean = wrapDegrees(Math.atan2(y, x) / radians)
  const spread = (from: number) => rootMeanSquare(own, (value) => wrapDegrees(value - from))
  return { kind: 'angle', unit: 'deg', values: own, ...middle(own, mean, spread) }
}

/** @internal How many images each class has. */
export function classCounts({ classes, values }: ClassColumn): number[] {
  const counts = new Array<number>(classes.length).fill(0)
  for (const value of values) counts[value] = (counts[value] as number) + 1
  return counts
}

/** @internal The sum of unit vectors in these directions, in degrees. */
export function directionSum(angles: Iterable<number>): [x: number, y: number] {
  let [x, y] = [0, 0]
  for (const angle of angles) {
    x += Math.cos(angle * radians)
    y += Math.sin(angle * radians)
  }
  return [x, y]
}

/** The same direction in (-180, 180]. */
export function wrapDegrees(angle: number): number {
  const turned = angle % 360
  return turned > 180 ? turned - 360 : turned <= -180 ? turned + 360 : turned
}

function finite(op: string, values: ArrayLike<number>): Float32Array {
  return Float32Array.from(values, (value, i) => {
    if (Number.isFinite(Math.fround(value))) return value
    throw new OptionError({ op, argument: `values[${i}]`, actual: String(value), expected: 'a finite number' })
  })
}

function rootMeanSquare(values: Float32Array, difference: (value: number) => number): number {
  return Math.sqrt(values.reduce((sum, value) => sum + difference(value) ** 2, 0) / Math.max(1, values.length))
}

/** Mean and deviation; 1 for values that are all the same, and not what rounding leaves of 0. */
function middle(values: Float32Array, mean: number, spread: (from: number) => number): { mean: number; deviation: number } {
  return { mean, deviation: values.length === 0 || spread(values[0] as number) === 0 ? 1 : spread(mean) }
}

/** The rows `indices` of a column; mean and deviation are those of its own values. */
function selectColumn(column: Column, indices: ArrayLike<number>): Column {
  const chosen = Array.from(indices, (index) => column.values[index] as number)
  if (column.kind === 'class') return { ...column, values: Int32Array.from(chosen) }
  return column.kind === 'number' ? numberColumn(chosen, column.unit) : angleColumn(chosen)
}

/** @internal The rows `indices` of every column. */
export function selectTargets(targets: Targets, indices: ArrayLike<number>): Targets {
  return Object.fromEntries(Object.entries(targets).map(([name, column]) => [name, selectColumn(column, indices)]))
}

/** @internal Refuses columns that are not one value an image, and labels that are none of the classes. */
export function checkTargets(op: string, targets: Targets, count: number): void {
  for (const [name, column] of Object.entries(targets)) {
    const { values } = column
    const argument = `targets.${name}`
    if (values.length !== count)
      throw new OptionError({ op, argument, actual: `${values.length} values`, expected: `${count}, one an image` })
    if (column.kind === 'class') checkLabels(op, `${argument}.values`, column.classes, values)
  }
}

function checkLabels(op: string, argument: string, classes: readonly string[], values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; ++i) {
    const value = values[i] as number
    if (Number.isInteger(value) && value >= 0 && value < classes.length) continue
    const expected = classes.length > 0 ? `a class from 0 to ${classes.length - 1} as label` : 'no value, as there are no classes'
    throw new OptionError({ op, argument: `${argument}[${i}]`, actual: String(value), expected })
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Float32Array) => new Uint8Array(buffer, byteOffset, byteLength)

/** @internal Adds targets to an identity: the labels of `class` first, then every other column by its name. */
export function hashTargets(hash: Hash, targets: Targets): void {
  const { class: labels, ...others } = targets
  if (labels) hash.update(bytesOf(labels.values))
  for (const [name, column] of Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}:${column.kind}[${column.values.length}]`).update(bytesOf(column.values))
}
