// Scenes as the op takes them, and what it gives back.
import type { Images } from '../../data/index.js'
import type { Device } from '../../device.js'
import {
  backgroundKinds,
  countColumns,
  materialColumns,
  meshColumns,
  placeColumns,
  poseColumns,
  renderScenes,
  textureBytes,
  worldColumns,
} from '../../ops/index.js'
import { Tensor } from '../../tensor.js'
import type { Geometry, Pose } from './geometry.js'
import type { Looks } from './looks.js'
import type { Model } from './models.js'
import { matrixOf, type Vector } from './pose.js'
import type { SurfaceLook } from './surfaces.js'
import { solidTextures, textureTiles } from './textures.js'
import type { SolidSettings } from './variables.js'

/** One scene: which models, where, and, where it is to be seen and not only counted, how it looks. */
export interface Scene {
  readonly model: number
  readonly geometry: Geometry
  readonly looks: Looks | null
}

/** What of the scenes is wanted beside the counts. */
export interface Wanted {
  readonly images?: boolean
  readonly masks?: boolean
  readonly depths?: boolean
}

export interface Rendered {
  readonly images: Uint8Array | null
  /** Six columns a scene, as `countColumns` has them. */
  readonly counts: Int32Array
  readonly masks: Uint8Array | null
  readonly depths: Float32Array | null
}

const objects = 2
type Settings = Pick<SolidSettings, 'fieldOfViewDeg' | 'shadows' | 'ranges' | 'sampling'>

/** Models and textures on a device, where scenes of them are rendered. */
export class Stage {
  private readonly fixed: Record<'vertices' | 'triangles' | 'meshes' | 'textures', Tensor>
  /** Row of the first part of every model, in the materials of scenes that are only counted. */
  private readonly firstPart: Int32Array
  private readonly bareMaterials: Float32Array
  private readonly focal: number

  constructor(
    private readonly models: readonly Model[],
    private readonly settings: Settings,
    private readonly photos: Images | null,
    private readonly device: Device,
  ) {
    this.fixed = packModels(models, device)
    this.focal = 1 / Math.tan((settings.fieldOfViewDeg * Math.PI) / 360)
    let parts = 0
    this.firstPart = Int32Array.from(models, ({ mesh }) => {
      parts += mesh.materials.length
      return parts - mesh.materials.length
    })
    this.bareMaterials = new Float32Array(materialColumns.count * parts)
    for (const [index, { mesh }] of models.entries())
      for (let part = 0; part < mesh.materials.length; ++part)
        putMaterial(this.bareMaterials, (this.firstPart[index] as number) + part, bare, isTwoSided(mesh, part))
  }

  dispose(): void {
    for (const tensor of Object.values(this.fixed)) tensor.dispose()
  }

  /** Renders scenes of `size` x `size` pixels. The work is queued at once. */
  async render(scenes: readonly Scene[], size: number, wanted: Wanted, signal?: AbortSignal): Promise<Rendered> {
    const count = scenes.length
    const places = new Int32Array(count * objects * placeColumns.count).fill(-1)
    const poses = new Float32Array(count * objects * poseColumns.count)
    const worlds = new Float32Array(count * worldColumns.count)
    const surfaces: { look: SurfaceLook; twoSided: boolean }[] = []
    const add = (look: SurfaceLook | null, twoSided = false): number => (look ? surfaces.push({ look, twoSided }) - 1 : -1)
    const addParts = (index: number, looks: readonly SurfaceLook[]): number => {
      const first = surfaces.length
      for (const [part, look] of looks.entries()) add(look, isTwoSided((this.models[index] as Model).mesh, part))
      return first
    }
    for (const [n, { model, geometry, looks }] of scenes.entries()) {
      const { relative, occluder } = geometry
      const first = looks ? addParts(model, looks.parts) : (this.firstPart[model] as number)
      places.set([model, first], n * objects * placeColumns.count)
      putPose(poses, n * objects, relative, 1, looks?.offsets[0])
      if (occluder) {
        const behind = looks ? addParts(occluder.model, looks.occluderParts) : (this.firstPart[occluder.model] as number)
        places.set([occluder.model, behind], (n * objects + 1) * placeColumns.count)
        putPose(poses, n * objects + 1, occluder, occluder.size, looks?.offsets[1])
      }
      const rows = looks
        ? ([looks.background.floor, looks.background.wall, looks.background.ceiling] as const).map((look) => add(look))
        : []
      this.putWorld(worlds, n, geometry, looks, rows)
    }
    const materials = scenes[0]?.looks ? new Float32Array(materialColumns.count * surfaces.length) : this.bareMaterials
    for (const [row, { look, twoSided }] of surfaces.entries()) putMaterial(materials, row, look, twoSided)
    const photos = wanted.images ? await this.photosOf(scenes, size, signal) : null
    signal?.throwIfAborted()
    const { device } = this
    const inputs = {
      materials: Tensor.from(materials, { shape: [materials.length / materialColumns.count, materialColumns.count], device }),
      places: Tensor.from(places, { shape: [count, objects, placeColumns.count], device }),
      poses: Tensor.from(poses, { shape: [count, objects, poseColumns.count], device }),
      worlds: Tensor.from(worlds, { shape: [count, worldColumns.count], device }),
      photos: photos && Tensor.from(photos, { shape: [count, 3, size, size], device }),
    }
    const { images = false, masks = false, depths = false } = wanted
    const out = renderScenes({ ...this.fixed, ...inputs }, { size, images, masks, depths, shadows: this.settings.shadows })
    for (const tensor of Object.values(inputs)) tensor?.dispose()
    const read = async <T>(tensor: Tensor | null): Promise<T | null> => (tensor ? ((await tensor.read()).data as T) : null)
    try {
      return {
        images: await read<Uint8Array>(out.images),
        counts: (await read<Int32Array>(out.counts)) as Int32Array,
        masks: await read<Uint8Array>(out.masks),
        depths: await read<Float32Array>(out.depths),
      }
    } finally {
      for (const tensor of Object.values(out)) (tensor as Tensor | null)?.dispose()
    }
  }

