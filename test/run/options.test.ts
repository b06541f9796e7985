// What recipes refuse of their options, before anything runs: the message names the whole path.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  computeWhitening,
  convNet,
  dataPatches,
  type InMemoryImages,
  imagesFrom,
  labelsOf,
  learnFilters,
  localNet,
  localOptions,
  Network,
  OptionError,
  readoutOptions,
  renderSet,
  supervisedOptions,
  trainLocal,
  trainReadout,
  trainSupervised,
} from '../../lib/index.js'
import { filterOptions } from '../../lib/learn/filter_options.js'
import { unwrapped } from '../../lib/options.js'

const [count, size] = [48, 16]
const rendered = renderSet({ count, size, seed: 1 })
const never = () => {
  throw new Error('it ran')
}
const run = { onProgress: never, onFolder: never, onPlan: never }
const pool = { size: 5, stride: 5 }

type Recipe = (images: InMemoryImages, options: object, run: object) => Promise<unknown>
const recipes: Record<string, { op: string; schema: z.ZodType; path: string; recipe: Recipe }> = {
  learnFilters: { op: 'learnFilters', schema: filterOptions, path: '', recipe: learnFilters },
  trainLocal: { op: 'trainLocal', schema: localOptions, path: '', recipe: trainLocal },
  trainReadout: {
    op: 'trainReadout',
    schema: readoutOptions,
    path: '',
    recipe: (images, options, asked) =>
      trainReadout(
        new Network(localNet({ channels: 3, image: [size, size], blocks: [{ window: 4, units: 4, power: 2, pool }] })),
        images,
        options,
        asked,
      ),
  },
  trainSupervised: {
    op: 'trainSupervised',
    schema: supervisedOptions,
    path: '',
    recipe: (images, options, asked) => {
      const classes = labelsOf(images)?.classes ?? []
      return trainSupervised(
        images,
        convNet({ channels: 3, image: [size, size], classes, blocks: [{ window: 4, units: 4, pool }] }),
        options,
        asked,
      )
    },
  },
}

