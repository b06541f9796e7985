// Recordings of any kind by their paths: what lies there decides how it is read.
import { stat } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { z } from 'zod'
import { DataError, OptionError } from '../../errors.js'
import { overrides, parseWithControl } from '../../options.js'
import { encodedOptions } from '../encoded.js'
import { statFile } from '../files.js'
import { flagOf } from '../flag_names.js'
import type { LoadControl } from '../images.js'
import { brainScoreOptions, openBrainScore } from './brain_score.js'
import { openRecording, type Recording, recordingOptions } from './folder.js'
import { nsdOptions, planNsd } from './nsd.js'
import { isThere } from './nsd_design.js'
import { nsdShaping } from './nsd_images.js'
import type { Responses } from './responses.js'
import { openTrialTable, trialTableOptions } from './table.js'

const op = 'openRecordings'

/** How recordings are kept, and what each is called in messages. */
const kinds = {
  folder: 'a folder with images/ and responses_mean.npy or responses_trials.npy',
  nsd: 'a folder with nsddata/ and nsddata_betas/',
  assembly: 'an assembly (.nc)',
  table: 'a table of responses (.csv or .npy)',
} as const

/** Read by `openRecording`, `openNsd`, `openBrainScore`, `openTrialTable`. */
export type RecordingKind = keyof typeof kinds

const { subject, masks, space, betas, zScore, trials, skipMissing, negative } = nsdOptions.shape
const { region, from, to, degrees, shownDegrees, memoryLimit } = brainScoreOptions.shape
const { firstIndex } = trialTableOptions.shape
const { crop, memoryLimit: _, ...shaping } = recordingOptions.shape

/** What only some kinds have. */
const parts = {
  images: z
    .string()
    .optional()
    .meta({ unit: 'path' })
    .describe('of an assembly: folder or .zip of its images; of a table: folder of the images, or nsd_stimuli.hdf5'),
  stimuli: z
    .string()
    .optional()
    .meta({ unit: 'file' })
    .describe(
      'of an assembly: its table of stimuli (.csv); of a table: the image of each row, by number or file name (.npy or .csv; of several columns the one called image, image_name, image_id, filename, file, stimulus, stimulus_id or the like); of nsddata/: its file of images, where it is not in its place',
    ),
  groups: z
    .string()
    .optional()
    .meta({ unit: 'file' })
    .describe(
      'a whole number for each image, .npy or .csv (of several columns the one called group), or a word in a .csv: images of one stay on one side of every split',
    ),
  firstIndex,
  region,
  from: from.meta({ flag: flagOf('from').slice(2) }).describe(from.description ?? ''),
  to: to.meta({ flag: flagOf('to').slice(2) }).describe(to.description ?? ''),
  degrees,
  shownDegrees,
  subjects: z.array(subject).min(1).optional().describe('whose responses, from 1 to 8; of several, each is a recording'),
  masks,
  space,
  betas,
  zScore,
  trials,
  skipMissing,
  negative,
  crop,
}
/** The kinds of recordings that have an option; those that are not named here are of all. */
export const recordingOptionKinds: Readonly<Record<keyof typeof parts, readonly RecordingKind[]>> = {
  images: ['assembly', 'table'],
  stimuli: ['assembly', 'table', 'nsd'],
  groups: ['table'],
  firstIndex: ['table'],
  region: ['assembly'],
  from: ['assembly'],
  to: ['assembly'],
  degrees: ['assembly'],
  shownDegrees: ['assembly'],
  subjects: ['nsd'],
  masks: ['nsd'],
  space: ['nsd'],
  betas: ['nsd'],
  zScore: ['nsd'],
  trials: ['nsd'],
  skipMissing: ['nsd'],
  negative: ['nsd'],
  crop: ['folder'],
}

/** The schema of {@link RecordingsOptions}. */
export const recordingsOptions = overrides(
  z.strictObject({
    ...parts,
    ...shaping,
    memoryLimit: memoryLimit.describe(`${memoryLimit.description}; several recordings that are held together share them`),
  }),
)

/**
 * Options of the kinds that recordings are of: `subjects`, `masks` ... of the Natural Scenes Dataset, `region`, `from`, `to` ... of assemblies,
 * `firstIndex` of tables; `images` and `stimuli` where these are files of their own; and how images are brought to one size.
 */
export interface RecordingsOptions extends z.input<typeof recordingsOptions>, LoadControl {}

/** A recording that was found. */
export interface RecordingSource {
  readonly kind: RecordingKind
  readonly name: string
  /** What is known of its images before responses are read. */
  readonly about: Pick<Responses, 'name' | 'images' | 'imageNames' | 'groups'>
  /** Rows of images that the data themselves say are for tests; null where they say none. */
  readonly stated: Int32Array | null
  /** Responses of the Natural Scenes Dataset are read by this, so that of several subjects one is held at a time; others are there already. */
  open(control?: LoadControl): Promise<Recording>
}

/**
 * What kind of recording lies at a path.
 * @throws {DataError} when nothing does, or no such thing
 */
export async function detectRecording(path: string): Promise<RecordingKind> {
  const expected = Object.values(kinds).join(', ')
  const found = await stat(path).catch(() => null)
  if (found?.isDirectory()) return (await isThere(join(path, 'nsddata'))) ? 'nsd' : 'folder'
  await statFile(op, path, expected)
  const ending = extname(path).toLowerCase()
  if (ending === '.nc') return 'assembly'
  if (ending === '.csv' || ending === '.npy') return 'table'
  throw new DataError({ op, argument: path, actual: 'none of the files that hold responses', expected })
}

