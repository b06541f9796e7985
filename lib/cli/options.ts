// Parsers of option values for commander: each refuses with the option's name and what was expected.
import { InvalidArgumentError } from 'commander'

export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const x = Number(text)
    if (text.trim() === '' || !Number.isInteger(x) || x < low || x > high)
      throw new InvalidArgumentError(
        `expected a whole number ${high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`}.`,
      )
    return x
  }
}

export function number(low: number, high: number) {
  return (text: string): number => {
    const x = Number(text)
    if (text.trim() === '' || !(x >= low && x <= high))
      throw new InvalidArgumentError(`expected a number from ${low} to ${high}.`)
    return x
  }
}

/** Numbers joined by commas. */
export function numbers(low: number, high: number) {
  return (text: string): number[] => text.split(',').map(number(low, high))
}

/** A size in bytes such as 800MB or 4GiB. */
export function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)?$/i.exec(text.trim())
  if (!match) throw new InvalidArgumentError('expected a size such as 800MB or 4GiB.')
  const unit = (match[2] ?? 'B').toUpperCase()
  const power = 'BKMGT'.indexOf(unit[0] as string)
  return Math.floor(Number(match[1]) * (unit.includes('I') ? 1024 : 1000) ** power)
}
