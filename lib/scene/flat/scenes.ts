// Scenes as images: rendered as they are asked for, or all at once.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { checkIndices } from '../../data/images.js'
import {
  angleColumn,
  type Column,
  classColumn,
  type InMemoryImages,
  inMemory,
  type LoadControl,
  numberColumn,
  type Targets,
} from '../../data/index.js'
import { allocatePixels } from '../../data/memory.js'
import { OptionError } from '../../errors.js'
import { parseOptions, seed, takeControl, whole } from '../../options.js'
import { checkColumns, checkSeries, numberAfter } from '../series.js'
import type { SceneSet } from '../set.js'
import {
  drawLatents,
  drawShape,
  flatVariables,
  type NumericLatent,
  numericLatents,
  rangeOptions,
  type SceneLatents,
} from './latents.js'
import { renderInto, sceneSize } from './render.js'

/** The schema of {@link SceneOptions}. */
export const sceneOptions = z.strictObject({
  count: whole(1).describe('scenes'),
  size: sceneSize,
  seed: seed.default(0).describe('the same seed gives the same scenes'),
  first: whole(0).default(0).describe("number of the first scene in the seed's endless series"),
  ranges: rangeOptions.describe('ranges of the latent variables that differ from the default ones'),
})

/**
 * How many scenes, of what side (32 pixels by default), of which seed (0 by default) and from where in its endless series (0 by default): sets of one
 * seed that do not overlap share no image.
 */
export type SceneOptions = z.input<typeof sceneOptions>

/** What a set of flat scenes is made from. */
export interface FlatOrigin extends Omit<z.output<typeof sceneOptions>, 'count'> {
  readonly kind: 'flat'
}

/** Rendered images with the variables that they are made from. */
export interface Scenes extends SceneSet {
  readonly origin: FlatOrigin
  /** The variables of image `index`. */
  latents(index: number): SceneLatents
}

/**
 * Labelled images: shapes of random colour, texture, place, size and rotation on natural-looking backgrounds, [N,3,size,size], each rendered when it is
 * asked for. Targets: the shape as `class`, and every numeric variable by its name. Balanced: every run of as many images as there are shapes holds
 * each once.
 * @throws {OptionError} for an unknown option, latent or a value out of range, or a set that ends beyond image 2^53 - 1 of its series; its targets throw
 * {OutOfMemoryError} where there are more images than memory holds the targets of
 */
export function scenes(options: SceneOptions): Scenes {
  return makeScenes('scenes', options)
}

/**
 * `scenes`, rendered at once into memory.
 * @throws {OptionError} for an unknown option, latent or a value out of range, or a set that ends beyond image 2^53 - 1 of its series; {OutOfMemoryError}
 * when one array cannot hold the images
 */
export async function renderSet(options: SceneOptions & LoadControl): Promise<Scenes & InMemoryImages> {
  const [own, control] = takeControl('renderSet', options)
  const source = makeScenes('renderSet', own)
  return { ...source, ...(await inMemory(source, control)) }
}

function makeScenes(op: string, options: SceneOptions): Scenes {
  const { count, size, seed, first, ranges } = parseOptions(op, sceneOptions, options)
  checkSeries(op, { first, count })
  const shape = [count, 3, size, size] as const
  const stride = 3 * size * size
  const latents = (index: number) => {
    checkIndices('latents', [index], count)
    return drawLatents(first + index, seed, ranges)
  }
  const classes = () => {
    checkColumns(op, count, classBytes)
    const numbers = Int32Array.from({ length: count }, (_, i) => ranges.shape.indexOf(drawShape(first + i, seed, ranges)))
    return classColumn(ranges.shape, numbers)
  }
  const rows = async (indices: ArrayLike<number>, signal?: AbortSignal) => {
    signal?.throwIfAborted()
    checkIndices('rows', indices, count)
    const out = allocatePixels('rows', [indices.length, 3, size, size])
    let yielded = performance.now()
    for (let i = 0; i < indices.length; ++i) {
      renderInto(latents(indices[i] as number), size, out, i * stride)
      if (performance.now() - yielded < 10) continue
      await new Promise(setImmediate)
      signal?.throwIfAborted()
      yielded = performance.now()
    }
    return out
  }
  return {
    name: `scenes/seed-${seed}/${first}-${first + count - 1}`,
    shape,
    sha256: createHash('sha256').update(JSON.stringify({ count, size, seed, first, ranges })).digest('hex'),
    targets: drawnTargets(op, count, latents, classes),
    pixels: null,
    first,
    origin: { kind: 'flat', size, seed, first, ranges },
    variables: numericLatents.map((name) => ({
      name,
      text: flatVariables[name].text,
      unit: name.endsWith('Deg') ? 'deg' : '',
      range: ranges[name],
    })),
    expected: (draws) => {
      const values = colourLatents.map((name) => [name, new Float64Array(draws)] as const)
      for (let i = 0; i < draws; ++i) {
        const next = drawLatents(numberAfter({ first, count }, i), seed, ranges)
        for (const [name, column] of values) column[i] = next[name]
      }
      return Object.fromEntries(values)
    },
    latents,
    record: (index) => {
      const { shape: name, ...rest } = latents(index)
      return { image: first + index, seed, class: name, ...rest }
    },
    views: async (indices, { images = false, masks = false, depths = false }, signal) => {
      const asked = masks ? 'masks' : depths ? 'depths' : null
      if (asked)
        throw new OptionError({
          op: 'views',
          argument: asked,
          actual: 'asked for of flat scenes',
          expected: 'them of solid scenes alone',
        })
      const seen = Array.from({ length: indices.length }, () => ({}))
      return { images: images ? await rows(indices, signal) : null, masks: null, depths: null, seen }
    },
    rows,
  }
}

/** Drawn again where the background has about the same colour. */
const colourLatents = ['hueDeg', 'saturation', 'value'] as const

const sides: readonly NumericLatent[] = ['x', 'y', 'size']

/** A class while it is drawn and in its column; likewise each number. */
const classBytes = 2 * Int32Array.BYTES_PER_ELEMENT
const numberBytes = 2 * Float32Array.BYTES_PER_ELEMENT * numericLatents.length

/** Columns that are drawn when they are first looked at: a long series is opened at once. */
function drawnTargets(op: string, count: number, latents: (index: number) => SceneLatents, classes: () => Column): Targets {
  let labels: Column | undefined
  let numbers: Record<string, Column> | undefined
  const draw = () => {
    checkColumns(op, count, numberBytes)
    const values = numericLatents.map(() => new Float32Array(count))
    for (let i = 0; i < count; ++i) {
      const row = latents(i)
      numericLatents.forEach((name, k) => {
        ;(values[k] as Float32Array)[i] = row[name]
      })
    }
    return Object.fromEntries(
      numericLatents.map((name, k) => {
        const own = values[k] as Float32Array
        return [name, name.endsWith('Deg') ? angleColumn(own) : numberColumn(own, sides.includes(name) ? 'side' : '')]
      }),
    )
  }
  const column = (name: string, get: () => Column) => [name, { enumerable: true, get }] as const
  return Object.defineProperties(
    {},
    Object.fromEntries([
      column('class', () => {
        labels ??= classes()
        return labels
      }),
      ...numericLatents.map((name) =>
        column(name, () => {
          numbers ??= draw()
          return numbers[name] as Column
        }),
      ),
    ]),
  )
}
