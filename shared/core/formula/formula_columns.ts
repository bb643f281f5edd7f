import { barSecondsOf, type Pair } from '../../pair.ts';
import type { InputsOf, ReadingInputs } from './bar_inputs.ts';
import { FormulaEngine } from './engine.ts';
import { isFor, type NamedFormula } from './named_formulas.ts';
import type { SubjectState } from './step.ts';

/** Subjects whose bars are computed together: what a step needs of all of them fits the nearest cache. */
const MOST_TOGETHER = 64;

/**
 * The formulas of several subjects, advanced bar by bar behind the hand-written features. After as many bars of a
 * subject as `warmupBarsOf` says its values are a pure function of that many last bars, to the bit. A formula that is
 * not for a subject is missing there, and is not computed.
 */
export class FormulaColumns<Reading> {
  /** Columns. */
  readonly width: number;
  /** The bar count at which all values of any subject exist. */
  readonly warmupBars: number;
  /** Whether `add` and `step` need auxiliary series. */
  readonly readsSeries: boolean;
  readonly #parts: readonly Part<Reading>[];
  /** Of each subject; null: no formula is for it. */
  readonly #partOf: readonly (Part<Reading> | null)[];
  /** Of each subject among those of its part. */
  readonly #places: Int32Array;
  readonly #values: readonly Float64Array[];

  constructor(formulas: readonly NamedFormula[], subjects: readonly Pair[], inputsOf: InputsOf<Reading>) {
    this.width = formulas.length;
    this.#values = subjects.map(() => new Float64Array(this.width).fill(NaN));
    this.#places = new Int32Array(subjects.length);
    const bySet = new Map<string, number[]>();
    for (const [index, { id }] of subjects.entries()) {
      const set = columnsFor(formulas, id).join();
      const members = bySet.get(set) ?? [];
      this.#places[index] = members.length;
      members.push(index);
      bySet.set(set, members);
    }
    const partOf: (Part<Reading> | null)[] = subjects.map(() => null);
    const parts = [...bySet].flatMap(([set, members]) => {
      if (set === '') return [];
      const columns = Int32Array.from(columnsFor(formulas, subjects[members[0]!]!.id));
      const part = new Part(
        Array.from(columns, (column) => formulas[column]!),
        columns,
        members.map((index) => ({ barSeconds: barSecondsOf(subjects[index]!), values: this.#values[index]! })),
        inputsOf,
      );
      for (const index of members) partOf[index] = part;
      return [part];
    });
    this.#parts = parts;
    this.#partOf = partOf;
    this.readsSeries = parts.some((part) => part.readsSeries);
    this.warmupBars = Math.max(1, ...parts.map((part) => part.warmupBars));
  }

  /** Takes the next bar of a subject. */
  step(index: number, reading: Reading): void {
    this.add(index, reading);
    this.run();
  }

  /** Like `step`; its values are there after `run`, which computes many subjects faster than one by one. */
  add(index: number, reading: Reading): void {
    this.#partOf[index]?.add(this.#places[index]!, reading);
  }

  /** Computes the bars that were added. */
  run(): void {
    for (let i = 0; i < this.#parts.length; i++) this.#parts[i]!.run();
  }

  /** Whether any formula is for a subject. */
  isFor(index: number): boolean {
    return this.#partOf[index] !== null;
  }

  /** The subject's bar count at which all of its values exist. */
  warmupBarsOf(index: number): number {
    return this.#partOf[index]?.warmupBars ?? 1;
  }

  /** One double per column; NaN = missing. Overwritten by the next run with a bar of this subject. */
  values(index: number): Float64Array {
    return this.#values[index]!;
  }
}

/** Columns of the formulas that are for a subject. */
export function columnsFor(formulas: readonly NamedFormula[], id: string): number[] {
  return formulas.flatMap((formula, column) => (isFor(formula, id) ? [column] : []));
}

/** A subject of a part, and where its values of all columns are. */
interface Member {
  readonly barSeconds: number;
  readonly values: Float64Array;
}

/** Subjects that have the same formulas. */
class Part<Reading> {
  readonly warmupBars: number;
  readonly readsSeries: boolean;
  readonly #engine: FormulaEngine;
  /** Where each of the formulas goes. */
  readonly #columns: Int32Array;
  readonly #inputs: readonly ReadingInputs<Reading>[];
  readonly #states: readonly SubjectState[];
  readonly #values: readonly Float64Array[];
  /** Members whose next bar waits for `run`: the first `#count`. */
  readonly #pending: Int32Array;
  readonly #pendingStates: SubjectState[];
  #count = 0;

  constructor(
    formulas: readonly NamedFormula[],
    columns: Int32Array,
    members: readonly Member[],
    inputsOf: InputsOf<Reading>,
  ) {
    const engine = new FormulaEngine(
      formulas.map(({ formula }) => formula),
      Math.min(MOST_TOGETHER, members.length),
    );
    this.#engine = engine;
    this.#columns = columns;
    this.warmupBars = engine.warmUpBars;
    const seconds = [...new Set(members.map(({ barSeconds }) => barSeconds))];
    const inputs = new Map(seconds.map((own) => [own, inputsOf(engine, own)]));
    this.#inputs = members.map(({ barSeconds }) => inputs.get(barSeconds)!);
    this.readsSeries = this.#inputs.some((own) => own.readsSeries);
    this.#states = engine.createStates(members.length);
    this.#values = members.map(({ values }) => values);
    this.#pending = new Int32Array(engine.capacity);
    this.#pendingStates = this.#states.slice(0, engine.capacity);
  }

  add(member: number, reading: Reading): void {
    if (this.#count === this.#engine.capacity || this.#isPending(member)) this.run();
    const place = this.#count++;
    this.#pending[place] = member;
    this.#pendingStates[place] = this.#states[member]!;
    this.#inputs[member]!.write(place, reading);
  }

  run(): void {
    const count = this.#count;
    if (count === 0) return;
    const engine = this.#engine;
    engine.runEach(this.#pendingStates, count);
    const outputs = engine.outputs;
    const columns = this.#columns;
    for (let place = 0; place < count; place++) {
      const values = this.#values[this.#pending[place]!]!;
      for (let i = 0; i < outputs.length; i++) values[columns[i]!] = outputs[i]![place]!;
    }
    this.#count = 0;
  }

  #isPending(member: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#pending[i] === member) return true;
    return false;
  }
}
