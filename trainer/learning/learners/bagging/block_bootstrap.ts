import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';

const SECONDS_PER_DAY = 86_400;
/** A block is shorter than a day where the rows span less than so many days. */
const LEAST_BLOCKS = 100;

/**
 * A bootstrap sample of blocks of time (Efron 1979; blocks after Künsch 1989): UTC days, since labels of neighboring
 * rows overlap and a sample of single rows would hold nearly every row's twin. A row that is drawn twice has twice its
 * weight.
 * @param subset rows to draw from, ascending
 * @param fraction blocks to draw, as a share of all of them
 * @returns the drawn rows of the subset, and the rows with their weights; those outside the subset keep theirs
 */
export function blockBootstrap(
  rows: FitRows,
  subset: Int32Array,
  { fraction, seed }: { readonly fraction: number; readonly seed: string },
): { readonly rows: FitRows; readonly subset: Int32Array } {
  const blockOf = blocksOf(rows.time, subset);
  const blocks = [...new Set(blockOf)].sort((a, b) => a - b);
  const rng = createRng(seed);
  const times = new Map<number, number>();
  for (let draw = 0; draw < Math.max(1, Math.round(fraction * blocks.length)); draw++) {
    const block = blocks[rng.integer(blocks.length)]!;
    times.set(block, (times.get(block) ?? 0) + 1);
  }
  const weights = rows.weights.slice();
  const drawn = subset.filter((row, i) => {
    const count = times.get(blockOf[i]!) ?? 0;
    weights[row] = rows.weights[row]! * count;
    return count > 0;
  });
  return { rows: { ...rows, weights }, subset: drawn };
}

/** The number of the block of each row of the subset. */
function blocksOf(time: Float64Array, subset: Int32Array): Float64Array {
  let first = Infinity;
  let last = -Infinity;
  for (const row of subset) {
    first = Math.min(first, time[row]!);
    last = Math.max(last, time[row]!);
  }
  const seconds = Math.min(SECONDS_PER_DAY, Math.max(1, (last - first) / LEAST_BLOCKS));
  return Float64Array.from(subset, (row) => Math.floor(time[row]! / seconds));
}
