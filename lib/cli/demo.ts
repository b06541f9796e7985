// The main job on data that it makes itself: learn filters without labels, read them out, compare with random filters and with chance, test under
// shadows, and write a page.
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { ImageSet } from '../data/index.js'
import { type Device, deviceOf } from '../device.js'
import { classify } from '../eval/index.js'
import { type ReadoutOptions, trainReadout } from '../features/index.js'
import { makeFolder } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { type BlockRecord, dataPatches, healthWarnings, trainLocal } from '../learn/index.js'
import { applyShadow } from '../light/index.js'
import { LocalNet } from '../models/index.js'
import { unitRows } from '../ops/index.js'
import type { Section } from '../plot/index.js'
import { normals } from '../random.js'
import { errorBars, writeRunPage } from '../report/local_page.js'
import { type OnProgress, startPhase } from '../run/index.js'
import { renderSet } from '../scene/index.js'
import { scope, Tensor } from '../tensor.js'
import { wholeNumber } from './options.js'
import { duration, interruptSignal, output, quantity, run } from './terminal.js'

const settings = { train: 10_000, test: 2000, units: 128, window: 5, steps: 4000 }
// Each network's power is chosen on its own validation split: steep powers suit learned filters and silence random ones.
const readout: ReadoutOptions = {
  powers: [4, 10, 20, 40],
  poolSize: 9,
  poolStrides: [4],
  epochs: 15,
  validation: 0.15,
  refit: false,
}

interface DemoOptions {
  out: string
  device: string
  seed: number
  json?: boolean
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'learn filters from made images without labels, read them out, test them under shadows, write a page: about a minute',
    )
    .option('--out <dir>', 'folder of the page', 'striate-demo')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--seed <n>', 'of images, filters and readout', wholeNumber(0), 0)
    .option('--json', 'progress and result as JSON lines')
    .addHelpText('after', '\nExample:\n  $ striate demo --out demo')
    .action((options: DemoOptions) => run(() => demo(options)))
}

async function demo(options: DemoOptions): Promise<void> {
  const say = output(options)
  const signal = interruptSignal()
  const device = deviceOf(options.device)
  const { seed } = options
  const started = performance.now()
  await makeFolder(options.out)

  const train = await made('training images', 0, settings.train)
  const test = await made('test images', settings.train, settings.test)
  async function made(what: string, first: number, count: number): Promise<ImageSet> {
    const report = startPhase(what, 'images', count, 0, say.progress)
    return renderSet({ count, first, seed, signal, onProgress: ({ done }) => report(done) })
  }
  say.done()
  say.line(
    `made ${train.shape[0]} training and ${test.shape[0]} test images of ${train.classes.length} shapes: ${train.classes.join(', ')}`,
  )

  const { units, window, steps } = settings
  const { net, record } = await trainLocal(train, {
    filters: { units, window, steps },
    readout,
    seed,
    device,
    signal,
    onProgress: say.progress,
  })
  say.done()
  const { filters: learning } = record.blocks[0] as BlockRecord
  const patches = quantity((steps * learning.batch) / (record.seconds.filters ?? 1))
  say.line(
    `learned ${units} filters of ${window} x ${window} without labels from ${quantity(steps * learning.batch)} patches, ${patches} a second`,
  )
  for (const text of healthWarnings((record.blocks[0] as BlockRecord).health, learning)) say.line(`warning: ${text}`)

  // The same network with filters that learned nothing.
  const d = train.shape[1] * window ** 2
  const baseline = (rows: Float32Array) => readOut(train, rows, units, window, { device, seed, signal, onProgress: say.progress })
  const noise = await baseline(normals(seed, units * d))
  const pieces = await baseline(dataPatches(train, { ...learning, seed: seed + 1 }, units, 0))
  say.done()
  const dark = await applyShadow(test, { seed })
  const errors: Record<string, { value: number; spread: number }> = {}
  for (const [name, model] of [
    ['learned filters', net],
    ['random patches', pieces],
    ['random numbers', noise],
  ] as const)
    for (const [condition, set] of [
      ['', test],
      [', shadowed', dark],
    ] as const) {
      const { score } = await classify(model, set, { signal })
      errors[`${name}${condition}`] = { value: score.value, spread: score.spread.value }
    }
  const chance = 100 * (1 - 1 / train.classes.length)
  const power = ({ config }: LocalNet) => config.blocks[0]?.power
  const powers = `powers chosen on a validation split: learned ${power(net)}, patches ${power(pieces)}, numbers ${power(noise)}`
  say.line(`error on test images (standard error); ${powers}:`)
  for (const [name, e] of Object.entries(errors))
    say.line(`  ${name.padEnd(26)} ${e.value.toFixed(1).padStart(5)} % +- ${e.spread.toFixed(1)}`)
  say.line(`  ${'chance'.padEnd(26)} ${chance.toFixed(1).padStart(5)} %`)

  const bars = await errorBars('Test error', errors, chance)
  const results: Section = {
    heading: 'Learned filters against filters that learned nothing, in light and in shadow',
    blocks: [
      {
        kind: 'text',
        text: `${settings.test} test images; a shadow leaves 30 % of the light on 80 % of each image. Filters see no labels; all readouts are trained alike, with ${powers}. Random patches are pieces of the training images, random numbers are normal.`,
      },
      {
        kind: 'figure',
        image: bars,
        alt: 'Bars of test errors of learned filters, random patches and random numbers, with and without shadows, and chance',
      },
      {
        kind: 'table',
        caption: 'Test error',
        columns: ['Network', { label: 'Error', unit: '%' }, { label: 'Standard error', unit: '%' }],
        rows: [
          ...Object.entries(errors).map(([name, e]) => [name, e.value.toFixed(2), e.spread.toFixed(2)]),
          ['chance', chance.toFixed(2), ''],
        ],
      },
    ],
  }
  await net.save(join(options.out, 'model.safetensors'))
  await writeAtomic(join(options.out, 'run.json'), `${JSON.stringify(record, null, 1)}\n`)
  await writeRunPage(net, record, options.out, [results])
  net.dispose()
  pieces.dispose()
  noise.dispose()
  const seconds = (performance.now() - started) / 1000
  say.line(`done in ${duration(seconds)}: open ${resolve(options.out, 'report.html')}`)
  say.json({ event: 'done', out: options.out, errors, chance, seconds })
}

/** A network of given filters, read out like the learned ones. */
async function readOut(
  train: ImageSet,
  rows: Float32Array,
  units: number,
  window: number,
  { seed, ...run }: { device: Device; seed: number; signal: AbortSignal; onProgress: OnProgress },
): Promise<LocalNet> {
  const [, channels, height, width] = train.shape
  const filters = scope(() =>
    unitRows(Tensor.from(rows, { shape: [units, channels * window ** 2], device: run.device })).reshape([
      units,
      channels,
      window,
      window,
    ]),
  )
  const block = { window, units, power: 40, normalise: 'patch' as const, centre: false, pool: { size: 9, stride: 4 } }
  const layers = new LocalNet(
    { kind: 'local', channels, image: [height, width], trunk: [], blocks: [block], classes: [] },
    { blocks: [{ filters }] },
  )
  try {
    return (await trainReadout(layers, train, { ...readout, seed }, run)).net
  } finally {
    layers.dispose()
  }
}
