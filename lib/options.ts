// Options of every kind: what is accepted is stated once, as a zod schema or as a list of names, and everything else is refused in one form.
import { z } from 'zod'
import { OptionError } from './errors.js'

/** What was given in place of an object that other calls make. */
function foreign(given: unknown): string {
  if (typeof given !== 'object' || given === null) return text(given)
  // Whose keys are as many as its elements.
  if (Array.isArray(given) || ArrayBuffer.isView(given)) return `of type ${given.constructor.name}`
  return `an object of ${Object.keys(given).slice(0, 6).join(', ')}`
}

/** The refusal of an argument that is no object such as other calls make. */
export const wrongObject = (op: string, argument: string, given: unknown, expected: string): OptionError =>
  new OptionError({ op, argument, actual: foreign(given), expected })

/** Refuses a `signal` that is none and a listener that is no function. */
function checkControl(op: string, name: string, value: unknown): void {
  if (value === undefined) return
  if (name === 'signal' && !(value instanceof AbortSignal)) throw wrongObject(op, name, value, 'the signal of an AbortController')
  if (/^on[A-Z]/.test(name) && typeof value !== 'function') throw wrongObject(op, name, value, 'a function')
}

/** What most long work is stopped and watched by. */
type Watching<O> = Extract<keyof O, 'signal' | 'onProgress'>
const watching: readonly string[] = ['signal', 'onProgress']

/**
 * Options without what watches and stops the work, and that alone.
 * @throws {OptionError} for what is no object of options, a signal that is none, a listener that is no function
 */
export function takeControl<O extends object, K extends keyof O & string = Watching<O>>(
  op: string,
  options: O,
  names: readonly K[] = watching as readonly K[],
): [Omit<O, K>, Pick<O, K>] {
  if (typeof options !== 'object' || options === null) throw wrongObject(op, 'options', options, 'an object of options')
  const own = { ...options } as Record<string, unknown>
  const control: Record<string, unknown> = {}
  for (const name of names.filter((name) => name in own)) {
    checkControl(op, name, own[name])
    control[name] = own[name]
    delete own[name]
  }
  return [own as Omit<O, K>, control as Pick<O, K>]
}

/**
 * Refuses what is no object of options, and an option that `op` does not have, so that a misspelt one is an error and not a default.
 * @param path before the option's name in the message, such as `pool.`
 * @throws {OptionError}
 */
export function refuseUnknown(op: string, options: object | undefined, known: readonly string[], path = ''): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null)
    throw new OptionError({
      op,
      argument: path.replace(/\.$/, '') || 'options',
      actual: String(options),
      expected: `an object of ${known.join(', ')}`,
    })
  for (const name in options) {
    if (!known.includes(name))
      throw new OptionError({
        op,
        argument: path + name,
        actual: 'no option of it',
        expected: known.length > 0 ? `one of ${known.join(', ')}` : 'none',
      })
    checkControl(op, name, options[name as keyof typeof options])
  }
}

/** A whole number of at least `low`. */
export const whole = (low: number, high = Number.MAX_SAFE_INTEGER) => z.number().int().min(low).max(high)
/** Seeds: whole numbers from 0 to 2^53 - 1. */
export const seed = whole(0)
/** Options left undefined count as not given. */
type Given<T> = T | { [K in keyof T]: T[K] | undefined }

/**
 * Options with their defaults filled in.
 * @param op whose options they are, for messages
 * @param path before the option's name in messages, such as `filters`
 * @throws {OptionError} naming the first option that is unknown, of the wrong type or out of range, at any depth
 */
export function parseOptions<S extends z.ZodType>(op: string, schema: S, given: Given<z.input<S>>, path = ''): z.output<S> {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw optionError(op, schema, given, parsed.error, path)
}

/** {@link parseOptions} beside {@link takeControl}. */
export function parseWithControl<
  S extends z.ZodType,
  O extends Given<z.input<S>> & object,
  K extends keyof O & string = Watching<O>,
