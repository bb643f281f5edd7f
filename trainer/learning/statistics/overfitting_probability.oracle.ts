import { CSCV_BLOCKS, type OverfittingProbability } from './overfitting_probability.ts';

/** By the definition: every choice of half of the blocks on its own, its sums from scratch. */
export function overfittingByDefinition(
  trials: readonly ArrayLike<number>[],
  blockOf: ArrayLike<number>,
  blocks: number = CSCV_BLOCKS,
): OverfittingProbability {
  const count = trials.length;
  const counts = new Float64Array(blocks);
  for (let i = 0; i < trials[0]!.length; i++) counts[blockOf[i]!]!++;
  const sums = blockSums(trials, blockOf, blocks, (value) => value);
  const squares = blockSums(trials, blockOf, blocks, (value) => value * value);
  const inside = new Float64Array(count);
  const outside = new Float64Array(count);
  const all = Array.from({ length: blocks }, (_, block) => block);
  let splits = 0;
  let overfitted = 0;
  for (let chosen = 0; chosen < 1 << blocks; chosen++) {
    const first = all.filter((block) => ((chosen >> block) & 1) === 1);
    if (first.length !== blocks / 2) continue;
    const second = all.filter((block) => ((chosen >> block) & 1) === 0);
    sharpeRatios(sums, squares, counts, first, inside);
    sharpeRatios(sums, squares, counts, second, outside);
    const best = inside.indexOf(inside.reduce((highest, own) => Math.max(highest, own), -Infinity));
    splits++;
    if (rankOf(outside[best]!, outside) / (count + 1) <= 0.5) overfitted++;
  }
  return { probability: overfitted / splits, splits, trials: count };
}

/** Rank of a value among all, 1 = lowest; of equal ones the mean rank. */
function rankOf(value: number, values: Float64Array): number {
  let below = 0;
  let equal = 0;
  for (const own of values) {
    if (own < value) below++;
    if (own === value) equal++;
  }
  return below + (equal + 1) / 2;
}

/** [blocks][trials] */
function blockSums(
  trials: readonly ArrayLike<number>[],
  blockOf: ArrayLike<number>,
  blocks: number,
  of: (value: number) => number,
): Float64Array[] {
  const sums = Array.from({ length: blocks }, () => new Float64Array(trials.length));
  trials.forEach((returns, k) => {
    for (let i = 0; i < returns.length; i++) sums[blockOf[i]!]![k]! += of(returns[i]!);
  });
  return sums;
}

/** Of the returns of some blocks, per return; 0 where nothing varies. @param out [trials] */
function sharpeRatios(
  sums: readonly Float64Array[],
  squares: readonly Float64Array[],
  counts: Float64Array,
  blocks: readonly number[],
  out: Float64Array,
): void {
  const count = blocks.reduce((total, block) => total + counts[block]!, 0);
  for (let k = 0; k < out.length; k++) {
    let sum = 0;
    let square = 0;
    for (const block of blocks) {
      sum += sums[block]![k]!;
      square += squares[block]![k]!;
    }
    const mean = sum / count;
    const variance = square / count - mean * mean;
    // Sums of squares of one value differ from zero by rounding alone.
    out[k] = variance > 1e-18 ? mean / Math.sqrt(variance) : 0;
  }
}
