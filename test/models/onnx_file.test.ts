// The ONNX file itself: what it says and holds, and what the command does.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '#root'
import { writeOnnx } from '../../lib/io/index.js'
import { exportOnnx, type Network } from '../../lib/models/index.js'
import { version } from '../../lib/version.js'
import { networks, smallLocal } from './networks.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'striate-onnx-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the file', () => {
  // The parts of the standard's own schema (onnx/onnx.proto) that are read here.
  const schema = protobuf.parse(`syntax = "proto2";
    message AttributeProto { optional string name = 1; optional float f = 2; optional int64 i = 3; repeated int64 ints = 8; optional int32 type = 20; }
    message NodeProto { repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4; repeated AttributeProto attribute = 5; optional string domain = 7; }
    message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9; }
    message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
    message TensorShapeProto { repeated Dimension dim = 1; }
    message Tensor { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
    message TypeProto { optional Tensor tensor_type = 1; }
    message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; optional string doc_string = 3; }
    message GraphProto { repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5; repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
    message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
    message StringStringEntryProto { optional string key = 1; optional string value = 2; }
    message ModelProto { optional int64 ir_version = 1; optional string producer_name = 2; optional string producer_version = 3; optional string doc_string = 6; optional GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14; }`).root
  const decode = (path: string) => {
    const type = schema.lookupType('ModelProto')
    return type.toObject(type.decode(readFileSync(path)), { longs: Number, arrays: true })
  }

  it('says what it is: version, pixels, blocks, classes', async () => {
    const path = join(folder, 'said.onnx')
    const net = await smallLocal()
    await exportOnnx(net, path)
    const { irVersion, opsetImport, docString, metadataProps, graph, producerVersion } = decode(path)
    expect(irVersion).toBe(8)
    expect(opsetImport).toEqual([{ domain: '', version: 15 }])
    expect(producerVersion).toBe(version)
    expect(docString).toMatch(
      /12 filters of 4 x 4.+pixels from 0 to 1, N free.+logits: one number for each class, before any softmax/,
    )
    const metadata = Object.fromEntries(metadataProps.map(({ key, value }: { key: string; value: string }) => [key, value]))
    expect(metadata).toMatchObject({ striate: version, classes: '["a","b","c"]' })
    expect(JSON.parse(metadata.config)).toEqual(net.config)
    expect(JSON.parse(metadata.nnl_conv)).toMatchObject([
      { name: 'blocks.0', window: 4, power: 12, centre: false, pool: { size: 5, stride: 3 } },
    ])
    const [input] = graph.input
    expect([input.name, input.type.tensorType.elemType]).toEqual(['images', 1])
    expect(input.type.tensorType.shape.dim).toEqual([{ dimParam: 'N' }, { dimValue: 3 }, { dimValue: 32 }, { dimValue: 32 }])
    const [output] = graph.output
    expect(output.name).toBe('logits')
    expect(output.type.tensorType.shape.dim).toEqual([{ dimParam: 'N' }, { dimValue: 3 }])
    net.dispose()
  })

  it('holds the weights as they are, and only operators of the standard', async () => {
    const path = join(folder, 'weights.onnx')
    const net = await (networks['NNL-CONV trained end to end'] as () => Promise<Network>)()
    await exportOnnx(net, path)
    const { graph } = decode(path)
    type Stored = { name: string; dims: number[]; dataType: number; rawData: Uint8Array }
    const stored = new Map((graph.initializer as Stored[]).map((tensor) => [tensor.name, tensor]))
    for (const [name, { shape, data }] of await net.state()) {
      const { dims, dataType, rawData } = stored.get(name) as Stored
      expect([dims, dataType]).toEqual([[...shape], 1])
      expect(Buffer.from(rawData).equals(Buffer.from(data.buffer, data.byteOffset, data.byteLength)), name).toBe(true)
    }
    for (const node of graph.node) expect(node.domain ?? '').toBe('')
    expect(new Set(graph.node.map((node: { opType: string }) => node.opType))).toEqual(
      new Set('Conv Mul Greater Sqrt Reciprocal Where MaxPool Relu Pow Flatten Concat Gemm Identity'.split(' ')),
    )
    const names = graph.node.flatMap((node: { output: string[] }) => node.output)
    expect(new Set([...names, ...stored.keys(), 'images']).size).toBe(names.length + stored.size + 1)
    net.dispose()
  })

  it('is refused above 2 GiB and in a missing folder, and leaves nothing behind', async () => {
    const place = join(folder, 'refused')
    mkdirSync(place)
    const none = { name: '', doc: '', metadata: {}, producer: { name: '', version: '' }, inputs: [], outputs: [], nodes: [] }
    const data = new Float32Array(2 ** 22)
    const initialisers = Array.from({ length: 128 }, (_, i) => ({ name: `${i}`, shape: [2 ** 22], data }))
    await expect(writeOnnx(join(place, 'large.onnx'), { ...none, initialisers })).rejects.toThrow(
      /large.onnx is 2.00 GiB of model; expected less than 2 GiB/,
    )
    const net = await smallLocal()
    await expect(exportOnnx(net, join(place, 'nowhere', 'a.onnx'))).rejects.toThrow(/nowhere/)
    expect(readdirSync(place)).toEqual([])
    net.dispose()
  })
})

describe('striate export --format onnx', () => {
  const striate = (...args: string[]) =>
    spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...args], { cwd: folder, encoding: 'utf8' })

  it('writes the graph of every kind of run', async () => {
    for (const [kind, name] of [
      ['local', 'a local network'],
      ['network', 'NNL-CONV trained end to end'],
    ] as const) {
      const net = (await networks[name]?.()) as Network
      mkdirSync(join(folder, kind))
      await net.save(join(folder, kind, 'model.safetensors'))
      const { status, stdout, stderr } = striate('export', '--run', kind, '--format', 'onnx', '--out', `${kind}.onnx`)
      expect(status, stderr).toBe(0)
      expect(stdout).toBe(`written: ${kind}.onnx\n`)
      await exportOnnx(net, join(folder, 'direct.onnx'))
      expect(readFileSync(join(folder, `${kind}.onnx`)).equals(readFileSync(join(folder, 'direct.onnx')))).toBe(true)
      net.dispose()
    }
    expect(striate('export', '--run', 'network', '--format', 'npy', '--out', 'a.npy', '--tensor', 'readout.weight').status).toBe(
      0,
    )
  })

  it('refuses in one sentence', () => {
    mkdirSync(join(folder, 'empty'))
    for (const [text, ...args] of [
      [/model.safetensors is missing/, '--run', 'empty', '--format', 'onnx', '--out', 'b.onnx'],
      [/nowhere/, '--run', 'network', '--format', 'onnx', '--out', 'nowhere/b.onnx'],
      [/--tensor is missing; expected .*blocks.0.weight/, '--run', 'network', '--format', 'npy', '--out', 'b.npy'],
    ] as const) {
      const { status, stderr } = striate('export', ...args)
      expect(status).not.toBe(0)
      expect(stderr).toMatch(text)
      expect(stderr.trim()).not.toContain('\n')
    }
    expect(readdirSync(folder).filter((file) => file.startsWith('b.'))).toEqual([])
  })
})
