// The outputs of any layers for every image, in one pass, each projected as soon as it is there: what is held is what the scores are computed from.
import { z } from 'zod'
import { ahead, batchesOf, type Images } from '../data/index.js'
import { cpu } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import type { Network } from '../models/index.js'
import { noSuchLayer } from '../models/names.js'
import { sparseMatmul, toF32 } from '../ops/index.js'
import { whole } from '../options.js'
import { type OnProgress, startPhase } from '../run/index.js'
import { Tensor } from '../tensor.js'
import { FeatureCache } from './feature_cache.js'
import type { FeatureRows } from './kernel.js'
import { johnsonLindenstrauss, projectionBytes, randomProjection } from './projection.js'

export const layerOptions = {
  layers: z
    .array(z.string().min(1))
    .min(1)
    .default(['all'])
    .describe(
      'names of layers; all: the blocks of a network (blocks.0 ...), or its outermost layers that give maps; pixels: the images as they are; of a regression also layers that are joined, as blocks.2+blocks.3',
    ),
  batch: whole(1).default(32).describe('images at a time'),
  cache: z
    .string()
    .min(1)
    .optional()
    .meta({ unit: 'dir' })
    .describe(
      'folder where the features of each layer are kept and looked for, so that other scores of the same network and images need not compute them (default: none)',
    ),
}

export const projectionOption = z.union([whole(1), z.enum(['auto', 'none'])])

/** What every score of layers takes beside its options. */
export interface LayerControl {
  /** Stops between two steps; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  onProgress?: OnProgress | undefined
  /** Told before the first step what it will need; of a cache also what cannot be used or kept. */
  onPlan?: ((text: string) => void) | undefined
}

/** Outputs of one layer for every image. */
export interface LayerFeatures extends FeatureRows {
  readonly layer: string
  /** Numbers an image before they were projected. */
  readonly features: number
  /** In words. */
  readonly projection: string
}

/** The name of the images themselves among layers. */
export const pixelsLayer = 'pixels'

/** The layers that stand for a network: its blocks, and those of its trunk, where it has such, else its outermost layers that give maps. */
export function usualLayers(net: Network): string[] {
  const blocks = net.layerNames.filter((name) => /^(trunk|blocks)\.\d+$/.test(name) && net.extent(name).length === 3)
  return blocks.length > 0 ? blocks : net.layers.filter(({ output }) => output.length === 3).map(({ name }) => name)
}

/** The layers of a name: those of `blocks.2+blocks.3` are both. */
export const layersOf = (name: string): string[] => name.split('+')

/**
 * The names that are asked for, each once, with `all` filled in.
 * @param canJoin whether layers between + are taken together
 */
export function namedLayers(op: string, net: Network | null, layers: readonly string[], canJoin = false): string[] {
  const names = layers.flatMap((name) => {
    if (name === pixelsLayer) return [name]
    if (canJoin && name.includes('+'))
      return [
        layersOf(name)
          .flatMap((part) => namedLayers(op, net, [part]))
          .filter((part, i, all) => all.indexOf(part) === i)
          .join('+'),
      ]
    if (!net)
      throw new OptionError({
        op,
        argument: 'layers',
        actual: `'${name}'`,
        expected: `${pixelsLayer}, where there is no network`,
      })
    if (name === 'all') return usualLayers(net)
    if (!net.layerNames.includes(name)) throw noSuchLayer(op, 'layers', name, [...net.layerNames, pixelsLayer, 'all'])
    return [name]
  })
  return [...new Set(names)]
}

export interface FeatureSettings {
  projection: z.output<typeof projectionOption>
  seed: number
  batch: number
  cache?: string | undefined
}

interface Plan {
  layer: string
  features: number
  /** Numbers an image that are kept. */
  size: number
  projection: string
  /** All that the projection depends on; null where there is none. */
  projected: string | null
}

function planLayers(
  net: Network | null,
  images: Images,
  names: readonly string[],
  projection: z.output<typeof projectionOption>,
  seed: number,
): Plan[] {
  const count = images.shape[0]
  return names.map((layer) => {
    const extent = layer === pixelsLayer ? images.shape.slice(1) : (net as Network).extent(layer)
    const features = extent.reduce((a, b) => a * b, 1)
    if (projection === 'none') return { layer, features, size: features, projection: 'none', projected: null }
    const size = projection === 'auto' ? johnsonLindenstrauss(count) : projection
    const source = projection === 'auto' ? `Johnson-Lindenstrauss for ${count} images, epsilon 0.1` : 'as asked for'
    if (features <= size)
      return {
        layer,
        features,
        size: features,
        projection: `none: ${features} features are no more than ${size}`,
        projected: null,
      }
    return {
      layer,
      features,
      size,
      projection: `sparse random to ${size} (${source}; density 1 / sqrt(${features}), seed ${seed})`,
      projected: `sparse random, ${features} to ${size}, seed ${seed}`,
    }
  })
}

