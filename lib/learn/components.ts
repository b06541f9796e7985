// The mixing of a network of wavelet blocks, learned block by block without labels: each block's responses are standardised by the images'
// own statistics, and its units are their principal components (Passi and Bonner 2026, "Unsupervised learning"). One pass over the images a
// block: with m the mean response of an image and s the mean square of its responses, the mean is E[m], the variance E[s] - E[m]^2, and the
// components are the eigenvectors of D Cov(m) D, D = 1 / sqrt(variance + 1e-5), so that nothing has to be standardised before it is known.
import { z } from 'zod'
import { checkImages, type Images } from '../data/images.js'
import { ahead } from '../data/index.js'
import { DataError, OptionError } from '../errors.js'
import { hostTensor, type Safetensor } from '../io/index.js'
import { Network, type NetworkConfigInput } from '../models/index.js'
import { WaveletBlock } from '../models/layers/wavelet_block.js'
import { type CovarianceState, covariance, gatherPatches } from '../ops/index.js'
import { parseOptions } from '../options.js'
import { Checkpoints } from '../run/checkpoint.js'
import { finishedTogether, finishFolder, inFolder, provenance } from '../run/folder.js'
import { agree, type Group, watchedGroup } from '../run/group.js'
import { checkRun, type RunOptions } from '../run/options.js'
import { secondsSince, startPhase } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'
import { type ComponentConfig, type ComponentOptions, componentOptions, lasting } from './component_options.js'
import { checkBlocks, drawn, tellPlan } from './component_plan.js'
import { type BlockComponents, blockComponents, type ComponentRecord, componentRecord } from './component_record.js'
import { mixingRows } from './component_rows.js'
import { Sums } from './component_sums.js'
import { KeptMaps } from './kept_maps.js'

const position = z.object({
  /** Block that is being learned, and how many of this process's images are done for it. */
  block: z.number(),
  images: z.number(),
  records: z.array(blockComponents),
})
type Position = z.output<typeof position>

const op = 'fitComponents'

/**
 * Learns a network of wavelet blocks from images without labels. A source larger than memory is decoded while the device computes. The same
 * images, options, device and instruction set give the same bits, interrupted or not, from memory or from a disk. Started by `mpirun -n P`, each
 * of P processes reads its share of the batches, and all learn the same components, those of one process within the rounding of float64 sums.
 * @param config of `waveletNet`; what stands above its blocks stays as it starts
 * @returns the network, the caller's to dispose of, and how its blocks came about
 * @throws {OptionError} {DataError} before anything runs: units that the responses cannot give, fewer images than components
 * @throws {DataError} naming the images among which a response is not finite
 */
export async function fitComponents(
  images: Images,
  config: NetworkConfigInput,
  options: ComponentOptions = {},
  run: RunOptions = {},
): Promise<{ net: Network; record: ComponentRecord }> {
  const asked = checkRun(op, run)
  checkImages(op, images)
  const settings = parseOptions(op, componentOptions, options)
  const group = watchedGroup(asked.signal)
  const net = new Network(config, { device: asked.device, seed: settings.seed })
  const identity = { network: net.config, options: lasting(settings), data: images.sha256 }
  try {
    const fit = new Fit(images, net, settings, asked, group)
    if (group.size > 1) {
      await agree(group, op, 'images', images.sha256)
      await agree(group, op, 'options', JSON.stringify([identity, asked.device.kind, asked.resume]))
    }
    const learn = async () => {
      const blocks = await fit.run()
      // The first process clears the folder of checkpoints once every other has written its last.
      await group.texts('learned')
      const { device } = asked
      const network = net.config
      return {
        kind: 'wavelet',
        ...provenance(images, device),
        network,
        options: settings,
        blocks,
        processes: group.size,
      } as const
    }
    // The folder is the first process's; the others keep no more than their checkpoints there.
    const begin = async () => {
      const found = await finishedTogether(group, op, asked, componentRecord, identity, ({ network, options, data }) => ({
        network,
        options: lasting(options),
        data: data.sha256,
      }))
      if (found) {
        net.dispose()
        return found
      }
      const record = await learn()
      if (asked.out && group.rank === 0) await finishFolder(asked.out, net, record, [])
      return { net, record }
    }
    return await (group.rank > 0 ? begin() : inFolder(op, asked, begin))
  } catch (error) {
    net.dispose()
    throw error
  }
}

class Fit {
  private readonly blocks: WaveletBlock[]
  private readonly checkpoints: Checkpoints<typeof position> | null
  private position: Position = { block: 0, images: 0, records: [] }
  private readonly kept: KeptMaps

