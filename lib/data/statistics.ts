import { refuseUnknown } from '../options.js'
import { ahead } from './ahead.js'
import { batchesOf, type Images, rowBytes } from './images.js'

/** Mean and standard deviation of each channel, with pixels from 0 to 1. */
export interface ChannelStatistics {
  mean: number[]
  std: number[]
}

/**
 * Mean and standard deviation of each channel over all images and places, with pixels from 0 to 1: exact sums over the 256 levels, in one pass.
 * A channel of one value has the standard deviation 1, so that dividing by it leaves zeros.
 */
export async function channelStatistics(
  images: Images,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<ChannelStatistics> {
  refuseUnknown('channelStatistics', options, ['signal'])
  const [count, channels, height, width] = images.shape
  const plane = height * width
  const counts = Array.from({ length: channels }, () => new Float64Array(256))
  const batch = Math.max(1, Math.floor(2 ** 22 / rowBytes(images.shape)))
  for await (const { pixels } of ahead(images, batchesOf(count, batch), options))
    for (let at = 0, i = 0; at < pixels.length; at += plane, ++i) {
      const own = counts[i % channels] as Float64Array
      for (let p = at; p < at + plane; ++p) (own[pixels[p] as number] as number)++
    }
  const values = count * plane
  const moments = counts.map((own) => {
    const mean = own.reduce((sum, times, level) => sum + times * level, 0) / values
    const variance = own.reduce((sum, times, level) => sum + times * (level - mean) ** 2, 0) / values
    return { mean: mean / 255, std: variance > 0 ? Math.sqrt(variance) / 255 : 1 }
  })
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) }
}
