import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import { historiesInTurn, type KeptHistory } from '../history/kept_history.ts';
import type { PairHistory } from '../history/pair_history.ts';

/** Look-back of the regime in bars of the pair, about a trading day. */
export const TREND_BARS = 1440;

/** Close time and pair of rows. */
export interface RowPlaces {
  /** Epoch seconds, [rows]. */
  readonly time: ArrayLike<number>;
  /** Index into the histories, [rows]. */
  readonly pair: ArrayLike<number>;
}

/**
 * The regime of each row: bull 1 when leg A's close is above its close TREND_BARS bars of the pair before, bear −1
 * when below, 0 when equal or when that bar is not in the history. Known at the row's own bar.
 * @throws RangeError when a row's bar is not in its pair's history
 */
export function trendRegimes(rows: RowPlaces, histories: readonly KeptHistory[]): Int8Array {
  const historyOf = historiesInTurn(histories, 'time', 'lnA');
  return Int8Array.from({ length: rows.time.length }, (_, row) => {
    const history = historyOf(rows.pair[row]!);
    const t = barOfRow(rows, row, history);
    return t < TREND_BARS ? 0 : Math.sign(history.lnA[t]! - history.lnA[t - TREND_BARS]!);
  });
}

/** z at each row's bar: leg A would be sold above 0, bought below. @throws RangeError as `trendRegimes` */
export function zScores(rows: RowPlaces, histories: readonly KeptHistory[]): Float64Array {
  const historyOf = historiesInTurn(histories, 'time', 'z');
  return Float64Array.from({ length: rows.time.length }, (_, row) => {
    const history = historyOf(rows.pair[row]!);
    return history.z[barOfRow(rows, row, history)]!;
  });
}

/** The bar of a row in its pair's history. @throws RangeError when it is not there */
export function barOfRow(
  { time, pair }: RowPlaces,
  row: number,
  history: Pick<PairHistory, 'time' | 'length'>,
): number {
  const t = barOpenedAt(history, time[row]! - SECONDS_PER_BAR);
  if (t < 0) throw new RangeError(`row ${row}: pair ${pair[row]} has no bar that closes at ${time[row]}`);
  return t;
}

/** −1 when there is none. */
function barOpenedAt({ time, length }: Pick<PairHistory, 'time' | 'length'>, opened: number): number {
  const t = lowerBound(time, opened);
  return t < length && time[t] === opened ? t : -1;
}
