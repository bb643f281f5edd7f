import { meanTest } from '../statistics/mean_test.ts';
import { likeliestClasses, type ClassAnswers } from '../measures/multiclass.ts';
import { QUALITY_LEVEL } from './quality_gate.ts';
import { labelSeconds, timeBlocks, type TimedRows } from '../statistics/time_blocks.ts';

/** F1 of the most probable class, and that of as many random answers of each class. */
export interface ClassF1 {
  /** Mean over the classes (macro average). */
  readonly f1: number;
  /** Each class against the rest, [classes]; a class that neither occurs nor is answered has 0, as in scikit-learn. */
  readonly f1_by_class: readonly number[];
  /** Macro average of a predictor that answers each class as often, at random. */
  readonly f1_chance: number;
  /** Lower bound of F1 − chance at `QUALITY_LEVEL`; null with too few periods. */
  readonly f1_gain_lower: number | null;
}

/**
 * The answer is the most probable class, the first of equal ones. A class that is a share r of the answers and a share
 * π of the labels has an F1 of 2·P(answer and label) / (r + π), and 2rπ / (r + π) by chance; what the model has above
 * it is the mean of 2(answer − r)(label − π) / (r + π), averaged over the classes and tested over periods of the length
 * of a label, with the rows of all instruments together.
 * @param times of the rows of `answers`
 * @throws RangeError without rows
 */
export function classF1({ classes, probabilities, labels }: ClassAnswers, times: TimedRows): ClassF1 {
  const rows = labels.length;
  if (rows === 0) throw new RangeError('no rows');
  const answer = likeliestClasses(probabilities, classes);
  const share = (isMet: (row: number) => boolean): number => {
    let count = 0;
    for (let row = 0; row < rows; row++) if (isMet(row)) count++;
    return count / rows;
  };
  const each = Array.from({ length: classes }, (_, k) => {
    const answered = share((row) => answer[row] === k);
    const observed = share((row) => labels[row] === k);
    const hit = share((row) => answer[row] === k && labels[row] === k);
    return { k, answered, observed, hit, both: answered + observed };
  }).map((own) => ({ ...own, scale: own.both === 0 ? 0 : 2 / own.both }));
  const gainOf = (row: number): number =>
    each.reduce((sum, { k, answered, observed, scale }) => {
      const ofAnswer = (answer[row] === k ? 1 : 0) - answered;
      const ofLabel = (labels[row] === k ? 1 : 0) - observed;
      return sum + scale * ofAnswer * ofLabel;
    }, 0) / classes;
  const test = meanTest(timeBlocks(times.time, labelSeconds(times), gainOf));
  return {
    f1: each.reduce((sum, { scale, hit }) => sum + scale * hit, 0) / classes,
    f1_by_class: each.map(({ scale, hit }) => scale * hit),
    f1_chance: each.reduce((sum, { scale, answered, observed }) => sum + scale * answered * observed, 0) / classes,
    f1_gain_lower: test === null ? null : test.lowerBound(QUALITY_LEVEL),
  };
}