  /** The photos behind the scenes that have one; null where none has. */
  private async photosOf(scenes: readonly Scene[], size: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    const { photos } = this
    if (!photos || !scenes.some(({ looks }) => looks?.background.kind === 'photo')) return null
    const rows = scenes.map(({ looks }) => photoRow(looks, photos))
    const shown = rows.flatMap((row) => (row === null ? [] : [row]))
    const read = await photos.rows(shown, signal)
    const stride = 3 * size * size
    const out = new Uint8Array(rows.length * stride)
    let at = 0
    for (const [n, row] of rows.entries()) if (row !== null) out.set(read.subarray(stride * at, stride * ++at), n * stride)
    return out
  }

  private putWorld(
    worlds: Float32Array,
    n: number,
    { camera, away }: Geometry,
    looks: Looks | null,
    rows: readonly number[],
  ): void {
    const put = (column: number, values: readonly number[]) => putNumbers(worlds, n * worldColumns.count + column, values)
    put(worldColumns.rotation, matrixOf(camera.rotation).flat())
    put(worldColumns.position, camera.position)
    put(worldColumns.focal, [this.focal])
    put(worldColumns.sun, [0, 1, 0])
    if (!looks) {
      for (const row of [worldColumns.floor, worldColumns.wall, worldColumns.ceiling]) put(row, [-1])
      return
    }
    const { light, background } = looks
    put(worldColumns.sun, directionOf(light.sunElevationDeg, light.sunAzimuthDeg))
    put(worldColumns.sunColour, light.sun)
    put(worldColumns.above, light.above)
    put(worldColumns.below, light.below)
    put(worldColumns.background, [backgroundKinds.indexOf(background.kind)])
    put(worldColumns.floor, [rows[0] as number])
    put(worldColumns.wall, [rows[1] as number])
    put(worldColumns.ceiling, [rows[2] as number])
    put(worldColumns.horizon, background.horizon)
    put(worldColumns.zenith, background.zenith)
    const { low, high } = this.room(camera.position, away, looks)
    put(worldColumns.low, low)
    put(worldColumns.high, high)
    put(worldColumns.haze, [background.haze])
    put(worldColumns.hills, [background.hills])
    put(worldColumns.hillPhase, [background.hillPhase])
    put(worldColumns.picture, background.picture)
    put(worldColumns.offset, background.offset)
  }

  /** The corners of the room, which holds the object wherever the ranges may have it, or where it is given; the land lies at the lower one. */
  private room([x, y, z]: Vector, away: number, { background: { room } }: Looks): { low: Vector; high: Vector } {
    // From the place that is drawn, the farthest corner of a box of unit sides is this far away, of its middle or of that of its underside.
    const corner = this.settings.sampling === 'tdw-2023' ? Math.sqrt(1.5) : Math.sqrt(0.75)
    const reach = Math.max(this.settings.ranges.offsetDistance[1], away) + corner + 0.25
    const [width, depth, height] = room
    return { low: [x - reach * width, 0, z - reach * depth], high: [x + reach * width, y + reach * height, z + reach * depth] }
  }
}

