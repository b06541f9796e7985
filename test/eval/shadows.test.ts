// Error curves over changes of light: exact on a network whose answers are known, and against classify on a learned one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  applyLight,
  classColumn,
  classify,
  DataError,
  type Images,
  imagesFrom,
  lightKinds,
  localNet,
  Network,
  OptionError,
  renderSet,
  type ShadowCurve,
  scenes,
  shadows,
  trainLocal,
} from '../../lib/index.js'

/** Calls grey images `bright` whose brightest pixel is above a level (0 to 1). */
function brightness(level: number): Network {
  const config = localNet({
    channels: 1,
    image: [6, 6],
    blocks: [{ window: 1, units: 1, power: 1, normalise: 'none', pool: { size: 6, stride: 1 } }],
    classes: ['dark', 'bright'],
  })
  const tensor = (shape: number[], ...values: number[]) => ({ dtype: 'F32' as const, shape, data: Float32Array.from(values) })
  const state = new Map([
    ['blocks.0.weight', tensor([1, 1, 1, 1], 1)],
    ['readout.weight', tensor([2, 1], 0, 100)],
    ['readout.bias', tensor([2], 0, -100 * level)],
  ])
  return new Network(config, { state })
}

/** Grey images of one level each, all called bright or all dark. */
function flat(levels: number[], label = 1): Promise<Images> {
  return imagesFrom({
    pixels: Uint8Array.from({ length: levels.length * 36 }, (_, i) => levels[Math.floor(i / 36)] as number),
    shape: [levels.length, 1, 6, 6],
    targets: { class: classColumn(['dark', 'bright'], new Int32Array(levels.length).fill(label)) },
    name: 'flat',
  })
}

let net: Network
let test: Images
beforeAll(async () => {
  const all = { size: 24, seed: 1 }
  const trained = await trainLocal(await renderSet({ ...all, count: 480 }), {
    filters: { units: 24, window: 4, steps: 400, batch: 200 },
    readout: { poolSize: 7, poolStrides: [5], powers: [10], epochs: 6, batch: 20, validation: 0.25 },
    seed: 3,
  })
  net = trained.net
  test = await renderSet({ ...all, count: 150, first: 480 })
})
afterAll(() => net.dispose())

const wrong = (curve: ShadowCurve | undefined) => curve?.points.map(({ score }) => score.raw.wrong)