  /** This process's images: from the first up to the other. */
  private readonly share: { from: number; to: number }

  constructor(
    private readonly images: Images,
    private readonly net: Network,
    private readonly settings: ComponentConfig,
    private readonly asked: ReturnType<typeof checkRun<RunOptions>>,
    private readonly group: Group,
  ) {
    this.blocks = blocksOf(net)
    const { rank, size } = group
    const [n] = images.shape
    // Whole batches: what is rounded together, and which positions are drawn, is then the same among any number of processes.
    const { batch } = settings
    const batches = Math.ceil(n / batch)
    const [from, to] = [rank, rank + 1].map((r) => Math.min(n, batch * Math.floor((r * batches) / size))) as [number, number]
    this.share = { from, to }
    const { device } = asked
    const limit = settings.memoryLimit ?? (0.5 * (device.kind === 'cpu' ? process.availableMemory() : device.memory)) / size
    this.kept = new KeptMaps(this.blocks, limit)
    const { out } = asked
    this.checkpoints = out
      ? new Checkpoints({
          run: { ...asked, out },
          stem: size === 1 ? 'components' : `components-${rank + 1}-of-${size}`,
          config: {
            settings: lasting(settings),
            network: net.config,
            data: images.sha256,
            ...(size > 1 && { share: this.share }),
          },
          position,
        })
      : null
    checkBlocks(op, images, net, this.blocks, settings)
  }

  async run(): Promise<BlockComponents[]> {
    let sums = this.asked.resume ? await this.restore() : null
    await tellPlan(this.images, this.blocks, this.kept.limit, this.asked, {
      done: this.position.block,
      count: this.share.to - this.share.from,
    })
    try {
      while (this.position.block < this.blocks.length) {
        const { block } = this.position
        const began = performance.now()
        sums ??= this.sumsOf(block)
        await this.pass(block, sums)
        await sums.merge(this.group)
        const record = await this.learn(block, sums)
        sums.dispose()
        sums = null
        record.seconds = secondsSince(began)
        this.position = { block: block + 1, images: 0, records: [...this.position.records, record] }
        await this.save(null)
      }
      return this.position.records
    } catch (error) {
      if (this.asked.signal?.aborted) await this.save(sums)
      throw error
    } finally {
      sums?.dispose()
      this.kept.dispose()
    }
  }

  /** Goes back to the last checkpoint. @returns the sums of the block that was being learned */
  private async restore(): Promise<Sums | null> {
    const saved = await this.checkpoints?.load()
    if (saved) {
      this.position = saved.position
      if (this.position.block > 0) this.net.adopt(new Map([...saved.tensors].filter(([name]) => this.isLearned(name))))
    }
    // One process may have stopped before it wrote what all had learned together.
    const furthest = (await this.group.texts(JSON.stringify(this.position))).map((text) => JSON.parse(text) as Position)
    const block = Math.max(...furthest.map((position) => position.block))
    const ahead = furthest.findIndex((position) => position.block === block)
    const behind = this.position.block < block
    if (behind) this.position = { ...(furthest[ahead] as Position), images: 0 }
    if (furthest.some((position) => position.block < block))
      for (const [name, tensor] of this.learned()) {
        const values = await hostTensor(tensor)
        const { buffer, byteOffset, byteLength } = values.data
        await this.group.broadcast(new Uint8Array(buffer, byteOffset, byteLength), ahead)
        this.net.adopt(new Map([[name, values]]))
      }
    return saved && !behind && block < this.blocks.length ? this.sumsOf(block, saved.tensors) : null
  }

  private isLearned(name: string): boolean {
    return this.blocks.slice(0, this.position.block).some((block) => name.startsWith(`${block.name}.`))
  }

  /** Tensors of the blocks that are learned. */
  private learned(): [string, Tensor][] {
    return [...this.net.parameters, ...this.net.buffers].filter(([name]) => this.isLearned(name))
  }

  private sumsOf(index: number, saved?: ReadonlyMap<string, Safetensor>): Sums {
    const { components, statistics, scale } = this.settings
    const learned = components === 'learned'
    return new Sums(
      (this.blocks[index] as WaveletBlock).responses,
      { pooled: learned && statistics === 'pooled', pixels: learned && (statistics === 'pixels' || scale === 'z-scored') },
      this.asked.device,
      saved,
    )
  }

