// Meshes from files: what is read of OBJ, glTF and catalogues of furniture, and what is refused, each on files made here.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DataError, OptionError } from '../../lib/index.js'
import { categoryOf, openMeshes } from '../../lib/scene/meshes/index.js'
import { cutPolygon } from '../../lib/scene/meshes/polygons.js'
import { categories } from '../../lib/scene/solid/categories/index.js'
import { checkMesh, type Mesh, signedVolume } from '../../lib/scene/solid/mesh.js'
import { linear } from '../../lib/scene/solid/surfaces.js'
import { zipBytes } from '../data/zip_bytes.js'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'striate-meshes-'))
})
afterAll(() => rmSync(root, { recursive: true }))

type Files = Readonly<Record<string, string | Uint8Array>>
const bytesOf = (files: Files) =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [name, new Uint8Array(Buffer.from(content))]))

function folder(files: Files): string {
  const path = mkdtempSync(join(root, 'set-'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), content)
  }
  return path
}

function archive(files: Files, ending = 'sh3f'): string {
  const path = join(mkdtempSync(join(root, 'archive-')), `library.${ending}`)
  writeFileSync(path, zipBytes(bytesOf(files)))
  return path
}

/** The one mesh of these files. */
async function only(files: Files, options = {}): Promise<Mesh> {
  const meshes = await openMeshes(folder(files), options)
  expect(meshes).toHaveLength(1)
  return meshes[0]!.read()
}

/** The corners and faces of a box of these sides about (5, 5, 5), faces counter-clockwise seen from outside. */
const boxCorners = (x: number, y: number, z: number) =>
  Array.from({ length: 8 }, (_, i) => [5 + (i & 1 ? x : -x) / 2, 5 + (i & 2 ? y : -y) / 2, 5 + (i & 4 ? z : -z) / 2])
const boxFaces = [
  [1, 5, 7, 3],
  [2, 4, 8, 6],
  [1, 2, 6, 5],
  [3, 7, 8, 4],
  [1, 3, 4, 2],
  [5, 6, 8, 7],
]
const objOf = (corners: readonly (readonly number[])[], faces: readonly (readonly number[])[]) =>
  [...corners.map((corner) => `v ${corner.join(' ')}`), ...faces.map((face) => `f ${face.join(' ')}`)].join('\n')
const box = objOf(boxCorners(4, 2, 1), boxFaces)

const volume = ({ positions, triangles }: Mesh) => signedVolume(positions, triangles)
const sides = ({ positions }: Mesh) =>
  [0, 1, 2].map((axis) => {
    const values = [...positions].filter((_, i) => i % 3 === axis)
    return Math.max(...values) - Math.min(...values)
  })

