import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitTrainValidation } from '../../lib/data/index.js'
import { OptionError } from '../../lib/errors.js'

describe('splitTrainValidation', () => {
  it('parts every set exactly, evenly over the classes, the same for a seed', () => {
    const labels = fc.array(fc.nat(6), { maxLength: 200 })
    fc.assert(
      fc.property(labels, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (classes, fraction, seed) => {
        const split = splitTrainValidation(classes, fraction, seed)
        expect([...split.train, ...split.validation].sort((a, b) => a - b)).toEqual(classes.map((_, i) => i))
        expect(split.validation.length).toBe(Math.round(fraction * classes.length))
        for (let label = 0; label <= 6; ++label) {
          const share = fraction * classes.filter((c) => c === label).length
          const taken = split.validation.filter((i) => classes[i] === label).length
          expect(Math.abs(taken - share)).toBeLessThan(1)
        }
        expect(splitTrainValidation(classes, fraction, seed)).toEqual(split)
      }),
    )
  })

  it('draws: another seed gives another split, and every image has its chance', () => {
    const chosen = new Float64Array(100)
    for (let seed = 0; seed < 200; ++seed)
      for (const i of splitTrainValidation(100, 0.2, seed).validation) chosen[i] = (chosen[i] as number) + 1
    // Binomial(200, 0.2): mean 40, deviation 5.7; 5 deviations leave one failure in 30,000 runs of 100 images, and the seeds are fixed.
    for (const times of chosen) expect(Math.abs(times - 40)).toBeLessThan(28)
  })

  it('refuses fractions and counts out of range', () => {
    expect(() => splitTrainValidation(10, 1.5, 0)).toThrow('splitTrainValidation: fraction is 1.5; expected a number from 0 to 1')
    expect(() => splitTrainValidation(-1, 0.5, 0)).toThrow(OptionError)
    expect(() => splitTrainValidation(10, 0.5, -1)).toThrow(OptionError)
  })
})
