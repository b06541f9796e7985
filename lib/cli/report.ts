import type { Command } from 'commander'
import { writeReport } from '../report/index.js'
import { run } from './terminal.js'

export function addReport(program: Command): void {
  program
    .command('report')
    .description('the page of a run, made again: filters, curves, scores, provenance')
    .argument('<dir>', 'folder of a run')
    .addHelpText('after', '\nExample:\n  $ striate report runs/grinberg')
    .action((folder: string) => run(async () => console.log(`written: ${await writeReport(folder)}`)))
}
