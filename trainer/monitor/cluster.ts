/**
 * A mean of values that are not independent of one another, from the sums over blocks of time between which they nearly are. Its standard error
 * is that of a ratio of block sums (Cochran 1977, Sampling Techniques, ch. 2.11 and 9A): √(B ÷ (B − 1) · Σ (yᵦ − mean · nᵦ)²) ÷ Σ nᵦ.
 */
export interface ClusteredMean {
  /** null without values. */
  readonly mean: number | null;
  /** Infinity with fewer than two blocks: nothing is known. */
  readonly standardError: number;
}

/**
 * @param sums of the values of each block
 * @param counts of the values of each block; blocks without a value do not count
 */
export function clusteredMean(sums: ArrayLike<number>, counts: ArrayLike<number>): ClusteredMean {
  let total = 0;
  let count = 0;
  let blocks = 0;
  for (let block = 0; block < counts.length; block++) {
    if (counts[block] === 0) continue;
    total += sums[block]!;
    count += counts[block]!;
    blocks++;
  }
  if (count === 0) return { mean: null, standardError: Infinity };
  const mean = total / count;
  if (blocks < 2) return { mean, standardError: Infinity };
  let squares = 0;
  for (let block = 0; block < counts.length; block++) {
    const residual = counts[block] === 0 ? 0 : sums[block]! - mean * counts[block]!;
    squares += residual * residual;
  }
  return { mean, standardError: Math.sqrt((squares * blocks) / (blocks - 1)) / count };
}

/** `clusteredMean` of values that stand in blocks 0 … `blocks` − 1. */
export function meanOverBlocks(values: ArrayLike<number>, block: ArrayLike<number>, blocks: number): ClusteredMean {
  const sums = new Float64Array(blocks);
  const counts = new Float64Array(blocks);
  for (let i = 0; i < values.length; i++) {
    sums[block[i]!]! += values[i]!;
    counts[block[i]!]!++;
  }
  return clusteredMean(sums, counts);
}
