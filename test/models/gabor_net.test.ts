import { describe, expect, it } from 'vitest'
import { OptionError, ShapeError } from '../../lib/errors.js'
import { gaborNet } from '../../lib/models/index.js'
import { Tensor } from '../../lib/tensor.js'

const side = 48
/** A grating [1,1,side,side] of a wavelength in pixels, along a direction. */
function grating(wavelength: number, angle: number, phase: number, mean = 0.5): Tensor {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const data = Float32Array.from({ length: side ** 2 }, (_, i) => {
    const along = (i % side) * cos + Math.floor(i / side) * sin
    return mean + 0.4 * Math.cos((2 * Math.PI * along) / wavelength + phase)
  })
  return Tensor.from(data, { shape: [1, 1, side, side] })
}
const net = gaborNet({ channels: 1, image: [side, side], wavelengths: [6, 12], orientations: 4 })

/** Energies [scale][orientation] in the middle of the image. */
async function energies(image: Tensor): Promise<number[][]> {
  const found = await net.features(image, { at: ['blocks.0', 'blocks.1'] })
  const maps = await Promise.all(['blocks.0', 'blocks.1'].map(async (name) => (await (found[name] as Tensor).read()).data))
  const extents = ['blocks.0', 'blocks.1'].map((name) => net.extent(name))
  for (const tensor of [image, ...Object.values(found)]) tensor.dispose()
  return maps.map((data, scale) => {
    const [orientations, height, width] = extents[scale] as [number, number, number]
    return Array.from(
      { length: orientations },
      (_, k) => data[(k * height + Math.floor(height / 2)) * width + Math.floor(width / 2)] as number,
    )
  })
}

describe('Gabor energy', () => {
  it('is largest at a grating’s own orientation and wavelength', async () => {
    for (const [scale, wavelength] of [6, 12].entries())
      for (const orientation of [0, 1, 2, 3]) {
        const found = (await energies(grating(wavelength, (Math.PI * orientation) / 4, 1))).flat()
        expect(found.indexOf(Math.max(...found))).toBe(4 * scale + orientation)
      }
  })

  it('does not depend on the phase, and not on the mean', async () => {
    const all = await Promise.all([0, 0.7, 1.9, 3.3].map((phase) => energies(grating(6, 0, phase, 0.4 + phase / 20))))
    const own = all.map(([first]) => first?.[0] as number)
    // The pair is orthogonal up to its cut tails: exp(-2.5^2 / 2) of the peak.
    for (const energy of own) expect(energy / (own[0] as number)).toBeCloseTo(1, 1)
    const [flat] = await energies(Tensor.from(new Float32Array(side ** 2).fill(0.7), { shape: [1, 1, side, side] }))
    for (const energy of flat ?? []) expect(energy).toBeLessThan(1e-9 * (own[0] as number) + 1e-10)
  })

  it('refuses filters larger than the image, and wavelengths that are none', () => {
    expect(() => gaborNet({ image: [32, 32] })).toThrow(ShapeError)
    expect(() => gaborNet({ image: [32, 32] })).toThrow(/wavelengths\[2\] is 16, whose filters are 47 pixels wide/)
    expect(() => gaborNet({ image: [64, 64], wavelengths: [1] })).toThrow(OptionError)
  })
})
