import type { Command } from 'commander'
import { writeReport } from '../report/index.js'
import { jsonText, output, run } from './terminal.js'

export function addReport(program: Command): void {
  program
    .command('report')
    .description('the page of a run, made again: filters, curves, scores, provenance')
    .argument('<dir>', 'folder of a run')
    .option('--json', jsonText)
    .addHelpText('after', '\nExample:\n  $ striate report runs/grinberg')
    .action((folder: string, options: { json?: boolean }) =>
      run(async () => {
        const say = output(options)
        const page = await writeReport(folder)
        say.line(`written: ${page}`)
        say.json({ run: folder, page })
      }),
    )
}
