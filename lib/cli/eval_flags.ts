// What every evaluation of a run takes.
import type { Command } from 'commander'
import type { Images } from '../data/index.js'
import { deviceOf } from '../device.js'
import type { Network } from '../models/index.js'
import { openNetwork } from '../run/index.js'
import { isGiven } from './flags.js'
import { dataText, openData } from './open_data.js'
import { addImageFlags } from './run_flags.js'
import { jsonText } from './terminal.js'

export interface EvalValues {
  run: string
  data: string
  split: 'train' | 'test'
  device: string
  json?: boolean
}

/** Adds the flags. @returns opens the network of the run, and the images; names the images, so that a part of a split leaves the whole one's results */
export function addEvalFlags(command: Command): {
  part: () => string
  network: () => Promise<Network>
  images: (signal: AbortSignal) => Promise<Images>
} {
  command
    .requiredOption('--run <dir>', 'folder of a run; results go there')
    .requiredOption('--data <path>', dataText)
    .option('--split <name>', 'train or test', 'test')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', jsonText)
  const given = addImageFlags(command, ['split'])
  const values = (): EvalValues => command.opts<EvalValues>()
  return {
    part: () => {
      const { limit } = given()
      return limit === undefined ? values().split : `${values().split}-first-${limit}`
    },
    network: () => openNetwork(values().run, { device: deviceOf(values().device) }),
    images: (signal) => {
      const { data, split, device } = values()
      const asked = isGiven(command, 'split') ? { split } : {}
      return openData('eval', data, { ...given(), ...asked, signal }, deviceOf(device), { split })
    },
  }
}
