import type { Formula, Node } from './formula.ts';
import { Graph, type Column, type Steps } from './graph.ts';
import type { SubjectState } from './step.ts';
import { wholeBars } from './whole_bars.ts';

/** Bars of the largest block. */
const CAPACITY = 256;
/** Subjects that share a piece of memory: with all that their windows may keep it is 256 MiB. */
const MOST_OWNERS = 16;

/**
 * All formulas of a kind of subject, compiled once: what formulas have in common is computed once. It runs over blocks
 * of bars of one subject (`run`), or over a bar of each of several subjects (`runEach`), as the live program does.
 * Whatever the blocks and the subjects beside it are, the bits of a subject are the same.
 *
 * Before either, write the bars to `numbers` and to each column of `inputs`, from place 0 on. `outputs` are valid until
 * the next call.
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
  readonly #steps: Steps;
  readonly #inputs: readonly Float64Array[];
  readonly #roots: readonly Float64Array[];
  readonly #bars: readonly number[];

  constructor(formulas: readonly Formula[], capacity = CAPACITY) {
    const graph = new Graph(capacity);
    const columns = new Map<string, Column>();
    this.capacity = capacity;
    this.numbers = graph.numbers;
    this.#roots = formulas.map(({ root }) => columnOf(root, graph, columns).values);
    this.#bars = formulas.map(({ bars }) => wholeBars(bars));
    this.outputs = formulas.map(() => new Float64Array(capacity).fill(NaN));
    this.#steps = graph.steps();
    this.inputs = new Map([...graph.inputs].map(([name, { values }]) => [name, values]));
    this.#inputs = [...this.inputs.values()];
    this.warmUpBars = Math.max(1, ...this.#bars);
  }

  /** Computations of a bar. */
  get size(): number {
    return this.#steps.all.length;
  }

  createState(): SubjectState {
    return this.createStates(1)[0]!;
  }

  /** Of subjects whose bars come together. */
  createStates(subjects: number): SubjectState[] {
    const states: SubjectState[] = [];
    while (states.length < subjects) {
      const memories = this.#steps.layout.createMemories(Math.min(MOST_OWNERS, subjects - states.length));
      for (const memory of memories) {
        for (const window of this.#steps.windows) window.begin(memory);
        states.push({ bars: 0, memory });
      }
    }
    return states;
  }

  /** Takes the next bars of a subject. @param count at most `capacity` */
  run(state: SubjectState, count: number): void {
    const index = state.bars;
    const steps = this.#steps.all;
    this.#makeFinite(count);
    for (let i = 0; i < steps.length; i++) steps[i]!.run(state, count);
    for (let i = 0; i < this.outputs.length; i++)
      copyAfter(this.#roots[i]!, this.outputs[i]!, Math.min(count, this.#bars[i]! - 1 - index), count);
    state.bars = index + count;
  }

  /**
   * Takes the next bar of each of the first `count` subjects: that of `states[i]` is at place i. Step by step for all,
   * because the code of a step and its columns are in the caches then.
   * @param states all different @param count at most `capacity`
   */
  runEach(states: readonly SubjectState[], count: number): void {
    const steps = this.#steps.all;
    this.#makeFinite(count);
    for (let i = 0; i < steps.length; i++) steps[i]!.runEach(states, count);
    for (let i = 0; i < this.outputs.length; i++)
      copyReady(this.#roots[i]!, this.outputs[i]!, this.#bars[i]! - 1, states, count);
    for (let i = 0; i < count; i++) states[i]!.bars++;
  }

  #makeFinite(count: number): void {
    const inputs = this.#inputs;
    for (let i = 0; i < inputs.length; i++) makeFinite(inputs[i]!, count);
  }
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

/** Of each subject; see `copyAfter`. @param warmUp bars before its first value */
function copyReady(
  values: Float64Array,
  out: Float64Array,
  warmUp: number,
  states: readonly SubjectState[],
  count: number,
): void {
  for (let i = 0; i < count; i++)
    if (states[i]!.bars < warmUp) out[i] = NaN;
    else out[i] = values[i]!;
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
