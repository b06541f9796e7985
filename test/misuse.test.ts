// What a program may do wrong with tensors, devices and ops: every mistake ends in one of Striate's errors, at once and in one form.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import ndarray from 'ndarray'
import { describe, expect, it } from 'vitest'
import { root } from '#root'
import { cpu, cuda, DeviceError, deviceOf, OptionError, ShapeError, StriateError, setThreads, Tensor } from '../lib/index.js'
import * as ops from '../lib/ops/index.js'
import { uniform } from './ops/proof.js'

/** Hands over what the types forbid. */
const wrong = (value: unknown): never => value as never
const data = (n: number) => Float32Array.from({ length: n }, (_, i) => i)

function refusal(f: () => unknown): StriateError {
  let made: unknown
  try {
    made = f()
  } catch (error) {
    expect(error).toBeInstanceOf(StriateError)
    return error as StriateError
  }
  throw new Error(`nothing was refused: ${made}`)
}

describe('an ndarray outside its data is refused', () => {
  const matrix = (shape: number[], stride: number[], offset = 0) => ndarray(data(6), shape, stride, offset)
  it.each([
    ['a transpose of an unfit shape', matrix([3, 3], [1, 3])],
    ['an offset past the end', matrix([2], [1], 100)],
    ['a negative offset', matrix([2], [1], -3)],
    ['a packed one too long', matrix([7], [1])],
    ['a negative stride past the start', matrix([3], [-1], 1)],
    ['a stride that is no whole number', matrix([2], [0.5])],
    ['fewer strides than sizes', matrix([2, 3], [1])],
    ['no elements', matrix([0, 3], [3, 1])],
  ])('%s', (_, array) => {
    const error = refusal(() => Tensor.from(array))
    expect(error).toBeInstanceOf(ShapeError)
    expect(error.message).toMatch(
      /^Tensor.from: data is an ndarray of shape .*; expected one that has elements and lies within its data$/,
    )
  })

  it('and one within it is taken, reversed and repeated rows too', async () => {
    using reversed = Tensor.from(ndarray(data(6), [3, 2], [-2, -1], 5))
    expect([...(await reversed.read()).data]).toEqual([5, 4, 3, 2, 1, 0])
    using repeated = Tensor.from(ndarray(data(6), [2, 3], [0, 1], 3))
    expect([...(await repeated.read()).data]).toEqual([3, 4, 5, 3, 4, 5])
  })
})

describe('arrays of other kinds', () => {
  it('a SharedArrayBuffer is taken', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(16), 4, 3)
    shared.set([1, 2, 3])
    using t = Tensor.from(shared)
    using b = Tensor.from(shared, { dtype: 'bf16' })
    expect([...(await t.read()).data]).toEqual([1, 2, 3])
    expect([...(await b.read()).data]).toEqual([1, 2, 3])
  })

  it('typed arrays of another realm are taken, bare, as bf16 and in an ndarray', async () => {
    const foreign = runInNewContext('new Float32Array([1, 2, 3, 4])') as Float32Array
    expect(foreign instanceof Float32Array).toBe(false)
    using t = Tensor.from(foreign)
    using b = Tensor.from(foreign, { dtype: 'bf16' })
    using m = Tensor.from(ndarray(foreign, [2, 2]).transpose(1, 0))
    expect([t.dtype, b.dtype]).toEqual(['f32', 'bf16'])
    expect([...(await b.read()).data]).toEqual([1, 2, 3, 4])
    expect([...(await m.read()).data]).toEqual([1, 3, 2, 4])
  })

  it('others are named', () => {
    expect(() => Tensor.from(wrong(null))).toThrow(/^Tensor.from: data is null; expected a Float32Array/)
    expect(() => Tensor.from(wrong(new BigInt64Array(2)))).toThrow(/data is a BigInt64Array/)
    expect(() => Tensor.from(wrong(new DataView(new ArrayBuffer(4))))).toThrow(/data is a DataView/)
    expect(() => Tensor.from(wrong([1, 2]))).toThrow(/data is object/)
  })
})

