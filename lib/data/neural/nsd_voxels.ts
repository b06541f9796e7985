// Which voxels of a subject of the Natural Scenes Dataset are read: those in every mask asked for, and of valid data.
import { join } from 'node:path'
import { DataError, OptionError } from '../../errors.js'
import { readWhole } from '../files.js'
import { readVolume, type Volume } from './nifti.js'
import { isThere } from './nsd_design.js'

export type Extents = readonly [x: number, y: number, z: number]

/** Where a subject's files lie. */
export interface SubjectPlaces {
  /** Labels of regions. */
  readonly rois: string
  /** Names of labels. */
  readonly names: string
}

export interface Voxels {
  /** x + X (y + Y z), ascending: the order in which the betas lie. */
  readonly places: Int32Array
  /** Of the first mask, for each voxel. */
  readonly regions: readonly string[]
  /** `left`, `right`, or empty where the labels of both hemispheres lie in one file. */
  readonly hemispheres: readonly string[]
}

/**
 * Refuses a volume that does not lie as the betas do.
 * @throws {DataError} naming it
 */
export function checkVolume(op: string, { path, shape, orientation }: Volume, extents: Extents): void {
  const refuse = (actual: string, expected: string) => new DataError({ op, argument: path, actual, expected })
  if (shape.some((extent, axis) => extent !== extents[axis])) {
    const isTurned = shape.every((extent, axis) => extent === extents[2 - axis])
    const actual = `of ${shape.join(' x ')} voxels${isTurned ? ', its axes in the opposite order' : ''}`
    throw refuse(actual, `${extents.join(' x ')} (x, y, z), as the betas are`)
  }
  if (orientation !== null && orientation !== 'RAS')
    throw refuse(`oriented ${orientation}`, 'RAS, as the betas are: x to the right, y to the front, z upwards')
}

/** Labels of a source for both hemispheres; what is in none is 0 or less. */
interface Labels {
  source: string
  /** One or two, left before right. */
  volumes: readonly Volume[]
}

async function readLabels(op: string, { rois }: SubjectPlaces, source: string, extents: Extents): Promise<Labels> {
  const hemispheres = ['lh', 'rh'].map((side) => join(rois, `${side}.${source}.nii.gz`))
  const both = join(rois, `${source}.nii.gz`)
  const isSplit = (await Promise.all(hemispheres.map(isThere))).every(Boolean)
  if (!isSplit && !(await isThere(both)))
    throw new DataError({
      op,
      argument: hemispheres[0] as string,
      actual: 'missing',
      expected: `labels of both hemispheres (lh.${source}.nii.gz and rh.${source}.nii.gz, or ${source}.nii.gz)`,
    })
  const volumes = await Promise.all((isSplit ? hemispheres : [both]).map((path) => readVolume(op, path)))
  for (const volume of volumes) checkVolume(op, volume, extents)
  return { source, volumes }
}

const namesFile = ({ names }: SubjectPlaces, source: string): string => join(names, `${source}.mgz.ctab`)

/** Names of a source's labels, from FreeSurfer's table of colours: a number and a name a line. */
async function readNames(op: string, path: string): Promise<Map<number, string> | null> {
  if (!(await isThere(path))) return null
  const text = (await readWhole(op, path, 'a table of label numbers and names')).toString('utf8')
  const pairs = text.split(/\r?\n/).map((line) => /^\s*(\d+)\s+(\S+)/.exec(line))
  return new Map(pairs.flatMap((pair) => (pair ? [[Number(pair[1]), pair[2] as string]] : [])))
}

/** The labels that a mask names by number or by name, which stands in the file at `path`; null is any from 1. */
function wantedLabels(
  op: string,
  mask: string,
  asked: string | undefined,
  names: Map<number, string> | null,
  path: string,
): Set<number> | null {
  if (asked === undefined) return null
  const byName = new Map(Array.from(names ?? [], ([label, name]) => [name, label]))
  return new Set(
    asked.split('+').map((word) => {
      const label = /^\d+$/.test(word) ? Number(word) : byName.get(word)
      if (label !== undefined) return label
      const known = [...byName.keys()].filter((name) => name !== 'Unknown').join(', ')
      throw new OptionError({
        op,
        argument: 'masks',
        actual: `'${mask}'`,
        expected: known
          ? `labels among ${known}, or their numbers`
          : `numbers of labels, as their names are not known: ${path} ${names ? 'holds none' : 'is missing'}`,
      })
    }),
  )
}

/**
 * The voxels that lie in every mask.
 * @param masks sources, each with the labels that count after a colon where not all do: `streams:5`, `prf-visualrois:V1v+V1d`, `nsdgeneral`
 * @throws {DataError} naming the mask that is missing, or of another shape or orientation than the betas
 * @throws {OptionError} when a label is unknown, or no voxel lies in all masks
 */
export async function voxelsWithin(
  op: string,
  places: SubjectPlaces,
  masks: readonly string[],
  extents: Extents,
): Promise<Voxels> {
  const inside: ((place: number) => number)[] = []
  let regionOf = (_label: number): string => ''
  let sideOf = (_place: number): string => ''
  for (const [i, mask] of masks.entries()) {
    const [source = '', asked] = mask.split(':') as [string, string | undefined]
    const { volumes } = await readLabels(op, places, source, extents)
    const path = namesFile(places, source)
    const names = await readNames(op, path)
    const wanted = wantedLabels(op, mask, asked, names, path)
    inside.push((place) => {
      const label = volumes.reduce((most, { data }) => Math.max(most, data[place] as number), 0)
      return label > 0 && (wanted === null || wanted.has(label)) ? label : 0
    })
    if (i > 0) continue
    regionOf = (label) => names?.get(label) ?? (wanted === null ? source : `${source} ${label}`)
    if (volumes.length === 2) sideOf = (place) => ((volumes[0]?.data[place] as number) > 0 ? 'left' : 'right')
  }
  const count = extents[0] * extents[1] * extents[2]
  const found = Int32Array.from({ length: count }, (_, place) => place).filter((place) =>
    inside.every((label) => label(place) > 0),
  )
  if (found.length === 0)
    throw new OptionError({ op, argument: 'masks', actual: masks.join(' with '), expected: 'masks that some voxel lies in' })
  return {
    places: found,
    regions: Array.from(found, (place) => regionOf(inside[0]?.(place) ?? 0)),
    hemispheres: Array.from(found, sideOf),
  }
}

/** The voxels at some of the positions in the list of them. */
export function selectVoxels({ places, regions, hemispheres }: Voxels, positions: Int32Array): Voxels {
  const of = (list: readonly string[]) => Array.from(positions, (position) => list[position] as string)
  return { places: positions.map((position) => places[position] as number), regions: of(regions), hemispheres: of(hemispheres) }
}
