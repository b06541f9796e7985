// Flags of a command, made from a recipe's schema and read back as its options: names, ranges, defaults and help stand in the schema alone.
//   key                 -> --kebab-case, or meta({ flag: 'name' })
//   nested objects      -> their keys after the object's own, or as they are after meta({ flag: '' }); `kind` is the object's own flag
//   enums               -> choices;  arrays -> lists between commas;  meta({ unit: 'bytes' }) -> 800MB, 4GiB
//   booleans            -> --flag and --no-flag; the help shows the one that changes the default
//   unions over a kind  -> the flags of all kinds; one that the chosen kind does not have is refused by its name
//   lists of objects    -> none: a command that takes them has words of its own for them
import { type Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { OptionError } from '../errors.js'
import { brokenRule, describeSchema, unwrapped } from '../options.js'

export interface FlagOptions {
  /** Heading in the help. */
  group?: string
  /** Before every name. */
  prefix?: string
  /** Keys of the schema that become flags. Default: all. */
  only?: readonly string[]
  /** Keys that do not. */
  except?: readonly string[]
  /** Say the defaults in the help, where they are the schema's. Default true. */
  defaults?: boolean
}

/** What a schema says of its flag beside its type. */
interface FlagMeta {
  flag?: string
  unit?: string
  description?: string
  /** The default that is found later, of an option that has none of its own. */
  usual?: unknown
}

/** One option of a schema: a value that is no object. Of a union's kinds, those that have it. */
interface Leaf {
  path: string[]
  name: string
  schemas: { kind: string | null; schema: z.ZodType; default: unknown }[]
  meta: FlagMeta
}

/** An object that is one of several kinds. */
interface Kinds {
  path: string[]
  discriminator: string
  default: string | undefined
}

/** What is said of a schema, of its wrappers from the outermost in. */
function metaOf(schema: z.ZodType): FlagMeta {
  const { innerType } = (schema as unknown as { def: { innerType?: z.ZodType } }).def
  return { ...(innerType ? metaOf(innerType) : {}), ...((schema.meta() ?? {}) as FlagMeta) }
}

function defaultOf(schema: z.ZodType): unknown {
  const { def } = schema as unknown as { def: { type: string; defaultValue?: unknown; innerType?: z.ZodType } }
  if (def.type === 'default' || def.type === 'prefault') return def.defaultValue
  return (schema.meta() as FlagMeta | undefined)?.usual ?? (def.innerType ? defaultOf(def.innerType) : undefined)
}

/** A kind with the description of the union, where it has none of its own. */
const described = (kind: z.ZodType, { description }: FlagMeta): z.ZodType =>
  metaOf(kind).description === undefined && description !== undefined ? kind.describe(description) : kind

const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const joined = (...words: string[]): string => words.filter(Boolean).join('-')

/** The options of an object schema, in order, those of objects within it flattened. */
class Leaves {
  readonly all = new Map<string, Leaf>()
  readonly kinds: Kinds[] = []

  add(object: z.ZodType, { only, except = [], prefix = '' }: FlagOptions): this {
    for (const [key, schema] of Object.entries((unwrapped(object) as z.ZodObject).shape) as [string, z.ZodType][])
      if ((only?.includes(key) ?? true) && !except.includes(key)) this.visit(schema, [key], prefix, '', null, undefined)
    return this
  }

  /** @param outer name of the object around it, without a prefix; @param given the default that an object around it has for it */
  private visit(schema: z.ZodType, path: string[], prefix: string, outer: string, kind: string | null, given: unknown): void {
    const inner = unwrapped(schema)
    const meta = metaOf(schema)
    const key = path.at(-1) as string
    const own = given ?? defaultOf(schema)
    const within = (name: string) => (own as Record<string, unknown> | undefined)?.[name]
    const below = joined(prefix, meta.flag ?? kebab(key))
    if (inner instanceof z.ZodDiscriminatedUnion) {
      const { discriminator } = inner.def
      this.kinds.push({ path, discriminator, default: within(discriminator) as string | undefined })
      for (const option of inner.options as z.ZodObject[]) {
        const kindOf = [...(unwrapped(option.shape[discriminator] as z.ZodType) as z.ZodLiteral<string>).values].join()
        // A union's default is of one kind; the others have their own.
        for (const [name, field] of Object.entries(option.shape) as [string, z.ZodType][])
          this.visit(
            name === discriminator ? described(field, meta) : field,
            [...path, name],
            below,
            kebab(key),
            kindOf,
            name === discriminator ? within(name) : undefined,
          )
      }
    } else if (inner instanceof z.ZodObject)
      for (const [name, field] of Object.entries(inner.shape) as [string, z.ZodType][])
        this.visit(field, [...path, name], below, kebab(key), kind, within(name))
    else if (!(inner instanceof z.ZodArray && unwrapped(inner.element as z.ZodType) instanceof z.ZodObject)) {
      const id = path.join('.')
      const name = key === 'kind' && meta.flag === undefined ? outer : below
      const leaf = this.all.get(id) ?? { path, name, schemas: [], meta }
      leaf.schemas.push({ kind, schema, default: own })
      this.all.set(id, leaf)
    }
  }
}

const isBoolean = ({ schemas: [first] }: Leaf): boolean =>
  unwrapped((first as Leaf['schemas'][number]).schema) instanceof z.ZodBoolean

/** Choices of an enum, or of a union's kinds. */
function choicesOf({ schemas }: Leaf): string[] | null {
  const words = schemas.map(({ schema }) => {
    const inner = unwrapped(schema)
    if (inner instanceof z.ZodEnum) return inner.options.map(String)
    return inner instanceof z.ZodLiteral ? [...inner.values].map(String) : null
  })
  return words.includes(null) ? null : [...new Set((words as string[][]).flat())]
}

/** A size in bytes such as 800MB or 4GiB; not a number where it is none. */
function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)?$/i.exec(text.trim())
  if (!match) return Number.NaN
  const unit = (match[2] ?? 'B').toUpperCase()
  return Math.floor(Number(match[1]) * (unit.includes('I') ? 1024 : 1000) ** 'BKMGT'.indexOf(unit[0] as string))
}