/** The photo that a scene has behind it, as a row of `photos`; null where it has none. */
export function photoRow(looks: Looks | null, photos: Images): number | null {
  return looks?.background.kind === 'photo' ? Math.floor(looks.background.photo * photos.shape[0]) : null
}

/** The direction of an elevation, and of an azimuth from z towards x. */
export function directionOf(elevationDeg: number, azimuthDeg: number): Vector {
  const [elevation, azimuth] = [(elevationDeg * Math.PI) / 180, (azimuthDeg * Math.PI) / 180]
  return [Math.cos(elevation) * Math.sin(azimuth), Math.sin(elevation), Math.cos(elevation) * Math.cos(azimuth)]
}

/** As `set` of the array, which takes longer for a few numbers. */
function putNumbers(to: Float32Array, at: number, values: readonly number[]): void {
  for (let k = 0; k < values.length; ++k) to[at + k] = values[k] as number
}

const bare: SurfaceLook = { colour: [0, 0, 0], second: [0, 0, 0], texture: null, tilesPerMetre: 1, specular: 0, shininess: 1 }

const isTwoSided = ({ materials }: Model['mesh'], part: number): boolean => materials[part]?.twoSided ?? false

function putMaterial(materials: Float32Array, row: number, look: SurfaceLook, twoSided: boolean): void {
  const put = (column: number, values: readonly number[]) => putNumbers(materials, row * materialColumns.count + column, values)
  put(materialColumns.colour, look.colour)
  put(materialColumns.secondColour, look.second)
  put(materialColumns.texture, [look.texture === null ? -1 : solidTextures.indexOf(look.texture)])
  put(materialColumns.tiles, [look.tilesPerMetre])
  put(materialColumns.specular, [look.specular])
  put(materialColumns.exponent, [look.shininess])
  put(materialColumns.twoSided, [twoSided ? 1 : 0])
}

/** From the mesh's right-handed frame: its x is mirrored. */
function putPose(
  poses: Float32Array,
  row: number,
  { position, rotation }: Pose,
  size: number,
  offset: readonly number[] = [0, 0],
): void {
  const at = row * poseColumns.count
  for (const [axis, [x, y, z]] of matrixOf(rotation).entries())
    putNumbers(poses, at + 4 * axis, [-size * x, size * y, size * z, position[axis] as number])
  putNumbers(poses, at + poseColumns.offset, offset)
}

function packModels(models: readonly Model[], device: Device): Record<'vertices' | 'triangles' | 'meshes' | 'textures', Tensor> {
  const vertexCount = models.reduce((sum, { mesh }) => sum + mesh.positions.length / 3, 0)
  const triangleCount = models.reduce((sum, { mesh }) => sum + mesh.triangles.length / 3, 0)
  const vertices = new Float32Array(6 * vertexCount)
  const triangles = new Int32Array(4 * triangleCount)
  const meshes = new Int32Array(meshColumns.count * models.length)
  let [vertex, triangle] = [0, 0]
  for (const [index, { mesh }] of models.entries()) {
    const [own, faces] = [mesh.positions.length / 3, mesh.triangles.length / 3]
    for (let v = 0; v < own; ++v)
      for (let k = 0; k < 3; ++k) {
        vertices[6 * (vertex + v) + k] = mesh.positions[3 * v + k] as number
        vertices[6 * (vertex + v) + 3 + k] = mesh.normals[3 * v + k] as number
      }
    for (let f = 0; f < faces; ++f) {
      for (let k = 0; k < 3; ++k) triangles[4 * (triangle + f) + k] = mesh.triangles[3 * f + k] as number
      triangles[4 * (triangle + f) + 3] = mesh.parts[f] as number
    }
    meshes.set([vertex, own, triangle, faces], meshColumns.count * index)
    vertex += own
    triangle += faces
  }
  const tiles = textureTiles()
  return {
    vertices: Tensor.from(vertices, { shape: [vertexCount, 6], device }),
    triangles: Tensor.from(triangles, { shape: [triangleCount, 4], device }),
    meshes: Tensor.from(meshes, { shape: [models.length, meshColumns.count], device }),
    textures: Tensor.from(tiles, { shape: [tiles.length / textureBytes, textureBytes], device }),
  }
}

/** Samples of the object that are seen, and those that are hidden, of scene `n`. */
export function samplesOf(counts: Int32Array, n: number): { seen: number; hidden: number } {
  const at = n * countColumns.count
  return { seen: counts[at + countColumns.seen] as number, hidden: counts[at + countColumns.hidden] as number }
}
