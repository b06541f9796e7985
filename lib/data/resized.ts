// Images that are stored as pixels, in another size: resized as they are read.
import { createHash } from 'node:crypto'
import { type Decoded, type Decoding, type Extent, type Fit, resized } from './decode.js'
import { checkIndices, type ImageShape, type Images, rowBytes } from './images.js'
import { allocatePixels } from './memory.js'
import { fillCut } from './tiles.js'

/** A view of images of one or three channels, each brought to a size when it is asked for. */
export function resizedImages(
  images: Images,
  to: Extent,
  { fit = 'cover', resize = 'lanczos', background }: Pick<Decoding, 'resize' | 'background'> & { fit?: Fit | undefined },
): Images {
  const [count, channels, height, width] = images.shape
  const shape: ImageShape = [count, channels, to.height, to.width]
  const shaping = `${resize}, to ${to.height} x ${to.width} by ${fit}`
  return {
    ...images,
    shape,
    shaping,
    sha256: createHash('sha256').update(`${images.sha256} ${shaping} ${background}`).digest('hex'),
    pixels: null,
    rows: async (indices, signal) => {
      checkIndices('rows', indices, count)
      const [from, each] = [rowBytes(images.shape), rowBytes(shape)]
      const pixels = await images.rows(indices, signal)
      const out = allocatePixels('rows', [indices.length, channels, to.height, to.width])
      for (let i = 0; i < indices.length; ++i) {
        signal?.throwIfAborted()
        const small = interleaved(pixels.subarray(i * from, (i + 1) * from), { height, width })
        fillCut(await resized(small, to, { fit, resize, background }), { top: 0, left: 0 }, to, channels === 1, out, i * each)
      }
      return out
    },
  }
}

/** Planes of red, green and blue, or one of grey, as pixels of three bytes. */
function interleaved(planes: Uint8Array, { height, width }: Extent): Decoded {
  const plane = height * width
  const step = planes.length > plane ? plane : 0
  const data = new Uint8Array(3 * plane)
  for (let at = 0; at < plane; ++at)
    for (let channel = 0; channel < 3; ++channel) data[3 * at + channel] = planes[at + channel * step] as number
  return { data, height, width }
}
