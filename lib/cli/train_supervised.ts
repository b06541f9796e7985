import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { labelsOf } from '../data/index.js'
import { OptionError } from '../errors.js'
import { type BuilderOptions, builderOptions, buildNetwork, type ConvBlock } from '../models/index.js'
import { writeSupervisedPage } from '../report/index.js'
import { readRequest } from '../run/request.js'
import { supervisedOptions, trainSupervised } from '../train/index.js'
import { convWords, parseConvBlocks } from './block_syntax.js'
import { addFlags } from './flags.js'
import { addRunFlags, runRequest } from './run_flags.js'
import { duration, interruptSignal, keptRun, output, run } from './terminal.js'

const networkFlags = z.strictObject({ network: builderOptions.prefault({ kind: 'conv-net' }).meta({ flag: '' }) })
const request = runRequest.extend({ network: builderOptions, options: supervisedOptions })

interface TrainSupervisedValues {
  blocks?: ConvBlock[]
  json?: boolean
}

export function addTrainSupervised(train: Command): void {
  const command = train
    .command('supervised')
    .description('a network trained end to end by backpropagation: the twin of a local network, or ResNet-18')
  const flags = addRunFlags(command, 'runs/supervised')
  const network = addFlags(command, networkFlags, { group: 'Network:' })
  command
    .optionsGroup('Network:')
    .option('--blocks <list>', `of conv-net, side by side, between commas, each of ${convWords}`, parseConvBlocks)
  const options = addFlags(command, supervisedOptions, { group: 'Training:' })

  const asked = (blocks: ConvBlock[] | undefined): BuilderOptions => {
    const { network: built = { kind: 'conv-net' } } = network()
    if (blocks && built.kind !== 'conv-net')
      throw new OptionError({
        op: 'train supervised',
        argument: '--blocks',
        actual: `given for ${built.kind}`,
        expected: 'it only with --network conv-net',
      })
    return { ...built, ...(blocks ? { blocks } : {}) } as BuilderOptions
  }
  command
    .addHelpText('after', '\nExample:\n  $ striate train supervised --data cifar-10-batches-bin --epochs 10 --out runs/twin')
    .action((values: TrainSupervisedValues) =>
      run(
        async () => {
          const say = output(values)
          const signal = interruptSignal()
          const resumed = flags.resumed()
          const what =
            resumed === undefined
              ? { ...flags.request(), network: asked(values.blocks), options: options() }
              : await readRequest(resumed, 'train supervised', request)
          const started = performance.now()
          const { images, run: recipeRun } = await flags.start(what, say, signal)
          const [, channels, height, width] = images.shape
          const { classes = [] } = labelsOf(images) ?? {}
          const config = buildNetwork(what.network, { channels, image: [height, width], classes })
          const { net, record } = await trainSupervised(images, config, what.options, recipeRun)
          using trained = net
          say.done()
          await writeSupervisedPage(trained, record, recipeRun.out)
          const best = record.curve[record.bestEpoch - 1]
          say.line(trained.describe())
          if (best?.validationError != null)
            say.line(
              `validation error ${(100 * best.validationError).toFixed(2)} % of ${record.images.validation} images, epoch ${best.epoch}`,
            )
          say.line(
            `done in ${duration((performance.now() - started) / 1000)}: ${join(recipeRun.out, 'model.safetensors')}, ${join(recipeRun.out, 'report.html')}`,
          )
          say.json({ event: 'done', out: recipeRun.out, ...record })
        },
        () => keptRun(flags.folder()),
      ),
    )
}
