import { type Command, Option } from 'commander'
import { OptionError } from '../errors.js'
import { writeNpy } from '../io/index.js'
import { exportOnnx, localBlocks, type Standardisation, savePyTorch } from '../models/index.js'
import { openNetwork } from '../run/index.js'
import { standardisedText } from './standardised.js'
import { jsonText, output, run } from './terminal.js'

interface ExportValues {
  run: string
  format: 'safetensors' | 'pytorch' | 'npy' | 'onnx'
  out: string
  tensor?: string
  json?: boolean
}

export function addExport(program: Command): void {
  program
    .command('export')
    .description('a run for other tools: its weights, or the network as an ONNX graph')
    .requiredOption('--run <dir>', 'folder of a run')
    .addOption(
      new Option(
        '--format <name>',
        'safetensors: all weights; pytorch: the same under the names that torchvision has (load_state_dict); npy: one tensor; onnx: graph and weights, images [N,C,H,W] from 0 to 1 in',
      )
        .choices(['safetensors', 'pytorch', 'npy', 'onnx'])
        .makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'file to write')
    .option(
      '--tensor <name>',
      'for npy: blocks.0.weight, readout.weight, conv1.weight ... (default: the filters of a network of one block)',
    )
    .option('--json', jsonText)
    .addHelpText('after', '\nExample:\n  $ striate export --run runs/grinberg --format onnx --out grinberg.onnx')
    .action(({ run: folder, format, out, tensor: name, ...options }: ExportValues) =>
      run(async () => {
        if (name !== undefined && format !== 'npy')
          throw new OptionError({ op: 'export', argument: '--tensor', actual: `given for ${format}`, expected: '--format npy' })
        using net = await openNetwork(folder)
        let by: Standardisation | undefined
        if (format === 'safetensors') await net.save(out)
        else if (format === 'pytorch') by = await savePyTorch(net, out)
        else if (format === 'onnx') await exportOnnx(net, out)
        else {
          const tensors = new Map([...net.parameters, ...net.buffers])
          const { trunk, blocks } = localBlocks(net.config)
          const [layer, ...others] = [...trunk, ...blocks]
          const wanted = name ?? (layer && others.length === 0 ? `${layer.name}.weight` : undefined)
          const tensor = wanted === undefined ? undefined : tensors.get(wanted)
          if (!tensor)
            throw new OptionError({
              op: 'export',
              argument: '--tensor',
              actual: name === undefined ? 'missing' : `'${name}'`,
              expected: [...tensors.keys()].join(', '),
            })
          await writeNpy(out, { shape: [...tensor.shape], data: (await tensor.read()).data })
        }
        const say = output(options)
        say.line(`written: ${out}`)
        if (by) say.line(`its images: channels from 0 to 1, ${standardisedText(by)} (mean and std of the file's metadata)`)
        say.json({ run: folder, format, file: out, ...(by && { standardise: by }) })
      }),
    )
}
