// The Natural Scenes Dataset (Allen et al. 2022) as it is published: a subject's images and the responses of chosen voxels to them.
import { join } from 'node:path'
import { z } from 'zod'
import { DataError, OptionError } from '../../errors.js'
import { parseOptions, takeControl, whole } from '../../options.js'
import { encodedOptions } from '../encoded.js'
import { flagOf } from '../flag_names.js'
import type { LoadControl } from '../images.js'
import { classColumn, numberColumn, type Targets } from '../targets.js'
import type { Recording } from './folder.js'
import { readVolume } from './nifti.js'
import { betaBytes, extentsOf, readBetas } from './nsd_betas.js'
import { isThere, type NsdDesign, readDesign, sessionCounts, trialsPerSession } from './nsd_design.js'
import { nsdImagesOptions, openNsdImages } from './nsd_images.js'
import { checkVolume, type Extents, selectVoxels, type Voxels, voxelsWithin } from './nsd_voxels.js'
import { responsesFrom } from './responses.js'

const op = 'openNsd'

/** The schema of {@link NsdOptions}. */
export const nsdOptions = z.strictObject({
  subject: whole(1, sessionCounts.length).describe('whose responses, from 1 to 8'),
  masks: z
    .array(
      z
        .string()
        .refine(
          (mask) => /^[\w.-]+(:[\w.-]+(\+[\w.-]+)*)?$/.test(mask),
          'a source of labels, such as nsdgeneral, streams:5 or prf-visualrois:V1v+V1d',
        ),
    )
    .min(1)
    .default(['streams:5', 'nsdgeneral'])
    .describe(
      'voxels that lie in all of these are read: sources of labels, with the labels that count after a colon, a + between several',
    ),
  space: z.enum(['func1pt8mm', 'func1mm']).default('func1pt8mm').describe('volumes of 1.8 or 1 mm'),
  betas: z
    .enum(['betas_fithrf_GLMdenoise_RR', 'betas_fithrf', 'betas_assumehrf'])
    .default('betas_fithrf_GLMdenoise_RR')
    .describe('how responses were estimated'),
  zScore: z
    .boolean()
    .default(true)
    .describe('responses of each session brought to mean 0 and deviation 1, voxel by voxel; else percents of signal change'),
  trials: z.boolean().default(false).describe('keep the responses of single trials beside their means, for ceilings'),
  skipMissing: z.boolean().default(false).describe('go without sessions whose files are missing'),
  stimuli: z.string().optional().describe('the file of images, where it does not lie in its place under the root'),
  ...nsdImagesOptions.shape,
  memoryLimit: encodedOptions.memoryLimit.describe('bytes of responses that may be held; more are refused before any is read'),
})

/** `masks`: the ventral stream within `nsdgeneral` by default. `memoryLimit`: a quarter of the memory by default. */
export interface NsdOptions extends z.input<typeof nsdOptions>, LoadControl {}

/** A subject's images, in the order of their numbers, and the mean responses of voxels to them. */
export interface NsdRecording extends Recording {
  readonly subject: number
  /** Number (`nsdId`, from 0) of each image. */
  readonly nsdIds: Int32Array
  /** How often each image was shown in the sessions that were read. */
  readonly repeats: Int32Array
  /** Rows of images: those that subject 1 saw too (for subject 1: subject 2) are the test, all others are for training. */
  readonly split: { readonly train: Int32Array; readonly test: Int32Array }
  /** What is known of each voxel: `region`, `hemisphere`, and its place `x`, `y`, `z` from 0. */
  readonly sites: Targets
  /** Sessions that were read, from 1, and those whose files are missing. */
  readonly sessions: { readonly read: readonly number[]; readonly missing: readonly number[] }
  /** Voxels of the masks that were left out: invalid or constant in a session. */
  readonly dropped: { readonly invalid: number; readonly constant: number }
  /** Signal to noise of each voxel: as published, or where that volume is missing measured on the trials read (NaN without z-scores). */
  readonly ncsnr: Float64Array
  readonly ncsnrFrom: 'published' | 'measured'
  /** Percent of the variance of each voxel's mean responses to the test images that is signal. */
  readonly ceiling: Float64Array
}

/**
 * Opens a subject's part of the Natural Scenes Dataset: a folder with `nsddata`, `nsddata_betas` and `nsddata_stimuli` as they are published. Responses are
 * read by voxel, standardised by session and averaged over repeats; beside the result, reading holds 64 MiB of trials. Images stay on the disk.
 * @param options `onProgress` counts voxels
 * @throws {DataError} naming the file or the sessions that are missing, or what is of another shape or orientation
 * @throws {OptionError} for an unknown or out-of-range option, masks without a voxel, or more responses than `memoryLimit`
 */
