// Gabor energy (Adelson, Bergen 1985): the baseline of early vision that nothing is learned for. At each scale and orientation a pair of Gabor filters a
// quarter period apart looks at the image's brightness, and the sum of both squares is the energy, which does not know the phase.
import { z } from 'zod'
import type { Device } from '../../device.js'
import { ShapeError } from '../../errors.js'
import type { Safetensor } from '../../io/index.js'
import { parseOptions } from '../../options.js'
import { count } from '../layer.js'
import { Network } from '../network.js'
import type { LayerSpecInput } from '../spec.js'

/** The schema of {@link GaborNetOptions}. */
export const gaborNetOptions = z.strictObject({
  /** C of the images. */
  channels: count.default(3),
  /** Height and width of the images. */
  image: z.tuple([count, count]).readonly(),
  wavelengths: z.array(z.number().min(2).max(256)).min(1).readonly().default([4, 8, 16]).describe('of the scales, in pixels'),
  orientations: z.number().int().min(1).max(64).default(8).describe('over half a turn'),
})

export type GaborNetOptions = z.input<typeof gaborNetOptions>

/** Standard deviation of the envelope in wavelengths, for a bandwidth of one octave. */
const spread = 0.56
/** How far filters reach, in standard deviations. */
const reach = 2.5
/** The pair, and both with the other sign: the squares of all four rectified are the squares of the pair. */
const signs = 4

/**
 * A network whose layers `blocks.0`, `blocks.1` ... are the energies [orientations,H',W'] of one wavelength each, four positions a wavelength; its output is
 * all of them, one after another.
 * @param options wavelengths: in pixels, default 4, 8 and 16. orientations: default 8
 * @throws {OptionError} for an option out of range; {ShapeError} when the filters of a wavelength are larger than the image
 */
export function gaborNet(options: GaborNetOptions, { device }: { device?: Device } = {}): Network {
  const { channels, image, wavelengths, orientations } = parseOptions('gaborNet', gaborNetOptions, options)
  const state = new Map<string, Safetensor>()
  const branches = wavelengths.map((wavelength, i): LayerSpecInput[] => {
    const radius = Math.ceil(reach * spread * wavelength)
    const window = 2 * radius + 1
    if (window > Math.min(...image))
      throw new ShapeError({
        op: 'gaborNet',
        argument: `wavelengths[${i}]`,
        actual: `${wavelength}, whose filters are ${window} pixels wide`,
        expected: `filters within images of ${image.join(' x ')}`,
      })
    const stride = Math.max(1, Math.round(wavelength / 4))
    const units = signs * orientations
    const filters = Array.from({ length: orientations }, (_, k) => gaborFilters(wavelength, (Math.PI * k) / orientations, radius))
    const perChannel = filters.flat().flatMap((filter) => Array.from({ length: channels }, () => filter.map((v) => v / channels)))
    state.set(`filters.${i}.weight`, {
      dtype: 'F32',
      shape: [units, channels, window, window],
      data: Float32Array.from(perChannel.flat()),
    })
    const sums = Float32Array.from({ length: orientations * units }, (_, at) =>
      Math.floor((at % units) / signs) === Math.floor(at / units) ? 1 : 0,
    )
    state.set(`blocks.${i}.weight`, { dtype: 'F32', shape: [orientations, units, 1, 1], data: sums })
    return [
      { kind: 'conv', name: `filters.${i}`, units, window, stride, padding: radius, bias: false },
      { kind: 'rectified_power', name: `squares.${i}`, power: 2 },
      { kind: 'conv', name: `blocks.${i}`, units: orientations, window: 1, bias: false },
    ]
  })
  return new Network(
    {
      kind: 'network',
      name: 'gabor-energy',
      channels,
      image: [...image],
      layers: [{ kind: 'parallel', name: 'features', branches }],
    },
    { state, ...(device ? { device } : {}) },
  )
}

/** Even and odd filter of one orientation, of norm 1 and no response to a constant, each followed by its negative. */
function gaborFilters(wavelength: number, angle: number, radius: number): number[][] {
  const side = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius)
  const places = side.flatMap((y) => side.map((x) => ({ x, y })))
  const envelope = places.map(({ x, y }) => Math.exp(-(x * x + y * y) / (2 * (spread * wavelength) ** 2)))
  const phase = places.map(({ x, y }) => (2 * Math.PI * (x * Math.cos(angle) + y * Math.sin(angle))) / wavelength)
  const total = envelope.reduce((a, b) => a + b)
  return [Math.cos, Math.sin].flatMap((wave) => {
    const mean = envelope.reduce((sum, e, i) => sum + e * wave(phase[i] as number), 0) / total
    const filter = envelope.map((e, i) => e * (wave(phase[i] as number) - mean))
    const norm = Math.hypot(...filter)
    const unit = filter.map((v) => v / norm)
    return [unit, unit.map((v) => -v)]
  })
}
