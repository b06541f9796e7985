// A set of scenes of solid objects: what is drawn or given of each, and what is found out about each when the set is opened.
import { createHash } from 'node:crypto'
import { checkIndices } from '../../data/images.js'
import { batchesOf, classColumn, type Images, type LoadControl, openImages, type Targets } from '../../data/index.js'
import { allocatePixels } from '../../data/memory.js'
import { cpu, type Device } from '../../device.js'
import { DataError, OptionError } from '../../errors.js'
import { countColumns } from '../../ops/index.js'
import { version } from '../../version.js'
import { numberAfter } from '../series.js'
import type { SceneRecord, SceneSet, SceneViews, ViewOptions } from '../set.js'
import { drawGeometry, type Geometry, type Placement, placedGeometry } from './geometry.js'
import { drawLooks, type Looks } from './looks.js'
import { builtInGroups, groupsOfFiles, type Model, type ModelGroup, modelsHash, readModels } from './models.js'
import {
  focalOf,
  frames,
  pixelsOf,
  recordOf,
  type SolidTarget,
  seenOf,
  solidTargets,
  targetColumns,
  targetValues,
  variablesOf,
} from './record.js'
import { photoRow, type Rendered, type Scene, Stage, samplesOf } from './stage.js'
import { Draws, drawObject, mostAttempts, type SolidNumber, type SolidSettings } from './variables.js'

/** What `solidScenes` and `solidScenesAt` take beside their options. */
export interface SolidSceneControl extends LoadControl {
  /** Where the scenes are rendered; `cpu()` by default. */
  device?: Device | undefined
}

/** Rendered images of solid objects, with what they are made from. */
export interface SolidScenes extends SceneSet {
  /** Every option, those of the sampling filled in, and what else the images depend on. */
  readonly origin: SolidOrigin
  /** Lets go of the meshes and textures on the device; images can no longer be rendered. */
  dispose(): void
  [Symbol.dispose](): void
}

/** What a set of solid scenes is made from. */
export interface SolidOrigin extends SolidSettings {
  readonly kind: 'solid'
  /** SHA-256 of the meshes that are shown. */
  readonly modelsSha256: string
  /** SHA-256 of the photos, where there are any. */
  readonly photosSha256: string | null
  /** What is given of every scene, where it is given. */
  readonly scenes?: readonly object[]
  readonly frames: typeof frames
}

/** A scene of which something is given and not drawn. */
export interface GivenScene {
  readonly group: number
  /** In its group. */
  readonly model: number
  /** Of which image of the series all else is. */
  readonly image: number
  readonly numbers: Partial<Record<SolidNumber, number | undefined>>
  /** Null where the object is where it was drawn. */
  readonly placement: Placement | null
  /** In the words of its options. */
  readonly options: object
}

/** Side of the images in which is counted what is seen of an object. */
const countSize = 32
const countBatch = 512
/** Of an image, in the columns of its targets and in those that they are made from, with its attempts. */
export const targetBytes = 2 * (2 * Int32Array.BYTES_PER_ELEMENT + solidTargets.length * Float32Array.BYTES_PER_ELEMENT) + 1
/** Pixels rendered at a time: mostly all that are asked for at once. */
const batchPixels = 1 << 22

/**
 * Opens a set of scenes.
 * @param given of every scene, where they are not all drawn
 */
export async function openSolid(
  op: string,
  settings: SolidSettings,
  groups: readonly ModelGroup[],
  given: readonly GivenScene[] | null,
  { signal, onProgress, device = cpu() }: SolidSceneControl,
): Promise<SolidScenes> {
  const models = await readModels(groups, usedModels(settings, groups, given), signal)
  const photos = settings.photos === undefined ? null : await openPhotos(op, settings.photos, settings.size, signal)
  const set = new SolidSet(op, settings, groups, models, photos, given, device)
  try {
    await set.open({ signal, onProgress })
  } catch (error) {
    set.stage.dispose()
    throw error
  }
  return set.images()
}

