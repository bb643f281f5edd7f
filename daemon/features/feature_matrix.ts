import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { FeatureEngine, type PairBars } from '../../shared/core/features/features.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { Pair } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
import type { LegSeries } from '../../shared/core/series/leg_series.ts';
import { isHeartbeat, type PairMinute } from '../align/minute.ts';
import { otherSymbolsIn } from '../../shared/core/formula/other_symbols.ts';
import type { OtherBarsAt } from '../../shared/core/formula/other_values.ts';
import type { PairReading } from '../../shared/core/formula/bar_inputs.ts';
import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { FormulaPlan, PlannedBar } from './formula_plan.ts';
import { FormulaPlans } from './formula_plans.ts';
import { copyOfPairBar, pairHistoryOf, planOfPairs } from './pair_plan.ts';
import { FormulaWarmUp, type WarmUpTurns } from './formula_warm_up.ts';
import type { SeriesReader } from './series_reader.ts';

type PairPlan = FormulaPlan<PairReading, FeatureSchema>;

type CompleteMinute = PairBars & Pick<PairMinute, 'others'>;
const NO_BARS: OtherBarsAt = new Map();

/** Minutes whose rows are written while their features are in the cache. */
const PIECE = 64;

/** The features of all pairs, and the rows of a batch that models score: float32, [rows × columns]. */
export class FeatureMatrix {
  readonly features: FeatureEngine;
  readonly values: Float32Array;
  /** Id of the pair of each row. */
  readonly rowPairs: string[];
  readonly #ids: readonly string[];
  readonly #columns: number;
  /** Row of each pair; −1 = not scored. */
  readonly #rows: Int32Array;
  /** The feature values of each pair as bytes, for their checksum. */
  readonly #bytes: readonly Uint8Array[];
  readonly #windows: Windows;
  /** Of the legs of each pair. */
  readonly #series: readonly LegSeries[];
  /** Of the loaded sets that have formulas or a sequence; sets with the same formulas share one. */
  readonly #plans: FormulaPlans<PairReading, FeatureSchema>;
  /** Reused for each bar, to allocate nothing: plans keep no reference to it, and a warm-up copies it. */
  readonly #bar = {} as { -readonly [Field in keyof PlannedBar<PairReading>]: PlannedBar<PairReading>[Field] };

