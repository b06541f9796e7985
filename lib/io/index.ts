export { type AtomicSink, writeAtomic } from './atomic.js'
export {
  decodeNpy,
  encodeNpy,
  type NpyArray,
  type NpyData,
  type NpyDtype,
  type NpySource,
  readNpy,
  writeNpy,
} from './npy.js'
export {
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  writeOnnx,
} from './onnx.js'
export {
  bf16FromFloat32,
  float32FromBf16,
  hostTensor,
  readSafetensors,
  type Safetensor,
  type SafetensorData,
  type SafetensorsFile,
  writeSafetensors,
} from './safetensors.js'
