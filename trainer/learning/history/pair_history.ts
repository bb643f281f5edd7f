import { barOpen } from '../../../shared/core/resample/bar_resampler.ts';
import { barSecondsOf } from '../../../shared/pair.ts';
import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../../../shared/bar.ts';
import { barReader, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { OtherBars } from '../../../shared/bar_file/other_bars.ts';
import { quotedBps } from '../../../shared/core/cost/fill_cost.ts';
import { historyFeatures } from '../../../shared/core/features/features.ts';
import { writeFloats } from '../../../shared/core/features/float_row.ts';
import type { PairReading } from '../../../shared/core/formula/bar_inputs.ts';
import type { FormulaBlock } from '../../../shared/core/formula/formula_block.ts';
import { legSeriesOf, type LegSeries } from '../../../shared/core/series/leg_series.ts';
import type { Market } from '../../../shared/core/position/position.ts';
import { isHole, recentBars, RecentHistory, type RecentBars } from '../../../shared/core/recent_history.ts';
import { sequenceBars, type Windows } from '../../../shared/core/features/windows.ts';
import type { Pair } from '../../../shared/pair.ts';

/**
 * Warm bars of one pair, one element per minute with both legs, ascending: the input of labels and backtest. Behind a
 * hole the first ones are left out, as a daemon warms up anew. Features are kept for some bars; `row` is their index.
 */
export interface PairHistory {
  readonly pair: Pair;
  readonly length: number;
  /** Epoch seconds of the open of the bar's last minute. */
  readonly time: Float64Array;
  readonly openA: Float64Array;
  readonly openB: Float64Array;
  /** Quoted spreads, basis points; NaN if unknown. */
  readonly quotedA: Float64Array;
  readonly quotedB: Float64Array;
  readonly lnA: Float64Array;
  readonly lnB: Float64Array;
  readonly alpha: Float64Array;
  readonly beta: Float64Array;
  readonly corr: Float64Array;
  readonly zMean: Float64Array;
  readonly zStd: Float64Array;
  readonly z: Float64Array;
  readonly atrRatio: Float64Array;
  /**
   * Row of each bar in `features`; −1 if its features were not kept. Where models get a sequence of rows, those of all
   * bars are kept, and before the first bar as many as its sequence needs: the rows of a bar's sequence end at its own.
   */
  readonly row: Int32Array;
  /** [kept rows, columns], float32 as scored by the models; NaN = missing. */
  readonly features: Float32Array;
  readonly rows: number;
}

/** A history without features: what labels and backtests are made of. */
export type PriceHistory = Omit<PairHistory, 'row' | 'features' | 'rows'>;

/** Values of every warm bar, from the engine's frame or its columns. */
export const HISTORY_COLUMNS = [
  'time',
  'openA',
  'openB',
  'quotedA',
  'quotedB',
  'lnA',
  'lnB',
  'alpha',
  'beta',
  'corr',
  'zMean',
  'zStd',
  'z',
  'atrRatio',
] as const;

export type HistoryColumns = Readonly<Record<(typeof HISTORY_COLUMNS)[number], Float64Array>>;

/** Columns of bars, each created by `column`. */
export function historyColumns(column: () => Float64Array): HistoryColumns {
  return Object.fromEntries(HISTORY_COLUMNS.map((name) => [name, column()])) as HistoryColumns;
}

/** Elements from `first` up to, not including, `end`, as views of the same memory. */
export function viewColumns<Columns extends Readonly<Record<string, Float64Array>>>(
  columns: Columns,
  first: number,
  end: number,
): Columns {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, column.subarray(first, end)]),
  ) as Columns;
}

/**
 * Runs the daemon's own features over a pair's bars. Formulas read the series that come with the bars of a leg, and
 * the bars of other symbols that come with those of leg A.
 * @param keep whether to keep the features of a warm bar; where models get a sequence of rows, all are kept
 * @param given columns to write to, with at least as many elements as there are warm bars; default: new ones
 * @throws RangeError where formulas read series and nobody has looked for those of the legs
 * @throws MinutehandError DATA_MISSING where they read another symbol whose bars do not come with those of leg A
 */
