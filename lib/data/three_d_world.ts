// Images of ThreeDWorld as their published sets are laid out: images/<scene>/<category>/<object>/img_0000000000.jpg, each with a row of values in
// img_0000000000_info.csv beside it, whose columns img_meta_headers.txt names.
import { parse } from 'csv-parse/sync'
import { DataError } from '../errors.js'
import { columnsByName, lackingNumbers, numbersOrWords, refuseSameName } from './columns.js'
import { readWhole } from './files.js'
import { allDone } from './gate.js'
import type { SkippedFile } from './images.js'
import { angleColumn, type Column, numberColumn, type Targets } from './targets.js'

/** @internal The file that names the columns. */
export const headersFile = 'img_meta_headers.txt'

/**
 * Names under which scenes have the same: in 2023 the place of the object's base in the image (pixels from its middle, rightwards and upwards) and its
 * depth, in 2024 the place of its middle in the camera's frame; rotations in the camera's frame as Euler angles about x, y and z.
 */
const sameAs: Readonly<Record<string, string>> = {
  wnid: 'class',
  record_name: 'identity',
  ty: 'screenX',
  tz: 'screenY',
  neg_x: 'baseDistance',
  euler_1: 'rotationX',
  euler_2: 'rotationY',
  euler_3: 'rotationZ',
  rel_pos_x: 'positionX',
  rel_pos_y: 'positionY',
  rel_pos_z: 'distance',
  rel_rot_euler_0: 'rotationX',
  rel_rot_euler_1: 'rotationY',
  rel_rot_euler_2: 'rotationZ',
}
/** Headers of columns that hold numbers alone. */
const isNumeric = (header: string): boolean =>
  /^(avatar|rel)_(pos|rot)_/.test(header) || !['class', 'identity', undefined].includes(sameAs[header])
const units: Readonly<Record<string, string>> = {
  screenX: 'px',
  screenY: 'px',
  baseDistance: 'm',
  positionX: 'm',
  positionY: 'm',
  distance: 'm',
}

/**
 * @internal What is known about images of such a set: every column of numbers or words under the name that scenes have for it, or else its own.
 * @param images their folder
 * @param names of the images within it
 * @returns beside it the columns of numbers that make no target, as some are missing
 * @throws {DataError} naming the image whose file of values is missing, does not have the columns, or has no number in one of places or rotations; or two
 * headers that mean the same
 */
export async function readThreeDWorld(
  op: string,
  folder: string,
  images: string,
  names: readonly string[],
): Promise<{ targets: Targets; skipped: SkippedFile[] }> {
  const expected = 'the names of the columns, one a line'
  const headers = (await readWhole(op, `${folder}/${headersFile}`, expected))
    .toString('utf8')
    .split(/\r?\n/)
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const nameOf = (header: string) => sameAs[header] ?? header
  refuseSameName(
    op,
    `${folder}/${headersFile}`,
    headers.map((header) => [header, nameOf(header)]),
  )
  const rows: string[][] = new Array(names.length)
  let next = 0
  const work = async () => {
    while (next < names.length) {
      const index = next++
      const name = names[index] as string
      const number = /(\d+)\.\w+$/.exec(name)?.[1]
      const path = `${images}/${name.slice(0, name.lastIndexOf('/') + 1)}img_${number}_info.csv`
      try {
        const text = (await readWhole(op, path, `the values of ${name}`)).toString('utf8')
        const [row = []] = parse(text, { trim: true, relax_column_count: true }) as string[][]
        if (row.length !== headers.length)
          throw new DataError({
            op,
            argument: path,
            actual: `of ${row.length} values`,
            expected: `${headers.length}, as ${headersFile} names them`,
          })
        checkNumbers(op, path, headers, row)
        rows[index] = row
      } catch (error) {
        next = names.length
        throw error
      }
    }
  }
  await allDone(Array.from({ length: 8 }, work))
  const columns = headers.map((header, at) => [nameOf(header), numbersOrWords(rows.map((row) => row[at]))] as const)
  const made = Object.entries(columnsByName(columns)).map(([name, column]) => [name, inUnits(name, column)] as const)
  const skipped = columns.flatMap(([name, values]) => lackingNumbers(`${headersFile}: ${name}`, values))
  return { targets: Object.fromEntries(made), skipped }
}

function checkNumbers(op: string, path: string, headers: readonly string[], row: readonly string[]): void {
  const at = headers.findIndex(
    (header, i) => isNumeric(header) && (row[i] === '' || !Number.isFinite(Math.fround(Number(row[i])))),
  )
  if (at < 0) return
  const actual = `a row with '${row[at]}' in its column ${at + 1}, ${headers[at]}`
  throw new DataError({ op, argument: path, actual, expected: 'a finite number there' })
}

function inUnits(name: string, column: Column): Column {
  if (column.kind !== 'number') return column
  return name.startsWith('rotation') ? angleColumn(column.values) : numberColumn(column.values, units[name])
}