  /** One pass over the images: what a block's responses are on average, and how they vary together. */
  private async pass(index: number, sums: Sums): Promise<void> {
    const { batch, seed, pixelShare } = this.settings
    const { signal, device } = this.asked
    const [, channels, height, width] = this.images.shape
    const block = this.blocks[index] as WaveletBlock
    const positions = block.output[1] * block.output[2]
    const { from, to } = this.share
    const report = startPhase(
      `block ${index + 1}/${this.blocks.length}`,
      'images',
      to - from,
      this.position.images,
      this.asked.onProgress,
    )
    const starts: number[] = []
    for (let first = from + this.position.images; first < to; first += batch) starts.push(first)
    const rows = (first: number) => Int32Array.from({ length: Math.min(batch, to - first) }, (_, i) => first + i)
    const missing = starts.filter((first) => !this.kept.has(first)).map(rows)
    const reading = ahead(this.images, missing, signal ? { signal } : {})
    try {
      for (const first of starts) {
        signal?.throwIfAborted()
        const count = Math.min(batch, to - first)
        let read: Tensor | null = null
        if (!this.kept.has(first)) {
          const { value } = await reading.next()
          const { pixels } = value as { pixels: Uint8Array }
          read = Tensor.from(pixels, { shape: [count, channels, height, width], device })
        }
        const x = this.kept.advance(first, read, index)
        const { pooled, squares } = block.moments(x)
        try {
          if (sums.pixels)
            scope(() => {
              const maps = block.expand(x)
              const some = gatherPatches(maps, {
                window: 1,
                batch: drawn(count, positions, pixelShare),
                step: 0,
                seed: seed + first,
                normalise: 'none',
              })
              covariance(some, { state: sums.pixels as CovarianceState })
            })
          if (sums.pooled) covariance(pooled, { state: sums.pooled })
          await sums.add(pooled, squares, positions)
        } finally {
          pooled.dispose()
          squares.dispose()
        }
        if (!this.kept.has(first)) x.dispose()
        if (!sums.finite)
          throw new DataError({
            op,
            argument: `images ${first} to ${first + count - 1}`,
            actual: `with responses of ${block.name} that are not finite`,
            expected: 'finite ones',
          })
        this.position = { ...this.position, images: first + count - from }
        report(this.position.images)
        if (this.checkpoints?.due()) await this.save(sums)
      }
    } finally {
      await reading.return(undefined)
    }
  }

  /** Sets a block's statistics and weights from what the pass saw. */
  private async learn(index: number, sums: Sums): Promise<BlockComponents> {
    const block = this.blocks[index] as WaveletBlock
    const { mean, variance } = sums.statistics()
    this.set(block, { mean: Float32Array.from(mean), variance: Float32Array.from(variance) })
    const { weight, rank, ...found } = await mixingRows(block, sums, variance, this.settings, index, this.asked.device)
    if (rank < found.eigenvalues.length)
      this.asked.onPlan?.(
        `warning: ${block.name}: ${rank} of its ${found.eigenvalues.length} components vary between images, the others are of rounding`,
      )
    // After standardisation the mean response is zero, so that the bias is; random ones are those that the network started with.
    if (weight) this.set(block, { weight, bias: new Float32Array(block.spec.units) })
    return { name: block.name, units: block.spec.units, responses: block.responses, ...found, seconds: 0 }
  }

  private set(block: WaveletBlock, values: Readonly<Record<string, Float32Array>>): void {
    const entries = Object.entries(values).map(([short, data]) => {
      const { shape } = (block.parameters[short] ?? block.buffers[short]) as Tensor
      return [`${block.name}.${short}`, { dtype: 'F32', shape, data }] as const
    })
    this.net.adopt(new Map(entries))
  }

  private async save(sums: Sums | null): Promise<void> {
    if (!this.checkpoints) return
    const tensors: Record<string, Safetensor> = { ...(await sums?.host()) }
    for (const [name, tensor] of this.learned()) tensors[name] = await hostTensor(tensor)
    const images = sums ? this.position.images : 0
    await this.checkpoints.save({ ...this.position, images }, tensors)
  }
}

/** The blocks that a network begins with. */
function blocksOf(net: Network): WaveletBlock[] {
  const end = net.layers.findIndex((layer) => !(layer instanceof WaveletBlock))
  const blocks = net.layers.slice(0, end < 0 ? undefined : end) as WaveletBlock[]
  if (blocks.length > 0) return blocks
  throw new OptionError({ op, argument: 'config', actual: 'a network without wavelet blocks', expected: 'that of waveletNet' })
}
