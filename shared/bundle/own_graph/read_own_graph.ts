import { attributesOf } from '../onnx/attributes.ts';
import { featuresOf, readModel } from '../onnx/read_model.ts';
import { ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxModel, type OnnxNode } from '../onnx/schema.ts';
import type { TreeEnsemble } from '../onnx/tree_ensemble.ts';
import { ML_DOMAIN, readTrees, REGRESSOR } from '../onnx/tree_nodes.ts';
import { must, Unreadable } from '../onnx/unreadable.ts';
import { packTrees } from '../tree_kernel/pack.ts';
import { BINARY, type Operand, type OwnGraph, type Step } from './own_graph.ts';

/** More numbers per row than any graph of ours has: a foreign one must not take the memory of the daemon. */
const MOST_NUMBERS = 100_000;

/** What is expected of a graph that our own code computes. */
export const OWN_GRAPH = 'trees and arithmetic around them';

/** A graph that our own code computes, and its trees as they were written. */
export interface ReadOwnGraph {
  readonly graph: OwnGraph;
  readonly ensembles: readonly TreeEnsemble[];
}

/**
 * Reads the graphs of our ensembles and linear models: one input float32 [N, columns], one output float32 [N], [N, 1]
 * or [N, answers], and between them the operators of `Step` on float64 values of one row each.
 * @throws MinutehandError MODEL_LOAD when the bytes are no ONNX file or a graph of another kind; it names what was seen
 */
export function readOwnGraph(bytes: Uint8Array): ReadOwnGraph {
  return readModel(bytes, OWN_GRAPH, (model) => ownGraphOf(model, packTrees));
}

/** The same of a model that is decoded. @throws Unreadable for a graph of another kind */
export function ownGraphOf(model: OnnxModel, pack: typeof packTrees): ReadOwnGraph {
  return new GraphReader(model, pack).read();
}

/** A value of the graph. */
type Value =
  /** The input, or a Cast of it to float64, which only trees read. */
  { readonly kind: 'features'; readonly type: 'float32' | 'float64' } | Constants | RowValue;

type NumberType = 'float32' | 'float64';

/** A vector or a number, or a matrix by its rows. */
interface Constants {
  readonly kind: 'constants';
  readonly type: 'integer' | NumberType;
  readonly numbers: readonly number[];
  /** Numbers in each row of a matrix; null: it is none. */
  readonly rowLength: number | null;
}

/** The result of a step: [N] or [N, width]. */
interface RowValue {
  readonly kind: 'rows';
  readonly type: NumberType | 'truth';
  readonly step: number;
  readonly width: number;
  readonly hasColumns: boolean;
}

class GraphReader {
  readonly #model: OnnxModel;
  readonly #pack: typeof packTrees;
  readonly #values = new Map<string, Value>();
  readonly #ensembles: TreeEnsemble[] = [];
  readonly #trees: OwnGraph['trees'][number][] = [];
  readonly #steps: Step[] = [];
  readonly #widths: number[] = [];
  readonly #columns: number;

  constructor(model: OnnxModel, pack: typeof packTrees) {
    this.#model = model;
    this.#pack = pack;
    must((model.graph?.nodes ?? []).length > 0, 'no operators');
    const { name, columns } = featuresOf(model.graph);
    this.#columns = columns;
    this.#values.set(name, { kind: 'features', type: 'float32' });
  }

