// Natural-looking backgrounds: coloured noise of a 1/f^a amplitude spectrum, summed from octaves of smooth lattice noise.
import { draw } from '../../random.js'
import { rgbOf, type SceneLatents } from './latents.js'

// Brightness and two opponent colours, as in photographs, where brightness varies most and in the finest detail.
const axes = [
  [1, 1, 1],
  [Math.SQRT1_2, -Math.SQRT1_2, 0],
  [1 / Math.sqrt(6), 1 / Math.sqrt(6), -2 / Math.sqrt(6)],
] as const
const chromaShare = 0.45

/** Adds one octave of `cells` x `cells` lattice noise (standard deviation about `amplitude`) to a field [side,side]. */
function addOctave(field: Float32Array, side: number, cells: number, amplitude: number, seed: number, stream: number): void {
  const points = cells + 2
  const lattice = new Float32Array(points * points)
  for (let i = 0; i < lattice.length; i += 4) {
    const four = draw(i, stream, seed)
    // Uniform with unit variance, so that the sum over octaves is close to normal.
    for (let k = 0; k < 4 && i + k < lattice.length; ++k)
      lattice[i + k] = ((four[k] as number) / 2 ** 31 - 1) * Math.sqrt(3) * amplitude
  }
  // The lattice is shifted by a drawn part of a cell, or all backgrounds would have their knots at the same places.
  const shift = draw(0, stream + 128, seed)
  const [left, top] = [(shift[0] as number) / 2 ** 32, (shift[1] as number) / 2 ** 32]
  const rows = new Float32Array(points * side)
  for (let x = 0; x < side; ++x) {
    const position = ((x + 0.5) / side) * cells + left
    const cell = Math.floor(position)
    const t = position - cell
    const weight = t * t * (3 - 2 * t)
    for (let y = 0; y < points; ++y) {
      const a = lattice[y * points + cell] as number
      rows[y * side + x] = a + weight * ((lattice[y * points + cell + 1] as number) - a)
    }
  }
  for (let y = 0; y < side; ++y) {
    const position = ((y + 0.5) / side) * cells + top
    const cell = Math.floor(position)
    const t = position - cell
    const weight = t * t * (3 - 2 * t)
    for (let x = 0; x < side; ++x) {
      const a = rows[cell * side + x] as number
      const at = y * side + x
      field[at] = (field[at] as number) + a + weight * ((rows[(cell + 1) * side + x] as number) - a)
    }
  }
}

/**
 * The background of a scene as planar RGB [3,side,side], 0 to 1 but not clipped. An octave of a 2-D spectrum 1/f^a holds a standard deviation
 * proportional to f^(1-a); the finest has cells of two pixels.
 */
export function paintBackground(latents: SceneLatents, side: number): Float32Array {
  const { backgroundSeed: seed, backgroundSlope: slope, backgroundContrast: contrast } = latents
  const mean = rgbOf(latents.backgroundHueDeg, latents.backgroundSaturation, latents.backgroundValue)
  const plane = side * side
  const out = new Float32Array(3 * plane)
  for (let c = 0; c < 3; ++c) out.fill(mean[c] as number, c * plane, (c + 1) * plane)
  if (contrast === 0) return out
  for (let axis = 0; axis < 3; ++axis) {
    const finest = side / (axis === 0 ? 2 : 4)
    const octaves = Math.max(1, Math.floor(Math.log2(Math.max(2, finest))))
    const amplitudes = Array.from({ length: octaves }, (_, i) => 2 ** ((i + 1) * (1 - slope)))
    const scale = (contrast * (axis === 0 ? 1 : chromaShare)) / Math.hypot(...amplitudes)
    const field = new Float32Array(plane)
    for (let i = 0; i < octaves; ++i) addOctave(field, side, 2 ** (i + 1), (amplitudes[i] as number) * scale, seed, axis * 32 + i)
    for (let c = 0; c < 3; ++c) {
      const share = (axes[axis] as readonly number[])[c] as number
      if (share === 0) continue
      for (let i = 0; i < plane; ++i) out[c * plane + i] = (out[c * plane + i] as number) + share * (field[i] as number)
    }
  }
  return out
}
