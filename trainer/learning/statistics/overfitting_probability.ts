/** Most often used number of blocks: 12,870 ways to choose half of them. */
export const CSCV_BLOCKS = 16;

export interface OverfittingProbability {
  /** Share of the splits in which the trial that is best in one half is below the median in the other. */
  readonly probability: number;
  readonly splits: number;
  readonly trials: number;
}

/**
 * Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado &
 * Zhu, J. of Computational Finance 20, 2017): for every choice of half of the blocks, the trial with the highest Sharpe
 * ratio in it is ranked by its Sharpe ratio in the other half; ω = rank / (trials + 1), and the probability is the
 * share of the choices with ln(ω / (1 − ω)) ≤ 0.
 * @param trials returns of each trial in the same periods, in order of time
 * @param blockOf block of each period, from 0
 * @param blocks even
 * @throws RangeError with fewer than two trials, or an odd number of blocks
 */
export function overfittingProbability(
  trials: readonly ArrayLike<number>[],
  blockOf: ArrayLike<number>,
  blocks: number = CSCV_BLOCKS,
): OverfittingProbability {
  if (trials.length < 2 || blocks < 2 || blocks % 2 !== 0)
    throw new RangeError(`${trials.length} trials in ${blocks} blocks`);
  const count = trials.length;
  const first = new Float64Array(count);
  const second = new Float64Array(count);
  let splits = 0;
  let overfitted = 0;
  const judgeSplit = (outside: Float64Array, best: number): void => {
    splits++;
    if (rankOf(outside[best]!, outside) / (count + 1) <= 0.5) overfitted++;
  };
  eachHalving(trials, blockOf, blocks, (one, other) => {
    const bestOfOne = sharpeRatios(one, first);
    const bestOfOther = sharpeRatios(other, second);
    judgeSplit(second, bestOfOne);
    judgeSplit(first, bestOfOther);
  });
  return { probability: overfitted / splits, splits, trials: count };
}

/** Returns of some blocks: their number, and of each trial their sum and that of their squares. */
interface BlockSums {
  readonly count: number;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/**
 * Every way to halve the blocks, once: a half and its complement are two splits. Blocks are handed to the halves one
 * after the other, so that halves share the sums of the blocks that they begin with.
 */
function eachHalving(
  trials: readonly ArrayLike<number>[],
  blockOf: ArrayLike<number>,
  blocks: number,
  take: (one: BlockSums, other: BlockSums) => void,
): void {
  const half = blocks / 2;
  const single = singleBlocks(trials, blockOf, blocks);
  const none = (): BlockSums => emptySums(trials.length);
  // [number of blocks so far]
  const one = Array.from({ length: half + 1 }, none);
  const other = Array.from({ length: half + 1 }, none);
  const hand = (block: number, inOne: number, inOther: number): void => {
    if (block === blocks) return take(one[half]!, other[half]!);
    if (inOne < half) {
      one[inOne + 1] = added(one[inOne]!, single[block]!, one[inOne + 1]!);
      hand(block + 1, inOne + 1, inOther);
    }
    // The first block is in the first half: the other way round is the same halving.
    if (inOther < half && block > 0) {
      other[inOther + 1] = added(other[inOther]!, single[block]!, other[inOther + 1]!);
      hand(block + 1, inOne, inOther + 1);
    }
  };
  hand(0, 0, 0);
}

function emptySums(trials: number): BlockSums {
  return { count: 0, sums: new Float64Array(trials), squares: new Float64Array(trials) };
}

/** @param out whose columns take the sums */
function added(a: BlockSums, b: BlockSums, out: BlockSums): BlockSums {
  const { sums, squares } = out;
  for (let k = 0; k < sums.length; k++) {
    sums[k] = a.sums[k]! + b.sums[k]!;
    squares[k] = a.squares[k]! + b.squares[k]!;
  }
  return { count: a.count + b.count, sums, squares };
}

/** [blocks] */
function singleBlocks(
  trials: readonly ArrayLike<number>[],
  blockOf: ArrayLike<number>,
  blocks: number,
): readonly BlockSums[] {
  const counts = new Float64Array(blocks);
  for (let i = 0; i < trials[0]!.length; i++) counts[blockOf[i]!]!++;
  const single = Array.from(counts, (count): BlockSums => ({ ...emptySums(trials.length), count }));
  trials.forEach((returns, k) => {
    for (let i = 0; i < returns.length; i++) {
      const { sums, squares } = single[blockOf[i]!]!;
      const value = returns[i]!;
      sums[k]! += value;
      squares[k]! += value * value;
    }
  });
  return single;
}

/** Sharpe ratios per return; 0 where nothing varies. @param out [trials] @returns the first trial with the highest */
function sharpeRatios({ count, sums, squares }: BlockSums, out: Float64Array): number {
  let best = 0;
  let highest = -Infinity;
  for (let k = 0; k < out.length; k++) {
    const mean = sums[k]! / count;
    const variance = squares[k]! / count - mean * mean;
    // Sums of squares of one value differ from zero by rounding alone.
    const ratio = variance > 1e-18 ? mean / Math.sqrt(variance) : 0;
    out[k] = ratio;
    if (ratio > highest) {
      highest = ratio;
      best = k;
    }
  }
  return best;
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
