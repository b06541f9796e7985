import { join } from 'node:path'
import type { Command } from 'commander'
import { deviceOf } from '../device.js'
import { classify } from '../eval/index.js'
import { writeAtomic } from '../io/index.js'
import { loadNetwork } from '../models/index.js'
import { startPhase } from '../run/index.js'
import { networkFile } from '../run/network_file.js'
import { addEvalShadows } from './eval_shadows.js'
import { addImageOptions, openAsked } from './request.js'
import { interruptSignal, output, run } from './terminal.js'

interface EvalOptions {
  run: string
  data: string
  split: 'train' | 'test'
  device: string
  json?: boolean
  size?: number
  limit?: number
}

export function addEval(program: Command): void {
  const evaluate = program.command('eval').description('evaluate a run')
  addEvalShadows(evaluate)
  const command = evaluate
    .command('classify')
    .description('error of a run’s classifier on labelled images, with its confusion table')
    .requiredOption('--run <dir>', 'folder of a run')
    .requiredOption('--data <path>', 'CIFAR binary batches, IDX files or a folder of class folders')
    .option('--split <name>', 'train or test', 'test')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
  addImageOptions(command)
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExample:\n  $ striate eval classify --run runs/grinberg --data cifar-10-batches-bin')
    .action((options: EvalOptions) =>
      run(async () => {
        const say = output(options)
        const signal = interruptSignal()
        const net = await loadNetwork(networkFile(options.run), { device: deviceOf(options.device) })
        const set = await openAsked(options, { split: options.split, signal })
        const report = startPhase('classify', 'images', set.shape[0], 0, say.progress)
        const { score, loss, confusion } = await classify(net, set, { signal, onProgress: (done) => report(done) })
        say.done()
        await writeAtomic(
          join(options.run, `classify-${options.split}.json`),
          `${JSON.stringify({ score, loss, confusion, classes: set.classes }, null, 1)}\n`,
        )
        say.json({ score, loss, confusion, classes: set.classes })
        say.line(
          `error ${score.value.toFixed(2)} % +- ${score.spread.value.toFixed(2)} (${score.raw.wrong} of ${score.raw.images} images; standard error), loss ${loss.toFixed(4)} nats`,
        )
        const width = Math.max(...set.classes.map((c) => c.length))
        say.line(`${'called'.padStart(width)}  ${set.classes.map((c) => c.slice(0, 6).padStart(6)).join(' ')}`)
        confusion.forEach((row, i) => {
          say.line(`${(set.classes[i] ?? '').padStart(width)}  ${row.map((n) => String(n).padStart(6)).join(' ')}`)
        })
        net.dispose()
      }),
    )
}
