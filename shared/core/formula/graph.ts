import type { Step, SubjectState, WindowStep } from './step.ts';
import { MemoryLayout, type MemoryPlace, type MemoryShare } from './subject_memory.ts';

/** Values of one quantity over the bars of a block, or over the subjects of a minute. */
export interface Column {
  readonly id: number;
  readonly values: Float64Array;
}

/** A loop over the places of columns: reads some, writes one. */
export type Loop = (
  inputs: readonly Float64Array[],
  out: Float64Array,
  count: number,
  constants: readonly number[],
) => void;

/** What makes a step, once all of the plan are known. @param outputs the columns to write */
export type StepMaker = (outputs: readonly Float64Array[], place: MemoryPlace) => WindowStep;

/** The computations of a plan in their order, and the memory that each subject needs for them. */
export interface Steps {
  readonly all: readonly Step[];
  /** Those with memory. */
  readonly windows: readonly WindowStep[];
  readonly layout: MemoryLayout;
}

interface Wanted {
  /** null: the step has no memory. */
  readonly share: MemoryShare | null;
  readonly make: (place: MemoryPlace) => Step;
}

/** Collects the computations of all formulas of a plan. Equal computations of equal columns are one. */
export class Graph {
  /** Places of a column. */
  readonly capacity: number;
  /** Number of each bar since the epoch, in the subject's timeframe. */
  readonly numbers: Float64Array;
  readonly #inputs = new Map<string, Column>();
  readonly #known = new Map<string, readonly Column[]>();
  readonly #wanted: Wanted[] = [];
  #columns = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.numbers = new Float64Array(capacity);
  }

  get inputs(): ReadonlyMap<string, Column> {
    return this.#inputs;
  }

  /** The column of a source, filled before each run. */
  input(name: string): Column {
    let column = this.#inputs.get(name);
    if (column === undefined) {
      column = this.#column();
      this.#inputs.set(name, column);
    }
    return column;
  }

  constant(value: number): Column {
    const key = `constant ${value}`;
    let columns = this.#known.get(key);
    if (columns === undefined) {
      columns = [this.#column()];
      columns[0]!.values.fill(value);
      this.#known.set(key, columns);
    }
    return columns[0]!;
  }

  /** A computation that needs no memory between blocks. */
  pointwise(name: string, inputs: readonly Column[], loop: Loop, constants: readonly number[] = []): Column {
    const values = inputs.map((input) => input.values);
    const [column] = this.#computed(name, inputs, constants, 1, ([out]) => ({
      share: null,
      make: () => new PointwiseStep(loop, values, out!, constants),
    }));
    return column!;
  }

  /** A stateful computation; each subject has a separate state. */
  windowed(
    name: string,
    inputs: readonly Column[],
    constants: readonly number[],
    outputs: number,
    share: MemoryShare,
    make: StepMaker,
  ): readonly Column[] {
    return this.#computed(name, inputs, constants, outputs, (columns) => ({
      share,
      make: (place) => make(columns, place),
    }));
  }

  /** The steps of all computations so far. */
  steps(): Steps {
    const layout = new MemoryLayout(this.#wanted.flatMap(({ share }) => (share === null ? [] : [share])));
    const windows: WindowStep[] = [];
    const all = this.#wanted.map(({ share, make }) => {
      const step = make(layout.places[windows.length]!);
      if (share !== null) windows.push(step as WindowStep);
      return step;
    });
    return { all, windows, layout };
  }

  #computed(
    name: string,
    inputs: readonly Column[],
    constants: readonly number[],
    outputs: number,
    want: (outputs: readonly Float64Array[]) => Wanted,
  ): readonly Column[] {
    const key = `${name}(${inputs.map(({ id }) => id).join()};${constants.join()})`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const columns = Array.from({ length: outputs }, () => this.#column());
    this.#known.set(key, columns);
    this.#wanted.push(want(columns.map(({ values }) => values)));
    return columns;
  }

  #column(): Column {
    return { id: this.#columns++, values: new Float64Array(this.capacity).fill(NaN) };
  }
}

/** What one place holds depends on no other: bars of a subject and bars of several are alike. */
class PointwiseStep implements Step {
  readonly #loop: Loop;
  readonly #inputs: readonly Float64Array[];
  readonly #out: Float64Array;
  readonly #constants: readonly number[];

  constructor(loop: Loop, inputs: readonly Float64Array[], out: Float64Array, constants: readonly number[]) {
    this.#loop = loop;
    this.#inputs = inputs;
    this.#out = out;
    this.#constants = constants;
  }

  run(_: SubjectState, count: number): void {
    this.#loop(this.#inputs, this.#out, count, this.#constants);
  }

  runEach(_: readonly SubjectState[], count: number): void {
    this.#loop(this.#inputs, this.#out, count, this.#constants);
  }
}
