import { barsOf, type Fitted } from '../contract/fitted.ts';

/** How the answers of several models become those of one. All of them have as many answers per row. */
export interface Mixture {
  /** Name of the learner. */
  readonly learner: string;
  /** Of one bar, or of the same number of bars. */
  readonly members: readonly Fitted[];
  /** One per member. */
  readonly weights: Float64Array;
  /** What is weighed: the probabilities of the members, or their logits, or of classes the logarithms of these. */
  readonly of: 'probability' | 'logit';
  /**
   * One per answer, added to the weighted sum, which is then a margin; null: the weights sum to 1 and the sum is a
   * probability.
   */
  readonly intercept: readonly number[] | null;
}

/** A model of models. Its weights and its intercepts are float32 numbers. */
export interface FittedMixture extends Fitted, Mixture {}

/** Bars that a mixture gets: as many as one of its members. */
export function barsOfMixture({ members }: Pick<Mixture, 'members'>): number {
  return Math.max(...members.map(barsOf));
}

/** Answers per row of a mixture. */
export function widthOf({ members }: Pick<Mixture, 'members'>): number {
  return members[0]!.width;
}

/** What all mixtures of the same members have. */
export function mixtureShape(
  mixture: Mixture,
): Mixture & Pick<Fitted, 'bars' | 'columns' | 'width' | 'iterations' | 'columnUses'> {
  const { members } = mixture;
  const { columns } = members[0]!;
  return {
    ...mixture,
    bars: barsOfMixture(mixture),
    columns,
    width: widthOf(mixture),
    iterations: members.reduce((sum, { iterations }) => sum + (iterations ?? 0), 0),
    columnUses() {
      const uses = new Int32Array(columns);
      for (const member of members) member.columnUses().forEach((count, column) => (uses[column]! += count));
      return uses;
    },
  };
}

/** What the metadata of a file say of the members. */
export function memberFacts({ members, weights }: Mixture): Record<string, string> {
  return {
    members: members.map(({ learner }) => learner).join(' '),
    weights: Array.from(weights, (weight) => weight.toFixed(6)).join(' '),
  };
}

/** Of answers of the members, each as long. */
export function weighedSum(
  { members, weights }: Pick<Mixture, 'members' | 'weights'>,
  answersOf: (member: Fitted) => Float64Array,
): Float64Array {
  const answers = members.map(answersOf);
  return answers[0]!.map((_, at) => answers.reduce((sum, of, i) => sum + weights[i]! * of[at]!, 0));
}

/** `weighedSum` of probabilities, by weights whose sum is 1 but for their rounding, which lifts none above 1. */
export function weighedMean(
  mixture: Pick<Mixture, 'members' | 'weights'>,
  answersOf: (member: Fitted) => Float64Array,
): Float64Array {
  return weighedSum(mixture, answersOf).map((mean) => Math.min(mean, 1));
}
