// A checkpoint is one safetensors file: the tensors of a recipe in mid-run, and beside them as metadata the configuration that they
// belong to and the recipe's own position. Written whole or not at all, with a digest, and the one before is kept: a run that was killed at any
// moment, or whose disk has damaged the last one, goes on.
import { existsSync } from 'node:fs'
import { link, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { type Device, instructionSet } from '../device.js'
import { DataError, OptionError } from '../errors.js'
import { describeWriteError } from '../io/file_errors.js'
import { readSafetensors, type Safetensor, writeSafetensors } from '../io/index.js'
import { parseStored } from '../io/stored.js'
import type { RunOptions } from './options.js'

export interface Checkpoint<Position> {
  position: Position
  tensors: Map<string, Safetensor>
}

const format = 'striate-checkpoint-2'
const ending = '.checkpoint.safetensors'

/** Whether a file of that name is a checkpoint. */
export const isCheckpoint = (name: string): boolean => name.endsWith(ending)

export async function removeCheckpoints(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (isCheckpoint(name)) await rm(join(folder, name), { force: true })
}

/** What the bits of a result depend on beside options, data and seed. */
const bitsOf = ({ kind }: Device): string => (kind === 'cpu' ? `cpu with ${instructionSet}` : kind)

/** How a recipe's checkpoints are kept; `run.out` is the folder, `run.checkpointSeconds` how often they are due, 20 by default. */
export interface CheckpointSettings<S extends z.ZodType> {
  run: RunOptions & { out: string; device: Device }
  /** Of the file: `<stem>.checkpoint.safetensors`. */
  stem: string
  /** Everything that must be the same when the run goes on. */
  config: unknown
  position: S
}

export class Checkpoints<S extends z.ZodType> {
  private readonly path: string
  private readonly before: string
  private readonly config: string
  private last = performance.now()

  constructor(private readonly settings: CheckpointSettings<S>) {
    const { run, stem, config } = settings
    this.path = join(run.out, stem + ending)
    this.before = join(run.out, `${stem}.previous${ending}`)
    this.config = JSON.stringify(config)
  }

  due(): boolean {
    return performance.now() - this.last >= (this.settings.run.checkpointSeconds ?? 20) * 1000
  }

  async save(position: z.output<S>, tensors: Readonly<Record<string, Safetensor>>): Promise<void> {
    if (existsSync(this.path)) await this.keep()
    const bits = bitsOf(this.settings.run.device)
    const metadata = { format, config: this.config, bits, position: JSON.stringify(position) }
    await writeSafetensors(this.path, tensors, { metadata, digest: true })
    this.last = performance.now()
  }

  /** Gives the last checkpoint its second name, under which it stays while the next one takes its place. */
  private async keep(): Promise<void> {
    try {
      await rm(this.before, { force: true })
      await link(this.path, this.before)
    } catch (error) {
      throw describeWriteError(this.before, error)
    }
  }

  /**
   * The last checkpoint, or the one before where that is damaged, which `run.onPlan` is told; null when none was written yet.
   * @throws {DataError} when both are damaged, or it belongs to another configuration; {OptionError} when it has bits of another kind
   */
  async load(): Promise<Checkpoint<z.output<S>> | null> {
    const [newest, ...older] = [this.path, this.before].filter((path) => existsSync(path))
    if (newest === undefined) return null
    try {
      return await this.read(newest)
    } catch (error) {
      if (!(error instanceof Damaged)) throw error
      for (const path of older) {
        const found = await this.read(path).catch((cause) => {
          throw cause instanceof Damaged ? error : cause
        })
        this.settings.run.onPlan?.(`${error.message}; going on from the checkpoint before it`)
        return found
      }
      throw error
    }
  }

  private async read(path: string): Promise<Checkpoint<z.output<S>>> {
    const expected = 'a checkpoint of this run'
    const damaged = (cause: unknown) => {
      throw cause instanceof DataError ? new Damaged(cause, path) : cause
    }
    const { tensors, metadata, verified } = await readSafetensors(path).catch(damaged)
    if (metadata.format !== format)
      throw new DataError({ op: 'resume', argument: path, actual: 'no checkpoint of this version', expected: format })
    if (!verified) damaged(new DataError({ op: 'resume', argument: path, actual: 'without its digest', expected }))
    if (metadata.config !== this.config)
      throw new DataError({ op: 'resume', argument: path, actual: difference(metadata.config ?? '', this.config), expected })
    const bits = bitsOf(this.settings.run.device)
    if (metadata.bits !== bits && !this.settings.run.allowOtherBits)
      throw new OptionError({
        op: 'resume',
        argument: path,
        actual: `of a run on ${metadata.bits}, whose bits are not those of ${bits}`,
        expected: 'the same, or allowOtherBits',
      })
    const position = parseStored('resume', path, metadata.position ?? '', this.settings.position, expected)
    return { position, tensors }
  }
}

/** A checkpoint that cannot be read or is not as it was written. */
class Damaged extends DataError {
  constructor({ actual, expected }: DataError, path: string) {
    super({ op: 'resume', argument: path, actual, expected })
  }
}

/** Names the first setting in which two configurations differ. */
export function difference(was: string, is: string): string {
  const flat = (value: unknown, path: string, into: Map<string, string>): Map<string, string> => {
    if (value && typeof value === 'object')
      for (const [key, inner] of Object.entries(value)) flat(inner, path ? `${path}.${key}` : key, into)
    else into.set(path, JSON.stringify(value))
    return into
  }
  try {
    const a = flat(JSON.parse(was), '', new Map())
    const b = flat(JSON.parse(is), '', new Map())
    for (const key of new Set([...a.keys(), ...b.keys()]))
      if (a.get(key) !== b.get(key)) return `of a run with ${key} ${a.get(key) ?? 'unset'}, not ${b.get(key) ?? 'unset'}`
  } catch {
    // not JSON: said below
  }
  return 'of another configuration'
}

/** Tensors under names of their own part of a checkpoint. */
export function prefixed(prefix: string, tensors: ReadonlyMap<string, Safetensor> | null): Record<string, Safetensor> {
  return Object.fromEntries([...(tensors ?? [])].map(([name, tensor]) => [prefix + name, tensor]))
}

/** The tensors of that part, under the names that they had. */
export function pick(tensors: ReadonlyMap<string, Safetensor>, prefix: string): Map<string, Safetensor> {
  return new Map(
    [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  )
}
