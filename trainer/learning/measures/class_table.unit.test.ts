import { describe, expect, it } from 'vitest';
import { classShares, classTable } from './class_table.ts';

/** Probabilities that make these classes the most probable ones. */
function answersOf(classes: number, answered: readonly number[]): Float64Array {
  const all = new Float64Array(answered.length * classes).fill(0.4 / (classes - 1));
  answered.forEach((k, row) => (all[row * classes + k] = 0.6));
  return all;
}

describe('classTable', () => {
  it('agrees with figures of scikit-learn 1.9 (confusion_matrix, precision_recall_fscore_support, macro)', () => {
    const labels = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2];
    const answered = [0, 0, 1, 2, 1, 1, 0, 2, 2, 2, 0, 2];
    const table = classTable({ classes: 3, probabilities: answersOf(3, answered), labels });
    expect(table.confusion).toEqual([
      [2, 1, 1],
      [1, 2, 0],
      [1, 0, 4],
    ]);
    expect(table.accuracy).toBeCloseTo(8 / 12, 12);
    expect(table.balanced_accuracy).toBeCloseTo((2 / 4 + 2 / 3 + 4 / 5) / 3, 12);
    expect(table.precision).toEqual([2 / 4, 2 / 3, 4 / 5]);
    expect(table.recall).toEqual([2 / 4, 2 / 3, 4 / 5]);
    expect(table.macro_f1).toBeCloseTo(0.6555555555555556, 12);
    expect(table.class_shares).toEqual([4 / 12, 3 / 12, 5 / 12]);
    expect(table.answer_shares).toEqual([4 / 12, 3 / 12, 5 / 12]);
  });

  it('leaves out a class that neither occurs nor is answered, and counts one that is never answered as 0', () => {
    const never = classTable({ classes: 3, probabilities: answersOf(3, [0, 0, 0, 0]), labels: [0, 0, 1, 1] });
    expect(never).toMatchObject({
      precision: [0.5, null, null],
      recall: [1, 0, null],
      balanced_accuracy: 0.5,
      macro_precision: 0.25,
      macro_recall: 0.5,
    });
    expect(never.macro_f1).toBeCloseTo((2 / 3 + 0) / 2, 12);
    // A class that only the model names takes part in the means, but not in the balanced accuracy.
    const named = classTable({ classes: 3, probabilities: answersOf(3, [0, 2, 0, 1]), labels: [0, 0, 1, 1] });
    expect(named.balanced_accuracy).toBe(0.5);
    expect(named.macro_recall).toBeCloseTo(1 / 3, 12);
  });

  it('refuses labels that are no class, and no rows', () => {
    expect(() => classTable({ classes: 2, probabilities: answersOf(2, [0]), labels: [2] })).toThrow(/label 2 of row 0/);
    expect(() => classTable({ classes: 2, probabilities: [], labels: [] })).toThrow(RangeError);
  });

  it('has shares of labels alone', () => {
    expect(classShares([0, 2, 2, 2], 3)).toEqual([0.25, 0, 0.75]);
    expect(classShares([], 3)).toEqual([0, 0, 0]);
  });
});