describe('one form of error', () => {
  const t = Tensor.from(data(6))
  it.each<[string, () => unknown, string]>([
    ['zeros(5)', () => Tensor.zeros(wrong(5)), 'Tensor.zeros: shape is 5; expected an array of sizes'],
    ['zeros()', () => Tensor.zeros(wrong(undefined)), 'Tensor.zeros: shape is missing; expected an array of sizes'],
    [
      'zeros([symbol])',
      () => Tensor.zeros(wrong([2, Symbol('x')])),
      'Tensor.zeros: shape is [2,a symbol]; expected whole numbers of at least 1',
    ],
    ['reshape(5)', () => t.reshape(wrong(5)), 'reshape: shape is 5; expected an array of sizes'],
    ['reshape([2.5])', () => t.reshape([2.5]), 'reshape: shape is [2.5]; expected whole numbers of at least 1'],
    ['to()', () => t.to(wrong(undefined)), 'to: device is no device; expected what cpu() or cuda() returns'],
    ['to(a tensor)', () => t.to(wrong(t)), 'to: device is no device; expected what cpu() or cuda() returns'],
    [
      'from on a tensor',
      () => Tensor.from(data(2), { device: wrong(t) }),
      'Tensor.from: device is no device; expected what cpu() or cuda() returns',
    ],
    ['add of a device', () => ops.add(t, wrong(cpu())), 'add: y is no tensor; expected a Tensor'],
    ['a prototype alone', () => ops.relu(wrong({ raw: Object.create(t.raw) })), 'relu: x is no tensor; expected a Tensor'],
    [
      'dtype',
      () => Tensor.zeros([2], { dtype: wrong('f16') }),
      "Tensor.zeros: dtype is 'f16'; expected one of 'f32', 'bf16', 'i32', 'u8', 'f64'",
    ],
    [
      'dtype 5',
      () => Tensor.zeros([2], { dtype: wrong(5) }),
      "Tensor.zeros: dtype is 5; expected one of 'f32', 'bf16', 'i32', 'u8', 'f64'",
    ],
    [
      'conv2d(x, w, null)',
      () => ops.conv2d(t, t, wrong(null)),
      'conv2d: options is null; expected an object of stride, padding, precision, bias',
    ],
    ['scale(x, null)', () => ops.scale(t, wrong(null)), 'scale: options is null; expected an object'],
    [
      'of: gx',
      () => ops.linearGrad(t, t, t, { of: wrong('gx') }),
      "linear_grad: of is 'gx'; expected a list of outputs, of gx, gw, gb",
    ],
    [
      'of: [gz]',
      () => ops.linearGrad(t, t, t, { of: wrong(['gz']) }),
      "linear_grad: of is 'gz'; expected a list of outputs, of gx, gw, gb",
    ],
  ])('%s', (_, call, message) => {
    expect(refusal(call).message).toBe(message)
  })

  it('devices', () => {
    for (const index of [-1, 1.5, Number.NaN, '0', null, Symbol('x'), {}])
      expect(refusal(() => cuda(wrong(index)))).toBeInstanceOf(DeviceError)
    for (const name of ['gpu', 'cpu:0', 'cuda:x', '', Symbol('x'), null])
      expect(refusal(() => deviceOf(wrong(name)))).toBeInstanceOf(DeviceError)
    for (const count of [0, 1.5, '2', 2000]) expect(refusal(() => setThreads(wrong(count)))).toBeInstanceOf(DeviceError)
  })

  it('holds for any arguments of any wrapper', async () => {
    const next = uniform(7)
    const alive = [
      Tensor.from(data(4)),
      Tensor.from(data(4), { shape: [2, 2] }),
      Tensor.from(data(16), { shape: [1, 1, 4, 4] }),
      Tensor.from(new Uint8Array(16), { shape: [1, 1, 4, 4] }),
      Tensor.from(new Int32Array(2)),
      Tensor.from(new Float64Array(4), { shape: [2, 2] }),
    ]
    const gone = Tensor.from(data(2))
    gone.dispose()
    const odd = [
      undefined,
      null,
      0,
      -1,
      2.5,
      Number.NaN,
      'x',
      '',
      true,
      1n,
      Symbol('x'),
      () => 1,
      [],
      [1],
      {},
      { raw: 1 },
      cpu(),
      gone,
      data(3),
    ]
    const draw = (): unknown => {
      const values = next() < 0.5 ? alive : odd
      return values[Math.floor(next() * values.length)]
    }
    const options = (): unknown => {
      const names = [
        'stride',
        'padding',
        'bias',
        'pool',
        'of',
        'saved',
        'batch',
        'window',
        'kind',
        'size',
        'power',
        'unit',
        'at',
        'w',
        'x',
      ]
      const keys = Array.from({ length: Math.floor(next() * 3) }, () => names[Math.floor(next() * names.length)] as string)
      return Object.fromEntries(keys.map((key) => [key, draw()]))
    }
    let calls = 0
    const wrappers = Object.entries(ops).filter(([, exported]) => typeof exported === 'function')
    for (const [name, wrapper] of wrappers) {
      for (let i = 0; i < 300; i++) {
        const args = Array.from({ length: Math.floor(next() * 6) }, () => (next() < 0.2 ? options() : draw()))
        calls++
        try {
          const made = (wrapper as (...args: unknown[]) => unknown)(...args)
          for (const t of made instanceof Tensor ? [made] : Object.values(made ?? {})) if (t instanceof Tensor) t.dispose()
        } catch (error) {
          if (error instanceof StriateError) continue
          throw new Error(`${name}(${args.map((a) => typeof a)}) ended in ${error}`, { cause: error })
        }
      }
      await cpu()
        .sync()
        .catch((error) => expect(error).toBeInstanceOf(StriateError))
    }
    expect(calls).toBe(300 * wrappers.length)
    for (const t of alive) t.dispose()
  })
})

