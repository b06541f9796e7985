import type { ChannelStatistics } from '../models/index.js'
import type { ImageSet } from './image_set.js'

/**
 * Mean and standard deviation of each channel over all images and places, with pixels from 0 to 1. A channel of one value has the standard
 * deviation 1, so that dividing by it leaves zeros.
 */
export function channelStatistics({ images, shape }: Pick<ImageSet, 'images' | 'shape'>): ChannelStatistics {
  const [count, channels, height, width] = shape
  const plane = height * width
  const counts = Array.from({ length: channels }, () => new Float64Array(256))
  for (let at = 0, i = 0; i < count * channels; i++, at += plane) {
    const own = counts[i % channels] as Float64Array
    for (let p = at; p < at + plane; p++) (own[images[p] as number] as number)++
  }
  const values = count * plane
  const moments = counts.map((own) => {
    const mean = own.reduce((sum, times, level) => sum + times * level, 0) / values
    const variance = own.reduce((sum, times, level) => sum + times * (level - mean) ** 2, 0) / values
    return { mean: mean / 255, std: variance > 0 ? Math.sqrt(variance) / 255 : 1 }
  })
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) }
}