describe('an OBJ file', () => {
  it('becomes a closed mesh of unit size about the origin with the normals of its faces', async () => {
    const mesh = await only({ 'crate.obj': box })
    expect(checkMesh(mesh)).toBeUndefined()
    expect(mesh.triangles).toHaveLength(36)
    expect(mesh.positions).toHaveLength(72)
    expect(volume(mesh)).toBeCloseTo(0.5 * 0.25, 6)
    expect(sides(mesh)).toEqual([1, 0.5, 0.25])
    expect(mesh.unitScale).toBe(0.25)
    expect(mesh.materials).toEqual([{ name: 'body', surface: 'paint' }])
    for (const normal of mesh.normals) expect([0, 1]).toContain(Math.abs(normal))
  })

  it('may count from the end, go on in the next line, name texture coordinates and normals, and hold lines and comments', async () => {
    const plain = await only({ 'crate.obj': box })
    const odd = box
      .split('\n')
      .map((line) => (line[0] === 'f' ? line.replace(/\d+/g, (n) => `${Number(n) - 9}/1`) : line))
      .map((line) => line.replace(/ (\S+)$/, ' \\\r\n\t$1 # end'))
    const mesh = await only({ 'crate.obj': ['# made here', 'o crate', 'vt 0 0', ...odd, 'l 1 2', 'f 1 2', 's off'].join('\r\n') })
    expect(mesh).toEqual(plain)
  })

  it('may have polygons of any shape', async () => {
    // A bar of L-shaped section: no fan from the first corner covers it, and one of eleven corners lies on an edge.
    const outline = [
      [0, 0],
      [1, 0],
      [2, 0],
      [2, 1],
      [1, 1],
      [1, 3],
      [0, 3],
    ] as const
    const count = outline.length
    const corners = [0, 1].flatMap((z) => outline.map(([x, y]) => [x, y, z]))
    const front = outline.map((_, i) => 1 + count + ((i + 5) % count))
    const around = outline.map((_, i) => [1 + i, 1 + ((i + 1) % count), 1 + count + ((i + 1) % count), 1 + count + i])
    const mesh = await only({ 'bar.obj': objOf(corners, [front, outline.map((_, i) => count - i), ...around]) })
    expect(checkMesh(mesh)).toBeUndefined()
    expect(volume(mesh)).toBeCloseTo(4 / 27, 6)
  })

  it('that is inside out is turned', async () => {
    const mesh = await only({
      'crate.obj': objOf(
        boxCorners(4, 2, 1),
        boxFaces.map((face) => [...face].reverse()),
      ),
    })
    expect(checkMesh(mesh)).toBeUndefined()
    expect(
      mesh.positions[0]! * mesh.normals[0]! + mesh.positions[1]! * mesh.normals[1]! + mesh.positions[2]! * mesh.normals[2]!,
    ).toBeGreaterThan(0)
  })

  it('keeps its own normals where they point outwards', async () => {
    const normals = 'vn 0 0 2\nvn 3 0 4\nvn 0 0 -1\nvn nothing\n'.split('\n').slice(0, 3)
    const faces = boxFaces.slice(0, 5).map((face) => `f ${face.join(' ')}`)
    const top = 'f 5//2 6//1 8//3 7//1'
    const corners = boxCorners(1, 1, 1).map((corner) => `v ${corner.join(' ')}`)
    const mesh = await only({ 'crate.obj': [...corners, ...normals, ...faces, top].join('\n') })
    const seen = new Set<string>()
    for (let v = 0; v < mesh.normals.length; v += 3)
      if (mesh.positions[v + 2]! > 0.49 && mesh.normals[v + 2]! > 0.5)
        seen.add([...mesh.normals.subarray(v, v + 3)].map((n) => n.toFixed(3)).join(' '))
    // The third points inwards: the face's own is taken.
    expect([...seen].sort()).toEqual(['0.000 0.000 1.000', '0.600 0.000 0.800'])
  })

  it('has curved surfaces shaded as such, and edges sharp', async () => {
    const steps = 24
    const ring = (z: number) =>
      Array.from({ length: steps }, (_, i) => [Math.cos((2 * Math.PI * i) / steps), Math.sin((2 * Math.PI * i) / steps), z])
    const around = Array.from({ length: steps }, (_, i) => [
      1 + i,
      1 + ((i + 1) % steps),
      1 + steps + ((i + 1) % steps),
      1 + steps + i,
    ])
    const ends = [ring(0).map((_, i) => steps - i), ring(1).map((_, i) => 1 + steps + i)]
    const mesh = await only({ 'drum.obj': objOf([...ring(0), ...ring(1)], [...around, ...ends]) })
    expect(checkMesh(mesh)).toBeUndefined()
    // Each corner has one normal of the curved side and one of an end.
    expect(mesh.positions).toHaveLength(3 * 4 * steps)
    for (let v = 0; v < mesh.normals.length; v += 3) {
      const [x, y, z] = mesh.normals.subarray(v, v + 3) as unknown as [number, number, number]
      if (Math.abs(z) > 0.5) expect(Math.abs(z)).toBeCloseTo(1, 6)
      else expect(2 * (x * mesh.positions[v]! + y * mesh.positions[v + 1]!)).toBeCloseTo(1, 5)
    }
  })

  it('has the colours of its materials, in linear light, and of their pictures', async () => {
    const picture = await sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 0, b: 128, alpha: 1 } } })
      .composite([
        { input: { create: { width: 8, height: 4, channels: 4, background: '#00000000' } }, blend: 'dest-out', gravity: 'north' },
      ])
      .png()
      .toBuffer()
    const mesh = await only({
      'chair.obj': `mtllib own library.mtl\nusemtl oak seat\n${box}\nusemtl lost\n${box.replace(/^f (.*)/gm, (face) => face)}`,
      'own library.mtl':
        'newmtl oak seat\nKd 0.5 0.5 1\nNs 10\nd 1\nmap_Kd -s 2 2 1 PICTURES\\Oak.PNG\nnewmtl unused\nKd 1 1 1\n',
      'pictures/oak.png': picture,
    })
    const [half] = linear([0.5])
    const [level] = linear([128 / 255])
    expect(mesh.materials.map(({ name, surface }) => [name, surface])).toEqual([
      ['oak seat', 'wood'],
      ['lost', 'paint'],
    ])
    const colour = mesh.materials[0]!.colour!
    for (const [i, wanted] of [half!, 0, level!].entries()) expect(colour[i]).toBeCloseTo(wanted, 3)
    expect(mesh.materials[1]!.colour).toBeUndefined()
  })
})

