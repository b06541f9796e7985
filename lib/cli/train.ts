import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import { describeFeatures, type ReadoutOptions } from '../features/index.js'
import {
  type BlockOptions,
  type BlockRecord,
  describeRules,
  type FilterOptions,
  healthWarnings,
  trainLocal,
} from '../learn/index.js'
import { writeRunPage } from '../report/local_page.js'
import { recipe, recipeNames } from '../reproduce/grinberg/recipes.js'
import { blockWords, parseBlocks } from './block_syntax.js'
import { bytes, number, numbers, wholeNumber } from './options.js'
import { addImageOptions, describeImages, openAsked, type RunRequest, readRequest, writeRequest } from './request.js'
import { duration, interruptSignal, keptRun, output, run } from './terminal.js'
import { addTrainSupervised } from './train_supervised.js'

interface TrainOptions
  extends Omit<FilterOptions, 'seed' | 'batch'>,
    Omit<ReadoutOptions, 'seed' | 'batch' | 'refit' | 'centreFeatures'> {
  data?: string
  recipe?: string
  blocks?: BlockOptions[]
  trunk?: BlockOptions[]
  device: string
  seed?: number
  out: string
  resume?: string
  json?: boolean
  size?: number
  limit?: number
  filterBatch?: number
  readoutBatch?: number
  checkpointSeconds?: number
  readout: boolean
  refit: boolean
  centreFeatures: boolean
}

const filterNames = [
  'units',
  'window',
  'rank',
  'antiHebbian',
  'learningRate',
  'finalLearningRate',
  'steps',
  'mode',
  'init',
  'step',
] as const
const moreFilterNames = ['rule', 'p', 'temperature', 'normalise', 'centre', 'dead', 'untilConverged'] as const
const readoutNames = [
  'powers',
  'poolSize',
  'poolStrides',
  'learningRates',
  'weightDecays',
  'epochs',
  'patience',
  'validation',
  'memoryLimit',
] as const

/** Rules whose filters a network can hold as they are. */
const trainableRules = describeRules()

/** The rules with their descriptions, folded to 100 columns. */
function rulesText(): string {
  const indent = 22
  return trainableRules
    .map(({ name, text }) => {
      const lines = ['']
      for (const word of text.split(' ')) {
        const last = lines.at(-1) as string
        if (last.length + 1 + word.length > 100 - indent) lines.push(word)
        else lines[lines.length - 1] = last ? `${last} ${word}` : word
      }
      return `  ${name.padEnd(indent - 2)}${lines.join(`\n${' '.repeat(indent)}`)}`
    })
    .join('\n')
}

interface Request extends RunRequest {
  seed: number
  filters: FilterOptions
  /** Absent from the files of Striate 0.1, which knew one block. */
  blocks?: BlockOptions[]
  trunk?: BlockOptions[]
  readout: ReadoutOptions | false
}

