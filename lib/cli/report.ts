import { join } from 'node:path'
import type { Command } from 'commander'
import { LocalNet, Network } from '../models/index.js'
import { readRecord, writeRunPage } from '../report/local_page.js'
import { shadowSections } from '../report/shadow_page.js'
import { writeSupervisedPage } from '../report/supervised_page.js'
import { run } from './terminal.js'

/** Writes the page of a run of any kind. */
async function writePage(folder: string): Promise<void> {
  const record = await readRecord(folder)
  if (record.kind === 'supervised') {
    using net = await Network.load(join(folder, 'model.safetensors'))
    await writeSupervisedPage(net.describe(), record, folder, await shadowSections(folder))
    return
  }
  // Awaited, as the network is disposed of on return.
  using net = await LocalNet.load(join(folder, 'model.safetensors'))
  await writeRunPage(net, record, folder)
}

export function addReport(program: Command): void {
  program
    .command('report')
    .description('the page of a run, made again: filters, curves, scores, provenance')
    .argument('<dir>', 'folder of a run')
    .addHelpText('after', '\nExample:\n  $ striate report runs/grinberg')
    .action((folder: string) =>
      run(async () => {
        await writePage(folder)
        console.log(`written: ${join(folder, 'report.html')}`)
      }),
    )
}
