import type { Trials } from './trials.ts';

/** Duration of a frame at 60 Hz, plus timer jitter. */
const LATE_MS = 17.5;
const MIN_LINES = 50;
const MAX_LINES = 10_000;

/** Bounds on an axis, from 0 to 1. */
export type Filters = ReadonlyMap<number, readonly [number, number]>;

/** Trials within all bounds, in their given order. One pass per axis with bounds. */
export function passing(order: Int32Array, trials: Trials, filters: Filters): Int32Array {
  if (filters.size === 0) return order;
  const isOut = new Uint8Array(trials.count);
  for (const [axis, [from, to]] of filters) {
    const places = axis < trials.axes.length ? trials.places[axis]! : null;
    for (let trial = 0; trial < trials.count; trial++) {
      const place = places === null ? 1 - trials.rank[trial]! : places[trial]!;
      if (!(place >= from && place <= to)) isOut[trial] = 1;
    }
  }
  return order.filter((trial) => isOut[trial] === 0);
}

/** Lines of the next frame: fewer after a late frame, because canvas drawing is rasterized after the script. */
export function nextQuota(quota: number, gapMs: number): number {
  return gapMs > LATE_MS ? Math.max(MIN_LINES, quota * 0.6) : Math.min(MAX_LINES, quota * 1.1);
}