/** Bytes as people read them. */
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`

/**
 * Features of layers for all images, in one pass over them for those that the cache does not have.
 * @param net null where pixels alone are asked for
 * @param names as {@link namedLayers} gives them
 * @throws {DataError} when a layer's outputs are not finite, or the cache cannot be written
 */
export async function layerFeatures(
  op: string,
  net: Network | null,
  images: Images,
  names: readonly string[],
  settings: FeatureSettings,
  control: LayerControl,
): Promise<LayerFeatures[]> {
  const { projection, seed, batch, cache: folder } = settings
  const { signal, onProgress, onPlan } = control
  const device = net?.device ?? cpu()
  const count = images.shape[0]
  const plans = planLayers(net, images, names, projection, seed)
  const say = (text: string) => onPlan?.(text)
  const cache = folder === undefined ? null : await FeatureCache.open(op, folder, { net, images, device, batch }, { signal, say })
  const kept = new Map<Plan, LayerFeatures>()
  if (cache) {
    const report = startPhase('cache', 'layers', plans.length, 0, onProgress)
    for (const [i, plan] of plans.entries()) {
      signal?.throwIfAborted()
      const data = await cache.read(plan)
      if (data) kept.set(plan, { ...plan, count, data })
      report(i + 1)
    }
  }
  const missing = plans.filter((plan) => !kept.has(plan))
  if (missing.length > 0) await cache?.expect(missing)
  say(`${cache ? `${kept.size} of ${plans.length} layers are in the cache; ` : ''}${needOf(plans, missing, count, batch)}`)
  if (missing.length > 0)
    for (const [i, found] of (await computeLayers(op, net, images, missing, settings, control)).entries()) {
      signal?.throwIfAborted()
      const plan = missing[i] as Plan
      await cache?.write(plan, found.data)
      kept.set(plan, found)
    }
  return plans.map((plan) => kept.get(plan) as LayerFeatures)
}

/** Those of so many features that are projected: one for each number of features, as they share their projection. */
const projectedOf = (plans: readonly Plan[]): Plan[] => [
  ...new Map(plans.filter(({ projected }) => projected !== null).map((plan) => [plan.features, plan])).values(),
]

/** What it takes to have the features of all layers, of which some are computed, in words. */
function needOf(plans: readonly Plan[], computed: readonly Plan[], count: number, batch: number): string {
  const held = `${megabytes(plans.reduce((sum, { size }) => sum + 4 * size * count, 0))} of features`
  if (computed.length === 0) return held
  const matrices = projectedOf(computed).reduce((sum, { features, size }) => sum + projectionBytes(features, size), 0)
  const outputs = computed.reduce((sum, { features }) => sum + 4 * features * batch, 0)
  return `${computed.length} ${computed.length === 1 ? 'layer' : 'layers'} of ${count} images in one pass: ${held}, ${megabytes(matrices)} of projections, ${megabytes(outputs)} of outputs at a time`
}

/** Features of layers, in one pass over the images. */
async function computeLayers(
  op: string,
  net: Network | null,
  images: Images,
  plans: readonly Plan[],
  { seed, batch }: FeatureSettings,
  { signal, onProgress }: LayerControl,
): Promise<LayerFeatures[]> {
  const device = net?.device ?? cpu()
  const count = images.shape[0]
  const results = plans.map((plan) => ({ ...plan, count, data: new Float32Array(count * plan.size) }))
  const projections = new Map(
    projectedOf(plans).map(({ features, size }) => [features, randomProjection(features, size, seed, device)]),
  )
  try {
    const layers = plans.map(({ layer }) => layer).filter((name) => name !== pixelsLayer)
    const report = startPhase('features', 'images', count, 0, onProgress)
    let first = 0
    for await (const { rows, pixels } of ahead(images, batchesOf(count, batch), signal ? { signal } : {})) {
      using input = Tensor.from(pixels, { shape: [rows.length, ...images.shape.slice(1)], device })
      const found = layers.length > 0 ? await (net as Network).features(input, { at: layers }) : {}
      try {
        for (const result of results) {
          const { layer, features, size, data } = result
          using own = layer === pixelsLayer ? toF32(input) : null
          using flat = (own ?? (found[layer] as Tensor)).reshape([rows.length, features])
          const matrix = projections.get(features)
          using kept = matrix ? sparseMatmul(flat, matrix) : null
          const numbers = (await (kept ?? flat).read()).data as Float32Array
          refuseNotFinite(op, layer, numbers, images, first, size)
          data.set(numbers, first * size)
        }
      } finally {
        for (const tensor of Object.values(found)) tensor.dispose()
      }
      first += rows.length
      report(first)
    }
  } finally {
    for (const matrix of projections.values()) for (const tensor of Object.values(matrix)) tensor.dispose()
  }
  return results
}

function refuseNotFinite(op: string, layer: string, numbers: Float32Array, images: Images, first: number, size: number): void {
  // Times 0 only what is finite is 0: a sum of all asks nothing of each.
  let sum = 0
  for (let i = 0; i < numbers.length; ++i) sum += 0 * (numbers[i] as number)
  if (sum === 0) return
  const wrong = numbers.findIndex((x) => !Number.isFinite(x))
  const actual = `${numbers[wrong]} for image ${first + Math.floor(wrong / size)} of ${images.name}`
  throw new DataError({ op, argument: `the output of ${layer}`, actual, expected: 'finite numbers' })
}
