// Recordings as Brain-Score keeps them: an assembly of responses, and a stimulus set of a table and its images.
import { basename, join } from 'node:path'
import { z } from 'zod'
import { DataError, OptionError } from '../../errors.js'
import { parseWithControl, refuseUnknown } from '../../options.js'
import { columnsByName, isUnnamed, numbersOrWords } from '../columns.js'
import { decode } from '../decode.js'
import { statFile } from '../files.js'
import { flagOf } from '../flag_names.js'
import type { LoadControl } from '../images.js'
import { readTable, type Table } from '../label_file.js'
import type { Targets } from '../targets.js'
import { listZip, readZipEntry } from '../zip_index.js'
import { readAssembly } from './assembly.js'
import type { Recording } from './folder.js'
import { openPictures, type Picture, pictureFile, pictureOptions } from './pictures.js'
import { responsesFrom } from './responses.js'

const op = 'openBrainScore'

/** The schema of {@link BrainScoreOptions}. */
export const brainScoreOptions = z.strictObject({
  region: z.string().optional().describe('neuroids of this region alone, such as IT'),
  from: z
    .number()
    .optional()
    .describe('milliseconds after the stimulus from which bins of time are averaged; from the first by default'),
  to: z
    .number()
    .optional()
    .describe('milliseconds after the stimulus up to which bins of time are averaged; to the last by default'),
  degrees: z
    .number()
    .positive()
    .optional()
    .describe(
      'degrees of visual angle that the network sees: images that were shown smaller are padded with grey, larger ones cropped',
    ),
  shownDegrees: z
    .number()
    .positive()
    .optional()
    .describe('degrees at which images were shown, where the table has no column degrees'),
  ...pictureOptions,
  memoryLimit: pictureOptions.memoryLimit.describe(
    'bytes of responses that may be held, and of pixels up to which images are loaded into memory; more pixels are decoded as they are read',
  ),
})

/** `memoryLimit`: a quarter of the memory by default. */
export interface BrainScoreOptions extends z.input<typeof brainScoreOptions>, LoadControl {}

/** The parts of a recording. */
export interface BrainScoreFiles {
  /** The .nc file of responses. */
  assembly: string
  /** The .csv table of stimuli: stimulus_id, filename, and what is known of each (object_name, degrees ...); columns without a name are left out. */
  stimuli: string
  /** The images: a .zip file or a folder. */
  images: string
}

/** The images of an assembly, in the order in which its stimuli first appear, and the responses of neuroids to them. */
export interface BrainScoreRecording extends Recording {
  readonly stimulusIds: readonly string[]
  /** What is known of each neuroid: `region`, `animal`, `neuroid_id` and whatever else the assembly has. */
  readonly sites: Targets
  /** Of the bins of time that were averaged, in milliseconds; null where there are none, or the assembly does not say when they were. */
  readonly window: readonly [from: number, to: number] | null
}

/**
 * Opens a recording of Brain-Score. Responses are averaged over bins of time and repeats; the repeats are kept for ceilings.
 * @throws {DataError} naming the file that is missing or not what it should be, or the stimulus that the table or the images lack
 * @throws {OptionError} for an unknown or out-of-range option, or a region or a window without data
 */
export async function openBrainScore(files: BrainScoreFiles, options: BrainScoreOptions = {}): Promise<BrainScoreRecording> {
  const [parsed, { signal, onProgress }] = parseWithControl(op, brainScoreOptions, options)
  refuseUnknown(op, files, ['assembly', 'stimuli', 'images'])
  const table = await readTable(op, files.stimuli)
  const stimuli = stimuliOf(table)
  const assembly = await readAssembly(op, files.assembly, parsed)
  const { stimulusIds, trials } = assembly
  const rows = stimulusIds.map((id) => {
    const row = stimuli.rowOf.get(id)
    if (row !== undefined) return row
    throw new DataError({
      op,
      argument: files.stimuli,
      actual: `a table without stimulus '${id}'`,
      expected: `all stimuli of ${files.assembly}`,
    })
  })
  const filed = await picturesIn(
    files.images,
    rows.map((row) => stimuli.fileOf(row)),
  )
  const scaled = filed.map((picture, i) => onScreen(picture, ratioOf(table, rows[i] as number, parsed), parsed))
  const { images: count, targets } = trials
  return {
    images: await openPictures(op, basename(files.stimuli, '.csv'), scaled, columnsOf(table, rows), parsed, {
      signal,
      onProgress,
    }),
    responses: responsesFrom({
      name: basename(files.assembly, '.nc'),
      images: count,
      targets,
      trials,
      imageNames: stimulusIds,
      selection: selectionOf(parsed.region, assembly.window),
    }),
    stimulusIds,
    sites: columnsByName(Object.entries(assembly.levels)),
    window: assembly.window,
  }
}

function selectionOf(region: string | undefined, window: readonly [number, number] | null): string | null {
  const parts = [...(region === undefined ? [] : [`neuroids of ${region}`]), ...(window ? [`${window.join(' to ')} ms`] : [])]
  return parts.length > 0 ? parts.join(', ') : null
}

