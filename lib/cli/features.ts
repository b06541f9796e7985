import type { Command } from 'commander'
import { deviceOf } from '../device.js'
import { transformOptions, writeFeatures } from '../eval/index.js'
import { rowsFormat } from '../io/rows.js'
import { openNetwork, startPhase } from '../run/index.js'
import { addFlags } from './flags.js'
import { imagesText } from './open_data.js'
import { addImageFlags } from './run_flags.js'
import { openFor } from './run_images.js'
import { interruptSignal, jsonText, output, run } from './terminal.js'

interface FeaturesValues {
  run: string
  data: string
  out: string
  device: string
  json?: boolean
}

export function addFeatures(program: Command): void {
  const command = program
    .command('features')
    .description('outputs of a layer of a run’s network for every image, as an array in a file')
    .requiredOption('--run <dir>', 'folder of a run')
    .requiredOption('--data <path>', `${imagesText}; encoded images are brought to the network’s size`)
    .requiredOption('--out <file>', 'file to write: .npy (the array), or .safetensors (with the targets beside it)')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', jsonText)
  const own = addFlags(command, transformOptions, { only: ['at', 'batch'] })
  const images = addImageFlags(command)
  command
    .addHelpText('after', '\nExample:\n  $ striate features --run runs/pets --data photos --at features --out photos.npy')
    .action((values: FeaturesValues) =>
      run(async () => {
        const say = output(values)
        const signal = interruptSignal()
        rowsFormat('features', values.out)
        using net = await openNetwork(values.run, { device: deviceOf(values.device) })
        const set = await openFor(net, values.run, values.data, images(), signal)
        const report = startPhase('features', 'images', set.shape[0], 0, say.progress)
        const written = await writeFeatures(net, set, values.out, { ...own(), signal, onProgress: (done) => report(done) })
        say.done()
        say.line(`written: ${values.out}, [${written.shape}] of the layer ${written.at}`)
        say.json({ out: values.out, ...written })
      }),
    )
}