>(op: string, schema: S, options: O, names?: readonly K[]): [z.output<S>, Pick<O, K>] {
  const [own, control] = takeControl(op, options, names)
  return [parseOptions(op, schema, own as Given<z.input<S>>), control]
}

/** The same options, each checked and none filled in: for options whose defaults are found later. */
export function overrides<S extends z.ZodObject>(schema: S): z.ZodType<z.input<S>, z.input<S>> {
  const shape = Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, option]) => {
    const { def } = option as unknown as { def: { type: string; innerType: z.ZodType; defaultValue?: unknown } }
    const filled = def.type === 'default'
    const bare = (filled ? def.innerType : option).optional()
    return [name, bare.meta({ ...option.meta(), ...(filled ? { usual: def.defaultValue } : {}) })]
  })
  return z.strictObject(Object.fromEntries(shape)) as unknown as z.ZodType<z.input<S>, z.input<S>>
}

/** What a failed parse says, in the one error form. */
export function optionError(op: string, schema: z.ZodType, given: unknown, error: z.ZodError, path = ''): OptionError {
  // A misspelt option is told before the one that is missing for it.
  const first = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0]
  const issue = deepest(first as z.core.$ZodIssue)
  const place = [...(path ? [path] : []), ...issue.path.map(String)]
  if (issue.code === 'unrecognized_keys')
    return new OptionError({
      op,
      argument: [...place, issue.keys[0] as string].join('.'),
      actual: 'no option of it',
      expected: `one of ${keysOf(schemaAt(schema, [...issue.path, issue.keys[0] as string], given)).join(', ')}`,
    })
  return new OptionError({
    op,
    argument: place.join('.') || 'options',
    actual: text(valueAt(given, issue.path)),
    expected: issue.code === 'custom' ? issue.message : describeSchema(schemaAt(schema, issue.path, given)),
  })
}

/** What a schema's own rule says of a value that is of the right type (`the lower end first`); null where it is of a wrong one. */
export function brokenRule(error: z.ZodError): string | null {
  const issue = deepest(error.issues[0] as z.core.$ZodIssue)
  return issue.code === 'custom' ? issue.message : null
}

