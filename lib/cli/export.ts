import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { OptionError } from '../errors.js'
import { writeNpy } from '../io/index.js'
import { exportOnnx, LocalNet, loadNetwork } from '../models/index.js'
import { run } from './terminal.js'

interface ExportOptions {
  run: string
  format: 'safetensors' | 'npy' | 'onnx'
  out: string
  tensor?: string
}

export function addExport(program: Command): void {
  program
    .command('export')
    .description('a run for other tools: its weights, or the network as an ONNX graph')
    .requiredOption('--run <dir>', 'folder of a run')
    .addOption(
      new Option(
        '--format <name>',
        'safetensors: all weights; npy: one tensor; onnx: graph and weights, images [N,C,H,W] from 0 to 1 in',
      )
        .choices(['safetensors', 'npy', 'onnx'])
        .makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'file to write')
    .option(
      '--tensor <name>',
      'for npy: blocks.0.filters (the default of a local network), blocks.1.filters ..., readout.weight, 0.weight ...',
    )
    .addHelpText('after', '\nExample:\n  $ striate export --run runs/grinberg --format onnx --out grinberg.onnx')
    .action((options: ExportOptions) =>
      run(async () => {
        const net = await loadNetwork(join(options.run, 'model.safetensors'))
        if (options.format === 'safetensors') await net.save(options.out)
        else if (options.format === 'onnx') await exportOnnx(net, options.out)
        else {
          const tensors = net instanceof LocalNet ? net.tensors() : new Map([...net.parameters, ...net.buffers])
          const name = options.tensor ?? (net instanceof LocalNet ? 'blocks.0.filters' : undefined)
          const tensor = tensors.get(name ?? '')
          if (!tensor)
            throw new OptionError({
              op: 'export',
              argument: '--tensor',
              actual: name === undefined ? 'missing' : `'${name}'`,
              expected: [...tensors.keys()].join(', '),
            })
          await writeNpy(options.out, { shape: [...tensor.shape], data: (await tensor.read()).data })
        }
        net.dispose()
        console.log(`written: ${options.out}`)
      }),
    )
}
