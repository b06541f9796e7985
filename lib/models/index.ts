export { featureCount, LocalNet, type LocalNetConfig, type Readout } from './local_net.js'
