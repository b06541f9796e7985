// What every recipe takes beside its own options: where it runs, where it leaves its results, how it is watched and stopped.
import { z } from 'zod'
import { cpu, Device } from '../device.js'
import { keysOf, parseOptions, refuseUnknown } from '../options.js'
import type { OnProgress } from './progress.js'

export interface RunOptions {
  /** Default `cpu()`. */
  device?: Device
  /** Folder of the run: the network, its record and checkpoints. Default: nothing is written. */
  out?: string
  /** Go on with the run in `out`. Default false: a folder that holds a run is refused. */
  resume?: boolean
  /** Go on although device or instruction set give other bits than those that the run was begun on. Default false: that is refused. */
  allowOtherBits?: boolean | undefined
  /** Seconds between checkpoints. Default 20. */
  checkpointSeconds?: number | undefined
  /** Stops cleanly after a checkpoint; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  onProgress?: OnProgress
  /** Told before each stage what it will need, and of what is done otherwise than asked for. */
  onPlan?: (text: string) => void
  /** Called once `out` is made and known to be usable, before any work. */
  onFolder?: () => Promise<void>
}

const runOptions = z
  .strictObject({
    device: z.custom((value) => value instanceof Device, 'a device, such as cpu()'),
    out: z.string().min(1),
    resume: z.boolean(),
    allowOtherBits: z.boolean(),
    checkpointSeconds: z.number().min(0),
  })
  .partial()
const own = keysOf(runOptions)

/**
 * A recipe's run options, with its device.
 * @param more names that this recipe takes beside them
 * @throws {OptionError} for one that is unknown or of the wrong type
 */
export function checkRun<R extends RunOptions>(op: string, run: R, more: readonly string[] = []): R & { device: Device } {
  refuseUnknown(op, run, [...own, 'signal', 'onProgress', 'onPlan', 'onFolder', ...more])
  parseOptions(op, runOptions, Object.fromEntries(Object.entries(run).filter(([name]) => own.includes(name))))
  return { ...run, device: run.device ?? cpu() }
}

/** The signal and the listener alone, for a stage that writes nothing. */
export const watched = ({ signal, onProgress }: RunOptions): Pick<RunOptions, 'signal' | 'onProgress'> => ({
  ...(signal ? { signal } : {}),
  ...(onProgress ? { onProgress } : {}),
})
