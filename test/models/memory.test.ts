// What a pass of a network holds while it runs, byte by byte: every call of an op is looked at as it is made.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { testDevice } from '../../lib/device.js'
import { layerExtents, localNet, Network, resNet18 } from '../../lib/models/index.js'
import { addon } from '../../lib/native.js'
import { leakedTensors, scope, Tensor } from '../../lib/tensor.js'
import { volume } from './networks.js'

const device = testDevice('cpu')

/** Most bytes that were live after any op's call, beyond those that were live before, and those left in the end. */
async function peak<T>(run: () => Promise<T>): Promise<{ result: T; peak: number; left: number }> {
  await device.sync()
  const before = device.use().liveBytes
  let most = 0
  const call = addon.call
  const spy = vi.spyOn(addon, 'call').mockImplementation((...args) => {
    const made = call(...args)
    most = Math.max(most, device.use().liveBytes - before)
    return made
  })
  try {
    const result = await run()
    await device.sync()
    return { result, peak: most, left: device.use().liveBytes - before }
  } finally {
    spy.mockRestore()
  }
}

const bytesOf = (tensors: readonly Tensor[]): number => tensors.reduce((sum, { size }) => sum + 4 * size, 0)
/** Bytes that the pool may take for so many: its buffers come in steps of an eighth, and a few hold a number for each channel. */
const held = (bytes: number): number => 1.125 * bytes + 2 ** 18

afterEach(() => expect(leakedTensors()).toBe(0))

describe('ResNet-18', () => {
  const last = ['layer4.1.relu', 'avgpool']
  const early = ['maxpool', 'layer1.0', 'layer1.0.conv1', 'layer2.0.downsample.0']
  it.each([
    [64, 16, last],
    [64, 16, [...early, ...last]],
    [64, 16, ['conv1', 'relu', 'fc']],
    [64, 16, []],
    [224, 4, last],
    [224, 4, [...early, ...last]],
  ])('of %d pixels a side and %d images holds at most three of its largest maps beside %j', async (side, count, at) => {
    using net = new Network(resNet18({ image: [side, side], outputs: 10, standardise: true }), { device, init: 'fan-in' })
    using images = Tensor.from(new Uint8Array(count * 3 * side * side).fill(100), { shape: [count, 3, side, side], device })
    const largest = Math.max(...[...layerExtents(net.config).values()].map((extent) => 4 * count * volume(extent)))
    const read = async (): Promise<Tensor[]> =>
      at.length > 0 ? Object.values(await net.features(images, { at })) : [await net.infer(images)]
    const { result, peak: most, left } = await peak(read)
    expect(result.every(({ disposed }) => !disposed)).toBe(true)
    const asked = bytesOf(result)
    expect(most).toBeLessThan(held(3 * largest + asked))
    expect(most).toBeGreaterThan(largest)
    expect(left).toBeLessThan(held(asked))
    for (const tensor of result) tensor.dispose()
  })

  it('in a training pass holds far more: what the backward pass needs', async () => {
    using net = new Network(resNet18({ image: [64, 64], outputs: 10 }), { device, init: 'fan-in' })
    using frozen = new Network(
      { ...net.config, frozen: ['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4'] },
      { device, init: 'fan-in' },
    )
    using images = Tensor.from(new Uint8Array(4 * 3 * 64 * 64).fill(100), { shape: [4, 3, 64, 64], device })
    const largest = 4 * 4 * 64 * 32 * 32
    /** Bytes that are live once a training pass is done. */
    const kept = async (network: Network, look: (saved: readonly unknown[]) => void = () => {}): Promise<number> => {
      await device.sync()
      const before = device.use().liveBytes
      const { y, saved } = scope(() => network.forward(images, { training: true }))
      await device.sync()
      const bytes = device.use().liveBytes - before
      look(saved)
      const own = new Set([images, ...network.parameters.values(), ...network.buffers.values()])
      for (const tensor of tensorsIn([y, saved])) if (!own.has(tensor)) tensor.dispose()
      return bytes
    }
    const most = await kept(net)
    expect(most).toBeGreaterThan(8 * largest)
    const less = await kept(frozen, (saved) =>
      expect(saved.map((own) => own === null)).toEqual(frozen.layers.map(({ name }) => name !== 'fc')),
    )
    expect(less).toBeLessThan(largest)
  })
})

/** Every tensor within. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(tensorsIn) : []
}

describe('a local network', () => {
  it('holds one branch beside the features', async () => {
    const blocks = [3, 4, 5, 7, 8].map((window) => ({ window, units: 40, power: 10, pool: { size: 9, stride: 3 } }))
    using net = new Network(localNet({ channels: 3, image: [32, 32], blocks }), { device })
    using images = Tensor.from(new Uint8Array(64 * 3072).fill(100), { shape: [64, 3, 32, 32], device })
    const branch = Math.max(...blocks.map((_, i) => 4 * 64 * volume(net.extent(`blocks.${i}`))))
    const { result, peak: most } = await peak(() => net.features(images, { at: ['features'] }))
    // Maps that are done with are held until the queue has come past them: three of the largest, the features, in all.
    expect(most).toBeLessThan(held(3 * bytesOf(Object.values(result))))
    expect(most).toBeGreaterThanOrEqual(bytesOf(Object.values(result)) + branch)
    for (const tensor of Object.values(result)) tensor.dispose()
  })
})

describe('what fails half-way', () => {
  it('lets go of everything', async () => {
    using net = new Network(resNet18({ image: [64, 64], outputs: 10 }), { device, init: 'fan-in' })
    using images = Tensor.from(new Uint8Array(2 * 3 * 64 * 64), { shape: [2, 3, 64, 64], device })
    await device.sync()
    const before = device.use().liveBytes
    const call = addon.call
    let calls = 0
    const spy = vi.spyOn(addon, 'call').mockImplementation((...args) => {
      if (++calls === 20) throw new Error('no more')
      return call(...args)
    })
    await expect(net.features(images, { at: ['maxpool', 'fc'] })).rejects.toThrow('no more')
    spy.mockRestore()
    await device.sync()
    expect(device.use().liveBytes).toBe(before)
  })
})
