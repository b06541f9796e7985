// Options of learned filters: the settings of the rules, and which rule.
import { z } from 'zod'
import { OptionError } from '../errors.js'
import { parseOptions } from '../options.js'
import { type RuleSetting, type RuleSettings, ruleSettings, sharedSettings } from './rules/settings.js'
import { ruleNames, ruleOf } from './rules.js'

export const filterOptions = z.strictObject({
  rule: z.enum(ruleNames).default('krotov-hopfield').describe('how filters learn'),
  ...ruleSettings.shape,
})

/** Of {@link learnFilters}: what a rule does not read is refused. */
export type FilterOptions = z.input<typeof filterOptions>
/** Settings with their defaults; those that the rule does not read say nothing. */
export type FilterConfig = z.output<typeof filterOptions>

/**
 * Fills in defaults, those of the rule before those of all.
 * @param op whose options they are, and `path` where among them, for messages
 * @throws {OptionError} for options that are unknown, out of range, or of another rule
 */
export function filterConfig(options: FilterOptions = {}, op = 'learnFilters', path = ''): FilterConfig {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as FilterOptions
  const { rule: name } = parseOptions(op, filterOptions, given, path)
  const rule = ruleOf(name)
  // Whitened patches are centred over all patches, and of norm 1.
  const own = { ...rule.defaults(given as Partial<RuleSettings>), ...(given.whiten ? { centre: false } : {}) }
  const config = parseOptions(op, filterOptions, { ...own, ...given }, path)
  const defaults = filterOptions.parse({ rule: name, ...own })
  const read: readonly string[] = ['rule', ...sharedSettings, ...rule.settings]
  const names = given.whiten ? read.filter((key) => key !== 'normalise' && key !== 'centre') : read
  // A whole configuration holds the settings of other rules too, as they are here.
  for (const key of Object.keys(given) as RuleSetting[])
    if (!names.includes(key) && given[key] !== defaults[key])
      throw new OptionError({
        op,
        argument: path ? `${path}.${key}` : key,
        actual: `no option of the rule ${name}${given.whiten ? ' on whitened patches' : ''}`,
        expected: `one of ${names.join(', ')}`,
      })
  return config
}