/** Refuses options without what they are about. */
function checkPaths(op: string, { backgrounds, photos, meshes, allowHoles }: SolidSettings): void {
  if (allowHoles && meshes === undefined)
    throw new OptionError({
      op,
      argument: 'allowHoles',
      actual: 'given for the built-in meshes',
      expected: 'it only with meshes, a path',
    })
  const wants = backgrounds.includes('photo')
  if (wants && photos === undefined)
    throw new OptionError({
      op,
      argument: 'backgrounds',
      actual: 'a list with photo, without photos',
      expected: 'photos, a path of images',
    })
  if (!wants && photos !== undefined)
    throw new OptionError({
      op,
      argument: 'photos',
      actual: `given for backgrounds ${backgrounds}`,
      expected: 'them only with backgrounds of kind photo',
    })
}

/**
 * The models that scenes may show.
 * @throws {OptionError} for an unknown category, or options without what they are about; {DataError} for a path that holds no meshes
 */
export async function groupsOf(op: string, settings: SolidSettings): Promise<ModelGroup[]> {
  checkPaths(op, settings)
  const { meshes, allowHoles, categories, instances } = settings
  return meshes === undefined
    ? builtInGroups(op, categories, instances)
    : groupsOfFiles(op, meshes, allowHoles ? 'allow' : 'refuse', categories, instances)
}

const sizesOf = (groups: readonly ModelGroup[]): number[] => groups.map(({ models }) => models.length)
const startsOf = (groups: readonly ModelGroup[]): number[] =>
  groups.map((_, g) => groups.slice(0, g).reduce((sum, { models }) => sum + models.length, 0))

/** The models that the scenes show, by their places in all; any may stand in front of another. */
function usedModels(
  { count, first, seed, occluders }: SolidSettings,
  groups: readonly ModelGroup[],
  given: readonly GivenScene[] | null,
): Set<number> {
  const [sizes, starts] = [sizesOf(groups), startsOf(groups)]
  if (given) return new Set(given.map(({ group, model }) => (starts[group] as number) + model))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (occluders > 0) return new Set(Array.from({ length: total }, (_, i) => i))
  const used = new Set<number>()
  for (let i = 0; i < count && used.size < total; ++i) {
    const [group, instance] = drawObject(first + i, seed, sizes)
    used.add((starts[group] as number) + instance)
  }
  return used
}

async function openPhotos(op: string, path: string, size: number, signal?: AbortSignal): Promise<Images> {
  const photos = await openImages(path, { size, signal })
  if (photos.shape[1] === 3) return photos
  throw new DataError({ op, argument: path, actual: `of ${photos.shape[1]} channel`, expected: 'photos of 3 channels' })
}

function viewsOf({ counts, ...found }: Rendered): SceneViews {
  return { ...found, seen: Array.from({ length: counts.length / countColumns.count }, (_, n) => seenOf(counts, n)) }
}

interface Drawn {
  draws: Draws
  /** In its group, and in all. */
  group: number
  model: number
  geometry: Geometry
}

class SolidSet {
  readonly stage: Stage
  /** Models of every group, and the first of them in all. */
  private readonly sizes: readonly number[]
  private readonly starts: readonly number[]
  private readonly attempts: Uint8Array
  private readonly labels: { class: Int32Array; identity: Int32Array }
  private readonly values: Record<SolidTarget, Float32Array>

  constructor(
    private readonly op: string,
    private readonly settings: SolidSettings,
    private readonly groups: readonly ModelGroup[],
    private readonly models: readonly Model[],
    private readonly photos: Images | null,
    private readonly given: readonly GivenScene[] | null,
    device: Device,
  ) {
    this.sizes = sizesOf(groups)
    this.starts = startsOf(groups)
    this.stage = new Stage(models, settings, photos, device)
    const { count } = settings
    this.attempts = new Uint8Array(count)
    this.labels = { class: new Int32Array(count), identity: new Int32Array(count) }
    this.values = Object.fromEntries(solidTargets.map((name) => [name, new Float32Array(count)])) as Record<
      SolidTarget,
      Float32Array
    >
  }