  read(): ReadOwnGraph {
    const { nodes, outputs } = this.#model.graph;
    for (const node of nodes) {
      must(node.outputs.length === 1, `${node.operator} with ${node.outputs.length} results`);
      must(!this.#values.has(node.outputs[0]!), `two values named ${node.outputs[0]}`);
      this.#values.set(node.outputs[0]!, this.#evaluate(node));
    }
    must(outputs.length === 1, `${outputs.length} outputs`);
    const answer = this.#value(outputs[0]!.name);
    must(answer.kind === 'rows' && answer.type === 'float32', 'an output that is no score');
    return {
      graph: {
        columns: this.#columns,
        trees: this.#trees,
        steps: this.#steps,
        widths: this.#widths,
        answer: answer.step,
      },
      ensembles: this.#ensembles,
    };
  }

  #evaluate(node: OnnxNode): Value {
    const { operator, domain = '' } = node;
    if (domain === ML_DOMAIN && operator === REGRESSOR) return this.#readTrees(node);
    must(domain === '', `the operator ${domain}.${operator}`);
    switch (operator) {
      case 'Constant':
        return constantOf(node);
      case 'Cast':
        return this.#cast(node);
      case 'Gather':
        return this.#gather(node);
      case 'Reshape':
        return this.#reshape(node);
      case 'IsNaN':
        return this.#unary(operator, node, 'truth');
      case 'Log':
        return this.#unary(operator, node);
      case 'Sigmoid':
        return this.#sigmoid(node);
      case 'Clip':
        return this.#clip(node);
      case 'Where':
        return this.#where(node);
      case 'MatMul':
        return this.#product(node);
      case 'Softmax':
        return this.#softmax(node);
      case 'Concat':
        return this.#concat(node);
      case 'Sum':
        return this.#sum(node);
      default:
        for (const own of BINARY) if (own === operator) return this.#binary(own, node);
        throw new Unreadable(`the operator ${operator}`);
    }
  }

  /** Trees, and the Sigmoid that alone reads their sum: the kernel computes both. */
  #readTrees(node: OnnxNode): Value {
    const features = this.#input(node, 0);
    must(features.kind === 'features', 'trees of something else than the features');
    const targets = readTrees(node, this.#columns, true);
    const readers = this.#readersOf(node.outputs[0]!);
    const isRead = readers.length === 1 && readers[0]!.operator === 'Sigmoid' && !this.#isOutput(node.outputs[0]!);
    const isLogit = isRead && targets.length === 1;
    const first = this.#trees.length;
    for (const ensemble of targets) {
      this.#ensembles.push(ensemble);
      this.#trees.push(this.#pack(ensemble, isLogit ? 'sigmoid' : 'none', features.type));
    }
    const rows = { width: targets.length, hasColumns: true };
    return this.#step({ operator: 'trees', trees: first }, rows, 'float32');
  }

