// Components against three plain passes over the images in float64, the switches of the ablation, what is refused, and processes together.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type ComponentOptions,
  DataError,
  fitComponents,
  type InMemoryImages,
  imagesFrom,
  loadNetwork,
  type Network,
  OptionError,
  passiBank,
  renderSet,
  Tensor,
  waveletBank,
  waveletConv,
  waveletNet,
} from '../../lib/index.js'
import { digests } from '../run/digests.js'
import { noMpi, startProcesses, writeScript } from '../run/mpi.js'

let folder: string
let images: InMemoryImages
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'striate-components-'))
  images = await renderSet({ count: 60, size: 24, seed: 5 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const units = [6, 7, 8]
const config = waveletNet({ image: [24, 24], units, orientations: 3 })
const learn = (options: ComponentOptions = {}, run = {}) => fitComponents(images, config, { batch: 17, ...options }, run)

type Matrix = Float64Array[]

/** Eigenvalues, descending, and eigenvectors as rows of a symmetric matrix, by Jacobi's rotations. */
function jacobi(given: Matrix): { values: number[]; vectors: Matrix } {
  const n = given.length
  const a = given.map((row) => row.slice())
  const v = a.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)))
  const at = (m: Matrix, i: number, j: number) => (m[i] as Float64Array)[j] as number
  for (let sweep = 0; sweep < 60; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(at(a, p, q)) < 1e-300) continue
        const theta = (at(a, q, q) - at(a, p, p)) / (2 * at(a, p, q))
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(t, 1)
        const s = t * c
        for (const m of [a, v])
          for (const row of m) {
            const [x, y] = [row[p] as number, row[q] as number]
            row[p] = c * x - s * y
            row[q] = s * x + c * y
          }
        const [rowP, rowQ] = [a[p] as Float64Array, a[q] as Float64Array]
        for (let k = 0; k < n; k++) {
          const [x, y] = [rowP[k] as number, rowQ[k] as number]
          rowP[k] = c * x - s * y
          rowQ[k] = s * x + c * y
        }
      }
  const order = a.map((_, i) => i).sort((i, j) => at(a, j, j) - at(a, i, i))
  return { values: order.map((i) => at(a, i, i)), vectors: order.map((i) => Float64Array.from(v, (row) => row[i] as number)) }
}

/** Mean and covariance (by n) of rows. */
function covarianceOf(rows: Matrix): { mean: Float64Array; covariance: Matrix } {
  const d = (rows[0] as Float64Array).length
  const mean = new Float64Array(d)
  for (const row of rows) for (let i = 0; i < d; i++) mean[i] = (mean[i] as number) + (row[i] as number) / rows.length
  const covariance = Array.from({ length: d }, () => new Float64Array(d))
  for (const row of rows)
    for (let i = 0; i < d; i++)
      for (let j = 0; j < d; j++)
        (covariance[i] as Float64Array)[j] =
          ((covariance[i] as Float64Array)[j] as number) +
          (((row[i] as number) - (mean[i] as number)) * ((row[j] as number) - (mean[j] as number))) / rows.length
  return { mean, covariance }
}

/** The published way: expanded maps, their mean, their variance around it, and the components of their standardised means. */
async function plain(x: Tensor, block: number) {
  using bank = waveletBank(passiBank(block === 0 ? 1 : block % 2 === 1 ? 'odd' : 'even', 3))
  using maps = waveletConv(x, bank, { subsample: block % 2 === 1 ? 1 : 2 })
  const [N, D, P, Q] = maps.shape as [number, number, number, number]
  const data = (await maps.read()).data
  const each = (n: number, d: number) => data.subarray((n * D + d) * P * Q, (n * D + d + 1) * P * Q) as Float32Array
  const mean = new Float64Array(D)
  const variance = new Float64Array(D)
  for (let d = 0; d < D; d++) {
    for (let n = 0; n < N; n++) for (const v of each(n, d)) mean[d] = (mean[d] as number) + v / (N * P * Q)
    for (let n = 0; n < N; n++)
      for (const v of each(n, d)) variance[d] = (variance[d] as number) + (v - (mean[d] as number)) ** 2 / (N * P * Q)
  }
  const pooled = Array.from({ length: N }, (_, n) =>
    Float64Array.from({ length: D }, (_, d) => {
      let sum = 0
      for (const v of each(n, d)) sum += (v - (mean[d] as number)) / Math.sqrt((variance[d] as number) + 1e-5)
      return sum / (P * Q)
    }),
  )
  return { mean, variance, ...jacobi(covarianceOf(pooled).covariance) }
}

