// Flags that are made from schemas: their help, their values, and the way back to options.
import { Command, CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { addFlags, type FlagOptions, refuseOthers } from '../../lib/cli/flags.js'
import { openImagesOptions } from '../../lib/data/index.js'
import { readoutOptions } from '../../lib/features/index.js'
import { filterOptions, localOptions } from '../../lib/learn/index.js'
import { supervisedOptions } from '../../lib/train/index.js'

const schema = z.strictObject({
  units: z.number().int().min(2).max(100).default(40).describe('filters'),
  learningRate: z.number().positive().optional().describe('at the start'),
  mode: z.enum(['stable', 'faithful']).default('stable').describe('of learning'),
  powers: z.array(z.number().min(1).max(200)).nullable().default(null).describe('to choose from'),
  centre: z.boolean().default(false).describe('take the mean off'),
  refit: z.boolean().default(true).describe('train again'),
  bias: z.boolean().optional().describe('add one'),
  batch: z.number().int().min(1).default(100).meta({ flag: 'filter-batch' }).describe('of patches'),
  memoryLimit: z
    .number()
    .positive()
    .default(2 ** 30)
    .meta({ unit: 'bytes' })
    .describe('for features'),
  size: z
    .union([z.number().int().min(1), z.tuple([z.number().int(), z.number().int()])])
    .optional()
    .describe('side'),
  pool: z.strictObject({ size: z.number().int().default(11), stride: z.number().int().default(2) }).prefault({}),
  augment: z
    .strictObject({ crop: z.number().int().default(0) })
    .prefault({})
    .meta({ flag: '' }),
  blocks: z.array(z.strictObject({ window: z.number() })).default([]),
  optimiser: z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('adam'),
        rate: z.number().default(0.001).describe('of steps'),
        beta: z.number().default(0.9),
      }),
      z.strictObject({ kind: z.literal('sgd'), rate: z.number().default(0.01), momentum: z.number().default(0.8) }),
    ])
    .prefault({ kind: 'adam' })
    .meta({ flag: '' })
    .describe('of weights'),
  range: z
    .tuple([z.number().min(0), z.number().min(0)])
    .refine(([low, high]) => low <= high, 'the lower end first')
    .optional()
    .describe('of distances'),
  names: z
    .array(z.string())
    .refine((given) => new Set(given).size === given.length, 'each name once')
    .optional()
    .describe('of things'),
})

/** A command with the flags of a schema. */
function made(of: z.ZodType, options: FlagOptions = {}) {
  const program = new Command('striate')
  const command = program.command('train').command('it').exitOverride()
  command.configureOutput({ writeErr: () => {} })
  const given = addFlags(command, of, options)
  command.action(() => {})
  return {
    command,
    given,
    parse: (...words: string[]) => {
      program.parse(['train', 'it', ...words], { from: 'user' })
      return given()
    },
  }
}
const parse = (...words: string[]) => made(schema).parse(...words)

