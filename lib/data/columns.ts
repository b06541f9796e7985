// Targets from values as files hold them.
import { DataError } from '../errors.js'
import { type ClassColumn, type Column, classColumn, numberColumn, type Targets } from './targets.js'

/** Text of more different values than this is no class but free text, such as captions. */
const mostClasses = 65_536

/**
 * A column of values that are all numbers, all truth values or all words: numbers become numbers, the others classes in the order of their names.
 * null where they make none: some are missing or of another type, or there are too many different words.
 */
export function columnOf(values: readonly unknown[]): Column | null {
  if (values.every((value) => typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(Math.fround(value)))))
    return numberColumn(values.map(Number))
  if (values.every((value) => typeof value === 'boolean')) return classColumn(['false', 'true'], values.map(Number))
  return values.every((value) => typeof value === 'string') ? wordColumn(values as readonly string[]) : null
}

/** Columns by name of the values that make one. */
export function columnsByName(values: readonly (readonly [name: string, values: readonly unknown[]])[]): Targets {
  const columns: Record<string, Column> = {}
  for (const [name, some] of values) {
    const column = columnOf(some)
    if (column) columns[name] = column
  }
  return columns
}

function wordColumn(values: readonly string[]): ClassColumn | null {
  const numbers = new Map<string, number>()
  for (const value of values) {
    numbers.set(value, 0)
    if (numbers.size > mostClasses) return null
  }
  const classes = [...numbers.keys()].sort()
  classes.forEach((name, i) => {
    numbers.set(name, i)
  })
  return classColumn(
    classes,
    values.map((value) => numbers.get(value) as number),
  )
}

/**
 * The column of labels: whole numbers that index `classes` (as many numbers as the largest asks for, where there are no names), or words.
 * @param where names image `index` in messages
 * @throws {DataError} naming the image whose label is missing or out of range
 */
export function labelColumn(
  op: string,
  values: readonly unknown[],
  classes: readonly string[] | undefined,
  where: (index: number) => string,
): ClassColumn {
  const refuse = (index: number, expected: string): never => {
    const value = values[index]
    const actual = value === undefined || value === null ? 'without a label' : `labelled ${String(value)}`
    throw new DataError({ op, argument: where(index), actual, expected })
  }
  const missing = values.findIndex((value) => value === undefined || value === null)
  if (missing >= 0) refuse(missing, 'a label for every image')
  if (values.every((value) => typeof value === 'string')) {
    if (!classes) {
      const found = wordColumn(values as readonly string[])
      if (found) return found
      refuse(0, `words of at most ${mostClasses} classes`)
    }
    const numbers = new Map(classes?.map((name, i) => [name, i]))
    return classColumn(
      classes ?? [],
      values.map((value, index) => numbers.get(value as string) ?? refuse(index, `one of ${classes?.join(', ')}`)),
    )
  }
  let largest = 0
  const labels = Int32Array.from(values, (value, index) => {
    const label = typeof value === 'bigint' ? Number(value) : value
    const isWhole = typeof label === 'number' && Number.isInteger(label)
    const most = classes ? classes.length - 1 : mostClasses - 1
    if (!isWhole || label < 0 || label > most) return refuse(index, `a label from 0 to ${most}`)
    largest = Math.max(largest, label)
    return label
  })
  return classColumn(classes ?? Array.from({ length: largest + 1 }, (_, i) => String(i)), labels)
}

const isNumber = (text: string): boolean => text !== '' && Number.isFinite(Number(text))

/** Texts as the numbers they are, where every one that is there is a number; else as they are. */
export const numbersOrWords = (values: readonly (string | undefined)[]): readonly unknown[] =>
  values.every((value) => value === undefined || isNumber(value))
    ? values.map((value) => (value === undefined ? undefined : Number(value)))
    : values