  /** Draws every scene, and those of which too little is seen again, but none that is given; keeps what networks learn of them. */
  async open({ signal, onProgress }: LoadControl): Promise<void> {
    const { count, mostHidden, leastSeen } = this.settings
    if (this.given) {
      for (let index = 0; index < count; ++index) this.keep(index, this.draw(index))
      return
    }
    const attempted = (indices: readonly number[], attempt: number) => {
      signal?.throwIfAborted()
      const scenes = indices.map((index) => this.draw(index, attempt))
      const bare = scenes.map(({ model, geometry }) => ({ model, geometry, looks: null }))
      const counted = this.stage.render(bare, countSize, {})
      // Should another fail before, nobody waits for this one.
      counted.catch(() => {})
      return { scenes, counted }
    }
    const batches = batchesOf(count, countBatch)
    const begin = () => {
      const { value } = batches.next()
      return value ? { batch: Array.from(value), first: attempted(Array.from(value), 0) } : null
    }
    for (let next = begin(); next; ) {
      const { batch, first } = next
      let [left, now] = [batch, first]
      // While one batch is counted the next one is drawn.
      next = begin()
      for (let attempt = 0; left.length > 0; ) {
        const { scenes } = now
        const { counts } = await now.counted
        left = left.filter((index, n) => {
          const { seen, hidden } = samplesOf(counts, n)
          // Where nothing hides an object, none of it is too much.
          const isHidden = hidden > 0 && hidden >= mostHidden * (seen + hidden)
          if (isHidden || seen <= 4 * leastSeen) return true
          this.attempts[index] = attempt
          this.keep(index, scenes[n] as Drawn)
          return false
        })
        if (left.length === 0) break
        if (++attempt > mostAttempts) throw this.unseen(left[0] as number)
        now = attempted(left, attempt)
      }
      onProgress?.({ done: (batch.at(-1) as number) + 1, total: count })
    }
  }

  private keep(index: number, { group, model, geometry }: Drawn): void {
    this.labels.class[index] = group
    this.labels.identity[index] = model
    for (const [name, value] of Object.entries(this.valuesOf(geometry))) this.values[name as SolidTarget][index] = value
  }

  private valuesOf(geometry: Geometry): Record<SolidTarget, number> {
    return targetValues(geometry, focalOf(this.settings), this.settings.size)
  }

  private unseen(index: number): OptionError {
    const { leastSeen, first } = this.settings
    return new OptionError({
      op: this.op,
      argument: 'ranges',
      actual: `such that ${mostAttempts + 1} draws of image ${first + index} show ${leastSeen} pixels of 32 x 32 of its object at most, or hide it`,
      expected: 'ranges that leave the object in sight, or another mostHidden or leastSeen',
    })
  }

  private draw(index: number, attempt = this.attempts[index] as number): Drawn {
    const { settings } = this
    const given = this.given?.[index]
    const number = given?.image ?? settings.first + index
    const draws = new Draws(number, settings, given?.numbers)
    const [group, own] = given ? [given.group, given.model] : drawObject(number, settings.seed, this.sizes)
    const model = (this.starts[group] as number) + own
    const halfHeight = (this.models[model] as Model).height / 2
    const drawn = drawGeometry(draws, attempt, settings, halfHeight, this.models.length)
    const placement = given?.placement
    if (!placement) return { draws, group, model, geometry: drawn }
    const geometry = placedGeometry(drawn, placement, halfHeight, pixelsOf(focalOf(settings), settings.size))
    if (geometry) return { draws, group, model, geometry }
    throw new OptionError({
      op: this.op,
      argument: `scenes.${index}.distance`,
      actual: `${placement.distance ?? drawn.relative.position[2]}, with the underside of the object behind the camera`,
      expected: 'a larger one where screenX or screenY is given',
    })
  }

  private expected(draws: number): Record<SolidTarget, Float64Array> | Record<string, never> {
    const { settings, models, labels } = this
    if (this.given) return {}
    const values = solidTargets.map((name) => [name, new Float64Array(draws)] as const)
    for (let i = 0; i < draws; ++i) {
      // Objects in the shares that this set has them in: meshes of others were not read.
      const { height } = models[labels.identity[i % settings.count] as number] as Model
      const next = new Draws(numberAfter(settings, i), settings)
      const found = this.valuesOf(drawGeometry(next, 0, settings, height / 2, models.length))
      for (const [name, column] of values) column[i] = found[name]
    }
    return Object.fromEntries(values) as Record<SolidTarget, Float64Array>
  }

  private looksOf({ draws, model, geometry: { occluder } }: Drawn): Looks {
    const partsOf = (index: number) => (this.models[index] as Model).mesh.materials
    return drawLooks(draws, this.settings, partsOf(model), occluder ? partsOf(occluder.model) : [])
  }