describe('shadows', () => {
  it('counts exactly what a known network gets wrong, the unmodified images first', async () => {
    using known = brightness(0.25)
    // Levels 10, 20 ... 250; called bright above 63.75: 19 of 25.
    const set = await flat(Array.from({ length: 25 }, (_, i) => 10 * (i + 1)))
    const { unmodified, curves } = await shadows(known, set, {
      lights: [{ kind: 'shadow', strengths: [0.3, 1, 0.5, 0.5, 0.1], cover: 1 }],
      batch: 4,
    })
    expect(unmodified.raw).toEqual({ wrong: 6, images: 25, chance: 0.5 })
    expect(curves.map(({ format }) => format)).toEqual(['u8', 'f32'])
    for (const curve of curves) {
      expect(curve).toMatchObject({ kind: 'shadow', cover: 1 })
      expect(curve.points.map(({ strength }) => strength)).toEqual([1, 0.5, 0.3, 0.1])
      // Bright while half of it is above 63.75 (130 and more), 30 % (220 and more), 10 % (none).
      expect(wrong(curve)).toEqual([6, 12, 21, 25])
      expect(curve.points[0]?.score).toBe(unmodified)
      expect(curve.points[2]?.score).toMatchObject({ value: 0.84, unit: '', seed: 0, raw: { lost: 15, gained: 0 } })
      expect(curve.points[2]?.score.spread.value).toBeCloseTo(Math.sqrt((0.84 * 0.16) / 25), 12)
    }
    expect(curves[0]?.points[2]?.score.data).toEqual({ name: 'flat+shadow(0.3,1,seed-0)', sha256: set.sha256 })
    expect(curves[1]?.points[2]?.score.data.name).toBe('flat+shadow(0.3,1,seed-0) as float32')
  })

  it('tells bytes from floats', async () => {
    // 3 x 0.5 = 1.5 is 2 as a byte: above 1.7 levels, where the float stays below.
    using known = brightness(1.7 / 255)
    const { curves } = await shadows(known, await flat([3, 200]), { lights: [{ kind: 'shadow', strengths: [0.5], cover: 1 }] })
    expect(curves.map(wrong)).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  it('counts images that a light makes right', async () => {
    using known = brightness(0.25)
    const set = await flat([100, 40], 0)
    const { curves } = await shadows(known, set, {
      lights: [
        { kind: 'contrast', strengths: [0] },
        { kind: 'colour', strengths: [0.5] },
      ],
    })
    expect(curves.map((curve) => curve.points[1]?.score.raw)).toMatchObject([
      { wrong: 1, lost: 0, gained: 0 },
      { wrong: 1, lost: 0, gained: 0 },
      { wrong: 0, lost: 0, gained: 1 },
      { wrong: 0, lost: 0, gained: 1 },
    ])
  })

  it('agrees with classify on the same images, for every kind', async () => {
    const result = await shadows(net, test, { seed: 6, formats: ['u8'] })
    expect(result.unmodified).toEqual((await classify(net, test)).score)
    expect(result.curves.map(({ kind }) => kind)).toEqual([...lightKinds])
    for (const { kind, cover, points } of result.curves) {
      expect(cover).toBe(kind === 'shadow' ? 0.8 : null)
      expect(points[0]?.strength).toBe(kind === 'noise' ? 0 : 1)
      const distances = points.map(({ strength }) => Math.abs(strength - (points[0]?.strength as number)))
      expect(distances).toEqual([...distances].sort((a, b) => a - b))
      expect(points.length).toBeGreaterThanOrEqual(6)
      for (const { strength, score } of points.slice(1)) {
        const lit = await applyLight(test, { kind, strength }, { seed: 6 })
        const { lost = 0, gained = 0, ...raw } = score.raw
        const expected = (await classify(net, lit)).score
        expect(raw, `${kind} ${strength}`).toEqual(expected.raw)
        expect(raw.wrong).toBe((result.unmodified.raw.wrong as number) + lost - gained)
        expect(score.data.name).toBe(lit.name)
      }
    }
  })

  it('gives the same for any batch, and another answer for another seed', async () => {
    const lights = [
      { kind: 'shadow' as const, strengths: [0.3, 0.05] },
      { kind: 'noise' as const, strengths: [0.2] },
    ]
    const once = await shadows(net, test, { lights })
    expect(await shadows(net, test, { lights, batch: 7 })).toEqual(once)
    expect((await shadows(net, test, { lights, seed: 1 })).curves.map(wrong)).not.toEqual(once.curves.map(wrong))
  })

  it('gives the same of images that are made as they are asked for', async () => {
    const lights = [{ kind: 'shadow' as const, strengths: [0.3] }]
    const source = scenes({ size: 24, seed: 1, count: 150, first: 480 })
    expect(source.pixels).toBeNull()
    const [streamed, whole] = [await shadows(net, source, { lights, batch: 40 }), await shadows(net, test, { lights })]
    expect(streamed.curves.map(wrong)).toEqual(whole.curves.map(wrong))
    const plain = await classify(net, source, { batch: 40 })
    expect(plain.prediction).toEqual((await classify(net, test)).prediction)
    expect(plain.confusion.flat().reduce((a, b) => a + b)).toBe(150)
  })

  it('leaves a network with patch normalisation as it was in a uniform float shadow', async () => {
    const { curves } = await shadows(net, test, {
      lights: [{ kind: 'shadow', strengths: [0.3, 0.1], cover: 1 }],
      formats: ['f32'],
    })
    // Cosines differ in their last bits: one image in 150 may lie between two classes.
    for (const { score } of curves[0]?.points.slice(1) ?? [])
      expect((score.raw.lost as number) + (score.raw.gained as number)).toBeLessThanOrEqual(1)
  })

  it('reports progress and stops on a signal', async () => {
    const seen: [number, number][] = []
    const lights = [{ kind: 'smooth' as const, strengths: [0.3, 0.2] }]
    await shadows(net, test, { lights, batch: 100, onProgress: (done, total) => seen.push([done, total]) })
    expect(seen.map(([, total]) => total)).toEqual(new Array(10).fill(150 * 5))
    expect(seen.map(([done]) => done)).toEqual([100, 200, 300, 400, 500, 550, 600, 650, 700, 750])
    const controller = new AbortController()
    const stopped = shadows(net, test, {
      batch: 10,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    })
    await expect(stopped).rejects.toThrow('enough')
  })

  it('refuses before anything runs', async () => {
    const never = () => {
      throw new Error('it ran')
    }
    const refuse = (options: object, text: string | RegExp | typeof OptionError) =>
      expect(shadows(net, test, { onProgress: never, ...options })).rejects.toThrow(text)
    await refuse({ lights: [{ kind: 'fog' }] }, "shadows: lights.0.kind is 'fog'")
    await refuse(
      { lights: [{ kind: 'smooth', strengths: [0.5, 3] }] },
      'shadows: lights.0.strengths.1 is 3; expected a number from 0 to 1',
    )
    await refuse({ lights: [{ kind: 'smooth', cover: 0.5 }] }, "shadows: cover is given for 'smooth'")
    await refuse({ lights: [{ kind: 'smooth', strength: 0.5 }] }, 'shadows: lights.0.strength is no option of it')
    await refuse({ formats: [] }, OptionError)
    await refuse({ formats: ['f64'] }, "formats.0 is 'f64'")
    await refuse({ batch: 0 }, 'batch is 0')
    await refuse({ format: 'u8' }, 'shadows: format is no option of it')
    await expect(shadows(net, { ...test, targets: {} })).rejects.toThrow(/shadows: .* is without labels/)
    await expect(shadows(net, await flat([1]))).rejects.toThrow(DataError)
  })
})
