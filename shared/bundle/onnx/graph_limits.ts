import { MinutehandError } from '../../errors.ts';
import { modelLoadError } from './model_load_error.ts';
import { callsRefusal, type FunctionName, type ModelFunction } from './function_calls.ts';

/**
 * What a model must not have: weights in another file, which no hash of the bundle covers and which could be exchanged
 * after it was verified; a `Loop`, whose end may never come; and functions that call each other until no runtime could
 * load the graph (function_calls.ts). Looked for wherever ONNX allows a tensor or a node
 * (https://onnx.ai/onnx/repo-docs/IR.html, https://onnx.ai/onnx/repo-docs/ExternalData.html): also in subgraphs of
 * attributes, in functions, in sparse tensors and in training graphs. The rest of the message is not decoded.
 */

type MessageName = keyof typeof CHILDREN;

/** Fields, by number, that hold messages of which one may have a tensor or a node. */
const CHILDREN = {
  Model: { 7: 'Graph', 20: 'TrainingInfo', 25: 'Function' },
  TrainingInfo: { 1: 'Graph', 2: 'Graph' },
  Graph: { 1: 'Node', 5: 'Tensor', 15: 'SparseTensor' },
  Function: { 7: 'Node', 11: 'Attribute' },
  Node: { 5: 'Attribute' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 22: 'SparseTensor', 23: 'SparseTensor' },
  SparseTensor: { 1: 'Tensor', 2: 'Tensor' },
  Tensor: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

const TENSOR_EXTERNAL_DATA = 13;
const TENSOR_DATA_LOCATION = 14;
const NODE_OPERATOR = 4;
const NAME_FIELD = { Tensor: 8, Node: 3 } as const;
/** Fields of what is called (Node), and of what is called by it (Function). */
const CALL_FIELDS: Partial<Record<MessageName, Readonly<Record<number, keyof FunctionName>>>> = {
  Node: { [NODE_OPERATOR]: 'name', 7: 'domain', 8: 'overload' },
  Function: { 1: 'name', 10: 'domain', 13: 'overload' },
};
const WIRE = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const;
/** Subgraphs within subgraphs; each is three messages. */
const MAX_DEPTH = 100;
const MAX_NAME_BYTES = 200;

/**
 * @returns what the model has that it must not have; null = nothing
 * @throws RangeError when the bytes are no protobuf message
 */
export function graphRefusal(bytes: Uint8Array): string | null {
  const walk = new Walk(bytes);
  return walk.message('Model', 0, bytes.length, 0) ?? callsRefusal(walk.nodes, walk.functions);
}

/** @param bytes of a model that is about to be run @throws MinutehandError MODEL_LOAD */
export function refuseOutsideData(bytes: Uint8Array, name: string): void {
  let refusal: string | null;
  try {
    refusal = graphRefusal(bytes);
  } catch (cause) {
    throw modelLoadError(name, cause);
  }
  if (refusal !== null)
    throw new MinutehandError('MODEL_LOAD', {
      seen: `${name}: ${refusal}`,
      expected: 'all weights in the file itself, no Loop, and no functions that call each other without end',
    });
}

/**
 * As `refuseOutsideData`, for the files of a bundle: bytes that are no model are left to whoever loads them.
 * @throws MinutehandError MODEL_LOAD
 */
export function refuseOutsideDataOf(bytes: Uint8Array, path: string): void {
  try {
    graphRefusal(bytes);
  } catch {
    return;
  }
  refuseOutsideData(bytes, path);
}

class Walk {
  /** Of the graphs, after the walk. */
  nodes: FunctionName[] = [];
  readonly functions: ModelFunction[] = [];
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(name: MessageName, from: number, end: number, depth: number): string | null {
    if (depth > MAX_DEPTH) return `messages nested deeper than ${MAX_DEPTH}`;
    const children: Readonly<Record<number, MessageName>> = CHILDREN[name];
    const callFields = CALL_FIELDS[name];
    const call = { domain: '', name: '', overload: '' };
    const nodesOutside = this.nodes;
    if (name === 'Function') this.nodes = [];
    let label = '';
    let found: string | null = null;
    this.#at = from;
    while (this.#at < end) {
      const tag = this.#varint(end);
      const wire = tag % 8;
      const field = Math.floor(tag / 8);
      if (wire === WIRE.varint) {
        const value = this.#varint(end);
        if (name === 'Tensor' && field === TENSOR_DATA_LOCATION && value !== 0) found ??= 'data in another file';
      } else if (wire === WIRE.bits64) {
        this.#skip(8, end);
      } else if (wire === WIRE.bits32) {
        this.#skip(4, end);
      } else if (wire === WIRE.bytes) {
        const length = this.#varint(end);
        const start = this.#at;
        this.#skip(length, end);
        const child = children[field];
        if (child !== undefined) {
          const inner = this.message(child, start, start + length, depth + 1);
          this.#at = start + length;
          if (inner !== null) return inner;
        }
        if (name === 'Tensor' && field === TENSOR_EXTERNAL_DATA) found ??= 'data in another file';
        if (name === 'Node' && field === NODE_OPERATOR && this.#text(start, length) === 'Loop') found ??= 'is a Loop';
        const callField = callFields?.[field];
        if (callField !== undefined) call[callField] = this.#text(start, length, length);
        if ((name === 'Tensor' || name === 'Node') && field === NAME_FIELD[name]) label = this.#text(start, length);
      } else {
        throw new RangeError(`wire type ${wire}`);
      }
    }
    if (name === 'Node') this.nodes.push(call);
    if (name === 'Function') {
      this.functions.push({ name: call, nodes: this.nodes });
      this.nodes = nodesOutside;
    }
    if (found === null) return null;
    return `${name === 'Tensor' ? 'the tensor' : 'the node'} ${JSON.stringify(label)} ${name === 'Tensor' ? 'has ' : ''}${found}`;
  }

  #varint(end: number): number {
    let value = 0;
    let scale = 1;
    for (let length = 1; length <= 10 && this.#at < end; length++, scale *= 128) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`an integer that goes beyond byte ${end}`);
  }

  #skip(length: number, end: number): void {
    if (!(this.#at + length <= end)) throw new RangeError(`a field that goes beyond byte ${end}`);
    this.#at += length;
  }

  #text(start: number, length: number, maxBytes = MAX_NAME_BYTES): string {
    return Buffer.from(this.#bytes.subarray(start, start + Math.min(length, maxBytes))).toString('utf8');
  }
}
