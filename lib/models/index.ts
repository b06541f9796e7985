export type { Classifier } from './classifier.js'
export { featureCount, LocalNet, type LocalNetConfig, type Readout } from './local_net.js'
