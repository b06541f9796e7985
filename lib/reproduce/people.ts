// How far networks choose as people do: a readout of each network learns to name images, and its choices are compared with those of people.
import { z } from 'zod'
import { behaviour } from '../eval/index.js'
import { type ReadoutOptions, trainReadout } from '../features/index.js'
import { Network } from '../models/index.js'
import { kept } from './observe.js'
import { average, bars } from './scored.js'
import type { Bars, PartContext, StudyTable } from './study.js'

/** Scores of {@link behaviour}, in its order. */
const names = ['cross-entropy', 'uncertainty', 'confusions', 'agreement'] as const

export interface PeopleScores {
  /** Null: no correlation, where people are as uncertain of one image as of another. */
  scores: { name: (typeof names)[number]; value: number | null; error: number | null; ceiling: number | null }[]
  /** Share of wrong validation images of the readout that was chosen. */
  validationError: number
}

export const peopleScores: z.ZodType<PeopleScores> = z.object({
  scores: z.array(
    z.object({
      name: z.enum(names),
      value: z.number().nullable(),
      error: z.number().nullable(),
      ceiling: z.number().nullable(),
    }),
  ),
  validationError: z.number(),
})

/** The features of networks differ by orders of magnitude, and so do the rates that suit them. */
const readout: ReadoutOptions = { learningRates: [1e-4, 1e-3, 1e-2], weightDecays: [3e-4, 3e-2], validation: 0.1, seed: 0 }

/**
 * How far a network chooses as people do, by a readout of its features that learns from the training images of the same classes.
 * @param net null: the images themselves
 * @returns null where the study was given no choices
 */
export async function scorePeople(
  net: Network | null,
  { data: { people }, device, folder, watch, say }: Pick<PartContext, 'data' | 'device' | 'folder' | 'watch' | 'say'>,
): Promise<PeopleScores | null> {
  if (!people) return null
  const [, channels, height, width] = people.train.shape
  using pixels = new Network(
    { kind: 'network', name: 'pixels', channels, image: [height, width], layers: [{ kind: 'flatten', name: 'features' }] },
    { device },
  )
  const run = { device, out: `${folder}/readout-${people.train.sha256.slice(0, 12)}`, resume: true, onPlan: say, ...watch }
  const { net: trained, chosen } = await trainReadout(net ?? pixels, people.train, readout, run)
  using classifier = trained
  const { scores } = await behaviour(classifier, people.test, people.choices, { ...watch, onPlan: say })
  return {
    scores: scores.map(({ name, value, spread, ceiling }) => ({
      name: z.enum(names).parse(name),
      value: kept(value),
      error: kept(spread.value),
      ceiling: ceiling?.value ?? null,
    })),
    validationError: chosen.validationError,
  }
}

interface Chosen {
  name: string
  /** One a seed. */
  people: readonly PeopleScores[]
}

const valuesOf = ({ people }: Chosen, name: string): number[] =>
  people.flatMap(({ scores }) => scores.filter((one) => one.name === name).flatMap(({ value }) => value ?? []))

const ceilingOf = (found: readonly Chosen[], name: string): number | null =>
  found[0]?.people[0]?.scores.find((one) => one.name === name)?.ceiling ?? null

/** Bars of the two correlations with people, whose ceilings stand beside; none where no choices were given. */
export function peopleBars(found: readonly Chosen[]): Bars[] {
  if (found.every(({ people }) => people.length === 0)) return []
  const drawn = ['uncertainty', 'confusions'] as const
  const title = 'Every family against the choices of people'
  return [
    {
      file: 'people',
      title,
      alt: `${title}: one bar a family of networks`,
      categories: found.map(({ name }) => name),
      y: { label: 'correlation with people' },
      series: drawn.map((name) =>
        bars(
          name,
          found.map((one) => valuesOf(one, name)),
        ),
      ),
      references: drawn.flatMap((name) => {
        const value = ceilingOf(found, name)
        return value === null ? [] : [{ value, label: `ceiling of ${name}` }]
      }),
    },
  ]
}

/** A table of all four scores, a row a network, mean over seeds; none where no choices were given. */
export function peopleTables(what: string, found: readonly Chosen[]): StudyTable[] {
  if (found.every(({ people }) => people.length === 0)) return []
  const text = (value: number | null) => (value === null || Number.isNaN(value) ? '-' : value.toFixed(3))
  return [
    {
      caption:
        'Choices of people: cross-entropy of a readout’s probabilities to their shares (nats; its limit is their own entropy), correlation of its uncertainty and of its confusions with theirs, and how often its class is the one that most of them chose; mean over seeds',
      columns: [what, ...names],
      rows: [
        ...found.map((one) => [one.name, ...names.map((name) => text(average(valuesOf(one, name))))]),
        ['limit', ...names.map((name) => text(ceilingOf(found, name)))],
      ],
    },
  ]
}
