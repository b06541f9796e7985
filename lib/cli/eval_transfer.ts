import { parse, resolve } from 'node:path'
import type { Command } from 'commander'
import { transfer, transferOptions } from '../eval/index.js'
import { writeTransfer } from '../report/index.js'
import { forResult } from '../run/folder.js'
import { networkSha256, startPhase } from '../run/index.js'
import { addEvalFlags, type EvalValues } from './eval_flags.js'
import { addFlags } from './flags.js'
import { interruptSignal, output, run } from './terminal.js'

export function addEvalTransfer(evaluate: Command): void {
  const command = evaluate
    .command('transfer')
    .description('every head of a run on images with targets of another kind: classes that both know, numbers, angles')
  const open = addEvalFlags(command)
  const own = addFlags(command, transferOptions)
  command
    .addHelpText(
      'after',
      '\nExample:\n  $ striate render --scene solid --meshes furniture --out real --count 2000 --size 64' +
        '\n  $ striate eval transfer --run runs/latents --data real',
    )
    .action((values: EvalValues) =>
      run(async () => {
        const say = output(values)
        const signal = interruptSignal()
        using net = await open.network()
        const network = await networkSha256(values.run)
        const images = await open.images(signal)
        const part = `${parse(resolve(values.data)).name}-${open.part()}`
        const record = await forResult('eval transfer', values.run, `transfer-${part}`, async () => {
          const report = startPhase('transfer', 'images', images.shape[0], 0, say.progress)
          const result = await transfer(net, images, { ...own(), signal, onProgress: (done) => report(done) })
          say.done()
          return writeTransfer(values.run, part, result, network)
        })
        for (const { head, name, value, spread, raw, shared } of record.scores) {
          const numbers = Object.entries(raw).map(([what, number]) => `${what} ${Number(number.toPrecision(4))}`)
          say.line(`${head}: ${name} ${value.toFixed(4)} +- ${spread.value.toFixed(4)} (${numbers.join(', ')})`)
          if (shared) say.line(`  shared classes: ${shared.join(', ')}`)
        }
        for (const { head, reason } of record.unscored) say.line(`${head}: not scored (${reason})`)
        say.json(record)
      }),
    )
}
