// The objects that scenes show: instances of categories, each a mesh.
import { createHash } from 'node:crypto'
import { OptionError } from '../../errors.js'
import { openMeshes } from '../meshes/index.js'
import { builtInCategories } from './built_in.js'
import { buildMesh, type Category, instances as standardInstances } from './category.js'
import type { Mesh } from './mesh.js'

/** An instance of a category. */
export interface ListedModel {
  readonly category: string
  /** Of the category's instance: 'chair_3'. */
  readonly identity: string
  /** Which of its category it is, from 0. */
  readonly instance: number
  read(): Mesh | Promise<Mesh>
}

/** The models of one category, in order. */
export interface ModelGroup {
  readonly category: string
  readonly models: readonly ListedModel[]
}

/** A model with its mesh, which is empty where no scene shows it. */
export interface Model extends Omit<ListedModel, 'read'> {
  readonly mesh: Mesh
  /** Extent along y; the largest side is 1 m. */
  readonly height: number
}

/** Built in this process: an instance is the same each time. */
const built = new Map<string, Mesh>()

function builtIn(category: Category, instance: number): ListedModel {
  const identity = `${category.name}_${instance}`
  const read = () => {
    const mesh = built.get(identity) ?? buildMesh(category, instance)
    built.set(identity, mesh)
    return mesh
  }
  return { category: category.name, identity, instance, read }
}

/**
 * Instances of the built-in categories.
 * @throws {OptionError} naming a category that there is not
 */
export async function builtInGroups(
  op: string,
  names: readonly string[] | undefined,
  instances: readonly number[] = Array.from({ length: standardInstances }, (_, i) => i),
): Promise<ModelGroup[]> {
  const categories = await builtInCategories()
  const all = categories.map(({ name }) => name)
  return chosenNames(op, names, all).map((name) => {
    const category = categories.find((one) => one.name === name) as Category
    return { category: name, models: instances.map((instance) => builtIn(category, instance)) }
  })
}

/**
 * Meshes of a folder or archive, by their categories.
 * @throws {OptionError} naming a category that there is not, or that has none of the instances; {DataError} for what `openMeshes` refuses
 */
export async function groupsOfFiles(
  op: string,
  path: string,
  holes: 'refuse' | 'allow',
  names: readonly string[] | undefined,
  instances: readonly number[] | undefined,
): Promise<ModelGroup[]> {
  const meshes = await openMeshes(path, { holes })
  const all = [...new Set(meshes.map(({ category }) => category))].sort()
  return chosenNames(op, names, all).map((category) => {
    const own = meshes.filter((mesh) => mesh.category === category)
    const models = own
      .map(({ name, read }, instance) => ({ category, identity: name, instance, read }))
      .filter(({ instance }) => instances?.includes(instance) ?? true)
    if (models.length > 0) return { category, models }
    throw new OptionError({
      op,
      argument: 'instances',
      actual: `${instances}, none of which is one of ${category}`,
      expected: `some from 0 to ${own.length - 1}`,
    })
  })
}

const noMesh: Mesh = {
  positions: new Float32Array(0),
  normals: new Float32Array(0),
  triangles: new Int32Array(0),
  parts: new Uint8Array(0),
  materials: [],
  unitScale: 1,
}

/** Reads those of the models that are used, by their places in all of the groups together. */
export async function readModels(
  groups: readonly ModelGroup[],
  used: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<Model[]> {
  const models: Model[] = []
  for (const { read, ...listed } of groups.flatMap((group) => group.models)) {
    if (used.has(models.length)) {
      // Some of them take a while.
      await new Promise(setImmediate)
      signal?.throwIfAborted()
      const mesh = await read()
      models.push({ ...listed, mesh, height: heightOf(mesh) })
    } else models.push({ ...listed, mesh: noMesh, height: 0 })
  }
  return models
}

function heightOf({ positions }: Mesh): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 1; i < positions.length; i += 3) {
    low = Math.min(low, positions[i] as number)
    high = Math.max(high, positions[i] as number)
  }
  return high - low
}

/** Those of `all` that are asked for, in the order of `all`. */
function chosenNames(op: string, names: readonly string[] | undefined, all: readonly string[]): string[] {
  const unknown = names?.find((name) => !all.includes(name))
  if (unknown !== undefined)
    throw new OptionError({
      op,
      argument: 'categories',
      actual: `a list with '${unknown}'`,
      expected: `some of ${all.join(', ')}`,
    })
  return all.filter((name) => names?.includes(name) ?? true)
}

/** SHA-256 (hex) of the models' names, shapes, surfaces and scales. */
export function modelsHash(models: readonly Model[]): string {
  const hash = createHash('sha256')
  for (const { identity, mesh } of models) {
    hash.update(`${identity}\0${mesh.unitScale}${JSON.stringify(mesh.materials)}`)
    for (const array of [mesh.positions, mesh.normals, mesh.triangles, mesh.parts])
      hash.update(`[${array.length}]`).update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  }
  return hash.digest('hex')
}
