// Images of ThreeDWorld as their published sets are laid out: images/<scene>/<category>/<object>/img_0000000000.jpg, each with a row of values in
// img_0000000000_info.csv beside it, whose columns img_meta_headers.txt names.
import { parse } from 'csv-parse/sync'
import { DataError } from '../errors.js'
import { columnsByName, numbersOrWords } from './columns.js'
import { readWhole } from './files.js'
import { allDone } from './gate.js'
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
 * @throws {DataError} naming the image whose file of values is missing, or does not have the columns
 */
export async function readThreeDWorld(op: string, folder: string, images: string, names: readonly string[]): Promise<Targets> {
  const expected = 'the names of the columns, one a line'
  const headers = (await readWhole(op, `${folder}/${headersFile}`, expected))
    .toString('utf8')
    .split(/\r?\n/)
    .map((name) => name.trim())
    .filter((name) => name !== '')
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
        rows[index] = row
      } catch (error) {
        next = names.length
        throw error
      }
    }
  }
  await allDone(Array.from({ length: 8 }, work))
  const columns = headers.map((header, at) => [sameAs[header] ?? header, numbersOrWords(rows.map((row) => row[at]))] as const)
  return Object.fromEntries(Object.entries(columnsByName(columns)).map(([name, column]) => [name, inUnits(name, column)]))
}

function inUnits(name: string, column: Column): Column {
  if (column.kind !== 'number') return column
  return name.startsWith('rotation') ? angleColumn(column.values) : numberColumn(column.values, units[name])
}
