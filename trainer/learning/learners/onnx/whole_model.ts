import { createRequire } from 'node:module';
import type protobuf from 'protobufjs';
import { metadataEntries } from '../../../../shared/bundle/onnx/onnx.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { encodeNode, VALUE_MESSAGES, type OnnxNode, type OnnxValue } from '../../../../shared/bundle/onnx/schema.ts';
import { readMessage } from '../../../../shared/bundle/onnx/wire.ts';

/**
 * The messages of ONNX (https://onnx.ai/onnx/repo-docs/IR.html) with all that one of another program may have. What
 * only has to be passed on (tensors, attributes) stays bytes.
 */
const MESSAGES: protobuf.INamespace = {
  nested: {
    Model: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        producerName: { type: 'string', id: 2 },
        graph: { type: 'Graph', id: 7 },
        opsets: { rule: 'repeated', type: 'Opset', id: 8 },
        metadata: { rule: 'repeated', type: 'Entry', id: 14 },
      },
    },
    ...VALUE_MESSAGES,
    Graph: {
      fields: {
        nodes: { rule: 'repeated', type: 'bytes', id: 1 },
        name: { type: 'string', id: 2 },
        initializers: { rule: 'repeated', type: 'bytes', id: 5 },
        inputs: { rule: 'repeated', type: 'ValueInfo', id: 11 },
        outputs: { rule: 'repeated', type: 'ValueInfo', id: 12 },
        values: { rule: 'repeated', type: 'bytes', id: 13 },
        sparseInitializers: { rule: 'repeated', type: 'bytes', id: 15 },
      },
    },
    Node: {
      fields: {
        inputs: { rule: 'repeated', type: 'string', id: 1 },
        outputs: { rule: 'repeated', type: 'string', id: 2 },
        name: { type: 'string', id: 3 },
        operator: { type: 'string', id: 4 },
        attributes: { rule: 'repeated', type: 'bytes', id: 5 },
        domain: { type: 'string', id: 7 },
        overload: { type: 'string', id: 8 },
      },
    },
    Tensor: { fields: { name: { type: 'string', id: 8 } } },
  },
};

/** A value of a graph. What is no tensor, or has no shape, lacks that part. */
export interface WholeValue {
  readonly name: string;
  readonly type?: {
    readonly tensor?: {
      readonly elementType: number;
      readonly shape?: { readonly dimensions: readonly { readonly size: number; readonly symbol: string }[] };
    };
  };
}

export interface WholeGraph {
  readonly nodes: readonly Uint8Array[];
  readonly name: string;
  readonly initializers: readonly Uint8Array[];
  readonly inputs: readonly WholeValue[];
  readonly outputs: readonly WholeValue[];
  readonly values: readonly Uint8Array[];
  readonly sparseInitializers: readonly Uint8Array[];
}

interface WholeNode {
  inputs: string[];
  outputs: string[];
  name: string;
  operator: string;
}

export interface WholeModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly graph?: WholeGraph;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
}

let known: protobuf.Root | undefined;

function typeNamed(name: string): protobuf.Type {
  const { Root } = createRequire(import.meta.url)('protobufjs/light.js') as typeof protobuf;
  return (known ??= Root.fromJSON(MESSAGES)).lookupType(name);
}

/** @throws RangeError when the bytes are no such message */
export function decodeWholeModel(bytes: Uint8Array): WholeModel {
  return readMessage(typeNamed('Model'), bytes) as unknown as WholeModel;
}

/** A model whose inputs and outputs are declared here. */
export interface WrittenModel extends Omit<WholeModel, 'graph'> {
  readonly graph: Omit<WholeGraph, 'inputs' | 'outputs'> & {
    readonly inputs: readonly OnnxValue[];
    readonly outputs: readonly OnnxValue[];
  };
}

/** An ONNX model of these parts. Fields are written in the order of their numbers: equal models give equal bytes. */
export function encodeWholeModel(model: WrittenModel): Uint8Array {
  const type = typeNamed('Model');
  return type.encode(type.fromObject(model)).finish().slice();
}

