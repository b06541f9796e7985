import type { Safetensor } from '../io/index.js'

/** The name of the first tensor with a number that is not finite; null where all are. */
export function notFinite(tensors: ReadonlyMap<string, Safetensor>): string | null {
  for (const [name, { data }] of tensors) if (!(data as Float32Array).every(Number.isFinite)) return name
  return null
}
