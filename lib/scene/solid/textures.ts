// The grey tiles that surfaces and backgrounds are painted with: a fixed set, made of lattice noise and simple patterns, each the same at its left and
// right edge and at its top and bottom.
import { textureBytes, textureTile } from '../../ops/index.js'
import { philox } from '../../random.js'

/** Random numbers from 0 to 1 at the points of a lattice of 256 x 256. */
const lattice = new Float64Array(textureTile * textureTile)
for (let i = 0; i < lattice.length; i += 4)
  for (const [k, word] of philox([i / 4, 0, 0x74696c65, 0], [0, 0]).entries()) lattice[i + k] = word / 2 ** 32

/** The number at a lattice point; `salt` chooses one of many lattices. */
function point(column: number, row: number, salt: number): number {
  const last = textureTile - 1
  return lattice[((row + 101 * salt) & last) * textureTile + ((column + 37 * salt) & last)] as number
}

const wrap = (value: number, period: number): number => value - period * Math.floor(value / period)
const smooth = (t: number): number => t * t * t * (t * (6 * t - 15) + 10)

/** Smooth noise from 0 to 1 of `columns` x `rows` lattice cells a tile. */
function noise(u: number, v: number, columns: number, rows: number, salt: number): number {
  const [x, y] = [wrap(u * columns, columns), wrap(v * rows, rows)]
  const [column, row] = [Math.floor(x), Math.floor(y)]
  const [right, below] = [(column + 1) % columns, (row + 1) % rows]
  const [s, t] = [smooth(x - column), smooth(y - row)]
  const top = point(column, row, salt) * (1 - s) + point(right, row, salt) * s
  const bottom = point(column, below, salt) * (1 - s) + point(right, below, salt) * s
  return top * (1 - t) + bottom * t
}

/** Noise of octaves from `cells` a tile up to 128, each of twice the frequency and 2^-slope of the amplitude of the one before. */
function fractal(u: number, v: number, cells: number, slope: number, salt: number): number {
  let [sum, amplitude, all] = [0, 1, 0]
  for (let n = cells; n <= 128; n *= 2) {
    sum += amplitude * noise(u, v, n, n, salt + n)
    all += amplitude
    amplitude *= 2 ** -slope
  }
  return sum / all
}

/** Distances to the nearest and the second nearest of points scattered one a cell, in cells. */
function cellular(u: number, v: number, cells: number, salt: number): [nearest: number, second: number] {
  const [x, y] = [wrap(u * cells, cells), wrap(v * cells, cells)]
  let [nearest, second] = [9, 9]
  for (let row = Math.floor(y) - 1; row <= Math.floor(y) + 1; ++row)
    for (let column = Math.floor(x) - 1; column <= Math.floor(x) + 1; ++column) {
      const [c, r] = [wrap(column, cells), wrap(row, cells)]
      const [dx, dy] = [column + point(c, r, salt) - x, row + point(c, r, salt + 1) - y]
      const distance = Math.sqrt(dx * dx + dy * dy)
      if (distance < nearest) [nearest, second] = [distance, nearest]
      else if (distance < second) second = distance
    }
  return [nearest, second]
}

/** Blocks of `width` x `height` a tile, every other row shifted, with a joint of a share of the block's height: 0 in joints, else a shade of its own. */
function blocks(u: number, v: number, columns: number, rows: number, shift: number, joint: number, salt: number): number {
  const row = Math.floor(v * rows)
  const across = wrap(u * columns + (row % 2) * shift, columns)
  const column = Math.floor(across)
  const [x, y] = [across - column, v * rows - row]
  const inJoint = y < joint || x < (joint * columns) / rows
  return inJoint ? 0 : 0.45 + 0.4 * point(column, row, salt) + 0.15 * fractal(u, v, 32, 0.5, salt)
}

const wave = (t: number): number => 0.5 + 0.5 * Math.cos(2 * Math.PI * t)
const step = (t: number): number => Math.min(1, Math.max(0, t))

