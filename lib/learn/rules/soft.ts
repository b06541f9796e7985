// Soft competition: every unit learns by its share of a patch, a softmax of the currents.
import { competitiveLearn } from '../../ops/index.js'
import { checkStretch, learnStretch, longerOrFewer, type Rule, startRows, usualCure } from './rule.js'
import type { RuleSetting, RuleSettings } from './settings.js'

const settings: readonly RuleSetting[] = [
  'temperature',
  'learningRate',
  'finalLearningRate',
  'init',
  'step',
  'normalise',
  'dead',
  'untilConverged',
]

const soft = (
  name: string,
  kind: 'soft' | 'softhebb',
  defaults: Partial<RuleSettings>,
  text: string,
  cures: Pick<Rule, 'againstDead' | 'againstDuplicates'>,
): Rule => {
  const own = ({ temperature, step }: RuleSettings) => ({ kind, temperature, step })
  return {
    name,
    learns: true,
    describe: () => text,
    settings,
    defaults: () => defaults,
    ...cures,
    check: (shape, config) => checkStretch('competitive_learn', shape, config, own(config)),
    start: (images, config, device, whitening) => ({ w: startRows(images, config, device, whitening) }),
    learn: (images, state, config, first, steps) =>
      learnStretch((course) => competitiveLearn(images, state.w, { ...own(config), ...course }), state, config, first, steps),
  }
}

/** dw_k = sum of g_k (v - u_k w_k), g = softmax(u / temperature). Nowlan 1990; Moraitis et al. 2022 without the turned signs. */
export const softWta: Rule = soft(
  'soft-wta',
  'soft',
  { temperature: 0.002 },
  'every unit learns by its share of the patch, g = softmax(current / temperature): dw = g (v - current w) (Nowlan 1990)',
  {
    againstDead: usualCure,
    againstDuplicates: ({ temperature }) => `a lower temperature (now ${temperature}) or fewer units`,
  },
)

/**
 * As {@link softWta} with the sign of g turned for all units but the winner. Moraitis et al. 2022; Journé et al. 2022. Those centre their
 * inputs (batch normalisation), and so does the default here: on uncentred patches, whose cosines are all alike, the losers' shares
 * outweigh the winner's, and all units but one die.
 */
export const softHebb: Rule = soft(
  'softhebb',
  'softhebb',
  { temperature: 0.02, centre: true },
  'as soft-wta, but the losers unlearn: g = -softmax(current / temperature) for all units but the winner (Moraitis et al. 2022; ' +
    'Journe et al. 2022)',
  { againstDead: () => 'try centred patches or a higher temperature', againstDuplicates: longerOrFewer },
)
