import type { Device } from '../device.js'
import { DataError } from '../errors.js'
import { readSafetensors } from '../io/index.js'
import { LocalNet, metadataKey } from './local_net.js'
import { Network } from './network.js'

/**
 * Reads a network of any kind that Striate saved.
 * @param path of the safetensors file
 * @throws {DataError} naming the file when it is none
 */
export async function loadNetwork(path: string, options: { device?: Device } = {}): Promise<LocalNet | Network> {
  const file = await readSafetensors(path)
  let kind: unknown
  try {
    kind = (JSON.parse(file.metadata[metadataKey] ?? '') as { kind?: unknown }).kind
  } catch {
    kind = undefined
  }
  if (kind === 'local') return LocalNet.load(path, { ...options, file })
  if (kind === 'network') return Network.load(path, { ...options, file })
  throw new DataError({
    op: 'loadNetwork',
    argument: path,
    actual: 'a file without the configuration of a network',
    expected: 'a network saved by Striate',
  })
}