describe('text of an OBJ file', () => {
  it('is UTF-8, or Latin-1 where it is none, and may begin with a mark', async () => {
    const plain = await only({ 'crate.obj': box })
    expect(await only({ 'crate.obj': `\uFEFF${box}` })).toEqual(plain)
    const text = `mtllib m\u00f6bel.mtl\nusemtl gr\u00fcn\n${box}`
    const library = 'newmtl gr\u00fcn\nKd 0 1 0\n'
    const green = [{ name: 'gr\u00fcn', surface: 'paint', colour: [0, 1, 0] }]
    const sets: Files[] = [
      { 'a.obj': text, 'm\u00f6bel.mtl': library },
      // As macOS composes the name, each in another encoding than the other.
      { 'a.obj': Buffer.from(text, 'latin1'), 'mo\u0308bel.mtl': `\uFEFF${library}` },
      { 'a.obj': text, 'm\u00f6bel.mtl': Buffer.from(library, 'latin1') },
    ]
    for (const files of sets) expect((await only(files)).materials).toEqual(green)
  })

  it('may have # in names, and backslashes in comments', async () => {
    const files = {
      'a.obj': `# C:\\meshes\\\nmtllib set #2.mtl\nusemtl oak#2\n  # one\n${box.replaceAll('\n', ' # two\n')}`,
      'set #2.mtl': 'newmtl oak#2\nKd 0 0 1 # blue\nmap_Kd is #not there.png',
    }
    const mesh = await only(files)
    expect(mesh.materials).toEqual([{ name: 'oak#2', surface: 'wood', colour: [0, 0, 1] }])
    expect(checkMesh(mesh)).toBeUndefined()
  })
})

describe('cutPolygon', () => {
  const around = (count: number, radius: (i: number) => number) =>
    Array.from({ length: count }, (_, i) => [
      radius(i) * Math.cos((2 * Math.PI * i) / count),
      radius(i) * Math.sin((2 * Math.PI * i) / count),
    ])
  const side = 400
  const turn = (way: number) =>
    Array.from({ length: 500 }, (_, i) => [(0.1 + i / 500 - way) * Math.cos(i / 20), (0.1 + i / 500 - way) * Math.sin(i / 20)])
  it.each<[string, number[][]]>([
    ['round', around(5000, () => 1)],
    ['a star', around(5000, (i) => (i % 2 ? 1 : 0.4))],
    ['a comb', [[1, -1], ...Array.from({ length: 501 }, (_, i) => [1 - i / 500, i % 2]), [0, -1]].reverse()],
    [
      'a rectangle with corners on its sides',
      around(4, () => 1).flatMap(([x = 0, y = 0]) =>
        Array.from({ length: side }, (_, i) => [x + ((-y - x) * i) / side, y + ((x - y) * i) / side]),
      ),
    ],
    ['a spiral', [...turn(0), ...turn(0.02).reverse()]],
  ])('cuts thousands of corners, %s, in no time and leaves none out', (_, corners) => {
    const cross = (a: number[], b: number[], c: number[]) => (b[0]! - a[0]!) * (c[1]! - a[1]!) - (b[1]! - a[1]!) * (c[0]! - a[0]!)
    const whole = corners.reduce((sum, at, i) => sum + cross([0, 0], at, corners[(i + 1) % corners.length]!), 0)
    const places = cutPolygon(corners.flatMap(([x, y]) => [x!, 0, -y!]))
    expect(places).toHaveLength(3 * (corners.length - 2))
    expect(new Set(places).size).toBe(corners.length)
    const areas = Array.from({ length: corners.length - 2 }, (_, i) => {
      const [a, b, c] = places.slice(3 * i, 3 * i + 3).map((place) => corners[place]!)
      return cross(a!, b!, c!) * Math.sign(whole)
    })
    expect(Math.min(...areas)).toBeGreaterThan(0)
    expect(areas.reduce((sum, area) => sum + area, 0) / Math.abs(whole)).toBeCloseTo(1, 9)
  })

  it('makes a fan of what has no area, or crosses itself', () => {
    expect(cutPolygon([0, 0, 0, 1e-320, 0, 0, 0, 1e-320, 0, 1e-320, 1e-320, 0])).toHaveLength(6)
    expect(cutPolygon([0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0])).toEqual([0, 1, 2, 0, 2, 3])
  })
})

