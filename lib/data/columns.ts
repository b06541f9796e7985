// Targets from values as files hold them.
import { DataError } from '../errors.js'
import type { SkippedFile } from './images.js'
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

/** As pandas names a column without a name, when it writes and when it reads. */
export const isUnnamed = (name: string): boolean => /^(unnamed: [\d.]+)?$/i.test(name)

const isNumber = (text: string): boolean => text !== '' && Number.isFinite(Number(text))
/** What programs write where there is no number: nothing, NA, NaN, null or an infinity. */
const isNoNumber = (text: string): boolean => /^([+-]?(nan|inf|infinity)|na|n\/a|none|null)?$/i.test(text)

/**
 * Texts as the numbers they are, where every one is a number or stands for none; else as they are, words. Those that stand for none (nothing, NA, NaN, null,
 * an infinity) become undefined among numbers, so that a column of numbers never makes classes.
 */
export function numbersOrWords(values: readonly (string | undefined)[]): readonly unknown[] {
  const there = values.filter((value) => value !== undefined)
  const areNumbers = there.some(isNumber) && there.every((value) => isNumber(value) || isNoNumber(value))
  if (!areNumbers) return values
  return values.map((value) => (value !== undefined && isNumber(value) ? Number(value) : undefined))
}

/** Says of a column that made no target that it is one of numbers, of which some are missing; nothing of other columns. */
export function lackingNumbers(name: string, values: readonly unknown[]): SkippedFile[] {
  const isAny = (value: unknown) => typeof value === 'number' || typeof value === 'bigint'
  const isLacking = values.some(isAny) && values.every((value) => isAny(value) || value === undefined || value === null)
  return isLacking ? [{ name, reason: 'a column of numbers, some of which are missing or not finite' }] : []
}

/**
 * Class names that a file gives.
 * @throws {DataError} naming the file, and a name that is there twice
 */
export function distinctClasses(op: string, path: string, names: readonly string[]): readonly string[] {
  if (new Set(names).size === names.length) return names
  const twice = names.find((name, at) => names.indexOf(name) < at)
  throw new DataError({
    op,
    argument: path,
    actual: `a file with the class '${twice}' twice`,
    expected: 'names of classes, each once',
  })
}

/**
 * Refuses columns of which one would take another's place.
 * @param headers as a file has them, and the names that they get
 * @throws {DataError} naming the file and both
 */
export function refuseSameName(op: string, path: string, headers: readonly (readonly [header: string, name: string])[]): void {
  const seen = new Map<string, string>()
  for (const [header, name] of headers) {
    const other = seen.get(name)
    if (other !== undefined) {
      const both =
        other === header ? `the column '${header}' twice` : `the columns '${other}' and '${header}', which are both ${name}`
      throw new DataError({ op, argument: path, actual: `a table of ${both}`, expected: 'each column once' })
    }
    seen.set(name, header)
  }
}
