// Scenes of objects that someone else has modelled, and of built-in objects of the same categories.
import type { Images, LoadControl } from '../../data/index.js'
import { DataError } from '../../errors.js'
import { openMeshes, solidCategories, solidScenes } from '../../scene/index.js'
import { latentScale, latentSize, trainedObjects } from './scale.js'

/**
 * Opens both, to train on the built-in objects and to test on the others.
 * @param path of meshes, as `solidScenes` takes it; those that are not closed are drawn all the same
 * @throws {DataError} when fewer than two of their categories are built in
 */
export async function openMeshScenes(
  path: string,
  quick: boolean,
  control: LoadControl,
): Promise<{ train: Images; test: Images }> {
  const { images, heldOut: count } = latentScale({ quick })
  const shared = { size: latentSize, ...control }
  const meshes = { meshes: path, allowHoles: true } as const
  const known = new Set((await openMeshes(path, { holes: 'allow' })).map(({ category }) => category))
  const builtIn = await solidCategories()
  const categories = builtIn.filter((name) => known.has(name))
  if (categories.length < 2)
    throw new DataError({
      op: 'reproduce',
      argument: path,
      actual: `meshes of ${categories.length} built-in categories`,
      expected: `at least two of ${builtIn.slice(0, 5).join(', ')} ...`,
    })
  return {
    train: await solidScenes({ ...shared, count: images, seed: 0, categories, instances: trainedObjects }),
    test: await solidScenes({ ...shared, ...meshes, count, seed: 2, categories }),
  }
}
