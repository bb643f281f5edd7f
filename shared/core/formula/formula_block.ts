import { barSecondsOf, type Pair } from '../../pair.ts';
import type { InputsOf, ReadingInputs } from './bar_inputs.ts';
import { FormulaEngine } from './engine.ts';
import { otherSourcesOf } from './other_symbols.ts';
import { columnsFor } from './formula_columns.ts';
import type { SubjectState } from './step.ts';
import type { NamedFormula } from './named_formulas.ts';

/**
 * The formulas of one subject over a history, in blocks of bars: the bits of `FormulaColumns`, several times as fast.
 * Bars are added until the block is full; `run` computes the values of all of them. Formulas that are not for the
 * subject are missing.
 */
export class FormulaBlock<Reading> {
  /** Columns. */
  readonly width: number;
  /** The subject's bar count at which all values exist. */
  readonly warmupBars: number;
  /** Sources of other symbols whose values `add` needs, in the order that its inputs were given. */
  readonly others: readonly string[];
  readonly #engine: FormulaEngine;
  /** Where each formula of the subject goes. */
  readonly #columns: readonly number[];
  readonly #inputs: ReadingInputs<Reading>;
  readonly #state: SubjectState;
  #count = 0;

  constructor(formulas: readonly NamedFormula[], subject: Pair, inputsOf: InputsOf<Reading>) {
    const columns = columnsFor(formulas, subject.id);
    const engine = new FormulaEngine(columns.map((column) => formulas[column]!.formula));
    this.#engine = engine;
    this.#columns = columns;
    this.#inputs = inputsOf(engine, barSecondsOf(subject));
    this.#state = engine.createState();
    this.others = otherSourcesOf(formulas);
    this.width = formulas.length;
    this.warmupBars = engine.warmUpBars;
  }

  /** Whether `add` needs auxiliary series. */
  get readsSeries(): boolean {
    return this.#inputs.readsSeries;
  }

  get isFull(): boolean {
    return this.#count === this.#engine.capacity;
  }

  /** Takes the next bar. */
  add(reading: Reading): void {
    this.#inputs.write(this.#count, reading);
    this.#count++;
  }

  /** Computes the bars that were added. Their values are those of `read` until the next `add`. */
  run(): void {
    this.#engine.run(this.#state, this.#count);
    this.#count = 0;
  }

  /** @param place of a bar in the block @param out `width` values */
  read(place: number, out: Float64Array): void {
    const { outputs } = this.#engine;
    if (outputs.length < this.width) out.fill(NaN, 0, this.width);
    for (let i = 0; i < outputs.length; i++) out[this.#columns[i]!] = outputs[i]![place]!;
  }
}
