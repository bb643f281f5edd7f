import type { FitRows } from '../contract/fit_rows.ts';
import { MIN_ROWS } from '../contract/stopping_rows.ts';

/** Rows of a block of time, and the rows whose label was known before it began. */
export interface LaterBlock {
  readonly before: Int32Array;
  readonly block: Int32Array;
}

/**
 * The time of the subset in `blocks` + 1 parts of about equal size, all but the first of which are answered by models
 * of the time before. Rows whose label reaches into a block are not learned from.
 * @returns null if a block or what is before it has too few rows
 */
export function laterBlocks(
  { time, labelEnd }: Pick<FitRows, 'time' | 'labelEnd'>,
  subset: Int32Array,
  blocks: number,
): LaterBlock[] | null {
  const ordered = Float64Array.from(subset, (row) => time[row]!).sort();
  const starts = Array.from(
    { length: blocks },
    (_, block) => ordered[Math.floor((ordered.length * (block + 1)) / (blocks + 1))]!,
  );
  const found = starts.map((from, block): LaterBlock => {
    const until = starts[block + 1] ?? Infinity;
    return {
      before: subset.filter((row) => labelEnd[row]! < from),
      block: subset.filter((row) => time[row]! >= from && time[row]! < until),
    };
  });
  return found.every(({ before, block }) => Math.min(before.length, block.length) >= MIN_ROWS) ? found : null;
}
