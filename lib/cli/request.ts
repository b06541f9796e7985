// The images that commands ask for, and the file of a run's folder that says what was asked for: `--resume` needs nothing else.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type ImageSet, openImages } from '../data/index.js'
import { OptionError } from '../errors.js'
import { writeAtomic } from '../io/index.js'
import { wholeNumber } from './options.js'

/** Images by path, and what a command's `--size` and `--limit` make of them. */
export interface ImagesAsked {
  data: string
  /** Side in pixels to which the images of a folder are resized. */
  size?: number | null
  /** The first so many. */
  limit?: number | null
}

/** What a run was asked for. */
export interface RunRequest extends ImagesAsked {
  device: string
  size: number | null
  limit: number | null
}

export function addImageOptions(command: Command): Command {
  return command
    .option('--size <px>', 'resize images of a folder to px x px', wholeNumber(1, 65536))
    .option('--limit <n>', 'use the first n images', wholeNumber(1))
}

export function openAsked(
  { data, size, limit }: ImagesAsked,
  run: { signal: AbortSignal; split?: 'train' | 'test' },
): Promise<ImageSet> {
  return openImages(data, { ...run, ...(size == null ? {} : { size }), ...(limit == null ? {} : { limit }) })
}

/** A set in words. */
export function describeImages({ name, shape, classes }: ImageSet): string {
  return `data: ${name}, ${shape[0]} images of ${shape.slice(1).join(' x ')}, ${classes.length || 'no'} classes`
}

const requestFile = (folder: string): string => join(folder, 'request.json')

export function writeRequest(folder: string, request: RunRequest): Promise<void> {
  return writeAtomic(requestFile(folder), `${JSON.stringify(request, null, 1)}\n`)
}

/**
 * What the run of a folder was asked for.
 * @param own a key that requests of this command alone have
 * @throws {OptionError} when the folder holds no such run
 */
export async function readRequest<R extends RunRequest>(op: string, folder: string, own: keyof R): Promise<R> {
  const request = await readFile(requestFile(folder), 'utf8')
    .then((text) => JSON.parse(text) as R | null)
    .catch(() => null)
  if (request?.[own]) return request
  throw new OptionError({
    op,
    argument: '--resume',
    actual: `'${folder}', without a readable request.json of such a run`,
    expected: 'the folder of a run',
  })
}
