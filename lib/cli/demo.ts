import { resolve } from 'node:path'
import type { Command } from 'commander'
import { deviceOf } from '../device.js'
import { type BlockRecord, healthWarnings } from '../learn/index.js'
import { writeDemoPage } from '../report/index.js'
import { demoOptions, runDemo } from '../reproduce/index.js'
import { duration } from '../run/progress.js'
import { addFlags } from './flags.js'
import { interruptSignal, jsonText, output, quantity, run } from './terminal.js'

interface DemoValues {
  out: string
  device: string
  json?: boolean
}

export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description(
      'on images that it makes itself: learn filters without labels, read them out, test them under shadows; learn a hierarchy by compression; learn how far rendered objects are; write a page: about a minute',
    )
    .option('--out <dir>', 'folder of the page', 'striate-demo')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', jsonText)
  const given = addFlags(command, demoOptions)
  command.addHelpText('after', '\nExample:\n  $ striate demo --out demo').action((values: DemoValues) =>
    run(async () => {
      const say = output(values)
      const { out } = values
      const started = performance.now()
      const result = await runDemo(given(), {
        out,
        device: deviceOf(values.device),
        signal: interruptSignal(),
        onProgress: say.progress,
        onPlan: say.line,
      })
      say.done()
      const { net, record, networks, chance, hierarchy, scenes } = result
      using learned = net
      const { filters, health, seconds } = record.blocks[0] as BlockRecord
      const patches = filters.steps * filters.batch
      say.line(
        `learned ${filters.units} filters of ${filters.window} x ${filters.window} without labels from ${quantity(patches)} patches, ${quantity(patches / seconds)} a second`,
      )
      for (const text of healthWarnings(health, filters)) say.line(`warning: ${text}`)
      const powers = networks.map(({ name, power }) => `${name} ${power}`).join(', ')
      say.line(`error on test images (standard error); powers chosen on a validation split: ${powers}:`)
      const row = (name: string, share: number) => `  ${name.padEnd(26)} ${(100 * share).toFixed(1).padStart(5)} %`
      for (const { name, plain, shadowed } of networks) {
        say.line(`${row(name, plain.value)} +- ${(100 * plain.spread.value).toFixed(1)}`)
        say.line(`${row(`${name}, shadowed`, shadowed.value)} +- ${(100 * shadowed.spread.value).toFixed(1)}`)
      }
      say.line(`${row('wavelets, components', hierarchy.learned.value)} +- ${(100 * hierarchy.learned.spread.value).toFixed(1)}`)
      say.line(`${row('wavelets, random mixing', hierarchy.random.value)} +- ${(100 * hierarchy.random.spread.value).toFixed(1)}`)
      say.line(row('chance', chance))
      say.line(
        `distance of rendered objects of ${scenes.categories} categories, learned from ${scenes.images.train} scenes: R2 ${scenes.distance.value.toFixed(2)} on objects that were not among them`,
      )
      await writeDemoPage({ ...result, net: learned }, out)
      const all = (performance.now() - started) / 1000
      say.line(`done in ${duration(all)}: open ${resolve(out, 'report.html')}`)
      say.json({
        out,
        networks,
        chance,
        hierarchy: { learned: hierarchy.learned, random: hierarchy.random },
        distance: scenes.distance,
        seconds: all,
      })
    }),
  )
}