export function buildPairHistory(
  pair: Pair,
  a: BarColumns,
  b: BarColumns,
  windows: Windows,
  keep: (time: OpenTime, z: number) => boolean,
  given?: HistoryColumns,
): PairHistory {
  const { length: minutes, inA, inB } = matchMinutes(a, b);
  const { written: engine, formulas } = historyFeatures(windows, pair);
  const bars = sequenceBars(windows);
  const isSequence = bars > 1;
  const warmup = Math.max(engine.warmupBars, formulas?.warmupBars ?? 1);
  const warmupWithSequence = warmup + bars - 1;
  const capacity = warmMinutes(a, pair, inA, warmupWithSequence).length;
  const mostRows = Math.max(0, minutes - warmup + 1);
  const columns = given ?? historyColumns(() => new Float64Array(capacity));
  const row = new Int32Array(capacity).fill(-1);
  const width = engine.definitions.length + (formulas?.width ?? 0);
  const others = formulas === null ? null : othersOf(formulas, a, pair);
  const blockRows = formulas === null ? null : new BlockRows(formulas, width, seriesOfLegs(formulas, a, b), others);
  const atrRatio = engine.definitions.findIndex(({ name }) => name === 'atr_ratio');
  const history = new RecentHistory([barSecondsOf(pair)]);
  let features = new Float32Array(1024 * width);
  let length = 0;
  let rows = 0;
  const { frame, values } = engine;
  const keepRow = (): void => {
    if ((rows + 1) * width > features.length) features = grow(features, mostRows * width);
    engine.writeRow(features, rows * width);
    blockRows?.keep(rows);
    rows++;
  };
  const barOfA = barReader(a);
  const barOfB = barReader(b);
  for (let minute = 0; minute < minutes; minute++) {
    const i = inA[minute]!;
    const barA = barOfA(i);
    const barB = barOfB(inB[minute]!);
    engine.step(barA, barB);
    if (blockRows !== null) blockRows.add(barA, barB, values, features);
    const time = a.time[i]! as OpenTime;
    history.note(0, frame.a);
    if (history.barsOf(0) < warmup) continue;
    if (isSequence) keepRow();
    if (history.barsOf(0) < warmupWithSequence) continue;
    columns.time[length] = time;
    columns.openA[length] = frame.a.open;
    columns.openB[length] = frame.b.open;
    columns.quotedA[length] = quotedBps(frame.a);
    columns.quotedB[length] = quotedBps(frame.b);
    columns.lnA[length] = frame.lnA;
    columns.lnB[length] = frame.lnB;
    columns.alpha[length] = frame.alpha;
    columns.beta[length] = frame.beta;
    columns.corr[length] = frame.corr;
    columns.zMean[length] = frame.zMean;
    columns.zStd[length] = frame.zStd;
    columns.z[length] = frame.z;
    columns.atrRatio[length] = values[atrRatio]!;
    if (isSequence) row[length] = rows - 1;
    else if (keep(time, frame.z)) {
      keepRow();
      row[length] = rows - 1;
    }
    length++;
  }
  blockRows?.flush(features);
  return {
    pair,
    length,
    ...columns,
    row,
    features: features.length === rows * width ? features : features.slice(0, rows * width),
    rows,
  };
}

/** null: no formula reads them, or they are not known. */
function seriesOfLegs({ readsSeries }: FormulaBlock<PairReading>, a: BarColumns, b: BarColumns): LegSeries | null {
  const isKnown = readsSeries && a.series !== undefined && b.series !== undefined;
  return isKnown ? legSeriesOf(a.series, b.series) : null;
}

/** null: no formula reads another symbol. */
function othersOf({ others }: FormulaBlock<PairReading>, a: BarColumns, pair: Pair): OtherBars | null {
  return others.length === 0 ? null : new OtherBars(others, a.others, barSecondsOf(pair));
}

/** Computes the formulas of a history in blocks, and writes those of kept bars behind the hand-written columns. */
class BlockRows {
  readonly #formulas: FormulaBlock<PairReading>;
  readonly #width: number;
  readonly #values: Float64Array;
  readonly #series: LegSeries | null;
  /** null = no formula reads another symbol. */
  readonly #others: OtherBars | null;
  /** Row of each kept bar of the block; −1 = not kept. */
  #rows: number[] = [];

  /** @param width columns of a row, those of formulas last @param series of the legs; null = not known */
  constructor(formulas: FormulaBlock<PairReading>, width: number, series: LegSeries | null, others: OtherBars | null) {
    this.#formulas = formulas;
    this.#others = others;
    this.#series = series;
    this.#width = width;
    this.#values = new Float64Array(formulas.width);
  }

