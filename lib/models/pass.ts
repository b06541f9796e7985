// One computation of a network that is not training: it keeps the outputs that were asked for and lets go of every other map at once.
// The queue of a device holds what its work reads, so that maps which are let go of live until that work is done. A pass therefore waits for
// the device before more than three of the network's largest maps would be held beside those asked for.
import type { Tensor } from '../tensor.js'
import { type Extent, volume } from './extent.js'

export class Pass {
  /** Outputs asked for, by name. */
  readonly kept = new Map<string, Tensor>()
  /** Maps that this pass made and holds, with their bytes; 0 of one that is counted under another, or asked for. */
  private readonly held = new Map<Tensor, number>()
  private working = 0
  private queued = 0
  private readonly limit: number

  /**
   * @param images input, which stays the caller's
   * @param names outputs to keep
   * @param extents of every layer's output
   */
  constructor(
    private readonly images: Tensor,
    private readonly names: ReadonlySet<string>,
    extents: Iterable<Extent>,
  ) {
    this.limit = 3 * Math.max(...[...extents].map((extent) => this.bytes(extent)))
  }

  private bytes(extent: Extent): number {
    return 4 * (this.images.shape[0] as number) * volume(extent)
  }

  /** True once every output asked for is there: nothing more is to be computed. */
  get done(): boolean {
    return this.names.size > 0 && this.kept.size === this.names.size
  }

  /** A map of a layer, waiting first for the device where too much would be held. */
  async make(extent: Extent, f: () => Tensor): Promise<Tensor> {
    const bytes = this.bytes(extent)
    if (this.queued > 0 && this.working + this.queued + bytes > this.limit) {
      await this.images.device.sync()
      this.queued = 0
    }
    const y = f()
    this.held.set(y, bytes)
    this.working += bytes
    return y
  }

  /** The memory of x in another shape. */
  view(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
    const y = f(x)
    this.held.set(y, this.held.get(x) ?? 0)
    if (this.held.has(x)) this.held.set(x, 0)
    return y
  }

  /** Tells of a layer's output, which is kept when it was asked for. */
  offer(name: string, y: Tensor): void {
    if (!this.names.has(name)) return
    this.kept.set(name, y)
    this.working -= this.held.get(y) ?? 0
    this.held.set(y, 0)
  }

  /** Lets go of a map, unless it was asked for or is not of this pass. */
  release(x: Tensor): void {
    const bytes = this.held.get(x)
    if (bytes === undefined || [...this.kept.values()].includes(x)) return
    this.held.delete(x)
    x.dispose()
    this.working -= bytes
    this.queued += bytes
  }

  /** Lets go of everything but `results`. */
  end(results: readonly Tensor[]): void {
    for (const tensor of this.held.keys()) if (!results.includes(tensor)) tensor.dispose()
  }
}
