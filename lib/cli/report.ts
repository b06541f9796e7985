import { join } from 'node:path'
import type { Command } from 'commander'
import { openRun, writeRunPage } from './run_page.js'
import { run } from './terminal.js'

export function addReport(program: Command): void {
  program
    .command('report')
    .description('the page of a run, made again: filters, curves, scores, provenance')
    .argument('<dir>', 'folder of a run')
    .addHelpText('after', '\nExample:\n  $ striate report runs/grinberg')
    .action((folder: string) =>
      run(async () => {
        const { net, record } = await openRun(folder)
        await writeRunPage(net, record, folder)
        net.dispose()
        console.log(`written: ${join(folder, 'report.html')}`)
      }),
    )
}
