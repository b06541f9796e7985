// Networks made of others, as configurations: cut off, with a readout, with other pools. Names stay, so that tensors keep their places.
import { OptionError } from '../errors.js'
import { parseOptions, refuseUnknown } from '../options.js'
import { featureBlocks, mapFeatureBlocks } from './blocks.js'
import type { Extent } from './extent.js'
import { covers, noSuchLayer } from './names.js'
import { layerExtents, outline } from './outline.js'
import { classHeads, readoutLayers } from './readout.js'
import { layerNameAt } from './sequence.js'
import { type LayerSpec, type LayerSpecInput, type NetworkConfig, type NetworkConfigInput, networkConfig } from './spec.js'

const names = (layers: readonly LayerSpec[]): string[] => layers.map((spec, i) => layerNameAt(spec, '', i))

/**
 * The network up to the layer of a name, that one included, and without heads. What was frozen stays frozen.
 * @throws {OptionError} when no layer at the top has the name
 */
export function cutAt(given: NetworkConfigInput, name: string): NetworkConfig {
  const config = parseOptions('cutAt', networkConfig, given)
  const at = names(config.layers).indexOf(name)
  if (at < 0) throw noSuchLayer('cutAt', 'name', name, names(config.layers))
  const cut = { ...config, layers: config.layers.slice(0, at + 1), heads: [], frozen: [] }
  const left = [...layerExtents(cut).keys()]
  return { ...cut, frozen: config.frozen.filter((stem) => left.some((layer) => covers(stem, layer))) }
}

/**
 * The network with a softmax readout of its outputs: the linear layer `readout`, after a `flatten` where it is needed, and the head `class`.
 * @throws {OptionError} when it has a layer `readout` already
 */
export function withReadout(given: NetworkConfigInput, classes: readonly string[]): NetworkConfig {
  const { heads: _heads, ...rest } = parseOptions('withReadout', networkConfig, given)
  const config = { ...rest, heads: [] }
  const last = [...layerExtents(config).values()].at(-1) as Extent
  const flatten: LayerSpecInput = names(config.layers).includes('features')
    ? { kind: 'flatten' }
    : { kind: 'flatten', name: 'features' }
  const layers = [...config.layers, ...(last.length === 1 ? [] : [flatten]), ...readoutLayers(classHeads(classes))]
  return outline({ ...config, layers, heads: classHeads(classes) }).config
}

/** Name of the layer whose output a readout reads: `features` where one is called so; else the one under the last linear layer; else the last. */
export function readoutInput({ layers }: Pick<NetworkConfig, 'layers'>): string {
  const all = names(layers)
  if (all.includes('features')) return 'features'
  const linear = layers.findLastIndex(({ kind }) => kind === 'linear')
  return all[linear > 0 ? linear - 1 : layers.length - 1] as string
}

export interface PoolChange {
  /** n of the rectified power. Default: each block's own. */
  power?: number | null | undefined
  /** Side of the pool's window. Default: each block's own. */
  poolSize?: number | null | undefined
  /** Default: each block's own. */
  poolStride?: number | null | undefined
}

/**
 * The network with another power or other pools of the blocks that make its features.
 * @throws {OptionError} when it has no such blocks, or they have no pools to change
 */
export function withPools(given: NetworkConfigInput, change: PoolChange): NetworkConfig {
  const config = parseOptions('withPools', networkConfig, given)
  refuseUnknown('withPools', change, ['power', 'poolSize', 'poolStride'])
  const { power = null, poolSize = null, poolStride = null } = change
  if (power === null && poolSize === null && poolStride === null) return config
  const refuse = (actual: string, expected: string) => new OptionError({ op: 'withPools', argument: 'network', actual, expected })
  if (featureBlocks(config).length === 0) throw refuse('without NNL-CONV layers', 'one whose features they make')
  const layers = mapFeatureBlocks(config.layers, (spec) => {
    if (poolSize === null && poolStride === null) return { ...spec, power: power ?? spec.power }
    if (!spec.pool) throw refuse('without pools in its last NNL-CONV layers', 'pools to change')
    const pool = { ...spec.pool, size: poolSize ?? spec.pool.size, stride: poolStride ?? spec.pool.stride }
    return { ...spec, power: power ?? spec.power, pool }
  })
  return outline({ ...config, layers }).config
}
