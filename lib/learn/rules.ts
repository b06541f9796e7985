// The rules by which filters learn (or are made without learning), behind one interface: rules/rule.ts.
import { OptionError } from '../errors.js'
import { hardWta, krotovHopfield } from './rules/hebbian.js'
import { sphericalKMeans } from './rules/k_means.js'
import { oja } from './rules/oja.js'
import type { Rule } from './rules/rule.js'
import { softHebb, softWta } from './rules/soft.js'
import { patches, random } from './rules/unlearned.js'

const rules = {
  'krotov-hopfield': krotovHopfield,
  'hard-wta': hardWta,
  'soft-wta': softWta,
  softhebb: softHebb,
  oja,
  'spherical-k-means': sphericalKMeans,
  random,
  patches,
} satisfies Record<string, Rule>

export type RuleName = keyof typeof rules

export const ruleNames = Object.keys(rules) as RuleName[]

/** The rule of that name. @throws {OptionError} when there is none */
export function ruleOf(name: RuleName): Rule {
  if (Object.hasOwn(rules, name)) return rules[name]
  throw new OptionError({ op: 'learnFilters', argument: 'rule', actual: `'${name}'`, expected: `one of ${ruleNames.join(', ')}` })
}

/** Every rule: its name, whether it learns at all, formula and source. */
export const describeRules = (): { name: RuleName; learns: boolean; text: string }[] =>
  ruleNames.map((name) => ({ name, learns: rules[name].learns, text: rules[name].describe() }))