/** The value that a text means to a schema; whether the schema takes it is another question. */
function read(schema: z.ZodType, text: string, unit: string | undefined): unknown {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodNumber) return unit === 'bytes' ? bytes(text) : text.trim() === '' ? Number.NaN : Number(text)
  if (inner instanceof z.ZodArray) return text.split(',').map((part) => read(inner.element as z.ZodType, part.trim(), unit))
  if (inner instanceof z.ZodTuple) {
    const parts = text.split(',')
    return parts.map((part, i) => read((inner.def.items[i] ?? z.string()) as z.ZodType, part, unit))
  }
  if (inner instanceof z.ZodUnion) {
    const values = (inner.options as z.ZodType[]).map((option) => read(option, text, unit))
    return values.find((value) => inner.safeParse(value).success) ?? text
  }
  return text
}

/** What a flag's value must be, in words. */
function expectedOf(schema: z.ZodType, unit: string | undefined): string {
  if (unit === 'bytes') return 'a size such as 800MB or 4GiB'
  const inner = unwrapped(schema)
  return inner instanceof z.ZodArray
    ? `${expectedOf(inner.element as z.ZodType, unit)}, or several between commas`
    : describeSchema(inner)
}

/** Reads and checks a flag's value by the schema of its option. */
function parserOf({ schemas, meta: { unit } }: Leaf): (text: string) => unknown {
  return (text) => {
    const words = new Set<string>()
    for (const { schema } of schemas) {
      const value = read(schema, text, unit)
      const { success, error } = schema.safeParse(value)
      if (success) return value
      words.add(brokenRule(error) ?? expectedOf(schema, unit))
    }
    throw new InvalidArgumentError(`expected ${[...words].join(' or ')}.`)
  }
}

/** A number of bytes in the largest unit that it is a multiple of. */
function bytesText(value: number): string {
  const power = [4, 3, 2, 1].find((p) => value > 0 && value % 1024 ** p === 0) ?? 0
  return power > 0 ? `${value / 1024 ** power}${'KMGT'[power - 1]}iB` : `${value}B`
}

function metavar({ schemas, meta: { unit } }: Leaf): string {
  const inner = unwrapped((schemas[0] as Leaf['schemas'][number]).schema)
  if (unit === 'bytes') return 'size'
  if (unit) return unit
  if (inner instanceof z.ZodArray || inner instanceof z.ZodTuple) return 'list'
  if (inner instanceof z.ZodNumber) return z.toJSONSchema(inner).type === 'integer' ? 'n' : 'x'
  if (inner instanceof z.ZodString) return 'text'
  return inner instanceof z.ZodEnum || inner instanceof z.ZodLiteral ? 'name' : 'x'
}

/** `(default: 0.001; sgd 0.01)`: the default of the first kind, and those that differ from it. */
function defaultText({ schemas, meta: { unit } }: Leaf): string {
  const text = (value: unknown): string =>
    Array.isArray(value) ? value.join() : unit === 'bytes' ? bytesText(value as number) : String(value)
  const known = schemas.filter(({ default: value }) => value !== undefined && value !== null && typeof value !== 'boolean')
  const [first, ...others] = known
  if (!first || text(first.default) === '') return ''
  const different = others.filter((o) => text(o.default) !== text(first.default)).map((o) => `${o.kind} ${text(o.default)}`)
  return ` (default: ${[text(first.default), ...different].join('; ')})`
}

