import type { Command } from 'commander'
import { OptionError } from '../errors.js'
import { writeComparison, writeReport } from '../report/index.js'
import { isGiven } from './flags.js'
import { jsonText, output, run } from './terminal.js'

export function addReport(program: Command): void {
  const command = program
    .command('report')
    .description(
      'the page of a run, made again: filters, curves, scores, provenance; of several runs one that compares their scores',
    )
    .argument('<dir...>', 'folder of a run, or of several')
    .option('--out <dir>', 'of several runs: folder of the page that compares them', 'runs/comparison')
    .option('--json', jsonText)
    .addHelpText(
      'after',
      '\nExamples:\n  $ striate report runs/grinberg\n  $ striate report runs/wavelet runs/random runs/resnet --out runs/comparison',
    )
    .action((folders: string[], options: { out: string; json?: boolean }) =>
      run(async () => {
        const say = output(options)
        const [folder] = folders as [string]
        if (folders.length === 1) {
          if (isGiven(command, 'out'))
            throw new OptionError({
              op: 'report',
              argument: '--out',
              actual: 'given for one run, whose page goes into its folder',
              expected: 'several runs',
            })
          const page = await writeReport(folder)
          say.line(`written: ${page}`)
          return say.json({ run: folder, page })
        }
        const { page, networks } = await writeComparison(folders, options.out)
        say.line(`written: ${page}`)
        say.json({ out: options.out, page, networks })
      }),
    )
}
