import type { Command } from 'commander'
import { readRdms } from '../data/index.js'
import { rsa, rsaOptions } from '../eval/index.js'
import { addFlags } from './flags.js'
import { addLayerFlags, addShapingFlags, openPicturesFor, runLayerScores } from './layer_scores.js'

export function addEvalRsa(evaluate: Command): void {
  const command = evaluate
    .command('rsa')
    .description('whether the layers of a run’s network find the same images alike as brains or people do')
  addLayerFlags(command)
  command
    .requiredOption('--images <dir>', 'folder of the images, in the order of their names')
    .requiredOption('--rdm <file>', '.npy of dissimilarities: pairs i < j [pairs], or [subjects, pairs], or squares of them')
  const own = addFlags(command, rsaOptions)
  const given = addShapingFlags(command, ['crop'])
  command
    .addHelpText(
      'after',
      '\nExample:\n  $ striate eval rsa --run runs/wavelet --images brain92/images --rdm brain92/human_IT_rdm.npy',
    )
    .action((values: { run: string; device: string; json?: boolean; images: string; rdm: string }) =>
      runLayerScores(
        values,
        'rsa',
        values.rdm,
        async (net, control) => {
          const images = await openPicturesFor(net, values.run, values.images, given(), control.signal)
          return rsa(net, images, await readRdms(values.rdm, images.shape[0]), { ...own(), ...control })
        },
        ({ scores, ceiling }, say) => {
          const width = Math.max(5, ...scores.map(({ layer }) => layer.length))
          say.line(`${'layer'.padEnd(width)}  score     +-`)
          for (const { layer, value, spread } of scores)
            say.line(`${layer.padEnd(width)}  ${value.toFixed(3).padStart(5)}  ${spread.value.toFixed(3)}`)
          if (ceiling) say.line(`ceiling: ${ceiling.lower.toFixed(3)} to ${ceiling.upper.toFixed(3)} (${ceiling.formula})`)
          for (const [name, text] of Object.entries(scores[0]?.protocol ?? {}))
            say.line(`${name}: ${Array.isArray(text) ? text.join(' x ') : text}`)
        },
      ),
    )
}
