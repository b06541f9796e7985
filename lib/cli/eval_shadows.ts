import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { OptionError } from '../errors.js'
import { defaultStrengths, type LightSeries, shadows, shadowsOptions } from '../eval/index.js'
import { type LightKind, lightKinds, lightOptions } from '../light/index.js'
import { curvesByLight, shadowRows, writeShadows } from '../report/index.js'
import { forResult } from '../run/folder.js'
import { networkSha256, startPhase } from '../run/index.js'
import { addEvalFlags, type EvalValues } from './eval_flags.js'
import { addFlags } from './flags.js'
import { interruptSignal, output, run } from './terminal.js'

const { kind, strength, cover } = lightOptions.shape
const lightFlags = z.strictObject({
  kinds: z
    .array(kind)
    .default([...lightKinds])
    .describe('of light'),
  strengths: z
    .array(strength)
    .optional()
    .describe(`shares of light or contrast left (default: ${defaultStrengths('shadow')})`),
  deviations: z
    .array(strength)
    .optional()
    .describe(`of the noise, 1 being the full range (default: ${defaultStrengths('noise')})`),
  cover,
})

export function addEvalShadows(evaluate: Command): void {
  const command = evaluate
    .command('shadows')
    .description('error of a run’s classifier against the strength of shadows and other changes of light, with pictures')
  const open = addEvalFlags(command)
  const asked = addFlags(command, lightFlags)
  const own = addFlags(command, shadowsOptions)
  command
    .addHelpText(
      'after',
      '\nExample, the paper’s test:\n  $ striate eval shadows --run runs/grinberg --data cifar-10-batches-bin --kinds shadow --strengths 0.3',
    )
    .action((values: EvalValues) =>
      run(async () => {
        const { run: folder } = values
        const part = open.part()
        const lights = lightsOf(asked())
        const say = output(values)
        const signal = interruptSignal()
        using net = await open.network()
        const network = await networkSha256(folder)
        const record = await forResult('eval shadows', folder, `shadows-${part}`, async () => {
          const images = await open.images(signal)
          let report: ReturnType<typeof startPhase> | undefined
          const scores = await shadows(net, images, {
            ...own(),
            lights,
            signal,
            onProgress: (done, total) => {
              report ??= startPhase('shadows', 'images', total, done, say.progress)
              report(done)
            },
          })
          say.done()
          return writeShadows(folder, part, images, scores, network)
        })
        say.json(record)
        const percent = (share: number | null) => (share === null ? '' : (100 * share).toFixed(2))
        const { value, spread, raw } = record.unmodified
        say.line(
          `unmodified: error ${percent(value)} % +- ${percent(spread.value)} (${raw.wrong} of ${raw.images} images; standard error)`,
        )
        say.line(`${'light'.padEnd(18)} strength  float %  8-bit %     +-`)
        for (const [name, strength, float, byte, spread] of curvesByLight(record).flatMap(shadowRows))
          say.line(
            `${name.padEnd(18)} ${String(strength).padStart(8)} ${percent(float).padStart(8)} ${percent(byte).padStart(8)} ${percent(spread).padStart(6)}`,
          )
        const file = join(folder, `shadows-${part}.json`)
        say.line(`written: ${file}, curves and sample images beside it; striate report ${folder} shows them`)
      }),
    )
}

/** The lights that are asked for; an option that none of them takes is refused. */
function lightsOf({ kinds = [...lightKinds], strengths, deviations, cover }: z.input<typeof lightFlags>): LightSeries[] {
  const asked = [...new Set(kinds)]
  const takers: [string, unknown, (kind: LightKind) => boolean][] = [
    ['--strengths', strengths, (one) => one !== 'noise'],
    ['--deviations', deviations, (one) => one === 'noise'],
    ['--cover', cover, (one) => one === 'shadow'],
  ]
  for (const [argument, value, takes] of takers)
    if (value !== undefined && !asked.some(takes)) {
      const expected = `it only with ${lightKinds.filter(takes).join(', ')} in --kinds`
      throw new OptionError({ op: 'eval shadows', argument, actual: `given for ${asked.join(', ')}`, expected })
    }
  return asked.map((one): LightSeries => {
    const own = one === 'noise' ? deviations : strengths
    return { kind: one, strengths: own, ...(one === 'shadow' ? { cover } : {}) }
  })
}
