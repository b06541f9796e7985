import type { Device } from '../device.js'
import { Tensor } from '../tensor.js'
import { checkIndices, type Images, rowBytes } from './images.js'

/**
 * The images `rows` on a device: u8 [n,C,H,W]. A stretch of images in memory is not copied on its way.
 * @throws what `images.rows` throws
 */
export async function uploadRows(images: Images, rows: ArrayLike<number>, device: Device, signal?: AbortSignal): Promise<Tensor> {
  const { pixels, shape } = images
  const first = rows[0] ?? 0
  const isStretch = Array.prototype.every.call(rows, (row: number, i: number) => row === first + i)
  let own: Uint8Array
  if (pixels && isStretch) {
    signal?.throwIfAborted()
    checkIndices('rows', rows, shape[0])
    own = pixels.subarray(first * rowBytes(shape), (first + rows.length) * rowBytes(shape))
  } else own = await images.rows(rows, signal)
  return Tensor.from(own, { shape: [rows.length, ...shape.slice(1)], device })
}