const numbers = async (net: Network, name: string) =>
  (await ((net.parameters.get(name) ?? net.buffers.get(name)) as Tensor).read()).data as Float32Array

/** Largest sine of the angles between two spaces of orthonormal rows. */
function angleBetween(a: Matrix, b: Matrix): number {
  let worst = 0
  for (const row of a) {
    const rest = row.slice()
    for (const other of b) {
      const along = row.reduce((sum, v, i) => sum + v * (other[i] as number), 0)
      other.forEach((v, i) => {
        rest[i] = (rest[i] as number) - along * v
      })
    }
    worst = Math.max(worst, Math.hypot(...rest))
  }
  return worst
}

const rowsOf = (data: Float32Array, count: number): Matrix =>
  Array.from({ length: count }, (_, k) =>
    Float64Array.from(data.subarray((k * data.length) / count, ((k + 1) * data.length) / count)),
  )

/** The map that a block of a network reads. */
async function mapBelow(net: Network, block: number): Promise<Tensor> {
  const x = Tensor.from(images.pixels, { shape: [...images.shape] })
  if (block === 0) return x
  using whole = x
  return (await net.features(whole, { at: [`blocks.${block - 1}`] }))[`blocks.${block - 1}`] as Tensor
}

describe('learned components', () => {
  it.each([0, 1, 2])('of block %i are those of three passes in float64', async (block) => {
    const { net, record } = await learn()
    using own = net
    using x = await mapBelow(own, block)
    const expected = await plain(x, block)
    const of = (short: string) => numbers(own, `blocks.${block}.${short}`)
    for (const [short, values] of [
      ['mean', expected.mean],
      ['variance', expected.variance],
    ] as const)
      (await of(short)).forEach((v, i) => {
        expect(Math.abs(v - (values[i] as number))).toBeLessThan(1e-6 * Math.max(...values))
      })
    const count = units[block] as number
    const rows = rowsOf(await of('weight'), count)
    const top = expected.vectors.slice(0, count)
    expect(angleBetween(rows, top)).toBeLessThan(1e-4)
    // Signs: the largest loading of each component is positive.
    for (const row of rows) {
      const largest = row.reduce((a, b) => (Math.abs(b) > Math.abs(a) * (1 + 1e-6) ? b : a))
      expect(largest).toBeGreaterThan(0)
    }
    expect(await of('bias')).toEqual(new Float32Array(count))
    const { eigenvalues, varianceKept, effectiveDimension } = record.blocks[block] as (typeof record.blocks)[number]
    const total = expected.values.reduce((a, b) => a + b, 0)
    const kept = expected.values.slice(0, count)
    // Covariances are divided by n - 1.
    const n = images.shape[0]
    eigenvalues.forEach((v, k) => {
      expect((v * (n - 1)) / n).toBeCloseTo(kept[k] as number, 6)
    })
    expect(varianceKept).toBeCloseTo(kept.reduce((a, b) => a + b, 0) / total, 6)
    expect(effectiveDimension).toBeCloseTo(total ** 2 / expected.values.reduce((a, b) => a + b * b, 0), 4)
  })

  it('are the same bits when no maps are kept between blocks', async () => {
    const kept = await learn()
    const again = await learn({ memoryLimit: 0 })
    using a = kept.net
    using b = again.net
    expect(digests(await b.state())).toEqual(digests(await a.state()))
  })

  it('leave leading ones out, keep some beside random rows, and are scaled, as asked', async () => {
    const { net: all } = await learn()
    const { net: fewer } = await learn({ dropFirst: 1 })
    const { net: some } = await learn({ principal: 2, seed: 4 })
    const { net: white, record } = await learn({ scale: 'whitened' })
    const nets = [all, fewer, some, white]
    try {
      const of = async (net: Network) => rowsOf(await numbers(net, 'blocks.0.weight'), 6)
      const [full, shifted, mixed, scaled] = (await Promise.all(nets.map(of))) as [Matrix, Matrix, Matrix, Matrix]
      expect(shifted.slice(0, 5)).toEqual(full.slice(1))
      expect(mixed.slice(0, 2)).toEqual(full.slice(0, 2))
      expect(angleBetween(mixed.slice(2), full)).toBeGreaterThan(0.1)
      mixed.forEach((row, k) => {
        mixed.forEach((other, l) => {
          expect(row.reduce((sum, v, i) => sum + v * (other[i] as number), 0)).toBeCloseTo(k === l ? 1 : 0, 5)
        })
      })
      scaled.forEach((row, k) => {
        const value = (record.blocks[0] as (typeof record.blocks)[number]).eigenvalues[k] as number
        expect(Math.hypot(...row)).toBeCloseTo(1 / Math.sqrt(value), 3)
      })
    } finally {
      for (const net of nets) net.dispose()
    }
  })

  it('of pixels are those of the positions themselves', async () => {
    const { net } = await learn({ statistics: 'pixels', pixelShare: 1 })
    using own = net
    using x = await mapBelow(own, 0)
    using bank = waveletBank(passiBank(1, 3))
    using maps = waveletConv(x, bank, { subsample: 2 })
    const [N, D, P, Q] = maps.shape as [number, number, number, number]
    const { data } = await maps.read()
    const pixels = Array.from({ length: N * P * Q }, (_, i) =>
      Float64Array.from({ length: D }, (_, d) => data[(Math.floor(i / (P * Q)) * D + d) * P * Q + (i % (P * Q))] as number),
    )
    const { covariance } = covarianceOf(pixels)
    const spread = covariance.map((row, i) => 1 / Math.sqrt((row[i] as number) + 1e-5))
    const { vectors } = jacobi(covariance.map((row, i) => row.map((v, j) => v * (spread[i] as number) * (spread[j] as number))))
    expect(angleBetween(rowsOf(await numbers(own, 'blocks.0.weight'), 6), vectors.slice(0, 6))).toBeLessThan(1e-4)
  })

  it('z-scored give responses of variance 1 over positions', async () => {
    const plainNet = waveletNet({ image: [24, 24], units, orientations: 3, normalise: false })
    const { net } = await fitComponents(images, plainNet, { scale: 'z-scored', pixelShare: 1, batch: 60 })
    using own = net
    using x = Tensor.from(images.pixels, { shape: [...images.shape] })
    using maps = (await own.features(x, { at: ['blocks.0'] }))['blocks.0'] as Tensor
    const [N, K, P, Q] = maps.shape as [number, number, number, number]
    const { data } = await maps.read()
    for (let k = 0; k < K; k++) {
      const values = Array.from({ length: N }, (_, n) => [...data.subarray((n * K + k) * P * Q, (n * K + k + 1) * P * Q)]).flat()
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      expect(mean).toBeCloseTo(0, 4)
      expect(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length).toBeCloseTo(1, 2)
    }
  })
})

