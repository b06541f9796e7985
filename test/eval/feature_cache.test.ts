// The cache of features: the same scores with and without it, found by content and by nothing else, and safe from damage and from others.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FeatureCache } from '../../lib/eval/feature_cache.js'
import {
  applyLight,
  cpu,
  encode,
  type Images,
  imagesFrom,
  loadFolder,
  localNet,
  Network,
  type NetworkConfig,
  pls,
  type ReferenceRdms,
  readSafetensors,
  responsesFrom,
  rsa,
  scenes,
  selectImages,
  writeSafetensors,
} from '../../lib/index.js'
import { normals } from '../../lib/random.js'
import { uniform } from '../ops/proof.js'

vi.mock('node:fs/promises', async (original) => {
  const own = await original<typeof fs>()
  return { ...own, statfs: vi.fn(own.statfs), rename: vi.fn(own.rename) }
})

const count = 24
const config: NetworkConfig = localNet({
  channels: 3,
  image: [12, 12],
  trunk: [{ window: 3, units: 6, power: 1, normalise: 'none', pool: { size: 2, stride: 2 } }],
  blocks: [{ window: 2, units: 8, power: 1, normalise: 'none', pool: { size: 3, stride: 3 } }],
  classes: ['a', 'b'],
})
const layers = ['pixels', 'trunk.0', 'blocks.0']
const responses = responsesFrom({ name: 'v4', images: count, targets: 3, mean: Float64Array.from(normals(4, count * 3)) })
const subjectsOf = (images: number) => [5, 6].map((seed) => Float64Array.from(normals(seed, (images * (images - 1)) / 2)))
const reference: ReferenceRdms = {
  name: 'it',
  images: count,
  subjects: subjectsOf(count),
  halves: null,
  selection: null,
  sha256: '',
}

const pixels = (): Uint8Array => {
  const next = uniform(12)
  return Uint8Array.from({ length: count * 3 * 144 }, () => 256 * next())
}
const noise = (change?: (bytes: Uint8Array) => void, targets = {}): Promise<Images> => {
  const bytes = pixels()
  change?.(bytes)
  return imagesFrom({ pixels: bytes, shape: [count, 3, 12, 12], name: 'noise', targets })
}

