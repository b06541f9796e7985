// What a network is made of, as data: it is checked when a file is read, written into every checkpoint, and walked by the ONNX export.
import { z } from 'zod'

const count = z.number().int().positive()
const border = z.number().int().min(0)
const padding = border.default(0)
const window = z.strictObject({ size: count, stride: count, padding: border.optional() })

const simple = [
  /** conv2d: K filters of window x window. */
  z.strictObject({
    kind: z.literal('conv'),
    units: count,
    window: count,
    stride: count.default(1),
    padding,
    bias: z.boolean().default(true),
  }),
  /** NNL-CONV with its max pool fused; `normalise: 'none'` with power 1 and a bias is CONV + ReLU + max pool. */
  z.strictObject({
    kind: z.literal('nnl_conv'),
    units: count,
    window: count,
    power: z.number().min(1).max(200).default(1),
    normalise: z.enum(['patch', 'none']).default('patch'),
    centre: z.boolean().default(false),
    stride: count.default(1),
    padding,
    pool: window.nullable().default(null),
    bias: z.boolean().default(false),
  }),
  z.strictObject({ kind: z.literal('relu') }),
  z.strictObject({ kind: z.literal('rectified_power'), power: z.number().min(1).max(200) }),
  z.strictObject({ kind: z.literal('max_pool'), size: count, stride: count, padding }),
  z.strictObject({ kind: z.literal('avg_pool'), size: count, stride: count, padding }),
  z.strictObject({
    kind: z.literal('batch_norm'),
    epsilon: z.number().positive().default(1e-5),
    momentum: z.number().min(0).max(1).default(0.1),
  }),
  /** Each channel less `mean`, divided by `std`, both fixed: what networks that are trained end to end begin with. */
  z.strictObject({ kind: z.literal('standardise'), mean: z.array(z.number()), std: z.array(z.number().positive()) }),
  /** [C,H,W] to [C x H x W]. */
  z.strictObject({ kind: z.literal('flatten') }),
  z.strictObject({ kind: z.literal('linear'), units: count }),
] as const

type Simple = z.output<(typeof simple)[number]>
type SimpleInput = z.input<(typeof simple)[number]>

/** One layer. Layers within layers: `residual` adds body and shortcut; `parallel` flattens and concatenates its branches. */
export type LayerSpec =
  | Simple
  | { kind: 'residual'; body: LayerSpec[]; shortcut: LayerSpec[] }
  | { kind: 'parallel'; branches: LayerSpec[][] }

/** A layer as it may be written: defaults left out. */
export type LayerSpecInput =
  | SimpleInput
  | { kind: 'residual'; body: LayerSpecInput[]; shortcut?: LayerSpecInput[] }
  | { kind: 'parallel'; branches: LayerSpecInput[][] }

export const layerSpec: z.ZodType<LayerSpec, LayerSpecInput> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    ...simple,
    z.strictObject({ kind: z.literal('residual'), body: z.array(layerSpec).min(1), shortcut: z.array(layerSpec).default([]) }),
    z.strictObject({ kind: z.literal('parallel'), branches: z.array(z.array(layerSpec).min(1)).min(1) }),
  ]),
) as z.ZodType<LayerSpec, LayerSpecInput>

export const networkConfig = z.strictObject({
  kind: z.literal('network'),
  /** What it is called: `conv-net`, `resnet-18`. */
  name: z.string().min(1),
  /** C of the images. */
  channels: count,
  /** Height and width of the images. */
  image: z.tuple([count, count]),
  layers: z.array(layerSpec).min(1),
  /** Class names of a classifier; empty for a network of other outputs. */
  classes: z.array(z.string()),
})

export type NetworkConfig = z.output<typeof networkConfig>
export type NetworkConfigInput = z.input<typeof networkConfig>
