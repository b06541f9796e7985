// The commands, and how they end.
import { Command } from 'commander'
import { version } from '../version.js'
import { addBench } from './bench.js'
import { addDemo } from './demo.js'
import { addEval } from './eval.js'
import { addExport } from './export.js'
import { addFeatures } from './features.js'
import { addInfo } from './info.js'
import { addPredict } from './predict.js'
import { addRender } from './render.js'
import { addReport } from './report.js'
import { addReproduce } from './reproduce.js'
import { printable } from './terminal.js'
import { addTrain } from './train.js'

const program = new Command('striate')
  .description('Image models learned without backpropagation: train, evaluate, report, and time the kernels that do it')
  .version(version)
  .configureOutput({ outputError: (text, write) => write(`${text.trimEnd().split('\n').map(printable).join('\n')}\n`) })
  .showHelpAfterError('(add --help for the options)')
  .exitOverride((error) => {
    // Wrong usage ends with 2; --help and --version with 0.
    process.exit(error.exitCode === 0 ? 0 : 2)
  })

for (const add of [
  addInfo,
  addDemo,
  addTrain,
  addEval,
  addPredict,
  addFeatures,
  addRender,
  addReport,
  addReproduce,
  addExport,
  addBench,
])
  add(program)
// Subcommands made after exitOverride inherit it only when they copy the settings.
const inherit = (command: Command): void => {
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    inherit(child)
  }
}
inherit(program)

await program.parseAsync()
