import { cpu, type Device } from '../device.js'
import { OptionError } from '../errors.js'
import { refuseUnknown } from '../options.js'
import { callOp, Tensor } from '../tensor.js'

export interface WaveletBankOptions {
  /** Orientations L, evenly over half a turn. Default 8. */
  orientations?: number
  /** Standard deviation of a wavelet's envelope along its wave, in pixels. Default 0.8. */
  sigma?: number
  /** Frequency of its wave, in radians a pixel. Default 3 pi / 4. */
  xi?: number
  /** The envelope's extent along the wave, as a share of that across it. Default 4 / orientations. */
  slant?: number
  /** Standard deviation of the low-pass, in pixels. Default: sigma. */
  lowpass?: number
  /** Side of the square that holds the filters, an odd number of pixels. Default 9. */
  size?: number
  /** Default: `cpu()`. */
  device?: Device
}

const filterNames = ['orientations', 'sigma', 'xi', 'slant', 'lowpass', 'size']

/** The published code's 2 pi: its pi is 3.1415. */
const turn = 6.283

/**
 * A bank of Morlet wavelets and a Gaussian, f32 [1 + 2 L, size, size], for {@link waveletConv}. Row 0 is the low-pass, rows 1 + 2 l and
 * 2 + 2 l are the real and the imaginary part of orientation l, whose wave runs at the angle (trunc(L / 2 - 1) - l) pi / L from the axis
 * of the rows: psi(u) = a exp(-u' R diag(1, slant^2) R' u / (2 sigma^2)) (exp(i xi.u) - beta) with a = slant / (2 * 3.1415 sigma^2), as
 * published (Passi, Robinson, Bonner 2026, after Guth et al. 2023, "Rainbow", and kymatio).
 *
 * Published filters fill the whole map; these end at `size`, and beta is such that what is left sums to 0, so that a constant image still
 * gives no response. With pixels from 0 to 1 a modulus of {@link passiBank}'s 'odd' or 'even' block differs from the published one by less
 * than 0.0042 or 0.0113 (the sum of the magnitudes cut off; a third of that on noise), by 5e-4 and 3e-3 where `size` is 2 more, and by
 * 1e-6 with `size` 21.
 * @throws {OptionError}
 */
export function waveletBank(options: WaveletBankOptions = {}): Tensor {
  refuseUnknown('waveletBank', options, [...filterNames, 'device'])
  const { device = cpu(), ...rest } = options
  const filters = waveletFilters(rest)
  const { size = 9 } = rest
  return Tensor.from(filters, { shape: [filters.length / size ** 2, size, size], device })
}

/** The numbers of {@link waveletBank}, on the host. */
export function waveletFilters(options: Omit<WaveletBankOptions, 'device'> = {}): Float32Array {
  refuseUnknown('waveletBank', options, filterNames)
  const { orientations = 8, sigma = 0.8, xi = (3 * Math.PI) / 4, size = 9 } = options
  const { slant = 4 / orientations, lowpass = sigma } = options
  for (const [name, value, high] of [
    ['orientations', orientations, 32],
    ['size', size, 31],
  ] as const)
    if (!Number.isInteger(value) || value < 1 || value > high || (name === 'size' && value % 2 === 0))
      throw refused(name, value, `${name === 'size' ? 'an odd' : 'a whole'} number from 1 to ${high}`)
  for (const [name, value] of Object.entries({ sigma, xi, slant, lowpass }))
    if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw refused(name, value, 'a number above 0')

  const area = size * size
  const bank = new Float32Array((1 + 2 * orientations) * area)
  bank.set(morlet({ step: 0, orientations, sigma: lowpass, xi: 0, slant: 1, size }).envelope)
  for (let l = 0; l < orientations; l++) {
    const step = Math.trunc(orientations / 2 - 1) - l
    const { real, imaginary } = morlet({ step, orientations, sigma, xi, slant, size })
    bank.set(real, (1 + 2 * l) * area)
    bank.set(imaginary, (2 + 2 * l) * area)
  }
  return bank
}

function refused(argument: string, actual: unknown, expected: string): OptionError {
  return new OptionError({ op: 'waveletBank', argument, actual: String(actual), expected })
}