  constructor(pairs: readonly Pair[], windows: Windows, columns: number, series: Pick<SeriesReader, 'ofPair'>) {
    this.features = new FeatureEngine(pairs, windows);
    this.#windows = windows;
    this.#series = pairs.map((pair) => series.ofPair(pair));
    this.values = new Float32Array(pairs.length * columns);
    this.#plans = new FormulaPlans({
      planOf: (schema) => planOfPairs(schema, pairs, this.features.definitions),
      warmUpOf: (plan) =>
        new FormulaWarmUp(
          plan,
          pairs,
          pairs.map((_, index) => this.lastOf(index)),
          copyOfPairBar,
        ),
    });
    this.#ids = pairs.map(({ id }) => id);
    this.rowPairs = [...this.#ids];
    this.#columns = columns;
    this.#rows = new Int32Array(pairs.length).fill(-1);
    this.#bytes = pairs.map((_, pairIndex) => {
      const { buffer, byteOffset, byteLength } = this.features.values(pairIndex);
      return new Uint8Array(buffer, byteOffset, byteLength);
    });
  }

  /**
   * Updates the features by the complete minutes and fills in the pairs that are to be scored.
   * @returns how many rows there are
   */
  step(batch: readonly MinuteItem[]): number {
    let rows = 0;
    for (let from = 0; from < batch.length; from += PIECE) {
      // A pair is published by its last minute of a batch.
      const piece = batch.length <= PIECE ? batch : batch.slice(from, from + PIECE);
      this.#stepFeatures(piece);
      rows = this.#fillRows(piece, rows);
    }
    return rows;
  }

  /** Whether formulas read the series of legs: what arrived must have taken effect before a bar. */
  get readsSeries(): boolean {
    return this.#plans.readsSeries;
  }

  #stepFeatures(items: readonly MinuteItem[]): void {
    const complete: CompleteMinute[] = [];
    for (const { minute } of items) if (minute.outcome === 'COMPLETE') complete.push(minute as CompleteMinute);
    if (this.#plans.isEmpty) this.features.step(complete);
    else this.#stepFormulas(complete);
  }

  /** Hand-written features bar by bar, because formulas read them; formulas of all pairs together. */
  #stepFormulas(complete: readonly CompleteMinute[]): void {
    const { features, readsSeries } = this;
    const bar = this.#bar;
    for (const { pairIndex } of complete) features.touch(pairIndex);
    for (const { pairIndex, a, b, others } of complete) {
      features.stepPair(pairIndex, a, b);
      const values = features.values(pairIndex);
      const series = readsSeries ? this.#series[pairIndex]!.at(a.time + SECONDS_PER_BAR) : null;
      bar.index = pairIndex;
      bar.a = a;
      bar.b = b;
      bar.features = values;
      bar.series = series;
      bar.otherBars = others ?? NO_BARS;
      bar.isWarm = features.ready(pairIndex);
      this.#plans.take(bar);
    }
    this.#plans.run();
  }

  /** @returns how many rows there are then */
  #fillRows(items: readonly MinuteItem[], filled: number): number {
    let rows = filled;
    for (const { minute, publish } of items) {
      const { pairIndex, outcome } = minute;
      const isScored = publish && (outcome === 'COMPLETE' || isHeartbeat(minute)) && this.features.ready(pairIndex);
      this.#rows[pairIndex] = isScored ? rows : -1;
      if (!isScored) continue;
      this.rowPairs[rows] = this.#ids[pairIndex]!;
      this.features.writeRow(pairIndex, this.values, rows * this.#columns);
      for (const plan of this.#plans.list) plan.fillRow(pairIndex, this.features.values(pairIndex), rows);
      rows++;
    }
    return rows;
  }

  /** The rows of the last batch with the columns of a set. @throws Error for formulas that are not computed here */
  valuesOf(set: ModelSet): Float32Array {
    return this.#planOf(set)?.values ?? this.values;
  }

  /** Of the last batch; −1 = the pair is not scored, or the formulas of the set are not warm. */
  rowOf(pairIndex: number, set: ModelSet | null): number {
    const row = this.#rows[pairIndex]!;
    if (row < 0 || set === null) return row;
    return this.#planOf(set)?.ready(pairIndex) === false ? -1 : row;
  }

  /** Whether the features of a pair are warm, with the formulas of a set. */
  isReady(pairIndex: number, set: ModelSet | null): boolean {
    if (!this.features.ready(pairIndex)) return false;
    return set === null || this.#planOf(set)?.ready(pairIndex) !== false;
  }

  /** Hash of the features that a set scores; null = it has neither formulas nor a sequence. */
  formulaSchemaOf(set: ModelSet | null): string | null {
    return set === null ? null : (this.#planOf(set)?.schema.hash ?? null);
  }

  /**
   * CRC-32 of the pair's feature values (float64, little endian).
   * @param schema hash of the features that were scored: with formulas, their values come behind
   */
  checksum(pairIndex: number, schema: string): string {
    const plan = this.#plans.find(schema);
    return checksum(plan?.bytes(pairIndex, this.features.values(pairIndex)) ?? this.#bytes[pairIndex]!);
  }

  /** Open of the newest bar of a pair; null before the first. */
  lastOf(pairIndex: number): OpenTime | null {
    const { bars, a } = this.features.frame(pairIndex);
    return bars === 0 ? null : a.time;
  }

  // ---- formulas and sequences ----

  /** null: it has neither formulas nor a sequence. */
  #planOf(set: ModelSet): PairPlan | null {
    if (!hasOwnRows(set)) return null;
    const plan = this.#plans.find(set.schema.hash);
    if (plan !== null) return plan;
    throw new Error(`the formulas of ${set.version} are not computed`);
  }

  /** Symbols that formulas read which are computed or warmed, sorted. */
  get otherSymbols(): string[] {
    return [...new Set(this.#plans.schemas.flatMap(({ windows }) => otherSymbolsIn(windows.formulas)))].sort();
  }

  /** Computes the formulas of a loaded set from its last bars on. See `FormulaPlans.warm`. */
  async warm(set: ModelSet, store: FormulaStore, turns: WarmUpTurns, begin?: () => Promise<void>): Promise<void> {
    if (!hasOwnRows(set)) return;
    const { formulas } = set.schema.windows;
    const windows = formulas === undefined ? this.#windows : { ...this.#windows, formulas };
    await this.#plans.warm(set.schema, pairHistoryOf(store, windows), turns, begin);
  }

  /** Sets that answer from now on. See `FormulaPlans.use`. */
  use(sets: readonly ModelSet[]): void {
    this.#plans.use(sets.filter(hasOwnRows).map(({ schema }) => schema));
  }
}

/** Whether the rows of a set are not those of the newest hand-written features: formulas, or a sequence. */
function hasOwnRows({ schema: { windows } }: ModelSet): boolean {
  return windows.formulas !== undefined || windows.sequence !== undefined;
}