/** A glTF of a box whose node is moved by a matrix in columns, with its buffer as base64. */
function gltfOf(matrix: readonly number[], change: (json: Record<string, unknown>) => unknown = (json) => json): string {
  const corners = Float32Array.from(boxCorners(4, 2, 1).flat())
  const indices = Uint16Array.from(boxFaces.flatMap(([a, b, c, d]) => [a, b, c, a, c, d].map((n) => n! - 1)))
  const bytes = Buffer.concat([Buffer.from(corners.buffer), Buffer.from(indices.buffer)])
  return JSON.stringify(
    change({
      asset: { version: '2.0' },
      scene: 0,
      scenes: [{ nodes: [0] }],
      nodes: [
        { children: [1], translation: [1, 2, 3] },
        { mesh: 0, matrix },
      ],
      meshes: [{ primitives: [{ attributes: { POSITION: 0 }, indices: 1, material: 0 }] }],
      materials: [{ name: 'shell', pbrMetallicRoughness: { baseColorFactor: [0.25, 0.5, 0.75, 1], metallicFactor: 1 } }],
      accessors: [
        { bufferView: 0, componentType: 5126, count: 8, type: 'VEC3', min: [3, 4, 4.5], max: [7, 6, 5.5] },
        { bufferView: 1, componentType: 5123, count: 36, type: 'SCALAR' },
      ],
      bufferViews: [
        { buffer: 0, byteOffset: 0, byteLength: 96 },
        { buffer: 0, byteOffset: 96, byteLength: 72 },
      ],
      buffers: [{ byteLength: bytes.length, uri: `data:application/octet-stream;base64,${bytes.toString('base64')}` }],
    }),
  )
}
const upright = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]

describe('a glTF file', () => {
  it('is read with its nodes, mirrors among them, and its materials', async () => {
    const plain = await only({ 'box.gltf': gltfOf(upright) })
    expect(checkMesh(plain)).toBeUndefined()
    expect(sides(plain)).toEqual([1, 0.5, 0.25])
    expect(plain.materials).toEqual([{ name: 'shell', surface: 'metal', colour: [0.25, 0.5, 0.75] }])
    const mirrored = await only({ 'box.gltf': gltfOf([-1, 0, 0, 0, 0, 0, 3, 0, 0, 2, 0, 0, 0, 0, 0, 1]) })
    expect(checkMesh(mirrored)).toBeUndefined()
    for (const [i, side] of [4 / 6, 2 / 6, 1].entries()) expect(sides(mirrored)[i]).toBeCloseTo(side, 6)
  })

  it('may be one binary file, or name its buffer', async () => {
    const plain = await only({ 'box.gltf': gltfOf(upright) })
    const json = JSON.parse(gltfOf(upright))
    const buffer = Buffer.from(json.buffers[0].uri.split(',')[1], 'base64')
    json.buffers[0].uri = 'box%20data.bin'
    expect(await only({ 'box.gltf': JSON.stringify(json), 'box data.bin': buffer })).toEqual(plain)
    delete json.buffers[0].uri
    const text = Buffer.from(JSON.stringify(json).padEnd(Math.ceil(JSON.stringify(json).length / 4) * 4))
    const word = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer)
    const glb = [
      word(0x46546c67, 2, 28 + text.length + buffer.length),
      word(text.length, 0x4e4f534a),
      text,
      word(buffer.length, 0x004e4942),
      buffer,
    ]
    expect(await only({ 'box.glb': Buffer.concat(glb) })).toEqual(plain)
  })

  it('has as many vertices as its triangles use, of lists of any length and in any number of places', async () => {
    const places = 40
    const long = gltfOf(upright, (json) => ({
      ...json,
      scenes: [{ nodes: Array.from({ length: places }, (_, i) => i) }],
      nodes: Array.from({ length: places }, (_, i) => ({ mesh: 0, translation: [8 * i, 0, 0] })),
      accessors: [
        {
          ...{ componentType: 5126, count: 4_000_000, type: 'VEC3' },
          sparse: { count: 8, indices: { bufferView: 2, componentType: 5121 }, values: { bufferView: 0 } },
        },
        { bufferView: 1, componentType: 5123, count: 36, type: 'SCALAR' },
      ],
      bufferViews: [...(json.bufferViews as object[]), { buffer: 1, byteLength: 8 }],
      buffers: [...(json.buffers as object[]), { byteLength: 8, uri: 'data:;base64,AAECAwQFBgc=' }],
    }))
    const mesh = await only({ 'row.gltf': long })
    expect(checkMesh(mesh)).toBeUndefined()
    expect(mesh.triangles).toHaveLength(36 * places)
    expect(mesh.positions).toHaveLength(72 * places)
  })
})

