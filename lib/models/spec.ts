// What a network is made of, as data: it is checked when a file is read, written into every checkpoint, and edited by pure functions.
import { z } from 'zod'
import { headSchema } from './heads.js'
import { count, type Layer, type LayerKind, type Place, type Spec } from './layer.js'
import * as layers from './layers/index.js'
import type { ParallelSpec } from './layers/parallel.js'
import type { ResidualInput, ResidualSpec } from './layers/residual.js'

type SchemaOf<K> = K extends { schema: infer S extends z.ZodType } ? S : never
/** Schemas of the layers that hold no others. */
type PlainSchema = { [K in keyof typeof layers]: SchemaOf<(typeof layers)[K]> }[keyof typeof layers]

/** One layer. Layers within layers: `residual` adds body and shortcut; `parallel` flattens and concatenates its branches. */
export type LayerSpec = z.output<PlainSchema> | ResidualSpec<LayerSpec> | ParallelSpec<LayerSpec>
/** A layer as it may be written: defaults left out. */
export type LayerSpecInput = z.input<PlainSchema> | ResidualInput<LayerSpecInput> | ParallelSpec<LayerSpecInput>
/** A layer of one kind. */
export type SpecOf<K extends LayerSpec['kind']> = Extract<LayerSpec, { kind: K }>

const kinds: readonly LayerKind[] = Object.values(layers)

const layerSpec: z.ZodType<LayerSpec, LayerSpecInput> = z.lazy(() => {
  const [first, ...rest] = kinds.map(({ schema }) => (typeof schema === 'function' ? schema(layerSpec) : schema))
  return z.discriminatedUnion('kind', [first as z.ZodObject, ...rest])
}) as z.ZodType as z.ZodType<LayerSpec, LayerSpecInput>

/** The layer of a specification. */
export function makeLayer(spec: Spec, place: Place): Layer {
  return (kinds.find(({ kind }) => kind === spec.kind) as LayerKind).make(spec, place)
}

export const networkConfig = z.strictObject({
  kind: z.literal('network'),
  /** What it is called: `local-net`, `resnet-18`. */
  name: z.string().min(1),
  /** C of the images. */
  channels: count,
  /** Height and width of the images. */
  image: z.tuple([count, count]),
  layers: z.array(layerSpec).min(1),
  /** What its last outputs are, one head after another. Default: none, for a network whose outputs are features. */
  heads: z.array(headSchema).default([]),
  /** Layers that stay as they are while the others are trained. A name stands for all within too: `layer1` for `layer1.0.conv1`. */
  frozen: z.array(z.string()).default([]),
  /**
   * How weights start. `fan-in`: uniform within 1 / sqrt(fan-in), biases too (PyTorch's default for Conv2d and Linear). `he`: normal with
   * variance 2 / fan-in, biases 0 (He et al. 2015).
   */
  init: z.enum(['fan-in', 'he']).default('fan-in'),
})

export type NetworkConfig = z.output<typeof networkConfig>
export type NetworkConfigInput = z.input<typeof networkConfig>
