import { upperMedianOf } from '../../../shared/statistics.ts';

/** Steps that the usual one is taken from: a million are not sorted. */
const SAMPLED = 1000;
/** A line is broken where so many bars are missing, and at least an hour: weekends and holidays. */
const BARS = 6;
const SHORTEST = 3600;

type Values = readonly (number | null)[];

/** A line is not drawn where the market was closed: rows without a value stand there. */
export interface BrokenLines {
  /** Epoch seconds, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Values[];
}

/** @param times closes of bars, epoch seconds, ascending */
export function brokenLines(times: readonly number[], series: readonly Values[]): BrokenLines {
  const usual = usualStep(times);
  const longest = Math.max(BARS * usual, SHORTEST);
  const breaks = times.flatMap((time, i) => (i > 0 && time - times[i - 1]! > longest ? [i] : []));
  if (breaks.length === 0) return { times, series };
  return {
    times: withRows(times, breaks, (i) => times[i - 1]! + usual),
    series: series.map((values) => withRows(values, breaks, () => null)),
  };
}

/** Median of the seconds between two neighbors; NaN without two, where no line is broken. */
function usualStep(times: readonly number[]): number {
  const every = Math.max(1, Math.floor(times.length / SAMPLED));
  const steps: number[] = [];
  for (let i = 1; i < times.length; i += every) steps.push(times[i]! - times[i - 1]!);
  return upperMedianOf(steps);
}

/** One more row before each of `places`. */
function withRows<Value>(values: readonly Value[], places: readonly number[], row: (place: number) => Value): Value[] {
  const all: Value[] = [];
  let from = 0;
  for (const place of places) {
    for (let i = from; i < place; i++) all.push(values[i]!);
    all.push(row(place));
    from = place;
  }
  for (let i = from; i < values.length; i++) all.push(values[i]!);
  return all;
}
