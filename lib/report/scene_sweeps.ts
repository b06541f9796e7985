// One object of a rendered set while one variable at a time steps through its range and all else stays.
import type { Device } from '../device.js'
import type { Block, Figure, Section } from '../plot/index.js'
import type { NumericLatent, SceneLatents } from '../scene/flat/latents.js'
import { type BackgroundKind, render, type Scenes, type SolidSceneAt, type SolidScenes, solidScenesAt } from '../scene/index.js'
import { type Distribution, unitText, usualRange } from './scene_distributions.js'
import { rowFigure } from './scene_sheets.js'

const steps = 9
const size = 64

/** Values from one end to the other, both included. */
const stepsOf = ([low, high]: readonly [number, number]): number[] =>
  Array.from({ length: steps }, (_, i) => low + ((high - low) * i) / (steps - 1))

interface SweepRow {
  label: string
  values: number[]
}

/** A row for each of those variables that vary in the set. */
function rowsOf(distributions: readonly Distribution[], names: readonly string[]): (SweepRow & { name: string })[] {
  return names.flatMap((name) => {
    const own = distributions.find(({ variable }) => variable.name === name)
    const range = own && usualRange(own)
    if (!range) return []
    const [low, high] = range.map((value) => Number(value.toPrecision(3)))
    return [{ name, label: `${name}, ${low} to ${high}${unitText(own.variable.unit)}`, values: stepsOf(range) }]
  })
}

/** A figure for each row, all images of which are in `pixels`, and what they have in common. */
async function blocksOf(rows: readonly SweepRow[], pixels: Uint8Array, text: string): Promise<Block[]> {
  const bytes = 3 * size * size * steps
  const figures: Figure[] = []
  for (const [i, { label }] of rows.entries())
    figures.push(await rowFigure(pixels.subarray(i * bytes, (i + 1) * bytes), steps, size, label))
  return [
    { kind: 'text', text },
    { kind: 'figures', compact: true, figures },
  ]
}

/** The variables that a solid object is shown across, what is given of all its scenes, and what lies behind it. */
interface SolidSweep {
  readonly title: string
  readonly caption: string
  readonly names: readonly (keyof SolidSceneAt)[]
  readonly at: Omit<SolidSceneAt, 'category'>
  readonly background: BackgroundKind
}

const low = 0.375
/** On the ground 2.4 m from a camera that looks down at it. */
const onGround: Omit<SolidSceneAt, 'category'> = {
  ...{ cameraHeight: 2.4 * low, offsetDistance: 2.4, offsetRise: -low, offsetAzimuthDeg: 0, aimPitchDeg: 0, aimYawDeg: 0 },
  ...{ pitchDeg: 0, yawDeg: 150, rollDeg: 0 },
  ...{ sunElevationDeg: 40, sunAzimuthDeg: 120, sunStrength: 1.2, sunWarmth: 0.2, skyStrength: 0.5, groundStrength: 0.25 },
}

function solidSweeps(kinds: readonly BackgroundKind[], distance: number): SolidSweep[] {
  const scenery = kinds.filter((kind) => kind !== 'photo')
  const [behind = 'picture'] = scenery
  const shadowed = (['land', 'room'] as const).find((kind) => scenery.includes(kind)) ?? behind
  const picture = scenery.length > 0 ? 'a picture' : 'a picture in place of a photo'
  const before = { picture, land: 'a landscape', room: 'a room', photo: 'a photo' }
  const own: Readonly<Record<BackgroundKind, readonly (keyof SolidSceneAt)[]>> = {
    picture: ['pictureAngleDeg', 'pictureTiles'],
    land: ['cameraHeight', 'skyHueDeg', 'skySaturation', 'skyValue', 'haze', 'hills'],
    room: ['roomWidth', 'roomDepth', 'roomHeight'],
    photo: [],
  }
  return [
    {
      title: 'Place and rotation',
      caption:
        'The object moves along the line of sight or across it, and turns about its middle; camera, light and background stay.',
      names: ['distance', 'screenX', 'screenY', 'rotationX', 'rotationY', 'rotationZ'],
      at: { distance, positionX: 0, positionY: 0, rotationX: 15, rotationY: 150, rotationZ: 0, sunElevationDeg: 40 },
      background: behind,
    },
    {
      title: 'Light',
      caption: `The object ${shadowed === 'picture' ? 'is before' : 'stands on the ground of'} ${before[shadowed]}, 2.4 m from the camera.`,
      names: ['sunElevationDeg', 'sunAzimuthDeg', 'sunStrength', 'sunWarmth', 'skyStrength', 'groundStrength'],
      at: onGround,
      background: shadowed,
    },
    ...scenery.map((background) => ({
      title: `Behind the object: ${before[background]}`,
      caption: 'The object stays where it is, in the same light.',
      names: own[background],
      // With more of the sky than the camera shows that looks at the object.
      at: { ...onGround, aimPitchDeg: -15 },
      background,
    })),
  ]
}

