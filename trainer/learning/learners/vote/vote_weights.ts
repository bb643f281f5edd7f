/** Steps of the expectation–maximization; the weights of a few models settle in less. */
const STEPS = 200;
const SETTLED = 1e-10;
/** Share of the equal weights: chosen weights are noise where members answer alike. */
const EQUAL_SHARE = 0.5;

export interface VotedRows {
  /** Answers per row: 1 for a probability, else those of the classes. */
  readonly width: number;
  /** Probabilities of rows that no member has learned from, one array [rows × width] by row per member. */
  readonly answers: readonly ArrayLike<number>[];
  /** In [0, 1], or a class from 0 to width − 1: [rows]. */
  readonly labels: ArrayLike<number>;
  /** ≥ 0, [rows]. */
  readonly weights: ArrayLike<number>;
}

/** What has happened: by how much it counts, and how likely each member has called it. */
interface Outcomes {
  /** ≥ 0. */
  readonly shares: readonly number[];
  /** One array per member, each as long. */
  readonly likelihoods: readonly Float64Array[];
}

/**
 * Weights of a vote, which sum to 1: those of the greatest likelihood of a mixture (expectation–maximization; Dempster,
 * Laird & Rubin 1977), halfway to equal ones. The same rows give the same bits.
 */
export function voteWeights(rows: VotedRows): Float64Array {
  const { shares, likelihoods } = rows.width === 1 ? binaryOutcomes(rows) : classOutcomes(rows);
  const members = likelihoods.length;
  const equal = 1 / members;
  let chosen = new Float64Array(members).fill(equal);
  for (let step = 0; step < STEPS; step++) {
    const next = new Float64Array(members);
    let total = 0;
    for (let outcome = 0; outcome < shares.length; outcome++) {
      const share = shares[outcome]!;
      let mixed = 0;
      for (let i = 0; i < members; i++) mixed += chosen[i]! * likelihoods[i]![outcome]!;
      for (let i = 0; i < members; i++) next[i]! += (share * chosen[i]! * likelihoods[i]![outcome]!) / mixed;
      total += share;
    }
    if (!(total > 0)) break;
    const last = chosen;
    chosen = next.map((sum) => sum / total);
    if (chosen.every((value, i) => Math.abs(value - last[i]!) < SETTLED)) break;
  }
  return chosen.map((value) => EQUAL_SHARE * equal + (1 - EQUAL_SHARE) * value);
}

/** A soft label counts for both classes. */
function binaryOutcomes({ answers, labels, weights }: VotedRows): Outcomes {
  const found: { row: number; isOne: boolean; share: number }[] = [];
  for (let row = 0; row < labels.length; row++) {
    found.push({ row, isOne: true, share: weights[row]! * labels[row]! });
    found.push({ row, isOne: false, share: weights[row]! * (1 - labels[row]!) });
  }
  const counted = found.filter(({ share }) => share !== 0);
  return {
    shares: counted.map(({ share }) => share),
    likelihoods: answers.map((own) =>
      Float64Array.from(counted, ({ row, isOne }) => likelihood(isOne ? own[row]! : 1 - own[row]!)),
    ),
  };
}

function classOutcomes({ width, answers, labels, weights }: VotedRows): Outcomes {
  return {
    shares: Array.from(weights),
    likelihoods: answers.map((own) => Float64Array.from(labels, (label, row) => likelihood(own[row * width + label]!))),
  };
}

/** Kept above 0, so that a single sure and wrong answer does not exclude a member for ever. */
function likelihood(p: number): number {
  return Math.max(p, 1e-12);
}
