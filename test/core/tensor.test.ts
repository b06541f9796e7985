import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import ndarray from 'ndarray'
import { describe, expect, it } from 'vitest'
import { root } from '#root'
import { testDevice } from '../../lib/device.js'
import {
  add,
  cpu,
  cuda,
  DeviceError,
  DisposedError,
  devices,
  hebbianLearn,
  leakedTensors,
  OutOfMemoryError,
  relu,
  ShapeError,
  StriateError,
  scale,
  scope,
  setThreads,
  softmaxCrossEntropy,
  Tensor,
  threads,
} from '../../lib/index.js'

const data = (n: number) => Float32Array.from({ length: n }, (_, i) => i)

describe('Tensor', () => {
  it('goes to the device and back in every element type', async () => {
    for (const [array, dtype] of [
      [new Float32Array([1.5, -2, Number.NaN]), 'f32'],
      [new Int32Array([1, -2, 2 ** 31 - 1]), 'i32'],
      [new Uint8Array([0, 128, 255]), 'u8'],
      [new Float64Array([1 / 3, -0, 5e-324, -2.5e-310, 1e308, Number.NEGATIVE_INFINITY, Number.NaN]), 'f64'],
    ] as const) {
      using t = Tensor.from(array)
      expect(t.dtype).toBe(dtype)
      expect((await t.read()).data).toEqual(array)
    }
    using zeros = Tensor.zeros([2, 3], { dtype: 'f64' })
    using third = Tensor.from(new Float64Array(6).fill(1 / 3))
    using moved = third.reshape([2, 3]).to(testDevice('cpu'))
    expect((await zeros.read()).data).toEqual(new Float64Array(6))
    expect(await moved.read()).toMatchObject({ shape: [2, 3], data: new Float64Array(6).fill(1 / 3) })
    expect(() => relu(third)).toThrow(/relu: x is f64 \[6\]; expected f32/)
    using rounded = Tensor.from(new Float32Array([1, 1 + 2 ** -9, -3.143]), { dtype: 'bf16' })
    expect([...(await rounded.read()).data]).toEqual([1, 1, -3.140625])
  })

  it('takes an ndarray of any strides', async () => {
    const matrix = ndarray(data(6), [2, 3])
    using t = Tensor.from(matrix.transpose(1, 0))
    expect(t.shape).toEqual([3, 2])
    expect([...(await t.read()).data]).toEqual([0, 3, 1, 4, 2, 5])
    using part = Tensor.from(matrix.hi(2, 2).lo(0, 1))
    expect([...(await part.read()).data]).toEqual([1, 4])
  })

  it('copies: what is changed afterwards does not matter', async () => {
    const array = data(3)
    using t = Tensor.from(array)
    array.fill(7)
    expect([...(await t.read()).data]).toEqual([0, 1, 2])
  })

  it('gives each result memory of its own, also of results that are gone', async () => {
    const collectGarbage = async () => {
      setFlagsFromString('--expose-gc')
      runInNewContext('gc')()
      await new Promise((resolve) => setTimeout(resolve, 20)) // finalizers
    }
    const numbers = 1 << 16
    const values = [1, 2, 3].map((value) => new Float32Array(numbers).fill(value))
    const tensors = values.map((value) => Tensor.from(value))
    const kept: unknown[] = []
    for (let round = 0; round < 3; ++round) {
      for (const [i, tensor] of tensors.entries()) {
        const { data } = await tensor.read()
        if (i === round) kept.push(data)
      }
      await collectGarbage()
    }
    expect(kept).toEqual(values)
    for (const tensor of tensors) tensor.dispose()
  })

  it('reshapes without a copy and refuses another size', async () => {
    using t = Tensor.from(data(6))
    const before = cpu().use().buffers
    using r = t.reshape([2, 3])
    expect(cpu().use().buffers).toBe(before)
    expect((await r.read()).shape).toEqual([2, 3])
    expect(() => t.reshape([4])).toThrow(ShapeError)
  })

  it('refuses wrong data with the field that is wrong', () => {
    expect(() => Tensor.from(data(3), { shape: [2, 2] })).toThrow(/Tensor.from: shape is \[2,2\]; expected a product of 3/)
    expect(() => Tensor.from(data(4), { shape: [2, 0] })).toThrow(ShapeError)
    expect(() => Tensor.from(data(4), { shape: [1, 1, 1, 1, 1, 1, 4] })).toThrow(ShapeError)
    expect(() => Tensor.from(new Float64Array(3), { dtype: 'f32' })).toThrow(
      /data is a typed array of another type; expected a Float32Array/,
    )
    expect(() => Tensor.from(new Int16Array(3) as unknown as Int32Array)).toThrow(ShapeError)
    expect(() => Tensor.from(data(3), { dtype: 'i32' })).toThrow(ShapeError)
  })

  it('is unusable once disposed, which may be said twice', async () => {
    const t = Tensor.from(data(3))
    const pending = scale(t, { factor: 2 })
    t.dispose()
    t.dispose()
    expect(() => add(t, t)).toThrow(DisposedError)
    await expect(async () => t.read()).rejects.toThrow(DisposedError)
    expect([...(await pending.read()).data]).toEqual([0, 2, 4]) // queued work kept its input
    pending.dispose()
  })

  it('scope frees what is not returned, also when f throws or is async', async () => {
    const before = cpu().use().buffers
    const kept = scope(() => {
      const a = Tensor.from(data(4))
      return { deep: [add(a, a)] }
    })
    expect(cpu().use().buffers).toBeLessThanOrEqual(before + 2)
    expect([...(await (kept.deep[0] as Tensor).read()).data]).toEqual([0, 2, 4, 6])
    kept.deep[0]?.dispose()
    expect(() =>
      scope(() => {
        Tensor.from(data(4))
        throw new Error('no')
      }),
    ).toThrow('no')
    await scope(async () => {
      await scale(Tensor.from(data(4))).read()
    })
    await cpu().sync()
    expect(cpu().use().buffers).toBe(before)
  })

  it('mixes no devices', () => {
    using a = Tensor.from(data(2))
    using b = Tensor.from(data(2), { device: testDevice('cpu') })
    expect(() => add(a, b)).toThrow(DeviceError)
    using c = b.to(cpu())
    using d = add(a, c)
    expect(d.shape).toEqual([2])
  })

  it('says how much memory was asked for when there is none', () => {
    expect(() => Tensor.zeros([2 ** 40])).toThrow(OutOfMemoryError)
    expect(() => Tensor.zeros([2 ** 40])).toThrow(/asked for.*live.*pooled/)
  })

  it('takes and returns the buffers of a large step without asking the system for them each time', async () => {
    const step = async () => {
      const buffers = Array.from({ length: 24 }, () => Tensor.zeros([3, 2 ** 20])) // 288 MiB
      for (const t of buffers) t.dispose()
      await cpu().sync()
    }
    cpu().trim()
    await step()
    const { allocations, pooledBytes } = cpu().use()
    expect(pooledBytes).toBeGreaterThanOrEqual(288 * 2 ** 20)
    await step()
    expect(cpu().use().allocations).toBe(allocations)
    cpu().trim()
  })

  it('lets go of what nobody has asked for in a second when other sizes need the place', async () => {
    const use = async (rows: number, count: number) => {
      const buffers = Array.from({ length: count }, () => Tensor.zeros([rows, 2 ** 18]))
      for (const t of buffers) t.dispose()
      await cpu().sync()
    }
    cpu().trim()
    await use(16, 24) // 384 MiB, the peak from here on
    await new Promise((wake) => setTimeout(wake, 1100))
    await use(17, 12)
    await use(17, 12) // what jobs kept is let go of when the next are submitted
    const { allocations, pooledBytes } = cpu().use()
    await use(17, 12)
    expect(cpu().use().allocations).toBe(allocations)
    expect(pooledBytes).toBeLessThan(2 ** 29)
    cpu().trim()
  })

  it('waits for the device before results that are not there yet fill the memory', async () => {
    const most = Math.max(2 ** 30, cpu().memory / 16)
    await cpu().sync()
    using x = Tensor.zeros([2 ** 23])
    const start = cpu().use().liveBytes
    let peak = 0
    // Three times as much as may wait, each let go of as soon as it is asked for.
    for (let i = 0; i < (3 * most) / 2 ** 25; ++i) {
      scale(x, { factor: 2 }).dispose()
      peak = Math.max(peak, cpu().use().liveBytes - start)
    }
    expect(peak).toBeLessThan(1.1 * most)
    await cpu().sync()
    cpu().trim()
  })

  it('delivers a late error with the op’s name, once, and goes on', async () => {
    using logits = Tensor.from(data(6), { shape: [2, 3] })
    using labels = Tensor.from(new Int32Array([0, 9]))
    const { loss, errors } = softmaxCrossEntropy(logits, labels)
    await expect(loss.read()).rejects.toMatchObject({ op: 'softmax_cross_entropy', argument: 'labels' })
    await cpu().sync()
    expect([...(await logits.read()).data]).toEqual([0, 1, 2, 3, 4, 5])
    loss.dispose()
    errors.dispose()
  })
})

