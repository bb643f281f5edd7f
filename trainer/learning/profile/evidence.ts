/**
 * Evidence that the mean of a sequence is below a limit, valid at every look. It is an e-process: while each value's
 * conditional mean is at least the limit, the probability that it ever reaches 1 / α is at most α (Ville's inequality).
 * It bets against the limit (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B
 * 86(1), 2024). New bets start regularly, so that a late decline is found too (Shin, Ramdas and Rinaldo, "E-detectors",
 * NEJSDS 2(2), 2024).
 */

/** Fractions of the largest bet that cannot lose everything. Their mean is an e-process for any true mean. */
const BETS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];
/** New bets start after this many values; the m-th has weight 1 / (m (m + 1)), with a total of 1. */
const VALUES_PER_START = 10;

/**
 * @param values in [0, 1], in their order
 * @param limit above 0 and below 1
 * @returns the largest e-value so far; at least 1
 */
export function evidenceBelow(values: ArrayLike<number>, limit: number): number {
  const stakes = BETS.map((share) => share / (1 - limit));
  const wealth = BETS.map(() => 0);
  let unstarted = 1;
  let largest = 1;
  for (let i = 0; i < values.length; i++) {
    if (i % VALUES_PER_START === 0) {
      const m = i / VALUES_PER_START + 1;
      const weight = 1 / (m * (m + 1));
      unstarted -= weight;
      for (let k = 0; k < wealth.length; k++) wealth[k]! += weight / BETS.length;
    }
    let sum = unstarted;
    for (let k = 0; k < wealth.length; k++) sum += wealth[k]! *= 1 + stakes[k]! * (limit - values[i]!);
    if (sum > largest) largest = sum;
  }
  return largest;
}

/**
 * Length from which a streak of failures is significant: while each block succeeds with conditional probability of at
 * least `successRate`, a streak of this length starts anywhere in `blocks` with probability of at most `significance`
 * (a union bound over its start).
 */
export function streakLimit(successRate: number, blocks: number, significance: number): number {
  if (successRate <= 0) return Infinity;
  if (successRate >= 1) return 1;
  return Math.max(1, Math.ceil(Math.log(significance / Math.max(1, blocks)) / Math.log(1 - successRate)));
}

/** Length of the streak of zeros that a sequence ends with. */
export function lastStreak(successes: ArrayLike<number>): number {
  let length = 0;
  while (length < successes.length && successes[successes.length - 1 - length] === 0) length++;
  return length;
}
