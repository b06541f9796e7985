// The commands, and how they end.
import { Command } from 'commander'
import { processCount } from '../run/group.js'
import { version } from '../version.js'
import { nameOf } from './flags.js'
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

/** Refuses an argument that a command has no place for, by its name and with what stands before it. */
function refuseExtra(command: Command): void {
  const { registeredArguments: wanted, args } = command
  const extra = args[wanted.length]
  if (extra === undefined || wanted.at(-1)?.variadic) return
  const words = process.argv.slice(2)
  const before = words.slice(0, words.lastIndexOf(extra)).findLast((word) => /^--?[a-z]/i.test(word))
  const option = command.options.find(
    ({ long, short }) => before !== undefined && [long, short].includes(before.replace(/=.*/, '')),
  )
  const value = option?.flags.endsWith('<list>') ? 'one list, its parts between commas' : 'one value'
  const taken = option ? `; ${option.long} takes ${option.required ? value : 'none'}` : ''
  const places = wanted.length === 0 ? 'only options' : `one ${wanted.map((one) => one.name()).join(' and one ')}`
  command.error(
    `error: '${extra}' is one argument too many: '${nameOf(command)}' takes ${places}${taken} (what holds spaces needs quotes)`,
  )
}

/** Commands that work in a folder which their processes would fight over. */
const isForOne = (name: string): boolean => /^(train local|eval .*|reproduce|demo)$/.test(name)

program.hook('preAction', (_, command) => {
  refuseExtra(command)
  const name = nameOf(command)
  if (processCount() > 1 && isForOne(name))
    command.error(
      `error: '${name}' is started as one of ${processCount()} processes; expected one alone: mpirun is for 'train wavelet' and 'train supervised'`,
    )
})

// Subcommands made after exitOverride inherit it only when they copy the settings.
const inherit = (command: Command): void => {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    if (child.commands.length === 0) child.allowExcessArguments()
    inherit(child)
  }
}
inherit(program)

await program.parseAsync()
