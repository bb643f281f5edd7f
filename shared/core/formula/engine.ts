import type { Formula, Node } from './formula.ts';
import { Graph, type Column, type Step } from './graph.ts';

/** Bars of the largest block. */
const CAPACITY = 256;

/** The values of one subject's formulas so far. Made by `FormulaEngine.createState`, moved by `run` alone. */
export interface SubjectState {
  /** Bars so far. */
  bars: number;
  readonly steps: readonly Step[];
  /** Those with memory. */
  readonly windows: readonly Required<Step>[];
  /** The lowest bit of what `load` returned: it depends on each. */
  loaded: number;
}

/**
 * All formulas of a kind of subject, compiled once: what formulas have in common is computed once. It runs over blocks
 * of bars; the live program runs blocks of one. Whatever the blocks are, the bits are the same.
 *
 * Before `run`, write the block to `numbers` and to each column of `inputs`, from index 0 on. `outputs` are valid until
 * the next `run`.
 */
export class FormulaEngine {
  readonly capacity: number;
  /** Bar numbers since the epoch, in the subject's timeframe, ascending. */
  readonly numbers: Float64Array;
  /** By the names of sources; a value that does not exist is NaN. */
  readonly inputs: ReadonlyMap<string, Float64Array>;
  /** In the order of the formulas: a finite number, or NaN. Of conditions 1 or 0, or NaN. */
  readonly outputs: readonly Float64Array[];
  /** The subject's bar count at which all values exist; they are then a pure function of that many last bars. */
  readonly warmUpBars: number;
  readonly #graph: Graph;
  readonly #inputs: readonly Float64Array[];
  readonly #roots: readonly Float64Array[];
  readonly #bars: readonly number[];

  constructor(formulas: readonly Formula[], capacity = CAPACITY) {
    const graph = new Graph(capacity);
    const columns = new Map<string, Column>();
    this.#graph = graph;
    this.capacity = capacity;
    this.numbers = graph.numbers;
    this.#roots = formulas.map(({ root }) => columnOf(root, graph, columns).values);
    this.#bars = formulas.map(({ bars }) => bars);
    this.outputs = formulas.map(() => new Float64Array(capacity).fill(NaN));
    this.inputs = new Map([...graph.inputs].map(([name, { values }]) => [name, values]));
    this.#inputs = [...this.inputs.values()];
    this.warmUpBars = Math.max(1, ...this.#bars);
  }

  /** Computations of a bar. */
  get size(): number {
    return this.#graph.makers.length;
  }

  createState(): SubjectState {
    const steps = this.#graph.makers.map((make) => make());
    return { bars: 0, steps, windows: steps.filter(hasMemory), loaded: 0 };
  }

  /** Takes the next bars of a subject. @param count at most `capacity` */
  run(state: SubjectState, count: number): void {
    const index = state.bars;
    const inputs = this.#inputs;
    for (let i = 0; i < inputs.length; i++) makeFinite(inputs[i]!, count);
    // A bar a minute finds the memory out of the caches; in a block only the first bar would.
    if (count === 1) load(state);
    const steps = state.steps;
    for (let i = 0; i < steps.length; i++) steps[i]!.run(index, count);
    for (let i = 0; i < this.outputs.length; i++)
      copyAfter(this.#roots[i]!, this.outputs[i]!, Math.min(count, this.#bars[i]! - 1 - index), count);
    state.bars = index + count;
  }
}

function hasMemory(step: Step): step is Required<Step> {
  return step.load !== undefined;
}

function load(state: SubjectState): void {
  const windows = state.windows;
  let sum = 0;
  for (let i = 0; i < windows.length; i++) sum = (sum + windows[i]!.load()) & 1;
  state.loaded = sum;
}

/** `finite` of each value, written out: a call that is not inlined boxes doubles. */
function makeFinite(values: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = values[i]! + 0;
    if (value - value === 0) values[i] = value;
    else values[i] = NaN;
  }
}

/** A value before its warm-up would depend on where the stream began. */
function copyAfter(values: Float64Array, out: Float64Array, warmUp: number, count: number): void {
  let i = 0;
  for (; i < warmUp; i++) out[i] = NaN;
  for (; i < count; i++) out[i] = values[i]!;
}

function columnOf(node: Node, graph: Graph, columns: Map<string, Column>): Column {
  const known = columns.get(node.text);
  if (known !== undefined) return known;
  const column = buildColumn(node, graph, columns);
  columns.set(node.text, column);
  return column;
}

function buildColumn(node: Node, graph: Graph, columns: Map<string, Column>): Column {
  if (node.kind === 'constant') return graph.constant(node.value);
  if (node.kind === 'read') return graph.input(node.source);
  const inputs = node.inputs.map((input) => columnOf(input, graph, columns));
  return node.operator.build(graph, inputs, node.constants);
}
