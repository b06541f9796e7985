import { join } from 'node:path'
import type { Command } from 'commander'
import sharp from 'sharp'
import { makeFolder } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { renderSet } from '../scene/index.js'
import { wholeNumber } from './options.js'
import { interruptSignal, output, run } from './terminal.js'

interface RenderOptions {
  out: string
  count: number
  size: number
  seed: number
  json?: boolean
}

export function addRender(program: Command): void {
  program
    .command('render')
    .description('labelled scenes with their latent variables, as class folders of PNG files')
    .requiredOption('--out <dir>', 'folder to make')
    .requiredOption('--count <n>', 'scenes', wholeNumber(1))
    .option('--size <px>', 'side of the image', wholeNumber(8, 4096), 32)
    .option('--seed <n>', 'seed', wholeNumber(0), 0)
    .option('--json', 'progress as JSON lines')
    .addHelpText('after', '\nExample:\n  $ striate render --out scenes --count 1000 --size 64')
    .action((options: RenderOptions) =>
      run(
        async () => {
          const say = output(options)
          const signal = interruptSignal()
          const { count, size, seed } = options
          const set = await renderSet({ count, size, seed, signal })
          for (const name of set.classes) await makeFolder(join(options.out, name))
          const plane = size * size
          const rows: object[] = []
          for (let i = 0; i < count; i++) {
            signal.throwIfAborted()
            const pixels = new Uint8Array(plane * 3)
            for (let p = 0; p < plane; p++)
              for (let c = 0; c < 3; c++) pixels[p * 3 + c] = set.images[(i * 3 + c) * plane + p] ?? 0
            const file = join(set.classes[set.labels?.[i] ?? 0] ?? '', `${String(i).padStart(6, '0')}.png`)
            await writeAtomic(
              join(options.out, file),
              await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
                .png()
                .toBuffer(),
            )
            rows.push({ file, ...set.latents[i] })
          }
          await writeAtomic(join(options.out, 'latents.json'), `${JSON.stringify(rows, null, 1)}\n`)
          say.line(`written: ${count} scenes of ${set.classes.length} classes and latents.json in ${options.out}`)
          say.json({ event: 'done', out: options.out, count, classes: set.classes })
        },
        () => 'the scenes that were written stay',
      ),
    )
}
