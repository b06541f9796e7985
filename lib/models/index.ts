export type { Classifier } from './classifier.js'
export {
  type ChannelStatistics,
  type ConvBlock,
  type ConvNetOptions,
  convNet,
  type ResNet18Options,
  resNet18,
} from './conv_net.js'
export type { Extent, Layer, Saved, Watch } from './layer.js'
export type { LayerSpec, LayerSpecInput, NetworkConfig, NetworkConfigInput } from './layer_spec.js'
export { loadNetwork } from './load.js'
export { featureCount, type LocalBlock, type LocalNetConfig, poolText } from './local_config.js'
export { toNetwork } from './local_layers.js'
export { type BlockWeights, LocalNet, type LocalWeights, type Readout } from './local_net.js'
export { Network, type NetworkOptions } from './network.js'
export { exportOnnx } from './onnx.js'