export function addTrain(program: Command): void {
  const train = program.command('train').description('train a model')
  addTrainSupervised(train)
  const command = train
    .command('local')
    .description('filters learned from image patches by a local rule, then a softmax readout')
    .option('--data <path>', 'CIFAR binary batches, IDX files, or a folder of class folders of JPEG, PNG or WebP images')
    .option('--recipe <name>', `settings by name: ${recipeNames.join(', ')}`)
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--seed <n>', 'of filters, split and order (default: 0)', wholeNumber(0))
    .option('--out <dir>', 'folder of the run', 'runs/local')
    .option('--resume <dir>', 'go on with the run in a folder, with its own settings')
    .option('--checkpoint-seconds <s>', 'between checkpoints (default: 20)', number(0, 1e6))
    .option('--json', 'progress and result as JSON lines')
  addImageOptions(command)
  command
    .optionsGroup('Filters (of all blocks):')
    .option('--blocks <list>', `blocks side by side, between commas, each of ${blockWords}; the rest as below`, parseBlocks)
    .option('--trunk <list>', 'blocks one after another under them, written alike', parseBlocks)
    .option('--units <k>', 'filters (default: 400)', wholeNumber(2))
    .option('--window <w>', 'side of the filters, in pixels (default: 4)', wholeNumber(1))
    .addOption(
      new Option('--rule <name>', 'how they learn, see below (default: krotov-hopfield)').choices(
        trainableRules.map(({ name }) => name),
      ),
    )
    .option('--p <p>', 'of the currents sign(w) |w|^(p-1) v of krotov-hopfield (default: 2)', number(2, 100))
    .option('--temperature <t>', 'of soft-wta (default: 0.002) and softhebb (default: 0.02)', number(1e-6, 1e6))
    .option('--rank <m>', 'rank of the unit that is pushed away (default: 2)', wholeNumber(2))
    .option('--anti-hebbian <delta>', 'how strongly (default: 0.2)', number(0, 1))
    .option('--learning-rate <e>', 'at the start, falling linearly (default: 0.1, faithful 0.02)', number(0, 10))
    .option('--final-learning-rate <e>', 'at the end (default: 0)', number(0, 10))
    .option('--filter-batch <n>', 'patches of a minibatch (default: 1000)', wholeNumber(1))
    .option('--steps <n>', 'minibatches (default: 20000)', wholeNumber(1))
    .addOption(new Option('--mode <name>', "'stable', or the authors' rule").choices(['stable', 'faithful']))
    .addOption(new Option('--init <name>', 'initial rows').choices(['patches', 'normal']))
    .addOption(new Option('--step <name>', 'normalisation of the update').choices(['count', 'max']))
    .addOption(new Option('--normalise <name>', 'patches of norm 1 (default: patch)').choices(['patch', 'none']))
    .option('--centre', "take each patch's mean off")
    .addOption(new Option('--dead <name>', 'units that never win (default: report)').choices(['report', 'reseed', 'prune']))
    .option('--until-converged', 'stop once wins, gains and norms have settled')
  command
    .optionsGroup('Readout:')
    .option('--no-readout', 'learn filters only')
    .option(
      '--powers <list>',
      'of the rectified power of all blocks, to choose from (default: each its own, or 40)',
      numbers(1, 200),
    )
    .option('--pool-size <px>', 'side of the max pool of all blocks (default: each its own, or 11)', wholeNumber(1))
    .option(
      '--pool-strides <list>',
      'of all blocks, to choose from on the validation split (default: each its own, or 2)',
      numbers(1, 65536),
    )
    .option('--learning-rates <list>', 'of Adam, to choose from (default: 0.001)', numbers(0, 1000))
    .option('--weight-decays <list>', 'to choose from (default: 0.0003)', numbers(0, 1000))
    .option('--epochs <n>', 'passes at most (default: 20)', wholeNumber(1))
    .option('--patience <n>', 'epochs without a better validation error (default: 5)', wholeNumber(1))
    .option('--no-centre-features', "leave each feature's mean in while the readout learns")
    .option('--no-refit', 'do not train the chosen setting again on all images, validation included')
    .option('--readout-batch <n>', 'images of a minibatch (default: 100)', wholeNumber(1))
    .option('--validation <share>', 'of the images (default: 0.1)', number(0, 0.99))
    .option('--memory-limit <size>', 'for cached features, such as 800MB (default: 75 % of the free memory)', bytes)
  command
    .addHelpText('after', () => `\nRules:\n${rulesText()}`)
    .addHelpText(
      'after',
      '\nExample:\n  $ striate train local --data cifar-10-batches-bin --recipe grinberg --out runs/grinberg' +
        '\n  $ striate train local --data cifar-10-batches-bin --blocks "W3 K200 n40 pool11/2, W6 K200 n40 pool11/2" --steps 5000 --out runs/two',
    )
    .action((options: TrainOptions) =>
      run(
        () => trainLocalCommand(options),
        () => keptRun(options.resume ?? options.out),
      ),
    )
}

