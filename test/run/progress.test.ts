// What is told of a run's course: how fast it is and what is left, and its curves as a table.
import { afterEach, expect, it, vi } from 'vitest'
import { startPhase, type TrainProgress } from '../../lib/index.js'
import { curvesCsv } from '../../lib/run/curves.js'
import { memoryText } from '../../lib/run/progress.js'

afterEach(() => vi.restoreAllMocks())

it('time left is measured without the first stretch, in which everything warms up', () => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => 1000 * now)
  const told: TrainProgress[] = []
  const report = startPhase('training', 'images', 1000, 100, (progress) => told.push(progress))
  for (const [at, done] of [
    [9, 110],
    [10, 120],
    [11, 130],
    [11, 130],
    [98, 1000],
  ] as const) {
    now = at
    report(done)
  }
  expect(told.map(({ rate }) => rate)).toEqual([10 / 9, 10, 10, 10, 10])
  expect(told.map(({ remainingSeconds }) => Math.round(remainingSeconds))).toEqual([801, 88, 87, 87, 0])
})

it('time left is unknown before anything is done, and none at the end', () => {
  const told: number[] = []
  const report = startPhase('filters', 'patches', 10, 0, ({ remainingSeconds }) => told.push(remainingSeconds))
  report(0)
  report(10)
  expect(told).toEqual([Number.POSITIVE_INFINITY, 0])
})

it('curves are a table of every measure of any stage', () => {
  const csv = curvesCsv([
    { stage: 'filters', rows: [{ step: 10, energy: -0.5 }] },
    {
      stage: 'readout',
      rows: [
        { epoch: 1, loss: 2, error: null },
        { epoch: 2, loss: Number.NaN, error: 0.25 },
      ],
    },
  ])
  expect(csv).toBe('stage,step,epoch,energy,loss,error\nfilters,10,,-0.5,,\nreadout,,1,,2,\nreadout,,2,,,0.25\n')
})

it('memory is said in units that people read', () => {
  expect([0, 1023, 1024, 20 * 2 ** 20, 1.5 * 2 ** 30, 3 * 2 ** 40].map(memoryText)).toEqual([
    '0 bytes',
    '1023 bytes',
    '1.00 KiB',
    '20.0 MiB',
    '1.50 GiB',
    '3.07e+3 GiB',
  ])
})
