import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelsOf } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'
import { shapes } from '../../lib/scene/flat/shapes.js'
import { defaultRanges, render, renderSet, type SceneLatents, sampleLatents, shapeNames } from '../../lib/scene/index.js'

const plain: Partial<SceneLatents> = {
  texture: 'plain',
  backgroundContrast: 0,
  backgroundValue: 0,
  saturation: 0,
  value: 1,
  x: 0.5,
  y: 0.5,
}
const scene = (changes: Partial<SceneLatents>): SceneLatents => ({ ...sampleLatents(0), ...plain, ...changes })
const lit = (image: Uint8Array, size: number) => image.subarray(0, size * size).reduce((sum, value) => sum + value / 255, 0)

describe('latents', () => {
  it('stay within their ranges, for any seed and index', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (index, seed) => {
        const latents = sampleLatents(index, { seed })
        for (const [name, range] of Object.entries(defaultRanges)) {
          const value = latents[name as keyof SceneLatents]
          if (typeof value === 'string') expect(range).toContain(value)
          else expect(value).toBeGreaterThanOrEqual(range[0] as number)
          if (typeof value === 'number') expect(value).toBeLessThanOrEqual(range[1] as number)
        }
      }),
    )
  })

  it('repeat for a seed, differ between seeds, and stay when another range changes', () => {
    expect(sampleLatents(5, { seed: 9 })).toEqual(sampleLatents(5, { seed: 9 }))
    expect(sampleLatents(5, { seed: 8 })).not.toEqual(sampleLatents(5, { seed: 9 }))
    const fixed = sampleLatents(5, { seed: 9, ranges: { size: [0.3, 0.3] } })
    expect(fixed).toEqual({ ...sampleLatents(5, { seed: 9 }), size: 0.3 })
  })

  it('hold each shape once in every block', () => {
    for (let block = 0; block < 20; ++block) {
      const drawn = shapeNames.map((_, i) => sampleLatents(block * shapeNames.length + i, { seed: 3 }).shape)
      expect([...drawn].sort()).toEqual([...shapeNames].sort())
    }
  })

  it('refuse unknown names and ranges out of bounds', () => {
    expect(() => sampleLatents(-1)).toThrow(OptionError)
    expect(() => sampleLatents(0, { ranges: { hue: [0, 1] } as object })).toThrow('sampleLatents: ranges.hue is no option of it')
    expect(() => sampleLatents(0, { ranges: { saturation: [0, 2] } })).toThrow(
      'ranges.saturation.1 is 2; expected a number from 0 to 1',
    )
    expect(() => sampleLatents(0, { ranges: { size: [0.4, 0.3] } })).toThrow(OptionError)
    expect(() => sampleLatents(0, { ranges: { shape: [] } })).toThrow(OptionError)
    expect(() => sampleLatents(0, { ranges: { texture: ['fur' as 'dots'] } })).toThrow(OptionError)
  })
})

describe('render', () => {
  it('covers the area that the shape has', () => {
    // Exact areas in units of the squared radius. Each pixel at the edge is known to 1/16 from 4 x 4 samples; sampling errors of edge pixels are
    // independent enough that 1.5 % of the area (radius 48, a perimeter of some 400 pixels) leaves room of more than tenfold.
    const areas = {
      disc: Math.PI * 0.85 ** 2,
      square: 1.4 ** 2,
      ring: Math.PI * (0.92 ** 2 - 0.52 ** 2),
      bar: 1.9 * 0.56,
    } as const
    const more = { triangle: (3 * Math.sqrt(3)) / 4, cross: 2 * (1.9 * 0.54) - 0.54 ** 2, star: 5 * 0.42 * Math.sin(Math.PI / 5) }
    for (const [shape, area] of Object.entries({ ...areas, ...more })) {
      const image = render(scene({ shape: shape as 'disc', size: 0.375, rotationDeg: 17 }), { size: 128 })
      expect(Math.abs(lit(image, 128) / (area * 48 ** 2) - 1), shape).toBeLessThan(0.015)
    }
  })

  it('never skips a pixel: distances are never larger than true ones', () => {
    const coordinate = fc.double({ min: -1.2, max: 1.2, noNaN: true })
    fc.assert(
      fc.property(fc.constantFrom(...shapeNames), coordinate, coordinate, coordinate, coordinate, (name, ax, ay, bx, by) => {
        const [a, b] = [shapes[name](ax, ay), shapes[name](bx, by)]
        // Points of opposite sides lie farther apart than either's distance says.
        if (a < 0 !== b < 0)
          expect(Math.hypot(ax - bx, ay - by)).toBeGreaterThanOrEqual(Math.max(Math.abs(a), Math.abs(b)) - 1e-12)
      }),
      { numRuns: 5000 },
    )
    for (const name of shapeNames)
      for (let i = 0; i < 360; ++i) expect(shapes[name](1.0001 * Math.cos(i), 1.0001 * Math.sin(i)), name).toBeGreaterThan(0)
  })

  it('turns clockwise, moves right and down', () => {
    const size = 64
    const centroid = (latents: SceneLatents) => {
      const image = render(latents, { size })
      let [x, y, sum] = [0, 0, 0]
      for (let i = 0; i < size * size; ++i) {
        const value = image[i] as number
        x += value * (i % size)
        y += value * Math.floor(i / size)
        sum += value
      }
      return [x / sum / size, y / sum / size] as const
    }
    const [right, down] = centroid(scene({ shape: 'disc', size: 0.2, x: 0.7, y: 0.6 }))
    // Centres of pixels lie half a pixel in.
    expect(right).toBeCloseTo(0.7 - 0.5 / size, 3)
    expect(down).toBeCloseTo(0.6 - 0.5 / size, 3)
    // The crescent's body lies left of its centre; a quarter turn clockwise brings it up.
    expect(centroid(scene({ shape: 'crescent', size: 0.4, rotationDeg: 0 }))[0]).toBeLessThan(0.45)
    expect(centroid(scene({ shape: 'crescent', size: 0.4, rotationDeg: 90 }))[1]).toBeLessThan(0.45)
  })

  it('shows colour, pattern and background', () => {
    const red = render(scene({ shape: 'disc', hueDeg: 0, saturation: 1, value: 1 }), { size: 32 })
    const centre = 16 * 32 + 16
    expect([red[centre], red[1024 + centre], red[2048 + centre]]).toEqual([255, 0, 0])
    const striped = render(scene({ shape: 'square', texture: 'stripes', textureContrast: 1, textureFrequency: 4, size: 0.4 }), {
      size: 64,
    })
    const whole = render(scene({ shape: 'square', size: 0.4 }), { size: 64 })
    expect(lit(striped, 64) / lit(whole, 64)).toBeGreaterThan(0.3)
    expect(lit(striped, 64) / lit(whole, 64)).toBeLessThan(0.7)
  })

  it('paints backgrounds whose spectrum falls, the steeper the larger the slope', () => {
    // Share of the brightness variance in differences between neighbours: white noise has 2, smooth images little.
    const roughness = (slope: number) => {
      let [difference, variance] = [0, 0]
      for (let seed = 1; seed <= 20; ++seed) {
        const latents = scene({
          x: -1,
          size: 0.01,
          backgroundValue: 0.5,
          backgroundContrast: 0.1,
          backgroundSlope: slope,
          backgroundSeed: seed,
        })
        const image = render(latents, { size: 64 }).subarray(0, 4096)
        const mean = image.reduce((a, b) => a + b, 0) / image.length
        for (let i = 0; i < 4095; ++i) {
          if (i % 64 !== 63) difference += ((image[i + 1] as number) - (image[i] as number)) ** 2
          variance += ((image[i] as number) - mean) ** 2
        }
      }
      return difference / variance
    }
    expect(roughness(1)).toBeLessThan(1)
    expect(roughness(2)).toBeLessThan(roughness(1) / 2)
  })
})