/**
 * A wavelet at the angle step * pi / orientations. Mirrored angles give mirrored numbers to the bit, on which the kernels' speed rests: a
 * negative angle is computed as its mirror image.
 */
function morlet(m: { step: number; orientations: number; sigma: number; xi: number; slant: number; size: number }) {
  const { step, orientations, sigma, xi, slant, size } = m
  const angle = (Math.abs(step) * Math.PI) / orientations
  const [cos, sin] = 2 * Math.abs(step) === orientations ? [0, 1] : [Math.cos(angle), Math.sin(angle)]
  const [curved, crossed, across] = [cos ** 2 + (slant * sin) ** 2, (1 - slant ** 2) * cos * sin, sin ** 2 + (slant * cos) ** 2]
  const amplitude = slant / (turn * sigma ** 2)
  const reach = (size - 1) / 2
  const envelope = new Float64Array(size * size)
  const phase = new Float64Array(size * size)
  let [sum, waves] = [0, 0]
  for (let i = 0; i < size * size; i++) {
    const x = Math.floor(i / size) - reach
    const y = ((i % size) - reach) * (step < 0 ? -1 : 1)
    const g = amplitude * Math.exp(-(curved * x * x + 2 * crossed * x * y + across * y * y) / (2 * sigma ** 2))
    envelope[i] = g
    phase[i] = xi * (cos * x + sin * y)
    sum += g
    waves += g * Math.cos(phase[i] as number)
  }
  // Summed in another order, a mirrored filter would get another beta in the last place.
  const beta = Math.fround(waves / sum)
  return {
    envelope,
    real: envelope.map((g, i) => g * (Math.cos(phase[i] as number) - beta)),
    imaginary: envelope.map((g, i) => g * Math.sin(phase[i] as number)),
  }
}

/**
 * The filters of the published networks (Passi, Robinson, Bonner): of block 1 (its maps are subsampled by 2), and of the `odd` and `even`
 * blocks of the pairs that follow, each pair an octave (the even ones are subsampled by 2).
 */
export function passiBank(position: 1 | 'odd' | 'even', orientations = 8): Required<Omit<WaveletBankOptions, 'device'>> {
  if (position !== 1 && position !== 'odd' && position !== 'even')
    throw new OptionError({
      op: 'passiBank',
      argument: 'position',
      actual: String(position),
      expected: "one of 1, 'odd', 'even'",
    })
  const slant = 4 / orientations
  const lowpass = position === 1 ? 0.8 : 0.8 / Math.SQRT2
  if (position !== 'even') return { orientations, sigma: 0.8, xi: (3 * Math.PI) / 4, slant, lowpass, size: 9 }
  return {
    orientations,
    sigma: 0.8 * Math.sqrt(3 / 2),
    xi: Math.PI / Math.SQRT2,
    slant: Math.sqrt((3 * slant ** 2) / (4 - slant ** 2)),
    lowpass,
    size: 11,
  }
}

export interface WaveletOptions {
  /** 2: every second place of the bordered map, along both axes. Default 1. */
  subsample?: 1 | 2
  /**
   * What becomes of a complex response: its modulus, its real part rectified, or both parts as they are (`none`). Default `modulus`.
   */
  nonlinearity?: 'modulus' | 'relu' | 'none'
}

const shared = ['subsample', 'nonlinearity']

/**
 * Convolves every channel of x with every filter of a bank. Border as published (Passi, Robinson, Bonner): axes are reflected by 2 pixels
 * (odd ones by 1 before and 2 after), the grid so made is circular, and 2 pixels a side are cropped again (1 after subsampling).
 * @param x [N,C,H,W] of at least 2 x 2 pixels, f32, or u8 that stands for x / 255
 * @param bank [1 + 2 L, S, S], S odd: low-pass, then real and imaginary part of each wavelet ({@link waveletBank}). Any bank is right; one
 * whose filters mirror each other to the bit is fast
 * @returns [N, C (1 + L), P, Q], the C low-passes (linear) first, then L maps of each channel in turn; with `none` [N, C (1 + 2 L), P, Q], real
 * and imaginary part of each. An even axis H gives P = H / subsample, an odd one (H - 1) / subsample
 */
