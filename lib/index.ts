/// <reference types="node" preserve="true" />
/**
 * Striate: image models learned without backpropagation, measured and timed. Kernels in C++ and CUDA behind typed wrappers.
 * @packageDocumentation
 */
export * from './data/index.js'
export {
  cpu,
  cuda,
  Device,
  type DeviceKind,
  type DeviceReport,
  type DeviceUse,
  deviceOf,
  devices,
  instructionSet,
  limits,
  type MachineLimits,
  setThreads,
  threads,
} from './device.js'
export {
  DataError,
  DeviceError,
  DisposedError,
  type ErrorDetail,
  OptionError,
  OutOfMemoryError,
  ShapeError,
  StriateError,
} from './errors.js'
export * from './eval/index.js'
export * from './features/index.js'
export * from './io/index.js'
export * from './learn/index.js'
export * from './light/index.js'
export * from './models/index.js'
export * from './ops/index.js'
export { normals, Permutation, philox, type Words2, type Words4 } from './random.js'
export { type OnProgress, type RunOptions, startPhase, type TrainProgress } from './run/index.js'
export * from './scene/index.js'
export { type Dtype, type HostData, leakedTensors, scope, Tensor, type TensorOptions, type TensorSource } from './tensor.js'
export * from './train/index.js'
export { version } from './version.js'