  /** Takes the next bar. @param written values of the hand-written columns @param features all rows so far */
  add(a: Bar, b: Bar, written: Float64Array, features: Float32Array): void {
    if (this.#formulas.isFull) this.flush(features);
    const series = this.#series?.at(a.time + SECONDS_PER_BAR) ?? null;
    const others = this.#others?.at(a.time) ?? null;
    this.#formulas.add({ a, b, features: written, series, others });
    this.#rows.push(-1);
  }

  /** The bar that was added last is kept as this row. */
  keep(row: number): void {
    this.#rows[this.#rows.length - 1] = row;
  }

  /** Writes the rows of the bars that were added. */
  flush(features: Float32Array): void {
    const formulas = this.#formulas;
    const values = this.#values;
    formulas.run();
    for (let place = 0; place < this.#rows.length; place++) {
      const row = this.#rows[place]!;
      if (row < 0) continue;
      formulas.read(place, values);
      writeFloats(values, 0, values.length, features, (row + 1) * this.#width - values.length);
    }
    this.#rows = [];
  }
}

function grow(values: Float32Array, most: number): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(Math.min(values.length * 4, most));
  larger.set(values);
  return larger;
}

/** Indexes of common minutes in both columns, ascending. */
export interface MatchedMinutes {
  readonly length: number;
  readonly inA: Int32Array;
  readonly inB: Int32Array;
}

export function matchMinutes(a: BarColumns, b: BarColumns): MatchedMinutes {
  const inA = new Int32Array(Math.min(a.length, b.length));
  const inB = new Int32Array(inA.length);
  let length = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const difference = a.time[i]! - b.time[j]!;
    if (difference === 0) {
      inA[length] = i;
      inB[length++] = j;
    }
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return { length, inA: inA.subarray(0, length), inB: inB.subarray(0, length) };
}

/**
 * Which of the matched minutes are at least the `warmup`-th from the last hole on, ascending: a daemon has warmed up
 * anew behind a hole, and decides at no other ones.
 */
export function warmMinutes(a: BarColumns, pair: Pair, inA: Int32Array, warmup: number): Int32Array {
  const history = new RecentHistory([barSecondsOf(pair)]);
  const warm = new Int32Array(inA.length);
  let count = 0;
  for (let minute = 0; minute < inA.length; minute++) {
    history.note(0, { time: a.time[inA[minute]!]! });
    if (history.barsOf(0) >= warmup) warm[count++] = minute;
  }
  return warm.subarray(0, count);
}

/** Whether there is a hole between bar `t` and the one before it. */
export function isHoleBefore({ time, pair }: Pick<PairHistory, 'time' | 'pair'>, t: number): boolean {
  return isHole(time[t - 1]!, time[t]!, barSecondsOf(pair));
}

/** Positions of the minutes that both columns have, ascending. */
export function* commonMinutes(a: BarColumns, b: BarColumns): Generator<readonly [number, number], void, undefined> {
  const { length, inA, inB } = matchMinutes(a, b);
  for (let minute = 0; minute < length; minute++) yield [inA[minute]!, inB[minute]!];
}

/** Number of minutes that both have; 0 without a leg. */
export function countCommonMinutes(a: BarColumns | undefined, b: BarColumns | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return matchMinutes(a, b).length;
}

/** The minutes that both have and that lead to the newest of them without a long gap; null without a leg. */
export function recentCommonMinutes(
  a: BarColumns | undefined,
  b: BarColumns | undefined,
  barSeconds: number,
): RecentBars | null {
  if (a === undefined || b === undefined) return null;
  const { length, inA } = matchMinutes(a, b);
  const times = Float64Array.from({ length }, (_, minute) => a.time[inA[minute]!]!);
  return recentBars(times, null, barSeconds);
}

/** Epoch seconds at which bar `t` opened; a bar has the time of its last minute. */
export function openTimeAt({ time, pair }: Pick<PairHistory, 'time' | 'pair'>, t: number): OpenTime {
  return barOpen(time[t]!, barSecondsOf(pair));
}

/** Bar `t` in the form used by `decide` and the position. */
export function marketAt(history: PriceHistory, t: number): Market {
  return {
    z: history.z[t]!,
    alpha: history.alpha[t]!,
    beta: history.beta[t]!,
    zMean: history.zMean[t]!,
    zStd: history.zStd[t]!,
    lnA: history.lnA[t]!,
    lnB: history.lnB[t]!,
  };
}
