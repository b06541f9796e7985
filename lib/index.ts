/**
 * Striate: image models learned without backpropagation, measured and timed. Kernels in C++ and CUDA behind typed wrappers.
 * @packageDocumentation
 */
export * from './data/index.js'
export {
  cpu,
  cuda,
  Device,
  type DeviceReport,
  deviceOf,
  devices,
  instructionSet,
  limits,
  type MachineLimits,
  setThreads,
  threads,
} from './device.js'
export { DataError, DeviceError, DisposedError, OptionError, OutOfMemoryError, ShapeError, StriateError } from './errors.js'
export * from './eval/index.js'
export * from './io/index.js'
export * from './models/index.js'
export * from './ops/index.js'
export { normals, Permutation, philox } from './random.js'
export * from './scene/index.js'
export { type Dtype, type HostData, leakedTensors, scope, Tensor, type TensorOptions } from './tensor.js'
export * from './train/index.js'
export { version } from './version.js'
