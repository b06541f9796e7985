import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { type ImageSet, openImages } from '../data/index.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { convNet, type NetworkConfigInput, resNet18 } from '../models/index.js'
import { type BlockOptions, type SupervisedOptions, trainSupervised } from '../train/index.js'
import { parseBlocks } from './block_syntax.js'
import { number, wholeNumber } from './options.js'
import { writeSupervisedPage } from './supervised_page.js'
import { duration, interruptSignal, keptRun, output, run } from './terminal.js'

interface TrainSupervisedOptions {
  data?: string
  network: 'conv-net' | 'resnet-18'
  blocks?: BlockOptions[]
  normalise?: 'none' | 'patch'
  optimiser: 'adam' | 'adamw' | 'sgd'
  learningRate?: number
  weightDecay?: number
  momentum?: number
  schedule: 'constant' | 'linear' | 'cosine'
  warmup: number
  epochs: number
  batch: number
  validation: number
  patience?: number
  crop: number
  flip?: boolean
  seed: number
  device: string
  out: string
  resume?: string
  checkpointSeconds?: number
  size?: number
  limit?: number
  json?: boolean
}

/** What a run was asked for; kept in its folder, so that `--resume` needs nothing else. */
interface Request {
  data: string
  device: string
  size: number | null
  limit: number | null
  network: Pick<TrainSupervisedOptions, 'network' | 'blocks' | 'normalise'>
  options: SupervisedOptions
}

const defaultBlocks: BlockOptions[] = [{ filters: { window: 4, units: 400 }, pool: { size: 11, stride: 2 } }]

export function addTrainSupervised(train: Command): void {
  train
    .command('supervised')
    .description('a network trained end to end by backpropagation: the twin of a local network, or ResNet-18')
    .option('--data <path>', 'CIFAR binary batches, IDX files, or a folder of class folders of JPEG, PNG or WebP images')
    .addOption(new Option('--network <name>', 'which').choices(['conv-net', 'resnet-18']).default('conv-net'))
    .option('--blocks <list>', 'of conv-net, such as "W4 K400 pool11/2, W5 K200 pool11/2" (default: that first one)', parseBlocks)
    .addOption(
      new Option('--normalise <name>', 'of conv-net: patch trains NNL-CONV layers end to end (default: none)').choices([
        'none',
        'patch',
      ]),
    )
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--seed <n>', 'of weights, split, order and augmentation', wholeNumber(0), 0)
    .option('--out <dir>', 'folder of the run', 'runs/supervised')
    .option('--resume <dir>', 'go on with the run in a folder, with its own settings')
    .option('--checkpoint-seconds <s>', 'between checkpoints (default: 20)', number(0, 1e6))
    .option('--json', 'progress and result as JSON lines')
    .option('--size <px>', 'resize images of a folder to px x px', wholeNumber(1, 65536))
    .option('--limit <n>', 'use the first n images', wholeNumber(1))
    .optionsGroup('Training:')
    .option('--epochs <n>', 'passes over the training images', wholeNumber(1), 20)
    .option('--batch <n>', 'images of a minibatch', wholeNumber(1), 100)
    .addOption(new Option('--optimiser <name>', 'which').choices(['adam', 'adamw', 'sgd']).default('adam'))
    .option('--learning-rate <e>', 'at the start (default: 0.001; sgd 0.01)', number(0, 1e6))
    .option('--weight-decay <d>', 'of weights, not of biases (default: 0; adamw 0.01)', number(0, 1e6))
    .option('--momentum <m>', 'of sgd (default: 0.9)', number(0, 0.999999999))
    .addOption(
      new Option('--schedule <name>', 'course of the learning rate').choices(['constant', 'linear', 'cosine']).default('cosine'),
    )
    .option('--warmup <epochs>', 'over which the learning rate rises', number(0, 1e6), 0)
    .option('--validation <share>', 'of the images', number(0, 0.99), 0.1)
    .option('--patience <n>', 'stop after so many epochs without a better validation error (default: never)', wholeNumber(1))
    .option('--crop <px>', 'random crops after padding by so many pixels', wholeNumber(0), 0)
    .option('--flip', 'mirror half of the images')
    .addHelpText('after', '\nExample:\n  $ striate train supervised --data cifar-10-batches-bin --epochs 10 --out runs/twin')
    .action((options: TrainSupervisedOptions) =>
      run(
        () => trainSupervisedCommand(options),
        () => keptRun(options.resume ?? options.out),
      ),
    )
}

