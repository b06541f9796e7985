// The one colour that a part has where a picture covers it.
import { decode } from '../../data/decode.js'
import { linear, type Rgb } from '../solid/surfaces.js'

// A mean needs no more pixels.
const side = 64

/**
 * The mean linear reflectance of a picture; what is transparent does not count.
 * @throws {DataError} when it is no picture, or a damaged one
 */
export async function meanColour(op: string, where: string, bytes: Uint8Array): Promise<Rgb> {
  const over = (background: string) => decode(op, where, bytes, { size: side, fit: 'fill', background })
  const [black, white] = [(await over('#000000')).data, (await over('#ffffff')).data]
  const sums = [0, 0, 0]
  let weight = 0
  for (let i = 0; i < black.length; i += 3) {
    // A pixel of colour c and opacity a is a c over black and a c + (1 - a) over white.
    const opacity = 1 - (white[i]! - black[i]!) / 255
    if (opacity <= 0) continue
    weight += opacity
    const colour = linear([0, 1, 2].map((c) => Math.min(1, black[i + c]! / 255 / opacity)))
    for (let c = 0; c < 3; ++c) sums[c]! += opacity * colour[c]!
  }
  return sums.map((sum) => (weight > 0 ? sum / weight : 1)) as unknown as Rgb
}
