// Blocks: NNL-CONV layers with their max pools, one after another as a trunk, or side by side as what makes the features.

import type { Pool } from './layer.js'
import { layerNameAt } from './sequence.js'
import type { LayerSpec, NetworkConfig, SpecOf } from './spec.js'

export type BlockResponse = Exclude<SpecOf<'nnl_conv'>['response'], 'signed'>

/** One NNL-CONV layer with its max pool. */
export interface LocalBlock {
  /** Name of the layer: its filters are the parameter `name.weight`. */
  name: string
  /** W: side of the filters. */
  window: number
  /** K: filters. */
  units: number
  /** n of the rectified power. */
  power: number
  normalise: 'patch' | 'none'
  centre: boolean
  /** A layer without a pool has one of a single position. */
  pool: Pool
  /** What of a cosine is pooled. */
  response: BlockResponse
  /** Of a whitened block: patches are first projected, which the filters, then 1 x 1, compare. */
  whiten?: BlockWhitening
  /** Of a block beside others: how many of the trunk's blocks are under it, where not all are. */
  on?: number
}

/** A projection of patches. */
export interface BlockWhitening {
  /** What is done to a patch before: `norm`, norm 1; `centred-norm`, less its mean, then norm 1; `none`, pixels / 255. */
  after: 'norm' | 'centred-norm' | 'none'
  /** E: numbers that a patch becomes. */
  components: number
}

/** Name of the layer that projects the patches of a whitened block. */
export const whiteningLayer = (block: string): string => `${block}.whiten`

/** A pool in words: size/stride, and the padding where there is some. */
export const poolText = ({ size, stride, padding }: Pool): string => `pool ${size}/${stride}${padding ? `+${padding}` : ''}`

const responseTexts = { rectified: '', 'both-signs': ', both signs', triangle: ', triangle code' }
/** A response in words, after a comma; nothing of the usual one. */
export const responseText = (response: BlockResponse): string => responseTexts[response]

/** A network's blocks: those side by side that make its features, and those one after another under them, or under some of them. */
export function localBlocks(config: Pick<NetworkConfig, 'layers'>): { trunk: LocalBlock[]; blocks: LocalBlock[] } {
  const { trunk, blocks } = blocksFrom(config.layers, '', 0)
  return { trunk, blocks: blocks.map(({ on, ...block }) => (on === trunk.length ? block : { ...block, on })) }
}

/** @param depth how many blocks of the trunk are under the first of the layers */
function blocksFrom(
  layers: readonly LayerSpec[],
  parent: string,
  depth: number,
): { trunk: LocalBlock[]; blocks: (LocalBlock & { on: number })[] } {
  const last = layers.findLastIndex(({ kind }) => kind === 'nnl_conv' || kind === 'parallel')
  const top = layers[last]
  const here = blocksOf(layers.slice(0, last + 1), parent)
  if (top?.kind !== 'parallel') {
    const trunk = here.slice(0, -1)
    return { trunk, blocks: here.slice(-1).map((block) => ({ ...block, on: depth + trunk.length })) }
  }
  const name = layerNameAt(top, parent, last)
  const branches = top.branches.map((branch, i) => blocksFrom(branch, `${name}.branches.${i}`, depth + here.length))
  return { trunk: [...here, ...branches.flatMap(({ trunk }) => trunk)], blocks: branches.flatMap(({ blocks }) => blocks) }
}

/** The blocks of a list: its NNL-CONV layers, each with the projection before it. */
function blocksOf(layers: readonly LayerSpec[], parent: string): LocalBlock[] {
  return layers.flatMap((spec, i) => {
    if (spec.kind !== 'nnl_conv' || spec.response === 'signed') return []
    const { units, power, normalise, centre, response } = spec
    const name = layerNameAt(spec, parent, i)
    const before = layers[i - 1]
    const projection = before?.kind === 'nnl_conv' && before.name === whiteningLayer(name) ? before : null
    return {
      name,
      window: projection?.window ?? spec.window,
      units,
      power,
      normalise,
      centre,
      pool: spec.pool ?? { size: 1, stride: 1, padding: 0 },
      response,
      ...(projection ? { whiten: { after: afterOf(projection), components: projection.units } } : {}),
    }
  })
}

/** What a projection does to patches before it, as a layer and the ops have it. */
export const patchPreparation = (after: BlockWhitening['after']) =>
  ({ normalise: after === 'none' ? 'none' : 'patch', centre: after === 'centred-norm' }) as const

const afterOf = ({ normalise, centre }: Pick<SpecOf<'nnl_conv'>, 'normalise' | 'centre'>): BlockWhitening['after'] =>
  normalise === 'none' ? 'none' : centre ? 'centred-norm' : 'norm'

/** The NNL-CONV layers that make a network's features: the last one, or the last of each branch of a final `parallel`. */
export function featureBlocks(config: Pick<NetworkConfig, 'layers'>): SpecOf<'nnl_conv'>[] {
  const found: SpecOf<'nnl_conv'>[] = []
  mapFeatureBlocks(config.layers, (spec) => {
    found.push(spec)
    return spec
  })
  return found
}

/** The same layers with those that {@link featureBlocks} gives changed. */
export function mapFeatureBlocks(
  layers: readonly LayerSpec[],
  change: (spec: SpecOf<'nnl_conv'>) => SpecOf<'nnl_conv'>,
): LayerSpec[] {
  const at = layers.findLastIndex(({ kind }) => kind === 'nnl_conv' || kind === 'parallel')
  return layers.map((spec, i) => {
    if (i !== at) return spec
    if (spec.kind === 'nnl_conv') return change(spec)
    if (spec.kind !== 'parallel') return spec
    return { ...spec, branches: spec.branches.map((branch) => mapFeatureBlocks(branch, change)) }
  })
}

/** A network's blocks in words; null when it has none. */
export function describeBlocks(config: Pick<NetworkConfig, 'layers'>): string | null {
  const whitening = ({ after, components }: BlockWhitening) =>
    `, whitened to ${components}${after === 'none' ? '' : ` after ${after}`}`
  const one = ({ units, window, power, pool, response, whiten }: LocalBlock) =>
    `${units} filters of ${window} x ${window}${whiten ? whitening(whiten) : ''}${responseText(response)}, power ${power}, ${poolText(pool)}`
  const { trunk, blocks } = localBlocks(config)
  if (blocks.length === 0) return null
  const levels = [...trunk, null].flatMap((under, depth) => {
    const here = blocks.filter(({ on = trunk.length }) => on === depth).map(one)
    const side = here.length > 1 ? `${here.length} blocks: ${here.join('; ')}` : here.join()
    return [...(side ? [side + (under ? '; beside that ' : '')] : []), ...(under ? [`${one(under)}; then `] : [])]
  })
  return levels.join('')
}