describe('memory', () => {
  it('10,000 calls leave nothing behind', async () => {
    await cpu().sync()
    const before = cpu().use()
    const leaked = leakedTensors()
    using x = Tensor.from(data(1000))
    for (let i = 0; i < 10_000; i++) scale(x, { factor: 2 }).dispose()
    await cpu().sync()
    const after = cpu().use()
    expect(after.buffers).toBe(before.buffers + 1)
    expect(after.allocations - before.allocations).toBeLessThan(300) // one for each call that may wait in the queue while the pool has none
    expect(leakedTensors()).toBe(leaked)
  })
})

describe('devices', () => {
  it('lists the CPU, and CUDA with the reason where it cannot be used', () => {
    const list = devices()
    expect(list[0]).toMatchObject({ kind: 'cpu', usable: true })
    const gpu = list.find((d) => d.kind === 'cuda')
    expect(gpu).toBeDefined()
    if (gpu?.usable) return
    expect(gpu?.reason).toMatch(/\w+ \w+/)
    expect(() => cuda()).toThrow(DeviceError)
  })

  it('gives the same bits with any number of threads', async () => {
    const images = Uint8Array.from({ length: 64 * 3 * 16 * 16 }, (_, i) => (i * 2654435761) >>> 24)
    const rows = Float32Array.from({ length: 37 * 48 }, (_, i) => ((i * 40503) % 1000) / 1000 + 0.01)
    const learn = async (count: number) => {
      setThreads(count)
      return scope(async () => {
        const w = Tensor.from(rows, { shape: [37, 48] })
        hebbianLearn(Tensor.from(images, { shape: [64, 3, 16, 16] }), w, {
          steps: 30,
          totalSteps: 30,
          batch: 500,
          learningRate: 0.1,
        })
        return Buffer.from((await w.read()).data.buffer).toString('hex')
      })
    }
    const before = threads()
    const one = await learn(1)
    expect(await learn(2)).toBe(one)
    expect(await learn(5)).toBe(one)
    setThreads(before)
    expect(() => setThreads(0)).toThrow(StriateError)
  })
})