export async function openNsd(root: string, options: NsdOptions): Promise<NsdRecording> {
  const [own, control] = takeControl('openNsd', options)
  return (await planNsd(root, own)).read(control)
}

/** A subject's part as far as it is known before responses are read. */
export interface NsdPlan {
  readonly name: string
  /** Number of each image. */
  readonly nsdIds: Int32Array
  readonly split: NsdRecording['split']
  read(control: LoadControl): Promise<NsdRecording>
}

/** Looks for everything that {@link openNsd} reads, and refuses what it would refuse before it reads responses. */
export async function planNsd(root: string, options: z.input<typeof nsdOptions>): Promise<NsdPlan> {
  const parsed = parseOptions(op, nsdOptions, options)
  const { subject, size, grey, negative } = parsed
  const folder = `subj0${subject}`
  const prepared = join(root, 'nsddata', 'ppdata', folder, parsed.space)
  const measured = join(root, 'nsddata_betas', 'ppdata', folder, parsed.space, parsed.betas)
  const design = await readDesign(op, join(root, 'nsddata', 'experiments', 'nsd'))
  const sessions = await findSessions(measured, subject, parsed.skipMissing)
  const shown = imagesShown(design, subject, sessions.read)
  const stimuli = parsed.stimuli ?? join(root, 'nsddata_stimuli', 'stimuli', 'nsd', 'nsd_stimuli.hdf5')
  const images = await openNsdImages(stimuli, shown.nsdIds, { size, grey, negative })

  const files = sessions.read.map((session) => join(measured, `betas_${sessionName(session)}.hdf5`))
  const extents = await extentsOf(op, files)
  const places = { rois: join(prepared, 'roi'), names: join(root, 'nsddata', 'freesurfer', folder, 'label') }
  const inMasks = await voxelsWithin(op, places, parsed.masks, extents)
  const valid = await validVoxels(prepared, sessions.read, inMasks, extents)
  const most = shown.repeats.reduce((a, b) => Math.max(a, b), 0)
  const bytes = betaBytes(shown.nsdIds.length, valid.places.length, parsed.trials ? most : 0)
  if (bytes > parsed.memoryLimit)
    throw new OptionError({
      op,
      argument: 'memoryLimit',
      actual: `${parsed.memoryLimit.toLocaleString('en')} bytes`,
      expected: `${bytes.toLocaleString('en')} (${flagOf('memoryLimit')}), for ${valid.places.length} voxels and ${shown.nsdIds.length} images${parsed.trials ? ' with single trials' : ''}`,
    })
  const request = {
    op,
    files,
    extents,
    places: valid.places,
    rows: shown.rows,
    images: shown.nsdIds.length,
    zScore: parsed.zScore,
    trials: parsed.trials,
  }
  const split = splitOf(design, subject, shown.nsdIds)
  const name = `nsd/${folder}`
  const read = async (control: LoadControl): Promise<NsdRecording> => {
    const betas = await readBetas(request, control)
    const voxels = selectVoxels(valid, betas.kept)
    const targets = voxels.places.length
    if (targets === 0)
      throw new DataError({
        op,
        argument: measured,
        actual: `without a voxel of ${parsed.masks.join(' with ')} that is valid in all sessions`,
        expected: 'responses',
      })
    const dropped = { invalid: inMasks.places.length - valid.places.length, constant: valid.places.length - targets }
    const published = await publishedNcsnr(measured, voxels, extents)
    const ncsnr = published ?? betas.ncsnr
    const count = shown.nsdIds.length
    return {
      images,
      responses: responsesFrom({
        name,
        images: count,
        targets,
        mean: betas.mean,
        trials: betas.trials && { images: count, targets, repeats: betas.repeats, data: betas.trials },
        imageNames: Array.from(shown.nsdIds, String),
        selection: selectionOf(parsed, sessions, dropped),
      }),
      subject,
      nsdIds: shown.nsdIds,
      repeats: shown.repeats,
      split,
      sites: sitesOf(voxels, extents),
      sessions,
      dropped,
      ncsnr,
      ncsnrFrom: published ? 'published' : 'measured',
      ceiling: ceilingOf(
        ncsnr,
        Array.from(split.test, (row) => shown.repeats[row] as number),
      ),
    }
  }
  return { name, nsdIds: shown.nsdIds, split, read }
}

/** What is read of a subject, in words. */
function selectionOf(
  { betas, space, zScore, masks }: z.output<typeof nsdOptions>,
  { read, missing }: NsdRecording['sessions'],
  { invalid, constant }: NsdRecording['dropped'],
): string {
  const lost = missing.length > 0 ? ` (the files of ${missing.join(', ')} are missing)` : ''
  return `${betas} in ${space}, ${zScore ? 'standardised by session' : 'percents of signal change'}, ${read.length} sessions${lost}, voxels in ${masks.join(' and ')} (left out: ${invalid} invalid, ${constant} constant in a session)`
}

