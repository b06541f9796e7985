// What the commands that train take beside their recipe's options: images, and the folder of the run.
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { type Images, labelsOf, type OpenImagesOptions, openImages, openImagesOptions } from '../data/index.js'
import { deviceOf } from '../device.js'
import { OptionError } from '../errors.js'
import type { RunOptions } from '../run/index.js'
import { writeRequest } from '../run/request.js'
import { addFlags, nameOf, refuseOthers } from './flags.js'
import type { Output } from './terminal.js'

/** What a run of any recipe was asked for; its request.json holds its options beside them. */
export const runRequest = z.strictObject({ data: z.string(), device: z.string(), images: openImagesOptions })
export type RunRequest = z.output<typeof runRequest>

const runFlags = z.strictObject({
  checkpointSeconds: z.number().min(0).max(1e6).optional().meta({ unit: 's' }).describe('between checkpoints'),
})

interface RunValues {
  data?: string
  device: string
  out: string
  resume?: string
  json?: boolean
}

/** What kinds of images a command reads. */
export const dataText =
  'CIFAR batches, IDX files, class folders or unlabelled folders of images, WebDataset shards (tar) or Parquet files'

/**
 * Adds the flags of how images are opened.
 * @param except those that a command has as its own
 * @returns reads those that were given, paths in full
 */
export function addImageFlags(command: Command, except: readonly string[] = []): () => OpenImagesOptions {
  const flags = addFlags(command, openImagesOptions, { group: 'Images:', except })
  return () => {
    const { labelFile, ...given } = flags()
    return { ...given, ...(labelFile === undefined ? {} : { labelFile: resolve(labelFile) }) }
  }
}

/**
 * Adds the flags that every training command has.
 * @param out folder of the run where none is named
 */
export function addRunFlags(command: Command, out: string) {
  command
    .option('--data <path>', dataText)
    .option('--device <name>', 'cpu, cuda or cuda:1', 'cpu')
    .option('--out <dir>', 'folder of the run', out)
    .option('--resume <dir>', 'go on with the run in a folder, with its own settings')
    .option('--json', 'progress and result as JSON lines')
  const own = addFlags(command, runFlags)
  const images = addImageFlags(command)
  const values = (): RunValues => command.opts<RunValues>()
  return {
    /** Folder of the run. */
    folder: (): string => values().resume ?? values().out,
    /** The folder that is gone on with; undefined when a run is new. Refuses options that the run in the folder has of its own. */
    resumed: (): string | undefined => {
      const { resume } = values()
      if (resume !== undefined) refuseOthers(command, ['resume', 'checkpointSeconds', 'json'], '--resume')
      return resume
    },
    /** What is asked for of a new run. */
    request: (): RunRequest => {
      const { data, device } = values()
      if (data !== undefined) return { data, device, images: images() }
      const expected = `the path of images (see striate ${nameOf(command)} --help)`
      throw new OptionError({ op: nameOf(command), argument: '--data', actual: 'missing', expected })
    },
    /** The images and the run options of a request. */
    start: async (
      request: RunRequest,
      say: Output,
      signal: AbortSignal,
    ): Promise<{ images: Images; run: RunOptions & { out: string } }> => {
      const { resume, out } = values()
      const images = await openImages(request.data, { ...request.images, signal })
      say.line(describeImages(images))
      const folder = resume ?? out
      const { checkpointSeconds } = own()
      const run = {
        ...(checkpointSeconds === undefined ? {} : { checkpointSeconds }),
        device: deviceOf(request.device),
        out: folder,
        resume: resume !== undefined,
        signal,
        onProgress: say.progress,
        onPlan: say.line,
        onFolder: () => writeRequest(folder, nameOf(command), request),
      }
      return { images, run }
    },
  }
}

/** Images in words, and what lies beside them that is none. */
function describeImages(images: Images): string {
  const { name, shape, skipped = [] } = images
  const what = `data: ${name}, ${shape[0]} images of ${shape.slice(1).join(' x ')}, ${labelsOf(images)?.classes.length ?? 'no'} classes`
  const kind = (reason: string) => reason.replace(/ \(.*/s, '')
  const left = [...new Set(skipped.map(({ reason }) => kind(reason)))].map((reason) => {
    const files = skipped.filter((file) => kind(file.reason) === reason)
    return `${files.length} x ${reason}, such as ${files[0]?.name}`
  })
  return left.length === 0 ? what : `${what}\nleft out: ${left.join('; ')}`
}
