import { describe, expect, it } from 'vitest';
import { auc, brier, expectedCalibrationError, logLoss } from './metrics.ts';
import { balancedF1, meanMetrics, modelMetrics } from './model_metrics.ts';

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