describe('weights that are not learned', () => {
  it('are those of a new network, with statistics of the images', async () => {
    const { net, record } = await learn({ components: 'random', seed: 9 })
    using own = net
    expect(record.blocks.map(({ eigenvalues }) => eigenvalues)).toEqual([[], [], []])
    const bound = 1 / Math.sqrt(12)
    const weight = await numbers(own, 'blocks.0.weight')
    expect(Math.max(...weight.map(Math.abs))).toBeLessThanOrEqual(bound)
    expect((await numbers(own, 'blocks.0.bias')).some((v) => v !== 0)).toBe(true)
    using x = await mapBelow(own, 2)
    const { mean, variance } = await plain(x, 2)
    ;(await numbers(own, 'blocks.2.mean')).forEach((v, i) => {
      expect(v).toBeCloseTo(mean[i] as number, 5)
    })
    ;(await numbers(own, 'blocks.2.variance')).forEach((v, i) => {
      expect(v).toBeCloseTo(variance[i] as number, 5)
    })
  })
  it('are at right angles where they are to be', async () => {
    const { net } = await learn({ components: 'orthogonal' })
    using own = net
    const rows = rowsOf(await numbers(own, 'blocks.1.weight'), 7)
    rows.forEach((row, k) => {
      rows.forEach((other, l) => {
        expect(row.reduce((sum, v, i) => sum + v * (other[i] as number), 0)).toBeCloseTo(k === l ? 1 : 0, 5)
      })
    })
  })
})

