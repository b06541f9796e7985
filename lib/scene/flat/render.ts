// Latents in, pixels out.
import { z } from 'zod'
import { parseOptions, whole } from '../../options.js'
import { paintBackground } from './background.js'
import { rgbOf, type SceneLatents } from './latents.js'
import { shapes } from './shapes.js'

// Samples a pixel's side: 16 levels of coverage at the object's edge.
const samples = 4

/** Whether the pattern shows its second colour at (u, v), in periods. */
function isPatterned(texture: SceneLatents['texture'], u: number, v: number): boolean {
  if (texture === 'stripes') return u - Math.floor(u) < 0.5
  return Math.cos(2 * Math.PI * u) + Math.cos(2 * Math.PI * v) > 0.55
}

/** Renders one scene into `out` from `offset` on. */
export function renderInto(latents: SceneLatents, side: number, out: Uint8Array, offset: number): void {
  const pixels = paintBackground(latents, side)
  const plane = side * side
  const distance = shapes[latents.shape]
  const colour = rgbOf(latents.hueDeg, latents.saturation, latents.value)
  const luminance = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
  const towards = luminance < 0.5 ? 1 : 0
  const second = colour.map((c) => c + latents.textureContrast * (towards - c)) as [number, number, number]

  const [centreX, centreY, radius] = [latents.x * side, latents.y * side, latents.size * side]
  const turn = (latents.rotationDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn) / radius, Math.sin(turn) / radius]
  // Texture coordinates in periods, from the object's coordinates in radii.
  const angle = (latents.textureAngleDeg * Math.PI) / 180
  const frequency = latents.textureFrequency * latents.size
  const [textureCos, textureSin] = [Math.cos(angle) * frequency, Math.sin(angle) * frequency]
  const { texture, texturePhase: phase } = latents
  // No point of a pixel is farther from its centre, in radii.
  const reach = Math.SQRT1_2 / radius

  const from = (centre: number) => Math.max(0, Math.floor(centre - radius - 1))
  const to = (centre: number) => Math.min(side - 1, Math.ceil(centre + radius + 1))
  for (let row = from(centreY); row <= to(centreY); ++row) {
    for (let column = from(centreX); column <= to(centreX); ++column) {
      const dx = column + 0.5 - centreX
      const dy = row + 0.5 - centreY
      const atCentre = distance(dx * cos + dy * sin, dy * cos - dx * sin)
      if (atCentre > reach) continue
      const inside = atCentre < -reach
      let covered = inside && texture === 'plain' ? samples * samples : 0
      let patterned = 0
      if (covered === 0)
        for (let i = 0; i < samples * samples; ++i) {
          const sx = dx + ((i % samples) + 0.5) / samples - 0.5
          const sy = dy + (Math.floor(i / samples) + 0.5) / samples - 0.5
          const x = sx * cos + sy * sin
          const y = sy * cos - sx * sin
          if (!inside && distance(x, y) > 0) continue
          ++covered
          if (
            texture !== 'plain' &&
            isPatterned(texture, x * textureCos + y * textureSin + phase, y * textureCos - x * textureSin + phase)
          )
            ++patterned
        }
      const share = covered / (samples * samples)
      const pattern = patterned / (samples * samples)
      for (let c = 0, at = row * side + column; c < 3; ++c, at += plane)
        pixels[at] =
          (pixels[at] as number) * (1 - share) + (colour[c] as number) * (share - pattern) + (second[c] as number) * pattern
    }
  }
  for (let i = 0; i < pixels.length; ++i) out[offset + i] = Math.round(255 * Math.min(1, Math.max(0, pixels[i] as number)))
}

/** Side of an image in pixels. */
export const sceneSize = whole(4, 4096).default(32).describe('side of the image in pixels')
export const renderOptions = z.strictObject({ size: sceneSize })

/** How one scene is rendered. */
export type RenderOptions = z.input<typeof renderOptions>

/**
 * Renders one scene as planar RGB [3,size,size], 8-bit sRGB, its edges and patterns averaged over 4 x 4 samples a pixel.
 * @throws {OptionError} for an unknown option or a size outside 4 to 4,096
 */
export function render(latents: SceneLatents, options: RenderOptions = {}): Uint8Array {
  const { size } = parseOptions('render', renderOptions, options)
  const out = new Uint8Array(3 * size * size)
  renderInto(latents, size, out, 0)
  return out
}
