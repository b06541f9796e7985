export {
  type BlockResponse,
  type BlockWhitening,
  describeBlocks,
  featureBlocks,
  type LocalBlock,
  localBlocks,
  patchPreparation,
  poolText,
  responseText,
  whiteningLayer,
} from './blocks.js'
export { type BuilderOptions, builderOptions, buildNetwork } from './builders/by_name.js'
export { type ConvBlock, type ConvNetOptions, convNet, convNetOptions } from './builders/conv_net.js'
export { type GaborNetOptions, gaborNet, gaborNetOptions } from './builders/gabor_net.js'
export {
  blockDepths,
  blockResponse,
  type LocalBlockOptions,
  type LocalNetOptions,
  localNet,
  networkShapes,
  trunkNet,
} from './builders/local_net.js'
export { type ResNet18Options, resNet18, resNet18Options } from './builders/resnet18.js'
export {
  type WaveletNetName,
  type WaveletNetOptions,
  waveletNet,
  waveletNetOptions,
  waveletNets,
} from './builders/wavelet_net.js'
export { cutAt, type PoolChange, readoutInput, withPools, withReadout } from './edit.js'
export type { Extent } from './extent.js'
export { type Head, type HeadInput, headOutput, type PlacedHead } from './heads.js'
export type { Layer, Pool, Saved, Watch } from './layer.js'
export { loadNetwork, Network, type NetworkOptions } from './network.js'
export { exportOnnx } from './onnx.js'
export { layerExtents } from './outline.js'
export { readPyTorch, type Standardisation, savePyTorch } from './pytorch.js'
export {
  type LayerSpec,
  type LayerSpecInput,
  type NetworkConfig,
  type NetworkConfigInput,
  networkConfig,
  type SpecOf,
} from './spec.js'
