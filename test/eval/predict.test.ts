import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { classColumn, type Images, imagesFrom, loadFolder, numberColumn } from '../../lib/data/index.js'
import { DataError, OptionError } from '../../lib/errors.js'
import { classify, predict, transform, writeFeatures } from '../../lib/eval/index.js'
import { readNpy, readSafetensors } from '../../lib/io/index.js'
import { Network, type NetworkConfigInput } from '../../lib/models/index.js'
import { Tensor } from '../../lib/tensor.js'

const folder = mkdtempSync(join(tmpdir(), 'striate-predict-'))
afterAll(() => rmSync(folder, { recursive: true }))

const classes = ['ant', 'cat', 'dog']
const config: NetworkConfigInput = {
  kind: 'network',
  name: 'small',
  channels: 3,
  image: [6, 5],
  layers: [
    { kind: 'conv', name: 'conv', units: 4, window: 3 },
    { kind: 'relu', name: 'relu' },
    { kind: 'flatten', name: 'features' },
    { kind: 'linear', name: 'readout', units: 5 },
  ],
  heads: [
    { name: 'class', loss: 'softmax', classes },
    { name: 'colour', loss: 'softmax', classes: ['red', 'green'] },
  ],
}
const net = new Network(config, { seed: 3 })
afterAll(() => net.dispose())

const count = 7
const pixels = Uint8Array.from({ length: count * 90 }, (_, i) => (i * i * 31 + i * 7) % 256)
const set = imagesFrom({
  pixels,
  shape: [count, 3, 6, 5],
  targets: {
    class: classColumn(classes, [0, 1, 2, 2, 1, 0, 1]),
    size: numberColumn([1, 2, 3, 4, 5, 6, 7.5]),
  },
})

/** A file of one image of the set. */
function encoded(index: number): Promise<Buffer> {
  const raw = Uint8Array.from({ length: 90 }, (_, i) => pixels[index * 90 + (i % 3) * 30 + Math.floor(i / 3)] as number)
  return sharp(raw, { raw: { width: 5, height: 6, channels: 3 } })
    .png()
    .toBuffer()
}

/** A photograph of another size and aspect. */
const photo = (): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => (i * 17) % 256),
    { raw: { width: 40, height: 20, channels: 3 } },
  )
    .png()
    .toBuffer()

