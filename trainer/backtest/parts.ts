import type { OpenTime } from '../../shared/bar.ts';
import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { copyBars, lowerBound, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import type { PairTask } from '../dataset/pair_build.ts';
import { HISTORY_COLUMNS, matchMinutes, type PairHistory } from '../dataset/pair_history.ts';

/**
 * A pair's bars in stretches of `barsPerPart` warm bars that can be built apart, on several threads: features are a
 * function of the last bars of their warm-up, so each stretch begins that much earlier and gives the very bits of the
 * whole. A stretch is cut out when it is asked for.
 */
export function partsOf(task: PairTask, barsPerPart: number): PairTask[] {
  const { pair, a, b, policy } = task;
  const warmUp = warmupBars(policy.windows);
  const { length, inA } = matchMinutes(a, b);
  const warm = length - warmUp + 1;
  const count = Math.max(1, Math.round(warm / barsPerPart));
  if (count === 1) return [task];
  return Array.from({ length: count }, (_, part) => {
    // Of the warm bars, this part has those from `first` up to, not including, `end`.
    const first = Math.floor((part * warm) / count);
    const end = Math.floor(((part + 1) * warm) / count);
    const from = a.time[inA[first]!]! as OpenTime;
    const to = (a.time[inA[end - 1 + warmUp - 1]!]! + SECONDS_PER_BAR) as OpenTime;
    return {
      pair,
      policy,
      get a() {
        return ownBars(a, from, to);
      },
      get b() {
        return ownBars(b, from, to);
      },
    };
  });
}

/** Bars in memory of their own: sent to a thread, a view would take all of what it looks at along. */
function ownBars(columns: BarColumns, from: OpenTime, to: OpenTime): BarColumns {
  return copyBars(columns, lowerBound(columns.time, from), lowerBound(columns.time, to));
}

/** The history of all parts one after the other, without their features. */
export function joinParts(parts: readonly PairHistory[]): PairHistory {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const columns = Object.fromEntries(
    HISTORY_COLUMNS.map((name) => [name, joinColumns(parts.map((part) => part[name]))]),
  ) as Record<(typeof HISTORY_COLUMNS)[number], Float64Array>;
  return {
    pair: parts[0]!.pair,
    length,
    ...columns,
    row: new Int32Array(length).fill(-1),
    features: new Float32Array(),
    rows: 0,
  };
}

export function joinColumns(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
