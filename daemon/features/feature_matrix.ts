import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { FeatureEngine, type PairBars } from '../../shared/core/features/features.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { Pair } from '../../shared/pair.ts';
import { checksum } from '../../shared/signal/encode.ts';
import type { LegSeries } from '../../shared/core/series/leg_series.ts';
import { isHeartbeat } from '../align/minute.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import type { MinuteItem } from '../queue/queue.ts';
import { FormulaPlan, type PairBar } from './formula_plan.ts';
import { FormulaWarmUp } from './formula_warm_up.ts';
import type { SeriesReader } from './series_reader.ts';

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
  readonly #pairs: readonly Pair[];
  readonly #windows: Windows;
  /** Of the legs of each pair. */
  readonly #series: readonly LegSeries[];
  /** Of the loaded sets that have formulas or a sequence; sets with the same formulas share one. */
  #plans: readonly FormulaPlan[] = [];
  /** Reused for each bar, to allocate nothing: plans keep no reference to it, and a warm-up copies it. */
  readonly #bar = {} as { -readonly [Field in keyof PairBar]: PairBar[Field] };
  #warmUps: readonly FormulaWarmUp[] = [];

  constructor(pairs: readonly Pair[], windows: Windows, columns: number, series: Pick<SeriesReader, 'ofPair'>) {
    this.features = new FeatureEngine(pairs, windows);
    this.#pairs = pairs;
    this.#windows = windows;
    this.#series = pairs.map((pair) => series.ofPair(pair));
    this.values = new Float32Array(pairs.length * columns);
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
    return this.#plans.some((plan) => plan.readsSeries) || this.#warmUps.some(({ plan }) => plan.readsSeries);
  }

  #stepFeatures(items: readonly MinuteItem[]): void {
    const complete: PairBars[] = [];
    for (const { minute } of items) if (minute.outcome === 'COMPLETE') complete.push(minute as PairBars);
    if (this.#plans.length + this.#warmUps.length === 0) this.features.step(complete);
    else this.#stepFormulas(complete);
  }

  /** Hand-written features bar by bar, because formulas read them; formulas of all pairs together. */
  #stepFormulas(complete: readonly PairBars[]): void {
    const { features, readsSeries } = this;
    const bar = this.#bar;
    for (const { pairIndex } of complete) features.touch(pairIndex);
    for (const { pairIndex, a, b } of complete) {
      features.stepPair(pairIndex, a, b);
      const values = features.values(pairIndex);
      const series = readsSeries ? this.#series[pairIndex]!.at(a.time + SECONDS_PER_BAR) : null;
      bar.pairIndex = pairIndex;
      bar.a = a;
      bar.b = b;
      bar.features = values;
      bar.series = series;
      bar.isWarm = features.ready(pairIndex);
      for (const plan of this.#plans) plan.add(bar);
      for (const warmUp of this.#warmUps) warmUp.note(bar);
    }
    for (const plan of this.#plans) plan.run();
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
      for (const plan of this.#plans) plan.fillRow(pairIndex, this.features.values(pairIndex), rows);
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
    for (const plan of this.#plans)
      if (plan.schema.hash === schema) return checksum(plan.bytes(pairIndex, this.features.values(pairIndex)));
    return checksum(this.#bytes[pairIndex]!);
  }

  // ---- formulas and sequences ----

  /** null: it has neither formulas nor a sequence. */
  #planOf(set: ModelSet): FormulaPlan | null {
    if (!hasOwnRows(set)) return null;
    const { hash } = set.schema;
    for (const plan of this.#plans) if (plan.schema.hash === hash) return plan;
    throw new Error(`the formulas of ${set.version} are not computed`);
  }

  /**
   * Computes the formulas of a loaded set from its last bars on, if they are not computed yet.
   * @param pause resolves when the thread may be blocked for some milliseconds
   * @param stored resolves when the journal has all bars that have been taken
   */
  async warm(
    set: ModelSet,
    store: FormulaStore,
    stored: () => Promise<unknown>,
    pause: () => Promise<void>,
  ): Promise<void> {
    if (!hasOwnRows(set)) return;
    const known = this.#plans.find(({ schema }) => schema.hash === set.schema.hash);
    if (known !== undefined) {
      known.isExpected = true;
      return;
    }
    const plan = new FormulaPlan(set.schema, this.#pairs, this.features.definitions);
    const warmUp = new FormulaWarmUp(plan, this.#pairs, this.#windows, this.features);
    this.#warmUps = [...this.#warmUps, warmUp];
    try {
      await stored();
      await warmUp.readJournal(store, pause);
      warmUp.catchUp();
      this.#plans = [...this.#plans, plan];
    } finally {
      this.#warmUps = this.#warmUps.filter((own) => own !== warmUp);
    }
  }

  /**
   * Sets that answer from now on. Formulas that no set has are computed no longer; those that were not warmed begin
   * with the next bar.
   */
  use(sets: readonly ModelSet[]): void {
    const own = sets.filter(hasOwnRows);
    if (own.length + this.#plans.length === 0) return;
    const hashes = new Set(own.map(({ schema }) => schema.hash));
    for (const plan of this.#plans) if (hashes.has(plan.schema.hash)) plan.isExpected = false;
    const kept = this.#plans.filter((plan) => plan.isExpected || hashes.has(plan.schema.hash));
    for (const { schema } of own) {
      if (kept.some((plan) => plan.schema.hash === schema.hash)) continue;
      const plan = new FormulaPlan(schema, this.#pairs, this.features.definitions);
      plan.isExpected = false;
      kept.push(plan);
    }
    this.#plans = kept;
  }
}

/** Whether the rows of a set are not those of the newest hand-written features: formulas, or a sequence. */
function hasOwnRows({ schema: { windows } }: ModelSet): boolean {
  return windows.formulas !== undefined || windows.sequence !== undefined;
}
