import { describe, expect, it } from 'vitest';
import { auc, brier, expectedCalibrationError, logLoss } from './metrics.ts';
import { balancedF1, detailedMetrics, meanMetrics, modelMetrics } from './model_metrics.ts';

const SCORES = Float64Array.of(0.9, 0.2, 0.6, 0.4);
const BINARY = Float64Array.of(1, 0, 0, 1);

describe('modelMetrics', () => {
  it('has every measure for labels of 0 and 1', () => {
    expect(modelMetrics(SCORES, BINARY)).toEqual({
      rows: 4,
      label_mean: 0.5,
      auc: auc(SCORES, BINARY),
      brier: brier(SCORES, BINARY),
      brier_baseline: 0.25,
      log_loss: logLoss(SCORES, BINARY),
      ece: expectedCalibrationError(SCORES, BINARY),
    });
  });

  it('has no AUC and no calibration error for soft labels, and no AUC for one class', () => {
    expect(modelMetrics(SCORES, Float64Array.of(0.5, 0, 1, 1))).toMatchObject({
      auc: null,
      ece: null,
      label_mean: 0.625,
    });
    expect(modelMetrics(SCORES, Float64Array.of(1, 1, 1, 1))).toMatchObject({ auc: null, brier_baseline: 0 });
  });

  it('has nothing but a count without rows', () => {
    const none = { label_mean: null, auc: null, brier: null, brier_baseline: null, log_loss: null, ece: null };
    expect(modelMetrics(new Float64Array(), new Float64Array())).toEqual({ rows: 0, ...none });
    expect(meanMetrics([])).toEqual({ rows: 0, ...none });
  });
});

describe('balancedF1', () => {
  it('does not exist for rows of one class', () => {
    expect(balancedF1([0.9, 0.8], [1, 1], 0.5)).toBeNull();
    expect(balancedF1([0.9, 0.8], [0, 0], 0.5)).toBeNull();
    expect(balancedF1([0.9, 0.8], [1, 0], 0.85)).toBe(1);
  });
});

describe('meanMetrics', () => {
  it('is the mean of the folds that have the measure, over all their rows', () => {
    const whole = modelMetrics(SCORES, BINARY);
    const oneClass = modelMetrics(SCORES.subarray(0, 1), BINARY.subarray(0, 1));
    const mean = meanMetrics([whole, oneClass]);
    expect(mean.rows).toBe(5);
    expect(mean.auc).toBe(whole.auc);
    for (const name of ['label_mean', 'brier', 'brier_baseline', 'log_loss', 'ece'] as const)
      expect(mean[name], name).toBeCloseTo((whole[name]! + oneClass[name]!) / 2, 15);
  });
});

describe('detailedMetrics', () => {
  it('has F1 and accuracy of soft labels as those of labels drawn with them, and of hard ones as they are', () => {
    const hard = detailedMetrics(SCORES, BINARY);
    expect([hard.f1_expected, hard.accuracy_expected]).toEqual([hard.f1, hard.accuracy]);
    // Positive answers are rows 0 and 2: 0.75 + 0.25 true positives, 1 false one; 0.5 + 0 missed of rows 1 and 3.
    const soft = detailedMetrics(SCORES, Float64Array.of(0.75, 0.5, 0.25, 0));
    expect([soft.f1, soft.f1_expected, soft.accuracy_expected]).toEqual([null, 2 / (2 + 1 + 0.5), 2.5 / 4]);
  });
});
