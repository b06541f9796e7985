// Soft competition: every unit learns by its share of a patch, a softmax of the currents.
import { type CompetitiveTally, competition, competitiveStep, matmul } from '../../ops/index.js'
import { checkOp, scope, type Tensor } from '../../tensor.js'
import {
  checkMinibatch,
  dimension,
  eachMinibatch,
  longerOrFewer,
  minibatch,
  type Rule,
  rateAt,
  startRows,
  TallySum,
  usualCure,
} from './rule.js'
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

/** One minibatch with shares of that kind; `w` changes in place. */
export function softStep(
  patches: Tensor,
  w: Tensor,
  kind: 'soft' | 'softhebb',
  { temperature, learningRate, step }: Pick<RuleSettings, 'temperature' | 'learningRate' | 'step'>,
): CompetitiveTally {
  return scope(() => {
    const u = matmul(patches, w, { transposeB: true })
    return competitiveStep(patches, u, competition(u, { kind, temperature }), w, { learningRate, step })
  })
}

const soft = (
  name: string,
  kind: 'soft' | 'softhebb',
  defaults: Partial<RuleSettings>,
  text: string,
  cures: Pick<Rule, 'againstDead' | 'againstDuplicates'>,
): Rule => ({
  name,
  learns: true,
  describe: () => text,
  settings,
  defaults: () => defaults,
  ...cures,
  check(shape, config) {
    checkMinibatch(shape, config)
    const [u, w, v] = [
      [config.batch, config.units],
      [config.units, dimension(shape, config)],
      [config.batch, dimension(shape, config)],
    ].map((shape) => ({ dtype: 'f32' as const, shape }))
    checkOp('competition', [u as never], { kind, temperature: config.temperature })
    for (const learningRate of [config.learningRate, config.finalLearningRate])
      checkOp('competitive_step', [v, u, u, w] as never, { learningRate, step: config.step })
  },
  start: (images, config, device, whitening) => ({ w: startRows(images, config, device, whitening) }),
  async learn(images, state, config, first, steps) {
    const sum = new TallySum(config.units)
    const step = (t: number) =>
      scope(() => softStep(minibatch(images, state, config, t), state.w, kind, { ...config, learningRate: rateAt(config, t) }))
    await eachMinibatch(
      first,
      steps,
      (t) => ({ ...step(t) }),
      (tally) => sum.add(tally),
    )
    return sum.result()
  },
})

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
