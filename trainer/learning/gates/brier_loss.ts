import { errorsOfChance, meanOverBlocks } from '../statistics/cluster.ts';
import { normalQuantile } from '../statistics/normal.ts';
import type { BrierLoss } from './gate.ts';

/** Probability of calling an equal challenger worse. */
const SIGNIFICANCE = 0.05;
/** Candidates of one block are dependent: labels overlap, and the pairs of a symbol move together. */
const BLOCK_S = 8 * 3600;

/** Scores and labels of AI1's candidates, by pair. */
export interface ScoredCandidates {
  readonly ai1: Readonly<Record<string, { readonly scores: ArrayLike<number>; readonly labels: ArrayLike<number> }>>;
}

/** @param times epoch seconds of the candidates, by pair: the same for both sides */
export function brierLossOf(
  champion: ScoredCandidates,
  challenger: ScoredCandidates,
  times: Readonly<Record<string, ArrayLike<number>>>,
): BrierLoss {
  const losses: number[] = [];
  const all: number[] = [];
  for (const [pair, time] of Object.entries(times)) {
    const old = champion.ai1[pair]!;
    const young = challenger.ai1[pair]!;
    for (let row = 0; row < time.length; row++) {
      const label = young.labels[row]!;
      losses.push(squared(young.scores[row]! - label) - squared(old.scores[row]! - label));
      all.push(time[row]!);
    }
  }
  return meanLoss(losses, all, BLOCK_S);
}

/**
 * @param losses of the challenger minus those of the champion, row by row
 * @param times epoch seconds of the rows
 * @param blockSeconds time within which rows are dependent
 */
export function meanLoss(losses: readonly number[], times: readonly number[], blockSeconds: number): BrierLoss {
  const blockOf = new Map<number, number>();
  const blocks = times.map((time) => {
    const block = Math.floor(time / blockSeconds);
    if (!blockOf.has(block)) blockOf.set(block, blockOf.size);
    return blockOf.get(block)!;
  });
  const { mean, standardError } = meanOverBlocks(losses, blocks, blockOf.size);
  const errors = errorsOfChance(-normalQuantile(SIGNIFICANCE), blockOf.size);
  return { mean, chance: errors === Infinity ? Infinity : errors * standardError };
}

function squared(value: number): number {
  return value * value;
}