/**
 * Finds recordings of any kind, and everything that they need; a subject of the Natural Scenes Dataset is a recording of its own.
 * @param options those of a kind that no path is of are refused; those of several kinds hold for all paths
 * @throws {DataError} naming the file that is missing or not what it should be
 * @throws {OptionError} for a path that is given twice, and an option that is unknown, out of range, missing, or of no kind that is there
 */
export async function openRecordings(paths: readonly string[], options: RecordingsOptions = {}): Promise<RecordingSource[]> {
  const [given, control] = parseWithControl(op, recordingsOptions, options)
  refuseTwice(
    'responses',
    paths.map((path) => resolve(path)),
    paths,
  )
  refuseTwice('subjects', given.subjects ?? [])
  const found: RecordingKind[] = []
  for (const path of paths) found.push(await detectRecording(path))
  for (const [name, takes] of Object.entries(recordingOptionKinds))
    if (given[name as keyof typeof given] !== undefined && !takes.some((kind) => found.includes(kind)))
      throw new OptionError({
        op,
        argument: name,
        actual: `given for ${kinds[found[0] as RecordingKind]}`,
        expected: `it${flagOf(name) === `--${name}` ? '' : ` (${flagOf(name)})`} only for ${takes.map((kind) => kinds[kind]).join(' or ')}`,
      })
  const names = namesOf(paths)
  const sources: RecordingSource[] = []
  const memoryLimit = Math.floor(encodedOptions.memoryLimit.parse(given.memoryLimit) / Math.max(1, paths.length))
  for (const [i, path] of paths.entries()) {
    const kind = found[i] as RecordingKind
    const own = kind === 'nsd' ? given : { ...given, memoryLimit }
    sources.push(...(await sourcesOf(kind, path, names[i] as string, own, control)))
  }
  return sources
}

function refuseTwice(argument: string, values: readonly (string | number)[], shown: readonly (string | number)[] = values) {
  const again = values.findIndex((value, i) => values.indexOf(value) < i)
  if (again >= 0) throw new OptionError({ op, argument, actual: `${shown[again]} twice`, expected: 'each once' })
}

/** The last parts of paths without their endings, or where these are alike the whole of them. */
function namesOf(paths: readonly string[]): string[] {
  const bare = (path: string) => path.replace(/\.(nc|csv|npy)$/i, '')
  const short = paths.map((path) => bare(basename(resolve(path))))
  return new Set(short).size === short.length
    ? short
    : paths.map((path) =>
        bare(path)
          .split(/[\\/]+/)
          .filter(Boolean)
          .join('-'),
      )
}

type Given = z.output<typeof recordingsOptions>

async function sourcesOf(
  kind: RecordingKind,
  path: string,
  name: string,
  given: Given,
  control: LoadControl,
): Promise<RecordingSource[]> {
  const { size, fit, resize, background, maxPixels, grey, concurrency, memoryLimit } = given
  const pictures = { size, fit, resize, background, maxPixels, grey, concurrency, memoryLimit, ...control }
  if (kind === 'nsd') return subjectsOf(path, name, given)
  if (kind === 'folder') return [opened(kind, name, await openRecording(path, { ...pictures, crop: given.crop }))]
  const images = needed('images', given.images, kind)
  if (kind === 'table') {
    const { stimuli, groups, firstIndex } = given
    return [opened(kind, name, await openTrialTable({ images, responses: path, stimuli, groups }, { ...pictures, firstIndex }))]
  }
  const stimuli = needed('stimuli', given.stimuli, kind)
  const { region, from, to, degrees, shownDegrees } = given
  const recording = await openBrainScore(
    { assembly: path, stimuli, images },
    { ...pictures, region, from, to, degrees, shownDegrees },
  )
  return [opened(kind, region === undefined ? name : `${name}-${region}`, recording)]
}

function needed<T>(argument: keyof typeof parts, value: T | undefined, kind: RecordingKind): T {
  if (value !== undefined) return value
  const { description } = parts[argument]
  throw new OptionError({ op, argument, actual: `missing for ${kinds[kind]}`, expected: description as string })
}

function opened(kind: RecordingKind, name: string, { images, responses, split }: Recording): RecordingSource {
  const recording: Recording = { images, responses: { ...responses, name }, split }
  return { kind, name, about: recording.responses, stated: split?.test ?? null, open: async () => recording }
}

async function subjectsOf(root: string, stem: string, given: Given): Promise<RecordingSource[]> {
  const { stimuli, masks, space, betas, zScore, trials, skipMissing, negative, memoryLimit } = given
  const own = { stimuli, masks, space, betas, zScore, trials, skipMissing, negative, memoryLimit }
  const sources: RecordingSource[] = []
  for (const subject of needed('subjects', given.subjects, 'nsd')) {
    const plan = await planNsd(root, { subject, ...own, ...nsdShaping(op, given) })
    const name = [`${stem}-subj0${subject}`, ...(masks ?? [])].join('-').replaceAll(/[:+]/g, '-')
    sources.push({
      kind: 'nsd',
      name,
      about: { name, images: plan.nsdIds.length, imageNames: Array.from(plan.nsdIds, String), groups: null },
      stated: plan.split.test,
      open: async (control = {}) => {
        const { images, responses, split } = await plan.read(control)
        return { images, responses: { ...responses, name }, split }
      },
    })
  }
  return sources
}
