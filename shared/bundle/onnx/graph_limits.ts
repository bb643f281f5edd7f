import { MinutehandError, type ErrorCode } from '../../errors.ts';
import { modelLoadError } from './model_load_error.ts';

/**
 * What a model must not have: weights in another file, which no hash of the bundle covers and which could be exchanged
 * after it was verified; a `Loop`, whose end may never come; operators that draw random numbers, or that learn from the
 * batch when they are in training mode: their answers do not repeat; operators of other domains and functions, of which
 * nothing is known by their names. Looked for wherever ONNX allows a tensor or a node
 * (https://onnx.ai/onnx/repo-docs/IR.html, https://onnx.ai/onnx/repo-docs/ExternalData.html): also in subgraphs of
 * attributes (`If`, `Scan`), in sparse tensors and in training graphs. The rest of the message is not decoded.
 */

/** Why a model may not be run. */
export interface GraphRefusal {
  readonly code: ErrorCode & ('MODEL_LOAD' | 'MODEL_OPERATOR');
  readonly seen: string;
  readonly expected: string;
  readonly next: string;
}

type MessageName = keyof typeof CHILDREN;

/** Fields, by number, that hold messages of which one may have a tensor or a node. */
const CHILDREN = {
  Model: { 7: 'Graph', 20: 'TrainingInfo' },
  TrainingInfo: { 1: 'Graph', 2: 'Graph' },
  Graph: { 1: 'Node', 5: 'Tensor', 15: 'SparseTensor' },
  Node: { 5: 'Attribute' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 22: 'SparseTensor', 23: 'SparseTensor' },
  SparseTensor: { 1: 'Tensor', 2: 'Tensor' },
  Tensor: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

const TENSOR_EXTERNAL_DATA = 13;
const TENSOR_DATA_LOCATION = 14;
const MODEL_FUNCTION = 25;
const NODE = { input: 1, output: 2, name: 3, operator: 4, domain: 7 } as const;
const TENSOR_NAME = 8;
const ATTRIBUTE = { name: 1, integer: 3 } as const;

/** The standard one has two names. */
const KNOWN_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml']);
/** https://onnx.ai/onnx/operators: all that draw, besides Dropout in training mode. */
const RANDOM_OPERATORS: ReadonlySet<string> = new Set([
  ...['Bernoulli', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'],
]);
/** Input of Dropout that says whether it is in training mode; absent: it is not. */
const DROPOUT_TRAINING_INPUT = 2;
const FOR_INFERENCE =
  'Export it for inference: `model.eval()` before `torch.onnx.export`, without `training`; take random operators out.';
const WIRE = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const;
/** Subgraphs within subgraphs; each is three messages. */
const MAX_DEPTH = 100;
const MAX_NAME_BYTES = 200;

/**
 * @returns what the model has that it must not have; null = nothing
 * @throws RangeError when the bytes are no protobuf message
 */
export function graphRefusal(bytes: Uint8Array): GraphRefusal | null {
  return new Walk(bytes).message('Model', 0, bytes.length, 0);
}

/** @param bytes of a model that is about to be run @throws MinutehandError MODEL_LOAD, MODEL_OPERATOR */
export function refuseUnservedGraph(bytes: Uint8Array, name: string): void {
  let refusal: GraphRefusal | null;
  try {
    refusal = graphRefusal(bytes);
  } catch (cause) {
    throw modelLoadError(name, cause);
  }
  if (refusal === null) return;
  const { code, seen, expected, next } = refusal;
  throw new MinutehandError(code, { seen: `${name}: ${seen}`, expected, next });
}

/**
 * As `refuseUnservedGraph`, for the files of a bundle: bytes that are no model are left to whoever loads them.
 * @throws MinutehandError MODEL_LOAD, MODEL_OPERATOR
 */
export function refuseUnservedGraphOf(bytes: Uint8Array, path: string): void {
  try {
    graphRefusal(bytes);
  } catch {
    return;
  }
  refuseUnservedGraph(bytes, path);
}

/** What is known of a node at its end; of a field that occurs twice, the last one counts. */
interface SeenNode {
  name: string;
  operator: string;
  domain: string;
  /** Names; an optional one that is left out is empty. */
  readonly inputs: string[];
  readonly outputs: string[];
  /** Its attribute `training_mode`. */
  trains: boolean;
}

function nodeRefusal({ name, operator, domain, inputs, outputs, trains }: SeenNode): GraphRefusal | null {
  const node = `the node ${JSON.stringify(name)}`;
  const refused = (what: string, expected: string, next: string): GraphRefusal => {
    return { code: 'MODEL_OPERATOR', seen: `${node} ${what}`, expected, next };
  };
  if (!KNOWN_DOMAINS.has(domain))
    return refused(
      `is ${operator} of the domain ${domain}`,
      'operators of ONNX and of ai.onnx.ml alone',
      'Export it without custom operators, and with graph optimizations of a runtime switched off.',
    );
  if (operator === 'Loop')
    return refused('is a Loop', 'no Loop: its end may never come', 'Export it unrolled, or with Scan.');
  if (RANDOM_OPERATORS.has(operator))
    return refused(`is ${operator}, which draws random numbers`, 'answers that repeat', FOR_INFERENCE);
  const drops = operator === 'Dropout' && (inputs[DROPOUT_TRAINING_INPUT] ?? '') !== '';
  const learns = operator === 'BatchNormalization' && (trains || outputs.filter((output) => output !== '').length > 1);
  if (drops || learns)
    return refused(`is ${operator} in training mode`, `${operator} without training mode`, FOR_INFERENCE);
  return null;
}

class Walk {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Of the attribute that was read last: whether it is a `training_mode` other than 0. */
  #trains = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(name: MessageName, from: number, end: number, depth: number): GraphRefusal | null {
    if (depth > MAX_DEPTH) return unreadable(`messages nested deeper than ${MAX_DEPTH}`);
    const children: Readonly<Record<number, MessageName>> = CHILDREN[name];
    const node: SeenNode = { name: '', operator: '', domain: '', inputs: [], outputs: [], trains: false };
    let label = '';
    let integer = 0;
    let isOutside = false;
    this.#at = from;
    while (this.#at < end) {
      const tag = this.#varint(end);
      const wire = tag % 8;
      const field = Math.floor(tag / 8);
      if (wire === WIRE.varint) {
        const value = this.#varint(end);
        if (name === 'Tensor' && field === TENSOR_DATA_LOCATION && value !== 0) isOutside = true;
        if (name === 'Attribute' && field === ATTRIBUTE.integer) integer = value;
      } else if (wire === WIRE.bits64) {
        this.#skip(8, end);
      } else if (wire === WIRE.bits32) {
        this.#skip(4, end);
      } else if (wire === WIRE.bytes) {
        const length = this.#varint(end);
        const start = this.#at;
        this.#skip(length, end);
        if (name === 'Model' && field === MODEL_FUNCTION) return FUNCTIONS;
        const child = children[field];
        if (child !== undefined) {
          const inner = this.message(child, start, start + length, depth + 1);
          this.#at = start + length;
          if (inner !== null) return inner;
          if (child === 'Attribute') node.trains ||= this.#trains;
        }
        if (name === 'Tensor' && field === TENSOR_EXTERNAL_DATA) isOutside = true;
        if (name === 'Tensor' && field === TENSOR_NAME) label = this.#text(start, length);
        if (name === 'Attribute' && field === ATTRIBUTE.name) label = this.#text(start, length);
        if (name === 'Node') this.#read(node, field, this.#text(start, length));
      } else {
        throw new RangeError(`wire type ${wire}`);
      }
    }
    if (name === 'Attribute') this.#trains = label === 'training_mode' && integer !== 0;
    if (name === 'Node') return nodeRefusal(node);
    return isOutside ? dataOutside(label) : null;
  }

  #read(node: SeenNode, field: number, text: string): void {
    if (field === NODE.input) node.inputs.push(text);
    else if (field === NODE.output) node.outputs.push(text);
    else if (field === NODE.name) node.name = text;
    else if (field === NODE.operator) node.operator = text;
    else if (field === NODE.domain) node.domain = text;
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

  #text(start: number, length: number): string {
    return Buffer.from(this.#bytes.subarray(start, start + Math.min(length, MAX_NAME_BYTES))).toString('utf8');
  }
}

const FUNCTIONS: GraphRefusal = {
  code: 'MODEL_OPERATOR',
  seen: 'it has functions of its own',
  expected: 'a graph of operators alone',
  next: 'Inline them before: `onnx.inliner.inline_local_functions(model)`, or export with dynamo=False.',
};

function unreadable(seen: string): GraphRefusal {
  return { code: 'MODEL_LOAD', seen, expected: 'a graph as exporters write it', next: 'Export it anew.' };
}

function dataOutside(tensor: string): GraphRefusal {
  return {
    code: 'MODEL_LOAD',
    seen: `the tensor ${JSON.stringify(tensor)} has data in another file`,
    expected: 'all weights in the file itself',
    next: 'Export it with external_data=False, or load it with `onnx.load` and save it as one file.',
  };
}
