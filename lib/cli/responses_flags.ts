// Flags by which a command is given recordings: images with the responses to them, of any kind that the library reads.
import { type Command, Option } from 'commander'
import {
  openRecordings,
  type RecordingKind,
  type RecordingSource,
  type RecordingsOptions,
  readImageList,
  recordingOptionKinds,
  recordingsOptions,
} from '../data/index.js'
import { OptionError } from '../errors.js'
import { givenSplit } from '../eval/folds.js'
import { addFlags, nameOf } from './flags.js'

const headings = {
  assembly: 'Responses in an assembly of Brain-Score (.nc):',
  nsd: 'Responses of the Natural Scenes Dataset (a folder with nsddata/ and nsddata_betas/):',
  table: 'Responses in a table (.csv, .npy; below names of targets, an unnamed first column is an index and left out):',
}

const kindsOf = (name: string): readonly RecordingKind[] => recordingOptionKinds[name as keyof typeof recordingOptionKinds]

/** Adds the flags of what is read of recordings of one kind. @returns reads those that were given */
export const addKindFlags = (command: Command, kind: keyof typeof headings) =>
  addFlags(command, recordingsOptions, {
    only: Object.keys(recordingOptionKinds).filter((name) => kindsOf(name).join() === kind),
    group: headings[kind],
  })

/**
 * Adds the flags of where recordings lie and what of them is read.
 * @returns given: what was asked for; open: opens them, with images brought to one size as `shaping` says
 */
export function addResponsesFlags(command: Command, isNeeded = true) {
  const responses = new Option(
    '--responses <path...>',
    'recordings, one or several: a folder with images/ (or images.npy, images-bits.npy) and responses_mean.npy [images, targets], responses_trials.npy or both; or of another kind, below',
  )
  command.addOption(responses.makeOptionMandatory(isNeeded))
  const names = Object.keys(recordingOptionKinds)
  const shared = addFlags(command, recordingsOptions, { only: names.filter((name) => kindsOf(name).length > 1) })
  const own = (Object.keys(headings) as (keyof typeof headings)[]).map((kind) => addKindFlags(command, kind))
  const given = (): RecordingsOptions => Object.assign({}, shared(), ...own.map((of) => of()))
  return {
    given,
    open: (paths: readonly string[], shaping: RecordingsOptions): Promise<RecordingSource[]> =>
      openRecordings(paths, { ...shaping, ...given() }),
  }
}

/** The flag of a split that is given. @returns the images that each recording is tested on; null where folds are drawn */
export function addTestFlag(command: Command) {
  command.option(
    '--test <file>',
    'test on these images alone and train on all others, instead of folds: a name or a number from 0 a line (of the Natural Scenes Dataset its own numbers), or numbers in a .npy file; or the word stated: the split that the Natural Scenes Dataset states',
  )
  return async (sources: readonly RecordingSource[]): Promise<((string | number)[] | null)[]> => {
    const { test } = command.opts<{ test?: string }>()
    if (test === undefined) return sources.map(() => null)
    const listed = test === 'stated' ? null : await readImageList(test)
    return sources.map(({ about, name, stated }) => {
      const images = listed ?? (stated && [...stated])
      if (!images)
        throw new OptionError({
          op: nameOf(command),
          argument: '--test',
          actual: `stated for ${name}, which states no split`,
          expected: 'a file of the images to test on',
        })
      givenSplit(nameOf(command), about, images)
      return images
    })
  }
}
