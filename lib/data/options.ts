import { OptionError } from '../errors.js'

/** Refuses an option that `op` does not have, so that a misspelt one is an error and not a default. */
export function refuseUnknownOptions(op: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options))
    if (!known.includes(name))
      throw new OptionError({ op, argument: name, actual: 'not an option', expected: `one of ${known.join(', ')}` })
}

/** An integer option in [low, high]. */
export function checkInteger(op: string, argument: string, value: number, low: number, high = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return
  const range = high === Number.MAX_SAFE_INTEGER ? `of ${low} or more` : `from ${low} to ${high}`
  throw new OptionError({ op, argument, actual: String(value), expected: `an integer ${range}` })
}

/** A finite number in [low, high]. */
export function checkNumber(op: string, argument: string, value: number, low: number, high: number): void {
  if (typeof value === 'number' && value >= low && value <= high) return
  throw new OptionError({ op, argument, actual: String(value), expected: `a number from ${low} to ${high}` })
}

/** One of a few words. */
export function checkChoice(op: string, argument: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return
  throw new OptionError({
    op,
    argument,
    actual: `'${String(value)}'`,
    expected: `one of ${choices.map((c) => `'${c}'`).join(', ')}`,
  })
}
