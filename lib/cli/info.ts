import type { Command } from 'commander'
import { devices, instructionSet, threads } from '../device.js'
import { version } from '../version.js'
import { jsonText, output, run } from './terminal.js'

export function addInfo(program: Command): void {
  program
    .command('info')
    .description('devices, libraries and versions, and why a GPU is or is not used')
    .option('--json', jsonText)
    .addHelpText('after', '\nExample:\n  $ striate info --json')
    .action((options: { json?: boolean }) =>
      run(async () => {
        const info = {
          striate: version,
          node: process.version,
          platform: `${process.platform}-${process.arch}`,
          instructionSet,
          threads: threads(),
          devices: devices(),
        }
        const say = output(options)
        say.json(info)
        if (options.json) return
        say.line(`striate ${info.striate}, Node ${info.node}, ${info.platform}`)
        for (const d of info.devices) {
          const name = d.index > 0 ? `${d.kind}:${d.index}` : d.kind
          if (d.usable) say.line(`${name}: ${d.name}, ${((d.memory ?? 0) / 2 ** 30).toFixed(1)} GiB, ${d.libraries}`)
          else say.line(`${name}: not usable: ${d.reason}`)
        }
      }),
    )
}
