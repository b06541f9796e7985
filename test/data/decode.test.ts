// What images of every kind become, and what is refused of them, one image at a time.

import sharp, { type JpegOptions } from 'sharp'
import { describe, expect, it } from 'vitest'
import { decode, measure } from '../../lib/data/decode.js'
import { DataError } from '../../lib/errors.js'
import { crc32 } from './crc.js'

const [width, height] = [32, 24]
const raw = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 31) % 251)
const picture = () => sharp(raw, { raw: { width, height, channels: 3 } })
const background = '#000000'
const pixels = async (bytes: Uint8Array) => Buffer.from((await decode('test', 'it', bytes, { background })).data)
async function refusal(
  bytes: Uint8Array,
  options: { size?: number; maxPixels?: number } = {},
  like?: { height: number; width: number },
) {
  const error = await decode('test', 'it', bytes, { background, ...options }, like).then(
    () => expect.unreachable('nothing was refused'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DataError)
  return (error as DataError).actual
}

/** Before the first marker `code` of a JPEG. */
const placeOf = (jpeg: Uint8Array, code: number) => Buffer.from(jpeg).indexOf(Buffer.of(0xff, code))
function withBytes(bytes: Uint8Array, at: number, some: readonly number[]): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(some), bytes.subarray(at)])
}

describe('a JPEG with what libjpeg warns of', () => {
  const segment = (code: number, content: Uint8Array) => Buffer.concat([Buffer.of(0xff, code, 0, content.length + 2), content])
  const jfif = (major: number, minor: number) =>
    segment(0xe0, Buffer.concat([Buffer.from('JFIF\0'), Buffer.of(major, minor, 0, 0, 1, 0, 1, 0, 0)]))
  const adobe = (transform: number) =>
    segment(0xee, Buffer.concat([Buffer.from('Adobe'), Buffer.of(0, 100, 0, 0, 0, 0, transform)]))
  /** Without the JFIF segment that libjpeg writes. */
  async function bare(options: JpegOptions): Promise<Buffer> {
    const jpeg = await picture().jpeg(options).toBuffer()
    const at = placeOf(jpeg, 0xe0)
    return at === 2 ? Buffer.concat([jpeg.subarray(0, 2), jpeg.subarray(4 + jpeg.readUInt16BE(4))]) : jpeg
  }
  const oddities: [string, (jpeg: Buffer) => Buffer][] = [
    ['JFIF 0.00', (jpeg) => withBytes(jpeg, 2, [...jfif(0, 0)])],
    ['JFIF 3.07', (jpeg) => withBytes(jpeg, 2, [...jfif(3, 7)])],
    ['stray bytes before the first table', (jpeg) => withBytes(jpeg, 2, [1, 2, 3])],
    [
      'stray bytes before the frame',
      (jpeg) => withBytes(jpeg, Math.max(placeOf(jpeg, 0xc0), placeOf(jpeg, 0xc2)), [0, 9, 0, 0xff, 0]),
    ],
    ['stray bytes before the scan', (jpeg) => withBytes(jpeg, placeOf(jpeg, 0xda), [0, 0, 0, 0, 0, 0, 0])],
    ['an unknown Adobe transform', (jpeg) => withBytes(jpeg, 2, [...adobe(7)])],
    ['both', (jpeg) => withBytes(withBytes(jpeg, placeOf(jpeg, 0xda), [4, 5]), 2, [...jfif(0, 0)])],
    ['fill bytes and bytes after its end', (jpeg) => Buffer.concat([withBytes(jpeg, 2, [0xff, 0xff]), Buffer.from('trailing')])],
  ]

  for (const options of [{}, { progressive: true }, { chromaSubsampling: '4:4:4', quality: 95 }])
    it(`is the picture that it is without it (${JSON.stringify(options)})`, async () => {
      const plain = await bare(options)
      const wanted = await pixels(plain)
      for (const [name, odd] of oddities) expect((await pixels(odd(plain))).equals(wanted), name).toBe(true)
    })

  it('has the scan parameters of a sequential frame', async () => {
    const plain = await bare({ optimiseCoding: false })
    const odd = Buffer.from(plain)
    const end = placeOf(odd, 0xda) + 2 + odd.readUInt16BE(placeOf(odd, 0xda) + 2)
    odd.set([1, 5, 0x10], end - 3)
    expect((await pixels(odd)).equals(await pixels(plain))).toBe(true)
  })

  it('is refused where it is also cut off or damaged', async () => {
    const plain = await bare({})
    const scan = placeOf(plain, 0xda)
    for (const [name, odd] of oddities.slice(0, 7)) {
      const whole = odd(plain)
      for (const share of [0.3, 0.6, 0.95])
        expect(await refusal(whole.subarray(0, whole.length * share)), name).toContain('a corrupt JPEG file')
      const [from, to] = [scan + (plain.length - scan) * 0.5, scan + (plain.length - scan) * 0.6]
      const damaged = odd(plain.map((byte, i) => (i > from && i < to ? 0xff : byte)) as Buffer)
      expect(await refusal(damaged), name).toContain('a corrupt JPEG file')
    }
  })
})