const catalogue = `# Catalogue
license=CC0
id#1=own#1
name#1=Dining chairs 2
model#1=/things/chair.obj
width#1=40
depth#1=20
height#1=80
creator#1=Ann\\u00e9
id#2=own#2
name#2=Wall clock, \\
   large
model#2=things/clock.obj
modelRotation#2=0 0 1 0 1 0 -1 0 0
width#2 : 10
depth#2 = 40
height#2 20
`

describe('openMeshes', () => {
  it('names classes by folders, or by the names of flat files', async () => {
    const classes = await openMeshes(
      folder({ 'Fruit Bowl/a/x.obj': box, 'chair/1.obj': box, 'chair/.hidden.obj': box, 'notes.txt': '' }),
    )
    expect(classes.map(({ name, category }) => [name, category])).toEqual([
      ['Fruit Bowl/a/x', 'fruit_bowl'],
      ['chair/1', 'chair'],
    ])
    const flat = await openMeshes(folder({ 'dining_chair_02.obj': box, 'Odd-thing7.obj': box, 'bunkBed.glb': '' }))
    expect(flat.map(({ category }) => category).sort()).toEqual(['bunk_bed', 'chair', 'odd_thing'])
  })

  it('reads a catalogue of furniture: names, sizes and rotations', async () => {
    const files = { 'PluginFurnitureCatalog.properties': catalogue, 'things/chair.obj': box, 'things/clock.obj': box }
    for (const path of [archive(files), folder(files), folder({ 'a.sh3f': zipBytes(bytesOf(files)) })]) {
      const meshes = await openMeshes(path)
      expect(meshes.map(({ title, category, credit }) => [title, category, credit])).toEqual([
        ['Dining chairs 2', 'chair', 'Anné, CC0'],
        ['Wall clock, large', 'clock', 'CC0'],
      ])
      expect(sides(await meshes[0]!.read())).toEqual([0.5, 1, 0.25])
      const clock = await meshes[1]!.read()
      expect(sides(clock)).toEqual([0.25, 0.5, 1])
      expect(checkMesh(clock)).toBeUndefined()
    }
  })

  it('reads an archive of class folders', async () => {
    const meshes = await openMeshes(archive({ 'chair/1.obj': box, 'sofa/1.obj': box }, 'zip'))
    expect(meshes.map(({ category }) => category)).toEqual(['chair', 'sofa'])
    expect(checkMesh(await meshes[0]!.read())).toBeUndefined()
  })

  it('draws holes from both sides where they are allowed', async () => {
    const open = objOf(boxCorners(1, 1, 1), boxFaces.slice(0, 5))
    const closed = box.replace(/^v (\S+)/gm, (_, x) => `v ${Number(x) + 9}`).replace(/\d+(?= |$)/g, (n) => n)
    const shifted = closed
      .split('\n')
      .map((line) => (line[0] === 'f' ? line.replace(/\d+/g, (n) => `${Number(n) + 8}`) : line))
      .join('\n')
    const mesh = await only({ 'crate.obj': `usemtl a\n${open}\nusemtl b\n${shifted}` }, { holes: 'allow' })
    expect(mesh.materials.map(({ name, twoSided }) => [name, twoSided ?? false])).toEqual([
      ['a', true],
      ['b', false],
    ])
  })

  it.each<[string, Files, RegExp]>([
    ['no triangles', { 'a.obj': 'v 0 0 0\nv 1 0 0\nl 1 2' }, /a\.obj is a mesh without triangles; expected at least one$/],
    ['no area', { 'a.obj': 'v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\nf 3 2 1' }, /a\.obj is a mesh whose triangles have no area/],
    [
      'no number',
      { 'a.obj': `v 0 zero 0\n${box}` },
      /a\.obj is a file whose line 1 is 'v 0 zero 0'; expected v and three numbers/,
    ],
    ['too few numbers', { 'a.obj': `v 0 0\n${box}` }, /whose line 1 is 'v 0 0'/],
    [
      'an infinite coordinate',
      { 'a.obj': `v 0 1e999 0\n${box}` },
      /with the vertex \(0, Infinity, 0\) in line 1; expected finite/,
    ],
    ['NaN', { 'a.obj': `v 0 NaN 0\n${box}` }, /line 1 is 'v 0 NaN 0'/],
    [
      'an index too large',
      { 'a.obj': `${box}\nf 1 2 9` },
      /line 15 refers to '9'; expected whole numbers from 1 to 8, or from -1 to -8/,
    ],
    ['index 0', { 'a.obj': `${box}\nf 0 1 2` }, /line 15 refers to '0'/],
    ['an index too far back', { 'a.obj': `${box}\nf -9 1 2` }, /line 15 refers to '-9'/],
    ['no index', { 'a.obj': `${box}\nf 1.5 1 2` }, /line 15 refers to '1.5'/],
    [
      'a normal that is not there',
      { 'a.obj': `${box}\nf 1//1 2//1 3//1` },
      /line 15 refers to '1'; expected whole numbers from 1 to 0/,
    ],
    [
      'holes',
      { 'a.obj': objOf(boxCorners(1, 1, 1), boxFaces.slice(1)) },
      /a\.obj is a mesh with holes \(4 open edges\); expected a closed one, or holes allowed, which are drawn from both sides/,
    ],
    [
      'a colour of words',
      { 'a.obj': `mtllib a.mtl\nusemtl m\n${box}`, 'a.mtl': 'newmtl m\nKd red green blue' },
      /a\.mtl is a file whose line 2 is/,
    ],
    [
      'a damaged picture',
      { 'a.obj': `mtllib a.mtl\nusemtl m\n${box}`, 'a.mtl': 'newmtl m\nmap_Kd a.png', 'a.png': 'none' },
      /a\.png is not an image/,
    ],
    ['no JSON', { 'a.gltf': '{' }, /a\.gltf is not read \(.*\); expected a sound glTF 2\.0 file/],
    [
      'a polygon of too many corners',
      { 'a.obj': `${box}\nf${' 1 2 3'.repeat(7000)}` },
      /whose line 15 is a polygon of 21000 corners; expected at most 20,000/,
    ],
    ['no GLB', { 'a.glb': 'glTF but not really, no' }, /a\.glb is not read/],
    [
      'a buffer elsewhere',
      { 'a.gltf': gltfOf(upright, (json) => ({ ...json, buffers: [{ byteLength: 168, uri: '../secret.bin' }] })) },
      /refers to '\.\.\/secret\.bin'; expected references to files that are there/,
    ],
    [
      'an extension that is needed',
      {
        'a.gltf': gltfOf(upright, (json) => ({
          ...json,
          extensionsUsed: ['KHR_draco_mesh_compression'],
          extensionsRequired: ['KHR_draco_mesh_compression'],
        })),
      },
      /a\.gltf is not read \(.*KHR_draco_mesh_compression/,
    ],
    ...(
      [
        ['no version', { asset: {} }, /whose asset\.version is missing/],
        ['no asset', { asset: undefined }, /whose asset is missing/],
        ['another version', { asset: { version: '1.0' } }, /is not read \(it is of version 1\.0\)/],
        ['words for a list', { meshes: 'x' }, /whose meshes is 'x'; expected a list/],
        [
          'words for a number',
          { nodes: [{ mesh: 0, scale: ['a', 1, 1] }] },
          /whose nodes\.0\.scale\.0 is 'a'; expected a number/,
        ],
        ['a buffer cut off', { buffers: [{ byteLength: 168, uri: 'data:;base64,AAAA' }] }, /whose buffer 0 has 3 of 168 bytes/],
        ['a buffer without data', { buffers: [{ byteLength: 168 }] }, /whose buffer 0 has 0 of 168 bytes/],
        ['a buffer called as nothing is', { buffers: [{ byteLength: 1, uri: 'constructor' }] }, /refers to 'constructor'/],
        [
          'a view too long',
          { bufferViews: [{ buffer: 0, byteLength: 169 }] },
          /bufferView 0 ends at byte 169 of a buffer of 168/,
        ],
        [
          'a node within itself',
          { nodes: [{ mesh: 0 }, { children: [2] }, { children: [1] }] },
          /is a file with a node within itself; expected nodes that are a tree/,
        ],
        ['a node in two places', { nodes: [{ children: [1, 1] }, {}] }, /whose node 1 is in two places/],
        [
          'no such node',
          { scenes: [{ nodes: [7] }] },
          /whose scene 0 refers to node 7 of 2; expected references to what is there/,
        ],
        ['no such mesh', { nodes: [{ mesh: 3 }] }, /whose node 0 refers to mesh 3 of 1/],
        ['no such material', { materials: [] }, /whose mesh 0 refers to material 0 of 0/],
        [
          'positions of counts',
          { meshes: [{ primitives: [{ attributes: { POSITION: 1 } }] }] },
          /mesh 0 has positions of SCALAR 5123/,
        ],
      ] as const
    ).map(([what, change, message]): [string, Files, RegExp] => [
      `a glTF with ${what}`,
      { 'a.gltf': gltfOf(upright, (json) => ({ ...json, ...change })) },
      message,
    ]),
    ...(
      [
        [
          'more values than are there',
          { bufferView: 0, componentType: 5126, count: 9, type: 'VEC3' },
          /accessor 0 ends at byte 108 of a view of 96/,
        ],
        [
          'a billion values and no data',
          { componentType: 5126, count: 1e9, type: 'VEC3' },
          /a file with 12000000072 bytes of values; expected at most 536870912/,
        ],
        [
          'no values',
          { bufferView: 0, componentType: 5126, count: 0, type: 'VEC3' },
          /whose accessors\.0\.count is 0; expected a whole number of at least 1/,
        ],
      ] as const
    ).map(([what, accessor, message]): [string, Files, RegExp] => [
      `a glTF list of ${what}`,
      { 'a.gltf': gltfOf(upright, (json) => ({ ...json, accessors: [accessor, (json.accessors as object[])[1]] })) },
      message,
    ]),
    [
      'a glTF of too many triangles',
      {
        'a.gltf': gltfOf(upright, (json) => ({
          ...json,
          meshes: [{ primitives: [{ attributes: { POSITION: 0 } }] }],
          accessors: [{ componentType: 5126, count: 3_000_006, type: 'VEC3' }],
        })),
      },
      /is a mesh of more than 1,000,000 triangles/,
    ],
    [
      'a GLB cut off',
      {
        'a.glb': Buffer.concat([
          Buffer.from('glTF'),
          Buffer.from(Uint32Array.of(2, 99, 79, 0x4e4f534a).buffer),
          Buffer.from('{}'),
        ]),
      },
      /is cut off: it has 22 bytes of 99/,
    ],
    [
      'a GLB of another version',
      {
        'a.glb': Buffer.concat([
          Buffer.from('glTF'),
          Buffer.from(Uint32Array.of(7, 22, 2, 0x4e4f534a).buffer),
          Buffer.from('{}'),
        ]),
      },
      /it is of version 7/,
    ],
    [
      'too few vertices',
      {
        'a.gltf': gltfOf(upright, (json) => ({
          ...json,
          accessors: [
            { bufferView: 0, componentType: 5126, count: 5, type: 'VEC3' },
            { bufferView: 1, componentType: 5123, count: 36, type: 'SCALAR' },
          ],
        })),
      },
      /a triangle of vertex [5-7]; expected vertices from 0 to 4/,
    ],
  ])('refuses a file with %s, in one sentence', async (_, files, message) => {
    const mesh = (await openMeshes(folder(files)))[0]!
    const error = await mesh.read().then(
      () => null,
      (refused) => refused,
    )
    expect(error).toBeInstanceOf(DataError)
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain('\n')
    expect((error as Error).message).not.toMatch(/undefined|TypeError|is not a function|typed array/)
  })

  it('refuses a mesh of more than a million triangles', async () => {
    const fan = `f ${Array.from({ length: 1003 }, (_, i) => i + 1).join(' ')}\n`
    const ring = Array.from({ length: 1003 }, (_, i) => `v ${Math.cos(i / 160)} ${Math.sin(i / 160)} 0\n`)
    const [mesh] = await openMeshes(folder({ 'a.obj': ring.join('') + fan.repeat(1000) }))
    await expect(mesh!.read()).rejects.toThrow(/a\.obj is a mesh of more than 1,000,000 triangles/)
  })

  it.each<[string, () => string, RegExp]>([
    ['that is not there', () => join(root, 'none'), /none is missing|none/],
    ['without meshes', () => folder({ 'a.txt': '' }), /is without meshes; expected a folder of \.obj/],
    ['that is another file', () => join(folder({ 'a.txt': '' }), 'a.txt'), /a\.txt is a file; expected a folder/],
    [
      'with a name that leads out',
      () => archive({ '../../evil.obj': box }),
      /is an archive with a file '\.\.\/\.\.\/evil\.obj'; expected one whose files stay inside/,
    ],
    ['that is no archive', () => join(folder({ 'a.sh3f': 'PK' }), 'a.sh3f'), /a\.sh3f is no zip archive/],
    [
      'with a model outside',
      () => archive({ 'PluginFurnitureCatalog.properties': 'name#1=A\nmodel#1=/../a.obj' }),
      /whose model 1 is '\/\.\.\/a\.obj'; expected models that lie inside/,
    ],
    [
      'with a model without a name',
      () => archive({ 'PluginFurnitureCatalog.properties': 'model#1=a.obj' }),
      /whose model 1 has no name/,
    ],
    [
      'with a size of words',
      () => archive({ 'PluginFurnitureCatalog.properties': 'name#1=A\nmodel#1=a.obj\nwidth#1=wide' }),
      /with width#1 of 'wide'; expected a number/,
    ],
    ...['-40', '0'].map((width): [string, () => string, RegExp] => [
      `with a size of ${width}`,
      () => archive({ 'PluginFurnitureCatalog.properties': `name#1=A\nmodel#1=a.obj\nwidth#1=${width}` }),
      new RegExp(`with width#1 of '${width}'; expected a number above 0`),
    ]),
  ])('refuses a path %s', async (_, path, message) => {
    await expect(openMeshes(path())).rejects.toThrow(DataError)
    await expect(openMeshes(path())).rejects.toThrow(message)
  })

  it('refuses a model that is missing or of a kind that is not read, when it is asked for', async () => {
    const lines = 'name#1=A\nmodel#1=a.obj\nname#2=B\nmodel#2=b.dae\n'
    const [missing, other] = await openMeshes(archive({ 'PluginFurnitureCatalog.properties': lines, 'b.dae': '' }))
    await expect(missing!.read()).rejects.toThrow(/is without a file 'a\.obj'/)
    await expect(other!.read()).rejects.toThrow(/b\.dae is a \.dae file; expected \.obj, \.gltf or \.glb/)
  })

  it('refuses options that it does not have', async () => {
    await expect(openMeshes(root, { holes: 'fill' as 'allow' })).rejects.toThrow(OptionError)
  })
})

describe('categoryOf', () => {
  const nouns = new Set(categories.map(({ name }) => name))
  it.each([
    ['Dining chair 2', 'chair'],
    ['Bunk beds', 'bunk_bed'],
    ['Washbasin with mirror', 'sink'],
    ['Plate, glass and cutlery', 'plate'],
    ['Double French window 3 panes', 'window'],
    ['Hot dog', 'hot_dog'],
    ['Canapé', 'canape'],
    ['Knives', 'knife'],
    ['42', 'object'],
  ])('%s is %s', (title, category) => {
    expect(categoryOf(title, nouns)).toBe(category)
  })
})

const furniture = process.env.STRIATE_SH3D ?? ''
describe.skipIf(furniture === '')(
  `Debian's sweethome3d-furniture${furniture === '' ? ' (skipped: STRIATE_SH3D is not set)' : ''}`,
  () => {
    it('is listed, in at least 100 of the built-in categories, and read', async () => {
      const meshes = await openMeshes(furniture, { holes: 'allow' })
      expect(meshes).toHaveLength(820)
      const own = new Set(categories.map(({ name }) => name))
      const shared = new Set(meshes.map(({ category }) => category).filter((category) => own.has(category)))
      expect(shared.size).toBeGreaterThanOrEqual(100)
      for (const mesh of meshes.filter((_, i) => i % 40 === 0)) {
        const found = await mesh.read()
        const { normals, parts, materials } = found
        expect(Math.max(...sides(found))).toBeCloseTo(1, 5)
        for (let v = 0; v < normals.length; v += 3)
          expect(Math.abs(Math.hypot(normals[v]!, normals[v + 1]!, normals[v + 2]!) - 1)).toBeLessThan(1e-5)
        expect(parts.every((part) => part < materials.length)).toBe(true)
      }
    }, 600_000)
  },
)
