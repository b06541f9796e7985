// What `striate eval shadows` leaves in the folder of a run, and how the run's page shows it.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readStored } from '../io/stored.js'
import { type LightKind, lightKinds } from '../light/index.js'
import { type Axis, type Block, lineChart, type Section } from '../plot/index.js'
import { networkSha256 } from '../run/index.js'
import { percent, scoreSchema } from './record.js'

export const record = z.object({
  kind: z.literal('shadows'),
  striate: z.string(),
  /** SHA-256 of model.safetensors: results of another network are not shown on this one's page. */
  network: z.string(),
  seed: z.number(),
  unmodified: scoreSchema,
  curves: z
    .array(
      z.object({
        kind: z.enum(lightKinds),
        cover: z.number().nullable(),
        format: z.enum(['u8', 'f32']),
        points: z.array(z.object({ strength: z.number(), score: scoreSchema })).min(1),
      }),
    )
    .min(1),
})

/** `shadows-<split>.json` */
export type ShadowRecord = z.infer<typeof record>
type Curve = ShadowRecord['curves'][number]

const words: Record<LightKind, { title: (cover: number | null) => string; axis: Axis }> = {
  shadow: {
    title: (cover) => `Error under a hard-edged shadow over ${Math.round(100 * (cover ?? 0))} % of each image`,
    axis: { label: 'Share of light left in the shadow' },
  },
  smooth: { title: () => 'Error in smoothly varying light', axis: { label: 'Share of light left at the darkest pixel' } },
  colour: { title: () => 'Error in coloured light', axis: { label: 'Share of light left in the dimmest channel' } },
  contrast: { title: () => 'Error at lower contrast', axis: { label: 'Share of contrast left' } },
  noise: { title: () => 'Error with Gaussian noise', axis: { label: 'Standard deviation of the noise (1 is the full range)' } },
}
const formatName = { f32: 'float pixels', u8: '8-bit pixels' }

/** The curves of a record, those of one light together. */
export function curvesByLight({ curves }: ShadowRecord): Curve[][] {
  const groups = new Map<string, Curve[]>()
  for (const curve of curves) {
    const key = `${curve.kind} ${curve.cover}`
    groups.set(key, [...(groups.get(key) ?? []), curve])
  }
  return [...groups.values()]
}

/** Error against strength under one light, the formats of its pixels as curves. */
export function shadowChart(curves: readonly Curve[]): Promise<string> {
  const [{ kind, cover, points }] = curves as [Curve]
  return lineChart({
    title: words[kind].title(cover),
    height: 360,
    x: words[kind].axis,
    y: { label: 'Error', unit: '%', min: 0 },
    series: curves.map((curve) => {
      const errors = curve.points.map((p) => 100 * p.score.value)
      const spreads = curve.points.map((p) => 100 * p.score.spread.value)
      return {
        name: `${formatName[curve.format]} (band: standard error)`,
        x: curve.points.map((p) => p.strength),
        y: errors,
        low: errors.map((e, i) => e - (spreads[i] as number)),
        high: errors.map((e, i) => e + (spreads[i] as number)),
      }
    }),
    references: [
      { label: 'unmodified', value: Number(percent(points[0]?.score.value ?? 0)) },
      { label: 'chance', value: Number(percent(points[0]?.score.raw.chance ?? 0)) },
    ],
  })
}

/** Rows of light, strength, errors in float and in bytes, standard error, as shares; null where a format was not asked for. */
export function shadowRows(curves: readonly Curve[]): [string, number, number | null, number | null, number][] {
  const [first] = curves as [Curve]
  const name = first.cover === null ? first.kind : `${first.kind} over ${Math.round(100 * first.cover)} %`
  const of = (format: Curve['format'], i: number) => curves.find((c) => c.format === format)?.points[i]?.score.value ?? null
  return first.points
    .slice(1)
    .map(({ strength, score }, i) => [name, strength, of('f32', i + 1), of('u8', i + 1), score.spread.value])
}

/**
 * Sections of a run's page: one for every `shadows-<split>.json` in its folder; none where there are none.
 * @throws DataError naming a record that cannot be read
 */
export async function shadowSections(folder: string): Promise<Section[]> {
  const files = (await readdir(folder)).filter((file) => /^shadows-\w+\.json$/.test(file)).sort()
  const network = files.length > 0 ? await networkSha256(folder) : ''
  return Promise.all(
    files.map(async (file): Promise<Section> => {
      const found = await readStored('report', join(folder, file), record, 'a record that striate eval shadows wrote')
      const { unmodified, seed } = found
      const heading = `Error in changed light: ${unmodified.data.name}`
      if (found.network !== network)
        return {
          heading,
          blocks: [{ kind: 'text', text: `${file} is of another network and is left out: run striate eval shadows again.` }],
        }
      const blocks: Block[] = [
        {
          kind: 'text',
          text: `${unmodified.raw.images} images, ${percent(unmodified.value)} % wrong as they are. A shadow of strength 0.3 over 80 % of each image is the test of Grinberg, Hopfield, Krotov (2019), figure 3. Seed ${seed}.`,
        },
      ]
      const samples = await readFile(join(folder, file.replace(/\.json$/, '-images.svg')), 'utf8').catch(() => null)
      if (samples !== null) {
        const caption = 'The same images as they are and in each light, 8-bit pixels.'
        blocks.push({ kind: 'figure', image: samples, alt: `Sample images: ${caption}`, caption })
      }
      const lights = curvesByLight(found)
      for (const curves of lights) {
        const [{ kind, cover }] = curves as [Curve]
        blocks.push({
          kind: 'figure',
          image: await shadowChart(curves),
          alt: `${words[kind].title(cover)}, against its strength`,
        })
      }
      blocks.push({
        kind: 'table',
        caption: 'Error in each light',
        columns: [
          'Light',
          'Strength',
          { label: 'Float pixels', unit: '%', align: 'right' },
          { label: '8-bit pixels', unit: '%', align: 'right' },
          { label: 'Standard error', unit: '%', align: 'right' },
        ],
        rows: lights
          .flatMap(shadowRows)
          .map(([name, strength, ...shares]) => [
            name,
            strength,
            ...shares.map((share) => (share === null ? null : percent(share))),
          ]),
      })
      return { heading, blocks }
    }),
  )
}