export function waveletConv(x: Tensor, bank: Tensor, options: WaveletOptions = {}): Tensor {
  refuseUnknown('wavelet_conv', options, shared)
  return callOp('wavelet_conv', [x, bank], options)[0] as Tensor
}

/**
 * Moments of the maps E that {@link waveletConv} would give, which are never written.
 * @returns pooled [N,E], the mean of each map (of the element type `store`, default f32), and squares f64 [E], the sum of a map's squares
 * over images and places
 */
export function waveletMoments(
  x: Tensor,
  bank: Tensor,
  options: WaveletOptions & { store?: 'f32' | 'f64' } = {},
): { pooled: Tensor; squares: Tensor } {
  refuseUnknown('wavelet_moments', options, [...shared, 'store'])
  const [pooled, squares] = callOp('wavelet_moments', [x, bank], options)
  return { pooled: pooled as Tensor, squares: squares as Tensor }
}

export interface WaveletMixOptions extends WaveletOptions {
  /** Divide each place's K numbers by their Euclidean norm (0 stays 0). Default false. */
  normalise?: boolean
}

/**
 * w z + b at every place, where z are the E numbers that {@link waveletConv} would give there: a block of the wavelet hierarchy in one
 * pass, its maps never written. Standardisation folds into w and b.
 * @param w [K,E]
 * @returns [N,K,P,Q]
 */
export function waveletMix(
  x: Tensor,
  bank: Tensor,
  w: Tensor,
  options: WaveletMixOptions & { bias?: Tensor | null } = {},
): Tensor {
  refuseUnknown('wavelet_mix', options, [...shared, 'normalise', 'bias'])
  const { bias, ...rest } = options
  return callOp('wavelet_mix', [x, bank, w, bias ?? null], rest)[0] as Tensor
}

/** As {@link waveletMix} with `normalise`, with the norms [N,P,Q] that {@link waveletMixGrad} needs. */
export function waveletMixWithNorms(
  x: Tensor,
  bank: Tensor,
  w: Tensor,
  options: WaveletOptions & { bias?: Tensor | null } = {},
): { y: Tensor; norms: Tensor } {
  refuseUnknown('wavelet_mix', options, [...shared, 'bias'])
  const { bias, ...rest } = options
  const [y, norms] = callOp('wavelet_mix', [x, bank, w, bias ?? null], { ...rest, normalise: true }, ['norms'])
  return { y: y as Tensor, norms: norms as Tensor }
}

/** Gradient of {@link waveletConv} with respect to x (f32); that of a modulus at 0 is 0. */
export function waveletConvGrad(x: Tensor, bank: Tensor, gy: Tensor, options: WaveletOptions = {}): Tensor {
  refuseUnknown('wavelet_conv_grad', options, shared)
  return callOp('wavelet_conv_grad', [x, bank, gy], options)[0] as Tensor
}

/**
 * Gradients of {@link waveletMix}: only those asked for are made (default: all), gx only for an f32 x. Those of a normalised result need
 * `saved`, what {@link waveletMixWithNorms} gave; those of any other take none. The bank's responses are computed again.
 */
export function waveletMixGrad<T extends 'gx' | 'gw' | 'gb' = 'gx' | 'gw' | 'gb'>(
  x: Tensor,
  bank: Tensor,
  w: Tensor,
  gy: Tensor,
  options: WaveletOptions & { saved?: { y: Tensor; norms: Tensor }; of?: readonly T[] } = {},
): Record<T, Tensor> {
  refuseUnknown('wavelet_mix_grad', options, [...shared, 'saved', 'of'])
  const { saved, of, ...rest } = options
  refuseUnknown('wavelet_mix_grad', saved, ['y', 'norms'], 'saved.')
  const inputs = [x, bank, w, gy, saved?.y ?? null, saved?.norms ?? null]
  const [gx, gw, gb] = callOp('wavelet_mix_grad', inputs, { ...rest, normalise: saved !== undefined }, of ?? ['gx', 'gw', 'gb'])
  return { gx, gw, gb } as Record<T, Tensor>
}