describe('renderSet', () => {
  it('is deterministic, balanced, and a stretch of one series', async () => {
    const set = await renderSet({ count: 48, seed: 4 })
    expect(set.shape).toEqual([48, 3, 32, 32])
    expect(set.targets.class?.kind === 'class' && set.targets.class.classes).toEqual(shapeNames)
    for (let label = 0; label < shapeNames.length; ++label)
      expect(labelsOf(set)?.labels.filter((l) => l === label).length).toBe(6)
    expect(Array.from({ length: 48 }, (_, i) => shapeNames.indexOf(set.latents(i).shape))).toEqual([
      ...(labelsOf(set)?.labels ?? []),
    ])
    const again = await renderSet({ count: 48, seed: 4 })
    expect(again.sha256).toBe(set.sha256)
    expect((await renderSet({ count: 48, seed: 5 })).sha256).not.toBe(set.sha256)
    const tail = await renderSet({ count: 8, seed: 4, first: 40 })
    expect(tail.pixels).toEqual(set.pixels.slice(40 * 3072))
    expect(render(set.latents(7))).toEqual(set.pixels.slice(7 * 3072, 8 * 3072))
  })

  it('is not told by colour: the classes have the same mean colour within chance', async () => {
    const set = await renderSet({ count: 800, seed: 6 })
    const { pixels, shape } = set
    const labels = labelsOf(set)?.labels as Int32Array
    const plane = shape[2] * shape[3]
    for (let c = 0; c < 3; ++c) {
      const means = Array.from(
        { length: 800 },
        (_, n) => pixels.subarray((n * 3 + c) * plane, (n * 3 + c + 1) * plane).reduce((a, b) => a + b, 0) / plane,
      )
      const overall = means.reduce((a, b) => a + b, 0) / 800
      const deviation = Math.sqrt(means.reduce((a, b) => a + (b - overall) ** 2, 0) / 800)
      for (let label = 0; label < shapeNames.length; ++label) {
        const own = means.filter((_, n) => labels[n] === label)
        // Standard error of the mean of 100 images is a tenth of the deviation; 5 of them.
        expect(Math.abs(own.reduce((a, b) => a + b, 0) / own.length - overall)).toBeLessThan(0.5 * deviation)
      }
    }
  })

  it('reports progress, stops on a signal and refuses bad options', async () => {
    let last = 0
    await renderSet({ count: 10, onProgress: ({ done }) => (last = done) })
    expect(last).toBe(10)
    const controller = new AbortController()
    const stopped = renderSet({
      count: 1_000_000,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    })
    await expect(stopped).rejects.toThrow('enough')
    await expect(renderSet({ count: 0 })).rejects.toThrow('renderSet: count is 0; expected a whole number of at least 1')
    await expect(renderSet({ count: 1, size: 2 })).rejects.toThrow(OptionError)
    await expect(renderSet({ count: 1, colour: 'red' } as never)).rejects.toThrow('colour is no option of it')
  })
})
