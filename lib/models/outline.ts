// A network without its tensors: layers, names and shapes.
import { OptionError } from '../errors.js'
import type { Precision } from '../ops/index.js'
import { parseOptions } from '../options.js'
import type { Extent } from './extent.js'
import { type PlacedHead, placeHeads } from './heads.js'
import { covers, everyLayer, noSuchLayer } from './names.js'
import { Sequence } from './sequence.js'
import { makeLayer, type NetworkConfig, type NetworkConfigInput, networkConfig } from './spec.js'

export interface Outline {
  config: NetworkConfig
  sequence: Sequence
  /** Every layer's output by its name, in order of computing, those within first. */
  extents: ReadonlyMap<string, Extent>
  heads: readonly PlacedHead[]
}

/**
 * Checks a configuration and lays out its layers, of which none has tensors yet.
 * @param precision of products in training
 * @throws {OptionError} for a configuration that is none
 * @throws {ShapeError} naming the layer that does not fit the one before
 */
export function outline(given: NetworkConfigInput, precision: Precision = 'float32'): Outline {
  const config = parseOptions('Network', networkConfig, given)
  const { channels, image, layers, frozen, heads } = config
  const isFrozen = (name: string): boolean => frozen.some((stem) => covers(stem, name))
  const sequence = new Sequence(layers, {
    name: '',
    input: [channels, ...image],
    precision,
    frozen: isFrozen,
    make: makeLayer,
  })
  const extents = new Map<string, Extent>()
  for (const { name, output } of everyLayer(sequence.layers)) {
    if (extents.has(name))
      throw new OptionError({ op: 'Network', argument: `the name ${name}`, actual: 'of two layers', expected: 'different names' })
    extents.set(name, output)
  }
  const names = [...extents.keys()]
  for (const stem of frozen) if (!names.some((name) => covers(stem, name))) throw noSuchLayer('Network', 'frozen', stem, names)
  return { config, sequence, extents, heads: placeHeads(heads, sequence.output) }
}

/**
 * Every layer's output, [C,H,W] or [D], by its name, in order of computing, those within first. No tensor is made.
 * @throws {OptionError} {ShapeError} as `new Network` does
 */
export const layerExtents = (config: NetworkConfigInput): ReadonlyMap<string, Extent> => outline(config).extents
