import type { Bar } from '../../shared/bar.ts';
import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import type { FeatureDefinition } from '../../shared/core/features/feature.ts';
import { writeFloats } from '../../shared/core/features/features.ts';
import { FormulaColumns } from '../../shared/core/formula/formula_columns.ts';
import { formulasOf } from '../../shared/core/formula/named_formulas.ts';
import { barSecondsOf, type Pair } from '../../shared/pair.ts';

/** The formulas of one schema over all pairs, and the rows of a batch for the models of that schema. */
export class FormulaPlan {
  readonly schema: FeatureSchema;
  /** float32, [rows × columns]: hand-written features, and behind them formulas. */
  readonly values: Float32Array;
  /** A loaded set will use it: it is kept until then. */
  isExpected = true;
  readonly #formulas: FormulaColumns;
  /** The columns of one pair, as doubles and as their bytes. */
  readonly #row: Float64Array;
  readonly #bytes: Uint8Array;
  /** Hand-written columns. */
  readonly #written: number;

  /** @param features hand-written ones */
  constructor(schema: FeatureSchema, pairs: readonly Pair[], features: readonly FeatureDefinition[]) {
    this.schema = schema;
    this.#formulas = new FormulaColumns(formulasOf(schema.windows, features), features, pairs.map(barSecondsOf));
    this.#written = features.length;
    this.#row = new Float64Array(features.length + this.#formulas.width);
    this.#bytes = new Uint8Array(this.#row.buffer);
    this.values = new Float32Array(pairs.length * this.#row.length);
  }

  get warmupBars(): number {
    return this.#formulas.warmupBars;
  }

  /** Whether `step` and `add` need the series of the legs. */
  get readsSeries(): boolean {
    return this.#formulas.readsSeries;
  }

  /**
   * Takes the next bar of a pair.
   * @param features values of the hand-written ones at this bar
   * @param series of the legs as known at its close; null where no formula reads one
   */
  step(pairIndex: number, a: Bar, b: Bar, features: Float64Array, series: Float64Array | null): void {
    this.#formulas.step(pairIndex, a, b, features, series);
  }

  /** Like `step`, with many pairs at a time: the values are there after `run`. */
  add(pairIndex: number, a: Bar, b: Bar, features: Float64Array, series: Float64Array | null): void {
    this.#formulas.add(pairIndex, a, b, features, series);
  }

  /** Computes the bars that were added. */
  run(): void {
    this.#formulas.run();
  }

  ready(pairIndex: number): boolean {
    return this.#formulas.ready(pairIndex);
  }

  /** Writes a pair's row of the batch. @param features values of the hand-written ones */
  fillRow(pairIndex: number, features: Float64Array, row: number): void {
    const at = row * this.#row.length;
    writeFloats(features, 0, this.#written, this.values, at);
    writeFloats(this.#formulas.values(pairIndex), 0, this.#formulas.width, this.values, at + this.#written);
  }

  /** All columns of a pair as bytes (float64, little endian). They belong to the caller until the next call. */
  bytes(pairIndex: number, features: Float64Array): Uint8Array {
    this.#row.set(features);
    this.#row.set(this.#formulas.values(pairIndex), this.#written);
    return this.#bytes;
  }
}