/** Names of all values that the nodes and tensors of a graph define or read, those within subgraphs not included. */
export function valueNames({ nodes, initializers }: Pick<WholeGraph, 'nodes' | 'initializers'>): Set<string> {
  const names = new Set<string>();
  for (const node of nodes.map(decodeNode)) for (const name of [...node.inputs, ...node.outputs]) names.add(name);
  for (const tensor of initializers) names.add((readMessage(typeNamed('Tensor'), tensor) as { name: string }).name);
  return names;
}

/** Operators with subgraphs, which may read values of the graph around them. */
const WITH_SUBGRAPHS = ['If', 'Loop', 'Scan', 'SequenceMap'];

/**
 * The graph with other names of values.
 * @param names new ones by old ones
 * @throws MinutehandError MODEL_LOAD when a subgraph may read one of them
 */
export function renameValues(graph: WholeGraph, names: ReadonlyMap<string, string>): WholeGraph {
  if (names.size === 0) return graph;
  const renamed = (name: string): string => names.get(name) ?? name;
  const type = typeNamed('Node');
  const nodes = graph.nodes.map((bytes) => {
    const node = decodeNode(bytes);
    if (WITH_SUBGRAPHS.includes(node.operator))
      throw new MinutehandError('MODEL_LOAD', {
        seen: `values named ${[...names.keys()].join(' and ')} beside the operator ${node.operator}`,
        expected: 'other names',
        next: 'Export it with an input and an output of other names, such as X and probability.',
      });
    const own = { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) };
    return type.encode(type.fromObject(own)).finish().slice();
  });
  return { ...graph, nodes };
}

/**
 * The graph with a prefix before the names of all its values, tensors and nodes, so that it can stand in another graph.
 * @throws MinutehandError MODEL_LOAD for one with subgraphs, or with sparse tensors
 */
export function prefixNames(graph: WholeGraph, prefix: string): WholeGraph {
  if (graph.sparseInitializers.length > 0)
    throw new MinutehandError('MODEL_LOAD', { seen: 'sparse initializers', expected: 'dense ones' });
  // An optional input that is left out has the empty name.
  const names = [...valueNames(graph)].filter((name) => name !== '');
  const renamed = renameValues(graph, new Map(names.map((name) => [name, `${prefix}${name}`])));
  const node = typeNamed('Node');
  const nodes = renamed.nodes.map((bytes) => {
    const own = decodeNode(bytes);
    return node
      .encode(node.fromObject({ ...own, name: own.name === '' ? '' : `${prefix}${own.name}` }))
      .finish()
      .slice();
  });
  return { ...renamed, nodes, initializers: graph.initializers.map((tensor) => renamedTensor(tensor, prefix)) };
}

/**
 * Of a field that occurs twice in a message, the last one counts
 * (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so a new name behind a tensor replaces its own.
 */
function renamedTensor(tensor: Uint8Array, prefix: string): Uint8Array {
  const type = typeNamed('Tensor');
  const { name } = readMessage(type, tensor) as { name: string };
  return Buffer.concat([tensor, type.encode(type.fromObject({ name: `${prefix}${name}` })).finish()]);
}

function decodeNode(bytes: Uint8Array): WholeNode {
  return readMessage(typeNamed('Node'), bytes) as unknown as WholeNode;
}

/** Another input, other nodes around those that there are, another output. */
export interface Surroundings {
  readonly input: OnnxValue;
  readonly before: readonly OnnxNode[];
  readonly after: readonly OnnxNode[];
  readonly output: OnnxValue;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Fields are written in the order of their numbers: equal models give equal bytes. */
export function encodeSurrounded(
  model: WholeModel & { readonly graph: WholeGraph },
  { input, before, after, output, metadata }: Surroundings,
): Uint8Array {
  const { graph } = model;
  return encodeWholeModel({
    ...model,
    graph: {
      ...graph,
      nodes: [...before.map(encodeNode), ...graph.nodes, ...after.map(encodeNode)],
      inputs: [input],
      outputs: [output],
    },
    metadata: metadataEntries(metadata),
  });
}
