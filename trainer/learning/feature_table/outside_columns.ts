import { MinutehandError } from '../../../shared/errors.ts';
import { barSecondsOf } from '../../../shared/pair.ts';
import { crossCorrelate, type Grid } from '../data_quality/cross_correlation.ts';
import { durationText } from '../data_quality/lead_lag.ts';
import { centered } from '../data_quality/moves.ts';
import type { PairHistory } from '../history/pair_history.ts';

/** Float32 values that went through a text file differ by less. */
const TOLERANCE = 1e-4;
/** Rows that may differ: those of another warm-up. */
const MAX_DIFFERING = 0.001;
/** Bars ahead that are tested. */
const REACH = 120;
const MIN_CORRELATION = 0.1;
const STANDARD_ERRORS = 6.5;

/**
 * Columns of a table whose values are not those that the daemon computes from the same bars.
 * @param own features of the daemon's engine
 * @param given those of the table, for the same rows
 */
export function outsideColumns(own: Float32Array, given: Float32Array, names: readonly string[]): string[] {
  const width = names.length;
  const rows = own.length / width;
  return names.filter((_, c) => {
    let differing = 0;
    for (let i = c; i < own.length; i += width) if (!isSame(own[i]!, given[i]!)) differing++;
    return differing > MAX_DIFFERING * rows;
  });
}

function isSame(one: number, other: number): boolean {
  if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) && Number.isNaN(other);
  return Math.abs(one - other) <= TOLERANCE * Math.max(1e-3, Math.abs(one), Math.abs(other));
}

/**
 * Refuses a column of a table whose changes come before those of the daemon's own column: it is computed from bars
 * that were not there yet.
 * @param history of a pair, with the features of the daemon; those of the holdout are contiguous
 * @throws MinutehandError FEATURE_FORESIGHT with the column and how far it looks ahead
 */
export function refuseEarlyColumns(
  history: PairHistory,
  given: Float32Array,
  outside: readonly string[],
  names: readonly string[],
  place: string,
): void {
  const early = outside.flatMap((name) => {
    const column = names.indexOf(name);
    const of = (features: Float32Array): Grid => changesOf(history, features, column, names.length);
    const found = crossCorrelate(of(given), of(history.features), REACH);
    if (found === null) return [];
    let lag = 1;
    for (let k = 1; k <= REACH; k++)
      if (Math.abs(found.values[REACH + k]!) > Math.abs(found.values[REACH + lag]!)) lag = k;
    const ahead = found.at(lag);
    const isEarly =
      Math.abs(ahead.value) >= Math.max(MIN_CORRELATION, Math.abs(found.values[REACH]!)) &&
      Math.abs(ahead.value) >= STANDARD_ERRORS * ahead.error;
    if (!isEarly) return [];
    const looks = durationText(lag * barSecondsOf(history.pair));
    return [
      `${name} changes ${looks} before the bars that it is computed from (correlation ${ahead.value.toFixed(3)})`,
    ];
  });
  if (early.length === 0) return;
  throw new MinutehandError('FEATURE_FORESIGHT', {
    seen: `${place}: ${early.join(', ')}`,
    expected: 'features of the bar in their row and those before',
  });
}

/** Changes of a column from one kept bar to the next, clipped at four mean sizes. */
function changesOf(history: PairHistory, features: Float32Array, column: number, width: number): Grid {
  const { time, row, length, pair } = history;
  const step = barSecondsOf(pair);
  // Rows before the holdout are kept here and there only.
  let first = length;
  while (first > 0 && row[first - 1]! >= 0) first--;
  if (first >= length) return { from: 0, step, values: new Float64Array() };
  const from = Math.floor(time[first]! / step) * step;
  const values = new Float64Array(Math.floor(time[length - 1]! / step) - from / step + 1).fill(NaN);
  for (let t = first; t < length; t++)
    values[Math.floor(time[t]! / step) - from / step] = features[row[t]! * width + column]!;
  const changes = values.map((value, i) => (i === 0 ? NaN : value - values[i - 1]!));
  const known = changes.filter((change) => !Number.isNaN(change));
  const size = known.reduce((sum, change) => sum + Math.abs(change), 0) / known.length;
  return { from, step, values: centered(changes.map((change) => Math.max(-4 * size, Math.min(4 * size, change)))) };
}
