import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import {
  channelStatistics,
  type Images,
  labelsOf,
  type OpenImagesOptions,
  openRecordings,
  type Recording,
} from '../data/index.js'
import { DataError, OptionError } from '../errors.js'
import { type EpochScores, encodeOptions, epochScores } from '../eval/index.js'
import { openSource } from '../eval/recordings.js'
import { describeReadError } from '../io/file_errors.js'
import {
  type BuilderOptions,
  builderOptions,
  buildNetwork,
  type ConvBlock,
  Network,
  type NetworkConfig,
} from '../models/index.js'
import { covers, noSuchLayer } from '../models/names.js'
import { type PyTorchFile, readPyTorchFile, standardisationOf } from '../models/pytorch.js'
import { openNetwork, processGroup, type RunOptions } from '../run/index.js'
import { duration } from '../run/progress.js'
import { supervisedOptions, targetHeadOptions, targetHeads, trainSupervised } from '../train/index.js'
import { convWords, parseConvBlocks } from './block_syntax.js'
import { addFlags } from './flags.js'
import { shapingLike } from './layer_scores.js'
import { TrainingFlags } from './run_flags.js'
import { startText } from './standardised.js'
import type { Output } from './terminal.js'

const networkFlags = z.strictObject({ network: builderOptions.prefault({ kind: 'conv-net' }).meta({ flag: '' }) })
const startFlags = z.strictObject({
  start: z
    .string()
    .min(1)
    .optional()
    .meta({ unit: 'path' })
    .describe(
      'folder of a run whose weights begin the layers of the same names, such as the blocks that train wavelet learned; or a safetensors file under PyTorch’s names, such as torchvision’s of ResNet-18',
    ),
  fresh: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('layers that begin anew all the same, such as fc where the classes are others'),
})
const scoreFlags = z.strictObject({
  layers: encodeOptions.shape.layers.unwrap().optional().describe('those scored with --responses (default: all blocks)'),
})
const targetFlags = targetHeadOptions.partial({ targets: true })
const settings = z.strictObject({
  ...targetFlags.shape,
  network: builderOptions.prefault({ kind: 'conv-net' }),
  options: supervisedOptions,
  /** In full. */
  start: startFlags.shape.start,
  fresh: startFlags.shape.fresh,
  /** In full. */
  responses: z.array(z.string().min(1)).min(1).optional(),
  layers: scoreFlags.shape.layers,
})

export function addTrainSupervised(train: Command): void {
  const command = train
    .command('supervised')
    .description(
      'a network trained end to end by backpropagation: the twin of a local network, ResNet-18, or a wavelet hierarchy',
    )
  const flags = new TrainingFlags(command, 'runs/supervised')
  const network = addFlags(command, networkFlags, { group: 'Network:' })
  command
    .optionsGroup('Network:')
    .option('--blocks <list>', `of conv-net, side by side, between commas, each of ${convWords}`, parseConvBlocks)
  const targets = addFlags(command, targetFlags, { group: 'Network:' })
  const start = addFlags(command, startFlags, { group: 'Network:' })
  const options = addFlags(command, supervisedOptions, { group: 'Training:' })
  command
    .optionsGroup('Scores while it learns:')
    .option(
      '--responses <path...>',
      'recordings of neurons or voxels, such as eval encoding reads without further flags: how well layers predict them is scored before and after every epoch, as there, in one round of folds',
    )
  const scored = addFlags(command, scoreFlags, { group: 'Scores while it learns:' })

  const built = (): BuilderOptions | undefined => {
    const given = network().network
    const { blocks } = command.opts<{ blocks?: ConvBlock[] }>()
    if (!blocks) return given as BuilderOptions | undefined
    const { kind = 'conv-net' } = given ?? {}
    if (kind !== 'conv-net')
      throw new OptionError({
        op: 'train supervised',
        argument: '--blocks',
        actual: `given for ${kind}`,
        expected: 'it only with --network conv-net',
      })
    return { ...given, kind, blocks } as BuilderOptions
  }
  command.addHelpText(
    'after',
    '\nUnder mpirun the processes share every minibatch and learn what one learns, but for batch normalisation, which is by each one’s part.\n' +
      '\nExample:\n  $ striate train supervised --data cifar-10-batches-bin --epochs 10 --out runs/twin' +
      '\n  $ striate train supervised --data photos --size 64 --network wavelet-net --start runs/hierarchy --freeze 4 --out runs/half-frozen' +
      '\n  $ striate train supervised --data photos --size 64 --network wavelet-net --responses v4/210325 --out runs/scored' +
      '\n  $ mpirun -n 2 striate train supervised --data photos --size 64 --network resnet-18 --out runs/shared',
  )
  flags.action({
    settings,
    asked: () => {
      const network = built()
      const { start: from, ...begin } = start()
      const { responses } = command.opts<{ responses?: string[] }>()
      return {
        ...(network ? { network } : {}),
        ...targets(),
        ...begin,
        ...(from === undefined ? {} : { start: resolve(from) }),
        ...(responses === undefined ? {} : { responses: responses.map((path) => resolve(path)) }),
        ...scored(),
        options: options(),
      }
    },
    train: async (images, { network, targets, angles, options, start, fresh, responses, layers }, run, say, opened) => {
      const started = performance.now()
      const [, channels, height, width] = images.shape
      if (!targets && angles !== 'degrees')
        throw new OptionError({
          op: 'train supervised',
          argument: '--angles',
          actual: 'given without targets',
          expected: '--targets',
        })
      const learned = targets ? { heads: targetHeads(images, { targets, angles }) } : { classes: labelsOf(images)?.classes ?? [] }
      const config = buildNetwork(network, { channels, image: [height, width], ...learned })
      if (fresh && start === undefined)
        throw new OptionError({
          op: 'train supervised',
          argument: '--fresh',
          actual: 'given without a start',
          expected: '--start',
        })
      if (layers && !responses)
        throw new OptionError({
          op: 'train supervised',
          argument: '--layers',
          actual: 'given without responses',
          expected: '--responses',
        })
      using begun =
        start === undefined
          ? null
          : await startFrom({ path: start, fresh: fresh ?? [], seed: options.seed }, config, images, run, say)
      const onEpoch = responses && (await scorer(responses, layers, begun ?? config, run, opened))
      const { net, record } = await trainSupervised(images, begun ?? config, options, { ...run, ...(onEpoch && { onEpoch }) })
      using trained = net
      say.done()
      if (processGroup().rank > 0) return
      const { writeSupervisedPage } = await import('../report/index.js')
      await writeSupervisedPage(trained, record, run.out)
      const best = record.curve[record.bestEpoch - 1]
      say.line(trained.describe())
      if (best?.validationError != null)
        say.line(
          `validation error ${(100 * best.validationError).toFixed(2)} % of ${record.images.validation} images, epoch ${best.epoch}`,
        )
      for (const [layer, r] of Object.entries(record.curve.at(-1)?.scores ?? {}))
        say.line(
          `encoding score of ${layer}: ${r?.toFixed(3)} after the last epoch, ${record.startScores[layer]?.toFixed(3)} before the first`,
        )
      say.line(
        `done in ${duration((performance.now() - started) / 1000)}: ${join(run.out, 'model.safetensors')}, ${join(run.out, 'report.html')}`,
      )
      say.json({ out: run.out, ...record })
    },
  })
}

