import { createRequire } from 'node:module';
import type protobuf from 'protobufjs';
import { readMessage } from './wire.ts';

const packed = { packed: true };

/** Versions, properties and shapes of values: messages of every reader of models. */
export const VALUE_MESSAGES = {
  Opset: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
  Entry: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
  ValueInfo: { fields: { name: { type: 'string', id: 1 }, type: { type: 'Type', id: 2 } } },
  Type: { fields: { tensor: { type: 'TensorType', id: 1 } } },
  TensorType: { fields: { elementType: { type: 'int32', id: 1 }, shape: { type: 'Shape', id: 2 } } },
  Shape: { fields: { dimensions: { rule: 'repeated', type: 'Dimension', id: 1 } } },
  Dimension: { fields: { size: { type: 'int64', id: 1 }, symbol: { type: 'string', id: 2 } } },
} satisfies protobuf.INamespace['nested'];

/**
 * The messages and fields of ONNX that a boosted-tree graph needs, by their field numbers in the ONNX IR specification
 * (https://onnx.ai/onnx/repo-docs/IR.html). A parser skips unknown fields, so a file with more of them can still be
 * read.
 */
const MESSAGES: protobuf.INamespace = {
  nested: {
    Model: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        producerName: { type: 'string', id: 2 },
        docString: { type: 'string', id: 6 },
        graph: { type: 'Graph', id: 7 },
        opsets: { rule: 'repeated', type: 'Opset', id: 8 },
        metadata: { rule: 'repeated', type: 'Entry', id: 14 },
      },
    },
    ...VALUE_MESSAGES,
    Graph: {
      fields: {
        nodes: { rule: 'repeated', type: 'Node', id: 1 },
        name: { type: 'string', id: 2 },
        inputs: { rule: 'repeated', type: 'ValueInfo', id: 11 },
        outputs: { rule: 'repeated', type: 'ValueInfo', id: 12 },
      },
    },
    Node: {
      fields: {
        inputs: { rule: 'repeated', type: 'string', id: 1 },
        outputs: { rule: 'repeated', type: 'string', id: 2 },
        name: { type: 'string', id: 3 },
        operator: { type: 'string', id: 4 },
        attributes: { rule: 'repeated', type: 'Attribute', id: 5 },
        domain: { type: 'string', id: 7 },
      },
    },
    Attribute: {
      fields: {
        name: { type: 'string', id: 1 },
        number: { type: 'float', id: 2 },
        integer: { type: 'int64', id: 3 },
        text: { type: 'bytes', id: 4 },
        floats: { rule: 'repeated', type: 'float', id: 7, options: packed },
        integers: { rule: 'repeated', type: 'int64', id: 8, options: packed },
        texts: { rule: 'repeated', type: 'bytes', id: 9 },
        type: { type: 'int32', id: 20 },
      },
    },
  },
};

export const ELEMENT_FLOAT32 = 1;
export const ELEMENT_FLOAT64 = 11;
export const ELEMENT_STRING = 8;
export const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, FLOATS: 6, INTS: 7, STRINGS: 8 } as const;

export interface OnnxAttribute {
  name: string;
  type: number;
  number?: number;
  integer?: number;
  text?: Uint8Array;
  floats?: number[];
  integers?: number[];
  texts?: Uint8Array[];
}
export interface OnnxNode {
  inputs: string[];
  outputs: string[];
  name: string;
  operator: string;
  domain?: string;
  attributes?: OnnxAttribute[];
}
export interface OnnxValue {
  name: string;
  type: { tensor: { elementType: number; shape: { dimensions: { size?: number; symbol?: string }[] } } };
}
export interface OnnxModel {
  irVersion: number;
  producerName: string;
  docString?: string;
  graph: { nodes: OnnxNode[]; name: string; inputs: OnnxValue[]; outputs: OnnxValue[] };
  opsets: { domain: string; version: number }[];
  metadata: { key: string; value: string }[];
}

let known: protobuf.Root | undefined;

/** Loads the library on demand: few commands read models. */
function typeNamed(name: 'Model' | 'Node'): protobuf.Type {
  const { Root } = createRequire(import.meta.url)('protobufjs/light.js') as typeof protobuf;
  return (known ??= Root.fromJSON(MESSAGES)).lookupType(name);
}

/** Fields are written in the order of their numbers: equal models give equal bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return encodeAs('Model', model);
}

/** A node alone, as a graph has it. */
export function encodeNode(node: OnnxNode): Uint8Array {
  return encodeAs('Node', node);
}

function encodeAs(name: 'Model' | 'Node', message: object): Uint8Array {
  const type = typeNamed(name);
  return type.encode(type.fromObject(message)).finish().slice();
}

/**
 * The message with every absent field at its default.
 * @throws RangeError when the bytes are not protobuf of this shape.
 */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  return readMessage(typeNamed('Model'), bytes) as unknown as OnnxModel;
}
