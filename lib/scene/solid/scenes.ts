// Scenes of solid objects as images, rendered as they are asked for.
import type { z } from 'zod'
import { parseWithControl } from '../../options.js'
import { checkColumns, checkSeries } from '../series.js'
import { groupsOf, openSolid, type SolidSceneControl, type SolidScenes, targetBytes } from './set.js'
import { settingsOf, solidSceneOptions } from './variables.js'

/** Which objects, where, how they look, and how the images are numbered; `count` alone is needed. */
export type SolidSceneOptions = z.input<typeof solidSceneOptions>

/**
 * Labelled images: one object each, of a drawn category and instance, at a drawn place, distance and rotation, with texture, light, cast shadow and
 * background, [N,3,size,size], each rendered when it is asked for. Targets: `class`, `identity`, `distance` (the depth of the object's middle), `positionX`,
 * `positionY`, `screenX`, `screenY` and `baseDistance` (of the middle of the object's underside), `rotationX`, `rotationY`, `rotationZ` (Euler angles in the
 * camera's frame, about z, then x, then y). Every run of as many images as there are categories holds each once; surfaces,
 * light and backgrounds are drawn apart from the object and its place. Image i of a seed and its options is the same whatever the count. On opening, every
 * scene is counted at 32 x 32 pixels, and drawn again where too little of the object is seen. Call `dispose()` when done.
 * @throws {OptionError} for an unknown option or category, ranges that leave no object in sight, or a set that ends beyond image 2^53 - 1 of its series;
 * {OutOfMemoryError} for more images than memory holds the targets of; {DataError} for photos or meshes that cannot be read
 */
export async function solidScenes(options: SolidSceneOptions & SolidSceneControl): Promise<SolidScenes> {
  const op = 'solidScenes'
  const [own, control] = parseWithControl(op, solidSceneOptions, options, ['signal', 'onProgress', 'device'])
  const settings = settingsOf(own)
  checkSeries(op, settings)
  checkColumns(op, settings.count, targetBytes)
  return openSolid(op, settings, await groupsOf(op, settings), null, control)
}
