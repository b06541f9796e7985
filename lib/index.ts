/**
 * Striate: image models learned without backpropagation, measured and timed. Kernels in C++ and CUDA behind typed wrappers.
 * @packageDocumentation
 */
export { cpu, cuda, Device, type DeviceReport, deviceOf, devices, instructionSet, limits, type MachineLimits, setThreads, threads } from './device.js'
export { DataError, DeviceError, DisposedError, OptionError, OutOfMemoryError, ShapeError, StriateError } from './errors.js'
export { type Dtype, type HostData, leakedTensors, scope, Tensor, type TensorOptions } from './tensor.js'
export { version } from './version.js'
export * from './ops/index.js'