/** One function a texture, of a place on the tile from 0 to 1: darker where it is smaller. */
const patterns = {
  clouds: (u: number, v: number) => fractal(u, v, 2, 1.5, 1),
  mottle: (u: number, v: number) => fractal(u, v, 4, 1, 2),
  grain: (u: number, v: number) => fractal(u, v, 8, 0.5, 3),
  speckle: (u: number, v: number) => fractal(u, v, 64, 0, 4),
  patches: (u: number, v: number) => step(12 * (fractal(u, v, 4, 1.2, 5) - 0.46)),
  wood: (u: number, v: number) =>
    0.7 * wave(6 * u + 1.6 * noise(u, v, 6, 1, 6) + 0.3 * noise(u, v, 12, 3, 7)) + 0.3 * noise(u, v, 128, 6, 8),
  planks: (u: number, v: number) => {
    const plank = Math.floor(v * 6)
    if (v * 6 - plank < 0.04) return 0
    return 0.4 + 0.35 * point(plank, 0, 9) + 0.25 * noise(u, v, 4, 96, 10 + plank)
  },
  marble: (u: number, v: number) => Math.abs(Math.sin(Math.PI * (2 * u + 2 * v + 3 * fractal(u, v, 2, 1, 16)))) ** 0.6,
  brick: (u: number, v: number) => blocks(u, v, 4, 10, 0.5, 0.12, 17),
  tiles: (u: number, v: number) => blocks(u, v, 5, 5, 0, 0.06, 18),
  cobbles: (u: number, v: number) => {
    const [nearest, second] = cellular(u, v, 9, 19)
    return step(5 * (second - nearest)) * (0.6 + 0.4 * fractal(u, v, 16, 0.7, 21))
  },
  pebbles: (u: number, v: number) => 1 - cellular(u, v, 24, 22)[0],
  hide: (u: number, v: number) => {
    const [nearest, second] = cellular(u, v, 30, 24)
    return step(4 * (second - nearest))
  },
  weave: (u: number, v: number) => {
    const over = (Math.floor(u * 32) + Math.floor(v * 32)) % 2 === 0
    return (over ? wave(v * 32 + 0.5) : wave(u * 32 + 0.5)) * 0.8 + 0.2 * fractal(u, v, 64, 0.3, 26)
  },
  stripes: (u: number) => (wrap(u * 8, 1) < 0.5 ? 1 : 0),
  checks: (u: number, v: number) => ((Math.floor(u * 8) + Math.floor(v * 8)) % 2 === 0 ? 1 : 0),
  dots: (u: number, v: number) => (Math.hypot(wrap(u * 8, 1) - 0.5, wrap(v * 8, 1) - 0.5) < 0.3 ? 1 : 0),
  grass: (u: number, v: number) => 0.55 * noise(u, v, 128, 24, 27) + 0.25 * noise(u, v, 64, 16, 28) + 0.2 * noise(u, v, 6, 6, 29),
  fur: (u: number, v: number) => noise(u + 0.04 * noise(u, v, 3, 3, 30), v, 96, 10, 31) * 0.7 + 0.3 * noise(u, v, 5, 5, 32),
  scales: (u: number, v: number) => {
    const row = Math.floor(v * 16)
    return 1 - Math.hypot(wrap(u * 12 + (row % 2) / 2, 1) - 0.5, v * 16 - row) / 1.12
  },
  brushed: (u: number, v: number) => noise(u, v, 3, 128, 33),
  ripples: (u: number, v: number) => wave(10 * v + 1.2 * fractal(u, v, 3, 1, 34)),
} as const satisfies Record<string, (u: number, v: number) => number>

export type SolidTexture = keyof typeof patterns
/** In the order of their rows. */
export const solidTextures = Object.keys(patterns) as SolidTexture[]

/** A tile from 0 to 255, its darkest and lightest hundredth cut off. */
function tileOf(pattern: (u: number, v: number) => number): Uint8Array {
  const values = new Float64Array(textureTile * textureTile)
  for (let i = 0; i < values.length; ++i)
    values[i] = pattern(((i % textureTile) + 0.5) / textureTile, (Math.floor(i / textureTile) + 0.5) / textureTile)
  const sorted = values.slice().sort()
  const [low, high] = [sorted[Math.floor(values.length * 0.01)] as number, sorted[Math.floor(values.length * 0.99)] as number]
  return Uint8Array.from(values, (value) => Math.round(255 * step((value - low) / (high - low))))
}

/** A tile, then its levels, each pixel the mean of four of the level before. */
function withLevels(tile: Uint8Array, into: Uint8Array): void {
  into.set(tile)
  let [at, level] = [tile.length, tile]
  for (let side = textureTile / 2; side >= 1; side /= 2) {
    const next = new Uint8Array(side * side)
    for (let row = 0; row < side; ++row)
      for (let column = 0; column < side; ++column) {
        const corner = 2 * row * 2 * side + 2 * column
        const sum = [0, 1, 2 * side, 2 * side + 1].reduce((total, place) => total + (level[corner + place] as number), 0)
        next[row * side + column] = Math.round(sum / 4)
      }
    into.set(next, at)
    at += next.length
    level = next
  }
}

let made: Uint8Array | null = null

/** All tiles with their mip levels, a row of `textureBytes` each; made when they are first asked for, and not to be changed. */
export function textureTiles(): Uint8Array {
  if (made) return made
  made = new Uint8Array(solidTextures.length * textureBytes)
  for (const [row, name] of solidTextures.entries())
    withLevels(tileOf(patterns[name]), made.subarray(row * textureBytes, (row + 1) * textureBytes))
  return made
}
