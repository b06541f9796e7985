// A page of every object that scenes can show: to choose categories and instances by.
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadControl } from '../data/index.js'
import type { Device } from '../device.js'
import { OptionError } from '../errors.js'
import { makeFolder } from '../io/atomic.js'
import { writeAtomic } from '../io/index.js'
import { takeControl } from '../options.js'
import { type Figure, renderPage } from '../plot/index.js'
import { type SolidObjects, type SolidObjectsOptions, type SolidSceneAt, solidObjects, solidScenesAt } from '../scene/index.js'
import { version } from '../version.js'
import { rowFigure } from './scene_sheets.js'

/** What `writeCatalogue` takes beside its options. */
export interface CatalogueControl extends LoadControl {
  /** Where the objects are rendered; `cpu()` by default. */
  device?: Device | undefined
}

/** What a page of objects holds. */
export interface Catalogue {
  /** Path of the page. */
  page: string
  categories: number
  objects: number
}

const size = 72
const pageFile = 'index.html'
/** Rendered together: a folder of meshes is listed for each time. */
const batchCategories = 32

/** Standing before the camera, turned a little to the side, in light from behind the camera. */
const standing: Omit<SolidSceneAt, 'category'> = {
  ...{ offsetDistance: 2.5, offsetAzimuthDeg: 0, offsetRise: -0.35, aimPitchDeg: 0, aimYawDeg: 0, cameraHeight: 5 },
  ...{ pitchDeg: 0, yawDeg: 150, rollDeg: 0 },
  ...{ sunElevationDeg: 50, sunAzimuthDeg: 140, sunStrength: 1.5, sunWarmth: 0.1, skyStrength: 0.7, groundStrength: 0.4 },
}

/** Images over white wherever the object does not cover a pixel. */
function onWhite(images: Uint8Array, masks: Uint8Array): Uint8Array {
  const plane = size * size
  return images.map((value, at) => {
    const share = (masks[Math.floor(at / (3 * plane)) * plane + (at % plane)] as number) / 255
    return Math.round(share * value + (1 - share) * 255)
  })
}

const numbersOf = (instances: readonly number[]): string => {
  const [first, last] = [instances[0] as number, instances.at(-1) as number]
  if (instances.length === 1) return `${first}`
  return last - first === instances.length - 1 ? `${first} to ${last}` : instances.join(', ')
}

/** Figures of some categories, whose meshes are read together. */
async function figuresOf(
  groups: readonly SolidObjects[],
  { meshes, allowHoles }: SolidObjectsOptions,
  { device, signal }: CatalogueControl,
): Promise<Figure[]> {
  // Colours differ from object to object, and are the same whatever else is on the page.
  const scenes = groups.flatMap(({ category, instances }) =>
    instances.map((instance): SolidSceneAt => ({ category, instance, image: instance, ...standing })),
  )
  using set = await solidScenesAt({
    ...{ scenes, size, seed: 1, materials: 'own', backgrounds: ['picture'], fieldOfViewDeg: 34, device, signal },
    ...(meshes !== undefined && { meshes }),
    ...(allowHoles !== undefined && { allowHoles }),
  })
  const figures: Figure[] = []
  let from = 0
  for (const { category, instances } of groups) {
    const rows = instances.map((_, i) => from + i)
    from += instances.length
    const { images, masks } = await set.views(rows, { images: true, masks: true }, signal)
    const pixels = onWhite(images as Uint8Array, masks as Uint8Array)
    figures.push(await rowFigure(pixels, rows.length, size, `${category}: ${numbersOf(instances)}`))
  }
  return figures
}

/**
 * Writes index.html into a folder of its own: a picture of every object that `solidScenes` shows with the same options, by category, with the
 * numbers that `instances` has for them.
 * @param options also device, signal and onProgress, which counts categories
 * @throws {OptionError} for an unknown option or category, and a folder that holds anything else; {DataError} for meshes that cannot be read
 */
export async function writeCatalogue(folder: string, options: SolidObjectsOptions & CatalogueControl = {}): Promise<Catalogue> {
  const [given, { device, signal, onProgress }] = takeControl('writeCatalogue', options, ['device', 'signal', 'onProgress'])
  const groups = await solidObjects(given)
  const there = existsSync(folder) ? await readdir(folder) : []
  const other = there.find((file) => file !== pageFile && !file.startsWith('.'))
  if (other !== undefined)
    throw new OptionError({
      op: 'writeCatalogue',
      argument: folder,
      actual: `not empty (it holds ${other})`,
      expected: 'an empty folder, or one with a page of objects',
    })
  const figures: Figure[] = []
  for (let i = 0; i < groups.length; i += batchCategories) {
    signal?.throwIfAborted()
    figures.push(...(await figuresOf(groups.slice(i, i + batchCategories), given, { device, signal })))
    onProgress?.({ done: figures.length, total: groups.length })
  }
  const objects = groups.reduce((sum, { instances }) => sum + instances.length, 0)
  const page = join(folder, pageFile)
  await makeFolder(folder)
  await writeAtomic(
    page,
    renderPage({
      title: 'Objects of solid scenes',
      lead: `Every category by its name, and its objects by their numbers: what categories and instances choose${given.meshes === undefined ? '. Built-in categories have further instances than these, each of another shape' : ''}.`,
      summary: [
        { label: 'Categories', value: groups.length },
        { label: 'Objects', value: objects },
      ],
      sections: [{ heading: 'Categories', blocks: [{ kind: 'figures', compact: true, figures }] }],
      provenance: [
        { label: 'Striate', value: version },
        { label: 'Meshes', value: given.meshes ?? 'built in' },
      ],
    }),
  )
  return { page, categories: groups.length, objects }
}