const sessionName = (session: number): string => `session${String(session).padStart(2, '0')}`

async function findSessions(
  folder: string,
  subject: number,
  skipMissing: boolean,
): Promise<{ read: number[]; missing: number[] }> {
  const all = Array.from({ length: sessionCounts[subject - 1] as number }, (_, i) => i + 1)
  const isThereNow = await Promise.all(all.map((session) => isThere(join(folder, `betas_${sessionName(session)}.hdf5`))))
  const read = all.filter((_, i) => isThereNow[i])
  const missing = all.filter((_, i) => !isThereNow[i])
  if (read.length > 0 && (missing.length === 0 || skipMissing)) return { read, missing }
  throw new DataError({
    op,
    argument: folder,
    actual: read.length === 0 ? 'without betas_session01.hdf5 and those after it' : `without sessions ${missing.join(', ')}`,
    expected: `betas of all ${all.length} sessions of subject ${subject}${read.length === 0 ? '' : ' (or skipMissing, --skip-missing)'}`,
  })
}

/** The images of some sessions in the order of their numbers, how often each was shown, and which of them every trial showed. */
function imagesShown(design: NsdDesign, subject: number, sessions: readonly number[]) {
  const trials = design[subject - 1] as Int32Array
  const ids = sessions.flatMap((session) =>
    Array.from(trials.subarray((session - 1) * trialsPerSession, session * trialsPerSession)),
  )
  const nsdIds = Int32Array.from(new Set(ids)).sort()
  const rowOf = new Map(Array.from(nsdIds, (id, row) => [id, row]))
  const rows = Int32Array.from(ids, (id) => rowOf.get(id) as number)
  const repeats = new Int32Array(nsdIds.length)
  for (const row of rows) repeats[row] = (repeats[row] as number) + 1
  return { nsdIds, rows, repeats }
}

function splitOf(design: NsdDesign, subject: number, nsdIds: Int32Array): NsdRecording['split'] {
  const other = subject === 1 ? 2 : 1
  const held = (sessionCounts[other - 1] as number) * trialsPerSession
  const seen = new Set((design[other - 1] as Int32Array).subarray(0, held))
  const rows = Int32Array.from(nsdIds, (_, row) => row)
  const isShared = (row: number) => seen.has(nsdIds[row] as number)
  return { train: rows.filter((row) => !isShared(row)), test: rows.filter(isShared) }
}

/** The voxels whose data are valid in every session, as far as volumes say so. */
async function validVoxels(folder: string, sessions: readonly number[], voxels: Voxels, extents: Extents): Promise<Voxels> {
  let positions = Int32Array.from(voxels.places, (_, i) => i)
  for (const session of sessions) {
    const path = join(folder, `valid_${sessionName(session)}.nii.gz`)
    if (!(await isThere(path))) continue
    const volume = await readVolume(op, path)
    checkVolume(op, volume, extents)
    positions = positions.filter((position) => (volume.data[voxels.places[position] as number] as number) > 0)
  }
  return selectVoxels(voxels, positions)
}

async function publishedNcsnr(folder: string, { places }: Voxels, extents: Extents): Promise<Float64Array | null> {
  const path = join(folder, 'ncsnr.nii.gz')
  if (!(await isThere(path))) return null
  const volume = await readVolume(op, path)
  checkVolume(op, volume, extents)
  return Float64Array.from(places, (place) => volume.data[place] as number)
}

/**
 * The share of the variance of means over repeats that is signal, in percent: 100 s^2 / (s^2 + mean of 1 / repeats).
 * @param repeats of each image
 */
function ceilingOf(ncsnr: Float64Array, repeats: readonly number[]): Float64Array {
  const noise = repeats.reduce((sum, count) => sum + 1 / count, 0) / repeats.length
  return ncsnr.map((ratio) => (100 * ratio ** 2) / (ratio ** 2 + noise))
}

function sitesOf({ places, regions, hemispheres }: Voxels, [X, Y]: Extents): Targets {
  const words = (values: readonly string[]) => {
    const classes = [...new Set(values)].sort()
    return classColumn(
      classes,
      values.map((value) => classes.indexOf(value)),
    )
  }
  return {
    region: words(regions),
    hemisphere: words(hemispheres),
    x: numberColumn(places.map((place) => place % X)),
    y: numberColumn(places.map((place) => Math.floor(place / X) % Y)),
    z: numberColumn(places.map((place) => Math.floor(place / (X * Y)))),
  }
}