describe('other kinds', () => {
  const chunk = (type: string, content: Uint8Array, damage = 0) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), content])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(content.length)
    sum.writeUInt32BE((crc32(body) ^ damage) >>> 0)
    return Buffer.concat([length, body, sum])
  }

  it('PNG: what libpng warns of beside the pixels changes none of them', async () => {
    const png = await picture().png().toBuffer()
    for (const extra of [
      chunk('tEXt', Buffer.from('a\0b'), 1),
      chunk('iCCP', Buffer.from('x\0\0junk')),
      chunk('sBIT', Buffer.of(99, 9, 9)),
      Buffer.concat([chunk('gAMA', Buffer.of(0, 0, 177, 143)), chunk('gAMA', Buffer.of(0, 0, 177, 143))]),
    ])
      expect((await pixels(withBytes(png, 33, [...extra]))).equals(raw)).toBe(true)
    expect(await refusal(png.subarray(0, png.length * 0.7))).toContain('a corrupt PNG file')
  })

  it('GIF, TIFF and AVIF: as they are; of several pages the first', async () => {
    const pages = Buffer.concat([raw, raw.map((byte) => 255 - byte)])
    const stack = sharp(pages, { raw: { width, height: 2 * height, channels: 3, pageHeight: height } })
    for (const compression of ['none', 'lzw', 'deflate'] as const) {
      expect((await pixels(await picture().tiff({ compression }).toBuffer())).equals(raw), compression).toBe(true)
      expect((await pixels(await stack.clone().tiff({ compression }).toBuffer())).equals(raw), `${compression}, pages`).toBe(true)
    }
    const flat = sharp({ create: { width: 5, height: 4, channels: 3, background: '#102030' } })
    expect([...(await pixels(await flat.clone().gif().toBuffer())).subarray(0, 6)]).toEqual([16, 32, 48, 16, 32, 48])
    expect((await pixels(await flat.clone().avif({ lossless: true }).toBuffer())).length).toBe(60)
    const tiff = await picture().tiff({ compression: 'lzw' }).toBuffer()
    expect(await refusal(tiff.map((byte, i) => (i === tiff.length >> 1 ? byte ^ 0x55 : byte)))).toContain('a corrupt TIFF file')
  })

  it('TIFF: tags that libtiff does not know are not looked at, floating-point numbers are refused', async () => {
    const tiff = await picture().tiff({ compression: 'none' }).toBuffer()
    const tags = tiff.readUInt32LE(4)
    for (let i = 0; i < tiff.readUInt16LE(tags); ++i)
      // The unit of resolution becomes a private tag, out of its order.
      if (tiff.readUInt16LE(tags + 2 + 12 * i) === 296) tiff.writeUInt16LE(65_000, tags + 2 + 12 * i)
    expect((await pixels(tiff)).equals(raw)).toBe(true)
    const deep = new Uint16Array(raw.length).map((_, i) => (raw[i] as number) * 257)
    const sixteen = sharp(deep, { raw: { width, height, channels: 3 } }).toColourspace('rgb16')
    expect((await pixels(await sixteen.tiff({ compression: 'none' }).toBuffer())).equals(raw)).toBe(true)
    // Two grey pixels of 32 bits each, in sample format 3.
    const entries = [
      [256, 2],
      [257, 1],
      [258, 32],
      [259, 1],
      [262, 1],
      [273, 8],
      [277, 1],
      [278, 1],
      [279, 8],
      [339, 3],
    ] as const
    const float = Buffer.alloc(16 + 2 + 12 * entries.length + 4)
    float.write('II*\0\x10\0\0\0', 'latin1')
    float.writeFloatLE(0.25, 8)
    float.writeFloatLE(0.75, 12)
    float.writeUInt16LE(entries.length, 16)
    entries.forEach(([tag, value], i) => {
      float.writeUInt16LE(tag, 18 + 12 * i)
      float.writeUInt16LE(3, 20 + 12 * i)
      float.writeUInt32LE(1, 22 + 12 * i)
      float.writeUInt16LE(value, 26 + 12 * i)
    })
    expect(await refusal(float)).toContain('a TIFF file that is not read (floating-point numbers')
  })

  /** A BMP of the picture's colours, rows from the bottom up unless `topDown`. */
  function bmp(depth: 16 | 24 | 32, topDown = false): Buffer {
    const stride = Math.ceil((width * depth) / 32) * 4
    const out = Buffer.alloc(54 + stride * height)
    out.write('BM')
    for (const [at, value] of [
      [2, out.length],
      [10, 54],
      [14, 40],
      [18, width],
    ] as const)
      out.writeUInt32LE(value, at)
    out.writeInt32LE(topDown ? -height : height, 22)
    out.writeUInt16LE(1, 26)
    out.writeUInt16LE(depth, 28)
    for (let y = 0; y < height; ++y)
      for (let x = 0; x < width; ++x) {
        const at = 54 + stride * (topDown ? y : height - 1 - y)
        const [r, g, b] = raw.subarray(3 * (y * width + x)) as unknown as [number, number, number]
        if (depth === 16) out.writeUInt16LE(((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3), at + 2 * x)
        else out.set([b, g, r], at + (depth / 8) * x)
      }
    return out
  }

  it('BMP: of 1 to 32 bits, from either end, with a palette or without', async () => {
    for (const depth of [24, 32] as const) {
      expect((await pixels(bmp(depth))).equals(raw), `${depth} bits`).toBe(true)
      expect((await pixels(bmp(depth, true))).equals(raw), `${depth} bits, top down`).toBe(true)
    }
    const five = (byte: number) => Math.round((255 * (byte >> 3)) / 31)
    expect((await pixels(bmp(16))).equals(raw.map(five))).toBe(true)
    for (const depth of [1, 4, 8]) {
      // Five pixels of colours 1, 0, 1, 1, 0 of a palette of two.
      const rows = [1, 0, 1, 1, 0].reduce((bits, colour, i) => bits | (BigInt(colour) << BigInt(64 - depth * (i + 1))), 0n)
      const out = Buffer.alloc(54 + 8 + 8)
      out.write('BM')
      for (const [at, value] of [
        [10, 62],
        [14, 40],
        [18, 5],
        [22, 1],
        [46, 2],
      ] as const)
        out.writeUInt32LE(value, at)
      out.writeUInt16LE(depth, 28)
      out.set([30, 20, 10, 0, 60, 50, 40, 0], 54)
      out.writeBigUInt64BE(rows, 62)
      expect([...(await pixels(out))], `${depth} bits`).toEqual([40, 50, 60, 10, 20, 30, 40, 50, 60, 40, 50, 60, 10, 20, 30])
    }
    expect(await refusal(bmp(24).subarray(0, 1000))).toContain('a corrupt BMP file (truncated: 1000 bytes of')
    const packed = bmp(24)
    packed.writeUInt32LE(1, 30)
    expect(await refusal(packed)).toBe('a BMP file that is not read (compression 1)')
  })

  it('PNM: plain and raw, of bits, bytes and more', async () => {
    const header = (variant: number, largest?: number) =>
      `P${variant}\n# made here\n${width} ${height}\n${largest ? `${largest}\n` : ''}`
    const raw6 = Buffer.concat([Buffer.from(header(6, 255)), raw])
    expect((await pixels(raw6)).equals(raw)).toBe(true)
    expect((await pixels(Buffer.from(header(3, 255) + raw.join(' ')))).equals(raw)).toBe(true)
    const wide = Buffer.alloc(raw.length * 2)
    raw.forEach((byte, i) => void wide.writeUInt16BE(byte * 257, 2 * i))
    expect((await pixels(Buffer.concat([Buffer.from(header(6, 65_535)), wide]))).equals(raw)).toBe(true)
    expect([...(await pixels(Buffer.from('P5 2 1 3\n\x01\x03', 'latin1')))]).toEqual([85, 85, 85, 255, 255, 255])
    expect([...(await pixels(Buffer.from('P2 2 1 3 1 3')))]).toEqual([85, 85, 85, 255, 255, 255])
    for (const bits of ['P1 3 1\n101', 'P4 3 1\n\xa0'])
      expect([...(await pixels(Buffer.from(bits, 'latin1')))]).toEqual([0, 0, 0, 255, 255, 255, 0, 0, 0])
    expect(await refusal(raw6.subarray(0, 100))).toContain('a corrupt PNM file (truncated')
    for (const short of ['P2 2 1 3 1 ', 'P3 9000 9000 255 1 2 3'])
      expect(await refusal(Buffer.from(short))).toContain('a corrupt PNM file (truncated')
  })

  it('are refused before they are decoded when they are larger than is allowed', async () => {
    // A header alone: whoever decodes it finds no pixels.
    const extent = Buffer.alloc(13)
    extent.writeUInt32BE(16_300, 0)
    extent.writeUInt32BE(16_300, 4)
    extent.set([8, 2], 8)
    const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
    const bomb = Buffer.concat([
      signature,
      chunk('IHDR', extent),
      chunk('IDAT', Buffer.of(0x78, 0x9c)),
      chunk('IEND', Buffer.alloc(0)),
    ])
    for (const size of [undefined, 32]) expect(await refusal(bomb, size ? { size } : {})).toBe('16300 x 16300 pixels')
    expect(await refusal(bomb, { maxPixels: 1e9 })).toContain('a corrupt PNG file')
    expect(await refusal(bomb, { maxPixels: 1e9 }, { height: 24, width: 32 })).toBe('16300 x 16300 pixels')
    const large = bmp(24)
    large.writeUInt32LE(60_000, 18)
    large.writeUInt32LE(60_000, 22)
    expect(await refusal(large)).toBe('60000 x 60000 pixels')
    await expect(measure('test', 'it', bomb, {})).rejects.toThrow('at most 134,217,728 pixels (set maxPixels, --max-pixels)')
    const jpeg = await picture().jpeg().withMetadata({ orientation: 6 }).toBuffer()
    expect(await measure('test', 'it', jpeg, {})).toMatchObject({ height: 32, width: 24 })
    expect(await refusal(jpeg, { maxPixels: 700 })).toBe('24 x 32 pixels')
  })
})
