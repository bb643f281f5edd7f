import { type OpenTime, SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { type BarColumns, clipBars } from '../../../shared/bar_file/bar_file.ts';
import { withOtherBars } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import { sequenceBars, type Windows } from '../../../shared/core/features/windows.ts';
import type { Pair } from '../../../shared/pair.ts';
import { type KeptHistory, partOfHistory } from '../history/kept_history.ts';
import { buildPairHistory, matchMinutes } from '../history/pair_history.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { rowsOfTable } from '../learners/contract/past_rows.ts';
import { labelReversion } from '../strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../strategies/pair_reversion/label/reversion.ts';
import { tradingDaysOf } from './time_blocks.ts';
import { runOnThreads } from '../threads/thread_tasks.ts';
import { type Coins, coinsOf, mirrorBars } from './mirrored_bars.ts';

/** Trading days of all draws together, and limits of the number of draws, odd. */
const DRAWN_DAYS = 100;
const FEWEST_DRAWS = 7;
const MOST_DRAWS = 13;

/**
 * Draws of the coins for a holdout: few days need many, since the spread of the draws is then the error. Odd, so that
 * their degrees of freedom are even.
 */
export function coinDraws(tradingDays: number): number {
  const wanted = Math.ceil(DRAWN_DAYS / Math.max(1, tradingDays));
  return Math.min(MOST_DRAWS, Math.max(FEWEST_DRAWS, wanted + ((wanted + 1) % 2)));
}

const PROGRAM = new URL('./placebo_worker.js', import.meta.url);

export interface PlaceboTask {
  readonly pair: Pair;
  /** Of the holdout and the warm-up before it. */
  readonly a: BarColumns;
  readonly b: BarColumns;
  readonly windows: Windows;
  readonly holdoutFrom: number;
  readonly seed: string;
}

/** Candidates of AI1’s evaluation label in the placebo market of one pair and draw. */
export interface PlaceboRows {
  readonly pairId: string;
  readonly x: Matrix;
  readonly y: Float64Array;
  /** Epoch seconds of the bar’s close. */
  readonly time: Float64Array;
}

/** Rows of each draw of the coins, by pair. */
export type PlaceboMarkets = readonly (readonly PlaceboRows[])[];

/** Features and labels of one pair on mirrored bars: a pure function of the task. */
export function placeboRowsOf({ pair, a, b, windows, holdoutFrom, seed }: PlaceboTask): PlaceboRows {
  const coins = coinsOf(seed);
  const isWanted = (time: number, z: number): boolean =>
    time >= holdoutFrom && Math.abs(z) >= EVALUATION_BARRIERS.z_entry;
  const history = buildPairHistory(pair, mirrorWithOthers(a, coins), mirrorBars(b, coins), windows, isWanted);
  const { bar, label } = labelReversion(history, EVALUATION_BARRIERS);
  const kept = [...bar.keys()].filter((i) => history.row[bar[i]!]! >= 0);
  const columns = history.rows === 0 ? 0 : history.features.length / history.rows;
  const last = Int32Array.from(kept, (i) => history.row[bar[i]!]!);
  const all = rowsOfTable(history.features, { first: 0, rows: history.rows, columns, bars: sequenceBars(windows) });
  return {
    pairId: pair.id,
    x: takeRows(all, last),
    y: Float64Array.from(kept, (i) => label[i]!),
    time: Float64Array.from(kept, (i) => history.time[bar[i]!]! + SECONDS_PER_BAR),
  };
}

/** The mirrored bars, with those of other symbols mirrored by the same coins. */
function mirrorWithOthers(bars: BarColumns, coins: Coins): BarColumns {
  const others = bars.others && new Map([...bars.others].map(([symbol, other]) => [symbol, mirrorBars(other, coins)]));
  return { ...mirrorBars(bars, coins), ...(others && { others }) };
}

export function buffersOf({ x, y, time }: PlaceboRows): ArrayBuffer[] {
  const past = x.past === undefined ? [] : [x.past.table.buffer, x.past.last.buffer];
  return [x.values.buffer, y.buffer, time.buffer, ...past] as ArrayBuffer[];
}

export interface PlaceboOptions {
  readonly dataset: Pick<Dataset, 'histories' | 'definitions' | 'holdoutFrom' | 'outsideColumns' | 'evaluation'>;
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly windows: Windows;
  readonly seed: number;
  readonly workers: number;
  onProgress(done: number, total: number): void;
}

/**
 * The holdout of every pair in placebo markets: bars mirrored by coins that all symbols share, features and labels
 * computed anew. Columns of a feature table that the daemon does not compute keep the values of the recorded market.
 */
export async function placeboMarkets(options: PlaceboOptions): Promise<PlaceboMarkets> {
  const { dataset, windows, seed, workers, onProgress } = options;
  const bars = withOtherBars(options.bars, windows);
  const { holdoutFrom } = dataset;
  const draws = Array.from(
    { length: coinDraws(tradingDaysOf(dataset.evaluation.holdout.time)) },
    (_, draw) => `${seed}/coins/${draw}`,
  );
  const legs = dataset.histories.map(({ pair }) => ({ pair, ...holdoutLegs(pair, bars, windows, holdoutFrom) }));
  const tasks = draws.flatMap((own) => legs.map((leg): PlaceboTask => ({ ...leg, windows, holdoutFrom, seed: own })));
  const rows: PlaceboRows[] = [];
  let done = 0;
  await runOnThreads(tasks, workers, PROGRAM, placeboRowsOf, (result, task) => {
    rows[task] = withOutsideColumns(result, dataset.histories[task % legs.length]!, dataset);
    onProgress(++done, tasks.length);
  });
  return draws.map((_, draw) => rows.slice(draw * legs.length, (draw + 1) * legs.length));
}

/** With the bars of the warm-up before the holdout. */
function holdoutLegs(
  pair: Pair,
  bars: ReadonlyMap<string, BarColumns>,
  windows: Windows,
  holdoutFrom: number,
): { readonly a: BarColumns; readonly b: BarColumns } {
  const a = legBars(bars, pair, 'a')!;
  const b = legBars(bars, pair, 'b')!;
  const { length, inA } = matchMinutes(a, b);
  let first = 0;
  while (first < length && a.time[inA[first]!]! < holdoutFrom) first++;
  const from = (length === 0 ? 0 : a.time[inA[Math.max(0, first - warmupBars(windows))]!]!) as OpenTime;
  return { a: clipBars(a, from), b: clipBars(b, from) };
}

function withOutsideColumns(
  rows: PlaceboRows,
  history: KeptHistory,
  { definitions, outsideColumns }: PlaceboOptions['dataset'],
): PlaceboRows {
  if (outsideColumns.length === 0) return rows;
  const { time, row, features, rows: kept } = partOfHistory(history, 'time', 'row', 'features');
  const columns = outsideColumns.map((name) => definitions.findIndex((definition) => definition.name === name));
  const width = features.length / kept;
  const rowAt = new Map(Array.from(time, (at, t) => [at + SECONDS_PER_BAR, row[t]!]));
  rows.time.forEach((at, i) => {
    const from = rowAt.get(at) ?? -1;
    for (const column of columns) rows.x.values[i * width + column] = from < 0 ? NaN : features[from * width + column]!;
  });
  return rows;
}