async function trainLocalCommand(options: TrainOptions): Promise<void> {
  const out = options.resume ?? options.out
  const say = output(options)
  const signal = interruptSignal()
  const request = options.resume ? await readRequest<Request>('train local', options.resume, 'filters') : makeRequest(options)
  const set = await openAsked(request, { signal })
  say.line(describeImages(set))
  const started = performance.now()
  const { net, record } = await trainLocal(set, {
    filters: request.filters,
    ...(request.blocks ? { blocks: request.blocks } : {}),
    ...(request.trunk ? { trunk: request.trunk } : {}),
    readout:
      request.readout === false || (set.classes.length < 2 && Object.keys(request.readout).length === 0)
        ? false
        : request.readout,
    seed: request.seed,
    device: deviceOf(request.device),
    out,
    resume: options.resume !== undefined,
    ...(options.checkpointSeconds === undefined ? {} : { checkpointSeconds: options.checkpointSeconds }),
    signal,
    onProgress: say.progress,
    onPlan: say.line,
    onFolder: () => writeRequest(out, request),
  })
  say.done()
  await writeRunPage(net, record, out)
  const { blocks, readout } = record
  const error = readout && 100 * readout.chosen.validationError
  const layers = [...record.trunk, ...blocks]
  const warnings: string[] = []
  for (const [i, { health, filters }] of layers.entries()) {
    const phase = `filters${layers.length > 1 ? ` ${i + 1}/${layers.length}` : ''}`
    const found = healthWarnings(health, filters).map((text) => `${phase}: ${text}`)
    warnings.push(...found)
    say.line(
      `${phase}: ${[...net.config.trunk, ...net.config.blocks][i]?.units} of ${filters.window} x ${filters.window}, ` +
        `${health.dead.length} dead, ${health.duplicates} near-duplicate pairs, ${(100 * health.unitNorm).toFixed(0)} % of rows within 1 % of norm 1`,
    )
    for (const text of found) say.line(`warning: ${text}`)
  }
  if (readout && Number.isFinite(error))
    say.line(
      `readout: validation error ${error?.toFixed(2)} % of ${readout.images.validation} images (${describeFeatures(net.config)})`,
    )
  say.line(
    `done in ${duration((performance.now() - started) / 1000)}: ${join(out, 'model.safetensors')}, ${join(out, 'report.html')}`,
  )
  const short = (list: BlockRecord[]) => list.map(({ history: _history, ...block }) => block)
  say.json({ event: 'done', out, warnings, ...record, trunk: short(record.trunk), blocks: short(blocks) })
  net.dispose()
}

function makeRequest(options: TrainOptions): Request {
  if (!options.data)
    throw new OptionError({
      op: 'train local',
      argument: '--data',
      actual: 'missing',
      expected: 'the path of images (see striate train local --help)',
    })
  const base = options.recipe ? recipe(options.recipe) : { filters: {}, blocks: [{ filters: {} }], readout: {} }
  const given = (names: readonly (keyof TrainOptions)[]) =>
    Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])))
  const own: FilterOptions = { ...given(filterNames), ...given(moreFilterNames) }
  if (options.filterBatch !== undefined) own.batch = options.filterBatch
  // An option outranks a recipe, and a block of --blocks an option.
  const blocks = options.blocks ?? base.blocks.map((block) => ({ ...block, filters: { ...block.filters, ...own } }))
  const readout = { ...base.readout, ...given(readoutNames) }
  if (options.readoutBatch !== undefined) readout.batch = options.readoutBatch
  if (!options.refit) readout.refit = false
  if (!options.centreFeatures) readout.centreFeatures = false
  return {
    data: options.data,
    device: options.device,
    seed: options.seed ?? 0,
    size: options.size ?? null,
    limit: options.limit ?? null,
    filters: { ...base.filters, ...own },
    blocks,
    ...(options.trunk ? { trunk: options.trunk } : {}),
    readout: options.readout ? readout : false,
  }
}
