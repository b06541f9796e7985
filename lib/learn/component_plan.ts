// What the learning of components can refuse and tell before it reads an image.
import type { Images } from '../data/images.js'
import { DataError, OptionError } from '../errors.js'
import type { Network } from '../models/index.js'
import type { WaveletBlock } from '../models/layers/wavelet_block.js'
import type { checkRun, RunOptions } from '../run/options.js'
import { duration, memoryText, trialSeconds } from '../run/progress.js'
import { scope, Tensor } from '../tensor.js'
import { type ComponentConfig, refuseUnused } from './component_options.js'

/** Positions that are drawn of the maps of some images, for components of pixels. */
export const drawn = (images: number, positions: number, share: number): number =>
  images === 0 ? 0 : Math.max(1, Math.round(share * images * positions))

/** Refuses what no pass over the images could give. */
export function checkBlocks(
  op: string,
  images: Images,
  net: Network,
  blocks: readonly WaveletBlock[],
  settings: ComponentConfig,
): void {
  const { components, statistics, dropFirst, principal, batch, pixelShare } = settings
  const [n, channels, height, width] = images.shape
  if (net.config.channels !== channels || net.config.image.join() !== [height, width].join())
    throw new DataError({
      op,
      argument: 'images',
      actual: `of ${channels} x ${height} x ${width}`,
      expected: `${net.config.channels} x ${net.config.image.join(' x ')}, what the network reads`,
    })
  refuseUnused(op, settings)
  if (components === 'random') return
  for (const { name, spec, responses, output } of blocks) {
    const refuse = (actual: string, expected: string) => new OptionError({ op, argument: name, actual, expected })
    const wanted = dropFirst + (components === 'learned' ? Math.min(principal ?? spec.units, spec.units) : 0)
    if (spec.units + dropFirst > responses)
      throw refuse(
        `${spec.units} units${dropFirst > 0 ? ` beside ${dropFirst} left out` : ''}`,
        `at most ${responses}, its responses, for units at right angles (or components 'random')`,
      )
    if (components !== 'learned') continue
    const isPooled = statistics === 'pooled'
    const positions = output[1] * output[2]
    const seen = isPooled
      ? n
      : Math.floor(n / batch) * drawn(batch, positions, pixelShare) + drawn(n % batch, positions, pixelShare)
    if (seen < wanted + 1)
      throw new DataError({
        op,
        argument: 'images',
        actual: isPooled ? `${n}` : `${n}, of which ${seen} positions are drawn`,
        expected: `at least ${wanted + 1} ${isPooled ? '' : 'positions '}for the ${wanted} components of ${name} (or ${isPooled ? "statistics 'pixels'" : 'a larger pixelShare'})`,
      })
  }
}

/**
 * Says before the first image what the learning holds in memory and how often it computes what.
 * @param limit bytes of the maps between blocks that are kept
 * @param left blocks that are learned already, and images of which this process learns
 */
export async function tellPlan(
  images: Images,
  blocks: readonly WaveletBlock[],
  limit: number,
  { onPlan, device }: ReturnType<typeof checkRun<RunOptions>>,
  left: { done: number; count: number },
): Promise<void> {
  if (!onPlan) return
  const [n, channels, height, width] = images.shape
  const largest = Math.max(...blocks.map(({ responses }) => responses))
  const all = n * Math.max(...blocks.map(({ output }) => 4 * output[0] * output[1] * output[2]))
  // By a trial of every block on a few images.
  const few = 4
  const kept = Math.min(1, limit / all)
  let [x, before, seconds] = [Tensor.zeros([few, channels, height, width], { dtype: 'u8', device }), 0, 0]
  try {
    for (const [index, block] of blocks.entries()) {
      const from = x
      const moments = () => scope(() => void block.moments(from))
      const forward = () => scope(() => void block.forward(from, false))
      if (index >= left.done) seconds += (await trialSeconds(device, moments)) + (1 - kept) * before
      const own = await trialSeconds(device, forward)
      before += own
      if (index >= left.done) seconds += kept * own
      x = scope(() => block.forward(from, false).y)
      from.dispose()
    }
  } finally {
    x.dispose()
  }
  onPlan(
    `${blocks.length} blocks from ${n} images, one pass a block; covariance of up to ${largest} x ${largest}, ` +
      `${memoryText(8 * largest ** 2)}; maps between blocks ${memoryText(Math.min(all, limit))}` +
      (all > limit ? `, the limit: the rest is computed again for every block` : '') +
      `; about ${duration((seconds * left.count) / few)} beside reading the images`,
  )
}
