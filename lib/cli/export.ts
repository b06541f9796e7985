import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { OptionError } from '../errors.js'
import { writeNpy } from '../io/index.js'
import { LocalNet } from '../models/index.js'
import { run } from './terminal.js'

interface ExportOptions {
  run: string
  format: 'safetensors' | 'npy'
  out: string
  tensor: string
}

export function addExport(program: Command): void {
  program
    .command('export')
    .description('weights of a run for other tools')
    .requiredOption('--run <dir>', 'folder of a run')
    .addOption(
      new Option('--format <name>', 'safetensors: all weights; npy: one tensor')
        .choices(['safetensors', 'npy'])
        .makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'file to write')
    .option(
      '--tensor <name>',
      'for npy: blocks.0.filters, blocks.1.filters ..., readout.weight, readout.bias',
      'blocks.0.filters',
    )
    .addHelpText('after', '\nExample:\n  $ striate export --run runs/grinberg --format npy --out filters.npy')
    .action((options: ExportOptions) =>
      run(async () => {
        const net = await LocalNet.load(join(options.run, 'model.safetensors'))
        if (options.format === 'safetensors') {
          await net.save(options.out)
        } else {
          const tensors = net.tensors()
          const tensor = tensors.get(options.tensor)
          if (!tensor)
            throw new OptionError({
              op: 'export',
              argument: '--tensor',
              actual: `'${options.tensor}'`,
              expected: [...tensors.keys()].join(', '),
            })
          await writeNpy(options.out, { shape: [...tensor.shape], data: (await tensor.read()).data })
        }
        net.dispose()
        console.log(`written: ${options.out}`)
      }),
    )
}
