// What every evaluation of a run takes.
import type { Command } from 'commander'
import { type Images, openImages } from '../data/index.js'
import { deviceOf } from '../device.js'
import { loadNetwork, type Network } from '../models/index.js'
import { networkFile } from '../run/index.js'
import { addImageFlags, dataText } from './run_flags.js'

export interface EvalValues {
  run: string
  data: string
  split: 'train' | 'test'
  device: string
  json?: boolean
}

/** Adds the flags. @returns opens the network of the run, and the images */
export function addEvalFlags(command: Command): {
  network: () => Promise<Network>
  images: (signal: AbortSignal) => Promise<Images>
} {
  command
    .requiredOption('--run <dir>', 'folder of a run; results go there')
    .requiredOption('--data <path>', dataText)
    .option('--split <name>', 'train or test', 'test')
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--json', 'progress and result as JSON lines')
  const given = addImageFlags(command, ['split'])
  const values = (): EvalValues => command.opts<EvalValues>()
  return {
    network: () => loadNetwork(networkFile(values().run), { device: deviceOf(values().device) }),
    images: (signal) => openImages(values().data, { ...given(), split: values().split, signal }),
  }
}