let folder: string
let cache: string
let net: Network
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-cache-'))
  cache = join(folder, 'of', 'features')
  net = new Network(config, { seed: 3 })
})
afterEach(() => {
  net.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Features from the cache: of which layers, by what it says, and whether any image was computed. */
async function scored(
  images: Images,
  options: Parameters<typeof rsa>[3] = {},
  network: Network | null = net,
): Promise<{ value: number[]; plans: string[]; found: string; phases: Set<string> }> {
  const plans: string[] = []
  const phases = new Set<string>()
  const { scores } = await rsa(network, images, reference, {
    ...{ layers, cache, projection: 40, folds: 2 },
    ...options,
    onPlan: (text) => plans.push(text),
    onProgress: ({ phase }) => phases.add(phase),
  })
  return { value: scores.map(({ value }) => value), plans, found: plans.at(-1)?.split(';')[0] ?? '', phases }
}

const all = '3 of 3 layers are in the cache'
const none = '0 of 3 layers are in the cache'
const files = () => readdirSync(cache).sort()

describe('a cache of features', () => {
  it.each([
    ['encode', (options: object, images: Images) => encode(net, images, responses, { repeats: 1, folds: 3, ...options })],
    ['pls', (options: object, images: Images) => pls(net, images, responses, { repeats: 1, folds: 3, ...options })],
    ['rsa', (options: object, images: Images) => rsa(net, images, reference, { projection: 40, ...options })],
  ])('leaves every bit of %s as it is without one', async (_, score) => {
    const images = await noise()
    const plain = await score({ layers }, images)
    const plans: string[] = []
    const phases: string[] = []
    for (let time = 0; time < 2; ++time) {
      const again = await score(
        {
          ...{ layers, cache },
          onPlan: (text: string) => plans.push(text),
          onProgress: ({ phase }: { phase: string }) => phases.push(`${phase} ${time}`),
        },
        images,
      )
      expect(again).toEqual(plain)
    }
    expect(plans[0]).toMatch(/^0 of 3 layers are in the cache; 3 layers of 24 images in one pass: /)
    expect(plans[1]).toMatch(/^3 of 3 layers are in the cache; \d+\.\d MB of features$/)
    expect(plans.length).toBe(2)
    expect(phases).toContain('features 0')
    expect(phases).not.toContain('features 1')
    expect(files().map((name) => name.replace(/-[0-9a-f]{32}\.safetensors$/, ''))).toEqual(['blocks.0', 'pixels', 'trunk.0'])
  })

  it('is shared by scores, and computes only the layers that it lacks', async () => {
    const images = await noise()
    const options = { layers: ['trunk.0'], repeats: 1, folds: 2, projection: 40, cache }
    await encode(net, images, responses, options)
    const [trunk] = files()
    const before = statSync(join(cache, trunk as string)).mtimeMs
    const { plans, phases } = await scored(images)
    expect(plans[0]).toMatch(/^1 of 3 layers are in the cache; 2 layers of 24 images in one pass: /)
    expect(phases).toEqual(new Set(['cache', 'features', 'scores']))
    expect(statSync(join(cache, trunk as string)).mtimeMs).toBe(before)
    // Joined layers are those that they are made of.
    const told: string[] = []
    await pls(net, images, responses, { ...options, layers: ['trunk.0+blocks.0'], onPlan: (text) => told.push(text) })
    expect(told[0]).toMatch(/^2 of 2 layers/)
  })

  it('writes what the features are of into their file', async () => {
    const images = await noise()
    await scored(images, { layers: ['trunk.0'] })
    const { metadata, tensors, verified } = await readSafetensors(join(cache, files()[0] as string))
    expect(verified).toBe(true)
    expect(tensors.get('features')?.shape).toEqual([count, 40])
    expect(Object.keys(metadata).sort()).toEqual(
      ['batch', 'device', 'format', 'images', 'layer', 'network', 'projection', 'striate'].sort(),
    )
    expect(metadata).toMatchObject({ layer: 'trunk.0', batch: '32', projection: 'sparse random, 150 to 40, seed 0' })
    expect(metadata.images).toBe(images.sha256)
  })

  it('is found by content', async () => {
    await scored(await noise())
    const same = await noise(undefined, { x: { kind: 'number', values: new Float32Array(count) } })
    expect((await scored({ ...same, name: 'another name' })).found).toBe(all)
    using other = new Network(config, { seed: 9, state: await net.state() })
    expect((await scored(same, { distance: 'euclidean', compare: 'pearson', folds: 3 }, other)).found).toBe(all)
    // The projection of as many dimensions, however they were asked for; and none where there are fewer features.
    expect((await scored(same, { layers: ['blocks.0'], projection: 'none' })).found).toBe('1 of 1 layers are in the cache')
  })

  it('is not found where a weight, an image, the seed or a size is another', async () => {
    const images = await noise()
    await scored(images)
    const state = await net.state()
    const weights = state.get('blocks.0.weight')?.data as Float32Array
    weights[5] = (weights[5] as number) + 1e-6
    using other = new Network(config, { state })
    using deeper = new Network({ ...config, name: 'other' }, { state: await net.state() })
    for (const network of [other, deeper]) expect((await scored(images, {}, network)).found).toBe(none)

    const brighter = await noise((bytes) => {
      bytes[1000] = ((bytes[1000] as number) + 1) % 256
    })
    expect((await scored(brighter)).found).toBe(none)
    // Changed in place, under the digest that the images had.
    const written = await noise()
    expect((await scored(written)).found).toBe(all)
    ;(written.pixels as Uint8Array).fill(7, 500, 510)
    expect((await scored(written)).found).toBe(none)
    const turned = await selectImages(
      images,
      Array.from({ length: count }, (_, i) => count - 1 - i),
    )
    expect((await scored(turned)).found).toBe(none)

    // A layer that is smaller than the projection has none.
    expect((await scored(images, { seed: 1 })).found).toBe('1 of 3 layers are in the cache')
    expect((await scored(images, { projection: 39 })).found).toBe('1 of 3 layers are in the cache')
    expect((await scored(images, { projection: 'none' })).found).toBe('1 of 3 layers are in the cache')
    expect((await scored(images, { batch: 7 })).found).toBe(none)
    expect((await scored(images)).found).toBe(all)
  })

  it('tells apart devices', async () => {
    const images = await noise()
    const say = () => undefined
    const kept = { layer: 'trunk.0', size: 2, projected: null }
    const on = (device: object) =>
      FeatureCache.open('rsa', cache, { net, images, device: device as ReturnType<typeof cpu>, batch: 32 }, { say })
    const data = new Float32Array(2 * count).fill(3)
    await (await on(cpu())).write(kept, data)
    expect(await (await on(cpu())).read(kept)).toEqual(data)
    const gpu = { kind: 'cuda', name: 'A', libraries: 'cuBLAS 12' }
    for (const other of [gpu, { ...gpu, name: 'B' }, { ...gpu, libraries: 'cuBLAS 13' }]) {
      const own = await on(other)
      expect(await own.read(kept)).toBe(null)
      await own.write(kept, data)
    }
    expect(files().length).toBe(4)
  })

  it('reads three of the images at most where all features are there', async () => {
    const drawn = scenes({ count, size: 12 })
    let read = 0
    const counted: Images = {
      ...drawn,
      rows: (indices, signal) => {
        read += indices.length
        return drawn.rows(indices, signal)
      },
    }
    const first = await scored(counted)
    expect(read).toBe(count + 3)
    const again = await scored(counted)
    expect(read).toBe(count + 6)
    expect([again.found, again.value]).toEqual([all, first.value])
    const dark = await applyLight(drawn, { kind: 'contrast', strength: 0.5 })
    expect((await scored(dark)).found).toBe(none)
    expect((await scored(scenes({ count, size: 12, seed: 1 }))).found).toBe(none)
    const some = { ...reference, images: 23, subjects: subjectsOf(23) }
    const plans: string[] = []
    await rsa(net, await selectImages(drawn, [...Array(23).keys()]), some, { layers, cache, onPlan: (text) => plans.push(text) })
    expect(plans[0]).toMatch(/^0 of 3/)
  })

  it('does not take files that were written to for what they were, where pixels stay in them', async () => {
    const at = join(folder, 'photos')
    mkdirSync(at)
    const bytes = pixels()
    const header = Buffer.from('P6\n12 12\n255\n')
    const put = (i: number) =>
      writeFileSync(
        join(at, `${String(i).padStart(2, '0')}.ppm`),
        Buffer.concat([header, bytes.subarray(i * 432, (i + 1) * 432)]),
      )
    for (let i = 0; i < count; ++i) put(i)
    const open = (given = {}) => loadFolder(at, { labels: 'none', memoryLimit: 0, ...given })
    const images = await open()
    await scored(images)
    expect((await scored(await open())).found).toBe(all)
    // Neither the first, the middle nor the last, of the same name and length.
    bytes[432 * 5] = ((bytes[432 * 5] as number) + 100) % 256
    put(5)
    utimesSync(join(at, '05.ppm'), new Date(), new Date(1e12))
    const changed = await open()
    expect(changed.sha256).toBe(images.sha256)
    const { found, value } = await scored(changed)
    expect(found).toBe(none)
    expect(value).toEqual((await scored(changed, { cache: join(folder, 'alone') })).value)
    const views = [changed, await applyLight(changed, { kind: 'contrast', strength: 0.5 }), await selectImages(changed, [0, 1])]
    const texts = await Promise.all(views.map(({ modified }) => modified?.()))
    utimesSync(join(at, '07.ppm'), new Date(), new Date(1e12))
    for (const [i, { modified }] of views.entries()) expect(await modified?.()).not.toBe(texts[i])
  })
})

describe('a file of the cache', () => {
  const damages: [string, RegExp, (file: string) => void | Promise<void>][] = [
    [
      'with another byte',
      /is damaged; expected the tensors and metadata whose SHA-256 it holds/,
      (file) => {
        const bytes = readFileSync(file)
        bytes[bytes.length - 9] = (bytes.at(-9) as number) ^ 1
        writeFileSync(file, bytes)
      },
    ],
    [
      'cut short',
      /expected a range inside its \d+ bytes of data/,
      (file) => writeFileSync(file, readFileSync(file).subarray(0, -4)),
    ],
    ['that is empty', /is 0 bytes long; expected a safetensors file/, (file) => writeFileSync(file, '')],
    [
      'of another shape',
      /is a file of something else; expected features \[24,40\] of trunk\.0/,
      async (file) => {
        const { metadata } = await readSafetensors(file)
        const features = { dtype: 'F32' as const, shape: [count, 2], data: new Float32Array(2 * count) }
        await writeSafetensors(file, { features }, { metadata, digest: true })
      },
    ],
    [
      'of another layer',
      /is a file of something else; expected features/,
      async (file) => {
        const { metadata, tensors } = await readSafetensors(file)
        await writeSafetensors(file, tensors, { metadata: { ...metadata, layer: 'blocks.0' }, digest: true })
      },
    ],
    [
      'without its digest',
      /is without the digest of what it holds; expected features/,
      async (file) => {
        const { metadata, tensors } = await readSafetensors(file)
        await writeSafetensors(file, tensors, { metadata })
      },
    ],
  ]

  it.each(damages)('%s is told of and computed anew', async (_, message, damage) => {
    const images = await noise()
    const { value } = await scored(images)
    const file = join(cache, files().find((name) => name.startsWith('trunk.0')) as string)
    const sound = readFileSync(file)
    await damage(file)
    const again = await scored(images)
    expect(again.plans.length).toBe(2)
    expect(again.plans[0]).toMatch(message)
    expect(again.plans[0]).toMatch(/; trunk\.0 is computed anew$/)
    expect(again.found).toBe('2 of 3 layers are in the cache')
    expect(again.value).toEqual(value)
    expect(readFileSync(file)).toEqual(sound)
  })

  it('may be written by several at once, and what a killed one left is removed', async () => {
    const images = await noise()
    const alone = await scored(images, { cache: join(folder, 'alone') })
    const [name] = readdirSync(join(folder, 'alone')).filter((file) => file.startsWith('trunk.0'))
    mkdirSync(cache, { recursive: true })
    writeFileSync(join(cache, `.${name}.0123456789ab.tmp`), 'half')
    const both = await Promise.all([scored(images), scored(images), scored(images)])
    for (const { value } of both) expect(value).toEqual(alone.value)
    expect(files()).toEqual(readdirSync(join(folder, 'alone')).sort())
    expect((await scored(images)).found).toBe(all)
  })

  it('is read where nothing may be written', async () => {
    const images = await noise()
    await scored(images)
    const elsewhere = join(folder, 'copy')
    cpSync(cache, elsewhere, { recursive: true })
    vi.mocked(fs.rename).mockClear()
    expect((await scored(images, { cache: elsewhere })).found).toBe(all)
    expect(fs.rename).not.toHaveBeenCalled()
  })
})

describe('a cache that cannot be written', () => {
  it('is refused before the first image, where that can be known', async () => {
    const drawn = scenes({ count, size: 12 })
    const phases: string[] = []
    const ask = (at: string) => rsa(net, drawn, reference, { layers, cache: at, onProgress: ({ phase }) => phases.push(phase) })
    const file = join(folder, 'file')
    writeFileSync(file, '')
    await expect(ask(file)).rejects.toThrow(/file is there already and no folder; expected a folder/)
    await expect(ask(join(file, 'in'))).rejects.toThrow(
      /in is inside something that is not a folder; expected a folder that exists/,
    )
    const room = await fs.statfs(folder)
    vi.mocked(fs.statfs).mockResolvedValueOnce({ ...room, bavail: 1, bsize: 4096 })
    await expect(ask(cache)).rejects.toThrow(
      /^rsa: cache .*features is on a disk with 0\.000 GB left; expected 0\.000 GB for the features$/,
    )
    expect(new Set(phases)).toEqual(new Set(['cache']))
    await expect(ask('')).rejects.toThrow(/rsa: cache is ''; expected/)
  })

  it('is told of later, and the scores are what they are', async () => {
    const images = await noise()
    const { value } = await scored(images, { cache: join(folder, 'alone') })
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'rename' })
    const real = vi.mocked(fs.rename).getMockImplementation() as typeof fs.rename
    vi.mocked(fs.rename).mockRejectedValue(full)
    try {
      const { plans, value: own } = await scored(images)
      expect(own).toEqual(value)
      expect(plans.slice(1).map((text) => text.replace(/: write: .*features\/[^/]+ is /, ': '))).toEqual(
        ['pixels', 'trunk.0', 'blocks.0'].map(
          (layer) => `${layer} is not kept in the cache: on a full disk; expected free space for the file`,
        ),
      )
      expect(files()).toEqual([])
    } finally {
      vi.mocked(fs.rename).mockImplementation(real)
    }
  })
})
