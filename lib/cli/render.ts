import type { Command } from 'commander'
import { labelsOf } from '../data/index.js'
import { type SceneOptions, sceneOptions, scenes, writeScenes } from '../scene/index.js'
import { addFlags } from './flags.js'
import { interruptSignal, jsonText, output, run } from './terminal.js'

export function addRender(program: Command): void {
  const command = program
    .command('render')
    .description('labelled scenes with their latent variables, as class folders of PNG files')
    .requiredOption('--out <dir>', 'folder to make')
    .option('--json', jsonText)
  const given = addFlags(command, sceneOptions, { except: ['ranges'] })
  const ranges = addFlags(command, sceneOptions, { group: 'Ranges of the latent variables:', only: ['ranges'] })
  command
    .addHelpText('after', '\nExample:\n  $ striate render --out scenes --count 1000 --size 64')
    .action((values: { out: string; json?: boolean }) =>
      run(
        async () => {
          const say = output(values)
          const set = scenes({ ...given(), ...ranges() } as SceneOptions)
          await writeScenes(set, values.out, { signal: interruptSignal() })
          const { classes = [] } = labelsOf(set) ?? {}
          const count = set.shape[0]
          say.line(`written: ${count} scenes of ${classes.length} classes and latents.json in ${values.out}`)
          say.json({ out: values.out, count, classes })
        },
        () => 'the scenes that were written stay',
      ),
    )
}
