// What the norm of patches, their whitening and the rule are worth, in the light and in the shadow: every rule on patches as they are, of
// norm 1, whitened, and of norm 1 and then whitened, under one probe; and the sizes of the last.
import { deviationOf } from '../../eval/correlation.js'
import type { FilterOptions, LocalOptions, RuleName } from '../../learn/index.js'
import { responseText } from '../../models/index.js'
import { type NetworkResult, runPart } from '../networks.js'
import { average } from '../scored.js'
import type { Part, Scale, Study, StudyTable } from '../study.js'
import { describeProbe, type Probed, partName, percent, probePart, resultsOf } from './probe.js'
import { describeRecipes, type RecipeName, recipe } from './recipes.js'

const stem = 'label-free'

interface Space {
  name: string
  label: string
  filters: FilterOptions
}

const spaces: readonly Space[] = [
  { name: 'raw', label: 'as they are', filters: { normalise: 'none' } },
  { name: 'norm', label: 'of norm 1', filters: {} },
  { name: 'whitened', label: 'whitened', filters: { whiten: { after: 'none' } } },
  { name: 'norm-whitened', label: 'of norm 1, then whitened', filters: { whiten: { after: 'norm' } } },
  { name: 'centred-whitened', label: 'centred, of norm 1, then whitened', filters: { whiten: { after: 'centred-norm' } } },
]
const best = spaces[3] as Space

interface Learner {
  rule: RuleName
  label: string
  /** What differs from the rule's defaults, without and with whitening. */
  plain?: FilterOptions
  whitened?: FilterOptions
  /** The rule knows patches of norm 1 alone. */
  unit?: true
  /** What others report for such filters, under probes of their own. */
  elsewhere: string
}

const learners: readonly Learner[] = [
  {
    rule: 'krotov-hopfield',
    label: 'Krotov-Hopfield, rank 2',
    plain: { antiHebbian: 0.275 },
    whitened: { antiHebbian: 0.2 },
    elsewhere: '27.80 (the paper, n = 40)',
  },
  { rule: 'hard-wta', label: 'hard winner-take-all', elsewhere: '35.4 (Lagani et al.), 35.2 (Miconi)' },
  { rule: 'soft-wta', label: 'soft winner-take-all', elsewhere: '' },
  {
    rule: 'softhebb',
    label: 'SoftHebb',
    elsewhere: '28.89 (Journe et al. 2022, one layer of 96, dropout); deep 19.7',
  },
  { rule: 'oja', label: "Oja's subspace rule", elsewhere: '' },
  {
    rule: 'spherical-k-means',
    label: 'spherical k-means',
    unit: true,
    elsewhere: '20.4 (Coates, Ng, Lee 2011: 4,000 centres, whitened, triangle code)',
  },
  {
    rule: 'patches',
    label: 'random patches, nothing learned',
    elsewhere: '21.6 (Thiry et al. 2021: 512 of 6 x 6, crops and flips)',
  },
]

/** One cell of the table of rules. */
const cellOf = (learner: Learner, { name, label, filters }: Space): Probed | null =>
  learner.unit && filters.normalise === 'none'
    ? null
    : {
        name: `${learner.rule}-${name}`,
        label: `${learner.label}, patches ${label}`,
        filters: { rule: learner.rule, ...(filters.whiten ? learner.whitened : learner.plain), ...filters },
      }

/** Windows and numbers of filters beside those of the table of rules, for the paper's rule and for none. */
const sizes: readonly { window: number; units: number }[] = [
  ...[3, 5, 6, 8].map((window) => ({ window, units: 400 })),
  ...[200, 1000, 2000, 4000].map((units) => ({ window: 4, units })),
]
const sized = learners.filter(({ rule }) => rule === 'krotov-hopfield' || rule === 'patches')
const sizeOf = (learner: Learner, { window, units }: (typeof sizes)[number], scale: Scale): Probed => {
  const cell = cellOf(learner, best) as Probed
  // A quick run has a sixth of the filters everywhere.
  const size = { window, units: scale.quick ? Math.ceil(units / 6) : units }
  return {
    ...cell,
    name: `${cell.name}-w${window}-k${units}`,
    label: `${cell.label}, ${size.units} of ${window} x ${window}`,
    size,
  }
}

/** What of the cosines counts, for the same two and in the same space. */
const responses = ['both-signs', 'triangle'] as const
const respondingOf = (learner: Learner, response: (typeof responses)[number]): Probed => {
  const cell = cellOf(learner, best) as Probed
  return { ...cell, name: `${cell.name}-${response}`, label: `${cell.label}${responseText(response)}`, response }
}

