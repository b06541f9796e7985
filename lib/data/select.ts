import { createHash } from 'node:crypto'
import { refuseUnknown } from '../options.js'
import { checkIndices, type Images } from './images.js'
import { imagesFrom } from './memory.js'
import { selectTargets } from './targets.js'

/**
 * The chosen images of a set, in the order of `indices`: copied where the set is in memory, else a view that reads on demand.
 * @throws {OptionError} for an index that is not in the set
 */
export async function selectImages(
  images: Images,
  indices: ArrayLike<number>,
  options: { name?: string | undefined } = {},
): Promise<Images> {
  const op = 'selectImages'
  refuseUnknown(op, options, ['name'])
  const [count, channels, height, width] = images.shape
  checkIndices(op, indices, count)
  const name = options.name ?? `${images.name}[${indices.length}]`
  const shape = [indices.length, channels, height, width] as const
  const targets = selectTargets(images.targets, indices)
  if (images.pixels) return imagesFrom({ pixels: await images.rows(indices), shape, targets, name })
  const chosen = Float64Array.from(indices)
  const sha256 = createHash('sha256').update(`${images.sha256}[${chosen.join()}]`).digest('hex')
  return {
    name,
    shape,
    sha256,
    targets,
    modified: images.modified,
    pixels: null,
    rows: async (rows, signal) => {
      checkIndices('rows', rows, chosen.length)
      return images.rows(
        Array.from(rows, (row) => chosen[row] as number),
        signal,
      )
    },
  }
}