function flagsOf(leaf: Leaf, defaults: boolean): Option[] {
  const help = leaf.meta.description ?? ''
  if (isBoolean(leaf)) {
    const [{ default: value }] = leaf.schemas as [Leaf['schemas'][number]]
    const on = new Option(`--${leaf.name}`, help)
    const off = new Option(`--no-${leaf.name}`, value === undefined ? 'not so' : `turn off: ${help}`)
    return [on.hideHelp(value === true), off.hideHelp(value === false)]
  }
  const option = new Option(`--${leaf.name} <${metavar(leaf)}>`, (help + (defaults ? defaultText(leaf) : '')).trim())
  if (leaf.schemas.every(({ kind, schema }) => kind === null && !schema.safeParse(undefined).success))
    option.makeOptionMandatory()
  const choices = choicesOf(leaf)
  return [choices ? option.choices(choices) : option.argParser(parserOf(leaf))]
}

/** The words by which a command is called, without the program's. */
export function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}

/** Whether an option was given on the command line, by the name of its value. */
export const isGiven = (command: Command, attribute: string): boolean => command.getOptionValueSource(attribute) === 'cli'

/**
 * Adds a flag to a command for every option of a schema.
 * @returns reads, once the command is parsed, the options that were given, and no others
 */
export function addFlags<S extends z.ZodType>(command: Command, schema: S, options: FlagOptions = {}): () => Partial<z.input<S>> {
  const leaves = new Leaves().add(schema, options)
  const flags = new Map<Leaf, string>()
  for (const leaf of leaves.all.values())
    for (const option of flagsOf(leaf, options.defaults ?? true)) {
      if (options.group) option.helpGroup(options.group)
      command.addOption(option)
      flags.set(leaf, option.attributeName())
    }
  return () => {
    const values: Record<string, unknown> = {}
    const given = [...flags].filter(([, attribute]) => isGiven(command, attribute))
    for (const [{ path }, attribute] of given) place(values, path, command.getOptionValue(attribute))
    for (const kinds of leaves.kinds)
      choose(
        command,
        values,
        kinds,
        given.map(([leaf]) => leaf),
        leaves,
      )
    return values as Partial<z.input<S>>
  }
}

function place(values: Record<string, unknown>, [key, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) values[key as string] = value
  else {
    const inner = (values[key as string] ?? {}) as Record<string, unknown>
    values[key as string] = inner
    place(inner, rest, value)
  }
}

const startsWith = (path: readonly string[], start: readonly string[]): boolean => start.every((key, i) => path[i] === key)

/** Says of which kind an object is once anything of it is given, and refuses what that kind does not have. */
function choose(command: Command, values: Record<string, unknown>, kinds: Kinds, given: Leaf[], leaves: Leaves): void {
  const chooserPath = [...kinds.path, kinds.discriminator]
  const inside = given.filter(({ path }) => startsWith(path, kinds.path))
  if (inside.length === 0) return
  const chooser = leaves.all.get(chooserPath.join('.')) as Leaf
  const chosen = inside.includes(chooser)
    ? String(chooserPath.reduce<unknown>((o, key) => (o as Record<string, unknown>)[key], values))
    : kinds.default
  if (chosen === undefined) return
  for (const leaf of inside) {
    const takers = leaf.schemas.map(({ kind }) => kind)
    if (leaf === chooser || takers.includes(chosen)) continue
    throw new OptionError({
      op: nameOf(command),
      argument: `--${leaf.name}`,
      actual: `given for ${chosen}`,
      expected: `it only with --${chooser.name} ${takers.join(' or ')}`,
    })
  }
  place(values, chooserPath, chosen)
}

/**
 * Refuses options that a command would ignore.
 * @param known names of the values of those that it reads
 * @param instead what makes it ignore the others: `--resume`
 */
export function refuseOthers(command: Command, known: readonly string[], instead: string): void {
  for (const option of command.options) {
    const attribute = option.attributeName()
    if (known.includes(attribute) || !isGiven(command, attribute)) continue
    const value = command.getOptionValue(attribute)
    // Of --flag and --no-flag the one that was given.
    if (typeof value === 'boolean' && option.negate === value) continue
    throw new OptionError({
      op: nameOf(command),
      argument: option.long ?? option.flags,
      actual: `given with ${instead}`,
      expected: `${instead} without it`,
    })
  }
}
