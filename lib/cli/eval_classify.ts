import type { Command } from 'commander'
import { classify, classifyOptions } from '../eval/index.js'
import { writeClassification } from '../report/index.js'
import { forResult } from '../run/folder.js'
import { networkSha256, startPhase } from '../run/index.js'
import { addEvalFlags, type EvalValues } from './eval_flags.js'
import { addFlags } from './flags.js'
import { interruptSignal, output, run } from './terminal.js'

export function addEvalClassify(evaluate: Command): void {
  const command = evaluate
    .command('classify')
    .description('error of a run’s classifier on labelled images, with its confusion table')
  const open = addEvalFlags(command)
  const own = addFlags(command, classifyOptions)
  command
    .addHelpText('after', '\nExample:\n  $ striate eval classify --run runs/grinberg --data cifar-10-batches-bin')
    .action((values: EvalValues) =>
      run(async () => {
        const say = output(values)
        const signal = interruptSignal()
        using net = await open.network()
        const network = await networkSha256(values.run)
        const part = open.part()
        const record = await forResult('eval classify', values.run, `classify-${part}`, async () => {
          const images = await open.images(signal)
          const report = startPhase('classify', 'images', images.shape[0], 0, say.progress)
          const result = await classify(net, images, { ...own(), signal, onProgress: (done) => report(done) })
          say.done()
          return writeClassification(values.run, part, result, net.classes, network)
        })
        const { score, loss, confusion, classes } = record
        say.json(record)
        say.line(
          `error ${(100 * score.value).toFixed(2)} % +- ${(100 * score.spread.value).toFixed(2)} (${score.raw.wrong} of ${score.raw.images} images; standard error), loss ${loss.toFixed(4)} nats`,
        )
        const width = Math.max(...classes.map((c) => c.length))
        say.line(`${'called'.padStart(width)}  ${classes.map((c) => c.slice(0, 6).padStart(6)).join(' ')}`)
        confusion.forEach((row, i) => {
          say.line(`${(classes[i] ?? '').padStart(width)}  ${row.map((n) => String(n).padStart(6)).join(' ')}`)
        })
      }),
    )
}
