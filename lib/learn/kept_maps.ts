// The maps between two wavelet blocks that are learned one after the other: kept for the next block as far as there is room, else computed again.
import type { WaveletBlock } from '../models/layers/wavelet_block.js'
import { scope, type Tensor } from '../tensor.js'

const bytesOf = (x: Tensor): number => x.size * (x.dtype === 'u8' ? 1 : 4)

export class KeptMaps {
  /** By the first image of a batch: its map, and the blocks that it has gone through. */
  private readonly maps = new Map<number, { through: number; x: Tensor }>()
  private bytes = 0

  /** @param limit bytes that are kept at most */
  constructor(
    private readonly blocks: readonly WaveletBlock[],
    readonly limit: number,
  ) {}

  has(first: number): boolean {
    return this.maps.has(first)
  }

  /** The map that block `index` reads, of the batch that begins with image `first`. @param images those, where none of their maps are kept */
  advance(first: number, images: Tensor | null, index: number): Tensor {
    const before = this.maps.get(first) ?? { through: 0, x: images as Tensor }
    let { x } = before
    if (this.maps.delete(first)) this.bytes -= bytesOf(x)
    for (let at = before.through; at < index; at++) {
      const next = scope(() => (this.blocks[at] as WaveletBlock).forward(x, false).y)
      x.dispose()
      x = next
    }
    // The last block's input is asked for by nobody after it.
    const room = index < this.blocks.length - 1 && index > 0 && this.bytes + bytesOf(x) <= this.limit
    if (room) {
      this.bytes += bytesOf(x)
      this.maps.set(first, { through: index, x })
    }
    return x
  }

  dispose(): void {
    for (const { x } of this.maps.values()) x.dispose()
  }
}