/** Networks of which everything was chosen on the validation split: recipes. */
const networks = ['whitened', 'whitened-five', 'whitened-stack', 'whitened-patches'] as const satisfies readonly RecipeName[]
const describedRecipes = new Map(describeRecipes().map(({ name, text }) => [name, text]))
/** Of both trainings, and with features as bf16. */
const costs = {
  whitened: { minutes: 2, gibibytes: 9 },
  'whitened-five': { minutes: 6, gibibytes: 15 },
  'whitened-stack': { minutes: 6, gibibytes: 11 },
  'whitened-patches': { minutes: 10, gibibytes: 18 },
}

function networkPart(scale: Scale, name: (typeof networks)[number], seed: number): Part<NetworkResult> {
  const quick: LocalOptions = { filters: { units: 24, steps: 200 }, readout: { learningRates: [1e-3], epochs: 4 } }
  const { minutes, gibibytes } = scale.quick ? { minutes: 0.2, gibibytes: 0.3 } : costs[name]
  return runPart({
    name: partName(scale, stem, name, seed),
    about: `${stem}: recipe ${name}, seed ${seed}`,
    options: recipe(name, scale.quick ? quick : {}),
    seed,
    expected: { minutes, bytes: gibibytes * 2 ** 30 },
  })
}

/** What others report of networks without labels, or with other probes: percent of CIFAR-10's test images. */
const elsewhere: readonly (readonly [string, string])[] = [
  ['The paper: one block of 400 filters, five blocks', '27.80, about 23'],
  ['SoftHebb, several layers (Journe et al. 2022), dropout', '19.7'],
  ['SCFF (self-contrastive forward-forward)', '19.2'],
  ['4,000 k-means centres, whitened, triangle code (Coates, Ng, Lee 2011)', '20.4'],
  ['512 patches of 6 x 6, whitened (Thiry et al. 2021), crops and flips', '21.6'],
]

const cells = learners.flatMap((learner) => spaces.flatMap((space) => cellOf(learner, space) ?? []))

/** Means over seeds, and how far seeds lie apart (standard deviation) where there are several. */
const columns = ['Seeds', 'Validation', 'Test', 'In shadow', 'No win', 'Seconds']
const scores = (results: readonly NetworkResult[]): (string | number)[] => {
  const mean = (of: (result: NetworkResult) => number) => average(results.map(of))
  const spread = (of: (result: NetworkResult) => number) =>
    percent(mean(of)) + (results.length > 1 ? ` (${percent(deviationOf(results.map(of)))})` : '')
  return [
    results.length,
    spread((r) => r.validationError ?? Number.NaN),
    spread((r) => r.testError),
    spread((r) => r.shadowError),
    Math.round(mean((r) => r.dead.length)),
    `${Math.round(mean((r) => r.seconds?.filters ?? Number.NaN))} + ${Math.round(mean((r) => r.seconds?.readout ?? Number.NaN))}`,
  ]
}

/** What going from one space to another changes, over the rules that have results in both. */
function worth(of: (cell: Probed) => NetworkResult[]): StudyTable {
  const steps = [
    ['the norm', 'raw', 'norm'],
    ['whitening', 'norm', 'norm-whitened'],
    ['the norm before the whitening', 'whitened', 'norm-whitened'],
    ['centring before that norm', 'norm-whitened', 'centred-whitened'],
  ] as const
  const rows = steps.flatMap(([what, from, to]) => {
    const pairs = learners.flatMap((learner) => {
      const [a, b] = [from, to].map((name) => {
        const cell = cellOf(learner, spaces.find((space) => space.name === name) as Space)
        return cell ? of(cell) : []
      }) as [NetworkResult[], NetworkResult[]]
      if (a.length === 0 || b.length === 0) return []
      const gain = (score: (r: NetworkResult) => number) => average(a.map(score)) - average(b.map(score))
      return [{ light: gain((r) => r.testError), shadow: gain((r) => r.shadowError) }]
    })
    const points = (light: 'light' | 'shadow') => percent(average(pairs.map((pair) => pair[light])))
    return pairs.length === 0 ? [] : [[what, pairs.length, points('light'), points('shadow')]]
  })
  return {
    caption: 'What each part is worth: points of test error that it takes away, mean over the rules',
    columns: ['Part', 'Rules', 'In the light', 'In the shadow'],
    rows,
  }
}

