// The commands, and how they end.
import { Command } from 'commander'
import { version } from '../version.js'
import { printable } from './terminal.js'

const program = new Command('striate')
  .description('Image models learned without backpropagation: train, evaluate, report, and time the kernels that do it')
  .version(version)
  .configureOutput({ outputError: (text, write) => write(`${text.trimEnd().split('\n').map(printable).join('\n')}\n`) })
  .showHelpAfterError('(add --help for the options)')
  .exitOverride((error) => {
    // Wrong usage ends with 2; --help and --version with 0.
    process.exit(error.exitCode === 0 ? 0 : 2)
  })

/** In the order of the help. Each loads what it computes with, so that no command waits for another's. */
const commands = {
  info: async () => (await import('./info.js')).addInfo,
  demo: async () => (await import('./demo.js')).addDemo,
  train: async () => (await import('./train.js')).addTrain,
  eval: async () => (await import('./eval.js')).addEval,
  predict: async () => (await import('./predict.js')).addPredict,
  features: async () => (await import('./features.js')).addFeatures,
  render: async () => (await import('./render.js')).addRender,
  report: async () => (await import('./report.js')).addReport,
  reproduce: async () => (await import('./reproduce.js')).addReproduce,
  export: async () => (await import('./export.js')).addExport,
  bench: async () => (await import('./bench.js')).addBench,
}
const asked = Object.entries(commands).filter(([name]) => name === process.argv[2])
for (const [, load] of asked.length > 0 ? asked : Object.entries(commands)) (await load())(program)
// Subcommands made after exitOverride inherit it only when they copy the settings.
const inherit = (command: Command): void => {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    inherit(child)
  }
}
inherit(program)

await program.parseAsync()