/** The object of a solid set's first image across its variables. */
export async function solidSweepSection(
  set: SolidScenes,
  distributions: readonly Distribution[],
  control: { device?: Device | undefined; signal?: AbortSignal | undefined },
): Promise<Section> {
  const { ranges, backgrounds, seed, first, materials, fieldOfViewDeg, shadows, meshes, allowHoles, size: side } = set.origin
  const { class: category, instance, identity } = set.record(0) as { class: string; instance: number; identity: string }
  const middle = distributions.find(({ variable }) => variable.name === 'distance')?.expected.mean ?? 2
  const blocks: Block[] = []
  for (const { title, caption, names, at, background } of solidSweeps(backgrounds, middle)) {
    const rows = rowsOf(distributions, names)
    if (rows.length === 0) continue
    const scenes = rows.flatMap(({ name, values }) =>
      values.map((value): SolidSceneAt => {
        // Pixels are those of the set's images.
        const given = name.startsWith('screen') ? (value * size) / side : value
        const { positionX, positionY, ...others } = at
        const across = { screenX: { positionY }, screenY: { positionX } }[name] ?? { positionX, positionY }
        return { category, instance, image: first, ...others, ...across, [name]: given }
      }),
    )
    using images = await solidScenesAt({
      ...{ scenes, size, seed, ranges, materials, fieldOfViewDeg, shadows, allowHoles },
      ...(meshes !== undefined && { meshes }),
      backgrounds: [background],
      ...control,
    })
    const rendered = await images.rows(
      scenes.map((_, i) => i),
      control.signal,
    )
    blocks.push(...(await blocksOf(rows, rendered, `${title}. ${caption}`)))
  }
  return {
    heading: 'One object, one variable at a time',
    blocks: [
      {
        kind: 'text',
        text: `${identity}, with all else as in image ${first} or as said; each row steps through what its variable takes in the set, of those without a range of their own all but the outermost hundredths.`,
      },
      ...blocks,
    ],
  }
}

const flatNames: readonly { title: string; names: readonly NumericLatent[] }[] = [
  { title: 'Place, size and rotation', names: ['x', 'y', 'size', 'rotationDeg'] },
  { title: 'Colour', names: ['hueDeg', 'saturation', 'value'] },
  { title: 'Pattern', names: ['textureFrequency', 'textureAngleDeg', 'texturePhase', 'textureContrast'] },
  {
    title: 'Background',
    names: ['backgroundHueDeg', 'backgroundSaturation', 'backgroundValue', 'backgroundContrast', 'backgroundSlope'],
  },
]

/** The object of a flat set's first image across its variables. */
export async function flatSweepSection(set: Scenes, distributions: readonly Distribution[]): Promise<Section> {
  const drawn = set.latents(0)
  const texture = [drawn.texture, ...set.origin.ranges.texture].find((name) => name !== 'plain') ?? 'plain'
  const blocks: Block[] = []
  for (const { title, names } of flatNames) {
    const rows = rowsOf(distributions, title === 'Pattern' && texture === 'plain' ? [] : names)
    if (rows.length === 0) continue
    const latents: SceneLatents = title === 'Pattern' ? { ...drawn, texture } : drawn
    const images = rows.flatMap(({ name, values }) => values.map((value) => render({ ...latents, [name]: value }, { size })))
    blocks.push(...(await blocksOf(rows, Uint8Array.from(Buffer.concat(images)), `${title}.`)))
  }
  return {
    heading: 'One object, one variable at a time',
    blocks: [
      {
        kind: 'text',
        text: `The ${drawn.shape} of image ${set.first}, with all else as it is there; each row steps through the range of its variable.`,
      },
      ...blocks,
    ],
  }
}
