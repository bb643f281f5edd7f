import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { bestF1Threshold, balancedWeights } from './confusion.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { checkQuality, qualityLimits, type QualityCase } from './quality_gate.ts';

const LIMITS = { min_samples: 2000, f1_floor: 0.6 };

/** Scores with `skill` standard deviations of signal on the label, whose positives are a share of all. */
function answers(seed: string, skill: number, share = 0.5, rows = 4000): QualityCase {
  const rng = createRng(seed);
  const labels = Float64Array.from({ length: rows }, () => (rng.uniform() < share ? 1 : 0));
  const scores = labels.map((label) => rng.normal() + skill * label);
  return { samples: 5000, scores, labels, threshold: skill / 2 };
}
const passed = (of: QualityCase, limits = LIMITS): Record<string, boolean> =>
  Object.fromEntries(checkQuality(of, limits).map((result) => [result.name, result.passed]));

describe('checkQuality', () => {
  it('accepts a model with skill and enough samples, however rare its positives are', () => {
    for (const share of [0.5, 0.1, 0.9])
      expect(Object.values(passed(answers('skill', 1.5, share)))).toEqual([true, true, true, true]);
  });

  it('refuses too few samples, exactly below the limit', () => {
    expect(passed({ ...answers('few', 1.5), samples: 1999 })['samples']).toBe(false);
    expect(passed({ ...answers('few', 1.5), samples: 2000 })['samples']).toBe(true);
  });

  it('refuses a coin flip, whatever its threshold', () => {
    const coin = answers('coin', 0);
    const best = bestF1Threshold(coin.scores, coin.labels, balancedWeights(coin.labels))!;
    expect(Object.values(passed({ ...coin, threshold: 0 }))).toEqual([true, false, false, false]);
    // Its best threshold predicts nearly all positive, with a slightly higher F1.
    expect(Object.values(passed({ ...coin, threshold: best }))).toEqual([true, true, true, false]);
  });

  it('refuses all positive and all negative, though all positive is above the floor', () => {
    const skilled = answers('yes', 1.5);
    expect(Object.values(passed({ ...skilled, threshold: -100 }))).toEqual([true, true, false, true]);
    expect(Object.values(passed({ ...skilled, threshold: 100 }))).toEqual([true, false, false, true]);
  });

  it('requires more with few effective rows', () => {
    const weak = answers('weak', 0.15);
    const uniqueness = new Float64Array(4000).fill(0.02);
    expect(passed(weak)['auc above noise']).toBe(true);
    expect(passed({ ...weak, uniqueness })['auc above noise']).toBe(false);
  });

  it('refuses rows of one class and empty input', () => {
    for (const rows of [3, 0]) {
      const one = {
        samples: 5000,
        scores: new Float64Array(rows).fill(1),
        labels: new Float64Array(rows).fill(1),
        threshold: 0,
      };
      expect(Object.values(passed(one))).toEqual([true, false, false, false]);
    }
  });

  it('refuses rows of one class even with floor 0, and accepts an F1 exactly at its floor', () => {
    const one = { samples: 5000, scores: [1, 1], labels: [1, 1], threshold: 0 };
    expect(passed(one, { min_samples: 0, f1_floor: 0 })['f1']).toBe(false);
    const perfect = { samples: 5000, scores: [0.1, 0.9], labels: [0, 1], threshold: 0.5 };
    expect(passed(perfect, { min_samples: 0, f1_floor: 1 })['f1']).toBe(true);
  });

  it('reads its limits from the retraining policy', () => {
    const settings = loadSettings({ env: {} });
    expect(qualityLimits(settings)).toEqual({
      min_samples: settings.retrain.quality_min_samples,
      f1_floor: settings.retrain.quality_f1_floor,
    });
  });

  it('reports what it saw and what it expected', () => {
    expect(checkQuality(answers('text', 1.5), LIMITS).map(({ limit }) => limit)).toEqual([
      'at least 2000',
      'at least 0.6',
      'above 0.6667',
      'above 0.5183, 2 standard errors of 4000 independent rows',
    ]);
    const four = { samples: 4, scores: [0.1, 0.6, 0.7, 0.9], labels: [0, 0, 1, 1], threshold: 0.65 };
    expect(checkQuality(four, LIMITS).map(({ name, seen, passed }) => [name, seen, passed])).toEqual([
      ['samples', '4', false],
      ['f1', '1.0000 above 0.6500, classes balanced', true],
      ['f1 above all-positive', '1.0000', true],
      ['auc above noise', '1.0000', false],
    ]);
    expect(checkQuality({ ...four, labels: [1, 1, 1, 1] }, LIMITS).map(({ seen }) => seen)).toEqual([
      '4',
      'none above 0.6500, classes balanced',
      'none',
      'none',
    ]);
  });
});
