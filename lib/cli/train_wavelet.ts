import { join } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { componentOptions, fitComponents } from '../learn/index.js'
import { waveletNet, waveletNetOptions } from '../models/index.js'
import { processGroup } from '../run/index.js'
import { duration } from '../run/progress.js'
import { addFlags } from './flags.js'
import { TrainingFlags } from './run_flags.js'

const { net, units, orientations, nonlinearity, normalise } = waveletNetOptions.shape
const network = z.strictObject({ net, units, orientations, nonlinearity, normalise })
const settings = z.strictObject({ network: network.prefault({}), options: componentOptions })

export function addTrainWavelet(train: Command): void {
  const command = train
    .command('wavelet')
    .description('a hierarchy of fixed wavelets and mixing learned as principal components, block by block, without labels')
  const flags = new TrainingFlags(command, 'runs/wavelet')
  const own = addFlags(command, network, { group: 'Network:' })
  const options = addFlags(command, componentOptions, { group: 'Learning:' })
  command.addHelpText(
    'after',
    '\nUnder mpirun the processes share the images and learn the same components together.\n' +
      '\nExample:\n  $ striate train wavelet --data photos --recipe passi-2024 --size 112 --per-class 40 --out runs/hierarchy' +
      '\n  $ mpirun -n 2 striate train wavelet --data photos --size 224 --out runs/hierarchy',
  )
  flags.action({
    settings,
    asked: () => ({ network: own(), options: options() }),
    train: async (images, { network, options }, run, say) => {
      const started = performance.now()
      const [n, channels, height, width] = images.shape
      const config = waveletNet({ ...network, channels, image: [height, width] })
      const { net, record } = await fitComponents(images, config, options, run)
      using learned = net
      say.done()
      if (processGroup().rank > 0) return
      const { writeWaveletPage } = await import('../report/index.js')
      await writeWaveletPage(learned, record, run.out)
      say.line(learned.describe())
      for (const { name, units, responses, varianceKept, effectiveDimension } of record.blocks)
        say.line(
          `${name}: ${units} of ${responses} responses` +
            (varianceKept === null || effectiveDimension === null
              ? ''
              : `, ${(100 * varianceKept).toFixed(1)} % of the variance, effective dimension ${effectiveDimension.toPrecision(3)}`),
        )
      const seconds = (performance.now() - started) / 1000
      say.line(
        `done in ${duration(seconds)} (${(n / seconds).toPrecision(3)} images/s): ${join(run.out, 'model.safetensors')}, ${join(run.out, 'report.html')}`,
      )
      say.json({ out: run.out, ...record })
    },
  })
}