describe('what cannot be learned', () => {
  it('is refused before anything runs', async () => {
    const few = await imagesFrom({ pixels: images.pixels.slice(0, 5 * 3 * 24 * 24), shape: [5, 3, 24, 24] })
    await expect(fitComponents(few, config)).rejects.toThrow(
      "fitComponents: images is 5; expected at least 7 for the 6 components of blocks.0 (or statistics 'pixels')",
    )
    await expect(fitComponents(few, config, { statistics: 'pixels', pixelShare: 0.0001 })).rejects.toThrow(
      'images is 5, of which 1 positions are drawn; expected at least 7 positions for the 6 components of blocks.0',
    )
    for (const [options, text] of [
      [
        { components: 'random', statistics: 'pixels' },
        "statistics is pixels; expected it only with components 'learned', not 'random'",
      ],
      [{ components: 'orthogonal', dropFirst: 1 }, 'dropFirst is 1; expected it only with components'],
      [{ components: 'random', scale: 'whitened' }, 'scale is whitened; expected it only with components'],
      [{ components: 'orthogonal', principal: 2 }, 'principal is 2; expected it only with components'],
      [{ pixelShare: 0.5 }, "pixelShare is 0.5; expected it only with statistics 'pixels' or scale 'z-scored'"],
    ] as const)
      await expect(learn(options)).rejects.toThrow(text)
    const wide = waveletNet({ image: [24, 24], units: [40], orientations: 3 })
    await expect(fitComponents(images, wide)).rejects.toThrow(OptionError)
    const other = waveletNet({ image: [32, 32], units, orientations: 3 })
    await expect(fitComponents(images, other)).rejects.toThrow(DataError)
    await expect(fitComponents(images, other, { components: 'random' })).rejects.toThrow(DataError)
    await expect(fitComponents(images, { ...config, layers: [{ kind: 'relu' }] })).rejects.toThrow('without wavelet blocks')
  })
})

describe('images that hardly differ', () => {
  it('are refused where they are all the same, or where rounding would be whitened, and told of elsewhere', async () => {
    const [first] = [images.pixels.slice(0, 3 * 24 * 24)]
    const repeated = (some: number) =>
      imagesFrom({
        pixels: Uint8Array.from(
          { length: 40 * first.length },
          (_, i) => images.pixels[(Math.floor(i / first.length) % some) * first.length + (i % first.length)] as number,
        ),
        shape: [40, 3, 24, 24],
      })
    await expect(fitComponents(await repeated(1), config)).rejects.toThrow(
      'blocks.0 is responses that are the same for all images; expected images that differ',
    )
    const few = await repeated(4)
    await expect(fitComponents(few, config, { scale: 'whitened' })).rejects.toThrow(
      'blocks.0 is a component 4 without variance, but for rounding',
    )
    const said: string[] = []
    const { net } = await fitComponents(few, config, {}, { onPlan: (text) => said.push(text) })
    net.dispose()
    expect(said).toContain('warning: blocks.0: 3 of its 6 components vary between images, the others are of rounding')
  })
})

