// Sorts filters into the groups that figure 1 of Grinberg, Hopfield, Krotov (2019) shows: achromatic oriented ones, other achromatic ones,
// coloured ones, dead ones. All of it is arithmetic in a fixed order: the same weights give the same order everywhere.
import { OptionError, ShapeError } from '../errors.js'
import { refuseUnknown } from '../options.js'

/** [K, C, R, S]: filters, channels (1, or 3 for R, G, B), rows, columns. */
export type FilterShape = readonly [number, number, number, number]

export type FilterGroup = 'oriented' | 'unoriented' | 'colour' | 'dead'

/** What the order is made from, for one filter. */
export interface FilterTraits {
  group: FilterGroup
  /** Direction of its bars and edges, degrees in [0, 180): 0 lies flat, 45 rises to the right, 90 stands upright. */
  orientationDeg: number
  /** Structure tensor's (l1 - l2) / (l1 + l2) of the luminance: 1 for a grating or an edge, 0 for a round spot. */
  coherence: number
  /** Root-mean-square spatial frequency of the luminance, cycles per pixel. */
  frequency: number
  /** Chromatic energy / (chromatic energy + energy of the luminance's variation), 0 to 1. */
  chromaticity: number
  /** Hue of the drawn colour, degrees in [0, 360): 0 red, 120 green, 240 blue. */
  hueDeg: number
}

export interface FilterOrder {
  /** `order[position]` is the filter to show there. */
  order: Int32Array
  /** The groups that are not empty, in the order shown; positions `start` to `end`, the latter excluded. */
  groups: { group: FilterGroup; start: number; end: number }[]
  /** One entry per filter, by the filter's own number. */
  traits: FilterTraits[]
}

/** A filter is coloured when colour carries at least this share of its visible pattern ... */
const chromaticShare = 0.2
/** ... and at least this share of all its energy, so that the noise of a flat grey filter is no colour. */
const chromaticFloor = 0.004
/** From this coherence on, a luminance pattern counts as oriented. */
const orientedCoherence = 0.4
const orientationBins = 8

/** @throws ShapeError when the shape and the weights do not fit; OptionError when a weight is not finite */
export function checkFilters(op: string, weights: ArrayLike<number>, shape: FilterShape): void {
  const refuse = (expected: string): never => {
    throw new ShapeError({ op, argument: 'shape', actual: `[${shape.join(', ')}]`, expected })
  }
  if (shape.length !== 4 || shape.some((n) => !Number.isInteger(n) || n < 1)) refuse('[K, C, R, S], whole numbers from 1 on')
  const [K, C, R, S] = shape
  if (C !== 1 && C !== 3) refuse('C = 1 (grey) or 3 (R, G, B)')
  if (weights.length !== K * C * R * S) {
    throw new ShapeError({
      op,
      argument: 'weights',
      actual: `${weights.length} numbers`,
      expected: `${K * C * R * S} for [${shape.join(', ')}]`,
    })
  }
  for (let i = 0; i < weights.length; i++) {
    if (Number.isFinite(weights[i])) continue
    throw new OptionError({ op, argument: `weights[${i}]`, actual: `${weights[i]}`, expected: 'a finite number' })
  }
}

