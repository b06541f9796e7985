// Wavefront OBJ with its material libraries (MTL). Points, lines (also those that are
// written as faces of two corners), texture coordinates and vertex colours are passed over, as are curves and surfaces.
import { isUtf8 } from 'node:buffer'
import { linear, type Rgb } from '../solid/surfaces.js'
import { meanColour } from './pictures.js'
import { cutPolygon } from './polygons.js'
import { mostVertices, type RawMaterial, type RawMesh, RawMeshBuilder, type Refusal, refusal } from './raw.js'
import { type MeshFiles, referred } from './sources.js'

/** Characters of the longest line: a face of a million corners takes as many. */
const longestLine = 2 ** 24

/** Of the largest polygon: cutting one takes seconds where many of its corners lie on lines. */
const mostCorners = 20_000

/** Each line of a file in UTF-8, or in Latin-1 where it is no UTF-8. */
function* textLinesOf(bytes: Buffer, refuse: Refusal): Generator<string> {
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1'
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  let number = 0
  for (let from = isMarked ? 3 : 0; from <= bytes.length; ) {
    let to = from
    while (to < bytes.length && bytes[to] !== newline && bytes[to] !== carriageReturn) ++to
    ++number
    if (to - from > longestLine) throw refuse(`a file whose line ${number} has ${to - from} bytes`, `at most ${longestLine}`)
    yield bytes.toString(encoding, from, to)
    from = to + (bytes[to] === carriageReturn && bytes[to + 1] === newline ? 2 : 1)
  }
}
const [newline, carriageReturn] = [10, 13]

/** Lines that hold the name of a file or a material, which may have a # in it. */
const isNamed = /^\s*(mtllib|usemtl|newmtl|map_\w+)\s/