  #sigmoid(node: OnnxNode): Value {
    const of = this.#rows(node, 0);
    if (of.type === 'float32') {
      const step = this.#steps[of.step]!;
      const isDone = step.operator === 'trees' && this.#trees[step.trees]!.link === 'sigmoid';
      must(isDone, 'a Sigmoid of float32 numbers that are no sum of trees');
      return of;
    }
    return this.#unary('Sigmoid', node);
  }

  /** Over the numbers of each row. Sums of trees, which are finite, are float32 numbers before and after it. */
  #softmax(node: OnnxNode): Value {
    const of = this.#rows(node, 0);
    refuseOtherAxis(node, of, -1);
    const isOfTrees = of.type === 'float32' && this.#steps[of.step]!.operator === 'trees';
    must(of.type === 'float64' || isOfTrees, `a Softmax of ${of.type} numbers that are no sum of trees`);
    const shares = this.#step({ operator: 'Softmax', of: { step: of.step } }, of);
    return isOfTrees ? this.#rounded(shares) : shares;
  }

  /** Values with columns side by side. */
  #concat(node: OnnxNode): Value {
    must(node.inputs.length > 0, 'a Concat of nothing');
    const parts = node.inputs.map((_, i) => this.#rows(node, i));
    for (const part of parts) refuseOtherAxis(node, part, 0);
    const [first] = parts as [RowValue];
    must(
      parts.every(({ type }) => type === first.type && type !== 'truth'),
      `a Concat of ${parts.map(({ type }) => type).join()} numbers`,
    );
    return this.#step(
      { operator: 'Concat', of: parts.map(({ step }) => ({ step })) },
      { width: parts.reduce((sum, { width }) => sum + width, 0), hasColumns: true },
      first.type,
    );
  }

  #unary(operator: 'Sigmoid' | 'Log' | 'IsNaN', node: OnnxNode, type: RowValue['type'] = 'float64'): Value {
    const of = this.#wide(node, 0);
    return this.#step({ operator, of: { step: of.step } }, of, type);
  }

  #cast(node: OnnxNode): Value {
    const to = attributesOf(node).integer('to', 0);
    const type = to === ELEMENT_FLOAT64 ? 'float64' : to === ELEMENT_FLOAT32 ? 'float32' : null;
    must(type !== null, `a Cast to element type ${to}`);
    const of = this.#input(node, 0);
    if (of.kind === 'features') return { kind: 'features', type };
    must(of.type === 'float32' || of.type === 'float64', `a Cast of ${of.type} numbers`);
    if (of.kind === 'constants')
      return { ...of, type, numbers: type === 'float32' ? of.numbers.map(Math.fround) : of.numbers };
    // A float32 number is a float64 one as well.
    if (type === 'float64' || of.type === 'float32') return { ...of, type };
    return this.#rounded(of);
  }

  #rounded(of: RowValue): RowValue {
    return this.#step({ operator: 'round', of: { step: of.step } }, of, 'float32');
  }

  #gather(node: OnnxNode): Value {
    const features = this.#input(node, 0);
    must(features.kind === 'features' && features.type === 'float32', 'a Gather of something else than the features');
    const axis = attributesOf(node).integer('axis', 0);
    must(axis === 1 || axis === -1, `a Gather over axis ${axis}`);
    const columns = this.#constants(node, 1, 'integer');
    must(
      columns.length > 0 && columns.every((column) => column >= 0 && column < this.#columns),
      `a Gather of the columns ${columns.join()} of ${this.#columns}`,
    );
    return this.#step({ operator: 'Gather', columns }, { width: columns.length, hasColumns: true }, 'float32');
  }

  /** [N] or [N, 1] as [N, 1], and a vector of constants as a matrix. */
  #reshape(node: OnnxNode): Value {
    const of = this.#input(node, 0);
    const shape = this.#constants(node, 1, 'integer');
    if (of.kind === 'constants') return matrixOf(of, shape);
    const rows = this.#rows(node, 0);
    must(rows.width === 1 && shape.join() === '-1,1', `a Reshape of ${rows.width} numbers a row to [${shape.join()}]`);
    return { ...rows, hasColumns: true };
  }

  #clip(node: OnnxNode): Value {
    const of = this.#wide(node, 0);
    const lowest = this.#constants(node, 1, 'float64');
    const highest = this.#constants(node, 2, 'float64');
    must(lowest.length === 1 && highest.length === 1, 'a Clip between several limits');
    must(lowest[0]! <= highest[0]!, `a Clip between ${lowest[0]} and ${highest[0]}`);
    return this.#step({ operator: 'Clip', of: { step: of.step }, lowest: lowest[0]!, highest: highest[0]! }, of);
  }

  #where(node: OnnxNode): Value {
    const condition = this.#rows(node, 0);
    must(condition.type === 'truth', `a Where by ${condition.type} numbers`);
    return this.#step(
      {
        operator: 'Where',
        condition: { step: condition.step },
        left: this.#operand(node, 1, condition),
        right: this.#operand(node, 2, condition),
      },
      condition,
      'float64',
    );
  }

  /** [N, width] times a vector: [N], or times a matrix [width, numbers]: [N, numbers]. */
  #product(node: OnnxNode): Value {
    const of = this.#wide(node, 0);
    const { numbers: weights, rowLength } = this.#constantValue(node, 1, 'float64');
    const width = rowLength ?? 1;
    must(
      of.hasColumns && weights.length === of.width * width,
      `a MatMul of ${of.width} columns and ${weights.length / width} weights`,
    );
    const shape = { width, hasColumns: rowLength !== null };
    return this.#step({ operator: 'MatMul', of: { step: of.step }, weights }, shape);
  }

  #sum(node: OnnxNode): Value {
    must(node.inputs.length > 0, 'a Sum of nothing');
    const first = this.#wide(node, 0);
    let sum = first;
    for (let i = 1; i < node.inputs.length; i++)
      sum = this.#step({ operator: 'Add', left: { step: sum.step }, right: this.#operand(node, i, first) }, first);
    return sum;
  }

  #binary(operator: (typeof BINARY)[number], node: OnnxNode): Value {
    const sides = [0, 1].map((i) => this.#input(node, i));
    const shape = sides.find((side) => side.kind === 'rows');
    must(shape?.kind === 'rows', `${operator} of constants`);
    return this.#step({ operator, left: this.#operand(node, 0, shape), right: this.#operand(node, 1, shape) }, shape);
  }

  #step(
    step: Step,
    { width, hasColumns }: Pick<RowValue, 'width' | 'hasColumns'>,
    type: RowValue['type'] = 'float64',
  ): RowValue {
    const rows: RowValue = { kind: 'rows', type, step: this.#steps.length, width, hasColumns };
    this.#steps.push(step);
    this.#widths.push(width);
    must(this.#widths.reduce((sum, own) => sum + own, 0) <= MOST_NUMBERS, `more than ${MOST_NUMBERS} numbers a row`);
    return rows;
  }

  /** An operand beside one of that shape: of the same shape, or constants that mean the same for each row. */
  #operand(node: OnnxNode, i: number, { width, hasColumns }: Pick<RowValue, 'width' | 'hasColumns'>): Operand {
    const value = this.#input(node, i);
    if (value.kind === 'constants') {
      const constants = this.#constants(node, i, 'float64');
      must(
        constants.length === 1 || (hasColumns && constants.length === width),
        `${node.operator} of ${width} and ${constants.length} numbers`,
      );
      return { constants };
    }
    const rows = this.#wide(node, i);
    must(rows.width === width && rows.hasColumns === hasColumns, `${node.operator} of values of several shapes`);
    return { step: rows.step };
  }

  #wide(node: OnnxNode, i: number): RowValue {
    const rows = this.#rows(node, i);
    must(rows.type === 'float64', `${node.operator} of ${rows.type} numbers`);
    return rows;
  }

  #rows(node: OnnxNode, i: number): RowValue {
    const value = this.#input(node, i);
    must(value.kind === 'rows', `${node.operator} of ${value.kind}`);
    return value;
  }

  /** A vector or a number. */
  #constants(node: OnnxNode, i: number, type: Constants['type']): readonly number[] {
    const { numbers, rowLength } = this.#constantValue(node, i, type);
    must(rowLength === null, `${node.operator} of a matrix of constants`);
    return numbers;
  }

  #constantValue(node: OnnxNode, i: number, type: Constants['type']): Constants {
    const value = this.#input(node, i);
    must(value.kind === 'constants' && value.type === type, `${node.operator} of something else than constants`);
    return value;
  }

  #input(node: OnnxNode, i: number): Value {
    const name = node.inputs[i];
    must(name !== undefined && name !== '', `${node.operator} of ${i} values`);
    return this.#value(name);
  }

  #value(name: string): Value {
    const value = this.#values.get(name);
    must(value !== undefined, `the value ${name} without an operator`);
    return value;
  }

  #readersOf(name: string): OnnxNode[] {
    return this.#model.graph.nodes.filter(({ inputs }) => inputs.includes(name));
  }

  #isOutput(name: string): boolean {
    return this.#model.graph.outputs.some((output) => output.name === name);
  }
}

