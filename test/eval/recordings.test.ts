// The mean over recordings: sessions, subjects.
import { describe, expect, it } from 'vitest'
import { type CommittedScore, DataError, type LayerScore, overRecordings, type RecordingScores } from '../../lib/index.js'

function scoreOf(layer: string, value: number, recording: number): LayerScore {
  return {
    name: 'encoding',
    layer,
    value,
    unit: '',
    raw: { images: 100 + recording, targets: 7, features: 50, dimensions: 40 + recording, inner: value / 2 },
    ceiling: { value: 0.8 + recording / 100, formula: 'halves' },
    spread: { value: 0.01, over: '5 folds' },
    seed: 0,
    model: 'net',
    data: { name: `v4-${recording}`, sha256: `sha-${recording}` },
    protocol: {
      input: [3, 32, 32],
      resizing: 'none',
      responses: recording === 0 ? null : `session ${recording}`,
      projection: `to ${40 + recording}`,
      folds: '5 folds',
      regression: 'ridge',
      aggregation: 'median',
      normalisation: null,
    },
    perTarget: [value],
  }
}

const values = [
  [0.1, 0.4],
  [0.2, 0.3],
  [0.6, 0.8],
]
const chosen = ['a', 'b', 'b']
const committedOf = (i: number): CommittedScore => {
  const { protocol: _, perTarget: __, ...score } = scoreOf(chosen[i] as string, 0.3 + i / 10, i)
  return { ...score, reason: 'highest', byFold: [] }
}
const recordings = values.map(
  ([a = 0, b = 0], i): RecordingScores => ({
    name: `session ${i}`,
    scores: [scoreOf('a', a, i), scoreOf('b', b, i)],
    committed: committedOf(i),
  }),
)

describe('overRecordings', () => {
  it('is the mean of each layer with its standard error over recordings', () => {
    const found = overRecordings(recordings)
    const [a, b] = found.scores
    expect([a?.layer, b?.layer]).toEqual(['a', 'b'])
    expect(a?.value).toBeCloseTo(0.3, 12)
    // Deviations -0.2, -0.1, 0.3 over n - 1, divided by the root of 3.
    expect(a?.spread.value).toBeCloseTo(Math.sqrt(0.14 / 2 / 3), 12)
    expect(a?.spread.over).toBe('3 recordings (standard error)')
    expect(b?.value).toBeCloseTo(0.5, 12)
    expect(a?.perRecording).toEqual([0.1, 0.2, 0.6])
    expect(a?.raw).toEqual({
      recordings: 3,
      images: 303,
      targets: 21,
      features: 50,
      dimensions: 41,
      inner: expect.closeTo(0.15, 12),
    })
    expect(a?.ceiling).toEqual({ value: expect.closeTo(0.81, 12), formula: 'mean over 3 recordings: halves' })
    expect(a?.data.name).toBe('v4-0; v4-1; v4-2')
    expect(a?.protocol).toMatchObject({
      input: [3, 32, 32],
      folds: '5 folds',
      projection: 'to 40; to 41; to 42',
      normalisation: null,
    })
    expect(found.recordings).toEqual(recordings)
  })

  it('takes each recording’s own choice of a layer, and the range of ceilings', () => {
    const { committed, ceiling } = overRecordings(recordings)
    expect(committed).toMatchObject({ layer: 'b', byRecording: chosen, reason: 'each recording’s own: b in 2 of 3' })
    expect(committed?.value).toBeCloseTo(0.4, 12)
    expect(committed?.spread.value).toBeCloseTo(0.1 / Math.sqrt(3), 12)
    expect(ceiling).toEqual({
      lower: 0.8,
      upper: expect.closeTo(0.82, 12),
      formula: 'lowest and highest of 3 recordings: halves',
    })
  })

  it('has no ceiling where a recording has none, and leaves out a score that is not known', () => {
    const [first, second, third] = recordings as [RecordingScores, RecordingScores, RecordingScores]
    const bare = { ...third, scores: third.scores.map((score) => ({ ...score, ceiling: null })) }
    expect(overRecordings([first, bare])).toMatchObject({ ceiling: null, scores: [{ ceiling: null }, { ceiling: null }] })
    const unknown = { ...second, committed: null, scores: second.scores.map((score) => ({ ...score, value: Number.NaN })) }
    const { scores, committed } = overRecordings([first, unknown, third])
    expect(scores[0]?.value).toBeCloseTo(0.35, 12)
    expect(scores[0]?.spread.over).toBe('2 recordings (standard error)')
    expect(committed).toBe(null)
  })

  it('refuses one recording alone, and other layers', () => {
    const [first, second] = recordings as [RecordingScores, RecordingScores]
    expect(() => overRecordings([first])).toThrow('recordings is 1; expected two or more')
    const other = { ...second, scores: second.scores.slice(1) }
    expect(() => overRecordings([first, other])).toThrow(DataError)
    expect(() => overRecordings([first, other])).toThrow('session 1 is scores of b; expected of a, b, as of session 0')
  })
})
