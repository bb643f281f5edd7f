/**
 * Mean of dependent values, from sums over time blocks that are nearly independent. Its standard error is that of a
 * ratio of block sums (Cochran 1977, Sampling Techniques, ch. 2.11 and 9A): √(B ÷ (B − 1) · Σ (yᵦ − mean · nᵦ)²) ÷ Σ
 * nᵦ.
 */
export interface ClusteredMean {
  /** null without values. */
  readonly mean: number | null;
  /** Infinity with fewer than two blocks. */
  readonly standardError: number;
  /** Number of blocks with a value. */
  readonly blocks: number;
}

/**
 * @param sums of the values of each block
 * @param counts of the values of each block; empty blocks do not count
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
  if (count === 0) return { mean: null, standardError: Infinity, blocks };
  const mean = total / count;
  if (blocks < 2) return { mean, standardError: Infinity, blocks };
  let squares = 0;
  for (let block = 0; block < counts.length; block++) {
    const residual = counts[block] === 0 ? 0 : sums[block]! - mean * counts[block]!;
    squares += residual * residual;
  }
  return { mean, standardError: Math.sqrt((squares * blocks) / (blocks - 1)) / count, blocks };
}

/** `clusteredMean` of values in blocks 0 … `blocks` − 1. */
export function meanOverBlocks(values: ArrayLike<number>, block: ArrayLike<number>, blocks: number): ClusteredMean {
  const sums = new Float64Array(blocks);
  const counts = new Float64Array(blocks);
  for (let i = 0; i < values.length; i++) {
    sums[block[i]!]! += values[i]!;
    counts[block[i]!]!++;
  }
  return clusteredMean(sums, counts);
}

/** With fewer blocks the expansion below is inaccurate, and no conclusion is possible anyway. */
const MIN_BLOCKS = 5;

/**
 * Number of standard errors of a clustered mean that are as rare by chance as `sigmas` of a normal value: Student's t
 * with blocks − 1 degrees of freedom by the expansion of Abramowitz & Stegun 1964, 26.7.5. Infinity with fewer than
 * five blocks.
 */
export function errorsOfChance(sigmas: number, blocks: number): number {
  if (blocks < MIN_BLOCKS) return Infinity;
  const freedom = blocks - 1;
  const x = sigmas;
  return (
    x +
    (x ** 3 + x) / (4 * freedom) +
    (5 * x ** 5 + 16 * x ** 3 + 3 * x) / (96 * freedom ** 2) +
    (3 * x ** 7 + 19 * x ** 5 + 17 * x ** 3 - 15 * x) / (384 * freedom ** 3)
  );
}