describe('worker_threads', () => {
  const entry = pathToFileURL(join(root, 'dist', 'index.js')).href
  const code = (body: string) => `
    import { parentPort } from 'node:worker_threads'
    import { Tensor, scale, hebbianLearn, competitiveLearn, ojaLearn } from ${JSON.stringify(entry)}
    ${body}`
  const start = (body: string) => new Worker(new URL(`data:text/javascript,${encodeURIComponent(code(body))}`))

  it('computes in a worker', async () => {
    const worker = start(`
      const t = scale(Tensor.from(new Float32Array([1, 2])), { factor: 3 })
      parentPort.postMessage([...(await t.read()).data])`)
    const answer = await new Promise((resolve, reject) => {
      worker.on('message', resolve)
      worker.on('error', reject)
    })
    await worker.terminate()
    expect(answer).toEqual([3, 6])
  })

  it('survives a worker that is terminated with work queued', async () => {
    for (const op of ['hebbianLearn', 'competitiveLearn', 'ojaLearn']) {
      const worker = start(`
        const images = Tensor.from(new Uint8Array(200 * 3 * 32 * 32).map((_, i) => i * 7), { shape: [200, 3, 32, 32] })
        const w = Tensor.from(new Float32Array(64 * 48).map((_, i) => (i % 97) / 97), { shape: [64, 48] })
        for (let s = 0; s < 20; s++) ${op}(images, w, { steps: 1000, totalSteps: 20000, firstStep: s * 1000 })
        void w.read()
        parentPort.postMessage('queued')`)
      await new Promise((resolve, reject) => {
        worker.on('message', resolve)
        worker.on('error', reject)
      })
      await worker.terminate()
    }
    using t = Tensor.from(data(2))
    expect([...(await t.read()).data]).toEqual([0, 1])
  })
})
