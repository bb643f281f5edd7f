import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';

/** Funding settlements of a perpetual contract. */
export interface Settlements {
  /** Ascending, epoch seconds. */
  readonly times: Float64Array;
  /** Of all rates before each settlement, and of all. */
  readonly sums: Float64Array;
  /** Sum of the rates settled after `from`, up to and including `to`. */
  between(from: number, to: number): number;
}

/** Each settlement once, with its latest revision. */
export function settlementsOf({ length, eventTime, value }: SeriesHistory): Settlements {
  const rates = new Map<number, number>();
  for (let i = 0; i < length; i++) rates.set(eventTime[i]!, value[i]!);
  const times = Float64Array.from(rates.keys()).sort();
  const sums = new Float64Array(times.length + 1);
  times.forEach((time, i) => (sums[i + 1] = sums[i]! + rates.get(time)!));
  return summedSettlements(times, sums);
}

/** Those up to and including a time. */
export function settlementsUntil({ times, sums }: Settlements, end: number): Settlements {
  const behind = times.findIndex((time) => time > end);
  const count = behind < 0 ? times.length : behind;
  return summedSettlements(times.slice(0, count), sums.slice(0, count + 1));
}

export function summedSettlements(times: Float64Array, sums: Float64Array): Settlements {
  const sumUntil = (time: number): number => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle]! <= time) low = middle + 1;
      else high = middle;
    }
    return sums[low]!;
  };
  return { times, sums, between: (from, to) => sumUntil(to) - sumUntil(from) };
}