export const labelFree: Study = {
  name: stem,
  source: 'an extension: the norm of patches before their whitening (Coates, Ng, Lee 2011), and rules that compete there',
  about: 'every rule on patches as they are, of norm 1, whitened, and of norm 1 then whitened, in the light and in the shadow',
  needs: 'labelled images: train and test',
  parts: (scale) =>
    scale.seeds.flatMap((seed) => [
      ...[
        ...cells,
        ...sized.flatMap((learner) => responses.map((response) => respondingOf(learner, response))),
        ...sized.flatMap((learner) => sizes.map((size) => sizeOf(learner, size, scale))),
      ].map((cell) => probePart(scale, stem, cell, seed)),
      ...networks.map((name) => networkPart(scale, name, seed)),
    ]),
  report: async (all, scale) => {
    const of = (part: Pick<Probed, 'name'>) => resultsOf(all, scale, stem, part)
    const rules = learners.flatMap((learner) =>
      spaces.flatMap((space) => {
        const cell = cellOf(learner, space)
        const results = cell ? of(cell) : []
        return results.length === 0 ? [] : [[learner.label, space.label, ...scores(results), learner.elsewhere]]
      }),
    )
    const bySize = sized.flatMap((learner) =>
      sizes.flatMap((size) => {
        const cell = sizeOf(learner, size, scale)
        const results = of(cell)
        const { window, units } = cell.size as { window: number; units: number }
        return results.length === 0 ? [] : [[learner.label, `${units} of ${window} x ${window}`, ...scores(results)]]
      }),
    )
    const byResponse = sized.flatMap((learner) =>
      [undefined, ...responses].flatMap((response) => {
        const results = of(response ? respondingOf(learner, response) : (cellOf(learner, best) as Probed))
        return results.length === 0 ? [] : [[learner.label, response ?? 'rectified', ...scores(results)]]
      }),
    )
    const byNetwork = networks.flatMap((name) => {
      const results = of({ name })
      return results.length === 0 ? [] : [[`recipe ${name}`, ...scores(results)]]
    })
    const winners = learners.flatMap((learner) => {
      const results = of(cellOf(learner, best) as Probed)
      return [
        { what: `${learner.label}, patches ${best.label}: test error`, ours: results.map((r) => 100 * r.testError) },
        { what: `${learner.label}, patches ${best.label}: in shadow`, ours: results.map((r) => 100 * r.shadowError) },
      ]
    })
    const paperOf = (name: (typeof networks)[number]) =>
      name === 'whitened' ? ([27.8, undefined] as const) : ([23, 28] as const)
    const chosen = networks.flatMap((name) => {
      const results = of({ name })
      const [light, shadow] = paperOf(name)
      const value = (what: string, published: number | undefined, score: (r: NetworkResult) => number) => ({
        what: `recipe ${name}: ${what}; the paper’s own ${name === 'whitened' ? 'block' : 'five blocks'}`,
        unit: '%',
        published: published ?? null,
        ...(name === 'whitened' ? {} : { qualifier: 'about' }),
        ours: results.map((r) => 100 * score(r)),
      })
      return [value('test error', light, (r) => r.testError), value('in shadow', shadow, (r) => r.shadowError)]
    })
    return {
      values: [
        ...chosen,
        ...winners.filter(({ ours }) => ours.length > 0).map((value) => ({ ...value, unit: '%', published: null })),
      ],
      charts: [],
      tables: [
        {
          caption:
            'Error in percent by rule and by what is done to patches, mean over seeds: validation split, test, test in the shadow of the paper’s ' +
            'figure 3; filters without a win; seconds of filters and readout; what others report is under probes of their own',
          columns: ['Rule', 'Patches', ...columns, 'Reported elsewhere'],
          rows: rules,
        },
        worth(of),
        { caption: `Responses, of patches ${best.label}`, columns: ['Rule', 'Response', ...columns], rows: byResponse },
        { caption: `Sizes, of patches ${best.label}`, columns: ['Rule', 'Filters', ...columns], rows: bySize },
        {
          caption: 'Networks of which everything was chosen on the validation split',
          columns: ['Network', ...columns],
          rows: byNetwork,
        },
        { caption: 'What others report', columns: ['Network', 'Test error'], rows: elsewhere.map((row) => [...row]) },
      ].filter(({ rows }) => rows.length > 0),
      notes: [
        describeProbe(scale),
        ...networks.map((name) => `Recipe ${name}: ${describedRecipes.get(name)}.`),
        'Rules have their own defaults; none but Krotov-Hopfield’s Delta was searched for this table.',
        'Spherical k-means knows patches of norm 1 alone.',
      ],
    }
  },
}
