// Scenes that a file describes: options in place of pictures, which are rendered as they are asked for.
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { Images, LoadControl } from '../data/index.js'
import type { Device } from '../device.js'
import { readStored } from '../io/stored.js'
import { refuseUnknown } from '../options.js'
import { sceneOptions, scenes } from './flat/scenes.js'
import { solidScenes } from './solid/scenes.js'
import { solidSceneOptions } from './solid/variables.js'

const described = z.discriminatedUnion('scene', [
  z.strictObject({ scene: z.literal('flat'), ...sceneOptions.shape }),
  z.strictObject({ scene: z.literal('solid'), ...solidSceneOptions.shape }),
])

/** Scenes, and what lets go of what they hold on the device. */
export type OpenedScenes = Images & Partial<Disposable>

/**
 * Opens a JSON file of the options of {@link scenes} or {@link solidScenes} with `scene`: flat or solid, such as
 * `{ "scene": "solid", "count": 50000, "size": 64 }`, as images that are rendered when they are asked for. Paths in it are from its own folder on.
 * @param control also device: where solid scenes are rendered; default `cpu()`
 * @throws {DataError} naming the file, and what in it is unknown or out of range
 */
export async function openScenes(path: string, control: LoadControl & { device?: Device } = {}): Promise<OpenedScenes> {
  refuseUnknown('openScenes', control, ['signal', 'onProgress', 'device'])
  const found = await readStored('openScenes', path, described, 'the options of scenes')
  if (found.scene === 'flat') {
    const { scene: _, ...options } = found
    return scenes(options)
  }
  const { scene: _, meshes, photos, ...options } = found
  const from = (other: string) => resolve(dirname(path), other)
  const paths = { ...(meshes && { meshes: from(meshes) }), ...(photos && { photos: from(photos) }) }
  return solidScenes({ ...options, ...paths, ...control })
}
