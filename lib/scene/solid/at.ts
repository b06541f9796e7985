// Scenes of solid objects of which anything may be given, and not drawn: an object at these latent variables.
import { z } from 'zod'
import { OptionError } from '../../errors.js'
import { parseWithControl, whole } from '../../options.js'
import type { Placement } from './geometry.js'
import type { ModelGroup } from './models.js'
import { type SolidTarget, targetKinds } from './record.js'
import { type GivenScene, groupsOf, openSolid, type SolidSceneControl, type SolidScenes } from './set.js'
import { type SolidNumber, settingsOf, solidNumbers, solidSceneOptions, solidVariables } from './variables.js'

const op = 'solidScenesAt'

type Placed = keyof Placement
const placedNames = (Object.keys(targetKinds) as SolidTarget[]).filter((name): name is Placed => name !== 'baseDistance')
type GivenNumber = Exclude<SolidNumber, `occluder${string}`>
const givenNumbers = solidNumbers.filter((name): name is GivenNumber => !name.startsWith('occluder'))

const placementLimits = (name: Placed): readonly [number, number] =>
  name === 'distance' ? solidVariables.offsetDistance.limits : name.startsWith('rotation') ? [-3600, 3600] : [-1e5, 1e5]

function number([low, high]: readonly [number, number], text: string) {
  return z.number().min(low).max(high).optional().describe(text)
}

/** The schema of {@link SolidSceneAt}: an object, and what is given of its scene. */
export const sceneAt = z
  .strictObject({
    category: z.string().min(1).describe('of the object'),
    instance: whole(0, 1e6).default(0).describe('which object of the category'),
    image: whole(0).default(0).describe('number in the series of the image that all else is taken from, as it is drawn first'),
    ...(Object.fromEntries(
      placedNames.map((name) => [name, number(placementLimits(name), `${targetKinds[name].text}, ${targetKinds[name].unit}`)]),
    ) as Record<Placed, ReturnType<typeof number>>),
    ...(Object.fromEntries(
      givenNumbers.map((name) => [name, number(solidVariables[name].limits, solidVariables[name].text)]),
    ) as Record<GivenNumber, ReturnType<typeof number>>),
  })
  .refine((given) => given.positionX === undefined || given.screenX === undefined, 'one of positionX and screenX')
  .refine((given) => given.positionY === undefined || given.screenY === undefined, 'one of positionY and screenY')

/** The schema of {@link SolidScenesAtOptions}. */
export const solidScenesAtOptions = z.strictObject({
  scenes: z.array(sceneAt).min(1).readonly().describe('an image for each, in this order'),
  ...solidSceneOptions.pick({
    size: true,
    seed: true,
    sampling: true,
    meshes: true,
    allowHoles: true,
    backgrounds: true,
    photos: true,
    materials: true,
    fieldOfViewDeg: true,
    shadows: true,
    ranges: true,
  }).shape,
})

/** An object and what is given of its scene, by the names of {@link SolidSceneOptions}' ranges and of the targets; `category` alone is needed. */
export type SolidSceneAt = z.input<typeof sceneAt>

/** Which scenes, and how what is not given of them is drawn; `scenes` alone is needed. */
export type SolidScenesAtOptions = z.input<typeof solidScenesAtOptions>

/**
 * Scenes of given objects of which any latent variable is given: for tuning curves, and for objects by poses as experiments show them. Whatever a scene
 * does not give is that of image `image` of the series of `seed`, the same for all scenes unless they say otherwise:
 *
 * ```ts
 * const distances = [1, 1.5, 2, 3]
 * using scenes = await solidScenesAt({ scenes: distances.map((distance) => ({ category: 'mug', distance, rotationY: 150 })) })
 * ```
 *
 * Of an object's place, `distance` moves it along the line of sight to its middle, `positionX` and `positionY` (metres) or `screenX` and `screenY`
 * (pixels) across it; `rotationX`, `rotationY` and `rotationZ` turn it about its middle. The camera and the world stay, so that an object may leave the
 * image, or reach into the ground, before which it is drawn. In its record what would say otherwise where the object is (the drawn offset, turns and aim)
 * is null. Targets, masks, depths and files are as those of {@link solidScenes}. Call `dispose()` when done.
 * @throws {OptionError} for an unknown option, category or instance, a value out of range, or a place in the image of what is not before the camera;
 * {DataError} for photos or meshes that cannot be read
 */
export async function solidScenesAt(options: SolidScenesAtOptions & SolidSceneControl): Promise<SolidScenes> {
  const [{ scenes, ...given }, control] = parseWithControl(op, solidScenesAtOptions, options, ['signal', 'onProgress', 'device'])
  const categories = [...new Set(scenes.map(({ category }) => category))]
  const instances = given.meshes === undefined ? [...new Set(scenes.map(({ instance }) => instance))] : undefined
  const all = solidSceneOptions.parse({ count: scenes.length, ...given, instances })
  const found = await groupsOf(op, settingsOf(all))
  const groups = found.filter(({ category }) => categories.includes(category))
  const settings = { ...settingsOf(all), categories: groups.map(({ category }) => category) }
  return openSolid(op, settings, groups, scenes.map(givenScene(groups, found)), control)
}

const givenScene =
  (groups: readonly ModelGroup[], all: readonly ModelGroup[]) =>
  (options: z.output<typeof sceneAt>, index: number): GivenScene => {
    const { category, instance, image } = options
    const refuse = (name: string, actual: string, expected: string) =>
      new OptionError({ op, argument: `scenes.${index}.${name}`, actual, expected })
    const group = groups.findIndex((one) => one.category === category)
    const { models } = groups[group] ?? {}
    if (!models) throw refuse('category', `'${category}'`, `one of ${all.map((one) => one.category).join(', ')}`)
    const model = models.findIndex((one) => one.instance === instance)
    if (model < 0) throw refuse('instance', `${instance} of ${category}`, `one from 0 to ${models.length - 1}`)
    const placement = Object.fromEntries(placedNames.map((name) => [name, options[name]])) as Placement
    const isPlaced = placedNames.some((name) => options[name] !== undefined)
    const numbers = Object.fromEntries(givenNumbers.map((name) => [name, options[name]]))
    return { group, model, image, numbers, placement: isPlaced ? placement : null, options }
  }
