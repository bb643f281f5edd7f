import type { Pair } from '../../../pair.ts';
import { instrumentInputs, type InstrumentFields, type InstrumentReading } from '../../formula/bar_inputs.ts';
import { writeFloats } from '../float_row.ts';
import { RowRing } from '../row_ring.ts';
import { sequenceBars } from '../windows.ts';
import { FormulaColumns } from '../../formula/formula_columns.ts';
import { formulaDefinition, instrumentFormulasOf } from '../../formula/named_formulas.ts';
import { instrumentDefinitions, type InstrumentDefinition, type InstrumentWindows } from './definitions.ts';
import { InstrumentFeatures } from './instrument_features.ts';

/** Columns of an instrument in schema order: hand-written ones, and those of formulas. @throws FormulaError */
export function instrumentColumns(windows: InstrumentWindows): readonly InstrumentDefinition[] {
  const written = instrumentDefinitions(windows);
  const formulas = instrumentFormulasOf(windows, written).map((formula): InstrumentDefinition => {
    const { models: _ofPairs, ...definition } = formulaDefinition(formula);
    return definition;
  });
  return formulas.length === 0 ? written : [...written, ...formulas];
}

/**
 * Bars of an instrument before every column of any instrument exists, of each row of a sequence.
 * @throws FormulaError
 */
export function instrumentWarmUp(windows: InstrumentWindows): number {
  return Math.max(...instrumentColumns(windows).map(({ warmup_bars }) => warmup_bars)) + sequenceBars(windows) - 1;
}

/**
 * All columns of one instrument: its hand-written features, and behind them the formulas of its schema; where models
 * get a sequence, its last rows. Once warm, the values are a pure function of the last `warmupBars` bars and series
 * values, to the bit.
 */
export class InstrumentColumns {
  readonly definitions: readonly InstrumentDefinition[];
  readonly warmupBars: number;
  /** One double per definition, NaN = missing; overwritten by the next step. */
  readonly values: Float64Array;
  readonly #written: InstrumentFeatures;
  /** null = the schema has none. */
  readonly #formulas: FormulaColumns<InstrumentReading> | null;
  /** null = models get the newest row alone. */
  readonly #sequence: RowRing | null;

  /** @throws FormulaError */
  constructor(windows: InstrumentWindows, instrument: Pair) {
    const written = new InstrumentFeatures(windows, instrument.barSeconds ?? 60);
    const formulas = instrumentFormulasOf(windows, written.definitions);
    this.#written = written;
    this.definitions = instrumentColumns(windows);
    const inputs = instrumentInputs(written.definitions);
    this.#formulas = formulas.length === 0 ? null : new FormulaColumns(formulas, [instrument], inputs);
    const together = sequenceBars(windows);
    this.warmupBars = Math.max(written.warmupBars, this.#formulas?.warmupBars ?? 1) + together - 1;
    this.#sequence = together === 1 ? null : new RowRing(together, this.definitions.length);
    this.values = this.#formulas === null ? written.values : new Float64Array(this.definitions.length).fill(NaN);
  }

  /** Whether the values, of each row of a sequence, are made of bars without a hole between them. */
  get ready(): boolean {
    return this.#written.bars >= this.warmupBars;
  }

  /** Of the hand-written features: the first columns. */
  get written(): Float64Array {
    return this.#written.values;
  }

  /**
   * Takes the next closed bar.
   * @param series the values known at the bar's close, in the order of SERIES; NaN = missing
   * @throws RangeError when the time does not ascend or is no multiple of the timeframe
   */
  step(bar: InstrumentFields, series: Float64Array): void {
    const features = this.#written.values;
    this.#written.step(bar, series);
    if (this.#formulas !== null) {
      this.#formulas.step(0, { bar, features, series });
      this.values.set(features);
      this.values.set(this.#formulas.values(0), features.length);
    }
    this.#sequence?.push(this.values);
  }

  /** Numbers that a model gets for a bar. */
  get rowWidth(): number {
    return this.definitions.length * (this.#sequence?.bars ?? 1);
  }

  /** Writes them, float32, from `at` on; of a sequence, its rows one behind the other, the newest last. */
  writeRow(out: Float32Array, at: number): void {
    if (this.#sequence === null) writeFloats(this.values, 0, this.values.length, out, at);
    else this.#sequence.write(out, at);
  }

  /** The row that a model gets for a bar: a new float32 array, [rowWidth]. */
  row(): Float32Array {
    const row = new Float32Array(this.rowWidth);
    this.writeRow(row, 0);
    return row;
  }
}
