// Every error that Striate throws on purpose. One message form: `op: argument is actual; expected expected`.

export interface ErrorDetail {
  /** The op, function or command that refused. */
  op: string
  /** The argument, option or file that is wrong. */
  argument: string
  /** What it is. */
  actual: string
  /** What was expected. */
  expected: string
}

/** Base of all of Striate's errors; `op`, `argument`, `actual` and `expected` are empty strings where they do not apply. */
export class StriateError extends Error {
  override name = 'StriateError'
  readonly op: string
  readonly argument: string
  readonly actual: string
  readonly expected: string

  constructor(detail: ErrorDetail | string, options?: ErrorOptions) {
    super(typeof detail === 'string' ? detail : message(detail), options)
    const d = typeof detail === 'string' ? { op: '', argument: '', actual: '', expected: '' } : detail
    this.op = d.op
    this.argument = d.argument
    this.actual = d.actual
    this.expected = d.expected
  }
}

/**
 * Lets `instanceof` know the class by its name's symbol: a program that both imports and requires the package has every class twice, and an
 * error of one copy is then an error of the other's class too. Classes that others derive from these keep their own meaning.
 */
function shared(Class: typeof StriateError, name: string): void {
  const mark = Symbol.for(`striate.${name}`)
  Object.defineProperty(Class.prototype, mark, { value: true })
  Object.defineProperty(Class, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== Class) return Function.prototype[Symbol.hasInstance].call(this as typeof StriateError, value)
      return typeof value === 'object' && value !== null && mark in value
    },
  })
}

function message(d: ErrorDetail): string {
  return `${d.op ? `${d.op}: ` : ''}${d.argument} is ${d.actual}; expected ${d.expected}`
}

/** A tensor's shape or element type does not fit. */
export class ShapeError extends StriateError {
  override name = 'ShapeError'
}
/** An option is unknown, of the wrong type, or out of its range. */
export class OptionError extends StriateError {
  override name = 'OptionError'
}
/** A device cannot be used, or failed; the message says why and what to do. */
export class DeviceError extends StriateError {
  override name = 'DeviceError'
}
/** A tensor or device was used after it was disposed. */
export class DisposedError extends StriateError {
  override name = 'DisposedError'
}
/** A device has no memory left; the message holds the bytes asked for, live and pooled. */
export class OutOfMemoryError extends StriateError {
  override name = 'OutOfMemoryError'
}
/** A file or a data set is not what it should be. */
export class DataError extends StriateError {
  override name = 'DataError'
}

const classes = { StriateError, ShapeError, OptionError, DeviceError, DisposedError, OutOfMemoryError, DataError }
for (const [name, Class] of Object.entries(classes)) shared(Class, name)
