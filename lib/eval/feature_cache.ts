// Features of layers that are kept in a folder for the next score of the same network and images: a file a layer, whose name is made of everything that
// its numbers depend on. Nothing there is ever changed: what depends on anything else is another file.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { access, constants, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Images } from '../data/index.js'
import { contentHash } from '../data/memory.js'
import { type Device, instructionSet } from '../device.js'
import { DataError } from '../errors.js'
import { makeFolder, removeUnfinished } from '../io/atomic.js'
import { describeWriteError } from '../io/file_errors.js'
import { readSafetensors, writeSafetensors } from '../io/index.js'
import { takeLock } from '../io/lock.js'
import { digestOf } from '../io/safetensors.js'
import type { Network } from '../models/index.js'
import { version } from '../version.js'

const format = 'striate-features-1'

/** What all layers of one score share. */
export interface CacheSubject {
  net: Network | null
  images: Images
  device: Device
  /** Images at a time, by which a device may choose its kernels. */
  batch: number
}

/** Features of a layer that are kept, or may be. */
export interface KeptFeatures {
  layer: string
  /** Numbers an image that are kept. */
  size: number
  /** All that the projection depends on; null where there is none. */
  projected: string | null
}

/** A folder of features, for one network and set of images. */
export class FeatureCache {
  private constructor(
    private readonly op: string,
    private readonly folder: string,
    private readonly count: number,
    private readonly shared: Readonly<Record<string, string>>,
    private readonly say: (text: string) => void,
  ) {}

  /**
   * @param folder need not be there yet
   * @param say told, in a sentence, of a file that cannot be used and of features that cannot be kept
   */
  static async open(
    op: string,
    folder: string,
    { net, images, device, batch }: CacheSubject,
    { signal, say }: { signal?: AbortSignal | undefined; say: (text: string) => void },
  ): Promise<FeatureCache> {
    return new FeatureCache(
      op,
      folder,
      images.shape[0],
      {
        format,
        striate: version,
        network: net ? digestOf(await net.state(), { config: JSON.stringify(net.config) }) : 'none',
        images: await pixelsSha256(images, signal),
        device: device.kind === 'cpu' ? `cpu with ${instructionSet}` : `${device.kind}, ${device.name}, ${device.libraries}`,
        batch: String(batch),
      },
      say,
    )
  }

  private keyOf({ layer, projected }: KeptFeatures): Record<string, string> {
    return { ...this.shared, layer, projection: projected ?? 'none' }
  }

  /** The name of a layer's file, without its ending. */
  private nameOf(kept: KeptFeatures): string {
    const digest = createHash('sha256')
      .update(JSON.stringify(this.keyOf(kept)))
      .digest('hex')
    return `${kept.layer.replaceAll(/[^\w.-]+/g, '-').slice(0, 80)}-${digest.slice(0, 32)}`
  }

  private fileOf(kept: KeptFeatures): string {
    return join(this.folder, `${this.nameOf(kept)}.safetensors`)
  }

  /** The features of a layer [images, size]; null where they are not there, and, once that has been told, where their file is damaged or no such file. */
  async read(kept: KeptFeatures): Promise<Float32Array | null> {
    const file = this.fileOf(kept)
    if (!existsSync(file)) return null
    try {
      const { tensors, metadata, verified } = await readSafetensors(file)
      const { dtype, shape, data } = tensors.get('features') ?? {}
      const wanted = [this.count, kept.size]
      if (verified && dtype === 'F32' && isDeepStrictEqual(shape, wanted) && isDeepStrictEqual(metadata, this.keyOf(kept)))
        return data as Float32Array
      const actual = verified ? 'a file of something else' : 'without the digest of what it holds'
      throw new DataError({ op: this.op, argument: file, actual, expected: `features [${wanted}] of ${kept.layer}` })
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      this.say(`${error.message}; ${kept.layer} is computed anew`)
      return null
    }
  }

  /**
   * Refuses, before they are computed, features that the folder will not take; makes it where there is none.
   * @throws {DataError}
   */
  async expect(features: readonly KeptFeatures[]): Promise<void> {
    const { folder, op } = this
    await makeFolder(folder)
    try {
      await access(folder, constants.W_OK | constants.X_OK)
    } catch (error) {
      throw describeWriteError(folder, error)
    }
    const bytes = features.reduce((sum, { size }) => sum + 4 * size * this.count, 0)
    const { bavail, bsize, blocks } = await statfs(folder)
    // Some file systems do not know their size.
    if (blocks === 0 || bytes <= bavail * bsize) return
    const gigabytes = (value: number) => `${(value / 1e9).toFixed(3)} GB`
    const actual = `on a disk with ${gigabytes(bavail * bsize)} left`
    throw new DataError({ op, argument: `cache ${folder}`, actual, expected: `${gigabytes(bytes)} for the features` })
  }

  /** Keeps the features of a layer. Where that fails they are as good as before, so it is told and no error. */
  async write(kept: KeptFeatures, data: Float32Array): Promise<void> {
    const tensors = { features: { dtype: 'F32', shape: [this.count, kept.size], data } } as const
    try {
      // Of processes that write the same file at a time each would be right; the lock is for what killed ones have left beside it.
      const giveBack = await takeLock(this.folder, this.op, this.nameOf(kept))
      try {
        await removeUnfinished(this.folder, this.nameOf(kept))
        await writeSafetensors(this.fileOf(kept), tensors, { metadata: this.keyOf(kept), digest: true })
      } finally {
        await giveBack()
      }
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      this.say(`${kept.layer} is not kept in the cache: ${error.message}`)
    }
  }
}

/**
 * A digest of pixels, whatever is known of the images beside them. Of images that are not in memory, reading all would take the time that a cache is to
 * save: what their pixels are made from, the times at which their files were written to, and the first, middle and last of them stand for it.
 */
async function pixelsSha256(images: Images, signal: AbortSignal | undefined): Promise<string> {
  const { pixels, shape, sha256, modified } = images
  if (pixels) return contentHash(pixels, shape, {}, signal)
  const [count] = shape
  return createHash('sha256')
    .update(JSON.stringify([shape, sha256, (await modified?.(signal)) ?? null]))
    .update(await images.rows([0, count >> 1, count - 1], signal))
    .digest('hex')
}