describe('unknown options are refused', () => {
  const image = Tensor.from(data(32), { shape: [1, 2, 4, 4] })
  const filters = Tensor.from(data(8), { shape: [1, 2, 2, 2] })
  const row = Tensor.from(data(4), { shape: [2, 2] })
  it.each<[string, () => unknown, string]>([
    ['Tensor.from', () => Tensor.from(data(2), wrong({ dytpe: 'f32' })), 'dytpe'],
    ['Tensor.zeros', () => Tensor.zeros([2], wrong({ shape: [2] })), 'shape'],
    ['conv2d', () => ops.conv2d(image, filters, wrong({ biass: null })), 'biass'],
    ['conv2d_grad', () => ops.conv2dGrad(image, filters, image, wrong({ off: [] })), 'off'],
    ['linear_grad', () => ops.linearGrad(row, row, row, wrong({ fo: [] })), 'fo'],
    ['nnl_conv', () => ops.nnlConv(image, filters, wrong({ poolSize: 2 })), 'poolSize'],
    ['nnl_conv', () => ops.nnlConv(image, filters, { pool: wrong({ sise: 2, stride: 1 }) }), 'pool.sise'],
    ['nnl_conv', () => ops.nnlConv(image, filters, { pool: wrong(2) }), 'pool'],
    ['nnl_conv', () => ops.nnlConv(image, filters, { pool: wrong({ size: 2 }) }), 'poolStride'],
    ['nnl_conv', () => ops.nnlConvWithIndex(image, filters, wrong({ centred: true })), 'centred'],
    ['nnl_conv_grad', () => ops.nnlConvGrad(image, filters, image, wrong({ store: 'f32' })), 'store'],
    ['nnl_conv_grad', () => ops.nnlConvGrad(image, filters, image, { saved: wrong({ z: row }) }), 'saved.z'],
    ['scale', () => ops.scale(row, wrong({ facter: 1 })), 'facter'],
    ['max_pool', () => ops.maxPool(image, wrong({ sise: 2 })), 'sise'],
  ])('%s', (op, call, argument) => {
    const error = refusal(call)
    expect(error).toBeInstanceOf(OptionError)
    expect(error).toMatchObject({ op, argument })
  })
})

describe('two copies of the package in one program', () => {
  it('share devices, tensors and the classes of errors', () => {
    const program = `
      import { createRequire } from 'node:module'
      const esm = await import(${JSON.stringify(join(root, 'dist', 'index.js'))})
      const cjs = createRequire(import.meta.url)(${JSON.stringify(join(root, 'dist', 'cjs', 'index.js'))})
      const a = esm.Tensor.from(new Float32Array([1, 2])), b = cjs.Tensor.from(new Float32Array([3, 4]))
      const caught = (f) => { try { f() } catch (error) { return error } }
      const shape = caught(() => cjs.Tensor.zeros(5)), option = caught(() => esm.scale(a, { x: 1 }))
      class Own extends esm.ShapeError {}
      console.log(JSON.stringify([
        esm.Tensor !== cjs.Tensor && esm.ShapeError !== cjs.ShapeError,
        esm.cpu() === cjs.cpu(),
        [...(await cjs.add(a, b).read()).data],
        shape instanceof esm.ShapeError, shape instanceof esm.StriateError, shape instanceof Error,
        option instanceof cjs.OptionError, option instanceof cjs.ShapeError, shape instanceof Own,
        new Own('') instanceof Own && new Own('') instanceof cjs.ShapeError,
      ]))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([true, true, [4, 6], true, true, true, true, false, false, true])
  })
})
