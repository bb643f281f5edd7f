import type { OpenTime } from '../../../../../shared/bar.ts';
import type { Pair } from '../../../../../shared/pair.ts';
import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import { copyBars, lowerBound, viewBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { warmupBars } from '../../../../../shared/core/features/features.ts';
import type { Windows } from '../../../../../shared/core/features/windows.ts';
import { matchMinutes, warmMinutes } from '../../../history/pair_history.ts';

/** A segment of a pair's bars, preceded by the bars that warm up its features. */
export interface BarsPart {
  /** The part covers the pair's warm bars from `first` up to, not including, `end`. */
  readonly first: number;
  readonly end: number;
  readonly a: BarColumns;
  readonly b: BarColumns;
}

/**
 * Splits a pair's bars into segments of about `barsPerPart` warm bars that threads can build separately. Features are a
 * function of the bars of their warm-up, so each segment starts that much earlier and is bit-identical to the whole.
 * Segments are created lazily.
 */
export function partsOf(
  pair: Pair,
  { a, b }: { readonly a: BarColumns; readonly b: BarColumns },
  windows: Windows,
  barsPerPart: number,
): BarsPart[] {
  const warmUp = warmupBars(windows);
  const { inA } = matchMinutes(a, b);
  const minutes = warmMinutes(a, pair, inA, warmUp);
  const warm = minutes.length;
  const count = Math.max(1, Math.round(warm / barsPerPart));
  if (count === 1) return [{ first: 0, end: warm, a, b }];
  return Array.from({ length: count }, (_, part) => {
    const first = Math.floor((part * warm) / count);
    const end = Math.floor(((part + 1) * warm) / count);
    const from = a.time[inA[minutes[first]! - warmUp + 1]!]! as OpenTime;
    const to = (a.time[inA[minutes[end - 1]!]!]! + SECONDS_PER_BAR) as OpenTime;
    return {
      first,
      end,
      get a() {
        return barsBetween(a, from, to);
      },
      get b() {
        return barsBetween(b, from, to);
      },
    };
  });
}

/** Views if the memory is shared by threads; otherwise a copy, since sending a view would send its whole buffer. */
function barsBetween(columns: BarColumns, from: OpenTime, to: OpenTime): BarColumns {
  const cut = columns.time.buffer instanceof SharedArrayBuffer ? viewBars : copyBars;
  const time = columns.time.subarray(0, columns.length);
  return cut(columns, lowerBound(time, from), lowerBound(time, to));
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
