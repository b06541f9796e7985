// A checkpoint is one safetensors file: the tensors of a recipe in mid-run, and beside them as metadata the configuration that they
// belong to and the recipe's own position. Written whole or not at all, so that a run killed at any moment resumes from the last one.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../errors.js'
import { readSafetensors, type Safetensor, writeSafetensors } from '../io/index.js'

export interface Checkpoint<Position> {
  position: Position
  tensors: Map<string, Safetensor>
}

const format = 'striate-checkpoint-1'

export class Checkpoints<Position> {
  private readonly path: string
  private readonly config: string
  private last = performance.now()

  /**
   * @param folder of the run
   * @param stem of the file: `<stem>.checkpoint.safetensors`
   * @param config everything that must be the same when the run goes on
   * @param everySeconds how often `due` says yes
   */
  constructor(
    folder: string,
    stem: string,
    config: unknown,
    private readonly everySeconds = 20,
  ) {
    this.path = join(folder, `${stem}.checkpoint.safetensors`)
    this.config = JSON.stringify(config)
  }

  due(): boolean {
    return performance.now() - this.last >= this.everySeconds * 1000
  }

  async save(position: Position, tensors: Readonly<Record<string, Safetensor>>): Promise<void> {
    await writeSafetensors(this.path, tensors, { metadata: { format, config: this.config, position: JSON.stringify(position) } })
    this.last = performance.now()
  }

  /**
   * The last checkpoint; null when none was written yet.
   * @throws {DataError} when it is damaged or belongs to another configuration
   */
  async load(): Promise<Checkpoint<Position> | null> {
    if (!existsSync(this.path)) return null
    const { tensors, metadata } = await readSafetensors(this.path)
    if (metadata.format !== format)
      throw new DataError({ op: 'resume', argument: this.path, actual: 'no checkpoint of this version', expected: format })
    if (metadata.config !== this.config)
      throw new DataError({
        op: 'resume',
        argument: this.path,
        actual: difference(metadata.config ?? '', this.config),
        expected: 'a checkpoint of this run',
      })
    return { position: JSON.parse(metadata.position ?? 'null') as Position, tensors }
  }
}

/** Names the first setting in which two configurations differ. */
function difference(was: string, is: string): string {
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
