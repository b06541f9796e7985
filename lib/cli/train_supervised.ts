import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { channelStatistics, type ImageSet } from '../data/index.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import type { BlockOptions } from '../learn/index.js'
import { convNet, type NetworkConfigInput, resNet18 } from '../models/index.js'
import { writeSupervisedPage } from '../report/supervised_page.js'
import { type SupervisedOptions, trainSupervised } from '../train/index.js'
import { parseBlocks } from './block_syntax.js'
import { number, wholeNumber } from './options.js'
import { addImageOptions, describeImages, openAsked, type RunRequest, readRequest, writeRequest } from './request.js'
import { duration, interruptSignal, keptRun, output, run } from './terminal.js'

interface TrainSupervisedOptions {
  data?: string
  network: 'conv-net' | 'resnet-18'
  blocks?: BlockOptions[]
  normalise?: 'none' | 'patch'
  standardise?: boolean
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

interface Request extends RunRequest {
  network: Pick<TrainSupervisedOptions, 'network' | 'blocks' | 'normalise' | 'standardise'>
  options: SupervisedOptions
}

const defaultBlocks: BlockOptions[] = [{ filters: { window: 4, units: 400 }, pool: { size: 11, stride: 2 } }]

export function addTrainSupervised(train: Command): void {
  const command = train
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
    .option('--standardise', "take each channel's mean over the images off, and divide by its standard deviation")
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--seed <n>', 'of weights, split, order and augmentation', wholeNumber(0), 0)
    .option('--out <dir>', 'folder of the run', 'runs/supervised')
    .option('--resume <dir>', 'go on with the run in a folder, with its own settings')
    .option('--checkpoint-seconds <s>', 'between checkpoints (default: 20)', number(0, 1e6))
    .option('--json', 'progress and result as JSON lines')
  addImageOptions(command)
  command
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
  const request = options.resume
    ? await readRequest<Request>('train supervised', options.resume, 'options')
    : makeRequest(options)
  const set = await openAsked(request, { signal })
  say.line(describeImages(set))
  const started = performance.now()
  const { net, record } = await trainSupervised(set, networkOf(request, set), request.options, {
    device: deviceOf(request.device),
    out,
    resume: options.resume !== undefined,
    ...(options.checkpointSeconds === undefined ? {} : { checkpointSeconds: options.checkpointSeconds }),
    signal,
    onProgress: say.progress,
    onFolder: () => writeRequest(out, request),
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
  const common = {
    channels,
    image,
    classes: set.classes,
    ...(network.standardise ? { standardise: channelStatistics(set) } : {}),
  }
  if (network.network === 'resnet-18') return resNet18(common)
  const normalise = network.normalise ?? 'none'
  const blocks = (network.blocks ?? defaultBlocks).map(({ filters = {}, pool = {}, power }) => {
    const { window = 4, units = 400 } = filters
    const room = Math.max(1, Math.min(height, width) - window + 1)
    const { size = Math.min(11, room), stride = 2, ...padding } = pool
    return { window, units, pool: { size, stride, ...padding }, power: power ?? 1 }
  })
  return convNet({ ...common, blocks, normalise })
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
  const { network, blocks, normalise, standardise } = options
  return {
    data: options.data,
    device: options.device,
    size: options.size ?? null,
    limit: options.limit ?? null,
    network: {
      network,
      ...(blocks ? { blocks } : {}),
      ...(normalise ? { normalise } : {}),
      ...(standardise ? { standardise } : {}),
    },
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