  private record(index: number): SceneRecord {
    const { settings, models, photos } = this
    checkIndices('record', [index], settings.count)
    const drawn = this.draw(index)
    const { draws, model, geometry } = drawn
    const looks = this.looksOf(drawn)
    const scene = {
      ...{ number: settings.first + index, isPlaced: (this.given?.[index]?.placement ?? null) !== null },
      ...{ draws, geometry, looks, model: models[model] as Model, classId: drawn.group, identityId: model },
      attempt: this.attempts[index] as number,
      occluder: geometry.occluder ? (models[geometry.occluder.model] as Model).identity : 'none',
      photo: photos && photoRow(looks, photos),
    }
    return recordOf(scene, settings)
  }

  private async views(
    indices: ArrayLike<number>,
    { images = false, masks = false, depths = false }: ViewOptions,
    signal?: AbortSignal,
  ): Promise<SceneViews> {
    const { size, count } = this.settings
    signal?.throwIfAborted()
    checkIndices(images ? 'rows' : 'views', indices, count)
    const wanted = { images, masks, depths }
    const batches = [...batchesOf(indices, Math.max(1, Math.floor(batchPixels / size ** 2)))]
    const render = (batch: Int32Array): Promise<Rendered> => {
      signal?.throwIfAborted()
      const scenes: Scene[] = Array.from(batch, (index) => {
        const drawn = this.draw(index)
        return { model: drawn.model, geometry: drawn.geometry, looks: images ? this.looksOf(drawn) : null }
      })
      return this.stage.render(scenes, size, wanted, signal)
    }
    // Memory of this size makes the collector of garbage work: what one batch gives is not copied.
    if (batches.length === 1) return viewsOf(await render(batches[0] as Int32Array))
    const n = indices.length
    const out = {
      images: images ? allocatePixels('rows', [n, 3, size, size]) : null,
      masks: masks ? allocatePixels('views', [n, 1, size, size]) : null,
      depths: depths ? new Float32Array(n * size ** 2) : null,
      seen: [] as SceneRecord[],
    }
    const take = (found: SceneViews) => {
      const at = out.seen.length * size ** 2
      if (found.images) out.images?.set(found.images, 3 * at)
      if (found.masks) out.masks?.set(found.masks, at)
      if (found.depths) out.depths?.set(found.depths, at)
      out.seen.push(...found.seen)
    }
    // While one batch is rendered the next one is drawn.
    let before: Promise<Rendered> | null = null
    for (const batch of batches) {
      const now = render(batch)
      // Should the one before fail, nobody waits for this one.
      now.catch(() => {})
      if (before) take(viewsOf(await before))
      before = now
    }
    if (before) take(viewsOf(await before))
    return out
  }

  private targets(): Targets {
    const names = this.groups.map(({ category }) => category)
    const identities = this.models.map(({ identity }) => identity)
    return {
      class: classColumn(names, this.labels.class),
      identity: classColumn(identities, this.labels.identity),
      ...targetColumns(this.values),
    }
  }

  images(): SolidScenes {
    const { settings, stage, photos, given } = this
    const { count, size, seed, first } = settings
    const origin = {
      ...settings,
      modelsSha256: modelsHash(this.models),
      photosSha256: photos?.sha256 ?? null,
      ...(given && { scenes: given.map(({ options }) => options) }),
    }
    return {
      name: given ? `solid-scenes/seed-${seed}/${count}-given` : `solid-scenes/seed-${seed}/${first}-${first + count - 1}`,
      shape: [count, 3, size, size],
      sha256: createHash('sha256')
        .update(JSON.stringify({ ...origin, photos: undefined, version }))
        .digest('hex'),
      targets: this.targets(),
      pixels: null,
      first,
      origin: { kind: 'solid', ...origin, frames },
      variables: given ? [] : variablesOf(settings),
      expected: (draws) => this.expected(draws),
      rows: async (indices, signal) => (await this.views(indices, { images: true }, signal)).images as Uint8Array,
      record: (index) => this.record(index),
      views: (indices, options, signal) => this.views(indices, options, signal),
      dispose: () => stage.dispose(),
      [Symbol.dispose]: () => stage.dispose(),
    }
  }
}
