// The bilinear filter against Pillow's: the numbers below are Image.resize(..., BILINEAR) of Pillow 12.3 on the same bytes.
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { containedExtent, coveringBox, resizeBilinear } from '../../lib/data/resize.js'
import { openImages } from '../../lib/index.js'
import { at, pixelsOf, put } from './scratch.js'

const extent = { height: 5, width: 7 }
const bytes = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * i * 37 + i * 11) % 256)

describe('resizeBilinear', () => {
  it('gives the bytes of Pillow, smaller, of a part, and larger', () => {
    const smaller = [
      83, 121, 175, 99, 125, 184, 110, 179, 175, 133, 205, 149, 142, 134, 129, 64, 77, 124, 122, 101, 126, 151, 140, 112, 120,
      152, 132, 90, 102, 120, 73, 51, 105, 134, 137, 137,
    ]
    const part = [
      106, 115, 198, 93, 129, 166, 146, 165, 155, 144, 199, 144, 89, 123, 116, 58, 47, 109, 133, 124, 140, 143, 141, 111, 105,
      109, 113, 60, 74, 132, 88, 54, 95, 153, 129, 124,
    ]
    const firstRow = [
      0, 48, 170, 73, 99, 198, 114, 112, 185, 97, 126, 173, 24, 226, 246, 71, 246, 240, 61, 210, 177, 79, 202, 143, 154, 254, 172,
    ]
    const to = { height: 3, width: 4 }
    expect([...resizeBilinear(bytes, extent, to)]).toEqual(smaller)
    expect([...resizeBilinear(bytes, extent, to, { top: 0.5, left: 1.25, height: 4, width: 5.5 })]).toEqual(part)
    expect([...resizeBilinear(bytes, extent, { height: 6, width: 9 })].slice(0, 27)).toEqual(firstRow)
  })

  it('leaves an image of the size as it is, and a flat one flat', () => {
    expect(resizeBilinear(bytes, extent, extent)).toEqual(bytes)
    const flat = new Uint8Array(5 * 7 * 3).fill(201)
    expect(new Set(resizeBilinear(flat, extent, { height: 2, width: 11 }))).toEqual(new Set([201]))
  })

  it('covers with the middle, and contains all', () => {
    expect(coveringBox({ height: 4, width: 10 }, { height: 2, width: 2 })).toEqual({ top: 0, left: 3, height: 4, width: 4 })
    expect(containedExtent({ height: 4, width: 10 }, { height: 5, width: 5 })).toEqual({ height: 2, width: 5 })
  })
})

describe('images that are opened with resize bilinear', () => {
  it('are stretched, cut or padded by that filter', async () => {
    const png = await sharp(bytes, { raw: { ...extent, channels: 3 } })
      .png()
      .toBuffer()
    await put('photos/a.png', png)
    const open = (fit: 'fill' | 'cover' | 'contain') =>
      openImages(at('photos'), { labels: 'none', size: [3, 3], fit, resize: 'bilinear', background: '#0000ff' })
    const interleaved = (pixels: Uint8Array) =>
      Uint8Array.from(pixels, (_, i) => pixels[(i % 3) * 9 + Math.floor(i / 3)] as number)
    const to = { height: 3, width: 3 }
    const filled = await open('fill')
    expect(filled.shaping).toBe('bilinear, to 3 x 3 by fill')
    expect(interleaved(pixelsOf(filled))).toEqual(resizeBilinear(bytes, extent, to))
    expect(interleaved(pixelsOf(await open('cover')))).toEqual(
      resizeBilinear(bytes, extent, to, { top: 0, left: 1, height: 5, width: 5 }),
    )
    const contained = interleaved(pixelsOf(await open('contain')))
    expect(contained.subarray(0, 18)).toEqual(resizeBilinear(bytes, extent, { height: 2, width: 3 }))
    expect([...contained.subarray(18)]).toEqual([0, 0, 255, 0, 0, 255, 0, 0, 255])
  })
})
