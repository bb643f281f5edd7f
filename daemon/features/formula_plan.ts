import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import type { FeatureDefinition } from '../../shared/core/features/feature.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { writeFloats } from '../../shared/core/features/float_row.ts';
import { RowRing } from '../../shared/core/features/row_ring.ts';
import { sequenceBars } from '../../shared/core/features/windows.ts';
import { pairInputs, type PairReading } from '../../shared/core/formula/bar_inputs.ts';
import { FormulaColumns } from '../../shared/core/formula/formula_columns.ts';
import { formulasOf } from '../../shared/core/formula/named_formulas.ts';
import type { Pair } from '../../shared/pair.ts';

/** The next bar of a pair. */
export interface PairBar extends PairReading {
  readonly pairIndex: number;
  /** Whether the hand-written features are warm. */
  readonly isWarm: boolean;
}

/**
 * What the models of one schema get beyond the newest hand-written features: formulas over all pairs, and where the
 * schema has a sequence, the last rows of each pair. It holds the rows of a batch for the models of that schema.
 */
export class FormulaPlan {
  readonly schema: FeatureSchema;
  /**
   * float32, [rows × bars × columns]: hand-written features, and behind them formulas. More bars than one: those of a
   * sequence, the oldest first.
   */
  readonly values: Float32Array;
  /** A loaded set will use it: it is kept until then. */
  isExpected = true;
  /** null: the schema has none. */
  readonly #formulas: FormulaColumns<PairReading> | null;
  /** The columns of one pair, as doubles and as their bytes. */
  readonly #row: Float64Array;
  readonly #bytes: Uint8Array;
  /** Hand-written columns. */
  readonly #written: number;
  /** Bars of a sequence. */
  readonly #bars: number;
  /** The last rows of each pair; null: models get the newest row alone. */
  readonly #rings: readonly RowRing[] | null;
  /** Warm rows that came one behind the other, by pair, up to `#bars`. */
  readonly #counts: Int32Array;

  /** @param features hand-written ones */
  constructor(schema: FeatureSchema, pairs: readonly Pair[], features: readonly FeatureDefinition[]) {
    this.schema = schema;
    const formulas = formulasOf(schema.windows, features);
    this.#formulas = formulas.length === 0 ? null : new FormulaColumns(formulas, pairs, pairInputs(features));
    this.#written = features.length;
    this.#row = new Float64Array(features.length + (this.#formulas?.width ?? 0));
    this.#bytes = new Uint8Array(this.#row.buffer);
    const bars = sequenceBars(schema.windows);
    const columns = this.#row.length;
    this.#bars = bars;
    this.#rings = bars === 1 ? null : pairs.map(() => new RowRing(bars, columns));
    this.#counts = new Int32Array(pairs.length);
    this.values = new Float32Array(pairs.length * bars * columns);
  }

  /**
   * Bars from which a pair's row of a batch follows, those of the hand-written features not counted for a single row.
   * 0 = none: no formula is for the pair.
   */
  warmupBarsOf(pairIndex: number): number {
    if (this.#bars > 1) return warmupBars(this.schema.windows);
    return this.#formulas?.isFor(pairIndex) === true ? this.#formulas.warmupBarsOf(pairIndex) : 0;
  }

  /** Whether `step` and `add` need the series of the legs. */
  get readsSeries(): boolean {
    return this.#formulas?.readsSeries === true;
  }

  /** Takes the next bar of a pair. */
  step(bar: PairBar): void {
    const { pairIndex, features } = bar;
    this.#formulas?.step(pairIndex, bar);
    if (this.#rings === null) return;
    const isRowWarm = bar.isWarm && this.#formulas?.ready(pairIndex) !== false;
    this.#counts[pairIndex] = isRowWarm ? Math.min(this.#counts[pairIndex]! + 1, this.#bars) : 0;
    const ring = this.#rings[pairIndex]!;
    if (this.#formulas === null) ring.push(features);
    else ring.pushJoined(features, this.#formulas.values(pairIndex));
  }

  /** Like `step`, with many pairs at a time: the values are there after `run`. */
  add(bar: PairBar): void {
    // A pair may have several bars before `run`, and a sequence needs the row of each.
    if (this.#rings !== null) this.step(bar);
    else this.#formulas?.add(bar.pairIndex, bar);
  }

  /** Computes the bars that were added. */
  run(): void {
    if (this.#rings === null) this.#formulas?.run();
  }

  ready(pairIndex: number): boolean {
    if (this.#rings !== null) return this.#counts[pairIndex] === this.#bars;
    return this.#formulas?.ready(pairIndex) !== false;
  }

  /** Writes a pair's row of the batch. @param features values of the hand-written ones */
  fillRow(pairIndex: number, features: Float64Array, row: number): void {
    const columns = this.#row.length;
    const at = row * this.#bars * columns;
    if (this.#rings !== null) {
      this.#rings[pairIndex]!.write(this.values, at);
      return;
    }
    writeFloats(features, 0, this.#written, this.values, at);
    if (this.#formulas === null) return;
    writeFloats(this.#formulas.values(pairIndex), 0, this.#formulas.width, this.values, at + this.#written);
  }

  /** All columns of a pair as bytes (float64, little endian). They belong to the caller until the next call. */
  bytes(pairIndex: number, features: Float64Array): Uint8Array {
    this.#row.set(features);
    if (this.#formulas !== null) this.#row.set(this.#formulas.values(pairIndex), this.#written);
    return this.#bytes;
  }
}
