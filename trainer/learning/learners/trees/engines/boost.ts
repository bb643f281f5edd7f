/** A run of boosting inside an engine's library. */
export interface Booster {
  /** Trains one more round. False: nothing was left to split, and the model is unchanged. */
  step(): boolean;
  /** Mean loss on the stopping rows; called only if there are some. */
  loss(): number;
}

export interface BoostPlan {
  readonly rounds: number;
  /** Rounds without improvement before stopping; null = no stopping rows. */
  readonly patience: number | null;
  onRound(round: number, rounds: number): void;
}

/**
 * Boosts as planned.
 * @returns number of rounds to keep: with stopping rows up to the first of the best, at least one
 */
export function boost(booster: Booster, { rounds, patience, onRound }: BoostPlan): number {
  let best = Infinity;
  let kept = 1;
  for (let round = 1; round <= rounds; round++) {
    if (!booster.step()) return patience === null ? Math.max(1, round - 1) : kept;
    onRound(round, rounds);
    if (patience === null) {
      kept = round;
      continue;
    }
    const loss = booster.loss();
    if (loss < best) {
      best = loss;
      kept = round;
    } else if (round - kept >= patience) {
      break;
    }
  }
  return kept;
}
