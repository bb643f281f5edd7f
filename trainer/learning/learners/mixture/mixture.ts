import { barsOf, type Fitted } from '../contract/fitted.ts';

/** How the answers of several models become one. */
export interface Mixture {
  /** Name of the learner. */
  readonly learner: string;
  /** Of one bar, or of the same number of bars. */
  readonly members: readonly Fitted[];
  /** One per member. */
  readonly weights: Float64Array;
  /** What is weighed: the probabilities of the members, or their logits. */
  readonly of: 'probability' | 'logit';
  /** Added to the weighted sum, which is then a margin; null: the weights sum to 1 and the sum is a probability. */
  readonly intercept: number | null;
}

/** Bars that a mixture gets: as many as one of its members. */
export function barsOfMixture({ members }: Pick<Mixture, 'members'>): number {
  return Math.max(...members.map(barsOf));
}
