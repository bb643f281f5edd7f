import { writeFloats } from '../../shared/core/features/float_row.ts';
import { RowRing } from '../../shared/core/features/row_ring.ts';
import type { InputsOf } from '../../shared/core/formula/bar_inputs.ts';
import { FormulaColumns } from '../../shared/core/formula/formula_columns.ts';
import type { NamedFormula } from '../../shared/core/formula/named_formulas.ts';
import { RecentHistory, type Timed } from '../../shared/core/recent_history.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';

/** The next bar of a subject, with all that formulas read. */
export type PlannedBar<Reading> = Reading & {
  /** Of the subject among those of the plan. */
  readonly index: number;
  /** Values of the hand-written features at this bar. */
  readonly features: Float64Array;
  /** Whether the hand-written features are warm. */
  readonly isWarm: boolean;
};

export interface FormulaPlanOptions<Reading, Schema> {
  readonly schema: Schema;
  readonly formulas: readonly NamedFormula[];
  readonly subjects: readonly Pair[];
  /** Hand-written columns. */
  readonly written: number;
  readonly inputsOf: InputsOf<Reading>;
  readonly barOf: (reading: Reading) => Timed;
  /** Rows that a model gets together, and the bars that it takes until all of them are warm. */
  readonly sequence: { readonly bars: number; readonly warmupBars: number };
}

/**
 * What the models of one schema get beyond the newest hand-written features: formulas over all subjects, and where the
 * schema has a sequence, the last rows of each subject. It holds the rows of a batch for the models of that schema.
 */
export class FormulaPlan<Reading, Schema = unknown> {
  readonly schema: Schema;
  /**
   * float32, [rows × bars × columns]: hand-written features, and behind them formulas. More bars than one: those of a
   * sequence, the oldest first.
   */
  readonly values: Float32Array;
  /** A loaded set will use it: it is kept until then. */
  isExpected = true;
  /** null: the schema has none. */
  readonly #formulas: FormulaColumns<Reading> | null;
  /** The columns of one subject, as doubles and as their bytes. */
  readonly #row: Float64Array;
  readonly #bytes: Uint8Array;
  /** Hand-written columns. */
  readonly #written: number;
  /** Bars of a sequence. */
  readonly #bars: number;
  readonly #warmupOfSequence: number;
  /** The last rows of each subject; null: models get the newest row alone. */
  readonly #rings: readonly RowRing[] | null;
  /** Warm rows that came one behind the other, by subject, up to `#bars`. */
  readonly #counts: Int32Array;
  readonly #barOf: (reading: Reading) => Timed;
  readonly #history: RecentHistory;

  constructor({ schema, formulas, subjects, written, inputsOf, barOf, sequence }: FormulaPlanOptions<Reading, Schema>) {
    this.schema = schema;
    this.#formulas = formulas.length === 0 ? null : new FormulaColumns(formulas, subjects, inputsOf);
    this.#written = written;
    this.#row = new Float64Array(written + formulas.length);
    this.#bytes = new Uint8Array(this.#row.buffer);
    const { bars } = sequence;
    const columns = this.#row.length;
    this.#bars = bars;
    this.#warmupOfSequence = sequence.warmupBars;
    this.#rings = bars === 1 ? null : subjects.map(() => new RowRing(bars, columns));
    this.#counts = new Int32Array(subjects.length);
    this.#barOf = barOf;
    this.#history = new RecentHistory(subjects.map(barSecondsOf));
    this.values = new Float32Array(subjects.length * bars * columns);
  }

  /**
   * Bars from which a subject's row of a batch follows, those of the hand-written features not counted for a single
   * row. 0 = none: no formula is for the subject.
   */
  warmupBarsOf(index: number): number {
    if (this.#bars > 1) return this.#warmupOfSequence;
    return this.#formulas?.isFor(index) === true ? this.#formulas.warmupBarsOf(index) : 0;
  }

  /** Whether `step` and `add` need auxiliary series. */
  get readsSeries(): boolean {
    return this.#formulas?.readsSeries === true;
  }

  /** Takes the next bar of a subject. */
  step(bar: PlannedBar<Reading>): void {
    const { index, features } = bar;
    this.#history.note(index, this.#barOf(bar));
    this.#formulas?.step(index, bar);
    if (this.#rings === null) return;
    const isRowWarm = bar.isWarm && this.#areFormulasWarm(index);
    this.#counts[index] = isRowWarm ? Math.min(this.#counts[index]! + 1, this.#bars) : 0;
    const ring = this.#rings[index]!;
    if (this.#formulas === null) ring.push(features);
    else ring.pushJoined(features, this.#formulas.values(index));
  }

  /** Like `step`, with many subjects at a time: the values are there after `run`. */
  add(bar: PlannedBar<Reading>): void {
    // A subject may have several bars before `run`, and a sequence needs the row of each.
    if (this.#rings !== null) this.step(bar);
    else if (this.#formulas !== null) {
      this.#history.note(bar.index, this.#barOf(bar));
      this.#formulas.add(bar.index, bar);
    }
  }

  /** Computes the bars that were added. */
  run(): void {
    if (this.#rings === null) this.#formulas?.run();
  }

  ready(index: number): boolean {
    if (this.#rings !== null) return this.#counts[index] === this.#bars;
    return this.#areFormulasWarm(index);
  }

  /** Whether their values are made of bars without a hole between them. */
  #areFormulasWarm(index: number): boolean {
    const formulas = this.#formulas;
    return formulas?.isFor(index) !== true || this.#history.barsOf(index) >= formulas.warmupBarsOf(index);
  }

  /** Writes a subject's row of the batch. @param features values of the hand-written ones */
  fillRow(index: number, features: Float64Array, row: number): void {
    const columns = this.#row.length;
    const at = row * this.#bars * columns;
    if (this.#rings !== null) {
      this.#rings[index]!.write(this.values, at);
      return;
    }
    writeFloats(features, 0, this.#written, this.values, at);
    if (this.#formulas === null) return;
    writeFloats(this.#formulas.values(index), 0, this.#formulas.width, this.values, at + this.#written);
  }

  /** All columns of a subject as bytes (float64, little endian). They belong to the caller until the next call. */
  bytes(index: number, features: Float64Array): Uint8Array {
    this.#row.set(features);
    if (this.#formulas !== null) this.#row.set(this.#formulas.values(index), this.#written);
    return this.#bytes;
  }
}