async function trainSupervisedCommand(options: TrainSupervisedOptions): Promise<void> {
  const out = options.resume ?? options.out
  const say = output(options)
  const signal = interruptSignal()
  const request = options.resume ? await readRequest(options.resume) : makeRequest(options)
  const set = await openImages(request.data, {
    signal,
    ...(request.size === null ? {} : { size: request.size }),
    ...(request.limit === null ? {} : { limit: request.limit }),
  })
  say.line(
    `data: ${set.name}, ${set.shape[0]} images of ${set.shape.slice(1).join(' x ')}, ${set.classes.length || 'no'} classes`,
  )
  const started = performance.now()
  const { net, record } = await trainSupervised(set, networkOf(request, set), request.options, {
    device: deviceOf(request.device),
    out,
    resume: options.resume !== undefined,
    ...(options.checkpointSeconds === undefined ? {} : { checkpointSeconds: options.checkpointSeconds }),
    signal,
    onProgress: say.progress,
    onFolder: () => writeAtomic(join(out, 'request.json'), `${JSON.stringify(request, null, 1)}\n`),
  })
  say.done()
  await writeSupervisedPage(net.describe(), record, out)
  const best = record.curve[record.bestEpoch - 1]
  say.line(net.describe())
  if (best?.validationError != null)
    say.line(
      `validation error ${(100 * best.validationError).toFixed(2)} % of ${record.images.validation} images, epoch ${best.epoch}`,
    )
  say.line(
    `done in ${duration((performance.now() - started) / 1000)}: ${join(out, 'model.safetensors')}, ${join(out, 'report.html')}`,
  )
  say.json({ event: 'done', out, ...record })
  net.dispose()
}

function networkOf({ network }: Request, set: ImageSet): NetworkConfigInput {
  const [, channels, height, width] = set.shape
  const image: [number, number] = [height, width]
  if (network.network === 'resnet-18') return resNet18({ channels, image, classes: set.classes })
  const normalise = network.normalise ?? 'none'
  const blocks = (network.blocks ?? defaultBlocks).map(({ filters = {}, pool = {}, power }) => {
    const { window = 4, units = 400 } = filters
    const room = Math.max(1, Math.min(height, width) - window + 1)
    return { window, units, pool: { size: pool.size ?? Math.min(11, room), stride: pool.stride ?? 2 }, power: power ?? 1 }
  })
  return convNet({ channels, image, classes: set.classes, blocks, normalise })
}

function makeRequest(options: TrainSupervisedOptions): Request {
  const refuse = (argument: string, actual: string, expected: string) =>
    new OptionError({ op: 'train supervised', argument, actual, expected })
  if (!options.data) throw refuse('--data', 'missing', 'the path of images (see striate train supervised --help)')
  if (options.network !== 'conv-net')
    for (const name of ['blocks', 'normalise'] as const)
      if (options[name] !== undefined) throw refuse(`--${name}`, `given for ${options.network}`, '--network conv-net')
  if (options.momentum !== undefined && options.optimiser !== 'sgd')
    throw refuse('--momentum', `given for ${options.optimiser}`, '--optimiser sgd')
  const { learningRate, weightDecay, momentum } = options
  const rates = {
    ...(learningRate === undefined ? {} : { learningRate }),
    ...(weightDecay === undefined ? {} : { weightDecay }),
    ...(momentum === undefined ? {} : { momentum }),
  }
  const { network, blocks, normalise } = options
  return {
    data: options.data,
    device: options.device,
    size: options.size ?? null,
    limit: options.limit ?? null,
    network: { network, ...(blocks ? { blocks } : {}), ...(normalise ? { normalise } : {}) },
    options: {
      epochs: options.epochs,
      batch: options.batch,
      optimiser: { kind: options.optimiser, ...rates },
      schedule: { kind: options.schedule, warmupEpochs: options.warmup },
      validation: options.validation,
      ...(options.patience === undefined ? {} : { patience: options.patience }),
      augment: { crop: options.crop, flip: options.flip ?? false },
      // Rectified networks of many layers keep their scale only so.
      init: network === 'resnet-18' ? 'he' : 'fan-in',
      seed: options.seed,
    },
  }
}

async function readRequest(folder: string): Promise<Request> {
  try {
    const request = JSON.parse(await readFile(join(folder, 'request.json'), 'utf8')) as Request
    if (request.options) return request
  } catch {
    // said below
  }
  throw new OptionError({
    op: 'train supervised',
    argument: '--resume',
    actual: `'${folder}', without a readable request.json of such a run`,
    expected: 'the folder of a run',
  })
}
