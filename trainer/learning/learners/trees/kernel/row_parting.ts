import type { Split } from './best_splits.ts';
import type { Conductor } from './conductor.ts';
import * as at from './layout.ts';
import type { Leaf } from './leaf.ts';
import { placeParts } from './memory.ts';

/** Nodes with fewer rows are parted by one thread: meeting would cost more. */
const PART_TOGETHER_ROWS = 2 * at.PART_ROWS;

/**
 * Partitions the rows of a leaf by a split; returns how many went left.
 * @param isInOwnOrder whether the tree has all rows and the leaf is its root
 * @param collects whether the bins of the smaller side are gathered, for its histogram
 */
export function partRows(
  { code, buffer, words, plan, run }: Conductor,
  { start, rows }: Leaf,
  { slot, bin, missingLeft }: Split,
  isInOwnOrder: boolean,
  collects: boolean,
): number {
  words.set(at.START, start);
  words.set(at.COUNT, rows);
  words.set(at.IDENTITY, isInOwnOrder ? 1 : 0);
  words.set(at.SPLIT_COLUMN, slot);
  words.set(at.SPLIT_BIN, bin);
  words.set(at.SPLIT_MISSING_LEFT, missingLeft);
  if (rows < PART_TOGETHER_ROWS || plan.threads === 1) {
    const left = code.partAlone();
    const right = rows - left;
    const orderAt = words.get(at.ORDER);
    if (collects && left <= right) code.collect(orderAt + start * 4, left, 0);
    else if (collects) code.collect(orderAt + (start + left) * 4, right, 0);
    return left;
  }
  const pieces = Math.ceil(rows / at.PART_ROWS);
  run(at.PART, pieces);
  const left = placeParts(buffer, words, pieces);
  words.set(at.COLLECT, !collects ? 0 : 2 * left <= rows ? 1 : 2);
  run(at.MOVE, pieces);
  return left;
}
