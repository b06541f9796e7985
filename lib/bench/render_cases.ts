// The renderer: a ball with lobes on open land, textured, in the sun, with its shadow.
import type { Device } from '../device.js'
import { materialColumns, poseColumns, renderScenes, textureBytes, textureTile, worldColumns } from '../ops/render.js'
import { Tensor } from '../tensor.js'
import type { BenchCase, OpenCase } from './case.js'
import { uniform } from './data.js'

const bands = 28

export function render(size: number, images: number): BenchCase {
  const triangles = 2 * bands * (bands - 1)
  return {
    op: 'render_scenes',
    name: `S=${size}, ${triangles} triangles`,
    sizes: { size, images, triangles },
    unit: 'images',
    units: images,
    // What is written at least; the work is not bound by it.
    limit: { kind: 'copy', amount: 3 * images * size ** 2 },
    peer: false,
    // Bytes: one level of 255 where float32 rounds the other way.
    tolerance: 1 / 255,
    open: (device) => opened(device, size, images),
  }
}

function lobes(): { vertices: Float32Array; triangles: Int32Array } {
  const vertices: number[] = []
  const triangles: number[] = []
  for (let i = 0; i <= bands; i++)
    for (let j = 0; j <= bands; j++) {
      const [theta, phi] = [(Math.PI * i) / bands, (2 * Math.PI * j) / bands]
      const radius = 0.43 * (1 + 0.15 * Math.sin(5 * phi) * Math.sin(theta))
      const n = [Math.sin(theta) * Math.cos(phi), Math.cos(theta), Math.sin(theta) * Math.sin(phi)]
      vertices.push(...n.map((x) => x * radius), ...n)
      const a = i * (bands + 1) + j
      const c = a + bands + 1
      if (i === bands || j === bands) continue
      if (i > 0) triangles.push(a, a + 1, c + 1, 0)
      if (i < bands - 1) triangles.push(a, c + 1, c, 0)
    }
  return { vertices: Float32Array.from(vertices), triangles: Int32Array.from(triangles) }
}

/** Random bytes, and the means of four of them and so on. */
function texture(): Uint8Array {
  let level = Array.from(uniform(1, textureTile ** 2), (x) => 255 * x)
  const bytes: number[] = [...level]
  for (let side = textureTile / 2; side >= 1; side /= 2) {
    const finer = level
    const at = (y: number, x: number) => finer[2 * side * y + x] as number
    level = Array.from({ length: side ** 2 }, (_, i) => {
      const [y, x] = [2 * Math.floor(i / side), 2 * (i % side)]
      return (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)) / 4
    })
    bytes.push(...level)
  }
  return Uint8Array.from(bytes, Math.round)
}

/** A row with numbers from some columns on. */
function row(count: number, parts: readonly (readonly [number, readonly number[]])[]): number[] {
  const made: number[] = Array(count).fill(0)
  for (const [at, numbers] of parts) made.splice(at, numbers.length, ...numbers)
  return made
}

function opened(device: Device, size: number, images: number): OpenCase {
  const { vertices, triangles } = lobes()
  const m = materialColumns
  const materials = [
    row(m.count, [[m.colour, [0.7, 0.2, 0.1, 0.9, 0.5, 0.2, 0, 3, 0.5, 40]]]),
    row(m.count, [[m.colour, [0.1, 0.2, 0.05, 0.3, 0.35, 0.1, 0, 0.7, 0, 1]]]),
  ]
  const poses: number[] = []
  const worlds: number[] = []
  const w = worldColumns
  for (let i = 0; i < images; i++) {
    const [c, s] = [Math.cos(0.7 * i), Math.sin(0.7 * i)]
    const map = [-c, 0, -s, 0.1 * s, 0, 1, 0, -0.1, -s, 0, c, 1.6 + 0.02 * (i % 32)]
    poses.push(...row(poseColumns.count, [[poseColumns.map, map]]))
    worlds.push(
      ...row(w.count, [
        [w.rotation, [1, 0, 0, 0, 0.98, -0.199, 0, 0.199, 0.98, 0, 1, 0, Math.sqrt(3)]],
        [w.sun, [0.48, 0.8, -0.36, 1.6, 1.5, 1.3, 0.35, 0.4, 0.5, 0.12, 0.1, 0.08]],
        [w.background, [1, 1, 1, 1]],
        [w.horizon, [0.75, 0.8, 0.85, 0.15, 0.3, 0.7]],
        [w.haze, [60, 0.2, i]],
      ]),
    )
  }
  const scenes = {
    vertices: Tensor.from(vertices, { shape: [vertices.length / 6, 6], device }),
    triangles: Tensor.from(triangles, { shape: [triangles.length / 4, 4], device }),
    meshes: Tensor.from(Int32Array.of(0, vertices.length / 6, 0, triangles.length / 4), { shape: [1, 4], device }),
    textures: Tensor.from(texture(), { shape: [1, textureBytes], device }),
    materials: Tensor.from(Float32Array.from(materials.flat()), { shape: [2, m.count], device }),
    places: Tensor.from(new Int32Array(2 * images), { shape: [images, 1, 2], device }),
    poses: Tensor.from(Float32Array.from(poses), { shape: [images, 1, poseColumns.count], device }),
    worlds: Tensor.from(Float32Array.from(worlds), { shape: [images, w.count], device }),
  }
  const once = (): Tensor => {
    const made = renderScenes(scenes, { size })
    made.counts.dispose()
    return made.images as Tensor
  }
  return {
    run: (repetitions) => {
      for (let i = 0; i < repetitions; i++) once().dispose()
    },
    result: async () => {
      const pixels = once()
      const { data } = await pixels.read()
      pixels.dispose()
      return data
    },
    dispose: () => {
      for (const tensor of Object.values(scenes)) tensor.dispose()
    },
  }
}