describe('predict', () => {
  it('gives the softmax of the outputs, whatever the batch', async () => {
    using input = Tensor.from(pixels, { shape: [count, 3, 6, 5] })
    using y = await net.infer(input)
    const { data } = await y.read()
    for (const batch of [1, 3, 64]) {
      const progress: number[] = []
      const predictions = await predict(net, await set, { batch, onProgress: (done) => progress.push(done) })
      expect(predictions).toHaveLength(count)
      expect(progress.at(-1)).toBe(count)
      predictions.forEach((prediction, i) => {
        const weights = classes.map((_, k) => Math.exp(data[i * 5 + k] as number))
        const sum = weights.reduce((a, b) => a + b)
        expect([...prediction.probabilities]).toEqual(weights.map((w) => expect.closeTo(w / sum, 6)))
        expect(prediction.probability).toBe(Math.max(...prediction.probabilities))
        expect(prediction.probabilities[prediction.label]).toBe(prediction.probability)
        expect(prediction.class).toBe(classes[prediction.label])
      })
    }
  })

  it('agrees with classify', async () => {
    const { prediction } = await classify(net, await set)
    expect((await predict(net, await set)).map(({ label }) => label)).toEqual([...prediction])
  })

  it('reads the bytes of one image file and of several', async () => {
    const known = await predict(net, await set)
    expect(await predict(net, await encoded(2))).toEqual(known[2])
    const several = await Promise.all([4, 0, 6].map(encoded))
    expect(await predict(net, several, { batch: 2 })).toEqual([known[4], known[0], known[6]])
    expect(await predict(net, [])).toEqual([])
    // Bytes of another realm, such as those of a test runner's.
    const bytes = runInNewContext('Uint8Array.from(bytes)', { bytes: [...(await encoded(2))] }) as Uint8Array
    expect(bytes).not.toBeInstanceOf(Uint8Array)
    expect(await predict(net, bytes)).toEqual(known[2])
  })

  it.each(['cover', 'contain', 'fill'] as const)(
    'brings a photograph to the size of the network as a folder would: %s',
    async (fit) => {
      const place = mkdtempSync(join(folder, 'photos-'))
      await sharp(await photo()).toFile(join(place, 'photo.png'))
      const loaded = await loadFolder(place, { labels: 'none', size: [6, 5], fit, background: '#102030' })
      expect(await predict(net, await photo(), { fit, background: '#102030' })).toEqual((await predict(net, loaded))[0])
    },
  )

  it('asks the head of a name', async () => {
    const predictions = await predict(net, await set, { head: 'colour' })
    for (const { class: name, probabilities } of predictions) {
      expect(['red', 'green']).toContain(name)
      expect(probabilities).toHaveLength(2)
    }
    await expect(predict(net, await set, { head: 'size' })).rejects.toThrow("predict: head is 'size'; expected class or colour")
  })

  it('is sure where exponentials overflow', async () => {
    const state = await net.state()
    const { data, ...rest } = state.get('readout.bias') ?? expect.fail('a bias')
    state.set('readout.bias', { ...rest, data: Float32Array.from({ length: data.length }, (_, i) => (i === 1 ? 1e30 : 0)) })
    using sure = new Network(config, { state })
    expect(await predict(sure, await encoded(0))).toMatchObject({ class: 'cat', probability: 1 })
  })

  it('refuses in one sentence', async () => {
    const images = await set
    const refused = async (call: Promise<unknown>, Class: typeof DataError | typeof OptionError, text: string) => {
      const error = await call.then(
        () => null,
        (reason: Error) => reason,
      )
      expect(error).toBeInstanceOf(Class)
      expect(error?.message).toContain(text)
    }
    const good = await encoded(0)
    await refused(predict(net, Buffer.from('no image')), DataError, 'predict: image is not an image of a known kind')
    await refused(predict(net, [good, good.subarray(0, 60)]), DataError, 'predict: images[1] is a corrupt PNG file')
    await refused(predict(net, [good, good, Buffer.alloc(0)], { batch: 1 }), DataError, 'images[2] is an empty file')
    await refused(
      predict(net, 'photo.jpg' as never),
      OptionError,
      "predict: images is 'photo.jpg'; expected Images, or the bytes",
    )
    await refused(predict(net, null as never), OptionError, 'predict: images is something else')
    await refused(predict(net, ['photo.jpg'] as never), OptionError, 'predict: images is a list of something else')
    const small = await imagesFrom({ pixels: new Uint8Array(27), shape: [1, 3, 3, 3] })
    await refused(predict(net, small), DataError, 'of images [3,3,3]; expected [3,6,5]')
    using headless = new Network({ ...config, heads: [] })
    await refused(predict(headless, images), DataError, 'predict: network is without classes')
    const state = await net.state()
    const { data, ...rest } = state.get('readout.weight') ?? expect.fail('weights')
    state.set('readout.weight', { ...rest, data: Float32Array.from({ length: data.length }, () => Number.NaN) })
    using broken = new Network(config, { state })
    await refused(predict(broken, images), DataError, 'predict: network is one whose outputs are not finite')
    const plain = { ...config, channels: 2, layers: config.layers }
    using odd = new Network(plain)
    await refused(predict(odd, good), DataError, 'one of images with 2 channels')
  })

  it('stops when it is told to', async () => {
    const reason = new Error('enough')
    await expect(predict(net, await set, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(predict(net, [await encoded(0)], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('transform', () => {
  it('gives the outputs of any layer, by default what the readout reads', async () => {
    using input = Tensor.from(pixels, { shape: [count, 3, 6, 5] })
    const known = await net.features(input, { at: ['relu', 'features'] })
    for (const at of ['relu', 'features', undefined]) {
      const { data, shape } = await transform(net, await set, at === undefined ? { batch: 2 } : { at, batch: 2 })
      using tensor = known[at ?? 'features'] as Tensor
      expect(shape).toEqual(tensor.shape)
      if (at === undefined) continue
      expect(data).toEqual((await tensor.read()).data)
    }
    const one = await transform(net, await encoded(3), { at: 'relu' })
    expect(one.shape).toEqual([1, 4, 4, 3])
    expect(one.data).toEqual((await transform(net, await set, { at: 'relu' })).data.subarray(3 * 48, 4 * 48))
  })

  it('names the nearest layers when there is none of that name', async () => {
    await expect(transform(net, await set, { at: 'relu1' })).rejects.toThrow(/transform: at is 'relu1', no layer; .*such as relu/)
  })
})

describe('writeFeatures', () => {
  it('writes what transform gives, beside the targets where the file can hold them', async () => {
    const images = await set
    const known = await transform(net, images, { at: 'relu' })
    const npy = join(folder, 'features.npy')
    expect(await writeFeatures(net, images, npy, { at: 'relu', batch: 3 })).toEqual({ at: 'relu', shape: [7, 4, 4, 3] })
    expect(await readNpy(npy)).toEqual({ ...known, dtype: 'float32' })
    const safe = join(folder, 'features.safetensors')
    await writeFeatures(net, images, safe, { at: 'relu', batch: 3 })
    const { tensors, metadata } = await readSafetensors(safe)
    expect(tensors.get('features')).toEqual({ dtype: 'F32', ...known })
    expect([...(tensors.get('target.class')?.data ?? [])]).toEqual([0, 1, 2, 2, 1, 0, 1])
    expect([...(tensors.get('target.size')?.data ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7.5])
    expect(metadata).toMatchObject({ at: 'relu', sha256: images.sha256, 'target.class.classes': JSON.stringify(classes) })
  })

  it('writes each batch before many more are read', async () => {
    const images = await set
    const place = mkdtempSync(join(folder, 'stream-'))
    const many = 4000
    const bytes = 48 * 4
    let least = 0
    const source: Images = {
      ...images,
      shape: [many, 3, 6, 5],
      targets: {},
      pixels: null,
      rows: async (rows) => {
        const first = rows[0] as number
        const size = readdirSync(place).reduce((sum, name) => sum + statSync(join(place, name)).size, 0)
        // Four batches may be on their way: three that are read ahead, and the one that is computed.
        least += first < 400 ? 0 : 1
        if (first >= 400) expect(size).toBeGreaterThan((first - 400) * bytes)
        return images.rows(Array.from(rows, (row) => row % count))
      },
    }
    await writeFeatures(net, source, join(place, 'f.npy'), { at: 'relu', batch: 100 })
    expect(least).toBe(36)
    expect((await readNpy(join(place, 'f.npy'))).shape).toEqual([many, 4, 4, 3])
  })

  it('leaves nothing when it fails', async () => {
    const images = await set
    const place = mkdtempSync(join(folder, 'failed-'))
    const failing: Images = {
      ...images,
      pixels: null,
      rows: async (rows) => {
        if (rows[0] === 4) throw new DataError('the fifth image is damaged')
        return images.rows(rows)
      },
    }
    const path = join(place, 'f.npy')
    await expect(writeFeatures(net, failing, path, { batch: 2 })).rejects.toThrow('the fifth image is damaged')
    await expect(writeFeatures(net, images, join(place, 'f.csv'))).rejects.toThrow(/ends with .npy or .safetensors/)
    await expect(writeFeatures(net, images, join(place, 'deep', 'f.npy'))).rejects.toThrow('in a folder that does not exist')
    expect(readdirSync(place)).toEqual([])
    expect(existsSync(path)).toBe(false)
  })
})
