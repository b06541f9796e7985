// Uncompressed bitmaps, which the decoder of all other images does not read: BMP as Windows writes it, and the PNM family (PBM, PGM, PPM).

export interface Bitmap {
  width: number
  height: number
  /** RGB, or RGBA. */
  channels: 3 | 4
  /** Interleaved [H,W,channels]. */
  data: Uint8Array
}

/** Of a sound file of a kind that is not read. */
export class UnreadKind extends Error {}

/** Extents from the header, and how to read the pixels. */
interface Header {
  width: number
  height: number
  pixels: () => Bitmap
}

/** @throws {Error} saying in a few words what is wrong with the file */
export function bitmapHeader(kind: 'BMP' | 'PNM', bytes: Uint8Array): Header {
  return kind === 'BMP' ? bmp(bytes) : pnm(bytes)
}

function refuseTruncated(bytes: Uint8Array, needed: number): void {
  if (bytes.length < needed) throw new Error(`truncated: ${bytes.length} bytes of ${needed}`)
}

/** Value of the bits `mask` of a pixel, from 0 to 255; null without a mask. */
function channel(mask: number): ((pixel: number) => number) | null {
  if (mask === 0) return null
  const shift = 31 - Math.clz32(mask & -mask)
  const largest = mask >>> shift
  return (pixel) => Math.round((255 * ((pixel & mask) >>> shift)) / largest)
}

function bmp(bytes: Uint8Array): Header {
  refuseTruncated(bytes, 54)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [start, dib] = [view.getUint32(10, true), view.getUint32(14, true)]
  if (dib < 40) throw new UnreadKind(`a header of ${dib} bytes, as OS/2 wrote it`)
  const [width, signedHeight] = [view.getInt32(18, true), view.getInt32(22, true)]
  const height = Math.abs(signedHeight)
  const [depth, compression] = [view.getUint16(28, true), view.getUint32(30, true)]
  if (width < 1 || height < 1) throw new Error(`of ${width} x ${height} pixels`)
  if (![1, 4, 8, 16, 24, 32].includes(depth)) throw new Error(`${depth} bits a pixel`)
  const hasMasks = compression === 3 || compression === 6
  if (compression !== 0 && !(hasMasks && (depth === 16 || depth === 32))) throw new UnreadKind(`compression ${compression}`)
  const stride = Math.ceil((width * depth) / 32) * 4
  return { width, height, pixels }

  function pixels(): Bitmap {
    refuseTruncated(bytes, start + stride * height)
    const masks = hasMasks ? [0, 4, 8].map((at) => view.getUint32(54 + at, true)) : []
    if (masks.length > 0) masks.push(dib >= 56 || compression === 6 ? view.getUint32(66, true) : 0)
    else if (depth === 16) masks.push(0x7c00, 0x03e0, 0x001f, 0)
    else masks.push(0xff0000, 0xff00, 0xff, 0)
    const read = masks.map(channel)
    const palette = 14 + dib
    const colours = view.getUint32(46, true) || 2 ** depth
    const data = new Uint8Array(width * height * 4)
    for (let y = 0; y < height; ++y) {
      const row = start + stride * (signedHeight < 0 ? y : height - 1 - y)
      for (let x = 0; x < width; ++x) {
        const to = (y * width + x) * 4
        data[to + 3] = 255
        if (depth <= 8) {
          const bit = x * depth
          const index = ((bytes[row + (bit >> 3)] as number) >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
          if (index >= colours || palette + 4 * index + 4 > bytes.length)
            throw new Error(`colour ${index} of a palette of ${colours}`)
          for (let c = 0; c < 3; ++c) data[to + c] = bytes[palette + 4 * index + 2 - c] as number
        } else if (depth === 24) for (let c = 0; c < 3; ++c) data[to + c] = bytes[row + 3 * x + 2 - c] as number
        else {
          const pixel = depth === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true)
          read.forEach((value, c) => {
            if (value) data[to + c] = value(pixel)
          })
        }
      }
    }
    // Many writers leave the fourth byte of every pixel 0 and mean opaque ones.
    if (!data.some((value, i) => i % 4 === 3 && value > 0)) for (let i = 3; i < data.length; i += 4) data[i] = 255
    return { width, height, channels: 4, data }
  }
}

function pnm(bytes: Uint8Array): Header {
  const variant = (bytes[1] as number) - 48
  const [isPlain, isBits] = [variant <= 3, variant % 3 === 1]
  let at = 2
  /** The next number, after white space and comments; digits of plain bitmaps may stand together. */
  const number = (digits = Number.POSITIVE_INFINITY): number => {
    const isSpace = (byte: number | undefined) => byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13)
    for (; isSpace(bytes[at]) || bytes[at] === 35; ++at)
      if (bytes[at] === 35) while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) ++at
    const begin = at
    let value = 0
    for (let byte = bytes[at]; byte !== undefined && byte >= 48 && byte <= 57 && at - begin < digits; byte = bytes[++at])
      value = 10 * value + byte - 48
    if (at === begin) throw new Error(at >= bytes.length ? 'truncated' : `no number at byte ${at}`)
    return value
  }
  const [width, height] = [number(), number()]
  const largest = isBits ? 1 : number()
  if (width < 1 || height < 1) throw new Error(`of ${width} x ${height} pixels`)
  if (largest < 1 || largest > 65_535) throw new Error(`a largest value of ${largest}`)
  return { width, height, pixels }

  function pixels(): Bitmap {
    const samples = variant % 3 === 0 ? 3 : 1
    // One byte of white space ends the header.
    const start = at + 1
    const size = largest > 255 ? 2 : 1
    const stride = isBits ? Math.ceil(width / 8) : width * samples * size
    refuseTruncated(bytes, start + (isPlain ? width * samples * height : stride * height))
    const data = new Uint8Array(width * height * 3)
    const sample = (y: number, i: number): number => {
      if (isPlain) return number(isBits ? 1 : undefined)
      const row = start + y * stride
      if (isBits) return ((bytes[row + (i >> 3)] as number) >> (7 - (i & 7))) & 1
      return size === 1 ? (bytes[row + i] as number) : ((bytes[row + 2 * i] as number) << 8) | (bytes[row + 2 * i + 1] as number)
    }
    for (let y = 0; y < height; ++y)
      for (let i = 0; i < width * samples; ++i) {
        const value = Math.round((255 * Math.min(largest, sample(y, i))) / largest)
        const to = y * width * 3 + (samples === 3 ? i : 3 * i)
        // Of bits, 1 is black.
        data.fill(isBits ? 255 - value : value, to, to + (samples === 3 ? 1 : 3))
      }
    return { width, height, channels: 3, data }
  }
}
