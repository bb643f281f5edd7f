/** Shares of rows, by weight, that score below each row, those with the same score counting half. [rows] */
export function midRanks(scores: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: scores.length }, (_, row) => row);
  order.sort((a, b) => scores[a]! - scores[b]! || a - b);
  let total = 0;
  for (let row = 0; row < scores.length; row++) total += weights[row]!;
  const ranks = new Float64Array(scores.length);
  let below = 0;
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!;
    let end = i;
    let tied = 0;
    while (end < order.length && scores[order[end]!]! === score) tied += weights[order[end++]!]!;
    for (; i < end; i++) ranks[order[i]!] = (below + tied / 2) / total;
    below += tied;
  }
  return ranks;
}

/**
 * What each row adds to AUC − ½ (weighted as `auc`): w·(y − π)·(rank − ½) / π(1 − π), with weights that sum to 1. Its
 * sum over rows is exact; where labels and scores are independent, its expectation is 0 however either of them depends
 * on time.
 * @returns null where all labels are the same
 */
export function aucShares(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
): Float64Array | null {
  let total = 0;
  let positives = 0;
  for (let row = 0; row < labels.length; row++) {
    total += weights[row]!;
    positives += weights[row]! * labels[row]!;
  }
  const share = positives / total;
  if (!(share > 0 && share < 1)) return null;
  return midRanks(scores, weights).map(
    (rank, row) => ((weights[row]! / total) * (labels[row]! - share) * (rank - 0.5)) / (share * (1 - share)),
  );
}
