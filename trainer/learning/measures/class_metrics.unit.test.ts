import { describe, expect, it } from 'vitest';
import { classMetrics, meanAndError } from './class_metrics.ts';
import { brier } from './metrics.ts';

describe('classMetrics', () => {
  it('has twice the Brier score of two classes, and their AUC on both sides', () => {
    const p = [0.9, 0.4, 0.6, 0.2, 0.7];
    const labels = [0, 1, 0, 1, 1];
    const metrics = classMetrics({ classes: 2, probabilities: p.flatMap((own) => [own, 1 - own]), labels });
    const ofZero = labels.map((label) => 1 - label);
    expect(metrics.brier).toBeCloseTo(2 * brier(p, ofZero), 12);
    expect(metrics.auc[0]).toBeCloseTo(5 / 6, 12);
    expect(metrics.auc[1]).toBeCloseTo(5 / 6, 12);
    expect(metrics.base_rate).toEqual([0.4, 0.6]);
    expect(metrics.rows).toBe(5);
    // The true classes have 0.9, 0.6, 0.6, 0.8 and 0.3: their product is 0.6⁵.
    expect(metrics.log_loss).toBeCloseTo(-Math.log(0.6), 12);
    expect(metrics.mean_probability[0]).toBeCloseTo(0.56, 12);
  });

  it('has no calibration error where probabilities equal frequencies, by class and on average', () => {
    const labels = Array.from({ length: 30 }, (_, row) => row % 3);
    const probabilities = labels.flatMap(() => [1 / 3, 1 / 3, 1 / 3]);
    expect(classMetrics({ classes: 3, probabilities, labels }).class_wise_ece).toBeCloseTo(0, 12);
    const wrong = labels.flatMap(() => [0.5, 0.3, 0.2]);
    const { ece, class_wise_ece } = classMetrics({ classes: 3, probabilities: wrong, labels });
    [0.5, 0.3, 0.2].forEach((own, k) => expect(ece[k]).toBeCloseTo(Math.abs(own - 1 / 3), 12));
    expect(class_wise_ece).toBeCloseTo((ece[0]! + ece[1]! + ece[2]!) / 3, 12);
  });

  it('has no AUC of a class that never occurs, and refuses empty input', () => {
    expect(classMetrics({ classes: 2, probabilities: [0.5, 0.5], labels: [0] }).auc).toEqual([null, null]);
    expect(() => classMetrics({ classes: 2, probabilities: [], labels: [] })).toThrow('no rows');
  });
});

describe('meanAndError', () => {
  it('is the mean with its standard error over the blocks that have a value', () => {
    expect(meanAndError([1, null, 3])).toEqual({ mean: 2, standard_error: 1 });
    // Squared distances 9, 1, 1 and 9 over 3, over 4 blocks.
    expect(meanAndError([1, 3, 5, 7])).toEqual({ mean: 4, standard_error: Math.sqrt(5 / 3) });
    expect(meanAndError([1])).toEqual({ mean: 1, standard_error: null });
    expect(meanAndError([null])).toEqual({ mean: null, standard_error: null });
  });
});