/** Of a union none of whose parts fits, the complaint of the part that came furthest. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.errors.flat().filter((e) => e.path.length > 0 || e.code === 'unrecognized_keys')
  const best = inner.sort((a, b) => b.path.length - a.path.length)[0]
  return best ? deepest({ ...best, path: [...issue.path, ...best.path] }) : issue
}

const text = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : typeof value === 'string'
      ? `'${value}'`
      : typeof value === 'number' || typeof value === 'boolean' || value === null
        ? String(value)
        : Array.isArray(value)
          ? `[${value.map(text)}]`
          : typeof value === 'object'
            ? `an object of ${Object.keys(value).join(', ') || 'nothing'}`
            : typeof value

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value)
}

/** A schema without what wraps it: default, optional, nullable, lazy. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  const { def } = schema as unknown as { def: { type: string; innerType?: z.ZodType; getter?: () => z.ZodType; in?: z.ZodType } }
  if (def.innerType) return unwrapped(def.innerType)
  if (def.type === 'lazy' && def.getter) return unwrapped(def.getter())
  if (def.type === 'pipe' && def.in) return unwrapped(def.in)
  return schema
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[], given: unknown): z.ZodType {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodDiscriminatedUnion || inner instanceof z.ZodUnion) {
    const options = inner.options as z.ZodType[]
    const which = inner instanceof z.ZodDiscriminatedUnion ? inner.def.discriminator : 'kind'
    const kindOf = (option: z.ZodType) => (unwrapped(option) as z.ZodObject).shape?.[which] as z.ZodType | undefined
    const kinds = options.flatMap((option) => kindOf(option) ?? [])
    if (path[0] === which && kinds.length > 0) return z.union(kinds)
    const kind = (given as Record<string, unknown> | undefined)?.[which]
    const chosen =
      options.find((option) => kindOf(option)?.safeParse(kind).success) ??
      (path.length > 0 ? options.find((option) => unwrapped(option) instanceof z.ZodObject) : undefined)
    return chosen ? schemaAt(chosen, path, given) : inner
  }
  const [key, ...rest] = path
  if (key === undefined) return inner
  const value = (given as Record<PropertyKey, unknown> | undefined)?.[key]
  if (inner instanceof z.ZodObject && inner.shape[String(key)])
    return rest.length > 0
      ? schemaAt(inner.shape[String(key)] as z.ZodType, rest, value)
      : (inner.shape[String(key)] as z.ZodType)
  if (inner instanceof z.ZodArray) return schemaAt(inner.element as z.ZodType, rest, value)
  if (inner instanceof z.ZodRecord) return schemaAt(inner.valueType as z.ZodType, rest, value)
  if (inner instanceof z.ZodTuple) return schemaAt(inner.def.items[Number(key)] as z.ZodType, rest, value)
  return inner
}

/** Names of an object schema's options. */
export function keysOf(schema: z.ZodType): string[] {
  const inner = unwrapped(schema)
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

/** What a schema accepts, in words: `a whole number from 1 to 200`. */
export function describeSchema(schema: z.ZodType): string {
  const { def } = schema as unknown as { def: { type: string; innerType?: z.ZodType } }
  if (def.type === 'nullable') return `${describeSchema(def.innerType as z.ZodType)}, or null`
  const inner = unwrapped(schema)
  if (inner !== schema) return describeSchema(inner)
  if (schema instanceof z.ZodNumber) return describeNumber(schema)
  if (schema instanceof z.ZodEnum) return alternatives(schema.options.map((word) => `'${word}'`))
  if (schema instanceof z.ZodLiteral) return alternatives([...schema.values].map(text))
  if (schema instanceof z.ZodArray) return describeList(schema)
  if (schema instanceof z.ZodTuple) return `[${(schema.def.items as z.ZodType[]).map(describeSchema).join('; ')}]`
  if (schema instanceof z.ZodUnion || schema instanceof z.ZodDiscriminatedUnion)
    return alternatives((schema.options as z.ZodType[]).map(describeSchema))
  if (schema instanceof z.ZodObject) {
    const { kind } = schema.shape as { kind?: z.ZodType }
    return kind
      ? `an object of kind ${describeSchema(kind)}`
      : ['an object', keysOf(schema).join(', ')].filter(Boolean).join(' of ')
  }
  if (schema instanceof z.ZodBoolean) return 'true or false'
  return schema instanceof z.ZodString ? 'text' : (schema.description ?? 'another value')
}

function describeList(schema: z.ZodArray): string {
  const { minItems } = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })
  return `a list${minItems ? ` of at least ${minItems}` : ''}, each ${describeSchema(schema.element as z.ZodType)}`
}

function describeNumber(schema: z.ZodNumber): string {
  const json = z.toJSONSchema(schema) as Record<string, number | string | undefined>
  const what = json.type === 'integer' ? 'a whole number' : 'a number'
  const bound = (value: number | string | undefined): number | null =>
    typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : null
  const [low, above] = [bound(json.minimum), bound(json.exclusiveMinimum)]
  const [high, below] = [bound(json.maximum), bound(json.exclusiveMaximum)]
  const from = low !== null ? `of at least ${low}` : above !== null ? `above ${above}` : ''
  if (low !== null && high !== null) return `${what} from ${low} to ${high}`
  const to = high !== null ? `at most ${high}` : below !== null ? `below ${below}` : ''
  return [what, [from, to].filter(Boolean).join(', ')].filter(Boolean).join(' ')
}

function alternatives(words: readonly string[]): string {
  const each = [...new Set(words)]
  return each.length < 2 ? each.join() : `${each.slice(0, -1).join(', ')} or ${each.at(-1)}`
}