describe('flags', () => {
  it('are named, explained and defaulted by the schema', () => {
    const { command } = made(schema, { group: 'All:' })
    const help = command.helpInformation().replaceAll(/\s+/g, ' ')
    for (const text of [
      'All: --units <n> filters (default: 40)',
      '--learning-rate <x> at the start --mode',
      '--mode <name> of learning (default: stable) (choices: "stable", "faithful")',
      '--powers <list> to choose from --centre take the mean off --no-refit turn off: train again --bias add one --no-bias not so',
      '--filter-batch <n> of patches (default: 100)',
      '--memory-limit <size> for features (default: 1GiB)',
      '--pool-size <n> (default: 11) --pool-stride <n> (default: 2) --crop <n> (default: 0) --optimiser <name> of weights (default: adam) (choices: "adam", "sgd")',
      '--rate <x> of steps (default: 0.001; sgd 0.01)',
    ])
      expect(help).toContain(text)
    expect(help).not.toContain('--blocks')
  })

  it('give what was given, and nothing else', () => {
    expect(parse()).toEqual({})
    expect(parse('--units', '7', '--learning-rate', '0.5', '--mode', 'faithful', '--filter-batch', '9')).toEqual({
      units: 7,
      learningRate: 0.5,
      mode: 'faithful',
      batch: 9,
    })
    expect(parse('--powers', '1,2.5,40', '--centre', '--no-refit', '--no-bias')).toEqual({
      powers: [1, 2.5, 40],
      centre: true,
      refit: false,
      bias: false,
    })
    // Also what is the default already: a recipe's own may be another.
    expect(parse('--units', '40', '--no-centre', '--refit', '--bias')).toEqual({
      units: 40,
      centre: false,
      refit: true,
      bias: true,
    })
    expect(parse('--memory-limit', '800MB')).toEqual({ memoryLimit: 8e8 })
    expect(parse('--memory-limit', '1.5GiB')).toEqual({ memoryLimit: 1.5 * 2 ** 30 })
    expect(parse('--size', '32')).toEqual({ size: 32 })
    expect(parse('--size', '32,48')).toEqual({ size: [32, 48] })
    expect(parse('--pool-stride', '3', '--crop', '4')).toEqual({ pool: { stride: 3 }, augment: { crop: 4 } })
    expect(made(schema, { only: ['units'], prefix: 'filter' }).parse('--filter-units', '3')).toEqual({ units: 3 })
  })

  it('refuse by the schema of their option', () => {
    for (const [text, ...words] of [
      [/--units.*'x' is invalid. expected a whole number from 2 to 100/, '--units', 'x'],
      [/--units.*'1' is invalid/, '--units', '1'],
      [/--units.*'' is invalid/, '--units', ''],
      [/expected a number from 1 to 200, or several between commas/, '--powers', '3,201'],
      [/expected a number from 1 to 200, or several between commas/, '--powers', '3,,4'],
      [/--range.*'3,1' is invalid. expected the lower end first/, '--range', '3,1'],
      [/--range.*'3,-1' is invalid. expected \[a number of at least 0; a number/, '--range', '3,-1'],
      [/--names.*'a,a' is invalid. expected each name once/, '--names', 'a,a'],
      [/Allowed choices are stable, faithful/, '--mode', 'wild'],
      [/expected a size such as 800MB or 4GiB/, '--memory-limit', '8 potatoes'],
      [/unknown option '--blocks'/, '--blocks', '1'],
    ] as const) {
      expect(() => parse(...words), words.join(' ')).toThrow(text)
      expect(() => parse(...words)).toThrow(CommanderError)
    }
  })

  it('of a union go to the kind that has them', () => {
    expect(parse('--rate', '0.2')).toEqual({ optimiser: { kind: 'adam', rate: 0.2 } })
    expect(parse('--momentum', '0.2', '--optimiser', 'sgd')).toEqual({ optimiser: { kind: 'sgd', momentum: 0.2 } })
    expect(() => parse('--momentum', '0.2')).toThrow(
      'train it: --momentum is given for adam; expected it only with --optimiser sgd',
    )
    expect(() => parse('--optimiser', 'sgd', '--beta', '0.2')).toThrow(
      '--beta is given for sgd; expected it only with --optimiser adam',
    )
  })

  it('that another one makes idle are refused by their name', () => {
    const { command, parse } = made(schema)
    parse('--units', '5', '--no-refit')
    expect(() => refuseOthers(command, ['units'], '--resume')).toThrow(
      'train it: --no-refit is given with --resume; expected --resume without it',
    )
    expect(() => refuseOthers(command, ['units', 'refit'], '--resume')).not.toThrow()
  })

  it('exist for every option of every recipe, each with a sentence', () => {
    for (const recipe of [filterOptions, readoutOptions, supervisedOptions, localOptions, openImagesOptions]) {
      const { command } = made(recipe)
      for (const { flags, description } of command.options) expect(description.replace(/^\(.*$/, ''), flags).not.toBe('')
    }
  })
})
