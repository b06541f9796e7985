// The rules by which filters learn (or are made without learning), behind one interface: rules/rule.ts.
import { OptionError } from '../errors.js'
import { hardWta, krotovHopfield } from './rules/hebbian.js'
import { sphericalKMeans } from './rules/k_means.js'
import { oja } from './rules/oja.js'
import type { Rule } from './rules/rule.js'
import { softHebb, softWta } from './rules/soft.js'
import { patches, random, whitenedPatches } from './rules/unlearned.js'

export type { Rule, RuleState, RuleTally } from './rules/rule.js'

const rules = {
  'krotov-hopfield': krotovHopfield,
  'hard-wta': hardWta,
  'soft-wta': softWta,
  softhebb: softHebb,
  oja,
  'spherical-k-means': sphericalKMeans,
  random,
  patches,
  'whitened-patches': whitenedPatches,
} satisfies Record<string, Rule>

export type RuleName = keyof typeof rules

export const ruleNames = Object.keys(rules) as RuleName[]

/** Settings that some rule has and others have not. */
export const ruleSettings: ReadonlySet<string> = new Set(Object.values(rules).flatMap((rule: Rule) => rule.settings))

/** The rule of that name. @throws {OptionError} when there is none */
export function ruleOf(name: string): Rule & { name: RuleName } {
  const rule = (rules as Record<string, Rule>)[name]
  if (!rule || !Object.hasOwn(rules, name))
    throw new OptionError({ op: 'trainLocal', argument: 'rule', actual: `'${name}'`, expected: `one of ${ruleNames.join(', ')}` })
  return rule as Rule & { name: RuleName }
}

/** Name and description of every rule. */
export const describeRules = (): { name: RuleName; text: string }[] =>
  ruleNames.map((name) => ({ name, text: rules[name].describe() }))
