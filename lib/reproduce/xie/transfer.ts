// What each latent variable is worth beside the category on objects that someone else has modelled: networks trained on built-in objects, tried on the
// categories that both have.
import { z } from 'zod'
import { transfer } from '../../eval/index.js'
import { solidScenes } from '../../scene/index.js'
import { targetHeads } from '../../train/index.js'
import { average, bars } from '../scored.js'
import { type Part, resultsOfStem, type Scale, type Study } from '../study.js'
import { type LatentTarget, trainHeads } from './latents.js'
import { heldOutObjects, latentScale, latentSize as size } from './scale.js'

const kinds: readonly { stem: string; learns: readonly LatentTarget[] }[] = [
  { stem: 'category', learns: ['class'] },
  { stem: 'category-distance', learns: ['class', 'distance'] },
  { stem: 'category-translation', learns: ['class', 'screen'] },
  { stem: 'category-rotation', learns: ['class', 'rotation'] },
  { stem: 'category-all', learns: ['class', 'distance', 'screen', 'rotation'] },
]
const kindsOf = ({ quick }: Scale) => (quick ? kinds.slice(0, 2) : kinds)

const score = z.object({ head: z.string(), measure: z.string(), value: z.number(), chance: z.number().nullable() })
const schema = z.object({
  images: z.number(),
  seconds: z.number(),
  categories: z.number(),
  /** On other objects of the built-in categories, and on the real ones. */
  builtIn: z.array(score),
  real: z.array(score),
})
type TransferResult = z.output<typeof schema>

const nameOf = ({ quick }: Scale, stem: string): string => `${quick ? 'quick-' : ''}xie-transfer-${stem}`

function transferPart(scale: Scale, { stem, learns }: (typeof kinds)[number], seed: number): Part<TransferResult> {
  const settings = latentScale(scale)
  return {
    name: `${nameOf(scale, stem)}-seed${seed}`,
    about: `trained on ${learns.join(', ')}, seed ${seed}`,
    settings: { ...settings, learns, seed },
    expected: { minutes: scale.quick ? 0.5 : 2.5, bytes: 2 ** 30 },
    run: async (context) => {
      const { data, device, watch } = context
      const control = watch.signal ? { signal: watch.signal } : {}
      const heads = targetHeads(data.train, { targets: [...learns] })
      const { net: trained, images, seconds } = await trainHeads(scale, data.train, heads, seed, context)
      using net = trained
      const { targets } = data.train
      const categories = targets.class?.kind === 'class' ? [...targets.class.classes] : []
      using others = await solidScenes({
        count: settings.heldOut,
        size,
        seed: 1,
        categories,
        instances: heldOutObjects,
        device,
        ...control,
      })
      const scored = async (on: typeof data.test) =>
        (await transfer(net, on, control)).scores.map(({ head, name, value, raw }) => ({
          head,
          measure: name,
          value,
          chance: raw.chance ?? null,
        }))
      return { images, seconds, categories: categories.length, builtIn: await scored(others), real: await scored(data.test) }
    },
  }
}

export const transferStudy: Study = {
  name: 'xie-transfer',
  source: 'after Xie, Alter, Schwartz, DiCarlo 2024',
  about:
    'what each latent variable is worth beside the category: networks trained on built-in objects, tried on meshes of others',
  needs: 'meshes of real objects',
  size,
  parts: (scale) => scale.seeds.flatMap((seed) => kindsOf(scale).map((kind) => transferPart(scale, kind, seed))),
  report: async (all, scale) => {
    const found = kindsOf(scale)
      .map(({ stem }) => ({
        stem,
        results: resultsOfStem(all, nameOf(scale, stem)).map((result) => schema.parse(result)),
      }))
      .filter(({ results }) => results.length > 0)
    const accuracies = (on: 'builtIn' | 'real') =>
      found.map(({ results }) => results.map((one) => one[on].find(({ head }) => head === 'class')?.value ?? Number.NaN))
    const [builtIn, real] = [accuracies('builtIn'), accuracies('real')]
    const [first] = found[0]?.results ?? []
    const chance = first?.real.find(({ head }) => head === 'class')?.chance ?? Number.NaN
    const heads = [...new Set(found.flatMap(({ results }) => results[0]?.real.map(({ head }) => head) ?? []))]
    return {
      values: found.map(({ stem }, i) => ({
        what: `accuracy on real meshes, ${stem}`,
        unit: '%',
        published: null,
        ours: (real[i] as number[]).map((value) => 100 * value),
        note: `chance ${(100 * chance).toFixed(2)} %`,
      })),
      charts: [],
      bars:
        found.length > 0
          ? [
              {
                file: 'transfer',
                title: 'Accuracy of categories by what is learned beside them',
                alt: 'Share of images called right, on other built-in objects and on real meshes, with standard errors over seeds, and chance',
                categories: found.map(({ stem }) => stem),
                y: { label: 'Accuracy', min: 0 },
                series: [bars('other built-in objects', builtIn), bars('real meshes', real)],
                references: [{ value: chance, label: 'chance' }],
              },
            ]
          : [],
      tables: (['builtIn', 'real'] as const).map((on) => ({
        caption: `${on === 'real' ? 'Real meshes' : 'Other objects of the built-in categories'}: accuracy of classes, R2 of the others, mean over seeds`,
        columns: ['Learned', 'Seeds', ...heads],
        rows: found.map(({ stem, results }) => [
          stem,
          results.length,
          ...heads.map((head) => {
            const values = results.flatMap((one) => one[on].filter((each) => each.head === head).map(({ value }) => value))
            return values.length > 0 ? average(values).toFixed(3) : '-'
          }),
        ]),
      })),
      notes: [
        `ResNet-18 of width ${latentScale(scale).width} on ${latentScale(scale).images.toLocaleString('en')} scenes of ${size} pixels of the ${first?.categories ?? 0} categories that the meshes have too, objects 0 to 3 of each, by the recipe of xie-fig2b. Scenes of real meshes are sampled and lit as those are, their surfaces drawn at random too.`,
      ],
    }
  },
}
