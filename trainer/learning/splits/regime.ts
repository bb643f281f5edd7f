import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import type { PairHistory } from '../history/pair_history.ts';

/** Look-back of the regime in bars of the pair, about a trading day. */
export const TREND_BARS = 1440;

/** Close time and pair of rows. */
interface RowPlaces {
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
export function trendRegimes(
  rows: RowPlaces,
  histories: readonly Pick<PairHistory, 'time' | 'lnA' | 'length'>[],
): Int8Array {
  const at = barsOfRows(rows, histories);
  return Int8Array.from(at, (t, row) => {
    const { lnA } = histories[rows.pair[row]!]!;
    return t < TREND_BARS ? 0 : Math.sign(lnA[t]! - lnA[t - TREND_BARS]!);
  });
}

/** z at each row's bar: leg A would be sold above 0, bought below. @throws RangeError as `trendRegimes` */
export function zScores(
  rows: RowPlaces,
  histories: readonly Pick<PairHistory, 'time' | 'z' | 'length'>[],
): Float64Array {
  return Float64Array.from(barsOfRows(rows, histories), (t, row) => histories[rows.pair[row]!]!.z[t]!);
}

/** The bar of each row in its pair's history, [rows]. @throws RangeError when it is not there */
function barsOfRows({ time, pair }: RowPlaces, histories: readonly Pick<PairHistory, 'time' | 'length'>[]): Int32Array {
  return Int32Array.from({ length: time.length }, (_, row) => {
    const t = barOpenedAt(histories[pair[row]!]!, time[row]! - SECONDS_PER_BAR);
    if (t < 0) throw new RangeError(`row ${row}: pair ${pair[row]} has no bar that closes at ${time[row]}`);
    return t;
  });
}

/** −1 when there is none. */
function barOpenedAt({ time, length }: Pick<PairHistory, 'time' | 'length'>, opened: number): number {
  const t = lowerBound(time, opened);
  return t < length && time[t] === opened ? t : -1;
}
