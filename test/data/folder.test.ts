import { mkdir, rm, symlink } from 'node:fs/promises'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { loadFolder, openImages } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'
import { at, classesIn, labelsIn, picture, pixelsOf, put, refusal } from './scratch.js'

const pixels = Uint8Array.from({ length: 4 * 2 * 3 }, (_, i) => i * 3)

describe('loadFolder', () => {
  it('loads JPEG, PNG and WebP by class, sorted, planar', async () => {
    await put(
      'b/2.webp',
      await sharp({ create: { width: 6, height: 4, channels: 3, background: '#0a141e' } })
        .webp({ lossless: true })
        .toBuffer(),
    )
    await put('b/1.JPG', await picture('jpeg'))
    await put(
      'a/x.png',
      await sharp(Buffer.from(pixels.subarray(0, 24)), { raw: { width: 4, height: 2, channels: 3 } })
        .resize(6, 4, { kernel: 'nearest' })
        .png()
        .toBuffer(),
    )
    await put('a/notes.txt', 'not an image')
    await put('a/.hidden.png', 'not an image')
    const set = await openImages(at())
    expect(set.shape).toEqual([3, 3, 4, 6])
    expect(classesIn(set)).toEqual(['a', 'b'])
    expect(labelsIn(set)).toEqual(Int32Array.of(0, 1, 1))
    // The first pixel of the PNG, and the second one of 4 in its first row, which nearest neighbours put at x = 2.
    expect([0, 24, 48].map((i) => pixelsOf(set)[i])).toEqual([0, 3, 6])
    expect([2, 26, 50].map((i) => pixelsOf(set)[i])).toEqual([9, 12, 15])
    expect([0, 24, 48].map((i) => pixelsOf(set)[144 + i])).toEqual([10, 20, 30])
    // A JPEG of one colour: rounding of the colour conversion only.
    for (const [i, value] of [200, 100, 50].entries())
      expect(Math.abs((pixelsOf(set)[72 + 24 * i] as number) - value)).toBeLessThanOrEqual(2)
  })

  it('brings every kind of image to upright sRGB', async () => {
    const left = { r: 255, g: 0, b: 0 }
    const turned = sharp({ create: { width: 8, height: 4, channels: 3, background: '#0000ff' } })
      .composite([{ input: { create: { width: 4, height: 4, channels: 3, background: left } }, left: 0, top: 0 }])
      .png()
    // Orientation 6: turned a quarter clockwise to be upright, so that the left half comes to the top.
    await put(
      'a/turned.png',
      await sharp(await turned.toBuffer())
        .withMetadata({ orientation: 6 })
        .png()
        .toBuffer(),
    )
    const one = await loadFolder(at())
    expect(one.shape).toEqual([1, 3, 8, 4])
    expect([pixelsOf(one)[0], pixelsOf(one)[31], pixelsOf(one)[64], pixelsOf(one)[95]]).toEqual([255, 0, 0, 255])

    await rm(at('a'), { recursive: true })
    await put(
      'a/alpha.png',
      await sharp({ create: { width: 2, height: 2, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } })
        .png()
        .toBuffer(),
    )
    await put(
      'a/grey.png',
      await sharp({ create: { width: 2, height: 2, channels: 3, background: '#808080' } })
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    )
    await put(
      'a/palette.png',
      await sharp({ create: { width: 2, height: 2, channels: 3, background: '#102030' } })
        .png({ palette: true })
        .toBuffer(),
    )
    const deep = new Uint16Array(12).fill(0x4040)
    await put(
      'a/sixteen.png',
      await sharp(deep, { raw: { width: 2, height: 2, channels: 3 } })
        .toColourspace('rgb16')
        .png()
        .toBuffer(),
    )
    const set = await loadFolder(at(), { background: '#00ff00' })
    const first = (n: number) => [0, 4, 8].map((i) => pixelsOf(set)[n * 12 + i])
    expect([first(0), first(1), first(2), first(3)]).toEqual([
      [0, 255, 0],
      [128, 128, 128],
      [16, 32, 48],
      [64, 64, 64],
    ])
  })

  it('resizes by the fit that is asked for', async () => {
    await put('a/wide.png', await picture('png', 16, 8, { r: 90, g: 90, b: 90 }))
    await put('a/tall.png', await picture('png', 8, 16, { r: 90, g: 90, b: 90 }))
    const cover = await loadFolder(at(), { size: 4 })
    expect(cover.shape).toEqual([2, 3, 4, 4])
    expect(pixelsOf(cover).every((value) => value === 90)).toBe(true)
    const contain = await loadFolder(at(), { size: [4, 8], fit: 'contain', background: '#ffffff' })
    expect(contain.shape).toEqual([2, 3, 4, 8])
    expect(pixelsOf(contain)[0]).toBe(255)
    expect(pixelsOf(contain)[4]).toBe(90)
    expect(await refusal(loadFolder(at()), 'a/wide.png')).toBe('16 x 8 pixels')
  })

  it('takes evenly from the classes for a limit, and reads flat folders when asked', async () => {
    for (const name of ['a/1', 'a/2', 'a/3', 'b/1', 'c/1', 'c/2']) await put(`${name}.png`, await picture('png'))
    expect(labelsIn(await loadFolder(at(), { limit: 4 }))).toEqual(Int32Array.of(0, 0, 1, 2))
    expect(labelsIn(await loadFolder(at(), { perClass: 1 }))).toEqual(Int32Array.of(0, 1, 2))
    expect(labelsIn(await loadFolder(at(), { perClass: 1, limit: 2 }))).toEqual(Int32Array.of(0, 1))
    await expect(loadFolder(at(), { perClass: 1, labels: 'none' })).rejects.toThrow('none for images without classes')
    const flat = await loadFolder(at('a'), { labels: 'none' })
    expect([labelsIn(flat), classesIn(flat), flat.shape[0]]).toEqual([null, [], 3])
    expect(await refusal(loadFolder(at('a')), 'a/1.png')).toBe('an image outside the class folders')
  })

  it('finds splits as train beside val, and follows links', async () => {
    await put('train/x/1.png', await picture('png'))
    await put('train/y/1.png', await picture('png'))
    await put('val/x/1.png', await picture('png'))
    await symlink(at('train', 'y'), at('val', 'y'))
    const names = [(await openImages(at())).name, (await openImages(at(), { split: 'test' })).name]
    expect(names.map((name) => name.split('/').at(-1))).toEqual(['train', 'val'])
    expect(classesIn(await openImages(at(), { split: 'test' }))).toEqual(['x', 'y'])
    expect(await refusal(loadFolder(at('train'), { split: 'test' }), 'train')).toContain('without a train folder')
  })

  it('refuses corrupt, truncated and disguised images by name', async () => {
    await put('a/0.png', await picture('png', 64, 64))
    const noise = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 251))
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const sound = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        [format]()
        .toBuffer()
      const name = `a/1.${format}`
      for (const share of [0.5, 0.9]) {
        await put(name, sound.subarray(0, Math.floor(sound.length * share)))
        expect(await refusal(openImages(at()), name)).toContain('a corrupt')
      }
      await put(name, sound)
      expect((await openImages(at())).shape[0]).toBe(2)
      await rm(at(name))
    }
    const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer()
    await put(
      'a/1.jpg',
      jpeg.map((byte, i) => (i > jpeg.length * 0.5 && i < jpeg.length * 0.6 ? 0xff : byte)),
    )
    expect(await refusal(openImages(at()), 'a/1.jpg')).toContain('a corrupt JPEG file')
    await put('a/1.jpg', '')
    expect(await refusal(openImages(at()), 'a/1.jpg')).toBe('an empty file')
    await put('a/1.jpg', '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>')
    expect(await refusal(openImages(at()), 'a/1.jpg')).toBe('not an image of a known kind')
    await rm(at('a/1.jpg'))
    await mkdir(at('b'))
    expect(await refusal(openImages(at()), 'b')).toBe('a class folder without images')
  })

  it('refuses bad options and stops on a signal', async () => {
    for (let i = 0; i < 8; ++i) await put(`a/${i}.png`, await picture('png'))
    await expect(loadFolder(at(), { size: 0 })).rejects.toThrow(OptionError)
    await expect(loadFolder(at(), { fit: 'inside' as 'fill' })).rejects.toThrow(
      "fit is 'inside'; expected 'cover', 'contain', 'fill' or 'tile'",
    )
    await expect(loadFolder(at(), { sise: 3 } as never)).rejects.toThrow('loadFolder: sise is no option of it')
    const controller = new AbortController()
    const stopped = loadFolder(at(), { signal: controller.signal, onProgress: () => controller.abort(new Error('stop')) })
    await expect(stopped).rejects.toThrow('stop')
  })
})