describe('processes together', () => {
  const script = (text: string): string =>
    writeScript(folder, `const { fitComponents, renderSet, waveletNet } = striate\n${text}`)
  const learning = `
    const images = await renderSet({ count: 60, size: 24, seed: 5 })
    const config = waveletNet({ image: [24, 24], units: [6, 7, 8], orientations: 3 })
    const rank = Number(process.env.OMPI_COMM_WORLD_RANK)`

  it.skipIf(noMpi).each([
    [2, 'pooled'],
    [3, 'pooled'],
    [3, 'pixels'],
  ] as const)('learn what one learns: %i, %s', async (count, statistics) => {
    const out = mkdtempSync(join(folder, 'together-'))
    const options = { batch: 17, statistics }
    const file = script(`${learning}
    const { net } = await fitComponents(images, config, ${JSON.stringify(options)}, { out: ${JSON.stringify(out)} })
    net.dispose()`)
    const { status, stderr } = startProcesses(count, file)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    using together = await loadNetwork(join(out, 'model.safetensors'))
    const { net } = await learn(options)
    using alone = net
    for (let block = 0; block < 3; block++) {
      const rows = (network: Network) => numbers(network, `blocks.${block}.weight`).then((w) => rowsOf(w, units[block] as number))
      expect(angleBetween(await rows(together), await rows(alone))).toBeLessThan(1e-4)
    }
  })

  it.skipIf(noMpi)(
    'end with a sentence when one of them is killed, and go on from there',
    async () => {
      const out = mkdtempSync(join(folder, 'killed-'))
      const file = script(`${learning}
    const controller = new AbortController()
    process.once('SIGTERM', () => controller.abort(new Error('stopped by a signal')))
    let told = 0
    const onProgress = () => {
      if (process.argv[2] === 'die' && rank === 1 && ++told === 3) process.kill(process.pid, 'SIGKILL')
    }
    const resume = process.argv[2] === 'resume'
    try {
      const { net } = await fitComponents(images, config, { batch: 7 }, { out: ${JSON.stringify(out)}, resume, checkpointSeconds: 0, signal: controller.signal, onProgress })
      net.dispose()
    } catch (error) {
      console.log(rank + ': ' + error.message)
      process.exit(1)
    }`)
      const killed = startProcesses(3, file, 'die')
      expect(killed.status).not.toBe(0)
      expect(
        killed.stdout
          .split('\n')
          .filter((line) => line.endsWith('stopped by a signal'))
          .sort(),
      ).toEqual(['0: stopped by a signal', '2: stopped by a signal'])
      const resumed = startProcesses(3, file, 'resume')
      expect(resumed.stdout).toBe('')
      expect(resumed.status).toBe(0)
      // The finished run is told to all of them.
      expect(startProcesses(3, file, 'resume').status).toBe(0)
      using together = await loadNetwork(join(out, 'model.safetensors'))
      const { net } = await learn()
      using alone = net
      for (let block = 0; block < 3; block++) {
        const rows = (network: Network) =>
          numbers(network, `blocks.${block}.weight`).then((w) => rowsOf(w, units[block] as number))
        expect(angleBetween(await rows(together), await rows(alone))).toBeLessThan(1e-4)
      }
    },
    120_000,
  )

  it.skipIf(noMpi)('are refused when they see other images', () => {
    const file = script(`${learning}
    const own = rank === 1 ? await renderSet({ count: 60, size: 24, seed: 6 }) : images
    try {
      await fitComponents(own, config)
    } catch (error) {
      console.log(error.message)
      process.exit(1)
    }`)
    const { stdout, status } = startProcesses(2, file)
    expect(status).not.toBe(0)
    expect(stdout).toContain('fitComponents: images is different in process 1 and process 0; expected the same in all processes')
  })
})