/** Opens recordings, their images brought to the network's size as its own were, and scores layers against them. */
async function scorer(
  paths: readonly string[],
  layers: string[] | undefined,
  network: NetworkConfig | Network,
  run: RunOptions,
  opened: OpenImagesOptions,
): Promise<EpochScores> {
  const { device, signal } = run
  using built = network instanceof Network ? null : new Network(network, { device })
  const net = built ?? (network as Network)
  const recordings: Recording[] = []
  for (const source of await openRecordings(paths, { ...shapingLike(net, opened), signal }))
    recordings.push(await openSource(source, run))
  return epochScores(net, recordings, { ...(layers && { layers }), signal })
}

interface Start {
  /** In full: the folder of a run, or a safetensors file of PyTorch's names. */
  path: string
  fresh: readonly string[]
  seed: number
}

/** A new network with the weights that a run, or a file with PyTorch's names, has under its names; says what becomes of the pixels. */
async function startFrom(start: Start, config: NetworkConfig, images: Images, run: RunOptions, say: Output): Promise<Network> {
  const { path, fresh, seed } = start
  const net = new Network(config, { seed, device: run.device })
  try {
    const unknown = fresh.find((name) => !net.layerNames.includes(name))
    if (unknown !== undefined) throw noSuchLayer('train supervised', '--fresh', unknown, net.layerNames)
    const { state, named: by } = await weightsOf(net, path, fresh)
    net.adopt(state)
    const [first] = net.layers
    const { name } = first?.spec.kind === 'standardise' ? first : {}
    const isAnew = name !== undefined && (fresh.includes(name) || (by === null && !state.has(`${name}.mean`)))
    if (isAnew) {
      const { mean, std } = await channelStatistics(images, run.signal ? { signal: run.signal } : {})
      net.setBuffers({ [`${name}.mean`]: mean, [`${name}.std`]: std })
    }
    const text = startText(await standardisationOf(net), by, isAnew)
    if (text !== null) say.line(text)
    return net
  } catch (error) {
    net.dispose()
    if (!(error instanceof DataError) || error.op !== 'Network.adopt') throw error
    const { argument, actual, expected } = error
    throw new DataError({
      op: 'train supervised',
      argument: `--start ${path}`,
      actual: `of another network (${argument}: ${actual})`,
      expected: `one whose layers are this network's (${expected})`,
    })
  }
}

/** What a run's folder or a file has under the network's names, but for layers that begin anew, and by what images are standardised there. */
async function weightsOf(net: Network, path: string, fresh: readonly string[]): Promise<PyTorchFile> {
  if (path.endsWith('.safetensors')) return readPyTorchFile(net, path, fresh)
  const expected = "the folder of a run, or a .safetensors file of PyTorch's names"
  const found = await stat(path).catch((error) => {
    throw describeReadError('train supervised', `--start ${path}`, error, expected)
  })
  if (!found.isDirectory())
    throw new OptionError({ op: 'train supervised', argument: `--start ${path}`, actual: 'a file of another kind', expected })
  using learned = await openNetwork(path)
  const state = [...(await learned.state())].filter(([name]) => !fresh.some((layer) => covers(layer, name)))
  const each = (value: number) => new Array<number>(learned.config.channels).fill(value)
  return { state: new Map(state), named: (await standardisationOf(learned)) ?? { mean: each(0), std: each(1) } }
}