const columnsOf = ({ columns, rows }: Table, picked: readonly number[]): Targets =>
  columnsByName(
    columns
      .map((name, at) => [name, numbersOrWords(picked.map((row) => rows[row]?.[at] || undefined))] as const)
      .filter(([name]) => !isUnnamed(name)),
  )

/** Which row of the table is each stimulus', and the file of each row. */
function stimuliOf({ path, columns, rows, lines }: Table) {
  const find = (...names: string[]) => names.map((name) => columns.indexOf(name)).find((at) => at >= 0) ?? -1
  const idAt = find('stimulus_id', 'image_id')
  const fileAt = find('filename', 'image_file_name')
  if (idAt < 0 || fileAt < 0)
    throw new DataError({
      op,
      argument: path,
      actual: `a table of ${columns.join(', ')}`,
      expected: 'stimulus_id and filename among its columns',
    })
  const rowOf = new Map<string, number>()
  rows.forEach((row, i) => {
    const id = row[idAt] as string
    if (rowOf.has(id))
      throw new DataError({
        op,
        argument: `${path} (line ${lines[i]})`,
        actual: `a second row of stimulus '${id}'`,
        expected: 'one row a stimulus',
      })
    rowOf.set(id, i)
  })
  return { rowOf, fileOf: (row: number) => rows[row]?.[fileAt] as string }
}

/** Files of a folder or of a zip archive by their names. */
async function picturesIn(path: string, names: readonly string[]): Promise<Picture[]> {
  if (!path.toLowerCase().endsWith('.zip')) {
    const pictures = names.map((name) => pictureFile(op, name, join(path, name)))
    for (const { where } of pictures) await statFile(op, where, 'the image of a stimulus')
    return pictures
  }
  // Names without folders serve where the archive has its files in one.
  const entries = await listZip(op, path)
  const byName = new Map([
    ...entries.map((entry) => [basename(entry.name), entry] as const),
    ...entries.map((entry) => [entry.name, entry] as const),
  ])
  return names.map((name) => {
    const entry = byName.get(name)
    if (!entry)
      throw new DataError({ op, argument: path, actual: `an archive without ${name}`, expected: 'the images of all stimuli' })
    return { name, where: `${path}:${name}`, file: path, size: async () => entry.size, read: () => readZipEntry(op, path, entry) }
  })
}

/** How many times the angle at which a stimulus was shown the network sees. */
function ratioOf(
  table: Table,
  row: number,
  { degrees, shownDegrees }: { degrees?: number | undefined; shownDegrees?: number | undefined },
): number {
  if (degrees === undefined) return 1
  const at = table.columns.indexOf('degrees')
  const shown = at < 0 ? shownDegrees : Number(table.rows[row]?.[at])
  if (shown === undefined)
    throw new OptionError({
      op,
      argument: 'shownDegrees',
      actual: 'missing',
      expected: `degrees at which images were shown (${flagOf('shownDegrees')}; ${table.path} has no column degrees)`,
    })
  if (shown > 0) return degrees / shown
  throw new DataError({
    op,
    argument: `${table.path} (line ${table.lines[row]})`,
    actual: `of ${table.rows[row]?.[at]} degrees`,
    expected: 'degrees above 0',
  })
}

const grey = 128

/** A picture in the middle of a screen that is `ratio` times as wide, which is grey around it; of a smaller screen, its middle. */
function onScreen(
  picture: Picture,
  ratio: number,
  options: Pick<z.output<typeof brainScoreOptions>, 'background' | 'maxPixels'>,
): Picture {
  if (ratio === 1) return picture
  return {
    ...picture,
    name: `${picture.name} on a screen of ${ratio}`,
    read: async (signal) => {
      const { data, height, width } = await decode(op, picture.where, await picture.read(signal), {
        background: options.background,
        maxPixels: options.maxPixels,
      })
      const [screenHeight, screenWidth] = [Math.max(1, Math.round(ratio * height)), Math.max(1, Math.round(ratio * width))]
      if (screenHeight * screenWidth > options.maxPixels)
        throw new OptionError({
          op,
          argument: 'degrees',
          actual: `a screen of ${screenWidth} x ${screenHeight} pixels around ${picture.where}`,
          expected: `at most ${options.maxPixels.toLocaleString('en')} pixels (${flagOf('maxPixels')})`,
        })
      const [top, left] = [Math.floor((screenHeight - height) / 2), Math.floor((screenWidth - width) / 2)]
      const header = Buffer.from(`P6\n${screenWidth} ${screenHeight}\n255\n`, 'latin1')
      const out = Buffer.alloc(header.length + 3 * screenHeight * screenWidth, grey)
      out.set(header)
      const [from, to] = [Math.max(0, left), Math.min(screenWidth, left + width)]
      for (let y = Math.max(0, top); y < Math.min(screenHeight, top + height); ++y) {
        const row = 3 * ((y - top) * width + from - left)
        out.set(data.subarray(row, row + 3 * (to - from)), header.length + 3 * (y * screenWidth + from))
      }
      return out
    },
  }
}
