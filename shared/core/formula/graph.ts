/** Values of one quantity over the bars of a block. */
export interface Column {
  readonly id: number;
  readonly values: Float64Array;
}

/** A computation of a subject. */
export interface Step {
  /** @param index of the block's first bar since the subject's start @param count bars of the block */
  run(index: number, count: number): void;
  /**
   * Reads what the next bar needs of the memory of this subject, and does nothing with it: one such loop over all steps
   * has many reads under way at once, where the computation waits for each. Absent = it has no memory.
   * @returns a small integer, so that no read is left out as unused
   */
  load?(): number;
}

/** What makes the steps of a subject, in the order of computation. */
export type StepMaker = () => Step;

/** A loop over the bars of a block: reads columns, writes one. */
export type Loop = (
  inputs: readonly Float64Array[],
  out: Float64Array,
  count: number,
  constants: readonly number[],
) => void;

/** Collects the computations of all formulas of a plan. Equal computations of equal columns are one. */
export class Graph {
  /** Bars of the largest block. */
  readonly capacity: number;
  /** Number of each bar of the block since the epoch, in the subject's timeframe. */
  readonly numbers: Float64Array;
  readonly #inputs = new Map<string, Column>();
  readonly #known = new Map<string, readonly Column[]>();
  readonly #makers: StepMaker[] = [];
  #columns = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.numbers = new Float64Array(capacity);
  }

  get inputs(): ReadonlyMap<string, Column> {
    return this.#inputs;
  }

  /** Of the subject's steps, in the order of computation. */
  get makers(): readonly StepMaker[] {
    return this.#makers;
  }

  /** The column of a source, filled before each block. */
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
    const [column] = this.windowed(name, inputs, constants, 1, ([out]) => {
      const values = inputs.map((input) => input.values);
      const step: Step = { run: (_, count) => loop(values, out!, count, constants) };
      return () => step;
    });
    return column!;
  }

  /**
   * A computation with memory of its own in each subject.
   * @param make receives the columns to write
   */
  windowed(
    name: string,
    inputs: readonly Column[],
    constants: readonly number[],
    outputs: number,
    make: (outputs: readonly Float64Array[]) => StepMaker,
  ): readonly Column[] {
    const key = `${name}(${inputs.map(({ id }) => id).join()};${constants.join()})`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const columns = Array.from({ length: outputs }, () => this.#column());
    this.#known.set(key, columns);
    this.#makers.push(make(columns.map(({ values }) => values)));
    return columns;
  }

  #column(): Column {
    return { id: this.#columns++, values: new Float64Array(this.capacity).fill(NaN) };
  }
}