/** Lines without comments, each with the number of its first; one that ends with a backslash goes on in the next. */
function* linesOf(bytes: Buffer, refuse: Refusal): Generator<[line: string, number: number]> {
  let [held, first, number] = ['', 1, 0]
  for (const line of textLinesOf(bytes, refuse)) {
    ++number
    if (held === '') first = number
    if (held === '' && /^\s*#/.test(line)) continue
    const goesOn = line.endsWith('\\')
    held += goesOn ? `${line.slice(0, -1)} ` : line
    if (held.length > longestLine)
      throw refuse(`a file whose line ${first} goes on for ${held.length} letters`, `at most ${longestLine}`)
    if (goesOn) continue
    const text = (isNamed.test(held) ? held : held.replace(/#.*/, '')).trim()
    held = ''
    if (text) yield [text, first]
  }
}

/** What follows the options of a map: `-s 1 1 1 -bm 0.5 wood.png`. */
const pictureName = (rest: string): string => rest.replace(/^(-\w+(\s+(on|off|[rgbmlz]|[-+.\d][-+.\deE]*))*\s+)+/, '')

/** The materials of a library, by their names. */
async function readLibrary(op: string, files: MeshFiles, name: string): Promise<Map<string, RawMaterial>> {
  const materials = new Map<string, RawMaterial>()
  let now: RawMaterial | null = null
  const pictures: [RawMaterial, string][] = []
  const refuse = refusal(op, `${files.path}:${name}`)
  for (const [line, number] of linesOf(await files.read(name), refuse)) {
    const [key = '', rest = ''] = line.split(/\s+(.*)/s)
    if (key === 'newmtl') {
      now = { name: rest }
      materials.set(rest, now)
    } else if (now && key === 'Kd' && !/^(spectral|xyz)/.test(rest)) {
      const values = rest.split(/\s+/).map(Number)
      const [r = Number.NaN, g = r, b = r] = values
      if (![r, g, b].every((value) => Number.isFinite(value)))
        throw refuse(`a file whose line ${number} is '${line}'`, 'Kd and three numbers')
      now.colour = linear([r, g, b].map((value) => Math.min(1, Math.max(0, value))))
    } else if (now && key === 'd') now.isClear = Number(rest.split(/\s+/).at(-1)) < 0.7
    else if (now && key === 'map_Kd') pictures.push([now, pictureName(rest)])
  }
  for (const [material, reference] of pictures) {
    const picture = referred(files, name, reference)
    if (!picture) continue
    const mean = await meanColour(op, `${files.path}:${picture}`, await files.read(picture))
    material.colour = mean.map((value, i) => value * (material.colour?.[i] ?? 1)) as unknown as Rgb
  }
  return materials
}

/**
 * Reads an OBJ file. A library or picture that is missing, and a material that no library has, leaves the part without a colour of its own.
 * @throws {DataError} naming the line that is malformed, or that refers to what is not there
 */
export async function readObj(op: string, files: MeshFiles, name: string): Promise<RawMesh> {
  const refuse = refusal(op, `${files.path}:${name}`)
  const mesh = new RawMeshBuilder(refuse)
  const normals: number[] = []
  const libraries: string[] = []
  const rows = new Map<string, number>()
  const rowOf = (material: string) => {
    const row = rows.get(material) ?? mesh.materials.push({ name: material }) - 1
    rows.set(material, row)
    return row
  }
  let part = -1
  let [line, number] = ['', 0]
  const three = (words: readonly string[]): [number, number, number] => {
    const [x, y, z] = [Number(words[1] ?? Number.NaN), Number(words[2] ?? Number.NaN), Number(words[3] ?? Number.NaN)]
    if (Number.isNaN(x + y + z)) throw refuse(`a file whose line ${number} is '${line}'`, `${words[0]} and three numbers`)
    return [x, y, z]
  }
  /** A place counted from 1, or from the last one backwards. */
  const index = (text: string, count: number): number => {
    const value = Number(text)
    const at = value < 0 ? count + value : value - 1
    if (text === '' || !Number.isInteger(value) || at < 0 || at >= count)
      throw refuse(`a file whose line ${number} refers to '${text}'`, `whole numbers from 1 to ${count}, or from -1 to -${count}`)
    return at
  }
  const addNormal = (normal: readonly number[]): void => {
    if (normals.length === 3 * mostVertices)
      throw refuse(`a file of more than ${mostVertices.toLocaleString('en')} normals`, 'at most so many')
    normals.push(...normal)
  }
  /** A polygon: its corners and, where it names them, their normals. */
  const addFace = (words: readonly string[]): void => {
    const count = words.length - 1
    if (count > mostCorners)
      throw refuse(
        `a file whose line ${number} is a polygon of ${count} corners`,
        `at most ${mostCorners.toLocaleString('en')}, or triangles`,
      )
    mesh.checkRoom(count - 2)
    const [corners, points, turned]: [number[], number[], number[]] = [[], [], []]
    for (let i = 1; i < words.length; ++i) {
      const [corner = '', , normal = ''] = (words[i] as string).split('/')
      const at = index(corner, mesh.vertexCount)
      corners.push(at)
      points.push(mesh.positions[3 * at]!, mesh.positions[3 * at + 1]!, mesh.positions[3 * at + 2]!)
      const row = normal === '' ? -1 : 3 * index(normal, normals.length / 3)
      for (let axis = 0; axis < 3; ++axis) turned.push(row < 0 ? 0 : normals[row + axis]!)
    }
    const places = cutPolygon(points)
    for (let i = 0; i < places.length; i += 3) {
      const triangle = [places[i]!, places[i + 1]!, places[i + 2]!]
      mesh.addTriangle(
        triangle.map((place) => corners[place]!),
        triangle.flatMap((place) => [turned[3 * place]!, turned[3 * place + 1]!, turned[3 * place + 2]!]),
        part,
      )
    }
  }
  for ([line, number] of linesOf(await files.read(name), refuse)) {
    const words = line.split(/\s+/)
    const key = words[0] as string
    if (key === 'v') mesh.addPosition(...three(words), ` in line ${number}`)
    else if (key === 'vn') addNormal(three(words))
    else if (key === 'mtllib') libraries.push(line.slice(key.length).trim())
    else if (key === 'usemtl') part = rowOf(line.slice(key.length).trim())
    else if (key === 'f' && words.length > 3) {
      if (part < 0) part = rowOf('')
      addFace(words)
    }
  }
  const raw = mesh.finish()
  for (const text of libraries) {
    // One name, which may hold spaces, or several.
    const whole = referred(files, name, text)
    for (const library of whole ? [whole] : text.split(/\s+/).map((reference) => referred(files, name, reference))) {
      if (!library) continue
      const found = await readLibrary(op, files, library)
      for (const material of raw.materials) Object.assign(material, found.get(material.name))
    }
  }
  return raw
}
