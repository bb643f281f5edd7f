import type { Entrant } from './entrant.ts';

/** Answers the weighted share of ones of its rows, whatever the features say: the least that an entrant must beat. */
export const PRIOR: Entrant = {
  name: 'prior',
  complexity: 0,
  fit({ y, weights }, subset) {
    let ones = 0;
    let total = 0;
    for (const row of subset) {
      ones += weights[row]! * y[row]!;
      total += weights[row]!;
    }
    const share = ones / total;
    return Promise.resolve({ probabilities: ({ rows }) => new Float64Array(rows).fill(share) });
  },
};
