import { basename, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { readChoices } from '../data/index.js'
import { behaviour, behaviourOptions } from '../eval/index.js'
import { writeBehaviour } from '../report/index.js'
import { forResult } from '../run/folder.js'
import { networkSha256 } from '../run/index.js'
import { addEvalFlags, type EvalValues } from './eval_flags.js'
import { addFlags } from './flags.js'
import { interruptSignal, output, run } from './terminal.js'

export function addEvalBehaviour(evaluate: Command): void {
  const command = evaluate
    .command('behaviour')
    .description('whether a run’s classifier is unsure, and goes wrong, where people do')
    .requiredOption('--counts <file>', '.npy of how many people chose each class, [images, classes], in the order of the images')
  const open = addEvalFlags(command)
  const own = addFlags(command, behaviourOptions)
  command
    .addHelpText(
      'after',
      '\nExample:\n  $ striate eval behaviour --run runs/grinberg --data cifar-10-batches-bin --counts cifar10h-counts.npy',
    )
    .action((values: EvalValues & { counts: string }) =>
      run(async () => {
        const say = output(values)
        const signal = interruptSignal()
        using net = await open.network()
        const network = await networkSha256(values.run)
        const name = `behaviour-${basename(resolve(values.counts)).replace(/\.npy$/, '')}-${open.part()}`
        const record = await forResult('eval behaviour', values.run, name, async () => {
          const choices = await readChoices(values.counts)
          const images = await open.images(signal)
          const found = await behaviour(net, images, choices, { ...own(), signal, onProgress: say.progress, onPlan: say.line })
          say.done()
          return writeBehaviour(values.run, name, { kind: 'behaviour', network, ...found })
        })
        say.json(record)
        say.line(`${'score'.padEnd(14)}   value     +-  ceiling`)
        for (const { name, value, spread, ceiling } of record.scores)
          say.line(
            `${name.padEnd(14)}  ${value.toFixed(4).padStart(6)}  ${spread.value.toFixed(4)}  ${ceiling ? ceiling.value.toFixed(4) : '-'}`,
          )
        for (const { name, ceiling } of record.scores) if (ceiling) say.line(`ceiling of ${name}: ${ceiling.formula}`)
        for (const [name, text] of Object.entries(record.protocol))
          say.line(`${name}: ${Array.isArray(text) ? text.join(' x ') : text}`)
        say.line(`written: ${join(values.run, name)}.json, .svg and .html`)
      }),
    )
}
