// What a rule is told: every setting of every rule, each with its type, range, default and meaning.
import { z } from 'zod'
import { seed, whole } from '../../options.js'

const rate = z.number().min(0).max(10)

export const whiten = z.strictObject({
  after: z
    .enum(['norm', 'centred-norm', 'none'])
    .default('norm')
    .meta({ flag: '' })
    .describe(
      "whiten patches, by their covariance, once they have norm 1 ('norm'), are less their mean and of norm 1 ('centred-norm'), or as they are " +
        "('none'); rows then meet whitened patches of norm 1. Without any such setting they are not whitened",
    ),
  epsilon: z
    .number()
    .positive()
    .max(1e6)
    .default(0.2)
    .describe(
      'added to the eigenvalues of the covariance, in units of their mean; the default is good for patches of 4 x 4, smaller ones amplify noise and ' +
        'the edges of shadows',
    ),
  keep: whole(1, 2 ** 24)
    .optional()
    .describe('principal components that are kept (PCA); without it all, turned back into pixels (ZCA)'),
})

/** How patches are whitened before rows meet them. */
export type Whiten = z.output<typeof whiten>

export const ruleSettings = z.strictObject({
  units: whole(2, 2 ** 24)
    .default(400)
    .describe('K: filters'),
  window: whole(1, 4096).default(4).describe('W: side of the filters, in pixels'),
  rank: whole(2, 2 ** 20)
    .default(2)
    .describe('m: rank of the unit that is pushed away'),
  p: z.number().min(2).max(100).default(2).describe('of the currents sign(w) |w|^(p-1) v of krotov-hopfield'),
  antiHebbian: z.number().min(0).max(1).default(0.2).describe('Delta: how strongly the unit of rank m is pushed away'),
  learningRate: rate.default(0.1).describe("at the start, falling linearly to the final one; of mode 'faithful' 0.02"),
  finalLearningRate: rate.default(0).describe('at the end'),
  batch: whole(1, 2 ** 24)
    .default(1000)
    .meta({ flag: 'filter-batch' })
    .describe('patches of a minibatch'),
  temperature: z
    .number()
    .min(1e-6)
    .max(1e6)
    .default(1)
    .describe('of the softmax of the soft rules; soft-wta has 0.002, softhebb 0.02'),
  steps: whole(1, 2 ** 40)
    .default(20_000)
    .describe('minibatches; rules that do not learn count wins over 100'),
  mode: z
    .enum(['stable', 'faithful'])
    .default('stable')
    .describe(
      "'stable': rows start as data patches, each row's update is divided by the patches that chose it; 'faithful': the authors' form",
    ),
  init: z.enum(['patches', 'normal']).default('patches').describe('initial rows; the mode has its own'),
  step: z.enum(['count', 'max']).default('count').describe('what the update is divided by; the mode has its own'),
  normalise: z.enum(['patch', 'none']).default('patch').describe('patches of norm 1 while filters are learned'),
  centre: z.boolean().default(false).describe("take each patch's mean off; softhebb does"),
  whiten: whiten
    .nullable()
    .default(null)
    .describe('patches are whitened before rows meet them, normalise and centre being its own'),
  dead: z
    .enum(['report', 'reseed', 'prune'])
    .default('report')
    .describe('units that never win: only reported, replaced by data patches while learning goes on, or left out at the end'),
  untilConverged: z.boolean().default(false).describe('stop before that once wins, gains and norms have settled'),
  reservoir: whole(1)
    .default(192 * 2 ** 20)
    .meta({ unit: 'bytes' })
    .describe(
      'pixels that patches are drawn from at a time; more images are visited in parts of this size, eight at most, in a seeded order',
    ),
  seed: seed.default(0).describe('of rows and order'),
})

/** What a rule reads; settings of other rules have their defaults and say nothing. */
export type RuleSettings = z.output<typeof ruleSettings>
export type RuleSetting = keyof RuleSettings

/** Settings that every rule reads. */
export const sharedSettings: readonly RuleSetting[] = [
  'units',
  'window',
  'batch',
  'steps',
  'seed',
  'centre',
  'whiten',
  'reservoir',
]