/** Every place of a schema at which there is an object of options, or one option: with how it is written. */
interface Place {
  path: string
  kind: 'object' | 'option'
  given(value: unknown): unknown
}
function places(schema: z.ZodType, path: string[] = [], wrap: (value: unknown) => unknown = (value) => value): Place[] {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodUnion || inner instanceof z.ZodDiscriminatedUnion)
    return (inner.options as z.ZodType[]).flatMap((option) =>
      unwrapped(option) instanceof z.ZodObject ? places(option, path, wrap) : [],
    )
  if (inner instanceof z.ZodArray && unwrapped(inner.element as z.ZodType) instanceof z.ZodObject)
    return [
      { path: path.join('.'), kind: 'option', given: wrap },
      ...places(inner.element as z.ZodType, [...path, '1'], (value) => wrap([{}, value])),
    ]
  if (!(inner instanceof z.ZodObject)) return [{ path: path.join('.'), kind: 'option', given: wrap }]
  const shape = Object.entries(inner.shape as Record<string, z.ZodType>)
  const kind = shape.find(([, option]) => option instanceof z.ZodLiteral)
  const fixed = kind ? { [kind[0]]: (kind[1] as z.ZodLiteral).value } : {}
  return [
    { path: path.join('.'), kind: 'object', given: (value) => wrap({ ...fixed, ...(value as object) }) },
    ...shape
      .filter(([name]) => !(name in fixed))
      .flatMap(([name, option]) => places(option, [...path, name], (value) => wrap({ ...fixed, [name]: value }))),
  ]
}
const refusal = async (attempt: Promise<unknown>): Promise<string> => {
  const error = await attempt.then(
    () => expect.unreachable('nothing was refused'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(OptionError)
  return (error as Error).message
}

describe.each(Object.entries(recipes))('%s', (name, { op, schema, path, recipe }) => {
  const all = places(schema)
  const at = (own: string, more = '') => [path, own, more].filter(Boolean).join('.')

  it('refuses a misspelt option wherever there are options', async () => {
    const images = await rendered
    const objects = all.filter(({ kind }) => kind === 'object')
    for (const { path: own, given } of objects) {
      const message = await refusal(recipe(images, given({ epochz: 3 }) as object, run))
      expect(message).toContain(`${op}: ${at(own, 'epochz')} is no option of it; expected one of `)
      expect(message).toMatch(/expected one of \w+, \w+/)
    }
    const depths = {
      learnFilters: ['', 'whiten'],
      trainReadout: [''],
      trainSupervised: ['', 'optimiser', 'optimiser', 'optimiser', 'schedule', 'augment'],
    }
    const local = [
      '',
      'filters',
      'filters.whiten',
      ...['trunk.1', 'blocks.1'].flatMap((block) => [block, `${block}.filters`, `${block}.filters.whiten`, `${block}.pool`]),
      'readout',
    ]
    expect(objects.map(({ path: own }) => own)).toEqual({ ...depths, trainLocal: local }[name])
  })

  it('refuses a value of another type for every option', async () => {
    const images = await rendered
    const options = all.filter(({ kind }) => kind === 'option')
    for (const { path: own, given } of options) {
      const message = await refusal(recipe(images, given({ of: 'another kind' }) as object, run))
      expect(message).toContain(`${op}: ${at(own)} is an object of of; expected `)
    }
    expect(options.length).toBeGreaterThan(10)
  })

  it('refuses run options that are unknown or of another type', async () => {
    const refused = async (wrong: object) => refusal(recipe(await rendered, {}, { ...run, ...wrong }))
    expect(await refused({ folder: 'x' })).toContain(`${name}: folder is no option of it; expected one of device, out, resume`)
    expect(await refused({ device: 'cpu' })).toBe(`${name}: device is 'cpu'; expected a device, such as cpu()`)
    expect(await refused({ out: 3 })).toBe(`${name}: out is 3; expected text`)
    expect(await refused({ resume: 'yes' })).toBe(`${name}: resume is 'yes'; expected true or false`)
    expect(await refused({ checkpointSeconds: -1 })).toBe(`${name}: checkpointSeconds is -1; expected a number of at least 0`)
    expect(await refused({ signal: 'SIGINT' })).toBe(`${name}: signal is 'SIGINT'; expected the signal of an AbortController`)
    expect(await refused({ onProgress: true })).toBe(`${name}: onProgress is true; expected a function`)
  })
})

describe('a message', () => {
  it('names the whole path, what was given and what is possible', async () => {
    const images = await rendered
    const local = (options: object) => refusal(trainLocal(images, options, run))
    const filters = { window: 4, units: 8 }
    expect(await local({ blocks: [{}, { filters: { ...filters, rule: 'oja', rank: 3 } }] })).toMatch(
      /^trainLocal: blocks\.1\.filters\.rank is no option of the rule oja; expected one of rule, units, window, /,
    )
    expect(await local({ trunk: [{ filters: { temperature: 0.5 } }] })).toMatch(
      /^trainLocal: trunk\.0\.filters\.temperature is no option of the rule krotov-hopfield; /,
    )
    expect(await local({ filters: { units: 1.5 } })).toBe(
      'trainLocal: filters.units is 1.5; expected a whole number from 2 to 16777216',
    )
    expect(await local({ blocks: [{ power: 0 }] })).toBe('trainLocal: blocks.0.power is 0; expected a number from 1 to 200')
    expect(await local({ blocks: [{ filters: { dead: 'ignore' } }] })).toBe(
      "trainLocal: blocks.0.filters.dead is 'ignore'; expected 'report', 'reseed' or 'prune'",
    )
    expect(await local({ blocks: [{ pool: { stride: 0 } }] })).toBe(
      'trainLocal: blocks.0.pool.stride is 0; expected a whole number of at least 1',
    )
    expect(await local({ readout: { learningRates: [0.1, -1] } })).toBe(
      'trainLocal: readout.learningRates.1 is -1; expected a number above 0, at most 1000000',
    )
    expect(await local({ readout: { learningRates: [] } })).toBe(
      'trainLocal: readout.learningRates is []; expected a list of at least 1, each a number above 0, at most 1000000',
    )
    expect(await local({ seed: -1 })).toBe('trainLocal: seed is -1; expected a whole number of at least 0')
    for (const filters of [{ window: 30 }, { window: 4, units: 8, rank: 9 }])
      expect(await local({ blocks: [{}, { filters }] })).toMatch(
        /^trainLocal: blocks\.1\.filters\.(window is 30; expected at most|rank is 9; expected at most K = 8)/,
      )
    const supervised = (options: object) => refusal(trainSupervised(images, images as never, options, run))
    expect(await supervised({ optimiser: { kind: 'adagrad' } })).toBe(
      "trainSupervised: optimiser.kind is 'adagrad'; expected 'adam', 'adamw' or 'sgd'",
    )
    expect(await supervised({ optimiser: { kind: 'adam', momentum: 0.5 } })).toBe(
      'trainSupervised: optimiser.momentum is no option of it; expected one of kind, learningRate, beta1, beta2, epsilon, weightDecay',
    )
    const misspelt = {
      kind: 'network',
      name: 'x',
      channels: 3,
      image: [size, size],
      layers: [{ kind: 'conv', unit: 3, window: 2 }],
    }
    expect(await refusal(trainSupervised(images, misspelt as never, {}, run))).toMatch(
      /^Network: layers\.0\.unit is no option of it; expected one of kind, name, units, window/,
    )
    expect(await refusal(dataPatches(images, 3, { windows: 3 } as never))).toMatch(/^dataPatches: windows is no option of it/)
    expect(await refusal(computeWhitening(images, { patches: 0 }))).toBe(
      'computeWhitening: patches is 0; expected a whole number of at least 1',
    )
  })

  it('of an option left undefined is none: it counts as not given', async () => {
    const { pixels, shape } = await rendered
    const images = await imagesFrom({ pixels, shape })
    const { filters } = await learnFilters(images, { units: 4, steps: 2, batch: 10, rank: undefined, rule: undefined })
    filters.dispose()
    const { net } = await trainLocal(images, {
      filters: { units: 4, steps: 2, batch: 10, rank: undefined },
      readout: undefined,
      blocks: [{ power: undefined, pool: { size: undefined } }],
    })
    net.dispose()
  })
})