/** @param otherwise axis where the node names none */
function refuseOtherAxis(node: OnnxNode, { hasColumns }: RowValue, otherwise: number): void {
  const axis = attributesOf(node).integer('axis', otherwise);
  must(hasColumns && (axis === 1 || axis === -1), `a ${node.operator} over axis ${axis}`);
}

/** A vector reshaped to a matrix; one of the sizes may be −1, which is then inferred from the length. */
function matrixOf({ type, numbers, rowLength }: Constants, shape: readonly number[]): Constants {
  const known = shape.filter((size) => size > 0);
  const [rows = 0, columns = 0] = shape.map((size) => (size === -1 ? numbers.length / (known[0] ?? NaN) : size));
  const isWhole = Number.isInteger(rows) && Number.isInteger(columns) && rows * columns === numbers.length;
  must(
    rowLength === null && shape.length === 2 && known.length > 0 && isWhole,
    `a Reshape of ${numbers.length} constants to [${shape.join()}]`,
  );
  return { kind: 'constants', type, numbers, rowLength: columns };
}

function constantOf(node: OnnxNode): Constants {
  const attributes = node.attributes ?? [];
  must(attributes.length === 1, `a Constant with ${attributes.length} attributes`);
  const [attribute] = attributes as [(typeof attributes)[number]];
  const vector = { kind: 'constants', rowLength: null } as const;
  switch (attribute.name) {
    case 'value_float':
      return { ...vector, type: 'float32', numbers: [attribute.number ?? 0] };
    case 'value_floats':
      return { ...vector, type: 'float32', numbers: attribute.floats ?? [] };
    case 'value_ints':
      return { ...vector, type: 'integer', numbers: attribute.integers ?? [] };
    default:
      throw new Unreadable(`a Constant by ${attribute.name}`);
  }
}
