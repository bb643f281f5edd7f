/** Steps of the expectation–maximization; the weights of a few models settle in less. */
const STEPS = 200;
const SETTLED = 1e-10;
/** Share of the equal weights: chosen weights are noise where members answer alike. */
const EQUAL_SHARE = 0.5;

export interface VotedRows {
  /** Probabilities of rows that no member has learned from, one array [rows] per member. */
  readonly answers: readonly ArrayLike<number>[];
  /** In [0, 1], [rows]. */
  readonly labels: ArrayLike<number>;
  /** ≥ 0, [rows]. */
  readonly weights: ArrayLike<number>;
}

/**
 * Weights of a vote, which sum to 1: those of the greatest likelihood of a mixture (expectation–maximization; Dempster,
 * Laird & Rubin 1977), halfway to equal ones. The same rows give the same bits.
 */
export function voteWeights({ answers, labels, weights }: VotedRows): Float64Array {
  const members = answers.length;
  const equal = 1 / members;
  let chosen = new Float64Array(members).fill(equal);
  for (let step = 0; step < STEPS; step++) {
    const next = new Float64Array(members);
    let total = 0;
    for (let row = 0; row < labels.length; row++) {
      const label = labels[row]!;
      // A soft label counts for both classes.
      for (const [isOne, share] of [
        [true, weights[row]! * label],
        [false, weights[row]! * (1 - label)],
      ] as const) {
        if (share === 0) continue;
        let mixed = 0;
        for (let i = 0; i < members; i++) mixed += chosen[i]! * likelihood(answers[i]![row]!, isOne);
        for (let i = 0; i < members; i++)
          next[i]! += (share * chosen[i]! * likelihood(answers[i]![row]!, isOne)) / mixed;
        total += share;
      }
    }
    if (!(total > 0)) break;
    const last = chosen;
    chosen = next.map((sum) => sum / total);
    if (chosen.every((value, i) => Math.abs(value - last[i]!) < SETTLED)) break;
  }
  return chosen.map((value) => EQUAL_SHARE * equal + (1 - EQUAL_SHARE) * value);
}

/** Kept above 0, so that a single sure and wrong answer does not exclude a member for ever. */
function likelihood(p: number, isOne: boolean): number {
  return Math.max(isOne ? p : 1 - p, 1e-12);
}
