import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { OptionError } from '../errors.js'
import { describeFeatures, readoutOptions } from '../features/index.js'
import {
  type BlockRecord,
  describeRules,
  type FilterOptions,
  filterOptions,
  healthWarnings,
  type LocalOptions,
  localOptions,
  trainLocal,
} from '../learn/index.js'
import { localBlocks } from '../models/index.js'
import { describeRecipes, filtersOver, type RecipeName, recipe, recipeNames } from '../reproduce/grinberg/recipes.js'
import { duration } from '../run/progress.js'
import { localWords, parseLocalBlocks } from './block_syntax.js'
import { addFlags } from './flags.js'
import { TrainingFlags } from './run_flags.js'
import { folded } from './terminal.js'

const settings = z.strictObject({ options: localOptions })

interface TrainLocalValues {
  recipe?: RecipeName
  blocks?: LocalOptions['blocks']
  trunk?: LocalOptions['trunk']
  readout: boolean
}

export function addTrainLocal(train: Command): void {
  const command = train.command('local').description('filters learned from image patches by a local rule, then a softmax readout')
  const flags = new TrainingFlags(command, 'runs/local')
  command.addOption(new Option('--recipe <name>', 'settings by name, see below').choices(recipeNames))
  const whole = addFlags(command, localOptions, { only: ['seed'] })
  command
    .optionsGroup('Filters (of all blocks):')
    .option('--blocks <list>', `blocks side by side, between commas, each of ${localWords}; the rest as below`, parseLocalBlocks)
    .option(
      '--trunk <list>',
      'blocks one after another under them, or with on0 or on1 under some of them, written alike',
      parseLocalBlocks,
    )
  const group = { group: 'Filters (of all blocks):' }
  const filters = [
    addFlags(command, filterOptions, { ...group, except: ['seed'] }),
    addFlags(command, filterOptions, { ...group, only: ['seed'], prefix: 'filter', defaults: false }),
  ]
  command.optionsGroup('Readout:').option('--no-readout', 'learn filters only')
  const readout = [
    addFlags(command, readoutOptions, { group: 'Readout:', except: ['seed'] }),
    addFlags(command, readoutOptions, { group: 'Readout:', only: ['seed'], prefix: 'readout', defaults: false }),
  ]
  const merged = <T extends object>(parts: readonly (() => T)[]): T => Object.assign({}, ...parts.map((part) => part()))

  const asked = (): LocalOptions => {
    const values = command.opts<TrainLocalValues>()
    const own = merged(readout)
    const [first] = Object.keys(own)
    if (!values.readout && first)
      throw new OptionError({
        op: 'train local',
        argument: `readout.${first}`,
        actual: 'given with --no-readout',
        expected: 'one of them',
      })
    const ofAll: FilterOptions = merged(filters)
    // What a block says of whitening stands over what is said of it for all blocks.
    const whitened = <B extends { filters?: FilterOptions | undefined }>(blocks: readonly B[]): B[] =>
      blocks.map((block) =>
        block.filters?.whiten ? { ...block, filters: filtersOver({ whiten: ofAll.whiten }, block.filters) } : block,
      )
    const options: LocalOptions = {
      ...whole(),
      filters: ofAll,
      ...(values.blocks ? { blocks: whitened(values.blocks) } : {}),
      ...(values.trunk ? { trunk: whitened(values.trunk) } : {}),
      ...(values.readout ? (first ? { readout: own } : {}) : { readout: false }),
    }
    return values.recipe ? recipe(values.recipe, options) : options
  }
  command
    .addHelpText('after', () => `\nRules:\n${folded(describeRules())}\n\nRecipes:\n${folded(describeRecipes())}`)
    .addHelpText(
      'after',
      '\nExample:\n  $ striate train local --data cifar-10-batches-bin --recipe grinberg --out runs/grinberg' +
        '\n  $ striate train local --data cifar-10-batches-bin --blocks "W3 K200 n40 pool11/2, W6 K200 n40 pool11/2" --steps 5000 --out runs/two',
    )
  flags.action({
    settings,
    asked: () => ({ options: asked() }),
    train: async (images, { options }, run, say) => {
      const started = performance.now()
      const { net, record } = await trainLocal(images, options, run)
      using trained = net
      say.done()
      const { writeLocalPage } = await import('../report/index.js')
      await writeLocalPage(trained, record, run.out)
      const layers = [...record.trunk, ...record.blocks]
      const { trunk, blocks } = localBlocks(trained.config)
      const warnings: string[] = []
      for (const [i, { health, filters }] of layers.entries()) {
        const phase = `filters${layers.length > 1 ? ` ${i + 1}/${layers.length}` : ''}`
        const found = healthWarnings(health, filters).map((text) => `${phase}: ${text}`)
        warnings.push(...found)
        say.line(
          `${phase}: ${[...trunk, ...blocks][i]?.units} of ${filters.window} x ${filters.window}, ` +
            `${health.dead.length} dead, ${health.duplicates} near-duplicate pairs, ${(100 * health.unitNorm).toFixed(0)} % of rows within 1 % of norm 1`,
        )
        for (const text of found) say.line(`warning: ${text}`)
      }
      const { readout } = record
      if (readout && readout.images.validation > 0)
        say.line(
          `readout: validation error ${(100 * readout.chosen.validationError).toFixed(2)} % of ${readout.images.validation} images (${describeFeatures(trained.config)})`,
        )
      say.line(
        `done in ${duration((performance.now() - started) / 1000)}: ${join(run.out, 'model.safetensors')}, ${join(run.out, 'report.html')}`,
      )
      const short = (list: BlockRecord[]) => list.map(({ history: _history, ...block }) => block)
      say.json({ out: run.out, warnings, ...record, trunk: short(record.trunk), blocks: short(record.blocks) })
    },
  })
}
