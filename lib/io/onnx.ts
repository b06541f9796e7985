// Writes models in the ONNX format (onnx.ai): a protobuf message. The descriptor holds the part of onnx.proto that a network of float32
// layers needs, with the standard's field numbers.
import type protobuf from 'protobufjs/light.js'
import { DataError } from '../errors.js'
import { writeAtomic } from './atomic.js'

/** Attributes tell whole numbers from floats by their type, not by their value. */
export type OnnxAttribute = { int: number } | { ints: readonly number[] } | { float: number }

/** One operator of the standard operator set. */
export interface OnnxNode {
  /** `Conv`, `Gemm` ... */
  op: string
  /** Names of inputs, of outputs of earlier nodes, or of initialisers. */
  inputs: readonly string[]
  /** Also the node's name. */
  output: string
  attributes?: Readonly<Record<string, OnnxAttribute>>
}

/** A constant: weights, or whole numbers that an operator takes as an input. */
export interface OnnxTensor {
  name: string
  shape: readonly number[]
  data: Float32Array | BigInt64Array
}

/** A float32 input or output; a size that is a name is free. */
export interface OnnxValue {
  name: string
  shape: readonly (number | string)[]
  doc?: string
}

export interface OnnxModel {
  /** Name of the graph. */
  name: string
  doc: string
  /** Free text by name. */
  metadata: Readonly<Record<string, string>>
  producer: { name: string; version: string }
  inputs: readonly OnnxValue[]
  outputs: readonly OnnxValue[]
  initialisers: readonly OnnxTensor[]
  /** In an order in which each comes after what it reads. */
  nodes: readonly OnnxNode[]
}

// Operator set 15 (ONNX 1.10, 2021) is the first with today's BatchNormalization, and 8 the first IR version that goes with it.
const irVersion = 8
const opset = 15
const dataType = { float: 1, int64: 7 } // TensorProto.DataType
const attributeType = { float: 1, int: 2, ints: 7 } // AttributeProto.AttributeType
const maxBytes = 2 ** 31 - 1 // of a protobuf message
// Numbers of the fields that are written in pieces: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data.
const fields = { graph: 7, initializer: 5, rawData: 9 }

const single = (type: string, id: number) => ({ type, id })
const repeated = (type: string, id: number) => ({ rule: 'repeated' as const, type, id })
// proto2, as the standard's own schema: a 0 that was set is written.
const message = (fields: protobuf.IType['fields']): protobuf.IType => ({ edition: 'proto2', fields })
const schema: protobuf.INamespace = {
  nested: {
    ModelProto: message({
      irVersion: single('int64', 1),
      producerName: single('string', 2),
      producerVersion: single('string', 3),
      docString: single('string', 6),
      opsetImport: repeated('OperatorSetIdProto', 8),
      metadataProps: repeated('StringStringEntryProto', 14),
    }),
    OperatorSetIdProto: message({ domain: single('string', 1), version: single('int64', 2) }),
    StringStringEntryProto: message({ key: single('string', 1), value: single('string', 2) }),
    GraphProto: message({
      node: repeated('NodeProto', 1),
      name: single('string', 2),
      input: repeated('ValueInfoProto', 11),
      output: repeated('ValueInfoProto', 12),
    }),
    NodeProto: message({
      input: repeated('string', 1),
      output: repeated('string', 2),
      name: single('string', 3),
      opType: single('string', 4),
      attribute: repeated('AttributeProto', 5),
    }),
    AttributeProto: message({
      name: single('string', 1),
      f: single('float', 2),
      i: single('int64', 3),
      ints: repeated('int64', 8),
      type: single('int32', 20),
    }),
    TensorProto: message({ dims: repeated('int64', 1), dataType: single('int32', 2), name: single('string', 8) }),
    ValueInfoProto: message({ name: single('string', 1), type: single('TypeProto', 2), docString: single('string', 3) }),
    TypeProto: message({ tensorType: single('TensorTypeProto', 1) }),
    TensorTypeProto: message({ elemType: single('int32', 1), shape: single('TensorShapeProto', 2) }),
    TensorShapeProto: message({ dim: repeated('DimensionProto', 1) }),
    DimensionProto: message({ dimValue: single('int64', 1), dimParam: single('string', 2) }),
  },
}

const valueInfo = ({ name, shape, doc }: OnnxValue): object => ({
  name,
  ...(doc ? { docString: doc } : {}),
  type: {
    tensorType: {
      elemType: dataType.float,
      shape: { dim: shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
    },
  },
})

function attributeProto([name, value]: [string, OnnxAttribute]): object {
  if ('float' in value) return { name, type: attributeType.float, f: value.float }
  if ('int' in value) return { name, type: attributeType.int, i: value.int }
  return { name, type: attributeType.ints, ints: value.ints }
}

interface Codec {
  encode(type: string, content: object): Uint8Array
  /** Number and length of a field, before its bytes. */
  fieldHead(id: number, bytes: number): Uint8Array
}

/** Loaded by the first model that is written: no other work waits for it. */
async function loadCodec(): Promise<Codec> {
  const { default: protobuf } = await import('protobufjs/light.js')
  const root = protobuf.Root.fromJSON(schema)
  return {
    encode: (type, content) => root.lookupType(type).encode(content).finish(),
    fieldHead: (id, bytes) =>
      protobuf.Writer.create()
        .uint32((id << 3) | 2)
        .uint32(bytes)
        .finish(),
  }
}

const lengthOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

/** An initialiser as a field of its graph: pieces, so that no weight is copied. */
function tensorField({ name, shape, data }: OnnxTensor, { encode, fieldHead }: Codec): Uint8Array[] {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const type = data instanceof BigInt64Array ? dataType.int64 : dataType.float
  const tensor = [encode('TensorProto', { dims: shape, dataType: type, name }), fieldHead(fields.rawData, raw.length), raw]
  return [fieldHead(fields.initializer, lengthOf(tensor)), ...tensor]
}

/**
 * Writes a model as one ONNX file (IR version 8, operator set 15), whole or not at all.
 * @throws {DataError} when it cannot be written, or would be larger than the 2 GiB of a protobuf message
 */
export async function writeOnnx(path: string, model: OnnxModel): Promise<void> {
  const codec = await loadCodec()
  const { encode, fieldHead } = codec
  const head = encode('ModelProto', {
    irVersion,
    producerName: model.producer.name,
    producerVersion: model.producer.version,
    docString: model.doc,
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
  })
  const structure = encode('GraphProto', {
    node: model.nodes.map(({ op, inputs, output, attributes = {} }) => ({
      input: inputs,
      output: [output],
      name: output,
      opType: op,
      attribute: Object.entries(attributes).map(attributeProto),
    })),
    name: model.name,
    input: model.inputs.map(valueInfo),
    output: model.outputs.map(valueInfo),
  })
  const graph = [structure, ...model.initialisers.flatMap((tensor) => tensorField(tensor, codec))]
  const file = [head, fieldHead(fields.graph, lengthOf(graph)), ...graph]
  const bytes = lengthOf(file)
  if (bytes > maxBytes)
    throw new DataError({
      op: 'writeOnnx',
      argument: path,
      actual: `${(bytes / 2 ** 30).toFixed(2)} GiB of model`,
      expected: 'less than 2 GiB, the most that an ONNX file holds; export it as safetensors',
    })
  await writeAtomic(path, async (sink) => {
    for (const piece of file) await sink.write(piece)
  })
}
