export { type AtomicSink, writeAtomic } from './atomic.js'
export { decodeNpy, encodeNpy, type NpyArray, type NpyData, type NpySource, readNpy, writeNpy } from './npy.js'
export {
  bf16FromFloat32,
  float32FromBf16,
  readSafetensors,
  type Safetensor,
  type SafetensorData,
  type SafetensorsFile,
  writeSafetensors,
} from './safetensors.js'