function analyse(weights: ArrayLike<number>, shape: FilterShape, k: number): FilterTraits {
  const [, C, R, S] = shape
  const size = R * S
  const w = (c: number, p: number) => weights[(k * C + c) * size + p] ?? 0
  const luminance = new Float64Array(size)
  let mean = 0
  let chroma = 0
  let energy = 0
  let top: [number, number, number] = [0, 0, 0] // the most colourful pixel: size squared, a, b
  let sum: [number, number, number] = [0, 0, 0]
  for (let p = 0; p < size; p++) {
    let y = 0
    for (let c = 0; c < C; c++) y += w(c, p) / C
    luminance[p] = y
    mean += y / size
    for (let c = 0; c < C; c++) {
      chroma += (w(c, p) - y) ** 2
      energy += w(c, p) ** 2
    }
    if (C === 3) {
      // The hue is that of the picture, where negative weights are black. a, b: the plane of the RGB cube across the grey axis.
      const [r, g, b] = [Math.max(0, w(0, p)), Math.max(0, w(1, p)), Math.max(0, w(2, p))]
      const [u, v] = [r - (g + b) / 2, (Math.sqrt(3) / 2) * (g - b)]
      const length = Math.hypot(u, v)
      sum = [sum[0] + length * length, sum[1] + length * u, sum[2] + length * v]
      if (length * length > top[0]) top = [length * length, u, v]
    }
  }
  let variation = 0
  for (let p = 0; p < size; p++) variation += C * ((luminance[p] ?? 0) - mean) ** 2

  // Structure tensor on the half-pixel lattice: uses no pixel from outside the window, and sees stripes of one pixel.
  let xx = 0
  let xy = 0
  let yy = 0
  for (let y = 0; y + 1 < R; y++) {
    for (let x = 0; x + 1 < S; x++) {
      const p = y * S + x
      const [a, b, c, d] = [luminance[p] ?? 0, luminance[p + 1] ?? 0, luminance[p + S] ?? 0, luminance[p + S + 1] ?? 0]
      const gx = (b + d - a - c) / 2
      const gy = (c + d - a - b) / 2
      xx += gx * gx
      xy += gx * gy
      yy += gy * gy
    }
  }
  const trace = xx + yy
  const cells = Math.max(1, (R - 1) * (S - 1))
  // The gradient's direction is atan2(2xy, xx - yy) / 2 with y down; bars lie across it, and angles count upwards.
  const bars = 90 - (Math.atan2(2 * xy, xx - yy) * 90) / Math.PI
  const strayed = sum[0] > 0 && Math.hypot(sum[1], sum[2]) < 0.2 * sum[0] // opposite colours cancel: the strongest pixel decides
  const [, u, v] = strayed ? top : sum
  const chromaticity = chroma + variation > 0 ? chroma / (chroma + variation) : 0
  const coherence = trace > 0 ? Math.hypot(xx - yy, 2 * xy) / trace : 0
  const coloured = C === 3 && chromaticity >= chromaticShare && chroma >= chromaticFloor * energy
  return {
    group: energy === 0 ? 'dead' : coloured ? 'colour' : coherence >= orientedCoherence ? 'oriented' : 'unoriented',
    orientationDeg: trace > 0 ? ((bars % 180) + 180) % 180 : 0,
    coherence,
    frequency: variation > 0 ? Math.sqrt(trace / cells / (variation / C / size)) / (2 * Math.PI) : 0,
    chromaticity: C === 3 ? chromaticity : 0,
    hueDeg: u === 0 && v === 0 ? 0 : ((Math.atan2(v, u) * 180) / Math.PI + 360) % 360,
  }
}

/**
 * Orders filters as in figure 1 of Grinberg, Hopfield, Krotov (2019): achromatic oriented filters by orientation (8 bins of 22.5 degrees, 0 first) and
 * within a bin by spatial frequency (low first); other achromatic ones by frequency; coloured ones by hue; dead ones last.
 * Orientation comes from the structure tensor of the luminance (mean of the channels), colour from the share of the energy off the grey axis.
 * Filters that compare equal keep their order.
 * @param weights [K,C,R,S] row-major
 * @param options.dead numbers of the filters that never win (from the training's win counts); filters of only zeros are dead in any case
 * @throws ShapeError, OptionError for weights that do not fit the shape or are not finite, or a dead filter that does not exist
 */
export function orderFilters(
  weights: ArrayLike<number>,
  shape: FilterShape,
  options: { dead?: Iterable<number> } = {},
): FilterOrder {
  refuseUnknown('orderFilters', options, ['dead'])
  checkFilters('orderFilters', weights, shape)
  const K = shape[0]
  const traits = Array.from({ length: K }, (_, k) => analyse(weights, shape, k))
  for (const k of options.dead ?? []) {
    const trait = traits[k]
    if (!trait)
      throw new OptionError({
        op: 'orderFilters',
        argument: 'dead',
        actual: `${k}`,
        expected: `filter numbers from 0 to ${K - 1}`,
      })
    trait.group = 'dead'
  }
  const bin = (t: FilterTraits) => Math.round((t.orientationDeg * orientationBins) / 180) % orientationBins
  const keys: Record<FilterGroup, (t: FilterTraits) => [number, number]> = {
    oriented: (t) => [bin(t), t.frequency],
    unoriented: (t) => [t.frequency, 0],
    colour: (t) => [t.hueDeg, t.chromaticity],
    dead: () => [0, 0],
  }
  const order: number[] = []
  const groups: FilterOrder['groups'] = []
  for (const group of ['oriented', 'unoriented', 'colour', 'dead'] as const) {
    const members = traits.flatMap((t, k) => (t.group === group ? [{ k, key: keys[group](t) }] : []))
    members.sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1] || a.k - b.k)
    if (members.length > 0) groups.push({ group, start: order.length, end: order.length + members.length })
    for (const member of members) order.push(member.k)
  }
  return { order: Int32Array.from(order), groups, traits }
}
