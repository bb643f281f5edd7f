/** How far the sum of the probabilities of a row, float32 numbers, may be from one. */
const SUM_TOLERANCE = 1e-4;

/** What a refusal of other answers than shares of one says. */
export const SHARES_WANTED = {
  expected: 'a probability of each class, whose sum is 1',
  next: 'End the model with a softmax over the classes.',
} as const;

/** Answers of a row that are not probabilities of classes with a sum of one. */
export interface OtherShares {
  readonly row: number;
  /** The answers and their sum. */
  readonly text: string;
}

/**
 * The first row whose answers are not shares of one; null: there is none.
 * @param answers [rows × classes]
 */
export function otherShares(answers: Float64Array, classes: number): OtherShares | null {
  for (let at = 0; at < answers.length; at += classes) {
    const own = answers.subarray(at, at + classes);
    const sum = own.reduce((all, p) => all + p, 0);
    if (!(Math.abs(sum - 1) <= SUM_TOLERANCE && own.every((p) => p >= 0)))
      return { row: at / classes, text: `${[...own].join(', ')}, whose sum is ${sum}` };
  }
  return null;
}
