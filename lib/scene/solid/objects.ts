// Which objects there are.
import type { z } from 'zod'
import { parseOptions } from '../../options.js'
import { groupsOf } from './set.js'
import { settingsOf, solidSceneOptions } from './variables.js'

/** The schema of {@link SolidObjectsOptions}. */
export const solidObjectsOptions = solidSceneOptions.pick({ categories: true, instances: true, meshes: true, allowHoles: true })

/** Which objects are listed; all built-in ones where nothing is said. */
export type SolidObjectsOptions = z.input<typeof solidObjectsOptions>

/** The objects of one category. */
export interface SolidObjects {
  readonly category: string
  /** Their numbers, as `instances` has them. */
  readonly instances: readonly number[]
  /** Their names, as the records and the target `identity` have them. */
  readonly identities: readonly string[]
}

/**
 * The objects that {@link solidScenes} shows with the same options, by category; no mesh is read.
 * @throws {OptionError} for an unknown option or category; {DataError} for a path that holds no meshes
 */
export async function solidObjects(options: SolidObjectsOptions = {}): Promise<SolidObjects[]> {
  const op = 'solidObjects'
  const given = parseOptions(op, solidObjectsOptions, options)
  const groups = await groupsOf(op, settingsOf(solidSceneOptions.parse({ count: 1, ...given })))
  return groups.map(({ category, models }) => ({
    category,
    instances: models.map(({ instance }) => instance),
    identities: models.map(({ identity }) => identity),
  }))
}
